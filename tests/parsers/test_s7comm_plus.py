"""S7comm-plus in the clear: functions, variables, states of the CPU; what is encrypted is told as such, once."""

import struct
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "framing"))

import wire

from parsers._grammar.s7_plus_values import Reading
from parsers.s7comm import FORMAT, Conversation, asks, fingerprint

SET_VARIABLE, SET_MULTI, GET_MULTI, CREATE, DELETE, INVOKE, EXPLORE = 0x4F2, 0x542, 0x54C, 0x4CA, 0x4D4, 0x56B, 0x4BB
CPU, STATE_REQUEST, SESSION = 52, 2167, 0x3C0
DB5_113 = (0x8A0E0005, (2550, 113))
QUALIFIER = bytes.fromhex("000004e88969001200000000896a001300896b00040000")


def number(value: int) -> bytes:
    out = [value & 0x7F]
    while value := value >> 7:
        out.append(value & 0x7F | 0x80)
    return bytes(reversed(out))


def long_number(value: int) -> bytes:
    """Nine bytes, the last of them with eight bits."""
    return bytes(value >> shift & 0x7F | 0x80 for shift in range(57, 7, -7)) + bytes([value & 0xFF])


def packet(unit: bytes) -> bytes:
    return struct.pack(">BBHBBB", 3, 0, 7 + len(unit), 2, 0xF0, 0x80) + unit


def framed(data: bytes, *, version: int = 2, last: bool = True) -> bytes:
    if version == 3:
        data = b"\x20" + bytes(32) + data
    return packet(
        struct.pack(">BBH", 0x72, version, len(data)) + data + (bytes([0x72, version, 0, 0]) if last else b"")
    )


def asked(function: int, body: bytes, *, sequence: int = 5, session: int = SESSION) -> bytes:
    return struct.pack(">BHHHHIB", 0x31, 0, function, 0, sequence, session, 0x34) + body


def answered(function: int, body: bytes = b"", *, sequence: int = 5, result: bytes = b"\0") -> bytes:
    return struct.pack(">BHHHHB", 0x32, 0, function, 0, sequence, 0x34) + result + body + bytes(5)


def item(area: int, path: tuple[int, ...]) -> bytes:
    return b"\0" + number(area) + number(len(path)) + b"".join(map(number, path))


def multi(*items: tuple[int, tuple[int, ...]]) -> bytes:
    fields = sum(3 + len(path) for _, path in items)
    return struct.pack(">I", 0) + number(len(items)) + number(fields) + b"".join(item(*one) for one in items)


def values(*encoded: bytes) -> bytes:
    return b"".join(number(place) + value for place, value in enumerate(encoded, 1))


def set_variable(which: int, attribute: int, value: bytes) -> bytes:
    return asked(SET_VARIABLE, struct.pack(">I", which) + b"\1" + number(attribute) + value + QUALIFIER)


def set_attributes(which: int, attributes: tuple[int, ...], *encoded: bytes) -> bytes:
    head = struct.pack(">I", which) + number(len(encoded)) + number(len(attributes))
    return asked(SET_MULTI, head + b"".join(map(number, attributes)) + values(*encoded) + b"\0" + QUALIFIER)


def told(*exchange: tuple[bool, bytes]) -> list[dict[str, Any]]:
    line = wire.Line(102).open()
    for from_client, payload in exchange:
        line.says(from_client, payload)
    return wire.events(wire.pcap(line.packets), [FORMAT])


def one(request: bytes, answer: bytes = b"", **how: Any) -> dict[str, Any]:
    exchange = [(True, framed(request, **how))] + ([(False, framed(answer, **how))] if answer else [])
    (fields,) = told(*exchange)
    return fields


