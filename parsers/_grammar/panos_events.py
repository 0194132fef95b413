"""PAN-OS's logs of the device and its users, by column: system, configuration, GlobalProtect, User-ID and others."""

import re

from engine.model import Fields, ParseError
from parsers._grammar.addresses import ip
from parsers._grammar.conversation import count, endpoints, hardware, translated
from parsers._grammar.people import account, domain_and_name

_SYSTEM_USER = re.compile(
    r"(?:for user|authenticating user|User name:|user name:|[Uu]ser(?= \S+ logged )|for user:|User(?= '))"
    r" ?(?:'([^']{1,256})'|<([^>]{1,256})>|([^\s,']{1,256}?))(?=[.,]? |[.,]?$)"
)
_SYSTEM_FROM = re.compile(r"(?:[Ll]ogin from:?|From:|[Ff]rom) '?([0-9A-Fa-f:.]{3,45})")
_SERVER = re.compile(
    r"(?:[Ss]erver [Aa]ddress:?|connected to server|dhcp server:|server:) '?([\w.\-]{2,255}|[0-9A-Fa-f:]{3,45})"
    r"(?::(\d{1,5}))?(?=[',;\s]|$)"
)
_INITIATED = re.compile(r"(?:initiated by:?|, ip) ([0-9A-Fa-f:.]{3,45})")
_NAMED = re.compile(
    r"(?:CLOUD ELECTION:|(?:WildFire|Public) [Cc]loud) ((?:[\w\-]{1,63}\.){1,8}[A-Za-z]{2,24})"
    r"(?: IP: ([0-9A-Fa-f:.]{3,45}))?"
)
_ADDRESS = re.compile(r"connect to address: ([0-9A-Fa-f:.]{3,45}) port: (\d{1,5})")
_PACKAGE = re.compile(r"package: ([\w.\-]{1,128}\.tgz)")
_BY = re.compile(r" by ([\w.\-@\\]{1,128})\s*$")
_REASON = re.compile(r"[Rr]eason: ?(.{1,256}?)(?:\.? +(?:auth profile|From:)|,|\.?$)")

SEVERITIES = {"critical": 1, "high": 2, "medium": 3, "low": 4, "informational": 5}
_NOWHERE = (None, "0.0.0.0", "::")  # noqa: S104


class Columns(list[str]):
    """A column that this release does not have yet is empty."""

    def at(self, number: int) -> str:
        return self[number] if number < len(self) else ""


def person(fields: Fields, name: str, side: str = "source") -> None:
    r"""``domain\user``, which the device may write with its backslash escaped."""
    if not name or name.startswith("x-fwd-for:"):
        return
    name = name.replace("\\\\", "\\")
    if side == "source":
        account(fields, name)
        fields["source.user.name"] = fields["user.name"]
        if "user.domain" in fields:
            fields["source.user.domain"] = fields["user.domain"]
        return
    domain, name = domain_and_name(name)
    fields["destination.user.name"] = name
    if domain is not None:
        fields["destination.user.domain"] = domain
    related = fields.setdefault("related.user", [])
    if name not in related:
        related.append(name)


