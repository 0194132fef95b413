"""Capture files, pcap and pcapng, read from bytes that come in pieces of any size.

pcap: draft-ietf-opsawg-pcap; pcapng: draft-ietf-opsawg-pcapng. Both byte orders, any resolution, several interfaces.
"""

import struct
from typing import NamedTuple, Protocol

SECOND = 1_000_000_000

# libpcap refuses a snapshot length above 256 KiB: a longer record is a damaged file, not a packet.
_MAX_PACKET = 262_144
# A block may carry decryption keys or name resolutions; more than this is a damaged length.
_MAX_BLOCK = 16 * 1024 * 1024

# Byte order, nanoseconds of one unit of the fraction, size of a record header. The last two are the libpcap patched by
# A. Kuznetzov, with eight more bytes a record.
_PCAP = {
    bytes.fromhex("a1b2c3d4"): (">", 1_000, 16),
    bytes.fromhex("d4c3b2a1"): ("<", 1_000, 16),
    bytes.fromhex("a1b23c4d"): (">", 1, 16),
    bytes.fromhex("4d3cb2a1"): ("<", 1, 16),
    bytes.fromhex("a1b2cd34"): (">", 1_000, 24),
    bytes.fromhex("34cdb2a1"): ("<", 1_000, 24),
}
_PCAPNG = bytes.fromhex("0a0d0d0a")
_SECTION = 0x0A0D0D0A


class Packet(NamedTuple):
    """``data`` is what was kept of it, ``end`` the offset behind its record; ``time`` is None where there is none."""

    time: int | None
    link_type: int
    data: bytes
    end: int
    interface: str | None


class Damaged(ValueError):
    """The bytes are no capture, or stop being one: the message names what was found."""


def is_capture(head: bytes) -> bool:
    """
    >>> is_capture(bytes.fromhex("d4c3b2a1")), is_capture(b"Jan  1 00:00:00")
    (True, False)
    """
    return head[:4] in _PCAP or head[:4] == _PCAPNG


class _Reader(Protocol):
    """``read`` appends the whole records of ``data`` and gives the offset behind the last one, or raises Damaged.

    ``need`` is the size of the record that starts there, as far as it is known.
    """

    need: int
    header: bytes

    def read(self, data: bytes, base: int, packets: list[Packet]) -> int: ...


class CaptureFile:
    """``problem`` names why reading stopped, once it has; what follows is then left out."""

    def __init__(self, offset: int = 0) -> None:
        self.problem: str | None = None
        self.offset = offset  # behind the last whole record
        self._buffer = bytearray()
        self._need = 24
        self._reader: _Reader | None = None

    def feed(self, data: bytes) -> list[Packet]:
        """The packets that these bytes complete."""
        packets: list[Packet] = []
        if self.problem is not None:
            return packets
        if self._buffer:
            self._buffer += data
            if len(self._buffer) < self._need:
                return packets
            data = bytes(self._buffer)
            self._buffer.clear()
        elif len(data) < self._need:
            self._buffer += data
            return packets
        try:
            if self._reader is None:
                self._reader = _Pcap(data) if data[:4] in _PCAP else _Pcapng(data)
            used = self._reader.read(data, self.offset, packets)
        except Damaged as damage:
            self.problem = str(damage)
            return packets
        self._need = self._reader.need
        self._buffer += data[used:]
        self.offset += used
        return packets

    @property
    def header(self) -> bytes:
        """What a reader that goes on at ``offset`` must have read before."""
        return self._reader.header if self._reader is not None else b""

    def close(self) -> None:
        """The input has ended: bytes of an unfinished record are a problem."""
        if self.problem is None and self._buffer:
            whole = self._reader is not None
            what = f"truncated: {len(self._buffer)} bytes of an unfinished record" if whole else "no whole file header"
            self.problem = f"{what} at offset {self.offset}"
        self._buffer.clear()


class _Pcap:
    def __init__(self, data: bytes) -> None:
        order, self._unit, self._size = _PCAP[data[:4]]
        self.header = data[:24]
        self._record = struct.Struct(order + "IIII")
        # The upper bits of the field are the length of a frame check sequence.
        self._link_type = int(struct.unpack_from(order + "I", data, 20)[0]) & 0xFFFF
        self._started = False
        self.need = self._size

    def read(self, data: bytes, base: int, packets: list[Packet]) -> int:
        at = 0 if self._started else 24
        self._started = True
        size, header, unit, link_type = len(data), self._size, self._unit, self._link_type
        unpack, append = self._record.unpack_from, packets.append
        self.need = header
        while size - at >= header:
            seconds, fraction, kept, _ = unpack(data, at)
            if kept > _MAX_PACKET:
                raise Damaged(f"damaged: a packet of {kept} bytes at offset {base + at}")
            start = at + header
            end = start + kept
            if end > size:
                self.need = header + kept
                break
            append(Packet(seconds * SECOND + fraction * unit, link_type, data[start:end], base + end, None))
            at = end
        return at


class _Interface(NamedTuple):
    link_type: int
    snap: int
    units: int
    shift: int
    name: str | None


