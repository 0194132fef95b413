"""Matches that the watermark has passed."""

from typing import TYPE_CHECKING

from engine.correlate.items import TIME, WHAT, Item
from engine.model import Match

if TYPE_CHECKING:
    from engine.correlate.correlation import Correlation


def add_late(correlation: "Correlation", item: Item, now: int) -> None:
    """Add it to the alert that is still kept and into whose interval it falls; the watermark is at ``now``."""
    match = item[WHAT]
    assert isinstance(match, Match)
    if not correlation.evidential(match):
        return
    for key, _ in correlation.keys(item):
        group = correlation.there(key)
        if group is None:
            continue
        mark = correlation.mark(item)
        if any(correlation.mark(other) == mark for other in group.items[group.head :]):
            correlation.counts.duplicates += 1
            continue
        lives = [life for life in group.kept or () if correlation.kept_until(life) >= now]
        if group.alert is not None:
            lives.append(group.alert)
        for alert in lives:
            if alert.awaits(item[TIME]):
                if alert.add_late(item, match):
                    correlation.counts.revised += 1
                    correlation.emit(alert.match(), False, not alert.suppressed)
                break
