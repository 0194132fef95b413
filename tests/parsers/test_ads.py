"""Beckhoff ADS over AMS/TCP and the datagrams of its routers: states, symbols, sums, routes, errors."""

import struct
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "framing"))

import wire

from engine.model import ParseError
from parsers.ads import FORMAT, Conversation, asks, cut, fingerprint

PLC, STATION = bytes([198, 51, 100, 20, 1, 1]), bytes([192, 0, 2, 10, 1, 1])


def ams(command: int, data: bytes = b"", *, port: int = 851, invoke: int = 1, flags: int = 4, failed: int = 0) -> bytes:
    ends = (PLC, port, STATION, 32_905) if not flags & 1 else (STATION, 32_905, PLC, port)
    header = struct.pack("<6sH6sHHHIII", *ends, command, flags, len(data), failed, invoke)
    return struct.pack("<HI", 0, len(header + data)) + header + data


def answer(command: int, data: bytes = bytes(4), **how: int) -> bytes:
    return ams(command, data, flags=5, **how)


def write(group: int, offset: int, data: bytes, **how: int) -> bytes:
    return ams(3, struct.pack("<III", group, offset, len(data)) + data, **how)


def read_write(group: int, offset: int, data: bytes, size: int = 4, **how: int) -> bytes:
    return ams(9, struct.pack("<IIII", group, offset, size, len(data)) + data, **how)


def control(state: int, *, port: int = 851) -> bytes:
    return ams(5, struct.pack("<HHI", state, 0, 0), port=port)


def datagram(service: int, *tags: tuple[int, bytes], invoke: int = 7, station: bytes = STATION) -> bytes:
    head = b"\x03\x66\x14\x71" + struct.pack("<II", invoke, service) + station + struct.pack("<HI", 10_000, len(tags))
    return head + b"".join(struct.pack("<HH", tag, len(value)) + value for tag, value in tags)


def told(*exchange: tuple[bool, bytes], port: int = 48_898) -> list[dict[str, Any]]:
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
    ("state", "port", "operation", "mode"),
    [
        (5, 851, "plc_start", "run"),
        (6, 851, "plc_stop", "stop"),
        (2, 10_000, "restart", "reset"),
        (16, 10_000, "mode_change", "reconfig"),
        (15, 10_000, "mode_change", "config"),
        (99, 851, "mode_change", "state_99"),
    ],
)
def test_a_state_that_is_set_is_a_mode(state: int, port: int, operation: str, mode: str) -> None:
    fields = asked(control(state, port=port), answer(5, port=port))

    assert of(fields, "function", "operation", "mode", "unit_id", "master_id") == (
        "write_control", operation, mode, f"198.51.100.20.1.1:{port}", "192.0.2.10.1.1:32905",
    )  # fmt: skip
    assert (fields["event.outcome"], fields["event.duration"]) == ("success", wire.MILLISECOND)


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (write(0x4020, 12, b"\xbc\x02"), ("write", "memory", 12, 2, "bc02")),
        (write(0xF030, 0, b"\1"), ("write", "outputs", 0, 1, "01")),
        (write(0x1234, 9, b"\1"), ("write", "group_0x1234", 9, 1, "01")),
        (write(0xF006, 0, b"\1\0\0\0"), ("session", "symbol_release_handle", 0, 4, None)),
        (ams(2, struct.pack("<III", 0x4020, 3, 2)), ("read", "memory", 3, 2, None)),
        (read_write(0xF003, 0, b"MAIN.speed\0"), ("read", "symbol_handle_by_name", 0, None, None)),
        (read_write(0x4040, 8, b"\7"), ("write", "data", 8, None, "07")),
    ],
)
def test_a_request_has_its_place_and_its_value(one: bytes, expected: tuple[Any, ...]) -> None:
    (fields,) = told((True, one))

    assert of(fields, "operation", "address_space", "address", "count", "value") == expected
    assert "error.message" not in fields


def test_what_was_read_is_the_value_of_the_read() -> None:
    fields = asked(ams(2, struct.pack("<III", 0x4020, 3, 2)), answer(2, struct.pack("<II", 0, 2) + b"\x2a\0"))

    assert of(fields, "operation", "value") == ("read", "2a00")
    assert of(asked(ams(4), answer(4, b"\0\0\0\0\6\0\0\0")), "function", "mode") == ("read_state", "stop")


def test_a_value_that_is_written_by_handle_has_the_name_the_handle_was_given_for() -> None:
    exchange = [
        (True, read_write(0xF003, 0, b"MAIN.speed\0", invoke=1)),
        (False, answer(9, struct.pack("<III", 0, 4, 77), invoke=1)),
        (True, write(0xF005, 77, b"\x2c\1", invoke=2)),
        (False, answer(3, invoke=2)),
        (True, write(0xF006, 0, b"\x4d\0\0\0", invoke=3)),
        (True, write(0xF005, 77, b"\x2c\1", invoke=4)),
    ]

    found = told(*exchange)

    assert [fields.get("ot.tag") for fields in found] == ["MAIN.speed", "MAIN.speed", None, None]
    assert of(found[1], "operation", "address_space", "value") == ("write", "symbol_value_by_handle", "2c01")


def test_a_sum_of_writes_tells_each_place_and_value() -> None:
    heads = struct.pack("<IIIIII", 0x4020, 1, 2, 0xF005, 9, 1)

    fields = asked(read_write(0xF081, 2, heads + b"\xaa\xbb\xcc", 8), answer(9, struct.pack("<IIQ", 0, 8, 0)))

    assert of(fields, "operation", "address_space", "address", "value", "count") == (
        "write", ["memory", "symbol_value_by_handle"], [1, 9], ["aabb", "cc"], 2,
    )  # fmt: skip


