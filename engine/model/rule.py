"""What an alert says of the rule behind it."""

import msgspec

SEVERITY = {"informational": 21, "low": 21, "medium": 47, "high": 73, "critical": 99}
"""Sigma level to ``event.severity``, as Kibana's detections read it."""


class RuleHead(msgspec.Struct, frozen=True, gc=False):
    """``id`` is the Sigma id, or uuid5 of the name or title; ``name`` is what correlations may refer to."""

    id: str
    title: str
    name: str | None = None
    level: str = "informational"
    description: str = ""
    status: str | None = None
    author: str | None = None
    tags: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    path: str = ""
    correlation: bool = False

    @property
    def label(self) -> str:
        """The short name that evidence and cases use."""
        return self.name or self.title
