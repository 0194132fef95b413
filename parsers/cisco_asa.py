"""Cisco ASA (and its forerunners PIX and FWSM), releases 7.0 to 9.22.

::

    <166>Jan  2 2026 03:04:05 fw-dmz-1 : %ASA-6-302013: Built outbound TCP connection 8127 for outside:198.51.100.9/443 (198.51.100.9/443) to plant net:10.20.1.7/40022 (203.0.113.4/2013) (anna)
    <164>Jan  2 2026 03:04:05 fw-dmz-1 : %ASA-4-106023: Deny tcp src outside:192.0.2.66/51234 dst cell-a:10.99.0.5/502 by access-group "plant_in" [0x8ed66b60, 0x0]

source is who opened the connection: Cisco prints the outer end of a connection first, so for an outbound one it is the
second. A teardown does not say who opened it: there source is the end that stands first. A translation's mapped address
is both ``source.nat.ip`` and ``destination.ip``, as the field's other tools have it.
"""  # noqa: E501  (records as they are sent)

import re

from engine.model import Fields, Frame, LogFormat, LogSource
from parsers._grammar.cisco_asa import read

_CERTAIN = re.compile(rb"(?:^|[\s:>])%(?:ASA|PIX|FWSM)-(?:[A-Za-z_]{0,16}-)?[0-7]-\d{6}\b")


def parse(frame: Frame) -> Fields:
    return read(frame, "cisco_asa", "asa")


_TRAFFIC = LogSource(product="cisco", category="firewall", service="asa")
_AUTHENTICATION = LogSource(product="cisco", category="authentication", service="asa")
_CONFIGURATION = LogSource(product="cisco", category="configuration", service="asa")


def route(fields: Fields) -> LogSource:
    categories = fields.get("event.category", ())
    if "authentication" in categories:
        return _AUTHENTICATION
    return _CONFIGURATION if "configuration" in categories else _TRAFFIC


FORMAT = LogFormat(
    id="cisco_asa",
    vendor="Cisco",
    product="ASA",
    logsource=_TRAFFIC,
    spec="https://www.cisco.com/c/en/us/td/docs/security/asa/syslog/b_syslog.html",
    parse=parse,
    inside="syslog",
    programs=("%asa", "%pix", "%fwsm"),
    fingerprint=lambda head: _CERTAIN.search(head, 0, 512) is not None,
    needs=(b"%",),
    route=route,
)
