"""One partition of matches: the alerts of the groups that lie in it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.correlate.correlator import Correlator
from engine.model import Match, RuleHead
from engine.sinks.kafka_transactions import Outgoing
from engine.sources.kafka_partitions import Record
from engine.workers.task import Shared
from engine.workers.wire import read


class Correlation:
    """Its clocks come out of its log, so that reading that again decides the same."""

    def __init__(
        self,
        correlator: Correlator,
        heads: Mapping[str, RuleHead],
        silenced: frozenset[str],
        sources: Iterable[str],
        shared: Shared,
    ) -> None:
        self.correlator = correlator
        self._heads = heads
        self._silenced = silenced
        self._shared = shared
        for source in sources:
            correlator.expect(source)

    def feed(self, records: Sequence[Record], *, muted: bool = False) -> list[Outgoing]:
        correlator, heads = self.correlator, self._heads
        decided: list[Match] = []
        for record in records:
            clock, match = read(record.value, heads)
            if clock is not None:
                decided += correlator.tick(*clock)
            if match is not None:
                decided += correlator.add(match)
        if muted:
            return []
        return [
            self._shared.alert(match)
            for match in decided
            if match.rule.id not in self._silenced and (match.correlated is None or not match.correlated.closing)
        ]

    def idle(self, wall: int, idle_ns: int) -> list[Outgoing]:
        return []

    def snapshot(self) -> Any:
        return self.correlator.snapshot()

    def restore(self, state: Any) -> None:
        self.correlator.restore(state)
