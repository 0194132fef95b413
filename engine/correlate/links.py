"""Entity links: which user, address and host belonged together at the time of a match."""

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any, Final

import msgspec

from engine.correlate.items import RULE, WHAT, Item
from engine.correlate.keys import Spelling, groups_of
from engine.correlate.ties import ANY, Moment, Ties, latest_of, moment_of
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
        self._kept = 3 * rule.timespan_ns + 2 * rule.skew_ns + lateness_ns
        self._most = most
        self._ties = Ties(rule.links, most, self._kept)
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

    @property
    def cut_short(self) -> int:
        """How many searches did not look at all that a value was tied to."""
        return self._ties.cut_short

    def seen(self, items: Sequence[Item]) -> list[Item]:
        """Matches of one time, in order: learn from all of them, then give those that the correlation takes, with who
        was behind them. A tie holds at both its ends where the order of equal times is open."""
        for item in items:
            self._learn(item)
        return [self._identified(item) for item in items if item[RULE] in self._taken]

    def lost_until(self) -> int | None:
        """A tie was given up; until when it would have held. Asked once, it is forgotten."""
        return self._ties.lost_until()

    def free(self, now: int) -> int:
        """Give up what is over; when there is more."""
        return self._ties.free(now)

    def due(self) -> int:
        return self._ties.due()

    def _learn(self, item: Item) -> None:
        match = item[WHAT]
        assert isinstance(match, Match)
        for number in self._sets.get(item[RULE], ()):
            ours, theirs = self._named(match, self._rule.links[number])
            for (one, spelled), (other, written) in product(ours, theirs):
                self._ties.set(number, moment_of(item), one, other, (spelled, written))
        for number in self._ends.get(item[RULE], ()):
            ours, theirs = self._named(match, self._rule.links[number])
            if ours or theirs:
                named = ([one for one, _ in ours] or [ANY], [other for other, _ in theirs] or [ANY])
                for one, other in product(*named):
                    self._ties.end(number, moment_of(item), one, other)

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
                spellings = self._of(kind, event, moment_of(item))
                if spellings:
                    found[name] = spellings[0] if len(spellings) == 1 else list(spellings)
        if not found:
            return item
        event = msgspec.structs.replace(event, fields={**event.fields, **found})
        return (*item[:WHAT], msgspec.structs.replace(match, event=event))

    def _of(self, kind: Entity, event: Event, at: Moment) -> Spelling:
        own = _values(event, _OWN[kind])
        if own:
            return tuple(spelling for _, spelling in own)
        for other in _OWN:
            if other != kind and (values := _values(event, _OWN[other])):
                return self._through(other, [value for value, _ in values], kind, at)
        return ()

    def _through(self, start: Entity, values: Iterable[str], goal: Entity, at: Moment) -> Spelling:
        """By a tie from one to the other; else by two, over the third kind."""
        found = self._tied(start, values, goal, at)
        if not found:
            (between,) = {kind for kind in _OWN if kind not in (start, goal)}
            found = self._tied(between, self._tied(start, values, between, at), goal, at)
        return tuple(found[value][1] for value in sorted(found))

    def _tied(self, start: Entity, values: Iterable[str], goal: Entity, at: Moment) -> dict[str, tuple[int, str]]:
        found: dict[str, tuple[int, str]] = {}
        for value in values:
            for partner, entry in self._ties.partners(start, value, goal, at).items():
                found[partner] = max(found.get(partner, entry), entry)
        return latest_of(found)

    def facts(self, *, full: bool) -> list[Any]:
        """All facts, or at least those since this was asked last: the part of the state that grows."""
        return self._ties.captured(full=full)

    def state(self) -> Any:
        """Without the facts."""
        return self._ties.state()

    def restore(self, state: Any) -> None:
        self._ties.restore(state)

    def take_over(self, other: "Links") -> None:
        self._ties = other._ties
        self._ties.bounded(self._most, self._kept)


def _values(event: Event, name: str) -> list[tuple[str, str]]:
    return [(key[0], spelling[0]) for key, spelling in groups_of(event, (name,))]
