"""Requests and responses that a sensor logs as lines of their own.

``tieline.exchange`` says which of the two a line is, ``tieline.transaction`` which lines belong together. A
response carries no ``ot.operation``: it must not count as a second write.
"""

import re
from collections.abc import Iterable
from typing import Any

from engine.model import Fields, Frame

EXCHANGE, TRANSACTION = "tieline.exchange", "tieline.transaction"
REQUEST, RESPONSE, EITHER = "request", "response", "either"

_TIMEOUT_NS = 5_000_000_000
_MOST = 1_024
_ODD = re.compile(r"[^a-z0-9]+")
_ANSWERS = ("event.outcome", "ot.exception", "ot.value", "ot.read_value", "ot.count", "ot.mode")

Finished = tuple[Frame, Fields]


def slug(name: str) -> str:
    """
    >>> slug("Get Attribute List"), slug("DIRECT_OPERATE")
    ('get_attribute_list', 'direct_operate')
    """
    return _ODD.sub("_", name.lower()).strip("_")


def said(fields: Fields, protocol: str, function: str, operation: str | None, code: int | None = None) -> None:
    fields["ot.protocol"] = fields["network.protocol"] = protocol
    fields["ot.function"] = fields["event.action"] = function
    if code is not None:
        fields["ot.function_code"] = code
    if operation is not None:
        fields["ot.operation"] = operation


def turn(fields: Fields, asks: bool | None, *key: Any) -> None:
    """``asks`` is None where a line does not say: the first of a transaction asks."""
    fields[EXCHANGE] = EITHER if asks is None else REQUEST if asks else RESPONSE
    fields[TRANSACTION] = " ".join(map(str, key))
    if asks is False:
        fields.pop("ot.operation", None)


def hexadecimal(value: Any) -> int | None:
    """
    >>> hexadecimal("0x4d"), hexadecimal("P_PROGRAM"), hexadecimal(7)
    (77, None, 7)
    """
    if type(value) is int:
        return value
    if type(value) is str and value[:2] == "0x" and len(value) <= 18:
        try:
            return int(value, 16)
        except ValueError:
            return None
    return None


class Requests:
    """The lines of one log: a request waits for its response, all else is finished. In the log's own time."""

    def __init__(self) -> None:
        self._waiting: dict[int, Finished] = {}
        self._by_key: dict[str, list[int]] = {}

    def join(self, frame: Frame, fields: Fields) -> Iterable[Finished]:
        kind = fields.pop(EXCHANGE, None)
        key = fields.pop(TRANSACTION, "")
        now = fields.get("@timestamp", frame.received)
        out = self._late(now) if self._waiting else []
        if kind == EITHER:
            kind = RESPONSE if key in self._by_key else REQUEST
        if kind == REQUEST:
            if len(self._waiting) >= _MOST:
                out.append(self._give_up(next(iter(self._waiting))))
            kept = Frame(
                frame.payload,
                frame.source,
                frame.stream,
                frame.received,
                frame.sequence,
                frame.position,
                truncated=frame.truncated,
            )
            fields[TRANSACTION] = key
            self._waiting[frame.sequence] = (kept, fields)
            self._by_key.setdefault(key, []).append(frame.sequence)
        elif kind == RESPONSE:
            waiting = self._by_key.get(key)
            if waiting:
                out.append(self._answered(waiting[0], fields))
        else:
            out.append((frame, fields))
        return out

    def expire(self, now: int | None) -> Iterable[Finished]:
        if now is None:
            return [self._give_up(sequence) for sequence in list(self._waiting)]
        late = [one for one, (frame, _) in self._waiting.items() if now - frame.received >= _TIMEOUT_NS]
        return [self._give_up(sequence) for sequence in late]

    def oldest(self) -> int | None:
        return next(iter(self._waiting), None)

    def snapshot(self) -> Any:
        return [
            [frame.payload, frame.source, frame.stream, frame.received, frame.sequence, frame.position, fields]
            for frame, fields in self._waiting.values()
        ]

    def restore(self, state: Any) -> None:
        for payload, source, stream, received, sequence, position, fields in state:
            self._waiting[sequence] = (
                Frame(bytes(payload), source, stream, received, sequence, position),
                dict(fields),
            )
            self._by_key.setdefault(fields[TRANSACTION], []).append(sequence)

    def _late(self, now: int) -> list[Finished]:
        late = []
        for sequence, (frame, fields) in self._waiting.items():
            if now - fields.get("@timestamp", frame.received) < _TIMEOUT_NS:
                break
            late.append(sequence)
        return [self._give_up(sequence) for sequence in late]

    def _answered(self, sequence: int, answer: Fields) -> Finished:
        frame, fields = self._remove(sequence)
        for name in _ANSWERS:
            if name in answer and name not in fields:
                fields[name] = answer[name]
        fields.setdefault("event.outcome", "success")
        asked, told = fields.get("@timestamp"), answer.get("@timestamp")
        if asked is not None and told is not None and told >= asked:
            fields["event.duration"] = told - asked
        return frame, fields

    def _give_up(self, sequence: int) -> Finished:
        frame, fields = self._remove(sequence)
        fields.setdefault("event.outcome", "unknown")
        return frame, fields

    def _remove(self, sequence: int) -> Finished:
        frame, fields = self._waiting.pop(sequence)
        key = fields.pop(TRANSACTION)
        queue = self._by_key[key]
        queue.remove(sequence)
        if not queue:
            del self._by_key[key]
        return frame, fields
