"""Zeek's logs of ICSNPP's other packages: GE SRTP, HART-IP, PROFINET IO, BSAP, Genisys, C12.22, C37.118, EtherCAT.

https://github.com/cisagov/icsnpp: the columns are those of each package's scripts.
"""

from typing import Any

from engine.model import Fields
from parsers._grammar.exchange import one_or_list
from parsers._grammar.hart_commands import COMMANDS as HART
from parsers._grammar.zeek import Row, number, word, words
from parsers._grammar.zeek_requests import hexadecimal, said, slug, turn

# --- GE SRTP --------------------------------------------------------------------------------------------------------

# The package's words: code, name and operation as our own decoder has them.
_SRTP = {
    "plc_short_status_request": (0x00, "plc_short_status", "diagnostic"),
    "return_control_program_names": (0x03, "return_control_program_names", "identify"),
    "read_system_memory": (0x04, "read_system_memory", "read"),
    "read_task_memory": (0x05, "read_task_memory", "read"),
    "read_program_memory": (0x06, "read_program_memory", "read"),
    "write_system_memory": (0x07, "write_system_memory", "write"),
    "write_task_memory": (0x08, "write_task_memory", "write"),
    "write_program_block_memory": (0x09, "write_program_block_memory", "write"),
    "programmer_logon": (0x20, "programmer_logon", "session"),
    "change_plc_cpu_privilege_level": (0x21, "change_cpu_privilege_level", "protect"),
    "set_control_id_cpu_id": (0x22, "set_control_id", "config"),
    "set_plc_run_vs_stop": (0x23, "set_plc_state", "mode_change"),
    "set_plc_time_date": (0x24, "set_time_date", "clock"),
    "return_plc_time_date": (0x25, "return_time_date", "read"),
    "return_fault_table": (0x38, "return_fault_table", "read"),
    "clear_fault_table": (0x39, "clear_fault_table", "diagnostic"),
    "program_store_upload_from_plc": (0x3F, "program_store", "program_upload"),
    "program_load_download_to_plc": (0x40, "program_load", "program_download"),
    "return_controller_type_and_id_information": (0x43, "return_controller_type", "identify"),
    "toggle_force_system_memory": (0x44, "toggle_force_system_memory", "force"),
}


def ge_srtp(row: Row, fields: Fields) -> None:
    get = row.get
    name, kind = word(get("service_request_code")), (word(get("message_type")) or "").lower()
    asks = (word(get("srtp_type")) or "Request").lower() == "request"
    if name is None and not kind.startswith(("initial", "completion", "error")):
        said(fields, "ge_srtp", "connect", "session" if asks else None)
        turn(fields, asks, "srtp", get("uid"), get("sequence_number_1"))
        return
    known = _SRTP.get(slug(name or ""))
    if known is not None:
        said(fields, "ge_srtp", known[1], known[2], known[0])
    else:
        said(fields, "ge_srtp", slug(name or "response"), "diagnostic")
    selector = word(get("segment_selector"))
    if selector is not None and known is not None and known[0] in (4, 5, 6, 7, 8, 9, 0x44):
        fields["ot.address_space"] = slug(selector.partition("(")[0]) or slug(selector)
        for column, field in (("memory_offset", "ot.address"), ("data_length", "ot.count")):
            value = number(get(column))
            if value is not None:
                fields[field] = value
    state = word(get("plc_state"))
    if not asks:
        if state is not None:
            fields["ot.mode"] = slug(state)
        status = word(get("status_code"))
        good = not kind.startswith("error") and (status is None or slug(status).startswith("no_error"))
        fields["event.outcome"] = "success" if good else "failure"
        if not good and status is not None:
            fields["ot.exception"] = slug(status.partition(":")[0])
    turn(fields, asks, "srtp", get("uid"), get("sequence_number_1"))


# --- HART-IP --------------------------------------------------------------------------------------------------------


def _plain(name: str) -> str:
    return name.replace("primary_variable_", "").replace("and_analog_channel", "and_primary_variable_analog_channel")


_HART = {_plain(name): code for code, (name, _) in HART.items()}
_HART |= {name: code for code, (name, _) in HART.items()}
_HART_MESSAGES = {
    "session_initiate": "session", "session_close": "session", "keep_alive": "session", "token_passing_pdu": None,
    "direct_pdu": None, "read_audit_log": "diagnostic", "discovery": "identify",
}  # fmt: skip


