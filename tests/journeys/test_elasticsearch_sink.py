"""The Elasticsearch sink against a real server: each (alert, revision) once, whatever happens."""

import contextlib
import json
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from engine.config.sinks import ElasticsearchSink
from engine.model import Alert
from engine.model.times import SECOND, rfc3339
from engine.sinks.delivery import Delivery
from engine.sinks.elasticsearch import ElasticsearchStream
from engine.sinks.sink import Refused, SinkUnavailable

BEGIN = 1_767_225_600 * SECOND


@pytest.fixture
def stream() -> str:
    return f"logs-tieline.{secrets.token_hex(4)}-test"


@pytest.fixture
def settings(elasticsearch: str, stream: str) -> ElasticsearchSink:
    return ElasticsearchSink(hosts=[elasticsearch], stream=stream, timeout_s=20)


def alert(number: int, revision: int = 0, **more: Any) -> Alert:
    name = f"{number:032x}"
    document = {
        "@timestamp": rfc3339(BEGIN + number),
        "event.id": name,
        "event.kind": "alert",
        "event.module": "tieline",
        "event.severity": 99,
        "message": "The story",
        "rule.name": "The story",
        "rule.uuid": "0b0c4a34-4a0f-4a52-9a0e-6d1f3c1f0f7e",
        "related.ip": ["192.0.2.7", "198.51.100.4"],
        "tieline.correlation.group": {"user.name": "a.weber"},
        "tieline.correlation.revision": revision,
        "tieline.events": [{"id": "e1", "time": rfc3339(BEGIN), "rule": "spray", "summary": "failed"}],
        "tieline.why": [
            {"identifier": "selection", "field": "ot.value", "value": 7},
            {"identifier": "x", "value": True},
        ],
        **more,
    }
    return Alert(name, revision, BEGIN + number, "0b0c4a34-4a0f-4a52-9a0e-6d1f3c1f0f7e", "critical", document)


