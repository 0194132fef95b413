"""One correlation rule at work: its groups, what they remember and for how long."""

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from engine.correlate.capture import Changes
from engine.correlate.group import NEVER, Counts, Group
from engine.correlate.items import ID, RULE, TIME, WHAT, Item, Key, origin
from engine.correlate.keys import Spelling, groups
from engine.correlate.life import Life, open_alert
from engine.correlate.limits import Limits
from engine.correlate.revisions import latest
from engine.correlate.state import Heads, item_from, item_state, life_from, life_state
from engine.correlate.suppression import Suppression
from engine.model import Match
from engine.ruleset.correlation import CorrelationRule

_SCANNED = 16
_MOST_KEPT = 15  # closed alerts of one group, beside the newest, that a late match may be added to


Owns = Callable[[CorrelationRule, Key], bool]


@dataclass(frozen=True, slots=True)
class Setting:
    """What all correlations share.

    ``schedule(when, index, key)`` asks for ``due(key, when)`` once the watermark has passed ``when``; ``emit`` takes
    what an alert says, whether that goes on to the correlations above, and whether it is told. ``owns``: which groups
    are ours, where several correlators share the work.
    """

    limits: Limits
    lateness_ns: int
    schedule: Callable[[int, int, Key], None]
    emit: Callable[[Match, bool, bool], None]
    owns: Owns | None = None


