"""ECS for one Windows event whose names are Sigma's: each function fills what its kind of event says."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from engine.model import Fields
from parsers._grammar.addresses import ip, port
from parsers._grammar.people import domain_and_name
from parsers._grammar.windows_tables import KERBEROS, LOGON_TYPES, STATUS

Data = Mapping[str, Any]

_NOBODY = frozenset(("", "-", "S-1-0-0", "N/A", "NULL SID"))
_PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "ipv6-icmp"}
_REASONLESS = frozenset((0, 0xC000006D))


def text(data: Data, name: str) -> str | None:
    value = data.get(name)
    if type(value) is str:
        return None if value in _NOBODY else value
    if value is None or isinstance(value, (list, dict, bool)):
        return None
    value = str(value)
    return None if value in _NOBODY else value


def number(value: Any) -> int | None:
    """
    >>> number("0x1f4"), number("500"), number(500), number("-"), number("0xC000006D"), number(-1073741715)
    (500, 500, 500, None, 3221225581, 3221225581)
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value & 0xFFFFFFFF if -(1 << 31) <= value < 0 else value
    if isinstance(value, str) and 0 < len(value) <= 20:
        try:
            return int(value, 16) if value[:2] in ("0x", "0X") else int(value)
        except ValueError:
            return None
    return None


def related(fields: Fields, name: str, value: str) -> None:
    known = fields.get(name)
    if known is None:
        fields[name] = [value]
    elif value not in known:
        known.append(value)


def person(fields: Fields, data: Data, prefix: str, field: str = "user") -> None:
    """``SubjectUserName``, ``SubjectDomainName`` and ``SubjectUserSid`` (or Target…) as an ECS user."""
    theirs, ours = _names(prefix, field)
    name = text(data, theirs[0])
    domain = text(data, theirs[1])
    if name is not None:
        if "@" in name:
            name, _, realm = name.partition("@")
            domain = domain or realm
        elif "\\" in name:
            realm, _, name = name.rpartition("\\")
            domain = domain or realm
        fields[ours[0]] = name
        related(fields, "related.user", name)
    if domain is not None:
        fields[ours[1]] = domain
    sid = text(data, theirs[2]) or text(data, theirs[3])
    if sid is not None and sid.startswith("S-"):
        fields[ours[2]] = sid


@cache
def _names(prefix: str, field: str) -> tuple[tuple[str, str, str, str], tuple[str, str, str]]:
    return (
        (f"{prefix}UserName", f"{prefix}DomainName", f"{prefix}UserSid", f"{prefix}Sid"),
        (f"{field}.name", f"{field}.domain", f"{field}.id"),
    )


def account(fields: Fields, name: str | None, field: str = "user") -> None:
    """``CORP\\m.keller``."""
    if name is None:
        return
    domain, found = domain_and_name(name)
    short = found.rpartition("\\")[2]
    if domain is not None and domain not in _NOBODY:
        fields[f"{field}.domain"] = domain
    if short and short not in _NOBODY:
        fields[f"{field}.name"] = short
        related(fields, "related.user", short)


def side(fields: Fields, which: str, address: str | None, number_: Any = None, name: str | None = None) -> None:
    canonical = None if address is None else ip(address)
    if canonical is not None:
        fields[f"{which}.ip"] = canonical
        fields[f"{which}.address"] = canonical
        related(fields, "related.ip", canonical)
        at = port(number_)
        if at:
            fields[f"{which}.port"] = at
    if name is not None:
        fields[f"{which}.domain"] = name.lower()
        related(fields, "related.hosts", name)


def executable(fields: Fields, path: str | None, field: str = "process") -> None:
    if path is not None:
        fields[f"{field}.executable"] = path
        fields[f"{field}.name"] = path.replace("/", "\\").rpartition("\\")[2]


