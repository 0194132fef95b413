"""``until``: the events that abort what a group has gathered."""

from collections.abc import Iterable, Sequence

from engine.correlate.items import SEQUENCE, SOURCE, TIME, Item


def surely(one: Item, other: Item) -> bool:
    """In every order that is possible ``one`` came first: by its time, within a source by its sequence as well."""
    if one[TIME] != other[TIME]:
        return one[TIME] < other[TIME]
    return one[SOURCE] == other[SOURCE] and one[SEQUENCE] < other[SEQUENCE]


def cut(items: Iterable[Item], aborts: Sequence[Item]) -> list[Item]:
    """The items that no abort came after."""
    return [item for item in items if not any(surely(item, abort) for abort in aborts)]
