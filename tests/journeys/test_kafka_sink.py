"""Alerts and events into a real Kafka: each alert once, no event lost."""

import json
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import NewTopic

from engine.config.sinks import KafkaSink
from engine.model import Alert
from engine.sinks.delivery import Delivery
from engine.sinks.kafka import KafkaAlerts
from engine.sinks.kafka_events import KafkaEvents
from engine.sinks.sink import SinkError, SinkUnavailable


@pytest.fixture
def topic(kafka: str) -> str:
    name = f"sink-{secrets.token_hex(4)}"
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    admin.create_topics([NewTopic(name, num_partitions=2, replication_factor=1)])
    admin.close()
    return name


@pytest.fixture
def settings(kafka: str, topic: str) -> KafkaSink:
    return KafkaSink(brokers=[kafka], alerts=topic, events=topic, timeout_s=10)


@pytest.fixture
def begun(settings: KafkaSink) -> Iterator[Callable[..., KafkaAlerts]]:
    sinks: list[KafkaAlerts] = []

    def begin(position: Any = None) -> KafkaAlerts:
        sink = KafkaAlerts(settings)
        sink.restore(position)
        sink.start()
        sinks.append(sink)
        return sink

    yield begin
    for sink in sinks:
        sink.close()


def alert(number: int, revision: int = 0, **more: Any) -> Alert:
    name = f"{number:032x}"
    document = {"event.id": name, "message": "m", "tieline.correlation.revision": revision, **more}
    return Alert(name, revision, number, "rule", "high", document)


def read(broker: str, topic: str) -> list[tuple[bytes | None, bytes]]:
    consumer = KafkaConsumer(bootstrap_servers=broker, group_id=None, auto_offset_reset="earliest")
    partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    ends = consumer.end_offsets(partitions)
    found: list[tuple[bytes | None, bytes]] = []
    while any(consumer.position(at) < ends[at] for at in partitions):
        for messages in consumer.poll(timeout_ms=1000).values():
            found += [(message.key, message.value) for message in messages]
    consumer.close()
    return found


def keys(broker: str, topic: str) -> list[str]:
    documents = [json.loads(value) for _, value in read(broker, topic)]
    return sorted(f"{found['event.id']}-{found['tieline.correlation.revision']}" for found in documents)


def test_the_revisions_of_an_alert_stand_in_order_under_its_id(begun, kafka, topic) -> None:
    sink = begun()

    refused = sink.write([alert(1), alert(2), alert(1, 1), alert(1, 2)])

    assert not refused
    found = [(key, json.loads(value)["tieline.correlation.revision"]) for key, value in read(kafka, topic)]
    assert [revision for key, revision in found if key == alert(1).id.encode()] == [0, 1, 2]


def test_what_was_written_behind_the_checkpoint_is_not_written_again(begun, kafka, topic) -> None:
    sink = begun()
    sink.write([alert(0)])
    position = sink.position()
    sink.write([alert(1), alert(2)])

    after_the_crash = begun(json.loads(json.dumps(position)))
    after_the_crash.write([alert(1), alert(2), alert(3)])

    assert keys(kafka, topic) == [alert(number).key for number in range(4)]


def test_a_checkpoint_in_the_middle_of_the_replay_keeps_what_is_not_decided_again(begun, kafka, topic) -> None:
    sink = begun()
    position = sink.position()
    sink.write([alert(1), alert(2)])
    first = begun(position)
    first.write([alert(1)])

    second = begun(first.position())
    second.write([alert(2), alert(3)])

    assert keys(kafka, topic) == [alert(number).key for number in (1, 2, 3)]


def test_an_alert_that_no_broker_takes_is_refused_and_the_others_are_written(begun, kafka, topic) -> None:
    sink = begun()

    (refused,) = sink.write([alert(1), alert(2, big="x" * 2_000_000), alert(3)])

    assert refused.alert.key == alert(2).key
    assert "bytes" in refused.reason
    assert keys(kafka, topic) == [alert(1).key, alert(3).key]


