"""A correlator that goes on where another was, with the same rules or with others."""

from typing import Any
from unittest.mock import patch

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from streams import (
    BASES,
    LATENESS,
    Stream,
    budget,
    correlation,
    match,
    novelties,
    ours,
    plain,
    rules,
    silences,
    streams,
)

from engine.correlate import Correlator, capture
from engine.correlate.capture import merged
from engine.model import Match

_TYPES = ["event_count", "value_count", "value_sum", "value_median", "temporal", "temporal_ordered"]
_STABLE = {base: f"{base} as it is" for base in BASES}
_CHANGED = {**_STABLE, "b": "b as it is now"}


def any_rule(id: str, bases: tuple[str, ...] = BASES) -> st.SearchStrategy[dict[str, Any]]:
    """A rule of any kind that there is."""
    additions = [("until",), ("window",), ("steps",), ("join",), ("refire", "suppress"), ("window", "until", "refire")]
    made: list[st.SearchStrategy[dict[str, Any]]] = [rules(_TYPES, id, bases)]
    made += [ours(_TYPES, keys, id, bases) for keys in additions]
    return st.one_of(*made, novelties(id, bases), silences(id, bases))


_SETS = st.tuples(any_rule("r"), any_rule("s"), rules(["event_count", "temporal"], "t", ("r", "s", "a")))


def correlator(given: list[dict[str, Any]], definitions: dict[str, str] = _STABLE) -> Correlator:
    return Correlator([correlation(rule) for rule in given], lateness_ns=LATENESS, definitions=definitions)


def successor(old: Correlator, new: Correlator, *, restored: bool = False) -> Correlator:
    if restored:
        new.restore(old.snapshot())
    else:
        new.take_over(old)
    return new


def run(
    stream: Stream,
    sets: list[list[dict[str, Any]]],
    definitions: list[dict[str, str]] | None = None,
    *,
    restored: bool = False,
) -> tuple[list[Match], list[Correlator]]:
    """One set of rules after the other: each cut of the stream changes to the next, and then to the first again."""
    meant = definitions or [_STABLE] * len(sets)
    engines = [correlator(sets[0], meant[0])]
    for source in sorted({m.event.source for m in stream.arrivals}):
        engines[-1].expect(source)
    out: list[Match] = []
    for number, arrived in enumerate(stream.arrivals):
        if number in stream.cuts:
            at = len(engines) % len(sets)
            engines.append(successor(engines[-1], correlator(sets[at], meant[at]), restored=restored))
        out += engines[-1].tick(arrived.event.source, arrived.event.time)
        out += engines[-1].add(arrived)
    out += engines[-1].finish()
    return out, engines


def uncut(stream: Stream) -> Stream:
    return Stream(stream.arrivals)


def of(rule: str, out: list[Match]) -> list[Match]:
    return [each for each in out if each.rule.id == rule]


@budget
@given(_SETS, streams())
def test_the_same_rules_loaded_anew_decide_the_same(given: tuple[dict[str, Any], ...], stream: Stream) -> None:
    once, _ = run(uncut(stream), [list(given)])
    anew, engines = run(stream, [list(given)])

    assert anew == once
    assert all(not engine.dropped.correlations and not engine.dropped.matches for engine in engines)


@budget
@given(any_rule("r"), any_rule("p"), any_rule("z"), streams())
def test_a_rule_that_stays_does_not_notice_that_its_neighbours_change(
    stays: dict[str, Any], before: dict[str, Any], after: dict[str, Any], stream: Stream
) -> None:
    alone, _ = run(uncut(stream), [[stays]])
    amid, _ = run(stream, [[before, stays], [stays, after], [stays]])

    assert of("r", amid) == alone


@budget
@given(_SETS, any_rule("s"), streams())
def test_taking_over_is_what_a_restart_with_the_new_rules_would_be(
    given: tuple[dict[str, Any], ...], other: dict[str, Any], stream: Stream
) -> None:
    sets = [list(given), [given[0], other, given[2]]]

    at_once, over = run(stream, sets, [_STABLE, _CHANGED])
    by_snapshot, restarted = run(stream, sets, [_STABLE, _CHANGED], restored=True)

    assert at_once == by_snapshot
    assert [engine.dropped for engine in over] == [engine.dropped for engine in restarted]


