"""Which format a record is in: by the source's configuration, else by envelope, program name, shape and fingerprint."""

from collections.abc import Mapping

from engine.model import Fields, Frame, LogFormat, Opened, ParseError

_HEAD = 4096
_NESTED = 2  # a JSON object inside syslog inside JSON is as deep as relays are seen to go


class Choice:
    """``read`` gives the format and its fields, or raises ParseError with the reason that is worth telling.

    ``partial`` counts, by format, the records that a known product sent in words its format does not know: they keep
    the envelope's fields.
    """

    def __init__(self, formats: Mapping[str, LogFormat]) -> None:
        self._formats = dict(formats)
        self._envelopes = [f for f in formats.values() if f.opens is not None]
        # an envelope whose records start with one certain byte is asked first
        self._envelopes.sort(key=lambda f: (f.fingerprint is None, f.id))
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
        self.partial: dict[str, int] = {}

    def read(self, frame: Frame) -> tuple[LogFormat, Fields]:
        if frame.format is not None:
            return self._named(self._formats[frame.format], frame)
        for envelope in self._envelopes:
            opened = envelope.opens(frame)  # type: ignore[misc]  # an envelope has it
            if opened is not None:
                return self._within(envelope, opened, frame, 0)
        frame.text = frame.payload.decode("utf-8", "backslashreplace")
        frame.opened = None
        reason = "no format recognises this record"
        head = frame.payload[:_HEAD]
        for log_format in self._bare:
            if log_format.fingerprint(head):  # type: ignore[misc]
                try:
                    return log_format, _parse(log_format, frame)
                except ParseError as error:
                    reason = str(error)
        raise ParseError(reason)

    def _named(self, log_format: LogFormat, frame: Frame) -> tuple[LogFormat, Fields]:
        envelope = log_format if log_format.opens is not None else None
        if envelope is None and log_format.inside is not None:
            envelope = self._formats.get(log_format.inside)
        if envelope is not None and envelope.opens is not None:
            opened = envelope.opens(frame)
            if opened is not None:
                if envelope is log_format:
                    return self._within(envelope, opened, frame, 0)
                frame.text, frame.opened = opened.text, opened
                try:
                    return log_format, {**opened.fields, **_parse(log_format, frame)}
                except ParseError:
                    return self._within(envelope, opened, frame, 0)
        frame.text = frame.payload.decode("utf-8", "backslashreplace")
        frame.opened = None
        return log_format, _parse(log_format, frame)

    def _within(self, envelope: LogFormat, opened: Opened, frame: Frame, depth: int) -> tuple[LogFormat, Fields]:
        frame.text = opened.text
        frame.opened = opened
        fields = opened.fields
        claimed: LogFormat | None = None
        if opened.program is not None:
            for log_format in self._programs[envelope.id].get(opened.program, ()):
                try:
                    fields.update(_parse(log_format, frame))
                except ParseError:
                    claimed = log_format
                    continue
                return log_format, fields
        if opened.object is not None:
            for log_format in self._shapes[envelope.id]:
                if log_format.shape(opened.object):  # type: ignore[misc]
                    try:
                        fields.update(_parse(log_format, frame))
                    except ParseError:
                        claimed = log_format
                        continue
                    return log_format, fields
        elif opened.text:
            head = opened.text[:_HEAD].encode("utf-8", "surrogateescape")
            for log_format in self._inside[envelope.id]:
                if log_format.fingerprint(head):  # type: ignore[misc]
                    try:
                        fields.update(_parse(log_format, frame))
                    except ParseError:
                        claimed = log_format
                        continue
                    return log_format, fields
            if depth < _NESTED and claimed is None:
                nested = self._nested(envelope, opened, frame, depth)
                if nested is not None:
                    return nested
        if claimed is not None:
            self.partial[claimed.id] = self.partial.get(claimed.id, 0) + 1
        fields.update(_parse(envelope, frame))
        return (claimed or envelope), fields

    def _nested(self, outer: LogFormat, opened: Opened, frame: Frame, depth: int) -> tuple[LogFormat, Fields] | None:
        """A record of another envelope inside this one's message, e.g. a JSON object behind a syslog header."""
        for envelope in self._envelopes:
            if envelope is outer or envelope.fingerprint is None:
                continue
            payload = opened.text.lstrip().removeprefix("@cee:").lstrip().encode("utf-8", "surrogateescape")
            if not envelope.fingerprint(payload[:_HEAD]):
                continue
            inner = Frame(payload, frame.source, received=frame.received, zone=frame.zone, peer=frame.peer)
            within = envelope.opens(inner)  # type: ignore[misc]
            if within is not None:
                log_format, fields = self._within(envelope, within, inner, depth + 1)
                return log_format, {**opened.fields, **fields}
        return None


def _parse(log_format: LogFormat, frame: Frame) -> Fields:
    if log_format.parse is None:
        raise ParseError(f"{log_format.id}: a record of this format needs its neighbours, and is not read alone")
    return log_format.parse(frame)
