"""S7comm: jobs, userdata, blocks, variables; who asked and what came back."""

import json
import random
import struct
import sys
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "framing"))

import wire

from engine.model import Flow, Frame, ParseError
from parsers.s7comm import FORMAT, Conversation, asks, cut, fingerprint

HERE = Path(__file__).parent / "s7comm"
NAMES = ["variables", "program", "engineering", "transfer"]
FLOW = Flow(client_ip="192.0.2.10", client_port=40_001, server_ip="198.51.100.20", server_port=102)
PROGRAM = b"\x09P_PROGRAM"


def packet(unit: bytes, *, last: bool = True) -> bytes:
    return struct.pack(">BBHBBB", 3, 0, 7 + len(unit), 2, 0xF0, 0x80 if last else 0) + unit


def job(parameter: bytes, data: bytes = b"", *, reference: int = 1) -> bytes:
    return packet(struct.pack(">BBHHHH", 0x32, 1, 0, reference, len(parameter), len(data)) + parameter + data)


def ack(parameter: bytes = b"", data: bytes = b"", *, reference: int = 1, error: int = 0, kind: int = 3) -> bytes:
    return packet(
        struct.pack(">BBHHHHH", 0x32, kind, 0, reference, len(parameter), len(data), error) + parameter + data
    )


def userdata(
    kind: int, group: int, sub: int, data: bytes = b"\x0a\0\0\0", *, reference: int = 1, error: int | None = None
) -> bytes:
    tail = b"" if error is None else struct.pack(">BBH", 0, 0, error)
    method = 0x11 if error is None else 0x12
    parameter = struct.pack(">BBBBBBBB", 0, 1, 0x12, 4 + len(tail), method, kind << 4 | group, sub, 0) + tail
    return packet(struct.pack(">BBHHHH", 0x32, 7, 0, reference, len(parameter), len(data)) + parameter + data)


def item(size: int, count: int, block: int, area: int, byte: int, bit: int = 0) -> bytes:
    return struct.pack(">BBBBHHB", 0x12, 10, 0x10, size, count, block, area) + (byte << 3 | bit).to_bytes(3, "big")


def service(name: bytes, argument: bytes = b"") -> bytes:
    return b"\x28" + bytes(6) + b"\xfd" + struct.pack(">H", len(argument)) + argument + bytes([len(name)]) + name


def sent(payload: bytes, number: int, *, from_client: bool = True) -> Frame:
    time = wire.START + number * wire.MILLISECOND
    return Frame(payload=payload, source="s", sequence=number << 16, time=time, flow=FLOW, from_client=from_client)


def told(request: bytes, response: bytes | None = None, *, from_client: bool = True) -> dict[str, Any]:
    """The one event of a request and its response."""
    conversation = Conversation()
    found = list(conversation.feed(sent(request, 1, from_client=from_client)))
    if response is not None:
        found += conversation.feed(sent(response, 2, from_client=not from_client))
    found += conversation.expire(None)
    ((_, fields),) = found
    return fields


