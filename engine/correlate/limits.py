"""How much a correlator may remember."""

import msgspec


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Beyond a bound the oldest goes first; ``Correlator.stats`` counts what went.

    ``held``: matches that wait for the watermark; beyond it the oldest are released before it has passed them.
    ``groups``: of all rules together, each correlator for itself; the one untouched for longest goes.
    ``groups_per_rule``: the group that has been quiet for longest goes, and its open alert closes as ``evicted``.
    ``links_per_rule``: facts that tie entities; each checkpoint holds all of them.
    ``matches_per_group``: for one window; never below what the rule's own threshold needs.
    """

    held: int = 200_000
    links_per_rule: int = 50_000
    groups: int = 2_000_000
    groups_per_rule: int = 200_000
    matches_per_group: int = 10_000
