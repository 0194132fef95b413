"""Syslog headers: RFC 5424 whole, and what devices send under the name of RFC 3164.

The usual lines are read by one expression; whatever that refuses is read piece by piece by ``tolerant``.
"""

import re
from datetime import tzinfo

from engine.model import Fields, Opened
from parsers._grammar import clock
from parsers._grammar.syslog_parts import NAMED, PRIORITY, finished
from parsers._grammar.syslog_tolerant import HOST, IPV6, LEVELS, epoch, rfc5424, tolerant

_USUAL = re.compile(
    r"(?:<(\d{1,3})>)?"
    r"(?:([A-Z][a-z]{2} [ 0-3]\d \d\d:\d\d:\d\d)|(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)))"
    rf" (?![AaPp][Mm] )({HOST}) ([A-Za-z_][\w./@\-]*)(?:\[(\d{{1,10}})\])?:(?: |$)",
    re.ASCII,
)
# Cisco's message has a mnemonic for a tag: "host : %ASA-6-302013: Built …"
_MNEMONIC = re.compile(
    r"(?:<(\d{1,3})>)?(?:([A-Z][a-z]{2} [ 0-3]\d )(?:(\d{4}) )?(\d\d:\d\d:\d\d)|"
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)))"
    rf"(?: (?![AaPp][Mm] )({HOST}))?(?: ?:)? {{1,2}}(?=%([A-Z]{{2,16}})[-_])",
    re.ASCII,
)

# "<189>57: sw-1: *Jan  2 03:04:05.123 UTC: %SYS-5-CONFIG_I: …", "<189>: 2026 Jan  2 03:04:05 UTC: %DAEMON-3-…"
_SWITCH = re.compile(
    rf"<(\d{{1,3}})>(?:(?:(\d{{1,18}}): )?(?:({HOST}): )?(?:(\d{{1,18}}): )?|: )[*.]?(?:(\d{{4}}) )?"
    r"([A-Z][a-z]{2} [ 0-3]?\d )(?:(\d{4}) )?(\d\d:\d\d:\d\d(?:\.\d{1,9})?)(?: ([A-Z]{2,5}))?: (?=%)",
    re.ASCII,
)
_PAIRS = re.compile(r"<(\d{1,3})> *(?=[A-Za-z_]\w*=)", re.ASCII)
_VERSIONED = re.compile(r"<\d{1,3}>[1-9]\d{0,2} ", re.ASCII)
_WORDED = r"([A-Za-z_/][\w./@+()\-]*+(?: [\w.\-]++){1,3}+) ?\[(\d{1,10})\]: ?"  # F5: "notice mcpd[77]: "
# A host, and behind it nothing that could be a tag, a level, another header or a number of its own.
_HOSTED = re.compile(
    rf"(?:<(\d{{1,3}})>)?([A-Z][a-z]{{2}} [ 0-3]\d \d\d:\d\d:\d\d) (?![AaPp][Mm] )({HOST}) (?=\S)"
    r"(?!\3 |: |<?[a-z]+[0-7]?\.[a-z]+>? |<\d|1 \d{4}-|\d{1,18}: )"
    r"(?![*.]?[A-Z][a-z]{2} [ 0-3]?\d |[*.]?\d{4}-\d\d-\d\d[T ])"
    rf"(?:{_WORDED}|(?![A-Za-z_/][\w./@+()\-]*+\]?(?:\[[^\]\s]{{0,64}}\])?:(?: |$))"
    r"(?![A-Za-z_/][\w./@+()\-]*+(?: [\w.\-]++){0,3}+ ?\[\d{1,10}\]:)(?![\w.\-]++\[\d+\] \())"
)
# Whatever is a header starts so.
_SEEMS = re.compile(
    r"[\ufeff \r\n\x00*.]|\[[*.]?[\dA-Za-z]|\d{1,7} <|[1-9]\d{0,2} \S|[12]\d{9}|\d{4}(?: |[-/]\d\d)|\d{8}T|"
    r"\d{1,2}[ \-/][A-Z][a-z]{2}|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? |"
    rf"(?i:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) |(?:{HOST}|{IPV6}): "
)
# A program's own log: the time, and then a bracket or a number where a syslog line has its host.
_OWN = re.compile(
    r"\[?(?:\d{4}[-/]\d\d[-/]\d\d[Tt ]\d\d:\d\d:\d\d(?:[.,]\d{1,12})?"
    rf"(?:Z| (?:{'|'.join(sorted(clock.ZONE_NAMES))})| ?[+-]\d\d:?\d\d)?|[12]\d{{9}}(?:\.\d{{1,9}})?)\]? +"
    r"(?:\[(?![0-9A-Fa-f]{0,4}:)|(?!1 \d{4}-)[0-9]{1,19} |[A-Z]{2,5},)"
)


