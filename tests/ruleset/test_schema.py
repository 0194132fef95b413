"""The schema of rule files agrees with the specification's, and with the loader."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from engine.ruleset import schema

Validator = jsonschema.Draft202012Validator

DETECTION = {
    "title": "t",
    "id": "4bd9b0e9-7ddc-4b5e-94dc-b0f2b8e9e1c5",
    "status": "test",
    "level": "high",
    "date": "2026-01-02",
    "tags": ["attack.t0855"],
    "falsepositives": ["none"],
    "related": [{"id": "4bd9b0e9-7ddc-4b5e-94dc-b0f2b8e9e1c5", "type": "similar"}],
    "logsource": {"product": "p", "category": "c"},
    "detection": {"s": {"a|contains": ["x", "y"], "b": 1}, "k": ["w", 5], "condition": "s or k"},
}
CORRELATION = {
    "title": "t",
    "status": "test",
    "date": "2026-01-02",
    "correlation": {
        "type": "event_count",
        "rules": ["some_rule"],
        "group-by": ["source.ip"],
        "timespan": "5m",
        "aliases": {"ip": {"some_rule": "source.ip"}},
        "condition": {"gte": 5},
    },
    "level": "high",
}
FILTER = {
    "title": "t",
    "logsource": {"product": "p"},
    "filter": {"rules": ["some_rule"], "selection": {"a": 1}, "condition": "not selection"},
}
ODD: list[Any] = [None, 5, "", "odd value", [], ["x", "x"], {}, {"a": 1}, [{}], [5], "2026-13-45", "x" * 300, True]


def ours() -> Validator:
    return Validator(schema.schema())


def theirs(outside: Path, name: str) -> Validator:
    return Validator(json.loads((outside / "sigma" / "schema" / name).read_text()))


def variations(document: dict[str, Any], sections: tuple[str, ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each key left out, or with an odd value; at the top, and within the sections."""
    for path in [(key,) for key in document] + [(section, key) for section in sections for key in document[section]]:
        for value in ["absent", *ODD]:
            changed = copy.deepcopy(document)
            holder = changed
            for step in path[:-1]:
                holder = holder[step]
            if value == "absent":
                del holder[path[-1]]
            else:
                holder[path[-1]] = value
            yield ".".join(path), changed


def test_it_is_a_schema():
    Validator.check_schema(schema.schema())


def test_the_committed_file_is_the_generated_one(pytestconfig: pytest.Config):
    assert (pytestconfig.rootpath / "rules" / "schema.json").read_text(encoding="utf-8") == schema.text()


@pytest.mark.parametrize("document", [DETECTION, CORRELATION, FILTER])
def test_good_documents_are_valid(document: dict[str, Any]):
    assert list(ours().iter_errors(document)) == []


# Where the two differ, and why: the specification's schema says nothing of what lies inside a correlation's condition or
# an alias (misplaced keywords); ours follows its text. It forbids what pySigma and our loader take: several conditions of
# a detection, the rule 'any', a timespan that is checked. Both sides of each are in `test_we_say_more`.
STRICTER = {"correlation.condition", "correlation.aliases", "correlation.timespan", "correlation.type"}
WIDER = {"detection.condition", "filter.rules", "filter.selection"}


@pytest.mark.parametrize(
    ("name", "document", "sections"),
    [
        ("sigma-detection-rule-schema.json", DETECTION, ("logsource", "detection")),
        ("sigma-correlation-rules-schema.json", CORRELATION, ("correlation",)),
        ("sigma-filters-schema.json", FILTER, ("logsource", "filter")),
    ],
)
def test_it_agrees_with_the_specification(
    outside: Path, name: str, document: dict[str, Any], sections: tuple[str, ...]
):
    specification = theirs(outside, name)
    mine = ours()

    differences = []
    for place, changed in variations(document, sections):
        if place == sections[-1]:
            continue  # without its section it is a document of another kind
        agreed = (specification.is_valid(changed), mine.is_valid(changed))
        if (agreed == (True, False) and place not in STRICTER) or (agreed == (False, True) and place not in WIDER):
            differences.append((place, changed, agreed))

    assert differences == []


def test_it_agrees_on_the_rules_of_sigmahq(outside: Path, sigmahq: Path):
    specification = theirs(outside, "sigma-detection-rule-schema.json")
    mine = ours()

    for path in sorted(sigmahq.rglob("*.yml"))[::4]:
        document = json.loads(json.dumps(yaml.load(path.read_bytes(), yaml.CSafeLoader), default=str))
        assert mine.is_valid(document) == specification.is_valid(document), path


def _changed(document: dict[str, Any], section: str, **values: Any) -> dict[str, Any]:
    changed = copy.deepcopy(document)
    changed[section].update({key.replace("_by", "-by"): value for key, value in values.items()})
    return changed


@pytest.mark.parametrize(
    ("document", "valid"),
    [
        (_changed(CORRELATION, "correlation", condition={"gt": 2.5, "lte": 10}), True),
        (_changed(CORRELATION, "correlation", condition={"gte": "many"}), False),
        (_changed(CORRELATION, "correlation", condition={}), False),
        (_changed(CORRELATION, "correlation", condition={"gtee": 1}), False),
        (_changed(CORRELATION, "correlation", condition="a and b"), False),
        (_changed(CORRELATION, "correlation", type="temporal", condition="a and not b"), True),
        (_changed(CORRELATION, "correlation", type="value_median", condition={"gt": 1, "field": "x"}), True),
        (_changed(CORRELATION, "correlation", type="value_median", condition={"gt": 1}), False),
        (_changed(CORRELATION, "correlation", timespan="5 minutes"), False),
        (_changed(CORRELATION, "correlation", generate="yes"), False),
        ({**CORRELATION, "tieline": {"skew": "1s"}}, True),
        ({**CORRELATION, "tieline": {"skew": "soon"}}, False),
        ({**CORRELATION, "tieline": {"skw": "1s"}}, False),
        (_changed(FILTER, "filter", rules="any"), True),
        (_changed(DETECTION, "detection", condition=["s", "k"]), True),
        (_changed(DETECTION, "detection", s={"a|contain": "x"}), False),
        (_changed(DETECTION, "detection", s={"a|re|i": "x", "|all": ["x", "y"]}), True),
        (_changed(DETECTION, "detection", s={"a": [None]}), False),
        (_changed(DETECTION, "detection", s={"a": None}), True),
    ],
)
def test_we_say_more(document: dict[str, Any], valid: bool):
    assert ours().is_valid(document) == valid
