"""What grows has a bound or a timer: also on a stream that fell quiet, and under a flood of keys."""

from time import process_time
from typing import Any
from unittest.mock import patch

import links as slow
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streams import Stream, budget, correlation, last_revisions, match, plain, run, truth
from test_capture import interrupted

from engine.correlate import Correlator, Limits, capture, correlator, counted, ties
from engine.model import Match

USER = "tieline.identity.user"
VPN = {"rule": "vpn", "ends": [("user", "user.name"), ("ip", "client.ip")], "for": 100, "until": ["left"]}
LOGON = {"rule": "logon", "ends": [("user", "user.name"), ("host", "host.name")], "for": 50_000, "until": ["left"]}
ONE = plain("one", "event_count", ["act"], {"gte": 1}, group_by=[USER], links=[VPN, LOGON])


def gave(time: int, user: str, address: str, sequence: int = 0, rule: str = "vpn") -> Match:
    fields = {"user.name": user, "client.ip": address}
    return match(rule, time, f"{rule}{time}{user}{sequence}", sequence=sequence, **fields)


def logged_on(time: int, user: str, host: str) -> Match:
    return match("logon", time, f"{time}{user}", **{"user.name": user, "host.name": host})


def act(time: int, sequence: int = 0, source: str = "s", **fields: Any) -> Match:
    return match("act", time, f"act{time}{sequence}", source, sequence, **{"user.name": None, **fields})


def fed(engine: Correlator, *matches: Match) -> list[Match]:
    out: list[Match] = []
    for each in matches:
        out += [*engine.tick("s", each.event.time), *engine.add(each)]
    return out


def users(out: list[Match]) -> list[str]:
    states = [m.correlated for m in out]
    return [s.group[USER] for s in states if s is not None and s.revision == 0 and not s.closed_by]


def facts(engine: Correlator) -> int:
    return len(engine.snapshot()["rules"]["one"][1]["links"][0])


def again(engine: Correlator) -> Correlator:
    after = Correlator([correlation(ONE)], lateness_ns=0)
    after.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(engine.snapshot())))
    return after


def under_other_rules(engine: Correlator) -> Correlator:
    after = Correlator([correlation(ONE), correlation(plain("more", "event_count", "a", {"gte": 2}))], lateness_ns=0)
    after.take_over(engine)
    return after


@pytest.mark.parametrize("on", [lambda engine: engine, again, under_other_rules])
def test_a_tie_is_freed_by_the_clock_though_no_match_comes_any_more(on: Any) -> None:
    engine = Correlator([correlation(ONE)], lateness_ns=0)
    fed(engine, *(gave(time, f"u{time}", f"192.0.2.{time}") for time in range(9)), logged_on(9, "ann", "h"))
    engine.tick("s", 10)
    engine = on(engine)

    counts = [facts(engine)]
    for now in (60_000, 120_000, 180_000):
        engine.tick("s", now)
        counts.append(facts(engine))

    assert counts == [10, 0, 0, 0]


def test_a_suppression_is_freed_by_the_clock() -> None:
    engine = Correlator([correlation(plain("r", "event_count", "a", {"gte": 1}, suppress=1_000))], lateness_ns=0)
    fed(engine, *(match("a", 1, f"e{n}", user=f"u{n}") for n in range(9)))

    engine.tick("s", 500)
    known = len(engine.snapshot()["rules"]["r"][1]["suppression"]["since"])
    engine.tick("s", 2_000)

    assert (known, engine.snapshot()["rules"]["r"][1]["suppression"]["since"]) == (9, [])


