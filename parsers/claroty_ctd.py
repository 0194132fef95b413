"""Claroty Continuous Threat Detection and xDome: alerts and events in CEF.

::

    <14>1 2026-01-02T03:04:05Z site-1 syslog-Alert-Default - - - CEF:0|Claroty|CTD|4.10.0|Alert/Configuration Download|Configuration Download|10|CtdSourceIp=192.0.2.7 CtdDestinationIp=198.51.100.9 CtdSourceMac=00:00:5e:00:53:01 CtdDestinationMac=00:00:5e:00:53:02 CtdSourceHost=EWS-1 CtdDestinationHost=PLC-1 CtdTimeGenerated=Jan 02 2026 03:04:05 CtdMessage=A configuration was downloaded CtdProtocol=S7 CtdCategory=Integrity/Configuration Download CtdMitreAttackTechniqueIds=T0843
    CEF:0|Claroty|CTD|4.8.1|Alert|Configuration Download|10|externalId=91 cat=Integrity src=192.0.2.7 shost=EWS-1 dst=198.51.100.9 dhost=PLC-1 msg=A configuration was downloaded cs7=S7 cs7Label=Protocol rt=Jan 02 2026 03:04:05
    CEF:0|Claroty|Claroty|0.0|838|alert_affected_device|5|alert_id=838 alert_type_name=Malicious Internet Communication alert_name=Malicious Internet Communication: 203.0.113.7 device_ip_list=['192.0.2.7'] device_mac_list=['00:00:5e:00:53:01'] external_ip=203.0.113.7

CTD 4.9 and later name all their keys ``Ctd…``; earlier versions use those of CEF, which the envelope reads.
"""  # noqa: E501  (records as they are sent)

import re
from collections.abc import Mapping
from typing import Any

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import clock, extensions, monitors
from parsers._grammar.addresses import ip, mac
from parsers._grammar.monitors import said as _said
from parsers._grammar.people import account, hosts

_XDOME_ENDS = {
    "src_ip": "source.ip", "dst_ip": "destination.ip", "src_mac": "source.mac", "dst_mac": "destination.mac",
    "src_port": "source.port", "dst_port": "destination.port", "external_ip": "destination.ip",
}  # fmt: skip
_CTD_ENDS = {
    "CtdSourceIp": "source.ip", "CtdDestinationIp": "destination.ip", "CtdSourceMac": "source.mac",
    "CtdDestinationMac": "destination.mac", "CtdSourcePort": "source.port", "CtdDestinationPort": "destination.port",
}  # fmt: skip
_XDOME = frozenset(
    ("alert_id", "alert_name", "alert_type_name", "alert_description", "event_type", "event_timestamp", "change_type",
     "change_timestamp", "device_uid", "device_ip_list", "device_mac_list", "src_ip", "dst_ip", "username", "file_name")
)  # fmt: skip
_SOURCE = LogSource(product="claroty", service="alert")
_LOGON = LogSource(product="claroty", category="authentication", service="audit")
_SOURCES = {
    "activitylog": LogSource(product="claroty", service="audit"),
    "healthcheck": LogSource(product="claroty", service="health"),
    "insight": LogSource(product="claroty", service="insight"),
    "event": LogSource(product="claroty", service="event"),
}
# What is no alert: (event.kind, category).
_CLASSES = {
    "activitylog": ("event", "configuration"),
    "healthcheck": ("metric", "host"),
    "insight": ("state", "host"),
    "event": ("event", "network"),
}
_LOGONS = re.compile(r"(?i)\blog(?:ged)?[ -]?(in|on|out|off)\b")
_OUTCOMES = {"success": "success", "succeeded": "success", "fail": "failure", "failed": "failure", "failure": "failure"}


def _shape(row: Mapping[str, Any]) -> bool:
    return str(row.get("deviceVendor", "")).lower() == "claroty"


def parse(frame: Frame) -> Fields:
    row = frame.opened.object if frame.opened is not None else None
    if row is None or not _shape(row):
        raise ParseError("claroty_ctd: no CEF record of Claroty")
    monitors.mend(frame)
    get = row.get
    title, kind = str(get("name", "")).strip(), str(get("deviceEventClassId", "")).strip()
    text = _said(get("msg") or get("CtdMessage"))
    fields: Fields = {
        "event.kind": "alert",
        "event.category": ["intrusion_detection"],
        "event.type": ["info"],
        "rule.name": title.removeprefix("Alert/").removeprefix("Event/"),
        "event.action": title,
    }
    labels = {key.lower(): value for key, value in monitors.labels(row).items()}
    if not _XDOME.isdisjoint(row):
        title, text = _xdome(frame, row, title, text, fields)
    ctd = "CtdTimeGenerated" in row or "CtdSourceIp" in row
    if ctd:
        monitors.ends(row, fields, _CTD_ENDS)
        _ctd(frame, row, fields)
    spoken = _said(get("CtdProtocol") or labels.get("protocol") or get("app") or get("protocol"))
    if spoken is not None:
        fields["network.protocol"] = spoken.lower()
    if text is not None:
        fields["message"] = text
    site = _said(get("CtdSite") or get("device_site_name") or labels.get("site"))
    if site is not None:
        fields["tieline.claroty.site"] = site
    family = kind.partition("/")[0].partition("-")[0].strip().lower()
    if family in _CLASSES:
        _other(row, family, fields)
    if family not in ("activitylog", "healthcheck", "insight"):
        monitors.acted(fields, monitors.operation(kind, title, _operated(text)), spoken)
    monitors.techniques(
        fields,
        get("CtdMitreAttackTechniqueIds"),
        get("alert_mitre_technique_ids"),
        labels.get("mitre"),
        labels.get("mitretechniques"),
    )
    others = () if "device_ip_list" not in row else map(ip, monitors.texts(get("device_ip_list")))
    monitors.related(fields, *others)
    return fields


