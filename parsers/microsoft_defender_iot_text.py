"""Microsoft Defender for IoT (before that CyberX): a sensor's alerts as plain syslog, "text" and "object" messages.

::

    <113>Jan  2 03:04:05 sensor-1 CyberX platform name: sensor-1 Microsoft Defender for IoT Alert: Controller Stop Type: Operational Severity: Warning Source: EWS-1 Source IP: 192.0.2.7 Protocol: S7 Destination: PLC-1 Destination IP: 198.51.100.9 Message: EWS-1 stopped PLC-1 Alert group: Operational Commands
    <113>Jan  2 03:04:05 192.0.2.20 Sensor name: sensor-1, Alert time: 2026-01-02 03:04:05, Alert title: Controller Stop, Alert message: EWS-1 stopped PLC-1, Alert severity: Warning, Alert type: Operational, Protocol: S7, Source_MAC: 192.0.2.7, Destination_MAC: 198.51.100.9, alert_group: Operational Commands

The parts come one after the other, or one a line. A message goes on to the alert group: what it says is not read.
"""  # noqa: E501  (records as they are sent)

import re

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import defender_iot, monitors
from parsers._grammar.addresses import ip, mac
from parsers._grammar.people import hosts

_KEYS = (
    "CyberX platform name", "Sensor name", "Microsoft Defender for IoT Alert", "Azure Defender for IoT Alert",
    "CyberX Alert", "Alert title", "Alert time", "Alert message", "Alert severity", "Alert type", "Alert group",
    "alert_group", "Type", "Severity", "Source IP", "Source_MAC", "Source", "Protocol", "Address", "Destination IP",
    "Destination_MAC", "Destination", "Message", "UUID",
)  # fmt: skip
_PART = re.compile(rf"(?:^|[\s,;|]{{1,4}})({'|'.join(_KEYS)}): ?")
# What may follow the message: of a text, and of an object.
_AFTER = {
    "message": frozenset(("alert group", "alert_group", "uuid")),
    "alert message": frozenset(
        ("alert severity", "alert type", "protocol", "source_mac", "destination_mac", "alert_group", "alert group")
    ),
}
_TITLES = ("microsoft defender for iot alert", "azure defender for iot alert", "cyberx alert", "alert title")
_NAMES = {"cyberx platform name": "sensor", "sensor name": "sensor", "alert severity": "severity",
          "alert type": "type", "alert message": "message"}  # fmt: skip
_MARKS = (b"Defender for IoT Alert: ", b"CyberX platform name: ", b"CyberX Alert: ", b"Alert title: ")
_MOST = 16_384


def _marked(head: bytes) -> bool:
    if b"Alert title: " in head:
        return b"Sensor name: " in head or b"Source_MAC: " in head
    return any(mark in head for mark in _MARKS) and b"Severity: " in head


def _parts(text: str) -> dict[str, str]:
    """The first of each; ``Protocol`` and ``Address`` stand for each side, the source's first.

    >>> _parts("CyberX Alert: Scan Type: Anomaly Message: Source: x Alert group: Scan")
    {'cyberx alert': 'Scan', 'type': 'Anomaly', 'message': 'Source: x', 'alert group': 'Scan'}
    """
    found = list(_PART.finditer(text, 0, _MOST))
    kept: list[re.Match[str]] = []
    after: frozenset[str] | None = None
    for one in found:
        key = one[1].lower()
        if after is None or key in after:
            kept.append(one)
            after = after or _AFTER.get(key)
    parts: dict[str, str] = {}
    for at, one in enumerate(kept):
        end = kept[at + 1].start() if at + 1 < len(kept) else len(text)
        key = one[1].lower()
        parts.setdefault(_NAMES.get(key, key), text[one.end() : end].strip(" \t\r\n,;|"))
    return parts


def parse(frame: Frame) -> Fields:
    parts = _parts(frame.text)
    title = next((parts[key] for key in _TITLES if parts.get(key)), None)
    if title is None or "severity" not in parts:
        raise ParseError("microsoft_defender_iot_text: no title and severity of an alert")
    fields = defender_iot.alert(parts, title, monitors.said(parts.get("message")))
    fields["observer.product"] = "Defender for IoT"
    for key, side in (("source_mac", "source"), ("destination_mac", "destination")):
        value = parts.get(key, "")  # "IP address, name, vendor, or OS": whichever the sensor knows
        address, link = ip(value), mac(value)
        if address is not None:
            fields.setdefault(f"{side}.ip", address)
            fields.setdefault(f"{side}.address", address)
        elif link is not None:
            fields.setdefault(f"{side}.mac", link)
    monitors.related(fields)
    hosts(fields, frame, fields.get("source.domain"), fields.get("destination.domain"))
    return fields


FORMAT = LogFormat(
    id="microsoft_defender_iot_text",
    vendor="Microsoft",
    product="Defender for IoT, text",
    logsource=LogSource(product="defender_for_iot"),
    spec="https://learn.microsoft.com/en-us/azure/defender-for-iot/organizations/how-to-forward-alert-information-to-partners",
    parse=parse,
    inside="syslog",
    fingerprint=_marked,
    needs=_MARKS,
    route=defender_iot.route,
)