def of(fields: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(fields.get(f"ot.{name}") for name in names)


@pytest.mark.parametrize(
    ("encoded", "value"),
    [
        ("0001 01", True),
        ("0002 07", 7),
        ("0003 02bc", 700),
        ("0004 8a0e", 1294),
        ("0005 8a0e", 1294),
        ("0007 ff38", -200),
        ("0008 7f", -1),
        ("0008 8146", 198),
        ("0008 fe00", -256),
        ("000a 2a", 42),
        ("000c 00000001", 1),
        ("000e 42c80000", 100.0),
        ("0015 05 48656c6c6f", "Hello"),
        ("0014 00 02 beef", "beef"),
        ("1002 03 010203", [1, 2, 3]),
        ("2004 02 01 8a0e", [1, 1294]),
        ("8003 02bc", 700),
        ("0000", None),
    ],
)
def test_a_value_is_read_by_its_type(encoded: str, value: Any) -> None:
    assert Reading(bytes.fromhex(encoded)).value() == value


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_variable_that_is_written_has_its_place_and_its_value(version: int) -> None:
    request = asked(SET_MULTI, multi(DB5_113) + values(b"\0\1\1") + b"\0" + QUALIFIER)

    fields = one(request, answered(SET_MULTI), version=version)

    assert of(fields, "protocol", "function", "function_code", "operation") == (
        "s7comm_plus", "set_multi_variables", SET_MULTI, "write",
    )  # fmt: skip
    assert of(fields, "address_space", "tag", "value", "count", "session_id") == (
        "db5",
        "DB5.113",
        True,
        1,
        "0x000003c0",
    )
    assert (fields["event.outcome"], fields["event.duration"]) == ("success", wire.MILLISECOND)
    assert FORMAT.route is not None
    assert FORMAT.route(fields).product == "s7comm_plus"


def test_several_variables_are_lists() -> None:
    request = asked(
        SET_MULTI, multi((82, (3736, 3, 100, 2)), (0x8A0E0001, (2550, 10, 4))) + values(b"\0\3\0\7", b"\0\2\1")
    )

    fields = one(request, answered(SET_MULTI))

    assert of(fields, "operation", "address_space", "address", "tag", "value") == (
        "write", ["merker", "db1"], [100, None], ["M.B100", "DB1.10.4"], [7, 1],
    )  # fmt: skip


def test_a_write_of_more_variables_than_are_shown_is_still_a_write() -> None:
    many = [DB5_113] * 200

    fields = one(asked(SET_MULTI, multi(*many) + values(*[b"\0\1\1"] * 200)))

    assert of(fields, "operation", "count", "value") == ("write", 200, None)
    assert len(fields["ot.tag"]) == 128


def test_what_was_read_is_the_value_of_the_read() -> None:
    answer = answered(GET_MULTI, values(b"\0\3\0\7", b"\0\1\1") + b"\0" + b"\0")

    fields = one(asked(GET_MULTI, multi(DB5_113, DB5_113) + QUALIFIER), answer)

    assert of(fields, "operation", "tag", "value") == ("read", ["DB5.113", "DB5.113"], [7, True])


@pytest.mark.parametrize(
    ("state", "operation", "mode"),
    [(1, "plc_stop", "stop"), (3, "plc_start", "run"), (2, "mode_change", "state_2")],
)
def test_the_state_that_is_asked_of_the_cpu_is_a_mode(state: int, operation: str, mode: str) -> None:
    wanted = b"\0\x08" + bytes([state])

    for request in (set_variable(CPU, STATE_REQUEST, wanted), set_attributes(CPU, (STATE_REQUEST,), wanted)):
        assert of(one(request), "operation", "mode", "object_id", "value") == (operation, mode, CPU, state)


@pytest.mark.parametrize(
    ("request_", "operation"),
    [
        (set_variable(0x70000E51, 1053, b"\0\7\0\xce"), "session"),
        (set_attributes(SESSION, (SESSION, 306), b"\0\4\1", b"\0\x17\0\0\1\x3a"), "session"),
        (set_variable(SESSION, 1846, b"\x10\2\2\xaa\xbb"), "protect"),
        (set_variable(50, 2421, b"\0\x10" + bytes(8)), "clock"),
        (set_variable(CPU, 4711, b"\0\x08\1"), "diagnostic"),
        (asked(SET_MULTI, multi((77, (1, 2))) + values(b"\0\1\1")), "diagnostic"),
        (asked(CREATE, struct.pack(">I", 285) + b"\0\4\0"), "session"),
        (asked(CREATE, struct.pack(">I", 3) + b"\0\4\0"), "program_download"),
        (asked(DELETE, struct.pack(">I", 0x8A0E0007) + b"\0"), "program_delete"),
        (asked(DELETE, struct.pack(">I", SESSION) + b"\0"), "session"),
        (asked(DELETE, struct.pack(">I", 4711) + b"\0"), "diagnostic"),
        (asked(INVOKE, struct.pack(">II", 9, 15_000_009)), "diagnostic"),
        (asked(EXPLORE, struct.pack(">I", 3)), "read"),
        (asked(0x5B3, b""), "session"),
        (asked(0x777, b""), "diagnostic"),
    ],
)
def test_an_operation_is_told_where_it_is_certain(request_: bytes, operation: str) -> None:
    fields = one(request_)

    assert of(fields, "operation") == (operation,)
    assert "error.message" not in fields


def test_what_answers_a_password_is_not_told() -> None:
    assert "ot.value" not in one(set_variable(SESSION, 1846, b"\x10\2\2\xaa\xbb"))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (answered(SET_MULTI, result=long_number(0x8318890001B3FFFE)), "invalid_value_type"),
        (answered(SET_MULTI, result=b"\x16"), "session_delegitimated"),
        (answered(SET_MULTI, b"\1\xff\xff\x74\0"), "object_not_found"),
        (answered(0x4B1), "error"),
    ],
)
def test_a_refusal_is_a_word(answer: bytes, reason: str) -> None:
    fields = one(asked(SET_MULTI, multi(DB5_113) + values(b"\0\1\1")), answer)

    assert (fields["event.outcome"], fields["ot.exception"]) == ("failure", reason)


