"""The Kafka source against a real broker: where it goes on, what waits, and what happens when the broker is away."""

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

from engine.config.kafka import KafkaSource
from engine.model import Chunk
from engine.sources.errors import SourceError
from engine.sources.kafka import KafkaTopics


@pytest.fixture
def topic(kafka: str) -> str:
    name = f"source-{secrets.token_hex(4)}"
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    admin.create_topics([NewTopic(name, num_partitions=2, replication_factor=1)])
    admin.close()
    return name


@pytest.fixture
def settings(kafka: str, topic: str) -> KafkaSource:
    return KafkaSource(brokers=[kafka], topics=[topic], group=topic, session_timeout_ms=6000)


class Running:
    """A source in its thread, and what it has put; ``gate`` closed: ``put`` blocks."""

    def __init__(self, settings: KafkaSource, positions: Mapping[str, int] | None = None) -> None:
        self.source = KafkaTopics(settings)
        self.source.resume(positions or {})
        self.chunks: list[Chunk] = []
        self.gate = threading.Event()
        self.gate.set()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.source.run, args=(self._put, self.stop))
        self.thread.start()

    def _put(self, chunks: list[Chunk]) -> None:
        self.gate.wait()
        self.chunks += chunks

    def payloads(self) -> list[bytes]:
        return sorted(chunk.payload for chunk in self.chunks)

    def end(self) -> None:
        self.gate.set()
        self.stop.set()
        self.thread.join(30)
        assert not self.thread.is_alive()


@pytest.fixture
def begun() -> Iterator[Callable[..., Running]]:
    all_of_them: list[Running] = []

    def begin(settings: KafkaSource, positions: Mapping[str, int] | None = None) -> Running:
        all_of_them.append(Running(settings, positions))
        return all_of_them[-1]

    yield begin
    for running in all_of_them:
        running.end()


def produce(broker: str, topic: str, values: list[bytes], partition: int | None = None) -> None:
    producer = KafkaProducer(bootstrap_servers=broker)
    for value in values:
        producer.send(topic, value, key=value, partition=partition, timestamp_ms=1_767_225_600_123)
    producer.flush(30)
    producer.close()


def test_a_message_is_a_chunk_with_its_partition_offset_and_time(begun, settings, kafka, topic) -> None:
    produce(kafka, topic, [b"one", b"two"], partition=1)

    running = begun(settings)

    wait(lambda: len(running.chunks) == 2)
    first, second = running.chunks
    assert (first.payload, first.source, first.stream, first.offset) == (b"one", "kafka", f"{topic}/1", 0)
    assert (second.payload, second.offset) == (b"two", 1)
    assert first.received == 1_767_225_600_123_000_000


def test_the_checkpoint_and_not_the_groups_commit_says_where_to_go_on(begun, settings, kafka, topic) -> None:
    produce(kafka, topic, [b"%d" % number for number in range(10)], partition=0)
    first = begun(settings)
    wait(lambda: len(first.chunks) == 10)
    first.source.commit({f"{topic}/0": 8})
    wait(lambda: committed(kafka, topic) == 8)
    first.end()

    second = begun(settings, {f"{topic}/0": 5})

    wait(lambda: len(second.chunks) == 5)
    assert second.payloads() == [b"5", b"6", b"7", b"8", b"9"]


def test_records_wait_until_they_are_put_and_not_on_a_quiet_topic(begun, settings, kafka, topic) -> None:
    produce(kafka, topic, [b"1", b"2"])
    running = begun(settings)
    assert running.source.waiting()

    wait(lambda: len(running.chunks) == 2)
    wait(lambda: not running.source.waiting())
    assert not running.source.waiting(f"{topic}/0")

    running.gate.clear()
    produce(kafka, topic, [b"3"], partition=0)
    wait(lambda: running.source.waiting(f"{topic}/0"))


