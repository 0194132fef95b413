"""A Sigma detection rule, read and resolved (filters applied, placeholders expanded)."""

from hashlib import blake2b

import msgspec

from engine.model import LogSource, RuleHead
from engine.ruleset.condition import Node


class DetectionRule(msgspec.Struct, frozen=True, gc=False):
    """``silenced``: a correlation without ``generate: true`` refers to it, so that it raises no alert of its own."""

    head: RuleHead
    logsource: LogSource
    condition: Node
    silenced: bool = False

    @property
    def definition(self) -> str:
        """Stands for what a match of the rule means: with another title or level it is the same."""
        meant = repr((self.logsource, self.condition)).encode("utf-8", "backslashreplace")
        return blake2b(meant, digest_size=16).hexdigest()