def ask(url: str, method: str, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def keys(url: str, stream: str) -> list[str]:
    ask(url, "POST", f"/{stream}/_refresh")
    found = ask(url, "POST", f"/{stream}/_search", {"size": 10_000, "_source": False})
    return sorted(hit["_id"] for hit in found["hits"]["hits"])


def begun(settings: ElasticsearchSink, position: Any = None) -> ElasticsearchStream:
    sink = ElasticsearchStream(settings)
    sink.restore(position)
    sink.start()
    return sink


def test_alerts_are_found_by_a_search_with_their_nanoseconds(settings, elasticsearch, stream) -> None:
    sink = begun(settings)

    refused = sink.write([alert(1), alert(2, 3)])

    assert not refused
    assert keys(elasticsearch, stream) == [alert(1).key, alert(2, 3).key]
    query = {"query": {"range": {"@timestamp": {"gt": rfc3339(BEGIN + 1), "lte": rfc3339(BEGIN + 2)}}}}
    (hit,) = ask(elasticsearch, "POST", f"/{stream}/_search", query)["hits"]["hits"]
    assert hit["_id"] == alert(2, 3).key
    assert {"event.created", "event.ingested"} <= set(hit["_source"])
    assert {name: hit["_source"][name] for name in alert(2, 3).document} == alert(2, 3).document
    query = {"query": {"query_string": {"query": 'tieline.correlation.group.user.name:"a.weber"'}}}
    assert ask(elasticsearch, "POST", f"/{stream}/_search", query)["hits"]["total"]["value"] == 2


def test_an_elasticsearch_8_is_served_by_the_same_client(elasticsearch8, stream) -> None:
    sink = begun(ElasticsearchSink(hosts=[elasticsearch8], stream=stream, timeout_s=20))

    refused = sink.write([alert(1), alert(1), alert(2)])

    assert not refused
    assert keys(elasticsearch8, stream) == [alert(1).key, alert(2).key]


def test_a_retention_is_the_lifecycle_of_the_template(settings, elasticsearch) -> None:
    settings.retention = "90d"

    begun(settings)

    (found,) = ask(elasticsearch, "GET", "/_index_template/tieline")["index_templates"]
    assert found["index_template"]["template"]["lifecycle"]["data_retention"] == "90d"


def test_what_is_there_already_is_no_failure_and_stays_once(settings, elasticsearch, stream) -> None:
    sink = begun(settings)
    sink.write([alert(1)])

    refused = sink.write([alert(1), alert(2)])

    assert not refused
    assert keys(elasticsearch, stream) == [alert(1).key, alert(2).key]


def test_an_alert_sent_before_a_crash_is_recognised_behind_a_rollover(settings, elasticsearch, stream) -> None:
    sink = begun(settings)
    position = sink.position()
    sink.write([alert(1), alert(2)])
    ask(elasticsearch, "POST", f"/{stream}/_rollover")

    after_the_crash = begun(settings, position)
    after_the_crash.write([alert(1), alert(2), alert(3)])

    assert keys(elasticsearch, stream) == [alert(1).key, alert(2).key, alert(3).key]


def test_a_second_crash_before_all_is_decided_again_repeats_nothing(settings, elasticsearch, stream) -> None:
    sink = begun(settings)
    position = sink.position()
    sink.write([alert(1), alert(2)])
    ask(elasticsearch, "POST", f"/{stream}/_rollover")
    first = begun(settings, position)
    first.write([alert(1)])
    position = first.position() | {"since": first.position()["since"] + 3_600_000}

    second = begun(settings, position)
    second.write([alert(2), alert(3)])

    assert keys(elasticsearch, stream) == [alert(1).key, alert(2).key, alert(3).key]


def test_without_a_position_a_batch_is_looked_up_behind_a_rollover(settings, elasticsearch, stream) -> None:
    begun(settings).write([alert(1)])
    ask(elasticsearch, "POST", f"/{stream}/_rollover")

    begun(settings).write([alert(1), alert(2)])

    assert keys(elasticsearch, stream) == [alert(1).key, alert(2).key]


def test_a_document_that_does_not_fit_is_refused_with_the_reason_and_the_others_are_written(
    settings, elasticsearch, stream
) -> None:
    sink = begun(settings)

    (refused,) = sink.write([alert(1), alert(2, **{"user.name": {"an": "object"}}), alert(3)])

    assert refused.alert.key == alert(2).key
    assert "400" in refused.reason
    assert "user.name" in refused.reason
    assert keys(elasticsearch, stream) == [alert(1).key, alert(3).key]


def test_odd_values_do_not_cost_the_alert(settings, elasticsearch, stream) -> None:
    odd = {
        "source.ip": "not an address",
        "source.port": "many",
        "ot.value": [1, "two", 3.5, True],
        "ot.address": "DB1.DBX0.0",
        "event.duration": 2**70,
        "event.original": "\udcff" + "x" * 100_000,
        "tieline.source.level": 3.5,
        "process.command_line": "é" * 40_000,
    }
    ancient = Alert("f" * 32, 0, -11_644_473_600 * SECOND, "r", "low", alert(9).document | {"event.id": "f" * 32})
    sink = begun(settings)

    refused = sink.write([alert(1, **odd), ancient, alert(2, **{"ot.value": 40.5, "ot.address": 7})])

    assert not refused
    query = {"query": {"query_string": {"query": "ot.value.number:>40 AND ot.address.number:7"}}}
    keys(elasticsearch, stream)
    (hit,) = ask(elasticsearch, "POST", f"/{stream}/_search", query)["hits"]["hits"]
    assert hit["_id"] == alert(2).key


def test_ten_megabytes_are_sent_in_pieces(settings, elasticsearch, stream) -> None:
    sink = begun(settings)

    refused = sink.write([alert(n, **{"event.original": "x" * 1_000_000}) for n in range(10)])

    assert not refused
    assert len(keys(elasticsearch, stream)) == 10


def test_the_component_templates_of_a_full_distribution_do_not_win_over_ours(settings, elasticsearch, stream) -> None:
    mappings = {
        "properties": {"@timestamp": {"type": "date", "ignore_malformed": False}, "message": {"type": "keyword"}}
    }
    ask(elasticsearch, "PUT", "/_component_template/logs@mappings", {"template": {"mappings": mappings}})

    begun(settings).write([alert(1)])

    found = ask(elasticsearch, "GET", f"/{stream}/_mapping")
    (properties,) = [index["mappings"]["properties"] for index in found.values()]
    assert properties["@timestamp"]["type"] == "date_nanos"
    assert properties["message"]["type"] == "text"


def test_an_unanswered_request_is_looked_up_and_not_repeated(
    settings, elasticsearch_server, elasticsearch, stream
) -> None:
    settings.timeout_s = 2
    sink = begun(settings)
    sink.write([alert(1)])
    sink.position()
    elasticsearch_server.pause()
    with pytest.raises(SinkUnavailable):
        sink.write([alert(1), alert(2)])
    elasticsearch_server.resume()
    wait(lambda: ask(elasticsearch, "GET", "/_cluster/health")["status"] != "red")
    ask(elasticsearch, "POST", f"/{stream}/_rollover")

    patiently(lambda: sink.write([alert(1), alert(2)]))

    found = keys(elasticsearch, stream)
    assert found.count(alert(2).key) == 1


def test_nothing_is_lost_while_elasticsearch_is_stopped(settings, elasticsearch_server, elasticsearch, stream) -> None:
    delivery = Delivery(ElasticsearchStream(settings), batch=10, longest_pause_s=1)
    delivery.start()
    delivery.put([alert(n) for n in range(50)])
    assert delivery.drain(60)
    elasticsearch_server.stop()
    delivery.put([alert(n) for n in range(50, 100)])
    assert not delivery.drain(2)
    assert not delivery.up
    elasticsearch_server.start()

    drained = delivery.drain(120)

    delivery.close()
    assert drained
    assert delivery.stats["failures"] > 0
    assert keys(elasticsearch, stream) == [alert(n).key for n in range(100)]


def test_a_killed_elasticsearch_holds_each_alert_once(settings, elasticsearch_server, elasticsearch, stream) -> None:
    refused: list[Refused] = []
    delivery = Delivery(
        ElasticsearchStream(settings), batch=20, longest_pause_s=1, refused=lambda sink, found: refused.extend(found)
    )
    delivery.start()
    delivery.put([alert(n) for n in range(400)])
    wait(lambda: delivery.stats["written"] > 20)
    elasticsearch_server.kill()
    elasticsearch_server.start()

    drained = delivery.drain(120)

    delivery.close()
    assert drained
    assert not refused
    assert keys(elasticsearch, stream) == [alert(n).key for n in range(400)]


def wait(holds: Callable[[], bool], patience_s: float = 60) -> None:
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if holds():
                return
        time.sleep(0.05)
    raise AssertionError("did not come about")


def patiently(write: Callable[[], Any], patience_s: float = 60) -> Any:
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return write()
        except SinkUnavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
