"""Durations as people write them."""

import re
from datetime import timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.model.times import UNIT_NS

_PARTS = re.compile(r"(\d+(?:\.\d+)?)(ns|us|ms|s|m|h|d|w)")
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")


def duration_ns(text: str) -> int:
    """
    >>> duration_ns("30s"), duration_ns("1h30m"), duration_ns("2.5s")
    (30000000000, 5400000000000, 2500000000)
    """
    compact = text.strip().replace(" ", "")
    parts = _PARTS.findall(compact)
    if not parts or "".join(number + unit for number, unit in parts) != compact:
        raise ValueError(f"{text!r} is no duration; write it like 30s, 5m or 1h30m")
    return sum(
        int(number) * UNIT_NS[unit] if number.isdigit() else round(float(number) * UNIT_NS[unit])
        for number, unit in parts
    )


def zone_of(text: str) -> tzinfo:
    """
    >>> zone_of("+02:00").utcoffset(None)
    datetime.timedelta(seconds=7200)
    """
    offset = _OFFSET.fullmatch(text)
    if offset:
        sign, hours, minutes = offset.groups()
        away = timedelta(hours=int(hours), minutes=int(minutes))
        if away < timedelta(hours=24):
            return timezone(away if sign == "+" else -away)
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"{text!r} is no time zone; write an IANA name (Europe/Berlin) or an offset (+02:00)"
        ) from None
