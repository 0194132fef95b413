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
    """Every alert of every rule, at the end of its life; the input came to ``end``."""
    found: dict[str, list[Found]] = {}

    def of(rule: dict[str, Any]) -> list[Found]:
        if rule["id"] not in found:
            seen = [m for m in matches if m.rule.id in rule["rules"]]
            for below in rules:
                if below["id"] in rule["rules"]:
                    seen += [match for alert in of(below) for match in virtual(alert)]
            found[rule["id"]] = of_rule(rule, seen, end)
        return found[rule["id"]]

    return [alert for rule in rules for alert in of(rule)]


def of_rule(rule: dict[str, Any], matches: list[Match], end: int) -> list[Found]:
    groups: dict[tuple[str, ...], list[tuple[Match, tuple[str, ...]]]] = {}
    for match in sorted(matches, key=order):
        for key, spelling in keys(match, names(rule, match, rule["group_by"])):
            groups.setdefault(key, []).append((match, spelling))
    result = []
    for members in groups.values():
        spellings = {id(match): spelling for match, spelling in members}
        hits = decided(rule, [match for match, _ in members])
        result += lives(rule, hits, spellings, end)
    return result


def lives(
    rule: dict[str, Any],
    hits: list[tuple[int, Match, list[Match]]],
    spellings: dict[int, tuple[str, ...]],
    end: int,
) -> list[Found]:
    """A hit is (when it is decided, the last match that belongs, the evidence)."""
    result: list[Found] = []
    for opened, last, evidence in hits:
        alert = result[-1] if result else None
        if alert is not None and opened <= alert.last + rule["timespan"]:
            alert.revision += 1
            alert.last = last.event.time
            alert.hits.append((last.event.time, last))
            alert.evidence += [m for m in evidence if not any(one(m) == one(known) for known in alert.evidence)]
            continue
        first = min(evidence, key=order)
        group = dict(zip(rule["group_by"], spellings[id(first)], strict=True))
        origin = first.event.id
        if inner(first) and first.event.sequence > 0:
            origin += f":{first.event.sequence}"
        result.append(Found(rule["id"], group, opened, last.event.time, last, list(evidence), first.event.time, origin))
        result[-1].hits.append((opened, last))
    for alert in result:
        alert.closed_by = "timespan" if alert.last + rule["timespan"] < end else "end_of_input"
    return result


def decided(rule: dict[str, Any], matches: list[Match]) -> list[tuple[int, Match, list[Match]]]:
    condition = rule["condition"]
    if not isinstance(condition, dict):
        at_deadline = bool(negated(condition))
    else:
        at_deadline = not set(condition) <= {"gt", "gte"}
    if at_deadline:
        return intervals(rule, matches)
    if rule["type"] == "temporal_ordered":
        return sequences(rule, matches)
    return windows(rule, matches)


def windows(rule: dict[str, Any], matches: list[Match]) -> list[tuple[int, Match, list[Match]]]:
    hits = []
    accepted: list[Match] = []
    for match in matches:
        time = match.event.time
        if not counts(rule, match):
            continue
        window = [m for m in accepted if m.event.time >= time - rule["timespan"]]
        if not inner(match) and any(same(rule, m, match) for m in window):
            continue
        accepted.append(match)
        window.append(match)
        if true(rule, window):
            hits.append((time, match, latest(window)))
    return hits


def sequences(rule: dict[str, Any], matches: list[Match]) -> list[tuple[int, Match, list[Match]]]:
    hits = []
    accepted = distinct(rule, matches)
    for end in accepted:
        time = end.event.time
        near = [m for m in accepted if time - rule["timespan"] <= m.event.time <= time + rule["skew"]]
        chains = [chain for way in ways(rule) for chain in chains_of(rule, way, near) if chain[-1] is end]
        if chains:
            hits.append((time, end, list(max(chains, key=tightness))))
    return hits


def intervals(rule: dict[str, Any], matches: list[Match]) -> list[tuple[int, Match, list[Match]]]:
    hits = []
    condition, timespan = rule["condition"], rule["timespan"]
    positive, negative = set(rule["rules"]), set()
    starting = positive
    if not isinstance(condition, dict):
        positive, negative = affirmed(condition), negated(condition)
        starting = positive
        if rule["type"] == "temporal_ordered":
            starting = {next((r for r, denied in way if not denied), "") for way in ways(rule)}
    deadline = None
    for first in matches:
        start = first.event.time
        if (deadline is not None and start <= deadline) or first.rule.id not in starting or not counts(rule, first):
            continue
        early = start - rule["skew"] if deadline is None else max(start - rule["skew"], deadline + 1)
        deadline = start + timespan
        inside = [m for m in matches if early <= m.event.time <= deadline and m.rule.id in positive and counts(rule, m)]
        inside = [m for m in inside if order(m) >= order(first) or m.rule.id not in starting]
        denials = [m for m in matches if start - timespan <= m.event.time <= deadline and m.rule.id in negative]
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
        elif holds(condition, {m.rule.id for m in inside}, {m.rule.id for m in denials}):
            evidence = latest(inside)
        if evidence:
            hits.append((deadline, evidence[-1], evidence))
    return hits


def chains_of(
    rule: dict[str, Any], way: list[tuple[str, bool]], matches: list[Match], denials: list[Match] = []
) -> list[tuple[Match, ...]]:
    result = []
    steps = [r for r, denied in way if not denied]
    for chain in itertools.product(*([m for m in matches if m.rule.id == step] for step in steps)):
        if not chain or not all(before(a, b, rule["skew"]) for a, b in itertools.combinations(chain, 2)):
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
        return [[(r, False) for r in some] for size in sizes for some in itertools.combinations(rule["rules"], size)]
    position = {r: n for n, r in enumerate(rule["rules"])}
    return [sorted(set(way), key=lambda step: (position[step[0]], step[1])) for way in disjuncts(condition, False)]


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
        return holds(condition, {m.rule.id for m in window}, set())
    kind = rule["type"]
    if kind != "value_count":
        window = latest(window)
    if kind == "event_count":
        return within(condition, len(window))
    if kind.startswith("temporal"):
        return within(condition, len({m.rule.id for m in window}))
    found = [value for match in window for value in values(rule, match)]
    if kind == "value_count":
        return within(condition, len(set(found)))
    if kind == "value_sum":
        return within(condition, sum(found))
    if kind == "value_avg":
        return within(condition, sum(found) / len(found))
    ranked = sorted(found)
    rank = Fraction(repr(float(rule["percentile"] if kind == "value_percentile" else 50))) / 100 * (len(ranked) - 1)
    low = ranked[int(rank)]
    high = ranked[min(int(rank) + 1, len(ranked) - 1)]
    return within(condition, low + (high - low) * (rank - int(rank)))


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
