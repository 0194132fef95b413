"""What the SOC sees."""

import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec


class Alert(msgspec.Struct):
    """One revision of one alert. ``document`` is the flat ECS object; ``time`` its ``@timestamp`` in nanoseconds."""

    id: str
    revision: int
    time: int
    rule: str
    level: str
    document: dict[str, Any]

    @property
    def key(self) -> str:
        """The id of this revision: one document a key, in every sink."""
        return f"{self.id}-{self.revision}"


def alert_id(rule: str, group: Iterable[str], first_event: str) -> str:
    """Hash of rule id, group values and the first evidence event's id.

    >>> alert_id("r", ["a", "b"], "e") == alert_id("r", ["ab"], "e")
    False
    """
    digest = hashlib.blake2b(digest_size=16)
    for part in (rule, *group, first_event):
        data = part.encode("utf-8", "backslashreplace")
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()
