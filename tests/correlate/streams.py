"""Made-up rules and streams, and the two ways to run them. ``HYPOTHESIS_PROFILE=thorough`` tries many more."""

import os
from dataclasses import dataclass
from typing import Any

import correlations as oracle
import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from engine.correlate import Correlator, Limits
from engine.model import Event, LogSource, Match, RuleHead
from engine.ruleset.correlation import Absent, Both, CorrelationRule, Either, Expression, Link, Seen, Threshold

BASES = ("a", "b", "c", "d")
LATENESS = 6
NO_LOGSOURCE = LogSource()
budget = settings(
    max_examples=5_000 if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else 150,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def correlation(plain: dict[str, Any]) -> CorrelationRule:
    """The engine's form of an oracle's rule."""
    condition = plain["condition"]
    return CorrelationRule(
        head=RuleHead(plain["id"], plain["id"], correlation=True),
        type=plain["type"],
        rules=tuple(plain["rules"]),
        group_by=tuple(plain["group_by"]),
        timespan_ns=plain["timespan"],
        condition=Threshold(tuple(condition.items())) if isinstance(condition, dict) else _expression(condition),
        aliases=plain["aliases"],
        fields=tuple(plain["fields"]),
        percentile=plain["percentile"],
        skew_ns=plain["skew"],
        window=plain["window"],
        until=tuple(plain["until"]),
        steps=plain["steps"],
        join=tuple(plain["join"]),
        learn_ns=plain["learn"],
        expected=plain["expected"],
        refire=plain["refire"],
        growth=plain["growth"],
        suppress_ns=plain["suppress"],
        suppress_by=tuple(plain["suppress_by"]),
        links=tuple(
            Link(link["rule"], (link["ends"][0], link["ends"][1]), link["for"], tuple(link["until"]))
            for link in plain["links"]
        ),
    )


def _expression(condition: Any) -> Expression:
    if isinstance(condition, str):
        return Seen(condition)
    op, *parts = condition
    if op == "not":
        return Absent(_expression(parts[0]))
    return (Both if op == "and" else Either)(tuple(_expression(part) for part in parts))


def plain(id: str, type: str, rules: str | list[str], condition: Any, **more: Any) -> dict[str, Any]:
    return {
        "id": id,
        "type": type,
        "rules": list(rules),
        "group_by": ["user.name"],
        "timespan": 10,
        "condition": condition,
        "aliases": {},
        "fields": ["n"] if type.startswith("value") else [],
        "percentile": 50,
        "skew": 0,
        "window": "sliding",
        "until": [],
        "steps": {},
        "join": [],
        "learn": None,
        "expected": False,
        "refire": "once",
        "growth": 1,
        "suppress": 0,
        "suppress_by": [],
        "links": [],
        **more,
    }


def match(rule: str, time: int, id: str = "", source: str = "s", sequence: int = 0, **fields: Any) -> Match:
    """``user="Ann"`` is short for ``user.name``."""
    named = {{"user": "user.name", "ip": "source.ip"}.get(name, name): value for name, value in fields.items()}
    named.setdefault("user.name", "Ann")
    event = Event(named, time, id or f"{rule}{time}", NO_LOGSOURCE, source, sequence)
    return Match(RuleHead(rule, f"Rule {rule}"), event)


@dataclass
class Stream:
    """``arrivals`` in the order in which they come; ``cuts`` before which of them the state goes through a snapshot."""

    arrivals: list[Match]
    cuts: frozenset[int] = frozenset()
    idle_until: int = 0

    @property
    def end(self) -> int:
        return max((m.event.time for m in self.arrivals), default=0)


def run(
    rules: list[dict[str, Any]], stream: Stream, limits: Limits = Limits(), lateness: int = LATENESS
) -> list[Match]:
    typed = [correlation(rule) for rule in rules]
    engine = Correlator(typed, lateness_ns=lateness, limits=limits)
    for source in sorted({m.event.source for m in stream.arrivals} | {"idle"}):
        engine.expect(source)
    out: list[Match] = []
    for number, arrived in enumerate(stream.arrivals):
        if number in stream.cuts:
            state = msgspec.msgpack.decode(msgspec.msgpack.encode(engine.snapshot()))
            engine = Correlator(typed, lateness_ns=lateness, limits=limits)
            engine.restore(state)
        if number == stream.idle_until:
            out += engine.retire("idle")
        out += engine.tick(arrived.event.source, arrived.event.time)
        out += engine.add(arrived)
    out += engine.finish()
    return out


def last_revisions(out: list[Match]) -> list[tuple[Any, ...]]:
    """The facts of each alert at its end, as the oracle gives them; revisions and closings must be whole."""
    alerts: dict[tuple[str, str], list[Match]] = {}
    for each in out:
        alerts.setdefault((each.rule.id, each.event.id), []).append(each)
    facts = []
    for (rule, _), lives in alerts.items():
        states = [each.correlated for each in lives]
        assert all(state is not None for state in states)
        revisions = [state.revision for state in states]  # type: ignore[union-attr]
        assert revisions == [*range(len(states) - 1), len(states) - 2]
        assert [state.closed_by is None for state in states] == [True] * (len(states) - 1) + [False]  # type: ignore[union-attr]
        last = states[-1]
        assert last is not None
        assert last.events_total == len(last.events)
        facts.append(
            (
                rule,
                tuple(sorted(last.group.items())),
                last.opened,
                last.first,
                last.last,
                last.first_event,
                last.revision,
                last.closed_by,
                tuple(evidence.id for evidence in last.events),
            )
        )
    return sorted(facts, key=repr)


def ends(out: list[Match]) -> list[tuple[Any, ...]]:
    """The facts of each alert at its last revision, and whether something late was added."""
    lasts = {(each.rule.id, each.event.id): each.correlated for each in out}
    opened = [each for each in out if each.correlated is not None and each.correlated.revision == 0]
    assert {(each.rule.id, each.event.id) for each in opened} == set(lasts)
    facts = []
    for (rule, _), state in lasts.items():
        assert state is not None
        evidence = tuple(one.id for one in state.events)
        group = tuple(sorted(state.group.items()))
        told = (state.opened, state.first, state.last, state.first_event, state.revision, state.closed_by)
        facts.append((rule, group, *told, evidence, state.late))
    return sorted(facts, key=repr)


def truth(rules: list[dict[str, Any]], stream: Stream) -> list[tuple[Any, ...]]:
    once: dict[tuple[str, str, int], Match] = {}
    for arrived in stream.arrivals:
        once.setdefault((arrived.rule.id, arrived.event.id, arrived.event.time), arrived)
    return sorted((alert.facts() for alert in oracle.alerts(rules, list(once.values()), stream.end)), key=repr)


_USERS = st.sampled_from(
    [
        "Ann",
        "Ann",
        "ann",
        "ANN",
        "bob",
        None,
        ["Ann", "bob"],
        ["bob", "BOB"],
        [],
        "absent",
        "::ffff:192.0.2.7",
        "192.0.2.7",
    ]
)
_NUMBERS = st.sampled_from([1, 2, 3, 10, -1, 0.1, 0.2, "0.1", "7", "x", None, True, "absent", [1, 2], ["A", "a", "b"]])


@st.composite
def streams(draw: st.DrawFn, bases: str = "abcd", size: int = 24, sources: int = 3) -> Stream:
    matches: list[tuple[int, int, Match]] = []
    sequences: dict[str, int] = {}
    sequenced = draw(st.booleans())
    count = draw(st.integers(0, size))
    horizon = draw(st.sampled_from([4, 15, 40, 40]))
    times = sorted(draw(st.lists(st.integers(0, horizon), min_size=count, max_size=count)))
    for number, time in enumerate(times):
        source = f"s{draw(st.integers(1, sources))}"
        sequences[source] = sequences.get(source, 0) + 1
        fields = {"user": draw(_USERS), "n": draw(_NUMBERS), "peer": draw(_USERS)}
        event = {name: value for name, value in fields.items() if value != "absent"}
        if fields["user"] == "absent":
            event["user"] = None
        for rule in draw(st.lists(st.sampled_from(bases), min_size=1, max_size=2, unique=True)):
            made = match(rule, time, f"e{number}", source, sequences[source] if sequenced else 0, **event)
            for _ in range(draw(st.sampled_from([1, 1, 1, 2]))):
                matches.append((time + draw(st.integers(0, LATENESS)), draw(st.integers(0, 3)), made))
    matches.sort(key=lambda each: each[:2])
    arrivals = [made for _, _, made in matches]
    cuts = draw(st.frozensets(st.integers(0, max(0, len(arrivals) - 1)), max_size=3))
    return Stream(arrivals, cuts, draw(st.integers(0, len(arrivals))))


@st.composite
def disorders(draw: st.DrawFn, size: int = 20) -> Stream:
    """Arrivals in any order, clocks that jump: much comes later than the lateness. Every event comes once."""
    arrivals = []
    clock = 0
    for number in range(draw(st.integers(8, size))):
        clock = max(0, clock + draw(st.sampled_from([0, 1, 1, 2, 3, -2, -3, -5, -9, 14, 40])))
        user = draw(st.one_of(st.just("Ann"), _USERS))
        fields = {"user": None if user == "absent" else user, "n": draw(_NUMBERS), "peer": draw(_USERS)}
        event = {name: value for name, value in fields.items() if value != "absent"}
        source = draw(st.sampled_from(["s1", "s1", "s1", "s2"]))
        for rule in draw(st.lists(st.sampled_from("abcd"), min_size=1, max_size=2, unique=True)):
            arrivals.append(match(rule, clock, f"e{number}", source, 0, **event))
    return Stream(arrivals, draw(st.frozensets(st.integers(0, max(0, len(arrivals) - 1)), max_size=3)))


_SPANS = st.sampled_from([1, 3, 7, 10, 25])
_GROUPS = st.sampled_from([["user.name"], [], ["user.name", "peer"], ["who"]])
_ALIASES = {"who": {"a": "peer"}}
_GROWING = st.sampled_from([{"gte": 1}, {"gte": 2}, {"gt": 2}, {"gte": 3}, {"gt": 1.5}, {"gt": 1, "gte": 3}])
_ANY = st.one_of(
    _GROWING,
    st.sampled_from(
        [{"lt": 3}, {"lte": 1}, {"eq": 2}, {"neq": 1}, {"gt": 1, "lte": 3}, {"gte": 2, "lt": 4}, {"lte": 0.3}]
    ),
)


@st.composite
def rules(draw: st.DrawFn, types: list[str], id: str = "r", bases: tuple[str, ...] = BASES) -> dict[str, Any]:
    type = draw(st.sampled_from(types))
    chosen = draw(st.lists(st.sampled_from(bases), min_size=1, max_size=3, unique=True))
    made = plain(id, type, chosen, draw(_ANY), group_by=draw(_GROUPS), timespan=draw(_SPANS), aliases=_ALIASES)
    if type.startswith("value"):
        made["fields"] = draw(st.sampled_from([["n"], ["n", "peer"]])) if type == "value_count" else ["n"]
        made["percentile"] = draw(st.sampled_from([0, 25, 50, 90, 99.5, 100]))
    if type.startswith("temporal"):
        made["condition"] = draw(st.one_of(st.just({"gte": len(chosen)}), _ANY, conditions(chosen), conditions(chosen)))
    if type == "temporal_ordered":
        made["skew"] = draw(st.sampled_from([0, 0, 0, 1, 3]))
    return made


@st.composite
def conditions(draw: st.DrawFn, chosen: list[str]) -> Any:
    """An expression in which every one of the rules appears, one of them not below a ``not``."""
    parts: list[Any] = [chosen[0]]
    for rule in chosen[1:]:
        parts.append(("not", rule) if draw(st.booleans()) else rule)
    op = draw(st.sampled_from(["and", "and", "or"]))
    if len(parts) == 3 and draw(st.booleans()):
        inner = (draw(st.sampled_from(["and", "or"])), parts[1], parts[2])
        return (op, parts[0], ("not", inner) if draw(st.booleans()) else inner)
    return (op, *parts) if len(parts) > 1 else parts[0]


COUNTS = ["event_count", "value_count"]
VALUES = ["value_sum", "value_avg", "value_percentile", "value_median"]
TEMPORAL = ["temporal", "temporal_ordered"]


@st.composite
def ours(
    draw: st.DrawFn, types: list[str], keys: tuple[str, ...], id: str = "r", bases: tuple[str, ...] = BASES
) -> Any:
    """A rule with some of what stands under ``tieline:``."""
    made = draw(rules(types, id, bases[:-1]))
    condition = made["condition"]
    grows = set(condition) <= {"gt", "gte"} if isinstance(condition, dict) else not oracle.negated(condition)
    if "window" in keys:
        made["window"] = draw(st.sampled_from(["sliding", "tumbling", "session"]))
        if made["window"] != "sliding":
            made["skew"] = 0
    if "until" in keys and draw(st.booleans()):
        made["until"] = [bases[-1]]
    if "steps" in keys and made["type"] in TEMPORAL and (grows or not isinstance(condition, dict)):
        made["steps"] = {rule: draw(st.sampled_from([1, 2, 3])) for rule in made["rules"] if draw(st.booleans())}
    if "join" in keys and grows and made["type"] == "temporal_ordered":
        made["join"] = draw(st.sampled_from([[("peer", "user.name")], [("peer", "who")], [("n", "n")]]))
        made["group_by"] = draw(st.sampled_from([[], ["user.name"]]))
        made["steps"] = {}
    if "refire" in keys and grows:
        made["refire"] = draw(st.sampled_from(["once", "match", "growth"]))
        if made["refire"] == "growth" and (made["type"] == "temporal_ordered" or not isinstance(condition, dict)):
            made["refire"] = "match"
        made["growth"] = draw(st.sampled_from([1, 1.5, 2]))
    if "suppress" in keys and draw(st.booleans()):
        made["suppress"] = draw(st.sampled_from([1, 5, 20]))
        made["suppress_by"] = made["group_by"][: draw(st.sampled_from([0, 1]))]
    return made


@st.composite
def novelties(draw: st.DrawFn, id: str = "r", bases: tuple[str, ...] = BASES) -> Any:
    made = draw(rules(["value_count"], id, bases))
    made.update(condition={"gte": 1}, learn=draw(st.sampled_from([0, 2, 10])), refire="match")
    return made


@st.composite
def silences(draw: st.DrawFn, id: str = "r", bases: tuple[str, ...] = BASES) -> Any:
    made = draw(rules(["event_count"], id, bases[:-1]))
    made.update(condition={"lt": 1}, expected=True, until=draw(st.sampled_from([[], [bases[-1]]])))
    return made
