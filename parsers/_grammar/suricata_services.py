"""Records of Suricata's EVE for services: ARP, MQTT, LDAP, POP3, SIP, TFTP, NFS, RFB, QUIC, PostgreSQL."""

from collections.abc import Callable, Mapping
from typing import Any

from engine.model import Fields
from parsers._grammar.addresses import ip, mac
from parsers._grammar.people import account, user
from parsers._grammar.zeek import number, related, word, words

Row = Mapping[str, Any]

_MQTT = ("connect", "connack", "publish", "puback", "pubrec", "pubrel", "pubcomp", "subscribe", "suback", "unsubscribe",
         "unsuback", "pingreq", "pingresp", "auth", "disconnect")  # fmt: skip


def arp(row: Row, fields: Fields) -> None:
    get = row.get
    for side, name in (("src", "source"), ("dest", "destination")):
        address, link = ip(word(get(f"arp.{side}_ip"))), mac(word(get(f"arp.{side}_mac")))
        if address is not None:
            fields[f"{name}.ip"] = fields[f"{name}.address"] = address
            related(fields, "related.ip", address)
        if link is not None and link != "00-00-00-00-00-00":  # what a request asks for
            fields[f"{name}.mac"] = link
    action = word(get("arp.opcode"))
    if action is not None:
        fields["event.action"] = action
    fields["network.protocol"] = "arp"


def mqtt(row: Row, fields: Fields) -> None:
    get = row.get
    kind = next((one for one in _MQTT if any(f"mqtt.{one}.{key}" in row for key in ("qos", "dup"))), None)
    if kind is not None:
        fields["event.action"] = kind
    user(fields, word(get("mqtt.connect.username")))
    client, topic = word(get("mqtt.connect.client_id")), word(get("mqtt.publish.topic"))
    if client is not None:
        fields["tieline.mqtt.client_id"] = client
    if topic is not None:
        fields["tieline.mqtt.topic"] = topic
    code = number(get("mqtt.connack.return_code"))
    if code is not None:
        fields["event.outcome"] = "failure" if code else "success"


def ldap(row: Row, fields: Fields) -> None:
    get = row.get
    action = word(get("ldap.request.operation"))
    if action is not None:
        fields["event.action"] = action
        if action == "bind_request":
            fields["event.category"], fields["event.type"] = ["network", "authentication"], ["protocol", "start"]
            fields["event.outcome"] = "unknown"
    user(fields, word(get("ldap.request.bind_request.name")))
    answers = get("ldap.responses")
    for answer in answers if type(answers) is list else ():
        inner = answer.get(answer.get("operation")) if type(answer) is dict else None
        code = word(inner.get("result_code")) if type(inner) is dict else None
        if code is not None:
            fields["event.outcome"] = "success" if code == "success" else "failure"
            if code != "success":
                fields["event.reason"] = code


def pop3(row: Row, fields: Fields) -> None:
    get = row.get
    command, arguments = word(get("pop3.request.command")), words(get("pop3.request.args"))
    if command is not None:
        fields["event.action"] = command
        if command.upper() in ("USER", "APOP") and arguments:
            account(fields, arguments[0])
    good = get("pop3.response.success")
    if type(good) is bool:
        fields["event.outcome"] = "success" if good else "failure"


def sip(row: Row, fields: Fields) -> None:
    get = row.get
    for column, name in (("sip.method", "event.action"), ("sip.uri", "url.original")):
        text = word(get(column))
        if text is not None:
            fields[name] = text
    code = word(get("sip.code"))
    if code is not None and code[:1] in "23456":
        fields["event.outcome"] = "success" if code[0] in "23" else "failure"


def tftp(row: Row, fields: Fields) -> None:
    """A controller's program or a switch's firmware may go this way."""
    kind, name = word(row.get("tftp.packet")), word(row.get("tftp.file"))
    if kind is not None:
        fields["event.action"] = kind
    _file(name, fields)


def nfs(row: Row, fields: Fields) -> None:
    get = row.get
    action, status = word(get("nfs.procedure")), word(get("nfs.status"))
    if action is not None:
        fields["event.action"] = action.lower()
    if status is not None:
        fields["event.outcome"] = "success" if status == "OK" else "failure"
    _file(word(get("nfs.filename")), fields)


def _file(name: str | None, fields: Fields) -> None:
    if name is not None:
        fields["file.path"] = name
        fields["file.name"] = name.replace("\\", "/").rpartition("/")[2] or name


def rfb(row: Row, fields: Fields) -> None:
    fields["event.outcome"] = "unknown"
    result = word(row.get("rfb.authentication.security_result"))
    if result is not None:
        fields["event.outcome"] = "success" if result.lower() == "ok" else "failure"
    reason = word(row.get("rfb.server_security_failure_reason"))
    if reason is not None:
        fields["event.outcome"], fields["event.reason"] = "failure", reason


def quic(row: Row, fields: Fields) -> None:
    get = row.get
    name, agent = word(get("quic.sni")), word(get("quic.ua"))
    if name is not None:
        name = name.rstrip(".")
        fields["tls.client.server_name"] = fields["destination.domain"] = name
        related(fields, "related.hosts", name)
    if agent is not None:
        fields["user_agent.original"] = agent
    ja3 = word(get("quic.ja3.hash"))
    if ja3 is not None:
        fields["tls.client.ja3"] = ja3


def pgsql(row: Row, fields: Fields) -> None:
    get = row.get
    user(fields, word(get("pgsql.request.startup_parameters.user")))
    query = word(get("pgsql.request.simple_query"))
    if query is not None:
        fields["tieline.postgresql.query"] = query
    if word(get("pgsql.response.severity_non_localizable")) in ("ERROR", "FATAL", "PANIC"):
        fields["event.outcome"] = "failure"
        reason = word(get("pgsql.response.message"))
        if reason is not None:
            fields["event.reason"] = reason


READERS: dict[str, Callable[[Row, Fields], None]] = {
    "arp": arp, "mqtt": mqtt, "ldap": ldap, "pop3": pop3, "sip": sip, "tftp": tftp, "nfs": nfs, "rfb": rfb,
    "quic": quic, "pgsql": pgsql,
}  # fmt: skip
"""What a record of an event type says."""
