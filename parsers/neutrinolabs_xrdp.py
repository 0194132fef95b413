"""xrdp and xrdp-sesman, 0.9 and 0.10, through syslog or from their own files.

::

    Jan  2 03:04:05 jump-1 xrdp-sesman[901]: [INFO ] ++ created session (access granted): username m.keller, ip ::ffff:10.8.0.6:51234 - socket: 12
    [20260102-03:04:05] [INFO ] AUTHFAIL: user=m.keller ip=10.8.0.6 time=1767323045
    [2026-01-02T03:04:05.123+0100] [INFO ] Access permitted for user: m.keller

"rdp_login" is what sesman decided. 0.9 says the address with it; 0.10 only in the request before ("login_requested").
"""  # noqa: E501  (records as they are sent)

import re
from collections.abc import Callable

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import clock, pam
from parsers._grammar.addresses import endpoint
from parsers._grammar.people import account, remote

_OWN_FILE = re.compile(
    r"\[(\d{8}-\d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4})\] "
    r"(?=\[(?:CORE |ERROR|WARN |INFO |DEBUG|TRACE)\] )"
)
_LEVEL = re.compile(r"\[(CORE|ERROR|WARN|INFO|DEBUG|TRACE) *\] *")
_ORIGIN = re.compile(r"\[(?:pid:(\d{1,10}) tid:-?\d+|\w+\([\w./\-]+:\d+\))\] *")
_LEVELS = {"CORE": "info", "ERROR": "error", "WARN": "warning", "INFO": "info", "DEBUG": "debug", "TRACE": "trace"}

_SESSION = re.compile(
    r"\+\+ (created|reconnected|terminated) session(?: \(access granted\))?: +username (.*?)"
    r"(?:, display :?([\d.]+))?(?:, session_pid (\d{1,10}))?(?:, ip (\S+)( - socket: \d+)?)?",
    re.DOTALL,
)
_AUTHFAIL = re.compile(r"AUTHFAIL: user=(.*) ip=(\S*) time=\d+", re.DOTALL)
_PERMITTED = re.compile(r"Access permitted for user: (.*)", re.DOTALL)
_WRONG = re.compile(r"(?:Username or password error|Username okay but group problem) for user: (.*)", re.DOTALL)
_REQUESTED = re.compile(r"Received (?:system|sys) login request from (.*) for user: (.*) IP: (\S*)", re.DOTALL)
_DENIED = re.compile(
    r"(?:.*Access (denied) for(?: user)? (\S+).*|User (.*) is not in .* group .*\. Access denied.*)", re.DOTALL
)
_NOT_ALLOWED = re.compile(
    r"(?:User (.*) not allowed on TS\. Connection terminated|login denied for user (.*))", re.DOTALL
)
_STARTING = re.compile(
    r"Starting session: session_pid (\d{1,10}), display :?([\d.]+)"
    r"(?:,.*?client ip (\S+)(?: - socket: \d+)?)?(?:,.*?user(?: name)? (.*))?",
    re.DOTALL,
)
_STARTED = re.compile(r"Session started successfully for user (.*) on display :?(\d+)", re.DOTALL)
_FINISHED = re.compile(r"Session on display :?(\d+) has finished\.?")
_LOGOUT = re.compile(r"Logging out (.*) from sesman", re.DOTALL)
_LOGIN = re.compile(
    r"(?:xrdp_mm_process_login_response: )?login (successful|failed|was successful)"
    r"(?: for (?:user:? ?(.*?))?(?: on )?(?:display :?\d+)?)?(?:[:,].*)?",
    re.DOTALL,
)
_CONNECTED = re.compile(
    r"(?:Socket \d+: |A )?(?:(?:AF_INET6?|AF_VSOCK|AF_UNIX) )?connection "
    r"(?:received|accepted) from (?:AF_INET6? )?(\S+?)(?:[: ]port:? ?(\d+))?"
)
_TLS = re.compile(
    r"(?:Non-)?TLS connection established from (\S+?)(?: port:? (\d+))?:? "
    r"(?:(?:TLSv?|SSLv?)([\d.]+) with (?:cipher )?(\S+)|with security level : \w+)"
)

