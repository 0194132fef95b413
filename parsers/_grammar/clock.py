"""Times as log headers write them, remembered: lines come many a second."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo

from engine.model.times import SECOND, from_iso, nanoseconds

MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}

# Names that mean one offset wherever they are written. CST (Chicago, Beijing), IST (Delhi, Dublin, Jerusalem) and their
# like are left out: the source's own zone is the better guess.
_NAMED = {
    "UTC": 0,
    "GMT": 0,
    "Z": 0,
    "UCT": 0,
    "WET": 0,
    "WEST": 60,
    "CET": 60,
    "CEST": 120,
    "MET": 60,
    "MEST": 120,
    "EET": 120,
    "EEST": 180,
    "MSK": 180,
    "EST": -300,
    "EDT": -240,
    "CDT": -300,
    "MST": -420,
    "MDT": -360,
    "PST": -480,
    "PDT": -420,
    "AKST": -540,
    "AKDT": -480,
    "HST": -600,
    "JST": 540,
    "KST": 540,
    "HKT": 480,
    "SGT": 480,
    "AWST": 480,
    "AEST": 600,
    "AEDT": 660,
    "NZST": 720,
    "NZDT": 780,
}
ZONE_NAMES = frozenset(_NAMED) | {"CST", "IST", "BST", "AST", "ADT", "BRT", "CAT", "SAST"}

_DAY_NS = 86_400 * SECOND
_MOST = 8_192

_SHORT = 5  # ".123Z": a thousand of them

_iso_seconds: dict[str, int] = {}
_tails: dict[str, int] = {}  # behind the seconds, where they say the zone
_offsets: dict[str, int] = {"Z": 0, "z": 0}
_yearless: dict[tuple[str, tzinfo | None, str | None], tuple[int, int, int]] = {}


def iso(text: str, zone: tzinfo | None = None) -> int | None:
    """``engine.model.times.from_iso``, faster for the usual form.

    >>> iso("2026-01-01T01:00:00.5+01:00") == iso("2026-01-01 00:00:00,5") == 1767225600_500000000
    True
    """
    head = text[:19]
    base = _iso_seconds.get(head)
    if base is None:
        if len(head) != 19 or (base := from_iso(head, UTC)) is None or head[17:] == "60":
            return from_iso(text, zone)
        if len(_iso_seconds) >= _MOST:
            _iso_seconds.clear()
        _iso_seconds[head] = base
    tail = rest = text[19:]
    known = _tails.get(tail)
    if known is not None:
        return base + known
    fraction = 0
    if tail[:1] in (".", ","):
        end = len(tail) - 1 if tail[-1] in "Zz" else max(tail.find("+"), tail.find("-"))
        if end < 0:
            end = len(tail)
        digits = tail[1:end]
        if end > 13 or not (digits.isascii() and digits.isdigit()):
            return from_iso(text, zone)
        fraction = int(digits[:9].ljust(9, "0"))
        tail = tail[end:]
    if not tail:
        return base + fraction if zone is None else from_iso(text, zone)
    offset = _offsets.get(tail)
    if offset is None:
        whole = from_iso(text, zone)
        if whole is not None and tail[0] in "+-" and len(_offsets) < _MOST:
            _offsets[tail] = base + fraction - whole
        return whole
    if len(rest) <= _SHORT and len(_tails) < _MOST:
        _tails[rest] = fraction - offset
    return base + fraction - offset


def offset_zone(text: str) -> tzinfo | None:
    """
    >>> offset_zone("+02:00") == offset_zone("+02") == offset_zone("CEST"), offset_zone("CST")
    (True, None)
    >>> offset_zone("-0330")
    datetime.timezone(datetime.timedelta(days=-1, seconds=73800))
    """
    minutes = _NAMED.get(text.upper())
    if minutes is None:
        if text[:1] not in ("+", "-"):
            return None
        digits = text[1:].replace(":", "").ljust(4, "0")
        if (
            not (digits.isascii() and digits.isdigit() and len(digits) == 4)
            or int(digits[2:]) > 59
            or int(digits[:2]) > 23
        ):
            return None
        minutes = (int(digits[:2]) * 60 + int(digits[2:])) * (-1 if text[0] == "-" else 1)
    return timezone(timedelta(minutes=minutes))


def bsd(stamp: str, received: int, zone: tzinfo | None = None, year: str | None = None) -> int | None:
    """Nanoseconds of ``Mmm dd hh:mm:ss[.fraction]``. No ``year``: the one nearest to receipt, at most a day ahead.

    >>> newyear = 1767225600 * SECOND  # 2026-01-01T00:00:00Z
    >>> bsd("Dec 31 23:59:58", newyear) == newyear - 2 * SECOND
    True
    >>> bsd("Jan  1 00:00:02", newyear - SECOND) == newyear + 2 * SECOND
    True
    >>> bsd("Feb 29 00:00:00", newyear) == from_iso("2024-02-29"+"T00:00:00"), bsd("Feb 30 00:00:00", newyear)
    (True, None)
    """
    head, _, digits = stamp.partition(".") if "." in stamp else stamp.partition(",")
    fraction = int(digits[:9].ljust(9, "0")) if digits else 0
    key = (head, zone, year)
    known = _yearless.get(key)
    if known is None or not known[0] <= received < known[1]:
        known = _resolve(head, received, zone, year)
        if known is None:
            return None
        if len(_yearless) >= _MOST:
            _yearless.clear()
        _yearless[key] = known
    return known[2] + fraction


def _resolve(head: str, received: int, zone: tzinfo | None, year: str | None) -> tuple[int, int, int] | None:
    """The time, and the span of receipt for which it is the answer."""
    try:
        month, day, clock = head.split()
        number = MONTHS[month[:3].lower()]
        hour, minute, second = (int(part) for part in clock.split(":"))
        parts = number, int(day), hour, minute, min(second, 59)
    except (ValueError, KeyError):
        return None
    if second > 60:
        return None
    extra = SECOND if second == 60 else 0
    if year is not None:
        exact = _at(int(year), parts, zone)
        return None if exact is None else (-(1 << 63), 1 << 63, exact + extra)
    latest = 1970 + int((received + _DAY_NS) // (365.2425 * _DAY_NS)) + 1
    later: int | None = None
    for candidate in range(latest, latest - 11, -1):  # a leap day may be eight years away
        when = _at(candidate, parts, zone)
        if when is None:
            continue
        if when - _DAY_NS <= received:
            return when - _DAY_NS, when + 28 * _DAY_NS if later is None else later - _DAY_NS, when + extra
        later = when
    return None


def _at(year: int, parts: tuple[int, int, int, int, int], zone: tzinfo | None) -> int | None:
    try:
        return nanoseconds(datetime(year, *parts, tzinfo=UTC if zone is None else zone))
    except (ValueError, OverflowError):
        return None
