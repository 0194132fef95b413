"""An alert of Microsoft Defender for IoT (CyberX), whichever envelope it comes in."""

from collections.abc import Mapping
from typing import Any

from engine.model import Fields, LogSource
from parsers._grammar import monitors

_ENDS = {
    "src_ip": "source.ip", "dst_ip": "destination.ip", "src": "source.ip", "dst": "destination.ip",
    "source_address": "source.ip", "destination_address": "destination.ip", "source address": "source.ip",
    "destination address": "destination.ip", "src_mac": "source.mac", "dst_mac": "destination.mac",
    "srcmac": "source.mac", "dstmac": "destination.mac", "srcport": "source.port", "dstport": "destination.port",
}  # fmt: skip
_SEVERITIES = {"minor": 1, "warning": 2, "major": 3, "critical": 4}
_SOURCE = LogSource(product="defender_for_iot", service="alert")


def is_its(vendor: Any, product: Any) -> bool:
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
    for key, field in (("UUID", "rule.uuid"), ("sensor_name", "observer.name"), ("cat", "rule.category"),
                       ("alert group", "rule.category"), ("sensor", "observer.name")):  # fmt: skip
        value = get(key)
        if type(value) is str and value and field != "rule.uuid":
            fields[field] = value
    grade = str(get("severity", get("sev", ""))).lower()
    if grade in _SEVERITIES and "event.severity" not in fields:
        fields["event.severity"] = _SEVERITIES[grade]
    monitors.acted(fields, monitors.operation(title), spoken)
    monitors.techniques(fields, get("cs1"), get("mitre"), get("techniques"))
    monitors.related(fields)
    return fields


def route(fields: Fields) -> LogSource:
    return monitors.source_of(fields, _SOURCE)
