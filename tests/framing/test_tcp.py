"""Reassembly: order, loss, overlap, and what ends a conversation."""

import random
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

import wire

from engine.framing.tcp import Direction
from engine.model import Frame, LogFormat, LogSource, ParseError


def cut(buffer: bytes | bytearray | memoryview) -> int | None:
    if len(buffer) and buffer[0] != 0xF1:
        raise ParseError("toy: no PDU starts here")
    return 3 + buffer[2] if len(buffer) >= 3 else None


def session() -> None:
    raise NotImplementedError


# A PDU of the toy protocol: F1, then 1 for a question or 2 for an answer, then the length of the rest.
TOY = LogFormat(
    id="toy",
    vendor="",
    product="",
    spec="",
    logsource=LogSource(),
    cut=cut,
    fingerprint=lambda head: len(head) >= 3 and head[0] == 0xF1 and head[1] in (1, 2) and len(head) >= 3 + head[2],
    asks=lambda pdu: pdu[1] == 1,
    ports=(502,),
    transport="tcp",
)


def question(text: bytes) -> bytes:
    return bytes([0xF1, 1, len(text)]) + text


def answer(text: bytes) -> bytes:
    return bytes([0xF1, 2, len(text)]) + text


def payloads(line: wire.Line) -> list[bytes]:
    return [frame.payload for frame in frames(line)]


def frames(line: wire.Line) -> list[Frame]:
    return wire.read(wire.pcap(line.packets), [TOY])[0]


def test_a_pdu_over_many_segments_and_many_pdus_in_one_segment() -> None:
    one, two, three = question(b"one"), question(b"two"), question(b"three")
    line = wire.Line().open()

    for byte in one:
        line.asks(bytes([byte]))
    line.asks(two + three[:4]).asks(three[4:])

    assert payloads(line) == [one, two, three]


def test_a_pdu_bears_the_time_and_the_number_of_the_packet_that_completed_it() -> None:
    line = wire.Line().open().asks(question(b"ab")[:3]).asks(question(b"ab")[3:] + question(b"cd"))

    first, second = frames(line)

    assert first.time == second.time == line.packets[-1][0]
    assert (first.sequence, second.sequence) == (5 << 16, 5 << 16 | 1)
    assert first.position == len(wire.pcap(line.packets))


def test_a_retransmission_is_no_second_pdu() -> None:
    line = wire.Line().open().asks(question(b"write"))
    before = line.next[True] - len(question(b"write"))

    line.segment(True, before, wire.PSH_ACK, question(b"write"))
    line.segment(True, line.next[True] - 1, wire.ACK, b"e")  # keep-alive with a byte that was sent
    line.segment(True, line.next[True] - 1, wire.ACK)
    line.answers(answer(b"ok")).asks(question(b"next"))

    assert payloads(line) == [question(b"write"), answer(b"ok"), question(b"next")]


def test_segments_out_of_order_wait_for_the_missing_one() -> None:
    line = wire.Line().open()
    data = question(b"first") + question(b"second")
    start = line.next[True]

    line.segment(True, start + 8, wire.PSH_ACK, data[8:])
    line.segment(True, start, wire.PSH_ACK, data[:8])

    assert payloads(line) == [question(b"first"), question(b"second")]


def test_overlapping_segments_are_read_once_and_the_first_copy_stands() -> None:
    line = wire.Line().open()
    start = line.next[True]

    line.segment(True, start, wire.PSH_ACK, question(b"abcdef")[:6])
    line.segment(True, start + 4, wire.PSH_ACK, b"XYdef")

    assert payloads(line) == [question(b"abcdef")]


def test_what_the_receiver_has_acknowledged_is_not_waited_for() -> None:
    line = wire.Line().open()
    line.asks(question(b"seen")).answers(answer(b"1"))
    line.asks(question(b"lost"), lost=True).answers(answer(b"2"))
    line.asks(question(b"after")).answers(answer(b"3"))

    found, reading = wire.read(wire.pcap(line.packets), [TOY])

    assert [frame.payload for frame in found] == [
        question(b"seen"), answer(b"1"), answer(b"2"), question(b"after"), answer(b"3")
    ]  # fmt: skip
    assert reading.stats["gaps"] == 1


def test_after_a_loss_a_request_still_comes_before_its_response_and_with_its_own_time() -> None:
    line = wire.Line().open().asks(question(b"seen")).answers(answer(b"1"))
    line.asks(question(b"lost"), lost=True).answers(answer(b"2"), lost=True)
    line.asks(question(b"after"))
    when = line.time
    line.answers(answer(b"3"))

    found = frames(line)

    assert [frame.payload for frame in found[-2:]] == [question(b"after"), answer(b"3")]
    assert found[-2].time == when


def test_reading_goes_on_at_the_next_pdu_that_starts_a_segment() -> None:
    line = wire.Line().open().asks(question(b"whole")).answers(answer(b"1"))
    torn = question(b"x" * 40)
    line.asks(torn[:10]).asks(torn[10:20], lost=True).asks(torn[20:]).answers(answer(b"2"))
    line.asks(question(b"found again"))

    found, reading = wire.read(wire.pcap(line.packets), [TOY])

    assert [frame.payload for frame in found] == [
        question(b"whole"), answer(b"1"), answer(b"2"), question(b"found again")
    ]  # fmt: skip
    assert reading.stats["pdus_lost"] == 1
    assert reading.stats["bytes_skipped"] == 10 + len(torn[20:])


