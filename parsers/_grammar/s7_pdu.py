"""What S7comm PDUs say: function, variables, blocks, modes, errors."""

from struct import Struct
from typing import NamedTuple

from engine.model import Fields, ParseError
from parsers._grammar import s7_variables, tpkt
from parsers._grammar.exchange import Waiting, one_or_list
from parsers._grammar.s7_functions import FUNCTIONS, MODES, PI_SERVICES, block, error_word, userdata
from parsers._grammar.s7_identity import identity
from parsers._grammar.s7_variables import TYPES, Item

HEADER = Struct(">HHHH").unpack_from
_THREE = Struct(">HHH").unpack_from

JOB, ACK, ACK_DATA, USERDATA = 1, 2, 3, 7
# The upper byte of a called TSAP names the resource, the lower one rack and slot.
_RESOURCES = {1: "pg", 2: "op", 3: "s7_basic"}


class Pdu(NamedTuple):
    kind: int
    reference: int
    parameter: bytes
    data: bytes
    error: int


def pdu(unit: bytes) -> Pdu:
    size = len(unit)
    if size < 10:
        raise ParseError(f"S7comm: a PDU of {size} bytes")
    kind = unit[1]
    _, reference, parameters, data = HEADER(unit, 2)
    start = 12 if kind in (ACK, ACK_DATA) else 10
    code = unit[10] << 8 | unit[11] if start == 12 and size >= 12 else 0
    end = start + parameters
    return Pdu(kind, reference, unit[start:end], unit[end : end + data], code)


def dialect(called: bytes) -> str | None:
    if called.startswith(b"SIMATIC-ROOT-"):
        return "s7comm_plus"
    if len(called) == 2 and called[0] in _RESOURCES:
        return "s7comm"
    return None


def connection(packet: tpkt.Tpdu, fields: Fields) -> None:
    protocol = dialect(packet.called) or "cotp"
    fields["ot.protocol"] = fields["network.protocol"] = protocol
    fields["ot.operation"] = "session"
    fields["ot.function_code"] = tpkt.CONNECT
    fields["ot.function"] = "connect_request"
    if packet.calling:
        fields["ot.tsap.calling"] = _tsap(packet.calling)
    if packet.called:
        fields["ot.tsap.called"] = _tsap(packet.called)
    if protocol == "s7comm":
        fields["ot.connection_type"] = _RESOURCES[packet.called[0]]
        fields["ot.rack"], fields["ot.slot"] = packet.called[1] >> 5, packet.called[1] & 0x1F


def _tsap(value: bytes) -> str:
    text = value.rstrip(b"\0")
    return text.decode("ascii") if len(text) > 2 and text.isascii() and text.decode().isprintable() else value.hex()


def job(pdu: Pdu, fields: Fields) -> list[Item]:
    """What a job says, put into ``fields``; the variables it names."""
    parameter = pdu.parameter
    code = parameter[0]
    name, operation = FUNCTIONS.get(code) or (f"function_0x{code:02x}", "diagnostic")
    fields["ot.function_code"], fields["ot.function"], fields["ot.operation"] = code, name, operation
    if code in (0x04, 0x05):
        return _variables(code, pdu, fields)
    if code == 0xF0:
        fields["ot.pdu_length"] = _THREE(parameter, 2)[2]
    elif code == 0x29:
        fields["ot.mode"] = "stop"
        fields["ot.pi_service"] = _ascii(parameter[7 : 7 + parameter[6]])
    elif code == 0x28:
        _pi_service(parameter, fields)
    elif code in (0x1A, 0x1B, 0x1C, 0x1D) and len(parameter) > 9:
        name = _ascii(parameter[9 : 9 + parameter[8]])
        fields["ot.file"], fields["ot.tag"] = name, block(name)
    return []


def _variables(code: int, pdu: Pdu, fields: Fields) -> list[Item]:
    wanted = s7_variables.items(pdu.parameter)
    if not wanted:
        return wanted
    fields["ot.address_space"] = one_or_list([item.space for item in wanted])
    fields["ot.address"] = one_or_list([item.address for item in wanted])
    fields["ot.count"] = one_or_list([item.elements for item in wanted])
    fields["ot.tag"] = one_or_list([item.tag for item in wanted])
    fields["ot.data_type"] = one_or_list(
        [TYPES[item.type][0] if item.type in TYPES else f"0x{item.type:02x}" for item in wanted]
    )
    if any(item.bit is not None for item in wanted):
        fields["ot.bit"] = one_or_list([item.bit for item in wanted])
    if code == 0x05:
        fields["ot.value"] = one_or_list([value for _, value in s7_variables.values(pdu.data, wanted)])
    return wanted


