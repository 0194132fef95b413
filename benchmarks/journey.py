"""Raw line → alert as NDJSON: lines a second on one core, peak memory, and SEC beside it on the same input.

::

    python -m benchmarks.journey --lines 200000 --peer
    python -m benchmarks.journey --constant-memory            # 10 million lines through a pipe

Every run is a process of its own (`tieline replay`), start included, pinned to one core; the input is made by
``benchmarks.traffic`` and is the same for the same number of lines.
"""

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import orjson

from benchmarks.traffic import START_S, Traffic

_HERE = Path(__file__).parent
_RULES = _HERE.parent / "rules"

_FOUR = {
    "e295e947-abc3-4b89-a937-9787a782b03c": "root logon",
    "ab6195f8-288d-4ff1-b9d4-e3604a7cf2c6": "brute force",
    "df655aef-bec9-4ce0-b4ea-0461df9317da": "logon after brute force",
    "d97b1131-8cab-4869-a080-005615b05080": "sudo again and again",
}
"""Ids of shipped rules, and what `peer/sec.conf`, `peer/four.yml` and the traffic call the same."""


@dataclass
class Run:
    """One process, from its start to its end."""

    seconds: float
    cpu_seconds: float
    peak_kib: int
    found: Counter[str]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.journey", description=str(__doc__).splitlines()[0])
    parser.add_argument("--lines", type=int, help="default: 200,000, with --constant-memory 10,000,000")
    parser.add_argument("--runs", type=int, default=3, help="the median counts")
    parser.add_argument("--rules", type=Path, default=_RULES, help="default: the shipped rules")
    parser.add_argument("--core", type=int, default=0, help="where the measured process runs")
    parser.add_argument("--peer", action="store_true", help="SEC beside it (Debian package sec)")
    parser.add_argument("--constant-memory", action="store_true", help="memory over the lines, fed through a pipe")
    options = parser.parse_args()
    print(machine())
    if options.constant_memory:
        _constant_memory(options.lines or 10_000_000, options.rules, options.core)
        return
    with tempfile.TemporaryDirectory(prefix="tieline-journey-") as folder:
        _journey(Path(folder), options)


def _journey(folder: Path, options: argparse.Namespace) -> None:
    records, lines = folder / "traffic.log", options.lines or 200_000
    traffic = Traffic()
    with records.open("wb") as file:
        for line in traffic.lines(lines):
            file.write(line + b"\n")
    size = records.stat().st_size
    print(
        f"{lines:,} lines, {size / lines:.0f} bytes each; in them {_said(traffic.truth)}, {traffic.stories} stories\n"
    )
    print("| | lines/s | of CPU time | peak MiB | detections |\n|---|--:|--:|--:|---|")

    def tieline(rules: Sequence[Path]) -> Callable[[], Run]:
        return lambda: _tieline(records, rules, options.core, folder / "alerts.ndjson")

    ours = _row("Tieline, the shipped rules", lines, options.runs, tieline([options.rules]))
    if options.peer:
        if shutil.which("sec") is None:
            raise SystemExit("no sec: apt-get install sec")
        four = [_HERE / "peer" / "four.yml"]
        same = _row("Tieline, SEC's four rules", lines, options.runs, tieline(four))
        peer = _row("SEC, four rules", lines, options.runs, lambda: _sec(records, options.core))
        print(
            f"\nTieline to SEC, by CPU time: {peer[0] / ours[0]:.3f}; with the same four rules: {peer[0] / same[0]:.3f}"
        )
        _agree(Counter(traffic.truth), {"Tieline": ours[1], "Tieline with four rules": same[1], "SEC": peer[1]})


def _row(name: str, lines: int, runs: int, once: Callable[[], Run]) -> tuple[float, Counter[str]]:
    done = [once() for _ in range(runs)]
    if any(run.found != done[0].found for run in done):
        raise SystemExit(f"{name}: two runs over the same input found different things")
    seconds = median(run.seconds for run in done)
    found = done[0].found
    four = {name: found[name] for name in _FOUR.values()}
    others = found.total() - sum(four.values())
    shown = _said(four) + (f"; {others} others" if others else "")
    peak = max(run.peak_kib for run in done) / 1024
    cpu = median(run.cpu_seconds for run in done)
    print(f"| {name} | {lines / seconds:,.0f} | {lines / cpu:,.0f} | {peak:.0f} | {shown} |", flush=True)
    return cpu, found


def _agree(truth: Counter[str], found: dict[str, Counter[str]]) -> None:
    wrong = {
        name: {kind: (counts[kind], truth[kind]) for kind in truth if counts[kind] != truth[kind]}
        for name, counts in found.items()
    }
    for name, kinds in wrong.items():
        for kind, (had, wanted) in kinds.items():
            print(f"{name}: {had} of {wanted} {kind}")
    if any(wrong.values()):
        raise SystemExit(1)
    print("all agree with what is in the traffic")