def test_a_sum_that_only_asks_for_handles_reads() -> None:
    heads = struct.pack("<IIII", 0xF003, 0, 4, 3)

    (fields,) = told((True, read_write(0xF082, 1, heads + b"a.b", 12)))

    assert of(fields, "operation", "address_space") == ("read", "symbol_handle_by_name")


def test_files_of_a_controller_are_files() -> None:
    one = read_write(120, 0, b"C:\\TwinCAT\\boot.wbp\0", port=10_000)

    (fields,) = told((True, one), (True, write(120, 0, b"x", port=851, invoke=2)))[:1]

    assert of(fields, "function", "operation") == ("fopen", "file")
    assert fields["file.path"] == "C:\\TwinCAT\\boot.wbp"


@pytest.mark.parametrize(
    ("back", "reason"),
    [
        (answer(5, struct.pack("<I", 0x704)), "access_not_permitted"),
        (answer(5, b"", failed=7), "target_machine_not_found"),
        (answer(5, struct.pack("<I", 0x9999)), "error_0x9999"),
    ],
)
def test_a_refusal_is_a_word(back: bytes, reason: str) -> None:
    fields = asked(control(6), back)

    assert (fields["event.outcome"], fields["ot.exception"]) == ("failure", reason)


def test_answers_belong_to_the_request_of_their_number_and_reports_to_none() -> None:
    found = told(
        (True, ams(4, invoke=1)),
        (True, ams(5, struct.pack("<HHI", 6, 0, 0), invoke=2)),
        (False, ams(8, bytes(8), invoke=0)),
        (False, answer(4, bytes(8), invoke=1)),
        (False, answer(4, bytes(8), invoke=5)),
    )

    assert [(fields["ot.function"], fields["event.outcome"]) for fields in found] == [
        ("read_state", "success"), ("write_control", "unknown"),
    ]  # fmt: skip


def test_a_controller_says_what_it_is() -> None:
    device = asked(ams(1), answer(1, bytes(4) + struct.pack("<BBH", 3, 1, 4024) + b"Plc30 App".ljust(16, b"\0")))
    (found,) = wire.events(
        wire.datagrams(
            48_899,
            [
                (True, datagram(1)),
                (False, datagram(0x80000001, (5, b"CX-0A11\0"), (3, struct.pack("<BBH", 3, 1, 4024)), station=PLC)),
            ],
        ),
        [FORMAT],
    )

    assert of(device, "operation", "identity.revision", "identity.product_name") == (
        "identify",
        "3.1.4024",
        "Plc30 App",
    )
    assert of(found, "function", "identity.net_id", "identity.host_name", "identity.revision") == (
        "discover", "198.51.100.20.1.1", "CX-0A11", "3.1.4024",
    )  # fmt: skip


def test_a_route_that_is_added_tells_who_and_not_the_password() -> None:
    one = datagram(6, (12, b"ews-7\0"), (7, STATION), (13, b"k.vogt\0"), (2, b"geheim\0"), (5, b"192.0.2.10\0"))
    good, bad = (datagram(0x80000006, (1, struct.pack("<I", code)), station=PLC) for code in (0, 0x704))

    (fields,) = wire.events(wire.datagrams(48_899, [(True, one), (False, good)]), [FORMAT])
    (refused,) = wire.events(wire.datagrams(48_899, [(True, one), (False, bad)]), [FORMAT])

    assert of(fields, "function", "operation", "route", "route_address") == (
        "add_route", "config", "ews-7", "192.0.2.10",
    )  # fmt: skip
    assert (fields["user.name"], fields["event.outcome"]) == ("k.vogt", "success")
    assert b"geheim" not in bytes.fromhex(fields["event.original"])
    assert (refused["event.outcome"], refused["ot.exception"]) == ("failure", "access_not_permitted")


def test_the_side_that_asks_is_the_source() -> None:
    found = told((True, ams(4)), (False, ams(4, invoke=9)), (True, answer(4, bytes(8), invoke=9)))

    assert [fields["source.ip"] for fields in found] == ["192.0.2.10", "198.51.100.20"]
    assert found[1]["event.outcome"] == "success"


def test_what_is_cut_short_is_told() -> None:
    assert "too few" in asked(ams(5, b"\6"), answer(5))["error.message"]
    assert "too few" in asked(ams(3, struct.pack("<III", 0x4020, 0, 9) + b"\1"), answer(3))["error.message"]
    frame = wire.read(wire.datagrams(48_899, [(True, datagram(1))]), [FORMAT])[0][0]
    for payload in (b"\x03\x66\x14\x71", ams(4)[:20]):
        frame.payload = payload
        with pytest.raises(ParseError):
            Conversation().feed(frame)
    for head in (b"\0\1", b"\0\0\1\0\0\0"):
        with pytest.raises(ParseError):
            cut(head)


def test_a_packet_is_known_by_its_lengths_and_its_command() -> None:
    one = control(6)

    assert fingerprint(one)
    assert fingerprint(answer(5))
    assert fingerprint(datagram(6))
    assert not fingerprint(ams(77))
    assert not fingerprint(ams(5, flags=0x0100))
    assert [asks(pdu) for pdu in (one, answer(5), datagram(1), datagram(0x80000001), b"\0")] == [
        True, False, True, False, None,
    ]  # fmt: skip
    assert [fields["ot.operation"] for fields in told((True, one), port=50_001)] == ["plc_stop"]
