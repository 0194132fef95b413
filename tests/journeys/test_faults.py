"""Processes and servers that die at bad moments, and clients that send what nobody should: nothing is lost or doubled."""

import json
import random
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from certificates import Authority
from plant_devices import MODBUS, controllers, loopback_plant, packets_can_be_captured
from pymodbus.client import ModbusTcpClient
from server_process import Server, free_port
from stored_alerts import TopicReader, make_topic, revisions
from tieline_service import ROOT, TIELINE, Service, environment, service, wait_until

Folder = Callable[[str], Path]

RECORDS = ROOT / "engine" / "demo" / "records"
ASSETS = ROOT / "engine" / "demo" / "assets.yml"


class Line:
    """One collector and one detector, a topic and a stream between and behind them; nothing of it runs yet."""

    def __init__(self, folder: Path, kafka: str, elasticsearch: str | None = None) -> None:
        name = folder.name.rpartition("-")[2].lower()
        self.kafka, self.elasticsearch = kafka, elasticsearch
        self.topic, self.stream = f"events-{name}", f"logs-tieline.{name}-test"
        self.folder = folder
        make_topic(kafka, self.topic, partitions=2)

    def collect(self, *sources: dict[str, Any]) -> Service:
        sinks = [{"type": "kafka", "brokers": [self.kafka], "events": self.topic}]
        return service(self.folder, "collect", {"role": "collect", "sources": sources, "sinks": sinks})

    def detect(self, **more: Any) -> Service:
        return service(
            self.folder,
            "detect",
            {
                "role": "detect",
                "sources": [
                    {
                        "type": "kafka",
                        "brokers": [self.kafka],
                        "topics": [self.topic],
                        "group": self.topic,
                        "session_timeout_ms": 1500,  # of a killed member; the next must not wait long for it
                    }
                ],
                "assets": str(ASSETS),
                "sinks": [
                    {"type": "elasticsearch", "hosts": [self.elasticsearch], "stream": self.stream},
                    {"type": "ndjson", "path": "alerts.ndjson"},
                ],
                **more,
            },
        )

    def revisions(self) -> list[tuple[str, int]]:
        assert self.elasticsearch is not None
        return revisions(self.elasticsearch, self.stream)


@pytest.fixture
def line(server_folder: Folder, kafka: str, elasticsearch: str) -> Line:
    return Line(server_folder("faults"), kafka, elasticsearch)


@pytest.fixture
def short_line(server_folder: Folder, kafka: str) -> Line:
    """Without an end."""
    return Line(server_folder("faults"), kafka)


@pytest.fixture(scope="module")
def story() -> list[bytes]:
    """The demo's records in the order of their time, packets as the JSON that a sensor would write."""
    timed = []
    for file in [*sorted(RECORDS.glob("*.log")), RECORDS / "cell-a.pcap"]:
        for event in output("parse", str(file)):
            text = json.dumps(event) if file.suffix == ".pcap" else event["event.original"]
            timed.append((event.get("@timestamp", ""), text.encode()))
    return [text for _, text in sorted(timed, key=lambda entry: entry[0])]


def output(*command: str) -> list[dict[str, Any]]:
    done = subprocess.run([*TIELINE, *command], env=environment(), capture_output=True, check=True, timeout=120)
    return [json.loads(document) for document in done.stdout.splitlines()]


def closing() -> list[bytes]:
    """Lines of the near future, of so many hosts that each partition has one: they move every clock past the story."""
    soon = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    return [f"<29>1 {soon} host-{number} test 1 - - the end".encode() for number in range(16)]


def expected(folder: Path, lines: list[bytes]) -> tuple[list[tuple[str, int]], list[str]]:
    """What a replay nobody disturbs makes of the lines: each alert with all its revisions; and each line's event id."""
    file = folder / "all.log"
    file.write_bytes(b"\n".join(lines) + b"\n")
    config = folder / "replay.yml"
    config.write_text(json.dumps({"assets": str(ASSETS)}))
    keys = [
        (alert["event.id"], number)
        for alert in output("replay", "-c", str(config), "--lateness", "10s", str(file))
        for number in range(alert.get("tieline.correlation.revision", 0) + 1)
    ]
    return sorted(keys), [event.get("event.id", "") for event in output("parse", str(file))]


