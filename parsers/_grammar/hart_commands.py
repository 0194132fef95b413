"""HART commands and response codes (FieldComm Group HCF_SPEC-127, -151 and -307)."""

# Command: name, operation.
COMMANDS: dict[int, tuple[str, str]] = {
    0: ("read_unique_identifier", "identify"),
    1: ("read_primary_variable", "read"),
    2: ("read_loop_current_and_percent_of_range", "read"),
    3: ("read_dynamic_variables", "read"),
    6: ("write_polling_address", "config"),
    7: ("read_loop_configuration", "read"),
    8: ("read_dynamic_variable_classifications", "read"),
    9: ("read_device_variables_with_status", "read"),
    11: ("read_unique_identifier_by_tag", "identify"),
    12: ("read_message", "read"),
    13: ("read_tag_descriptor_date", "identify"),
    14: ("read_transducer_information", "read"),
    15: ("read_device_information", "read"),
    16: ("read_final_assembly_number", "read"),
    17: ("write_message", "config"),
    18: ("write_tag_descriptor_date", "config"),
    19: ("write_final_assembly_number", "config"),
    20: ("read_long_tag", "identify"),
    21: ("read_unique_identifier_by_long_tag", "identify"),
    22: ("write_long_tag", "config"),
    33: ("read_device_variables", "read"),
    34: ("write_damping_value", "write"),
    35: ("write_range_values", "write"),
    36: ("set_upper_range_value", "write"),
    37: ("set_lower_range_value", "write"),
    38: ("reset_configuration_changed_flag", "config"),
    39: ("eeprom_control", "config"),
    40: ("enter_exit_fixed_current_mode", "force"),
    41: ("self_test", "diagnostic"),
    42: ("device_reset", "restart"),
    43: ("set_primary_variable_zero", "write"),
    44: ("write_units", "write"),
    45: ("trim_loop_current_zero", "write"),
    46: ("trim_loop_current_gain", "write"),
    47: ("write_transfer_function", "write"),
    48: ("read_additional_device_status", "diagnostic"),
    49: ("write_transducer_serial_number", "config"),
    50: ("read_dynamic_variable_assignments", "read"),
    51: ("write_dynamic_variable_assignments", "write"),
    52: ("set_device_variable_zero", "write"),
    53: ("write_device_variable_units", "write"),
    54: ("read_device_variable_information", "read"),
    55: ("write_device_variable_damping", "write"),
    56: ("write_device_variable_transducer_serial_number", "config"),
    57: ("read_unit_tag_descriptor_date", "identify"),
    58: ("write_unit_tag_descriptor_date", "config"),
    59: ("write_number_of_response_preambles", "config"),
    60: ("read_analog_channel_and_percent_of_range", "read"),
    61: ("read_dynamic_variables_and_analog_channel", "read"),
    62: ("read_analog_channels", "read"),
    63: ("read_analog_channel_information", "read"),
    64: ("write_analog_channel_damping_value", "write"),
    65: ("write_analog_channel_range_values", "write"),
    66: ("enter_exit_fixed_analog_channel_mode", "force"),
    67: ("trim_analog_channel_zero", "write"),
    68: ("trim_analog_channel_gain", "write"),
    69: ("write_analog_channel_transfer_function", "write"),
    70: ("read_analog_channel_endpoint_values", "read"),
    71: ("lock_device", "protect"),
    72: ("squawk", "diagnostic"),
    73: ("find_device", "identify"),
    74: ("read_io_system_capabilities", "identify"),
    75: ("poll_sub_device", "identify"),
    76: ("read_lock_device_state", "read"),
    77: ("send_command_to_sub_device", "diagnostic"),
    78: ("read_aggregated_commands", "read"),
    79: ("write_device_variable", "force"),
    80: ("read_device_variable_trim_points", "read"),
    81: ("read_device_variable_trim_guidelines", "read"),
    82: ("write_device_variable_trim_point", "write"),
    83: ("reset_device_variable_trim", "write"),
    84: ("read_sub_device_identity_summary", "identify"),
    85: ("read_io_channel_statistics", "diagnostic"),
    86: ("read_sub_device_statistics", "diagnostic"),
    87: ("write_io_system_master_mode", "config"),
    88: ("write_io_system_retry_count", "config"),
    89: ("set_real_time_clock", "clock"),
    90: ("read_real_time_clock", "read"),
    95: ("read_device_communications_statistics", "diagnostic"),
    103: ("write_burst_period", "config"),
    104: ("write_burst_trigger", "config"),
    105: ("read_burst_mode_configuration", "read"),
    107: ("write_burst_device_variables", "config"),
    108: ("write_burst_mode_command_number", "config"),
    109: ("burst_mode_control", "config"),
}

# What a response code says. Those that are not here and below 24, or from 65 to 95, are errors whose meaning depends on
# the command; the others are warnings.
_CODES = {
    2: "invalid_selection",
    3: "parameter_too_large",
    4: "parameter_too_small",
    5: "too_few_data_bytes",
    6: "device_specific_error",
    7: "write_protected",
    16: "access_restricted",
    17: "invalid_device_variable_index",
    18: "invalid_units_code",
    19: "device_variable_index_not_allowed",
    20: "invalid_extended_command_number",
    21: "invalid_io_card_number",
    22: "invalid_channel_number",
    23: "sub_device_response_too_long",
    32: "busy",
    35: "delayed_response_dead",
    36: "delayed_response_conflict",
    60: "payload_too_long",
    61: "no_buffers_available",
    62: "no_alarm_buffers_available",
    63: "priority_too_low",
    64: "command_not_implemented",
}
_WARNINGS = frozenset({0, 8, 14})
# The command goes on, and a later response will tell.
DELAYED = frozenset({33, 34})

# Of a message of HART-IP itself (HCF_SPEC-085, 10.3.2): its errors.
STATUS = {
    2: "invalid_selection",
    5: "too_few_data_bytes",
    6: "device_specific_error",
    9: "security_not_initialized",
    15: "all_sessions_in_use",
    16: "access_restricted",
}


def refusal(code: int) -> str | None:
    """
    >>> refusal(0), refusal(8), refusal(7), refusal(65), refusal(0x88)
    (None, None, 'write_protected', 'response_code_65', 'communication_error')
    """
    if code & 0x80:
        return "communication_error"
    if code in _CODES:
        return _CODES[code]
    if code in _WARNINGS or not (code < 24 or 65 <= code <= 95):
        return None
    return f"response_code_{code}"
