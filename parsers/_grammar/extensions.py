"""What the keys of event envelopes (ArcSight's, QRadar's) mean in ECS."""

import re
from collections.abc import Callable, Mapping
from datetime import tzinfo
from functools import lru_cache
from typing import Any

from engine.model import Fields
from engine.model.time_patterns import in_zone, reader
from engine.model.times import rfc3339
from parsers._grammar.addresses import ip, port
from parsers._grammar.event_time import moment
from parsers._grammar.people import domain_and_name, user

Meaning = tuple[Callable[[str], Any], str]
"""How a value is read (None: it is not what the key says), and the field that takes it."""

_NOTHING = frozenset(("", "-", "N/A", "n/a", "null", "(null)", "none", "None", "unknown", "Unknown", "undefined"))
_TRANSPORTS = {
    "1": "icmp", "2": "igmp", "6": "tcp", "17": "udp", "41": "ipv6", "47": "gre", "50": "esp", "51": "ah",
    "58": "ipv6-icmp", "89": "ospf", "132": "sctp", "icmpv6": "ipv6-icmp", "icmp6": "ipv6-icmp",
}  # fmt: skip
_OUTCOMES = {
    "success": "success", "successful": "success", "succeeded": "success", "succeed": "success", "ok": "success",
    "passed": "success", "pass": "success", "true": "success", "/success": "success", "audit success": "success",
    "failure": "failure", "failed": "failure", "fail": "failure", "unsuccessful": "failure", "error": "failure",
    "false": "failure", "/failure": "failure", "audit failure": "failure", "denied": "failure",
    "unknown": "unknown", "/attempt": "unknown", "attempt": "unknown",
}  # fmt: skip
_DENIED = re.compile(r"(?i)\b(?:block|den[yi]|drop|reject|prevent|reset|refus|quarantin|discard|terminat)")
_ALLOWED = re.compile(r"(?i)\b(?:accept|allow|permit|pass(?:ed)?\b|forward)")
_NOT = re.compile(r"(?i)\b(?:not|no|un)\b")
_HEX = re.compile(r"[^0-9A-Fa-f]")
_HASHES = {
    32: "file.hash.md5",
    40: "file.hash.sha1",
    64: "file.hash.sha256",
    96: "file.hash.sha384",
    128: "file.hash.sha512",
}
_URL = re.compile(
    r"([A-Za-z][A-Za-z0-9+.\-]{1,15})://(?:[^/?#@\s]*@)?(\[[0-9A-Fa-f:.]+\]|[^/?#:\s]+)(?::(\d{1,5}))?([^?#\s]*)(?:\?([^#\s]*))?"
)
_NAME = re.compile(r"[A-Za-z0-9][\w.+/\-]{0,31}")
_UNSET = frozenset(("0.0.0.0", "::"))  # noqa: S104  (read, not bound)
_ODD = re.compile(r"[^\w.\-]+")
_TIMES = tuple(
    reader(pattern)
    for pattern in (
        "MMM dd yyyy HH:mm:ss.SSS z", "MMM dd yyyy HH:mm:ss.SSS", "MMM dd yyyy HH:mm:ss z", "MMM dd yyyy HH:mm:ss",
        "MMM dd HH:mm:ss.SSS z", "MMM dd HH:mm:ss.SSS", "MMM dd HH:mm:ss z", "MMM dd HH:mm:ss",
        "MMM dd HH:mm:ss yyyy", "MMM dd HH:mm:ss z yyyy", "EEE MMM dd HH:mm:ss z yyyy", "EEE MMM dd HH:mm:ss yyyy",
        "MMM dd, yyyy HH:mm:ss", "MMM dd, yyyy hh:mm:ss a", "yyyy/MM/dd HH:mm:ss", "dd MMM yyyy HH:mm:ss z",
        "dd MMM yyyy HH:mm:ss",
    )
)  # fmt: skip
_MOST, _LONGEST = 4096, 128
_own_names: dict[tuple[str, str], str] = {}


def text(value: str) -> str | None:
    return None if value in _NOTHING else value


def lower(value: str) -> str | None:
    return None if value in _NOTHING else value.lower()


def protocol(value: str) -> str | None:
    """A protocol's name, not a description of one."""
    return None if value in _NOTHING or _NAME.fullmatch(value) is None else value.lower()


def translated(value: str) -> str | None:
    """The address after translation; devices write 0.0.0.0 where there was none."""
    found = ip(value)
    return None if found in _UNSET else found


