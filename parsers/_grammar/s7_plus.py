"""S7comm-plus (S7-1200, S7-1500) as far as it is in the clear: frames, functions, variables, states of the CPU.

Not published by Siemens: as in https://github.com/thomas-v2/S7CommPlusDriver, https://github.com/gijzelaerr/s7commplus
and the plug-in ``s7comm_plus`` for Wireshark. One request, that stops a CPU::

    72 01 00 26  31 00 00 04 f2 00 00 00 05  00 00 03 c0 34  00 00 00 34 01 90 77 00 08 01 …  72 01 00 00
"""

import re
from struct import error
from typing import NamedTuple

from engine.model import Fields, ParseError
from parsers._grammar.exchange import one_or_list
from parsers._grammar.s7_plus_values import Reading, Unreadable

MARK = 0x72
REQUEST, RESPONSE = 0x31, 0x32
_KEEP_ALIVE = 0xFE  # and above: system events, without a function
_DIGEST = 0x20
_ERRORS = frozenset({0x04B1, 0x05A9})
_MOST_ITEMS = 128
_MOST_IDS = 32  # in the path of one variable

_SET_VARIABLE, _SET_MULTI, _GET_MULTI, _CREATE, _DELETE, _INVOKE = 0x04F2, 0x0542, 0x054C, 0x04CA, 0x04D4, 0x056B
_FUNCTIONS: dict[int, tuple[str, str]] = {
    0x04B1: ("error", "diagnostic"),
    0x04BB: ("explore", "read"),
    _CREATE: ("create_object", "diagnostic"),
    _DELETE: ("delete_object", "diagnostic"),
    _SET_VARIABLE: ("set_variable", "diagnostic"),
    0x04FC: ("get_variable", "read"),
    0x0506: ("add_link", "diagnostic"),
    0x051A: ("remove_link", "diagnostic"),
    0x0524: ("get_link", "read"),
    _SET_MULTI: ("set_multi_variables", "diagnostic"),
    _GET_MULTI: ("get_multi_variables", "read"),
    0x0556: ("begin_sequence", "diagnostic"),
    0x0560: ("end_sequence", "diagnostic"),
    _INVOKE: ("invoke", "diagnostic"),
    0x057C: ("set_var_sub_streamed", "diagnostic"),
    0x0586: ("get_var_sub_streamed", "read"),
    0x0590: ("get_variables_address", "read"),
    0x059A: ("abort", "diagnostic"),
    0x05A9: ("error", "diagnostic"),
    0x05B3: ("init_ssl", "session"),
}

# Objects that are always there, and their attributes.
_CPU, _PROGRAM, _SESSIONS = 52, 3, 285
_AREAS = {80: "inputs", 81: "outputs", 82: "merker", 83: "counters", 84: "timers"}
_LETTERS = {80: "I", 81: "Q", 82: "M", 83: "C", 84: "T"}
_DATA_BLOCKS = 0x8A0E
_ACTUAL_VALUES = frozenset({2550, 3736})  # of a data block, of an area
_BYTES = 3  # access by offset and size, as to a block that is not optimised
_OBJECTS_OF_SESSIONS = range(0x7000_0000, 0x8000_0000)
_STATE_REQUEST, _CLOCK = 2167, 2421
_STATES = {1: ("plc_stop", "stop"), 3: ("plc_start", "run")}
_PASSWORDS = frozenset({303, 304, 309, 1846})

_REASONS = {
    22: "session_delegitimated",
    -1: "unknown_error",
    -2: "invalid_value_type",
    -3: "invalid_argument_value",
    -4: "not_enough_memory",
    -12: "object_not_found",
    -17: "invalid_crc",
    -118: "session_delegitimated",
    -134: "service_not_supported",
    -255: "invalid_lid",
}
# What a controller says of itself when a session begins: the element "system PAOM string".
_IDENTITY = re.compile(rb"\d;(6[A-Z0-9]{3} [0-9A-Z-]{10,15}) *;V? ?(\d+\.\d+(?:\.\d+)?)")


class Unit(NamedTuple):
    """A frame, or what is joined of several: ``last`` is False while more of it will come."""

    version: int
    data: bytes
    last: bool


def frame(unit: bytes) -> Unit:
    """
    >>> frame(bytes.fromhex("720100023100 72010000"))
    Unit(version=1, data=b'1\\x00', last=True)
    """
    if len(unit) < 4:
        raise ParseError(f"S7comm-plus: a frame of {len(unit)} bytes")
    version, length = unit[1], unit[2] << 8 | unit[3]
    if version >= _KEEP_ALIVE:
        return Unit(version, b"", True)
    data = unit[4 : 4 + length]
    if len(data) < length:
        raise ParseError(f"S7comm-plus: {len(data)} bytes where {length} are announced")
    if version == 3 and data[:1] == bytes([_DIGEST]):
        data = data[1 + _DIGEST :]
    return Unit(version, data, unit[4 + length : 6 + length] == bytes([MARK, version]))


