"""The servers that the journeys stand on are real, come back after a stop, and leave nothing behind."""

import json
import shutil
import socket
import ssl
import subprocess
import sys
import textwrap
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TypeVar

import prometheus_server
import pytest
import rsyslog_daemon
from certificates import Authority
from elasticsearch import ConflictError, Elasticsearch, helpers
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
from prometheus_client import CollectorRegistry, Counter, start_http_server
from rsyslog_daemon import Forward, Tls
from server_process import Server, StartFailure, free_port

T = TypeVar("T")
Folder = Callable[[str], Path]


def test_kafka_keeps_an_aborted_transaction_from_who_reads_committed(kafka: str) -> None:
    topic = _topic(kafka)
    producer = KafkaProducer(bootstrap_servers=kafka, transactional_id=topic)
    producer.init_transactions()

    for text, end in ((b"kept", producer.commit_transaction), (b"dropped", producer.abort_transaction)):
        producer.begin_transaction()
        producer.send(topic, text, key=b"plc-1")
        producer.flush()
        end()
    producer.close()

    assert _values(kafka, topic, isolation_level="read_committed") == [b"kept"]
    assert _values(kafka, topic, isolation_level="read_uncommitted") == [b"kept", b"dropped"]


def test_kafka_has_its_records_and_its_address_after_a_kill(kafka: str, kafka_server: Server) -> None:
    topic = _topic(kafka)
    producer = KafkaProducer(bootstrap_servers=kafka, acks="all")
    producer.send(topic, b"before").get(timeout=30)
    producer.close()

    kafka_server.kill()
    assert not kafka_server.running()
    kafka_server.start()

    assert kafka_server.address == kafka
    assert _values(kafka, topic) == [b"before"]


def test_elasticsearch_creates_a_document_of_a_data_stream_once(elasticsearch: str) -> None:
    stream = f"logs-smoke.alert-{uuid.uuid4().hex[:8]}"
    document = {"@timestamp": "2026-03-01T07:00:00.123456789Z", "event.kind": "alert", "rule.name": "PLC stopped"}
    once = {"_op_type": "create", "_index": stream, "_id": "a1-0", "_source": document}

    with Elasticsearch(elasticsearch) as client:
        client.indices.put_index_template(
            name=stream,
            index_patterns=[stream],
            data_stream={},
            priority=500,
            template={"mappings": {"properties": {"@timestamp": {"type": "date_nanos"}}}},
        )
        helpers.bulk(client, [once], refresh=True)
        ((taken, refusal),) = helpers.streaming_bulk(client, [once], refresh=True, raise_on_error=False)

        assert (taken, refusal["create"]["status"]) == (False, 409)
        assert client.count(index=stream)["count"] == 1
        with pytest.raises(ConflictError):
            client.create(index=stream, id="a1-0", document=document)


def test_elasticsearch_has_its_documents_and_its_address_after_a_stop(
    elasticsearch: str, elasticsearch_server: Server
) -> None:
    index = f"kept-{uuid.uuid4().hex[:8]}"
    with Elasticsearch(elasticsearch) as client:
        client.index(index=index, id="1", document={"a": 1}, refresh=True)

    elasticsearch_server.stop()
    with pytest.raises(urllib.error.URLError):
        _get(elasticsearch)
    elasticsearch_server.start()

    assert elasticsearch_server.address == elasticsearch
    with Elasticsearch(elasticsearch, retry_on_status=[503], max_retries=20, retry_on_timeout=True) as client:
        assert client.get(index=index, id="1")["_source"] == {"a": 1}


def test_elasticsearch_8_creates_a_document_of_a_data_stream_once(elasticsearch8: str) -> None:
    stream = f"logs-smoke.alert-{uuid.uuid4().hex[:8]}"
    template = {"index_patterns": [stream], "data_stream": {}, "priority": 500, "template": {}}
    bulk = '{"create":{"_id":"a1-0"}}\n{"@timestamp":"2026-03-01T07:00:00Z","event.kind":"alert"}\n'

    _send(f"{elasticsearch8}/_index_template/{stream}", json.dumps(template), "PUT")
    answers = [_send(f"{elasticsearch8}/{stream}/_bulk?refresh=true", bulk, "POST") for _ in range(2)]

    assert [answer["items"][0]["create"]["status"] for answer in answers] == [201, 409]


