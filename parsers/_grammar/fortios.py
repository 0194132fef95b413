"""FortiOS's logs by key: traffic, security profiles and events, however the keys were sent."""

import re
from datetime import tzinfo
from functools import lru_cache

from engine.model import Fields, Frame, LogSource, ParseError
from parsers._grammar import clock
from parsers._grammar.addresses import ip, port
from parsers._grammar.conversation import count, endpoints, hardware, page, translated, transport, volume
from parsers._grammar.people import account, domain_and_name, hosts

# Keys that are an ECS field as they are. "log_id", "device_id", "src_int" are what FortiOS 4 called them.
_NAMES = {
    "devname": "observer.name",
    "devid": "observer.serial_number",
    "device_id": "observer.serial_number",
    "level": "log.level",
    "pri": "log.level",
    "logid": "event.code",
    "log_id": "event.code",
    "reason": "event.reason",
    "tz": "event.timezone",
    "srcintf": "observer.ingress.interface.name",
    "src_int": "observer.ingress.interface.name",
    "dstintf": "observer.egress.interface.name",
    "dst_int": "observer.egress.interface.name",
    "policyid": "rule.id",
    "policy_id": "rule.id",
    "poluuid": "rule.uuid",
    "policytype": "rule.ruleset",
    "policyname": "rule.name",
    "group": "user.group.name",
    "agent": "user_agent.original",
    "httpmethod": "http.request.method",
    "referralurl": "http.request.referrer",
    "filename": "file.name",
    "file": "file.name",
    "filehash": "tieline.fortigate.filehash",
    "qname": "dns.question.name",
    "qtype": "dns.question.type",
    "qclass": "dns.question.class",
    "xid": "dns.id",
    "ref": "event.reference",
    "subject": "email.subject",
    "sni": "tls.client.server_name",
    "cipher": "tls.cipher",
}
_OWN = (
    "action", "ap", "apprisk", "appcat", "applist", "assignip", "attack", "attackid", "authserver", "cat", "catdesc",
    "cfgattr", "cfgobj", "cfgpath", "cfgtid", "clouduser", "cpu", "craction", "crlevel", "crscore", "devtype",
    "dhcp_msg", "dstcountry", "dstname", "dstosname", "dtype", "duration", "eventtype", "fctuid", "forwardedfor",
    "ha_group", "hostname", "init", "interface", "keyword", "logdesc", "method", "mode", "msg", "name", "osname",
    "peer_notif", "profile", "quarskip", "remote", "result", "role", "sensitivity", "server", "service", "sessionid",
    "severity", "sn", "srccountry", "srcname", "srcswversion", "ssid", "status", "subtype", "threattype", "trandisp",
    "tunnelid", "tunnelip", "tunneltype", "type", "ui", "unauthuser", "unauthusersource", "used_for_type",
    "utmaction", "vap", "vd", "virus", "viruscat", "virusid", "vpntunnel", "vpntype", "xauthgroup", "xauthuser",
)  # fmt: skip
_NAMES.update((key, f"tieline.fortigate.{key}") for key in _OWN)
_NONE = frozenset(("", "N/A", "n/a"))

