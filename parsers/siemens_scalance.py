"""Siemens SCALANCE switches, access points and firewalls (X, W, M, S), and what speaks like them (RF, CC7).

::

    <134>1 2026-01-02T03:04:05Z 192.0.2.20 SCALANCE - - [meta sequenceId="7"] WBM: User admin failed to log in from 192.0.2.66.
    <134>Jan  2 03:04:05 scalance-1 SSH: User admin logged in from 192.0.2.7.
    <134>Jan  2 03:04:05 scalance-s DROP(1) in:vlan2 out:vlan1 len:60 s-mac:00:00:5e:00:53:66 d-mac:00:00:5e:00:53:01 s-ip:192.0.2.66 d-ip:198.51.100.9 TCP:40022->102

The texts are those of the appendix "Syslog messages" of each device's configuration manual.
"""  # noqa: E501  (records as they are sent)

import re

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar.addresses import ip, mac, port
from parsers._grammar.people import user
from parsers._grammar.switches import action, interface, who

_BY = r"(?:(?P<by>[A-Za-z][\w \-]{1,15}): )?"
_USER = r"User (?P<user>\S{1,64})"
_FROM = r"(?: from (?P<host>[0-9A-Fa-f.:]{3,45}))?\.?\s*"
_OTHER = r"(?P<other>\S{1,64}?)(?: .{1,120})?\.?\s*"
_FIREWALL_USER = r'User specific firewall user "(?P<user>[^"]{1,64})"'
_RULE_SET = r'rule ?set "(?P<ruleset>[^"]{1,80})"'
_WITH_IP = r'"(?P<host>[0-9A-Fa-f.:]{3,45})"'
_FILE = r"file type (?P<file>.{1,120}?)\.{0,2}\s*"
_TEXTS: tuple[tuple[str, str | None, re.Pattern[str]], ...] = tuple(
    (name, outcome, re.compile(_BY + pattern))
    for name, outcome, pattern in (
        ("login", "success", rf"(?:Default u|U){_USER[1:]} (?:has )?logged in{_FROM}"),
        ("login", "failure", rf"{_USER} failed to log in{_FROM}"),
        ("logout", "success", rf"{_USER} (?:has )?logged out{_FROM}"),
        ("account-locked", None, rf"{_USER} account is locked for \d{{1,6}} minutes? after .{{1,80}}"),
        ("session-timeout", None, r"The session of user (?P<user>\S{1,64}) was closed after .{1,80}"),
        ("session-timeout", None, r"Remote session .{1,80}? was closed after \d{1,9} seconds of inactivity\.?\s*"),
        ("sessions-exceeded", None, r"The maximum number of \d{1,6} concurrent login sessions? exceeded\.?\s*"),
        ("login", "success",
         rf'{_FIREWALL_USER} activated {_RULE_SET} with ip(?: address)? {_WITH_IP}.*'),
        ("logout", None,
         rf"{_FIREWALL_USER} (?:{_RULE_SET} time expired|(?:logged out|deactivated) by .{{1,60}}?)\.?\s*"),
        ("rule-set", None,
         (rf"User specific firewall digital input \S{{1,16}} (?:de)?activated {_RULE_SET}"
          rf"(?: with ip(?: address)? {_WITH_IP})?\.?\s*")),
        ("communication-changed", "success", rf"{_USER} (?:started|stopped) the process communication\.?\s*"),
        ("password-changed", "success",
         rf"{_USER} (?:has )?changed (?:the |own |his )?password(?: of user (?P<other>\S{{1,64}}?))?\.?\s*"),
        ("user-created", "success", rf"{_USER} created user-account {_OTHER}"),
        ("user-deleted", "success", rf"{_USER} deleted user-account {_OTHER}"),
        ("configuration-changed", "success", rf"{_USER} (?:has )?changed (?:.{{1,80}} )?configuration\.?\s*"),
        ("configuration-changed", "success", rf"{_USER} (?:created|deleted) group .{{1,160}}"),
        ("configuration-changed", "success", r"Device configuration changed\.?\s*"),
        ("configuration-changed", "success", r"Authentication was (?:enabled|disabled)\.?\s*"),
        ("configuration-saved", "failure", rf"{_USER} failed to save {_FILE}"),
        ("configuration-saved", "success", rf"(?:{_USER} )?[Ss]aved {_FILE}"),
        ("configuration-loaded", "failure", rf"{_USER} failed to load {_FILE}"),
        ("configuration-loaded", "success", rf"(?:{_USER} )?[Ll]oaded {_FILE}"),
        ("link-up", None, r"Link up on (?:port )?(?P<port>[\w./]{1,32}?)\.?\s*"),
        ("link-down", None, r"Link down on (?:port )?(?P<port>[\w./]{1,32}?)\.?\s*"),
        ("cold-start", None, r"(?:System )?[Cc]old ?start.{0,120}"),
        ("warm-start", None, r"(?:System )?[Ww]arm ?start.{0,120}"),
    )
)  # fmt: skip
_FIREWALL = re.compile(
    r"(?P<verdict>ACCEPT|DROP|REJECT)\(\d\) in:(?P<in>\S*) out:(?P<out>\S*) len:\d+ "
    r"s-mac:(?P<smac>\S*) d-mac:(?P<dmac>\S*) s-ip:(?P<sip>\S+) d-ip:(?P<dip>\S+) "
    r"(?P<protocol>\w+)(?::(?P<sport>\d+)->(?P<dport>\d+))?"
)
_MARK = re.compile(
    rb"(?:WBM|Telnet|SSH|Console|PNIO|OPC|HTTPS?|TFTP|SFTP|CLI|SNMP|TIA|NETCONF|DCP): "
    rb"(?:(?:Default u|U)ser \S+ "
    rb"(?:has |logged|failed to|changed|created|deleted|saved|loaded|account|st(?:arted|opped) the )|"
    rb"The session of user |The maximum number of \d{1,6} concurrent login |Saved file type |Loaded file type |"
    rb"Remote session [^:]{1,80} was closed after )|User specific firewall (?:user \"|digital input )|"
    rb"(?:Default u|U)ser \S+ (?:(?:has )?logged (?:in|out)|failed to log in)(?: from \S+)?\.\s*$|"
    rb"User \S+ account is locked for \d|Device configuration changed\.|"
    rb"(?:ACCEPT|DROP|REJECT)\(\d\) in:|Link (?:up|down) on P\d"
)


