"""Dragos Platform: notifications in CEF.

::

    CEF:0|Dragos|Platform|2.3|Communication|Logic download to a controller|5|src=192.0.2.7 smac=00:00:5e:00:53:01 dst=198.51.100.9 dmac=00:00:5e:00:53:02 msg=A project was downloaded app=CIP externalId=7c4 cs1=T0843 cs1Label=mitreAttackIcsTechnique

What the keys of CEF mean is read by the envelope; notifications as JSON are ``dragos_notification``.
"""  # noqa: E501  (records as they are sent)

from collections.abc import Mapping
from typing import Any

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import dragos, monitors


def _shape(row: Mapping[str, Any]) -> bool:
    return str(row.get("deviceVendor", "")).lower().startswith("dragos")


def parse(frame: Frame) -> Fields:
    row = frame.opened.object if frame.opened is not None else None
    if row is None or not _shape(row):
        raise ParseError("dragos_platform: no CEF record of Dragos")
    monitors.mend(frame)
    labels = {str(row[key]).strip(): row.get(key[:-5]) for key in row if key.endswith("Label")}
    fields = dragos.notification({**labels, **row})
    title = str(row.get("name", "")).strip()
    if title:
        fields["rule.name"] = fields["event.action"] = title
    spoken = row.get("app") if type(row.get("app")) is str else None
    monitors.acted(fields, monitors.operation(title, str(row.get("deviceEventClassId", ""))), spoken)
    monitors.techniques(fields, *labels.values())
    return fields


FORMAT = LogFormat(
    id="dragos_platform",
    vendor="Dragos",
    product="Platform, CEF",
    logsource=LogSource(product="dragos"),
    spec="https://www.dragos.com/platform/",
    parse=parse,
    inside="cef",
    shape=_shape,
    route=dragos.route,
)
