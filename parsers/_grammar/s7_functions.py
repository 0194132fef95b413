"""Names in S7comm and what they do: functions, PI services, userdata, errors.

As in Wireshark's ``packet-s7comm`` and in https://github.com/cisagov/icsnpp-s7comm (``scripts/consts.zeek``).
"""

FUNCTIONS = {
    0x00: ("cpu_services", "diagnostic"),
    0x04: ("read_var", "read"),
    0x05: ("write_var", "write"),
    0x1A: ("request_download", "program_download"),
    0x1B: ("download_block", "program_download"),
    0x1C: ("download_ended", "program_download"),
    0x1D: ("start_upload", "program_upload"),
    0x1E: ("upload", "program_upload"),
    0x1F: ("end_upload", "program_upload"),
    0x28: ("pi_service", "config"),
    0x29: ("plc_stop", "plc_stop"),
    0xF0: ("setup_communication", "session"),
}

# Copying RAM to ROM makes a changed program survive the next power cycle; compressing moves blocks. Neither has a word
# of its own in our vocabulary: both are "config". Names with _N_ are those of numerical controls (SINUMERIK).
PI_SERVICES = {
    "P_PROGRAM": "plc_start",
    "_INSE": "activate",
    "_INS2": "activate",
    "_DELE": "program_delete",
    "_MODU": "config",
    "_GARB": "config",
    "_N_LOGIN_": "protect",
    "_N_LOGOUT": "protect",
    "_N_NEWPWD": "protect",
    "_N_F_PROT": "protect",
    "_N_F_DELE": "program_delete",
    "_N_F_DELR": "program_delete",
    "_N_DELVAR": "program_delete",
    "_N_F_XFER": "program_upload",
    "_N_F_COPY": "file",
    "_N_F_RENA": "file",
    "_N_F_OPEN": "file",
    "_N_F_CLOS": "file",
    "_N_F_SEEK": "file",
    "_N_SELECT": "activate",
    "_N_EXTERN": "activate",
    "_N_EXTMOD": "activate",
    "_N_NCKMOD": "mode_change",
    "_N_IBN_SS": "mode_change",
}

# Userdata: function group, sub-function. "Modify" sets a variable once, "force" holds it: both act past the program.
_GROUPS: dict[int, tuple[str, str, dict[int, tuple[str, str]]]] = {
    0x0: ("mode_transition", "mode_change", {}),
    0x1: (
        "programmer_command",
        "diagnostic",
        {
            0x01: ("block_status", "diagnostic"),
            0x02: ("variable_status", "read"),
            0x07: ("force_selection", "force"),
            0x08: ("modify_variable", "force"),
            0x09: ("force", "force"),
            0x0A: ("breakpoint", "mode_change"),
            0x0B: ("exit_hold", "mode_change"),
            0x0C: ("memory_reset", "program_delete"),
            0x16: ("flash_led", "diagnostic"),
        },
    ),
    0x2: (
        "cyclic_service",
        "read",
        {
            0x01: ("cyclic_transfer", "read"),
            0x04: ("cyclic_unsubscribe", "read"),
            0x05: ("change_driven_transfer", "read"),
            0x07: ("change_driven_transfer_modify", "read"),
            0x08: ("read_record", "read"),
        },
    ),
    0x3: (
        "block_function",
        "identify",
        {
            0x01: ("list_blocks", "identify"),
            0x02: ("list_blocks_of_type", "identify"),
            0x03: ("get_block_info", "identify"),
        },
    ),
    0x4: (
        "cpu_function",
        "diagnostic",
        {
            0x01: ("read_szl", "identify"),
            0x02: ("message_service", "diagnostic"),
            0x03: ("diagnostic_message", "diagnostic"),
            0x06: ("alarm_8_lock", "config"),
            0x07: ("alarm_8_unlock", "config"),
            0x0D: ("alarm_query", "read"),
            0x0E: ("alarm_ack", "config"),
        },
    ),
    0x5: ("security", "protect", {0x01: ("password", "protect"), 0x02: ("password_clear", "protect")}),
    0x6: ("pbc_bsend", "diagnostic", {}),
    0x7: (
        "time_function",
        "clock",
        {
            0x01: ("read_clock", "read"),
            0x02: ("set_clock", "clock"),
            0x03: ("read_clock_following", "read"),
            0x04: ("set_clock_2", "clock"),
        },
    ),
    0xF: (
        "nc_programming",
        "program_download",
        {
            0x01: ("nc_request_download", "program_download"),
            0x02: ("nc_download_block", "program_download"),
            0x03: ("nc_continue_download", "program_download"),
            0x04: ("nc_download_ended", "program_download"),
            0x06: ("nc_start_upload", "program_upload"),
            0x07: ("nc_upload", "program_upload"),
            0x08: ("nc_continue_upload", "program_upload"),
        },
    ),
}
MODES = {
    0x0: "stop",
    0x1: "warm_restart",
    0x2: "run",
    0x3: "hot_restart",
    0x4: "hold",
    0x6: "cold_restart",
    0x9: "run_redundant",
    0xB: "link_up",
    0xC: "update",
}
_BLOCKS = {"08": "OB", "0A": "DB", "0B": "SDB", "0C": "FC", "0D": "SFC", "0E": "FB", "0F": "SFB"}

