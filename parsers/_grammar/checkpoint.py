"""Check Point's logs by key, however they were exported."""

import re
from typing import Any

from engine.model import Fields, Frame, LogSource, ParseError
from engine.model.times import SECOND
from parsers._grammar.addresses import ip, mac, port
from parsers._grammar.conversation import count, endpoints, hardware, page, translated, transport, volume
from parsers._grammar.event_time import moment
from parsers._grammar.people import account, domain_and_name, hosts

_IN_PARENTHESES = re.compile(r"(.{1,256}?) ?\(([^()]{1,128})\)\s*")
_NAMES = {
    "inzone": "observer.ingress.zone",
    "outzone": "observer.egress.zone",
    "rule_name": "rule.name",
    "rule": "rule.id",
    "layer_name": "rule.ruleset",
    "service_id": "network.application",
    "appi_name": "network.application",
    "action": "event.action",
    "operation_number": "event.code",
    "reason": "event.reason",
    "method": "http.request.method",
    "user_agent": "user_agent.original",
    "http_referer": "http.request.referrer",
    "referrer": "http.request.referrer",
    "file_name": "file.name",
    "file_md5": "file.hash.md5",
    "file_sha1": "file.hash.sha1",
    "file_sha256": "file.hash.sha256",
    "email_subject": "email.subject",
    "dns_query": "dns.question.name",
    "src_machine_name": "source.domain",
    "dst_machine_name": "destination.domain",
    "dst_domain_name": "destination.domain",
    "product": "tieline.checkpoint.product",
    "rule_action": "tieline.checkpoint.rule_action",
    "attack": "tieline.checkpoint.attack",
    "attack_info": "tieline.checkpoint.attack_info",
    "protection_name": "tieline.checkpoint.protection_name",
    "protection_id": "tieline.checkpoint.protection_id",
    "malware_action": "tieline.checkpoint.malware_action",
    "malware_family": "tieline.checkpoint.malware_family",
    "confidence_level": "tieline.checkpoint.confidence_level",
    "app_category": "tieline.checkpoint.app_category",
    "matched_category": "tieline.checkpoint.matched_category",
    "subject": "tieline.checkpoint.subject",
    "objectname": "tieline.checkpoint.object",
    "objecttype": "tieline.checkpoint.object_type",
    "additional_info": "tieline.checkpoint.additional_info",
    "sys_message": "tieline.checkpoint.sys_message",
    "message_info": "tieline.checkpoint.message_info",
    "description": "tieline.checkpoint.description",
    "auth_method": "tieline.checkpoint.auth_method",
    "auth_status": "tieline.checkpoint.auth_status",
    "status": "tieline.checkpoint.status",
    "vpn_feature_name": "tieline.checkpoint.vpn_feature",
    "community": "tieline.checkpoint.community",
    "peer_gateway": "tieline.checkpoint.peer_gateway",
    "tcp_flags": "tieline.checkpoint.tcp_flags",
    "tcp_packet_out_of_state": "event.reason",
    "icmp_type": "tieline.checkpoint.icmp_type",
    "icmp_code": "tieline.checkpoint.icmp_code",
    "loguid": "tieline.checkpoint.loguid",
}
_NONE = frozenset(("", "N/A", "Not available"))

_ALLOWED = frozenset(("accept", "allow", "encrypt", "decrypt", "bypass", "https bypass", "monitor", "detect", "inspect",
                      "https inspect", "ctl", "authorize"))  # fmt: skip
_DENIED = frozenset(("drop", "reject", "block", "prevent", "quarantine", "deny", "ip changed block", "redirect block"))
_INTRUSION = frozenset(("ips", "smartdefense", "ddos protector", "threat emulation", "anti-bot", "anti bot"))
_MALWARE = frozenset(
    ("anti-virus", "anti virus", "anti-malware", "new anti virus", "threat extraction", "zero phishing")
)
_WEB = frozenset(("url filtering", "application control"))
_SEVERITIES = {"informational": 0, "low": 1, "medium": 2, "high": 3, "critical": 4}
_BAD = ("fail", "denied", "reject", "unauthorized", "wrong", "invalid")


