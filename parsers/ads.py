"""Beckhoff ADS over AMS/TCP, and the discovery and routes of TwinCAT over UDP.

Beckhoff Information System, "TwinCAT ADS", "ADS/AMS specification" (TE1000); the datagrams on port 48899 are not
published: as in the project pyads, written against real controllers. One request, a stop of runtime 851::

    00 00 28 00 00 00  target NetId, port  source NetId, port  05 00  04 00  08 00 00 00 … 06 00 00 00 00 00 00 00
"""

from collections.abc import Iterable
from struct import Struct, error
from typing import Any

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import ot
from parsers._grammar.dialogue import Dialogue, turned
from parsers._grammar.exchange import Finished, one_or_list

_AMS = Struct("<6sH6sHHHIII")
_THREE = Struct("<III").unpack_from
_RESPONSE, _COMMAND = 0x0001, 0x0004
_MAX_LENGTH = 1 << 22
_MOST_TEXT = 256
_MOST_INNER = 500  # as many as Beckhoff allows in one sum command
_MOST_HANDLES = 4_096

_COMMANDS: dict[int, tuple[str, str]] = {
    1: ("read_device_info", "identify"),
    2: ("read", "read"),
    3: ("write", "write"),
    4: ("read_state", "diagnostic"),
    5: ("write_control", "mode_change"),
    6: ("add_device_notification", "session"),
    7: ("delete_device_notification", "session"),
    8: ("device_notification", "diagnostic"),
    9: ("read_write", "write"),
}
_NOTIFICATION = 8
_STATES = (
    "invalid", "idle", "reset", "init", "start", "run", "stop", "saveconfig", "loadconfig", "powerfailure", "powergood",
    "error", "shutdown", "suspend", "resume", "config", "reconfig",
)  # fmt: skip
_CONTROLS = {2: "restart", 4: "plc_start", 5: "plc_start", 6: "plc_stop", 12: "plc_stop"}
_SYSTEM_SERVICE = 10_000

# Index groups ("ADS device documentation, PLC"): name of the space; what reading and writing them is otherwise.
_GROUPS = {
    0x4020: "memory",
    0x4021: "memory_bit",
    0x4025: "memory_size",
    0x4030: "retain",
    0x4035: "retain_size",
    0x4040: "data",
    0x4045: "data_size",
    0xF000: "symbol_table",
    0xF001: "symbol_name",
    0xF002: "symbol_value",
    0xF003: "symbol_handle_by_name",
    0xF004: "symbol_value_by_name",
    0xF005: "symbol_value_by_handle",
    0xF006: "symbol_release_handle",
    0xF007: "symbol_info_by_name",
    0xF008: "symbol_version",
    0xF009: "symbol_info_by_name_ex",
    0xF00A: "symbol_download",
    0xF00B: "symbol_upload",
    0xF00C: "symbol_upload_info",
    0xF00F: "symbol_upload_info",
    0xF020: "inputs",
    0xF021: "inputs_bit",
    0xF030: "outputs",
    0xF031: "outputs_bit",
    0xF040: "clear_inputs",
    0xF050: "clear_outputs",
    0xF080: "sum_read",
    0xF081: "sum_write",
    0xF082: "sum_read_write",
    0xF083: "sum_read_ex",
    0xF084: "sum_read_ex_2",
    0xF085: "sum_add_notification",
    0xF086: "sum_delete_notification",
}
_READS = frozenset({0xF003, 0xF006, 0xF007, 0xF009, 0xF00B, 0xF00C, 0xF00F, 0xF080, 0xF083, 0xF084, 0xF085, 0xF086})
_SUM_WRITE, _SUM_READ_WRITE = 0xF081, 0xF082
_HANDLE_BY_NAME, _VALUE_BY_HANDLE, _RELEASE = 0xF003, 0xF005, 0xF006
_NAMED = frozenset({0xF003, 0xF004, 0xF007, 0xF009})
_FILES = {120: "fopen", 121: "fclose", 122: "fread", 123: "fwrite", 131: "fdelete", 132: "frename", 133: "ffind"}
_ERRORS = {
    0x006: "target_port_not_found",
    0x007: "target_machine_not_found",
    0x701: "service_not_supported",
    0x702: "invalid_index_group",
    0x703: "invalid_index_offset",
    0x704: "access_not_permitted",
    0x705: "wrong_size",
    0x706: "invalid_data",
    0x707: "not_ready",
    0x708: "busy",
    0x70B: "invalid_parameter",
    0x70C: "not_found",
    0x710: "symbol_not_found",
    0x712: "invalid_state",
    0x723: "access_denied",
    0x728: "license_missing",
    0x745: "timeout",
}

