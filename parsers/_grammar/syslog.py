"""Syslog headers: RFC 5424 whole, and what devices send under the name of RFC 3164.

The usual lines are read by one expression; whatever that refuses is read piece by piece by ``_tolerant``.
"""

import re
from datetime import tzinfo
from typing import NamedTuple

from engine.model import Fields, Opened
from parsers._grammar import clock
from parsers._grammar.addresses import ip
from parsers._grammar.structured_data import structured_data

_FACILITY = (
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
)  # fmt: skip
_SEVERITY = ("Emergency", "Alert", "Critical", "Error", "Warning", "Notice", "Informational", "Debug")
_PRIORITY: tuple[Fields, ...] = tuple(
    {
        "log.syslog.priority": priority,
        "log.syslog.facility.code": priority >> 3,
        "log.syslog.facility.name": _FACILITY[priority >> 3],
        "log.syslog.severity.code": priority & 7,
        "log.syslog.severity.name": _SEVERITY[priority & 7],
    }
    for priority in range(192)
)

_IPV6 = r"[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]{1,45}"
_HOST = r"[A-Za-z][\w.\-]*|\d{1,3}(?:\.\d{1,3}){3}"
_USUAL = re.compile(
    r"(?:<(\d{1,3})>)?"
    r"(?:([A-Z][a-z]{2} [ 0-3]\d \d\d:\d\d:\d\d)|(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)))"
    rf" ({_HOST}) ([A-Za-z_][\w./@\-]*)(?:\[(\d{{1,10}})\])?:(?: |$)",
    re.ASCII,
)
_RFC5424 = re.compile(r"(?:<(\d{1,3})>)?([1-9]\d{0,2}) (\S+) (\S+) (\S+) (\S+) (\S+)(?: |$)")
_EPOCH = re.compile(r"(?:<(\d{1,3})>)?1 (\d{10})\.(\d{1,9}) (\S+) ")  # Cisco Meraki

_PRI = re.compile(r"<(\d{1,3})> *")
_OCTETS = re.compile(r"\d{1,7} (?=<\d{1,3}>)")
_SEQUENCE = re.compile(r"(\d{1,18}): |: ")
_HOST_COLON = re.compile(rf"({_HOST}|{_IPV6}): (?=\d+: |[*.]?[A-Z][a-z]{{2}} [ 0-3]?\d |[*.]?\d{{4}} [A-Z][a-z]{{2}} )")
_BSD = re.compile(
    r"[*.]?((?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +)?(?:(\d{4}) +)?"
    r"((?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)) +(\d{1,2})(?:,? +(\d{4}))?,? +"
    r"(\d{1,2}:\d\d:\d\d(?:[.,]\d{1,9})?)"
)
_ISO = re.compile(r"[*.]?(\d{4}-\d\d-\d\d)([Tt ])(\d\d:\d\d:\d\d)([.,]\d{1,12})?")
_AFTER = re.compile(r" ?(?:([12]\d{3})|([+-]\d\d:?\d\d|[+-]\d\d|Z)|(?<= )([A-Z]{2,5}))(?= |:(?: |$)|$)")
_TAG = re.compile(r"([A-Za-z_/][\w./@+()\-]*)\]?(?:\[([^\]\s]{0,64})\])?:(?= |$)")  # "gdm-password]:" is gdm's own slip
_TAG_WITH_PID = re.compile(r"([A-Za-z_/][\w./@+()\-]*(?: [\w.\-]+){0,3}) ?\[(\d{1,10})\]:")
_TAG_NESTED = re.compile(r"([\w.\-]+\[\d+\] \([^)\s]{1,128}\)):(?= |$)")  # macOS launchd
_HOST_TOKEN = re.compile(rf"({_HOST}|[A-Za-z0-9_][\w.\-]*|\[?{_IPV6}\]?)(?:: +| +|$)")
_RELAYED = re.compile(
    r"<\d{1,3}>|1 \d{4}-\d\d-\d\dT\d\d|"
    r"[*.]?(?:[A-Z][a-z]{2} [ 0-3]?\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)"
)
_LEVELS = frozenset(("INFO", "WARN", "WARNING", "ERROR", "DEBUG", "FATAL", "TRACE", "NOTICE", "CRITICAL", "SEVERE"))

