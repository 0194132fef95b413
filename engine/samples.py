"""A site's formats with their samples: records in ``DIR/samples/<id>/*.log``, beside each file what it gives."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from engine.catalogue import shipped, site_formats
from engine.config import ConfigError
from engine.framing.framing import Framing
from engine.model import Chunk, DeadLetter, Fields, LogFormat
from engine.model.times import from_iso
from engine.parsing.parser import Parser

_RECEIVED = from_iso("2026-02-01T00:00:00Z") or 0
"""When the samples are received: what they have no year for is the last one before it."""
_UNSAID = frozenset(("event.id", "event.original", "event.kind", "tieline.format"))


def checked_formats(folders: Sequence[Path], *, bless: bool = False) -> tuple[list[str], str, bool]:
    """Lines to print, a summary, and whether something is wrong.

    A blessed document says what the event must have; what it does not mention may be anything.
    """
    try:
        found = site_formats([str(folder) for folder in folders])
    except ConfigError as error:
        lines = [str(problem) for problem in error.problems]
        return lines, f"{len(lines)} problems", True
    lines, samples, failed = [], 0, 0
    known = {**shipped(), **found}
    for folder in folders:
        for path in sorted((folder / "samples").glob("*/*.log")):
            if path.parent.name not in found:
                lines.append(
                    f"{path}: no format is called {path.parent.name!r}; name the folder after the format's file"
                )
                failed += 1
                continue
            samples += 1
            wrong = _sample(path, known, bless)
            failed += bool(wrong)
            lines += wrong
    for name in found:
        if not any((folder / "samples" / name).is_dir() for folder in folders):
            lines.append(f"{name}: no samples; put records into samples/{name}/*.log and run --bless")
    return lines, f"{len(found)} formats, {samples} samples, {failed} failed", failed > 0


def _sample(path: Path, known: dict[str, LogFormat], bless: bool) -> list[str]:
    framing = Framing(known, format=path.parent.name)
    frames = framing.feed(Chunk(path.read_bytes(), path.name, received=_RECEIVED, end=True))
    documents: list[Fields] = []
    wrong: list[str] = []
    for number, parsed in enumerate(Parser(known).feed(frames), 1):
        if isinstance(parsed, DeadLetter):
            wrong.append(f"{path}:{number}: {parsed.reason}")
            documents.append({"error.message": parsed.reason})
        else:
            documents.append({name: value for name, value in parsed.document().items() if name not in _UNSAID})
    blessed = path.with_suffix(".ndjson")
    if bless and not wrong:
        blessed.write_bytes(b"".join(orjson.dumps(one, option=orjson.OPT_SORT_KEYS) + b"\n" for one in documents))
        return []
    return wrong + _differences(path, blessed, documents)


def _differences(path: Path, blessed: Path, documents: list[Fields]) -> list[str]:
    try:
        expected: list[Any] = [orjson.loads(line) for line in blessed.read_bytes().splitlines() if line.strip()]
    except OSError:
        return [f"{path}: nothing is blessed; run --bless, and read {blessed.name}"]
    except orjson.JSONDecodeError as error:
        return [f"{blessed}: not JSON, an object a line: {error}"]
    wrong = []
    if len(expected) != len(documents):
        wrong.append(f"{blessed}: {len(expected)} events are blessed, the sample gives {len(documents)}")
    for number, (wanted, given) in enumerate(zip(expected, documents, strict=False), 1):
        for name, value in wanted.items() if isinstance(wanted, dict) else ():
            if given.get(name) != value:
                wrong.append(f"{blessed}:{number}: {name}: {value!r} is blessed, the sample gives {given.get(name)!r}")
    return wrong
