"""What stands under ``tieline:``, sentence by sentence of ``rules/README.md``."""

from typing import Any

import msgspec
import pytest
from streams import Stream, correlation, match, plain, run

from engine.correlate import Correlator, Limits
from engine.model import Match

THREE = plain("three", "event_count", ["a"], {"gte": 3})


def told(rules: list[dict[str, Any]], *matches: Match, limits: Limits = Limits()) -> list[Match]:
    return run(rules, Stream(list(matches)), limits, lateness=0)


def openings(out: list[Match]) -> list[tuple[str, int]]:
    states = [(m.rule.id, m.correlated) for m in out]
    return [(rule, s.opened) for rule, s in states if s is not None and s.revision == 0 and s.closed_by is None]


def closings(out: list[Match]) -> list[tuple[int, str]]:
    return [(m.correlated.opened, m.correlated.closed_by) for m in out if m.correlated and m.correlated.closed_by]


def test_nothing_before_an_abort_counts_with_what_comes_after() -> None:
    rule = {**THREE, "until": ["b"]}

    assert openings(told([rule], match("a", 0), match("a", 1), match("a", 2))) == [("three", 2)]
    assert openings(told([rule], match("a", 0), match("a", 1), match("b", 2), match("a", 3))) == []
    assert openings(told([rule], match("a", 0), match("b", 1), match("a", 2), match("a", 3), match("a", 4))) == [
        ("three", 4)
    ]


def test_an_abort_of_another_group_aborts_nothing_here() -> None:
    rule = {**THREE, "until": ["b"]}

    assert openings(told([rule], match("a", 0), match("a", 1), match("b", 1, user="bob"), match("a", 2))) == [
        ("three", 2)
    ]


def test_within_a_source_the_sequence_says_what_an_abort_comes_after_and_else_equal_times_abort_nothing() -> None:
    rule = {**THREE, "until": ["b"]}

    def second(*sequences: int, source: str) -> list[tuple[str, int]]:
        failed = [match("a", 5, f"e{n}", "s", n) for n in sequences]
        return openings(told([rule], *failed, match("b", 5, "x", source, 3)))

    assert second(1, 2, 4, source="s") == []
    assert second(4, 5, 6, source="s") == [("three", 5)]
    assert second(1, 2, 4, source="t") == [("three", 5)]
    assert (
        openings(told([rule], match("a", 5, "e1", "s", 1), match("b", 5, "x", "s", 2), match("a", 6), match("a", 7)))
        == []
    )
    assert openings(told([rule], match("a", 5), match("b", 5, source="t"), match("a", 6), match("a", 7))) == [
        ("three", 7)
    ]


def test_an_abort_closes_the_alert_and_the_next_is_another() -> None:
    rule = plain("one", "event_count", ["a"], {"gte": 1}, until=["b"])

    out = told([rule], match("a", 0), match("a", 1), match("b", 2), match("a", 3))

    assert closings(out) == [(0, "until"), (3, "end_of_input")]
    assert len({m.event.id for m in out}) == 2


def test_an_abort_voids_what_is_decided_at_a_deadline() -> None:
    few = plain("few", "event_count", ["a"], {"lt": 3}, until=["b"])

    assert openings(told([few], match("a", 0), match("b", 10))) == []
    assert openings(told([few], match("a", 0), match("b", 11))) == [("few", 10)]
    assert openings(told([few], match("a", 0), match("b", 5), match("a", 6))) == [("few", 16)]


def test_a_sequence_is_aborted_in_its_midst() -> None:
    order = plain("order", "temporal_ordered", ["a", "b"], {"gte": 2}, until=["c"])

    assert openings(told([order], match("a", 0), match("c", 1), match("b", 2))) == []
    assert openings(told([order], match("a", 0), match("c", 1), match("a", 2), match("b", 3))) == [("order", 3)]
    assert openings(told([order], match("a", 0), match("b", 2), match("c", 3))) == [("order", 2)]


def test_within_a_second_of_one_source_the_sequence_says_whether_a_sequence_is_aborted() -> None:
    order = plain("order", "temporal_ordered", ["a", "b"], {"gte": 2}, until=["c"])

    def second(*rules: str) -> list[tuple[str, int]]:
        return openings(told([order], *(match(rule, 5, sequence=place) for place, rule in enumerate(rules))))

    assert second("a", "c", "b") == []
    assert second("c", "a", "b") == second("a", "b", "c") == [("order", 5)]


