"""Siemens S7comm (S7-300/400, and 1200/1500 with PUT/GET allowed) over TPKT and COTP, port 102.

Not published by Siemens; sources are named in ``_grammar/s7_*.py``. One PDU, a PLC stop::

    03 00 00 21 02 f0 80  32 01 00 00 00 01 00 10 00 00  29 00 00 00 00 00 09 50 5f 50 52 4f 47 52 41 4d

One event a job or userdata request. In a download the controller asks for the blocks: the source stays the client of
the connection. A mode transition that the controller reports by itself is an event; its other reports (alarms, cyclic
values) are none. S7comm-plus (0x72) on the same port is read as far as it is in the clear; where it goes on inside TLS
that is one event a connection, and no more is known.
"""

from collections.abc import Iterable
from struct import error
from typing import Any

from engine.model import Frame, LogFormat, LogSource, ParseError
from parsers._grammar import ot, s7_plus, tpkt
from parsers._grammar.dialogue import Dialogue
from parsers._grammar.exchange import TIMEOUT_NS, Finished
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
_MOST_KEPT = 64
_TLS_RECORDS = range(20, 24)


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
    if unit[0] == s7_plus.MARK:
        return unit[1] in (1, 2, 3, 0xFE)
    if _is_tls(unit):
        return True
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
    if data[:1] == bytes([s7_plus.MARK]):
        try:
            plus = s7_plus.frame(data).data
        except ParseError:
            return None
        return plus[0] == s7_plus.REQUEST if plus else None
    if len(data) < 11 or data[0] != 0x32:
        return None
    if data[1] == JOB:
        return data[10] not in (0x1B, 0x1C)  # these two the controller asks for
    if data[1] == USERDATA:
        return data[15] >> 4 == _REQUEST if len(data) > 15 else None
    return False


def _is_tls(unit: bytes) -> bool:
    """Whether a record of TLS starts here."""
    return len(unit) >= 5 and unit[0] in _TLS_RECORDS and unit[1] == 3 and unit[2] <= 4


