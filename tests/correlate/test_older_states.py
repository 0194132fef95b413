"""A state that an older version of the program has written goes on, or is refused with the reason."""

from base64 import b64decode
from typing import Any

import pytest

from engine.correlate import Correlator
from engine.model import Correlated, Event, LogSource, Match, RuleHead
from engine.ruleset.correlation import CorrelationRule, Link, Threshold


def rule(id: str, type: Any, rules: tuple[str, ...], least: int, **more: Any) -> CorrelationRule:
    head = RuleHead(id, id, correlation=True)
    return CorrelationRule(head, type, rules, ("user.name",), 100, Threshold((("gte", least),)), **more)


RULES = [
    rule("many", "event_count", ("a",), 3, suppress_ns=50),
    rule("chain", "temporal_ordered", ("a", "b"), 2),
    rule("outer", "event_count", ("many",), 2),
]


def seen(rule: str, time: int, user: str, **fields: Any) -> Match:
    event = Event({"user.name": user, **fields}, time, f"{rule}{time}{user}", LogSource(), "s", time)
    return Match(RuleHead(rule, rule), event)


def evidence(id: str, time: int, rule: str, user: str) -> list[Any]:
    return [id, time, rule, user, [], [user], [], []]


def item(rule: str, time: int, user: str) -> list[Any]:
    id = f"{rule}{time}{user}"
    return [time, "s", time, id, rule, 0, [False, evidence(id, time, rule, user), [user]]]


def placed(rule: str, time: int, user: str) -> list[Any]:
    id = f"{rule}{time}{user}"
    return [[time, "s", time, id, rule], evidence(id, time, rule, user)]


def version_1() -> dict[str, Any]:
    """After a0 Ann, a4 ann, a8 bob, a12 ann (alert), b16 ann, a20 ann, a24 cyd; b33 bob is held."""
    counted = ("matches", "late", "missing_key", "without_value", "duplicates", "tied", "revised", "closed")
    counts = dict.fromkeys((*counted, "evicted_groups", "evicted_matches"), 0)
    counts |= {"opened": 1, "suppressed": 0}
    alert = [
        {"user.name": "Ann"}, "331b20651cd1dded58195f35e82463f4", 12, 0, 20, 120, "a0Ann",
        [placed("a", 0, "Ann"), *(placed("a", time, "ann") for time in (4, 12, 20))], [], 4,
        [{"user.name": "Ann"}, 20, "331b20651cd1dded58195f35e82463f4", [None, None, None], "correlation:many", 1, 0, "", ""],
        [], 1, False, None, False, "0",
    ]  # fmt: skip
    window = [item("a", 0, "Ann"), *(item("a", time, "ann") for time in (4, 12, 20))]
    quiet = [
        "bob", b64decode("AAAAAAAAAAgAAAAAAAAACAAAAAEAAAAAAAAACAAAABaZpWE4Ym9iAAjAo2JvYpCRo2JvYpCQ"),
        "cyd", b64decode("AAAAAAAAABgAAAAAAAAAGAAAAAEAAAAAAAAAGAAAABeZpmEyNGN5ZAAYwKNjeWSQkaNjeWSQkA=="),
    ]  # fmt: skip
    many = {
        "counts": counts,
        "suppression": [[["ann"], 12]],
        "quiet": [[["s", "a", "a"]], quiet],
        "groups": [[["ann"], 104, False, alert, [], window, 4, None]],
    }
    chain = {
        "counts": counts | {"opened": 0},
        "suppression": None,
        "groups": [[["bob"], 108, False, None, [], [], 0, [[[item("a", 8, "bob")], None]]]],
    }
    revision = [20, "correlation:many", 1, "331b20651cd1dded58195f35e82463f4", "many", 9]
    told = evidence("331b20651cd1dded58195f35e82463f4", 20, "many", "Ann")
    outer = {
        "counts": counts | {"opened": 0},
        "suppression": None,
        "quiet": [[], []],
        "groups": [[["ann"], 112, False, None, [], [[*revision, [False, told, ["Ann"]]]], 0, None]],
    }
    ids = {
        "many": "c58fbf3c242f114568b08afa92b19a4a",
        "chain": "9aead1de1be70cbf7f364f8b2919e4f7",
        "outer": "9272baf138975d4f031ea9646d95d8ae",
    }
    states = {"many": many, "chain": chain, "outer": outer}
    event = [{"user.name": "bob"}, 33, "b33bob", [None, None, None], "s", 33, 0, "", ""]
    return {
        "version": 1,
        "watermark": [{"s": 32}, 32, None],
        "counts": [10, 0, 0],
        "held": [[33, "s", 33, "b33bob", "b", 10, [True, [0, event, [], None]]]],
        "delayed": [],
        "rules": {id: [ids[id], states[id]] for id in ids},
        "definitions": {"a": "", "b": "", **ids},
        "heads": [{"id": "b", "title": "b", "name": None, "level": "informational", "description": ""}],
    }


