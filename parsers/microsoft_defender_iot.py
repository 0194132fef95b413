"""Microsoft Defender for IoT (before that CyberX): a sensor's alerts in CEF.

::

    CEF:0|CyberX|XSense|2.5.4|Policy Violation|Unauthorized PLC Programming|8|msg=Device EWS-1 sent a programming command to PLC-1 protocol=Siemens S7 severity=8 type=Policy Violation start=Jan 02 2026 03:04:05 src_ip=192.0.2.7 dst_ip=198.51.100.9 src_mac=00:00:5e:00:53:01 dst_mac=00:00:5e:00:53:02 cat=Programming
"""  # noqa: E501  (records as they are sent)

from collections.abc import Mapping
from typing import Any

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import defender_iot, monitors


def _shape(row: Mapping[str, Any]) -> bool:
    return defender_iot.is_its(row.get("deviceVendor"), row.get("deviceProduct"))


def parse(frame: Frame) -> Fields:
    row = frame.opened.object if frame.opened is not None else None
    if row is None or not _shape(row):
        raise ParseError("microsoft_defender_iot: no CEF record of Defender for IoT")
    monitors.mend(frame)
    text = row.get("msg")
    return defender_iot.alert(
        {key: value for key, value in row.items() if key != "severity"}, str(row.get("name", "")).strip(), text
    )


FORMAT = LogFormat(
    id="microsoft_defender_iot",
    vendor="Microsoft",
    product="Defender for IoT, CEF",
    logsource=LogSource(product="defender_for_iot"),
    spec="https://learn.microsoft.com/en-us/azure/defender-for-iot/organizations/how-to-forward-alert-information-to-partners",
    parse=parse,
    inside="cef",
    shape=_shape,
    route=defender_iot.route,
)
