"""Field values as correlations compare them."""

import hashlib
import itertools
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from math import isfinite
from typing import Any, TypeAlias

import msgspec

from engine.correlate.items import Key
from engine.model import Event
from engine.model.fields import other_names

Spelling: TypeAlias = tuple[str, ...]
Number: TypeAlias = int | Fraction

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")

FAN_OUT = 16
"""A list counts with its first 16 different values."""
_COMBINATIONS = 256
_LONGEST = 1024
_LONGEST_NUMBER = 64


def groups(fields: Mapping[str, Any], names: Sequence[str]) -> Sequence[tuple[Key, Spelling]]:
    """The groups that an event belongs to, each with the event's own spelling; none where a key is absent or null.

    >>> groups({"user.name": "Ann", "source.ip": ["::ffff:192.0.2.7", "2001:DB8:0::1"]}, ["user.name", "source.ip"])
    [(('ann', '192.0.2.7'), ('Ann', '::ffff:192.0.2.7')), (('ann', '2001:db8::1'), ('Ann', '2001:DB8:0::1'))]
    """
    if len(names) == 1:
        value = fields.get(names[0])
        if type(value) is str and len(value) <= _LONGEST:
            return (((canonical_text(value),), (value,)),)
    columns = []
    for name in names:
        column = _values(fields.get(name))
        if not column:
            return ()
        columns.append(column)
    if all(len(column) == 1 for column in columns):
        return ((tuple(column[0][0] for column in columns), tuple(column[0][1] for column in columns)),)
    found = itertools.islice(itertools.product(*columns), _COMBINATIONS)
    return [(tuple(pair[0] for pair in row), tuple(pair[1] for pair in row)) for row in found]


def groups_of(event: Event, names: Sequence[str]) -> Sequence[tuple[Key, Spelling]]:
    """``groups`` of an event, which may have a field under its other name: Sigma's, or that of ECS.

    >>> from engine.model import LogSource
    >>> event = Event({"source.ip": "192.0.2.7"}, 0, "1", LogSource(category="firewall"))
    >>> groups_of(event, ["src_ip"])
    ((('192.0.2.7',), ('192.0.2.7',)),)
    """
    return groups(event.fields, names) or otherwise_named(event, names)


def otherwise_named(event: Event, names: Sequence[str]) -> Sequence[tuple[Key, Spelling]]:
    """The groups where a name is not in the event, and another for the same field is."""
    others, fields = other_names(event.logsource), event.fields
    if not others:
        return ()
    found = [_name_in(fields, name, others) for name in names]
    return groups(fields, found) if found != list(names) else ()


def value_of(event: Event, name: str) -> Any:
    """A field's value, under its other name where it has that."""
    fields = event.fields
    return fields[name] if name in fields else fields.get(_name_in(fields, name, other_names(event.logsource)))


def _name_in(fields: Mapping[str, Any], name: str, others: Mapping[str, tuple[str, ...]]) -> str:
    """A field that is there with the value null is there."""
    if name not in fields:
        for other in others.get(name, ()):
            if other in fields:
                return other
    return name


def numbers(value: Any) -> Sequence[Number]:
    """The numbers in a field; text that is a number counts as one, and everything else is left out.

    >>> numbers(["12.5", 3, "three", True, None])
    [Fraction(25, 2), 3]
    """
    if isinstance(value, list | tuple):
        return [number for element in value[:FAN_OUT] if (number := _number(element)) is not None]
    number = _number(value)
    return () if number is None else (number,)


def canonical_text(text: str) -> str:
    """Case-folded; an address in its one form.

    >>> canonical_text("STRASSE") == canonical_text("straße"), canonical_text("2001:DB8:0:0::1")
    (True, '2001:db8::1')
    """
    if ":" in text or text.count(".") == 3:
        return _canonical_address(text)
    return text.casefold()


@lru_cache(maxsize=65_536)
def _canonical_address(text: str) -> str:
    if _IPV4.fullmatch(text) is not None:
        return text
    try:
        address = ip_address(text.strip())
    except ValueError:
        return text.casefold()
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)


def _values(value: Any) -> Sequence[tuple[str, str]]:
    """(canonical, spelling) of each value."""
    if value is None:
        return ()
    if isinstance(value, list | tuple):
        found: dict[str, str] = {}
        for element in value:
            if element is not None:
                text = _text(element)
                found.setdefault(canonical_text(text), text)
                if len(found) == FAN_OUT:
                    break
        return list(found.items())
    text = _text(value)
    return ((canonical_text(text), text),)


def _text(value: Any) -> str:
    if isinstance(value, str):
        text = value
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        text = str(int(value))
    elif isinstance(value, int | float):
        text = str(value)
    else:
        text = msgspec.json.encode(value, order="sorted").decode()
    if len(text) <= _LONGEST:
        return text
    # A key is kept with every group and shown in the alert; the digest keeps two long values apart.
    digest = hashlib.blake2b(text.casefold().encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return f"{text[:_LONGEST]}… {digest}"


def _number(value: Any) -> Number | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return exact(value) if isfinite(value) else None
    if not isinstance(value, str) or len(value) > _LONGEST_NUMBER or "_" in value:
        return None
    try:
        return int(value)
    except ValueError:
        pass
    try:
        number = float(value)
    except ValueError:
        return None
    return exact(number) if isfinite(number) else None


def exact(number: float) -> Number:
    """The decimal number as it is written: three times 0.1 is 0.3.

    >>> 3 * exact(0.1) == exact(0.3), exact(5.0)
    (True, 5)
    """
    return int(number) if number == int(number) else Fraction(repr(float(number)))
