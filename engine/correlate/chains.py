"""Chains of matches in order, and which of them is the tightest."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import TypeAlias

from engine.correlate.evidence import Place, place_of
from engine.correlate.items import ID, SEQUENCE, SOURCE, TIME, Item

Chain: TypeAlias = tuple[Item, ...]

_MOST_STEPS = 20_000
_LAST = 1 << 80


def rank(chain: Chain) -> tuple[int, list[Place]]:
    """The greater, the tighter: it begins latest; among those, its last steps come latest."""
    return chain[0][TIME], [place_of(item) for item in reversed(chain)]


def in_order(chain: Chain) -> list[Item]:
    """As evidence: where the order of two steps is open, in that of all matches."""
    return sorted(chain, key=place_of)


def tightest(one: Chain | None, other: Chain | None) -> Chain | None:
    if one is None or other is None:
        return one or other
    return one if rank(one) >= rank(other) else other


class Search:
    """The tightest chain through candidates whose order is not settled (equal times, or times within the skew).

    ``candidates[k]`` are the matches that can be step k, in order. ``settled[k]``, where there is one, is the tightest
    chain of the steps up to k among matches that come before every candidate. ``joined`` says whether two matches can
    be one step and the next.
    """

    def __init__(
        self,
        candidates: Sequence[Sequence[Item]],
        skew: int = 0,
        settled: Sequence[Chain | None] | None = None,
        joined: Callable[[Item, Item], bool] | None = None,
    ) -> None:
        self._joined = joined
        self._by_source = [_by_source(items) for items in candidates]
        self._settled = settled
        self._skew = skew
        self._left = _MOST_STEPS
        self._best: Chain | None = None
        self.exhausted = 0
        """How many searches were cut short, so that there may be a tighter chain."""

    def ending_at(self, item: Item, step: int) -> Chain | None:
        self._best = None
        self._left = _MOST_STEPS
        self._walk(step - 1, (item,))
        self.exhausted += self._left < 0
        return self._best

    def _walk(self, step: int, later: Chain) -> None:
        if step < 0:
            self._best = tightest(self._best, later)
            return
        newest: int | None = None
        for item in self._latest(step, later):
            if self._joined is None and newest is not None and item[TIME] + self._skew < newest:
                break  # whatever goes before this one goes before the newest as well
            if self._best is not None and self._best[0][TIME] >= later[-1][TIME] + self._skew:
                return  # nothing begins later
            self._left -= 1
            if self._left < 0:
                return
            newest = item[TIME] if newest is None else newest
            self._walk(step - 1, (item, *later))
        if self._settled is not None and (chain := self._settled[step]) is not None:
            self._best = tightest(self._best, chain + later)

    def _latest(self, step: int, later: Chain) -> list[Item]:
        """The candidates worth trying before ``later``, the latest first.

        Of one source the latest that fits leaves most room. Its equals in time and sequence count as well, since one of
        them may be the event of another step: as many as there are steps are enough.
        """
        found: list[Item] = []
        for source, (items, moments) in self._by_source[step].items():
            bound = min(
                (item[TIME], item[SEQUENCE]) if item[SOURCE] == source else (item[TIME] + self._skew, _LAST)
                for item in later
            )
            moment: tuple[int, int] | None = None
            equals = 0
            for at in range(bisect_right(moments, bound) - 1, -1, -1):
                if self._joined is not None:
                    # The latest may be one that nothing leads to.
                    if self._joined(items[at], later[0]) and not any(items[at][ID] == item[ID] for item in later):
                        found.append(items[at])
                    continue
                if equals == len(self._by_source) or (moment is not None and moments[at] != moment):
                    break
                if not any(items[at][ID] == item[ID] for item in later):
                    moment = moments[at]
                    equals += 1
                    found.append(items[at])
        found.sort(key=place_of, reverse=True)
        return found


def _by_source(items: Sequence[Item]) -> dict[str, tuple[list[Item], list[tuple[int, int]]]]:
    """The items of each source, and when they happened: in order, since ``items`` are."""
    found: dict[str, tuple[list[Item], list[tuple[int, int]]]] = {}
    for item in items:
        mine, moments = found.setdefault(item[SOURCE], ([], []))
        mine.append(item)
        moments.append((item[TIME], item[SEQUENCE]))
    return found
