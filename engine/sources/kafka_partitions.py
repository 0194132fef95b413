"""The partitions of several topics that a consumer group gives us, each read from where we say."""

import ssl
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from engine.config.kafka import KafkaSource
from engine.sources.errors import SourceError

_POLL_MS = 100
_BATCH = 2_000
_PATIENCE_MS = 10_000


class Record(msgspec.Struct, gc=False):
    offset: int
    value: bytes
    timestamp_ms: int


class Unavailable(Exception):
    """The broker does not answer: try again."""


class Partitions:
    """For one thread. ``poll`` gives what came of partitions that were begun; ``changes`` what was given and taken
    since it was last asked. A partition that was given delivers nothing before ``begin`` has said from where."""

    def __init__(self, settings: KafkaSource, topics: Sequence[str]) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._given: set[TopicPartition] = set()
        self._taken: set[TopicPartition] = set()
        self._begun: set[TopicPartition] = set()
        session_ms = settings.session_timeout_ms
        self._consumer = connected(
            settings,
            client_id="tieline",
            group_id=settings.group,
            auto_offset_reset=settings.begin,
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=max(session_ms // 4, 250),
            max_poll_records=_BATCH,
            max_partition_fetch_bytes=4 * 1024 * 1024,
            fetch_max_wait_ms=_POLL_MS,
        )
        self._consumer.subscribe(list(topics), listener=_Listener(self))

    def numbers(self, topic: str) -> list[int]:
        """The partitions that a topic has."""
        return sorted(self._consumer.partitions_for_topic(topic) or ())

    def poll(self) -> Mapping[str, list[Record]]:
        try:
            found = self._consumer.poll(timeout_ms=_POLL_MS)
        except KafkaError as error:
            raise Unavailable(str(error)) from None
        with self._lock:
            begun = self._begun - self._taken
        return {
            stream_of(at): [Record(m.offset, m.value or b"", m.timestamp or 0) for m in messages]
            for at, messages in found.items()
            if at in begun
        }

    def changes(self) -> tuple[list[str], list[str]]:
        """Streams (``topic/partition``) that were taken from us, and those that were given: of one that was both, it is
        the same as if another had had it meanwhile."""
        with self._lock:
            taken, given = sorted(self._taken), sorted(self._given)
            self._taken, self._given = set(), set()
            self._begun.difference_update(taken)
        return [stream_of(at) for at in taken], [stream_of(at) for at in given]

    def committed(self, stream: str) -> int | None:
        try:
            offset: int | None = self._consumer.committed(partition_of(stream), timeout_ms=_PATIENCE_MS)
        except KafkaError as error:
            raise Unavailable(str(error)) from None
        return offset

    def bounds(self, stream: str) -> tuple[int, int]:
        """The first offset that there is, and the one behind the last."""
        at = partition_of(stream)
        try:
            first = self._consumer.beginning_offsets([at], timeout_ms=_PATIENCE_MS)[at]
            return first, self._consumer.end_offsets([at], timeout_ms=_PATIENCE_MS)[at]
        except (KafkaError, KeyError) as error:
            raise Unavailable(str(error)) from None

    def begin(self, stream: str, offset: int) -> None:
        """Deliver the partition from this offset on."""
        at = partition_of(stream)
        try:
            self._consumer.seek(at, offset)
        except (KafkaError, AssertionError) as error:  # not ours any more (kafka-python asserts it)
            raise Unavailable(str(error)) from None
        self._begun.add(at)

    def position(self, stream: str) -> int | None:
        try:
            position: int | None = self._consumer.position(partition_of(stream), timeout_ms=_PATIENCE_MS)
        except (KafkaError, AssertionError) as error:
            raise Unavailable(str(error)) from None
        return position

    def close(self) -> None:
        """Leaves the group."""
        self._consumer.close(autocommit=False, timeout_ms=5_000)

    def give(self, partitions: Iterable[TopicPartition]) -> None:
        with self._lock:
            self._given.update(partitions)

    def take(self, partitions: Iterable[TopicPartition]) -> None:
        gone = set(partitions)
        with self._lock:
            self._given -= gone
            self._taken |= gone


class _Listener(ConsumerRebalanceListener):
    """Called on a thread of the client's."""

    def __init__(self, partitions: Partitions) -> None:
        self._partitions = partitions

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._partitions.give(assigned)

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self._partitions.take(revoked)


class Snapshots:
    """The compacted topic of snapshots: pieces of one have its number, and the newest that is whole counts."""

    def __init__(self, settings: KafkaSource, topic: str) -> None:
        self._settings = settings
        self._topic = topic

    def newest(self, name: str, partition: int) -> bytes | None:
        """The newest whole snapshot under this name."""
        reader = connected(self._settings, group_id=None)
        try:
            return self._newest(reader, name, TopicPartition(self._topic, partition))
        except KafkaError as error:
            raise Unavailable(f"topic {self._topic}: {error}") from None
        finally:
            reader.close(autocommit=False, timeout_ms=1_000)

    @staticmethod
    def _newest(reader: Any, name: str, at: TopicPartition) -> bytes | None:
        reader.assign([at])
        end = reader.end_offsets([at], timeout_ms=_PATIENCE_MS)[at]
        reader.seek_to_beginning(at)
        pieces: dict[int, bytes] = {}
        number, whole = -1, None
        deadline = time.monotonic() + 60
        while reader.position(at, timeout_ms=_PATIENCE_MS) < end:
            if time.monotonic() > deadline:
                raise KafkaError("its end could not be read")
            for messages in reader.poll(timeout_ms=1_000).values():
                for message in messages:
                    whose, count, place, of, piece = msgspec.msgpack.decode(message.value)
                    if whose != name:
                        continue
                    if count != number:
                        number, pieces = count, {}
                    pieces[place] = piece
                    if len(pieces) == of:
                        whole = b"".join(pieces[at] for at in range(of))
        return whole


def connected(settings: KafkaSource, **options: Any) -> Any:
    """A consumer of what was committed. SourceError for files that cannot be used."""
    try:
        return settings.connect(KafkaConsumer, enable_auto_commit=False, isolation_level="read_committed", **options)
    except (FileNotFoundError, PermissionError, IsADirectoryError, ssl.SSLError) as error:
        raise SourceError(f"source {settings.name}: ca_file, cert_file or key_file: {error}") from None
    except (KafkaError, OSError) as error:
        raise Unavailable(str(error)) from None


def stream_of(at: TopicPartition) -> str:
    return f"{at.topic}/{at.partition}"


def partition_of(stream: str) -> TopicPartition:
    topic, _, number = stream.rpartition("/")
    return TopicPartition(topic, int(number))
