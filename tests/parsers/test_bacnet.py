"""BACnet/IP: services, objects, properties and values; who asked, what the device made of it."""

import struct
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "framing"))

import wire

from engine.model import ParseError
from parsers.bacnet import FORMAT, Conversation, asks, fingerprint

ANALOG_VALUE_5, DEVICE_9 = struct.pack(">I", 2 << 22 | 5), struct.pack(">I", 8 << 22 | 9)
PRESENT_VALUE = b"\x19\x55"


def datagram(apdu: bytes, *, function: int = 0x0A, npdu: bytes = b"\x01\x04") -> bytes:
    origin = bytes(6) if function == 4 else b""
    return struct.pack(">BBH", 0x81, function, 4 + len(origin) + len(npdu) + len(apdu)) + origin + npdu + apdu


def confirmed(service: int, data: bytes = b"", *, invoke: int = 1, flags: int = 0, segment: bytes = b"") -> bytes:
    return bytes([flags, 5, invoke]) + segment + bytes([service]) + data


def simple(service: int, *, invoke: int = 1) -> bytes:
    return bytes([0x20, invoke, service])


def complex(service: int, data: bytes, *, invoke: int = 1) -> bytes:
    return bytes([0x30, invoke, service]) + data


def error(service: int, code: int, *, invoke: int = 1) -> bytes:
    return bytes([0x50, invoke, service, 0x91, 2, 0x91, code])


def write(value: bytes, target: bytes = ANALOG_VALUE_5, priority: bytes = b"") -> bytes:
    return confirmed(15, b"\x0c" + target + PRESENT_VALUE + b"\x3e" + value + b"\x3f" + priority)


def told(*exchange: tuple[bool, bytes]) -> list[dict[str, Any]]:
    return wire.events(wire.datagrams(47_808, exchange, client_port=47_808), [FORMAT])


def asked(apdu: bytes, *answers: bytes) -> dict[str, Any]:
    (fields,) = told((True, datagram(apdu)), *((False, datagram(answer)) for answer in answers))
    return fields


def of(fields: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(fields.get(f"ot.{name}") for name in names)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (b"\x44" + struct.pack(">f", 100.5), 100.5),
        (b"\x55\x08" + struct.pack(">d", 0.25), 0.25),
        (b"\x21\x07", 7),
        (b"\x32\xfe\xd4", -300),
        (b"\x91\x01", 1),
        (b"\x11", 1),
        (b"\x00", "null"),
        (b"\x75\x05\x00pump", "pump"),
        (b"\x82\x04\xa0", "1010"),
        (b"\xc4" + DEVICE_9, "8:9"),
    ],
)
def test_a_written_property_has_its_object_and_its_value(value: bytes, shown: Any) -> None:
    fields = asked(write(value, priority=b"\x49\x08"), simple(15))

    assert of(fields, "operation", "function", "address_space", "address", "property", "value", "priority") == (
        "write", "write_property", "analog_value", 5, "present_value", shown, 8,
    )  # fmt: skip
    assert fields["event.outcome"] == "success"
    assert fields["event.duration"] == wire.MILLISECOND


def test_several_properties_are_lists() -> None:
    one = b"\x0c" + ANALOG_VALUE_5 + b"\x1e\x09\x55\x2e\x21\x07\x2f\x09\x51\x2e\x11\x2f\x39\x08\x1f"

    fields = asked(confirmed(16, one), simple(16))

    assert of(fields, "property", "value", "address", "count", "priority") == (
        ["present_value", "out_of_service"], [7, 1], [5, 5], 2, 8,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("service", "data", "operation", "mode"),
    [
        (20, b"\x09\x00", "restart", "coldstart"),
        (20, b"\x09\x01\x1d\x05\x00pass", "restart", "warmstart"),
        (20, b"\x09\x07", "restart", "activate_changes"),
        (17, b"\x09\x05\x19\x01", "config", "disable"),
        (17, b"\x19\x00", "config", "enable"),
        (7, b"\xc4" + struct.pack(">I", 10 << 22 | 1), "file", None),
        (10, b"\x0e\x09\x02\x0f", "config", None),
        (5, b"\x09\x01\x1c" + ANALOG_VALUE_5, "session", None),
        (27, b"", "command", None),
        (99, b"", "diagnostic", None),
    ],
)
def test_a_service_has_its_operation_and_its_mode(service: int, data: bytes, operation: str, mode: str | None) -> None:
    fields = asked(confirmed(service, data), simple(service))

    assert of(fields, "operation", "mode", "function_code") == (operation, mode, service)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (error(15, 40), "write_access_denied"),
        (error(15, 199), "error_199"),
        (b"\x60\x01\x05", "missing_required_parameter"),
        (b"\x71\x01\x04", "segmentation_not_supported"),
    ],
)
def test_a_refusal_is_a_word(answer: bytes, reason: str) -> None:
    fields = asked(write(b"\x21\x07"), answer)

    assert (fields["event.outcome"], fields["ot.exception"]) == ("failure", reason)