def test_a_flood_of_keys_leaves_neither_timers_nor_names_behind() -> None:
    kinds: list[Any] = [
        ("event_count", "a", {"gte": 5}),
        ("temporal", "ab", {"gte": 2}),
        ("value_count", "a", {"gte": 5}),
    ]
    rules = [correlation(plain(kind, kind, of, least, timespan=10**9)) for kind, of, least in kinds]
    with patch.object(correlator, "_TIMERS", 100), patch.object(counted, "_NAMES", 100):
        engine = Correlator(rules, lateness_ns=0, limits=Limits(groups_per_rule=20))
        fed(engine, *(match("a", time, f"e{time}", user=f"u{time // 2}", n=1) for time in range(20_000)))

    assert engine.stats["groups"] == 60
    assert len(engine._timers) < 1_000
    assert sum(map(len, engine._correlations[0]._wheel.values())) < 1_000  # type: ignore[attr-defined]


@budget
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from("ab"), st.integers(0, 9)), max_size=60))
def test_taking_old_timers_out_changes_nothing(steps: list[tuple[int, str, int]]) -> None:
    time, matches = 0, []
    for number, (more, rule, user) in enumerate(steps):
        time += more
        matches.append(match(rule, time, f"e{number}", user=f"u{user}", n=number))
    kinds: list[Any] = [
        ("event_count", "a", {"gte": 3}),
        ("temporal", "ab", {"gte": 2}),
        ("value_count", "a", {"lt": 5}),
    ]
    rules = [plain(kind, kind, of, least, timespan=4) for kind, of, least in kinds]

    limits = Limits(groups_per_rule=3)
    plainly = last_revisions(run(rules, Stream(matches), limits))

    with patch.object(correlator, "_TIMERS", 1), patch.object(counted, "_NAMES", 1):
        assert last_revisions(run(rules, Stream(matches), limits)) == plainly


def test_matches_that_wait_for_the_skew_of_a_correlation_below_are_bounded() -> None:
    skewed = plain("skewed", "temporal_ordered", "ab", {"gte": 2}, skew=10**6, timespan=10**7)
    above = plain("above", "temporal_ordered", ["skewed", "c"], {"gte": 2}, timespan=10**7)
    engine = Correlator([correlation(skewed), correlation(above)], lateness_ns=0, limits=Limits(held=50))

    fed(engine, *(match("c", time) for time in range(1_000)))

    assert len(engine.snapshot()["delayed"]) <= 51
    assert engine.stats["forced"] > 0


def test_a_list_of_keys_at_the_bound_leaves_no_alert_behind_that_never_closes() -> None:
    rule = plain("r", "event_count", "a", {"gte": 2}, timespan=10)
    engine = Correlator([correlation(rule)], lateness_ns=0, limits=Limits(groups_per_rule=4))
    out = fed(engine, *(match("a", time, user=f"u{time}") for time in range(1, 5)))

    out += fed(engine, match("a", 5, "x", user=["new", "newer"]), match("a", 6, "y", user=["new", "newer"]))
    out += engine.finish()

    assert engine.stats["open_alerts"] == 0
    assert [m.correlated.group["user.name"] for m in out if m.correlated and m.correlated.closed_by] == ["new", "newer"]


def test_who_had_an_address_before_costs_nothing_now() -> None:
    engine = Correlator([correlation({**ONE, "links": [{**VPN, "for": 10**6}, LOGON]})], lateness_ns=0)
    fed(engine, *(gave(time, f"u{time}", "192.0.2.7") for time in range(20_000)))
    fed(engine, *(logged_on(20_000 + time, f"u{time}", "jump") for time in range(20_000)))

    began = process_time()
    out = fed(engine, *(act(50_000 + n, n, **{"source.ip": "192.0.2.7"}) for n in range(50)))
    out += fed(engine, *(act(51_000 + n, n, **{"host.name": "jump"}) for n in range(50)))
    took = process_time() - began

    assert users(out)[0] == "u19999"
    assert took < 2


def test_of_more_than_sixteen_on_a_host_those_who_came_last_may_have_been_it() -> None:
    logons = [logged_on(time, f"u{time:02}", "jump") for time in range(20)]

    out = run([ONE], Stream([*logons, act(30, **{"host.name": "jump"})]))

    assert users(out) == [f"u{time:02}" for time in range(4, 20)]


