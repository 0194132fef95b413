"""What a correlation gave up at a bound, and which of its alerts may lack it."""

from typing import TYPE_CHECKING, Any

from engine.correlate.forgotten import Doubt, Forgotten
from engine.correlate.group import PAST, Group
from engine.correlate.items import TIME, WHAT, Item, Key
from engine.correlate.life import Life
from engine.correlate.suppression import Suppression
from engine.model import Match
from engine.ruleset.correlation import CorrelationRule

if TYPE_CHECKING:
    from engine.correlate.correlation import Correlation


class Losses:
    """``above`` are those of the correlations above: where something is lost below, an alert may be missing."""

    def __init__(self, rule: CorrelationRule, suppression: Suppression | None) -> None:
        # Matches count for a timespan, and the alert of which they may have been the last is open for another.
        self._felt = 2 * (rule.timespan_ns + rule.skew_ns)
        self._suppression = suppression
        self._forgotten = Forgotten()
        self._thin = PAST
        self.above: list[Losses] = []
        self.any = False
        """Whether a key was ever given up."""

    def lost(self, key: Key, now: int) -> int:
        """Something of a group was given up; until when its alerts may lack it."""
        until = now + self._felt
        self.any = True
        self._forgotten.add(key, until, now)
        if self._suppression is not None:
            self._suppression.lost(key, until, now)
        for outer in self.above:
            outer.thinned(until)
        return until

    def again(self, key: Key, until: int, now: int) -> None:
        """A group is no more that lacks something until ``until``."""
        self._forgotten.add(key, until, now)

    def thinned(self, until: int) -> None:
        """Something was given up that any group may lack, as an alert of a correlation below, or a link."""
        self._thin = max(self._thin, until + self._felt)
        if self._suppression is not None:
            self._suppression.lost_unknown(self._thin)
        for outer in self.above:
            outer.thinned(self._thin)

    def inherited(self, key: Key, group: Group | None, now: int, doubt: Doubt) -> None:
        """An alert below that relied on evicted state is a match of the group."""
        if doubt == "yes":
            until = self.lost(key, now)
            if group is not None:
                group.lost = max(group.lost, until)
        elif doubt is not None:
            self.any = True
            self._forgotten.add_unknown(now + self._felt)
            if group is not None:
                group.unsure = max(group.unsure, self._forgotten.unsure)

    def born(self, group: Group) -> None:
        group.lost = self._forgotten.until(group.key)
        group.unsure = self._forgotten.unsure

    def doubt(self, group: Group, opened: int) -> Doubt:
        """Whether an alert that opens now relies on evicted state."""
        found: Doubt = "possibly" if group.unsure >= opened or self._thin >= opened else None
        before = group.kept[-1] if group.kept else None
        if group.lossy or group.lost >= opened:
            found = "yes"
        elif before is not None and before.closed_by == "growth" and before.until >= opened:
            found = before.evicted or found
        return found if self._suppression is None else self._suppression.doubt(group.key, opened, found)

    def missing(self, alert: Life) -> None:
        """Of an alert that is open: revisions of it may be missing."""
        if self._thin >= alert.opened and alert.evicted is None:
            alert.evicted = "possibly"

    def state(self) -> Any:
        if self._thin == PAST and not self._forgotten:
            return None
        return [self._forgotten.state(), None if self._thin == PAST else self._thin]

    def restore(self, state: Any) -> None:
        if state is not None:
            forgotten, thin = state
            self._forgotten.restore(forgotten)
            self.any = bool(self._forgotten)
            self._thin = PAST if thin is None else thin

    def take_over(self, other: "Losses") -> None:
        self._forgotten, self._thin, self.any = other._forgotten, other._thin, other.any


def inherit(correlation: "Correlation", item: Item) -> None:
    """An alert below comes as ``item``, and it may have relied on evicted state."""
    match = item[WHAT]
    assert isinstance(match, Match)
    if match.correlated is not None and match.correlated.evicted is not None:
        for key, _ in correlation.found(match):
            correlation.losses.inherited(key, correlation.there(key), item[TIME], match.correlated.evicted)
