"""Siemens S7comm (S7-300/400, and 1200/1500 with PUT/GET allowed) over TPKT and COTP, port 102.

Not published by Siemens; sources are named in ``_grammar/s7_*.py``. One PDU, a PLC stop::

    03 00 00 21 02 f0 80  32 01 00 00 00 01 00 10 00 00  29 00 00 00 00 00 09 50 5f 50 52 4f 47 52 41 4d

One event a job or userdata request. In a download the controller asks for the blocks: the source stays the client of
the connection. A mode transition that the controller reports by itself is an event; its other reports (alarms, cyclic
values) are none. S7comm-plus (0x72) on the same port is recognised, one ``session`` event a connection, and not decoded
here.
"""

from collections.abc import Iterable
from struct import error
from typing import Any

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from engine.model.conversation import conversation
from parsers._grammar import exchange, ot, tpkt
from parsers._grammar.exchange import Exchange, Finished, Waiting
from parsers._grammar.s7_pdu import (
    ACK,
    ACK_DATA,
    HEADER,
    JOB,
    USERDATA,
    Pdu,
    connection,
    dialect,
    job,
    original,
    pdu,
    result,
    userdata_fields,
)
from parsers._grammar.s7_variables import Item
from parsers._grammar.tpkt import cut

_PUSH, _REQUEST, _RESPONSE = 0, 4, 8
_MAX_UNIT = 65_536
_SHOWN = 8


def fingerprint(head: bytes) -> bool:
    """Whether an S7comm or S7comm-plus PDU starts here, or the connection request of one."""
    try:
        length = cut(head)
        if length is None or length > len(head):
            return False
        packet = tpkt.tpdu(head[:length])
    except ParseError:
        return False
    if packet.kind in (tpkt.CONNECT, tpkt.CONFIRM):
        return dialect(packet.called) is not None
    unit = packet.data
    if packet.kind != tpkt.DATA or len(unit) < 4:
        return False
    if unit[0] == 0x72:
        return unit[1] in (1, 2, 3, 0xFE)
    if unit[0] != 0x32 or unit[1] not in (JOB, ACK, ACK_DATA, USERDATA) or len(unit) < 10:
        return False
    _, _, parameters, data = HEADER(unit, 2)
    start = 12 if unit[1] in (ACK, ACK_DATA) else 10
    return not packet.last or start + parameters + data == len(unit)


def asks(packet: bytes) -> bool | None:
    try:
        unit = tpkt.tpdu(packet)
    except ParseError:
        return None
    if unit.kind in (tpkt.CONNECT, tpkt.CONFIRM):
        return unit.kind == tpkt.CONNECT
    data = unit.data
    if len(data) < 11 or data[0] != 0x32:
        return data[4] == 0x31 if len(data) > 4 and data[0] == 0x72 and data[1] in (1, 2) else None
    if data[1] == JOB:
        return data[10] not in (0x1B, 0x1C)  # these two the controller asks for
    if data[1] == USERDATA:
        return data[15] >> 4 == _REQUEST if len(data) > 15 else None
    return False


def _message(fields: Fields) -> str:
    words = [fields["ot.protocol"], fields["ot.function"]]
    for name in ("ot.pi_service", "ot.tag", "ot.mode"):
        if name in fields:
            words.append(_short(fields[name]))
    if "ot.value" in fields:
        words.append(f"= {_short(fields['ot.value'])}")
    outcome = fields.get("ot.exception") or fields["event.outcome"]
    where = f"from {fields.get('source.ip', '?')} to {fields.get('destination.ip', '?')}"
    return f"{' '.join(words)} {where}: {_short(outcome)}"


def _short(value: Any) -> str:
    if isinstance(value, list) and len(value) > _SHOWN:
        return f"{value[:_SHOWN]} and {len(value) - _SHOWN} more"
    return str(value)


