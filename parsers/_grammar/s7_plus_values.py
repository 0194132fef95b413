"""Numbers and values of S7comm-plus, of which every one tells its type.

As in https://github.com/thomas-v2/S7CommPlusDriver and in the plug-in ``s7comm_plus`` for Wireshark by T. Wiens.
"""

from struct import Struct
from typing import Any

from parsers._grammar.exchange import one_or_list

_MOST_ELEMENTS = 1_024
_ARRAYS = (0x10, 0x20)

_FIXED = {
    0x01: Struct(">B"),  # bool
    0x02: Struct(">B"),
    0x03: Struct(">H"),
    0x06: Struct(">b"),
    0x07: Struct(">h"),
    0x0A: Struct(">B"),
    0x0B: Struct(">H"),
    0x0C: Struct(">I"),
    0x0D: Struct(">Q"),
    0x0E: Struct(">f"),
    0x0F: Struct(">d"),
    0x10: Struct(">Q"),  # timestamp
    0x12: Struct(">I"),  # id of an object
}
_UNSIGNED = frozenset({0x04, 0x05, 0x13})
_SIGNED = frozenset({0x08, 0x09, 0x11})
_NULL, _BLOB, _TEXT = 0x00, 0x14, 0x15


class Unreadable(Exception):
    """A value whose type is composed, or unknown, or too many: what follows can't be found."""


class Reading:
    """A place in the bytes of a PDU; IndexError or struct.error where they end too early.

    >>> Reading(bytes.fromhex("8a0e")).number(), Reading(bytes.fromhex("7f")).signed()
    (1294, -1)
    """

    __slots__ = ("at", "data", "left")

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data, self.at, self.left = data, at, _MOST_ELEMENTS

    def fixed(self, how: Struct) -> Any:
        value = how.unpack_from(self.data, self.at)[0]
        self.at += how.size
        return value

    def byte(self) -> int:
        value = self.data[self.at]
        self.at += 1
        return value

    def word(self) -> int:
        return int(self.fixed(_FIXED[0x0C]))

    def number(self) -> int:
        """Seven bits a byte, the highest first; the ninth byte has eight."""
        return self._more(0)

    def signed(self) -> int:
        return self._more(-0x40 if self.data[self.at] & 0x40 else 0)

    def _more(self, sign: int) -> int:
        value = 0
        for place in range(9):
            byte = self.byte()
            if place == 8:
                return value << 8 | byte
            value = value << 7 | byte & 0x7F
            if place == 0 and sign:
                value += 2 * sign
            if not byte & 0x80:
                break
        return value

    def value(self) -> Any:
        """What stands here, behind its flags and its type."""
        flags, kind = self.byte() & 0x7F, self.byte()
        if flags in _ARRAYS:
            count = self.number()
            if count > _MOST_ELEMENTS:
                raise Unreadable
            return one_or_list([self._one(kind) for _ in range(count)]) if count else []
        if flags:
            raise Unreadable
        return self._one(kind)

    def _one(self, kind: int) -> Any:
        self.left -= 1
        if self.left < 0:
            raise Unreadable
        if kind in _FIXED:
            value = self.fixed(_FIXED[kind])
            return bool(value) if kind == 0x01 else value
        if kind in _UNSIGNED:
            return self.number()
        if kind in _SIGNED:
            return self.signed()
        if kind == _NULL:
            return None
        if kind == _BLOB and self.number() == 0:
            return self._bytes(self.number()).hex()
        if kind == _TEXT:
            return self._bytes(self.number()).decode("utf-8", "backslashreplace")
        raise Unreadable

    def _bytes(self, size: int) -> bytes:
        part = self.data[self.at : self.at + size]
        if len(part) < size:
            raise IndexError
        self.at += size
        return part
