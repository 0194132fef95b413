"""How many groups there are of all rules together, and which go when there are too many."""

from collections.abc import Sequence
from heapq import heapify, heapreplace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.correlate.correlation import Correlation

_SHARE = 256
"""One in so many goes at once: looking for the oldest costs a look at every rule."""


class Census:
    """Beyond ``most`` groups those go that were not touched for longest, of whichever rule. The correlations keep
    ``count``."""

    __slots__ = ("correlations", "count", "evicted", "most")

    def __init__(self, most: int) -> None:
        self.most = most
        self.count = 0
        self.evicted = 0
        self.correlations: Sequence[Correlation] = ()

    def relieve(self, creating: "Correlation | None" = None) -> None:
        """``creating`` has just made a group, which stays."""
        if self.count <= self.most:
            return
        target = self.most - max(self.most // _SHARE, 1) + 1
        ages = [(each.oldest(), each.index, each) for each in self.correlations if each.size() > (each is creating)]
        heapify(ages)
        while self.count > target and ages:
            _, index, oldest = ages[0]
            oldest.evict()
            self.evicted += 1
            left = oldest.size() > (oldest is creating)
            heapreplace(ages, (oldest.oldest() if left else _LAST, index, oldest))
            if ages[0][0] == _LAST:
                return

    def count_anew(self) -> None:
        """After a restart or other rules, perhaps with other bounds."""
        for each in self.correlations:
            while each.size() > each.most_groups:
                each.evict()
        self.count = sum(each.size() for each in self.correlations)
        self.relieve()


_LAST = 1 << 81
