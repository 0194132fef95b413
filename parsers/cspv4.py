"""CSPv4, Allen-Bradley's Client Server Protocol: PCCC over TCP to PLC-5, SLC 500 and older MicroLogix.

Not published by Rockwell Automation: as in R. Gage's library for the PLC-5 (in https://github.com/pvbrowser/pvb,
``rllib/foreign/abel``); PCCC as in 1770-6.5.16. One request, that puts an SLC into program mode::

    01 07 00 0a  connection  status  16 bytes  00 05 00 00  0f 00 00 07 80 01
"""

from collections.abc import Iterable
from struct import error

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import ot, pccc
from parsers._grammar.dialogue import Dialogue
from parsers._grammar.exchange import Finished

_HEADER, _LINK = 28, 4
_REQUEST, _RESPONSE = 1, 2
_CONNECT, _ROUTED, _PCCC = 1, 6, 7
_MAX_LENGTH = 4_096
# Behind the destination: 5, a command of PCCC; the last of the four is 0 where it is for the controller itself.
_CONTROL = 5
_BEFORE = bytes([_LINK, 0, 0, 0])


def cut(buffer: bytes | bytearray | memoryview) -> int | None:
    """
    >>> cut(bytes.fromhex("0107000a")), cut(b"")
    (38, None)
    """
    if len(buffer) and buffer[0] not in (_REQUEST, _RESPONSE):
        raise ParseError(f"CSPv4: there is no mode {buffer[0]}")
    if len(buffer) > 1 and buffer[1] not in (_CONNECT, _ROUTED, _PCCC):
        raise ParseError(f"CSPv4: there is no command {buffer[1]}")
    if len(buffer) < 4:
        return None
    length = buffer[2] << 8 | buffer[3]
    if length > _MAX_LENGTH:
        raise ParseError(f"CSPv4: a length of {length}")
    return _HEADER + length


def fingerprint(head: bytes) -> bool:
    """Whether one whole message stands here, that opens a connection (version 4) or holds PCCC."""
    try:
        if cut(head) != len(head):
            return False
    except ParseError:
        return False
    if head[1] == _CONNECT:
        return len(head) == _HEADER and (head[0] == _RESPONSE or head[12:14] == b"\0\4" or head[12:14] == b"\4\0")
    return len(head) >= _HEADER + _LINK + 4 and head[_HEADER + 1] == _CONTROL


def asks(pdu: bytes) -> bool | None:
    return pdu[0] == _REQUEST if pdu else None


class Conversation(Dialogue):
    """The messages of one connection; an answer has its request's transaction."""

    def feed(self, frame: Frame) -> Iterable[Finished]:
        pdu = frame.payload
        if len(pdu) < _HEADER or pdu[0] not in (_REQUEST, _RESPONSE):
            raise ParseError(f"CSPv4: a message of {len(pdu)} bytes")
        message = pdu[_HEADER + _LINK :]
        key: object = "connect" if pdu[1] == _CONNECT else message[2:4]
        if pdu[0] == _RESPONSE:
            return self._answer(frame, key, message)
        fields = self.begin(frame, "cspv4")
        if pdu[1] == _CONNECT:
            fields["ot.function_code"], fields["ot.function"] = _CONNECT, "connect"
            fields["ot.operation"] = "session"
        else:
            _describe(pdu, message, fields)
        return self.ask(frame, key, fields)

    def _answer(self, frame: Frame, key: object, message: bytes) -> Iterable[Finished]:
        waiting = self.answered(frame, key)
        if waiting is None:
            return ()
        fields = waiting.fields
        fields["event.outcome"] = "success"
        if any(frame.payload[8:12]):
            status = int.from_bytes(frame.payload[8:12], "big")
            fields["event.outcome"], fields["ot.exception"] = "failure", f"status_0x{status:08x}"
        elif key != "connect":
            try:
                pccc.response(_BEFORE + message, fields)
            except (error, IndexError):
                fields["error.message"] = f"CSPv4: a response of {len(message)} bytes is cut short"
        return [self.say(waiting.frame, fields)]


def _describe(pdu: bytes, message: bytes, fields: Fields) -> None:
    if pdu[1] == _ROUTED or pdu[_HEADER + 3 : _HEADER + 4] != b"\0":
        fields["ot.function_code"], fields["ot.function"] = pdu[1], "routed_command"
        fields["ot.operation"] = "diagnostic"  # to a station beyond: how it is addressed is not certain
        return
    try:
        pccc.request(_BEFORE + message, fields)
    except (error, IndexError):
        fields.setdefault("ot.function", "pccc")
        fields.setdefault("ot.operation", "diagnostic")
        fields["error.message"] = f"CSPv4: a command of {len(message)} bytes is cut short"


FORMAT = LogFormat(
    id="cspv4",
    vendor="Rockwell Automation",
    product="CSPv4",
    logsource=LogSource(category="ot_protocol", product="cspv4"),
    spec="https://literature.rockwellautomation.com/idc/groups/literature/documents/rm/1770-rm516_-en-p.pdf",
    session=Conversation,
    route=ot.logsource,
    cut=cut,
    fingerprint=fingerprint,
    asks=asks,
    ports=(2222,),
    transport="tcp",
)
