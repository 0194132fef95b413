"""A notification of the Dragos Platform, by the names that its API and its syslog templates share."""

from collections.abc import Mapping
from typing import Any

from engine.model import Fields, LogSource
from parsers._grammar import clock, monitors
from parsers._grammar.zeek import number, word

_ENDS = {
    "src_asset_ip": "source.ip", "src_ip": "source.ip", "source_ip": "source.ip", "srcAssetIp": "source.ip",
    "asset_ip": "source.ip", "dst_asset_ip": "destination.ip", "dest_asset_ip": "destination.ip",
    "dst_ip": "destination.ip", "destination_ip": "destination.ip", "dstAssetIp": "destination.ip",
    "src_asset_mac": "source.mac", "source_mac": "source.mac", "asset_mac": "source.mac",
    "dst_asset_mac": "destination.mac", "dest_asset_mac": "destination.mac", "destination_mac": "destination.mac",
    "src_port": "source.port", "dst_port": "destination.port",
}  # fmt: skip
_SOURCE = LogSource(product="dragos", service="notification")


def notification(row: Mapping[str, Any]) -> Fields:
    get = row.get
    fields: Fields = {"event.kind": "alert", "event.category": ["intrusion_detection"], "event.type": ["info"]}
    monitors.ends(row, fields, _ENDS)
    for names, field in (
        (("src_asset_hostname", "asset_hostname"), "source.domain"),
        (("dst_asset_hostname", "dest_asset_hostname"), "destination.domain"),
        (("matchedRuleId", "matched_rule_id", "detectorId", "detector_id"), "rule.id"),
        (("type",), "rule.category"),
    ):
        value = next((one for one in map(get, names) if one not in (None, "", "-")), None)
        if type(value) in (str, int):
            fields[field] = str(value)
    for name in ("occurredAt", "occurred_at", "createdAt", "created_at"):
        text = word(get(name))
        when = clock.iso(text) if text is not None else None
        if when is not None:
            fields["@timestamp"] = when
            break
    severity = number(get("severity"))
    if severity is not None:
        fields["event.severity"] = severity
    monitors.related(fields)
    return fields


def route(fields: Fields) -> LogSource:
    return monitors.source_of(fields, _SOURCE)
