"""Fortinet FortiGate, FortiOS 5.0 to 7.6: traffic, security profiles (UTM) and events, as key=value, CSV or bare pairs.

::

    <189>date=2026-01-02 time=03:04:05 devname="fw-dmz-1" devid="FGT60F0000000001" eventtime=1767323045123456789 tz="+0000" logid="0000000013" type="traffic" subtype="forward" level="notice" vd="root" srcip=10.20.1.7 srcport=51234 srcintf="lan" dstip=198.51.100.5 dstport=443 dstintf="wan1" proto=6 action="close" policyid=4 policyname="lan-out" trandisp="snat" transip=192.0.2.7 transport=51234 sentbyte=1850 rcvdbyte=39898
    <185>date=2026-01-02 time=03:04:06 devname="fw-dmz-1" devid="FGT60F0000000001" logid="0101039426" type="event" subtype="vpn" level="alert" vd="root" logdesc="SSL VPN login fail" action="ssl-login-fail" tunneltype="ssl-web" remip=203.0.113.66 user="m.keller" reason="sslvpn_login_permission_denied" msg="SSL user failed to logged in"

The device's own keys stay reachable as ``tieline.fortigate.<key>``. CEF mode is read by the CEF format.
"""  # noqa: E501  (records as they are sent)

from engine.model import Fields, Frame, LogFormat
from parsers._grammar.fortios import FIREWALL, described, route
from parsers._grammar.pairs import listed, pairs, spaced


def parse(frame: Frame) -> Fields:
    fields = described(_read(frame.text), frame)
    if frame.opened is None:
        fields["message"] = frame.text.strip()
    return fields


def _read(text: str) -> dict[str, str]:
    if ",type=" in text:
        return listed(text)
    return pairs(text) if '="' in text else spaced(text)


def _is_one(head: bytes) -> bool:
    return (
        b"subtype=" in head
        and b"type=" in head
        and (b" logid=" in head or b",logid=" in head or b" vd=" in head or b",vd=" in head or b" log_id=" in head)
        and b" log_subtype=" not in head  # Sophos
        and b"CEF:" not in head
    )


FORMAT = LogFormat(
    id="fortinet_fortigate",
    vendor="Fortinet",
    product="FortiGate",
    logsource=FIREWALL,
    spec="https://docs.fortinet.com/document/fortigate/7.6.0/fortios-log-message-reference",
    parse=parse,
    inside="syslog",
    fingerprint=_is_one,
    needs=(b"subtype=",),
    route=route,
)
