"""Syslog headers: RFC 5424 whole, and what devices send under the name of RFC 3164.

The usual lines are read by one expression; whatever that refuses is read piece by piece by ``_tolerant``.
"""

import re
from datetime import tzinfo

from engine.model import Fields, Opened
from parsers._grammar import clock
from parsers._grammar.addresses import ip
from parsers._grammar.structured_data import structured_data
from parsers._grammar.syslog_stamps import Stamp, stamp

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
# Cisco's message has a mnemonic for a tag: "host : %ASA-6-302013: Built …"
_MNEMONIC = re.compile(
    r"(?:<(\d{1,3})>)?([A-Z][a-z]{2} [ 0-3]\d )(?:(\d{4}) )?(\d\d:\d\d:\d\d)"
    rf"(?: ({_HOST}))?(?: ?:)? (?=%([A-Z]{{2,16}})[-_])",
    re.ASCII,
)
_RFC5424 = re.compile(
    r"(?:<(\d{1,3})>)?([1-9]\d{0,2}) (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\S*|\S+) (\S+) (\S+) (\S+) (\S+)(?: |$)"
)
_VERSIONLESS = re.compile(r"(\S{1,48}) (-|\d{1,10}) (\S{1,32}) (?=-(?: |$)|\[[^\s=\]\"]{1,64}(?: |\]))")
_EPOCH = re.compile(r"(?:<(\d{1,3})>)?1 (\d{10})\.(\d{1,9}) (\S+) ")  # Cisco Meraki

_PRI = re.compile(r"<(\d{1,3})> *")
_OCTETS = re.compile(r"\d{1,7} (?=<\d{1,3}>)")
_SEQUENCE = re.compile(r"(\d{1,18}): |: |:(?=[*.]?[A-Z][a-z]{2} )")
_NODE = re.compile(r"[A-Z]{1,4}[0-9/]{1,12}(?:/[A-Z]{1,4}\d{1,3}){0,3}:(?=[*.]?[A-Z][a-z]{2} [ 0-3]?\d )")  # IOS XR
_SELECTOR = re.compile(r"<?([a-z]+[0-7]?)\.([a-z]+)>? +")
_HOST_COLON = re.compile(rf"({_HOST}|{_IPV6}): (?=\d+: |[*.]?[A-Z][a-z]{{2}} [ 0-3]?\d |[*.]?\d{{4}} [A-Z][a-z]{{2}} )")
_TAG = re.compile(r"([A-Za-z_/][\w./@+()\-]*)\]?(?:\[([^\]\s]{0,64})\])?:(?= |$)")  # "gdm-password]:" is gdm's own slip
_TAG_WITH_PID = re.compile(r"([A-Za-z_/][\w./@+()\-]*(?: [\w.\-]+){0,3}) ?\[(\d{1,10})\]:")
_TAG_NESTED = re.compile(r"([\w.\-]+\[\d+\] \([^)\s]{1,128}\)):(?= |$)")  # macOS launchd
_HOST_TOKEN = re.compile(rf"({_HOST}|[A-Za-z0-9_][\w.\-]*|\[?{_IPV6}\]?)(?:: +| +|$)")
_RELAYED = re.compile(
    r"<\d{1,3}>|1 \d{4}-\d\d-\d\dT\d\d|"
    r"[*.]?(?:[A-Z][a-z]{2} [ 0-3]?\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)"
)
_NAMED = {name: code for code, name in enumerate(_FACILITY)} | {"kernel": 0, "security": 4}
_GRADED = {
    "emerg": 0, "panic": 0, "alert": 1, "crit": 2, "err": 3, "error": 3, "warning": 4, "warn": 4, "notice": 5,
    "info": 6, "debug": 7,
}  # fmt: skip
# A date and a time, a word, and one of these with a colon: that is a syslog line, whatever the word.
_CERTAIN = frozenset(
    ("kernel", "sshd", "su", "sudo", "systemd", "systemd-logind", "cron", "crond", "anacron", "rsyslogd", "syslogd",
     "syslog-ng", "dhclient", "dhcpd", "ntpd", "chronyd", "named", "snmpd", "login", "useradd", "userdel", "usermod",
     "groupadd", "groupdel", "passwd", "auditd", "audispd", "polkitd", "dbus-daemon", "networkmanager", "postfix",
     "openvpn", "charon", "xrdp", "xrdp-sesman", "nginx", "haproxy", "squid", "dnsmasq", "dnsmasq-dhcp", "hostapd",
     "ufw", "filterlog", "init", "logger", "vsftpd", "ftpd", "telnetd", "dropbear", "inetd", "xinetd", "multipathd")
)  # fmt: skip
_LEVELS = frozenset(("INFO", "WARN", "WARNING", "ERROR", "DEBUG", "FATAL", "TRACE", "NOTICE", "CRITICAL", "SEVERE"))

