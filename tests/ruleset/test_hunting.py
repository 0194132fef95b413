"""The pySigma plug-in: our log sources and fields in queries for Elasticsearch."""

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from sigma.backends.elasticsearch import EqlBackend, ESQLBackend, LuceneBackend
from sigma.collection import SigmaCollection
from sigma.exceptions import SigmaError, SigmaTransformationError
from sigma.plugins import InstalledSigmaPlugins

from engine.model import LogSource
from engine.model.fields import NAMES
from engine.model.taxonomy import categories, products
from engine.ruleset.hunting import INDEX, tieline_ecs_pipeline, tieline_pipeline, ways
from engine.sinks.elasticsearch_templates import read as template

_PARTS = [
    sorted(one for one in products() if one),
    sorted(categories()),
    sorted({one for some in products().values() for one in some}),
]


def query(rule: str, pipeline: object = None) -> str:
    backend = LuceneBackend(processing_pipeline=pipeline or tieline_pipeline())
    (text,) = backend.convert(SigmaCollection.from_yaml(f"title: one\n{rule}"))
    return str(text)


def documents(root: Path) -> list[tuple[Path, dict[str, object]]]:
    files = sorted((root / "rules").rglob("*.yml"))
    return [(path, one) for path in files for one in yaml.safe_load_all(path.read_text("utf-8")) if one]


def test_sigma_cli_finds_the_pipelines() -> None:
    found = InstalledSigmaPlugins.autodiscover(include_backends=False, include_validators=False).pipelines

    assert {"tieline", "tieline_ecs"} <= found.keys()
    assert metadata.version("tieline")


def test_sigma_cli_makes_a_query_of_a_shipped_rule(pytestconfig: pytest.Config) -> None:
    program = Path(sys.executable).with_name("sigma")
    rule = pytestconfig.rootpath / "rules" / "ot" / "execution_plc_stopped.yml"

    made = subprocess.run([program, "convert", "-t", "lucene", "-p", "tieline", rule], capture_output=True, text=True)

    assert made.returncode == 0, made.stderr
    assert made.stdout.strip() == "tieline.logsource.category:ot_protocol AND ot.operation:plc_stop"


def test_a_broad_log_source_asks_for_the_narrow_ones() -> None:
    rule = "logsource: {{product: windows, category: {}}}\ndetection: {{s: {{a: 1}}, condition: s}}"

    registry, process = query(rule.format("registry_event")), query(rule.format("process_creation"))

    assert (
        "registry_add OR registry_delete OR registry_event OR registry_key OR registry_rename OR registry_set"
        in registry
    )
    assert process == "(tieline.logsource.product:windows AND tieline.logsource.category:process_creation) AND a:1"


def test_a_category_that_a_sensors_log_is_of_asks_for_that_log() -> None:
    text = query("logsource: {category: proxy}\ndetection: {s: {a: 1}, condition: s}")

    assert (
        "tieline.logsource.category:proxy OR (tieline.logsource.product:zeek AND tieline.logsource.service:http)"
        in text
    )


@given(
    *[st.tuples(*[st.none() | st.sampled_from(some) for some in _PARTS])] * 2,
)
def test_a_query_asks_for_the_log_sources_that_the_engine_shows_the_rule(
    rule: tuple[str | None, ...], event: tuple[str | None, ...]
) -> None:
    wanted, said = LogSource(*rule), LogSource(*event)
    parts = {"product": said.product, "category": said.category, "service": said.service}

    asked = any(all(parts[part] in values for part, values in way.items()) for way in ways(wanted))

    assert asked == wanted.covers(said)


def test_every_pair_of_known_log_sources_agrees() -> None:
    """Hypothesis hardly draws the pairs that the table joins; these are all pairs that have one part each."""
    for at, some in enumerate(_PARTS):
        for name in some:
            wanted = LogSource(*(name if part == at else None for part in range(3)))
            found = ways(wanted)
            for product in (None, "zeek", "linux", "windows", "apache", "fortigate"):
                for category in (None, *_PARTS[1]):
                    for service in (None, "http", "dns", "conn", "sshd", "cron", "access", "program", "write"):
                        said = LogSource(product, category, service)
                        parts = {"product": product, "category": category, "service": service}
                        asked = any(all(parts[part] in values for part, values in way.items()) for way in found)
                        assert asked == wanted.covers(said), (wanted, said)


def test_a_field_is_looked_for_under_all_its_names() -> None:
    rule = "logsource: {category: process_creation}\ndetection: {s: {Image|endswith: /sh}, condition: s}"

    assert "Image:*\\/sh OR process.executable:*\\/sh" in query(rule)
    assert "Image" not in query(rule, tieline_ecs_pipeline())


