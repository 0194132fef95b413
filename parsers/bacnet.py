"""BACnet/IP: ANSI/ASHRAE 135-2020, annex J.

::

    81 0a 00 17  01 04  00 05 01 0f  0c 00 80 00 05  19 55  3e 44 42 c8 00 00 3f        analog value 5 = 100

Both sides speak from the same port and either may ask: ``source`` is the one that asked.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import ot
from parsers._grammar.bacnet_tables import (
    ABORTED,
    COMMUNICATION,
    CONFIRMED,
    ERRORS,
    IDENTITY,
    LINK,
    LINK_RESULTS,
    NETWORK,
    OBJECTS,
    PROPERTIES,
    REINITIALIZED,
    REJECTED,
    REPORTS,
    UNCONFIRMED,
)
from parsers._grammar.bacnet_values import CLOSING, OPENING, object_of, tags, unsigned, value
from parsers._grammar.dialogue import Dialogue, turned
from parsers._grammar.exchange import Finished, one_or_list

_BVLL = 0x81
_RESULT, _FORWARDED, _DISTRIBUTE, _UNICAST, _BROADCAST, _LAST = 0x00, 0x04, 0x09, 0x0A, 0x0B, 0x0C
_ASK, _TELL, _SIMPLE, _COMPLEX, _SEGMENT, _ERROR, _REJECT, _ABORT = range(8)
_MORE, _SEGMENTED = 0x04, 0x08
_MOST_POINTS = 256


class Apdu(NamedTuple):
    kind: int
    invoke: int
    service: int
    data: bytes
    first: bool
    whole: bool


class Network(NamedTuple):
    """``to`` and ``by``: network and address of a device behind a router; ``message`` of the network layer itself."""

    to: str | None
    by: str | None
    message: int | None
    data: bytes


def cut(buffer: bytes | bytearray | memoryview) -> int | None:
    """A datagram is one PDU; devices take it though its link control information gives another length.

    >>> cut(bytes.fromhex("810a0011010400050c0c00800005"))
    14
    """
    if len(buffer) < 4:
        return None
    if buffer[0] != _BVLL or not _is_npdu(buffer):
        raise ParseError("BACnet/IP: a datagram does not start with link control information")
    return len(buffer)


def fingerprint(head: bytes) -> bool:
    """Whether a datagram's link control information gives its own length, with a version of NPDU that there is."""
    return len(head) >= 4 and head[0] == _BVLL and (head[2] << 8 | head[3]) == len(head) and _is_npdu(head)


def _is_npdu(head: bytes | bytearray | memoryview) -> bool:
    at = {_UNICAST: 4, _BROADCAST: 4, _DISTRIBUTE: 4, _FORWARDED: 10}.get(head[1])
    return head[1] <= _LAST if at is None else len(head) > at + 1 and head[at] == 1


def asks(pdu: bytes) -> bool | None:
    try:
        found = _npdu(pdu)
        if found is None or found.message is not None or not found.data:
            return None
    except IndexError:
        return None
    kind = found.data[0] >> 4
    return kind == _ASK if kind in (_ASK, _SIMPLE, _COMPLEX, _ERROR, _REJECT) else None


def _npdu(pdu: bytes) -> Network | None:
    """The network layer (clause 6.2); None in what only concerns the link. IndexError: cut short."""
    function = pdu[1]
    if function not in (_FORWARDED, _DISTRIBUTE, _UNICAST, _BROADCAST):
        return None
    at = 10 if function == _FORWARDED else 4
    control = pdu[at + 1]
    at += 2
    to = by = None
    if control & 0x20:
        to, at = _station(pdu, at)
    if control & 0x08:
        by, at = _station(pdu, at)
    if control & 0x20:
        at += 1  # hops left
    if control & 0x80:
        return Network(to, by, pdu[at], pdu[at + 1 :])
    return Network(to, by, None, pdu[at:])


def _station(pdu: bytes, at: int) -> tuple[str, int]:
    network, length = pdu[at] << 8 | pdu[at + 1], pdu[at + 2]
    return f"{network}:{pdu[at + 3 : at + 3 + length].hex()}", at + 3 + length


def _apdu(data: bytes) -> Apdu:
    kind, flags = data[0] >> 4, data[0]
    if kind == _TELL:
        return Apdu(kind, 0, data[1], data[2:], True, True)
    at = 2 if kind == _ASK else 1
    invoke = data[at]
    at += 1
    first = whole = True
    if kind in (_ASK, _COMPLEX) and flags & _SEGMENTED:
        first, whole = data[at] == 0, False
        at += 2
    if kind in (_REJECT, _ABORT):
        return Apdu(kind, invoke, data[at], b"", True, True)
    return Apdu(kind, invoke, data[at] if kind != _SEGMENT else 0, data[at + 1 :], first, whole)


