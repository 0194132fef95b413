"""Records that end with a line feed; records of several lines; records that say their length."""

from collections.abc import Callable
from datetime import tzinfo
from typing import Any

from engine.model import Chunk, Frame

_MAX_JOINED_LINES = 500
_COUNT_DIGITS = 9


class _Stream:
    __slots__ = ("counted", "data", "offset", "peer", "received", "record", "record_at", "skipping", "touched")

    def __init__(self) -> None:
        self.data = b""
        self.offset = 0  # of data[0] in the stream
        self.skipping = False  # inside a line that was too long
        self.counted: bool | None = None
        self.peer: str | None = None
        self.received = 0
        self.touched = 0
        self.record: list[bytes] = []
        self.record_at = 0


class Lines:
    """One record a line; CR before the LF does not belong to it; empty lines are none.

    With ``starts`` a record goes on until a line that starts the next one, at most 500 lines. With ``counting`` a
    stream
    that begins with ``MSG-LEN SP <`` is read by octet counting (RFC 6587, 3.4.1). A record longer than ``max_bytes`` is
    cut there and marked ``truncated``; the rest of it is dropped and counted.
    """

    def __init__(
        self,
        *,
        max_bytes: int,
        zone: tzinfo | None = None,
        format: str | None = None,
        starts: Callable[[bytes], bool] | None = None,
        counting: bool = False,
    ) -> None:
        self._max = max_bytes
        self._zone = zone
        self._format = format
        self._starts = starts
        self._counting = counting
        self._streams: dict[str, _Stream] = {}
        self.stats = {"frames": 0, "truncated": 0, "half_lines": 0}

    def feed(self, chunk: Chunk) -> list[Frame]:
        stream = self._streams.get(chunk.stream)
        if stream is None:
            stream = self._streams[chunk.stream] = _Stream()
            stream.offset = chunk.offset
        stream.peer, stream.received = chunk.peer, chunk.received
        stream.touched = chunk.received
        data = stream.data + chunk.payload if stream.data else chunk.payload
        out: list[Frame] = []
        if self._counting and stream.counted is None and data:
            stream.counted = _is_counted(data)
            if stream.counted is None and not chunk.end:
                stream.data = data
                return out
        if stream.counted:
            self._counted(chunk, stream, data, out)
        else:
            self._lines(chunk, stream, data, out)
        if chunk.end:
            out += self._rest(chunk.source, chunk.stream)
        self.stats["frames"] += len(out)
        return out

    def _lines(self, chunk: Chunk, stream: _Stream, data: bytes, out: list[Frame]) -> None:
        lines = data.split(b"\n")
        rest = lines.pop()
        offset = stream.offset
        for line in lines:
            behind = offset + len(line) + 1
            if stream.skipping:
                stream.skipping = False
            else:
                self._line(chunk.source, chunk.stream, stream, line, offset, behind, out)
            offset = behind
        if stream.skipping:
            offset += len(rest)
            rest = b""
        elif len(rest) > self._max:
            self._line(chunk.source, chunk.stream, stream, rest, offset, offset + len(rest), out)
            offset += len(rest)
            rest, stream.skipping = b"", True
        stream.data, stream.offset = rest, offset

    def _line(
        self, source: str, name: str, stream: _Stream, line: bytes, at: int, behind: int, out: list[Frame]
    ) -> None:
        if line.endswith(b"\r"):
            line = line[:-1]
        if self._starts is not None:
            if stream.record and (len(stream.record) >= _MAX_JOINED_LINES or self._starts(line)):
                out.append(self._frame(source, name, stream, b"\n".join(stream.record), stream.record_at, at))
                stream.record = []
            if not stream.record:
                stream.record_at = at
            if line or stream.record:
                stream.record.append(line)
            return
        if line:
            out.append(self._frame(source, name, stream, line, at, behind))

    def _counted(self, chunk: Chunk, stream: _Stream, data: bytes, out: list[Frame]) -> None:
        at = 0
        while at < len(data):
            space = data.find(b" ", at, at + _COUNT_DIGITS + 1)
            digits = data[at:space]
            if space < 0 or not digits.isdigit():
                if space < 0 and len(data) - at <= _COUNT_DIGITS and data[at:].isdigit():
                    break
                if data[at : at + 1] in b"\r\n":  # a sender that counts and ends lines as well
                    at += 1
                    continue
                stream.counted = False  # out of step: the rest of the connection is read by lines
                stream.offset += at
                self._lines(chunk, stream, data[at:], out)
                return
            length = int(digits)
            start = space + 1
            if len(data) - start < length:
                if length <= self._max:
                    break
                if len(data) - start <= self._max:
                    break
                out.append(self._frame(chunk.source, chunk.stream, stream, data[start:], stream.offset + at, 0))
                stream.counted, stream.skipping = False, True  # the length cannot be believed any more
                stream.offset += len(data)
                stream.data = b""
                return
            record = data[start : start + length].rstrip(b"\r\n")
            if record:
                behind = stream.offset + start + length
                out.append(self._frame(chunk.source, chunk.stream, stream, record, stream.offset + at, behind))
            at = start + length
        stream.offset += at
        stream.data = data[at:]

    def _frame(self, source: str, name: str, stream: _Stream, record: bytes, at: int, behind: int) -> Frame:
        truncated = len(record) > self._max
        if truncated:
            record = record[: self._max]
            self.stats["truncated"] += 1
        return Frame(
            payload=record,
            source=source,
            stream=name,
            received=stream.received,
            sequence=at,
            position=behind,
            peer=stream.peer,
            zone=self._zone,
            format=self._format,
            truncated=truncated,
        )

    def _rest(self, source: str, name: str) -> list[Frame]:
        stream = self._streams.pop(name)
        out: list[Frame] = []
        behind = stream.offset + len(stream.data)
        if stream.data and not stream.skipping and not stream.counted:
            self._line(source, name, stream, stream.data, stream.offset, behind, out)
        elif stream.data and stream.counted:
            _, _, record = stream.data.partition(b" ")
            self.stats["half_lines"] += 1
            if record:
                out.append(self._frame(source, name, stream, record, stream.offset, behind))
        if stream.record:
            out.append(self._frame(source, name, stream, b"\n".join(stream.record), stream.record_at, behind))
        return out

    def finish(self, source: str) -> list[Frame]:
        """Every stream has ended: what is left of them."""
        out = [frame for name in list(self._streams) for frame in self._rest(source, name)]
        self.stats["frames"] += len(out)
        return out

    def expire(self, source: str, now: int, idle_ns: int) -> list[Frame]:
        """Gives out the joined records that no further line has reached for ``idle_ns``."""
        out: list[Frame] = []
        for name, stream in self._streams.items():
            if stream.record and now - stream.touched >= idle_ns:
                record, stream.record = b"\n".join(stream.record), []
                out.append(self._frame(source, name, stream, record, stream.record_at, stream.offset))
        self.stats["frames"] += len(out)
        return out

    def position(self, stream: str) -> int | None:
        """The offset behind the last record that was given out: reading goes on there. None: nothing is left of it."""
        state = self._streams.get(stream)
        if state is None:
            return None
        return state.record_at if state.record else state.offset

    def snapshot(self) -> list[list[object]]:
        """The half lines of every stream."""
        return [
            [name, s.data, s.offset, s.skipping, s.counted, s.peer, s.received, s.record, s.record_at]
            for name, s in self._streams.items()
        ]

    def restore(self, state: list[list[Any]]) -> None:
        for name, data, offset, skipping, counted, peer, received, record, record_at in state:
            stream = self._streams[name] = _Stream()
            stream.data, stream.offset, stream.skipping, stream.counted = data, offset, skipping, counted
            stream.peer, stream.received, stream.record, stream.record_at = peer, received, list(record), record_at


