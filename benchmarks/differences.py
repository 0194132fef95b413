"""Which (rule, event) pairs only one of two engines reports, and whether a known difference of reading explains them.

A reason is tested, not supposed: "null" only where our own detector gives the other answer once the field that the
event lacks is there with the value null.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import NamedTuple

from benchmarks.rsigma import Pair
from engine.detect import Detector
from engine.model import Event, LogSource
from engine.ruleset.condition import And, Identifier, Node, Not, Null, Or, Test, Text
from engine.ruleset.detection import DetectionRule


class Reason(StrEnum):
    NULL = "the rule asks for null, the event lacks the field: to rsigma that is null, to us it is not"
    LOG_SOURCE = "the rule's log source names what the event's does not say: rsigma shows it the event all the same"
    TAXONOMY = "the event is of the rule's category by Sigma's taxonomy, under another name: rsigma compares names"
    PLACEHOLDER = "the rule has a placeholder without a value: rsigma takes it literally, we disable the rule"
    NONE = "unexplained"


class Difference(NamedTuple):
    """``ours``: only we report these; ``events`` are numbers."""

    rule: str
    title: str
    ours: bool
    reason: Reason
    events: tuple[int, ...]


def differences(
    ours: set[Pair], theirs: set[Pair], rules: Iterable[DetectionRule], event: Callable[[int], Event]
) -> list[Difference]:
    """By rule, side and reason, the most frequent first."""
    by_id = {rule.head.id: rule for rule in rules}
    found: dict[tuple[str, bool, Reason], list[int]] = {}
    alone: dict[str, Detector] = {}
    for key, number in sorted(ours ^ theirs):
        rule, reported = by_id.get(key), (key, number) in ours
        if rule is None:
            reason = Reason.PLACEHOLDER
        else:
            detector = alone.setdefault(key, Detector([rule]))
            reason = _reason(rule, detector, event(number), reported=reported)
        found.setdefault((key, reported, reason), []).append(number)
    return sorted(
        (
            Difference(key, by_id[key].head.title if key in by_id else "", reported, reason, tuple(numbers))
            for (key, reported, reason), numbers in found.items()
        ),
        key=lambda one: (one.reason == Reason.NONE, -len(one.events)),
    )


def _reason(rule: DetectionRule, detector: Detector, event: Event, *, reported: bool) -> Reason:
    if not rule.logsource.covers(event.logsource):
        return Reason.LOG_SOURCE
    if reported and not _names(rule.logsource, event.logsource):
        return Reason.TAXONOMY
    lacking = {field for field in _asked_for_null(rule.condition) if field not in event.fields}
    if lacking:
        filled = Event({**event.fields, **dict.fromkeys(lacking)}, event.time, event.id, event.logsource)
        if bool(detector.detect(filled)) is not reported:
            return Reason.NULL
    return Reason.NONE


def _names(rule: LogSource, event: LogSource) -> bool:
    return all(
        wanted in (None, said)
        for wanted, said in (
            (rule.product, event.product),
            (rule.category, event.category),
            (rule.service, event.service),
        )
    )


def _asked_for_null(node: Node) -> set[str]:
    match node:
        case Test(str() as field, Null()):
            return {field}
        case And(parts) | Or(parts):
            return set().union(*map(_asked_for_null, parts))
        case Not(part) | Identifier(_, part):
            return _asked_for_null(part)
        case _:
            return set()


def literals(node: Node) -> list[str]:
    """What a rule's tests of text look for, without wildcards."""
    match node:
        case Test(_, Text(parts)):
            return [part for part in parts if isinstance(part, str)]
        case And(parts) | Or(parts):
            return [word for part in parts for word in literals(part)]
        case Not(part) | Identifier(_, part):
            return literals(part)
        case _:
            return []


def table(found: Iterable[Difference]) -> list[str]:
    """As lines of Markdown: each rule once for each reason, and what the reasons come to."""
    lines = ["| only | pairs | first event | rule | reason |", "|---|--:|--:|---|---|"]
    sums: Counter[tuple[str, Reason]] = Counter()
    for one in found:
        side = "Tieline" if one.ours else "rsigma"
        sums[side, one.reason] += len(one.events)
        lines.append(
            f"| {side} | {len(one.events):,} | {one.events[0]} | {one.title or one.rule} | {one.reason.name.lower()} |"
        )
    lines += ["", *(f"- {count:,} only {side}: {reason.value}" for (side, reason), count in sums.most_common())]
    return lines
