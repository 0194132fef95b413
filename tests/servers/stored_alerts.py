"""What a test finds in Elasticsearch, and what it finds in Kafka, without any code of Tieline's."""

import json
import urllib.request
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
from tieline_service import Service, wait_until

_MOST = 10_000


def alerts(elasticsearch: str, stream: str, query: str = "*") -> list[dict[str, Any]]:
    """The documents that Kibana's query finds, in the order of their time; none while the stream is not there."""
    ask = {
        "size": _MOST,
        "sort": [{"@timestamp": {"order": "asc", "unmapped_type": "date_nanos"}}],
        "query": {"query_string": {"query": query}},
    }
    options = "ignore_unavailable=true&allow_no_indices=true"
    _post(f"{elasticsearch}/{stream}/_refresh?{options}", None)
    found = _post(f"{elasticsearch}/{stream}/_search?{options}", ask)
    assert found["hits"]["total"]["value"] < _MOST
    return [{"_id": hit["_id"], **hit["_source"]} for hit in found["hits"]["hits"]]


def revisions(elasticsearch: str, stream: str) -> list[tuple[str, int]]:
    """(alert id, revision) of every document, sorted; one that is there twice is there twice."""
    found = alerts(elasticsearch, stream)
    return sorted((alert["event.id"], alert.get("tieline.correlation.revision", 0)) for alert in found)


def make_topic(broker: str, name: str, partitions: int) -> None:
    admin = KafkaAdminClient(bootstrap_servers=broker)
    try:
        admin.create_topics([NewTopic(name, num_partitions=partitions, replication_factor=1)])
    finally:
        admin.close()


class TopicReader:
    """Everything that a topic holds, read on with every look."""

    def __init__(self, broker: str, topic: str) -> None:
        self._consumer = KafkaConsumer(bootstrap_servers=broker, enable_auto_commit=False)
        partitions = [TopicPartition(topic, number) for number in self._consumer.partitions_for_topic(topic)]
        self._consumer.assign(partitions)
        self._consumer.seek_to_beginning(*partitions)
        self.events: list[dict[str, Any]] = []
        self.partitions_seen: set[int] = set()

    def look(self) -> list[dict[str, Any]]:
        for at, messages in self._consumer.poll(timeout_ms=300, max_records=5_000).items():
            self.partitions_seen.add(at.partition)
            self.events += (json.loads(message.value) for message in messages)
        return self.events

    def ids(self) -> set[str]:
        return {event["event.id"] for event in self.look()}

    def wait_for(self, ids: set[str], *services: Service) -> None:
        wait_until(lambda: ids <= self.ids(), f"{len(ids)} events in the topic", *services, patience_s=60)

    def close(self) -> None:
        self._consumer.close(autocommit=False, timeout_ms=2000)


def _post(url: str, body: Any) -> Any:
    data = b"" if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method="POST")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)