def of(fields: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(fields.get(f"ot.{name}") for name in names)


@pytest.mark.parametrize(
    ("parameter", "function", "operation", "mode", "tag"),
    [
        (b"\x29" + bytes(5) + PROGRAM, "plc_stop", "plc_stop", "stop", None),
        (service(b"P_PROGRAM"), "pi_service", "plc_start", "warm_restart", None),
        (service(b"P_PROGRAM", b"C "), "pi_service", "plc_start", "cold_restart", None),
        (service(b"_INSE", b"\x01\x000800001P"), "pi_service", "activate", None, "OB1"),
        (service(b"_INSE", b"\x02\x000800001P0A00010P"), "pi_service", "activate", None, ["OB1", "DB10"]),
        (service(b"_DELE", b"\x01\x000A00010B"), "pi_service", "program_delete", None, "DB10"),
        (service(b"_MODU", b"EP"), "pi_service", "config", None, None),
        (service(b"_GARB"), "pi_service", "config", None, None),
        (service(b"_N_NEWPWD"), "pi_service", "protect", None, None),
        (b"\x1a\0\x01\0\0\0\0\0\x09_0800001P\x0d1000200000100", "request_download", "program_download", None, "OB1"),
        (b"\x1d\0\0\0\0\0\0\0\x09_0A00001A", "start_upload", "program_upload", None, "DB1"),
        (b"\x1e\0\0\0\0\0\0\x07", "upload", "program_upload", None, None),
        (b"\x1f\0\0\0\0\0\0\x07", "end_upload", "program_upload", None, None),
        (b"\xf0\0\0\x01\0\x01\x01\xe0", "setup_communication", "session", None, None),
        (b"\x77", "function_0x77", "diagnostic", None, None),
    ],
)
def test_a_job_has_its_operation(parameter: bytes, function: str, operation: str, mode: Any, tag: Any) -> None:
    fields = told(job(parameter), ack(parameter[:1]))

    assert of(fields, "function_code", "function", "operation", "mode", "tag") == (
        parameter[0],
        function,
        operation,
        mode,
        tag,
    )
    assert fields["event.outcome"] == "success"
    assert "error.message" not in fields


def test_the_public_stop_frame_stops_the_controller() -> None:
    frame = bytes.fromhex("0300002102f0803201000000010010000029000000000009505f50524f4752414d")

    fields = told(frame, ack(b"\x29"))

    assert of(fields, "operation", "pi_service") == ("plc_stop", "P_PROGRAM")
    assert fields["event.original"] == frame.hex()


@pytest.mark.parametrize(
    ("kind", "group", "sub", "function", "operation"),
    [
        (4, 0x1, 0x08, "modify_variable", "force"),
        (4, 0x1, 0x09, "force", "force"),
        (4, 0x1, 0x0C, "memory_reset", "program_delete"),
        (4, 0x1, 0x01, "block_status", "diagnostic"),
        (4, 0x2, 0x01, "cyclic_transfer", "read"),
        (4, 0x3, 0x01, "list_blocks", "identify"),
        (4, 0x4, 0x01, "read_szl", "identify"),
        (4, 0x5, 0x01, "password", "protect"),
        (4, 0x7, 0x01, "read_clock", "read"),
        (4, 0x7, 0x02, "set_clock", "clock"),
        (4, 0xF, 0x01, "nc_request_download", "program_download"),
        (4, 0xA, 0x01, "userdata_0xa_0x01", "diagnostic"),
    ],
)
def test_userdata_has_its_operation(kind: int, group: int, sub: int, function: str, operation: str) -> None:
    fields = told(userdata(kind, group, sub), userdata(8, group, sub, error=0))

    assert of(fields, "function", "operation") == (function, operation)
    assert fields["event.outcome"] == "success"


@pytest.mark.parametrize(
    ("address", "data", "space", "byte", "tag", "value"),
    [
        (item(0x01, 1, 5, 0x84, 4, 3), "00 03 0001 01", "db5", 4, "DB5.DBX4.3", 1),
        (item(0x02, 3, 1, 0x84, 10), "00 04 0018 010203", "db1", 10, "DB1.DBB10", [1, 2, 3]),
        (item(0x04, 1, 1, 0x84, 2), "00 04 0010 FFFE", "db1", 2, "DB1.DBW2", 65_534),
        (item(0x05, 1, 1, 0x84, 2), "00 05 0010 FFFE", "db1", 2, "DB1.DBW2", -2),
        (item(0x07, 1, 1, 0x84, 4), "00 05 0020 FFFFFFFF", "db1", 4, "DB1.DBD4", -1),
        (item(0x08, 1, 7, 0x84, 8), "00 07 0004 42C80000", "db7", 8, "DB7.DBD8", 100.0),
        (item(0x08, 1, 7, 0x84, 8), "00 04 0020 42C80000", "db7", 8, "DB7.DBD8", 100.0),
        (item(0x03, 4, 7, 0x84, 0), "00 09 0004 61626364", "db7", 0, "DB7.DBB0", "abcd"),
        (item(0x01, 1, 0, 0x83, 10, 0), "00 03 0001 01", "merker", 10, "M10.0", 1),
        (item(0x04, 1, 0, 0x83, 20), "00 04 0010 0007", "merker", 20, "MW20", 7),
        (item(0x02, 1, 0, 0x81, 0), "00 04 0008 80", "inputs", 0, "IB0", 128),
        (item(0x01, 1, 0, 0x82, 1, 7), "00 03 0001 00", "outputs", 1, "Q1.7", 0),
        (struct.pack(">BBBBHHB", 0x12, 10, 0x10, 0x1D, 1, 0, 0x1D) + bytes([0, 0, 5]), "00 09 0002 2010", "timer", 5, "T5", 0x2010),
    ],
)  # fmt: skip
def test_a_written_variable_is_decoded(address: bytes, data: str, space: str, byte: int, tag: str, value: Any) -> None:
    fields = told(job(b"\x05\x01" + address, bytes.fromhex(data)), ack(b"\x05\x01", b"\xff"))

    assert of(fields, "operation", "address_space", "address", "tag", "value") == ("write", space, byte, tag, value)
    assert fields["event.outcome"] == "success"


def test_several_variables_are_lists_and_one_refusal_is_a_failure() -> None:
    write = job(
        b"\x05\x03" + item(2, 1, 1, 0x84, 0) + item(4, 2, 2, 0x84, 6) + item(1, 1, 0, 0x83, 0, 1),
        bytes.fromhex("00040008 07 00  00040020 00010002  00030001 01"),
    )

    fields = told(write, ack(b"\x05\x03", b"\xff\x05\xff"))

    assert of(fields, "address_space", "address", "count", "value", "bit") == (
        ["db1", "db2", "merker"], [0, 6, 0], [1, 2, 1], [7, [1, 2], 1], [None, None, 1]
    )  # fmt: skip
    assert (fields["event.outcome"], fields["ot.exception"]) == ("failure", "invalid_address")


def test_what_was_read_is_the_value() -> None:
    fields = told(
        job(b"\x04\x01" + item(8, 2, 9, 0x84, 0)), ack(b"\x04\x01", bytes.fromhex("FF07 0008 42280000 3F800000"))
    )

    assert of(fields, "operation", "address_space", "value") == ("read", "db9", [42.0, 1.0])


def test_an_error_class_and_code_is_a_word() -> None:
    fields = told(job(b"\x1d\0\0\0\0\0\0\0\x09_0A00001A"), ack(error=0xD241, kind=2))

    assert (fields["event.outcome"], fields["ot.exception"]) == ("failure", "not_permitted_in_this_protection_level")


def test_in_a_download_the_controller_asks_and_the_source_stays_the_client() -> None:
    conversation = Conversation()
    name = b"\x09_0800001P"
    talk = [
        (True, job(b"\x1a\0\x01\0\0\0\0\0" + name + b"\x0d1000200000100", reference=5)),
        (False, ack(b"\x1a", reference=5)),
        (False, job(b"\x1b\0\x01\0\0\0\0\0" + name, reference=900)),
        (True, ack(b"\x1b\x00", b"\0\x04\0\xfbdata", reference=900)),
        (False, job(b"\x1c\0\x01\0\0\0\0\0" + name, reference=901)),
        (True, ack(b"\x1c", reference=901)),
    ]

    found = [
        fields
        for number, (from_client, payload) in enumerate(talk)
        for _, fields in conversation.feed(sent(payload, number, from_client=from_client))
    ]

    assert [of(fields, "function", "operation", "tag") for fields in found] == [
        ("request_download", "program_download", "OB1"),
        ("download_block", "program_download", "OB1"),
        ("download_ended", "program_download", "OB1"),
    ]
    assert {(fields["source.ip"], fields["event.outcome"]) for fields in found} == {("192.0.2.10", "success")}


def test_a_mode_transition_that_the_controller_reports_is_an_event_and_its_other_reports_are_none() -> None:
    fields = told(userdata(0, 0, 0x00), from_client=False)

    assert of(fields, "operation", "mode") == ("mode_change", "stop")
    assert fields["source.ip"] == "192.0.2.10"
    assert list(Conversation().feed(sent(userdata(0, 4, 0x11), 1, from_client=False))) == []


def test_a_password_is_masked() -> None:
    secret = b"\x64\x17\x65\x10\x75\x51\x42\x61"
    request = userdata(4, 5, 1, b"\xff\x09\x00\x08" + secret)

    fields = told(request, userdata(8, 5, 1, error=0xD602))

    assert secret.hex() not in orjson.dumps(fields).decode()
    assert len(bytes.fromhex(fields["event.original"])) == len(request)
    assert (fields["event.outcome"], fields["ot.exception"]) == ("failure", "wrong_password")


def test_a_clock_that_is_set_is_a_time() -> None:
    data = b"\xff\x09\x00\x0a" + bytes.fromhex("00 19 26 03 01 12 30 15 00 01")

    assert told(userdata(4, 7, 2, data))["ot.value"] == "2026-03-01T12:30:15"


def test_a_connection_request_names_the_resource_and_its_place() -> None:
    request = bytes.fromhex("0300001611e00000000100c0010ac1020100c2020302")
    confirm = bytes.fromhex("0300001611d00001000200c0010ac1020100c2020302")
    refuse = bytes.fromhex("0300000b06800001000200") + b""

    fields = told(request, confirm)

    assert of(fields, "operation", "connection_type", "rack", "slot", "tsap.called") == (
        "session",
        "s7_basic",
        0,
        2,
        "0302",
    )
    assert fields["event.outcome"] == "success"
    assert told(request, refuse)["event.outcome"] == "failure"


def test_a_unit_in_several_packets_is_one_pdu() -> None:
    whole = job(b"\x05\x01" + item(2, 3, 1, 0x84, 10), bytes.fromhex("00040018 010203"))[7:]
    conversation = Conversation()
    parts = [packet(whole[:9], last=False), packet(whole[9:20], last=False), packet(whole[20:])]

    assert [list(conversation.feed(sent(part, number))) for number, part in enumerate(parts)] == [[], [], []]
    assert conversation.oldest() == 2 << 16
    ((frame, fields),) = conversation.feed(sent(ack(b"\x05\x01", b"\xff"), 9, from_client=False))

    assert (frame.sequence, fields["ot.value"]) == (2 << 16, [1, 2, 3])
    assert fields["event.original"] == b"".join(parts).hex()


def test_what_waits_survives_a_restart_with_the_parts_of_a_unit() -> None:
    before, after = Conversation(), Conversation()
    whole = job(b"\x29" + bytes(5) + PROGRAM, reference=2)[7:]
    before.feed(sent(job(b"\x04\x01" + item(2, 1, 1, 0x84, 0)), 1))
    before.feed(sent(packet(whole[:9], last=False), 2))

    after.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(before.snapshot())))
    after.feed(sent(packet(whole[9:]), 3))
    ((_, stop),) = after.feed(sent(ack(b"\x29", reference=2), 4, from_client=False))

    assert stop["ot.operation"] == "plc_stop"
    assert after.oldest() == 1 << 16


