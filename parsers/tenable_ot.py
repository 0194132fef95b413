"""Tenable OT Security (Tenable.ot, before that Indegy): policy events in CEF.

::

    CEF:0|Tenable|Tenable.ot|3.18.51|145|SIMATIC Code Download|9|src=192.0.2.7 smac=00:00:5e:00:53:01 shost=EWS-1 dst=198.51.100.9 dmac=00:00:5e:00:53:02 dhost=PLC-1 proto=S7 cs1=Code changes cs1Label=policy rt=Jan 02 2026 03:04:05

What the keys of CEF mean is read by the envelope; the operation is in the event's name.
"""  # noqa: E501  (records as they are sent)

from collections.abc import Mapping
from typing import Any

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import monitors

_SOURCE = LogSource(product="tenable", service="ot")


def _shape(row: Mapping[str, Any]) -> bool:
    vendor, product = str(row.get("deviceVendor", "")).lower(), str(row.get("deviceProduct", "")).lower()
    return vendor in ("indegy", "tenable.ot", "tenable ot") or (vendor.startswith("tenable") and "ot" in product)


def parse(frame: Frame) -> Fields:
    row = frame.opened.object if frame.opened is not None else None
    if row is None or not _shape(row):
        raise ParseError("tenable_ot: no CEF record of Tenable OT Security")
    monitors.mend(frame)
    name = str(row.get("name", "")).strip()
    fields: Fields = {
        "event.kind": "alert",
        "event.category": ["intrusion_detection"],
        "event.type": ["info"],
    }
    if name:
        fields["event.action"] = name
    labels = {str(row[key]).strip().lower(): str(row.get(key[:-5], "")) for key in row if key.endswith("Label")}
    policy = labels.get("policy") or labels.get("policy name") or labels.get("policyname") or name
    if policy:
        fields["rule.name"] = policy
    spoken = str(row.get("app") or labels.get("protocol") or row.get("proto") or "")
    monitors.acted(fields, monitors.operation(name, labels.get("event type")), spoken)
    monitors.transport(fields, row.get("proto"))
    monitors.techniques(fields, *labels.values())
    monitors.related(fields)
    return fields


def route(fields: Fields) -> LogSource:
    return monitors.source_of(fields, _SOURCE)


FORMAT = LogFormat(
    id="tenable_ot",
    vendor="Tenable",
    product="OT Security (Indegy)",
    logsource=LogSource(product="tenable", service="ot"),
    spec="https://docs.tenable.com/OT-security/Content/SyslogServers.htm",
    parse=parse,
    inside="cef",
    shape=_shape,
    route=route,
)
