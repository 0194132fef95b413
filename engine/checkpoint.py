"""State and offsets on disk, together: what a start after a crash goes on from."""

import fcntl
import os
import sqlite3
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

VERSION = 1
_KEPT = 2


class CheckpointError(Exception):
    """The store cannot be used; the message names it, the reason and the mend."""


class CheckpointStore:
    """The last two checkpoints in one SQLite file (0600): one that is damaged falls back to the one before.

    A checkpoint is one value (positions of the sources, state of the stages, positions of the sinks), written whole
    in one transaction.
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
                "version INTEGER NOT NULL, digest BLOB NOT NULL, body BLOB NOT NULL)"
            )
        except (OSError, sqlite3.Error) as error:
            raise CheckpointError(f"{path}: {error}; name a file that can be written under state: path:") from None
        self.damaged = 0

    def load(self) -> Any:
        """The newest whole checkpoint, or None where there is none yet."""
        newer: list[int] = []
        for version, digest, body in self._db.execute("SELECT version, digest, body FROM checkpoint ORDER BY id DESC"):
            if version > VERSION:
                newer.append(version)
                continue
            if blake2b(body, digest_size=16).digest() == digest:
                try:
                    return msgspec.msgpack.decode(body)
                except msgspec.DecodeError:
                    pass
            self.damaged += 1
        if newer:
            raise CheckpointError(
                f"{self.path}: written by a newer version (checkpoint version {newer[0]}, known is {VERSION}); "
                "start that version, or move the file away and lose the state"
            )
        return None

    def save(self, value: Any) -> int:
        """Writes a checkpoint; its size in bytes."""
        body = msgspec.msgpack.encode(value)
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute(
                "INSERT INTO checkpoint (version, digest, body) VALUES (?, ?, ?)",
                (VERSION, blake2b(body, digest_size=16).digest(), body),
            )
            self._db.execute(
                "DELETE FROM checkpoint WHERE id NOT IN (SELECT id FROM checkpoint ORDER BY id DESC LIMIT ?)", (_KEPT,)
            )
        return len(body)

    def close(self) -> None:
        self._db.close()
        os.close(self._lock)
