"""Zeek's logs of EtherNet/IP, BACnet, IEC 104, PROFINET: by ICSNPP's packages and ``zeek-iec104``."""

from typing import Any

from engine.model import Fields
from parsers._grammar import cip_tables
from parsers._grammar.zeek import Row, number, word, yes
from parsers._grammar.zeek_requests import hexadecimal, said, slug, turn

_ENIP = {
    0x00: ("nop", "diagnostic"),
    0x04: ("list_services", "identify"),
    0x63: ("list_identity", "identify"),
    0x64: ("list_interfaces", "identify"),
    0x65: ("register_session", "session"),
    0x66: ("unregister_session", "session"),
    0x6F: ("send_rr_data", "session"),
    0x70: ("send_unit_data", "session"),
    0x72: ("indicate_status", "diagnostic"),
    0x73: ("cancel", "session"),
}
# ICSNPP and Suricata name the services of CIP alike; which class a service is of decides from 0x32 on.
_SLUGS = {slug(name): code for code, name in (
    (0x01, "Get Attributes All"), (0x02, "Set Attributes All"), (0x03, "Get Attribute List"),
    (0x04, "Set Attribute List"), (0x05, "Reset"), (0x06, "Start"), (0x07, "Stop"), (0x08, "Create"),
    (0x09, "Delete"), (0x0A, "Multiple Service Packet"), (0x0D, "Apply Attributes"), (0x0E, "Get Attributes Single"),
    (0x10, "Set Attributes Single"), (0x11, "Find Next Object Instance"), (0x15, "Restore"), (0x16, "Save"),
    (0x18, "Get Member"), (0x19, "Set Member"), (0x1A, "Insert Member"), (0x1B, "Remove Member"),
    (0x1C, "Group Sync"), (0x4B, "Execute PCCC Service"), (0x4C, "Read Data"), (0x4D, "Write Data"),
    (0x4E, "Read Write Modify Data"), (0x52, "Read Data Fragmented"), (0x53, "Write Data Fragmented"),
    (0x54, "Forward Open"),
)}  # fmt: skip


def enip(row: Row, fields: Fields) -> None:
    """Only the commands of the session itself: what they carry is in ``cip.log``."""
    code = hexadecimal(row.get("enip_command_code"))
    name, operation = _ENIP.get(code if code is not None else -1) or (
        slug(word(row.get("enip_command")) or "enip"),
        "diagnostic",
    )
    said(fields, "enip", name, operation, code)
    status = word(row.get("enip_status"))
    asks = yes(row.get("is_orig")) is not False
    if not asks:
        _status(status, fields)
    turn(fields, asks and code not in (0x6F, 0x70), "enip", row.get("uid"), row.get("sender_context"), code)


def _status(status: str | None, fields: Fields) -> None:
    good = status is None or slug(status) == "success"
    fields["event.outcome"] = "success" if good else "failure"
    if not good and status is not None:
        fields["ot.exception"] = slug(status)


def cip(row: Row, fields: Fields) -> None:
    get = row.get
    asks = (word(get("direction")) or "request").lower() == "request"
    code = hexadecimal(get("cip_service_code"))
    cip_service(
        fields,
        None if code is None else code & 0x7F,
        word(get("cip_service")),
        hexadecimal(get("class_id")),
        hexadecimal(get("instance_id")),
        hexadecimal(get("attribute_id")),
    )
    if not asks:
        _status(word(get("cip_status")), fields)
    container = code is not None and code & 0x7F == cip_tables.MULTIPLE  # what is inside has lines of its own
    turn(fields, asks and not container, "cip", get("uid"), get("cip_sequence_count"), code)


def cip_service(
    fields: Fields, code: int | None, name: str | None, kind: int | None, instance: int | None, attribute: int | None
) -> None:
    """A service of CIP on an object, as the decoder of packets tells it."""
    if code is None and name is not None:
        code = _SLUGS.get(slug(name))
    if code is None:
        said(fields, "enip", slug(name or "cip"), "diagnostic")
    else:
        known = cip_tables.OF_CLASS.get(kind or 0, {}).get(code)
        if known is None and (code not in cip_tables.TAGGED or kind in (None, 0x6B, 0x6C, 0xB2)):
            known = cip_tables.SERVICES.get(code)
        function, operation = known or (f"service_0x{code:02x}", "diagnostic")
        if operation == "read" and kind == cip_tables.IDENTITY:
            operation = "identify"
        elif operation == "write" and kind in cip_tables.CLOCKS:
            operation = "clock"
        elif operation == "write" and kind in cip_tables.CONFIGURED:
            operation = "config"
        said(fields, "enip", function, operation, code)
    if kind is not None:
        fields["ot.class_id"] = kind
        fields["ot.address_space"] = cip_tables.CLASSES.get(kind, f"class_0x{kind:02x}")
    if instance is not None:
        fields["ot.address"] = instance
    if attribute is not None:
        fields["ot.attribute"] = attribute


