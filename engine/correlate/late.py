"""Matches that the watermark has passed."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.correlate.items import RULE, TIME, WHAT, Item
from engine.model import Match

if TYPE_CHECKING:
    from engine.correlate.correlation import Correlation


def add_late(correlation: "Correlation", items: Sequence[Item], now: int) -> None:
    """Add them to the alerts that are still kept and into whose interval they fall; the watermark is at ``now``."""
    for item in items:
        match = item[WHAT]
        assert isinstance(match, Match)
        if item[RULE] in correlation.rule.rules and correlation.evidential(match):
            _add(correlation, item, match, now)


def _add(correlation: "Correlation", item: Item, match: Match, now: int) -> None:
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
