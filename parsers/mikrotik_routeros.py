"""MikroTik RouterOS 6 and 7: packets that a rule logs, logins, changes, leases, tunnels, wireless clients.

::

    2026-01-02T03:04:05+00:00 gw-1 firewall,info drop-in input: in:ether1 out:(unknown 0), connection-state:new src-mac 00:00:5e:00:53:01, proto TCP (SYN), 203.0.113.66:59388->192.0.2.7:23, len 40
    <132>Jan  2 03:04:06 gw-1 forward: in:bridge out:ether1, src-mac 00:00:5e:00:53:07, proto TCP (SYN), 10.20.1.7:62583->198.51.100.5:443, NAT (10.20.1.7:62583->192.0.2.7:62583)->198.51.100.5:443, len 64
    <38>Jan  2 03:04:07 gw-1 system,error,critical login failure for user admin from 203.0.113.66 via ssh

A rule says what becomes of a packet only in the prefix that the administrator chose. Names of topics stand in front,
but for BSD syslog.
"""  # noqa: E501  (records as they are sent)

import re
from functools import lru_cache

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import clock
from parsers._grammar.addresses import endpoint, ip, mac
from parsers._grammar.conversation import count, hardware, page, translated, transport
from parsers._grammar.people import account, hosts, remote

_KNOWN = frozenset((
    "account", "backup", "bfd", "bgp", "bridge", "caps", "certificate", "container", "ddns", "dhcp", "dns", "dot1x",
    "e-mail", "error", "critical", "warning", "info", "debug", "firewall", "gsm", "health", "hotspot", "igmp-proxy",
    "interface", "ipsec", "iscsi", "isdn", "kvm", "l2tp", "ldp", "lora", "lte", "manager", "mme", "mpls", "mqtt",
    "natpmp", "netinstall", "netwatch", "ntp", "ospf", "ovpn", "packet", "pim", "poe-out", "ppp", "pppoe", "pptp",
    "ptp", "queue", "radius", "radvd", "raw", "read", "rip", "route", "rsvp", "script", "sertcp", "simulator", "smb",
    "snmp", "ssh", "sstp", "state", "store", "stp", "system", "telephony", "tftp", "timer", "tr069", "update", "upnp",
    "ups", "vpls", "vrrp", "watchdog", "web-proxy", "wireguard", "wireless", "write",
))  # fmt: skip
_LEVELS = ("critical", "error", "warning", "info", "debug")
# What relays write into files without a priority, which a program's own log may look like too.
_HEAD = r"(?:(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)) ([\w.:\-]{1,128}) )?"
_TOPICS = re.compile(_HEAD + r"(?:[\w.\-]{1,64}: )?([a-z0-9\-]{2,16}(?:,[a-z0-9\-]{2,16}){1,5}):? (?=\S)")
_TOPIC_BYTES = re.compile(_HEAD.encode() + rb"(?:[\w.\-]{1,64}: )?([a-z0-9\-]{2,16}(?:,[a-z0-9\-]{2,16}){1,5}):? \S")
_ADDRESS = r"(?:\[[0-9A-Fa-f:.%\w]{2,64}\](?::\d{1,5})?|\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?|[0-9A-Fa-f:.]{2,45})"
_PACKET = re.compile(
    r"(?:(?P<rule>[^:]{1,128}) )?(?:(?P<chain>[\w\-]{1,64}): )?in:(?P<in>\([^)]{0,32}\)|\S{0,64}) "
    r"out:(?P<out>\([^)]{0,32}\)|[^\s,]{0,64}),? (?P<rest>.*)",
    re.DOTALL,
)
_FLOW = re.compile(
    rf"proto (?P<proto>[\w.\-/]{{1,16}})(?: \((?P<detail>[^)]{{0,64}})\))?, (?P<src>{_ADDRESS})->(?P<dst>{_ADDRESS})"
)
_NAT = re.compile(
    rf"NAT (?:\((?P<s1>{_ADDRESS})->(?P<s2>{_ADDRESS})\)|(?P<s>{_ADDRESS}))->"
    rf"(?:\((?P<d1>{_ADDRESS})->(?P<d2>{_ADDRESS})\)|(?P<d>{_ADDRESS}))"
)
_MAC = re.compile(r"(src|dst)-mac ([0-9A-Fa-f:]{17})")
_LENGTH = re.compile(r", len (\d{1,9})")
_LOGGED = re.compile(r"user (.{1,256}?) logged (in|out)(?: from (\S{2,64}?))?(?: via (.{1,64}))?")
_FAILED = re.compile(r"login failure for user (.{0,256}?)(?: from (\S{2,64}?))?(?: via (.{1,64}))?")
_TUNNEL = re.compile(r"(.{1,256}?) logged (in|out), (\S{1,64}).{0,128}? from (\S{2,64})(?: .{0,128})?")
_REFUSED = re.compile(r"(?:<[^>]{1,128}>: )?user (.{1,256}?) authentication failed(.{0,256})")
_HOTSPOT = re.compile(
    r"(?:->: )?(.{1,256}?) \(([0-9A-Fa-f:.]{2,45})\): (logged in|logged out|login failed|trying to log in)"
    r"(?:: (.{0,256}))?"
)
_LEASE = re.compile(r"(\S{1,64}) (assigned|deassigned) (\S{2,64}) (?:to|for|from) ([0-9A-Fa-f:]{17})(?: (\S{1,255}))?")
_STATION = re.compile(r"([0-9A-Fa-f:]{17})@(\S{1,64}?):? (connected|disconnected|reassociating|roamed).{0,256}")
_CHANGED = re.compile(r"(.{1,256}?) (added|changed|removed|moved|enabled|disabled|set) by (.{1,1024})", re.DOTALL)
_BY = re.compile(r"(?:[^\s()]{1,64}\([^)]{0,64}\):)?([^\s@/]{1,128})(?:@([0-9A-Fa-f:.]{2,45}))?(?:[/ ].*)?", re.DOTALL)
_QUERY = re.compile(r"query from (\S{2,64}): (?:#\d{1,9} )?(\S{1,255}?)\.? ([A-Z]{1,10})")
_PROXY = re.compile(r"(\S{2,64}) ([A-Z]{3,10}) (\S{1,4096}) +action=(\w{1,32}) cache=(\S{1,32})")
_LINK = re.compile(r"(\S{1,64}) link (up|down).{0,128}")
_IPSEC = re.compile(rf"(.{{1,256}}?) ({_ADDRESS})\[(\d{{1,5}})\]<=>({_ADDRESS})\[(\d{{1,5}})\].{{0,256}}")
_LONGEST = 4096

