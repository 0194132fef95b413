"""Regular expressions on which an engine that backtracks can run away: ambiguous repetitions of repetitions."""

import re
import warnings
from collections.abc import Iterable
from re import _constants as op  # type: ignore[attr-defined]  # the parse tree of the standard library's own engine
from re import _parser  # type: ignore[attr-defined]
from typing import Any

_ALL = frozenset(range(256))
_LIKELY, _CERTAIN = 1, 2
_MANY = 8  # (a+){8} already costs seconds
_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}
_WORD = frozenset(c for c in range(128) if chr(c).isalnum() or c == 95)
_CLASSES = {
    op.CATEGORY_DIGIT: frozenset(range(48, 58)),
    op.CATEGORY_NOT_DIGIT: _ALL - frozenset(range(48, 58)),
    op.CATEGORY_SPACE: frozenset((9, 10, 11, 12, 13, 32)),
    op.CATEGORY_NOT_SPACE: _ALL - frozenset((9, 10, 11, 12, 13, 32)),
    op.CATEGORY_WORD: _WORD,
    op.CATEGORY_NOT_WORD: _ALL - _WORD,
}


def complaint(pattern: str, flags: str = "") -> tuple[bool, str] | None:
    r"""What is wrong with a pattern, and whether it is certain.

    >>> complaint("(a+)+$")
    (True, "a repetition inside a repetition can match the same text in many ways ('(a+)+')")
    >>> complaint(r"(\w+\s)*end"), complaint("a+b+")
    (None, None)
    """
    value = 0
    for flag in flags:
        value |= _FLAGS[flag]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(pattern, value)
            ambiguity = _ambiguity(_parser.parse(pattern, value))
    except re.error as bad:
        return True, f"the regular expression does not compile: {bad}"
    except (RecursionError, OverflowError):
        return True, "the regular expression is nested too deep"
    if ambiguity == 0:
        return None
    what = "a repetition inside a repetition can match the same text in many ways" + _where(pattern)
    return ambiguity == _CERTAIN, what


def _where(pattern: str) -> str:
    found = re.search(r"\((?:[^()\\]|\\.)*[+*](?:[^()\\]|\\.)*\)[+*]", pattern)
    return f" ('{found.group()[:60]}')" if found else ""


def _ambiguity(tree: Iterable[Any]) -> int:
    worst = 0
    for kind, argument in tree:
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT) and argument[1] >= _MANY:
            worst = max(worst, _of_body(list(argument[2])))
        for inner in _inside(kind, argument):
            worst = max(worst, _ambiguity(inner))
    return worst


def _of_body(body: list[Any]) -> int:
    """Of a repeated part: does it hold a repetition, and nothing that marks where a round ends and the next begins?"""
    branches = _branches(body)
    if len(branches) > 1:
        return max(_of_body(branch) for branch in branches)
    flat = _flat(body)
    worst = 0
    for index, item in enumerate(flat):
        if not _varies(item):
            continue
        others = [other for place, other in enumerate(flat) if place != index]
        repeated = _chars([item])
        if (others and all(_nullable(other) for other in others)) or (not others and _open(item)):
            worst = _CERTAIN if _open(item) else max(worst, _LIKELY)
        elif others and all(_nullable(other) or _chars([other]) & repeated for other in others):
            worst = max(worst, _LIKELY)
    return worst


def _varies(item: tuple[Any, Any]) -> bool:
    kind, argument = item
    if kind in (op.MAX_REPEAT, op.MIN_REPEAT):
        return bool(argument[0] != argument[1])
    return kind is op.BRANCH and _nullable(item)


def _open(item: tuple[Any, Any]) -> bool:
    return item[0] in (op.MAX_REPEAT, op.MIN_REPEAT) and item[1][1] >= _MANY


def _branches(body: list[Any]) -> list[list[Any]]:
    flat = _flat(body)
    if len(flat) == 1 and flat[0][0] is op.BRANCH:
        return [list(branch) for branch in flat[0][1][1]]
    return [flat]


def _flat(body: Iterable[Any]) -> list[Any]:
    out: list[Any] = []
    for kind, argument in body:
        if kind is op.SUBPATTERN:
            out += _flat(argument[3])
        else:
            out.append((kind, argument))
    return out


def _inside(kind: Any, argument: Any) -> list[Any]:
    if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
        return [argument[2]]
    if kind is op.SUBPATTERN:
        return [argument[3]]
    if kind is op.BRANCH:
        return list(argument[1])
    if kind in (op.ASSERT, op.ASSERT_NOT):
        return [argument[1]]
    if kind is op.ATOMIC_GROUP:
        return [argument]
    return []


def _nullable(item: tuple[Any, Any]) -> bool:
    kind, argument = item
    if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
        return argument[0] == 0 or all(_nullable(inner) for inner in argument[2])
    if kind is op.SUBPATTERN:
        return all(_nullable(inner) for inner in argument[3])
    if kind is op.BRANCH:
        return any(all(_nullable(inner) for inner in branch) for branch in argument[1])
    return kind in (op.AT, op.ASSERT, op.ASSERT_NOT)


def _chars(items: Iterable[Any]) -> frozenset[int]:
    """The characters (folded to one byte) that may occur in it."""
    found: frozenset[int] = frozenset()
    for kind, argument in items:
        if kind is op.LITERAL:
            found |= {min(argument, 255)}
        elif kind in (op.NOT_LITERAL, op.ANY, op.GROUPREF, op.GROUPREF_EXISTS):
            found |= _ALL - {argument} if kind is op.NOT_LITERAL else _ALL
        elif kind is op.IN:
            found |= _class(argument)
        else:
            for inner in _inside(kind, argument):
                found |= _chars(inner)
    return found


def _class(items: Iterable[Any]) -> frozenset[int]:
    found: frozenset[int] = frozenset()
    negated = False
    for kind, argument in items:
        if kind is op.NEGATE:
            negated = True
        elif kind is op.LITERAL:
            found |= {min(argument, 255)}
        elif kind is op.RANGE:
            found |= frozenset(range(min(argument[0], 255), min(argument[1], 255) + 1))
        elif kind is op.CATEGORY:
            found |= _CLASSES.get(argument, _ALL)
    return _ALL - found if negated else found
