"""Sigma's strings with ``*`` and ``?``, matched in time linear in the text."""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeAlias

from engine.ruleset.condition import ANY, Any_, One, Text

Matches: TypeAlias = Callable[[str], bool]


@lru_cache(65_536)
def pieces(text: Text) -> tuple[str | Any_ | One, ...]:
    """The parts with neighbours merged, in the case in which they are compared."""
    out: list[str | Any_ | One] = []
    for part in text.parts:
        if isinstance(part, str):
            part = part if text.cased else part.casefold()
            if not part:
                continue
            if out and isinstance(out[-1], str):
                out[-1] += part
                continue
        elif isinstance(part, Any_) and out and isinstance(out[-1], Any_):
            continue
        out.append(part)
    return tuple(out)


def anywhere(text: Text) -> Text:
    """A keyword is found anywhere in a value."""
    return Text((ANY, *text.parts, ANY), text.cased)


def literals(text: Text) -> list[str]:
    """What must occur in the case-folded value."""
    return [piece.casefold() for piece in pieces(text) if isinstance(piece, str)]


def compiled(text: Text) -> Matches:
    """Whether the whole of a (for uncased ones: case-folded) text matches."""
    match pieces(text):
        case ():
            return lambda s: s == ""
        case (str() as literal,):
            return literal.__eq__
        case (Any_(),):
            return lambda s: True
        case (Any_(), str() as literal, Any_()):
            return lambda s: literal in s
        case (str() as literal, Any_()):
            return lambda s: s.startswith(literal)
        case (Any_(), str() as literal):
            return lambda s: s.endswith(literal)
        case parts:
            return _general(parts)


def one_of(some: Sequence[Text]) -> Matches:
    """Whether one of several uncased texts matches the case-folded text."""
    if len(some) == 1:
        return compiled(some[0])
    equal: set[str] = set()
    heads: list[str] = []
    tails: list[str] = []
    inside: list[str] = []
    others: list[Matches] = []
    for text in some:
        match pieces(text):
            case ():
                equal.add("")
            case (str() as literal,):
                equal.add(literal)
            case (Any_(), str() as literal, Any_()):
                inside.append(literal)
            case (str() as literal, Any_()):
                heads.append(literal)
            case (Any_(), str() as literal):
                tails.append(literal)
            case _:
                others.append(compiled(text))
    head, tail = tuple(heads), tuple(tails)

    def holds(s: str) -> bool:
        if s in equal or s.startswith(head) or s.endswith(tail):
            return True
        for literal in inside:
            if literal in s:
                return True
        return any(matches(s) for matches in others) if others else False

    return holds


def _general(parts: Sequence[str | Any_ | One]) -> Matches:
    """Segments of fixed length between the ``*``: the first and last are anchored, the rest found leftmost in order."""
    segments: list[list[str | One]] = [[]]
    for part in parts:
        if isinstance(part, Any_):
            segments.append([])
        else:
            segments[-1].append(part)
    sizes = [sum(len(part) if isinstance(part, str) else 1 for part in segment) for segment in segments]
    patterns = [
        re.compile("".join(re.escape(part) if isinstance(part, str) else "." for part in segment), re.DOTALL)
        for segment in segments
    ]
    if len(segments) == 1:
        whole = patterns[0].fullmatch
        return lambda s: whole(s) is not None
    head, tail, middle, length = patterns[0].match, patterns[-1], [p.search for p in patterns[1:-1]], sum(sizes)
    first, last = sizes[0], sizes[-1]

    def holds(s: str) -> bool:
        if len(s) < length or head(s) is None or tail.match(s, len(s) - last) is None:
            return False
        at, end = first, len(s) - last
        for search in middle:
            found = search(s, at, end)
            if found is None:
                return False
            at = found.end()
        return True

    return holds
