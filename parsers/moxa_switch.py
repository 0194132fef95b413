"""Moxa EDS, PT, IKS, MDS switches: the events of the firmware 3 line, and those of MX-NOS.

::

    <133>Jan  2 03:04:05 eds-1 Moxa: 192.0.2.7 admin Auth. fail
    <133>Jan  2 03:04:05 eds-1 Port 3 link off
    <133>1 2026-01-02T03:04:05Z mds-1 Moxa - - - [Account: admin] successfully logged in via HTTPS. IP: 192.0.2.7

The texts are those of the chapters "Event Log" and "Syslog" of the user's manuals.
"""

import re

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar.switches import action, interface, stranger, who

_HOST = r"(?P<host>[0-9A-Fa-f.:]{3,45})"
_USER = r"(?P<user>[^\s\]]{1,64})"
_ACCOUNT = rf"\[?Account:? ?\[?{_USER}\]? "
_VIA = rf" via (?P<by>[\w ]{{1,20}}?)(?:[.,]? .{{0,8}}?(?:IP|from):? ?{_HOST})?\.?$"
_PORT = r"(?P<port>[\w/.\-]{1,16})"
_MAC = r"(?P<mac>[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5})"
_BEEN = r"(?:was |is |has been )?"
_TEXTS: tuple[tuple[str, str | None, re.Pattern[str]], ...] = tuple(
    (name, outcome, re.compile(pattern))
    for name, outcome, pattern in (
        ("login", "success", rf"(?:{_HOST} )?{_USER} [Aa]uth\. ok"),
        ("login", "failure", rf"(?:{_HOST} )?{_USER} [Aa]uth\. fail"),
        ("login", "success", rf"{_ACCOUNT}successfully logged in{_VIA}"),
        ("login", "failure", rf"{_ACCOUNT}(?:failed to log ?in|log ?in failed|login fail){_VIA}"),
        ("logout", None, rf"{_ACCOUNT}(?:successfully )?logged out"),
        ("account-locked", None, rf"{_ACCOUNT}{_BEEN}locked"),
        ("user-created", "success", rf"{_ACCOUNT}{_BEEN}(?:created|added)"),
        ("user-deleted", "success", rf"{_ACCOUNT}{_BEEN}(?:deleted|removed)"),
        ("password-changed", "success", rf"Password of account {_USER} {_BEEN}changed"),
        ("password-changed", "success", rf"{_ACCOUNT}password {_BEEN}changed"),
        ("link-up", None, rf"(?:Interface|Port) ?{_PORT} link (?:on|up)"),
        ("link-down", None, rf"(?:Interface|Port) ?{_PORT} link (?:off|down)"),
        ("configuration-changed", "success",
         rf"Configuration [Cc]hanged?(?: activated)?(?:.{{0,80}}? by (?:user )?{_USER})?"),
        ("configuration-loaded", "success", r"Configuration (?:file )?import"),
        ("configuration-saved", "success", r"Configuration (?:file )?export"),
        ("firmware-loaded", "success", rf"Firmware {_BEEN}upgrad"),
        ("port-security", None, rf"Port {_PORT} (?:security|access) violation(?:.{{0,40}}?{_MAC})?"),
        ("cold-start", None, r"(?:Switch )?[Cc]old ?[Ss]tart"),
        ("warm-start", None, r"(?:Switch )?[Ww]arm ?[Ss]tart"),
        ("power", None, r"(?:Power|PWR) ?\d? ?(?:transition|is (?:on|off)|(?:On|Off) ?->)"),
        ("topology-changed", None,
         r"(?:Turbo Ring|Turbo Chain|RSTP|Topology|Comm\. Redundancy Topology).{0,40}chang|Topology changed"),
    )
)  # fmt: skip
_MARK = re.compile(
    rb"(?:Moxa: |\[Moxa[^\]]{0,40}\] )?(?:(?:[0-9A-Fa-f.:]{3,45} )?\S{1,64} [Aa]uth\. (?:ok|fail)|"
    rb"\[?Account: ?\S{1,64} (?:successfully logged|failed to log|log ?in fail|logged out|locked|is locked)|"
    rb"Port \d{1,2} link (?:on|off)|Configuration [Cc]hange activated|(?:Power|PWR) \d transition|Turbo Ring )"
)


def parse(frame: Frame) -> Fields:
    text = frame.text.strip()
    if text.startswith("Moxa: "):
        text = text[6:]
    elif text.startswith("[Moxa"):
        text = text.partition("] ")[2]
    for name, outcome, pattern in _TEXTS:
        found = pattern.match(text)
        if found is None:
            continue
        said = found.groupdict()
        fields: Fields = {"observer.vendor": "Moxa", "observer.type": "switch"}
        action(fields, name, outcome)
        who(fields, said.get("user"), said.get("host"), said.get("by"))
        if said.get("port"):
            interface(fields, said["port"])
        stranger(fields, said.get("mac"))
        return fields
    raise ParseError("moxa_switch: a text that is in none of the manuals")


_SWITCH, _LOGON = LogSource(product="moxa"), LogSource("moxa", "authentication")


def route(fields: Fields) -> LogSource:
    return _LOGON if "authentication" in fields.get("event.category", ()) else _SWITCH


FORMAT = LogFormat(
    id="moxa_switch",
    vendor="Moxa",
    product="EDS, PT, IKS, MDS switches",
    logsource=_SWITCH,
    spec="https://www.moxa.com/en/support/product-support/software-and-documentation",
    parse=parse,
    inside="syslog",
    programs=("moxa",),
    fingerprint=lambda head: _MARK.match(head) is not None,
    needs=(b"uth. ", b"Account:", b"Port ", b"Configuration ", b" transition", b"Turbo Ring "),
    route=route,
)
