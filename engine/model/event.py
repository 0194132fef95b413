"""A record with names: what rules look at."""

from typing import Any

import msgspec

from engine.model.logsource import LogSource
from engine.model.times import rfc3339

Fields = dict[str, Any]
"""Flat, dotted names (ECS, ``ot.``, ``tieline.``, or a JSON object's own) to values; what a format returns.

``@timestamp`` is an integer of nanoseconds there, and leaves ``Fields`` when the Event is made.
"""


class Event(msgspec.Struct, gc=False):
    """``time`` in nanoseconds; ``sequence`` orders the events of one ``source``; ``format`` is the parser's id."""

    fields: Fields
    time: int
    id: str
    logsource: LogSource
    source: str = ""
    sequence: int = 0
    received: int = 0
    original: bytes = b""
    format: str = ""

    def document(self) -> Fields:
        """The event as it is printed and sent: flat names, ``@timestamp`` as RFC 3339, the original record as text."""
        out: Fields = {"@timestamp": rfc3339(self.time), "event.id": self.id}
        out.update(self.fields)
        out["@timestamp"] = rfc3339(self.time)
        out["event.id"] = self.id
        if "event.original" not in out:
            out["event.original"] = self.original.decode("utf-8", "backslashreplace")
        if self.logsource.product is not None:
            out["tieline.logsource.product"] = self.logsource.product
        if self.logsource.category is not None:
            out["tieline.logsource.category"] = self.logsource.category
        if self.logsource.service is not None:
            out["tieline.logsource.service"] = self.logsource.service
        return out


class DeadLetter(msgspec.Struct, gc=False):
    """A record that no format takes, kept whole with the reason."""

    reason: str
    original: bytes
    source: str = ""
    format: str | None = None
    received: int = 0
    sequence: int = 0

    def document(self) -> Fields:
        out: Fields = {
            "event.kind": "pipeline_error",
            "error.message": self.reason,
            "event.original": self.original.decode("utf-8", "backslashreplace"),
            "tieline.origin": self.source,
        }
        if self.format is not None:
            out["tieline.format"] = self.format
        return out
