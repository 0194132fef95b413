"""Holds matches until the watermark has passed them, and gives them to the correlations in order of event time."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from heapq import heappop, heappush
from typing import Any

from engine.correlate.capture import Capture, Changes
from engine.correlate.correlation import Correlation, Owns, Setting
from engine.correlate.counted import Counted
from engine.correlate.expression import literals
from engine.correlate.first_seen import FirstSeen
from engine.correlate.group import NEVER
from engine.correlate.interval import Interval
from engine.correlate.items import RULE, TIME, Item, Key, item_of
from engine.correlate.joined import Joined
from engine.correlate.limits import Limits
from engine.correlate.ordered import Ordered
from engine.correlate.silence import Silence
from engine.correlate.skewed import Skewed
from engine.correlate.sliding import Sliding
from engine.correlate.state import Heads, item_from, item_state
from engine.correlate.watermark import Watermark
from engine.correlate.windowed import Windowed
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
    """

    def __init__(
        self,
        rules: Sequence[CorrelationRule],
        *,
        lateness_ns: int,
        limits: Limits = _DEFAULT_LIMITS,
        owns: Owns | None = None,
    ) -> None:
        self._watermark = Watermark(lateness_ns)
        self._limits = limits
        self._line: deque[Item] = deque()  # held, in order of arrival and of time
        self._held: list[Item] = []  # those that came behind a later one
        self._timers: list[tuple[int, int, Key]] = []
        self._delayed: list[tuple[int, int, Item]] = []
        self._waiting: dict[int, list[Item]] = {}
        self._out: list[Match] = []
        self._arrivals = 0
        self._captured = False
        self._now = -NEVER
        self._late = 0
        self._forced = 0
        setting = Setting(limits, lateness_ns, self._schedule, self._emit, owns)
        ids = frozenset(rule.head.id for rule in rules)
        ordered = _inner_first(rules)
        self._correlations = [_correlation(rule, index, setting, ids) for index, rule in enumerate(ordered)]
        feeds: dict[str, tuple[int, ...]] = {}
        for correlation in self._correlations:
            for base in correlation.rule.references:
                feeds[base] = (*feeds.get(base, ()), correlation.index)
        self._feeds = feeds
        for correlation in self._correlations:
            correlation.inner = ids.intersection(correlation.rule.references)
            for outer in feeds.get(correlation.rule.head.id, ()):
                above = self._correlations[outer]
                above.delay = max(above.delay, correlation.delay + correlation.rule.skew_ns)

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
        total = {"late": self._late, "forced": self._forced, "held": len(self._line) + len(self._held)}
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
        item = item_of(match, self._arrivals)
        if self._watermark.passed(item[TIME]):
            self._late += 1
            for index in wanted:
                self._correlations[index].late(item, self._watermark.reach())
            return self._taken()
        self._hold(item)
        self._watermark.wake(item[TIME])
        if len(self._line) + len(self._held) > self._limits.held:
            self._forced += 1
            self._watermark.force(min(queue[0][TIME] for queue in (self._line, self._held) if queue) + 1)
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
            "rules": {c.rule.head.id: [_fingerprint(c.rule), states[c.rule.head.id]] for c in self._correlations},
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
        tables = [Heads(table) for table in state["tables"]] if "tables" in state else [heads]
        self._watermark.restore(state["watermark"])
        self._arrivals, self._late, self._forced = state["counts"]
        by_id = {correlation.rule.head.id: correlation for correlation in self._correlations}
        for id, (fingerprint, own) in state["rules"].items():
            correlation = by_id.get(id)
            if correlation is not None and fingerprint == _fingerprint(correlation.rule):
                correlation.restore(own, tables)
        for each in state["held"]:
            item = item_from(each, heads)
            if item[RULE] in self._feeds:
                self._hold(item)
        for when, id, each in state["delayed"]:
            if id in by_id:
                heappush(self._delayed, (when, by_id[id].index, item_from(each, heads)))
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
        when = item[TIME] + self._correlations[index].delay
        if when <= self._now:
            self._waiting.setdefault(index, []).append(item)
        else:
            heappush(self._delayed, (when, index, item))

    def _schedule(self, when: int, index: int, key: Key) -> None:
        heappush(self._timers, (when, index, key))

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


def _correlation(rule: CorrelationRule, index: int, setting: Setting, inner: frozenset[str]) -> Correlation:
    condition = rule.condition
    framed = rule.until or rule.window != "sliding"
    if isinstance(condition, Threshold):
        sliding = condition.grows
    else:
        sliding = not any(step.absent for step in literals(condition))
    kind: type[Correlation] = Interval
    if rule.expected:
        kind = Silence
    elif rule.learn_ns is not None:
        kind = FirstSeen
    elif sliding and rule.type == "temporal_ordered":
        kind = Joined if rule.join else Ordered
        if rule.skew_ns or framed or inner.intersection(rule.steps):
            kind = Skewed
    elif sliding and (framed or rule.refire == "growth"):
        kind = Windowed
    elif sliding:
        kind = Counted if rule.type == "event_count" and rule.window == "sliding" and not rule.until else Sliding
    return kind(rule, index, setting)


def _fingerprint(rule: CorrelationRule) -> str:
    """What a rule's state depends on: with another title or level it is the same state."""
    window = (rule.timespan_ns, rule.percentile, rule.skew_ns)
    ours = (rule.window, rule.until, sorted(rule.steps.items()), rule.join, rule.learn_ns, rule.expected)
    telling = (rule.refire, rule.growth, rule.suppress_by)
    parts = (rule.type, rule.rules, rule.group_by, rule.condition, rule.fields, window, ours, telling)
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
        for base in rule.references:
            if base in by_id:
                visit(by_id[base])
        ordered[rule.head.id] = rule

    for rule in sorted(by_id.values(), key=lambda rule: rule.head.id):
        visit(rule)
    return list(ordered.values())
