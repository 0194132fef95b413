"""Services of OPC UA: requests with what they ask for, responses with their results (OPC 10000-4 and -6)."""

from engine.model import Fields
from parsers._grammar.exchange import one_or_list
from parsers._grammar.opcua_binary import Reader

# NodeId of a request's binary encoding: name, operation. The response's is three more (OPC 10000-6, annex A).
REQUESTS: dict[str, tuple[str, str]] = {
    "i=422": ("find_servers", "identify"),
    "i=428": ("get_endpoints", "identify"),
    "i=437": ("register_server", "config"),
    "i=446": ("open_secure_channel", "session"),
    "i=452": ("close_secure_channel", "session"),
    "i=461": ("create_session", "session"),
    "i=467": ("activate_session", "session"),
    "i=473": ("close_session", "session"),
    "i=479": ("cancel", "session"),
    "i=488": ("add_nodes", "config"),
    "i=494": ("add_references", "config"),
    "i=500": ("delete_nodes", "config"),
    "i=506": ("delete_references", "config"),
    "i=527": ("browse", "read"),
    "i=533": ("browse_next", "read"),
    "i=554": ("translate_browse_paths", "read"),
    "i=560": ("register_nodes", "session"),
    "i=566": ("unregister_nodes", "session"),
    "i=615": ("query_first", "read"),
    "i=621": ("query_next", "read"),
    "i=631": ("read", "read"),
    "i=664": ("history_read", "read"),
    "i=673": ("write", "write"),
    "i=700": ("history_update", "write"),
    "i=712": ("call", "command"),
    "i=751": ("create_monitored_items", "session"),
    "i=763": ("modify_monitored_items", "session"),
    "i=769": ("set_monitoring_mode", "session"),
    "i=775": ("set_triggering", "session"),
    "i=781": ("delete_monitored_items", "session"),
    "i=787": ("create_subscription", "session"),
    "i=793": ("modify_subscription", "session"),
    "i=799": ("set_publishing_mode", "session"),
    "i=826": ("publish", "read"),
    "i=832": ("republish", "read"),
    "i=841": ("transfer_subscriptions", "session"),
    "i=847": ("delete_subscriptions", "session"),
    "i=12208": ("find_servers_on_network", "identify"),
    "i=12211": ("register_server_2", "config"),
}
FAULT = "i=397"
RESPONSES = frozenset({FAULT, "i=12209", "i=12212", *(f"i={int(kind[2:]) + 3}" for kind in REQUESTS)})
_TOKENS = {"i=321": "anonymous", "i=324": "username", "i=327": "certificate", "i=940": "issued"}
_MODES = {1: "none", 2: "sign", 3: "sign_and_encrypt"}
_VALUE = 13  # the attribute that holds a variable's value
_MOST_NODES = 1_000

# OPC 10000-6, annex A.2.
_STATUS = {
    0x8001: "bad_unexpected_error", 0x8002: "bad_internal_error", 0x8003: "bad_out_of_memory",
    0x8004: "bad_resource_unavailable", 0x8005: "bad_communication_error", 0x8006: "bad_encoding_error",
    0x8007: "bad_decoding_error", 0x8008: "bad_encoding_limits_exceeded", 0x8009: "bad_unknown_response",
    0x800A: "bad_timeout", 0x800B: "bad_service_unsupported", 0x800C: "bad_shutdown",
    0x800D: "bad_server_not_connected", 0x800E: "bad_server_halted", 0x800F: "bad_nothing_to_do",
    0x8010: "bad_too_many_operations", 0x8012: "bad_certificate_invalid", 0x8013: "bad_security_checks_failed",
    0x8014: "bad_certificate_time_invalid", 0x8016: "bad_certificate_host_name_invalid",
    0x8017: "bad_certificate_uri_invalid", 0x8018: "bad_certificate_use_not_allowed",
    0x801A: "bad_certificate_untrusted", 0x801F: "bad_user_access_denied", 0x8020: "bad_identity_token_invalid",
    0x8021: "bad_identity_token_rejected", 0x8022: "bad_secure_channel_id_invalid", 0x8023: "bad_invalid_timestamp",
    0x8024: "bad_nonce_invalid", 0x8025: "bad_session_id_invalid", 0x8026: "bad_session_closed",
    0x8027: "bad_session_not_activated", 0x8028: "bad_subscription_id_invalid", 0x8033: "bad_node_id_invalid",
    0x8034: "bad_node_id_unknown", 0x8035: "bad_attribute_id_invalid", 0x8036: "bad_index_range_invalid",
    0x8037: "bad_index_range_no_data", 0x8038: "bad_data_encoding_invalid", 0x803A: "bad_not_readable",
    0x803B: "bad_not_writable", 0x803C: "bad_out_of_range", 0x803D: "bad_not_supported", 0x803E: "bad_not_found",
    0x8040: "bad_not_implemented", 0x8041: "bad_monitoring_mode_invalid", 0x8053: "bad_request_type_invalid",
    0x8054: "bad_security_mode_rejected", 0x8055: "bad_security_policy_rejected", 0x8056: "bad_too_many_sessions",
    0x8057: "bad_user_signature_invalid", 0x8073: "bad_write_not_supported", 0x8074: "bad_type_mismatch",
    0x8075: "bad_method_invalid", 0x8076: "bad_arguments_missing", 0x8077: "bad_too_many_subscriptions",
    0x8079: "bad_no_subscription", 0x807D: "bad_tcp_server_too_busy", 0x807E: "bad_tcp_message_type_invalid",
    0x807F: "bad_tcp_secure_channel_unknown", 0x8080: "bad_tcp_message_too_large", 0x8082: "bad_tcp_internal_error",
    0x8083: "bad_tcp_endpoint_url_invalid", 0x8086: "bad_secure_channel_closed", 0x80AB: "bad_invalid_argument",
    0x8111: "bad_not_executable",
}  # fmt: skip


