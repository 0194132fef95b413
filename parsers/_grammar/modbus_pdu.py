"""What Modbus PDUs say: function, address, values, exception.

MODBUS Application Protocol V1.1b3 (www.modbus.org). Coils are 0 or 1, registers unsigned 16 bits, addresses zero-based
as on the wire. A mask write has a value where its mask sets all bits; the masks are ``ot.and_mask`` and ``ot.or_mask``.
What a read/write (23) reads is under ``ot.read_*``.
"""

from struct import Struct, error

from engine.model import Fields
from parsers._grammar import umas
from parsers._grammar.exchange import one_or_list

_TWO = Struct(">HH").unpack_from
_ONE = Struct(">H").unpack_from

# Function code: name, operation, address space. Files are extended registers: reading one is a read, not a transfer.
# Codes below the line are no part of the specification; the names are those of old Modicon manuals, as Zeek has them.
FUNCTIONS: dict[int, tuple[str, str, str | None]] = {
    1: ("read_coils", "read", "coil"),
    2: ("read_discrete_inputs", "read", "discrete_input"),
    3: ("read_holding_registers", "read", "holding_register"),
    4: ("read_input_registers", "read", "input_register"),
    5: ("write_single_coil", "write", "coil"),
    6: ("write_single_register", "write", "holding_register"),
    7: ("read_exception_status", "diagnostic", None),
    8: ("diagnostics", "diagnostic", None),
    11: ("get_comm_event_counter", "diagnostic", None),
    12: ("get_comm_event_log", "diagnostic", None),
    15: ("write_multiple_coils", "write", "coil"),
    16: ("write_multiple_registers", "write", "holding_register"),
    17: ("report_server_id", "identify", None),
    20: ("read_file_record", "read", None),
    21: ("write_file_record", "write", None),
    22: ("mask_write_register", "write", "holding_register"),
    23: ("read_write_multiple_registers", "write", "holding_register"),
    24: ("read_fifo_queue", "read", "holding_register"),
    43: ("encapsulated_interface_transport", "diagnostic", None),
    # --
    9: ("program_484", "program_download", None),
    10: ("poll_484", "diagnostic", None),
    13: ("program_584_984", "program_download", None),
    14: ("poll_584_984", "diagnostic", None),
    18: ("program_884_u84", "program_download", None),
    19: ("reset_comm_link_884_u84", "restart", None),
    40: ("program_concept", "program_download", None),
    125: ("firmware_replacement", "firmware", None),
    126: ("program_584_984_2", "program_download", None),
    127: ("report_local_address", "identify", None),
}
# Table 6.8 of the specification. Clearing counters hides what happened, but changes nothing in the process.
DIAGNOSTICS = {
    0: ("return_query_data", "diagnostic"),
    1: ("restart_communications_option", "restart"),
    2: ("return_diagnostic_register", "diagnostic"),
    3: ("change_ascii_input_delimiter", "config"),
    4: ("force_listen_only_mode", "config"),
    10: ("clear_counters_and_diagnostic_register", "diagnostic"),
    11: ("return_bus_message_count", "diagnostic"),
    12: ("return_bus_communication_error_count", "diagnostic"),
    13: ("return_bus_exception_error_count", "diagnostic"),
    14: ("return_server_message_count", "diagnostic"),
    15: ("return_server_no_response_count", "diagnostic"),
    16: ("return_server_nak_count", "diagnostic"),
    17: ("return_server_busy_count", "diagnostic"),
    18: ("return_bus_character_overrun_count", "diagnostic"),
    20: ("clear_overrun_counter_and_flag", "diagnostic"),
}
EXCEPTIONS = {
    1: "illegal_function",
    2: "illegal_data_address",
    3: "illegal_data_value",
    4: "server_device_failure",
    5: "acknowledge",
    6: "server_device_busy",
    7: "negative_acknowledge",
    8: "memory_parity_error",
    10: "gateway_path_unavailable",
    11: "gateway_target_device_failed_to_respond",
}
_IDENTITY = {
    0: "vendor_name",
    1: "product_code",
    2: "revision",
    3: "vendor_url",
    4: "product_name",
    5: "model_name",
    6: "user_application_name",
}


def _bits(data: bytes, count: int) -> list[int]:
    whole = int.from_bytes(data, "little")
    return [whole >> bit & 1 for bit in range(min(count, 8 * len(data)))]


def _registers(data: bytes) -> list[int]:
    return list(Struct(f">{len(data) // 2}H").unpack_from(data))


def request(payload: bytes, fields: Fields) -> None:
    """What a request says, put into ``fields``."""
    function = payload[7]
    body = payload[8:]
    fields["ot.unit_id"] = payload[6]
    if function == umas.FUNCTION:
        _umas(body, fields)
        return
    name, operation, space = FUNCTIONS.get(function) or (f"function_{function}", "diagnostic", None)
    fields["ot.function_code"] = function
    fields["ot.function"] = name
    fields["ot.operation"] = operation
    if space is not None:
        fields["ot.address_space"] = space
    try:
        _arguments(function, body, fields)
    except (error, IndexError):
        fields["error.message"] = f"Modbus {name}: {len(body)} bytes are too few"


