"""Zeek's logs of who logged on, which files went by, which mail was sent, in ECS."""

import re

from engine.model import Fields
from engine.model.times import rfc3339
from parsers._grammar.addresses import ip, mac, port
from parsers._grammar.people import account, user
from parsers._grammar.zeek import Row, number, related, seconds_ns, time_of, word, words, yes

MAIL = re.compile(r"<([^<>\s]{1,254})>|([^<>\s]{1,254}@[^<>\s]{1,254})")
_FILE_TYPES = {
    "FILE_OPEN": "access",
    "FILE_READ": "access",
    "FILE_WRITE": "change",
    "FILE_RENAME": "change",
    "FILE_SET_ATTRIBUTE": "change",
    "FILE_DELETE": "deletion",
    "FILE_CLOSE": "info",
    "FILE_UNKNOWN": "info",
}


def _outcome(fields: Fields, said: bool | None) -> None:
    """A log that saw the verdict is one of a logon; without it nobody knows."""
    fields["event.outcome"] = "unknown" if said is None else "success" if said else "failure"


def ssh(row: Row, fields: Fields) -> None:
    fields["network.protocol"] = "ssh"
    said = yes(row.get("auth_success"))
    _outcome(fields, said)
    if said is not None:
        fields["event.action"] = "ssh_login"


def rdp(row: Row, fields: Fields) -> None:
    """``cookie`` is what the client put into ``mstshash``: a user name, cut at nine characters by Windows."""
    fields["network.protocol"] = "rdp"
    cookie, client = word(row.get("cookie")), word(row.get("client_name"))
    if cookie is not None:
        account(fields, cookie)
    if client is not None:
        fields["source.domain"] = client
        related(fields, "related.hosts", client)
    tls = yes(row.get("ssl"))
    if tls is not None:
        fields["tls.established"] = tls


def kerberos(row: Row, fields: Fields) -> None:
    get = row.get
    fields["network.protocol"] = "kerberos"
    client, kind = word(get("client")), word(get("request_type"))
    if client is not None:
        name, _, realm = client.rpartition("/")
        if name:
            fields["user.domain"] = realm
            user(fields, name)
        else:
            user(fields, client)
    if kind is not None:
        fields["event.action"] = kind
    for column, name in (("cipher", "tls.cipher"), ("error_msg", "event.reason")):
        text = word(get(column))
        if text is not None:
            fields[name] = text
    _outcome(fields, yes(get("success")))


def ntlm(row: Row, fields: Fields) -> None:
    get = row.get
    fields["network.protocol"] = "ntlm"
    domain, name, host = word(get("domainname")), word(get("username")), word(get("hostname"))
    if domain is not None:
        fields["user.domain"] = domain
    user(fields, name)
    if host is not None:
        fields["source.domain"] = host
        related(fields, "related.hosts", host)
    server = word(get("server_dns_computer_name")) or word(get("server_nb_computer_name"))
    if server is not None:
        fields["destination.domain"] = server
        related(fields, "related.hosts", server)
    _outcome(fields, yes(get("success")))


def radius(row: Row, fields: Fields) -> None:
    get = row.get
    fields["network.protocol"] = "radius"
    account(fields, word(get("username")))
    address = mac(word(get("mac")))
    if address is not None:
        fields["client.mac"] = address
    assigned = ip(word(get("framed_addr")))
    if assigned is not None:
        fields["client.ip"] = assigned
        related(fields, "related.ip", assigned)
    reply = word(get("reply_msg"))
    if reply is not None:
        fields["event.reason"] = reply
    result = word(get("result"))
    _outcome(fields, None if result is None or result == "unknown" else result == "success")


def ldap(row: Row, fields: Fields) -> None:
    fields["network.protocol"] = "ldap"
    what = word(row.get("opcode"))
    if what is not None:
        fields["event.action"] = what
    result = words(row.get("result"))
    if result:
        fields["event.outcome"] = "success" if result[0] == "success" else "failure"


def dce_rpc(row: Row, fields: Fields) -> None:
    fields["network.protocol"] = "dce_rpc"
    operation, pipe = word(row.get("operation")), word(row.get("named_pipe"))
    if operation is not None:
        fields["event.action"] = operation
    if pipe is not None and not pipe.isdecimal():
        fields["file.path"] = pipe
    rtt = seconds_ns(row.get("rtt"))
    if rtt is not None:
        fields["event.duration"] = rtt


