"""``join``: a value of one step is a value of the next."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from engine.correlate.items import RULE, WHAT, Item
from engine.correlate.keys import groups
from engine.model import Match
from engine.ruleset.correlation import CorrelationRule

Joined: TypeAlias = Callable[[Item, Item], bool]


def joins_of(rule: CorrelationRule, resolved: Callable[[str, Sequence[str]], tuple[str, ...]]) -> Joined | None:
    """Whether two matches can be one step and the next; None where all can."""
    if not rule.join:
        return None
    names = {
        base: [(resolved(base, [left]), resolved(base, [right])) for left, right in rule.join] for base in rule.rules
    }

    def joined(one: Item, other: Item) -> bool:
        here, there = one[WHAT], other[WHAT]
        assert isinstance(here, Match)
        assert isinstance(there, Match)
        for (left, _), (_, right) in zip(names[one[RULE]], names[other[RULE]], strict=True):
            ours = {key for key, _ in groups(here.event.fields, left)}
            if not any(key in ours for key, _ in groups(there.event.fields, right)):
                return False
        return True

    return joined
