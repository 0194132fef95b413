"""``links`` below ``tieline:`` of a correlation."""

from collections.abc import Callable

import jsonschema
import pytest
import yaml

from engine.ruleset.load import Ruleset
from engine.ruleset.schema import schema

Rules = Callable[..., Ruleset]

BASES = "---\n".join(
    f"title: {name}\nname: {name}\nlogsource: {{product: p}}\ndetection: {{s: {{a: {name}}}, condition: s}}\n"
    for name in ("deed", "vpn", "left")
)
GOOD = "{rule: vpn, user: user.name, ip: source.nat.ip, for: 12h, until: left}"


def written(links: str, name: str = "tieline.identity.user") -> str:
    return (
        "title: joined\nname: joined\ncorrelation:\n  type: event_count\n  rules: [deed]\n"
        f"  group-by: [{name}]\n  timespan: 5m\n  condition: {{gte: 3}}\ntieline: {{links: {links}}}\n"
    )


@pytest.mark.parametrize("links", [GOOD, f"[{GOOD}]", GOOD.replace("until: left", "until: [left]")])
def test_a_link_is_read_with_the_ids_of_its_rules(rules: Rules, links: str) -> None:
    ruleset = rules(written(links), BASES)

    (found,) = ruleset.correlations
    by_name = {rule.head.name: rule.head.id for rule in ruleset.detections}
    assert not ruleset.problems
    assert [(link.rule, link.ends, link.for_ns, link.until) for link in found.links] == [
        (by_name["vpn"], (("user", "user.name"), ("ip", "source.nat.ip")), 12 * 3600 * 10**9, (by_name["left"],))
    ]
    assert found.references == (by_name["deed"], by_name["vpn"], by_name["left"])
    jsonschema.Draft202012Validator(schema()).validate(yaml.safe_load(written(links)))


def test_the_rules_of_a_link_raise_no_alerts_of_their_own(rules: Rules) -> None:
    ruleset = rules(written(GOOD), BASES)

    assert all(rule.silenced for rule in ruleset.detections)


def test_informational_ones_not_even_where_steps_do(rules: Rules) -> None:
    generating = written(GOOD).replace("  type:", "  generate: true\n  type:")
    leveled = BASES.replace("name: left\n", "name: left\nlevel: low\n")

    ruleset = rules(generating, leveled)

    assert {rule.head.name: rule.silenced for rule in ruleset.detections} == {"deed": False, "vpn": True, "left": False}


def test_a_rule_may_be_a_step_and_tell_a_link_as_well(rules: Rules) -> None:
    ruleset = rules(written("{rule: deed, user: user.name, ip: source.nat.ip, for: 1h}"), BASES)

    assert not ruleset.problems
    assert ruleset.correlations[0].links[0].rule == ruleset.correlations[0].rules[0]


@pytest.mark.parametrize(
    ("links", "says"),
    [
        ("[]", "0 of them"),
        ("3", "no mapping"),
        ("[3]", "no mapping"),
        ("{rule: vpn, user: user.name, for: 1h}", "two ends, not 1"),
        ("{rule: vpn, user: a, ip: b, host: c, for: 1h}", "two ends, not 3"),
        ("{rule: vpn, user: 3, ip: b, for: 1h}", "'user' names no field"),
        ("{rule: vpn, usr: a, ip: b, for: 1h}", "unknown key 'usr'"),
        ("{rule: vpn, user: a, ip: b}", "needs 'rule' and 'for'"),
        ("{user: a, ip: b, for: 1h}", "needs 'rule' and 'for'"),
        ("{rule: vpn, user: a, ip: b, for: 0s}", "for no time at all"),
        ("{rule: vpn, user: a, ip: b, for: soon}", "no time span"),
        ("{rule: vpn, user: a, ip: b, for: 99999w}", "more than ten years"),
        ("{rule: [vpn], user: a, ip: b, for: 1h}", "is no rule"),
        ("{rule: nobody, user: a, ip: b, for: 1h}", "there is no rule 'nobody'"),
        ("{rule: vpn, user: a, ip: b, for: 1h, until: []}", "until: 0 rules"),
        ("{rule: vpn, user: a, ip: b, for: 1h, until: [3]}", "is no rule"),
    ],
)
def test_a_link_that_cannot_be_meant_so_is_refused_at_its_line(rules: Rules, links: str, says: str) -> None:
    (problem,) = rules(written(links), BASES).problems

    assert says in problem.what
    assert problem.severity == "error"
    assert problem.line == 9


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (written(GOOD, "user.name"), "nothing asks for them"),
        (written(GOOD, "tieline.identity.usr"), "none of the entities"),
        (written(GOOD).replace(f"tieline: {{links: {GOOD}}}\n", ""), "'tieline.identity.user' without links"),
    ],
)
def test_links_and_the_fields_that_they_fill_go_together(rules: Rules, text: str, says: str) -> None:
    (problem,) = rules(text, BASES).problems

    assert says in problem.what
