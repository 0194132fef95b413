"""Lines, counted records and datagrams."""

from itertools import pairwise

from hypothesis import assume, given
from hypothesis import strategies as st

from engine.framing.lines import Lines, Records
from engine.model import Chunk, LogFormat, LogSource


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
    assume(data[:2] not in (b"\xff\xfe", b"\xfe\xff"))  # marks of UTF-16
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


def test_a_record_of_several_lines_is_bounded_in_lines_and_in_bytes() -> None:
    many = Lines(max_bytes=10_000, starts=lambda line: line == b"start")
    wide = Lines(max_bytes=50, starts=lambda line: line == b"start")

    by_lines = many.feed(Chunk(b"start\n" + b"x\n" * 1200, "s", end=True))
    by_bytes = wide.feed(Chunk(b"start\n" + b"y" * 20 + b"\n" + b"z" * 40 + b"\n", "s", end=True))

    assert [frame.payload.count(b"\n") + 1 for frame in by_lines] == [500, 500, 201]
    assert [frame.payload for frame in by_bytes] == [b"start\n" + b"y" * 20, b"z" * 40]


def test_a_line_that_ends_its_record_lets_nobody_wait() -> None:
    framer = Lines(max_bytes=100, starts=lambda line: line == b"<a>", ends=lambda line: line == b"</a>")

    frames = framer.feed(Chunk(b"<a>\n1\n</a>\n<a>\n", "s"))

    assert [frame.payload for frame in frames] == [b"<a>\n1\n</a>"]


SQL = LogFormat(
    id="sql",
    vendor="",
    product="",
    logsource=LogSource(),
    spec="",
    parse=lambda frame: {},
    fingerprint=lambda head: head.startswith(b"LOG "),
    starts_record=lambda line: line.startswith((b"LOG ", b"ERROR ")),
)


def test_a_file_whose_format_its_first_record_tells_is_joined_by_it() -> None:
    data = b"LOG a\nSELECT 1\nFROM b\nERROR c\nJan  2 03:04:05 gw-1 su: x\nLOG d\n"

    known = fed(Lines(max_bytes=1000, joining=[SQL]), data, [])
    unknown = fed(Lines(max_bytes=1000), data, [])

    assert known == [b"LOG a\nSELECT 1\nFROM b", b"ERROR c", b"Jan  2 03:04:05 gw-1 su: x", b"LOG d"]
    assert unknown == data.split(b"\n")[:-1]


JAVA = b"""2026-01-02 03:04:05,006 ERROR [main] pump - failed
java.io.IOException: refused
\tat com.example.Pump.start(Pump.java:41)
Caused by: java.net.ConnectException: no
\t... 12 more
2026-01-02 03:04:06,006 INFO [main] pump - again
Jan  2 03:04:05 gw-1 app[7]: error
Traceback (most recent call last):
  File "/srv/app.py", line 7, in <module>
    main()
ValueError: no
Jan  2 03:04:05 gw-1 su: x"""


@given(st.lists(st.integers(0, 600), max_size=6))
def test_a_stack_trace_belongs_to_the_line_before_it_wherever_the_stream_is_cut(cuts: list[int]) -> None:
    got = fed(Lines(max_bytes=1000, traces=True), JAVA, cuts)

    lines = JAVA.split(b"\n")
    whole = [lines[:5], lines[5:6], lines[6:11], lines[11:]]
    assert b"\n".join(got) == JAVA
    if not cuts:
        assert got == [b"\n".join(part) for part in whole]


def test_a_line_that_promises_a_trace_waits_for_the_next_and_no_other_line_does() -> None:
    framer = Lines(max_bytes=1000, traces=True)

    at_once = framer.feed(Chunk(b"Jan  2 03:04:05 gw-1 su: x\n", "s", received=1))
    held = framer.feed(Chunk(b"app ERROR failed\n", "s", received=2, offset=27))
    position = framer.position("")
    given_up = framer.expire("s", now=9, idle_ns=5)

    assert ([f.payload for f in at_once], held) == ([b"Jan  2 03:04:05 gw-1 su: x"], [])
    assert position == 27
    assert [f.payload for f in given_up] == [b"app ERROR failed"]


@given(
    st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\ufeff\x00"), min_size=1, max_size=60),
    st.lists(st.integers(0, 300)),
    st.sampled_from(["utf-16-le", "utf-16-be"]),
)
def test_a_file_in_utf_16_gives_the_same_lines_as_in_utf_8(text: str, cuts: list[int], codec: str) -> None:
    text = f"Jan  2 \u2028 {text}"

    wide = fed(Lines(max_bytes=1000), f"\ufeff{text}".encode(codec), cuts)

    assert wide == fed(Lines(max_bytes=1000), text.encode(), [])


def test_the_offsets_of_utf_16_are_those_of_the_file_and_reading_goes_on_in_the_middle() -> None:
    data = "\ufeffJan  2 03:04:05 one\r\nJan  2 03:04:05 two\r\n".encode("utf-16-le")

    first, second = Lines(max_bytes=100).feed(Chunk(data, "s"))
    again = Lines(max_bytes=100).feed(Chunk(data[first.position :], "s", offset=first.position))

    assert (second.sequence, second.position) == (first.position, len(data))
    assert [(f.payload, f.sequence) for f in again] == [(second.payload, second.sequence)]


def test_half_a_line_survives_a_snapshot() -> None:
    before, after = Lines(max_bytes=100), Lines(max_bytes=100)

    before.feed(Chunk(b"hal", "s", "c"))
    after.restore(before.snapshot())

    assert [frame.payload for frame in after.feed(Chunk(b"f\n", "s", "c", offset=3))] == [b"half"]


def test_a_datagram_is_a_record_without_its_trailing_nul() -> None:
    assert [f.payload for f in Records(max_bytes=9).feed(Chunk(b"<1>a\nb\n\0", "s"))] == [b"<1>a\nb"]
    assert [f.payload for f in Records(max_bytes=9).feed(Chunk("\ufeff<1>a".encode("utf-16-le"), "s"))] == [b"<1>a"]
    assert Records(max_bytes=9).feed(Chunk(b"\n", "s")) == []
