"""Writes the saved objects for Kibana 8.9 and newer: python deploy/kibana/build.py

Queries use only what KQL and Lucene's query_string read alike (operators in capitals, `field:*` for "there is one"), so
that each of them can be run against Elasticsearch without Kibana.

Format: https://www.elastic.co/docs/extend/kibana/saved-objects/export; Kibana brings older objects forward by itself.
"""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
DATA_VIEW, ALERTS, STORIES, DASHBOARD = (
    "tieline-alerts",
    "tieline-search-alerts",
    "tieline-search-stories",
    "tieline-soc",
)
OURS = 'event.kind:"alert" AND event.module:"tieline"'
REVISION = "tieline.correlation.revision"
# In Lucene "a OR NOT b" is no disjunction: a NOT needs something beside it in its own brackets.
OPENED = f'{OURS} AND ({REVISION}:0 OR (event.kind:"alert" AND NOT {REVISION}:*))'
LEVELS = {"critical": 99, "high": 73, "medium": 47, "low": 21}


def saved(
    kind: str, id: str, attributes: dict[str, Any], references: list[dict[str, str]], version: str
) -> dict[str, Any]:
    return {
        "attributes": attributes,
        "coreMigrationVersion": "8.8.0",
        "id": id,
        "managed": False,
        "references": references,
        "type": kind,
        "typeMigrationVersion": version,
    }


def reference(name: str, id: str = DATA_VIEW, kind: str = "index-pattern") -> dict[str, str]:
    return {"id": id, "name": name, "type": kind}


def kql(query: str) -> dict[str, str]:
    return {"language": "kuery", "query": query}


def data_view() -> dict[str, Any]:
    formats = {
        "rule.reference": {"id": "url", "params": {}},
        "threat.technique.reference": {"id": "url", "params": {}},
        "threat.tactic.reference": {"id": "url", "params": {}},
    }
    attributes = {
        "allowNoIndex": True,
        "fieldAttrs": "{}",
        "fieldFormatMap": json.dumps(formats),
        "fields": "[]",
        "name": "Tieline alerts",
        "runtimeFieldMap": "{}",
        "sourceFilters": "[]",
        "timeFieldName": "@timestamp",
        "title": "logs-tieline.alert-*",
        "typeMeta": "{}",
    }
    return saved("index-pattern", DATA_VIEW, attributes, [], "8.0.0")


def search(id: str, title: str, description: str, query: str, columns: list[str]) -> dict[str, Any]:
    index = "kibanaSavedObjectMeta.searchSourceJSON.index"
    source = {"filter": [], "indexRefName": index, "query": kql(query)}
    attributes = {
        "columns": columns,
        "description": description,
        "grid": {},
        "hideChart": False,
        "isTextBasedQuery": False,
        "kibanaSavedObjectMeta": {"searchSourceJSON": json.dumps(source)},
        "sort": [["@timestamp", "desc"]],
        "timeRestore": False,
        "title": title,
        "usesAdHocDataView": False,
    }
    return saved("search", id, attributes, [reference(index)], "8.0.0")


def count(label: str = "Alerts") -> dict[str, Any]:
    return {
        "customLabel": True,
        "dataType": "number",
        "isBucketed": False,
        "label": label,
        "operationType": "count",
        "params": {"emptyAsNull": False},
        "scale": "ratio",
        "sourceField": "___records___",
    }


def greatest(field: str, label: str, kind: str) -> dict[str, Any]:
    return {
        "customLabel": True,
        "dataType": kind,
        "isBucketed": False,
        "label": label,
        "operationType": "max",
        "params": {"emptyAsNull": True},
        "scale": "ratio",
        "sourceField": field,
    }


def most(field: str, label: str, size: int, *, missing: bool = False) -> dict[str, Any]:
    return {
        "customLabel": True,
        "dataType": "string",
        "isBucketed": True,
        "label": label,
        "operationType": "terms",
        "params": {
            "missingBucket": missing,
            "orderBy": {"columnId": "count", "type": "column"},
            "orderDirection": "desc",
            "otherBucket": missing,
            "parentFormat": {"id": "terms"},
            "size": size,
        },
        "scale": "ordinal",
        "sourceField": field,
    }


TIME = {
    "dataType": "date",
    "isBucketed": True,
    "label": "@timestamp",
    "operationType": "date_histogram",
    "params": {"dropPartials": False, "includeEmptyRows": True, "interval": "auto"},
    "scale": "interval",
    "sourceField": "@timestamp",
}


