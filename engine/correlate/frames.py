"""Where a window begins and ends: sliding, tumbling, or a session."""

from engine.ruleset.correlation import CorrelationRule, Window


class Frames:
    """The intervals of rules that are decided once.

    >>> Frames("tumbling", 10).last(23, 27), Frames("session", 10).last(23, 27), Frames("sliding", 10).last(23, 27)
    (29, 37, 33)
    """

    __slots__ = ("kind", "span")

    def __init__(self, kind: Window, span: int) -> None:
        self.kind = kind
        self.span = span

    def last(self, start: int, latest: int) -> int:
        """The last instant of an interval that began at ``start`` and whose latest match is of ``latest``."""
        if self.kind == "tumbling":
            return start - start % self.span + self.span - 1
        return (latest if self.kind == "session" else start) + self.span

    def decided(self, last: int) -> int:
        """The time that a decision bears: a tumbling window is over where the next one begins."""
        return last + 1 if self.kind == "tumbling" else last

    def earliest(self, start: int) -> int:
        """From when on a denial refutes an interval that began at ``start``."""
        return start - start % self.span if self.kind == "tumbling" else start - self.span

    def refutes_until(self, time: int) -> int:
        """The last start of an interval that a denial of this time refutes."""
        return self.last(time, time)


def frames_of(rule: CorrelationRule) -> Frames:
    return Frames(rule.window, rule.timespan_ns)
