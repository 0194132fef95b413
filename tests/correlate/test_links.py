"""Who was behind a match: entity links, valid in event time."""

import random
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from streams import LATENESS, Stream, budget, correlation, last_revisions, match, plain, run, streams, truth

from engine.correlate import Correlator, Limits
from engine.correlate.routing import Routing
from engine.model import Match

USER = "tieline.identity.user"
VPN = {"rule": "vpn", "ends": [("user", "user.name"), ("ip", "client.ip")], "for": 100, "until": ["left"]}
LEASE = {"rule": "lease", "ends": [("ip", "client.ip"), ("host", "client.domain")], "for": 50, "until": ["released"]}
LOGON = {"rule": "logon", "ends": [("user", "user.name"), ("host", "host.name")], "for": 50, "until": []}
ONE = plain("one", "event_count", ["act"], {"gte": 1}, group_by=[USER], links=[VPN, LEASE, LOGON])


def happened(rule: str, time: int, **fields: Any) -> Match:
    short = {
        "user": "user.name",
        "ip": "source.ip",
        "client": "client.ip",
        "name": "client.domain",
        "host": "host.name",
    }
    return match(rule, time, f"{rule}{time}", **{"user.name": None, **{short[key]: one for key, one in fields.items()}})


def behind(*matches: Match, rule: dict[str, Any] = ONE, limits: Limits = Limits()) -> list[tuple[int, Any]]:
    """(opened, user) of each alert."""
    out = run([rule], Stream(list(matches)), limits)
    states = [each.correlated for each in out]
    return [(s.opened, s.group[USER]) for s in states if s is not None and s.revision == 0 and not s.closed_by]


def test_a_write_that_carries_an_address_is_that_of_the_user_who_was_given_it() -> None:
    story = plain(
        "story",
        "temporal_ordered",
        ["vpn", "desktop", "act"],
        {"gte": 3},
        group_by=[USER],
        timespan=60,
        links=[VPN],
    )
    steps = [happened("vpn", 0, user="Ann", client="192.0.2.7"), happened("desktop", 5, user="ann", ip="192.0.2.7")]

    assert behind(*steps, happened("act", 9, ip="::ffff:192.0.2.7"), rule=story) == [(9, "Ann")]
    assert behind(*steps, happened("act", 9, ip="192.0.2.8"), rule=story) == []


def test_a_link_holds_from_its_match_until_its_time_is_over() -> None:
    given = happened("vpn", 10, user="ann", client="192.0.2.7")

    assert [bool(behind(given, happened("act", t, ip="192.0.2.7"))) for t in (9, 10, 110, 111)] == [
        False,
        True,
        True,
        False,
    ]


def test_a_match_of_until_ends_the_link_that_it_names() -> None:
    given = happened("vpn", 0, user="ann", client="192.0.2.7")
    act = happened("act", 9, ip="192.0.2.7")

    assert behind(given, happened("left", 5, user="ANN"), act) == []
    assert behind(given, happened("left", 5, client="192.0.2.7"), act) == []
    assert behind(given, happened("left", 5, user="ann", client="192.0.2.8"), act) == [(9, "ann")]
    assert behind(given, happened("left", 5, user="bob"), act) == [(9, "ann")]
    assert behind(given, happened("left", 5), act) == [(9, "ann")]


def test_an_address_belongs_to_whom_it_was_given_last_and_a_user_may_have_several() -> None:
    given = [
        happened("vpn", 0, user="ann", client="192.0.2.7"),
        happened("vpn", 1, user="ann", client="192.0.2.8"),
        happened("vpn", 5, user="bob", client="192.0.2.7"),
    ]

    assert behind(*given, happened("act", 4, ip="192.0.2.7")) == [(4, "ann")]
    assert behind(*given, happened("act", 9, ip="192.0.2.7")) == [(9, "bob")]
    assert behind(*given, happened("act", 9, ip="192.0.2.8")) == [(9, "ann")]


def test_a_lease_and_a_logon_lead_from_the_address_over_the_host_to_the_user() -> None:
    leased = happened("lease", 0, client="192.0.2.7", name="EWS-1")
    logon = happened("logon", 3, user="Ann", host="ews-1")

    assert behind(leased, logon, happened("act", 9, ip="192.0.2.7")) == [(9, "Ann")]
    assert behind(leased, logon, happened("released", 5, name="ews-1"), happened("act", 9, ip="192.0.2.7")) == []


