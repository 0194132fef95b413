"""What holds for every format in ``parsers/``."""

import json
import math
import random
import re
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.framing.framing import Framing
from engine.model import Chunk, DeadLetter, Frame, ParseError
from engine.model.times import from_iso
from engine.parsing.formats import discover
from engine.parsing.parser import Parser

HERE = Path(__file__).parent
FORMATS = discover()
LINE_FORMATS = {name: one for name, one in FORMATS.items() if one.transport is None and one.cut is None}
RECEIVED = from_iso("2026-02-01T00:00:00Z") or 0


def records(path: Path) -> list[bytes]:
    """The records of a sample, those of several lines joined."""
    framing = Framing(FORMATS, format=path.parent.name)
    return [frame.payload for frame in framing.feed(Chunk(path.read_bytes(), path.name, end=True))]


SAMPLES = {
    name: [
        record
        for path in sorted((HERE / name).glob("*"))
        if path.suffix in (".log", ".json")
        and FORMATS[name].heading is None  # a line says nothing without its header
        and not path.read_bytes().startswith(FORMATS[name].heads or (b"\0",))
        for record in records(path)
    ]
    for name in LINE_FORMATS
}
OWN_ROOTS = ("ot.", "tieline.")
_NOBODY = ("No Authentication Required", "Not Found", "Unknown")  # what Cisco writes where there is no user
_RELATED = {
    "related.ip": ("source.ip", "destination.ip", "source.nat.ip", "destination.nat.ip"),
    "related.user": ("user.name", "user.effective.name", "user.target.name"),
    "related.hosts": ("host.name",),
}
_SENDERS_NAMES = re.compile(rb'\{\s*+(?:"|\Z)')  # a JSON object, in whatever envelope


def serialises(value: Any) -> bool:
    """Text that UTF-8 can write, integers of 64 bit, finite numbers."""
    if isinstance(value, dict):
        return all(isinstance(name, str) and serialises(name) and serialises(inner) for name, inner in value.items())
    if isinstance(value, (list, tuple)):
        return all(map(serialises, value))
    if isinstance(value, str):
        return not any("\ud800" <= c <= "\udfff" for c in value)
    if isinstance(value, bool) or value is None:
        return True
    if isinstance(value, int):
        return -(1 << 63) <= value < 1 << 64
    return isinstance(value, float) and math.isfinite(value)


def parsed(payload: bytes, name: str | None) -> Any:
    parser = Parser(FORMATS, join=False)
    found = parser.feed([Frame(payload, "test", received=RECEIVED, sequence=1, format=name)])
    assert not parser.faults, (parser.faults, payload)
    return found[0] if found else DeadLetter("a header line is no record", payload)


def near_misses(lines: list[bytes]) -> st.SearchStrategy[bytes]:
    """A sample with a piece cut out, doubled or replaced."""

    def mutate(parts: tuple[bytes, int, int, bytes]) -> bytes:
        line, start, length, piece = parts
        start %= len(line) + 1
        return line[:start] + piece + line[start + length :]

    return st.tuples(st.sampled_from(lines), st.integers(0, 400), st.integers(0, 12), st.binary(max_size=8)).map(mutate)


@pytest.mark.parametrize("name", [None, *LINE_FORMATS])
@given(payload=st.binary(max_size=200))
@settings(max_examples=60, deadline=None)
def test_any_bytes_become_an_event_or_a_dead_letter(name: str | None, payload: bytes) -> None:
    assert serialises(parsed(payload, name).document())


@pytest.mark.parametrize("name", [name for name, lines in SAMPLES.items() if lines])
@given(data=st.data())
@settings(max_examples=120, deadline=None)
def test_a_damaged_sample_becomes_an_event_or_a_dead_letter(name: str, data: st.DataObject) -> None:
    payload = data.draw(near_misses(SAMPLES[name]))

    for one in (None, name):
        document = parsed(payload, one).document()

        assert serialises(document)
        if _SENDERS_NAMES.search(payload) is None:  # there the sender chose the names
            _is_ecs(document, payload)


@pytest.mark.parametrize("name", [name for name, one in LINE_FORMATS.items() if one.parse is not None])
@given(text=st.text(max_size=120))
@settings(max_examples=60, deadline=None)
def test_parse_alone_gives_fields_or_a_parse_error(name: str, text: str) -> None:
    parse = LINE_FORMATS[name].parse
    assert parse is not None
    payload = text.encode("utf-8", "backslashreplace")
    try:
        fields = parse(Frame(payload, "test", received=RECEIVED, text=payload.decode()))
    except ParseError as error:
        assert name in str(error)
    else:
        assert isinstance(fields.get("@timestamp", 0), int)


