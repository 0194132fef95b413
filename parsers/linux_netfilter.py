"""Packets that Linux's netfilter logs: iptables, nftables, ufw, and what firewalls on Linux make of the prefix.

::

    Jan  2 03:04:05 gw-1 kernel: [  812.004711] [UFW BLOCK] IN=eth0 OUT= MAC=00:00:5e:00:53:01:00:00:5e:00:53:02:08:00 SRC=198.51.100.9 DST=192.0.2.7 LEN=60 TOS=0x00 PREC=0x00 TTL=52 ID=1 DF PROTO=TCP SPT=40022 DPT=502 WINDOW=64240 RES=0x00 SYN URGP=0

The verdict is only in the prefix that the administrator chose. A prefix without a known word tells none.
"""  # noqa: E501  (records as they are sent)

import re
from functools import lru_cache

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar.addresses import ip, mac, port
from parsers._grammar.event_time import moment

_PAIR = re.compile(r"([A-Z]+)=(\S*)")
# As the kernel writes packets of TCP and UDP (net/netfilter/nf_log_syslog.c): most of all.
_USUAL = re.compile(
    r"IN=(\S*) OUT=(\S*) (?:MAC=(\S*) )?SRC=(\S*) DST=(\S*) LEN=\d+ TOS=\S* PREC=\S* TTL=\d+ ID=\d+ (?:CE )?(?:DF )?"
    r"(?:MF )?PROTO=(TCP|UDP) SPT=(\d+) DPT=(\d+)(?!\S)"
)
_CLOCK = re.compile(r"\[ *\d+\.\d+\] ?")
_WORD = re.compile(r"[A-Za-z]+")
_UBIQUITI = re.compile(r"\[([\w.\-]+)-([ADR])-(\w+)\]\s*(?:DESCR=\"(.*?)\")?")
_PROXMOX = re.compile(r"\d+ \d+ (\S+) (\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}) (.*)")

_DENIED = frozenset(
    (
        "drop",
        "dropped",
        "droped",
        "drp",
        "deny",
        "denied",
        "denying",
        "block",
        "blocked",
        "blk",
        "reject",
        "rejected",
        "refuse",
        "refused",
        "ban",
        "banned",
        "deflt",
    )
)
_ALLOWED = frozenset(("accept", "accepted", "acc", "allow", "allowed", "pass", "passed", "permit", "permitted"))


_LONGEST = 512  # characters of what is remembered
_NAMES = ("IN", "OUT", "MAC", "SRC", "DST", "PROTO", "SPT", "DPT")


def parse(frame: Frame) -> Fields:
    text = frame.text
    at = text.find("IN=")
    if at > 0 and text[at - 1] not in " :]\"'":
        at = text.find(" IN=") + 1
    pairs: dict[str, str | None]
    usual = _USUAL.match(text, at) if at >= 0 else None
    if usual is not None:
        pairs = dict(zip(_NAMES, usual.groups(), strict=True))
    else:
        caused_by = text.find(" [SRC=", at)  # an ICMP error carries the packet that caused it behind its own
        pairs = dict(reversed(_PAIR.findall(text, at, len(text) if caused_by < 0 else caused_by)))
    source, destination = ip(pairs.get("SRC")), ip(pairs.get("DST"))
    if at < 0 or source is None or destination is None:
        raise ParseError("linux_netfilter: no packet with IN=, SRC= and DST=")
    fields: Fields = {
        "event.category": ["network"],
        "source.ip": source,
        "source.address": source,
        "destination.ip": destination,
        "destination.address": destination,
        "related.ip": [source] if source == destination else [source, destination],
        "network.type": "ipv6" if ":" in source else "ipv4",
    }
    _verdict(fields, text[:at])
    get = pairs.get
    link = get("IN"), get("OUT"), get("MAC") or "", get("MACDST"), get("MACSRC")
    short = sum(len(part or "") for part in link) <= _LONGEST
    fields.update(_interfaces(*link) if short else _interfaces.__wrapped__(*link))
    _transport(fields, pairs)
    if frame.opened is None:
        proxmox = _PROXMOX.match(text[:at])
        if proxmox is not None:
            fields["rule.ruleset"] = proxmox[1]
            fields["rule.name"] = proxmox[3].strip(" :")
            when = moment(proxmox[2])
            if when is not None:
                fields["@timestamp"] = when
        fields["message"] = text.strip()
    return fields


def _verdict(fields: Fields, prefix: str) -> None:
    found = _CLOCK.match(prefix)
    prefix = prefix if found is None else prefix[found.end() :]
    rule, action = _rule(prefix) if len(prefix) <= _LONGEST else _rule.__wrapped__(prefix)
    fields.update(rule)
    if action is None:
        fields["event.type"] = ["connection", "info"]
    else:
        fields["event.action"] = action
        fields["event.type"] = ["connection", action]


@lru_cache(maxsize=4096)
def _rule(prefix: str) -> tuple[Fields, str | None]:
    """What a prefix names, and its verdict; an administrator has a few dozen of them."""
    fields: Fields = {}
    ubiquiti = _UBIQUITI.match(prefix)
    if ubiquiti is not None:
        fields["rule.ruleset"], verdict, fields["rule.id"], description = ubiquiti.groups()
        if description:
            fields["rule.name"] = description
        return fields, "allowed" if verdict == "A" else "denied"
    name = prefix.strip(" :-[]\"'")
    if name:
        fields["rule.name"] = name
    words = {word.lower() for word in _WORD.findall(prefix)}
    denied, allowed = not words.isdisjoint(_DENIED), not words.isdisjoint(_ALLOWED)
    return fields, None if denied == allowed else "denied" if denied else "allowed"


@lru_cache(maxsize=4096)
def _interfaces(inside: str | None, outside: str | None, header: str, to: str | None, by: str | None) -> Fields:
    fields: Fields = {}
    if inside:
        fields["observer.ingress.interface.name"] = inside
    if outside:
        fields["observer.egress.interface.name"] = outside
    if inside and not outside:
        fields["network.direction"] = "ingress"
    elif outside and not inside:
        fields["network.direction"] = "egress"
    if len(header) == 41:  # destination, source, EtherType
        to, by = header[:17], header[18:35]
    to, by = mac(to), mac(by)
    if to is not None:
        fields["destination.mac"] = to
    if by is not None:
        fields["source.mac"] = by
    return fields


def _transport(fields: Fields, pairs: dict[str, str | None]) -> None:
    protocol = (pairs.get("PROTO") or "").lower()
    if protocol.isdigit():
        fields["network.iana_number"] = protocol
    elif protocol:
        fields["network.transport"] = "ipv6-icmp" if protocol == "icmpv6" else protocol
    by, to = port(pairs.get("SPT")), port(pairs.get("DPT"))
    if by is not None:
        fields["source.port"] = by
    if to is not None:
        fields["destination.port"] = to


FORMAT = LogFormat(
    id="linux_netfilter",
    vendor="Linux",
    product="netfilter",
    logsource=LogSource(product="linux", category="firewall", service="iptables"),
    spec="https://www.netfilter.org/documentation/ https://man7.org/linux/man-pages/man8/iptables-extensions.8.html#TARGET_EXTENSIONS",
    parse=parse,
    inside="syslog",
    fingerprint=lambda head: b" SRC=" in head and b" DST=" in head and b"IN=" in head and b" PROTO=" in head,
)
