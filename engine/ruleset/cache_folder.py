"""A folder of entries that nobody else can have written.

The folder is 0700, its files 0600. What others own or may write, and every link, counts for nothing: whatever is read
is read through the descriptor that was examined. Nothing here fails: without a usable folder there is no cache.
"""

import errno
import logging
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from secrets import token_hex
from typing import Final

log = logging.getLogger("tieline")

MOST_ENTRIES: Final = 32
MOST_BYTES: Final = 128 * 1024 * 1024
_STALE_NS: Final = 3_600 * 10**9  # older than the entry just written: left behind by a start that was cut short
_OF_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OCCUPIED: Final = (errno.ELOOP, errno.ENOTDIR, errno.EEXIST)
ENTRY: Final = ".rules"
_DRAFT: Final = ".draft"


def standard_folder(environment: Mapping[str, str], service: Path | None = None) -> Path | None:
    """``TIELINE_CACHE`` (a folder, or ``off``), else a service's own, else ``tieline`` below ``XDG_CACHE_HOME`` or
    ``~/.cache``."""
    chosen = environment.get("TIELINE_CACHE")
    if chosen:
        return None if chosen == "off" else Path(chosen)
    if service is not None:
        return service
    above = environment.get("XDG_CACHE_HOME", "")
    if above.startswith("/"):  # the specification: relative ones are to be ignored
        return Path(above, "tieline")
    home = environment.get("HOME", "")
    try:
        own = home.startswith("/") and os.stat(home).st_uid == os.geteuid()  # noqa: PTH116
    except OSError:
        return None
    return Path(home, ".cache", "tieline") if own else None  # `sudo` leaves nothing in the home of another


class CacheFolder:
    """Entries by name. The most recently used stay, within ``MOST_ENTRIES`` and ``MOST_BYTES``."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, name: str) -> bytes | None:
        """The bytes of an entry; None where there is none, or one that could be somebody else's."""
        with self._opened(make=False) as folder:
            if folder is None:
                return None
            try:
                entry = os.open(name + ENTRY, _READ, dir_fd=folder)
            except FileNotFoundError:
                return None
            except OSError as bad:  # a link, for instance
                self._refused(name + ENTRY, f"it cannot be opened as a file of its own ({bad.strerror})")
                return None
            try:
                return self._believed(entry, name + ENTRY)
            except OSError as bad:
                self._refused(name + ENTRY, bad.strerror or type(bad).__name__)
                return None
            finally:
                os.close(entry)

    def write(self, name: str, data: bytes) -> None:
        """Whole or not at all; the oldest entries make room."""
        if len(data) > MOST_BYTES:
            return
        draft = f"{name}.{token_hex(8)}{_DRAFT}"
        with self._opened(make=True) as folder:
            if folder is None:
                return
            try:
                with FileIO(os.open(draft, _CREATE, 0o600, dir_fd=folder), "w") as file:
                    os.fchmod(file.fileno(), 0o600)  # whatever the umask
                    rest = memoryview(data)
                    while rest:
                        rest = rest[file.write(rest) :]
                os.replace(draft, name + ENTRY, src_dir_fd=folder, dst_dir_fd=folder)
                _make_room(folder)
            except OSError as bad:
                self._not_kept(bad)
                with suppress(OSError):
                    os.unlink(draft, dir_fd=folder)

    @contextmanager
    def _opened(self, make: bool) -> Iterator[int | None]:
        """A descriptor of the folder, if it is ours alone to write."""
        folder = None
        try:
            if make and not self.path.exists():
                self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self.path.mkdir(mode=0o700, exist_ok=True)
            folder = os.open(self.path, _READ | os.O_DIRECTORY)
        except OSError as bad:
            if bad.errno in _OCCUPIED:
                self._refused(".", f"it is no folder of its own ({bad.strerror})")
            elif make:
                self._not_kept(bad)
        try:
            yield folder if folder is not None and self._ours(os.fstat(folder), ".") else None
        finally:
            if folder is not None:
                os.close(folder)

    def _believed(self, entry: int, name: str) -> bytes | None:
        state = os.fstat(entry)
        if not stat.S_ISREG(state.st_mode):
            self._refused(name, "it is no regular file")
            return None
        if not self._ours(state, name) or state.st_size > MOST_BYTES:
            return None
        with FileIO(entry, closefd=False) as file:
            data = file.readall()
        with suppress(OSError):  # a file system that is only read
            os.utime(entry)
        return data

    def _ours(self, state: os.stat_result, name: str) -> bool:
        if state.st_uid != os.geteuid():
            self._refused(name, "it belongs to somebody else")
            return False
        if state.st_mode & _OF_OTHERS:
            self._refused(name, "others may write it; chmod 700 the folder, 600 the file, or remove it")
            return False
        return True

    def _not_kept(self, bad: OSError) -> None:
        log.info("rules are not kept for the next start: %r: %s", str(self.path), bad.strerror)

    def _refused(self, name: str, why: str) -> None:
        log.warning("the cache of rules %r is not used: %s", str(self.path / name), why)


def _make_room(folder: int) -> None:
    """What another process removes meanwhile is gone, too."""
    entries: list[tuple[int, int, str]] = []
    drafts: list[tuple[int, str]] = []
    with os.scandir(folder) as listed:
        for entry in listed:
            try:
                state = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            if entry.name.endswith(ENTRY):
                entries.append((state.st_mtime_ns, state.st_size, entry.name))
            elif entry.name.endswith(_DRAFT):
                drafts.append((state.st_mtime_ns, entry.name))
    entries.sort(reverse=True)
    doomed = [name for changed, name in drafts if changed + _STALE_NS < entries[0][0]] if entries else []
    total = 0
    for at, (_, size, name) in enumerate(entries):
        total += size
        if at >= MOST_ENTRIES or total > MOST_BYTES:
            doomed.append(name)
    for name in doomed:
        with suppress(OSError):
            os.unlink(name, dir_fd=folder)
