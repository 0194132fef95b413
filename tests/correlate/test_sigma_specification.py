"""Sigma's specification of correlation rules, 2.1.0: what it says of each attribute and type, from rule text to alerts.

<https://github.com/SigmaHQ/sigma-specification/blob/main/specification/sigma-correlation-rules-specification.md>
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.app import Pipeline
from engine.enrich.enrichment import Enrichment
from engine.model import Event, LogSource
from engine.ruleset.load import load

S = 10**9
SOURCE = LogSource("windows", None, "security")

Given = tuple[float, dict[str, Any]]
Alerts = list[tuple[str, dict[str, str], int]]
Run = Callable[[str, Sequence[Given]], Alerts]

FAILED = """\
title: Single failed login
id: 53ba33fd-3a50-4468-a5ef-c583635cfa92
name: failed_login
logsource: {product: windows, service: security}
detection: {selection: {EventID: [529, 4625]}, condition: selection}
level: low
---
title: Successful login
id: 4d0a2c83-c62c-4ed4-b475-c7e23a9269b8
name: successful_login
logsource: {product: windows, service: security}
detection: {selection: {EventID: [528, 4624]}, condition: selection}
level: informational
---
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """(title, group, number of events) of each alert, as it is at its end; detections that are told are alerts, too."""

    def ran(text: str, events: Sequence[Given]) -> Alerts:
        (tmp_path / "rules.yml").write_text(text)
        ruleset = load([tmp_path])
        assert not ruleset.errors, ruleset.errors
        pipeline = Pipeline(ruleset, Enrichment([], []), lateness_ns=0)
        made = [
            Event(dict(fields), round(at * S), f"e{number}", SOURCE, "s", number)
            for number, (at, fields) in enumerate(events)
        ]
        out = [*pipeline.process(made), *pipeline.finish()]
        told: Alerts = []
        for match in out:
            if match.correlated is None:
                told.append((match.rule.title, {}, 1))
            elif match.correlated.closed_by is not None:
                told.append((match.rule.title, match.correlated.group, match.correlated.events_total))
        return told

    return ran


def correlation(type: str, more: str, title: str = "correlation") -> str:
    return f"title: {title}\nname: {title}\ncorrelation:\n  type: {type}\n" + "".join(
        f"  {line}\n" for line in more.splitlines()
    )


def failed(at: float, **fields: Any) -> Given:
    return at, {"EventID": 4625, "User": "ann", "ComputerName": "ws-1", **fields}


def let_in(at: float, **fields: Any) -> Given:
    return at, {"EventID": 4624, "User": "ann", "ComputerName": "ws-1", **fields}


COUNT = "rules: [failed_login]\ngroup-by: [ComputerName]\ntimespan: 1h\ncondition: {gte: 3}"


def test_event_count_counts_each_group_for_itself(run: Run) -> None:
    events = [failed(n, ComputerName=f"ws-{n % 2}") for n in range(5)]

    assert run(FAILED + correlation("event_count", COUNT), events) == [("correlation", {"ComputerName": "ws-0"}, 3)]


def test_event_count_counts_the_events_of_all_its_rules(run: Run) -> None:
    text = COUNT.replace("[failed_login]", "[failed_login, successful_login]")

    assert [
        found[2] for found in run(FAILED + correlation("event_count", text), [failed(1), let_in(2), failed(3)])
    ] == [3]


@pytest.mark.parametrize(
    ("condition", "counts"),
    [
        ("gt: 2", [3, 4, 5]),
        ("gte: 2", [2, 3, 4, 5]),
        ("lt: 2", [1]),
        ("lte: 2", [1, 2]),
        ("eq: 2", [2]),
        ("neq: 2", [1, 3, 4, 5]),
        ("gt: 1, lte: 3", [2, 3]),
    ],
)
def test_each_operator_and_a_range_compare_the_count(run: Run, condition: str, counts: list[int]) -> None:
    text = FAILED + correlation("event_count", COUNT.replace("gte: 3", condition))

    holding = [count for count in range(1, 6) if run(text, [failed(n) for n in range(count)])]

    assert holding == counts


