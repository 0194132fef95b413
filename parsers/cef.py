"""ArcSight Common Event Format: an envelope of many products, with or without a syslog header before it.

::

    <134>Jan  2 03:04:05 fw-1 CEF:0|Example|Gate|7.1|100|Connection denied|5|rt=1767323045006 act=Deny proto=TCP src=198.51.100.9 spt=40022 dst=192.0.2.7 dpt=502
    CEF:0|Example|Directory|2.0|4625|Logon failed|Very-High|rt=Jan 02 2026 03:04:05.006 UTC suser=CORP\\\\m.keller cs1=Wrong password cs1Label=Reason msg=path\\=x

A format inside it is chosen by ``programs=("vendor|product",)`` (lower case, as the header has them) or by ``shape`` over the
extension's keys as they were sent, beside ``deviceVendor``, ``deviceProduct``, ``deviceVersion``, ``deviceEventClassId``, ``name`` and
``severity``. What ECS has no place for is ``tieline.cef.<key>``, custom fields under their label.
"""  # noqa: E501  (records as they are sent)

import re

from engine.model import Fields, Frame, LogFormat, LogSource, Opened, ParseError
from engine.model.routes import ecs_event
from parsers._grammar import extensions as ext
from parsers._grammar.addresses import port
from parsers._grammar.announced import announced
from parsers._grammar.syslog import header

_ROOT = "tieline.cef."
_MARK = re.compile(rb"(?:^|[\s:>\]|\x00]|\xbf)(CEF: ?\d{1,2}(?:\.\d{1,2})?\|)")
# A relay that reads "CEF" as a program's name leaves the version to begin the message.
_BARE = re.compile(
    rb"[01]\|[^|\r\n]{1,64}\|[^|\r\n]{1,64}\|[^|\r\n]{0,64}\|[^|\r\n]{0,256}\|[^|\r\n]{0,256}\|"
    rb"(?:\d{1,2}|Unknown|Low|Medium|High|Very-High)\| ?\w"
)
_TAG = re.compile(rb" CEF(?::| -){0,1} (?:- ){0,2}(?=[01]\|)")
_VERSION = re.compile(r"CEF: ?\d{1,2}(?:\.\d{1,2})?\|")
_SHIFTED = re.compile(r"(?:\d{1,2}|Unknown|Low|Medium|High|Very-High)\| ?\w")
_PART = re.compile(r"((?:[^|\\]|\\.)*+)(?:\||$)", re.DOTALL)
_KEY = re.compile(r"\s([A-Za-z0-9_][^\s=\\|\"]{0,127})=")
_ESCAPED = re.compile(r"\\([\\=|nrt])")
_PLAIN = {"n": "\n", "r": "\r", "t": "\t"}
_SEVERITIES = {"low": 0, "medium": 4, "high": 7, "very-high": 9, "very high": 9}  # the least of each grade
_HEADER = ("deviceVendor", "deviceProduct", "deviceVersion", "deviceEventClassId", "name", "severity")
_MOST_KEYS = 512

# The guide's key names and full names (ArcSight CEF implementation standard, version 26: dictionary of extensions).
_FULL = {
    "sourceAddress": "src", "destinationAddress": "dst", "sourcePort": "spt", "destinationPort": "dpt",
    "sourceHostName": "shost", "destinationHostName": "dhost", "sourceMacAddress": "smac",
    "destinationMacAddress": "dmac", "sourceUserName": "suser", "destinationUserName": "duser", "sourceUserId": "suid",
    "destinationUserId": "duid", "sourceNtDomain": "sntdom", "destinationNtDomain": "dntdom", "sourceProcessId": "spid",
    "destinationProcessId": "dpid", "sourceProcessName": "sproc", "destinationProcessName": "dproc",
    "sourceUserPrivileges": "spriv", "destinationUserPrivileges": "dpriv", "deviceAction": "act",
    "deviceAddress": "dvc", "deviceHostName": "dvchost", "deviceMacAddress": "dvcmac", "deviceProcessId": "dvcpid",
    "deviceReceiptTime": "rt", "deviceTimeZone": "dtz", "deviceEventCategory": "cat", "eventOutcome": "outcome",
    "applicationProtocol": "app", "transportProtocol": "proto", "bytesIn": "in", "bytesOut": "out",
    "baseEventCount": "cnt", "fileName": "fname", "filename": "fname", "fileSize": "fsize", "requestURL": "request",
    "requestUrl": "request", "requestCookie": "requestCookies", "startTime": "start", "endTime": "end",
    "message": "msg", "Reason": "reason", "agentAddress": "agt", "agentHostName": "ahost", "agentReceiptTime": "art",
    "sourceGeoLatitude": "slat", "sourceGeoLongitude": "slong", "destinationGeoLatitude": "dlat",
    "destinationGeoLongitude": "dlong", "DeviceInboundInterface": "deviceInboundInterface",
    "DeviceOutboundInterface": "deviceOutboundInterface", "sourceServiceName": "sourceServiceName",
}  # fmt: skip
_LONG = frozenset(_FULL)

