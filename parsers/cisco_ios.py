"""Cisco IOS, IOS XE and IOS XR: routers and switches, the Industrial Ethernet series among them.

::

    <189>57: ie4000-cell-a: *Jan  2 03:04:05.123: %SYS-5-CONFIG_I: Configured from console by anna on vty0 (10.20.1.7)
    <186>58: ie4000-cell-a: Jan  2 2026 03:04:05.123 CET: %PORT_SECURITY-2-PSECURE_VIOLATION: Security violation occurred, caused by MAC address 0000.5e00.53af on port GigabitEthernet1/4.

``event.code`` is the mnemonic, ``event.provider`` the facility. A command that was typed is ``process.command_line``.
"""  # noqa: E501  (records as they are sent)

import re

from engine.model import Fields, Frame, LogFormat, LogSource
from parsers._grammar.cisco_switch import read

_CERTAIN = re.compile(
    rb"(?:^|[\s:])%([A-Z][A-Z0-9_]{0,31}(?:-[A-Z0-9_]{1,32}){0,3}?)-[0-7]-[A-Z][A-Z0-9_]{1,63} ?:(?:\s|$)"
)
# What NX-OS alone calls a facility: see cisco_nxos.
NOT_HERE = frozenset(
    (b"VSHD", b"ETHPORT", b"ETH_PORT_CHANNEL", b"ETH_PORT_SEC", b"AUTHPRIV", b"DAEMON", b"KERN", b"USER", b"SYSMGR",
     b"ACLLOG", b"PFMA", b"MODULE", b"VPC", b"FEATURE-MGR", b"PORT-PROFILE", b"ASCII-CFG", b"LOCAL7", b"CALLHOME",
     b"NOHMS", b"USBHSD", b"VDC_MGR", b"VMM", b"ETH-PORT", b"NTP", b"ELTM", b"DIAGCLIENT", b"ICAM", b"PLUGIN")
)  # fmt: skip


def parse(frame: Frame) -> Fields:
    return read(frame, "cisco_ios", "ios", "switch")


def _is_one(head: bytes) -> bool:
    found = _CERTAIN.search(head, 0, 1024)
    return found is not None and found[1] not in NOT_HERE and b"%AAA-6-AAA_ACCOUNTING_MESSAGE" not in head


_SYSLOG = LogSource(product="cisco", service="syslog")
_AUTHENTICATION = LogSource(product="cisco", category="authentication", service="syslog")
_CONFIGURATION = LogSource(product="cisco", category="configuration", service="aaa")
_FIREWALL = LogSource(product="cisco", category="firewall", service="syslog")
_BY_PROTOCOL = {"bgp": LogSource(product="cisco", service="bgp"), "ldp": LogSource(product="cisco", service="ldp")}


def route(fields: Fields) -> LogSource:
    categories = fields.get("event.category", ())
    if "authentication" in categories:
        return _AUTHENTICATION
    if "configuration" in categories:
        return _CONFIGURATION
    if fields.get("event.action") in ("allowed", "denied"):
        return _FIREWALL
    return _BY_PROTOCOL.get(fields.get("network.protocol", ""), _SYSLOG)


FORMAT = LogFormat(
    id="cisco_ios",
    vendor="Cisco",
    product="IOS, IOS XE, IOS XR",
    logsource=_SYSLOG,
    spec="https://www.cisco.com/c/en/us/td/docs/ios-xml/ios/esm/configuration/xe-16/esm-xe-16-book.html",
    parse=parse,
    inside="syslog",
    fingerprint=_is_one,
    needs=(b"%",),
    route=route,
)