def ftp(row: Row, fields: Fields) -> None:
    get = row.get
    fields["network.protocol"] = "ftp"
    name, command, about = word(get("user")), word(get("command")), word(get("arg"))
    if name != "<unknown>":
        user(fields, name)
    if command is not None:
        fields["event.action"] = command
    if about is not None and about.startswith("ftp://"):
        fields["url.original"] = about
    code = number(get("reply_code"))
    if code is not None and code >= 200:
        fields["event.outcome"] = "success" if code < 400 else "failure"
    size, kind = number(get("file_size")), word(get("mime_type"))
    if size is not None:
        fields["file.size"] = size
    if kind is not None:
        fields["file.mime_type"] = kind


def smtp(row: Row, fields: Fields) -> None:
    get = row.get
    fields["network.protocol"] = "smtp"
    tls = yes(get("tls"))
    if tls is not None:
        fields["tls.established"] = tls
    for column, name in (
        ("mailfrom", "email.sender.address"),
        ("from", "email.from.address"),
        ("rcptto", "email.to.address"),
        ("cc", "email.cc.address"),
        ("reply_to", "email.reply_to.address"),
    ):
        addresses = [found[1] or found[2] for text in words(get(column))[:64] for found in MAIL.finditer(text[:4096])]
        if addresses:
            fields[name] = addresses[0] if name == "email.sender.address" else addresses
    for column, name in (
        ("subject", "email.subject"),
        ("msg_id", "email.message_id"),
        ("user_agent", "email.x_mailer"),
        ("helo", "source.domain"),
    ):
        text = word(get(column))
        if text is not None:
            fields[name] = text.strip("<>") if column == "msg_id" else text
    code = (word(get("last_reply")) or "")[:3]
    if code.isdecimal():
        fields["event.outcome"] = "success" if code < "400" else "failure"


def dhcp(row: Row, fields: Fields) -> None:
    get = row.get
    fields["network.protocol"], fields["network.transport"] = "dhcp", "udp"
    assigned, requested = ip(word(get("assigned_addr"))), ip(word(get("requested_addr")))
    client = ip(word(get("client_addr"))) or assigned or requested
    server = ip(word(get("server_addr")))
    if client is not None:
        fields["source.ip"] = fields["source.address"] = client
        fields["network.type"] = "ipv6" if ":" in client else "ipv4"
    if server is not None:
        fields["destination.ip"] = fields["destination.address"] = server
    fields["source.port"] = port(get("client_port")) or 68
    fields["destination.port"] = port(get("server_port")) or 67
    related(fields, "related.ip", client, server, assigned)
    address = mac(word(get("mac")))
    if address is not None:
        fields["source.mac"] = address
    if assigned is not None:
        fields["client.ip"] = assigned
    name = word(get("client_fqdn")) or word(get("host_name"))
    if name is not None:
        fields["source.domain"] = name
        related(fields, "related.hosts", name)
    kinds, domain = words(get("msg_types")), word(get("domain"))
    if kinds:
        fields["event.action"] = kinds[-1]
        fields["event.outcome"] = "failure" if kinds[-1] in ("NAK", "DECLINE") else "success"
        if kinds[-1] not in ("ACK", "NAK", "DECLINE"):
            del fields["event.outcome"]
    if domain is not None:
        fields["network.name"] = domain
    duration = seconds_ns(get("duration"))
    if duration is not None:
        fields["event.duration"] = duration


def syslog(row: Row, fields: Fields) -> None:
    fields["network.protocol"] = "syslog"
    for column, name in (
        ("facility", "log.syslog.facility.name"),
        ("severity", "log.syslog.severity.name"),
        ("message", "message"),
    ):
        text = word(row.get(column))
        if text is not None:
            fields[name] = text.lower() if name != "message" else text


def snmp(row: Row, fields: Fields) -> None:
    fields["network.protocol"] = "snmp"
    duration = seconds_ns(row.get("duration"))
    if duration is not None:
        fields["event.duration"] = duration


