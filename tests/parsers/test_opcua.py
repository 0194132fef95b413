"""OPC UA: sessions and who opens them, writes and calls with their results, channels that are encrypted."""

import struct
import sys
from pathlib import Path
from time import process_time
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "framing"))

import wire

from engine.model import Flow, Frame, ParseError
from parsers.opcua import FORMAT, Conversation, asks, cut, fingerprint

RECORDED = Path(__file__).parent / "opcua" / "boiler.pcap"
FLOW = Flow(client_ip="192.0.2.10", client_port=40_001, server_ip="198.51.100.20", server_port=4840)
NONE = "http://opcfoundation.org/UA/SecurityPolicy#None"
SECURED = "http://opcfoundation.org/UA/SecurityPolicy#Basic256Sha256"
HEADER = b"\0\0" + struct.pack("<qII", 133_000_000_000_000_000, 1, 0) + b"\xff" * 4 + struct.pack("<I", 5000) + bytes(3)


def text(value: str | None) -> bytes:
    return b"\xff" * 4 if value is None else struct.pack("<i", len(value.encode())) + value.encode()


def message(kind: bytes, body: bytes, *, chunk: bytes = b"F") -> bytes:
    return kind + chunk + struct.pack("<I", 8 + len(body)) + body


def said(number: int, body: bytes, *, request: int = 1, channel: int = 9, chunk: bytes = b"F") -> bytes:
    kind = b"\x01\0" + struct.pack("<H", number)
    return message(b"MSG", struct.pack("<IIII", channel, 1, 1, request) + kind + body, chunk=chunk)


def opened(body: bytes, policy: str = NONE, *, request: int = 1) -> bytes:
    head = struct.pack("<I", 0) + text(policy) + text(None) + text(None) + struct.pack("<II", 1, request)
    return message(b"OPN", head + body)


def response(number: int, *results: int, service: int = 0, request: int = 1) -> bytes:
    head = struct.pack("<qII", 0, 1, service) + b"\0" + struct.pack("<i", -1) + bytes(3)
    return said(number, head + struct.pack(f"<i{len(results)}I", len(results), *results), request=request)


def written(*values: bytes) -> bytes:
    body = HEADER + struct.pack("<i", len(values))
    for number, value in enumerate(values):
        body += b"\x03\x02\0" + text(f"Tag.{number}") + struct.pack("<I", 13) + text(None) + b"\x01" + value
    return said(673, body)


def sent(payload: bytes, number: int, *, from_client: bool = True) -> Frame:
    time = wire.START + number * wire.MILLISECOND
    return Frame(payload=payload, source="s", sequence=number << 16, time=time, flow=FLOW, from_client=from_client)


def told(*exchange: tuple[bool, bytes]) -> list[dict[str, Any]]:
    conversation = Conversation()
    found = [
        one
        for number, (from_client, pdu) in enumerate(exchange)
        for one in conversation.feed(sent(pdu, number, from_client=from_client))
    ]
    return [fields for _, fields in [*found, *conversation.expire(None)]]


def of(fields: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(fields.get(f"ot.{name}") for name in names)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (b"\x01\x01", 1),
        (b"\x04" + struct.pack("<h", -300), -300),
        (b"\x07" + struct.pack("<I", 70_000), 70_000),
        (b"\x0a" + struct.pack("<f", 1.5), 1.5),
        (b"\x0b" + struct.pack("<d", 99.25), 99.25),
        (b"\x0c" + text("open"), "open"),
        (b"\x86" + struct.pack("<iii", 2, 7, -8), [7, -8]),
        (b"\x11\x01\x02\x07\0", "ns=2;i=7"),
        (b"\x15\x02" + text("Ventil auf"), "Ventil auf"),
        (b"\x0d" + struct.pack("<q", 116_444_736_000_000_000), 0),
        (b"\x0e" + bytes(range(16)), "03020100-0504-0706-0809-0a0b0c0d0e0f"),
        (b"\x00", None),
    ],
)
def test_a_write_has_its_node_and_its_value(value: bytes, shown: Any) -> None:
    (fields,) = told((True, written(value)), (False, response(676, 0)))

    assert of(fields, "operation", "tag", "value", "function_code") == ("write", "ns=2;s=Tag.0", shown, 673)
    assert fields["event.outcome"] == "success"
    assert fields["event.duration"] == wire.MILLISECOND


def test_several_nodes_are_lists_and_the_first_refusal_is_the_reason() -> None:
    (fields,) = told((True, written(b"\x01\x01", b"\x01\0")), (False, response(676, 0, 0x803B0000)))

    assert of(fields, "tag", "value", "count") == (["ns=2;s=Tag.0", "ns=2;s=Tag.1"], [1, 0], 2)
    assert (fields["event.outcome"], fields["ot.exception"]) == ("failure", "bad_not_writable")


def test_a_call_names_object_method_and_arguments() -> None:
    call = struct.pack("<i", 1) + b"\x01\x02\x05\0" + b"\x03\x02\0" + text("Stop")
    call += struct.pack("<i", 1) + b"\x0c" + text("now")

    (fields,) = told((True, said(712, HEADER + call)), (False, response(715, 0x80750000)))

    assert of(fields, "operation", "object", "tag", "value", "exception") == (
        "command", "ns=2;i=5", "ns=2;s=Stop", "now", "bad_method_invalid",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("token", "identity", "name"),
    [
        (b"\x01\0\x41\x01\x01" + text("x"), "anonymous", None),
        (b"\x00\x00\x00", "anonymous", None),
        (
            b"\x01\0\x44\x01\x01" + struct.pack("<i", 28) + text("p") + text("k.vogt") + text("secret") + text(None)[:3] + b"\xff",
            "username",
            "k.vogt",
        ),
        (b"\x01\0\x47\x01\x01" + text("certificate"), "certificate", None),
    ],
)  # fmt: skip
def test_a_session_is_opened_by_somebody_and_no_password_is_told(token: bytes, identity: str, name: str | None) -> None:
    body = HEADER + text(None) * 2 + struct.pack("<ii", 0, 0) + token

    (fields,) = told((True, said(467, body)), (False, response(470, service=0x80210000)))

    assert (fields["ot.session.identity"], fields.get("user.name")) == (identity, name)
    assert (fields["ot.operation"], fields["ot.exception"]) == ("session", "bad_identity_token_rejected")
    assert "secret" not in str({name: value for name, value in fields.items() if name != "event.original"})


