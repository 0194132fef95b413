"""What a SIMATIC S7 says of itself in its system status lists: module and component identification.

Siemens, "System Software for S7-300/400 System and Standard Functions" (A5E02789976), chapter 33, lists W#16#xy11 and
W#16#xy1C.
"""

from struct import Struct, error

from engine.model import Fields

_HEAD = Struct(">HHHH").unpack_from
_MODULE, _COMPONENT = 0x11, 0x1C
_MOST = 64

# Index of a component: what its name is.
_COMPONENTS = {
    0x01: "system_name",
    0x02: "module_name",
    0x03: "plant",
    0x04: "copyright",
    0x05: "serial_number",
    0x07: "product_name",
    0x08: "memory_card_serial_number",
    0x0B: "location",
}


def identity(data: bytes, fields: Fields) -> None:
    """``data`` begins with the list's number; of a list in several parts, the first."""
    try:
        number, _, size, count = _HEAD(data)
    except error:
        return
    kind = number & 0xFF
    if number >> 12 or kind not in (_MODULE, _COMPONENT) or size < (28 if kind == _MODULE else 4):
        return
    for place in range(8, 8 + size * min(count, _MOST), size):
        record = data[place : place + size]
        if len(record) < size:
            return
        if kind == _MODULE:
            _module(record, fields)
        else:
            name = _COMPONENTS.get(record[0] << 8 | record[1])
            if name is not None:
                _put(name, _text(record[2:34]), fields)


def _module(record: bytes, fields: Fields) -> None:
    """Index, order number in 20 bytes, two bytes, and the version as two words: the letter V, and three numbers."""
    index = record[0] << 8 | record[1]
    version = record[24:28]
    if index == 0x01:
        _put("product_code", _text(record[2:22]), fields)
    elif index == 0x07 and version[:1] == b"V":
        _put("revision", f"{version[1]}.{version[2]}.{version[3]}", fields)


def _put(name: str, text: str, fields: Fields) -> None:
    if text:
        fields[f"ot.identity.{name}"] = text
        fields["ot.identity.vendor_name"] = "Siemens"


def _text(data: bytes) -> str:
    return data.split(b"\0")[0].decode("latin-1").strip()