_RELAYS = 3
_MOST, _LONGEST = 16_384, 256
_programs: dict[str, tuple[str, str]] = {}


class _Stamp(NamedTuple):
    """A time, where it ends, and how far it speaks for a syslog header."""

    when: int
    end: int
    own_form: bool
    """BSD's form without the day of the week: no other log starts so."""
    certain: bool
    """The device vouches for its clock (Cisco's ``*`` says that it does not)."""
    rfc3339: bool = False


def header(text: str, received: int, zone: tzinfo | None, *, lenient: bool = False) -> Opened | None:
    """The header's fields and the message; None where nothing of the line is a header.

    >>> header("<38>Jan  2 03:04:05 gw-1 sshd[77]: Connection closed", 1767225600 * 10**9, None).fields["process.pid"]
    77
    >>> header("nothing of the kind", 0, None) is None
    True
    """
    found = _USUAL.match(text)
    if found is not None:
        priority, bsd, iso, host, app, pid = found.groups()
        when = clock.bsd(bsd, received, zone) if bsd is not None else clock.iso(iso)
        if when is not None and host not in clock.ZONE_NAMES:
            fields: Fields = {"@timestamp": when}
            if priority is None:
                return _finish(fields, text[found.end() :], host, app, pid)
            number = int(priority)
            if number < 192:
                fields.update(_PRIORITY[number])
                return _finish(fields, text[found.end() :], host, app, pid)
    return _tolerant(text, received, zone, lenient, 0)


def _finish(fields: Fields, message: str, host: str | None, app: str | None = None, pid: str | None = None) -> Opened:
    if message:
        message = message.rstrip("\r\n\x00")
        if message[:1] == "\ufeff":
            message = message[1:]
        if message[:1] == " ":  # rsyslog keeps the blank that followed the tag of the program's own message
            message = message.lstrip(" ")
    if message:
        fields["message"] = message
    if host is not None:
        fields["log.syslog.hostname"] = host
        fields["host.hostname"] = host
        fields["host.name"] = host
        fields["related.hosts"] = [host]
    if app is None:
        return Opened(fields, message)
    names = _programs.get(app)
    if names is None:
        names = _program(app)
    fields["log.syslog.appname"] = app
    fields["process.name"] = names[0]
    if pid:
        fields["log.syslog.procid"] = pid
        if pid.isascii() and pid.isdigit() and len(pid) <= 10:
            fields["process.pid"] = int(pid)
    return Opened(fields, message, names[1])


def _program(app: str) -> tuple[str, str]:
    """As the process is called, and the name that chooses a format.

    >>> _program("/usr/sbin/CRON"), _program("sshd(pam_unix)"), _program("postfix/smtpd")
    (('CRON', 'cron'), ('sshd', 'sshd'), ('postfix/smtpd', 'postfix/smtpd'))
    """
    name = app.rsplit("/", 1)[-1] if app[0] == "/" else app
    name = name.removesuffix("(pam_unix)")
    names = (name or app, (name or app).lower())
    if len(_programs) >= _MOST:
        _programs.clear()
    if len(app) <= _LONGEST:
        _programs[app] = names
    return names


