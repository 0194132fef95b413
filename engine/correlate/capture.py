"""The state of one moment, taken piece by piece while the stream goes on."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import msgspec

from engine.correlate.items import Key
from engine.correlate.state import Heads

if TYPE_CHECKING:
    from engine.correlate.correlation import Correlation

_GROUPS = 250  # of a piece: a few milliseconds
_QUIET = 10_000
_LINKS = 2_500

_encode = msgspec.msgpack.Encoder().encode


class Changes:
    """Which groups of a correlation have changed since the last capture, and which are still to be captured.

    A group that is about to change while it is still to be captured is captured at once.
    """

    def __init__(self, correlation: "Correlation") -> None:
        self._correlation = correlation
        self._heads = Heads()
        self._changed: dict[Key, None] = {}
        self._left: dict[Key, None] = {}
        self._early: list[Any] = []

    def touch(self, key: Key) -> None:
        if key in self._left:
            del self._left[key]
            self._early.append(self._correlation.state_at(key, self._heads))
        self._changed[key] = None

    def follow(self, correlation: "Correlation") -> None:
        """The groups are those of another correlation from now on, which is of the same definition."""
        self._correlation = correlation

    def begin(self, heads: Heads, *, full: bool) -> None:
        self._heads = heads
        self._left = dict.fromkeys(self._correlation.groups) if full else self._changed
        self._changed = {}

    def take(self) -> list[Any]:
        """The states of some groups; empty: that was all."""
        found, self._early = self._early[:_GROUPS], self._early[_GROUPS:]
        for key in list(islice(self._left, _GROUPS - len(found))):
            del self._left[key]
            found.append(self._correlation.state_at(key, self._heads))
        return found


class Capture:
    """``pieces`` are to be asked for one after another, ``head`` once there is none left; all of it is bytes.

    ``full``: of every group; else of those that changed since the capture before.
    """

    def __init__(
        self, correlations: "Sequence[Correlation]", head: dict[str, Any], heads: Heads, *, full: bool
    ) -> None:
        self.full = full
        self._head = head
        self._heads = heads
        self._quiet: list[tuple[str, Mapping[Any, bytes | None]]] = []
        self._links: list[tuple[str, list[Any]]] = []
        for correlation in correlations:
            assert correlation.changes is not None
            correlation.changes.begin(heads, full=full)
            self._quiet.append((correlation.rule.head.id, correlation.quiet_states(full=full)))
            if correlation.links is not None:
                self._links.append((correlation.rule.head.id, correlation.links.facts(full=full)))
        self._correlations = tuple(correlations)  # others may take their place meanwhile
        self._pieces = self._made()

    def piece(self) -> bytes | None:
        """The next piece; None: that was all."""
        return next(self._pieces, None)

    def head(self) -> bytes:
        return _encode({**self._head, "heads": self._heads.table})

    def _made(self) -> Iterator[bytes]:
        for correlation in self._correlations:
            assert correlation.changes is not None
            while states := correlation.changes.take():
                yield _encode([correlation.rule.head.id, states, ()])
        while self._quiet:
            id, quiet = self._quiet.pop()
            logs = chain.from_iterable(quiet.items())
            while some := list(islice(logs, 2 * _QUIET)):
                yield _encode([id, (), some])
        while self._links:
            id, facts = self._links.pop()
            for begin in range(0, len(facts), _LINKS):
                yield _encode([id, (), (), facts[begin : begin + _LINKS]])


def merged(captures: Sequence[tuple[bytes, Sequence[bytes]]]) -> Any:
    """The state after several captures, each a head and its pieces, the first a full one; as ``Correlator.snapshot``
    gives it."""
    groups: dict[str, dict[Any, Any]] = {}
    quiet: dict[str, dict[Any, Any]] = {}
    links: dict[str, list[Any]] = {}
    tables: list[Any] = []
    decode = msgspec.msgpack.Decoder().decode
    state: Any = None
    for number, (head, pieces) in enumerate(captures):
        state = decode(head)
        tables.append(state["heads"])
        for piece in pieces:
            id, states, logs, *facts = decode(piece)
            for some in facts:
                links.setdefault(id, []).extend(some)
            mine = groups.setdefault(id, {})
            for key, rest in states:
                mine.pop(tuple(key), None)
                if rest is not None:
                    mine[tuple(key)] = (number, rest)
            resting = quiet.setdefault(id, {})
            for name, log in zip(logs[::2], logs[1::2], strict=True):
                name = name if isinstance(name, str) else tuple(name)
                if log is None:
                    resting.pop(name, None)
                else:
                    resting[name] = log
    for id, (_, own) in state["rules"].items():
        own["groups"] = [[key, *rest, number] for key, (number, rest) in groups.get(id, {}).items()]
        if own.get("links") is not None:
            own["links"][0] += links.get(id, ())
        if "quiet" in own:
            own["quiet"][1] = quiet.get(id, {})
    state["tables"] = tables
    return state
