"""ASDUs of IEC 60870-5-104: types, causes, objects (IEC 60870-5-101:2003, clause 7; -5-104:2006, clause 8)."""

from struct import Struct, error
from typing import Any, NamedTuple

from engine.model import Fields
from parsers._grammar.exchange import one_or_list

ACTIVATION, DEACTIVATION = 6, 8
CONFIRMATIONS = frozenset({7, 9})
UNKNOWN = {
    44: "unknown_type",
    45: "unknown_cause",
    46: "unknown_common_address",
    47: "unknown_object_address",
}
CAUSES = {
    1: "periodic",
    2: "background_scan",
    3: "spontaneous",
    4: "initialized",
    5: "request",
    6: "activation",
    7: "activation_confirmation",
    8: "deactivation",
    9: "deactivation_confirmation",
    10: "activation_termination",
    11: "return_remote_command",
    12: "return_local_command",
    13: "file_transfer",
    **dict.fromkeys(range(20, 37), "interrogated"),
    **dict.fromkeys(range(37, 42), "counter_interrogated"),
    **UNKNOWN,
}

# Type: mnemonic, operation in the direction of control. Those below 45 only report.
TYPES: dict[int, tuple[str, str]] = {
    45: ("C_SC_NA_1", "command"),
    46: ("C_DC_NA_1", "command"),
    47: ("C_RC_NA_1", "command"),
    48: ("C_SE_NA_1", "command"),
    49: ("C_SE_NB_1", "command"),
    50: ("C_SE_NC_1", "command"),
    51: ("C_BO_NA_1", "command"),
    58: ("C_SC_TA_1", "command"),
    59: ("C_DC_TA_1", "command"),
    60: ("C_RC_TA_1", "command"),
    61: ("C_SE_TA_1", "command"),
    62: ("C_SE_TB_1", "command"),
    63: ("C_SE_TC_1", "command"),
    64: ("C_BO_TA_1", "command"),
    100: ("C_IC_NA_1", "read"),
    101: ("C_CI_NA_1", "read"),
    102: ("C_RD_NA_1", "read"),
    103: ("C_CS_NA_1", "clock"),
    104: ("C_TS_NA_1", "diagnostic"),
    105: ("C_RP_NA_1", "restart"),
    106: ("C_CD_NA_1", "diagnostic"),
    107: ("C_TS_TA_1", "diagnostic"),
    110: ("P_ME_NA_1", "config"),
    111: ("P_ME_NB_1", "config"),
    112: ("P_ME_NC_1", "config"),
    113: ("P_AC_NA_1", "activate"),
    120: ("F_FR_NA_1", "file"),
    121: ("F_SR_NA_1", "file"),
    122: ("F_SC_NA_1", "file"),
    123: ("F_LS_NA_1", "file"),
    124: ("F_AF_NA_1", "file"),
    125: ("F_SG_NA_1", "file"),
    126: ("F_DR_TA_1", "file"),
    127: ("F_SC_NB_1", "file"),
}
FILES = frozenset(range(120, 128))

# Bytes of one information element, time tag included (7.2 and 7.3).
_SIZES = {
    45: 1, 46: 1, 47: 1, 48: 3, 49: 3, 50: 5, 51: 4, 58: 8, 59: 8, 60: 8, 61: 10, 62: 10, 63: 12, 64: 11,
    100: 1, 101: 1, 102: 0, 103: 7, 104: 2, 105: 1, 106: 2, 107: 9, 110: 3, 111: 3, 112: 5, 113: 1,
}  # fmt: skip
_SELECT = 0x80
_SPACES = {45: "single_command", 46: "double_command", 47: "step_command", 51: "bitstring"}
_SPACES |= dict.fromkeys((48, 49, 50), "set_point")
_SPACES |= dict.fromkeys((110, 111, 112, 113), "parameter")


class Asdu(NamedTuple):
    type: int
    cause: int
    negative: bool
    test: bool
    originator: int
    address: int
    number: int
    body: bytes


