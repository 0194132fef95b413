"""Zeek's logs of control protocols as the same events that our own decoders give.

Modbus, DNP3, S7: the logs of Zeek itself and of CISA's ICSNPP packages (https://github.com/cisagov/icsnpp). Several
logs tell of one PDU (``modbus`` and ``modbus_detailed``, ``dnp3`` and ``dnp3_control``): the detailed one is enough.
"""

from typing import Any

from engine.model import Fields
from parsers._grammar import zeek_bus, zeek_devices, zeek_fins, zeek_opcua
from parsers._grammar.dnp3_objects import FUNCTIONS as DNP3
from parsers._grammar.exchange import one_or_list
from parsers._grammar.modbus_pdu import DIAGNOSTICS, FUNCTIONS
from parsers._grammar.s7_functions import FUNCTIONS as S7
from parsers._grammar.s7_functions import MODES, PI_SERVICES, block, error_word, userdata
from parsers._grammar.zeek import Row, number, word, yes
from parsers._grammar.zeek_requests import hexadecimal, said, slug, turn

_MODBUS = {name: (code, operation, space) for code, (name, operation, space) in FUNCTIONS.items()}
_MODBUS_NAMES = {
    "report_slave_id": "report_server_id",
    "encap_interface_transport": "encapsulated_interface_transport",
    "report_local_address_mb": "report_local_address",
}
_DIAGNOSTICS = {name: (code, operation) for code, (name, operation) in DIAGNOSTICS.items()}
_DNP3_NAMES = (
    "CONFIRM", "READ", "WRITE", "SELECT", "OPERATE", "DIRECT_OPERATE", "DIRECT_OPERATE_NR", "IMMED_FREEZE",
    "IMMED_FREEZE_NR", "FREEZE_CLEAR", "FREEZE_CLEAR_NR", "FREEZE_AT_TIME", "FREEZE_AT_TIME_NR", "COLD_RESTART",
    "WARM_RESTART", "INITIALIZE_DATA", "INITIALIZE_APPL", "START_APPL", "STOP_APPL", "SAVE_CONFIG",
    "ENABLE_UNSOLICITED", "DISABLE_UNSOLICITED", "ASSIGN_CLASS", "DELAY_MEASURE", "RECORD_CURRENT_TIME", "OPEN_FILE",
    "CLOSE_FILE", "DELETE_FILE", "GET_FILE_INFO", "AUTHENTICATE_FILE", "ABORT_FILE", "ACTIVATE_CONFIG",
    "AUTHENTICATE_REQ", "AUTHENTICATE_ERR",
)  # fmt: skip
_DNP3 = {name: code for code, name in enumerate(_DNP3_NAMES)}
_IIN2 = ((1, "function_not_supported"), (2, "object_unknown"), (4, "parameter_error"))
_S7_CLASSES = {"application": 0x81, "object": 0x82, "no ressources": 0x83, "no resources": 0x83,
               "error on service": 0x84, "error on supplies": 0x85, "access": 0x87}  # fmt: skip
# What the function codes of S7comm-plus do. Objects come and go with a session as with a download: the log does not
# say which.
_S7_PLUS = {
    0x04BB: ("explore", "identify"),
    0x04CA: ("create_object", "session"),
    0x04D4: ("delete_object", "session"),
    0x04F2: ("set_variable", "write"),
    0x0524: ("get_link", "read"),
    0x0542: ("set_multi_variables", "write"),
    0x054C: ("get_multi_variables", "read"),
    0x0556: ("begin_sequence", "session"),
    0x0560: ("end_sequence", "session"),
    0x056B: ("invoke", "config"),
    0x0586: ("get_variable_sub_streamed", "read"),
}


def _numbers(value: Any) -> list[int]:
    if type(value) is not list:
        one = number(value)
        return [] if one is None else [one]
    return [one for one in map(number, value) if one is not None]


# --- Modbus ---------------------------------------------------------------------------------------------------------


