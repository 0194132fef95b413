"""What is made for Kibana: whole and consistent, and each query and aggregation of it held against a real Elasticsearch."""

import json
import runpy
import secrets
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from engine.config.sinks import ElasticsearchSink
from engine.model import Alert
from engine.model.times import SECOND, rfc3339
from engine.sinks.elasticsearch import ElasticsearchStream
from engine.sinks.elasticsearch_templates import read as template

FOLDER = Path(__file__).parents[2] / "deploy" / "kibana"
BEGIN = 1_767_225_600 * SECOND
METRICS = {"count", "max"}
BUCKETS = {"terms", "date_histogram"}

Saved = dict[str, Any]


@pytest.fixture(scope="module")
def objects() -> dict[str, Saved]:
    found = [json.loads(line) for line in (FOLDER / "saved_objects.ndjson").read_text().splitlines()]
    return {one["id"]: one for one in found}


@pytest.fixture(scope="module")
def rule() -> Saved:
    (line,) = (FOLDER / "promotion_rule.ndjson").read_text().splitlines()
    found: Saved = json.loads(line)
    return found


def panels(objects: dict[str, Saved]) -> list[Saved]:
    found: list[Saved] = json.loads(objects["tieline-soc"]["attributes"]["panelsJSON"])
    return found


def lenses(objects: dict[str, Saved]) -> dict[str, Saved]:
    return {
        panel["panelIndex"]: panel["embeddableConfig"]["attributes"]
        for panel in panels(objects)
        if panel["type"] == "lens"
    }


def layer(lens: Saved) -> Saved:
    (found,) = lens["state"]["datasourceStates"]["formBased"]["layers"].values()
    return dict(found)


def queries(objects: dict[str, Saved], rule: Saved) -> dict[str, str]:
    found = {f"{name} panel": lens["state"]["query"]["query"] for name, lens in lenses(objects).items()}
    for name, one in objects.items():
        source = one["attributes"].get("kibanaSavedObjectMeta", {}).get("searchSourceJSON")
        if source:
            found[name] = json.loads(source)["query"]["query"]
    return {name: query for name, query in (found | {"promotion rule": rule["query"]}).items() if query}


def fields(objects: dict[str, Saved]) -> set[str]:
    columns = [column["sourceField"] for lens in lenses(objects).values() for column in layer(lens)["columns"].values()]
    columns += [name for one in objects.values() for name in one["attributes"].get("columns", [])]
    return set(columns) - {"___records___"}


def aggregations(lens: Saved) -> Saved:
    """The request that Lens makes of a layer: buckets inside each other in their order, the metrics innermost."""
    columns = layer(lens)["columns"]
    order = layer(lens)["columnOrder"]
    metrics = {
        name: {"max": {"field": columns[name]["sourceField"]}}
        for name in order
        if columns[name]["operationType"] == "max"
    }
    inner: Saved = metrics
    for name in reversed([name for name in order if columns[name]["isBucketed"]]):
        column = columns[name]
        if column["operationType"] == "date_histogram":
            own: Saved = {
                "date_histogram": {"field": column["sourceField"], "fixed_interval": "1h", "min_doc_count": 1}
            }
        else:
            own = {
                "terms": {"field": column["sourceField"], "size": column["params"]["size"], "order": {"_count": "desc"}}
            }
            if column["params"]["missingBucket"]:
                own["terms"]["missing"] = "__missing__"
        inner = {name: own | ({"aggs": inner} if inner else {})}
    return inner


def test_the_files_are_what_build_writes() -> None:
    build = runpy.run_path(str(FOLDER / "build.py"))

    assert (FOLDER / "saved_objects.ndjson").read_text() == build["ndjson"](build["saved_objects"]())
    assert (FOLDER / "promotion_rule.ndjson").read_text() == build["ndjson"]([build["promotion_rule"]()])


def test_every_object_says_which_version_it_was_made_for(objects) -> None:
    assert {one["type"] for one in objects.values()} == {"index-pattern", "search", "dashboard"}
    for one in objects.values():
        assert one["coreMigrationVersion"].startswith("8.") and one["typeMigrationVersion"].startswith("8.")
        assert not {"updated_at", "version", "namespaces"} & set(one)
    assert objects["tieline-alerts"]["attributes"]["timeFieldName"] == "@timestamp"


