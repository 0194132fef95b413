"""The framing of one source: a capture by its first bytes, else lines; datagrams and messages where told."""

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from engine.framing.capture import Capture, is_capture
from engine.framing.lines import Lines, Records
from engine.model import Chunk, Frame, LogFormat

FILE_RECORD_BYTES = 16 * 1024 * 1024


class Framing:
    """Bytes of one source → frames: a capture by its first bytes, else lines; datagrams and messages where told."""

    def __init__(
        self,
        formats: Mapping[str, LogFormat],
        *,
        kind: str = "lines",
        format: str | None = None,
        zone: tzinfo | None = None,
        max_bytes: int = FILE_RECORD_BYTES,
    ) -> None:
        self._formats = formats
        self._kind = kind
        self._format = format
        self._lines = Lines(
            max_bytes=max_bytes,
            zone=zone,
            format=format,
            starts=formats[format].starts_record if format is not None else None,
            counting=kind == "syslog",
        )
        self._records = Records(max_bytes=max_bytes, zone=zone, format=format)
        self._captures: dict[str, Capture] = {}
        self._sniffing: dict[str, Chunk] = {}
        self._known: set[str] = set()
        self._ended: dict[str, int] = {}
        self.problems: list[str] = []  # what was wrong with captures that have ended

    def feed(self, chunk: Chunk) -> list[Frame]:
        if self._kind == "records":
            return self._records.feed(chunk)
        if self._kind == "syslog" or (chunk.stream in self._known and chunk.stream not in self._captures):
            return self._line(chunk)
        if chunk.stream not in self._known:
            before = self._sniffing.pop(chunk.stream, None)
            if before is not None:
                chunk = Chunk(
                    before.payload + chunk.payload,
                    chunk.source,
                    chunk.stream,
                    chunk.received,
                    before.offset,
                    chunk.peer,
                    chunk.end,
                )
            if len(chunk.payload) < 4 and not chunk.end:
                self._sniffing[chunk.stream] = chunk
                return []
            self._known.add(chunk.stream)
            if is_capture(chunk.payload) and chunk.offset == 0:
                self._captures[chunk.stream] = Capture(list(self._formats.values()))
        capture = self._captures.get(chunk.stream)
        if capture is None:
            return self._line(chunk)
        out = capture.feed(chunk)
        if chunk.end:
            out += capture.close()
            self.problems += [f"{chunk.stream}: {problem}" for problem in capture.problems]
            for name, count in capture.stats.items():
                self._ended[name] = self._ended.get(name, 0) + count
            del self._captures[chunk.stream]
            self._known.discard(chunk.stream)
        return out

    def _line(self, chunk: Chunk) -> list[Frame]:
        if chunk.end:
            self._known.discard(chunk.stream)
        return self._lines.feed(chunk)

    def position(self, chunk: Chunk) -> int | None:
        """Where the chunk's stream is to be read on from after a restart; None: from its start (a capture)."""
        if chunk.stream in self._captures or chunk.stream in self._sniffing:
            return None
        if self._kind == "records":
            return chunk.offset + 1
        at = self._lines.position(chunk.stream)
        return chunk.offset + len(chunk.payload) if at is None else at

    def snapshot(self) -> Any:
        return self._lines.snapshot()

    def restore(self, state: Any) -> None:
        self._lines.restore(state)
        self._known = {str(stream[0]) for stream in state}

    def expire(self, source: str, now: int, idle_ns: int) -> list[Frame]:
        """Joined records and conversations that no further bytes have reached."""
        out = self._lines.expire(source, now, idle_ns)
        for capture in self._captures.values():
            out += capture.expire(now)
        return out

    @property
    def stats(self) -> dict[str, int]:
        total = dict(self._ended)
        for part in (self._lines.stats, self._records.stats, *(c.stats for c in self._captures.values())):
            for name, count in part.items():
                total[name] = total.get(name, 0) + count
        return total
