"""Names of BACnet: services, objects, properties, reasons (ANSI/ASHRAE 135-2020: 6, 12 to 18, 21, annex J)."""

# Confirmed and unconfirmed services: name, operation.
CONFIRMED: dict[int, tuple[str, str]] = {
    0: ("acknowledge_alarm", "diagnostic"),
    3: ("get_alarm_summary", "read"),
    4: ("get_enrollment_summary", "read"),
    5: ("subscribe_cov", "session"),
    6: ("atomic_read_file", "file"),
    7: ("atomic_write_file", "file"),
    8: ("add_list_element", "write"),
    9: ("remove_list_element", "write"),
    10: ("create_object", "config"),
    11: ("delete_object", "config"),
    12: ("read_property", "read"),
    13: ("read_property_conditional", "read"),
    14: ("read_property_multiple", "read"),
    15: ("write_property", "write"),
    16: ("write_property_multiple", "write"),
    17: ("device_communication_control", "config"),
    18: ("confirmed_private_transfer", "diagnostic"),
    19: ("confirmed_text_message", "diagnostic"),
    20: ("reinitialize_device", "restart"),
    21: ("vt_open", "session"),
    22: ("vt_close", "session"),
    23: ("vt_data", "session"),
    24: ("authenticate", "session"),
    25: ("request_key", "session"),
    26: ("read_range", "read"),
    27: ("life_safety_operation", "command"),
    28: ("subscribe_cov_property", "session"),
    29: ("get_event_information", "read"),
    30: ("subscribe_cov_property_multiple", "session"),
    33: ("audit_log_query", "read"),
}
# What a device reports by itself is nobody's operation.
REPORTS = frozenset({1, 2, 31, 32})
UNCONFIRMED: dict[int, tuple[str, str]] = {
    4: ("unconfirmed_private_transfer", "diagnostic"),
    5: ("unconfirmed_text_message", "diagnostic"),
    6: ("time_synchronization", "clock"),
    7: ("who_has", "identify"),
    8: ("who_is", "identify"),
    9: ("utc_time_synchronization", "clock"),
    10: ("write_group", "write"),
}
LINK: dict[int, tuple[str, str]] = {
    1: ("write_broadcast_distribution_table", "config"),
    2: ("read_broadcast_distribution_table", "diagnostic"),
    5: ("register_foreign_device", "session"),
    6: ("read_foreign_device_table", "diagnostic"),
    8: ("delete_foreign_device_table_entry", "config"),
}
LINK_RESULTS = {0x10: 1, 0x20: 2, 0x30: 5, 0x40: 6, 0x50: 8, 0x60: 9}
NETWORK: dict[int, tuple[str, str]] = {
    0x00: ("who_is_router_to_network", "identify"),
    0x06: ("initialize_routing_table", "config"),
    0x08: ("establish_connection_to_network", "session"),
    0x09: ("disconnect_connection_to_network", "config"),
    0x12: ("what_is_network_number", "identify"),
}

OBJECTS = (
    "analog_input", "analog_output", "analog_value", "binary_input", "binary_output", "binary_value", "calendar",
    "command", "device", "event_enrollment", "file", "group", "loop", "multi_state_input", "multi_state_output",
    "notification_class", "program", "schedule", "averaging", "multi_state_value", "trend_log", "life_safety_point",
    "life_safety_zone", "accumulator", "pulse_converter", "event_log", "global_group", "trend_log_multiple",
    "load_control", "structured_view", "access_door", "timer", "access_credential", "access_point", "access_rights",
    "access_user", "access_zone", "credential_data_input", "network_security", "bitstring_value",
    "characterstring_value", "date_pattern_value", "date_value", "datetime_pattern_value", "datetime_value",
    "integer_value", "large_analog_value", "octetstring_value", "positive_integer_value", "time_pattern_value",
    "time_value", "notification_forwarder", "alert_enrollment", "channel", "lighting_output", "binary_lighting_output",
    "network_port",
)  # fmt: skip

