"""Who got which address: what DHCP servers of several makers say in ECS."""

from engine.model import Fields
from parsers._grammar.addresses import ip, mac


def exchange(fields: Fields, message: str) -> None:
    """
    >>> fields: Fields = {}
    >>> exchange(fields, "DHCPNAK")
    >>> fields["event.action"], fields["event.outcome"]
    ('dhcpnak', 'failure')
    """
    fields["event.action"] = message.lower()
    fields["event.category"] = ["network"]
    fields["event.type"] = ["connection", "protocol"]
    fields["network.protocol"] = "dhcp"
    if message == "DHCPACK":
        fields["event.outcome"] = "success"
    elif message in ("DHCPNAK", "DHCPDECLINE"):
        fields["event.outcome"] = "failure"


def client(fields: Fields, address: str | None, hardware: str | None, name: str | None = None) -> None:
    there = ip(address)
    if there is not None:
        fields["source.ip"] = fields["source.address"] = there
        related(fields, there)
    by = mac(hardware)
    if by is not None:
        fields["source.mac"] = by
    if name and name != "-":
        fields["source.domain"] = name.lower()
        fields["related.hosts"] = [name]


def related(fields: Fields, address: str) -> None:
    known = fields.setdefault("related.ip", [])
    if address not in known:
        known.append(address)
