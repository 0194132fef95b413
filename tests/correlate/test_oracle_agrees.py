"""The engine and the oracle say the same of made-up rules and streams: in any order of arrival within the lateness,
with equal times, duplicates, missing and listed keys, several sources, and cut anywhere by a snapshot."""

from typing import Any

import lateness
from hypothesis import given
from hypothesis import strategies as st
from streams import (
    COUNTS,
    TEMPORAL,
    VALUES,
    Stream,
    budget,
    disorders,
    ends,
    last_revisions,
    novelties,
    ours,
    rules,
    run,
    silences,
    streams,
    truth,
)


@budget
@given(rules(["event_count", "value_count"]), streams())
def test_counts_agree_with_the_oracle(rule: dict[str, Any], stream: Stream) -> None:
    assert last_revisions(run([rule], stream)) == truth([rule], stream)


@budget
@given(rules(["value_sum", "value_avg", "value_percentile", "value_median"]), streams())
def test_values_agree_with_the_oracle(rule: dict[str, Any], stream: Stream) -> None:
    assert last_revisions(run([rule], stream)) == truth([rule], stream)


@budget
@given(rules(["temporal"]), streams())
def test_temporal_agrees_with_the_oracle(rule: dict[str, Any], stream: Stream) -> None:
    assert last_revisions(run([rule], stream)) == truth([rule], stream)


@budget
@given(rules(["temporal_ordered"]), streams())
def test_temporal_ordered_agrees_with_the_oracle(rule: dict[str, Any], stream: Stream) -> None:
    assert last_revisions(run([rule], stream)) == truth([rule], stream)


@budget
@given(st.data(), streams())
def test_chained_correlations_agree_with_the_oracle(data: st.DataObject, stream: Stream) -> None:
    types = ["event_count", "temporal", "temporal_ordered", "value_count"]
    inner = data.draw(rules(types, "in"))
    middle = data.draw(rules(types, "mid", ("in", "a", "b")))
    outer = data.draw(rules(types, "out", ("mid", "in", "a")))
    every = [outer, inner, middle]

    assert last_revisions(run(every, stream)) == truth(every, stream)


@budget
@given(ours([*COUNTS, *VALUES, "temporal"], ("window",)), streams())
def test_tumbling_windows_and_sessions_agree_with_the_oracle(rule: dict[str, Any], stream: Stream) -> None:
    assert last_revisions(run([rule], stream)) == truth([rule], stream)


@budget
@given(ours([*COUNTS, *VALUES, "temporal"], ("window", "until")), streams())
def test_until_agrees_with_the_oracle(rule: dict[str, Any], stream: Stream) -> None:
    assert last_revisions(run([rule], stream)) == truth([rule], stream)


@budget
@given(ours(["temporal_ordered"], ("window", "until")), streams())
def test_sequences_in_windows_and_until_agree_with_the_oracle(rule: dict[str, Any], stream: Stream) -> None:
    assert last_revisions(run([rule], stream)) == truth([rule], stream)


@budget
@given(ours(TEMPORAL, ("steps",)), streams())
def test_step_counts_agree_with_the_oracle(rule: dict[str, Any], stream: Stream) -> None:
    assert last_revisions(run([rule], stream)) == truth([rule], stream)


@budget
@given(ours(["temporal_ordered"], ("join",)), streams())
def test_joins_agree_with_the_oracle(rule: dict[str, Any], stream: Stream) -> None:
    assert last_revisions(run([rule], stream)) == truth([rule], stream)


@budget
@given(novelties(), streams())
def test_first_seen_agrees_with_the_oracle(rule: dict[str, Any], stream: Stream) -> None:
    assert last_revisions(run([rule], stream)) == truth([rule], stream)


@budget
@given(silences(), streams())
def test_silence_agrees_with_the_oracle(rule: dict[str, Any], stream: Stream) -> None:
    assert last_revisions(run([rule], stream)) == truth([rule], stream)


@budget
@given(ours([*COUNTS, *VALUES, *TEMPORAL], ("refire", "suppress")), streams())
def test_firing_again_and_suppression_agree_with_the_oracle(rule: dict[str, Any], stream: Stream) -> None:
    assert last_revisions(run([rule], stream)) == truth([rule], stream)


@budget
@given(st.data(), streams(size=16))
def test_all_of_it_together_and_chained_agrees_with_the_oracle(data: st.DataObject, stream: Stream) -> None:
    everything = ("window", "until", "steps", "join", "refire", "suppress")
    types = [*COUNTS, *TEMPORAL, "value_sum"]
    inner = data.draw(st.one_of(ours(types, everything, "in"), silences("in"), novelties("in")))
    middle = data.draw(st.one_of(ours(types, everything, "mid", ("in", "a", "b"))))
    outer = data.draw(ours(types, everything, "out", ("mid", "in", "a")))
    every = [outer, inner, middle]

    assert last_revisions(run(every, stream)) == truth(every, stream)


@budget
@given(ours([*COUNTS, *VALUES, *TEMPORAL], ("window", "until", "steps")), disorders())
def test_what_comes_late_agrees_with_the_oracle(rule: dict[str, Any], stream: Stream) -> None:
    assert ends(run([rule], stream, lateness=2)) == lateness.alerts(rule, stream.arrivals, 2)


@budget
@given(st.one_of(silences(), novelties()), disorders())
def test_what_comes_late_neither_ends_a_silence_nor_teaches(rule: dict[str, Any], stream: Stream) -> None:
    assert ends(run([rule], stream, lateness=2)) == lateness.alerts(rule, stream.arrivals, 2)


@budget
@given(st.data(), disorders())
def test_what_comes_late_to_chained_correlations_agrees_with_the_oracle(data: st.DataObject, stream: Stream) -> None:
    types = ["event_count", "temporal", "temporal_ordered", "value_count"]
    inner = {**data.draw(rules(types, "in")), "skew": 0}
    outer = data.draw(rules(types, "out", ("in", "a", "b")))
    every = [outer, inner]

    found = ends(run(every, stream, lateness=2))

    assert _without_revisions(found) == _without_revisions(lateness.chained(every, stream.arrivals, 2))


def _without_revisions(facts: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The first evidence without which revision of an inner alert it was: those that came late count there, too."""
    return sorted([(*fact[:5], fact[5].partition(":")[0], *fact[6:]) for fact in facts], key=repr)