def test_a_channel_says_how_it_is_secured() -> None:
    body = b"\x01\0\xbe\x01" + HEADER + struct.pack("<III", 0, 0, 1)

    plain, sealed = told(
        (True, opened(body)),
        (False, opened(b"\x01\0\xc1\x01" + bytes(24), request=1)),
        (True, opened(b"\x9b" * 80, SECURED, request=2)),
        (False, opened(b"\x7c" * 80, SECURED, request=2)),
    )

    assert of(plain, "security.policy", "security.mode", "encrypted") == ("None", "none", None)
    assert of(sealed, "security.policy", "security.mode", "encrypted") == ("Basic256Sha256", None, True)
    assert sealed["event.outcome"] == "success"


def test_encrypted_messages_are_told_once_a_channel_and_never_guessed() -> None:
    noise = message(b"MSG", struct.pack("<IIII", 9, 1, 1, 1) + bytes(range(200, 240)) * 3)

    found = told((True, noise), (False, noise), (True, noise), (True, noise))

    assert [of(fields, "function", "encrypted") for fields in found] == [("encrypted_messages", True)]


def test_a_message_over_several_chunks_is_one_request() -> None:
    whole = written(b"\x0c" + text("a long text"))
    head, body = whole[8:24], whole[24:]
    pieces = [
        message(b"MSG", head + part, chunk=chunk)
        for part, chunk in ((body[:20], b"C"), (body[20:40], b"C"), (body[40:], b"F"))
    ]

    (fields,) = told(*((True, piece) for piece in pieces))
    aborted = told((True, pieces[0]), (True, message(b"MSG", head + b"\0" * 8, chunk=b"A")))

    assert fields["ot.value"] == "a long text"
    assert aborted == []


def test_a_greeting_that_is_refused_failed() -> None:
    url = "opc.tcp://plc.example:4840"
    hello = message(b"HEL", struct.pack("<IIIII", 0, 65535, 65535, 0, 0) + text(url))

    (fields,) = told((True, hello), (False, message(b"ERR", struct.pack("<I", 0x807D0000) + text("busy"))))

    assert (fields["url.full"], fields["ot.exception"]) == (url, "bad_tcp_server_too_busy")


def test_the_recorded_stack_is_told_as_it_was_asked() -> None:
    found = wire.events(RECORDED.read_bytes(), [FORMAT])

    assert [
        (*of(event, "function", "tag", "value"), event["event.outcome"]) for event in found if "ot.tag" in event
    ] == [
        ("read", "ns=2;s=Boiler.Setpoint", None, "success"),
        ("write", "ns=2;s=Boiler.Setpoint", 99.5, "success"),
        ("write", "ns=2;s=Boiler.Level", 8, "failure"),
        ("write", "ns=2;s=Nothing", 1, "failure"),
        ("call", "ns=2;s=Boiler.Reset", "maintenance", "success"),
    ]
    sessions = [event for event in found if event["ot.function"] == "activate_session"]
    assert [(event.get("user.name"), event["event.outcome"]) for event in sessions] == [
        (None, "success"), ("k.vogt", "success"), ("intruder", "failure"),
    ]  # fmt: skip


def test_messages_are_cut_by_their_size_and_known_by_their_type() -> None:
    one = written(b"\x01\x01")

    assert [cut(one[:size]) for size in (0, 2, 7, 8, len(one))] == [None, None, None, len(one), len(one)]
    assert fingerprint(one)
    assert not fingerprint(b"MSGX" + one[4:])
    assert not fingerprint(b"HELF\x20\0\0\0 no endpoint")
    assert [asks(pdu) for pdu in (one, response(676, 0), b"ACKF", said(9999, b""))] == [True, False, False, None]
    for wrong in (b"GET ", b"MSGF\0\0\0\0"):
        with pytest.raises(ParseError):
            cut(wrong)


def test_arrays_of_nothing_inside_arrays_cost_nothing_and_leave_the_node() -> None:
    empty = b"\x80" + struct.pack("<i", 1_000)  # a thousand nulls take no bytes
    begin = process_time()

    (fields,) = told((True, written(b"\x98" + struct.pack("<i", 1_000) + empty * 1_000)))

    assert of(fields, "operation", "tag") == ("write", "ns=2;s=Tag.0")
    assert "too few" in fields["error.message"]
    assert process_time() - begin < 0.05


def test_a_long_array_shows_its_begin_and_is_read_over() -> None:
    long = b"\x83" + struct.pack("<i", 60_000) + bytes(60_000)

    (fields,) = told((True, written(long, b"\x06" + struct.pack("<i", 5))))

    assert fields["ot.value"] == [[0] * 1_024, 5]


def test_a_message_of_endlessly_many_chunks_is_let_go() -> None:
    chunk = message(b"MSG", struct.pack("<IIII", 9, 1, 1, 1), chunk=b"C")
    conversation = Conversation()

    for number in range(1_500):
        assert list(conversation.feed(sent(chunk, number))) == []

    assert len(list(conversation.unfinished())) <= 1_024
