"""`contract.md`, "What a correlation means", sentence by sentence."""

import inspect
from typing import Any

import correlations
import msgspec
import pytest
from streams import Stream, correlation, match, plain, run

from engine.correlate import Correlator, Limits
from engine.model import Match

BRUTE = plain("brute", "event_count", ["a"], {"gte": 3})
ORDER = plain("order", "temporal_ordered", ["a", "b", "c"], {"gte": 3})
BOTH = plain("both", "temporal", ["a", "b"], {"gte": 2})


def told(rules: list[dict[str, Any]], *matches: Match, lateness: int = 0) -> list[Match]:
    return run(rules, Stream(list(matches)), lateness=lateness)


def openings(out: list[Match]) -> list[tuple[str, int]]:
    """(rule, opened) of each alert, in the order of decision."""
    states = [(m.rule.id, m.correlated) for m in out]
    return [(rule, s.opened) for rule, s in states if s is not None and s.revision == 0 and s.closed_by is None]


def last(out: list[Match]) -> Any:
    return out[-1].correlated


def test_a_match_waits_until_the_watermark_has_passed_it() -> None:
    engine = Correlator([correlation(plain("one", "event_count", ["a"], {"gte": 1}))], lateness_ns=5)

    engine.tick("s", 10)
    assert engine.add(match("a", 10)) == ()
    assert engine.tick("s", 15) == ()
    opened = engine.tick("s", 16)

    assert [m.event.time for m in opened] == [10]
    assert engine.watermark == 11


def test_the_slowest_source_holds_the_watermark_back_until_it_retires() -> None:
    engine = Correlator([correlation(BRUTE)], lateness_ns=0)
    engine.expect("slow")

    engine.tick("fast", 100)
    assert engine.watermark is None
    engine.tick("slow", 20)
    assert engine.watermark == 20
    engine.retire("slow")

    assert engine.watermark == 100


def test_a_new_source_does_not_turn_the_watermark_back() -> None:
    engine = Correlator([correlation(BRUTE)], lateness_ns=0)

    engine.tick("s", 100)
    engine.tick("new", 50)

    assert engine.watermark == 100
    assert engine.tick("s", 200) == ()
    assert engine.watermark == 100


def test_an_event_at_the_watermark_is_not_late() -> None:
    engine = Correlator([correlation(plain("one", "event_count", ["a"], {"gte": 1}))], lateness_ns=0)

    engine.tick("s", 10)
    engine.add(match("a", 10, "first"))
    engine.add(match("a", 10, "second"))

    assert last(list(engine.finish())).events_total == 2
    assert engine.stats["late"] == 0


def test_a_match_exactly_timespan_old_counts_and_an_older_one_does_not() -> None:
    assert openings(told([BRUTE], match("a", 0), match("a", 5), match("a", 10))) == [("brute", 10)]
    assert openings(told([BRUTE], match("a", 0), match("a", 5), match("a", 11))) == []


def test_an_hour_of_brute_force_is_one_alert() -> None:
    out = told([BRUTE], *(match("a", t) for t in range(0, 3600, 4)))

    assert openings(out) == [("brute", 8)]
    assert (last(out).revision, last(out).events_total, last(out).last) == (897, 900, 3596)
    assert len(last(out).events) == 100
    assert [e.time for e in last(out).events[49:51]] == [196, 3400]


def test_what_hovers_around_the_threshold_is_one_alert() -> None:
    out = told([BRUTE], *(match("a", t) for t in (0, 1, 2, 11, 12, 13, 22)))

    # At 11 the window holds two, at 12 three: the one at 11 is evidence of the revision at 12.
    assert openings(out) == [("brute", 2)]
    assert [e.time for e in last(out).events] == [0, 1, 2, 11, 12, 13, 22][: last(out).events_total]


def test_a_match_exactly_timespan_later_still_belongs_and_the_next_opens_a_new_alert() -> None:
    one = plain("one", "event_count", ["a"], {"gte": 1})

    assert openings(told([one], match("a", 0), match("a", 10))) == [("one", 0)]
    assert openings(told([one], match("a", 0), match("a", 11))) == [("one", 0), ("one", 11)]


def test_an_alert_that_is_over_closes_by_timespan_and_an_open_one_by_the_end_of_input() -> None:
    one = plain("one", "event_count", ["a"], {"gte": 1})

    out = told([one], match("a", 0), match("a", 50))

    closed = [(m.correlated.opened, m.correlated.closed_by) for m in out if m.correlated and m.correlated.closed_by]
    assert closed == [(0, "timespan"), (50, "end_of_input")]


