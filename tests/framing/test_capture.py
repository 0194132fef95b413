"""From the bytes of a capture to PDUs: link layers, IP, fragments, datagrams, bounds."""

import random
import socket
import struct
import sys
from pathlib import Path

import dpkt
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

import wire

from engine.framing.capture import Capture
from engine.framing.ip import datagram
from engine.framing.link import network
from engine.model import Chunk, LogFormat, LogSource
from engine.parsing.formats import discover
from parsers.modbus import FORMAT as MODBUS
from parsers.s7comm import FORMAT as S7COMM

FORMATS = [MODBUS, S7COMM]
PROTOCOLS = [one for one in discover().values() if one.transport is not None]
EVERY = list(discover().values())
SAMPLES = sorted((Path(__file__).parents[1] / "parsers").glob("*/*.pcap"))
READ = bytes.fromhex("000100000006010300640002")
CLIENT6, SERVER6 = socket.inet_pton(socket.AF_INET6, "2001:db8::10"), socket.inet_pton(socket.AF_INET6, "2001:db8::20")


def ipv6(source: bytes, target: bytes, payload: bytes, *, following: int = 6, extensions: bytes = b"") -> bytes:
    return (
        struct.pack(">IHBB", 6 << 28, len(extensions) + len(payload), following, 64)
        + source
        + target
        + extensions
        + payload
    )


def segment(payload: bytes = READ) -> bytes:
    return wire.tcp(40_001, 502, 1, 1, wire.PSH_ACK, payload)


IP4 = wire.ipv4(wire.CLIENT, wire.SERVER, segment())
IP6 = ipv6(CLIENT6, SERVER6, segment())


@pytest.mark.parametrize(
    ("link_type", "packet"),
    [
        (1, wire.ethernet(IP4)),
        (1, wire.ethernet(IP6)),
        (1, wire.ethernet(IP4, vlans=[7])),
        (0, b"\x02\0\0\0" + IP4),
        (0, b"\0\0\0\x18" + IP6),
        (108, b"\0\0\0\x02" + IP4),
        (101, IP4),
        (12, IP6),
        (14, IP4),
        (228, IP4),
        (229, IP6),
        (113, struct.pack(">HHH8sH", 0, 1, 6, b"\0\0^\0S\n", 0x0800) + IP4),
        (113, struct.pack(">HHH8sHHH", 0, 1, 6, b"\0\0^\0S\n", 0x8100, 9, 0x0800) + IP4),
        (276, struct.pack(">HHIHBB8s", 0x86DD, 0, 2, 1, 0, 6, b"\0\0^\0S\n") + IP6),
    ],
)
def test_every_link_type_leads_to_the_pdu(link_type: int, packet: bytes) -> None:
    (frame,), _ = wire.read(wire.pcap([(wire.START, packet)], link_type=link_type), FORMATS)

    assert frame.payload == READ
    assert frame.flow is not None
    assert frame.flow.client_ip in ("192.0.2.10", "2001:db8::10")


def test_vlans_and_hardware_addresses_are_kept() -> None:
    packet = wire.ethernet(IP4, vlans=[10, 20])

    (frame,), _ = wire.read(wire.pcap([(wire.START, packet)]), FORMATS)

    assert frame.flow is not None
    assert frame.flow.vlan == (10, 20)
    assert (frame.flow.client_mac, frame.flow.server_mac) == ("00-00-5E-00-53-0A", "00-00-5E-00-53-14")


def test_a_pcapng_interface_is_named_in_the_flow() -> None:
    capture = (
        wire.section() + wire.interface(name=b"mirror1", resolution=9) + wire.enhanced(wire.START, wire.ethernet(IP4))
    )

    (frame,), _ = wire.read(capture, FORMATS)

    assert frame.flow is not None
    assert (frame.flow.interface, frame.time) == ("mirror1", wire.START)


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1], [1, 1, 2, 0]])
def test_fragments_are_joined_in_any_order(order: list[int]) -> None:
    data = segment()
    cuts = [data[:16], data[16:24], data[24:]]
    flags = [0x2000, 0x2000 | 2, 3]
    parts = [
        wire.ethernet(wire.ipv4(wire.CLIENT, wire.SERVER, cut, fragment=flag))
        for cut, flag in zip(cuts, flags, strict=True)
    ]

    found, reading = wire.read(wire.pcap([(wire.START, parts[number]) for number in order]), FORMATS)

    assert [frame.payload for frame in found] == [READ]
    assert reading.stats["fragments"] == len(order)


