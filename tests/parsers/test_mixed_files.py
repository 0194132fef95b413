"""A file into which everything is written: what is a record of its own stays one, whatever stands around it."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.framing.framing import Framing
from engine.model import Chunk, Event
from engine.model.times import from_iso
from engine.parsing.formats import discover
from engine.parsing.parser import Parser

HERE = Path(__file__).parent
FORMATS = discover()
RECEIVED = from_iso("2026-02-01T00:00:00Z") or 0

XML = (
    b"<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
    b"<Provider Name='Microsoft-Windows-Security-Auditing'/><EventID>4625</EventID>"
    b"<TimeCreated SystemTime='2026-01-02T03:04:05Z'/><Channel>Security</Channel><Computer>ews-1</Computer></System>"
    b"<EventData><Data Name='TargetUserName'>m.keller</Data></EventData></Event>"
)
PRETTY = XML.replace(b"><", b">\r\n  <").replace(b"  </Event>", b"</Event>").replace(b"\r", b"")
SSHD = b"Jan  2 03:04:05 gw-1 sshd[7]: Failed password for root from 192.0.2.7 port 4022 ssh2"
SSHD_ISO = b"2026-01-02T03:04:05.006+01:00 gw-1 sshd[7]: Failed password for root from 192.0.2.7 port 4022 ssh2"
POSTGRES = b"2026-01-02 03:04:05.006 UTC [12] ERROR:  relation does not exist at character 15"
EVE = b'{"timestamp":"2026-01-02T03:04:05.006+0000","event_type":"dns","src_ip":"192.0.2.7"}'
CEF = b"CEF:0|Vendor|Product|1.0|100|Login failed|5|src=192.0.2.7"

SEVERAL = [
    PRETTY,
    b"Record 1\n<?xml version=\"1.0\" encoding=\"utf-8\"?>\n" + PRETTY,
    b"Record 2\n" + XML,
    POSTGRES + b"\n\tSELECT *\nFROM pumps\n WHERE id = 7",
    b"# User@Host: app[app] @ hist-1 [192.0.2.7]\n# Query_time: 2.5  Lock_time: 0.0\nSET timestamp=1767323045;\nSELECT 1;",
    b"2026-01-02 03:04:05,006 ERROR [main] pump - failed\njava.io.IOException: no\n\tat com.example.Pump.go(Pump.java:4)",
    b'Jan  2 03:04:05 gw-1 app[7]: ERROR failed\nTraceback (most recent call last):\n  File "/srv/app.py", line 7, in <module>\n    main()\nValueError: no',
]  # fmt: skip


def framed(data: bytes, cuts: list[int] | None = None) -> list[bytes]:
    framing = Framing(FORMATS)
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts or [])})
    out = []
    for start, stop in pairwise(edges):
        out += framing.feed(Chunk(data[start:stop], "s", "c", RECEIVED, start))
    out += framing.feed(Chunk(b"", "s", "c", RECEIVED, len(data), end=True))
    return [frame.payload for frame in out]


def events(data: bytes) -> list[Event]:
    frames = Framing(FORMATS).feed(Chunk(data, "s", "c", RECEIVED, end=True))
    parser = Parser(FORMATS)
    found = parser.feed(frames) + parser.expire("s", None)
    return [one for one in found if isinstance(one, Event)]


def complete() -> list[bytes]:
    """The lines of all samples that are an event when they come alone; MySQL's ``# Time:`` heads lines below it."""
    lines: dict[bytes, None] = {}
    for path in sorted(HERE.glob("*/*")):
        if path.suffix in (".log", ".json") and path.parent.name in FORMATS:
            named = Framing(FORMATS, format=path.parent.name)
            for frame in named.feed(Chunk(path.read_bytes(), path.name, received=RECEIVED, end=True)):
                if b"\n" not in frame.payload and not frame.payload.startswith(b"# Time: "):
                    lines[frame.payload] = None
    return [line for line in lines if len(events(line)) == 1]


LINES = complete()


def test_the_samples_of_all_text_formats_are_among_the_lines() -> None:
    assert len(LINES) > 1000


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(LINES) | st.sampled_from(SEVERAL), min_size=1, max_size=12), st.lists(st.integers(0, 9999), max_size=3))  # fmt: skip
def test_records_in_any_order_stay_the_records_that_they_are(records: list[bytes], cuts: list[int]) -> None:
    data = b"\n".join(records) + b"\n"

    assert framed(data, cuts) == records


@pytest.mark.parametrize("several", SEVERAL, ids=range(len(SEVERAL)))
def test_no_line_of_any_sample_is_taken_by_the_record_above_it(several: bytes) -> None:
    taken = [line for line in LINES if framed(several + b"\n" + line) != [several, line]]

    assert taken == []


@pytest.mark.parametrize("first", [XML, PRETTY, POSTGRES, EVE], ids=["xml", "pretty", "postgres", "json"])
def test_what_stands_behind_a_record_of_several_lines_is_as_if_it_stood_alone(first: bytes) -> None:
    lines = [first, SSHD, SSHD_ISO, CEF, CEF, EVE]

    together = events(b"\n".join(lines) + b"\n")

    assert [event.original for event in together] == lines
    assert [event.fields for event in together] == [events(line)[0].fields for line in lines]


@pytest.mark.parametrize("closed", [XML, PRETTY, SSHD, CEF, EVE], ids=["xml", "pretty", "sshd", "cef", "json"])
def test_a_line_that_no_format_knows_is_not_joined_to_a_closed_record(closed: bytes) -> None:
    assert framed(POSTGRES + b"\n" + closed + b"\nhello\n") == [POSTGRES, closed, b"hello"]


def test_a_trace_is_not_joined_to_a_complete_object() -> None:
    trace = b'Traceback (most recent call last):\n  File "/srv/app.py", line 7, in <module>\nValueError: no'

    for whole in (EVE, XML, PRETTY):
        assert framed(whole + b"\n" + trace + b"\n") == [whole, trace]


@pytest.mark.parametrize("format", [None, "microsoft_windows_xml"])
@pytest.mark.parametrize("event", [XML, PRETTY], ids=["line", "pretty"])
def test_what_stands_around_the_events_of_an_exported_file_is_no_record(event: bytes, format: str | None) -> None:
    data = b'<?xml version="1.0" encoding="utf-8" standalone="yes"?>\r\n<Events>\n%b\n%b\n</Events>\n' % (event, event)

    frames = Framing(FORMATS, format=format).feed(Chunk(data, "s", "c", RECEIVED, end=True))
    with_mark = Framing(FORMATS, format=format).feed(Chunk(b"\xef\xbb\xbf" + data, "s", "c", RECEIVED, end=True))
    wide = Framing(FORMATS, format=format).feed(
        Chunk(f"\ufeff{data.decode()}".encode("utf-16-le"), "s", "c", RECEIVED, end=True)
    )

    assert [f.payload for f in frames] == [f.payload for f in with_mark] == [f.payload for f in wide] == [event, event]


def test_an_unfinished_record_survives_a_snapshot() -> None:
    before, after = Framing(FORMATS), Framing(FORMATS)
    head, tail = POSTGRES + b"\n\tSELECT *\n", b"FROM pumps\n" + SSHD + b"\n"

    assert before.feed(Chunk(head, "s", "c", RECEIVED)) == []
    after.restore(before.snapshot())
    frames = after.feed(Chunk(tail, "s", "c", RECEIVED, len(head)))

    assert [frame.payload for frame in frames] == [POSTGRES + b"\n\tSELECT *\nFROM pumps", SSHD]
