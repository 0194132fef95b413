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
            ends=formats[format].ends_record if format is not None else None,
            wraps=formats[format].wraps if format is not None else None,
            joining=formats.values() if format is None and kind == "lines" else (),
            traces=kind == "lines",
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
        if chunk.offset == 0 and chunk.payload and chunk.stream in self._known:
            return self.finish(chunk.source) + self.feed(chunk)  # a pipe or a live capture anew, after a crash
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
            out += self._close(chunk.stream)
        return out

    def _close(self, stream: str) -> list[Frame]:
        capture = self._captures.pop(stream)
        self._known.discard(stream)
        out = capture.close()
        self.problems += capture.problems
        for name, count in capture.stats.items():
            self._ended[name] = self._ended.get(name, 0) + count
        return out

    def _line(self, chunk: Chunk) -> list[Frame]:
        if chunk.end:
            self._known.discard(chunk.stream)
        return self._lines.feed(chunk)

    def position(self, chunk: Chunk) -> int | None:
        """Where the chunk's stream is to be read on from after a restart; None: from its start."""
        capture = self._captures.get(chunk.stream)
        if capture is not None:
            return capture.positions().get((chunk.source, chunk.stream))
        if chunk.stream in self._sniffing:
            return None
        if self._kind == "records":
            return chunk.offset + 1
        at = self._lines.position(chunk.stream)
        return chunk.offset + len(chunk.payload) if at is None else at

    def snapshot(self, *, half_lines: bool = True) -> Any:
        """``half_lines=False``: the source reads on at ``position``, and delivers them again."""
        captures = {stream: capture.snapshot() for stream, capture in self._captures.items()}
        return {"lines": self._lines.snapshot() if half_lines else [], "captures": captures}

    def restore(self, state: Any) -> None:
        self._lines.restore(state["lines"])
        self._known = {str(stream[0]) for stream in state["lines"]}
        for stream, inner in state["captures"].items():
            capture = self._captures[stream] = Capture(list(self._formats.values()))
            capture.restore(inner)
            self._known.add(stream)

    def finish(self, source: str) -> list[Frame]:
        """Whoever fed the streams is gone: what is left of them."""
        out = self._lines.finish(source)
        for stream in list(self._captures):
            out += self._close(stream)
        self._sniffing.clear()
        self._known.clear()
        return out

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
