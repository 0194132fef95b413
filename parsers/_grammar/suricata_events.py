"""From a record of Suricata's EVE to ECS, by its ``event_type``."""

from collections.abc import Callable, Mapping
from typing import Any

from engine.model import Fields
from engine.model.times import rfc3339
from parsers._grammar import clock
from parsers._grammar.addresses import ip, mac
from parsers._grammar.people import account, user
from parsers._grammar.zeek import number, related, word, words
from parsers._grammar.zeek_sessions import MAIL

Row = Mapping[str, Any]
_FINGERPRINT_BYTES = 20
_OLD = {"SSLv2": "2.0", "SSLv3": "3.0", "TLSv1": "1.0"}


def alert(row: Row, fields: Fields) -> None:
    get = row.get
    for column, name in (
        ("alert.signature", "rule.name"),
        ("alert.category", "rule.category"),
        ("alert.signature", "message"),
    ):
        text = word(get(column))
        if text is not None:
            fields[name] = text
    for column, name in (("alert.signature_id", "rule.id"), ("alert.rev", "rule.version")):
        value = number(get(column))
        if value is not None:
            fields[name] = str(value)
    severity = number(get("alert.severity"))
    if severity is not None:
        fields["event.severity"] = severity
    action = word(get("alert.action"))
    if action is not None:
        fields["event.type"] = ["denied" if action == "blocked" else "allowed" if action == "allowed" else "info"]
        fields["event.action"] = action
    for column, name in (
        ("alert.metadata.mitre_tactic_id", "threat.tactic.id"),
        ("alert.metadata.mitre_tactic_name", "threat.tactic.name"),
        ("alert.metadata.mitre_technique_id", "threat.technique.id"),
        ("alert.metadata.mitre_technique_name", "threat.technique.name"),
    ):
        found = words(get(column))
        if found:
            fields[name] = [one.replace("_", " ") if name.endswith("name") else one for one in found]
    reference = words(get("alert.metadata.cve"))
    if reference:
        fields["vulnerability.id"] = reference[0].replace("_", "-")


def flow(row: Row, fields: Fields) -> None:
    state = word(row.get("flow.state"))
    fields["event.type"] = ["connection", *({"new": ["start"], "closed": ["end"]}.get(state or "", []))]


def netflow(row: Row, fields: Fields) -> None:
    """One direction of a flow."""
    fields["event.type"] = ["connection"]
    for column, names in (
        ("netflow.bytes", ("source.bytes", "network.bytes")),
        ("netflow.pkts", ("source.packets", "network.packets")),
    ):
        value = number(row.get(column))
        if value is not None:
            fields.update(dict.fromkeys(names, value))
    _moments(row, "netflow", fields)


def volume(row: Row, fields: Fields) -> None:
    """What ``flow`` says of both directions; its client may be this record's destination (an alert on a response)."""
    get = row.get
    client = get("flow.src_ip")
    turned = type(client) is str and client == get("dest_ip") != get("src_ip")
    sides = ("destination", "source") if turned else ("source", "destination")
    for unit, short in (("bytes", "bytes"), ("packets", "pkts")):
        sent, received = number(get(f"flow.{short}_toserver")), number(get(f"flow.{short}_toclient"))
        if sent is not None:
            fields[f"{sides[0]}.{unit}"] = sent
        if received is not None:
            fields[f"{sides[1]}.{unit}"] = received
        if (sent or 0) + (received or 0):
            fields[f"network.{unit}"] = (sent or 0) + (received or 0)
    _moments(row, "flow", fields)


def _moments(row: Row, what: str, fields: Fields) -> None:
    start, end = word(row.get(f"{what}.start")), word(row.get(f"{what}.end"))
    began = clock.iso(start) if start is not None else None
    ended = clock.iso(end) if end is not None else None
    if began is not None:
        fields["event.start"] = rfc3339(began)
    if ended is not None:
        fields["event.end"] = rfc3339(ended)
        if began is not None and ended >= began:
            fields["event.duration"] = ended - began