def parse(frame: Frame) -> Fields:
    text = frame.text.strip()
    fields: Fields = {"observer.vendor": "Siemens", "observer.type": "switch"}
    if text[:4] in ("ACCE", "DROP", "REJE"):
        _firewall(text, fields)
        return fields
    program = frame.opened.program if frame.opened is not None else None
    for name, outcome, pattern in _TEXTS:
        found = pattern.fullmatch(text)
        if found is None:
            continue
        said = found.groupdict()
        if "firmware" in (said.get("file") or "").lower() and name == "configuration-loaded":
            name = "firmware-loaded"
        action(fields, name, outcome)
        by = said.get("by") or (program if program in ("wbm", "ssh", "telnet", "console", "pnio", "https") else None)
        who(fields, said.get("user"), said.get("host"), by)
        if text.find("Default user ") >= 0:
            fields["tieline.switch.default_user"] = True
        other = said.get("other")
        if other:
            user(fields, other, "user.target.name")
        if said.get("file"):
            fields["file.type"], fields["tieline.switch.file"] = "file", said["file"]
        if said.get("port"):
            interface(fields, said["port"])
        if said.get("ruleset"):
            fields["rule.ruleset"] = said["ruleset"]
        return fields
    raise ParseError("siemens_scalance: a text that is in none of the manuals")


def _firewall(text: str, fields: Fields) -> None:
    found = _FIREWALL.match(text)
    if found is None:
        raise ParseError("siemens_scalance: a firewall record without in:, s-ip: and d-ip:")
    said = found.groupdict()
    action(fields, "firewall")
    allowed = said["verdict"] == "ACCEPT"
    fields["event.action"] = said["verdict"].lower()
    fields["event.type"] = ["connection", "allowed" if allowed else "denied"]
    fields["observer.type"] = "firewall"
    fields["network.transport"] = {"icmpv6": "ipv6-icmp"}.get(said["protocol"].lower(), said["protocol"].lower())
    for side, address, link, number in (
        ("source", said["sip"], said["smac"], said["sport"]),
        ("destination", said["dip"], said["dmac"], said["dport"]),
    ):
        known, at, hardware = ip(address), port(number), mac(link)
        if known is not None:
            fields[f"{side}.ip"] = fields[f"{side}.address"] = known
            fields["network.type"] = "ipv6" if ":" in known else "ipv4"
        if at is not None:
            fields[f"{side}.port"] = at
        if hardware is not None:
            fields[f"{side}.mac"] = hardware
    for name, field in (("in", "observer.ingress.interface.name"), ("out", "observer.egress.interface.name")):
        if said[name]:
            fields[field] = said[name]
    addresses = [fields[f"{side}.ip"] for side in ("source", "destination") if f"{side}.ip" in fields]
    if addresses:
        fields["related.ip"] = list(dict.fromkeys(addresses))


_SWITCH = LogSource(product="scalance")
_LOGON, _FILTER = LogSource("scalance", "authentication"), LogSource("scalance", "firewall")


def route(fields: Fields) -> LogSource:
    if "authentication" in fields.get("event.category", ()):
        return _LOGON
    return _FILTER if fields.get("observer.type") == "firewall" else _SWITCH


FORMAT = LogFormat(
    id="siemens_scalance",
    vendor="Siemens",
    product="SCALANCE",
    logsource=_SWITCH,
    spec="https://www.easymanua.ls/siemens/simatic-net-scalance-s615/manual/714006?p=303",
    parse=parse,
    inside="syslog",
    programs=("wbm", "pnio"),
    fingerprint=lambda head: _MARK.match(head) is not None,
    firsts=b"ACDHLNOPRSTUW",
    route=route,
)
