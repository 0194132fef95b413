"""What could not be used is kept, within bounds."""

import json
import stat
from pathlib import Path

import pytest

from engine.model import Alert, DeadLetter
from engine.sinks.dead_letters import DeadLetters
from engine.sinks.sink import Refused, SinkError


def letter(number: int, size: int = 10) -> DeadLetter:
    return DeadLetter(reason="no format takes it", original=b"%06d" % number + b"x" * size, source="s", received=1)


def kept(folder: Path) -> list[int]:
    files = sorted(folder.iterdir(), key=lambda file: -int(file.suffix[1:]) if file.suffix[1:].isdigit() else 1)
    lines = [line for file in files for line in file.read_text().splitlines()]
    return [int(json.loads(line)["event.original"][:6]) for line in lines]


def test_a_record_is_kept_whole_with_the_reason(tmp_path) -> None:
    letters = DeadLetters(tmp_path / "dead.ndjson")
    letters.start()

    letters.write([DeadLetter(reason="bad", original=b"\xff\x00\nrest", source="fw", format="f", received=10**18)])
    letters.flush()

    (line,) = (tmp_path / "dead.ndjson").read_text().splitlines()
    assert json.loads(line) == {
        "event.ingested": "2001-09-09T01:46:40.000Z",
        "event.kind": "pipeline_error",
        "error.message": "bad",
        "event.original": "\\xff\x00\nrest",
        "tieline.origin": "fw",
        "tieline.format": "f",
    }
    assert stat.S_IMODE((tmp_path / "dead.ndjson").stat().st_mode) == 0o600
    assert letters.stats["record"] == 1


def test_a_refused_document_is_kept_with_the_sinks_words(tmp_path) -> None:
    letters = DeadLetters(tmp_path / "dead.ndjson")
    letters.start()

    letters.refused("elasticsearch", [Refused(Alert("a", 2, 0, "r", "low", {"n": 2**70}), "mapper says no")])

    found = json.loads((tmp_path / "dead.ndjson").read_text())
    assert found["error.message"] == "sink elasticsearch: mapper says no"
    assert found["tieline.alert"] == "a-2"
    assert json.loads(found["event.original"]) == {"n": str(2**70)}


def test_full_files_are_numbered_and_the_oldest_goes_and_is_counted(tmp_path) -> None:
    letters = DeadLetters(tmp_path / "dead.ndjson", max_bytes=2000, files=2)
    letters.start()

    for number in range(100):
        letters.write([letter(number)])
        letters.flush()

    found = kept(tmp_path)
    assert found == list(range(100 - len(found), 100))
    assert len(list(tmp_path.iterdir())) == 3
    assert letters.lost["retention"] > 0
    assert all(file.stat().st_size <= 2000 for file in tmp_path.iterdir())


def test_a_letter_larger_than_a_file_is_kept_whole(tmp_path) -> None:
    letters = DeadLetters(tmp_path / "dead.ndjson", max_bytes=1000)
    letters.start()

    letters.write([letter(1), letter(2, 10_000_000), letter(3)])
    letters.flush()

    assert kept(tmp_path) == [1, 2, 3]


def test_a_disk_that_takes_nothing_loses_letters_and_counts_them(tmp_path) -> None:
    letters = DeadLetters(tmp_path / "dead.ndjson")
    letters.start()
    letters.close()
    (tmp_path / "dead.ndjson").unlink()
    (tmp_path / "dead.ndjson").mkdir()

    letters.write([letter(1), letter(2)])
    letters.flush()

    assert letters.lost["disk"] == 2


def test_a_place_that_cannot_be_written_stops_the_start(tmp_path) -> None:
    with pytest.raises(SinkError, match="dead letters"):
        DeadLetters(tmp_path / "nowhere" / "dead.ndjson").start()
