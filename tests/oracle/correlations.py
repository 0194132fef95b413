"""What correlations mean, the slow and obvious way: every match in memory, every window looked at anew.

Rules are plain dicts::

    {"id": "spray", "type": "event_count", "rules": ["fail"], "group_by": ["user.name"], "timespan": 10,
     "condition": {"gte": 3}, "aliases": {}, "fields": [], "percentile": 50, "skew": 0}

``condition`` is bounds, or an expression: a rule id, ``("and", …)``, ``("or", …)``, ``("not", x)``.
"""

import ipaddress
import itertools
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import links

from engine.model import Event, Match, RuleHead
from engine.model.alert import alert_id


@dataclass
class Found:
    rule: str
    group: dict[str, str]
    opened: int
    last: int
    last_match: Match
    evidence: list[Match]
    first: int = 0
    first_event: str = ""
    revision: int = 0
    closed_by: str = ""
    hits: list[tuple[int, Match]] = field(default_factory=list)
    closes: int = 0
    frame: int | None = None
    peak: Any = 0
    key: tuple[str, ...] = ()
    suppressed: bool = False

    def facts(self) -> tuple[Any, ...]:
        group = tuple(sorted(self.group.items()))
        return (
            self.rule,
            group,
            self.opened,
            self.first,
            self.last,
            self.first_event,
            self.revision,
            self.closed_by,
            tuple(m.event.id for m in sorted(self.evidence, key=order)),
        )


def alerts(rules: list[dict[str, Any]], matches: list[Match], end: int) -> list[Found]:
    """Every alert of every rule, at the end of its life, but for those suppressed; the input came to ``end``."""
    found: dict[str, list[Found]] = {}

    def of(rule: dict[str, Any]) -> list[Found]:
        if rule["id"] not in found:
            wanted = [*rule["rules"], *rule["until"]]
            wanted += [one for link in rule["links"] for one in (link["rule"], *link["until"])]
            seen = [m for m in matches if m.rule.id in wanted]
            for below in rules:
                if below["id"] in wanted:
                    seen += [match for alert in of(below) for match in virtual(alert)]
            if rule["links"]:
                seen = links.identified(rule, seen)
            found[rule["id"]] = of_rule(rule, seen, end)
        return found[rule["id"]]

    return [alert for rule in rules for alert in of(rule) if not alert.suppressed]


def of_rule(rule: dict[str, Any], matches: list[Match], end: int) -> list[Found]:
    groups: dict[tuple[str, ...], list[tuple[Match, tuple[str, ...]]]] = {}
    for match in sorted(matches, key=order):
        for key, spelling in keys(match, names(rule, match, rule["group_by"])):
            groups.setdefault(key, []).append((match, spelling))
    result = []
    for key, members in groups.items():
        spellings = {id(match): spelling for match, spelling in members}
        aborts = [match for match, _ in members if match.rule.id in rule["until"]]
        hits = decided(rule, [match for match, _ in members if match not in aborts], aborts, end)
        for alert in lives(rule, hits, spellings, aborts, end):
            by = rule["suppress_by"] or rule["group_by"]
            alert.key = tuple(value for name, value in zip(rule["group_by"], key, strict=True) if name in by)
            result.append(alert)
    suppress(rule, result)
    return result


def suppress(rule: dict[str, Any], found: list[Found]) -> None:
    """In the time behind an alert no other opens for the same key, but for those of its own moment."""
    since: dict[tuple[str, ...], int] = {}
    for alert in sorted(found, key=lambda alert: alert.opened) if rule["suppress"] else []:
        first = since.get(alert.key)
        if first is None or alert.opened > first + rule["suppress"]:
            since[alert.key] = alert.opened
        alert.suppressed = since[alert.key] < alert.opened


@dataclass
class Hit:
    """The predicate holds: when, the last match that belongs, the evidence; ``closes``: an alert is open until then.

    Hits of one ``frame`` are one alert; where it is None, those that lie no further apart than the timespan.
    """

    opened: int
    last: Match
    evidence: list[Match]
    closes: int
    frame: int | None = None
    value: Any = 0


