"""From the packet to the plant's words: what a write sets, what was there before, and the rule that asks for the range."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONFIGURATION = """
rules: []
limits: {read_interval: 0s}
assets:
  - name: plc-boiler
    addresses: [198.51.100.20]
    role: plc
    tags:
      - {name: Boiler level, address: 40101, unit: mm, scale: 0.1, range: [0, 400]}
      - {name: Feed pump, address: coil 7, safety: true}
"""


def replayed(tmp_path: Path, rule: str) -> list[dict[str, object]]:
    (tmp_path / "tieline.yml").write_text(CONFIGURATION, encoding="utf-8")
    command = [sys.executable, "-m", "engine.cli", "replay", "--rules", str(ROOT / "rules" / "ot" / f"{rule}.yml")]
    captures = [str(ROOT / "tests" / "parsers" / "modbus" / f"{name}.pcap") for name in ("polls", "writes")]
    done = subprocess.run(
        [*command, "-c", str(tmp_path / "tieline.yml"), *captures], capture_output=True, cwd=ROOT, timeout=60
    )
    assert done.returncode == 0, done.stderr.decode()
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_write_beyond_the_range_of_its_tag_is_an_alert_in_the_plants_words(tmp_path: Path) -> None:
    (alert,) = replayed(tmp_path, "impair_process_control_value_outside_engineering_range")

    (evidence,) = alert["tieline.events"]  # type: ignore[misc]
    assert "Boiler level = 471.1 mm (range 0–400)" in evidence["summary"]  # type: ignore[index]


def test_a_write_to_what_keeps_people_safe_is_an_alert(tmp_path: Path) -> None:
    alerts = replayed(tmp_path, "impair_process_control_read_only_value_written")

    assert len(alerts) == 3  # two writes of one coil, and one of ten
    assert all("Feed pump" in alert["tieline.events"][0]["summary"] for alert in alerts)  # type: ignore[index]