def test_several_fields_to_group_by_are_linked_by_and(run: Run) -> None:
    text = correlation("event_count", COUNT.replace("[ComputerName]", "[User, Domain]"))
    pairs = [("ann", "A"), ("ann", "B"), ("bob", "A"), ("ann", "A"), ("ann", "A")]

    found = run(FAILED + text, [failed(n, User=user, Domain=domain) for n, (user, domain) in enumerate(pairs)])

    assert found == [("correlation", {"User": "ann", "Domain": "A"}, 3)]


@pytest.mark.parametrize(("timespan", "seconds"), [("2s", 2), ("2m", 120), ("2h", 7200), ("2d", 172_800)])
def test_the_timespan_is_a_number_with_a_letter(run: Run, timespan: str, seconds: int) -> None:
    text = FAILED + correlation("event_count", COUNT.replace("1h", timespan).replace("gte: 3", "gte: 2"))

    within, beyond = run(text, [failed(0), failed(seconds)]), run(text, [failed(0), failed(seconds + 0.001)])

    assert (len(within), len(beyond)) == (1, 0)


def test_time_frames_have_no_boundaries(run: Run) -> None:
    events = [failed(3599), failed(3600), failed(3601)]  # an hour by the clock begins in their midst

    assert len(run(FAILED + correlation("event_count", COUNT), events)) == 1


def test_value_count_counts_different_values_in_each_group(run: Run) -> None:
    text = COUNT.replace("gte: 3", "field: User, gte: 3").replace("[ComputerName]", "[ComputerName, WorkstationName]")
    users = ["ann", "ANN", "bob", "eve"]

    found = run(
        FAILED + correlation("value_count", text), [failed(n, User=u, WorkstationName="w") for n, u in enumerate(users)]
    )

    assert [(title, total) for title, _, total in found] == [("correlation", 4)]


def test_several_fields_to_count_are_linked_by_and(run: Run) -> None:
    text = FAILED + correlation("value_count", COUNT.replace("gte: 3", "field: [User, Domain], gte: 3"))
    pairs = [("ann", "A"), ("ann", "B"), ("ann", "A")]

    two = run(text, [failed(n, User=user, Domain=domain) for n, (user, domain) in enumerate(pairs)])
    three = run(text, [failed(n, User=u, Domain=d) for n, (u, d) in enumerate([*pairs, ("bob", "A")])])

    assert (len(two), len(three)) == (0, 1)


@pytest.mark.parametrize(
    ("type", "condition", "fits", "fails"),
    [
        ("value_sum", "gt: 10", [4, 4, 3], [4, 4, 2]),
        ("value_avg", "gt: 500", [400, 601], [400, 600]),
        ("value_avg", "gte: 2.5", [2, 3], [2, 2.9]),
        ("value_percentile", "percentile: 50, gte: 3", [1, 3, 9], [1, 2, 9]),
        ("value_median", "gte: 3", [1, 3, 9], [1, 2, 9]),
    ],
)
def test_values_are_summed_averaged_and_ranked(
    run: Run, type: str, condition: str, fits: list[float], fails: list[float]
) -> None:
    text = FAILED + correlation(type, COUNT.replace("gte: 3", f"field: bytes, {condition}"))

    assert len(run(text, [failed(n, bytes=value) for n, value in enumerate(fits)])) == 1
    assert run(text, [failed(n, bytes=value) for n, value in enumerate(fails)]) == []


PROXIMITY = "rules: [failed_login, successful_login]\ngroup-by: [ComputerName, User]\ntimespan: 5m"


def test_temporal_wants_all_of_its_rules_in_any_order_with_the_same_values(run: Run) -> None:
    text = FAILED + correlation("temporal", PROXIMITY)

    assert len(run(text, [failed(0), let_in(300)])) == 1
    assert len(run(text, [let_in(0), failed(300)])) == 1
    assert run(text, [failed(0), failed(1)]) == []
    assert run(text, [failed(0), let_in(301)]) == []
    assert run(text, [failed(0), let_in(1, User="bob")]) == []


def test_a_count_of_a_temporal_correlation_is_that_of_different_rules(run: Run) -> None:
    text = FAILED + correlation("temporal", PROXIMITY + "\ncondition: {gte: 1}")

    assert len(run(text, [failed(0), failed(1)])) == 1
    assert run(text.replace("gte: 1", "gte: 2"), [failed(0), failed(1)]) == []