def test_a_property_that_names_the_device_is_its_identity() -> None:
    question = b"\x0c" + DEVICE_9 + b"\x19\x79"

    fields = asked(confirmed(12, question), complex(12, question + b"\x3e\x75\x08\x00Example\x3f"))

    assert of(fields, "operation", "property", "value", "identity.vendor_name") == (
        "read", "vendor_name", "Example", "Example",
    )  # fmt: skip


def test_either_side_may_ask_and_the_one_that_asks_is_the_source() -> None:
    found = told(
        (True, datagram(confirmed(12, b"\x0c" + ANALOG_VALUE_5 + PRESENT_VALUE))),
        (False, datagram(write(b"\x21\x07"))),
        (True, datagram(simple(15))),
    )

    assert [(event["ot.operation"], event["source.ip"], event["event.outcome"]) for event in found] == [
        ("read", "192.0.2.10", "unknown"),
        ("write", "198.51.100.20", "success"),
    ]


def test_reports_and_announcements_are_nobodys_operation() -> None:
    assert (
        told(
            (False, datagram(confirmed(1, b"\x09\x01"))),
            (False, datagram(b"\x10\x00\xc4" + DEVICE_9)),
            (False, datagram(b"\x10\x02")),
            (False, datagram(simple(15))),
        )
        == []
    )


def test_what_nobody_answers_is_told_at_once() -> None:
    conversation = Conversation()
    (frame,) = wire.read(wire.datagrams(47_808, [(True, datagram(b"\x10\x08", function=0x0B))]), [FORMAT])[0]

    ((_, fields),) = conversation.feed(frame)

    assert of(fields, "function", "operation") == ("who_is", "identify")
    assert fields["event.outcome"] == "unknown"


def test_devices_behind_a_router_have_their_own_conversations() -> None:
    there = b"\x01\x24\x00\x05\x01\x07\xff"
    back = b"\x01\x08\x00\x05\x01\x07"
    other = b"\x01\x08\x00\x05\x01\x08"

    (missed,) = told((True, datagram(write(b"\x00"), npdu=there)), (False, datagram(simple(15), npdu=other)))
    (fields,) = told((True, datagram(write(b"\x00"), npdu=there)), (False, datagram(simple(15), npdu=back)))

    assert of(fields, "unit_id", "operation") == ("5:07", "write")
    assert (fields["event.outcome"], missed["event.outcome"]) == ("success", "unknown")


def test_the_link_layer_registers_and_distributes() -> None:
    register, result = b"\x81\x05\x00\x06\x00\x3c", b"\x81\x00\x00\x06\x00\x30"

    (fields,) = told((True, register), (False, result))

    assert of(fields, "function", "operation", "exception") == ("register_foreign_device", "session", "refused")


def test_only_the_first_segment_begins_an_event() -> None:
    head = b"\x0c" + ANALOG_VALUE_5 + PRESENT_VALUE + b"\x3e"
    first = confirmed(15, head, flags=0x0C, segment=b"\x00\x04")
    second = confirmed(15, b"\x21\x07\x3f", flags=0x08, segment=b"\x01\x04")

    (fields,) = told((True, datagram(first)), (True, datagram(second)), (False, datagram(simple(15))))

    assert of(fields, "operation", "address") == ("write", 5)
    assert "error.message" not in fields


def test_what_is_cut_short_is_told() -> None:
    assert "too few" in asked(confirmed(15, b"\x0c\x00"))["error.message"]
    assert "cut short" in told((True, datagram(b"\x00\x05")))[0]["error.message"]
    with pytest.raises(ParseError):
        frame = wire.read(wire.datagrams(47_808, [(True, datagram(write(b"\x00")))]), [FORMAT])[0][0]
        frame.payload = b"\x81"
        Conversation().feed(frame)


def test_a_datagram_is_known_by_its_own_length_on_any_port() -> None:
    one = datagram(write(b"\x21\x07"))

    assert fingerprint(one)
    assert not fingerprint(one + b"\0")
    assert not fingerprint(b"\x82" + one[1:])
    assert [asks(pdu) for pdu in (one, datagram(simple(15)), datagram(b"\x10\x08"), b"\x81\x05\x00\x06\x00\x3c")] == [
        True, False, None, None,
    ]  # fmt: skip
    assert len(wire.events(wire.datagrams(50_000, [(True, one)]), [FORMAT])) == 1
