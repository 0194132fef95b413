"""CIP requests and replies: service, path, data (CIP Networks Library, volume 1, chapter 2 and appendix C)."""

from itertools import pairwise
from struct import Struct, error
from typing import Any, NamedTuple

from engine.model import Fields
from parsers._grammar import pccc
from parsers._grammar.cip_tables import (
    CLASSES,
    CLOCKS,
    CONFIGURED,
    CONNECTION_MANAGER,
    EXECUTE_PCCC,
    IDENTITY,
    MULTIPLE,
    OF_CLASS,
    PCCC_CLASS,
    SERVICES,
    STATUS,
    SUCCEEDED,
    TAGGED,
    UNCONNECTED_SEND,
)
from parsers._grammar.exchange import one_or_list

_SHORT = Struct("<H").unpack_from
_LONG = Struct("<I").unpack_from
_MOST_SEGMENTS = 64
_MOST_SERVICES = 256
_MOST_VALUES = 1_024

# Elementary data types (C-6.1).
TYPES: dict[int, tuple[str, str]] = {
    0xC1: ("BOOL", "B"),
    0xC2: ("SINT", "b"),
    0xC3: ("INT", "h"),
    0xC4: ("DINT", "i"),
    0xC5: ("LINT", "q"),
    0xC6: ("USINT", "B"),
    0xC7: ("UINT", "H"),
    0xC8: ("UDINT", "I"),
    0xC9: ("ULINT", "Q"),
    0xCA: ("REAL", "f"),
    0xCB: ("LREAL", "d"),
    0xD1: ("BYTE", "B"),
    0xD2: ("WORD", "H"),
    0xD3: ("DWORD", "I"),
    0xD4: ("LWORD", "Q"),
}
_STRUCTURE = 0x02A0


class Path(NamedTuple):
    """Where a request goes. ``symbol`` is a tag as programmers write it; ``ports`` lead to a device behind."""

    class_id: int | None
    instance: int | None
    attribute: int | None
    symbol: str | None
    ports: tuple[str, ...]


class Request(NamedTuple):
    service: int
    path: Path
    data: bytes


def request_of(message: bytes) -> Request:
    """IndexError or struct.error where it is cut short."""
    size = 2 + 2 * message[1]
    if len(message) < size:
        raise IndexError
    return Request(message[0], path_of(message[2:size]), message[size:])


def path_of(text: bytes) -> Path:
    """
    >>> path_of(bytes.fromhex("20 6b 25 00 01 02"))
    Path(class_id=107, instance=513, attribute=None, symbol=None, ports=())
    >>> path_of(bytes.fromhex("91 05 4c 65 76 65 6c 00 28 07")).symbol
    'Level[7]'
    """
    found: dict[str, int] = {}
    symbol = ""
    ports: list[str] = []
    at = 0
    for _ in range(_MOST_SEGMENTS):
        if at >= len(text):
            break
        kind = text[at]
        if kind >> 5 == 1:  # logical
            name = _LOGICAL.get(kind & 0x1C)
            value, at = _number(text, at, kind & 3)
            if name == "member":
                symbol += f"[{value}]" if symbol else ""
                found.setdefault("member", value)
            elif name is not None:
                found.setdefault(name, value)
            elif kind == 0x34:  # electronic key
                at += 8
        elif kind == 0x91:
            length = text[at + 1]
            part = text[at + 2 : at + 2 + length].decode("utf-8", "backslashreplace")
            symbol += f".{part}" if symbol else part
            at += 2 + length + length % 2
        elif kind < 0x20:  # port
            port, at = _port(text, at)
            ports.append(port)
        elif kind >> 5 == 2:  # network
            at += 2 if kind < 0x50 else 2 + 2 * text[at + 1]
        elif kind == 0x80:
            at += 2 + 2 * text[at + 1]
        else:
            break
    return Path(found.get("class"), found.get("instance"), found.get("attribute"), symbol or None, tuple(ports))


_LOGICAL = {0x00: "class", 0x04: "instance", 0x08: "member", 0x0C: "connection_point", 0x10: "attribute"}


def _number(text: bytes, at: int, form: int) -> tuple[int, int]:
    """The value of a logical segment of 8, 16 or 32 bits, and where the next segment starts."""
    if text[at] == 0x34:
        return 0, at + 2
    if form == 0:
        return text[at + 1], at + 2
    if form == 1:
        return _SHORT(text, at + 2)[0], at + 4
    return _LONG(text, at + 2)[0], at + 6


def _port(text: bytes, at: int) -> tuple[str, int]:
    kind = text[at]
    port, at = kind & 0x0F, at + 1
    length = 1
    if kind & 0x10:
        length = text[at]
        at += 1
    if port == 0x0F:
        port = _SHORT(text, at)[0]
        at += 2
    link = text[at : at + length]
    at += length
    if kind & 0x10:
        return f"{port}/{link.decode('ascii', 'backslashreplace')}", at + length % 2
    return f"{port}/{link[0]}", at


def embedded(data: bytes) -> tuple[bytes, bytes]:
    """Of Unconnected Send: the request inside, and the path of its route."""
    length = _SHORT(data, 2)[0]
    inside = data[4 : 4 + length]
    if len(inside) < length:
        raise IndexError
    at = 4 + length + length % 2
    size = 2 * data[at] if len(data) > at else 0
    return inside, data[at + 2 : at + 2 + size]


def several(data: bytes) -> list[bytes]:
    """The messages of a Multiple Service Packet, requests or replies."""
    count = _SHORT(data, 0)[0]
    if not 1 <= count <= _MOST_SERVICES or len(data) < 2 + 2 * count:
        raise IndexError
    starts = [_SHORT(data, 2 + 2 * number)[0] for number in range(count)] + [len(data)]
    if any(one > two for one, two in pairwise(starts)):
        raise IndexError
    return [data[one:two] for one, two in pairwise(starts)]