def test_evidence_of_a_sequence_is_the_chain_that_begins_latest() -> None:
    out = told([ORDER], match("a", 0), match("a", 1), match("b", 2), match("a", 3), match("b", 4), match("c", 5))

    assert [e.id for e in last(out).events] == ["a3", "b4", "c5"]


@pytest.mark.parametrize("order", ["acb", "bac", "bca", "cab", "cba"])
def test_a_sequence_out_of_order_is_none(order: str) -> None:
    assert openings(told([ORDER], *(match(rule, t) for t, rule in enumerate(order)))) == []


def test_one_event_is_never_two_steps_of_a_sequence_and_may_be_both_in_temporal() -> None:
    pair = plain("pair", "temporal_ordered", ["a", "b"], {"gte": 2})
    event = [match("a", 1, "same"), match("b", 1, "same")]

    assert openings(told([pair, BOTH], *event)) == [("both", 1)]


def test_equal_times_of_two_sources_satisfy_either_order_and_of_one_source_the_sequence_decides() -> None:
    pair = plain("pair", "temporal_ordered", ["a", "b"], {"gte": 2})

    assert openings(told([pair], match("b", 5, source="s1"), match("a", 5, source="s2"))) == [("pair", 5)]
    assert openings(told([pair], match("b", 5, source="s2"), match("a", 5, source="s1"))) == [("pair", 5)]
    assert openings(told([pair], match("b", 5, sequence=1), match("a", 5, sequence=2))) == []
    assert openings(told([pair], match("b", 5, sequence=2), match("a", 5, sequence=1))) == [("pair", 5)]


def test_records_of_one_source_without_a_sequence_are_in_either_order_among_equal_times() -> None:
    pair = plain("pair", "temporal_ordered", ["a", "b"], {"gte": 2})

    assert openings(told([pair], match("b", 5, "e1"), match("a", 5, "e2"))) == [("pair", 5)]


def test_a_chain_is_found_in_any_order_of_equal_times() -> None:
    for order in ("abc", "acb", "bac", "bca", "cab", "cba"):
        crowd = [match(rule, 5, source=f"s{place}") for place, rule in enumerate(order)]

        assert openings(told([ORDER], *crowd)) == [("order", 5)]


def test_equal_times_do_not_make_a_group_forget_its_earlier_steps() -> None:
    out = told([ORDER], match("a", 1), match("b", 2), match("a", 3, "x"), match("a", 3, "y"), match("c", 4))

    assert [e.id for e in last(out).events] == ["a1", "b2", "c4"]


def test_what_a_snapshot_carried_over_is_still_freed_and_closed_in_time() -> None:
    one = plain("one", "event_count", ["a"], {"gte": 1})
    before = Correlator([correlation(one)], lateness_ns=0)
    before.tick("s", 1)
    before.add(match("a", 1))
    before.tick("s", 2)

    after = Correlator([correlation(one)], lateness_ns=0)
    after.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(before.snapshot())))
    closed = after.tick("s", 12)
    after.tick("s", 100)

    assert [m.correlated.closed_by for m in closed if m.correlated] == ["timespan"]
    assert after.stats["groups"] == 0


def test_a_value_that_is_still_in_the_window_still_counts() -> None:
    two = plain("two", "value_count", ["a"], {"gte": 2})

    values = [(0, "x"), (1, "x"), (10, "z")]
    assert openings(told([two], *(match("a", t, n=n) for t, n in values))) == [("two", 10)]
    assert openings(told([two], *(match("a", t, n=n) for t, n in [(0, "x"), (1, "x"), (11, "z")]))) == [("two", 11)]
    assert openings(told([two], *(match("a", t, n=n) for t, n in [(0, "x"), (1, "x"), (12, "z")]))) == []


def test_skew_relaxes_the_order_across_sources_only() -> None:
    pair = plain("pair", "temporal_ordered", ["a", "b"], {"gte": 2}, skew=2)

    assert openings(told([pair], match("b", 5, source="s1"), match("a", 7, source="s2"))) == [("pair", 5)]
    assert openings(told([pair], match("b", 5, source="s1"), match("a", 8, source="s2"))) == []
    assert openings(told([pair], match("b", 5), match("a", 7))) == []


