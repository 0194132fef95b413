"""Correlations as they are read: types, bounds, references, silence. The numbers are those of the traps."""

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.ruleset.correlation import Absent, Both, CorrelationRule, Either, Seen, Threshold
from engine.ruleset.lint import lint
from engine.ruleset.load import Ruleset

Rules = Callable[..., Ruleset]

ID = "4bd9b0e9-7ddc-4b5e-94dc-b0f2b8e9e1c5"


def base(name: str, extra: str = "") -> str:
    return f"title: {name}\nname: {name}\n{extra}logsource: {{product: p}}\ndetection: {{s: {{a: {name}}}, condition: s}}\n"


BASES = "---\n".join(base(name) for name in "abc")


def correlation(text: str, name: str = "joined") -> str:
    lines = "".join(f"  {line}\n" for line in text.splitlines())
    return f"title: {name}\nname: {name}\ncorrelation:\n{lines}"


def one(rules: Rules, text: str, *more: str) -> CorrelationRule:
    ruleset = rules(correlation(text), BASES, *more)
    assert not ruleset.errors, ruleset.problems
    return next(rule for rule in ruleset.correlations if rule.head.name == "joined")


def counting(condition: str, kind: str = "event_count") -> str:
    return f"type: {kind}\nrules: [a]\ngroup-by: [x]\ntimespan: 5m\ncondition: {condition}"


@pytest.mark.parametrize(
    ("written", "bounds"),
    [
        ("{gte: 5}", (("gte", 5),)),
        ("{gt: 100, lte: 200}", (("gt", 100), ("lte", 200))),  # trap 1
        ("{gt: 2.5}", (("gt", 2.5),)),  # trap 2
        ("{eq: 0}", (("eq", 0),)),
        ("{neq: 3}", (("neq", 3),)),
        ("{lt: '7'}", (("lt", 7),)),
    ],
)
def test_bounds_are_kept_as_they_are_written(rules: Rules, written: str, bounds: tuple):
    assert one(rules, counting(written)).condition == Threshold(bounds)


@pytest.mark.parametrize("kind", ["value_count", "value_sum", "value_avg", "value_percentile", "value_median"])
def test_every_kind_of_value_names_its_field(rules: Rules, kind: str):
    rule = one(rules, counting("{gte: 2.5, field: bytes}", kind))

    assert (rule.type, rule.fields, rule.percentile) == (kind, ("bytes",), 50.0)


def test_several_fields_count_together(rules: Rules):
    assert one(rules, counting("{gte: 2, field: [x, y]}", "value_count")).fields == ("x", "y")


def test_a_percentile_may_be_a_fraction(rules: Rules):  # trap 3
    ruleset = rules(correlation(counting("{gte: 1, field: x, percentile: 99.9}", "value_percentile")), BASES)
    silent = rules(correlation(counting("{gte: 1, field: x}", "value_percentile")), BASES)

    assert ruleset.correlations[0].percentile == 99.9
    assert not ruleset.problems
    assert [(p.severity, p.line) for p in silent.problems] == [("warning", 8)]


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90s", 90), ("5m", 300), ("2h", 7200), ("1d", 86400), ("1w", 604800), ("1M", 2629746), ("1y", 31556952)],
)
def test_time_spans_are_those_of_pysigma(rules: Rules, written: str, seconds: int):  # trap 4
    rule = one(rules, counting("{gte: 1}").replace("5m", written))

    assert rule.timespan_ns == seconds * 10**9


def test_months_for_minutes_are_a_lint_error(rules: Rules, tmp_path: Path):  # trap 4
    rules(correlation(counting("{gte: 1}").replace("5m", "5M")), BASES)

    (problem,) = [problem for problem in lint([tmp_path]) if problem.severity == "error"]

    assert problem.line == 7
    assert "5 months" in problem.what


def test_temporal_means_all_rules_unless_it_says_otherwise(rules: Rules):  # trap 5
    text = "type: temporal\nrules: [a, b, c]\ngroup-by: [x]\ntimespan: 5m"

    assert one(rules, text).condition == Threshold((("gte", 3),))
    assert one(rules, text + "\ncondition: {gte: 2}").condition == Threshold((("gte", 2),))


