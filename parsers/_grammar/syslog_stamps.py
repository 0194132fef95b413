"""The times of syslog headers, in every form that devices write."""

import re
from datetime import tzinfo
from typing import NamedTuple

from engine.model.times import from_number
from parsers._grammar import clock

_BSD = re.compile(
    r"[*.]?((?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +)?(?:(\d{4}) +)?"
    r"((?i:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)) +(\d{1,2})(?:,? +(\d{4}))?,? +"
    r"(\d{1,2}:\d\d:\d\d(?:[.,]\d{1,9})?)( ?[AaPp][Mm](?![\w.\-]))?"
)
_DAY_FIRST = re.compile(
    r"(\d{1,2})[ \-/](Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[ \-/](\d{4})[ :](\d\d:\d\d:\d\d(?:[.,]\d{1,9})?)"
)
_ISO = re.compile(r"[*.]?(\d{4})([-/])(\d\d)\2(\d\d)([Tt ])(\d\d:\d\d:\d\d)([.,]\d{1,12})?")
_BASIC = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)([.,]\d{1,9})?")
_EPOCH = re.compile(r"([12]\d{9}(?:\.\d{1,9}|\d{3}|\d{6}|\d{9})?)(?=[ \]])")
_AFTER = re.compile(r" ?(?:([12]\d{3})|([+-]\d\d:?\d\d|[+-]\d\d|Z)|(?<= )([A-Z]{2,5}))(?= |\]|:(?: |$)|$)")
_NEAR_NS = 10 * 366 * 86_400 * 1_000_000_000


class Stamp(NamedTuple):
    """A time, where it ends, and how far it speaks for a syslog header."""

    when: int
    end: int
    own_form: bool
    """BSD's form without the day of the week: no other log starts so."""
    certain: bool
    """The device vouches for its clock (Cisco's ``*`` says that it does not)."""
    rfc3339: bool = False


def stamp(text: str, at: int, received: int, zone: tzinfo | None) -> Stamp | None:
    """
    >>> stamp("Jan  2 2026 03:04:05 PM gw-1 su: x", 0, 0, None)[:3]
    (1767366245000000000, 23, True)
    >>> stamp("1767323045.006 gw-1 su: x", 0, 0, None)[:3], stamp("gw-1 su: x", 0, 0, None)
    ((1767323045006000000, 14, False), None)
    """
    bracket = text[at : at + 1] == "["
    found = _read(text, at + 1, received, zone) if bracket else _read(text, at, received, zone)
    if found is None or not bracket:
        return found
    return None if text[found.end : found.end + 1] != "]" else found._replace(end=found.end + 1, own_form=False)


def _read(text: str, at: int, received: int, zone: tzinfo | None) -> Stamp | None:
    certain = text[at : at + 1] != "*"
    found = _BSD.match(text, at)
    if found is not None:
        weekday, before, month, day, middle, clock_text, half = found.groups()
        year, own_zone, end = _after(text, found.end(), before or middle)
        if half is not None:
            clock_text = _of_day(clock_text, half)
        when = clock.bsd(f"{month} {day} {clock_text}", received, own_zone or zone, year)
        # with the day of the week it is a program's own log, unless a priority says otherwise
        return None if when is None else Stamp(when, end, weekday is None, certain)
    found = _ISO.match(text, at)
    if found is not None:
        full, mark, month, day, letter, time, fraction = found.groups()
        year, own_zone, end = _after(text, found.end(), full)
        when = clock.iso(f"{full}-{month}-{day}T{time}{fraction or ''}", own_zone or zone)
        return None if when is None else Stamp(when, end, False, certain, letter != " " and mark == "-")
    found = _EPOCH.match(text, at)
    if found is not None:
        return _of_epoch(found[1], found.end(), received)
    found = _BASIC.match(text, at)
    if found is not None:
        full, month, day, hour, minute, second, fraction = found.groups()
        year, own_zone, end = _after(text, found.end(), full)
        when = clock.iso(f"{full}-{month}-{day}T{hour}:{minute}:{second}{fraction or ''}", own_zone or zone)
        return None if when is None else Stamp(when, end, False, certain, True)
    found = _DAY_FIRST.match(text, at)
    if found is None:
        return None
    day, month, full, time = found.groups()
    year, own_zone, end = _after(text, found.end(), full)
    when = clock.bsd(f"{month} {day} {time}", received, own_zone or zone, full)
    return None if when is None else Stamp(when, end, False, certain)


def _of_epoch(text: str, end: int, received: int) -> Stamp | None:
    """A number is a time only where it is not far from now."""
    whole, _, digits = text.partition(".")
    when = from_number(int(whole))
    if when is None or (received and abs(when - received) > _NEAR_NS):
        return None
    return Stamp(when + (int(digits.ljust(9, "0")) if digits else 0), end, False, True)


def _of_day(time: str, half: str) -> str:
    hour, _, rest = time.partition(":")
    return f"{int(hour) % 12 + (12 if half.strip()[0] in 'Pp' else 0)}:{rest}"


def _after(text: str, at: int, year: str | None) -> tuple[str | None, tzinfo | None, int]:
    """A year and a zone behind the time, in either order."""
    zone: tzinfo | None = None
    for _ in range(2):
        found = _AFTER.match(text, at)
        if found is None:
            break
        number, offset, name = found.groups()
        if number is not None and year is None:
            year = number
        elif offset is not None and zone is None:
            zone = clock.offset_zone(offset)
        elif name is not None and zone is None and name in clock.ZONE_NAMES:
            zone = clock.offset_zone(name)  # None for an ambiguous name: the source's own zone
        else:
            break
        at = found.end()
    return year, zone, at
