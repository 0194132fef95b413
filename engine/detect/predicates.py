"""One predicate of a rule as a function of a field's values."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Final, Protocol, TypeAlias

import re2
import regex

from engine.detect.values import Values
from engine.detect.wildcards import anywhere, compiled
from engine.model.times import from_iso, from_number
from engine.ruleset.condition import Cidr, Compare, Exists, FieldRef, Null, Predicate, Regex, Text, TimePart

Check: TypeAlias = Callable[[Values], bool]
CheckTwo: TypeAlias = Callable[[Values, Values], bool]

BACKTRACKED: Final = 4_096
"""Characters that an expression may see which RE2 refuses (look-around, back-references): what takes it backtracks."""

PATIENCE_S: Final = 0.01
"""For one such search; one that takes longer has found nothing, and the event is marked ``tieline.truncated``."""

COMPARED: Final = 256
"""Elements of a list that are looked for in each element of another: 4,000 in 4,000 would take seconds."""

_NUMBER = re.compile(r"\s*[+-]?(?:\d{1,64}(?:\.\d{0,64})?|\.\d{1,64})(?:[eE][+-]?\d{1,3})?\s*", re.ASCII)
_WHOLE = re.compile(r"\s*[+-]?\d{1,64}\s*", re.ASCII)
_OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "lt": lt,
    "lte": le,
    "gt": gt,
    "gte": ge,
    "eq": eq,
    "neq": ne,
}


class Searches(Protocol):
    def __call__(self, text: str, /) -> bool: ...


def check(predicate: Predicate, zone: tzinfo | None = None, keyword: bool = False) -> Check:
    """The test of one field. A list holds when one element does; a keyword's text is looked for anywhere in a value."""
    match predicate:
        case Text():
            return _text(anywhere(predicate) if keyword else predicate)
        case Regex():
            return _regex(predicate)
        case Cidr():
            return _cidr(predicate.network)
        case Compare():
            return _compare(predicate)
        case Exists():
            wanted = predicate.wanted
            return lambda values: values.present is wanted
        case Null():
            return lambda values: values.null
        case TimePart():
            return _timepart(predicate, zone)
        case FieldRef():
            raise TypeError("a field reference compares two fields: use check_two")


def check_two(predicate: FieldRef) -> CheckTwo:
    """The field's values against those of the field referred to; an absent field or a null equals nothing."""
    cased, how = predicate.cased, predicate.how
    if how == "equals":
        return lambda values, other: (
            not set(values.texts if cased else values.folded).isdisjoint(other.texts if cased else other.folded)
        )
    compare = {"contains": str.__contains__, "startswith": str.startswith, "endswith": str.endswith}[how]

    def holds(values: Values, other: Values) -> bool:
        texts, wanted = (values.texts, other.texts) if cased else (values.folded, other.folded)
        if len(texts) > COMPARED or len(wanted) > COMPARED:
            values.cut = True
            texts, wanted = texts[:COMPARED], wanted[:COMPARED]
        return any(compare(text, one) for text in texts for one in wanted)

    return holds


def _text(text: Text) -> Check:
    matches = compiled(text)
    if text.cased:
        return lambda values: any(map(matches, values.texts))

    return lambda values: any(map(matches, values.folded))


def _regex(pattern: Regex) -> Check:
    try:
        search = linear(pattern)
    except re2.error:
        return _backtracking(pattern)

    return lambda values: any(map(search, values.texts))


def linear(pattern: Regex) -> Searches:
    """The search by RE2 (linear time); raises ``re2.error`` for what it refuses."""
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    flags = "".join(flag for flag in "ims" if flag in pattern.flags)
    program = re2.compile(  # type: ignore[no-untyped-call]
        f"(?{flags}){pattern.pattern}" if flags else pattern.pattern, options
    )

    def search(text: str, /) -> bool:
        # as bytes: the wrapper would count characters before and behind a match; a lone surrogate is JSON's \ud800
        return program.search(text.encode("utf-8", "replace")) is not None

    return search


def _backtracking(pattern: Regex) -> Check:
    flags = 0
    for letter, flag in (("i", regex.IGNORECASE), ("m", regex.MULTILINE), ("s", regex.DOTALL)):
        if letter in pattern.flags:
            flags |= flag
    search = regex.compile(pattern.pattern, flags).search

    def holds(values: Values) -> bool:
        for text in values.texts:
            if len(text) > BACKTRACKED:
                values.cut = True
            try:
                if search(text, 0, BACKTRACKED, timeout=PATIENCE_S) is not None:
                    return True
            except TimeoutError:
                values.cut = True
                return False
        return False

    return holds


def _cidr(network: IPv4Network | IPv6Network) -> Check:
    if isinstance(network, IPv6Network):
        mapped = network.network_address.ipv4_mapped
        narrow = (
            IPv4Network((mapped, network.prefixlen - 96)) if mapped is not None and network.prefixlen >= 96 else None
        )
    else:
        narrow = network

    def inside(text: str) -> bool:
        address = as_address(text)
        if address is None:
            return False
        if address in network:
            return True
        if narrow is None:
            return False
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else address
        return mapped is not None and mapped in narrow

    return lambda values: any(map(inside, values.texts))


@lru_cache(4_096)
def as_address(text: str) -> IPv4Address | IPv6Address | None:
    if not 2 <= len(text) <= 64:
        return None
    try:
        return ip_address(text)
    except ValueError:
        return None


def as_number(item: Any) -> int | float | None:
    """
    >>> as_number("12"), as_number("1.5e3"), as_number("0x10"), as_number(True)
    (12, 1500.0, None, None)
    """
    kind = type(item)
    if kind is int or kind is float:
        number: int | float = item
        return number
    if kind is str and len(item) <= 160 and _NUMBER.fullmatch(item) is not None:
        return int(item) if _WHOLE.fullmatch(item) is not None else float(item)
    return None


def _compare(predicate: Compare) -> Check:
    operator, bound = _OPERATORS[predicate.op], predicate.number

    def holds(values: Values) -> bool:
        for item in values.items:
            number = as_number(item)
            if number is not None and operator(number, bound):
                return True
        return False

    return holds


def _timepart(predicate: TimePart, zone: tzinfo | None) -> Check:
    operator, wanted, part = _OPERATORS[predicate.op], predicate.number, predicate.part

    def holds(values: Values) -> bool:
        for item in values.items:
            when = as_datetime(item, zone)
            if when is not None and operator(_part(when, part), wanted):
                return True
        return False

    return holds


def as_datetime(item: Any, zone: tzinfo | None) -> datetime | None:
    """A timestamp (RFC 3339 text, or a Unix time in any unit) as wall time in the rule's zone (default UTC)."""
    ns: int | None = None
    if isinstance(item, str):
        number = as_number(item) if len(item) > 4 else None
        ns = from_iso(item[:64], zone) if number is None else from_number(number)
    elif type(item) in (int, float):
        ns = from_number(item)
    if ns is None:
        return None
    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ns // 1_000)).astimezone(zone or UTC)
    except (OverflowError, ValueError):
        return None


def _part(when: datetime, part: str) -> int:
    if part == "week":
        return when.isocalendar().week
    value: int = getattr(when, part)
    return value
