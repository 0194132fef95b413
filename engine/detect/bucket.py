"""The rules that one log source's events are shown, compiled together."""

from collections.abc import Callable, Sequence
from datetime import tzinfo
from typing import Any, Final, NamedTuple

from engine.detect.clauses import Clauses, clauses
from engine.detect.column import Asked, Column, Note
from engine.detect.decision import Settle, decision
from engine.detect.keywords import Keywords
from engine.detect.layout import Layout
from engine.detect.program import Program, compiled, tests
from engine.detect.values import MISSING, Values, everything, lookup, prefixes
from engine.detect.why import Why, why
from engine.model import Event, Held
from engine.model.times import rfc3339
from engine.ruleset.condition import FieldRef, Node
from engine.ruleset.detection import DetectionRule

ANSWERS: Final = 16_384
"""Answers of all columns together that are remembered; then the memory starts afresh."""

LAYOUTS: Final = 4_096
"""Layouts that are remembered; then the memory starts afresh."""

_READY: Final = 4_096  # texts of one field that are kept ready for tests
_LONGEST: Final = 2_048

OF_THE_EVENT: Final[dict[str, Callable[[Event], Any]]] = {
    "@timestamp": lambda event: rfc3339(event.time),
    "event.id": lambda event: event.id,
    "event.original": lambda event: event.original.decode("utf-8", "backslashreplace"),
}
"""What the printed event has beside its fields."""


class _Answer(NamedTuple):
    """What the columns say together: rules that hold, rules with what is to be asked of the event, and the numbers that
    want keywords in the fields that no column has seen."""

    held: tuple[int, ...]
    called: tuple[tuple[int, Program], ...]
    keyed: int


class _Row(dict[int, Values]):
    """The values that tests look at, made ready when a rule asks."""

    __slots__ = ("_bucket", "_event")

    def __init__(self, bucket: "Bucket", event: Event) -> None:
        self._bucket = bucket
        self._event = event

    def __missing__(self, at: int) -> Values:
        values = self[at] = self._bucket.values(at, self._event)
        return values


