"""DNP3: link frames with checksums, transport segments, requests with their objects, responses with their status."""

import random
import struct
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from time import process_time
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "framing"))

import wire

from engine.model import Flow, Frame, ParseError
from parsers.dnp3 import FORMAT, Conversation, asks, cut, fingerprint

FLOW = Flow(client_ip="192.0.2.10", client_port=40_001, server_ip="198.51.100.20", server_port=20_000)
CLOSE = struct.pack("<BBIIB", 0x41, 1, 500, 0, 0)


def slow_checksum(data: bytes) -> bytes:
    """Bit by bit, as clause 9.2.4.1.7 draws it: x^16 + x^13 + x^12 + x^11 + x^10 + x^8 + x^6 + x^5 + x^2 + 1."""
    register = 0
    for byte in data:
        for bit in range(8):
            feedback = (register ^ byte >> bit) & 1
            register = register >> 1 ^ (0b1010_0110_1011_1100 if feedback else 0)
    return struct.pack("<H", register ^ 0xFFFF)


def framed(data: bytes, *, master: bool = True, control: int | None = None, to: int = 4, by: int = 3) -> bytes:
    ends = (to, by) if master else (by, to)
    head = b"\x05\x64" + struct.pack(
        "<BBHH", 5 + len(data), (0xC4 if master else 0x44) if control is None else control, *ends
    )
    blocks = [data[at : at + 16] for at in range(0, len(data), 16)]
    return head + slow_checksum(head) + b"".join(block + slow_checksum(block) for block in blocks)


def request(code: int, objects: bytes = b"", *, number: int = 1, **ends: int) -> bytes:
    return framed(bytes([0xC0 | number, 0xC0 | number, code]) + objects, **ends)


def response(objects: bytes = b"", *, number: int = 1, indications: int = 0, code: int = 129) -> bytes:
    return framed(bytes([0xC0 | number, 0xC0 | number, code, 0, indications]) + objects, master=False)


def sent(payload: bytes, number: int, *, from_client: bool = True) -> Frame:
    time = wire.START + number * wire.MILLISECOND
    return Frame(payload=payload, source="s", sequence=number << 16, time=time, flow=FLOW, from_client=from_client)


def told(*pdus: bytes) -> dict[str, Any]:
    """The one event of these frames; those of the master are the client's."""
    conversation = Conversation()
    found = []
    for number, pdu in enumerate(pdus):
        found += conversation.feed(sent(pdu, number, from_client=bool(asks(pdu))))
    found += conversation.expire(None)
    ((_, fields),) = found
    return fields


