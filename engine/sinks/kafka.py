"""Alerts to a Kafka topic: key = alert id, so that the revisions of one alert stay in order."""

import time
from collections.abc import Sequence
from typing import Any

import orjson
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from engine.config.sinks import KafkaSink
from engine.model import Alert
from engine.sinks.documents import encoded
from engine.sinks.kafka_events import KafkaEvents
from engine.sinks.kafka_producer import TOO_LARGE, end, producer
from engine.sinks.sink import Refused, SinkUnavailable, key_of

__all__ = ["KafkaAlerts", "KafkaEvents"]


class KafkaAlerts:
    """The position is the offset up to which each partition is known to hold our alerts, and ``known``. What lies
    behind it was written between the checkpoint and a crash: its keys are read back at the start, and not written
    again. The same is done where a producer had to be given up with records that nobody confirmed.
    """

    def __init__(self, settings: KafkaSink) -> None:
        self.name = settings.name
        self._settings = settings
        self._topic = settings.alerts
        self._producer: Any = None
        self._next: dict[int, int] = {}
        self._known: set[str] = set()
        self._sent: dict[str, Any] = {}
        self._unsure = False

    def start(self) -> None:
        self._producer = producer(self._settings)
        self._read_back()

    def write(self, alerts: Sequence[Alert]) -> Sequence[Refused]:
        if self._producer is None or self._unsure:
            self.close()
            self.start()
        refused = self._send(alerts)
        deadline = time.monotonic() + self._settings.timeout_s
        for alert in alerts:
            future = self._sent.get(alert.key)
            if future is not None:
                self._confirm(alert, future, max(0.0, deadline - time.monotonic()), refused)
        self._sent.clear()
        self._known.difference_update([alert.key for alert in alerts])
        return refused

    def position(self) -> Any:
        partitions = {str(partition): offset for partition, offset in self._next.items()}
        return {"partitions": partitions, "known": sorted(self._known)}

    def restore(self, position: Any) -> None:
        if isinstance(position, dict):
            self._next = {int(partition): int(offset) for partition, offset in position["partitions"].items()}
            self._known = set(position["known"])

    def close(self) -> None:
        if self._producer is not None:
            end(self._producer)
            self._producer = None
        self._sent.clear()

    def _send(self, alerts: Sequence[Alert]) -> list[Refused]:
        """Those of a batch that came back are under way already: the client goes on with them by itself."""
        refused = []
        for alert in alerts:
            if alert.key in self._known or alert.key in self._sent:
                continue
            value = encoded(alert.document)
            try:
                self._sent[alert.key] = self._producer.send(self._topic, value, key=alert.id.encode())
            except TOO_LARGE as error:
                refused.append(Refused(alert, f"Kafka: {error}"))
            except KafkaError as error:
                raise SinkUnavailable(f"Kafka, topic {self._topic}: {error}") from None
        return refused

    def _confirm(self, alert: Alert, future: Any, patience_s: float, refused: list[Refused]) -> None:
        try:
            where = future.get(timeout=patience_s)
        except TOO_LARGE as error:
            refused.append(Refused(alert, f"Kafka: {error}"))
        except KafkaError as error:
            if future.is_done:  # given up by the client: written or not, only the topic knows
                self._unsure = True
            raise SinkUnavailable(f"Kafka, topic {self._topic}: {error}") from None
        else:
            self._next[where.partition] = max(self._next.get(where.partition, 0), where.offset + 1)

    def _read_back(self) -> None:
        """Takes the keys behind our position in; without a position (a first start) ours begins at the end."""
        try:
            reader = self._settings.connect(KafkaConsumer, group_id=None, enable_auto_commit=False)
        except (KafkaError, OSError) as error:
            raise SinkUnavailable(f"Kafka: {error}") from None
        try:
            self._read(reader)
        except KafkaError as error:
            raise SinkUnavailable(f"Kafka, topic {self._topic}: {error}") from None
        finally:
            reader.close(autocommit=False, timeout_ms=1000)
        self._unsure = False

    def _read(self, reader: Any) -> None:
        patience_ms = int(self._settings.timeout_s * 1000)
        numbers = reader.partitions_for_topic(self._topic)
        if not numbers:
            raise SinkUnavailable(f"Kafka has no topic {self._topic}; make it, or let the broker make topics")
        partitions = [TopicPartition(self._topic, number) for number in numbers]
        ends = reader.end_offsets(partitions, timeout_ms=patience_ms)
        begins = reader.beginning_offsets(partitions, timeout_ms=patience_ms)
        reader.assign(partitions)
        left = set()
        for at in partitions:
            start = self._next.get(at.partition, ends[at])
            start = begins[at] if start > ends[at] else max(start, begins[at])  # the topic was made anew
            if start < ends[at]:
                reader.seek(at, start)
                left.add(at)
            else:
                reader.pause(at)
        while left:
            found = reader.poll(timeout_ms=patience_ms, max_records=2000)
            if not found:
                raise SinkUnavailable(f"Kafka, topic {self._topic}: its end could not be read")
            for at, messages in found.items():
                self._known.update(key for message in messages if (key := _key(message.value)) is not None)
                if reader.position(at) >= ends[at]:
                    left.discard(at)
                    reader.pause(at)
        self._next = {at.partition: ends[at] for at in partitions}


def _key(value: bytes | None) -> str | None:
    try:
        document = orjson.loads(value or b"null")
    except orjson.JSONDecodeError:
        return None
    return key_of(document) if isinstance(document, dict) else None