def test_a_controller_says_what_it_is_when_a_session_begins() -> None:
    paoms = b"\x82\x3f\x00\x15\x1a1;6ES7 214-1HE30-0XB0 ;V2.2"

    fields = one(asked(CREATE, struct.pack(">I", 285)), answered(CREATE, b"\1" + paoms))

    assert of(fields, "identity.product_code", "identity.revision", "identity.vendor_name") == (
        "6ES7 214-1HE30-0XB0", "2.2", "Siemens",
    )  # fmt: skip


def test_answers_belong_to_the_request_of_their_number_and_notifications_to_none() -> None:
    found = told(
        (True, framed(asked(EXPLORE, struct.pack(">I", 3), sequence=1))),
        (True, framed(set_variable(CPU, STATE_REQUEST, b"\0\x08\1"))),
        (False, framed(b"\x33" + bytes(40))),
        (False, packet(b"\x72\xff\0\0")),
        (False, framed(answered(SET_VARIABLE, result=b"\x8f\xff\x74"))),
        (False, framed(answered(EXPLORE, sequence=1))),
        (False, framed(answered(EXPLORE, sequence=9))),
    )

    assert [(*of(fields, "function", "exception"), fields["event.outcome"]) for fields in found] == [
        ("explore", None, "success"),
        ("set_variable", "object_not_found", "failure"),
    ]


def test_a_request_of_several_frames_is_one() -> None:
    whole = asked(SET_MULTI, multi(DB5_113) + values(b"\0\1\1") + bytes(20))
    parts = [framed(whole[:20], version=3, last=False), framed(whole[20:], version=3)]

    (fields,) = told(*((True, part) for part in parts), (False, framed(answered(SET_MULTI), version=3)))
    (lost,) = told((True, parts[0]))

    assert of(fields, "operation", "tag", "value") == ("write", "DB5.113", True)
    assert fields["event.original"] == b"".join(parts).hex()
    assert "missing" in lost["error.message"]


def test_what_has_begun_is_kept_over_a_restart() -> None:
    whole = asked(SET_MULTI, multi(DB5_113) + values(b"\0\1\1"))
    payloads = [framed(whole[:15], last=False), framed(whole[15:]), framed(answered(SET_MULTI))]
    exchange = [(True, payloads[0]), (True, payloads[1]), (False, payloads[2])]
    line = wire.Line(102).open()
    for from_client, payload in exchange:
        line.says(from_client, payload)
    frames = wire.read(wire.pcap(line.packets), [FORMAT])[0]

    for cut in range(3):
        before, after = Conversation(), Conversation()
        out = [finished for frame in frames[:cut] for finished in before.feed(frame)]
        after.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(before.snapshot())))
        out += [finished for frame in frames[cut:] for finished in after.feed(frame)]

        assert [of(fields, "operation") for _, fields in out] == [("write",)]


def test_what_goes_on_inside_tls_is_told_once_a_connection() -> None:
    record = packet(b"\x17\x03\x03\0\x20" + bytes(32))

    setup, tls = told(
        (True, framed(asked(0x5B3, b""), version=1)),
        (False, framed(answered(0x5B3), version=1)),
        (True, packet(b"\x16\x03\x01\0\x20" + bytes(32))),
        (False, record),
        (True, record),
    )

    assert of(setup, "function", "operation") == ("init_ssl", "session")
    assert of(tls, "protocol", "function", "operation", "encrypted") == ("s7comm_plus", "tls", "session", True)


def test_what_is_cut_short_is_told() -> None:
    assert "too few" in one(asked(SET_MULTI, multi(DB5_113))[:-3])["error.message"]
    answer = answered(GET_MULTI, values(b"\0\3\0"))[:-6]
    assert "cut short" in one(asked(GET_MULTI, multi(DB5_113)), answer)["error.message"]


def test_a_frame_is_known_by_its_mark_and_its_version() -> None:
    request = asked(EXPLORE, struct.pack(">I", 3))

    assert all(fingerprint(framed(request, version=version)) for version in (1, 2, 3))
    assert fingerprint(packet(b"\x16\x03\x01\0\x20" + bytes(32)))
    assert not fingerprint(packet(b"\x72\x09\0\0"))
    assert [asks(framed(one, version=3)) for one in (request, answered(EXPLORE))] == [True, False]


def test_icsnpp_sees_the_same_requests(outside: Path) -> None:
    folder = outside / "ot" / "icsnpp-s7comm"
    log = (folder / "expected" / "analyzer.s7comm_plus" / "s7comm_plus.log").read_text()
    rows = [line.split("\t") for line in log.splitlines() if not line.startswith("#")]

    found = wire.events((folder / "s7comm_plus.pcap").read_bytes(), [FORMAT])

    ours = [fields["ot.function_code"] for fields in found if fields["ot.protocol"] == "s7comm_plus"]
    assert ours == [int(row[14], 16) for row in rows if row[12] == "0x31"]