_WORD = re.compile(r"[A-Za-z]+")
_DENIED = frozenset(
    ("drop", "dropped", "deny", "denied", "block", "blocked", "reject", "rejected", "tarpit", "drp", "ban")
)
_ALLOWED = frozenset(("accept", "accepted", "allow", "allowed", "pass", "permit", "permitted", "acc"))
_TYPES = {"added": "creation", "removed": "deletion"}
_CHAINS = ("forward", "input", "output", "prerouting", "postrouting", "srcnat", "dstnat")


def parse(frame: Frame) -> Fields:
    text = frame.text.strip()
    if len(text) > _LONGEST:
        raise ParseError("mikrotik_routeros: longer than any message")
    fields: Fields = {"observer.vendor": "MikroTik", "observer.product": "RouterOS"}
    topics, said = _topics(fields, text)
    if topics:
        fields["tieline.mikrotik.topics"] = topics
        level = next((one for one in _LEVELS if one in topics), None)
        if level is not None:
            fields["log.level"] = level
    if frame.opened is None:
        fields["message"] = text
    elif "host.name" in frame.opened.fields:
        fields["observer.name"] = frame.opened.fields["host.name"]
    found = _PACKET.match(said) if "in:" in said else None
    if found is not None:
        chain = found["chain"]
        if chain is None and frame.opened is not None and frame.opened.program in _CHAINS:
            chain = frame.opened.program
        _packet(fields, found, chain)
        return fields
    fields["event.category"], fields["event.type"] = ["host"], ["info"]
    for read in (_login, _lease, _change, _other):
        if read(fields, said, topics, frame):
            return fields
    if not topics:
        raise ParseError(f"mikrotik_routeros: unknown message {text[:80]!r}")
    return fields


def _topics(fields: Fields, text: str) -> tuple[list[str], str]:
    found = _TOPICS.match(text)
    if found is not None:
        topics = found[3].split(",")
        if _KNOWN.issuperset(topics):
            if found[1] is not None:
                when = clock.iso(found[1])
                if when is not None:
                    fields["@timestamp"] = when
                fields["host.name"] = fields["host.hostname"] = fields["observer.name"] = found[2]
                fields["related.hosts"] = [found[2]]
            return topics, text[found.end() :]
    return [], text


