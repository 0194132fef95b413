"""Correlations of others beside ours: the same input, CPU time without the start, and what of it is true.

rsigma (`cargo install rsigma --version 0.26.0`) over JSON: a stream as small as can be, and ``mixed.py``. SEC (Debian
`sec`) over the raw lines of sshd: one rule of brute force. The truth is that of the tests' oracle; for SEC that of who
tried how often.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

import orjson

from benchmarks import mixed
from benchmarks.everyday import iso, syslog
from benchmarks.traffic import START_S
from engine.model import Event, LogSource, Match, RuleHead

_ROOT = Path(__file__).parents[1]
_PEER = _ROOT / "benchmarks" / "peer"
_S = 10**9
_RUNS = 3
_NO_RSIGMA = ("rsigma beside it", "not there: cargo install rsigma --version 0.26.0", "")
_NO_SEC = ("SEC beside it", "not there: apt-get install sec", "")

Rows = list[tuple[str, str, str]]
Said = Callable[[bytes], list[str]]
"""What a process found, of what it wrote."""


def rsigma_smallest() -> Rows:
    """Four fields an event: nothing but reading it and three steps in order."""
    rng = random.Random(3)
    events = [
        {
            "@timestamp": iso(START_S + n / 100),
            "event.id": f"e{n}",
            "ls_category": "probe",
            "act": rng.choices("abcn", (3, 2, 2, 93))[0],
            "who": f"user-{rng.randrange(600)}",
        }
        for n in range(200_000)
    ]
    steps = {"a": "who", "b": "who", "c": "who"}
    matches = [
        (event["act"], event["who"], n * _S // 100, event["event.id"])
        for n, event in enumerate(events)
        if event["act"] in steps
    ]
    return _rsigma("JSON of 100 bytes", _smallest_rules(), events, _sequences(matches, steps, 60))


def rsigma_mixed() -> Rows:
    """IT and OT in one stream: ten detections, four correlations."""
    events = list(mixed.events(200_000))
    steps = {"remote": "host.ip", "written": "source.ip", "stopped": "source.ip"}
    matches = []
    for number, event in enumerate(events):
        step = _step(event)
        if step is not None:
            matches.append((step, event[steps[step]], number * mixed.STEP_NS, event["event.id"]))
    return _rsigma("IT and OT as JSON", (_PEER / "mixed.yml").read_text(), events, _sequences(matches, steps, 60))


def _step(event: dict[str, Any]) -> str | None:
    """What the rules of ``mixed.yml`` say of the steps of its sequence."""
    if event.get("EventID") == 4624 and event["LogonType"] == 10 and event["host.name"].startswith("ews-"):
        return "remote"
    return {"write": "written", "plc_stop": "stopped"}.get(event.get("ot.operation", ""))


def sec_brute_force() -> Rows:
    """Twenty refusals of one address in ten minutes, on lines of sshd as they are sent."""
    if shutil.which("sec") is None:
        return [_NO_SEC]
    lines, true = _sshd(200_000)
    ours = [
        sys.executable,
        "-m",
        "engine.cli",
        "replay",
        "--format",
        "syslog",
        "--reference-time",
        "2026-03-03T06:00:00Z",
    ]
    ours += ["--rules", str(_PEER / "brute_force.yml")]
    theirs = ["sec", f"--conf={_PEER / 'brute_force.conf'}", "--fromstart", "--notail", "--nointevents", "--debug=3"]
    with tempfile.TemporaryDirectory(prefix="tieline-beside-") as name:
        records, none = _written(Path(name), lines)
        runs = [
            ("Tieline", lambda path: [*ours, str(path)], _addresses),
            ("SEC", lambda path: [*theirs, f"--input={path}"], lambda out: sorted(out.decode().split())),
        ]
        rows, speeds = [], []
        for title, command, said in runs:
            speed, out = _speed(command, records, none, len(lines))
            speeds.append(speed)
            found = said(out)
            if found != true:
                raise SystemExit(f"{title}: {len(found)} addresses, and {len(true)} are true")
            rows.append(
                (f"{title}, lines of sshd to {len(found)} brute forces, all true: lines/s", f"{speed:,.0f}", "")
            )
    return [*rows, ("Tieline to SEC", f"{speeds[0] / speeds[1]:.2f}", "")]


def _addresses(out: bytes) -> list[str]:
    alerts = [orjson.loads(line) for line in out.splitlines()]
    return sorted(
        alert["tieline.correlation.group"]["source.ip"] for alert in alerts if alert["rule.name"] == "brute force"
    )


def _sshd(count: int) -> tuple[list[bytes], list[str]]:
    """A tenth of the lines are refusals: of addresses that try 20 to 40 times in less than ten minutes, and of others
    that stay below 20."""
    rng = random.Random(5)
    tries: list[tuple[float, str]] = []
    true: list[str] = []
    span = count / 100
    for number in range(1_000):
        address = f"198.{18 + number // 65_536}.{number // 256 % 256}.{number % 256}"
        often = number % 4 == 0
        if often:
            true.append(address)
        begin = START_S + rng.random() * max(span - 600, 0)
        length = min(span, 580.0)
        tries += [(begin + rng.random() * length, address) for _ in range(rng.randrange(20, 41) if often else 17)]
    everyday = [(START_S + rng.random() * span, "") for _ in range(count - len(tries))]
    lines = []
    for when, address in sorted(tries + everyday):
        user, port = f"user{rng.randrange(300)}", rng.randrange(1024, 65_536)
        if address:
            text = f"Failed password for {user} from {address} port {port} ssh2"
        elif rng.random() < 0.5:
            text = (
                f"Accepted publickey for {user} from 10.20.{rng.randrange(8)}.{rng.randrange(2, 250)} port {port} ssh2"
            )
        else:
            text = f"pam_unix(sshd:session): session closed for user {user}"
        lines.append(syslog(when, f"host-{rng.randrange(10)}", "sshd", rng.randrange(500, 30_000), text))
    return lines, sorted(true)


def _rsigma(name: str, rules: str, events: Sequence[dict[str, Any]], true: int) -> Rows:
    if shutil.which("rsigma") is None:
        return [_NO_RSIGMA]
    lines = [orjson.dumps(event) for event in events]
    with tempfile.TemporaryDirectory(prefix="tieline-beside-") as folder:
        records, none = _written(Path(folder), lines)
        file = Path(folder) / "rules.yml"
        file.write_text(rules)
        ours = [sys.executable, "-m", "engine.cli", "replay", "--format", "json", "--rules", str(file)]
        theirs = ["rsigma", "engine", "eval", "-r", str(file), "--timestamp-field", "@timestamp", "--quiet"]
        theirs += ["--logsource-routing", "--logsource-field-map"]
        theirs += ["product=ls_product,service=ls_service,category=ls_category", "-e"]
        rows, speeds = [], []
        for title, command in (("Tieline", [*ours, "{}"]), ("rsigma", [*theirs, "@{}"])):
            speed, out = _speed(lambda path, c=command: [one.format(path) for one in c], records, none, len(events))  # type: ignore[misc]
            speeds.append(speed)
            found = sum(b'"sequence"' in line for line in out.splitlines())
            if title == "Tieline" and found != true:
                raise SystemExit(f"{name}: {found} sequences, and {true} are true")
            rows.append((f"{title}, {name} to {found:,} sequences ({true:,} true): events/s", f"{speed:,.0f}", ""))
    return [*rows, (f"Tieline to rsigma, {name}", f"{speeds[0] / speeds[1]:.2f}", "≥ 1.2")]


def _written(folder: Path, lines: Sequence[bytes]) -> tuple[Path, Path]:
    """All of the lines, and the first alone: what a run of that takes is the start."""
    records, one = folder / "records", folder / "one"
    records.write_bytes(b"".join(line + b"\n" for line in lines))
    one.write_bytes(lines[0] + b"\n")
    return records, one


def _speed(command: Callable[[Path], list[str]], records: Path, one: Path, count: int) -> tuple[float, bytes]:
    start = median(_cpu(command(one))[0] for _ in range(_RUNS))
    done = [_cpu(command(records)) for _ in range(_RUNS)]
    return count / (median(seconds for seconds, _ in done) - start), done[0][1]


def _cpu(command: list[str]) -> tuple[float, bytes]:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=out, stderr=said, stdin=subprocess.DEVNULL, cwd=_ROOT)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            said.seek(0)
            raise SystemExit(f"{command} ended with {process.returncode}:\n{said.read().decode()[-2000:]}")
        out.seek(0)
        return used.ru_utime + used.ru_stime, out.read()


def _sequences(matches: Sequence[tuple[str, str, int, str]], steps: dict[str, str], timespan_s: int) -> int:
    """The alerts that the oracle of the tests finds: it is quadratic, so group by group."""
    for folder in ("oracle", "correlate"):
        path = str(_ROOT / "tests" / folder)
        with suppress(ValueError):
            sys.path.remove(path)
        sys.path.insert(0, path)
    import correlations as oracle
    from streams import plain

    rule = plain(
        "sequence", "temporal_ordered", list(steps), {"gte": len(steps)}, group_by=["key"], timespan=timespan_s * _S
    )
    groups: dict[str, list[Match]] = {}
    for number, (step, key, time, id) in enumerate(matches):
        made = Event({"key": key}, time, id, LogSource(), "s", number)
        groups.setdefault(key, []).append(Match(RuleHead(step, step), made))
    end = max(time for _, _, time, _ in matches)
    return sum(len(oracle.alerts([rule], group, end)) for group in groups.values())


def _smallest_rules() -> str:
    base = "title: {0}\nid: 00000000-0000-4000-8000-00000000000{1}\nname: {0}\nlogsource: {{category: probe}}\n"
    base += "detection: {{s: {{act: {0}}}, condition: s}}\nlevel: low\n---\n"
    sequence = {"type": "temporal_ordered", "rules": ["a", "b", "c"], "group-by": ["who"], "timespan": "60s"}
    text = "".join(base.format(name, number) for number, name in enumerate("abc"))
    head = "title: sequence\nid: 00000000-0000-4000-8000-000000000009\nlevel: high\n"
    return f"{text}{head}correlation: {json.dumps(sequence)}\n"