def _tolerant(text: str, received: int, zone: tzinfo | None, lenient: bool, depth: int) -> Opened | None:
    text = text.lstrip("\ufeff \r\n\x00")
    counted = _OCTETS.match(text)
    if counted is not None:
        text = text[counted.end() :].lstrip("\ufeff")
    if text[:1] in ("<", "1", "2", "3", "4", "5", "6", "7", "8", "9"):
        opened = _rfc5424(text, received, zone, depth) or _epoch(text)
        if opened is not None:
            return opened
    fields: Fields = {}
    at = 0
    found = _PRI.match(text)
    if found is not None and int(found[1]) < 192:
        fields.update(_PRIORITY[int(found[1])])
        at = found.end()
    prioritised = at > 0
    if text.startswith("\ufeff", at):
        at += 1
    host: str | None = None
    for _ in range(4):
        found = _SEQUENCE.match(text, at) if prioritised or at else None
        if found is not None:
            if found[1] is not None:
                fields["event.sequence"] = int(found[1])
        elif host is None and (found := _HOST_COLON.match(text, at)) is not None:
            host = found[1]
        else:
            break
        at = found.end()
    stamped = _stamp(text, at, received, zone)
    if stamped is None:
        if not prioritised:
            return None
        return _without_time(fields, text[at:], host)
    strict = not (prioritised or stamped.own_form or lenient)
    fields["@timestamp"] = stamped.when
    if text[stamped.end : stamped.end + 1] == ":":
        if strict:
            return None
        rest = text[stamped.end + 1 :].lstrip(" ")
        found = None if rest[:1] == "%" else _TAG.match(rest)
        if found is not None:
            return _finish(fields, _message(rest, found), host, found[1], found[2])
        return _finish(fields, rest, host)
    rest = text[stamped.end :].lstrip(" ")
    return _body(fields, rest, host, stamped, received, zone, depth, strict=strict)


def _rfc5424(text: str, received: int, zone: tzinfo | None, depth: int) -> Opened | None:
    found = _RFC5424.match(text)
    if found is None:
        return None
    priority, version, stamp, host, app, procid, msgid = found.groups()
    fields: Fields = {}
    if stamp != "-":
        when = clock.iso(stamp, zone) if "T" in stamp else None
        if when is None:
            return None
        fields["@timestamp"] = when
    if priority is not None:
        if int(priority) > 191:
            return None
        fields.update(_PRIORITY[int(priority)])
    elif stamp == "-":
        return None
    data, at = structured_data(text, found.end())
    if text[found.end() - 1 : found.end()] != " " and priority is None:
        return None
    fields["log.syslog.version"] = version
    if msgid != "-":
        fields["log.syslog.msgid"] = msgid
    if data:
        fields["log.syslog.structured_data"] = data
        sequence = data.get("meta", {}).get("sequenceId", "")
        if sequence.isascii() and sequence.isdigit() and len(sequence) < 19:
            fields["event.sequence"] = int(sequence)
    # rsyslog's own template for this format writes a space too many, the one that RFC 3164 has behind the colon
    message = text[at + 1 :] if text.startswith(" ", at) and app != "-" else text[at:]
    if app == "-" and procid == "-" and depth < _RELAYS and _RELAYED.match(message) is not None:
        inner = _tolerant(message, received, zone, False, depth + 1)
        if inner is not None:
            return _relayed(fields, None if host == "-" else host, inner)
    opened = _finish(
        fields, message, None if host == "-" else host, None if app == "-" else app, procid if procid != "-" else None
    )
    if app == "-" and procid != "-":
        fields["log.syslog.procid"] = procid
        if procid.isascii() and procid.isdigit() and len(procid) <= 10:
            fields["process.pid"] = int(procid)
    return opened


def _epoch(text: str) -> Opened | None:
    found = _EPOCH.match(text)
    if found is None or (found[1] is not None and int(found[1]) > 191):
        return None
    fields: Fields = {"@timestamp": int(found[2]) * 1_000_000_000 + int(found[3].ljust(9, "0"))}
    if found[1] is not None:
        fields.update(_PRIORITY[int(found[1])])
    return _finish(fields, text[found.end() :], found[4])


def _stamp(text: str, at: int, received: int, zone: tzinfo | None) -> _Stamp | None:
    certain = text[at : at + 1] != "*"
    found = _BSD.match(text, at)
    if found is not None:
        weekday, before, month, day, middle, clock_text = found.groups()
        year, own_zone, end = _after(text, found.end(), before or middle)
        when = clock.bsd(f"{month} {day} {clock_text}", received, own_zone or zone, year)
        # with the day of the week it is a program's own log, unless a priority says otherwise
        return None if when is None else _Stamp(when, end, weekday is None, certain)
    found = _ISO.match(text, at)
    if found is None:
        return None
    date, letter, time, fraction = found.groups()
    year, own_zone, end = _after(text, found.end(), date)
    when = clock.iso(f"{date}T{time}{fraction or ''}", own_zone or zone)
    return None if when is None else _Stamp(when, end, False, certain, letter != " ")


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