def _packet(fields: Fields, found: re.Match[str], chain: str | None) -> None:
    fields["event.category"] = ["network"]
    rest = found["rest"]
    flow = _FLOW.search(rest)
    if flow is None:
        raise ParseError("mikrotik_routeros: a packet without its addresses")
    nat = _NAT.search(rest)
    for side, side_now, before in (("source", flow["src"], "s1"), ("destination", flow["dst"], "d1")):
        original = None if nat is None else nat[before]
        _side(fields, side, endpoint(original or side_now))
        if nat is not None and original is not None and nat[before[0] + "2"] != original:
            address, number = endpoint(nat[before[0] + "2"])
            translated(fields, side, address, None if number is None else str(number))
    if "source.ip" in fields:
        fields["network.type"] = "ipv6" if ":" in fields["source.ip"] else "ipv4"
    protocol = flow["proto"].lower()
    transport(fields, protocol)
    if flow["detail"] and "icmp" not in protocol:
        fields["tieline.mikrotik.tcp_flags"] = flow["detail"]
    for side, address in _MAC.findall(rest):
        hardware(fields, "source" if side == "src" else "destination", address)
    size = _LENGTH.search(rest)
    if size is not None:
        fields["network.bytes"] = count(size[1])
    for name, interface in (("ingress", found["in"]), ("egress", found["out"])):
        if interface and interface[0] != "(":
            fields[f"observer.{name}.interface.name"] = interface
    if chain:
        fields["rule.ruleset"] = chain
    verdict = None
    if found["rule"]:
        fields["rule.name"] = found["rule"]
        verdict = _verdict(found["rule"])
    fields["event.type"] = ["connection", verdict or "info"]
    if verdict is not None:
        fields["event.action"] = verdict
    else:
        fields["event.action"] = "packet_logged"


@lru_cache(maxsize=1024)
def _verdict(prefix: str) -> str | None:
    words = {word.lower() for word in _WORD.findall(prefix)}
    denied, allowed = not words.isdisjoint(_DENIED), not words.isdisjoint(_ALLOWED)
    return None if denied == allowed else "denied" if denied else "allowed"


def _side(fields: Fields, side: str, one: tuple[str | None, int | None]) -> None:
    address, number = one
    if address is None:
        return
    fields[f"{side}.ip"] = fields[f"{side}.address"] = address
    if number is not None:
        fields[f"{side}.port"] = number
    related = fields.setdefault("related.ip", [])
    if address not in related:
        related.append(address)


def _session(fields: Fields, ended: bool, action: str) -> None:
    fields["event.action"] = action
    if ended:
        fields["event.category"], fields["event.type"] = ["session"], ["end"]
    else:
        fields["event.category"], fields["event.type"] = ["authentication", "session"], ["start"]
        fields["event.outcome"] = "success"


def _login(fields: Fields, said: str, topics: list[str], frame: Frame) -> bool:
    found = _LOGGED.fullmatch(said)
    if found is not None:
        _session(fields, found[2] == "out", f"logged_{found[2]}")
        account(fields, found[1])
        remote(fields, found[3])
        if found[4]:
            fields["tieline.auth.method"] = found[4]
        return True
    if (found := _FAILED.fullmatch(said)) is not None:
        reason = "login failure"
        remote(fields, found[2])
        if found[3]:
            fields["tieline.auth.method"] = found[3]
    elif (found := _REFUSED.fullmatch(said)) is not None:
        reason = f"authentication failed{found[2]}"
    elif (found := _TUNNEL.fullmatch(said)) is not None:
        _session(fields, found[2] == "out", f"tunnel_logged_{found[2]}")
        account(fields, found[1])
        remote(fields, found[4])
        leased = ip(found[3])
        if leased is not None:
            fields.setdefault("related.ip", []).append(leased)
        return True
    elif (found := _HOTSPOT.fullmatch(said)) is not None and "hotspot" in topics:
        remote(fields, found[2])
        if found[3] != "login failed":
            if found[3].startswith("logged"):
                _session(fields, found[3] == "logged out", "hotspot_" + found[3].replace(" ", "_"))
            account(fields, found[1])
            return True
        reason = found[4] or found[3]
    else:
        return False
    fields["event.action"] = "login_failed"
    fields["event.category"], fields["event.type"] = ["authentication"], ["info"]
    fields["event.outcome"], fields["event.reason"] = "failure", reason
    account(fields, found[1])
    return True


