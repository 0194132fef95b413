"""EtherNet/IP: CIP over TCP and UDP, with PCCC inside.

CIP Networks Library, volume 2 (encapsulation) and 1 (CIP), ODVA. One request, a stop of the controller::

    6f 00 16 00  session … 00 00 00 00 00 00 02 00  00 00 00 00  b2 00 06 00  07 02 20 64 24 01

Of Unconnected Send the request inside is the event, of a Multiple Service Packet each request.
"""

from collections.abc import Iterable
from struct import Struct, error
from typing import NamedTuple

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import cip, ot
from parsers._grammar.cip_tables import (
    CANCEL,
    COMMANDS,
    ENCAPSULATION_STATUS,
    INDICATE,
    MULTIPLE,
    NOP,
    SEND_RR_DATA,
    SEND_UNIT_DATA,
    UNCONNECTED_SEND,
    UNREGISTER,
)
from parsers._grammar.dialogue import Dialogue
from parsers._grammar.exchange import Finished, Waiting

_HEADER = Struct("<HHII8sI")
_SHORT = Struct("<H").unpack_from
_KNOWN = frozenset({*COMMANDS, NOP, SEND_RR_DATA, SEND_UNIT_DATA, INDICATE, CANCEL})
_MAX_LENGTH = 65_511
_ADDRESSED, _CONNECTED, _UNCONNECTED, _IDENTITY = 0x00A1, 0x00B1, 0x00B2, 0x000C
_MOST_ITEMS = 16
_REPLY = 0x80


class Encapsulated(NamedTuple):
    command: int
    session: int
    status: int
    context: bytes
    data: bytes


class Packet(NamedTuple):
    """The CIP message of a common packet format; ``sequence`` of a connected one, None of an unconnected."""

    message: bytes
    sequence: int | None
    connection: int | None


def cut(buffer: bytes | bytearray | memoryview) -> int | None:
    """
    >>> cut(bytes.fromhex("65000400") + bytes(24)), cut(b"e")
    (28, None)
    """
    if len(buffer) >= 2 and buffer[0] | buffer[1] << 8 not in _KNOWN:
        raise ParseError(f"EtherNet/IP: there is no command 0x{buffer[0] | buffer[1] << 8:04x}")
    if len(buffer) < 4:
        return None
    length = buffer[2] | buffer[3] << 8
    if length > _MAX_LENGTH:
        raise ParseError(f"EtherNet/IP: a length of {length}")
    return 24 + length


def fingerprint(head: bytes) -> bool:
    """Whether a whole PDU starts here that is more than an empty header."""
    if len(head) < 24:
        return False
    command, length, session, status, _, options = _HEADER.unpack_from(head)
    if command not in _KNOWN or options or len(head) < 24 + length or status > 0x6A:
        return False
    body = head[24 : 24 + length]
    if command in (SEND_RR_DATA, SEND_UNIT_DATA):
        return bool(session) and length >= 16 and body[:4] == bytes(4) and 1 <= _SHORT(body, 6)[0] <= _MOST_ITEMS
    if command == 0x0065:
        return length == 4 and body[:2] == b"\x01\0"
    return command == 0x0063 and body[2:4] == b"\x0c\0"


def asks(pdu: bytes) -> bool | None:
    """Whether a PDU is a request."""
    try:
        one = _encapsulated(pdu)
        if one.command in (SEND_RR_DATA, SEND_UNIT_DATA):
            packet = _packet(one.data)
            return None if packet is None or not packet.message else packet.message[0] < _REPLY
    except (error, IndexError, ParseError):
        return None
    if one.command == 0x0065:
        return one.session == 0
    if one.command in (0x0004, 0x0063, 0x0064):
        return not one.data
    return True if one.command == UNREGISTER else None


def _encapsulated(pdu: bytes) -> Encapsulated:
    if len(pdu) < 24:
        raise ParseError(f"EtherNet/IP: a PDU of {len(pdu)} bytes")
    command, length, session, status, context, _ = _HEADER.unpack_from(pdu)
    return Encapsulated(command, session, status, context, pdu[24 : 24 + length])


def _items(data: bytes, at: int) -> list[tuple[int, bytes]]:
    out = []
    for _ in range(min(_SHORT(data, at - 2)[0], _MOST_ITEMS)):
        kind, length = Struct("<HH").unpack_from(data, at)
        out.append((kind, data[at + 4 : at + 4 + length]))
        at += 4 + length
    return out


def _packet(data: bytes) -> Packet | None:
    """The message in SendRRData and SendUnitData; None where there is none. IndexError, struct.error: cut short."""
    connection = None
    for kind, item in _items(data, 8):
        if kind == _ADDRESSED and len(item) >= 4:
            connection = int.from_bytes(item[:4], "little")
        elif kind == _CONNECTED:
            return Packet(item[2:], _SHORT(item)[0], connection)
        elif kind == _UNCONNECTED:
            return Packet(item, None, connection)
    return None