def http(row: Row, fields: Fields) -> None:
    get = row.get
    status, host, url = number(get("http.status")), word(get("http.hostname")), word(get("http.url"))
    for column, name in (
        ("http.http_method", "http.request.method"),
        ("http.http_refer", "http.request.referrer"),
        ("http.http_user_agent", "user_agent.original"),
        ("http.http_content_type", "http.response.mime_type"),
    ):
        text = word(get(column))
        if text is not None:
            fields[name] = text
    version = word(get("http.protocol"))
    if version is not None and version[:5] == "HTTP/":
        fields["http.version"] = version[5:]
    size = number(get("http.length"))
    if size is not None:
        fields["http.response.body.bytes"] = size
    if status is not None:
        fields["http.response.status_code"] = status
        fields["event.outcome"] = "success" if status < 400 else "failure"
    if host is not None:
        fields["destination.domain"] = fields["url.domain"] = host
        related(fields, "related.hosts", host)
    at = number(get("http.http_port"))
    if at is not None and 0 < at < 65_536:
        fields["url.port"] = at
    if url is not None:
        fields["url.original"] = url
        if url[0] == "/":
            path, _, rest = url.partition("#")
            path, _, query = path.partition("?")
            fields["url.path"] = path
            if query:
                fields["url.query"] = query
            if rest:
                fields["url.fragment"] = rest


def dns(row: Row, fields: Fields) -> None:
    """Version 1 writes one answer a record, version 2 all answers of a name, version 3 queries and answers in lists."""
    get = row.get
    kind = word(get("dns.type"))
    queries = get("dns.queries", get("dns.query"))
    asked: Row = queries[0] if type(queries) is list and queries and type(queries[0]) is dict else {}
    name, qtype = word(get("dns.rrname")), word(get("dns.rrtype"))
    number_, code = number(get("dns.id", asked.get("id"))), word(get("dns.rcode"))
    answers = get("dns.answers")
    if kind is None and "dns.answer.rrname" in row:
        kind, name, qtype = "answer", word(get("dns.answer.rrname")), word(get("dns.answer.rrtype"))
        code, number_ = word(get("dns.answer.rcode")), number(get("dns.answer.id"))
    if asked:
        name, qtype = word(asked.get("rrname")) or name, word(asked.get("rrtype")) or qtype
    fields["dns.type"] = "query" if kind in ("query", "request") else "answer"
    data = word(get("dns.rdata"))
    if data is not None and type(answers) is not list:
        answers = [{"rrname": name, "rrtype": qtype, "ttl": get("dns.ttl"), "rdata": data}]
        name = qtype = None  # of the answer: where an alias is followed it is not what was asked
    if name is not None:
        fields["dns.question.name"] = name
        related(fields, "related.hosts", name)
    if qtype is not None:
        fields["dns.question.type"] = qtype
    if number_ is not None:
        fields["dns.id"] = str(number_)
    if code is not None:
        fields["dns.response_code"] = code
        fields["event.outcome"] = "success" if code == "NOERROR" else "failure"
    flags = [flag for flag in ("AA", "TC", "RD", "RA") if get(f"dns.{flag.lower()}") is True]
    if flags:
        fields["dns.header_flags"] = flags
    _answers(answers, row, fields)


def _answers(answers: Any, row: Row, fields: Fields) -> None:
    found, addresses = [], []
    for one in answers if type(answers) is list else ():
        if type(one) is not dict:
            continue
        answer = {
            ours: one[theirs]
            for theirs, ours in (("rrname", "name"), ("rrtype", "type"), ("ttl", "ttl"), ("rdata", "data"))
            if type(one.get(theirs)) in (str, int)
        }
        found.append(answer)
        addresses.append(ip(word(one.get("rdata"))))
    for kind in ("A", "AAAA"):
        for value in words(row.get(f"dns.grouped.{kind}")):
            addresses.append(ip(value))
            if not found:
                found.append({"type": kind, "data": value})
    if found:
        fields["dns.answers"] = found
    elif "dns.answers" in row:
        fields["dns.answers"] = []
    resolved = [one for one in dict.fromkeys(addresses) if one is not None]
    if resolved:
        fields["dns.resolved_ip"] = resolved
        related(fields, "related.ip", *resolved)