def test_ipv6_fragments_and_extension_headers_are_read_through() -> None:
    data = segment()
    hop = bytes([44, 0, 1, 4, 0, 0, 0, 0])
    first = ipv6(
        CLIENT6,
        SERVER6,
        hop + struct.pack(">BBHI", 60, 0, 1, 99) + bytes([6, 0, 1, 4, 0, 0, 0, 0]) + data[:16],
        following=0,
    )
    second = ipv6(CLIENT6, SERVER6, struct.pack(">BBHI", 60, 0, 24, 99) + data[16:], following=44)

    found, _ = wire.read(wire.pcap([(wire.START, wire.ethernet(first)), (wire.START, wire.ethernet(second))]), FORMATS)

    assert [frame.payload for frame in found] == [READ]


def test_fragments_that_never_come_whole_are_bounded_and_counted() -> None:
    reading = Capture(FORMATS)
    packets = [
        (wire.START, wire.ethernet(wire.ipv4(struct.pack(">I", number), wire.SERVER, bytes(16), fragment=0x2000)))
        for number in range(1_100)
    ]

    reading.feed(Chunk(payload=wire.pcap(packets), source="s"))
    reading.expire(wire.START + 31 * 10**9)

    assert reading.stats["fragments_lost"] == 1_100


def test_a_datagram_of_a_known_port_or_shape_is_a_frame() -> None:
    toy = LogFormat(
        id="toy", vendor="", product="", spec="", logsource=LogSource(), ports=(9_600,), transport="udp",
        session=S7COMM.session, fingerprint=lambda head: head.startswith(b"FINS"),
    )  # fmt: skip

    def sent(source: int, target: int, payload: bytes, *, back: bool = False) -> tuple[int, bytes]:
        ends = (wire.SERVER, wire.CLIENT) if back else (wire.CLIENT, wire.SERVER)
        data = struct.pack(">HHHH", source, target, 8 + len(payload), 0) + payload
        return wire.START, wire.ethernet(wire.ipv4(*ends, data, protocol=17))

    found, _ = wire.read(
        wire.pcap([sent(5_000, 9_600, b"FINS?"), sent(9_600, 5_000, b"anything", back=True), sent(53, 5_001, b"dns")]),
        [toy],
    )

    assert [(frame.payload, frame.from_client) for frame in found] == [(b"FINS?", True), (b"anything", False)]
    assert found[0].flow == found[1].flow
    assert found[0].flow is not None
    assert found[0].flow.transport == "udp"


def test_what_travels_on_ethernet_itself_is_a_frame_of_the_format_with_its_ethertype() -> None:
    toy = LogFormat(
        id="toy", vendor="", product="", spec="", logsource=LogSource(), ports=(0x8892,), transport="ethernet",
        session=S7COMM.session, fingerprint=lambda head: head.startswith(b"\xfe\xfd"),
    )  # fmt: skip
    packets = [
        wire.ethernet(b"\xfe\xfdset", kind=0x8892),
        wire.ethernet(b"\xfe\xfdset", kind=0x8892, vlans=[7]),
        wire.ethernet(b"cyclic data", kind=0x8892),
        wire.ethernet(b"\xfe\xfdset", kind=0x88B8),
        wire.ethernet(b"\xfe\xfdset", kind=5),
        b"\0" * 13,
    ]

    found, reading = wire.read(wire.pcap([(wire.START + n, packet) for n, packet in enumerate(packets)]), [toy])

    assert [(frame.payload[:5], frame.sequence >> 16, frame.time) for frame in found] == [
        (b"\xfe\xfdset", 1, wire.START),
        (b"\xfe\xfdset", 2, wire.START + 1),
    ]
    assert [frame.flow and frame.flow.vlan for frame in found] == [(), (7,)]
    assert found[0].flow is not None
    assert found[0].flow.client_mac == "00-00-5E-00-53-0A"
    assert reading.stats["not_ip"] == 4


