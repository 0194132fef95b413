"""Windows events as Snare writes them, behind a syslog header or alone: columns between tabs, then the event's text.

NXLog (``to_syslog_snare``) and others write the same. rsyslog makes ``#011`` of a tab::

    <14>Jan  2 03:04:05 dc-1 MSWinEventLog	1	Security	17	Fri Jan 02 03:04:05 2026	4625	Microsoft-Windows-Security-Auditing	N/A	N/A	Failure Audit	dc-1.plant.example	Logon		An account failed to log on.    Subject:   Security ID:  S-1-0-0   Account Name:  -    Logon Type:  3    Account For Which Logon Failed:   Security ID:  S-1-0-0   Account Name:  m.keller   Account Domain:  PLANT    Network Information:   Workstation Name: JUMP-1   Source Network Address: 10.8.0.6   Source Port:  51234	42
"""  # noqa: E501  (records as they are sent)

import re

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from engine.model.routes import windows_service
from parsers._grammar import clock
from parsers._grammar.windows_event import additions, route
from parsers._grammar.windows_text import values
from parsers._grammar.windows_values import said

_ID = "microsoft_windows_snare"
_MARK = "MSWinEventLog"
_STAMP = re.compile(r"[A-Z][a-z]{2} ([A-Z][a-z]{2} +\d{1,2} \d\d:\d\d:\d\d) (\d{4})")
_OUTCOMES = {"success audit": "AUDIT_SUCCESS", "failure audit": "AUDIT_FAILURE"}
_LEAST, _LONGEST = 11, 65_536


def parse(frame: Frame) -> Fields:
    text = frame.text[:_LONGEST]
    at = text.find(_MARK)
    if at < 0:
        raise ParseError(f"{_ID}: no {_MARK}")
    text = text[at + len(_MARK) :]
    if text[:4] == "#011":
        text = text.replace("#011", "\t")
    columns = text.split("\t")
    if len(columns) < _LEAST or not columns[5].strip().isdigit():
        raise ParseError(f"{_ID}: no event id in the sixth of {len(columns) - 1} columns")
    columns = [column.strip() for column in columns]
    channel, stamp, code, provider, account, kind = (columns[n] for n in (2, 4, 5, 6, 7, 9))
    event: Fields = {"EventID": int(code[:9]), "Channel": channel, "Provider_Name": provider, "Computer": columns[10]}
    outcome = _OUTCOMES.get(kind.lower())
    if outcome is not None:
        event["EventType"] = outcome
    message = columns[13] if len(columns) > 13 else columns[-1]
    # the last column counts what the agent has sent, or is a checksum: no record's number
    service = windows_service(channel, provider)
    event.update(values(message, code, sysmon=service == "sysmon"))
    fields = {**event, **additions(event, _ID)}
    if "user.name" not in fields and service != "sysmon" and service != "security" and said(account) is not None:
        domain, slash, name = account.rpartition("\\")
        fields["user.name"] = name
        fields["related.user"] = [name]
        if slash and domain:
            fields["user.domain"] = domain
    if message:
        fields["message"] = message
    found = _STAMP.fullmatch(stamp)
    if found is not None and (frame.opened is None or "@timestamp" not in frame.opened.fields):
        when = clock.bsd(found[1], frame.received, frame.zone, found[2])
        if when is not None:
            fields["@timestamp"] = when
    return fields


def _fingerprint(head: bytes) -> bool:
    at = head.find(b"MSWinEventLog", 0, 256)
    return at >= 0 and head[at + 13 : at + 14] in (b"\t", b"#")


FORMAT = LogFormat(
    id=_ID,
    vendor="Microsoft",
    product="Windows (Snare)",
    logsource=LogSource(product="windows"),
    spec="https://www.snaresolutions.com/products/snare-agents/windows-agent/",
    parse=parse,
    inside="syslog",
    fingerprint=_fingerprint,
    needs=(b"MSWinEventLog",),
    route=route,
)
