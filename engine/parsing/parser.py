"""Frames in, events and dead letters out."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from heapq import heappop, heappush
from typing import Any

import msgspec

from engine.model import DeadLetter, Event, Fields, Flow, Frame, Joining, LogFormat, ParseError, Session
from engine.model.times import SECOND, rfc3339
from engine.parsing.choice import Choice
from engine.parsing.headers import Headers
from engine.parsing.identity import Identity
from engine.parsing.mismatch import unexpected

_AHEAD_NS = 24 * 3600 * SECOND
_MAX_SESSIONS = 20_000
_UNUSED_NS = 3_600 * SECOND

Parsed = Event | DeadLetter
_SessionKey = tuple[str, str, Flow | None, str]


class _Open:
    """A session and the source that feeds it."""

    __slots__ = ("format", "session", "source", "used")

    def __init__(self, log_format: LogFormat, session: Session | Joining, source: str) -> None:
        self.format, self.session, self.source, self.used = log_format, session, source, 0


class Parser:
    """``feed`` takes the frames of one source in order and gives its events in order of their sequence.

    With ``join`` records that make one event together are joined. With ``correct_clocks`` a time more than 24 hours
    after receipt becomes the source's previous event time, or that of receipt. ``stats`` and ``by_format`` are plain
    integers.
    """

    def __init__(self, formats: Mapping[str, LogFormat], *, join: bool = True, correct_clocks: bool = True) -> None:
        self._formats = formats
        self._choice = Choice(formats)
        self._headers = Headers(formats.values())
        self._marks = frozenset(word[:1] for word in self._headers.starts)
        self._identity = Identity()
        self._join = join
        self._correct = correct_clocks
        self._last: dict[str, int] = {}
        self._sessions: OrderedDict[_SessionKey, _Open] = OrderedDict()
        self._holding: dict[str, dict[_SessionKey, _Open]] = {}
        self._waiting: dict[str, list[tuple[int, int, Parsed]]] = {}
        self._serial = 0
        self.by_format: dict[str, int] = {}
        self.stats = {"events": 0, "dead_letters": 0, "clock_corrected": 0, "time_assumed": 0, "sessions_evicted": 0}

    @property
    def partial(self) -> Mapping[str, int]:
        """Records of a known product in words that its format does not know, by format."""
        return self._choice.partial

    @property
    def faults(self) -> Mapping[str, int]:
        """Records on which a format's code failed, by format."""
        return self._choice.faults

    def feed(self, frames: Iterable[Frame]) -> list[Parsed]:
        out: list[Parsed] = []
        sources: dict[str, int] = {}
        waiting, read, headers, marks = self._waiting, self._choice.read, self._headers, self._marks
        above, standing = headers.above, headers.standing
        for frame in frames:
            if frame.flow is not None or frame.source in waiting:
                now = frame.time if frame.time is not None else frame.received
                sources[frame.source] = max(now, sources.get(frame.source, now))
            try:
                if frame.flow is not None and frame.format is not None:
                    log_format = self._formats[frame.format]
                    if frame.instead is not None:
                        self._hold(
                            frame.source, frame.sequence, self._event(log_format, frame, unexpected(log_format, frame))
                        )
                        continue
                    if log_format.session is not None:
                        self._converse(log_format, frame)
                        continue
                if (frame.payload[:1] in marks or not frame.sequence) and headers.takes(frame):
                    continue
                log_format, fields = read(frame, above(frame) if standing else None)
                if self._join and log_format.joins is not None:
                    sources.setdefault(frame.source, frame.received)
                    self._converse(log_format, frame, fields)
                    continue
                parsed: Parsed = self._event(log_format, frame, fields)
            except ParseError as error:
                parsed = self._dead(frame, str(error))
            if waiting and frame.source in waiting:
                self._hold(frame.source, frame.sequence, parsed)
            else:
                out.append(parsed)
        for source, now in sources.items():
            out += self._settle(source, now)
        return out

    def expire(self, source: str, now: int | None) -> list[Parsed]:
        """What has waited too long at ``now`` (nanoseconds; None: the source has ended)."""
        return self._settle(source, now) if source in self._waiting else []

    def forget(self, source: str) -> None:
        """The source has ended, and its last events are out."""
        self._identity.forget(source)
        self._headers.forget(source)
        self._last.pop(source, None)

    def _converse(self, log_format: LogFormat, frame: Frame, fields: Fields | None = None) -> None:
        flow = None if frame.flow is None or frame.flow.transport == "ethernet" else frame.flow
        key = (frame.source, log_format.id, flow, "" if flow is not None else frame.stream)
        opened = self._sessions.get(key)
        if opened is None:
            make = log_format.session or log_format.joins
            assert make is not None
            if len(self._sessions) >= _MAX_SESSIONS:
                evicted, oldest = self._sessions.popitem(last=False)
                self.stats["sessions_evicted"] += 1
                self._holding.get(oldest.source, {}).pop(evicted, None)
                self._collect(oldest, oldest.session.expire(None))
            opened = self._sessions[key] = _Open(log_format, make(), frame.source)
            self._waiting.setdefault(frame.source, [])
        else:
            self._sessions.move_to_end(key)
        opened.used = frame.time if frame.time is not None else frame.received
        session: Any = opened.session
        self._holding.setdefault(frame.source, {})[key] = opened
        self._collect(opened, session.feed(frame) if fields is None else session.join(frame, fields))

    def _collect(self, opened: _Open, finished: Iterable[tuple[Frame, Fields]]) -> None:
        for frame, fields in finished:
            self._hold(opened.source, frame.sequence, self._event(opened.format, frame, fields))

    def _hold(self, source: str, sequence: int, parsed: Parsed) -> None:
        self._serial += 1
        heappush(self._waiting.setdefault(source, []), (sequence, self._serial, parsed))

    def _settle(self, source: str, now: int | None) -> list[Parsed]:
        """Gives up what is overdue, then releases the events before which nothing of the source is still undecided."""
        undecided: int | None = None
        holding = self._holding.get(source, {})
        for key, opened in list(holding.items()):
            self._collect(opened, opened.session.expire(now))
            oldest = opened.session.oldest()
            if oldest is None:
                del holding[key]
            else:
                undecided = oldest if undecided is None else min(undecided, oldest)
        self._close(source, now, holding)
        held = self._waiting.get(source, [])
        out: list[Parsed] = []
        while held and (now is None or undecided is None or held[0][0] < undecided):
            out.append(heappop(held)[2])
        if now is None:
            self._waiting.pop(source, None)
            self._holding.pop(source, None)
        return out

    def _close(self, source: str, now: int | None, holding: Mapping[_SessionKey, _Open]) -> None:
        """Forgets sessions of the source in which nothing is said any more; the longest unused come first."""
        stale: list[_SessionKey] = []
        for key, opened in self._sessions.items():
            if opened.source == source:
                if now is not None and now - opened.used <= _UNUSED_NS:
                    break
                if key not in holding:
                    stale.append(key)
        for key in stale:
            del self._sessions[key]

    def _event(self, log_format: LogFormat, frame: Frame, fields: Fields) -> Event:
        time = fields.pop("@timestamp", None)
        if time is None:
            time = frame.time if frame.time is not None else frame.received
            if frame.time is None:
                fields["tieline.time"] = "assumed"
                self.stats["time_assumed"] += 1
        elif self._correct and time - frame.received > _AHEAD_NS:
            fields["tieline.time"] = "corrected"
            fields["tieline.time_sent"] = rfc3339(time)
            time = self._last.get(frame.source, frame.received)
            self.stats["clock_corrected"] += 1
        source, name = frame.source, log_format.id
        self._last[source] = time
        route = log_format.route
        logsource = log_format.logsource if route is None else route(fields)
        if "event.kind" not in fields:
            fields["event.kind"] = "event"
        fields["tieline.format"] = name
        if frame.truncated:
            fields["tieline.truncated"] = True
        try:
            self.by_format[name] += 1
        except KeyError:
            self.by_format[name] = 1
        self.stats["events"] += 1
        own = fields.pop("event.id", None)
        original = frame.payload
        if type(own) is not str or not own:
            own = self._identity.of(source, logsource, time, original)
        # positional: a struct's keywords cost more than the struct
        return Event(fields, time, own, logsource, source, frame.sequence, frame.received, original, name)

    def _dead(self, frame: Frame, reason: str) -> DeadLetter:
        self.stats["dead_letters"] += 1
        if frame.truncated:
            reason += f"; cut after {len(frame.payload)} bytes, the bound of a record"
        return DeadLetter(
            reason=reason,
            original=frame.payload,
            source=frame.source,
            format=frame.format,
            received=frame.received,
            sequence=frame.sequence,
        )

    def snapshot(self) -> Any:
        """Ids given, clocks and open sessions, as a value; parsed events that wait for an older one included."""
        return {
            "identity": self._identity.snapshot(),
            "last": self._last,
            "headers": self._headers.snapshot(),
            "sessions": [
                [
                    list(key[:2]),
                    None if key[2] is None else msgspec.to_builtins(key[2]),
                    key[3],
                    o.used,
                    o.session.snapshot(),
                ]
                for key, o in self._sessions.items()
            ],
            "waiting": [
                [source, sequence, isinstance(parsed, Event), msgspec.to_builtins(parsed, builtin_types=(bytes,))]
                for source, held in self._waiting.items()
                for sequence, _, parsed in sorted(held, key=lambda entry: entry[:2])
            ],
        }

    def restore(self, state: Any) -> None:
        self._identity.restore(state["identity"])
        self._last = dict(state["last"])
        self._headers.restore(state.get("headers", ()))
        for (source, format_id), flow, stream, used, inner in state["sessions"]:
            log_format = self._formats.get(format_id)
            make = None if log_format is None else log_format.session or log_format.joins
            if log_format is None or make is None:
                continue
            opened = _Open(log_format, make(), source)
            opened.session.restore(inner)
            opened.used = used
            key = (source, format_id, None if flow is None else msgspec.convert(flow, Flow), stream)
            self._sessions[key] = opened
            self._holding.setdefault(source, {})[key] = opened
            self._waiting.setdefault(source, [])
        for source, sequence, is_event, value in state["waiting"]:
            kind: type[Event] | type[DeadLetter] = Event if is_event else DeadLetter
            self._hold(source, sequence, msgspec.convert(value, kind))
