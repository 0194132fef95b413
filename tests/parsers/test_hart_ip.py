"""HART-IP: commands of field instruments, passed through, direct, and through a gateway; response codes as words."""

import struct
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "framing"))

import wire

from engine.model import ParseError
from parsers.hart_ip import FORMAT, Conversation, asks, cut, fingerprint

DEVICE = bytes.fromhex("264e0000d2")
ASK, ANSWER, PUBLISH, NAK = 0, 1, 2, 15
INITIATE, CLOSE, ALIVE, PASS, DIRECT = 0, 1, 2, 3, 4


def message(kind: int, number: int, body: bytes = b"", *, sequence: int = 7, status: int = 0) -> bytes:
    return struct.pack(">BBBBHH", 1, kind, number, status, sequence, 8 + len(body)) + body


def frame(command: int, data: bytes = b"", *, delimiter: int = 0x82, address: bytes = DEVICE) -> bytes:
    return bytes([delimiter]) + address + bytes([command, len(data)]) + data + b"\x55"


def request(command: int, data: bytes = b"", *, sequence: int = 7) -> bytes:
    return message(ASK, PASS, frame(command, data), sequence=sequence)


def response(command: int, data: bytes = b"", *, code: int = 0, sequence: int = 7) -> bytes:
    return message(ANSWER, PASS, frame(command, bytes([code, 0]) + data, delimiter=0x86), sequence=sequence)


def told(*exchange: tuple[bool, bytes]) -> list[dict[str, Any]]:
    return wire.events(wire.datagrams(5094, exchange), [FORMAT])


def asked(command: int, data: bytes = b"", answer: bytes = b"", code: int = 0) -> dict[str, Any]:
    (fields,) = told((True, request(command, data)), (False, response(command, answer, code=code)))
    return fields


