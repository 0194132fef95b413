"""The engine and the oracle say the same of made-up rules and streams: in any order of arrival within the lateness,
with equal times, duplicates, missing and listed keys, several sources, and cut anywhere by a snapshot."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from streams import Stream, budget, last_revisions, rules, run, streams, truth


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