def lives(
    rule: dict[str, Any], hits: list[Hit], spellings: dict[int, tuple[str, ...]], aborts: list[Match], end: int
) -> list[Found]:
    result: list[Found] = []
    for hit in hits:
        alert = result[-1] if result else None
        if alert is not None and alert.closed_by == "":
            aborted = any(alert.last < u.event.time < hit.opened for u in aborts)
            near = hit.opened <= alert.closes if hit.frame is None else hit.frame == alert.frame
            if near and not aborted:
                more = hit.value > alert.peak if rule["growth"] == 1 else hit.value >= alert.peak * rule["growth"]
                if rule["refire"] == "growth" and more:
                    alert.closed_by = "growth"
                else:
                    alert.revision += 1
                    alert.last = hit.last.event.time
                    alert.closes = hit.closes
                    alert.hits.append((alert.last, hit.last))
                    alert.evidence += [
                        m for m in hit.evidence if one(m) not in [one(known) for known in alert.evidence]
                    ]
                    continue
        first = min(hit.evidence, key=order)
        group = dict(zip(rule["group_by"], spellings[id(first)], strict=True))
        origin = named(first) if rule["refire"] == "once" else f"{named(hit.last)}@{hit.last.rule.id}"
        opened = Found(rule["id"], group, hit.opened, hit.last.event.time, hit.last, list(hit.evidence))
        opened.first, opened.first_event = first.event.time, origin
        opened.hits, opened.closes, opened.frame, opened.peak = (
            [(hit.opened, hit.last)],
            hit.closes,
            hit.frame,
            hit.value,
        )
        opened.closed_by = "match" if rule["refire"] == "match" else ""
        result.append(opened)
    for alert in result:
        if not alert.closed_by:
            last = max(alert.last, alert.opened)
            alert.closed_by = "timespan" if alert.closes < end else "end_of_input"
            if any(last < u.event.time <= alert.closes for u in aborts):
                alert.closed_by = "until"
    return result


def named(match: Match) -> str:
    revision = f":{match.event.sequence}" if inner(match) and match.event.sequence > 0 else ""
    return match.event.id + revision


def decided(rule: dict[str, Any], matches: list[Match], aborts: list[Match], end: int) -> list[Hit]:
    condition = rule["condition"]
    if rule["expected"]:
        return silences(rule, matches, aborts, end)
    if rule["learn"] is not None:
        return novelties(rule, matches)
    if not isinstance(condition, dict):
        at_deadline = bool(negated(condition))
    else:
        at_deadline = not set(condition) <= {"gt", "gte"}
    if at_deadline:
        return intervals(rule, matches, aborts)
    if rule["type"] == "temporal_ordered":
        return sequences(rule, matches, aborts)
    return windows(rule, matches, aborts)


def silences(rule: dict[str, Any], matches: list[Match], aborts: list[Match], end: int) -> list[Hit]:
    """Known only once the input has come to the deadline: its end is nobody's silence."""
    hits = []
    for match in matches:
        time, deadline = match.event.time, match.event.time + rule["timespan"]
        again = [m for m in matches if order(m) > order(match) and m.event.time <= deadline]
        aborted = [u for u in aborts if surely(match, u) and u.event.time <= deadline]
        if not again and not aborted and deadline <= end:
            hits.append(Hit(deadline, match, [match], time + rule["timespan"]))
    return hits


def novelties(rule: dict[str, Any], matches: list[Match]) -> list[Hit]:
    """A value that the group has not had within timespan; not while the group is learnt."""
    hits = []
    accepted: list[Match] = []
    for match in matches:
        time = match.event.time
        if not counts(rule, match):
            continue
        known = [m for m in accepted if m.event.time >= time - rule["timespan"]]
        if not inner(match) and any(same(rule, m, match) for m in known):
            continue
        since = min(
            [m.event.time for m in accepted if together("session", rule["timespan"], accepted, m, time)] + [time]
        )
        accepted.append(match)
        seen = {value for m in known for value in values(rule, m)}
        if any(value not in seen for value in values(rule, match)) and time - since >= rule["learn"]:
            hits.append(Hit(time, match, [match], time + rule["timespan"]))
    return hits


def together(window: str, timespan: int, accepted: list[Match], m: Match, time: int) -> bool:
    """Whether an earlier match is in the window of a match now."""
    if window == "tumbling":
        return m.event.time // timespan == time // timespan
    if window == "session":
        between = sorted({x.event.time for x in accepted if m.event.time <= x.event.time <= time} | {time})
        return all(b - a <= timespan for a, b in itertools.pairwise(between))
    return m.event.time >= time - timespan


def surely(a: Match, b: Match) -> bool:
    """In every order that is possible, ``a`` happened before ``b``; skew has no say."""
    if a.event.source == b.event.source:
        return (a.event.time, a.event.sequence) < (b.event.time, b.event.sequence)
    return a.event.time < b.event.time


