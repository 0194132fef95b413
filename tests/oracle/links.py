"""Who was behind a match, the slow and obvious way: all facts in memory, each tie looked at anew.

A rule's ``links`` are plain dicts: ``{"rule": "vpn", "ends": [("user", "user.name"), ("ip", "client.ip")], "for": 10,
"until": ["left"]}``.
"""

from typing import Any

import correlations as oracle

from engine.model import Event, Match

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
    time = match.event.time
    found = {k: v for value in start for k, v in tied(rule, other, value, kind, time, every).items()}
    if not found:
        third = next(k for k in OWN if k not in (kind, other))
        for value in start:
            for middle in tied(rule, other, value, third, time, every):
                found.update(tied(rule, third, middle, kind, time, every))
    return [found[key] for key in sorted(found)][:16]


def tied(rule: dict[str, Any], start: str, value: str, goal: str, time: int, every: list[Match]) -> dict[str, str]:
    """By canonical value the spelling of all that is tied to a value at a time."""
    result: dict[str, str] = {}
    for link in rule["links"]:
        kinds = [kind for kind, _ in link["ends"]]
        if {start, goal} != set(kinds):
            continue
        facts = sorted(
            (m.event.time, one, other, spelled, written)
            for m in every
            if m.rule.id == link["rule"]
            for one, spelled in values(m, link["ends"][0][1]).items()
            for other, written in values(m, link["ends"][1][1]).items()
        )
        for since, one, other, spelled, written in facts:
            pair = {kinds[0]: (one, spelled), kinds[1]: (other, written)}
            if pair[start][0] != value or not since <= time <= since + link["for"]:
                continue
            if any(
                renewed[1:3] == (one, other)
                and (since, spelled, written) < (renewed[0], *renewed[3:])
                and renewed[0] <= time
                for renewed in facts
            ):
                continue  # the later one tells
            if any(since < m.event.time < time and ends(link, m, one, other) for m in every):
                continue
            if "ip" in kinds:
                mine = 1 + kinds.index("ip")
                address, owner = (one, other)[mine - 1], (one, other)[2 - mine]
                if any(
                    since < later[0] < time and later[mine] == address and later[3 - mine] != owner for later in facts
                ):
                    continue
            result.setdefault(*pair[goal])
    return result


def ends(link: dict[str, Any], match: Match, one: str, other: str) -> bool:
    """Whether the match ends the tie: by both its values, or by the one that it names."""
    if match.rule.id not in link["until"]:
        return False
    ours, theirs = values(match, link["ends"][0][1]), values(match, link["ends"][1][1])
    return bool(ours or theirs) and (not ours or one in ours) and (not theirs or other in theirs)


def values(match: Match, name: str) -> dict[str, str]:
    return {key[0]: spelling[0] for key, spelling in oracle.keys(match, [name])}
