"""ISC's DHCP server 4.x, both protocols, and dnsmasq's.

::

    Jan  2 03:04:05 dhcp-1 dhcpd[812]: DHCPACK on 192.0.2.7 to 00:00:5e:00:53:01 (ews-1) via eth0
    Jan  2 03:04:05 dhcp-1 dhcpd[812]: DHCPREQUEST for 192.0.2.7 (192.0.2.2) from 00:00:5e:00:53:01 via 192.0.2.1: wrong network.
    Jan  2 03:04:05 rt-1 dnsmasq-dhcp[77]: DHCPACK(br0) 192.0.2.7 00:00:5e:00:53:01 ews-1
"""  # noqa: E501  (records as they are sent)

import re

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import dhcp
from parsers._grammar.addresses import ip, port
from parsers._grammar.people import with_hosts

_MESSAGE = re.compile(r"(DHCP[A-Z]{3,16}|BOOT(?:REQUEST|REPLY))\b")
_MAC = r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}"
_PARTS = re.compile(
    r"(?:DHCP|BOOT)[A-Z]{3,16}(?: (?:on|of|for|to) (\S+))?(?: \((\d{1,3}(?:\.\d{1,3}){3})\))?"
    rf"(?: (?:from|to) (?:client )?({_MAC}|<[^>]{{1,64}}>|\d{{1,3}}(?:\.\d{{1,3}}){{3}}))?(?: \(({_MAC})\))?"
    r"(?: \(([^)]{0,255})\))?(?: via ([^\s:,]+(?::[0-9A-Fa-f:]+)?))?(.*)",
    re.DOTALL,
)
_DNSMASQ = re.compile(
    rf"((?:DHCP)[A-Z]{{3,16}})\((\S{{1,32}})\)(?: (?!{_MAC})([0-9A-Fa-f.:]{{2,45}}))?(?: ({_MAC}))?(?: "
    rf"(\S{{1,255}}))?(?: (.*))?"
)
_SIX = re.compile(
    r"(Solicit|Request|Confirm|Renew|Rebind|Release|Decline|Information-request|Relay-forward) message from (\S+)"
    r" port (\d{1,5})"
    r"(?:, transaction ID (0x[0-9A-Fa-f]+))?"
)
_SIX_SENT = re.compile(r"Sending (Advertise|Reply|Relay-reply) to (\S+) port (\d{1,5})")
_SIX_LEASE = re.compile(
    r"(Advertise|Reply|Released?|Decline) (NA|TA|PD): (?:address|prefix) (\S+) to client with duid (\S+)"
)
_DUPLICATE = re.compile(rf"uid lease (\S+) for client ({_MAC}) is duplicate on (\S+)")
_ABANDONED = re.compile(r"(?:Abandoning IP address|abandoning lease) (\S+?):? ")


def parse(frame: Frame) -> Fields:
    return with_hosts(_read(frame), frame)


def _read(frame: Frame) -> Fields:
    text = frame.text.strip()[:4096]
    fields: Fields = {}
    message = _MESSAGE.match(text)
    if message is not None:
        dhcp.exchange(fields, message[1])
        masq = _DNSMASQ.match(text)
        if masq is not None:
            _, interface, address, hardware, name, _ = masq.groups()
            dhcp.client(fields, address, hardware, name)
            fields["observer.ingress.interface.name"] = interface
            return fields
        found = _PARTS.match(text)
        if found is not None:
            _four(fields, found)
        return fields
    if (found := _SIX.match(text)) is not None:
        dhcp.exchange(fields, f"DHCPV6-{found[1].upper()}")
        _peer(fields, "source", found[2].rstrip(","), found[3])
        if found[4] is not None:
            fields["tieline.dhcp.transaction_id"] = found[4]
    elif (found := _SIX_SENT.match(text)) is not None:
        dhcp.exchange(fields, f"DHCPV6-{found[1].upper()}")
        _peer(fields, "destination", found[2], found[3])
    elif (found := _SIX_LEASE.match(text)) is not None:
        dhcp.exchange(fields, f"DHCPV6-{found[1].upper()}")
        dhcp.client(fields, found[3].partition("/")[0], None)
        fields["tieline.dhcp.duid"] = found[4]
    elif (found := _DUPLICATE.match(text)) is not None:
        fields = {"event.action": "duplicate_lease", "event.category": ["network"], "event.type": ["info"]}
        dhcp.client(fields, found[1], found[2])
    elif (found := _ABANDONED.match(text)) is not None:
        fields = {"event.action": "abandoned_lease", "event.category": ["network"], "event.type": ["info"]}
        dhcp.client(fields, found[1], None)
    elif frame.opened is None:
        raise ParseError(f"isc_dhcpd: unknown message {text[:80]!r}")
    return fields


def _four(fields: Fields, found: re.Match[str]) -> None:
    address, server, other, inside, name, via, rest = found.groups()
    hardware = inside if inside is not None else other
    dhcp.client(fields, address if address is not None else other, hardware, name)
    there = ip(server)
    if there is not None:
        fields["destination.ip"] = fields["destination.address"] = there
        dhcp.related(fields, there)
    if via is not None:
        relay = ip(via)
        if relay is not None:
            fields["tieline.dhcp.relay"] = relay
            dhcp.related(fields, relay)
        else:
            fields["observer.ingress.interface.name"] = via
    reason = rest.strip(" :.()")
    if reason:
        fields["event.reason"] = reason


def _peer(fields: Fields, side: str, address: str, number: str) -> None:
    there = ip(address)
    if there is not None:
        fields[f"{side}.ip"] = fields[f"{side}.address"] = there
        dhcp.related(fields, there)
        if (at := port(number)) is not None:
            fields[f"{side}.port"] = at


_BARE = re.compile(
    rb"DHCP(?:DISCOVER|OFFER|REQUEST|ACK|NAK|RELEASE|DECLINE|INFORM|EXPIRE)(?:\(\S+\))? "
    rb"(?:on|of|for|to|from|\S+ [0-9a-f]{2}:)"
)

FORMAT = LogFormat(
    id="isc_dhcpd",
    vendor="ISC",
    product="DHCP",
    logsource=LogSource(product="linux", service="dhcp"),
    spec="https://kb.isc.org/docs/isc-dhcp-44-manual-pages-dhcpd",
    parse=parse,
    inside="syslog",
    programs=("dhcpd", "dhcpd6", "dhcpd-ha", "dnsmasq-dhcp"),
    fingerprint=lambda head: _BARE.match(head) is not None,
    needs=(b"DHCP",),
)