def status(code: int) -> str | None:
    """The word of a StatusCode that is bad; None where it is good or uncertain.

    >>> status(0x801F0000), status(0), status(0x80FF0000)
    ('bad_user_access_denied', None, 'bad_0x80ff0000')
    """
    return _STATUS.get(code >> 16, f"bad_0x{code:08x}") if code >> 30 == 2 else None


def header(reader: Reader) -> None:
    """RequestHeader (OPC 10000-4, 7.33), read over."""
    reader.node()
    reader.skip(8 + 4 + 4)
    reader.text()
    reader.skip(4)
    reader.extension()


def describe(name: str, reader: Reader, fields: Fields) -> None:
    """What stands behind the header of a request, put into ``fields``."""
    if name == "open_secure_channel":
        reader.skip(4)
        if reader.number("I") == 1:
            fields["ot.security.renewed"] = True
        fields["ot.security.mode"] = _MODES.get(reader.number("I"), "invalid")
    elif name == "create_session":
        _client(reader, fields)
    elif name == "activate_session":
        _identity(reader, fields)
    elif name == "write":
        _written(reader, fields)
    elif name == "read":
        reader.skip(8 + 4)
        _nodes(reader, fields)
    elif name == "call":
        _called(reader, fields)
    elif name in ("delete_nodes", "register_nodes", "unregister_nodes"):
        nodes = []
        for _ in range(min(reader.count(), _MOST_NODES)):
            nodes.append(reader.node())
            if name == "delete_nodes":
                reader.skip(1)
        _tagged(nodes, fields)


def _client(reader: Reader, fields: Fields) -> None:
    fields["ot.client.application_uri"] = reader.text()
    reader.text()
    name = reader.localized()
    if name:
        fields["ot.client.application_name"] = name
    reader.skip(4)
    for _ in range(2):
        reader.text()
    for _ in range(min(reader.count(), _MOST_NODES)):
        reader.text()
    reader.text()
    fields["url.full"] = reader.text()
    fields["ot.session.name"] = reader.text()


def _identity(reader: Reader, fields: Fields) -> None:
    reader.text()
    reader.raw()
    for _ in range(min(reader.count(), _MOST_NODES)):
        reader.raw()
        reader.raw()
    for _ in range(min(reader.count(), _MOST_NODES)):
        reader.text()
    kind, body = reader.extension()
    fields["ot.session.identity"] = _TOKENS.get(kind, "anonymous" if kind == "i=0" else kind)
    if kind == "i=324":
        token = Reader(body)
        token.text()
        name = token.text()
        if name:
            fields["user.name"] = name
            fields["related.user"] = [name]


def _written(reader: Reader, fields: Fields) -> None:
    nodes, attributes, values = [], [], []
    try:
        for _ in range(min(reader.count(), _MOST_NODES)):
            nodes.append(reader.node())
            attributes.append(reader.number("I"))
            reader.text()
            values.append(reader.value())
    finally:  # what is too much to read leaves what was read before
        _tagged(nodes, fields)
        if any(attribute != _VALUE for attribute in attributes):
            fields["ot.attribute"] = one_or_list(attributes)
        if any(value is not None for value in values):
            fields["ot.value"] = one_or_list(values)


def _nodes(reader: Reader, fields: Fields) -> None:
    nodes = []
    for _ in range(min(reader.count(), _MOST_NODES)):
        nodes.append(reader.node())
        reader.skip(4)
        reader.text()
        reader.qualified()
    _tagged(nodes, fields)


def _called(reader: Reader, fields: Fields) -> None:
    objects, methods, values = [], [], []
    try:
        for _ in range(min(reader.count(), _MOST_NODES)):
            objects.append(reader.node())
            methods.append(reader.node())
            values += [reader.variant() for _ in range(min(reader.count(), _MOST_NODES))]
    finally:
        _tagged(methods, fields)
        if objects:
            fields["ot.object"] = one_or_list(objects)
        if values:
            fields["ot.value"] = one_or_list(values)


def _tagged(nodes: list[str], fields: Fields) -> None:
    if nodes:
        fields["ot.tag"] = one_or_list(nodes)
    if len(nodes) != 1:
        fields["ot.count"] = len(nodes)


def outcome(kind: str, reader: Reader, fields: Fields) -> None:
    """What a response says, put into its request's ``fields``: the service's result, of writes and calls each one's."""
    reader.skip(8 + 4)
    wrong = status(reader.number("I"))
    reader.diagnostic()
    for _ in range(min(reader.count(), _MOST_NODES)):
        reader.text()
    reader.extension()
    name = fields["ot.function"]
    if wrong is None and kind != FAULT and name in ("write", "delete_nodes", "call"):
        for _ in range(min(reader.count(), _MOST_NODES)):
            wrong = wrong or status(reader.number("I"))
            if name == "call":
                break  # what a method returns is not read over
    if wrong is not None:
        fields["event.outcome"], fields["ot.exception"] = "failure", wrong
    else:
        fields["event.outcome"] = "success"
