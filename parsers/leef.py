"""IBM QRadar Log Event Extended Format, 1.0 and 2.0: an envelope of many products, with or without a syslog header.

::

    <13>Jan  2 03:04:05 gw-1 LEEF:1.0|Example|Gate|7.1|deny|src=198.51.100.9	dst=192.0.2.7	srcPort=40022	dstPort=502	proto=TCP
    LEEF:2.0|Example|Directory|2.0|logon|^|devTime=2026-01-02 03:04:05^devTimeFormat=yyyy-MM-dd HH:mm:ss^usrName=CORP\\m.keller

A format inside it is chosen by ``programs=("vendor|product",)`` (lower case, as the header has them) or by ``shape`` over the
attributes as they were sent, beside ``vendor``, ``product``, ``version`` and ``EventID`` of the header. What ECS has no place for is
``tieline.leef.<key>``.
"""  # noqa: E501  (records as they are sent)

import re
from datetime import tzinfo

from engine.model import Fields, Frame, LogFormat, LogSource, Opened, ParseError
from engine.model.routes import ecs_event
from engine.model.time_patterns import PatternError, reader
from parsers._grammar import extensions as ext
from parsers._grammar.addresses import port
from parsers._grammar.announced import announced

_ROOT = "tieline.leef."
_MARK = re.compile(rb"(?:^|[\s:>\]|\x00]|\xbf)(LEEF: ?[12](?:\.\d{1,2})?\|)")
_VERSION = re.compile(r"LEEF: ?([12])(?:\.\d{1,2})?\|")
_HEX = re.compile(r"(?:0x|\\x|x)([0-9A-Fa-f]{1,4})")
_KEY = re.compile(r"(?:^|(?<=\s))([A-Za-z_][\w.\-]{0,63})=")
_ESCAPES = (("#011", "\t"), ("\\t", "\t"))
_HEADER = ("vendor", "product", "version", "EventID")
_MOST_KEYS = 512

# Keys of QRadar's guide (predefined LEEF event attributes), and the few of ArcSight's that senders mix in.
_MEANINGS: dict[str, ext.Meaning] = {
    "srcPort": (port, "source.port"),
    "dstPort": (port, "destination.port"),
    "srcMAC": (ext.link_address, "source.mac"),
    "dstMAC": (ext.link_address, "destination.mac"),
    "srcPostNAT": (ext.translated, "source.nat.ip"),
    "dstPostNAT": (ext.translated, "destination.nat.ip"),
    "srcPostNATPort": (ext.translated_port, "source.nat.port"),
    "dstPostNATPort": (ext.translated_port, "destination.nat.port"),
    "srcBytes": (ext.number, "source.bytes"),
    "dstBytes": (ext.number, "destination.bytes"),
    "totalBytes": (ext.number, "network.bytes"),
    "srcPackets": (ext.number, "source.packets"),
    "dstPackets": (ext.number, "destination.packets"),
    "totalPackets": (ext.number, "network.packets"),
    "proto": (ext.transport, "network.transport"),
    "sev": (ext.number, "event.severity"),
    "policy": (ext.text, "rule.name"),
    "action": (ext.text, "event.action"),
    "act": (ext.text, "event.action"),
    "reason": (ext.text, "event.reason"),
    "outcome": (ext.outcome, "event.outcome"),
    "shost": (ext.host, "source.domain"),
    "dhost": (ext.host, "destination.domain"),
    "srcHostName": (ext.host, "source.domain"),
    "dstHostName": (ext.host, "destination.domain"),
    "dvchost": (ext.host, "observer.hostname"),
    "dvc": (ext.addresses, "observer.ip"),
    "identHostName": (ext.host, "source.domain"),
    "spt": (port, "source.port"),
    "dpt": (port, "destination.port"),
    "fname": (ext.text, "file.name"),
    "fileName": (ext.text, "file.name"),
    "filePath": (ext.text, "file.path"),
    "requestMethod": (ext.text, "http.request.method"),
}
_ELSEWHERE = frozenset(
    ("src", "dst", "srcPreNAT", "dstPreNAT", "srcPreNATPort", "dstPreNATPort", "devTime", "devTimeFormat", "usrName",
     "domain", "accountName", "suser", "duser", "role", "url", "request", "isLoginEvent", "isLogoutEvent", "msg",
     "fileHash", "identSrc", "identMAC")
)  # fmt: skip
_WORDS = {"success": "success", "successful": "success", "failed": "failure", "failure": "failure", "fail": "failure"}