# Port 48899: cookie, invoke id, service.
_COOKIE = b"\x03\x66\x14\x71"
_ANSWER = 0x80000000
_DATAGRAMS = {1: ("discover", "identify"), 6: ("add_route", "config"), 8: ("delete_route", "config")}
# Tags of a datagram: 2 password, 3 version, 5 host, 12 route, 13 user.
_PASSWORD, _VERSION, _HOST, _ROUTE, _USER = 2, 3, 5, 12, 13


def cut(buffer: bytes | bytearray | memoryview) -> int | None:
    """
    >>> cut(bytes.fromhex("000020000000")), cut(b"")
    (38, None)
    """
    if any(buffer[:2]):
        raise ParseError("AMS/TCP: the first two bytes are not 0")
    if len(buffer) < 6:
        return None
    length = int.from_bytes(buffer[2:6], "little")
    if not 32 <= length <= _MAX_LENGTH:
        raise ParseError(f"AMS/TCP: a length of {length}")
    return 6 + length


def fingerprint(head: bytes) -> bool:
    if head[:4] == _COOKIE:
        return len(head) >= 12 and int.from_bytes(head[8:12], "little") & 0x7FFFFFFF in _DATAGRAMS
    if len(head) < 38 or head[:2] != b"\0\0":
        return False
    _, port, _, source, command, flags, length, _, _ = _AMS.unpack_from(head, 6)
    if int.from_bytes(head[2:6], "little") != 32 + length or command not in _COMMANDS:
        return False
    return flags & ~0x0005 == 0 and bool(flags & _COMMAND) and bool(port) and bool(source)


def asks(pdu: bytes) -> bool | None:
    if pdu[:4] == _COOKIE:
        return len(pdu) >= 12 and not pdu[11] & 0x80
    return not pdu[24] & _RESPONSE if len(pdu) >= 38 else None


