"""``temporal_ordered`` that more evidence can only make true: tested at every match that can end a chain."""

from typing import Any

from engine.correlate.chains import Chain, Search, in_order, tightest
from engine.correlate.correlation import Correlation, Setting
from engine.correlate.expression import ways
from engine.correlate.group import NEVER, Group
from engine.correlate.items import ARRIVAL, RULE, TIME, Item, Key
from engine.correlate.state import Heads, item_from
from engine.ruleset.correlation import CorrelationRule


class Ordered(Correlation):
    """A group's state is, for each way and each of its steps, the tightest chain that ends there.

    Matches of one time are taken together, because their order may be open; ``items`` holds them only until then.
    """

    counted_once = "match"

    def __init__(self, rule: CorrelationRule, index: int, setting: Setting) -> None:
        super().__init__(rule, index, setting)
        self._ways = [tuple(step.rule for step in way) for way in ways(rule)]
        # (way, step) of every place that a rule can take, the last first: no match is to take two steps at once.
        self._places: dict[str, list[tuple[int, int]]] = {base: [] for base in rule.rules}
        for number, way in enumerate(self._ways):
            for step in reversed(range(len(way))):
                self._places[way[step]].append((number, step))
        self._unsettled: dict[Key, Group] = {}

    def fresh_state(self) -> list[list[Chain | None]]:
        return [[None] * len(way) for way in self._ways]

    def take(self, item: Item) -> None:
        self.counts.matches += 1
        for key, _ in self.keys(item):
            group = self.group(key, item[TIME])
            if group.items and self.known(group, item):
                continue
            group.items.append(item)
            self._unsettled[key] = group
            if group.due > item[TIME] + self.timespan:
                self.arm(group, item[TIME] + self.timespan)

    def alone(self, item: Item) -> None:
        self.counts.matches += 1
        until = item[TIME] + self.timespan
        for key, _ in self.keys(item):
            group = self.group(key, item[TIME])
            if group.due > until:
                self.arm(group, until)
            self._extend(group, item)

    def settle(self) -> None:
        if self._unsettled:
            groups = list(self._unsettled.values())
            self._unsettled.clear()
            for group in groups:
                if self.groups.get(group.key) is not group:
                    continue  # evicted by one of the same time
                if len(group.items) == 1:
                    self._extend(group, group.items[0])
                else:
                    self._extend_together(group)
                group.items.clear()
                group.ids = None

    def _extend(self, group: Group, item: Item) -> None:
        state = group.state
        floor = item[TIME] - self.timespan
        ended: Chain | None = None
        for number, step in self._places[item[RULE]]:
            chains = state[number]
            if step == 0:
                chain: Chain = (item,)
            else:
                before = chains[step - 1]
                if before is None or before[0][TIME] < floor:
                    continue
                chain = (*before, item)
            chains[step] = chain
            if step == len(chains) - 1:
                ended = tightest(ended, chain)
        if ended is not None:
            self.ends(group, item, in_order(ended))

    def _extend_together(self, group: Group) -> None:
        time = group.items[0][TIME]
        floor = time - self.timespan
        by_rule: dict[str, list[Item]] = {}
        for item in group.items:
            by_rule.setdefault(item[RULE], []).append(item)
        ended: dict[int, Chain] = {}
        for number, way in enumerate(self._ways):
            settled = [chain if chain and chain[0][TIME] >= floor else None for chain in group.state[number]]
            candidates = [by_rule.get(rule, ()) for rule in way]
            following = list(settled)
            search = Search(candidates, 0, settled)
            for step, possible in enumerate(candidates):
                for item in reversed(possible):
                    chain = search.ending_at(item, step)
                    if chain is None:
                        continue
                    following[step] = tightest(following[step], chain)
                    if step == len(way) - 1:
                        ended[item[ARRIVAL]] = tightest(ended.get(item[ARRIVAL]), chain) or chain
                    elif chain[0][TIME] == time:
                        break  # none begins later, and what comes before this one ends earlier
            self.counts.tied += search.exhausted
            group.state[number] = following
        for item in group.items:
            if item[ARRIVAL] in ended:
                self.ends(group, item, in_order(ended[item[ARRIVAL]]))

    def decide(self, group: Group, now: int) -> None:
        pass

    def trim(self, group: Group, now: int) -> int:
        following = -1
        for chains in group.state:
            for step, chain in enumerate(chains):
                if chain is not None:
                    if chain[0][TIME] + self.timespan <= now:
                        chains[step] = None
                    else:
                        following = max(following, chain[0][TIME] + self.timespan)
        return NEVER if following < 0 else following

    def state_of(self, group: Group, heads: Heads) -> Any:
        return [
            [None if chain is None else self.items_state(group, chain, heads) for chain in chains]
            for chains in group.state
        ]

    def restore_state(self, group: Group, state: Any, heads: Heads) -> None:
        group.state = [
            [None if chain is None else tuple(item_from(item, heads) for item in chain) for chain in chains]
            for chains in state
        ]
