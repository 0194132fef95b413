"""Correlators that share the work say together what one says alone."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from streams import LATENESS, Stream, budget, correlation, last_revisions, match, plain, rules, run, streams

from engine.correlate import Correlator
from engine.correlate.routing import Routing
from engine.model import Match

PARTS = 3


def shared(plains: list[dict[str, Any]], stream: Stream) -> list[Match]:
    """The stream's matches through three correlators; every clock goes to all of them."""
    typed = [correlation(each) for each in plains]
    routing = Routing(typed, PARTS)
    engines = [
        Correlator(typed, lateness_ns=LATENESS, owns=lambda rule, key, part=part: routing.owns(part, rule, key))  # type: ignore[misc]
        for part in range(PARTS)
    ]
    out: list[Match] = []
    for engine in engines:
        for source in sorted({m.event.source for m in stream.arrivals}):
            engine.expect(source)
    for arrived in stream.arrivals:
        wanted = routing.parts_of(arrived)
        for part, engine in enumerate(engines):
            out += engine.tick(arrived.event.source, arrived.event.time)
            if part in wanted:
                out += engine.add(arrived)
    for engine in engines:
        out += engine.finish()
    return out


@budget
@given(rules(["event_count", "value_count", "temporal", "temporal_ordered"]), streams())
def test_one_correlation_in_parts_agrees_with_the_whole(rule: dict[str, Any], stream: Stream) -> None:
    whole = Stream(stream.arrivals)

    assert last_revisions(shared([rule], whole)) == last_revisions(run([rule], whole))


@budget
@given(st.data(), streams())
def test_correlations_that_refer_to_each_other_stay_together(data: st.DataObject, stream: Stream) -> None:
    inner = data.draw(rules(["event_count", "temporal"], "in"))
    outer = data.draw(rules(["event_count", "temporal_ordered"], "out", ("in", "a", "b")))
    other = data.draw(rules(["event_count"], "other"))
    whole = Stream(stream.arrivals)

    assert last_revisions(shared([inner, outer, other], whole)) == last_revisions(run([inner, outer, other], whole))


def test_groups_of_one_correlation_are_spread() -> None:
    routing = Routing([correlation(plain("brute", "event_count", ["a"], {"gte": 3}))], 8)

    parts = {part for number in range(100) for part in routing.parts_of(match("a", 1, user=f"u{number}"))}

    assert parts == set(range(8))


def test_a_match_that_no_correlation_wants_goes_nowhere() -> None:
    routing = Routing([correlation(plain("brute", "event_count", ["a"], {"gte": 3}))], 8)

    assert routing.parts_of(match("b", 1)) == {}
    assert routing.parts_of(match("a", 1, user=None)) == {}


def placed(plains: list[dict[str, Any]], rule: str) -> list[Any]:
    typed = [correlation(each) for each in plains]
    routing = Routing(typed, 64)
    found = next(each for each in typed if each.head.id == rule)
    return [[part for part in range(64) if routing.owns(part, found, (f"u{n}",))] for n in range(50)]


def test_another_correlation_on_top_moves_no_group() -> None:
    inner = plain("m", "event_count", ["a"], {"gte": 3})
    outer = plain("k", "temporal", ["m", "b"], {"gte": 2})
    outermost = plain("h", "temporal", ["k", "c"], {"gte": 2})
    other = plain("g", "event_count", ["a"], {"gte": 5})

    alone = placed([inner], "m")

    assert placed([inner, other], "m") == placed([inner, outer], "m") == placed([inner, outer, outermost], "m") == alone


def test_groups_that_have_moved_to_another_part_are_left_out_and_counted() -> None:
    typed = [
        correlation(plain("one", "event_count", ["a"], {"gte": 1})),
        correlation(plain("many", "event_count", ["a"], {"gte": 9})),
        correlation(plain("quiet", "event_count", ["a"], {"lt": 1}, expected=True)),
    ]
    engine = Correlator(typed, lateness_ns=0)
    for time, user in enumerate(["ann", "bob", "cyd"]):
        engine.tick("s", time)
        engine.add(match("a", time, user=user))
    engine.tick("s", 3)

    after = Correlator(typed, lateness_ns=0, owns=lambda rule, key: key == ("ann",))
    after.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(engine.snapshot())))
    out = after.tick("s", 100)

    assert (after.dropped.groups, after.dropped.open_alerts) == (6, 2)
    assert {each.correlated.group["user.name"] for each in out if each.correlated} == {"ann"}
