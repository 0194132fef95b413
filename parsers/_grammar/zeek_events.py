"""From the columns of a record of Zeek to its event."""

from collections.abc import Callable
from typing import NamedTuple

from engine.model import Fields, LogSource
from parsers._grammar import ot, zeek_controllers, zeek_sessions, zeek_traffic
from parsers._grammar.zeek import Row, endpoints, time_of, word


class Log(NamedTuple):
    """How one log is read; ``transport`` where its analyzer knows only one."""

    read: Callable[[Row, Fields], None]
    category: tuple[str, ...] = ("network",)
    type: tuple[str, ...] = ("connection", "protocol")
    transport: str | None = None


def _nothing(row: Row, fields: Fields) -> None:
    """A log that we do not know has its endpoints, and its columns."""


_LOGS: dict[str, Log] = {
    "conn": Log(zeek_traffic.conn, type=("connection", "info")),
    "dns": Log(zeek_traffic.dns, type=("connection", "protocol", "info")),
    "http": Log(zeek_traffic.http, ("network", "web"), ("connection", "protocol", "access"), "tcp"),
    "ssl": Log(zeek_traffic.ssl, transport="tcp"),
    "quic": Log(zeek_traffic.ssl, transport="udp"),
    "x509": Log(zeek_traffic.x509, ("file",), ("info",)),
    "tunnel": Log(zeek_traffic.tunnel, type=("connection", "info")),
    "weird": Log(zeek_traffic.weird, type=("info",)),
    "notice": Log(zeek_traffic.notice, ("intrusion_detection",), ("info",)),
    "signatures": Log(zeek_traffic.signatures, ("intrusion_detection",), ("info",)),
    "intel": Log(zeek_traffic.intel, ("threat",), ("indicator",)),
    "software": Log(zeek_traffic.software, type=("info",)),
    "known_hosts": Log(zeek_traffic.known, type=("info",)),
    "known_services": Log(zeek_traffic.known, type=("info",)),
    "known_certs": Log(zeek_traffic.known, type=("info",)),
    "traceroute": Log(zeek_traffic.traceroute, type=("info",)),
    "ssh": Log(zeek_sessions.ssh, ("network", "authentication"), ("connection", "protocol", "start"), "tcp"),
    "rdp": Log(zeek_sessions.rdp, ("network", "session"), ("connection", "protocol", "start"), "tcp"),
    "kerberos": Log(zeek_sessions.kerberos, ("network", "authentication"), ("connection", "protocol", "start")),
    "ntlm": Log(zeek_sessions.ntlm, ("network", "authentication"), ("connection", "start"), "tcp"),
    "radius": Log(zeek_sessions.radius, ("network", "authentication"), ("connection", "start"), "udp"),
    "rfb": Log(zeek_sessions.rfb, ("network", "authentication"), ("connection", "start"), "tcp"),
    "ldap": Log(zeek_sessions.ldap),
    "ldap_search": Log(zeek_sessions.ldap),
    "dce_rpc": Log(zeek_sessions.dce_rpc, transport="tcp"),
    "ftp": Log(zeek_sessions.ftp, type=("connection", "protocol", "info"), transport="tcp"),
    "smtp": Log(zeek_sessions.smtp, ("network", "email"), ("connection", "protocol", "info"), "tcp"),
    "dhcp": Log(zeek_sessions.dhcp),
    "syslog": Log(zeek_sessions.syslog),
    "snmp": Log(zeek_sessions.snmp, transport="udp"),
    "sip": Log(zeek_sessions.sip, transport="udp"),
    "mysql": Log(zeek_sessions.mysql, ("network", "database"), ("connection", "protocol", "access"), "tcp"),
    "socks": Log(zeek_sessions.socks, transport="tcp"),
    "irc": Log(zeek_sessions.irc, transport="tcp"),
    "files": Log(zeek_sessions.files, ("file",), ("info",)),
    "smb_files": Log(zeek_sessions.smb_files, ("network", "file"), ("info",), "tcp"),
    "smb_mapping": Log(zeek_sessions.smb_mapping, transport="tcp"),
    "smb_cmd": Log(zeek_sessions.smb_cmd, transport="tcp"),
    "pe": Log(zeek_sessions.pe, ("file",), ("info",)),
}
_TCP = frozenset(("modbus", "modbus_detailed", "modbus_mask_write_register", "modbus_read_write_multiple_registers",
                  "s7comm", "s7comm_read_szl", "s7comm_upload_download", "s7comm_plus", "cotp", "opcua_binary",
                  "opcua_binary_write", "iec104", "ge_srtp_general"))  # fmt: skip
for _name, _read in zeek_controllers.LOGS.items():
    _LOGS[_name] = Log(_read, type=("protocol",), transport="tcp" if _name in _TCP else None)
_UNKNOWN = Log(_nothing, type=("info",))
_LOGON = frozenset(name for name, one in _LOGS.items() if "authentication" in one.category)

_SOURCES: dict[str, LogSource] = {}
_MOST = 512


def event(log: str, row: Row) -> Fields:
    """The event that a record of ``log`` is."""
    how = _LOGS.get(log, _UNKNOWN)
    fields: Fields = {
        "event.category": list(how.category),
        "event.type": list(how.type),
        "event.dataset": f"zeek.{log}",
    }
    when = time_of(row)
    if when is not None:
        fields["@timestamp"] = when
    endpoints(row, fields, how.transport)
    how.read(row, fields)
    sensor = word(row.get("_system_name"))
    if sensor is not None:
        fields["observer.name"] = sensor
    if "ot.function" in fields:
        _message(fields)
    return fields


def _message(fields: Fields) -> None:
    words = [fields["ot.protocol"], fields["ot.function"]]
    for name in ("ot.address_space", "ot.address", "ot.pi_service", "ot.tag"):
        if name in fields:
            words.append(str(fields[name]))
    if "ot.value" in fields:
        words.append(f"= {str(fields['ot.value'])[:64]}")
    where = f"from {fields.get('source.ip', '?')} to {fields.get('destination.ip', '?')}"
    fields["message"] = f"{' '.join(words)} {where}"


def route(fields: Fields) -> LogSource:
    if "ot.protocol" in fields:
        return ot.logsource(fields)
    name = fields.get("event.dataset")
    known = _SOURCES.get(name) if type(name) is str else None
    if known is None:
        service = name.removeprefix("zeek.") if type(name) is str else None
        known = LogSource("zeek", "authentication" if service in _LOGON else None, service)
        if type(name) is str and len(_SOURCES) < _MOST:
            _SOURCES[name] = known
    return known
