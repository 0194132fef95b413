"""Mitsubishi's MC protocol and SLMP, 3E and 4E, binary and ASCII: devices, values, remote operation, end codes."""

import struct
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "framing"))

import wire

from engine.model import ParseError
from parsers.melsec import FORMAT, Conversation, asks, cut, fingerprint

ROUTE, ROUTE_ASCII = bytes.fromhex("00ffff0300"), b"00FF03FF00"


def request(command: int, sub: int = 0, data: bytes = b"", *, serial: int | None = None) -> bytes:
    body = struct.pack("<HHH", 16, command, sub) + data
    head = b"\x50\0" if serial is None else b"\x54\0" + struct.pack("<HH", serial, 0)
    return head + ROUTE + struct.pack("<H", len(body)) + body


def response(data: bytes = b"", *, end: int = 0, serial: int | None = None) -> bytes:
    body = struct.pack("<H", end) + data
    head = b"\xd0\0" if serial is None else b"\xd4\0" + struct.pack("<HH", serial, 0)
    return head + ROUTE + struct.pack("<H", len(body)) + body


def text(command: int, sub: int = 0, data: bytes = b"", *, serial: int | None = None) -> bytes:
    body = b"0010" + b"%04X%04X" % (command, sub) + data
    head = b"5000" if serial is None else b"5400%04X0000" % serial
    return head + ROUTE_ASCII + b"%04X" % len(body) + body


def text_response(data: bytes = b"", *, end: int = 0, serial: int | None = None) -> bytes:
    body = b"%04X" % end + data
    head = b"D000" if serial is None else b"D400%04X0000" % serial
    return head + ROUTE_ASCII + b"%04X" % len(body) + body


def device(code: int, number: int) -> bytes:
    return number.to_bytes(3, "little") + bytes([code])


def told(*exchange: tuple[bool, bytes], port: int = 5007) -> list[dict[str, Any]]:
    line = wire.Line(port).open()
    for from_client, payload in exchange:
        line.says(from_client, payload)
    return wire.events(wire.pcap(line.packets), [FORMAT])


def asked(one: bytes, answer: bytes = b"") -> dict[str, Any]:
    (fields,) = told((True, one), (False, answer or (text_response() if one[:1] == b"5" else response())))
    return fields


