"""PCCC, the commands of DF1, inside CIP: PLC-5, SLC 500 and MicroLogix.

Rockwell Automation 1770-6.5.16, "DF1 Protocol and Command Set", chapters 6 and 7.
"""

from struct import Struct
from typing import Any

from engine.model import Fields
from parsers._grammar.exchange import one_or_list

_REPLY = 0x40
_FUNCTIONED = frozenset({0x06, 0x07, 0x0F})  # commands whose meaning a function code completes

# Command: name, operation; for those with a function code (command, function).
_COMMANDS: dict[int | tuple[int, int], tuple[str, str]] = {
    0x00: ("protected_write", "write"),
    0x01: ("unprotected_read", "read"),
    0x02: ("protected_bit_write", "write"),
    0x05: ("unprotected_bit_write", "write"),
    0x08: ("unprotected_write", "write"),
    (0x06, 0x00): ("echo", "diagnostic"),
    (0x06, 0x01): ("read_diagnostic_counters", "diagnostic"),
    (0x06, 0x02): ("set_variables", "config"),
    (0x06, 0x03): ("diagnostic_status", "identify"),
    (0x06, 0x04): ("set_timeout", "config"),
    (0x06, 0x05): ("set_naks", "config"),
    (0x06, 0x06): ("set_enqs", "config"),
    (0x06, 0x07): ("reset_diagnostic_counters", "diagnostic"),
    (0x06, 0x08): ("set_data_table_size", "config"),
    (0x06, 0x09): ("read_link_parameters", "read"),
    (0x06, 0x0A): ("set_link_parameters", "config"),
    (0x07, 0x00): ("disable_outputs", "mode_change"),
    (0x07, 0x01): ("enable_program", "mode_change"),
    (0x07, 0x03): ("enable_scan", "mode_change"),
    (0x07, 0x04): ("physical_read", "read"),
    (0x07, 0x06): ("set_data_table_size", "config"),
    (0x0F, 0x00): ("word_range_write", "write"),
    (0x0F, 0x01): ("word_range_read", "read"),
    (0x0F, 0x02): ("bit_write", "write"),
    (0x0F, 0x03): ("file_write", "write"),
    (0x0F, 0x04): ("file_read", "read"),
    (0x0F, 0x05): ("download_request", "program_download"),
    (0x0F, 0x06): ("upload", "program_upload"),
    (0x0F, 0x07): ("shutdown", "plc_stop"),
    (0x0F, 0x08): ("physical_write", "write"),
    (0x0F, 0x09): ("physical_read", "read"),
    (0x0F, 0x0A): ("restart", "restart"),
    (0x0F, 0x11): ("get_edit_resource", "session"),
    (0x0F, 0x12): ("return_edit_resource", "session"),
    (0x0F, 0x17): ("read_bytes_physical", "program_upload"),
    (0x0F, 0x18): ("write_bytes_physical", "program_download"),
    (0x0F, 0x26): ("read_modify_write", "write"),
    (0x0F, 0x29): ("read_section_size", "read"),
    (0x0F, 0x3A): ("set_cpu_mode", "mode_change"),
    (0x0F, 0x41): ("disable_forces", "force"),
    (0x0F, 0x50): ("download_all_request", "program_download"),
    (0x0F, 0x52): ("download_completed", "program_download"),
    (0x0F, 0x53): ("upload_all_request", "program_upload"),
    (0x0F, 0x55): ("upload_completed", "program_upload"),
    (0x0F, 0x57): ("initialize_memory", "program_delete"),
    (0x0F, 0x5E): ("modify_plc2_compatibility_file", "config"),
    (0x0F, 0x67): ("typed_write", "write"),
    (0x0F, 0x68): ("typed_read", "read"),
    (0x0F, 0x79): ("read_modify_write_n", "write"),
    (0x0F, 0x80): ("change_mode", "mode_change"),
    (0x0F, 0x81): ("open_file", "file"),
    (0x0F, 0x82): ("close_file", "file"),
    (0x0F, 0x88): ("execute_command_list", "diagnostic"),
    (0x0F, 0x8F): ("apply_port_configuration", "config"),
    (0x0F, 0xA1): ("protected_typed_logical_read", "read"),
    (0x0F, 0xA2): ("protected_typed_logical_read", "read"),
    (0x0F, 0xA7): ("protected_typed_file_read", "file"),
    (0x0F, 0xA9): ("protected_typed_logical_write", "write"),
    (0x0F, 0xAA): ("protected_typed_logical_write", "write"),
    (0x0F, 0xAB): ("protected_typed_logical_write_with_mask", "write"),
    (0x0F, 0xAF): ("protected_typed_file_write", "file"),
}
_SLC_MODES = {1: "program", 6: "run", 7: "test", 8: "test_single_scan", 9: "test_single_step"}
_PLC5_MODES = {0: "program", 1: "test", 2: "run"}
_LETTERS = {
    0x82: "O", 0x83: "I", 0x84: "S", 0x85: "B", 0x86: "T", 0x87: "C", 0x88: "R", 0x89: "N", 0x8A: "F", 0x8B: "O",
    0x8C: "I", 0x8D: "ST", 0x8E: "A", 0x8F: "D", 0x91: "L", 0x92: "MG", 0x93: "PD",
}  # fmt: skip
# Local STS in the low half, remote in the high (7-4).
_STATUS = {
    0x10: "illegal_command",
    0x20: "host_problem",
    0x30: "remote_node_missing",
    0x40: "hardware_fault",
    0x50: "addressing_problem",
    0x60: "function_disallowed",
    0x70: "processor_in_program_mode",
    0x80: "compatibility_file_missing",
    0x90: "remote_node_cannot_buffer",
    0xB0: "remote_node_problem",
    0xF0: "extended_error",
}
_MOST_VALUES = 256


