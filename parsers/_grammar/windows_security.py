"""The Security log in ECS: which value goes where, by event id.

https://learn.microsoft.com/windows/security/threat-protection/auditing/security-auditing-overview
"""

from collections.abc import Callable, Mapping
from typing import Any

from engine.model import Fields
from parsers._grammar import windows_words as words
from parsers._grammar.addresses import mac
from parsers._grammar.windows_values import (
    Memory,
    Writer,
    account,
    address,
    command_line,
    copy,
    executable,
    file,
    host_of,
    integer,
    number,
    person,
    port_of,
    related,
    said,
    security_id,
    user_related,
    word,
)

Steps = tuple[tuple[str, Writer], ...]
Finish = Callable[[Fields, Mapping[str, Any], str], None]


def _somebody(prefix: str, field: str) -> Steps:
    return (
        (f"{prefix}DomainName", copy(f"{field}.domain")),
        (f"{prefix}UserName", person(field)),
        (f"{prefix}Sid", security_id(f"{field}.id")),
        (f"{prefix}UserSid", security_id(f"{field}.id")),
    )


def listed(field: str, meant: Callable[[int], list[str]]) -> Writer:
    def write(fields: Fields, value: Any) -> None:
        mask = number(value)
        if mask:
            found = meant(mask)
            if found:
                fields[field] = found

    return write


_messages = Memory(words.messages)


def spelled(field: str) -> Writer:
    def write(fields: Fields, value: Any) -> None:
        if type(value) is str and "%%" in value:
            fields[field] = [*_messages[value]]

    return write


SUBJECT = _somebody("Subject", "user")
_TARGET_IS_USER = _somebody("Target", "user")
_TARGET = _somebody("Target", "user.target")
_EFFECTIVE = _somebody("Target", "user.effective")
_PROCESS: Steps = (
    ("CallerProcessId", integer("process.pid")),
    ("CallerProcessName", executable("process")),
    ("ProcessId", integer("process.pid")),
    ("ProcessName", executable("process")),
)
_NETWORK: Steps = (
    ("IpAddress", address("source")),
    ("IpPort", port_of("source")),
    ("WorkstationName", host_of("source")),
    ("Workstation", host_of("source")),
)
_LOGON_KIND: Steps = (
    ("LogonType", word("tieline.logon.type", words.LOGON_TYPES)),
    ("TargetLogonId", copy("tieline.logon.id")),
)
_SERVICE: Steps = (("ServiceName", copy("service.name")),)
_TICKET: Steps = (
    ("TicketEncryptionType", word("tieline.kerberos.encryption", words.ENCRYPTION)),
    ("TicketOptions", listed("tieline.kerberos.options", words.ticket_options)),
)
_GROUP: Steps = (
    ("TargetUserName", copy("group.name")),
    ("TargetDomainName", copy("group.domain")),
    ("TargetSid", security_id("group.id")),
    ("TargetUserSid", security_id("group.id")),
)
_FLAGS: Steps = (
    ("NewUacValue", listed("tieline.account.flags", words.account_flags)),
    ("UserAccountControl", spelled("tieline.account.changes")),
)
_ACCESS: Steps = (("AccessList", spelled("tieline.access")),)
_TRUST: Steps = (
    ("TdoType", word("tieline.trust.type", words.TRUST_TYPES)),
    ("TdoDirection", word("tieline.trust.direction", words.TRUST_DIRECTIONS)),
    ("TdoAttributes", listed("tieline.trust.attributes", words.trust_attributes)),
)
_CONNECTION: Steps = (
    ("SourceAddress", address("source")),
    ("SourcePort", port_of("source")),
    ("DestAddress", address("destination")),
    ("DestPort", port_of("destination")),
    ("Protocol", word("network.transport", words.PROTOCOLS, unknown=False)),
    ("Direction", word("network.direction", words.DIRECTIONS, unknown=False)),
    ("Application", executable("process")),
    ("ProcessId", integer("process.pid")),
    ("ProcessID", integer("process.pid")),
)
_STARTED: Steps = (
    ("ProcessId", integer("process.parent.pid")),
    ("ParentProcessName", executable("process.parent")),
    ("NewProcessId", integer("process.pid")),
    ("NewProcessName", executable("process")),
    ("CommandLine", command_line("process")),
    ("NewProcessName", copy("Image")),  # Sigma's rules call the same things as Sysmon does
    ("ParentProcessName", copy("ParentImage")),
    ("SubjectLogonId", copy("LogonId")),
)


