"""Sigma's log source: which rules may see an event."""

import msgspec

from engine.model.taxonomy import belongs


class LogSource(msgspec.Struct, frozen=True, gc=False):
    """
    >>> LogSource(product="windows").covers(LogSource(product="windows", service="security"))
    True
    >>> LogSource(product="windows", service="sysmon").covers(LogSource(product="windows"))
    False
    >>> LogSource(category="registry_event").covers(LogSource("windows", "registry_set", "sysmon"))
    True
    """

    product: str | None = None
    category: str | None = None
    service: str | None = None

    def covers(self, other: "LogSource") -> bool:
        """True when ``other`` (of an event) is of every part that this log source (of a rule) names.

        An event is what it says and what ``logsources.toml`` says it is also. Ask once a log source, not once an event.
        """
        products, categories, services = belongs(other.product, other.category, other.service)
        return (
            (self.product is None or self.product in products)
            and (self.category is None or self.category in categories)
            and (self.service is None or self.service in services)
        )