def test_a_step_counts_distinct_events_before_the_next_step() -> None:
    order = plain("order", "temporal_ordered", ["a", "b"], {"gte": 2}, steps={"a": 3})

    out = told([order], *(match("a", t) for t in range(4)), match("b", 5))

    assert openings(out) == [("order", 5)]
    assert [e.id for e in out[-1].correlated.events] == ["a1", "a2", "a3", "b5"]  # type: ignore[union-attr]
    assert openings(told([order], match("a", 0), match("a", 1), match("b", 2), match("a", 3))) == []
    assert openings(told([order], match("a", 0, "x"), match("a", 0, "x"), match("a", 1), match("b", 2))) == []


def test_a_step_over_an_alert_counts_alerts_and_not_their_revisions() -> None:
    inner = plain("inner", "event_count", ["a"], {"gte": 1}, group_by=["peer"], timespan=3)
    outer = plain("outer", "temporal_ordered", ["inner", "b"], {"gte": 2}, steps={"inner": 2})

    one = told([inner, outer], *(match("a", t, peer="x") for t in range(4)), match("b", 5))
    two = told([inner, outer], *(match("a", t, peer="xy"[t % 2]) for t in range(4)), match("b", 5))

    assert openings(one) == [("inner", 0)]
    assert openings(two) == [("inner", 0), ("inner", 1), ("outer", 5)]


def test_a_tumbling_window_has_its_first_moment_and_not_the_first_of_the_next() -> None:
    rule = {**THREE, "window": "tumbling"}

    assert openings(told([rule], match("a", 10), match("a", 15), match("a", 19))) == [("three", 19)]
    assert openings(told([rule], match("a", 10), match("a", 15), match("a", 20))) == []
    assert openings(told([rule], match("a", -3), match("a", -2), match("a", -1))) == [("three", -1)]


def test_what_a_tumbling_window_decides_bears_the_time_of_its_end() -> None:
    few = plain("few", "event_count", ["a"], {"lt": 2}, window="tumbling")

    assert openings(told([few], match("a", 13), match("a", 20), match("a", 21))) == [("few", 20)]


def test_a_decision_at_the_end_of_a_window_is_in_its_place_among_the_matches_above() -> None:
    few = plain("few", "event_count", ["a"], {"lt": 2}, window="tumbling")
    pair = plain("pair", "temporal_ordered", ["few", "b"], {"gte": 2})

    assert openings(told([few, pair], match("a", 13), match("b", 20))) == [("few", 20), ("pair", 20)]
    assert openings(told([few, pair], match("a", 13), match("b", 19))) == [("few", 20)]


def test_a_session_goes_on_over_gaps_of_exactly_the_timespan() -> None:
    rule = {**THREE, "window": "session"}

    assert openings(told([rule], match("a", 0), match("a", 10), match("a", 20))) == [("three", 20)]
    assert openings(told([rule], match("a", 0), match("a", 10), match("a", 21))) == []
    assert closings(told([rule], *(match("a", t) for t in (0, 5, 10, 15, 25, 50)))) == [(10, "timespan")]


def test_what_comes_late_is_added_to_the_alert_of_its_session_or_its_tumbling_window_and_to_no_other() -> None:
    def added(window: str, time: int) -> int:
        engine = Correlator([correlation({**THREE, "window": window})], lateness_ns=0)
        for at in (0, 3, 9) if window == "tumbling" else (0, 10, 20):
            engine.tick("s", at)
            engine.add(match("a", at))
        engine.tick("s", 21)
        return len(engine.add(match("a", time, "late one")))

    assert [added("session", time) for time in (-11, -10, 5, 20)] == [0, 1, 1, 1]
    assert [added("tumbling", time) for time in (-1, 1, 9, 10)] == [0, 1, 1, 0]