def test_killed_services_lose_and_repeat_nothing(line: Line, story: list[bytes], tmp_path: Path) -> None:
    rng = random.Random(11)
    lines = [*story, *closing()]
    wanted, ids = expected(tmp_path, lines)
    growing, port = tmp_path / "growing.log", free_port()
    growing.touch()
    collect = line.collect(
        {"type": "file", "name": "file", "paths": [str(growing)]},
        {"type": "syslog", "name": "tcp", "transport": "tcp", "listen": f"127.0.0.1:{port}"},
    )
    detect = line.detect(time={"idle_after": "1h", "lateness": "10s"})
    topic = TopicReader(line.kafka, line.topic)

    with detect, collect:
        edges = [0, *sorted(rng.sample(range(1, len(story)), 7)), len(lines)]
        for number, (start, stop) in enumerate(zip(edges, edges[1:], strict=False)):
            piece = lines[start:stop]
            if number % 2:
                send(port, piece)
            else:
                with growing.open("ab") as file:
                    file.write(b"\n".join(piece) + b"\n")
                time.sleep(rng.random())
                collect.kill()  # a file is read again; what came by network is safe once it was received
                collect.start()
            sent = {event for event in ids[:stop] if event}
            topic.wait_for(sent, collect)
            if number % 2:
                collect.kill()
                collect.start()
            if number % 3 == 2:
                detect.kill()
                time.sleep(rng.random())
                detect.start()
        wait_until(lambda: len(line.revisions()) >= len(wanted), "the alerts", detect, patience_s=60)
        ended = collect.end(), detect.end()
    topic.close()

    assert len(wanted) > 10
    assert line.revisions() == wanted
    assert written(detect) == wanted
    assert ended == (0, 0)


def written(detect: Service) -> list[tuple[str, int]]:
    """What is in the file, where nothing keeps an alert from being there twice."""
    found = [json.loads(alert) for alert in (detect.folder / "alerts.ndjson").read_bytes().splitlines()]
    return sorted((alert["event.id"], alert.get("tieline.correlation.revision", 0)) for alert in found)


def send(port: int, lines: list[bytes]) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(b"\n".join(lines) + b"\n")


def test_a_capture_goes_on_after_its_collector_was_killed(
    short_line: Line, server_folder: Folder, tmp_path: Path
) -> None:
    packets_can_be_captured()
    plant = loopback_plant()
    mirror = {"type": "packets", "name": "mirror", "interface": "lo", "promiscuous": False}
    collect = short_line.collect(mirror)
    topic = TopicReader(short_line.kafka, short_line.topic)

    def values() -> list[int]:
        ours = [event for event in topic.look() if event.get("destination.ip") == plant.modbus_controller]
        return [event["ot.value"] for event in ours if event["ot.operation"] == "write"]

    with controllers(server_folder("plant"), plant):
        client = ModbusTcpClient(plant.modbus_controller, port=MODBUS, source_address=(plant.workstation, 0))
        assert client.connect()
        with collect:
            for value in (101, 102, 103):
                client.write_register(5, value)
                wait_until(lambda: value in values(), f"the write of {value}", collect)
                collect.kill()
                client.read_holding_registers(5, count=1)  # nobody is there to see it
                collect.start()
            client.write_register(5, 104)
            wait_until(lambda: 104 in values(), "the write after the last start", collect)
            client.close()
            ended = collect.end()
    found = values()
    topic.close()

    assert sorted(set(found)) == [101, 102, 103, 104]
    assert ended == 0
    assert not (collect.folder / "dead-letters.ndjson").read_bytes()


