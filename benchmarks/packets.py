"""Packets a second on one core by protocol, memory over a long stream, and what damaged PDUs cost.

::

    python -m benchmarks.packets                       # Modbus polling and every protocol's recordings, tshark beside
    python -m benchmarks.packets --protocol enip
    python -m benchmarks.packets --memory 10           # gigabytes through a pipe: resident memory on the way
    python -m benchmarks.packets --fuzz 1000000        # damaged PDUs a decoder: the slowest one, and what it was

Of CPU time, from the bytes of a capture to events, reassembly included, nothing aggregated. Polling is what most of a
plant's packets are: a request, a response (each tenth in two segments), an acknowledgement, over 16 connections. The
other captures are the recordings of the tests, repeated with other clients and other sequence numbers, so each of their
connections begins, ends, and holds one of every kind; events are dearer there than in the field.
"""

import argparse
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter, process_time_ns

from benchmarks.journey import machine
from engine.app import formats
from engine.framing.capture import Capture
from engine.framing.capture_file import CaptureFile
from engine.model import Chunk, DeadLetter, Event, Flow, Frame, LogFormat, ParseError
from engine.parsing.parser import Parser
from parsers._grammar.dnp3_link import checksum

SAMPLES = Path(__file__).parent.parent / "tests" / "parsers"
_CHUNK = 1 << 18
_S = 1_000_000_000
_START_S = 1_767_225_600
_AIMS = {"modbus polling": 60_000}
_LEAST_AIM = 25_000
_RUNS = 3
_SLOW_NS = 1_000_000
_FRESH = 500  # PDUs to one session of the fuzzing
_HEADER = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, 1)
_FIN, _SYN, _ACK, _PUSH = 0x01, 0x02, 0x10, 0x18

Packets = list[tuple[int, bytes]]
"""Nanoseconds and Ethernet frames."""


def protocols() -> dict[str, LogFormat]:
    return {name: one for name, one in formats().items() if one.transport is not None}


def capture(packets: Sequence[tuple[int, bytes]]) -> bytes:
    return _HEADER + b"".join(_record(time, data) for time, data in packets)