def logon(fields: Fields, data: Data, code: str) -> None:
    if code == "4648":
        person(fields, data, "Subject")
        person(fields, data, "Target", "user.effective")
    else:
        person(fields, data, "Target")
    side(
        fields,
        "source",
        text(data, "IpAddress"),
        data.get("IpPort"),
        text(data, "WorkstationName") or text(data, "Workstation"),
    )
    executable(fields, text(data, "ProcessName"))
    pid = number(data.get("ProcessId"))
    if pid and code in ("4624", "4625", "4648"):
        fields["process.pid"] = pid
    kind = text(data, "LogonType")
    if kind is not None:
        fields["tieline.logon.type"] = LOGON_TYPES.get(kind, kind)
    logon_id = text(data, "TargetLogonId")
    if logon_id is not None:
        fields["tieline.logon.id"] = logon_id
    _statuses(fields, data, KERBEROS if code in ("4768", "4769", "4771") else STATUS, code)


def _statuses(fields: Fields, data: Data, words: Mapping[int, str], code: str) -> None:
    status, sub_status = number(data.get("Status")), number(data.get("SubStatus"))
    reason: str | None = None
    for name, value in (("status", status), ("sub_status", sub_status)):
        if value is None:
            continue
        word = words.get(value)
        if word is not None:
            fields[f"tieline.logon.{name}"] = word
            if value not in _REASONLESS or (reason is None and value):
                reason = word
    if reason is not None:
        fields["event.reason"] = reason
    if status is not None and code in ("4768", "4769", "4771", "4776"):
        fields["event.outcome"] = "success" if status == 0 else "failure"


def logoff(fields: Fields, data: Data, code: str) -> None:
    person(fields, data, "Target")
    kind = text(data, "LogonType")
    if kind is not None:
        fields["tieline.logon.type"] = LOGON_TYPES.get(kind, kind)
    logon_id = text(data, "TargetLogonId")
    if logon_id is not None:
        fields["tieline.logon.id"] = logon_id


def subject(fields: Fields, data: Data, code: str) -> None:
    person(fields, data, "Subject")


def account_change(fields: Fields, data: Data, code: str) -> None:
    person(fields, data, "Subject")
    person(fields, data, "Target", "user.target")


def group_change(fields: Fields, data: Data, code: str) -> None:
    person(fields, data, "Subject")
    for name, field in (
        ("TargetUserName", "group.name"),
        ("TargetDomainName", "group.domain"),
        ("TargetSid", "group.id"),
    ):
        value = text(data, name)
        if value is not None:
            fields[field] = value
    member, sid = text(data, "MemberName"), text(data, "MemberSid")
    if member is not None:
        first = member.partition(",")[0]
        short = first[3:] if first[:3].upper() == "CN=" else first.rpartition("\\")[2]
        if short:
            fields["user.target.name"] = short
            related(fields, "related.user", short)
    if sid is not None:
        fields["user.target.id"] = sid


def service(fields: Fields, data: Data, code: str) -> None:
    person(fields, data, "Subject")
    name = text(data, "ServiceName")
    if name is not None:
        fields["service.name"] = name


def process_audit(fields: Fields, data: Data, code: str) -> None:
    """4688 and 4689; Sigma's rules call the same things as Sysmon does."""
    person(fields, data, "Subject")
    if code == "4688":
        person(fields, data, "Target", "user.effective")
        executable(fields, text(data, "NewProcessName"))
        executable(fields, text(data, "ParentProcessName"), "process.parent")
        for name, field in (("NewProcessId", "process.pid"), ("ProcessId", "process.parent.pid")):
            pid = number(data.get(name))
            if pid is not None:
                fields[field] = pid
        line = text(data, "CommandLine")
        if line is not None:
            fields["process.command_line"] = line
        for name, ours in (
            ("NewProcessName", "Image"),
            ("ParentProcessName", "ParentImage"),
            ("SubjectLogonId", "LogonId"),
        ):
            if data.get(name) is not None:
                fields[ours] = data[name]
        return
    executable(fields, text(data, "ProcessName"))
    pid = number(data.get("ProcessId"))
    if pid is not None:
        fields["process.pid"] = pid


_ROOTS = (("\\REGISTRY\\MACHINE\\", "HKLM\\"), ("\\REGISTRY\\USER\\", "HKU\\"))