def of(fields: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(fields.get(f"ot.{name}") for name in names)


@pytest.mark.parametrize(
    ("code", "function", "operation"),
    [
        (1, "read", "read"),
        (13, "cold_restart", "restart"),
        (14, "warm_restart", "restart"),
        (17, "start_application", "plc_start"),
        (18, "stop_application", "plc_stop"),
        (20, "enable_unsolicited", "config"),
        (21, "disable_unsolicited", "config"),
        (24, "record_current_time", "clock"),
        (31, "activate_configuration", "activate"),
        (77, "function_77", "diagnostic"),
    ],
)
def test_a_function_has_its_name_and_its_operation(code: int, function: str, operation: str) -> None:
    fields = told(request(code), response())

    assert of(fields, "function_code", "function", "operation") == (code, function, operation)
    assert fields["event.outcome"] == "success"
    assert fields["event.duration"] == wire.MILLISECOND
    assert of(fields, "unit_id", "master_id") == (4, 3)


def test_an_operated_relay_has_its_point_and_what_it_was_told_to_do() -> None:
    fields = told(request(4, b"\x0c\x01\x28\x01\0\x08\0" + CLOSE), response(b"\x0c\x01\x28\x01\0\x08\0" + CLOSE))

    assert of(fields, "operation", "address_space", "address", "value") == ("command", "binary_output", 8, "close")
    assert of(fields, "relay.count", "relay.on_ms", "relay.off_ms", "object") == (1, 500, 0, "g12v1")
    assert fields["event.outcome"] == "success"


@pytest.mark.parametrize(
    ("variation", "data", "value"),
    [
        (1, struct.pack("<iB", -7, 0), -7),
        (2, struct.pack("<hB", 700, 0), 700),
        (3, struct.pack("<fB", 1.5, 0), 1.5),
        (4, struct.pack("<dB", 2.25, 0), 2.25),
    ],
)
def test_an_analog_output_is_set_to_a_number(variation: int, data: bytes, value: float) -> None:
    fields = told(request(5, bytes([41, variation, 0x17, 1, 9]) + data))

    assert of(fields, "operation", "address_space", "address", "value") == ("command", "analog_output", 9, value)
    assert fields["event.outcome"] == "unknown"


def test_several_points_are_lists_and_the_first_refusal_is_the_reason() -> None:
    blocked = CLOSE[:-1] + b"\x0f"

    fields = told(
        request(3, b"\x0c\x01\x17\x02\x01" + CLOSE + b"\x02" + CLOSE),
        response(b"\x0c\x01\x17\x02\x01" + CLOSE + b"\x02" + blocked),
    )

    assert of(fields, "operation", "address", "value", "count") == ("select", [1, 2], ["close", "close"], 2)
    assert (fields["event.outcome"], fields["ot.exception"]) == ("failure", "blocked")


@pytest.mark.parametrize(
    ("bit", "word"), [(1, "function_code_not_supported"), (2, "object_unknown"), (4, "parameter_error")]
)
def test_indications_refuse(bit: int, word: str) -> None:
    fields = told(request(18), response(indications=bit))

    assert (fields["event.outcome"], fields["ot.exception"]) == ("failure", word)


@pytest.mark.parametrize(
    ("objects", "operation"),
    [
        (b"\x32\x01\x07\x01" + bytes(6), "clock"),
        (b"\x50\x01\x00\x07\x07\x00", "diagnostic"),
        (b"\x22\x01\x00\x00\x00\x05\x00", "config"),
        (b"\x0a\x01\x00\x00\x03\x05", "write"),
    ],
)
def test_a_write_is_what_it_writes(objects: bytes, operation: str) -> None:
    assert told(request(2, objects))["ot.operation"] == operation


def test_a_file_has_its_name_and_what_is_done_with_it() -> None:
    name = b"config.xml"
    command = struct.pack("<HH6sHIIHHH", 26, len(name), bytes(6), 0, 0, 0, 2, 1024, 1) + name

    fields = told(request(25, b"\x46\x03\x5b\x01" + struct.pack("<H", len(command)) + command))

    assert (fields["file.path"], fields["ot.file.mode"], fields["ot.operation"]) == ("config.xml", "write", "file")


def test_a_fragment_over_several_segments_is_one_request() -> None:
    fragment = b"\xc1\x05" + b"\x0c\x01\x17\x03" + b"".join(bytes([point]) + CLOSE for point in (1, 2, 3))
    pieces = [b"\x41" + fragment[:15], b"\x02" + fragment[15:20], b"\x02" + fragment[15:20], b"\x83" + fragment[20:]]

    fields = told(*map(framed, pieces))

    assert of(fields, "address", "value") == ([1, 2, 3], ["close"] * 3)


def test_a_lost_segment_costs_the_fragment_and_not_the_next() -> None:
    lost = [framed(b"\x41\xc1\x05\x0c\x01"), framed(b"\x83\0\0\0")]

    assert told(*lost, request(13))["ot.function"] == "cold_restart"


def test_neither_confirmations_nor_unsolicited_responses_are_events() -> None:
    conversation = Conversation()
    frames = [request(0), response(code=130), response(), framed(b"", master=False, control=0x0B)]

    found = [
        event
        for number, pdu in enumerate(frames)
        for event in conversation.feed(sent(pdu, number, from_client=bool(asks(pdu))))
    ]

    assert found == []
    assert conversation.expire(None) == []


def test_a_broadcast_and_what_wants_no_answer_wait_for_none() -> None:
    assert told(request(13, to=0xFFFF))["ot.broadcast"] is True
    assert next(iter(Conversation().feed(sent(request(6), 1))))[1]["ot.operation"] == "command"


def test_the_link_layer_is_told_once_however_often_it_asks() -> None:
    ask, status = framed(b"", control=0xC9), framed(b"", master=False, control=0x0B)

    fields = told(ask, status, ask, status, ask)

    assert of(fields, "function", "operation") == ("request_link_status", "diagnostic")
    assert fields["event.outcome"] == "success"


def test_a_wrong_checksum_is_told_and_nothing_is_read_behind_it() -> None:
    header, block = bytearray(request(18)), bytearray(request(18))
    header[8] ^= 1
    block[11] ^= 1

    for damaged in (header, block):
        fields = told(bytes(damaged))
        assert fields["ot.function"] == "damaged_frame"
        assert "checksum" in fields["error.message"]


def test_the_master_is_the_source_even_where_the_outstation_connects() -> None:
    conversation = Conversation()

    found = [*conversation.feed(sent(request(18), 1, from_client=False)), *conversation.expire(None)]

    ((_, fields),) = found
    assert (fields["source.ip"], fields["destination.ip"]) == ("198.51.100.20", "192.0.2.10")
    assert fields["destination.port"] == 40_001


def test_one_datagram_may_hold_several_frames() -> None:
    payload = request(1, b"\x3c\x01\x06", number=1) + request(18, number=2)
    datagram = struct.pack(">HHHH", 40_001, 20_000, 8 + len(payload), 0) + payload
    packet = wire.ethernet(wire.ipv4(wire.CLIENT, wire.SERVER, datagram, protocol=17))

    events = wire.events(wire.pcap([(wire.START, packet)]), [FORMAT])

    assert [(event["ot.function"], event["network.transport"]) for event in events] == [
        ("read", "udp"),
        ("stop_application", "udp"),
    ]


def test_frames_are_cut_by_their_length_and_known_by_their_checksum() -> None:
    frame = request(4, b"\x0c\x01\x28\x01\0\x08\0" + CLOSE)

    assert [cut(frame[:size]) for size in (0, 1, 2, 3, len(frame), len(frame) + 5)] == [None] * 3 + [len(frame)] * 3
    assert fingerprint(frame)
    assert not fingerprint(frame[:8] + b"\0\0" + frame[10:])
    for wrong in (b"\x05\x65\x05", b"\x05\x64\x04", b"GET"):
        with pytest.raises(ParseError):
            cut(wrong)


def test_what_waits_and_what_has_begun_survives_a_restart() -> None:
    before, after = Conversation(), Conversation()
    before.feed(sent(request(13), 1))
    before.feed(sent(framed(b"\x41\xc2\x05\x0c\x01\x28\x01"), 2))

    after.restore(before.snapshot())
    found = [*after.feed(sent(response(), 3, from_client=False))]
    found += after.feed(sent(framed(b"\x82\0\x08\0" + CLOSE), 4))
    found += after.expire(None)

    assert [fields["ot.function"] for _, fields in found] == ["cold_restart", "direct_operate"]
    assert found[0][1]["event.outcome"] == "success"


def rows(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text().splitlines() if not line.startswith("#")]


def test_icsnpp_sees_the_same_functions_objects_and_controls(outside: Path) -> None:
    folder = outside / "ot" / "icsnpp-dnp3"
    expected = folder / "expected" / "analyzer.basic"
    found = wire.events((folder / "dnp3_example.pcap").read_bytes(), [FORMAT])

    def counted(of_ours: Iterable[tuple[Any, ...]], of_theirs: Iterable[tuple[Any, ...]]) -> tuple[Any, Any]:
        return Counter(of_ours), Counter(of_theirs)

    # a row of theirs is a point of a request ("T"), or of the response that answers it
    controls = [fields for fields in found if "ot.relay.count" in fields]
    names = ("function", "address", "value", "relay.count", "relay.on_ms", "relay.off_ms")
    ours, theirs = counted(
        (of(fields, *names) for fields in controls),
        (
            (row[12].lower(), int(row[13]), row[14].lower(), *map(int, row[17:20]))
            for row in rows(expected / "dnp3_control.log")
            if row[6] == "T"
        ),
    )
    assert ours == theirs
    assert ours.total() == 267
    assert {fields["event.outcome"] for fields in controls} == {"success"}
    classes, rows_read = counted(
        ((space,) for fields in found if fields["ot.function"] == "read" for space in spaces(fields)),
        (
            (row[12].lower().removesuffix(" data").replace(" ", "_"),)
            for row in rows(expected / "dnp3_objects.log")
            if row[6] == "T" and row[11] == "READ"
        ),
    )
    assert classes == rows_read
    # theirs has a row a response; what answers nothing (unsolicited, and a response that came again) has no request
    asked = Counter(row[6].lower() for row in rows(expected / "dnp3.log") if row[6] != "-")
    assert Counter(fields["ot.function"] for fields in found)["read"] == asked["read"]
    assert sum(asked.values()) <= len(found) == 364


def spaces(fields: dict[str, Any]) -> list[str]:
    found = fields["ot.address_space"]
    return found if isinstance(found, list) else [found]


@pytest.mark.parametrize(
    "objects",
    [
        bytes([110, 0, 9]) + b"\xff\xff\xff\x7f",
        bytes([10, 2, 5]) + bytes(4) + b"\xff\xff\xff\xff",
        bytes([12, 1, 0x28]) + b"\xff\xff",
        bytes([70, 3, 0x5B, 255]),
        bytes([12, 1, 0x77, 1]),
    ],
)
def test_a_count_that_the_objects_do_not_hold_costs_nothing(objects: bytes) -> None:
    begin = process_time()

    fields = told(request(2, objects))

    assert "error.message" in fields
    assert process_time() - begin < 0.05


def test_damaged_requests_behind_right_checksums_give_events() -> None:
    chance = random.Random("dnp3")
    requests = [
        (5, bytes([12, 1, 0x28]) + struct.pack("<HH", 1, 8) + CLOSE),
        (2, bytes([50, 1, 7, 1]) + bytes(6)),
        (
            25,
            bytes([70, 3, 0x5B, 1]) + struct.pack("<HHH6sHIIHHH", 30, 26, 4, bytes(6), 0, 0, 0, 2, 1_024, 1) + b"a.cfg",
        ),
        (3, bytes([41, 3, 0x17, 2]) + (b"\1" + struct.pack("<fB", 1.5, 0)) * 2),
    ]

    for _ in range(20_000):
        code, objects = chance.choice(requests)
        data = bytearray(objects)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        assert told(request(code, bytes(data[: chance.randint(0, len(data))])))["ot.function_code"] == code
