"""After an alert, none for the same key for a while: suppression."""

from collections import OrderedDict
from typing import Any

from engine.correlate.forgotten import Doubt, Forgotten
from engine.correlate.group import NEVER
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
        self.forgotten = Forgotten()
        """The keys of which it is not certain when the time behind their last alert ends."""

    def covers(self, key: Key, opened: int) -> bool:
        """Whether an alert that opens now is suppressed. Alerts come in order of their opening."""
        self.free(opened)
        since = self._since
        first = since.setdefault(self._mine(key), opened)
        if len(since) > self._most:
            gone, then = since.popitem(last=False)
            self.evicted += 1
            self.forgotten.add(gone, then + self._span, opened)
        return first < opened

    def free(self, now: int) -> int:
        """Forget the alerts whose time is over; when there are more."""
        since = self._since
        while since and now > (oldest := next(iter(since.items())))[1] + self._span:
            del since[oldest[0]]
        return self.due()

    def due(self) -> int:
        return next(iter(self._since.values())) + self._span + 1 if self._since else NEVER

    def lost(self, key: Key, until: int, now: int) -> None:
        """There may have been an alert until ``until`` that we know nothing of."""
        self.forgotten.add(self._mine(key), until + self._span, now)

    def lost_unknown(self, until: int) -> None:
        self.forgotten.add_unknown(until + self._span)

    def doubt(self, key: Key, opened: int, own: Doubt) -> Doubt:
        """Whether an alert that opens now relies on evicted state; ``own``: whether it does so, suppression apart."""
        if not self.forgotten and own is None:
            return None
        mine = self._mine(key)
        found = "yes" if own == "yes" else self.forgotten.doubt(mine, opened) or own
        # The time behind it begins with another alert, perhaps.
        if found == "yes":
            self.forgotten.add(mine, opened + self._span, opened)
        elif found is not None:
            self.forgotten.add_unknown(opened + self._span)
        return found

    def _mine(self, key: Key) -> Key:
        return tuple(key[place] for place in self._places)

    def take_over(self, other: "Suppression") -> None:
        self._since, self.evicted, self.forgotten = other._since, other.evicted, other.forgotten

    def state(self) -> Any:
        since = [[key, opened] for key, opened in self._since.items()]
        return {"since": since, "evicted": self.evicted, "forgotten": self.forgotten.state()}

    def restore(self, state: Any) -> None:
        since = state
        if isinstance(state, dict):
            since, self.evicted = state["since"], state["evicted"]
            self.forgotten.restore(state["forgotten"])
        self._since = OrderedDict((tuple(key), opened) for key, opened in since)
