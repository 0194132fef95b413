"""Every sample gives what was blessed: ``<format id>/<name>.log`` (a record a line, or as ``starts_record`` says) or
``.json`` (an object a line)."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.framing.framing import Framing
from engine.model import Chunk, DeadLetter
from engine.model.times import from_iso
from engine.parsing.formats import discover
from engine.parsing.parser import Parser

HERE = Path(__file__).parent
FORMATS = discover()
SAMPLES = sorted(path for path in HERE.glob("*/*") if path.suffix in (".log", ".json") and path.parent.name in FORMATS)
RECEIVED = from_iso("2026-02-01T00:00:00Z") or 0


def documents(path: Path) -> list[dict[str, Any]]:
    chunk = Chunk(path.read_bytes(), path.name, received=RECEIVED, end=True)
    frames = Framing(FORMATS, format=path.parent.name).feed(chunk)
    found = []
    parser = Parser(FORMATS)
    for parsed in parser.feed(frames) + parser.expire(path.name, None):
        assert not isinstance(parsed, DeadLetter), parsed.reason
        document = parsed.document()
        own_id = parsed.id if len(parsed.id) != 32 else None
        del document["event.id"]
        if document["event.original"] == parsed.original.decode("utf-8", "backslashreplace"):
            del document["event.original"]
        found.append(document if own_id is None else {**document, "event.id": own_id})
    return found


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_sample_gives_what_was_blessed(path: Path, bless: bool) -> None:
    lines = [json.dumps(document, ensure_ascii=False, sort_keys=True) for document in documents(path)]

    blessed = path.with_suffix(".ndjson")
    if bless:
        blessed.write_text("\n".join(lines) + "\n", encoding="utf-8")

    assert lines == blessed.read_text(encoding="utf-8").splitlines(), "read the difference, then pytest --bless"
