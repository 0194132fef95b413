"""What holds for every rule that we ship; their cases run with `tieline rules test rules`."""

import json
import re
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from sigma.collection import SigmaCollection

from engine.alert.attack_names import ENTERPRISE_TACTICS, ENTERPRISE_TECHNIQUES, ICS_TACTICS, ICS_TECHNIQUES
from engine.cases import run_cases
from engine.ruleset.additions import KEYS
from engine.ruleset.load import load

ROOT = Path(__file__).parents[2]
RULES = ROOT / "rules"
CASES = ROOT / "tests" / "rules"
FILES = sorted(RULES.glob("*/*.yml"))
NAMES = [str(file.relative_to(RULES)) for file in FILES]


def documents(file: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(file.read_text(encoding="utf-8")))


EVERY = [(name, document) for name, file in zip(NAMES, FILES, strict=True) for document in documents(file)]


def test_the_rules_load_without_an_error() -> None:
    ruleset = load([RULES], strict=True)

    assert [str(problem) for problem in ruleset.errors] == []
    assert ruleset.disabled == ()
    assert len(ruleset.detections) + len(ruleset.correlations) == len(EVERY) >= 24


def test_pysigma_accepts_every_file() -> None:
    collection = SigmaCollection.load_ruleset([str(RULES)], collect_errors=True)

    collection.resolve_rule_references()

    assert [str(error) for rule in collection.rules for error in rule.errors] == []
    assert len(collection.rules) == len(EVERY)


def test_every_file_fits_the_json_schema() -> None:
    schema = jsonschema.Draft202012Validator(json.loads((RULES / "schema.json").read_text(encoding="utf-8")))

    wrong = [
        f"{name}: {error.message}"
        for name, document in EVERY
        for error in schema.iter_errors({**document, "date": str(document["date"])})
    ]

    assert wrong == []


def test_false_positives_are_sentences() -> None:
    texts = [(name, text) for name, document in EVERY for text in document["falsepositives"]]

    assert [entry for entry in texts if not (entry[1][0].isupper() and entry[1].endswith("."))] == []


def test_every_case_does_what_it_says() -> None:
    report = run_cases(RULES, CASES)

    assert report.lines == []
    assert report.without == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_rule_has_a_case_that_fires_and_one_that_does_not(name: str) -> None:
    cases = yaml.safe_load((CASES / name).read_text(encoding="utf-8"))

    fires = {case["fires"] > 0 for case in cases}

    assert fires == {True, False}


def test_a_case_file_has_its_rule() -> None:
    cases = {str(file.relative_to(CASES)) for file in CASES.glob("*/*.yml")}

    assert cases == set(NAMES)


def test_the_file_is_named_after_a_tactic_that_it_is_tagged_with() -> None:
    strays = [
        name
        for name, file in zip(NAMES, FILES, strict=True)
        if not any(
            Path(name).stem.startswith(tag.removeprefix("attack.").replace("-", "_") + "_")
            for tag in documents(file)[-1]["tags"]
        )
    ]

    assert strays == []


def test_ids_are_random_and_none_is_there_twice() -> None:
    ids = Counter(document["id"] for _, document in EVERY)

    assert [number for number, count in ids.items() if count > 1] == []
    assert {uuid.UUID(number).version for number in ids} == {4}


def test_tags_are_tactics_and_techniques_that_exist() -> None:
    known = {*ENTERPRISE_TACTICS, *ICS_TACTICS, *map(str.lower, ENTERPRISE_TECHNIQUES), *map(str.lower, ICS_TECHNIQUES)}

    unknown = {tag for _, document in EVERY for tag in document["tags"] if tag.removeprefix("attack.") not in known}

    assert unknown == set()


def test_a_rule_that_raises_alerts_says_what_it_cannot_see() -> None:
    strays = [
        name
        for name, document in EVERY
        if document["level"] != "informational" and "ot seen" not in " ".join(document["description"].split())
    ]

    assert strays == []


def test_no_correlation_silences_more_than_low_rules() -> None:
    levels = {document.get("name", document["id"]): document["level"] for _, document in EVERY}

    strays = [
        (name, base)
        for name, document in EVERY
        if "correlation" in document and not document["correlation"].get("generate")
        for base in document["correlation"]["rules"]
        if levels[base] not in ("low", "informational")
    ]

    assert strays == []


def test_no_single_step_is_more_than_medium_in_the_story() -> None:
    levels = {document.get("name"): document["level"] for _, document in EVERY}
    steps = ("password_spray", "logon_after_password_spray", "remote_desktop_logon", "engineering_workstation_session")
    steps += ("plc_stopped", "plc_mode_changed", "register_beyond_its_range")

    assert {levels[step] for step in steps} <= {"informational", "low", "medium"}
    assert levels["guessed_account_takes_over_controllers"] == "critical"


def test_no_rule_names_an_address_or_a_person_of_the_demo() -> None:
    text = "\n".join(file.read_text(encoding="utf-8") for file in FILES)
    addresses = set(re.findall(r"\b\d{1,3}(?:\.\d{1,3}){3}\b", text))

    assert addresses == {"127.0.0.0"}
    assert re.search(r"keller|fischer|ews-1|plc-[12]|vpn-gw|jump-1", text) is None


def test_the_examples_of_the_readme_run(tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (RULES / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    for folder in ("rules", "cases"):
        (tmp_path / folder).mkdir()

    examples: list[str] = []
    wrong = []
    for block in blocks:
        if not block.startswith("- "):
            examples.append(block)
            continue
        own = 0 if "fires: {" in block else -1  # of all the rules so far, or of the one above
        (tmp_path / "rules" / "above.yml").write_text("---\n".join(examples[:own]), encoding="utf-8")
        (tmp_path / "rules" / "own.yml").write_text("---\n".join(examples[own:]), encoding="utf-8")
        (tmp_path / "cases" / "own.yml").write_text(block, encoding="utf-8")
        report = run_cases(tmp_path / "rules", tmp_path / "cases")
        wrong += report.lines if report.cases == 2 else [f"{report.cases} cases in {block}"]

    assert wrong == []
    assert [problem for problem in load([tmp_path / "rules"]).problems if problem.severity == "error"] == []


def test_the_examples_of_the_readme_are_valid_for_an_editor() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (RULES / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    validator = jsonschema.Draft202012Validator(json.loads((RULES / "schema.json").read_text(encoding="utf-8")))

    examples = [yaml.safe_load(block) for block in blocks if not block.startswith("- ")]

    assert [(one["title"], error.message) for one in examples for error in validator.iter_errors(one)] == []


def test_every_key_of_ours_has_an_example_in_the_readme() -> None:
    text = (RULES / "README.md").read_text(encoding="utf-8")

    assert [key for key in KEYS if not re.search(rf"tieline: {{{key}:", text)] == []
