"""What is scraped: names, numbers, bounds, and three pages that tell nobody anything else."""

import json
import re
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from engine.telemetry import FAMILIES, Heartbeat, Histogram, Kind, Telemetry
from engine.telemetry.server import TelemetryError

_UNITS = ("_seconds", "_bytes", "_info", "_total")


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    made = Telemetry()
    yield made
    made.stop()


def get(port: int, path: str, **headers: str) -> tuple[int, str, str]:
    try:
        with urllib.request.urlopen(
            urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
        ) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read().decode()


def samples(telemetry: Telemetry) -> dict[tuple[str, ...], float]:
    return {(s.name, *s.labels.values()): s.value for metric in telemetry.collect() for s in metric.samples}


def test_what_the_stages_count_is_read_when_it_is_scraped(telemetry) -> None:
    counted = {("openssh",): 3}
    telemetry.register("tieline_events_total", lambda: counted)
    port = telemetry.start("127.0.0.1", 0)

    first = get(port, "/metrics")[2]
    counted["openssh",] = 4
    second = get(port, "/metrics")[2]

    assert 'tieline_events_total{format="openssh"} 3.0' in first
    assert 'tieline_events_total{format="openssh"} 4.0' in second
    assert "process_resident_memory_bytes" in first


def test_several_readers_of_one_family_are_added_up(telemetry) -> None:
    telemetry.register("tieline_records_total", lambda: {("a",): 1, ("b",): 2})
    telemetry.register("tieline_records_total", lambda: {("b",): 3})

    assert samples(telemetry) == {("tieline_records_total", "a"): 1, ("tieline_records_total", "b"): 5}


def test_a_histogram_is_scraped_with_its_buckets(telemetry) -> None:
    waits = Histogram((0.1, 1.0))
    for seconds in (0.1, 0.5, 7.0):
        waits.observe(seconds)
    telemetry.register("tieline_sink_write_seconds", lambda: {("es",): waits})

    found = get(telemetry.start("127.0.0.1", 0), "/metrics")[2]

    assert 'tieline_sink_write_seconds_bucket{le="0.1",sink="es"} 1.0' in found
    assert 'tieline_sink_write_seconds_bucket{le="+Inf",sink="es"} 3.0' in found
    assert 'tieline_sink_write_seconds_sum{sink="es"} 7.6' in found


def test_labels_beyond_the_bound_are_added_up_and_what_was_shown_stays(telemetry) -> None:
    most = FAMILIES["tieline_source_up"].most
    names = [f"s{number}" for number in range(most)]
    telemetry.register("tieline_source_up", lambda: {(name,): 1 for name in names})
    samples(telemetry)

    names[:0] = ["new", "newer"]
    found = samples(telemetry)

    assert len(found) == most + 1
    assert found["tieline_source_up", "other"] == 2
    assert found["tieline_source_up", "s0"] == 1


def test_a_dict_that_grows_while_it_is_read_costs_no_scrape(telemetry) -> None:
    counts: dict[tuple[str, ...], float] = {("a",): 1}

    def growing() -> dict[tuple[str, ...], float]:
        for labels in counts:
            counts[(f"{labels[0]}x",)] = 1
        return counts

    telemetry.register("tieline_late_matches_total", growing)
    telemetry.register("tieline_checkpoints_total", lambda: {(): 7})

    found = samples(telemetry)

    assert found["tieline_checkpoints_total",] == 7
    assert found["tieline_scrape_failures_total", "tieline_late_matches_total"] == 1


def test_an_unknown_family_is_not_registered(telemetry) -> None:
    with pytest.raises(KeyError):
        telemetry.register("tieline_attempts", dict)


def test_the_names_follow_the_rules_of_prometheus() -> None:
    for family in FAMILIES.values():
        assert re.fullmatch(r"tieline_[a-z][a-z0-9_]*", family.name)
        assert family.name.endswith("_total") == (family.kind is Kind.COUNTER)
        assert not set(family.labels) & {"ip", "address", "user", "host", "name", "le", "instance", "job"}
        assert family.help.endswith(".") and family.most <= 5_000


def test_health_and_readiness_are_what_the_service_says(telemetry) -> None:
    state: dict[str, Any] = {"alive": True, "ready": False}
    telemetry.alive = lambda: (state["alive"], {})
    telemetry.ready = lambda: (state["ready"], {"sinks": {"elasticsearch": False}})
    port = telemetry.start("127.0.0.1", 0)

    assert get(port, "/healthz")[0] == 200
    status, kind, body = get(port, "/readyz")
    assert (status, kind, json.loads(body)) == (
        503,
        "application/json",
        {"ok": False, "sinks": {"elasticsearch": False}},
    )
    state |= {"alive": False, "ready": True}
    assert (get(port, "/healthz")[0], get(port, "/readyz")[0]) == (503, 200)


def test_a_heartbeat_tells_a_loop_that_turns_from_one_that_hangs() -> None:
    heart = Heartbeat(patience_s=0.1)
    assert heart.moving()

    time.sleep(0.15)
    assert not heart.moving()

    heart.beat()
    assert heart.moving()


def test_a_request_is_never_quoted_back(telemetry) -> None:
    port = telemetry.start("127.0.0.1", 0)

    pages = [get(port, "/secret-path?x=<script>")[2]]
    for sent in (
        b"GET <script> HTTP/9.9\r\n\r\n",
        b"BREW /secret HTTP/1.1\r\n\r\n",
        b"GET /" + b"s" * 70_000,
        b"\xff\x00\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            pages.append(client.makefile("rb").read().decode("latin-1"))

    for page in pages:
        assert "script" not in page and "secret" not in page and "ssss" not in page and "Python" not in page


def test_idle_clients_do_not_keep_a_scraper_out_for_long(telemetry, monkeypatch) -> None:
    monkeypatch.setattr("engine.telemetry.server._Handler.timeout", 0.5)
    port = telemetry.start("127.0.0.1", 0)
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(40)]

    def scraped() -> bool:
        try:
            return get(port, "/metrics")[0] == 200
        except OSError:
            return False

    deadline = time.monotonic() + 10
    while not scraped():
        assert time.monotonic() < deadline
        time.sleep(0.1)

    for client in idle:
        client.close()


def test_a_port_in_use_is_named(telemetry) -> None:
    port = telemetry.start("127.0.0.1", 0)

    with pytest.raises(TelemetryError, match=str(port)):
        Telemetry().start("127.0.0.1", port)


def test_it_stops_and_gives_its_port_back(telemetry) -> None:
    port = telemetry.start("127.0.0.1", 0)
    telemetry.stop()

    assert telemetry.start("127.0.0.1", port) == port
    telemetry.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "telemetry"]


def test_ipv6_is_served_where_there_is_any(telemetry) -> None:
    try:
        port = telemetry.start("::1", 0)
    except TelemetryError:
        pytest.skip("no IPv6 on this machine")

    with urllib.request.urlopen(f"http://[::1]:{port}/healthz") as answer:
        assert answer.status == 200
