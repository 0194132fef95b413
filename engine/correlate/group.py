"""What a correlation remembers of one group, and what it counts."""

from dataclasses import dataclass
from typing import Any

from engine.correlate.items import Item, Key
from engine.correlate.life import Life

NEVER = 1 << 80
PAST = -(1 << 80)


class Group:
    """What one correlation remembers of one group.

    ``items[head:]`` are the matches of the window, ``fresh`` the first of them that is no evidence yet, ``ids`` theirs
    once they are many. ``due`` is when the group has to be looked at next. ``lossy``: the bound on matches was hit, so
    that the alert may rest on less than there was. An alert that opens until ``lost`` may lack evicted state, until
    ``unsure`` it is not known whether it does. ``touched`` is the time of the latest match.
    """

    __slots__ = (
        "alert", "due", "fresh", "head", "ids", "items", "kept", "key", "lossy", "lost", "state", "touched", "unsure",
    )  # fmt: skip

    def __init__(self, key: Key, state: Any, touched: int = PAST) -> None:
        self.key = key
        self.items: list[Item] = []
        self.head = 0
        self.fresh = 0
        self.ids: set[Any] | None = None
        self.alert: Life | None = None
        self.kept: list[Life] | None = None
        self.due = NEVER
        self.lossy = False
        self.lost = PAST
        self.unsure = PAST
        self.touched = touched
        self.state = state


@dataclass(slots=True)
class Counts:
    """What happened in one correlation. ``tied``: searches among equal times that were cut short; ``links_cut_short``:
    those among too many partners of a value; ``unidentified``: matches of which links do not tell who was behind them;
    ``doubted``: alerts that relied on evicted state, possibly or for sure."""

    matches: int = 0
    late: int = 0
    missing_key: int = 0
    unidentified: int = 0
    without_value: int = 0
    duplicates: int = 0
    evicted_groups: int = 0
    evicted_matches: int = 0
    evicted_suppressions: int = 0
    evicted_links: int = 0
    links_cut_short: int = 0
    tied: int = 0
    opened: int = 0
    revised: int = 0
    closed: int = 0
    suppressed: int = 0
    doubted: int = 0
