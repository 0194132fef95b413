"""State and offsets on disk, together: what a start after a crash goes on from."""

import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from queue import Full, Queue
from typing import Any

import msgspec

VERSION = 2
_KEPT = 2  # full captures, each with the changes that came after
_LEAST = 1024 * 1024  # bytes of changes before another full capture
_LONGEST = 100  # captures of changes
_AHEAD = 4  # pieces that wait to be written


Last = tuple[bytes, bytes | None]
Captured = tuple[bytes, list[bytes]]


class CheckpointError(Exception):
    """The store cannot be used; the message names it, the reason and the mend."""


class CheckpointStore:
    """The last checkpoints in one SQLite file (0600): one that is damaged falls back to the one before.

    A checkpoint is one value (positions of the sources, state of the stages, positions of the sinks) and the pieces of
    a capture: a full one, or what changed since the checkpoint before. Both are written in one transaction.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CheckpointError(f"{path}: another process works with it; give each its own state: path:") from None
        except OSError as error:
            raise CheckpointError(f"{path}: {error}; name a file that can be written under state: path:") from None
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS checkpoint (id INTEGER PRIMARY KEY AUTOINCREMENT, "
                "version INTEGER NOT NULL, digest BLOB NOT NULL, body BLOB NOT NULL, base INTEGER)"
            )
            if "base" not in [column[1] for column in self._db.execute("PRAGMA table_info(checkpoint)")]:
                self._db.execute("ALTER TABLE checkpoint ADD COLUMN base INTEGER")  # of version 1, which had no pieces
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS piece (checkpoint INTEGER NOT NULL, number INTEGER NOT NULL, "
                "digest BLOB NOT NULL, body BLOB NOT NULL, PRIMARY KEY (checkpoint, number))"
            )
        except (OSError, sqlite3.Error) as error:
            raise CheckpointError(f"{path}: {error}; name a file that can be written under state: path:") from None
        self.damaged = 0
        self._base: int | None = None  # the last full one of this process
        self._full_bytes = self._since = self._count = 0
        self._saving: Saving | None = None

    def load(self) -> Any:
        """The newest whole checkpoint, or None where there is none yet. Under ``captures`` it has the captures that its
        state is made of, each a head and its pieces."""
        newer: list[int] = []
        rows = self._db.execute("SELECT id, version, base, digest, body FROM checkpoint ORDER BY id DESC").fetchall()
        for id, version, base, digest, body in rows:
            if version > VERSION:
                newer.append(version)
                continue
            found = _whole(digest, body)
            if found is not None and version == 1:  # without pieces: the value is all
                return found
            if found is not None:
                _, head, value = found
                if head is None:
                    return value
                captures = [self._captured(row) for row in reversed(rows) if row[2] == base and row[0] <= id]
                if None not in captures:
                    return {**value, "captures": captures}
            self.damaged += 1
        if newer:
            raise CheckpointError(
                f"{self.path}: written by a newer version (checkpoint version {newer[0]}, known is {VERSION}); "
                "start that version, or move the file away and lose the state"
            )
        return None

    def full(self) -> bool:
        """Whether the next capture has to be a full one: the changes since the last amount to as much."""
        return self._base is None or self._since > max(self._full_bytes, _LEAST) or self._count >= _LONGEST

    def save(self, value: Any) -> int:
        """Writes a checkpoint that is whole by itself; its size in bytes."""
        saving = self.begin(full=True)
        saving.finish(msgspec.msgpack.encode(value))
        saving.join()
        return saving.size

    def begin(self, *, full: bool) -> "Saving":
        """A checkpoint whose capture comes in pieces; one at a time."""
        self._saving = Saving(self, full=full)
        return self._saving

    def write(self, pieces: Iterator[bytes], last: Callable[[], Last], *, full: bool) -> int:
        """All in one transaction; the size in bytes."""
        size = 0
        number = 0
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            placed = self._db.execute("INSERT INTO checkpoint (version, digest, body) VALUES (?, x'', x'')", (VERSION,))
            id = placed.lastrowid
            for number, piece in enumerate(pieces, 1):
                size += len(piece)
                self._db.execute("INSERT INTO piece VALUES (?, ?, ?, ?)", (id, number, _digest(piece), piece))
            value, head = last()
            body = msgspec.msgpack.encode([number, head, msgspec.Raw(value)])
            base = id if full else self._base
            self._db.execute(
                "UPDATE checkpoint SET base = ?, digest = ?, body = ? WHERE id = ?", (base, _digest(body), body, id)
            )
            self._db.execute(
                "DELETE FROM checkpoint WHERE coalesce(base, id) NOT IN "
                "(SELECT coalesce(base, id) FROM checkpoint GROUP BY 1 ORDER BY 1 DESC LIMIT ?)",
                (_KEPT,),
            )
            self._db.execute("DELETE FROM piece WHERE checkpoint NOT IN (SELECT id FROM checkpoint)")
        size += len(body)
        if full:
            self._base, self._full_bytes, self._since, self._count = id, size, 0, 0
        else:
            self._since += size
            self._count += 1
        return size

    def close(self) -> None:
        if self._saving is not None:
            self._saving.abandon()
        self._db.close()
        os.close(self._lock)

    def _captured(self, row: tuple[int, int, int, bytes, bytes]) -> Captured | None:
        """The capture of one checkpoint, None where a part of it is damaged."""
        id, _, _, digest, body = row
        found = _whole(digest, body)
        if found is None:
            return None
        count, head, _ = found
        pieces = self._db.execute(
            "SELECT digest, body FROM piece WHERE checkpoint = ? ORDER BY number", (id,)
        ).fetchall()
        if len(pieces) != count or any(_digest(piece) != digest for digest, piece in pieces):
            return None
        return head or b"", [piece for _, piece in pieces]


class Saving:
    """One checkpoint on its way to the disk, on a thread of its own. ``put`` the pieces while there is ``room``, then
    ``finish``; it is durable when ``done``."""

    def __init__(self, store: CheckpointStore, *, full: bool) -> None:
        self.size = 0
        self._store = store
        self._full = full
        self._pieces: Queue[bytes | None] = Queue(_AHEAD)
        self._last: Last | None = None
        self._abandoned = self._ended = False
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="checkpoint", daemon=True)
        self._thread.start()

    def room(self) -> bool:
        return not self._pieces.full()

    def put(self, piece: bytes) -> None:
        self._pieces.put(piece)

    def finish(self, value: bytes, head: bytes | None = None) -> None:
        """The value as msgpack, and the head of the capture."""
        self._last = (value, head)
        self._pieces.put(None)

    def done(self) -> bool:
        """Whether it is durable; raises what kept it from being so."""
        if self._thread.is_alive():
            return False
        if self._error is not None:
            raise self._error
        return True

    def join(self) -> None:
        self._thread.join()
        self.done()

    def abandon(self) -> None:
        """What is not finished is not written."""
        self._abandoned = True
        while self._thread.is_alive():
            with suppress(Full):
                self._pieces.put_nowait(None)
            self._thread.join(0.05)

    def _given(self) -> Iterator[bytes]:
        while not self._ended:
            piece = self._pieces.get()
            if piece is None:
                self._ended = True
            else:
                yield piece

    def _finished(self) -> Last:
        if self._last is None or self._abandoned:
            raise _Abandoned
        return self._last

    def _run(self) -> None:
        try:
            self.size = self._store.write(self._given(), self._finished, full=self._full)
        except _Abandoned:
            pass
        except (sqlite3.Error, OSError) as error:
            self._error = CheckpointError(f"{self._store.path}: {error}; make room, and start again")
            for _ in self._given():  # whoever has more to put is not kept waiting
                pass


class _Abandoned(Exception):
    """Not to be written."""


def _digest(body: bytes) -> bytes:
    return blake2b(body, digest_size=16).digest()


def _whole(digest: bytes, body: bytes) -> Any:
    if _digest(body) != digest:
        return None
    try:
        return msgspec.msgpack.decode(body)
    except msgspec.DecodeError:
        return None