_RELAYS = 3
_MOST, _LONGEST = 16_384, 256
_programs: dict[str, tuple[str, str]] = {}


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
    elif (found := _MNEMONIC.match(text)) is not None:
        priority, day, year, time, host, facility = found.groups()
        when = clock.bsd(day + time, received, zone, year)
        if when is not None and host not in clock.ZONE_NAMES and (priority is None or int(priority) < 192):
            fields = {"@timestamp": when}
            if priority is not None:
                fields.update(_PRIORITY[int(priority)])
            opened = _finish(fields, text[found.end() :], host)
            opened.program = "%" + facility.lower()  # what stands for the program chooses the format
            return opened
    return _tolerant(text, received, zone, lenient, 0)


def header_fields(message: str, host: str | None, app: str | None, pid: str | None) -> Opened:
    """A header whose parts somebody else has told apart."""
    return _finish({}, message, host, app, pid)


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
        elif at and (found := _NODE.match(text, at)) is not None:
            pass
        else:
            break
        at = found.end()
    stamped = stamp(text, at, received, zone)
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
    rest = _selected(fields, text[stamped.end :].lstrip(" "))
    return _body(fields, rest, host, stamped, received, zone, depth, strict=strict)


def _rfc5424(text: str, received: int, zone: tzinfo | None, depth: int) -> Opened | None:
    found = _RFC5424.match(text)
    if found is None:
        return None
    priority, version, moment, host, app, procid, msgid = found.groups()
    fields: Fields = {}
    if moment != "-":
        when = clock.iso(moment, zone) if "T" in moment or " " in moment else None
        if when is None:
            return None
        fields["@timestamp"] = when
    if priority is not None:
        if int(priority) > 191:
            return None
        fields.update(_PRIORITY[int(priority)])
    elif moment == "-":
        return None
    if text[found.end() - 1 : found.end()] != " " and priority is None:
        return None
    fields["log.syslog.version"] = version
    message = _described(fields, text, found.end(), app, msgid)
    if app == "-" and procid == "-" and depth < _RELAYS and _RELAYED.match(message) is not None:
        inner = _tolerant(message, received, zone, False, depth + 1)
        if inner is not None:
            return _relayed(fields, None if host == "-" else host, inner)
    return _ended(fields, message, host, app, procid)


def _described(fields: Fields, text: str, at: int, app: str, msgid: str) -> str:
    """MSGID and STRUCTURED-DATA, and the message behind them."""
    data, at = structured_data(text, at)
    if msgid != "-":
        fields["log.syslog.msgid"] = msgid
    if data:
        fields["log.syslog.structured_data"] = data
        sequence = data.get("meta", {}).get("sequenceId", "")
        if sequence.isascii() and sequence.isdigit() and len(sequence) < 19:
            fields["event.sequence"] = int(sequence)
    # rsyslog's own template for this format writes a space too many, the one that RFC 3164 has behind the colon
    return text[at + 1 :] if text.startswith(" ", at) and app != "-" else text[at:]


def _ended(fields: Fields, message: str, host: str, app: str, procid: str) -> Opened:
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


def _selected(fields: Fields, rest: str) -> str:
    """The selector that some daemons write behind the time or the host: ``<auth.notice>``, ``daemon.info``."""
    found = _SELECTOR.match(rest)
    if found is None:
        return rest
    facility, severity = _NAMED.get(found[1]), _GRADED.get(found[2])
    if facility is None or severity is None:
        return rest
    fields.update(_PRIORITY[facility << 3 | severity])
    return rest[found.end() :]


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
    stamped: Stamp,
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
                if rest.startswith(": "):  # Cisco's "host : %ASA"
                    rest = rest[2:].lstrip(" ")
                elif "." in rest[:16]:
                    rest = _selected(fields, rest)
    if depth < _RELAYS and _RELAYED.match(rest) is not None:
        inner = _tolerant(rest, received, zone, False, depth + 1)
        if inner is not None:
            return _relayed(fields, host, inner)
    sequenced = _SEQUENCE.match(rest)
    if sequenced is not None and sequenced[1] is not None and depth < _RELAYS:  # Cisco behind a relay
        fields["event.sequence"] = int(sequenced[1])
        inside = stamp(rest, sequenced.end(), received, zone)
        if inside is not None and rest[inside.end : inside.end + 1] == ":":
            if inside.certain:
                fields["@timestamp"] = inside.when
            return _finish(fields, rest[inside.end + 1 :].lstrip(" "), host)
    found = _TAG.match(rest) or _TAG_WITH_PID.match(rest) or _TAG_NESTED.match(rest)
    if found is None:
        if stamped.rfc3339 and host is not None and (found := _VERSIONLESS.match(rest)) is not None:
            app, procid, msgid = found.groups()
            return _ended(fields, _described(fields, rest, found.end(), app, msgid), host, app, procid)
        if strict and (host is None or rest[:1] not in ("%", "{")):
            return None
        return _finish(fields, rest, host)
    if strict and (host is None or not _plausible(host, found, stamped)):
        return None
    return _finish(fields, _message(rest, found), host, found[1], found[2] if found.re.groups > 1 else None)


def _plausible(host: str, tag: re.Match[str], stamped: Stamp) -> bool:
    """Whether "date time word word:" without a priority is a syslog line, or a program's own log in words."""
    if tag.re.groups > 1 and tag[2] is not None:
        return True
    if tag[1].lower() in _CERTAIN:
        return True
    return tag[1][0].islower() and (stamped.rfc3339 or any(c in ".-0123456789" for c in host))


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
