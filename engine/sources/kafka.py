"""Kafka topics: one chunk a message; where to go on is the checkpoint's word, the group's commit only shows the lag."""

import logging
import queue
import random
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaError

from engine.config.kafka import KafkaSource
from engine.model import Chunk
from engine.sources.errors import SourceError

_LOG = logging.getLogger("tieline.sources")
_POLL_MS = 200
_BATCH = 500
_AHEAD = 4  # batches read and not yet put
_LOOK_S = 1.0
_FRESH_S = 4.0
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_MILLION = 1_000_000

Put = Callable[[list[Chunk]], None]


class KafkaTopics:
    """Streams are ``topic/partition``, offsets the messages' own. While ``put`` blocks, the consumer keeps its place in
    the group: its partitions are paused, and it goes on polling. ``assigned`` and ``revoked`` are told the streams that
    come and go, on a thread of the client's: they must not block."""

    def __init__(
        self,
        settings: KafkaSource,
        *,
        assigned: Callable[[list[str]], None] | None = None,
        revoked: Callable[[list[str]], None] | None = None,
    ) -> None:
        self.name = settings.name
        self.settings = settings
        self.ready = threading.Event()
        self.stats = {"records": 0, "errors": 0, "assigned": 0, "skipped": 0, "lag": 0}
        self.up = False
        self.reason = "not started"
        self._assigned = assigned
        self._revoked = revoked
        self._positions: dict[str, int] = {}
        self._delivered: dict[str, int] = {}
        self._ends: dict[str, int] = {}
        self._looked: float | None = None
        self._returned: set[TopicPartition] = set()
        self._feeder = _Feeder(lambda chunks: None, self.name)
        self._commit: dict[str, int] = {}
        self._lock = threading.Lock()

    def resume(self, positions: Mapping[str, int]) -> None:
        """Goes on at these offsets (stream to next offset), whatever the group has committed."""
        self._positions = dict(positions)

    def waiting(self, stream: str = "") -> bool:
        """Whether records wait in Kafka (``""``: in any partition of ours). Without news from the broker they may."""
        looked = self._looked
        if looked is None or time.monotonic() - looked > _FRESH_S or self._feeder.busy():
            return True
        return any(
            self._delivered.get(name, -1) < end for name, end in dict(self._ends).items() if stream in ("", name)
        )

    def streams(self) -> list[str]:
        """The partitions that are ours; ``""`` while there is no news from the broker."""
        return list(self._ends) if self._looked is not None else [""]

    def commit(self, positions: Mapping[str, int]) -> None:
        """After a checkpoint, from any thread: shown to whoever watches the group's lag."""
        with self._lock:
            self._commit = dict(positions)

    def run(self, put: Put, stop: threading.Event) -> None:
        feeder = self._feeder = _Feeder(put, self.name)
        feeder.start()
        try:
            self._keep_consuming(feeder, stop)
        finally:
            feeder.end()

    def _keep_consuming(self, feeder: "_Feeder", stop: threading.Event) -> None:
        pause = _FIRST_PAUSE_S
        while not stop.is_set() and feeder.alive():
            try:
                consumer = self._connect()
                try:
                    self._consume(consumer, feeder, stop)
                finally:
                    self.up = False
                    self._looked = None
                    consumer.close(autocommit=False, timeout_ms=2000)
                pause = _FIRST_PAUSE_S
            except KafkaError as error:
                self._failed(error)
                stop.wait(pause * random.uniform(0.5, 1.0))
                pause = min(2 * pause, _LONGEST_PAUSE_S)

    def _connect(self) -> Any:
        session_ms = self.settings.session_timeout_ms
        try:
            return self.settings.connect(
                KafkaConsumer,
                client_id="tieline",
                group_id=self.settings.group,
                enable_auto_commit=False,
                auto_offset_reset=self.settings.begin,
                isolation_level="read_committed",
                session_timeout_ms=session_ms,
                heartbeat_interval_ms=max(session_ms // 4, 250),
                max_poll_records=_BATCH,
                max_partition_fetch_bytes=4 * 1024 * 1024,
                fetch_max_wait_ms=_POLL_MS,
            )
        except (FileNotFoundError, PermissionError, IsADirectoryError, ssl.SSLError) as error:
            raise SourceError(f"source {self.name}: ca_file, cert_file or key_file: {error}") from None
        except OSError as error:
            raise KafkaError(str(error)) from None

    def _consume(self, consumer: Any, feeder: "_Feeder", stop: threading.Event) -> None:
        consumer.subscribe(self.settings.topics, listener=_Assignment(self, consumer))
        paused = False
        while not stop.is_set() and feeder.alive():
            if paused != feeder.full():
                paused = not paused
                (consumer.pause if paused else consumer.resume)(*consumer.assignment())
            elif paused:  # also what was assigned meanwhile
                consumer.pause(*consumer.assignment())
            found = consumer.poll(timeout_ms=_POLL_MS)
            self._catch_up(consumer, found)
            for at, messages in found.items():
                feeder.take(self._chunks(at, messages))
            self._look(consumer, idle=not found)
            self._committed(consumer)

    def _catch_up(self, consumer: Any, found: dict[TopicPartition, list[Any]]) -> None:
        """A partition that came back may have been read further by its owner of the meantime."""
        while self._returned:
            at = self._returned.pop()
            if at in consumer.assignment():
                committed = consumer.committed(at, timeout_ms=5000) or 0
                if committed > self._delivered[_stream(at)]:
                    consumer.seek(at, committed)
                    self._delivered[_stream(at)] = committed
                    found.pop(at, None)

    def _chunks(self, at: TopicPartition, messages: Iterable[Any]) -> list[Chunk]:
        stream = _stream(at)
        now = time.time_ns()
        out = []
        for message in messages:
            stamp = message.timestamp
            received = stamp * _MILLION if stamp is not None and stamp > 0 else now
            out.append(Chunk(message.value or b"", self.name, stream, received, message.offset))
        expected = self._delivered.get(stream)
        if expected is not None and out[0].offset > expected and self._positions.pop(stream, None) is not None:
            self.stats["skipped"] += out[0].offset - expected  # retention was faster than we
        self._delivered[stream] = out[-1].offset + 1
        self.stats["records"] += len(out)
        return out

    def _look(self, consumer: Any, *, idle: bool) -> None:
        """Asks where the partitions end: a broker that is away must not look like a quiet one."""
        now = time.monotonic()
        if self._looked is not None and now - self._looked < _LOOK_S:
            return
        partitions = list(consumer.assignment())
        if not partitions:
            if self.ready.is_set() and self.stats["assigned"] == 0 and self.up:
                self._looked, self._ends = now, {}
            return
        try:
            ends = consumer.end_offsets(partitions, timeout_ms=2000 if idle else 500)
        except KafkaError as error:
            if idle:
                self._failed(error)
            return
        for at in partitions:
            if _stream(at) not in self._delivered:
                self._delivered[_stream(at)] = consumer.position(at, timeout_ms=1000) or 0
        self._ends = {_stream(at): offset for at, offset in ends.items()}
        self.stats["lag"] = sum(max(0, end - self._delivered.get(name, 0)) for name, end in self._ends.items())
        self._looked = now
        self.up, self.reason = True, ""

    def _committed(self, consumer: Any) -> None:
        with self._lock:
            positions, self._commit = self._commit, {}
        ours = consumer.assignment()
        offsets = {
            at: OffsetAndMetadata(offset, "", -1)
            for at, offset in ((_partition(stream), offset) for stream, offset in positions.items())
            if at in ours
        }
        if offsets:
            consumer.commit_async(offsets)

    def begin(self, consumer: Any, partitions: Iterable[TopicPartition]) -> None:
        """Partitions are ours: each goes on where our state left it."""
        for at in partitions:
            stream = _stream(at)
            if stream in self._positions:
                consumer.seek(at, self._positions[stream])
                self._delivered[stream] = self._positions[stream]
            elif stream in self._delivered:
                consumer.seek(at, self._delivered[stream])
                self._returned.add(at)
        self._looked = None
        self.stats["assigned"] = len(consumer.assignment())
        self.up, self.reason = True, ""
        self.ready.set()
        if self._assigned is not None:
            self._assigned([_stream(at) for at in partitions])

    def lose(self, consumer: Any, partitions: Iterable[TopicPartition]) -> None:
        for at in partitions:
            self._ends.pop(_stream(at), None)
        self.stats["assigned"] = len(consumer.assignment())
        if self._revoked is not None:
            self._revoked([_stream(at) for at in partitions])

    def _failed(self, error: Exception) -> None:
        self.stats["errors"] += 1
        if self.reason != str(error):
            _LOG.warning("source %s: Kafka is unavailable, trying again: %s", self.name, error)
        self.up, self.reason = False, str(error)


class _Assignment(ConsumerRebalanceListener):
    def __init__(self, source: KafkaTopics, consumer: Any) -> None:
        self._source = source
        self._consumer = consumer

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._source.begin(self._consumer, list(assigned))

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self._source.lose(self._consumer, list(revoked))


class _Feeder:
    """Blocks in ``put`` so that the consumer need not."""

    def __init__(self, put: Put, name: str) -> None:
        self._put = put
        self._chunks: queue.SimpleQueue[list[Chunk] | None] = queue.SimpleQueue()
        self._taken = 0
        self._done = 0
        self._thread = threading.Thread(target=self._run, name=f"source {name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def take(self, chunks: list[Chunk]) -> None:
        self._taken += 1
        self._chunks.put(chunks)

    def busy(self) -> bool:
        return self._done < self._taken

    def full(self) -> bool:
        return self._taken - self._done > _AHEAD

    def alive(self) -> bool:
        return self._thread.is_alive()

    def end(self) -> None:
        """What is read but not put by now comes again from the checkpoint."""
        self._chunks.put(None)
        self._thread.join(5.0)

    def _run(self) -> None:
        while (chunks := self._chunks.get()) is not None:
            self._put(chunks)
            self._done += 1


def _stream(at: TopicPartition) -> str:
    return f"{at.topic}/{at.partition}"


def _partition(stream: str) -> TopicPartition:
    topic, _, number = stream.rpartition("/")
    return TopicPartition(topic, int(number))
