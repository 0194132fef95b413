"""What every sink does, and the three ways in which one can fail."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from engine.model import Alert


class SinkError(Exception):
    """The sink can never be written as it is set up; the message names it, the reason and the mend."""


class SinkUnavailable(Exception):
    """The sink does not take documents now: the same batch is written again later."""


class StoreError(Exception):
    """The embedded store cannot be read; the message names the file and the mend."""


class Refused(msgspec.Struct, frozen=True):
    """A document that the sink will never take, and its words for why."""

    alert: Alert
    reason: str


class Sink(Protocol):
    """``write`` returns when the alerts are durable, with those that were refused; a batch that raised SinkUnavailable
    comes again, whole, and what of it was written before is not written twice.

    ``position`` goes into the checkpoint; after a crash everything since that checkpoint is decided again, and
    ``restore(position)``, called before ``start``, lets the sink recognise what it has of that already. Everything but
    ``start`` and ``write`` may be called from another thread, while neither runs.

    A position carries, as ``known``, the keys that were read back and not decided again yet: the next crash may come
    before they are. It is a value that msgpack can carry.
    """

    @property
    def name(self) -> str: ...
    def start(self) -> None: ...
    def write(self, alerts: Sequence[Alert]) -> Sequence[Refused]: ...
    def position(self) -> Any: ...
    def restore(self, position: Any) -> None: ...
    def close(self) -> None: ...


def key_of(document: Mapping[str, Any]) -> str | None:
    """``Alert.key`` of a document that a sink holds; None for what is no alert.

    >>> key_of({"event.id": "ab", "tieline.correlation.revision": 2}), key_of({"event.id": "ab"}), key_of({})
    ('ab-2', 'ab-0', None)
    """
    found = document.get("event.id")
    return None if found is None else f"{found}-{document.get('tieline.correlation.revision', 0)}"
