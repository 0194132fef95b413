"""pcap and pcapng, read from pieces of any size."""

import struct
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

import wire

from engine.framing.capture_file import CaptureFile, is_capture

PACKETS = [
    (wire.START + 5, b"first packet"),
    (wire.START + 1_000_000_007, b"second"),
    (wire.START + 2_000_000_000, b""),
]


def everything(capture: bytes, size: int = 1 << 20) -> tuple[list[tuple[int | None, bytes]], str | None]:
    reading = CaptureFile()
    packets = []
    for at in range(0, len(capture), size):
        packets += reading.feed(capture[at : at + size])
    reading.close()
    return [(packet.time, packet.data) for packet in packets], reading.problem


@pytest.mark.parametrize("order", ["<", ">"])
def test_nanoseconds_are_kept_in_both_byte_orders(order: str) -> None:
    capture = wire.pcap(PACKETS, order=order)

    packets, problem = everything(capture)

    assert packets == PACKETS
    assert problem is None


@pytest.mark.parametrize("order", ["<", ">"])
def test_microseconds_become_nanoseconds(order: str) -> None:
    packets, _ = everything(wire.pcap([(wire.START + 1_500_000, b"x")], order=order, nanoseconds=False))

    assert packets == [(wire.START + 1_500_000, b"x")]


@pytest.mark.parametrize(
    ("resolution", "ticks", "offset", "expected"),
    [
        (None, 1_500_000, None, 1_500_000_000),
        (9, 1_500_000_007, None, 1_500_000_007),
        (3, 1_500, None, 1_500_000_000),
        (0x80 | 10, 1_536, None, 1_500_000_000),
        (0x80 | 32, 3 << 31, None, 1_500_000_000),
        (6, 500_000, 1_767_225_600, 1_767_225_600_500_000_000),
        (6, 500_000, -1, -500_000_000),
    ],
)
def test_a_pcapng_interface_says_what_its_clock_counts(resolution: int, ticks: int, offset: int, expected: int) -> None:
    capture = wire.section() + wire.interface(resolution=resolution, offset=offset) + wire.enhanced(ticks, b"x")

    assert everything(capture) == ([(expected, b"x")], None)


def test_interfaces_belong_to_their_section_and_unknown_blocks_are_skipped() -> None:
    capture = (
        wire.section("<")
        + wire.interface("<", name=b"mirror1")
        + wire.interface("<", link_type=101, resolution=9, name=b"tap")
        + wire.block("<", 0x0BAD, b"a custom block")
        + wire.enhanced(7, b"raw", number=1)
        + wire.section(">")
        + wire.interface(">", name=b"mirror2")
        + wire.enhanced(9, b"ether", order=">")
    )

    packets = CaptureFile().feed(capture)

    assert [(one.time, one.link_type, one.interface, one.data) for one in packets] == [
        (7, 101, "tap", b"raw"),
        (9_000, 1, "mirror2", b"ether"),
    ]


def test_a_simple_packet_has_no_time_and_an_obsolete_one_has() -> None:
    simple = wire.block("<", 3, struct.pack("<I", 4) + b"abcd")
    obsolete = wire.block("<", 2, struct.pack("<HHIIII", 0, 0, 0, 5, 3, 3) + b"old")

    assert everything(wire.section() + wire.interface() + simple + obsolete) == (
        [(None, b"abcd"), (5_000, b"old")],
        None,
    )


@pytest.mark.parametrize(
    ("capture", "problem"),
    [
        (b"GET / HTTP/1.1\r\n" * 3, "not a capture"),
        (b"\xd4\xc3", "no whole file header"),
        (wire.pcap(PACKETS)[:-20], "truncated"),
        (
            wire.pcap([])[:24] + struct.pack("<IIII", 0, 0, 2**31, 9),
            "damaged: a packet of 2147483648 bytes at offset 24",
        ),
        (wire.section() + wire.enhanced(1, b"x"), "interface 0, which is not described"),
        (wire.section() + struct.pack("<II", 6, 7) + bytes(20), "damaged: a block of 7 bytes at offset 28"),
    ],
)
def test_a_bad_file_gives_what_it_holds_and_a_named_problem(capture: bytes, problem: str) -> None:
    _, named = everything(capture)

    assert named is not None
    assert problem in named


def test_every_truncation_gives_the_whole_packets_before_it() -> None:
    for capture in (
        wire.pcap(PACKETS),
        wire.section() + wire.interface(resolution=9) + b"".join(wire.enhanced(*packet) for packet in PACKETS),
    ):
        for end in range(len(capture)):
            packets, _ = everything(capture[:end])
            assert packets == PACKETS[: len(packets)]


@given(st.lists(st.tuples(st.integers(0, 2**32 * 10**9 - 1), st.binary(max_size=80)), max_size=6), st.integers(1, 50))
def test_pieces_of_any_size_give_the_same_packets(packets: list[tuple[int, bytes]], size: int) -> None:
    assert everything(wire.pcap(packets), size)[0] == packets


@given(st.binary(max_size=300), st.sampled_from([wire.pcap([]), wire.section() + wire.interface()]), st.integers(1, 64))
def test_no_bytes_raise(data: bytes, head: bytes, size: int) -> None:
    everything(data, size)
    everything(head + data, size)


def test_a_capture_is_known_by_its_first_bytes() -> None:
    assert is_capture(wire.pcap([]))
    assert is_capture(wire.pcap([], order=">", nanoseconds=False))
    assert is_capture(wire.section(">"))
    assert not is_capture(b"<34>1 2026-01-01T00:00:00Z")
