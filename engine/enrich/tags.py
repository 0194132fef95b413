"""The plant's own names for what its controllers hold: tag, unit, scale and range, from the asset list.

::

    assets:
      - name: plc-boiler
        addresses: [10.99.0.8]
        tags:
          - {name: Boiler pressure setpoint, address: 40001, type: float32, unit: bar, range: [0, 80]}
          - {name: Burner enable, address: coil 12, safety: true}
          - {name: Drum level, address: DB10.DBD4, unit: mm, read_only: true}
"""

import re
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from engine.enrich.byte_tags import ByteTags
from engine.enrich.byte_tags import place_of as byte_place
from engine.enrich.document import Item
from engine.model import Fields

SPACES: Final = {"0": "coil", "1": "discrete_input", "3": "input_register", "4": "holding_register"}
"""What the first digit of a Modicon reference says (MODBUS Application Protocol V1.1b3, 4.3 and the manuals before)."""

TYPES: Final = {
    "bool": (1, "?"), "uint16": (1, "H"), "int16": (1, "h"), "uint32": (2, "I"), "int32": (2, "i"), "float32": (2, "f"),
    "uint64": (4, "Q"), "int64": (4, "q"), "float64": (4, "d"),
}  # fmt: skip
"""Words of 16 bits that a value takes, and how they are read."""

_REFERENCE: Final = re.compile(r"[0134](?:\d{4}|\d{5})", re.ASCII)
_PLACE: Final = re.compile(r"([a-z][a-z0-9_]*)[ :](\d{1,9})", re.ASCII | re.IGNORECASE)
_MOST: Final = 64  # tags that one event names


class Tag(msgspec.Struct, frozen=True):
    """``space`` and ``address`` as in ``ot.address_space`` and ``ot.address``; or ``symbol``, as in ``ot.tag``.

    ``scale`` and ``offset`` make the raw value an engineering one: raw × scale + offset. ``low`` and ``high`` are of
    that, and both belong to the range.
    """

    name: str
    space: str = ""
    address: int = 0
    symbol: str = ""
    type: str | None = None
    words_swapped: bool = False
    unit_id: int | None = None
    unit: str | None = None
    scale: float = 1.0
    offset: float = 0.0
    low: float | None = None
    high: float | None = None
    read_only: bool = False
    safety: bool = False

    @property
    def words(self) -> int:
        return TYPES[self.type][0] if self.type is not None else 1


def read_tags(section: Item) -> tuple[Tag, ...]:
    """The tags of one asset; what is wrong with one becomes a problem of the file."""
    out: list[Tag] = []
    seen: dict[tuple[object, ...], Item] = {}
    for name, item in section.named():
        keys = item.mapping(
            "name",
            "address",
            "type",
            "word_order",
            "unit_id",
            "unit",
            "scale",
            "offset",
            "range",
            "read_only",
            "safety",
        )
        if name is None:
            name = keys["name"].text() if "name" in keys else None
            if name is None:
                item.wrong("a tag without a name", "add name:")
                continue
        place = _place(keys, item)
        if place is None:
            continue
        low, high = _range(keys)
        tag = Tag(
            name,
            *place,
            type=_word(keys, "type", TYPES),
            words_swapped=_word(keys, "word_order", ("high_first", "low_first")) == "low_first",
            unit_id=_whole(keys, "unit_id"),
            unit=keys["unit"].text() if "unit" in keys else None,
            scale=_number(keys, "scale", 1.0),
            offset=_number(keys, "offset", 0.0),
            low=low,
            high=high,
            read_only=bool(keys["read_only"].boolean()) if "read_only" in keys else False,
            safety=bool(keys["safety"].boolean()) if "safety" in keys else False,
        )
        key = (tag.unit_id, tag.space, tag.address, tag.symbol.casefold())
        if key in seen:
            item.wrong(f"the address of {name} is there twice", f"keep one; the other is in line {seen[key].line}")
        seen.setdefault(key, item)
        out.append(tag)
    return tuple(out)