def test_a_put_that_blocks_longer_than_the_session_costs_neither_place_nor_record(
    begun, settings, kafka, topic
) -> None:
    running = begun(settings)
    wait(running.source.ready.is_set)
    running.gate.clear()
    produce(kafka, topic, [b"%05d" % number for number in range(20_000)])
    time.sleep(9)
    assert running.source.waiting()
    assert len(running.chunks) == 0

    running.gate.set()

    wait(lambda: len(running.chunks) >= 20_000)
    assert running.payloads() == [b"%05d" % number for number in range(20_000)]
    assert running.source.stats["errors"] == 0


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_broker_that_comes_back_is_read_on(begun, settings, kafka_server, kafka, topic, end) -> None:
    produce(kafka, topic, [b"1", b"2"])
    running = begun(settings)
    wait(lambda: len(running.chunks) == 2)
    wait(lambda: not running.source.waiting())
    getattr(kafka_server, end)()
    wait(running.source.waiting)
    kafka_server.start()
    produce(kafka, topic, [b"3", b"4"])

    wait(lambda: len(running.chunks) >= 4)

    assert running.payloads() == [b"1", b"2", b"3", b"4"]
    wait(lambda: not running.source.waiting())


def test_a_source_waits_for_a_broker_that_is_not_there_yet(begun, settings, kafka_server, kafka, topic) -> None:
    produce(kafka, topic, [b"1"])
    kafka_server.stop()
    running = begun(settings)
    wait(lambda: running.source.stats["errors"] > 0)
    assert running.source.waiting()
    assert not running.source.up
    kafka_server.start()

    wait(lambda: running.payloads() == [b"1"])

    assert running.source.up


def test_two_workers_share_the_partitions_and_one_takes_over(begun, settings, kafka, topic) -> None:
    first = begun(settings)
    wait(first.source.ready.is_set)
    second = begun(settings)
    wait(lambda: first.source.stats["assigned"] == 1 and second.source.stats["assigned"] == 1, 90)
    produce(kafka, topic, [b"a", b"b"], partition=0)
    produce(kafka, topic, [b"c"], partition=1)
    wait(lambda: len(first.chunks) + len(second.chunks) == 3)
    for running in (first, second):
        running.source.commit({chunk.stream: chunk.offset + 1 for chunk in running.chunks})
    wait(lambda: committed(kafka, topic) == 2 and committed(kafka, topic, 1) == 1)
    second.end()

    produce(kafka, topic, [b"d"], partition=0)
    produce(kafka, topic, [b"e"], partition=1)

    wait(lambda: first.source.stats["assigned"] == 2, 90)
    wait(lambda: {b"d", b"e"} <= set(first.payloads()))
    assert sorted(first.payloads() + second.payloads()) == [b"a", b"b", b"c", b"d", b"e"]


def test_what_retention_removed_before_it_was_read_is_counted(begun, settings, kafka, topic) -> None:
    produce(kafka, topic, [b"%d" % number for number in range(10)], partition=0)
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    admin.delete_records({TopicPartition(topic, 0): 6})
    admin.close()

    running = begun(settings, {f"{topic}/0": 2})

    wait(lambda: len(running.chunks) == 4)
    assert running.payloads() == [b"6", b"7", b"8", b"9"]
    assert running.source.stats["skipped"] == 4


def test_a_certificate_that_is_not_there_is_named(settings) -> None:
    settings.tls, settings.ca_file = True, "/there/is/none.pem"

    with pytest.raises(SourceError, match="ca_file"):
        KafkaTopics(settings).run(lambda chunks: None, threading.Event())


def committed(broker: str, topic: str, partition: int = 0) -> int | None:
    consumer = KafkaConsumer(bootstrap_servers=broker, group_id=topic, enable_auto_commit=False)
    try:
        return consumer.committed(TopicPartition(topic, partition))
    finally:
        consumer.close()


def wait(holds: Callable[[], bool], patience_s: float = 45) -> None:
    deadline = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline, "did not come about"
        time.sleep(0.05)
