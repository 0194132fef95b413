"""What the values of a field mean to the rules: which of their tests hold."""

from collections.abc import Sequence
from datetime import tzinfo
from typing import Any, Final

from engine.detect.predicates import Check, check
from engine.detect.values import MISSING, Values
from engine.ruleset.condition import Predicate

MOST_TESTS: Final = 24  # of one field: every new value is put to all of them
SEVERAL: Final = 64  # different values, and the field is one that many events are alone with

_REMEMBERED: Final = 16_384
_LONGEST: Final = 1_024  # characters of a value that is sorted at all
_MOST_NUMBERS: Final = 128
_TEXT: Final = frozenset((str,))
_NUMBERS: Final = frozenset((int,))


class Kinds:
    """
    >>> from ipaddress import ip_network
    >>> from engine.ruleset.condition import Cidr
    >>> inside = Kinds([Cidr(ip_network("10.0.0.0/8"))], None)
    >>> inside.of("10.0.0.1") == inside.of("10.9.9.9"), inside.of("10.0.0.1") == inside.of("192.0.2.1")
    (True, False)
    """

    __slots__ = ("_checks", "_known", "_met", "_predicates", "_zone")

    def __init__(self, predicates: Sequence[Predicate], zone: tzinfo | None) -> None:
        self._predicates = tuple(predicates)
        self._zone = zone
        self._checks: list[Check] | None = None
        self._met: set[Any] = set()
        self._known: dict[Any, int] = {}

    def several(self, value: Any) -> bool:
        """Told of each value, whether so many different ones have been met that they are worth sorting."""
        if value is not MISSING and not (type(value) is str and len(value) > _LONGEST):
            try:
                self._met.add(value)
            except TypeError:  # an object
                return False
        if len(self._met) < SEVERAL:
            return False
        self._met.clear()
        return True

    def of(self, value: Any) -> int | None:
        """One bit a test that holds; None for what is not worth remembering: long text, objects, mixed lists."""
        kind = type(value)
        if kind is str:
            key = value
        elif kind is list or kind is tuple:
            return self._of_list(tuple(value))
        else:
            key = (kind, value)  # 1 == True == 1.0 as keys, not as text
        try:
            known = self._known.get(key)
        except TypeError:
            return None
        if known is not None:
            return known
        if kind is str:
            if len(value) > _LONGEST:
                return None
        elif value is not None and kind not in (int, float, bool):
            return None
        return self._kept(key, self._sorted(value))

    def _of_list(self, value: tuple[Any, ...]) -> int | None:
        kinds = set(map(type, value))
        if kinds == _TEXT:
            known = self._known.get(value)
            if known is not None:
                return known
            return None if sum(map(len, value)) + len(value) > _LONGEST else self._kept(value, self._sorted(value))
        # registers: the same numbers hardly come twice
        return self._sorted(value) if kinds == _NUMBERS and len(value) <= _MOST_NUMBERS else None

    def _sorted(self, value: Any) -> int:
        if self._checks is None:
            self._checks = [check(predicate, self._zone) for predicate in self._predicates]
        values, bits = Values(value), 0
        for at, holds in enumerate(self._checks):
            if holds(values):
                bits |= 1 << at
        return bits

    def _kept(self, key: Any, bits: int) -> int:
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[key] = bits
        return bits
