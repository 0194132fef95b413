"""What of a rule held, in words short enough to keep with an alert."""

from collections.abc import Callable, Mapping
from datetime import tzinfo
from typing import Any, Final, TypeAlias

from engine.detect.predicates import check, check_two
from engine.detect.program import Row, compiled
from engine.detect.values import Values, texts
from engine.model import Held
from engine.ruleset.condition import (
    And,
    Any_,
    Cidr,
    Compare,
    Exists,
    FieldRef,
    Identifier,
    Node,
    Not,
    Null,
    One,
    Or,
    Predicate,
    Regex,
    Test,
    Text,
    TimePart,
)

_MOST: Final = 32  # tests that are named; a rule with 500 values seldom has more than two that hold
LONGEST_SHOWN: Final = 512  # characters of a value that are shown
_SIGN: Final = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">=", "eq": "=", "neq": "!="}

Why: TypeAlias = Callable[[Row], tuple[Held, ...]]


def why(node: Node, columns: Mapping[str | None, int], zone: tzinfo | None) -> Why:
    """The tests that held, outside every NOT, below search identifiers that held."""
    parts = list(_branches(node, "", columns, zone))

    def held(row: Row) -> tuple[Held, ...]:
        out: list[Held] = []
        for part in parts:
            part(row, out)
            if len(out) >= _MOST:
                break
        return tuple(out[:_MOST])

    return held


_Branch: TypeAlias = Callable[[Row, list[Held]], bool]


def _branches(node: Node, name: str, columns: Mapping[str | None, int], zone: tzinfo | None) -> list[_Branch]:
    match node:
        case Test():
            return [_test(node, name, columns, zone)]
        case And(parts) | Or(parts):
            inner = [_branches(part, name, columns, zone) for part in parts]
            if isinstance(node, And):
                return [_whole(compiled(node, columns, zone), [one for some in inner for one in some])]
            return [one for some in inner for one in some]
        case Not():
            return []
        case Identifier(identifier, part):
            return [_whole(compiled(part, columns, zone), _branches(part, identifier, columns, zone))]


def _whole(program: Callable[[Row], bool], branches: list[_Branch]) -> _Branch:
    def held(row: Row, out: list[Held]) -> bool:
        if not program(row):
            return False
        for branch in branches:
            branch(row, out)
            if len(out) >= _MOST:
                break
        return True

    return held


def _test(test: Test, name: str, columns: Mapping[str | None, int], zone: tzinfo | None) -> _Branch:
    field, predicate, words = test.field, test.predicate, in_words(test.predicate, keyword=test.field is None)
    at = columns[field]
    if isinstance(predicate, FieldRef):
        two, other = check_two(predicate), columns[predicate.field]

        def refers(row: Row, out: list[Held]) -> bool:
            held = two(row[at], row[other])
            if held:
                out.append(Held(name, field, shown(row[at], lambda one: two(one, row[other])), words))
            return held

        return refers
    one = check(predicate, zone, keyword=field is None)

    def holds(row: Row, out: list[Held]) -> bool:
        held = one(row[at])
        if held:
            out.append(Held(name, field, shown(row[at], one), words))
        return held

    return holds


def shown(values: Values, holds: Callable[[Values], bool] | None = None) -> Any:
    """The value, or of a list the element that held; long text is cut."""
    items = values.items
    if not items:
        return None
    chosen = items[0]
    if holds is not None and len(items) > 1:
        chosen = next((item for item in items if holds(Values(item))), items[0])
    if isinstance(chosen, str):
        return chosen if len(chosen) <= LONGEST_SHOWN else chosen[:LONGEST_SHOWN] + "…"
    if isinstance(chosen, bool) or (isinstance(chosen, int | float) and abs(chosen) < 2**63):
        return chosen
    return texts(chosen)[0][:LONGEST_SHOWN]


def in_words(predicate: Predicate, keyword: bool = False) -> str:
    """
    >>> from engine.ruleset.condition import ANY
    >>> in_words(Text((ANY, "evil", ANY))), in_words(Compare("gte", 3))
    ("contains 'evil'", '>= 3')
    """
    match predicate:
        case Text(parts, cased):
            return _text_in_words(parts, keyword) + (" (case matters)" if cased else "")
        case Regex(pattern, flags):
            return f"matches /{pattern[:LONGEST_SHOWN]}/{flags}"
        case Cidr(network):
            return f"in {network}"
        case Compare(op, number):
            return f"{_SIGN[op]} {number}"
        case FieldRef(field, how, _):
            return f"{how} the field {field}"
        case Exists(wanted):
            return "exists" if wanted else "does not exist"
        case Null():
            return "is null or absent"
        case TimePart(part, op, number):
            return f"{part} {_SIGN[op]} {number}"


def _text_in_words(parts: tuple[str | Any_ | One, ...], keyword: bool) -> str:
    def written(some: tuple[str | Any_ | One, ...]) -> str:
        text = "".join(
            "*"
            if isinstance(part, Any_)
            else "?"
            if isinstance(part, One)
            else part.replace("*", "\\*").replace("?", "\\?")
            for part in some
        )
        return "'" + (text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…") + "'"

    match parts:
        case (Any_(),):
            return "has a value"
        case (Any_(), *middle, Any_()) if all(isinstance(part, str) for part in middle):
            return "contains " + written(tuple(middle))
        case _ if keyword:
            return "contains " + written(parts)
        case (*head, Any_()) if all(isinstance(part, str) for part in head):
            return "starts with " + written(tuple(head))
        case (Any_(), *tail) if all(isinstance(part, str) for part in tail):
            return "ends with " + written(tuple(tail))
        case _:
            return (
                "= " + written(parts) if all(isinstance(part, str) for part in parts) else "matches " + written(parts)
            )
