"""Which values were tied to each other, and when."""

from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Sequence
from typing import Any

from engine.correlate.group import PAST
from engine.ruleset.correlation import Entity, Link

_Fact = tuple[int, int, str, str, tuple[str, str] | None]
"""Time, number of the link, one value, the other (``""``: any), their spellings (None: an end)."""

ANY = ""


class _Timeline:
    """The facts of one link. ``pairs``: by both values when they were tied, with the spellings; ``ends``: by both, or
    one and any, when that ended; ``partners``: of either end, what a value was ever tied to."""

    __slots__ = ("ends", "link", "pairs", "partners")

    def __init__(self, link: Link) -> None:
        self.link = link
        self.pairs: dict[tuple[str, str], list[tuple[int, tuple[str, str]]]] = {}
        self.ends: dict[tuple[str, str], list[int]] = {}
        self.partners: tuple[dict[str, dict[str, None]], dict[str, dict[str, None]]] = ({}, {})

    def holds(self, one: str, other: str, time: int) -> tuple[str, str] | None:
        """The spellings, where the two are tied at this time: since the latest fact that ties them, unless ``for`` is
        over, an end came between, or an address went to somebody else."""
        since = self._latest(one, other, time + 1)
        if since is None or since[0] + self.link.for_ns < time:
            return None
        for key in ((one, other), (one, ANY), (ANY, other)):
            ends = self.ends.get(key)
            if ends and bisect_left(ends, time) > bisect_right(ends, since[0]):
                return None
        for side, (kind, _) in enumerate(self.link.ends):
            if kind == "ip" and self._passed_on(side, (one, other), since[0], time):
                return None
        return since[1]

    def _passed_on(self, side: int, pair: tuple[str, str], since: int, time: int) -> bool:
        address, owner = pair[side], pair[1 - side]
        for another in self.partners[side][address]:
            if another != owner:
                later = self._latest(*((address, another) if side == 0 else (another, address)), time)
                if later is not None and later[0] > since:
                    return True
        return False

    def _latest(self, one: str, other: str, before: int) -> tuple[int, tuple[str, str]] | None:
        facts = self.pairs.get((one, other), ())
        at = bisect_left(facts, before, key=_time)
        return facts[at - 1] if at else None


class Ties:
    """Of all links of a rule. The oldest facts go first: what is left of a tie is right, or it is not there at all.

    ``kept_ns``: how long after its end a tie may still be asked for.
    """

    def __init__(self, links: Sequence[Link], most: int, kept_ns: int) -> None:
        self._timelines = [_Timeline(link) for link in links]
        self._most = most
        self._kept = kept_ns + max((link.for_ns for link in links), default=0)
        self._facts: deque[_Fact] = deque()
        self._floor = PAST  # before this time facts were given up
        self._lost: int | None = None
        self.evicted = 0

    def set(self, number: int, time: int, one: str, other: str, spelled: tuple[str, str]) -> None:
        self._add((time, number, one, other, spelled))

    def end(self, number: int, time: int, one: str, other: str) -> None:
        self._add((time, number, one, other, None))

    def partners(self, start: Entity, value: str, goal: Entity, time: int) -> dict[str, str]:
        """What the value is tied to at this time, with its spelling."""
        found: dict[str, str] = {}
        for timeline in self._timelines:
            kinds = [kind for kind, _ in timeline.link.ends]
            if start not in kinds or goal not in kinds:
                continue
            side = kinds.index(start)
            for partner in timeline.partners[side].get(value, ()):
                pair = (value, partner) if side == 0 else (partner, value)
                spelled = timeline.holds(*pair, time)
                if spelled is not None:
                    found.setdefault(partner, spelled[1 - side])
        return found

    def lost_until(self) -> int | None:
        until, self._lost = self._lost, None
        return until

    def state(self) -> Any:
        return [list(self._facts), None if self._floor == PAST else self._floor, self.evicted]

    def restore(self, state: Any) -> None:
        facts, floor, self.evicted = state
        for time, number, one, other, spelled in facts:
            self._add((time, number, one, other, None if spelled is None else (spelled[0], spelled[1])))
        self._floor = PAST if floor is None else floor

    def _add(self, fact: _Fact) -> None:
        time, number, one, other, spelled = fact
        if time < self._floor:
            self._give_up(fact)
            return
        timeline = self._timelines[number]
        if spelled is None:
            ends = timeline.ends.setdefault((one, other), [])
            at = bisect_left(ends, time)
            if at < len(ends) and ends[at] == time:
                return
            ends.insert(at, time)
        else:
            known = timeline.pairs.setdefault((one, other), [])
            place = bisect_left(known, (time, spelled))
            if place < len(known) and known[place] == (time, spelled):
                return
            known.insert(place, (time, spelled))
            timeline.partners[0].setdefault(one, {})[other] = None
            timeline.partners[1].setdefault(other, {})[one] = None
        facts = self._facts
        if not facts or facts[-1][0] <= time:
            facts.append(fact)
        else:
            insort(facts, fact, key=_time)
        while facts[0][0] + self._kept < time:
            self._remove(facts.popleft())
        while len(facts) > self._most:
            oldest = facts.popleft()
            self._remove(oldest)
            self._give_up(oldest)

    def _give_up(self, fact: _Fact) -> None:
        self.evicted += 1
        self._floor = max(self._floor, fact[0])
        until = fact[0] + self._timelines[fact[1]].link.for_ns
        self._lost = until if self._lost is None else max(self._lost, until)

    def _remove(self, fact: _Fact) -> None:
        """It is the oldest of all, so the oldest of its own kind."""
        _, number, one, other, spelled = fact
        timeline = self._timelines[number]
        if spelled is None:
            ends = timeline.ends[one, other]
            del ends[0]
            if not ends:
                del timeline.ends[one, other]
            return
        known = timeline.pairs[one, other]
        del known[known.index((fact[0], spelled))]
        if not known:
            del timeline.pairs[one, other]
            for partners, mine, its in ((timeline.partners[0], one, other), (timeline.partners[1], other, one)):
                del partners[mine][its]
                if not partners[mine]:
                    del partners[mine]


def _time(fact: tuple[int, Any] | _Fact) -> int:
    return fact[0]
