"""One record, still as bytes."""

from datetime import tzinfo
from typing import Any

import msgspec


class Flow(msgspec.Struct, frozen=True, gc=False):
    """Who talks to whom in the conversation that a PDU belongs to: the client opened it, whoever sent the PDU.

    ``number`` (the frame number of its first packet) tells apart conversations that use the same ports one after
    another. On ``transport`` "ethernet" there are no addresses of IP and no ports: ``client_mac`` is the sender of the
    frame, ``server_mac`` its receiver, and all frames of a capture belong to one conversation.
    """

    client_ip: str
    client_port: int
    server_ip: str
    server_port: int
    transport: str = "tcp"
    client_mac: str | None = None
    server_mac: str | None = None
    vlan: tuple[int, ...] = ()
    interface: str | None = None
    number: int = 0


class Frame(msgspec.Struct, gc=False):
    """A log record or a protocol data unit.

    ``received`` is the time of receipt in nanoseconds (for a file: the reference time, else the file's time).
    ``sequence`` orders the records of one source (offset; for a PDU ``frame number << 16 | index``); ``position`` is
    the stream offset behind this record, from which reading goes on. ``time`` is set where the transport knows it
    (packets).
    ``text`` and ``opened`` are set by ``engine.parsing``: the record as text (inside an envelope: the message), and
    what the envelope said; ``header`` holds the header lines above it.
    ``instead`` is set where a conversation on the port of ``format`` is not in that protocol: the format that it is in,
    or empty where none knows it.
    """

    payload: bytes
    source: str
    stream: str = ""
    received: int = 0
    sequence: int = 0
    position: int = 0
    peer: str | None = None
    zone: tzinfo | None = None
    format: str | None = None
    time: int | None = None
    flow: Flow | None = None
    from_client: bool = True
    truncated: bool = False
    text: str = ""
    opened: Any = None
    header: tuple[bytes, ...] = ()
    instead: str | None = None