def _modbus(row: Row, fields: Fields) -> str | None:
    """Function, unit, exception; the function's name."""
    name = word(row.get("func"))
    if name is None:
        return None
    name = slug(name).removesuffix("_exception")
    name = _MODBUS_NAMES.get(name, name)
    known = _MODBUS.get(name)
    if known is not None:
        said(fields, "modbus", name, known[1], known[0])
        if known[2] is not None:
            fields["ot.address_space"] = known[2]
    else:
        code = number(name.rpartition("_")[2]) if name.startswith("unknown") else None
        if code == 90:  # Schneider's own protocol, which Zeek does not look into
            said(fields, "umas", "umas", "diagnostic", code)
        else:
            said(fields, "modbus", name if code is None else f"function_{code}", "diagnostic", code)
    unit = number(row.get("unit", row.get("unit_id")))
    if unit is not None:
        fields["ot.unit_id"] = unit
    exception = word(row.get("exception")) or word(row.get("exception_code"))
    if exception is not None:
        wrong = slug(exception).replace("slave", "server")
        fields["event.outcome"], fields["ot.exception"] = "unknown" if wrong == "acknowledge" else "failure", wrong
    return name


def modbus(row: Row, fields: Fields) -> None:
    """Zeek before 6 writes a line a transaction, later ones a line a PDU (``pdu_type``)."""
    if _modbus(row, fields) is None:
        return
    kind = word(row.get("pdu_type"))
    if kind is not None:
        asks = kind.upper().startswith("REQ")
        if not asks:
            fields.setdefault("event.outcome", "success")
        turn(fields, asks, "modbus", row.get("uid"), row.get("tid"), row.get("unit"))
    else:
        fields.setdefault("event.outcome", "success")


def modbus_detailed(row: Row, fields: Fields) -> None:
    """A line a transaction (``matched``); until ICSNPP 2.0 a line a PDU with ``values``."""
    get = row.get
    name = _modbus(row, fields)
    if name is None:
        return
    address, count = number(get("address")), number(get("quantity"))
    if address is not None:
        fields["ot.address"] = address
    if count is not None and address is not None:
        fields["ot.count"] = count
    asked, answered = _numbers(get("request_values")), _numbers(get("response_values"))
    direction = word(get("network_direction")) or word(get("request_response"))
    if direction is not None and not asked and not answered:
        asked = answered = [int(one) for one in str(get("values") or "").split(",") if one.isdecimal()]
    operation = fields.get("ot.operation")
    values = asked if operation == "write" else answered
    if values:
        fields["ot.value"] = one_or_list(values)
        if operation == "write" and count is None and address is not None:
            fields["ot.count"] = len(values)
    _diagnostic(row, fields, name)
    if direction is not None:
        asks = direction.lower() == "request"
        if not asks:
            fields.setdefault("event.outcome", "success")
        turn(fields, asks, "modbus", get("uid"), get("tid"), get("unit"))
        return
    matched = yes(get("matched"))
    if matched is None:  # functions that ICSNPP does not match itself: two lines, and nothing says which is which
        turn(fields, None, "modbus", get("uid"), get("tid"), get("unit"))
    fields.setdefault("event.outcome", "unknown" if matched is False else "success")


def _diagnostic(row: Row, fields: Fields, name: str) -> None:
    sub, kind = word(row.get("request_subfunction_code")), word(row.get("mei_type"))
    if name == "diagnostics" and sub is not None:
        known = _DIAGNOSTICS.get(slug(sub))
        said(fields, "modbus", slug(sub), "diagnostic" if known is None else known[1], 8)
        if known is not None:
            fields["ot.sub_function_code"] = known[0]
    elif kind is not None and "device" in kind.lower():
        said(fields, "modbus", "read_device_identification", "identify", 43)
        fields["ot.sub_function_code"] = 14
    elif kind is not None and "canopen" in kind.lower():
        said(fields, "modbus", "canopen_general_reference", "diagnostic", 43)
        fields["ot.sub_function_code"] = 13


def modbus_mask(row: Row, fields: Fields) -> None:
    get = row.get
    if _modbus(row, fields) is None:
        return
    address, both, either = number(get("address")), number(get("and_mask")), number(get("or_mask"))
    if address is not None:
        fields["ot.address"], fields["ot.count"] = address, 1
    if both is not None and either is not None:
        fields["ot.and_mask"], fields["ot.or_mask"] = both, either
        if both == 0:
            fields["ot.value"] = either
    _detail(row, fields)