def test_conditions_in_words_are_over_rules(rules: Rules):  # traps 6, 7
    text = "type: temporal\ngroup-by: [x]\ntimespan: 5m\ncondition: (b or c) and not a"
    rule = one(rules, text)

    ids = dict(zip("bca", rule.rules, strict=True))
    assert len(set(ids.values())) == 3
    assert rule.condition == Both((Either((Seen(ids["b"]), Seen(ids["c"]))), Absent(Seen(ids["a"]))))


@pytest.mark.parametrize("kind", ["temporal", "temporal_ordered"])
def test_the_order_of_steps_is_that_of_the_file(rules: Rules, kind: str):
    ruleset = rules(correlation(f"type: {kind}\nrules: [c, a, b]\ngroup-by: [x]\ntimespan: 5m"), BASES)

    titles = {rule.head.id: rule.head.title for rule in ruleset.detections}
    assert [titles[rule] for rule in ruleset.correlations[0].rules] == ["c", "a", "b"]


def test_references_are_by_id_or_name_over_files_in_any_order(rules: Rules):  # trap 11
    outer = correlation("type: temporal\nrules: [joined, b]\ngroup-by: [x]\ntimespan: 5m", "outer")
    inner = correlation(f"type: event_count\nrules: {ID.upper()}\ngroup-by: x\ntimespan: 5m\ncondition: {{gte: 2}}")

    ruleset = rules(outer, inner, base("z", f"id: {ID}\n") + "---\n" + BASES)

    assert not ruleset.problems
    assert [rule.head.name for rule in ruleset.correlations] == ["joined", "outer"]
    assert ruleset.correlations[0].rules == (ID,)
    assert ruleset.correlations[1].rules[0] == ruleset.correlations[0].head.id


def test_aliases_go_by_rule(rules: Rules):  # trap 12
    text = "type: temporal\nrules: [a, b]\ngroup-by: [ip]\ntimespan: 5m\naliases:\n  ip: {a: source.ip, b: client.ip}"
    rule = one(rules, text)

    assert rule.aliases == {"ip": {rule.rules[0]: "source.ip", rule.rules[1]: "client.ip"}}
    assert rule.group_by == ("ip",)


def test_a_correlation_silences_its_rules_unless_it_generates(rules: Rules):  # trap 10
    loud = correlation("type: event_count\nrules: [a]\ntimespan: 5m\ncondition: {gte: 1}\ngenerate: true", "loud")
    quiet = correlation("type: event_count\nrules: [b]\ntimespan: 5m\ncondition: {gte: 1}", "quiet")
    both = correlation("type: event_count\nrules: [loud, a]\ntimespan: 5m\ncondition: {gte: 1}", "both")

    ruleset = rules(loud, quiet, BASES)
    with_a_second = rules(loud, quiet, BASES, both)

    assert [rule.head.title for rule in ruleset.detections if rule.silenced] == ["b"]
    assert [rule.head.title for rule in with_a_second.detections if rule.silenced] == ["a", "b"]
    assert [rule.head.title for rule in with_a_second.correlations if rule.silenced] == ["loud"]


def test_the_lint_shows_who_is_muted(rules: Rules, tmp_path: Path):  # trap 10
    rules(correlation(counting("{gte: 1}")), base("a", "level: high\n"))

    (theirs,) = [problem for problem in lint([tmp_path]) if "raises no alert" in problem.what]
    (ours,) = [problem for problem in lint([tmp_path], ours=True) if "raises no alert" in problem.what]

    assert (theirs.severity, ours.severity) == ("warning", "error")
    assert "'a' (high)" in theirs.what
    assert "generate: true" in theirs.mend


def test_our_own_quiet_rules_may_be_muted(rules: Rules, tmp_path: Path):
    rules(correlation(counting("{gte: 1}")), base("a", "level: low\n"))

    assert not [problem for problem in lint([tmp_path], ours=True) if "raises no alert" in problem.what]


@pytest.mark.parametrize("place", ["tieline: {skew: 1500ms}\n", "  tieline: {skew: 1500ms}\n"])
def test_the_skew_is_ours(rules: Rules, place: str):
    text = correlation("type: temporal_ordered\nrules: [a, b]\ngroup-by: [x]\ntimespan: 5m") + place

    ruleset = rules(text, BASES)

    assert not ruleset.problems
    assert ruleset.correlations[0].skew_ns == 1_500_000_000


