"""What becomes false as evidence grows (``lt``, ``lte``, ``eq``, ``neq``, ``not``): decided once, at the deadline."""

import itertools
from collections.abc import Sequence
from typing import Any

from engine.correlate.aborts import cut
from engine.correlate.bounds import Bounds
from engine.correlate.chains import Chain, Search, in_order, tightest
from engine.correlate.correlation import Correlation, Setting
from engine.correlate.expression import Way, holds, literals, ways
from engine.correlate.frames import frames_of
from engine.correlate.group import NEVER, Group
from engine.correlate.items import ID, RULE, SOURCE, TIME, WHAT, Item, Key, may_precede
from engine.correlate.life import Life
from engine.correlate.measures import Contribution, Measure, contribution_of, measure_of
from engine.correlate.revisions import supersede
from engine.correlate.state import Heads, item_from
from engine.model import Match
from engine.ruleset.correlation import CorrelationRule, Threshold


class Pending:
    """The interval of one group: ``start`` is its first match, None while none has begun, ``latest`` its last.

    ``denials`` are the matches of rules below a ``not``, ``early`` those that may turn out to follow the first match.
    """

    __slots__ = ("count", "denials", "early", "latest", "measure", "start")

    def __init__(self) -> None:
        self.start: int | None = None
        self.latest = 0
        self.count = 0
        self.measure: Measure | None = None
        self.denials: list[Item] = []
        self.early: list[Item] = []


