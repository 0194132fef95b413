"""Who took part, as ECS wants it beside the single fields."""

from engine.model import Fields, Frame
from parsers._grammar.addresses import ip, port


def remote(fields: Fields, host: str | None, number: str | None = None) -> None:
    """The other side of a connection, by address or by name."""
    if not host:
        return
    address = ip(host)
    if address is None:
        if host[0].isalnum() and len(host) < 256 and " " not in host:
            fields["source.address"] = host
            fields["source.domain"] = host.lower()
            at = port(number)
            if at is not None:
                fields["source.port"] = at
        return
    fields["source.address"] = address
    fields["source.ip"] = address
    related = fields.get("related.ip")
    if related is None:
        fields["related.ip"] = [address]
    elif address not in related:
        related.append(address)
    at = port(number)
    if at is not None:
        fields["source.port"] = at


def user(fields: Fields, name: str | None, field: str = "user.name") -> None:
    """A name that is empty is no name."""
    if not name:
        return
    fields[field] = name
    related = fields.get("related.user")
    if related is None:
        fields["related.user"] = [name]
    elif name not in related:
        related.append(name)


def hosts(fields: Fields, frame: Frame, *names: str | None) -> None:
    """Names beside those that the envelope has found."""
    known = list(frame.opened.fields.get("related.hosts", ())) if frame.opened is not None else []
    known += [name for name in names if name and name not in known]
    if known:
        fields["related.hosts"] = known


def with_hosts(fields: Fields, frame: Frame) -> Fields:
    """``related.hosts`` of a message beside those of its envelope."""
    if "related.hosts" in fields:
        hosts(fields, frame, *fields["related.hosts"])
    return fields


def account(fields: Fields, name: str | None) -> None:
    """A name as directories write it: the user without the domain, which stands beside.

    >>> fields: Fields = {}
    >>> account(fields, "m.keller@corp.example")
    >>> fields["user.name"], fields["user.domain"]
    ('m.keller', 'corp.example')
    """
    if name and ("\\" in name or "@" in name):
        domain, name = domain_and_name(name)
        if domain is not None:
            fields["user.domain"] = domain
    user(fields, name)


def domain_and_name(name: str) -> tuple[str | None, str]:
    r"""What follows an @ is a domain only with a dot in it: an @ may be part of a name.

    >>> domain_and_name("CORP\\m.keller"), domain_and_name("m.keller@corp.example"), domain_and_name("p@ssw0rd")
    (('CORP', 'm.keller'), ('corp.example', 'm.keller'), (None, 'p@ssw0rd'))
    """
    domain, slash, short = name.partition("\\")
    if slash:
        return (domain, short) if domain and short and "\\" not in short else (None, name)
    short, at, domain = name.partition("@")
    if at and short and "." in domain.strip(".") and "@" not in domain and " " not in domain:
        return domain, short
    return None, name
