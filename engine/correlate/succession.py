"""When rules change: which state goes on, and what was given up."""

import hashlib
from collections.abc import Callable, Mapping, Sequence

import msgspec

from engine.ruleset.correlation import CorrelationRule


class Dropped(msgspec.Struct):
    """State that was given up because the rules it belongs to have changed or are gone.

    ``correlations`` are the ids of those that had any; ``matches`` were held for the watermark.
    """

    correlations: list[str] = []
    groups: int = 0
    open_alerts: int = 0
    matches: int = 0

    def state_of(self, id: str, groups: int, open_alerts: int) -> None:
        if groups:
            self.correlations.append(id)
            self.groups += groups
            self.open_alerts += open_alerts


class Definitions(dict[str, str]):
    """By rule id, what stands for the meaning of a rule: of a correlation together with all that is below it.

    State is that of a rule with one definition. ``rules`` as they depend on each other, the inner first; ``below`` are
    the definitions of detection rules; one that is not there counts as always the same.
    """

    def __init__(
        self, rules: Sequence[CorrelationRule], own: Callable[[CorrelationRule], str], below: Mapping[str, str]
    ) -> None:
        super().__init__()
        for rule in rules:
            for base in rule.rules:
                self.setdefault(base, below.get(base, ""))
            meant = "\n".join([own(rule), *(self[base] for base in rule.rules)])
            self[rule.head.id] = hashlib.blake2b(meant.encode(), digest_size=16).hexdigest()

    def same(self, id: str, others: Mapping[str, str]) -> bool:
        """Whether the rule is there under both, with one meaning."""
        return id in self and self[id] == others.get(id)
