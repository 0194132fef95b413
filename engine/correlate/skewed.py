"""``temporal_ordered`` with ``tieline.skew``: the order across sources is open within the skew."""

from typing import Any

from engine.correlate.chains import Chain, Search, in_order, tightest
from engine.correlate.correlation import NEVER, Correlation, Group, Setting
from engine.correlate.expression import ways
from engine.correlate.items import ID, RULE, TIME, Item
from engine.correlate.state import Heads, item_from
from engine.ruleset.correlation import CorrelationRule


class Skewed(Correlation):
    """A match that can end a chain waits for the skew, since what goes before it may have a later time.

    A group's state is the list of those that wait.
    """

    counted_once = "match"
    whole = True

    def __init__(self, rule: CorrelationRule, index: int, setting: Setting) -> None:
        super().__init__(rule, index, setting)
        self.slack = rule.skew_ns
        self._ways = [tuple(step.rule for step in way) for way in ways(rule)]
        self._ending = frozenset(way[-1] for way in self._ways)

    def fresh_state(self) -> list[Item]:
        return []

    def take(self, item: Item) -> None:
        self.counts.matches += 1
        for key, _ in self.keys(item):
            group = self.group(key)
            if self.known(group, item):
                continue
            group.items.append(item)
            if len(group.items) > self._max_matches:
                if group.ids is not None:
                    group.ids.discard(self.mark(group.items[0]))
                del group.items[0]
                self.counts.evicted_matches += 1
                group.lossy = True
            if item[RULE] in self._ending:
                group.state.append(item)
                self.arm(group, item[TIME] + self.slack)
            self.arm(group, item[TIME] + self.timespan + self.slack)

    def decide(self, group: Group, now: int) -> None:
        waiting: list[Item] = group.state
        while waiting and waiting[0][TIME] + self.slack <= now:
            end = waiting.pop(0)
            chain = self._chain(group, end)
            if chain is None:
                continue
            alert = group.alert
            evidence = in_order(chain)
            if alert is None:
                self.open(group, end[TIME], end, evidence)
            else:
                self.revise(alert, end, [item for item in evidence if not alert.evidence.holds(item[ID], item[RULE])])

    def _chain(self, group: Group, end: Item) -> Chain | None:
        first, last = end[TIME] - self.timespan, end[TIME] + self.slack
        by_rule: dict[str, list[Item]] = {}
        for item in group.items:
            if first <= item[TIME] <= last:
                by_rule.setdefault(item[RULE], []).append(item)
        best: Chain | None = None
        for way in self._ways:
            if way[-1] == end[RULE]:
                search = Search([by_rule.get(rule, ()) for rule in way], self.slack)
                best = tightest(best, search.ending_at(end, len(way) - 1))
                self.counts.tied += search.exhausted
        return best

    def trim(self, group: Group, now: int) -> int:
        # The next chain ends after now - slack.
        kept = [item for item in group.items if item[TIME] + self.timespan + self.slack > now]
        if len(kept) < len(group.items):
            group.items = kept
            group.ids = None
        if not kept:
            group.lossy = group.lossy and group.alert is not None
            return NEVER
        following = kept[-1][TIME] + self.timespan + self.slack
        if group.state:
            following = min(following, group.state[0][TIME] + self.slack)
        return following

    def state_of(self, group: Group, heads: Heads) -> Any:
        return self.items_state(group, group.state, heads)

    def restore_state(self, group: Group, state: Any, heads: Heads) -> None:
        group.state = [item_from(item, heads) for item in state]