def _opens(frame: Frame) -> Opened | None:
    found = announced(frame, b"LEEF:", _MARK)
    if found is None:
        return None
    fields, text = found
    parts = _header(text)
    if parts is None:
        return None
    head, delimiter, attributes = parts
    pairs = _pairs(attributes, delimiter)
    _fill(fields, head, pairs, frame)
    flat: Fields = dict(zip(_HEADER, head, strict=True))
    flat.update(pairs)
    return Opened(fields, fields["message"], f"{head[0]}|{head[1]}".lower(), flat)


def _header(text: str) -> tuple[list[str], str, str] | None:
    r"""Vendor, product, version, event id; the delimiter; the attributes.

    >>> _header("LEEF:2.0|a|b|1|9|^|k=v^l=w"), _header("LEEF:2.0|a|b|1|9|x5E|k=v"), _header("LEEF:1.0|a|b|1|9|k=v|w")
    ((['a', 'b', '1', '9'], '^', 'k=v^l=w'), (['a', 'b', '1', '9'], '^', 'k=v'), (['a', 'b', '1', '9'], '\t', 'k=v|w'))
    >>> _header("LEEF:2.0|a|b|1|9|k=v\tl=w|x"), _header("LEEF:1.0|a")
    ((['a', 'b', '1', '9'], '\t', 'k=v\tl=w|x'), None)
    """
    found = _VERSION.match(text)
    if found is None:
        return None
    parts = text[found.end() :].split("|", 4)
    if len(parts) < 4:
        return None
    head, rest = [part.strip() for part in parts[:4]], parts[4] if len(parts) > 4 else ""
    delimiter = "\t"
    first, bar, behind = rest.partition("|")
    if bar and len(first) <= 6 and "=" not in first[1:]:
        said = _delimiter(first)
        if said is not None:
            delimiter, rest = said, behind
    return head, delimiter, rest


def _delimiter(field: str) -> str | None:
    """One character, or its code in hexadecimal; an empty field is the tab that 1.0 knows. None: it is none."""
    if not field.strip(" ") or field == "\\t":
        return "\t"
    found = _HEX.fullmatch(field.strip())
    if found is not None:
        return chr(int(found[1], 16)) if int(found[1], 16) < 0xD800 else None
    return field.strip(" ") if len(field.strip(" ")) == 1 else None


def _pairs(attributes: str, delimiter: str) -> dict[str, str]:
    r"""
    >>> _pairs("src=192.0.2.1\tmsg=a=b c\tusrName=", "\t"), _pairs("src=192.0.2.1#011sev=3", "\t")
    ({'src': '192.0.2.1', 'msg': 'a=b c', 'usrName': ''}, {'src': '192.0.2.1', 'sev': '3'})
    >>> _pairs("src=192.0.2.1 dst=192.0.2.2 msg=a relay made blanks of tabs", "\t")["msg"]
    'a relay made blanks of tabs'
    """
    if delimiter == "\t" and "\t" not in attributes:
        for written, meant in _ESCAPES:  # as relays escape control characters
            if written in attributes and len(attributes.split(written, 2)[1].split("=", 1)) > 1:
                attributes = attributes.replace(written, meant)
                break
        else:
            return _blank_pairs(attributes)
    pairs: dict[str, str] = {}
    last = ""
    for part in attributes.split(delimiter, _MOST_KEYS):
        key, equals, value = part.partition("=")
        key = key.strip()
        if equals and key and len(key) <= 128 and " " not in key:
            if key not in pairs:
                pairs[key] = value.strip()
            last = key
        elif last and part.strip():  # the delimiter inside a value
            pairs[last] += delimiter + part.rstrip()
    return pairs


