"""A Sigma correlation rule, read and resolved: what ``correlate`` runs. ``contract.md`` says what it means."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from engine.model import RuleHead

Type = Literal[
    "event_count",
    "value_count",
    "value_sum",
    "value_avg",
    "value_percentile",
    "value_median",
    "temporal",
    "temporal_ordered",
]
Window = Literal["sliding", "tumbling", "session"]
Refire = Literal["once", "growth", "match"]
Op = Literal["gt", "gte", "lt", "lte", "eq", "neq"]


class Threshold(msgspec.Struct, frozen=True, array_like=True, tag="threshold"):
    """All bounds hold together: ``(("gt", 100), ("lte", 200))``.

    On temporal types the number compared is that of the distinct rules that matched; the default is all of them.
    """

    bounds: tuple[tuple[Op, float | int], ...]

    def holds(self, value: float) -> bool:
        for op, bound in self.bounds:
            if not (
                (op == "gt" and value > bound)
                or (op == "gte" and value >= bound)
                or (op == "lt" and value < bound)
                or (op == "lte" and value <= bound)
                or (op == "eq" and value == bound)
                or (op == "neq" and value != bound)
            ):
                return False
        return True

    @property
    def grows(self) -> bool:
        """True when evidence can only make it true (``gt``, ``gte``): tested at each match, else at the deadline."""
        return all(op in ("gt", "gte") for op, _ in self.bounds)


class Seen(msgspec.Struct, frozen=True, array_like=True, tag="seen"):
    """A rule (by the key that ``CorrelationRule.rules`` gives it) has matched."""

    rule: str


class Both(msgspec.Struct, frozen=True, array_like=True, tag="both"):
    parts: tuple["Expression", ...]


class Either(msgspec.Struct, frozen=True, array_like=True, tag="either"):
    parts: tuple["Expression", ...]


class Absent(msgspec.Struct, frozen=True, array_like=True, tag="absent"):
    part: "Expression"


Expression: TypeAlias = Seen | Both | Either | Absent

Entity = Literal["user", "ip", "host"]
IDENTITY = "tieline.identity."
"""The fields ``tieline.identity.user``, ``.ip`` and ``.host``: who was behind a match, as links tell."""


class Link(msgspec.Struct, frozen=True):
    """Two values of a match of ``rule`` belong together for ``for_ns`` from its time on, or until a match of a rule of
    ``until`` names them; an address belongs to whom it was given last. ``ends``: what each is, and its field."""

    rule: str
    ends: tuple[tuple[Entity, str], tuple[Entity, str]]
    for_ns: int
    until: tuple[str, ...] = ()


class CorrelationRule(msgspec.Struct, frozen=True):
    """``rules`` are the ids of the rules referred to, in the order of the file; ``aliases`` maps an alias to the field
    of each rule id; ``group_by`` names fields or aliases. ``condition`` is a threshold, or (temporal types) an
    expression over rule ids. ``silenced`` as in a detection rule.

    What stands under ``tieline:`` follows ``silenced``: ``until`` are ids of rules that abort, ``steps`` says how often
    a rule has to match where that is more than once, ``join`` is (name in one step, name in the next), ``learn_ns`` is
    the learning period of ``first_seen``, ``suppress_by`` those of ``group_by`` that suppression goes by (none: all),
    ``links`` what tells who was behind a match.
    """

    head: RuleHead
    type: Type
    rules: tuple[str, ...]
    group_by: tuple[str, ...]
    timespan_ns: int
    condition: Threshold | Expression
    aliases: Mapping[str, Mapping[str, str]] = {}
    fields: tuple[str, ...] = ()
    percentile: float | int = 50.0
    generate: bool = False
    silenced: bool = False
    skew_ns: int = 0
    window: Window = "sliding"
    until: tuple[str, ...] = ()
    steps: Mapping[str, int] = {}
    join: tuple[tuple[str, str], ...] = ()
    learn_ns: int | None = None
    expected: bool = False
    refire: Refire = "once"
    growth: float = 1.0
    suppress_ns: int = 0
    suppress_by: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()

    @property
    def references(self) -> tuple[str, ...]:
        """The ids of all rules whose matches it takes."""
        linking = (rule for link in self.links for rule in (link.rule, *link.until))
        return tuple(dict.fromkeys((*self.rules, *self.until, *linking)))

    @property
    def names(self) -> tuple[str, ...]:
        """The fields or aliases that it looks at."""
        return tuple(dict.fromkeys((*self.group_by, *self.fields, *(name for pair in self.join for name in pair))))