def translated_port(value: str) -> int | None:
    return port(value) or None


def number(value: str) -> int | None:
    """
    >>> number("1019"), number("0x10"), number("-1"), number("1e9"), number("9" * 30)
    (1019, 16, None, None, None)
    """
    if len(value) > 18:
        return None
    if value.isascii() and value.isdigit():
        return int(value)
    return int(value, 16) if value[:2] in ("0x", "0X") and _HEX.search(value[2:]) is None and value[2:] else None


def address(value: str) -> str | None:
    return ip(value)


def addresses(value: str) -> list[str] | None:
    found = ip(value)
    return None if found is None else [found]


@lru_cache(maxsize=4096)
def link_address(value: str) -> str | None:
    """As ECS writes it, from colons, dashes, dots or bare digits.

    >>> {link_address(one) for one in ("00:00:5e:00:53:0f", "0000.5e00.530f", "00005E00530F")}, link_address("00")
    ({'00-00-5E-00-53-0F'}, None)
    """
    digits = value.replace(":", "").replace("-", "").replace(".", "")
    if len(digits) != 12 or len(value) > 17 or _HEX.search(digits) is not None:
        return None
    digits = digits.upper()
    return "-".join(digits[at : at + 2] for at in range(0, 12, 2))


def link_addresses(value: str) -> list[str] | None:
    found = link_address(value)
    return None if found is None else [found]


def host(value: str) -> str | None:
    """A name that is no address."""
    if value in _NOTHING or len(value) > 255 or " " in value or ip(value) is not None:
        return None
    return value


def transport(value: str) -> str | None:
    if value in _NOTHING or len(value) > 32:
        return None
    folded = value.lower().partition("/")[0]  # "tcp/https" names the service beside it
    return _TRANSPORTS.get(folded) or (None if folded.isdigit() or not folded else folded)


def outcome(value: str) -> str | None:
    return _OUTCOMES.get(value.lower())


def direction(value: str) -> str | None:
    return {
        "0": "inbound",
        "1": "outbound",
        "inbound": "inbound",
        "outbound": "outbound",
        "in": "inbound",
        "out": "outbound",
    }.get(value.lower())


def written(value: str, received: int, zone: tzinfo | None) -> int | None:
    """A time in any form that ArcSight's guide names, or another common one.

    >>> {written(v, 1767400000 * 10**9, None) for v in ("1767323045006", "Jan 02 2026 03:04:05.006 UTC",
    ...     "Jan 02 03:04:05.006", "Jan 02 2026 04:04:05.006 Europe/Berlin", "2026-01-02T03:04:05.006Z")}
    {1767323045006000000}
    """
    when = moment(value, zone) if value[:1].isdigit() else None
    if when is not None:
        return when
    for read in _TIMES:
        when = read(value, received, zone)
        if when is not None:
            return when
    return moment(value, zone)


def of_zone(value: str | None, zone: tzinfo | None) -> tzinfo | None:
    """The zone that a record names for its times, else the source's."""
    return zone if value is None else in_zone(value.strip()) or zone


def own_name(root: str, key: str) -> str:
    """
    >>> own_name("tieline.cef.", "Detected By"), own_name("tieline.cef.", "ad.field[0]")
    ('tieline.cef.Detected_By', 'tieline.cef.ad.field_0')
    """
    known = _own_names.get((root, key))
    if known is None:
        known = root + (_ODD.sub("_", key[:_LONGEST]).strip("._") or "_")
        if len(_own_names) < _MOST and len(key) <= _LONGEST:
            _own_names[root, key] = known
    return known


def fill(fields: Fields, pairs: Mapping[str, str], meanings: Mapping[str, Meaning], root: str) -> None:
    """ECS where a key has a place there and its value is what the key says, else the key below ``root``."""
    for key, value in pairs.items():
        meaning = meanings.get(key)
        if meaning is not None:
            found = meaning[0](value)
            if found is not None:
                if meaning[1] not in fields:
                    fields[meaning[1]] = found
                continue
        if value:
            fields[own_name(root, key)] = value


def file_hash(fields: Fields, value: str | None) -> None:
    if value and (name := _HASHES.get(len(value))) is not None and _HEX.search(value) is None:
        fields[name] = value.lower()
        fields["related.hash"] = [value.lower()]


