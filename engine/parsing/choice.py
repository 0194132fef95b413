"""Which format a record is in: by the source's configuration, else by envelope, program name, shape and fingerprint."""

from collections.abc import Mapping

from engine.model import Fields, Frame, LogFormat, Opened, ParseError
from engine.parsing.candidates import OPENING, Candidates, openings

_HEAD = 4096
_NESTED = 3  # CEF inside syslog inside a container's line inside JSON is as deep as relays are seen to go
# With what a message starts that has blanks (str.lstrip's) or "@cee:" before the record that it carries.
_BEFORE = frozenset(blank.encode()[:1] for blank in map(chr, range(0x3001)) if blank.isspace()) | {b"@"}
_LISTS = ("related.ip", "related.user", "related.hosts")

# What a mistake in a format raises. It costs that record, never the service.
FAULTS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


class Choice:
    """``read`` gives the format and its fields, or raises ParseError with the reason that is worth telling.

    ``partial`` counts, by format, the records that a known product sent in words its format does not know: they keep
    the envelope's fields. ``faults`` counts the records on which a format's code failed.
    """

    def __init__(self, formats: Mapping[str, LogFormat]) -> None:
        self._formats = dict(formats)
        self._envelopes = [f for f in formats.values() if f.opens is not None]
        # an envelope whose records start with one certain byte is asked first
        self._envelopes.sort(key=lambda f: (f.fingerprint is None, f.id))
        self._opening = openings(self._envelopes)
        self._nesting = openings([f for f in self._envelopes if f.fingerprint is not None])
        self._programs: dict[str, dict[str, list[LogFormat]]] = {f.id: {} for f in self._envelopes}
        self._inside: dict[str, list[LogFormat]] = {f.id: [] for f in self._envelopes}
        self._shapes: dict[str, list[LogFormat]] = {f.id: [] for f in self._envelopes}
        self._bare: list[LogFormat] = []
        for log_format in formats.values():
            if log_format.opens is not None or log_format.cut is not None or log_format.transport is not None:
                continue
            outer = log_format.inside
            if outer in self._programs:
                for program in log_format.programs:
                    self._programs[outer].setdefault(program, []).append(log_format)
                if log_format.fingerprint is not None:
                    self._inside[outer].append(log_format)
                if log_format.shape is not None:
                    self._shapes[outer].append(log_format)
            if log_format.fingerprint is not None:
                self._bare.append(log_format)
        for some in (*self._inside.values(), self._bare):
            some.sort(key=lambda one: one.generic)
        self._candidates = {name: Candidates(some) for name, some in self._inside.items()}
        self._bare_candidates = Candidates(self._bare)
        self.partial: dict[str, int] = {}
        self.faults: dict[str, int] = {}

    def read(self, frame: Frame, headed: LogFormat | None = None) -> tuple[LogFormat, Fields]:
        """``headed``: the format of the header above this line."""
        try:
            return self._read(frame, headed)
        except ParseError:
            raise
        except FAULTS as error:
            self.faults[""] = self.faults.get("", 0) + 1
            raise ParseError(f"{frame.format or 'auto'}: {_fault(error)}") from error

    def _read(self, frame: Frame, headed: LogFormat | None) -> tuple[LogFormat, Fields]:
        if headed is not None:
            frame.text = frame.payload.decode("utf-8", "backslashreplace")
            frame.opened = None
            try:
                return headed, self._parse(headed, frame)
            except ParseError:
                if frame.format is not None:
                    raise
        if frame.format is not None:
            return self._named(self._formats[frame.format], frame)
        return self._auto(frame, 0)

    def _auto(self, frame: Frame, depth: int) -> tuple[LogFormat, Fields]:
        frame.opened = None
        payload = frame.payload
        for envelope, word in self._opening[payload[:1]]:
            if word is not None and payload.find(word, 0, OPENING) < 0:
                continue
            opened = envelope.opens(frame)  # type: ignore[misc]  # an envelope has it
            if opened is not None:
                return self._within(envelope, opened, frame, depth)
        frame.text = payload.decode("utf-8", "backslashreplace")
        frame.opened = None
        reason = "no format recognises this record"
        head = payload[:_HEAD]
        for log_format in self._bare_candidates.of(head):
            if log_format.fingerprint(head):  # type: ignore[misc]
                try:
                    return log_format, self._parse(log_format, frame)
                except ParseError as error:
                    reason = str(error)
        raise ParseError(reason)

    def _named(self, log_format: LogFormat, frame: Frame) -> tuple[LogFormat, Fields]:
        envelope = log_format if log_format.opens is not None else None
        if envelope is None and log_format.inside is not None:
            envelope = self._formats.get(log_format.inside)
        frame.opened = None
        if envelope is not None and envelope.opens is not None:
            opened = envelope.opens(frame)
            if opened is not None:
                if envelope is log_format:
                    return self._within(envelope, opened, frame, 0)
                frame.text, frame.opened = opened.text, opened
                try:
                    said = self._parse(log_format, frame)
                except ParseError:
                    return self._within(envelope, opened, frame, 0)
                fields = opened.fields  # of which the format may have taken something back
                fields.update(said)
                return log_format, fields
        frame.text = frame.payload.decode("utf-8", "backslashreplace")
        frame.opened = None
        return log_format, self._parse(log_format, frame)

    def _within(self, envelope: LogFormat, opened: Opened, frame: Frame, depth: int) -> tuple[LogFormat, Fields]:
        frame.text = opened.text
        frame.opened = opened
        fields = opened.fields
        claimed: LogFormat | None = None
        if opened.program is not None:
            for log_format in self._programs[envelope.id].get(opened.program, ()):
                try:
                    fields.update(self._parse(log_format, frame))
                except ParseError:
                    claimed = log_format
                    continue
                return log_format, fields
        if opened.object is not None:
            for log_format in self._shapes[envelope.id]:
                if log_format.shape(opened.object):  # type: ignore[misc]
                    try:
                        fields.update(self._parse(log_format, frame))
                    except ParseError:
                        claimed = log_format
                        continue
                    return log_format, fields
        elif opened.text:
            head = opened.text[:_HEAD].encode("utf-8", "surrogateescape")
            for log_format in self._candidates[envelope.id].of(head):
                if log_format.fingerprint(head):  # type: ignore[misc]
                    try:
                        fields.update(self._parse(log_format, frame))
                    except ParseError:
                        claimed = log_format
                        continue
                    return log_format, fields
            if depth < _NESTED:
                nested = self._nested(envelope, opened, head, frame, depth)
                if nested is not None:
                    return nested
        if envelope.reopens is not None and claimed is None and depth < _NESTED:
            carried = self._carried(envelope.reopens(opened), opened, frame, depth)
            if carried is not None:
                return carried
        if claimed is not None:
            self.partial[claimed.id] = self.partial.get(claimed.id, 0) + 1
        fields.update(self._parse(envelope, frame))
        return (claimed or envelope), fields

    def _nested(
        self, outer: LogFormat, opened: Opened, head: bytes, frame: Frame, depth: int
    ) -> tuple[LogFormat, Fields] | None:
        """A record of another envelope inside this one's message, e.g. a JSON object behind a syslog header."""
        if head[:1] in _BEFORE:
            head = opened.text.lstrip().removeprefix("@cee:").lstrip()[:_HEAD].encode("utf-8", "surrogateescape")
        for envelope, word in self._nesting[head[:1]]:
            if (word is not None and head.find(word, 0, OPENING) < 0) or envelope is outer:
                continue
            if not envelope.fingerprint(head):  # type: ignore[misc]
                continue
            payload = opened.text.lstrip().removeprefix("@cee:").lstrip().encode("utf-8", "surrogateescape")
            inner = Frame(payload, frame.source, received=frame.received, zone=frame.zone, peer=frame.peer)
            inner.opened = opened  # what stands before the record here is no header
            within = envelope.opens(inner)  # type: ignore[misc]
            if within is not None:
                log_format, fields = self._within(envelope, within, inner, depth + 1)
                return log_format, {**opened.fields, **fields}
        return None

    def _carried(
        self, again: Opened | None, opened: Opened, frame: Frame, depth: int
    ) -> tuple[LogFormat, Fields] | None:
        """A record of another format that this one's sender has wrapped: what it says holds."""
        if again is None:
            return None
        payload = again.text.encode("utf-8", "surrogateescape")
        inner = Frame(payload, frame.source, frame.stream, frame.received, zone=frame.zone, peer=frame.peer)
        envelope = None if again.inside is None else self._formats.get(again.inside)
        try:
            if envelope is None:
                log_format, fields = self._auto(inner, depth + 1)
            else:
                log_format, fields = self._within(envelope, again, inner, depth + 1)
        except ParseError:
            return None
        merged = {**opened.fields, **again.fields, **fields}
        for name in _LISTS:
            outer = opened.fields.get(name)
            if type(outer) is list and name in fields:
                merged[name] = [*outer, *(one for one in fields[name] if one not in outer)]
        frame.text, frame.opened = inner.text, Opened(merged, inner.text, object=again.object)
        return log_format, merged

    def _parse(self, log_format: LogFormat, frame: Frame) -> Fields:
        if log_format.parse is None:
            raise ParseError(f"{log_format.id}: a record of this format needs its neighbours, and is not read alone")
        try:
            return log_format.parse(frame)
        except ParseError:
            raise
        except FAULTS as error:
            self.faults[log_format.id] = self.faults.get(log_format.id, 0) + 1
            raise ParseError(f"{log_format.id}: {_fault(error)}") from error


def _fault(error: Exception) -> str:
    return f"the parser failed on this record ({type(error).__name__}: {error}); please report it"