# Error class and code of a response; the class alone where the code is not here.
_ERRORS = {
    0x8104: "service_not_implemented",
    0x8304: "no_further_upload_possible",
    0x8401: "invalid_service_sequence",
    0x8402: "service_not_possible_in_this_state",
    0x8404: "function_not_possible",
    0x8500: "wrong_frame",
    0x8701: "invalid_address",
    0x8702: "service_not_supported",
    0x8703: "access_refused",
    0x8704: "object_damaged",
    0xD081: "not_permitted_in_this_mode",
    0xD0A1: "not_permitted_in_this_protection_level",
    0xD201: "invalid_block_name",
    0xD209: "block_not_found",
    0xD20E: "no_further_block",
    0xD210: "invalid_block_number",
    0xD240: "coordination_rules_violated",
    0xD241: "not_permitted_in_this_protection_level",
    0xD242: "protection_violation",
    0xD401: "information_function_unavailable",
    0xD602: "wrong_password",
    0xD605: "no_password_set",
}
_CLASSES = {
    0x81: "application_relationship",
    0x82: "object_definition",
    0x83: "no_resources",
    0x84: "service_processing",
    0x85: "supplies",
    0x87: "access",
}


def error_word(code: int) -> str:
    """
    >>> error_word(0xD209), error_word(0x8177), error_word(0x1234)
    ('block_not_found', 'application_relationship_error_0x8177', 'error_0x1234')
    """
    known = _ERRORS.get(code)
    if known is not None:
        return known
    family = _CLASSES.get(code >> 8)
    return f"{family}_error_0x{code:04x}" if family is not None else f"error_0x{code:04x}"


def userdata(group: int, sub: int) -> tuple[str, str]:
    """Function and operation.

    >>> userdata(4, 1), userdata(1, 0x55)
    (('read_szl', 'identify'), ('programmer_command_0x55', 'diagnostic'))
    """
    if group not in _GROUPS:
        return f"userdata_0x{group:x}_0x{sub:02x}", "diagnostic"
    name, operation, subs = _GROUPS[group]
    return subs.get(sub) or (f"{name}_0x{sub:02x}", operation)


def block(name: str) -> str:
    """A block's short name from that of its file, with or without the underscore before and the file system behind.

    >>> block("_0800001P"), block("0A00010A")
    ('OB1', 'DB10')
    """
    bare = name.removeprefix("_")
    kind, number = _BLOCKS.get(bare[:2].upper()), bare[2:7]
    return f"{kind}{int(number)}" if kind is not None and number.isascii() and number.isdigit() else name
