"""Event → Match: every rule sees the events of its log source, and no others."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import tzinfo
from functools import partial
from typing import Final

import msgspec

from engine.detect.bucket import Bucket
from engine.model import Event, LogSource, Match
from engine.ruleset.detection import DetectionRule

_SOURCES: Final = 4_096  # log sources that are remembered: an event may claim any

_EVERY: Final = 61  # one event in so many is timed; a prime, for streams that come round


class Stats(msgspec.Struct):
    """``hits`` and ``cost_ns`` by rule id; the cost is estimated from ``sampled`` events."""

    events: int = 0
    matches: int = 0
    truncated: int = 0
    hits: dict[str, int] = {}
    cost_ns: dict[str, int] = {}
    sampled: int = 0


class Detector:
    """``timer`` (nanoseconds, for instance ``time.perf_counter_ns``) turns on the sampling of what each rule costs."""

    def __init__(
        self, rules: Sequence[DetectionRule], *, zone: tzinfo | None = None, timer: Callable[[], int] | None = None
    ) -> None:
        self.rules: Mapping[str, DetectionRule] = {rule.head.id: rule for rule in rules}
        self.stats = Stats()
        self._rules = tuple(rules)
        self._zone = zone
        self._timer = timer
        self._by_source: dict[LogSource, Bucket | None] = {}
        self._buckets: dict[tuple[int, ...], Bucket] = {}

    def detect(self, event: Event) -> Sequence[Match]:
        """The rules that hold for this event, in the order of the rules."""
        stats = self.stats
        stats.events += 1
        try:
            bucket = self._by_source[event.logsource]
        except KeyError:
            bucket = self._route(event.logsource)
        if bucket is None:
            return ()
        if self._timer is not None and stats.events % _EVERY == 0:
            self._sample(bucket, event)
        found, cut = bucket.detect(event)
        if cut:
            event.fields["tieline.truncated"] = True
            stats.truncated += 1
        if not found:
            return ()
        stats.matches += len(found)
        hits = stats.hits
        out = []
        for at in found:
            head = bucket.rules[at].head
            hits[head.id] = hits.get(head.id, 0) + 1
            out.append(Match(head, event, partial(bucket.why, at)))
        return out

    def ready(self, sources: Iterable[LogSource]) -> None:
        """Compiles now what is else compiled when these log sources are first met, field by field."""
        for source in sources:
            bucket = self._route(source)
            if bucket is not None:
                bucket.ready()

    def prepare(self, old: "Detector") -> None:
        """Makes ready, in any thread, for the log sources that ``old`` has met, with what it has of the same rules."""
        for source, bucket in list(old._by_source.items()):
            chosen = self._chosen(source)
            if bucket is not None and bucket.rules == tuple(self._rules[at] for at in chosen):
                self._buckets.setdefault(chosen, bucket)
                self._route(source)
            else:
                self.ready([source])

    def take_over(self, old: "Detector") -> None:
        """Counts on where ``old`` has come to."""
        self.stats = old.stats
        for counts in (self.stats.hits, self.stats.cost_ns):
            for rule in counts.keys() - self.rules.keys():
                del counts[rule]

    def _chosen(self, source: LogSource) -> tuple[int, ...]:
        return tuple(at for at, rule in enumerate(self._rules) if rule.logsource.covers(source))

    def _route(self, source: LogSource) -> Bucket | None:
        chosen = self._chosen(source)
        bucket = None
        if chosen:
            bucket = self._buckets.get(chosen)
            if bucket is None:
                bucket = self._buckets[chosen] = Bucket([self._rules[at] for at in chosen], self._zone)
        if len(self._by_source) >= _SOURCES:
            self._by_source.clear()
        self._by_source[source] = bucket
        return bucket

    def _sample(self, bucket: Bucket, event: Event) -> None:
        assert self._timer is not None
        self.stats.sampled += 1
        for rule, ns in bucket.cost(event, self._timer):
            self.stats.cost_ns[rule] = self.stats.cost_ns.get(rule, 0) + ns * _EVERY
