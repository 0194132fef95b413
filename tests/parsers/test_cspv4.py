"""CSPv4: PCCC to older Allen-Bradley controllers, without CIP around it."""

import struct
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "framing"))

import wire

from engine.model import ParseError
from parsers.cspv4 import FORMAT, Conversation, asks, cut, fingerprint


def message(mode: int, kind: int, body: bytes = b"", *, status: int = 0, custom: bytes = bytes(16)) -> bytes:
    return struct.pack(">BBHII", mode, kind, len(body), 0x1234, status) + custom + body


def connect(mode: int = 1) -> bytes:
    return message(mode, 1, custom=b"\0\4\0\5" + bytes(12))


def command(code: int, function: int | None, data: bytes = b"", *, number: int = 7, lsap: int = 0) -> bytes:
    tail = b"" if function is None else bytes([function])
    return message(1, 7, bytes([0, 5, 0, lsap]) + struct.pack(">BBH", code, 0, number) + tail + data)


def answer(code: int, data: bytes = b"", *, status: int = 0, number: int = 7) -> bytes:
    return message(2, 7, b"\0\5\0\0" + struct.pack(">BBH", code | 0x40, status, number) + data)


def told(*exchange: tuple[bool, bytes], port: int = 2222) -> list[dict[str, Any]]:
    line = wire.Line(port).open()
    for from_client, payload in exchange:
        line.says(from_client, payload)
    return wire.events(wire.pcap(line.packets), [FORMAT])


def asked(one: bytes, back: bytes) -> dict[str, Any]:
    (fields,) = told((True, one), (False, back))
    return fields


def of(fields: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(fields.get(f"ot.{name}") for name in names)


@pytest.mark.parametrize(
    ("function", "data", "operation", "mode"),
    [
        (0x80, b"\1", "mode_change", "program"),
        (0x80, b"\6", "mode_change", "run"),
        (0x3A, b"\2", "mode_change", "run"),
        (0x50, b"", "program_download", None),
        (0x53, b"", "program_upload", None),
        (0x57, b"", "program_delete", None),
        (0x77, b"", "diagnostic", None),
    ],
)
def test_a_command_has_its_operation_and_its_mode(function: int, data: bytes, operation: str, mode: str | None) -> None:
    fields = asked(command(0x0F, function, data), answer(0x0F))

    assert of(fields, "protocol", "function_code", "operation", "mode") == ("cspv4", function, operation, mode)
    assert (fields["event.outcome"], fields["event.duration"]) == ("success", wire.MILLISECOND)


def test_a_write_and_a_read_have_their_place_and_their_values() -> None:
    write = asked(command(0x0F, 0xAA, b"\2\7\x89\5\0\xbc\2"), answer(0x0F))
    read = asked(command(0x0F, 0xA2, b"\2\7\x89\5\0"), answer(0x0F, b"\x2a\0"))

    assert of(write, "operation", "tag", "value") == ("write", "N7:5", 700)
    assert of(read, "operation", "tag", "value") == ("read", "N7:5", 42)


def test_a_connection_is_a_session_and_a_refusal_a_word() -> None:
    first, refused, closed = told(
        (True, connect()),
        (False, connect(2)),
        (True, command(0x0F, 0x80, b"\1")),
        (False, answer(0x0F, status=0x60)),
        (True, command(0x0F, 0x80, b"\1", number=8)),
        (False, message(2, 7, b"\0\5\0\0" + struct.pack(">BBH", 0x4F, 0, 8), status=0x0101)),
    )

    assert of(first, "function", "operation") == ("connect", "session")
    assert (refused["event.outcome"], refused["ot.exception"]) == ("failure", "function_disallowed")
    assert closed["ot.exception"] == "status_0x00000101"


def test_a_command_to_a_station_beyond_is_not_guessed() -> None:
    assert of(asked(command(0x0F, 0x80, b"\1", lsap=1), answer(0x0F)), "function", "operation") == (
        "routed_command", "diagnostic",
    )  # fmt: skip


def test_what_is_cut_short_is_told() -> None:
    assert "cut short" in asked(command(0x0F, None), answer(0x0F))["error.message"]
    frame = wire.read(wire.pcap(wire.Line(2222).open().asks(connect()).packets), [FORMAT])[0][0]
    frame.payload = frame.payload[:27]
    with pytest.raises(ParseError):
        Conversation().feed(frame)
    for head in (b"\3", b"\1\2", b"\1\7\xff\xff"):
        with pytest.raises(ParseError):
            cut(head)


def test_a_message_is_known_by_its_length_and_its_control_byte() -> None:
    one = command(0x0F, 0x80, b"\1")

    assert all(map(fingerprint, (one, answer(0x0F), connect())))
    assert not fingerprint(one + b"\0")
    assert not fingerprint(message(1, 7, bytes(12)))
    assert not fingerprint(b"SSH-2.0-OpenSSH_9.6\r\n")
    assert [asks(pdu) for pdu in (one, answer(0x0F), b"")] == [True, False, None]
    assert [fields["ot.mode"] for fields in told((True, one), port=50_006)] == ["program"]
