"""HART-IP: commands of field instruments over UDP and TCP.

FieldComm Group HCF_SPEC-085 (HART-IP), HCF_SPEC-127 and -151 (universal and common practice commands). One request::

    01 00 03 00  00 07  00 0d   02 80 00 2a 00 a8       token passing PDU: command 42, device reset
"""

from collections.abc import Iterable
from struct import Struct, error
from typing import NamedTuple

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import ot
from parsers._grammar.dialogue import Dialogue
from parsers._grammar.exchange import Finished
from parsers._grammar.hart_commands import COMMANDS, DELAYED, STATUS, refusal

_HEADER = Struct(">BBBBHH").unpack_from
_FLOAT = Struct(">f").unpack_from
_ASK, _ANSWER, _ERROR, _NAK = 0, 1, 3, 15
_KEEP_ALIVE, _PASS, _DIRECT = 2, 3, 4
_EXTENDED, _SUB_DEVICE = 31, 77
_MOST_COMMANDS = 64
_MESSAGES: dict[int, tuple[str, str]] = {
    0: ("session_initiate", "session"),
    1: ("session_close", "session"),
    2: ("keep_alive", "session"),
    3: ("token_passing_pdu", "diagnostic"),
    4: ("direct_pdu", "diagnostic"),
    5: ("read_audit_log", "diagnostic"),
    128: ("discovery", "identify"),
}
_MAX_LENGTH = 4_096


def cut(buffer: bytes | bytearray | memoryview) -> int | None:
    """
    >>> cut(bytes.fromhex("010003000007000d")), cut(b"")
    (13, None)
    """
    if len(buffer) and buffer[0] not in (1, 2):
        raise ParseError(f"HART-IP: there is no version {buffer[0]}")
    if len(buffer) < 8:
        return None
    length = buffer[6] << 8 | buffer[7]
    if not 8 <= length <= _MAX_LENGTH:
        raise ParseError(f"HART-IP: a length of {length}")
    return length


def fingerprint(head: bytes) -> bool:
    """Whether there are whole messages here, to the last byte, of kinds that there are."""
    at = 0
    while at + 8 <= len(head):
        version, kind, message, _, _, length = _HEADER(head, at)
        if version != 1 or kind not in (0, 1, 2, 3, 15) or message not in _MESSAGES or length < 8:
            return False
        if message == _PASS and (length < 13 or at + 8 >= len(head) or head[at + 8] & 0x07 not in (1, 2, 6)):
            return False
        at += length
    return bool(at) and at == len(head)


def asks(pdu: bytes) -> bool | None:
    return pdu[1] == _ASK if len(pdu) > 1 and pdu[1] in (_ASK, _ANSWER) else None


class _Command(NamedTuple):
    number: int
    address: str
    data: bytes


class Conversation(Dialogue):
    """The messages of one session; an answer has its request's sequence number."""

    def feed(self, frame: Frame) -> Iterable[Finished]:
        pdu = frame.payload
        if len(pdu) < 8:
            raise ParseError(f"HART-IP: a message of {len(pdu)} bytes")
        _, kind, message, status, sequence, _ = _HEADER(pdu)
        if kind in (_ANSWER, _ERROR, _NAK):
            return self._answer(frame, message, status if kind == _ANSWER else status or -1, sequence)
        if kind != _ASK or message == _KEEP_ALIVE:
            return ()
        commands: list[_Command | None] = [None]
        wrong = ""
        if message in (_PASS, _DIRECT):
            try:
                commands = [_inside(pdu[8:])] if message == _PASS else [*_direct(pdu[8:])] or [None]
            except IndexError:
                wrong = f"HART-IP: the commands of a message of {len(pdu)} bytes are cut short"
        out: list[Finished] = []
        for part, command in enumerate(commands):
            fields = self.begin(frame, "hart_ip")
            fields["ot.function_code"] = message
            fields["ot.function"], fields["ot.operation"] = _MESSAGES.get(message) or (
                f"message_{message}",
                "diagnostic",
            )
            if wrong:
                fields["error.message"] = wrong
            if command is not None:
                _describe(command, fields)
            out += self.ask(frame, (message, sequence, part), fields, part=part)
        return out

    def _answer(self, frame: Frame, message: int, status: int, sequence: int) -> list[Finished]:
        body = frame.payload[8:]
        answers: list[_Command] = []
        wrong = ""
        if message in (_PASS, _DIRECT):
            try:
                answers = [_inside(body)] if message == _PASS else [_as_passed(one) for one in _direct(body)]
            except IndexError:
                wrong = f"HART-IP: a response of {len(body)} bytes is cut short"
        out = []
        for part in range(_MOST_COMMANDS if message == _DIRECT else 1):
            waiting = self.answered(frame, (message, sequence, part))
            if waiting is None:
                break
            fields = waiting.fields
            fields["event.outcome"] = "success"
            if wrong:
                fields["error.message"] = wrong
            if status == -1 or (status in STATUS and not (answers and message == _PASS)):
                fields["event.outcome"], fields["ot.exception"] = "failure", STATUS.get(status, "refused")
            elif part < len(answers):
                _result(answers[part], fields)
            out.append(self.say(waiting.frame, fields))
        return out


