"""Omron FINS over UDP and TCP: commands, areas, values, end codes."""

import struct
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "framing"))

import wire

from engine.model import ParseError
from parsers._grammar.fins_commands import COMMANDS
from parsers.fins import FORMAT, Conversation, asks, cut, fingerprint

PC, PLC = b"\x00\xfb\x00", b"\x00\x01\x00"


def command(code: int, data: bytes = b"", *, service: int = 1, control: int = 0x80) -> bytes:
    return bytes([control, 0, 2]) + PLC + PC + struct.pack(">BH", service, code) + data


def response(code: int, data: bytes = b"", *, end: int = 0, service: int = 1) -> bytes:
    return bytes([0xC0, 0, 2]) + PC + PLC + struct.pack(">BHH", service, code, end) + data


def over_tcp(frame: bytes, kind: int = 2, failed: int = 0) -> bytes:
    return b"FINS" + struct.pack(">III", 8 + len(frame), kind, failed) + frame


def place(area: int, address: int, bit: int = 0, count: int = 1) -> bytes:
    return struct.pack(">BHBH", area, address, bit, count)


def told(*exchange: tuple[bool, bytes]) -> list[dict[str, Any]]:
    return wire.events(wire.datagrams(9600, exchange, client_port=9600), [FORMAT])


def asked(code: int, data: bytes = b"", answer: bytes = b"", end: int = 0) -> dict[str, Any]:
    (fields,) = told((True, command(code, data)), (False, response(code, answer, end=end)))
    return fields


def of(fields: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(fields.get(f"ot.{name}") for name in names)


@pytest.mark.parametrize(
    ("code", "data", "expected"),
    [
        (0x0102, place(0x82, 100, count=2) + b"\x02\xbc\x00\x07", ("write", "data_memory", 100, None, 2, [700, 7])),
        (0x0102, place(0x30, 10, bit=3) + b"\x01", ("write", "cio", 10, 3, 1, 1)),
        (0x0102, place(0x32, 4, bit=0, count=2) + b"\x01\x00", ("write", "holding", 4, 0, 2, [1, 0])),
        (0x0103, place(0xB1, 5, count=10) + b"\xff\xff", ("write", "work", 5, None, 10, 65535)),
        (0x0105, b"\x82\x00\x01\x00" + place(0x98, 200, count=8), ("write", "extended_memory", 200, None, 8, None)),
        (0x0102, place(0x77, 1) + b"\0\1", ("write", "area_0x77", 1, None, 1, 1)),
    ],
)
def test_a_write_has_its_area_its_address_and_its_values(code: int, data: bytes, expected: tuple[Any, ...]) -> None:
    fields = asked(code, data)

    assert of(fields, "operation", "address_space", "address", "bit", "count", "value") == expected
    assert (fields["event.outcome"], fields["event.duration"]) == ("success", wire.MILLISECOND)
    assert of(fields, "unit_id", "master_id") == ("0.1.0", "0.251.0")
    assert "error.message" not in fields


def test_what_was_read_is_the_value_of_the_read() -> None:
    words = asked(0x0101, place(0x82, 100, count=2), b"\x00\x01\xff\xff")
    bits = asked(0x0101, place(0x31, 7, bit=4, count=3), b"\1\0\1")
    forced = asked(0x0101, place(0xF0, 7, count=1), b"\0\1\0\0")

    assert of(words, "operation", "value") == ("read", [1, 65535])
    assert of(bits, "operation", "value") == ("read", [1, 0, 1])
    assert of(forced, "operation", "value") == ("read", None)


@pytest.mark.parametrize(
    ("code", "data", "operation", "mode"),
    [
        (0x0401, b"\xff\xff\x04", "plc_start", "run"),
        (0x0401, b"\xff\xff\x02", "plc_start", "monitor"),
        (0x0401, b"\xff\xff", "plc_start", "monitor"),
        (0x0401, b"", "plc_start", "monitor"),
        (0x0402, b"\xff\xff", "plc_stop", "program"),
        (0x0403, b"", "restart", None),
        (0x0306, bytes(8), "program_upload", None),
        (0x0307, bytes(8), "program_download", None),
        (0x0308, bytes(3), "program_delete", None),
        (0x220C, bytes(26), "program_download", None),
        (0x0202, bytes(8), "config", None),
        (0x2203, bytes(22), "file", None),
        (0x0501, b"", "identify", None),
        (0x0C02, b"\xff\xff", "session", None),
        (0x7777, b"", "diagnostic", None),
    ],
)
def test_a_command_has_its_operation_and_its_mode(code: int, data: bytes, operation: str, mode: str | None) -> None:
    session = Conversation()
    frames = wire.read(wire.datagrams(9600, [(True, command(0x0501)), (False, response(0x0501))]), [FORMAT])[0]
    for frame, payload in zip(frames, (command(code, data), response(code)), strict=True):
        frame.payload = payload

    found = [*session.feed(frames[0]), *session.feed(frames[1])]

    assert [of(fields, "operation", "mode", "function_code") for _, fields in found] == [(operation, mode, code)]


def test_forced_bits_have_their_place_and_what_they_are_held_at() -> None:
    data = b"\0\3" + b"\0\1\x30\0\x0a\5" + b"\0\0\x31\0\1\0" + b"\xff\xff\x30\0\x0a\6"

    fields = asked(0x2301, data)

    assert of(fields, "operation", "tag", "value") == (
        "force", ["cio 10.5", "work 1.0", "cio 10.6"], ["set", "reset", "release"],
    )  # fmt: skip


def test_a_clock_that_is_set_has_its_time() -> None:
    assert of(asked(0x0702, bytes.fromhex("26030112301500")), "operation", "value") == ("clock", "26030112301500")


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (0x1103, "address_out_of_range"),
        (0x2102, "protected"),
        (0x2602, "wrong_password"),
        (0x9004, "command_format_error"),
        (0x7F01, "end_code_0x7f01"),
    ],
)
def test_a_refusal_is_a_word(end: int, reason: str) -> None:
    fields = asked(0x0102, place(0x82, 1) + b"\0\1", end=end)

    assert (fields["event.outcome"], fields["ot.exception"]) == ("failure", reason)


