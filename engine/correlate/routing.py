"""Which part of several correlators that share the work a match belongs to: by correlation and group."""

from collections.abc import Mapping, Sequence
from zlib import crc32

from engine.correlate.items import Key
from engine.correlate.keys import groups_of
from engine.model import Match
from engine.ruleset.correlation import CorrelationRule


class Routing:
    """Correlations that refer to each other are a family and stay together: a group of theirs lies in one part if all
    of them group by the same names, else the whole family does.
    """

    def __init__(self, rules: Sequence[CorrelationRule], parts: int) -> None:
        self.parts = parts
        self._families = _families(rules)
        self._by_group = {
            family: _alike([rule for rule in rules if self._families[rule.head.id] == family])
            for family in self._families.values()
        }
        correlations = {rule.head.id for rule in rules}
        feeds: dict[str, dict[tuple[str, tuple[str, ...]], None]] = {}
        for rule in rules:
            for base in rule.references:
                if base not in correlations:
                    feeds.setdefault(base, {})[self._families[rule.head.id], _resolved(rule, base)] = None
        self._feeds = {base: tuple(found) for base, found in feeds.items()}

    def parts_of(self, match: Match) -> Mapping[int, str]:
        """The parts that want the match, each with the name of what it is first wanted for there."""
        found: dict[int, str] = {}
        for family, names in self._feeds.get(match.rule.id, ()):
            for key, _ in groups_of(match.event, names) if names else (((), ()),):
                found.setdefault(self._part(family, key), "\0".join((family, *key)))
        return found

    def owns(self, part: int, rule: CorrelationRule, key: Key) -> bool:
        """Whether a group of a correlation lies in this part."""
        return self._part(self._families[rule.head.id], key) == part

    def _part(self, family: str, key: Key) -> int:
        parts = (family, *key) if self._by_group[family] else (family,)
        return crc32("\0".join(parts).encode("utf-8", "surrogatepass")) % self.parts


def _resolved(rule: CorrelationRule, base: str) -> tuple[str, ...]:
    if rule.links:
        return ()  # its group is known once it is known who was behind the match
    aliases = rule.aliases
    return tuple(aliases[name].get(base, name) if name in aliases else name for name in rule.group_by)


def _families(rules: Sequence[CorrelationRule]) -> dict[str, str]:
    """By correlation the name of its family: the least id of those in it that refer to no correlation.

    So a correlation that comes on top of others, or goes, moves no group of theirs, unless it joins two families.
    """
    family = {rule.head.id: rule.head.id for rule in rules}
    for rule in rules:
        for base in rule.references:
            if base in family and family[base] != family[rule.head.id]:
                one, other = family[base], family[rule.head.id]
                family = {id: one if name == other else name for id, name in family.items()}
    lowest: dict[str, str] = {}
    for rule in rules:
        if not any(base in family for base in rule.references):
            mine = family[rule.head.id]
            lowest[mine] = min(lowest.get(mine, rule.head.id), rule.head.id)
    return {id: lowest.get(name, name) for id, name in family.items()}


def _alike(rules: Sequence[CorrelationRule]) -> bool:
    if any(rule.join or rule.links for rule in rules):
        return False
    if any(rule.suppress_by and set(rule.suppress_by) != set(rule.group_by) for rule in rules):
        return False
    return len(rules) == 1 or (len({rule.group_by for rule in rules}) == 1 and not any(rule.aliases for rule in rules))