def cip_identity(row: Row, fields: Fields) -> None:
    """What a device says of itself: the response to a ``list_identity``, which ``enip.log`` has."""
    said(fields, "enip", "list_identity", None, 0x63)
    for column, field in (
        ("vendor_name", "ot.identity.vendor_name"),
        ("product_name", "ot.identity.product_name"),
        ("serial_number", "ot.identity.serial_number"),
        ("revision", "ot.identity.revision"),
    ):
        value = word(row.get(column))
        if value is not None:
            fields[field] = value


def cip_io(row: Row, fields: Fields) -> None:
    """Cyclic data of a connection that was opened before: no request."""
    said(fields, "enip", "cip_io", None)


# --- BACnet ---------------------------------------------------------------------------------------------------------

_BACNET = {
    "i_am": "identify", "i_have": "identify", "who_is": "identify", "who_has": "identify", "who_am_i": "identify",
    "you_are": "config", "time_synchronization": "clock", "utc_time_synchronization": "clock",
    "write_group": "write", "atomic_read_file": "file", "atomic_write_file": "file", "add_list_element": "write",
    "remove_list_element": "write", "create_object": "config", "delete_object": "config", "read_property": "read",
    "read_property_conditional": "read", "read_property_multiple": "read", "write_property": "write",
    "write_property_multiple": "write", "device_communication_control": "config", "reinitialize_device": "restart",
    "vt_open": "session", "vt_close": "session", "authenticate": "session", "request_key": "session",
    "read_range": "read", "life_safety_operation": "command", "acknowledge_alarm": "config",
    "subscribe_cov": "read", "subscribe_cov_property": "read", "subscribe_cov_property_multiple": "read",
    "get_alarm_summary": "read", "get_enrollment_summary": "read", "get_event_information": "read",
}  # fmt: skip


def _bacnet(name: str, fields: Fields) -> None:
    said(fields, "bacnet", name, _BACNET.get(name, "diagnostic"))


def bacnet(row: Row, fields: Fields) -> None:
    get = row.get
    name, kind = slug(word(get("pdu_service")) or word(get("bvlc_function")) or "bacnet"), word(get("pdu_type"))
    _bacnet(name, fields)
    fields["network.transport"] = "udp"
    result = word(get("result_code"))
    asks = kind is None or kind.upper().endswith("_REQUEST") or "REQUEST" in kind.upper()
    if not asks and kind is not None:
        good = "ACK" in kind.upper()
        fields["event.outcome"] = "success" if good else "failure"
        if not good and result is not None:
            fields["ot.exception"] = slug(result)
    if asks and (kind is None or kind.upper().startswith("UNCONFIRMED")):
        fields["event.outcome"] = "unknown"
        return
    turn(fields, asks, "bacnet", get("uid"), get("invoke_id"))


def _object(row: Row, fields: Fields) -> None:
    kind, instance = word(row.get("object_type")), number(row.get("instance_number"))
    if kind is not None:
        fields["ot.address_space"] = slug(kind)
    if instance is not None:
        fields["ot.address"] = instance
        if kind is not None:
            fields["ot.tag"] = f"{kind}:{instance}"


def bacnet_property(row: Row, fields: Fields) -> None:
    get = row.get
    service = slug(word(get("pdu_service")) or "read_property_request")
    asks = not service.endswith(("_ack", "_response", "_error"))
    for ending in ("_request", "_ack", "_response", "_error"):
        service = service.removesuffix(ending)
    _bacnet(service, fields)
    fields["network.transport"] = "udp"
    _object(row, fields)
    name, value = word(get("property")), get("value")
    if name is not None:
        fields["ot.property"] = name
    if value not in (None, "", "-"):
        fields["ot.value"] = _value(value)
    if not asks:
        fields["event.outcome"] = "success"
    turn(fields, asks, "bacnet", get("uid"), get("invoke_id"))


def _value(value: Any) -> Any:
    """Numbers that the sensor wrote as text are numbers."""
    if type(value) is not str:
        return value
    try:
        number_ = float(value) if len(value) < 32 else None
    except ValueError:
        return value
    if number_ is None or not abs(number_) < 1e15:
        return value
    return int(number_) if number_.is_integer() else number_


