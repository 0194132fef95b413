"""What an alert keeps of the events behind it."""

from bisect import insort
from collections.abc import Iterable
from itertools import chain
from typing import TypeAlias

from engine.correlate.items import ID, RULE, SEQUENCE, SOURCE, TIME, WHAT, Item
from engine.model import Evidence, Fields, Match
from engine.model.summary import summary

_KEPT = 50
_NAMED = 16
_IP = ("source.ip", "destination.ip", "host.ip", "client.ip", "server.ip", "related.ip")
_USER = (
    "user.name",
    "user.target.name",
    "user.effective.name",
    "source.user.name",
    "destination.user.name",
    "related.user",
)
_HOSTS = ("host.name", "source.domain", "destination.domain", "related.hosts")
_ASSETS = ("tieline.source.asset", "tieline.destination.asset", "tieline.host.asset")

_NAMES = (_IP, _USER, _HOSTS, _ASSETS)
_LAYOUTS: dict[tuple[str, ...], tuple[tuple[str, ...], ...]] = {}
"""Which of these names events have: nearly all events have one of a few hundred sets of names."""
_MOST_LAYOUTS = 4_096
_WIDEST = 128  # names in an event

Names: TypeAlias = tuple[str, ...]
Place: TypeAlias = tuple[int, str, int, str, str]
"""Where a match stands in the order of matches."""


def place_of(item: Item) -> Place:
    return (item[TIME], item[SOURCE], item[SEQUENCE], item[ID], item[RULE])


def evidence_of(item: Item) -> Evidence:
    what = item[WHAT]
    if not isinstance(what, Match):
        return what.evidence
    return _made(what) if what.correlated is None else _evidence(what)


class _Latest:
    """Several correlations look at one match, one after another."""

    match: Match | None = None
    evidence: Evidence | None = None


def _made(what: Match) -> Evidence:
    if _Latest.match is not what or _Latest.evidence is None:
        _Latest.match, _Latest.evidence = what, _evidence(what)
    return _Latest.evidence


def participants(fields: Fields) -> tuple[Names, Names, Names, Names]:
    """The addresses, users, hosts and assets that an event names."""
    layout = tuple(fields)
    found = _LAYOUTS.get(layout)
    if found is None:
        found = tuple(tuple(name for name in names if name in fields) for names in _NAMES)
        if len(_LAYOUTS) >= _MOST_LAYOUTS:
            _LAYOUTS.clear()
        if len(layout) <= _WIDEST:
            _LAYOUTS[layout] = found
    ip, user, hosts, assets = found
    return (
        _named(fields, ip) if ip else (),
        _named(fields, user) if user else (),
        _named(fields, hosts) if hosts else (),
        _named(fields, assets) if assets else (),
    )


def _evidence(what: Match) -> Evidence:
    event = what.event
    ip, user, hosts, assets = participants(event.fields)
    line = summary(event)
    inner = what.correlated
    if inner is not None:
        # A step that is itself a correlation: its title says more than its last record, and everybody in it took part.
        keys = ", ".join(f"{name} {value}" for name, value in inner.group.items())
        line = f"{what.rule.title} ({keys}; {inner.events_total} events)" if keys else what.rule.title
        ip = _union(ip, (part.ip for part in inner.events))
        user = _union(user, (part.user for part in inner.events))
        hosts = _union(hosts, (part.hosts for part in inner.events))
        assets = _union(assets, (part.assets for part in inner.events))
    return Evidence(event.id, event.time, what.rule.label, line, ip, user, hosts, assets)


class EvidenceList:
    """In the order of matches: all up to a hundred, then the first and the last fifty, and how many there were."""

    __slots__ = ("first", "last", "total")

    def __init__(self) -> None:
        self.first: list[tuple[Place, Evidence]] = []
        self.last: list[tuple[Place, Evidence]] = []
        self.total = 0

    def add(self, item: Item) -> None:
        self.total += 1
        entry = (place_of(item), evidence_of(item))
        if len(self.first) < _KEPT:
            insort(self.first, entry, key=_place)
            return
        if entry[0] < self.first[-1][0]:
            insort(self.first, entry, key=_place)
            entry = self.first.pop()
        if len(self.last) == _KEPT:
            if entry[0] < self.last[0][0]:
                return
            del self.last[0]
        insort(self.last, entry, key=_place)

    def holds(self, event: str, rule: str | None) -> bool:
        """Whether an event is among those kept, as a match of ``rule`` (None: of any)."""
        for place, _ in chain(self.first, self.last):
            if place[ID] == event and (rule is None or place[RULE] == rule):
                return True
        return False

    def events(self) -> list[Evidence]:
        return [evidence for _, evidence in self.first] + [evidence for _, evidence in self.last]


def _place(entry: tuple[Place, Evidence]) -> Place:
    return entry[0]


def _named(fields: Fields, names: Names) -> Names:
    if len(names) == 1:
        alone = fields[names[0]]
        if type(alone) is str:
            return (alone,) if alone else ()
    found: dict[str, None] = {}
    for name in names:
        value = fields.get(name)
        if value is None:
            continue
        for part in value[:_NAMED] if isinstance(value, list) else (value,):
            if isinstance(part, str) and part:
                found[part] = None
    return tuple(found)[:_NAMED]


def _union(own: tuple[str, ...], parts: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    found = dict.fromkeys(own)
    for part in parts:
        found.update(dict.fromkeys(part))
    return tuple(found)[:_NAMED]