class Panels:
    def __init__(self) -> None:
        self.all: list[dict[str, Any]] = []
        self.references: list[dict[str, str]] = []

    def lens(
        self,
        name: str,
        title: str,
        place: tuple[int, int, int, int],
        kind: str,
        columns: dict[str, dict[str, Any]],
        visualization: dict[str, Any],
        query: str = "",
    ) -> None:
        layer = f"{name}-layer"
        source = reference(f"indexpattern-datasource-layer-{layer}")
        bucketed = sorted(columns, key=lambda column: not columns[column]["isBucketed"])  # buckets first, else as given
        state = {
            "adHocDataViews": {},
            "datasourceStates": {
                "formBased": {
                    "layers": {
                        layer: {
                            "columnOrder": bucketed,
                            "columns": columns,
                            "ignoreGlobalFilters": False,
                            "incompleteColumns": {},
                            "sampling": 1,
                        }
                    }
                },
                "indexpattern": {"layers": {}},
                "textBased": {"layers": {}},
            },
            "filters": [],
            "internalReferences": [],
            "query": kql(query),
            "visualization": _with_layer(visualization, layer),
        }
        attributes = {
            "references": [source],
            "state": state,
            "title": title,
            "type": "lens",
            "visualizationType": kind,
        }
        self._add(name, title, place, "lens", {"attributes": attributes, "enhancements": {}})
        self.references.append(source | {"name": f"{name}:{source['name']}"})

    def search(self, name: str, title: str, place: tuple[int, int, int, int], id: str) -> None:
        self._add(name, title, place, "search", {"enhancements": {}})
        self.all[-1]["panelRefName"] = f"panel_{name}"
        self.references.append(reference(f"{name}:panel_{name}", id, "search"))

    def _add(self, name: str, title: str, place: tuple[int, int, int, int], kind: str, config: dict[str, Any]) -> None:
        x, y, w, h = place
        grid = {"h": h, "i": name, "w": w, "x": x, "y": y}
        self.all.append(
            {"embeddableConfig": config, "gridData": grid, "panelIndex": name, "title": title, "type": kind}
        )


def _with_layer(visualization: dict[str, Any], layer: str) -> dict[str, Any]:
    if "layers" in visualization:
        layers = [one | {"layerId": layer, "layerType": "data"} for one in visualization["layers"]]
        return visualization | {"layers": layers}
    return visualization | {"layerId": layer, "layerType": "data"}


def table(columns: dict[str, dict[str, Any]]) -> dict[str, Any]:
    shown = [
        {"columnId": name, "isMetric": not column["isBucketed"], "isTransposed": False}
        for name, column in columns.items()
    ]
    return {"columns": shown, "paging": {"enabled": True, "size": 10}}


def dashboard() -> dict[str, Any]:
    panels = Panels()
    for at, level in enumerate(LEVELS):
        panels.lens(
            f"count-{level}",
            f"{level.capitalize()} alerts",
            (at * 12, 0, 12, 6),
            "lnsMetric",
            {"count": count(level.capitalize())},
            {"metricAccessor": "count"},
            f'tieline.rule.level:"{level}"',
        )
    panels.lens(
        "over-time",
        "Alerts over time by level",
        (0, 6, 32, 12),
        "lnsXY",
        {"time": TIME, "level": most("tieline.rule.level", "Level", 5), "count": count()},
        {
            "axisTitlesVisibilitySettings": {"x": False, "yLeft": True, "yRight": True},
            "layers": [
                {"accessors": ["count"], "seriesType": "bar_stacked", "splitAccessor": "level", "xAccessor": "time"}
            ],
            "legend": {"isVisible": True, "position": "right"},
            "preferredSeriesType": "bar_stacked",
            "valueLabels": "hide",
        },
    )
    panels.lens(
        "domain",
        "IT, OT and across both",
        (32, 6, 16, 12),
        "lnsPie",
        {"domain": most("rule.ruleset", "Domain", 5, missing=True), "count": count()},
        {
            "layers": [
                {
                    "categoryDisplay": "default",
                    "legendDisplay": "default",
                    "metrics": ["count"],
                    "nestedLegend": False,
                    "numberDisplay": "value",
                    "primaryGroups": ["domain"],
                }
            ],
            "shape": "donut",
        },
    )
    for name, title, place, first, second in (
        ("technique", "ATT&CK techniques", (0, 18, 24, 13), most("threat.technique.name", "Technique", 20), None),
        (
            "zones",
            "From zone to zone",
            (24, 18, 24, 13),
            most("tieline.source.zone", "From", 20, missing=True),
            most("tieline.destination.zone", "To", 20, missing=True),
        ),
        ("assets", "Assets under attack", (0, 31, 24, 13), most("tieline.destination.asset", "Asset", 50), None),
        ("rules", "Rules", (24, 31, 24, 13), most("rule.name", "Rule", 50), most("rule.ruleset", "Domain", 3)),
    ):
        columns = {"first": first} | ({"second": second} if second is not None else {}) | {"count": count()}
        columns |= {
            "severity": greatest("event.severity", "Severity", "number"),
            "last": greatest("@timestamp", "Last", "date"),
        }
        panels.lens(name, title, place, "lnsDatatable", columns, table(columns))
    panels.search("stories", "Stories, step by step", (0, 44, 48, 16), STORIES)
    panels.search("alerts", "Alerts", (0, 60, 48, 18), ALERTS)
    attributes = {
        "description": "What Tieline found by level, technique, zone and asset. An alert counts once, when it opens.",
        "kibanaSavedObjectMeta": {"searchSourceJSON": json.dumps({"filter": [], "query": kql(OPENED)})},
        "optionsJSON": json.dumps(
            {"hidePanelTitles": False, "syncColors": False, "syncCursor": True, "useMargins": True}
        ),
        "panelsJSON": json.dumps(panels.all),
        "timeRestore": False,
        "title": "Tieline: alerts across IT and OT",
        "version": 1,
    }
    return saved("dashboard", DASHBOARD, attributes, panels.references, "8.9.0")


