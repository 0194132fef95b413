"""The rules change while `tieline run` runs: added, broken, mended; and what correlations remember outlives it."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from server_process import free_port
from tieline_service import TIELINE, Service, environment, service, wait_until

FIRST = 1_767_225_600  # 2026-01-01T00:00:00Z


def detection(title: str, outcome: str, number: int, **more: Any) -> dict[str, Any]:
    return {
        "title": title,
        "name": title,
        "id": f"22222222-0000-4000-8000-00000000000{number}",
        "logsource": {"product": "lab"},
        "detection": {"it": {"event.outcome": outcome}, "condition": "it"},
        "level": "medium",
        **more,
    }


FAILED, WORKED = detection("failed", "failure", 1), detection("worked", "success", 2)
CHAIN = {
    "title": "chain",
    "name": "chain",
    "id": "22222222-0000-4000-8000-000000000003",
    "correlation": {
        "type": "temporal_ordered",
        "rules": ["failed", "worked"],
        "group-by": ["user.name"],
        "timespan": "10m",
    },
    "level": "high",
}


class Plant:
    """One service with its rules, the log that it reads and the alerts that it writes."""

    def __init__(self, folder: Path, **more: Any) -> None:
        self.rules, self.input = folder / "rules", folder / "in.ndjson"
        self.rules.mkdir()
        self.input.touch()
        for rule in (FAILED, WORKED, CHAIN):
            self.write(rule)
        self.service = service(
            folder,
            "all",
            {
                "sources": [{"type": "file", "name": "lab", "paths": [str(self.input)], "format": "json"}],
                "rules": [str(self.rules)],
                "rules_reload": "200ms",
                "time": {"lateness": "1s", "idle_after": "1h"},
                "sinks": [{"type": "sqlite", "path": "alerts.sqlite"}, {"type": "ndjson", "path": "alerts.ndjson"}],
                **more,
            },
        )
        self.told = 0

    def write(self, rule: dict[str, Any]) -> None:
        (self.rules / f"{rule['title']}.yml").write_text(json.dumps(rule))  # JSON is YAML

    def tell(self, *outcomes: str, user: str = "ann") -> None:
        """One event a second."""
        with self.input.open("a") as file:
            for outcome in outcomes:
                stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(FIRST + self.told))
                event = {"@timestamp": stamp, "ls_product": "lab", "event.outcome": outcome, "user.name": user}
                file.write(json.dumps({**event, "n": self.told}) + "\n")
                self.told += 1

    def alerts(self, title: str) -> list[tuple[str, int]]:
        """Id and revision of each that was written."""
        file = self.service.folder / "alerts.ndjson"
        found = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return [
            (each["event.id"], each.get("tieline.correlation.revision", 0))
            for each in found
            if each["rule.name"] == title
        ]

    def hang_up(self) -> None:
        os.kill(self.service.pid, signal.SIGHUP)

    def wait(self, holds: Callable[[], bool], what: str) -> None:
        wait_until(holds, what, self.service, patience_s=30)

    def wait_for_reloads(self, outcome: str, count: int) -> None:
        self.wait(lambda: self.reloads(outcome) >= count, f"{count} × {outcome}")
        assert self.reloads(outcome) == count

    def reloads(self, outcome: str) -> float:
        return self.service.counted("tieline_rules_reloads_total", outcome=outcome)

    def said(self, message: str) -> list[dict[str, Any]]:
        return [line for line in self.service.said() if str(line["message"]).startswith(message)]


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    made = Plant(tmp_path)
    with made.service:
        yield made


def test_a_rule_that_is_added_fires_and_a_broken_one_leaves_the_others_at_work(plant: Plant) -> None:
    plant.tell("unknown", "success")
    plant.wait(lambda: plant.service.counted("tieline_events_total") == 2, "the first events")
    assert plant.alerts("odd") == []

    plant.write(detection("odd", "unknown", 4))
    plant.wait_for_reloads("success", 1)
    plant.tell("unknown")
    plant.wait(lambda: len(plant.alerts("odd")) == 1, "the new rule")
    assert plant.service.counted("tieline_rules", state="enabled") == 4

    (plant.rules / "broken.yml").write_text("title: broken\n  id: [\n")
    plant.wait_for_reloads("failure", 1)
    assert plant.service.counted("tieline_config_last_reload_successful") == 0
    (failure,) = plant.said("rules not reloaded")
    assert failure["log.level"] == "error"
    assert f"{plant.rules}/broken.yml:2: error: not YAML" in failure["tieline.problems"][0]
    plant.tell("unknown")
    plant.wait(lambda: len(plant.alerts("odd")) == 2, "the old rules")

    (plant.rules / "broken.yml").unlink()
    (plant.rules / "odd.yml").unlink()
    plant.wait_for_reloads("success", 2)
    plant.tell("unknown", "failure", "success")
    plant.wait(lambda: plant.service.counted("tieline_events_total") == 7, "the last events")
    assert plant.service.counted("tieline_config_last_reload_successful") == 1
    assert len(plant.alerts("odd")) == 2
    assert plant.service.end() == 0


def test_a_sequence_that_is_half_way_is_completed_after_a_reload_and_told_once_over_a_crash(tmp_path: Path) -> None:
    plant = Plant(tmp_path, rules_reload=None)
    with plant.service:
        plant.tell("failure", "unknown", "unknown", "failure")  # the last is held by the watermark
        plant.wait(lambda: plant.service.counted("tieline_events_total") == 4, "the first half")
        plant.write(detection("odd", "unknown", 4))
        plant.write({**FAILED, "level": "high", "description": "Another level is no other rule."})
        time.sleep(1)
        assert plant.reloads("success") == 0
        for _ in range(3):
            plant.hang_up()
        plant.wait(lambda: plant.reloads("success") >= 1, "the reload")

        plant.tell("success", "unknown", "unknown", "unknown")
        plant.wait(lambda: len(plant.alerts("chain")) == 1, "the chain")
        plant.wait(lambda: len(plant.alerts("odd")) == 3, "the rule that came in between")
        plant.service.kill()

    plant.tell("failure", "success", "unknown", "unknown", "unknown")
    with plant.service:
        plant.wait(lambda: len(plant.alerts("odd")) == 6 and len(plant.alerts("chain")) == 2, "the rest")
        assert plant.service.end() == 0

    ((first, _), *later) = plant.alerts("chain")
    assert later == [(first, 1)]
    assert len(set(plant.alerts("odd"))) == 6
    assert plant.said("correlations that have changed") == []


def test_a_changed_correlation_starts_anew_and_is_said_so(plant: Plant) -> None:
    plant.tell("failure", "unknown", "unknown")
    plant.wait(lambda: plant.service.counted("tieline_correlation_groups") == 1, "the first half")

    plant.write(detection("failed", "other", 1))
    plant.wait_for_reloads("success", 1)
    plant.tell("success", "unknown", "unknown", "other", "success", "unknown", "unknown")

    plant.wait(lambda: len(plant.alerts("chain")) == 1, "the chain of the new rules")
    assert plant.service.counted("tieline_reload_dropped_total", what="groups") == 1
    (dropped,) = plant.said("correlations that have changed")
    assert dropped["tieline.correlations"] == [CHAIN["id"]]
    assert plant.service.end() == 0


def test_state_of_rules_that_changed_while_nothing_ran_is_dropped_in_the_same_way(plant: Plant) -> None:
    plant.tell("failure", "unknown", "unknown")
    plant.wait(lambda: plant.service.counted("tieline_correlation_groups") == 1, "the first half")
    assert plant.service.end() == 0

    plant.write(detection("failed", "other", 1))
    plant.service.start()
    plant.tell("success", "unknown", "unknown")
    plant.wait(lambda: len(plant.alerts("worked")) == 0 and plant.service.counted("tieline_events_total") == 3, "more")

    assert plant.alerts("chain") == []
    (dropped,) = plant.said("correlations that have changed")
    assert dropped["tieline.groups_dropped"] == 1


def test_signals_from_the_first_moment_on_end_nothing(tmp_path: Path) -> None:
    plant = Plant(tmp_path)
    process = subprocess.Popen([*TIELINE, "run", "-c", plant.service.folder / "tieline.yml"], env=environment())
    try:
        # Before it has come so far that it can hear anything, a signal ends it as it does any other program.
        ignoring = Path(f"/proc/{process.pid}/status")
        while not _hears_hang_ups(ignoring.read_text()):
            assert process.poll() is None
            time.sleep(0.005)
        began = time.monotonic()
        while plant.reloads("success") == 0:
            assert process.poll() is None
            assert time.monotonic() - began < 30
            process.send_signal(signal.SIGHUP)
            time.sleep(0.01)
        plant.tell("failure", "success", "unknown", "unknown")
        while not plant.alerts("chain"):
            assert process.poll() is None
            assert time.monotonic() - began < 60
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


def _hears_hang_ups(status: str) -> bool:
    """Whether SIGHUP is caught or ignored, of what /proc/…/status says."""
    masks = [int(line.split()[1], 16) for line in status.splitlines() if line.startswith(("SigCgt", "SigIgn"))]
    return any(mask & 1 << (signal.SIGHUP - 1) for mask in masks)


def test_a_collector_has_no_rules_to_load_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "in.log").touch()
    collect: Service = service(
        tmp_path,
        "collect",
        {
            "role": "collect",
            "sources": [{"type": "file", "name": "lab", "paths": [str(tmp_path / "in.log")]}],
            "sinks": [{"type": "kafka", "brokers": [f"127.0.0.1:{free_port()}"]}],
        },
        until_ready=False,
    )
    with collect:
        os.kill(collect.pid, signal.SIGHUP)

        def heard() -> bool:
            return any("SIGHUP ignored" in line["message"] for line in collect.said())

        wait_until(heard, "a word", collect, patience_s=30)
        assert collect.counted("tieline_config_last_reload_successful") == 1
        collect.kill()
