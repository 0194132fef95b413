"""Control protocols in Suricata's EVE as the same events that our own decoders give.

https://docs.suricata.io/en/latest/output/eve/eve-json-format.html and the JSON Schema beside it.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from engine.model import Fields, Frame
from parsers._grammar.dnp3_objects import FUNCTIONS as DNP3
from parsers._grammar.dnp3_objects import SPACES
from parsers._grammar.exchange import one_or_list
from parsers._grammar.modbus_pdu import DIAGNOSTICS, EXCEPTIONS, FUNCTIONS
from parsers._grammar.zeek import number, word
from parsers._grammar.zeek_bus import cip_service
from parsers._grammar.zeek_requests import Finished, Requests, said, slug, turn

Row = Mapping[str, Any]

_RELAY = ("nul", "pulse_on", "pulse_off", "latch_on", "latch_off")
_TRIP_CLOSE = ("", "close", "trip", "reserved")
_CONTROLS = frozenset((3, 4, 5, 6))
_IIN2 = {
    "no_func_code_support": "function_not_supported",
    "object_unknown": "object_unknown",
    "parameter_error": "parameter_error",
}
_COMMANDS = {
    "listservices": ("list_services", "identify", 0x04),
    "listidentity": ("list_identity", "identify", 0x63),
    "listinterfaces": ("list_interfaces", "identify", 0x64),
    "registersession": ("register_session", "session", 0x65),
    "unregistersession": ("unregister_session", "session", 0x66),
}
_MOST = 256
SERVICES = "tieline.services"
_OWN = frozenset(("event.outcome", "event.action", "message"))
_ESCAPED = re.compile(r"\\x([0-9a-fA-F]{2})")


def modbus(row: Row, fields: Fields) -> None:
    """One record a transaction: the request, the response, or both."""
    get = row.get
    asks = "modbus.request.function_raw" in row
    side = "modbus.request." if asks else "modbus.response."
    raw = number(get(side + "function_raw"))
    if raw is None:
        return
    code = raw & 0x7F
    name, operation, space = FUNCTIONS.get(code) or (f"function_{code}", "diagnostic", None)
    said(fields, "modbus", name, operation, code)
    if space is not None:
        fields["ot.address_space"] = space
    unit = number(get(side + "unit_id"))
    if unit is not None:
        fields["ot.unit_id"] = unit
    _arguments(row, side, code, fields)
    answered = number(get("modbus.response.function_raw"))
    exception = number(get("modbus.response.exception.raw"))
    if exception is not None or (answered is not None and answered & 0x80):
        fields["event.outcome"] = "unknown" if exception == 5 else "failure"
        fields["ot.exception"] = EXCEPTIONS.get(exception or 0) or f"exception_{exception or 0}"
    else:
        fields["event.outcome"] = "unknown" if answered is None else "success"
    if not asks:
        turn(fields, False, "modbus", get("flow_id"), "alone")


def _arguments(row: Row, side: str, code: int, fields: Fields) -> None:
    get = row.get
    write = f"{side}write."
    address, value = number(get(write + "address")), number(get(write + "data"))
    if address is not None:
        fields["ot.address"] = address
        count = number(get(write + "quantity"))
        fields["ot.count"] = 1 if count is None else count
        if value is not None:
            fields["ot.value"] = int(value == 0xFF00) if code == 5 and value in (0, 0xFF00) else value
        elif count is not None:
            values = _values(get(write + "data"), count, code)
            if values:
                fields["ot.value"] = one_or_list(values)
        for mask in ("and_mask", "or_mask"):
            said_mask = number(get(write + mask))
            if said_mask is not None:
                fields[f"ot.{mask}"] = said_mask
        if fields.get("ot.and_mask") == 0 and "ot.or_mask" in fields:
            fields["ot.value"] = fields["ot.or_mask"]
    start, many = number(get(f"{side}read.address")), number(get(f"{side}read.quantity"))
    prefix = "ot.read_" if address is not None else "ot."
    if start is not None:
        fields[prefix + "address"] = start
    if many is not None:
        fields[prefix + "count"] = many
    sub = number(get(f"{side}diagnostic.raw"))
    if sub is not None:
        known = DIAGNOSTICS.get(sub) or (f"diagnostics_{sub}", "diagnostic")
        said(fields, "modbus", *known, 8)
        fields["ot.sub_function_code"] = sub
    kind = number(get(f"{side}mei.raw"))
    if kind == 14:
        said(fields, "modbus", "read_device_identification", "identify", 43)
        fields["ot.sub_function_code"] = 14


def _values(text: Any, count: int, code: int) -> list[int]:
    """Bytes that JSON carries as text: believed where their number is what the quantity asks for."""
    if type(text) is not str:
        return []
    data = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text).encode("latin-1", "ignore")
    if code == 15 and len(data) == (count + 7) // 8:
        whole = int.from_bytes(data, "little")
        return [whole >> bit & 1 for bit in range(count)]
    if code in (16, 23) and len(data) == 2 * count:
        return [data[at] << 8 | data[at + 1] for at in range(0, len(data), 2)]
    return []


def dnp3(row: Row, fields: Fields) -> None:
    """Suricata 5 to 7 write ``dnp3.type``, 8 the request below ``dnp3.request``."""
    get = row.get
    kind = word(get("dnp3.type"))
    nested = "dnp3.request." if "dnp3.request.application.function_code" in row else ""
    nested = nested or ("dnp3.response." if "dnp3.response.application.function_code" in row else "dnp3.")
    asks = nested == "dnp3.request." or (nested == "dnp3." and kind in (None, "request"))
    code = number(get(nested + "application.function_code"))
    if code is None:
        return
    name, operation = DNP3.get(code) or (f"function_{code}", "diagnostic")
    said(fields, "dnp3", name, operation, code)
    for column, field in (("dst" if asks else "src", "ot.unit_id"), ("src" if asks else "dst", "ot.master_id")):
        value = number(get(nested + column))
        if value is not None:
            fields[field] = value
    _objects(get(nested + "application.objects"), code, fields)
    indications = get(f"{'dnp3.response.' if nested == 'dnp3.request.' else nested}iin.indicators")
    both = nested == "dnp3.request." and "dnp3.response.application.function_code" in row
    if both or not asks:
        wrong = (
            [_IIN2[one] for one in indications if type(one) is str and one in _IIN2]
            if type(indications) is list
            else []
        )
        fields["event.outcome"] = "failure" if wrong else "success"
        if wrong:
            fields["ot.exception"] = wrong[0]
    if not both:
        turn(fields, asks, "dnp3", get("flow_id"), get(nested + "application.control.sequence"))


def _objects(objects: Any, code: int, fields: Fields) -> None:
    if type(objects) is not list or not objects:
        return
    spaces, names, indexes, values, total = [], [], [], [], 0
    for one in objects[:_MOST]:
        if type(one) is not dict:
            continue
        group, variation = number(one.get("group")), number(one.get("variation"))
        if group is None:
            continue
        spaces.append(f"class_{(variation or 1) - 1}" if group == 60 else SPACES.get(group, f"group_{group}"))
        names.append(f"g{group}v{variation}")
        total += number(one.get("count")) or 0
        points = one.get("points")
        for point in points[:_MOST] if type(points) is list else ():
            if type(point) is dict:
                index = number(point.get("index"))
                if index is not None:
                    indexes.append(index)
                value = _point(point)
                if value is not None:
                    values.append(value)
    if not spaces:
        return
    fields["ot.address_space"] = one_or_list(list(dict.fromkeys(spaces)))
    fields["ot.object"] = one_or_list(names)
    if indexes:
        fields["ot.address"] = one_or_list(indexes)
    if total:
        fields["ot.count"] = total
    if values and (code in _CONTROLS or code == 2):
        fields["ot.value"] = one_or_list(values)


def _point(point: Mapping[str, Any]) -> Any:
    """A relay block's word, else the number."""
    kind = number(point.get("op_type"))
    if kind is not None:
        trip = number(point.get("tcc")) or 0
        return (_TRIP_CLOSE[trip] if trip < 4 else "") or (_RELAY[kind] if kind < len(_RELAY) else f"operation_{kind}")
    value = point.get("value", point.get("state"))
    return value if type(value) in (int, float) else None


