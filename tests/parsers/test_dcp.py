"""PROFINET DCP: who sets which name or address, who resets a device, and which devices there are."""

import struct
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "framing"))

import wire

from engine.model import Frame, ParseError
from parsers.dcp import FORMAT, Conversation, fingerprint

STATION, PLC, DRIVE = (bytes.fromhex(f"00005e0053{end:02x}") for end in (0x0A, 0x14, 0x15))
EVERYBODY = bytes.fromhex("010ecf000000")
GET, SET, IDENTIFY = 3, 4, 5
NAME, ADDRESS, RESET, SIGNAL, ALL = (2, 2), (1, 2), (5, 6), (5, 3), (255, 255)


def block(kind: tuple[int, int], data: bytes = b"") -> bytes:
    return struct.pack(">BBH", *kind, len(data)) + data + bytes(len(data) % 2)


def message(service: int, blocks: bytes, *, kind: int = 0, xid: int = 7, number: int = 0xFEFD) -> bytes:
    return struct.pack(">HBBIHH", number, service, kind, xid, 0, len(blocks)) + blocks


def capture(*exchange: tuple[bytes, bytes, bytes]) -> bytes:
    """From, to, what: a millisecond apart."""
    packets = []
    for number, (sender, receiver, payload) in enumerate(exchange, 1):
        packet = receiver + sender + b"\x88\x92" + payload
        packets.append((wire.START + number * wire.MILLISECOND, packet + bytes(max(0, 60 - len(packet)))))
    return wire.pcap(packets)


def frames(*exchange: tuple[bytes, bytes, bytes]) -> list[Frame]:
    return wire.read(capture(*exchange), [FORMAT])[0]


def told(*exchange: tuple[bytes, bytes, bytes]) -> list[dict[str, Any]]:
    session = Conversation()
    found = [finished for frame in frames(*exchange) for finished in session.feed(frame)]
    found += session.expire(None)
    assert session.oldest() is None
    return [fields for _, fields in found]


def asked(service: int, blocks: bytes, answer: bytes = b"", kind: int = 1) -> dict[str, Any]:
    (fields,) = told((STATION, PLC, message(service, blocks)), (PLC, STATION, message(service, answer, kind=kind)))
    return fields


def done(kind: tuple[int, int], error: int = 0) -> bytes:
    return block((5, 4), bytes([*kind, error]))


def of(fields: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(fields.get(f"ot.{name}") for name in names)


@pytest.mark.parametrize(
    ("blocks", "function", "operation", "value"),
    [
        (block(NAME, b"\0\1press-7"), "set_name", "config", "press-7"),
        (
            block(ADDRESS, b"\0\1" + bytes([192, 0, 2, 44, 255, 255, 255, 0, 192, 0, 2, 1])),
            "set_ip",
            "config",
            "192.0.2.44/255.255.255.0/192.0.2.1",
        ),
        (block((5, 5), b"\0\0"), "factory_reset", "config", None),
        (block(RESET, b"\0\4"), "reset_to_factory", "config", None),
        (block(SIGNAL, b"\0\0\1\0"), "signal", "diagnostic", None),
        (block((2, 4), b"\0\1\1\0"), "set", "config", None),
        (block((5, 1), b"\0\0") + block(NAME, b"\0\0a") + block((5, 2), b"\0\0"), "set_name", "config", "a"),
    ],
)
def test_what_is_set_is_told(blocks: bytes, function: str, operation: str, value: str | None) -> None:
    fields = asked(SET, blocks, done(NAME))

    assert of(fields, "function", "operation", "value", "function_code") == (function, operation, value, SET)
    assert (fields["event.outcome"], fields["event.duration"]) == ("success", wire.MILLISECOND)
    assert (fields["source.mac"], fields["destination.mac"]) == ("00-00-5E-00-53-0A", "00-00-5E-00-53-14")


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        (done(NAME, 6), 1, "in_operation"),
        (done(ADDRESS) + done(NAME, 2), 1, "suboption_not_supported"),
        (done(NAME, 99), 1, "error_99"),
        (b"", 5, "service_not_supported"),
    ],
)
def test_a_refusal_is_a_word(answer: bytes, kind: int, reason: str) -> None:
    fields = asked(SET, block(NAME, b"\0\1press-7"), answer, kind)

    assert (fields["event.outcome"], fields["ot.exception"]) == ("failure", reason)


