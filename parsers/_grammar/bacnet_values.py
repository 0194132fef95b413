"""Tagged values of BACnet application PDUs (ANSI/ASHRAE 135-2020, clause 20.2)."""

from collections.abc import Iterator
from struct import Struct
from typing import Any, NamedTuple

_REAL, _DOUBLE = Struct(">f").unpack, Struct(">d").unpack
_MOST_TAGS = 4_096
OPENING, CLOSING = 6, 7


class Tag(NamedTuple):
    """``form`` is OPENING, CLOSING or 0; ``content`` of an application boolean is its one bit."""

    number: int
    context: bool
    form: int
    content: bytes


def tags(data: bytes) -> Iterator[Tag]:
    """IndexError where a tag is cut short."""
    at = 0
    for _ in range(_MOST_TAGS):
        if at >= len(data):
            return
        first = data[at]
        at += 1
        number, context, length = first >> 4, bool(first & 8), first & 7
        if number == 15:
            number = data[at]
            at += 1
        if context and length in (OPENING, CLOSING):
            yield Tag(number, True, length, b"")
            continue
        if not context and number == 1:  # a boolean has no content
            yield Tag(1, False, 0, bytes([length]))
            continue
        if length == 5:
            length = data[at]
            at += 1
            if length in (254, 255):
                size = 2 if length == 254 else 4
                if len(data) < at + size:
                    raise IndexError
                length = int.from_bytes(data[at : at + size], "big")
                at += size
        if len(data) < at + length:
            raise IndexError
        yield Tag(number, context, 0, data[at : at + length])
        at += length


def unsigned(content: bytes) -> int:
    return int.from_bytes(content[:8], "big")


def object_of(content: bytes) -> tuple[int, int]:
    """Type and instance.

    >>> object_of(bytes.fromhex("00800005"))
    (2, 5)
    """
    whole = unsigned(content[:4])
    return whole >> 22, whole & 0x3FFFFF


def value(tag: Tag) -> Any:
    """What an application tag says; text where BACnet has a kind of its own."""
    content = tag.content
    match tag.number:
        case 0:
            return "null"
        case 1:
            return int(content[0] != 0)
        case 2 | 9:
            return unsigned(content)
        case 3:
            return int.from_bytes(content[:8], "big", signed=True)
        case 4 if len(content) == 4:
            return _REAL(content)[0]
        case 5 if len(content) == 8:
            return _DOUBLE(content)[0]
        case 7:
            encoding = "utf-16-be" if content[:1] == b"\x04" else "latin-1" if content[:1] == b"\x05" else "utf-8"
            return content[1:].decode(encoding, "replace" if encoding == "utf-16-be" else "backslashreplace")
        case 8:
            bits = "".join(f"{byte:08b}" for byte in content[1:])
            return bits[: max(0, len(bits) - content[0])] if content else ""
        case 10 if len(content) == 4:
            return f"{1900 + content[0]}-{content[1]:02}-{content[2]:02}"
        case 11 if len(content) == 4:
            return f"{content[0]:02}:{content[1]:02}:{content[2]:02}.{content[3]:02}"
        case 12 if len(content) == 4:
            return "{}:{}".format(*object_of(content))
    return content.hex()
