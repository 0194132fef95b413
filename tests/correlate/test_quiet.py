"""Groups of a count far from its threshold are a few bytes each, and nobody can tell."""

import msgspec
from streams import correlation, match, plain

from engine.correlate import Correlator, Limits
from engine.model import Match

MANY = plain("many", "event_count", ["a"], {"gte": 4})


def engine(limits: Limits = Limits()) -> Correlator:
    return Correlator([correlation(MANY)], lateness_ns=0, limits=limits)


def fed(correlator: Correlator, *matches: Match) -> list[Match]:
    out: list[Match] = []
    for each in matches:
        out += correlator.tick("s", each.event.time)
        out += correlator.add(each)
    return out


def opened(out: list[Match]) -> list[tuple[int, list[str]]]:
    states = [each.correlated for each in out]
    return [
        (s.opened, [e.id for e in s.events]) for s in states if s is not None and s.revision == 0 and not s.closed_by
    ]


def test_an_alert_shows_the_matches_that_lay_packed_as_they_were() -> None:
    correlator = engine()

    out = fed(correlator, *(match("a", t, f"{t:032x}", message=f"try {t}", ip="192.0.2.7") for t in (1, 2, 3, 4)))
    out += correlator.finish()

    (first,) = [each.correlated for each in out if each.correlated and each.correlated.closed_by is None]
    assert [(e.id, e.time, e.rule, e.summary, e.ip, e.user) for e in first.events] == [
        (f"{t:032x}", t, "Rule a", f"try {t}", ("192.0.2.7",), ("Ann",)) for t in (1, 2, 3, 4)
    ]


def test_what_is_older_than_the_timespan_counts_no_more() -> None:
    correlator = engine()

    out = fed(correlator, *(match("a", t) for t in (0, 9, 10, 11, 19)))
    out += correlator.finish()

    assert opened(out) == [(19, ["a9", "a10", "a11", "a19"])]


def test_an_event_that_comes_twice_counts_once() -> None:
    correlator = engine()

    out = fed(correlator, match("a", 1, "x"), match("a", 2, "y"), match("a", 2, "y"), match("a", 3, "z"))
    out += correlator.finish()

    assert opened(out) == []
    assert correlator.stats["duplicates"] == 1


def test_the_first_spelling_is_kept_packed_as_well() -> None:
    correlator = engine()

    out = fed(correlator, *(match("a", t, user=user) for t, user in enumerate(["ANN", "ann", "Ann", "ann"])))
    out += correlator.finish()

    assert next(each.correlated.group for each in out if each.correlated) == {"user.name": "ANN"}


def test_the_group_that_has_been_quiet_for_longest_is_evicted() -> None:
    correlator = engine(Limits(groups_per_rule=2))

    out = fed(correlator, match("a", 0, user="u0"), match("a", 1, user="u1"), match("a", 2, user="u0"))
    out += fed(correlator, match("a", 3, user="u2"))  # u1 has to go
    out += fed(correlator, *(match("a", t, user="u0") for t in (4, 5)))
    out += correlator.finish()

    assert opened(out) == [(5, ["a0", "a2", "a4", "a5"])]
    assert correlator.stats["evicted_groups"] == 1


def test_a_group_that_never_comes_back_is_freed() -> None:
    correlator = engine()

    fed(correlator, *(match("a", t, user=f"user {t}") for t in range(1000)))

    assert correlator.stats["groups"] <= 12


def test_text_that_is_no_unicode_and_times_beyond_64_bits_are_counted_as_well() -> None:
    correlator = engine()

    far = 1 << 70
    odd = [match("a", far + t, message="\ud800") for t in range(4)]
    out = fed(correlator, *(match("a", t, message="\ud800") for t in range(4)), *odd)
    out += correlator.finish()

    assert [when for when, _ in opened(out)] == [3, far + 3]


def test_a_quiet_group_goes_through_a_snapshot() -> None:
    before = engine()
    fed(before, *(match("a", t) for t in (1, 2, 3)))
    before.tick("s", 4)

    after = engine()
    after.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(before.snapshot())))
    out = fed(after, match("a", 5)) + list(after.finish())

    assert opened(out) == [(5, ["a1", "a2", "a3", "a5"])]