def _command(rules: Sequence[Path], records: str) -> list[str]:
    reference = datetime.fromtimestamp(START_S + 86_400, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    command = [sys.executable, "-m", "engine.cli", "replay", "-c", str(_HERE / "tieline.yml")]
    for path in rules:
        command += ["--rules", str(path)]
    return [*command, "--reference-time", reference, records]


def _tieline(records: Path, rules: Sequence[Path], core: int, alerts: Path) -> Run:
    with alerts.open("wb") as out:
        run = _measured(_command(rules, str(records)), core, out.fileno())
    with alerts.open("rb") as found:
        for line in found:
            alert = orjson.loads(line)
            run.found[_FOUR.get(alert["rule.uuid"], alert["rule.name"])] += 1
    return run


def _sec(records: Path, core: int) -> Run:
    with tempfile.TemporaryFile() as out:
        command = ["sec", f"--conf={_HERE / 'peer' / 'sec.conf'}", f"--input={records}", "--fromstart", "--notail"]
        run = _measured([*command, "--nointevents", "--debug=3"], core, out.fileno())
        out.seek(0)
        run.found.update(line.decode().rstrip("\n") for line in out)
    return run


def _measured(command: list[str], core: int, output: int) -> Run:
    """VmHWM and not ru_maxrss, which begins with what the parent had."""
    peak, ended, cpu = 0, 0, 0.0
    with tempfile.TemporaryFile() as said:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=said, cwd=_HERE.parent)
        _pin(process.pid, core)
        while not ended:
            peak = max(peak, _memory(process.pid, "VmHWM"))
            time.sleep(0.01)
            ended, status, used = os.wait4(process.pid, os.WNOHANG)
            cpu = used.ru_utime + used.ru_stime
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        if process.returncode != 0:
            raise SystemExit(f"{command} ended with {process.returncode}:\n{said.read().decode()[-2000:]}")
    return Run(seconds, cpu, peak, Counter())


def _constant_memory(lines: int, rules: Path, core: int) -> None:
    samples: list[tuple[int, int]] = []
    began = time.perf_counter()
    with (
        tempfile.TemporaryFile() as alerts,
        tempfile.TemporaryFile() as said,
        subprocess.Popen(
            _command([rules], "-"), stdin=subprocess.PIPE, stdout=alerts, stderr=said, cwd=_HERE.parent
        ) as process,
    ):
        _pin(process.pid, core)
        assert process.stdin is not None
        batch: list[bytes] = []
        for number, line in enumerate(Traffic().lines(lines), 1):
            batch.append(line)
            if len(batch) == 500:
                process.stdin.write(b"\n".join(batch) + b"\n")
                batch.clear()
            if number % max(lines // 100, 1) == 0:
                samples.append((number, _memory(process.pid, "VmRSS")))
                if number % max(lines // 10, 1) == 0:
                    passed = time.perf_counter() - began
                    print(
                        f"{number:>12,} lines  {samples[-1][1] / 1024:7.1f} MiB  {number / passed:9,.0f} lines/s",
                        flush=True,
                    )
        process.stdin.write(b"".join(line + b"\n" for line in batch))
        process.stdin.close()
        peak = 0
        while process.poll() is None:
            peak = max(peak, _memory(process.pid, "VmHWM"))
            time.sleep(0.05)
        said.seek(0)
        print(said.read().decode().strip())
        if process.returncode != 0:
            raise SystemExit(1)
        found = alerts.seek(0, os.SEEK_END)
    tail = [kib for number, kib in samples if number > lines / 2]
    growth = (sum(tail[-10:]) - sum(tail[:10])) / 10
    print(
        f"peak {peak / 1024:.1f} MiB; over the second half {growth / 1024:+.1f} MiB; {found / 1024:.0f} KiB of alerts"
    )


def _pin(process: int, core: int) -> None:
    with suppress(ProcessLookupError):
        os.sched_setaffinity(process, {core})
    others = os.sched_getaffinity(0) - {core}
    if others:
        os.sched_setaffinity(0, others)


def _memory(process: int, key: str) -> int:
    """VmRSS or VmHWM in KiB; 0 once the process has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith(key):
                return int(line.split()[1])
    return 0


def machine() -> str:
    """Date, processor, Python and load, for the head of a table."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    model = models[0].partition(":")[2].strip() if models else platform.machine()
    load, version = os.getloadavg()[0], platform.python_version()
    return f"{datetime.now(UTC):%Y-%m-%d}, {model}, {len(models)} cores, Python {version}, load {load:.1f}"


def _said(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in counts.items())


if __name__ == "__main__":
    main()