class Bucket:
    """Field by field, a ``Column`` says of every rule whether the value rules it out, and what it says to what the rule
    leaves open; what the columns say together is remembered with the rules that then hold.

    Their answer is one number, a bit a question: from the lowest, "ruled out" for each rule; "holds" for each rule and
    alternative; "may have a keyword" for each rule; then the open questions.
    """

    def __init__(self, rules: Sequence[DetectionRule], zone: tzinfo | None) -> None:
        self.rules = tuple(rules)
        self._zone = zone
        self._note = Note()
        everywhere = [test for rule in rules for test in tests(rule.condition)]
        names = {test.field for test in everywhere if test.field is not None}
        names |= {test.predicate.field for test in everywhere if isinstance(test.predicate, FieldRef)}
        self._names = sorted(names)
        self._at: dict[str | None, int] = {name: at for at, name in enumerate(self._names)}
        self._at[None] = len(self._names)
        made: list[Clauses] = []
        self._of: list[int] = []  # the rule of each number: one that holds by keywords or by a field has two
        for at, rule in enumerate(rules):
            some = clauses(rule.condition, _firm)
            made.extend(some)
            self._of.extend([at] * len(some))
        self._size = len(made)
        self._every = (1 << self._size) - 1
        self._slots = max((len(one.alternatives) for one in made), default=0)
        keyed = [(one.keywords, 1 << at) for at, one in enumerate(made) if one.keywords is not None]
        self._keyed = sum(bit for _, bit in keyed)
        self._keywords = Keywords(keyed)
        self._base = 0
        asked = self._asked(made)
        self._open: dict[tuple[str, Node], int] = {}
        self._decisions = [self._decision(at, one) for at, one in enumerate(made)]
        for (name, node), bit in self._open.items():
            asked.setdefault(name, []).append(Asked(node, bit, True))
        for some_asked in asked.values():
            for node, bit in self._keywords.of_field:
                some_asked.append(Asked(node, bit << self._size * (self._slots + 1), True))
        self._columns = {name: Column(name, some_asked, zone, self._note) for name, some_asked in asked.items()}
        self._paths = prefixes(self._columns)
        self._layouts: dict[tuple[str, ...], Layout] = {}
        self._answers: dict[int, _Answer] = {}
        self._ready: list[dict[str, Values]] = [{} for _ in self._names]
        self._programs: list[Program | None] = [None] * len(rules)
        self._whys: list[Why | None] = [None] * len(rules)  # most are never asked for

    def _asked(self, made: Sequence[Clauses]) -> dict[str, list[Asked]]:
        asked: dict[str, list[Asked]] = {}
        for at, one in enumerate(made):
            for name, part in one.required.items():
                asked.setdefault(name, []).append(Asked(part.node, 1 << at, part.negated))
            for slot in range(1, self._slots + 1):
                bit = 1 << (slot * self._size + at)
                if slot > len(one.alternatives):
                    self._base |= bit
                    continue
                for name, part in one.alternatives[slot - 1].items():
                    asked.setdefault(name, []).append(Asked(part.node, bit, not part.negated))
        return asked

    def _decision(self, at: int, one: Clauses) -> Settle | None:
        rest = self.rules[self._of[at]].condition if one.keywords is not None else one.rest
        return None if rest is None else decision(rest, self._ask, _firm, self._at, self._zone)

    def _ask(self, name: str, node: Node) -> int:
        return self._open.setdefault((name, node), 1 << (self._size * (self._slots + 2) + len(self._open)))

    def detect(self, event: Event) -> tuple[Sequence[int], bool]:
        """The numbers of the rules that hold, in order, and whether a field was too long to be looked at whole."""
        fields = event.fields
        key = tuple(fields)
        layout = self._layouts.get(key) or self._layout(key, fields)
        numbers = layout.numbers(fields)
        if self._note.stale:
            self._forget()
        answer = layout.answers.get(numbers) or self._answer(layout, numbers)
        held: Sequence[int] = answer.held
        if answer.called or answer.keyed:
            called = answer.called
            if answer.keyed:
                keyed = self._keyworded(layout, event) & answer.keyed
                if keyed:
                    called = (*called, *map(self._whole, _numbers(keyed)))
            if called:
                held = self._evaluated(held, called, event)
        note = self._note
        note.deep = False
        if note.cut:
            note.cut = False
            return held, True
        return held, False

    def ready(self) -> None:
        """Compiles now what else is compiled when a field is first met."""
        for column in self._columns.values():
            column.ready()

    def why(self, at: int, event: Event) -> tuple[Held, ...]:
        """What of a rule holds for the event, in the rule's order."""
        reason = self._whys[at]
        if reason is None:
            reason = self._whys[at] = why(self.rules[at].condition, self._at, self._zone)
        return reason(_Row(self, event))

    def values(self, at: int, event: Event) -> Values:
        """A field's values, or with the last number everything for keywords."""
        if at == len(self._names):
            return everything(event.fields, event.original)
        name = self._names[at]
        value = event.fields.get(name, MISSING)
        if value is MISSING and "." in name:
            value = lookup(event.fields, name)
        if type(value) is not str or len(value) > _LONGEST:
            return Values(OF_THE_EVENT[name](event) if value is MISSING and name in OF_THE_EVENT else value)
        ready = self._ready[at]
        values = ready.get(value)
        if values is None:
            if len(ready) >= _READY:
                ready.clear()
            values = ready[value] = Values(value)
        return values

    def _layout(self, key: tuple[str, ...], fields: dict[str, Any]) -> Layout:
        if len(self._layouts) >= LAYOUTS:
            self._layouts.clear()
        layout = self._layouts[key] = Layout(fields, self._columns, self._paths, self._base)
        return layout

    def _forget(self) -> None:
        self._layouts.clear()
        self._note.stale = False

    def _answer(self, layout: Layout, numbers: tuple[int, ...]) -> _Answer:
        told = layout.together(numbers)
        answer = self._answers.get(told) or self._of_told(told)
        if len(layout.answers) >= ANSWERS:
            layout.answers.clear()
        layout.answers[numbers] = answer
        return answer

    def _of_told(self, told: int) -> _Answer:
        left = self._every & ~told
        for slot in range(1, self._slots + 1):
            left &= told >> (slot * self._size)
        keyed = left & self._keyed & ~(told >> (self._slots + 1) * self._size)
        held: dict[int, None] = {}
        called = []
        for at in _numbers(left ^ keyed):
            settle = self._decisions[at]
            settled = settle is None or settle(told)
            if not isinstance(settled, bool):
                called.append((self._of[at], settled))
            elif settled:
                held[self._of[at]] = None
        if len(self._answers) >= ANSWERS:
            self._answers.clear()
        answer = self._answers[told] = _Answer(tuple(held), tuple(called), keyed)
        return answer

    def _keyworded(self, layout: Layout, event: Event) -> int:
        told = self._keywords.numbers or self._note.deep
        return self._keywords.called(None if told else layout.text(event.fields), event)

    def _whole(self, at: int) -> tuple[int, Program]:
        return self._of[at], self._program(self._of[at])

    def _program(self, rule: int) -> Program:
        program = self._programs[rule]
        if program is None:
            program = self._programs[rule] = compiled(self.rules[rule].condition, self._at, self._zone)
        return program

    def _evaluated(self, held: Sequence[int], called: Sequence[tuple[int, Program]], event: Event) -> Sequence[int]:
        row = _Row(self, event)
        found = [at for at, program in called if program(row)]
        for values in row.values():
            if values.cut:
                self._note.cut = True
        return sorted({*held, *found}) if found else held

    def cost(self, event: Event, timer: Callable[[], int]) -> list[tuple[str, int]]:
        """Nanoseconds that the condition takes by itself, by rule id, of each rule that the columns do not rule out."""
        key = tuple(event.fields)
        layout = self._layouts.get(key) or self._layout(key, event.fields)
        answer = self._answer(layout, layout.numbers(event.fields))
        keyed = map(self._whole, _numbers(answer.keyed & self._keyworded(layout, event)))
        row = _Row(self, event)
        spent: list[tuple[str, int]] = []
        for at in dict.fromkeys((*answer.held, *(at for at, _ in answer.called), *(at for at, _ in keyed))):
            program = self._program(at)
            program(row)  # makes the values ready: they are not the first rule's to pay
            begin = timer()
            program(row)
            spent.append((self.rules[at].head.id, timer() - begin))
        return spent


def _firm(name: str) -> bool:
    return name not in OF_THE_EVENT


def _numbers(bits: int) -> tuple[int, ...]:
    """
    >>> _numbers(0b1010)
    (1, 3)
    """
    found = []
    while bits:
        low = bits & -bits
        bits ^= low
        found.append(low.bit_length() - 1)
    return tuple(found)
