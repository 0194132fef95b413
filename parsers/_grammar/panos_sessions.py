"""PAN-OS's logs of sessions, by column: traffic, threats, pages, files, decryption, tunnels."""

import re
from collections.abc import Callable

from engine.model import Fields, LogSource, ParseError
from parsers._grammar.addresses import ip
from parsers._grammar.conversation import count, endpoints, hardware, page, translated, transport
from parsers._grammar.panos_events import (
    SEVERITIES,
    Columns,
    authentication,
    config,
    correlation,
    globalprotect,
    hipmatch,
    iptag,
    person,
    system,
    userid,
)

_THREAT = re.compile(r"(.*)\((\d{1,12})\)", re.DOTALL)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ALLOWED = frozenset(
    ("allow", "alert", "continue", "override", "block-continue-allow", "forward", "wildfire-upload-success", "upload")
)
_DENIED = frozenset(
    ("deny", "drop", "drop-icmp", "drop-all-packets", "reset-client", "reset-server", "reset-both", "reset client",
     "reset server", "reset both", "block-url", "block-ip", "random-drop", "sinkhole", "syncookie-sent", "block",
     "block-continue", "block-override", "blocked", "random-drop")
)  # fmt: skip
_OUTCOMES = {"allowed": "success", "denied": "failure"}
_KINDS = {
    "vulnerability": "intrusion_detection",
    "spyware": "intrusion_detection",
    "flood": "intrusion_detection",
    "scan": "intrusion_detection",
    "packet": "intrusion_detection",
    "virus": "malware",
    "wildfire": "malware",
    "wildfire-virus": "malware",
    "ml-virus": "malware",
    "url": "web",
    "file": "file",
    "data": "file",
    "dlp": "file",
}
_FILES = frozenset(("file", "data", "dlp", "virus", "wildfire", "wildfire-virus", "ml-virus"))


def _session(fields: Fields, row: Columns) -> None:
    """The columns that all logs of sessions share: 8 to 31 of the reference."""
    if len(row) < 31:
        raise ParseError(f"paloalto_panos: a log of a session with {len(row)} columns")
    endpoints(fields, row[7], row[24], row[8], row[25])
    translated(fields, "source", row[9], row[26])
    translated(fields, "destination", row[10], row[27])
    person(fields, row[12])
    person(fields, row[13], "destination")
    for name, value in (
        ("rule.name", row[11]),
        ("network.application", row[14].lower()),
        ("tieline.panos.vsys", row[15]),
        ("observer.ingress.zone", row[16]),
        ("observer.egress.zone", row[17]),
        ("observer.ingress.interface.name", row[18]),
        ("observer.egress.interface.name", row[19]),
        ("tieline.panos.session", row[22]),
        ("event.action", row[30]),
    ):
        if value:
            fields[name] = value
    transport(fields, row[29])


def _verdict(action: str) -> str:
    return "allowed" if action in _ALLOWED else "denied" if action in _DENIED else "info"


def _traffic(fields: Fields, row: Columns, subtype: str) -> tuple[str, ...]:
    _session(fields, row)
    verdict = _verdict(row[30])
    fields["event.category"] = ["network"]
    fields["event.type"] = ["connection", verdict]
    if subtype in ("start", "end"):
        fields["event.type"].append(subtype)
    if verdict in _OUTCOMES:
        fields["event.outcome"] = _OUTCOMES[verdict]
    for name, column in (
        ("network.bytes", 31),
        ("source.bytes", 32),
        ("destination.bytes", 33),
        ("network.packets", 34),
        ("source.packets", 44),
        ("destination.packets", 45),
    ):
        number = count(row.at(column))
        if number is not None:
            fields[name] = number
    lasted = count(row.at(36))
    if lasted is not None and lasted < 9_000_000_000:
        fields["event.duration"] = lasted * 1_000_000_000
    if row.at(46) not in ("", "n/a", "unknown"):
        fields["event.reason"] = row[46]
    if len(row.at(65)) == 36:
        fields["rule.uuid"] = row[65]
    if len(row) > 91:
        hardware(fields, "source", row[83])
        hardware(fields, "destination", row[91])
    return ()


