"""What the lint says beyond loading, and that it asks nobody."""

import gzip
import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.ruleset import attack, backtracking
from engine.ruleset.lint import lint
from engine.ruleset.load import Ruleset
from engine.ruleset.problem import Problem

Rules = Callable[..., Ruleset]


def rule(head: str = "", search: str = "a: 1") -> str:
    return (
        "title: A rule of the test\nid: 4bd9b0e9-7ddc-4b5e-94dc-b0f2b8e9e1c5\n"
        f"{head}logsource: {{product: windows}}\ndetection:\n  s:\n    {search}\n  condition: s\n"
    )


def said(rules: Rules, tmp_path: Path, text: str, **options: bool) -> list[Problem]:
    rules(text)
    return list(lint([tmp_path], **options))


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise AssertionError("a socket is opened")

    monkeypatch.setattr(socket, "socket", refused)
    monkeypatch.setattr(socket, "create_connection", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)


def test_a_good_rule_has_nothing_said_of_it(rules: Rules, tmp_path: Path):
    head = "description: d\nlevel: high\nfalsepositives: [none known]\ntags: [attack.t0855, attack.impair_process_control]\n"

    assert said(rules, tmp_path, rule(head), ours=True) == []


@pytest.mark.parametrize(
    ("tag", "severity", "says"),
    [
        ("attack.t0855", None, ""),
        ("attack.T0855", "warning", "lower case"),
        ("attack-ics.t0858", None, ""),
        ("attack.t1110.003", None, ""),
        ("attack.credential_access", None, ""),
        ("attack.inhibit-response-function", None, ""),
        ("attack.g0007", None, ""),
        ("attack.t1692.001", None, ""),
        ("attack.t0843.002", None, ""),
        ("attack.t1685.001", None, ""),
        ("attack.defense-impairment", None, ""),
        ("attack.t1426", None, ""),
        ("attack.t0999", "warning", "no technique T0999"),
        ("attack.t1110.099", "warning", "Brute Force has t1110.001 to t1110.004"),
        ("attack.t9999", "warning", "no technique T9999"),
        ("attack.t1696", "warning", "may be newer"),
        ("attack.t1086", "warning", "write 't1059.001' (PowerShell)"),
        ("attack.t1064", "warning", "deprecated"),
        ("attack.lateral-movment", "warning", "did you mean 'lateral-movement'?"),
        ("attack.lateral", "warning", "neither a tactic"),
        ("cve.2026-1234", None, ""),
    ],
)
def test_tags_are_checked_against_our_own_table(  # trap 39
    rules: Rules, tmp_path: Path, tag: str, severity: str | None, says: str
):
    problems = [problem for problem in said(rules, tmp_path, rule(f"tags:\n  - {tag}\n")) if problem.line == 4]

    assert [problem.severity for problem in problems] == ([severity] if severity else [])
    assert all(says in problem.what + problem.mend for problem in problems)


def test_a_tag_that_attack_does_not_have_is_an_error_in_our_own_rules(rules: Rules, tmp_path: Path):
    head = "description: d\nlevel: high\nfalsepositives: [none known]\ntags: [attack.t0999]\n"

    (problem,) = said(rules, tmp_path, rule(head), ours=True)

    assert (problem.severity, problem.line) == ("error", 6)


def test_the_table_is_whole():  # what MITRE says of version 19: 222 techniques and 475 sub-techniques of Enterprise
    revoked_by_19 = {"t1070.001", "t1070.002", "t1656", "t1672"}
    revoked_by_19 |= {number for number in attack.TECHNIQUES if number.startswith("t1562")} - {"t1562.005"}

    live = {n for n, one in attack.TECHNIQUES.items() if one.matrix == "enterprise" and not one.gone} - revoked_by_19

    assert len([number for number in live if "." not in number]) == 222
    assert len([number for number in live if "." in number]) == 475
    assert all(
        one.successor is None or one.successor.lower() in attack.TECHNIQUES for one in attack.TECHNIQUES.values()
    )


def test_the_table_of_ics_techniques_is_that_of_attack(outside: Path):
    packed = (outside / "reference" / "ics-attack.json.gz").read_bytes()
    objects = json.loads(gzip.decompress(packed))["objects"]
    patterns = [item for item in objects if item["type"] == "attack-pattern"]
    names = {
        ref["external_id"].lower(): (item["name"], bool(item.get("x_mitre_deprecated") or item.get("revoked")))
        for item in patterns
        for ref in item["external_references"]
        if "mitre" in ref["source_name"]
    }
    tactics = {item["x_mitre_shortname"] for item in objects if item["type"] == "x-mitre-tactic"}

    of_18 = {n: one for n, one in attack.TECHNIQUES.items() if n.startswith("t0") and "." not in n}
    assert {number: (one.name, one.gone) for number, one in of_18.items()} == names
    assert tactics <= attack.TACTICS


@pytest.mark.parametrize(
    ("pattern", "verdict"),
    [
        ("(a+)+$", True),
        ("(a*)*b", True),
        (r"(\w+\s?)*$", True),
        (r"^(?:x+)+y", True),
        ("(?i)((ab)*)*", True),
        ("(a", True),
        ("(.*,)*x", False),
        ("(a|aa)+$", False),
        ("(.*a){20}", False),
        (r"(\w+\s)*end", None),
        (r"([a-z]+\.)+com", None),
        ("a+b+c*", None),
        ("(?:[A-Za-z0-9+/]{4})*=", None),
        ("(abc|def)+", None),
        (r"(\d{1,3}\.){3}\d{1,3}", None),
        ('("[^"]*"|[^ ])+', None),
    ],
)
def test_repetitions_of_repetitions_are_found(pattern: str, verdict: bool | None):  # trap 31
    complaint = backtracking.complaint(pattern)

    assert (complaint and complaint[0]) is verdict


