"""Windows events as the sentences of the Event Viewer: what follows which label is which value.

Senders keep the line breaks and tabs of the text, or make spaces of them. Where breaks are left a label must follow
one: the value before it may hold anything. The texts are English; those of other languages give nothing.
"""

import re
from collections.abc import Mapping

from engine.model import Fields

_LONGEST = 32_768
_MOST = 128

# The sections of a text and whom or what their labels are about.
_SECTIONS = {
    "Subject": "Subject", "Creator Subject": "Subject", "Target Subject": "Target", "New Logon": "Target",
    "Account For Which Logon Failed": "Target", "Account Whose Credentials Were Used": "Target",
    "Target Account": "Target", "New Account": "Target", "Account That Was Locked Out": "Target",
    "Account Information": "Target", "New Computer Account": "Target", "Computer Account That Was Changed": "Target",
    "Target Computer": "Target", "User": "Subject", "Group": "Group", "New Group": "Group", "Deleted Group": "Group",
    "Member": "Member", "Process Information": "", "Network Information": "", "Failure Information": "",
    "Detailed Authentication Information": "", "Service Information": "Service", "Additional Information": "",
    "Additional": "", "Logon Information": "", "Object": "", "Access Request Information": "",
    "Application Information": "", "Filter Information": "", "Share Information": "", "Target Server": "Server",
    "Process": "", "Session": "Session", "Task Information": "", "Attributes": "Attributes", "Changed Attributes":
    "Attributes", "Client Machine": "Client", "NAS": "NAS", "Authentication Details": "",
}  # fmt: skip
_LABELS = {
    "Logon Type": "LogonType", "Logon Process": "LogonProcessName", "Authentication Package":
    "AuthenticationPackageName", "Package Name (NTLM only)": "LmPackageName", "Key Length": "KeyLength",
    "Failure Reason": "FailureReason", "Status": "Status", "Sub Status": "SubStatus", "Logon Account": "TargetUserName",
    "Source Workstation": "Workstation", "Workstation Name": "WorkstationName", "Error Code": "Status",
    "Source Network Address": "IpAddress", "Client Address": "IpAddress", "Network Address": "IpAddress",
    "Source Port": "IpPort", "Client Port": "IpPort", "Port": "IpPort", "Source Address": "IpAddress",
    "Destination Address": "DestAddress", "Destination Port": "DestPort", "Protocol": "Protocol",
    "Direction": "Direction", "Application Name": "Application", "Process ID": "ProcessId",
    "Process Name": "ProcessName", "Caller Process ID": "ProcessId", "Caller Process Name": "ProcessName",
    "New Process ID": "NewProcessId", "New Process Name": "NewProcessName", "Creator Process ID": "ProcessId",
    "Creator Process Name": "ParentProcessName", "Process Command Line": "CommandLine",
    "Token Elevation Type": "TokenElevationType", "Mandatory Label": "MandatoryLabel", "Service Name": "ServiceName",
    "Service File Name": "ServiceFileName", "Service Type": "ServiceType", "Service Start Type": "StartType",
    "Service Account": "AccountName", "Ticket Options": "TicketOptions", "Result Code": "Status",
    "Failure Code": "Status", "Ticket Encryption Type": "TicketEncryptionType",
    "Pre-Authentication Type": "PreAuthType", "Supplied Realm Name": "TargetDomainName", "User ID": "TargetSid",
    "Caller Computer Name": "TargetDomainName", "Object Type": "ObjectType", "Object Name": "ObjectName",
    "Object Server": "ObjectServer", "Handle ID": "HandleId", "Accesses": "AccessList", "Access Mask": "AccessMask",
    "Share Name": "ShareName", "Share Path": "ShareLocalPath", "Relative Target Name": "RelativeTargetName",
    "Task Name": "TaskName", "Task Content": "TaskContent", "Privileges": "PrivilegeList",
    "Target Server Name": "TargetServerName", "Client Name": "ClientName", "Session Name": "SessionName",
    "Audit Policy Change": "", "Transited Services": "TransmittedServices", "Logon GUID": "LogonGuid",
    "Old UAC Value": "OldUacValue", "New UAC Value": "NewUacValue", "User Account Control": "UserAccountControl",
    "SAM Account Name": "SamAccountName", "Display Name": "DisplayName", "Calling Station Identifier":
    "CallingStationID", "Network Policy Name": "NetworkPolicyName", "Reason": "Reason",
    "Reason Code": "ReasonCode", "Restricted Admin Mode": "RestrictedAdminMode", "Virtual Account": "VirtualAccount",
    "Elevated Token": "ElevatedToken", "Linked Logon ID": "TargetLinkedLogonId", "Impersonation Level":
    "ImpersonationLevel", "Network Account Name": "TargetOutboundUserName",
    "Network Account Domain": "TargetOutboundDomainName", "Changes": "AuditPolicyChanges", "Category": "",
    "Subcategory": "", "Subcategory GUID": "", "Layer Name": "LayerName", "Layer Run-Time ID": "LayerRTID",
    "Filter Run-Time ID": "FilterRTID", "Transaction ID": "TransactionId", "Object Value Name": "ObjectValueName",
    "Certificate Issuer Name": "CertIssuerName", "Certificate Information": "", "Service ID": "ServiceSid",
    "Home Directory": "", "Home Drive": "", "Script Path": "", "Profile Path": "", "User Workstations": "",
    "Password Last Set": "", "Account Expires": "", "Primary Group ID": "", "Allowed To Delegate To": "",
    "User Parameters": "", "SID History": "", "Logon Hours": "", "User Principal Name": "", "DNS Host Name": "",
    "Service Principal Names": "", "Group Type": "", "Response ticket hash": "", "Target Server Information": "",
    "Remote Machine ID": "", "Remote User ID": "", "Account Type": "", "Properties": "", "Object GUID": "",
    "Share Permissions": "", "Access Reasons": "", "Restricted SID Count": "", "Resource Attributes":
    "ResourceAttributes", "Session ID": "SessionID", "Client Process ID": "", "Connection Request Policy Name": "",
    "Privileges Used for Access Check": "",
}  # fmt: skip
_OF_WHOM = {
    "Security ID": "UserSid", "Account Name": "UserName", "Account Domain": "DomainName", "Logon ID": "LogonId",
    "Group Name": "UserName", "Group Domain": "DomainName", "Old Account Name": "OldUserName",
    "New Account Name": "NewUserName", "Fully Qualified Account Name": "",
}  # fmt: skip
_WHOSE = {
    "Group": {"UserSid": "TargetSid", "UserName": "TargetUserName", "DomainName": "TargetDomainName"},
    "Member": {"UserSid": "MemberSid", "UserName": "MemberName"},
    "Session": {"UserName": "AccountName", "DomainName": "AccountDomain", "LogonId": "LogonID"},
}
# The same labels stand for other names in some events.
_FILTERED = {"Source Address": "SourceAddress", "Source Port": "SourcePort"}
_SESSION = {"User": "User", "Session ID": "SessionID", "Source Network Address": "Address"}
_STATION = {
    "Account Name": "AccountName", "Account Domain": "AccountDomain", "Logon ID": "LogonID",
    "Client Name": "ClientName", "Client Address": "ClientAddress",
}  # fmt: skip
_OF_EVENT: dict[str, Mapping[str, str]] = {
    **dict.fromkeys((str(code) for code in range(5150, 5160)), _FILTERED),
    **dict.fromkeys(("21", "22", "23", "24", "25"), _SESSION),
    "1149": {"User": "Param1", "Domain": "Param2", "Source Network Address": "Param3"},
    **dict.fromkeys(("4778", "4779"), _STATION),
    "4825": {**_STATION, "User Name": "AccountName", "Domain": "AccountDomain"},
    "7045": {"Service File Name": "ImagePath"},
}
_THREAT = {
    "Name": "ThreatName", "ID": "ThreatID", "Severity": "SeverityName", "Category": "CategoryName", "Path": "Path",
    "Detection Origin": "OriginName", "Detection Type": "TypeName", "Detection Source": "SourceName",
    "User": "DetectionUser", "Process Name": "ProcessName", "Action": "ActionName", "Action Status": "",
    "Error Code": "ErrorCode", "Error description": "", "Signature Version": "", "Engine Version": "EngineVersion",
}  # fmt: skip
_OF_EVENT |= dict.fromkeys(("1006", "1007", "1008", "1116", "1117", "1118", "1119"), _THREAT)
_SYSMON = (
    "RuleName", "UtcTime", "ProcessGuid", "ProcessId", "Image", "FileVersion", "Description", "Product", "Company",
    "OriginalFileName", "CommandLine", "CurrentDirectory", "User", "LogonGuid", "LogonId", "TerminalSessionId",
    "IntegrityLevel", "Hashes", "ParentProcessGuid", "ParentProcessId", "ParentImage", "ParentCommandLine",
    "ParentUser", "TargetFilename", "CreationUtcTime", "PreviousCreationUtcTime", "Protocol", "Initiated",
    "SourceIsIpv6", "SourceIp", "SourceHostname", "SourcePort", "SourcePortName", "DestinationIsIpv6",
    "DestinationIp", "DestinationHostname", "DestinationPort", "DestinationPortName", "ImageLoaded", "Signed",
    "Signature", "SignatureStatus", "SourceProcessGuid", "SourceProcessGUID", "SourceProcessId", "SourceThreadId",
    "SourceImage", "TargetProcessGuid", "TargetProcessGUID", "TargetProcessId", "TargetImage", "NewThreadId",
    "StartAddress", "StartModule", "StartFunction", "Device", "GrantedAccess", "CallTrace", "SourceUser",
    "TargetUser", "EventType", "TargetObject", "Details", "NewName", "Hash", "Contents", "PipeName", "Operation",
    "Name", "Query", "Type", "Destination", "Consumer", "Filter", "QueryName", "QueryStatus", "QueryResults",
    "Archived", "IsExecutable", "Session", "ClientInfo", "Configuration", "ConfigurationFileHash", "State", "Version",
    "SchemaVersion", "EventNamespace", "ID",
)  # fmt: skip


