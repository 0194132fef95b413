"""One field of a bucket: which rules a value of it makes worth evaluating, remembered by value."""

from collections.abc import Sequence
from datetime import tzinfo
from typing import Any, Final

from ahocorasick_rs import AhoCorasick

from engine.detect.anchors import needles
from engine.detect.predicates import Check, check
from engine.detect.values import MISSING, Values
from engine.detect.wildcards import anywhere, pieces
from engine.ruleset.condition import Any_, FieldRef, Test, Text

REMEMBERED: Final = 16_384
"""Values of one field that are remembered; then the memo starts afresh."""

_LONGEST: Final = 4_096  # characters of a remembered value


class Column:
    """``anchors`` are tests of this field, each with the bits of the rules that it calls for."""

    __slots__ = ("_automaton", "_checked", "_direct", "_equal", "_memo", "_plain", "missing")

    def __init__(self, anchors: Sequence[tuple[Test, int]], zone: tzinfo | None) -> None:
        self._memo: dict[Any, tuple[Values, int]] = {}
        self._equal: dict[str, int] = {}
        self._plain: list[int] = []  # by needle: rules that it alone calls for
        self._checked: list[list[tuple[Check, int]]] = []  # by needle: what is to be checked once it was found
        self._direct: list[tuple[Check, int]] = []
        numbers: dict[str, int] = {}
        for test, rules in anchors:
            self._add(test, rules, numbers, zone)
        self._automaton = AhoCorasick(list(numbers)) if numbers else None
        absent = Values(MISSING)
        self.missing = 0
        for holds, rules in self._direct:
            if holds(absent):
                self.missing |= rules

    def _add(self, test: Test, rules: int, numbers: dict[str, int], zone: tzinfo | None) -> None:
        predicate, keyword = test.predicate, test.field is None
        if isinstance(predicate, FieldRef):
            raise TypeError("a field reference is no anchor")
        if isinstance(predicate, Text) and not predicate.cased and not keyword:
            parts = pieces(predicate)
            if len(parts) <= 1 and all(isinstance(part, str) for part in parts):
                whole = "".join(map(str, parts))
                self._equal[whole] = self._equal.get(whole, 0) | rules
                return
        wanted = needles(predicate)
        if not wanted:
            self._direct.append((check(predicate, zone, keyword), rules))
            return
        alone = (
            isinstance(predicate, Text)
            and not predicate.cased
            and _contains(anywhere(predicate) if keyword else predicate)
        )
        holds = None if alone else check(predicate, zone, keyword)
        for needle in wanted:
            number = numbers.setdefault(needle, len(numbers))
            if number == len(self._plain):
                self._plain.append(0)
                self._checked.append([])
            if holds is None:
                self._plain[number] |= rules
            else:
                self._checked[number].append((holds, rules))

    def of(self, value: Any) -> tuple[Values, int]:
        """The value ready for tests, and the rules that it calls for."""
        key = value if type(value) is str else (type(value), value)
        try:
            known = self._memo.get(key)
        except TypeError:  # a list or an object
            values = Values(value)
            return values, self.called(values)
        if known is not None:
            return known
        values = Values(value)
        known = values, self.called(values)
        if type(value) is not str or len(value) <= _LONGEST:
            if len(self._memo) >= REMEMBERED:
                self._memo.clear()
            self._memo[key] = known
        return known

    def called(self, values: Values) -> int:
        rules = 0
        equal = self._equal
        if equal:
            for folded in values.folded:
                rules |= equal.get(folded, 0)
        if self._automaton is not None:
            plain, checked = self._plain, self._checked
            found: set[int] = set()
            for folded in values.folded:
                found.update(hit[0] for hit in self._automaton.find_matches_as_indexes(folded, overlapping=True))
            for number in found:
                rules |= plain[number]
                for holds, bits in checked[number]:
                    if bits & ~rules and holds(values):
                        rules |= bits
        for holds, bits in self._direct:
            if bits & ~rules and holds(values):
                rules |= bits
        return rules


def _contains(text: Text) -> bool:
    match pieces(text):
        case (Any_(), str(), Any_()):
            return True
        case _:
            return False
