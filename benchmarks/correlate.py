"""Correlation: matches a second on one core, memory a group, a million groups saved and restored; others beside it.

::

    python -m benchmarks.correlate              # the whole table
    python -m benchmarks.correlate --peer       # only rsigma and SEC beside us, with what is true

CPU time, the median of three runs. Matches are made before the clock starts; what is measured is their way through the
correlator, watermark and all. Each row is a process of its own, pinned to one core.
"""

import argparse
import gc
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

from benchmarks.beside import Rows, rsigma_mixed, rsigma_smallest, sec_brute_force
from benchmarks.journey import machine
from benchmarks.traffic import START_S, Traffic
from engine.app import formats, settle
from engine.checkpoint import CheckpointStore
from engine.checkpointing import Checkpointing
from engine.correlate import Correlator, Limits
from engine.correlate.capture import merged
from engine.detect.detector import Detector
from engine.framing.framing import Framing
from engine.model import Chunk, Event, LogSource, Match, RuleHead
from engine.parsing.parser import Parser
from engine.ruleset.correlation import CorrelationRule, Threshold
from engine.ruleset.load import load

_ROOT = Path(__file__).parents[1]
_S = 10**9
_SOURCE = LogSource()
_HEADS = {name: RuleHead(name, name) for name in "abc"}
_LIMITS = Limits(groups_per_rule=2_000_000)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.correlate", description=str(__doc__).splitlines()[0])
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--peer", action="store_true", help="only rsigma and SEC beside us")
    options = parser.parse_args()
    print(machine(), "\n\n| work | measured | aim |\n|---|--:|--:|", sep="")
    parts: list[Callable[[], Rows]] = [_counts, _ordered, _values, _memory, _million, _sparse]
    peers: list[Callable[[], Rows]] = [rsigma_mixed, rsigma_smallest, sec_brute_force]
    for part in peers if options.peer else [*parts, *peers]:
        with get_context("spawn").Pool(1, os.sched_setaffinity, (0, {options.core})) as pool:
            for row in pool.apply(part):
                print("|", " | ".join(row), "|", flush=True)


def _rule(type: str, rules: str, least: int, timespan_s: int, **more: Any) -> CorrelationRule:
    return CorrelationRule(
        head=RuleHead(type, type, correlation=True),
        type=type,  # type: ignore[arg-type]
        rules=tuple(rules),
        group_by=more.pop("group_by", ("user.name",)),
        timespan_ns=timespan_s * _S,
        condition=Threshold((("gte", least),)),
        **more,
    )