def _inside(body: bytes) -> _Command:
    """What a token passing PDU holds (HCF_SPEC-081)."""
    long = bool(body[0] & 0x80)
    at = 1 + (5 if long else 1)
    address = body[1:at].hex() if long else str(body[1] & 0x3F)
    at += body[0] >> 5 & 3  # expansion bytes
    command, count = body[at], body[at + 1]
    data = body[at + 2 : at + 2 + count]
    if len(data) < count:
        raise IndexError
    return _Command(command, address, data)


def _direct(body: bytes) -> Iterable[_Command]:
    """The commands behind the two bytes of status of a direct PDU."""
    at = 2
    for _ in range(_MOST_COMMANDS):
        if at >= len(body):
            return
        if at + 3 > len(body) or at + 3 + body[at + 2] > len(body):
            raise IndexError
        end = at + 3 + body[at + 2]
        yield _Command(body[at] << 8 | body[at + 1], "", body[at + 3 : end])
        at = end


def _as_passed(answer: _Command) -> _Command:
    """The status of the device, which a direct PDU has once, stands behind each response code otherwise."""
    return answer._replace(data=answer.data[:1] + b"\0" + answer.data[1:])


def _describe(command: _Command, fields: Fields) -> None:
    number, address, data = command
    try:
        if number == _EXTENDED:
            number, data = data[0] << 8 | data[1], data[2:]
        elif number == _SUB_DEVICE:
            # card, channel, preambles, and the frame that is passed on
            place = f"{data[0]}.{data[1]}"
            number, inner, data = _inside(data[3:])
            address = f"{address}/{place}/{inner}"
    except IndexError:
        fields["error.message"] = f"HART-IP: {len(data)} bytes are too few for the command inside"
    fields["ot.function_code"] = number
    fields["ot.function"], fields["ot.operation"] = COMMANDS.get(number) or (f"command_{number}", "diagnostic")
    if address:
        fields["ot.unit_id"] = address
    try:
        _values(number, data, fields)
    except (error, IndexError):
        fields["error.message"] = f"HART-IP {fields['ot.function']}: {len(data)} bytes are too few"


def _values(number: int, data: bytes, fields: Fields) -> None:
    if number in (34, 40):
        fields["ot.value"] = _FLOAT(data)[0]
    elif number == 35:
        fields["ot.value"] = [_FLOAT(data, 1)[0], _FLOAT(data, 5)[0]]  # upper, lower
    elif number == 65:
        fields["ot.address"], fields["ot.value"] = data[0], [_FLOAT(data, 2)[0], _FLOAT(data, 6)[0]]
    elif number == 66:
        fields["ot.address"], fields["ot.value"] = data[0], _FLOAT(data, 2)[0]
    elif number == 79:
        fields["ot.address"], fields["ot.mode"] = data[0], "normal" if data[1] == 0 else "fixed"
        fields["ot.value"] = _FLOAT(data, 3)[0]
    elif number == 71:
        fields["ot.mode"] = {0: "unlock", 1: "lock_temporary", 2: "lock_permanent"}.get(data[0], f"lock_{data[0]}")
    elif number == 6:
        fields["ot.value"] = data[0]
    elif number == 22:
        fields["ot.value"] = data.rstrip(b"\0 ").decode("latin-1")
    elif number in (17, 18, 19):
        fields["ot.value"] = data.hex()


def _result(answer: _Command, fields: Fields) -> None:
    number, _, data = answer
    code = data[0] if data else 0
    reason = refusal(code)
    if reason is not None:
        fields["event.outcome"], fields["ot.exception"] = "failure", reason
    elif code in DELAYED:
        fields["event.outcome"] = "unknown"
    elif number in (0, 11, 21) and len(data) >= 14:
        fields["ot.identity.device_type"] = f"{data[3]:02x}{data[4]:02x}"
        fields["ot.identity.revision"] = f"{data[8]}.{data[9] >> 3}"  # of software, of hardware
        fields["ot.identity.serial_number"] = data[11:14].hex()
    elif number == 1 and len(data) >= 7:
        fields["ot.value"] = _FLOAT(data, 3)[0]
    elif number == 20 and len(data) > 2:
        fields["ot.tag"] = data[2:34].rstrip(b"\0 ").decode("latin-1")


FORMAT = LogFormat(
    id="hart_ip",
    vendor="FieldComm Group",
    product="HART-IP",
    logsource=LogSource(category="ot_protocol", product="hart_ip"),
    spec="https://www.fieldcommgroup.org/technologies/hart",
    session=Conversation,
    route=ot.logsource,
    cut=cut,
    fingerprint=fingerprint,
    asks=asks,
    ports=(5094,),
    transport="both",
)
