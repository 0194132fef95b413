"""Polling is not drowned in: repeated successful reads become one event an interval."""

from engine.model import Event
from engine.model.times import SECOND

INTERVAL_NS = 60 * SECOND
_MAX_KEYS = 100_000


class ReadAggregation:
    """The first read of a range passes; the same read within ``interval_ns`` of it is only counted.

    The next one that passes says in ``tieline.repeated`` how many were counted since.
    """

    def __init__(self, interval_ns: int = INTERVAL_NS) -> None:
        self.interval_ns = interval_ns
        self._seen: dict[tuple[object, ...], list[int]] = {}
        self.stats = {"reads_aggregated": 0, "read_ranges_evicted": 0}

    def passes(self, event: Event) -> bool:
        fields = event.fields
        if fields.get("ot.operation") != "read" or fields.get("event.outcome") != "success":
            return True
        key: tuple[object, ...] = (
            fields.get("source.ip"),
            fields.get("destination.ip"),
            fields.get("destination.port"),
            fields.get("ot.protocol"),
            fields.get("ot.unit_id"),
            fields.get("ot.function_code"),
            str(fields.get("ot.address_space")),
            str(fields.get("ot.address")),
            str(fields.get("ot.count")),
        )
        try:
            seen = self._seen.get(key)
        except TypeError:  # JSON may say a list where ECS has one value
            key = tuple(map(str, key))
            seen = self._seen.get(key)
        if seen is None:
            if len(self._seen) >= _MAX_KEYS:
                self._seen.pop(next(iter(self._seen)))
                self.stats["read_ranges_evicted"] += 1
            self._seen[key] = [event.time, 0]
            return True
        if 0 <= event.time - seen[0] < self.interval_ns:
            seen[1] += 1
            self.stats["reads_aggregated"] += 1
            return False
        if seen[1]:
            fields["tieline.repeated"] = seen[1]
        seen[0], seen[1] = event.time, 0
        return True

    def snapshot(self) -> object:
        return [[list(key), seen] for key, seen in self._seen.items()]

    def restore(self, state: list[tuple[list[object], list[int]]]) -> None:
        self._seen = {tuple(key): list(seen) for key, seen in state}
