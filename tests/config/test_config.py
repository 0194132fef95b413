"""One YAML file, validated whole, every complaint with its line."""

from pathlib import Path

import pytest

from engine.config import ConfigError, ThisFile, check, read
from engine.config.durations import duration_ns, zone_of


def written(folder: Path, text: str) -> Path:
    path = folder / "tieline.yml"
    path.write_text(text)
    return path


def test_paths_are_relative_to_the_file_and_secrets_come_from_files_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIELINE_TEST_KEY", "from the environment")
    (tmp_path / "secret").write_text("from a file\n")
    path = written(
        tmp_path,
        "sinks:\n"
        "  - {type: elasticsearch, name: a, hosts: [http://127.0.0.1:9200], api_key: '${env:TIELINE_TEST_KEY}'}\n"
        "  - {type: elasticsearch, name: b, hosts: [http://127.0.0.1:9200], password: '${file:secret}', user: u}\n"
        "  - {type: ndjson, path: out/alerts.ndjson}\n",
    )

    config = read(path)

    assert config.sinks[0].api_key == "from the environment"  # type: ignore[union-attr]
    assert config.sinks[1].password == "from a file"  # type: ignore[union-attr]
    assert config.sinks[2].path == str(tmp_path / "out" / "alerts.ndjson")  # type: ignore[union-attr]


def test_a_pipeline_is_a_name_or_a_file_beside_the_configuration(tmp_path: Path) -> None:
    path = written(tmp_path, "pipelines: [ecs_windows, ours/fields.yml, /etc/theirs.yaml]\n")

    config = read(path)

    assert config.pipelines == ["ecs_windows", str(tmp_path / "ours" / "fields.yml"), "/etc/theirs.yaml"]


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("role: all\nrole: detect\n", 2, "stands twice"),
        ("role: al\n", 1, "`tieline config schema` shows what may stand there"),
        ("metrics:\n  port: 9464\n", 1, "`tieline config schema` shows the known keys"),
        ("sources:\n  - {type: syslog}\n", 2, "add name:"),
        ("limits:\n  groups_per_rule: 0\n", 2, "Expected `int` >= 1"),
        ("limits:\n  matches_per_group: -5\n", 2, "Expected `int` >= 1"),
        ("sources:\n  - type: syslog\n    name: x\n    listen: nowhere\n", 4, "is no address"),
        ("sources:\n  - {type: syslog, name: x, transport: tls}\n", 2, "TLS needs a certificate"),
        ("sources:\n  - {type: stdin, name: x}\n  - {type: stdin, name: x}\n", 3, "two sources are named 'x'"),
        ("sources:\n  - {type: stdin, name: x, timezone: Mars/Olympus}\n", 2, "is no time zone"),
        ("sources:\n  - {type: stdin, name: x, format: nonsense}\n", 2, "unknown format 'nonsense'"),
        ("time:\n  idle_after: 5 parsecs\n", 2, "is no duration"),
        ("\nrules: [nowhere]\n", 2, "no such file or directory"),
        ("role: all\nrules_reload: often\n", 2, "is no duration"),
        ("role: all\nrules_reload: 5\n", 2, "`tieline config schema` shows what may stand there"),
        ("role: all\nrules_reload: 0s\n", 2, "0s is too often; write 100ms or more, or null: only on SIGHUP"),
        ("assets: nowhere.yml\n", 1, "no such file"),
        ("sinks:\n  - {type: elasticsearch, hosts: [a], password: '${env:NOT_SET_ANYWHERE}'}\n", 2, "environment"),
        ("role: collect\n", 1, "writes its events to Kafka"),
        ("role: &a [*a, *a]\n", 1, ""),
        ("a: b: c\n", 1, "YAML"),
        ("- 1\n", 1, "not a mapping"),
        ("metrics: {listen: 12}\n", 1, "Expected `str | null`"),
    ],
)
def test_every_complaint_names_its_line(tmp_path: Path, text: str, line: int, what: str) -> None:
    path = written(tmp_path, text)

    (problem, *_) = check(path, formats={"syslog": None})

    assert (problem.path, problem.line) == (str(path), line)
    assert what in f"{problem.what}; {problem.mend}"


def test_bytes_that_are_no_text_are_a_complaint_too(tmp_path: Path) -> None:
    path = tmp_path / "t.yml"
    path.write_bytes(b"role: all\n\xff\xfe\x00")

    with pytest.raises(ConfigError, match=r"t\.yml:2: not UTF-8"):
        read(path)


def test_assets_may_stand_in_the_file_itself(tmp_path: Path) -> None:
    path = written(tmp_path, "assets: [{name: plc-1, address: 192.0.2.1}]\nzones: {cell: [192.0.2.0/24]}\n")

    config = read(path)

    assert config.assets == config.zones == ThisFile(path)


def test_rules_are_looked_after_unless_that_is_turned_off(tmp_path: Path) -> None:
    assert read(written(tmp_path, "role: all\n")).rules_reload == "5s"
    assert read(written(tmp_path, "rules_reload: null\n")).rules_reload is None
    assert read(written(tmp_path, "rules_reload: 1m30s\n")).rules_reload == "1m30s"


def test_durations_and_zones_are_read_as_people_write_them() -> None:
    assert duration_ns("1h 30m") == 5_400 * 10**9
    assert zone_of("-03:30").utcoffset(None).total_seconds() == -12_600  # type: ignore[union-attr]
    for bad in ("", "30", "s", "1x", "-5s"):
        with pytest.raises(ValueError, match="is no duration"):
            duration_ns(bad)


def test_replay_needs_no_secrets_of_the_sinks_that_it_ignores(tmp_path: Path) -> None:
    path = written(
        tmp_path, "role: collect\nsinks: [{type: elasticsearch, hosts: [a], password: '${env:NOT_SET_ANYWHERE}'}]\n"
    )

    assert read(path, without=("sources", "sinks")).sinks == []
