"""Files in, events or alerts out: read as the service reads, but in event time and to the end."""

import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from heapq import heapify, heappop, heapreplace
from pathlib import Path
from typing import Any

import orjson

from engine.app import (
    REPLAY_LATENESS,
    Pipeline,
    enrichment,
    formats,
    lateness,
    pipeline,
    settle,
    usable_rules,
)
from engine.config import Config, duration_ns
from engine.framing.framing import Framing
from engine.model import Alert, Event, Match
from engine.model.times import from_iso
from engine.parsing.parser import Parsed, Parser
from engine.sinks.documents import encoded
from engine.sources.errors import SourceError
from engine.sources.reading import read_once


def received_ns(path: str, reference_time: int | None) -> int:
    """The time of receipt of a file's records: the reference time, else the file's own, of standard input now."""
    if reference_time is not None:
        return reference_time
    if path == "-":
        return time.time_ns()
    try:
        return Path(path).stat().st_mtime_ns
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}; name a file that can be read") from None


def read_parsed(
    path: str,
    parser: Parser,
    *,
    format: str | None,
    reference_time: int | None,
    on_bytes: Callable[[int], None] | None = None,
    problems: list[str] | None = None,
) -> Iterator[list[Parsed]]:
    """The events and dead letters of one file, a chunk's worth at a time; ``problems`` is told what is wrong with
    it."""
    framing = Framing(formats(), format=format)
    received = received_ns(path, reference_time)
    if Path(path).is_dir():
        raise SourceError(f"{path}: is a directory; name its files")
    for chunk in read_once(path, received=received, problems=problems):
        if on_bytes is not None:
            on_bytes(len(chunk.payload))
        parsed = parser.feed(framing.feed(chunk))
        if parsed:
            yield parsed
    if problems is not None:
        problems += framing.problems
    rest = parser.expire(path, None)
    parser.forget(path)
    if rest:
        yield rest


class _Reader:
    """One file, with the clock that its events have reached."""

    def __init__(self, path: str, batches: Iterator[list[Parsed]]) -> None:
        self.path = path
        self._batches = batches
        self._ready: deque[Parsed] = deque()
        self.clock = -(1 << 63)
        self.ended = False

    def take(self, until: tuple[int, str] | None) -> list[Parsed]:
        """Events in order while this file's clock is not ahead of ``until``, at most what is read; ends with the
        file."""
        if not self._ready:
            batch = next(self._batches, None)
            if batch is None:
                self.ended = True
                return []
            self._ready.extend(batch)
        ready = self._ready
        if until is None:  # no other file waits
            out = list(ready)
            ready.clear()
            return out
        out = []
        while ready:
            parsed = ready.popleft()
            out.append(parsed)
            if isinstance(parsed, Event) and parsed.time > self.clock:
                self.clock = parsed.time
                if (self.clock, self.path) > until:
                    break
        return out


def interleaved(files: Mapping[str, Iterator[list[Parsed]]], ended: Callable[[str], None]) -> Iterator[list[Parsed]]:
    """The events of several files, always of the file whose clock is furthest behind: as if they were being written
    now.

    The order of the files does not matter; ``ended`` is told when one is read whole.
    """
    heap = [(-(1 << 63), path) for path in sorted(files)]
    readers = {path: _Reader(path, batches) for path, batches in files.items()}
    heapify(heap)
    while heap:
        reader = readers[heap[0][1]]
        until = min(heap[1:3]) if len(heap) > 1 else None
        batch = reader.take(until)
        if batch:
            yield batch
        if reader.ended:
            heappop(heap)
            ended(reader.path)
        else:
            heapreplace(heap, (reader.clock, reader.path))


class Outcome:
    """What a replay found, last revision of each alert, in the order of decision; memory stays small however much it
    is."""

    def __init__(self) -> None:
        self._found = sqlite3.connect("")  # a temporary database that goes to disk when it outgrows its cache
        self._found.execute(
            "CREATE TABLE found (time BLOB, kind INTEGER, id TEXT, document BLOB, PRIMARY KEY (kind, id)) WITHOUT ROWID"
        )
        self.alerts = 0

    def add(self, alert: Alert) -> None:
        self._put(alert.time, 1, alert.id, alert.document)

    def add_match(self, time_ns: int, key: str, document: Mapping[str, Any]) -> None:
        self._put(time_ns, 0, key, document)

    def _put(self, time_ns: int, kind: int, key: str, document: Mapping[str, Any]) -> None:
        order = (time_ns + (1 << 79)).to_bytes(10, "big")
        self._found.execute("INSERT OR REPLACE INTO found VALUES (?, ?, ?, ?)", (order, kind, key, encoded(document)))

    def lines(self) -> Iterator[bytes]:
        for (document,) in self._found.execute("SELECT document FROM found ORDER BY time, kind, id"):
            yield document

    def count(self) -> int:
        return int(self._found.execute("SELECT count(*) FROM found WHERE kind = 1").fetchone()[0])