def test_a_silence_is_decided_when_the_timespan_has_passed_and_not_by_the_end_of_the_input() -> None:
    rule = plain("silent", "event_count", ["a"], {"lt": 1}, expected=True)

    out = told([rule], match("a", 0), match("a", 10), match("a", 40, user="bob"))

    assert openings(out) == [("silent", 20)]
    assert openings(told([rule], match("a", 0), match("a", 9, user="bob"))) == []
    assert openings(told([rule], match("a", 0), match("a", 10, user="bob"))) == [("silent", 10)]


def test_a_silence_is_decided_by_a_quiet_sources_clock_and_the_group_is_freed() -> None:
    engine = Correlator([correlation(plain("silent", "event_count", ["a"], {"lt": 1}, expected=True))], lateness_ns=0)
    engine.tick("s", 5)
    engine.add(match("a", 5))

    assert engine.tick("s", 15) == ()
    assert openings(list(engine.tick("s", 16))) == [("silent", 15)]
    engine.tick("s", 100)
    assert engine.stats["groups"] == 0


def test_a_value_is_new_when_the_group_has_not_had_it_within_the_timespan() -> None:
    new = plain("new", "value_count", ["a"], {"gte": 1}, learn=5, refire="match")

    def at(*values: tuple[int, str]) -> list[int]:
        return [opened for _, opened in openings(told([new], *(match("a", time, n=n) for time, n in values)))]

    assert at((0, "x"), (4, "y"), (5, "z"), (6, "Z"), (7, "x")) == [5]
    assert at((0, "x"), (6, "y"), (10, "x"), (16, "y"), (21, "x")) == [6, 21]
    assert at((0, "x"), (11, "y"), (12, "z")) == []  # forgotten, and learnt again


def test_what_was_learnt_outlives_a_restart() -> None:
    new = plain("new", "value_count", ["a"], {"gte": 1}, learn=5, refire="match", timespan=100)
    before = Correlator([correlation(new)], lateness_ns=0)
    for time in (0, 10):
        before.tick("s", time)
        before.add(match("a", time, n="x"))
    before.tick("s", 11)

    after = Correlator([correlation(new)], lateness_ns=0)
    after.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(before.snapshot())))
    after.add(match("a", 20, "e1", n="x"))
    after.add(match("a", 20, "e2", n="y"))

    assert openings(list(after.finish())) == [("new", 20)]


def test_beyond_its_bound_the_memory_of_values_loses_the_oldest_and_says_so() -> None:
    new = plain("new", "value_count", ["a"], {"gte": 1}, learn=0, refire="match", timespan=100)

    out = told(
        [new], *(match("a", t, n=f"v{t}") for t in range(3)), match("a", 9, n="v0"), limits=Limits(matches_per_group=2)
    )

    assert closings(out) == [(0, "match"), (1, "match"), (2, "evicted"), (9, "evicted")]


def test_a_chain_is_joined_from_step_to_step() -> None:
    hops = plain("hops", "temporal_ordered", ["a", "b", "c"], {"gte": 3}, group_by=[], join=[("dst", "src")])

    def through(*pairs: tuple[str, str]) -> list[tuple[str, int]]:
        steps = zip("abc", pairs, strict=True)
        return openings(told([hops], *(match(r, t, src=src, dst=dst) for t, (r, (src, dst)) in enumerate(steps))))

    assert through(("h1", "h2"), ("H2", "h3"), ("h3", "h4")) == [("hops", 2)]
    assert through(("h1", "h2"), ("h3", "h3"), ("h3", "h4")) == []
    assert through(("192.0.2.1", "::ffff:192.0.2.2"), ("192.0.2.2", "h3"), ("h3", "h4")) == [("hops", 2)]
    assert openings(told([hops], match("a", 0), match("b", 1), match("c", 2))) == []


@pytest.mark.parametrize("more", [{"skew": 1}, {"until": ["d"]}, {}])
def test_a_later_step_to_which_nothing_leads_hides_no_chain(more: dict[str, Any]) -> None:
    hops = plain("hops", "temporal_ordered", ["a", "b", "c"], {"gte": 3}, group_by=[], join=[("dst", "src")], **more)
    led, stray = match("b", 5, src="h2", dst="h3"), match("b", 9, src="h9", dst="h3")

    out = told([hops], match("a", 0, dst="h2"), led, stray, match("c", 10, src="h3"))

    assert openings(out) == [("hops", 10)]


