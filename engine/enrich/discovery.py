"""What is on the plant's network, from what is seen there: who answers, who asks, and what they do to each other."""

from collections import Counter
from typing import Any, Final

import msgspec

from engine.model import Event

_MOST: Final = 65_536
"""Hosts that are remembered; later ones are only counted."""

_MOST_PEERS: Final = 64
_ENGINEERING: Final = frozenset(
    {
        "program_download", "program_upload", "program_delete", "activate", "firmware", "plc_stop", "plc_start",
        "mode_change", "protect", "force",
    }
)  # fmt: skip
_OPERATING: Final = frozenset({"write", "command", "select"})
_IDENTITY: Final = "ot.identity."


class Host(msgspec.Struct):
    """One address. ``answers`` and ``asks``: protocol → requests; ``does``: operation → requests as client."""

    address: str
    macs: set[str] = msgspec.field(default_factory=set)
    answers: Counter[str] = msgspec.field(default_factory=Counter)
    asks: Counter[str] = msgspec.field(default_factory=Counter)
    does: Counter[str] = msgspec.field(default_factory=Counter)
    units: set[str] = msgspec.field(default_factory=set)
    identity: dict[str, Any] = msgspec.field(default_factory=dict)
    peers: set[str] = msgspec.field(default_factory=set)
    first: int = 0
    last: int = 0

    @property
    def role(self) -> str:
        """By behaviour: ``engineering_workstation`` changes programs or modes, ``hmi`` sets values, ``historian`` only
        reads, ``plc`` is asked."""
        if self.answers:
            return "plc"
        if not self.does.keys().isdisjoint(_ENGINEERING):
            return "engineering_workstation"
        if not self.does.keys().isdisjoint(_OPERATING):
            return "hmi"
        return "historian" if self.does["read"] else "client"

    def document(self) -> dict[str, Any]:
        """As JSON: counts by protocol and operation, times in nanoseconds of the epoch."""
        return {
            "address": self.address,
            "macs": sorted(self.macs),
            "role": self.role,
            "answers": dict(sorted(self.answers.items())),
            "asks": dict(sorted(self.asks.items())),
            "does": dict(sorted(self.does.items())),
            "units": sorted(self.units),
            "identity": dict(sorted(self.identity.items())),
            "peers": sorted(self.peers),
            "first": self.first,
            "last": self.last,
        }


class Discovery:
    """
    >>> from engine.model import LogSource
    >>> seen = Discovery()
    >>> ends = {"source.ip": "192.0.2.7", "destination.ip": "198.51.100.4", "event.outcome": "success"}
    >>> seen.observe(Event({**ends, "ot.protocol": "modbus", "ot.operation": "read"}, 0, "1", LogSource()))
    >>> [(host.address, host.role) for host in seen.hosts()]
    [('192.0.2.7', 'historian'), ('198.51.100.4', 'plc')]
    """

    def __init__(self) -> None:
        self._hosts: dict[str, Host] = {}
        self.left_out = 0

    def observe(self, event: Event) -> None:
        fields = event.fields
        protocol, operation = fields.get("ot.protocol"), fields.get("ot.operation")
        if type(protocol) is not str or type(operation) is not str:
            return
        client = self._host(fields, "source", event.time)
        server = self._host(fields, "destination", event.time)
        if client is not None:
            client.asks[protocol] += 1
            if fields.get("event.outcome") != "failure":
                client.does[operation] += 1
        if server is None:
            return
        if client is not None:
            for one, other in ((client, server), (server, client)):
                if len(one.peers) < _MOST_PEERS:
                    one.peers.add(other.address)
        # who does not answer may not be there
        if fields.get("event.outcome") in ("success", "failure"):
            server.answers[protocol] += 1
            unit = fields.get("ot.unit_id")
            if unit is not None and len(server.units) < _MOST_PEERS:
                server.units.add(str(unit))
            for name, value in fields.items():
                if name.startswith(_IDENTITY):
                    server.identity[name[len(_IDENTITY) :]] = value

    def _host(self, fields: dict[str, Any], side: str, time: int) -> Host | None:
        mac = fields.get(f"{side}.mac")
        address = fields.get(f"{side}.ip") or mac
        if type(address) is not str or _is_group(address, mac):
            return None
        host = self._hosts.get(address)
        if host is None:
            if len(self._hosts) >= _MOST:
                self.left_out += 1
                return None
            host = self._hosts[address] = Host(address, first=time, last=time)
        host.first, host.last = min(host.first, time), max(host.last, time)
        if type(mac) is str and len(host.macs) < _MOST_PEERS:
            host.macs.add(mac)
        return host

    def hosts(self) -> list[Host]:
        """Those that answered, or asked for something; in the order of their addresses."""
        return sorted(
            (host for host in self._hosts.values() if host.answers or host.asks), key=lambda host: _order(host.address)
        )


def _is_group(address: str, mac: Any) -> bool:
    """Broadcast and multicast: nobody in particular."""
    if type(mac) is str and len(mac) > 1 and mac[1] in "13579BDF":
        return True
    first, dot, rest = address.partition(".")
    return bool(dot) and (address.endswith(".255") or (first.isdecimal() and 224 <= int(first) <= 239 and bool(rest)))


def _order(address: str) -> tuple[int, Any]:
    parts = address.split(".")
    if len(parts) == 4 and all(part.isdecimal() for part in parts):
        return 0, tuple(int(part) for part in parts)
    return 1, address


def as_yaml(hosts: list[Host]) -> str:
    """An asset list to be completed by people who know the plant; what was seen stands in comments."""
    lines = ["assets:"]
    seen = Counter(mac for host in hosts for mac in host.macs)  # a router's is that of all who are behind it
    for host in hosts:
        own = sorted(mac for mac in host.macs if seen[mac] == 1)
        lines.append(f"  - name: {_quoted(host.address)}")
        if "-" not in host.address:
            lines.append(f"    addresses: [{_quoted(host.address)}]")
        if own:
            lines.append(f"    macs: [{', '.join(map(_quoted, own))}]")
        lines.append(f"    role: {host.role}")
        lines += [f"    # {told}" for told in _comments(host)]
    return "\n".join(lines) + "\n"


def _comments(host: Host) -> list[str]:
    out = []
    if host.identity:
        out.append("; ".join(f"{name} {value}" for name, value in sorted(host.identity.items())))
    if host.answers:
        out.append("answers " + ", ".join(f"{name} ({count})" for name, count in sorted(host.answers.items())))
    if host.units - {"None"} and len(host.units) > 1:
        out.append(f"units {', '.join(sorted(host.units))}")
    if host.does:
        out.append("does " + ", ".join(f"{name} ({count})" for name, count in sorted(host.does.items())))
    return [_plain(text) for text in out]


def _plain(text: str) -> str:
    """One line that a terminal can be shown: identities are bytes that a device chose."""
    return "".join(char if char.isprintable() else "?" for char in text)[:500]


def _quoted(text: str) -> str:
    return f'"{text}"' if ":" in text or "-" in text else text