def _xdome(
    frame: Frame, row: Mapping[str, Any], title: str, text: str | None, fields: Fields
) -> tuple[str, str | None]:
    """xDome's own keys; the title and the text that they give."""
    get = row.get
    own = _said(get("event_type")) or _said(get("alert_type_name")) or _said(get("change_type"))
    title = _said(get("alert_name")) or _said(get("event_type")) or _said(get("change_type")) or title
    fields["rule.name"] = _said(get("alert_type_name")) or title.removeprefix("Alert/").removeprefix("Event/")
    fields["event.action"] = title
    if own is not None:
        fields["event.code"] = own  # xDome puts the event's own number where CEF has its class
    file = _said(get("file_name"))
    if file is not None:
        fields["file.name"] = file
    monitors.ends(row, fields, _XDOME_ENDS)
    _device(row, fields)
    when = _said(get("event_timestamp")) or _said(get("change_timestamp")) or _said(get("alert_detected_time"))
    time = clock.iso(when) if when is not None else None
    if time is not None:
        fields["@timestamp"] = time
    account(fields, _said(get("username")))
    told = _said(get("alert_description")) or _said(get("event_description")) or _said(get("change_description"))
    return title, text or told


def _other(row: Mapping[str, Any], family: str, fields: Fields) -> None:
    kind, category = _CLASSES[family]
    fields["event.kind"], fields["event.category"] = kind, [category]
    fields["tieline.claroty.class"] = family
    if family != "event":
        fields.pop("rule.name", None)
    done = _said(row.get("CtdAction"))
    if family == "insight" and _said(row.get("CtdCveId")) is not None:
        fields["event.category"] = ["vulnerability"]
    if family == "activitylog":
        fields["event.type"] = ["change"]
        outcome = _OUTCOMES.get(str(row.get("CtdActionStatus", "")).strip().lower())
        if outcome is not None:
            fields["event.outcome"] = outcome
        found = None if done is None else _LOGONS.search(done)
        if found is not None:
            fields["event.category"] = ["authentication"]
            fields.setdefault("event.outcome", "unknown")
            fields["event.type"] = ["start" if found[1].lower() in ("in", "on") else "end"]
    if done is not None:
        fields["event.action"] = done


def _ctd(frame: Frame, row: Mapping[str, Any], fields: Fields) -> None:
    """What only the ``Ctd…`` keys say. They have a time without a zone: the header's, with one, goes before."""
    when = _said(row.get("CtdTimeGenerated"))
    if when is not None and frame.opened is not None and "@timestamp" not in frame.opened.fields:
        time = extensions.written(when, frame.received, frame.zone)
        if time is not None:
            fields["@timestamp"] = time
    account(fields, _said(row.get("CtdUser") or row.get("CtdInsightUser")))
    names = []
    for key, side in (("CtdSourceHost", "source"), ("CtdDestinationHost", "destination")):
        name = extensions.host(_said(row.get(key)) or "")
        if name is not None:
            fields[f"{side}.domain"] = name
            names.append(name)
    if names:
        hosts(fields, frame, *names)
    for key, field in (
        ("CtdCveId", "vulnerability.id"),
        ("CtdFilePath", "file.path"),
        ("CtdSignatureName", "rule.description"),
        ("CtdAlertLink", "event.reference"),
        ("CtdSourceAssetType", "tieline.claroty.source_asset_type"),
        ("CtdDestinationAssetType", "tieline.claroty.destination_asset_type"),
        ("CtdSourceZone", "tieline.claroty.source_zone"),
        ("CtdDestinationZone", "tieline.claroty.destination_zone"),
    ):
        text = _said(row.get(key))
        if text is not None:
            fields[field] = text
    risk = monitors.score(row.get("CtdAlertScore", row.get("CtdRiskScore")))
    if risk is not None:
        fields["event.risk_score"] = risk


def _operated(text: str | None) -> str | None:
    """CTD's events say it behind these words; other messages tell stories, and are not read for it."""
    if text is not None and "controller operation" in text.lower():
        return text
    return None


def _device(row: Mapping[str, Any], fields: Fields) -> None:
    """The device that the alert is about: the source, where no other is named."""
    addresses = [one for one in map(ip, monitors.texts(row.get("device_ip_list"))) if one is not None]
    links = [one for one in map(mac, monitors.texts(row.get("device_mac_list"))) if one is not None]
    if "source.ip" not in fields and "src_ip" not in row and len(addresses) == 1:
        fields["source.ip"] = fields["source.address"] = addresses[0]
        if len(links) == 1:
            fields.setdefault("source.mac", links[0])
    if addresses:
        fields["host.ip"] = addresses
    if links:
        fields["host.mac"] = links
    for key, field in (("device_uid", "host.id"), ("device_type", "host.type"), ("device_asset_id", "device.id"),
                       ("device_manufacturer", "device.manufacturer"), ("device_model", "device.model.name"),
                       ("device_os", "host.os.full")):  # fmt: skip
        value = _said(row.get(key))
        if value is not None:
            fields[field] = value


def route(fields: Fields) -> LogSource:
    if "authentication" in fields.get("event.category", ()):
        return _LOGON
    return monitors.source_of(fields, _SOURCES.get(fields.get("tieline.claroty.class", ""), _SOURCE))


FORMAT = LogFormat(
    id="claroty_ctd",
    vendor="Claroty",
    product="Continuous Threat Detection, xDome",
    logsource=LogSource(product="claroty"),
    spec="https://www.elastic.co/docs/reference/integrations/claroty_ctd",
    parse=parse,
    inside="cef",
    shape=_shape,
    route=route,
)
