"""Output that cannot be written, and rules that cannot be counted."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TIELINE = [sys.executable, "-m", "engine.cli"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
FULL = Path("/dev/full")

pytestmark = pytest.mark.skipif(not FULL.exists(), reason="no /dev/full on this system")


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    words = line.replace("tieline", " ".join(TIELINE))
    return subprocess.run(["sh", "-c", words], capture_output=True, cwd=folder, env=ENVIRONMENT, timeout=60)


@pytest.mark.parametrize("command", ["parse many.json", "formats", "config schema"])
def test_a_full_disk_is_one_line_and_status_2(tmp_path: Path, command: str) -> None:
    (tmp_path / "many.json").write_text('{"a": 1}\n' * 50_000)

    done = shell(f"tieline {command} > /dev/full", tmp_path)

    assert (done.returncode, done.stderr) == (2, b"tieline: standard output: No space left on device\n")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams_are_no_fault(tmp_path: Path, closed: str) -> None:
    (tmp_path / "one.json").write_text('{"a": 1}\n')

    for command in ("parse one.json", "replay one.json"):
        done = shell(f"tieline {command} {closed}", tmp_path)

        assert (done.returncode, b"Traceback" in done.stderr) == (0, False)


def test_coverage_names_the_rules_that_it_cannot_count(tmp_path: Path) -> None:
    (tmp_path / "broken.yml").write_text("title: x\nlogsource: {product: p}\ndetection: {s: {a: 1}, condition: t}\n")

    done = shell("tieline rules coverage .", tmp_path)

    assert done.returncode == 1
    assert done.stderr.startswith(b"not counted: broken.yml:3: error: ")


def test_the_lint_of_a_configuration_finds_pipelines_that_are_nowhere(tmp_path: Path) -> None:
    (tmp_path / "c.yml").write_text("pipelines: [nowhere]\n")

    done = shell("tieline config check c.yml", tmp_path)

    assert done.returncode == 1
    assert done.stdout.startswith(b"c.yml: pipelines: nowhere: error: ")


def test_a_folder_is_no_configuration(tmp_path: Path) -> None:
    done = shell("tieline config check .", tmp_path)

    assert (done.returncode, done.stderr) == (2, b"tieline: .: is a directory; name a file\n")


def test_a_torn_capture_is_named_once_with_what_is_missing(tmp_path: Path) -> None:
    whole = (ROOT / "tests" / "parsers" / "modbus" / "writes.pcap").read_bytes()
    (tmp_path / "torn.pcap").write_bytes(whole[:-1])

    done = shell("tieline parse torn.pcap", tmp_path)

    assert done.returncode == 0 and done.stdout
    assert done.stderr.count(b"torn.pcap") == 1
    assert done.stderr.startswith(b"torn.pcap: truncated: ")


@pytest.mark.parametrize(("event", "noted"), [('{"a": 1}', True), ('{"a": 1, "ls_product": "p"}', False)])
def test_an_explanation_says_when_the_event_has_no_log_source_of_its_own(
    tmp_path: Path, event: str, noted: bool
) -> None:
    (tmp_path / "rule.yml").write_text("title: x\nlogsource: {product: p}\ndetection: {s: {a: 1}, condition: s}\n")
    (tmp_path / "event.json").write_text(event)

    done = shell("tieline rules explain rule.yml event.json", tmp_path)

    assert (done.returncode, b"names no log source" in done.stdout) == (0, noted)
    assert done.stdout.startswith(b"x: matches\n")