def _arguments(function: int, body: bytes, fields: Fields) -> None:
    if function <= 4:
        fields["ot.address"], fields["ot.count"] = _TWO(body)
    elif function in (5, 6):
        fields["ot.address"], value = _TWO(body)
        fields["ot.count"] = 1
        if function == 5 and value in (0, 0xFF00):
            value = int(value == 0xFF00)
        elif function == 5:
            fields["error.message"] = f"Modbus write_single_coil: 0x{value:04x} is neither on nor off"
        fields["ot.value"] = value
    elif function in (15, 16):
        fields["ot.address"], count = _TWO(body)
        fields["ot.count"] = count
        data = body[5 : 5 + body[4]]
        _set_values(_bits(data, count) if function == 15 else _registers(data), count, fields)
    elif function == 8:
        code = _ONE(body)[0]
        fields["ot.function"], fields["ot.operation"] = DIAGNOSTICS.get(code) or (f"diagnostics_{code}", "diagnostic")
        fields["ot.sub_function_code"] = code
        if len(body) > 3:
            fields["ot.value"] = one_or_list(_registers(body[2:]))
    elif function in (20, 21):
        _file_records(function, body, fields)
    elif function == 22:
        fields["ot.address"], and_mask = _TWO(body)
        or_mask = _ONE(body, 4)[0]
        fields["ot.count"] = 1
        fields["ot.and_mask"], fields["ot.or_mask"] = and_mask, or_mask
        if and_mask == 0:
            fields["ot.value"] = or_mask
    elif function == 23:
        fields["ot.read_address"], fields["ot.read_count"] = _TWO(body)
        fields["ot.address"], count = _TWO(body, 4)
        fields["ot.count"] = count
        _set_values(_registers(body[9 : 9 + body[8]]), count, fields)
    elif function == 24:
        fields["ot.address"] = _ONE(body)[0]
    elif function == 43:
        if body[0] == 14:
            fields["ot.function"], fields["ot.operation"] = "read_device_identification", "identify"
        elif body[0] == 13:
            fields["ot.function"] = "canopen_general_reference"
        fields["ot.sub_function_code"] = body[0]


def _set_values(values: list[int], count: int, fields: Fields) -> None:
    if values:
        fields["ot.value"] = one_or_list(values)
    if len(values) != count:
        fields["error.message"] = f"Modbus {fields['ot.function']}: {len(values)} values where {count} are announced"


def _file_records(function: int, body: bytes, fields: Fields) -> None:
    spaces, addresses, counts, values = [], [], [], []
    at, end = 1, min(1 + body[0], len(body))
    while at + 7 <= end:
        file, record = _TWO(body, at + 1)
        length = _ONE(body, at + 5)[0]
        at += 7
        spaces.append(f"file_{file}")
        addresses.append(record)
        counts.append(length)
        if function == 21:
            values += _registers(body[at : min(at + 2 * length, end)])
            at += 2 * length
    if not addresses:
        raise IndexError
    fields["ot.address_space"] = one_or_list(spaces)
    fields["ot.address"] = one_or_list(addresses)
    fields["ot.count"] = one_or_list(counts)
    if values:
        fields["ot.value"] = one_or_list(values)


def _umas(body: bytes, fields: Fields) -> None:
    fields["ot.protocol"] = fields["network.protocol"] = "umas"
    if len(body) < 2:
        fields["ot.function_code"], fields["ot.function"] = umas.FUNCTION, "umas"
        fields["ot.operation"] = "diagnostic"
        fields["error.message"] = "UMAS: a request without a code"
        return
    fields["ot.function_code"] = body[1]
    fields["ot.function"], fields["ot.operation"] = umas.named(body[1])


def response(payload: bytes, fields: Fields) -> None:
    """What the response to a request says, put into that request's ``fields``."""
    function = payload[7]
    body = payload[8:]
    fields["event.outcome"] = "success"
    if function & 0x80:
        code = body[0] if body else 0
        # 5: accepted, and takes long: whether it comes to pass is asked for later.
        fields["event.outcome"] = "unknown" if code == 5 else "failure"
        fields["ot.exception"] = EXCEPTIONS.get(code) or f"exception_{code}"
        return
    try:
        _results(function, body, fields)
    except (error, IndexError):
        fields["error.message"] = f"Modbus {fields['ot.function']}: {len(body)} bytes of response are too few"


def _results(function: int, body: bytes, fields: Fields) -> None:
    if function in (1, 2):
        _set_values(_bits(body[1 : 1 + body[0]], fields.get("ot.count", 0)), fields.get("ot.count", 0), fields)
    elif function in (3, 4):
        _set_values(_registers(body[1 : 1 + body[0]]), fields.get("ot.count", 0), fields)
    elif function == 23:
        fields["ot.read_value"] = one_or_list(_registers(body[1 : 1 + body[0]]))
    elif function == 7:
        fields["ot.value"] = body[0]
    elif function == 11:
        fields["ot.value"] = list(_TWO(body))
    elif function == 8:
        if fields["ot.operation"] == "diagnostic" and len(body) > 3:
            fields["ot.value"] = one_or_list(_registers(body[2:]))
    elif function == 17:
        fields["ot.value"] = _text(body[1 : 1 + body[0]])
    elif function == 20:
        values, at, end = [], 1, min(1 + body[0], len(body))
        while at + 2 <= end and body[at]:
            values += _registers(body[at + 2 : min(at + 1 + body[at], end)])
            at += 1 + body[at]
        if values:
            fields["ot.value"] = one_or_list(values)
    elif function == 24:
        fields["ot.count"] = _ONE(body, 2)[0]
        if len(body) > 5:
            fields["ot.value"] = one_or_list(_registers(body[4:]))
    elif function == 43 and body[0] == 14:
        at = 6
        for _ in range(body[5]):
            known = _IDENTITY.get(body[at], f"object_{body[at]}")
            fields[f"ot.identity.{known}"] = _text(body[at + 2 : at + 2 + body[at + 1]])
            at += 2 + body[at + 1]
    elif function == umas.FUNCTION and body[1] == umas.REFUSED:
        fields["event.outcome"] = "failure"
        fields["ot.exception"] = "refused"


def _text(data: bytes) -> str:
    return data.rstrip(b"\0").decode("utf-8", "backslashreplace")
