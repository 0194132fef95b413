"""IEC 60870-5-104: telecontrol over TCP.

::

    68 0e 00 00 00 00  2d 01 06 00 01 00  0a 00 00 01      C_SC_NA_1, activation, station 1: object 10 on

A command is answered by its own ASDU with another cause; spontaneous and periodic values are nobody's answer.
"""

from collections.abc import Iterable

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import ot
from parsers._grammar.dialogue import Dialogue
from parsers._grammar.exchange import Finished
from parsers._grammar.iec104_asdu import (
    CAUSES,
    CONFIRMATIONS,
    FILES,
    TYPES,
    UNKNOWN,
    Asdu,
    asdu,
    describe,
    first_object,
)

_START = 0x68
# U-format (5.3): what is asked, and the confirmation. TESTFR only keeps the connection alive.
_ASKED = {0x07: ("STARTDT", 0x0B), 0x13: ("STOPDT", 0x23)}
_CONFIRMED = {0x0B: "STARTDT", 0x23: "STOPDT"}
_ALIVE = frozenset({0x43, 0x83})
_REPORTED = frozenset({*range(1, 41), 70})


def cut(buffer: bytes | bytearray | memoryview) -> int | None:
    """
    >>> cut(bytes.fromhex("680407000000")), cut(b"h")
    (6, None)
    """
    if len(buffer) and buffer[0] != _START:
        raise ParseError("IEC 60870-5-104: an APDU does not start with 68")
    if len(buffer) < 2:
        return None
    if not 4 <= buffer[1] <= 253:
        raise ParseError(f"IEC 60870-5-104: a length of {buffer[1]}")
    return 2 + buffer[1]


def fingerprint(head: bytes) -> bool:
    """Whether a whole APDU starts here whose control field, type and cause are of the standard."""
    if len(head) < 6 or head[0] != _START or not 4 <= head[1] <= 253 or len(head) < 2 + head[1]:
        return False
    behind = head[2 + head[1] : 3 + head[1]]
    if behind and behind[0] != _START:
        return False
    control = head[2]
    if control & 3 == 3:
        known = control in _ASKED or control in _CONFIRMED or control in _ALIVE
        return head[1] == 4 and known and head[3:6] == b"\0\0\0"
    if control & 3 == 1:
        return head[1] == 4 and head[3] == 0 and not head[4] & 1 and bool(behind)  # too little to be certain alone
    one = asdu(head[: 2 + head[1]])
    if one is None or head[4] & 1 or one.cause not in CAUSES or not one.number:
        return False
    return one.type in TYPES or one.type in _REPORTED


def asks(pdu: bytes) -> bool | None:
    """Whether the controlling station sent this."""
    if len(pdu) < 6:
        return None
    control = pdu[2]
    if control & 3 == 3:
        return True if control in _ASKED else False if control in _CONFIRMED else None
    one = asdu(pdu) if not control & 1 else None
    if one is None or one.type in FILES:
        return None
    if one.type in _REPORTED:
        return False
    return one.cause in (5, 6, 8)


class Conversation(Dialogue):
    """The APDUs of one connection. A confirmation belongs to the oldest request of its station, type and object."""

    def feed(self, frame: Frame) -> Iterable[Finished]:
        apdu = frame.payload
        if len(apdu) < 6:
            raise ParseError(f"IEC 60870-5-104: an APDU of {len(apdu)} bytes")
        control = apdu[2]
        if control & 3 == 3:
            return self._unnumbered(frame, control)
        if control & 1:
            return ()
        one = asdu(apdu)
        if one is None:
            fields = self.begin(frame, "iec104")
            fields["ot.function"], fields["ot.operation"] = "incomplete_asdu", "diagnostic"
            fields["error.message"] = f"IEC 60870-5-104: an APDU of {len(apdu)} bytes holds no ASDU"
            return [self.say(frame, fields)]
        if one.type in FILES:
            return self._file(frame, one)
        if one.type in _REPORTED:
            return self._report(frame, one) if not frame.from_client else ()
        if one.cause in CONFIRMATIONS or one.cause in UNKNOWN or not frame.from_client:
            return self._confirm(frame, one)
        if one.cause == 10:
            return ()
        fields = self.begin(frame, "iec104")
        describe(one, fields)
        return self.ask(frame, (one.address, one.type, first_object(one)), fields)

    def _unnumbered(self, frame: Frame, control: int) -> Iterable[Finished]:
        if control in _ASKED:
            fields = self.begin(frame, "iec104")
            name, confirmation = _ASKED[control]
            fields["ot.function"], fields["ot.operation"] = name, "session"
            return self.ask(frame, ("u", confirmation), fields)
        waiting = self.answered(frame, ("u", control))
        if waiting is None:
            return ()
        waiting.fields["event.outcome"] = "success"
        return [self.say(waiting.frame, waiting.fields)]

    def _confirm(self, frame: Frame, one: Asdu) -> Iterable[Finished]:
        waiting = self.answered(frame, (one.address, one.type, first_object(one)))
        if waiting is None:
            return ()
        fields = waiting.fields
        fields["event.outcome"] = "success"
        if one.cause in UNKNOWN:
            fields["event.outcome"], fields["ot.exception"] = "failure", UNKNOWN[one.cause]
        elif one.negative:
            fields["event.outcome"], fields["ot.exception"] = "failure", "negative_confirmation"
        return [self.say(waiting.frame, fields)]

    def _report(self, frame: Frame, one: Asdu) -> Iterable[Finished]:
        """Of all that is reported only what answers a read of one object."""
        waiting = self.answered(frame, (one.address, 102, first_object(one))) if one.cause == 5 else None
        if waiting is None:
            return ()
        waiting.fields["event.outcome"] = "success"
        return [self.say(waiting.frame, waiting.fields)]

    def _file(self, frame: Frame, one: Asdu) -> Iterable[Finished]:
        """A transfer is a chain of ASDUs both ways; the call (F_SC_NA_1) and what a station offers begin it."""
        if not frame.from_client or one.type not in (120, 122, 127):
            return ()
        fields: Fields = self.begin(frame, "iec104")
        describe(one, fields)
        if len(one.body) >= 5:
            fields["ot.file.name"] = one.body[3] | one.body[4] << 8
        return [self.say(frame, fields)]


FORMAT = LogFormat(
    id="iec104",
    vendor="IEC",
    product="IEC 60870-5-104",
    logsource=LogSource(category="ot_protocol", product="iec104"),
    spec="https://webstore.iec.ch/publication/25035 https://webstore.iec.ch/publication/3746",
    session=Conversation,
    route=ot.logsource,
    cut=cut,
    fingerprint=fingerprint,
    asks=asks,
    ports=(2404,),
    transport="tcp",
)
