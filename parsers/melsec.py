"""Mitsubishi Electric's MC protocol, now SLMP: frames 3E and 4E in binary and in ASCII code.

SH-080008, "MELSEC Communication Protocol Reference Manual"; SH-080956, "SLMP Reference Manual". One request::

    50 00  00 ff ff 03 00  0c 00  10 00  01 14 00 00  64 00 00 a8  01 00  bc 02        D100 = 700
"""

from collections.abc import Iterable
from struct import Struct
from typing import NamedTuple

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import ot
from parsers._grammar.dialogue import Dialogue
from parsers._grammar.exchange import Finished, one_or_list

_SHORT = Struct("<H").unpack_from
_MAX_LENGTH = 8_192
_MOST_VALUES = 1_024

# Command: name, operation.
_COMMANDS: dict[int, tuple[str, str]] = {
    0x0101: ("read_cpu_model_name", "identify"),
    0x0401: ("batch_read", "read"),
    0x0403: ("random_read", "read"),
    0x0406: ("block_read", "read"),
    0x0601: ("intelligent_module_read", "read"),
    0x0613: ("buffer_memory_read", "read"),
    0x041A: ("array_label_read", "read"),
    0x041C: ("label_read_random", "read"),
    0x0619: ("self_test", "diagnostic"),
    0x0801: ("register_monitor", "session"),
    0x0802: ("monitor", "read"),
    0x0E30: ("node_search", "identify"),
    0x0E31: ("ip_address_set", "config"),
    0x1001: ("remote_run", "plc_start"),
    0x1002: ("remote_stop", "plc_stop"),
    0x1003: ("remote_pause", "mode_change"),
    0x1005: ("remote_latch_clear", "write"),
    0x1006: ("remote_reset", "restart"),
    0x1401: ("batch_write", "write"),
    0x1402: ("random_write", "write"),
    0x1406: ("block_write", "write"),
    0x141A: ("array_label_write", "write"),
    0x141B: ("label_write_random", "write"),
    0x1601: ("intelligent_module_write", "write"),
    0x1613: ("buffer_memory_write", "write"),
    0x1617: ("clear_error", "diagnostic"),
    0x1630: ("remote_password_unlock", "protect"),
    0x1631: ("remote_password_lock", "protect"),
    0x1810: ("read_directory", "file"),
    0x1811: ("search_directory", "file"),
    0x1820: ("new_file", "file"),
    0x1822: ("delete_file", "file"),
    0x1824: ("copy_file", "file"),
    0x1825: ("change_file_attribute", "file"),
    0x1826: ("change_file_date", "file"),
    0x1827: ("open_file", "file"),
    0x1828: ("read_file", "file"),
    0x1829: ("write_file", "file"),
    0x182A: ("close_file", "file"),
}
# Device code in binary and in ASCII.
_DEVICES = {
    0x90: "M", 0x91: "SM", 0x92: "L", 0x93: "F", 0x94: "V", 0x98: "S", 0x9C: "X", 0x9D: "Y", 0xA0: "B", 0xA1: "SB",
    0xA2: "DX", 0xA3: "DY", 0xA8: "D", 0xA9: "SD", 0xAF: "R", 0xB0: "ZR", 0xB4: "W", 0xB5: "SW", 0xC0: "TC", 0xC1: "TS",
    0xC2: "TN", 0xC3: "CC", 0xC4: "CS", 0xC5: "CN", 0xC6: "SC", 0xC7: "SS", 0xC8: "SN", 0xCC: "Z",
    0x2C: "RD", 0x50: "LTC", 0x51: "LTS", 0x52: "LTN", 0x54: "LCC", 0x55: "LCS", 0x56: "LCN",
    0x58: "LSTC", 0x59: "LSTS", 0x5A: "LSTN", 0x62: "LZ",
}  # fmt: skip
_IN_HEX = frozenset({"X", "Y", "B", "W", "SB", "SW", "DX", "DY"})
_HEX_IN_ASCII = _IN_HEX | {"ZR"}
_END_CODES = {
    0x4013: "not_while_running",
    0x4021: "drive_error",
    0xC050: "ascii_code_error",
    0xC051: "too_many_points",
    0xC052: "too_many_points",
    0xC056: "address_out_of_range",
    0xC058: "length_mismatch",
    0xC059: "command_not_supported",
    0xC05B: "no_access",
    0xC05C: "request_content_error",
    0xC05F: "not_executable",
    0xC061: "length_mismatch",
    0xC200: "password_error",
    0xC201: "locked_by_password",
    0xC810: "password_error",
}


class Header(NamedTuple):
    """Where the data starts behind the length field, and what tells requests apart (4E's serial number)."""

    ascii: bool
    request: bool
    serial: int | None
    start: int
    length: int
    route: str


_KINDS = {0x5000: (True, False), 0xD000: (False, False), 0x5400: (True, True), 0xD400: (False, True)}