def describe(request: Request, fields: Fields) -> None:
    """What a request says, put into ``fields``."""
    service, path, data = request
    known = OF_CLASS.get(path.class_id or 0, {}).get(service) or SERVICES.get(service)
    if service in TAGGED and path.class_id not in (None, 0x6B, 0x6C, 0xB2) and path.symbol is None:
        known = OF_CLASS.get(path.class_id or 0, {}).get(service)
    name, operation = known or (f"service_0x{service:02x}", "diagnostic")
    if operation == "read" and path.class_id == IDENTITY:
        operation = "identify"
    elif operation == "write" and path.class_id in CLOCKS:
        operation = "clock"
    elif operation == "write" and path.class_id in CONFIGURED:
        operation = "config"
    fields["ot.function_code"], fields["ot.function"], fields["ot.operation"] = service, name, operation
    if path.class_id is not None:
        fields["ot.class_id"] = path.class_id
        fields["ot.address_space"] = CLASSES.get(path.class_id, f"class_0x{path.class_id:02x}")
    if path.instance is not None:
        fields["ot.address"] = path.instance
    if path.attribute is not None:
        fields["ot.attribute"] = path.attribute
    if path.symbol is not None:
        fields["ot.tag"] = path.symbol
    try:
        if path.class_id == PCCC_CLASS and service == EXECUTE_PCCC:
            pccc.request(data, fields)
        elif name in ("write_tag", "write_tag_fragmented"):
            _written(data, name.endswith("fragmented"), fields)
        elif name in ("read_tag", "read_tag_fragmented"):
            fields["ot.count"] = _SHORT(data, 0)[0]
        elif service in (0x02, 0x10) and data:
            fields["ot.value"] = data[:_MOST_VALUES].hex()
        elif name == "reset" and data:
            fields["ot.mode"] = {0: "power_cycle", 1: "factory_defaults", 2: "factory_defaults_but_network"}.get(
                data[0], f"type_{data[0]}"
            )
    except (error, IndexError):
        fields["error.message"] = f"CIP {name}: {len(data)} bytes of data are too few"


def _written(data: bytes, fragmented: bool, fields: Fields) -> None:
    kind = _SHORT(data, 0)[0]
    at = 2
    if kind == _STRUCTURE:
        at = 4
        fields["ot.data_type"] = f"structure_0x{_SHORT(data, 2)[0]:04x}"
    fields["ot.count"] = _SHORT(data, at)[0]
    at += 2
    if fragmented:
        fields["ot.offset"] = _LONG(data, at)[0]
        at += 4
    _typed(kind, data[at:], fields)


def _typed(kind: int, data: bytes, fields: Fields) -> None:
    known = TYPES.get(kind)
    if known is None:
        if data:
            fields["ot.value"] = data[:_MOST_VALUES].hex()
        return
    fields["ot.data_type"], code = known
    size = Struct(code).size
    count = min(len(data) // size, _MOST_VALUES)
    values: list[Any] = list(Struct(f"<{count}{code}").unpack_from(data))
    if kind == 0xC1:
        values = [int(value != 0) for value in values]
    if values:
        fields["ot.value"] = one_or_list(values)


def is_multiple(request: Request) -> bool:
    return request.service == MULTIPLE


def is_forwarded(request: Request) -> bool:
    return request.service == UNCONNECTED_SEND and request.path.class_id == CONNECTION_MANAGER


class Reply(NamedTuple):
    service: int
    status: int
    extended: tuple[int, ...]
    data: bytes


def reply_of(message: bytes) -> Reply:
    size = 4 + 2 * message[3]
    if len(message) < size:
        raise IndexError
    extended = Struct(f"<{message[3]}H").unpack_from(message, 4)
    return Reply(message[0] & 0x7F, message[2], extended, message[size:])


def answer(reply: Reply, fields: Fields) -> None:
    """What a reply says, put into its request's ``fields``."""
    if reply.status not in SUCCEEDED:
        fields["event.outcome"] = "failure"
        fields["ot.exception"] = STATUS.get(reply.status, f"status_0x{reply.status:02x}")
        if reply.extended:
            fields["ot.exception_code"] = reply.extended[0]
        return
    fields["event.outcome"] = "success"
    name = fields["ot.function"]
    try:
        if name in ("read_tag", "read_tag_fragmented") and len(reply.data) >= 2:
            kind = _SHORT(reply.data, 0)[0]
            _typed(kind, reply.data[4 if kind == _STRUCTURE else 2 :], fields)
        elif fields.get("ot.class_id") == PCCC_CLASS:
            pccc.response(reply.data, fields)
        elif name == "get_attributes_all" and fields.get("ot.class_id") == IDENTITY:
            identity(reply.data, fields)
        elif name == "get_attribute_single" and reply.data:
            fields["ot.value"] = reply.data[:_MOST_VALUES].hex()
    except (error, IndexError):
        fields["error.message"] = f"CIP {name}: {len(reply.data)} bytes of reply are too few"


def identity(data: bytes, fields: Fields) -> None:
    """The attributes of the Identity Object (5A-2), as its first instance and ListIdentity give them."""
    vendor, device, product, major, minor, _, serial = Struct("<HHHBBHI").unpack_from(data)
    fields["ot.identity.vendor_id"] = vendor
    fields["ot.identity.device_type"] = device
    fields["ot.identity.product_code"] = str(product)
    fields["ot.identity.revision"] = f"{major}.{minor:03}"
    fields["ot.identity.serial_number"] = f"{serial:08x}"
    name = data[15 : 15 + data[14]].decode("utf-8", "backslashreplace")
    if name:
        fields["ot.identity.product_name"] = name