class Conversation(Dialogue):
    """The PDUs between two routers; an answer has its request's invoke id and stations."""

    def __init__(self) -> None:
        super().__init__()
        # The names that handles were given for: where they belong, handle → name.
        self._names: dict[tuple[bytes, int, int], str] = {}

    def feed(self, frame: Frame) -> Iterable[Finished]:
        pdu = frame.payload
        if pdu[:4] == _COOKIE:
            return self._datagram(frame, pdu)
        if len(pdu) < 38:
            raise ParseError(f"AMS: a PDU of {len(pdu)} bytes")
        target, port, source, source_port, command, flags, _, failed, invoke = _AMS.unpack_from(pdu, 6)
        body = pdu[38:]
        if flags & _RESPONSE:
            waiting = self.answered(frame, (source, source_port, target, port, invoke, command))
            if waiting is None:
                return ()
            _response(command, failed, body, waiting.fields)
            self._learn((source, source_port), body, waiting.fields)
            return [self.say(waiting.frame, waiting.fields)]
        if command == _NOTIFICATION:
            return ()
        fields = self.begin(frame, "ads")
        if not frame.from_client:  # routers ask each other over one connection
            turned(fields)
        fields["ot.function_code"] = command
        fields["ot.function"], fields["ot.operation"] = _COMMANDS.get(command) or (f"command_{command}", "diagnostic")
        fields["ot.unit_id"] = f"{_net(target)}:{port}"
        fields["ot.master_id"] = f"{_net(source)}:{source_port}"
        try:
            group = _describe(command, port, body, fields)
            self._name((target, port), group, body, fields)
        except (error, IndexError):
            fields["error.message"] = f"ADS {fields['ot.function']}: {len(body)} bytes are too few"
        return self.ask(frame, (target, port, source, source_port, invoke, command), fields)

    def _name(self, place: tuple[bytes, int], group: int | None, body: bytes, fields: Fields) -> None:
        if group == _VALUE_BY_HANDLE:
            name = self._names.get((*place, fields["ot.address"]))
            if name is not None:
                fields["ot.tag"] = name
        elif group == _RELEASE and len(body) >= 16:
            self._names.pop((*place, int.from_bytes(body[12:16], "little")), None)

    def _learn(self, place: tuple[bytes, int], body: bytes, fields: Fields) -> None:
        if fields.get("ot.address_space") == _GROUPS[_HANDLE_BY_NAME] and "ot.tag" in fields and len(body) >= 12:
            if len(self._names) >= _MOST_HANDLES:
                del self._names[next(iter(self._names))]
            self._names[(*place, int.from_bytes(body[8:12], "little"))] = fields["ot.tag"]

    def snapshot(self) -> Any:
        return [super().snapshot(), [[*key, name] for key, name in self._names.items()]]

    def restore(self, state: Any) -> None:
        waiting, names = state
        self._names = {(target, port, handle): name for target, port, handle, name in names}
        super().restore(waiting)

    def _datagram(self, frame: Frame, pdu: bytes) -> Iterable[Finished]:
        if len(pdu) < 12:
            raise ParseError(f"AMS: a datagram of {len(pdu)} bytes")
        invoke, service = Struct("<II").unpack_from(pdu, 4)
        tags = _tags(pdu)
        if service & _ANSWER:
            waiting = self.answered(frame, ("udp", invoke, service & ~_ANSWER))
            if waiting is None:
                return ()
            waiting.fields["event.outcome"] = "success"
            if service == _ANSWER | 6 and pdu[-4:] != bytes(4):
                code = int.from_bytes(pdu[-4:], "little")
                waiting.fields["event.outcome"] = "failure"
                waiting.fields["ot.exception"] = _ERRORS.get(code, f"error_0x{code:x}")
            elif service == _ANSWER | 1:
                _identity(pdu, tags, waiting.fields)
            return [self.say(waiting.frame, waiting.fields)]
        start, secret = tags.get(_PASSWORD, (0, b""))
        fields = self.begin(frame, "ads", pdu[:start] + b"*" * len(secret) + pdu[start + len(secret) :])
        fields["ot.function_code"] = service
        fields["ot.function"], fields["ot.operation"] = _DATAGRAMS.get(service) or (f"service_{service}", "diagnostic")
        if _ROUTE in tags:
            fields["ot.route"] = _text(tags[_ROUTE][1])
        if _HOST in tags:
            fields["ot.route_address"] = _text(tags[_HOST][1])
        user = _text(tags[_USER][1]) if _USER in tags else ""
        if user:
            fields["user.name"], fields["related.user"] = user, [user]
        return self.ask(frame, ("udp", invoke, service), fields)


def _net(station: bytes) -> str:
    return ".".join(map(str, station))


def _text(data: bytes) -> str:
    return data[:_MOST_TEXT].rstrip(b"\0").decode("utf-8", "backslashreplace")


def _tags(pdu: bytes) -> dict[int, tuple[int, bytes]]:
    """Behind the sender's NetId, port and their count: tag → where its value starts, and that."""
    out: dict[int, tuple[int, bytes]] = {}
    at = 24
    while at + 4 <= len(pdu) and len(out) < 32:
        tag, length = Struct("<HH").unpack_from(pdu, at)
        out.setdefault(tag, (at + 4, pdu[at + 4 : at + 4 + length]))
        at += 4 + length
    return out


def _identity(pdu: bytes, tags: dict[int, tuple[int, bytes]], fields: Fields) -> None:
    fields["ot.identity.net_id"] = _net(pdu[12:18])
    if _HOST in tags:
        fields["ot.identity.host_name"] = _text(tags[_HOST][1])
    version = tags.get(_VERSION, (0, b""))[1]
    if len(version) >= 4:
        fields["ot.identity.revision"] = f"{version[0]}.{version[1]}.{version[2] | version[3] << 8}"


