"""Holds matches until the watermark has passed them, and gives them to the correlations in order of event time."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from heapq import heapify, heappop, heappush
from typing import Any

from engine.correlate.capture import Capture, Changes
from engine.correlate.census import Census
from engine.correlate.correlation import Owns, Setting
from engine.correlate.group import NEVER
from engine.correlate.items import RULE, TIME, Item, Key, item_of
from engine.correlate.kinds import correlation_of
from engine.correlate.limits import Limits
from engine.correlate.state import Heads, item_from, item_state
from engine.correlate.succession import Definitions, Dropped, inner_first
from engine.correlate.watermark import Watermark
from engine.model import Match
from engine.ruleset.correlation import CorrelationRule

_NOTHING: tuple[Match, ...] = ()
_VERSION = 3
_READABLE = (
    1,
    2,
    3,
)  # of 1: no memory of what was evicted; of 2: what links told has a time, but no place in its source
_DEFAULT_LIMITS = Limits()
_TIMERS = 100_000
"""Beyond so many timers, and two for each group there is, those of groups that were evicted are taken out."""


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
        owns: Owns | None = None,
        definitions: Mapping[str, str] = {},
    ) -> None:
        self._watermark = Watermark(lateness_ns)
        self._most_held = limits.held
        self._line: deque[Item] = deque()  # held, in order of arrival and of time
        self._held: list[Item] = []  # those that came behind a later one
        self._timers: list[tuple[int, int, Key]] = []
        self._most_timers = _TIMERS
        self._delayed: list[tuple[int, int, Item]] = []
        self._waiting: dict[int, list[Item]] = {}
        self._out: list[Match] = []
        self._arrivals = 0
        self._captured = False
        self._now = -NEVER
        self._late = 0
        self._forced = 0
        self._former: dict[str, int] = {}  # counts of correlations that are no more
        self.dropped = Dropped()
        self._census = Census(limits.groups)
        setting = Setting(limits, lateness_ns, self._schedule, self._emit, owns, self._census)
        ids = frozenset(rule.head.id for rule in rules)
        ordered = inner_first(rules)
        self._correlations = [correlation_of(rule, index, setting, ids) for index, rule in enumerate(ordered)]
        feeds: dict[str, tuple[int, ...]] = {}
        for correlation in self._correlations:
            for base in correlation.rule.references:
                feeds[base] = (*feeds.get(base, ()), correlation.index)
        self._feeds = feeds
        for correlation in self._correlations:
            correlation.inner = ids.intersection(correlation.rule.references)
            for outer in feeds.get(correlation.rule.head.id, ()):
                above = self._correlations[outer]
                correlation.losses.above.append(above.losses)
                above.delay = max(above.delay, correlation.delay + correlation.rule.skew_ns)
        self._definitions = Definitions(ordered, definitions)
        self._census.correlations = self._correlations

        # By base rule, where none of its correlations is delayed or has another above it.
        self._direct: dict[str, list[Callable[[Item], None]]] = {
            base: [self._correlations[index].taker() for index in indexes]
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
        held = len(self._line) + len(self._held)
        total = {**self._former, "late": self._late, "forced": self._forced, "held": held}
        for counts in self.rule_stats.values():
            for key, value in counts.items():
                if key != "late":
                    total[key] = total.get(key, 0) + value
        total["evicted"] = sum(count for key, count in total.items() if key.startswith("evicted_"))
        total["groups_over_all"] = self._census.evicted
        return total

    @property
    def rule_stats(self) -> Mapping[str, Mapping[str, int]]:
        """By rule id."""
        return {
            correlation.rule.head.id: {
                **asdict(correlation.counts),
                "groups": correlation.size(),
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
        event = match.event
        item: Item = (event.time, event.source, event.sequence, event.id, match.rule.id, self._arrivals, match)
        if self._watermark.passed(event.time):
            self._late += 1
            for index in wanted:
                self._correlations[index].late(item, self._watermark.reach())
            return self._taken()
        line = self._line
        if not line or item > line[-1]:
            line.append(item)
        else:
            heappush(self._held, item)
        self._watermark.wake(event.time)
        if len(line) + len(self._held) > self._most_held:
            self._forced += 1
            self._watermark.force(min(queue[0][TIME] for queue in (self._line, self._held) if queue) + 1)
            return self._release()
        if len(self._delayed) > self._most_held:
            self._forced += 1
            self._watermark.force(self._delayed[0][0] + 1)
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
        head = self._head({c.rule.head.id: c.snapshot(heads) for c in self._correlations}, heads)
        return {**head, "heads": heads.table}

    def capture(self, *, full: bool = False) -> Capture:
        """The state of now, to be taken in pieces while matches go on to come; the first one is full. One capture at a
        time, and all of it."""
        full = full or not self._captured
        self._captured = True
        for correlation in self._correlations:
            correlation.changes = correlation.changes or Changes(correlation)
        heads = Heads()
        head = self._head({c.rule.head.id: c.rest() for c in self._correlations}, heads)
        return Capture(self._correlations, head, heads, full=full)

    def _head(self, states: Mapping[str, Any], heads: Heads) -> dict[str, Any]:
        ids = [correlation.rule.head.id for correlation in self._correlations]
        return {
            "version": _VERSION,
            "watermark": self._watermark.snapshot(),
            "counts": [self._arrivals, self._late, self._forced],
            "held": [item_state(item, (), heads, True) for item in (*self._line, *self._held)],
            "delayed": [[when, ids[index], item_state(item, (), heads, True)] for when, index, item in self._delayed],
            "rules": {id: [self._definitions[id], states[id]] for id in ids},
            "definitions": self._definitions,
        }

    def restore(self, state: Any) -> None:
        """Into a new correlator; ``ValueError`` says why it cannot be read. A rule that has changed starts anew."""
        version = state.get("version") if isinstance(state, dict) else None
        if version not in _READABLE:
            raise ValueError(f"correlation state of version {version}; this program reads versions up to {_VERSION}")
        try:
            self._restore(state)
        except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
            raise ValueError(f"correlation state is damaged: {type(error).__name__}: {error}") from None

    def _restore(self, state: Any) -> None:
        heads = Heads(state["heads"])
        tables = [Heads(table) for table in state["tables"]] if "tables" in state else [heads]
        self._watermark.restore(state["watermark"])
        self._arrivals, self._late, self._forced = state["counts"]
        by_id = {correlation.rule.head.id: correlation for correlation in self._correlations}
        definitions = state.get("definitions", {})
        for id, (_, own) in state["rules"].items():
            if id in by_id and self._definitions.same(id, definitions):
                self.dropped.state_of(id, *by_id[id].restore(own, tables))
            else:
                groups, quiet = own["groups"], own.get("quiet", ((), ()))[1]
                count = len(groups) + (len(quiet) if isinstance(quiet, dict) else len(quiet) // 2)
                self.dropped.state_of(id, count, sum(group[3] is not None for group in groups))
        self._census.count_anew()
        held = (item_from(each, heads) for each in state["held"])
        self._go_on(held, ((id, item_from(each, heads)) for _, id, each in state["delayed"]), definitions)

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
            self.dropped.state_of(id, before.size(), before.open_alerts)
            for name, count in asdict(before.counts).items():
                self._former[name] = self._former.get(name, 0) + count
        self._census.evicted = old._census.evicted
        self._timers = old._timers
        if len(moved) < len(old._correlations) or any(now != before for before, now in moved.items()):
            self._timers = [(when, moved[index], key) for when, index, key in old._timers if index in moved]
            heapify(self._timers)
        ids = [correlation.rule.head.id for correlation in old._correlations]
        held = (*old._line, *old._held)
        self._go_on(held, ((ids[index], item) for _, index, item in old._delayed), old._definitions)
        old._correlations, old._direct = [], {}  # they refer to each other, and would stay in memory
        self._census.count_anew()

    def _go_on(self, held: Iterable[Item], delayed: Iterable[tuple[str, Item]], definitions: Mapping[str, str]) -> None:
        """With what waited under other rules, where its rule means the same and is still referred to."""
        by_id = {correlation.rule.head.id: correlation for correlation in self._correlations}
        same = {rule for rule in self._feeds if self._definitions.same(rule, definitions)}
        for item in held:
            if item[RULE] in same:
                self._hold(item)
            else:
                self.dropped.matches += 1
        for id, item in delayed:
            above = by_id.get(id)
            if above is not None and item[RULE] in above.rule.references and item[RULE] in same:
                heappush(self._delayed, (item[TIME] + above.delay, above.index, item))
            else:
                self.dropped.matches += 1
        self._watermark.due(self._next())

    def _release(self) -> Sequence[Match]:
        limit = self._watermark.reach()
        line, held, delayed, timers, direct = self._line, self._held, self._delayed, self._timers, self._direct
        while True:
            while line and not delayed:
                # The usual case: nothing else can happen at this time between the match and its correlations.
                item = line[0]
                time = item[TIME]
                if time >= limit or (held and held[0][TIME] <= time) or (timers and timers[0][0] <= time):
                    break
                takers = direct.get(item[RULE])
                if takers is None or (len(line) > 1 and line[1][TIME] == time):
                    break
                line.popleft()
                for take in takers:
                    take(item)
            time = self._next()
            if time >= limit:
                break
            self._run(time)
        self._watermark.due(time)
        return self._taken() if self._out else _NOTHING

    def _hold(self, item: Item) -> None:
        line = self._line
        if not line or item > line[-1]:
            line.append(item)
        else:
            heappush(self._held, item)

    def _held_at(self, time: int) -> Iterator[Item]:
        line, held = self._line, self._held
        while line and line[0][TIME] == time:
            yield line.popleft()
        while held and held[0][TIME] == time:
            yield heappop(held)

    def _taken(self) -> Sequence[Match]:
        if not self._out:
            return _NOTHING
        out = self._out.copy()
        self._out.clear()
        return out

    def _next(self) -> int:
        time = NEVER
        if self._line:
            time = self._line[0][TIME]
        if self._held and self._held[0][TIME] < time:
            time = self._held[0][TIME]
        if self._timers and self._timers[0][0] < time:
            time = self._timers[0][0]
        if self._delayed and self._delayed[0][0] < time:
            time = self._delayed[0][0]
        return time

    def _run(self, time: int) -> None:
        """Everything of one time: each correlation after those below it, its matches before what they decide."""
        self._now = time
        waiting = self._waiting
        delayed, timers = self._delayed, self._timers
        for item in self._held_at(time):
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
                correlation.together(items)
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
        when = item[TIME] + self._correlations[index].delay
        if when <= self._now:
            self._waiting.setdefault(index, []).append(item)
        else:
            heappush(self._delayed, (when, index, item))

    def _schedule(self, when: int, index: int, key: Key) -> None:
        timers = self._timers
        heappush(timers, (when, index, key))
        if len(timers) > self._most_timers and len(timers) > 2 * self._census.count:
            timers[:] = [each for each in timers if self._correlations[each[1]].awaits(each[2], each[0])]
            heapify(timers)
            self._most_timers = max(2 * len(timers), _TIMERS)

    def _emit(self, match: Match, onward: bool, told: bool) -> None:
        """Every revision goes ``onward`` to the correlations above, but for those that came late, and the closing."""
        if told:
            self._out.append(match)
        if onward:
            outer = self._feeds.get(match.rule.id)
            if outer is not None:
                self._arrivals += 1
                item = item_of(match, self._arrivals)
                for index in outer:
                    self._deliver(index, item)
