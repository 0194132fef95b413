"""A rule held."""

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from engine.model.event import Event
from engine.model.rule import RuleHead


class Held(msgspec.Struct, frozen=True, gc=False):
    """One test that held: the search identifier of the rule, the field (None: a keyword), the value in the event."""

    identifier: str
    field: str | None
    value: Any
    test: str = ""


class Evidence(msgspec.Struct, frozen=True, gc=False):
    """One contributing event of an alert, small enough to keep: what was it, when, which rule saw it, who took part."""

    id: str
    time: int
    rule: str
    summary: str
    ip: tuple[str, ...] = ()
    user: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    assets: tuple[str, ...] = ()


class Correlated(msgspec.Struct):
    """The state of a correlation's alert at one revision.

    ``opened`` is the event time of the match (or deadline) at which it opened, ``first_event`` the id of the first
    evidence event at that moment; ``first`` and ``last`` bound the evidence. ``events`` holds the first 50 and the last
    50 of ``events_total``. ``tells``: what happened, what did not, or what was new. Revision 0 opens; each later match
    adds one; ``closed_by`` is None while it is open. ``closing``: nothing is new but that, and the revision was given
    before. ``evicted``: it rests, possibly, on less than there was, because a bound was hit.
    """

    type: str
    group: dict[str, Any]
    opened: int
    first: int
    last: int
    first_event: str
    revision: int = 0
    closed_by: str | None = None
    late: bool = False
    evicted: Literal["yes", "possibly"] | None = None
    closing: bool = False
    events: list[Evidence] = []
    events_total: int = 0
    tells: Literal["events", "silence", "novelty"] = "events"


class Match(msgspec.Struct):
    """``event`` is what matched; of a correlation the virtual event: the last event's fields and the group's keys.

    ``reason`` is what held, or tells it: most matches only feed a correlation, and nobody asks.
    """

    rule: RuleHead
    event: Event
    reason: tuple[Held, ...] | Callable[[Event], tuple[Held, ...]] = ()
    correlated: Correlated | None = None

    @property
    def why(self) -> tuple[Held, ...]:
        if not isinstance(self.reason, tuple):
            self.reason = self.reason(self.event)
        return self.reason
