"""Hunting queries on a real Elasticsearch: they find the events on which the engine fires, and no others."""

import json
import secrets
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from sigma.backends.elasticsearch import LuceneBackend
from sigma.collection import SigmaCollection

from engine.app import enrichment, formats
from engine.config.sinks import ElasticsearchSink
from engine.detect import Detector
from engine.model import Event, Frame, LogSource
from engine.parsing.parser import Parser
from engine.ruleset.cases import START_NS, belonging
from engine.ruleset.hunting import tieline_pipeline
from engine.ruleset.load import load
from engine.ruleset.ruleset import Ruleset
from engine.sinks.documents import encoded
from engine.sinks.elasticsearch_client import Client
from engine.sinks.elasticsearch_templates import put_templates

_CASE = "ot.mode is RUN in a case of its rule: Sigma compares without regard to case, a keyword field with"
DIFFERENCES = {"plc_mode_changed": _CASE, "plc_started": _CASE}
"""Rules whose hits differ, by name, and why."""


@pytest.fixture(scope="module")
def ruleset(pytestconfig: pytest.Config) -> Ruleset:
    found = load([pytestconfig.rootpath / "rules"])
    assert found.errors == []
    return found


@pytest.fixture(scope="module")
def events(pytestconfig: pytest.Config, ruleset: Ruleset) -> list[Event]:
    """The events of all cases of the shipped rules, and the demo's records, as the engine sees them."""
    root = pytestconfig.rootpath
    out = [event for path in sorted((root / "engine" / "demo" / "records").glob("*.log")) for event in _demo(path)]
    files, _ = belonging(root / "rules", root / "tests" / "rules")
    names: dict[str, LogSource] = {}
    for rule in ruleset.detections:
        names |= {name: rule.logsource for name in (rule.head.name, rule.head.title, rule.head.id) if name}
    for file in files:
        last = [rule for rule in (*ruleset.detections, *ruleset.correlations) if rule.head.path == file.rule][-1]
        for case in file.cases:
            if case.raw is not None:
                out += _read(case.raw.encode().splitlines(), case.format)
            for given in case.events:
                logsource = names.get(given.as_rule or last.head.id, LogSource())
                out.append(Event({"event.kind": "event", **given.fields}, given.at_ns, "case", logsource))
    enrich = enrichment(None).enrich
    for event in out:
        enrich(event)
    return out


def _demo(path: Path) -> Iterator[Event]:
    yield from _read(path.read_bytes().splitlines(), None)


def _read(lines: list[bytes], format_id: str | None) -> list[Event]:
    frames = [
        Frame(line, "x", received=START_NS, sequence=at, format=format_id) for at, line in enumerate(lines) if line
    ]
    parser = Parser(formats(), correct_clocks=False)
    return [one for one in (*parser.feed(frames), *parser.expire("x", None)) if isinstance(one, Event)]


@pytest.fixture
def stream(elasticsearch: str, events: list[Event]) -> str:
    """A data stream under our template with all these events; each has its place in the list as `_id`."""
    name = f"logs-tieline.{secrets.token_hex(4)}-test"
    client = Client(ElasticsearchSink(hosts=[elasticsearch], stream=name))
    put_templates(client)
    lines = [b'{"create":{"_id":"%d"}}\n%s\n' % (at, encoded(event.document())) for at, event in enumerate(events)]
    answer = client.ask("POST", f"/{name}/_bulk", b"".join(lines), refresh="true")
    client.close()
    refused = [item["create"] for item in answer["items"] if item["create"]["status"] >= 300]
    assert refused == []
    return name


def ask(url: str, path: str, body: Any) -> Any:
    request = urllib.request.Request(
        url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def _hits(url: str, stream: str, query: str) -> set[int]:
    search = {"query_string": {"query": query, "analyze_wildcard": True}}
    found = ask(url, f"/{stream}/_search", {"query": search, "size": 10_000, "_source": False})
    return {int(hit["_id"]) for hit in found["hits"]["hits"]}


def _queries(root: Path) -> Iterator[tuple[str, str]]:
    for path in sorted((root / "rules").rglob("*.yml")):
        for document in yaml.safe_load_all(path.read_text("utf-8")):
            if document and "detection" in document:
                rule = SigmaCollection.from_dicts([document])
                (query,) = LuceneBackend(processing_pipeline=tieline_pipeline()).convert(rule)
                yield str(document["id"]), str(query)


def test_a_query_finds_the_events_on_which_the_rule_fires(
    elasticsearch: str, stream: str, events: list[Event], ruleset: Ruleset, pytestconfig: pytest.Config
) -> None:
    detector = Detector(ruleset.detections)
    fired: dict[str, set[int]] = {rule.head.id: set() for rule in ruleset.detections}
    for at, event in enumerate(events):
        for match in detector.detect(event):
            fired[match.rule.id].add(at)
    titles = {rule.head.id: rule.head.label for rule in ruleset.detections}

    differing = {}
    for rule, query in _queries(pytestconfig.rootpath):
        found = _hits(elasticsearch, stream, query)
        if found != fired[rule]:
            differing[titles[rule]] = {
                "only by the engine": [events[at].fields for at in sorted(fired[rule] - found)[:3]],
                "only by the query": [events[at].fields for at in sorted(found - fired[rule])[:3]],
            }

    assert differing.keys() == DIFFERENCES.keys(), json.dumps(differing, indent=1, default=str)[:6000]
    assert sum(map(bool, fired.values())) > 35
