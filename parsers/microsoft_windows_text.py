"""Windows events as text behind a syslog header, under the name of their provider; and Splunk's ``WinEventLog``.

NXLog (its fields in RFC 5424's structured data, or the message alone), eventlog-to-syslog, EventReporter::

    <14>1 2026-01-02T03:04:05.006Z dc-1 Microsoft-Windows-Security-Auditing 656 - [NXLOG@14506 EventID="4625" Channel="Security" TargetUserName="m.keller"] An account failed to log on.
    <13>Jan  2 03:04:05 dc-1 Microsoft-Windows-Security-Auditing: 4625: AUDIT_FAILURE An account failed to log on. Subject: …
    <13>Jan  2 03:04:05 dc-1 EvntSLog: [AUF] Fri Jan 02 03:04:05 2026: DC-1/Microsoft-Windows-Security-Auditing (4625) - "An account failed to log on. …"

Splunk's is several lines: ``LogName=Security``, ``EventCode=4625``, … and at last ``Message=``. A text that names no event
id has the one that its first sentence belongs to, in the Security log.
"""  # noqa: E501  (records as they are sent)

import re

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from engine.model.routes import windows_service
from parsers._grammar.event_time import moment
from parsers._grammar.windows_event import additions, route
from parsers._grammar.windows_text import code_of, values

_ID = "microsoft_windows_text"
_LONGEST = 65_536
_PROVIDERS = {
    "security-auditing": "Microsoft-Windows-Security-Auditing",
    "service_control_manager": "Service Control Manager",
    "service-control-manager": "Service Control Manager",
    "windows-defender": "Microsoft-Windows-Windows Defender",
}
_SPOKEN = (
    "Microsoft-Windows-Security-Auditing",
    "Microsoft-Windows-Sysmon",
    "Microsoft-Windows-PowerShell",
    "Microsoft-Windows-Eventlog",
    "Microsoft-Windows-TaskScheduler",
    "Microsoft-Windows-WMI-Activity",
    "Microsoft-Windows-Bits-Client",
    "Microsoft-Windows-TerminalServices-LocalSessionManager",
    "Microsoft-Windows-TerminalServices-RemoteConnectionManager",
    "Microsoft-Windows-AppLocker",
    "Microsoft-Windows-Kernel-General",
    "Microsoft-Windows-Kernel-Power",
    "Microsoft-Windows-GroupPolicy",
    "Microsoft-Windows-WindowsUpdateClient",
)
_PROVIDERS |= {name.lower(): name for name in _SPOKEN}
_PROVIDERS |= {
    "microsoft-windows-windows_defender": "Microsoft-Windows-Windows Defender",
    "microsoft-windows-windows-defender": "Microsoft-Windows-Windows Defender",
}
_CODE = re.compile(r"(?:AUDIT_\w+ )?(\d{1,5}): (?:(AUDIT_\w+|[A-Z]{3,11}) )?")
_REPORTER = re.compile(r"\[([A-Z]{3})\] [^:]{1,16}:\d\d:\d\d \d{4}: ([^/]{0,128})/([^(]{1,128}) \((\d{1,5})\) - \"?")
_SYSTEM = frozenset(("ProcessID", "ThreadID"))  # of the process that wrote the record
_REPORTED = re.compile(rb"\[[A-Z]{3}\] [^:]{1,16}:\d\d:\d\d \d{4}: [^/]{0,128}/[^(]{1,128} \(\d{1,5}\) - ")
_AUDITS = {"AUS": "AUDIT_SUCCESS", "AUF": "AUDIT_FAILURE"}
_KEYS = {
    "LogName": "Channel",
    "EventCode": "EventID",
    "SourceName": "Provider_Name",
    "ComputerName": "Computer",
    "RecordNumber": "EventRecordID",
    "Keywords": "Keywords",
    "Sid": "Security_UserID",
}


_STAMP = re.compile(rb"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d\d:\d\d(?:\.\d{1,3})? [AP]M\s*$")
_HEADER = re.compile(rb"<\d{1,3}>|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d |\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


def parse(frame: Frame) -> Fields:
    text = frame.text[:_LONGEST]
    opened = frame.opened.fields if frame.opened is not None else None
    event: Fields = {}
    when: int | None = None
    if opened is not None:
        message = _behind_header(event, text, opened, frame.opened.program)
    else:
        when, message = _lines(event, text, frame)
    code = str(event.get("EventID", ""))
    if message:
        service = windows_service(event.get("Channel"), event.get("Provider_Name"))
        for name, value in values(message, code, sysmon=service == "sysmon").items():
            event.setdefault(name, value)
    fields = {**event, **additions(event, _ID)}
    if message:
        fields["message"] = message
    if when is not None:
        fields["@timestamp"] = when
    return fields


def _behind_header(event: Fields, text: str, opened: Fields, program: str | None) -> str:
    data = opened.get("log.syslog.structured_data")
    own = next((inner for name, inner in data.items() if name.startswith("NXLOG@")), None) if data else None
    provider = _PROVIDERS.get(program or "")
    host = opened.get("host.name")
    if host is not None:
        event["Computer"] = host
    if own is not None and "EventID" in own:
        event.update({name: value for name, value in own.items() if name.isidentifier() and name not in _SYSTEM})
        event.setdefault("Provider_Name", own.get("SourceName") or provider or opened.get("process.name"))
        return text.strip()
    if provider is not None:
        event["Provider_Name"] = provider
    found = _CODE.match(text)
    if found is not None:
        event["EventID"] = int(found[1])
        if found[2] is not None:
            event["EventType"] = found[2]
        return text[found.end() :].strip()
    found = _REPORTER.match(text)
    if found is not None:
        kind, computer, source, number = found.groups()
        event["EventID"], event["Provider_Name"] = int(number), source
        if computer:
            event["Computer"] = computer
        if kind in _AUDITS:
            event["EventType"] = _AUDITS[kind]
        return text[found.end() :].strip().removesuffix('"')
    code = code_of(text)
    if code is None:
        raise ParseError(f"{_ID}: no event id, and no sentence that tells it")
    event["EventID"] = int(code)
    return text.strip()


def _lines(event: Fields, text: str, frame: Frame) -> tuple[int | None, str]:
    head, _, message = text.partition("\nMessage=")
    lines = head.splitlines()
    for line in lines[:64]:
        name, equals, value = line.partition("=")
        ours = _KEYS.get(name.strip())
        if equals and ours is not None:
            event[ours] = value.strip()
    code = event.get("EventID")
    if code is None or not (code.isascii() and code.isdigit()) or len(code) > 9:
        raise ParseError(f"{_ID}: no EventCode")
    event["EventID"] = int(code)
    return moment(lines[0].strip(), frame.zone), message.strip()


def _fingerprint(head: bytes) -> bool:
    if head[:1] == b"[":
        return _REPORTED.match(head) is not None
    return b"\nEventCode=" in head and b"LogName=" in head and b"\nSourceName=" in head


def _starts_record(line: bytes) -> bool:
    return _STAMP.match(line) is not None or _HEADER.match(line) is not None


FORMAT = LogFormat(
    id=_ID,
    vendor="Microsoft",
    product="Windows (text)",
    logsource=LogSource(product="windows"),
    spec="https://docs.nxlog.co/integrate/windows-eventlog.html",
    parse=parse,
    inside="syslog",
    programs=tuple(_PROVIDERS),
    fingerprint=_fingerprint,
    needs=(b"EventCode=", b"["),
    starts_record=_starts_record,
    route=route,
)