_LONGEST = 4096  # a longer message is none of these, and keeps every expression quick
_NEW = ["connection", "start"]


def _address(fields: Fields, text: str | None, *, ported: bool = False) -> None:
    if not text or text == "unknown":
        return
    if ported:  # address:port without brackets, also for IPv6
        host, _, number = text.rpartition(":")
        remote(fields, host or text, number)
        return
    address, number_ = endpoint(text)
    remote(fields, address, None if number_ is None else str(number_))


def _login(outcome: str, name: str | None, action: str = "rdp_login") -> Fields:
    fields: Fields = {
        "event.action": action,
        "event.category": ["authentication"],
        "event.type": ["info"],
        "event.outcome": outcome,
    }
    if outcome == "success":
        fields["event.category"] = ["authentication", "session"]
        fields["event.type"] = ["start"]
    account(fields, name)
    return fields


def _of_session(text: str) -> Fields | None:
    found = _SESSION.fullmatch(text)
    if found is None:
        return None
    what, name, display, pid, address, socket = found.groups()
    if what == "terminated":
        fields: Fields = {"event.action": "session_terminated", "event.category": ["session"], "event.type": ["end"]}
        account(fields, name)
    else:
        fields = _login("success", name)
    _address(fields, address, ported=socket is not None)
    if display:
        fields["tieline.terminal"] = f":{display}"
    if pid:
        fields["tieline.session.pid"] = int(pid)
    return fields


def _authfail(text: str) -> Fields | None:
    found = _AUTHFAIL.fullmatch(text)
    if found is None:
        return None
    fields = _login("failure", found[1])
    _address(fields, found[2])
    return fields


def _access(text: str) -> Fields | None:
    found = _PERMITTED.fullmatch(text)
    if found is not None:
        return _login("success", found[1])
    found = _WRONG.fullmatch(text)
    if found is not None:
        return _login("failure", found[1])
    found = _DENIED.fullmatch(text)
    if found is not None:
        return _login("failure", found[2] or found[3], "access_denied")
    found = _NOT_ALLOWED.fullmatch(text)
    return None if found is None else _login("failure", found[1] or found[2], "access_denied")


def _root(text: str) -> Fields | None:
    return _login("failure", "root", "access_denied") if "root login is disabled" in text else None


def _received(text: str) -> Fields | None:
    found = _REQUESTED.fullmatch(text)
    if found is None:
        return None
    fields = _login("unknown", found[2], "login_requested")
    _address(fields, found[3])
    return fields


def _starting(text: str) -> Fields | None:
    fields: Fields = {"event.action": "session_started", "event.category": ["session"], "event.type": ["start"]}
    found = _STARTING.fullmatch(text)
    if found is not None:
        fields["tieline.session.pid"] = int(found[1])
        fields["tieline.terminal"] = f":{found[2]}"
        account(fields, found[4])
        _address(fields, found[3], ported="- socket: " in text)
        return fields
    if (found := _STARTED.fullmatch(text)) is not None:
        fields["tieline.terminal"] = f":{found[2]}"
        account(fields, found[1])
        return fields
    if (found := _FINISHED.fullmatch(text)) is not None:
        return {
            "event.action": "session_finished",
            "event.category": ["session"],
            "event.type": ["end"],
            "tieline.terminal": f":{found[1]}",
        }
    return None


def _logout(text: str) -> Fields | None:
    found = _LOGOUT.fullmatch(text)
    if found is None:
        return None
    fields: Fields = {"event.action": "logged_out", "event.category": ["session"], "event.type": ["end"]}
    account(fields, found[1])
    return fields


def _at_xrdp(text: str) -> Fields | None:
    found = _LOGIN.fullmatch(text)
    if found is None:
        return _access(text)
    return _login("failure" if found[1] == "failed" else "success", found[2], "login_response")