def place_of(text: str) -> tuple[str, int, str]:
    """Address space, zero-based address, and symbol of an address as plants write it.

    >>> place_of("40001"), place_of("coil 12"), place_of("DB10.DBD4"), place_of("400001")
    (('holding_register', 0, ''), ('coil', 12, ''), ('', 0, 'DB10.DBD4'), ('holding_register', 0, ''))
    """
    if _REFERENCE.fullmatch(text) is not None and int(text[1:]) > 0:
        return SPACES[text[0]], int(text[1:]) - 1, ""
    found = _PLACE.fullmatch(text)
    if found is not None:
        return found[1].lower(), int(found[2]), ""
    return "", 0, text


def _place(keys: dict[str, Item], item: Item) -> tuple[str, int, str] | None:
    if "address" not in keys:
        item.wrong(
            "a tag without an address", "add address: 40001, coil 12, DB10.DBD4 or the tag's name in the controller"
        )
        return None
    text = keys["address"].text()
    if text is None:
        return None
    if text.isdecimal() and _REFERENCE.fullmatch(text) is None:
        keys["address"].wrong(
            f"the address {text!r} does not say of what",
            "write the reference with its first digit (40001), or the space and the zero-based address (coil 12)",
        )
        return None
    return place_of(text)


def _range(keys: dict[str, Item]) -> tuple[float | None, float | None]:
    if "range" not in keys:
        return None, None
    bounds = [one.number() for one in keys["range"].elements()]
    if len(bounds) != 2 or None in bounds:
        keys["range"].wrong("a range has two ends", "write range: [0, 80]")
        return None, None
    low, high = bounds
    assert low is not None
    assert high is not None
    if low > high:
        keys["range"].wrong(f"the range ends at {high:g} before it begins", f"write [{high:g}, {low:g}]")
    return low, high


def _word(keys: dict[str, Item], name: str, allowed: Iterable[str]) -> str | None:
    if name not in keys:
        return None
    text = keys[name].text()
    if text is not None and text not in allowed:
        keys[name].wrong(f"there is no {name} {text!r}", f"use one of {', '.join(allowed)}")
        return None
    return text


def _number(keys: dict[str, Item], name: str, default: float) -> float:
    number = keys[name].number() if name in keys else None
    return default if number is None else number


def _whole(keys: dict[str, Item], name: str) -> int | None:
    number = keys[name].number() if name in keys else None
    if number is None:
        return None
    if number != int(number) or not 0 <= number <= 255:
        keys[name].wrong(f"{number:g} is no unit", "write 0 to 255")
        return None
    return int(number)


class Tags:
    """The tags of one controller, found by what an event writes."""

    def __init__(self, tags: Sequence[Tag]) -> None:
        self._by_symbol = {tag.symbol.casefold(): tag for tag in tags if tag.symbol}
        self._by_byte = ByteTags(
            (tag, place, tag.type) for tag in tags if tag.symbol and (place := byte_place(tag.symbol)) is not None
        )
        self._by_place: dict[tuple[str, int], list[Tag]] = {}
        for tag in tags:
            if not tag.symbol:
                for word in range(tag.words):
                    self._by_place.setdefault((tag.space, tag.address + word), []).append(tag)

    def describe(self, fields: Fields, known: Callable[[str, int], Any]) -> None:
        """Names what is written, in place; ``known``: the last raw value at an address, None where there was none."""
        found = [(tag, _engineering(tag, raw)) for tag, raw in self._by_byte.written(fields)]
        symbol, value = fields.get("ot.tag"), fields.get("ot.value")
        if self._by_symbol and symbol is not None:
            symbols = symbol if type(symbol) is list else [symbol]
            values = value if type(value) is list and len(symbols) > 1 else [value]
            for place, one in enumerate(symbols[:_MOST]):
                tag = self._by_symbol.get(one.casefold()) if type(one) is str else None
                if tag is not None and all(tag is not other for other, _ in found):
                    found.append((tag, _engineering(tag, values[place] if place < len(values) else None)))
        space, address = fields.get("ot.address_space"), fields.get("ot.address")
        if self._by_place and type(space) is str and type(address) is int:
            raw = value if type(value) is list else [] if value is None else [value]
            found += self._placed(space, address, raw, fields, known)
        if found:
            _tell(fields, found[:_MOST])

    def _placed(
        self, space: str, address: int, raw: list[Any], fields: Fields, known: Callable[[str, int], Any]
    ) -> list[tuple[Tag, float | None]]:
        unit, count = fields.get("ot.unit_id"), fields.get("ot.count")
        reach = max(len(raw), count if type(count) is int else 1)
        out: dict[Tag, float | None] = {}
        for place in range(address, address + min(reach, 4096)):
            for tag in self._by_place.get((space, place), ()):
                if tag in out or (tag.unit_id is not None and tag.unit_id != unit):
                    continue
                words = []
                for at in range(tag.address, tag.address + tag.words):
                    inside = 0 <= at - address < len(raw)
                    words.append(raw[at - address] if inside else known(space, at))
                out[tag] = _engineering(tag, _joined(tag, words))
        return list(out.items())