def test_every_reference_leads_to_an_object_of_the_file(objects) -> None:
    for one in objects.values():
        for found in one["references"]:
            assert objects[found["id"]]["type"] == found["type"]
    names = {found["name"] for found in objects["tieline-soc"]["references"]}
    for panel in panels(objects):
        if panel["type"] == "lens":
            inner = panel["embeddableConfig"]["attributes"]["references"]
            assert {f"{panel['panelIndex']}:{found['name']}" for found in inner} <= names
            assert inner
        else:
            assert f"{panel['panelIndex']}:{panel['panelRefName']}" in names


def test_no_two_panels_overlap_and_none_leaves_the_grid(objects) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels(objects):
        grid = panel["gridData"]
        cells = {
            (x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])
        }
        assert not taken & cells
        assert max(x for x, _ in cells) < 48
        taken |= cells
    assert len({panel["panelIndex"] for panel in panels(objects)}) == len(panels(objects))


def test_a_visualization_names_columns_and_layers_that_it_has(objects) -> None:
    for lens in lenses(objects).values():
        columns = layer(lens)["columns"]
        (name,) = lens["state"]["datasourceStates"]["formBased"]["layers"]
        assert set(layer(lens)["columnOrder"]) == set(columns)
        assert {column["operationType"] for column in columns.values()} <= METRICS | BUCKETS
        text = json.dumps(lens["state"]["visualization"])
        assert f'"layerId": "{name}"' in text
        assert all(f'"{column}"' in text for column in columns)
        for column in columns.values():
            order = column.get("params", {}).get("orderBy", {})
            assert order.get("columnId", "count") in columns


def test_kql_and_lucene_read_every_query_alike(objects, rule) -> None:
    for query in queries(objects, rule).values():
        bare = query.replace("AND", "").replace("OR", "").replace("NOT", "")
        assert not {" and ", " or ", "not ", "?", "~", "/", "{", "[", ">", "<"} & set(bare.split("'"))
        assert " and " not in query and " or " not in query and ": " not in query


def test_the_promotion_rule_carries_name_time_risk_and_severity_over(rule) -> None:
    assert rule["rule_name_override"] == "message"
    assert rule["timestamp_override"] == "event.ingested"
    assert rule["risk_score_mapping"][0]["field"] == "event.risk_score"
    severities = [(mapping["severity"], mapping["value"]) for mapping in rule["severity_mapping"]]
    assert severities == [("low", "21"), ("medium", "47"), ("high", "73"), ("critical", "99")]


def test_every_field_is_one_that_our_templates_map(objects) -> None:
    known = template("mappings")["template"]["mappings"]["properties"]

    def mapped(name: str) -> bool:
        found: Any = {"properties": known}
        for step in name.split("."):
            found = found.get("properties", {}).get(step)
            if found is None:
                return False
        return True

    assert [name for name in fields(objects) if name != "@timestamp" and not mapped(name)] == []


# Against the real server


def alert(number: int, revision: int | None = 0, **more: Any) -> Alert:
    name = f"{number:032x}"
    document: Saved = {
        "@timestamp": rfc3339(BEGIN + number * 60 * SECOND),
        "event.id": name,
        "event.kind": "alert",
        "event.module": "tieline",
        "event.severity": 47,
        "event.risk_score": 47.0,
        "message": "Modbus write from the office",
        "rule.name": "Modbus write from the office",
        "rule.ruleset": "ot",
        "tieline.rule.level": "medium",
        "threat.technique.name": ["Unauthorized Command Message"],
        "tieline.source.zone": "enterprise",
        "tieline.destination.zone": "cell_a",
        "tieline.destination.asset": "plc-1",
        **more,
    }
    if revision is not None:
        document |= {"tieline.correlation.revision": revision, "tieline.correlation.type": "temporal_ordered"}
    return Alert(name, revision or 0, BEGIN + number * 60 * SECOND, "rule", "medium", document)


