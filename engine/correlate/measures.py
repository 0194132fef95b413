"""What a window of matches amounts to, kept up to date in (nearly) constant time a match."""

from abc import ABC, abstractmethod
from bisect import bisect_left, insort
from collections import Counter, deque
from collections.abc import Callable, Container, Mapping, Sequence
from fractions import Fraction
from typing import Any, TypeAlias

from engine.correlate.keys import Number, exact, groups_of, numbers, value_of
from engine.model import Event
from engine.ruleset.correlation import CorrelationRule

Contribution: TypeAlias = Any


class Measure(ABC):
    """Contributions leave in the order in which they came."""

    __slots__ = ("_window",)

    seen: Container[str] = frozenset()
    """The rules that have matched, where it is these that are measured."""

    def __init__(self) -> None:
        self._window: deque[Contribution] = deque()

    def enter(self, contribution: Contribution) -> None:
        self._window.append(contribution)
        self.add(contribution)

    def leave(self) -> None:
        self.remove(self._window.popleft())

    def at(self, position: int) -> Contribution:
        return self._window[position]

    def forget(self, position: int) -> None:
        """Take one out of turn; ``position`` from the oldest."""
        self.remove(self._window[position])
        del self._window[position]

    def part(self, chosen: Sequence[bool]) -> "Measure":
        """The measure of some of the contributions, oldest first."""
        other = self.fresh()
        for contribution, wanted in zip(self._window, chosen, strict=True):
            if wanted:
                other.enter(contribution)
        return other

    def fresh(self) -> "Measure":
        return type(self)()

    def state(self) -> list[Any]:
        return [[_part_state(part) for part in contribution] for contribution in self._window]

    def restore(self, state: list[Any]) -> None:
        for contribution in state:
            self.enter([_part_from(part) for part in contribution])

    @abstractmethod
    def add(self, contribution: Contribution) -> None: ...
    @abstractmethod
    def remove(self, contribution: Contribution) -> None: ...
    @abstractmethod
    def value(self) -> Number: ...


class Distinct(Measure):
    """How many different values, or tuples of values; a contribution is a collection of them."""

    __slots__ = ("_counted", "seen")

    def __init__(self) -> None:
        super().__init__()
        self.seen = self._counted = Counter[Any]()

    def add(self, contribution: Sequence[Any]) -> None:
        for value in contribution:
            self._counted[value] += 1

    def remove(self, contribution: Sequence[Any]) -> None:
        for value in contribution:
            if self._counted[value] == 1:
                del self._counted[value]
            else:
                self._counted[value] -= 1

    def value(self) -> Number:
        return len(self._counted)


class Often(Distinct):
    """How many rules matched as often as their step asks for."""

    __slots__ = ("_enough", "_needed")

    def __init__(self, needed: Mapping[str, int]) -> None:
        super().__init__()
        self._needed = needed
        self._enough: set[str] = set()
        self.seen = self._enough

    def fresh(self) -> Measure:
        return Often(self._needed)

    def add(self, contribution: Sequence[Any]) -> None:
        super().add(contribution)
        self._enough.update(rule for rule in contribution if self._counted[rule] >= self._needed.get(rule, 1))

    def remove(self, contribution: Sequence[Any]) -> None:
        super().remove(contribution)
        self._enough.difference_update(rule for rule in contribution if self._counted[rule] < self._needed.get(rule, 1))

    def value(self) -> Number:
        return len(self._enough)


class Sum(Measure):
    """The sum of all numbers, exact whatever came and went."""

    __slots__ = ("_sum", "count")

    def __init__(self) -> None:
        super().__init__()
        self._sum: Number = 0
        self.count = 0

    def add(self, contribution: Sequence[Number]) -> None:
        self._sum += sum(contribution)
        self.count += len(contribution)

    def remove(self, contribution: Sequence[Number]) -> None:
        self._sum -= sum(contribution)
        self.count -= len(contribution)

    def value(self) -> Number:
        return self._sum


class Average(Sum):
    __slots__ = ()

    def value(self) -> Number:
        return Fraction(self._sum) / self.count if self.count else 0


class Percentile(Measure):
    """Linear between the two closest ranks, so that the 50th is the median."""

    __slots__ = ("_share", "_sorted")

    def __init__(self, percentile: Number) -> None:
        super().__init__()
        self._share = Fraction(percentile) / 100
        self._sorted: list[Number] = []

    def fresh(self) -> Measure:
        return Percentile(self._share * 100)

    def add(self, contribution: Sequence[Number]) -> None:
        for number in contribution:
            insort(self._sorted, number)

    def remove(self, contribution: Sequence[Number]) -> None:
        for number in contribution:
            del self._sorted[bisect_left(self._sorted, number)]

    def value(self) -> Number:
        if not self._sorted:
            return 0
        rank = self._share * (len(self._sorted) - 1)
        below = int(rank)
        low = self._sorted[below]
        if rank == below:
            return low
        return low + (self._sorted[below + 1] - low) * (rank - below)


def _part_state(part: Any) -> Any:
    """A rule id, a tuple of values, or a number: numbers may be fractions, or too great for 64 bits."""
    if isinstance(part, str):
        return part
    return list(part) if isinstance(part, tuple) else [number_state(part), None]


def _part_from(part: Any) -> Any:
    if isinstance(part, str):
        return part
    if len(part) == 2 and part[1] is None:
        return number_from(part[0])
    return tuple(part)


def number_state(number: Number) -> str:
    """A number as text: it may be a fraction, or too great for 64 bits."""
    return str(number)


def number_from(text: str) -> Number:
    number = Fraction(text)
    return int(number) if number.denominator == 1 else number


def measure_of(rule: CorrelationRule) -> Callable[[], Measure] | None:
    """What a rule's threshold is compared with; None: the number of matches."""
    match rule.type:
        case "event_count":
            return None
        case "value_sum":
            return Sum
        case "value_avg":
            return Average
        case "value_median":
            return lambda: Percentile(50)
        case "value_percentile":
            return lambda: Percentile(exact(rule.percentile))
        case _ if rule.steps:
            return lambda: Often(rule.steps)
        case _:
            return Distinct


Reader: TypeAlias = Callable[[str, Any], Contribution]
"""What a match of a rule adds to the measure; None: nothing, so that the match is ignored."""


def contribution_of(rule: CorrelationRule, resolved: Callable[[str, Sequence[str]], tuple[str, ...]]) -> Reader | None:
    """None where every match counts alike. ``resolved(base, names)`` are the fields that names stand for."""
    names = {base: resolved(base, rule.fields) for base in rule.rules}
    match rule.type:
        case "event_count":
            return None
        case "temporal" | "temporal_ordered":
            return lambda base, match: (base,)
        case "value_count":
            return lambda base, match: [key for key, _ in groups_of(match.event, names[base])] or None
        case _:
            return lambda base, match: _all_numbers(match.event, names[base]) or None


def _all_numbers(event: Event, names: Sequence[str]) -> list[Number]:
    return [number for name in names for number in numbers(value_of(event, name))]
