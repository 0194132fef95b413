"""A syslog header read piece by piece, with everything that devices leave out or put in."""

import re
from datetime import tzinfo

from engine.model import Fields, Opened
from parsers._grammar import clock
from parsers._grammar.addresses import ip
from parsers._grammar.structured_data import structured_data
from parsers._grammar.syslog_parts import GRADED, NAMED, PRIORITY, finished
from parsers._grammar.syslog_stamps import Stamp, stamp

IPV6 = r"[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]{1,45}"
HOST = r"[A-Za-z][\w.\-]*|\d{1,3}(?:\.\d{1,3}){3}"
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
_HOST_COLON = re.compile(rf"({HOST}|{IPV6}): (?=\d+: |[*.]?[A-Z][a-z]{{2}} [ 0-3]?\d |[*.]?\d{{4}} [A-Z][a-z]{{2}} )")
_TAG = re.compile(r"([A-Za-z_/][\w./@+()\-]*)\]?(?:\[([^\]\s]{0,64})\])?:(?= |$)")  # "gdm-password]:" is gdm's own slip
_TAG_WITH_PID = re.compile(r"([A-Za-z_/][\w./@+()\-]*(?: [\w.\-]+){0,3}) ?\[(\d{1,10})\]:")
_TAG_NESTED = re.compile(r"([\w.\-]+\[\d+\] \([^)\s]{1,128}\)):(?= |$)")  # macOS launchd
_HOST_TOKEN = re.compile(rf"({HOST}|[A-Za-z0-9_][\w.\-]*|\[?{IPV6}\]?)(?:: +| +|$)")
_RELAYED = re.compile(
    r"<\d{1,3}>|1 \d{4}-\d\d-\d\dT\d\d|"
    r"[*.]?(?:[A-Z][a-z]{2} [ 0-3]?\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)"
)
# A date and a time, a word, and one of these with a colon: that is a syslog line, whatever the word.
_CERTAIN = frozenset(
    ("kernel", "sshd", "su", "sudo", "systemd", "systemd-logind", "cron", "crond", "anacron", "rsyslogd", "syslogd",
     "syslog-ng", "dhclient", "dhcpd", "ntpd", "chronyd", "named", "snmpd", "login", "useradd", "userdel", "usermod",
     "groupadd", "groupdel", "passwd", "auditd", "audispd", "polkitd", "dbus-daemon", "networkmanager", "postfix",
     "openvpn", "charon", "xrdp", "xrdp-sesman", "nginx", "haproxy", "squid", "dnsmasq", "dnsmasq-dhcp", "hostapd",
     "ufw", "filterlog", "init", "logger", "vsftpd", "ftpd", "telnetd", "dropbear", "inetd", "xinetd", "multipathd")
)  # fmt: skip
LEVELS = frozenset(("INFO", "WARN", "WARNING", "ERROR", "DEBUG", "FATAL", "TRACE", "NOTICE", "CRITICAL", "SEVERE"))

_RELAYS = 3


def tolerant(text: str, received: int, zone: tzinfo | None, lenient: bool, depth: int) -> Opened | None:
    """``syslog.header``, whatever the line; ``depth`` is the number of headers before it."""
    text = text.lstrip("\ufeff \r\n\x00")
    counted = _OCTETS.match(text)
    if counted is not None:
        text = text[counted.end() :].lstrip("\ufeff")
    if text[:1] in ("<", "1", "2", "3", "4", "5", "6", "7", "8", "9"):
        opened = rfc5424(text, received, zone, depth) or epoch(text)
        if opened is not None:
            return opened
    fields: Fields = {}
    at = 0
    found = _PRI.match(text)
    if found is not None and int(found[1]) < 192:
        fields.update(PRIORITY[int(found[1])])
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
            return finished(fields, _message(rest, found), host, found[1], found[2])
        return finished(fields, rest, host)
    rest = _selected(fields, text[stamped.end :].lstrip(" "))
    return _body(fields, rest, host, stamped, received, zone, depth, strict=strict)


