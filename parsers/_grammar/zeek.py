"""What all of Zeek's logs share: which log a record is of, its time, who talks to whom.

https://docs.zeek.org/en/master/script-reference/log-files.html
"""

from collections.abc import Mapping
from typing import Any

from engine.model import Fields
from engine.model.times import from_number
from parsers._grammar import clock
from parsers._grammar.addresses import ip, mac, port

Row = Mapping[str, Any]

# Column names that one log has and no other, for writers that leave the log's name out (``_path`` is Corelight's, and
# that of the JSON streaming package). Asked in this order.
_SHAPES: tuple[tuple[str, frozenset[str]], ...] = tuple(
    (log, frozenset(columns.split()))
    for log, columns in (
        ("conn", "conn_state proto"),
        ("dns", "trans_id proto rejected"),
        ("dns", "trans_id proto AA"),
        ("dns", "proto query rejected"),
        ("dns", "proto query qtype_name"),
        ("ssl", "established resumed"),
        ("ssl", "established cipher"),
        ("sip", "call_id trans_depth"),
        ("smtp", "trans_depth helo"),
        ("smtp", "trans_depth is_webmail"),
        ("smtp", "trans_depth last_reply"),
        ("http", "trans_depth request_body_len"),
        ("http", "trans_depth method"),
        ("http", "trans_depth status_code"),
        ("files", "fuid seen_bytes"),
        ("files", "fuid analyzers"),
        ("x509", "certificate.serial certificate.subject"),
        ("x509", "certificate.version certificate.serial"),
        ("ssh", "auth_attempts"),
        ("ssh", "host_key_alg kex_alg"),
        ("rdp", "cert_count"),
        ("rdp", "security_protocol"),
        ("smb_mapping", "share_type"),
        ("smb_files", "action times.modified"),
        ("smb_cmd", "command sub_command argument"),
        ("kerberos", "request_type"),
        ("ntlm", "domainname"),
        ("ntlm", "server_nb_computer_name"),
        ("ntlm", "server_dns_computer_name"),
        ("dce_rpc", "endpoint operation"),
        ("dce_rpc", "named_pipe"),
        ("irc", "nick command"),
        ("ftp", "command reply_code"),
        ("ftp", "command user"),
        ("ftp", "command password"),
        ("ftp", "command arg"),
        ("dhcp", "msg_types"),
        ("notice", "note msg"),
        ("weird", "name notice peer"),
        ("intel", "seen.indicator"),
        ("software", "software_type"),
        ("tunnel", "tunnel_type"),
        ("syslog", "facility severity message"),
        ("snmp", "get_requests get_responses"),
        ("snmp", "community version"),
        ("radius", "result framed_addr"),
        ("radius", "result username"),
        ("radius", "result mac"),
        ("mysql", "cmd arg"),
        ("socks", "request_p bound_p"),
        ("socks", "bound.host"),
        ("rfb", "authentication_method"),
        ("ntp", "stratum"),
        ("dpd", "analyzer failure_reason"),
        ("ldap_search", "base_object"),
        ("ldap", "message_id opcode"),
        ("pe", "machine compile_ts"),
        ("pe", "machine subsystem"),
        ("signatures", "sig_id event_msg"),
        ("stats", "pkts_proc"),
        ("capture_loss", "percent_lost gaps"),
        ("known_certs", "port_num issuer_subject"),
        ("known_services", "port_num port_proto"),
        ("quic", "client_initial_dcid"),
        ("traceroute", "src dst proto"),
        ("modbus_mask_write_register", "tid func and_mask"),
        ("modbus_read_write_multiple_registers", "tid func write_start_address"),
        ("modbus_detailed", "unit func address"),
        ("modbus_detailed", "unit func matched"),
        ("modbus_detailed", "unit_id func address"),
        ("modbus", "func"),
        ("dnp3_control", "block_type function_code"),
        ("dnp3_objects", "object_type function_code"),
        ("dnp3", "fc_request"),
        ("dnp3", "fc_reply"),
        ("s7comm_read_szl", "szl_id"),
        ("s7comm_upload_download", "function_name function_status"),
        ("s7comm_upload_download", "function_name blocklength"),
        ("s7comm", "rosctr_code"),
        ("s7comm_plus", "opcode_name version"),
        ("cotp", "pdu_code pdu_name"),
        ("cip_identity", "encapsulation_version"),
        ("cip_identity", "vendor_id device_type_id"),
        ("cip_io", "connection_id sequence_number"),
        ("cip", "cip_service_code"),
        ("enip", "enip_command_code"),
        ("bacnet_discovery", "bacnet pdu_service object_type range"),
        ("bacnet_device_control", "time_duration device_state"),
        ("bacnet_property", "instance_number property"),
        ("bacnet", "bvlc_function"),
        ("opcua_binary_write", "node_id_encoding_mask attribute_id"),
        ("opcua_binary", "opcua_link_id msg_type"),
        ("opcua_binary", "identifier_str msg_type"),
        ("profinet_dce_rpc", "operation activity_uuid"),
        ("profinet", "operation_type block_version"),
        ("iec104", "apdu_type type_id"),
        ("ge_srtp_general", "srtp_type"),
        ("omron_fins_general", "icf_data_type service_id"),
        ("omron_fins_general", "tcp_command omron_fins_link_id"),
        ("omron_fins_detail", "icf_data_type command_code"),
        ("hart_ip_general", "header_message_id"),
        ("profinet_io_cm", "operation_num activity_uuid"),
        ("bsap_ip_rdb", "func_code variable_count mes_seq"),
        ("bsap_serial_rdb", "func_code variable_count"),
        ("genisys", "header direction server"),
        ("c1222", "called_ap_title services"),
        ("synchrophasor_cmd", "frame_type command header_time_stamp"),
    )
)
# Logs without a connection: these columns name them alone.
_ALONE = frozenset(
    (
        "files", "x509", "notice", "software", "dhcp", "weird", "intel", "stats", "capture_loss", "pe", "signatures",
        "known_certs", "known_services", "traceroute", "ntlm", "tunnel", "syslog",
    )
)  # fmt: skip
_HOSTS = frozenset(("ts", "host"))
_RED = ("_red", "_long", "_agg", "_custom", "_init")  # Corelight's reduced and early copies of a log
_known: dict[frozenset[str], str | None] = {}
_MOST, _MOST_COLUMNS = 4096, 128


