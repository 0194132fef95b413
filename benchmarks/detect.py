"""Detection with all of SigmaHQ: events a second a core beside rsigma, the same matches, start, memory, worst events.

::

    python -m benchmarks.detect                       # the whole table
    python -m benchmarks.detect --only pairs          # speed, pairs, start, cores, memory, worst, syslog

Needs the folder of outside data (``TIELINE_OUTSIDE_DATA``) and, for the peer, rsigma on PATH (`cargo install rsigma
--version 0.26.0`). Both engines run on one core, one after the other in alternating pairs, over the same files with the
same rules; both read JSON lines and write their matches as JSON lines; both times are CPU time without the start.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks import detection, rsigma, sigmahq
from benchmarks.differences import Reason, differences, table
from benchmarks.forked import alone, peak_mib, together
from benchmarks.journey import machine
from benchmarks.traffic import START_S, Traffic
from engine.app import REPLAY_LATENESS, enrichment, formats, lateness, pipeline, settle, usable_rules
from engine.config import read
from engine.framing.framing import Framing
from engine.model import Chunk, DeadLetter, Event
from engine.parsing.parser import Parser
from engine.ruleset.detection import DetectionRule
from engine.ruleset.load import load

_HERE = Path(__file__).parent
_SHIPPED = _HERE.parent / "rules"


class Case(NamedTuple):
    """Rules (and the folder that they came from) and a file of events to put to them."""

    name: str
    rules: tuple[DetectionRule, ...]
    folder: Path
    events: Path


class Bench:
    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder = folder
        self.rounds: int = options.rounds
        self.core: int = options.core
        self.peer = rsigma.version()
        self.data = sigmahq.outside_data()
        self.every = sigmahq.unpacked(self.data, folder / "sigmahq")
        self.failed = False
        self._cases: list[Case] = []

    def cases(self) -> list[Case]:
        if self._cases:
            return self._cases
        sets = {}
        for product in ("windows", "linux"):
            target = self.folder / product
            count = sigmahq.of_product(self.every, product, target / "sigmahq")
            if product == "linux":
                count += sigmahq.detections(_SHIPPED, target / "shipped")
            ruleset = load([target])
            print(
                f"{product}: {count:,} rules, {len(ruleset.detections):,} of them run, {len(ruleset.disabled)} disabled"
            )
            sets[product] = (ruleset.detections, target)
        for name, product in (("windows-100k", "windows"), ("windows-proc-40k", "windows"), ("linux-20k", "linux")):
            self._cases.append(Case(name, *sets[product], sigmahq.events(self.data, name, self.folder)))
        return self._cases

    def speed(self) -> None:
        rows = ["| events | Tieline/s | rsigma/s | ratio | matches |", "|---|--:|--:|--:|--:|"]
        starts: list[float] = []
        for case in self.cases():
            ours, theirs, ratios, matches = [], [], [], 0
            for _ in range(self.rounds):
                run = alone(self.core, detection.throughput(case.rules, case.events))
                ours.append(run["events"] / run["cpu_s"])
                matches = run["matches"]
                if self.peer is not None:
                    start = rsigma.run(case.folder, None, self.core).cpu_s
                    whole = rsigma.run(case.folder, case.events, self.core).cpu_s
                    starts.append(start)
                    theirs.append(run["events"] / (whole - start))
                    ratios.append(ours[-1] / theirs[-1])
            beside = f"{median(theirs):,.0f} | {median(ratios):.2f}" if theirs else "| "
            rows.append(f"| {case.name} | {median(ours):,.0f} | {beside} | {matches:,} |")
        if starts:
            rows += ["", f"rsigma starts in {min(starts):.2f}-{max(starts):.2f} s of CPU time, which is left out."]
        _print("Events a second of CPU time on one core", rows)

    def pairs(self) -> None:
        """Exits 1 in the end where a difference is unexplained."""
        if self.peer is None:
            return
        for case in self.cases():
            events = rsigma.numbered(case.events, self.folder / "numbered.ndjson")
            ours = detection.pairs(case.rules, events)
            theirs = rsigma.pairs(case.folder, events, self.core, self.folder)
            lines = events.read_bytes().splitlines()
            found = differences(ours, theirs, case.rules, lambda number: detection.event(lines[number], number))  # noqa: B023
            self.failed |= any(one.reason == Reason.NONE for one in found)
            said = f"{len(ours & theirs):,} pairs of both, {len(ours - theirs):,} only of Tieline, "
            rows = [said + f"{len(theirs - ours):,} only of rsigma", "", *(table(found) if found else [])]
            _print(f"The same matches: {case.name}", rows)

    def start(self) -> None:
        """`tieline replay` of one line with every rule, first without a cache, then with what the first has left."""
        line = self.folder / "one.ndjson"
        line.write_bytes(b'{"@timestamp":"2026-03-02T06:00:00Z","message":"nothing"}\n')
        command = [sys.executable, "-m", "engine.cli", "replay", "--rules", str(self.every), str(line)]
        rows = ["| start with every rule | wall s |", "|---|--:|"]
        for name, times in (("cold", 1), ("from the cache", self.rounds)):
            rows.append(f"| {name} | {median(self._started(command) for _ in range(times)):.2f} |")
        _print("Start", rows)

    def _started(self, command: Sequence[str]) -> float:
        environment = {**os.environ, "TIELINE_CACHE": str(self.folder / "cache")}
        began = time.perf_counter()
        done = subprocess.run(command, capture_output=True, cwd=_HERE.parent, env=environment, check=False)
        passed = time.perf_counter() - began
        if done.returncode != 0:
            raise SystemExit(f"{command} ended with {done.returncode}:\n{done.stderr.decode()[-2000:]}")
        return passed

    def cores(self) -> None:
        """Each of two processes has every second event. By the clock needs a machine with nothing else to do."""
        case = self.cases()[0]
        halves = [self.folder / "even.ndjson", self.folder / "odd.ndjson"]
        lines = case.events.read_bytes().splitlines(keepends=True)
        for turn, half in enumerate(halves):
            half.write_bytes(b"".join(lines[turn::2]))
        rates: dict[str, list[list[float]]] = {"wall_s": [], "cpu_s": []}
        for _ in range(self.rounds):
            one = alone(0, detection.throughput(case.rules, case.events))
            two = together([(core, detection.throughput(case.rules, half)) for core, half in enumerate(halves)])
            rates["wall_s"].append([one["events"] / one["wall_s"], one["events"] / max(run["wall_s"] for run in two)])
            rates["cpu_s"].append([one["events"] / one["cpu_s"], sum(run["events"] / run["cpu_s"] for run in two)])
        rows = ["| events/s | one | two | ratio |", "|---|--:|--:|--:|"]
        for name, key in (("by the clock", "wall_s"), ("of CPU time", "cpu_s")):
            ratio = median(two / one for one, two in rates[key])
            single, both = (median(rate[at] for rate in rates[key]) for at in (0, 1))
            rows.append(f"| {name} | {single:,.0f} | {both:,.0f} | {ratio:.2f} |")
        _print("Two processes on two cores", rows)

    def memory(self) -> None:
        files = [case.events for case in self.cases()]
        command = [sys.executable, "-m", "benchmarks.detect", "--memory-of", str(self.every), *map(str, files)]
        rows = ["| a process with every rule | peak MiB |", "|---|--:|"]
        said = subprocess.run(command, capture_output=True, text=True, cwd=_HERE.parent, check=True).stdout
        _print("Memory", rows + said.splitlines())

    def worst(self) -> None:
        took = alone(self.core, detection.worst(self.cases()[0].rules, 2 * self.rounds))
        rows = ["| worst events | median ms | p100 ms |", "|---|--:|--:|"]
        rows += [f"| {kind} | {median(ms):.1f} | {max(ms):.1f} |" for kind, ms in took.items()]
        _print("Worst events, all Windows rules", rows)

    def syslog(self) -> None:
        rules, events = _parsed(self.every, 100_000)
        runs = [alone(self.core, detection.alone(rules, events)) for _ in range(self.rounds)]
        each = median(run["events"] / run["cpu_s"] for run in runs)
        said = f"{each:,.0f} events/s of CPU time, {len(rules)} rules, {len(events):,} events, "
        _print("Syslog events, detection alone", [said + f"{runs[0]['matches']:,} matches"])


def _parsed(sigmahq_rules: Path, count: int) -> tuple[tuple[DetectionRule, ...], list[Event]]:
    """Lines of syslog as our parsers and enrichment leave them; the shipped rules and SigmaHQ's for Linux."""
    with tempfile.TemporaryDirectory() as folder:
        sigmahq.of_product(sigmahq_rules, "linux", Path(folder))
        config = read(_HERE / "tieline.yml")
        enriched = enrichment(config)
        rules = usable_rules([_SHIPPED, Path(folder)], config, enriched)
    stages = pipeline(rules, config, enriched, lateness_ns=lateness(config, None, REPLAY_LATENESS))
    framing, parser = Framing(formats()), Parser(formats())
    lines = [line for line in Traffic().lines(2 * count) if line.startswith(b"<")][:count]
    frames = framing.feed(Chunk(b"\n".join(lines) + b"\n", "records", "records", int(START_S + 86_400) * 10**9, 0))
    events = [parsed for parsed in parser.feed(frames) if not isinstance(parsed, DeadLetter)]
    for event in events:
        stages.enrichment.enrich(event)
    return rules.detections, events


