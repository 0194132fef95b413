"""Cisco Meraki: MX, MR and MS syslog (flows, urls, events, ids-alerts, security_event, airmarshal_events).

::

    <134>1 1767323045.123456789 mx-plant flows deny src=192.0.2.66 dst=10.99.0.5 mac=00:00:5E:00:53:AF protocol=tcp sport=51234 dport=502
    <134>1 1767323045.123456789 mx-plant urls src=10.20.1.7:40022 dst=198.51.100.9:443 mac=00:00:5E:00:53:AF request: UNKNOWN https://www.example.com/...

The time is Unix time. "pattern: 1 …" is a flow that a rule denies, "pattern: 0 …" one that it allows.
"""

# ruff: noqa: E501  (records as they are sent)

import re
from collections.abc import Callable

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar.addresses import endpoint, ip, port
from parsers._grammar.cisco_ends import transport
from parsers._grammar.cisco_facts import cisco_mac, url
from parsers._grammar.people import account

_HEADER = re.compile(r"(?:<\d{1,3}>)?(?:1 )?(\d{10})\.(\d{1,9}) (\S{1,255}) (?=[a-z])")
_KINDS = (
    "flows", "firewall", "cellular_firewall", "vpn_firewall", "bridge_anyconnect_client_vpn_firewall", "ip_flow_start",
    "ip_flow_end", "urls", "events", "ids-alerts", "security_event", "airmarshal_events",
)  # fmt: skip
_KIND = re.compile(rf"({'|'.join(sorted(_KINDS, key=len, reverse=True))})(?: |$)")
_PAIR = re.compile(r"([A-Za-z][\w\-]{0,40})= ?(?:'([^']{0,2048})'|\"([^\"]{0,2048})\"|(\S{0,2048}))")
_REQUEST = re.compile(r"request: (\S{1,16}) (\S{1,4096})")
_PATTERN = re.compile(r"pattern: (?:(allow|deny|0|1)) ?(.{0,512})", re.DOTALL)
_MESSAGE = re.compile(r"message: (.{1,512})", re.DOTALL)
_MAC = r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}"
_IP = r"[0-9A-Fa-f.:]{2,45}"
_LEASE = re.compile(
    rf"dhcp lease of ip (?P<ip>{_IP}) from (?:server|mx) mac (?P<server>{_MAC})(?: for client mac (?P<mac>{_MAC}))?"
)
_NO_OFFER = re.compile(rf"dhcp no offers for mac (?P<mac>{_MAC})")
_ANYCONNECT = re.compile(
    rf"anyconnect_vpn_(?P<what>\w{{1,32}}) user id '(?P<user>[^']{{0,256}})' local ip (?P<inside>{_IP})(?: (?:re)?connected from (?P<src>{_IP}))?"
)
_CLIENT_VPN = re.compile(
    rf"client_vpn_(?P<what>connect|disconnect) user id '(?P<user>[^']{{0,256}})' local ip (?P<inside>{_IP})(?: connected from (?P<src>{_IP}))?"
)
_PEER = re.compile(
    rf"(?:.{{0,64}}?Server IP=(?P<dst>{_IP}) Server port=(?P<dport>\d{{1,5}}))?(?:.{{0,32}}?Prot\[(?P<transport>\w{{1,8}})\])?"
    rf".{{0,64}}?Peer IP=(?P<src>{_IP})(?: Peer port=(?P<sport>\d{{1,5}}))?(?:.{{0,32}}?User(?:=|\[)(?P<user>[^\]:]{{1,256}}))?"
)
_LONGEST = 16_384


def parse(frame: Frame) -> Fields:
    text = frame.text
    if len(text) > _LONGEST:
        raise ParseError("cisco_meraki: longer than any message")
    fields: Fields = {}
    head = _HEADER.match(text)
    if head is not None:
        fields["@timestamp"] = int(head[1]) * 1_000_000_000 + int(head[2].ljust(9, "0"))
        fields["host.hostname"] = fields["host.name"] = fields["observer.hostname"] = head[3]
        fields["related.hosts"] = [head[3]]
        text = text[head.end() :]
    elif frame.opened is not None and "host.hostname" in frame.opened.fields:
        fields["observer.hostname"] = frame.opened.fields["host.hostname"]
    kind = _KIND.match(text)
    if kind is None:
        raise ParseError("cisco_meraki: no kind of record (flows, urls, events, …) at the start")
    said = text[kind.end() :]
    fields["event.code"] = kind[1]
    fields["observer.vendor"], fields["observer.product"] = "Cisco", "meraki"
    fields["event.category"], fields["event.type"] = ["network"], ["info"]
    _READERS.get(kind[1], _flow)(fields, kind[1], said)
    addresses = [
        fields[n] for n in ("source.ip", "source.nat.ip", "destination.ip", "destination.nat.ip") if n in fields
    ]
    if addresses:
        fields["related.ip"] = list(dict.fromkeys(addresses))
    return fields


def _pairs(text: str) -> dict[str, str]:
    return {name: one or two or three for name, one, two, three in _PAIR.findall(text[:8192])}