def log_of(row: Row) -> str | None:
    """Which log a JSON object is of; None: it is none of Zeek's.

    >>> ends = {"id.orig_h": "192.0.2.1", "id.resp_h": "192.0.2.2"}
    >>> log_of({"ts": 1.0, "uid": "C1", **ends, "trans_id": 1, "proto": "udp", "rejected": False})
    'dns'
    >>> log_of({"ts": 1.0, "level": "info", "msg": "ready"}) is None
    True
    """
    if "ts" not in row:
        return None
    path = row.get("_path")
    if path is not None:
        return bare(path) if type(path) is str and 0 < len(path) <= 64 else None
    columns = frozenset(row)
    known = _known.get(columns, "")
    if known != "":
        return known
    found = _shape(columns)
    if len(_known) >= _MOST:
        _known.clear()
    if len(columns) <= _MOST_COLUMNS:
        _known[columns] = found
    return found


def _shape(columns: frozenset[str]) -> str | None:
    if columns == _HOSTS:
        return "known_hosts"
    connected = "uid" in columns and "id.orig_h" in columns and "id.resp_h" in columns
    for log, needs in _SHAPES:
        if needs <= columns and (connected or (log in _ALONE and _is_alone(log, columns))):
            return log
    return "unknown" if connected else None


def _is_alone(log: str, columns: frozenset[str]) -> bool:
    if log == "notice":  # its two own names are anybody's words
        return not columns.isdisjoint(("actions", "suppress_for", "peer_descr", "notice_peer"))
    if log in ("ntlm", "tunnel", "syslog"):
        return False
    if log == "traceroute":
        return len(columns) <= 5
    return True


def bare(path: str) -> str:
    """
    >>> bare("conn_long"), bare("conn"), bare("modbus_detailed")
    ('conn', 'conn', 'modbus_detailed')
    """
    for ending in _RED:
        if path.endswith(ending):
            return path.removesuffix(ending)
    return path


