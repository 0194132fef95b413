"""What a task makes of what it has read, and how far it has read, in one Kafka transaction."""

import ssl
from collections.abc import Iterable, Mapping

import msgspec
from kafka import KafkaAdminClient, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaError, TopicAlreadyExistsError

from engine.config.sinks import KafkaSink
from engine.sinks.kafka_producer import TOO_LARGE, end
from engine.sinks.sink import SinkError, SinkUnavailable

_TRANSACTION_MS = 30_000
_BLOCK_MS = 15_000
_BATCH_BYTES = 512 * 1024


class Outgoing(msgspec.Struct, gc=False):
    """``partition`` None: by the key."""

    topic: str
    key: bytes
    value: bytes
    partition: int | None = None


class Transactions:
    """The transactions of one task. A new one under the same ``name`` ends what another has begun under it, and fences
    it off: whatever that tries afterwards fails."""

    def __init__(self, settings: KafkaSink, name: str, group: str) -> None:
        self._group = group
        self.refused = 0
        options = {"transactional_id": name, "transaction_timeout_ms": _TRANSACTION_MS}
        try:
            self._producer = settings.connect(
                KafkaProducer,
                client_id="tieline",
                acks="all",
                enable_idempotence=True,
                request_timeout_ms=int(settings.timeout_s * 1000),
                max_block_ms=_BLOCK_MS,
                batch_size=_BATCH_BYTES,
                linger_ms=2,
                **options,
            )
        except (FileNotFoundError, PermissionError, IsADirectoryError, ssl.SSLError) as error:
            raise SinkError(f"sink {settings.name}: ca_file, cert_file or key_file: {error}") from None
        except (KafkaError, OSError) as error:
            raise SinkUnavailable(f"Kafka: {error}") from None
        try:
            self._producer.init_transactions()
        except KafkaError as error:
            end(self._producer)
            raise SinkUnavailable(f"Kafka: {error!r}") from None

    def commit(self, outgoing: Iterable[Outgoing], offsets: Mapping[str, int]) -> list[Outgoing]:
        """All or nothing; what no broker would ever take is left out and returned. After SinkUnavailable this object is
        of no use any more, and whether the transaction was committed the group's offset tells."""
        producer = self._producer
        refused: list[Outgoing] = []
        try:
            producer.begin_transaction()
            futures = []
            for each in outgoing:
                try:
                    futures.append(producer.send(each.topic, each.value, key=each.key, partition=each.partition))
                except TOO_LARGE:
                    refused.append(each)
            found = {_partition(stream): OffsetAndMetadata(offset, "", -1) for stream, offset in offsets.items()}
            producer.send_offsets_to_transaction(found, self._group)
            producer.commit_transaction()
            for future in futures:
                if not future.succeeded():
                    raise KafkaError("a record of a committed transaction failed")
        except KafkaError as error:
            raise SinkUnavailable(f"Kafka: {error!r}") from None
        return refused

    def close(self) -> None:
        """An open transaction is left to whoever comes next under the same name."""
        end(self._producer)


def make_topics(settings: KafkaSink, events: Iterable[str], matches: str, snapshots: str) -> None:
    """Makes the topics that are missing, with as many partitions as the largest of ``events``."""
    try:
        admin = settings.connect(KafkaAdminClient)
    except (KafkaError, OSError) as error:
        raise SinkUnavailable(f"Kafka: {error}") from None
    try:
        known = {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics(list(events))}
        there = set(admin.list_topics())
        count = max(1, *known.values())
        for name, configs in ((matches, {}), (snapshots, {"cleanup.policy": "compact"})):
            if name not in there:
                try:
                    admin.create_topics({name: {"num_partitions": count, "configs": configs}})
                except TopicAlreadyExistsError:
                    pass
    except KafkaError as error:
        raise SinkUnavailable(f"Kafka: {error}") from None
    finally:
        admin.close()


def pieces(name: str, number: int, snapshot: bytes, topic: str, partition: int) -> list[Outgoing]:
    """A snapshot as records of the compacted topic: a later one takes the place of an earlier."""
    parts = [snapshot[at : at + _PIECE] for at in range(0, len(snapshot), _PIECE)] or [b""]
    encode = msgspec.msgpack.encode
    return [
        Outgoing(topic, f"{name}#{place}".encode(), encode([name, number, place, len(parts), part]), partition)
        for place, part in enumerate(parts)
    ]


_PIECE = 512 * 1024


def _partition(stream: str) -> TopicPartition:
    topic, _, number = stream.rpartition("/")
    return TopicPartition(topic, int(number))