def test_prometheus_scrapes_a_counter_and_tells_its_value(prometheus: Path, server_folder: Folder) -> None:
    registry = CollectorRegistry()
    alerts = Counter("tieline_alerts", "Alerts", ["level"], registry=registry)
    port = free_port()
    endpoint, thread = start_http_server(port, "127.0.0.1", registry)
    alerts.labels("critical").inc(3)

    try:
        with prometheus_server.prometheus(server_folder("prometheus"), [f"127.0.0.1:{port}"]) as server:
            seen = _eventually(
                lambda: prometheus_server.value(server.address, 'tieline_alerts_total{level="critical"}')
            )
    finally:
        endpoint.shutdown()
        endpoint.server_close()
        thread.join()

    assert seen == 3


def test_an_alert_of_prometheus_reaches_a_webhook_through_alertmanager(
    prometheus: Path, alertmanager: Path, server_folder: Folder
) -> None:
    folder = server_folder("prometheus")
    rules = folder / "rules.yml"
    rules.write_text(
        textwrap.dedent("""\
        groups:
          - name: plant
            rules:
              - alert: AlwaysTrue
                expr: vector(1) > 0
                labels: {severity: page}
        """)
    )

    with (
        _webhook() as (address, received),
        prometheus_server.alertmanager(server_folder("alertmanager"), webhook=address) as notifier,
        prometheus_server.prometheus(folder, rule_files=[rules], alertmanager_address=notifier.address),
    ):
        (told, *_) = _eventually(lambda: received)

    assert [alert["labels"]["alertname"] for alert in told["alerts"]] == ["AlwaysTrue"]


def test_promtool_finds_what_is_wrong_with_a_rule_file(promtool: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text("groups: [{name: a, rules: [{alert: B, expr: 'rate(x'}]}]\n")

    verdict = prometheus_server.promtool("check", "rules", rules)

    assert verdict.returncode == 1
    assert "unclosed left parenthesis" in verdict.stderr + verdict.stdout


def test_logger_reaches_a_tls_socket_through_rsyslog_with_octet_counting(
    rsyslog: Path, server_folder: Folder, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    ours, theirs = authority.issue("collector", "collector.plant.example"), authority.issue("vpn", "vpn-1.example")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.certificate))
    context.load_cert_chain(ours.certificate, ours.key)
    context.verify_mode = ssl.CERT_REQUIRED
    tls = Tls(authority.certificate, theirs.certificate, theirs.key, "collector.plant.example")
    told = ["Failed password for jdoe from 192.0.2.7 port 4711 ssh2", "ein Text mit Umlauten: äöü"]

    with socket.create_server(("127.0.0.1", 0)) as listener:
        forward = Forward("tcp", listener.getsockname()[1], framing="octet-counted", tls=tls)
        with rsyslog_daemon.daemon(server_folder("rsyslog"), [forward], hostname="vpn-1") as server:
            rsyslog_daemon.log(server, *told, tag="sshd", pid=811, priority="auth.info")
            listener.settimeout(30)
            connection, _ = listener.accept()
            connection.settimeout(30)
            with context.wrap_socket(connection, server_side=True) as secure:
                peer = secure.getpeercert() or {}
                frames = [_octet_counted(secure) for _ in told]

    assert peer["subject"] == ((("commonName", "vpn-1.example"),),)
    assert [frame.split(b" - - ", 1)[1].strip().decode() for frame in frames] == told
    assert all(frame.startswith(b"<38>1 ") and b" vpn-1 sshd 811 " in frame for frame in frames)


def test_logger_reaches_a_udp_socket_and_a_tcp_socket_through_one_rsyslog(rsyslog: Path, server_folder: Folder) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
    ):
        datagrams.bind(("127.0.0.1", 0))
        listener.settimeout(30)
        datagrams.settimeout(30)
        forwards = [
            Forward("udp", datagrams.getsockname()[1], format="3164"),
            Forward("tcp", listener.getsockname()[1], format="iso"),
        ]
        with rsyslog_daemon.daemon(server_folder("rsyslog"), forwards, hostname="jump-1") as server:
            rsyslog_daemon.log(server, "session opened for user jdoe", tag="sudo", priority="authpriv.info")
            datagram = datagrams.recv(2048)
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(30)
                line = connection.makefile("rb").readline()

    assert datagram.startswith(b"<86>") and datagram.endswith(b" jump-1 sudo: session opened for user jdoe")
    assert line.startswith(b"<86>20") and line.endswith(b" jump-1 sudo: session opened for user jdoe\n")


