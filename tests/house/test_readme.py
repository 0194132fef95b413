"""README.md: every command in it is one that there is, and the cheap ones are run."""

import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer.main

from engine.cli import app

_MAKE = "python3 -m venv .venv && .venv/bin/pip install -q -e . && .venv/bin/tieline demo"
_TEST = "python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]' && .venv/bin/pytest"

_NOT_HERE = ("tieline run ", "tieline demo", "tieline alerts ", "tieline rules explain ")
"""A service, the demo (a test of its own runs it), and what needs an event or a store that a reader has by then."""


@pytest.fixture(scope="module")
def readme(pytestconfig: pytest.Config) -> str:
    return (pytestconfig.rootpath / "README.md").read_text()


def _commands(readme: str) -> list[str]:
    blocks = re.findall(r"(?m)^    (tieline .+?)(?: +#.*)?$", readme)
    return [command for command in blocks if "…" not in command]


def _tieline(root: Path, *arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "engine.cli", *arguments]
    return subprocess.run(command, cwd=root, input=said, capture_output=True, text=True, check=False, timeout=120)


def test_the_two_commands_that_do_all_set_up_are_there_word_for_word(readme: str) -> None:
    lines = [line.strip() for line in readme.splitlines()]

    assert lines.count(_MAKE) == 1
    assert lines.count(_TEST) == 1


def test_every_command_of_the_command_line_has_an_example(readme: str) -> None:
    shown = [shlex.split(command)[1:] for command in _commands(readme)]

    group = typer.main.get_command(app)
    wanted = []
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        wanted += [[name, inner] for inner in command.commands] if hasattr(command, "commands") else [[name]]

    assert [words for words in wanted if not any(one[: len(words)] == words for one in shown)] == []


def test_the_examples_work(readme: str, pytestconfig: pytest.Config) -> None:
    cheap = [command for command in _commands(readme) if not command.startswith(_NOT_HERE)]

    failed = {}
    for command in cheap:
        done = _tieline(pytestconfig.rootpath, *shlex.split(command)[1:])
        if done.returncode != 0 or "Traceback" in done.stderr:
            failed[command] = done.stderr[-500:] + done.stdout[-500:]

    assert failed == {}
    assert len(cheap) >= 8


def test_the_rule_that_the_readme_explains_tells_why_it_did_not_match(readme: str, pytestconfig: pytest.Config) -> None:
    (command,) = (command for command in _commands(readme) if command.startswith("tieline rules explain "))
    arguments = shlex.split(command)[1:]
    assert arguments[-1] == "event.json"

    event = json.dumps(
        {"@timestamp": "2026-03-02T06:00:00Z", "event.outcome": "success", "event.category": ["authentication"]}
    )
    done = _tieline(pytestconfig.rootpath, *arguments[:-1], "-", said=event)

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_the_files_that_the_readme_names_are_there(readme: str, pytestconfig: pytest.Config) -> None:
    linked = [target for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", readme) if "://" not in target]
    named = re.findall(r"`((?:engine|parsers|rules|deploy|tests|benchmarks|\.ci)/[\w./-]*\w)`", readme)

    made_by_the_service = {"deploy/alerts.ndjson"}
    missing = [name for name in (*linked, *named) if not (pytestconfig.rootpath / name).exists()]

    assert set(missing) - made_by_the_service == set()


def test_the_python_that_the_readme_asks_for_is_the_one_that_the_package_does(
    readme: str, pytestconfig: pytest.Config
) -> None:
    project = tomllib.loads((pytestconfig.rootpath / "pyproject.toml").read_text())["project"]

    assert f"Python {project['requires-python'].removeprefix('>=')} or newer" in readme
    assert project["license"] in readme
