"""What of a rule held, in words short enough to keep with an alert."""

from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo
from functools import lru_cache
from typing import Any, Final, TypeAlias

from engine.detect.predicates import check, check_two
from engine.detect.program import Row, compiled
from engine.detect.values import Values, texts
from engine.detect.wildcards import compiled as text_compiled
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
    branch = _branch(node, "", columns, zone)

    def held(row: Row) -> tuple[Held, ...]:
        out: list[Held] = []
        branch(row, out)
        return tuple(out[:_MOST])

    return held


_Branch: TypeAlias = Callable[[Row, list[Held]], bool]
"""Whether the node holds; what held of it is added."""


def _branch(node: Node, name: str, columns: Mapping[str | None, int], zone: tzinfo | None) -> _Branch:
    match node:
        case Test():
            return _test(node, name, columns, zone)
        case And(parts):
            return _every([_branch(part, name, columns, zone) for part in parts])
        case Or(parts):
            return _texts(parts, name, columns) or _some([_branch(part, name, columns, zone) for part in parts])
        case Not():
            program = compiled(node, columns, zone)
            return lambda row, _: program(row)
        case Identifier(identifier, part):
            return _branch(part, identifier, columns, zone)


def _every(branches: list[_Branch]) -> _Branch:
    def held(row: Row, out: list[Held]) -> bool:
        before = len(out)
        for branch in branches:
            if not branch(row, out):
                del out[before:]
                return False
        return True

    return held


def _some(branches: list[_Branch]) -> _Branch:
    def held(row: Row, out: list[Held]) -> bool:
        found = False
        for branch in branches:
            if (len(out) < _MOST or not found) and branch(row, out):
                found = True
        return found

    return held


def _texts(parts: Sequence[Node], name: str, columns: Mapping[str | None, int]) -> _Branch | None:
    """Many texts of one field, as rules with hundreds of values have them; None for other parts."""
    tests = [part for part in parts if isinstance(part, Test) and isinstance(part.predicate, Text)]
    fields = {test.field for test in tests}
    if len(tests) < len(parts) or len(fields) > 1 or None in fields:
        return None
    if any(isinstance(test.predicate, Text) and test.predicate.cased for test in tests):
        return None
    (field,) = fields
    at = columns[field]
    some = [(test.predicate, text_compiled(test.predicate)) for test in tests if isinstance(test.predicate, Text)]

    def held(row: Row, out: list[Held]) -> bool:
        values = row[at]
        found = False
        for text, matches in some:
            for folded in values.folded:
                if matches(folded):
                    found = True
                    out.append(Held(name, field, shown(values, check(text)), in_words(text)))
                    break
            if len(out) >= _MOST and found:
                break
        return found

    return held


def _test(test: Test, name: str, columns: Mapping[str | None, int], zone: tzinfo | None) -> _Branch:
    field, predicate = test.field, test.predicate
    at = columns[field]
    if isinstance(predicate, FieldRef):
        two, other = check_two(predicate), columns[predicate.field]

        def refers(row: Row, out: list[Held]) -> bool:
            held = two(row[at], row[other])
            if held:
                out.append(Held(name, field, shown(row[at], lambda one: two(one, row[other])), in_words(predicate)))
            return held

        return refers
    one = check(predicate, zone, keyword=field is None)

    def holds(row: Row, out: list[Held]) -> bool:
        held = one(row[at])
        if held:
            out.append(Held(name, field, shown(row[at], one), in_words(predicate, keyword=field is None)))
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


@lru_cache(16_384)
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
            return "is null"
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
