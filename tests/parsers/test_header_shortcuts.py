"""What is read or left out by a shortcut is what the long way says of it."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

from engine.framing.framing import Framing
from engine.model import Chunk, Frame, LogFormat
from engine.model.times import from_iso
from engine.parsing.candidates import OPENING, Candidates, openings
from engine.parsing.formats import discover
from parsers._grammar.syslog import header
from parsers._grammar.syslog_tolerant import tolerant

FORMATS = discover()
RECEIVED = from_iso("2026-02-01T00:00:00Z") or 0
_TEXTS = {name: one for name, one in FORMATS.items() if one.transport is None and one.cut is None}
_PIECES = (
    "<34>", "<189>57: ", "<189>: ", "<999>", "<5>1 ", "Jan  2 03:04:05 ", "*Jan  2 03:04:05.123 UTC: ", "Jan 32 03:04:05 ",
    "2026-01-02T03:04:05Z ", "2026-01-02 03:04:05.006 UTC ", "1767323045.006 ", "[2026-01-02 03:04:05] ", "gw-1 ", "gw-1: ",
    "192.0.2.7 ", "2001:db8::7 ", "CET ", "AM ", "auth.notice ", "last ", "notice mcpd[77]: ", "su: ", "su[1] ", "12 ", "1 2026-",
    "%SYS-5-CONFIG_I: ", "date=2026-01-02 ", "id=firewall ", "CISE_Passed 0000 1 0 ", "- ", "[x] ", "[2001:db8::7] ", ": ", " ",
    "message repeated ", "Jan ", "word ", "a,b ", "x", ":", "[", "]", "é ",
)  # fmt: skip


def _samples() -> list[bytes]:
    found = []
    for name in _TEXTS:
        for path in sorted((Path(__file__).parent / name).glob("*.log")):
            framing = Framing(FORMATS, format=name)
            found += [frame.payload for frame in framing.feed(Chunk(path.read_bytes(), name, end=True))]
    return found


SAMPLES = _samples()


def _lines() -> Iterator[str]:
    chance = random.Random(6)
    for line in SAMPLES:
        yield line.decode("utf-8", "backslashreplace")
    for _ in range(12_000):
        yield "".join(chance.choices(_PIECES, k=chance.randint(1, 6)))
    for _ in range(8_000):
        line = chance.choice(SAMPLES).decode("utf-8", "backslashreplace")
        at = chance.randrange(min(len(line), 80) + 1)
        yield line[:at] + chance.choice(_PIECES) + line[at + chance.randint(0, 3) :]


def test_a_header_read_at_once_is_the_header_read_piece_by_piece() -> None:
    for line in _lines():
        for lenient in (False, True):
            short, long = (header(line, RECEIVED, None, lenient=lenient), tolerant(line, RECEIVED, None, lenient, 0))
            if short is None or long is None:
                assert (short is None) == (long is None), line
                continue
            assert (short.fields, short.text) == (long.fields, long.text), line
            if short.program != long.program:  # a mnemonic stands for the program
                assert long.program is None and short.text.lower().startswith(short.program or "-"), line


def test_every_format_that_would_take_a_record_is_asked_about_it() -> None:
    chance = random.Random(6)
    heads = SAMPLES + [
        one[: chance.randrange(len(one) + 1)] + two[chance.randrange(len(two) + 1) :]
        for one, two in (chance.choices(SAMPLES, k=2) for _ in range(3_000))
    ]
    bare = [one for one in _TEXTS.values() if one.opens is None and one.fingerprint is not None]
    candidates = Candidates(bare)
    for head in (head[:4096] for head in heads):
        taking = {one.id for one in bare if _takes(one, head)}

        assert taking <= {one.id for one in candidates.of(head)}, head


def test_an_envelope_that_is_not_asked_would_not_have_opened_the_record() -> None:
    envelopes = [one for one in FORMATS.values() if one.opens is not None]
    asking = openings(envelopes)
    carried = [json.dumps({"message": one.decode("utf-8", "replace")}).encode() for one in SAMPLES]
    for line in [*SAMPLES, *carried, b"", b"\xef\xbb\xbf{}", b" \t{}", b"\xff"]:
        asked = {one.id for one, word in asking[line[:1]] if word is None or word in line[:OPENING]}
        for one in envelopes:
            if one.id not in asked:
                assert one.opens is not None and one.opens(Frame(line, "s", received=RECEIVED)) is None, (one.id, line)
                assert one.fingerprint is None or not one.fingerprint(line), (one.id, line)


def _takes(one: LogFormat, head: bytes) -> bool:
    return one.fingerprint is not None and one.fingerprint(head)
