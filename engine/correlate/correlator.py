"""Holds matches until the watermark has passed them, and gives them to the correlations in order of event time."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from heapq import heapify, heappop, heappush
from typing import Any

from engine.correlate.correlation import NEVER, Correlation, Setting
from engine.correlate.expression import literals
from engine.correlate.interval import Interval
from engine.correlate.items import RULE, TIME, Item, Key, item_of
from engine.correlate.limits import Limits
from engine.correlate.ordered import Ordered
from engine.correlate.skewed import Skewed
from engine.correlate.sliding import Sliding
from engine.correlate.state import Heads, item_from, item_state
from engine.correlate.succession import Definitions, Dropped
from engine.correlate.watermark import Watermark
from engine.model import Match
from engine.ruleset.correlation import CorrelationRule, Threshold

_NOTHING: tuple[Match, ...] = ()
_VERSION = 1
_DEFAULT_LIMITS = Limits()


class Correlator:
    """
    ``tick`` before ``add``: an event moves its source's clock first. It never makes itself late, since a match is late
    only when the watermark is past its time. Whatever a call decides it returns, in the order of decision.

    A returned match with ``correlated.closed_by`` set says that the alert is closed; its revision is the last one,
    unless a late match has made one more of it.

    ``definitions``: what stands for the meaning of the detection rules, by id. A correlation that means something else
    than before, or is above one that does, starts anew; ``dropped`` is the state that was given up for that.
    """

    def __init__(
        self,
        rules: Sequence[CorrelationRule],
        *,
        lateness_ns: int,
        limits: Limits = _DEFAULT_LIMITS,
        definitions: Mapping[str, str] = {},
    ) -> None:
        self._watermark = Watermark(lateness_ns)
        self._limits = limits
        self._held: list[Item] = []
        self._timers: list[tuple[int, int, Key]] = []
        self._delayed: list[tuple[int, int, Item]] = []
        self._waiting: dict[int, list[Item]] = {}
        self._out: list[Match] = []
        self._arrivals = 0
        self._late = 0
        self._forced = 0
        self._former: dict[str, int] = {}  # counts of correlations that are no more
        self.dropped = Dropped()
        setting = Setting(limits, lateness_ns, self._schedule, self._emit)
        self._correlations = [_correlation(rule, index, setting) for index, rule in enumerate(_inner_first(rules))]
        feeds: dict[str, tuple[int, ...]] = {}
        for correlation in self._correlations:
            for base in dict.fromkeys(correlation.rule.rules):
                feeds[base] = (*feeds.get(base, ()), correlation.index)
        self._feeds = feeds
        for correlation in self._correlations:
            for outer in feeds.get(correlation.rule.head.id, ()):
                above = self._correlations[outer]
                above.delay = max(above.delay, correlation.delay + correlation.rule.skew_ns)
        self._definitions = Definitions([each.rule for each in self._correlations], _fingerprint, definitions)

        # By base rule, where none of its correlations is delayed or has another above it.
        self._direct = {
            base: [self._correlations[index] for index in indexes]
            for base, indexes in feeds.items()
            if not any(
                self._correlations[index].delay or self._correlations[index].rule.head.id in feeds for index in indexes
            )
        }

    @property
    def feeds(self) -> Mapping[str, tuple[int, ...]]:
        """The ids of the rules whose matches are wanted."""
        return self._feeds

    @property
    def watermark(self) -> int | None:
        """Nothing before this time (nanoseconds) is waited for; None as long as a source has said nothing."""
        return self._watermark.value()

    @property
    def stats(self) -> Mapping[str, int]:
        total = {**self._former, "late": self._late, "forced": self._forced, "held": len(self._held)}
        for counts in self.rule_stats.values():
            for key, value in counts.items():
                if key != "late":
                    total[key] = total.get(key, 0) + value
        return total

    @property
    def rule_stats(self) -> Mapping[str, Mapping[str, int]]:
        """By rule id."""
        return {
            correlation.rule.head.id: {
                **asdict(correlation.counts),
                "groups": len(correlation.groups),
                "open_alerts": correlation.open_alerts,
            }
            for correlation in self._correlations
        }

    def expect(self, source: str) -> None:
        """A source that exists and has said nothing yet holds the watermark back."""
        self._watermark.expect(source)

    def retire(self, source: str) -> Sequence[Match]:
        """A source that has ended holds nothing back any more."""
        self._watermark.retire(source)
        return self._release()

    def tick(self, source: str, now: int) -> Sequence[Match]:
        """``source`` will deliver nothing before ``now``, less the lateness, that is not late."""
        if self._watermark.advance(source, now):
            return self._release()
        return _NOTHING

    def add(self, match: Match) -> Sequence[Match]:
        """A match of a rule in ``feeds``; others are ignored."""
        wanted = self._feeds.get(match.rule.id)
        if wanted is None:
            return _NOTHING
        self._arrivals += 1
        item = item_of(match, self._arrivals)
        if self._watermark.passed(item[TIME]):
            self._late += 1
            for index in wanted:
                self._correlations[index].late(item)
            return self._taken()
        heappush(self._held, item)
        self._watermark.wake(item[TIME])
        if len(self._held) > self._limits.held:
            self._forced += 1
            self._watermark.force(self._held[0][TIME] + 1)
            return self._release()
        return _NOTHING

    def finish(self) -> Sequence[Match]:
        """The input has ended: decide all that is open."""
        end = self._watermark.end()
        for correlation in self._correlations:
            correlation.end = end
        self._watermark.finish()
        return self._release()

    def snapshot(self) -> Any:
        """The state as a value that msgpack can carry. The same matches after ``restore`` have the same result."""
        heads = Heads()
        ids = [correlation.rule.head.id for correlation in self._correlations]
        return {
            "version": _VERSION,
            "watermark": self._watermark.snapshot(),
            "counts": [self._arrivals, self._late, self._forced],
            "held": [item_state(item, (), heads, True) for item in self._held],
            "delayed": [[when, ids[index], item_state(item, (), heads, True)] for when, index, item in self._delayed],
            "rules": {
                correlation.rule.head.id: [self._definitions[correlation.rule.head.id], correlation.snapshot(heads)]
                for correlation in self._correlations
            },
            "definitions": self._definitions,
            "heads": heads.table,
        }

    def restore(self, state: Any) -> None:
        """Into a new correlator; ``ValueError`` says why it cannot be read. A rule that has changed starts anew."""
        version = state.get("version") if isinstance(state, dict) else None
        if version != _VERSION:
            raise ValueError(f"correlation state of version {version}; this program reads version {_VERSION}")
        try:
            self._restore(state)
        except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
            raise ValueError(f"correlation state is damaged: {type(error).__name__}: {error}") from None

    def _restore(self, state: Any) -> None:
        heads = Heads(state["heads"])
        self._watermark.restore(state["watermark"])
        self._arrivals, self._late, self._forced = state["counts"]
        by_id = {correlation.rule.head.id: correlation for correlation in self._correlations}
        definitions = state.get("definitions", {})
        for id, (_, own) in state["rules"].items():
            if id in by_id and self._definitions.same(id, definitions):
                by_id[id].restore(own, heads)
            else:
                self.dropped.state_of(id, len(own["groups"]), sum(group[3] is not None for group in own["groups"]))
        held = (item_from(each, heads) for each in state["held"])
        self._hold(held, ((id, item_from(each, heads)) for _, id, each in state["delayed"]), definitions)

    def take_over(self, old: "Correlator") -> None:
        """Goes on where ``old`` is, which must not be used any more: what ``restore`` of its snapshot does, at once."""
        self._watermark, self._arrivals, self._former = old._watermark, old._arrivals, old._former
        self._late, self._forced = old._late, old._forced
        by_id = {correlation.rule.head.id: correlation for correlation in self._correlations}
        moved: dict[int, int] = {}
        for before in old._correlations:
            id = before.rule.head.id
            if id in by_id and self._definitions.same(id, old._definitions):
                by_id[id].take_over(before)
                moved[before.index] = by_id[id].index
                continue
            self.dropped.state_of(id, len(before.groups), before.open_alerts)
            for name, count in asdict(before.counts).items():
                self._former[name] = self._former.get(name, 0) + count
        self._timers = old._timers
        if len(moved) < len(old._correlations) or any(now != before for before, now in moved.items()):
            self._timers = [(when, moved[index], key) for when, index, key in old._timers if index in moved]
            heapify(self._timers)
        ids = [correlation.rule.head.id for correlation in old._correlations]
        self._hold(old._held, ((ids[index], item) for _, index, item in old._delayed), old._definitions)
        old._correlations.clear()  # they refer to each other, and would stay in memory

    def _hold(self, held: Iterable[Item], delayed: Iterable[tuple[str, Item]], definitions: Mapping[str, str]) -> None:
        """Of what waited under other rules, that whose rule means the same and is still referred to."""
        by_id = {correlation.rule.head.id: correlation for correlation in self._correlations}
        same = {rule for rule in self._feeds if self._definitions.same(rule, definitions)}
        waiting = list(held)
        self._held = [item for item in waiting if item[RULE] in same]
        heapify(self._held)
        self.dropped.matches += len(waiting) - len(self._held)
        for id, item in delayed:
            above = by_id.get(id)
            if above is not None and item[RULE] in above.rule.rules and item[RULE] in same:
                heappush(self._delayed, (item[TIME] + above.delay, above.index, item))
            else:
                self.dropped.matches += 1
        self._watermark.due(self._next())

    def _release(self) -> Sequence[Match]:
        limit = self._watermark.reach()
        while (time := self._next()) < limit:
            self._run(time)
        self._watermark.due(self._next())
        return self._taken()

    def _taken(self) -> Sequence[Match]:
        if not self._out:
            return _NOTHING
        out = self._out.copy()
        self._out.clear()
        return out

    def _next(self) -> int:
        time = NEVER
        if self._held:
            time = self._held[0][TIME]
        if self._timers and self._timers[0][0] < time:
            time = self._timers[0][0]
        if self._delayed and self._delayed[0][0] < time:
            time = self._delayed[0][0]
        return time

    def _run(self, time: int) -> None:
        """Everything of one time: each correlation after those below it, its matches before what they decide."""
        waiting = self._waiting
        held, delayed, timers = self._held, self._delayed, self._timers
        if held and held[0][TIME] == time and not delayed and (not timers or timers[0][0] != time):
            direct = self._direct.get(held[0][RULE])
            if direct is not None:
                # The usual case: nothing else can happen at this time between the match and its correlations.
                item = heappop(held)
                if not held or held[0][TIME] != time:
                    for correlation in direct:
                        correlation.take(item)
                        correlation.settle()
                    return
                heappush(held, item)
        while held and held[0][TIME] == time:
            item = heappop(held)
            for index in self._feeds[item[RULE]]:
                self._deliver(index, item)
        while delayed and delayed[0][0] == time:
            _, index, item = heappop(delayed)
            waiting.setdefault(index, []).append(item)
        due: dict[int, list[Key]] = {}
        while timers and timers[0][0] == time:
            _, index, key = heappop(timers)
            due.setdefault(index, []).append(key)
        while waiting or due:
            index = min((*waiting, *due))
            correlation = self._correlations[index]
            if (items := waiting.pop(index, None)) is not None:
                if len(items) > 1:
                    items.sort()
                for item in items:
                    correlation.take(item)
                correlation.settle()
            for key in due.pop(index, ()):
                correlation.due(key, time)
            # A correlation may ask to be called again at this very time, or open an alert that another waits for.
            while timers and timers[0][0] == time:
                _, again, key = heappop(timers)
                due.setdefault(again, []).append(key)
            while delayed and delayed[0][0] == time:
                _, above, item = heappop(delayed)
                waiting.setdefault(above, []).append(item)

    def _deliver(self, index: int, item: Item) -> None:
        delay = self._correlations[index].delay
        if delay == 0:
            self._waiting.setdefault(index, []).append(item)
        else:
            heappush(self._delayed, (item[TIME] + delay, index, item))

    def _schedule(self, when: int, index: int, key: Key) -> None:
        heappush(self._timers, (when, index, key))

    def _emit(self, match: Match) -> None:
        self._out.append(match)
        state = match.correlated
        assert state is not None
        if state.revision == 0 and state.closed_by is None:
            outer = self._feeds.get(match.rule.id)
            if outer is not None:
                self._arrivals += 1
                item = item_of(match, self._arrivals)
                for index in outer:
                    self._deliver(index, item)


def _correlation(rule: CorrelationRule, index: int, setting: Setting) -> Correlation:
    condition = rule.condition
    if isinstance(condition, Threshold):
        sliding = condition.grows
    else:
        sliding = not any(step.absent for step in literals(condition))
    kind: type[Correlation] = Interval
    if sliding:
        kind = Sliding
        if rule.type == "temporal_ordered":
            kind = Skewed if rule.skew_ns else Ordered
    return kind(rule, index, setting)


def _fingerprint(rule: CorrelationRule) -> str:
    """What a rule's state depends on: with another title or level it is the same state."""
    window = (rule.timespan_ns, rule.percentile, rule.skew_ns)
    parts = (rule.type, rule.rules, rule.group_by, rule.condition, rule.fields, window)
    aliases = sorted((name, sorted(fields.items())) for name, fields in rule.aliases.items())
    return hashlib.blake2b(repr((parts, aliases)).encode("utf-8", "backslashreplace"), digest_size=16).hexdigest()


def _inner_first(rules: Sequence[CorrelationRule]) -> list[CorrelationRule]:
    """Each correlation after those that it refers to."""
    by_id = {rule.head.id: rule for rule in rules}
    ordered: dict[str, CorrelationRule] = {}
    open_: set[str] = set()

    def visit(rule: CorrelationRule) -> None:
        if rule.head.id in ordered:
            return
        if rule.head.id in open_:
            raise ValueError(f"{rule.head.path or rule.head.id}: the correlation refers to itself")
        open_.add(rule.head.id)
        for base in rule.rules:
            if base in by_id:
                visit(by_id[base])
        ordered[rule.head.id] = rule

    for rule in sorted(by_id.values(), key=lambda rule: rule.head.id):
        visit(rule)
    return list(ordered.values())
