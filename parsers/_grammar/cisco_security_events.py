"""The security events of Cisco's Secure Firewall Threat Defense (430001 to 430005): ``Key: value, Key: value``.

Reference: Cisco Secure Firewall Threat Defense Syslog Messages, chapter "Security Event Syslog Messages".
"""

import re
from collections.abc import Callable
from functools import lru_cache

from engine.model import Fields
from engine.model.times import from_iso
from parsers._grammar.addresses import ip
from parsers._grammar.cisco_ends import transport
from parsers._grammar.cisco_facts import url
from parsers._grammar.columns import port_of, seconds

_COMMA = re.compile(r", ?(?=[A-Z][A-Za-z0-9_]{1,40}(?: [A-Za-z]{1,16}){0,3}:(?: |,|$))")
_KEY = re.compile(r"[A-Z][A-Za-z0-9_]{1,40}(?: [A-Za-z]{1,16}){0,3}")
_LARGEST = 1 << 63

_KINDS: dict[str, tuple[str, list[str], list[str]]] = {
    "430001": ("intrusion_detected", ["network", "intrusion_detection"], ["info"]),
    "430002": ("connection_started", ["network"], ["connection", "start"]),
    "430003": ("connection_finished", ["network"], ["connection", "end"]),
    "430004": ("file_detected", ["network", "file"], ["info"]),
    "430005": ("malware_detected", ["network", "malware"], ["info"]),
}
SECURITY_EVENTS = frozenset(_KINDS)

# What stands for a user where there is none; kept as it is sent, and nobody's relation.
_NOBODY = frozenset(("No Authentication Required", "Not Found", "Unknown", "Failed Authentication", "Unauthorized"))
_NOTHING = frozenset(("", "Unknown", "N/A"))
_DNS_TYPES = {
    "a host address": "A", "ip6 address": "AAAA", "text strings": "TXT", "a domain name pointer": "PTR",
    "an authoritative name server": "NS", "the canonical name for an alias": "CNAME", "mail exchange": "MX",
    "marks the start of a zone of authority": "SOA", "server selection": "SRV",
}  # fmt: skip
_DNS_ANSWERS = {
    "non-existent domain": "NXDOMAIN", "server failure": "SERVFAIL", "query refused": "REFUSED", "no error": "NOERROR",
}  # fmt: skip


def _text(field: str) -> Callable[[Fields, str], None]:
    def put(fields: Fields, value: str) -> None:
        fields[field] = value

    return put


def _lower(field: str) -> Callable[[Fields, str], None]:
    def put(fields: Fields, value: str) -> None:
        fields[field] = value.lower()

    return put


def _number(field: str) -> Callable[[Fields, str], None]:
    def put(fields: Fields, value: str) -> None:
        if value.isascii() and value.isdigit() and len(value) < 20 and int(value) < _LARGEST:
            fields[field] = int(value)

    return put


def _address(field: str) -> Callable[[Fields, str], None]:
    def put(fields: Fields, value: str) -> None:
        address = ip(value)
        if address is not None:
            fields[field + ".ip"] = address
            if not field.endswith(".nat"):
                fields[field + ".address"] = address

    return put


def _start(fields: Fields, value: str) -> None:
    if from_iso(value) is not None:
        fields["event.start"] = value


def _user(fields: Fields, value: str) -> None:
    name, domain = value, None
    if value not in _NOBODY:
        first, slash, second = value.partition("\\")
        if slash and first and second:
            domain, name = first, second
        fields["related.user"] = [name]
    fields["user.name"] = name
    if domain is not None:
        fields["user.domain"] = domain


def _query_type(fields: Fields, value: str) -> None:
    fields["dns.question.type"] = _DNS_TYPES.get(value.lower(), value)


def _answer(fields: Fields, value: str) -> None:
    fields["dns.response_code"] = _DNS_ANSWERS.get(value.lower(), value)


def _sha256(fields: Fields, value: str) -> None:
    fields["file.hash.sha256"] = value.lower()
    fields["related.hash"] = [value.lower()]


def _verdict(fields: Fields, value: str) -> None:
    first = value.replace("<br/>", "").strip().partition(" ")[0].lower()
    if first in ("allow", "trust", "fastpath", "monitor"):
        fields["event.outcome"] = "success"
        fields["event.type"] = [*fields["event.type"], "allowed"]
    elif first in ("block", "interactive"):
        fields["event.outcome"] = "failure"
        fields["event.type"] = [*fields["event.type"], "denied"]
        fields["event.action"] = "denied"


def _inline(fields: Fields, value: str) -> None:
    if value.lower().startswith(("block", "drop")):
        fields["event.type"] = ["denied"]


def _disposition(fields: Fields, value: str) -> None:
    if value in ("Malware", "Custom Detection"):
        fields["event.kind"] = "alert"


