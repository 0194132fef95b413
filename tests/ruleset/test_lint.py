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
        f"{head}logsource: {{product: p}}\ndetection:\n  s:\n    {search}\n  condition: s\n"
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
        ("attack.t0999", "error", "no technique T0999"),
        ("attack.t1110.099", "error", "no technique T1110.099"),
        ("attack.t9999", "error", "no technique T9999"),
        ("attack.t1701", "warning", "may be newer"),
        ("attack.lateral", "error", "neither a tactic"),
        ("cve.2026-1234", None, ""),
    ],
)
def test_tags_are_checked_against_our_own_table(  # trap 39
    rules: Rules, tmp_path: Path, tag: str, severity: str | None, says: str
):
    problems = [problem for problem in said(rules, tmp_path, rule(f"tags:\n  - {tag}\n")) if problem.line == 4]

    assert [problem.severity for problem in problems] == ([severity] if severity else [])
    assert all(says in problem.what + problem.mend for problem in problems)


def test_the_table_of_ics_techniques_is_that_of_attack(outside: Path):
    packed = (outside / "reference" / "ics-attack.json.gz").read_bytes()
    objects = json.loads(gzip.decompress(packed))["objects"]
    patterns = [item for item in objects if item["type"] == "attack-pattern"]
    ids = {
        ref["external_id"].lower()
        for item in patterns
        for ref in item["external_references"]
        if "mitre" in ref["source_name"]
    }
    tactics = {item["x_mitre_shortname"] for item in objects if item["type"] == "x-mitre-tactic"}

    assert ids == {technique for technique in attack.TECHNIQUES if technique.startswith("t0")}
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
