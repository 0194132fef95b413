"""Claroty Continuous Threat Detection and xDome: alerts and events in CEF.

::

    CEF:0|Claroty|CTD|4.8.1|Alert|Configuration Download|10|externalId=91 cat=Integrity src=192.0.2.7 smac=00:00:5e:00:53:01 shost=EWS-1 dst=198.51.100.9 dmac=00:00:5e:00:53:02 dhost=PLC-1 msg=A configuration was downloaded to PLC-1 cs1=Engineering Station cs1Label=SourceAssetType cs7=S7 cs7Label=Protocol rt=Jan 02 2026 03:04:05
    CEF:0|Claroty|Claroty|0.0|838|alert_affected_device|5|alert_id=838 alert_type_name=Malicious Internet Communication alert_name=Malicious Internet Communication: 203.0.113.7 device_ip_list=['192.0.2.7'] device_mac_list=['00:00:5e:00:53:01'] external_ip=203.0.113.7

What the keys of CEF mean is read by the envelope; xDome's own names here.
"""  # noqa: E501  (records as they are sent)

from collections.abc import Mapping
from typing import Any

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import clock, monitors
from parsers._grammar.addresses import ip, mac
from parsers._grammar.people import user

_ENDS = {
    "src_ip": "source.ip", "dst_ip": "destination.ip", "src_mac": "source.mac", "dst_mac": "destination.mac",
    "src_port": "source.port", "dst_port": "destination.port", "external_ip": "destination.ip",
}  # fmt: skip
_SOURCE = LogSource(product="claroty", service="alert")


def _shape(row: Mapping[str, Any]) -> bool:
    return str(row.get("deviceVendor", "")).lower() == "claroty"


def parse(frame: Frame) -> Fields:
    row = frame.opened.object if frame.opened is not None else None
    if row is None or not _shape(row):
        raise ParseError("claroty_ctd: no CEF record of Claroty")
    monitors.mend(frame)
    get = row.get
    name, kind = str(get("name", "")).strip(), str(get("deviceEventClassId", "")).strip()
    title = _said(get("alert_name")) or _said(get("event_type")) or _said(get("change_type")) or name
    fields: Fields = {
        "event.kind": "alert",
        "event.category": ["intrusion_detection"],
        "event.type": ["info"],
        "rule.name": _said(get("alert_type_name")) or title.removeprefix("Alert/").removeprefix("Event/"),
        "event.action": title,
    }
    own = _said(get("event_type")) or _said(get("alert_type_name")) or _said(get("change_type"))
    if own is not None:
        fields["event.code"] = own  # xDome puts the event's own number where CEF has its class
    file = _said(get("file_name"))
    if file is not None:
        fields["file.name"] = file
    monitors.ends(row, fields, _ENDS)
    _device(row, fields)
    labels = {str(row[key]).strip().lower(): row.get(key[:-5]) for key in row if key.endswith("Label")}
    spoken = _said(labels.get("protocol")) or _said(get("app")) or _said(get("protocol"))
    if spoken is not None:
        fields["network.protocol"] = spoken.lower()
    text = _said(get("msg")) or _said(get("alert_description")) or _said(get("event_description"))
    text = text or _said(get("change_description"))
    if text is not None:
        fields["message"] = text
    when = _said(get("event_timestamp")) or _said(get("change_timestamp")) or _said(get("alert_detected_time"))
    time = clock.iso(when) if when is not None else None
    if time is not None:
        fields["@timestamp"] = time
    user(fields, _said(get("username")))
    site = _said(get("device_site_name")) or _said(labels.get("site"))
    if site is not None:
        fields["tieline.claroty.site"] = site
    monitors.acted(fields, monitors.operation(kind, title, _operated(text)), spoken)
    monitors.techniques(fields, get("alert_mitre_technique_ids"), labels.get("mitre"), labels.get("mitretechniques"))
    monitors.related(fields, *(ip(one) for one in monitors.texts(get("device_ip_list"))))
    return fields


def _said(value: Any) -> str | None:
    """xDome writes what it does not know as Python does."""
    return value.strip() if type(value) is str and value.strip() not in ("", "None", "null", "[]") else None


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
    return monitors.source_of(fields, _SOURCE)


FORMAT = LogFormat(
    id="claroty_ctd",
    vendor="Claroty",
    product="Continuous Threat Detection, xDome",
    logsource=LogSource(product="claroty"),
    spec="https://claroty.com/industrial-cybersecurity/ctd",
    parse=parse,
    inside="cef",
    shape=_shape,
    route=route,
)
