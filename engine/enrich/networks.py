"""Which network an address is in: the narrowest wins."""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Generic, TypeVar

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

T = TypeVar("T")

_IPV4 = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})")


def address(text: str) -> Address | None:
    """An address in canonical form (an IPv4-mapped one as IPv4, no scope), or None where the text is none.

    >>> address("::ffff:192.0.2.1"), address("FE80::1%eth0"), address("plc-1")
    (IPv4Address('192.0.2.1'), IPv6Address('fe80::1'), None)
    """
    if len(text) <= 15:
        dotted = _IPV4.fullmatch(text)
        if dotted is not None:
            return _dotted(dotted)
    if ":" not in text and "%" not in text:
        return None  # a name, most of the time
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found


def _dotted(found: re.Match[str]) -> IPv4Address | None:
    """Leading zeros are refused, as ``ipaddress`` does: to some they mean octal digits."""
    number = 0
    for octet in found.groups():
        value = int(octet)
        if value > 255 or (octet[0] == "0" and len(octet) > 1):
            return None
        number = number << 8 | value
    return IPv4Address(number)


class Networks(Generic[T]):
    """
    >>> from ipaddress import ip_network
    >>> zones = Networks([(ip_network("10.0.0.0/8"), "enterprise"), (ip_network("10.99.0.0/24"), "cell_a")])
    >>> zones.of(IPv4Address("10.99.0.8")), zones.of(IPv4Address("192.0.2.1"))
    ('cell_a', None)
    """

    def __init__(self, networks: Iterable[tuple[Network, T]]) -> None:
        found: dict[int, dict[int, dict[int, T]]] = {4: {}, 6: {}}
        for network, value in networks:
            found[network.version].setdefault(network.prefixlen, {})[int(network.network_address)] = value
        self._by_length = {
            version: [(size - length, by_start) for length, by_start in sorted(lengths.items(), reverse=True)]
            for (version, lengths), size in zip(found.items(), (32, 128), strict=True)
        }

    def of(self, one: Address) -> T | None:
        number = int(one)
        for shift, by_start in self._by_length[one.version]:
            value = by_start.get(number >> shift << shift)
            if value is not None:
                return value
        return None
