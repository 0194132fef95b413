"""The peer: `rsigma engine eval` over a file, its CPU time, and the (rule, event) pairs that it reports."""

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import orjson

_LOGSOURCE = "product=ls_product,service=ls_service,category=ls_category"
_NUMBER = "ls_number"  # of the event: rsigma gives the event back, not where it stood

Pair = tuple[str, int]
"""Rule id, number of the event from 0."""


class Run(NamedTuple):
    cpu_s: float
    wall_s: float
    peak_kib: int


def version() -> str | None:
    """None where it is not installed."""
    if shutil.which("rsigma") is None:
        return None
    said = subprocess.run(["rsigma", "--version"], capture_output=True, text=True, check=True)
    return said.stdout.splitlines()[0]


def run(rules: Path, events: Path | None, core: int, out: Path | None = None, *, more: tuple[str, ...] = ()) -> Run:
    """One process, its start included; no events: its start alone."""
    command = ["rsigma", "engine", "eval", "-r", str(rules), "--output-format", "ndjson", "--logsource-routing"]
    command += ["--logsource-field-map", _LOGSOURCE, "--quiet", *more]
    with (events or Path(os.devnull)).open("rb") as given, (out or Path(os.devnull)).open("wb") as taken:
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdin=given,
            stdout=taken,
            stderr=subprocess.PIPE,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )
        assert process.stderr is not None
        said = process.stderr.read().decode("utf-8", "replace")
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{command} ended with {process.returncode}:\n{said[-2000:]}")
    return Run(used.ru_utime + used.ru_stime, wall, used.ru_maxrss)


def numbered(events: Path, path: Path) -> Path:
    """The same events, each with its number in a field."""
    with events.open("rb") as file, path.open("wb") as out:
        for number, line in enumerate(file):
            event = orjson.loads(line)
            event[_NUMBER] = f"#{number}"
            out.write(orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE))
    return path


def pairs(rules: Path, events: Path, core: int, folder: Path) -> set[Pair]:
    """What rsigma reports of ``numbered`` events."""
    run(rules, events, core, folder / "rsigma.ndjson", more=("--include-event",))
    with (folder / "rsigma.ndjson").open("rb") as found:
        return {pair(orjson.loads(line)) for line in found}


def pair(detection: dict[str, object]) -> Pair:
    """
    >>> pair({"rule_id": "5f1", "rule_title": "Two", "event": {"ls_number": "#17"}})
    ('5f1', 17)
    """
    event = detection["event"]
    assert isinstance(event, dict)
    return str(detection["rule_id"]), int(event[_NUMBER][1:])