class Conversation(Dialogue):
    """The PDUs of one connection, paired by PDU reference; fragments of COTP, and of S7comm-plus, joined."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: dict[bool, list[Frame]] = {True: [], False: []}
        self._plus: dict[bool, list[Frame]] = {True: [], False: []}
        self._plus_data: dict[bool, bytes] = {True: b"", False: b""}
        # Of requests that wait, and came in several frames: the frames before the last, by its sequence.
        self._earlier: dict[int, list[Frame]] = {}
        self._encrypted = False

    def feed(self, frame: Frame) -> Iterable[Finished]:
        packet = tpkt.tpdu(frame.payload)
        side = frame.from_client
        if packet.kind == tpkt.CONNECT:
            fields = self.begin(frame, "s7comm")
            connection(packet, fields)
            return self.ask(frame, (side, "connect"), fields, (None, []))
        if packet.kind in (tpkt.CONFIRM, tpkt.DISCONNECT):
            return self._connected(frame, (not side, "connect"), packet.kind)
        if packet.kind != tpkt.DATA:
            return ()
        parts = self._parts[side]
        parts.append(frame)
        if not packet.last:
            if sum(len(part.payload) for part in parts) > _MAX_UNIT:
                parts.clear()
                raise ParseError(f"COTP: a unit of more than {_MAX_UNIT} bytes")
            return ()
        frames = [*parts]
        packets = b"".join(part.payload for part in parts) if len(parts) > 1 else frame.payload
        unit = b"".join(tpkt.tpdu(part.payload).data for part in parts) if len(parts) > 1 else packet.data
        parts.clear()
        if unit[:1] == b"\x32":
            return self._unit(frame, frames, packets, pdu(unit))
        if unit[:1] == b"\x72":
            return self._fragment(frame, frames, unit)
        if _is_tls(unit):
            return self._tls(frame, packets)
        return ()  # another protocol over COTP: MMS, ICCP

    def _keep(self, frames: list[Frame]) -> None:
        if len(frames) > 1:
            self._earlier[frames[-1].sequence] = frames[:-1]
        if len(self._earlier) > _MOST_KEPT:
            self._forget()

    def _forget(self) -> None:
        """Frames of requests that wait no longer."""
        waiting = {frame.sequence for frame in self.exchange.frames()}
        self._earlier = {sequence: frames for sequence, frames in self._earlier.items() if sequence in waiting}

    def unfinished(self) -> Iterable[Frame]:
        if self._earlier:
            self._forget()
        held = [*self._parts.values(), *self._plus.values(), *self._earlier.values()]
        return [frame for frames in held for frame in frames]

    def expire(self, now: int | None) -> Iterable[Finished]:
        """A PDU whose rest does not come is given up, as far as it goes."""
        out = [*super().expire(now)]
        for side, held in self._plus.items():
            if held and (now is None or now - (held[0].time or 0) >= TIMEOUT_NS):
                last, data = held[-1], self._plus_data[side]
                packets = b"".join(part.payload for part in held)
                held.clear()
                self._plus_data[side] = b""
                if s7_plus.is_pdu(data) and data[0] == s7_plus.REQUEST:
                    fields = self.begin(last, "s7comm_plus", packets)
                    s7_plus.request(data, fields)
                    fields["error.message"] = f"S7comm-plus: after {len(data)} bytes the rest of a PDU is missing"
                    out.append(self.say(last, fields))
        for held in self._parts.values():
            if held and (now is None or now - (held[0].time or 0) >= TIMEOUT_NS):
                held.clear()
        return out

    def oldest(self) -> int | None:
        first = [frames[0].sequence for held in (self._parts, self._plus) for frames in held.values() if frames]
        waiting = super().oldest()
        return min(first if waiting is None else [*first, waiting], default=None)

    def snapshot(self) -> Any:
        return [self._encrypted, super().snapshot()]

    def restore(self, state: Any) -> None:
        super().restore(state[1])
        self._encrypted = bool(state[0])

    def _unit(self, frame: Frame, frames: list[Frame], packets: bytes, pdu: Pdu) -> Iterable[Finished]:
        side = frame.from_client
        parameter = pdu.parameter
        if pdu.kind == JOB:
            fields = self.begin(frame, "s7comm", packets)
            wanted: list[Item] = []
            try:
                wanted = job(pdu, fields)
            except (error, IndexError):
                fields["error.message"] = "S7comm: a job that is cut short"
                fields.setdefault("ot.function", "job")
                fields.setdefault("ot.operation", "diagnostic")
            code = parameter[0] if parameter else 0
            self._keep(frames)
            return self.ask(frame, (side, pdu.reference), fields, (code, wanted))
        if pdu.kind in (ACK, ACK_DATA):
            return self._answer(frame, (not side, pdu.reference), parameter[0] if parameter else None, pdu)
        if pdu.kind != USERDATA or len(parameter) < 8:
            return ()
        kind, group = parameter[5] >> 4, parameter[5] & 0x0F
        if kind == _RESPONSE:
            return self._answer(frame, (not side, "userdata", pdu.reference), group, pdu)
        if kind == _REQUEST or (kind == _PUSH and group == 0 and not side):
            fields = self.begin(frame, "s7comm", original(packets, pdu))
            userdata_fields(pdu, fields)
            if kind == _PUSH:
                fields["event.outcome"] = "success"
                return [self.say(frame, fields)]
            self._keep(frames)
            return self.ask(frame, (side, "userdata", pdu.reference), fields, (group, []))
        return ()

    def _connected(self, frame: Frame, key: Any, kind: int) -> list[Finished]:
        waiting = self.answered(frame, key)
        if waiting is None:
            return []
        waiting.fields["event.outcome"] = "success" if kind == tpkt.CONFIRM else "failure"
        return [self.say(waiting.frame, waiting.fields)]

    def _answer(self, frame: Frame, key: Any, function: int | None, pdu: Pdu) -> list[Finished]:
        # A refusal (ack without data) carries no parameters, so no function either.
        waiting = self.answered(frame, key, lambda waiting: function is None or bool(waiting.detail[0] == function))
        if waiting is None:
            return []
        try:
            result(pdu, waiting)
        except (error, IndexError):
            waiting.fields["error.message"] = "S7comm: a response that is cut short"
        return [self.say(waiting.frame, waiting.fields)]

    def _fragment(self, frame: Frame, frames: list[Frame], unit: bytes) -> Iterable[Finished]:
        """A frame of S7comm-plus, the last of its PDU or not."""
        side = frame.from_client
        held = self._plus[side]
        try:
            one = s7_plus.frame(unit)
        except ParseError:
            held.clear()
            self._plus_data[side] = b""
            raise
        held += frames
        data = self._plus_data[side] = self._plus_data[side] + one.data
        if not one.last:
            if len(data) > _MAX_UNIT:
                held.clear()
                self._plus_data[side] = b""
                raise ParseError(f"S7comm-plus: a PDU of more than {_MAX_UNIT} bytes")
            return ()
        frames = [*held]
        packets = b"".join(part.payload for part in frames) if len(frames) > 1 else frame.payload
        held.clear()
        self._plus_data[side] = b""
        if not s7_plus.is_pdu(data):
            return ()  # notifications, events of the system, the rest of what began before the capture
        head = s7_plus.header(data)
        if data[0] == s7_plus.REQUEST:
            fields = self.begin(frame, "s7comm_plus", packets)
            s7_plus.request(data, fields)
            self._keep(frames)
            return self.ask(frame, (side, "plus", head.sequence), fields, (head.function, []))
        waiting = self.answered(
            frame,
            (not side, "plus", head.sequence),
            lambda waiting: s7_plus.answers(waiting.detail[0], head.function),
        )
        if waiting is None:
            return ()
        s7_plus.response(data, waiting.fields)
        return [self.say(waiting.frame, waiting.fields)]

    def _tls(self, frame: Frame, packets: bytes) -> Iterable[Finished]:
        if self._encrypted:
            return ()
        self._encrypted = True
        fields = self.begin(frame, "s7comm_plus", packets)
        fields["ot.function"], fields["ot.operation"] = "tls", "session"
        fields["ot.encrypted"] = True
        return [self.say(frame, fields)]


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