@pytest.mark.parametrize("name", [name for name, lines in SAMPLES.items() if lines])
def test_auto_finds_the_format_of_every_sample(name: str) -> None:
    for line in SAMPLES[name]:
        by_name, by_itself = parsed(line, name), parsed(line, None)

        if by_name.document().get("event.action") is None:
            continue  # a line without a word of its own (OpenVPN's "Initialization Sequence Completed") needs the name
        assert not isinstance(by_itself, DeadLetter), line
        assert by_itself.document() == by_name.document()


def test_what_a_fingerprint_needs_is_in_every_head_that_it_takes() -> None:
    needing = [one for one in FORMATS.values() if one.needs and one.fingerprint is not None]
    assert len(needing) > 10

    for lines in SAMPLES.values():
        for line in lines:
            opened = (FORMATS["syslog"].opens or (lambda frame: None))(Frame(line, "test", received=RECEIVED))
            heads = {line[:4096]}
            if opened is not None:
                heads.add(opened.text[:4096].encode("utf-8", "surrogateescape"))
            for one in needing:
                for head in heads:
                    if not any(word in head for word in one.needs):
                        assert one.fingerprint is not None and not one.fingerprint(head), (one.id, head)


@pytest.mark.parametrize("name", [name for name, lines in SAMPLES.items() if lines])
def test_every_field_of_every_sample_is_in_ecs_with_its_type(name: str) -> None:
    for line in SAMPLES[name]:
        _is_ecs(parsed(line, name).document(), line)


@pytest.mark.parametrize("name", [name for name, lines in SAMPLES.items() if lines])
def test_authentication_has_an_outcome_and_its_log_source(name: str) -> None:
    for line in SAMPLES[name]:
        event = parsed(line, name)
        if isinstance(event, DeadLetter):
            continue  # a line that needs the header above it
        fields = event.fields
        authentication = "authentication" in fields.get("event.category", ())

        assert authentication == (event.logsource.category == "authentication"), line
        if authentication and fields.get("event.action") != "logged-in-explicit":
            assert fields["event.outcome"] in ("success", "failure", "unknown"), line


def test_addresses_users_and_hosts_of_every_sample_are_related() -> None:
    for name, lines in SAMPLES.items():
        for line in lines:
            fields = parsed(line, name).document()
            for wanted, where in _RELATED.items():
                for field in where:
                    value = fields.get(field)
                    if field in _own_names(line) or (_SENDERS_NAMES.search(line) is not None and name == "json"):
                        continue  # an object that says it by itself relates what it wants to
                    for one in value if isinstance(value, list) else [] if value is None else [value]:
                        assert one in _NOBODY or one in fields.get(wanted, ()), (name, field, one, line)


def test_twenty_thousand_damaged_records_are_events_or_dead_letters() -> None:
    """Named, and found: the same damage each time; `python -m benchmarks.parse --fuzz 1000000` does more of it."""
    chance = random.Random(6)
    pool = [(name, line) for name, lines in SAMPLES.items() for line in lines]
    parser = Parser(FORMATS, join=False)

    for number in range(10_000):
        name, line = chance.choice(pool)
        at = chance.randrange(len(line) + 1)
        _, other = chance.choice(pool)
        damaged = chance.choice((line[:at], line[:at] + other[chance.randrange(len(other) + 1) :], line[:at] + b"\xff" + line[at:],
                                 line.replace(b" ", b"  "), line.replace(b'"', b""), line[:at] + line[at : at + 9] * 200))  # fmt: skip
        for one in (None, name):
            for found in parser.feed([Frame(damaged, "test", received=RECEIVED, sequence=number + 1, format=one)]):
                assert serialises(found.document())
            assert not parser.faults, (parser.faults, damaged)


def test_what_parse_printed_is_the_same_event_again() -> None:
    for lines in SAMPLES.values():
        for line in lines:
            once = parsed(line, None)
            if isinstance(once, DeadLetter):
                continue
            again = parsed(json.dumps(once.document()).encode(), None)

            assert (again.time, again.id, again.logsource) == (once.time, once.id, once.logsource)
            before, after = once.document(), again.document()
            assert {**before, "tieline.format": None} == {**after, "tieline.format": None}


_ECS: dict[str, dict[str, Any]] = {}