def _header(head: bytes) -> Header | None:
    """None: more bytes are needed. ParseError: no frame starts here."""
    ascii = head[:1] in (b"5", b"D")
    try:
        kind = int(head[:4], 16) if ascii else head[0] << 8 | (head[1] if len(head) > 1 else 0)
    except (ValueError, IndexError):
        raise ParseError("MELSEC: no subheader of a 3E or 4E frame") from None
    if len(head) < (4 if ascii else 2):
        return None
    if kind not in _KINDS:
        raise ParseError(f"MELSEC: there is no subheader {kind:04X}")
    request, numbered = _KINDS[kind]
    start = (26 if numbered else 18) if ascii else (13 if numbered else 9)
    if len(head) < start:
        return None
    if ascii:
        try:
            length = int(head[start - 4 : start], 16)
            serial = int(head[4:8], 16) if numbered else None
            route = head[start - 14 : start - 4].decode("ascii")
        except ValueError:
            raise ParseError("MELSEC: a header that is not hexadecimal") from None
    else:
        length = _SHORT(head, start - 2)[0]
        serial = _SHORT(head, 2)[0] if numbered else None
        network, pc, module, station = Struct("<BBHB").unpack_from(head, start - 7)
        route = f"{network:02X}{pc:02X}{module:04X}{station:02X}"
    if not 2 <= length <= _MAX_LENGTH:
        raise ParseError(f"MELSEC: a length of {length}")
    return Header(ascii, request, serial, start, length, route)


def cut(buffer: bytes | bytearray | memoryview) -> int | None:
    """
    >>> cut(bytes.fromhex("500000ffff03000c00")), cut(b"P")
    (21, None)
    """
    if not len(buffer):
        return None
    found = _header(bytes(buffer[:26]))
    return None if found is None else found.start + found.length


def fingerprint(head: bytes) -> bool:
    """Whether one whole frame starts here, to a module that there is, with a command that there is."""
    try:
        found = _header(head[:26]) if head else None
    except ParseError:
        return False
    if found is None or len(head) != found.start + found.length or found.route[4:6] != "03":
        return False
    if not found.request:
        return found.route[:8] == "00FF03FF"
    return len(head) >= found.start + (12 if found.ascii else 6) and _command(head, found) in _COMMANDS


def asks(pdu: bytes) -> bool | None:
    try:
        found = _header(pdu[:26]) if pdu else None
    except ParseError:
        return None
    return None if found is None else found.request


def _command(pdu: bytes, found: Header) -> int:
    if not found.ascii:
        return int(_SHORT(pdu, found.start + 2)[0])
    try:
        return int(pdu[found.start + 4 : found.start + 8], 16)
    except ValueError:
        return -1


class Conversation(Dialogue):
    """The frames of one connection. 4E answers by serial number, 3E in the order of the requests."""

    def feed(self, frame: Frame) -> Iterable[Finished]:
        pdu = frame.payload
        found = _header(pdu[:26]) if pdu else None
        if found is None:
            raise ParseError(f"MELSEC: a frame of {len(pdu)} bytes")
        if not found.request:
            waiting = self.answered(frame, (found.serial, found.route))
            if waiting is None:
                return ()
            _response(pdu, found, waiting.fields, bool(waiting.detail))
            return [self.say(waiting.frame, waiting.fields)]
        command = _command(pdu, found) if len(pdu) >= found.start + (8 if found.ascii else 4) else -1
        fields = self.begin(frame, "melsec", _shown(pdu, found, command))
        fields["ot.unit_id"] = found.route
        bits = False
        try:
            if command < 0:
                raise IndexError
            name, operation = _COMMANDS.get(command) or (f"command_{command & 0xFFFF:04x}", "diagnostic")
            fields["ot.function_code"], fields["ot.function"], fields["ot.operation"] = command, name, operation
            bits = _describe(command, Body(pdu, found), fields)
        except (IndexError, ValueError):
            fields.setdefault("ot.function", "incomplete_request")
            fields.setdefault("ot.operation", "diagnostic")
            fields["error.message"] = (
                f"MELSEC {fields['ot.function']}: {len(pdu)} bytes are too few, or no such request"
            )
        return self.ask(frame, (found.serial, found.route), fields, bits)


def _shown(pdu: bytes, found: Header, command: int) -> bytes:
    """The PDU with its remote password as asterisks."""
    if command not in (0x1630, 0x1631):
        return pdu
    at = found.start + (16 if found.ascii else 8)
    return pdu[:at] + b"*" * len(pdu[at:])


