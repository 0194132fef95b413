"""Times in a pattern that the sender or a site's own format names: Java's letters, as QRadar and Logstash have them."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.model.times import SECOND, from_iso, from_number, nanoseconds

_DAY_NS = 86_400 * SECOND
_LONGEST = 64
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TOKEN = re.compile(r"'([^']*)'|(([A-Za-z])\3*)|(.)", re.DOTALL)
_GROUP = re.compile(r"\(\?P<(\w+)>")
_NUMBER = re.compile(r"\d{1,20}(?:\.\d{1,9})?")
_ZONE = r"Z|[+-]\d\d(?::?\d\d)?|[A-Za-z][A-Za-z_/+\-0-9:]{0,40}"
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2}):?(\d\d)?")
# Names that mean one offset wherever they are written; what is ambiguous (CST, IST) is the source's own zone.
_NAMED = {
    "Z": 0, "UTC": 0, "GMT": 0, "WET": 0, "WEST": 60, "CET": 60, "CEST": 120, "MET": 60, "MEST": 120, "EET": 120,
    "EEST": 180, "MSK": 180, "EST": -300, "EDT": -240, "CDT": -300, "MST": -420, "MDT": -360, "PST": -480, "PDT": -420,
    "AKST": -540, "AKDT": -480, "HST": -600, "JST": 540, "KST": 540, "HKT": 480, "SGT": 480, "AWST": 480, "AEST": 600,
    "AEDT": 660, "NZST": 720, "NZDT": 780,
}  # fmt: skip
Reader = Callable[[str, int, tzinfo | None], int | None]


class PatternError(ValueError):
    """A pattern with a letter that means no part of a time."""


def in_zone(name: str) -> tzinfo | None:
    """A zone by offset, by an unambiguous short name, or by its IANA name.

    >>> in_zone("GMT+02:00") == in_zone("+0200") == in_zone("CEST"), str(in_zone("Europe/Berlin")), in_zone("CST")
    (True, 'Europe/Berlin', None)
    """
    minutes = _NAMED.get(name.upper())
    if minutes is not None:
        return timezone(timedelta(minutes=minutes))
    found = _OFFSET.fullmatch(name)
    if found is not None:
        sign, hours, rest = found.groups()
        total = int(hours) * 60 + int(rest or 0)
        return None if total > 18 * 60 else timezone(timedelta(minutes=-total if sign == "-" else total))
    return _by_name(name) if "/" in name and len(name) <= _LONGEST else None


@lru_cache(maxsize=256)
def _by_name(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


@lru_cache(maxsize=256)
def reader(pattern: str) -> Reader:
    """What reads a time written so: ``(text, received, zone)`` → nanoseconds, or None where the text is no such time.

    ``epoch`` (a Unix time in any unit) and ``iso8601`` are patterns too. A pattern without a year means the one nearest
    to receipt, at most a day ahead; one without a day the day of receipt.

    >>> read = reader("MMM dd yyyy HH:mm:ss.SSS z")
    >>> read("Jan 02 2026 03:04:05.006 UTC", 0, None), read("soon", 0, None)
    (1767323045006000000, None)
    >>> reader("yyyy-MM-dd'T'HH:mm:ssXXX")("2026-01-02T04:04:05+01:00", 0, None)
    1767323045000000000
    >>> reader("dd/MM/yy hh:mm a")("02/01/26 03:04 PM", 0, None)
    1767366240000000000
    >>> reader("QQ")
    Traceback (most recent call last):
    engine.model.time_patterns.PatternError: 'QQ' means no part of a time; known are y M d E H h m s S a z Z X
    """
    folded = pattern.lower()
    if folded in ("epoch", "unix", "unix_ms"):
        return _epoch
    if folded in ("iso8601", "iso"):
        return _iso
    parts = [_part(found) for found in _TOKEN.finditer(pattern[:_LONGEST])]
    groups = _GROUP.findall("".join(parts))
    if len(groups) > len(set(groups)) or not groups or len(pattern) > _LONGEST:
        raise PatternError(f"{pattern[:_LONGEST]!r} names no time, or a part of it twice")
    expression = re.compile("".join(parts) + r"\s*", re.ASCII)

    def read(text: str, received: int, zone: tzinfo | None) -> int | None:
        found = expression.fullmatch(text.strip()) if len(text) <= _LONGEST else None
        return None if found is None else _moment(found.groupdict(), received, zone)

    return read


def _epoch(text: str, received: int, zone: tzinfo | None) -> int | None:
    if _NUMBER.fullmatch(text) is None:
        return None
    return from_number(float(text) if "." in text else int(text))


def _iso(text: str, received: int, zone: tzinfo | None) -> int | None:
    return from_iso(text, zone) if len(text) <= _LONGEST else None


def _part(found: re.Match[str]) -> str:
    quoted, letters, letter, other = found.groups()
    if quoted is not None:
        return re.escape(quoted or "'")
    if other is not None:
        return r"\s+" if other.isspace() else re.escape(other)
    count = len(letters)
    if letter in "yu":
        return r"(?P<year>\d\d)" if count == 2 else r"(?P<year>\d{4})"
    if letter == "M":
        return r"(?P<month>\d{1,2})" if count < 3 else r"(?P<name>[A-Za-z]{3})[a-z]{0,7}\.?"
    if letter in "EazXZO":
        return {"E": r"[A-Za-z]{2,9}\.?", "a": r"(?P<half>[AaPp])\.?[Mm]\.?"}.get(letter, rf"(?P<zone>{_ZONE})")
    group = {"d": "day", "H": "hour", "k": "hour", "h": "hour", "K": "hour", "m": "minute", "s": "second"}.get(letter)
    if group is not None:
        return rf"(?P<{group}>\d{{1,2}})"
    if letter in "Sn":
        return r"(?P<fraction>\d{1,9})"
    raise PatternError(f"{letters!r} means no part of a time; known are y M d E H h m s S a z Z X")


def _moment(parts: dict[str, str | None], received: int, zone: tzinfo | None) -> int | None:
    get = parts.get
    hour = int(get("hour") or 0)
    half = get("half")
    if half is not None:
        hour = hour % 12 + (12 if half in "pP" else 0)
    second = int(get("second") or 0)
    written = get("zone")
    own = in_zone(written) if written is not None else None
    local = own or zone or UTC
    now = datetime.fromtimestamp(received // SECOND, local)
    name, month, day, year = get("name"), get("month"), get("day"), get("year")
    if name is not None and name.lower() not in _MONTHS:
        return None
    number = _MONTHS.index(name.lower()) + 1 if name is not None else int(month) if month is not None else now.month
    clock = (number, int(day) if day is not None else now.day, hour % 24, int(get("minute") or 0), min(second, 59))
    whole = _dated(clock, year, now.year, received, local)
    if whole is None or second > 60:
        return None
    return whole + (SECOND if second == 60 else 0) + int((get("fraction") or "0").ljust(9, "0"))


def _dated(
    clock: tuple[int, int, int, int, int], year: str | None, this: int, received: int, zone: tzinfo
) -> int | None:
    if year is not None:
        return _at(int(year) + (2000 if len(year) == 2 else 0), clock, zone)
    for candidate in range(this + 1, this - 8, -1):  # a leap day may be years away
        when = _at(candidate, clock, zone)
        if when is not None and when - _DAY_NS <= received:
            return when
    return None


def _at(year: int, clock: tuple[int, int, int, int, int], zone: tzinfo) -> int | None:
    try:
        return nanoseconds(datetime(year, *clock, tzinfo=zone))
    except (ValueError, OverflowError):
        return None
