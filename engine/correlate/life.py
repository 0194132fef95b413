"""The life of one alert: it opens, is revised, closes, and is kept a while for what comes late."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from engine.correlate.evidence import EvidenceList
from engine.correlate.items import ID, TIME, Item, Key
from engine.correlate.keys import Number, Spelling
from engine.model import Correlated, Event, Held, Match
from engine.model.alert import alert_id
from engine.ruleset.correlation import CorrelationRule

Reason: TypeAlias = tuple[Held, ...] | Callable[[Event], tuple[Held, ...]]


@dataclass(slots=True, eq=False)
class Life:
    """``last``: time of the last match that belongs; ``until``: end of the interval in which a late one counts.

    ``event`` is the virtual event and ``reason`` that of the match that was last added: of most revisions nobody asks.
    """

    rule: CorrelationRule
    group: dict[str, str]
    id: str
    opened: int
    first: int
    last: int
    until: int
    first_event: str
    evidence: EvidenceList
    event: Event
    reason: Reason
    revision: int = 0
    late: bool = False
    closed_by: str | None = None
    suppressed: bool = False
    evicted: Literal["yes", "possibly"] | None = None
    peak: Number = 0
    """What the window measured when the alert opened, where growth fires again."""

    @property
    def why(self) -> tuple[Held, ...]:
        if not isinstance(self.reason, tuple):
            self.reason = self.reason(self.event)
        return self.reason

    def match(self) -> Match:
        """The alert as it is now; what happens to it later does not change this."""
        evidence = self.evidence
        state = Correlated(
            type=self.rule.type,
            group=dict(self.group),
            opened=self.opened,
            first=self.first,
            last=self.last,
            first_event=self.first_event,
            revision=self.revision,
            closed_by=self.closed_by,
            late=self.late,
            evicted=self.evicted,
            events=evidence.events(),
            events_total=evidence.total,
            tells="silence" if self.rule.expected else "events" if self.rule.learn_ns is None else "novelty",
        )
        return Match(self.rule.head, self.event, self.reason, state)

    def revise(self, item: Item, match: Match, evidence: Iterable[Item]) -> None:
        """``item`` belongs to the alert and extends it."""
        for part in evidence:
            self.evidence.add(part)
        self.revision += 1
        self.last = max(self.last, item[TIME])
        self.until = self.last + self.rule.timespan_ns
        self.event = virtual_event(self.rule, self.group, self.id, match.event, item[TIME], self.revision)
        self.reason = _told_by(match)

    def add_late(self, item: Item, match: Match) -> bool:
        """``item`` came late: evidence, which opens, closes and extends nothing. False where it is evidence already."""
        if self.evidence.holds(item[ID], None if self.rule.type in _ONCE_AN_EVENT else match.rule.id):
            return False
        self.evidence.add(item)
        self.revision += 1
        self.late = True
        return True

    def awaits(self, time: int) -> bool:
        span = self.rule.timespan_ns
        if self.rule.window == "tumbling":
            return time // span == self.last // span
        start = self.first if self.rule.window == "session" else self.opened
        return start - span <= time <= self.until


_ONCE_AN_EVENT = frozenset({"event_count", "value_count", "value_sum", "value_avg", "value_percentile", "value_median"})


def open_alert(
    rule: CorrelationRule,
    key: Key,
    spelling: Spelling,
    opened: int,
    last: Item,
    match: Match,
    evidence: list[Item],
    origin: str,
) -> Life:
    """``evidence`` in order and not empty; ``match`` is that of ``last``, the last match that belongs; ``origin`` is
    the id of the first evidence."""
    group = dict(zip(rule.group_by, spelling, strict=True))
    first = evidence[0]
    # The same parts as the alert's own event.id: the evidence of an outer correlation leads to the inner alert.
    id = alert_id(rule.head.id, group.values(), origin)
    kept = EvidenceList()
    for item in evidence:
        kept.add(item)
    return Life(
        rule=rule,
        group=group,
        id=id,
        opened=opened,
        first=first[TIME],
        last=last[TIME],
        until=last[TIME] + rule.timespan_ns,
        first_event=origin,
        evidence=kept,
        event=virtual_event(rule, group, id, match.event, opened, 0),
        reason=_told_by(match),
    )


def _told_by(match: Match) -> Reason:
    """The reason of a match, for another that stands for it."""
    reason, event = match.reason, match.event
    return reason if isinstance(reason, tuple) else lambda _: reason(event)


def virtual_event(
    rule: CorrelationRule, group: dict[str, str], id: str, last: Event, time: int, revision: int
) -> Event:
    """The last event's fields with the group's keys over them; the revisions of an alert are in order."""
    return Event(
        fields={**last.fields, **group},
        time=time,
        id=id,
        logsource=last.logsource,
        source=f"correlation:{rule.head.id}",
        sequence=revision,
        received=last.received,
        original=last.original,
        format=last.format,
    )