def enip(row: Row, fields: Fields) -> None:
    """A container's services are events of their own, once joined: ``SERVICES`` holds them, the event the gravest."""
    get = row.get
    asks = any(name.startswith("enip.request.") for name in row)
    side = "enip.request." if asks else "enip.response."
    service, command = word(get(side + "cip.service")), word(get(side + "command"))
    inner = get(side + "cip.multiple")
    status = word(get("enip.response.cip.status")) or word(get("enip.response.status"))
    _status(status, fields)
    if type(inner) is list and inner and type(inner[0]) is dict:
        _inside(inner, get("enip.response.cip.multiple"), fields)
    elif service is not None:
        cip_service(fields, None, service, *_path(get(side + "cip.path")))
    else:
        known = _COMMANDS.get(slug(command or "").replace("_", ""))
        if known is None:
            said(fields, "enip", slug(command or "enip"), "session")
        else:
            said(fields, "enip", *known)
    if not asks:
        fields.pop(SERVICES, None)
        turn(fields, False, "enip", get("flow_id"), "alone")


def _status(status: str | None, fields: Fields) -> None:
    fields["event.outcome"] = "unknown"
    if status is not None:
        good = slug(status) == "success"
        fields["event.outcome"] = "success" if good else "failure"
        if not good:
            fields["ot.exception"] = slug(status)


