"""Alerts as NDJSON: one object a line (https://github.com/ndjson/ndjson-spec)."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from engine.model import Alert
from engine.sinks.documents import encoded
from engine.sinks.sink import Refused, SinkError, SinkUnavailable, key_of

_PIECE = 1024 * 1024


class NdjsonStdout:
    """Standard output: it cannot tell what it wrote before a crash, so its reader may see an alert again."""

    def __init__(self, name: str = "ndjson") -> None:
        self.name = name

    def start(self) -> None:
        """It is open."""

    def write(self, alerts: Sequence[Alert]) -> Sequence[Refused]:
        out = sys.stdout.buffer
        try:
            out.write(b"".join(encoded(alert.document, option=orjson.OPT_APPEND_NEWLINE) for alert in alerts))
            out.flush()
        except BrokenPipeError:
            raise SinkError(f"sink {self.name}: nobody reads our standard output any more") from None
        return ()

    def position(self) -> Any:
        return None

    def restore(self, position: Any) -> None:
        """Nothing to go back to."""

    def close(self) -> None:
        """Not ours to close."""


class NdjsonFile:
    """A file that grows by whole lines, synced before ``write`` returns. Renamed by logrotate, it is made anew.

    The position is the file's identity and length, and ``known``. Lines behind it were written between the checkpoint
    and a crash: they stay, and are not written again. A line without its end is cut off.
    """

    def __init__(self, path: Path, name: str = "ndjson") -> None:
        self.name = name
        self._path = path
        self._file: int | None = None
        self._length = 0
        self._regular = True
        self._since: dict[str, Any] | None = None
        self._known: set[str] = set()

    def start(self) -> None:
        try:
            self._open()
            if self._since is not None:
                self._known |= self._keys_since(self._since)
                self._since = None
        except OSError as error:
            raise SinkError(
                f"sink {self.name}: {self._path}: {error.strerror}; name a file that can be written"
            ) from None

    def write(self, alerts: Sequence[Alert]) -> Sequence[Refused]:
        fresh = [alert for alert in alerts if alert.key not in self._known]
        data = b"".join(encoded(alert.document, option=orjson.OPT_APPEND_NEWLINE) for alert in fresh)
        try:
            self._append(self._same_file(), data)
        except OSError as error:
            raise SinkUnavailable(f"{self._path}: {error.strerror}") from None
        self._known.difference_update([alert.key for alert in alerts])
        return ()

    def position(self) -> Any:
        if self._file is None:
            return self._since
        status = os.fstat(self._file)
        where = {"device": status.st_dev, "inode": status.st_ino, "length": self._length}
        return where | {"known": sorted(self._known)}

    def restore(self, position: Any) -> None:
        if isinstance(position, dict):
            self._since = position
            self._known = set(position["known"])

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _append(self, file: int, data: bytes) -> None:
        """All of it, or (on a full disk) nothing."""
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(file, view) :]
            if self._regular:
                os.fsync(file)
        except OSError:
            if self._regular:
                os.ftruncate(file, self._length)
            raise
        self._length += len(data)

    def _open(self) -> int:
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._length = os.fstat(self._file).st_size
        self._regular = self._path.is_file()
        if self._regular:
            whole = _end_of_last_line(self._file, self._length)
            if whole < self._length:
                os.ftruncate(self._file, whole)
                self._length = whole
        return self._file

    def _same_file(self) -> int:
        """The open file, or a new one where ours was renamed or removed."""
        if self._file is None:
            return self._open()
        ours = os.fstat(self._file)
        try:
            there = self._path.stat()
        except FileNotFoundError:
            there = None
        if there is None or (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino):
            self.close()
            return self._open()
        return self._file

    def _keys_since(self, since: dict[str, Any]) -> set[str]:
        """Of a file that was rotated since: all of the new one."""
        status = self._path.stat()
        same = (since.get("device"), since.get("inode")) == (status.st_dev, status.st_ino)
        keys: set[str] = set()
        if not self._regular:
            return keys
        with self._path.open("rb") as lines:
            lines.seek(min(since.get("length", 0), self._length) if same else 0)
            for line in lines:
                try:
                    key = key_of(orjson.loads(line))
                except (orjson.JSONDecodeError, AttributeError):
                    continue  # somebody else's line
                if key is not None:
                    keys.add(key)
        return keys


def _end_of_last_line(file: int, length: int) -> int:
    at = length
    while at > 0:
        start = max(0, at - _PIECE)
        found = os.pread(file, at - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        at = start
    return 0
