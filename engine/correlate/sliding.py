"""Counts, values and ``temporal`` that more evidence can only make true: tested at every match."""

from collections.abc import Container
from typing import Any

from engine.correlate.bounds import Bounds
from engine.correlate.correlation import Correlation, Setting
from engine.correlate.evidence import evidence_of
from engine.correlate.expression import holds
from engine.correlate.group import NEVER, Group
from engine.correlate.items import RULE, TIME, WHAT, Item, Traced
from engine.correlate.measures import Measure, contribution_of, measure_of
from engine.correlate.revisions import supersede
from engine.correlate.state import Heads
from engine.model import Match
from engine.ruleset.correlation import CorrelationRule, Threshold


class Sliding(Correlation):
    """The window ends at the match: [t - timespan, t]."""

    def __init__(self, rule: CorrelationRule, index: int, setting: Setting) -> None:
        super().__init__(rule, index, setting)
        self._measure = measure_of(rule)
        self.counted_once = "match" if rule.type == "temporal" else "event"
        self._contribution = contribution_of(rule, self.resolved)
        self._condition = rule.condition
        self._bounds = Bounds(rule.condition) if isinstance(rule.condition, Threshold) else None
        self._valued = rule.type == "value_count"
        self._lean = rule.timespan_ns > _WHOLE_NS
        self._enough = 0 if self._bounds is None else self._bounds.least
        if self._bounds is not None and rule.type in ("event_count", "value_count"):
            self._max_matches = max(self._max_matches, self._bounds.least)

    def fresh_state(self) -> Measure | None:
        return None if self._measure is None else self._measure()

    def evidential(self, match: Match) -> bool:
        return self._contribution is None or self._contribution(match.rule.id, match) is not None

    def take(self, item: Item) -> None:
        self.counts.matches += 1
        contribution = None
        if self._contribution is not None:
            contribution = self._contribution(item[RULE], item[WHAT])
            if contribution is None:
                self.counts.without_value += 1
                return
        time = item[TIME]
        for key, spelling in self.keys(item):
            group = self.group(key, time)
            items = group.items
            if items:
                self._expire(group, time - self.timespan)
                if item[RULE] in self.inner:
                    at = supersede(items, group.head, item, group.state, contribution if self._valued else None)
                    group.fresh -= 0 <= at < group.fresh
                elif self.known(group, item):
                    continue
            items.append(item)
            if contribution is not None:
                group.state.enter(contribution)
            if len(items) - group.head > self._max_matches:
                self._drop(group)
                self.overflow(group)
            if group.due > time + self.timespan:
                self.arm(group, time + self.timespan)
            if self._true(group):
                alert = group.alert
                if alert is None:
                    self.open(group, time, item, items[group.head :])
                else:
                    self.revise(alert, item, items[max(group.fresh, group.head) :])
                group.fresh = len(items)
            if self._lean:
                items[-1] = (*item[:WHAT], Traced(evidence_of(item), spelling))

    def _true(self, group: Group) -> bool:
        if self._measure is None:
            return len(group.items) - group.head >= self._enough
        if self._bounds is None:
            assert not isinstance(self._condition, Threshold)
            return holds(self._condition, group.state.seen, _NOTHING)
        return self._bounds.hold(group.state.value())

    def decide(self, group: Group, now: int) -> None:
        pass

    def trim(self, group: Group, now: int) -> int:
        # A match exactly timespan old is in the window of a match now, and every match of now has been taken.
        self._expire(group, now - self.timespan + 1)
        items = group.items
        if len(items) == group.head:
            group.lossy = group.lossy and group.alert is not None
            return NEVER
        return items[-1][TIME] + self.timespan

    def state_of(self, group: Group, heads: Heads) -> Any:
        return None if group.state is None else group.state.state()

    def restore_state(self, group: Group, state: Any, heads: Heads) -> None:
        if group.state is not None:
            group.state.restore(state)

    def _expire(self, group: Group, before: int) -> None:
        items = group.items
        head = group.head
        if head == len(items) or items[head][TIME] >= before:
            return
        while group.head < len(items) and items[group.head][TIME] < before:
            self._drop(group)

    def _drop(self, group: Group) -> None:
        """Forget the oldest match."""
        items = group.items
        head = group.head
        if group.ids is not None:
            group.ids.discard(self.mark(items[head]))
        if group.state is not None:
            group.state.leave()
        group.head = head = head + 1
        if head == len(items) or (head >= 32 and 2 * head > len(items)):
            del items[:head]
            group.fresh = max(0, group.fresh - head)
            group.head = 0
            if not items:
                group.ids = None


_WHOLE_NS = 120 * 10**9
"""A longer window keeps what an alert says of its matches, a fifth of the size, and not their events."""

_NOTHING: Container[str] = frozenset()
