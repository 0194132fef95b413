"""The fields of the Elastic Common Schema that a format may write, with their types and allowed values.

Not all of ECS: what hosts, people, networks, files, processes and the web are told by. A format of our own is held to
the whole reference by tests; a site's format, which no test of ours sees, to this table.
"""

from collections.abc import Iterator
from typing import Final

_USER: Final = "id name domain email full_name hash group.id group.name group.domain"
_HASHES: Final = " ".join(f"hash.{one}" for one in ("md5", "sha1", "sha256", "sha384", "sha512"))
_KEYWORDS: Final = {
    "agent": "ephemeral_id id name type version",
    "dns": "id op_code response_code type question.class question.name question.registered_domain question.subdomain "
    "question.top_level_domain question.type",
    "email": "content_type direction message_id sender.address subject x_mailer",
    "error": "code id message stack_trace type",
    "event": "action code dataset hash id kind module original outcome provider reason reference timezone url",
    "file": "device directory drive_letter extension gid group inode mime_type mode name owner path target_path type "
    f"uid {_HASHES}",
    "group": "domain id name",
    "host": "architecture domain hostname id name type os.family os.full os.kernel os.name os.platform os.type "
    "os.version",
    "http": "version request.body.content request.id request.method request.mime_type request.referrer "
    "response.body.content response.mime_type",
    "log": "level logger file.path syslog.appname syslog.facility.name syslog.hostname syslog.msgid syslog.procid "
    "syslog.severity.name syslog.version origin.file.name origin.function",
    "network": "application community_id direction iana_number name protocol transport type vlan.id vlan.name",
    "observer": "hostname name product serial_number type vendor version egress.interface.alias egress.interface.id "
    "egress.interface.name egress.vlan.id egress.vlan.name egress.zone ingress.interface.alias ingress.interface.id "
    "ingress.interface.name ingress.vlan.id ingress.vlan.name ingress.zone os.family os.name os.type os.version",
    "organization": "id name",
    "process": f"command_line entity_id executable name title working_directory parent.command_line parent.executable "
    f"parent.name {_HASHES}",
    "registry": "hive key path value data.type",
    "rule": "category description id license name reference ruleset uuid version",
    "service": "address environment id name node.name state type version",
    "threat": "framework indicator.type indicator.description indicator.provider",
    "tls": "cipher client.ja3 client.server_name client.subject client.issuer curve next_protocol server.ja3s "
    "server.subject server.issuer version version_protocol",
    "url": "domain extension fragment full original password path query registered_domain scheme subdomain "
    "top_level_domain username",
    "user": " ".join(f"{prefix}{one}" for prefix in ("", "target.", "effective.", "changes.") for one in _USER.split()),
    "user_agent": "device.name name original version",
    "vulnerability": "classification description enumeration id reference report_id severity",
}
_SIDES: Final = ("source", "destination", "client", "server")
_SIDE: Final = "address domain mac registered_domain subdomain top_level_domain"
_OTHERS: Final = {
    "ip": "observer. host. related. dns.resolved_ network.forwarded_ threat.indicator.",
    "long": "event.duration event.sequence event.severity file.size network.bytes network.packets process.exit_code "
    "process.pid process.parent.pid process.thread.id http.request.bytes http.request.body.bytes http.response.bytes "
    "http.response.body.bytes http.response.status_code log.syslog.facility.code log.syslog.priority "
    "log.syslog.severity.code log.origin.file.line url.port dns.answers.ttl",
    "date": "@timestamp event.created event.end event.ingested event.start file.accessed file.created file.ctime "
    "file.mtime process.start process.end",
    "float": "event.risk_score event.risk_score_norm vulnerability.score.base",
    "boolean": "tls.established tls.resumed process.interactive",
}
_MANY: Final = (
    "event.category event.type host.ip host.mac observer.ip observer.mac related.hash related.hosts related.ip "
    "related.user tags user.roles source.user.roles destination.user.roles client.user.roles server.user.roles "
    "dns.header_flags dns.resolved_ip process.args file.attributes email.from.address email.to.address "
    "email.cc.address email.bcc.address rule.author registry.data.strings vulnerability.category"
)
_LISTS: Final = frozenset(_MANY.split())
OWN_ROOTS: Final = ("tieline.", "ot.")


def _types() -> Iterator[tuple[str, str]]:
    for root, names in _KEYWORDS.items():
        yield from ((f"{root}.{name}", "keyword") for name in names.split())
    for side in _SIDES:
        yield from ((f"{side}.{name}", "keyword") for name in _SIDE.split())
        yield from ((f"{side}.user.{name}", "keyword") for name in _USER.split())
        yield from ((f"{side}.{name}", "long") for name in ("port", "bytes", "packets", "nat.port"))
        yield from ((f"{side}.{name}", "ip") for name in ("ip", "nat.ip"))
        yield f"{side}.user.roles", "keyword"
    for kind, names in _OTHERS.items():
        yield from ((f"{name}ip" if name[-1] in "._" else name, kind) for name in names.split())
    yield from ((name, "keyword") for name in _LISTS if not name.endswith("ip"))
    yield "message", "keyword"


TYPES: Final[dict[str, str]] = dict(_types())
"""Field → keyword, ip, long, float, boolean or date."""

_CATEGORIES: Final = {
    "api": "access admin allowed change creation deletion denied end info start user",
    "authentication": "start end info",
    "configuration": "access change creation deletion info",
    "database": "access change info error",
    "driver": "change end info start",
    "email": "info",
    "file": "access change creation deletion info",
    "host": "access change end info start",
    "iam": "admin change creation deletion group info user",
    "intrusion_detection": "allowed denied info",
    "library": "start",
    "malware": "info",
    "network": "access allowed connection denied end info protocol start",
    "package": "access change deletion info installation start",
    "process": "access change end info start",
    "registry": "access change creation deletion",
    "session": "start end info",
    "threat": "indicator",
    "vulnerability": "info",
    "web": "access error info",
}
TYPES_OF: Final = {category: frozenset(types.split()) for category, types in _CATEGORIES.items()}
"""``event.category`` → the types that go with it."""

ALLOWED: Final[dict[str, frozenset[str]]] = {
    "event.kind": frozenset(("alert", "asset", "enrichment", "event", "metric", "state", "signal")),
    "event.category": frozenset(TYPES_OF),
    "event.type": frozenset(("device",)).union(*TYPES_OF.values()),
    "event.outcome": frozenset(("success", "failure", "unknown")),
}


def is_own(name: str) -> bool:
    """Whether the field is below a root of ours, where anything may stand.

    >>> is_own("tieline.pump.level"), is_own("source.ip")
    (True, False)
    """
    return name.startswith(OWN_ROOTS)


def is_list(name: str) -> bool:
    return name in _LISTS
