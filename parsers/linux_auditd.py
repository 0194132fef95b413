"""Linux's audit trail: auditd's own file (RAW and ENRICHED), audisp-syslog, and what the kernel logs without auditd.

::

    type=USER_LOGIN msg=audit(1767323045.006:421): pid=812 uid=0 auid=1000 ses=3 msg='op=login acct="m.keller" exe="/usr/sbin/sshd" hostname=? addr=192.0.2.7 terminal=ssh res=success'
    node=hist-1 type=EXECVE msg=audit(1767323045.006:422): argc=2 a0="cat" a1=2F746D702F612062
    Jan  2 03:04:05 hist-1 kernel: audit: type=1400 audit(1767323045.006:423): apparmor="DENIED" operation="open" profile="x" pid=7 comm="x"

The records of one serial are one event (``Joined``). Names of fields that ECS lacks are audit's own, below ``tieline.auditd.``.
"""  # noqa: E501  (records as they are sent)

import re
from functools import lru_cache

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from engine.model.times import from_iso
from parsers._grammar import audit_meaning
from parsers._grammar.audit_joined import Joined
from parsers._grammar.audit_records import MEANINGS, Meaning, is_type, type_name
from parsers._grammar.audit_values import pairs
from parsers._grammar.people import hosts

_HEAD = re.compile(
    r"(?:node=(\S+) )?(?:type=(\S+) )?(?:msg=)?audit\("
    r"(?:(\d{1,10})|(\d{1,2})/(\d{1,2})/(\d{2,4}) (\d\d:\d\d:\d\d))\.(\d{3}):(\d{1,18})\) ?:? ?"
)
_WITHIN = 512  # a head stands near the start; before it a kernel writes its clock
_JOURNAL = re.compile(r"([A-Z][A-Z0-9_]{2,40}|UNKNOWN\[\d{4}\])(?: |$)")
_AVC = re.compile(r"(?:pid=\S+ uid=\S+ .*?msg=')?avc:\s+(denied|granted)\s+\{ ([^}]{1,400}?) ?\} for")
_OPERATION = re.compile(r"(?:^|[ '])op=([^='\"]{1,256}?)(?: [\w\-]+=|$)")
_LOGIN = re.compile(r"old auid=(\d+) new auid=(\d+) old ses=(\d+) new ses=(\d+)")


def parse(frame: Frame) -> Fields:
    text = frame.text
    found = _HEAD.search(text, 0, _WITHIN)
    fields: Fields
    if found is None:
        named = _JOURNAL.match(text) if frame.opened is not None else None
        if named is None or not is_type(type_name(named[1])):
            raise ParseError("linux_auditd: no audit(time:serial)")
        node, kind, end = None, named[1], named.end()
        fields = {}
    else:
        node, kind, seconds, month, day, year, clock, fraction, serial = found.groups()
        end = found.end()
        fields = {"event.sequence": int(serial)}
        if seconds is not None:
            fields["@timestamp"] = int(seconds) * 1_000_000_000 + int(fraction) * 1_000_000
        else:
            when = _interpreted(month, day, year, clock, fraction, frame)
            if when is not None:
                fields["@timestamp"] = when
    name = type_name(kind) if kind is not None else _untold(text, end)
    fields["event.code"] = fields["tieline.auditd.type"] = name
    action, category, types = MEANINGS.get(name) or _plain(name)
    fields["event.action"] = action
    if category:
        fields["event.category"] = list(category)
        fields["event.type"] = list(types)
    if node is not None:
        fields["host.name"] = fields["host.hostname"] = node
        hosts(fields, frame, node)
    audit_meaning.fill(fields, name, _values(fields, text, end, name))
    return fields


def _interpreted(month: str, day: str, year: str, clock: str, fraction: str, frame: Frame) -> int | None:
    """``ausearch -i`` writes the date as the locale of its caller has it, as a rule the American one."""
    if int(month) > 12:
        month, day = day, month
    year = year if len(year) == 4 else f"20{year}"
    return from_iso(f"{year}-{int(month):02d}-{int(day):02d}T{clock}.{fraction}", frame.zone)


