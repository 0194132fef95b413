"""TriStation: commands to a Tricon, its refusals, and the checksum of a datagram.

As read from the programming software by Nozomi Networks (https://github.com/NozomiNetworks/tricotools), and as the
malware TRITON used them against a plant; both lists agree.
"""

# Command: name, operation.
COMMANDS: dict[int, tuple[str, str]] = {
    0: ("start_download_all", "program_download"),
    1: ("start_download_change", "program_download"),
    2: ("update_configuration", "config"),
    3: ("upload_configuration", "program_upload"),
    4: ("set_io_addresses", "config"),
    5: ("allocate_network", "program_download"),
    6: ("load_vector_table", "program_download"),
    7: ("set_calendar", "clock"),
    8: ("get_calendar", "read"),
    9: ("set_scan_time", "config"),
    10: ("end_download_all", "program_download"),
    11: ("end_download_change", "program_download"),
    12: ("cancel_download_change", "program_download"),
    13: ("attach_tricon", "session"),
    14: ("set_io_address_limits", "config"),
    15: ("configure_module", "config"),
    16: ("set_multiple_point_values", "write"),
    17: ("enable_all_points", "force"),
    18: ("upload_vector_table", "program_upload"),
    19: ("get_cp_status", "diagnostic"),
    20: ("run_program", "plc_start"),
    21: ("halt_program", "plc_stop"),
    22: ("pause_program", "mode_change"),
    23: ("do_single_scan", "mode_change"),
    24: ("get_chassis_status", "identify"),
    25: ("get_minimum_scan_time", "read"),
    26: ("set_node_number", "config"),
    27: ("set_io_point_values", "write"),
    28: ("get_io_point_values", "read"),
    29: ("get_mp_status", "diagnostic"),
    30: ("set_retentive_values", "write"),
    31: ("adjust_clock_calendar", "clock"),
    32: ("clear_module_alarms", "diagnostic"),
    33: ("get_event_log", "diagnostic"),
    34: ("set_soe_block", "config"),
    35: ("record_event_log", "diagnostic"),
    36: ("get_soe_data", "read"),
    37: ("enable_ovd", "config"),
    38: ("disable_ovd", "config"),
    39: ("enable_all_ovds", "config"),
    40: ("disable_all_ovds", "config"),
    41: ("process_modbus", "diagnostic"),
    42: ("upload_network", "program_upload"),
    43: ("set_label", "config"),
    44: ("configure_system_variables", "config"),
    45: ("deconfigure_module", "config"),
    46: ("get_system_variables", "read"),
    47: ("get_module_types", "identify"),
    48: ("begin_conversion_table_download", "program_download"),
    49: ("continue_conversion_table_download", "program_download"),
    50: ("end_conversion_table_download", "program_download"),
    51: ("get_conversion_table", "read"),
    52: ("set_icm_status", "config"),
    54: ("get_module_versions", "identify"),
    55: ("allocate_program", "program_download"),
    56: ("allocate_function", "program_download"),
    57: ("clear_retentives", "write"),
    58: ("set_initial_values", "write"),
    59: ("start_ts2_program_download", "program_download"),
    60: ("set_ts2_data_area", "write"),
    61: ("get_ts2_data", "read"),
    62: ("set_ts2_data", "write"),
    63: ("set_program_information", "program_download"),
    64: ("get_program_information", "read"),
    65: ("upload_program", "program_upload"),
    66: ("upload_function", "program_upload"),
    67: ("get_point_groups", "read"),
    68: ("allocate_symbol_table", "program_download"),
    69: ("get_io_address", "read"),
    70: ("resend_io_address", "diagnostic"),
    71: ("get_program_timing", "read"),
    72: ("allocate_multiple_functions", "program_download"),
    73: ("get_node_number", "identify"),
    74: ("get_symbol_table", "program_upload"),
    80: ("go_to_download_mode", "mode_change"),
}
MODES = {20: "run", 21: "halt", 22: "pause", 23: "single_scan", 80: "download"}
KEYS = ("stop", "program", "run", "remote")
STATES = ("running", "halted", "paused", "exception")

REJECTED = 100
_REASONS = {
    200: "wrong_command",
    201: "load_in_progress",
    202: "bad_calendar_data",
    203: "program_not_halted",
    204: "program_checksum_error",
    205: "no_memory_available",
    206: "program_not_valid",
    207: "not_loading_a_program",
    208: "network_out_of_range",
    209: "not_enough_arguments",
    210: "network_missing",
    211: "download_time_mismatch",
    212: "key_setting_prohibits",
    213: "bad_program_version",
    214: "command_out_of_sequence",
    216: "bad_module_index",
    217: "invalid_module_address",
    220: "bad_point_offset",
    221: "invalid_point_type",
    222: "invalid_point_location",
    223: "invalid_program_name",
    227: "invalid_module_type",
    229: "invalid_table_type",
    231: "invalid_network_continuation",
    232: "invalid_scan_time",
    233: "load_busy",
    234: "main_processor_reeducated",
    235: "invalid_chassis_or_slot",
    236: "invalid_soe_number",
    237: "invalid_soe_type",
    238: "invalid_soe_state",
    239: "write_protected",
    240: "node_number_mismatch",
    241: "command_not_allowed",
    242: "invalid_sequence_number",
    243: "time_change_on_non_master",
    244: "no_free_port",
    248: "bad_variable_address",
    251: "disable_not_allowed",
    252: "invalid_length",
    253: "point_cannot_be_disabled",
}


def reason(code: int) -> str:
    """
    >>> reason(212), reason(7)
    ('key_setting_prohibits', 'reject_code_7')
    """
    return _REASONS.get(code, f"reject_code_{code}")


def _table() -> list[int]:
    out = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
        out.append(value)
    return out


_TABLE = _table()


def crc(data: bytes) -> int:
    """CRC-16/ARC, which stands behind each datagram, low byte first.

    >>> crc(bytes([6, 0, 0, 0])).to_bytes(2, "little").hex()
    '0088'
    """
    value = 0
    for byte in data:
        value = value >> 8 ^ _TABLE[(value ^ byte) & 0xFF]
    return value