def of(fields: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(fields.get(f"ot.{name}") for name in names)


D100, M5, X1F = device(0xA8, 100), device(0x90, 5), device(0x9C, 0x1F)
WRITES = [
    (request(0x1401, 0, D100 + b"\2\0\xbc\2\7\0"), ("D", 100, "D100", 2, [700, 7])),
    (request(0x1401, 1, M5 + b"\3\0\x10\x10"), ("M", 5, "M5", 3, [1, 0, 1])),
    (request(0x1401, 0, X1F + b"\1\0\1\0"), ("X", 31, "X1F", 1, 1)),
    (request(0x1401, 2, b"\x64\0\0\0\xa8\0\1\0\5\0"), ("D", 100, "D100", 1, 5)),
    (request(0x1401, 0, device(0x0B, 1) + b"\1\0\5\0"), ("device_0x0b", 1, "device_0x0b1", 1, 5)),
    (text(0x1401, 0, b"D*000100" + b"0002" + b"02BC0007"), ("D", 100, "D100", 2, [700, 7])),
    (text(0x1401, 1, b"M*000005" + b"0003" + b"101"), ("M", 5, "M5", 3, [1, 0, 1])),
    (text(0x1401, 0, b"Y*00001F" + b"0001" + b"0001"), ("Y", 31, "Y1F", 1, 1)),
    (text(0x1401, 2, b"D***00000100" + b"0001" + b"0005"), ("D", 100, "D100", 1, 5)),
    (
        request(0x1402, 0, b"\1\1" + D100 + b"\7\0" + device(0xB4, 0x10) + b"\0\0\1\0"),
        (["D", "W"], [100, 16], ["D100", "W10"], 2, [7, 65536]),
    ),
    (request(0x1402, 1, b"\2" + M5 + b"\1" + X1F + b"\0"), (["M", "X"], [5, 31], ["M5", "X1F"], 2, [1, 0])),
    (text(0x1402, 1, b"01" + b"M*000005" + b"01"), ("M", 5, "M5", 1, 1)),
    (
        request(0x1406, 0, b"\1\1" + D100 + b"\2\0\1\0\2\0" + M5 + b"\1\0\xff\0"),
        (["D", "M"], [100, 5], ["D100", "M5"], 3, [1, 2, 255]),
    ),
]


@pytest.mark.parametrize(("one", "expected"), WRITES)
def test_a_write_has_its_devices_and_its_values(one: bytes, expected: tuple[Any, ...]) -> None:
    fields = asked(one)

    assert of(fields, "address_space", "address", "tag", "count", "value") == expected
    assert (fields["ot.operation"], fields["event.outcome"], fields["ot.unit_id"]) == ("write", "success", "00FF03FF00")
    assert "error.message" not in fields


@pytest.mark.parametrize(
    ("one", "answer", "value"),
    [
        (request(0x0401, 0, D100 + b"\2\0"), response(b"\1\0\xff\xff"), [1, 65535]),
        (request(0x0401, 1, M5 + b"\3\0"), response(b"\x10\x10"), [1, 0, 1]),
        (request(0x0401, 1, M5 + b"\4\0"), response(b"\x10\x10"), [1, 0, 1, 0]),
        (text(0x0401, 0, b"D*0001000002"), text_response(b"0001FFFF"), [1, 65535]),
        (text(0x0401, 1, b"M*0000050003"), text_response(b"101"), [1, 0, 1]),
    ],
)
def test_what_was_read_is_the_value_of_the_read(one: bytes, answer: bytes, value: Any) -> None:
    assert of(asked(one, answer), "operation", "value") == ("read", value)


@pytest.mark.parametrize(
    ("one", "operation", "mode"),
    [
        (request(0x1001, 0, b"\1\0\0\0"), "plc_start", "run"),
        (text(0x1001, 0, b"00010000"), "plc_start", "run"),
        (request(0x1002, 0, b"\1\0"), "plc_stop", "stop"),
        (request(0x1003, 0, b"\3\0"), "mode_change", "pause"),
        (request(0x1005, 0, b"\1\0"), "write", None),
        (request(0x1006, 0, b"\1\0"), "restart", None),
        (request(0x0E31, 0, bytes(40)), "config", None),
        (request(0x1829, 0, bytes(8)), "file", None),
        (request(0x141B, 0, bytes(8)), "write", None),
        (request(0x7777), "diagnostic", None),
    ],
)
def test_a_command_has_its_operation_and_its_mode(one: bytes, operation: str, mode: str | None) -> None:
    assert of(asked(one), "operation", "mode") == (operation, mode)


def test_a_mode_may_be_forced_on_a_controller_that_another_holds() -> None:
    assert asked(request(0x1001, 0, b"\3\0\2\0"))["ot.forced"] is True
    assert asked(request(0x1001, 0, b"\1\0\2\0"))["ot.forced"] is False


@pytest.mark.parametrize("one", [request(0x1630, 0, b"\4\0abcd"), text(0x1631, 0, b"0004abcd")])
def test_a_remote_password_is_not_told(one: bytes) -> None:
    fields = asked(one)

    assert fields["ot.operation"] == "protect"
    assert bytes.fromhex(fields["event.original"]).endswith(b"****")
    assert b"abcd".hex() not in fields["event.original"]


@pytest.mark.parametrize(
    ("end", "reason"),
    [(0xC059, "command_not_supported"), (0x4013, "not_while_running"), (0xC201, "locked_by_password"), (0xCFFF, None)],
)
def test_a_refusal_is_a_word(end: int, reason: str | None) -> None:
    for one, answer in ((request(0x1002), response(end=end)), (text(0x1002), text_response(end=end))):
        fields = asked(one, answer)

        assert (fields["event.outcome"], fields["ot.exception"]) == ("failure", reason or "end_code_0xcfff")


def test_a_controller_says_what_it_is() -> None:
    answer = response(b"Q03UDVCPU".ljust(16) + b"\x66\x03")

    assert of(asked(request(0x0101), answer), "operation", "identity.model_name") == ("identify", "Q03UDVCPU")


def test_numbered_frames_are_answered_by_number_and_others_in_their_order() -> None:
    numbered = told(
        (True, request(0x1002, serial=1)),
        (True, request(0x1001, 0, b"\1\0\0\0", serial=2)),
        (False, response(serial=2)),
        (False, response(end=0xC059, serial=1)),
        (False, response(serial=9)),
    )
    plain = told(
        (True, text(0x1002)), (True, text(0x1006)), (False, text_response(end=0xC059)), (False, text_response())
    )

    assert [(fields["ot.operation"], fields["event.outcome"]) for fields in numbered] == [
        ("plc_stop", "failure"), ("plc_start", "success"),
    ]  # fmt: skip
    assert [(fields["ot.operation"], fields["event.outcome"]) for fields in plain] == [
        ("plc_stop", "failure"), ("restart", "success"),
    ]  # fmt: skip


def test_what_is_cut_short_is_told() -> None:
    session = Conversation()
    frame = wire.read(wire.datagrams(5000, [(True, request(0x1002))]), [FORMAT])[0][0]
    frame.payload = request(0x1401, 0, D100)[:14]

    session.feed(frame)

    ((_, fields),) = session.expire(None)
    assert "too few" in fields["error.message"]
    assert "announced" in asked(request(0x1401, 0, D100 + b"\3\0\1\0"))["error.message"]
    frame.payload = b"\x50\0\0"
    with pytest.raises(ParseError):
        session.feed(frame)
    for head in (b"\x51\0", b"5001", b"D0XX", b"\x50\0" + ROUTE + b"\0\0"):
        with pytest.raises(ParseError):
            cut(head)


def test_a_frame_is_known_by_its_header_its_module_and_its_command() -> None:
    for one in (request(0x1002), text(0x1002), request(0x1002, serial=7), text(0x1002, serial=7)):
        assert fingerprint(one)
        assert asks(one)
        assert [fields["ot.operation"] for fields in told((True, one), port=40_123)] == ["plc_stop"]
    assert fingerprint(response())
    assert asks(text_response()) is False
    assert not fingerprint(request(0x7777))
    assert not fingerprint(request(0x1002) + b"\0")
    assert not fingerprint(request(0x1002).replace(ROUTE, b"\0\xff\xff\7\0"))
    assert asks(b"") is None
