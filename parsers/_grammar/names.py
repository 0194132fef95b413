"""Names of the domain name system."""

from engine.model import Fields


def question(fields: Fields, name: str) -> None:
    """
    >>> fields: Fields = {}
    >>> question(fields, "HMI.Example.")
    >>> fields
    {'dns.question.name': 'hmi.example', 'network.protocol': 'dns', 'related.hosts': ['hmi.example']}
    """
    name = name.rstrip(".").lower() or "."
    fields["dns.question.name"] = name
    fields["network.protocol"] = "dns"
    if name != ".":
        related = fields.setdefault("related.hosts", [])
        if name not in related:
            related.append(name)
