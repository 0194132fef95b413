"""What a bound put out is missing, and an alert that may lack it says so."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streams import (
    COUNTS,
    TEMPORAL,
    VALUES,
    Stream,
    budget,
    correlation,
    last_revisions,
    match,
    novelties,
    ours,
    plain,
    run,
    silences,
    streams,
    truth,
)

from engine.alert.alerts import Alerts
from engine.correlate import Correlator, Limits
from engine.correlate.forgotten import Forgotten
from engine.model import Correlated, Match

THREE = plain("three", "event_count", ["a"], {"gte": 3})
BOUNDS = st.builds(
    Limits,
    groups=st.sampled_from([1, 2, 3, 100]),
    groups_per_rule=st.sampled_from([1, 2, 100]),
    matches_per_group=st.sampled_from([1, 2, 3, 100]),
)
EVERYTHING = ("window", "until", "steps", "join", "refire", "suppress")


def whole(out: list[Match]) -> list[tuple[Any, ...]]:
    """The facts of the alerts that do not say that something was evicted."""
    doubted = {(m.rule.id, m.event.id) for m in out if m.correlated is not None and m.correlated.evicted is not None}
    return last_revisions([m for m in out if (m.rule.id, m.event.id) not in doubted])


def states(out: list[Match]) -> list[Correlated]:
    return [m.correlated for m in out if m.correlated is not None]


def openings(out: list[Match]) -> list[tuple[str, int, str | None]]:
    return [
        (m.rule.id, s.opened, s.evicted)
        for m, s in zip(out, states(out), strict=True)
        if s.revision == 0 and not s.closed_by
    ]


def fed(engine: Correlator, *matches: Match) -> list[Match]:
    out: list[Match] = []
    for each in matches:
        out += engine.tick("s", each.event.time)
        out += engine.add(each)
    return out


def again(engine: Correlator, rules: list[dict[str, Any]], limits: Limits = Limits()) -> Correlator:
    """After a restart."""
    after = Correlator([correlation(rule) for rule in rules], lateness_ns=0, limits=limits)
    after.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(engine.snapshot())))
    return after


@budget
@given(
    st.one_of(ours([*COUNTS, *VALUES, *TEMPORAL], EVERYTHING), novelties(), silences()),
    streams(size=40),
    BOUNDS,
)
def test_an_alert_that_says_nothing_of_eviction_is_the_true_one(
    rule: dict[str, Any], stream: Stream, limits: Limits
) -> None:
    true = truth([rule], stream)

    assert [facts for facts in whole(run([rule], stream, limits)) if facts not in true] == []


@budget
@given(st.data(), streams(size=40), BOUNDS)
def test_so_is_one_of_correlations_over_correlations(data: st.DataObject, stream: Stream, limits: Limits) -> None:
    inner = data.draw(st.one_of(ours([*COUNTS, *TEMPORAL], EVERYTHING, "in"), silences("in"), novelties("in")))
    outer = data.draw(ours([*COUNTS, *TEMPORAL], EVERYTHING, "out", ("in", "a", "b")))
    every = [outer, inner]
    true = truth(every, stream)

    assert [facts for facts in whole(run(every, stream, limits)) if facts not in true] == []


def test_a_group_born_again_within_two_timespans_of_its_eviction_says_so() -> None:
    rule = {**THREE, "timespan": 10}
    stream = [match("a", 0), match("a", 1, user="bob"), *(match("a", t) for t in (2, 3, 4, 60, 61, 62))]

    out = run([rule], Stream(stream), Limits(groups_per_rule=1))

    assert openings(out) == [("three", 4, "yes"), ("three", 62, None)]


def test_so_it_does_after_a_restart_and_under_other_rules() -> None:
    before = Correlator([correlation(THREE)], lateness_ns=0, limits=Limits(groups_per_rule=1))
    fed(before, match("a", 0), match("a", 1, user="bob"), match("a", 2, user="bob"))

    after = Correlator([correlation(THREE)], lateness_ns=0)
    after.take_over(again(before, [THREE]))
    out = fed(after, *(match("a", t, f"again{t}") for t in (3, 4, 5, 6)))

    assert openings(out) == [("three", 5, "yes")]


def test_a_group_that_was_there_all_the_time_says_nothing() -> None:
    stream = [match("a", t, f"{t} {user}", user=user) for t, user in enumerate(["Ann", "bob", "Ann", "cyd", "Ann"])]

    assert openings(run([THREE], Stream(stream), Limits(groups_per_rule=2))) == [("three", 4, None)]


def test_which_keys_went_is_remembered_within_a_bound_and_beyond_it_any_may_have() -> None:
    forgotten = Forgotten(most=2)

    for number in range(3):
        forgotten.add((f"u{number}",), 20 + number, now=number)

    assert [forgotten.doubt((key,), 20) for key in ("u0", "u1", "u2", "never")] == [
        "possibly",
        "yes",
        "yes",
        "possibly",
    ]
    assert [forgotten.doubt((key,), 21) for key in ("u0", "u1")] == [None, "yes"]


def test_what_is_remembered_of_evictions_is_forgotten_in_time() -> None:
    forgotten = Forgotten()

    for number in range(1000):
        forgotten.add((f"u{number}",), number + 5, now=number)

    assert len(forgotten.state()[0]) <= 6


def test_beyond_the_matches_of_a_group_the_open_alert_says_so_at_once() -> None:
    out = run(
        [{**THREE, "type": "value_sum", "fields": ["n"]}],
        Stream([match("a", t, n=2) for t in range(4)]),
        Limits(matches_per_group=2),
    )

    assert [(s.revision, s.evicted) for s in states(out)][:2] == [(0, None), (1, "yes")]


def test_a_suppression_that_was_evicted_is_counted_and_the_alert_says_so() -> None:
    rule = plain("one", "event_count", ["a"], {"gte": 1}, timespan=1, suppress=50)
    engine = Correlator([correlation(rule)], lateness_ns=0, limits=Limits(groups_per_rule=1))

    out = fed(engine, match("a", 0), match("a", 10, user="bob"), match("a", 20), match("a", 21))

    assert openings(out) == [("one", 0, None), ("one", 10, None), ("one", 20, "yes")]
    assert (engine.stats["evicted_groups"], engine.stats["evicted_suppressions"], engine.stats["evicted"]) == (0, 2, 2)


@pytest.mark.parametrize(
    ("rule", "stream"),
    [
        (
            plain("r", "value_count", ["a"], {"gte": 1}, learn=0, refire="match", timespan=100),
            [match("a", 0, n="x"), match("a", 1, n="x", user="bob"), match("a", 2, n="x")],
        ),
        (
            plain("r", "event_count", ["a"], {"lt": 1}, expected=True),
            [match("a", 0), match("a", 1, user="bob"), match("a", 2), match("c", 90)],
        ),
        (
            plain("r", "temporal_ordered", ["a", "b"], {"gte": 2}, join=[("user.name", "user.name")]),
            [match("a", 0), match("a", 1, user="bob"), match("a", 2), match("b", 3)],
        ),
        (
            plain("r", "temporal_ordered", ["a", "b"], {"gte": 2}),
            [match("a", 0), match("a", 1, user="bob"), match("a", 2), match("b", 3)],
        ),
        (
            plain("r", "temporal", ["a", "b"], ("and", "a", ("not", "b"))),
            [match("b", 0), match("a", 1, user="bob"), match("a", 2)],
        ),
    ],
)
def test_every_kind_of_correlation_says_so(rule: dict[str, Any], stream: list[Match]) -> None:
    out = run([rule, plain("other", "event_count", ["c"], {"gte": 99})], Stream(stream), Limits(groups_per_rule=1), 0)

    assert [s.evicted for m, s in zip(out, states(out), strict=True) if m.rule.id == "r"][-1] == "yes"


def test_a_correlation_above_says_that_it_rests_on_such_an_alert_and_that_one_may_be_missing() -> None:
    outer = plain("outer", "temporal", ["three", "b"], {"gte": 2}, group_by=[], timespan=5)
    stream = [match("a", 0), match("a", 1, user="bob"), *(match("a", t) for t in (2, 3, 4)), match("b", 5)]
    missing = [match("a", 0), match("a", 1, user="bob"), match("b", 5), *(match("c", t) for t in (5, 6, 7))]
    others = plain("others", "event_count", ["c"], {"gte": 3})

    resting = run([THREE, outer], Stream(stream), Limits(groups_per_rule=1))
    thin = run(
        [THREE, others, {**outer, "rules": ["three", "others"], "condition": {"gte": 1}}],
        Stream(missing),
        Limits(groups_per_rule=1),
    )

    assert [opened for opened in openings(resting) if opened[0] == "outer"] == [("outer", 5, "yes")]
    assert [opened for opened in openings(thin) if opened[0] == "outer"] == [("outer", 7, "possibly")]


def test_over_all_rules_the_group_goes_that_was_not_touched_for_longest() -> None:
    sums = plain("sums", "value_sum", ["b"], {"gte": 99})
    engine = Correlator([correlation(rule) for rule in (THREE, sums, BOTH)], lateness_ns=0, limits=Limits(groups=3))

    fed(engine, match("a", 0), match("b", 1, n=1), match("a", 2, user="bob"), match("c", 3))

    assert {rule: counts["evicted_groups"] for rule, counts in engine.rule_stats.items()} == {
        "three": 1,
        "sums": 0,
        "both": 1,
    }
    assert (engine.stats["groups"], engine.stats["groups_over_all"]) == (3, 2)


BOTH = plain("both", "temporal", ["a", "d"], {"gte": 2})


@budget
@given(st.data(), streams(size=40), st.integers(1, 5))
def test_there_are_never_more_groups_than_the_bound_over_all_rules(
    data: st.DataObject, stream: Stream, most: int
) -> None:
    every = [data.draw(ours([*COUNTS, *TEMPORAL], EVERYTHING, id)) for id in ("r1", "r2")]
    typed = [correlation(rule) for rule in every]
    engine = Correlator(typed, lateness_ns=2, limits=Limits(groups=most))

    for number, arrived in enumerate(stream.arrivals):
        if number in stream.cuts:
            engine = again_as(engine, typed, most)
        engine.tick(arrived.event.source, arrived.event.time)
        engine.add(arrived)

        assert engine.stats["groups"] <= most
        assert engine._census.count == engine.stats["groups"]


def again_as(engine: Correlator, typed: Any, most: int) -> Correlator:
    after = Correlator(typed, lateness_ns=2, limits=Limits(groups=most))
    after.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(engine.snapshot())))
    return after


def test_a_restart_with_lower_bounds_and_other_rules_keep_to_them() -> None:
    engine = Correlator([correlation(THREE), correlation(BOTH)], lateness_ns=0)
    fed(engine, *(match("a", t, user=f"u{t}") for t in range(9)))

    fewer = again(engine, [THREE, BOTH], Limits(groups=5))
    narrower = again(engine, [THREE, BOTH], Limits(groups_per_rule=2))
    after = Correlator([correlation(THREE), correlation(BOTH)], lateness_ns=0, limits=Limits(groups=3))
    after.take_over(engine)

    assert (fewer.stats["groups"], narrower.stats["groups"], after.stats["groups"]) == (5, 4, 3)
    assert narrower.rule_stats["both"]["groups"] == 2


def test_the_document_of_an_alert_says_so() -> None:
    stream = [match("a", 0), match("a", 1, user="bob"), *(match("a", t) for t in (2, 3, 4, 60, 61, 62))]

    out = [
        m for m in run([THREE], Stream(stream), Limits(groups_per_rule=1)) if m.correlated and not m.correlated.closing
    ]

    said = [Alerts().alert(each).document.get("tieline.correlation.evicted") for each in out]
    assert said == ["yes", None]
