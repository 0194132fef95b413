"""ISO transport over TCP: TPKT (RFC 1006) and COTP class 0 (ISO 8073 / X.224)."""

from typing import NamedTuple

from engine.model import ParseError

CONNECT, CONFIRM, DISCONNECT, DATA = 0xE0, 0xD0, 0x80, 0xF0


def cut(buffer: bytes | bytearray | memoryview) -> int | None:
    """
    >>> cut(bytes.fromhex("0300001602f080")), cut(b"\\3")
    (22, None)
    """
    size = len(buffer)
    if size and (buffer[0] != 3 or (size > 1 and buffer[1])):
        raise ParseError("TPKT: version or reserved byte differ from 3 and 0")
    if size < 4:
        return None
    length = buffer[2] << 8 | buffer[3]
    if length < 7:
        raise ParseError(f"TPKT: a length of {length}")
    if size > 4 and not 2 <= buffer[4] <= length - 5:
        raise ParseError(f"COTP: a header of {buffer[4]} bytes in a packet of {length}")
    return length


class Tpdu(NamedTuple):
    """``kind`` is the upper half of the code; ``last`` whether a DT ends its unit; ``data`` what follows the header."""

    kind: int
    last: bool
    calling: bytes
    called: bytes
    data: bytes


def tpdu(packet: bytes) -> Tpdu:
    """
    >>> tpdu(bytes.fromhex("0300001611e00000000100c0010ac1020100c2020102")).called.hex()
    '0102'
    """
    if len(packet) < 7 or len(packet) < 5 + packet[4]:
        raise ParseError(f"COTP: a packet of {len(packet)} bytes")
    end = 5 + packet[4]
    kind = packet[5] & 0xF0
    calling = called = b""
    if kind in (CONNECT, CONFIRM):
        at = 11
        while at + 2 <= end:
            code, length = packet[at], packet[at + 1]
            value = packet[at + 2 : min(at + 2 + length, end)]
            if code == 0xC1:
                calling = value
            elif code == 0xC2:
                called = value
            at += 2 + length
    return Tpdu(kind, bool(packet[6] & 0x80), calling, called, packet[end:])
