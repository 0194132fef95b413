"""The two ends of what a Cisco firewall reports: addresses, translations, protocols and the users behind them."""

import re
from functools import lru_cache
from typing import Any

from engine.model import Fields
from parsers._grammar.addresses import ip, port
from parsers._grammar.people import domain_and_name

_PROTOCOLS = {
    "1": "icmp", "2": "igmp", "4": "ipv4", "6": "tcp", "8": "egp", "17": "udp", "41": "ipv6", "46": "rsvp", "47": "gre",
    "50": "esp", "51": "ah", "58": "ipv6-icmp", "88": "eigrp", "89": "ospf", "103": "pim", "112": "vrrp", "132": "sctp",
}  # fmt: skip
_NUMBERS = {name: number for number, name in _PROTOCOLS.items()}
_SPELT = {"icmpv6": "ipv6-icmp", "icmp6": "ipv6-icmp", "ipinip": "ipv4", "pcp": "pcp"}

_SGT = re.compile(r"(?:^|, ?)(\d{1,5}):([\w\-]{1,64})$|(?<=[^,]), ?(\d{1,5})$")


_ip = lru_cache(maxsize=16_384)(ip)  # a firewall names few addresses, many times
_port = lru_cache(maxsize=16_384)(port)


class Side:
    """The names of one end's fields."""

    __slots__ = ("address", "domain", "ip", "nat_ip", "nat_port", "port", "side")

    def __init__(self, side: str) -> None:
        self.side = side
        self.address, self.ip, self.port = f"{side}.address", f"{side}.ip", f"{side}.port"
        self.domain, self.nat_ip, self.nat_port = f"{side}.domain", f"{side}.nat.ip", f"{side}.nat.port"


def end(
    fields: Fields,
    side: Side,
    text: str,
    number: str | None,
    nat: str | None,
    natport: str | None,
    related: list[str],
) -> None:
    address = _ip(text)
    if address is not None:
        fields[side.ip] = fields[side.address] = address
        related.append(address)
    elif text not in ("None", "<unknown>", "unknown"):
        fields[side.address] = text
        if not text.replace(".", "").isdigit():
            fields[side.domain] = text
    if number is not None:
        at = _port(number)
        if at is not None:
            fields[side.port] = at
        elif not number.isdigit():
            fields["network.protocol"] = number.lower()
    if nat is not None:
        if nat != text:
            translated = _ip(nat)
            if translated is not None and translated != address:
                fields[side.nat_ip] = translated
                related.append(translated)
        if natport is not None and natport != number:
            at = _port(natport)
            if at is not None and at != fields.get(side.port):
                fields[side.nat_port] = at


def behind_interface(interface: str | None, text: str) -> tuple[str | None, str]:
    """The interface and the address, where the interface's name has colons too.

    >>> behind_interface("v1", "outside:192.0.2.7"), behind_interface("in", "2001:db8::7"), behind_interface("in", "gw")
    (('v1:outside', '192.0.2.7'), ('in', '2001:db8::7'), ('in', 'gw'))
    """
    if ":" not in text or ip(text) is not None:
        return interface, text
    name, rest = "", text
    while ":" in rest:
        first, _, rest = rest.partition(":")
        name += (":" if name else "") + first
        if ip(rest) is not None:
            return f"{interface}:{name}" if interface else name, rest
    return interface, text


def transport(fields: Fields, text: str) -> None:
    name, number = _protocol(text)
    if name in ("rtp", "rtcp"):
        fields["network.protocol"] = name
    elif name is not None:
        fields["network.transport"] = name
    if number is not None:
        fields["network.iana_number"] = number


@lru_cache(maxsize=512)
def _protocol(text: str) -> tuple[str | None, str | None]:
    """
    >>> _protocol("protocol 47"), _protocol("TCP"), _protocol("IPv6-ICMP"), _protocol("200"), _protocol("ip")
    (('gre', '47'), ('tcp', '6'), ('ipv6-icmp', '58'), (None, '200'), (None, None))
    """
    name = text.lower().removeprefix("protocol ")
    if name.isdigit():
        number = str(int(name))
        return (_PROTOCOLS.get(number), number) if int(number) < 256 else (None, None)
    if name == "ip":
        return None, None
    name = _SPELT.get(name, name)
    return name, _NUMBERS.get(name)


