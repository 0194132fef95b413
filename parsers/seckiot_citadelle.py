"""Seckiot Citadelle: detections, new assets and links, vulnerabilities, as nested JSON close to ECS.

::

    {"@timestamp":"2026-01-02T03:04:05.006Z","observer":{"vendor":"Seckiot","product":"Seckiot Citadelle"},"event":{"kind":"alert","severity":1,"category":["info"]},"source":{"ip":"192.0.2.7","port":50211,"mac":"00:00:5E:00:53:01"},"destination":{"ip":"198.51.100.9","port":102,"mac":"00:00:5E:00:53:02"},"network":{"transport":"TCP","protocol":"s7comm"},"rule":{"uuid":"51186749","name":"PLC stop"},"skt":{"module":"Detection Engine"}}
"""  # noqa: E501  (records as they are sent)

from collections.abc import Mapping
from typing import Any

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import clock, monitors
from parsers._grammar.addresses import mac
from parsers._grammar.zeek import word

_SOURCE = LogSource(product="seckiot", service="alert")
_CATEGORIES = frozenset(
    ("network", "intrusion_detection", "vulnerability", "host", "configuration", "malware", "threat")
)


def _shape(row: Mapping[str, Any]) -> bool:
    if "tieline.format" in row:  # printed by us before
        return False
    return row.get("observer.vendor") == "Seckiot" or "skt.alert_id" in row or "skt.module" in row


def parse(frame: Frame) -> Fields:
    row = frame.opened.object if frame.opened is not None else None
    if row is None or not _shape(row):
        raise ParseError("seckiot_citadelle: no observer.vendor Seckiot")
    get = row.get
    said = get("event.category")
    kinds = [one for one in said if type(one) is str and one in _CATEGORIES] if type(said) is list else []
    if "vulnerability.id" in row and "vulnerability" not in kinds:
        kinds.append("vulnerability")
    fields: Fields = {
        "event.kind": "alert" if get("event.kind") not in ("event", "state", "asset") else get("event.kind"),
        "event.category": kinds or ["intrusion_detection"],
        "event.type": ["info"],
        "observer.vendor": "Seckiot",
        "observer.product": word(get("observer.product")) or "Citadelle",
    }
    when = word(get("timestamp")) or word(get("event.created"))
    time = clock.iso(when) if when is not None and "@timestamp" not in frame.opened.fields else None
    if time is not None:
        fields["@timestamp"] = time
    for side in ("source", "destination"):
        address = mac(word(get(f"{side}.mac")))
        if address is not None:
            fields[f"{side}.mac"] = address
    spoken, title = word(get("network.protocol")), word(get("rule.name"))
    transport = word(get("network.transport"))
    if transport is not None:
        fields["network.transport"] = transport.lower()
    if word(get("rule.uuid")) is not None:
        fields["rule.id"] = get("rule.uuid")
    author = word(get("rule.author"))
    if author is not None:
        fields["rule.author"] = [author]
    if title is not None:
        fields["event.action"] = title
        fields["message"] = word(get("rule.description")) or title
    monitors.acted(fields, monitors.operation(title), spoken)
    monitors.techniques(fields, title, get("threat.technique.id"), get("rule.reference"))
    both = {**{key: get(key) for key in ("source.ip", "destination.ip") if type(get(key)) is str}, **fields}
    monitors.related(both)
    for name in ("related.ip", "network.type"):
        if name in both:
            fields[name] = both[name]
    return fields


def route(fields: Fields) -> LogSource:
    return monitors.source_of(fields, _SOURCE)


FORMAT = LogFormat(
    id="seckiot_citadelle",
    vendor="Seckiot",
    product="Citadelle",
    logsource=LogSource(product="seckiot"),
    spec="https://www.seckiot.fr/en/citadelle",
    parse=parse,
    inside="json",
    shape=_shape,
    route=route,
)
