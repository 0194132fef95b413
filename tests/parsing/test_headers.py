"""Header lines: kept for the stream they stand in, no records themselves, and part of what outlives a restart."""

from engine.model import DeadLetter, Fields, Frame, LogFormat, LogSource, ParseError
from engine.parsing.parser import Parser


def parse(frame: Frame) -> Fields:
    if not frame.header:
        raise ParseError("columns: no header")
    names = frame.header[-1].split()[1:]
    values = frame.text.split()
    if len(values) != len(names):
        raise ParseError("columns: too many")
    return {name.decode(): value for name, value in zip(names, values, strict=True)}


COLUMNS = LogFormat(
    id="columns", vendor="v", product="p", logsource=LogSource(), spec="s", parse=parse, heads=(b"#fields", b"#close")
)
FORMATS = {"columns": COLUMNS}


def read(parser: Parser, *lines: str, source: str = "s", stream: str = "", name: str | None = None) -> list[str]:
    frames = [
        Frame(line.encode(), source, stream=stream, sequence=n, format=name, received=1) for n, line in enumerate(lines)
    ]
    return [
        one.reason
        if isinstance(one, DeadLetter)
        else " ".join(f"{k}={v}" for k, v in one.fields.items() if len(k) == 1)
        for one in parser.feed(frames)
    ]


def test_a_header_is_no_record_and_names_the_columns_below_it() -> None:
    assert read(Parser(FORMATS), "#fields a b", "1 2", "3 4") == ["a=1 b=2", "a=3 b=4"]


def test_a_header_of_one_stream_is_none_of_another() -> None:
    parser = Parser(FORMATS)
    read(parser, "#fields a", stream="one")

    assert read(parser, "1", stream="one") == ["a=1"]
    assert read(parser, "1", stream="two", name="columns") == ["columns: no header"]


def test_a_new_header_replaces_the_old() -> None:
    assert read(Parser(FORMATS), "#fields a", "1", "#fields b", "1") == ["a=1", "b=1"]


def test_a_line_that_does_not_fit_the_header_is_a_dead_letter() -> None:
    assert read(Parser(FORMATS), "#fields a", "1 2") == ["no format recognises this record"]
    assert read(Parser(FORMATS), "#fields a", "1 2", name="columns") == ["columns: too many"]


def test_a_source_that_has_ended_leaves_no_header() -> None:
    parser = Parser(FORMATS)
    read(parser, "#fields a")

    parser.forget("s")

    assert read(parser, "1", name="columns") == ["columns: no header"]


def test_headers_outlive_a_restart() -> None:
    before, after = Parser(FORMATS), Parser(FORMATS)
    read(before, "#fields a b")

    after.restore(before.snapshot())

    assert read(after, "1 2") == ["a=1 b=2"]


def test_a_header_line_beyond_the_bound_is_a_record() -> None:
    assert read(Parser(FORMATS), "#fields " + "a" * 70_000) == ["no format recognises this record"]


def test_a_line_of_blanks_is_no_header_wherever_it_stands() -> None:
    blanks = ["", "  ", "\ufeff \t"]

    for at in range(3):
        parser = Parser(FORMATS)
        found = parser.feed([Frame(blank.encode(), "s", sequence=at) for blank in blanks])

        assert [one.reason for one in found if isinstance(one, DeadLetter)] == ["no format recognises this record"] * 3
        assert not parser.faults