def asdu(apdu: bytes) -> Asdu | None:
    """The ASDU of an I-format APDU; None where it is cut short."""
    if len(apdu) < 12:
        return None
    cause = apdu[8]
    return Asdu(
        apdu[6],
        cause & 0x3F,
        bool(cause & 0x40),
        bool(cause & 0x80),
        apdu[9],
        apdu[10] | apdu[11] << 8,
        apdu[7] & 0x7F,
        apdu[12:],
    )


def first_object(one: Asdu) -> int | None:
    return int.from_bytes(one.body[:3], "little") if len(one.body) >= 3 else None


def describe(one: Asdu, fields: Fields) -> None:
    """What a request says, put into ``fields``."""
    name, operation = TYPES.get(one.type) or (f"type_{one.type}", "diagnostic")
    fields["ot.function_code"], fields["ot.function"], fields["ot.operation"] = one.type, name, operation
    fields["ot.unit_id"] = one.address
    fields["ot.cause"] = CAUSES.get(one.cause, f"cause_{one.cause}")
    if one.originator:
        fields["ot.originator"] = one.originator
    if one.test:
        fields["ot.test"] = True
    plain = one.type - 13 if 58 <= one.type <= 64 else one.type
    if plain in _SPACES:
        fields["ot.address_space"] = _SPACES[plain]
    try:
        _elements(one, plain, fields)
    except (error, IndexError):
        fields["error.message"] = f"IEC 60870-5-104 {name}: {len(one.body)} bytes are too few"
    if one.cause == DEACTIVATION and operation == "command":
        fields["ot.operation"] = "select"  # takes a selection back


def _elements(one: Asdu, plain: int, fields: Fields) -> None:
    size = _SIZES.get(one.type)
    addresses: list[int] = []
    values: list[Any] = []
    selects = False
    at = 0
    for _ in range(one.number if size is not None else 1):
        if len(one.body) < at + 3:
            raise IndexError
        addresses.append(int.from_bytes(one.body[at : at + 3], "little"))
        at += 3
        if size is None:
            break
        element = one.body[at : at + size]
        if len(element) < size:
            raise IndexError
        at += size
        value, selected = _value(plain, element)
        selects = selects or selected
        if value is not None:
            values.append(value)
    if addresses and addresses != [0]:
        fields["ot.address"] = one_or_list(addresses)
    if len(addresses) > 1:
        fields["ot.count"] = len(addresses)
    if values:
        fields["ot.qualifier" if plain in (100, 101, 105, 113) else "ot.value"] = one_or_list(values)
    if selects:
        fields["ot.operation"] = "select"


_NUMBERS = {48: Struct("<hB"), 49: Struct("<hB"), 50: Struct("<fB"), 110: Struct("<hB"), 111: Struct("<hB")}
_NUMBERS |= {112: Struct("<fB")}


def _value(plain: int, element: bytes) -> tuple[Any, bool]:
    """The value of one element, and whether it only selects."""
    if plain == 45:
        return element[0] & 1, bool(element[0] & _SELECT)
    if plain in (46, 47):
        return element[0] & 3, bool(element[0] & _SELECT)
    if plain in _NUMBERS:
        number, qualifier = _NUMBERS[plain].unpack(element[: _NUMBERS[plain].size])
        if plain in (48, 110):
            number = number / 32_768
        return number, plain < 100 and bool(qualifier & _SELECT)
    if plain == 51:
        return int.from_bytes(element[:4], "little"), False
    if plain in (100, 101, 105, 113):
        return element[0], False
    if plain == 103:
        return _time(element), False
    return None, False


def _time(element: bytes) -> str:
    """CP56Time2a (7.2.6.18), as the controller is told; its zone is not.

    >>> _time(bytes.fromhex("b8222d0a02031a"))
    '2026-03-02T10:45:08.888'
    """
    milliseconds = element[0] | element[1] << 8
    minute, hour, day = element[2] & 0x3F, element[3] & 0x1F, element[4] & 0x1F
    month, year = element[5] & 0x0F, 2000 + (element[6] & 0x7F)
    second, rest = divmod(milliseconds, 1000)
    return f"{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{rest:03}"