class Summary:
    """Counts of a replay, for standard error."""

    def __init__(self) -> None:
        self.records = 0
        self.dead_letters = 0
        self.matches = 0
        self.seconds = 0.0
        self.problems: list[str] = []

    def text(self, pipeline: Pipeline, parser: Parser, alerts: int) -> str:
        stats = pipeline.correlator.stats
        events = self.records - self.dead_letters
        found = f"{events} events, {self.dead_letters} dead letters, {self.matches} matches, {alerts} alerts"
        lines = [f"{self.records} records in {self.seconds:.1f} s: {found}"]
        notes = [
            f"{count} {words}"
            for count, words in (
                (stats.get("late", 0), "late matches"),
                (stats.get("missing_key", 0), "matches without a group key"),
                (stats.get("evicted", 0), "evicted"),
                (parser.stats["clock_corrected"], "times corrected"),
                (parser.stats["time_assumed"], "times assumed"),
                (sum(parser.partial.values()), "records read in part"),
                (0 if pipeline.reads is None else pipeline.reads.stats["reads_aggregated"], "reads aggregated"),
            )
            if count
        ]
        if notes:
            lines.append(", ".join(notes))
        return "\n".join(lines + self.problems)


def replay(
    files: Sequence[str],
    pipeline: Pipeline,
    *,
    format: str | None = None,
    reference_time: int | None = None,
    outcome: Outcome,
    on_bytes: Callable[[int], None] | None = None,
) -> tuple[Summary, Parser]:
    """Reads the files to their end; what was found is in ``outcome``."""
    summary = Summary()
    began = time.perf_counter()
    parser = Parser(formats())
    names = list(dict.fromkeys(files))
    for name in names:
        received_ns(name, reference_time)  # an unreadable file stops before anything is read
        pipeline.correlator.expect(name)

    def ended(path: str) -> None:
        keep(pipeline.retire(path))

    def keep(decided: Iterable[Match]) -> None:
        """Each alert's last revision: that of a correlation is known when it closes (or something late is added)."""
        for match in decided:
            correlated = match.correlated
            if correlated is None or correlated.closed_by is not None or correlated.late:
                outcome.add(pipeline.alerts.alert(match))

    batches = {
        name: read_parsed(
            name,
            parser,
            format=format,
            reference_time=reference_time,
            on_bytes=on_bytes,
            problems=summary.problems,
        )
        for name in names
    }
    for batch in interleaved(batches, ended):
        summary.records += len(batch)
        keep(pipeline.process(batch))
    keep(pipeline.finish())
    summary.dead_letters = parser.stats["dead_letters"]
    summary.matches = pipeline.detector.stats.matches
    summary.seconds = time.perf_counter() - began
    return summary, parser


def replay_files(
    files: Sequence[str],
    rules: Sequence[Path],
    config: Config | None,
    *,
    format: str | None,
    late: str | None,
    reference_time: int | None,
    matches: bool,
    profile: bool,
    outcome: Outcome,
    on_bytes: Callable[[int], None] | None = None,
) -> str:
    """Sets the stages up, replays, and gives the summary's text."""
    enriched = enrichment(config)
    ruleset = usable_rules(rules or [Path(name) for name in config.rules] if config else rules, config, enriched)

    def on_match(match: Match) -> None:
        document = stages.alerts.match_document(match)
        outcome.add_match(match.event.time, f"{match.event.id}/{match.rule.id}", document)

    stages = pipeline(
        ruleset,
        config,
        enriched,
        lateness_ns=lateness(config, late, REPLAY_LATENESS),
        on_match=on_match if matches else None,
    )
    settle()
    summary, parser = replay(
        files, stages, format=format, reference_time=reference_time, outcome=outcome, on_bytes=on_bytes
    )
    lines = [summary.text(stages, parser, outcome.count())]
    if not ruleset.detections:
        lines.append("no rule was used: there is none below --rules, or all of them are disabled (tieline rules check)")
    if profile:
        lines += ["the dearest rules (estimated from samples):"]
        lines += [f"  {cost / 1e6:10.1f} ms {hits:9} hits  {label}" for cost, hits, label in stages.dearest(10)]
    return "\n".join(lines)


def document_line(parsed: Parsed) -> bytes:
    """An event or a dead letter as a line of NDJSON."""
    return encoded(parsed.document(), option=orjson.OPT_APPEND_NEWLINE)


def since_ns(text: str, now: int) -> int | None:
    """A time, or a duration before now, in nanoseconds; None for neither."""
    exact = from_iso(text)
    if exact is not None:
        return exact
    try:
        return now - duration_ns(text)
    except ValueError:
        return None