def test_a_regular_expression_that_runs_away_is_an_error_in_its_line(rules: Rules, tmp_path: Path):  # trap 31
    (problem,) = said(rules, tmp_path, rule(search="f|re:\n      - fine\n      - '(a+)+$'"))

    assert (problem.severity, problem.line) == ("error", 8)


@pytest.mark.parametrize(
    ("search", "says"),
    [
        ("f|contains|all: x", "all of a single value"),
        ("f|contains|all: [x]", "all of a single value"),
        ("f|base64offset: x", "piece of Base64"),
    ],
)
def test_modifiers_that_do_not_do_what_they_seem_to(rules: Rules, tmp_path: Path, search: str, says: str):  # trap 24
    problems = said(rules, tmp_path, rule(search=search))

    assert [(problem.severity, problem.line) for problem in problems if says in problem.what] == [("warning", 6)]


def test_our_own_rules_explain_themselves(rules: Rules, tmp_path: Path):
    assert not [problem for problem in said(rules, tmp_path, rule()) if problem.severity == "error"]

    missing = {problem.what for problem in said(rules, tmp_path, rule(), ours=True) if problem.severity == "error"}

    assert missing == {f"the rule has no '{key}'" for key in ("description", "falsepositives", "level", "tags")}


def test_pysigmas_validators_are_asked(rules: Rules, tmp_path: Path):
    problems = said(rules, tmp_path, rule(search="a: 1\n  forgotten: {b: 1}"))

    assert [problem.severity for problem in problems] == ["warning"]
    assert "not referenced" in problems[0].what
    assert "forgotten" in problems[0].what


def test_nothing_in_sigmahq_is_an_error(sigmahq: Path):
    problems = lint([sigmahq])

    assert [problem for problem in problems if problem.severity == "error"] == []
    assert len(problems) < 200


def test_the_licence_of_attack_stands_in_its_table():
    text = Path(attack.__file__).with_suffix(".tsv").read_text("utf-8")

    assert "© 2025 The MITRE Corporation. This work is reproduced and distributed with the permission" in text


def correlated(kind: str, condition: str, rules: str = "[a, b]") -> str:
    base = "title: {0}\nname: {0}\nlogsource: {{product: windows}}\ndetection: {{s: {{x: {0}}}, condition: s}}\n---\n"
    return (
        base.format("a") + base.format("b") + "title: joined\ncorrelation:\n"
        f"  type: {kind}\n  rules: {rules}\n  group-by: [u]\n  timespan: 5m\n  condition: {condition}\n"
    )


@pytest.mark.parametrize(
    ("kind", "condition", "possible"),
    [
        ("event_count", "{gt: 5, lt: 3}", False),
        ("event_count", "{gt: 5, lt: 6}", False),
        ("event_count", "{gt: 5, lte: 6}", True),
        ("event_count", "{lt: 1}", False),
        ("event_count", "{eq: 0}", False),
        ("event_count", "{eq: 2.5}", False),
        ("event_count", "{gte: 2, lte: 2, neq: 2}", False),
        ("event_count", "{neq: 3}", True),
        ("event_count", "{gte: 1000000000}", True),
        ("value_avg", "{gt: 5, lt: 6, field: x}", True),
        ("value_avg", "{gt: 5, lt: 5, field: x}", False),
        ("value_sum", "{lt: -7, field: x}", True),
        ("value_count", "{gt: 1, lt: 2, field: x}", False),
        ("temporal", "{gte: 2}", True),
        ("temporal", "{gte: 3}", False),
    ],
)
def test_bounds_between_which_nothing_lies_are_an_error(
    rules: Rules, tmp_path: Path, kind: str, condition: str, possible: bool
):
    problems = [
        problem for problem in said(rules, tmp_path, correlated(kind, condition)) if problem.severity == "error"
    ]

    assert [(problem.line, "can never hold" in problem.what) for problem in problems] == (
        [] if possible else [(17, True)]
    )


def test_no_match_within_the_timespan_is_what_a_rule_with_expected_holds_for(rules: Rules, tmp_path: Path):
    text = correlated("event_count", "{lt: 1}", "[a]") + "tieline: {expected: true}\n"

    problems = [problem for problem in said(rules, tmp_path, text) if problem.severity == "error"]

    assert problems == []


def test_two_filters_of_one_id_are_an_error(rules: Rules, tmp_path: Path):
    one = "title: f\nid: 4bd9b0e9-7ddc-4b5e-94dc-b0f2b8e9e1c5\nlogsource: {product: windows}\n"
    one += "filter: {rules: any, s: {u: x}, condition: not s}\n"
    same_as_a_rule = one.replace("4bd9b0e9", "5bd9b0e9")
    named = rule().replace("4bd9b0e9", "5bd9b0e9")

    rules(one + "---\n" + one.replace("4bd9b0e9", "4BD9B0E9"), same_as_a_rule, named)
    found = [str(problem) for problem in lint([tmp_path]) if "is that of" in problem.what]

    assert len(found) == 2
    assert found[0].startswith(f"{tmp_path / '0.yml'}:7: error: ") and f"{tmp_path / '0.yml'}:2" in found[0]
    assert found[1].startswith(f"{tmp_path / '1.yml'}:2: error: ") and f"{tmp_path / '2.yml'}:2" in found[1]