def test_a_late_match_opens_and_extends_nothing_and_is_a_late_revision_of_a_kept_alert() -> None:
    engine = Correlator([correlation(BRUTE)], lateness_ns=0)
    for time in (20, 21, 22, 35):
        engine.tick("s", time)
        engine.add(match("a", time))

    revised = engine.add(match("a", 19, "late one"))
    assert engine.add(match("a", 19, "late one")) == ()
    assert engine.add(match("a", 5, "in no alert")) == ()

    state = revised[0].correlated
    assert state is not None
    assert (state.revision, state.late, state.opened, state.last, state.events_total) == (1, True, 22, 22, 4)
    assert engine.stats["late"] == 3


def test_late_matches_never_open() -> None:
    engine = Correlator([correlation(BRUTE)], lateness_ns=0)

    engine.tick("s", 100)
    out = [m for time in (1, 2, 3) for m in engine.add(match("a", time))]

    assert [*out, *engine.finish()] == []


def test_an_upper_bound_is_decided_once_at_first_match_plus_timespan() -> None:
    few = plain("few", "event_count", ["a"], {"gte": 1, "lt": 3})

    assert openings(told([few], match("a", 0), match("a", 10), match("a", 11))) == [("few", 10), ("few", 21)]
    assert openings(told([few], match("a", 0), match("a", 5), match("a", 10))) == []


def test_not_in_temporal_looks_before_and_after() -> None:
    lonely = plain("lonely", "temporal", ["a", "b"], ("and", "a", ("not", "b")))

    assert openings(told([lonely], match("a", 20))) == [("lonely", 30)]
    for time in (10, 15, 20, 30):
        assert openings(told([lonely], *sorted([match("a", 20), match("b", time)], key=lambda m: m.event.time))) == []
    assert openings(told([lonely], match("b", 9), match("a", 20), match("b", 31))) == [("lonely", 30)]


def test_not_in_a_sequence_looks_from_its_predecessor_to_the_deadline() -> None:
    unanswered = plain("unanswered", "temporal_ordered", ["a", "b", "c"], ("and", "a", "b", ("not", "c")))

    assert openings(told([unanswered], match("a", 20), match("c", 21), match("b", 22))) == [("unanswered", 30)]
    assert openings(told([unanswered], match("a", 20), match("b", 22), match("c", 30))) == []
    assert openings(told([unanswered], match("a", 20), match("b", 22), match("c", 31))) == [("unanswered", 30)]


def test_absence_is_decided_by_a_quiet_sources_clock() -> None:
    engine = Correlator(
        [correlation(plain("lonely", "temporal", ["a", "b"], ("and", "a", ("not", "b"))))], lateness_ns=5
    )
    engine.tick("s", 20)
    engine.add(match("a", 20))

    assert engine.tick("s", 35) == ()
    assert openings(list(engine.tick("s", 36))) == [("lonely", 30)]


def test_keys_compare_folded_and_addresses_canonically_and_the_first_spelling_is_shown() -> None:
    by_address = plain("brute", "event_count", ["a"], {"gte": 3}, group_by=["source.ip"])

    out = told(
        [by_address],
        match("a", 1, ip="::FFFF:192.0.2.7"),
        match("a", 2, ip="192.0.2.7"),
        match("a", 3, ip="::ffff:c000:207"),
    )
    folded = told([BRUTE], match("a", 1, user="Straße"), match("a", 2, user="STRASSE"), match("a", 3, user="strasse"))

    assert last(out).group == {"source.ip": "::FFFF:192.0.2.7"}
    assert last(folded).group == {"user.name": "Straße"}


def test_a_missing_key_never_correlates_and_is_counted() -> None:
    engine = Correlator([correlation(BRUTE)], lateness_ns=0)
    for time in range(5):
        engine.tick("s", time)
        engine.add(match("a", time, user=None))

    assert list(engine.finish()) == []
    assert engine.stats["missing_key"] == 5


def test_a_list_fans_out_to_at_most_sixteen_groups() -> None:
    one = plain("one", "event_count", ["a"], {"gte": 1})

    out = told([one], match("a", 1, user=[f"u{n}" for n in range(40)]))

    assert len(openings(out)) == 16


