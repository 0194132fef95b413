"""What could not be used, kept whole with the reason: records that no format takes, documents that a sink refuses."""

import logging
import os
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import orjson

from engine.model import DeadLetter
from engine.model.times import rfc3339
from engine.sinks.documents import encoded
from engine.sinks.sink import Refused, SinkError
from engine.telemetry import Telemetry

_LOG = logging.getLogger("tieline.sinks")
_DAY_S = 86_400
_BUFFER_BYTES = 256 * 1024


class DeadLetters:
    """NDJSON in ``path`` (0600); full files become ``path.1``, ``path.2`` …, at most ``files`` of them, each kept for
    ``retention_days``. A letter is at least once in it: after a crash those since the checkpoint come again.

    It never stops the stages: on a full disk letters are given up, and counted.
    """

    def __init__(
        self, path: Path, *, max_bytes: int = 64 * 1024 * 1024, files: int = 8, retention_days: int = 30
    ) -> None:
        self.stats = {"record": 0, "document": 0}
        self.lost = {"disk": 0, "retention": 0}
        self._path = path
        self._max_bytes = max_bytes
        self._files = files
        self._retention_s = retention_days * _DAY_S
        self._lock = threading.Lock()
        self._file: int | None = None
        self._length = 0
        self._buffer: list[bytes] = []
        self._buffered = 0
        self._complained = False

    def start(self) -> None:
        try:
            self._open()
            self._forget()
        except OSError as error:
            raise SinkError(f"dead letters: {self._path}: {error.strerror}; name a file that can be written") from None

    def write(self, letters: Iterable[DeadLetter]) -> None:
        """Records that no format takes; on disk after ``flush``."""
        self._add("record", [self._line(letter.document(), letter.received) for letter in letters])

    def refused(self, sink: str, documents: Sequence[Refused]) -> None:
        """Documents that a sink refuses; on disk when it returns."""
        lines = []
        for document in documents:
            letter = {
                "event.kind": "pipeline_error",
                "error.message": f"sink {sink}: {document.reason}",
                "event.original": encoded(document.alert.document).decode(),
                "tieline.sink": sink,
                "tieline.alert": document.alert.key,
            }
            lines.append(self._line(letter, time.time_ns()))
        self._add("document", lines)
        self.flush()

    def flush(self) -> None:
        """Everything given so far is durable (or counted as lost) when this returns."""
        with self._lock:
            self._write_out()
            if self._file is not None:
                try:
                    os.fsync(self._file)
                except OSError as error:
                    self._complain(error)

    def close(self) -> None:
        self.flush()
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def publish(self, telemetry: Telemetry) -> None:
        telemetry.register("tieline_dead_letters_total", lambda: {(kind,): count for kind, count in self.stats.items()})
        telemetry.register(
            "tieline_dead_letters_lost_total", lambda: {(why,): count for why, count in self.lost.items()}
        )

    @staticmethod
    def _line(document: dict[str, Any], received: int) -> bytes:
        return encoded({"event.ingested": rfc3339(received), **document}, option=orjson.OPT_APPEND_NEWLINE)

    def _add(self, kind: str, lines: list[bytes]) -> None:
        if not lines:
            return
        with self._lock:
            self.stats[kind] += len(lines)
            self._buffer += lines
            self._buffered += sum(map(len, lines))
            if self._buffered >= _BUFFER_BYTES:
                self._write_out()

    def _write_out(self) -> None:
        """Whole lines only: a line that did not fit on the disk is taken back."""
        lines, self._buffer, self._buffered = self._buffer, [], 0
        written = 0
        try:
            while written < len(lines):
                if self._file is None:
                    self._open()
                piece = self._fitting(lines, written)
                if not piece:
                    self._rotate()
                    continue
                self._append(b"".join(piece))
                written += len(piece)
        except OSError as error:
            self.lost["disk"] += len(lines) - written
            self._complain(error)
        else:
            self._complained = False

    def _fitting(self, lines: list[bytes], start: int) -> list[bytes]:
        """As many lines as fit; a line larger than a whole file has a file of its own."""
        room = self._max_bytes - self._length
        piece: list[bytes] = []
        for line in lines[start:]:
            room -= len(line)
            if room < 0 and (piece or self._length):
                break
            piece.append(line)
        return piece

    def _append(self, data: bytes) -> None:
        assert self._file is not None
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._file, view) :]
        except OSError:
            os.ftruncate(self._file, self._length)
            raise
        self._length += len(data)

    def _open(self) -> None:
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._length = os.fstat(self._file).st_size

    def _rotate(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
        oldest = self._numbered(self._files)
        if oldest.exists():
            oldest.unlink()
            self.lost["retention"] += 1
        for number in range(self._files - 1, 0, -1):
            if self._numbered(number).exists():
                self._numbered(number).rename(self._numbered(number + 1))
        if self._path.exists():
            self._path.rename(self._numbered(1))
        self._forget()
        self._open()

    def _forget(self) -> None:
        """Removes what is older than we may keep."""
        for number in range(1, self._files + 1):
            file = self._numbered(number)
            if file.exists() and time.time() - file.stat().st_mtime > self._retention_s:
                file.unlink()

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    def _complain(self, error: OSError) -> None:
        if not self._complained:
            _LOG.error("dead letters are lost: %s: %s", self._path, error.strerror)
            self._complained = True