def rfc5424(text: str, received: int, zone: tzinfo | None, depth: int) -> Opened | None:
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
        fields.update(PRIORITY[int(priority)])
    elif moment == "-":
        return None
    if text[found.end() - 1 : found.end()] != " " and priority is None:
        return None
    fields["log.syslog.version"] = version
    message = _described(fields, text, found.end(), app, msgid)
    if app == "-" and procid == "-" and depth < _RELAYS and _RELAYED.match(message) is not None:
        inner = tolerant(message, received, zone, False, depth + 1)
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
    opened = finished(
        fields, message, None if host == "-" else host, None if app == "-" else app, procid if procid != "-" else None
    )
    if app == "-" and procid != "-":
        fields["log.syslog.procid"] = procid
        if procid.isascii() and procid.isdigit() and len(procid) <= 10:
            fields["process.pid"] = int(procid)
    return opened


def epoch(text: str) -> Opened | None:
    found = _EPOCH.match(text)
    if found is None or (found[1] is not None and int(found[1]) > 191):
        return None
    fields: Fields = {"@timestamp": int(found[2]) * 1_000_000_000 + int(found[3].ljust(9, "0"))}
    if found[1] is not None:
        fields.update(PRIORITY[int(found[1])])
    return finished(fields, text[found.end() :], found[4])


def _selected(fields: Fields, rest: str) -> str:
    """The selector that some daemons write behind the time or the host: ``<auth.notice>``, ``daemon.info``."""
    found = _SELECTOR.match(rest)
    if found is None:
        return rest
    facility, severity = NAMED.get(found[1]), GRADED.get(found[2])
    if facility is None or severity is None:
        return rest
    fields.update(PRIORITY[facility << 3 | severity])
    return rest[found.end() :]


def _message(rest: str, tag: re.Match[str]) -> str:
    message = rest[tag.end() :]
    return message[1:] if message[:1] == " " else message


def _without_time(fields: Fields, rest: str, host: str | None) -> Opened:
    found = _TAG.match(rest)
    if found is not None and (found[2] is not None or rest[0].islower()):
        return finished(fields, _message(rest, found), host, found[1], found[2])
    first, _, second = rest.partition(" ")
    found = (
        _TAG.match(second) if host is None and _HOST_TOKEN.fullmatch(first) is not None and first[-1:] != ":" else None
    )
    if found is not None and found[2] is not None:
        return finished(fields, _message(second, found), first, found[1], found[2])
    return finished(fields, rest, host)


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
                return finished(fields, following, None, tag[1], tag[2])
        elif not rest.startswith("last message repeated "):
            token = _HOST_TOKEN.match(rest)
            if token is not None and not (strict and (token[1] in LEVELS or token[1].isdigit())):
                host, rest = token[1].strip("[]"), rest[token.end() :]
                if rest.startswith(host + " "):  # UniFi says it twice
                    rest = rest[len(host) + 1 :]
                if rest.startswith(": "):  # Cisco's "host : %ASA"
                    rest = rest[2:].lstrip(" ")
                elif "." in rest[:16]:
                    rest = _selected(fields, rest)
    if depth < _RELAYS and _RELAYED.match(rest) is not None:
        inner = tolerant(rest, received, zone, False, depth + 1)
        if inner is not None:
            return _relayed(fields, host, inner)
    sequenced = _SEQUENCE.match(rest)
    if sequenced is not None and sequenced[1] is not None and depth < _RELAYS:  # Cisco behind a relay
        fields["event.sequence"] = int(sequenced[1])
        inside = stamp(rest, sequenced.end(), received, zone)
        if inside is not None and rest[inside.end : inside.end + 1] == ":":
            if inside.certain:
                fields["@timestamp"] = inside.when
            return finished(fields, rest[inside.end + 1 :].lstrip(" "), host)
    found = _TAG.match(rest) or _TAG_WITH_PID.match(rest) or _TAG_NESTED.match(rest)
    if found is None:
        if stamped.rfc3339 and host is not None and (found := _VERSIONLESS.match(rest)) is not None:
            app, procid, msgid = found.groups()
            return _ended(fields, _described(fields, rest, found.end(), app, msgid), host, app, procid)
        if strict and (host is None or rest[:1] not in ("%", "{")):
            return None
        return finished(fields, rest, host)
    if strict and (host is None or not _plausible(host, found, stamped)):
        return None
    return finished(fields, _message(rest, found), host, found[1], found[2] if found.re.groups > 1 else None)


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
