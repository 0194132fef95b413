"""Who was behind a match, the slow and obvious way: all facts in memory, each tie looked at anew.

A rule's ``links`` are plain dicts: ``{"rule": "vpn", "ends": [("user", "user.name"), ("ip", "client.ip")], "for": 10,
"until": ["left"]}``.
"""

from typing import Any

import correlations as oracle

from engine.model import Event, Match

MOST = 16
OWN = {"ip": "source.ip", "host": "host.name", "user": "user.name"}


def identified(rule: dict[str, Any], matches: list[Match]) -> list[Match]:
    """The matches that the rule takes, each with the identities that it asks for and does not have."""
    return [
        with_identities(rule, match, matches) for match in matches if match.rule.id in rule["rules"] + rule["until"]
    ]


def with_identities(rule: dict[str, Any], match: Match, every: list[Match]) -> Match:
    fields = dict(match.event.fields)
    for kind in OWN:
        name = f"tieline.identity.{kind}"
        if name in rule["group_by"] + rule["fields"] and name not in fields:
            found = identities(rule, kind, match, every)
            if found:
                fields[name] = found
    event = match.event
    return Match(match.rule, Event(fields, event.time, event.id, event.logsource, event.source, event.sequence))


def identities(rule: dict[str, Any], kind: str, match: Match, every: list[Match]) -> list[str]:
    own = values(match, OWN[kind])
    if own:
        return list(own.values())
    for other in OWN:
        start = values(match, OWN[other])
        if start:
            break
    else:
        return []
    found = latest([entry for value in start for entry in tied(rule, other, value, kind, match, every)])
    if not found:
        third = next(k for k in OWN if k not in (kind, other))
        middles = latest([entry for value in start for entry in tied(rule, other, value, third, match, every)])
        found = latest([entry for middle in middles for entry in tied(rule, third, middle, kind, match, every)])
    return [found[key] for key in sorted(found)]


def latest(entries: list[tuple[int, str, str]]) -> dict[str, str]:
    """Of (since, spelling, value) the spelling of each value, as it was tied last; of the sixteen that were so latest."""
    best: dict[str, tuple[int, str]] = {}
    for since, spelled, value in entries:
        best[value] = max(best.get(value, (since, spelled)), (since, spelled))
    chosen = sorted(best, key=lambda value: (-best[value][0], value))[:MOST]
    return {value: best[value][1] for value in chosen}


def tied(
    rule: dict[str, Any], start: str, value: str, goal: str, asked: Match, every: list[Match]
) -> list[tuple[int, str, str]]:
    """(since, spelling, value) of all that is tied to a value when ``asked`` happened."""
    result: list[tuple[int, str, str]] = []
    time = asked.event.time
    for link in rule["links"]:
        kinds = [kind for kind, _ in link["ends"]]
        if {start, goal} != set(kinds):
            continue
        facts = [
            (m, one, other, spelled, written)
            for m in every
            if m.rule.id == link["rule"]
            for one, spelled in values(m, link["ends"][0][1]).items()
            for other, written in values(m, link["ends"][1][1]).items()
        ]
        holding: dict[tuple[str, str], list[tuple[int, str, str]]] = {}
        for told, one, other, spelled, written in facts:
            pair = {kinds[0]: (one, spelled), kinds[1]: (other, written)}
            since = told.event.time
            if pair[start][0] != value or not since <= time <= since + link["for"] or surely(asked, told):
                continue
            if any(surely(told, m) and surely(m, asked) and ends(link, m, one, other) for m in every):
                continue
            if "ip" in kinds:
                mine = 1 + kinds.index("ip")
                address, owner = (one, other)[mine - 1], (one, other)[2 - mine]
                if any(
                    later[mine] == address
                    and later[3 - mine] != owner
                    and surely(told, later[0])
                    and surely(later[0], asked)
                    for later in facts
                ):
                    continue
            holding.setdefault((one, other), []).append((since, spelled, written))
        for (one, other), told_so in holding.items():
            since, spelled, written = max(told_so)  # the latest tells
            result.append((since, written, other) if goal == kinds[1] else (since, spelled, one))
    # Of one value, the sixteen that were tied latest.
    kept = latest(result)
    return [entry for entry in result if entry[2] in kept]


def surely(one: Match, other: Match) -> bool:
    """By their times, within a source by their sequence as well, one came first."""
    a, b = one.event, other.event
    return a.time < b.time or (a.time == b.time and a.source == b.source and a.sequence < b.sequence)


def ends(link: dict[str, Any], match: Match, one: str, other: str) -> bool:
    """Whether the match ends the tie: by both its values, or by the one that it names."""
    if match.rule.id not in link["until"]:
        return False
    ours, theirs = values(match, link["ends"][0][1]), values(match, link["ends"][1][1])
    return bool(ours or theirs) and (not ours or one in ours) and (not theirs or other in theirs)


def values(match: Match, name: str) -> dict[str, str]:
    return {key[0]: spelling[0] for key, spelling in oracle.keys(match, [name])}