# What ended a session that the policy had let through is no verdict; "ip-conn" and "dns" are sessions that were let
# through and found no answer.
_TRAFFIC = {
    "accept": ["connection", "end", "allowed"],
    "close": ["connection", "end", "allowed"],
    "timeout": ["connection", "end", "allowed"],
    "client-rst": ["connection", "end", "allowed"],
    "server-rst": ["connection", "end", "allowed"],
    "ip-conn": ["connection", "end", "allowed"],
    "dns": ["connection", "end", "allowed"],
    "start": ["connection", "start", "allowed"],
    "deny": ["connection", "denied"],
    "blocked": ["connection", "denied"],
}
_DENIED = frozenset((
    "block", "blocked", "deny", "denied", "drop", "dropped", "reset", "reset_client", "reset_server", "reset_both",
    "clear_session", "drop_session", "quarantine", "ban", "ban-ip", "reject", "rejected",
))  # fmt: skip
_ALLOWED = frozenset((
    "pass", "passthrough", "passed", "permit", "allow", "detected", "monitored", "monitor", "exempt", "log-only",
    "accept",
))  # fmt: skip
_PROFILES = {
    "webfilter": ["web", "network"],
    "waf": ["web", "network"],
    "virus": ["malware", "network"],
    "ips": ["intrusion_detection", "network"],
    "anomaly": ["intrusion_detection", "network"],
    "emailfilter": ["email", "network"],
    "dlp": ["file", "network"],
    "file-filter": ["file", "network"],
}
_CHANGES = {"Add": "creation", "Delete": "deletion"}
_PEOPLE = ("system.admin", "user.local", "user.group", "system.accprofile", "user.peer")
_OUTCOMES = {
    "success": "success",
    "successful": "success",
    "ok": "success",
    "failed": "failure",
    "failure": "failure",
    "fail": "failure",
    "error": "failure",
    "negotiate_error": "failure",
    "dpd_failure": "failure",
}
_LOGONS = frozenset(("login", "authentication", "auth", "auth-logon", "FSSO-logon", "ssl-login-fail", "ssl-login"))
_LOGOFFS = frozenset(("logout", "auth-logout", "FSSO-logoff", "tunnel-down", "ssl-tunnel-down"))
_DIRECTIONS = {"outgoing": "outbound", "incoming": "inbound", "outbound": "outbound", "inbound": "inbound"}
_UNITS = {10: 1_000_000_000, 13: 1_000_000, 16: 1_000, 19: 1}
_UI = re.compile(r"\(([0-9A-Fa-f:.]{2,45})\)$")
_ZONE = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d\d))?")


def described(log: dict[str, str], frame: Frame) -> Fields:
    """The event of a record of FortiOS, by its keys."""
    kind, subtype = log.get("type"), log.get("subtype")
    if kind is None or subtype is None:
        raise ParseError("fortinet_fortigate: no type= and subtype=")
    fields: Fields = {"observer.vendor": "Fortinet", "observer.product": "FortiGate", "observer.type": "firewall"}
    names, none = _NAMES, _NONE
    for key, value in log.items():
        name = names.get(key)
        if name is not None and value not in none:
            fields[name] = value
    if "observer.name" in fields:
        fields["observer.hostname"] = fields["observer.name"]
    when = _when(log, frame.zone)
    if when is not None:
        fields["@timestamp"] = when
    action = log.get("action")
    if action:
        fields["event.action"] = action
    if kind == "traffic":
        _traffic(fields, log, action)
    elif kind == "event":
        _event(fields, log, subtype, action)
    else:  # FortiOS 5 has a type for each profile: "virus", "webfilter", "ips", "anomaly"
        _profile(fields, log, subtype if kind == "utm" else kind, action)
    _names(fields, log)
    hosts(fields, frame, *_rest(fields, log))
    return fields


def _when(log: dict[str, str], zone: tzinfo | None) -> int | None:
    text = log.get("eventtime")
    # seconds before FortiOS 6.2, nanoseconds since; some releases wrote milli- or microseconds
    if text is not None and text.isdigit() and text.isascii() and len(text) in _UNITS:
        return int(text) * _UNITS[len(text)]
    date, time = log.get("date"), log.get("time")
    if date is None or time is None:
        return None
    offset = log.get("tz")
    return clock.iso(f"{date}T{time}", _zone(offset) or zone if offset else zone)


@lru_cache(maxsize=256)
def _zone(text: str) -> tzinfo | None:
    found = _ZONE.fullmatch(text)
    return None if found is None else clock.offset_zone(f"{found[1]}{int(found[2]):02d}{found[3] or '00'}")


def _traffic(fields: Fields, log: dict[str, str], action: str | None) -> None:
    get = log.get
    fields["event.category"] = ["network"]
    types = _TRAFFIC.get(action or "")
    if types is None:
        types = ["connection", "info"]
    elif get("utmaction") in _DENIED:
        types = ["connection", "denied"]
    if action:  # what the policy says was done, whichever way
        fields["event.outcome"] = "success"
    fields["event.type"] = types.copy()
    if "srcip" in log or "dstip" in log:
        endpoints(fields, get("srcip"), get("srcport"), get("dstip"), get("dstport"))
    else:  # FortiOS 4
        endpoints(fields, get("src"), get("src_port"), get("dst"), get("dst_port"))
    if "transip" in log:
        translated(fields, "source", log["transip"], get("transport"))
    if "tranip" in log:
        translated(fields, "destination", log["tranip"], get("tranport"))


