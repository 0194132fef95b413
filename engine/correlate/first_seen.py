"""``first_seen``: a value that a group has not had before, once the group is learnt."""

from collections import OrderedDict
from typing import Any

from engine.correlate.correlation import Correlation, Setting
from engine.correlate.group import NEVER, Group
from engine.correlate.items import RULE, TIME, WHAT, Item
from engine.correlate.measures import contribution_of
from engine.correlate.state import Heads
from engine.ruleset.correlation import CorrelationRule


class Seen:
    """``values``: when each was seen last, the one unseen for longest first; ``since``: when the learning began."""

    __slots__ = ("evicted", "last", "since", "values")

    def __init__(self) -> None:
        self.since: int | None = None
        self.last = 0
        self.values: OrderedDict[Any, int] = OrderedDict()
        self.evicted = False


class FirstSeen(Correlation):
    """A value is forgotten when it has not been seen for the timespan, and a group with its last value."""

    def __init__(self, rule: CorrelationRule, index: int, setting: Setting) -> None:
        super().__init__(rule, index, setting)
        contribution = contribution_of(rule, self.resolved)
        assert contribution is not None
        assert rule.learn_ns is not None
        self._contribution = contribution
        self._learn = rule.learn_ns

    def fresh_state(self) -> Seen:
        return Seen()

    def evidential(self, match: Any) -> bool:
        return False  # whether a value was new cannot be said any more

    def take(self, item: Item) -> None:
        self.counts.matches += 1
        values = self._contribution(item[RULE], item[WHAT])
        if values is None:
            self.counts.without_value += 1
            return
        time = item[TIME]
        for key, _ in self.keys(item):
            group = self.group(key, time)
            seen: Seen = group.state
            if seen.since is None:
                seen.since = time
            seen.last = time
            fresh = False
            for value in values:
                before = seen.values.pop(value, None)
                fresh = fresh or before is None or before + self.timespan < time
                seen.values[value] = time
            while len(seen.values) > self._max_matches:
                seen.values.popitem(last=False)
                self.overflow(group)
                seen.evicted = True
            self.arm(group, time + self.timespan)
            if fresh and time - seen.since >= self._learn:
                group.lossy = seen.evicted
                if group.alert is None:
                    self.open(group, time, item, [item])
                else:
                    self.revise(group.alert, item, [item])

    def decide(self, group: Group, now: int) -> None:
        pass

    def trim(self, group: Group, now: int) -> int:
        seen: Seen = group.state
        while seen.values and (oldest := next(iter(seen.values.items())))[1] + self.timespan <= now:
            del seen.values[oldest[0]]
        if not seen.values:
            seen.since = None
            seen.evicted = False
            return NEVER
        return next(iter(seen.values.values())) + self.timespan

    def state_of(self, group: Group, heads: Heads) -> Any:
        seen: Seen = group.state
        return [seen.since, seen.last, list(seen.values.items()), seen.evicted]

    def restore_state(self, group: Group, state: Any, heads: Heads) -> None:
        seen: Seen = group.state
        seen.since, seen.last, values, seen.evicted = state
        seen.values = OrderedDict((tuple(value), time) for value, time in values)
