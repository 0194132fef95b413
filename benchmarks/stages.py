"""Where the time goes: microseconds of CPU time a line in each stage, and in parsing by format.

::

    python -m benchmarks.stages --lines 100000

The stages run one after another over each piece, where `tieline replay` takes every event through all of them: the
sums agree to a few percent. Garbage collection counts where it happens.
"""

import argparse
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from time import process_time_ns

from benchmarks.journey import machine
from benchmarks.traffic import START_S, Traffic
from engine.app import Pipeline, enrichment, formats, pipeline, usable_rules
from engine.config import read
from engine.framing.framing import Framing
from engine.model import Alert, Chunk, DeadLetter, Event, Match
from engine.parsing.parser import Parser
from engine.sinks.documents import encoded

_HERE = Path(__file__).parent
_STAGES = ("framing", "parsing", "enrich", "detect", "correlate", "alert", "encode")


class Stages:
    """``spent`` is nanoseconds by stage, ``by_format`` (nanoseconds, events) of parsing lines of one format alone."""

    def __init__(self, rules: Path) -> None:
        config = read(_HERE / "tieline.yml")
        enriched = enrichment(config)
        self._framing = Framing(formats())
        self._parser = Parser(formats())
        self._pipeline: Pipeline = pipeline(
            usable_rules([rules], config, enriched), config, enriched, lateness_ns=30 * 10**9
        )
        self._pipeline.correlator.expect("records")
        ruleset = self._pipeline.ruleset
        self._silenced = {rule.head.id for rule in ruleset.detections if rule.silenced}
        self._silenced |= {rule.head.id for rule in ruleset.correlations if rule.silenced}
        self._offset = 0
        self.spent: dict[str, int] = defaultdict(int)
        self.counts: dict[str, int] = defaultdict(int)
        self.by_format: dict[str, list[int]] = defaultdict(lambda: [0, 0])

    def feed(self, payload: bytes) -> None:
        received = int(START_S + 86_400) * 10**9
        chunk = Chunk(payload, "records", "records", received, self._offset)
        self._offset += len(payload)
        began = process_time_ns()
        frames = self._framing.feed(chunk)
        began = self._took("framing", began, len(frames))
        parsed = self._parser.feed(frames)
        began = self._took("parsing", began, len(parsed))
        events = [event for event in parsed if not isinstance(event, DeadLetter)]
        reads = self._pipeline.reads
        if reads is not None:
            passing = [event for event in events if reads.passes(event)]
        else:
            passing = events
        began = self._took("correlate", began, 0)
        for event in passing:
            self._pipeline.enrichment.enrich(event)
        began = self._took("enrich", began, len(passing))
        found = [self._pipeline.detector.detect(event) for event in passing]
        began = self._took("detect", began, sum(map(len, found)))
        decided = self._correlated(passing, found)
        began = self._took("correlate", began, len(decided))
        self._alerts(decided, began)

    def finish(self) -> None:
        began = process_time_ns()
        decided = [match for match in self._pipeline.correlator.finish() if match.rule.id not in self._silenced]
        self._alerts(decided, self._took("correlate", began, len(decided)))

    def _correlated(self, events: list[Event], found: list[Sequence[Match]]) -> list[Match]:
        correlator, silenced = self._pipeline.correlator, self._silenced
        decided: list[Match] = []
        for event, matches in zip(events, found, strict=True):
            decided += correlator.tick(event.source, event.time)
            for match in matches:
                if match.rule.id not in silenced:
                    decided.append(match)
                if match.rule.id in correlator.feeds:
                    decided += correlator.add(match)
        return [match for match in decided if match.correlated is None or match.rule.id not in silenced]

    def _alerts(self, decided: list[Match], began: int) -> None:
        alerts: list[Alert] = [self._pipeline.alerts.alert(match) for match in decided]
        began = self._took("alert", began, len(alerts))
        for alert in alerts:
            encoded(alert.document)
        self._took("encode", began, len(alerts))

    def _took(self, stage: str, began: int, count: int) -> int:
        now = process_time_ns()
        self.spent[stage] += now - began
        self.counts[stage] += count
        return process_time_ns()

    def parse_alone(self, lines: list[bytes]) -> None:
        """Lines of one format after the other, so that each can be told from the rest."""
        framing, parser = Framing(formats()), Parser(formats())
        received = int(START_S + 86_400) * 10**9
        sorted_by_format: dict[str, list[bytes]] = defaultdict(list)
        for line, parsed in zip(lines, self._one_by_one(lines, received), strict=True):
            sorted_by_format[parsed].append(line)
        for name, some in sorted_by_format.items():
            frames = framing.feed(Chunk(b"\n".join(some) + b"\n", "records", "records", received, 0))
            began = process_time_ns()
            parser.feed(frames)
            self.by_format[name][0] += process_time_ns() - began
            self.by_format[name][1] += len(some)

    @staticmethod
    def _one_by_one(lines: list[bytes], received: int) -> list[str]:
        framing, parser = Framing(formats()), Parser(formats())
        frames = framing.feed(Chunk(b"\n".join(lines) + b"\n", "records", "records", received, 0))
        return [one.format or "dead letter" for one in parser.feed(frames)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stages", description=str(__doc__).splitlines()[0])
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--rules", type=Path, default=_HERE.parent / "rules", help="default: the shipped rules")
    parser.add_argument("--core", type=int, default=0)
    options = parser.parse_args()
    os.sched_setaffinity(0, {options.core})
    lines = list(Traffic().lines(options.lines))
    stages = Stages(options.rules)
    for at in range(0, len(lines), 2_000):
        stages.feed(b"\n".join(lines[at : at + 2_000]) + b"\n")
    stages.finish()
    stages.parse_alone(lines[:20_000])
    print(machine(), f"\n{options.lines:,} lines", sep="")
    total = sum(stages.spent.values())
    print("\n| stage | µs a line | share | out |\n|---|--:|--:|--:|")
    for stage in _STAGES:
        spent = stages.spent[stage]
        print(f"| {stage} | {spent / options.lines / 1000:.1f} | {spent / total:.0%} | {stages.counts[stage]:,} |")
    print(f"| all | {total / options.lines / 1000:.1f} | | |")
    print("\n| format, parsing alone | µs a line | lines |\n|---|--:|--:|")
    for name, (spent, count) in sorted(stages.by_format.items(), key=lambda one: -one[1][0]):
        print(f"| {name} | {spent / count / 1000:.1f} | {count:,} |")


if __name__ == "__main__":
    main()
