"""What holds for every control protocol, over its recorded packets and over what damage makes of them."""

import json
import random
import sys
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "framing"))

import wire

from engine.model import DeadLetter, Frame, LogFormat, ParseError
from engine.parsing.formats import discover
from engine.parsing.parser import Parser

HERE = Path(__file__).parent
PROTOCOLS = {name: one for name, one in discover().items() if one.transport is not None}
RECORDINGS = sorted(path for path in HERE.glob("*/*.pcap") if path.parent.name in PROTOCOLS)
RECORDED = sorted({path.parent.name for path in RECORDINGS})
OPERATIONS = frozenset(
    [
        "read",
        "write",
        "command",
        "select",
        "plc_stop",
        "plc_start",
        "mode_change",
        "program_download",
        "program_upload",
        "program_delete",
        "activate",
        "firmware",
        "restart",
        "force",
        "file",
        "clock",
        "config",
        "protect",
        "diagnostic",
        "identify",
        "session",
        "exception",
    ]
)
MUTATED = 20_000

recordings = pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: f"{path.parent.name}/{path.name}")
protocols = pytest.mark.parametrize("name", RECORDED)


@cache
def frames(path: Path) -> tuple[Frame, ...]:
    return tuple(wire.read(path.read_bytes(), [PROTOCOLS[path.parent.name]])[0])


def read(path: Path, only: tuple[Frame, ...] | None = None) -> list[dict[str, Any]]:
    """Fields without those that tell when and where."""
    parser = Parser(PROTOCOLS)
    out = [*parser.feed(frames(path) if only is None else only)]
    source = frames(path)[0].source
    return [shown(event) for event in out + parser.expire(source, None)]


def shown(event: Any) -> dict[str, Any]:
    assert not isinstance(event, DeadLetter), event.reason
    return {name: value for name, value in event.document().items() if name != "event.id"}


def test_every_protocol_has_a_recording() -> None:
    assert sorted(PROTOCOLS) == RECORDED


@recordings
def test_an_event_says_who_what_and_how_it_ended(path: Path) -> None:
    events = read(path)

    assert events
    for event in events:
        assert event["ot.operation"] in OPERATIONS
        assert event["ot.function"]
        assert event["ot.protocol"] == event["network.protocol"]
        assert event["event.outcome"] in ("success", "failure", "unknown")
        assert ("ot.exception" in event) <= (event["event.outcome"] != "success")
        assert event["message"].startswith(event["ot.protocol"])
        assert bytes.fromhex(event["event.original"])
        assert event.get("source.ip", event.get("source.mac"))
        orjson.dumps(event)


@recordings
def test_every_field_is_in_ecs_or_ours(path: Path, outside: Path) -> None:
    known = json.loads((outside / "reference" / "ecs-fields.json").read_text())

    for event in read(path):
        assert {name for name in event if not name.startswith(("ot.", "tieline."))} <= known.keys()


@recordings
def test_a_reading_that_is_stopped_and_restored_anywhere_gives_the_same_events(path: Path) -> None:
    whole, all_frames = read(path), frames(path)
    step = max(1, len(all_frames) // 12)

    for cut in range(0, len(all_frames), step):
        before, after = Parser(PROTOCOLS), Parser(PROTOCOLS)
        out = before.feed(all_frames[:cut])
        after.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(before.snapshot())))
        out += after.feed(all_frames[cut:]) + after.expire(all_frames[0].source, None)
        assert [shown(event) for event in out] == whole


@recordings
def test_recorded_pdus_are_cut_to_their_length_and_no_shorter(path: Path) -> None:
    protocol = PROTOCOLS[path.parent.name]
    for frame in frames(path):
        if protocol.cut is None or (frame.flow is not None and frame.flow.transport == "udp"):
            continue
        assert protocol.cut(frame.payload) == len(frame.payload)
        assert protocol.cut(frame.payload + b"\xff" * 9) == len(frame.payload)
        for size in range(min(len(frame.payload), 64)):
            length = protocol.cut(frame.payload[:size])
            assert length is None or length == len(frame.payload)


@recordings
def test_every_protocol_knows_its_own_recording_and_no_other(path: Path) -> None:
    for frame in frames(path):
        claims = {
            name
            for name, one in PROTOCOLS.items()
            if one.fingerprint is not None
            and (one.transport == "ethernet") == (PROTOCOLS[path.parent.name].transport == "ethernet")
            and one.fingerprint(frame.payload)
        }
        assert claims <= {path.parent.name}


def damaged(chance: random.Random, payload: bytes) -> bytes:
    out = bytearray(payload)
    for _ in range(chance.randint(0, 4)):
        out[chance.randrange(len(out))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
    if chance.random() < 0.2:
        at = chance.randrange(len(out))
        out[at:at] = chance.randbytes(chance.randint(1, 8))
    return bytes(out[: chance.randint(0, len(out))] if chance.random() < 0.3 else out)


def survives(one: LogFormat, session: Any, frame: Frame) -> None:
    for ask in (one.fingerprint, one.asks):
        if ask is not None:
            assert ask(frame.payload) in (True, False, None)
    if one.cut is not None:
        try:
            length = one.cut(frame.payload)
            assert length is None or length > 0
        except ParseError:
            pass
    try:
        found = list(session.feed(frame))
    except ParseError as error:
        assert str(error)
        return
    for _, fields in found:
        orjson.dumps(fields)
        assert fields["ot.operation"] in OPERATIONS
        assert fields["message"]


@protocols
def test_damaged_pdus_give_events_or_a_parse_error(name: str) -> None:
    chance = random.Random(name)
    one = PROTOCOLS[name]
    all_frames = [frame for path in RECORDINGS if path.parent.name == name for frame in frames(path)]
    assert one.session is not None
    session = one.session()

    for number in range(MUTATED):
        frame = chance.choice(all_frames)
        if number % 500 == 0:
            session = one.session()
        survives(
            one,
            session,
            msgspec.structs.replace(
                frame,
                payload=damaged(chance, frame.payload),
                sequence=number << 16,
                from_client=frame.from_client if chance.random() < 0.9 else not frame.from_client,
            ),
        )
    assert all(fields["event.outcome"] for _, fields in session.expire(None))
    assert session.oldest() is None


@recordings
def test_a_pdu_cut_at_any_byte_gives_an_event_or_a_parse_error(path: Path) -> None:
    one = PROTOCOLS[path.parent.name]
    assert one.session is not None

    for frame in {frame.payload: frame for frame in frames(path)}.values():
        for size in range(len(frame.payload)):
            survives(one, one.session(), msgspec.structs.replace(frame, payload=frame.payload[:size]))