def _lease(fields: Fields, said: str, topics: list[str], frame: Frame) -> bool:
    found = _LEASE.fullmatch(said)
    if found is not None:
        fields["event.action"], fields["network.protocol"] = f"dhcp_{found[2]}", "dhcp"
        fields["event.category"], fields["event.type"] = ["network"], ["protocol"]
        remote(fields, found[3])
        hardware(fields, "source", found[4])
        hosts(fields, frame, found[5])
        if found[5]:
            fields["source.domain"] = found[5]
        return True
    found = _STATION.fullmatch(said)
    if found is not None and mac(found[1]) is not None:
        fields["event.action"] = f"wireless_{found[3]}"
        fields["event.category"] = ["network"]
        fields["event.type"] = ["connection", "end" if found[3] == "disconnected" else "start"]
        hardware(fields, "source", found[1])
        fields["observer.ingress.interface.name"] = found[2].rstrip(":") or found[2]
        return True
    return False


def _change(fields: Fields, said: str, topics: list[str], frame: Frame) -> bool:
    found = _CHANGED.fullmatch(said)
    if found is None or (topics and "system" not in topics):
        return False
    by = _BY.fullmatch(found[3])
    if by is None:
        return False
    fields["event.category"], fields["event.type"] = ["configuration"], [_TYPES.get(found[2], "change")]
    fields["event.action"], fields["event.reason"] = f"configuration_{found[2]}", f"{found[1]} {found[2]}"
    account(fields, by[1])
    remote(fields, by[2])
    return True


def _other(fields: Fields, said: str, topics: list[str], frame: Frame) -> bool:
    if "dns" in topics and (found := _QUERY.match(said)) is not None:
        fields["event.category"], fields["event.type"], fields["event.action"] = ["network"], ["protocol"], "dns_query"
        remote(fields, found[1])
        fields["dns.question.name"], fields["dns.question.type"] = found[2], found[3]
        hosts(fields, frame, found[2])
    elif "web-proxy" in topics and (found := _PROXY.match(said)) is not None:
        verdict = "denied" if found[4] == "deny" else "allowed"
        fields["event.category"], fields["event.type"] = ["web", "network"], ["access", verdict]
        fields["event.action"], fields["http.request.method"] = found[4], found[2]
        remote(fields, found[1])
        page(fields, found[3])
    elif (found := _LINK.fullmatch(said)) is not None and (not topics or "interface" in topics):
        fields["event.action"], fields["observer.ingress.interface.name"] = f"link_{found[2]}", found[1]
    elif "ipsec" in topics and (found := _IPSEC.fullmatch(said)) is not None:
        fields["event.category"], fields["event.type"] = ["network"], ["connection", "info"]
        fields["event.action"], fields["event.reason"] = "ipsec", found[1]
        _side(fields, "source", (ip(found[4].strip("[]")), int(found[5]) if int(found[5]) < 65_536 else None))
        _side(fields, "destination", (ip(found[2].strip("[]")), int(found[3]) if int(found[3]) < 65_536 else None))
    else:
        return False
    return True


_FIREWALL = LogSource(product="mikrotik", category="firewall")
_SOURCES = {
    "authentication": LogSource(product="mikrotik", category="authentication"),
    "web": LogSource(product="mikrotik", category="proxy"),
    "network": _FIREWALL,
}
_SYSTEM = LogSource(product="mikrotik", service="system")
_DNS = LogSource(product="mikrotik", category="dns")


def route(fields: Fields) -> LogSource:
    if "dns.question.name" in fields:
        return _DNS
    return _SOURCES.get((fields.get("event.category") or ("network",))[0], _SYSTEM)


def _is_one(head: bytes) -> bool:
    found = _TOPIC_BYTES.match(head)
    if found is not None:
        return _KNOWN.issuperset(found[3].decode().split(","))
    return b"in:" in head and b" out:" in head and b"proto " in head and b"->" in head


FORMAT = LogFormat(
    id="mikrotik_routeros",
    vendor="MikroTik",
    product="RouterOS",
    logsource=_FIREWALL,
    spec="https://help.mikrotik.com/docs/spaces/ROS/pages/328094/Log",
    parse=parse,
    inside="syslog",
    fingerprint=_is_one,
    needs=(b",", b" out:"),
    route=route,
)
