"""What becomes of matches that the watermark has passed, the slow and obvious way.

At each late match the correlations are worked out anew from all that was in time and has been released by then.
"""

from dataclasses import dataclass, field
from typing import Any

import correlations as oracle
from correlations import Found

from engine.model import Match


@dataclass
class Late:
    """A match, and the watermark when it came."""

    match: Match
    watermark: int
    before: list[Match] = field(default_factory=list)


def sorted_out(arrivals: list[Match], lateness: int) -> tuple[list[Match], list[Late]]:
    """Those in time, and those late. All sources are there from the beginning."""
    sources = {m.event.source for m in arrivals}
    clocks: dict[str, int] = {}
    in_time: list[Match] = []
    late: list[Late] = []
    for match in arrivals:
        source, time = match.event.source, match.event.time
        clocks[source] = max(time, clocks.get(source, time))
        watermark = min(clocks.values()) - lateness if len(clocks) == len(sources) else None
        if watermark is not None and time < watermark:
            late.append(Late(match, watermark, [m for m in in_time if m.event.time < watermark]))
        else:
            in_time.append(match)
    return in_time, late


def alerts(rule: dict[str, Any], arrivals: list[Match], lateness: int) -> list[tuple[Any, ...]]:
    """The facts of each alert, with whether something late was added; revisions count both."""
    return chained([rule], arrivals, lateness)


def chained(rules: list[dict[str, Any]], arrivals: list[Match], lateness: int) -> list[tuple[Any, ...]]:
    """``alerts`` of correlations over correlations: what comes late goes to those over its own rule, and no further up.

    None but the outermost may have a skew.
    """
    end = max((m.event.time for m in arrivals), default=0)
    in_time, late = sorted_out(arrivals, lateness)
    final = oracle.alerts(rules, in_time, end)
    added: dict[tuple[str, str, int], list[Match]] = {}
    for one in late:
        then = oracle.alerts(rules, one.before, end)
        for rule in rules:
            if one.match.rule.id not in evidential(rule) or not oracle.counts(rule, one.match):
                continue
            for key, _ in oracle.keys(one.match, oracle.names(rule, one.match, rule["group_by"])):
                for alert in then:
                    if alert.rule != rule["id"] or key_of(alert) != key or not decided_by(rule, alert, one.watermark):
                        continue
                    if at_match(rule):  # what an inner correlation will only say later has not happened yet
                        alert.last = max(time for time, _ in alert.hits if time < one.watermark)
                    if takes(rule, alert, one, lateness):
                        mine = added.setdefault((rule["id"], repr(key), alert.opened), [])
                        if not any(oracle.same(rule, one.match, m) for m in (*alert.evidence, *mine)):
                            mine.append(one.match)
                        break
    facts = []
    for alert in final:
        mine = added.get((alert.rule, repr(key_of(alert)), alert.opened), [])
        alert.evidence += mine
        alert.revision += len(mine)
        facts.append((*alert.facts(), bool(mine)))
    return sorted(facts, key=repr)


def key_of(alert: Found) -> tuple[str, ...]:
    return tuple(oracle.canonical(value) for value in alert.group.values())


def evidential(rule: dict[str, Any]) -> set[str]:
    if rule["expected"] or rule["learn"] is not None:
        return set()
    return set(rule["rules"]) if isinstance(rule["condition"], dict) else oracle.affirmed(rule["condition"])


def decided_by(rule: dict[str, Any], alert: Found, watermark: int) -> bool:
    over = rule["window"] == "tumbling" and not at_match(rule)
    return alert.opened - over + rule["skew"] < watermark


def takes(rule: dict[str, Any], alert: Found, late: Late, lateness: int) -> bool:
    """It falls into the alert's interval, and the alert is still kept."""
    time, timespan = late.match.event.time, rule["timespan"]
    since = (alert.first if rule["window"] == "session" else alert.opened) - timespan
    inside = since <= time <= (alert.last + timespan if at_match(rule) else alert.opened)
    if rule["window"] == "tumbling":
        inside = time // timespan == alert.last // timespan
    return inside and late.watermark <= alert.last + 2 * timespan + rule["skew"] + lateness


def at_match(rule: dict[str, Any]) -> bool:
    condition = rule["condition"]
    if isinstance(condition, dict):
        return set(condition) <= {"gt", "gte"}
    return not oracle.negated(condition)
