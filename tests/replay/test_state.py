"""Checkpoints, the journal, and files read as if they were being written now."""

import os
import sqlite3
from collections.abc import Iterator
from hashlib import blake2b
from itertools import permutations
from pathlib import Path

import pytest

from engine.checkpoint import CheckpointError, CheckpointStore
from engine.model import Chunk, Event, LogSource
from engine.parsing.parser import Parsed
from engine.replay import interleaved
from engine.sources.journal import Journal


def test_the_newest_checkpoint_is_found_again_and_belongs_to_us_alone(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path / "state")
    for number in range(5):
        store.save({"number": number, "raw": b"\x00\xff"})
    store.close()

    assert CheckpointStore(tmp_path / "state").load() == {"number": 4, "raw": b"\x00\xff"}
    assert os.stat(tmp_path / "state").st_mode & 0o777 == 0o600


def test_a_damaged_checkpoint_falls_back_to_the_one_before(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path / "state")
    store.save("good")
    store.save("bad")
    store.close()
    with sqlite3.connect(tmp_path / "state") as database:
        database.execute("UPDATE checkpoint SET body = x'00' WHERE id = (SELECT max(id) FROM checkpoint)")

    again = CheckpointStore(tmp_path / "state")

    assert again.load() == "good"
    assert again.damaged == 1


def test_a_checkpoint_of_a_newer_version_is_refused_with_the_reason(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path / "state")
    store.save("x")
    store.close()
    with sqlite3.connect(tmp_path / "state") as database:
        database.execute("UPDATE checkpoint SET version = 99")

    with pytest.raises(CheckpointError, match="written by a newer version"):
        CheckpointStore(tmp_path / "state").load()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b"not a database" * 100)

    with pytest.raises(CheckpointError, match=r"state: file is not a database; name a file"):
        CheckpointStore(tmp_path / "state")


def test_two_processes_cannot_share_their_state(tmp_path: Path) -> None:
    first = CheckpointStore(tmp_path / "state")

    with pytest.raises(CheckpointError, match="another process works with it"):
        CheckpointStore(tmp_path / "state")
    first.close()

    CheckpointStore(tmp_path / "state").close()


def test_the_journal_gives_back_what_lies_behind_a_checkpoint_and_forgets_the_rest(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    for number in range(1, 6):
        assert journal.append([Chunk(b"%d" % number, "s")]) == number
    journal.close()

    again = Journal(tmp_path / "j")

    assert [(number, chunks[0].payload) for number, chunks in again.after(3)] == [(4, b"4"), (5, b"5")]
    assert again.append([Chunk(b"6", "s")]) == 6
    again.forget(5)
    assert [number for number, _ in Journal(tmp_path / "j").after(5)] == [6]


def test_a_torn_journal_entry_is_not_there_and_nothing_before_it_is_lost(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.append([Chunk(b"whole", "s")])
    journal.append([Chunk(b"torn", "s")])
    journal.close()
    (segment,) = tmp_path.glob("j.*")
    segment.write_bytes(segment.read_bytes()[:-3])

    assert [chunks[0].payload for _, chunks in Journal(tmp_path / "j").after(0)] == [b"whole"]


def batches(*times: int) -> Iterator[list[Parsed]]:
    for at in range(0, len(times), 2):
        yield [Event({}, time, str(time), LogSource()) for time in times[at : at + 2]]


def test_files_are_read_by_the_clock_that_is_furthest_behind_whatever_their_order() -> None:
    files = {"a": (1, 5, 9, 12), "b": (2, 3, 4, 20), "c": (30,)}

    orders = set()
    for names in permutations(files):
        ended: list[str] = []
        read = interleaved({name: batches(*files[name]) for name in names}, ended.append)
        orders.add((tuple(event.time for batch in read for event in batch if isinstance(event, Event)), tuple(ended)))

    assert orders == {((1, 2, 30, 5, 3, 4, 20, 9, 12), ("a", "b", "c"))}


def checkpoints(store: CheckpointStore, *kinds: bool) -> None:
    """One a kind (full, or changes), whose value and piece are its number."""
    for number, full in enumerate(kinds):
        saving = store.begin(full=full)
        saving.put(b"piece %d" % number)
        saving.finish(b"\x81\xa1n" + bytes([number]), b"head %d" % number)
        saving.join()


def test_changes_build_on_the_full_capture_before_them(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path / "state")
    checkpoints(store, True, False, True, False, False)
    store.close()

    found = CheckpointStore(tmp_path / "state").load()

    assert found == {"n": 4, "captures": [(b"head %d" % n, [b"piece %d" % n]) for n in (2, 3, 4)]}


@pytest.mark.parametrize(("damaged", "left"), [(5, 3), (4, 2), (3, 1)])
def test_a_damaged_piece_costs_what_builds_on_it(tmp_path: Path, damaged: int, left: int) -> None:
    store = CheckpointStore(tmp_path / "state")
    checkpoints(store, True, False, True, False, False)
    store.close()
    with sqlite3.connect(tmp_path / "state") as database:
        database.execute("UPDATE piece SET body = x'00' WHERE checkpoint = ?", (damaged,))

    again = CheckpointStore(tmp_path / "state")

    assert again.load()["n"] == left
    assert again.damaged == 5 - 1 - left


def test_a_checkpoint_that_was_not_finished_is_none(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path / "state")
    checkpoints(store, True)
    store.begin(full=False).put(b"a piece")
    store.close()

    assert CheckpointStore(tmp_path / "state").load()["n"] == 0


def test_a_checkpoint_of_version_1_is_read(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "state") as database:
        database.execute(
            "CREATE TABLE checkpoint (id INTEGER PRIMARY KEY AUTOINCREMENT, version INTEGER NOT NULL, "
            "digest BLOB NOT NULL, body BLOB NOT NULL)"
        )
        body = b"\x81\xa1n\x07"
        digest = blake2b(body, digest_size=16).digest()
        database.execute("INSERT INTO checkpoint (version, digest, body) VALUES (1, ?, ?)", (digest, body))

    store = CheckpointStore(tmp_path / "state")

    assert store.load() == {"n": 7}
    checkpoints(store, True)
    assert store.load()["n"] == 0
