"""Modbus/TCP, and UMAS inside its function 90.

MODBUS Application Protocol V1.1b3; MODBUS Messaging on TCP/IP V1.0b (www.modbus.org). One PDU::

    00 01 00 00 00 06 01  06 00 64 02 bc        transaction 1, unit 1: write single register 100 = 700
"""

from collections.abc import Iterable
from struct import Struct

from engine.model import Frame, LogFormat, LogSource, ParseError
from parsers._grammar import ot, umas
from parsers._grammar.dialogue import Dialogue
from parsers._grammar.exchange import Finished
from parsers._grammar.modbus_pdu import DIAGNOSTICS, EXCEPTIONS, FUNCTIONS, request, response

_ONE = Struct(">H").unpack_from

# The specification bounds a PDU at 253 bytes; UMAS negotiates longer ones (1,022 bytes and more).
_MAX_LENGTH = 254
_MAX_UMAS_LENGTH = 2_048


def cut(buffer: bytes | bytearray | memoryview) -> int | None:
    """
    >>> cut(bytes.fromhex("000100000006010600")), cut(b"\\0\\1")
    (12, None)
    """
    size = len(buffer)
    if (size > 2 and buffer[2]) or (size > 3 and buffer[3]):
        raise ParseError("Modbus: the protocol identifier is not 0")
    if size < 6:
        return None
    length = buffer[4] << 8 | buffer[5]
    if not 2 <= length <= _MAX_UMAS_LENGTH:
        raise ParseError(f"Modbus: a length of {length}")
    if size < 8:
        return None
    function = buffer[7] & 0x7F
    if length > _MAX_LENGTH and function != umas.FUNCTION:
        raise ParseError(f"Modbus: a length of {length} with function {function}")
    return 6 + length


def fingerprint(head: bytes) -> bool:
    """Whether a whole PDU starts here whose lengths and counts agree with its function."""
    try:
        length = cut(head)
        if length is None or length > len(head) or (length < len(head) and cut(head[length:]) == 0):
            return False
    except ParseError:
        return False
    function, body = head[7], head[8:length]
    if function & 0x80:
        return len(body) == 1 and body[0] in EXCEPTIONS and (function & 0x7F) in FUNCTIONS
    return _is_request(function, body) or _is_response(function, body)


def asks(pdu: bytes) -> bool | None:
    """Whether a PDU is a request; None where it could be either (an echo, and a few others)."""
    if len(pdu) < 8:
        return None
    function, body = pdu[7], pdu[8:]
    if function & 0x80:
        return False
    request, response = _is_request(function, body), _is_response(function, body)
    return request if request != response else None


def _is_request(function: int, body: bytes) -> bool:
    size = len(body)
    if function in (1, 2, 3, 4):
        return size == 4 and 1 <= _ONE(body, 2)[0] <= (2_000 if function < 3 else 125)
    if function == 5:
        return size == 4 and _ONE(body, 2)[0] in (0, 0xFF00)
    if function == 6:
        return size == 4
    if function in (7, 11, 12, 17):
        return size == 0
    if function == 8:
        return size >= 4 and _ONE(body, 0)[0] in DIAGNOSTICS
    if function in (15, 16):
        if size < 6 or body[4] != size - 5:
            return False
        count: int = _ONE(body, 2)[0]
        return body[4] == ((count + 7) // 8 if function == 15 else count * 2)
    if function in (20, 21):
        return size >= 8 and body[0] == size - 1 and body[1] == 6
    if function == 22:
        return size == 6
    if function == 23:
        return size >= 11 and body[8] == size - 9 and body[8] == int(_ONE(body, 6)[0]) * 2
    if function == 24:
        return size == 2
    if function == 43:
        return size == 3 and body[0] == 14 and 1 <= body[1] <= 4
    if function == umas.FUNCTION:
        return size >= 2 and body[1] in umas.CODES
    return False


def _is_response(function: int, body: bytes) -> bool:
    size = len(body)
    if function in (1, 2, 12, 17):
        return size >= 2 and body[0] == size - 1
    if function in (3, 4, 23):
        return size >= 3 and body[0] == size - 1 and not body[0] % 2
    if function in (5, 6, 8, 21, 22):
        return _is_request(function, body)
    if function == 7:
        return size == 1
    if function == 11:
        return size == 4
    if function in (15, 16):
        return size == 4 and 1 <= _ONE(body, 2)[0] <= (1_968 if function == 15 else 123)
    if function == 20:
        return size >= 4 and body[0] == size - 1 and body[2] == 6
    if function == 24:
        return size >= 4 and _ONE(body, 0)[0] == size - 2
    if function == 43:
        return size >= 7 and body[0] == 14 and 1 <= body[1] <= 4 and body[3] in (0, 0xFF)
    if function == umas.FUNCTION:
        return size >= 2 and body[1] in (umas.DONE, umas.REFUSED)
    return False


class Conversation(Dialogue):
    """The PDUs of one connection. A response belongs to the oldest request of its transaction, unit and function."""

    def feed(self, frame: Frame) -> Iterable[Finished]:
        payload = frame.payload
        if len(payload) < 8:
            raise ParseError(f"Modbus: a PDU of {len(payload)} bytes")
        function = payload[7]
        key = payload[0:2] + (payload[6:8] if function < 0x80 else bytes((payload[6], function & 0x7F)))
        if frame.from_client:
            fields = self.begin(frame, "modbus")
            request(payload, fields)
            return self.ask(frame, key, fields)
        waiting = self.answered(frame, key)
        if waiting is None:
            return ()
        response(payload, waiting.fields)
        return [self.say(waiting.frame, waiting.fields)]


FORMAT = LogFormat(
    id="modbus",
    vendor="Modbus Organization",
    product="Modbus/TCP",
    logsource=LogSource(category="ot_protocol", product="modbus"),
    spec="https://www.modbus.org/file/secure/modbusprotocolspecification.pdf",
    session=Conversation,
    route=ot.logsource,
    cut=cut,
    fingerprint=fingerprint,
    asks=asks,
    ports=(502,),
    transport="tcp",
)