class Body:
    """What stands behind the header, number after number: little-endian, or hexadecimal digits."""

    def __init__(self, pdu: bytes, found: Header) -> None:
        self._data, self._ascii = pdu, found.ascii
        self._at = found.start
        self.wide = False

    def _take(self, size: int) -> bytes:
        part = self._data[self._at : self._at + size]
        if len(part) < size:
            raise IndexError
        self._at += size
        return part

    def number(self, size: int) -> int:
        return int(self._take(2 * size), 16) if self._ascii else int.from_bytes(self._take(size), "little")

    def device(self) -> tuple[str, int]:
        """Code and number; four bytes and two bytes of them where ``wide`` (iQ-R)."""
        if self._ascii:
            name = self._take(4 if self.wide else 2).decode("ascii").rstrip("*")
            return name, int(self._take(8 if self.wide else 6), 16 if name in _HEX_IN_ASCII else 10)
        number = self.number(4 if self.wide else 3)
        code = self.number(2 if self.wide else 1)
        return _DEVICES.get(code, f"device_0x{code:02x}"), number

    def words(self, count: int) -> list[int]:
        left = (len(self._data) - self._at) // (4 if self._ascii else 2)
        return [self.number(2) for _ in range(min(count, left))]

    def bits(self, count: int) -> list[int]:
        """Four bits each."""
        rest = self._data[self._at :]
        digits = rest if self._ascii else rest.hex().encode()
        self._at += count if self._ascii else (count + 1) // 2
        return [int(digit == 0x31) for digit in digits[:count]]


def _describe(command: int, body: Body, fields: Fields) -> bool:
    """Whether bits are asked for."""
    body.number(4)  # monitoring timer, command
    sub = body.number(2)
    bits, body.wide = bool(sub & 1), bool(sub & 2)
    if command in (0x0401, 0x1401):
        device, address = body.device()
        fields["ot.count"] = count = body.number(2)
        _places([(device, address)], fields)
        if command == 0x1401:
            shown = min(count, _MOST_VALUES)
            _valued(body.bits(shown) if bits else body.words(shown), shown, fields)
    elif command == 0x1402:
        _at_random(body, bits, fields)
    elif command == 0x1406:
        _blocks(body, fields)
    elif command in (0x1001, 0x1003):
        fields["ot.forced"] = body.number(2) == 3
        fields["ot.mode"] = "run" if command == 0x1001 else "pause"
    elif command == 0x1002:
        fields["ot.mode"] = "stop"
    return bits


def _places(places: list[tuple[str, int]], fields: Fields) -> None:
    fields["ot.address_space"] = one_or_list([device for device, _ in places])
    fields["ot.address"] = one_or_list([address for _, address in places])
    fields["ot.tag"] = one_or_list(
        [f"{device}{address:X}" if device in _IN_HEX else f"{device}{address}" for device, address in places]
    )


def _valued(values: list[int], count: int, fields: Fields) -> None:
    if values:
        fields["ot.value"] = one_or_list(values)
    if len(values) != count:
        fields["error.message"] = f"MELSEC: {len(values)} values where {count} are announced"


def _at_random(body: Body, bits: bool, fields: Fields) -> None:
    """Points here and there: bits, or words and double words."""
    sizes = [2 if body.wide else 1] * body.number(1) if bits else []
    if not bits:
        words, doubles = body.number(1), body.number(1)
        sizes = [2] * words + [4] * doubles
    places, values = [], []
    for size in sizes:
        places.append(body.device())
        values.append(body.number(size))
    if places:
        fields["ot.count"] = len(places)
        _places(places, fields)
        _valued(values, len(places), fields)


def _blocks(body: Body, fields: Fields) -> None:
    """Blocks of word devices, then of bit devices, sixteen of them a point."""
    places: list[tuple[str, int]] = []
    values: list[int] = []
    total = 0
    for _ in range(body.number(1) + body.number(1)):
        places.append(body.device())
        count = body.number(2)
        total += count
        values += body.words(min(count, _MOST_VALUES - len(values)))
    if places:
        fields["ot.count"] = total
        _places(places, fields)
        _valued(values, min(total, _MOST_VALUES), fields)


def _response(pdu: bytes, found: Header, fields: Fields, bits: bool) -> None:
    body = Body(pdu, found)
    try:
        code = body.number(2)
    except (IndexError, ValueError):
        fields["error.message"] = "MELSEC: a response without an end code"
        return
    if code:
        fields["event.outcome"], fields["ot.exception"] = "failure", _END_CODES.get(code, f"end_code_0x{code:04x}")
        return
    fields["event.outcome"] = "success"
    if fields.get("ot.function_code") == 0x0101:
        data = pdu[found.start + (4 if found.ascii else 2) :]
        name = data[:16].rstrip(b" \0").decode("ascii", "backslashreplace")
        if name:
            fields["ot.identity.model_name"] = name
    elif fields.get("ot.function_code") == 0x0401 and "ot.count" in fields:
        count = min(fields["ot.count"], _MOST_VALUES)
        try:
            values = body.bits(count) if bits else body.words(count)
            if values:
                fields["ot.value"] = one_or_list(values)
        except ValueError:
            fields["error.message"] = "MELSEC batch_read: values that are not hexadecimal"


FORMAT = LogFormat(
    id="melsec",
    vendor="Mitsubishi Electric",
    product="MC protocol and SLMP",
    logsource=LogSource(category="ot_protocol", product="melsec"),
    spec="https://dl.mitsubishielectric.com/dl/fa/document/manual/plc/sh080008/sh080008ab.pdf",
    session=Conversation,
    route=ot.logsource,
    cut=cut,
    fingerprint=fingerprint,
    asks=asks,
    ports=(5006, 5007),
    transport="both",
)
