"""Lines a second on one core by format, from the samples of its tests; and what a million damaged ones do.

::

    python -m benchmarks.parse                         # every format: its samples over and over, the aims beside
    python -m benchmarks.parse --format cisco_asa
    python -m benchmarks.parse --fuzz 1000000          # damaged samples: events and dead letters alone, and how long

Of CPU time, from the frame to the event, with the format found (``auto``) and named. Samples are chosen to show each
branch once, so the dear ones weigh more than they do in the field. Formats of packets are measured by
``benchmarks.stages``.
"""

import argparse
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from time import process_time_ns

from benchmarks.journey import machine
from engine.app import formats
from engine.framing.framing import Framing
from engine.model import Chunk, DeadLetter, Frame
from engine.model.times import from_iso
from engine.parsing.choice import FAULTS
from engine.parsing.parser import Parser

SAMPLES = Path(__file__).parent.parent / "tests" / "parsers"
_RECEIVED = from_iso("2026-02-01T00:00:00Z") or 0
_LEAST_AIM = 25_000
_AIMS = {
    "openbsd_openssh": 50_000, "linux_netfilter": 50_000, "fortinet_fortigate": 50_000, "cisco_asa": 50_000,
    "syslog header alone": 100_000,
}  # fmt: skip
_HEADER = [b"<38>Jan  2 03:04:%02d gw-1 daemon[%d]: session %d is over" % (n % 60, n, n) for n in range(1, 64)]
_SLOW_NS = 1_000_000


def samples(name: str) -> list[bytes]:
    """The records of a format's samples."""
    found = []
    for path in sorted((SAMPLES / name).glob("*")):
        if path.suffix in (".log", ".json"):
            framing = Framing(formats(), format=name)
            found += [frame.payload for frame in framing.feed(Chunk(path.read_bytes(), path.name, end=True))]
    return found


def frames(records: Sequence[bytes], count: int, name: str | None) -> list[Frame]:
    return [
        Frame(records[at % len(records)], "bench", received=_RECEIVED, sequence=at, format=name) for at in range(count)
    ]


def rate(records: Sequence[bytes], count: int, name: str | None) -> int:
    """Lines a second of CPU time: the median of three."""
    took = []
    for _ in range(3):
        parser, given = Parser(formats(), join=False), frames(records, count, name)
        parser.feed(given[: len(records)])
        began = process_time_ns()
        parser.feed(given)
        took.append(process_time_ns() - began)
    return round(count * 1e9 / max(1, median(took)))


def measured(names: Sequence[str], count: int) -> Iterator[tuple[str, int, int, int, int]]:
    """Name, records, lines a second found and named, the aim."""
    if not names or "syslog" in names:
        found = rate(_HEADER, count, None)
        yield "syslog header alone", len(_HEADER), found, rate(_HEADER, count, "syslog"), _AIMS["syslog header alone"]
    for name, one in formats().items():
        if (names and name not in names) or one.transport is not None or one.cut is not None:
            continue
        records = samples(name)
        if records:
            yield (
                name,
                len(records),
                rate(records, count, None),
                rate(records, count, name),
                _AIMS.get(name, _LEAST_AIM),
            )


