"""``expected``: what comes regularly has not come for the timespan."""

from engine.correlate.aborts import surely
from engine.correlate.correlation import Correlation, Setting
from engine.correlate.group import NEVER, Group
from engine.correlate.items import RULE, TIME, Item, Key
from engine.model import Match
from engine.ruleset.correlation import CorrelationRule


class Silence(Correlation):
    """A group is expected once it has been seen, until it falls silent or an abort; then its next match begins anew.

    ``group.items`` is its last match. The end of the input is nobody's silence: only what the input came to is decided.
    """

    whole = True

    def __init__(self, rule: CorrelationRule, index: int, setting: Setting) -> None:
        super().__init__(rule, index, setting)
        self._until = frozenset(rule.until)
        self._aborts: dict[Key, list[Item]] = {}

    def evidential(self, match: Match) -> bool:
        return False  # nothing is evidence of a silence

    def take(self, item: Item) -> None:
        self.counts.matches += 1
        aborts = item[RULE] in self._until
        for key, _ in self.keys(item):
            if aborts:
                if key in self.groups:
                    self._aborts.setdefault(key, []).append(item)
                continue
            group = self.group(key, item[TIME])
            group.items = [item]
            self.arm(group, item[TIME] + self.timespan)

    def settle(self) -> None:
        for key, aborts in self._aborts.items():
            group = self.there(key)
            if group is not None and group.items and any(surely(group.items[0], abort) for abort in aborts):
                group.items = []
        self._aborts.clear()

    def decide(self, group: Group, now: int) -> None:
        if group.items and group.items[0][TIME] + self.timespan <= now:
            if self.end is None or now <= self.end:
                self.open(group, now, group.items[0], group.items)
            group.items = []

    def trim(self, group: Group, now: int) -> int:
        return group.items[0][TIME] + self.timespan if group.items else NEVER
