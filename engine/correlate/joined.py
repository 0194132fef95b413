"""``temporal_ordered`` with ``join``: chains that lead from value to value."""

from collections.abc import Sequence
from typing import Any, TypeAlias

from engine.correlate.chains import Chain, in_order, tightest
from engine.correlate.correlation import Correlation, Setting
from engine.correlate.expression import ways
from engine.correlate.group import NEVER, Group
from engine.correlate.items import RULE, TIME, Item, Key, may_precede
from engine.correlate.joins import Joins
from engine.correlate.state import Heads, item_from
from engine.ruleset.correlation import CorrelationRule

Steps: TypeAlias = list[dict[Key, Chain]]
"""For each step the tightest chain that ends there and leads on to a value."""

_SWEEPS = 8  # of a timespan: how often what is over is looked for
_MOST_TRIED = 20_000


class Joined(Correlation):
    """Matches of one time are taken together, because their order may be open; ``items`` holds them only until then."""

    counted_once = "match"
    whole = True

    def __init__(self, rule: CorrelationRule, index: int, setting: Setting) -> None:
        super().__init__(rule, index, setting)
        self._ways = [tuple(step.rule for step in way) for way in ways(rule)]
        self._joins = Joins(rule, self.resolved)
        self._unsettled: dict[Key, Group] = {}
        self._tried = 0

    def fresh_state(self) -> list[Steps]:
        return [[{} for _ in way[:-1]] for way in self._ways]

    def take(self, item: Item) -> None:
        self.counts.matches += 1
        for key, _ in self.keys(item):
            group = self.group(key, item[TIME])
            if group.items and self.known(group, item):
                continue
            group.items.append(item)
            self._unsettled[key] = group
            self.arm(group, item[TIME] + self.timespan)

    def settle(self) -> None:
        for group in self._unsettled.values():
            if self.groups.get(group.key) is not group:
                continue  # evicted by one of the same time
            ended: dict[int, Chain] = {}
            for way, steps in zip(self._ways, group.state, strict=True):
                self._extend(group, way, steps, ended)
            for place, item in enumerate(group.items):
                if place in ended:
                    self.ends(group, item, in_order(ended[place]))
            group.items.clear()
            group.ids = None
        self._unsettled.clear()

    def _extend(self, group: Group, way: Sequence[str], steps: Steps, ended: dict[int, Chain]) -> None:
        made: list[tuple[int, Item, Chain]] = []
        for place, item in enumerate(group.items):
            for step, rule in enumerate(way):
                if rule != item[RULE]:
                    continue
                self._tried = 0
                chain = self._best(group.items, way, steps, step, (item,))
                self.counts.tied += self._tried > _MOST_TRIED
                if chain is None:
                    continue
                if step == len(way) - 1:
                    ended[place] = tightest(ended.get(place), chain) or chain
                else:
                    made.append((step, item, chain))
        for step, item, chain in made:
            chains = steps[step]
            for value in self._joins.onward(item):
                chains[value] = tightest(chains.pop(value, None), chain) or chain
            while len(chains) > self._max_matches:
                del chains[next(iter(chains))]
                self.overflow(group)

    def _best(self, batch: Sequence[Item], way: Sequence[str], steps: Steps, step: int, later: Chain) -> Chain | None:
        """The tightest chain whose end ``later`` is, matches of this time from ``step`` on."""
        self._tried += 1
        if step == 0:
            return later
        if self._tried > _MOST_TRIED:
            return None
        item = later[0]
        floor = item[TIME] - self.timespan
        best: Chain | None = None
        for value in self._joins.backward(item):
            before = steps[step - 1].get(value)
            if before is not None and before[0][TIME] >= floor:
                best = tightest(best, before + later)
        for other in batch:
            if (
                other[RULE] == way[step - 1]
                and all(may_precede(other, one) for one in later)
                and self._joins.joined(other, item)
            ):
                best = tightest(best, self._best(batch, way, steps, step - 1, (other, *later)))
        return best

    def decide(self, group: Group, now: int) -> None:
        pass

    def trim(self, group: Group, now: int) -> int:
        left = False
        for steps in group.state:
            for chains in steps:
                for value in [value for value, chain in chains.items() if chain[0][TIME] + self.timespan <= now]:
                    del chains[value]
                left = left or bool(chains)
        if not left:
            group.lossy = group.lossy and group.alert is not None
            return NEVER
        return now + max(self.timespan // _SWEEPS, 1)

    def state_of(self, group: Group, heads: Heads) -> Any:
        return [
            [[[value, self.items_state(group, chain, heads)] for value, chain in chains.items()] for chains in steps]
            for steps in group.state
        ]

    def restore_state(self, group: Group, state: Any, heads: Heads) -> None:
        group.state = [
            [
                {tuple(value): tuple(item_from(item, heads) for item in chain) for value, chain in chains}
                for chains in steps
            ]
            for steps in state
        ]
