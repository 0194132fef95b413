"""Link layers: where the IP header of a captured packet starts. Link types: https://www.tcpdump.org/linktypes.html"""

import struct

ETHERNET = 1
_TWO = struct.Struct(">H").unpack_from

_IP = {0x0800, 0x86DD}
_VLAN = {0x8100, 0x88A8, 0x9100}
_ETHERTYPES = 0x0600
# Address families of IPv4 and IPv6: BSD NULL headers carry the number of the system that wrote them, in its byte order.
_FAMILIES = {2, 10, 24, 28, 30}

_RAW = {12, 14, 101, 228, 229}
LINK_TYPES = frozenset({0, ETHERNET, 108, 113, 276, *_RAW})

Vlans = tuple[int, ...]


def network(link_type: int, data: bytes) -> tuple[int, Vlans] | None:
    """The offset of the IP header, and the VLANs from outside in; None where the packet carries no IP.

    >>> network(1, bytes(12) + bytes.fromhex("88a8000a 81000014 0800 45") + bytes(19))
    (22, (10, 20))
    """
    size = len(data)
    if link_type == ETHERNET:
        if size < 34:
            return None
        kind = _TWO(data, 12)[0]
        if kind in _IP:
            return 14, ()
        return _tagged(data, kind, 14)
    if link_type in _RAW:
        return (0, ()) if size >= 20 else None
    if link_type in (0, 108):
        if size < 24:
            return None
        family = data[:4]
        known = int.from_bytes(family, "big") in _FAMILIES or int.from_bytes(family, "little") in _FAMILIES
        return (4, ()) if known else None
    if link_type == 113:
        return _tagged(data, _TWO(data, 14)[0], 16) if size >= 36 else None
    if link_type == 276:
        return _tagged(data, _TWO(data, 0)[0], 20) if size >= 40 else None
    return None


def without_ip(link_type: int, data: bytes) -> tuple[int, int, Vlans] | None:
    """What travels on Ethernet itself: its EtherType, the offset of its first byte, and the VLANs; None: nothing does.

    >>> without_ip(1, bytes(12) + bytes.fromhex("81000014 8892 fefe"))
    (34962, 18, (20,))
    """
    start = {ETHERNET: 12, 113: 14}.get(link_type)
    if start is not None:
        behind = start + 2
    elif link_type == 276:
        start, behind = 0, 20
    else:
        return None
    if len(data) < behind:
        return None
    kind = _TWO(data, start)[0]
    vlans: Vlans = ()
    while kind in _VLAN:
        if len(data) < behind + 4:
            return None
        vlans += (_TWO(data, behind)[0] & 0x0FFF,)
        kind = _TWO(data, behind + 2)[0]
        behind += 4
    return (kind, behind, vlans) if kind >= _ETHERTYPES else None  # below: a length (IEEE 802.3)


def _tagged(data: bytes, kind: int, offset: int) -> tuple[int, Vlans] | None:
    vlans: Vlans = ()
    while kind in _VLAN:
        if len(data) < offset + 4:
            return None
        vlans += (_TWO(data, offset)[0] & 0x0FFF,)
        kind = _TWO(data, offset + 2)[0]
        offset += 4
    return (offset, vlans) if kind in _IP else None


def macs(link_type: int, data: bytes) -> tuple[str | None, str | None]:
    """Source and destination in the notation of ECS (RFC 7042); None where the link layer has none.

    >>> macs(1, bytes.fromhex("00005e005301 00005e005302"))
    ('00-00-5E-00-53-02', '00-00-5E-00-53-01')
    """
    if link_type == ETHERNET:
        if data[:12] == bytes(12):  # the loopback interface
            return None, None
        return _mac(data[6:12]), _mac(data[0:6])
    # The cooked headers of Linux know the sender alone; six bytes of address where it is Ethernet.
    if link_type == 113 and data[4:6] == b"\x00\x06":
        return _mac(data[6:12]), None
    if link_type == 276 and data[11] == 6:
        return _mac(data[12:18]), None
    return None, None


def _mac(address: bytes) -> str | None:
    return address.hex("-").upper() if any(address) else None
