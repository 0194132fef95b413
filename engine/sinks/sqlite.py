"""The embedded default: alerts in one SQLite file, which ``tieline alerts`` reads."""

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from engine.model import Alert
from engine.sinks.documents import encoded
from engine.sinks.sink import Refused, SinkError, SinkUnavailable, StoreError

_APPLICATION_ID = 0x5449_4C4E  # "TILN", https://www.sqlite.org/pragma.html#pragma_application_id
_VERSION = 1
_DAY_NS = 86_400 * 1_000_000_000
_LEAST, _MOST = -(1 << 63), (1 << 63) - 1  # SQLite's integers end in 2262, an event's time need not
_SCHEMA = """
CREATE TABLE alerts (
    key TEXT PRIMARY KEY,
    id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    time INTEGER NOT NULL,
    rule TEXT NOT NULL,
    level TEXT NOT NULL,
    written INTEGER NOT NULL,
    document BLOB NOT NULL
);
CREATE INDEX alerts_by_time ON alerts (time);
CREATE UNIQUE INDEX alerts_by_id ON alerts (id, revision);
CREATE INDEX alerts_by_written ON alerts (written);
"""
_NEWEST = """
SELECT document FROM alerts AS it
WHERE time >= ? AND revision = (SELECT max(revision) FROM alerts WHERE id = it.id)
ORDER BY time, id
"""


class SqliteSink:
    """One transaction a batch; a key that is there already is left as it is, so a replay after a crash adds nothing."""

    def __init__(self, path: Path, name: str = "sqlite", *, retention_days: int = 365) -> None:
        self.name = name
        self._path = path
        self._retention_ns = retention_days * _DAY_NS
        self._swept = 0
        self._store: sqlite3.Connection | None = None

    def start(self) -> None:
        try:
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._store = sqlite3.connect(self._path, timeout=10, isolation_level=None, check_same_thread=False)
            _recognise(self._store, self._path)
            self._store.execute("PRAGMA journal_mode = WAL")
            self._store.execute("PRAGMA synchronous = FULL")
            if self._store.execute("PRAGMA application_id").fetchone()[0] == 0:
                mark = f"PRAGMA application_id = {_APPLICATION_ID}; PRAGMA user_version = {_VERSION}"
                self._store.executescript(f"BEGIN; {_SCHEMA} {mark}; COMMIT;")
        except OSError as error:
            raise SinkError(
                f"sink {self.name}: {self._path}: {error.strerror}; name a file that can be written"
            ) from None
        except (StoreError, sqlite3.Error) as error:
            raise SinkError(f"sink {self.name}: {error}") from None

    def write(self, alerts: Sequence[Alert]) -> Sequence[Refused]:
        if self._store is None:
            raise SinkUnavailable("not started")
        now = time.time_ns()
        rows = [
            (
                alert.key,
                alert.id,
                alert.revision,
                min(max(alert.time, _LEAST), _MOST),
                alert.rule,
                alert.level,
                now,
                encoded(alert.document),
            )
            for alert in alerts
        ]
        try:
            self._store.execute("BEGIN IMMEDIATE")
            self._store.executemany("INSERT OR IGNORE INTO alerts VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
            if now - self._swept > _DAY_NS:
                self._store.execute("DELETE FROM alerts WHERE written < ?", (now - self._retention_ns,))
                self._swept = now
            self._store.execute("COMMIT")
        except sqlite3.Error as error:
            if self._store.in_transaction:
                self._store.execute("ROLLBACK")
            raise SinkUnavailable(f"{self._path}: {error}") from None
        return ()

    def position(self) -> Any:
        return None

    def restore(self, position: Any) -> None:
        """The keys are in the table."""

    def close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None


class AlertStore:
    """The reading side. A file that is missing, or not such a store, is a StoreError."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def alerts(self, since_ns: int | None = None) -> Iterator[dict[str, Any]]:
        """The newest revision of each alert whose ``@timestamp`` is not before ``since_ns``, ordered by time."""
        if not self._path.is_file():
            raise StoreError(
                f"{self._path}: no such file; `tieline run` writes it where a sink of type sqlite is configured"
            )
        try:
            with closing(sqlite3.connect(f"file:{quote(str(self._path))}?mode=ro", uri=True, timeout=10)) as store:
                _recognise(store, self._path)
                if store.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION_ID:
                    return  # made, and not yet written
                least = _LEAST if since_ns is None else min(max(since_ns, _LEAST), _MOST)
                for (document,) in store.execute(_NEWEST, (least,)):
                    yield orjson.loads(document)
        except sqlite3.Error as error:
            raise StoreError(f"{self._path}: {error}; may you read it and its folder?") from None


def _recognise(store: sqlite3.Connection, path: Path) -> None:
    try:
        application = store.execute("PRAGMA application_id").fetchone()[0]
        version = store.execute("PRAGMA user_version").fetchone()[0]
        tables = store.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{path}: not an alert store ({error}); name another file") from None
    if application != _APPLICATION_ID and (application or tables):
        raise StoreError(f"{path}: another program's database; name another file")
    if application == _APPLICATION_ID and version != _VERSION:
        raise StoreError(f"{path}: an alert store of version {version}, we read {_VERSION}; move it away")