def system_status_list(number: int, size: int, *records: bytes) -> bytes:
    body = struct.pack(">HHHH", number, 0, size, len(records)) + b"".join(records)
    return b"\xff\x09" + struct.pack(">H", len(body)) + body


def identified(answer: bytes) -> dict[str, Any]:
    fields = told(userdata(4, 4, 1, b"\xff\x09\0\4\0\x1c\0\0"), userdata(8, 4, 1, answer, error=0))
    return {name: value for name, value in fields.items() if name.startswith("ot.identity.")}


def test_a_controller_that_is_asked_for_its_module_says_what_it_is() -> None:
    order = b"6ES7 315-2EH14-0AB0 "
    module = struct.pack(">H", 1) + order + bytes.fromhex("00c0 0004 0001")
    firmware = struct.pack(">H", 7) + b" " * 20 + bytes.fromhex("00c0 5603 0206")

    assert identified(system_status_list(0x0011, 28, module, firmware)) == {
        "ot.identity.product_code": "6ES7 315-2EH14-0AB0",
        "ot.identity.revision": "3.2.6",
        "ot.identity.vendor_name": "Siemens",
    }


def test_a_controller_that_is_asked_for_its_components_gives_its_names() -> None:
    records = [
        struct.pack(">H", index) + text.ljust(32, b"\0")
        for index, text in ((1, b"BOILER"), (3, b"West plant"), (4, b""), (5, b"S C-X4U421302009"), (9, b"\0\x2a"))
    ]

    assert identified(system_status_list(0x001C, 34, *records)) == {
        "ot.identity.system_name": "BOILER",
        "ot.identity.plant": "West plant",
        "ot.identity.serial_number": "S C-X4U421302009",
        "ot.identity.vendor_name": "Siemens",
    }
    assert identified(system_status_list(0x001C, 34, *records)[:-40])["ot.identity.plant"] == "West plant"
    assert identified(system_status_list(0x0424, 20, bytes(20))) == {}