@budget
@given(any_rule("r"), any_rule("p"), streams(), st.integers(0, 12))
def test_a_capture_that_runs_while_rules_change_is_of_the_moment_at_which_it_began(
    stays: dict[str, Any], goes: dict[str, Any], stream: Stream, begins: int
) -> None:
    before, engine = stream.arrivals[:begins], correlator([stays, goes])
    fed(engine, *before)

    whole = msgspec.msgpack.decode(msgspec.msgpack.encode(engine.snapshot()))
    with patch.object(capture, "_GROUPS", 1), patch.object(capture, "_QUIET", 1):
        taken = engine.capture()
        pieces: list[bytes] = []
        engine = successor(engine, correlator([stays]))
        for arrived in stream.arrivals[begins:]:
            fed(engine, arrived)
            pieces += [piece] if (piece := taken.piece()) is not None else []
        pieces += iter(taken.piece, None)
    following = engine.capture()
    restored = [correlator([stays, goes]) for _ in range(2)]
    restored[0].restore(merged([(taken.head(), pieces)]))
    restored[1].restore(whole)

    assert following.full
    assert restored[0].rule_stats == restored[1].rule_stats
    assert [after.finish() for after in restored[:1]] == [after.finish() for after in restored[1:]]


CHAIN = plain("chain", "temporal_ordered", ["a", "b"], {"gte": 2}, timespan=100)
BRUTE = plain("brute", "event_count", ["a"], {"gte": 3}, timespan=100)


def fed(engine: Correlator, *matches: Match) -> list[Match]:
    out: list[Match] = []
    for each in matches:
        out += engine.tick(each.event.source, each.event.time)
        out += engine.add(each)
    return out


def test_a_chain_that_is_half_way_is_completed_by_the_new_rules() -> None:
    old = correlator([CHAIN])
    fed(old, match("a", 0), match("c", 50))

    new = successor(old, correlator([BRUTE, CHAIN]))
    out = fed(new, match("b", 51), match("c", 60))

    assert [(m.rule.id, m.correlated.opened) for m in out if m.correlated] == [("chain", 51)]


def test_what_waits_for_the_watermark_is_not_lost() -> None:
    old = correlator([BRUTE])
    fed(old, match("a", 1), match("a", 2), match("a", 3))

    out = successor(old, correlator([BRUTE])).finish()

    assert [m.correlated.events_total for m in out if m.correlated] == [3, 3]


def test_another_title_is_no_other_rule_and_stands_in_the_alert_that_is_open() -> None:
    old = correlator([BRUTE])
    opened = fed(old, match("a", 1), match("a", 2), match("a", 3), match("c", 20))
    titled = correlation(BRUTE)
    head = type(titled.head)("brute", "A better title", level="high", correlation=True)
    renamed = type(titled)(head, *(getattr(titled, name) for name in titled.__struct_fields__[1:]))

    new = Correlator([renamed], lateness_ns=LATENESS, definitions=_STABLE)
    new.take_over(old)
    (revised,) = [m for m in fed(new, match("a", 21), match("c", 40)) if m.rule.id == "brute"]

    assert revised.rule.title == "A better title"
    assert revised.correlated and revised.correlated.revision == 1
    assert revised.event.id == opened[0].event.id


def test_a_changed_rule_starts_anew_and_says_what_was_dropped() -> None:
    old = correlator([BRUTE])
    fed(old, match("a", 1), match("a", 2), match("a", 3), match("a", 4, user="bob"), match("a", 30))

    new = successor(old, correlator([{**BRUTE, "condition": {"gte": 2}}]))
    out = fed(new, match("a", 31), match("c", 60))

    assert (new.dropped.correlations, new.dropped.groups, new.dropped.open_alerts) == (["brute"], 2, 1)
    assert new.dropped.matches == 0
    assert [m.correlated.first for m in out if m.correlated] == [30]


def test_a_rule_below_that_means_something_else_now_ends_what_it_led_to() -> None:
    outer = plain("outer", "temporal", ["chain", "brute"], {"gte": 2}, timespan=100)
    old = correlator([CHAIN, BRUTE, outer])
    fed(old, match("a", 1), match("a", 2), match("a", 3), match("b", 30))

    new = successor(old, correlator([CHAIN, BRUTE, outer], _CHANGED))

    assert new.dropped.correlations == ["chain", "outer"]
    assert new.dropped.matches == 1
    assert new.rule_stats["brute"]["open_alerts"] == 1


