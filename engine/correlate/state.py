"""What flows through the correlations, as values that msgpack can carry, and back."""

from typing import Any

import msgspec

from engine.correlate.evidence import EvidenceList, evidence_of
from engine.correlate.items import ARRIVAL, ID, RULE, SEQUENCE, SOURCE, TIME, WHAT, Item, Traced
from engine.correlate.keys import Spelling
from engine.correlate.life import Life
from engine.correlate.measures import number_from, number_state
from engine.model import Correlated, Event, Evidence, Held, LogSource, Match, RuleHead
from engine.ruleset.correlation import CorrelationRule


class Heads:
    """The rule heads of a snapshot, each once."""

    def __init__(self, table: list[dict[str, Any]] | None = None) -> None:
        self.table: list[dict[str, Any]] = [] if table is None else table
        self._numbers: dict[RuleHead, int] = {}
        self._heads = [msgspec.convert(head, RuleHead) for head in self.table]

    def number(self, head: RuleHead) -> int:
        number = self._numbers.get(head)
        if number is None:
            number = self._numbers[head] = len(self.table)
            self.table.append(msgspec.to_builtins(head))
        return number

    def head(self, number: int) -> RuleHead:
        return self._heads[number]


def match_state(match: Match, heads: Heads) -> list[Any]:
    correlated = None if match.correlated is None else msgspec.to_builtins(match.correlated)
    return [heads.number(match.rule), event_state(match.event), _why_state(match.why), correlated]


def match_from(state: list[Any], heads: Heads) -> Match:
    head, event, why, correlated = state
    return Match(
        heads.head(head),
        event_from(event),
        _why_from(why),
        None if correlated is None else msgspec.convert(correlated, Correlated),
    )


def event_state(event: Event) -> list[Any]:
    source = event.logsource
    return [
        event.fields,
        event.time,
        event.id,
        [source.product, source.category, source.service],
        event.source,
        event.sequence,
        event.received,
        event.original,
        event.format,
    ]


def event_from(state: list[Any]) -> Event:
    fields, time, id, logsource, *rest = state
    return Event(fields, time, id, LogSource(*logsource), *rest)


def item_state(item: Item, spelling: Spelling, heads: Heads, whole: bool) -> list[Any]:
    """``whole``: with the match itself, because a decision to come may need its event."""
    what = item[WHAT]
    if whole and isinstance(what, Match):
        kept: Any = [True, match_state(what, heads)]
    else:
        kept = [False, _evidence_state(evidence_of(item)), spelling]
    return [item[TIME], item[SOURCE], item[SEQUENCE], item[ID], item[RULE], item[ARRIVAL], kept]


def item_from(state: list[Any], heads: Heads) -> Item:
    time, source, sequence, id, rule, arrival, kept = state
    what: Match | Traced
    if kept[0]:
        what = match_from(kept[1], heads)
    else:
        what = Traced(_evidence_from(kept[1]), tuple(kept[2]))
    return (time, source, sequence, id, rule, arrival, what)


def life_state(life: Life | None) -> list[Any] | None:
    if life is None:
        return None
    evidence = life.evidence
    return [
        life.group,
        life.id,
        life.opened,
        life.first,
        life.last,
        life.until,
        life.first_event,
        [[list(place), _evidence_state(entry)] for place, entry in evidence.first],
        [[list(place), _evidence_state(entry)] for place, entry in evidence.last],
        evidence.total,
        event_state(life.event),
        _why_state(life.why),
        life.revision,
        life.late,
        life.closed_by,
        life.suppressed,
        number_state(life.peak),
        life.evicted,
    ]


def life_from(state: list[Any] | None, rule: CorrelationRule) -> Life | None:
    if state is None:
        return None
    group, id, opened, first, last, until, first_event, head, tail, total, event, why, revision, *rest = state
    late, closed_by, suppressed, peak, *later = rest
    evidence = EvidenceList()
    evidence.first = [((p[0], p[1], p[2], p[3], p[4]), _evidence_from(entry)) for p, entry in head]
    evidence.last = [((p[0], p[1], p[2], p[3], p[4]), _evidence_from(entry)) for p, entry in tail]
    evidence.total = total
    return Life(
        rule=rule,
        group=group,
        id=id,
        opened=opened,
        first=first,
        last=last,
        until=until,
        first_event=first_event,
        evidence=evidence,
        event=event_from(event),
        reason=_why_from(why),
        revision=revision,
        late=late,
        closed_by=closed_by,
        suppressed=suppressed,
        peak=number_from(peak),
        evicted=later[0] if later else None,
    )


def _why_state(why: tuple[Held, ...]) -> list[Any]:
    return [[held.identifier, held.field, held.value, held.test] for held in why]


def _why_from(state: list[Any]) -> tuple[Held, ...]:
    return tuple(Held(*held) for held in state)


def _evidence_state(evidence: Evidence) -> list[Any]:
    return [
        evidence.id,
        evidence.time,
        evidence.rule,
        evidence.summary,
        evidence.ip,
        evidence.user,
        evidence.hosts,
        evidence.assets,
    ]


def _evidence_from(state: list[Any]) -> Evidence:
    id, time, rule, summary, *named = state
    return Evidence(id, time, rule, summary, *(tuple(names) for names in named))