def test_nothing_is_lost_while_kafka_and_elasticsearch_are_away(
    line: Line, story: list[bytes], tmp_path: Path, kafka_server: Server, elasticsearch_server: Server
) -> None:
    lines = [*story, *closing()]
    wanted, ids = expected(tmp_path, lines)
    port = free_port()
    collect = line.collect({"type": "syslog", "name": "tcp", "transport": "tcp", "listen": f"127.0.0.1:{port}"})
    detect = line.detect(time={"idle_after": "1h", "lateness": "10s"})
    third = len(story) // 3

    with detect, collect:
        send(port, lines[:third])
        wait_until(lambda: detect.counted("tieline_records_total") >= third, "the first third", collect, detect)
        elasticsearch_server.stop()
        send(port, lines[third : 2 * third])
        wait_until(lambda: detect.counted("tieline_records_total") >= 2 * third, "the second third", collect, detect)
        kafka_server.stop()
        send(port, lines[2 * third :])
        wait_until(lambda: collect.readiness()["status"] == 503, "no readiness without a broker to write to", collect)
        wait_until(lambda: detect.readiness()["sources"] == {"kafka": False}, "nor without one to read from", detect)
        without_kafka = collect.readiness(), collect.page("/healthz")[0], detect.page("/healthz")[0]
        collect.kill()  # what nobody could take from it yet is on its disk
        kafka_server.start()
        collect.start()
        topic = TopicReader(line.kafka, line.topic)
        topic.wait_for({event for event in ids if event}, collect)
        wait_until(lambda: not detect.readiness()["sinks"]["elasticsearch"], "nor with nowhere to write", detect)
        without_elasticsearch = detect.readiness()["status"], detect.page("/healthz")[0]
        elasticsearch_server.start()
        wait_until(lambda: len(line.revisions()) >= len(wanted), "the alerts", detect)
        wait_until(lambda: detect.readiness()["status"] == 200, "readiness again", detect)
        ended = collect.end(), detect.end()
    topic.close()

    not_ready = {"status": 503, "ok": False, "sources": {"tcp": True}, "sinks": {"kafka": False}}
    assert without_kafka == (not_ready, 200, 200)
    assert without_elasticsearch == (503, 200)
    assert line.revisions() == wanted
    assert written(detect) == wanted
    assert ended == (0, 0)