class Header(NamedTuple):
    opcode: int
    function: int
    sequence: int


def is_pdu(data: bytes) -> bool:
    """Whether a request or a response starts here."""
    return len(data) >= 9 and data[0] in (REQUEST, RESPONSE) and not any(data[1:3]) and not any(data[5:7])


def header(data: bytes) -> Header:
    """Of a request or a response: opcode, two bytes, function, two bytes, number."""
    return Header(data[0], data[3] << 8 | data[4], data[7] << 8 | data[8])


def answers(asked: int, function: int) -> bool:
    return function == asked or function in _ERRORS


def request(data: bytes, fields: Fields) -> None:
    """What a request says; its session and the flags of transport stand behind its number."""
    function = header(data).function
    fields["ot.function_code"] = function
    fields["ot.function"], fields["ot.operation"] = _FUNCTIONS.get(function) or (
        f"function_0x{function:04x}",
        "diagnostic",
    )
    try:
        at = Reading(data, 9)
        fields["ot.session_id"] = f"0x{at.word():08x}"
        at.byte()
        if function == _GET_MULTI:
            _addressed(at, at.word(), fields)
        elif function == _SET_MULTI:
            _set_several(at, fields)
        elif function == _SET_VARIABLE:
            _set_one(at, fields)
        elif function in (_CREATE, _DELETE):
            _object(function, at.word(), fields)
        elif function == _INVOKE:
            fields["ot.object_id"], fields["ot.method_id"] = at.word(), at.word()
    except (error, IndexError):
        fields["error.message"] = f"S7comm-plus {fields['ot.function']}: {len(data)} bytes are too few"
    except Unreadable:
        pass


def _object(function: int, which: int, fields: Fields) -> None:
    fields["ot.object_id"] = which
    if which == _SESSIONS or which in _OBJECTS_OF_SESSIONS or fields["ot.session_id"] == f"0x{which:08x}":
        fields["ot.operation"] = "session"
    elif function == _CREATE and which == _PROGRAM:
        fields["ot.operation"] = "program_download"
    elif function == _DELETE and which >> 16 == _DATA_BLOCKS:
        fields["ot.operation"], fields["ot.tag"] = "program_delete", f"DB{which & 0xFFFF}"


def _set_one(at: Reading, fields: Fields) -> None:
    which = at.word()
    attributes = _numbers(at, at.number(), _MOST_ITEMS)
    _attributes(which, attributes, fields)
    if not attributes or attributes[0] not in _PASSWORDS:
        _assigned(which, attributes, [at.value()], fields)


def _set_several(at: Reading, fields: Fields) -> None:
    which = at.word()
    attributes = _addressed(at, which, fields)
    values = []
    if _PASSWORDS.isdisjoint(attributes):
        if fields["ot.count"] > _MOST_ITEMS:
            raise Unreadable  # the values stand behind all the addresses
        for _ in range(fields["ot.count"]):
            at.number()
            values.append(at.value())
    if which:
        _assigned(which, attributes, values, fields)
    elif values:
        fields["ot.value"] = one_or_list(values)


def _addressed(at: Reading, which: int, fields: Fields) -> list[int]:
    """The attributes of the object ``which``, or variables wherever they are where that is 0."""
    fields["ot.count"] = count = at.number()
    fields_of_addresses = at.number()
    if which:
        attributes = _numbers(at, fields_of_addresses, _MOST_ITEMS)
        _attributes(which, attributes, fields)
        return attributes
    places: list[tuple[str, int | None, str]] = []
    of_process = False
    for _ in range(min(count, _MOST_ITEMS)):
        at.number()  # a checksum of the symbol
        area = at.number()
        path = _numbers(at, at.number(), _MOST_IDS)
        known = (area >> 16 == _DATA_BLOCKS or area in _AREAS) and bool(path) and path[0] in _ACTUAL_VALUES
        of_process = of_process or known
        places.append(_place(area, path, known))
    if places:
        fields["ot.address_space"] = one_or_list([space for space, _, _ in places])
        fields["ot.tag"] = one_or_list([tag for _, _, tag in places])
        if any(address is not None for _, address, _ in places):
            fields["ot.address"] = one_or_list([address for _, address, _ in places])
        if of_process and fields["ot.function_code"] == _SET_MULTI:
            fields["ot.operation"] = "write"
    return []