def system(fields: Fields, row: Columns, subtype: str) -> tuple[str, ...]:
    event, said = row.at(8), row.at(14)
    _level(fields, row.at(13))
    fields["event.category"], fields["event.type"] = ["host"], ["info"]
    if event:
        fields["event.action"] = fields["event.code"] = event
    for name, value in (("tieline.panos.vsys", row[7]), ("tieline.panos.object", row.at(9)),
                        ("tieline.panos.module", row.at(12)), ("tieline.panos.description", said)):  # fmt: skip
        if value:
            fields[name] = value
    said = said[:2048]
    found = _SYSTEM_USER.search(said)
    if found is not None:
        person(fields, (found[1] or found[2] or found[3]).rstrip("."))
    found = _SYSTEM_FROM.search(said)
    if found is not None:
        endpoints(fields, found[1].rstrip(".:"), None, None, None)
    if "server" in said or "Server" in said or "loud" in said or "CLOUD" in said:
        _served(fields, said)
    elif (found := _ADDRESS.search(said)) is not None:
        endpoints(fields, fields.get("source.ip"), None, found[1].rstrip(".:"), found[2])
    if (found := _PACKAGE.search(said)) is not None:
        fields["file.name"] = found[1]
    if "user.name" not in fields and (found := _BY.search(said)) is not None:
        person(fields, found[1])
    found = _REASON.search(said)
    if found is not None:
        fields["event.reason"] = found[1].strip()
    if subtype == "vpn":
        fields["event.category"] = ["network"]
    words = f"{event} {said}".lower()
    logs_in = event.startswith("auth-") or "-auth-" in event or "authenticat" in words or " logged in" in words
    if logs_in and ("user.name" in fields or "auth-fail" in event or "auth-succ" in event):
        failed = "auth-fail" in event or "failed authentication" in words or "authentication failed" in words
        fields["event.category"] = ["authentication"]
        fields["event.type"] = ["info"] if failed else ["start"]
        fields["event.outcome"] = "failure" if failed else "success"
    elif " logged out" in words or ("session for user" in words and "timed out" in words):
        fields["event.category"], fields["event.type"] = ["session"], ["end"]
    return ()


def _served(fields: Fields, said: str) -> None:
    """The server that the device asked, which is the other end."""
    found = _INITIATED.search(said) if "source.ip" not in fields else None
    source = found[1].rstrip(".:") if found is not None else fields.get("source.ip")
    found = _SERVER.search(said)
    server, number = (found[1].rstrip("."), found[2]) if found is not None else (None, None)
    if found is None and (found := _NAMED.search(said)) is not None:
        server = found[2].rstrip(".:") if found[2] else None
        fields["destination.domain"] = found[1]
    if server is not None and ip(server) is None:
        if "." in server and server[-1:].isalpha():
            fields["destination.domain"] = fields["destination.address"] = server.lower()
        server = None
    if source is not None or server is not None:
        endpoints(fields, source, None, server, number)


def _level(fields: Fields, severity: str) -> None:
    if severity in SEVERITIES:
        fields["log.level"], fields["event.severity"] = severity, SEVERITIES[severity]


def config(fields: Fields, row: Columns, subtype: str) -> tuple[str, ...]:
    if len(row) < 13:
        raise ParseError(f"paloalto_panos: a log of a configuration change with {len(row)} columns")
    endpoints(fields, row[7], None, None, None)
    person(fields, row[10])
    result = row[12].lower()
    fields["event.category"] = ["configuration"]
    fields["event.type"] = ["creation" if row[9] == "add" else "deletion" if row[9] == "delete" else "change"]
    if result in ("succeeded", "submitted"):
        fields["event.outcome"] = "success"
    elif result in ("failed", "unauthorized"):
        fields["event.outcome"] = "failure"
    for name, value in (("event.action", row[9]), ("tieline.panos.client", row[11]), ("tieline.panos.result", row[12]),
                        ("tieline.panos.path", row.at(13).strip())):  # fmt: skip
        if value:
            fields[name] = value
    return ()


def globalprotect(fields: Fields, row: Columns, subtype: str) -> tuple[str, ...]:
    event, status = row[8], row.at(28).lower()
    outcome = {"success": "success", "failure": "failure", "fail": "failure"}.get(status)
    # Where the tunnel has its address, the client is known inside by that one, and the public one is its translation.
    public = next((found for found in map(ip, (row.at(15), row.at(16))) if found not in _NOWHERE), None)
    private = next((found for found in map(ip, (row.at(17), row.at(18))) if found not in _NOWHERE), None)
    if private is not None:
        endpoints(fields, private, None, None, None)
        translated(fields, "source", public, None)
        fields["host.ip"] = [private]
    else:
        endpoints(fields, public, None, None, None)
    person(fields, row.at(12))
    if event.endswith("-auth") or (row.at(9) == "login" and event in ("login", "gateway-login", "portal-login")):
        fields["event.category"] = ["authentication"]
        fields["event.type"] = ["start" if outcome == "success" else "info"]
        fields["event.outcome"] = outcome or "unknown"
    else:
        ended = "logout" in event or event.endswith("-disconnected")
        fields["event.category"] = ["session"]
        fields["event.type"] = ["end" if ended else "start" if event.endswith("connected") else "info"]
        if outcome is not None:
            fields["event.outcome"] = outcome
    for name, value in (
        ("event.action", event),
        ("event.code", event),
        ("event.reason", row.at(26) or row.at(25)),
        ("tieline.panos.stage", row.at(9)),
        ("tieline.panos.auth_method", row.at(10)),
        ("tieline.panos.portal", row.at(33)),
        ("source.domain", row.at(14)),
        ("host.name", row.at(14).lower()),
        ("host.hostname", row.at(14)),
        ("host.id", row.at(19)),
        ("host.os.full", row.at(23)),
        ("tieline.panos.client_version", row.at(21)),
    ):
        if value:
            fields[name] = value
    lasted = count(row.at(30))
    if lasted is not None and lasted < 9_000_000_000:
        fields["event.duration"] = lasted * 1_000_000_000
    return (row.at(14).lower(), row.at(47))


