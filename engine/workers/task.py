"""The work on one partition: a state, and what it makes of the partition's records."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from engine.model import DeadLetter, Match
from engine.sinks.kafka_transactions import Outgoing, Transactions, pieces
from engine.sources.kafka_partitions import Record


class Shared(msgspec.Struct, frozen=True):
    """What all tasks of a worker have: where matches go, what makes an alert's record, who takes dead letters."""

    matches: str
    alert: Callable[[Match], Outgoing]
    bury: Callable[[DeadLetter], None]


class Task(Protocol):
    """``feed`` the same records from the same state gives the same; ``muted``: what it gives is not wanted."""

    def feed(self, records: Sequence[Record], *, muted: bool = False) -> list[Outgoing]: ...
    def idle(self, wall: int, idle_ns: int) -> list[Outgoing]: ...
    def snapshot(self) -> Any: ...
    def restore(self, state: Any) -> None: ...


class Running:
    """A task at its place in the log. ``muted_until``: what lies before was decided, and only builds the state."""

    def __init__(self, stream: str, name: str, task: Task, transactions: Transactions, offset: int) -> None:
        self.stream = stream
        self.name = name
        self.task = task
        self.transactions = transactions
        self.offset = offset
        self.muted_until = offset
        self.saved_at: float | None = None
        self.heard_at = 0.0
        self.looked_at = 0.0

    def feed(self, records: Sequence[Record]) -> list[Outgoing] | None:
        """What is to be committed; None: all of them were decided before."""
        known = [record for record in records if record.offset < self.muted_until]
        if known:
            self.task.feed(known, muted=True)
        self.offset = records[-1].offset + 1
        fresh = records[len(known) :]
        return self.task.feed(fresh) if fresh else None

    def snapshot(self, number: int, topic: str, partition: int) -> list[Outgoing]:
        """The state at ``offset``, for the compacted topic."""
        body = msgspec.msgpack.encode([self.offset, self.task.snapshot()])
        return pieces(self.name, number, body, topic, partition)