def modbus_read_write(row: Row, fields: Fields) -> None:
    get = row.get
    if _modbus(row, fields) is None:
        return
    for column, name in (
        ("write_start_address", "ot.address"),
        ("read_start_address", "ot.read_address"),
        ("read_quantity", "ot.read_count"),
    ):
        value = number(get(column))
        if value is not None:
            fields[name] = value
    for column, name in (("write_registers", "ot.value"), ("read_registers", "ot.read_value")):
        values = _numbers(get(column))
        if values:
            fields[name] = one_or_list(values)
            if name == "ot.value":
                fields["ot.count"] = len(values)
    _detail(row, fields)


def _detail(row: Row, fields: Fields) -> None:
    asks = (word(row.get("request_response")) or "").upper() != "RESPONSE"
    if not asks:
        fields.setdefault("event.outcome", "success")
    turn(fields, asks, "modbus", row.get("uid"), row.get("tid"), row.get("unit"))


# --- DNP3 -----------------------------------------------------------------------------------------------------------


def _dnp3(name: str, fields: Fields) -> None:
    code = _DNP3.get(name.upper())
    known = DNP3.get(code) if code is not None else None
    said(fields, "dnp3", *(known or (slug(name), "diagnostic")), code)


def dnp3(row: Row, fields: Fields) -> None:
    """A line a request with its response; a response alone answers nothing that was seen."""
    asked, answered = word(row.get("fc_request")), word(row.get("fc_reply"))
    if asked is None:
        said(fields, "dnp3", slug(answered or "response"), None)
        turn(fields, False, "dnp3", row.get("uid"), "alone")
        return
    _dnp3(asked, fields)
    indications = number(row.get("iin"))
    wrong = [one for bit, one in _IIN2 if (indications or 0) & bit]
    if answered is None:
        fields["event.outcome"] = "unknown"
    elif wrong:
        fields["event.outcome"], fields["ot.exception"] = "failure", wrong[0]
    else:
        fields["event.outcome"] = "success"


def dnp3_control(row: Row, fields: Fields) -> None:
    get = row.get
    asks = yes(get("is_orig")) is not False and (word(get("function_code")) or "") != "RESPONSE"
    _dnp3(word(get("function_code")) or "OPERATE", fields)
    kind, index = word(get("block_type")) or "", number(get("index_number"))
    fields["ot.address_space"] = "analog_output" if "analog" in kind.lower() else "binary_output"
    if index is not None:
        fields["ot.address"], fields["ot.count"] = index, 1
    trip, pulse = word(get("trip_control_code")), word(get("operation_type"))
    operation = "nul" if pulse is None else slug(pulse)
    fields["ot.value"] = operation if trip is None or slug(trip) in ("nul", "") else slug(trip)
    for column, name in (("execute_count", "count"), ("on_time", "on_ms"), ("off_time", "off_ms")):
        value = number(get(column))
        if value is not None:
            fields[f"ot.relay.{name}"] = value
    status = word(get("status_code"))
    if not asks:
        good = status is None or slug(status) == "success"
        fields["event.outcome"] = "success" if good else "failure"
        if not good and status is not None:
            fields["ot.exception"] = slug(status)
    turn(fields, asks, "dnp3", get("uid"), index)


def dnp3_objects(row: Row, fields: Fields) -> None:
    get = row.get
    asks = yes(get("is_orig")) is not False and (word(get("function_code")) or "") != "RESPONSE"
    _dnp3(word(get("function_code")) or "READ", fields)
    kind, low, high, count = (
        word(get("object_type")),
        number(get("range_low")),
        number(get("range_high")),
        number(get("object_count")),
    )
    if kind is not None:
        fields["ot.address_space"] = slug(kind).removesuffix("_data")
    if low is not None:
        fields["ot.address"] = low
        if high is not None and high >= low:
            fields["ot.count"] = high - low + 1
    if count is not None:
        fields["ot.count"] = count
    turn(fields, asks, "dnp3", get("uid"), "objects")


# --- S7 -------------------------------------------------------------------------------------------------------------


