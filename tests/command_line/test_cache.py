"""The cache of rules as a user meets it: the same output with and without, and nothing that stops a start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine import app
from engine.config import read

ROOT = Path(__file__).parents[2]
RULE = "title: Hello\nid: 5f6c5d0a-7a57-4c5c-9c0c-6c1c0b3f6a51\nlogsource: {product: p}\ndetection:\n  s: {a: b}\n  condition: s\n"
EVENT = '{"@timestamp": "2026-01-02T03:04:05Z", "ls_product": "p", "a": "b"}\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "hello.yml").write_text(RULE)
    (tmp_path / "events.ndjson").write_text(EVENT)
    return tmp_path


def _replay(folder: Path, **places: str) -> tuple[bytes, str]:
    """Standard output, and what standard error says beside the summary."""
    own = {name: value for name, value in os.environ.items() if name not in ("TIELINE_CACHE", "XDG_CACHE_HOME")}
    done = subprocess.run(
        [sys.executable, "-m", "engine.cli", "replay", "--rules", "rules", "--format", "json", "events.ndjson"],
        env={**own, "PYTHONPATH": str(ROOT), **places}, cwd=folder, capture_output=True, timeout=60, check=True,
    )  # fmt: skip
    said = [line for line in done.stderr.decode().splitlines() if not line.startswith("1 records in")]
    return done.stdout, "\n".join(said)


def test_a_second_start_says_the_same(folder: Path) -> None:
    home = {"HOME": str(folder)}

    first, second = _replay(folder, **home), _replay(folder, **home)

    assert first == second
    assert first[0].count(b"Hello") > 0
    assert first[1] == ""
    assert len(list((folder / ".cache" / "tieline").iterdir())) == 1


def test_a_damaged_cache_is_told_and_changes_nothing(folder: Path) -> None:
    home = {"XDG_CACHE_HOME": str(folder / "cache")}
    before, _ = _replay(folder, **home)
    (entry,) = (folder / "cache" / "tieline").iterdir()

    entry.write_bytes(entry.read_bytes()[:-10])
    (damaged, said), (after, quiet) = _replay(folder, **home), _replay(folder, **home)

    assert damaged == after == before
    assert "damaged: the rules are read afresh" in said
    assert quiet == ""


def test_the_cache_can_be_turned_off_or_put_elsewhere(folder: Path) -> None:
    off = _replay(folder, HOME=str(folder), TIELINE_CACHE="off")
    without_any_home = _replay(folder, HOME="")
    left = {path.name for path in folder.iterdir()}
    elsewhere = _replay(folder, HOME=str(folder), TIELINE_CACHE="elsewhere")

    assert off == without_any_home == elsewhere
    assert left == {"rules", "events.ndjson"}
    assert {path.name for path in folder.iterdir()} == left | {"elsewhere"}


def test_a_service_keeps_its_rules_beside_its_state_and_a_replay_does_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TIELINE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    settings = folder / "tieline.yml"
    settings.write_text(
        "sources: [{type: stdin, name: in}]\nsinks: [{type: ndjson, path: '-'}]\nstate: {path: s/state}\n"
    )
    (folder / "s").mkdir()

    app.rules([folder / "rules"], read(settings))
    of_the_service = {str(path.relative_to(folder)) for path in folder.glob("*/*") if path.is_dir()}
    app.rules([folder / "rules"], read(settings, without=("sources", "sinks")))
    of_the_replay = {str(path.relative_to(folder)) for path in folder.glob("*/*") if path.is_dir()} - of_the_service

    assert of_the_service == {"s/state.rules"}
    assert of_the_replay == {"cache/tieline"}
