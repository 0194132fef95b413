"""The lint of names that correlations group by and measure, and that no event below them has."""

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.ruleset.lint import lint
from engine.ruleset.load import Ruleset
from engine.ruleset.problem import Problem

Rules = Callable[..., Ruleset]

FILE = "{product: windows, category: file_event}"
FIREWALL = "{category: firewall}"
PLANT = "{category: ot_protocol, product: modbus}"
OWN = "{category: my_product}"


def base(logsource: str, search: str = "event.action: denied") -> str:
    return f"title: base\nname: base\nlogsource: {logsource}\ndetection: {{s: {{{search}}}, condition: s}}\n---\n"


def counted(name: str, more: str = "") -> str:
    return (
        "title: counted\nname: counted\ncorrelation:\n  type: event_count\n  rules: [base]\n"
        f"  group-by: [{name}]\n  timespan: 5m\n  condition: {{gte: 3}}\n{more}"
    )


def never(rules: Rules, tmp_path: Path, text: str) -> list[Problem]:
    rules(text)
    return [problem for problem in lint([tmp_path]) if "never correlates" in problem.what]


@pytest.mark.parametrize(
    ("logsource", "name", "mend"),
    [
        (FILE, "TargetFileName", "TargetFilename"),
        (FILE, "QueryName", "name a field that its events have"),
        (FIREWALL, "scr_ip", "src_ip"),
        (FIREWALL, "TargetUserName", "name a field that its events have"),
        (PLANT, "IpAddress", "name a field that its events have"),
        (PLANT, "ot.adress", "ot.address"),
        (FIREWALL, "source.Ip", "source.ip"),
        (FIREWALL, "sorce.ip", "source.ip"),
        (OWN, "src.ip", "source.ip"),
        (FIREWALL, "tieline.source.zones", "tieline.source.zone"),
    ],
)
def test_a_group_by_that_no_event_has_is_named_with_its_line_and_the_mend(
    rules: Rules, tmp_path: Path, logsource: str, name: str, mend: str
) -> None:
    (problem,) = never(rules, tmp_path, base(logsource) + counted(name))

    assert (problem.line, problem.severity) == (11, "warning")
    assert f"'{name}'" in problem.what
    assert mend in problem.mend


@pytest.mark.parametrize(
    ("logsource", "name"),
    [
        (FILE, "TargetFilename"),
        (FILE, "file.path"),
        (FILE, "Image"),
        (FIREWALL, "src_ip"),
        (FIREWALL, "source.ip"),
        (FIREWALL, "observer.ingress.zone"),
        (FIREWALL, "tieline.source.zone"),
        (FIREWALL, "tieline.destination.asset"),
        (PLANT, "ot.unit_id"),
        (PLANT, "message"),
        (OWN, "whatever"),
        (OWN, "host.name"),
        ("{product: windows, service: security}", "TargetUserName"),
    ],
)
def test_what_events_may_have_is_no_finding(rules: Rules, tmp_path: Path, logsource: str, name: str) -> None:
    assert never(rules, tmp_path, base(logsource) + counted(name)) == []


@pytest.mark.parametrize(("search", "name"), [("vendor: x", "vendor"), ("dev.type: x", "dev.id")])
def test_what_a_rule_of_the_log_source_looks_at_its_events_have(
    rules: Rules, tmp_path: Path, search: str, name: str
) -> None:
    assert never(rules, tmp_path, base(FIREWALL, search) + counted(name)) == []


def test_the_field_that_is_measured_is_looked_at_too(rules: Rules, tmp_path: Path) -> None:
    text = counted("src_ip").replace("event_count", "value_count").replace("{gte: 3}", "{gte: 3, field: usr_name}")

    (problem,) = never(rules, tmp_path, base(FIREWALL) + text)

    assert problem.line == 13
    assert "'usr_name'" in problem.what


def test_an_alias_is_looked_at_in_each_rule_for_itself(rules: Rules, tmp_path: Path) -> None:
    other = base(FILE).replace("base", "other")
    both = counted("who").replace("[base]", "[base, other]").replace("event_count", "temporal")
    both += "  aliases: {who: {base: username, other: username}}\n"

    (problem,) = never(rules, tmp_path, base(FIREWALL) + other + both.replace("  condition: {gte: 3}\n", ""))

    assert "'other'" in problem.what


def test_the_keys_of_an_inner_correlation_go_on_to_the_outer_one(rules: Rules, tmp_path: Path) -> None:
    inner = counted("who", "  aliases: {who: {base: src_ip}}\n") + "---\n"
    outer = counted("who").replace("counted", "outer").replace("[base]", "[counted]")
    wrong = counted("usr").replace("counted", "outer").replace("[base]", "[counted]")

    assert never(rules, tmp_path, base(FIREWALL) + inner + outer) == []
    assert ["'usr'" in problem.what for problem in never(rules, tmp_path, base(FIREWALL) + inner + wrong)] == [True]
