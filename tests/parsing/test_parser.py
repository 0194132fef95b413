"""Frames in, events out: the format is found, time and id are given, nothing is lost."""

import json
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model import DeadLetter, Event, Fields, Flow, Frame, LogFormat, LogSource, Opened, ParseError
from engine.parsing.formats import FormatError, discover
from engine.parsing.parser import Parser
from engine.parsing.reads import ReadAggregation

NOW = 1_767_225_600 * 10**9
DAY = 86_400 * 10**9


class Pairs:
    """Requests `?n` and responses `!n`: as in a protocol whose answers may come in any order."""

    def __init__(self) -> None:
        self.waiting: dict[bytes, Frame] = {}

    def feed(self, frame: Frame) -> Iterable[tuple[Frame, Fields]]:
        kind, number = frame.payload[:1], frame.payload[1:]
        if kind == b"?":
            self.waiting[number] = frame
        elif number in self.waiting:
            request = self.waiting.pop(number)
            yield request, {"@timestamp": request.time, "event.outcome": "success"}
        elif kind != b"!":
            raise ParseError("neither question nor answer")

    def expire(self, now: int | None) -> Iterable[tuple[Frame, Fields]]:
        late = [n for n, f in self.waiting.items() if now is None or now - (f.time or 0) >= 5]
        for number in late:
            request = self.waiting.pop(number)
            yield request, {"@timestamp": request.time, "event.outcome": "unknown"}

    def oldest(self) -> int | None:
        return min((frame.sequence for frame in self.waiting.values()), default=None)

    def snapshot(self) -> Any:
        return [msgspec.to_builtins(frame, builtin_types=(bytes,)) for frame in self.waiting.values()]

    def restore(self, state: Any) -> None:
        frames = [msgspec.convert(value, Frame) for value in state]
        self.waiting = {frame.payload[1:]: frame for frame in frames}


def made(**more: Any) -> LogFormat:
    return LogFormat(**{"vendor": "V", "product": "P", "logsource": LogSource(), "spec": "", **more})


def opened(frame: Frame) -> Opened | None:
    if not frame.payload.startswith(b"<"):
        return None
    program, _, text = frame.payload[1:].decode().partition(">")
    return Opened({"message": text}, text=text, program=program)


def greeting(frame: Frame) -> Fields:
    if not frame.text.startswith("hello"):
        raise ParseError("greeter: no greeting")
    return {"event.action": "greeting"}


FORMATS = {
    "envelope": made(id="envelope", opens=opened, parse=lambda frame: {"message": frame.text}),
    "greeter": made(id="greeter", inside="envelope", programs=("greeter",), parse=greeting),
    "bare": made(id="bare", fingerprint=lambda head: head.startswith(b"BARE"), parse=lambda frame: {"@timestamp": 5}),
    "pairs": made(id="pairs", session=Pairs, logsource=LogSource(product="pairs")),
}
FLOW = Flow("192.0.2.1", 1, "192.0.2.2", 2)


def line(text: bytes, **more: Any) -> Frame:
    return Frame(text, "file", received=NOW, **more)


def pdu(payload: bytes, number: int, time: int = 0) -> Frame:
    return Frame(payload, "tap", received=NOW, sequence=number, time=time or number, flow=FLOW, format="pairs")


def test_the_program_of_the_envelope_chooses_the_format_inside() -> None:
    (event,) = Parser(FORMATS).feed([line(b"<greeter>hello world")])

    assert isinstance(event, Event)
    assert (event.format, event.fields["event.action"], event.fields["message"]) == (
        "greeter",
        "greeting",
        "hello world",
    )


def test_what_a_known_product_says_in_unknown_words_keeps_the_header_and_is_counted_as_partial() -> None:
    parser = Parser(FORMATS)

    (event,) = parser.feed([line(b"<greeter>good morning")])

    assert isinstance(event, Event)
    assert (event.format, event.fields["message"]) == ("greeter", "good morning")
    assert dict(parser.partial) == {"greeter": 1}


def test_a_record_that_no_format_takes_is_kept_whole_with_the_reason() -> None:
    (letter,) = Parser(FORMATS).feed([line(b"\x00\xffnothing")])

    assert isinstance(letter, DeadLetter)
    assert letter.document()["event.original"] == "\x00\\xffnothing"
    assert "no format" in letter.reason