@pytest.fixture(autouse=True, scope="module")
def _reference(outside: Path) -> None:
    _ECS.update(json.loads((outside / "reference" / "ecs-fields.json").read_text(encoding="utf-8")))


def _own_names(payload: bytes) -> set[str]:
    """The names that a JSON object brings along, and Sigma's names for the same values."""
    start = payload.find(b"{")
    try:
        value = json.loads(payload[start:].decode("utf-8", "surrogateescape")) if start >= 0 else None
    except (ValueError, RecursionError):
        return set()
    names: set[str] = set()

    def walk(inner: Any, prefix: str) -> None:
        if isinstance(inner, dict):
            for name, deeper in inner.items():
                names.add(prefix + name)
                names.add(name)
                names.update(
                    part
                    for part in (str(deeper),)
                    if prefix.endswith(("Data.", "attributes.")) and name in ("Name", "@Name")
                )
                if name in ("Name", "@Name") and isinstance(deeper, str):
                    names.add(deeper)
                walk(deeper, f"{prefix}{name}.")
        elif isinstance(inner, list):
            for deeper in inner:
                walk(deeper, prefix)

    walk(value, "")
    return names | {"EventID", "Channel", "Computer", "Provider_Name", "Provider_Guid", "Keywords", "EventRecordID", "Version", "Level",
                    "Task", "Opcode", "Security_UserID", "Image", "ParentImage", "Data"}  # fmt: skip


def _is_ecs(document: dict[str, Any], payload: bytes) -> None:
    own = _own_names(payload) if _SENDERS_NAMES.search(payload) is not None else set()
    windows = str(document.get("tieline.format")).startswith("microsoft_windows")
    for name, value in document.items():
        if windows and "." not in name:  # Sigma's names of what Windows says
            continue
        if name.startswith(OWN_ROOTS) or name in own or any(name.startswith(f"{o}.") for o in own if o):
            continue
        assert name in _ECS, f"{name} of {payload!r}"
        _fits(name, value, _ECS[name])
    category, types = document.get("event.category"), document.get("event.type")
    if category is not None and not own:
        expected = {t for c in category for t in _ECS["event.category"]["expected_event_types"][c]}
        assert set(types or ()) <= expected, (category, types, payload)


def _fits(name: str, value: Any, field: dict[str, Any]) -> None:
    many = "array" in field.get("normalize", ())
    assert isinstance(value, list) == many, name
    for one in value if many else [value]:
        kind = field["type"]
        if kind == "ip":
            ip_address(one)
        elif kind == "long":
            assert isinstance(one, int) and not isinstance(one, bool), name
            if name.endswith(".port"):
                assert 0 <= one <= 65535
        elif kind == "date":
            assert isinstance(one, str) and from_iso(one) is not None, name
        elif kind in ("keyword", "wildcard", "match_only_text"):
            assert isinstance(one, str), name
            assert one or name in ("message", "event.original"), name
        elif kind == "flattened":
            assert isinstance(one, dict), name
        if "allowed" in field:
            assert one in field["allowed"], (name, one)


HOSTILE = [
    *(f"<38>Jan  2 03:04:05 h sudo: {start}" for start in (" ", "a : ", "a : TTY=", "a : b ; TTY=x ; PWD=")),
    *(f"<38>Jan  2 03:04:05 h sshd[1]: {start}" for start in ("error: PAM: x for ", "Failed password for ", "Invalid user ", "User ")),
    *(f"<38>Jan  2 03:04:05 h openvpn[1]: {start}" for start in ("MULTI: primary virtual IP for ", "SENT CONTROL [", "[")),
    *(f"<38>Jan  2 03:04:05 h {program}: " for program in ("su", "useradd", "cron", "login", "xrdp-sesman", "kernel", "x")),
    "", "<34>", "<13>57: ", "<34>1 2026-01-02T03:04:05Z h a p m [a b=\"", "Oct 11 22:14:15 h <34>", '{"a":',
]  # fmt: skip
PIECES = (
    "a",
    " ",
    ":",
    "/",
    "\t",
    "=",
    "[",
    "(",
    " ; ",
    "CHROOT=a ; ",
    " for ",
    " from ",
    ") on ",
    "logname=",
    "<34>",
    '{"a":',
)


@pytest.mark.parametrize("start", HOSTILE)
def test_a_hostile_line_takes_no_longer_than_any_other(start: str) -> None:
    """No clock here: an expression that backtracks over these would simply not come to an end."""
    for piece in PIECES:
        for name in (None, "syslog"):
            assert serialises(parsed((start + piece * (60_000 // len(piece))).encode(), name).document())
