"""Omron FINS over UDP and TCP: Omron W227, "FINS Commands Reference Manual"; FINS/TCP in W342.

::

    80 00 02 00 01 00 00 fb 00 19  04 02        stop, from node 251 to node 1
"""

from collections.abc import Iterable
from struct import Struct, error

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import ot
from parsers._grammar.dialogue import Dialogue, turned
from parsers._grammar.exchange import Finished, one_or_list
from parsers._grammar.fins_commands import AREAS, COMMANDS, MODES, TCP_ERRORS, end_code

_RESPONSE, _WANTS_NONE = 0x40, 0x01
_TCP = b"FINS"
_TCP_HEADER = 16
_SEND_FRAME = 2
_MAX_LENGTH = 4_096
_MOST_VALUES = 1_024
_ITEM = Struct(">BHBH").unpack_from


def cut(buffer: bytes | bytearray | memoryview) -> int | None:
    """Of FINS/TCP; a datagram of FINS/UDP has no such header.

    >>> cut(b"FINS" + bytes([0, 0, 0, 12])), cut(b"FI")
    (20, None)
    """
    if bytes(buffer[:4]) != _TCP[: len(buffer)]:
        raise ParseError("FINS/TCP: a PDU does not start with FINS")
    if len(buffer) < 8:
        return None
    length = int.from_bytes(buffer[4:8], "big")
    if not 8 <= length <= _MAX_LENGTH:
        raise ParseError(f"FINS/TCP: a length of {length}")
    return 8 + length


def fingerprint(head: bytes) -> bool:
    if head[:4] == _TCP:
        return len(head) >= _TCP_HEADER and head[8:11] == b"\0\0\0" and head[11] <= 6
    if len(head) < 12 or head[0] & 0x3E or head[1] or head[2] > 7 or not (head[0] & 0x80 or head[2]):
        return False
    if max(head[3], head[6]) > 0x7F:
        return False
    return head[10] << 8 | head[11] in COMMANDS and (not head[0] & _RESPONSE or len(head) >= 14)


def asks(pdu: bytes) -> bool | None:
    frame = _frame(pdu)
    if frame is not None:
        return not frame[0] & _RESPONSE
    return pdu[11] == 0 if len(pdu) >= 12 and pdu[11] < 2 else None


def _frame(pdu: bytes) -> bytes | None:
    """The FINS frame in a PDU; None where the PDU only concerns the connection, or is too short."""
    if pdu[:4] == _TCP:
        if len(pdu) < _TCP_HEADER or pdu[11] != _SEND_FRAME:
            return None
        pdu = pdu[_TCP_HEADER:]
    return pdu if len(pdu) >= 12 else None


class Conversation(Dialogue):
    """The frames of one connection; an answer has its request's service id and nodes."""

    def feed(self, frame: Frame) -> Iterable[Finished]:
        one = _frame(frame.payload)
        if one is None:
            if frame.payload[:4] == _TCP and len(frame.payload) >= _TCP_HEADER:
                return self._connection(frame)
            raise ParseError(f"FINS: a frame of {len(frame.payload)} bytes")
        code = one[10] << 8 | one[11]
        if one[0] & _RESPONSE:
            waiting = self.answered(frame, (one[3:6], one[6:9], one[9], code))
            if waiting is None:
                return ()
            _response(one, waiting.fields)
            return [self.say(waiting.frame, waiting.fields)]
        fields = self.begin(frame, "fins", _shown(frame.payload, code))
        if not frame.from_client:  # controllers ask each other, from port to port
            turned(fields)
        fields["ot.function_code"] = code
        fields["ot.function"], fields["ot.operation"] = COMMANDS.get(code) or (f"command_{code:04x}", "diagnostic")
        fields["ot.unit_id"] = ".".join(map(str, one[3:6]))
        fields["ot.master_id"] = ".".join(map(str, one[6:9]))
        try:
            _describe(code, one[12:], fields)
        except (error, IndexError):
            fields["error.message"] = f"FINS {fields['ot.function']}: {len(one)} bytes are too few"
        if one[0] & _WANTS_NONE:
            return [self.say(frame, fields)]
        return self.ask(frame, (one[6:9], one[3:6], one[9], code), fields)

    def _connection(self, frame: Frame) -> Iterable[Finished]:
        """FINS/TCP gives the client its node address before anything else."""
        pdu = frame.payload
        failed = int.from_bytes(pdu[12:16], "big")
        if pdu[11] == 0 and frame.from_client:
            fields = self.begin(frame, "fins")
            fields["ot.function"], fields["ot.operation"] = "node_address_request", "session"
            return self.ask(frame, "connection", fields)
        waiting = self.answered(frame, "connection") if pdu[11] in (1, 3) and not frame.from_client else None
        if waiting is None:
            return ()
        waiting.fields["event.outcome"] = "failure" if failed else "success"
        if failed:
            waiting.fields["ot.exception"] = TCP_ERRORS.get(failed, f"error_0x{failed:08x}")
        return [self.say(waiting.frame, waiting.fields)]