def _match(rule: str, number: int, group: int, address: int) -> Match:
    """A thousand a second, of about the size of a refused logon."""
    ip = f"10.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}"
    fields = {
        "user.name": f"user{group}",
        "source.ip": ip,
        "host.name": "vpn-gateway",
        "message": f"Failed password for user{group} from {ip} port {number % 60_000} ssh2",
    }
    return Match(_HEADS[rule], Event(fields, number * _S // 1000, f"{number:032x}", _SOURCE, "s", number))


def _rate(rule: CorrelationRule, made: Callable[[], Iterator[Match]]) -> tuple[float, Correlator]:
    rates: list[float] = []
    for _ in range(3):
        matches = list(made())
        correlator = Correlator([rule], lateness_ns=10 * _S, limits=_LIMITS)
        correlator.expect("s")
        settle()
        tick, add = correlator.tick, correlator.add
        began = process_time()
        for match in matches:
            event = match.event
            tick(event.source, event.time)
            add(match)
        rates.append(len(matches) / (process_time() - began))
    return median(rates), correlator


def _counts() -> Rows:
    rng = random.Random(1)
    many = [rng.randrange(100_000) for _ in range(400_000)]
    rule = _rule("event_count", "a", 50, 600)
    rate, correlator = _rate(rule, lambda: (_match("a", n, g, g) for n, g in enumerate(many)))
    groups = correlator.stats["groups"]
    return [(f"event_count, {groups:,} live groups: matches/s", f"{rate:,.0f}", "≥ 150,000")]


def _ordered() -> Rows:
    rng = random.Random(2)
    many = [(rng.choices("abc", (60, 39, 1))[0], rng.randrange(100_000)) for _ in range(400_000)]
    rule = _rule("temporal_ordered", "abc", 3, 600)
    rate, correlator = _rate(rule, lambda: (_match(step, n, g, g) for n, (step, g) in enumerate(many)))
    groups, opened = correlator.stats["groups"], correlator.stats["opened"]
    return [(f"3 ordered steps, {groups:,} groups, {opened:,} alerts: matches/s", f"{rate:,.0f}", "≥ 100,000")]


def _values() -> Rows:
    rule = _rule("value_count", "a", 20_000, 20, fields=("source.ip",))
    rate, _ = _rate(rule, lambda: (_match("a", n, 0, n % 10_000) for n in range(200_000)))
    return [("value_count, 10,000 distinct values in the window: matches/s", f"{rate:,.0f}", "≥ 100,000")]


def _memory() -> Rows:
    groups = 200_000
    correlator = Correlator([_rule("event_count", "a", 50, 86_400)], lateness_ns=_S, limits=_LIMITS)
    gc.collect()
    before = _resident()
    for number in range(2 * groups):
        match = _match("a", number, number * 7919 % groups, number)
        correlator.tick("s", match.event.time)
        correlator.add(match)
    correlator.tick("s", match.event.time + 10 * _S)
    gc.collect()
    assert correlator.stats["groups"] == groups
    size = (_resident() - before) / groups
    return [("event_count, memory of a group with two matches and its key: bytes", f"{size:.0f}", "≤ 500")]


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def _million() -> Rows:
    groups = 1_000_000
    rule = _rule("event_count", "a", 50, 86_400)
    correlator = Correlator([rule], lateness_ns=_S, limits=_LIMITS)
    settle()
    for number in range(2 * groups):
        match = _match("a", number, number * 7919 % groups, number)
        correlator.tick("s", match.event.time)
        correlator.add(match)
    with tempfile.TemporaryDirectory(prefix="tieline-correlate-") as folder:
        store = CheckpointStore(Path(folder) / "state")
        whole, pause, size = _saved(store, correlator)
        for number in range(20_000):
            match = _match("a", 2 * groups + number, number, number)
            correlator.tick("s", match.event.time)
            correlator.add(match)
        changes, pause_of_changes, size_of_changes = _saved(store, correlator)
        store.close()
        del correlator
        gc.collect()
        began, spent = perf_counter(), process_time()
        store = CheckpointStore(Path(folder) / "state")
        again = Correlator([rule], lateness_ns=_S, limits=_LIMITS)
        again.restore(merged(store.load()["captures"]))
        restored, spent = perf_counter() - began, process_time() - spent
        store.close()
    assert again.stats["groups"] == groups
    return [
        (f"{groups:,} groups: saved ({size >> 20} MiB), seconds", f"{whole:.1f}", "≤ 5"),
        ("longest pause of the stream meanwhile, ms", f"{1000 * pause:.0f}", "≤ 100"),
        (f"20,000 of them changed: saved ({size_of_changes >> 20} MiB), seconds", f"{changes:.2f}", ""),
        ("longest pause meanwhile, ms", f"{1000 * pause_of_changes:.0f}", "≤ 100"),
        (f"{groups:,} groups: restored, seconds (of CPU time)", f"{restored:.1f} ({spent:.1f})", "≤ 5"),
    ]


def _saved(store: CheckpointStore, correlator: Correlator) -> tuple[float, float, int]:
    """Seconds by the clock, the longest that the stream stood still, bytes."""
    began = perf_counter()
    saving = Checkpointing(store, b"\x80", correlator.capture(full=store.full()), {}, 0)
    longest = perf_counter() - began
    durable = False
    while not durable:
        time.sleep(0.001)  # the next batch of the stream
        step = perf_counter()
        durable = saving.go_on()
        longest = max(longest, perf_counter() - step)
    return perf_counter() - began, longest, saving.size


def _sparse() -> Rows:
    """The shipped detections over events of which one in a hundred matches one of a thousand correlations' rules."""
    detections = load([_ROOT / "rules"]).detections
    correlator = Correlator([_numbered(number) for number in range(1_000)], lateness_ns=10 * _S)
    correlator.expect("s")
    detector = Detector(detections, zone=None)
    rng = random.Random(4)
    lines = b"".join(line + b"\n" for line in Traffic().lines(50_000))
    frames = Framing(formats()).feed(Chunk(lines, "s", "s", int(START_S + 86_400) * _S, 0))
    events = [each for each in Parser(formats()).feed(frames) if isinstance(each, Event)]
    for number, event in enumerate(events):
        event.fields["user.name"] = f"user{number % 5_000}"
    heads = [RuleHead(f"base-{number}", f"base-{number}") for number in range(1_000)]
    matches = {n: Match(heads[rng.randrange(1_000)], events[n]) for n in range(0, len(events), 100)}
    settle()
    began = process_time()
    for event in events:
        detector.detect(event)
    detected = process_time() - began
    began = process_time()
    for number, event in enumerate(events):
        correlator.tick("s", event.time)
        match = matches.get(number)
        if match is not None:
            correlator.add(match)
    correlated = process_time() - began
    began = process_time()
    for number, _ in enumerate(events):
        matches.get(number)
    correlated -= process_time() - began
    each = f"{1e9 * detected / len(events):,.0f} ns and {1e9 * correlated / len(events):,.0f} ns an event"
    what = f"1,000 correlations, 1 % of events match: of the cost of detection ({each})"
    return [(what, f"{correlated / detected:.1%}", "≤ 5 %")]


def _numbered(number: int) -> CorrelationRule:
    return CorrelationRule(
        head=RuleHead(f"correlation-{number}", f"correlation-{number}", correlation=True),
        type="event_count",
        rules=(f"base-{number}",),
        group_by=("user.name",),
        timespan_ns=600 * _S,
        condition=Threshold((("gte", 5),)),
    )


if __name__ == "__main__":
    main()