class Correlation(ABC):
    """``delay``: how long behind the watermark this correlation runs, because one below it waits for its skew."""

    counted_once: str = "event"
    slack: int = 0
    """How long after its time a match is decided."""
    whole: bool = False
    """Whether a decision may need the event of a match that came before."""

    def __init__(
        self,
        rule: CorrelationRule,
        index: int,
        setting: Setting,
    ) -> None:
        self.rule = rule
        self.index = index
        self.timespan = rule.timespan_ns
        self.delay = 0
        self.end: int | None = None
        self.inner: frozenset[str] = frozenset()
        """Which of the rules are correlations: every revision of their alerts comes, under one event id."""
        self.groups: OrderedDict[Key, Group] = OrderedDict()
        self.changes: Changes | None = None
        """Where somebody captures the state piece by piece."""
        self.open_alerts = 0
        self.counts = Counts()
        self._lateness = setting.lateness_ns
        self._max_groups = setting.limits.groups_per_rule
        self._max_matches = setting.limits.matches_per_group
        self._schedule = setting.schedule
        self._emit = setting.emit
        self._owns = setting.owns
        self._names: Mapping[str, tuple[str, ...]] = {
            base: self.resolved(base, rule.group_by) for base in rule.references
        }
        self._suppression = Suppression(rule, self._max_groups) if rule.suppress_ns else None

    def resolved(self, base: str, names: Sequence[str]) -> tuple[str, ...]:
        """The fields that names or aliases stand for in events of the rule ``base``."""
        aliases = self.rule.aliases
        return tuple(aliases[name].get(base, name) if name in aliases else name for name in names)

    @abstractmethod
    def take(self, item: Item) -> None:
        """One match, in order."""

    def settle(self) -> None:  # noqa: B027 (most correlations decide at the match)
        """All matches of one time have been taken."""

    def alone(self, item: Item) -> None:
        """One match, the only one of its time."""
        self.take(item)
        self.settle()

    def taker(self) -> Callable[[Item], None]:
        """``alone``, or what does the same in less time."""
        return self.take if type(self).settle is Correlation.settle else self.alone

    @abstractmethod
    def decide(self, group: Group, now: int) -> None:
        """Decide what ``now`` decides: every match up to and including ``now`` has been taken."""

    @abstractmethod
    def trim(self, group: Group, now: int) -> int:
        """Forget what no later match can need; when there is more to forget or decide (``NEVER``: nothing is left)."""

    def evidential(self, match: Match) -> bool:
        """Whether a late match could be evidence."""
        return True

    def keys(self, item: Item) -> Sequence[tuple[Key, Spelling]]:
        match = item[WHAT]
        assert isinstance(match, Match)
        found = groups(match.event.fields, self._names[item[RULE]]) if self.rule.group_by else _ONE_GROUP
        if not found:
            self.counts.missing_key += 1
        elif self._owns is not None:
            return [each for each in found if self._owns(self.rule, each[0])]
        return found

    def spelling(self, item: Item, key: Key) -> Spelling:
        match = item[WHAT]
        if not isinstance(match, Match):
            return match.spelling
        if not key:
            return ()
        return dict(groups(match.event.fields, self._names[item[RULE]]))[key]

    def group(self, key: Key) -> Group:
        if self.changes is not None:
            self.changes.touch(key)
        group = self.groups.get(key)
        if group is None:
            group = self.groups[key] = Group(key, self.fresh_state())
            if len(self.groups) > self._max_groups:
                self._evict()
        else:
            self.groups.move_to_end(key)
        return group

    def there(self, key: Key) -> Group | None:
        """The group, if there is one; it may be changed."""
        group = self.groups.get(key)
        if group is not None and self.changes is not None:
            self.changes.touch(key)
        return group

    def fresh_state(self) -> Any:
        return None

    def size(self) -> int:
        """How many groups there are."""
        return len(self.groups)

    def known(self, group: Group, item: Item) -> bool:
        """Whether the event is in the window already; else it is from now on. Revisions are told apart elsewhere."""
        if item[RULE] in self.inner:
            return False
        mark: Any = item[ID] if self.counted_once == "event" else (item[ID], item[RULE])
        if group.ids is None:
            items = group.items
            if len(items) - group.head < _SCANNED:
                for other in items[group.head :] if group.head else items:
                    if other[ID] == item[ID] and (self.counted_once == "event" or other[RULE] == item[RULE]):
                        self.counts.duplicates += 1
                        return True
                return False
            group.ids = {self.mark(other) for other in items[group.head :]}
        if mark in group.ids:
            self.counts.duplicates += 1
            return True
        group.ids.add(mark)
        return False

    def mark(self, item: Item) -> Any:
        return item[ID] if self.counted_once == "event" else (item[ID], item[RULE])

    def arm(self, group: Group, when: int) -> None:
        """Look at the group at ``when`` or before."""
        if when < group.due:
            group.due = when
            self._schedule(when + self.delay, self.index, group.key)

    def due(self, key: Key, when: int) -> None:
        group = self.there(key)
        now = when - self.delay
        if group is None or group.due != now:
            return
        group.due = NEVER
        self.decide(group, now)
        alert = group.alert
        if alert is not None and self._closes(group, alert) <= now:
            self._close(group, alert)
        kept = group.kept
        if kept is not None:
            kept = [life for life in kept if self._kept_until(life) > now]
            group.kept = kept or None
        following = self.trim(group, now)
        if group.alert is not None:
            following = min(following, self._closes(group, group.alert))
        if following == NEVER and kept:
            following = min(self._kept_until(life) for life in kept)
        if following == NEVER:
            del self.groups[key]
        else:
            self.arm(group, following)

    def open(self, group: Group, opened: int, last: Item, evidence: list[Item]) -> None:
        match = last[WHAT]
        assert isinstance(match, Match)
        if self.inner:
            evidence = latest(evidence)
        first = evidence[0]
        spelling = self.spelling(first, group.key)
        named = origin(first, first[RULE] in self.inner)
        if self.rule.refire != "once":
            # The first evidence may be that of the alert before.
            named = f"{origin(last, last[RULE] in self.inner)}@{last[RULE]}"
        group.alert = alert = open_alert(self.rule, group.key, spelling, opened, last, match, evidence, named)
        self.open_alerts += 1
        self.counts.opened += 1
        if self._suppression is not None and self._suppression.covers(group.key, opened):
            alert.suppressed = True
            self.counts.suppressed += 1
        self.arm(group, self._closes(group, alert))
        self._emit(alert.match(), True, not alert.suppressed)
        if self.rule.refire == "match":
            self._close(group, alert, "match")

    def revise(self, alert: Life, item: Item, evidence: Sequence[Item]) -> None:
        match = item[WHAT]
        assert isinstance(match, Match)
        if self.inner:
            held = alert.evidence.holds
            evidence = [
                part for part in latest(evidence) if part[RULE] not in self.inner or not held(part[ID], part[RULE])
            ]
        alert.revise(item, match, evidence)
        self.counts.revised += 1
        self._emit(alert.match(), True, not alert.suppressed)

    def late(self, item: Item, now: int) -> None:
        """A match that the watermark, at ``now``, has passed."""
        match = item[WHAT]
        assert isinstance(match, Match)
        self.counts.late += 1
        if item[RULE] not in self.rule.rules or not self.evidential(match):
            return
        for key, _ in self.keys(item):
            group = self.there(key)
            if group is None:
                continue
            mark = self.mark(item)
            if any(self.mark(other) == mark for other in group.items[group.head :]):
                self.counts.duplicates += 1
                continue
            lives = [life for life in group.kept or () if self._kept_until(life) >= now]
            if group.alert is not None:
                lives.append(group.alert)
            for alert in lives:
                if alert.awaits(item[TIME]):
                    if alert.add_late(item, match):
                        self.counts.revised += 1
                        self._emit(alert.match(), False, not alert.suppressed)
                    break

    def snapshot(self, heads: Heads) -> Any:
        return {**self.rest(), "groups": [[key, *self._state(group, heads)] for key, group in self.groups.items()]}

    def rest(self) -> dict[str, Any]:
        """The state without that of the groups."""
        suppression = None if self._suppression is None else self._suppression.state()
        return {"counts": asdict(self.counts), "suppression": suppression}

    def state_at(self, key: Key, heads: Heads) -> list[Any]:
        """A key and the state of its group; None: there is no such group."""
        group = self.groups.get(key)
        return [key, None if group is None else self._state(group, heads)]

    def quiet_states(self, *, full: bool) -> Mapping[Any, bytes | None]:
        """Groups that are bytes, by name: all of them, or those that changed. The caller's own."""
        return {}

    def _state(self, group: Group, heads: Heads) -> list[Any]:
        return [
            None if group.due == NEVER else group.due,
            group.lossy,
            life_state(group.alert),
            [life_state(life) for life in group.kept or ()],
            self.items_state(group, group.items[group.head :], heads),
            max(0, group.fresh - group.head),
            self.state_of(group, heads),
        ]

    def restore(self, state: Any, tables: Sequence[Heads]) -> None:
        """``tables``: the rule heads that groups refer to; a group says which, if there are several."""
        self.counts = Counts(**state["counts"])
        if self._suppression is not None and state.get("suppression") is not None:
            self._suppression.restore(state["suppression"])
        for key, due, lossy, alert, kept, items, fresh, own, *table in state["groups"]:
            heads = tables[table[0] if table else 0]
            group = self.groups[tuple(key)] = Group(tuple(key), self.fresh_state())
            group.lossy = lossy
            group.alert = life_from(alert, self.rule)
            lives = [life for each in kept if (life := life_from(each, self.rule)) is not None]
            group.kept = lives or None
            group.items = [item_from(item, heads) for item in items]
            group.fresh = fresh
            self.restore_state(group, own, heads)
            self.open_alerts += group.alert is not None
            if due is not None:
                self.arm(group, due)

    def take_over(self, other: "Correlation") -> None:
        """The state of a correlation of the same definition, which must not be used any more."""
        self.groups, self.counts = other.groups, other.counts
        self.open_alerts, self.end = other.open_alerts, other.end
        self.changes = other.changes
        if self.changes is not None:
            self.changes.follow(self)
        if self._suppression is not None and other._suppression is not None:
            self._suppression.take_over(other._suppression)
        if self.rule.head != other.rule.head:
            for group in self.groups.values():
                for life in (group.alert, *(group.kept or ())):
                    if life is not None:
                        life.rule = self.rule

    def items_state(self, group: Group, items: Sequence[Item], heads: Heads) -> list[Any]:
        return [item_state(item, self.spelling(item, group.key), heads, self.whole) for item in items]

    def state_of(self, group: Group, heads: Heads) -> Any:
        return None

    def restore_state(self, group: Group, state: Any, heads: Heads) -> None:  # noqa: B027 (most have none)
        """Put back what ``state_of`` gave; ``group.items`` are there."""

    def _close(self, group: Group, alert: Life, reason: str = "") -> None:
        if not reason:
            over = self.end is None or self.open_until(group, alert) < self.end
            reason = "timespan" if over else "end_of_input"
        alert.closed_by = "evicted" if group.lossy else reason
        group.alert = None
        group.lossy = False
        self.open_alerts -= 1
        self.counts.closed += 1
        group.kept = [*(group.kept or ())[-_MOST_KEPT:], alert]
        self._emit(alert.match(), False, not alert.suppressed)

    def open_until(self, group: Group, alert: Life) -> int:
        """A match of this time may still belong to the alert, and none that comes after."""
        return alert.last + self.timespan

    def _kept_until(self, life: Life) -> int:
        return life.last + 2 * self.timespan + self.slack + self._lateness

    def _closes(self, group: Group, alert: Life) -> int:
        return self.open_until(group, alert) + self.slack

    def _evict(self) -> None:
        key = next(iter(self.groups))
        if self.changes is not None:
            self.changes.touch(key)
        group = self.groups.pop(key)
        self.counts.evicted_groups += 1
        if group.alert is not None:
            self._close(group, group.alert, "evicted")


_ONE_GROUP: tuple[tuple[Key, Spelling], ...] = (((), ()),)
