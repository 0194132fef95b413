"""A state that is captured piece by piece, while matches go on to come, is that of the moment at which it began."""

from typing import Any
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st
from streams import (
    COUNTS,
    LATENESS,
    TEMPORAL,
    Stream,
    budget,
    correlation,
    last_revisions,
    match,
    novelties,
    ours,
    plain,
    rules,
    run,
    silences,
    streams,
)

from engine.correlate import Correlator, capture
from engine.correlate.capture import merged
from engine.model import Match


def interrupted(plains: list[dict[str, Any]], stream: Stream, crash: int) -> list[Match]:
    """A capture begins at every cut, a piece of it is taken at every match; at ``crash`` a new engine goes on from the
    last one that was finished."""
    typed = [correlation(each) for each in plains]

    def fresh() -> Correlator:
        engine = Correlator(typed, lateness_ns=LATENESS)
        for source in sorted({m.event.source for m in stream.arrivals} | {"idle"}):
            engine.expect(source)
        return engine

    engine, out = fresh(), list[Match]()
    chain: list[tuple[bytes, list[bytes]]] = []
    running: capture.Capture | None = None
    pieces: list[bytes] = []
    began = finished = (0, 0)
    number, crashed = 0, False
    while number < len(stream.arrivals):
        if number == crash and not crashed:
            crashed, running = True, None
            number, told = finished
            out = out[:told]
            engine = fresh()
            if chain:
                engine = Correlator(typed, lateness_ns=LATENESS)
                engine.restore(merged(chain))
                chain = []
        if running is None and number in stream.cuts:
            running, pieces, began = engine.capture(), [], (number, len(out))
        if running is not None:
            piece = running.piece()
            if piece is not None:
                pieces.append(piece)
            else:
                chain = [*([] if running.full else chain), (running.head(), pieces)]
                running, finished = None, began
        arrived = stream.arrivals[number]
        if number == stream.idle_until:
            out += engine.retire("idle")
        out += engine.tick(arrived.event.source, arrived.event.time)
        out += engine.add(arrived)
        number += 1
    return out + list(engine.finish())


@budget
@given(
    st.one_of(
        rules(["event_count", "event_count", "value_count", "value_median", "temporal", "temporal_ordered"]),
        ours([*COUNTS, *TEMPORAL], ("window", "until", "steps", "join", "refire", "suppress")),
        silences(),
        novelties(),
    ),
    streams(size=40),
    st.frozensets(st.integers(0, 40), max_size=8),
    st.integers(0, 40),
)
def test_a_crash_between_captures_changes_nothing(
    rule: dict[str, Any], stream: Stream, cuts: frozenset[int], crash: int
) -> None:
    whole = Stream(stream.arrivals, idle_until=stream.idle_until)
    cut = Stream(stream.arrivals, cuts, stream.idle_until)

    with patch.object(capture, "_GROUPS", 1), patch.object(capture, "_QUIET", 1):
        assert last_revisions(interrupted([rule], cut, crash)) == last_revisions(run([rule], whole))


def test_the_second_capture_holds_only_what_changed() -> None:
    many = plain("many", "event_count", ["a"], {"gte": 4})
    both = plain("both", "temporal", ["a", "b"], {"gte": 2})
    engine = Correlator([correlation(many), correlation(both)], lateness_ns=0)
    for number in range(500):
        engine.tick("s", 1)
        engine.add(match("a", 1, f"e{number}", user=f"user {number}"))
    engine.tick("s", 2)

    first = engine.capture()
    whole = [*iter(first.piece, None)]
    engine.add(match("a", 2, user="user 7"))
    engine.tick("s", 3)
    second = engine.capture()
    changed = [*iter(second.piece, None)]

    assert (first.full, second.full) == (True, False)
    assert sum(map(len, changed)) * 100 < sum(map(len, whole))


def test_a_group_that_is_gone_is_gone_after_a_restart() -> None:
    many = plain("many", "event_count", ["a"], {"gte": 4})
    engine = Correlator([correlation(many)], lateness_ns=0)
    engine.tick("s", 1)
    engine.add(match("a", 1))
    engine.tick("s", 2)
    chain = []
    for time in (3, 50):
        engine.tick("s", time)
        taken = engine.capture()
        pieces = [*iter(taken.piece, None)]
        chain.append((taken.head(), pieces))

    after = Correlator([correlation(many)], lateness_ns=0)
    after.restore(merged(chain))

    assert after.stats["groups"] == 0


def test_what_changes_while_the_capture_runs_is_not_in_it() -> None:
    both = plain("both", "temporal", ["a", "b"], {"gte": 2})
    engine = Correlator([correlation(both)], lateness_ns=0)
    for number in range(3):
        engine.tick("s", 1)
        engine.add(match("a", 1, user=f"user {number}"))
    engine.tick("s", 2)

    with patch.object(capture, "_GROUPS", 1):
        taken = engine.capture()
        pieces = [taken.piece() or b""]
        engine.add(match("b", 2, user="user 2"))
        engine.tick("s", 3)  # opens an alert of a group that is still to be captured
        pieces += [*iter(taken.piece, None)]
    after = Correlator([correlation(both)], lateness_ns=0)
    after.restore(merged([(taken.head(), pieces)]))

    assert engine.stats["open_alerts"] == 1
    assert (after.stats["groups"], after.stats["open_alerts"]) == (3, 0)