ALERTS = [
    alert(1, None),
    alert(
        2,
        None,
        **{"rule.ruleset": "it", "tieline.rule.level": "low", "event.severity": 21, "tieline.source.zone": None},
    ),
    alert(3, 0, **{"rule.ruleset": "converged", "tieline.rule.level": "critical", "event.severity": 99}),
    alert(3, 1, **{"rule.ruleset": "converged", "tieline.rule.level": "critical", "event.severity": 99}),
    alert(3, 2, **{"rule.ruleset": "converged", "tieline.rule.level": "critical", "event.severity": 99}),
    alert(4, None, **{"event.kind": "event"}),
    alert(5, None, **{"event.module": "other"}),
]
OPENED = {ALERTS[0].key, ALERTS[1].key, ALERTS[2].key}


@pytest.fixture(scope="module")
def stream() -> str:
    return f"logs-tieline.alert-{secrets.token_hex(4)}"


@pytest.fixture
def filled(elasticsearch: str, stream: str) -> str:
    sink = ElasticsearchStream(ElasticsearchSink(hosts=[elasticsearch], stream=stream))
    sink.start()
    assert not sink.write(ALERTS)
    ask(elasticsearch, f"/{stream}/_refresh")
    return elasticsearch


def ask(url: str, path: str, body: Any = None) -> Any:
    data = b"" if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data, {"Content-Type": "application/json"}, method="POST")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def query_string(query: str) -> Saved:
    return {"query_string": {"query": query, "lenient": False, "analyze_wildcard": False}}


def found_by(url: str, stream: str, query: str) -> set[str]:
    answer = ask(url, f"/{stream}/_search", {"query": query_string(query), "size": 100, "_source": False})
    return {hit["_id"] for hit in answer["hits"]["hits"]}


def test_the_promotion_rule_takes_each_alert_once_when_it_opens(filled, stream, rule) -> None:
    assert found_by(filled, stream, rule["query"]) == OPENED


def test_every_query_runs_and_finds_what_it_says(filled, stream, objects, rule) -> None:
    expected = {
        "tieline-search-alerts": OPENED,
        "tieline-soc": OPENED,
        "tieline-search-stories": {one.key for one in ALERTS[2:5]},
        "count-critical panel": {one.key for one in ALERTS[2:5]},
        "count-high panel": set(),
        "count-low panel": {ALERTS[1].key},
        "promotion rule": OPENED,
    }

    found = {name: found_by(filled, stream, query) for name, query in queries(objects, rule).items()}

    assert expected.items() <= found.items()


def test_every_panel_gets_its_buckets(filled, stream, objects, rule) -> None:
    whole = queries(objects, rule)["tieline-soc"]
    seen: dict[str, Any] = {}

    for name, lens in lenses(objects).items():
        own = lens["state"]["query"]["query"]
        query = {"bool": {"filter": [query_string(one) for one in (whole, own) if one]}}
        seen[name] = ask(filled, f"/{stream}/_search", {"query": query, "size": 0, "aggs": aggregations(lens)})

    def keys(panel: str, column: str) -> dict[str, int]:
        return {one["key"]: one["doc_count"] for one in seen[panel]["aggregations"][column]["buckets"]}

    assert seen["count-critical"]["hits"]["total"]["value"] == 1
    assert keys("domain", "domain") == {"ot": 1, "it": 1, "converged": 1}
    assert keys("technique", "first") == {"Unauthorized Command Message": 3}
    assert keys("zones", "first") == {"enterprise": 2, "__missing__": 1}
    assert keys("assets", "first") == {"plc-1": 3}
    assert seen["assets"]["aggregations"]["first"]["buckets"][0]["severity"]["value"] == 99
    (hour,) = seen["over-time"]["aggregations"]["time"]["buckets"]
    assert {one["key"] for one in hour["level"]["buckets"]} == {"medium", "low", "critical"}


def test_every_field_of_a_table_can_be_aggregated(filled, stream, objects) -> None:
    wanted = {column["sourceField"] for lens in lenses(objects).values() for column in layer(lens)["columns"].values()}
    wanted -= {"___records___"}

    answer = ask(filled, f"/{stream}/_field_caps?fields={','.join(sorted(wanted))}")

    assert {
        name for name, types in answer["fields"].items() if all(one["aggregatable"] for one in types.values())
    } == wanted
