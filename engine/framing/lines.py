"""Records that end with a line feed; records of several lines; records that say their length."""

from collections.abc import Callable, Iterable
from datetime import tzinfo
from typing import Any

from engine.framing import traces, wide
from engine.framing.counted import COUNT_DIGITS, is_counted
from engine.framing.starts import Starts, is_known, is_whole
from engine.model import Chunk, Frame, LogFormat

_MAX_JOINED_LINES = 500


class _Stream:
    __slots__ = (
        "begun",
        "codec",
        "counted",
        "data",
        "format",
        "offset",
        "peer",
        "received",
        "record",
        "record_at",
        "record_bytes",
        "skipping",
        "touched",
    )

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
        self.record_bytes = 0
        self.begun = False  # its first line has come
        self.format: LogFormat | None = None  # of the record that is still open, where nobody has named one
        self.codec: wide.Codec | None = None


class Lines:
    """One record a line; CR before the LF does not belong to it; empty lines are none. UTF-16 becomes UTF-8.

    With ``starts`` a record goes on until a line that starts the next one, at most 500 lines and ``max_bytes``;
    without, a line that starts a record of several lines of one of the formats ``joining`` takes the lines below it
    that none of them would start with. With ``wraps`` lines around records are dropped. With ``traces`` the lines of a
    stack trace belong to the record before them. With ``counting`` a stream that begins with ``MSG-LEN SP <`` is
    read by octet counting (RFC 6587, 3.4.1). A record longer than ``max_bytes`` is cut there and marked
    ``truncated``; the rest of it is dropped and counted.
    """

    def __init__(
        self,
        *,
        max_bytes: int,
        zone: tzinfo | None = None,
        format: str | None = None,
        starts: Callable[[bytes], bool] | None = None,
        ends: Callable[[bytes], bool] | None = None,
        wraps: Callable[[bytes], bool] | None = None,
        joining: Iterable[LogFormat] = (),
        traces: bool = False,
        counting: bool = False,
    ) -> None:
        self._max = max_bytes
        self._zone = zone
        self._format = format
        self._starts = starts
        self._ends = ends
        self._joining = Starts(list(joining))
        self._wraps = self._joining.wraps if wraps is None else [wraps]
        self._traces = traces and starts is None
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
            stream.counted = is_counted(data)
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
        if (
            stream.codec is not None
            or (not stream.begun and b"\0" in data[:4])
            or data[:2] in (b"\xff\xfe", b"\xfe\xff")
        ):
            if stream.codec is None:
                stream.codec = wide.codec(data, start=stream.offset == 0)
            if stream.codec is not None:
                self._wide_lines(chunk, stream, stream.codec, data, out)
                return
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
        if self._traces and out and not stream.record and not chunk.end and traces.promises(out[-1].payload):
            self._take_back(stream, out)

    def _wide_lines(self, chunk: Chunk, stream: _Stream, by: wide.Codec, data: bytes, out: list[Frame]) -> None:
        whole = wide.whole_lines(data, by)
        if whole == 0 and len(data) > 2 * self._max:
            whole = len(data) & ~1
        offset = stream.offset
        for line, length in wide.lines(data[:whole], by):
            self._line(chunk.source, chunk.stream, stream, line, offset, offset + length, out)
            offset += length
        if offset < stream.offset + whole:  # a line beyond the bound
            long = wide.narrow(data[offset - stream.offset : whole], by)
            self._line(chunk.source, chunk.stream, stream, long, offset, stream.offset + whole, out)
        stream.data, stream.offset = data[whole:], stream.offset + whole

    def _line(
        self, source: str, name: str, stream: _Stream, line: bytes, at: int, behind: int, out: list[Frame]
    ) -> None:
        if line.endswith(b"\r"):
            line = line[:-1]
        if line[-1:] == b">" and any(wraps(line) for wraps in self._wraps) and not self._is_headed(stream):
            if stream.record:
                self._give(source, name, stream, at, out)
            return
        if line:
            stream.begun = True
        if self._starts is not None:
            own = self._starts(line) and not self._is_inside_heading(stream, line)
            if stream.record and (own or self._is_full(stream, line)):
                self._give(source, name, stream, at, out)
            if line or stream.record:
                self._keep(stream, line, at)
                if self._ends is not None and self._ends(line):
                    self._give(source, name, stream, behind, out)
            return
        if not line and stream.format is None:
            return
        if stream.format is not None:
            pending = stream.format
            own = self._joining.begins(line, pending) and not self._is_inside_heading(stream, line)
            if own or self._is_full(stream, line):
                self._give(source, name, stream, at, out)
            if not own:
                self._keep(stream, line, at)
                stream.format = pending
                if pending.ends_record is not None and pending.ends_record(line):
                    self._give(source, name, stream, behind, out)
                return
        elif stream.record or (self._traces and line[:1] in traces.FIRST_BYTES and out):
            if self._goes_on(stream, line, out) and not self._is_full(stream, line):
                if not stream.record:
                    self._take_back(stream, out)
                self._keep(stream, line, at)
                return
            if stream.record:
                self._give(source, name, stream, at, out)
        several = self._joining.of_several(line)
        if several is None or (several.ends_record is not None and several.ends_record(line)):
            out.append(self._frame(source, name, stream, line, at, behind))
        else:
            stream.format = several
            self._keep(stream, line, at)

    def _goes_on(self, stream: _Stream, line: bytes, out: list[Frame]) -> bool:
        """Whether this is a line of the stack trace of the record before it."""
        if not traces.continues(line, len(stream.record) > 1) or self._joining.of_several(line) is not None:
            return False
        return bool(stream.record) or not is_whole(out[-1].payload)

    def _is_headed(self, stream: _Stream) -> bool:
        """Whether all that has come of an unfinished record is a heading in lines of its own (``Record 1``)."""
        if not 1 <= len(stream.record) <= 2 or is_known(stream.record[0]):
            return False
        if stream.format is not None:
            return stream.format.ends_record is not None
        return self._starts is not None and self._ends is not None and self._starts(stream.record[0])

    def _is_inside_heading(self, stream: _Stream, line: bytes) -> bool:
        return line[:1] in b"<{" and not line[1:2].isdigit() and self._is_headed(stream)

    def _is_full(self, stream: _Stream, line: bytes) -> bool:
        return len(stream.record) >= _MAX_JOINED_LINES or stream.record_bytes + len(line) > self._max

    def _keep(self, stream: _Stream, line: bytes, at: int) -> None:
        if not stream.record:
            stream.record_at, stream.record_bytes = at, 0
        stream.record.append(line)
        stream.record_bytes += len(line) + 1

    def _take_back(self, stream: _Stream, out: list[Frame]) -> None:
        """The last record may go on."""
        if not out[-1].truncated:
            last = out.pop()
            self._keep(stream, last.payload, last.sequence)

    def _give(self, source: str, name: str, stream: _Stream, behind: int, out: list[Frame]) -> None:
        record, stream.record = b"\n".join(stream.record).rstrip(b"\n"), []
        stream.format = None
        out.append(self._frame(source, name, stream, record, stream.record_at, behind))

    def _counted(self, chunk: Chunk, stream: _Stream, data: bytes, out: list[Frame]) -> None:
        at = 0
        while at < len(data):
            space = data.find(b" ", at, at + COUNT_DIGITS + 1)
            digits = data[at:space]
            if space < 0 or not digits.isdigit():
                if space < 0 and len(data) - at <= COUNT_DIGITS and data[at:].isdigit():
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
        # positional: a struct's keywords cost more than the struct
        frame = Frame(record, source, name, stream.received, at, behind, stream.peer, self._zone, self._format)
        if truncated:
            frame.truncated = True
        return frame

    def _rest(self, source: str, name: str) -> list[Frame]:
        stream = self._streams.pop(name)
        out: list[Frame] = []
        behind = stream.offset + len(stream.data)
        if stream.data and not stream.skipping and not stream.counted:
            data = stream.data if stream.codec is None else wide.narrow(stream.data, stream.codec)
            self._line(source, name, stream, data, stream.offset, behind, out)
        elif stream.data and stream.counted:
            _, _, record = stream.data.partition(b" ")
            self.stats["half_lines"] += 1
            if record:
                out.append(self._frame(source, name, stream, record, stream.offset, behind))
        if stream.record:
            self._give(source, name, stream, behind, out)
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
                self._give(source, name, stream, stream.offset, out)
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
            [
                name,
                s.data,
                s.offset,
                s.skipping,
                s.counted,
                s.peer,
                s.received,
                s.record,
                s.record_at,
                s.codec,
                None if s.format is None else s.format.id,
                s.begun,
            ]
            for name, s in self._streams.items()
        ]

    def restore(self, state: list[list[Any]]) -> None:
        for name, data, offset, skipping, counted, peer, received, record, record_at, *more in state:
            stream = self._streams[name] = _Stream()
            stream.data, stream.offset, stream.skipping, stream.counted = data, offset, skipping, counted
            stream.peer, stream.received, stream.record, stream.record_at = peer, received, list(record), record_at
            stream.record_bytes = sum(len(line) + 1 for line in stream.record)
            if more:
                stream.codec, known, begun = more
                stream.begun = bool(begun)
                stream.format = self._joining.by_id.get(known) if stream.record else None


class Records:
    """One record a chunk: a datagram, a message of a broker. A line feed or NUL at its end does not belong to it."""

    def __init__(self, *, max_bytes: int, zone: tzinfo | None = None, format: str | None = None) -> None:
        self._max = max_bytes
        self._zone = zone
        self._format = format
        self.stats = {"frames": 0, "truncated": 0}

    def feed(self, chunk: Chunk) -> list[Frame]:
        payload = chunk.payload
        codec = wide.codec(payload) if b"\0" in payload[:4] or payload[:1] in (b"\xff", b"\xfe") else None
        record = (payload if codec is None else wide.narrow(payload, codec)).rstrip(b"\r\n\x00")
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
