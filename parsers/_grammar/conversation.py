"""Two endpoints and what went between them, as firewalls record it, in ECS."""

from engine.model import Fields
from parsers._grammar.addresses import ip, mac, port

# IANA's protocol numbers as ECS spells the names of transports.
TRANSPORTS = {
    "0": "hopopt",
    "1": "icmp",
    "2": "igmp",
    "4": "ipv4",
    "6": "tcp",
    "8": "egp",
    "17": "udp",
    "33": "dccp",
    "41": "ipv6",
    "46": "rsvp",
    "47": "gre",
    "50": "esp",
    "51": "ah",
    "58": "ipv6-icmp",
    "88": "eigrp",
    "89": "ospf",
    "94": "ipip",
    "103": "pim",
    "112": "vrrp",
    "115": "l2tp",
    "132": "sctp",
    "136": "udplite",
}
_SPELT = {"icmp6": "ipv6-icmp", "icmpv6": "ipv6-icmp", "ipv6icmp": "ipv6-icmp", "hopopts": "hopopt", "ospfigp": "ospf"}


def endpoints(
    fields: Fields, source: str | None, source_port: str | None, destination: str | None, destination_port: str | None
) -> None:
    """
    >>> fields: Fields = {}
    >>> endpoints(fields, "192.0.2.7", "51234", "2001:DB8::1", "0")
    >>> fields["source.ip"], fields["destination.ip"], fields["source.port"], fields["related.ip"]
    ('192.0.2.7', '2001:db8::1', 51234, ['192.0.2.7', '2001:db8::1'])
    """
    related: list[str] = []
    address = ip(source)
    if address is not None:
        fields["source.address"] = fields["source.ip"] = address
        related.append(address)
        number = port(source_port)
        if number is not None:
            fields["source.port"] = number
        fields["network.type"] = "ipv6" if ":" in address else "ipv4"
    address = ip(destination)
    if address is not None:
        fields["destination.address"] = fields["destination.ip"] = address
        if address not in related:
            related.append(address)
        number = port(destination_port)
        if number is not None:
            fields["destination.port"] = number
    if related:
        fields["related.ip"] = related


def translated(fields: Fields, side: str, address: str | None, number: str | None) -> None:
    """What address translation made of one side. "0.0.0.0" and "::" are how devices write that there was none."""
    found = ip(address)
    if found is None or found == "0.0.0.0" or found == "::":  # noqa: S104
        return
    fields[f"{side}.nat.ip"] = found
    at = port(number)
    if at:
        fields[f"{side}.nat.port"] = at
    related = fields.setdefault("related.ip", [])
    if found not in related:
        related.append(found)


def transport(fields: Fields, protocol: str | None) -> None:
    """A name or IANA's number.

    >>> fields: Fields = {}
    >>> transport(fields, "58"); fields
    {'network.iana_number': '58', 'network.transport': 'ipv6-icmp'}
    """
    if not protocol or len(protocol) > 32:
        return
    if protocol.isdigit() and protocol.isascii():
        fields["network.iana_number"] = protocol
        name = TRANSPORTS.get(protocol)
        if name is not None:
            fields["network.transport"] = name
    else:
        name = protocol.lower()
        fields["network.transport"] = _SPELT.get(name, name)


def count(text: str | None) -> int | None:
    """A count of bytes, packets or seconds that fits into 63 bit.

    >>> count("1850"), count("-"), count(None), count("9" * 30)
    (1850, None, None, None)
    """
    if text and len(text) < 19 and text.isdigit() and text.isascii():
        return int(text)
    return None


def volume(
    fields: Fields, sent: str | None, received: str | None, packets_sent: str | None, packets_received: str | None
) -> None:
    """What the source sent and the destination sent back."""
    out, back = count(sent), count(received)
    if out is not None:
        fields["source.bytes"] = out
    if back is not None:
        fields["destination.bytes"] = back
        if out is not None:
            fields["network.bytes"] = out + back
    out, back = count(packets_sent), count(packets_received)
    if out is not None:
        fields["source.packets"] = out
    if back is not None:
        fields["destination.packets"] = back
        if out is not None:
            fields["network.packets"] = out + back


def hardware(fields: Fields, side: str, address: str | None) -> None:
    found = mac(address)
    if found is not None and found != "00-00-00-00-00-00":
        fields[f"{side}.mac"] = found


def page(fields: Fields, address: str, domain: str | None = None) -> None:
    """An address of a page, whole or from its path on.

    >>> fields: Fields = {}
    >>> page(fields, "https://hmi.example:8443/login?next=%2F"); fields["url.domain"], fields["url.path"]
    ('hmi.example', '/login')
    >>> page(fields, "/a/b.cgi?x=1", "plc.example"); fields["url.domain"], fields["url.path"], fields["url.query"]
    ('plc.example', '/a/b.cgi', 'x=1')
    """
    if address:
        fields["url.original"] = address
    scheme, mark, rest = address.partition("://")
    if mark and scheme.isalnum():
        fields["url.full"] = address
        fields["url.scheme"] = scheme.lower()
        at = len(rest)
        for end in "/?#":
            found = rest.find(end, 0, at)
            if found >= 0:
                at = found
        host, path = rest[:at].rpartition("@")[2], rest[at:]
        name, colon, number = host.rpartition(":")
        if colon and port(number) is not None and not name.endswith(":"):
            fields["url.port"] = int(number)
            host = name
        if domain is None:
            domain = host.strip("[]")
    else:
        path = address
    if domain:
        fields["url.domain"] = domain
    path, mark, fragment = path.partition("#")
    if fragment:
        fields["url.fragment"] = fragment
    path, mark, query = path.partition("?")
    if query:
        fields["url.query"] = query
    if path.startswith("/"):
        fields["url.path"] = path