def cut_off(m: Match, end: Match, aborts: list[Match]) -> bool:
    return any(surely(m, u) and surely(u, end) for u in aborts)


def frame_of(rule: dict[str, Any], accepted: list[Match], time: int) -> tuple[int | None, int]:
    """The frame of a match, and until when an alert in it is open."""
    timespan = rule["timespan"]
    if rule["window"] == "tumbling":
        return time // timespan, (time // timespan + 1) * timespan - 1
    if rule["window"] == "session":
        inside = [
            m.event.time for m in accepted if m.event.time <= time and together("session", timespan, accepted, m, time)
        ]
        later = time
        for at in sorted(m.event.time for m in accepted):
            later = at if later <= at <= later + timespan else later
        return min(inside), later + timespan
    return None, time + timespan


def windows(rule: dict[str, Any], matches: list[Match], aborts: list[Match]) -> list[Hit]:
    hits: list[Hit] = []
    accepted: list[Match] = []
    for match in matches:
        time = match.event.time
        if not counts(rule, match):
            continue
        window = [m for m in accepted if together(rule["window"], rule["timespan"], accepted, m, time)]
        window = [m for m in window if not cut_off(m, match, aborts)]
        if not inner(match) and any(same(rule, m, match) for m in window):
            continue
        accepted.append(match)
        window.append(match)
        if true(rule, window):
            hits.append(Hit(time, match, latest(window), 0, value=value(rule, window)))
    for hit in hits:
        hit.frame, hit.closes = frame_of(rule, accepted, hit.opened)
    return hits


def sequences(rule: dict[str, Any], matches: list[Match], aborts: list[Match]) -> list[Hit]:
    hits = []
    accepted = distinct(rule, matches)
    for end in accepted:
        time = end.event.time
        near = [m for m in accepted if m.event.time <= time + rule["skew"]]
        near = [m for m in near if m.event.time > time or together(rule["window"], rule["timespan"], accepted, m, time)]
        near = [m for m in near if not cut_off(m, end, aborts)]
        chains = [chain for way in ways(rule) for chain in chains_of(rule, way, near) if chain[-1] is end]
        if chains:
            frame, closes = frame_of(rule, accepted, time)
            hits.append(Hit(time, end, list(max(chains, key=tightness)), closes, frame))
    return hits


def intervals(rule: dict[str, Any], matches: list[Match], aborts: list[Match]) -> list[Hit]:
    hits = []
    condition, timespan = rule["condition"], rule["timespan"]
    positive, negative = set(rule["rules"]), set()
    starting = positive
    if not isinstance(condition, dict):
        positive, negative = affirmed(condition), negated(condition)
        starting = positive
        if rule["type"] == "temporal_ordered":
            starting = {next((r for r, denied in way if not denied), "") for way in ways(rule)}
    spent: set[int] = set()
    able = [m for m in matches if m.rule.id in positive and counts(rule, m)]
    for first in able:
        start = first.event.time
        if id(first) in spent or first.rule.id not in starting:
            continue
        earliest, deadline, decision = start - timespan, start + timespan, start + timespan
        if rule["window"] == "tumbling":
            earliest, deadline = start // timespan * timespan, (start // timespan + 1) * timespan - 1
            decision = deadline + 1
        if rule["window"] == "session":
            for m in able:
                if start <= m.event.time <= deadline:
                    deadline = decision = m.event.time + timespan
        ended = [u.event.time for u in aborts if surely(first, u) and u.event.time <= deadline]
        if ended:
            now = [u for u in aborts if u.event.time == min(ended)]
            spent |= {id(m) for m in able if m.event.time < min(ended) or any(surely(m, u) for u in now)}
            continue
        inside = [m for m in able if start - rule["skew"] <= m.event.time <= deadline and id(m) not in spent]
        inside = [m for m in inside if order(m) >= order(first) or m.rule.id not in starting]
        inside = [m for m in inside if not any(surely(m, u) and u.event.time <= deadline for u in aborts)]
        spent |= {id(m) for m in able if m.event.time <= deadline}
        denials = [m for m in matches if earliest <= m.event.time <= deadline and m.rule.id in negative]
        inside = distinct(rule, inside)
        evidence: list[Match] = []
        if rule["type"] == "temporal_ordered":
            chains = [c for way in ways(rule) for c in chains_of(rule, way, inside, denials)]
            if isinstance(condition, dict):
                longest = max(len(chain) for chain in chains)
                chains = [c for c in chains if len(c) == longest] if within(condition, longest) else []
            evidence = sorted(max(chains, key=tightness), key=order) if chains else []
        elif isinstance(condition, dict):
            evidence = latest(inside) if true(rule, inside) else []
        elif holds(condition, often(rule, inside), {m.rule.id for m in denials}):
            evidence = latest(inside)
        if evidence:
            last = evidence[-1]
            closes = deadline if rule["window"] != "sliding" else last.event.time + timespan
            hits.append(Hit(decision, last, evidence, closes, start if rule["window"] != "sliding" else None))
    return hits


