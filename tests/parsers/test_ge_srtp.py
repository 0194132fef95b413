"""GE SRTP: service requests of Series 90 controllers, memory that is written, errors as words."""

import struct
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "framing"))

import wire

from engine.model import ParseError
from parsers.ge_srtp import FORMAT, Conversation, asks, cut, fingerprint

REGISTERS, INPUT_BITS, OUTPUT_BYTES, INTERNAL_BITS = 0x08, 0x46, 0x12, 0x4C


def _header(kind: int, number: int, mailbox: int, text: bytes) -> bytearray:
    out = bytearray(56)
    out[0], out[2], out[9], out[17], out[30], out[31] = kind, number, 1, 1, number, mailbox
    out[4:6] = struct.pack("<H", len(text))
    out[40:42] = b"\1\1"
    return out


def request(service: int, arguments: bytes = b"", *, number: int = 5) -> bytes:
    out = _header(2, number, 0xC0, b"")
    out[42] = service
    out[43 : 43 + len(arguments)] = arguments
    return bytes(out)


def long_request(service: int, arguments: bytes, text: bytes, *, number: int = 5) -> bytes:
    out = _header(2, number, 0x80, text)
    out[48:50] = b"\1\1"
    out[50] = service
    out[51 : 51 + len(arguments)] = arguments
    return bytes(out) + text


def answer(data: bytes = b"", *, number: int = 5, state: int = 0) -> bytes:
    out = _header(3, number, 0xD4, b"")
    out[44 : 44 + len(data)] = data
    out[55] = state << 4
    return bytes(out)


def long_answer(text: bytes, *, number: int = 5) -> bytes:
    return bytes(_header(3, number, 0x94, text)) + text


def refusal(major: int, minor: int, *, number: int = 5) -> bytes:
    out = _header(3, number, 0xD1, b"")
    out[42:44] = bytes([major, minor])
    return bytes(out)


def place(selector: int, address: int, count: int) -> bytes:
    return struct.pack("<BHH", selector, address, count)


def told(*exchange: tuple[bool, bytes], port: int = 18_245) -> list[dict[str, Any]]:
    line = wire.Line(port).open()
    for from_client, payload in exchange:
        line.says(from_client, payload)
    return wire.events(wire.pcap(line.packets), [FORMAT])


def asked(one: bytes, back: bytes) -> dict[str, Any]:
    (fields,) = told((True, bytes(56)), (False, b"\1" + bytes(55)), (True, one), (False, back))
    return fields


def of(fields: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(fields.get(f"ot.{name}") for name in names)


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (request(7, place(REGISTERS, 99, 2) + b"\xbc\2\7\0"), ("registers", 99, 2, [700, 7])),
        (request(7, place(OUTPUT_BYTES, 4, 1) + b"\x81"), ("outputs_bytes", 4, 1, "81")),
        (request(7, place(INTERNAL_BITS, 6, 4) + b"\xc0\3"), ("internal_bits", 6, 4, "c003")),
        (request(7, place(0x77, 0, 1) + b"\5"), ("selector_0x77", 0, 1, "05")),
        (
            long_request(7, place(REGISTERS, 0, 5), struct.pack("<5H", 1, 2, 3, 4, 5)),
            ("registers", 0, 5, [1, 2, 3, 4, 5]),
        ),
    ],
)
def test_a_write_has_its_memory_and_its_values(one: bytes, expected: tuple[Any, ...]) -> None:
    fields = asked(one, answer())

    assert of(fields, "address_space", "address", "count", "value") == expected
    assert (fields["ot.operation"], fields["event.outcome"]) == ("write", "success")
    assert fields["event.duration"] == wire.MILLISECOND