class Interval(Correlation):
    """[first match, first match + timespan], or the window of the rule; the next begins with the next match.

    An abort voids the interval; those matches of its own time that it did not come after begin the next one.
    """

    whole = True
    endless = True

    def __init__(self, rule: CorrelationRule, index: int, setting: Setting) -> None:
        super().__init__(rule, index, setting)
        self._ordered = rule.type == "temporal_ordered"
        self.counted_once = "match" if rule.type.startswith("temporal") else "event"
        self._valued = rule.type == "value_count"
        self._measure = measure_of(rule)
        self._contribution = contribution_of(rule, self.resolved)
        self._bounds = Bounds(rule.condition) if isinstance(rule.condition, Threshold) else None
        self._ways: list[Way] = ways(rule) if self._ordered else []
        steps = [] if isinstance(rule.condition, Threshold) else list(literals(rule.condition))
        self._denying = frozenset(step.rule for step in steps if step.absent)
        self._affirming = frozenset(step.rule for step in steps if not step.absent) or frozenset(rule.rules)
        self._frames = frames_of(rule)
        self._until = frozenset(rule.until)
        self._aborts: dict[Key, list[Item]] = {}
        self._starting = self._affirming
        if self._ordered and self._bounds is None:
            self._starting = frozenset(next((step.rule for step in way if not step.absent), "") for way in self._ways)

    def fresh_state(self) -> Pending:
        return Pending()

    def evidential(self, match: Match) -> bool:
        return match.rule.id in self._affirming and (
            self._contribution is None or self._contribution(match.rule.id, match) is not None
        )

    def take(self, item: Item) -> None:
        self.counts.matches += 1
        if item[RULE] in self._until:
            for key, _ in self.keys(item):
                if key in self.groups:
                    self._aborts.setdefault(key, []).append(item)
            return
        contribution: Contribution = None
        if self._contribution is not None:
            contribution = self._contribution(item[RULE], item[WHAT])
            if contribution is None:
                self.counts.without_value += 1
                return
        time, rule = item[TIME], item[RULE]
        for key, _ in self.keys(item):
            group = self.group(key, time)
            pending: Pending = group.state
            if rule in self._denying:
                pending.denials.append(item)
                self._bound(group, pending.denials)
                self.arm(group, self._frames.refutes_until(time))
            if rule in self._affirming:
                self._enter(group, item, contribution)

    def _enter(self, group: Group, item: Item, contribution: Contribution) -> None:
        pending: Pending = group.state
        time, rule = item[TIME], item[RULE]
        if pending.start is None:
            if rule not in self._starting:
                if rule not in self.inner and any(self.mark(early) == self.mark(item) for early in pending.early):
                    self.counts.duplicates += 1
                    return
                pending.early.append(item)
                self._bound(group, pending.early)
                self.arm(group, time + self.rule.skew_ns)
                return
            pending.start = time
            pending.measure = None if self._measure is None else self._measure()
            group.items = [early for early in pending.early if early[TIME] >= time - self.rule.skew_ns]
            pending.early = []
            self.arm(group, self._frames.last(time, time))
        elif rule in self.inner:
            if not self._ordered:
                valued = contribution if self._valued else None
                pending.count -= supersede(group.items, 0, item, pending.measure, valued) >= 0
        elif self.known(group, item):
            return
        pending.latest = time
        group.items.append(item)
        pending.count += 1
        if pending.measure is not None:
            pending.measure.enter(contribution)
        self._bound(group, group.items)

    def settle(self) -> None:
        if self._aborts:
            for key, aborts in self._aborts.items():
                group = self.there(key)
                if group is not None:
                    self._abort(group, aborts)
            self._aborts.clear()

    def _abort(self, group: Group, aborts: list[Item]) -> None:
        alert = group.alert
        if alert is not None and max(alert.last, alert.opened) < aborts[0][TIME]:
            self._close(group, alert, "until")
        pending: Pending = group.state
        survivors = cut([*pending.early, *group.items], aborts)
        if len(survivors) == len(pending.early) + len(group.items):
            return
        self._begin_anew(group)
        pending.early = []
        for item in survivors:
            contribution = None if self._contribution is None else self._contribution(item[RULE], item[WHAT])
            self._enter(group, item, contribution)

    def _begin_anew(self, group: Group) -> None:
        pending: Pending = group.state
        pending.start = None
        pending.count = 0
        pending.measure = None
        group.items = []
        group.ids = None

    def decide(self, group: Group, now: int) -> None:
        pending: Pending = group.state
        if pending.start is None:
            return
        last = self._frames.last(pending.start, pending.latest)
        if last > now:
            return
        evidence = self._evidence(group, pending)
        if evidence:
            self.open(group, self._frames.decided(last), evidence[-1], evidence)
            if group.alert is not None:
                group.alert.until = group.alert.opened
        self._begin_anew(group)

    def open_until(self, group: Group, alert: Life) -> int:
        if self._frames.kind == "sliding":
            return super().open_until(group, alert)
        return alert.opened - (self._frames.kind == "tumbling")

    def trim(self, group: Group, now: int) -> int:
        pending: Pending = group.state
        if pending.start is None:
            # A denial exactly timespan old counts for a match now, and every match of now has been taken.
            pending.denials = [item for item in pending.denials if self._frames.refutes_until(item[TIME]) > now]
        pending.early = [item for item in pending.early if item[TIME] + self.rule.skew_ns > now]
        if pending.start is not None:
            return self._frames.last(pending.start, pending.latest)
        if group.alert is None:
            group.lossy = False
        following = NEVER
        if pending.denials:
            following = self._frames.refutes_until(pending.denials[-1][TIME])
        if pending.early:
            following = min(following, pending.early[-1][TIME] + self.rule.skew_ns)
        return following

    def state_of(self, group: Group, heads: Heads) -> Any:
        pending: Pending = group.state
        return [
            pending.start,
            pending.latest,
            pending.count,
            None if pending.measure is None else pending.measure.state(),
            self.items_state(group, pending.denials, heads),
            self.items_state(group, pending.early, heads),
        ]

    def restore_state(self, group: Group, state: Any, heads: Heads) -> None:
        pending: Pending = group.state
        pending.start, pending.latest, pending.count, measure, denials, early = state
        if measure is not None and self._measure is not None:
            pending.measure = self._measure()
            pending.measure.restore(measure)
        pending.denials = [item_from(item, heads) for item in denials]
        pending.early = [item_from(item, heads) for item in early]

    def _bound(self, group: Group, items: list[Item]) -> None:
        if len(items) > self._max_matches:
            del items[0]
            self.overflow(group)

    def _evidence(self, group: Group, pending: Pending) -> list[Item]:
        """What shows that the condition holds for the interval; empty where it does not."""
        assert pending.start is not None
        if self._bounds is not None:
            if self._ordered:
                chain = self._longest(group.items)
                return in_order(chain) if self._bounds.hold(len(chain)) else []
            value = pending.count if pending.measure is None else pending.measure.value()
            return group.items if self._bounds.hold(value) else []
        earliest = self._frames.earliest(pending.start)
        denials = [item for item in pending.denials if item[TIME] >= earliest]
        if self._ordered:
            best: Chain | None = None
            for way in self._ways:
                best = tightest(best, self._undenied(way, group.items, denials))
            return in_order(best or ())
        assert not isinstance(self.rule.condition, Threshold)
        assert pending.measure is not None
        refuted = frozenset(item[RULE] for item in denials)
        return group.items if holds(self.rule.condition, pending.measure.seen, refuted) else []

    def _longest(self, items: Sequence[Item]) -> Chain:
        """The tightest of the longest chains; at least one match long."""
        for length in range(len(self.rule.rules), 0, -1):
            best: Chain | None = None
            for chosen in itertools.combinations(self.rule.rules, length):
                best = tightest(best, self._through([[i for i in items if i[RULE] == rule] for rule in chosen]))
            if best is not None:
                return best
        return ()

    def _undenied(self, way: Way, items: Sequence[Item], denials: Sequence[Item]) -> Chain | None:
        """The tightest chain such that nothing denied comes between its predecessor and the deadline."""
        latest: dict[tuple[str, str], Item] = {(item[RULE], item[SOURCE]): item for item in denials}
        candidates: list[list[Item]] = []
        for step in way:
            if not step.absent:
                candidates.append([item for item in items if item[RULE] == step.rule])
                continue
            against = [item for (rule, _), item in latest.items() if rule == step.rule]
            if not candidates:
                if against:
                    return None
                continue
            skew = self.rule.skew_ns
            candidates[-1] = [
                item
                for item in candidates[-1]
                if not any(denial[ID] == item[ID] or may_precede(item, denial, skew) for denial in against)
            ]
        return self._through(candidates) if candidates else None

    def _through(self, candidates: list[list[Item]]) -> Chain | None:
        best: Chain | None = None
        search = Search(candidates, self.rule.skew_ns)
        for end in reversed(candidates[-1]):
            if best is not None and best[0][TIME] > end[TIME] + self.rule.skew_ns:
                break
            best = tightest(best, search.ending_at(end, len(candidates) - 1))
        self.counts.tied += search.exhausted
        return best
