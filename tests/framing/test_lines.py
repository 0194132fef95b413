"""Lines, counted records and datagrams."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from engine.framing.lines import Lines, Records
from engine.model import Chunk


def fed(framer: Lines, data: bytes, cuts: list[int], *, end: bool = True) -> list[bytes]:
    out = []
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for start, stop in pairwise(edges):
        out += framer.feed(Chunk(data[start:stop], "s", "c", 1, start))
    if end:
        out += framer.feed(Chunk(b"", "s", "c", 1, len(data), end=True))
    return [frame.payload for frame in out]


@given(st.binary(max_size=200), st.lists(st.integers(0, 300), max_size=6))
def test_any_cut_of_a_stream_gives_the_same_lines(data: bytes, cuts: list[int]) -> None:
    obvious = [line[:-1] if line.endswith(b"\r") else line for line in data.split(b"\n")]

    assert fed(Lines(max_bytes=1000), data, cuts) == [line for line in obvious if line]


@given(st.lists(st.binary(min_size=1, max_size=40).map(lambda b: b"<" + b), min_size=1), st.lists(st.integers(0, 3000)))
def test_counted_records_may_hold_line_feeds_wherever_the_stream_is_cut(records: list[bytes], cuts: list[int]) -> None:
    data = b"".join(b"%d %b" % (len(record), record) for record in records)

    got = fed(Lines(max_bytes=1000, counting=True), data, cuts)

    assert got == [record.rstrip(b"\r\n") for record in records]


def test_lines_and_counted_records_are_told_apart_per_connection() -> None:
    framer = Lines(max_bytes=100, counting=True)

    counted = framer.feed(Chunk(b"8 <1>a b\nc", "s", "one"))
    lines = framer.feed(Chunk(b"<1>a b\nc", "s", "two"))

    assert [frame.payload for frame in counted] == [b"<1>a b\nc"]
    assert [frame.payload for frame in lines] == [b"<1>a b"]


def test_a_line_beyond_the_bound_is_cut_and_marked_and_the_next_one_is_whole() -> None:
    framer = Lines(max_bytes=10)

    frames = framer.feed(Chunk(b"x" * 25, "s")) + framer.feed(Chunk(b"y" * 25 + b"\nnext\n", "s"))

    assert [(frame.payload, frame.truncated) for frame in frames] == [(b"x" * 10, True), (b"next", False)]
    assert framer.stats["truncated"] == 1


def test_a_ten_megabyte_line_is_one_record_under_a_larger_bound() -> None:
    framer = Lines(max_bytes=16 * 1024 * 1024)

    frames = []
    for at in range(10):
        frames += framer.feed(Chunk(b"z" * 1024 * 1024, "s", offset=at * 1024 * 1024))
    frames += framer.feed(Chunk(b"\nshort\n", "s"))

    assert [len(frame.payload) for frame in frames] == [10 * 1024 * 1024, 5]


def test_a_length_that_is_never_reached_is_bounded() -> None:
    framer = Lines(max_bytes=10, counting=True)

    frames = framer.feed(Chunk(b"999999999 <" + b"x" * 100, "s")) + framer.feed(Chunk(b"y" * 100, "s"))

    assert [(len(frame.payload), frame.truncated) for frame in frames] == [(10, True)]


def test_position_points_behind_the_record_so_that_reading_goes_on_there() -> None:
    data = b"one\ntwo\r\nthree"

    frames = Lines(max_bytes=100).feed(Chunk(data, "s", offset=0))
    again = Lines(max_bytes=100).feed(Chunk(data[frames[0].position :] + b"\n", "s", offset=frames[0].position))

    assert [frame.payload for frame in again] == [b"two", b"three"]
    assert again[0].sequence == frames[1].sequence


def test_a_record_goes_on_until_a_line_that_starts_the_next() -> None:
    framer = Lines(max_bytes=100, starts=lambda line: not line.startswith(b" "))

    frames = framer.feed(Chunk(b"a\n at x\n at y\nb\n", "s", received=5))
    late = framer.expire("s", now=10, idle_ns=5)

    assert [frame.payload for frame in frames] == [b"a\n at x\n at y"]
    assert [frame.payload for frame in late] == [b"b"]


def test_half_a_line_survives_a_snapshot() -> None:
    before, after = Lines(max_bytes=100), Lines(max_bytes=100)

    before.feed(Chunk(b"hal", "s", "c"))
    after.restore(before.snapshot())

    assert [frame.payload for frame in after.feed(Chunk(b"f\n", "s", "c", offset=3))] == [b"half"]


def test_a_datagram_is_a_record_without_its_trailing_nul() -> None:
    assert [f.payload for f in Records(max_bytes=9).feed(Chunk(b"<1>a\nb\n\0", "s"))] == [b"<1>a\nb"]
    assert Records(max_bytes=9).feed(Chunk(b"\n", "s")) == []
