"""Captures: bytes of pcap and pcapng files, or of live capture → the PDUs of the protocols in them."""

from collections.abc import Sequence
from typing import Any

from engine.framing.capture_file import CaptureFile, Packet, is_capture
from engine.framing.conversations import Conversations
from engine.framing.ip import Fragments, datagram
from engine.framing.link import LINK_TYPES, macs, network, without_ip
from engine.framing.recognition import Recognition
from engine.framing.talk import Seen
from engine.model import Chunk, Flow, Frame, LogFormat

__all__ = ["Capture", "is_capture"]

_MAX_PROBLEMS = 100
_SAME_CLOCK_NS = 3_600_000_000_000


class _Stream:
    """One capture file, or one live capture."""

    def __init__(
        self, source: str, name: str, offset: int, conversations: Conversations, stats: dict[str, int]
    ) -> None:
        self.source = source
        self.name = name
        self.file = CaptureFile(offset)
        self.conversations = conversations
        self.fragments = Fragments(stats)
        self.number = 0
        self.time: int | None = None
        self.reported = False


class Capture:
    """``feed`` gives the PDUs that a chunk completes. A damaged or truncated file gives what it holds, and a problem.

    ``sequence`` of a frame is ``frame number << 16 | index``: the packet that completed the PDU, counted from 1 as
    Wireshark does. ``problems`` names the first hundred things that stopped the reading of a stream.
    """

    def __init__(
        self,
        formats: Sequence[LogFormat],
        *,
        max_conversations: int = 32_768,
        max_buffered: int = 64 * 1024 * 1024,
        max_pdu: int = 1024 * 1024,
    ) -> None:
        self._recognition = Recognition(formats)
        self._max_conversations = max_conversations
        self._max_buffered = max_buffered
        self._max_pdu = max_pdu
        self._streams: dict[tuple[str, str], _Stream] = {}
        self.problems: list[str] = []
        self.stats = dict.fromkeys(
            (
                "packets", "bytes", "not_ip", "unknown_link_type", "headers_cut", "fragments", "fragments_lost",
                "conversations", "recognised", "not_the_ports_protocol", "conversations_evicted", "retransmissions",
                "gaps", "out_of_step", "bytes_skipped", "pdus", "pdus_lost", "pdus_truncated",
                "buffers_evicted", "problems",
            ),
            0,
        )  # fmt: skip

    def feed(self, chunk: Chunk) -> list[Frame]:
        key = (chunk.source, chunk.stream)
        stream = self._streams.get(key)
        if stream is None:
            stream = self._streams[key] = self._open(chunk.source, chunk.stream, chunk.offset)
        out: list[Frame] = []
        for packet in stream.file.feed(chunk.payload):
            self._packet(stream, packet, chunk.received, out)
        self._report(stream, chunk)
        if chunk.end:
            out += self._end(key, chunk)
        return out

    def expire(self, now: int | None) -> list[Frame]:
        """``now`` is a packet's time; None: nothing more will come of what has begun.

        A time more than an hour from the last packet's is another clock (an old file, read today) and changes nothing.
        """
        out: list[Frame] = []
        for stream in self._streams.values():
            if now is not None and (stream.time is None or abs(now - stream.time) > _SAME_CLOCK_NS):
                continue
            stream.fragments.expire(now)
            out += stream.conversations.expire(now)
        return out

    def close(self) -> list[Frame]:
        """The input has ended: what is left."""
        out: list[Frame] = []
        for source, name in list(self._streams):
            out += self._end((source, name), Chunk(payload=b"", source=source, stream=name))
        return out

    def positions(self) -> dict[tuple[str, str], int]:
        """Source and stream → the offset from which a source that resumes must deliver to a restored state."""
        return {key: stream.file.offset for key, stream in self._streams.items()}

    def snapshot(self) -> Any:
        """What has begun, as a value that msgpack can carry; fragments of IP datagrams are left out."""
        return [
            [*key, stream.file.offset, stream.file.header, stream.number, stream.time, stream.conversations.snapshot()]
            for key, stream in self._streams.items()
            if stream.file.problem is None
        ]

    def restore(self, state: Any) -> None:
        for source, name, offset, header, number, time, conversations in state:
            stream = self._open(source, name, offset - len(header))
            stream.file.feed(header)
            stream.number, stream.time = number, time
            stream.conversations.restore(conversations)
            self._streams[source, name] = stream

    def _open(self, source: str, name: str, offset: int) -> _Stream:
        conversations = Conversations(
            self._recognition,
            source,
            name,
            self.stats,
            max_conversations=self._max_conversations,
            max_buffered=self._max_buffered,
            max_pdu=self._max_pdu,
        )
        return _Stream(source, name, offset, conversations, self.stats)

    def _packet(self, stream: _Stream, packet: Packet, received: int, out: list[Frame]) -> None:
        stats = self.stats
        stats["packets"] += 1
        stats["bytes"] += len(packet.data)
        stream.number += 1
        time = packet.time
        if time is None:  # a Simple Packet Block has none: that of the packet before it
            time = stream.time if stream.time is not None else received
        stream.time = time
        found = network(packet.link_type, packet.data)
        if found is None:
            self._without_ip(stream, packet, time, received, out)
            return
        offset, vlans = found
        part = datagram(packet.data, offset)
        if part is not None and part.piece is not None:
            part = stream.fragments.join(part, time)
        if part is None:
            return
        seen = Seen(time, stream.number, received, packet.end, packet.link_type, packet.data, vlans, packet.interface)
        stream.conversations.packet(part, seen, out)

    def _without_ip(self, stream: _Stream, packet: Packet, time: int, received: int, out: list[Frame]) -> None:
        found = without_ip(packet.link_type, packet.data)
        if found is not None:
            kind, start, vlans = found
            payload = packet.data[start:]
            format = self._recognition.of_ethertype(kind, payload)
            if format is not None:
                sender, receiver = macs(packet.link_type, packet.data)
                self.stats["pdus"] += 1
                out.append(
                    Frame(
                        payload=payload,
                        source=stream.source,
                        stream=stream.name,
                        received=received,
                        sequence=stream.number << 16,
                        position=packet.end,
                        format=format.id,
                        time=time,
                        flow=Flow("", 0, "", 0, "ethernet", sender, receiver, vlan=vlans, interface=packet.interface),
                    )
                )
                return
        self.stats["not_ip" if packet.link_type in LINK_TYPES else "unknown_link_type"] += 1

    def _report(self, stream: _Stream, chunk: Chunk) -> None:
        if stream.file.problem is not None and not stream.reported:
            stream.reported = True
            self.stats["problems"] += 1
            if len(self.problems) < _MAX_PROBLEMS:
                self.problems.append(f"{chunk.stream or chunk.source}: {stream.file.problem}")

    def _end(self, key: tuple[str, str], chunk: Chunk) -> list[Frame]:
        stream = self._streams.pop(key)
        stream.file.close()
        self._report(stream, chunk)
        stream.fragments.expire(None)
        return stream.conversations.expire(None)
