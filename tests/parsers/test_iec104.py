"""IEC 60870-5-104: commands with their cause, selections, set points, what the station makes of them."""

import struct
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "framing"))

import wire

from engine.model import Flow, Frame, ParseError
from parsers.iec104 import FORMAT, Conversation, asks, cut, fingerprint

RECORDED = Path(__file__).parent / "iec104" / "commands.pcap"
FLOW = Flow(client_ip="192.0.2.10", client_port=40_001, server_ip="198.51.100.20", server_port=2404)


def apdu(kind: int, body: bytes, *, cause: int = 6, number: int = 1, address: int = 7, originator: int = 0) -> bytes:
    asdu = struct.pack("<BBBBH", kind, number, cause, originator, address) + body
    return bytes([0x68, 4 + len(asdu), 0, 0, 0, 0]) + asdu


def element(at: int, value: bytes) -> bytes:
    return at.to_bytes(3, "little") + value


def sent(payload: bytes, number: int, *, from_client: bool = True) -> Frame:
    time = wire.START + number * wire.MILLISECOND
    return Frame(payload=payload, source="s", sequence=number << 16, time=time, flow=FLOW, from_client=from_client)


def told(request: bytes, *answers: bytes) -> dict[str, Any]:
    conversation = Conversation()
    found = list(conversation.feed(sent(request, 1)))
    for number, answer in enumerate(answers, 2):
        found += conversation.feed(sent(answer, number, from_client=False))
    found += conversation.expire(None)
    ((_, fields),) = found
    return fields