def _threat(fields: Fields, row: Columns, subtype: str) -> tuple[str, ...]:
    _session(fields, row)
    verdict = _verdict(row[30])
    category = _KINDS.get(subtype)
    fields["event.category"] = ["network"] if category is None else [category, "network"]
    fields["event.type"] = ["info"] if verdict == "info" else ["info", verdict]
    if verdict in _OUTCOMES:
        fields["event.outcome"] = _OUTCOMES[verdict]
    misc = row.at(31)
    if misc:
        fields["tieline.panos.misc"] = misc
        if subtype == "url":
            _page(fields, misc)
        elif subtype in _FILES or (subtype == "vulnerability" and "/" not in misc and ":" not in misc):
            fields["file.name"] = misc.rpartition("/")[2] or misc
    found = _THREAT.fullmatch(row.at(32))
    if found is not None:
        if found[1]:
            fields["tieline.panos.threat_name"] = found[1]
        fields["tieline.panos.threat_id"] = fields["event.code"] = found[2]
    severity = row.at(34)
    if severity in SEVERITIES:
        fields["log.level"] = severity
        fields["event.severity"] = SEVERITIES[severity]
    for name, column in (
        ("tieline.panos.category", 33),
        ("tieline.panos.direction", 35),
        ("user_agent.original", 46),
        ("http.request.referrer", 49),
        ("email.sender.address", 50),
        ("email.subject", 51),
        ("http.request.method", 63),
        ("tieline.panos.threat_category", 69),
    ):
        value = row.at(column)
        if value and value != "N/A" and value != "unknown":
            fields[name] = value
    if row.at(52):
        fields["email.to.address"] = row[52].split(";")[:64]
    if _SHA256.fullmatch(row.at(43)) is not None:
        fields["file.hash.sha256"] = row[43]
        fields["related.hash"] = [row[43]]
    forwarded = ip(row.at(48)) or ip(row.at(79))
    if forwarded is not None:
        fields["network.forwarded_ip"] = forwarded
    if len(row.at(76)) == 36:
        fields["rule.uuid"] = row[76]
    if len(row) > 95:
        hardware(fields, "source", row[87])
        hardware(fields, "destination", row[95])
    return (fields["url.domain"],) if "url.domain" in fields else ()


def _page(fields: Fields, address: str) -> None:
    """A page without its scheme: ``portal.example:8443/login?next=x``."""
    end = min((at for at in (address.find(one) for one in "/?") if at >= 0), default=len(address))
    host, colon, number = address[:end].rpartition(":")
    if not colon or not number.isdigit() or len(number) > 5 or int(number) > 65_535:
        host, number = address[:end], ""
    page(fields, address[end:], host)
    fields["url.original"] = address
    if number:
        fields["url.port"] = int(number)
    if host:
        fields["destination.domain"] = host


def _decryption(fields: Fields, row: Columns, subtype: str) -> tuple[str, ...]:
    _traffic_like(fields, row)
    if len(row.at(36)) == 36:
        fields["rule.uuid"] = row[36]
    version = row.at(39)
    if version[:3] == "TLS" and version[3:].replace(".", "").isdigit():
        fields["tls.version"], fields["tls.version_protocol"] = version[3:], "tls"
    name = row.at(63)
    if name and "." in name and " " not in name:
        fields["tls.client.server_name"] = name
        return (name,)
    return ()


def _traffic_like(fields: Fields, row: Columns) -> None:
    _session(fields, row)
    verdict = _verdict(row[30])
    fields["event.category"] = ["network"]
    fields["event.type"] = ["connection", verdict]
    if verdict in _OUTCOMES:
        fields["event.outcome"] = _OUTCOMES[verdict]


def _tunnel(fields: Fields, row: Columns, subtype: str) -> tuple[str, ...]:
    _traffic_like(fields, row)
    return ()


READERS: dict[str, Callable[[Fields, Columns, str], tuple[str, ...]]] = {
    "TRAFFIC": _traffic, "THREAT": _threat, "SYSTEM": system, "CONFIG": config, "GLOBALPROTECT": globalprotect,
    "USERID": userid, "HIPMATCH": hipmatch, "HIP-MATCH": hipmatch, "AUTHENTICATION": authentication,
    "AUTH": authentication, "DECRYPTION": _decryption, "CORRELATION": correlation, "TUNNEL": _tunnel,
    "START": _tunnel, "END": _tunnel, "GTP": _tunnel, "SCTP": _tunnel, "IPTAG": iptag, "URL": _threat,
    "DATA": _threat, "WILDFIRE": _threat,
}  # fmt: skip
_FIREWALL = frozenset(("TRAFFIC", "THREAT", "DECRYPTION", "TUNNEL", "START", "END", "GTP", "SCTP"))
_SOURCES: dict[tuple[str, str], LogSource] = {}


def route(fields: Fields) -> LogSource:
    """Sigma has a category where the log is one of traffic, pages, malware or logins, and a service for each type."""
    kind = fields.get("tieline.panos.type", "TRAFFIC")
    category = (fields.get("event.category") or ("",))[0]
    if category != "authentication":
        category = {"web": "proxy", "malware": "antivirus"}.get(category, "firewall" if kind in _FIREWALL else "")
    known = _SOURCES.get((kind, category))
    if known is None:
        known = _SOURCES[kind, category] = LogSource("paloalto", category or None, kind.lower())
    return known
