"""Modbus/TCP and UMAS: what a PDU says, and which response belongs to which request."""

import json
import random
import struct
import sys
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "framing"))

import wire

from engine.model import Flow, Frame, ParseError
from parsers.modbus import FORMAT, Conversation, asks, cut, fingerprint

HERE = Path(__file__).parent / "modbus"
FLOW = Flow(client_ip="192.0.2.10", client_port=40_001, server_ip="198.51.100.20", server_port=502)
SECOND = 1_000_000_000


def adu(body: str, *, transaction: int = 1, unit: int = 1) -> bytes:
    data = bytes.fromhex(body)
    return struct.pack(">HHHB", transaction, 0, len(data) + 1, unit) + data


def sent(payload: bytes, number: int, *, from_client: bool = True, at: int | None = None) -> Frame:
    time = wire.START + (number * wire.MILLISECOND if at is None else at)
    return Frame(payload=payload, source="s", sequence=number << 16, time=time, flow=FLOW, from_client=from_client)


def told(request: str, response: str | None = None) -> dict[str, Any]:
    """The one event of a request and its response."""
    conversation = Conversation()
    found = list(conversation.feed(sent(adu(request), 1)))
    if response is not None:
        found += conversation.feed(sent(adu(response), 2, from_client=False))
    found += conversation.expire(None)
    ((_, fields),) = found
    return fields


