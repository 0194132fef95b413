"""One field of a bucket: what a value of it says to every rule that asks of the field, remembered by value."""

from collections.abc import Iterable
from datetime import tzinfo
from typing import Any, Final

from engine.detect.anchors import cover, needles
from engine.detect.needles import Needles, encoded, searchable
from engine.detect.program import Program, compiled, of_text
from engine.detect.values import MISSING, Values
from engine.detect.wildcards import Matches, pieces
from engine.detect.wildcards import compiled as text_compiled
from engine.ruleset.condition import Any_, Exists, Identifier, Node, Null, Or, Regex, Test, Text

REMEMBERED: Final = 16_384
"""Values of one field that are remembered, in all ``_ROOM`` characters; then the memory starts afresh."""

_ROOM: Final = 4_000_000
_LONGEST: Final = 4_096  # characters of a remembered value
_ELEMENT: Final = 64  # characters that each element of a remembered list counts for, beside its own
_EXACT: Final = 1 << 53  # below it, a float that equals a whole number is that number


class Note:
    """What the columns of a bucket have to say beside their answers: ``cut``, that a value was too long to be looked at
    whole; ``stale``, that numbers of answers now stand for others; ``deep``, that there were objects in a value."""

    __slots__ = ("cut", "deep", "stale")

    def __init__(self) -> None:
        self.cut = False
        self.deep = False
        self.stale = False


class Asked:
    """``node``, of this field alone. ``bits`` are set in a value's answer when it does not hold, or with ``positive``
    when it does."""

    __slots__ = ("bits", "node", "positive")

    def __init__(self, node: Node, bits: int, positive: bool) -> None:
        self.node = node
        self.bits = bits
        self.positive = positive