def _pi_service(parameter: bytes, fields: Fields) -> None:
    length = parameter[8] << 8 | parameter[9]
    argument = parameter[10 : 10 + length]
    at = 10 + length
    name = _ascii(parameter[at + 1 : at + 1 + parameter[at]]) if at < len(parameter) else ""
    if not name:
        # python-snap7 deletes a block with a length of its own making: what it means can still be read.
        name = next((known for known in PI_SERVICES if known.encode() in parameter), "")
        fields["error.message"] = "S7comm: the name of a PI service is not where it belongs"
    fields["ot.pi_service"] = name
    operation = PI_SERVICES.get(name)
    if operation is not None:
        fields["ot.operation"] = operation
    if name == "P_PROGRAM":
        fields["ot.mode"] = "cold_restart" if argument.startswith(b"C") else "warm_restart"
    elif name in ("_INSE", "_INS2", "_DELE") and argument:
        names = [_ascii(argument[at : at + 8]) for at in range(2, 2 + 8 * argument[0], 8)]
        if any(names):
            fields["ot.tag"] = one_or_list([block(name) for name in names if name])
    elif argument:
        fields["ot.argument"] = _ascii(argument)


def userdata_fields(pdu: Pdu, fields: Fields) -> None:
    parameter = pdu.parameter
    group, sub = parameter[5] & 0x0F, parameter[6]
    fields["ot.function_code"] = group
    fields["ot.sub_function_code"] = sub
    fields["ot.function"], fields["ot.operation"] = userdata(group, sub)
    data = pdu.data[4:]
    if group == 0:
        fields["ot.mode"] = MODES.get(sub) or f"0x{sub:02x}"
    elif group == 1 and sub == 0x0A:
        fields["ot.mode"] = "hold"
    elif group == 1 and sub == 0x0B:
        fields["ot.mode"] = "run"
    elif group == 3 and sub == 3 and len(data) >= 8:
        fields["ot.tag"] = block(_ascii(data[:8]))
    elif group == 4 and sub == 1 and len(data) >= 4:
        fields["ot.szl_id"], fields["ot.szl_index"] = data[:2].hex(), data[2:4].hex()
    elif group == 7 and sub in (2, 4):
        when = _clock(data)
        if when is not None:
            fields["ot.value"] = when


def _clock(data: bytes) -> str | None:
    """Binary coded decimals: reserved, century, year, month, day, hour, minute, second, milliseconds and weekday."""
    digits = data[2:8].hex()
    if len(digits) != 12 or not digits.isdigit():
        return None
    year = int(digits[:2])
    # The century byte is not to be trusted; years from 90 on are of the last one, as in DATE_AND_TIME.
    parts = [digits[at : at + 2] for at in range(2, 12, 2)]
    return f"{1900 + year if year >= 90 else 2000 + year}-{parts[0]}-{parts[1]}T{parts[2]}:{parts[3]}:{parts[4]}"


def _ascii(data: bytes) -> str:
    return data.decode("ascii", "backslashreplace").strip("\0 ")


def original(packets: bytes, pdu: Pdu) -> bytes:
    """The packets of a PDU; a password, which S7comm hardly hides, as asterisks."""
    if pdu.kind == USERDATA and len(pdu.parameter) > 6 and pdu.parameter[5] & 0x0F == 5:
        secret = pdu.data[4:]
        if secret:
            packets = packets.replace(secret, b"*" * len(secret))
    return packets


def result(pdu: Pdu, waiting: Waiting) -> None:
    """What the response says, put into the fields of its request."""
    fields, wanted = waiting.fields, waiting.detail[1]
    fields["event.outcome"] = "success"
    code = pdu.error
    if pdu.kind == USERDATA and len(pdu.parameter) >= 12:
        code = pdu.parameter[10] << 8 | pdu.parameter[11]
    if code:
        fields["event.outcome"], fields["ot.exception"] = "failure", error_word(code)
        return
    if pdu.kind == USERDATA:
        if pdu.data and pdu.data[0] not in (s7_variables.OK, 0x0A) and len(pdu.parameter) < 12:
            fields["event.outcome"], fields["ot.exception"] = "failure", s7_variables.word_of(pdu.data[0])
        elif fields["ot.function"] == "read_szl":
            identity(pdu.data[4:], fields)
        return
    if not wanted or len(pdu.parameter) < 2:
        return
    if pdu.parameter[0] == 0x04:
        found = s7_variables.values(pdu.data, wanted)
        codes = [code for code, _ in found]
        if any(value is not None for _, value in found):
            fields["ot.value"] = one_or_list([value for _, value in found])
    else:
        codes = list(pdu.data[: len(wanted)])
    refused = [s7_variables.word_of(code) for code in codes if code != s7_variables.OK]
    if refused:
        fields["event.outcome"], fields["ot.exception"] = "failure", one_or_list(list(dict.fromkeys(refused)))
