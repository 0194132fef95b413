"""EtherNet/IP: what is inside the encapsulation, tags, containers, modes of controllers, what came back."""

import struct
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "framing"))

import wire

from engine.model import Flow, Frame, ParseError
from parsers.enip import FORMAT, Conversation, asks, cut, fingerprint

RECORDED = Path(__file__).parent / "enip" / "tags.pcap"
FLOW = Flow(client_ip="192.0.2.10", client_port=40_001, server_ip="198.51.100.20", server_port=44_818)
TAG = b"\x91\x05Level\0"


def encapsulated(
    command: int, data: bytes, *, session: int = 7, status: int = 0, context: bytes = b"12345678"
) -> bytes:
    return struct.pack("<HHII8sI", command, len(data), session, status, context, 0) + data


def unconnected(message: bytes, **how: Any) -> bytes:
    items = struct.pack("<IHHHHHH", 0, 10, 2, 0, 0, 0xB2, len(message)) + message
    return encapsulated(0x6F, items, **how)


def connected(message: bytes, count: int, connection: int = 99) -> bytes:
    body = struct.pack("<H", count) + message
    items = struct.pack("<IHHHHIHH", 0, 0, 2, 0xA1, 4, connection, 0xB1, len(body)) + body
    return encapsulated(0x70, items)