_MEANINGS: dict[str, ext.Meaning] = {
    "src": (ext.address, "source.ip"),
    "dst": (ext.address, "destination.ip"),
    "spt": (port, "source.port"),
    "dpt": (port, "destination.port"),
    "shost": (ext.host, "source.domain"),
    "dhost": (ext.host, "destination.domain"),
    "sourceDnsDomain": (ext.host, "source.registered_domain"),
    "destinationDnsDomain": (ext.host, "destination.registered_domain"),
    "smac": (ext.link_address, "source.mac"),
    "dmac": (ext.link_address, "destination.mac"),
    "sourceTranslatedAddress": (ext.translated, "source.nat.ip"),
    "sourceTranslatedPort": (ext.translated_port, "source.nat.port"),
    "destinationTranslatedAddress": (ext.translated, "destination.nat.ip"),
    "destinationTranslatedPort": (ext.translated_port, "destination.nat.port"),
    "in": (ext.number, "source.bytes"),
    "out": (ext.number, "destination.bytes"),
    "suid": (ext.text, "source.user.id"),
    "duid": (ext.text, "destination.user.id"),
    "spriv": (ext.text, "source.user.group.name"),
    "dpriv": (ext.text, "destination.user.group.name"),
    "proto": (ext.transport, "network.transport"),
    "app": (ext.protocol, "network.protocol"),
    "deviceDirection": (ext.direction, "network.direction"),
    "act": (ext.text, "event.action"),
    "outcome": (ext.outcome, "event.outcome"),
    "categoryOutcome": (ext.outcome, "event.outcome"),
    "reason": (ext.text, "event.reason"),
    "dtz": (ext.text, "event.timezone"),
    "dvc": (ext.addresses, "observer.ip"),
    "dvchost": (ext.host, "observer.hostname"),
    "dvcmac": (ext.link_addresses, "observer.mac"),
    "dvcpid": (ext.number, "process.pid"),
    "deviceInboundInterface": (ext.text, "observer.ingress.interface.name"),
    "deviceOutboundInterface": (ext.text, "observer.egress.interface.name"),
    "destinationServiceName": (ext.text, "service.name"),
    "customerExternalID": (ext.text, "organization.id"),
    "customerURI": (ext.text, "organization.name"),
    "fname": (ext.text, "file.name"),
    "filePath": (ext.text, "file.path"),
    "fsize": (ext.number, "file.size"),
    "fileType": (ext.text, "file.type"),
    "fileId": (ext.text, "file.inode"),
    "requestMethod": (ext.text, "http.request.method"),
    "requestClientApplication": (ext.text, "user_agent.original"),
}
_MOMENTS = {
    "start": "event.start", "end": "event.end", "fileCreateTime": "file.created", "fileModificationTime": "file.mtime"
}  # fmt: skip
_ELSEWHERE = frozenset((*_MOMENTS, *_HEADER, "rt", "msg", "suser", "duser", "sntdom", "dntdom", "request", "fileHash"))
_LABELLED = {f"{base}Label": base for base in (
    *(f"cs{n}" for n in range(1, 7)), *(f"cn{n}" for n in range(1, 4)), *(f"cfp{n}" for n in range(1, 5)),
    *(f"c6a{n}" for n in range(1, 5)), "flexString1", "flexString2", "flexNumber1", "flexNumber2", "flexDate1",
    "deviceCustomDate1", "deviceCustomDate2", *(f"deviceCustomString{n}" for n in range(1, 7)),
    *(f"deviceCustomNumber{n}" for n in range(1, 4)), *(f"deviceCustomFloatingPoint{n}" for n in range(1, 5)),
    *(f"deviceCustomIPv6Address{n}" for n in range(1, 5)),
)} | {"C6a4Label": "c6a4"}  # fmt: skip
_IPV6 = {"c6a2": ("source.ip", "source"), "c6a3": ("destination.ip", "destination")}