def _message(rest: str, tag: re.Match[str]) -> str:
    message = rest[tag.end() :]
    return message[1:] if message[:1] == " " else message


def _without_time(fields: Fields, rest: str, host: str | None) -> Opened:
    found = _TAG.match(rest)
    if found is not None and (found[2] is not None or rest[0].islower()):
        return _finish(fields, _message(rest, found), host, found[1], found[2])
    first, _, second = rest.partition(" ")
    found = (
        _TAG.match(second) if host is None and _HOST_TOKEN.fullmatch(first) is not None and first[-1:] != ":" else None
    )
    if found is not None and found[2] is not None:
        return _finish(fields, _message(second, found), first, found[1], found[2])
    return _finish(fields, rest, host)


def _body(
    fields: Fields,
    rest: str,
    host: str | None,
    stamp: _Stamp,
    received: int,
    zone: tzinfo | None,
    depth: int,
    *,
    strict: bool,
) -> Opened | None:
    """Host, program and message behind the time; None where ``strict`` and there is no host with a program."""
    if host is None:
        tag = _TAG.match(rest)
        if tag is not None:
            following = _message(rest, tag)
            if tag[2] is None and (following[:1] == "%" or _TAG_WITH_PID.match(following) or ip(tag[1]) is not None):
                host, rest = tag[1], following
            elif strict:
                return None
            else:
                return _finish(fields, following, None, tag[1], tag[2])
        elif not rest.startswith("last message repeated "):
            token = _HOST_TOKEN.match(rest)
            if token is not None and not (strict and (token[1] in _LEVELS or token[1].isdigit())):
                host, rest = token[1].strip("[]"), rest[token.end() :]
                if rest.startswith(host + " "):  # UniFi says it twice
                    rest = rest[len(host) + 1 :]
    if depth < _RELAYS and _RELAYED.match(rest) is not None:
        inner = _tolerant(rest, received, zone, False, depth + 1)
        if inner is not None:
            return _relayed(fields, host, inner)
    sequenced = _SEQUENCE.match(rest)
    if sequenced is not None and sequenced[1] is not None and depth < _RELAYS:  # Cisco behind a relay
        fields["event.sequence"] = int(sequenced[1])
        stamped = _stamp(rest, sequenced.end(), received, zone)
        if stamped is not None and rest[stamped.end : stamped.end + 1] == ":":
            if stamped.certain:
                fields["@timestamp"] = stamped.when
            return _finish(fields, rest[stamped.end + 1 :].lstrip(" "), host)
    found = _TAG.match(rest) or _TAG_WITH_PID.match(rest) or _TAG_NESTED.match(rest)
    if found is None:
        if strict and (host is None or rest[:1] not in ("%", "{")):
            return None
        return _finish(fields, rest, host)
    if strict and (host is None or not _plausible(host, found, stamp)):
        return None
    return _finish(fields, _message(rest, found), host, found[1], found[2] if found.re.groups > 1 else None)


def _plausible(host: str, tag: re.Match[str], stamp: _Stamp) -> bool:
    """Whether "date time word word:" without a priority is a syslog line, or a program's own log in words."""
    if tag.re.groups > 1 and tag[2] is not None:
        return True
    return tag[1][0].islower() and (stamp.rfc3339 or any(c in ".-0123456789" for c in host))


def _relayed(outer: Fields, relay: str | None, inner: Opened) -> Opened:
    """What the first sender wrote holds; the relay's header fills what is missing, and the relay is related."""
    fields = inner.fields
    for name, value in outer.items():
        fields.setdefault(name, value)
    if relay is not None:
        hosts = fields.get("related.hosts")
        if hosts is None:
            fields["log.syslog.hostname"] = fields["host.hostname"] = fields["host.name"] = relay
            fields["related.hosts"] = [relay]
        elif relay not in hosts:
            hosts.append(relay)
    return inner