def test_a_server_that_does_not_start_says_why_and_is_gone(tmp_path: Path) -> None:
    script = "print('no such setting', flush=True); raise SystemExit(7)"
    server = Server("broken", [sys.executable, "-c", script], address="", folder=tmp_path, ready=lambda: False)

    with pytest.raises(StartFailure, match=r"status 7\nno such setting"):
        server.start()

    assert not server.running()


def test_a_server_ends_when_the_test_run_is_killed(tmp_path: Path) -> None:
    servers = Path(__file__).parents[1] / "servers"
    script = f"""
        import sys, time
        sys.path.insert(0, {str(servers)!r})
        from pathlib import Path
        from server_process import Server
        folder = Path({str(tmp_path)!r})
        shell = ["sh", "-c", "touch up; exec sleep 60"]
        sleeper = Server("sleeper", shell, address="", folder=folder, ready=(folder / "up").exists).start()
        print(sleeper.pid, flush=True)
        time.sleep(60)
    """
    run = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE)
    assert run.stdout is not None
    sleeper = int(run.stdout.readline())
    assert _alive(sleeper)

    run.kill()
    run.wait()
    run.stdout.close()

    assert _eventually(lambda: not _alive(sleeper))


def test_a_stop_ends_the_children_too_even_deaf_ones(tmp_path: Path) -> None:
    script = "trap '' TERM; sleep 60 & echo $! >child; wait; wait"
    child = tmp_path / "child"
    deaf = Server("deaf", ["sh", "-c", script], address="", folder=tmp_path, ready=child.exists, grace_s=0.5).start()

    deaf.stop()

    assert not deaf.running()
    assert not _alive(int(child.read_text()))


def test_an_absent_program_skips_the_test_and_fails_it_where_servers_are_required(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    tests = Path(__file__).parents[1]
    shutil.copy(tests / "conftest.py", pytester.path)
    shutil.copytree(tests / "servers", pytester.path / "servers")
    pytester.makepyfile(
        """
        from server_process import program

        def test_by_fixture(promtool): ...
        def test_by_itself(): program("no-such-program", "no-such-package")
        def test_outside(outside): ...
        """
    )
    monkeypatch.setenv("PATH", str(pytester.path))
    monkeypatch.setenv("TIELINE_OUTSIDE_DATA", "nowhere")
    monkeypatch.delenv("TIELINE_REQUIRE_SERVERS", raising=False)

    lenient = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    monkeypatch.setenv("TIELINE_REQUIRE_SERVERS", "1")
    strict = pytester.runpytest_inprocess("-p", "no:cacheprovider")

    lenient.assert_outcomes(skipped=3)
    lenient.stdout.fnmatch_lines(["skipped for want of outside data: 1, for want of a server: 2, otherwise: 0"])
    strict.assert_outcomes(skipped=1, failed=1, errors=1)
    strict.stdout.fnmatch_lines(["*no promtool on this machine (Debian package prometheus)*"])


def _topic(kafka: str) -> str:
    name = f"test-{uuid.uuid4().hex[:8]}"
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)])
    admin.close()
    return name


def _values(kafka: str, topic: str, isolation_level: str = "read_uncommitted") -> list[bytes]:
    consumer = KafkaConsumer(bootstrap_servers=kafka, isolation_level=isolation_level)
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    values: list[bytes] = []
    deadline = time.monotonic() + 30
    (end,) = consumer.end_offsets([partition]).values()
    while consumer.position(partition) < end and time.monotonic() < deadline:
        for records in consumer.poll(timeout_ms=500).values():
            values.extend(record.value for record in records)
    consumer.close()
    return values


def _octet_counted(connection: ssl.SSLSocket) -> bytes:
    length = b""
    while (digit := connection.recv(1)) != b" ":
        length += digit
    frame = b""
    while len(frame) < int(length):
        frame += connection.recv(int(length) - len(frame))
    return frame


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return bytes(answer.read())


def _send(url: str, text: str, method: str) -> dict[str, list[dict[str, dict[str, int]]]]:
    request = urllib.request.Request(
        url,
        text.encode(),
        {"Content-Type": "application/x-ndjson" if "_bulk" in url else "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return dict(json.load(answer))


@contextmanager
def _webhook() -> Iterator[tuple[str, list[dict[str, list[dict[str, dict[str, str]]]]]]]:
    received: list[dict[str, list[dict[str, dict[str, str]]]]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", received
        finally:
            server.shutdown()
            thread.join()


def _eventually(look: Callable[[], T], patience_s: float = 30) -> T:
    deadline = time.monotonic() + patience_s
    while not (seen := look()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return seen


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