def test_what_was_read_is_the_value_of_the_read() -> None:
    words = asked(request(4, place(REGISTERS, 0, 2)), answer(b"\1\0\xff\xff"))
    many = asked(request(4, place(REGISTERS, 0, 4)), long_answer(struct.pack("<4H", 1, 2, 3, 4)))
    bits = asked(request(4, place(INPUT_BITS, 8, 8)), answer(b"\xa5\0\0"))

    assert of(words, "operation", "value") == ("read", [1, 65535])
    assert of(many, "operation", "value") == ("read", [1, 2, 3, 4])
    assert of(bits, "operation", "value") == ("read", "a5")


@pytest.mark.parametrize(
    ("service", "function", "operation"),
    [
        (0x23, "set_plc_state", "mode_change"),
        (0x24, "set_time_date", "clock"),
        (0x3F, "program_store", "program_upload"),
        (0x40, "program_load", "program_download"),
        (0x44, "toggle_force_system_memory", "force"),
        (0x20, "programmer_logon", "session"),
        (0x43, "return_controller_type", "identify"),
        (0x7E, "service_0x7e", "diagnostic"),
    ],
)
def test_a_service_has_its_operation(service: int, function: str, operation: str) -> None:
    fields = asked(request(service), answer(state=2))

    assert of(fields, "function_code", "function", "operation", "mode") == (service, function, operation, None)


def test_a_controller_that_is_asked_for_its_state_tells_it() -> None:
    assert of(asked(request(0), answer(state=2)), "operation", "mode") == ("diagnostic", "stop_no_io")
    assert of(asked(request(0), answer(state=9)), "mode") == ("state_9",)


def test_a_password_is_not_told() -> None:
    for one in (request(0x21, b"\4geheim12"), long_request(0x21, b"\4", b"geheim12")):
        fields = asked(one, refusal(5, 0xF5))

        assert of(fields, "operation", "value", "exception") == ("protect", 4, "invalid_password")
        assert b"geheim" not in bytes.fromhex(fields["event.original"])
        assert len(fields["event.original"]) == 2 * len(one)


@pytest.mark.parametrize(
    ("back", "reason"),
    [
        (refusal(1, 0), "illegal_service_request"),
        (refusal(2, 0xFE), "no_privilege"),
        (refusal(5, 0xF0), "only_in_stop_mode"),
        (refusal(5, 1), "service_request_error"),
        (refusal(0x77, 1), "status_0x7701"),
    ],
)
def test_a_refusal_is_a_word(back: bytes, reason: str) -> None:
    fields = asked(request(0x23), back)

    assert (fields["event.outcome"], fields["ot.exception"]) == ("failure", reason)


def test_answers_belong_to_the_request_of_their_number() -> None:
    found = told(
        (True, request(0x23, number=1)),
        (True, request(0x24, number=2)),
        (False, refusal(1, 0, number=2)),
        (False, answer(number=1)),
        (False, answer(number=9)),
    )

    assert [(fields["ot.function"], fields["event.outcome"]) for fields in found] == [
        ("set_plc_state", "success"), ("set_time_date", "failure"),
    ]  # fmt: skip


def test_a_message_that_is_cut_short_is_no_message() -> None:
    frame = wire.read(wire.pcap(wire.Line(18_245).open().asks(request(0x23)).packets), [FORMAT])[0][0]
    frame.payload = frame.payload[:55]

    with pytest.raises(ParseError):
        Conversation().feed(frame)
    with pytest.raises(ParseError):
        cut(b"\x0a")
    frame.payload = long_request(7, place(REGISTERS, 0, 3), b"\1\0\2\0")[:-2]
    assert not Conversation().feed(frame)


def test_a_message_is_known_by_its_lengths_its_number_and_its_mailbox() -> None:
    one = request(0x23)

    assert all(map(fingerprint, (one, answer(), long_request(7, b"", b"ab"), refusal(1, 0), long_answer(b"ab"))))
    assert not fingerprint(bytes(56))
    assert not fingerprint(one + b"\0")
    assert [asks(pdu) for pdu in (one, answer(), bytes(56), b"")] == [True, False, None, None]
    assert [fields["ot.operation"] for fields in told((True, one), port=50_004)] == ["mode_change"]