def test_behind_a_loss_bytes_that_merely_look_like_a_start_are_not_trusted() -> None:
    line = wire.Line().open().asks(question(b"whole"))
    torn = question(b"x" * 10 + b"\xf1\x09\x40 in the middle of a PDU")
    line.asks(torn[:8]).asks(torn[8:13], lost=True).asks(torn[13:]).answers(answer(b"1"))
    line.asks(question(b"found again")).answers(answer(b"2"))

    assert payloads(line) == [question(b"whole"), answer(b"1"), question(b"found again"), answer(b"2")]


def test_a_capture_that_starts_in_the_middle_finds_its_feet_and_its_client() -> None:
    line = wire.Line(port=5_020)
    line.answers(b"tail of an answer").answers(answer(b"1")).asks(question(b"2"))

    found = frames(line)

    assert [(frame.payload, frame.from_client) for frame in found] == [(answer(b"1"), False), (question(b"2"), True)]
    assert found[0].flow is not None
    assert (found[0].flow.client_ip, found[0].flow.server_port) == ("192.0.2.10", 5_020)


def test_the_sender_of_the_syn_is_the_client_whatever_the_ports() -> None:
    line = wire.Line(port=40_002, client_port=502).open().asks(question(b"dialled out"))

    (frame,) = frames(line)

    assert frame.flow is not None
    assert (frame.flow.client_port, frame.flow.server_port, frame.from_client) == (502, 40_002, True)


def test_another_protocol_on_a_known_port_makes_no_pdu_and_is_told_once() -> None:
    line = wire.Line().open().asks(b"GET / HTTP/1.1\r\n\r\n").answers(b"HTTP/1.1 200 OK\r\n\r\n")

    (found,), reading = wire.read(wire.pcap(line.packets), [TOY])

    assert (found.instead, found.format, found.payload[:5], found.from_client) == ("", "toy", b"GET /", True)
    assert reading.stats["not_the_ports_protocol"] == 2


def test_a_conversation_that_was_not_seen_from_its_start_is_not_called_another_protocol() -> None:
    line = wire.Line().asks(b"GET / HTTP/1.1\r\n\r\n")

    assert wire.read(wire.pcap(line.packets), [TOY])[0] == []


def test_a_certain_protocol_is_found_on_any_port() -> None:
    assert payloads(wire.Line(port=8_080).open().asks(question(b"hidden"))) == [question(b"hidden")]


def test_a_new_syn_on_the_same_ports_opens_another_conversation() -> None:
    first = wire.Line().open().asks(question(b"one"))
    second = wire.Line(isn=9_000_000, start=first.time).open().asks(question(b"two"))
    first.packets += second.packets

    one, two = frames(first)

    assert (one.payload, two.payload) == (question(b"one"), question(b"two"))
    assert one.flow != two.flow


def test_the_same_syn_sent_again_opens_nothing() -> None:
    line = wire.Line()
    line.segment(True, 1_000, wire.SYN)
    line.open().asks(question(b"one"))
    line.segment(True, 1_000, wire.SYN)
    line.asks(question(b"two"))

    one, two = frames(line)

    assert one.flow == two.flow


@pytest.mark.parametrize("isn", [2**32 - 1, 2**32 - 4, 2**32 - 9, 2**31 - 3])
def test_sequence_numbers_wrap(isn: int) -> None:
    line = wire.Line(isn=isn).open().asks(question(b"before")).asks(question(b"after")).answers(answer(b"ok"))

    assert payloads(line) == [question(b"before"), question(b"after"), answer(b"ok")]


def test_data_behind_a_reset_is_still_read() -> None:
    line = wire.Line().open().asks(question(b"one"))
    line.segment(False, line.next[False], wire.RST)
    line.asks(question(b"two")).close()

    assert payloads(line) == [question(b"one"), question(b"two")]


def test_without_the_other_side_patience_ends_after_two_seconds() -> None:
    line = wire.Line().open()
    line.asks(question(b"lost"), lost=True).asks(question(b"held"))
    line.time += 2_100 * wire.MILLISECOND
    line.asks(question(b"next"))

    assert payloads(line) == [question(b"held"), question(b"next")]


def test_what_is_held_back_is_bounded_and_comes_at_the_end() -> None:
    line = wire.Line().open()
    line.asks(question(b"lost"), lost=True)
    for number in range(300):
        line.asks(question(bytes([number % 256])))
        line.time -= wire.MILLISECOND

    found, reading = wire.read(wire.pcap(line.packets), [TOY])

    assert len(found) == 300
    assert reading.stats["gaps"] == 1


@settings(max_examples=150)
@given(st.lists(st.binary(max_size=60), min_size=1, max_size=8), st.integers(0, 2**32 - 1), st.randoms())
def test_segments_shuffled_doubled_and_overlapping_give_the_same_pdus(
    texts: list[bytes], isn: int, chance: random.Random
) -> None:
    pdus = [question(text) for text in texts]
    data = b"".join(pdus)
    segments = []
    at = 0
    while at < len(data):
        end = min(len(data), at + chance.randint(1, 30))
        back = chance.randint(0, min(at, 10))
        segments.append((at - back, data[at - back : end]))
        at = end
    segments += [chance.choice(segments) for _ in range(3)]
    chance.shuffle(segments)
    line = wire.Line(isn=isn)
    line.segment(True, isn, wire.SYN)

    for offset, payload in segments:
        line.segment(True, isn + 1 + offset, wire.PSH_ACK, payload, acknowledged=7)

    assert payloads(line) == pdus


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.binary(max_size=40), st.integers(0, 10**10)), max_size=30))
def test_a_direction_takes_any_segments(segments: list[tuple[int, bytes, int]]) -> None:
    direction = Direction({"gaps": 0, "retransmissions": 0})

    for sequence, data, time in segments:
        direction.take(sequence, data, time)
        direction.acknowledge(sequence, time)
    while direction.held:
        direction.give_up(0)

    assert direction.held_bytes == 0
