"""A Sigma detection rule, read and resolved (filters applied, placeholders expanded)."""

import msgspec

from engine.model import LogSource, RuleHead
from engine.ruleset.condition import Node


class DetectionRule(msgspec.Struct, frozen=True):
    """``silenced``: a correlation without ``generate: true`` refers to it, so that it raises no alert of its own."""

    head: RuleHead
    logsource: LogSource
    condition: Node
    silenced: bool = False
