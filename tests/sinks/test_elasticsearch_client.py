"""The Elasticsearch sink against answers that a real server gives seldom: a proxy's errors, overload, lost answers."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from engine.config.sinks import ElasticsearchSink
from engine.model import Alert
from engine.sinks.elasticsearch import ElasticsearchStream
from engine.sinks.elasticsearch_templates import read
from engine.sinks.sink import SinkError, SinkUnavailable

Answer = tuple[int, Any]
TYPES_OF_BOTH_DISTRIBUTIONS = {
    "boolean",
    "date",
    "date_nanos",
    "flattened",
    "float",
    "double",
    "ip",
    "keyword",
    "long",
    "object",
    "text",
}


class Server(ThreadingHTTPServer):
    """Answers bulk requests as told; keeps what it created, and finds it by ids."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.created: list[str] = []
        self.asked: list[str] = []
        self.bulk: Callable[[list[str]], Answer | None] = self.create
        self.puts: Callable[[str, Any], Answer] = lambda path, body: (200, {"acknowledged": True})

    def create(self, keys: list[str]) -> Answer:
        items = [{"create": {"status": 409 if key in self.created else 201}} for key in keys]
        self.created += [key for key in keys if key not in self.created]
        return 200, {"errors": False, "items": items}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        self.server.asked.append(path.rpartition("/")[2])
        answer: Answer | None = 200, {}
        if path.endswith("_bulk"):
            answer = self.server.bulk([json.loads(line)["create"]["_id"] for line in body.splitlines()[::2]])
        elif path.endswith("_search"):
            wanted = json.loads(body)["query"]["ids"]["values"]
            answer = 200, {"hits": {"hits": [{"_id": key} for key in self.server.created if key in wanted]}}
        self._answer(answer)

    def do_PUT(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(self.server.puts(self.path, body))

    def _answer(self, answer: Answer | None) -> None:
        if answer is None:
            self.close_connection = True
            return
        status, content = answer
        body = json.dumps(content).encode() if not isinstance(content, bytes) else content
        self.send_response(status)
        self.send_header("X-Elastic-Product", "Elasticsearch")
        self.send_header("Content-Type", "application/json" if not isinstance(content, bytes) else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.serve_forever, args=(0.05,))
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def sink(server: Server) -> ElasticsearchStream:
    made = ElasticsearchStream(ElasticsearchSink(hosts=[f"http://127.0.0.1:{server.server_port}"], timeout_s=1))
    made.start()
    made.position()
    server.asked.clear()
    return made


def alert(number: int, **more: Any) -> Alert:
    return Alert(f"a{number}", 0, 0, "rule", "low", {"event.id": f"a{number}", **more})


def test_overload_makes_only_what_was_turned_away_come_again(sink, server) -> None:
    overloaded = [201, 429, 201]
    server.bulk = lambda keys: (200, {"errors": True, "items": [{"create": {"status": code}} for code in overloaded]})
    with pytest.raises(SinkUnavailable, match="1 documents"):
        sink.write([alert(1), alert(2), alert(3)])
    seen: list[list[str]] = []
    server.bulk = lambda keys: (seen.append(keys), server.create(keys))[1]

    refused = sink.write([alert(1), alert(2), alert(3)])

    assert not refused
    assert seen == [["a2-0"]]
    assert "_search" not in server.asked


@pytest.mark.parametrize("answer", [None, (502, b"<html>bad gateway</html>"), (503, {"error": "closing"})])
def test_after_an_answer_in_doubt_the_ids_are_looked_up_before_anything_is_sent_again(sink, server, answer) -> None:
    def lost(keys: list[str]) -> Answer | None:
        server.create(keys[:2])
        return answer

    server.bulk = lost
    with pytest.raises(SinkUnavailable):
        sink.write([alert(1), alert(2), alert(3)])
    seen: list[list[str]] = []
    server.bulk = lambda keys: (seen.append(keys), server.create(keys))[1]
    server.asked.clear()

    refused = sink.write([alert(1), alert(2), alert(3)])

    assert not refused
    assert server.asked == ["_refresh", "_search", "_bulk"]
    assert seen == [["a3-0"]]
    assert sink.stats["repeated"] == 2


def test_a_refused_document_is_refused_once_although_the_batch_comes_again(sink, server) -> None:
    wrong = {"type": "document_parsing_exception", "reason": "field [x]", "caused_by": {"reason": "no object"}}
    items = [{"create": {"status": 400, "error": wrong}}, {"create": {"status": 429}}]
    server.bulk = lambda keys: (200, {"errors": True, "items": items})
    with pytest.raises(SinkUnavailable):
        sink.write([alert(1), alert(2)])
    server.bulk = server.create

    (refused,) = sink.write([alert(1), alert(2)])

    assert refused.alert.key == "a1-0"
    assert refused.reason == "Elasticsearch answers 400: document_parsing_exception: field [x]: no object"
    assert server.created == ["a2-0"]
    assert not sink.write([alert(3)])


def test_a_request_that_is_too_large_is_halved_and_a_document_that_is_refused(sink, server) -> None:
    server.bulk = lambda keys: server.create(keys) if keys == ["a1-0"] or keys == ["a3-0"] else (413, b"too large")

    (refused,) = sink.write([alert(1), alert(2), alert(3)])

    assert refused.alert.key == "a2-0"
    assert "413" in refused.reason
    assert server.created == ["a1-0", "a3-0"]


def test_a_login_that_does_not_suffice_names_the_privileges_and_loses_nothing(sink, server) -> None:
    server.bulk = lambda keys: (403, {"error": {"type": "security_exception", "reason": "unauthorized"}})
    with pytest.raises(SinkUnavailable, match="create_doc"):
        sink.write([alert(1)])
    server.bulk = server.create

    assert not sink.write([alert(1)])
    assert server.created == ["a1-0"]


def test_a_server_without_lifecycles_gets_the_template_without_them(server) -> None:
    put: list[Any] = []

    def refusing(path: str, body: Any) -> Answer:
        template = body.get("template", {})
        if "lifecycle" in template:
            return 400, {"error": {"type": "x_content_parse_exception", "reason": "unknown field [lifecycle]"}}
        if "lifecycle" in template.get("settings", {}).get("index", {}):
            return 400, {"error": {"type": "e", "reason": "unknown setting [index.lifecycle.prefer_ilm]"}}
        put.append((path.partition("?")[0], body))
        return 200, {}

    server.puts = refusing
    settings = ElasticsearchSink(hosts=[f"http://127.0.0.1:{server.server_port}"], retention="90d")

    ElasticsearchStream(settings).start()

    assert [path for path, _ in put] == [
        "/_component_template/tieline@mappings",
        "/_component_template/tieline@settings",
        "/_index_template/tieline",
    ]


def test_hosts_that_are_no_urls_are_an_error_at_the_start() -> None:
    with pytest.raises(SinkError, match="https://host:9200"):
        ElasticsearchStream(ElasticsearchSink(hosts=["elastic.example"]))


def test_templates_keep_to_types_that_every_distribution_has() -> None:
    def types(value: Any) -> set[str]:
        if isinstance(value, list):
            return set().union(*map(types, value))
        if not isinstance(value, dict):
            return set()
        own = {value["type"]} if isinstance(value.get("type"), str) else set()
        return own.union(*(types(inner) for inner in value.values()))

    assert types(read("mappings")) <= TYPES_OF_BOTH_DISTRIBUTIONS