def time_of(row: Row) -> int | None:
    """``ts``: seconds with a fraction, ISO 8601, or milliseconds, as the writer was told to.

    >>> time_of({"ts": "1767323045.000000123"}), time_of({"ts": 1767323045.25}), time_of({"ts": "XXXXXXXXXX.XXXXXX"})
    (1767323045000000123, 1767323045250000000, None)
    """
    value = row.get("ts")
    if type(value) is float or type(value) is int:
        return from_number(value)
    if type(value) is not str or len(value) > 40:
        return None
    seconds, _, fraction = value.partition(".")
    if seconds.isdecimal() and seconds.isascii() and len(seconds) <= 11:
        if fraction and not (fraction.isdecimal() and fraction.isascii()):
            return None
        return int(seconds) * 1_000_000_000 + int(fraction[:9].ljust(9, "0"))
    return clock.iso(value)


def seconds_ns(value: Any) -> int | None:
    """An interval in seconds, as nanoseconds."""
    if type(value) is float or type(value) is int:
        return round(value * 1_000_000_000) if 0 <= value < 9_000_000_000 else None
    return None


def number(value: Any) -> int | None:
    if type(value) is int:
        return value if 0 <= value < 1 << 63 else None
    if type(value) is float and value.is_integer() and 0 <= value < 1e15:
        return int(value)
    if type(value) is str and value.isdecimal() and value.isascii() and len(value) <= 18:
        return int(value)
    return None


def word(value: Any) -> str | None:
    return value if type(value) is str and value and value != "-" else None


def words(value: Any) -> list[str]:
    """A set or vector of texts; a single value stands for a list of one."""
    if type(value) is list:
        return [one for one in value if type(one) is str and one]
    return [value] if type(value) is str and value and value != "-" else []


def yes(value: Any) -> bool | None:
    return value if type(value) is bool else {"T": True, "F": False}.get(value) if type(value) is str else None


def endpoints(row: Row, fields: Fields, transport: str | None = None) -> None:
    """``id.*``: the originator is ``source``, the responder ``destination``. ICMP's "ports" are a type and a code."""
    get = row.get
    by, to = get("id.orig_h"), get("id.resp_h")
    if by is None and to is None:
        by, to = get("id_orig_h"), get("id_resp_h")
    source, destination = ip(by) if type(by) is str else None, ip(to) if type(to) is str else None
    spoken = get("proto")
    if type(spoken) is str and spoken in ("tcp", "udp", "icmp"):
        transport = spoken
        if spoken == "icmp" and source is not None and ":" in source:
            transport = "ipv6-icmp"
    if transport is not None:
        fields["network.transport"] = transport
    if source is not None:
        fields["source.ip"] = fields["source.address"] = source
        fields["network.type"] = "ipv6" if ":" in source else "ipv4"
    if destination is not None:
        fields["destination.ip"] = fields["destination.address"] = destination
    if source is not None or destination is not None:
        fields["related.ip"] = [one for one in dict.fromkeys((source, destination)) if one is not None]
    if spoken != "icmp":
        at = port(get("id.orig_p", get("id_orig_p")))
        if at is not None:
            fields["source.port"] = at
        at = port(get("id.resp_p", get("id_resp_p")))
        if at is not None:
            fields["destination.port"] = at
    community = get("community_id")
    if type(community) is str and community.startswith("1:"):
        fields["network.community_id"] = community


def link(row: Row, fields: Fields) -> None:
    """MAC addresses and VLANs, where the policy scripts ``mac-logging`` and ``vlan-logging`` are loaded."""
    get = row.get
    if "orig_l2_addr" in row or "resp_l2_addr" in row:
        by, to = mac(word(get("orig_l2_addr"))), mac(word(get("resp_l2_addr")))
        if by is not None:
            fields["source.mac"] = by
        if to is not None:
            fields["destination.mac"] = to
    vlan = number(get("vlan"))
    if vlan is not None:
        fields["network.vlan.id"] = str(vlan)
        inner = number(get("inner_vlan"))
        if inner is not None:
            fields["network.inner.vlan.id"] = str(inner)


def related(fields: Fields, name: str, *values: str | None) -> None:
    known = fields.get(name)
    if known is None:
        known = []
    for value in values:
        if value and value not in known:
            known.append(value)
    if known:
        fields[name] = known
