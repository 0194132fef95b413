"""Revisions of inner alerts in the windows of outer correlations: one event id, and the latest stands for it."""

from collections.abc import Sequence

from engine.correlate.items import ID, RULE, Item
from engine.correlate.measures import Contribution, Measure


def supersede(items: list[Item], head: int, item: Item, measure: Measure | None, contribution: Contribution) -> int:
    """Take out the revision whose place ``item`` takes, and say where it stood (-1: nowhere).

    With a ``contribution`` only one that had the same: of values, each counts that a revision had.
    """
    for at in range(len(items) - 1, head - 1, -1):
        if items[at][ID] == item[ID] and items[at][RULE] == item[RULE]:
            if measure is not None:
                if contribution is not None and measure.at(at - head) != contribution:
                    continue
                measure.forget(at - head)
            del items[at]
            return at
    return -1


def latest(items: Sequence[Item]) -> list[Item]:
    """Of each alert the latest revision, which stands for it as evidence."""
    last = {(item[ID], item[RULE]): item for item in items}
    return [item for item in items if last[item[ID], item[RULE]] is item]