def _numbers(at: Reading, count: int, most: int) -> list[int]:
    if count > most:
        raise Unreadable
    return [at.number() for _ in range(count)]


def _place(area: int, path: list[int], known: bool) -> tuple[str, int | None, str]:
    """Space, address and name of a variable: its path of local ids, or offset and size."""
    if not known:
        return "object", area, f"{area:X}." + ".".join(f"{one:X}" for one in path)
    space = f"db{area & 0xFFFF}" if area >> 16 == _DATA_BLOCKS else _AREAS[area]
    name = space.upper() if area >> 16 == _DATA_BLOCKS else _LETTERS[area]
    if len(path) >= 4 and path[1] == _BYTES:
        return space, path[2], f"{name}.B{path[2]}"
    return space, None, f"{name}." + ".".join(map(str, path[1:]))


def _attributes(which: int, attributes: list[int], fields: Fields) -> None:
    fields["ot.address_space"], fields["ot.object_id"] = "object", which
    if attributes:
        fields["ot.address"] = one_or_list(attributes)
    if fields["ot.operation"] == "read":
        return
    if not _PASSWORDS.isdisjoint(attributes):
        fields["ot.operation"] = "protect"
    elif which in _OBJECTS_OF_SESSIONS or fields["ot.session_id"] == f"0x{which:08x}":
        fields["ot.operation"] = "session"
    elif _CLOCK in attributes:
        fields["ot.operation"] = "clock"


def _assigned(which: int, attributes: list[int], values: list[object], fields: Fields) -> None:
    if values:
        fields["ot.value"] = one_or_list(values)
    if which == _CPU and _STATE_REQUEST in attributes and len(values) == len(attributes):
        state = values[attributes.index(_STATE_REQUEST)]
        known = _STATES.get(state) if isinstance(state, int) else None
        fields["ot.operation"], fields["ot.mode"] = known or ("mode_change", f"state_{state}")


def response(data: bytes, fields: Fields) -> None:
    """What the response says, put into the fields of its request."""
    found = header(data)
    fields["event.outcome"] = "success"
    if found.function in _ERRORS:
        fields["event.outcome"], fields["ot.exception"] = "failure", "error"
    try:
        at = Reading(data, 9)
        at.byte()
        reason = _reason(at.number())
        if reason is not None:
            fields["event.outcome"], fields["ot.exception"] = "failure", reason
        elif found.function == _SET_MULTI:
            refused = _refused(at)
            if refused:
                fields["event.outcome"], fields["ot.exception"] = "failure", one_or_list(refused)
        elif found.function == _GET_MULTI:
            _read(at, fields)
        elif found.function == _CREATE:
            _identity(data, fields)
    except (error, IndexError):
        fields["error.message"] = f"S7comm-plus: a response of {len(data)} bytes is cut short"
    except Unreadable:
        pass


def _reason(result: int) -> str | None:
    """The word of a return value: its lower half is a number with a sign, and positive ones are no errors.

    >>> _reason(0), _reason(19), _reason(0x8318890001B3FFFE), _reason(0x8000FFC0)
    (None, None, 'invalid_value_type', 'error_64')
    """
    code = (result & 0xFFFF) - (0x1_0000 if result & 0x8000 else 0)
    if code in _REASONS:
        return _REASONS[code]
    return f"error_{-code}" if code < 0 else None


def _refused(at: Reading) -> list[str]:
    """Of each item that was not set: number, return value; 0 is the end."""
    out: list[str] = []
    for _ in range(_MOST_ITEMS):
        if not at.number():
            break
        reason = _reason(at.number())
        if reason is not None and reason not in out:
            out.append(reason)
    return out


def _read(at: Reading, fields: Fields) -> None:
    """Values by the numbers of their items, then errors likewise."""
    values: dict[int, object] = {}
    try:
        for _ in range(_MOST_ITEMS):
            item = at.number()
            if not item:
                break
            values[item] = at.value()
    finally:
        count = min(fields.get("ot.count", 0), _MOST_ITEMS)
        if values and max(values) <= count:
            fields["ot.value"] = one_or_list([values.get(item) for item in range(1, count + 1)])
    refused = _refused(at)
    if refused:
        fields["event.outcome"], fields["ot.exception"] = "failure", one_or_list(refused)


def _identity(data: bytes, fields: Fields) -> None:
    found = _IDENTITY.search(data)
    if found is not None:
        fields["ot.identity.product_code"] = found[1].decode("ascii").strip()
        fields["ot.identity.revision"] = found[2].decode("ascii")
        fields["ot.identity.vendor_name"] = "Siemens"