def _blank_pairs(attributes: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    key, start = "", 0
    for found in _KEY.finditer(attributes):
        if key and key not in pairs:
            pairs[key] = attributes[start : found.start()].strip()
            if len(pairs) >= _MOST_KEYS:
                return pairs
        key, start = found[1], found.end()
    if key and key not in pairs:
        pairs[key] = attributes[start:].strip()
    return pairs


def _fill(fields: Fields, head: list[str], pairs: dict[str, str], frame: Frame) -> None:
    for field, value in zip(
        ("observer.vendor", "observer.product", "observer.version", "event.code"), head, strict=True
    ):
        if value:
            fields[field] = value
    get = pairs.get
    when = _time(get("devTime"), get("devTimeFormat"), frame.received, frame.zone)
    if when is not None:
        fields["@timestamp"] = when
    # src is the address after translation where the sender names the one before it
    before = ext.address(get("srcPreNAT", ""))
    source, destination = before or ext.address(get("src", "")), ext.address(get("dstPreNAT", ""))
    destination = destination or ext.address(get("dst", ""))
    if source is not None:
        fields["source.ip"] = source
    elif ext.host(get("src", "")) is not None:
        fields["source.domain"] = get("src")
    if destination is not None:
        fields["destination.ip"] = destination
    elif ext.host(get("dst", "")) is not None:
        fields["destination.domain"] = get("dst")
    for key, field in (("srcPreNATPort", "source.port"), ("dstPreNATPort", "destination.port")):
        number = port(get(key))
        if number:
            fields[field] = number
    ext.fill(fields, {key: value for key, value in pairs.items() if key not in _ELSEWHERE}, _MEANINGS, _ROOT)
    identity = ext.address(get("identSrc", ""))
    if identity is not None:
        fields.setdefault("source.ip", identity)
    link = ext.link_address(get("identMAC", ""))
    if link is not None:
        fields.setdefault("source.mac", link)
    for side in ("source.ip", "destination.ip"):
        if ext.translated(fields.get(side, "")) is None:  # QRadar's senders write 0.0.0.0 for what they do not know
            fields.pop(side, None)
    ext.people(fields, (get("usrName") or get("suser") or get("accountName"), get("domain")), (get("duser"), None))
    role = get("role")
    if role:
        fields["user.roles"] = [role]
    ext.url(fields, get("url") or get("request"))
    ext.file_hash(fields, get("fileHash"))
    _login(fields, pairs)
    ext.related(fields)
    ext.connection(fields, get("action") or get("act"))
    fields["message"] = get("msg") or (f"{head[3]}: {pairs['cat']}" if get("cat") else head[3]) or head[1]


def _time(value: str | None, pattern: str | None, received: int, zone: tzinfo | None) -> int | None:
    """
    >>> _time("02/01/2026 03:04:05", "dd/MM/yyyy HH:mm:ss", 0, None), _time("1767323045000", None, 0, None)
    (1767323045000000000, 1767323045000000000)
    """
    if not value:
        return None
    if pattern:
        try:
            when = reader(pattern)(value, received, zone)
        except PatternError:
            when = None
        if when is not None:
            return when
    return ext.written(value, received, zone)


def _login(fields: Fields, pairs: dict[str, str]) -> None:
    """What QRadar is told to take for a login. That it succeeded is only said by words beside it."""
    for key, kind, action in (("isLoginEvent", "start", "logged-in"), ("isLogoutEvent", "end", "logged-out")):
        if pairs.get(key, "").lower() == "true":
            fields["event.category"] = ["authentication"]
            fields["event.type"] = [kind]
            fields.setdefault("event.action", action)
            fields.setdefault("event.outcome", _WORDS.get(pairs.get("cat", "").lower(), "unknown"))
            return


def parse(frame: Frame) -> Fields:
    if frame.opened is not None:
        return {}  # all that the keys say is there already
    opened = _opens(frame)
    if opened is None:
        raise ParseError("leef: no LEEF:version|vendor|product|version|id| in this record")
    return opened.fields


FORMAT = LogFormat(
    id="leef",
    vendor="IBM",
    product="QRadar LEEF",
    logsource=LogSource(),
    spec="https://www.ibm.com/docs/en/dsm?topic=leef-overview",
    parse=parse,
    opens=_opens,
    fingerprint=lambda head: b"LEEF:" in head and _MARK.search(head[:512]) is not None,
    needs=(b"LEEF:",),
    route=ecs_event,
)