def told(out: list[Match]) -> list[tuple[str, int, int, int, str | None, str | None]]:
    """(rule, opened, revision, events, closed by, evicted) of what an engine told."""
    found: list[Correlated] = [m.correlated for m in out if m.correlated is not None]
    return [
        (m.rule.id, s.opened, s.revision, s.events_total, s.closed_by, s.evicted)
        for m, s in zip(out, found, strict=True)
    ]


def test_a_state_of_version_1_goes_on() -> None:
    engine = Correlator(RULES, lateness_ns=5)
    engine.restore(version_1())

    stats = engine.stats
    out = [*engine.tick("s", 40), *engine.add(seen("a", 40, "cyd")), *engine.add(seen("a", 41, "cyd"))]
    out += [*engine.add(seen("a", 42, "ann")), *engine.finish()]

    assert (stats["groups"], stats["open_alerts"], stats["held"]) == (5, 1, 1)
    assert (engine.dropped.groups, engine.dropped.matches) == (0, 0)
    assert told(out) == [
        ("chain", 33, 0, 2, None, None),
        ("many", 41, 0, 3, None, None),
        ("many", 12, 2, 5, None, None),
        ("chain", 33, 0, 2, "end_of_input", None),
        ("many", 41, 0, 3, "end_of_input", None),
        ("many", 12, 2, 5, "end_of_input", None),
    ]


def test_the_suppression_of_version_1_still_suppresses() -> None:
    state = version_1()
    state["rules"]["many"][1]["groups"] = []
    engine = Correlator(RULES, lateness_ns=5)
    engine.restore(state)

    engine.tick("s", 40)
    out = [told for time in (50, 51, 52) for told in engine.add(seen("a", time, "ann"))] + list(engine.finish())

    assert [m.rule.id for m in out if m.rule.id == "many"] == []
    assert engine.rule_stats["many"]["suppressed"] == 1


def test_what_links_told_under_version_2_holds_for_its_time() -> None:
    link = Link("vpn", (("user", "user.name"), ("ip", "client.ip")), 100, ("left",))
    grouped = rule("one", "event_count", ("act",), 1, links=(link,))
    typed = CorrelationRule(
        grouped.head, grouped.type, grouped.rules, ("tieline.identity.user",), 100, grouped.condition, links=(link,)
    )
    engine = Correlator([typed], lateness_ns=0)
    state = engine.snapshot() | {"version": 2}
    spelled = ["Ann", "192.0.2.7"]
    facts = [[7, 0, "ann", "192.0.2.7", spelled], [9, 0, "bob", "192.0.2.8", ["bob", "192.0.2.8"]]]
    state["rules"]["one"][1]["links"] = [[*facts, [11, 0, "bob", "", None]], 5, 3]

    engine.restore(state)
    engine.tick("s", 20)
    out = [*engine.add(seen("act", 20, "", **{"user.name": None, "source.ip": "192.0.2.7"}))]
    out += [*engine.add(seen("act", 20, "", **{"user.name": None, "source.ip": "192.0.2.8"})), *engine.finish()]

    assert [m.correlated.group for m in out if m.correlated][:1] == [{"tieline.identity.user": "Ann"}]
    assert engine.stats["unidentified"] == 1


def test_a_state_of_a_newer_version_is_refused_with_the_reason() -> None:
    with pytest.raises(ValueError, match=r"version 99; this program reads versions up to 3"):
        Correlator(RULES, lateness_ns=5).restore(version_1() | {"version": 99})


def test_a_state_of_version_1_that_is_damaged_is_refused_with_the_reason() -> None:
    state = version_1()
    state["rules"]["many"][1]["groups"][0] = state["rules"]["many"][1]["groups"][0][:4]

    with pytest.raises(ValueError, match=r"correlation state is damaged: ValueError"):
        Correlator(RULES, lateness_ns=5).restore(state)