def test_another_protocol_over_cotp_makes_no_event() -> None:
    conversation = Conversation()

    assert list(conversation.feed(sent(packet(bytes.fromhex("0d 1c 05 06 13 01 00 16 01 02 14 02")), 1))) == []
    assert list(conversation.expire(None)) == []


def test_a_response_is_no_event_and_a_request_without_one_is_unknown() -> None:
    assert list(Conversation().feed(sent(ack(b"\x05\x01", b"\xff"), 1, from_client=False))) == []
    assert told(job(b"\x29" + bytes(5) + PROGRAM))["event.outcome"] == "unknown"


@pytest.mark.parametrize("name", NAMES)
def test_recorded_pdus_have_a_fingerprint_and_know_their_side(name: str) -> None:
    for frame in wire.read((HERE / f"{name}.pcap").read_bytes(), [FORMAT])[0]:
        assert cut(frame.payload) == len(frame.payload)
        if frame.payload[5] in (0x80, 0xC0):  # a disconnection looks the same in every protocol over COTP
            continue
        assert fingerprint(frame.payload)
        assert not fingerprint(frame.payload[:-1])
        assert asks(frame.payload) == frame.from_client


def test_rdp_over_tpkt_has_no_fingerprint() -> None:
    request = b"\x03\0\0\x2a\x25\xe0\0\0\0\0\0Cookie: mstshash=op1\r\n\x01\0\x08\0\x03\0\0\0"

    assert not fingerprint(request.ljust(42, b"\0"))
    assert not fingerprint(packet(b"\x7f\x65\x82\x01\x94"))


