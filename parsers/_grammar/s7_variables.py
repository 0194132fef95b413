"""Variables in S7comm jobs 0x04 (read) and 0x05 (write): address items and data items.

Not published by Siemens; as in Wireshark's ``packet-s7comm`` and in snap7, both written against real controllers.
"""

from struct import Struct, unpack
from typing import Any, NamedTuple

AREAS = {
    0x03: "system_info",
    0x05: "system_flags",
    0x06: "analog_inputs",
    0x07: "analog_outputs",
    0x1C: "counter",
    0x1D: "timer",
    0x1E: "iec_counter",
    0x1F: "iec_timer",
    0x80: "peripheral",
    0x81: "inputs",
    0x82: "outputs",
    0x83: "merker",
    0x86: "local",
    0x87: "previous_local",
}
_DB, _INSTANCE_DB = 0x84, 0x85
# Areas that are counted by number, not by bit.
_NUMBERED = {0x1C, 0x1D, 0x1E, 0x1F}
_LETTERS = {0x80: "P", 0x81: "I", 0x82: "Q", 0x83: "M", 0x1C: "C", 0x1D: "T"}

# Transport size of an address: name, bytes of one element, struct code.
TYPES: dict[int, tuple[str, int, str | None]] = {
    0x01: ("bit", 1, "B"),
    0x02: ("byte", 1, "B"),
    0x03: ("char", 1, None),
    0x04: ("word", 2, "H"),
    0x05: ("int", 2, "h"),
    0x06: ("dword", 4, "I"),
    0x07: ("dint", 4, "i"),
    0x08: ("real", 4, "f"),
    0x09: ("date", 2, "H"),
    0x0A: ("time_of_day", 4, "I"),
    0x0B: ("time", 4, "i"),
    0x0C: ("s5time", 2, "H"),
    0x0F: ("date_and_time", 8, None),
    0x1C: ("counter", 2, "H"),
    0x1D: ("timer", 2, "H"),
}
_WIDTH = {1: "B", 2: "W", 4: "D", 8: ""}

_ANY = Struct(">BHHBBH").unpack_from
_RETURN = {
    0x01: "hardware_error",
    0x03: "access_not_allowed",
    0x05: "invalid_address",
    0x06: "data_type_not_supported",
    0x07: "data_type_inconsistent",
    0x0A: "object_does_not_exist",
}
OK = 0xFF


class Item(NamedTuple):
    """One variable. ``tag`` is Siemens' notation of it; ``type`` the transport size."""

    space: str
    address: int
    bit: int | None
    elements: int
    type: int
    tag: str


def word_of(code: int) -> str:
    """
    >>> word_of(0x0A), word_of(0x42)
    ('object_does_not_exist', 'return_code_0x42')
    """
    return _RETURN.get(code) or f"return_code_0x{code:02x}"


def items(parameter: bytes) -> list[Item]:
    """The items behind function code and count; IndexError or struct.error where they are cut short."""
    out: list[Item] = []
    at = 2
    for _ in range(parameter[1]):
        length = parameter[at + 1]
        body = parameter[at + 2 : at + 2 + length]
        if len(body) < length:
            raise IndexError
        if body[0] == 0x10 and length >= 10:
            out.append(_any(body))
        elif body[0] == 0xB0 and length >= 2:
            out += _areas(body)
        else:
            # 0xB2: symbolic access of an S7-1200; 0x82 to 0x84: variables of a numerical control.
            out.append(Item(f"syntax_0x{body[0]:02x}", 0, None, 1, 0, body.hex()))
        at += 2 + length
    return out


def _any(body: bytes) -> Item:
    size, count, block, area, high, low = _ANY(body, 1)
    place = high << 16 | low
    if area in (_DB, _INSTANCE_DB):
        space = f"{'db' if area == _DB else 'di'}{block}"
    else:
        space = AREAS.get(area) or f"area_0x{area:02x}"
    if area in _NUMBERED:
        return Item(space, place, None, count, size, f"{_LETTERS.get(area, space)}{place}")
    byte, bit = place >> 3, place & 7
    is_bit = size == 0x01
    return Item(space, byte, bit if is_bit else None, count, size, _tag(area, space, size, byte, bit))


def _areas(body: bytes) -> list[Item]:
    """DBREAD: several stretches of bytes of data blocks."""
    out = []
    for at in range(2, 2 + 5 * body[1], 5):
        count, block, place = unpack(">BHH", body[at : at + 5])
        out.append(Item(f"db{block}", place, None, count, 0x02, f"DB{block}.DBB{place}"))
    return out


def _tag(area: int, space: str, size: int, byte: int, bit: int) -> str:
    """
    >>> _tag(0x84, "db1", 0x08, 4, 0), _tag(0x83, "merker", 0x01, 10, 3), _tag(0x81, "inputs", 0x04, 2, 0)
    ('DB1.DBD4', 'M10.3', 'IW2')
    """
    width = _WIDTH[TYPES[size][1]] if size in TYPES else ""
    if area in (_DB, _INSTANCE_DB):
        letters = "DB" if area == _DB else "DI"
        place = f"X{byte}.{bit}" if size == 0x01 else f"{width}{byte}"
        return f"{space.upper()}.{letters}{place}"
    letter = _LETTERS.get(area)
    if letter is None:
        return f"{space} {byte}"
    return f"{letter}{byte}.{bit}" if size == 0x01 else f"{letter}{width}{byte}"


def values(data: bytes, wanted: list[Item]) -> list[tuple[int, Any]]:
    """Return code and value of each data item: of a write's request, of a read's response."""
    out: list[tuple[int, Any]] = []
    at = 0
    for item in wanted:
        code, size, length = data[at], data[at + 1], data[at + 2] << 8 | data[at + 3]
        # 3 to 5 count bits, the others bytes.
        kept = (length + 7) // 8 if size in (3, 4, 5) else length
        piece = data[at + 4 : at + 4 + kept]
        out.append((code, _value(piece, item) if piece else None))
        at += 4 + kept + kept % 2
    return out


def _value(piece: bytes, item: Item) -> Any:
    name, size, code = TYPES.get(item.type) or ("", 1, None)
    if name == "char":
        return piece.rstrip(b"\0").decode("utf-8", "backslashreplace")
    if code is None or len(piece) < size:
        return piece.hex()
    count = len(piece) // size
    found: list[Any] = list(unpack(f">{count}{code}", piece[: count * size]))
    if name == "bit":
        found = [value & 1 for value in found]
    return found[0] if count == 1 else found