def registry_audit(fields: Fields, data: Data, code: str) -> None:
    """4657; Sigma's rules call the same things as Sysmon does, and Sysmon shortens the root."""
    person(fields, data, "Subject")
    executable(fields, text(data, "ProcessName"))
    key, name, value = text(data, "ObjectName"), text(data, "ObjectValueName"), text(data, "NewValue")
    if key is not None:
        path = key if name is None else f"{key}\\{name}"
        fields["registry.path"] = path
        for theirs, short in _ROOTS:
            if path[: len(theirs)].upper() == theirs:
                path = short + path[len(theirs) :]
        fields["TargetObject"] = path
    if value is not None:
        fields["registry.data.strings"] = [value]
        fields["Details"] = value
    if data.get("ProcessName") is not None:
        fields["Image"] = data["ProcessName"]


def filtering(fields: Fields, data: Data, code: str) -> None:
    inbound = text(data, "Direction") in ("%%14592", "Inbound")
    side(fields, "source", text(data, "SourceAddress"), data.get("SourcePort"))
    side(fields, "destination", text(data, "DestAddress"), data.get("DestPort"))
    protocol = _PROTOCOLS.get(str(data.get("Protocol")))
    if protocol is not None:
        fields["network.transport"] = protocol
    fields["network.direction"] = "ingress" if inbound else "egress"
    executable(fields, text(data, "Application"))
    pid = number(data.get("ProcessID", data.get("ProcessId")))
    if pid is not None:
        fields["process.pid"] = pid


def remote_session(fields: Fields, data: Data, code: str) -> None:
    account(fields, text(data, "User"))
    side(fields, "source", text(data, "Address"))
    session = text(data, "SessionID")
    if session is not None:
        fields["tieline.session.id"] = session
    fields["network.protocol"] = "rdp"


def remote_connection(fields: Fields, data: Data, code: str) -> None:
    """1149 says user, domain and address as Param1 to Param3."""
    name, domain = text(data, "Param1"), text(data, "Param2")
    account(fields, name)
    if domain is not None:
        fields["user.domain"] = domain
    side(fields, "source", text(data, "Param3"))
    fields["network.protocol"] = "rdp"


def station(fields: Fields, data: Data, code: str) -> None:
    """4778 and 4779."""
    name, domain = text(data, "AccountName"), text(data, "AccountDomain")
    account(fields, name)
    if domain is not None:
        fields["user.domain"] = domain
    side(fields, "source", text(data, "ClientAddress"), None, text(data, "ClientName"))


def script_block(fields: Fields, data: Data, code: str) -> None:
    path = text(data, "Path")
    if path is not None:
        fields["file.path"] = path
        fields["file.name"] = path.rpartition("\\")[2]


Fill = Callable[[Fields, Data, str], None]
_GROUPS = (
    "4727",
    "4728",
    "4729",
    "4730",
    "4731",
    "4732",
    "4733",
    "4734",
    "4735",
    "4737",
    "4754",
    "4756",
    "4757",
    "4758",
)
_ACCOUNTS = ("4720", "4722", "4723", "4724", "4725", "4726", "4738", "4740", "4741", "4742", "4743", "4767", "4781")

FILLS: dict[str, dict[str, Fill]] = {
    "security": {
        **dict.fromkeys(("4624", "4625", "4648", "4768", "4769", "4771", "4776"), logon),
        **dict.fromkeys(("4634", "4647"), logoff),
        **dict.fromkeys(_GROUPS, group_change),
        **dict.fromkeys(_ACCOUNTS, account_change),
        **dict.fromkeys(("4688", "4689"), process_audit),
        "4657": registry_audit,
        **dict.fromkeys(("5156", "5157"), filtering),
        **dict.fromkeys(("4778", "4779"), station),
        "4697": service,
    },
    "system": {"7045": service, "7040": service},
    "terminalservices-localsessionmanager": dict.fromkeys(("21", "22", "23", "24", "25"), remote_session),
    "terminalservices-remoteconnectionmanager": {"1149": remote_connection},
    "powershell": {"4104": script_block},
}
"""Service and event id to what is in the event; else the subject is all that is looked for."""