def test_a_time_a_day_ahead_becomes_the_previous_one_of_its_source_and_the_past_stays() -> None:
    times = [NOW, NOW + DAY + 1, NOW - 400 * DAY]
    clock = made(id="bare", fingerprint=lambda head: True, parse=lambda f: {"@timestamp": int(f.payload)})
    parser = Parser({"bare": clock})

    events = parser.feed([line(str(time).encode()) for time in times])

    assert [event.time for event in events if isinstance(event, Event)] == [NOW, NOW, NOW - 400 * DAY]
    assert parser.stats["clock_corrected"] == 1


def test_no_time_at_all_is_that_of_receipt_and_says_so() -> None:
    (event,) = Parser(FORMATS).feed([line(b"<greeter>hello")])

    assert isinstance(event, Event)
    assert (event.time, event.fields["tieline.time"]) == (NOW, "assumed")


def test_identical_records_have_ids_of_their_own_and_the_same_ones_when_read_again() -> None:
    first = [e.id for e in Parser(FORMATS).feed([line(b"BARE"), line(b"BARE")]) if isinstance(e, Event)]
    again = Parser(FORMATS)
    begun = again.feed([line(b"BARE")])
    after = Parser(FORMATS)
    after.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(again.snapshot())))
    ended = after.feed([line(b"BARE")])

    assert first[0] != first[1]
    assert [e.id for e in (*begun, *ended) if isinstance(e, Event)] == first


@given(st.lists(st.tuples(st.sampled_from("?!"), st.integers(0, 4)), max_size=20), st.lists(st.integers(1, 20)))
def test_requests_come_out_once_each_in_their_order_however_they_are_answered_and_batched(
    talk: list[tuple[str, int]], cuts: list[int]
) -> None:
    frames = [pdu(f"{kind}{number}".encode(), at + 1) for at, (kind, number) in enumerate(talk)]
    parser = Parser(FORMATS)

    out: list[Event | DeadLetter] = []
    edges = sorted({0, len(frames), *(cut % (len(frames) + 1) for cut in cuts)})
    for start, stop in zip(edges, edges[1:], strict=False):
        out += parser.feed(frames[start:stop])
        saved = msgspec.msgpack.decode(msgspec.msgpack.encode(parser.snapshot()))
        parser = Parser(FORMATS)
        parser.restore(saved)
    out += parser.expire("tap", None)

    sequences = [event.sequence for event in out if isinstance(event, Event)]
    assert sequences == sorted(set(sequences))


def test_what_a_session_refuses_is_a_dead_letter() -> None:
    (letter,) = Parser(FORMATS).feed([pdu(b"x", 1)])

    assert isinstance(letter, DeadLetter)


def test_a_repeated_read_is_counted_and_a_write_never_is() -> None:
    aggregation = ReadAggregation()

    def event(second: int, operation: str = "read", outcome: str = "success") -> Event:
        fields = {"ot.operation": operation, "event.outcome": outcome, "ot.address": 1}
        return Event(fields, second * 10**9, "id", LogSource())

    passed = [aggregation.passes(event(second)) for second in (0, 1, 59, 60)]
    last = event(121)

    assert passed == [True, False, False, True]
    assert aggregation.passes(last)
    assert "tieline.repeated" not in last.fields
    assert all(aggregation.passes(event(second, "write")) for second in (0, 1))
    assert all(aggregation.passes(event(second, "read", "failure")) for second in (0, 1))


def test_every_shipped_format_follows_the_conventions() -> None:
    formats = discover()

    assert len(formats) > 10
    for name, log_format in formats.items():
        assert log_format.id == name
        assert log_format.spec.startswith("https://"), name


def test_a_format_that_is_not_named_after_its_file_stops_the_start(tmp_path: Any, monkeypatch: Any) -> None:
    (tmp_path / "wrongly_named").mkdir()
    (tmp_path / "wrongly_named" / "__init__.py").touch()
    (tmp_path / "wrongly_named" / "x.py").write_text(
        "from engine.model import LogFormat, LogSource\n"
        "FORMAT = LogFormat(id='y', vendor='', product='', logsource=LogSource(), spec='', parse=lambda frame: {})\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(FormatError, match=r"wrongly_named/x\.py: FORMAT\.id is 'y'; name it after the file"):
        discover("wrongly_named")


def test_integers_beyond_64_bit_and_odd_bytes_still_serialise() -> None:
    from engine.sinks.documents import encoded

    event = Event({"n": 2**80, "t": "\udcff", "x": float("nan")}, 0, "id", LogSource(), original=b"\xff")

    assert json.loads(encoded(event.document()))["n"] == str(2**80)