def process(fields: Fields, *values: str | None) -> None:
    """The first that is given: a name, or the path of an executable."""
    for value in values:
        if value and value not in _NOTHING:
            if ("/" in value or "\\" in value) and " " not in value.rsplit("\\", 1)[-1].rsplit("/", 1)[-1]:
                fields["process.executable"] = value
                value = value.rsplit("\\", 1)[-1].rsplit("/", 1)[-1] or value
            fields["process.name"] = value
            return


def url(fields: Fields, value: str | None) -> None:
    if not value or value in _NOTHING:
        return
    fields["url.original"] = value
    found = _url(value) if len(value) <= 2048 else None
    if found is not None:
        fields.update(found)
    elif value[0] == "/":
        path, mark, query = value.partition("?")
        fields["url.path"] = path
        if mark and query:
            fields["url.query"] = query


@lru_cache(maxsize=4096)
def _url(value: str) -> Fields | None:
    found = _URL.match(value)
    if found is None:
        return None
    scheme, name, at, path, query = found.groups()
    fields: Fields = {"url.scheme": scheme.lower(), "url.domain": name.strip("[]")}
    for field, part in (("url.path", path), ("url.query", query)):
        if part:
            fields[field] = part
    number = port(at)
    if number is not None:
        fields["url.port"] = number
    return fields


def people(fields: Fields, acting: tuple[str | None, str | None], target: tuple[str | None, str | None]) -> None:
    """(name, domain) of who acts and whom it is done to; where only one is told, that is the user of the event."""
    named: list[tuple[str, str | None]] = []
    for prefix, (name, domain) in (("source", acting), ("destination", target)):
        if not name or name in _NOTHING:
            continue
        own, short = domain_and_name(name)
        domain = own or (domain if domain and domain not in _NOTHING else None)
        fields[f"{prefix}.user.name"] = short
        if domain is not None:
            fields[f"{prefix}.user.domain"] = domain
        named.append((short, domain))
    for field, (name, domain) in zip(("user", "user.target"), named, strict=False):
        user(fields, name, f"{field}.name")
        if domain is not None:
            fields[f"{field}.domain"] = domain


_IP_FIELDS = ("source.ip", "destination.ip", "source.nat.ip", "destination.nat.ip")
_HOST_FIELDS = ("observer.hostname", "source.domain", "destination.domain")


def related(fields: Fields) -> None:
    """``related.*``, addresses beside the ip fields, and what a connection between two addresses is."""
    found = fields.get("related.ip") or []
    for name in _IP_FIELDS:
        one = fields.get(name)
        if one is not None and one not in found:
            found.append(one)
    for one in fields.get("observer.ip", ()):
        if one not in found:
            found.append(one)
    if found:
        fields["related.ip"] = found
    hosts = fields.get("related.hosts") or []
    for name in _HOST_FIELDS:
        one = fields.get(name)
        if one is not None and one not in hosts:
            hosts.append(one)
    if hosts:
        fields["related.hosts"] = hosts
    for side in ("source", "destination"):
        one = fields.get(f"{side}.ip") or fields.get(f"{side}.domain")
        if one is not None and f"{side}.address" not in fields:
            fields[f"{side}.address"] = one


def verdict(action: str | None) -> str | None:
    """
    >>> verdict("Deny"), verdict("accept"), verdict("not blocked"), verdict("Log"), verdict(None)
    ('denied', 'allowed', None, None, None)
    """
    if not action or len(action) > 64:
        return None
    return _verdict(action)


@lru_cache(maxsize=1024)
def _verdict(action: str) -> str | None:
    denied, allowed = _DENIED.search(action) is not None, _ALLOWED.search(action) is not None
    if denied == allowed or _NOT.search(action) is not None:
        return None
    return "denied" if denied else "allowed"


def connection(fields: Fields, action: str | None) -> None:
    """A record that names both ends and how they talk is one of network traffic."""
    if "event.category" in fields or "source.ip" not in fields or "destination.ip" not in fields:
        return
    if "network.transport" in fields or "destination.port" in fields:
        said = verdict(action)
        fields["event.category"] = ["network"]
        fields["event.type"] = ["connection"] if said is None else ["connection", said]


def moments(
    fields: Fields, pairs: Mapping[str, str], names: Mapping[str, str], received: int, zone: tzinfo | None
) -> None:
    """Times beside the event's own, as ECS writes dates."""
    for key, field in names.items():
        value = pairs.get(key)
        if value:
            when = written(value, received, zone)
            if when is not None:
                fields[field] = rfc3339(when)