def hart_general(row: Row, fields: Fields) -> None:
    get = row.get
    kind = (word(get("header_message_type_message_type")) or "request").lower()
    message = slug(word(get("header_message_id")) or "hart_ip")
    command = word(get("token_passing_pdu_command_number"))
    if command is not None:
        code = _hart_code(command)
        known = HART.get(code) if code is not None else None
        said(fields, "hart_ip", *(known or (slug(command), "diagnostic")), code)
    else:
        said(fields, "hart_ip", message, _HART_MESSAGES.get(message, "diagnostic") or "diagnostic")
    address = word(get("token_passing_pdu_address_v6")) or number(get("token_passing_pdu_address_v4"))
    if type(address) is int:
        fields["ot.unit_id"] = address & 0x3F
    asks = kind.startswith("request")
    if not asks:
        status = word(get("header_status_code"))
        answered = number(get("token_passing_pdu_contents_response_response_code"))
        good = status is None or slug(status) == "success"
        fields["event.outcome"] = "success" if good and not (answered and answered & 0x80) else "failure"
        if not good and status is not None:
            fields["ot.exception"] = slug(status)
    turn(fields, asks, "hart", get("uid"), get("header_sequence_number"), get("header_message_id"))


def _hart_code(name: str) -> int | None:
    """
    >>> _hart_code("Read Device Variable Information"), _hart_code("unknown-0x6d"), _hart_code("Nothing")
    (54, 109, None)
    """
    if name[:8] == "unknown-":
        return hexadecimal(name[8:])
    short = slug(name)
    return _HART.get(short, _HART.get(_plain(short)))


def _detail(protocol: str) -> Any:
    """A line that says more of an event which another log has."""

    def read(row: Row, fields: Fields) -> None:
        log = fields["event.dataset"].rpartition(".")[2]
        said(fields, protocol, log.removeprefix(f"{protocol}_"), None)
        turn(fields, False, protocol, row.get("uid"), "alone")

    return read


# --- PROFINET IO ----------------------------------------------------------------------------------------------------

_PROFINET = {"connect": "session", "release": "session", "read": "read", "read_implicit": "read", "write": "write",
             "control": "session"}  # fmt: skip


def profinet_io_cm(row: Row, fields: Fields) -> None:
    """Calls of the context management, over RPC: fragments beyond the first are no calls of their own."""
    get = row.get
    name, kind = slug(word(get("operation_num")) or "call"), slug(word(get("packet_type")) or "request")
    said(fields, "profinet", name, _PROFINET.get(name, "diagnostic"))
    first = not number(get("fragment_num"))
    answer = kind in ("response", "fault", "reject", "working")
    if answer:
        fields["event.outcome"] = "failure" if kind in ("fault", "reject") else "success"
    asks = kind in ("request", "ping") and first
    if asks or (answer and first):
        turn(fields, asks, "profinet", (word(get("activity_uuid")) or "").upper(), get("sequence_num"))
    else:
        turn(fields, False, "profinet", get("uid"), "alone")


# --- BSAP, Genisys, C12.22, C37.118, EtherCAT -----------------------------------------------------------------------


def bsap_rdb(row: Row, fields: Fields) -> None:
    name = slug(word(row.get("func_code")) or "rdb")
    operation = "write" if "write" in name else "read" if "read" in name else "diagnostic"
    asks = not name.startswith("rsp_")
    said(fields, "bsap", name.removeprefix("rsp_"), operation)
    tags, values = words(row.get("variables")), words(row.get("variable_value"))
    if asks and tags:
        fields["ot.tag"] = one_or_list(tags[:256])
        fields["ot.count"] = len(tags)
    if values and (operation == "write") is asks:
        fields["ot.value"] = one_or_list(values[:256])
    turn(fields, asks, "bsap", row.get("uid"), row.get("mes_seq"), fields["ot.function"])


_GENISYS = {"control_data": "command", "common_control_data": "command", "execute_controls": "command",
            "control_data_checkback": None, "poll": "read", "recall": "read", "recall_header": "read",
            "acknowledge_and_poll": "read", "acknowledge_indication_and_poll": "read"}  # fmt: skip


def genisys(row: Row, fields: Fields) -> None:
    """Control data are delivered, checked back, then executed; nothing numbers them, so each line is by itself."""
    name = slug(word(row.get("header")) or "genisys")
    said(fields, "genisys", name, _GENISYS.get(name, "diagnostic"))
    station = number(row.get("server"))
    if station is not None:
        fields["ot.unit_id"] = station
    payload = words(row.get("payload"))
    if payload and name.endswith("control_data"):
        fields["ot.value"] = one_or_list(payload[:256])
    if (word(row.get("direction")) or "request").lower() == "request":
        fields["event.outcome"] = "unknown"
    else:
        turn(fields, False, "genisys", row.get("uid"), "alone")