def header(text: str, received: int, zone: tzinfo | None, *, lenient: bool = False) -> Opened | None:
    """The header's fields and the message; None where nothing of the line is a header.

    >>> header("<38>Jan  2 03:04:05 gw-1 sshd[77]: Connection closed", 1767225600 * 10**9, None).fields["process.pid"]
    77
    >>> header("nothing of the kind", 0, None) is None
    True
    """
    opened: Opened | None
    found = _USUAL.match(text)
    if found is not None:
        priority, bsd, iso, host, app, pid = found.groups()
        when = clock.bsd(bsd, received, zone) if bsd is not None else clock.iso(iso)
        if when is not None and host not in clock.ZONE_NAMES:
            fields: Fields = {"@timestamp": when}
            if priority is None and (bsd is not None or host not in LEVELS):
                return finished(fields, text[found.end() :], host, app, pid)
            if priority is not None and (number := int(priority)) < 192:
                fields.update(PRIORITY[number])
                return finished(fields, text[found.end() :], host, app, pid)
    elif (found := _MNEMONIC.match(text)) is not None:
        priority, day, year, time, iso, host, facility = found.groups()
        when = clock.bsd(day + time, received, zone, year) if iso is None else clock.iso(iso) if host else None
        if when is not None and not _is_none(host) and (priority is None or int(priority) < 192):
            fields = {"@timestamp": when}
            if priority is not None:
                fields.update(PRIORITY[int(priority)])
            opened = finished(fields, text[found.end() :], host)
            opened.program = "%" + facility.lower()  # what stands for the program chooses the format
            return opened
    elif text[:1] == "<":
        if not text[1:2].isdigit():
            return None
        opened = _of_appliance(text, received, zone)
        if opened is not None:
            return opened
    elif _SEEMS.match(text) is None or (not lenient and _OWN.match(text) is not None):
        return None
    else:
        opened = _hosted(text, received, zone)
        if opened is not None:
            return opened
    return tolerant(text, received, zone, lenient, 0)


def _of_appliance(text: str, received: int, zone: tzinfo | None) -> Opened | None:
    """What ``tolerant`` would say of the lines that firewalls and switches send; None: it is to be asked."""
    found = _PAIRS.match(text)
    if found is not None:
        priority = int(found[1])
        return finished(PRIORITY[priority].copy(), text[found.end() :], None) if priority < 192 else None
    if _VERSIONED.match(text) is not None:
        return rfc5424(text, received, zone, 0) or epoch(text)
    found = _SWITCH.match(text)
    if found is None:
        return _hosted(text, received, zone)
    number, first, host, second, before, day, middle, time, name = found.groups()
    if int(number) > 191 or (name is not None and name not in clock.ZONE_NAMES) or (before and middle):
        return None
    own = None if name is None else clock.offset_zone(name)
    when = clock.bsd(day + time, received, own or zone, before or middle)
    if when is None:
        return None
    fields = PRIORITY[int(number)].copy()
    if first is not None or second is not None:
        fields["event.sequence"] = int(second or first)
    fields["@timestamp"] = when
    return finished(fields, text[found.end() :], host)


def _is_none(host: str | None) -> bool:
    """Whether what stands for the host is a zone, or a selector (auth.notice)."""
    return host is not None and (host in clock.ZONE_NAMES or ("." in host and host.partition(".")[0] in NAMED))


def _hosted(text: str, received: int, zone: tzinfo | None) -> Opened | None:
    """A time and a host, and no tag; None: ``tolerant`` is to be asked."""
    found = _HOSTED.match(text)
    if found is None:
        return None
    priority, bsd, host, app, pid = found.groups()
    when = clock.bsd(bsd, received, zone)
    if when is None or _is_none(host) or host == "last":
        return None
    if priority is None:
        return finished({"@timestamp": when}, text[found.end() :], host, app, pid)
    if int(priority) > 191:
        return None
    return finished({**PRIORITY[int(priority)], "@timestamp": when}, text[found.end() :], host, app, pid)


def header_fields(message: str, host: str | None, app: str | None, pid: str | None) -> Opened:
    """A header whose parts somebody else has told apart."""
    return finished({}, message, host, app, pid)