def test_a_pdu_that_the_snapshot_length_cuts_is_a_truncated_frame_and_reading_goes_on() -> None:
    answer = bytes.fromhex("000100000007010304 002a002b")
    line = wire.Line().open().asks(READ).answers(answer).asks(READ).answers(answer)
    for number in (4, 6):
        time, packet = line.packets[number]
        line.packets[number] = (time, packet[:-3])

    found, reading = wire.read(wire.pcap(line.packets), FORMATS)

    assert [(frame.payload, frame.truncated) for frame in found] == [
        (READ, False), (answer[:-3], True), (READ, False), (answer[:-3], True)
    ]  # fmt: skip
    assert (reading.stats["pdus_truncated"], reading.stats["pdus_lost"]) == (2, 0)


def test_a_header_cut_by_the_snapshot_length_costs_that_pdu_only() -> None:
    line = wire.Line().open().asks(READ).asks(READ).asks(READ)
    time, packet = line.packets[-2]
    line.packets[-2] = (time, packet[: 54 + 5])

    found, reading = wire.read(wire.pcap(line.packets), FORMATS)

    assert [frame.payload for frame in found] == [READ, READ]
    assert reading.stats["pdus_lost"] == 1


def test_a_truncated_file_is_read_to_its_end_and_named() -> None:
    capture = wire.pcap(wire.Line().open().asks(READ).asks(READ).packets)

    found, reading = wire.read(capture[:-5], FORMATS)

    assert [frame.payload for frame in found] == [READ]
    assert reading.stats["problems"] == 1
    assert "test.pcap: truncated" in reading.problems[0]


def test_conversations_are_bounded_and_those_that_speak_stay() -> None:
    reading = Capture(FORMATS, max_conversations=100)
    line = wire.Line().open().asks(READ)
    scan = []
    for port in range(1_000, 3_000):
        probe = wire.Line(port=port, client_port=30_000)
        probe.segment(True, 5, wire.SYN)
        scan += probe.packets

    frames = reading.feed(Chunk(payload=wire.pcap([*line.packets, *scan]), source="s"))
    line.packets.clear()
    line.asks(READ)
    frames += reading.feed(Chunk(payload=wire.pcap(line.packets)[24:], source="s"))

    assert [frame.payload for frame in frames] == [READ, READ]
    assert reading.stats["conversations_evicted"] > 1_800


def test_what_waits_in_all_conversations_is_bounded() -> None:
    reading = Capture(FORMATS, max_buffered=20_000)
    packets = []
    for port in range(1, 201):
        line = wire.Line(client_port=port).open().asks(READ)
        line.next[True] += 5_000
        packets += line.asks(bytes(400)).packets

    reading.feed(Chunk(payload=wire.pcap(packets), source="s"))

    assert reading.stats["buffers_evicted"] > 0


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: f"{path.parent.name}-{path.stem}")
@pytest.mark.parametrize("size", [1, 7, 64, 1_000])
def test_any_cut_of_the_file_gives_the_same_frames(sample: Path, size: int) -> None:
    whole, _ = wire.read(sample.read_bytes(), EVERY)

    pieces, _ = wire.read(sample.read_bytes(), EVERY, size=size)

    assert pieces == whole
    assert whole


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_truncation_at_any_byte_gives_a_prefix_of_the_frames(sample: Path) -> None:
    capture = sample.read_bytes()
    whole = [frame.payload for frame in wire.read(capture, EVERY)[0]]

    for end in range(0, len(capture), 3):
        found = [frame.payload for frame in wire.read(capture[:end], EVERY)[0]]
        assert found == whole[: len(found)]


