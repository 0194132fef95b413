"""The whole way: real programs' lines and packets → collect → Kafka → detect → Elasticsearch, Prometheus beside."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import rsyslog_daemon
from certificates import Authority
from plant_devices import Plant, controllers, loopback_plant, packets_can_be_captured, stop_controller, write_register
from prometheus_server import prometheus as prometheus_server
from prometheus_server import value
from rsyslog_daemon import Forward, Tls
from server_process import free_port
from stored_alerts import alerts, make_topic, revisions
from tieline_service import service, wait_until

Folder = Callable[[str], Path]

ATTACKER = "203.0.113.200"
STORY = "guessed_account_takes_over_controllers"
CRITICAL = 99
GUESSED = ("agnes", "bruno", "celia", "doris", "emil", "frida")


class Way:
    """The two services and their addresses: three syslog listeners and a mirror port in, an alert stream out."""

    def __init__(self, folder: Path, kafka: str, elasticsearch: str, plant: Plant) -> None:
        name = folder.name.rpartition("-")[2].lower()
        self.authority = Authority(folder)
        self.elasticsearch = elasticsearch
        self.stream = f"logs-tieline.{name}-test"
        self.ports = {transport: free_port() for transport in ("udp", "tcp", "tls")}
        topic = f"events-{name}"
        make_topic(kafka, topic, partitions=3)
        self.collect = service(folder, "collect", self._collect(kafka, topic))
        self.detect = service(folder, "detect", self._detect(kafka, topic))
        (self.detect.folder / "assets.yml").write_text(_assets(plant))

    def _collect(self, kafka: str, topic: str) -> dict[str, Any]:
        sources: list[dict[str, Any]] = [
            {"type": "syslog", "name": f"lines-{name}", "transport": name, "listen": f"127.0.0.1:{port}"}
            for name, port in self.ports.items()
        ]
        ours = self.authority.issue("collector", "collector.mill.example")
        sources[-1]["tls"] = {
            "certificate": str(ours.certificate),
            "key": str(ours.key),
            "client_ca": str(self.authority.certificate),
        }
        sources.append({"type": "packets", "name": "mirror", "interface": "lo", "promiscuous": False})
        return {
            "role": "collect",
            "sources": sources,
            "sinks": [{"type": "kafka", "brokers": [kafka], "events": topic}],
        }

    def _detect(self, kafka: str, topic: str) -> dict[str, Any]:
        return {
            "role": "detect",
            "sources": [{"type": "kafka", "brokers": [kafka], "topics": [topic], "group": topic}],
            "assets": "assets.yml",
            "sinks": [{"type": "elasticsearch", "hosts": [self.elasticsearch], "stream": self.stream}],
            "time": {"idle_after": "1s", "lateness": "10s"},
        }

    def tls(self) -> Tls:
        theirs = self.authority.issue("gate-9", "gate-9.mill.example")
        return Tls(self.authority.certificate, theirs.certificate, theirs.key, "collector.mill.example")

    def alerts(self, query: str) -> list[dict[str, Any]]:
        return alerts(self.elasticsearch, self.stream, query)


def _assets(plant: Plant) -> str:
    return f"""
zones:
  mill: {{networks: [{plant.network}], level: 2, site: north}}
assets:
  - {{name: gate-9, role: vpn_gateway}}
  - {{name: hop-9, role: jump_host}}
  - {{name: eng-9, addresses: [{plant.workstation}], role: engineering_workstation, zone: mill}}
  - name: mill-2
    addresses: [{plant.modbus_controller}]
    role: plc
    zone: mill
    consequence: The mill turns faster than its bearings can bear.
"""


@pytest.fixture
def plant() -> Plant:
    packets_can_be_captured()
    return loopback_plant()


@pytest.fixture
def way(server_folder: Folder, kafka: str, elasticsearch: str, plant: Plant) -> Way:
    return Way(server_folder("journey"), kafka, elasticsearch, plant)


def test_the_story_told_by_real_programs_is_found_by_a_search_and_counted_once(
    way: Way,
    plant: Plant,
    rsyslog: Path,
    prometheus: Path,
    server_folder: Folder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "UTC")  # the jump host's lines name no zone
    with ExitStack() as running:
        start = running.enter_context
        start(controllers(server_folder("plant"), plant))
        start(way.detect)
        start(way.collect)
        scraper = start(prometheus_server(server_folder("prometheus"), [way.detect.address]))
        gate, hop, workstation = (
            start(rsyslog_daemon.daemon(server_folder(name), [forward], hostname=name))
            for name, forward in (
                ("gate-9", Forward("tcp", way.ports["tls"], framing="octet-counted", tls=way.tls())),
                ("hop-9", Forward("udp", way.ports["udp"], format="3164")),
                ("eng-9", Forward("tcp", way.ports["tcp"], framing="octet-counted")),
            )
        )

        tell(gate, "sshd", *(f"Failed password for {name} from {ATTACKER} port 50123 ssh2" for name in GUESSED))
        tell(gate, "sshd", f"Accepted password for gerda from {ATTACKER} port 50125 ssh2")
        tell(hop, "xrdp-sesman", session("gerda", "10.77.8.2:40001"))
        tell(workstation, "xrdp-sesman", session("gerda", "10.77.9.5:40002"))
        write_register(plant, 3, 1500, source=plant.other_station)
        stop_controller(plant)
        write_register(plant, 7, 4000)

        wait_until(lambda: bool(way.alerts(f"event.severity:{CRITICAL}")), "the story", way.collect, way.detect)
        of_the_story = f'sum(tieline_alerts_total{{rule="{STORY}",level="critical"}})'
        wait_until(lambda: value(scraper.address, of_the_story) is not None, "the counter", way.detect)
        counted = value(scraper.address, of_the_story)
        before = revisions(way.elasticsearch, way.stream)

        ended = way.collect.end(), way.detect.end()
        way.collect.start()
        way.detect.start()
        tell(hop, "sshd", "Server listening on 0.0.0.0 port 22.")  # by UDP: no connection of before is in the way
        wait_until(lambda: way.detect.counted("tieline_records_total") > 0, "a line after the start", way.detect)
        ended_again = way.collect.end(), way.detect.end()

    [alert] = way.alerts(f"event.severity:{CRITICAL}")
    assert alert["tieline.correlation.group"] == {"workstation": plant.workstation}
    assert [step["rule"] for step in alert["tieline.events"]] == [
        "guessed_account_on_engineering_workstation",
        "plc_stopped",
        "register_beyond_its_range",
    ]
    assert {"gerda", ATTACKER, plant.workstation} <= {*alert["related.user"], *alert["related.ip"]}
    assert plant.other_station not in alert["related.ip"]
    assert alert["tieline.consequence"].startswith("The mill turns faster")
    assert way.alerts(f'rule.name:"Registers written beyond their range" AND source.ip:"{plant.other_station}"')
    assert counted == 1
    assert (ended, ended_again) == ((0, 0), (0, 0))
    assert revisions(way.elasticsearch, way.stream) == before


def tell(rsyslog: rsyslog_daemon.Server, program: str, *lines: str) -> None:
    rsyslog_daemon.log(rsyslog, *lines, tag=program, pid=811, priority="auth.info")


def session(user: str, peer: str) -> str:
    return f"[INFO ] ++ created session (access granted): username {user}, ip ::ffff:{peer} - socket: 12"
