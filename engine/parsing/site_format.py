"""A site's own format at work: its patterns as RE2 (linear time, whatever is sent), its map to ECS."""

import re
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from typing import Any

import re2

from engine.model import Fields, Frame, LogFormat, ParseError, ecs
from engine.model.site_format import Lookup, Pattern, SiteFormat
from engine.model.time_patterns import reader
from engine.model.times import rfc3339

_LONGEST = 65_536  # characters of a record that are looked at
_REFERENCE = re.compile(r"\{([A-Za-z_]\w{0,63})\}")
_TRUE, _FALSE = frozenset(("true", "yes", "on", "1")), frozenset(("false", "no", "off", "0"))
_RELATED = {
    "source.ip": "related.ip", "destination.ip": "related.ip", "client.ip": "related.ip", "server.ip": "related.ip",
    "source.nat.ip": "related.ip", "destination.nat.ip": "related.ip", "host.ip": "related.ip",
    "observer.ip": "related.ip", "user.name": "related.user", "user.target.name": "related.user",
    "user.effective.name": "related.user", "source.user.name": "related.user", "destination.user.name": "related.user",
    "host.name": "related.hosts", "host.hostname": "related.hosts", "observer.name": "related.hosts",
    "observer.hostname": "related.hosts", "source.domain": "related.hosts", "destination.domain": "related.hosts",
}  # fmt: skip

Given = Callable[[str, Frame], Any]
Maker = Callable[[dict[str, Any], Frame], Any]


def log_format(site: SiteFormat) -> LogFormat:
    """The format as the engine uses it."""
    readers = [_Pattern(pattern, {**site.fields, **pattern.fields}) for pattern in site.patterns]

    def parse(frame: Frame) -> Fields:
        text = frame.text if frame.opened is not None else frame.payload.decode("utf-8", "backslashreplace")
        for one in readers:
            fields = one.read(text[:_LONGEST], frame)
            if fields is not None:
                if frame.opened is None and "message" not in fields:
                    fields["message"] = text
                return fields
        raise ParseError(f"{site.id}: none of its {len(readers)} patterns fits this record")

    words = [word.encode() for word in site.contains]
    starts = None if site.starts_record is None else _compiled(site.starts_record)
    return LogFormat(
        id=site.id,
        vendor=site.vendor,
        product=site.product,
        logsource=site.logsource,
        spec=site.spec,
        parse=parse,
        inside=site.inside,
        programs=site.programs,
        fingerprint=(lambda head: all(word in head for word in words)) if words else None,
        starts_record=None if starts is None else (lambda line: starts.search(line) is not None),
    )


class _Pattern:
    def __init__(self, pattern: Pattern, fields: dict[str, Any]) -> None:
        self._match = _compiled(pattern.expression).search
        self._givens = {name: _given(kind, argument) for name, (kind, argument) in pattern.places.items()}
        self._makers = [(name, _maker(name, said)) for name, said in fields.items()]

    def read(self, text: str, frame: Frame) -> Fields | None:
        found = self._match(text)
        if found is None:
            return None
        places: dict[str, Any] = {}
        for name, written in found.groupdict().items():
            if written is None:
                continue
            value = self._givens[name](written, frame)
            if value is None:
                return None  # a place that is not of its type: another pattern's record
            places[name] = value
        fields: Fields = {}
        for name, make in self._makers:
            value = make(places, frame)
            if value is not None and value != "":
                fields[name] = value
        _relate(fields, frame)
        return fields


def _given(kind: str, argument: str) -> Given:
    """How the text of a place is read; None: it is not of the type."""
    if kind == "time":
        read = reader(argument)
        return lambda text, frame: read(text, frame.received, frame.zone)
    simple: dict[str, Callable[[str], Any]] = {
        "ip": _ip,
        "port": lambda text: int(text) if text.isascii() and text.isdigit() and int(text) < 65_536 else None,
        "int": lambda text: int(text) if text.removeprefix("-").isdigit() and len(text) < 20 else None,
        "hex": _hex,
        "float": _float,
        "bool": lambda text: True if text.lower() in _TRUE else False if text.lower() in _FALSE else None,
        "mac": _mac,
        "quoted": lambda text: text[1:-1],
    }
    convert = simple.get(kind)
    return (lambda text, frame: text) if convert is None else (lambda text, frame: convert(text))


def _maker(name: str, said: Any) -> Maker:
    many = ecs.is_list(name)
    if isinstance(said, Lookup):
        makers = {str(word): _maker(name, value) for word, value in said.map.items()}
        otherwise = None if said.default is None else _maker(name, said.default)
        place = said.place

        def look(places: dict[str, Any], frame: Frame) -> Any:
            make = makers.get(str(places.get(place)), otherwise)
            return None if make is None else make(places, frame)

        return look
    if isinstance(said, list):
        inner = [_maker("", one) for one in said]
        return lambda places, frame: [value for make in inner if (value := make(places, frame)) is not None]
    if isinstance(said, str) and _REFERENCE.search(said) is not None:
        return _referring(name, said, many)
    return (lambda places, frame: [said]) if many else (lambda places, frame: said)


def _referring(name: str, said: str, many: bool) -> Maker:
    pieces = _REFERENCE.split(said)  # text, place, text, place, …
    if len(pieces) == 3 and not pieces[0] and not pieces[2]:
        place, date, keyword = pieces[1], ecs.TYPES.get(name) == "date", ecs.TYPES.get(name) == "keyword"

        def whole(places: dict[str, Any], frame: Frame) -> Any:
            value = places.get(place)
            if value is None:
                return None
            if date and name != "@timestamp":
                value = rfc3339(value)
            elif keyword and type(value) is not str:
                value = str(value)
            return [value] if many else value

        return whole

    def text(places: dict[str, Any], frame: Frame) -> Any:
        out = [piece if at % 2 == 0 else str(places.get(piece, "")) for at, piece in enumerate(pieces)]
        return ["".join(out)] if many else "".join(out)

    return text


def _relate(fields: Fields, frame: Frame) -> None:
    outer = frame.opened.fields if frame.opened is not None else {}
    for name, list_name in _RELATED.items():
        value = fields.get(name)
        if value is None:
            continue
        known = fields.get(list_name)
        if known is None:
            known = fields[list_name] = list(outer.get(list_name, ()))
        known += [one for one in (value if isinstance(value, list) else [value]) if one not in known]


def _ip(text: str) -> str | None:
    try:
        address = ip_address(text.strip("[]").split("%", 1)[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)


def _hex(text: str) -> int | None:
    try:
        return int(text, 16)
    except ValueError:
        return None


def _float(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < 2.0**63 else None


def _mac(text: str) -> str | None:
    digits = text.translate({ord(mark): None for mark in ":-."}).upper()
    if len(digits) != 12 or not set(digits) <= set("0123456789ABCDEF"):
        return None
    return "-".join(digits[at : at + 2] for at in range(0, 12, 2))


def _compiled(expression: str) -> Any:
    options = re2.Options()
    options.max_mem = 8 << 20
    options.log_errors = False
    return re2.compile(expression, options)  # type: ignore[no-untyped-call]