def test_the_recorded_session_of_an_engineer_is_read() -> None:
    found = [wire.events((HERE / f"{name}.pcap").read_bytes(), [FORMAT]) for name in NAMES]

    variables, program, engineering, transfer = [[of(fields, "operation")[0] for fields in part][2:] for part in found]

    assert variables == ["read", "write", "write", "write", "write", "write", "read"]
    assert [of(fields, "tag", "value") for fields in found[0]][2:] == [
        ("DB1.DBB4", [4, 5, 6, 7, 8, 9, 10, 11]),
        ("DB1.DBB10", [1, 2, 3]),
        ("DB1.DBD20", 42.5),
        ("DB1.DBW30", -300),
        ("M10.3", 1),
        ("MB12", 255),
        ("DB77.DBB0", None),
    ]
    assert found[0][-1]["ot.exception"] == "object_does_not_exist"
    assert program == ["plc_stop", "plc_start", "plc_start", "config", "config"]
    assert engineering == ["identify", "identify", "identify", "clock", "read", "protect"]
    assert transfer == ["program_upload"] * 6 + ["program_download", "program_delete"]
    assert b"secret12".hex() not in orjson.dumps(found[2]).decode()


def test_mutated_and_truncated_pdus_give_fields_or_a_parse_error() -> None:
    chance = random.Random(102)
    frames = [frame for name in NAMES for frame in wire.read((HERE / f"{name}.pcap").read_bytes(), [FORMAT])[0]]
    conversation = Conversation()

    for _ in range(20_000):
        frame = chance.choice(frames)
        payload = bytearray(frame.payload)
        for _ in range(chance.randint(0, 4)):
            payload[chance.randrange(len(payload))] = chance.randrange(256)
        if chance.random() < 0.3:
            payload = payload[: chance.randint(0, len(payload))]
        try:
            found = list(conversation.feed(msgspec.structs.replace(frame, payload=bytes(payload))))
        except ParseError:
            continue
        for _, fields in found:
            orjson.dumps(fields)
            assert fields["ot.operation"]
            assert fields["message"]


@pytest.mark.parametrize("name", NAMES)
def test_every_truncation_of_a_pdu_gives_fields_or_a_parse_error(name: str) -> None:
    for frame in wire.read((HERE / f"{name}.pcap").read_bytes(), [FORMAT])[0]:
        for end in range(len(frame.payload)):
            try:
                list(Conversation().feed(msgspec.structs.replace(frame, payload=frame.payload[:end])))
            except ParseError:
                continue


def test_every_field_is_in_ecs_or_ours(outside: Path) -> None:
    known = json.loads((outside / "reference" / "ecs-fields.json").read_text())
    for name in NAMES:
        for fields in wire.events((HERE / f"{name}.pcap").read_bytes(), [FORMAT]):
            assert {field for field in fields if not field.startswith("ot.")} <= set(known)


@pytest.mark.parametrize("name", ["snap7", "s7ident", "s7comm_plus"])
def test_icsnpp_sees_the_same_requests(outside: Path, name: str) -> None:
    folder = outside / "ot" / "icsnpp-s7comm"
    log = (folder / "expected" / f"analyzer.{name}" / "s7comm.log").read_text()
    rows = [line.split("\t") for line in log.splitlines() if not line.startswith("#")]
    theirs = [
        (int(row[14], 16) & (0x0F if row[11] == "7" else 0xFF), row[16])
        for row in rows
        if row[6] == "T" and row[11] in ("1", "7")
    ]

    found = wire.events((folder / f"{name}.pcap").read_bytes(), [FORMAT])

    # A request for the next part of a long list is an event of ours, and not in their log.
    ours = [
        (
            fields["ot.function_code"],
            f"0x{fields['ot.sub_function_code']:02x}"
            if "ot.sub_function_code" in fields
            else fields["ot.pi_service"]
            if fields["ot.function"] == "pi_service"
            else "-",
        )
        for fields in found
        if fields["ot.protocol"] == "s7comm"
        and fields["ot.function"] != "connect_request"
        and not (fields["ot.function"] == "read_szl" and "ot.szl_id" not in fields)
    ]
    assert ours == theirs
