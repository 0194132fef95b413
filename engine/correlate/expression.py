"""Boolean conditions over rules."""

import itertools
from collections.abc import Container, Iterator
from typing import TypeAlias

import msgspec

from engine.correlate.bounds import Bounds
from engine.ruleset.correlation import Absent, Both, CorrelationRule, Either, Expression, Seen, Threshold

_MOST_WAYS = 1024


class Step(msgspec.Struct, frozen=True):
    """A rule that has to match, or (``absent``) must not."""

    rule: str
    absent: bool = False


Way: TypeAlias = tuple[Step, ...]
"""One way for an ordered correlation to come true, in order."""


def holds(condition: Expression, seen: Container[str], refuted: Container[str]) -> bool:
    """``seen`` answers for rules that have to match, ``refuted`` for rules below a ``not``."""
    match condition:
        case Seen(rule):
            return rule in seen
        case Both(parts):
            return all(holds(part, seen, refuted) for part in parts)
        case Either(parts):
            return any(holds(part, seen, refuted) for part in parts)
        case Absent(part):
            return not holds(part, refuted, seen)


def literals(condition: Expression, absent: bool = False) -> Iterator[Step]:
    """Every rule in the condition, with whether it is under an odd number of ``not``."""
    match condition:
        case Seen(rule):
            yield Step(rule, absent)
        case Both(parts) | Either(parts):
            for part in parts:
                yield from literals(part, absent)
        case Absent(part):
            yield from literals(part, not absent)


def ways(rule: CorrelationRule) -> list[Way]:
    """The sequences of steps that an ordered correlation accepts, each in the order of ``rules``.

    A step that has to match several times stands there as often: distinct events of one rule have an order.
    """
    order = {base: position for position, base in enumerate(rule.rules)}
    if isinstance(rule.condition, Threshold):
        needed = max(1, min(Bounds(rule.condition).least, len(rule.rules) + 1))
        if needed > len(rule.rules):
            return []
        found = [tuple(Step(base) for base in chosen) for chosen in itertools.combinations(rule.rules, needed)]
    else:
        found = [
            tuple(sorted(set(way), key=lambda step: (order[step.rule], step.absent)))
            for way in _alternatives(rule.condition, False)
        ]
    if len(found) > _MOST_WAYS:
        raise ValueError(
            f"{rule.head.path or rule.head.id}: the condition has {len(found)} orders, at most {_MOST_WAYS}"
        )
    return [
        tuple(step for step in way for _ in range(1 if step.absent else rule.steps.get(step.rule, 1)))
        for way in dict.fromkeys(found)
    ]


def _alternatives(condition: Expression, absent: bool) -> list[tuple[Step, ...]]:
    match condition:
        case Seen(rule):
            return [(Step(rule, absent),)]
        case Absent(part):
            return _alternatives(part, not absent)
        case Both(parts) | Either(parts):
            branches = [_alternatives(part, absent) for part in parts]
            if isinstance(condition, Either) != absent:
                return [way for branch in branches for way in branch]
            size = 1
            for branch in branches:
                size *= len(branch)
            if size > _MOST_WAYS:
                raise ValueError(f"the condition has {size} orders; at most {_MOST_WAYS}")
            return [tuple(itertools.chain(*chosen)) for chosen in itertools.product(*branches)]
