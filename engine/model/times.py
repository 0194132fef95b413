"""Event time: integer nanoseconds since the Unix epoch, UTC."""

import re
from datetime import UTC, datetime, tzinfo

SECOND = 1_000_000_000
UNIT_NS = {
    "ns": 1,
    "us": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86_400 * 10**9,
    "w": 604_800 * 10**9,
}
"""The units of durations as people write them: in the configuration, in rules, in cases."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ISO = re.compile(
    r"\s*(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,12}))?)?"
    r"\s*([Zz]|UTC|GMT|[+-]\d\d:?(?:\d\d)?)?\s*"
)


def rfc3339(ns: int) -> str:
    """
    >>> rfc3339(1767225600_000000000), rfc3339(1767225600_123456789), rfc3339(-1)
    ('2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.123456789Z', '1969-12-31T23:59:59.999999999Z')
    """
    seconds, fraction = divmod(ns, SECOND)
    try:
        head = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    except (OverflowError, ValueError, OSError):
        return rfc3339(min(max(ns, MIN_NS), MAX_NS))
    head = head.rjust(19, "0")  # strftime does not pad years below 1000
    if fraction % 1_000_000 == 0:
        return f"{head}.{fraction // 1_000_000:03d}Z"
    if fraction % 1_000 == 0:
        return f"{head}.{fraction // 1_000:06d}Z"
    return f"{head}.{fraction:09d}Z"


def nanoseconds(when: datetime) -> int:
    """Whole microseconds of an aware datetime as nanoseconds."""
    delta = when - _EPOCH
    return ((delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds) * 1_000


def from_iso(text: str, zone: tzinfo | None = None) -> int | None:
    """An ISO 8601 / RFC 3339 time, its fraction kept to the nanosecond; None where it is none.

    Without an offset it is one of ``zone``, else of UTC.

    >>> from_iso("2026-01-01T01:00:00.123456789+01:00"), from_iso("2026-13-01T00:00:00Z")
    (1767225600123456789, None)
    """
    found = _ISO.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    whole = int(second or 0)
    try:
        when = datetime(int(year), int(month), int(day), int(hour), int(minute), min(whole, 59), tzinfo=UTC)
        shift = 0
        if offset is None:
            if zone is not None:
                local = when.replace(tzinfo=zone).utcoffset()
                shift = int(local.total_seconds()) if local is not None else 0
        elif offset[0] in "+-":
            digits = offset[1:].replace(":", "").ljust(4, "0")
            shift = (int(digits[:2]) * 60 + int(digits[2:])) * (60 if offset[0] == "+" else -60)
    except (ValueError, OverflowError):
        return None
    if whole > 60:
        return None
    ns = nanoseconds(when) + (SECOND if whole == 60 else 0) - shift * SECOND
    if fraction:
        ns += int(fraction[:9].ljust(9, "0"))
    return ns


def from_number(value: int | float) -> int | None:
    """A Unix time in seconds, milliseconds, microseconds or nanoseconds, told apart by its size; None where absurd.

    >>> from_number(1767225600), from_number(1767225600123), from_number(1767225600.5)
    (1767225600000000000, 1767225600123000000, 1767225600500000000)
    """
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            return None
        if abs(value) < 1e11:
            whole = int(value // 1)
            return whole * SECOND + round((value - whole) * 1_000_000) * 1_000
        value = int(value)
    size = abs(value)
    for limit, unit in ((10**11, SECOND), (10**14, 1_000_000), (10**17, 1_000), (10**20, 1)):
        if size < limit:
            ns = value * unit
            return ns if MIN_NS <= ns <= MAX_NS else None
    return None


MIN_NS = nanoseconds(datetime(1, 1, 1, tzinfo=UTC))
MAX_NS = nanoseconds(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
