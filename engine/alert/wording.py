"""An alert in one sentence."""

from collections.abc import Sequence
from typing import Any, Final

from engine.alert.plain import keyword
from engine.model import Correlated, Match
from engine.model.times import SECOND

_LONGEST: Final = 160  # characters of one name in the sentence

_COUNTED: Final = {
    "event_count": "{n} events",
    "value_count": "distinct values over {n} events",
    "value_sum": "a sum over {n} events",
    "value_avg": "an average over {n} events",
    "value_percentile": "a percentile over {n} events",
    "value_median": "a median over {n} events",
    "temporal": "{n} events that belong together",
    "temporal_ordered": "{n} events in order",
}


def reason(match: Match, users: Sequence[str]) -> str:
    """Which rule, how much evidence in how long, who, from where to where."""
    fields, correlated = match.event.fields, match.correlated
    words = [match.rule.title]
    if correlated is not None:
        words.append(_evidence(correlated))
    if users:
        words.append(
            "user " + ", ".join(map(_cut, users[:3])) + (f" and {len(users) - 3} more" if len(users) > 3 else "")
        )
    source = _party(fields, "source")
    destination = _party(fields, "destination") or _host(fields)
    if source:
        words.append(f"from {source}")
    if destination:
        words.append(f"to {destination}" if source else f"on {destination}")
    return " ".join((words[0] + ":", ", ".join(words[1:]))) if len(words) > 1 else words[0]


def _evidence(correlated: Correlated) -> str:
    counted = _COUNTED.get(correlated.type, "{n} events").format(n=correlated.events_total)
    if correlated.events_total == 1:
        counted = counted.replace("1 events", "1 event")
    told = f"{counted} within {duration(correlated.last - correlated.first)}"
    if correlated.tells == "silence":
        told = f"nothing in the {duration(correlated.opened - correlated.last)} after the last event"
    elif correlated.tells == "novelty":
        told = "seen for the first time"
    group = " and ".join(f"{name} {_cut(keyword(value))}" for name, value in list(correlated.group.items())[:4])
    return told + (f" for {group}" if group else "")


def duration(ns: int) -> str:
    """
    >>> duration(90 * SECOND), duration(2 * 3600 * SECOND + 60 * SECOND), duration(1_500_000), duration(0)
    ('1 min 30 s', '2 h 1 min', '1.5 ms', '0 s')
    """
    if 0 < ns < SECOND:
        return f"{ns / 1_000_000:g} ms"
    seconds = max(ns, 0) // SECOND
    parts = [(seconds // 86_400, "d"), (seconds // 3_600 % 24, "h"), (seconds // 60 % 60, "min"), (seconds % 60, "s")]
    told = [f"{number} {unit}" for number, unit in parts if number]
    return " ".join(told[:2]) or "0 s"


def _party(fields: dict[str, Any], side: str) -> str:
    address = fields.get(f"{side}.ip") or fields.get(f"{side}.domain") or fields.get(f"{side}.address")
    asset = fields.get(f"tieline.{side}.asset")
    return _named(address, asset)


def _host(fields: dict[str, Any]) -> str:
    return _named(fields.get("host.name") or fields.get("host.hostname"), fields.get("tieline.host.asset"))


def _named(name: Any, asset: Any) -> str:
    if not name:
        return ""
    told = _cut(keyword(name))
    return f"{told} ({_cut(keyword(asset))})" if asset and asset != name else told


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST else name[:_LONGEST] + "…"