def test_all_who_were_on_a_host_may_have_been_it() -> None:
    logons = [happened("logon", t, user=user, host="jump") for t, user in enumerate(["ann", "bob"])]

    assert behind(*logons, happened("act", 9, host="jump")) == [(9, "ann"), (9, "bob")]


def test_who_has_an_address_was_not_on_the_host_that_logged_it() -> None:
    logon = happened("logon", 0, user="ann", host="gateway")

    assert behind(logon, happened("act", 9, ip="192.0.2.7", host="gateway")) == []


def test_a_name_in_the_event_comes_before_any_link() -> None:
    given = happened("vpn", 0, user="ann", client="192.0.2.7")

    assert behind(given, happened("act", 9, ip="192.0.2.7", user="bob")) == [(9, "bob")]


def test_who_is_unknown_makes_no_group_and_is_counted() -> None:
    engine = Correlator([correlation(ONE)], lateness_ns=0)

    engine.tick("s", 1)
    engine.add(happened("act", 1, ip="192.0.2.7"))
    engine.finish()

    assert (engine.stats["unidentified"], engine.stats["missing_key"]) == (1, 0)


@st.composite
def affairs(draw: st.DrawFn) -> Stream:
    """Logins, leases, ends and deeds, shuffled within the lateness and cut by restarts."""
    users = st.sampled_from(["Ann", "ann", "bob", "bob", None, ["ann", "bob"]])
    addresses = st.sampled_from(["192.0.2.7", "192.0.2.7", "::ffff:192.0.2.7", "192.0.2.8"])
    hosts = st.sampled_from(["h1", "H1", "h2", None])
    setting = {
        "vpn": {"user.name": users, "client.ip": addresses},
        "lease": {"client.ip": addresses, "client.domain": hosts},
        "logon": {"user.name": users, "host.name": hosts, "source.ip": addresses},
        "left": {"user.name": users, "client.ip": addresses},
        "released": {"client.ip": addresses, "client.domain": hosts},
        "act": {"user.name": st.sampled_from([None, None, None, "cyd"]), "source.ip": addresses, "host.name": hosts},
    }
    kinds = st.sampled_from(["vpn", "vpn", "vpn", "lease", "logon", "left", "released", "act", "act", "act", "act"])
    chosen = draw(st.lists(st.tuples(st.integers(0, 6), kinds), min_size=8, max_size=24))
    matches = []
    for number, (time, rule) in enumerate(chosen):
        fields = {"user.name": None, **{name: draw(values) for name, values in setting[rule].items()}}
        made = match(rule, time, f"e{number}", f"s{number % 2}", number, **fields)
        matches.append((time + draw(st.integers(0, LATENESS)), number, made))
    arrivals = [made for *_, made in sorted(matches, key=lambda each: each[:2])]
    return Stream(arrivals, draw(st.frozensets(st.integers(0, len(arrivals) - 1), max_size=3)))


@st.composite
def linked(draw: st.DrawFn) -> dict[str, Any]:
    span = st.sampled_from([1, 5, 20, 20])
    chosen = draw(st.sampled_from([[VPN], [VPN], [LEASE, LOGON], [VPN, LEASE, LOGON]]))
    links = [{**link, "for": draw(span), "until": draw(st.sampled_from([[], link["until"]]))} for link in chosen]
    kind = draw(st.sampled_from(["event_count", "event_count", "temporal_ordered", "temporal", "value_count"]))
    wanted = [f"tieline.identity.{draw(st.sampled_from(['user', 'user', 'user', 'ip', 'host']))}"]
    made = plain("r", kind, ["act"], {"gte": draw(st.sampled_from([1, 2]))}, timespan=draw(st.sampled_from([1, 5])))
    made.update(group_by=wanted, links=links, fields=["source.ip"] if kind == "value_count" else [])
    if kind.startswith("temporal"):
        made["rules"] = ["vpn", "act"]
        made["condition"] = draw(st.sampled_from([{"gte": 2}, ("and", "act", ("not", "vpn"))]))
    return made


@budget
@given(linked(), affairs())
def test_links_agree_with_the_oracle(rule: dict[str, Any], stream: Stream) -> None:
    assert last_revisions(run([rule], stream)) == truth([rule], stream)


