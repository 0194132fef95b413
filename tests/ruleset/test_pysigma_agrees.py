"""Our trees are those that pySigma itself makes of the rules of SigmaHQ, by its own grammar and its own expansion."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.rule import SigmaRule
from sigma.types import SigmaCIDRExpression, SigmaExpansion, SigmaRegularExpression, SigmaString, SpecialChars

from engine.ruleset.condition import ANY, And, Cidr, Identifier, Node, Not, Or, Regex, Text
from engine.ruleset.condition import Test as Check
from engine.ruleset.load import read

Shape = tuple[Any, ...]


def joined(word: str, parts: list[Shape]) -> Shape:
    flat: set[Shape] = set()
    for part in parts:
        flat |= set(part[1]) if part[0] == word else {part}
    return flat.pop() if len(flat) == 1 else (word, frozenset(flat))


def ours(node: Node) -> Shape:
    match node:
        case Identifier(node=inner):
            return ours(inner)
        case And(parts):
            return joined("and", [ours(part) for part in parts])
        case Or(parts):
            return joined("or", [ours(part) for part in parts])
        case Not(part):
            return ("not", ours(part))
        case Check(field, Text(parts)):
            return (field, "".join(p.casefold() if isinstance(p, str) else "\0*" if p is ANY else "\0?" for p in parts))
        case Check(field, Regex(pattern, flags)):
            return (field, "re", pattern, flags)
        case Check(field, Cidr(network)):
            return (field, str(network))
        case Check(field, other):
            return (field, type(other).__name__)


def theirs(node: Any) -> Shape:
    match node:
        case ConditionAND(args=args):
            return joined("and", [theirs(arg) for arg in args])
        case ConditionOR(args=args):
            return joined("or", [theirs(arg) for arg in args])
        case ConditionNOT(args=[arg]):
            return ("not", theirs(arg))
        case ConditionFieldEqualsValueExpression(field=field, value=value):
            return of_value(field, value)
        case ConditionValueExpression(value=value):
            return of_value(None, value)
    raise AssertionError(node)


def of_value(field: str | None, value: Any) -> Shape:
    match value:
        case SigmaExpansion(values=values):
            return joined("or", [of_value(field, one) for one in values])
        case SigmaString():
            marks = {SpecialChars.WILDCARD_MULTI: "\0*", SpecialChars.WILDCARD_SINGLE: "\0?"}
            text = "".join(part.casefold() if isinstance(part, str) else marks[part] for part in value.s)
            return (field, text.replace("\0*\0*", "\0*"))
        case SigmaRegularExpression():
            return (
                field,
                "re",
                str(value.regexp),
                "".join(
                    sorted({"IGNORECASE": "i", "MULTILINE": "m", "DOTALL": "s"}[flag.name] for flag in value.flags)
                ),
            )
        case SigmaCIDRExpression(cidr=cidr):
            return (field, cidr)
    word = {"SigmaNull": "Null", "SigmaExists": "Exists", "SigmaFieldReference": "FieldRef"}.get(type(value).__name__)
    return (field, word or {"True": "true", "False": "false"}.get(str(value), str(value)))


@pytest.mark.parametrize("part", range(4))
def test_the_trees_are_the_same(sigmahq: Path, part: int):
    paths = sorted(path for path in sigmahq.rglob("*.yml") if "|expand" not in path.read_text(encoding="utf-8"))[
        part::16
    ]

    _, found = read(paths)

    assert len(found.detections) == len(paths)
    for path, rule in zip(paths, found.detections, strict=True):
        conditions = SigmaRule.from_dict(yaml.load(path.read_bytes(), yaml.CSafeLoader)).detection.parsed_condition
        expected = joined("or", [theirs(condition.parsed) for condition in conditions])
        assert ours(rule.condition) == expected, path
