"""What codes in Windows events mean, in words.

Microsoft: "Security auditing", "NTSTATUS values", MS-SAMR section 2.2.1.12, RFC 4120 sections 5.4.1 and 7.5.9.
"""

LOGON_TYPES = {
    "0": "System",
    "2": "Interactive",
    "3": "Network",
    "4": "Batch",
    "5": "Service",
    "7": "Unlock",
    "8": "NetworkCleartext",
    "9": "NewCredentials",
    "10": "RemoteInteractive",
    "11": "CachedInteractive",
    "12": "CachedRemoteInteractive",
    "13": "CachedUnlock",
}

STATUS = {
    0x00000000: "Success",
    0xC000005E: "No logon servers available",
    0xC0000064: "User name does not exist",
    0xC000006A: "Wrong password",
    0xC000006D: "Unknown user name or bad password",
    0xC000006E: "Account restriction",
    0xC000006F: "Outside authorized hours",
    0xC0000070: "Unauthorized workstation",
    0xC0000071: "Password expired",
    0xC0000072: "Account disabled",
    0xC000009A: "Insufficient system resources",
    0xC00000DC: "Server in wrong state",
    0xC0000133: "Clocks out of sync",
    0xC000015B: "Logon type not granted",
    0xC000018B: "No trust account for this workstation",
    0xC000018C: "Trust relationship failed",
    0xC000018D: "Trust relationship with the workstation failed",
    0xC0000192: "Netlogon not started",
    0xC0000193: "Account expired",
    0xC0000224: "Password must change",
    0xC0000225: "Windows bug, no risk",
    0xC0000234: "Account locked out",
    0xC00002EE: "Error during logon",
    0xC0000371: "No secret material for the local account",
    0xC0000388: "Downgrade detected",
    0xC0000413: "Authentication firewall",
}

KERBEROS = {
    0x0: "Success",
    0x1: "Client's entry in the database has expired",
    0x2: "Server's entry in the database has expired",
    0x6: "Client not found in Kerberos database",
    0x7: "Server not found in Kerberos database",
    0x8: "Several entries for one principal",
    0x9: "Client or server has no key",
    0xC: "Policy rejects request",
    0xD: "KDC cannot accommodate the option",
    0xE: "No support for encryption type",
    0xF: "No support for checksum type",
    0x10: "No support for pre-authentication data",
    0x12: "Client credentials revoked",
    0x17: "Password expired",
    0x18: "Pre-authentication failed",
    0x19: "Additional pre-authentication required",
    0x1F: "Integrity check failed",
    0x20: "Ticket expired",
    0x21: "Ticket not yet valid",
    0x22: "Request is a replay",
    0x25: "Clock skew too great",
    0x29: "Message stream modified",
    0x3C: "Generic error",
}

ENCRYPTION = {
    "0x1": "DES-CBC-CRC",
    "0x3": "DES-CBC-MD5",
    "0x11": "AES128-CTS-HMAC-SHA1-96",
    "0x12": "AES256-CTS-HMAC-SHA1-96",
    "0x17": "RC4-HMAC",
    "0x18": "RC4-HMAC-EXP",
    "0xffffffff": "none",
    "0xFFFFFFFF": "none",
}

# Bit 0 of RFC 4120 is the highest.
_TICKET_OPTIONS = {
    1: "Forwardable", 2: "Forwarded", 3: "Proxiable", 4: "Proxy", 5: "Allow-postdate", 6: "Postdated", 7: "Invalid",
    8: "Renewable", 9: "Initial", 10: "Pre-authent", 11: "Opt-hardware-auth", 12: "Transited-policy-checked",
    13: "Ok-as-delegate", 14: "Request-anonymous", 15: "Name-canonicalize", 26: "Disable-transited-check",
    27: "Renewable-ok", 28: "Enc-tkt-in-skey", 30: "Renew", 31: "Validate",
}  # fmt: skip

_ACCOUNT_FLAGS = (
    "Account disabled", "Home directory required", "Password not required", "Temporary duplicate account",
    "Normal account", "MNS logon account", "Interdomain trust account", "Workstation trust account",
    "Server trust account", "Password does not expire", "Account locked", "Encrypted text password allowed",
    "Smartcard required", "Trusted for delegation", "Not delegated", "DES key only", "No preauthentication required",
    "Password expired", "Trusted to authenticate for delegation", "No authorization data", "Partial secrets account",
)  # fmt: skip