def _member(name: str) -> str | None:
    r"""
    >>> _member("CN=Keller\\, Mia,OU=IT,DC=corp,DC=example"), _member("CORP\\m.keller")
    ('Keller, Mia', 'm.keller')
    """
    if name[:3].upper() != "CN=":
        return name.rpartition("\\")[2] or None
    end = 3
    while (end := name.find(",", end)) > 0 and name[end - 1] == "\\":
        end += 1
    return name[3 : end if end > 0 else len(name)].replace("\\,", ",") or None


def _member_name(fields: Fields, value: Any) -> None:
    value = said(value)
    name = None if value is None else _member(value)
    if name is not None:
        fields["user.target.name"] = name
        related(fields, "related.user", name)


def _in_group(fields: Fields, data: Mapping[str, Any], code: str) -> None:
    if "user.target.name" in fields or "user.target.id" in fields:
        for part in ("name", "domain", "id"):
            value = fields.get(f"group.{part}")
            if value is not None:
                fields[f"user.target.group.{part}"] = value


_REASONLESS = frozenset((0, 0xC000006D))
_TICKETS = frozenset(("4768", "4769", "4770", "4771", "4772", "4773"))


def _statuses(fields: Fields, data: Mapping[str, Any], code: str) -> None:
    meant = words.KERBEROS if code in _TICKETS else words.STATUS
    status, sub_status = number(data.get("Status")), number(data.get("SubStatus"))
    reason: str | None = None
    for name, value in (("status", status), ("sub_status", sub_status)):
        if value is None:
            continue
        text = meant.get(value)
        if text is not None:
            fields[f"tieline.logon.{name}"] = text
            if value not in _REASONLESS or (reason is None and value):
                reason = text
    if reason is None:
        reason = words.MESSAGES.get(str(data.get("FailureReason")))
    if reason is not None:
        fields["event.reason"] = reason
    if status is not None and code != "4625":
        fields["event.outcome"] = "success" if status == 0 else "failure"


_file = file()


def _share(fields: Fields, data: Mapping[str, Any], code: str) -> None:
    folder, name = said(data.get("ShareLocalPath")), said(data.get("RelativeTargetName"))
    share = said(data.get("ShareName"))
    if folder is not None and name is not None and name != "\\":
        _file(fields, f"{folder.rstrip(chr(92))}\\{name}")
        fields["file.directory"] = folder
    elif folder is not None:
        fields["file.directory"] = folder
    if name is not None:
        fields["file.name"] = name
        stem, _, extension = name.rpartition("\\")[2].rpartition(".")
        if stem and extension:
            fields["file.extension"] = extension
        if share is not None:
            fields["file.target_path"] = f"{share}\\{name}"


def _object(fields: Fields, data: Mapping[str, Any], code: str) -> None:
    kind, name = data.get("ObjectType"), said(data.get("ObjectName"))
    if name is not None and kind == "File":
        _file(fields, name)
    elif name is not None and kind == "Key":
        fields["registry.path"] = name


_ROOTS = (("\\REGISTRY\\MACHINE\\", "HKLM\\"), ("\\REGISTRY\\USER\\", "HKU\\"))


def _registry(fields: Fields, data: Mapping[str, Any], code: str) -> None:
    """4657; Sigma's rules call the same things as Sysmon does, and Sysmon shortens the root."""
    key, name, value = said(data.get("ObjectName")), said(data.get("ObjectValueName")), said(data.get("NewValue"))
    if key is not None:
        path = key if name is None else f"{key}\\{name}"
        fields["registry.path"] = path
        if name is not None:
            fields["registry.value"] = name
        for theirs, short in _ROOTS:
            if path[: len(theirs)].upper() == theirs:
                fields["registry.hive"] = short[:-1]
                fields["registry.key"] = key[len(theirs) :]
                path = short + path[len(theirs) :]
        fields["TargetObject"] = path
    if value is not None:
        fields["registry.data.strings"] = [value]
        fields["Details"] = value
    if data.get("ProcessName") is not None:
        fields["Image"] = data["ProcessName"]


_source = address("source")


def _station(fields: Fields, value: Any) -> None:
    """Whom a RADIUS client names: a telephone's number once, now an address of whatever kind."""
    if isinstance(value, str):
        found = mac(value.replace("-", ":")) if len(value) == 17 else None
        if found is not None:
            fields["source.mac"] = found
        else:
            _source(fields, value)


def _radius(fields: Fields, data: Mapping[str, Any], code: str) -> None:
    fields["event.outcome"] = "success" if code in ("6272", "6278") else "failure"
    reason = said(data.get("Reason"))
    if reason is not None and code != "6272":
        fields["event.reason"] = reason