def _shown(pdu: bytes, code: int) -> bytes:
    """The PDU with its password, four bytes behind the range of program that is to be protected, as asterisks."""
    if code not in (0x0304, 0x0305):
        return pdu
    at = (_TCP_HEADER if pdu[:4] == _TCP else 0) + 23
    return pdu[:at] + b"*" * len(pdu[at : at + 4]) + pdu[at + 4 :]


def _describe(code: int, body: bytes, fields: Fields) -> None:
    if code in (0x0101, 0x0102, 0x0103):
        area, address, bit, count = _ITEM(body)
        name, bits = AREAS.get(area, (f"area_0x{area:02x}", False))
        fields["ot.address_space"], fields["ot.address"], fields["ot.count"] = name, address, count
        if bits:
            fields["ot.bit"] = bit
        if code == 0x0102:
            values = _values(body[6:], bits)
            if values:
                fields["ot.value"] = one_or_list(values)
            if len(values) != min(count, _MOST_VALUES):
                fields["error.message"] = f"FINS: {len(values)} values where {count} are announced"
        elif code == 0x0103:
            fields["ot.value"] = body[6] << 8 | body[7]
    elif code == 0x0105:
        area, address, bit, count = _ITEM(body, 4)  # from there on it is overwritten
        fields["ot.address_space"] = AREAS.get(area, (f"area_0x{area:02x}", False))[0]
        fields["ot.address"], fields["ot.count"] = address, count
    elif code == 0x0401:
        fields["ot.mode"] = MODES.get(body[2], f"mode_{body[2]}") if len(body) > 2 else "monitor"
    elif code == 0x0402:
        fields["ot.mode"] = "program"
    elif code == 0x0702:
        fields["ot.value"] = body[:7].hex()
    elif code == 0x2301:
        places: list[str] = []
        forced: list[str] = []
        count = body[0] << 8 | body[1]
        for number in range(min(count, _MOST_VALUES)):
            what, area, address, bit = Struct(">HBHB").unpack_from(body, 2 + 6 * number)
            places.append(f"{AREAS.get(area, (f'area_0x{area:02x}', True))[0]} {address}.{bit}")
            forced.append({0: "reset", 1: "set", 0x8000: "release_reset", 0x8001: "release_set"}.get(what, "release"))
        fields["ot.tag"], fields["ot.value"] = one_or_list(places), one_or_list(forced)


def _values(data: bytes, bits: bool) -> list[int]:
    if bits:
        return [byte & 1 for byte in data[:_MOST_VALUES]]
    count = min(len(data) // 2, _MOST_VALUES)
    return list(Struct(f">{count}H").unpack_from(data))


def _response(one: bytes, fields: Fields) -> None:
    if len(one) < 14:
        fields["error.message"] = f"FINS: a response of {len(one)} bytes has no end code"
        return
    wrong = end_code(one[12] << 8 | one[13])
    if wrong is not None:
        fields["event.outcome"], fields["ot.exception"] = "failure", wrong
        return
    fields["event.outcome"] = "success"
    code = fields["ot.function_code"]
    if code == 0x0101 and "ot.address_space" in fields:
        values = _values(one[14:], "ot.bit" in fields)
        if values and len(values) == min(fields["ot.count"], _MOST_VALUES):  # with forced states there are more
            fields["ot.value"] = one_or_list(values)
    elif code == 0x0501 and len(one) >= 54:
        for name, start in (("model_name", 14), ("revision", 34)):
            text = one[start : start + 20].rstrip(b"\0 ").decode("ascii", "backslashreplace")
            if text:
                fields[f"ot.identity.{name}"] = text


FORMAT = LogFormat(
    id="fins",
    vendor="Omron",
    product="FINS",
    logsource=LogSource(category="ot_protocol", product="fins"),
    spec="https://assets.omron.eu/downloads/manual/en/v4/w227_fins_commands_reference_manual_en.pdf",
    session=Conversation,
    route=ot.logsource,
    cut=cut,
    fingerprint=fingerprint,
    asks=asks,
    ports=(9600,),
    transport="both",
)
