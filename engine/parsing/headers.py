"""Header lines by which the lines of a stream below them are read: names of columns, separators."""

from collections import OrderedDict
from collections.abc import Iterable, Sized
from typing import Any

from engine.model import Frame, LogFormat

_MOST_STREAMS, _MOST_LINES, _LONGEST = 20_000, 16, 65_536

_Key = tuple[str, str]


class Headers:
    """The header that stands above each stream: for each first word its last line, and the format they belong to.

    ``standing`` is empty where no stream has one.
    """

    def __init__(self, formats: Iterable[LogFormat]) -> None:
        self._formats = {one.id: one for one in formats if one.heads is not None}
        self._headings = [one for one in self._formats.values() if one.heading is not None]
        self._starts = frozenset(start for one in self._formats.values() for start in one.heads or ())
        self._above: OrderedDict[_Key, tuple[LogFormat, dict[bytes, bytes], tuple[bytes, ...]]] = OrderedDict()
        self.standing: Sized = self._above

    def takes(self, frame: Frame) -> bool:
        """Whether this is a header line: it is kept for its stream, and is no record."""
        line = frame.payload.removeprefix(b"\xef\xbb\xbf")
        if len(line) > _LONGEST or not (words := line.split(None, 1)):
            return False
        word = words[0]
        log_format: LogFormat | None = None
        if word in self._starts:
            log_format = next(
                (one for one in self._formats.values() if word in (one.heads or ()) and frame.format in (None, one.id)),
                None,
            )
        elif frame.sequence == 0:
            log_format = next((one for one in self._headings if self._heads(one, line, frame)), None)
            word = b""
        if log_format is None:
            return False
        key = (frame.source, frame.stream)
        known = self._above.pop(key, None)
        lines = {} if known is None or known[0] is not log_format else known[1]
        if word in lines or len(lines) < _MOST_LINES:
            lines[word] = line.rstrip(b"\r\n")
        self._above[key] = (log_format, lines, tuple(lines.values()))
        if len(self._above) > _MOST_STREAMS:
            self._above.popitem(last=False)
        return True

    @staticmethod
    def _heads(one: LogFormat, line: bytes, frame: Frame) -> bool:
        """Whether a stream's first line names the columns of this format."""
        named = frame.format == one.id
        return (named or frame.format is None) and one.heading is not None and one.heading(line, named)

    def above(self, frame: Frame) -> LogFormat | None:
        """The format of the header above this line, which ``frame.header`` then holds."""
        found = self._above.get((frame.source, frame.stream))
        if found is None or frame.format not in (None, found[0].id):
            return None
        frame.header = found[2]
        return found[0]

    def forget(self, source: str) -> None:
        for key in [key for key in self._above if key[0] == source]:
            del self._above[key]

    def snapshot(self) -> Any:
        return [[source, stream, one.id, list(lines)] for (source, stream), (one, _, lines) in self._above.items()]

    def restore(self, state: Any) -> None:
        for source, stream, name, lines in state:
            if name in self._formats:
                for line in lines:
                    self.takes(Frame(bytes(line), source, stream=stream, format=name))  # sequence 0: a first line too

    @property
    def starts(self) -> frozenset[bytes]:
        """The first words of header lines, of all formats."""
        return self._starts