def promotion_rule() -> dict[str, Any]:
    """For /api/detection_engine/rules/_import, as Elastic's own "External Alerts" rule, but revision 0 only: each later
    revision of an alert would become a signal of its own."""
    return {
        "actions": [],
        "author": ["Tieline"],
        "description": "Makes a detection alert of each alert that Tieline opens, so that cases, exceptions and "
        "timelines work with it. Later revisions of the same alert stay in the data stream logs-tieline.alert-*.",
        "enabled": True,
        "exceptions_list": [],
        "false_positives": [],
        "from": "now-5m",
        "immutable": False,
        "index": ["logs-tieline.alert-*"],
        "interval": "1m",
        "language": "kuery",
        "license": "Apache-2.0",
        "max_signals": 1000,
        "name": "Tieline alerts",
        "note": "`event.reason` says why it fired, `tieline.events` lists the evidence in order, `tieline.consequence` "
        "what it means for the plant. Talk to the plant before anything is switched off.",
        "output_index": "",
        "query": OPENED,
        "references": [],
        "related_integrations": [],
        "required_fields": [],
        "risk_score": 47,
        "risk_score_mapping": [{"field": "event.risk_score", "operator": "equals", "value": ""}],
        "rule_id": "6f6c0f0e-3c1b-4a55-9d5a-7e1f6f1a2b90",
        "rule_name_override": "message",
        "setup": "",
        "severity": "medium",
        "severity_mapping": [
            {"field": "event.severity", "operator": "equals", "severity": level, "value": str(number)}
            for level, number in sorted(LEVELS.items(), key=lambda item: item[1])
        ],
        "tags": ["Tieline", "Use Case: Threat Detection", "Domain: ICS"],
        "threat": [],
        "timestamp_override": "event.ingested",
        "to": "now",
        "type": "query",
        "version": 1,
    }


def saved_objects() -> list[dict[str, Any]]:
    alert_columns = [
        "tieline.rule.level",
        "message",
        "event.reason",
        "source.ip",
        "user.name",
        "tieline.destination.asset",
    ]
    story_columns = [
        "tieline.rule.level",
        "message",
        "tieline.correlation.group",
        "tieline.correlation.revision",
        "tieline.events.time",
        "tieline.events.rule",
        "tieline.events.summary",
        "tieline.consequence",
    ]
    return [
        data_view(),
        search(ALERTS, "Tieline: alerts", "Each alert when it opens.", OPENED, alert_columns),
        search(
            STORIES,
            "Tieline: stories",
            "Correlations with their evidence in order; each revision is a line.",
            f"{OURS} AND tieline.correlation.type:*",
            story_columns,
        ),
        dashboard(),
    ]


def ndjson(objects: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(one, sort_keys=True, ensure_ascii=False) + "\n" for one in objects)


if __name__ == "__main__":
    (FOLDER / "saved_objects.ndjson").write_text(ndjson(saved_objects()))
    (FOLDER / "promotion_rule.ndjson").write_text(ndjson([promotion_rule()]))
