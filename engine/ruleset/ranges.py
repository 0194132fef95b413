"""Thresholds that no evidence can ever meet."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from operator import eq, ge, gt, le, lt, ne
from typing import Final

from engine.ruleset.correlation import CorrelationRule, Op, Threshold

_OPERATORS: Final[dict[Op, Callable[[float, float], bool]]] = {
    "gt": gt,
    "gte": ge,
    "lt": lt,
    "lte": le,
    "eq": eq,
    "neq": ne,
}
_COUNTED: Final = ("event_count", "value_count")


def complaint(rule: CorrelationRule) -> str | None:
    """Why the condition can never hold; None where it can, or where it is no threshold."""
    if not isinstance(rule.condition, Threshold) or rule.expected:  # what is expected has its {lt: 1}
        return None
    bounds = rule.condition.bounds
    if not _possible(bounds, _around(bounds)):
        return "no number is within these bounds"
    if rule.type in _COUNTED and not _possible(bounds, _whole(bounds, math.inf)):
        return "no count, a whole number from 1 on, is within these bounds"
    if rule.type.startswith("temporal") and not _possible(bounds, _whole(bounds, len(rule.rules))):
        return f"the number of rules that matched, 1 to {len(rule.rules)}, is never within these bounds"
    return None


def _possible(bounds: Sequence[tuple[Op, float]], numbers: Sequence[float]) -> bool:
    return any(all(_OPERATORS[op](number, bound) for op, bound in bounds) for number in numbers)


def _around(bounds: Sequence[tuple[Op, float]]) -> list[float]:
    """Each bound, what lies between two of them, and what lies beyond all: one of these holds if any number does."""
    edges = sorted({float(bound) for _, bound in bounds})
    between = [(low + high) / 2 for low, high in pairwise(edges)]
    return [edges[0] - 1 - abs(edges[0]), *edges, *between, edges[-1] + 1 + abs(edges[-1])]


def _whole(bounds: Sequence[tuple[Op, float]], most: float) -> list[float]:
    near = {1.0, most if math.isfinite(most) else 1.0}
    for _, bound in bounds:
        near |= {math.floor(bound) + step for step in (-1, 0, 1, 2)}
    return [number for number in near if 1 <= number <= most]
