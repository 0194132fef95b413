"""Names and values as Linux's audit trail writes them."""

import re
from ipaddress import IPv6Address
from typing import NamedTuple

_PAIR = re.compile(r"""([A-Za-z][\w\-]*+(?:\[\d+\])?)=("[^"]*"|\{[^}]*\}|\S*+)""")
_LONGEST = 65_536
_MOST = 1024
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
# What the kernel never writes bare: audit_string_contains_control() in kernel/audit.c.
_NEEDS_HEX = re.compile(rb"[^\x21\x23-\x7e]")
_ALWAYS = frozenset(("cmd", "cwd", "data", "exe", "proctitle"))
_UNTRUSTED = frozenset(
    (
        "acct", "apparmor", "cgroup", "cmdline", "comm", "denied_mask", "device", "dir", "file", "grp", "info",
        "invalid_context", "key", "name", "new-chardev", "new-disk", "new-fs", "new-net", "new-rng", "new_group",
        "ocomm", "old-chardev", "old-disk", "old-fs", "old-net", "old-rng", "operation", "path", "profile",
        "requested_mask", "root_dir", "sw", "vm", "watch",
    )
)  # fmt: skip
_EMPTY = frozenset(("?", "(null)", "(none)", "", '"?"'))


def pairs(text: str, argument: bool = False) -> dict[str, str]:
    """Decoded; what stands for nothing is left out. ``argument``: ``a0`` and its like are text, not registers.

    >>> pairs('pid=7 comm="sh" exe=2F62696E2F7368 key=(null) name=63616665')
    {'pid': '7', 'comm': 'sh', 'exe': '/bin/sh', 'name': '63616665'}
    """
    found = {}
    for name, value in _PAIR.findall(text, 0, _LONGEST):
        if value in _EMPTY:
            continue
        if value[0] == '"':
            value = value.strip('"')
            if not value:
                continue
        elif value[-1] in ",)" and "(" not in value:  # "(hostname=?, addr=192.0.2.7, res=success)"
            value = value.rstrip(",)")
            if value in _EMPTY:
                continue
        elif name in _ALWAYS or name in _UNTRUSTED or (argument and name[0] == "a" and name[1:2].isdigit()):
            value = decoded(value, name in _ALWAYS or name[-1] == "]")
        found[name] = value
        if len(found) >= _MOST:
            break
    return found


def decoded(value: str, always: bool = False) -> str:
    """Hexadecimal, where only what needs it is written so.

    >>> decoded("6C73202D6C"), decoded("cafe"), decoded("beef01x"), decoded("6C73")
    ('ls -l', '\\\\xca\\\\xfe', 'beef01x', '6C73')
    """
    if _HEX.fullmatch(value) is None:
        return value
    raw = bytes.fromhex(value)
    if always or raw[:1] == b"/" or _NEEDS_HEX.search(raw) is not None:
        return raw.decode("utf-8", "backslashreplace")
    return value


class Socket(NamedTuple):
    family: str
    address: str | None = None
    port: int | None = None
    path: str | None = None


_FAMILIES = {0: "unspec", 1: "local", 2: "inet", 10: "inet6", 16: "netlink", 17: "packet", 38: "alg", 40: "vsock"}


def socket_address(text: str) -> Socket | None:
    """A ``struct sockaddr`` in hexadecimal; the family in the byte order of the machine, little-endian as a rule.

    >>> socket_address("020001F6C00002070000000000000000")
    Socket(family='inet', address='192.0.2.7', port=502, path=None)
    >>> socket_address("01002F72756E2F6E7363642F736F636B657400").path
    '/run/nscd/socket'
    """
    if len(text) < 4 or len(text) > 512 or _HEX.fullmatch(text) is None:
        return None
    raw = bytes.fromhex(text)
    number = raw[0] | raw[1] << 8
    if number > 255:
        number = raw[1] | raw[0] << 8
    family = _FAMILIES.get(number)
    if family is None:
        return None
    if family == "inet" and len(raw) >= 8:
        return Socket(family, ".".join(str(part) for part in raw[4:8]), raw[2] << 8 | raw[3])
    if family == "inet6" and len(raw) >= 24:
        address = IPv6Address(raw[8:24])
        mapped = address.ipv4_mapped
        return Socket(family, str(address if mapped is None else mapped), raw[2] << 8 | raw[3])
    if family == "local":
        # an abstract name starts with a NUL, a path ends with one
        path = raw[2:].lstrip(b"\0").partition(b"\0")[0].decode("utf-8", "backslashreplace")
        return Socket(family, path=("@" + path if raw[2:3] == b"\0" else path) or None)
    return Socket(family)