def userid(fields: Fields, row: Columns, subtype: str) -> tuple[str, ...]:
    endpoints(fields, row[8], None, None, None)
    person(fields, row.at(9))
    fields["event.category"], fields["event.type"] = ["iam"], ["user", "info"]
    if subtype:
        fields["event.action"] = subtype
    if subtype in ("login", "logout"):  # a mapping that was made or ended; a failure to map has its own subtype
        fields["event.outcome"] = "success"
    if row.at(11):
        fields["event.code"] = row[11]
    for name, value in (("tieline.panos.data_source", row.at(16)), ("tieline.panos.data_source_type", row.at(17))):
        if value:
            fields[name] = value
    return (row.at(10),)


def hipmatch(fields: Fields, row: Columns, subtype: str) -> tuple[str, ...]:
    address = row.at(11) if ip(row.at(11)) not in _NOWHERE else row.at(26)
    endpoints(fields, address, None, None, None)
    person(fields, row[7])
    hardware(fields, "source", row.at(29))
    fields["event.category"], fields["event.type"], fields["event.action"] = ["host"], ["info"], "hip_match"
    for name, value in (
        ("source.domain", row.at(9)),
        ("host.name", row.at(9).lower()),
        ("host.hostname", row.at(9)),
        ("host.id", row.at(27)),
        ("host.os.full", row.at(10)),
        ("rule.name", row.at(12)),
    ):
        if value:
            fields[name] = value
    return (row.at(9).lower(),)


def authentication(fields: Fields, row: Columns, subtype: str) -> tuple[str, ...]:
    endpoints(fields, row[8], None, None, None)
    person(fields, row.at(10) or row.at(9))
    said = f"{row.at(20)} {row.at(18)}".lower()
    failed = any(word in said for word in ("fail", "timeout", "invalid", "denied", "no user activity"))
    good = not failed and "success" in said
    fields["event.category"], fields["event.type"] = ["authentication"], ["start" if good else "info"]
    fields["event.outcome"] = "failure" if failed else "success" if good else "unknown"
    for name, value in (("event.action", row.at(20)), ("event.reason", row.at(18)), ("rule.name", row.at(12)),
                        ("tieline.panos.object", row.at(11)), ("tieline.panos.client", row.at(19)),
                        ("rule.uuid", row.at(32)), ("user_agent.original", row.at(44))):  # fmt: skip
        if value:
            fields[name] = value
    hardware(fields, "source", row.at(41))
    return ()


def correlation(fields: Fields, row: Columns, subtype: str) -> tuple[str, ...]:
    endpoints(fields, row[7], None, None, None)
    person(fields, row.at(8))
    _level(fields, row.at(11))
    fields["event.category"], fields["event.type"] = ["intrusion_detection"], ["info"]
    for name, value in (("rule.name", row.at(19)), ("rule.category", row.at(10)), ("event.reason", row.at(21)),
                        ("observer.name", row.at(17))):  # fmt: skip
        if value:
            fields[name] = value
    return ()


def iptag(fields: Fields, row: Columns, subtype: str) -> tuple[str, ...]:
    endpoints(fields, row[8], None, None, None)
    fields["event.category"], fields["event.type"] = ["host"], ["info"]
    if row.at(10):
        fields["event.action"] = row[10]
    return ()