class Conversation(Dialogue):
    """The datagrams between two hosts. An answer belongs to the request with its invoke id, in the other direction."""

    def feed(self, frame: Frame) -> Iterable[Finished]:
        pdu = frame.payload
        if len(pdu) < 4 or pdu[0] != _BVLL:
            raise ParseError(f"BACnet/IP: a datagram of {len(pdu)} bytes without link control information")
        try:
            found = _npdu(pdu)
            if found is None:
                return self._link(frame, pdu)
            if found.message is not None:
                return self._network(frame, found)
            one = _apdu(found.data)
        except IndexError:
            return [self._broken(frame, f"a datagram of {len(pdu)} bytes is cut short")]
        if one.kind == _TELL:
            return self._tell(frame, found, one)
        if one.kind == _ASK:
            return self._ask(frame, found, one)
        return self._answer(frame, found, one) if one.kind != _SEGMENT and one.first else ()

    def _start(self, frame: Frame, found: Network | None) -> Fields:
        fields = self.begin(frame, "bacnet")
        if not frame.from_client:
            turned(fields)
        if found is not None and found.to is not None:
            fields["ot.unit_id"] = found.to
        if found is not None and found.by is not None:
            fields["ot.master_id"] = found.by
        return fields

    def _link(self, frame: Frame, pdu: bytes) -> Iterable[Finished]:
        function = pdu[1]
        if function == _RESULT:
            code = pdu[4] << 8 | pdu[5] if len(pdu) > 5 else 0
            asked = LINK_RESULTS.get(code)
            waiting = self.answered(
                frame,
                ("link", not frame.from_client),
                lambda waiting: bool(asked is None or waiting.detail == asked),
            )
            if waiting is None:
                return ()
            waiting.fields["event.outcome"] = "failure" if code else "success"
            if code:
                waiting.fields["ot.exception"] = "refused"
            return [self.say(waiting.frame, waiting.fields)]
        known = LINK.get(function)
        if known is None:
            return ()
        fields = self._start(frame, None)
        fields["ot.function_code"] = function
        fields["ot.function"], fields["ot.operation"] = known
        return self.ask(frame, ("link", frame.from_client), fields, function)

    def _network(self, frame: Frame, found: Network) -> Iterable[Finished]:
        known = NETWORK.get(found.message or 0)
        if known is None:
            return ()
        fields = self._start(frame, found)
        fields["ot.function_code"] = found.message
        fields["ot.function"], fields["ot.operation"] = known
        return [self.say(frame, fields)]

    def _tell(self, frame: Frame, found: Network, one: Apdu) -> Iterable[Finished]:
        known = UNCONFIRMED.get(one.service)
        if known is None:
            return ()
        fields = self._start(frame, found)
        fields["ot.function_code"] = one.service
        fields["ot.function"], fields["ot.operation"] = known
        try:
            if known[1] == "clock":
                fields["ot.value"] = " ".join(str(value(tag)) for tag in tags(one.data))
        except IndexError:
            fields["error.message"] = f"BACnet {known[0]}: {len(one.data)} bytes are too few"
        return [self.say(frame, fields)]

    def _ask(self, frame: Frame, found: Network, one: Apdu) -> Iterable[Finished]:
        if one.service in REPORTS or not one.first:
            return ()
        fields = self._start(frame, found)
        name, operation = CONFIRMED.get(one.service) or (f"service_{one.service}", "diagnostic")
        fields["ot.function_code"], fields["ot.function"], fields["ot.operation"] = one.service, name, operation
        try:
            _describe(one, fields)
        except IndexError:
            if one.whole:
                fields["error.message"] = f"BACnet {name}: {len(one.data)} bytes are too few"
        return self.ask(frame, (frame.from_client, one.invoke, found.to), fields, one.service)

    def _answer(self, frame: Frame, found: Network, one: Apdu) -> Iterable[Finished]:
        waiting = self.answered(
            frame,
            (not frame.from_client, one.invoke, found.by),
            lambda waiting: bool(one.kind in (_REJECT, _ABORT) or waiting.detail == one.service),
        )
        if waiting is None:
            return ()
        _outcome(one, waiting.fields)
        return [self.say(waiting.frame, waiting.fields)]

    def _broken(self, frame: Frame, why: str) -> Finished:
        fields = self._start(frame, None)
        fields["ot.function"], fields["ot.operation"] = "incomplete_pdu", "diagnostic"
        fields["error.message"] = f"BACnet/IP: {why}"
        return self.say(frame, fields)


