"""A match on its way through the correlations, and the order that matches are in."""

from collections.abc import Container
from typing import Final, TypeAlias

import msgspec

from engine.model import Evidence, Match


class Traced(msgspec.Struct, frozen=True, gc=False):
    """What a restored group keeps of a match: its evidence, and how it spelled the group's keys."""

    evidence: Evidence
    spelling: tuple[str, ...]


Item: TypeAlias = tuple[int, str, int, str, str, int, Match | Traced]
"""Time, source, sequence, event id and rule id, which are the order; the number of its arrival; the match itself."""

Key: TypeAlias = tuple[str, ...]
"""A group's keys in canonical form."""

TIME: Final = 0
SOURCE: Final = 1
SEQUENCE: Final = 2
ID: Final = 3
RULE: Final = 4
ARRIVAL: Final = 5
WHAT: Final = 6


def item_of(match: Match, arrival: int) -> Item:
    event = match.event
    return (event.time, event.source, event.sequence, event.id, match.rule.id, arrival, match)


def origin(item: Item, virtual: bool) -> str:
    """What an alert whose evidence begins here is named after: of an inner alert, the revision counts as well.

    An inner alert can go on for longer than an outer one, which then opens again with a later revision of it.
    """
    return f"{item[ID]}:{item[SEQUENCE]}" if virtual and item[SEQUENCE] else item[ID]


def named_after(first: Item, last: Item, inner: Container[str], refire: str) -> str:
    """What an alert of this first and last evidence is named after: where it fires again, the last, since the first may
    be that of the alert before."""
    if refire == "once":
        return origin(first, first[RULE] in inner)
    return f"{origin(last, last[RULE] in inner)}@{last[RULE]}"


def may_precede(one: Item, other: Item, skew: int = 0) -> bool:
    """Whether ``one`` can have happened before ``other``.

    Within a source by time, then sequence (the same sequence: either order). Across sources equal times satisfy either
    order, and so do times that differ by up to ``skew``. An event never precedes itself.
    """
    if one[ID] == other[ID]:
        return False
    if one[SOURCE] == other[SOURCE]:
        return one[TIME] < other[TIME] or (one[TIME] == other[TIME] and one[SEQUENCE] <= other[SEQUENCE])
    return one[TIME] <= other[TIME] + skew
