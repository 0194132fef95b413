"""Tenable OT Security (Tenable.ot, before that Indegy): policy events in CEF.

::

    <12>Jan  2 03:04:05 192.0.2.20 CEF:0|Tenable|Tenable OT Security|3.17.40|30|Rockwell Code Upload|3|dvchost=Tenable OT Security rt=Jan  2 2026 03:04:05 duser=PLC_1 suser=EWS-1 outcome=success dst=198.51.100.9 dmac=00:00:5e:00:53:02 src=192.0.2.7 smac=00:00:5e:00:53:01 cfp1Label=cluster_log_id cfp1=99 externalId=99 cs6Label=policy_name cs6=Code uploads cat=ConfigurationEvents

``suser`` and ``duser`` are names of assets, not of users. The operation is in the event's name; a value that has
changed (``running->stopped``) is ``cs1``, labelled ``value_change``.
"""  # noqa: E501  (records as they are sent)

from collections.abc import Mapping
from typing import Any

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import extensions, monitors
from parsers._grammar.addresses import ip
from parsers._grammar.people import hosts

_SOURCE = LogSource(product="tenable", service="ot")


def _shape(row: Mapping[str, Any]) -> bool:
    vendor, product = str(row.get("deviceVendor", "")).lower(), str(row.get("deviceProduct", "")).lower()
    return vendor in ("indegy", "tenable.ot", "tenable ot") or (vendor.startswith("tenable") and "ot" in product)


def parse(frame: Frame) -> Fields:
    row = frame.opened.object if frame.opened is not None else None
    if row is None or not _shape(row):
        raise ParseError("tenable_ot: no CEF record of Tenable OT Security")
    monitors.mend(frame)
    monitors.no_people(frame)
    name = str(row.get("name", "")).strip()
    fields: Fields = {
        "event.kind": "alert",
        "event.category": ["intrusion_detection"],
        "event.type": ["info"],
    }
    if name:
        fields["event.action"] = name
    _assets(frame, row, fields)
    labels = {key.lower(): monitors.said(value) or "" for key, value in monitors.labels(row).items()}
    policy = labels.get("policy_name") or labels.get("policy") or labels.get("policy name") or name
    if policy:
        fields["rule.name"] = policy
    spoken = str(row.get("app") or labels.get("protocol") or row.get("proto") or "")
    done = monitors.operation(name, labels.get("event type"))
    monitors.acted(fields, done, spoken or name.partition(" ")[0])
    before, arrow, now = labels.get("value_change", "").partition("->")
    if arrow and now.strip():
        fields["tieline.tenable.before"], fields["tieline.tenable.after"] = before.strip(), now.strip()
        if done == "mode_change":
            fields["ot.mode"] = now.strip().lower()
    monitors.transport(fields, row.get("proto"))
    monitors.techniques(fields, *labels.values())
    monitors.related(fields)
    return fields


def _assets(frame: Frame, row: Mapping[str, Any], fields: Fields) -> None:
    names = []
    for key, short, side in (("suser", "shost", "source"), ("duser", "dhost", "destination")):
        name = monitors.said(row.get(key))
        if name is None or ip(name) is not None:
            continue
        fields[f"tieline.tenable.{side}_asset"] = name
        known = extensions.host(name)
        if known is not None and monitors.said(row.get(short)) is None:
            fields[f"{side}.domain"] = known
            names.append(known)
    hosts(fields, frame, *names)


def route(fields: Fields) -> LogSource:
    return monitors.source_of(fields, _SOURCE)


FORMAT = LogFormat(
    id="tenable_ot",
    vendor="Tenable",
    product="OT Security (Indegy)",
    logsource=LogSource(product="tenable", service="ot"),
    spec="https://docs.tenable.com/quick-reference/ot-security-syslog-integration-guide/",
    parse=parse,
    inside="cef",
    shape=_shape,
    route=route,
)