def _opens(frame: Frame) -> Opened | None:
    found = announced(frame, b"CEF:", _MARK)
    if found is None:
        found = _bare(frame)
        if found is None:
            return None
    fields, text = found
    parts = _header(text)
    if parts is None:
        return None
    pairs = _pairs(parts[6])
    _fill(fields, parts, pairs, frame)
    flat: Fields = dict(zip(_HEADER, parts, strict=False))
    flat.update(pairs)
    return Opened(fields, fields["message"], f"{parts[0]}|{parts[1]}".lower(), flat)


def _bare(frame: Frame) -> tuple[Fields, str] | None:
    payload = frame.payload
    if payload[1:2] == b"|":
        return ({}, "CEF:" + payload.decode("utf-8", "backslashreplace")) if _BARE.match(payload) is not None else None
    tag = _TAG.search(payload, 0, 512) if frame.opened is None and payload.find(b"CEF", 0, 512) >= 0 else None
    if tag is None or _BARE.match(payload, tag.end()) is None:
        return None
    opened = header(payload[: tag.end()].decode("utf-8", "backslashreplace"), frame.received, frame.zone, lenient=True)
    if opened is None or opened.program != "cef":
        return None
    fields = opened.fields
    del fields["process.name"], fields["log.syslog.appname"]
    return fields, "CEF:" + payload[tag.end() :].decode("utf-8", "backslashreplace")


def _header(text: str) -> list[str] | None:
    """The six parts of the header, and the extension; a severity that is missing is empty.

    >>> _header(r"CEF:0|a\\|b|c|1|2|n=x|5|k=v|w")
    ['a|b', 'c', '1', '2', 'n=x', '5', 'k=v|w']
    >>> _header("CEF:0|a|b|1|2|name|src=192.0.2.1"), _header("CEF:0|a|b")
    (['a', 'b', '1', '2', 'name', '', 'src=192.0.2.1'], None)
    """
    found = _VERSION.match(text)
    if found is None:
        return None
    parts: list[str] = []
    at = found.end()
    if "\\" not in text[at : at + 512]:
        parts = text[at:].split("|", 6)
        at = len(text)
    while len(parts) < 6 and at < len(text):
        part = _PART.match(text, at)
        if part is None:
            break
        parts.append(_ESCAPED.sub(r"\1", part[1]) if "\\" in part[1] else part[1])
        at = part.end()
    if len(parts) == 6:
        parts.append(text[at:])
    if len(parts) < 5:
        return None
    if len(parts) < 7:
        parts += [""] * (7 - len(parts))
    if not parts[0] and _SHIFTED.match(parts[6]) is not None:  # "CEF:0||vendor|product|…": a part too many
        severity, _, rest = parts[6].partition("|")
        parts = [*parts[1:6], severity, rest]
    if parts[6] == "" and _KEY.match(" " + parts[5].lstrip()) is not None:
        parts[5], parts[6] = "", parts[5]
    return [part.strip() for part in parts]


def _pairs(extension: str) -> dict[str, str]:
    r"""Keys and values; a value goes on to the blank before the next key, and the first of two equal keys holds.

    >>> _pairs(r"msg=a b\=c d request=http://h/?x=1 y cs1= cs1Label=L\\M")
    {'msg': 'a b=c d', 'request': 'http://h/?x=1 y', 'cs1': '', 'cs1Label': 'L\\M'}
    """
    parts = _KEY.split(" " + extension, _MOST_KEYS)
    pairs: dict[str, str] = {}
    for key, value in zip(parts[1::2], parts[2::2], strict=True):
        if key not in pairs:
            pairs[key] = _value(value)
    return pairs


def _value(raw: str) -> str:
    raw = raw.strip()
    return _ESCAPED.sub(lambda found: _PLAIN.get(found[1], found[1]), raw) if "\\" in raw else raw


