"""Zeek's logs of OPC UA, by ICSNPP's package (https://github.com/cisagov/icsnpp-opcua-binary)."""

from engine.model import Fields
from parsers._grammar.people import user
from parsers._grammar.zeek import Row, number, word, yes
from parsers._grammar.zeek_requests import said, slug, turn

_OPCUA = {
    "read": "read", "historyread": "read", "write": "write", "historyupdate": "write", "call": "command",
    "browse": "identify", "browsenext": "identify", "translatebrowsepathstonodeids": "identify",
    "registernodes": "session", "unregisternodes": "session", "findservers": "identify", "getendpoints": "identify",
    "opensecurechannel": "session", "closesecurechannel": "session", "createsession": "session",
    "activatesession": "session", "closesession": "session", "cancel": "session", "addnodes": "config",
    "addreferences": "config", "deletenodes": "config", "deletereferences": "config", "createmonitoreditems": "read",
    "modifymonitoreditems": "read", "deletemonitoreditems": "session", "setmonitoringmode": "session",
    "settriggering": "session", "createsubscription": "session", "modifysubscription": "session",
    "setpublishingmode": "session", "publish": "read", "republish": "read", "transfersubscriptions": "session",
    "deletesubscriptions": "session", "queryfirst": "read", "querynext": "read", "registerserver": "config",
}  # fmt: skip
_WORDS = ("request", "response")
_MESSAGES = {"HEL": "hello", "ACK": "acknowledge", "ERR": "error", "OPN": "open_secure_channel",
             "CLO": "close_secure_channel", "RHE": "reverse_hello"}  # fmt: skip


def opcua_binary(row: Row, fields: Fields) -> None:
    """``req_identifier_str`` and ``res_identifier_str``: one line holds both where both came."""
    get = row.get
    asked, answered = word(get("req_identifier_str")), word(get("res_identifier_str"))
    spoken = asked or answered or word(get("identifier_str"))
    if spoken is None:
        kind = (word(get("msg_type")) or "")[:3].upper()
        said(fields, "opcua", _MESSAGES.get(kind, "message"), "session")
        if kind in ("ACK", "ERR"):
            turn(fields, False, "opcua", get("uid"), "alone")
        else:
            fields["event.outcome"] = "unknown"
        return
    name = slug(spoken).replace("_", "")
    asks = not name.endswith("response")
    for ending in _WORDS:
        name = name.removesuffix(ending)
    code = number(get("req_identifier" if asked else "res_identifier"))
    if code is None:
        code = number(get("identifier"))
    said(fields, "opcua", name, _OPCUA.get(name, "diagnostic"), code)
    if asked is not None and answered is not None:
        fields["event.outcome"] = "failure" if "fault" in answered.lower() else "success"
    else:
        if not asks:
            fields["event.outcome"] = "success"
        turn(fields, asks, "opcua", get("uid"), get("request_id"))


def opcua_write(row: Row, fields: Fields) -> None:
    """The nodes of a write, one a line."""
    get = row.get
    said(fields, "opcua", "write", "write", 673)
    space = number(get("node_id_namespace_idx"))
    for column, kind in (
        ("node_id_numeric", "i"),
        ("node_id_string", "s"),
        ("node_id_guid", "g"),
        ("node_id_opaque", "b"),
    ):
        value = get(column)
        if value not in (None, "", "-"):
            fields["ot.tag"] = f"ns={space or 0};{kind}={value}"
            if kind == "i" and type(value) is int:
                fields["ot.address"] = value
            break
    if space is not None:
        fields["ot.address_space"] = f"ns={space}"
    if yes(get("is_orig")) is False:  # the line of the response names no node
        turn(fields, False, "opcua", get("uid"), "alone")
    else:
        fields["event.outcome"] = "unknown"


def opcua_user(row: Row, fields: Fields) -> None:
    """Who activates a session."""
    said(fields, "opcua", "activatesession", "session", 467)
    name = word(row.get("ext_obj_user_name"))
    if name is not None:
        user(fields, name)
        fields["event.outcome"] = "unknown"
    else:
        turn(fields, False, "opcua", row.get("uid"), "alone")


def opcua_detail(row: Row, fields: Fields) -> None:
    """A line that says more of a message which ``opcua_binary`` has."""
    said(fields, "opcua", fields["event.dataset"].removeprefix("zeek.opcua_binary_"), None)
    turn(fields, False, "opcua", row.get("uid"), "alone")


LOGS = {
    "opcua_binary": opcua_binary,
    "opcua_binary_write": opcua_write,
    "opcua_binary_activate_session": opcua_user,
    **dict.fromkeys(
        (f"opcua_binary_{one}" for one in (
            "browse", "browse_description", "browse_result", "browse_response_references", "close_session",
            "create_monitored_items", "create_monitored_items_create_item", "create_session",
            "create_session_discovery", "create_session_endpoints", "create_session_user_token",
            "create_subscription", "diag_info_detail", "get_endpoints", "get_endpoints_description",
            "get_endpoints_discovery", "get_endpoints_locale_id", "get_endpoints_profile_uri",
            "get_endpoints_user_token", "opensecure_channel", "read", "read_nodes_to_read", "read_results",
            "read_results_link", "status_code_detail", "variant_metadata", "variant_data", "variant_data_value",
            "variant_array_dims", "variant_extension_object", "aggregate_filter", "data_change_filter", "event_filter",
        )),
        opcua_detail,
    ),
}  # fmt: skip
