"""Files that grow: followed through rotation by renaming and by truncation, from where the last checkpoint left off."""

import glob
import os
import threading
import time
from collections.abc import Callable, Mapping
from io import BufferedReader
from pathlib import Path

from engine.config.sources import FileSource, StdinSource
from engine.model import Chunk
from engine.sources.errors import SourceError
from engine.sources.reading import GZIP, pieces

Put = Callable[[list[Chunk]], None]

_PIECE = 1024 * 1024
_POLL_S = 0.25
_LOOK_S = 2.0
_MAX_OPEN = 4096


class _Followed:
    """An open file. ``stream`` names its identity: what is read under it is read once, whatever the file is called."""

    def __init__(self, path: str, stream: BufferedReader, identity: str, offset: int) -> None:
        self.path, self.file, self.stream, self.offset = path, stream, identity, offset
        self.at_end = False


class Files:
    """Every file that matches a path, each a stream ``path#device-inode[-generation]``; ``.gz`` is read once."""

    def __init__(self, settings: FileSource) -> None:
        self.name = settings.name
        self.settings = settings
        self.ready = threading.Event()
        self.stats = {"files": 0, "truncated_files": 0, "unreadable": 0}
        self._positions: dict[str, int] = {}
        self._followed: dict[str, _Followed] = {}
        self._done: set[str] = set()
        self._generation: dict[str, int] = {}

    def resume(self, positions: Mapping[str, int]) -> None:
        """Goes on from these stream offsets; a file that was rotated away meanwhile is found by its identity."""
        self._positions = dict(positions)
        for stream in positions:
            base, generation = _split(stream)
            self._generation[base] = max(generation, self._generation.get(base, 0))

    def waiting(self, stream: str) -> bool:
        followed = self._followed.get(stream)
        return followed is not None and not followed.at_end

    def streams(self) -> list[str]:
        return list(self._followed)

    def run(self, put: Put, stop: threading.Event) -> None:
        looked = 0.0
        while not stop.is_set():
            if time.monotonic() - looked >= _LOOK_S or not self._followed:
                self._look()
                looked = time.monotonic()
                self.ready.set()
            busy = False
            for followed in list(self._followed.values()):
                busy |= self._read(followed, put)
                if stop.is_set():
                    break
            if not self.settings.follow and all(f.at_end for f in self._followed.values()):
                for followed in list(self._followed.values()):
                    self._end(followed, put)
                return
            if not busy:
                stop.wait(_POLL_S)
        for followed in self._followed.values():
            followed.file.close()

    def _look(self) -> None:
        for pattern in self.settings.paths:
            paths = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207  (patterns may be absolute)
            if not paths and not glob.has_magic(pattern) and not self.settings.follow:
                raise SourceError(f"source {self.name}: {pattern}: no such file")
            for path in paths:
                self._open(path, known_only=False)
                for rotated in sorted(Path(path).parent.glob(f"{Path(path).name}.*")) if self._positions else ():
                    self._open(str(rotated), known_only=True)

    def _open(self, path: str, *, known_only: bool) -> None:
        try:
            status = Path(path).stat()
        except OSError:
            return
        inode = f"{status.st_dev}-{status.st_ino}"
        if any(f.stream.partition("#")[2].startswith(inode) for f in self._followed.values()):
            return
        if len(self._followed) >= _MAX_OPEN or not Path(path).is_file():
            return
        stream = self._identity(path, inode)
        if stream in self._done or (known_only and stream not in self._positions):
            return
        offset = self._positions.get(stream, 0)
        try:
            file = Path(path).open("rb")  # noqa: SIM115
            if offset > status.st_size and file.read(2) != GZIP:
                stream, offset = self._next_generation(stream), 0
        except OSError:
            self.stats["unreadable"] += 1
            return
        file.seek(0)
        self._followed[stream] = _Followed(path, file, stream, offset)
        self.stats["files"] += 1

    def _identity(self, path: str, inode: str) -> str:
        for known in self._positions:  # the path may have changed by rotation, the inode has not
            if _split(known)[0].partition("#")[2] == inode:
                base = _split(known)[0]
                break
        else:
            base = f"{path}#{inode}"
        generation = self._generation.get(base, 0)
        return base if generation == 0 else f"{base}-g{generation}"

    def _next_generation(self, stream: str) -> str:
        base, _ = _split(stream)
        self._generation[base] = self._generation.get(base, 0) + 1
        self.stats["truncated_files"] += 1
        return f"{base}-g{self._generation[base]}"

    def _read(self, followed: _Followed, put: Put) -> bool:
        file = followed.file
        if file.tell() == 0 and file.peek(2)[:2] == GZIP:
            self._unpack(followed, put)
            return True
        if file.tell() != followed.offset:
            file.seek(followed.offset)
        data = file.read(_PIECE)
        if data:
            followed.at_end = False
            put([Chunk(data, self.name, followed.stream, time.time_ns(), followed.offset)])
            followed.offset += len(data)
            return True
        followed.at_end = True
        if not self.settings.follow:
            return False
        try:
            size = os.fstat(file.fileno()).st_size
            now = Path(followed.path).stat()
            moved = (now.st_dev, now.st_ino) != (os.fstat(file.fileno()).st_dev, os.fstat(file.fileno()).st_ino)
        except FileNotFoundError:
            size, moved = followed.offset, True
        if size < followed.offset:  # truncated in place (copytruncate)
            put([Chunk(b"", self.name, followed.stream, time.time_ns(), followed.offset, end=True)])
            del self._followed[followed.stream]
            followed.stream, followed.offset = self._next_generation(followed.stream), 0
            self._followed[followed.stream] = followed
            return True
        if moved and not file.read(1):  # renamed or removed, and read to its end
            self._end(followed, put)
            self._open(followed.path, known_only=False)
            return True
        return False

    def _unpack(self, followed: _Followed, put: Put) -> None:
        at = 0
        for piece in pieces(followed.file, followed.path):
            if at + len(piece) > followed.offset:
                skip = max(0, followed.offset - at)
                put([Chunk(piece[skip:], self.name, followed.stream, time.time_ns(), at + skip)])
            at += len(piece)
        followed.offset = max(at, followed.offset)
        followed.at_end = True
        self._end(followed, put)

    def _end(self, followed: _Followed, put: Put) -> None:
        put([Chunk(b"", self.name, followed.stream, time.time_ns(), followed.offset, end=True)])
        followed.file.close()
        self._done.add(followed.stream)
        self._followed.pop(followed.stream, None)


class Stdin:
    """Standard input, once."""

    def __init__(self, settings: StdinSource) -> None:
        self.name = settings.name
        self.settings = settings
        self.ready = threading.Event()
        self.stats: dict[str, int] = {}

    def resume(self, positions: Mapping[str, int]) -> None:
        """What was read from a pipe is gone."""

    def waiting(self, stream: str) -> bool:
        return False

    def run(self, put: Put, stop: threading.Event) -> None:
        self.ready.set()
        offset = 0
        with Path("/dev/stdin").open("rb") as stream:
            for piece in pieces(stream, "standard input"):
                put([Chunk(piece, self.name, "stdin", time.time_ns(), offset)])
                offset += len(piece)
                if stop.is_set():
                    break
        put([Chunk(b"", self.name, "stdin", time.time_ns(), offset, end=True)])


def _split(stream: str) -> tuple[str, int]:
    """
    >>> _split("/var/log/a#8-17-g2"), _split("/var/log/a#8-17")
    (('/var/log/a#8-17', 2), ('/var/log/a#8-17', 0))
    """
    base, mark, generation = stream.rpartition("-g")
    if mark and generation.isdigit() and "#" in base:
        return base, int(generation)
    return stream, 0