def _profile(fields: Fields, log: dict[str, str], subtype: str, action: str | None) -> None:
    get = log.get
    fields["event.category"] = (_PROFILES.get(subtype) or ["network"]).copy()
    types = ["info"]
    if action in _DENIED:
        types.append("denied")
    elif action in _ALLOWED:
        types.append("allowed")
    if action:
        fields["event.outcome"] = "success"
    fields["event.type"] = types
    if "event.action" not in fields and get("eventtype"):
        fields["event.action"] = log["eventtype"]
    if "srcip" in log or "dstip" in log:
        endpoints(fields, get("srcip"), get("srcport"), get("dstip"), get("dstport"))
    elif "src" in log:
        endpoints(fields, get("src"), get("src_port"), get("dst"), get("dst_port"))
    else:
        endpoints(fields, get("locip"), get("locport"), get("remip"), get("remport"))
    if "rule.name" not in fields and get("attack"):
        fields["rule.name"] = log["attack"]
    if get("ipaddr"):
        answers = [found for one in log["ipaddr"].split(",")[:64] if (found := ip(one.strip())) is not None]
        if answers:
            fields["dns.resolved_ip"] = answers
    if subtype in ("virus", "dlp", "file-filter") and get("filesize"):
        size = count(get("filesize"))
        if size is not None:
            fields["file.size"] = size


def _event(fields: Fields, log: dict[str, str], subtype: str, action: str | None) -> None:
    get = log.get
    outcome = _OUTCOMES.get((get("status") or "").lower()) or _OUTCOMES.get((get("result") or "").lower())
    category, types = ["network"] if subtype in ("vpn", "wireless", "router", "sdwan") else ["host"], ["info"]
    if subtype == "vpn" or ("srcip" not in log and "remip" in log):
        # the remote side of a tunnel came to us: it is the source, whoever started this phase
        endpoints(fields, get("remip"), get("remport"), get("locip") or get("dstip"), get("locport") or get("dstport"))
        category, web = ["network"], get("tunneltype") == "ssl-web"
        if action in ("tunnel-up", "phase2-up", "ssl-new-con"):
            types = ["connection", "start"]
            if action == "tunnel-up" and web and get("user", "") not in _NONE:
                category, types, outcome = ["authentication", "session"], ["start"], "success"
        elif action in _LOGOFFS:
            types = ["connection", "end"]
        elif action not in _LOGONS:
            types = ["connection", "info"]
    else:
        endpoints(fields, get("srcip") or get("userip"), get("srcport"), get("dstip"), get("dstport"))
        from_where = get("ui") or get("userfrom")
        if "source.ip" not in fields and from_where:
            found = _UI.search(from_where)
            if found is not None:
                endpoints(fields, found[1], None, get("dstip"), get("dstport"))
        elif "dhcp_msg" in log:
            endpoints(fields, get("ip"), None, None, None)
    if action in _LOGONS:
        if action in ("auth-logon", "FSSO-logon", "ssl-login"):
            outcome = outcome or "success"
        elif action == "ssl-login-fail":
            outcome = "failure"
        elif outcome is None:
            outcome = "failure" if "fail" in get("msg", "").lower() else "unknown"
        category, types = ["authentication"], ["start"] if outcome == "success" else ["info"]
    elif action in _LOGOFFS and category == ["host"]:
        category, types = ["session"], ["end"]
    elif "cfgpath" in log:
        category, types = ["configuration"], [_CHANGES.get(action or "", "change")]
        if log["cfgpath"].startswith(_PEOPLE):
            category.append("iam")
            types.append("group" if log["cfgpath"] == "user.group" else "user")
        outcome = outcome or "success"  # a change is logged once it is made
        fields["tieline.fortigate.changed"] = f"{log['cfgpath']} {get('cfgobj', '')}".strip()
    if outcome is not None:
        fields["event.outcome"] = outcome
    fields["event.category"], fields["event.type"] = category, types
    for key in ("mac", "stamac"):
        if key in log:
            hardware(fields, "source", log[key])
    for key in ("ip", "assignip", "tunnelip"):
        leased = ip(get(key))
        if leased is not None and leased not in (related := fields.setdefault("related.ip", [])):
            related.append(leased)


