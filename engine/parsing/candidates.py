"""Which formats are worth to be asked about a record: by its first byte and by the words in it."""

from collections.abc import Sequence

from ahocorasick_rs import BytesAhoCorasick, Implementation

from engine.model import LogFormat

OPENING = 512
"""Bytes in which the word of an envelope must stand."""

_REMEMBERED = 4_096  # sets of words

Opening = tuple[LogFormat, bytes | None]


class Candidates:
    """The formats whose fingerprint a head is worth to be asked about: first those of the longest word in it."""

    def __init__(self, formats: Sequence[LogFormat]) -> None:
        needing: dict[bytes, list[LogFormat]] = {}
        for one in formats:
            for literal in one.needs:
                needing.setdefault(literal, []).append(one)
        literals = sorted(needing, key=lambda literal: -len(literal))
        self._of = [needing[literal] for literal in literals]
        self._rest = [one for one in formats if not one.needs]
        words = [literal for literal in literals if len(literal) > 1]
        self._find = (
            BytesAhoCorasick(words, implementation=Implementation.DFA).find_matches_as_indexes if words else _nothing
        )
        # a comma stands in a line fifty times: whether it is there is enough
        self._signs = [(literal[0], 1 << at) for at, literal in enumerate(literals) if len(literal) == 1]
        self._known: dict[int, tuple[LogFormat, ...]] = {}

    def of(self, head: bytes) -> tuple[LogFormat, ...]:
        """Those to be asked about this head, in this order."""
        there = 0
        for match in self._find(head, True):  # overlapping; by keyword it would take a tenth longer
            there |= 1 << match[0]
        for sign, bit in self._signs:
            if sign in head:
                there |= bit
        first = head[0] if head else 0
        known = self._known.get(there << 8 | first)
        return self._asked(there, first) if known is None else known

    def _asked(self, there: int, first: int) -> tuple[LogFormat, ...]:
        found = {one.id: one for at, some in enumerate(self._of) if there >> at & 1 for one in some}
        asked = [one for one in (*found.values(), *self._rest) if not one.firsts or first in one.firsts]
        asked.sort(key=lambda one: one.generic)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        known = self._known[there << 8 | first] = tuple(asked)
        return known


def _nothing(head: bytes, overlapping: bool) -> Sequence[tuple[int, int, int]]:
    return ()


def openings(envelopes: Sequence[LogFormat]) -> dict[bytes, tuple[Opening, ...]]:
    """By the first byte of a record: the envelopes that it may be in, each with the word that it must hold."""
    sole = {one.id: one.needs[0] if len(one.needs) == 1 else None for one in envelopes}
    firsts = [b"", *(bytes((first,)) for first in range(256))]
    return {
        first: tuple((one, sole[one.id]) for one in envelopes if not one.firsts or first in one.firsts)
        for first in firsts
    }
