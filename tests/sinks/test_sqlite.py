"""The embedded store, from both sides."""

import sqlite3
import stat
from pathlib import Path

import pytest

from engine.model import Alert
from engine.model.times import MAX_NS, MIN_NS, SECOND, rfc3339
from engine.sinks.sink import SinkError, SinkUnavailable, StoreError
from engine.sinks.sqlite import AlertStore, SqliteSink


def alert(name: str, revision: int = 0, time: int = 0) -> Alert:
    document = {"event.id": name, "@timestamp": rfc3339(time), "tieline.correlation.revision": revision}
    return Alert(name, revision, time, "rule", "low", document)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "alerts of ours?#.sqlite"


def begun(path: Path, **options: int) -> SqliteSink:
    sink = SqliteSink(path, **options)
    sink.start()
    return sink


def read(path: Path, since: int | None = None) -> list[tuple[str, int]]:
    return [(found["event.id"], found["tieline.correlation.revision"]) for found in AlertStore(path).alerts(since)]


def test_the_newest_revision_of_each_alert_is_read_ordered_by_time(path) -> None:
    sink = begun(path)

    sink.write([alert("b", 0, 20), alert("a", 0, 10), alert("b", 1, 20), alert("b", 10, 20), alert("b", 9, 20)])

    assert read(path) == [("a", 0), ("b", 10)]
    assert read(path, since=11) == [("b", 10)]


def test_an_alert_written_again_after_a_crash_is_there_once(path) -> None:
    begun(path).write([alert("a"), alert("b")])

    begun(path).write([alert("a"), alert("b"), alert("c")])

    assert read(path) == [("a", 0), ("b", 0), ("c", 0)]


def test_the_files_are_its_owners(path) -> None:
    sink = begun(path)

    sink.write([alert("a")])

    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}


def test_a_time_beyond_sqlites_integers_is_kept_in_the_document(path) -> None:
    sink = begun(path)

    sink.write([alert("late", 0, MAX_NS), alert("early", 0, MIN_NS), alert("now", 0, SECOND)])

    assert read(path) == [("early", 0), ("now", 0), ("late", 0)]
    assert [found["@timestamp"] for found in AlertStore(path).alerts(MAX_NS)] == [rfc3339(MAX_NS)]


def test_what_is_older_than_the_retention_goes(path) -> None:
    begun(path).write([alert("a")])
    with sqlite3.connect(path) as store:
        store.execute("UPDATE alerts SET written = written - 86400000000000 * 3")

    begun(path, retention_days=2).write([alert("b")])

    assert read(path) == [("b", 0)]


def test_a_store_that_another_process_holds_makes_the_batch_come_again(path) -> None:
    sink = begun(path)
    sink._store.execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(SinkUnavailable, match="locked"):
        sink.write([alert("a")])

    other.execute("ROLLBACK")
    sink.write([alert("a")])
    assert read(path) == [("a", 0)]


def test_it_is_read_while_it_is_written(path) -> None:
    sink = begun(path)
    sink.write([alert("a", 0, 1), alert("b", 0, 2)])
    reading = AlertStore(path).alerts()
    first = next(reading)

    sink.write([alert("c", 0, 3)])

    assert first["event.id"] == "a"
    assert [found["event.id"] for found in reading] == ["b"]


def test_a_missing_file_and_a_foreign_one_are_named(path, tmp_path) -> None:
    foreign = tmp_path / "foreign.sqlite"
    with sqlite3.connect(foreign) as store:
        store.execute("CREATE TABLE other (x)")
    text = tmp_path / "notes.txt"
    text.write_text("these are notes, and no database at all\n" * 100)
    newer = tmp_path / "newer.sqlite"
    begun(newer).close()
    with sqlite3.connect(newer) as store:
        store.execute("PRAGMA user_version = 99")

    with pytest.raises(StoreError, match="no such file"):
        read(path)
    for other, words in ((foreign, "another program"), (text, "not an alert store"), (newer, "version 99")):
        with pytest.raises(StoreError, match=words):
            read(other)
        with pytest.raises(SinkError, match=words):
            begun(other)
    assert text.read_text().startswith("these are notes")


def test_a_store_without_alerts_is_empty(path) -> None:
    path.touch()

    assert read(path) == []