def _fill(fields: Fields, parts: list[str], pairs: dict[str, str], frame: Frame) -> None:
    vendor, product, version, code, name, severity, _ = parts
    for field, value in (
        ("observer.vendor", vendor),
        ("observer.product", product),
        ("observer.version", version),
        ("event.code", code),
        (_ROOT + "name", name),
    ):
        if value:
            fields[field] = value
    grade = int(severity) if severity.isdigit() and len(severity) < 4 else _SEVERITIES.get(severity.lower())
    if grade is not None:
        fields["event.severity"] = grade
    short = {_FULL.get(key, key): value for key, value in pairs.items()} if not _LONG.isdisjoint(pairs) else pairs
    get = short.get
    zone = ext.of_zone(get("dtz"), frame.zone)
    _time(fields, short, frame, zone)
    rest = {key: value for key, value in short.items() if key not in _ELSEWHERE}
    _labels(fields, rest)
    ext.fill(fields, rest, _MEANINGS, _ROOT)
    ext.moments(fields, short, _MOMENTS, frame.received, zone)
    for key, side in (("shost", "source"), ("dhost", "destination"), ("dvchost", "observer")):
        found = ext.address(get(key, ""))
        if found is not None:
            fields.setdefault(f"{side}.ip", [found] if side == "observer" else found)
    observer = ext.host(get("dvc", ""))
    if observer is not None:
        fields.setdefault("observer.hostname", observer)
    ext.people(fields, (get("suser"), get("sntdom")), (get("duser"), get("dntdom")))
    ext.process(fields, get("deviceProcessName"), get("sproc"), get("dproc"))
    if "process.pid" not in fields:
        pid = ext.number(get("spid", "") if get("sproc") else get("dpid", ""))
        if pid is not None:
            fields["process.pid"] = pid
    ext.url(fields, get("request"))
    context = get("requestContext", "")
    if context[:4] == "http":
        fields["http.request.referrer"] = context
    ext.file_hash(fields, get("fileHash"))
    ext.related(fields)
    ext.connection(fields, get("act"))
    fields["message"] = get("msg") or name or code


def _time(fields: Fields, pairs: dict[str, str], frame: Frame, zone: object) -> None:
    """When the device saw it; else the header's time; else when it ended, began, or reached the agent."""
    keys = ("rt",) if "@timestamp" in fields else ("rt", "end", "start", "art")
    for key in keys:
        value = pairs.get(key)
        if value:
            when = ext.written(value, frame.received, zone)  # type: ignore[arg-type]
            if when is not None:
                fields["@timestamp"] = when
                return


def _labels(fields: Fields, pairs: dict[str, str]) -> None:
    """Custom fields under the name that the sender gives them."""
    for key in [key for key in pairs if key in _LABELLED]:
        label, base = pairs.pop(key).strip(), _LABELLED[key]
        value = pairs.pop(base, "")
        if not value:
            continue
        mapped = _IPV6.get(base)
        found = ext.address(value) if mapped is not None and mapped[1] in label.lower() else None
        if mapped is not None and found is not None:
            pairs.setdefault({"source": "src", "destination": "dst"}[mapped[1]], found)
            continue
        fields.setdefault(ext.own_name(_ROOT, label or base), value)


def parse(frame: Frame) -> Fields:
    if frame.opened is not None:
        return {}  # all that the keys say is there already
    opened = _opens(frame)
    if opened is None:
        raise ParseError("cef: no CEF:version|vendor|product|version|id|name|severity| in this record")
    return opened.fields


FORMAT = LogFormat(
    id="cef",
    vendor="ArcSight",
    product="Common Event Format",
    logsource=LogSource(),
    spec="https://www.microfocus.com/documentation/arcsight/arcsight-smartconnectors-8.4/pdfdoc/cef-implementation-standard/cef-implementation-standard.pdf",
    parse=parse,
    opens=_opens,
    fingerprint=lambda head: (
        (b"CEF:" in head and _MARK.search(head[:512]) is not None)
        or (head[1:2] == b"|" and _BARE.match(head) is not None)
    ),
    needs=(b"CEF:", b"0|", b"1|"),
    route=ecs_event,
)
