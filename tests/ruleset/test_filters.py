"""Filters narrow the rules that they name."""

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.ruleset.condition import And, Identifier, Not
from engine.ruleset.lint import lint
from engine.ruleset.load import Ruleset

Rules = Callable[..., Ruleset]

RULE = "title: r\nname: r\nid: 4bd9b0e9-7ddc-4b5e-94dc-b0f2b8e9e1c5\nlogsource: {product: windows, category: file}\n"
RULE += "detection: {s: {a: 1}, selection: {a: 2}, condition: s or selection}\n"


def narrowed(
    rules: Rules, written: str, logsource: str = "{product: windows}", condition: str = "not selection"
) -> bool:
    text = f"title: f\nlogsource: {logsource}\nfilter:\n  rules: {written}\n  selection: {{u: x}}\n  condition: {condition}\n"
    ruleset = rules(RULE, text)
    assert not ruleset.errors, ruleset.problems
    return isinstance(ruleset.detections[0].condition, And)


@pytest.mark.parametrize("written", ["any", "ANY", "[r]", "r", "[4bd9b0e9-7ddc-4b5e-94dc-b0f2b8e9e1c5]", "[]"])
def test_a_filter_joins_the_rules_it_names(rules: Rules, written: str):  # trap 37
    assert narrowed(rules, written)


def test_a_filter_joins_no_other_rule(rules: Rules):
    text = "title: f\nlogsource: {product: windows}\nfilter: {rules: [other], x: {u: 1}, condition: not x}\n"

    ruleset = rules(RULE, text)

    assert not isinstance(ruleset.detections[0].condition, And)
    assert [problem.severity for problem in ruleset.problems] == ["warning"]


@pytest.mark.parametrize(
    ("logsource", "joins"),
    [
        ("{product: windows}", True),
        ("{category: file}", True),
        ("{product: windows, category: file}", True),
        ("{product: linux}", False),
        ("{product: windows, service: security}", False),
    ],
)
def test_the_log_source_of_a_filter_must_cover_the_rules(rules: Rules, logsource: str, joins: bool):  # trap 37
    assert narrowed(rules, "any", logsource) == joins


def test_both_conditions_must_hold_and_their_names_are_apart(rules: Rules):  # trap 36
    ruleset = rules(
        RULE,
        "title: f\nlogsource: {product: windows}\nfilter: {rules: any, selection: {u: x}, condition: not 1 of them}\n",
    )

    condition = ruleset.detections[0].condition

    assert isinstance(condition, And)
    denied = condition.parts[1]
    assert isinstance(denied, Not)
    assert isinstance(denied.part, Identifier)
    assert denied.part.name == "f: selection"


def test_a_filter_without_not_is_suspicious(rules: Rules, tmp_path: Path):  # trap 36
    narrowed(rules, "any", condition="selection")

    assert [p.line for p in lint([tmp_path]) if "without 'not'" in p.what] == [6]


@pytest.mark.parametrize(
    ("section", "line", "says"),
    [
        ("x", 3, "no mapping"),
        ("\n  x: {a: 1}\n  condition: not x", 4, "which rules"),
        ("\n  rules: any\n  condition: not x", 4, "no search"),
        ("\n  rules: any\n  x: {a: 1}", 4, "no 'condition'"),
        ("\n  rules: any\n  x: {a: 1}\n  condition: [not x]", 6, "exactly one"),
        ("\n  rules: [[x]]\n  x: {a: 1}\n  condition: not x", 4, "no text"),
        ("\n  rules: {x: y}\n  x: {a: 1}\n  condition: not x", 4, "neither 'any'"),
        ("\n  rules: any\n  x: {a|b: 1}\n  condition: not x", 5, "unknown modifier"),
    ],
)
def test_a_fault_is_named_with_its_line(rules: Rules, section: str, line: int, says: str):
    ruleset = rules(f"title: f\nlogsource: {{product: p}}\nfilter: {section}\n", RULE)

    (error,) = ruleset.errors
    assert error.line == line
    assert says in error.what + error.mend
    assert len(ruleset.detections) == 1
