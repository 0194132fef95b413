"""A rule's condition tree as nested functions of a row: the values of every field that rules look at, by position."""

from collections.abc import Callable, Mapping
from datetime import tzinfo
from typing import TypeAlias

from engine.detect.predicates import check, check_two
from engine.detect.values import Values
from engine.detect.wildcards import one_of
from engine.ruleset.condition import And, FieldRef, Identifier, Node, Not, Or, Test, Text

Row: TypeAlias = Mapping[int, Values]
Program: TypeAlias = Callable[[Row], bool]


def tests(node: Node) -> list[Test]:
    """Every test of the tree, in the order of the rule."""
    out: list[Test] = []
    pending: list[Node] = [node]
    while pending:
        match pending.pop():
            case Test() as test:
                out.append(test)
            case And(parts) | Or(parts):
                pending.extend(reversed(parts))
            case Not(part):
                pending.append(part)
            case Identifier(_, inner):
                pending.append(inner)
    return out


def compiled(node: Node, columns: Mapping[str | None, int], zone: tzinfo | None) -> Program:
    """``columns`` says where in the row a field is; None is the column in which keywords are searched."""
    match node:
        case Test(field, FieldRef() as predicate):
            two, at, other = check_two(predicate), columns[field], columns[predicate.field]
            return lambda row: two(row[at], row[other])
        case Test(field, predicate):
            one, column = check(predicate, zone, keyword=field is None), columns[field]
            return lambda row: one(row[column])
        case And(parts):
            return _all([compiled(part, columns, zone) for part in parts])
        case Or(parts):
            return _any(_alternatives(parts, columns, zone))
        case Not(part):
            inner = compiled(part, columns, zone)
            return lambda row: not inner(row)
        case Identifier(_, part):
            return compiled(part, columns, zone)


def _alternatives(parts: tuple[Node, ...], columns: Mapping[str | None, int], zone: tzinfo | None) -> list[Program]:
    """Many values of one field become one function: rules with 200 alternatives are common."""
    out: list[Program] = []
    texts: dict[str, list[Text]] = {}
    for part in parts:
        match part:
            case Test(str() as field, Text(_, False) as text):
                texts.setdefault(field, []).append(text)
            case _:
                out.append(compiled(part, columns, zone))
    out[:0] = [_one_of(columns[field], some) for field, some in texts.items()]
    return out


def _one_of(column: int, some: list[Text]) -> Program:
    holds = one_of(some)

    def program(row: Row) -> bool:
        for folded in row[column].folded:  # noqa: SIM110
            if holds(folded):
                return True
        return False

    return program


def _all(programs: list[Program]) -> Program:
    if len(programs) == 1:
        return programs[0]

    def every(row: Row) -> bool:
        for program in programs:  # noqa: SIM110 - twice as fast as all() of a generator
            if not program(row):
                return False
        return True

    return every


def _any(programs: list[Program]) -> Program:
    if len(programs) == 1:
        return programs[0]

    def some(row: Row) -> bool:
        for program in programs:  # noqa: SIM110
            if program(row):
                return True
        return False

    return some
