"""The alert rules for Prometheus: they hold on made-up series, and speak of metrics that there are."""

import re
import subprocess
from pathlib import Path

import pytest

from engine.telemetry import FAMILIES

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"


def run(promtool: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([promtool, *arguments], cwd=FOLDER, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("arguments", [("check", "config", "prometheus.yml"), ("test", "rules", "alerts_test.yml")])
def test_promtool_is_content(promtool, arguments) -> None:
    done = run(promtool, *arguments)

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_rule_speaks_of_a_metric_that_is_scraped() -> None:
    used = set(re.findall(r"\btieline_\w+", (FOLDER / "alerts.yml").read_text()))

    assert used
    assert used <= set(FAMILIES)


def test_every_rule_has_a_case_that_fires() -> None:
    rules = set(re.findall(r"alert: (\w+)", (FOLDER / "alerts.yml").read_text()))
    cases = (FOLDER / "alerts_test.yml").read_text()

    fired = set(re.findall(r"alertname: (\w+)\n\s+exp_alerts:\n\s+- exp_labels", cases))

    assert rules == fired
