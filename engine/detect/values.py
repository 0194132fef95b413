"""What a rule's tests see of one field of one event."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

SCANNED: Final = 65_536
"""Characters of one field that are scanned; what is longer is cut, and the event is marked ``tieline.truncated``."""

OBJECT: Final = b"{"  # how a record begins that is a JSON object

_ELEMENTS: Final = 4_096  # of one list: 10,000 elements against a rule of 50 values would cost 25 ms
_DEPTH: Final = 8  # lists in lists, objects in objects
_DIGITS: Final = 14_000  # bits; beyond them str(int) raises (sys.int_info.default_max_str_digits)


class Missing:
    """The field is not there; JSON's null is."""


MISSING: Final = Missing()


class Values:
    """A field's value, ready for tests: ``texts`` as written, ``folded`` without case, ``items`` as they were.

    A list is its elements. ``null``: it is null or has a null element; a field that is absent is not null (so say
    Sigma's other engines, and trap 21). ``cut``: there is more.
    """

    __slots__ = ("cut", "folded", "items", "null", "present", "texts")

    def __init__(self, value: Any) -> None:
        self.texts: list[str] = []
        self.items: list[Any] = []
        self.present = value is not MISSING
        self.null = False
        self.cut = False
        if type(value) is str:
            self.cut = len(value) > SCANNED
            text = value[:SCANNED]
            self.texts.append(text)
            self.items.append(text)
            self.folded = [folded(text)]
            return
        room = SCANNED
        for item in _elements(value, self):
            for text in texts(item):
                if len(text) > room:
                    text = text[:room]
                    self.cut = True
                room -= len(text)
                self.texts.append(text)
                self.items.append(item)
            if room <= 0 or len(self.texts) >= _ELEMENTS:
                self.cut = self.cut or item is not _last(value)
                break
        self.folded = [folded(text) for text in self.texts]


def folded(text: str) -> str:
    """``str.casefold``, four times as fast for what most text is."""
    return text.lower() if text.isascii() else text.casefold()


def _last(value: Any) -> Any:
    while isinstance(value, list | tuple) and value:
        value = value[-1]
    return value


def _elements(value: Any, values: Values, depth: int = 0) -> Iterable[Any]:
    if value is None or (type(value) is float and (value != value or value in (float("inf"), float("-inf")))):
        values.null = True  # JSON has no NaN: it is null by the time an event is sent
    elif isinstance(value, list | tuple | set | frozenset):
        if depth < _DEPTH:
            for element in value:
                yield from _elements(element, values, depth + 1)
        else:
            values.cut = True
    elif value is not MISSING and not isinstance(value, Mapping):
        yield value


def texts(item: Any) -> tuple[str, ...]:
    """The string forms under which a value is compared.

    >>> texts(4625), texts(True), texts(2.0), texts(0.5)
    (('4625',), ('true',), ('2.0', '2'), ('0.5',))
    """
    kind = type(item)
    if kind is str:
        return (item,)
    if kind is bool:
        return ("true",) if item else ("false",)
    if kind is int:
        return (str(item) if item.bit_length() < _DIGITS else hex(item),)
    if kind is float:
        return (repr(item), str(int(item))) if item.is_integer() and abs(item) < 1e15 else (repr(item),)
    if isinstance(item, bytes | bytearray | memoryview):
        return (bytes(item).decode("utf-8", "backslashreplace"),)
    return (str(item),)


def lookup(fields: Mapping[str, Any], name: str) -> Any:
    """The field by its flat name, else by its path through objects (and lists of them); ``MISSING`` when there is none.

    >>> lookup({"source.ip": "192.0.2.1"}, "source.ip"), lookup({"source": {"ip": "192.0.2.1"}}, "source.ip")
    ('192.0.2.1', '192.0.2.1')
    """
    value = fields.get(name, MISSING)
    if value is MISSING and "." in name:
        return _path(fields, name, 0)
    return value


def _path(fields: Mapping[str, Any], name: str, depth: int) -> Any:
    dot = name.find(".")
    while dot > 0:
        inner = fields.get(name[:dot], MISSING)
        if inner is not MISSING:
            found = _inside(inner, name[dot + 1 :], depth)
            if found is not MISSING:
                return found
        dot = name.find(".", dot + 1)
    return MISSING


def _inside(value: Any, path: str, depth: int) -> Any:
    if depth >= _DEPTH:
        return MISSING
    if isinstance(value, Mapping):
        found = value.get(path, MISSING)
        return _path(value, path, depth + 1) if found is MISSING else found
    if isinstance(value, list | tuple):
        found = [one for one in (_inside(element, path, depth + 1) for element in value) if one is not MISSING]
        return found or MISSING
    return MISSING


def prefixes(names: Iterable[str]) -> frozenset[str]:
    """The keys under which an object would have to be for one of the dotted names to be found by its path."""
    return frozenset(
        ".".join(parts[:count]) for parts in (name.split(".") for name in names) for count in range(1, len(parts))
    )


def everything(fields: Mapping[str, Any], original: bytes) -> Values:
    """Where keywords are searched: every value, and the original record unless it is a JSON object, which is its values
    (their names and quotes are no text of the log)."""
    out = Values(MISSING)
    out.present = True
    room = 4 * SCANNED  # of all fields together: 5,000 long ones must not hold the stream up
    pending: list[tuple[Any, int]] = [(value, 0) for value in reversed(list(fields.values()))]
    if original[:1] != OBJECT:
        pending.append((original[: SCANNED + 1].decode("utf-8", "backslashreplace"), 0))
    while pending and room > 0:
        value, depth = pending.pop()
        if isinstance(value, Mapping):
            if depth < _DEPTH:
                pending.extend((inner, depth + 1) for inner in value.values())
            continue
        if isinstance(value, list | tuple) and any(isinstance(inner, Mapping | list | tuple) for inner in value):
            if depth < _DEPTH:
                pending.extend((inner, depth + 1) for inner in value)
            continue
        values = Values(value)
        out.texts.extend(values.texts)
        out.items.extend(values.items)
        out.folded.extend(values.folded)
        out.cut = out.cut or values.cut
        room -= sum(map(len, values.texts))
    out.cut = out.cut or room <= 0
    return out