def test_counts_go_on_and_those_of_rules_that_are_gone_are_still_in_the_sum() -> None:
    old = correlator([BRUTE, CHAIN])
    fed(old, match("a", 1), match("a", 2), match("c", 40), match("a", 3))

    counted = old.stats["matches"]

    new = successor(old, correlator([BRUTE]))

    assert new.stats["late"] == 1
    assert new.stats["matches"] == counted == 4
    assert new.rule_stats["brute"]["matches"] == 2


def test_a_step_that_a_changed_rule_no_longer_has_is_not_given_to_it() -> None:
    skewed = plain("inner", "temporal_ordered", ["a", "b"], {"gte": 2}, skew=3)
    outer = plain("outer", "temporal", ["inner", "c"], {"gte": 2}, timespan=100)
    old = correlator([skewed, outer])
    fed(old, match("c", 1), match("d", 8))

    new = successor(old, correlator([skewed, {**outer, "rules": ["inner", "d"]}]))

    assert new.dropped.matches == 1
    assert new.finish() == ()


def test_an_alert_that_is_open_closes_in_its_time_though_its_rule_has_another_place() -> None:
    last = plain("last", "event_count", ["b"], {"gte": 1}, timespan=10)
    old = correlator([BRUTE, last])
    fed(old, match("b", 1), match("c", 8))

    new = successor(old, correlator([last, plain("more", "event_count", ["d"], {"gte": 1})]))
    out = fed(new, match("c", 40))

    assert [m.correlated.closed_by for m in out if m.correlated] == ["timespan"]


def test_a_group_of_which_there_is_nothing_to_tell_yet_goes_on_and_is_counted_when_it_is_dropped() -> None:
    five = plain("five", "event_count", ["a"], {"gte": 5}, timespan=100)
    old = correlator([five])
    fed(old, match("a", 1), match("a", 2), match("a", 3), match("a", 4), match("a", 5, user="bob"), match("c", 20))

    new = successor(old, correlator([BRUTE, five]))
    out = fed(new, match("a", 30), match("c", 60))
    other = [BRUTE, {**five, "timespan": 99}]
    taken = new.capture()
    captured = merged([(taken.head(), [*iter(taken.piece, None)])])
    restarted = [correlator(other) for _ in range(2)]
    restarted[0].restore(captured)
    restarted[1].restore(msgspec.msgpack.decode(msgspec.msgpack.encode(new.snapshot())))
    changed = successor(new, correlator(other))

    assert [m.correlated.events_total for m in out if m.rule.id == "five" and m.correlated] == [5]
    assert (changed.dropped.correlations, changed.dropped.groups) == (["five"], 2)
    assert [engine.dropped for engine in restarted] == [changed.dropped] * 2


def test_what_is_suppressed_stays_so() -> None:
    once_a_day = {**BRUTE, "suppress": 86_400}
    old = correlator([once_a_day])
    opened = fed(old, match("a", 1), match("a", 2), match("a", 3), match("c", 400))

    new = successor(old, correlator([CHAIN, once_a_day]))
    out = fed(new, match("a", 501), match("a", 502), match("a", 503), match("c", 520))

    assert opened
    assert of("brute", out) == []
    assert new.rule_stats["brute"]["suppressed"] == 1


def test_suppression_may_be_added_to_a_rule_that_has_state() -> None:
    after = correlation({**BRUTE, "suppress": 86_400})
    old = correlator([BRUTE])
    fed(old, match("a", 1), match("a", 2), match("c", 20))

    engines = [Correlator([after], lateness_ns=LATENESS, definitions=_STABLE) for _ in range(2)]
    engines[0].restore(msgspec.msgpack.decode(msgspec.msgpack.encode(old.snapshot())))
    engines[1].take_over(old)

    assert [len(of("brute", fed(engine, match("a", 21), match("c", 40)))) for engine in engines] == [1, 1]


def test_a_rule_that_aborts_and_means_something_else_now_ends_what_it_led_to() -> None:
    three = {**BRUTE, "until": ["b"]}
    old = correlator([three])
    fed(old, match("a", 1), match("a", 2), match("c", 20))

    new = successor(old, correlator([three], _CHANGED))

    assert new.dropped.correlations == ["brute"]


def test_what_came_in_order_and_what_did_not_both_wait_on() -> None:
    old = correlator([BRUTE])
    fed(old, match("a", 5), match("a", 3), match("a", 6))

    new = successor(old, correlator([CHAIN, BRUTE]))
    held = new.stats["held"]
    out = of("brute", list(new.finish()))

    assert held == 3
    assert next(tuple(e.time for e in m.correlated.events) for m in out if m.correlated) == (3, 5, 6)