def test_a_device_that_is_asked_says_what_it_is() -> None:
    answer = (
        block((2, 1), b"\0\0S7-1500\0")
        + block(NAME, b"\0\0press-7")
        + block((2, 3), b"\0\0\0\x2a\1\x0d")
        + block(ADDRESS, b"\0\1" + bytes([192, 0, 2, 44, 255, 255, 255, 0, 0, 0, 0, 0]))
    )

    fields = asked(GET, b"\2\1\2\2\2\3\1\2", answer)

    assert of(fields, "function", "operation", "address_space") == (
        "get", "identify", ["type_of_station", "name_of_station", "device_id", "ip_parameter"],
    )  # fmt: skip
    assert of(fields, *(f"identity.{one}" for one in ("product_name", "station_name", "vendor_id", "product_code"))) == (
        "S7-1500", "press-7", 42, "010d",
    )  # fmt: skip
    assert fields["ot.identity.ip"] == "192.0.2.44"


def test_everybody_who_answers_a_question_to_all_is_an_event() -> None:
    question = message(IDENTIFY, block(ALL), number=0xFEFE)
    plc, drive = (message(IDENTIFY, block(NAME, b"\0\0" + name), kind=1, number=0xFEFF) for name in (b"plc", b"drive"))

    found = told(
        (STATION, EVERYBODY, question),
        (STATION, EVERYBODY, question),
        (PLC, STATION, plc),
        (PLC, STATION, plc),
        (DRIVE, STATION, drive),
        (DRIVE, PLC, drive),
    )

    assert [(event["destination.mac"], event["ot.identity.station_name"]) for event in found] == [
        ("00-00-5E-00-53-14", "plc"), ("00-00-5E-00-53-15", "drive"),
    ]  # fmt: skip
    assert {event["event.outcome"] for event in found} == {"success"}


def test_a_question_to_all_that_nobody_answers_is_one_event() -> None:
    one = message(IDENTIFY, block(NAME, b"press-7"), number=0xFEFE)
    again = message(IDENTIFY, block(NAME, b"press-8"), number=0xFEFE)

    found = told((STATION, EVERYBODY, one), (STATION, EVERYBODY, again))

    assert [of(event, "tag", "operation") for event in found] == [("press-7", "identify"), ("press-8", "identify")]
    assert {event["event.outcome"] for event in found} == {"unknown"}


def test_who_has_answered_is_known_after_a_restart() -> None:
    question = message(IDENTIFY, block(ALL), number=0xFEFE)
    answer = message(IDENTIFY, block(NAME, b"\0\0plc"), kind=1, number=0xFEFF)
    asked, first, again = frames((STATION, EVERYBODY, question), (PLC, STATION, answer), (PLC, STATION, answer))
    before, after = Conversation(), Conversation()
    assert not before.feed(asked)
    assert before.feed(first)

    after.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(before.snapshot())))

    assert after.oldest() == asked.sequence
    assert not after.feed(again)
    assert not after.expire(None)


def test_answers_belong_to_the_request_of_their_number_and_greetings_to_none() -> None:
    found = told(
        (STATION, PLC, message(SET, block(NAME, b"\0\1a"), xid=1)),
        (STATION, PLC, message(SET, block(NAME, b"\0\1b"), xid=2)),
        (PLC, STATION, message(SET, done(NAME, 6), kind=1, xid=2)),
        (PLC, EVERYBODY, message(6, block(NAME, b"\0\0plc"), number=0xFEFC)),
        (PLC, STATION, message(SET, done(NAME), kind=1, xid=3)),
    )

    assert sorted(of(event, "value", "exception") for event in found) == [("a", None), ("b", "in_operation")]


def test_what_is_cut_short_is_told() -> None:
    assert "cut short" in asked(SET, block(NAME, b"\0\1press-7")[:-3], done(NAME))["error.message"]
    assert "cut short" in asked(SET, block(NAME, b"\0\1press-7"), done(NAME)[:4] + b"\2")["error.message"]
    assert "cut short" in asked(GET, b"\2\2", block(NAME, b"\0\0plc")[:-2])["error.message"]
    (frame,) = frames((STATION, PLC, message(GET, b"")))
    frame.payload = frame.payload[:11]
    with pytest.raises(ParseError):
        Conversation().feed(frame)


def test_only_the_frames_of_dcp_are_taken() -> None:
    assert fingerprint(message(SET, b""))
    assert not fingerprint(message(SET, b"", number=0x8000))
    assert not frames((STATION, PLC, message(SET, b"", number=0x8000)))
