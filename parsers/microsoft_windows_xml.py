"""Windows events as XML: Splunk's XmlWinEventLog, Windows Event Forwarding, ``wevtutil``, ``evtx_dump`` (``Record 1``).

In one line or in many, alone or behind a syslog header::

    <Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-Security-Auditing'/><EventID>4625</EventID><TimeCreated SystemTime='2026-01-02T03:04:05.1234567Z'/><Channel>Security</Channel><Computer>ews-1</Computer></System><EventData><Data Name='TargetUserName'>m.keller</Data></EventData></Event>

``evtx_dump`` in its other form writes JSON behind ``Record 1``; that is read as well.
"""  # noqa: E501  (records as they are sent)

import re

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar.event_time import moment
from parsers._grammar.objects import flat
from parsers._grammar.windows_event import additions, route
from parsers._grammar.windows_names import is_windows
from parsers._grammar.windows_xml import names

_RECORD = re.compile(r"Record \d{1,20}\s+")
_RECORD_HEAD = re.compile(rb"Record \d{1,20}\s*(?:\r?\n\s*[<{]|$)")
_ANOTHER = re.compile(r"</Event>\s*<Event[ >]")
_PRIORITY = re.compile(rb"<\d{1,3}>")
# What ``wevtutil`` and the Event Viewer write around the events of an exported file.
_WRAPS = re.compile(rb"(?:\xef\xbb\xbf)?[ \t]*(?:<\?xml\s[^<>]{0,256}\?>\s*)?(?:</?Events(?:\s[^<>]{0,256})?>)?\s*")
_SCHEMA = b"//schemas.microsoft.com/win/"
_ID = "microsoft_windows_xml"


def _fingerprint(head: bytes) -> bool:
    if head[:7] in (b"<Event ", b"<Event>"):
        return b"<System" in head or _SCHEMA in head
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start[:7] == b"Record ":
        found = _RECORD_HEAD.match(start)
        return found is not None and (found.end() == len(start) or b"<Event" in start or b'"Event"' in start)
    return start[:6] in (b"<?xml ", b"<Event") and b"<Event" in start[:1024] and b"<System" in start


def _starts_record(line: bytes) -> bool:
    """``evtx_dump`` writes ``Record 1`` and the start of XML each in a line of their own before an element."""
    if line[:1] == b"<":
        return _PRIORITY.match(line) is not None or (
            line[:7] in (b"<Event ", b"<Event>") and (b"<System" in line or _SCHEMA in line)
        )
    return _RECORD_HEAD.fullmatch(line) is not None


def _ends_record(line: bytes) -> bool:
    return line.rstrip().endswith(b"</Event>")


def parse(frame: Frame) -> Fields:
    text = frame.text.lstrip("\ufeff \t\r\n")
    found = _RECORD.match(text)
    if found is not None:
        text = text[found.end() :]
    if text[:1] == "{":
        return _object(text)
    if "<Event" not in text[:4096]:
        raise ParseError(f"{_ID}: no Event element")
    end = text.find("</Event>")
    if end >= 0 and _ANOTHER.match(text, end) is not None:
        raise ParseError(f"{_ID}: several events in one record; give each a line of its own")
    event = names(text, _ID)
    when = moment(event.pop("TimeCreated", None))
    fields = {**event, **additions(event, _ID)}
    if when is not None:
        fields["@timestamp"] = when
    return fields


def _object(text: str) -> Fields:
    end = text.rfind("\nRecord ")
    shape = flat(text if end < 0 else text[:end])
    if shape is None or not is_windows(shape):
        raise ParseError(f"{_ID}: neither XML nor a JSON event behind the record's number")
    fields = {**shape, **additions(shape, _ID)}
    fields.pop("@timestamp", None)
    for name in ("Event.System.TimeCreated.#attributes.SystemTime", "Event.System.TimeCreated_attributes.SystemTime"):
        when = moment(shape.get(name))
        if when is not None:
            fields["@timestamp"] = when
    return fields


FORMAT = LogFormat(
    id=_ID,
    vendor="Microsoft",
    product="Windows (XML)",
    logsource=LogSource(product="windows"),
    spec="https://learn.microsoft.com/windows/win32/wes/eventschema-schema",
    parse=parse,
    inside="syslog",
    fingerprint=_fingerprint,
    needs=(b"<Event", b"Record "),
    starts_record=_starts_record,
    ends_record=_ends_record,
    wraps=lambda line: _WRAPS.fullmatch(line) is not None,
    route=route,
)
