"""What conversations of control protocols share: an event begins with a request and ends with its response."""

from collections.abc import Callable, Hashable, Iterable
from typing import Any

from engine.model import Fields, Frame
from engine.model.conversation import conversation
from parsers._grammar import exchange
from parsers._grammar.exchange import Exchange, Finished, Waiting

_SHOWN = 8


class Dialogue:
    """One conversation; a protocol gives it ``feed``, which uses ``begin``, ``ask``, ``answered`` and ``say``."""

    def __init__(self) -> None:
        self.exchange = Exchange()
        self._flow: Any = None
        self._about: Fields = {}

    def feed(self, frame: Frame) -> Iterable[Finished]:
        raise NotImplementedError

    def begin(self, frame: Frame, protocol: str, original: bytes | None = None) -> Fields:
        """The fields of an event that this frame begins; ``original`` where the request is not the frame's payload."""
        if frame.flow is not self._flow:
            self._flow, self._about = frame.flow, conversation(frame)
        fields = self._about.copy()
        related = fields.get("related.ip")
        if related is not None:
            fields["related.ip"] = [*related]
        fields["@timestamp"] = frame.time or frame.received
        fields["event.original"] = (frame.payload if original is None else original).hex()
        fields["event.type"] = ["protocol"]
        fields["ot.protocol"] = fields["network.protocol"] = protocol
        return fields

    def ask(self, frame: Frame, key: Hashable, fields: Fields, detail: Any = None, part: int = 0) -> list[Finished]:
        """A request that waits for its response; what was given up for it."""
        given_up = self.exchange.ask(Waiting(frame, key, fields, detail, part))
        return self.told(given_up) if given_up else given_up

    def answered(self, frame: Frame, key: Hashable, fits: Callable[[Waiting], bool] | None = None) -> Waiting | None:
        """The request that this frame answers, with the time that took; its ``fields`` are then given to ``say``."""
        waiting = self.exchange.answered(key, fits)
        if waiting is not None and frame.time is not None and waiting.frame.time is not None:
            waiting.fields["event.duration"] = max(frame.time - waiting.frame.time, 0)
        return waiting

    def say(self, frame: Frame, fields: Fields) -> Finished:
        """An event that is complete. Without an outcome it is unknown."""
        fields.setdefault("event.outcome", "unknown")
        fields["event.action"] = fields["ot.function"]
        fields["message"] = sentence(fields)
        return frame, fields

    def told(self, finished: Iterable[Finished]) -> list[Finished]:
        return [self.say(frame, fields) for frame, fields in finished]

    def expire(self, now: int | None) -> Iterable[Finished]:
        return self.told(self.exchange.expire(now))

    def oldest(self) -> int | None:
        return self.exchange.oldest()

    def snapshot(self) -> Any:
        """The frames to be read again, and which of their requests wait; ``unfinished`` frames among them."""
        frames = {frame.sequence: frame for frame in (*self.exchange.frames(), *self.unfinished())}
        return [exchange.snapshot(frames[number] for number in sorted(frames)), self.exchange.parts()]

    def restore(self, state: Any) -> None:
        frames, parts = state
        for frame in exchange.restored(frames):
            list(self.feed(frame))
        self.exchange.keep((sequence, part) for sequence, part in parts)

    def unfinished(self) -> Iterable[Frame]:
        """Frames that hold the begin of something longer."""
        return ()


def turned(fields: Fields) -> None:
    """Source and destination change places: the side that did not open the conversation is the one that asks."""
    for name in ("ip", "port", "mac"):
        one, two = fields.pop(f"source.{name}", None), fields.pop(f"destination.{name}", None)
        if two is not None:
            fields[f"source.{name}"] = two
        if one is not None:
            fields[f"destination.{name}"] = one


def sentence(fields: Fields) -> str:
    """An event in a line, for people."""
    get = fields.get
    words = f"{fields['ot.protocol']} {fields['ot.function']}"
    if "ot.tag" in fields:
        words += f" {_short(fields['ot.tag'])}"
    elif "ot.address" in fields:
        space, address = get("ot.address_space", "address"), fields["ot.address"]
        if type(address) is int:
            words += f" {space} {address}"
        else:
            words += f" {_short(space)} {_short(address)}"
    if "ot.mode" in fields:
        words += f" {_short(fields['ot.mode'])}"
    if "ot.value" in fields:
        words += f" = {_short(fields['ot.value'])}"
    source = get("source.ip") or get("source.mac") or "?"
    destination = get("destination.ip") or get("destination.mac") or "?"
    outcome = get("ot.exception") or fields["event.outcome"]
    unit = f" unit {fields['ot.unit_id']}" if "ot.unit_id" in fields else ""
    return f"{words} from {source} to {destination}{unit}: {outcome if type(outcome) is str else _short(outcome)}"


def _short(value: Any) -> str:
    if type(value) is list and len(value) > _SHOWN:
        return f"{value[:_SHOWN]} and {len(value) - _SHOWN} more"
    text = str(value)
    return text if len(text) <= 256 else f"{text[:256]}…"