def chains_of(
    rule: dict[str, Any], way: list[tuple[str, bool]], matches: list[Match], denials: list[Match] = []
) -> list[tuple[Match, ...]]:
    result = []
    steps = [r for r, denied in way if not denied]
    for chain in itertools.product(*([m for m in matches if m.rule.id == step] for step in steps)):
        if not chain or not all(before(a, b, rule["skew"]) for a, b in itertools.combinations(chain, 2)):
            continue
        if not all(joined(rule, a, b) for a, b in itertools.pairwise(chain)):
            continue
        position = 0
        refuted = False
        for r, denied in way:
            if not denied:
                position += 1
                continue
            against = [m for m in denials if m.rule.id == r]
            if position > 0:
                last = chain[position - 1]
                against = [m for m in against if m.event.id == last.event.id or before(last, m, rule["skew"])]
            refuted = refuted or bool(against)
        if not refuted:
            result.append(chain)
    return result


def ways(rule: dict[str, Any]) -> list[list[tuple[str, bool]]]:
    """Each a list of (rule, whether it must not come), in order."""
    condition = rule["condition"]
    if isinstance(condition, dict):
        if set(condition) <= {"gt", "gte"}:
            sizes = [min(n for n in range(1, 100) if within(condition, n))]
        else:
            sizes = list(range(1, len(rule["rules"]) + 1))
        found = [[(r, False) for r in some] for size in sizes for some in itertools.combinations(rule["rules"], size)]
    else:
        position = {r: n for n, r in enumerate(rule["rules"])}
        found = [sorted(set(way), key=lambda step: (position[step[0]], step[1])) for way in disjuncts(condition, False)]
    return [[step for step in way for _ in range(1 if step[1] else rule["steps"].get(step[0], 1))] for way in found]


def joined(rule: dict[str, Any], a: Match, b: Match) -> bool:
    """For each pair of names, a value of the one in ``a`` is one of the other in ``b``."""
    for left, right in rule["join"]:
        ours = {key for key, _ in keys(a, names(rule, a, [left]))}
        if not ours & {key for key, _ in keys(b, names(rule, b, [right]))}:
            return False
    return True


def disjuncts(condition: Any, denied: bool) -> list[list[tuple[str, bool]]]:
    if isinstance(condition, str):
        return [[(condition, denied)]]
    op, *parts = condition
    if op == "not":
        return disjuncts(parts[0], not denied)
    inner = [disjuncts(part, denied) for part in parts]
    if (op == "or") != denied:
        return [way for each in inner for way in each]
    return [[step for way in chosen for step in way] for chosen in itertools.product(*inner)]


def tightness(chain: tuple[Match, ...]) -> tuple[Any, ...]:
    """Begins latest; then the latest last step, and so on backwards."""
    return (chain[0].event.time, [order(m) for m in reversed(chain)])


def before(a: Match, b: Match, skew: int) -> bool:
    if a.event.id == b.event.id:
        return False
    if a.event.source == b.event.source:
        return (a.event.time, a.event.sequence) <= (b.event.time, b.event.sequence)
    return a.event.time <= b.event.time + skew


def order(match: Match) -> tuple[Any, ...]:
    event = match.event
    return (event.time, event.source, event.sequence, event.id, match.rule.id)


def same(rule: dict[str, Any], a: Match, b: Match) -> bool:
    return a.event.id == b.event.id and (a.rule.id == b.rule.id or not rule["type"].startswith("temporal"))


def distinct(rule: dict[str, Any], matches: list[Match]) -> list[Match]:
    result: list[Match] = []
    for match in matches:
        if inner(match) or not any(same(rule, known, match) for known in result):
            result.append(match)
    return result


def inner(match: Match) -> bool:
    """A revision of an alert; all have the alert's id."""
    return match.rule.correlation


def one(match: Match) -> tuple[str, str]:
    return (match.event.id, match.rule.id)