def bacnet_discovery(row: Row, fields: Fields) -> None:
    name = slug(word(row.get("pdu_service")) or "who_is")
    _bacnet(name, fields)
    fields["network.transport"], fields["event.outcome"] = "udp", "unknown"
    _object(row, fields)
    vendor = word(row.get("vendor"))
    if vendor is not None:
        fields["ot.identity.vendor_name"] = vendor


def bacnet_device_control(row: Row, fields: Fields) -> None:
    get = row.get
    name = slug(word(get("pdu_service")) or "reinitialize_device")
    for ending in ("_request", "_ack", "_response"):
        name = name.removesuffix(ending)
    _bacnet(name, fields)
    fields["network.transport"] = "udp"
    state, result, code = word(get("device_state")), word(get("result")), word(get("result_code"))
    if state is not None:
        fields["ot.mode"] = slug(state)
    if result is not None:
        fields["event.outcome"] = "success" if result.lower() == "success" else "failure"
        if result.lower() != "success" and code is not None:
            fields["ot.exception"] = slug(code)
    else:
        fields["event.outcome"] = "unknown"


# --- IEC 104, PROFINET, others --------------------------------------------------------------------------------------

_IEC104 = {
    "C_SC": "command", "C_DC": "command", "C_RC": "command", "C_SE": "command", "C_BO": "command",
    "C_IC": "read", "C_CI": "read", "C_RD": "read", "C_CS": "clock", "C_TS": "diagnostic", "C_RP": "restart",
    "C_CD": "diagnostic", "P_ME": "write", "P_AC": "activate", "F_": "file",
}  # fmt: skip


def iec104(row: Row, fields: Fields) -> None:
    """Information in monitoring direction (``M_``) is reported by the station, and no request."""
    get = row.get
    kind = word(get("asdu.info_obj_type")) or word(get("info_obj_type")) or word(get("type_id"))
    kind = kind or word(get("asdu.type_id"))
    if kind is None:
        said(fields, "iec104", slug(word(get("apci_type")) or word(get("apdu_type")) or "apdu"), "session")
        fields["event.outcome"] = "unknown"
        return
    name = kind.rpartition("::")[2].upper()
    operation = next((one for start, one in _IEC104.items() if name.startswith(start)), "diagnostic")
    said(fields, "iec104", slug(name), operation)
    for columns, field in (
        (("asdu.common_address", "common_address", "asdu.comm_addr"), "ot.unit_id"),
        (("ioa", "obj_addr", "io.obj_addr", "asdu.ioa"), "ot.address"),
    ):
        value = next((one for one in (number(get(column)) for column in columns) if one is not None), None)
        if value is not None:
            fields[field] = value
    cause = word(get("asdu.cause_tx")) or word(get("cause_tx")) or word(get("cot"))
    if cause is not None:
        fields["ot.cause"] = slug(cause.rpartition("::")[2])
    if name.startswith("M_") or (cause is not None and slug(cause).endswith(("con", "term"))):
        turn(fields, False, "iec104", get("uid"), "alone")
    else:
        fields["event.outcome"] = "unknown"


def profinet(row: Row, fields: Fields) -> None:
    name = slug(word(row.get("operation_type")) or word(row.get("operation")) or "profinet")
    operation = "read" if "read" in name else "write" if "write" in name else "session"
    said(fields, "profinet", name, operation)
    if "response" in name or "res" in name.split("_"):
        turn(fields, False, "profinet", row.get("uid"), "alone")
    else:
        fields["event.outcome"] = "unknown"


def cotp(row: Row, fields: Fields) -> None:
    """Transport of S7 and MMS: only that a connection was asked for is an event of its own."""
    code = hexadecimal(row.get("pdu_code"))
    asks = code == 0x0E
    said(fields, "cotp", "connect_request" if asks else slug(word(row.get("pdu_name")) or "cotp"), "session")
    turn(fields, asks, "cotp", row.get("uid"), "connect" if code in (0x0D, 0x0E) else "data")


LOGS = {
    "enip": enip,
    "cip": cip,
    "cip_identity": cip_identity,
    "cip_io": cip_io,
    "bacnet": bacnet,
    "bacnet_property": bacnet_property,
    "bacnet_discovery": bacnet_discovery,
    "bacnet_device_control": bacnet_device_control,
    "iec104": iec104,
    "profinet": profinet,
    "cotp": cotp,
}  # fmt: skip
