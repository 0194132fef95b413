"""What all correlations of a correlator share."""

from collections.abc import Callable
from dataclasses import dataclass

from engine.correlate.census import Census
from engine.correlate.items import Key
from engine.correlate.limits import Limits
from engine.model import Match
from engine.ruleset.correlation import CorrelationRule

Owns = Callable[[CorrelationRule, Key], bool]


@dataclass(frozen=True, slots=True)
class Setting:
    """``schedule(when, index, key)`` asks for ``due(key, when)`` once the watermark has passed ``when``; ``emit`` takes
    what an alert says, whether that goes on to the correlations above, and whether it is told. ``owns``: which groups
    are ours, where several correlators share the work.
    """

    limits: Limits
    lateness_ns: int
    schedule: Callable[[int, int, Key], None]
    emit: Callable[[Match, bool, bool], None]
    owns: Owns | None
    census: Census
