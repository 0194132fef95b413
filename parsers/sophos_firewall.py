"""Sophos Firewall (SFOS, once XG), 17 to 21, in the standard and the central reporting format.

::

    <30>device_name="SFW" timestamp="2026-01-02T03:04:05+0000" device_model="XGS136" device_serial_id="X43210EXAMPLE01" log_id="010101600001" log_type="Firewall" log_component="Firewall Rule" log_subtype="Allowed" log_version=1 severity="Information" duration=10 fw_rule_id="4" fw_rule_name="out" in_interface="Port1" out_interface="Port2" src_ip="10.20.1.7" dst_ip="198.51.100.5" protocol="TCP" src_port=51234 dst_port=443 packets_sent=25 packets_received=37 bytes_sent=1850 bytes_received=39898 src_trans_ip="192.0.2.7" src_trans_port=41022
    <30>device="SFW" date=2026-01-02 time=03:04:06 timezone="CET" device_name="XG135" device_id=C1A0EXAMPLE0001 log_id=062910617702 log_type="Event" log_component="Firewall Authentication" log_subtype="Authentication" status="Failed" priority=Notice user_name="m.keller" src_ip=10.20.1.7 message="User m.keller failed to login to Firewall" reason="wrong credentials"
"""  # noqa: E501  (records as they are sent)

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import clock
from parsers._grammar.addresses import ip
from parsers._grammar.conversation import count, endpoints, hardware, page, translated, transport, volume
from parsers._grammar.outcomes import outcome
from parsers._grammar.pairs import pairs
from parsers._grammar.people import account, hosts

_NAMES = {
    "device_id": "observer.serial_number",
    "device_serial_id": "observer.serial_number",
    "log_id": "tieline.sophos.log_id",
    "log_type": "tieline.sophos.type",
    "log_component": "tieline.sophos.component",
    "log_subtype": "event.action",
    "status": "tieline.sophos.status",
    "priority": "log.level",
    "severity": "log.level",
    "timezone": "event.timezone",
    "fw_rule_id": "rule.id",
    "rule_id": "rule.id",
    "fw_rule_name": "rule.name",
    "rule_name": "rule.name",
    "policy_name": "rule.ruleset",
    "in_interface": "observer.ingress.interface.name",
    "out_interface": "observer.egress.interface.name",
    "in_display_interface": "observer.ingress.interface.alias",
    "out_display_interface": "observer.egress.interface.alias",
    "srczone": "observer.ingress.zone",
    "src_zone": "observer.ingress.zone",
    "dstzone": "observer.egress.zone",
    "dst_zone": "observer.egress.zone",
    "user_gp": "user.group.name",
    "user_group": "user.group.name",
    "usergroupname": "user.group.name",
    "reason": "event.reason",
    "useragent": "user_agent.original",
    "user_agent": "user_agent.original",
    "http_user_agent": "user_agent.original",
    "referer": "http.request.referrer",
    "http_referer": "http.request.referrer",
    "method": "http.request.method",
    "http_method": "http.request.method",
    "contenttype": "http.response.mime_type",
    "content_type": "http.response.mime_type",
    "file_name": "file.name",
    "filename": "file.name",
    "filepath": "file.path",
    "file_path": "file.path",
    "sha1sum": "file.hash.sha1",
    "file_hash": "tieline.sophos.file_hash",
    "signature_id": "tieline.sophos.signature_id",
    "signature_msg": "tieline.sophos.signature",
    "classification": "tieline.sophos.classification",
    "category": "tieline.sophos.category",
    "application_category": "tieline.sophos.application_category",
    "app_category": "tieline.sophos.application_category",
    "virus": "tieline.sophos.virus",
    "malware": "tieline.sophos.virus",
    "threatname": "tieline.sophos.threat",
    "threat": "tieline.sophos.threat",
    "auth_mechanism": "tieline.auth.method",
    "authmechanism": "tieline.auth.method",
    "authclient": "tieline.sophos.client",
    "auth_client": "tieline.sophos.client",
    "connectionname": "tieline.sophos.connection",
    "connectiontype": "tieline.sophos.connection_type",
    "additionalinformation": "tieline.sophos.additional_information",
    "additional_information": "tieline.sophos.additional_information",
    "message": "tieline.sophos.message",
    "subject": "email.subject",
    "sni": "tls.client.server_name",
}
_SEVERITIES = {"emergency": 0, "alert": 1, "critical": 2, "error": 3, "warning": 4, "notice": 5, "notification": 5,
               "information": 6, "informational": 6, "debug": 7}  # fmt: skip