def request(data: bytes, fields: Fields) -> None:
    """A request with the requestor's id before it; IndexError where it is cut short."""
    message = data[data[0] :]
    command = message[0] & 0x0F
    function = message[4] if command in _FUNCTIONED else None
    key: int | tuple[int, int] = command if function is None else (command, function)
    name, operation = _COMMANDS.get(key) or ("pccc", "diagnostic")
    if name == "pccc":
        name = f"pccc_0x{command:02x}" if function is None else f"pccc_0x{command:02x}_0x{function:02x}"
    fields["ot.function"], fields["ot.operation"] = name, operation
    fields["ot.function_code"] = command if function is None else function
    fields["ot.pccc.command"] = command
    body = message[4:] if function is None else message[5:]
    if function == 0x80 and command == 0x0F:
        fields["ot.mode"] = _SLC_MODES.get(body[0], f"mode_{body[0]}")
    elif function == 0x3A:
        fields["ot.mode"] = _PLC5_MODES.get(body[0] & 3, f"mode_{body[0]}")
    elif function in (0xA2, 0xAA, 0xAB, 0xA1, 0xA9):
        _logical(function, body, fields)


def _logical(function: int, body: bytes, fields: Fields) -> None:
    """Protected typed logical read and write: file number, type, element, and with three addresses sub-element."""
    size = body[0]
    number, at = _compact(body, 1)
    kind = body[at]
    element, at = _compact(body, at + 1)
    sub = 0
    if function in (0xA2, 0xAA, 0xAB):
        sub, at = _compact(body, at)
    letter = _LETTERS.get(kind, f"type_0x{kind:02x}:")
    fields["ot.tag"] = f"{letter}{number}:{element}" + (f".{sub}" if sub else "")
    fields["ot.address_space"] = f"{letter}{number}"
    fields["ot.address"] = element
    fields["ot.data_type"] = letter
    if function == 0xAB:
        fields["ot.mask"] = Struct("<H").unpack_from(body, at)[0]
        at += 2
    if function in (0xAA, 0xAB, 0xA9):
        _values(kind, body[at : at + size], fields)


def _compact(body: bytes, at: int) -> tuple[int, int]:
    """A byte, or 255 and two bytes."""
    if body[at] == 0xFF:
        return Struct("<H").unpack_from(body, at + 1)[0], at + 3
    return body[at], at + 1


def _values(kind: int, data: bytes, fields: Fields) -> None:
    code = {0x8A: "f", 0x91: "i", 0x85: "H"}.get(kind, "h")
    size = Struct(code).size
    values: list[Any] = list(Struct(f"<{min(len(data) // size, _MOST_VALUES)}{code}").unpack_from(data))
    if values:
        fields["ot.value"] = one_or_list(values)


def response(data: bytes, fields: Fields) -> None:
    """What PCCC answers inside a reply of CIP that succeeded."""
    message = data[data[0] :]
    status = message[1]
    if status:
        fields["event.outcome"] = "failure"
        fields["ot.exception"] = _STATUS.get(status & 0xF0, f"status_0x{status:02x}")
        return
    if fields["ot.function"] == "protected_typed_logical_read":
        letter = fields.get("ot.data_type")
        kind = next((kind for kind, one in _LETTERS.items() if one == letter and kind >= 0x84), 0)
        _values(kind, message[4:], fields)
