"""Security events of Windows as winlogbeat sends them."""

import random
from typing import Any

import orjson

from benchmarks.names import Names

_PROVIDER = "Microsoft-Windows-Security-Auditing"
_SYSTEM32 = "C:\\Windows\\System32\\"
_PROGRAMS = (
    (f"{_SYSTEM32}svchost.exe", "svchost.exe -k netsvcs -p -s {}", f"{_SYSTEM32}services.exe"),
    (f"{_SYSTEM32}conhost.exe", "\\??\\C:\\Windows\\system32\\conhost.exe 0x{:x}", f"{_SYSTEM32}cmd.exe"),
    (f"{_SYSTEM32}taskhostw.exe", "taskhostw.exe KEYROAMING {}", f"{_SYSTEM32}svchost.exe"),
    ("C:\\Program Files\\Agent\\agent.exe", '"agent.exe" --inventory --run {}', f"{_SYSTEM32}services.exe"),
    (f"{_SYSTEM32}cmd.exe", "cmd.exe /c C:\\jobs\\copy.cmd {}", f"{_SYSTEM32}taskeng.exe"),
    (
        "C:\\Program Files\\Office\\WINWORD.EXE",
        '"WINWORD.EXE" /n "U:\\docs\\report-{}.docx"',
        "C:\\Windows\\explorer.exe",
    ),
)
_LOGONS = (("3", "Kerberos"), ("3", "Kerberos"), ("2", "Negotiate"), ("5", "Negotiate"), ("7", "Negotiate"))
_NO_GUID = "{00000000-0000-0000-0000-000000000000}"


class Windows:
    """4624 (36 %), 4688 (32 %), 4634 (22 %), 4672 (9 %) and 4625 (1 %)."""

    def __init__(self, rng: random.Random, names: Names) -> None:
        self._rng = rng
        self._names = names
        self._record = 1_000_000

    def line(self, stamp: str) -> bytes:
        rng, names = self._rng, self._names
        user, host, kind = names.user(), names.workstation(), rng.random()
        subject = {
            "SubjectUserSid": "S-1-5-18",
            "SubjectUserName": f"{host}$",
            "SubjectDomainName": "EXAMPLE",
            "SubjectLogonId": "0x3e7",
        }
        target = {
            "TargetUserSid": f"S-1-5-21-1004336348-1177238915-682003330-{1100 + len(user) * 37}",
            "TargetUserName": user,
            "TargetDomainName": "EXAMPLE",
            "TargetLogonId": f"0x{rng.randrange(1 << 28):x}",
        }
        if kind < 0.36:
            return self._event(stamp, host, 4624, "logged-in", {**subject, **target, **self._logon(user)})
        if kind < 0.58:
            return self._event(stamp, host, 4634, "logged-out", {**target, "LogonType": "3"})
        if kind < 0.90:
            return self._event(stamp, host, 4688, "created-process", {**subject, **target, **self._process()})
        if kind < 0.99:
            privileges = {"PrivilegeList": "SeSecurityPrivilege\n\t\t\tSeBackupPrivilege\n\t\t\tSeRestorePrivilege"}
            return self._event(stamp, host, 4672, "logged-in-special", {**subject, **privileges})
        return self._event(stamp, host, 4625, "logon-failed", {**subject, **target, **self._refusal(host)})

    def _logon(self, user: str) -> dict[str, str]:
        way, process = self._rng.choice(_LOGONS)
        remote = way == "3"
        return {
            "LogonType": way,
            "LogonProcessName": process,
            "AuthenticationPackageName": process,
            "WorkstationName": "-",
            "LogonGuid": _NO_GUID,
            "ProcessId": "0x0",
            "ProcessName": "-",
            "IpAddress": self._names.home(user) if remote else "-",
            "IpPort": str(self._names.port()) if remote else "-",
            "ElevatedToken": "%%1843",
        }

    def _process(self) -> dict[str, str]:
        image, command, parent = self._rng.choice(_PROGRAMS)
        return {
            "NewProcessId": f"0x{self._names.pid():x}",
            "NewProcessName": image,
            "TokenElevationType": "%%1936",
            "ProcessId": f"0x{self._names.pid():x}",
            "CommandLine": command.format(self._rng.randrange(4000)),
            "ParentProcessName": parent,
            "MandatoryLabel": "S-1-16-8192",
        }

    def _refusal(self, host: str) -> dict[str, str]:
        return {
            "Status": "0xc000006d",
            "FailureReason": "%%2313",
            "SubStatus": "0xc000006a",
            "LogonType": "3",
            "LogonProcessName": "NtLmSsp ",
            "AuthenticationPackageName": "NTLM",
            "WorkstationName": host,
            "IpAddress": self._names.mistyping(),
            "IpPort": str(self._names.port()),
        }

    def _event(self, stamp: str, host: str, code: int, action: str, data: dict[str, str]) -> bytes:
        self._record += 1
        event: dict[str, Any] = {
            "@timestamp": stamp,
            "agent": {"type": "winlogbeat", "version": "8.17.0", "name": host},
            "ecs": {"version": "8.0.0"},
            "event": {
                "code": str(code),
                "kind": "event",
                "provider": _PROVIDER,
                "action": action,
                "outcome": "failure" if code == 4625 else "success",
            },
            "host": {"name": f"{host}.example.net", "os": {"family": "windows", "version": "10.0"}},
            "log": {"level": "information"},
            "winlog": {
                "channel": "Security",
                "provider_name": _PROVIDER,
                "event_id": str(code),
                "record_id": self._record,
                "computer_name": f"{host}.example.net",
                "process": {"pid": 640, "thread": {"id": self._rng.randrange(600, 900)}},
                "version": 2,
                "event_data": data,
            },
        }
        return orjson.dumps(event)