def described(log: dict[str, str], frame: Frame) -> Fields:
    """The event of a record of Check Point, by its keys."""
    get = log.get
    product = (get("product") or "").lower()
    if not product and "origin" not in log and "action" not in log:
        raise ParseError("checkpoint_firewall: no product, origin or action among the keys")
    fields: Fields = {"observer.vendor": "Check Point", "observer.product": get("product") or "Firewall",
                      "observer.type": "firewall"}  # fmt: skip
    for key, value in log.items():
        name = _NAMES.get(key)
        if name is not None and value not in _NONE:
            fields[name] = value
    if get("operation", "") not in _NONE:
        fields["event.action"] = log["operation"]
    when = _when(log, frame)
    if when is not None:
        fields["@timestamp"] = when
    _sides(fields, log)
    _meaning(fields, log, product)
    _rest(fields, log)
    names = (get("src_machine_name"), get("dst_machine_name"), get("hostname"), fields.get("url.domain"))
    hosts(fields, frame, *(name for name in names if name and name not in _NONE and ip(name) is None))
    return fields


def _when(log: dict[str, str], frame: Frame) -> int | None:
    text = log.get("time")
    if not text:
        return None
    if text.isdigit() and text.isascii():
        return int(text) * SECOND if len(text) == 10 else moment(text)
    return moment(text, frame.zone)


def _sides(fields: Fields, log: dict[str, str]) -> None:
    get = log.get
    destination = get("dst") or get("dst_ip")
    service = get("service") or get("d_port")
    endpoints(fields, get("src") or get("src_ip") or get("client_ip"), get("s_port"), destination, service)
    if service and port(service) is None and service not in _NONE:
        fields["network.protocol"] = service.lower()
    transport(fields, get("proto"))
    for side, address, number in (("source", "xlatesrc", "xlatesport"), ("destination", "xlatedst", "xlatedport")):
        if address in log or number in log:
            translated(fields, side, get(address), get(number))
            at = port(get(number))
            if at and f"{side}.ip" in fields:  # "0.0.0.0": only the port was changed
                fields[f"{side}.nat.port"] = at
    for key in ("mac_source_address", "src_mac"):
        hardware(fields, "source", get(key))
    for key in ("mac_destination_address", "dst_mac"):
        hardware(fields, "destination", get(key))
    volume(fields, get("client_outbound_bytes") or get("sent_bytes"),
           get("client_inbound_bytes") or get("server_outbound_bytes") or get("received_bytes"),
           get("client_outbound_packets"), get("client_inbound_packets") or get("server_outbound_packets"))  # fmt: skip
    both = count(get("bytes"))
    if both is not None:
        fields.setdefault("network.bytes", both)
    both = count(get("packets"))
    if both is not None:
        fields.setdefault("network.packets", both)
    direction = get("ifdir") or get("i/f_dir")
    if direction in ("inbound", "outbound"):
        fields["network.direction"] = direction
    interface = get("ifname") or get("i/f_name")
    if interface and interface not in _NONE:
        end = "egress" if direction == "outbound" else "ingress"
        fields[f"observer.{end}.interface.name"] = interface
    name = get("user") or get("src_user_name") or get("orig_from")
    if name and name not in _NONE:
        _person(fields, name)
    elif get("administrator", "") not in _NONE:
        account(fields, log["administrator"])
        fields["source.user.name"] = fields["user.name"]
    if "client_ip" in log and get("machine", "") not in _NONE and ip(log["machine"]) is None:
        fields["source.domain"] = log["machine"]
    name = get("dst_user_name")
    if name and name not in _NONE:
        domain, short = domain_and_name(_account_of(name))
        fields["destination.user.name"] = short
        if domain is not None:
            fields["destination.user.domain"] = domain
        related = fields.setdefault("related.user", [])
        if short not in related:
            related.append(short)


def _account_of(name: str) -> str:
    """ "Anna Müller (amueller)", several joined by commas: the account of the first."""
    found = _IN_PARENTHESES.fullmatch(name)
    return name if found is None else found[2]


def _person(fields: Fields, name: str) -> None:
    short = _account_of(name)
    account(fields, short)
    fields["source.user.name"] = fields["user.name"]
    if short != name:
        found = _IN_PARENTHESES.fullmatch(name)
        if found is not None:
            fields["user.full_name"] = found[1]