def _inside(services: list[Any], answers: Any, fields: Fields) -> None:
    """The container's own status says "embedded service error" where one of them failed: theirs go before."""
    found: list[Fields] = []
    for at, one in enumerate(services[:_MOST]):
        if type(one) is not dict:
            continue
        inside: Fields = {}
        cip_service(inside, None, word(one.get("service")), *_path(one.get("path")))
        answer = answers[at] if type(answers) is list and at < len(answers) else None
        if type(answer) is dict:
            _status(word(answer.get("status")), inside)
        found.append(inside)
    if not found:
        return
    order = ("plc_stop", "plc_start", "restart", "write", "config", "clock")
    ranks = [order.index(one["ot.operation"]) if one["ot.operation"] in order else len(order) for one in found]
    own: Fields = {name: fields.pop(name) for name in ("event.outcome", "ot.exception") if name in fields}
    gravest = found[ranks.index(min(ranks))]
    fields.update({**own, **gravest} if "event.outcome" not in gravest else gravest)
    if len(found) > 1:
        fields[SERVICES] = [one if "event.outcome" in one else {**own, **one} for one in found]


class Transactions(Requests):
    """Requests and responses; and a container of CIP as one event a service in it."""

    def join(self, frame: Frame, fields: Fields) -> Iterable[Finished]:
        services = fields.pop(SERVICES, None)
        if type(services) is not list:
            return super().join(frame, fields)
        own = {name: value for name, value in fields.items() if name[:3] != "ot." and name not in _OWN}
        return [(frame, {**own, **one, "message": message({**own, **one})}) for one in services]


def message(fields: Fields) -> str:
    where = f"from {fields.get('source.ip', '?')} to {fields.get('destination.ip', '?')}"
    return f"{fields['ot.protocol']} {fields['ot.function']} {where}"


def _path(path: Any) -> tuple[int | None, int | None, int | None]:
    found: dict[str, int | None] = {}
    for one in path if type(path) is list else ():
        if type(one) is dict:
            kind = str(one.get("segment_type", ""))
            found.setdefault(kind, number(one.get("value")))
    return found.get("class"), found.get("instance"), found.get("attribute")


LOGS = {"modbus": modbus, "dnp3": dnp3, "enip": enip}