class Conversation:
    """The PDUs of one connection, paired by PDU reference; fragments of COTP joined."""

    def __init__(self) -> None:
        self._exchange = Exchange()
        self._parts: dict[bool, list[Frame]] = {True: [], False: []}
        self._plus = False

    def feed(self, frame: Frame) -> Iterable[Finished]:
        packet = tpkt.tpdu(frame.payload)
        side = frame.from_client
        if packet.kind == tpkt.CONNECT:
            fields = self._fields(frame, frame.payload.hex())
            connection(packet, fields)
            return self._ask(frame, (side, "connect"), fields, (tpkt.CONNECT, None, []))
        if packet.kind in (tpkt.CONFIRM, tpkt.DISCONNECT):
            return self._answer(frame, (not side, "connect"), packet.kind, None)
        if packet.kind != tpkt.DATA:
            return ()
        parts = self._parts[side]
        parts.append(frame)
        if not packet.last:
            if sum(len(part.payload) for part in parts) > _MAX_UNIT:
                parts.clear()
                raise ParseError(f"COTP: a unit of more than {_MAX_UNIT} bytes")
            return ()
        packets = b"".join(part.payload for part in parts) if len(parts) > 1 else frame.payload
        unit = b"".join(tpkt.tpdu(part.payload).data for part in parts) if len(parts) > 1 else packet.data
        parts.clear()
        if unit[:1] == b"\x72":
            return self._is_plus(frame, packets)
        if unit[:1] != b"\x32":
            return ()  # another protocol over COTP: MMS, ICCP
        return self._unit(frame, packets, pdu(unit))

    def expire(self, now: int | None) -> Iterable[Finished]:
        return self._said(self._exchange.expire(now))

    def oldest(self) -> int | None:
        first = [parts[0].sequence for parts in self._parts.values() if parts]
        waiting = self._exchange.oldest()
        return min(first if waiting is None else [*first, waiting], default=None)

    def snapshot(self) -> Any:
        parts = [frame for side in self._parts.values() for frame in side]
        return [self._plus, exchange.snapshot([*self._exchange.frames(), *parts])]

    def restore(self, state: Any) -> None:
        self._plus = bool(state[0])
        for frame in exchange.restored(state[1]):
            self.feed(frame)

    def _unit(self, frame: Frame, packets: bytes, pdu: Pdu) -> Iterable[Finished]:
        side = frame.from_client
        parameter = pdu.parameter
        if pdu.kind == JOB:
            fields = self._fields(frame, packets.hex())
            wanted: list[Item] = []
            try:
                wanted = job(pdu, fields)
            except (error, IndexError):
                fields["error.message"] = "S7comm: a job that is cut short"
                fields.setdefault("ot.function", "job")
                fields.setdefault("ot.operation", "diagnostic")
            code = parameter[0] if parameter else 0
            return self._ask(frame, (side, pdu.reference), fields, (JOB, code, wanted))
        if pdu.kind in (ACK, ACK_DATA):
            return self._answer(frame, (not side, pdu.reference), parameter[0] if parameter else None, pdu)
        if pdu.kind != USERDATA or len(parameter) < 8:
            return ()
        kind, group = parameter[5] >> 4, parameter[5] & 0x0F
        if kind == _RESPONSE:
            return self._answer(frame, (not side, "userdata", pdu.reference), group, pdu)
        if kind == _REQUEST or (kind == _PUSH and group == 0 and not side):
            fields = self._fields(frame, original(packets, pdu))
            userdata_fields(pdu, fields)
            if kind == _PUSH:
                fields["event.outcome"] = "success"
                fields["event.action"] = fields["ot.function"]
                return self._said([(frame, fields)])
            return self._ask(frame, (side, "userdata", pdu.reference), fields, (USERDATA, group, []))
        return ()

    def _is_plus(self, frame: Frame, packets: bytes) -> Iterable[Finished]:
        if self._plus:
            return ()
        self._plus = True
        fields = self._fields(frame, packets.hex())
        fields.update(
            {
                "ot.protocol": "s7comm_plus",
                "network.protocol": "s7comm_plus",
                "ot.function_code": 0x72,
                "ot.function": "s7comm_plus",
                "ot.operation": "session",
                "event.action": "s7comm_plus",
                "event.outcome": "unknown",
            }
        )
        return self._said([(frame, fields)])

    def _fields(self, frame: Frame, original: str) -> Fields:
        fields = conversation(frame)
        fields["@timestamp"] = frame.time or frame.received
        fields["event.original"] = original
        fields["event.type"] = ["protocol"]
        fields["ot.protocol"] = fields["network.protocol"] = "s7comm"
        return fields

    def _ask(self, frame: Frame, key: Any, fields: Fields, detail: Any) -> list[Finished]:
        fields["event.action"] = fields["ot.function"]
        return self._said(self._exchange.ask(Waiting(frame, key, fields, detail)))

    def _answer(self, frame: Frame, key: Any, function: int | None, pdu: Pdu | None) -> list[Finished]:
        # A refusal (ack without data) carries no parameters, so no function either.
        waiting = self._exchange.answered(
            key, lambda waiting: pdu is None or function is None or bool(waiting.detail[1] == function)
        )
        if waiting is None:
            return []
        if pdu is None:
            waiting.fields["event.outcome"] = "success" if function == tpkt.CONFIRM else "failure"
        else:
            try:
                result(pdu, waiting)
            except (error, IndexError):
                waiting.fields["error.message"] = "S7comm: a response that is cut short"
        if frame.time is not None and waiting.frame.time is not None:
            waiting.fields["event.duration"] = max(frame.time - waiting.frame.time, 0)
        return self._said([(waiting.frame, waiting.fields)])

    @staticmethod
    def _said(finished: list[Finished]) -> list[Finished]:
        for _, fields in finished:
            fields["message"] = _message(fields)
        return finished


FORMAT = LogFormat(
    id="s7comm",
    vendor="Siemens",
    product="S7comm",
    logsource=LogSource(category="ot_protocol", product="s7comm"),
    spec="https://github.com/wireshark/wireshark/blob/master/epan/dissectors/packet-s7comm.c",
    session=Conversation,
    route=ot.logsource,
    cut=cut,
    fingerprint=fingerprint,
    asks=asks,
    ports=(102,),
    transport="tcp",
)
