"""TriStation: what a safety controller is told by those who program it, and whether it let them."""

import struct
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "framing"))

import wire

from engine.model import ParseError
from parsers._grammar.tristation_commands import COMMANDS, crc
from parsers.tristation import FORMAT, Conversation, asks, fingerprint

CONNECT, CONNECTED, DISCONNECTED, DISCONNECT, PING = 1, 2, 3, 4, 6


def datagram(kind: int, data: bytes = b"") -> bytes:
    out = struct.pack("<BBH", kind, 0, len(data)) + data
    return out + struct.pack("<H", crc(out))


def command(code: int, data: bytes = b"", *, number: int = 1, path: int = 0) -> bytes:
    unchecked = struct.pack("<BBBBHHH", path, path, code, number, 0, 0, 10 + len(data)) + data
    checked = unchecked[:6] + struct.pack("<H", sum(unchecked) + 10 + len(data) & 0xFFFF) + unchecked[8:]
    return datagram(5, checked)


def answer(code: int, data: bytes = b"", *, number: int = 1) -> bytes:
    return command(code, data, number=number, path=1)


def rejection(code: int, *, number: int = 1) -> bytes:
    return answer(100, bytes([code, 0]), number=number)


def status(key: int, state: int) -> bytes:
    return answer(108, b"\1\0\0\0\x0d\0\1" + bytes([key, state]) + bytes(57) + b"BURNER" + bytes(30))


def told(*exchange: tuple[bool, bytes], port: int = 1502) -> list[dict[str, Any]]:
    return wire.events(wire.datagrams(port, exchange), [FORMAT])


def asked(one: bytes, back: bytes) -> dict[str, Any]:
    (fields,) = told((True, one), (False, back))
    return fields


def of(fields: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(fields.get(f"ot.{name}") for name in names)


@pytest.mark.parametrize(
    ("one", "back", "function", "operation"),
    [
        (datagram(CONNECT), datagram(CONNECTED), "connect_request", "session"),
        (datagram(DISCONNECT), datagram(DISCONNECTED), "disconnect_request", "session"),
        (datagram(PING), datagram(PING), "ping", "diagnostic"),
    ],
)
def test_a_datagram_has_its_kind_and_its_answer(one: bytes, back: bytes, function: str, operation: str) -> None:
    fields = asked(one, back)

    assert of(fields, "function", "operation", "function_code") == (function, operation, one[0])
    assert (fields["event.outcome"], fields["event.duration"]) == ("success", wire.MILLISECOND)
    assert (fields["source.ip"], fields["destination.port"]) == ("192.0.2.10", 1502)


@pytest.mark.parametrize(
    ("code", "function", "operation", "mode"),
    [
        (20, "run_program", "plc_start", "run"),
        (21, "halt_program", "plc_stop", "halt"),
        (22, "pause_program", "mode_change", "pause"),
        (80, "go_to_download_mode", "mode_change", "download"),
        (1, "start_download_change", "program_download", None),
        (55, "allocate_program", "program_download", None),
        (65, "upload_program", "program_upload", None),
        (27, "set_io_point_values", "write", None),
        (17, "enable_all_points", "force", None),
        (7, "set_calendar", "clock", None),
        (24, "get_chassis_status", "identify", None),
        (99, "command_99", "diagnostic", None),
    ],
)
def test_a_command_has_its_operation_and_its_mode(code: int, function: str, operation: str, mode: str | None) -> None:
    fields = asked(command(code), answer(110))

    assert of(fields, "function_code", "function", "operation", "mode") == (code, function, operation, mode)
    assert fields["event.outcome"] == "success"


@pytest.mark.parametrize(
    ("back", "reason"),
    [
        (rejection(212), "key_setting_prohibits"),
        (rejection(203), "program_not_halted"),
        (rejection(7), "reject_code_7"),
        (answer(100), "rejected"),
        (datagram(7), "connection_limit_reached"),
        (datagram(10), "access_denied"),
    ],
)
def test_a_refusal_is_a_word(back: bytes, reason: str) -> None:
    fields = asked(command(20), back)

    assert (fields["event.outcome"], fields["ot.exception"]) == ("failure", reason)


def test_a_controller_says_where_its_key_stands_and_what_its_program_does() -> None:
    fields = asked(command(19), status(1, 0))

    assert of(fields, "operation", "key_position", "mode", "identity.project") == (
        "diagnostic", "program", "running", "BURNER",
    )  # fmt: skip
    assert of(asked(command(19), status(9, 9)), "key_position", "mode") == ("position_9", "state_9")


def test_answers_belong_to_the_command_of_their_number() -> None:
    found = told(
        (True, command(55, number=1)),
        (True, command(21, number=2)),
        (False, rejection(212, number=2)),
        (False, answer(153, number=1)),
        (False, answer(153, number=9)),
        (False, datagram(CONNECTED)),
        (False, datagram(10)),
    )

    assert [of(fields, "function", "exception") for fields in found] == [
        ("allocate_program", None), ("halt_program", "key_setting_prohibits"),
    ]  # fmt: skip
    assert [fields["event.outcome"] for fields in told((True, command(20)))] == ["unknown"]


def test_what_is_cut_short_is_told() -> None:
    frame = wire.read(wire.datagrams(1502, [(True, command(21))]), [FORMAT])[0][0]
    session = Conversation()
    frame.payload = command(21)[:12]

    session.feed(frame)

    ((_, fields),) = session.expire(None)
    assert "cut short" in fields["error.message"]
    frame.payload = b"\5\0\n"
    with pytest.raises(ParseError):
        session.feed(frame)


def test_a_datagram_is_known_by_its_kind_its_length_and_its_checksum() -> None:
    assert all(fingerprint(command(code)) for code in COMMANDS)
    assert fingerprint(datagram(CONNECT))
    assert fingerprint(bytes.fromhex("060000000088"))
    assert not fingerprint(command(21)[:-1] + b"\0")
    assert not fingerprint(command(21) + b"\0")
    assert not fingerprint(datagram(5, b"short"))
    assert not fingerprint(datagram(77))
    datagrams = (datagram(CONNECT), datagram(CONNECTED), command(21), answer(110), datagram(PING), b"")
    assert [asks(pdu) for pdu in datagrams] == [True, False, True, False, None, None]
    assert [of(fields, "operation") for fields in told((True, command(21)), port=50_005)] == [("plc_stop",)]