_C1222 = {"read": "read", "write": "write", "logon": "session", "security": "session", "logoff": "session",
          "terminate": "session", "disconnect": "session", "wait": "session", "identification": "identify",
          "ident": "identify", "registration": "config", "register": "config", "deregistration": "config",
          "deregister": "config", "resolve": "identify", "trace": "diagnostic"}  # fmt: skip


def _c1222_operation(name: str) -> str:
    return _C1222.get(name.split("_")[0]) or _C1222.get(name.split("_")[-1], "diagnostic")


def _gravity(name: str) -> int:
    order = ("write", "config", "session", "read", "identify", "diagnostic")
    return order.index(_c1222_operation(name))


def c1222(row: Row, fields: Fields) -> None:
    """Services stand as ``REQ:Logon`` and ``RESP:OK``; several may be in one message, of which the gravest is told."""
    said_here = [one.partition(":") for one in words(row.get("services"))]
    asked = [slug(name) for kind, _, name in said_here if kind.upper() == "REQ"]
    ranked = sorted(asked, key=_gravity)
    name = ranked[0] if ranked else slug(said_here[0][2]) if said_here else "message"
    said(fields, "c1222", name, _c1222_operation(name))
    if ranked or not said_here:
        fields["event.outcome"] = "unknown"
    else:
        fields["event.outcome"] = "success" if name == "ok" else "failure"
        turn(fields, False, "c1222", row.get("uid"), "alone")


def synchrophasor_cmd(row: Row, fields: Fields) -> None:
    name = slug(word(row.get("command")) or "command")
    said(fields, "c37118", name, "identify" if name.startswith("send") else "config")
    fields["event.outcome"] = "unknown"


def _ecat(protocol: str) -> Any:
    def read(row: Row, fields: Fields) -> None:
        """EtherCAT has no addresses of IP, and no connections: what a frame asks for."""
        get = row.get
        name = slug(word(get("Command")) or word(get("cmd")) or word(get("Type")) or word(get("opCode")) or "frame")
        operation = "write" if "write" in name or "download" in name else "read" if "read" in name else "diagnostic"
        said(fields, protocol, name, operation)
        fields["network.transport"] = "ethernet"
        place = word(get("Register_Type")) or word(get("Log_Addr")) or word(get("index"))
        if place is not None:
            fields["ot.tag"] = place
        slave = word(get("Slave_Addr")) or word(get("targetid"))
        if slave is not None:
            fields["ot.unit_id"] = slave
        fields["event.outcome"] = "unknown"

    return read


LOGS = {
    "omron_fins_network_status_read": _detail("fins"),
    "omron_fins_data_link_status_read": _detail("fins"),
    "ge_srtp_general": ge_srtp,
    "ge_srtp": ge_srtp,
    "hart_ip_general": hart_general,
    "hart_ip": hart_general,
    "hart_ip_common_commands": _detail("hart_ip"),
    "hart_ip_universal_commands": _detail("hart_ip"),
    "hart_ip_direct_pdu_command": _detail("hart_ip"),
    "hart_ip_session_record": _detail("hart_ip"),
    "profinet_io_cm": profinet_io_cm,
    "bsap_ip_rdb": bsap_rdb,
    "bsap_serial_rdb": bsap_rdb,
    "bsap_ip_header": _detail("bsap"),
    "bsap_serial_header": _detail("bsap"),
    "genisys": genisys,
    "c1222": c1222,
    "synchrophasor_cmd": synchrophasor_cmd,
    "ecat_registers": _ecat("ethercat"),
    "ecat_log_address": _ecat("ethercat"),
    "ecat_coe_info": _ecat("ethercat"),
    "ecat_aoe_info": _ecat("ads"),
    **dict.fromkeys(
        ("synchrophasor", "synchrophasor_cfg", "synchrophasor_cfg_detail", "synchrophasor_data",
         "synchrophasor_data_detail", "synchrophasor_hdr"), _detail("c37118")),
    **dict.fromkeys(
        ("c1222_user_information", "c1222_logon_security_service", "c1222_identification_service",
         "c1222_dereg_reg_service", "c1222_authentication_value"), _detail("c1222")),
}  # fmt: skip