def test_a_topic_that_is_not_there_is_named(settings) -> None:
    settings.alerts = "there-is-no-such-topic"

    with pytest.raises(SinkUnavailable, match="there-is-no-such-topic"):
        KafkaAlerts(settings).start()


def test_a_broker_that_is_not_there_is_unavailable_and_a_missing_file_an_error(settings) -> None:
    with pytest.raises(SinkError, match="ca_file"):
        KafkaAlerts(KafkaSink(brokers=["127.0.0.1:1"], tls=True, ca_file="/there/is/none.pem")).start()

    settings.brokers = ["127.0.0.1:1"]
    with pytest.raises(SinkUnavailable):
        KafkaAlerts(settings).start()


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_each_alert_is_there_once_although_the_broker_went_down(settings, kafka_server, kafka, topic, end) -> None:
    delivery = Delivery(KafkaAlerts(settings), batch=20, longest_pause_s=1)
    delivery.start()
    delivery.put([alert(number) for number in range(200)])
    wait(lambda: delivery.stats["written"] > 20)
    getattr(kafka_server, end)()
    delivery.put([alert(number) for number in range(200, 300)])
    time.sleep(3)
    kafka_server.start()

    drained = delivery.drain(120)

    delivery.close()
    assert drained
    assert keys(kafka, topic) == [alert(number).key for number in range(300)]


def test_each_alert_is_there_once_although_the_broker_was_silent(settings, kafka_server, kafka, topic) -> None:
    settings.timeout_s = 2
    delivery = Delivery(KafkaAlerts(settings), batch=20, longest_pause_s=1)
    delivery.start()
    delivery.put([alert(number) for number in range(20)])
    assert delivery.drain(30)
    kafka_server.pause()
    delivery.put([alert(number) for number in range(20, 100)])
    assert not delivery.drain(6)
    kafka_server.resume()

    drained = delivery.drain(120)

    delivery.close()
    assert drained
    assert keys(kafka, topic) == [alert(number).key for number in range(100)]


def test_events_come_in_order_a_key_and_are_confirmed(settings, kafka, topic) -> None:
    events = KafkaEvents(settings)
    events.start()

    taken = events.write([(b"host-%d" % (number % 3), b"%d" % number) for number in range(30_000)])
    durable = events.flush(60)

    events.close()
    assert taken
    assert durable
    found = read(kafka, topic)
    assert len(found) == 30_000
    for host in (b"host-0", b"host-1", b"host-2"):
        numbers = [int(value) for key, value in found if key == host]
        assert numbers == sorted(numbers)


def test_an_event_that_no_broker_takes_is_handed_back(settings, kafka, topic) -> None:
    refused: list[tuple[bytes, str]] = []
    events = KafkaEvents(settings, refused=lambda value, reason: refused.append((value, reason)))
    events.start()

    events.write([(b"k", b"1"), (b"k", b"x" * 2_000_000), (b"k", b"2")])

    assert events.flush(30)
    events.close()
    ((value, reason),) = refused
    assert len(value) == 2_000_000
    assert "bytes" in reason
    assert [value for _, value in read(kafka, topic)] == [b"1", b"2"]


def test_no_event_is_lost_while_the_broker_is_down(settings, kafka_server, kafka, topic) -> None:
    events = KafkaEvents(settings)
    events.start()
    events.write([(b"k", b"%d" % number) for number in range(100)])
    assert events.flush(30)
    kafka_server.stop()
    events.write([(b"k", b"%d" % number) for number in range(100, 200)])
    assert not events.flush(2)
    kafka_server.start()

    durable = events.flush(120)

    events.close()
    assert durable
    assert {int(value) for _, value in read(kafka, topic)} == set(range(200))


def wait(holds: Callable[[], bool], patience_s: float = 60) -> None:
    deadline = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