def _single(names: Mapping[str, str]) -> re.Pattern[str]:
    said = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.compile(rf"(?:^| )({said}):(?=\s|$)")


_GENERAL = {**_LABELS, **_OF_WHOM, **_SECTIONS}
_NAMES: dict[str, Mapping[str, str]] = {
    "": _GENERAL,
    "sysmon": dict.fromkeys(_SYSMON, ""),
    **{code: {**_GENERAL, **own} for code, own in _OF_EVENT.items()},
}
_SINGLE = {code: _single(names) for code, names in _NAMES.items()}
# Values of which breaks and double spaces are part.
_WHOLE = frozenset(
    ("Accesses", "Changes", "Process Command Line", "CommandLine", "ParentCommandLine", "Privileges", "Task Content",
     "User Account Control", "Contents", "Details")
)  # fmt: skip


def values(text: str, code: str, *, sysmon: bool = False) -> Fields:
    """Sigma's names of what a text says; the first of two labels alike holds.

    >>> said = "Subject:  Security ID:  S-1-0-0  Account Name:  -  New Logon:  Account Name:  ann  Logon ID:  0x1f"
    >>> values("An account was successfully logged on.  " + said, "4624")["TargetUserName"]
    'ann'
    >>> values("Process Create:  UtcTime: 2026-01-02 03:04:05.006  Image: C:\\\\a b.exe", "1", sysmon=True)["Image"]
    'C:\\\\a b.exe'
    """
    kind = "sysmon" if sysmon else code if code in _NAMES else ""
    own = _OF_EVENT.get(code, {})
    out: Fields = {}
    section = ""
    for label, value in _labelled(text[:_LONGEST], kind):
        if sysmon:
            out.setdefault(label, value)
            continue
        if label in own:
            name = own[label]
        elif label in _SECTIONS and not value:
            section = _SECTIONS[label]
            continue
        elif label in _OF_WHOM:
            name = _OF_WHOM[label]
            if section in _WHOSE:
                name = _WHOSE[section].get(name, "")
            elif name:
                name = f"{section}{name}" if section in ("Subject", "Target") else ""
        elif section == "Attributes" and label not in ("Old UAC Value", "New UAC Value", "User Account Control"):
            continue
        else:
            name = _LABELS.get(label, "")
        if name and value:
            out.setdefault(name, value)
    return out


