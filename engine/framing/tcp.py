"""One direction of a TCP connection, put back in order (RFC 9293).

Loss in the capture is not loss on the wire: what the receiver acknowledged and we never saw is a gap, and reading goes
on behind it. Of overlapping segments the first one seen stands.
"""

from typing import NamedTuple

_MASK = 0xFFFFFFFF
_HALF = 0x80000000

# A sender has at most a window under way; whatever lies farther off belongs to another connection on the same ports.
_WINDOW = 1 << 24
_MAX_HELD_SEGMENTS = 256
_MAX_HELD_BYTES = 1 << 18
# Without the other side's acknowledgements only time tells: longer than the usual first retransmission timeouts.
PATIENCE_NS = 2_000_000_000


class Piece(NamedTuple):
    """``after_gap``: bytes before it are lost. ``missing``: so many bytes behind it were sent and not captured."""

    data: bytes
    time: int
    after_gap: bool
    missing: int = 0


class Segment(NamedTuple):
    data: bytes
    time: int
    missing: int


def ahead(sequence: int, reference: int) -> int:
    """How far ``sequence`` lies ahead of ``reference``, negative where behind, over the wrap of 32 bits.

    >>> ahead(4, 0xFFFFFFFE), ahead(0xFFFFFFFE, 4)
    (6, -6)
    """
    return ((sequence - reference + _HALF) & _MASK) - _HALF


class Direction:
    """``next`` is the sequence number expected, None before the first; ``held`` waits for what is missing."""

    __slots__ = ("acknowledged", "held", "held_bytes", "lost", "next", "stats")

    def __init__(self, stats: dict[str, int]) -> None:
        self.stats = stats
        self.next: int | None = None
        self.acknowledged: int | None = None
        self.held: dict[int, Segment] = {}
        self.held_bytes = 0
        self.lost = False  # the next piece comes after a gap

    def take(self, sequence: int, data: bytes, time: int, missing: int = 0) -> list[Piece]:
        """What can be read now that this segment has come."""
        expected = self.next
        if expected is None:
            self.next = (sequence + len(data) + missing) & _MASK
            return [Piece(data, time, False, missing)]
        distance = ahead(sequence, expected)
        if distance == 0 and not self.held:
            self.next = (sequence + len(data) + missing) & _MASK
            after_gap, self.lost = self.lost, False
            return [Piece(data, time, after_gap, missing)]
        if not -_WINDOW < distance < _WINDOW:
            return self._jump(sequence, data, time, missing)
        if distance + len(data) + missing <= 0:
            self.stats["retransmissions"] += 1
            return []
        self._hold(sequence, data, time, missing)
        pieces = self._drain(time, False)
        if self.held and (self._is_acknowledged() or self._is_too_much(time)):
            pieces += self.give_up(time)
        return pieces

    def acknowledge(self, number: int, time: int) -> list[Piece]:
        """The other side has all bytes before ``number``: if they are still missing here they never come."""
        self.acknowledged = number
        if self.held and self._is_acknowledged():
            return self.give_up(time)
        return []

    def give_up(self, time: int) -> list[Piece]:
        """Reads on behind the first gap, and behind further ones that are known to be gaps."""
        pieces: list[Piece] = []
        while self.held and self.next is not None:
            expected = self.next
            start = min(self.held, key=lambda sequence: ahead(sequence, expected))
            if self._is_acknowledged() and self.acknowledged is not None and ahead(self.acknowledged, start) < 0:
                start = self.acknowledged
            self.next = start
            self.lost = True
            self.stats["gaps"] += 1
            pieces += self._drain(time, True)
            if not self._is_acknowledged() and not self._is_too_much(time):
                break
        return pieces

    def drop(self) -> None:
        """Forgets what is held: it becomes a gap."""
        self.held.clear()
        self.held_bytes = 0

    def waits_since(self) -> int | None:
        return min((segment.time for segment in self.held.values()), default=None)

    def _hold(self, sequence: int, data: bytes, time: int, missing: int) -> None:
        known = self.held.get(sequence)
        if known is not None:
            if len(known.data) >= len(data):
                self.stats["retransmissions"] += 1
                return
            self.held_bytes -= len(known.data)
        self.held[sequence] = Segment(data, time, missing)
        self.held_bytes += len(data)

    def _drain(self, time: int, behind_gap: bool) -> list[Piece]:
        # Held bytes that a late segment makes readable reached the receiver's application with that segment; behind a
        # gap of the capture they had been readable when they came.
        pieces: list[Piece] = []
        while self.held and self.next is not None:
            expected = self.next
            sequence = min(self.held, key=lambda held: ahead(held, expected))
            distance = ahead(sequence, expected)
            if distance > 0:
                break
            segment = self.held.pop(sequence)
            self.held_bytes -= len(segment.data)
            if distance + len(segment.data) + segment.missing <= 0:
                self.stats["retransmissions"] += 1
                continue
            when = segment.time if behind_gap else time
            pieces.append(Piece(segment.data[-distance:], when, self.lost, segment.missing))
            self.lost = False
            self.next = (sequence + len(segment.data) + segment.missing) & _MASK
        return pieces

    def _jump(self, sequence: int, data: bytes, time: int, missing: int) -> list[Piece]:
        pieces: list[Piece] = []
        while self.held:
            pieces += self.give_up(time)
        self.stats["gaps"] += 1
        self.lost = False
        self.next = (sequence + len(data) + missing) & _MASK
        pieces.append(Piece(data, time, True, missing))
        return pieces

    def _is_acknowledged(self) -> bool:
        if self.acknowledged is None or self.next is None:
            return False
        return 0 < ahead(self.acknowledged, self.next) < _WINDOW

    def _is_too_much(self, time: int) -> bool:
        if len(self.held) > _MAX_HELD_SEGMENTS or self.held_bytes > _MAX_HELD_BYTES:
            return True
        since = self.waits_since()
        return since is not None and abs(time - since) > PATIENCE_NS