def test_a_search_that_was_cut_short_is_counted() -> None:
    engine = Correlator([correlation(ONE)], lateness_ns=0)
    gone = [match("left", 20, f"l{n}", **{"user.name": f"u{n}"}) for n in range(1_100)]
    fed(engine, *(logged_on(10, f"u{n}", "jump") for n in range(1_100)), *gone, act(30, **{"host.name": "jump"}))

    engine.finish()

    assert engine.stats["links_cut_short"] == 1


@st.composite
def crowds(draw: st.DrawFn) -> Stream:
    chosen = draw(st.lists(st.tuples(st.integers(0, 9), st.sampled_from("llllvvoa"), st.integers(0, 7)), max_size=30))
    made: list[Match] = []
    for number, (time, what, user) in enumerate(chosen):
        fields: dict[str, Any] = {
            "user.name": f"u{user}",
            "host.name": f"h{user % 2}",
            "client.ip": f"192.0.2.{user % 3}",
        }
        if what == "a":
            fields = {
                "user.name": None,
                **draw(st.sampled_from([{"host.name": ["h0", "h1"]}, {"source.ip": "192.0.2.1"}])),
            }
        rule = {"l": "logon", "v": "vpn", "o": "left", "a": "act"}[what]
        made.append(match(rule, time, f"e{number}", f"s{user % 2}", number, **fields))
    cuts = draw(st.frozensets(st.integers(0, max(len(made) - 1, 0)), max_size=2))
    return Stream(sorted(made, key=lambda m: (m.event.time, m.event.sequence)), cuts)


@budget
@given(crowds(), st.sampled_from([["user"], ["host"], ["ip"]]))
def test_a_crowd_agrees_with_the_oracle(stream: Stream, wanted: list[str]) -> None:
    rule = {
        **ONE,
        "group_by": [f"tieline.identity.{kind}" for kind in wanted],
        "links": [{**VPN, "for": 6}, {**LOGON, "for": 5}],
    }

    with patch.object(ties, "FAN_OUT", 2), patch.object(slow, "MOST", 2):
        assert last_revisions(run([rule], stream)) == truth([rule], stream)


def test_within_one_source_the_sequence_decides_between_equal_times() -> None:
    given = gave(5, "ann", "192.0.2.7", 1)
    address = {"source.ip": "192.0.2.7"}

    def behind(*matches: Match) -> list[str]:
        return users(run([{**ONE, "links": [VPN]}], Stream(list(matches))))

    assert behind(given, gave(5, "ann", "192.0.2.7", 2, "left"), act(9, 3, **address)) == []
    assert behind(given, gave(5, "bob", "192.0.2.7", 2), act(5, 3, **address)) == ["bob"]
    assert behind(act(5, 0, **address), given) == []
    assert behind(act(5, 0, "another", **address), given) == ["ann"]


@budget
@given(crowds(), st.frozensets(st.integers(0, 30), max_size=6), st.integers(0, 30))
def test_ties_that_are_captured_in_pieces_are_those_of_that_moment(
    stream: Stream, cuts: frozenset[int], crash: int
) -> None:
    cut = Stream(stream.arrivals, cuts)

    with patch.object(capture, "_LINKS", 1), patch.object(capture, "_GROUPS", 1):
        assert last_revisions(interrupted([ONE], cut, crash)) == last_revisions(run([ONE], Stream(stream.arrivals)))


def test_the_facts_of_links_come_in_pieces_and_only_those_that_are_new() -> None:
    engine = Correlator([correlation({**ONE, "links": [{**LOGON, "for": 10**9}]})], lateness_ns=0)
    fed(engine, *(logged_on(time, f"u{time}", "jump") for time in range(6_000)))
    engine.tick("s", 6_000)
    first = engine.capture()
    whole = [*iter(first.piece, None)]
    fed(engine, logged_on(6_001, "ann", "jump"))
    engine.tick("s", 6_002)

    second = engine.capture()
    new = [*iter(second.piece, None)]

    assert len(whole) >= 3
    assert (len(new), len(new[0]) < 300, len(second.head()) < 2_000) == (1, True, True)
