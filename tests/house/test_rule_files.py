"""Rules are data with cases: what style.md, 4, asks of every file in `rules/`."""

import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

_FOLDERS = ("it", "ot", "converged")
_TACTICS = (
    "reconnaissance", "resource_development", "initial_access", "execution", "persistence", "privilege_escalation",
    "defense_evasion", "stealth", "defense_impairment", "evasion", "credential_access", "discovery", "lateral_movement", "collection",
    "command_and_control", "exfiltration", "impact", "inhibit_response_function", "impair_process_control",
)  # fmt: skip


@pytest.fixture(scope="module")
def rules(pytestconfig: pytest.Config) -> Path:
    return pytestconfig.rootpath / "rules"


def _files(rules: Path) -> list[Path]:
    return sorted(rules.rglob("*.yml"))


def _documents(path: Path) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all(path.read_text()) if one is not None]


def test_every_rule_lies_in_one_of_three_folders_under_a_tactic_and_what_happened(rules: Path) -> None:
    odd = [
        str(path.relative_to(rules))
        for path in _files(rules)
        if path.parent.parent != rules
        or path.parent.name not in _FOLDERS
        or not any(path.stem.startswith(f"{tactic}_") and path.stem != f"{tactic}_" for tactic in _TACTICS)
    ]

    assert odd == []
    assert len(_files(rules)) >= 20


def test_every_rule_has_an_id_of_its_own(rules: Path) -> None:
    ids = Counter(str(one.get("id")) for path in _files(rules) for one in _documents(path))

    assert [number for number, count in ids.items() if count > 1] == []
    for number in ids:
        assert str(uuid.UUID(number)) == number


def test_every_rule_has_a_case_that_fires_and_a_near_miss(rules: Path, pytestconfig: pytest.Config) -> None:
    cases = pytestconfig.rootpath / "tests" / "rules"

    wrong = {}
    for path in _files(rules):
        beside = cases / path.relative_to(rules)
        if not beside.is_file():
            wrong[str(path.relative_to(rules))] = "no cases"
            continue
        fires = [_count(case["fires"]) for case in yaml.safe_load(beside.read_text())]
        if not any(fires):
            wrong[str(path.relative_to(rules))] = "no case fires"
        elif all(fires):
            wrong[str(path.relative_to(rules))] = "no near miss"

    assert wrong == {}


def _count(fires: Any) -> int:
    return sum(fires.values()) if isinstance(fires, dict) else int(fires)


def test_no_case_is_left_of_a_rule_that_is_gone(rules: Path, pytestconfig: pytest.Config) -> None:
    cases = pytestconfig.rootpath / "tests" / "rules"

    left = [
        str(path.relative_to(cases))
        for folder in _FOLDERS
        for path in (cases / folder).glob("*.yml")
        if not (rules / path.relative_to(cases)).is_file()
    ]

    assert left == []


def test_every_rule_says_what_it_cannot_see_and_when_it_is_wrong(rules: Path) -> None:
    silent = [
        f"{path.relative_to(rules)}: {key}"
        for path in _files(rules)
        for one in _documents(path)
        for key in ("title", "description", "level", "tags", "falsepositives")
        if not one.get(key)
    ]

    assert silent == []
