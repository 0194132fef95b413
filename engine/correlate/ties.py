"""Which values were tied to each other, and when."""

from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from engine.correlate.group import NEVER
from engine.correlate.items import Item
from engine.correlate.keys import FAN_OUT
from engine.ruleset.correlation import Entity, Link

Moment: TypeAlias = tuple[int, str, int]
"""Time, source and sequence: of one source and time the sequence tells the order, else it is open."""

_Fact: TypeAlias = tuple[Moment, int, str, str, tuple[str, str] | None]
"""When, number of the link, one value, the other (``""``: any), their spellings (None: an end)."""

ANY = ""
_GRAINS = 32
_LOOKED = 1024
"""Partners of a value that are looked at, those tied latest first."""


def moment_of(item: Item) -> Moment:
    return item[:3]


class _Timeline:
    """The facts of one link. ``pairs``: by both values when they were tied, with the spellings; ``ends``: by both, or
    one and any, when that ended; ``owners``: to whom an address was given; ``partners``: of either end, what a value is
    tied to, and when it was so last, in that order."""

    __slots__ = ("address", "ends", "link", "owners", "pairs", "partners")

    def __init__(self, link: Link) -> None:
        self.link = link
        kinds = [kind for kind, _ in link.ends]
        self.address = kinds.index("ip") if "ip" in kinds else None
        self.pairs: dict[tuple[str, str], list[tuple[Moment, tuple[str, str]]]] = {}
        self.ends: dict[tuple[str, str], list[Moment]] = {}
        self.owners: dict[str, list[tuple[Moment, str]]] = {}
        self.partners: tuple[dict[str, dict[str, int]], dict[str, dict[str, int]]] = ({}, {})

    def holds(self, one: str, other: str, at: Moment) -> tuple[int, tuple[str, str]] | None:
        """Since when, with the spellings, where the two are tied: since the latest fact that ties them, unless ``for``
        is over, an end came between, or the address went to somebody else."""
        facts = self.pairs.get((one, other), ())
        place = bisect_left(facts, ((at[0] + 1,),))
        found: tuple[int, tuple[str, str]] | None = None
        latest: int | None = None
        while place:
            place -= 1
            since, spelled = facts[place]
            if since[0] < at[0]:
                if latest is not None and since[0] < latest:
                    break  # whatever ended the later ones ended this one
                latest = since[0]
            if found is not None and since[0] < found[0]:
                break
            if since[0] + self.link.for_ns < at[0]:
                break
            if not _surely(at, since) and not self._ended(one, other, since, at):
                found = max(found, (since[0], spelled)) if found else (since[0], spelled)
        return found

    def _ended(self, one: str, other: str, since: Moment, at: Moment) -> bool:
        for key in ((one, other), (one, ANY), (ANY, other)):
            ends = self.ends.get(key)
            if ends and _between(ends, since, at):
                return True
        if self.address is None:
            return False
        address, owner = (one, other) if self.address == 0 else (other, one)
        return _passed_on(self.owners[address], owner, since, at)

    def candidates(self, side: int, value: str, at: Moment) -> Iterable[tuple[str, int]]:
        """What the value may be tied to, and since when at the latest; the latest first."""
        if side != self.address:
            return reversed(self.partners[side].get(value, _NOBODY).items())
        # Those of the latest time before, since whoever had it earlier has it no more; and those of this very time.
        given = self.owners.get(value, [])
        now = bisect_left(given, ((at[0],),))
        before = bisect_left(given, ((given[now - 1][0][0],),)) if now else 0
        found: dict[str, int] = {}
        for when, owner in reversed(given[before : bisect_left(given, ((at[0] + 1,),))]):
            found.setdefault(owner, when[0])
        return found.items()

    def tie(self, at: Moment, one: str, other: str, spelled: tuple[str, str]) -> bool:
        """False: that is known."""
        known = self.pairs.setdefault((one, other), [])
        place = bisect_left(known, (at, spelled))
        if place < len(known) and known[place] == (at, spelled):
            return False
        known.insert(place, (at, spelled))
        for partners, mine, its in ((self.partners[0], one, other), (self.partners[1], other, one)):
            _latest(partners.setdefault(mine, {}), its, at[0])
        if self.address is not None:
            address, owner = (one, other) if self.address == 0 else (other, one)
            insort(self.owners.setdefault(address, []), (at, owner))
        return True

    def untie(self, at: Moment, one: str, other: str, spelled: tuple[str, str]) -> None:
        known = self.pairs[one, other]
        del known[bisect_left(known, (at, spelled))]
        if not known:
            del self.pairs[one, other]
            for partners, mine, its in ((self.partners[0], one, other), (self.partners[1], other, one)):
                del partners[mine][its]
                if not partners[mine]:
                    del partners[mine]
        if self.address is not None:
            address, owner = (one, other) if self.address == 0 else (other, one)
            given = self.owners[address]
            del given[bisect_left(given, (at, owner))]
            if not given:
                del self.owners[address]