_ACCESS = {
    1537: "Delete", 1538: "Read control", 1539: "Write DAC", 1540: "Write owner", 1541: "Synchronize",
    1542: "Access system security", 1543: "Maximum allowed",
    4416: "Read data or list directory", 4417: "Write data or add file", 4418: "Append data or add subdirectory",
    4419: "Read extended attributes", 4420: "Write extended attributes", 4421: "Execute or traverse",
    4422: "Delete child", 4423: "Read attributes", 4424: "Write attributes",
    4432: "Query key value", 4433: "Set key value", 4434: "Create subkey", 4435: "Enumerate subkeys",
    4436: "Notify about changes to keys", 4437: "Create link",
    4480: "Terminate process", 4481: "Create thread", 4482: "Set session id", 4483: "Virtual memory operation",
    4484: "Read process memory", 4485: "Write process memory", 4486: "Duplicate handle", 4487: "Create process",
    4488: "Set quotas", 4489: "Set process information", 4490: "Query process information", 4491: "Set priority",
    4492: "Suspend or resume process",
    7680: "Create child", 7681: "Delete child", 7682: "List contents", 7683: "Write self", 7684: "Read property",
    7685: "Write property", 7686: "Delete tree", 7687: "List object", 7688: "Control access",
}  # fmt: skip

MESSAGES: dict[str, str] = {
    **{f"%%{code}": said for code, said in _ACCESS.items()},
    **{f"%%{2080 + bit}": f"{said}: yes" for bit, said in enumerate(_ACCOUNT_FLAGS)},
    **{f"%%{2048 + bit}": f"{said}: no" for bit, said in enumerate(_ACCOUNT_FLAGS)},
    "%%2304": "Error during logon",
    "%%2305": "Account expired",
    "%%2306": "Netlogon not started",
    "%%2307": "Account locked out",
    "%%2308": "Logon type not granted",
    "%%2309": "Password expired",
    "%%2310": "Account disabled",
    "%%2311": "Outside authorized hours",
    "%%2312": "Unauthorized workstation",
    "%%2313": "Unknown user name or bad password",
    "%%2314": "Domain SID inconsistent",
    "%%8448": "Success removed",
    "%%8449": "Success added",
    "%%8450": "Failure removed",
    "%%8451": "Failure added",
}
"""The codes of Windows' own message table that values carry in place of words."""

TRUST_TYPES = {"1": "Downlevel", "2": "Uplevel", "3": "MIT", "4": "DCE"}
TRUST_DIRECTIONS = {"0": "Disabled", "1": "Inbound", "2": "Outbound", "3": "Bidirectional"}
_TRUST_ATTRIBUTES = (
    "Non-transitive", "Uplevel only", "Quarantined domain", "Forest transitive", "Cross organization", "Within forest",
    "Treat as external", "Uses RC4 encryption", "No TGT delegation in cross organization", "TGT delegation",
    "Privileged access management",
)  # fmt: skip

DIRECTIONS = {"%%14592": "ingress", "Inbound": "ingress", "%%14593": "egress", "Outbound": "egress"}
PROTOCOLS = {"1": "icmp", "6": "tcp", "17": "udp", "58": "ipv6-icmp", "tcp": "tcp", "udp": "udp"}
PROTOCOLS |= {"TCP": "tcp", "UDP": "udp", "47": "gre", "50": "esp"}


def account_flags(mask: int) -> list[str]:
    """
    >>> account_flags(0x15)
    ['Account disabled', 'Password not required', 'Normal account']
    """
    return [said for bit, said in enumerate(_ACCOUNT_FLAGS) if mask >> bit & 1]


def ticket_options(mask: int) -> list[str]:
    """
    >>> ticket_options(0x40810010)
    ['Forwardable', 'Renewable', 'Name-canonicalize', 'Renewable-ok']
    """
    return [said for bit, said in _TICKET_OPTIONS.items() if mask >> (31 - bit) & 1]


def trust_attributes(mask: int) -> list[str]:
    return [said for bit, said in enumerate(_TRUST_ATTRIBUTES) if mask >> bit & 1]


def messages(codes: str) -> list[str]:
    """
    >>> messages("%%8448, %%8450"), messages("%%4416 %%9999")
    (['Success removed', 'Failure removed'], ['Read data or list directory', '%%9999'])
    """
    return [MESSAGES.get(code, code) for code in codes.replace(",", " ").split()[:64]]
