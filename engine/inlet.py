"""One configured source of the service: its thread, its framing, and how far its streams have been read."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from queue import Empty, Queue
from typing import Any

from engine.app import framing_for, open_source
from engine.config.kafka import KafkaSource
from engine.config.sources import FileSource, PacketSource, StdinSource, SyslogSource
from engine.model import Chunk
from engine.telemetry import Telemetry

_STREAMS = 20_000


class Inlet:
    """``composite``: each stream (file, partition) has a clock of its own. ``pushed``: cannot be asked again, and goes
    through the journal. ``shared``: other processes of ours write it."""

    def __init__(self, settings: object) -> None:
        self.source = open_source(settings)
        self.framing = framing_for(settings)
        self.composite = isinstance(settings, (FileSource, KafkaSource))
        self.pushed = isinstance(settings, (SyslogSource, StdinSource, PacketSource))
        self.shared = isinstance(settings, KafkaSource)
        self.positions: OrderedDict[str, int] = OrderedDict()
        self.thread: threading.Thread | None = None
        self.delivered_at: float | None = None  # by our clock, in seconds
        self.error: Exception | None = None
        self.given = 0  # batches put into the queue; by the source's thread alone
        self.taken = 0  # and worked on; by the stages' thread alone

    def up(self) -> bool:
        return self.source.ready.is_set() and self.error is None and bool(getattr(self.source, "up", True))

    def unheard(self, heard: Mapping[str, object]) -> bool:
        """Whether a stream that has records to read has not delivered any yet."""
        streams: Callable[[], list[str]] = getattr(self.source, "streams", list)
        return any(self.clock(stream) not in heard and self.source.waiting(stream) for stream in streams())

    def clock(self, stream: str) -> str:
        return f"{self.source.name}:{stream}" if self.composite else self.source.name

    def read(self, chunk: Chunk) -> None:
        self.delivered_at = time.time()
        at = self.framing.position(chunk)
        if at is not None:
            self.positions[chunk.stream] = at
            if len(self.positions) > _STREAMS:
                self.positions.popitem(last=False)

    def commit(self, positions: Mapping[str, int]) -> None:
        """A checkpoint with these positions is durable."""
        commit: Callable[[Mapping[str, int]], None] | None = getattr(self.source, "commit", None)
        if commit is not None:
            commit(positions)

    def end(self, queue: Queue[Any]) -> None:
        """Lets the source's thread end though nobody reads the queue any more."""
        while self.thread is not None and self.thread.is_alive():
            try:
                queue.get(timeout=0.05)
            except Empty:
                self.thread.join(0.05)

    def publish(self, telemetry: Telemetry) -> None:
        telemetry.register("tieline_source_up", partial(_up, self))
        telemetry.register("tieline_records_total", partial(_records, self))
        telemetry.register("tieline_source_dropped_total", partial(_dropped, self))
        telemetry.register("tieline_source_last_record_timestamp_seconds", partial(_last_record, self))


def _up(inlet: Inlet) -> Mapping[tuple[str, ...], float]:
    return {(inlet.source.name,): int(inlet.up())}


def _records(inlet: Inlet) -> Mapping[tuple[str, ...], float]:
    stats = inlet.framing.stats
    return {(inlet.source.name,): stats.get("frames", 0) + stats.get("pdus", 0)}


def _last_record(inlet: Inlet) -> Mapping[tuple[str, ...], float]:
    return {} if inlet.delivered_at is None else {(inlet.source.name,): inlet.delivered_at}


def _dropped(inlet: Inlet) -> Mapping[tuple[str, ...], float]:
    stats = inlet.source.stats
    reasons = ("kernel_drops", "refused", "idle_closed")
    return {(inlet.source.name, reason): stats[reason] for reason in reasons if stats.get(reason)}