def _names(fields: Fields, log: dict[str, str]) -> None:
    get = log.get
    for key in ("eapuser", "xauthuser", "user", "unauthuser"):
        name = get(key)
        if name and name not in _NONE:
            account(fields, name)
            fields["source.user.name"] = fields["user.name"]
            if "user.domain" in fields:
                fields["source.user.domain"] = fields["user.domain"]
            break
    other = get("dstuser") or get("dstunauthuser")
    if other and other not in _NONE:
        domain, fields["destination.user.name"] = domain_and_name(other)
        if domain is not None:
            fields["destination.user.domain"] = domain
        related = fields.setdefault("related.user", [])
        if fields["destination.user.name"] not in related:
            related.append(fields["destination.user.name"])


def _rest(fields: Fields, log: dict[str, str]) -> list[str]:
    """The hosts that take part are what it gives back."""
    get = log.get
    transport(fields, get("proto"))
    service = get("service")
    if service and service not in _NONE:
        fields["network.protocol"] = service.lower()
    application = get("app")
    if application and application not in _NONE:
        fields["network.application"] = application.lower()
    direction = _DIRECTIONS.get(get("direction") or get("dir") or "")
    if direction is not None:
        fields["network.direction"] = direction
    if "sentbyte" in log or "rcvdbyte" in log:
        volume(fields, get("sentbyte"), get("rcvdbyte"), get("sentpkt"), get("rcvdpkt"))
    if "srcmac" in log:
        hardware(fields, "source", log["srcmac"])
    elif "source_mac" in log:
        hardware(fields, "source", log["source_mac"])
    if "dstmac" in log:
        hardware(fields, "destination", log["dstmac"])
    named: list[str] = []
    for key, field in (("srcname", "source.domain"), ("dstname", "destination.domain")):
        name = get(key)
        if name and name not in _NONE:
            fields[field] = name
            if ip(name) is None:
                named.append(name)
    if "url" in log or "hostname" in log:
        hostname = get("hostname")
        if "url" in log and get("subtype") == "rest-api":
            page(fields, log["url"])
            if get("method", "").isupper():
                fields["http.request.method"] = log["method"]
        elif fields["event.category"] == ["host"]:  # of a DHCP client
            if hostname and hostname not in _NONE:
                fields["source.domain"] = hostname
                named.append(hostname)
        else:
            page(fields, get("url") or "", hostname if hostname and hostname not in _NONE else None)
            if "url.domain" in fields:
                fields.setdefault("destination.domain", fields["url.domain"])
                named.append(fields["url.domain"])
    if "destination.ip" not in fields and (server := get("dstip")) and server not in _NONE:  # a name, in some profiles
        fields.setdefault("destination.domain", server)
        number = port(get("dstport"))
        if number is not None:
            fields["destination.port"] = number
    lasted = count(get("duration"))
    if lasted is not None and lasted < 9_000_000_000:
        fields["event.duration"] = lasted * 1_000_000_000
    for key, field in (("sender", "email.sender.address"), ("from", "email.from.address"),
                       ("recipient", "email.to.address"), ("to", "email.to.address")):  # fmt: skip
        value = get(key)
        if value and "@" in value:
            fields[field] = value if field == "email.sender.address" else [value]
    if "dns.question.name" in fields:
        fields["dns.question.name"] = fields["dns.question.name"].strip("[]") or "."
        named.append(fields["dns.question.name"])
    return named


FIREWALL = LogSource(product="fortigate", category="firewall", service="traffic")
_SOURCES = {
    ("event", None): LogSource(product="fortigate", service="event"),
    ("event", "authentication"): LogSource(product="fortigate", category="authentication", service="event"),
    ("utm", None): LogSource(product="fortigate", category="firewall", service="utm"),
    ("utm", "web"): LogSource(product="fortigate", category="proxy", service="utm"),
    ("utm", "malware"): LogSource(product="fortigate", category="antivirus", service="utm"),
    ("utm", "dns"): LogSource(product="fortigate", category="dns", service="utm"),
}


def route(fields: Fields) -> LogSource:
    """Traffic, pages, malware, names and logins apart."""
    kind = fields.get("tieline.fortigate.type")
    if kind == "traffic":
        return FIREWALL
    category = (fields.get("event.category") or (None,))[0]
    if kind == "event":
        return _SOURCES.get(("event", category)) or _SOURCES["event", None]
    return _SOURCES.get(("utm", "dns" if "dns.question.name" in fields else category)) or _SOURCES["utm", None]