def sip(row: Row, fields: Fields) -> None:
    get = row.get
    fields["network.protocol"] = "sip"
    method, uri, agent, status = (
        word(get("method")),
        word(get("uri")),
        word(get("user_agent")),
        number(get("status_code")),
    )
    if method is not None:
        fields["event.action"] = method
    if uri is not None:
        fields["url.full"] = uri
    if agent is not None:
        fields["user_agent.original"] = agent
    if status is not None and status >= 200:
        fields["event.outcome"] = "success" if status < 400 else "failure"


def mysql(row: Row, fields: Fields) -> None:
    fields["network.protocol"] = "mysql"
    command, said = word(row.get("cmd")), yes(row.get("success"))
    if command is not None:
        fields["event.action"] = command
        if command == "login":
            user(fields, word(row.get("arg")))
    if said is not None:
        fields["event.outcome"] = "success" if said else "failure"


def socks(row: Row, fields: Fields) -> None:
    fields["network.protocol"] = "socks"
    user(fields, word(row.get("user")))
    status = word(row.get("status"))
    if status is not None:
        fields["event.outcome"] = "success" if status == "succeeded" else "failure"


def irc(row: Row, fields: Fields) -> None:
    fields["network.protocol"] = "irc"
    user(fields, word(row.get("user")))
    command = word(row.get("command"))
    if command is not None:
        fields["event.action"] = command


def rfb(row: Row, fields: Fields) -> None:
    fields["network.protocol"] = "rfb"
    _outcome(fields, yes(row.get("auth")))


def files(row: Row, fields: Fields) -> None:
    get = row.get
    sent, received = words(get("tx_hosts")), words(get("rx_hosts"))
    for side, hosts in (("server", sent), ("client", received)):
        address = ip(hosts[0]) if hosts else None
        if address is not None and "source.ip" not in fields:
            fields[f"{side}.ip"] = address
    related(fields, "related.ip", *map(ip, sent), *map(ip, received))
    name, kind, size = word(get("filename")), word(get("mime_type")), number(get("total_bytes"))
    if name is not None:
        fields["file.name"] = name
    if kind is not None:
        fields["file.mime_type"] = kind
    if size is not None:
        fields["file.size"] = size
    for column in ("md5", "sha1", "sha256"):
        value = word(get(column))
        if value is not None:
            fields[f"file.hash.{column}"] = value
            related(fields, "related.hash", value)
    via = word(get("source"))
    if via is not None:
        fields["network.protocol"] = via.lower()


def smb_files(row: Row, fields: Fields) -> None:
    get = row.get
    fields["network.protocol"] = "smb"
    action, share, name, size = word(get("action")), word(get("path")), word(get("name")), number(get("size"))
    if action is not None:
        fields["event.action"] = action
        fields["event.type"] = ["access" if action.endswith("_OPEN") else _type(action)]
    if name is not None and name != "<share_root>":
        fields["file.name"] = name.replace("/", "\\").rpartition("\\")[2] or name
        fields["file.path"] = name if share is None else f"{share}\\{name}"
    elif share is not None:
        fields["file.path"] = share
    if size is not None:
        fields["file.size"] = size
    for column, field in (
        ("times.modified", "file.mtime"),
        ("times.accessed", "file.accessed"),
        ("times.created", "file.created"),
        ("times.changed", "file.ctime"),
    ):
        when = time_of({"ts": get(column)})
        if when:
            fields[field] = rfc3339(when)


def _type(action: str) -> str:
    return _FILE_TYPES.get(action.rpartition("::")[2], "info")


def smb_mapping(row: Row, fields: Fields) -> None:
    fields["network.protocol"] = "smb"
    share, kind = word(row.get("path")), word(row.get("share_type"))
    if share is not None:
        fields["file.path"] = share
    if kind is not None:
        fields["event.action"] = "smb_tree_connect"


def smb_cmd(row: Row, fields: Fields) -> None:
    fields["network.protocol"] = "smb"
    command, status = word(row.get("command")), word(row.get("status"))
    if command is not None:
        fields["event.action"] = command
    if status is not None:
        fields["event.outcome"] = "success" if status == "SUCCESS" else "failure"
    user(fields, word(row.get("username")))


def pe(row: Row, fields: Fields) -> None:
    machine = word(row.get("machine"))
    if machine is not None:
        fields["file.pe.architecture"] = machine
