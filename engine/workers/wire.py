"""What flows through the topic of matches: matches, each with its source's clock, and clocks alone."""

from collections.abc import Mapping

import msgspec

from engine.correlate.state import event_from, event_state
from engine.model import Held, Match, RuleHead

_VERSION = 1
_ORIGINAL = 1_024  # bytes of the record that go along: no alert of a correlation shows more

Clock = tuple[str, int]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


def clock_record(source: str, now: int) -> bytes:
    return _encode([_VERSION, source, now])


def match_record(match: Match, source: str, now: int) -> bytes:
    event = event_state(match.event)
    event[7] = event[7][:_ORIGINAL]
    why = [[held.identifier, held.field, held.value, held.test] for held in match.why]
    return _encode([_VERSION, source, now, match.rule.id, event, why])


def read(value: bytes, heads: Mapping[str, RuleHead]) -> tuple[Clock | None, Match | None]:
    """A source's clock, and the match that came with it: none where its rule is no longer there. What is no record of
    ours is neither."""
    try:
        version, source, now, *rest = _decode(value)
        if version != _VERSION:
            return None, None
        clock = (str(source), int(now))
        if not rest:
            return clock, None
        head = heads.get(rest[0])
        if head is None:
            return clock, None
        return clock, Match(head, event_from(rest[1]), tuple(Held(*held) for held in rest[2]))
    except (msgspec.DecodeError, ValueError, TypeError, IndexError):
        return None, None