def _describe(command: int, port: int, body: bytes, fields: Fields) -> int | None:
    """The index group that a request is about."""
    if command == 5:
        state, _ = Struct("<HH").unpack_from(body)
        fields["ot.mode"] = _STATES[state] if state < len(_STATES) else f"state_{state}"
        fields["ot.operation"] = _CONTROLS.get(state, "mode_change")
        return None
    if command not in (2, 3, 9):
        return None
    group, offset, length = _THREE(body)
    fields["ot.address_space"] = _GROUPS.get(group, f"group_0x{group:x}")
    fields["ot.address"] = offset
    data = body[12 : 12 + length]
    if command == 9:
        written = Struct("<I").unpack_from(body, 12)[0]
        data = body[16 : 16 + written]
        length = written
        if group in _READS:
            fields["ot.operation"] = "read"
        if group in _NAMED:
            fields["ot.tag"] = data[:_MOST_TEXT].rstrip(b"\0").decode("latin-1")
    elif command == 3 and group in _READS:
        fields["ot.operation"] = "session"  # gives a handle back
    if command != 2 and len(data) < length:
        raise IndexError
    if port == _SYSTEM_SERVICE and group in _FILES:
        fields["ot.function"], fields["ot.operation"] = _FILES[group], "file"
        if group in (120, 131) and data:
            fields["file.path"] = data[:_MOST_TEXT].rstrip(b"\0").decode("latin-1")
    elif group in (_SUM_WRITE, _SUM_READ_WRITE) and command == 9:
        _several(group, offset, data, fields)
    elif fields["ot.operation"] == "write" and data:
        fields["ot.value"] = data[: 4 * _MOST_TEXT].hex()
    if command in (2, 3):
        fields["ot.count"] = length
    return int(group)


def _several(group: int, count: int, data: bytes, fields: Fields) -> None:
    """A sum command: what is written where; the values follow all their headers, which tell their lengths."""
    read_too = group == _SUM_READ_WRITE
    size = 16 if read_too else 12
    count = min(count, _MOST_INNER)
    at = count * size
    groups, offsets, values = [], [], []
    for number in range(count):
        inner, offset, _ = _THREE(data, number * size)
        length = Struct("<I").unpack_from(data, number * size + size - 4)[0]
        value = data[at : at + length]
        if len(value) < length:
            raise IndexError
        at += length
        groups.append(inner)
        offsets.append(offset)
        values.append(value[: 4 * _MOST_TEXT].hex())
    if not groups:
        return
    if read_too and all(inner in _READS for inner in groups):
        fields["ot.operation"] = "read"
    fields["ot.address_space"] = one_or_list([_GROUPS.get(inner, f"group_0x{inner:x}") for inner in groups])
    fields["ot.address"], fields["ot.count"] = one_or_list(offsets), count
    fields["ot.value"] = one_or_list(values)


def _response(command: int, failed: int, body: bytes, fields: Fields) -> None:
    code = failed or (int.from_bytes(body[:4], "little") if len(body) >= 4 and command != _NOTIFICATION else 0)
    if code:
        fields["event.outcome"], fields["ot.exception"] = "failure", _ERRORS.get(code, f"error_0x{code:x}")
        return
    fields["event.outcome"] = "success"
    if command == 1 and len(body) >= 24:
        fields["ot.identity.revision"] = f"{body[4]}.{body[5]}.{body[6] | body[7] << 8}"
        fields["ot.identity.product_name"] = body[8:24].rstrip(b"\0").decode("latin-1")
    elif command == 4 and len(body) >= 8:
        state = body[4] | body[5] << 8
        fields["ot.mode"] = _STATES[state] if state < len(_STATES) else f"state_{state}"
    elif fields["ot.operation"] == "read" and command == 2 and len(body) > 8:
        fields["ot.value"] = body[8 : 8 + _MOST_TEXT].hex()


FORMAT = LogFormat(
    id="ads",
    vendor="Beckhoff",
    product="ADS",
    logsource=LogSource(category="ot_protocol", product="ads"),
    spec="https://infosys.beckhoff.com/content/1033/tcinfosys3/11291871243.html",
    session=Conversation,
    route=ot.logsource,
    cut=cut,
    fingerprint=fingerprint,
    asks=asks,
    ports=(48_898, 48_899),
    transport="both",
)
