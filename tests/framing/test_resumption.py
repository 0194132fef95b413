"""Where a protocol starts, and where reading goes on, when the start of a PDU comes in pieces."""

import struct
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import wire

from engine.framing.recognition import resumption
from engine.model import Frame, LogFormat
from parsers.bacnet import FORMAT as BACNET
from parsers.modbus import FORMAT as MODBUS
from parsers.opcua import FORMAT as OPCUA
from parsers.s7comm import FORMAT as S7COMM

FORMATS = (MODBUS, S7COMM, OPCUA, BACNET)


def write(number: int, value: int = 7) -> bytes:
    return struct.pack(">HHHBBHH", number, 0, 6, 1, 6, 40, value)


def read(number: int) -> bytes:
    return struct.pack(">HHHBBHH", number, 0, 6, 1, 3, 0, 2)


def pieces(pdu: bytes, size: int) -> Iterable[bytes]:
    return (pdu[at : at + size] for at in range(0, len(pdu), size))


def payloads(line: wire.Line, formats: Iterable[LogFormat] = FORMATS) -> list[bytes]:
    frames: list[Frame] = wire.read(wire.pcap(line.packets), list(formats))[0]
    return [frame.payload for frame in frames]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 11])
@pytest.mark.parametrize("port", [502, 50_200])
def test_a_protocol_is_known_however_small_its_segments_are(port: int, size: int) -> None:
    line = wire.Line(port).open()
    for number in (1, 2):
        for piece in pieces(write(number), size):
            line.asks(piece)
        for piece in pieces(write(number), size):
            line.answers(piece)

    assert payloads(line) == [write(1), write(1), write(2), write(2)]


@pytest.mark.parametrize("size", [3, 7])
def test_a_capture_that_begins_in_the_middle_finds_both_directions(size: int) -> None:
    line = wire.Line()
    for number in (1, 2, 3):
        for piece in pieces(read(number), size):
            line.asks(piece)
        for piece in pieces(write(number), size):
            line.answers(piece)

    found = payloads(line)

    assert [read(number) for number in (1, 2, 3)] == [one for one in found if one[7] == 3]
    assert [write(number) for number in (1, 2, 3)] == [one for one in found if one[7] == 6]


def test_behind_a_loss_a_header_sent_apart_from_its_body_is_read() -> None:
    line = wire.Line().open().asks(write(1)).answers(write(1))
    line.asks(write(2)[:7], lost=True)
    for number in (2, 3):
        line.asks(write(number)[:7], lost=number == 2).asks(write(number)[7:]).answers(write(number))

    asked = [one for one in payloads(line) if one[1] == 3]

    assert asked == [write(3), write(3)]


def test_what_only_looked_like_a_start_costs_nothing_that_follows() -> None:
    line = wire.Line(50_200).open().asks(b"\0\1\0\0\0\x90").asks(write(2)).answers(write(2))

    assert payloads(line) == [write(2), write(2)]


def test_the_first_segment_that_can_be_a_start_is_kept_and_the_first_that_is_one_is_taken() -> None:
    assert resumption(MODBUS, [b"\xff\xff\xff\xff", write(1)]) == (1, True)
    assert resumption(MODBUS, [b"\xff\xff\xff\xff", write(1)[:5]]) == (1, False)
    assert resumption(MODBUS, [b"\xff\xff\xff\xff"]) == (1, False)
    assert resumption(MODBUS, [write(1)[:7], write(1)[7:]]) == (0, True)


def test_a_datagram_on_its_own_port_is_read_though_its_length_is_wrong() -> None:
    restart = bytes.fromhex("810a0011 0104 0005 0114 0900 1d05 00666f6f6f")
    exact = restart[:2] + struct.pack(">H", len(restart)) + restart[4:]

    def found(port: int, datagram: bytes) -> list[bytes]:
        return [frame.payload for frame in wire.read(wire.datagrams(port, [(True, datagram)]), FORMATS)[0]]

    assert len(restart) != 0x11
    assert found(47_808, restart) == [restart]
    assert found(47_900, restart) == []
    assert found(47_900, exact) == [exact]
