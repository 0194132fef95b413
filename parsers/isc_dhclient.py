"""Address by DHCP at the client: ISC's dhclient, dhcpcd, and what NetworkManager and systemd-networkd say of it.

::

    Jan  2 03:04:05 ews-1 dhclient[812]: DHCPACK of 192.0.2.7 from 192.0.2.1 (xid=0x7b2f)
    Jan  2 03:04:05 ews-1 dhclient[812]: bound to 192.0.2.7 -- renewal in 1800 seconds.
"""

import re

from engine.model import Fields, Frame, LogFormat, LogSource
from parsers._grammar import dhcp
from parsers._grammar.addresses import ip, mac, port

_SENT = re.compile(r"(DHCP[A-Z]{3,16})(?: for (\S+))? on (\S+) to (\S+) port (\d{1,5})")
_GOT = re.compile(r"(DHCP[A-Z]{3,16})(?: of (\S+))? from (\S+)")
_BOUND = re.compile(r"bound to (\S+?)(?: --.*)?$")
_LISTENING = re.compile(r"(?:Listening on|Sending on) +LPF/([^/\s]+)/([0-9A-Fa-f:]{17})")
_DHCPCD = re.compile(
    r"([\w.\-]{1,16}): (leased|offered|rebinding lease of|soliciting a lease|NAK|carrier lost|carrier acquired)(?: "
    r"(\S+))?"
    r"(?: from (\S+))?"
)


def parse(frame: Frame) -> Fields:
    text = frame.text.strip()[:2048]
    fields: Fields = {}
    if (found := _SENT.match(text)) is not None:
        message, wanted, interface, server, number = found.groups()
        dhcp.exchange(fields, message)
        fields["observer.egress.interface.name"] = interface
        _side(fields, "destination", server)
        if (at := port(number)) is not None:
            fields["destination.port"] = at
        _side(fields, "source", wanted)
    elif (found := _GOT.match(text)) is not None:
        message, address, server = found.groups()
        dhcp.exchange(fields, message)
        _side(fields, "source", server)
        _side(fields, "destination", address)
    elif (found := _BOUND.match(text)) is not None:
        _bound(fields, found[1])
    elif (found := _LISTENING.match(text)) is not None:
        hardware = mac(found[2])
        if hardware is not None:
            fields["host.mac"] = [hardware]
    elif (found := _DHCPCD.match(text)) is not None:
        fields["observer.egress.interface.name"] = found[1]
        if found[2] == "leased":
            _bound(fields, found[3] or "")
        elif found[3] is not None and ip(found[3]) is not None:
            dhcp.exchange(fields, "DHCPOFFER" if found[2] == "offered" else "DHCPREQUEST")
            _side(fields, "destination", found[3])
            _side(fields, "source", found[4])
    return fields


def _bound(fields: Fields, text: str) -> None:
    address = ip(text.rstrip("."))
    if address is not None:
        dhcp.exchange(fields, "BOUND")
        fields["event.outcome"] = "success"
        fields["host.ip"] = [address]
        dhcp.related(fields, address)


def _side(fields: Fields, side: str, text: str | None) -> None:
    address = ip(text)
    if address is not None:
        fields[f"{side}.ip"] = fields[f"{side}.address"] = address
        dhcp.related(fields, address)


FORMAT = LogFormat(
    id="isc_dhclient",
    vendor="ISC",
    product="dhclient",
    logsource=LogSource(product="linux", service="syslog"),
    spec="https://kb.isc.org/docs/isc-dhcp-44-manual-pages-dhclient",
    parse=parse,
    inside="syslog",
    programs=("dhclient", "dhcpcd"),
)