_NONE = frozenset(("", "N/A", "-"))
# A zone's abbreviation that means one offset only is read by `clock.offset_zone`.
_ALLOWED = frozenset(("allowed", "allow", "clean", "detect", "detected", "monitored"))
_DENIED = frozenset(("denied", "deny", "drop", "dropped", "blocked", "block", "virus", "pua", "probable spam", "spam",
                     "dos attack", "tcp_reset", "reject", "rejected"))  # fmt: skip
_CATEGORIES = {
    "firewall": ["network"],
    "ssl": ["network"],
    "ssl/tls inspection": ["network"],
    "content filtering": ["web", "network"],
    "waf": ["web", "network"],
    "web server protection": ["web", "network"],
    "idp": ["intrusion_detection", "network"],
    "ips": ["intrusion_detection", "network"],
    "atp": ["malware", "network"],
    "active threat response": ["malware", "network"],
    "anti-virus": ["malware", "network"],
    "anti-spam": ["email", "network"],
    "zero day protection": ["malware", "network"],
    "sandbox": ["malware", "network"],
    "application filter": ["network"],
    "wireless protection": ["network"],
}
_LOGOUTS = ("logged out", "logout", "disconnected", "log out", "terminated")


def parse(frame: Frame) -> Fields:
    log = pairs(frame.text)
    get = log.get
    kind = get("log_type")
    if kind is None or "log_component" not in log:
        raise ParseError("sophos_firewall: no log_type= and log_component=")
    fields: Fields = {"observer.vendor": "Sophos", "observer.product": "Firewall", "observer.type": "firewall"}
    if frame.opened is None:
        fields["message"] = frame.text.strip()
    for key, value in log.items():
        name = _NAMES.get(key)
        if name is not None and value not in _NONE:
            fields[name] = value
    when = _when(log, frame)
    if when is not None:
        fields["@timestamp"] = when
    number = get("log_id") or ""
    if number not in _NONE:  # type, component, subtype and priority, then the five digits of the message
        fields["event.code"] = number[7:] if len(number) == 12 else number
    severity = _SEVERITIES.get((get("priority") or get("severity") or "").lower())
    if severity is not None:
        fields["event.severity"] = severity
    name = get("device_name")
    if name and name not in _NONE:
        fields["observer.name"] = name
    _sides(fields, log)
    name = get("user_name") or get("user") or get("username")
    if name and name not in _NONE:
        account(fields, name)
        fields["source.user.name"] = fields["user.name"]
    _meaning(fields, log, kind.lower())
    address = get("url") or get("uri")
    domain = get("domain") or get("domainname")
    if (address and address not in _NONE) or (domain and kind.lower() in ("content filtering", "waf")):
        page(fields, address or "", domain if domain and domain not in _NONE and ip(domain) is None else None)
    status = count(get("httpresponsecode") or get("http_status") or get("httpstatus") or get("status_code"))
    if status is not None and 100 <= status <= 599:
        fields["http.response.status_code"] = status
    for key, field in (("from_email_address", "email.from.address"), ("sender", "email.from.address"),
                       ("to_email_address", "email.to.address"), ("recipient", "email.to.address")):  # fmt: skip
        if get(key) and "@" in log[key]:
            fields[field] = [log[key]]
    size = count(get("file_size") or get("filesize"))
    if size is not None:
        fields["file.size"] = size
    if "file.hash.sha1" in fields:
        fields["related.hash"] = [fields["file.hash.sha1"]]
    named = fields.get("url.domain") or fields.get("tls.client.server_name")
    if named:
        fields.setdefault("destination.domain", named)
    hosts(fields, frame, named)
    return fields


def _when(log: dict[str, str], frame: Frame) -> int | None:
    text = log.get("timestamp")
    if text:
        return clock.iso(text, frame.zone)
    date, time, name = log.get("date"), log.get("time"), log.get("timezone")
    if not date or not time:
        return None
    zone = clock.offset_zone(name) if name else None
    return clock.iso(f"{date}T{time}", zone or frame.zone)


