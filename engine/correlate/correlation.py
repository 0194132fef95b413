"""One correlation rule at work: its groups, what they remember and for how long."""

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.correlate.capture import Changes
from engine.correlate.group import NEVER, Counts, Group
from engine.correlate.group_state import group_state, rest_of, restored, taken_over, whole_state
from engine.correlate.items import ID, RULE, TIME, WHAT, Item, Key, named_after
from engine.correlate.keys import Spelling, groups, groups_of, otherwise_named
from engine.correlate.late import add_late
from engine.correlate.life import Life, open_alert
from engine.correlate.links import Links
from engine.correlate.losses import Losses, inherit
from engine.correlate.revisions import latest
from engine.correlate.setting import Owns as Owns
from engine.correlate.setting import Setting as Setting
from engine.correlate.state import Heads, item_state
from engine.correlate.suppression import Suppression
from engine.model import Match
from engine.ruleset.correlation import CorrelationRule

_SCANNED = 16
_MOST_KEPT = 15  # closed alerts of one group, beside the newest, that a late match may be added to


class Correlation(ABC):
    """``delay``: how long behind the watermark this correlation runs, because one below it waits for its skew."""

    counted_once: str = "event"
    slack: int = 0
    """How long after its time a match is decided."""
    whole: bool = False
    """Whether a decision may need the event of a match that came before."""
    endless: bool = False
    """Whether what was lost once may be felt as long as matches go on to come."""

    def __init__(self, rule: CorrelationRule, index: int, setting: Setting) -> None:
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
        self.most_groups = setting.limits.groups_per_rule
        self.census = setting.census
        self._max_matches = setting.limits.matches_per_group
        self._schedule = setting.schedule
        self.emit = setting.emit
        self.owns = setting.owns
        self._names = {base: self.resolved(base, rule.group_by) for base in rule.references}
        self.suppression = Suppression(rule, self.most_groups) if rule.suppress_ns else None
        self.losses = Losses(rule, self.suppression)
        self.links = Links(rule, setting.limits.links_per_rule, setting.lateness_ns) if rule.links else None
        self._rest_key: Key = ("",) * (len(rule.group_by) + 2)  # no group has so many parts
        self.rest_due = NEVER

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
        if self.links is not None:
            return lambda item: self.together([item])
        return self.take if type(self).settle is Correlation.settle else self.alone

    def together(self, items: list[Item]) -> None:
        """All matches of one time, in order."""
        items = self._linked(items)
        if self.inner:
            for item in items:
                inherit(self, item)
        for item in items:
            self.take(item)
        self.settle()

    def _linked(self, items: list[Item]) -> list[Item]:
        if (links := self.links) is None:
            return items
        items = links.seen(items)
        if (until := links.lost_until()) is not None:
            self.counts.evicted_links = links.evicted
            self.losses.thinned(until)
        self.counts.links_cut_short = links.cut_short
        self.arm_rest(links.due())
        return items

    def arm_rest(self, when: int) -> None:
        """Free what is over beside the groups at ``when`` or before."""
        if when < self.rest_due:
            self.rest_due = when
            self._schedule(when + self.delay, self.index, self._rest_key)

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
        found = self.found(match)
        if not found:
            if self.links is None:
                self.counts.missing_key += 1
            else:
                self.counts.unidentified += 1
        elif self.owns is not None:
            return [each for each in found if self.owns(self.rule, each[0])]
        return found

    def found(self, match: Match) -> Sequence[tuple[Key, Spelling]]:
        names = self._names[match.rule.id]
        return (groups(match.event.fields, names) or otherwise_named(match.event, names)) if names else _ONE_GROUP

    def spelling(self, item: Item, key: Key) -> Spelling:
        match = item[WHAT]
        if not isinstance(match, Match):
            return match.spelling
        if not key:
            return ()
        return dict(groups_of(match.event, self._names[item[RULE]]))[key]

    def group(self, key: Key, now: int) -> Group:
        if self.changes is not None:
            self.changes.touch(key)
        group = self.groups.get(key)
        if group is None:
            group = self.groups[key] = Group(key, self.fresh_state(), now)
            if self.losses.any:
                self.losses.born(group)
            self.added()
            return group
        self.groups.move_to_end(key)
        if self.endless and group.lost >= now:
            group.lost = self.losses.lost(key, now)
        group.touched = now
        return group

    def added(self) -> None:
        """There is one group more."""
        census = self.census
        census.count += 1
        if self.size() > self.most_groups:
            self.evict()
        if census.count > census.most:
            census.relieve(self)

    def overflow(self, group: Group) -> None:
        """A match of the group was given up."""
        self.counts.evicted_matches += 1
        group.lossy = True
        group.lost = self.losses.lost(group.key, group.touched)
        if group.alert is not None:
            group.alert.evicted = "yes"

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

    def awaits(self, key: Key, when: int) -> bool:
        """Whether ``due`` would do anything; of what was evicted a timer is left."""
        now = when - self.delay
        group = self.groups.get(key)
        return group.due == now if group is not None else key == self._rest_key and now == self.rest_due

    def due(self, key: Key, when: int) -> None:
        group = self.there(key)
        now = when - self.delay
        if group is None or group.due != now:
            if key == self._rest_key and now == self.rest_due:
                self.rest_due = NEVER
                for each in (self.links, self.suppression):
                    self.arm_rest(NEVER if each is None else each.free(now))
            return
        group.due = NEVER
        self.decide(group, now)
        alert = group.alert
        if alert is not None and self._closes(group, alert) <= now:
            self._close(group, alert)
        kept = group.kept
        if kept is not None:
            kept = [life for life in kept if self.kept_until(life) > now]
            group.kept = kept or None
        following = self.trim(group, now)
        if group.alert is not None:
            following = min(following, self._closes(group, group.alert))
        if following == NEVER and kept:
            following = min(self.kept_until(life) for life in kept)
        if following == NEVER:
            del self.groups[key]
            self.census.count -= 1
            if group.lost > now and self.endless:
                self.losses.again(key, group.lost, now)
        else:
            self.arm(group, following)

    def open(self, group: Group, opened: int, last: Item, evidence: list[Item]) -> None:
        match = last[WHAT]
        assert isinstance(match, Match)
        if self.inner:
            evidence = latest(evidence)
        first = evidence[0]
        spelling = self.spelling(first, group.key)
        named = named_after(first, last, self.inner, self.rule.refire)
        group.alert = alert = open_alert(self.rule, group.key, spelling, opened, last, match, evidence, named)
        self.open_alerts += 1
        self.counts.opened += 1
        alert.evicted = self.losses.doubt(group, opened)
        if self.suppression is not None:
            if self.suppression.covers(group.key, opened):
                alert.suppressed = True
                self.counts.suppressed += 1
            self.counts.evicted_suppressions = self.suppression.evicted
            self.arm_rest(self.suppression.due())
        self.counts.doubted += alert.evicted is not None
        self.arm(group, self._closes(group, alert))
        self.emit(alert.match(), True, not alert.suppressed)
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
        self.losses.missing(alert)
        self.counts.revised += 1
        self.emit(alert.match(), True, not alert.suppressed)

    def ends(self, group: Group, end: Item, chain: Sequence[Item]) -> None:
        """``chain``, in order, ends with the match ``end``."""
        if (alert := group.alert) is None:
            self.open(group, end[TIME], end, list(chain))
        else:
            self.revise(alert, end, [item for item in chain if not alert.evidence.holds(item[ID], item[RULE])])

    def late(self, item: Item, now: int) -> None:
        """A match that the watermark, at ``now``, has passed."""
        self.counts.late += 1
        add_late(self, self._linked([item]), now)

    def snapshot(self, heads: Heads) -> Any:
        return whole_state(self, heads)

    def rest(self) -> dict[str, Any]:
        """The state without that of the groups."""
        return rest_of(self)

    def state_at(self, key: Key, heads: Heads) -> list[Any]:
        """A key and the state of its group; None: there is no such group."""
        group = self.groups.get(key)
        return [key, None if group is None else group_state(self, group, heads)]

    def quiet_states(self, *, full: bool) -> Mapping[Any, bytes | None]:
        """Groups that are bytes, by name: all of them, or those that changed. The caller's own."""
        return {}

    def restore(self, state: Any, tables: Sequence[Heads]) -> tuple[int, int]:
        """``tables``: the rule heads that groups refer to. How many groups and open alerts were not ours any more."""
        return restored(self, state, tables)

    def take_over(self, other: "Correlation") -> None:
        """The state of a correlation of the same definition, which must not be used any more."""
        taken_over(self, other)

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
        if alert.closed_by == "evicted":
            alert.evicted = "yes"
        self.losses.missing(alert)
        group.alert = None
        group.lossy = False
        self.open_alerts -= 1
        self.counts.closed += 1
        group.kept = [*(group.kept or ())[-_MOST_KEPT:], alert]
        closed = alert.match()
        assert closed.correlated is not None
        closed.correlated.closing = True
        self.emit(closed, False, not alert.suppressed)

    def open_until(self, group: Group, alert: Life) -> int:
        """A match of this time may still belong to the alert, and none that comes after."""
        return alert.last + self.timespan

    def kept_until(self, life: Life) -> int:
        """A closed alert takes what comes late until the watermark has passed this."""
        return life.last + 2 * self.timespan + self.slack + self._lateness

    def _closes(self, group: Group, alert: Life) -> int:
        return self.open_until(group, alert) + self.slack

    def oldest(self) -> int:
        """When the group was touched that was not for longest; there is one."""
        return next(iter(self.groups.values())).touched

    def evict(self) -> None:
        """Give up the group that was not touched for longest; there is one."""
        key = next(iter(self.groups))
        if self.changes is not None:
            self.changes.touch(key)
        group = self.groups.pop(key)
        self.census.count -= 1
        self.counts.evicted_groups += 1
        self.losses.lost(key, group.touched)
        if group.alert is not None:
            self._close(group, group.alert, "evicted")


_ONE_GROUP: tuple[tuple[Key, Spelling], ...] = (((), ()),)