def s7comm(row: Row, fields: Fields) -> None:
    get = row.get
    code, kind = hexadecimal(get("function_code")), number(get("rosctr_code"))
    sub = get("subfunction_code")
    group = None if code is None or kind != 7 else code & 0x0F
    asks = kind == 1 or (kind == 7 and code is not None and code >> 4 == 4)
    if kind == 7 and code is not None and group is not None:
        sub_code = hexadecimal(sub) or 0
        name, operation = userdata(group, sub_code)
        said(fields, "s7comm", name, operation, group)
        fields["ot.sub_function_code"] = sub_code
        if group == 0:
            fields["ot.mode"] = MODES.get(sub_code) or f"0x{sub_code:02x}"
            asks = asks or code >> 4 == 0
    else:
        name, operation = S7.get(code or 0) or (f"function_0x{code or 0:02x}", "diagnostic")
        said(fields, "s7comm", name, operation, code)
        if code in (0x28, 0x29):
            service = word(sub)
            if service is not None:
                fields["ot.pi_service"] = service
                if code == 0x28 and service in PI_SERVICES:
                    fields["ot.operation"] = PI_SERVICES[service]
            if code == 0x29:
                fields["ot.mode"] = "stop"
    if not asks:
        _s7_result(row, fields)
    turn(fields, asks, "s7", get("uid"), get("pdu_reference"))


def _s7_result(row: Row, fields: Fields) -> None:
    kind, code = word(row.get("error_class")) or "", hexadecimal(row.get("error_code")) or 0
    family = next((one for start, one in _S7_CLASSES.items() if kind.lower().startswith(start)), 0)
    whole = code if code > 0xFF else family << 8 | code
    fields["event.outcome"] = "failure" if whole else "success"
    if whole:
        fields["ot.exception"] = error_word(whole)


def s7comm_szl(row: Row, fields: Fields) -> None:
    get = row.get
    asks = (word(get("method")) or "Request") == "Request"
    said(fields, "s7comm", "read_szl", "identify", 4)
    fields["ot.sub_function_code"] = 1
    for column, name in (("szl_id", "ot.szl_id"), ("szl_index", "ot.szl_index")):
        value = word(get(column))
        if value is not None:
            fields[name] = value.removeprefix("0x")
    if not asks:
        fields["event.outcome"] = "success" if hexadecimal(get("return_code")) in (0xFF, None) else "failure"
    turn(fields, asks, "s7", get("uid"), get("pdu_reference"))


def s7comm_transfer(row: Row, fields: Fields) -> None:
    get = row.get
    asks = (word(get("rosctr")) or "Job-Request") == "Job-Request"
    name = slug(word(get("function_name")) or "upload")
    code = next((code for code, (known, _) in S7.items() if known == name), None)
    said(fields, "s7comm", name, "program_upload" if "upload" in name else "program_download", code)
    file = word(get("filename"))
    if file is not None:
        fields["ot.file"], fields["ot.tag"] = file, block(file)
    if not asks:
        fields["event.outcome"] = "success"
    turn(fields, asks, "s7", get("uid"), get("pdu_reference"))


def s7comm_plus(row: Row, fields: Fields) -> None:
    """The log has no number that pairs: requests are events by themselves, notifications are none."""
    opcode, code = hexadecimal(row.get("opcode")), hexadecimal(row.get("function_code"))
    name, operation = _S7_PLUS.get(code or 0) or (slug(word(row.get("opcode_name")) or "s7comm_plus"), "diagnostic")
    said(fields, "s7comm_plus", name, operation, code)
    if opcode == 0x31:
        fields["event.outcome"] = "unknown"
    else:
        turn(fields, False, "s7plus", row.get("uid"), "alone")


LOGS = {
    "modbus": modbus,
    "modbus_detailed": modbus_detailed,
    "modbus_mask_write_register": modbus_mask,
    "modbus_read_write_multiple_registers": modbus_read_write,
    "dnp3": dnp3,
    "dnp3_control": dnp3_control,
    "dnp3_objects": dnp3_objects,
    "s7comm": s7comm,
    "s7comm_read_szl": s7comm_szl,
    "s7comm_upload_download": s7comm_transfer,
    "s7comm_plus": s7comm_plus,
    **zeek_bus.LOGS,
    **zeek_devices.LOGS,
    **zeek_opcua.LOGS,
    **zeek_fins.LOGS,
}
"""What each log says, by its name."""