def _joined(tag: Tag, words: list[Any]) -> Any:
    """The raw value of all its words; of one that was never seen the low half counts as zero, the high half as unknown.

    >>> _joined(Tag("t", type="float32"), [0x42C8, None]), _joined(Tag("t", type="int16"), [0xFFFF])
    (100.0, -1)
    """
    if tag.type is None or (len(words) == 1 and type(words[0]) is not int):
        return words[0]
    if tag.words_swapped:
        words = [*reversed(words)]
    if words[0] is None:
        return None
    words = [0 if word is None else word for word in words]
    if not all(type(word) is int and 0 <= word <= 0xFFFF for word in words):
        return words[0] if len(words) == 1 else None
    if tag.type == "bool":
        return words[0]
    return struct.unpack(f">{TYPES[tag.type][1]}", struct.pack(f">{len(words)}H", *words))[0]


def _engineering(tag: Tag, raw: Any) -> float | None:
    if type(raw) not in (int, float) or raw != raw or raw in (float("inf"), float("-inf")):
        return None
    value = raw * tag.scale + tag.offset
    return int(value) if value == int(value) and abs(value) < 1e15 else float(f"{value:.9g}")


def _tell(fields: Fields, found: list[tuple[Tag, float | None]]) -> None:
    tags = [tag for tag, _ in found]
    symbol = fields.get("ot.tag")
    if symbol is not None:
        fields["ot.symbol"] = symbol
    fields["ot.tag"] = _one_or_list([tag.name for tag in tags])
    values = [value for _, value in found if value is not None]
    if len(values) == len(found):
        fields["ot.engineering.value"] = _one_or_list(values)
    units = [tag.unit for tag in tags]
    if any(units):
        fields["ot.engineering.unit"] = _one_or_list([unit or "" for unit in units])
    fields["ot.engineering.range"] = _one_or_list([_shown_range(tag) for tag in tags])
    if not any(tag.low is not None for tag in tags):
        del fields["ot.engineering.range"]
    if any(_is_outside(tag, value) for tag, value in found):
        fields["ot.engineering.outside_range"] = True
    if any(tag.read_only for tag in tags):
        fields["ot.engineering.read_only"] = True
    if any(tag.safety for tag in tags):
        fields["ot.engineering.safety"] = True
    told = "; ".join(_words(tag, value) for tag, value in found)
    fields["ot.engineering.summary"] = told
    fields["message"] = f"{told}; {fields['message']}" if "message" in fields else told


def _is_outside(tag: Tag, value: float | None) -> bool:
    return value is not None and tag.low is not None and tag.high is not None and not tag.low <= value <= tag.high


def _words(tag: Tag, value: float | None) -> str:
    """
    >>> _words(Tag("Boiler pressure setpoint", unit="bar", low=0, high=80), 100)
    'Boiler pressure setpoint = 100 bar (range 0–80)'
    """
    text = tag.name
    if value is not None:
        text += f" = {value:g}" if isinstance(value, float) else f" = {value}"
        if tag.unit is not None:
            text += f" {tag.unit}"
    limits = _shown_range(tag)
    return f"{text} (range {limits})" if limits else text


def _shown_range(tag: Tag) -> str:
    return "" if tag.low is None or tag.high is None else f"{tag.low:g}–{tag.high:g}"


def _one_or_list(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values
