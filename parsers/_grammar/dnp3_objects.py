"""What the objects of DNP3 requests and responses say (IEEE 1815-2012, clauses 4 and 11, annex A)."""

from struct import Struct, error
from typing import Any, NamedTuple

# Function code: name, operation.
FUNCTIONS: dict[int, tuple[str, str]] = {
    0: ("confirm", "session"),
    1: ("read", "read"),
    2: ("write", "write"),
    3: ("select", "select"),
    4: ("operate", "command"),
    5: ("direct_operate", "command"),
    6: ("direct_operate_no_ack", "command"),
    7: ("immediate_freeze", "diagnostic"),
    8: ("immediate_freeze_no_ack", "diagnostic"),
    9: ("freeze_and_clear", "write"),
    10: ("freeze_and_clear_no_ack", "write"),
    11: ("freeze_at_time", "diagnostic"),
    12: ("freeze_at_time_no_ack", "diagnostic"),
    13: ("cold_restart", "restart"),
    14: ("warm_restart", "restart"),
    15: ("initialize_data", "config"),
    16: ("initialize_application", "config"),
    17: ("start_application", "plc_start"),
    18: ("stop_application", "plc_stop"),
    19: ("save_configuration", "config"),
    20: ("enable_unsolicited", "config"),
    21: ("disable_unsolicited", "config"),
    22: ("assign_class", "config"),
    23: ("delay_measurement", "diagnostic"),
    24: ("record_current_time", "clock"),
    25: ("open_file", "file"),
    26: ("close_file", "file"),
    27: ("delete_file", "file"),
    28: ("get_file_information", "file"),
    29: ("authenticate_file", "file"),
    30: ("abort_file", "file"),
    31: ("activate_configuration", "activate"),
    32: ("authentication_request", "session"),
    33: ("authentication_request_no_ack", "session"),
}
UNANSWERED = frozenset({6, 8, 10, 12, 33})
CONTROLS = frozenset({3, 4, 5, 6})

SPACES = {
    1: "binary_input",
    2: "binary_input_event",
    3: "double_bit_input",
    4: "double_bit_input_event",
    10: "binary_output",
    11: "binary_output_event",
    12: "binary_output",
    13: "binary_output_command_event",
    20: "counter",
    21: "frozen_counter",
    22: "counter_event",
    23: "frozen_counter_event",
    30: "analog_input",
    31: "frozen_analog_input",
    32: "analog_input_event",
    33: "frozen_analog_input_event",
    34: "analog_input_deadband",
    40: "analog_output",
    41: "analog_output",
    42: "analog_output_event",
    43: "analog_output_command_event",
    50: "time_and_date",
    51: "common_time",
    52: "time_delay",
    70: "file",
    80: "internal_indications",
    81: "storage",
    82: "device_profile",
    110: "octet_string",
    111: "octet_string_event",
    112: "virtual_terminal_output",
    113: "virtual_terminal_event",
    120: "authentication",
}

# Group, variation: bytes of one object in a request (11.9, annex A). Packed bits are counted apart.
_SIZES: dict[tuple[int, int], int] = {
    (10, 2): 1,
    (12, 1): 11,
    (12, 2): 11,
    (34, 1): 2,
    (34, 2): 4,
    (34, 3): 4,
    (41, 1): 5,
    (41, 2): 3,
    (41, 3): 5,
    (41, 4): 9,
    (50, 1): 6,
    (50, 2): 10,
    (50, 3): 6,
    (50, 4): 11,
    (51, 1): 6,
    (51, 2): 6,
    (52, 1): 2,
    (52, 2): 2,
}
_STRINGS = frozenset({110, 111, 112, 113})  # as long as their variation says
_PACKED = {(1, 1), (10, 1), (12, 3), (80, 1)}
_NUMBERS = {
    (34, 1): Struct("<H"),
    (34, 2): Struct("<I"),
    (34, 3): Struct("<f"),
    (41, 1): Struct("<iB"),
    (41, 2): Struct("<hB"),
    (41, 3): Struct("<fB"),
    (41, 4): Struct("<dB"),
}
_RELAY = Struct("<BBIIB")
_OPERATIONS = ("nul", "pulse_on", "pulse_off", "latch_on", "latch_off")
_TRIP_CLOSE = ("", "close", "trip", "reserved")
# 11.9.1: control status.
STATUS = {
    1: "timeout",
    2: "no_select",
    3: "format_error",
    4: "not_supported",
    5: "already_active",
    6: "hardware_error",
    7: "local",
    8: "too_many_operations",
    9: "not_authorized",
    10: "automation_inhibit",
    11: "processing_limited",
    12: "out_of_range",
    13: "downstream_local",
    14: "already_complete",
    15: "blocked",
    16: "canceled",
    17: "blocked_other_master",
    18: "downstream_fail",
    126: "non_participating",
    127: "undefined",
}
# 4.2.2.6: the second octet of the internal indications.
REFUSALS = ((0x01, "function_code_not_supported"), (0x02, "object_unknown"), (0x04, "parameter_error"))
_FILE_MODES = {0: "delete", 1: "read", 2: "write", 3: "append"}
_MOST_POINTS = 512
_MOST_HEADERS = 128
_AUTHENTICATION = 120

_TWO = Struct("<H").unpack_from
_FILE_COMMAND = Struct("<HH6sHIIHHH").unpack_from


class Points(NamedTuple):
    """One object header with what follows it. ``indexes`` are the first of ``total`` points, ``values`` one for each or
    none."""

    group: int
    variation: int
    total: int
    indexes: list[int]
    values: list[Any]
    statuses: list[int]