def test_a_disabled_rule_disables_what_refers_to_it(rules: Rules):
    waiting = base("a").replace("{a: a}", "{'f|expand': '%none%'}")
    outer = correlation("type: event_count\nrules: [joined]\ntimespan: 5m\ncondition: {gte: 1}", "outer")

    ruleset = rules(outer, correlation(counting("{gte: 1}")), waiting)

    assert ruleset.correlations == ()
    assert ruleset.disabled == ("a", "outer", "joined")
    assert {problem.severity for problem in ruleset.problems} == {"warning"}


def test_correlations_over_correlations_are_bounded(rules: Rules):
    chain = [correlation("type: event_count\nrules: [a]\ntimespan: 1m\ncondition: {gte: 1}", "c0")]
    chain += [
        correlation(f"type: event_count\nrules: [c{n - 1}]\ntimespan: 1m\ncondition: {{gte: 1}}", f"c{n}")
        for n in range(1, 20)
    ]

    ruleset = rules(*reversed(chain), BASES)

    assert len(ruleset.correlations) == 16
    (error,) = ruleset.errors
    assert "more than 16 levels" in error.what


def fault(text: str, line: int, says: str) -> tuple[str, int, str]:
    return correlation(text), line, says


@pytest.mark.parametrize(
    ("written", "line", "says"),
    [
        fault("rules: [a]\ntimespan: 5m", 4, "no 'type'"),
        fault("type: event_cnt\nrules: [a]\ntimespan: 5m", 4, "did you mean 'event_count'?"),
        fault("type: [x]\nrules: [a]\ntimespan: 5m", 4, "unknown correlation type"),
        fault("type: event_count\ntimespan: 5m\ncondition: {gte: 1}", 4, "no 'rules'"),
        fault("type: event_count\nrules: []\ntimespan: 5m\ncondition: {gte: 1}", 5, "empty"),
        fault("type: event_count\nrules: [a, a]\ntimespan: 5m\ncondition: {gte: 1}", 5, "listed twice"),
        fault(
            "type: event_count\nrules:\n  - a\n  - aa\ntimespan: 5m\ncondition: {gte: 1}", 7, "there is no rule 'aa'"
        ),
        fault("type: event_count\nrules: [a]\ncondition: {gte: 1}", 4, "no 'timespan'"),
        fault("type: event_count\nrules: [a]\ntimespan: 5H\ncondition: {gte: 1}", 6, "s, m, h, d, w"),
        fault("type: event_count\nrules: [a]\ntimespan: 0m\ncondition: {gte: 1}", 6, "not understood"),
        fault("type: event_count\nrules: [a]\ntimespan: 99999y\ncondition: {gte: 1}", 6, "longer than ten years"),
        fault("type: event_count\nrules: [a]\ntimespan: 5m", 4, "needs a 'condition'"),
        fault("type: event_count\nrules: [a]\ntimespan: 5m\ncondition: {}", 7, "compares with nothing"),
        fault("type: event_count\nrules: [a]\ntimespan: 5m\ncondition: {gtee: 1}", 7, "did you mean 'gte'?"),
        fault("type: event_count\nrules: [a]\ntimespan: 5m\ncondition: {gte: many}", 7, "no number"),
        fault("type: event_count\nrules: [a]\ntimespan: 5m\ncondition: {gte: .inf}", 7, "no number"),
        fault("type: event_count\nrules: [a]\ntimespan: 5m\ncondition: {gte: true}", 7, "no number"),
        fault("type: event_count\nrules: [a]\ntimespan: 5m\ncondition: a and b", 7, "temporal"),
        fault("type: value_count\nrules: [a]\ntimespan: 5m\ncondition: {gte: 1}", 7, "needs a 'field'"),
        fault("type: value_sum\nrules: [a]\ntimespan: 5m\ncondition: {gte: 1, field: [x, y]}", 7, "one field"),
        fault(
            "type: value_percentile\nrules: [a]\ntimespan: 5m\ncondition: {gte: 1, field: x, percentile: 101}",
            7,
            "0 to 100",
        ),
        fault("type: temporal\nrules: [a, b]\ntimespan: 5m\ncondition: a and", 7, "ends too early (column 6)"),
        fault("type: temporal\nrules: [a, b]\ntimespan: 5m\ncondition: a and d-e", 7, "column 8"),
        fault("type: temporal\nrules: [a, b]\ntimespan: 5m\ncondition: a", 5, "'b' is listed but not in the condition"),
        fault("type: temporal\nrules: [a]\ntimespan: 5m\ncondition: a and b", 7, "does not list"),
        fault("type: temporal\ntimespan: 5m\ncondition: not a", 6, "nothing but 'not'"),
        fault("type: temporal\ntimespan: 5m", 4, "no 'rules'"),
        fault("type: temporal\ntimespan: 5m\ncondition: " + "(" * 200 + "a" + ")" * 200, 6, "nested deeper"),
        fault("type: event_count\nrules: [a]\ntimespan: 5m\ngroup-by: {x: y}\ncondition: {gte: 1}", 7, "no field"),
        fault("type: event_count\nrules: [a]\ntimespan: 5m\ngenerate: maybe\ncondition: {gte: 1}", 7, "true nor false"),
        fault("type: event_count\nrules: [a]\ntimespan: 5m\naliases: [x]\ncondition: {gte: 1}", 7, "no mapping"),
        fault(
            "type: event_count\nrules: [a]\ntimespan: 5m\naliases: {x: {b: f}}\ncondition: {gte: 1}",
            7,
            "no rule of this",
        ),
        fault("type: event_count\nrules: [joined]\ntimespan: 5m\ncondition: {gte: 1}", 5, "joined → joined"),
        fault(
            "type: event_count\nrules: [a]\ntimespan: 5m\ntieline: {skw: 1s}\ncondition: {gte: 1}",
            7,
            "did you mean 'skew'?",
        ),
        fault(
            "type: event_count\nrules: [a]\ntimespan: 5m\ntieline: {skew: 1}\ncondition: {gte: 1}", 7, "no time span"
        ),
        ("title: joined\ncorrelation: [a]\n", 2, "no mapping"),
        ("title: joined\ncorrelation: x\n", 2, "no mapping"),
    ],
)
def test_a_fault_is_named_with_its_line(rules: Rules, tmp_path: Path, written: str, line: int, says: str):
    ruleset = rules(written, BASES)

    errors = [str(problem) for problem in ruleset.errors]
    assert any(says in error and error.startswith(f"{tmp_path / '0.yml'}:{line}: ") for error in errors), errors
    assert len(ruleset.detections) == 3