class Column(dict[Any, int]):
    """Value → the number of an answer in ``answers``, for values that can be keys; ``told`` takes every value.

    Values that are equal as keys and not as text (1, True, 1.0) share an entry only where their answers are the same.
    """

    __slots__ = (
        "_always", "_base", "_broken", "_checked", "_direct", "_equal", "_field", "_flips", "_needles", "_note",
        "_numbers", "_odd", "_present", "_room", "_tried", "answers", "missing",
    )  # fmt: skip

    def __init__(self, field: str, asked: Iterable[Asked], zone: tzinfo | None, note: Note) -> None:
        super().__init__()
        self._field = field
        self._note = note
        self._base = 0
        self._flips: list[int] = []  # by question: the bits that turn when it holds
        self._equal: dict[str, list[int]] = {}
        self._needles = Needles()
        self._direct: list[list[int]] = []  # by needle: questions that it answers
        self._tried: list[list[tuple[int, Matches]]] = []  # by needle: questions that a look at the text answers
        self._checked: list[list[tuple[int, Program, Matches | None]]] = []  # by needle: questions to be evaluated
        self._always: list[tuple[int, Program, bool]] = []  # questions for every value, or for all that is no text
        self._present: set[int] = set()  # questions that every text answers
        self._numbers: dict[frozenset[int], int] = {}  # of the answers, by the questions that hold
        self.answers: list[int] = []
        """Each different answer once: most values say the same."""
        self._odd: dict[tuple[Any, ...], int] = {}
        self._room = _ROOM
        numbers: dict[Node, int] = {}
        for one in asked:
            if not one.positive:
                self._base |= one.bits
            number = numbers.get(one.node)
            if number is None:
                number = numbers[one.node] = len(self._flips)
                self._flips.append(0)
                self._add(number, one.node, zone)
            self._flips[number] |= one.bits
        self._broken = {self._needles.add(literal): literal for literal in [*self._needles] if "\n" in literal}
        self.missing = self._answer(Values(MISSING))

    def _add(self, number: int, node: Node, zone: tzinfo | None) -> None:
        for one in _alternatives(node):
            if isinstance(one, Test) and isinstance(one.predicate, Text) and self._add_text(number, one.predicate):
                continue
            program = compiled(one, {self._field: 0}, zone)
            if isinstance(one, Test) and isinstance(one.predicate, Null | Exists):
                self._always.append((number, program, False))
                if one.predicate == Exists(True):
                    self._present.add(number)
                continue
            wanted = _needles(one)
            if not wanted:
                self._always.append((number, program, True))
            matches = of_text(one)
            for needle in wanted:
                self._checked[self._needle(needle)].append((number, program, matches))

    def _add_text(self, number: int, text: Text) -> bool:
        if text.cased:
            return False
        match pieces(text):
            case ():
                self._equal.setdefault("", []).append(number)
            case (str() as literal,):
                self._equal.setdefault(literal, []).append(number)
            case (Any_(), str() as literal, Any_()):
                self._direct[self._needle(literal)].append(number)
            case parts:
                longest = max((part for part in parts if isinstance(part, str)), key=len, default=None)
                if longest is None:
                    return False
                self._tried[self._needle(longest)].append((number, text_compiled(text)))
        return True

    def _needle(self, needle: str | Regex) -> int:
        number = self._needles.add(needle)
        if number == len(self._direct):
            self._direct.append([])
            self._tried.append([])
            self._checked.append([])
        return number

    def ready(self) -> None:
        self._needles.ready()

    def __missing__(self, value: Any) -> int:
        kind = type(value)
        if kind is str:
            return self._of_text(value)
        if kind is tuple:
            return self.told(list(value))
        if kind is not int or not -_EXACT < value < _EXACT:
            return self._of_odd((kind, repr(value) if kind is float else value), value)
        known = self._odd.get((kind, value))
        if known is not None:
            return known
        number = self._keep((kind, value), Values(value))
        twins: list[Any] = [float(value)] if value not in (0, 1) else [float(value), -float(value), bool(value)]
        if all(self._answer(Values(twin)) == self.answers[number] for twin in twins):
            self[value] = number
        return number

    def told(self, value: Any) -> int:
        """The number of the answer, also for lists and objects."""
        if type(value) is list:
            try:
                known = self._odd.get(tuple(value))
            except TypeError:  # lists or objects in it
                known = None
            if known is not None:
                return known
            if all(type(element) is str for element in value):
                return self._keep(tuple(value), Values(value))
        else:
            try:
                return self[value]
            except TypeError:
                pass
        self._note.deep = True
        return self._number(Values(value))

    def _of_odd(self, key: tuple[Any, ...], value: Any) -> int:
        known = self._odd.get(key)
        return self._keep(key, Values(value)) if known is None else known

    def _of_text(self, text: str) -> int:
        return self._kept(self, text, Values(text), len(text))

    def _keep(self, key: tuple[Any, ...], values: Values) -> int:
        return self._kept(self._odd, key, values, sum(map(len, values.texts)) + _ELEMENT * len(values.texts))

    def _kept(self, memory: dict[Any, int], key: Any, values: Values, size: int) -> int:
        """The number of the answer, remembered under ``key`` where there is room for ``size`` characters."""
        number = self._number(values)
        if size <= _LONGEST and not values.cut:
            self._room -= size
            if len(memory) >= REMEMBERED or self._room < 0:
                self._forget()
                self._room -= size
            memory[key] = number
        return number

    def _forget(self) -> None:
        self.clear()
        self._odd.clear()
        self._room = _ROOM

    def _number(self, values: Values) -> int:
        held = self._held(values)
        if values.cut:
            self._note.cut = True
        number = self._numbers.get(held)
        if number is None:
            if len(self.answers) >= REMEMBERED:
                self._forget()
                self.answers.clear()
                self._numbers.clear()
                self._note.stale = True
            number = self._numbers[held] = len(self.answers)
            self.answers.append(self._together(held))
        return number

    def _found(self, values: Values) -> Iterable[int]:
        """The needles in one of the texts; a list's literals are looked for in all of it at once."""
        texts = values.texts
        if not texts:
            return ()
        needles = self._needles
        found = needles.literals(encoded(texts[0] if len(texts) == 1 else "\n".join(texts)))
        if needles.expressions:
            return set(found).union(*map(needles.matching, texts))
        return found

    def _answer(self, values: Values) -> int:
        return self._together(self._held(values))

    def _together(self, held: frozenset[int]) -> int:
        answer, flips = self._base, self._flips
        for number in held:
            answer ^= flips[number]
        return answer

    def _held(self, values: Values) -> frozenset[int]:
        """The questions that hold."""
        held: set[int] = set()
        row = {0: values}
        equal, direct, tried, checked = self._equal, self._direct, self._tried, self._checked
        texts = values.folded
        single = len(texts) == 1
        if equal:
            for text in texts:
                if text in equal:
                    held.update(equal[text])
        for needle in self._found(values):
            if direct[needle] and (
                single or needle not in self._broken or any(self._broken[needle] in text for text in texts)
            ):
                held.update(direct[needle])
            for number, matches in tried[needle]:
                if number not in held and (matches(texts[0]) if single else any(map(matches, texts))):
                    held.add(number)
            for number, program, one in checked[needle]:
                if number not in held and (one(texts[0]) if one is not None and single else program(row)):
                    held.add(number)
        plain = single and type(values.items[0]) is str and not values.null
        if plain:
            held |= self._present
        for number, program, of_text_too in self._always:
            if (of_text_too or not plain) and program(row):
                held.add(number)
        return frozenset(held)


def _alternatives(node: Node) -> Iterable[Node]:
    match node:
        case Identifier(_, part):
            yield from _alternatives(part)
        case Or(parts):
            for part in parts:
                yield from _alternatives(part)
        case _:
            yield node


def _needles(node: Node) -> set[str | Regex]:
    """Of which one occurs in every text for which the node holds; none where nothing is known."""
    chosen = cover(node)
    found: set[str | Regex] = set()
    for test in () if chosen is None else chosen.tests:
        predicate = test.predicate
        literals: Iterable[str | Regex] = needles(predicate)
        if isinstance(predicate, Regex) and searchable(predicate):
            literals = (predicate,)
        if not literals:
            return set()
        found.update(literals)
    return found