def of(fields: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(fields.get(f"ot.{name}") for name in names)


@pytest.mark.parametrize(
    ("command", "data", "operation", "value", "mode"),
    [
        (34, struct.pack(">f", 2.5), "write", 2.5, None),
        (35, b"\x20" + struct.pack(">ff", 400.0, -50.0), "write", [400.0, -50.0], None),
        (40, struct.pack(">f", 12.0), "force", 12.0, None),
        (65, b"\1\x27" + struct.pack(">ff", 20.0, 4.0), "write", [20.0, 4.0], None),
        (66, b"\1\x27" + struct.pack(">f", 12.0), "force", 12.0, None),
        (79, b"\xf6\1\x20" + struct.pack(">f", 99.5) + b"\0", "force", 99.5, "fixed"),
        (79, b"\xf6\0\x20" + struct.pack(">f", 0.0) + b"\0", "force", 0.0, "normal"),
        (6, b"\5\1", "config", 5, None),
        (22, b"FT-101".ljust(32), "config", "FT-101", None),
        (42, b"", "restart", None, None),
        (71, b"\2", "protect", None, "lock_permanent"),
        (89, bytes(10), "clock", None, None),
        (39, b"\0", "config", None, None),
        (3, b"", "read", None, None),
        (0, b"", "identify", None, None),
        (200, b"", "diagnostic", None, None),
    ],
)
def test_a_command_has_its_operation_and_its_values(
    command: int, data: bytes, operation: str, value: Any, mode: str | None
) -> None:
    fields = asked(command, data)

    assert of(fields, "function_code", "operation", "value", "mode") == (command, operation, value, mode)
    assert of(fields, "unit_id") == ("264e0000d2",)
    assert (fields["event.outcome"], fields["event.duration"]) == ("success", wire.MILLISECOND)
    assert "error.message" not in fields


def test_what_was_read_is_the_value_of_the_read() -> None:
    assert of(asked(1, b"", b"\x20" + struct.pack(">f", 81.25)), "operation", "value") == ("read", 81.25)


def test_an_instrument_says_what_it_is() -> None:
    fields = asked(0, b"", b"\xfe\x26\x4e\x05\x07\x01\x0b\x28\x00\x00\x12\xd2")

    assert of(fields, "operation", "identity.device_type", "identity.serial_number", "identity.revision") == (
        "identify", "264e", "0012d2", "11.5",
    )  # fmt: skip
    assert of(asked(20, b"", b"FT-101".ljust(32)), "tag") == ("FT-101",)


@pytest.mark.parametrize(
    ("code", "outcome", "reason"),
    [
        (7, "failure", "write_protected"),
        (16, "failure", "access_restricted"),
        (64, "failure", "command_not_implemented"),
        (66, "failure", "response_code_66"),
        (0x88, "failure", "communication_error"),
        (8, "success", None),
        (112, "success", None),
        (33, "unknown", None),
    ],
)
def test_a_refusal_is_a_word_and_a_warning_is_none(code: int, outcome: str, reason: str | None) -> None:
    fields = asked(35, b"\x20" + bytes(8), code=code)

    assert (fields["event.outcome"], fields.get("ot.exception")) == (outcome, reason)


def test_each_command_of_a_direct_message_is_an_event() -> None:
    inner = struct.pack(">HB", 34, 4) + struct.pack(">f", 2.5) + struct.pack(">HB", 0, 0)
    back = struct.pack(">HBB", 34, 1, 7) + struct.pack(">HB", 0, 13) + b"\0\xfe\x26\x4e\5\7\1\x0b\x28\0\0\x12\xd2"

    write, identity = told(
        (True, message(ASK, DIRECT, b"\0\0" + inner)), (False, message(ANSWER, DIRECT, b"\0\0" + back))
    )

    assert of(write, "function_code", "operation", "value", "exception") == (34, "write", 2.5, "write_protected")
    assert of(identity, "operation", "identity.device_type", "identity.serial_number") == ("identify", "264e", "0012d2")


def test_a_command_that_a_gateway_passes_on_is_the_one_inside() -> None:
    inner = b"\1\2\5" + frame(42)[:-1]

    fields = asked(77, inner)

    assert of(fields, "function_code", "function", "operation", "unit_id") == (
        42, "device_reset", "restart", "264e0000d2/1.2/264e0000d2",
    )  # fmt: skip


def test_a_command_with_a_longer_number_has_that_number() -> None:
    assert of(asked(31, struct.pack(">H", 533)), "function_code", "function") == (533, "command_533")


def test_sessions_are_told_and_that_one_is_still_there_is_not() -> None:
    found = told(
        (True, message(ASK, INITIATE, b"\1\0\0\x75\x30", sequence=1)),
        (False, message(ANSWER, INITIATE, b"\1\0\0\x75\x30", sequence=1)),
        (True, message(ASK, ALIVE, sequence=2)),
        (False, message(ANSWER, ALIVE, sequence=2)),
        (False, message(PUBLISH, PASS, frame(9, b"\0\0", delimiter=0x81))),
        (True, message(ASK, INITIATE, b"\1\0\0\x75\x30", sequence=3)),
        (False, message(ANSWER, INITIATE, sequence=3, status=15)),
        (True, message(ASK, CLOSE, sequence=4)),
        (False, message(NAK, CLOSE, sequence=4)),
    )

    assert [(*of(fields, "function", "exception"), fields["event.outcome"]) for fields in found] == [
        ("session_initiate", None, "success"),
        ("session_initiate", "all_sessions_in_use", "failure"),
        ("session_close", "refused", "failure"),
    ]


def test_answers_belong_to_the_request_of_their_sequence_number() -> None:
    found = told(
        (True, request(42, sequence=1)),
        (True, request(41, sequence=2)),
        (False, response(41, sequence=2, code=32)),
        (False, response(42, sequence=1)),
        (False, response(42, sequence=9)),
    )

    assert [of(fields, "function", "exception") for fields in found] == [("device_reset", None), ("self_test", "busy")]


def test_what_is_cut_short_is_told() -> None:
    assert "too few" in asked(79, b"\1\1")["error.message"]
    assert "too few" in asked(77, b"\1")["error.message"]
    (request_cut,) = told((True, message(ASK, PASS, frame(42, b"\1\2")[:-2])))
    assert "cut short" in request_cut["error.message"]
    (answer_cut,) = told((True, request(42)), (False, message(ANSWER, PASS, frame(42, b"\0\0", delimiter=0x86)[:-2])))
    assert "cut short" in answer_cut["error.message"]
    one = wire.read(wire.datagrams(5094, [(True, request(42))]), [FORMAT])[0][0]
    one.payload = one.payload[:7]
    with pytest.raises(ParseError):
        Conversation().feed(one)
    for head in (b"\3", b"\1\0\3\0\0\7\0\7"):
        with pytest.raises(ParseError):
            cut(head)


def test_a_message_is_known_by_its_length_and_its_kind_over_tcp_and_udp() -> None:
    one = request(42)

    assert fingerprint(one)
    assert fingerprint(message(ASK, INITIATE, b"\1\0\0\x75\x30"))
    assert not fingerprint(one + b"\0")
    assert not fingerprint(message(ASK, 77))
    assert not fingerprint(message(7, PASS, frame(42)))
    assert [asks(pdu) for pdu in (one, response(42), message(PUBLISH, PASS), b"\1")] == [True, False, None, None]
    line = wire.Line(50_003).open().asks(one + request(41, sequence=8))
    assert [fields["ot.function_code"] for fields in wire.events(wire.pcap(line.packets), [FORMAT])] == [42, 41]