def of(fields: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(fields.get(f"ot.{name}") for name in names)


@pytest.mark.parametrize(
    ("kind", "value", "function", "operation", "told_value"),
    [
        (45, b"\x01", "C_SC_NA_1", "command", 1),
        (45, b"\x80", "C_SC_NA_1", "select", 0),
        (46, b"\x02", "C_DC_NA_1", "command", 2),
        (46, b"\x81", "C_DC_NA_1", "select", 1),
        (47, b"\x02", "C_RC_NA_1", "command", 2),
        (48, struct.pack("<hB", 16384, 0), "C_SE_NA_1", "command", 0.5),
        (48, struct.pack("<hB", 16384, 0x80), "C_SE_NA_1", "select", 0.5),
        (49, struct.pack("<hB", -300, 0), "C_SE_NB_1", "command", -300),
        (50, struct.pack("<fB", 75.5, 0), "C_SE_NC_1", "command", 75.5),
        (51, struct.pack("<I", 0xDEADBEEF), "C_BO_NA_1", "command", 0xDEADBEEF),
        (58, b"\x01" + bytes(7), "C_SC_TA_1", "command", 1),
        (63, struct.pack("<fB", 1.25, 0) + bytes(7), "C_SE_TC_1", "command", 1.25),
        (102, b"", "C_RD_NA_1", "read", None),
        (105, b"\x01", "C_RP_NA_1", "restart", None),
        (110, struct.pack("<hB", -32768, 1), "P_ME_NA_1", "config", -1),
        (113, b"\x01", "P_AC_NA_1", "activate", None),
        (99, b"", "type_99", "diagnostic", None),
    ],
)
def test_a_type_has_its_operation_and_its_value(
    kind: int, value: bytes, function: str, operation: str, told_value: Any
) -> None:
    fields = told(apdu(kind, element(1234, value)))

    assert of(fields, "function_code", "function", "operation", "value", "address", "unit_id") == (
        kind, function, operation, told_value, 1234, 7,
    )  # fmt: skip
    assert fields["event.outcome"] == "unknown"


@pytest.mark.parametrize(
    ("cause", "outcome", "exception"),
    [
        (7, "success", None),
        (0x47, "failure", "negative_confirmation"),
        (44, "failure", "unknown_type"),
        (45, "failure", "unknown_cause"),
        (46, "failure", "unknown_common_address"),
        (0x40 | 47, "failure", "unknown_object_address"),
    ],
)
def test_the_cause_of_the_answer_is_the_outcome(cause: int, outcome: str, exception: str | None) -> None:
    body = element(10, b"\x01")

    fields = told(apdu(45, body), apdu(45, body, cause=cause), apdu(45, body, cause=10))

    assert (fields["event.outcome"], fields.get("ot.exception")) == (outcome, exception)
    assert fields["event.duration"] == wire.MILLISECOND


def test_a_deactivation_takes_a_selection_back() -> None:
    assert told(apdu(45, element(10, b"\x01"), cause=8))["ot.operation"] == "select"


def test_a_command_is_none_the_less_one_for_its_test_bit() -> None:
    fields = told(apdu(45, element(10, b"\x01"), cause=0x86))

    assert (fields["ot.operation"], fields["ot.cause"], fields["ot.test"]) == ("command", "activation", True)


def test_another_station_or_another_object_is_no_answer() -> None:
    body = element(10, b"\x01")

    fields = told(apdu(45, body), apdu(45, body, cause=7, address=8), apdu(45, element(11, b"\x01"), cause=7))

    assert fields["event.outcome"] == "unknown"


def test_reports_are_events_only_where_they_answer_a_read() -> None:
    value = element(10, b"\x01\0\0")

    assert (
        told(apdu(102, element(10, b""), cause=5), apdu(13, value, cause=3), apdu(13, value, cause=5))["event.outcome"]
        == "success"
    )
    assert list(Conversation().feed(sent(apdu(13, value, cause=3), 1, from_client=False))) == []


def test_several_objects_are_lists_and_a_missing_one_is_told() -> None:
    body = element(1, b"\0") + element(2, b"\x01")

    assert of(told(apdu(45, body, number=2)), "address", "value", "count") == ([1, 2], [0, 1], 2)
    assert "too few" in told(apdu(45, body, number=3))["error.message"]


def test_the_recorded_stack_is_told_as_it_was_asked() -> None:
    events = wire.events(RECORDED.read_bytes(), [FORMAT])

    commands = [event for event in events if event["ot.operation"] in ("command", "select")]
    assert [
        (*of(event, "function", "address", "value", "operation"), event["event.outcome"]) for event in commands
    ] == [
        ("C_SC_NA_1", 12, 1, "command", "success"),
        ("C_DC_NA_1", 13, 2, "select", "success"),
        ("C_DC_NA_1", 13, 2, "command", "success"),
        ("C_RC_NA_1", 14, 2, "command", "success"),
        ("C_SE_NC_1", 15, 75.5, "command", "success"),
        ("C_SC_TA_1", 16, 1, "command", "success"),
        ("C_SE_NB_1", 17, -300, "command", "failure"),
        ("C_SC_NA_1", 99, 1, "command", "failure"),
    ]
    others = {(event["ot.function"], event["ot.operation"]) for event in events} - {
        (event["ot.function"], event["ot.operation"]) for event in commands
    }
    assert others == {
        ("STARTDT", "session"), ("C_CS_NA_1", "clock"), ("C_TS_TA_1", "diagnostic"), ("C_IC_NA_1", "read"),
        ("C_CI_NA_1", "read"),
    }  # fmt: skip


def test_apdus_are_cut_by_their_length_and_known_by_their_control_field() -> None:
    command, supervisory, start = apdu(45, element(10, b"\x01")), b"\x68\x04\x01\0\x02\0", b"\x68\x04\x07\0\0\0"

    assert [cut(command[:size]) for size in (0, 1, 2, len(command))] == [None, None, len(command), len(command)]
    assert fingerprint(command)
    assert fingerprint(start + command)
    assert fingerprint(supervisory + command)
    assert not fingerprint(supervisory)
    assert not fingerprint(apdu(200, element(10, b"\x01")))
    assert [asks(pdu) for pdu in (command, start, apdu(13, b"\0" * 4, cause=3), apdu(45, b"\0" * 4, cause=7))] == [
        True, True, False, False,
    ]  # fmt: skip
    for wrong in (b"\x69", b"\x68\x03"):
        with pytest.raises(ParseError):
            cut(wrong)
