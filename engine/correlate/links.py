"""Entity links: which user, address and host belonged together at the time of a match."""

from collections.abc import Sequence
from itertools import product
from typing import Any, Final

import msgspec

from engine.correlate.items import RULE, TIME, WHAT, Item
from engine.correlate.keys import FAN_OUT, Spelling, groups_of
from engine.correlate.ties import ANY, Ties
from engine.model import Event, Match
from engine.ruleset.correlation import IDENTITY, CorrelationRule, Entity, Link

_OWN: Final[dict[Entity, str]] = {"ip": "source.ip", "host": "host.name", "user": "user.name"}
"""Where an event says itself who acted, in the order in which it is asked for another: who has an address acted from
there, and the host that logged is asked only where there is none."""


class Links:
    """The ties that matches of some rules set and end; what they tell of other matches is added to those as fields.

    Ties are facts with a time, so that what holds at a time does not depend on the order in which they came.
    ``evicted``: how many went because there were more than ``most``.
    """

    def __init__(self, rule: CorrelationRule, most: int, lateness_ns: int) -> None:
        self._rule = rule
        self._taken = frozenset((*rule.rules, *rule.until))
        # As long as an alert of then may be added to by what comes late.
        kept_ns = 3 * rule.timespan_ns + 2 * rule.skew_ns + lateness_ns
        self._ties = Ties(rule.links, most, kept_ns)
        self._sets: dict[str, list[int]] = {}
        self._ends: dict[str, list[int]] = {}
        for number, link in enumerate(rule.links):
            self._sets.setdefault(link.rule, []).append(number)
            for ending in link.until:
                self._ends.setdefault(ending, []).append(number)
        self._wanted: list[tuple[Entity, str]] = [
            (kind, IDENTITY + kind) for kind in _OWN if IDENTITY + kind in rule.names
        ]

    @property
    def evicted(self) -> int:
        return self._ties.evicted

    def seen(self, items: Sequence[Item]) -> list[Item]:
        """Matches of one time, in order: learn from all of them, then give those that the correlation takes, with who
        was behind them. A tie holds at both its ends, since the order of equal times may be open."""
        for item in items:
            self._learn(item)
        return [self._identified(item) for item in items if item[RULE] in self._taken]

    def lost_until(self) -> int | None:
        """A tie was given up; until when it would have held. Asked once, it is forgotten."""
        return self._ties.lost_until()

    def _learn(self, item: Item) -> None:
        match = item[WHAT]
        assert isinstance(match, Match)
        for number in self._sets.get(item[RULE], ()):
            ours, theirs = self._named(match, self._rule.links[number])
            for (one, spelled), (other, written) in product(ours, theirs):
                self._ties.set(number, item[TIME], one, other, (spelled, written))
        for number in self._ends.get(item[RULE], ()):
            ours, theirs = self._named(match, self._rule.links[number])
            if ours or theirs:
                named = ([one for one, _ in ours] or [ANY], [other for other, _ in theirs] or [ANY])
                for one, other in product(*named):
                    self._ties.end(number, item[TIME], one, other)

    def _named(self, match: Match, link: Link) -> list[list[tuple[str, str]]]:
        """The values of both ends in a match, each with its spelling."""
        aliases = self._rule.aliases
        fields = [aliases[name].get(match.rule.id, name) if name in aliases else name for _, name in link.ends]
        return [_values(match.event, field) for field in fields]

    def _identified(self, item: Item) -> Item:
        match = item[WHAT]
        assert isinstance(match, Match)
        event = match.event
        found: dict[str, Any] = {}
        for kind, name in self._wanted:
            if name not in event.fields:
                spellings = self._of(kind, event, item[TIME])
                if spellings:
                    found[name] = spellings[0] if len(spellings) == 1 else list(spellings)
        if not found:
            return item
        event = msgspec.structs.replace(event, fields={**event.fields, **found})
        return (*item[:WHAT], msgspec.structs.replace(match, event=event))

    def _of(self, kind: Entity, event: Event, time: int) -> Spelling:
        own = _values(event, _OWN[kind])
        if own:
            return tuple(spelling for _, spelling in own)
        for other in _OWN:
            if other != kind and (values := _values(event, _OWN[other])):
                return self._through(other, [value for value, _ in values], kind, time)
        return ()

    def _through(self, start: Entity, values: Sequence[str], goal: Entity, time: int) -> Spelling:
        """By a tie from one to the other; else by two, over the third kind."""
        found: dict[str, str] = {}
        for value in values:
            found.update(self._ties.partners(start, value, goal, time))
        if not found:
            (between,) = {kind for kind in _OWN if kind not in (start, goal)}
            for value in values:
                for middle in self._ties.partners(start, value, between, time):
                    found.update(self._ties.partners(between, middle, goal, time))
        return tuple(found[value] for value in sorted(found)[:FAN_OUT])

    def state(self) -> Any:
        return self._ties.state()

    def restore(self, state: Any) -> None:
        self._ties.restore(state)

    def take_over(self, other: "Links") -> None:
        self._ties = other._ties


def _values(event: Event, name: str) -> list[tuple[str, str]]:
    return [(key[0], spelling[0]) for key, spelling in groups_of(event, (name,))]
