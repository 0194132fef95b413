"""What grows, where more than the usual window is needed: tumbling, session, ``until``, re-firing on growth."""

from collections.abc import Sequence

from engine.correlate.aborts import cut, surely
from engine.correlate.correlation import Setting
from engine.correlate.evidence import evidence_of
from engine.correlate.expression import holds
from engine.correlate.frames import frames_of
from engine.correlate.group import NEVER, Group
from engine.correlate.items import ID, RULE, TIME, WHAT, Item, Key, Traced
from engine.correlate.keys import Number, exact
from engine.correlate.life import Life
from engine.correlate.measures import Measure
from engine.correlate.revisions import supersede
from engine.correlate.sliding import Sliding
from engine.ruleset.correlation import CorrelationRule, Threshold


class Windowed(Sliding):
    """``Sliding``, but the window is that of the rule, and an abort empties it and closes the alert.

    Aborts of one time are applied once all its matches have been taken, since their order may be open.
    """

    def __init__(self, rule: CorrelationRule, index: int, setting: Setting) -> None:
        super().__init__(rule, index, setting)
        self._frames = frames_of(rule)
        self.endless = self._frames.kind == "session"
        self._until = frozenset(rule.until)
        self._aborts: dict[Key, list[Item]] = {}
        self._growth = exact(rule.growth) if rule.refire == "growth" else None

    def alone(self, item: Item) -> None:
        self.take(item)
        self.settle()

    def take(self, item: Item) -> None:
        self.counts.matches += 1
        if item[RULE] in self._until:
            for key, _ in self.keys(item):
                if key in self.groups:
                    self._aborts.setdefault(key, []).append(item)
            return
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
                if self._frames.kind == "sliding":
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
            self.arm(group, self._frames.last(time, time))
            aborts = [abort for abort in self._aborts.get(key, ()) if surely(abort, item)]
            self._test(group, item, aborts)
            if self._lean:
                items[-1] = (*item[:WHAT], Traced(evidence_of(item), spelling))

    def _test(self, group: Group, item: Item, aborts: Sequence[Item]) -> None:
        items, head = group.items, group.head
        measure: Measure | None = group.state
        window: list[Item] | None = None
        if aborts:
            window = cut(items[head:], aborts)
            if measure is not None:
                alive = set(map(id, window))
                measure = measure.part([id(one) in alive for one in items[head:]])
        value = measure.value() if measure is not None else len(items) - head if window is None else len(window)
        if self._bounds is not None:
            if not self._bounds.hold(value):
                return
        elif measure is None or isinstance(self._condition, Threshold) or not holds(self._condition, measure.seen, ()):
            return
        alert = group.alert
        if alert is not None and self._growth is not None and self._grown(alert.peak, value):
            self._close(group, alert, "growth")
            alert = None
        if alert is None:
            self.open(group, item[TIME], item, items[head:] if window is None else window)
            if group.alert is not None:
                group.alert.peak = value
        else:
            fresh = items[max(group.fresh, head) :]
            if group.key in self._aborts:
                # What was cut off from one match of this time may not be from the next.
                held = alert.evidence.holds
                fresh = [one for one in window or items[head:] if not held(one[ID], one[RULE])]
            self.revise(alert, item, fresh)
        group.fresh = len(group.items)

    def _grown(self, peak: Number, value: Number) -> bool:
        assert self._growth is not None
        return value > peak if self._growth == 1 else value >= peak * self._growth

    def settle(self) -> None:
        for key, aborts in self._aborts.items():
            group = self.there(key)
            if group is None:
                continue
            now = aborts[0][TIME]
            items = group.items
            while group.head < len(items) and items[group.head][TIME] < now:
                self._drop(group)
            for at in range(len(items) - 1, group.head - 1, -1):
                if any(surely(items[at], abort) for abort in aborts):
                    if group.ids is not None:
                        group.ids.discard(self.mark(items[at]))
                    if group.state is not None:
                        group.state.forget(at - group.head)
                    del items[at]
                    group.fresh -= at < group.fresh
            alert = group.alert
            if alert is not None and alert.last < now:
                self._close(group, alert, "until")
        self._aborts.clear()

    def open_until(self, group: Group, alert: Life) -> int:
        latest = group.items[-1][TIME] if len(group.items) > group.head else alert.last
        return self._frames.last(alert.last, max(latest, alert.last))

    def trim(self, group: Group, now: int) -> int:
        items = group.items
        if self._frames.kind == "sliding":
            following = super().trim(group, now)
        elif items and self._frames.last(items[-1][TIME], items[-1][TIME]) > now:
            following = self._frames.last(items[-1][TIME], items[-1][TIME])
        else:
            while group.head < len(items):
                self._drop(group)
            following = NEVER
            group.lossy = group.lossy and group.alert is not None
        return following
