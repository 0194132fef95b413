"""One conversation, its two directions, and the packet that is being read."""

from collections.abc import Callable
from typing import Any, NamedTuple

from engine.framing.ip import address
from engine.framing.link import Vlans
from engine.framing.tcp import Direction, Segment
from engine.model import Flow, LogFormat


class Half:
    """What one side of a conversation sends. ``pieces`` is the start of a PDU, ``need`` the length that it takes."""

    __slots__ = ("attempts", "counted", "have", "known", "need", "other", "pieces", "side", "stream", "synced", "talk")

    def __init__(self, talk: "Talk", side: int, stats: dict[str, int]) -> None:
        self.talk = talk
        self.side = side
        self.stream = Direction(stats)
        self.other: Half = self
        self.pieces: list[bytes] = []
        self.have = 0
        self.need = 0
        self.known = False  # need is the PDU's length, not merely more than there is
        self.counted = 0
        self.attempts = 0
        self.synced = True

    def keep(self, rest: bytes, need: int, known: bool) -> None:
        """The start of a PDU waits for the rest of it."""
        self.pieces, self.have, self.need, self.known = [rest], len(rest), need, known


class Talk:
    """One conversation; side 0 sent its first packet. ``client`` is the side that opened it, None while unknown."""

    __slots__ = (
        "client", "closed", "ends", "flow", "format", "halves", "ignored", "interface", "last", "link", "number",
        "opened", "ports", "started", "vlans",
    )  # fmt: skip

    def __init__(self, ends: tuple[bytes, bytes], ports: tuple[int, int], number: int, stats: dict[str, int]) -> None:
        self.ends = ends
        self.ports = ports
        self.number = number
        self.halves = (Half(self, 0, stats), Half(self, 1, stats))
        self.halves[0].other, self.halves[1].other = self.halves[1], self.halves[0]
        self.client: int | None = None
        self.opened: int | None = None  # the sequence number of the SYN
        self.started = False  # a byte was seen
        self.closed = False
        self.ignored = False
        self.format: LogFormat | None = None
        self.flow: Flow | None = None
        self.last = 0
        self.vlans: Vlans = ()
        self.link: tuple[str | None, str | None] = (None, None)
        self.interface: str | None = None


class Seen(NamedTuple):
    """The packet that is being read, as far as it is not the transport's."""

    time: int
    number: int
    received: int
    position: int
    link_type: int
    data: bytes
    vlans: Vlans
    interface: str | None


def is_new(half: Half, sequence: int, answers: bool) -> bool:
    """Whether a SYN of this side opens another conversation on the same ports, and is not the old one's, sent again."""
    talk = half.talk
    if not talk.started:
        return False
    return talk.client != half.other.side if answers else talk.opened != sequence


def keys(talk: Talk) -> tuple[bytes, bytes]:
    one, two = (port.to_bytes(2, "big") for port in talk.ports)
    mark = b"u" if talk.flow is not None and talk.flow.transport == "udp" else b""
    return talk.ends[0] + talk.ends[1] + one + two + mark, talk.ends[1] + talk.ends[0] + two + one + mark


def flow(talk: Talk, transport: str) -> Flow:
    client = talk.client or 0
    server = 1 - client
    return Flow(
        client_ip=address(talk.ends[client]),
        client_port=talk.ports[client],
        server_ip=address(talk.ends[server]),
        server_port=talk.ports[server],
        transport=transport,
        client_mac=talk.link[client],
        server_mac=talk.link[server],
        vlan=talk.vlans,
        interface=talk.interface,
        number=talk.number,
    )


def stored(talk: Talk, key: bytes) -> list[Any]:
    """The conversation as a value that msgpack can carry."""
    halves = [
        [
            half.stream.next, half.stream.acknowledged, half.stream.lost,
            [[sequence, *segment] for sequence, segment in half.stream.held.items()],
            half.pieces, half.need, half.known, half.attempts, half.synced,
        ]
        for half in talk.halves
    ]  # fmt: skip
    return [
        key, talk.number, talk.client, talk.opened, talk.started, talk.closed, talk.ignored,
        talk.format.id if talk.format is not None else None, talk.flow is not None, talk.last, talk.vlans, talk.link,
        talk.interface, halves,
    ]  # fmt: skip


def talk_of(state: list[Any], format: Callable[[str], LogFormat | None], stats: dict[str, int]) -> tuple[Talk, bytes]:
    key, number, client, opened, started, closed, ignored, name, has_flow, last, vlans, link, interface, halves = state
    middle = (len(key) - 4) // 2
    ports = (int.from_bytes(key[2 * middle :][:2], "big"), int.from_bytes(key[2 * middle + 2 :][:2], "big"))
    talk = Talk((key[:middle], key[middle : 2 * middle]), ports, number, stats)
    talk.client, talk.opened, talk.started, talk.closed, talk.ignored = client, opened, started, closed, ignored
    talk.format = format(name) if name is not None else None
    talk.last, talk.vlans, talk.link, talk.interface = last, tuple(vlans), (link[0], link[1]), interface
    if has_flow:
        talk.flow = flow(talk, "udp" if len(key) % 2 else "tcp")
    for half, (expected, acknowledged, lost, held, pieces, need, known, attempts, synced) in zip(
        talk.halves, halves, strict=True
    ):
        stream = half.stream
        stream.next, stream.acknowledged, stream.lost = expected, acknowledged, lost
        stream.held = {sequence: Segment(data, time, missing) for sequence, data, time, missing in held}
        stream.held_bytes = sum(len(segment.data) for segment in stream.held.values())
        half.pieces, half.have, half.need = list(pieces), sum(map(len, pieces)), need
        half.known, half.attempts, half.synced = known, attempts, synced
    return talk, key