def _labelled(text: str, kind: str) -> list[tuple[str, str]]:
    if "\n" in text or "\t" in text:
        return _pieces(text.replace("\r", "").replace("\t", "\n").split("\n"), _NAMES[kind], "\n")
    if "  " in text:
        return _pieces(text.split("  "), _NAMES[kind], "  ")
    marks = list(_SINGLE[kind].finditer(text))[:_MOST]
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    return [(mark[1], text[mark.end() : end].strip()) for mark, end in zip(marks, ends, strict=False)]


def _pieces(pieces: list[str], names: Mapping[str, str], between: str) -> list[tuple[str, str]]:
    """A piece that begins with a label, and the piece that follows one that stands alone."""
    found: list[tuple[str, str]] = []
    label, value = "", ""
    for piece in pieces:
        piece = piece.strip()
        if not piece:
            continue
        name, colon, rest = piece.partition(":")
        if colon and name in names and rest[:1] in ("", " "):
            if label:
                found.append((label, value))
                if len(found) >= _MOST:
                    return found
            label, value = name, rest.strip()
        elif not value:
            value = piece
        elif label in _WHOLE:
            value += between + piece
    if label:
        found.append((label, value))
    return found


_FIRST_WORDS = {
    "An account was successfully logged on": "4624", "An account failed to log on": "4625",
    "An account was logged off": "4634", "User initiated logoff": "4647",
    "A logon was attempted using explicit credentials": "4648", "Special privileges assigned to new logon": "4672",
    "A privileged service was called": "4673", "A new process has been created": "4688",
    "A process has exited": "4689", "A service was installed in the system": "4697",
    "A scheduled task was created": "4698", "A scheduled task was deleted": "4699",
    "A scheduled task was enabled": "4700", "A scheduled task was disabled": "4701",
    "A scheduled task was updated": "4702", "System audit policy was changed": "4719",
    "A user account was created": "4720", "A user account was enabled": "4722",
    "An attempt was made to change an account's password": "4723",
    "An attempt was made to reset an account's password": "4724", "A user account was disabled": "4725",
    "A user account was deleted": "4726", "A security-enabled global group was created": "4727",
    "A member was added to a security-enabled global group": "4728",
    "A member was removed from a security-enabled global group": "4729",
    "A security-enabled local group was created": "4731",
    "A member was added to a security-enabled local group": "4732",
    "A member was removed from a security-enabled local group": "4733", "A user account was changed": "4738",
    "A user account was locked out": "4740", "A computer account was created": "4741",
    "A computer account was changed": "4742", "A computer account was deleted": "4743",
    "A member was added to a security-enabled universal group": "4756",
    "A member was removed from a security-enabled universal group": "4757", "A user account was unlocked": "4767",
    "A Kerberos authentication ticket (TGT) was requested": "4768", "A Kerberos service ticket was requested": "4769",
    "A Kerberos service ticket was renewed": "4770", "Kerberos pre-authentication failed": "4771",
    "The computer attempted to validate the credentials for an account": "4776",
    "The domain controller attempted to validate the credentials for an account": "4776",
    "A session was reconnected to a Window Station": "4778",
    "A session was disconnected from a Window Station": "4779", "A network share object was accessed": "5140",
    "A network share object was checked to see whether client can be granted desired access": "5145",
    "The Windows Filtering Platform has permitted a connection": "5156",
    "The Windows Filtering Platform has blocked a connection": "5157",
    "An attempt was made to access an object": "4663",
    "A handle to an object was requested": "4656", "The audit log was cleared": "1102",
}  # fmt: skip


def code_of(text: str) -> str | None:
    """The event id that a text of the Security log begins like.

    >>> code_of("An account failed to log on. Subject: …"), code_of("Hello.")
    ('4625', None)
    """
    return _FIRST_WORDS.get(text[:160].partition(".")[0].strip())