_DEFAULT: Steps = (*SUBJECT, *_PROCESS, *_NETWORK)
_LOGON: Steps = (*_TARGET_IS_USER, *_NETWORK, *_PROCESS, *_LOGON_KIND)
_CHANGED: Steps = (*_DEFAULT, *_TARGET, *_FLAGS)
_GROUP_CHANGED: Steps = (*_DEFAULT, *_GROUP, ("MemberName", _member_name), ("MemberSid", security_id("user.target.id")))
_FILTERED = ("5150", "5151", "5152", "5153", "5154", "5155", "5156", "5157", "5158", "5159")
_GROUPS = tuple(str(code) for code in (*range(4727, 4738), *range(4744, 4765), 4799) if code != 4736)
_ACCOUNTS = ("4670", "4720", "4722", "4723", "4724", "4725", "4726", "4738", "4741", "4742", "4743", "4767", "4797",
             "4798", "4817", "4907")  # fmt: skip

STEPS: dict[str, Steps] = {
    "": _DEFAULT,
    **dict.fromkeys(_ACCOUNTS, _CHANGED),
    **dict.fromkeys(_GROUPS, _GROUP_CHANGED),
    **dict.fromkeys(("4624", "4625"), (*_LOGON, ("SubjectUserName", user_related))),
    "4625": _LOGON,
    "4648": (*_DEFAULT, *_EFFECTIVE, *_LOGON_KIND, ("TargetServerName", host_of("destination"))),
    **dict.fromkeys(("4634", "4647", "4964"), (*_TARGET_IS_USER, *_LOGON_KIND)),
    "4657": _DEFAULT,
    **dict.fromkeys(("4656", "4658", "4660", "4661", "4663", "4691", "5140", "5145"), (*_DEFAULT, *_ACCESS)),
    "4662": (*SUBJECT, *_ACCESS),
    "4688": (*SUBJECT, *_EFFECTIVE, *_STARTED),
    "4697": (*_DEFAULT, *_SERVICE),
    **dict.fromkeys(("4706", "4716"), (*SUBJECT, *_TRUST)),
    **dict.fromkeys(("4719", "4912"), (*_DEFAULT, ("AuditPolicyChanges", spelled("tieline.audit.changes")))),
    # the "domain" of 4740 is the computer where the attempts were made
    "4740": (
        *SUBJECT,
        ("TargetUserName", person("user.target")),
        ("TargetSid", security_id("user.target.id")),
        ("TargetDomainName", host_of("source")),
    ),
    **dict.fromkeys(("4768", "4769", "4770", "4771", "4772", "4773"), (*_LOGON, *_SERVICE, *_TICKET)),
    "4776": _LOGON,
    **dict.fromkeys(
        ("4778", "4779", "4825"),
        (
            ("AccountDomain", copy("user.domain")),
            ("AccountName", person("user")),
            ("ClientAddress", address("source")),
            ("ClientName", host_of("source")),
            ("LogonID", copy("tieline.logon.id")),
        ),
    ),
    **dict.fromkeys(("4886", "4887", "4888"), (("Requester", account("user")),)),
    "4781": (
        *SUBJECT,
        ("TargetDomainName", copy("user.target.domain")),
        ("TargetSid", security_id("user.target.id")),
        ("OldTargetUserName", person("user.target")),
        ("NewTargetUserName", person("user.changes")),
    ),
    **dict.fromkeys(_FILTERED, _CONNECTION),
    **dict.fromkeys(
        tuple(str(code) for code in range(6272, 6281)),
        (
            ("SubjectDomainName", copy("user.domain")),
            ("SubjectUserName", account("user")),
            ("SubjectUserSid", security_id("user.id")),
            ("NetworkPolicyName", copy("rule.name")),
            ("CallingStationID", _station),
        ),
    ),
}
"""Event id → the writers of its values, in order; "" for what is not listed: who did it, from which process."""

FINISH: dict[str, Finish] = {
    **dict.fromkeys(("4625", "4768", "4769", "4771", "4776"), _statuses),
    **dict.fromkeys(_GROUPS, _in_group),
    **dict.fromkeys(("5140", "5145"), _share),
    **dict.fromkeys(("4656", "4658", "4660", "4661", "4663", "4670"), _object),
    "4657": _registry,
    **dict.fromkeys(("6272", "6273", "6274", "6276", "6278", "6279"), _radius),
}
"""What takes several values together."""