@pytest.mark.parametrize("key", [{"a": 1}, [["x"], {"y": None}], "x" * 1_000_000, 10**30, 1.5, True, "", "\ud800"])
def test_any_value_can_be_a_key(key: Any) -> None:
    one = plain("one", "event_count", ["a"], {"gte": 1})

    out = told([one], match("a", 1, user=key))

    assert openings(out)
    assert all(len(value) < 2_000 for m in out if m.correlated for value in m.correlated.group.values())


def test_an_event_counts_once_in_a_window() -> None:
    either = plain("either", "event_count", ["a", "b"], {"gte": 2})

    assert openings(told([either], match("a", 1, "same"), match("b", 1, "same"), match("a", 2, "same"))) == []


def test_aliases_name_another_field_for_each_rule() -> None:
    pair = plain("pair", "temporal", ["a", "b"], {"gte": 2}, group_by=["who"], aliases={"who": {"a": "x", "b": "y"}})

    out = told([pair], match("a", 1, x="Ann"), match("b", 2, y="ANN"))

    assert last(out).group == {"who": "Ann"}
    assert out[0].event.fields["who"] == "Ann"


def test_value_rules_ignore_matches_without_the_field_and_several_fields_count_tuples() -> None:
    pairs = plain("pairs", "value_count", ["a"], {"gte": 3}, fields=["x", "y"])

    out = told(
        [pairs],
        match("a", 1, x="1", y="1"),
        match("a", 2, x="1"),
        match("a", 3, x="1", y="2"),
        match("a", 4, x="2", y="1"),
    )

    assert [e.time for e in last(out).events] == [1, 3, 4]


def test_sums_are_decimal_and_exact() -> None:
    total = plain("total", "value_sum", ["a"], {"gt": 0.3})

    assert openings(told([total], *(match("a", t, n="0.1") for t in range(3)))) == []
    assert openings(told([total], *(match("a", t, n=0.1) for t in range(4)))) == [("total", 3)]


def test_the_virtual_match_carries_the_last_events_fields_and_the_inner_groups_keys() -> None:
    outer = plain("outer", "temporal_ordered", ["brute", "c"], {"gte": 2}, group_by=["host"])

    out = told([outer, BRUTE], match("a", 1), match("a", 2), match("a", 3, host="gw"), match("c", 4, host="GW"))

    inner, opened = out[0], next(m for m in out if m.rule.id == "outer")
    assert inner.event.fields == {"user.name": "Ann", "host": "gw"}
    assert opened.correlated is not None
    assert [e.id for e in opened.correlated.events] == [inner.event.id, "c4"]
    assert opened.correlated.events[0].summary == "brute (user.name Ann; 3 events)"


def test_a_story_goes_on_from_every_revision_of_an_alert_below_it() -> None:
    fallen = plain("fallen", "temporal_ordered", ["brute", "c"], {"gte": 2})

    long = told([fallen, BRUTE], *(match("a", t) for t in range(100)), match("c", 105))
    over = told([fallen, BRUTE], *(match("a", t) for t in range(100)), match("c", 110))

    assert openings(long) == [("brute", 2), ("fallen", 105)]
    assert openings(over) == [("brute", 2)]


def test_a_revision_leads_to_the_group_of_its_own_last_event() -> None:
    seen = plain("seen", "event_count", ["a"], {"gte": 1}, group_by=["source.ip"])
    outer = plain("outer", "temporal_ordered", ["seen", "c"], {"gte": 2})
    falls = [match("a", t, ip="192.0.2.7", user=user) for t, user in [(1, "ann"), (2, "bob")]]

    out = told([outer, seen], *falls, match("c", 3, user="bob"), match("c", 4, user="cyd"))

    assert [m.correlated.group for m in out if m.rule.id == "outer" and m.correlated] == [{"user.name": "bob"}] * 2


def test_revisions_of_one_alert_count_once_in_a_window() -> None:
    seen = plain("seen", "event_count", ["a"], {"gte": 1}, group_by=["user.name"])
    many = plain("many", "event_count", ["seen"], {"gte": 2}, group_by=["host"])

    alone = told([seen, many], *(match("a", t, host="gw") for t in range(9)))
    two = told([seen, many], *(match("a", t, host="gw", user="ab"[t % 2]) for t in range(9)))

    assert openings(alone) == [("seen", 0)]
    assert openings(two) == [("seen", 0), ("seen", 1), ("many", 1)]
    assert last([m for m in two if m.rule.id == "many"]).events_total == 2