def _untold(text: str, end: int) -> str:
    """A kernel before 2.6.30 leaves out the type."""
    return "AVC" if text.startswith(("avc:", "apparmor="), end) else "KERNEL"


@lru_cache(maxsize=256)
def _plain(name: str) -> Meaning:
    return Meaning(name.lower()[:64])


def _values(fields: Fields, text: str, start: int, name: str) -> dict[str, str]:
    """The pairs of the kernel above those of the message inside, and above those that auditd has added."""
    enriched = text.find("\x1d", start)
    body = text[start:] if enriched < 0 else text[start:enriched]
    at = body.find(" msg='")
    if at < 0 and body.startswith("msg='"):
        at = 0
    argument = name == "EXECVE"
    if at >= 0:
        close = body.rfind("'")
        inner = body[at + 5 : close if close > at + 6 else len(body)].lstrip("' ")
        log = {**pairs(inner), **pairs(body[:at])}
        operation = _OPERATION.search(inner)
        if operation is not None:
            log["op"] = operation[1]
    else:
        log = pairs(body, argument)
    if enriched >= 0:
        for key, value in pairs(text[enriched + 1 :]).items():
            log.setdefault(key, value)
    if name in ("AVC", "USER_AVC"):
        _avc(fields, body, log)
    elif name == "LOGIN" and (found := _LOGIN.search(body)) is not None:
        log["old-auid"], log["auid"], log["old-ses"], log["ses"] = found.groups()
    return log


def _avc(fields: Fields, body: str, log: dict[str, str]) -> None:
    found = _AVC.search(body, 0, 2048)
    if found is not None:
        verdict, permissions = found.groups()
        log["seresult"], log["seperms"] = verdict, permissions
        log.setdefault("permissions", permissions)
        fields["event.action"] = f"selinux-{verdict}"
        if log.get("permissive") != "1":  # permissive: noted and let through
            fields["event.outcome"] = "failure" if verdict == "denied" else "success"
    elif "apparmor" in log:
        verdict = log["apparmor"].lower()
        fields["event.action"] = f"apparmor-{verdict}"
        if verdict == "denied":
            fields["event.outcome"] = "failure"
        elif verdict == "allowed":
            fields["event.outcome"] = "success"


_LOGSOURCE = LogSource(product="linux", service="auditd")
_ROUTES = {
    category: LogSource(product="linux", category=category, service="auditd")
    for category in ("authentication", "process_creation", "network_connection", "file_event", "file_delete")
}


def route(fields: Fields) -> LogSource:
    """
    >>> route({"event.category": ["process"], "event.type": ["start"], "event.action": "executed"}).category
    'process_creation'
    """
    if "authentication" in fields.get("event.category", ()):
        return _ROUTES["authentication"]
    action = fields.get("event.action")
    if action == "executed":
        return _ROUTES["process_creation"] if fields.get("event.outcome") != "failure" else _LOGSOURCE
    if action == "connected-to":
        return _ROUTES["network_connection"] if "destination.ip" in fields else _LOGSOURCE
    kinds = fields.get("tieline.auditd.nametype", ())
    if "CREATE" in kinds:
        return _ROUTES["file_event"]
    return _ROUTES["file_delete"] if "DELETE" in kinds and action == "deleted" else _LOGSOURCE


_MARK = re.compile(rb"audit\((?:\d{1,10}|[\d/]{6,10} \d\d:\d\d:\d\d)\.\d{3}:\d{1,18}\)")


def _fingerprint(head: bytes) -> bool:
    found = _MARK.search(head, 0, _WITHIN)
    return found is not None and (b"type=" in head[: found.start()] or b"avc:" in head)


FORMAT = LogFormat(
    id="linux_auditd",
    vendor="Linux",
    product="auditd",
    logsource=_LOGSOURCE,
    spec="https://github.com/linux-audit/audit-documentation https://man7.org/linux/man-pages/man8/auditd.8.html",
    parse=parse,
    joins=Joined,
    inside="syslog",
    programs=("audispd", "audisp-syslog", "audit", "tag_audit_log"),
    fingerprint=_fingerprint,
    needs=(b"audit(",),
    route=route,
)
