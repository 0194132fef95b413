"""After an alert, none for the same key for a while: suppression."""

from collections import OrderedDict
from typing import Any

from engine.correlate.items import Key
from engine.ruleset.correlation import CorrelationRule


class Suppression:
    """In the time behind an alert no other opens for the same key, but for those of its own moment.

    A suppressed alert is not told, and still goes on to the correlations above.
    """

    def __init__(self, rule: CorrelationRule, most: int) -> None:
        self._span = rule.suppress_ns
        by = rule.suppress_by or rule.group_by
        self._places = tuple(place for place, name in enumerate(rule.group_by) if name in by)
        self._most = most
        self._since: OrderedDict[Key, int] = OrderedDict()
        self.evicted = 0

    def covers(self, key: Key, opened: int) -> bool:
        """Whether an alert that opens now is suppressed. Alerts come in order of their opening."""
        since = self._since
        while since and opened > (oldest := next(iter(since.items())))[1] + self._span:
            del since[oldest[0]]
        mine = tuple(key[place] for place in self._places)
        first = since.setdefault(mine, opened)
        if len(since) > self._most:
            since.popitem(last=False)
            self.evicted += 1
        return first < opened

    def take_over(self, other: "Suppression") -> None:
        self._since, self.evicted = other._since, other.evicted

    def state(self) -> list[Any]:
        return [[key, opened] for key, opened in self._since.items()]

    def restore(self, state: list[Any]) -> None:
        self._since = OrderedDict((tuple(key), opened) for key, opened in state)