_STEPS: dict[str, Callable[[Fields, str], None]] = {
    "SrcIP": _address("source"), "DstIP": _address("destination"),
    "SrcPort": port_of("source.port"), "DstPort": port_of("destination.port"),
    "NAT_InitiatorIP": _address("source.nat"), "NAT_ResponderIP": _address("destination.nat"),
    "NAT_InitiatorPort": port_of("source.nat.port"), "NAT_ResponderPort": port_of("destination.nat.port"),
    "originalClientSrcIP": _address("client"), "OriginalClientSrcIP": _address("client"),
    "Protocol": transport, "ApplicationProtocol": _lower("network.protocol"),
    "Client": _lower("network.application"),
    "InitiatorBytes": _number("source.bytes"), "ResponderBytes": _number("destination.bytes"),
    "InitiatorPackets": _number("source.packets"), "ResponderPackets": _number("destination.packets"),
    "IngressInterface": _text("observer.ingress.interface.name"),
    "EgressInterface": _text("observer.egress.interface.name"),
    "IngressZone": _text("observer.ingress.zone"), "EgressZone": _text("observer.egress.zone"),
    "ConnectionDuration": seconds, "FirstPacketSecond": _start, "User": _user,
    "AccessControlRuleName": _text("rule.name"), "ACPolicy": _text("rule.ruleset"),
    "AccessControlRuleAction": _verdict, "InlineResult": _inline,
    "DNSQuery": _text("dns.question.name"), "DNSRecordType": _query_type, "DNSResponseType": _answer,
    "URL": url, "URI": url, "HTTPReferer": _text("http.request.referrer"), "UserAgent": _text("user_agent.original"),
    "HTTPResponse": _number("http.response.status_code"), "ReferencedHost": _text("destination.domain"),
    "SSLServerName": _text("tls.client.server_name"),
    "FileName": _text("file.name"), "FileSize": _number("file.size"), "FileSHA256": _sha256,
    "SHA_Disposition": _disposition, "ThreatName": _text("threat.software.name"),
    "VLAN_ID": _text("network.vlan.id"),
}  # fmt: skip
_SIGNATURE: dict[str, Callable[[Fields, str], None]] = {
    "Message": _text("rule.name"), "SID": _text("rule.id"), "Classification": _text("rule.category"),
    "IntrusionPolicy": _text("rule.ruleset"), "Revision": _text("rule.version"),
}  # fmt: skip
_KEPT = frozenset(("DeviceUUID", "InstanceID", "NAPPolicy", "ConnectionID"))  # of no use to a rule


def security_event(code: str | None, text: str) -> Fields | None:
    """The fields of a security event; ``code`` None for releases before 6.3, which leave the number out."""
    pairs: dict[str, str] = {}
    for part in _COMMA.split(text, 200):
        key, colon, value = part.partition(":")
        if colon and (pairs or _KEY.fullmatch(key) is not None):  # the commas' expression knows keys
            pairs.setdefault(key, value)
    if not pairs:
        return None
    if code is None:
        code = _kind(pairs)
        if code is None:
            return None
    action, category, types = _KINDS[code]
    fields: Fields = {"event.code": code, "event.action": action, "event.category": list(category)}
    fields["event.type"] = list(types)
    if code == "430001":
        fields["event.kind"] = "alert"
    for key, value in pairs.items():
        value = value.strip()
        if value in _NOTHING:
            continue
        step = (_SIGNATURE.get(key) if code == "430001" else None) or _STEPS.get(key)
        if step is not None:
            step(fields, value)
        elif key not in _KEPT:
            fields[_own(key)] = value
    if code == "430001" and "IntrusionPolicy" in pairs:
        fields["rule.ruleset"] = pairs["IntrusionPolicy"].strip()
    for side in ("source", "destination"):
        if f"{side}.nat.ip" in fields and fields[f"{side}.nat.ip"] == fields.get(f"{side}.ip"):
            del fields[f"{side}.nat.ip"]
        if f"{side}.nat.port" in fields and fields[f"{side}.nat.port"] == fields.get(f"{side}.port"):
            del fields[f"{side}.nat.port"]
    addresses = [fields[name] for name in _ADDRESSES if name in fields]
    if addresses:
        fields["related.ip"] = list(dict.fromkeys(addresses))
    if "source.bytes" in fields and "destination.bytes" in fields:
        fields["network.bytes"] = fields["source.bytes"] + fields["destination.bytes"]
    return fields


_ADDRESSES = ("source.ip", "source.nat.ip", "destination.ip", "destination.nat.ip", "client.ip")


def _kind(pairs: dict[str, str]) -> str | None:
    if "SHA_Disposition" in pairs or "ThreatName" in pairs:
        return "430005"
    if "FileName" in pairs or "FileAction" in pairs:
        return "430004"
    if "Message" in pairs or "IntrusionPolicy" in pairs:
        return "430001"
    if "ConnectionDuration" in pairs or "InitiatorBytes" in pairs:
        return "430003"
    return "430002" if "AccessControlRuleAction" in pairs or "ACPolicy" in pairs else None


@lru_cache(maxsize=512)
def _own(key: str) -> str:
    """
    >>> _own("Prefilter Policy"), _own("URLReputation"), _own("SSLActualAction")
    ('tieline.ftd.prefilter_policy', 'tieline.ftd.url_reputation', 'tieline.ftd.ssl_actual_action')
    """
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[ _]+", "_", key)
    return f"tieline.ftd.{words.lower()}"
