"""Many literals looked for in one text at once."""

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import lru_cache, partial
from typing import Final, TypeAlias

import hyperscan

from engine.ruleset.condition import Regex

_MOST: Final = 2_000  # places in one text where expressions match, before all of them are taken to

_Database: TypeAlias = tuple[hyperscan.Database, hyperscan.Scratch]

_OF_LETTERS: Final = {
    "i": hyperscan.HS_FLAG_CASELESS,
    "m": hyperscan.HS_FLAG_MULTILINE,
    "s": hyperscan.HS_FLAG_DOTALL,
}


class Needles:
    """Literals and regular expressions, numbered as they are added; then looked for.

    >>> needles = Needles()
    >>> needles.add("mimikatz"), needles.add("procdump"), needles.add("mimikatz")
    (0, 1, 0)
    >>> needles.literals(encoded("C:\\tools\\ProcDump.exe"))
    [1]
    """

    __slots__ = ("_expressions", "_found", "_literals", "_of_expressions", "_of_literals", "_ready", "expressions")

    def __init__(self) -> None:
        self._literals: dict[str, int] = {}
        self._expressions: dict[Regex, int] = {}
        self._of_literals: Callable[[bytes, Callable[..., None]], None] | None = None
        self._found: list[int] = []
        self._of_expressions: _Database | None = None
        self._ready = False
        self.expressions: frozenset[int] = frozenset()
        """Their numbers."""

    def __len__(self) -> int:
        return len(self._literals) + len(self._expressions)

    def __iter__(self) -> Iterator[str]:
        return iter(self._literals)

    def add(self, needle: str | Regex) -> int:
        """The number of a literal (case-folded, not empty) or of an expression that ``searchable`` says yes to."""
        if isinstance(needle, str):
            return self._literals.setdefault(needle, len(self))
        number = self._expressions.setdefault(needle, len(self))
        self.expressions |= {number}
        return number

    def literals(self, text: bytes) -> Sequence[int]:
        """The numbers of the literals in a text that ``encoded`` made, each once, in no order."""
        if not self._ready:
            self.ready()
        if self._of_literals is None:
            return ()
        found = self._found
        if found:
            found = self._found = []
        self._of_literals(text, self._on_match)
        return found

    def _on_match(self, number: int, *_: object) -> None:
        self._found.append(number)

    def matching(self, text: str) -> Collection[int]:
        """The numbers of the expressions that match; one may be among them that does not, never the other way round."""
        if not self._expressions:
            return ()
        if not text.isascii():  # they are compiled for ASCII
            return self.expressions
        if not self._ready:
            self.ready()
        assert self._of_expressions is not None
        found: list[int] = []

        def on_match(number: int, *_: object) -> bool:
            found.append(number)
            return len(found) > _MOST

        database, scratch = self._of_expressions
        try:
            database.scan(text.encode(), match_event_handler=on_match, scratch=scratch)
        except hyperscan.ScanTerminated:
            return self.expressions
        return set(found)

    def ready(self) -> None:
        """Compiles, if it has not been done: else when something is first looked for, for most fields never come."""
        if self._ready:
            return
        self._ready = True
        if self._literals:
            database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
            # Literals by their own door: as expressions, several that are reported once each can hide one another.
            database.compile(
                expressions=[literal.encode("utf-8", "surrogatepass") for literal in self._literals],
                ids=list(self._literals.values()),
                elements=len(self._literals),
                flags=[hyperscan.HS_FLAG_CASELESS | hyperscan.HS_FLAG_SINGLEMATCH] * len(self._literals),
                literal=True,
            )
            self._of_literals = partial(database.scan, scratch=hyperscan.Scratch(database))
        if self._expressions:
            database = _of_expressions(list(self._expressions), list(self._expressions.values()))
            self._of_expressions = database, hyperscan.Scratch(database)


@lru_cache(4_096)
def searchable(regex: Regex) -> bool:
    """Whether the expression can be looked for together with others."""
    try:
        _of_expressions([regex], [0])
    except (hyperscan.error, UnicodeEncodeError):
        return False
    return True


def _of_expressions(some: list[Regex], numbers: list[int]) -> hyperscan.Database:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    flags = [sum(flag for letter, flag in _OF_LETTERS.items() if letter in one.flags) for one in some]
    database.compile(
        expressions=[one.pattern.encode() for one in some],
        ids=numbers,
        elements=len(some),
        flags=[flag | hyperscan.HS_FLAG_PREFILTER for flag in flags],
    )
    return database


def encoded(text: str) -> bytes:
    """The text as it is searched: case is folded by the search where only ASCII is to be folded."""
    return text.encode() if text.isascii() else text.casefold().encode("utf-8", "surrogatepass")