def tls(row: Row, fields: Fields) -> None:
    get = row.get
    version, name = word(get("tls.version")), word(get("tls.sni"))
    protocol, _, digits = (version or "").partition(" ")
    if digits:
        fields["tls.version"], fields["tls.version_protocol"] = digits, protocol.lower()
    elif version in _OLD:
        fields["tls.version"], fields["tls.version_protocol"] = _OLD[version], "ssl" if version[:3] == "SSL" else "tls"
    elif "tls.version" in row:
        fields["tls.version"] = "unknown"
    if name is not None:
        name = name.rstrip(".")
        fields["tls.client.server_name"] = fields["destination.domain"] = name
        related(fields, "related.hosts", name)
    for column, field in (
        ("tls.subject", "tls.server.subject"),
        ("tls.issuerdn", "tls.server.issuer"),
        ("tls.ja3.hash", "tls.client.ja3"),
        ("tls.ja3s.hash", "tls.server.ja3s"),
        ("tls.certificate", "tls.server.certificate"),
    ):
        text = word(get(column))
        if text is not None:
            fields[field] = text
    serial, fingerprint = word(get("tls.serial")), word(get("tls.fingerprint"))
    if serial is not None:
        fields["tls.server.x509.serial_number"] = serial.replace(":", "")
    if fingerprint is not None and len(fingerprint) == 3 * _FINGERPRINT_BYTES - 1:
        fields["tls.server.hash.sha1"] = fingerprint.replace(":", "").upper()
        related(fields, "related.hash", fields["tls.server.hash.sha1"])
    for column, field in (("tls.notbefore", "tls.server.not_before"), ("tls.notafter", "tls.server.not_after")):
        text = word(get(column))
        when = clock.iso(text) if text is not None else None
        if when is not None:
            fields[field] = rfc3339(when)
    if get("tls.session_resumed") is True:
        fields["tls.resumed"] = True


def smb(row: Row, fields: Fields) -> None:
    get = row.get
    command, status, name = word(get("smb.command")), word(get("smb.status")), word(get("smb.filename"))
    if command is not None:
        fields["event.action"] = command
    if status is not None:
        fields["event.outcome"] = "success" if status == "STATUS_SUCCESS" else "failure"
    share = word(get("smb.share"))
    if name is not None and name != "<share_root>":
        fields["file.path"] = name if share is None else f"{share}\\{name}"
        fields["file.name"] = name.rpartition("\\")[2]
    elif share is not None:
        fields["file.path"] = share
    size = number(get("smb.size"))
    if size is not None:
        fields["file.size"] = size
    user(fields, word(get("smb.ntlmssp.user")))
    domain, host = word(get("smb.ntlmssp.domain")), word(get("smb.ntlmssp.host"))
    if domain is not None and "user.name" in fields:
        fields["user.domain"] = domain
    if host is not None:
        fields["source.domain"] = host
        related(fields, "related.hosts", host)


def krb5(row: Row, fields: Fields) -> None:
    get = row.get
    kind, name, wrong = word(get("krb5.msg_type")), word(get("krb5.cname")), word(get("krb5.error_code"))
    if kind is not None:
        fields["event.action"] = kind
        if kind in ("KRB_AS_REP", "KRB_TGS_REP", "KRB_ERROR"):
            fields["event.outcome"] = "failure" if kind == "KRB_ERROR" else "success"
    fields.setdefault("event.outcome", "unknown")
    if name not in (None, "<empty>"):
        user(fields, name)
    realm = word(get("krb5.realm"))
    if realm not in (None, "<empty>") and "user.name" in fields:
        fields["user.domain"] = realm
    if wrong is not None:
        fields["event.reason"] = wrong


