"""What switches of the plant floor report, in ECS: logons, changes, links, firmware, who may use a port."""

from engine.model import Fields
from parsers._grammar.addresses import ip, mac
from parsers._grammar.people import remote, user

_MEANINGS: dict[str, tuple[str, str]] = {
    "login": ("authentication", "start"),
    "logout": ("authentication", "end"),
    "session-timeout": ("authentication", "end"),
    "sessions-exceeded": ("session", "info"),
    "rule-set": ("configuration", "change"),
    "communication-changed": ("configuration", "change"),
    "account-locked": ("iam", "change"),
    "password-changed": ("iam", "change"),
    "user-created": ("iam", "creation"),
    "user-deleted": ("iam", "deletion"),
    "configuration-changed": ("configuration", "change"),
    "configuration-saved": ("configuration", "access"),
    "configuration-loaded": ("configuration", "change"),
    "firmware-loaded": ("configuration", "change"),
    "link-up": ("network", "info"),
    "link-down": ("network", "info"),
    "cold-start": ("host", "start"),
    "warm-start": ("host", "start"),
    "power": ("host", "info"),
    "topology-changed": ("network", "info"),
    "port-security": ("network", "denied"),
    "firewall": ("network", "connection"),
}

_PROTOCOLS = frozenset(("ssh", "telnet", "http", "https", "snmp", "tftp", "sftp", "netconf", "dcp"))


def action(fields: Fields, name: str, outcome: str | None = None) -> None:
    category, kind = _MEANINGS[name]
    fields["event.action"] = name
    fields["event.category"], fields["event.type"] = [category], [kind]
    if category == "iam" and name != "account-locked":
        fields["event.type"] = [kind, "user"]
    if outcome is not None or kind == "end":
        fields["event.outcome"] = outcome or "success"


def who(fields: Fields, name: str | None, host: str | None = None, by: str | None = None) -> None:
    """The user, the address that he came from, and the protocol (``web``, ``ssh``, ``console``)."""
    user(fields, name)
    if host is not None:
        remote(fields, host.rstrip("."))
    if by:
        fields["network.protocol" if by.lower() in _PROTOCOLS else "tieline.switch.via"] = by.lower()


def interface(fields: Fields, name: str) -> None:
    fields["observer.ingress.interface.name"] = name


def stranger(fields: Fields, address: str | None) -> None:
    """The device that a port let in or kept out."""
    link = mac(address)
    if link is not None:
        fields["source.mac"] = link
    elif ip(address) is not None:
        remote(fields, address)
