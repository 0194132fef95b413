"""A real Prometheus scrapes what Tieline says of itself, and its alert rules fire on it."""

import json
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from prometheus_server import prometheus as prometheus_server
from prometheus_server import value

from engine.telemetry import Telemetry

RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "alerts.yml"


def test_a_real_prometheus_reads_the_counters_and_fires(prometheus, server_folder) -> None:
    telemetry = Telemetry()
    telemetry.register("tieline_alerts_total", lambda: {("0b0c4a34-4a0f-4a52-9a0e-6d1f3c1f0f7e", "critical"): 3})
    telemetry.register("tieline_config_last_reload_successful", lambda: {(): 0})
    port = telemetry.start("127.0.0.1", 0)

    with prometheus_server(server_folder("prometheus"), [f"127.0.0.1:{port}"], rule_files=[RULES]) as server:
        wait(lambda: value(server.address, 'sum(tieline_alerts_total{level="critical"})') == 3)
        wait(lambda: "TielineReloadFailed" in firing(server.address))

        assert firing(server.address) == {"TielineReloadFailed"}
        assert value(server.address, "up") == 1

    telemetry.stop()


def firing(address: str) -> set[str]:
    with urllib.request.urlopen(f"{address}/api/v1/alerts", timeout=10) as answer:
        found = json.load(answer)["data"]["alerts"]
    return {alert["labels"]["alertname"] for alert in found if alert["state"] == "firing"}


def wait(holds: Callable[[], bool], patience_s: float = 60) -> None:
    deadline = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline, "did not come about"
        time.sleep(0.2)
