"""The time that a JSON object says."""

import re
from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from engine.model.times import from_number
from parsers._grammar import clock

_NAMES = (
    "@timestamp",
    "TimeCreated",
    "TimeCreated.SystemTime",
    "TimeCreated.#attributes.SystemTime",
    "TimeCreated.@SystemTime",
    "System.TimeCreated",
    "System.TimeCreated.SystemTime",
    "System.TimeCreated.#attributes.SystemTime",
    "System.TimeCreated.@SystemTime",
    "Event.System.TimeCreated",
    "Event.System.TimeCreated.SystemTime",
    "Event.System.TimeCreated.#attributes.SystemTime",
    "Event.System.TimeCreated.@SystemTime",
    "winlog.time_created",
    "UtcTime",
    "winlog.event_data.UtcTime",
    "EventTime",
    "timestamp",
)
_UTC_ALWAYS = frozenset(("UtcTime", "winlog.event_data.UtcTime"))

_NUMBER = re.compile(r"[+-]?\d{1,20}(?:\.\d{1,12})?")
_DOTNET = re.compile(r"/Date\((-?\d{1,16})(?:[+-]\d{4})?\)/")
_APACHE = re.compile(
    r"(\d{1,2})[/ -]([A-Za-z]{3})[/ -](\d{4})[: ](\d\d:\d\d:\d\d(?:\.\d{1,9})?) ?([+-]\d{4}|[A-Z]{1,4})?"
)
_MONTH_FIRST = re.compile(
    r"(?:[A-Za-z]{3},? )?([A-Za-z]{3}) {1,2}(\d{1,2}),? (\d{4}),? "
    r"(\d\d:\d\d:\d\d(?:\.\d{1,9})?) ?([+-]\d{4}|[A-Z]{1,4})?"
)
_RFC2822 = re.compile(r"[A-Za-z]{3}, (.+)")
_AMERICAN = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}) (\d{1,2}):(\d\d):(\d\d)(\.\d{1,9})? (AM|PM)")


def event_time(fields: Mapping[str, Any], zone: tzinfo | None) -> int | None:
    """The first of the names that holds a time, in nanoseconds.

    >>> event_time({"UtcTime": "2026-01-02 03:04:05.006", "timestamp": 0}, None)
    1767323045006000000
    """
    for name in _NAMES:
        value = fields.get(name)
        if value is not None:
            when = moment(value, None if name in _UTC_ALWAYS else zone)
            if when is not None:
                return when
    return None


def moment(value: Any, zone: tzinfo | None = None) -> int | None:
    """ISO 8601, Unix time in any unit, and a few common text forms.

    >>> {moment(v) for v in ("2026-01-02T03:04:05Z", 1767323045, "1767323045000", "02/Jan/2026:03:04:05 +0000",
    ...     "/Date(1767323045000)/", "Fri, 02 Jan 2026 03:04:05 GMT", "Jan  2 2026 03:04:05", "1/2/2026 3:04:05 AM")}
    {1767323045000000000}
    >>> moment("soon"), moment(True), moment([])
    (None, None, None)
    """
    if isinstance(value, str):
        if len(value) > 64:
            return None
        when = clock.iso(value, zone)
        return when if when is not None else _text(value.strip(), zone)
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return from_number(value)
    return None


def _text(value: str, zone: tzinfo | None) -> int | None:
    if _NUMBER.fullmatch(value) is not None:
        return from_number(float(value) if "." in value else int(value))
    if (found := _DOTNET.fullmatch(value)) is not None:
        return from_number(int(found[1])) if abs(int(found[1])) >= 10**11 else int(found[1]) * 1_000_000
    if (found := _AMERICAN.fullmatch(value)) is not None:
        month, day, year, hour, minute, second, fraction, half = found.groups()
        whole = int(hour) % 12 + (12 if half == "PM" else 0)
        return clock.iso(f"{year}-{int(month):02d}-{int(day):02d}T{whole:02d}:{minute}:{second}{fraction or ''}", zone)
    if (found := _RFC2822.fullmatch(value)) is not None and (found := _APACHE.fullmatch(found[1])) is None:
        return None
    found = found or _APACHE.fullmatch(value)
    if found is not None:
        day, month, year, time, offset = found.groups()
    elif (found := _MONTH_FIRST.fullmatch(value)) is not None:
        month, day, year, time, offset = found.groups()
    else:
        return None
    own = clock.offset_zone(offset) if offset else None
    return clock.bsd(f"{month} {day} {time}", 0, own or zone, year)