def _describe(one: Apdu, fields: Fields) -> None:
    if one.service in (12, 14, 15, 16, 26, 8, 9):
        points = _points(one)
        fields["ot.address_space"] = one_or_list([point["object"] for point in points])
        fields["ot.address"] = one_or_list([point["instance"] for point in points])
        properties = [point["property"] for point in points if "property" in point]
        if properties:
            fields["ot.property"] = one_or_list(properties)
        values = [one_or_list(point["values"]) for point in points if point.get("values")]
        if values:
            fields["ot.value"] = one_or_list(values)
        priorities = [point["priority"] for point in points if "priority" in point]
        if priorities:
            fields["ot.priority"] = one_or_list(priorities)
        if len(points) > 1:
            fields["ot.count"] = len(points)
    elif one.service in (17, 20):
        words = REINITIALIZED if one.service == 20 else COMMUNICATION
        wanted = 0 if one.service == 20 else 1
        for tag in tags(one.data):
            if tag.context and tag.number == wanted and not tag.form:
                state = unsigned(tag.content)
                fields["ot.mode"] = words[state] if state < len(words) else f"state_{state}"
            elif tag.context and tag.number == 0 and not tag.form and one.service == 17:
                fields["ot.minutes"] = unsigned(tag.content)
    elif one.service in (6, 7, 10, 11):
        for tag in tags(one.data):
            if len(tag.content) == 4 and (tag.number == 12 or tag.context):
                kind, instance = object_of(tag.content)
                fields["ot.address_space"], fields["ot.address"] = _object(kind), instance
                break


def _points(one: Apdu) -> list[dict[str, Any]]:
    """Objects and their properties, with what they are set to.

    Of one property (12, 15, 26, lists): [0] object, [1] property, [2] index, [3] {values}, [4] priority. Of several
    (14, 16): [0] object, [1] {[0] property, [1] index, [2] {values}, [3] priority, …}.
    """
    several = one.service in (14, 16)
    out: list[dict[str, Any]] = []
    depth = 0
    current: dict[str, Any] = {}
    for tag in tags(one.data):
        if tag.form == OPENING:
            depth += 1
        elif tag.form == CLOSING:
            depth -= 1
        elif not tag.context:
            if current and len(current.setdefault("values", [])) < _MOST_POINTS:
                current["values"].append(value(tag))
        elif depth == 0 and tag.number == 0:
            kind, instance = object_of(tag.content)
            current = {"object": _object(kind), "instance": instance}
            out.append(current)
        elif not current:
            raise IndexError
        elif depth == (1 if several else 0) and tag.number == (0 if several else 1):
            if several and "property" in current:
                current = {"object": current["object"], "instance": current["instance"]}
                out.append(current)
            current["property"] = PROPERTIES.get(unsigned(tag.content), f"property_{unsigned(tag.content)}")
            current["code"] = unsigned(tag.content)
        elif depth == (1 if several else 0) and tag.number == (3 if several else 4):
            current["priority"] = unsigned(tag.content)
        if len(out) > _MOST_POINTS:
            break
    if not out:
        raise IndexError
    return out


def _object(kind: int) -> str:
    return OBJECTS[kind] if kind < len(OBJECTS) else f"object_type_{kind}"


def _outcome(one: Apdu, fields: Fields) -> None:
    if one.kind in (_SIMPLE, _COMPLEX):
        fields["event.outcome"] = "success"
        if one.kind == _COMPLEX and one.service == 12 and one.whole:
            _read(one, fields)
        return
    fields["event.outcome"] = "failure"
    if one.kind == _REJECT:
        fields["ot.exception"] = REJECTED[one.service] if one.service < len(REJECTED) else f"reject_{one.service}"
    elif one.kind == _ABORT:
        fields["ot.exception"] = ABORTED[one.service] if one.service < len(ABORTED) else f"abort_{one.service}"
    else:
        fields["ot.exception"] = "error"
        try:
            codes = [unsigned(tag.content) for tag in tags(one.data) if not tag.context and tag.number == 9]
        except IndexError:
            return
        if len(codes) > 1:
            fields["ot.exception"] = ERRORS.get(codes[1], f"error_{codes[1]}")


def _read(one: Apdu, fields: Fields) -> None:
    """What a property was; those that name a device are its identity."""
    try:
        points = _points(one)
    except IndexError:
        return
    values = points[0].get("values")
    if not values:
        return
    fields["ot.value"] = one_or_list(values)
    name = IDENTITY.get(points[0].get("code", -1))
    if points[0]["object"] == "device" and name is not None:
        fields[f"ot.identity.{name}"] = str(values[0])


FORMAT = LogFormat(
    id="bacnet",
    vendor="ASHRAE",
    product="BACnet/IP",
    logsource=LogSource(category="ot_protocol", product="bacnet"),
    spec="https://www.ashrae.org/technical-resources/bookstore/bacnet",
    session=Conversation,
    route=ot.logsource,
    cut=cut,
    fingerprint=fingerprint,
    asks=asks,
    ports=(47_808,),
    transport="udp",
)