@pytest.mark.parametrize("sample", SAMPLES[:2], ids=lambda path: path.stem)
def test_damaged_packets_never_raise(sample: Path) -> None:
    chance = random.Random(7)
    original = sample.read_bytes()

    for _ in range(300):
        capture = bytearray(original)
        for _ in range(chance.randint(1, 20)):
            capture[chance.randrange(24, len(capture))] = chance.randrange(256)
        wire.read(bytes(capture), EVERY)


@given(
    st.binary(min_size=4, max_size=4),
    st.binary(max_size=40).map(lambda data: data[: len(data) // 4 * 4]),
    st.lists(st.integers(0, 4_095), max_size=2),
    st.binary(min_size=20, max_size=100),
    st.sampled_from([6, 17, 1]),
)
def test_ipv4_headers_are_read_as_dpkt_reads_them(
    source: bytes, options: bytes, vlans: list[int], payload: bytes, protocol: int
) -> None:
    packet = wire.ethernet(wire.ipv4(source, wire.SERVER, payload, protocol=protocol, options=options), vlans=vlans)

    located = network(1, packet)
    assert located is not None
    part = datagram(packet, located[0])

    twin = dpkt.ethernet.Ethernet(packet)
    assert part is not None
    assert part.addresses == twin.data.src + twin.data.dst
    assert (part.protocol, part.data[part.start : part.end]) == (twin.data.p, payload)
    assert list(located[1]) == [tag.id for tag in getattr(twin, "vlan_tags", [])]


@given(st.binary(max_size=120), st.sampled_from([0, 1, 12, 101, 108, 113, 228, 229, 276, 999]))
def test_headers_of_any_bytes_do_not_raise(data: bytes, link_type: int) -> None:
    found, _ = wire.read(wire.pcap([(wire.START, data)], link_type=link_type), EVERY)

    assert len(found) <= 1


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_reading_that_is_stopped_and_restored_anywhere_gives_the_same_frames(sample: Path) -> None:
    capture = sample.read_bytes()
    whole, _ = wire.read(capture, EVERY)

    for end in range(1, len(capture), 97):
        before, after = Capture(PROTOCOLS), Capture(PROTOCOLS)
        found = before.feed(Chunk(payload=capture[:end], source="mirror", stream="test.pcap"))
        at = before.positions()["mirror", "test.pcap"]
        after.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(before.snapshot())))
        found += after.feed(Chunk(payload=capture[at:], source="mirror", stream="test.pcap", offset=at))
        assert found + after.close() == whole


def test_a_restored_pcapng_keeps_its_interfaces_and_what_waits_for_a_lost_segment() -> None:
    line = wire.Line().open()
    line.asks(READ[:5]).asks(READ[5:], lost=True).asks(READ)
    head = wire.section() + wire.interface(resolution=9, name=b"mirror1")
    before, after = Capture(PROTOCOLS), Capture(PROTOCOLS)
    before.feed(Chunk(payload=head + b"".join(wire.enhanced(*packet) for packet in line.packets), source="s"))

    after.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(before.snapshot())))
    line.packets.clear()
    line.segment(True, line.next[True] - 19, wire.PSH_ACK, READ[5:])
    at = before.positions()["s", ""]
    found = after.feed(Chunk(payload=wire.enhanced(*line.packets[0]), source="s", offset=at))

    assert [frame.payload for frame in found] == [READ, READ]
    assert found[0].flow is not None
    assert found[0].flow.interface == "mirror1"


def test_a_time_of_another_clock_does_not_end_the_patience_with_an_old_capture() -> None:
    line = wire.Line().open().asks(READ, lost=True).asks(READ)
    reading = Capture(PROTOCOLS)
    reading.feed(Chunk(payload=wire.pcap(line.packets), source="s"))

    assert reading.expire(wire.START + 365 * 86_400 * 10**9) == []
    assert [frame.payload for frame in reading.expire(line.time + 3 * 10**9)] == [READ]
