"""Microsoft Defender for IoT (before that CyberX): a sensor's alerts in LEEF.

::

    LEEF:1.0|Microsoft Defender for IoT|sensor-1|23.1.3|S7 Stop PLC Command was Sent|msg=Source device 192.0.2.7 sent a stop command	proto=S7	severity=Warning	sev=8	src=192.0.2.7	dst=198.51.100.9	srcMAC=00:00:5e:00:53:01	dstMAC=00:00:5e:00:53:02
"""  # noqa: E501  (records as they are sent)

from collections.abc import Mapping
from typing import Any

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import defender_iot, monitors


def _shape(row: Mapping[str, Any]) -> bool:
    return "deviceVendor" not in row and defender_iot.is_its(row.get("vendor"), row.get("product"))


def parse(frame: Frame) -> Fields:
    row = frame.opened.object if frame.opened is not None else None
    if row is None or frame.opened is None or not _shape(row):
        raise ParseError("microsoft_defender_iot_leef: no LEEF record of Defender for IoT")
    monitors.mend(frame)
    title = str(row.get("title") or row.get("EventID", "")).strip()
    fields = defender_iot.alert({key: value for key, value in row.items() if key != "severity"}, title, row.get("msg"))
    if "event.severity" in frame.opened.fields:
        fields.pop("event.severity", None)
    return fields


FORMAT = LogFormat(
    id="microsoft_defender_iot_leef",
    vendor="Microsoft",
    product="Defender for IoT, LEEF",
    logsource=LogSource(product="defender_for_iot"),
    spec="https://learn.microsoft.com/en-us/azure/defender-for-iot/organizations/how-to-forward-alert-information-to-partners",
    parse=parse,
    inside="leef",
    shape=_shape,
    route=defender_iot.route,
)
