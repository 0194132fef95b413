"""A worker of a Kafka group keeps its rules, and says so to whoever asks for others."""

import logging
from pathlib import Path
from queue import SimpleQueue

import pytest

from engine.config import Config
from engine.correlate.succession import Dropped
from engine.telemetry import Telemetry
from engine.workers.fixed_rules import FixedRules

ONE = "title: one\nlogsource: {product: lab}\ndetection: {s: {a: b}, condition: s}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "one.yml"
    path.write_text(ONE)
    return path


def rules_of(file: Path) -> FixedRules:
    return FixedRules(Config(rules=[str(file.parent)]), SimpleQueue())


def reading(rules: FixedRules, metric: str, *labels: str) -> float:
    telemetry = Telemetry()
    rules.publish(telemetry)
    samples = [sample for each in telemetry.collect() for sample in each.samples]
    (found,) = [s.value for s in samples if (s.name, *s.labels.values()) == (metric, *labels)]
    return found


def test_a_change_is_refused_once_when_the_files_have_kept_still(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    rules = rules_of(file)

    file.write_text(ONE.replace("one", "two"))
    told = []
    for _ in range(4):
        rules.look(False)
        told.append(len(caplog.records))

    assert told == [0, 1, 1, 1]
    assert "restart it" in caplog.text
    assert reading(rules, "tieline_config_last_reload_successful") == 0
    assert reading(rules, "tieline_rules_reloads_total", "failure") == 1


def test_files_that_are_again_what_they_were_are_those_in_use(file: Path) -> None:
    rules = rules_of(file)

    for text in (ONE.replace("one", "two"), ONE):
        file.write_text(text)
        rules.look(False)
        rules.look(False)

    assert reading(rules, "tieline_config_last_reload_successful") == 1


def test_who_asks_is_answered_each_time(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tieline")
    rules = rules_of(file)

    rules.look(True)
    file.write_text(ONE.replace("one", "two"))
    rules.look(True)
    rules.look(True)

    assert [record.levelname for record in caplog.records] == ["INFO", "ERROR", "ERROR"]


def test_what_the_rules_of_the_worker_before_left_behind_is_counted(file: Path) -> None:
    rules = rules_of(file)

    rules.count(Dropped(["x"], groups=3, open_alerts=1, matches=2))

    assert [reading(rules, "tieline_reload_dropped_total", kind) for kind in ("groups", "alerts", "matches")] == [
        3,
        1,
        2,
    ]
