"""pfSense and OPNsense: the packets that pf logs (filterlog), and who logs in to the web interface.

::

    <134>1 2026-01-02T03:04:05+00:00 fw-1.corp.example filterlog 72237 - - 146,,,1535324496,igb1.12,match,block,in,4,0x0,,63,32989,0,DF,6,tcp,60,10.20.1.7,198.51.100.5,49652,502,0,S,1818117648,,64240,,mss;sackOK
    Jan  2 03:04:06 fw-1 php-fpm[374]: /index.php: webConfigurator authentication error for user 'admin' from: 203.0.113.66

OPNsense has a hash where pfSense has the tracker of a rule, and leaves out the commas of what does not apply.
"""  # noqa: E501  (records as they are sent)

import re

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar.conversation import count, endpoints, transport
from parsers._grammar.people import account, remote

_VLAN = re.compile(r"\w+(?:\.|_vlan)(\d{1,4})")
_LOGIN = re.compile(
    r"(?P<page>/\S{0,256}?): "
    r"(?P<said>Successful login|webConfigurator authentication error|Web GUI authentication error|"
    r"User logged out|Session timed out|User account expired|Failed login)"
    r" for (?:user )?'(?P<user>[^']{0,256})' from:? (?P<ip>[0-9A-Fa-f:.%\w]{2,64})(?: \((?P<how>.{1,256})\))?.{0,64}",
    re.DOTALL,
)
_CHANGE = re.compile(
    r"(?:(?P<page>/\S{0,256}?): )?(?:Configuration Change: |user )(?P<user>[^\s@]{1,256})@(?P<ip>[0-9A-Fa-f:.]{2,64})"
    r"(?P<rest>(?: \([^)]{1,128}\))?(?::| changed configuration).{0,2048})",
    re.DOTALL,
)
_ENDS = ("User logged out", "Session timed out")
_TYPES = {"pass": "allowed", "block": "denied", "reject": "denied", "unkn(11)": "denied", "rdr": "info", "nat": "info"}
_DIRECTIONS = {"in": "inbound", "out": "outbound"}
_LONGEST = 4096  # keeps every expression quick


def parse(frame: Frame) -> Fields:
    text = frame.text.strip()
    if len(text) > _LONGEST:
        raise ParseError("pfsense_filterlog: longer than any message")
    if text[:1] == "/" or text.startswith(("Configuration Change", "user ")):
        fields = _interface(text)
    else:
        fields = _packet(text.split(","))
    fields["observer.type"] = "firewall"
    if frame.opened is not None and "host.name" in frame.opened.fields:
        fields["observer.name"] = frame.opened.fields["host.name"]
    elif frame.opened is None:
        fields["message"] = text
    return fields


def _packet(row: list[str]) -> Fields:
    if len(row) < 9:
        raise ParseError(f"pfsense_filterlog: a packet with {len(row)} columns")
    number, _, anchor, tracker, interface, reason, action, direction, version = row[:9]
    fields: Fields = {
        "event.action": action,
        "event.category": ["network"],
        "event.type": ["connection", _TYPES.get(action, "info")],
    }
    for name, value in (
        ("rule.id", tracker if tracker not in ("", "0") else number),
        ("rule.ruleset", anchor),
        ("event.reason", reason),
        ("observer.ingress.interface.name", interface),
    ):
        if value:
            fields[name] = value
    if not action:
        del fields["event.action"]
    if direction in _DIRECTIONS:
        fields["network.direction"] = _DIRECTIONS[direction]
    vlan = _VLAN.fullmatch(interface)
    if vlan is not None:
        fields["network.vlan.id"] = fields["observer.ingress.vlan.id"] = vlan[1]
    if version == "4" and len(row) >= 20:
        protocol, name, length, at = row[15], row[16], row[17], 18
    elif version == "6" and len(row) >= 17:
        name, protocol, length, at = row[12], row[13], row[14], 15
    else:
        raise ParseError(f"pfsense_filterlog: a packet of IP version {version[:8]!r} with {len(row)} columns")
    name = name.lower()
    ports = name in ("tcp", "udp", "sctp") and len(row) > at + 3
    endpoints(fields, row[at], row[at + 2] if ports else None, row[at + 1], row[at + 3] if ports else None)
    if "source.ip" not in fields or "destination.ip" not in fields:
        raise ParseError("pfsense_filterlog: a packet without its addresses")
    transport(fields, protocol)
    if name and not name.isdigit() and name != "options":
        transport(fields, "ipv6-icmp" if name == "icmp" and version == "6" else name)
    size = count(length)
    if size is not None:
        fields["network.bytes"] = size
    if name == "tcp" and len(row) > at + 5 and row[at + 5]:
        fields["tieline.pfsense.tcp_flags"] = row[at + 5]
    elif "icmp" in name and len(row) > at + 2 and row[at + 2]:
        fields["tieline.pfsense.icmp_type"] = row[at + 2]
    return fields


def _interface(text: str) -> Fields:
    found = _LOGIN.fullmatch(text)
    if found is not None:
        said = found["said"]
        if said in _ENDS:
            fields: Fields = {"event.action": "logout", "event.category": ["session"], "event.type": ["end"]}
        else:
            good = said == "Successful login"
            fields = {
                "event.action": "web_login",
                "event.category": ["authentication"],
                "event.type": ["start" if good else "info"],
                "event.outcome": "success" if good else "failure",
            }
        fields["event.reason"] = said
        fields["url.path"] = found["page"]
        if found["how"]:
            fields["tieline.auth.method"] = found["how"]
    else:
        found = _CHANGE.fullmatch(text)
        if found is None:
            raise ParseError(f"pfsense_filterlog: unknown message {text[:80]!r}")
        fields = {"event.action": "changed_configuration", "event.category": ["configuration"]}
        fields["event.type"] = ["change"]
        fields["event.reason"] = found["rest"].strip(": ")
        if found["page"]:
            fields["url.path"] = found["page"]
    account(fields, found["user"])
    remote(fields, found["ip"])
    return fields


_FIREWALL = LogSource(product="pfsense", category="firewall")
_AUTHENTICATION = LogSource(product="pfsense", category="authentication")
_SYSTEM = LogSource(product="pfsense", service="system")


def route(fields: Fields) -> LogSource:
    category = fields.get("event.category") or ["network"]
    return _FIREWALL if category == ["network"] else _AUTHENTICATION if category == ["authentication"] else _SYSTEM


_PAGES = (b"ogin for ", b"uthentication error for ", b"User logged out for ", b"Session timed out for ")


def _is_one(head: bytes) -> bool:
    if head[:1] == b"/":
        if b"' from" in head:
            return any(said in head for said in _PAGES)
        return b": Configuration Change: " in head or b" changed configuration" in head
    return head.startswith((b"user ", b"Configuration Change: ")) and b" changed configuration to " in head


FORMAT = LogFormat(
    id="pfsense_filterlog",
    vendor="Netgate, Deciso",
    product="pfSense, OPNsense",
    logsource=_FIREWALL,
    spec="https://docs.netgate.com/pfsense/en/latest/monitoring/logs/raw-filter-format.html https://github.com/opnsense/ports/blob/master/opnsense/filterlog/files/description.txt",
    parse=parse,
    inside="syslog",
    programs=("filterlog",),
    fingerprint=_is_one,
    needs=(*_PAGES, b": Configuration Change: ", b" changed configuration"),
    route=route,
)
