"""OPC UA Binary: built-in types (OPC 10000-6, clause 5.2)."""

from struct import Struct
from typing import Any

_MOST_ELEMENTS = 1_024
_MOST_TEXT = 4_096
_MOST_DIMENSIONS = 64
_MOST_IN_ALL = 4_096  # elements of arrays in one message: arrays hold arrays, and nulls take no bytes
_DEEPEST = 8

_NUMBERS = {
    "?": Struct("<B"), "b": Struct("<b"), "B": Struct("<B"), "h": Struct("<h"), "H": Struct("<H"), "i": Struct("<i"),
    "I": Struct("<I"), "q": Struct("<q"), "Q": Struct("<Q"), "f": Struct("<f"), "d": Struct("<d"),
}  # fmt: skip
# Built-in type id of a Variant: how its number is read.
_BY_TYPE = {1: "?", 2: "b", 3: "B", 4: "h", 5: "H", 6: "i", 7: "I", 8: "q", 9: "Q", 10: "f", 11: "d", 19: "I"}
_TICKS_TO_1970 = 116_444_736_000_000_000  # 100 ns since 1601


class Cut(Exception):
    """The bytes end before the value does, or are no such value."""


class Reader:
    """Reads one value after the other; ``Cut`` where there is none."""

    __slots__ = ("_at", "_data", "_left")

    def __init__(self, data: bytes, at: int = 0) -> None:
        self._data = data
        self._at = at
        self._left = _MOST_IN_ALL

    @property
    def position(self) -> int:
        return self._at

    def skip(self, size: int) -> None:
        self.take(size)

    def take(self, size: int) -> bytes:
        at = self._at
        if size < 0 or at + size > len(self._data):
            raise Cut
        self._at = at + size
        return self._data[at : at + size]

    def number(self, code: str) -> Any:
        form = _NUMBERS[code]
        return form.unpack(self.take(form.size))[0]

    def raw(self) -> bytes:
        """A ByteString; null is empty."""
        length = self.number("i")
        return b"" if length <= 0 else self.take(length)

    def text(self) -> str:
        return self.raw()[:_MOST_TEXT].decode("utf-8", "backslashreplace")

    def count(self) -> int:
        """The length of an array; null is empty."""
        length: int = self.number("i")
        if length > len(self._data) - self._at:
            raise Cut
        return max(length, 0)

    def node(self) -> str:
        """A NodeId in the notation of clause 5.3.1.10, "ns=2;s=Boiler.Setpoint"."""
        kind = self.number("B")
        form = kind & 0x3F
        if form == 0:
            return f"i={self.number('B')}"
        if form == 1:
            space, number = self.number("B"), self.number("H")
            text = f"i={number}"
        elif form == 2:
            space, number = self.number("H"), self.number("I")
            text = f"i={number}"
        elif form == 3:
            space, text = self.number("H"), f"s={self.text()}"
        elif form == 4:
            space, text = self.number("H"), f"g={_guid(self.take(16))}"
        elif form == 5:
            space, text = self.number("H"), f"b={self.raw()[:_MOST_TEXT].hex()}"
        else:
            raise Cut
        if kind & 0x80:
            self.text()
        if kind & 0x40:
            self.number("I")
        return f"ns={space};{text}" if space else text

    def extension(self) -> tuple[str, bytes]:
        """An ExtensionObject: the NodeId of its encoding, and its body."""
        kind, encoding = self.node(), self.number("B")
        return kind, self.raw() if encoding else b""

    def localized(self) -> str:
        mask = self.number("B")
        if mask & 1:
            self.text()
        return self.text() if mask & 2 else ""

    def qualified(self) -> str:
        space = self.number("H")
        name = self.text()
        return f"{space}:{name}" if space else name

    def variant(self, depth: int = 0) -> Any:
        """Numbers, texts, lists of them; None for null."""
        if depth > _DEEPEST:
            raise Cut
        kind = self.number("B")
        form = kind & 0x3F
        if not kind & 0x80:
            return self._scalar(form, depth)
        values = self._array(form, self.count(), depth)
        if kind & 0x40:
            for _ in range(min(self.count(), _MOST_DIMENSIONS)):
                self.number("i")
        return values

    def _array(self, form: int, count: int, depth: int) -> list[Any]:
        """The first elements of an array; the others are read over."""
        shown = min(count, _MOST_ELEMENTS)
        self._left -= shown
        if self._left < 0:
            raise Cut
        code = _BY_TYPE.get(form)
        if code is not None:
            raw = self.take(_NUMBERS[code].size * count)
            return list(Struct(f"<{shown}{'B' if code == '?' else code}").unpack_from(raw))
        if count > shown:
            raise Cut
        return [self._scalar(form, depth) for _ in range(shown)]

    def _scalar(self, form: int, depth: int) -> Any:
        code = _BY_TYPE.get(form)
        if code is not None:
            return self.number(code)
        match form:
            case 0:
                return None
            case 12 | 16:
                return self.text()
            case 13:
                return _date(self.number("q"))
            case 14:
                return _guid(self.take(16))
            case 15:
                return self.raw()[:_MOST_TEXT].hex()
            case 17 | 18:
                return self.node()
            case 20:
                return self.qualified()
            case 21:
                return self.localized()
            case 22:
                kind, body = self.extension()
                return f"{kind} {body[:_MOST_TEXT].hex()}"
            case 23:
                return self.value(depth + 1)
            case 24:
                return self.variant(depth + 1)
        raise Cut

    def value(self, depth: int = 0) -> Any:
        """The value of a DataValue; None where it has none."""
        mask = self.number("B")
        found = self.variant(depth) if mask & 0x01 else None
        for bit, size in ((0x02, 4), (0x04, 8), (0x10, 2), (0x08, 8), (0x20, 2)):
            if mask & bit:
                self.take(size)
        return found

    def diagnostic(self, depth: int = 0) -> None:
        """A DiagnosticInfo, read over."""
        if depth > _DEEPEST:
            raise Cut
        mask = self.number("B")
        for bit in (0x01, 0x02, 0x08, 0x04):  # symbolic id, namespace, locale, localized text: an index each
            if mask & bit:
                self.number("i")
        if mask & 0x10:
            self.text()
        if mask & 0x20:
            self.number("I")
        if mask & 0x40:
            self.diagnostic(depth + 1)


def _guid(raw: bytes) -> str:
    return "-".join((raw[3::-1].hex(), raw[5:3:-1].hex(), raw[7:5:-1].hex(), raw[8:10].hex(), raw[10:16].hex()))


def _date(ticks: int) -> int:
    """Milliseconds since 1970."""
    return (ticks - _TICKS_TO_1970) // 10_000
