"""A rule's condition tree as nested functions of a row: the values of every field that rules look at, by position."""

from collections.abc import Callable, Mapping
from datetime import tzinfo
from typing import TypeAlias

from engine.detect.predicates import check, check_two
from engine.detect.values import Values
from engine.detect.wildcards import Matches, one_of
from engine.detect.wildcards import compiled as text_compiled
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
            return every_program([compiled(part, columns, zone) for part in parts])
        case Or(parts):
            return any_program(_alternatives(parts, columns, zone))
        case Not(part):
            return negation(compiled(part, columns, zone))
        case Identifier(_, part):
            return compiled(part, columns, zone)


def of_text(node: Node) -> Matches | None:
    """Whether the node holds for a field with one value, from its case-folded text; None where that does not tell."""
    match node:
        case Test(_, Text(_, False) as text):
            return text_compiled(text)
        case Identifier(_, part):
            return of_text(part)
        case Not(part):
            inner = of_text(part)
            return None if inner is None else lambda text: not inner(text)
        case And(parts):
            each = [of_text(part) for part in parts]
            return None if None in each else _every_text([one for one in each if one is not None])
        case Or(parts):
            texts = [part.predicate for part in parts if isinstance(part, Test) and isinstance(part.predicate, Text)]
            if len(texts) == len(parts) and not any(text.cased for text in texts):
                return one_of(texts)
            each = [of_text(part) for part in parts]
            return None if None in each else _some_text([one for one in each if one is not None])
        case _:
            return None


def _every_text(each: list[Matches]) -> Matches:
    def every(text: str) -> bool:
        for matches in each:  # noqa: SIM110
            if not matches(text):
                return False
        return True

    return every


def _some_text(each: list[Matches]) -> Matches:
    def some(text: str) -> bool:
        for matches in each:  # noqa: SIM110
            if matches(text):
                return True
        return False

    return some


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


def negation(program: Program) -> Program:
    return lambda row: not program(row)


def every_program(programs: list[Program]) -> Program:
    if len(programs) == 1:
        return programs[0]

    def every(row: Row) -> bool:
        for program in programs:  # noqa: SIM110 - twice as fast as all() of a generator
            if not program(row):
                return False
        return True

    return every


def any_program(programs: list[Program]) -> Program:
    if len(programs) == 1:
        return programs[0]

    def some(row: Row) -> bool:
        for program in programs:  # noqa: SIM110
            if program(row):
                return True
        return False

    return some