@budget
@given(linked(), affairs(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_within_the_lateness_does_not_matter(
    rule: dict[str, Any], stream: Stream, chance: random.Random
) -> None:
    jitter = [(m.event.time + chance.randint(0, LATENESS), m) for m in stream.arrivals]
    shuffled = Stream([m for _, m in sorted(jitter, key=lambda each: each[0])])

    assert last_revisions(run([rule], shuffled)) == last_revisions(run([rule], stream))


@budget
@given(linked(), affairs(), st.integers(1, 6))
def test_a_link_that_was_evicted_is_told_by_the_alerts_that_may_lack_it(
    rule: dict[str, Any], stream: Stream, most: int
) -> None:
    out = run([rule], stream, Limits(links_per_rule=most))
    doubted = {m.event.id for m in out if m.correlated is not None and m.correlated.evicted is not None}
    true = truth([rule], stream)

    told = last_revisions([m for m in out if m.event.id not in doubted])

    assert [facts for facts in told if facts not in true] == []


def test_links_are_bounded_and_what_went_is_counted() -> None:
    engine = Correlator([correlation(ONE)], lateness_ns=0, limits=Limits(links_per_rule=3))
    for time in range(5):
        engine.tick("s", time)
        engine.add(happened("vpn", time, user=f"u{time}", client=f"192.0.2.{time}"))
    for time, address in ((6, "192.0.2.1"), (6, "192.0.2.2")):
        engine.tick("s", time)
        engine.add(match("act", time, address, **{"user.name": None, "source.ip": address}))

    out = list(engine.finish())

    assert [(m.correlated.group[USER], m.correlated.evicted) for m in out if m.correlated][:1] == [("u2", "possibly")]
    assert (engine.stats["evicted_links"], engine.stats["evicted"]) == (2, 2)


def test_links_that_are_over_are_freed() -> None:
    engine = Correlator([correlation({**ONE, "links": [{**VPN, "for": 5}]})], lateness_ns=0)
    for time in range(1000):
        engine.tick("s", time)
        engine.add(happened("vpn", time, user=f"u{time}", client="192.0.2.7"))

    assert len(msgspec.msgpack.encode(engine.snapshot())) < 10_000


def test_a_link_that_comes_late_counts_for_what_comes_after_it() -> None:
    engine = Correlator([correlation(ONE)], lateness_ns=0)
    engine.tick("s", 20)
    engine.add(happened("vpn", 3, user="ann", client="192.0.2.7"))
    engine.add(happened("act", 20, ip="192.0.2.7"))

    out = list(engine.finish())

    assert [m.correlated.group for m in out if m.correlated][:1] == [{USER: "ann"}]
    assert engine.stats["late"] == 1


def test_links_go_on_under_other_rules_and_a_changed_link_starts_anew() -> None:
    def after(changed: dict[str, Any]) -> list[Match]:
        old = Correlator([correlation(ONE)], lateness_ns=0)
        old.tick("s", 1)
        old.add(happened("vpn", 1, user="ann", client="192.0.2.7"))
        old.tick("s", 2)
        new = Correlator([correlation(changed)], lateness_ns=0)
        new.take_over(old)
        new.tick("s", 3)
        new.add(happened("act", 3, ip="192.0.2.7"))
        return list(new.finish())

    assert len(after(ONE)) == 2
    assert after({**ONE, "links": [{**VPN, "for": 99}]}) == []


def test_what_links_tell_stays_in_one_part_with_what_it_tells_of() -> None:
    routing = Routing([correlation(ONE)], 8)

    parts = [
        routing.parts_of(happened("vpn", 1, user="ann", client="192.0.2.7")),
        routing.parts_of(happened("act", 1, ip="192.0.2.7")),
    ]

    assert len(parts[0]) == 1
    assert parts[0].keys() == parts[1].keys()
    assert routing.owns(next(iter(parts[0])), correlation(ONE), ("ann",))


@budget
@given(streams())
def test_links_that_tell_nothing_change_nothing(stream: Stream) -> None:
    without = plain("r", "temporal", ["a", "b"], {"gte": 2})

    assert last_revisions(run([{**without, "links": [VPN]}], stream)) == last_revisions(run([without], stream))
