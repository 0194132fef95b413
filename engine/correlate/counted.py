"""``event_count``: a group is bytes until its count comes near the threshold."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from engine.correlate.correlation import Correlation, Setting
from engine.correlate.group import NEVER
from engine.correlate.items import TIME, Item, Key
from engine.correlate.keys import Spelling
from engine.correlate.quiet import Logs, Name, Unpackable, key_of, last_of, name_of
from engine.correlate.sliding import Sliding
from engine.correlate.state import Heads
from engine.ruleset.correlation import CorrelationRule

_GRAINS = 32  # of a timespan: how exactly a quiet group is freed
_NAMES = 100_000
_LONGEST = 48
"""Matches of a quiet group: each further one copies those before it."""


class Counted(Sliding):
    """``quiet`` are the groups that have no alert and no late match to wait for; ``groups`` the others."""

    def __init__(self, rule: CorrelationRule, index: int, setting: Setting) -> None:
        super().__init__(rule, index, setting)
        self.quiet: dict[Name, bytes] = {}
        self._logs = Logs()
        self._most = min(self._enough, _LONGEST)
        self._grain = max(rule.timespan_ns // _GRAINS, 1)
        self._wheel: dict[int, list[Name]] = {}  # by the end of a grain: the groups that may be over by then
        self._watched = 0
        self._most_watched = _NAMES
        self._sweep: Key = ("",) * (len(rule.group_by) + 1)
        self._sorted = (0, -1)
        self._changed: dict[Name, None] = {}  # since the last capture

    def take(self, item: Item) -> None:
        if self.inner or self._most < 2:
            super().take(item)
            return
        found = self.keys(item)
        if len(found) == 1:
            key, spelling = found[0]
            if key not in self.groups and self._noted(key, spelling, item):
                return
        elif not found:
            self.counts.matches += 1
            return
        for key, _ in found:
            self._wake(key, item[TIME])
        super().take(item)

    def _noted(self, key: Key, spelling: Spelling, item: Item) -> bool:
        """Whether the match could be added to a quiet group, and leaves it one."""
        name = key[0] if len(key) == 1 else key
        if self.changes is not None:
            self._changed[name] = None
        log = self.quiet.get(name)
        time = item[TIME]
        spelled = None if spelling == key else spelling
        try:
            if log is None:
                self.quiet[name] = self._logs.begun(item, spelled)
                self._watch(name, time + self.timespan)
                if self._watched > self._most_watched and self._watched > 2 * len(self.quiet):
                    self._tidy()
                self.added()
            else:
                extended = self._logs.extended(log, item, spelled, time - self.timespan, self._most)
                if extended is None:
                    return False
                if extended is log:
                    self.counts.duplicates += 1
                self.quiet[name] = extended
        except Unpackable:
            return False
        self.counts.matches += 1
        return True

    def due(self, key: Key, when: int) -> None:
        if key == self._sweep:
            self._swept(when - self.delay)
        else:
            super().due(key, when)

    def awaits(self, key: Key, when: int) -> bool:
        if key == self._sweep:
            return (when - self.delay) // self._grain in self._wheel
        return super().awaits(key, when)

    def size(self) -> int:
        return len(self.groups) + len(self.quiet)

    def _wake(self, key: Key, now: int) -> None:
        name = name_of(key)
        log = self.quiet.get(name)
        if log is not None:
            self._forget(name)
            group = self.group(key, now)
            group.items = self._logs.items(log, key, now - self.timespan)
            self.arm(group, last_of(log) + self.timespan)

    def _watch(self, name: Name, until: int) -> None:
        bucket = until // self._grain + 1
        names = self._wheel.get(bucket)
        if names is None:
            names = self._wheel[bucket] = []
            self._schedule(bucket * self._grain + self.delay, self.index, self._sweep)
        names.append(name)
        self._watched += 1

    def _tidy(self) -> None:
        """Of groups that are quiet no more names are left in the wheel: take them out, before they outgrow the rest."""
        seen: set[Name] = set()
        for bucket in sorted(self._wheel):
            left = [name for name in dict.fromkeys(self._wheel[bucket]) if name in self.quiet and name not in seen]
            seen.update(left)
            self._wheel[bucket][:] = left
        self._sorted = (0, -1)
        self._watched = len(seen)
        self._most_watched = max(2 * self._watched, _NAMES)

    def _swept(self, now: int) -> None:
        """What nobody came back to is freed, up to a grain later than it could be."""
        names = self._wheel.pop(now // self._grain, [])
        self._watched -= len(names)
        for name in dict.fromkeys(names):
            log = self.quiet.get(name)
            if log is not None:
                until = last_of(log) + self.timespan
                if until <= now:
                    self._forget(name)
                else:
                    self._watch(name, until)

    def oldest(self) -> int:
        name = self._oldest()
        quiet = NEVER if name is None else last_of(self.quiet[name])
        return min(quiet, super().oldest()) if self.groups else quiet

    def evict(self) -> None:
        oldest = self._oldest()
        if oldest is None or (self.groups and super().oldest() < last_of(self.quiet[oldest])):
            super().evict()
            return
        self.counts.evicted_groups += 1
        self.losses.lost(key_of(oldest), last_of(self.quiet[oldest]))
        self._forget(oldest)

    def _forget(self, name: Name) -> None:
        del self.quiet[name]
        self.census.count -= 1
        if self.changes is not None:
            self._changed[name] = None

    def _oldest(self) -> Name | None:
        """The quiet group that has been so for longest: in the first bucket of the wheel that holds one."""
        while self._wheel:
            bucket = min(self._wheel)
            names = self._wheel[bucket]
            if (bucket, len(names)) != self._sorted:
                kept: dict[Name, int] = {}
                for name in names:
                    log = self.quiet.get(name)
                    if log is not None:
                        until = last_of(log) + self.timespan
                        if until // self._grain + 1 > bucket:
                            self._watch(name, until)
                        else:
                            kept[name] = until
                self._watched -= len(names) - len(kept)
                names[:] = sorted(kept, key=kept.__getitem__, reverse=True)
            while names:
                name = names[-1]
                self._sorted = (bucket, len(names))
                log = self.quiet.get(name)
                if log is not None:
                    until = last_of(log) + self.timespan
                    if until // self._grain + 1 == bucket:
                        return name
                    self._watch(name, until)
                names.pop()
                self._watched -= 1
            del self._wheel[bucket]  # its timer will find nothing
        return None

    def take_over(self, other: Correlation) -> None:
        super().take_over(other)
        assert isinstance(other, Counted)
        self.quiet, self._logs = other.quiet, other._logs
        self._wheel, self._sorted, self._changed = other._wheel, other._sorted, other._changed
        self._watched, self._most_watched = other._watched, other._most_watched

    def snapshot(self, heads: Heads) -> Any:
        state = super().snapshot(heads)
        state["quiet"][1] = list(chain.from_iterable(self.quiet.items()))
        return state

    def rest(self) -> dict[str, Any]:
        return {**super().rest(), "quiet": [self._logs.state(), []]}

    def quiet_states(self, *, full: bool) -> Mapping[Any, bytes | None]:
        changed, self._changed = self._changed, {}
        return {**self.quiet} if full else {name: self.quiet.get(name) for name in changed}

    def restore(self, state: Any, tables: Sequence[Heads]) -> tuple[int, int]:
        others, open_alerts = super().restore(state, tables)
        kinds, quiet = state.get("quiet", ((), ()))
        self._logs.restore(kinds)
        logs = quiet.items() if isinstance(quiet, dict) else zip(quiet[::2], quiet[1::2], strict=True)
        for key, log in logs:
            name = tuple(key) if isinstance(key, list) else key
            if self.owns is None or self.owns(self.rule, key_of(name)):
                self.quiet[name] = log
                self._watch(name, last_of(log) + self.timespan)
            else:
                others += 1
        return others, open_alerts
