"""When rules change: which state goes on, and what was given up."""

import hashlib
from collections.abc import Mapping, Sequence

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

    def __init__(self, rules: Sequence[CorrelationRule], below: Mapping[str, str]) -> None:
        super().__init__()
        for rule in rules:
            for base in rule.references:
                self.setdefault(base, below.get(base, ""))
            meant = "\n".join([fingerprint(rule), *(self[base] for base in rule.references)])
            self[rule.head.id] = hashlib.blake2b(meant.encode(), digest_size=16).hexdigest()

    def same(self, id: str, others: Mapping[str, str]) -> bool:
        """Whether the rule is there under both, with one meaning."""
        return id in self and self[id] == others.get(id)


def fingerprint(rule: CorrelationRule) -> str:
    """What a rule's state depends on: with another title or level it is the same state."""
    window = (rule.timespan_ns, rule.percentile, rule.skew_ns)
    steps = sorted(rule.steps.items())
    ours: tuple[object, ...] = (rule.window, rule.until, steps, rule.join, rule.learn_ns, rule.expected)
    telling = (rule.refire, rule.growth, rule.suppress_by)
    if rule.links:
        ours = (*ours, rule.links)
    parts = (rule.type, rule.rules, rule.group_by, rule.condition, rule.fields, window, ours, telling)
    aliases = sorted((name, sorted(fields.items())) for name, fields in rule.aliases.items())
    return hashlib.blake2b(repr((parts, aliases)).encode("utf-8", "backslashreplace"), digest_size=16).hexdigest()


def inner_first(rules: Sequence[CorrelationRule]) -> list[CorrelationRule]:
    """Each correlation after those that it refers to."""
    by_id = {rule.head.id: rule for rule in rules}
    ordered: dict[str, CorrelationRule] = {}
    open_: set[str] = set()

    def visit(rule: CorrelationRule) -> None:
        if rule.head.id in ordered:
            return
        if rule.head.id in open_:
            raise ValueError(f"{rule.head.path or rule.head.id}: the correlation refers to itself")
        open_.add(rule.head.id)
        for base in rule.references:
            if base in by_id:
                visit(by_id[base])
        ordered[rule.head.id] = rule

    for rule in sorted(by_id.values(), key=lambda rule: rule.head.id):
        visit(rule)
    return list(ordered.values())