def _record(time: int, data: bytes) -> bytes:
    return struct.pack("<IIII", time // _S, time % _S, len(data), len(data)) + data


class Connection:
    """One end talks to the other over TCP: what they say as packets."""

    def __init__(self, client: int, port: int) -> None:
        one, two = b"\xc0\0\x02" + bytes([client % 250 + 1]), b"\xc6\x33\x64\x14"
        self.ends = {True: one + two, False: two + one}
        source = 20_000 + client % 40_000
        self.ports = {True: struct.pack(">HH", source, port), False: struct.pack(">HH", port, source)}
        self.next = {True: client * 7_919, False: client * 104_729}

    def packet(self, from_client: bool, payload: bytes = b"", flags: int = _PUSH) -> bytes:
        sequence, seen = self.next[from_client] & 0xFFFFFFFF, self.next[not from_client] & 0xFFFFFFFF
        self.next[from_client] += len(payload) + (flags & _SYN > 0)
        return (
            b"\0\0\x5e\0\x53\x14\0\0\x5e\0\x53\x0a\x08\0"
            + struct.pack(">BBHHHBBH", 0x45, 0, 40 + len(payload), 7, 0, 64, 6, 0)
            + self.ends[from_client]
            + self.ports[from_client]
            + struct.pack(">IIBBHHH", sequence, seen, 0x50, flags, 8_192, 0, 0)
            + payload
        )

    def opened(self) -> list[bytes]:
        return [self.packet(True, flags=_SYN), self.packet(False, flags=_SYN | _ACK), self.packet(True, flags=_ACK)]

    def closed(self) -> list[bytes]:
        return [self.packet(True, flags=_FIN | _ACK), self.packet(False, flags=_FIN | _ACK)]


def polled(line: Connection, number: int) -> list[bytes]:
    """A client asks for twenty registers and gets them."""
    head = struct.pack(">HH", number & 0xFFFF, 0)
    answer = head + struct.pack(">HBBB20H", 43, 1, 3, 40, *range(number % 1_000, number % 1_000 + 20))
    out = [line.packet(True, head + struct.pack(">HBBHH", 6, 1, 3, number % 50 * 20, 20))]
    out += [line.packet(False, answer[:19]), line.packet(False, answer[19:])] if number % 10 == 0 else []
    out += [] if number % 10 == 0 else [line.packet(False, answer)]
    return [*out, line.packet(True, flags=_ACK)]


def polling(count: int) -> Packets:
    """So many packets of Modbus polling."""
    lines = [Connection(number, 502) for number in range(16)]
    out = [packet for line in lines for packet in line.opened()]
    number = 0
    while len(out) < count:
        out += polled(lines[number % 16], number // 16)
        number += 1
    return [(_START_S * _S + at * 500_000, packet) for at, packet in enumerate(out)]


def recorded(name: str) -> list[Packets]:
    """The packets of a protocol's recordings."""
    out = []
    for path in sorted((SAMPLES / name).glob("*.pcap")):
        found = CaptureFile().feed(path.read_bytes())
        out.append([(packet.time or 0, packet.data) for packet in found if packet.link_type == 1])
    return out


def repeated(recordings: Sequence[Packets], count: int) -> Packets:
    """Recordings over and over, each time from other clients, with other sequence numbers, at later times."""
    out: Packets = []
    turn, time = 0, _START_S * _S
    while len(out) < count:
        for packets in recordings:
            begin = packets[0][0]
            for at, data in packets:
                out.append((time + at - begin, _shifted(data, turn)))
            time += packets[-1][0] - begin + 1_000_000
        turn += 1
    return out


def _shifted(data: bytes, turn: int) -> bytes:
    if turn == 0 or data[12:14] != b"\x08\0" or data[14] != 0x45:
        return data
    out = bytearray(data)
    for at in (26, 30):  # the networks of both ends; broadcasts stay what they are
        if out[at : at + 2] != b"\xff\xff":
            out[at : at + 2] = bytes([10, 1 + turn % 250])
    if data[23] == 6:
        for at in (38, 42):
            value = int.from_bytes(data[at : at + 4], "big")
            out[at : at + 4] = ((value + turn * 1_000_003) & 0xFFFFFFFF).to_bytes(4, "big")
    return bytes(out)


def read(data: bytes) -> tuple[int, int, list[Event]]:
    """CPU nanoseconds of framing and of both stages, and the events."""
    reading, parser = Capture(list(protocols().values())), Parser(formats())
    out: list[Event | DeadLetter] = []
    framing = parsing = 0
    for at in [*range(0, len(data), _CHUNK), -1]:
        begin = process_time_ns()
        frames = reading.feed(Chunk(data[at : at + _CHUNK], "bench", offset=at)) if at >= 0 else reading.close()
        middle = process_time_ns()
        out += parser.feed(frames)
        framing, parsing = framing + middle - begin, parsing + process_time_ns() - middle
    out += parser.expire("bench", None)
    events = [one for one in out if isinstance(one, Event)]
    if len(events) < len(out):
        print(f"{len(out) - len(events)} dead letters", file=sys.stderr)
    return framing, framing + parsing, events


def rates(names: Sequence[str], count: int) -> None:
    aims = {**_AIMS, **dict.fromkeys(names, _LEAST_AIM)}
    print("| | packets/s | framing alone | events/s | bytes a packet | aim |\n|---|--:|--:|--:|--:|--:|")
    for name, aim in aims.items():
        packets = polling(count) if name in _AIMS else repeated(recorded(name), count)
        data = capture(packets)
        runs = [read(data) for _ in range(_RUNS)]
        framing, both = median(run[0] for run in runs), median(run[1] for run in runs)
        found = len(runs[0][2])
        row = (len(packets) * _S / both, len(packets) * _S / framing, found * _S / both, len(data) / len(packets))
        print(f"| {name} | {' | '.join(f'{value:,.0f}' for value in row)} | {aim:,} |", flush=True)


def beside(count: int) -> None:
    """tshark on the same polling, the fields of its requests printed; both count the same."""
    program = shutil.which("tshark")
    if program is None:
        print("tshark beside it: not there (apt-get install tshark)")
        return
    packets = polling(count)
    with tempfile.TemporaryDirectory(prefix="tieline-packets-") as folder:
        path = Path(folder) / "polling.pcap"
        path.write_bytes(capture(packets))
        ask = [program, "-n", "-r", str(path), "-Y", "modbus && tcp.dstport == 502", "-T", "fields"]
        ask += ["-e", "frame.number", "-e", "modbus.func_code", "-e", "modbus.reference_num", "-e", "modbus.word_cnt"]
        ours = [sys.executable, "-m", "engine.cli", "parse", str(path)]
        for name, command in (("tshark", ask), ("tieline parse", ours)):
            took, said = [], b""
            for _ in range(_RUNS):
                begin = _children()
                said = subprocess.run(command, capture_output=True, check=True, cwd=SAMPLES.parent.parent).stdout
                took.append(_children() - begin)
            rate = len(packets) / median(took)
            print(f"{name}: {rate:,.0f} packets/s of CPU time, start included, {said.count(10):,} requests")


def _children() -> float:
    times = os.times()
    return times.children_user + times.children_system


def stream(gigabytes: float) -> Iterator[bytes]:
    """Polling among bulk that is no control protocol; connections come and go, one packet in 150 is lost."""
    bulk = random.Random(1).randbytes(1_460)
    yield _HEADER
    lines = [Connection(number, 502) for number in range(16)]
    others = [Connection(100 + number, 443) for number in range(64)]
    size = number = 0
    time = _START_S * _S
    while size < gigabytes * 1e9:
        out = []
        if number % 50 == 0:  # another one instead of the oldest
            out += [*lines[0].closed(), *others[0].closed()]
            lines = [*lines[1:], Connection(number, 502)]
            others = [*others[1:], Connection(number, 443)]
            out += [*lines[-1].opened(), *others[-1].opened()]
        out += polled(lines[number % 16], number)
        other = others[number % 64]
        out += [other.packet(False, bulk) for _ in range(6)]
        if number % 17 == 0:
            del out[number % len(out)]
        records = []
        for packet in out:
            time += 200_000
            records.append(_record(time, packet))
        whole = b"".join(records)
        size += len(whole)
        number += 1
        yield whole


def memory(gigabytes: float) -> None:
    """Resident memory of ``tieline parse`` on a pipe, at each tenth of the stream."""
    with tempfile.TemporaryDirectory(prefix="tieline-packets-") as folder:
        pipe = Path(folder) / "stream.pcap"
        os.mkfifo(pipe)
        command = [sys.executable, "-m", "engine.cli", "parse", str(pipe)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=SAMPLES.parent.parent) as process:
            lines = 0

            def count() -> None:
                nonlocal lines
                assert process.stdout is not None
                while block := process.stdout.read(1 << 20):
                    lines += block.count(10)

            counting = threading.Thread(target=count)
            counting.start()
            seen: list[str] = []
            sent, mark, begin = 0, 0.0, perf_counter()
            with pipe.open("wb", buffering=1 << 20) as out:
                for block in stream(gigabytes):
                    out.write(block)
                    sent += len(block)
                    if sent >= mark:
                        seen.append(f"{sent / 1e9:.1f} GB: {_resident(process.pid):.0f} MiB")
                        print(seen[-1], flush=True)
                        mark += gigabytes * 1e8
            process.wait()
            counting.join()
            took = perf_counter() - begin
    print(f"{sent / 1e9:.1f} GB in {took:.0f} s, {lines:,} events, exit code {process.returncode}")


def _resident(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def damaged(chance: random.Random, payload: bytes) -> bytes:
    """Up to four bytes changed, perhaps some put in, perhaps cut."""
    out = bytearray(payload)
    for _ in range(chance.randint(0, 4)):
        out[chance.randrange(len(out))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
    if chance.random() < 0.2:
        at = chance.randrange(len(out))
        out[at:at] = chance.randbytes(chance.randint(1, 8))
    return bytes(out[: chance.randint(0, len(out))] if chance.random() < 0.3 else out)


def _sealed(payload: bytes) -> bytes:
    """A damaged frame of DNP3 behind the right checksums, so that what is in it is read."""
    if len(payload) < 11:
        return payload
    plain = payload[10:]
    body = b"".join(plain[at : at + 16] for at in range(0, len(plain), 18))[:250]
    head = payload[:2] + bytes([5 + len(body)]) + payload[3:8]
    blocks = [head, *(body[at : at + 16] for at in range(0, len(body), 16))]
    return b"".join(block + checksum(block).to_bytes(2, "little") for block in blocks)


def fuzz(names: Sequence[str], count: int) -> None:
    """A damaged PDU gives events, a ParseError or nothing; the slowest are fed again, alone, before they are told."""
    print("| | PDUs | events | refused | median µs | slowest µs | above 1 ms | slowest |")
    print("|---|--:|--:|--:|--:|--:|--:|---|")
    for name in names:
        chance, one = random.Random(name), protocols()[name]
        data = b"".join([_HEADER, *(capture(packets)[24:] for packets in recorded(name))])
        frames = Capture([one]).feed(Chunk(data, "bench")) or _bare(name)
        took = []
        slow: list[tuple[int, Frame]] = []
        events = refused = 0
        assert one.session is not None
        session = one.session()
        for number in range(count):
            if number % _FRESH == 0:
                session = one.session()
            frame = chance.choice(frames)
            payload = damaged(chance, frame.payload)
            changed = Frame(
                _sealed(payload) if name == "dnp3" and number % 2 else payload,
                "bench",
                sequence=number << 16,
                time=frame.time,
                flow=frame.flow,
                from_client=frame.from_client if chance.random() < 0.9 else not frame.from_client,
            )
            begin = process_time_ns()
            try:
                events += len(list(session.feed(changed)))
            except ParseError:
                refused += 1
            spent = process_time_ns() - begin
            took.append(spent)
            if spent > _SLOW_NS or not slow or spent > slow[0][0]:
                slow = sorted([*slow, (spent, changed)], key=lambda pair: -pair[0])[:20]
        alone = [(_alone(one, frame), frame) for _, frame in slow]
        over = sum(spent > _SLOW_NS for spent, _ in alone)
        worst, frame = max(alone, key=lambda pair: pair[0])
        cost = f"{median(took) / 1000:.1f} | {worst / 1000:.0f} | {over}"
        what = f"{len(frame.payload)} bytes, {frame.payload[:12].hex()}"
        print(f"| {name} | {count:,} | {events:,} | {refused:,} | {cost} | {what} |", flush=True)


def _alone(one: LogFormat, frame: Frame) -> int:
    """The least of five: what the PDU itself costs, without the collector and the scheduler."""
    took = []
    for _ in range(5):
        assert one.session is not None
        session = one.session()
        begin = process_time_ns()
        try:
            list(session.feed(frame))
        except ParseError:
            pass
        took.append(process_time_ns() - begin)
    return min(took)


def _bare(name: str) -> list[Frame]:
    """Frames of what travels on Ethernet itself."""
    flow = Flow("", 0, "", 0, "ethernet")
    return [Frame(data[14:], "bench", time=time, flow=flow) for packets in recorded(name) for time, data in packets]


def main(argv: Sequence[str] | None = None) -> int:
    options = argparse.ArgumentParser(prog="benchmarks.packets", description="packets a second by protocol")
    options.add_argument("--packets", type=int, default=200_000)
    options.add_argument("--protocol", action="append", help="one of those with recordings; several times for several")
    options.add_argument("--memory", type=float, metavar="GB")
    options.add_argument("--fuzz", type=int, metavar="N")
    given = options.parse_args(argv)
    known = sorted(name for name in protocols() if recorded(name))
    names = given.protocol or known
    wrong = [name for name in names if name not in known]
    if wrong:
        options.error(f"no recordings of {', '.join(wrong)}; there are {json.dumps(known)}")
    print(machine())
    if given.memory is not None:
        memory(given.memory)
    elif given.fuzz is not None:
        fuzz(names, given.fuzz)
    else:
        rates(names, given.packets)
        beside(given.packets)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
