"""Dragos Platform: notifications as JSON objects, as its API and its syslog templates give them.

::

    {"id":"7c4","type":"Communication","severity":4,"originalSeverity":4,"summary":"PLC mode change","content":"The controller was set to program mode","detectorId":"d-17","createdAt":"2026-01-02T03:04:06Z","occurredAt":"2026-01-02T03:04:05Z","src_asset_ip":"192.0.2.7","dst_asset_ip":"198.51.100.9"}
"""  # noqa: E501  (records as they are sent)

from collections.abc import Mapping
from typing import Any

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import dragos, monitors
from parsers._grammar.zeek import word

_OWN = ("originalSeverity", "original_severity", "detectorId", "detector_id", "detection_quad", "detectionQuad",
        "matchedRuleId", "matched_rule_id")  # fmt: skip


def _shape(row: Mapping[str, Any]) -> bool:
    return "tieline.format" not in row and "summary" in row and "content" in row and not row.keys().isdisjoint(_OWN)


def parse(frame: Frame) -> Fields:
    row = frame.opened.object if frame.opened is not None else None
    if row is None or not _shape(row):
        raise ParseError("dragos_notification: no summary, content and detector")
    fields = dragos.notification(row)
    summary, content = word(row.get("summary")), word(row.get("content"))
    if summary is not None:
        fields["rule.name"] = fields["event.action"] = summary
    if content is not None or summary is not None:
        fields["message"] = content or summary
    monitors.acted(fields, monitors.operation(summary), word(row.get("protocol")))
    monitors.techniques(fields, row.get("mitreAttackForIcsTechniques"), row.get("mitre_attack_ics_techniques"))
    return fields


FORMAT = LogFormat(
    id="dragos_notification",
    vendor="Dragos",
    product="Platform, JSON",
    logsource=LogSource(product="dragos"),
    spec="https://www.dragos.com/platform/",
    parse=parse,
    inside="json",
    shape=_shape,
    route=dragos.route,
)