def of(fields: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(fields.get(f"ot.{name}") for name in names)


@pytest.mark.parametrize(
    ("request_", "response", "function", "operation", "space", "address", "count", "value"),
    [
        ("01 0013 0013", "01 03 CD6B05", "read_coils", "read", "coil", 0x13, 0x13,
         [1, 0, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1, 0, 1, 1, 0, 1, 0, 1]),
        ("02 00C4 0003", "02 01 05", "read_discrete_inputs", "read", "discrete_input", 0xC4, 3, [1, 0, 1]),
        ("03 006B 0003", "03 06 022B00000064", "read_holding_registers", "read", "holding_register", 0x6B, 3, [555, 0, 100]),
        ("04 0008 0001", "04 02 000A", "read_input_registers", "read", "input_register", 8, 1, 10),
        ("05 00AC FF00", "05 00AC FF00", "write_single_coil", "write", "coil", 0xAC, 1, 1),
        ("05 00AC 0000", "05 00AC 0000", "write_single_coil", "write", "coil", 0xAC, 1, 0),
        ("06 0001 FFFF", "06 0001 FFFF", "write_single_register", "write", "holding_register", 1, 1, 65535),
        ("0F 0013 000A 02 CD01", "0F 0013 000A", "write_multiple_coils", "write", "coil", 0x13, 10,
         [1, 0, 1, 1, 0, 0, 1, 1, 1, 0]),
        ("10 0001 0002 04 000A0102", "10 0001 0002", "write_multiple_registers", "write", "holding_register", 1, 2, [10, 258]),
        ("14 0E 06 0004 0001 0002 06 0003 0009 0002", "14 0C 05 06 0DFE0020 05 06 33CD0040", "read_file_record", "read",
         ["file_4", "file_3"], [1, 9], [2, 2], [0x0DFE, 0x20, 0x33CD, 0x40]),
        ("15 0D 06 0004 0007 0003 06AF04BE100D", "15 0D 06 0004 0007 0003 06AF04BE100D", "write_file_record", "write",
         "file_4", 7, 3, [0x06AF, 0x04BE, 0x100D]),
        ("16 0004 00F2 0025", "16 0004 00F2 0025", "mask_write_register", "write", "holding_register", 4, 1, None),
        ("16 0004 0000 0025", "16 0004 0000 0025", "mask_write_register", "write", "holding_register", 4, 1, 0x25),
        ("17 0003 0002 000E 0001 02 00FF", "17 04 00FE0ACD", "read_write_multiple_registers", "write", "holding_register",
         14, 1, 255),
        ("18 04DE", "18 0006 0002 01B8 1284", "read_fifo_queue", "read", "holding_register", 0x4DE, 2, [0x1B8, 0x1284]),
    ],
)  # fmt: skip
def test_the_examples_of_the_specification_are_read_as_it_explains_them(
    request_: str, response: str, function: str, operation: str, space: Any, address: Any, count: Any, value: Any
) -> None:
    fields = told(request_, response)

    assert of(fields, "function", "operation", "address_space", "address", "count", "value") == (
        function, operation, space, address, count, value
    )  # fmt: skip
    assert fields["event.outcome"] == "success"
    assert "error.message" not in fields


@pytest.mark.parametrize(
    ("request_", "function", "operation"),
    [
        ("07", "read_exception_status", "diagnostic"),
        ("08 0000 A537", "return_query_data", "diagnostic"),
        ("08 0001 FF00", "restart_communications_option", "restart"),
        ("08 0004 0000", "force_listen_only_mode", "config"),
        ("08 000A 0000", "clear_counters_and_diagnostic_register", "diagnostic"),
        ("08 0063 0000", "diagnostics_99", "diagnostic"),
        ("0B", "get_comm_event_counter", "diagnostic"),
        ("0C", "get_comm_event_log", "diagnostic"),
        ("11", "report_server_id", "identify"),
        ("2B 0E 01 00", "read_device_identification", "identify"),
        ("2B 0D 00", "canopen_general_reference", "diagnostic"),
        ("41 00", "function_65", "diagnostic"),
        ("7D 00", "firmware_replacement", "firmware"),
        ("00", "function_0", "diagnostic"),
    ],
)
def test_what_is_no_read_or_write_has_its_operation(request_: str, function: str, operation: str) -> None:
    assert of(told(request_), "function", "operation") == (function, operation)


@pytest.mark.parametrize(
    ("code", "function", "operation"),
    [
        (0x40, "start_plc", "plc_start"),
        (0x41, "stop_plc", "plc_stop"),
        (0x10, "take_plc_reservation", "session"),
        (0x02, "read_id", "identify"),
        (0x31, "upload_block", "program_download"),
        (0x34, "download_block", "program_upload"),
        (0x23, "write_variables", "write"),
        (0xC8, "umas_0xc8", "diagnostic"),
    ],
)
@pytest.mark.parametrize("session", [0x00, 0x01, 0xF3])
def test_umas_is_told_by_its_code_whatever_the_session(code: int, function: str, operation: str, session: int) -> None:
    fields = told(f"5A {session:02x} {code:02x} FF00", f"5A {session:02x} FE")

    assert of(fields, "protocol", "function_code", "function", "operation") == ("umas", code, function, operation)
    assert fields["event.outcome"] == "success"
    assert FORMAT.route is not None
    assert FORMAT.route(fields).product == "umas"


def test_a_refused_umas_request_failed() -> None:
    fields = told("5A 01 41 FF00", "5A 01 FD 80")

    assert (fields["event.outcome"], fields["ot.exception"]) == ("failure", "refused")


@pytest.mark.parametrize(
    ("code", "word", "outcome"),
    [
        (1, "illegal_function", "failure"),
        (2, "illegal_data_address", "failure"),
        (3, "illegal_data_value", "failure"),
        (4, "server_device_failure", "failure"),
        (5, "acknowledge", "unknown"),
        (6, "server_device_busy", "failure"),
        (11, "gateway_target_device_failed_to_respond", "failure"),
        (99, "exception_99", "failure"),
    ],
)
def test_an_exception_is_a_word(code: int, word: str, outcome: str) -> None:
    fields = told("06 0001 0003", f"86 {code:02x}")

    assert (fields["ot.exception"], fields["event.outcome"]) == (word, outcome)


def test_an_event_says_who_when_and_what() -> None:
    line = wire.Line().open().asks(adu("06 0064 02BC")).answers(adu("06 0064 02BC"))

    (fields,) = wire.events(wire.pcap(line.packets), [FORMAT])

    assert fields == {
        "@timestamp": line.packets[-2][0],
        "event.kind": "event",
        "event.category": ["network"],
        "event.type": ["protocol"],
        "event.action": "write_single_register",
        "event.outcome": "success",
        "event.duration": wire.MILLISECOND,
        "event.original": "0001000000060106006402bc",
        "network.transport": "tcp",
        "network.type": "ipv4",
        "network.protocol": "modbus",
        "source.ip": "192.0.2.10",
        "source.port": 40_001,
        "source.mac": "00-00-5E-00-53-0A",
        "destination.ip": "198.51.100.20",
        "destination.port": 502,
        "destination.mac": "00-00-5E-00-53-14",
        "related.ip": ["192.0.2.10", "198.51.100.20"],
        "ot.protocol": "modbus",
        "ot.unit_id": 1,
        "ot.function_code": 6,
        "ot.function": "write_single_register",
        "ot.operation": "write",
        "ot.address_space": "holding_register",
        "ot.address": 100,
        "ot.count": 1,
        "ot.value": 700,
        "message": "modbus write_single_register holding_register 100 = 700 "
        "from 192.0.2.10 to 198.51.100.20 unit 1: success",
    }


def test_a_response_is_never_a_second_write_nor_an_event_of_its_own() -> None:
    conversation = Conversation()

    assert list(conversation.feed(sent(adu("06 0001 0003"), 1, from_client=False))) == []
    assert list(conversation.expire(None)) == []


def test_responses_find_their_requests_in_any_order() -> None:
    conversation = Conversation()
    for number in (1, 2, 3):
        conversation.feed(sent(adu(f"06 000{number} 0000", transaction=number), number))

    answered = [
        frame.sequence >> 16
        for number in (3, 1, 2)
        for frame, _ in conversation.feed(sent(adu(f"06 000{number} 0000", transaction=number), 9, from_client=False))
    ]

    assert answered == [3, 1, 2]
    assert conversation.oldest() is None


def test_requests_with_one_transaction_are_answered_first_come_first_served() -> None:
    conversation = Conversation()
    conversation.feed(sent(adu("03 0001 0001"), 1))
    conversation.feed(sent(adu("06 0002 0007"), 2))
    conversation.feed(sent(adu("03 0003 0001"), 3))

    found = [
        (frame.sequence >> 16, fields["ot.value"])
        for response in ("06 0002 0007", "03 02 000A", "03 02 000B")
        for frame, fields in conversation.feed(sent(adu(response), 9, from_client=False))
    ]

    assert found == [(2, 7), (1, 10), (3, 11)]


def test_the_same_transaction_of_another_unit_is_another_request() -> None:
    conversation = Conversation()
    conversation.feed(sent(adu("06 0001 0001", unit=1), 1))

    assert list(conversation.feed(sent(adu("06 0001 0001", unit=2), 2, from_client=False))) == []
    assert conversation.oldest() == 1 << 16


def test_after_five_seconds_without_a_response_the_outcome_is_unknown() -> None:
    conversation = Conversation()
    conversation.feed(sent(adu("06 0001 0001"), 1, at=0))

    assert list(conversation.expire(wire.START + 5 * SECOND - 1)) == []
    ((frame, fields),) = conversation.expire(wire.START + 5 * SECOND)

    assert (frame.sequence, fields["event.outcome"]) == (1 << 16, "unknown")
    assert "event.duration" not in fields
    assert list(conversation.feed(sent(adu("06 0001 0001"), 2, from_client=False))) == []


def test_a_thousand_unanswered_requests_are_the_bound() -> None:
    conversation = Conversation()

    found = [
        one
        for number in range(1_100)
        for one in conversation.feed(sent(adu("06 0001 0001", transaction=number), number))
    ]

    assert [frame.sequence >> 16 for frame, _ in found] == list(range(1_100 - 1_024))


def test_what_waits_survives_a_restart() -> None:
    before, after = Conversation(), Conversation()
    before.feed(sent(adu("03 0001 0002"), 1))
    state = msgspec.msgpack.decode(msgspec.msgpack.encode(before.snapshot()))

    after.restore(state)
    ((frame, fields),) = after.feed(sent(adu("03 04 00010002"), 2, from_client=False))

    assert (frame.sequence, frame.flow, fields["ot.value"]) == (1 << 16, FLOW, [1, 2])


def test_identity_objects_have_the_names_of_the_specification() -> None:
    objects = b"".join(bytes([number, len(text)]) + text for number, text in enumerate([b"Example", b"EA-1", b"V2.7"]))

    fields = told("2B 0E 01 00", "2B 0E 01 01 00 00 03" + objects.hex())

    assert of(fields, "identity.vendor_name", "identity.product_code", "identity.revision") == (
        "Example",
        "EA-1",
        "V2.7",
    )


@pytest.mark.parametrize(
    "request_",
    ["05 0001 1234", "06 0001", "0F 0001 0010 01 FF", "10 0001 0002 04 0001", "10 00", "14 07 06", "17 0001", "08"],
)
def test_a_malformed_request_is_an_event_with_an_error(request_: str) -> None:
    fields = told(request_)

    assert fields["error.message"].startswith("Modbus")
    assert fields["ot.function_code"] == bytes.fromhex(request_)[0]


def test_lengths_are_cut_by_the_header_and_other_protocols_refused() -> None:
    assert cut(adu("03 0001 0001") + b"more") == 12
    assert cut(b"\0\1\0\0\0") is None
    assert cut(struct.pack(">HHHBB", 1, 0, 1_000, 1, 0x5A)) == 1_006
    for other in (b"GET / HTTP/1.1", bytes.fromhex("16030100c8010000"), bytes.fromhex("0300001611e00000"), b"SSH-2.0-x",
                  bytes(8), struct.pack(">HHHBB", 1, 0, 1_000, 1, 3), bytes.fromhex("056405c0010000040000")):  # fmt: skip
        with pytest.raises(ParseError):
            cut(other)


@pytest.mark.parametrize("name", ["polls", "writes", "questions"])
def test_recorded_pdus_have_a_fingerprint_and_know_their_side(name: str) -> None:
    for frame in wire.read((HERE / f"{name}.pcap").read_bytes(), [FORMAT])[0]:
        assert fingerprint(frame.payload)
        assert not fingerprint(frame.payload[:-1])
        assert asks(frame.payload) in (frame.from_client, None)


@given(st.binary(min_size=8, max_size=64))
def test_random_bytes_have_no_fingerprint(data: bytes) -> None:
    assert not fingerprint(data) or data[2:4] == b"\0\0"


@pytest.mark.parametrize("name", ["polls", "writes", "questions"])
def test_a_recording_on_another_port_gives_the_same_events(name: str) -> None:
    capture = (HERE / f"{name}.pcap").read_bytes()
    moved = capture.replace(struct.pack(">H", 502), struct.pack(">H", 8_502))

    def without_port(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{key: value for key, value in fields.items() if key != "destination.port"} for fields in found]

    assert without_port(wire.events(moved, [FORMAT])) == without_port(wire.events(capture, [FORMAT]))


def test_the_recorded_writes_are_what_the_client_was_told_to_write() -> None:
    found = wire.events((HERE / "writes.pcap").read_bytes(), [FORMAT])

    assert [of(fields, "function_code", "address", "value") for fields in found] == [
        (5, 7, 1),
        (5, 7, 0),
        (6, 100, 4_711),
        (15, 0, [1, 0, 1, 1, 0, 0, 1, 1, 1, 0]),
        (16, 20, [1, 65_535, 258]),
        (22, 4, None),
        (23, 40, [7, 8]),
        (6, 5_000, 1),
    ]
    assert [fields["event.outcome"] for fields in found] == ["success"] * 7 + ["failure"]
    assert all(fields["event.duration"] > 0 for fields in found)


def test_mutated_and_truncated_pdus_give_fields_or_a_parse_error() -> None:
    chance = random.Random(502)
    frames = [
        frame
        for name in ("polls", "writes", "questions")
        for frame in wire.read((HERE / f"{name}.pcap").read_bytes(), [FORMAT])[0]
    ]
    frames += [sent(adu("14 0E 06 0004 0001 0002 06 0003 0009 0002"), 1), sent(adu("5A 01 41 FF00"), 1)]
    conversation = Conversation()

    for _ in range(20_000):
        frame = chance.choice(frames)
        payload = bytearray(frame.payload)
        for _ in range(chance.randint(0, 4)):
            payload[chance.randrange(len(payload))] = chance.randrange(256)
        payload = payload[: chance.randint(0, len(payload))] if chance.random() < 0.3 else payload
        try:
            found = list(
                conversation.feed(
                    msgspec.structs.replace(frame, payload=bytes(payload), from_client=chance.random() < 0.6)
                )
            )
        except ParseError:
            continue
        for _, fields in found:
            orjson.dumps(fields)
            assert fields["ot.operation"]
            assert fields["message"]


def test_every_field_is_in_ecs_or_ours(outside: Path) -> None:
    known = json.loads((outside / "reference" / "ecs-fields.json").read_text())
    for name in ("polls", "writes", "questions"):
        for fields in wire.events((HERE / f"{name}.pcap").read_bytes(), [FORMAT]):
            assert {field for field in fields if not field.startswith("ot.")} <= set(known)


def test_icsnpp_sees_the_same_functions_addresses_and_values(outside: Path) -> None:
    folder = outside / "ot" / "icsnpp-modbus"
    rows = [
        line.split("\t")
        for line in (folder / "expected" / "analyzer.basic" / "modbus_detailed.log").read_text().splitlines()
        if not line.startswith("#")
    ]
    found = wire.events((folder / "modbus_example.pcap").read_bytes(), [FORMAT])

    def as_zeek(fields: dict[str, Any]) -> tuple[str, str, str, str]:
        return (
            str(int(fields["event.original"][:4], 16)),
            str(fields["ot.unit_id"]),
            *(str(fields.get(f"ot.{name}", "-")) for name in ("address", "count")),
        )

    ours = {as_zeek(fields): fields for fields in found}
    compared = 0
    for row in rows:
        transaction, unit, function, address, quantity, _, _ = row[6:13]
        if function.startswith(
            ("READ_COILS", "READ_DISCRETE", "READ_HOLDING", "READ_INPUT", "WRITE_SINGLE", "WRITE_MULTIPLE")
        ):
            fields = ours[transaction, unit, address, quantity if quantity != "-" else "1"]
            assert fields["ot.function"] == function.split("_EXCEPTION")[0].lower()
            values = fields.get("ot.value")
            theirs = [
                int(value)
                for value in (row[11] if row[11] != "-" else row[12]).split(",")
                if value not in ("-", "(empty)")
            ]
            if theirs:
                assert (values if isinstance(values, list) else [values]) == theirs
            compared += 1
    assert compared >= 12
    assert len(found) == 24


def test_quickdraws_attacks_are_found(outside: Path) -> None:
    folder = outside / "ot" / "quickdraw"

    functions = [
        of(fields, "function")[0]
        for fields in wire.events((folder / "modbus_test_data_part1.pcap").read_bytes(), [FORMAT])
    ]
    scanned = {
        of(fields, "function_code")[0]
        for fields in wire.events((folder / "modbus_test_data_part2.pcap").read_bytes(), [FORMAT])
    }
    unity = [
        of(fields, "operation")[0] for fields in wire.events((folder / "modicon_test.pcap").read_bytes(), [FORMAT])
    ]

    assert {"force_listen_only_mode", "restart_communications_option", "clear_counters_and_diagnostic_register",
            "read_device_identification", "report_server_id"} <= set(functions)  # fmt: skip
    assert set(range(128)) - {90} <= scanned
    assert unity.count("program_upload") == 55
