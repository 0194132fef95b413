"""How far event time has come."""

from typing import Any

_NEVER = -(1 << 80)
_ALWAYS = 1 << 80


class Watermark:
    """The least of all sources' clocks, less the lateness; it never goes back.

    >>> watermark = Watermark(lateness_ns=10)
    >>> watermark.expect("vpn.log")
    >>> watermark.advance("plc.pcap", 100), watermark.value()
    (False, None)
    >>> watermark.advance("vpn.log", 50), watermark.value(), watermark.passed(39), watermark.passed(40)
    (False, 40, True, False)
    """

    __slots__ = ("_clocks", "_due", "_floor", "_lateness", "_latest", "_least", "_low", "_runner_up")

    def __init__(self, lateness_ns: int) -> None:
        self._lateness = lateness_ns
        self._clocks: dict[str, int] = {}
        self._floor = _NEVER  # of the least clock, what the watermark may not fall below; lateness not yet taken off
        self._low = _NEVER
        self._least: str | None = None
        self._runner_up = _NEVER
        self._due = _ALWAYS  # the clock at which something has to be done: lateness added
        self._latest = _NEVER

    def value(self) -> int | None:
        low = max(self._low, self._floor)
        return None if low == _NEVER else low - self._lateness

    def passed(self, time: int) -> bool:
        """A match of this time is late."""
        time += self._lateness
        return time < self._low or time < self._floor

    def advance(self, source: str, now: int) -> bool:
        """A source's clock; True when the watermark has passed what was due."""
        if source == self._least and self._low < now <= self._runner_up:
            # The usual case: the slowest source has come further and is the slowest still.
            self._clocks[source] = self._low = now
            return now > self._due
        clock = self._clocks.get(source)
        if clock is not None and now <= clock:
            return False
        self._clocks[source] = now
        if clock is not None and source != self._least:
            return False
        self._weigh()
        return self._low > self._due

    def wake(self, time: int) -> None:
        """Something is due once the watermark has passed ``time``."""
        time += self._lateness
        if time < self._due:
            self._due = time

    def due(self, time: int) -> None:
        """Nothing is due before the watermark has passed ``time``."""
        self._due = time + self._lateness

    def reach(self) -> int:
        """All before this time is settled."""
        return max(self._low, self._floor) - self._lateness

    def expect(self, source: str) -> None:
        if source not in self._clocks:
            self._clocks[source] = _NEVER
            self._weigh()

    def retire(self, source: str) -> None:
        clock = self._clocks.pop(source, None)
        if clock is not None:
            self._latest = max(self._latest, clock)
            self._weigh()

    def force(self, time: int) -> None:
        """Pass ``time`` whatever the sources say."""
        self._floor = max(self._floor, time + self._lateness)

    def end(self) -> int:
        """The time that the input has come to."""
        return max(self._latest, *self._clocks.values(), _NEVER)

    def finish(self) -> None:
        self._floor = _ALWAYS + self._lateness

    def snapshot(self) -> list[Any]:
        clocks = {source: _stored(clock) for source, clock in self._clocks.items()}
        return [clocks, _stored(max(self._floor, self._low)), _stored(self._latest)]

    def restore(self, state: list[Any]) -> None:
        clocks, floor, latest = state
        self._clocks = {source: _NEVER if clock is None else clock for source, clock in clocks.items()}
        self._low = self._floor = _NEVER if floor is None else floor
        self._latest = _NEVER if latest is None else latest
        self._weigh()

    def _weigh(self) -> None:
        self._floor = max(self._floor, self._low)
        if not self._clocks:
            # Every source has ended. Another may yet come, so what is held stays held until the input ends.
            self._least, self._low, self._runner_up = None, _NEVER, _NEVER
            return
        self._least = min(self._clocks, key=self._clocks.__getitem__)
        self._low = self._clocks[self._least]
        self._runner_up = min((clock for name, clock in self._clocks.items() if name != self._least), default=_ALWAYS)


def _stored(time: int) -> int | None:
    return None if abs(time) >= _ALWAYS else time
