"""deploy/: what can be held without containers."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.app import formats
from engine.config import check, read
from engine.config.kafka import EVENTS, KafkaSource
from engine.config.sinks import KafkaSink
from engine.enrich.assets import read_assets


@pytest.fixture
def deploy(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = pytestconfig.rootpath / "deploy"
    for line in (folder / "compose.env.example").read_text().splitlines():
        if re.match(r"[A-Z]", line):
            monkeypatch.setenv(line.partition("=")[0], "made-up")
    return folder


@pytest.fixture
def compose(deploy: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((deploy / "compose.yml").read_text())
    return found


def _instructions(text: str) -> list[tuple[str, str]]:
    joined = re.sub(r"\\\n", " ", re.sub(r"(?m)^\s*#.*\n", "", text))
    return [
        (line.split(None, 1)[0].upper(), line.split(None, 1)[1].strip()) for line in joined.splitlines() if line.strip()
    ]


@pytest.mark.parametrize("role", ["example", "collect", "detect"])
def test_every_configuration_is_accepted(deploy: Path, role: str) -> None:
    path = deploy / f"tieline.{role}.yml"

    problems = check(path, formats=formats())

    assert [str(problem) for problem in problems] == []
    assert read(path).role == ("all" if role == "example" else role)


def test_what_the_example_has_in_comments_is_accepted_too(
    deploy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator takes the comment signs away: that must be enough."""
    monkeypatch.setenv("TIELINE_ES_API_KEY", "made-up")
    text = (deploy / "tieline.example.yml").read_text()
    opened = re.sub(r"(?m)^(  )# (?=- type:|  [a-z_]+:|    [a-z_]+:)", r"\1", text)
    assert opened.count("- type:") > text.count("\n  - type:") + 4
    (tmp_path / "tieline.yml").write_text(opened)
    (tmp_path / "assets.example.yml").write_text((deploy / "assets.example.yml").read_text())

    problems = check(tmp_path / "tieline.yml", formats=formats())

    assert [str(problem) for problem in problems] == []


def test_the_example_starts_without_a_server_and_listens_on_this_machine_only(deploy: Path) -> None:
    config = read(deploy / "tieline.example.yml")

    listening = [source.listen for source in config.sources if hasattr(source, "listen")] + [config.metrics.listen]
    kinds = {type(sink).__name__ for sink in config.sinks}

    assert all(str(address).startswith("127.0.0.1:") for address in listening)
    assert kinds == {"NdjsonSink", "SqliteSink"}


def test_collect_writes_the_topic_that_detect_reads(deploy: Path) -> None:
    collect, detect = read(deploy / "tieline.collect.yml"), read(deploy / "tieline.detect.yml")

    written = [sink.events for sink in collect.sinks if isinstance(sink, KafkaSink)]
    topics = [topic for source in detect.sources if isinstance(source, KafkaSource) for topic in source.topics]

    assert written == topics == [EVENTS]


def test_the_example_assets_are_believed(deploy: Path) -> None:
    assets, zones = read_assets(deploy / "assets.example.yml")

    assert {asset.role for asset in assets} >= {"engineering_workstation", "plc", "jump_host"}
    assert {zone.name for zone in zones} >= {"enterprise", "dmz", "cell_a"}


def test_compose_names_only_files_that_are_there(deploy: Path, compose: dict[str, Any]) -> None:
    named = [volume.split(":")[0] for one in compose["services"].values() for volume in one.get("volumes", ())]
    files = [deploy / name for name in named if name.startswith(".")]
    builds = [one["build"] for one in compose["services"].values() if "build" in one]

    missing = [str(path) for path in files if not path.exists()]
    missing += [str(build) for build in builds if not (deploy / build["context"] / build["dockerfile"]).is_file()]

    assert missing == []
    assert {name for name in named if not name.startswith(".")} == set(compose["volumes"])


def test_compose_has_every_server_and_publishes_on_this_machine_only(compose: dict[str, Any]) -> None:
    services = compose["services"]
    ports = [port for one in services.values() for port in one.get("ports", ())]

    assert {"kafka", "elasticsearch", "kibana", "prometheus", "collect", "detect"} <= set(services)
    assert all(port.startswith("127.0.0.1:") for port in ports)
    for name, one in services.items():
        assert set(one.get("depends_on", {})) <= set(services), name


def test_compose_takes_its_passwords_from_the_environment_and_every_one_is_in_the_example(deploy: Path) -> None:
    text = (deploy / "compose.yml").read_text()
    wanted = set(re.findall(r"(?<!\$)\$\{(\w+)", text))
    offered = set(re.findall(r"(?m)^([A-Z_]+)=", (deploy / "compose.env.example").read_text()))

    assert wanted == offered
    assert not re.search(r"(?m)PASSWORD: (?!\$\{)", text)


def test_tieline_in_containers_has_no_rights_that_it_does_not_need(compose: dict[str, Any]) -> None:
    for name in ("collect", "detect"):
        service = compose["services"][name]

        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in service["security_opt"]
        assert "privileged" not in service


def test_the_image_runs_as_nobody_special_and_says_whether_it_is_well(deploy: Path) -> None:
    instructions = _instructions((deploy / "Dockerfile").read_text())
    last = max(at for at, (name, _) in enumerate(instructions) if name == "FROM")
    final = dict(instructions[last:])

    assert final["FROM"] == "python:3.11-slim"
    assert final["USER"].partition(":")[0] not in ("root", "0", "")
    assert "/healthz" in final["HEALTHCHECK"]
    assert [name for name, _ in instructions].count("FROM") == 2


def test_the_image_is_built_from_the_packages_and_nothing_of_the_tests(
    deploy: Path, pytestconfig: pytest.Config
) -> None:
    instructions = _instructions((deploy / "Dockerfile").read_text())
    copied = [
        name for kind, rest in instructions if kind == "COPY" and "--from" not in rest for name in rest.split()[:-1]
    ]
    ignored = (deploy / "Dockerfile.dockerignore").read_text().split()

    assert {"engine", "parsers", "rules", "pyproject.toml"} <= set(copied)
    assert [name for name in copied if not (pytestconfig.rootpath / name).exists()] == []
    assert [name for name in copied if f"!{name}" not in ignored] == []
    assert not any("test" in rest for kind, rest in instructions if kind == "RUN")


def test_the_unit_is_hardened_and_waits_for_the_drain(deploy: Path) -> None:
    unit = (deploy / "systemd" / "tieline@.service").read_text()
    settings = dict(re.findall(r"(?m)^([A-Za-z]+)=(.*)$", unit))

    assert settings["User"] not in ("", "root")
    assert settings["NoNewPrivileges"] == "yes"
    assert settings["ProtectSystem"] == "strict"
    assert settings["CapabilityBoundingSet"] == ""
    assert settings["KillSignal"] == "SIGTERM"
    assert int(settings["TimeoutStopSec"].rstrip("s")) >= 30
