"""Killed at bad moments, the service goes on without losing or repeating an alert."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from engine.sinks.sink import key_of

RECORDS = Path(__file__).parents[2] / "engine" / "demo" / "records"
ASSETS = Path(__file__).parents[2] / "engine" / "demo" / "assets.yml"
TIELINE = [sys.executable, "-m", "engine.cli"]
ROOT = Path(__file__).parents[2]

# A line of the near future moves each source's clock past everything before it (of the far one it would be corrected).
SOON = datetime.now(UTC) + timedelta(hours=2)
LATER = f"<29>1 {SOON.isoformat()} later test 1 - - the end\n".encode()

CONFIG = """
sources:
  - {{type: file, name: logs, paths: ["{folder}/in/*"]}}
assets: {assets}
sinks:
  - {{type: sqlite, path: alerts.sqlite}}
  - {{type: ndjson, path: alerts.ndjson}}
state: {{path: state.sqlite, every: 200ms}}
time: {{idle_after: 1h, lateness: 10s}}
metrics: {{listen: null}}
"""


@pytest.fixture(scope="module")
def story() -> dict[str, bytes]:
    """The demo's records as files of lines; the capture as the events that a sensor would write."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    parsed = subprocess.run(
        [*TIELINE, "parse", RECORDS / "cell-a.pcap"], env=environment, capture_output=True, check=True
    )
    files = {path.name: path.read_bytes() for path in sorted(RECORDS.glob("*.log"))}
    return {**files, "cell-a.ndjson": parsed.stdout}


@contextmanager
def service(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    log = (folder / "service.log").open("ab")
    process = subprocess.Popen(
        [*TIELINE, "run", "-c", "tieline.yml"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        log.close()


def prepared(folder: Path, files: dict[str, bytes]) -> None:
    (folder / "in").mkdir(parents=True)
    for name in files:
        (folder / "in" / name).touch()
    (folder / "tieline.yml").write_text(CONFIG.format(folder=folder, assets=ASSETS))


def append(folder: Path, name: str, data: bytes) -> None:
    with (folder / "in" / name).open("ab") as file:
        file.write(data)


def ended(folder: Path, process: subprocess.Popen[bytes]) -> list[str]:
    """Stops the service in peace once nothing more comes, and gives the keys of what it wrote, in order."""
    output = folder / "alerts.ndjson"
    before, quiet_since = -1, time.monotonic()
    deadline = time.monotonic() + 60
    while time.monotonic() - quiet_since < 7.0:  # longer than a start waits for streams it has not heard
        assert time.monotonic() < deadline
        assert process.poll() is None, (folder / "service.log").read_text()
        size = output.stat().st_size if output.exists() else 0
        if size != before:
            before, quiet_since = size, time.monotonic()
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0, (folder / "service.log").read_text()
    return [str(key_of(json.loads(line))) for line in output.read_bytes().splitlines()]


def pieces(files: dict[str, bytes], rng: random.Random) -> list[tuple[str, bytes]]:
    """The files in pieces of any size, cut anywhere, interleaved as they would grow."""
    queue = []
    for name, data in files.items():
        edges = sorted({0, len(data), *(rng.randrange(len(data)) for _ in range(12))})
        queue += [(start / len(data), name, data[start:stop]) for start, stop in pairwise(edges)]
    return [(name, piece) for _, name, piece in sorted(queue, key=lambda entry: (entry[0], entry[1]))]


def test_each_revision_is_there_once_however_often_the_service_is_killed(
    tmp_path: Path, story: dict[str, bytes]
) -> None:
    rng = random.Random(7)
    quiet, crashed = tmp_path / "quiet", tmp_path / "crashed"
    prepared(quiet, story)
    prepared(crashed, story)
    for name, data in story.items():
        append(quiet, name, data + LATER)
    with service(quiet) as process:
        expected = ended(quiet, process)

    parts = pieces(story, rng)
    kills = set(rng.sample(range(5, len(parts) - 1), 6))
    at = 0
    while at < len(parts):
        with service(crashed) as process:
            time.sleep(1.0 + rng.random())  # it may not even have started
            while at < len(parts):
                append(crashed, *parts[at])
                at += 1
                time.sleep(0.02)
                if at in kills:
                    time.sleep(rng.random())
                    process.kill()
                    break
    for name in story:
        append(crashed, name, LATER)
    with service(crashed) as process:
        found = ended(crashed, process)

    assert len(expected) > 10
    assert {key: count for key, count in Counter(found).items() if count != 1} == {}
    assert set(found) == set(expected)
