"""``join``: a value of one step is a value of the next."""

from collections.abc import Callable, Sequence

from engine.correlate.items import RULE, WHAT, Item, Key
from engine.correlate.keys import groups_of
from engine.model import Match
from engine.ruleset.correlation import CorrelationRule


class Joins:
    """What a match leads on to, and what leads to it; of several pairs of names each has to hold."""

    def __init__(self, rule: CorrelationRule, resolved: Callable[[str, Sequence[str]], tuple[str, ...]]) -> None:
        ours, theirs = [left for left, _ in rule.join], [right for _, right in rule.join]
        self._onward = {base: resolved(base, ours) for base in rule.rules}
        self._backward = {base: resolved(base, theirs) for base in rule.rules}

    def onward(self, item: Item) -> list[Key]:
        """The values that the next step may have; none where a field is missing."""
        return _values(item, self._onward)

    def backward(self, item: Item) -> list[Key]:
        """The values that the step before may have."""
        return _values(item, self._backward)

    def joined(self, one: Item, other: Item) -> bool:
        """Whether two matches can be one step and the next."""
        ours = self.onward(one)
        return bool(ours) and not set(ours).isdisjoint(self.backward(other))


def _values(item: Item, names: dict[str, tuple[str, ...]]) -> list[Key]:
    match = item[WHAT]
    assert isinstance(match, Match)
    return [key for key, _ in groups_of(match.event, names[item[RULE]])]