class Ties:
    """Of all links of a rule. The oldest facts go first: what is left of a tie is right, or it is not there at all.

    ``kept_ns``: how long after its end a tie may still be asked for. ``cut_short``: searches that did not look at all
    partners of a value.
    """

    def __init__(self, links: Sequence[Link], most: int, kept_ns: int) -> None:
        self._timelines = [_Timeline(link) for link in links]
        self._most = most
        self._kept = kept_ns + max((link.for_ns for link in links), default=0)
        self._facts: deque[_Fact] = deque()
        self._added: list[_Fact] | None = None  # since the last capture
        self._floor: Moment | None = None  # before it facts were given up
        self._lost: int | None = None
        self.evicted = 0
        self.cut_short = 0

    def set(self, number: int, at: Moment, one: str, other: str, spelled: tuple[str, str]) -> None:
        self._add((at, number, one, other, spelled))

    def end(self, number: int, at: Moment, one: str, other: str) -> None:
        self._add((at, number, one, other, None))

    def partners(self, start: Entity, value: str, goal: Entity, at: Moment) -> dict[str, tuple[int, str]]:
        """What the value is tied to, since when, and its spelling: the sixteen that were tied latest."""
        found: dict[str, tuple[int, str]] = {}
        for timeline in self._timelines:
            kinds = [kind for kind, _ in timeline.link.ends]
            if start not in kinds or goal not in kinds:
                continue
            side = kinds.index(start)
            own: dict[str, tuple[int, str]] = {}
            least = at[0] - timeline.link.for_ns
            for looked, (partner, latest) in enumerate(timeline.candidates(side, value, at)):
                if latest < least:
                    break
                if looked == _LOOKED:
                    self.cut_short += 1
                    break
                tied = timeline.holds(*((value, partner) if side == 0 else (partner, value)), at)
                if tied is not None:
                    own[partner] = (tied[0], tied[1][1 - side])
                    if len(own) >= FAN_OUT:
                        least = max(least, sorted((since for since, _ in own.values()), reverse=True)[FAN_OUT - 1])
            for partner, entry in own.items():
                found[partner] = max(found.get(partner, entry), entry)
        return latest_of(found)

    def lost_until(self) -> int | None:
        until, self._lost = self._lost, None
        return until

    def free(self, now: int) -> int:
        """Give up what nobody can ask for at ``now`` or after; when there is more, exact to a 32nd of its time."""
        self._expire(now)
        return max(self.due(), now + self._kept // _GRAINS)

    def due(self) -> int:
        return self._facts[0][0][0] + self._kept + 1 if self._facts else NEVER

    def captured(self, *, full: bool) -> list[_Fact]:
        """All facts, or at least those since this was asked last."""
        added, self._added = self._added, []
        return list(self._facts) if full or added is None else added

    def state(self) -> list[Any]:
        """Without the facts."""
        return [[], self._floor, self.evicted]

    def restore(self, state: Any) -> None:
        facts, floor, evicted = state
        self._floor = (floor, "", 0) if isinstance(floor, int) else None if floor is None else tuple(floor)
        for when, number, one, other, spelled in facts:
            # Of version 2: the time alone.
            at = (when, "", 0) if isinstance(when, int) else (when[0], when[1], when[2])
            if self._floor is None or at >= self._floor:
                self._add((at, number, one, other, None if spelled is None else (spelled[0], spelled[1])))
        self.evicted, self._lost = evicted, None

    def bounded(self, most: int, kept_ns: int) -> None:
        """Goes on with another bound."""
        self._most = most
        self._kept = kept_ns + max((timeline.link.for_ns for timeline in self._timelines), default=0)
        self._evict()

    def _add(self, fact: _Fact) -> None:
        at, number, one, other, spelled = fact
        if self._floor is not None and at < self._floor:
            self._give_up(fact)
            return
        timeline = self._timelines[number]
        if spelled is not None:
            if not timeline.tie(at, one, other, spelled):
                return
        else:
            ends = timeline.ends.setdefault((one, other), [])
            place = bisect_left(ends, at)
            if place < len(ends) and ends[place] == at:
                return
            ends.insert(place, at)
        facts = self._facts
        if not facts or facts[-1][0] <= at:
            facts.append(fact)
        else:
            facts.insert(bisect_right(facts, at, key=_when), fact)
        if self._added is not None:
            if len(self._added) < self._most:
                self._added.append(fact)
            else:
                self._added = None
        self._expire(at[0])
        self._evict()

    def _expire(self, now: int) -> None:
        facts = self._facts
        while facts and facts[0][0][0] + self._kept < now:
            self._remove(facts.popleft())

    def _evict(self) -> None:
        while len(self._facts) > self._most:
            oldest = self._facts.popleft()
            self._remove(oldest)
            self._give_up(oldest)

    def _give_up(self, fact: _Fact) -> None:
        self.evicted += 1
        self._floor = fact[0] if self._floor is None else max(self._floor, fact[0])
        until = fact[0][0] + self._timelines[fact[1]].link.for_ns
        self._lost = until if self._lost is None else max(self._lost, until)

    def _remove(self, fact: _Fact) -> None:
        at, number, one, other, spelled = fact
        timeline = self._timelines[number]
        if spelled is not None:
            timeline.untie(at, one, other, spelled)
            return
        ends = timeline.ends[one, other]
        del ends[bisect_left(ends, at)]
        if not ends:
            del timeline.ends[one, other]


def latest_of(found: Mapping[str, tuple[int, str]]) -> dict[str, tuple[int, str]]:
    """The sixteen that were tied latest."""
    if len(found) <= FAN_OUT:
        return dict(found)
    return dict(sorted(found.items(), key=lambda each: (-each[1][0], each[0]))[:FAN_OUT])


def _surely(one: Moment, other: Moment) -> bool:
    """One came first in every order that is possible."""
    return one[0] < other[0] or (one[0] == other[0] and one[1] == other[1] and one[2] < other[2])


def _between(moments: Sequence[Moment], since: Moment, until: Moment) -> bool:
    """Whether one of them, in order, is surely after ``since`` and surely before ``until``."""
    if bisect_left(moments, (since[0] + 1,)) < bisect_left(moments, (until[0],)):
        return True
    after = bisect_right(moments, since)
    if after < len(moments) and _surely(since, moments[after]) and _surely(moments[after], until):
        return True
    before = bisect_left(moments, until) - 1
    return before >= 0 and _surely(since, moments[before]) and _surely(moments[before], until)


def _passed_on(given: Sequence[tuple[Moment, str]], owner: str, since: Moment, until: Moment) -> bool:
    """Whether an address was given to another surely after ``since`` and surely before ``until``.

    ``since`` is of the latest time before ``until`` that it was given to this one, so that any between is another's.
    """
    if bisect_left(given, ((since[0] + 1,),)) < bisect_left(given, ((until[0],),)):
        return True
    for moment in {(since[0], since[1]), (until[0], until[1])}:
        place = bisect_left(given, (moment,))
        while place < len(given) and given[place][0][:2] == moment:
            when, another = given[place]
            if another != owner and _surely(since, when) and _surely(when, until):
                return True
            place += 1
    return False


def _latest(partners: dict[str, int], partner: str, time: int) -> None:
    known = partners.get(partner)
    if known is not None and time <= known:
        return
    last = next(reversed(partners.values()), time)
    if known is not None:
        del partners[partner]
    partners[partner] = time
    if time < last:  # it came late
        ordered = sorted(partners.items(), key=lambda each: each[1])
        partners.clear()
        partners.update(ordered)


def _when(fact: _Fact) -> Moment:
    return fact[0]


_NOBODY: dict[str, int] = {}