def test_chains_of_a_join_that_are_over_are_freed() -> None:
    rule = plain("hops", "temporal_ordered", ["a", "b"], {"gte": 2}, group_by=[], join=[("dst", "src")])
    engine = Correlator([correlation(rule)], lateness_ns=0)
    for time in range(1000):
        engine.tick("s", time)
        engine.add(match("a", time, dst=f"h{time}"))

    assert len(msgspec.msgpack.encode(engine.snapshot())) < 10_000


def test_on_every_match_there_is_another_alert_and_all_have_ids_of_their_own() -> None:
    out = told([{**THREE, "refire": "match"}], *(match("a", t) for t in range(5)))

    assert openings(out) == [("three", 2), ("three", 3), ("three", 4)]
    assert len({m.event.id for m in out}) == 3
    assert {reason for _, reason in closings(out)} == {"match"}


def test_on_growth_there_is_another_alert_and_else_a_revision() -> None:
    users = plain("users", "value_count", ["a"], {"gte": 2}, refire="growth")
    doubled = {**users, "growth": 2}
    stream = [match("a", t, n=n) for t, n in enumerate(["u1", "u2", "u1", "u3", "u4"])]

    assert openings(told([users], *stream)) == [("users", 1), ("users", 3), ("users", 4)]
    assert openings(told([doubled], *stream)) == [("users", 1), ("users", 4)]
    assert closings(told([doubled], *stream)) == [(1, "growth"), (4, "end_of_input")]


def test_after_an_alert_none_opens_for_the_key_until_the_time_is_over() -> None:
    one = plain("one", "event_count", ["a"], {"gte": 1}, timespan=1, suppress=10)

    assert [opened for _, opened in openings(told([one], *(match("a", t) for t in (0, 5, 8, 11, 14))))] == [0, 11]
    assert [opened for _, opened in openings(told([one], *(match("a", t) for t in (0, 10))))] == [0]
    assert [opened for _, opened in openings(told([one], match("a", 0), match("a", 5, user="bob")))] == [0, 5]


def test_what_is_suppressed_is_counted_and_goes_on_to_the_correlations_above() -> None:
    one = plain("one", "event_count", ["a"], {"gte": 1}, timespan=1, suppress=100)
    pair = plain("pair", "temporal_ordered", ["one", "b"], {"gte": 2}, timespan=2)
    engine = Correlator([correlation(rule) for rule in (one, pair)], lateness_ns=0)
    for each in (match("a", 0), match("a", 5), match("b", 6)):
        engine.tick("s", each.event.time)
        engine.add(each)

    out = list(engine.finish())

    assert openings(out)[-1:] == [("pair", 6)]
    assert engine.rule_stats["one"]["suppressed"] == 1


@pytest.mark.parametrize("key", ["zone", "site", "asset"])
def test_keys_of_the_asset_list_group_like_any_other(key: str) -> None:
    name = f"tieline.source.{key}"
    rule = {**THREE, "group_by": [name]}

    out = told([rule], *(match("a", t, **{name: "Cell A"}) for t in range(3)), match("a", 3, **{name: "cell b"}))

    assert openings(out) == [("three", 2)]
    assert out[0].correlated is not None
    assert out[0].correlated.group == {name: "Cell A"}


@pytest.mark.parametrize(
    "rule",
    [
        {**THREE, "until": ["b"]},
        {**THREE, "window": "session"},
        plain("r", "temporal_ordered", ["a", "b"], {"gte": 2}, until=["c"]),
        plain("r", "temporal_ordered", ["a", "b"], {"gte": 2}, join=[("user.name", "user.name")]),
        plain("r", "value_count", ["a"], {"gte": 1}, learn=0, refire="match"),
        plain("r", "event_count", ["a"], {"lt": 1}, expected=True),
        plain("r", "event_count", ["a"], {"lt": 3}, window="tumbling"),
    ],
)
def test_a_group_that_never_comes_back_is_freed(rule: dict[str, Any]) -> None:
    engine = Correlator([correlation(rule)], lateness_ns=0)
    for time in range(1000):
        engine.tick("s", time)
        engine.add(match("abc"[time % 3], time, user=f"user {time}"))

    assert engine.stats["groups"] <= 40
