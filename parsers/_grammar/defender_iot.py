"""An alert of Microsoft Defender for IoT (CyberX), whichever envelope it comes in."""

from collections.abc import Mapping
from typing import Any

from engine.model import Fields, LogSource
from parsers._grammar import monitors
from parsers._grammar.extensions import host

_ENDS = {
    "src_ip": "source.ip", "dst_ip": "destination.ip", "src": "source.ip", "dst": "destination.ip",
    "source_address": "source.ip", "destination_address": "destination.ip", "source address": "source.ip",
    "destination address": "destination.ip", "source ip": "source.ip", "destination ip": "destination.ip",
    "src_mac": "source.mac", "dst_mac": "destination.mac",
    "srcmac": "source.mac", "dstmac": "destination.mac", "srcport": "source.port", "dstport": "destination.port",
}  # fmt: skip
# The numbers that the sensor writes into CEF's header for them.
_SEVERITIES = {"warning": 1, "minor": 4, "major": 8, "critical": 10}
# What stood as CEF's and LEEF's product before it was the sensor's name.
_PRODUCTS = ("iot", "xsense", "cyberx")
_SOURCE = LogSource(product="defender_for_iot", service="alert")


def is_its(vendor: Any, product: Any) -> bool:
    """
    >>> is_its("Microsoft Defender for IoT", "sensor-1"), is_its("CyberX", "XSense"), is_its("Microsoft", "Windows")
    (True, True, False)
    """
    name = f"{vendor} {product}".lower()
    return "cyberx" in name or ("microsoft" in name and "iot" in name)


def alert(row: Mapping[str, Any], title: str, text: str | None) -> Fields:
    get = row.get
    fields: Fields = {
        "event.kind": "alert",
        "event.category": ["intrusion_detection"],
        "event.type": ["info"],
        "observer.vendor": "Microsoft",
    }
    if title:
        fields["rule.name"] = fields["event.action"] = title
    if text:
        fields["message"] = text
    monitors.ends({str(key).lower(): value for key, value in row.items()}, fields, _ENDS)
    spoken = next((str(get(key)) for key in ("protocol", "Protocol", "app", "proto") if get(key)), None)
    if spoken is not None:
        if spoken.lower() in ("tcp", "udp", "icmp"):
            monitors.transport(fields, spoken)
        else:
            fields["network.protocol"] = spoken.lower()
    for key, field in (("UUID", "tieline.defender.alert_id"), ("uuid", "tieline.defender.alert_id"),
                       ("type", "tieline.defender.engine"), ("cat", "rule.category"), ("alert group", "rule.category"),
                       ("alert_group", "rule.category"), ("sensor_name", "observer.name"), ("sensor", "observer.name"),
                       ("sensor name", "observer.name"), ("source", "source.domain"),
                       ("destination", "destination.domain")):  # fmt: skip
        value = monitors.said(get(key))
        if value is not None and (field[-7:] != ".domain" or host(value) is not None):
            fields[field] = value
    sensor = monitors.said(get("deviceProduct", get("product")))
    if sensor is not None and not any(word in sensor.lower() for word in _PRODUCTS):
        fields["observer.product"] = "Defender for IoT"
        if sensor.lower() != "sensor":
            fields["observer.name"] = sensor
    grade = str(get("severity", get("sev", ""))).strip().lower()
    if grade in _SEVERITIES and "event.severity" not in fields:
        fields["event.severity"] = _SEVERITIES[grade]
    monitors.acted(fields, monitors.operation(title), spoken)
    if "malware" in (str(get("type", "")).lower(), str(get("alert type", "")).lower()):
        fields["event.category"] = ["intrusion_detection", "malware"]
    monitors.techniques(fields, get("cs1"), get("mitre"), get("techniques"))
    monitors.related(fields)
    return fields


def route(fields: Fields) -> LogSource:
    return monitors.source_of(fields, _SOURCE)