def _ends(fields: Fields, pairs: dict[str, str], *, with_port: bool = False) -> None:
    for side, name, number in (("source", "src", "sport"), ("destination", "dst", "dport")):
        text = pairs.get(name)
        if text:
            address, at = endpoint(text)
            if with_port and at is None and ":" in text:  # "2001:db8::7:443", as urls write it
                whole, _, last = text.rpartition(":")
                address, at = ip(whole), port(last)
            if address is not None:
                fields[side + ".ip"] = fields[side + ".address"] = address
            if at is not None:
                fields[side + ".port"] = at
        at = port(pairs.get(number))
        if at is not None:
            fields[side + ".port"] = at
    if "protocol" in pairs:
        transport(fields, pairs["protocol"].partition("/")[0])
        if fields.get("network.transport") in ("icmp", "ipv6-icmp"):
            fields.pop("source.port", None)
            fields.pop("destination.port", None)
    for name, field in (
        ("mac", "source.mac"), ("client_mac", "source.mac"), ("shost", "source.mac"), ("dhost", "destination.mac"),
    ):  # fmt: skip
        mac = cisco_mac(pairs[name]) if name in pairs else None
        if mac is not None:
            fields[field] = mac


def _verdict(fields: Fields, denied: bool) -> None:
    verdict = "denied" if denied else "allowed"
    fields["event.action"] = verdict
    fields["event.type"] = ["connection", verdict]
    fields["event.outcome"] = "failure" if denied else "success"


def _flow(fields: Fields, kind: str, said: str) -> None:
    fields["event.action"], fields["event.type"] = "flow", ["connection", "info"]
    first = said.partition(" ")[0]
    pattern = _PATTERN.search(said, 0, 2048)
    _ends(fields, _pairs(said if pattern is None else said[: pattern.start()]))
    if first in ("allow", "deny"):
        _verdict(fields, first == "deny")
    elif pattern is not None:
        _verdict(fields, pattern[1] in ("deny", "1"))
        if pattern[2].strip():
            fields["rule.description"] = pattern[2].strip()


def _translated(fields: Fields, kind: str, said: str) -> None:
    pairs = _pairs(said)
    _ends(fields, pairs)
    started = kind == "ip_flow_start"
    fields["event.action"] = "connection_started" if started else "connection_finished"
    fields["event.type"] = ["connection", "start" if started else "end"]
    for side, name in (("source", "translated_src_ip"), ("destination", "translated_dst_ip")):
        address = ip(pairs.get(name))
        if address is not None:
            fields[side + ".nat.ip"] = address
            at = port(pairs.get("translated_port"))
            if at is not None:
                fields[side + ".nat.port"] = at


def _urls(fields: Fields, kind: str, said: str) -> None:
    request = _REQUEST.search(said)
    pairs = _pairs(said if request is None else said[: request.start()])
    _ends(fields, pairs, with_port=True)
    fields["event.action"], fields["event.category"] = "url_accessed", ["network", "web"]
    fields["event.type"] = ["access"]
    if request is not None:
        if request[1] != "UNKNOWN":
            fields["http.request.method"] = request[1]
        url(fields, request[2])
    if pairs.get("agent"):
        fields["user_agent.original"] = pairs["agent"]


def _alert(fields: Fields, kind: str, said: str) -> None:
    message = _MESSAGE.search(said)
    pairs = _pairs(said if message is None else said[: message.start()])
    _ends(fields, pairs, with_port=True)
    what = said.partition(" ")[0] if kind == "security_event" else "ids_alerted"
    fields["event.kind"] = "alert"
    fields["event.action"] = what
    malware = "file" in what
    fields["event.category"] = ["network", "malware" if malware else "intrusion_detection"]
    decided = pairs.get("decision") or pairs.get("action") or ""
    fields["event.type"] = ["denied" if decided.startswith("block") else "info"]
    if pairs.get("signature"):
        fields["rule.id"] = pairs["signature"]
    if message is not None:
        fields["rule.name"] = message[1].strip()
    if pairs.get("url"):
        url(fields, pairs["url"])
    if pairs.get("sha256"):
        fields["file.hash.sha256"] = pairs["sha256"].lower()
    if pairs.get("name"):
        fields["file.name"] = pairs["name"]
    if pairs.get("direction") in ("ingress", "egress"):
        fields["network.direction"] = pairs["direction"]


def _user(fields: Fields, name: str | None) -> None:
    if name:
        account(fields, name)


