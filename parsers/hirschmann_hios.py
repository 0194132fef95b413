"""Hirschmann switches with HiOS and with the Classic software (L2P, L3P): the log of the FASTPATH code beneath.

::

    <190>Jan  2 03:04:05 192.0.2.21-1 TRAPMGR[82338928]: traputil.c(614) 51 %% Link Down: Unit: 1 Slot: 0 Port: 3
    <189>Jan  2 03:04:05 rsp-1 USERMGMT[81222144]: usmgmt.c(880) 12 %% User admin failed to login from 192.0.2.66 via SSH
    <189>Jan  2 03:04:05 rsp-1 CLI_WEB[81222144]: cmd_logger_api.c(83) 13 %% WEB:192.0.2.7:admin:User logged in

A component, its task (an address, or a name: ``[emWeb]``), file, line and serial number, then ``%%`` and the text.
Switches of other makers with this code (Dell, Netgear, Edgecore) are told alike: no vendor is claimed.
"""  # noqa: E501  (records as they are sent)

import re

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar.switches import action, interface, stranger, who

_HEAD = re.compile(
    r"(?:(?P<component>\w{2,20})\[[\w .\-]{1,24}\]: )?"
    r"(?P<file>\w{1,40}\.c)\((?P<line>\d{1,6})\) (?P<serial>\d{1,10}) %% "
    r"(?:(?:EMER|ALRT|CRIT|ERRO?R?|WARN|NOTE|INFO|DBUG) )?"
)
_MARK = re.compile(rb"(?:\w{2,20}\[[\w .\-]{1,24}\]: )?\w{1,40}\.c\(\d{1,6}\) \d{1,10} %% ")
_HOST = r"(?P<host>[0-9A-Fa-f.:]{3,45})"
_USER = r"'?(?P<user>[^\s':]{1,64})'?"
_PORT = r"(?:Unit: ?\d+,? ?Slot: ?\d+,? ?Port: ?(?P<number>\d+)|(?:[Ii]nterface|[Pp]ort):? ?(?P<port>\d[\w/.]{0,15}))"
_MAC = r"(?P<mac>[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5})"
_FROM = rf"(?:.{{0,20}}? from {_HOST})?(?: via (?P<by>\w{{2,10}}))?"
_COMMAND = rf"(?P<by>[A-Z]{{2,8}}):{_HOST}:{_USER}:User +"
_BEEN = r"(?:was |is |has been )?"
_REFUSED = r"(?:failed to log ?in|log ?in failed|[Ll]ogin failure)"
_ATTEMPT = r"(?:[Ff]ailed|[Uu]nsuccessful) (?:user )?login (?:attempt )?(?:of|for|by) (?:user )?"
_TEXTS: tuple[tuple[str, str | None, re.Pattern[str]], ...] = tuple(
    (name, outcome, re.compile(pattern))
    for name, outcome, pattern in (
        ("login", "failure", rf"(?:User {_USER} )?{_REFUSED}{_FROM}"),
        ("login", "failure", rf"{_ATTEMPT}{_USER}{_FROM}"),
        ("login", "failure", rf"{_COMMAND}{_REFUSED}"),
        ("login", "success", rf"{_COMMAND}(?:has )?logged in"),
        ("logout", None, rf"{_COMMAND}(?:has )?logged (?:out|off)"),
        ("login", "success", rf"User {_USER} (?:has )?(?:successfully )?logged in{_FROM}"),
        ("logout", None, rf"User {_USER} (?:has )?logged (?:out|off){_FROM}"),
        ("account-locked", None, rf"User (?:account )?{_USER} {_BEEN}locked"),
        ("user-created", "success", rf"User (?:account )?{_USER} {_BEEN}(?:created|added)"),
        ("user-deleted", "success", rf"User (?:account )?{_USER} {_BEEN}(?:deleted|removed)"),
        ("password-changed", "success", rf"Password (?:of|for) (?:user )?{_USER} {_BEEN}changed"),
        ("link-up", None, rf"Link [Uu]p:? .{{0,20}}?{_PORT}"),
        ("link-down", None, rf"Link [Dd]own:? .{{0,20}}?{_PORT}"),
        ("port-security", None, rf"Port ?[Ss]ecurity (?:[Vv]iolation|Trap).{{0,40}}?{_PORT}(?:.{{0,40}}?{_MAC})?"),
        ("configuration-saved", "success", rf"Configuration {_BEEN}saved"),
        ("configuration-loaded", "success", rf"Configuration {_BEEN}(?:loaded|restored|imported)"),
        ("configuration-changed", "success", rf"Configuration {_BEEN}(?:changed|modified)"),
        ("configuration-changed", "success", r"'(?:startup|running)-config' has changed"),
        ("firmware-loaded", "success", rf"(?:Firmware|Software|Image) {_BEEN}(?:updat|load|upgrad)"),
        ("cold-start", None, r"[Cc]old ?[Ss]tart"),
        ("warm-start", None, r"[Ww]arm ?[Ss]tart"),
        ("power", None, r"[Pp]ower [Ss]upply"),
        (
            "topology-changed",
            None,
            r"(?:Spanning Tree|MRP|RSTP|HIPER).{0,60}(?:[Tt]opology|[Rr]ing|state).{0,40}[Cc]hang",
        ),
    )
)


def parse(frame: Frame) -> Fields:
    head = _HEAD.match(frame.text)
    if head is None:
        raise ParseError("hirschmann_hios: no file.c(line) number %% before the text")
    text = frame.text[head.end() :].strip()
    fields: Fields = {
        "event.category": ["host"],
        "event.type": ["info"],
        "observer.type": "switch",
        "event.sequence": int(head["serial"]),
        "log.origin.file.name": head["file"],
        "log.origin.file.line": int(head["line"]),
    }
    if text:
        fields["message"] = text
    for name, outcome, pattern in _TEXTS:
        found = pattern.match(text)
        if found is None:
            continue
        said = found.groupdict()
        action(fields, name, outcome)
        who(fields, said.get("user"), said.get("host"), said.get("by"))
        at = said.get("port") or said.get("number")
        if at:
            interface(fields, at)
        stranger(fields, said.get("mac"))
        break
    return fields


_SWITCH, _LOGON = LogSource(product="hirschmann"), LogSource("hirschmann", "authentication")


def route(fields: Fields) -> LogSource:
    return _LOGON if "authentication" in fields.get("event.category", ()) else _SWITCH


FORMAT = LogFormat(
    id="hirschmann_hios",
    vendor="Hirschmann",
    product="HiOS and Classic switches",
    logsource=_SWITCH,
    spec="https://www.doc.hirschmann.com/",
    parse=parse,
    inside="syslog",
    fingerprint=lambda head: _MARK.match(head) is not None,
    needs=(b" %% ",),
    route=route,
)