def test_what_nobody_should_send_costs_nothing_else(short_line: Line, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    ours = authority.issue("collector", "collector.example")
    ports = {name: free_port() for name in ("udp", "tcp", "tls")}
    sources: list[dict[str, Any]] = [
        {"type": "syslog", "name": name, "transport": name, "listen": f"127.0.0.1:{port}", "idle_record_s": 1}
        for name, port in ports.items()
    ]
    sources[-1]["tls"] = {"certificate": str(ours.certificate), "key": str(ours.key)}
    collect = short_line.collect(*sources)
    topic = TopicReader(short_line.kafka, short_line.topic)
    good = [f"<38>1 {datetime.now(UTC).isoformat()} box-{number} sshd 7 - - still here" for number in range(8)]
    odd = {
        "1970": b"<38>1 1970-01-01T00:00:00Z box-old sshd 7 - - before there was a plant",
        "2099": b"<38>1 2099-12-31T23:59:59Z box-new sshd 7 - - after it",
        "not UTF-8": b"<38>1 2026-03-01T00:00:00Z box-latin sshd 7 - - Stra\xdfe \xff\xfe",
        "NULs": b"<38>1 2026-03-01T00:00:00Z box-nul sshd 7 - - a\x00b\x00",
    }
    no_record = b"\x00\x01\x02 this is nothing that anybody knows \xff"

    with collect:
        held = [socket.create_connection(("127.0.0.1", ports[name]), timeout=30) for name in ("tcp", "tls", "tls")]
        half, handshake, garbage = held
        half.sendall(b"<38>1 2026-03-01T00:00:00Z box-half sshd 7 - - half a li")
        handshake.sendall(b"\x16\x03\x01\x02")
        garbage.sendall(b"GET / HTTP/1.1\r\n\r\n" + bytes(range(256)))
        send(ports["tcp"], [good[0].encode(), *odd.values(), no_record, good[1].encode()])
        send(ports["tcp"], [good[2].encode(), b"<38>1 2026-03-01T00:00:00Z box-long sshd 7 - - " + b"x" * 10_000_000])
        counted = b"%d %b" % (len(good[3]), good[3].encode())
        with socket.create_connection(("127.0.0.1", ports["tcp"]), timeout=30) as between_records:
            between_records.sendall(counted)
            wait_until(
                lambda: collect.counted("tieline_source_dropped_total", reason="idle_closed") > 0, "idle", collect
            )
            time.sleep(2)  # longer than half a record may take
            between_records.sendall(counted.replace(good[3].encode(), good[4].encode()))
        send(ports["tcp"], [good[5].encode()])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            for datagram in (b"", b"\x00", no_record, good[6].encode()):
                datagrams.sendto(datagram, ("127.0.0.1", ports["udp"]))
        context = ssl.create_default_context(cafile=str(authority.certificate))
        with context.wrap_socket(
            socket.create_connection(("127.0.0.1", ports["tls"]), timeout=30), server_hostname="collector.example"
        ) as secure:
            secure.sendall(good[7].encode() + b"\n")
        messages = set()

        def arrived() -> bool:
            messages.update(event["event.original"] for event in topic.look())
            return messages.issuperset(good)

        wait_until(arrived, "the good lines", collect)
        by_host = {event["host.name"]: event for event in topic.look()}
        for connection in held:
            connection.close()
        ended = collect.end()
    topic.close()

    letters = [json.loads(letter) for letter in (collect.folder / "dead-letters.ndjson").read_bytes().splitlines()]
    assert {"box-old", "box-new", "box-latin", "box-nul", "box-half"} <= by_host.keys()
    assert by_host["box-old"]["@timestamp"].startswith("1970-01-01")
    assert by_host["box-new"]["tieline.time"] == "corrected"
    assert by_host["box-latin"]["event.original"].endswith(r"Stra\xdfe \xff\xfe")
    assert [letter["event.original"] for letter in letters if "nothing that anybody" in letter["event.original"]] == [
        no_record.decode("utf-8", "backslashreplace")
    ] * 2
    assert "box-long" in by_host or any("box-long" in letter["event.original"] for letter in letters)
    assert ended == 0
    assert not [said for said in collect.said() if said["log.level"] not in ("info", "warning")]


def test_a_stream_that_stays_silent_after_a_restart_holds_nothing_back(server_folder: Folder, tmp_path: Path) -> None:
    silent, busy = tmp_path / "silent.log", tmp_path / "busy.log"
    spray = [now_line("gate", f"Failed password for user{n} from 203.0.113.9 port 4022 ssh2") for n in range(6)]
    silent.write_text(now_line("other", "Server listening on 0.0.0.0 port 22."))
    busy.write_text("".join(spray[:2]))
    alone = service(
        server_folder("faults"),
        "alone",
        {
            "sources": [{"type": "file", "name": "logs", "paths": [str(tmp_path / "*.log")]}],
            "sinks": [{"type": "ndjson", "path": "alerts.ndjson"}],
            "time": {"idle_after": "1s", "lateness": "2s"},
        },
    )

    with alone:
        wait_until(lambda: alone.counted("tieline_records_total") >= 3, "the first lines", alone)
        ended = alone.end()
        alone.start()
        with busy.open("a") as file:
            file.write("".join(now_line("gate", line.partition(" - - ")[2].strip()) for line in spray[2:]))
        wait_until(lambda: alone.counted("tieline_alerts_total", rule="password_spray") == 1, "the alert", alone)

    assert ended == 0


def now_line(host: str, text: str) -> str:
    return f"<38>1 {datetime.now(UTC).isoformat()} {host} sshd 7 - - {text}\n"
