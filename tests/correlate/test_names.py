"""A correlation's names under their other name: Sigma's in an event that has ECS, ECS in an event that has Sigma's."""

from typing import Any

import pytest
from streams import correlation, plain

from engine.correlate import Correlator
from engine.correlate.routing import Routing
from engine.model import Event, LogSource, Match, RuleHead

FIREWALL = LogSource(category="firewall")
LOGON = LogSource(category="authentication")
WINDOWS = LogSource("windows", "process_creation")


def seen(number: int, logsource: LogSource, rule: str = "a", **fields: Any) -> Match:
    named = {name.replace("__", "."): value for name, value in fields.items()}
    return Match(RuleHead(rule, rule), Event(named, number, f"e{number}", logsource, "s", number))


def run(rule: dict[str, Any], *matches: Match) -> tuple[Correlator, list[Match]]:
    engine = Correlator([correlation(rule)], lateness_ns=0)
    out = [each for match in matches for each in (*engine.tick("s", match.event.time), *engine.add(match))]
    return engine, [*out, *engine.finish()]


def groups(out: list[Match]) -> list[dict[str, str]]:
    states = [match.correlated for match in out]
    return [state.group for state in states if state is not None and state.closed_by is not None]


@pytest.mark.parametrize(
    ("logsource", "name", "field"),
    [
        (FIREWALL, "src_ip", "source__ip"),
        (FIREWALL, "source.ip", "src_ip"),
        (FIREWALL, "dst_ip", "destination__ip"),
        (LOGON, "TargetUserName", "user__name"),
        (LOGON, "user.name", "TargetUserName"),
        (LogSource("linux", "process_creation"), "Computer", "host__name"),
    ],
)
def test_events_group_by_a_name_under_which_they_have_it_in_other_words(
    logsource: LogSource, name: str, field: str
) -> None:
    rule = plain("brute", "event_count", "a", {"gte": 2}, group_by=[name])

    _, out = run(rule, *(seen(number, logsource, **{field: "Value"}) for number in (1, 2)))

    assert groups(out) == [{name: "Value"}]


def test_an_event_in_ecs_and_one_in_sigmas_names_are_of_one_group() -> None:
    rule = plain("pair", "temporal_ordered", "ab", {"gte": 2}, group_by=["user.name"])

    _, out = run(rule, seen(1, LOGON, user__name="Ann"), seen(2, LOGON, "b", TargetUserName="ann"))

    assert groups(out) == [{"user.name": "Ann"}]


def test_the_name_itself_goes_before_the_other_even_where_it_is_null() -> None:
    rule = plain("brute", "event_count", "a", {"gte": 2}, group_by=["src_ip"])

    _, own = run(rule, *(seen(n, FIREWALL, src_ip="192.0.2.1", source__ip=f"192.0.2.{n + 5}") for n in (1, 2)))
    engine, null = run(rule, *(seen(n, FIREWALL, src_ip=None, source__ip="192.0.2.1") for n in (1, 2)))

    assert groups(own) == [{"src_ip": "192.0.2.1"}]
    assert groups(null) == []
    assert engine.stats["missing_key"] == 2


def test_a_log_source_for_which_the_name_stands_for_nothing_has_no_key() -> None:
    rule = plain("brute", "event_count", "a", {"gte": 2}, group_by=["src_ip"])

    engine, out = run(rule, *(seen(n, LogSource(), source__ip="192.0.2.1") for n in (1, 2)))

    assert (out, engine.stats["missing_key"]) == ([], 2)


def test_windows_events_have_both_names_from_their_parser_and_are_left_as_they_are() -> None:
    rule = plain("brute", "event_count", "a", {"gte": 2}, group_by=["user.name"])

    _, out = run(rule, *(seen(n, WINDOWS, User="-") for n in (1, 2)))

    assert out == []


def test_distinct_values_and_sums_look_under_the_other_name_too() -> None:
    spray = plain("spray", "value_count", "a", {"gte": 2}, group_by=["src_ip"], fields=["username"])
    volume = plain("volume", "value_sum", "a", {"gte": 30}, group_by=["src_ip"], fields=["cs-bytes"])

    _, users = run(spray, *(seen(n, FIREWALL, source__ip="192.0.2.1", user__name=f"u{n}") for n in (1, 2)))
    proxy = LogSource(category="proxy")
    _, bytes_ = run(volume, *(seen(n, proxy, source__ip="192.0.2.1", source__bytes=15) for n in (1, 2)))

    assert groups(users) == groups(bytes_) == [{"src_ip": "192.0.2.1"}]


def test_an_alias_may_stand_for_a_name_that_the_event_has_in_other_words() -> None:
    aliases = {"inside": {"a": "src_ip", "b": "destination.ip"}}
    rule = plain("both", "temporal", "ab", {"gte": 2}, group_by=["inside"], aliases=aliases)

    _, out = run(
        rule, seen(1, FIREWALL, source__ip="192.0.2.1"), seen(2, LogSource(), "b", destination__ip="192.0.2.1")
    )

    assert groups(out) == [{"inside": "192.0.2.1"}]


def test_workers_that_share_the_groups_agree_on_whose_an_event_in_other_words_is() -> None:
    rule = correlation(plain("brute", "event_count", "a", {"gte": 2}, group_by=["src_ip"]))
    routing = Routing([rule], 8)

    ecs = routing.parts_of(seen(1, FIREWALL, source__ip="192.0.2.1"))
    sigma = routing.parts_of(seen(2, FIREWALL, src_ip="192.0.2.1"))

    assert ecs == sigma
    assert len(ecs) == 1
