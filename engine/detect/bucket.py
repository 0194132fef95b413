"""The rules that one log source's events are shown, compiled together."""

from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo
from itertools import repeat
from typing import Any, Final

from engine.detect.anchors import cover
from engine.detect.column import Column
from engine.detect.kinds import MOST_TESTS, Kinds
from engine.detect.program import Program, Row, compiled, tests
from engine.detect.values import MISSING, SCANNED, Values, everything, lookup, prefixes
from engine.detect.why import LONGEST_SHOWN, Why, why
from engine.model import Event, Held, RuleHead
from engine.model.times import rfc3339
from engine.ruleset.condition import FieldRef, Test
from engine.ruleset.detection import DetectionRule

REMEMBERED: Final = 8_192
"""Projections (all values that a bucket's rules look at, together) that are remembered; then the memo starts afresh."""

_LONGEST: Final = 8_192  # characters of a remembered projection

OF_THE_EVENT: Final[dict[str, Callable[[Event], Any]]] = {
    "@timestamp": lambda event: rfc3339(event.time),
    "event.id": lambda event: event.id,
    "event.original": lambda event: event.original.decode("utf-8", "backslashreplace"),
}
"""What the printed event has beside its fields."""

_NO_COLUMNS: Final[frozenset[int]] = frozenset()

Found = tuple[RuleHead, tuple[Held, ...]]


_Reason = tuple[tuple[Held, int | None], ...]
"""What held, each with the column of its value where another event with the same answer may have another value."""


class _Answer:
    """What one projection gives: the rules that hold, and those that need the whole event to be decided.

    ``checks`` are the types that a projection must have: 1 == True == 1.0 as keys, not as text. ``reasons``: what held
    of each rule that holds, where it has been asked for.
    """

    __slots__ = ("checks", "cut", "held", "loose", "reasons")

    def __init__(self, held: int, loose: int, cut: bool, checks: tuple[Any, ...]) -> None:
        self.held = held
        self.loose = loose
        self.cut = cut
        self.checks = checks
        self.reasons: dict[int, _Reason] | None = None


class _Values(dict[int, Values]):
    """A row that is made ready where a rule looks at it: most rules that are called for look at two fields of fifty."""

    __slots__ = ("_bucket", "_event", "_key")

    def __init__(self, bucket: "Bucket", key: tuple[Any, ...], event: Event) -> None:
        self._bucket = bucket
        self._key = key
        self._event = event

    def __missing__(self, at: int) -> Values:
        values = self[at] = self._bucket.values(at, self._key, self._event)
        return values

    @property
    def cut(self) -> bool:
        return any(values.cut for values in self.values())