class Records:
    """One record a chunk: a datagram, a message of a broker. A line feed or NUL at its end does not belong to it."""

    def __init__(self, *, max_bytes: int, zone: tzinfo | None = None, format: str | None = None) -> None:
        self._max = max_bytes
        self._zone = zone
        self._format = format
        self.stats = {"frames": 0, "truncated": 0}

    def feed(self, chunk: Chunk) -> list[Frame]:
        record = chunk.payload.rstrip(b"\r\n\x00")
        if not record:
            return []
        truncated = len(record) > self._max
        if truncated:
            record = record[: self._max]
            self.stats["truncated"] += 1
        self.stats["frames"] += 1
        return [
            Frame(
                payload=record,
                source=chunk.source,
                stream=chunk.stream,
                received=chunk.received,
                sequence=chunk.offset,
                position=chunk.offset + 1,
                peer=chunk.peer,
                zone=self._zone,
                format=self._format,
                truncated=truncated,
            )
        ]


def _is_counted(data: bytes) -> bool | None:
    """Whether a connection counts octets; None while its first bytes do not tell.

    >>> _is_counted(b"83 <34>1 "), _is_counted(b"<34>Oct 11"), _is_counted(b"8"), _is_counted(b"123: *Mar  1")
    (True, False, None, False)
    """
    digits = 0
    while digits < len(data) and digits <= _COUNT_DIGITS and data[digits : digits + 1].isdigit():
        digits += 1
    if digits == 0 or digits > _COUNT_DIGITS or data[:1] == b"0":
        return False
    if digits == len(data):
        return None
    if data[digits : digits + 1] != b" ":
        return False
    if len(data) == digits + 1:
        return None
    return data[digits + 1 : digits + 2] == b"<"