class Fuzz:
    """Damaged samples of all formats: cut short, pieces taken out, doubled, swapped with another's."""

    def __init__(self, names: Sequence[str], seed: int) -> None:
        self._random = random.Random(seed)  # the same damage for the same seed
        self._records = [
            (name, record)
            for name, one in formats().items()
            if (not names or name in names) and one.transport is None and one.cut is None
            for record in samples(name)
        ]
        self.events = self.dead = 0
        self.faults: dict[tuple[str, str], bytes] = {}
        self.slow: list[tuple[int, str, bytes]] = []
        self.took: list[int] = []

    def run(self, count: int) -> None:
        parser = Parser(formats(), join=False)
        for at in range(count):
            if at % 50_000 == 0:
                parser = Parser(formats(), join=False)
            name, record = self._random.choice(self._records)
            record = self.damaged(record)
            frame = Frame(record, "fuzz", received=_RECEIVED, sequence=at + 1, format=self._random.choice((None, name)))
            began = process_time_ns()
            parsed = parser.feed([frame])
            took = process_time_ns() - began
            self.took.append(took)
            if parser.faults:
                self._fault(parser, record, frame)
                parser = Parser(formats(), join=False)
            for one in parsed:
                one.document()
                dead = isinstance(one, DeadLetter)
                self.dead += dead
                self.events += not dead
            if took > _SLOW_NS:
                began = process_time_ns()  # once more: a collection of garbage falls on whoever is there
                parser.feed([Frame(record, "again", received=_RECEIVED, sequence=1, format=frame.format)])
                self.slow.append((min(took, process_time_ns() - began), name, record))

    def _fault(self, parser: Parser, record: bytes, frame: Frame) -> None:
        for name in parser.faults:
            why = ""
            parse = formats()[name].parse if name else None
            if parse is not None:
                try:
                    parse(frame)
                except FAULTS as error:
                    why = f"{type(error).__name__}: {error}"
            self.faults.setdefault((name or "an envelope", why), record)

    def damaged(self, record: bytes) -> bytes:
        choose = self._random
        for _ in range(choose.randint(1, 3)):
            at = choose.randrange(len(record) + 1)
            kind = choose.randrange(6)
            if kind == 0:
                record = record[:at]
            elif kind == 1:
                record = record[:at] + record[at + choose.randint(1, 12) :]
            elif kind == 2:
                record = record[:at] + choose.randbytes(choose.randint(1, 4)) + record[at:]
            elif kind == 3:
                piece = record[at : at + choose.randint(1, 40)]
                record = record[:at] + piece * choose.randint(2, 50) + record[at:]
            elif kind == 4:
                _, other = choose.choice(self._records)
                record = record[:at] + other[choose.randrange(len(other) + 1) :]
            else:
                record = record.replace(
                    choose.choice((b" ", b"=", b":", b"|", b'"', b",")), choose.choice((b"", b"  ", b"=", b'"'))
                )
        return record


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.parse", description=__doc__.splitlines()[0])
    parser.add_argument("--format", nargs="*", default=[], metavar="ID", help="only these (default: all)")
    parser.add_argument("--lines", type=int, default=20_000, help="lines of each format")
    parser.add_argument("--fuzz", type=int, default=0, metavar="N", help="parse N damaged samples instead")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    unknown = [name for name in asked.format if name not in formats()]
    if unknown:
        parser.error(f"no format is called {unknown[0]!r}")
    print(machine(), file=sys.stderr)
    if asked.fuzz:
        fuzz = Fuzz(asked.format, asked.seed)
        fuzz.run(asked.fuzz)
        ordered = sorted(fuzz.took)
        print(
            f"{asked.fuzz} damaged records: {fuzz.events} events, {fuzz.dead} dead letters, {len(fuzz.faults)} faults"
        )
        for (name, why), record in sorted(fuzz.faults.items()):
            print(f"FAULT {name}: {why}  {record[:200]!r}")
        middle, late = ordered[len(ordered) // 2] / 1e3, ordered[len(ordered) * 999 // 1000] / 1e3
        print(f"median {middle:.0f} µs, 99.9 % {late:.0f} µs")
        print(f"{sum(took > _SLOW_NS for took, _, _ in fuzz.slow)} took more than 1 ms twice")
        for took, name, record in sorted(fuzz.slow, reverse=True)[:10]:
            print(f"{took / 1e6:7.2f} ms  {name:28} {record[:100]!r}")
        raise SystemExit(bool(fuzz.faults))
    print(f"{'format':30} {'records':>7} {'auto':>9} {'named':>9} {'aim':>8}")
    for name, records, auto, named, aim in measured(asked.format, asked.lines):
        print(f"{name:30} {records:7} {auto:9,} {named:9,} {aim:8,}{'' if max(auto, named) >= aim else '  missed'}")


if __name__ == "__main__":
    main()
