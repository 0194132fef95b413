"""Names of the Common Industrial Protocol: services, classes, states.

CIP Networks Library, volume 1, chapter 5 and appendices A and B; for the tags of Logix controllers Rockwell Automation
1756-PM020.
"""

CONNECTION_MANAGER, MULTIPLE, UNCONNECTED_SEND = 0x06, 0x0A, 0x52
PCCC_CLASS, EXECUTE_PCCC = 0x67, 0x4B
IDENTITY = 0x01

# Service: name, operation. What a class of its own gives another meaning is below.
SERVICES: dict[int, tuple[str, str]] = {
    0x01: ("get_attributes_all", "read"),
    0x02: ("set_attributes_all", "write"),
    0x03: ("get_attribute_list", "read"),
    0x04: ("set_attribute_list", "write"),
    0x05: ("reset", "restart"),
    0x06: ("start", "plc_start"),
    0x07: ("stop", "plc_stop"),
    0x08: ("create", "config"),
    0x09: ("delete", "config"),
    0x0A: ("multiple_service_packet", "diagnostic"),
    0x0D: ("apply_attributes", "activate"),
    0x0E: ("get_attribute_single", "read"),
    0x10: ("set_attribute_single", "write"),
    0x11: ("find_next_object_instance", "read"),
    0x15: ("restore", "config"),
    0x16: ("save", "config"),
    0x17: ("nop", "diagnostic"),
    0x18: ("get_member", "read"),
    0x19: ("set_member", "write"),
    0x1A: ("insert_member", "write"),
    0x1B: ("remove_member", "write"),
    0x1C: ("group_sync", "clock"),
    # Tags of Logix controllers.
    0x4C: ("read_tag", "read"),
    0x4D: ("write_tag", "write"),
    0x4E: ("read_modify_write_tag", "write"),
    0x52: ("read_tag_fragmented", "read"),
    0x53: ("write_tag_fragmented", "write"),
    0x55: ("get_instance_attribute_list", "read"),
}
TAGGED = frozenset({0x4C, 0x4D, 0x4E, 0x52, 0x53, 0x55})

OF_CLASS: dict[int, dict[int, tuple[str, str]]] = {
    0x06: {
        0x4E: ("forward_close", "session"),
        0x52: ("unconnected_send", "session"),
        0x54: ("forward_open", "session"),
        0x56: ("get_connection_data", "diagnostic"),
        0x57: ("search_connection_data", "diagnostic"),
        0x5A: ("get_connection_owner", "diagnostic"),
        0x5B: ("large_forward_open", "session"),
    },
    0x37: {
        0x4B: ("initiate_upload", "file"),
        0x4C: ("initiate_download", "file"),
        0x4D: ("initiate_partial_read", "file"),
        0x4E: ("initiate_partial_write", "file"),
        0x4F: ("upload_transfer", "file"),
        0x50: ("download_transfer", "file"),
        0x51: ("clear_file", "file"),
    },
    0x67: {0x4B: ("execute_pccc", "diagnostic"), 0x4C: ("execute_dh_plus", "diagnostic")},
    0xA1: {
        0x4B: ("nvs_update", "firmware"),
        0x4C: ("nvs_read", "firmware"),
        0x4D: ("nvs_transfer", "firmware"),
    },
}

CLASSES = {
    0x01: "identity",
    0x02: "message_router",
    0x04: "assembly",
    0x05: "connection",
    0x06: "connection_manager",
    0x07: "register",
    0x08: "discrete_input_point",
    0x09: "discrete_output_point",
    0x0A: "analog_input_point",
    0x0B: "analog_output_point",
    0x0F: "parameter",
    0x10: "parameter_group",
    0x23: "position_sensor",
    0x28: "motor_data",
    0x29: "control_supervisor",
    0x2A: "ac_dc_drive",
    0x37: "file",
    0x39: "safety_supervisor",
    0x3A: "safety_validator",
    0x42: "motion_axis",
    0x43: "time_sync",
    0x44: "modbus",
    0x45: "originator_connection_list",
    0x47: "device_level_ring",
    0x48: "qos",
    0x5D: "cip_security",
    0x5E: "ethernet_ip_security",
    0x5F: "certificate_management",
    0x64: "program",
    0x67: "pccc",
    0x68: "program",
    0x6A: "program_name",
    0x6B: "symbol",
    0x6C: "template",
    0x8B: "wall_clock_time",
    0xA1: "non_volatile_storage",
    0xAC: "controller",
    0xF3: "connection_configuration",
    0xF4: "port",
    0xF5: "tcp_ip_interface",
    0xF6: "ethernet_link",
}
# Setting these configures the device, not the process.
CONFIGURED = frozenset({0x01, 0x06, 0x43, 0x45, 0x47, 0x48, 0x5D, 0x5E, 0x5F, 0xF3, 0xF4, 0xF5, 0xF6})
CLOCKS = frozenset({0x43, 0x8B})

STATUS = {
    0x01: "connection_failure",
    0x02: "resource_unavailable",
    0x03: "invalid_parameter_value",
    0x04: "path_segment_error",
    0x05: "path_destination_unknown",
    0x07: "connection_lost",
    0x08: "service_not_supported",
    0x09: "invalid_attribute_value",
    0x0A: "attribute_list_error",
    0x0B: "already_in_requested_mode",
    0x0C: "object_state_conflict",
    0x0D: "object_already_exists",
    0x0E: "attribute_not_settable",
    0x0F: "privilege_violation",
    0x10: "device_state_conflict",
    0x11: "reply_data_too_large",
    0x12: "fragmentation_of_primitive",
    0x13: "not_enough_data",
    0x14: "attribute_not_supported",
    0x15: "too_much_data",
    0x16: "object_does_not_exist",
    0x17: "fragmentation_not_in_progress",
    0x18: "no_stored_attribute_data",
    0x19: "store_operation_failure",
    0x1A: "request_too_large",
    0x1B: "response_too_large",
    0x1C: "missing_attribute_list_entry",
    0x1D: "invalid_attribute_value_list",
    0x1E: "embedded_service_error",
    0x1F: "vendor_specific_error",
    0x20: "invalid_parameter",
    0x21: "write_once_already_written",
    0x22: "invalid_reply",
    0x25: "key_failure_in_path",
    0x26: "path_size_invalid",
    0x27: "unexpected_attribute_in_list",
    0x28: "invalid_member",
    0x29: "member_not_settable",
    0x2A: "group_2_only_server_failure",
    0xFF: "general_error",
}
# Partial transfer: the rest is asked for next.
SUCCEEDED = frozenset({0x00, 0x06})

# Encapsulation: command, what it is, operation (volume 2, chapter 2).
COMMANDS: dict[int, tuple[str, str]] = {
    0x0004: ("list_services", "identify"),
    0x0063: ("list_identity", "identify"),
    0x0064: ("list_interfaces", "identify"),
    0x0065: ("register_session", "session"),
    0x0066: ("unregister_session", "session"),
}
NOP, SEND_RR_DATA, SEND_UNIT_DATA, UNREGISTER = 0x0000, 0x006F, 0x0070, 0x0066
INDICATE, CANCEL = 0x0072, 0x0073
ENCAPSULATION_STATUS = {
    0x0001: "invalid_command",
    0x0002: "insufficient_memory",
    0x0003: "incorrect_data",
    0x0064: "invalid_session",
    0x0065: "invalid_length",
    0x0069: "unsupported_protocol_revision",
}
