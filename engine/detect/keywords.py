"""Which rules have their keywords somewhere in an event: a first look, to be followed by the rule's own condition."""

from collections.abc import Iterable
from typing import Final

from engine.detect.anchors import cover, needles
from engine.detect.needles import Needles, encoded
from engine.detect.values import OBJECT, SCANNED, everything
from engine.model import Event
from engine.ruleset.condition import ANY, Node, Or, Test, Text

_OF_NUMBERS: Final = frozenset("0123456789+-.e")
_AS_TEXT: Final = ("true", "false", "inf", "nan")
"""What numbers are written with, and what else is that is no text."""


class Keywords:
    """``asked``: what each rule wants of the whole event, with the rule's bit.

    ``of_field`` is what to ask of a field whose answers are remembered, so that its text need not be looked at again.
    ``numbers``: a literal may be found in a number.
    """

    __slots__ = ("_always", "_bits", "_needles", "numbers", "of_field")

    def __init__(self, asked: Iterable[tuple[Node, int]]) -> None:
        self._needles = Needles()
        self._bits: list[int] = []
        self._always = 0
        self.of_field: list[tuple[Node, int]] = []
        for node, bit in asked:
            chosen = cover(node)
            wanted = [] if chosen is None else [needles(test.predicate) for test in chosen.tests]
            if not wanted or not all(wanted):
                self._always |= bit
                continue
            literals = {literal for some in wanted for literal in some}
            self.of_field.append((Or(tuple(Test("", Text((ANY, literal, ANY))) for literal in literals)), bit))
            for literal in literals:
                number = self._needles.add(literal)
                if number == len(self._bits):
                    self._bits.append(0)
                self._bits[number] |= bit
        self.numbers = any(
            _OF_NUMBERS.issuperset(literal) or any(literal in text for text in _AS_TEXT) for literal in self._needles
        )

    def called(self, text: str | None, event: Event) -> int:
        """The bits of the rules whose keywords may be in the text (None: in a field of the event), or in the original
        record."""
        called, bits, literals = self._always, self._bits, self._needles.literals
        if text is None or len(text) > SCANNED:
            text = "\n".join(everything(event.fields, b"").folded)
        for number in literals(encoded(text)):
            called |= bits[number]
        original = event.original
        if original[:1] != OBJECT:
            if not original.isascii():
                original = encoded(original[: SCANNED + 1].decode("utf-8", "backslashreplace"))
            elif len(original) > SCANNED:
                original = original[: SCANNED + 1]
            for number in literals(original):
                called |= bits[number]
        return called
