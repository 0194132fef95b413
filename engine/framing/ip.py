"""IP headers (RFC 791, RFC 8200): where the transport header starts; fragments joined."""

import struct
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

TCP = 6
UDP = 17

_IPV4 = struct.Struct(">BxHHHxBxx").unpack_from
_IPV6 = struct.Struct(">4xHB").unpack_from
# Hop-by-hop, routing, destination options, mobility, HIP, shim6: each a length in units of eight bytes after the first.
_EXTENSIONS = {0, 43, 60, 135, 139, 140}
_FRAGMENT = 44
_AUTHENTICATION = 51
_MAX_EXTENSIONS = 16

_LIFETIME_NS = 30_000_000_000
_MAX_DATAGRAMS = 1_024
_MAX_PIECES = 128
_MAX_DATAGRAM = 65_535


class Datagram(NamedTuple):
    """``addresses`` are source and destination, packed. ``data[start:end]`` is what was kept, ``length`` what was sent.

    ``piece`` is None, or for a fragment (identification, offset, more follow).
    """

    addresses: bytes
    protocol: int
    data: bytes
    start: int
    end: int
    length: int
    piece: tuple[int, int, bool] | None


def datagram(data: bytes, offset: int) -> Datagram | None:
    """The datagram whose IP header is at ``offset``; None where there is none."""
    size = len(data)
    if size <= offset:
        return None
    version = data[offset] >> 4
    if version == 4 and size >= offset + 20:
        return _version_4(data, offset, size)
    if version == 6 and size >= offset + 40:
        return _version_6(data, offset, size)
    return None


def _version_4(data: bytes, offset: int, size: int) -> Datagram | None:
    first, total, identification, fragment, protocol = _IPV4(data, offset)
    header = (first & 0x0F) * 4
    # A packet captured before segmentation offload has no total length yet.
    length = total or size - offset
    if header < 20 or length < header or size < offset + header:
        return None
    start = offset + header
    end = min(offset + length, size)
    piece = (identification, (fragment & 0x1FFF) * 8, bool(fragment & 0x2000)) if fragment & 0x3FFF else None
    return Datagram(data[offset + 12 : offset + 20], protocol, data, start, end, length - header, piece)


def _version_6(data: bytes, offset: int, size: int) -> Datagram | None:
    length, protocol = _IPV6(data, offset)
    start = offset + 40
    whole = start + (length or size - start)
    found = _behind_extensions(data, start, protocol)
    if found is None:
        return None
    start, protocol = found
    piece = None
    if protocol == _FRAGMENT:
        if size < start + 8:
            return None
        at, identification = struct.unpack_from(">HI", data, start + 2)
        protocol = data[start]
        start += 8
        if at & 0xFFF9:
            piece = (identification, at & 0xFFF8, bool(at & 1))
        else:  # an atomic fragment, RFC 6946
            found = _behind_extensions(data, start, protocol)
            if found is None:
                return None
            start, protocol = found
    if start > whole:
        return None
    end = min(whole, size)
    return Datagram(data[offset + 8 : offset + 40], protocol, data, min(start, end), end, whole - start, piece)


def _behind_extensions(data: bytes, start: int, protocol: int) -> tuple[int, int] | None:
    """Where the transport (or fragment) header starts, and which it is."""
    for _ in range(_MAX_EXTENSIONS):
        if protocol in _EXTENSIONS:
            units, size = 8, 1
        elif protocol == _AUTHENTICATION:
            units, size = 4, 2
        else:
            return start, protocol
        if len(data) < start + 2:
            return None
        protocol, length = data[start], data[start + 1]
        start += (length + size) * units
    return None


def address(packed: bytes) -> str:
    return str(IPv4Address(packed)) if len(packed) == 4 else str(IPv6Address(packed))


class _Pieces:
    __slots__ = ("held", "length", "parts", "since")

    def __init__(self, since: int) -> None:
        self.since = since
        self.parts: dict[int, bytes] = {}
        self.held = 0
        self.length: int | None = None


class Fragments:
    """Joins fragments; bounded in datagrams, pieces and time. Of overlapping pieces the first one stands."""

    def __init__(self, stats: dict[str, int]) -> None:
        self._stats = stats
        self._waiting: dict[tuple[bytes, int, int], _Pieces] = {}

    def join(self, part: Datagram, time: int) -> Datagram | None:
        """The whole datagram once its last piece has come."""
        if part.piece is None:
            return part
        self._stats["fragments"] += 1
        identification, offset, more = part.piece
        key = (part.addresses, part.protocol if len(part.addresses) == 8 else -1, identification)
        pieces = self._waiting.get(key)
        if pieces is None:
            if len(self._waiting) >= _MAX_DATAGRAMS:
                self._drop(next(iter(self._waiting)))
            pieces = self._waiting[key] = _Pieces(time)
        payload = part.data[part.start : part.end]
        if offset + len(payload) > _MAX_DATAGRAM or len(pieces.parts) >= _MAX_PIECES or len(payload) < part.length:
            self._drop(key)
            return None
        if offset not in pieces.parts or len(pieces.parts[offset]) < len(payload):
            pieces.parts[offset] = payload
        if not more:
            pieces.length = offset + len(payload)
        if pieces.length is None:
            return None
        whole = bytearray()
        for start in sorted(pieces.parts):
            if start > len(whole):
                return None
            whole += pieces.parts[start][len(whole) - start :]
        if len(whole) < pieces.length:
            return None
        del self._waiting[key]
        joined = bytes(whole[: pieces.length])
        found = (0, part.protocol) if len(part.addresses) == 8 else _behind_extensions(joined, 0, part.protocol)
        if found is None or found[0] > len(joined):
            return None
        start, protocol = found
        return Datagram(part.addresses, protocol, joined, start, len(joined), len(joined) - start, None)

    def expire(self, now: int | None) -> None:
        late = [key for key, pieces in self._waiting.items() if now is None or abs(now - pieces.since) > _LIFETIME_NS]
        for key in late:
            self._drop(key)

    def _drop(self, key: tuple[bytes, int, int]) -> None:
        del self._waiting[key]
        self._stats["fragments_lost"] += 1
