"""Cisco Secure Firewall Threat Defense (FTD, Firepower, NGIPS), releases 6.0 to 7.7.

::

    <113>2026-01-02T03:04:05Z ftd-1 %FTD-1-430003: AccessControlRuleAction: Block, SrcIP: 192.0.2.66, DstIP: 10.99.0.5, SrcPort: 51234, DstPort: 502, Protocol: tcp, IngressInterface: outside, EgressInterface: cell_a, ACPolicy: plant, AccessControlRuleName: no modbus from outside, InitiatorBytes: 66, ResponderBytes: 0
    <166>Jan  2 2026 03:04:05 ftd-1 : %FTD-6-302013: Built inbound TCP connection 8127 for outside:192.0.2.7/40022 (192.0.2.7/40022) to dmz:10.20.1.9/443 (203.0.113.9/443)

Besides its own security events it logs what the ASA does, under the same numbers. "User: No Authentication Required"
is kept in ``user.name`` as it is sent; it is nobody's name, and stands in no ``related.user``.
"""  # noqa: E501  (records as they are sent)

import re

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar.cisco_asa import TAG, observer, read
from parsers._grammar.cisco_security_events import security_event

_CERTAIN = re.compile(rb"(?:^|[\s:>])%(?:FTD|NGIPS)-(?:[A-Za-z_]{0,16}-)?[0-7]-\d{6}\b")


def parse(frame: Frame) -> Fields:
    if TAG.search(frame.text, 0, 512) is not None:
        return read(frame, "cisco_ftd", "ftd")
    fields = security_event(None, frame.text[:16_384])  # releases before 6.3 send no number
    if fields is None:
        raise ParseError("cisco_ftd: neither %FTD-level-number: nor the pairs of a security event")
    fields["observer.vendor"], fields["observer.product"], fields["observer.type"] = "Cisco", "ftd", "firewall"
    observer(fields, frame)
    return fields


_TRAFFIC = LogSource(product="cisco", category="firewall", service="ftd")
_AUTHENTICATION = LogSource(product="cisco", category="authentication", service="ftd")
_CONFIGURATION = LogSource(product="cisco", category="configuration", service="ftd")


def route(fields: Fields) -> LogSource:
    categories = fields.get("event.category", ())
    if "authentication" in categories:
        return _AUTHENTICATION
    return _CONFIGURATION if "configuration" in categories else _TRAFFIC


FORMAT = LogFormat(
    id="cisco_ftd",
    vendor="Cisco",
    product="Secure Firewall Threat Defense",
    logsource=_TRAFFIC,
    spec="https://www.cisco.com/c/en/us/td/docs/security/firepower/Syslogs/b_fptd_syslog_guide.html",
    parse=parse,
    inside="syslog",
    programs=("%ftd", "%ngips", "ftd", "sfims"),
    fingerprint=lambda head: _CERTAIN.search(head, 0, 512) is not None,
    needs=(b"%",),
    route=route,
)