def latest(matches: list[Match]) -> list[Match]:
    """Of each alert the latest revision."""
    return [m for m in matches if not any(one(m) == one(other) and order(m) < order(other) for other in matches)]


def counts(rule: dict[str, Any], match: Match) -> bool:
    return not rule["type"].startswith("value_") or bool(values(rule, match))


def values(rule: dict[str, Any], match: Match) -> list[Any]:
    fields = names(rule, match, rule["fields"])
    if rule["type"] == "value_count":
        return [key for key, _ in keys(match, fields)]
    found: list[Any] = []
    for name in fields:
        value = match.event.fields.get(name)
        for one in value[:16] if isinstance(value, list) else [value]:
            if isinstance(one, bool) or one is None:
                continue
            try:
                if float(one) == float(one) and abs(float(one)) != float("inf"):
                    found.append(Fraction(repr(float(one))) if not isinstance(one, int) else Fraction(one))
            except ValueError:
                pass
    return found


def true(rule: dict[str, Any], window: list[Match]) -> bool:
    condition = rule["condition"]
    if not isinstance(condition, dict):
        return holds(condition, often(rule, window), set())
    return within(condition, value(rule, window))


def often(rule: dict[str, Any], window: list[Match]) -> set[str]:
    """The rules that matched as often as their step asks for."""
    matched = [m.rule.id for m in latest(window)]
    return {r for r in matched if matched.count(r) >= rule["steps"].get(r, 1)}


def value(rule: dict[str, Any], window: list[Match]) -> Any:
    kind = rule["type"]
    if kind != "value_count":
        window = latest(window)
    if kind == "event_count":
        return len(window)
    if kind.startswith("temporal"):
        return len(often(rule, window))
    found = [one for match in window for one in values(rule, match)]
    if kind == "value_count":
        return len(set(found))
    if kind == "value_sum":
        return sum(found)
    if kind == "value_avg":
        return sum(found) / len(found)
    ranked = sorted(found)
    rank = Fraction(repr(float(rule["percentile"] if kind == "value_percentile" else 50))) / 100 * (len(ranked) - 1)
    low = ranked[int(rank)]
    high = ranked[min(int(rank) + 1, len(ranked) - 1)]
    return low + (high - low) * (rank - int(rank))


def within(condition: dict[str, float], value: Any) -> bool:
    tests = {
        "gt": lambda bound: value > bound,
        "gte": lambda bound: value >= bound,
        "lt": lambda bound: value < bound,
        "lte": lambda bound: value <= bound,
        "eq": lambda bound: value == bound,
        "neq": lambda bound: value != bound,
    }
    return all(tests[op](Fraction(str(bound))) for op, bound in condition.items())


def holds(condition: Any, seen: set[str], refuted: set[str]) -> bool:
    if isinstance(condition, str):
        return condition in seen
    op, *parts = condition
    if op == "not":
        return not holds(parts[0], refuted, seen)
    return (all if op == "and" else any)(holds(part, seen, refuted) for part in parts)


def affirmed(condition: Any, denied: bool = False) -> set[str]:
    if isinstance(condition, str):
        return set() if denied else {condition}
    return set().union(*(affirmed(part, denied != (condition[0] == "not")) for part in condition[1:]))


def negated(condition: Any) -> set[str]:
    return affirmed(condition, True)


def names(rule: dict[str, Any], match: Match, wanted: list[str]) -> list[str]:
    return [rule["aliases"].get(name, {}).get(match.rule.id, name) for name in wanted]


def keys(match: Match, fields: list[str]) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """(canonical, as spelled) for every combination of values; none where one is missing."""
    columns = []
    for name in fields:
        value = match.event.fields.get(name)
        column: dict[str, str] = {}
        for one in value if isinstance(value, list) else [value]:
            if one is not None:
                column.setdefault(canonical(str(one)), str(one))
        columns.append(list(column.items())[:16])
    return [(tuple(c for c, _ in row), tuple(s for _, s in row)) for row in itertools.product(*columns)]


def canonical(text: str) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text.casefold()
    return str(getattr(address, "ipv4_mapped", None) or address)


def virtual(alert: Found) -> list[Match]:
    """Every revision, in order."""
    id = alert_id(alert.rule, list(alert.group.values()), alert.first_event)
    source = f"correlation:{alert.rule}"
    head = RuleHead(alert.rule, alert.rule, correlation=True)
    return [
        Match(head, Event({**last.event.fields, **alert.group}, time, id, last.event.logsource, source, revision))
        for revision, (time, last) in enumerate(alert.hits)
    ]