class Bucket:
    def __init__(self, rules: Sequence[DetectionRule], zone: tzinfo | None) -> None:
        self.rules = tuple(rules)
        self.evaluated = 0
        everywhere = [tests(rule.condition) for rule in rules]
        names = {test.field for some in everywhere for test in some if test.field is not None}
        names |= {test.predicate.field for some in everywhere for test in some if isinstance(test.predicate, FieldRef)}
        firm = sorted(name for name in names if name not in OF_THE_EVENT)
        self._names = tuple(firm)
        self._late = tuple(
            (len(firm) + at, OF_THE_EVENT[name], name) for at, name in enumerate(sorted(names & OF_THE_EVENT.keys()))
        )
        columns: dict[str | None, int] = {name: at for at, name in enumerate(firm)}
        columns |= {name: at for at, _, name in self._late}
        self._keywords = columns[None] = len(columns)
        self._prefixes = prefixes(firm)
        self._lists: set[int] = set()
        self._memo: dict[tuple[Any, ...], _Answer] = {}

        late = {None, *(name for _, _, name in self._late)}
        self._loose = 0  # rules that look at keywords or at what is the event's own, one bit each
        self._always = 0
        anchors: dict[str | None, dict[Test, int]] = {}
        for at, (rule, some) in enumerate(zip(rules, everywhere, strict=True)):
            bit = 1 << at
            if any(
                test.field in late or (isinstance(test.predicate, FieldRef) and test.predicate.field in late)
                for test in some
            ):
                self._loose |= bit
            chosen = cover(rule.condition)
            if chosen is None:
                self._always |= bit
                continue
            for test in chosen.tests:
                if test.field in late and test.field is not None:
                    self._always |= bit
                else:
                    of_field = anchors.setdefault(test.field, {})
                    of_field[test] = of_field.get(test, 0) | bit
        self._columns = tuple(Column(list(anchors.get(name, {}).items()), zone) for name in firm)
        self._anchored = tuple((at, self._columns[at]) for at, name in enumerate(firm) if name in anchors)
        self._searched = Column(list(anchors[None].items()), zone) if None in anchors else None
        self._at = columns
        tested: dict[str, dict[Test, None]] = {}
        whole = set()  # fields that are compared with another: their kind says too little
        for test in (test for some in everywhere for test in some):
            if test.field is None:
                continue
            tested.setdefault(test.field, {})[test] = None
            if isinstance(test.predicate, FieldRef):
                whole |= {test.field, test.predicate.field}
        self._candidates = {
            columns[name]: Kinds([test.predicate for test in some], zone)
            for name, some in tested.items()
            if name in self._names and name not in whole and len(some) <= MOST_TESTS
        }
        self._kinds: tuple[tuple[int, Kinds], ...] = ()
        self._of_kind: frozenset[int] = frozenset()
        self._zone = zone
        self._programs: list[Program | None] = [None] * len(rules)  # compiled when first called for: most never are
        self._why: list[Why | None] = [None] * len(rules)
        self._heads = tuple(rule.head for rule in rules)
        for column in self._columns:
            self._always |= column.missing

    def detect(self, event: Event) -> tuple[tuple[Found, ...], bool]:
        """The rules that hold, in the order of the rules, and whether a field was too long to be scanned whole."""
        key = self._key(event.fields)
        answer = self._answer(key, event)
        if answer.loose or self._searched is not None:
            return self._whole(event, key, answer)
        if not answer.held:
            return (), answer.cut
        return self._found(answer.held, key, event, answer), answer.cut

    def values(self, at: int, key: tuple[Any, ...], event: Event) -> Values:
        """One field of the row: of the projection, of the event itself, or everything for keywords."""
        if at < len(key):
            return self._columns[at].of(key[at])[0]
        if at == self._keywords:
            return everything(event.fields, event.original)
        _, own, name = self._late[at - len(key)]
        given = lookup(event.fields, name)
        return Values(own(event) if given is MISSING else given)

    def _key(self, fields: Mapping[str, Any]) -> tuple[Any, ...]:
        if self._prefixes and not fields.keys().isdisjoint(self._prefixes):
            key = tuple(lookup(fields, name) for name in self._names)
        else:
            key = tuple(map(fields.get, self._names, repeat(MISSING)))
        return self._hashable(key) if self._lists else key

    def _answer(self, key: tuple[Any, ...], event: Event) -> _Answer:
        projection: Any = key
        if self._kinds:
            projection = list(key)
            for at, kinds in self._kinds:
                value = projection[at]
                if value is not MISSING:
                    kind = kinds.of(value)
                    if kind is None:
                        return self._evaluate(key, event, _NO_COLUMNS)[0]
                    projection[at] = kind
            projection = tuple(projection)
        try:
            answer = self._memo.get(projection)
        except TypeError:
            self._lists.update(at for at, value in enumerate(key) if isinstance(value, list))
            hashable = self._hashable(key)
            return self._evaluate(key, event, _NO_COLUMNS)[0] if hashable == key else self._answer(hashable, event)
        if answer is not None:
            for at, kind in answer.checks:
                if type(key[at]) is not kind:
                    break
            else:
                return answer
        answer, plain = self._evaluate(key, event, self._of_kind)
        if plain:
            if len(self._memo) >= REMEMBERED:
                self._memo.clear()
            answer.reasons = {}
            self._memo[projection] = answer
        self._diversity(key)
        return answer

    def _diversity(self, key: tuple[Any, ...]) -> None:
        """A field with many values is remembered by what they mean to the rules: most addresses are like any other."""
        several = [at for at, kinds in self._candidates.items() if kinds.several(key[at])]
        for at in several:
            self._kinds = (*self._kinds, (at, self._candidates.pop(at)))
        if several:
            self._of_kind = frozenset(at for at, _ in self._kinds)
            self._memo.clear()

    def _hashable(self, key: tuple[Any, ...]) -> tuple[Any, ...]:
        values = list(key)
        for at in self._lists:
            if type(values[at]) is list:
                values[at] = tuple(values[at])
        return tuple(values)

    def _evaluate(self, key: tuple[Any, ...], event: Event, sorted_: frozenset[int]) -> tuple[_Answer, bool]:
        """The answer, and whether it may be remembered; ``sorted_`` are columns whose values are known to be short."""
        self.evaluated += 1
        called, row, size, checks, plain, cut = self._always, _Values(self, key, event), 0, [], True, False
        for at, column in self._anchored:
            value = key[at]
            if value is not MISSING:
                row[at], rules = column.of(value)
                called |= rules
        for at, value in enumerate(key):
            if value is MISSING or value is None or at in sorted_:
                continue
            if type(value) is str:
                size += len(value)
                cut = cut or len(value) > SCANNED
            elif type(value) is tuple:
                values = row[at]
                plain = plain and all(type(element) is str for element in value)
                size += sum(map(len, values.texts))
            else:
                plain = plain and type(value) in (int, float, bool)
                checks.append((at, type(value)))
        held = self._holding(called & ~self._loose, row)
        return _Answer(held, called & self._loose, cut or row.cut, tuple(checks)), plain and size <= _LONGEST

    def _holding(self, called: int, row: Row) -> int:
        held = 0
        while called:
            bit = called & -called
            called ^= bit
            at = bit.bit_length() - 1
            if (self._programs[at] or self._program(at))(row):
                held |= bit
        return held

    def _found(self, held: int, key: tuple[Any, ...], event: Event, answer: _Answer) -> tuple[Found, ...]:
        """The rules with what held of them: the tests of the event that was evaluated, the values of this one."""
        found: list[Found] = []
        row: _Values | None = None
        reasons = answer.reasons
        while held:
            bit = held & -held
            held ^= bit
            at = bit.bit_length() - 1
            known = None if reasons is None else reasons.get(at)
            reason = None if known is None else _filled(known, key)
            if reason is None:
                if row is None:
                    row = _Values(self, key, event)
                reason = (self._why[at] or self._reason(at))(row)
                if reasons is not None and known is None and not bit & self._loose:
                    reasons[at] = self._pattern(reason, key)
            found.append((self._heads[at], reason))
        return tuple(found)

    def _pattern(self, reason: tuple[Held, ...], key: tuple[Any, ...]) -> _Reason:
        of_kind = self._of_kind
        return tuple((held, at if (at := self._at[held.field]) in of_kind else None) for held in reason)

    def _program(self, at: int) -> Program:
        program = self._programs[at] = compiled(self.rules[at].condition, self._at, self._zone)
        return program

    def _reason(self, at: int) -> Why:
        reason = self._why[at] = why(self.rules[at].condition, self._at, self._zone)
        return reason

    def _whole(self, event: Event, key: tuple[Any, ...], answer: _Answer) -> tuple[tuple[Found, ...], bool]:
        called = answer.loose
        if self._searched is not None:
            called |= self._search(self._searched, event)
        if not called:
            return self._found(answer.held, key, event, answer), answer.cut
        row = _Values(self, key, event)
        loose = self._holding(called, row)
        return self._found(answer.held | loose, key, event, answer), answer.cut or row.cut

    @staticmethod
    def _search(column: Column, event: Event) -> int:
        called = column.called(Values(event.original[: SCANNED + 1].decode("utf-8", "backslashreplace")))
        for value in event.fields.values():
            if type(value) is str or not isinstance(value, Mapping | list | tuple):
                called |= column.of(value)[1]
            else:  # objects may be inside: search them as keywords are
                called |= column.called(everything({"": value}, b""))
        return called

    def cost(self, event: Event, timer: Callable[[], int]) -> list[tuple[str, int]]:
        """Nanoseconds that each rule that this event calls for takes, by rule id; nothing is remembered or counted."""
        key = self._key(event.fields)
        called, row = self._always, _Values(self, key, event)
        for at, column in self._anchored:
            row[at], rules = column.of(key[at])
            called |= rules
        if self._searched is not None:
            called |= self._search(self._searched, event)
        spent: list[tuple[str, int]] = []
        while called:
            at = (called & -called).bit_length() - 1
            called &= called - 1
            program = self._programs[at] or self._program(at)
            begin = timer()
            program(row)
            spent.append((self._heads[at].id, timer() - begin))
        return spent


def _filled(reason: _Reason, key: tuple[Any, ...]) -> tuple[Held, ...] | None:
    """The reason with this event's values; None where one of them is shown in another way than it is."""
    out: list[Held] = []
    for held, at in reason:
        if at is not None:
            value = key[at]
            if value != held.value or type(value) is not type(held.value):
                if not (
                    (type(value) is str and len(value) <= LONGEST_SHOWN)
                    or (type(value) is int and -(1 << 63) < value < 1 << 63)
                ):
                    return None
                held = Held(held.identifier, held.field, value, held.test)
        out.append(held)
    return tuple(out)