def test_windows_events_are_stored_by_sigmas_names() -> None:
    rule = (
        "logsource: {product: windows, category: process_creation}\ndetection: {s: {Image|endswith: sh}, condition: s}"
    )

    assert query(rule).endswith("Image:*sh")
    assert query(rule, tieline_ecs_pipeline()).endswith("Image:*sh")


def test_numbers_are_compared_as_numbers() -> None:
    text = query("logsource: {category: ot_protocol}\ndetection: {s: {ot.value|gt: 800, ot.address: 7}, condition: s}")

    assert "ot.value.number:>800" in text
    assert "ot.address:7" in text


def test_what_is_stored_as_a_number_is_what_the_template_says() -> None:
    fields = template("mappings")["template"]["mappings"]["properties"]["ot"]["properties"]

    assert sorted(NAMES.numbers) == sorted(
        f"ot.{name}" for name, one in fields.items() if "number" in one.get("fields", ())
    )
    assert template("index")["index_patterns"] == [INDEX]


@pytest.mark.parametrize("backend", [LuceneBackend, ESQLBackend, EqlBackend])
def test_every_shipped_detection_converts_or_the_backend_says_why_not(
    pytestconfig: pytest.Config, backend: type
) -> None:
    refused = {}
    for path, document in documents(pytestconfig.rootpath):
        if "detection" in document:
            try:
                backend(processing_pipeline=tieline_pipeline()).convert(SigmaCollection.from_dicts([document]))
            except (SigmaError, NotImplementedError) as why:
                refused[path.stem] = str(why)

    if backend is EqlBackend:  # it knows no `exists`
        assert all("Field exists expressions are not supported" in why for why in refused.values())
    else:
        assert refused == {}


def _with_bases(rule: Any, by_name: dict[str, Any], out: list[Any]) -> None:
    """Bases first: pySigma sorts by a partial order, and leaves what is in order."""
    for name in rule.get("correlation", {}).get("rules", ()):
        _with_bases(by_name[name], by_name, out)
    if rule not in out:
        out.append(rule)


def correlations(root: Path) -> dict[str, str]:
    """What ES|QL makes of each shipped correlation, or why it makes nothing: all rules at hand, one asked for."""
    every = [document for _, document in documents(root)]
    by_name = {name: one for one in every for name in (one.get("name"), one.get("id")) if isinstance(name, str)}
    out = {}
    for one in every:
        if "correlation" not in one:
            continue
        needed: list[Any] = []
        _with_bases(one, by_name, needed)
        wanted = str(one.get("name") or one["title"])
        try:
            backend = ESQLBackend(processing_pipeline=tieline_pipeline())
            made = backend.convert(SigmaCollection.from_dicts([json.loads(json.dumps(x, default=str)) for x in needed]))
            out[wanted] = "\n".join(map(str, made))
        except (SigmaError, NotImplementedError) as why:
            out[wanted] = f"refused: {why}"
    return out


def test_a_correlation_becomes_a_query_or_is_refused_with_the_reason(pytestconfig: pytest.Config) -> None:
    made = correlations(pytestconfig.rootpath)
    reasons = ("stays with the engine: no query ", "not supported", "exactly one condition item")

    converted = {name for name, text in made.items() if not text.startswith("refused")}

    assert {
        name: text for name, text in made.items() if name not in converted and not any(r in text for r in reasons)
    } == {}
    assert len(converted) >= 10
    assert all("| stats " in made[name] and f"from {INDEX} " in made[name] for name in converted)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ("type: temporal_ordered", "tells the order"),
        ("type: temporal\n  aliases: {who: {a: user.name, b: source.ip}}", "joins fields of different names"),
        ("type: temporal\n  condition: a and not b", "joins rules by a condition"),
    ],
)
def test_what_no_query_can_say_is_refused(more: str, why: str) -> None:
    base = "title: {0}\nname: {0}\nlogsource: {{category: authentication}}\ndetection: {{s: {{a: 1}}, condition: s}}\n---\n"
    rules = base.format("a") + base.format("b")
    rules += f"title: c\ncorrelation:\n  {more}\n  rules: [a, b]\n  group-by: [source.ip]\n  timespan: 5m\n"

    with pytest.raises(SigmaTransformationError, match=why):
        ESQLBackend(processing_pipeline=tieline_pipeline()).convert(SigmaCollection.from_yaml(rules))