def test_temporal_ordered_wants_the_order_of_the_rules_as_well(run: Run) -> None:
    text = FAILED + correlation("temporal_ordered", PROXIMITY)

    assert len(run(text, [failed(0), let_in(1)])) == 1
    assert run(text, [let_in(0), failed(1)]) == []


CHAIN = (
    correlation("event_count", COUNT, "many_failed_logins")
    + "---\n"
    + correlation(
        "temporal_ordered", "rules: [many_failed_logins, successful_login]\ngroup-by: [User]\ntimespan: 1h", "chain"
    )
)


def test_a_correlation_over_another_uses_its_own_group_by_alone(run: Run) -> None:
    events = [failed(0, User="bob"), failed(1), failed(2), let_in(3, ComputerName="ws-2")]

    assert run(FAILED + CHAIN, events) == [("chain", {"User": "ann"}, 2)]


def test_rules_are_referred_to_by_id_or_by_name_in_whatever_order_they_stand(run: Run) -> None:
    by_id = CHAIN.replace("[failed_login]", "[53ba33fd-3a50-4468-a5ef-c583635cfa92]")

    assert [title for title, _, _ in run(by_id + "---\n" + FAILED, [*(failed(n) for n in range(3)), let_in(3)])] == [
        "chain"
    ]


def test_rules_below_a_correlation_are_told_only_if_it_says_generate(run: Run) -> None:
    silent, loud = correlation("event_count", COUNT), correlation("event_count", COUNT + "\ngenerate: true")
    events = [failed(n) for n in range(3)]

    assert [title for title, _, _ in run(FAILED + silent, events)] == ["correlation"]
    assert sorted(title for title, _, _ in run(FAILED + loud, events)) == [*["Single failed login"] * 3, "correlation"]


ALIASES = """\
title: internal_error
name: internal_error
logsource: {product: windows}
detection: {selection: {http.response.status_code: 500}, condition: selection}
---
title: new_network_connection
name: new_network_connection
logsource: {product: windows}
detection: {selection: {event.category: network, event.type: connection, event.outcome: success}, condition: selection}
---
""" + correlation(
    "temporal",
    "rules: [internal_error, new_network_connection]\ngroup-by: [internal_ip, remote_ip]\ntimespan: 10s\naliases:\n"
    "  internal_ip: {internal_error: destination.ip, new_network_connection: source.ip}\n"
    "  remote_ip: {internal_error: source.ip, new_network_connection: destination.ip}",
)


def test_an_alias_stands_for_the_field_of_each_rule_whether_the_rule_looks_at_it_or_not(run: Run) -> None:
    error = {"http.response.status_code": 500, "destination.ip": "192.0.2.1", "source.ip": "198.51.100.7"}
    connection = {"event.category": ["network"], "event.type": ["connection"], "event.outcome": "success"}
    back = {**connection, "source.ip": "192.0.2.1", "destination.ip": "198.51.100.7"}
    other = {**back, "destination.ip": "198.51.100.8"}

    found = run(ALIASES, [(0, error), (1, back)])

    assert found == [("correlation", {"internal_ip": "192.0.2.1", "remote_ip": "198.51.100.7"}, 2)]
    assert run(ALIASES, [(0, error), (1, other)]) == []


def test_the_level_is_that_of_the_correlation_and_not_of_its_rules(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(FAILED + correlation("event_count", COUNT) + "level: high\n")

    ruleset = load([tmp_path])

    assert [rule.head.level for rule in ruleset.correlations] == ["high"]
    assert [rule.head.level for rule in ruleset.detections] == ["low", "informational"]


def test_only_the_outermost_rule_needs_to_say_anything_of_itself(run: Run) -> None:
    bare = "name: bare\nlogsource: {product: windows}\ndetection: {s: {EventID: 4625}, condition: s}\n---\n"
    text = "title: bare\n" + bare + correlation("event_count", COUNT.replace("failed_login", "bare"))

    assert len(run(text, [failed(n) for n in range(3)])) == 1