class _Pcapng:
    def __init__(self, data: bytes) -> None:
        if data[:4] != _PCAPNG:
            raise Damaged(f"not a capture: neither pcap nor pcapng starts with {data[:4].hex(' ')}")
        self._order = "<"
        self._two = struct.Struct("<II")
        self._enhanced = struct.Struct("<IIIII")
        self._interfaces: list[_Interface] = []
        self.header = b""
        self.need = 12

    def read(self, data: bytes, base: int, packets: list[Packet]) -> int:
        at = 0
        size = len(data)
        self.need = 12
        while size - at >= 12:
            kind, length = self._two.unpack_from(data, at)
            if data[at : at + 4] == _PCAPNG:
                self._section(data[at + 8 : at + 12], base + at)
                length = self._two.unpack_from(data, at)[1]
            if length < 12 or length % 4 or length > _MAX_BLOCK:
                raise Damaged(f"damaged: a block of {length} bytes at offset {base + at}")
            if at + length > size:
                self.need = length
                break
            start, end = at + 8, at + length - 4
            if kind == _SECTION:
                self.header = data[at : at + length]
            if kind == 6:
                self._packet(data, start, end, base + at + length, packets)
            elif kind == 1:
                self._interface(data, start, end, base + at)
                self.header += data[at : at + length]
            elif kind == 3:
                self._simple(data, start, end, base + at + length, packets)
            elif kind == 2:
                self._obsolete(data, start, end, base + at + length, packets)
            at += length
        return at

    def _section(self, magic: bytes, offset: int) -> None:
        if magic == b"\x1a\x2b\x3c\x4d":
            self._order = ">"
        elif magic == b"\x4d\x3c\x2b\x1a":
            self._order = "<"
        else:
            raise Damaged(f"damaged: a section with byte order {magic.hex(' ')} at offset {offset}")
        self._two = struct.Struct(self._order + "II")
        self._enhanced = struct.Struct(self._order + "IIIII")
        self._interfaces = []

    def _interface(self, data: bytes, start: int, end: int, offset: int) -> None:
        if end - start < 8:
            raise Damaged(f"damaged: an interface description of {end - start} bytes at offset {offset}")
        link_type, _, snap = struct.unpack_from(self._order + "HHI", data, start)
        units, shift, name = 1_000_000, 0, None
        at = start + 8
        while end - at >= 4:
            code, length = struct.unpack_from(self._order + "HH", data, at)
            value = data[at + 4 : min(at + 4 + length, end)]
            if code == 0:
                break
            if code == 9 and value:
                units = 2 ** (value[0] & 0x7F) if value[0] & 0x80 else 10 ** value[0]
            elif code == 14 and len(value) == 8:
                shift = int(struct.unpack(self._order + "q", value)[0]) * SECOND
            elif code == 2:
                name = value.rstrip(b"\0").decode("utf-8", "backslashreplace") or None
            at += 4 + (length + 3) // 4 * 4
        self._interfaces.append(_Interface(link_type, snap or _MAX_PACKET, units, shift, name))

    def _of(self, number: int, offset: int) -> _Interface:
        if number >= len(self._interfaces):
            raise Damaged(f"damaged: a packet of interface {number}, which is not described, before offset {offset}")
        return self._interfaces[number]

    def _packet(self, data: bytes, start: int, end: int, after: int, packets: list[Packet]) -> None:
        if end - start < 20:
            raise Damaged(f"damaged: a packet block of {end - start} bytes before offset {after}")
        number, high, low, kept, _ = self._enhanced.unpack_from(data, start)
        interface = self._of(number, after)
        if kept > end - start - 20:
            raise Damaged(f"damaged: a packet longer than its block before offset {after}")
        time = (high << 32 | low) * SECOND // interface.units + interface.shift
        packets.append(Packet(time, interface.link_type, data[start + 20 : start + 20 + kept], after, interface.name))

    def _simple(self, data: bytes, start: int, end: int, after: int, packets: list[Packet]) -> None:
        if end - start < 4:
            raise Damaged(f"damaged: a simple packet block of {end - start} bytes before offset {after}")
        interface = self._of(0, after)
        length = int(struct.unpack_from(self._order + "I", data, start)[0])
        kept = min(length, interface.snap, end - start - 4)
        packets.append(Packet(None, interface.link_type, data[start + 4 : start + 4 + kept], after, interface.name))

    def _obsolete(self, data: bytes, start: int, end: int, after: int, packets: list[Packet]) -> None:
        if end - start < 20:
            raise Damaged(f"damaged: a packet block of {end - start} bytes before offset {after}")
        number, _, high, low, kept, _ = struct.unpack_from(self._order + "HHIIII", data, start)
        interface = self._of(number, after)
        if kept > end - start - 20:
            raise Damaged(f"damaged: a packet longer than its block before offset {after}")
        time = (high << 32 | low) * SECOND // interface.units + interface.shift
        packets.append(Packet(time, interface.link_type, data[start + 20 : start + 20 + kept], after, interface.name))