def request(service: int, path: bytes, data: bytes = b"") -> bytes:
    return bytes([service, len(path) // 2]) + path + data


def reply(service: int, data: bytes = b"", *, status: int = 0, extended: tuple[int, ...] = ()) -> bytes:
    return struct.pack(f"<BBBB{len(extended)}H", service | 0x80, 0, status, len(extended), *extended) + data


def forwarded(message: bytes, route: bytes = b"\x01\x03") -> bytes:
    padded = message + bytes(len(message) % 2)
    data = struct.pack("<BBH", 5, 157, len(message)) + padded + bytes([len(route) // 2, 0]) + route
    return request(0x52, b"\x20\x06\x24\x01", data)


def several(service: int, *messages: bytes) -> bytes:
    starts, at = [], 2 + 2 * len(messages)
    for message in messages:
        starts.append(at)
        at += len(message)
    body = struct.pack(f"<H{len(messages)}H", len(messages), *starts) + b"".join(messages)
    return request(service, b"\x20\x02\x24\x01", body) if service < 0x80 else reply(service & 0x7F, body)


def pccc(command: int, function: int, data: bytes = b"") -> bytes:
    message = b"\x07\x4d\0\x01\x02\x03\x04" + struct.pack("<BBHB", command, 0, 77, function) + data
    return request(0x4B, b"\x20\x67\x24\x01", message)


def sent(payload: bytes, number: int, *, from_client: bool = True) -> Frame:
    time = wire.START + number * wire.MILLISECOND
    return Frame(payload=payload, source="s", sequence=number << 16, time=time, flow=FLOW, from_client=from_client)


def events(*pdus: bytes) -> list[dict[str, Any]]:
    """The events of a request and of what answers it."""
    conversation = Conversation()
    found = []
    for number, pdu in enumerate(pdus):
        found += conversation.feed(sent(pdu, number, from_client=number == 0))
    found += conversation.expire(None)
    return [fields for _, fields in found]


def of(fields: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(fields.get(f"ot.{name}") for name in names)


@pytest.mark.parametrize(
    ("message", "function", "operation"),
    [
        (bytes.fromhex("0702 2064 2401"), "stop", "plc_stop"),
        (bytes.fromhex("0602 2064 2401"), "start", "plc_start"),
        (bytes.fromhex("0502 2001 2401"), "reset", "restart"),
        (bytes.fromhex("0102 2001 2401"), "get_attributes_all", "identify"),
        (bytes.fromhex("0e03 2004 2465 3003"), "get_attribute_single", "read"),
        (bytes.fromhex("1003 2004 2465 3003 0100"), "set_attribute_single", "write"),
        (bytes.fromhex("1003 20f5 2401 3005 c0000201"), "set_attribute_single", "config"),
        (bytes.fromhex("0402 208b 2401 0100 0600 00"), "set_attribute_list", "clock"),
        (bytes.fromhex("4b02 20a1 2401 00"), "nvs_update", "firmware"),
        (bytes.fromhex("4c02 2037 24c8 00"), "initiate_download", "file"),
        (bytes.fromhex("5402 2006 2401 00"), "forward_open", "session"),
        (bytes.fromhex("4e02 2006 2401 00"), "forward_close", "session"),
        (bytes.fromhex("5503 206b 2500 0000 0100"), "get_instance_attribute_list", "read"),
        (bytes.fromhex("7b02 2099 2401"), "service_0x7b", "diagnostic"),
    ],
)
def test_a_service_has_its_name_and_its_operation(message: bytes, function: str, operation: str) -> None:
    (fields,) = events(unconnected(message), unconnected(reply(message[0])))

    assert of(fields, "function", "operation", "function_code") == (function, operation, message[0])
    assert fields["event.outcome"] == "success"


def test_a_stop_inside_unconnected_send_is_a_stop_with_its_route() -> None:
    stop = bytes.fromhex("0702 2064 2401")

    (fields,) = events(unconnected(forwarded(stop)), unconnected(reply(0x07, status=0x0F, extended=(0x1234,))))

    assert of(fields, "operation", "route", "address_space") == ("plc_stop", ["1/3"], "program")
    assert (fields["event.outcome"], *of(fields, "exception", "exception_code")) == (
        "failure", "privilege_violation", 0x1234,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "code", "name", "values"),
    [(0xC3, "h", "INT", [-7, 700]), (0xCA, "f", "REAL", [1.5, -2.0]), (0xC1, "B", "BOOL", [0, 1])],
)
def test_a_written_tag_has_its_name_type_and_values(kind: int, code: str, name: str, values: list[Any]) -> None:
    raw = [255 if value else 0 for value in values] if name == "BOOL" else values
    data = struct.pack(f"<HH2{code}", kind, 2, *raw)

    (fields,) = events(unconnected(request(0x4D, TAG + b"\x28\x03", data)), unconnected(reply(0x4D)))

    assert of(fields, "operation", "tag", "data_type", "count", "value") == ("write", "Level[3]", name, 2, values)


def test_a_read_tag_has_what_came_back() -> None:
    asked = request(0x4C, TAG, b"\x01\0")

    (fields,) = events(connected(asked, 5), connected(reply(0x4C, struct.pack("<Hi", 0xC4, 4711)), 5, 100))

    assert of(fields, "operation", "tag", "value", "data_type", "connection_id") == ("read", "Level", 4711, "DINT", 99)
    assert fields["event.duration"] == wire.MILLISECOND


def test_each_service_of_a_packet_is_an_event_with_its_own_outcome() -> None:
    parts = [request(0x4C, TAG, b"\x01\0"), request(0x4D, TAG, struct.pack("<HHh", 0xC3, 1, 9))]
    answers = [reply(0x4C, struct.pack("<Hh", 0xC3, 3)), reply(0x4D, status=0x0E)]

    found = events(unconnected(several(0x0A, *parts)), unconnected(several(0x8A, *answers)))

    assert [(*of(fields, "function", "value"), fields["event.outcome"]) for fields in found] == [
        ("read_tag", 3, "success"),
        ("write_tag", 9, "failure"),
    ]


def test_a_refused_packet_refuses_each_of_its_services() -> None:
    one = request(0x4C, TAG, b"\x01\0")

    found = events(unconnected(several(0x0A, one, one)), unconnected(reply(0x0A, status=0x08)))

    assert [fields["ot.exception"] for fields in found] == ["service_not_supported"] * 2


@pytest.mark.parametrize(
    ("command", "function", "data", "name", "operation", "mode"),
    [
        (0x0F, 0x80, b"\x01", "change_mode", "mode_change", "program"),
        (0x0F, 0x80, b"\x06", "change_mode", "mode_change", "run"),
        (0x0F, 0x3A, b"\x02", "set_cpu_mode", "mode_change", "run"),
        (0x0F, 0x50, b"", "download_all_request", "program_download", None),
        (0x0F, 0x53, b"", "upload_all_request", "program_upload", None),
        (0x0F, 0x57, b"", "initialize_memory", "program_delete", None),
        (0x0F, 0x41, b"", "disable_forces", "force", None),
        (0x06, 0x03, b"", "diagnostic_status", "identify", None),
        (0x0F, 0xEE, b"", "pccc_0x0f_0xee", "diagnostic", None),
    ],
)
def test_pccc_changes_the_mode_of_a_controller(
    command: int, function: int, data: bytes, name: str, operation: str, mode: str | None
) -> None:
    (fields,) = events(unconnected(pccc(command, function, data)))

    assert of(fields, "function", "operation", "mode") == (name, operation, mode)


def test_pccc_writes_files_by_their_address_and_says_why_not() -> None:
    asked = pccc(0x0F, 0xAA, b"\x02\x07\x89\x0a\0" + struct.pack("<h", -300))
    refused = b"\x07\x4d\0\x01\x02\x03\x04" + struct.pack("<BBH", 0x4F, 0x60, 77)

    (fields,) = events(unconnected(asked), unconnected(reply(0x4B, refused)))

    assert of(fields, "operation", "tag", "value", "address") == ("write", "N7:10", -300, 10)
    assert (fields["event.outcome"], fields["ot.exception"]) == ("failure", "function_disallowed")


def test_an_identity_names_the_device() -> None:
    name = b"EX-100 Controller"
    identity = struct.pack("<HHHBBHIB", 1, 14, 55, 20, 11, 0x60, 0xC0FFEE, len(name)) + name + b"\3"
    item = b"\x01\0" + bytes(16) + identity
    listed = struct.pack("<HHH", 1, 0x0C, len(item)) + item

    (fields,) = events(encapsulated(0x63, b"", session=0), encapsulated(0x63, listed, session=0))

    assert of(fields, "operation", "identity.product_name", "identity.revision", "identity.serial_number") == (
        "identify", "EX-100 Controller", "20.011", "00c0ffee",
    )  # fmt: skip


def test_a_session_that_is_refused_failed() -> None:
    (fields,) = events(
        encapsulated(0x65, b"\x01\0\0\0", session=0), encapsulated(0x65, b"\x02\0\0\0", session=0, status=0x69)
    )

    assert (fields["ot.operation"], fields["ot.exception"]) == ("session", "unsupported_protocol_revision")


def test_another_context_or_another_count_is_another_request() -> None:
    stop = bytes.fromhex("0702 2064 2401")

    (one,) = events(unconnected(stop), unconnected(reply(7), context=b"another!"))
    (two,) = events(connected(stop, 5), connected(reply(7), 6))

    assert [one["event.outcome"], two["event.outcome"]] == ["unknown"] * 2


def test_a_request_that_is_cut_short_is_told() -> None:
    (fields,) = events(unconnected(b"\x07\x09\x20"))

    assert "cut short" in fields["error.message"]


def test_the_recorded_stack_is_told_as_it_was_asked() -> None:
    found = wire.events(RECORDED.read_bytes(), [FORMAT])

    tags = [event for event in found if event["ot.operation"] in ("read", "write")]
    assert [(*of(event, "operation", "tag", "value"), event["event.outcome"]) for event in tags] == [
        ("read", "Level[0]", [0, 0, 0, 0], "success"),
        ("write", "Level[2]", [700, 701], "success"),
        ("write", "Flow[1]", 1.5, "success"),
        ("read", "Missing[0]", None, "unknown"),
        ("read", "Level[0]", 0, "success"),
        ("write", "Level[1]", 5, "success"),
        ("write", "Missing[0]", 1, "failure"),
    ]


def test_pdus_are_cut_by_their_length_and_requests_told_from_replies() -> None:
    stop = unconnected(bytes.fromhex("0702 2064 2401"))

    assert [cut(stop[:size]) for size in (0, 1, 3, 4, len(stop))] == [None, None, None, len(stop), len(stop)]
    assert fingerprint(stop)
    assert not fingerprint(bytes(24))
    assert [asks(pdu) for pdu in (stop, unconnected(reply(7)), encapsulated(0x65, b"\1\0\0\0", session=0), b"")] == [
        True, False, True, None,
    ]  # fmt: skip
    with pytest.raises(ParseError):
        cut(b"\x99\x99")


def rows(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text().splitlines() if not line.startswith("#")]


@pytest.mark.parametrize(
    ("capture", "case", "services"),
    [
        ("enip_cip_example.pcap", "analyzer.basic", 544),
        ("multiple_service_packet_cip.pcapng", "analyzer.multiple_service_request", 11),
        ("set_attribute_single_service_cip.pcapng", "analyzer.set_attr_single_service", 1),
    ],
)
def test_icsnpp_sees_the_same_services_classes_and_instances(
    outside: Path, capture: str, case: str, services: int
) -> None:
    folder = outside / "ot" / "icsnpp-enip"
    found = [
        fields
        for fields in wire.events((folder / capture).read_bytes(), [FORMAT])
        if fields["ot.function_code"] not in (0x63, 0x65)
    ]

    # theirs has a row for a Multiple Service Packet itself, too
    expected = [
        (int(row[13], 16), int(row[19], 16), int(row[21], 16))
        for row in rows(folder / "expected" / case / "cip.log")
        if row[12] == "request" and row[13] != "0x0a"
    ]

    assert Counter(of(fields, "function_code", "class_id", "address") for fields in found) == Counter(expected)
    assert len(found) == services


def test_icsnpp_sees_the_same_answers(outside: Path) -> None:
    folder = outside / "ot" / "icsnpp-enip"
    answered = [
        row
        for row in rows(folder / "expected" / "analyzer.basic" / "cip.log")
        if row[12] == "response" and row[13] != "0x0a"
    ]

    outcomes = Counter(
        fields["event.outcome"]
        for fields in wire.events((folder / "enip_cip_example.pcap").read_bytes(), [FORMAT])
        if "ot.class_id" in fields
    )

    assert {row[16] for row in answered} == {"Success"}
    assert outcomes == {"success": len(answered), "unknown": 544 - len(answered)}
