"""pySigma's typed values as predicates of our own."""

import re
from typing import Literal

from sigma.exceptions import SigmaTypeError, SigmaValueError
from sigma.types import (
    CompareOperators,
    Placeholder,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaRegularExpressionFlag,
    SigmaString,
    SigmaTimestampPart,
    SigmaType,
    SpecialChars,
)

from engine.ruleset.condition import (
    ANY,
    ONE,
    Any_,
    Cidr,
    Compare,
    Exists,
    FieldRef,
    Node,
    Null,
    One,
    Or,
    Predicate,
    Regex,
    Test,
    Text,
    TimePart,
)
from engine.ruleset.modifiers import DASH_MARK, dashes, written_out

_FLAGS = {
    SigmaRegularExpressionFlag.IGNORECASE: "i",
    SigmaRegularExpressionFlag.MULTILINE: "m",
    SigmaRegularExpressionFlag.DOTALL: "s",
}
_OPS: dict[CompareOperators, Literal["lt", "lte", "gt", "gte", "neq"]] = {
    CompareOperators.LT: "lt",
    CompareOperators.LTE: "lte",
    CompareOperators.GT: "gt",
    CompareOperators.GTE: "gte",
    CompareOperators.NEQ: "neq",
}
_PARTS: dict[str, Literal["minute", "hour", "day", "week", "month", "year"]] = {
    "MINUTE": "minute",
    "HOUR": "hour",
    "DAY": "day",
    "WEEK": "week",
    "MONTH": "month",
    "YEAR": "year",
}
_DASH_CLASS = "[-/\N{EN DASH}\N{EM DASH}\N{HORIZONTAL BAR}]"
_DASHES_WRITTEN_OUT = 2  # 25 literals feed the literal search; from three on a pattern is cheaper than 125


def node(field: str | None, value: SigmaType, modifiers: tuple[str, ...]) -> Node:
    """The test of one value; several, joined by OR, where one value stands for many."""
    if isinstance(value, SigmaExpansion):
        parts = [node(field, inner, modifiers) for inner in value.values]
        if not parts:
            raise SigmaValueError("the placeholder stands for an empty list")
        return parts[0] if len(parts) == 1 else Or(tuple(parts))
    if isinstance(value, SigmaString):
        predicates = _texts(value, keyword=field is None)
        tests = tuple(Test(field, predicate) for predicate in predicates)
        return tests[0] if len(tests) == 1 else Or(tests)
    return Test(field, _predicate(value, modifiers))


def _predicate(value: SigmaType, modifiers: tuple[str, ...]) -> Predicate:
    if isinstance(value, SigmaTimestampPart):
        return TimePart(_PARTS[value.timestamp_part.name], "eq", int(value.number))
    if isinstance(value, SigmaCompareExpression):
        number = value.number
        if isinstance(number, SigmaTimestampPart):
            return TimePart(_PARTS[number.timestamp_part.name], _OPS[value.op], int(number.number))
        return Compare(_OPS[value.op], number.number)
    if isinstance(value, SigmaNumber):
        return Text((str(value.number),))
    if isinstance(value, SigmaBool):
        return Text(("true" if value.boolean else "false",))
    if isinstance(value, SigmaRegularExpression):
        return _regex(value, modifiers)
    if isinstance(value, SigmaCIDRExpression):
        return Cidr(value.network)
    if isinstance(value, SigmaFieldReference):
        return FieldRef(value.field, _how(value), "cased" in modifiers)
    if isinstance(value, SigmaExists):
        return Exists(value.exists)
    if isinstance(value, SigmaNull):
        return Null()
    raise SigmaTypeError(f"a value of the kind {type(value).__name__} cannot be evaluated on events")


def _how(value: SigmaFieldReference) -> Literal["equals", "contains", "startswith", "endswith"]:
    if value.starts_with:
        return "contains" if value.ends_with else "startswith"
    return "endswith" if value.ends_with else "equals"


def _regex(value: SigmaRegularExpression, modifiers: tuple[str, ...]) -> Regex:
    """pySigma writes ``.*`` around the pattern for contains, startswith, endswith; a search needs anchors instead."""
    flags = "".join(sorted(_FLAGS[flag] for flag in value.flags))
    pattern = str(value.regexp)
    if "startswith" in modifiers and "contains" not in modifiers:
        pattern = _anchored(pattern.removesuffix(".*"), "^(?:", ")")
    elif "endswith" in modifiers and "contains" not in modifiers:
        pattern = _anchored(pattern.removeprefix(".*"), "(?:", ")$")
    return Regex(pattern, flags)


_INLINE_FLAGS = re.compile(r"\(\?[aimsxu]+\)")


def _anchored(pattern: str, before: str, behind: str) -> str:
    inline = _INLINE_FLAGS.match(pattern)
    head = inline.group() if inline else ""
    return head + before + pattern[len(head) :] + behind


def _texts(value: SigmaString, keyword: bool) -> list[Text] | list[Regex]:
    cased = isinstance(value, SigmaCasedString)
    count = dashes(value)
    if count == 0:
        return [_text(value, cased)]
    if count <= _DASHES_WRITTEN_OUT:
        return [_text(one, cased) for one in written_out(value)]
    pattern = _dash_pattern(value)
    return [Regex(pattern if keyword else _whole(pattern), "s" if cased else "is")]


def _text(value: SigmaString, cased: bool) -> Text:
    parts: list[str | Any_ | One] = []
    for part in value.s:
        if isinstance(part, str):
            if parts and isinstance(parts[-1], str):
                parts[-1] += part
            elif part:
                parts.append(part)
        elif part is SpecialChars.WILDCARD_MULTI:
            if not (parts and parts[-1] is ANY):  # "**" is "*"
                parts.append(ANY)
        elif part is SpecialChars.WILDCARD_SINGLE:
            parts.append(ONE)
        else:
            raise SigmaTypeError(f"the placeholder '%{getattr(part, 'name', part)}%' is left unresolved")
    return Text(tuple(parts), cased)


def _dash_pattern(value: SigmaString) -> str:
    pieces: list[str] = []
    for part in value.s:
        if isinstance(part, str):
            pieces.append(re.escape(part))
        elif part is SpecialChars.WILDCARD_MULTI:
            pieces.append(".*")
        elif part is SpecialChars.WILDCARD_SINGLE:
            pieces.append(".")
        elif isinstance(part, Placeholder) and part.name == DASH_MARK:
            pieces.append(_DASH_CLASS)
        else:
            raise SigmaTypeError(f"the placeholder '%{getattr(part, 'name', part)}%' is left unresolved")
    return "".join(pieces)


def _whole(pattern: str) -> str:
    """Anchored at both ends, but without the ``^.*`` and ``.*$`` that a search need not walk through."""
    start = "" if pattern.startswith(".*") else "^"
    end = "" if pattern.endswith(".*") else "$"
    return start + pattern[0 if start else 2 : None if end else -2] + end