def test_a_circle_is_an_error_in_each_of_its_rules_and_in_no_other(rules: Rules):  # trap 11
    def ring(name: str, other: str) -> str:
        return correlation(f"type: event_count\nrules: [{other}]\ntimespan: 1m\ncondition: {{gte: 1}}", name)

    ruleset = rules(ring("one", "two"), ring("two", "three"), ring("three", "one"), ring("onlooker", "one"), BASES)

    assert ["refers to itself" in error.what for error in ruleset.errors] == [True] * 3
    assert "one → two → three → one" in ruleset.errors[0].what
    assert ruleset.disabled == ("onlooker",)


def test_a_reference_to_a_broken_rule_says_so(rules: Rules):
    broken = base("a").replace("{a: a}", "{'f|nope': 1}")

    ruleset = rules(correlation(counting("{gte: 1}")), broken)

    assert any("cannot be used: it has errors" in error.what and "1.yml:1" in error.what for error in ruleset.errors)


def test_a_misspelt_key_is_a_warning(rules: Rules):
    ruleset = rules(correlation(counting("{gte: 1}").replace("group-by", "group_by")), BASES)

    (problem,) = ruleset.problems
    assert (problem.severity, problem.line, problem.mend) == ("warning", 6, "did you mean 'group-by'?")
    assert len(ruleset.correlations) == 1


def test_grouping_by_nothing_is_a_warning_of_the_lint(rules: Rules, tmp_path: Path):
    rules(correlation(counting("{gte: 1}").replace("group-by: [x]\n", "")), BASES)

    assert any("without group-by" in problem.what for problem in lint([tmp_path]))