def _event(fields: Fields, kind: str, said: str) -> None:
    for expression, read in _EVENTS:
        found = expression.match(said)
        if found is not None:
            read(fields, found)
            return
    pairs = _pairs(said)
    fields["event.action"] = pairs.get("type") or said.partition(" ")[0] or "event"
    if "=" in fields["event.action"]:
        fields["event.action"] = "event"
    _ends(fields, pairs)
    what = fields["event.action"]
    if "msg" in pairs or "Peer IP=" in said:
        peer = _PEER.search(said, 0, 512)
        if peer is not None:
            got = {name: value for name, value in peer.groupdict().items() if value is not None}
            _ends(fields, got)
            if "transport" in got:
                transport(fields, got["transport"])
            _user(fields, got.get("user"))
    if what in ("anyconnect_vpn_auth_success", "anyconnect_vpn_auth_failure"):
        success = what.endswith("success")
        fields["event.action"], fields["event.category"] = "vpn_login", ["authentication"]
        fields["event.type"], fields["event.outcome"] = (
            ["start" if success else "info"],
            "success" if success else "failure",
        )
    elif what.startswith(("8021x_auth", "wpa_auth", "splash_auth")):
        fields["event.category"], fields["event.outcome"] = ["authentication"], "success"
        fields["event.type"] = ["start"]
    elif what.startswith(("8021x_eap_failure", "8021x_fail")):
        fields["event.category"], fields["event.outcome"] = ["authentication"], "failure"
    if pairs.get("url"):
        url(fields, pairs["url"])
        fields["event.category"], fields["event.type"] = (
            ["network", "web"],
            ["access", "denied" if "block" in what else "allowed"],
        )
    server = pairs.get("server")
    if server:
        address, at = endpoint(server)
        if address is not None:
            fields["destination.ip"] = fields["destination.address"] = address
        if at is not None:
            fields["destination.port"] = at
    _user(fields, pairs.get("identity") or pairs.get("user"))
    if "vpn_type" in pairs or what == "vpn_connectivity_change":
        address, at = endpoint(pairs.get("peer_contact", ""))
        if address is not None:
            fields["destination.ip"] = fields["destination.address"] = address
        if at is not None:
            fields["destination.port"] = at


def _lease(fields: Fields, found: re.Match[str]) -> None:
    fields["event.action"], fields["network.protocol"] = "dhcp_lease_granted", "dhcp"
    address, server, client = ip(found["ip"]), cisco_mac(found["server"]), found["mac"]
    if address is not None:
        fields["source.ip"] = fields["source.address"] = address
    if server is not None:
        fields["destination.mac"] = server
    mac = cisco_mac(client) if client else None
    if mac is not None:
        fields["source.mac"] = mac


def _no_offer(fields: Fields, found: re.Match[str]) -> None:
    fields["event.action"], fields["network.protocol"] = "dhcp_no_offers", "dhcp"
    mac = cisco_mac(found["mac"])
    if mac is not None:
        fields["source.mac"] = mac


def _vpn(fields: Fields, found: re.Match[str]) -> None:
    ends = "disconnect" in found["what"]
    fields["event.action"] = "vpn_session_ended" if ends else "vpn_session_started"
    fields["event.category"], fields["event.type"] = ["network", "session"], ["connection", "end" if ends else "start"]
    _user(fields, found["user"])
    address, inside = ip(found["src"]), ip(found["inside"])
    if address is not None:
        fields["source.ip"] = fields["source.address"] = address
    if inside is not None:  # the address that the tunnel gives: the network behind the MX sees the client under it
        fields["source.nat.ip"] = inside


_EVENTS: tuple[tuple[re.Pattern[str], Callable[[Fields, re.Match[str]], None]], ...] = (
    (_LEASE, _lease),
    (_NO_OFFER, _no_offer),
    (_ANYCONNECT, _vpn),
    (_CLIENT_VPN, _vpn),
)
_READERS: dict[str, Callable[[Fields, str, str], None]] = {
    "ip_flow_start": _translated,
    "ip_flow_end": _translated,
    "urls": _urls,
    "events": _event,
    "airmarshal_events": _event,
    "ids-alerts": _alert,
    "security_event": _alert,
}

_TRAFFIC = LogSource(product="cisco", category="firewall", service="meraki")
_LOGIN = LogSource(product="cisco", category="authentication", service="meraki")
_PROXY = LogSource(product="cisco", category="proxy", service="meraki")


def route(fields: Fields) -> LogSource:
    categories = fields.get("event.category", ())
    if "authentication" in categories:
        return _LOGIN
    return _PROXY if "web" in categories else _TRAFFIC


_CERTAIN = re.compile(
    rb"(?:(?:<\d{1,3}>)?(?:1 )?\d{10}\.\d{1,9} \S{1,255} )?(?:(?:(?:cellular_|vpn_)?firewall|flows)(?: (?:allow|deny))? src=|ip_flow_(?:start|end) src=|"
    rb"urls src=|events (?:type=|dhcp |anyconnect_|client_vpn_|content_filtering_|vpn_|[a-z0-9_]{3,40} )|ids-alerts signature=|"
    rb"security_event [a-z_]{4,48} |airmarshal_events type=|bridge_anyconnect_client_vpn_firewall )"
)

FORMAT = LogFormat(
    id="cisco_meraki",
    vendor="Cisco",
    product="Meraki",
    logsource=_TRAFFIC,
    spec="https://documentation.meraki.com/General_Administration/Monitoring_and_Reporting/Syslog_Event_Types_and_Log_Samples",
    parse=parse,
    inside="syslog",
    fingerprint=lambda head: _CERTAIN.match(head) is not None,
    needs=(b"src=", b"events ", b"signature=", b"security_event ", b"airmarshal_events", b"bridge_anyconnect"),
    route=route,
)