def dhcp(row: Row, fields: Fields) -> None:
    get = row.get
    address, name, kind = mac(word(get("dhcp.client_mac"))), word(get("dhcp.hostname")), word(get("dhcp.dhcp_type"))
    if address is not None:
        fields["client.mac"] = address
        if word(get("dhcp.type")) == "request":
            fields["source.mac"] = address
    for column in ("dhcp.assigned_ip", "dhcp.client_ip"):
        given = ip(word(get(column)))
        if given is not None and given.strip("0."):
            fields["client.ip"] = given
            related(fields, "related.ip", given)
            break
    if name is not None:
        fields["client.domain"] = name
        related(fields, "related.hosts", name)
    if kind is not None:
        fields["event.action"] = kind
        if kind in ("ack", "nak", "decline"):
            fields["event.outcome"] = "success" if kind == "ack" else "failure"


def fileinfo(row: Row, fields: Fields) -> None:
    get = row.get
    name, size = word(get("fileinfo.filename")), number(get("fileinfo.size"))
    if name is not None:
        fields["file.path"] = name
        fields["file.name"] = name.replace("\\", "/").rpartition("/")[2] or name
    if size is not None:
        fields["file.size"] = size
    for column in ("md5", "sha1", "sha256"):
        value = word(get(f"fileinfo.{column}"))
        if value is not None:
            fields[f"file.hash.{column}"] = value
            related(fields, "related.hash", value)


def ftp(row: Row, fields: Fields) -> None:
    get = row.get
    command, about = word(get("ftp.command")) or word(get("ftp_data.command")), word(get("ftp.command_data"))
    if command is not None:
        fields["event.action"] = command
        if command == "USER":
            user(fields, about)
    codes = words(get("ftp.completion_code"))
    if codes and codes[-1][:1] in "2345":
        fields["event.outcome"] = "success" if codes[-1][0] in "23" else "failure"
    name = word(get("ftp_data.filename"))
    if name is not None:
        fields["file.path"] = name
        fields["file.name"] = name.rpartition("/")[2]


def smtp(row: Row, fields: Fields) -> None:
    get = row.get
    helo = word(get("smtp.helo"))
    if helo is not None:
        fields["source.domain"] = helo
    for column, name in (
        ("smtp.mail_from", "email.sender.address"),
        ("email.from", "email.from.address"),
        ("smtp.rcpt_to", "email.to.address"),
        ("email.cc", "email.cc.address"),
        ("email.subject", "email.subject"),
        ("email.message_id", "email.message_id"),
        ("email.x_mailer", "email.x_mailer"),
    ):
        said = words(get(column))
        mail = name.endswith(".address")
        found = [one[1] or one[2] for text in said[:64] for one in MAIL.finditer(text[:4096])] if mail else said
        if found:
            fields[name] = found if name.split(".")[1] in ("from", "to", "cc") else found[0]


def ssh(row: Row, fields: Fields) -> None:
    client = word(row.get("ssh.client.software_version"))
    if client is not None:
        fields["user_agent.original"] = client


def rdp(row: Row, fields: Fields) -> None:
    get = row.get
    kind, cookie, name = word(get("rdp.event_type")), word(get("rdp.cookie")), word(get("rdp.client.client_name"))
    if kind is not None:
        fields["event.action"] = kind
    if cookie is not None:
        account(fields, cookie)
    if name is not None:
        fields["source.domain"] = name
        related(fields, "related.hosts", name)


def anomaly(row: Row, fields: Fields) -> None:
    name, kind = word(row.get("anomaly.event")), word(row.get("anomaly.type"))
    if name is not None:
        fields["rule.name"] = fields["message"] = name
    if kind is not None:
        fields["rule.category"] = kind


def snmp(row: Row, fields: Fields) -> None:
    kind = word(row.get("snmp.pdu_type"))
    if kind is not None:
        fields["event.action"] = kind


READERS: dict[str, Callable[[Row, Fields], None]] = {
    "alert": alert, "flow": flow, "netflow": netflow, "http": http, "dns": dns, "tls": tls, "smb": smb, "krb5": krb5,
    "dhcp": dhcp, "fileinfo": fileinfo, "ftp": ftp, "ftp_data": ftp, "smtp": smtp, "ssh": ssh, "rdp": rdp,
    "anomaly": anomaly, "snmp": snmp,
}  # fmt: skip
"""What a record of an event type, or a part of an alert of that protocol, says."""