def _sides(fields: Fields, log: dict[str, str]) -> None:
    get = log.get
    endpoints(fields, get("src_ip") or get("sourceip") or get("source_ip") or get("srcip"), get("src_port"),
              get("dst_ip") or get("destinationip") or get("dest_ip") or get("localip"), get("dst_port"))  # fmt: skip
    translated(fields, "source", get("tran_src_ip") or get("src_trans_ip"),
               get("tran_src_port") or get("src_trans_port"))  # fmt: skip
    translated(fields, "destination", get("tran_dst_ip") or get("dst_trans_ip"),
               get("tran_dst_port") or get("dst_trans_port"))  # fmt: skip
    hardware(fields, "source", get("src_mac"))
    hardware(fields, "destination", get("dst_mac"))
    transport(fields, get("protocol") or get("ip_protocol"))
    application = get("application") or get("app_name") or get("application_name")
    if application and application not in _NONE:
        fields["network.application"] = application.lower()
    volume(fields, get("sent_bytes") or get("bytes_sent"), get("recv_bytes") or get("bytes_received"),
           get("sent_pkts") or get("packets_sent"), get("recv_pkts") or get("packets_received"))  # fmt: skip
    lasted = count(get("duration"))
    if lasted is not None and lasted < 9_000_000_000:
        fields["event.duration"] = lasted * 1_000_000_000


def _meaning(fields: Fields, log: dict[str, str], kind: str) -> None:
    get = log.get
    subtype, status = (get("log_subtype") or "").lower(), (get("status") or "").lower()
    component, said = (get("log_component") or "").lower(), (get("message") or "").lower()
    if kind in ("event", "system", "admin"):
        result = outcome(status) or outcome(said)
        if subtype == "authentication" or "authentication" in component or "logged in" in said or " login" in said:
            if any(word in said for word in _LOGOUTS):
                fields["event.category"], fields["event.type"] = ["session"], ["end"]
            else:
                fields["event.category"] = ["authentication"]
                fields["event.type"] = ["start" if result == "success" else "info"]
                fields["event.outcome"] = result or "unknown"
            return
        if subtype == "admin" or component in ("gui", "cli", "api"):
            fields["event.category"], fields["event.type"] = ["configuration"], ["change"]
        elif "vpn" in component or component in ("l2tp", "pptp", "ipsec", "red", "dhcp server", "interface"):
            fields["event.category"], fields["event.type"] = ["network"], ["info"]
        else:
            fields["event.category"], fields["event.type"] = ["host"], ["info"]
        if result is not None and status:
            fields["event.outcome"] = result
        return
    category = _CATEGORIES.get(kind, ["network"]).copy()
    types = ["connection"] if category == ["network"] else ["info"]
    if subtype in _DENIED or status in ("deny", "denied"):
        types.append("denied")
    elif subtype in _ALLOWED or status in ("allow", "allowed"):
        types.append("allowed")
        fields["event.outcome"] = "success"
    if category == ["network"]:
        connection = (get("con_event") or get("connevent") or "").lower()
        if connection in ("start", "stop"):
            types.append("start" if connection == "start" else "end")
    fields["event.category"], fields["event.type"] = category, types
    if "rule.name" not in fields and get("signature_msg", "") not in _NONE:
        fields["rule.name"] = log["signature_msg"]


_FIREWALL = LogSource(product="sophos", category="firewall")
_SOURCES = {
    "authentication": LogSource(product="sophos", category="authentication"),
    "web": LogSource(product="sophos", category="proxy"),
    "malware": LogSource(product="sophos", category="antivirus"),
    "configuration": LogSource(product="sophos", service="admin"),
    "host": LogSource(product="sophos", service="system"),
    "session": LogSource(product="sophos", service="system"),
}


def route(fields: Fields) -> LogSource:
    return _SOURCES.get((fields.get("event.category") or ("",))[0], _FIREWALL)


FORMAT = LogFormat(
    id="sophos_firewall",
    vendor="Sophos",
    product="Firewall",
    logsource=_FIREWALL,
    spec="https://docs.sophos.com/nsg/sophos-firewall/21.0/syslog/en-us/index.html",
    parse=parse,
    inside="syslog",
    fingerprint=lambda head: b"log_component=" in head and b"log_type=" in head,
    needs=(b"log_component=",),
    route=route,
)