def test_two_alerts_over_one_that_goes_on_have_names_of_their_own() -> None:
    seen = plain("seen", "event_count", ["a"], {"gte": 1})
    pair = plain("pair", "temporal_ordered", ["seen", "c"], {"gte": 2})

    every = [*(match("a", t) for t in range(0, 60, 5)), match("c", 6), match("c", 46)]

    out = told([pair, seen], *sorted(every, key=lambda m: m.event.time))

    assert openings(out) == [("seen", 0), ("pair", 6), ("pair", 46)]
    assert len({m.event.id for m in out if m.rule.id == "pair"}) == 2


def test_a_revision_that_came_late_starts_nothing_above_it() -> None:
    engine = Correlator(
        [correlation(r) for r in (BRUTE, plain("pair", "temporal_ordered", ["brute", "c"], {"gte": 2}))], lateness_ns=0
    )
    for time in (20, 21, 22, 25):
        engine.tick("s", time)
        engine.add(match("a", time))

    assert engine.add(match("a", 19, "late one"))
    arrivals = engine.snapshot()["counts"][0]
    engine.tick("s", 26)

    assert engine.snapshot()["counts"][0] == arrivals + 1  # the revision of 25, and none for the late one


def test_a_returned_state_does_not_change_with_later_revisions() -> None:
    out = told([BRUTE], *(match("a", t) for t in range(6)))

    assert [m.correlated.events_total for m in out if m.correlated] == [3, 4, 5, 6, 6]


def test_a_group_that_never_comes_back_is_freed() -> None:
    engine = Correlator([correlation(rule) for rule in (BRUTE, ORDER, BOTH)], lateness_ns=0)
    for time in range(1000):
        engine.tick("s", time)
        engine.add(match("abc"[time % 3], time, user=f"user {time}"))

    assert engine.stats["groups"] <= 3 * 12


def test_the_quietest_group_is_evicted_first_and_its_alert_says_so() -> None:
    one = plain("one", "event_count", ["a"], {"gte": 1})

    out = run([one], Stream([match("a", t, user=f"u{t}") for t in range(3)]), Limits(groups_per_rule=2), 0)

    closed = [
        (m.correlated.group["user.name"], m.correlated.closed_by)
        for m in out
        if m.correlated and m.correlated.closed_by
    ]
    assert closed == [("u0", "evicted"), ("u1", "end_of_input"), ("u2", "end_of_input")]


def test_beyond_the_bound_of_held_matches_the_oldest_are_released_early() -> None:
    engine = Correlator([correlation(BRUTE)], lateness_ns=1000, limits=Limits(held=2))
    out: list[Match] = []
    for time in range(6):
        out += engine.tick("s", time)
        out += engine.add(match("a", time))

    assert openings(out) == [("brute", 2)]
    assert engine.stats["forced"] == 4


def test_a_rule_that_changed_loses_only_its_own_state() -> None:
    before = Correlator([correlation(BRUTE), correlation(BOTH)], lateness_ns=0)
    for time in (1, 2):
        before.tick("s", time)
        before.add(match("a", time))
    state = msgspec.msgpack.decode(msgspec.msgpack.encode(before.snapshot()))
    before.tick("s", 3)
    changed = plain("both", "temporal", ["a", "b"], {"gte": 2}, timespan=11)

    after = Correlator([correlation(BRUTE), correlation(changed)], lateness_ns=0)
    after.restore(state)
    after.tick("s", 3)
    after.add(match("a", 3))

    assert openings(list(after.finish())) == [("brute", 3)]


@pytest.mark.parametrize("state", [None, {}, {"version": 99}, {"version": 1}, {"version": 1, "heads": [1]}])
def test_a_state_that_cannot_be_read_is_refused_with_the_reason(state: Any) -> None:
    with pytest.raises(ValueError, match="correlation state"):
        Correlator([], lateness_ns=0).restore(state)


def test_a_flood_of_equal_times_is_bounded() -> None:
    matches = [match("abc"[n % 3], 5, f"e{n}", f"s{n % 300}", n) for n in range(900)]

    assert openings(told([ORDER], *matches)) == [("order", 5)]


def test_the_oracle_shares_no_code_with_the_engine() -> None:
    imported = [line for line in inspect.getsource(correlations).splitlines() if "engine" in line and "import" in line]

    assert all(line.startswith("from engine.model") for line in imported)