PROPERTIES = {
    0: "acked_transitions", 2: "action", 4: "active_text", 8: "all", 11: "apdu_timeout",
    12: "application_software_version", 17: "notification_class", 19: "bias", 22: "cov_increment",
    24: "daylight_savings_status", 25: "deadband", 28: "description", 30: "device_address_binding", 31: "device_type",
    32: "effective_period", 35: "event_enable", 36: "event_state", 38: "exception_schedule", 43: "file_type",
    44: "firmware_revision", 45: "high_limit", 46: "inactive_text", 52: "limit_enable", 56: "local_date",
    57: "local_time", 58: "location", 59: "low_limit", 62: "max_apdu_length_accepted", 65: "max_pres_value",
    66: "minimum_off_time", 67: "minimum_on_time", 69: "min_pres_value", 70: "model_name", 72: "notify_type",
    73: "number_of_apdu_retries", 74: "number_of_states", 75: "object_identifier", 76: "object_list",
    77: "object_name", 78: "object_property_reference", 79: "object_type", 80: "optional", 81: "out_of_service",
    83: "event_parameters", 84: "polarity", 85: "present_value", 86: "priority", 87: "priority_array",
    88: "priority_for_writing", 90: "program_change", 92: "program_state", 95: "protocol_conformance_class",
    96: "protocol_object_types_supported", 97: "protocol_services_supported", 98: "protocol_version",
    99: "read_only", 102: "recipient_list", 103: "reliability", 104: "relinquish_default", 105: "required",
    106: "resolution", 107: "segmentation_supported", 108: "setpoint", 109: "setpoint_reference", 110: "state_text",
    111: "status_flags", 112: "system_status", 113: "time_delay", 116: "time_synchronization_recipients",
    117: "units", 118: "update_interval", 119: "utc_offset", 120: "vendor_identifier", 121: "vendor_name",
    123: "weekly_schedule", 130: "event_time_stamps", 131: "log_buffer", 139: "protocol_revision",
    152: "active_cov_subscriptions", 153: "backup_failure_timeout", 154: "configuration_files",
    155: "database_revision", 168: "profile_name", 371: "property_list", 372: "serial_number",
}  # fmt: skip
IDENTITY = {
    12: "application_software_version",
    44: "firmware_revision",
    70: "model_name",
    77: "object_name",
    120: "vendor_id",
    121: "vendor_name",
    372: "serial_number",
}

REINITIALIZED = (
    "coldstart", "warmstart", "start_backup", "end_backup", "start_restore", "end_restore", "abort_restore",
    "activate_changes",
)  # fmt: skip
COMMUNICATION = ("enable", "disable", "disable_initiation")

REJECTED = (
    "other", "buffer_overflow", "inconsistent_parameters", "invalid_parameter_data_type", "invalid_tag",
    "missing_required_parameter", "parameter_out_of_range", "too_many_arguments", "undefined_enumeration",
    "unrecognized_service",
)  # fmt: skip
ABORTED = (
    "other", "buffer_overflow", "invalid_apdu_in_this_state", "preempted_by_higher_priority_task",
    "segmentation_not_supported", "security_error", "insufficient_security", "window_size_out_of_range",
    "application_exceeded_reply_time", "out_of_resources", "tsm_timeout", "apdu_too_long",
)  # fmt: skip
ERRORS = {
    0: "other", 2: "configuration_in_progress", 3: "device_busy", 4: "dynamic_creation_not_supported",
    5: "file_access_denied", 7: "inconsistent_parameters", 8: "inconsistent_selection_criterion",
    9: "invalid_data_type", 10: "invalid_file_access_method", 11: "invalid_file_start_position",
    13: "invalid_parameter_data_type", 14: "invalid_time_stamp", 16: "missing_required_parameter",
    17: "no_objects_of_specified_type", 18: "no_space_for_object", 19: "no_space_to_add_list_element",
    20: "no_space_to_write_property", 22: "property_is_not_a_list", 23: "object_deletion_not_permitted",
    24: "object_identifier_already_exists", 25: "operational_problem", 26: "password_failure",
    27: "read_access_denied", 29: "service_request_denied", 30: "timeout", 31: "unknown_object",
    32: "unknown_property", 35: "unknown_vt_session", 36: "unsupported_object_type", 37: "value_out_of_range",
    40: "write_access_denied", 41: "character_set_not_supported", 42: "invalid_array_index",
    43: "cov_subscription_failed", 44: "not_cov_property", 45: "optional_functionality_not_supported",
    46: "invalid_configuration_data", 47: "datatype_not_supported", 48: "duplicate_name", 49: "duplicate_object_id",
    50: "property_is_not_an_array", 53: "invalid_event_state", 72: "list_element_not_found",
    80: "unknown_subscription", 82: "communication_disabled", 83: "unknown_device", 85: "access_denied",
}  # fmt: skip