class Conversation(Dialogue):
    """The PDUs of one connection: replies belong to requests by sender context, or by the count of their connection."""

    def feed(self, frame: Frame) -> Iterable[Finished]:
        one = _encapsulated(frame.payload)
        if one.command in (SEND_RR_DATA, SEND_UNIT_DATA):
            return self._data(frame, one)
        if one.command not in COMMANDS:
            return ()
        key = (one.command, one.context)
        if frame.from_client:
            fields = self.begin(frame, "enip")
            fields["ot.function_code"] = one.command
            fields["ot.function"], fields["ot.operation"] = COMMANDS[one.command]
            return [self.say(frame, fields)] if one.command == UNREGISTER else self.ask(frame, key, fields)
        waiting = self.answered(frame, key)
        if waiting is None:
            return ()
        fields = waiting.fields
        _encapsulation(one, fields)
        if one.command == 0x0063 and not one.status:
            self._identity(one, fields)
        return [self.say(waiting.frame, fields)]

    @staticmethod
    def _identity(one: Encapsulated, fields: Fields) -> None:
        try:
            for kind, item in _items(one.data, 2):
                if kind == _IDENTITY:
                    cip.identity(item[18:], fields)
        except (error, IndexError):
            fields["error.message"] = "EtherNet/IP list_identity: the identity is cut short"

    def _data(self, frame: Frame, one: Encapsulated) -> Iterable[Finished]:
        try:
            packet = _packet(one.data)
        except (error, IndexError):
            if not frame.from_client:
                return ()
            return [self._broken(frame, "the packet is cut short")]
        if packet is None or not packet.message:
            return self._refused(frame, one) if not frame.from_client else ()
        key = (one.session, one.context if packet.sequence is None else packet.sequence)
        if packet.message[0] & _REPLY:
            return self._answer(frame, key, packet.message) if not frame.from_client else ()
        return self._ask(frame, key, packet) if frame.from_client else ()

    def _ask(self, frame: Frame, key: object, packet: Packet) -> Iterable[Finished]:
        route: tuple[str, ...] = ()
        try:
            asked = cip.request_of(packet.message)
            if cip.is_forwarded(asked):
                inside, path = cip.embedded(asked.data)
                asked, route = cip.request_of(inside), cip.path_of(path).ports
            several = cip.is_multiple(asked)
            parts = [cip.request_of(part) for part in cip.several(asked.data)] if several else [asked]
        except (error, IndexError):
            return [self._broken(frame, "a request is cut short")]
        out: list[Finished] = []
        for number, part in enumerate(parts):
            fields = self.begin(frame, "enip")
            cip.describe(part, fields)
            if route:
                fields["ot.route"] = list(route)
            if packet.connection is not None:
                fields["ot.connection_id"] = packet.connection
            out += self.ask(frame, key, fields, (part.service, number if several else None), number)
        return out

    def _answer(self, frame: Frame, key: object, message: bytes) -> Iterable[Finished]:
        try:
            reply = cip.reply_of(message)
            replies = cip.several(reply.data) if reply.service == MULTIPLE and reply.data else []
            inner = [cip.reply_of(part) for part in replies]
        except (error, IndexError):
            return ()
        out: list[Finished] = []
        while True:
            waiting = self.answered(frame, key, lambda waiting: _fits(waiting, reply.service))
            if waiting is None:
                return out
            number = waiting.detail[1]
            cip.answer(reply if number is None or number >= len(inner) else inner[number], waiting.fields)
            out.append(self.say(waiting.frame, waiting.fields))
            if number is None:
                return out

    def _refused(self, frame: Frame, one: Encapsulated) -> Iterable[Finished]:
        """The encapsulation failed, and nothing is in it."""
        waiting = self.answered(frame, (one.session, one.context)) if one.status else None
        if waiting is None:
            return ()
        _encapsulation(one, waiting.fields)
        return [self.say(waiting.frame, waiting.fields)]

    def _broken(self, frame: Frame, why: str) -> Finished:
        fields = self.begin(frame, "enip")
        fields["ot.function"], fields["ot.operation"] = "incomplete_request", "diagnostic"
        fields["error.message"] = f"EtherNet/IP: {why}"
        return self.say(frame, fields)


def _fits(waiting: Waiting, service: int) -> bool:
    asked, number = waiting.detail
    return bool(service == UNCONNECTED_SEND or service == (asked if number is None else MULTIPLE))


def _encapsulation(one: Encapsulated, fields: Fields) -> None:
    if one.status:
        fields["event.outcome"] = "failure"
        fields["ot.exception"] = ENCAPSULATION_STATUS.get(one.status, f"status_0x{one.status:04x}")
    else:
        fields["event.outcome"] = "success"


FORMAT = LogFormat(
    id="enip",
    vendor="ODVA",
    product="EtherNet/IP",
    logsource=LogSource(category="ot_protocol", product="enip"),
    spec="https://www.odva.org/technology-standards/key-technologies/ethernet-ip/",
    session=Conversation,
    route=ot.logsource,
    cut=cut,
    fingerprint=fingerprint,
    asks=asks,
    ports=(44_818,),
    transport="both",
)