def test_an_error_of_the_cpu_itself_is_no_refusal() -> None:
    assert asked(0x0102, place(0x82, 1) + b"\0\1", end=0x0040)["event.outcome"] == "success"


def test_a_password_is_not_told() -> None:
    data = b"\xff\xff\0" + struct.pack(">II", 0, 0xFFFFFFFF) + b"1234"

    fields = asked(0x0304, data)
    (same,) = wire.events(wire.pcap(wire.Line(9600).open().asks(over_tcp(command(0x0305, data))).packets), [FORMAT])

    assert of(fields, "operation", "function") == ("protect", "program_area_protect")
    for event in (fields, same):
        assert b"1234" not in bytes.fromhex(event["event.original"])
        assert bytes.fromhex(event["event.original"]).endswith(b"\xff****")


def test_a_controller_says_what_it_is() -> None:
    fields = asked(0x0501, b"\0", b"CJ2M-CPU33".ljust(20) + b"02.01".ljust(20) + bytes(52))

    assert of(fields, "identity.model_name", "identity.revision") == ("CJ2M-CPU33", "02.01")


def test_answers_belong_to_the_request_of_their_service_id() -> None:
    found = told(
        (True, command(0x0101, place(0x82, 1), service=1)),
        (True, command(0x0402, b"\xff\xff", service=2)),
        (False, response(0x0402, service=2)),
        (False, response(0x0101, b"\0\7", service=1)),
        (False, response(0x0101, b"\0\7", service=9)),
    )

    assert [of(fields, "function", "value") for fields in found] == [("memory_area_read", 7), ("stop", None)]
    assert {fields["event.outcome"] for fields in found} == {"success"}


def test_the_side_that_asks_is_the_source() -> None:
    asking = bytes([0x80, 0, 2]) + PC + PLC + struct.pack(">BH", 7, 0x0402)
    answer = bytes([0xC0, 0, 2]) + PLC + PC + struct.pack(">BHH", 7, 0x0402, 0)

    first, second = told((True, command(0x0401)), (False, asking), (True, answer))

    assert [event["source.ip"] for event in (first, second)] == ["192.0.2.10", "198.51.100.20"]
    assert (second["ot.operation"], second["event.outcome"]) == ("plc_stop", "success")


def test_a_command_that_wants_no_answer_is_told_at_once() -> None:
    session = Conversation()
    frame = wire.read(wire.datagrams(9600, [(True, command(0x0402, control=0x81))]), [FORMAT])[0][0]

    ((_, fields),) = session.feed(frame)

    assert of(fields, "operation") == ("plc_stop",)
    assert fields["event.outcome"] == "unknown"


def test_the_handshake_of_a_connection_is_a_session() -> None:
    line = wire.Line(9600).open().asks(over_tcp(bytes(4), 0)).answers(over_tcp(b"\0\0\0\xfb\0\0\0\1", 1))
    line.asks(over_tcp(command(0x0402, b"\xff\xff"))).answers(over_tcp(response(0x0402, end=0x2206)))
    full = wire.Line(9600).open().asks(over_tcp(bytes(4), 0)).answers(over_tcp(b"", 3, 0x20))

    first, second = wire.events(wire.pcap(line.packets), [FORMAT])
    (refused,) = wire.events(wire.pcap(full.packets), [FORMAT])

    assert of(first, "function", "operation") == ("node_address_request", "session")
    assert (second["ot.operation"], second["ot.exception"]) == ("plc_stop", "in_run_mode")
    assert (refused["event.outcome"], refused["ot.exception"]) == ("failure", "all_connections_in_use")


def test_several_frames_in_one_segment_are_several() -> None:
    both = over_tcp(command(0x0401, service=1)) + over_tcp(command(0x0402, service=2))

    found = wire.events(wire.pcap(wire.Line(50_123).open().asks(both).packets), [FORMAT])

    assert [fields["ot.operation"] for fields in found] == ["plc_start", "plc_stop"]


def test_what_is_cut_short_is_told() -> None:
    assert "too few" in asked(0x0102, place(0x82, 1)[:4])["error.message"]
    assert "announced" in asked(0x0102, place(0x82, 1, count=3) + b"\0\1")["error.message"]
    (fields,) = told((True, command(0x0402)), (False, response(0x0402)[:13]))
    assert "no end code" in fields["error.message"]
    frame = wire.read(wire.datagrams(9600, [(True, command(0x0402))]), [FORMAT])[0][0]
    frame.payload = frame.payload[:11]
    with pytest.raises(ParseError):
        Conversation().feed(frame)
    with pytest.raises(ParseError):
        cut(b"FINS\0\0\0\4")


def test_a_frame_is_known_by_its_header_and_its_command() -> None:
    one = command(0x0402)

    assert all(fingerprint(command(code)) and fingerprint(over_tcp(command(code))) for code in COMMANDS)
    assert not fingerprint(command(0x7777))
    assert not fingerprint(b"\x80\x01" + one[2:])
    assert [asks(pdu) for pdu in (one, response(0x0402), over_tcp(one), over_tcp(bytes(4), 0), b"\x80")] == [
        True, False, True, True, None,
    ]  # fmt: skip
    assert len(wire.events(wire.datagrams(50_000, [(True, one)]), [FORMAT])) == 1
