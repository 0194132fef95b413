"""What was given up before its time, remembered for as long as an alert may lack it."""

from collections import OrderedDict
from typing import Any, Literal, TypeAlias

from engine.correlate.group import PAST
from engine.correlate.items import Key

Doubt: TypeAlias = Literal["yes", "possibly"] | None
"""Whether an alert rests on less than there was."""

_MOST = 16_384
"""Keys whose eviction is remembered: a megabyte or two a rule, in every checkpoint."""


class Forgotten:
    """The keys whose state went, and until when an alert of theirs may lack something.

    Beyond ``most`` keys it is no longer known which they were, only until when it may be any (``unsure``).

    >>> forgotten = Forgotten(most=1)
    >>> forgotten.add(("ann",), 10, now=0)
    >>> forgotten.add(("bob",), 12, now=1)
    >>> forgotten.until(("bob",)), forgotten.unsure, forgotten.doubt(("bob",), 12), forgotten.doubt(("ann",), 10)
    (12, 10, 'yes', 'possibly')
    """

    __slots__ = ("_most", "_until", "unsure")

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._until: OrderedDict[Key, int] = OrderedDict()
        self.unsure = PAST

    def __bool__(self) -> bool:
        return bool(self._until) or self.unsure > PAST

    def add(self, key: Key, until: int, now: int) -> None:
        known = self._until
        while known and (oldest := next(iter(known.items())))[1] < now:
            del known[oldest[0]]
        known[key] = max(known.pop(key, until), until)
        if len(known) > self._most:
            self.add_unknown(known.popitem(last=False)[1])

    def add_unknown(self, until: int) -> None:
        """It may be any key."""
        self.unsure = max(self.unsure, until)

    def until(self, key: Key) -> int:
        return self._until.get(key, PAST)

    def doubt(self, key: Key, time: int) -> Doubt:
        if self.until(key) >= time:
            return "yes"
        return "possibly" if self.unsure >= time else None

    def state(self) -> list[Any]:
        return [[[key, until] for key, until in self._until.items()], None if self.unsure == PAST else self.unsure]

    def restore(self, state: list[Any]) -> None:
        known, unsure = state
        self._until = OrderedDict((tuple(key), until) for key, until in known)
        self.unsure = PAST if unsure is None else unsure
