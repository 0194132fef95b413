"""Packets and captures made in memory, and the way through framing and sessions."""

import struct
from collections.abc import Iterable, Sequence
from typing import Any

from engine.framing.capture import Capture
from engine.model import Chunk, Frame, LogFormat, ParseError

CLIENT, SERVER = bytes([192, 0, 2, 10]), bytes([198, 51, 100, 20])
START = 1_767_225_600_000_000_000
MILLISECOND = 1_000_000
SYN, ACK, PSH_ACK, FIN, RST = 0x02, 0x10, 0x18, 0x11, 0x04


def ethernet(payload: bytes, *, vlans: Sequence[int] = (), kind: int | None = None) -> bytes:
    version = payload[0] >> 4 if payload else 4
    tags = b"".join(struct.pack(">HH", 0x8100, vlan) for vlan in vlans)
    last = kind if kind is not None else 0x86DD if version == 6 else 0x0800
    packet = bytes.fromhex("00005e005314 00005e00530a") + tags + struct.pack(">H", last) + payload
    return packet + bytes(max(0, 60 - len(packet)))


def ipv4(
    source: bytes, target: bytes, payload: bytes, *, protocol: int = 6, options: bytes = b"", fragment: int = 0
) -> bytes:
    header = 20 + len(options)
    return (
        struct.pack(">BBHHHBBH", 0x40 | header // 4, 0, header + len(payload), 7, fragment, 64, protocol, 0)
        + source
        + target
        + options
        + payload
    )


def tcp(source: int, target: int, sequence: int, acknowledged: int, flags: int, payload: bytes = b"") -> bytes:
    ports = struct.pack(">HH", source, target)
    return ports + struct.pack(">IIBBHHH", sequence % 2**32, acknowledged % 2**32, 0x50, flags, 8192, 0, 0) + payload


def udp(source: int, target: int, payload: bytes) -> bytes:
    return struct.pack(">HHHH", source, target, 8 + len(payload), 0) + payload


def datagrams(port: int, exchange: Iterable[tuple[bool, bytes]], *, client_port: int = 40_001) -> bytes:
    """A capture of datagrams (from the client?, payload), a millisecond apart."""
    packets = []
    for number, (from_client, payload) in enumerate(exchange, 1):
        ends = (CLIENT, SERVER) if from_client else (SERVER, CLIENT)
        ports = (client_port, port) if from_client else (port, client_port)
        packets.append((START + number * MILLISECOND, ethernet(ipv4(*ends, udp(*ports, payload), protocol=17))))
    return pcap(packets)


class Line:
    """One connection on the wire: what each side says, in order; ``packets`` are (time, bytes)."""

    def __init__(self, port: int = 502, *, client_port: int = 40_001, isn: int = 1_000, start: int = START) -> None:
        self.port, self.client_port = port, client_port
        self.next = {True: isn, False: isn + 500_000}
        self.time = start
        self.packets: list[tuple[int, bytes]] = []

    def segment(
        self, from_client: bool, sequence: int, flags: int, payload: bytes = b"", *, acknowledged: int | None = None
    ) -> None:
        ends = (CLIENT, SERVER) if from_client else (SERVER, CLIENT)
        ports = (self.client_port, self.port) if from_client else (self.port, self.client_port)
        seen = self.next[not from_client] if acknowledged is None else acknowledged
        self.time += MILLISECOND
        self.packets.append((self.time, ethernet(ipv4(*ends, tcp(*ports, sequence, seen, flags, payload)))))

    def open(self) -> "Line":
        for from_client, flags in ((True, SYN), (False, SYN | ACK)):
            self.segment(from_client, self.next[from_client], flags)
            self.next[from_client] += 1
        self.segment(True, self.next[True], ACK)
        return self

    def says(self, from_client: bool, payload: bytes, *, lost: bool = False) -> "Line":
        if not lost:
            self.segment(from_client, self.next[from_client], PSH_ACK, payload)
        self.next[from_client] += len(payload)
        return self

    def asks(self, payload: bytes, **how: Any) -> "Line":
        return self.says(True, payload, **how)

    def answers(self, payload: bytes, **how: Any) -> "Line":
        return self.says(False, payload, **how)

    def close(self) -> "Line":
        for from_client in (True, False):
            self.segment(from_client, self.next[from_client], FIN)
            self.next[from_client] += 1
        return self


def pcap(
    packets: Iterable[tuple[int, bytes]], *, link_type: int = 1, order: str = "<", nanoseconds: bool = True
) -> bytes:
    unit = 1 if nanoseconds else 1_000
    out = [struct.pack(order + "IHHiIII", 0xA1B23C4D if nanoseconds else 0xA1B2C3D4, 2, 4, 0, 0, 262_144, link_type)]
    for time, data in packets:
        seconds, rest = divmod(time, 1_000_000_000)
        out.append(struct.pack(order + "IIII", seconds, rest // unit, len(data), len(data)) + data)
    return b"".join(out)


def block(order: str, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    return struct.pack(order + "II", kind, len(body) + 12) + body + struct.pack(order + "I", len(body) + 12)


def section(order: str = "<") -> bytes:
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))


def interface(
    order: str = "<", *, link_type: int = 1, resolution: int | None = None, offset: int | None = None, name: bytes = b""
) -> bytes:
    options = b""
    if name:
        options += struct.pack(order + "HH", 2, len(name)) + name + bytes(-len(name) % 4)
    if resolution is not None:
        options += struct.pack(order + "HHB3x", 9, 1, resolution)
    if offset is not None:
        options += struct.pack(order + "HHq", 14, 8, offset)
    return block(order, 1, struct.pack(order + "HHI", link_type, 0, 0) + options + bytes(4))


def enhanced(ticks: int, data: bytes, *, order: str = "<", number: int = 0) -> bytes:
    body = struct.pack(order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data))
    return block(order, 6, body + data + bytes(-len(data) % 4) + struct.pack(order + "HH", 1, 4) + b"note")


def read(capture: bytes, formats: Sequence[LogFormat], *, size: int = 1 << 20) -> tuple[list[Frame], Capture]:
    reading = Capture(formats)
    frames: list[Frame] = []
    for at in range(0, len(capture), size):
        frames += reading.feed(Chunk(payload=capture[at : at + size], source="mirror", stream="test.pcap", offset=at))
    frames += reading.close()
    return frames, reading


def events(capture: bytes, formats: Sequence[LogFormat]) -> list[dict[str, Any]]:
    """The events of a capture in the order of their requests, as a session a conversation gives them."""
    by_id = {format.id: format for format in formats}
    sessions: dict[Any, Any] = {}
    out = []
    for frame in read(capture, formats)[0]:
        session = sessions.get(frame.flow)
        if session is None:
            make = by_id[frame.format or ""].session
            assert make is not None
            session = sessions[frame.flow] = make()
        try:
            out += session.feed(frame)
        except ParseError:
            continue
        out += session.expire(frame.time)
    for session in sessions.values():
        out += session.expire(None)
        assert session.oldest() is None
    return [fields for _, fields in sorted(out, key=lambda one: one[0].sequence)]