def _meaning(fields: Fields, log: dict[str, str], product: str) -> None:
    get = log.get
    action = (get("action") or "").lower()
    operation = (get("operation") or "").lower()
    said = " ".join(get(key, "") for key in ("audit_status", "auth_status", "status", "reason", "action")).lower()
    outcome: str | None = None
    if get("audit_status", "").lower() == "success":
        outcome = "success"
    elif get("audit_status", "").lower() in ("failure", "failed"):
        outcome = "failure"
    logs_in = action in ("log in", "login", "failed log in", "authcrypt") or operation in ("log in", "login")
    types: list[str]
    if logs_in or (action == "reject" and "user" in log and "auth" in said):
        if outcome is None:
            outcome = "failure" if any(word in said for word in _BAD) else "success"
        category, types = ["authentication"], ["start" if outcome == "success" else "info"]
        _, failed, why = (get("additional_info") or "").partition("failed to log in: ")
        if failed and why.strip():
            fields["event.reason"] = why.strip()
    elif action in ("log out", "logout") or operation in ("log out", "logout"):
        category, types = ["session"], ["end"]
    elif operation or "audit_status" in log:
        verb = operation.partition(" ")[0]
        category = ["configuration"]
        types = [{"create": "creation", "add": "creation", "delete": "deletion"}.get(verb, "change")]
    else:
        verdict = "allowed" if action in _ALLOWED else "denied" if action in _DENIED else "info"
        if product in _INTRUSION:
            category = ["intrusion_detection", "network"]
        elif product in _MALWARE:
            category = ["malware", "network"]
        elif product in _WEB and ("resource" in log or "url" in log):
            category = ["web", "network"]
        elif "src" in log or "dst" in log:
            category = ["network"]
        else:
            category = ["host"]
        if category == ["host"]:
            types = ["info"]
        else:
            types = ["connection"] if category == ["network"] else ["info"]
            if verdict not in types:
                types.append(verdict)
            outcome = {"allowed": "success", "denied": "failure"}.get(verdict)
    fields["event.category"], fields["event.type"] = category, types
    if outcome is not None:
        fields["event.outcome"] = outcome


def _rest(fields: Fields, log: dict[str, str]) -> None:
    get = log.get
    origin = get("hostname") or get("origin") or get("orig")
    if origin and origin not in _NONE:
        fields["observer.name"] = origin
    address = ip(get("origin") or get("orig"))
    if address is not None:
        fields["observer.ip"] = [address]
    identifier = get("rule_uid") or get("https_inspection_rule_id")
    if identifier and identifier not in _NONE:
        fields["rule.uuid"] = identifier.strip("{}") or identifier
    for key in ("malware_rule_name", "dlp_rule_name", "app_rule_name", "https_inspection_rule_name"):
        if "rule.name" not in fields and get(key, "") not in _NONE:
            fields["rule.name"] = log[key]
    resource = get("resource") or get("url")
    if resource and resource not in _NONE:
        page(fields, resource, get("dst_domain_name") or None)
    severity: Any = _SEVERITIES.get((get("severity") or "").lower())
    if severity is None:
        severity = count(get("severity"))
    if severity is not None:
        fields["event.severity"] = severity
    size = count(get("file_size"))
    if size is not None:
        fields["file.size"] = size
    hashes = [fields[name] for name in ("file.hash.md5", "file.hash.sha1", "file.hash.sha256") if name in fields]
    if hashes:
        fields["related.hash"] = hashes
    if get("from") and "@" in log["from"]:
        fields["email.from.address"] = [log["from"]]
    if get("to") and "@" in log["to"]:
        fields["email.to.address"] = [log["to"]]
    number = get("sequencenum")
    if number and number.isdigit() and number.isascii() and len(number) < 19:
        fields["event.sequence"] = int(number)
    name = mac(get("mac_address"))
    if name is not None:
        fields.setdefault("source.mac", name)


FIREWALL = LogSource(product="checkpoint", category="firewall")
_SOURCES = {
    "authentication": LogSource(product="checkpoint", category="authentication"),
    "web": LogSource(product="checkpoint", category="proxy"),
    "malware": LogSource(product="checkpoint", category="antivirus"),
    "configuration": LogSource(product="checkpoint", service="audit"),
    "host": LogSource(product="checkpoint", service="system"),
}


def route(fields: Fields) -> LogSource:
    """Sessions, pages, malware, changes and logins apart."""
    return _SOURCES.get((fields.get("event.category") or ("",))[0], FIREWALL)
