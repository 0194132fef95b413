"""What else a Cisco firewall's message states, by the names that its templates give: each to its field of ECS."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from engine.model import Fields
from parsers._grammar.addresses import ip

_HMS = re.compile(r"(?:(\d{1,5})d )?(\d{1,6})h?:(\d{1,2})m?:(\d{1,2})s?")
_ENDED = re.compile(r"(?P<reason>[^()]{0,128}?)(?: from (?P<by>[^()]{1,64}?))?(?: ?\((?P<user>.{0,256})\))?$")
_URL = re.compile(
    r"[A-Za-z]{2,10}://(?:[^@/\s]{1,256}@)?(\[[0-9A-Fa-f:.]{2,45}\]|[^:/?#\s]{1,255})(?::\d{1,5})?([^?#\s]{0,4096})"
)
_HEX = re.compile(r"[0-9A-Fa-f]{12}")
_SECOND = 1_000_000_000


@lru_cache(maxsize=4096)
def duration(text: str) -> int | None:
    """Nanoseconds.

    >>> duration("0:01:30"), duration("2h:28m:09s"), duration("12d 9h:11m:22s"), duration("soon")
    (90000000000, 8889000000000, 1069882000000000, None)
    """
    found = _HMS.fullmatch(text)
    if found is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * _SECOND


def cisco_mac(text: str) -> str | None:
    """
    >>> cisco_mac("0000.5e00.53af"), cisco_mac("00:00:5e:00:53:af"), cisco_mac("00-00-5E-00-53-AF"), cisco_mac("0.1")
    ('00-00-5E-00-53-AF', '00-00-5E-00-53-AF', '00-00-5E-00-53-AF', None)
    """
    digits = text.replace(".", "").replace(":", "").replace("-", "").upper()
    if _HEX.fullmatch(digits) is None:
        return None
    return "-".join(digits[at : at + 2] for at in range(0, 12, 2))


def url(fields: Fields, text: str) -> None:
    text = text.strip('"')
    fields["url.original"] = text
    found = _URL.match(text)
    if found is not None:
        fields["url.domain"] = found[1].strip("[]")
        if found[2]:
            fields["url.path"] = found[2]
    elif text.startswith("/"):
        fields["url.path"] = text.partition("?")[0]


def _duration(fields: Fields, text: str) -> None:
    length = duration(text)
    if length is not None:
        fields["event.duration"] = length


def _number(field: str) -> Callable[[Fields, str], None]:
    def put(fields: Fields, text: str) -> None:
        value = int(text)
        if value < 1 << 63:
            fields[field] = value

    return put


def _text(field: str) -> Callable[[Fields, str], None]:
    def put(fields: Fields, text: str) -> None:
        text = text.strip(" '\"")
        if text:
            fields[field] = text

    return put


@lru_cache(maxsize=4096)
def ended(text: str) -> tuple[str | None, str | None]:
    r"""Why a connection ended, and whose it was.

    >>> ended("TCP FINs from outside (plant\\anna)"), ended("SYN Timeout"), ended(" (anna)")
    (('TCP FINs', 'plant\\anna'), ('SYN Timeout', None), (None, 'anna'))
    """
    found = _ENDED.match(text.strip())
    return (None, None) if found is None else (found["reason"] or None, found["user"])


def _ended(fields: Fields, text: str) -> None:
    reason = ended(text)[0]
    if reason is not None:
        fields["event.reason"] = reason
        if reason.startswith("SYN Timeout"):  # nobody answered: there was no connection
            fields.pop("event.outcome", None)


def _file(fields: Fields, text: str) -> None:
    fields["file.path"] = text
    fields["file.name"] = text.replace("\\", "/").rsplit("/", 1)[-1] or text


def _mac(fields: Fields, text: str) -> None:
    address = cisco_mac(text)
    if address is not None:
        fields["source.mac"] = address


def _assigned(fields: Fields, text: str) -> None:
    address = ip(text)
    if address is not None and address.strip(":0."):
        fields.setdefault("source.nat.ip", address)


def _command(fields: Fields, text: str) -> None:
    text = text.strip().removesuffix(" command").strip("'\"")
    if text:
        fields["process.command_line"] = text


def _protocol(fields: Fields, text: str) -> None:
    fields["network.protocol"] = text.lower()


def _signature(fields: Fields, text: str) -> None:
    fields["rule.name"] = text


_VERDICTS = {
    "permitted": ("allowed", "success"),
    "est-allowed": ("allowed", "success"),
    "denied": ("denied", "failure"),
    "dropped": ("denied", "failure"),
}


def _verdict(fields: Fields, text: str) -> None:
    known = _VERDICTS.get(text.lower())
    if known is not None:
        fields["event.action"], fields["event.outcome"] = known
        fields["event.type"] = ["connection", known[0]]
    elif text.upper() in ("OK", "FAILED"):
        fields["event.outcome"] = "success" if text.upper() == "OK" else "failure"


def _connection(fields: Fields, text: str) -> None:
    fields["tieline.cisco.connection_id"] = text


def _signature_id(fields: Fields, text: str) -> None:
    fields["rule.id"] = text
    fields["rule.ruleset"] = "ids"


FURTHER: dict[str, Callable[[Fields, str], None]] = {
    "bytes": _number("network.bytes"),
    "sbytes": _number("source.bytes"),
    "dbytes": _number("destination.bytes"),
    "duration": _duration,
    "reason": _text("event.reason"),
    "ended": _ended,
    "rule": _text("rule.name"),
    "group": _text("user.group.name"),
    "command": _command,
    "url": url,
    "file": _file,
    "mac": _mac,
    "app": _protocol,
    "agent": _text("user_agent.original"),
    "assigned": _assigned,
    "assigned6": _assigned,
    "signature": _signature,
    "signature_id": _signature_id,
    "number": _connection,
    "verdict": _verdict,
    "category": _text("threat.indicator.description"),
    "object": _text("tieline.cisco.object"),
    "type": _text("tieline.cisco.session_type"),
}

SPECIAL = frozenset(("aaa", "domain", "client", "now", "who", "assigned", "assigned6", "attacker", "rest"))


def special(fields: Fields, code: str, got: dict[str, Any], related: list[str]) -> None:
    """What depends on the message."""
    get = got.get
    if get("aaa") is not None and got["aaa"] != "authentication":  # authorization, accounting
        fields["event.action"] = "aaa_" + got["aaa"].lower()
        fields["event.category"], fields["event.type"] = ["network"], ["info"]
    domain = get("domain")
    if domain is not None and ip(domain) is None:
        if code == "338301":
            fields["dns.question.name"] = domain
        else:
            fields["destination.domain" if int(code) % 2 == 0 else "source.domain"] = domain
    client = get("client") or (fields.pop("source.address", None) if code == "113019" else None)
    if client is not None:
        fields.pop("source.ip", None)
        _client(fields, client, related)
    now = get("now")
    if now is not None and ip(now) is not None:  # the session goes on from another address
        fields["destination.ip"] = fields["destination.address"] = fields.pop("source.ip", None) or now
        fields["source.ip"] = fields["source.address"] = ip(now)
        related.append(fields["source.ip"])
    who = get("who")
    if who is not None and (address := ip(who)) is not None:
        fields["source.ip"] = fields["source.address"] = address
        related.append(address)
    if "source.nat.ip" in fields:
        related.append(fields["source.nat.ip"])
    attacker = get("attacker")
    if attacker is not None and (address := ip(attacker)) is not None:
        side = "source" if got["how"] == "attacking" else "destination"
        fields[side + ".ip"] = fields[side + ".address"] = address
        related.append(address)


def _client(fields: Fields, text: str, related: list[str]) -> None:
    """The device reports on its own end of a tunnel: what it transmitted goes to the client."""
    address = ip(text)
    if address is not None:
        fields["destination.ip"] = fields["destination.address"] = fields["client.ip"] = address
        related.append(address)
