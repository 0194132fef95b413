"""Who talks to whom over TCP and UDP, in which protocol, and where each PDU starts and ends."""

import struct
from typing import Any

from engine.framing.ip import TCP, UDP, Datagram
from engine.framing.link import macs
from engine.framing.recognition import Recognition, client_side, resumption, whole_pdus
from engine.framing.talk import Half, Seen, Talk, flow, is_new, keys, stored, talk_of
from engine.framing.tcp import PATIENCE_NS, Piece
from engine.model import Frame, LogFormat, ParseError

_TCP = struct.Struct(">IIH").unpack_from
_UDP = struct.Struct(">HHH").unpack_from
_FIN, _SYN, _RST, _ACK = 0x01, 0x02, 0x04, 0x10

_SWEEP_NS = 60_000_000_000
_SWEEP_PACKETS = 10_000
_IDLE_NS = 3_600_000_000_000
_CLOSED_NS = 60_000_000_000
# So many segments of each direction are looked at before a conversation on a port that no format names is let go.
_ATTEMPTS = 8
_LAST_INDEX = 0xFFFF
_SHOWN = 256  # bytes of what is spoken in another protocol's place


class Conversations:
    """The conversations of one capture.

    A PDU has the time of the segment that completed it. After a loss the next PDU is one at the start of a segment that
    the format's ``fingerprint`` accepts, or that it cuts into whole PDUs.
    """

    def __init__(
        self,
        recognition: Recognition,
        source: str,
        stream: str,
        stats: dict[str, int],
        *,
        max_conversations: int,
        max_buffered: int,
        max_pdu: int,
    ) -> None:
        self._recognition = recognition
        self._source = source
        self._stream = stream
        self._stats = stats
        self._max = max_conversations
        self._max_buffered = max_buffered
        self._max_pdu = max_pdu
        self._buffered = 0
        self._halves: dict[bytes, Half] = {}
        self._holding: set[Half] = set()
        self._looked = 0
        self._swept = 0
        self._swept_at = 0
        self._index = 0
        self._seen = Seen(0, 0, 0, 0, 0, b"", (), None)
        self._out: list[Frame] = []

    def packet(self, part: Datagram, seen: Seen, out: list[Frame]) -> None:
        """The frames that this packet completes are appended to ``out``."""
        self._seen, self._out, self._index = seen, out, 0
        if part.protocol == TCP:
            self._tcp(part, seen)
        elif part.protocol == UDP:
            self._udp(part, seen)
        if self._holding and abs(seen.time - self._looked) > PATIENCE_NS:
            self._looked = seen.time
            self._hurry(seen.time)
        if seen.number - self._swept_at > _SWEEP_PACKETS or len(self._halves) > 2 * self._max:
            self._sweep(seen)

    def _tcp(self, part: Datagram, seen: Seen) -> None:
        start, end, data, time = part.start, part.end, part.data, seen.time
        if end - start < 20:
            self._stats["headers_cut"] += 1
            return
        sequence, acknowledged, word = _TCP(data, start + 4)
        begin = start + (word >> 12) * 4
        key = part.addresses + data[start : start + 4]
        half = self._halves.get(key)
        if word & _SYN:
            half = self._synchronise(half, key, word, sequence)
            sequence = (sequence + 1) & 0xFFFFFFFF
        elif half is None:
            if begin >= end:
                return  # an acknowledgement alone opens nothing
            half = self._open(key)
        talk = half.talk
        talk.last = time
        if talk.ignored:
            return
        if word & _ACK:
            stream = half.other.stream
            if stream.held:
                self._read(half.other, stream.acknowledge(acknowledged, time))
            else:
                stream.acknowledged = acknowledged
        if begin < end:
            missing = part.length - (end - start)
            self._read(half, half.stream.take(sequence, data[begin:end], time, missing))
        if word & (_FIN | _RST):
            talk.closed = True
            if word & _RST:
                for side in talk.halves:
                    while side.stream.held:
                        self._read(side, side.stream.give_up(time))

    def _synchronise(self, half: Half | None, key: bytes, word: int, sequence: int) -> Half:
        answers = bool(word & _ACK)
        if half is not None and is_new(half, sequence, answers):
            self._finish(half.talk)
            half = None
        if half is None:
            half = self._open(key)
        if not half.talk.started:
            half.stream.next = (sequence + 1) & 0xFFFFFFFF
        half.talk.client = half.other.side if answers else half.side
        if not answers:
            half.talk.opened = sequence
        return half

    def _open(self, key: bytes) -> Half:
        seen = self._seen
        middle = (len(key) - 4) // 2  # "u" behind the ports of UDP does not shift it
        source, destination = key[:middle], key[middle : 2 * middle]
        one, two = key[2 * middle : 2 * middle + 2], key[2 * middle + 2 : 2 * middle + 4]
        ports = (int.from_bytes(one, "big"), int.from_bytes(two, "big"))
        talk = Talk((source, destination), ports, seen.number, self._stats)
        talk.vlans, talk.interface = seen.vlans, seen.interface
        talk.link = macs(seen.link_type, seen.data)
        talk.last = seen.time
        self._halves[key] = talk.halves[0]
        self._halves[destination + source + two + one + key[2 * middle + 4 :]] = talk.halves[1]
        self._stats["conversations"] += 1
        return talk.halves[0]

    def _read(self, half: Half, pieces: list[Piece]) -> None:
        talk = half.talk
        for piece in pieces:
            talk.started = True
            data = piece.data
            if piece.after_gap:
                self._lose(half)
            if talk.format is None or not half.synced:
                if not (self._recognise(half, data) if talk.format is None else self._resume(half, talk.format, data)):
                    if piece.missing:
                        self._lose(half)
                    continue
                data = b"".join(half.pieces)
                half.pieces, half.have = [], 0
            if talk.format is not None:
                self._cut(half, talk.format, data, piece.time)
            if piece.missing:
                self._cut_short(half, piece)
        if half.stream.held:
            self._holding.add(half)
        else:
            self._holding.discard(half)
        held = half.have + half.stream.held_bytes
        if held != half.counted:
            self._buffered += held - half.counted
            half.counted = held
            if self._buffered > self._max_buffered:
                self._relieve()

    def _recognise(self, half: Half, data: bytes) -> bool:
        talk = half.talk
        half.pieces.append(data)
        half.have += len(data)
        head = b"".join(half.pieces) if len(half.pieces) > 1 else data
        found = self._recognition.of_stream(head, talk.ports, half.attempts == 0)
        if len(half.pieces) > 1 and not isinstance(found, LogFormat):
            alone = self._recognition.of_stream(data, talk.ports, False)
            if isinstance(alone, LogFormat) or not found:  # what waited was no start; this segment may be one
                self._stats["bytes_skipped"] += half.have - len(data)
                found, half.pieces, half.have, head = alone, [data], len(data), data
        if found is True:
            return False
        if talk.opened is not None and not half.attempts and not half.other.attempts:
            self._compare(half, head, found)
        if found is False:
            half.pieces, half.have = [], 0
            half.attempts += 1
            if half.attempts + half.other.attempts >= _ATTEMPTS and not self._recognition.of_ports(TCP, talk.ports):
                talk.ignored = True
            if half.attempts == 1 and self._recognition.of_ports(TCP, talk.ports):
                self._stats["not_the_ports_protocol"] += 1
            return False
        talk.format = found
        half.synced = True
        half.other.synced = talk.opened is not None and half.other.attempts == 0
        waiting, half.other.pieces, half.other.have = half.other.pieces, [], 0
        if talk.client is None:
            talk.client = client_side(found, talk.ports, half.side, head)
        if waiting and half.other.synced:
            self._cut(half.other, found, b"".join(waiting), self._seen.time)
        elif waiting:
            self._stats["bytes_skipped"] += sum(map(len, waiting))
        self._stats["recognised"] += 1
        return True

    def _resume(self, half: Half, format: LogFormat, data: bytes) -> bool:
        """Whether a PDU starts at a segment behind a loss; ``half.pieces`` are those that may be its start."""
        half.pieces.append(data)
        at, half.synced = resumption(format, half.pieces)
        self._stats["bytes_skipped"] += sum(map(len, half.pieces[:at]))
        half.pieces = half.pieces[at:]
        half.have = sum(map(len, half.pieces))
        return half.synced

    def _compare(self, half: Half, head: bytes, found: LogFormat | bool) -> None:
        """A conversation seen from its start that is not in the protocol of its port is told, once."""
        likely = self._recognition.of_ports(TCP, half.talk.ports)
        if not likely or found in likely:
            return
        if half.talk.client is None:
            half.talk.client = half.side
        self._emit(half, likely[0], head[:_SHOWN], self._seen.time)
        self._out[-1].instead = found.id if isinstance(found, LogFormat) else ""

    def _cut(self, half: Half, format: LogFormat, data: bytes, time: int) -> None:
        if half.pieces:
            half.pieces.append(data)
            half.have += len(data)
            if half.have < half.need:
                return
            data = b"".join(half.pieces)
            half.pieces, half.have = [], 0
        if format.cut is None:
            return
        at, size = 0, len(data)
        while at < size:
            try:
                length = format.cut(memoryview(data)[at:] if at else data)
            except ParseError:
                length = 0
            if length is None:
                half.keep(data[at:], size - at + 1, False)
                return
            if length <= 0 or length > self._max_pdu:
                self._stats["out_of_step"] += 1
                self._stats["bytes_skipped"] += size - at
                half.synced = False
                return
            if length > size - at:
                half.keep(data[at:], length, True)
                return
            self._emit(half, format, data[at : at + length] if length != size else data, time)
            at += length

    def _cut_short(self, half: Half, piece: Piece) -> None:
        """The capture kept only the head of a packet: its last PDU becomes a frame as far as it goes, ``truncated``."""
        format = half.talk.format
        if format is None or not half.pieces or not half.known:
            self._lose(half)
            return
        self._emit(half, format, b"".join(half.pieces), piece.time, truncated=True)
        self._stats["pdus_truncated"] += 1
        half.synced = half.have + piece.missing == half.need
        half.pieces, half.have = [], 0

    def _emit(self, half: Half, format: LogFormat, pdu: bytes, time: int, *, truncated: bool = False) -> None:
        talk, seen = half.talk, self._seen
        if talk.flow is None:
            talk.flow = flow(talk, "tcp")
        self._stats["pdus"] += 1
        self._out.append(
            Frame(
                payload=pdu,
                source=self._source,
                stream=self._stream,
                received=seen.received,
                sequence=seen.number << 16 | self._index,
                position=seen.position,
                format=format.id,
                time=time,
                flow=talk.flow,
                from_client=half.side == talk.client,
                truncated=truncated,
            )
        )
        if self._index < _LAST_INDEX:
            self._index += 1

    def _udp(self, part: Datagram, seen: Seen) -> None:
        start, data = part.start, part.data
        if part.end - start < 8:
            self._stats["headers_cut"] += 1
            return
        source_port, port, length = _UDP(data, start)
        payload = data[start + 8 : min(part.end, start + length) if length >= 8 else part.end]
        key = part.addresses + data[start : start + 4] + b"u"
        half = self._halves.get(key)
        if half is None:
            format = self._recognition.of_datagram(payload, (source_port, port))
            if format is None:
                return
            half = self._open(key)
            half.talk.format = format
            half.talk.client = client_side(format, half.talk.ports, 0, payload)
            half.talk.flow = flow(half.talk, "udp")
        talk = half.talk
        talk.last = seen.time
        if payload and talk.format is not None:
            for pdu in whole_pdus(talk.format, payload):
                self._emit(half, talk.format, pdu, seen.time)

    def _lose(self, half: Half) -> None:
        """Bytes are missing: the PDU that had begun is lost, and reading goes on at the next that starts a segment."""
        if half.pieces:
            self._stats["pdus_lost"] += half.synced
            self._stats["bytes_skipped"] += half.have
            half.pieces, half.have = [], 0
        half.synced = False

    def _finish(self, talk: Talk) -> None:
        for half in talk.halves:
            while half.stream.held:
                self._read(half, half.stream.give_up(self._seen.time))
            if half.pieces:
                self._lose(half)
            self._buffered -= half.counted
            half.counted = 0
            self._holding.discard(half)

    def expire(self, now: int | None) -> list[Frame]:
        """What waits for missing segments since long is read without them; None: the capture has ended."""
        self._out, self._index = [], 0
        if now is None:
            for talk in self._talks():
                self._finish(talk)
            self._halves.clear()
            return self._out
        self._hurry(now)
        return self._out

    def _hurry(self, now: int) -> None:
        for half in list(self._holding):
            since = half.stream.waits_since()
            if since is not None and now - since > PATIENCE_NS:
                self._read(half, half.stream.give_up(now))

    def snapshot(self) -> Any:
        return [stored(talk, keys(talk)[0]) for talk in self._talks()]

    def restore(self, state: Any) -> None:
        for one in state:
            talk, key = talk_of(one, self._recognition.format, self._stats)
            self._halves[key] = talk.halves[0]
            self._halves[keys(talk)[1]] = talk.halves[1]
            for half in talk.halves:
                half.counted = half.have + half.stream.held_bytes
                self._buffered += half.counted
                if half.stream.held:
                    self._holding.add(half)

    def _talks(self) -> list[Talk]:
        return [half.talk for half in self._halves.values() if half.side == 0]

    def _sweep(self, seen: Seen) -> None:
        self._swept_at = seen.number
        if abs(seen.time - self._swept) < _SWEEP_NS and len(self._halves) <= 2 * self._max:
            return
        self._swept = seen.time
        for talk in self._talks():
            if seen.time - talk.last > (_CLOSED_NS if talk.closed else _IDLE_NS):
                self._forget(talk)
        if len(self._halves) > 2 * self._max:
            # A scan opens many conversations and says nothing in them: those go first.
            talks = self._talks()
            talks.sort(key=lambda talk: (talk.format is not None, talk.started, talk.last))
            for talk in talks[: len(talks) // 4 + 1]:
                self._stats["conversations_evicted"] += 1
                self._forget(talk)

    def _forget(self, talk: Talk) -> None:
        self._finish(talk)
        for key in keys(talk):
            held = self._halves.get(key)
            if held is not None and held.talk is talk:
                del self._halves[key]

    def _relieve(self) -> None:
        for half in sorted(self._halves.values(), key=lambda half: -half.counted):
            if self._buffered <= self._max_buffered * 3 // 4:
                break
            self._stats["buffers_evicted"] += 1
            self._lose(half)
            half.stream.drop()
            self._holding.discard(half)
            self._buffered -= half.counted
            half.counted = 0
