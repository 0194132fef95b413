"""Network addresses as logs write them."""

import re
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Any

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")
_MAC = re.compile(r"[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}")


def ip(text: str | None) -> str | None:
    """The address in canonical form; an IPv4 address that IPv6 wraps is that IPv4 address. None: no address.

    >>> ip("::ffff:10.8.0.6"), ip("2001:DB8:0::1"), ip("fe80::1%eth0"), ip("[2001:db8::7]"), ip("-"), ip("999.1.1.1")
    ('10.8.0.6', '2001:db8::1', 'fe80::1', '2001:db8::7', None, None)
    """
    if not text or len(text) > 64:
        return None
    return text if _IPV4.fullmatch(text) is not None else _canonical(text)


@lru_cache(maxsize=16_384)
def _canonical(text: str) -> str | None:
    try:
        address = ip_address(text.strip("[]").split("%", 1)[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)


def port(value: Any) -> int | None:
    """
    >>> port("22"), port(0), port("70000"), port("-"), port(None), port(["22"])
    (22, 0, None, None, None, None)
    """
    if type(value) is str:
        if not (len(value) <= 5 and value.isdigit() and value.isascii()):
            return None
        value = int(value)
    elif type(value) is not int:
        return None
    return value if 0 <= value <= 65_535 else None


def endpoint(text: str) -> tuple[str | None, int | None]:
    """
    >>> endpoint("203.0.113.66:51234"), endpoint("[2001:db8::7]:443")
    (('203.0.113.66', 51234), ('2001:db8::7', 443))
    >>> endpoint("::ffff:10.8.0.6:51234"), endpoint("2001:db8::7"), endpoint("tun0")
    (('10.8.0.6', 51234), ('2001:db8::7', None), (None, None))
    """
    host, colon, number = text.rpartition(":")
    if colon:
        address, at = ip(host), port(number)
        # "2001:db8::7" alone ends in something that looks like a port: without brackets or dots it is all address
        if address is not None and at is not None and (":" not in host or host[0] == "[" or "." in host):
            return address, at
    return ip(text), None


def mac(text: str | None) -> str | None:
    """As ECS writes it (RFC 7042).

    >>> mac("00:08:a2:0c:1f:12"), mac("0008a20c1f12")
    ('00-08-A2-0C-1F-12', None)
    """
    if text is None or _MAC.fullmatch(text) is None:
        return None
    return text.upper().replace(":", "-")
