"""Tags of controllers that count bytes, in Siemens' notation: found by every write that covers one of their bytes.

``DB10.DBD4`` is four bytes of data block 10 from byte 4, ``M10.3`` a bit of the markers; a tool may write them as
bytes, as words, or with what stands beside.
"""

import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

_BLOCK: Final = re.compile(r"DB(\d{1,5})\.DB([XBWD])(\d{1,5})(?:\.([0-7]))?", re.ASCII | re.IGNORECASE)
_AREA: Final = re.compile(r"([MIQEA])([BWD]?)(\d{1,5})(?:\.([0-7]))?", re.ASCII | re.IGNORECASE)
_SPACES: Final = {"M": "merker", "I": "inputs", "E": "inputs", "Q": "outputs", "A": "outputs"}
_SIZES: Final = {"X": 1, "": 1, "B": 1, "W": 2, "D": 4}
_MOST: Final = 4_096  # bytes of one write

# Transport size of a variable: how its values lie in the controller's memory.
_CODES: Final = {"byte": "B", "word": "H", "int": "h", "dword": "I", "dint": "i", "real": "f", "time": "i", "date": "H"}
# Type of a tag: bytes, code; without one by the letter of its address.
_TYPES: Final = {
    "bool": (1, "?"), "uint16": (2, "H"), "int16": (2, "h"), "uint32": (4, "I"), "int32": (4, "i"), "float32": (4, "f"),
    "uint64": (8, "Q"), "int64": (8, "q"), "float64": (8, "d"),
}  # fmt: skip
_UNTYPED: Final = {1: "B", 2: "h", 4: "i"}

_T = TypeVar("_T")


class Place(NamedTuple):
    space: str
    start: int
    size: int
    bit: int | None


def place_of(symbol: str) -> Place | None:
    """
    >>> place_of("DB10.DBD4"), place_of("M10.3"), place_of("IW2"), place_of("Level")
    (Place(space='db10', start=4, size=4, bit=None), Place(space='merker', start=10, size=1, bit=3), \
Place(space='inputs', start=2, size=2, bit=None), None)
    """
    found = _BLOCK.fullmatch(symbol)
    if found is not None:
        space, letter, start, bit = f"db{int(found[1])}", found[2].upper(), int(found[3]), found[4]
    else:
        found = _AREA.fullmatch(symbol)
        if found is None:
            return None
        space, letter, start, bit = _SPACES[found[1].upper()], found[2].upper(), int(found[3]), found[4]
    if (bit is not None) != (letter in ("X", "")):
        return None
    return Place(space, start, _SIZES[letter], None if bit is None else int(bit))


class ByteTags:
    """Tags by the bytes that they lie in. ``tags``: place and type of each."""

    def __init__(self, tags: Iterable[tuple[_T, Place, str | None]]) -> None:
        self._by_space: dict[str, list[tuple[Place, str | None, Any]]] = {}
        for tag, place, kind in tags:
            size = place.size if kind is None or place.bit is not None else _TYPES[kind][0]
            self._by_space.setdefault(place.space, []).append((place._replace(size=size), kind, tag))

    def written(self, fields: Mapping[str, Any]) -> list[tuple[Any, Any]]:
        """The tags that a write touches, each with its raw value; None where only a part of it is written."""
        if not self._by_space:
            return []
        out: list[tuple[Any, Any]] = []
        for space, start, bit, kind, value in _items(fields):
            data = _memory(kind, value)
            if data is None and bit is None:
                continue
            end = start + (1 if data is None else len(data))
            for place, own, tag in self._by_space.get(space, ()):
                if place.start >= end or place.start + place.size <= start:
                    continue
                if bit is not None:
                    if place.bit == bit and place.start == start:
                        out.append((tag, value))
                    elif place.bit is None:
                        out.append((tag, None))
                    continue
                assert data is not None
                same = own is None and place.bit is None and (place.start, place.size) == (start, len(data))
                inside = place.start >= start and place.start + place.size <= end
                piece = data[place.start - start :][: place.size] if inside else None
                out.append((tag, value if same and type(value) is not list else _value(place, own, piece)))
        return out


def _items(fields: Mapping[str, Any]) -> list[tuple[str, int, int | None, Any, Any]]:
    """Space, byte, bit, transport size and value of each variable of a write."""
    names = ("ot.address_space", "ot.address", "ot.bit", "ot.data_type", "ot.value")
    space, address, bit, kind, value = (fields.get(name) for name in names)
    if type(address) is int:
        return [(space, address, bit if kind == "bit" else None, kind, value)] if type(space) is str else []
    if type(address) is not list:
        return []
    columns = [_column(one, len(address)) for one in (space, address, bit, kind, value)]
    return [
        (one, at, two if three == "bit" else None, three, four)
        for one, at, two, three, four in zip(*columns, strict=True)
        if type(one) is str and type(at) is int
    ]


def _column(value: Any, count: int) -> Sequence[Any]:
    return value if type(value) is list and len(value) == count else [value] * count


def _memory(kind: Any, value: Any) -> bytes | None:
    """The bytes as they lie in the controller (big-endian); None where that is not known."""
    code = _CODES.get(kind) if type(kind) is str else None
    if code is None:
        return None
    values = value if type(value) is list else [value]
    try:
        return struct.pack(f">{len(values)}{code}", *values)[:_MOST]
    except (struct.error, OverflowError, TypeError):
        return None


def _value(place: Place, kind: str | None, piece: bytes | None) -> Any:
    if piece is None:
        return None
    if place.bit is not None:
        return piece[0] >> place.bit & 1
    code = _UNTYPED[place.size] if kind is None else _TYPES[kind][1]
    return struct.unpack(f">{code}", piece)[0]
