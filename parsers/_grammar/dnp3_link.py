"""DNP3 link frames and transport segments (IEEE 1815-2012, clauses 8 and 9).

::

    05 64 05 c0 01 00 0a 00 e0 8c        reset link states, from master 10 to outstation 1
"""

from typing import NamedTuple

from engine.model import ParseError

START = b"\x05\x64"
PRIMARY, MASTER = 0x40, 0x80

# Primary function codes of 9.2.4.1.3.
FUNCTIONS = {
    0: "reset_link_states",
    2: "test_link_states",
    3: "confirmed_user_data",
    4: "unconfirmed_user_data",
    9: "request_link_status",
}
USER_DATA = frozenset({3, 4})

_POLYNOMIAL = 0xA6BC  # 0x3D65, its bits reversed


def _table() -> tuple[int, ...]:
    out = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        out.append(value)
    return tuple(out)


_TABLE = _table()


def checksum(data: bytes | bytearray | memoryview) -> int:
    """
    >>> hex(checksum(bytes.fromhex("056405c001000a00")))
    '0x8ce0'
    """
    value = 0
    for byte in data:
        value = value >> 8 ^ _TABLE[(value ^ byte) & 0xFF]
    return value ^ 0xFFFF


class Link(NamedTuple):
    """``data`` is without the checksums; ``damaged`` says which of them was wrong."""

    control: int
    destination: int
    source: int
    data: bytes
    damaged: str | None

    @property
    def from_master(self) -> bool:
        return bool(self.control & MASTER)

    @property
    def function(self) -> int | None:
        """Of a primary station; None in a frame that only answers at this layer."""
        return self.control & 0x0F if self.control & PRIMARY else None


def cut(buffer: bytes | bytearray | memoryview) -> int | None:
    """
    >>> cut(bytes.fromhex("056405c001000a00e08c")), cut(b"\\5"), cut(bytes.fromhex("056406c001000a00e08cff"))
    (10, None, 13)
    """
    if bytes(buffer[:2]) != START[: len(buffer)]:
        raise ParseError("DNP3: a frame does not start with 05 64")
    if len(buffer) < 3:
        return None
    if buffer[2] < 5:
        raise ParseError(f"DNP3: a length of {buffer[2]}")
    data = buffer[2] - 5
    return 10 + data + 2 * ((data + 15) // 16)


def fingerprint(head: bytes) -> bool:
    """Whether a frame starts here whose header has the right checksum."""
    return len(head) >= 10 and head[:2] == START and head[2] >= 5 and checksum(head[:8]) == _little(head, 8)


def link(frame: bytes) -> Link:
    if len(frame) < 10:
        raise ParseError(f"DNP3: a frame of {len(frame)} bytes")
    damaged = None if checksum(frame[:8]) == _little(frame, 8) else "the header's"
    parts, at, left = [], 10, frame[2] - 5
    while left > 0:
        size = min(left, 16)
        block = frame[at : at + size]
        if len(frame) < at + size + 2:
            damaged = damaged or "a missing block's"
        elif damaged is None and checksum(block) != _little(frame, at + size):
            damaged = f"that of the block at byte {at}"
        parts.append(block)
        at += size + 2
        left -= size
    return Link(frame[3], _little(frame, 4), _little(frame, 6), b"".join(parts), damaged)


def _little(data: bytes, at: int) -> int:
    return data[at] | data[at + 1] << 8