def _connection(text: str) -> Fields | None:
    fields: Fields = {"event.action": "connected", "event.category": ["network"], "event.type": _NEW.copy()}
    found = _CONNECTED.fullmatch(text)
    if found is not None:
        if found[2] is not None:
            remote(fields, found[1], found[2])
        else:
            _address(fields, found[1])
        return fields
    found = _TLS.match(text)
    if found is None:
        return None
    fields["event.action"] = "tls_established"
    if found[2] is not None:
        remote(fields, found[1], found[2])
    else:
        _address(fields, found[1])
    if found[3] is None:
        fields["event.action"] = "connected_without_tls"
    else:
        fields.update({"tls.version": found[3], "tls.version_protocol": "tls", "tls.cipher": found[4]})
    return fields


_BY_FIRST_WORD: dict[str, Callable[[str], Fields | None]] = {
    "++": _of_session,
    "AUTHFAIL:": _authfail,
    "Access": _access,
    "User": _access,
    "Username": _access,
    "ROOT": _root,
    "Received": _received,
    "Starting": _starting,
    "Session": _starting,
    "Logging": _logout,
    "login": _at_xrdp,
    "xrdp_mm_process_login_response:": _at_xrdp,
    "Socket": _connection,
    "A": _connection,
    "AF_INET": _connection,
    "AF_INET6": _connection,
    "TLS": _connection,
    "Non-TLS": _connection,
}


def parse(frame: Frame) -> Fields:
    text = frame.text
    fields: Fields = {}
    if frame.opened is None:
        found = _OWN_FILE.match(text)
        if found is None:
            raise ParseError("neutrinolabs_xrdp: not a line of xrdp's log file")
        when = _when(found[1], frame)
        if when is not None:
            fields["@timestamp"] = when
        text = text[found.end() :].rstrip("\r\n\x00")
    text = text.lstrip()
    level = _LEVEL.match(text)
    if level is not None:
        fields["log.level"] = _LEVELS[level[1]]
        text = text[level.end() :]
        while (origin := _ORIGIN.match(text)) is not None:
            if origin[1] is not None:
                fields["process.pid"] = int(origin[1])
            text = text[origin.end() :]
    if frame.opened is None:
        fields["message"] = text
    text = text.strip()
    read = _BY_FIRST_WORD.get(text.partition(" ")[0])
    said = None if len(text) > _LONGEST else pam.message(text) if read is None else read(text)
    if said is None and len(text) <= _LONGEST and "ccess denied for" in text:
        said = _access(text)
    if said is not None:
        fields.update(said)
        if "source.ip" in said or said.get("event.action") == "rdp_login":
            fields["network.protocol"] = "rdp"
    elif not fields:
        raise ParseError(f"neutrinolabs_xrdp: unknown message {text[:80]!r}")
    return fields


def _when(stamp: str, frame: Frame) -> int | None:
    if stamp[8] == "-":
        stamp = f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]}T{stamp[9:]}"
    return clock.iso(stamp, frame.zone)


_LOGSOURCE = LogSource(product="xrdp")
_AUTHENTICATION = LogSource(product="xrdp", category="authentication")


def route(fields: Fields) -> LogSource:
    return _AUTHENTICATION if "authentication" in fields.get("event.category", ()) else _LOGSOURCE


FORMAT = LogFormat(
    id="neutrinolabs_xrdp",
    vendor="Neutrino Labs",
    product="xrdp",
    logsource=_LOGSOURCE,
    spec="https://github.com/neutrinolabs/xrdp",
    parse=parse,
    inside="syslog",
    programs=("xrdp", "xrdp-sesman", "xrdp-sesexec", "xrdp-chansrv"),
    fingerprint=lambda head: head[:1] == b"[" and _OWN_FILE.match(head[:64].decode("latin-1")) is not None,
    firsts=b"[",
    route=route,
)