def _memory(every: Path, files: Sequence[Path]) -> None:
    """Runs in a process of its own."""
    rules = usable_rules([every], None, enrichment(None)).detections
    print(f"| {len(rules):,} rules loaded | {peak_mib():.0f} |")
    detector = detection.ready(rules, files)
    settle()
    print(f"| compiled for every log source of the files | {peak_mib():.0f} |")
    for path in files:
        with path.open("rb") as given:
            for number, line in enumerate(given):
                detector.detect(detection.event(line, number))
        print(f"| after {path.stem} | {peak_mib():.0f} |")


def _print(title: str, rows: Sequence[str]) -> None:
    print(f"\n### {title}\n", *rows, sep="\n", flush=True)


def main() -> None:
    parts: dict[str, Callable[[Bench], None]] = {
        "speed": Bench.speed,
        "pairs": Bench.pairs,
        "start": Bench.start,
        "cores": Bench.cores,
        "memory": Bench.memory,
        "worst": Bench.worst,
        "syslog": Bench.syslog,
    }
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detect", description=str(__doc__).splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="the medians count")
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--only", action="append", choices=sorted(parts), help="default: everything; may be repeated")
    parser.add_argument("--memory-of", type=Path, nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory_of:
        _memory(options.memory_of[0], options.memory_of[1:])
        return
    print(machine())
    with tempfile.TemporaryDirectory(prefix="tieline-detect-") as folder:
        bench = Bench(Path(folder), options)
        print(bench.peer or "no rsigma: cargo install rsigma --version 0.26.0")
        for name, part in parts.items():
            if not options.only or name in options.only:
                part(bench)
    if bench.failed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
