"""``temporal_ordered`` by search among the matches of the window: where there is skew, an abort, a join or a frame."""

from typing import Any

from engine.correlate.aborts import cut, surely
from engine.correlate.chains import Chain, Search, in_order, tightest
from engine.correlate.correlation import Correlation, Setting
from engine.correlate.expression import ways
from engine.correlate.frames import frames_of
from engine.correlate.group import NEVER, Group
from engine.correlate.items import RULE, TIME, Item
from engine.correlate.joins import Joins
from engine.correlate.life import Life
from engine.correlate.state import Heads, item_from
from engine.ruleset.correlation import CorrelationRule


class Waiting:
    """Matches that may end a chain, and aborts, until what goes before them is certain."""

    __slots__ = ("aborts", "ends")

    def __init__(self) -> None:
        self.ends: list[Item] = []
        self.aborts: list[Item] = []


class Skewed(Correlation):
    """A match that can end a chain waits for the skew, since what goes before it may have a later time."""

    counted_once = "match"
    whole = True

    def __init__(self, rule: CorrelationRule, index: int, setting: Setting) -> None:
        super().__init__(rule, index, setting)
        self.slack = rule.skew_ns
        self._frames = frames_of(rule)
        self.endless = self._frames.kind == "session"
        self._until = frozenset(rule.until)
        self._ways = [tuple(step.rule for step in way) for way in ways(rule)]
        self._ending = frozenset(way[-1] for way in self._ways)
        self._joined = Joins(rule, self.resolved).joined if rule.join else None

    def fresh_state(self) -> Waiting:
        return Waiting()

    def take(self, item: Item) -> None:
        self.counts.matches += 1
        if item[RULE] in self._until:
            for key, _ in self.keys(item):
                group = self.there(key)
                if group is not None:
                    group.state.aborts.append(item)
                    self.arm(group, item[TIME] + self.slack)
            return
        for key, _ in self.keys(item):
            group = self.group(key, item[TIME])
            if self.known(group, item):
                continue
            group.items.append(item)
            if len(group.items) > self._max_matches:
                self._forget(group, group.items[1:])
                self.overflow(group)
            if item[RULE] in self._ending:
                group.state.ends.append(item)
                self.arm(group, item[TIME] + self.slack)
            self.arm(group, self._frames.last(item[TIME], item[TIME]) + self.slack)

    def decide(self, group: Group, now: int) -> None:
        waiting: Waiting = group.state
        while waiting.ends and waiting.ends[0][TIME] + self.slack <= now:
            end = waiting.ends.pop(0)
            chain = self._chain(group, end)
            if chain is None:
                continue
            self.ends(group, end, in_order(chain))
        past = [abort for abort in waiting.aborts if abort[TIME] + self.slack <= now]
        if past:
            # Every end to come is later than these.
            waiting.aborts = waiting.aborts[len(past) :]
            self._forget(group, cut(group.items, past))
            if group.alert is not None and group.alert.last < past[-1][TIME]:
                self._close(group, group.alert, "until")

    def _forget(self, group: Group, kept: list[Item]) -> None:
        if len(kept) < len(group.items):
            group.items = kept
            group.ids = None

    def _chain(self, group: Group, end: Item) -> Chain | None:
        last = end[TIME] + self.slack
        items = [item for item in group.items if item[TIME] <= last]
        if self._frames.kind == "sliding":
            first = end[TIME] - self.timespan
            items = [item for item in items if item[TIME] >= first]
        aborts = [abort for abort in group.state.aborts if surely(abort, end)]
        if aborts:
            items = cut(items, aborts)
        by_rule: dict[str, list[Item]] = {}
        for item in items:
            by_rule.setdefault(item[RULE], []).append(item)
        best: Chain | None = None
        for way in self._ways:
            if way[-1] == end[RULE]:
                search = Search([by_rule.get(rule, ()) for rule in way], self.slack, joined=self._joined)
                best = tightest(best, search.ending_at(end, len(way) - 1))
                self.counts.tied += search.exhausted
        return best

    def open_until(self, group: Group, alert: Life) -> int:
        latest = group.items[-1][TIME] if group.items else alert.last
        return self._frames.last(alert.last, max(latest, alert.last))

    def trim(self, group: Group, now: int) -> int:
        # The next chain ends after now - slack.
        last = self._frames.last
        if self._frames.kind == "session":
            kept = group.items if group.items and last(0, group.items[-1][TIME]) > now else []
        else:
            kept = [item for item in group.items if last(item[TIME], item[TIME]) + self.slack > now]
        self._forget(group, kept)
        if not kept:
            group.lossy = group.lossy and group.alert is not None
            return NEVER
        following = last(kept[-1][TIME], kept[-1][TIME]) + self.slack
        for waiting in (group.state.ends, group.state.aborts):
            if waiting:
                following = min(following, waiting[0][TIME] + self.slack)
        return following

    def state_of(self, group: Group, heads: Heads) -> Any:
        waiting: Waiting = group.state
        return [self.items_state(group, waiting.ends, heads), self.items_state(group, waiting.aborts, heads)]

    def restore_state(self, group: Group, state: Any, heads: Heads) -> None:
        ends, aborts = state
        group.state.ends = [item_from(item, heads) for item in ends]
        group.state.aborts = [item_from(item, heads) for item in aborts]
