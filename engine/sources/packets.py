"""Packets of a network interface, live (Linux, packet(7)).

They leave as the bytes of a pcap file with nanoseconds, so that the framing of captures reads them.
"""

import errno
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping

from engine.config.sources import PacketSource
from engine.model import Chunk
from engine.sources.errors import SourceError

_ETH_P_ALL = 0x0003
_SOL_PACKET = 263
_PACKET_ADD_MEMBERSHIP, _PACKET_STATISTICS, _PACKET_AUXDATA = 1, 6, 8
_PACKET_MR_PROMISC = 1
_PACKET_OUTGOING = 4
_SO_TIMESTAMPNS = 35
_SO_RCVBUFFORCE = 33
_VLAN_VALID, _VLAN_TPID_VALID = 1 << 4, 1 << 6

# What the interface's hardware type (ARPHRD_…) puts before the IP header, as a pcap link type: Ethernet and loopback
# an Ethernet header, tunnels and PPP nothing.
_LOOPBACK = 772
_LINK_TYPES = {1: 1, _LOOPBACK: 1, 512: 101, 65534: 101}

_SNAP = 262_144
_BUFFER = 16 * 1024 * 1024
_BATCH_PACKETS = 512
_BATCH_BYTES = 1 << 20
_IDLE_SECONDS = 0.25
_STATISTICS_NS = 1_000_000_000

_TIMESPEC = struct.Struct("@qq")
_AUXDATA = struct.Struct("@IIIHHHH")
_RECORD = struct.Struct("<IIII").pack
_ANCILLARY = socket.CMSG_SPACE(_TIMESPEC.size) + socket.CMSG_SPACE(_AUXDATA.size)


class Packets:
    """Every packet of one interface once. ``stats["kernel_drops"]`` counts what came faster than it was read."""

    def __init__(self, settings: PacketSource) -> None:
        self.name = settings.name
        self.settings = settings
        self.ready = threading.Event()
        self._interface = settings.interface
        self._offset = 0
        self._asked = 0
        self.stats = {"packets": 0, "bytes": 0, "kernel_drops": 0, "interface_down": 0}

    def resume(self, positions: Mapping[str, int]) -> None:
        """Nothing: what was on the wire is gone."""

    def waiting(self, stream: str) -> bool:
        """Packets are not asked for again."""
        return False

    def run(self, put: Callable[[list[Chunk]], None], stop: threading.Event) -> None:
        """Reads until ``stop`` is set; ``put`` may block, and the kernel's buffer bridges that."""
        with self._open() as channel:
            hardware = channel.getsockname()[3]
            link_type = _LINK_TYPES.get(hardware)
            if link_type is None:
                raise SourceError(f"{self.name}: interface {self._interface} is no Ethernet (hardware type {hardware})")
            self._offset = 0
            put([self._chunk(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, _SNAP, link_type))])
            self.ready.set()
            while not stop.is_set():
                records = self._records(channel, hardware == _LOOPBACK)
                if records:
                    put([self._chunk(b"".join(records))])
                self._count_drops(channel)
            self._asked = 0
            self._count_drops(channel)
            put([self._chunk(b"", end=True)])

    def _open(self) -> socket.socket:
        try:
            channel = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        except PermissionError:
            raise SourceError(
                f"{self.name}: live capture is not permitted: it needs CAP_NET_RAW "
                "(AmbientCapabilities=CAP_NET_RAW in a systemd unit, cap_add: [NET_RAW] in a container)"
            ) from None
        try:
            _enlarge(channel)
            channel.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            channel.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
            channel.bind((self._interface, _ETH_P_ALL))
            if self.settings.promiscuous:
                index = socket.if_nametoindex(self._interface)
                membership = struct.pack("@iHH8s", index, _PACKET_MR_PROMISC, 0, b"")
                channel.setsockopt(_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, membership)
            channel.settimeout(_IDLE_SECONDS)
        except OSError as problem:
            channel.close()
            known = ", ".join(name for _, name in socket.if_nameindex())
            raise SourceError(
                f"{self.name}: cannot capture on interface {self._interface!r}: {problem.strerror} (there are: {known})"
            ) from None
        return channel

    def _records(self, channel: socket.socket, loopback: bool) -> list[bytes]:
        """One batch: waits for the first packet, takes what is there already."""
        records: list[bytes] = []
        size, flags = 0, 0
        while len(records) < 2 * _BATCH_PACKETS and size < _BATCH_BYTES:
            try:
                data, ancillary, _, sender = channel.recvmsg(_SNAP, _ANCILLARY, flags)
            except (TimeoutError, BlockingIOError):
                break
            except OSError as problem:
                if problem.errno != errno.ENETDOWN:
                    raise SourceError(f"{self.name}: interface {self._interface}: {problem.strerror}") from None
                self.stats["interface_down"] += 1
                break
            flags = socket.MSG_DONTWAIT
            # The loopback interface shows each packet twice, going out and coming in.
            if loopback and sender[2] == _PACKET_OUTGOING:
                continue
            when, data = _restored(data, ancillary)
            records.append(_RECORD(when // 1_000_000_000, when % 1_000_000_000, len(data), len(data)))
            records.append(data)
            size += len(data)
        self.stats["packets"] += len(records) // 2
        self.stats["bytes"] += size
        return records

    def _chunk(self, payload: bytes, *, end: bool = False) -> Chunk:
        offset = self._offset
        self._offset += len(payload)
        return Chunk(
            payload=payload,
            source=self.name,
            stream=self._interface,
            received=time.time_ns(),
            offset=offset,
            end=end,
        )

    def _count_drops(self, channel: socket.socket) -> None:
        now = time.monotonic_ns()
        if now - self._asked < _STATISTICS_NS and self._asked:
            return
        self._asked = now
        # Reading the statistics sets them to zero.
        _, drops = struct.unpack("@II", channel.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
        self.stats["kernel_drops"] += drops


def _enlarge(channel: socket.socket) -> None:
    try:
        channel.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
    except PermissionError:  # beyond rmem_max only with CAP_NET_ADMIN
        channel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)


def _restored(data: bytes, ancillary: list[tuple[int, int, bytes]]) -> tuple[int, bytes]:
    """The time of the packet, and the packet with the VLAN tag that the network card took out."""
    when = 0
    for level, kind, value in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(value) == _TIMESPEC.size:
            seconds, fraction = _TIMESPEC.unpack(value)
            when = seconds * 1_000_000_000 + fraction
        elif level == _SOL_PACKET and kind == _PACKET_AUXDATA and len(value) == _AUXDATA.size:
            status, _, _, _, _, tag, protocol = _AUXDATA.unpack(value)
            if status & _VLAN_VALID:
                kind_of_tag = protocol if status & _VLAN_TPID_VALID else 0x8100
                data = data[:12] + struct.pack(">HH", kind_of_tag, tag) + data[12:]
    return when or time.time_ns(), data
