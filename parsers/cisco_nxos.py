"""Cisco NX-OS: Nexus switches, releases 6 to 10.

::

    <189>sw-dc-1: 2026 Jan  2 03:04:05 CET: %VSHD-5-VSHD_SYSLOG_CONFIG_I: Configured from vty by anna on 10.20.1.7@pts/0
    <187>sw-dc-1: 2026 Jan  2 03:04:05 CET: %AUTHPRIV-3-SYSTEM_MSG: pam_aaa:Authentication failed for user admin from 192.0.2.66 - dcos_sshd[6531]

It says the year before the month. Its facilities are its own; what it shares with IOS is read as IOS.
"""  # noqa: E501  (records as they are sent)

import re

from engine.model import Fields, Frame, LogFormat, LogSource
from parsers._grammar.cisco_switch import read

_CERTAIN = re.compile(
    rb"(?:^|[\s:])%(?:VSHD|ETHPORT|ETH_PORT_CHANNEL|ETH_PORT_SEC|AUTHPRIV|DAEMON|KERN|USER|SYSMGR|ACLLOG|PFMA|MODULE|VPC|"
    rb"FEATURE-MGR|PORT-PROFILE|ASCII-CFG|LOCAL7|CALLHOME|NOHMS|USBHSD|VDC_MGR|VMM|ETH-PORT|NTP|ELTM|DIAGCLIENT|ICAM|"
    rb"PLUGIN|AAA-6-AAA_ACCOUNTING_MESSAGE)(?:-[A-Z0-9_]{1,32}){0,2}?(?:-[0-7]-[A-Z][A-Z0-9_]{1,63})? ?:"
)


def parse(frame: Frame) -> Fields:
    return read(frame, "cisco_nxos", "nxos", "switch")


_SYSLOG = LogSource(product="cisco", service="syslog")
_AUTHENTICATION = LogSource(product="cisco", category="authentication", service="syslog")
_CONFIGURATION = LogSource(product="cisco", category="configuration", service="aaa")
_FIREWALL = LogSource(product="cisco", category="firewall", service="syslog")


def route(fields: Fields) -> LogSource:
    categories = fields.get("event.category", ())
    if "authentication" in categories:
        return _AUTHENTICATION
    if "configuration" in categories:
        return _CONFIGURATION
    return _FIREWALL if fields.get("event.action") in ("allowed", "denied") else _SYSLOG


FORMAT = LogFormat(
    id="cisco_nxos",
    vendor="Cisco",
    product="NX-OS",
    logsource=_SYSLOG,
    spec="https://www.cisco.com/c/en/us/td/docs/switches/datacenter/sw/system_messages/reference/sl_nxos_book.html",
    parse=parse,
    inside="syslog",
    fingerprint=lambda head: _CERTAIN.search(head, 0, 1024) is not None,
    needs=(b"%",),
    route=route,
)
