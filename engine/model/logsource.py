"""Sigma's log source: which rules may see an event."""

import msgspec


class LogSource(msgspec.Struct, frozen=True, gc=False):
    """
    >>> LogSource(product="windows").covers(LogSource(product="windows", service="security"))
    True
    >>> LogSource(product="windows", service="sysmon").covers(LogSource(product="windows"))
    False
    """

    product: str | None = None
    category: str | None = None
    service: str | None = None

    def covers(self, other: "LogSource") -> bool:
        """True when every part that this log source (of a rule) names is the same in ``other`` (of an event)."""
        return (
            (self.product is None or self.product == other.product)
            and (self.category is None or self.category == other.category)
            and (self.service is None or self.service == other.service)
        )