class Relay(NamedTuple):
    """A control relay output block (group 12)."""

    word: str
    times: int
    on_ms: int
    off_ms: int
    clear: bool


def objects(body: bytes, *, with_data: bool) -> tuple[list[Points], str | None]:
    """The object headers of a fragment, and what is wrong with the rest of it, where something is."""
    out: list[Points] = []
    at = 0
    try:
        while at < len(body) and len(out) < _MOST_HEADERS:
            if body[at] == _AUTHENTICATION:  # stands behind what it vouches for
                break
            points, at = _header(body, at, with_data)
            out.append(points)
    except (error, IndexError):
        return out, f"an object is cut short at byte {at}"
    except _Unknown as unknown:
        return out, str(unknown)
    return out, None


class _Unknown(Exception):
    pass


def _header(body: bytes, at: int, with_data: bool) -> tuple[Points, int]:
    group, variation, qualifier = body[at], body[at + 1], body[at + 2]
    at += 3
    prefix, form = qualifier >> 4 & 7, qualifier & 0x0F
    first: int | None = None
    if form in (0, 1, 2, 3, 4, 5):
        size = (1, 2, 4)[form % 3]
        first = int.from_bytes(_piece(body, at, size), "little")
        last = int.from_bytes(_piece(body, at + size, size), "little")
        at += 2 * size
        count = max(last - first + 1, 0)
    elif form == 6:
        count = 0
    elif form in (7, 8, 9):
        size = (1, 2, 4)[form - 7]
        count = int.from_bytes(_piece(body, at, size), "little")
        at += size
    elif form == 0x0B:
        count = body[at]
        at += 1
    else:
        raise _Unknown(f"the qualifier 0x{qualifier:02x} is not defined")
    indexes = [] if first is None else [*range(first, first + min(count, _MOST_POINTS))]
    if not with_data and prefix == 0:
        return Points(group, variation, count, indexes, [], []), at
    values: list[Any] = []
    statuses: list[int] = []
    if prefix == 0 and (group, variation) in _PACKED:
        bits = _piece(body, at, (count + 7) // 8)
        values = [bits[n >> 3] >> (n & 7) & 1 for n in range(min(count, _MOST_POINTS))]
        return Points(group, variation, count, indexes, values, statuses), at + len(bits)
    length = variation if group in _STRINGS else _SIZES.get((group, variation))
    if prefix < 4 and with_data and not length:
        raise _Unknown(f"objects of group {group} variation {variation} are not read")
    if prefix == 7:
        raise _Unknown(f"the qualifier 0x{qualifier:02x} is not defined")
    if prefix < 4:
        before = (0, 1, 2, 4)[prefix]
        stride = before + (length if with_data and length else 0)
        block = _piece(body, at, stride * count)
        for start in range(0, stride * min(count, _MOST_POINTS), stride):
            if before:
                indexes.append(int.from_bytes(block[start : start + before], "little"))
            if with_data:
                _say(group, variation, block[start + before : start + stride], values, statuses)
        return Points(group, variation, count, indexes, values, statuses), at + len(block)
    size = 1 << (prefix - 4)
    for _ in range(count):
        piece = _piece(body, at + size, int.from_bytes(_piece(body, at, size), "little"))
        at += size + len(piece)
        if len(values) < _MOST_POINTS:
            _say(group, variation, piece, values, statuses)
    return Points(group, variation, count, indexes, values, statuses), at


def _say(group: int, variation: int, piece: bytes, values: list[Any], statuses: list[int]) -> None:
    value, status = _value(group, variation, piece)
    if value is not None:
        values.append(value)
    if status is not None:
        statuses.append(status)


def _piece(body: bytes, at: int, length: int) -> bytes:
    piece = body[at : at + length]
    if len(piece) < length:
        raise IndexError
    return piece


def _value(group: int, variation: int, piece: bytes) -> tuple[Any, int | None]:
    if group == 12 and len(piece) == 11:
        code, count, on, off, status = _RELAY.unpack(piece)
        word = _TRIP_CLOSE[code >> 6] or (_OPERATIONS[code & 0x0F] if code & 0x0F < len(_OPERATIONS) else "undefined")
        return Relay(word, count, on, off, bool(code & 0x20)), status & 0x7F
    number = _NUMBERS.get((group, variation))
    if number is not None:
        found = number.unpack(piece)
        return found[0], found[1] & 0x7F if len(found) > 1 else None
    if group in (50, 51) and len(piece) >= 6:
        return int.from_bytes(piece[:6], "little"), None  # milliseconds since 1970
    if group in _STRINGS:
        return piece.decode("utf-8", "backslashreplace"), None
    if group == 70:
        return piece, None
    return piece.hex(), None


class File(NamedTuple):
    """What a file object (group 70) says."""

    name: str | None
    mode: str | None
    size: int | None
    handle: int | None


def file_of(variation: int, piece: bytes) -> File | None:
    """Of a request's file object: command (3), status (4), transport (5), descriptor (7)."""
    try:
        if variation == 3:
            start, length, _, _, _, size, mode, _, _ = _FILE_COMMAND(piece)
            return File(_name(piece[start : start + length]), _FILE_MODES.get(mode), size, None)
        if variation in (4, 5):
            return File(None, None, None, int.from_bytes(piece[:4], "little"))
        if variation == 7:
            start, length, _, size = Struct("<HHHI").unpack_from(piece)
            return File(_name(piece[start : start + length]), None, size, None)
        if variation == 2:
            return None
    except error:
        return None
    return None


def _name(text: bytes) -> str | None:
    return text.rstrip(b"\0").decode("utf-8", "backslashreplace") or None
