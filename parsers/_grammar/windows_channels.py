"""Channels besides Security and Sysmon in ECS, by service (as Sigma calls the channel) and event id.

Microsoft describes few of them; the names are those of the providers' manifests.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from engine.model import Fields
from parsers._grammar import windows_powershell as powershell
from parsers._grammar.addresses import port
from parsers._grammar.windows_security import Finish, Steps
from parsers._grammar.windows_sysmon import question, results
from parsers._grammar.windows_values import (
    account,
    address,
    copy,
    executable,
    file,
    host_of,
    integer,
    person,
    said,
    security_id,
    word,
)

RECORD_USER: Steps = (
    ("winlog.user.domain", copy("user.domain")),
    ("winlog.user.name", person("user")),
    ("Record_Domain", copy("user.domain")),
    ("Record_AccountName", person("user")),
    ("Security_UserID", security_id("user.id")),
    ("Record_UserID", security_id("user.id")),
)
"""On whose behalf the record was written: NXLog's and Winlogbeat's names for it."""

_SUBJECT: Steps = (("SubjectDomainName", copy("user.domain")), ("SubjectUserName", person("user")))
_REMOTE: Steps = (
    ("User", account("user")),
    ("Address", address("source")),
    ("SessionID", copy("tieline.session.id")),
)
_ANY = ""


def _link(fields: Fields, value: Any) -> None:
    value = said(value)
    if value is None or "://" not in value or len(value) > 4096:
        return
    fields["url.original"] = fields["url.full"] = value
    try:
        parts = urlsplit(value)
        at, host = parts.port, parts.hostname
    except ValueError:
        return
    fields["url.scheme"] = parts.scheme
    if host:
        fields["url.domain"] = host
    if parts.path:
        fields["url.path"] = parts.path
    if parts.query:
        fields["url.query"] = parts.query
    if port(at) is not None:
        fields["url.port"] = at


_file = file()
_process = executable("process")


def _threat(fields: Fields, data: Mapping[str, Any], code: str) -> None:
    """Defender writes several places with their kind: ``containerfile:_C:\\a.zip; file:_C:\\a.zip->b.exe``."""
    path = said(data.get("Path"))
    if path is not None:
        for place in path.split(";")[:16]:
            kind, mark, rest = place.strip().partition(":_")
            if mark and kind == "file":
                _file(fields, rest)
                break
            if mark and kind == "regkey":
                fields["registry.path"] = rest
    process = said(data.get("ProcessName"))
    if process is not None and process not in ("Unknown", "System"):
        _process(fields, process)
    if code in ("1117", "1118", "1119"):
        fields["event.outcome"] = "success" if code == "1117" else "failure"


def _server_file(fields: Fields, data: Mapping[str, Any], code: str) -> None:
    path = said(data.get("FullFilePath")) or said(data.get("FilePath"))
    if path is not None:
        _file(fields, path)
    digest = said(data.get("FileHash"))
    if digest is not None:
        kind = {64: "sha256", 40: "sha1"}.get(len(digest))
        if kind is not None and digest.strip("0"):
            fields[f"file.hash.{kind}"] = digest.lower()
            fields["related.hash"] = [digest.lower()]


_DEFENDER: Steps = (
    ("ThreatName", copy("rule.name")),
    ("DetectionUser", account("user")),
)
_TASK: Steps = (
    ("UserContext", account("user")),
    ("UserName", account("user")),
    ("User", account("user")),
)
_BITS: Steps = (
    ("User", account("user")),
    ("jobOwner", account("user")),
    ("Owner", account("user")),
    ("url", _link),
    ("RemoteName", _link),
    ("LocalName", file()),
    ("processPath", executable("process")),
    ("ProcessPath", executable("process")),
    ("processId", integer("process.pid")),
)
_LOCKER: Steps = (
    ("TargetUser", security_id("user.id")),
    ("TargetProcessId", integer("process.pid")),
    ("RuleName", copy("rule.name")),
)
_FIREWALL: Steps = (
    ("RuleName", copy("rule.name")),
    ("RuleId", copy("rule.id")),
    ("ModifyingUser", security_id("user.id")),
    ("ModifyingApplication", executable("process")),
    ("Protocol", word("network.transport", {"6": "tcp", "17": "udp", "1": "icmp"}, unknown=False)),
)
_WMI: Steps = (
    ("User", account("user")),
    ("ClientMachine", host_of("source")),
    ("ClientProcessId", integer("process.pid")),
)

STEPS: dict[str, dict[str, Steps]] = {
    "system": {
        _ANY: (*RECORD_USER, *_SUBJECT),
        "104": _SUBJECT,
        "7045": (("Security_UserID", security_id("user.id")), ("ServiceName", copy("service.name"))),
        **dict.fromkeys(("7031", "7034", "7036", "7040"), (("param1", copy("service.name")),)),
        "1074": (("param7", account("user")), ("param1", executable("process"))),
    },
    "terminalservices-localsessionmanager": {_ANY: _REMOTE},
    # 1149 says user, domain and address as Param1 to Param3
    "terminalservices-remoteconnectionmanager": {
        "1149": (("Param2", copy("user.domain")), ("Param1", person("user")), ("Param3", address("source"))),
    },
    "powershell": {
        _ANY: RECORD_USER,
        "4104": (*RECORD_USER, *powershell.SCRIPT_BLOCK),
    },
    "windefend": {_ANY: _DEFENDER},
    "taskscheduler": {
        _ANY: _TASK,
        "129": (("Path", executable("process")), ("ProcessID", integer("process.pid"))),
        **dict.fromkeys(("200", "201"), (*_TASK, ("ActionName", executable("process")))),
    },
    "wmi": {
        _ANY: _WMI,
        "5857": (("ProcessID", integer("process.pid")), ("ProviderPath", file())),
    },
    "bits-client": {_ANY: (*RECORD_USER, *_BITS)},
    "dns-client": {_ANY: (*RECORD_USER, ("QueryName", question), ("QueryResults", results))},
    "applocker": {_ANY: _LOCKER},
    "firewall-as": {_ANY: _FIREWALL},
    "ntlm": {_ANY: (("UserName", account("user")), ("DomainName", copy("user.domain")))},
    "openssh": {},
    _ANY: {_ANY: (*RECORD_USER, *_SUBJECT)},
}

FINISH: dict[str, dict[str, Finish]] = {
    "windefend": dict.fromkeys(
        ("1006", "1007", "1008", "1015", "1116", "1117", "1118", "1119", "1121", "1122", "1123"), _threat
    ),
    "applocker": {_ANY: _server_file},
    "powershell": {"4103": powershell.module},
    "powershell-classic": {_ANY: powershell.engine},
}