def icmp_ends(got: dict[str, Any]) -> dict[str, Any]:
    """The foreign end asks where the message says inbound, or where it alone has an identifier."""
    direction = (got.get("direction") or "").lower()
    asks = direction == "inbound" or (not direction and got["fport"] != "0" and got["lport"] == "0")
    foreign, local = ("s", "d") if asks or direction == "outbound" else ("d", "s")  # outbound: the outer end first
    ends = {"s": "src", "d": "dst"}
    got[ends[foreign]], got[foreign + "user"] = got["faddr"], got["fuser"]
    got[ends[local]], got[local + "user"], got[local + "nat"] = got["laddr"], got["luser"], got["gaddr"]
    return got


def people(fields: Fields, source: str, first: str | None, second: str | None, named: str | None) -> None:
    """user.name is the one whom the message names; where each end has its own, only the ends say so."""
    at_source, at_destination = (first, second) if source == "source" else (second, first)
    known: list[str] = []
    for side, text in (("source", at_source), ("destination", at_destination)):
        if text:
            name, domain, tag, tag_name = person(text)
            if name is not None and "\\" not in text and ("." in name or name.startswith("type ")):
                if ip(name.partition("/")[0]) is None and " " not in name:  # the host's name stands where a user may
                    fields.setdefault(side + ".domain", name)
                name = None
            if name is not None:
                fields[side + ".user.name"] = name
                known.append(name)
                if domain is not None:
                    fields[side + ".user.domain"] = domain
            if tag is not None:
                fields[f"tieline.cisco.{side}_sgt"] = tag
            if tag_name is not None:
                fields[f"tieline.cisco.{side}_sgt_name"] = tag_name
    by_end = list(dict.fromkeys(known))
    if len(by_end) == 1:
        side = "source" if "source.user.name" in fields else "destination"
        fields["user.name"] = by_end[0]
        if side + ".user.domain" in fields:
            fields["user.domain"] = fields[side + ".user.domain"]
    if named:
        name, domain, _, _ = person(named.strip())
        if name is not None:
            known.append(name)
            if not by_end:
                fields["user.name"] = name
                if domain is not None:
                    fields["user.domain"] = domain
                if "source.ip" in fields:
                    fields["source.user.name"] = name
    if known:
        fields["related.user"] = list(dict.fromkeys(known))


@lru_cache(maxsize=8192)
def person(text: str) -> tuple[str | None, str | None, int | None, str | None]:
    r"""Name, domain, security group tag and its name; LOCAL is where the ASA keeps its own users, and no domain.

    >>> person(r"LOCAL\plant\anna, 17:engineers"), person("17:engineers"), person(r"LOCAL\J. Hoff")
    (('anna', 'plant', 17, 'engineers'), (None, None, 17, 'engineers'), ('J. Hoff', None, None, None))
    >>> person("*****"), person("anna@plant.example"), person("anna, 17")
    ((None, None, None, None), ('anna', 'plant.example', None, None), ('anna', None, 17, None))
    """
    text = text.strip().strip("'\"").strip()
    tag, tag_name = None, None
    found = _SGT.search(text)
    if found is not None:
        tag, tag_name, text = int(found[1] or found[3]), found[2], text[: found.start()]
    parts = [part for part in text.rstrip(",").split("\\") if part]
    if not parts or not parts[-1].strip("* ") or parts[-1] in ("Unknown", "N/A", "None"):
        return None, None, tag, tag_name
    name, domain = parts[-1], parts[-2] if len(parts) > 1 and parts[-2] != "LOCAL" else None
    if domain is None or "@" in name:
        own, name = domain_and_name(name)
        domain = own or domain
    return name, domain, tag, tag_name
