"""Our side of `benchmarks.detect`: JSON lines through a Detector, matches written out as NDJSON."""

import gc
import os
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from benchmarks.differences import literals
from benchmarks.forked import Work
from benchmarks.rsigma import Pair
from engine.app import settle
from engine.detect import Detector
from engine.model import Event, LogSource, Match
from engine.ruleset.detection import DetectionRule

_sources: dict[tuple[Any, ...], LogSource] = {}


def event(line: bytes, number: int = 0) -> Event:
    """``ls_*`` name the log source."""
    fields = orjson.loads(line)
    named = (fields.get("ls_product"), fields.get("ls_category"), fields.get("ls_service"))
    source = _sources.get(named)
    if source is None:
        source = _sources[named] = LogSource(*named)
    return Event(fields, 0, "", source, "records", number, 0, line)


def ready(rules: Sequence[DetectionRule], files: Iterable[Path]) -> Detector:
    """With the rules compiled for every log source of the files. Rules are timed, as in service."""
    detector = Detector(rules, timer=time.perf_counter_ns)
    detector.ready({one.logsource: None for path in files for one in _events(path)})
    return detector


def _events(path: Path) -> Iterator[Event]:
    with path.open("rb") as file:
        for number, line in enumerate(file):
            yield event(line, number)


def throughput(rules: Sequence[DetectionRule], path: Path) -> Work:
    """Work for `forked`: ``cpu_s`` and ``wall_s`` of reading, parsing, detecting and writing; the start is left out."""

    def work(prepared: Callable[[], None]) -> dict[str, float]:
        detector = ready(rules, [path])
        matches = number = 0
        with path.open("rb") as given, open(os.devnull, "wb") as out:
            settle()
            prepared()
            wall, cpu = time.perf_counter(), time.process_time()
            for number, line in enumerate(given, 1):
                found = detector.detect(event(line, number))
                if found:
                    matches += len(found)
                    out.writelines(map(_written, found))
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        return {"cpu_s": cpu, "wall_s": wall, "events": number, "matches": matches}

    return work


def _written(match: Match) -> bytes:
    """About what rsigma writes of a match."""
    head = match.rule
    found = {
        "rule_title": head.title,
        "rule_id": head.id,
        "level": head.level,
        "tags": head.tags,
        "matched_fields": [(held.identifier, held.field, held.value) for held in match.why],
    }
    return orjson.dumps(found, option=orjson.OPT_APPEND_NEWLINE)


def pairs(rules: Sequence[DetectionRule], path: Path) -> set[Pair]:
    detector = Detector(rules)
    return {(match.rule.id, one.sequence) for one in _events(path) for match in detector.detect(one)}


def alone(rules: Sequence[DetectionRule], events: Sequence[Event]) -> Work:
    """Work for `forked`: detection of events that are parsed already, and nothing else."""

    def work(prepared: Callable[[], None]) -> dict[str, float]:
        detector = Detector(rules, timer=time.perf_counter_ns)
        for one in {one.logsource: one for one in events}.values():
            detector.detect(one)
        settle()
        prepared()
        cpu, detect = time.process_time(), detector.detect
        for one in events:
            detect(one)
        cpu = time.process_time() - cpu
        return {"cpu_s": cpu, "events": len(events), "matches": detector.stats.matches}

    return work


_KINDS = (
    (LogSource("windows", "process_creation", "sysmon"), "CommandLine"),
    (LogSource("windows", "ps_script", "powershell"), "ScriptBlockText"),
    (LogSource("windows", "registry_set", "sysmon"), "Details"),
    (LogSource("windows", None, "application"), "Data"),  # rules that search keywords
)


def worst(rules: Sequence[DetectionRule], rounds: int) -> Work:
    """Work for `forked`: milliseconds of every single event, by what is bad about it; no two events are the same."""
    words = _words(rules)

    def work(prepared: Callable[[], None]) -> dict[str, list[float]]:
        rng, took = random.Random(7), dict[str, list[float]]()
        detector = Detector(rules, timer=time.perf_counter_ns)
        settle()
        prepared()
        for turn in range(-1, rounds):  # the first turn compiles
            for source, field in _KINDS:
                for kind, fields in _bad(rng, words, field):
                    fields = {"EventID": 1, "Image": f"C:\\a{turn}.exe", **fields}
                    one = Event(fields, 0, "", source, original=orjson.dumps(fields))
                    gc.collect()
                    began = time.perf_counter_ns()
                    detector.detect(one)
                    passed = (time.perf_counter_ns() - began) / 1e6
                    if turn >= 0:
                        took.setdefault(kind, []).append(passed)
        return took

    return work


def _bad(rng: random.Random, words: Sequence[str], field: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each kind twice: with what anybody could write, and with what was written against the rules."""
    size, own = 1_000_000, f"{rng.random()} "
    base64 = rng.randbytes(size // 2).hex()
    yield "1 MB, PowerShell with base64", {field: f"powershell.exe -nop -w hidden -enc {base64}"}
    yield "1 MB, one letter", {field: own + "a" * size}
    yield "1 MB of the rules' words", {field: own + " ".join(rng.choices(words, k=size // 8))[:size]}
    yield "5,000 fields", {f"field{rng.random()}": f"value {rng.random()}" for _ in range(5_000)}
    yield "5,000 fields of the rules' words", {f"f{rng.random()}": rng.choice(words) for _ in range(5_000)}
    yield "5,000 fields in one", {"outer": {f"f{rng.random()}": rng.choice(words) for _ in range(5_000)}}
    yield "a list of 10,000 texts", {field: [f"value {rng.random()}" for _ in range(10_000)]}
    yield "a list of 10,000 numbers", {field: [rng.randrange(1 << 40) for _ in range(10_000)]}
    yield "a list of 10,000 of the rules' words", {field: [f"{one} {own}" for one in rng.choices(words, k=10_000)]}


def _words(rules: Sequence[DetectionRule]) -> list[str]:
    """Literals of the rules' conditions: an event made of them calls for as many rules as can be."""
    return sorted({word for rule in rules for word in literals(rule.condition) if 3 <= len(word) <= 60})
