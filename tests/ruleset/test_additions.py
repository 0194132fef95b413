"""What stands under ``tieline:`` of a correlation."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.ruleset.correlation import CorrelationRule
from engine.ruleset.lint import lint
from engine.ruleset.load import Ruleset
from engine.ruleset.schema import schema

Rules = Callable[..., Ruleset]

BASES = "---\n".join(
    f"title: {name}\nname: {name}\nlogsource: {{product: p}}\ndetection: {{s: {{a: {name}}}, condition: s}}\n"
    for name in "abcd"
)
COUNT = "type: event_count\nrules: [a]\ngroup-by: [x, y]\ntimespan: 5m\ncondition: {gte: 3}"
ORDER = "type: temporal_ordered\nrules: [a, b]\ngroup-by: [x]\ntimespan: 5m"
VALUES = "type: value_count\nrules: [a]\ngroup-by: [x]\ntimespan: 30d\ncondition: {field: f, gte: 1}"
S = 10**9


def written(text: str, tieline: str, name: str = "joined") -> str:
    lines = "".join(f"  {line}\n" for line in text.splitlines())
    return f"title: {name}\nname: {name}\ncorrelation:\n{lines}tieline: {{{tieline}}}\n"


def one(rules: Rules, text: str, tieline: str) -> CorrelationRule:
    ruleset = rules(written(text, tieline), BASES)
    assert not ruleset.problems, ruleset.problems
    return next(rule for rule in ruleset.correlations if rule.head.name == "joined")


@pytest.mark.parametrize(
    ("text", "tieline", "reads"),
    [
        (COUNT, "window: tumbling", {"window": "tumbling"}),
        (ORDER, "steps: {a: 5, b: {gte: 2}}", {"steps": {"a": 5, "b": 2}}),
        (ORDER, "steps: {a: 1}", {"steps": {}}),
        (ORDER, "join: {destination.ip: source.ip}", {"join": (("destination.ip", "source.ip"),)}),
        (VALUES, "first_seen: {learn: 7d}", {"learn_ns": 7 * 86_400 * S, "refire": "match"}),
        (COUNT.replace("gte: 3", "lt: 1"), "expected: true", {"expected": True}),
        (COUNT, "refire: match", {"refire": "match"}),
        (COUNT, "refire: growth", {"refire": "growth", "growth": 1}),
        (COUNT, "refire: {growth: 2.5}", {"refire": "growth", "growth": 2.5}),
        (COUNT, "suppress: 4h", {"suppress_ns": 14_400 * S, "suppress_by": ()}),
        (COUNT, "suppress: {for: 4h, by: [y]}", {"suppress_ns": 14_400 * S, "suppress_by": ("y",)}),
        (COUNT, "suppress: {for: 4h, by: y}", {"suppress_by": ("y",)}),
        (COUNT, "window: session, until: b, suppress: 1h", {"window": "session", "suppress_ns": 3600 * S}),
    ],
)
def test_a_key_is_read(rules: Rules, text: str, tieline: str, reads: dict[str, Any]):
    rule = one(rules, text, tieline)

    ids = dict(zip(rule.rules, "ab", strict=False))
    found = {name: getattr(rule, name) for name in reads}
    if "steps" in found:
        found["steps"] = {ids[id]: count for id, count in found["steps"].items()}
    assert found == reads


def test_until_finds_rules_by_name_or_id_over_files_and_silences_them(rules: Rules, tmp_path: Path):
    other = BASES.split("---\n")[0].replace("name: a\n", "name: z\nid: 4bd9b0e9-7ddc-4b5e-94dc-b0f2b8e9e1c5\n")

    ruleset = rules(written(COUNT, "until: [b, 4BD9B0E9-7ddc-4b5e-94dc-b0f2b8e9e1c5]"), BASES, other)

    ids = {rule.head.name: rule.head.id for rule in ruleset.detections}
    assert ruleset.correlations[0].until == (ids["b"], ids["z"])
    assert {rule.head.name for rule in ruleset.detections if rule.silenced} == {"a", "b", "z"}
    assert any("'b' (informational) raises no alert of its own" in problem.what for problem in lint([tmp_path]))


@pytest.mark.parametrize(
    ("text", "tieline", "says"),
    [
        (COUNT, "windows: session", "unknown key 'windows'; did you mean 'window'?"),
        (COUNT, "window: sesion", "window: unknown kind 'sesion'; did you mean 'session'?"),
        (ORDER, "window: session, skew: 1s", "a session window has no skew"),
        (COUNT, "until: nowhere", "there is no rule 'nowhere'"),
        (COUNT, "until: a", "'a' is a rule that the correlation joins"),
        (COUNT, "until: [7]", "'7' is no rule"),
        (COUNT, "until: []", "0 rules"),
        (COUNT, "until: joined", "the correlation refers to itself: joined → joined"),
        (COUNT, "steps: {a: 2}", "steps: means nothing to event_count"),
        (ORDER, "steps: {c: 2}", "'c' is no rule of this correlation"),
        (ORDER, "steps: {a: 0}", "'a: 0' is no count"),
        (ORDER, "steps: {a: 2.5}", "'a: 2.5' is no count"),
        (ORDER, "steps: {a: {lt: 3}}", "is no count"),
        (ORDER, "steps: {a: 101}", "more than 100 matches in all"),
        (ORDER + "\ncondition: a and not b", "steps: {b: 2}", "'b' stands below 'not'"),
        (ORDER + "\ncondition: {lt: 2}", "steps: {a: 2}", "counts rules from above"),
        (COUNT, "join: {a: b}", "from one step of a temporal_ordered to the next"),
        (ORDER + "\ncondition: a and not b", "join: {a: b}", "from one step of a temporal_ordered to the next"),
        (ORDER, "join: {a: [b]}", "join: no field name"),
        (ORDER, "join: source.ip", "join: no mapping"),
        (ORDER, "join: {a: b}, steps: {a: 2}", "'join'"),
        (VALUES, "first_seen: true", "write first_seen: {learn: 7d}"),
        (VALUES, "first_seen: {learn: week}", "'week' is no time span"),
        (VALUES.replace("gte: 1", "gte: 2"), "first_seen: {learn: 1d}", "each by itself"),
        (COUNT, "first_seen: {learn: 1d}", "use value_count"),
        (VALUES, "first_seen: {learn: 1d}, refire: once", "does not go together with 'refire'"),
        (COUNT, "expected: true", "use event_count with condition: {lt: 1}"),
        (COUNT, "expected: maybe", "neither true nor false"),
        (COUNT, "refire: always", "unknown policy 'always'"),
        (COUNT, "refire: {growth: 0.5}", "growth is no factor from 1"),
        (COUNT.replace("gte", "lt"), "refire: match", "a window that is decided once fires once"),
        (ORDER, "refire: growth", "there is no number that grows"),
        (COUNT, "suppress: {by: x}", "write suppress: {for: 4h}"),
        (COUNT, "suppress: {for: 1h, by: z}", "'z' is not in group-by"),
        (COUNT, "suppress: 0s", "for no time at all"),
        (COUNT, "suppress: 5000d", "more than ten years"),
        (ORDER, "skew: 2d", "more than a day"),
    ],
)
def test_a_fault_is_named_with_its_line_and_the_mend(rules: Rules, tmp_path: Path, text: str, tieline: str, says: str):
    ruleset = rules(written(text, tieline), BASES)

    line = 4 + len(text.splitlines())
    errors = [str(problem) for problem in ruleset.errors]
    assert any(says in error and error.startswith(f"{tmp_path / '0.yml'}:{line}: error: ") for error in errors), errors
    assert len(ruleset.detections) == 4


def test_a_key_stands_in_one_place_only(rules: Rules):
    inside = COUNT + "\ntieline: {window: session}"

    assert any(
        "stands beside the correlation and in it" in e.what for e in rules(written(inside, "window: session")).errors
    )


def test_a_join_needs_no_group(rules: Rules, tmp_path: Path):
    rules(written(ORDER.replace("group-by: [x]\n", ""), "join: {destination.ip: source.ip}"), BASES)

    assert not [problem for problem in lint([tmp_path]) if "without group-by" in problem.what]


def test_skew_where_there_is_no_order_is_a_warning_of_the_lint(rules: Rules, tmp_path: Path):
    rules(written(COUNT, "skew: 1s"), BASES)

    (warning,) = [problem for problem in lint([tmp_path]) if "skew" in problem.what]
    assert (warning.severity, warning.line) == ("warning", 9)


def test_the_schema_knows_every_key() -> None:
    from engine.ruleset.additions import KEYS

    assert sorted(schema()["$defs"]["tieline"]["properties"]) == sorted(KEYS)
