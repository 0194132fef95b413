"""Which protocol a conversation speaks: by the server's port and the bytes, elsewhere by the bytes alone."""

from collections.abc import Sequence

from engine.framing.ip import TCP, UDP
from engine.model import LogFormat, ParseError

# Enough for any PDU header.
_ENOUGH = 4_096
# Fewer bytes may be a part of what a fingerprint needs.
_SHORT = 64
_MAX_SEGMENTS = 16


class Recognition:
    """Formats of streams and datagrams by port and by fingerprint, of what travels on Ethernet itself by EtherType."""

    def __init__(self, formats: Sequence[LogFormat]) -> None:
        self._ports: dict[tuple[int, int], list[LogFormat]] = {}
        self._certain: dict[int, list[LogFormat]] = {TCP: [], UDP: []}
        self._by_id = {format.id: format for format in formats}
        self._by_ethertype: dict[int, list[LogFormat]] = {}
        for format in formats:
            if format.transport == "ethernet":
                for port in format.ports:
                    self._by_ethertype.setdefault(port, []).append(format)
                continue
            protocols = []
            if format.transport in ("udp", "both"):
                protocols.append(UDP)
            if format.transport != "udp" and format.cut is not None:
                protocols.append(TCP)
            for protocol in protocols:
                for port in format.ports:
                    self._ports.setdefault((protocol, port), []).append(format)
                if format.fingerprint is not None:
                    self._certain[protocol].append(format)

    def format(self, name: str) -> LogFormat | None:
        return self._by_id.get(name)

    def of_ports(self, protocol: int, ports: tuple[int, int]) -> list[LogFormat]:
        """The formats at home on one of these ports."""
        one, two = self._ports.get((protocol, ports[0]), []), self._ports.get((protocol, ports[1]), [])
        return one + [format for format in two if format not in one]

    def of_stream(self, head: bytes, ports: tuple[int, int], first: bool) -> LogFormat | bool:
        """The format of a direction that starts with ``head``; True: more bytes will tell; False: none that we know.

        ``first``: these are its first bytes, where a port's own protocol needs no more than a PDU that starts.
        """
        likely = self.of_ports(TCP, ports)
        for format in likely:
            if format.fingerprint is not None and format.fingerprint(head):
                return format
        undecided = False
        for format in likely:
            length = length_of(format, head)
            if length == 0:
                continue
            if length is None:
                undecided = undecided or len(head) < _ENOUGH
            elif first or is_whole(format, head):
                return format
        if undecided:
            return True
        for format in self._certain[TCP]:
            if format.fingerprint is not None and format.fingerprint(head):
                return format
        return len(head) < _SHORT and any(may_start(format, head) for format in self._certain[TCP])

    def of_datagram(self, payload: bytes, ports: tuple[int, int]) -> LogFormat | None:
        likely = self.of_ports(UDP, ports)
        for format in likely:
            if format.fingerprint is not None and format.fingerprint(payload):
                return format
            if format.fingerprint is None:
                return format
        for format in likely:
            if is_whole(format, payload):
                return format
        for format in self._certain[UDP]:
            if format.fingerprint is not None and format.fingerprint(payload):
                return format
        return None

    def of_ethertype(self, kind: int, payload: bytes) -> LogFormat | None:
        for format in self._by_ethertype.get(kind, ()):
            if format.fingerprint is None or format.fingerprint(payload):
                return format
        return None


def length_of(format: LogFormat, head: bytes) -> int | None:
    """The length of the PDU at the start of ``head``; None: not yet known; 0: no PDU starts there."""
    if format.cut is None:
        return 0
    try:
        length = format.cut(head)
    except ParseError:
        return 0
    return length if length is None or length > 0 else 0


def is_whole(format: LogFormat, data: bytes) -> bool:
    """Whether ``data`` is one PDU after the other, to its last byte."""
    at = 0
    while at < len(data):
        length = length_of(format, data[at : at + _ENOUGH])
        if not length or at + length > len(data):
            return False
        at += length
    return at > 0


def whole_pdus(format: LogFormat, datagram: bytes) -> list[bytes]:
    """The PDUs of a datagram; what the format does not cut to the last byte is one."""
    out: list[bytes] = []
    at = 0
    while at < len(datagram):
        length = length_of(format, datagram[at:])
        if not length or at + length > len(datagram):
            return [datagram]
        out.append(datagram[at : at + length])
        at += length
    return out


def may_start(format: LogFormat, head: bytes) -> bool:
    """Whether more bytes may make a PDU of ``head``."""
    length = length_of(format, head)
    return len(head) < _ENOUGH and (length is None or len(head) < length <= _ENOUGH)


def resumption(format: LogFormat, segments: list[bytes]) -> tuple[int, bool]:
    """At which of the segments behind a loss reading goes on, and whether it can; their number: at none of them."""
    hopeful = len(segments)
    for at in range(max(0, hopeful - _MAX_SEGMENTS), len(segments)):
        head = b"".join(segments[at:])
        if resumes(format, head):
            return at, True
        if hopeful == len(segments) and may_start(format, head):
            hopeful = at
    return hopeful, False


def resumes(format: LogFormat, data: bytes) -> bool:
    """Whether reading may go on with ``data``, the start of a segment behind a loss."""
    if format.fingerprint is not None and format.fingerprint(data):
        return True
    return is_whole(format, data)


def client_side(format: LogFormat, ports: tuple[int, int], sender: int, payload: bytes) -> int:
    """Which side (0 or 1) is the client where no SYN was seen; ``sender`` sent ``payload``."""
    at_home = (ports[0] in format.ports, ports[1] in format.ports)
    if at_home[0] != at_home[1]:
        return 1 if at_home[0] else 0
    asks = format.asks(payload) if format.asks is not None else None
    if asks is not None:
        return sender if asks else 1 - sender
    if ports[0] != ports[1]:
        return 0 if ports[0] > ports[1] else 1
    return sender
