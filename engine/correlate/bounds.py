"""A threshold, compiled."""

import operator
from collections.abc import Callable

from engine.correlate.keys import Number, exact
from engine.ruleset.correlation import Threshold

_OPERATORS: dict[str, Callable[[Number, Number], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "eq": operator.eq,
    "neq": operator.ne,
}


class Bounds:
    """
    >>> Bounds(Threshold((("gt", 2.5), ("lte", 4)))).hold(3)
    True
    >>> Bounds(Threshold((("gt", 2.5),))).least
    3
    """

    __slots__ = ("_tests", "least")

    def __init__(self, threshold: Threshold) -> None:
        self._tests = tuple((_OPERATORS[op], exact(bound)) for op, bound in threshold.bounds)
        self.least = max((_least(op, exact(bound)) for op, bound in threshold.bounds), default=0)
        """No whole number below this holds."""

    def hold(self, value: Number) -> bool:
        return all(test(value, bound) for test, bound in self._tests)


def _least(op: str, bound: Number) -> int:
    if op == "gt":
        return int(bound // 1) + 1
    if op in ("gte", "eq"):
        return int(-(-bound // 1))
    return 0
