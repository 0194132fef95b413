"""What a Windows event says in ECS's words, by service and event id."""

from typing import NamedTuple


class Meaning(NamedTuple):
    action: str
    category: tuple[str, ...]
    type: tuple[str, ...]
    outcome: str | None = None


_IAM, _CONFIGURATION, _BOTH = ("iam",), ("configuration",), ("iam", "configuration")
_LOGIN, _SESSION, _PROCESS, _FILE = ("authentication",), ("session",), ("process",), ("file",)
_CHANGED, _ADMIN_CHANGE = ("change",), ("admin", "change")
_USER_CHANGE, _GROUP_CHANGE = ("user", "change"), ("group", "change")


def _of(
    actions: dict[int, str], category: tuple[str, ...], type_: tuple[str, ...], outcome: str | None = None
) -> dict[str, Meaning]:
    return {str(code): Meaning(action, category, type_, outcome) for code, action in actions.items()}


def _groups(first: dict[str, int], kind: str) -> dict[str, Meaning]:
    """Windows has the same five events for each scope and kind of a group."""
    actions = {"joined": f"added-member-to-{kind}group", "left": f"removed-member-from-{kind}group"}
    types = {"added": ("group", "creation"), "deleted": ("group", "deletion")}
    return {
        str(code): Meaning(actions.get(verb, f"{verb}-{kind}group-account"), _IAM, types.get(verb, _GROUP_CHANGE))
        for verb, code in first.items()
    }


_SECURITY: dict[str, Meaning] = {
    **_of({1100: "logging-service-shutdown"}, _PROCESS, ("end",)),
    **_of({1102: "audit-log-cleared"}, _IAM, _ADMIN_CHANGE, "success"),
    **_of({1104: "logging-full", 1105: "auditlog-archieved", 1108: "logging-processing-error"}, _IAM, ("admin",)),
    **_of({4608: "system-started"}, ("host",), ("start",)),
    **_of(
        {4610: "authentication-package-loaded", 4614: "notification-package-loaded", 4622: "security-package-loaded"},
        _CONFIGURATION,
        ("access",),
    ),
    **_of({4611: "trusted-logon-process-registered", 4616: "system-time-changed"}, _CONFIGURATION, _CHANGED),
    "4624": Meaning("logged-in", _LOGIN, ("start",), "success"),
    "4625": Meaning("logon-failed", _LOGIN, ("start",), "failure"),
    **_of({4634: "logged-out", 4647: "logged-out"}, _SESSION, ("end",)),
    "4648": Meaning("logged-in-explicit", _LOGIN, ("start",)),
    **_of({4656: "handle-requested", 4663: "object-accessed", 4661: "handle-requested"}, (), ()),
    "4657": Meaning("registry-value-modified", ("registry",), _CHANGED),
    **_of({4662: "object-operation-performed", 4670: "permissions-changed"}, _BOTH, _ADMIN_CHANGE),
    **_of(
        {4672: "logged-in-special", 4673: "privileged-service-called", 4674: "privileged-operation"}, _IAM, ("admin",)
    ),
    "4688": Meaning("created-process", _PROCESS, ("start",)),
    "4689": Meaning("exited-process", _PROCESS, ("end",)),
    "4697": Meaning("service-installed", _CONFIGURATION, ("creation",)),
    "4698": Meaning("scheduled-task-created", _CONFIGURATION, ("creation",)),
    "4699": Meaning("scheduled-task-deleted", _CONFIGURATION, ("deletion",)),
    **_of(
        {4700: "scheduled-task-enabled", 4701: "scheduled-task-disabled", 4702: "scheduled-task-updated"},
        _CONFIGURATION,
        _CHANGED,
    ),
    **_of({4704: "user-right-assigned", 4705: "user-right-removed"}, _IAM, _USER_CHANGE),
    "4706": Meaning("domain-trust-added", _CONFIGURATION, ("creation",)),
    "4707": Meaning("domain-trust-removed", _CONFIGURATION, ("deletion",)),
    **_of(
        {
            4713: "kerberos-policy-changed",
            4714: "encrypted-data-recovery-policy-changed",
            4715: "object-audit-policy-changed",
            4716: "trusted-domain-information-changed",
            4719: "changed-audit-config",
            4739: "domain-policy-changed",
        },
        _CONFIGURATION,
        _CHANGED,
    ),
    "4717": Meaning("system-security-access-granted", _BOTH, _ADMIN_CHANGE),
    "4718": Meaning("system-security-access-removed", _BOTH, ("admin", "deletion")),
    "4720": Meaning("added-user-account", _IAM, ("user", "creation")),
    "4726": Meaning("deleted-user-account", _IAM, ("user", "deletion")),
    **_of(
        {
            4722: "enabled-user-account",
            4723: "changed-password",
            4724: "reset-password",
            4725: "disabled-user-account",
            4738: "modified-user-account",
            4740: "locked-out-user-account",
            4767: "unlocked-user-account",
            4781: "renamed-user-account",
        },
        _IAM,
        _USER_CHANGE,
    ),
    "4741": Meaning("added-computer-account", _IAM, ("creation", "admin")),
    "4742": Meaning("changed-computer-account", _IAM, ("change", "admin")),
    "4743": Meaning("deleted-computer-account", _IAM, ("deletion", "admin")),
    **_groups({"added": 4727, "joined": 4728, "left": 4729, "deleted": 4730, "modified": 4737}, ""),
    **_groups({"added": 4731, "joined": 4732, "left": 4733, "deleted": 4734, "modified": 4735}, ""),
    **_groups({"added": 4754, "modified": 4755, "joined": 4756, "left": 4757, "deleted": 4758}, ""),
    **_groups({"added": 4744, "changed": 4745, "joined": 4746, "left": 4747, "deleted": 4748}, "distribution-"),
    **_groups({"added": 4749, "changed": 4750, "joined": 4751, "left": 4752, "deleted": 4753}, "distribution-"),
    **_groups({"added": 4759, "changed": 4760, "joined": 4761, "left": 4762, "deleted": 4763}, "distribution-"),
    "4764": Meaning("type-changed-group-account", _IAM, _GROUP_CHANGE),
    "4768": Meaning("kerberos-authentication-ticket-requested", _LOGIN, ("start",)),
    "4769": Meaning("kerberos-service-ticket-requested", (), ()),
    "4770": Meaning("kerberos-service-ticket-renewed", (), ()),
    "4771": Meaning("kerberos-preauth-failed", _LOGIN, ("start",), "failure"),
    "4776": Meaning("credential-validated", _LOGIN, ("start",)),
    "4778": Meaning("session-reconnected", _SESSION, ("start",)),
    "4779": Meaning("session-disconnected", _SESSION, ("end",)),
    "4825": Meaning("rdp-access-denied", _SESSION, ("info",), "failure"),
    "4797": Meaning("query-existence-of-blank-password", _IAM, ("user", "info")),
    "4798": Meaning("group-membership-enumerated", _IAM, ("user", "info")),
    "4799": Meaning("user-member-enumerated", _IAM, ("group", "info")),
    "4817": Meaning("object-audit-changed", _BOTH, _ADMIN_CHANGE),
    "4902": Meaning("user-audit-policy-created", _BOTH, ("admin", "creation")),
    "4904": Meaning("security-event-source-added", _BOTH, _ADMIN_CHANGE),
    "4905": Meaning("security-event-source-removed", _BOTH, ("admin", "deletion")),
    **_of(
        {
            4906: "crash-on-audit-changed",
            4907: "audit-setting-changed",
            4908: "special-group-table-changed",
            4912: "per-user-audit-policy-changed",
        },
        _BOTH,
        _ADMIN_CHANGE,
    ),
    "4946": Meaning("firewall-rule-added", _CONFIGURATION, ("creation",)),
    "4947": Meaning("firewall-rule-modified", _CONFIGURATION, _CHANGED),
    "4948": Meaning("firewall-rule-deleted", _CONFIGURATION, ("deletion",)),
    "4964": Meaning("logged-in-special", _IAM, ("admin", "group")),
    "5136": Meaning("directory-service-object-modified", _CONFIGURATION, _CHANGED),
    "5137": Meaning("directory-service-object-created", _CONFIGURATION, ("creation",)),
    "5141": Meaning("directory-service-object-deleted", _CONFIGURATION, ("deletion",)),
    "5140": Meaning("network-share-object-accessed", ("network", "file"), ("info", "access")),
    "5145": Meaning("network-share-object-access-checked", ("network", "file"), ("info", "access")),
    **_of({5152: "packet-blocked", 5157: "connection-blocked"}, ("network",), ("connection", "denied")),
    **_of({5156: "connection-permitted"}, ("network",), ("connection", "allowed")),
    **_of({5379: "credentials-read", 5381: "vault-credentials-read", 5382: "vault-credentials-read"}, _IAM, ("info",)),
    "6272": Meaning("network-access-granted", (), (), "success"),
    "6273": Meaning("network-access-denied", (), (), "failure"),
}

MEANINGS: dict[str, dict[str, Meaning]] = {
    "security": _SECURITY,
    "system": {
        "104": Meaning("log-cleared", _IAM, _ADMIN_CHANGE, "success"),
        "7045": Meaning("service-installed", _CONFIGURATION, ("creation",)),
        "7040": Meaning("service-start-type-changed", _CONFIGURATION, _CHANGED),
    },
    "sysmon": {
        "1": Meaning("process-created", _PROCESS, ("start",)),
        "2": Meaning("file-creation-time-changed", _FILE, _CHANGED),
        "3": Meaning("network-connection", ("network",), ("connection", "start")),
        "4": Meaning("sysmon-state-changed", _PROCESS, _CHANGED),
        "5": Meaning("process-terminated", _PROCESS, ("end",)),
        "6": Meaning("driver-loaded", ("driver",), ("start",)),
        "7": Meaning("image-loaded", ("library",), ("start",)),
        "8": Meaning("remote-thread-created", _PROCESS, _CHANGED),
        "9": Meaning("raw-access-read", _FILE, ("access",)),
        "10": Meaning("process-accessed", _PROCESS, ("access",)),
        "11": Meaning("file-created", _FILE, ("creation",)),
        "12": Meaning("registry-object-changed", ("registry",), _CHANGED),
        "13": Meaning("registry-value-set", ("registry",), _CHANGED),
        "14": Meaning("registry-object-renamed", ("registry",), _CHANGED),
        "15": Meaning("file-stream-created", _FILE, ("access",)),
        "16": Meaning("sysmon-configuration-changed", _CONFIGURATION, _CHANGED),
        "17": Meaning("pipe-created", _FILE, ("creation",)),
        "18": Meaning("pipe-connected", _FILE, ("access",)),
        **_of({19: "wmi-filter", 20: "wmi-consumer", 21: "wmi-binding"}, _CONFIGURATION, _CHANGED),
        "22": Meaning("dns-query", ("network",), ("protocol", "info")),
        "23": Meaning("file-deleted", _FILE, ("deletion",)),
        "25": Meaning("process-tampering", _PROCESS, _CHANGED),
        "26": Meaning("file-deleted", _FILE, ("deletion",)),
        **_of({27: "executable-blocked", 28: "shredding-blocked"}, _FILE, ("info",)),
        "29": Meaning("executable-detected", _FILE, ("creation",)),
    },
    "terminalservices-localsessionmanager": {
        "21": Meaning("rdp_login", ("authentication", "session"), ("start",), "success"),
        "22": Meaning("shell-started", _SESSION, ("info",)),
        "23": Meaning("logged-out", _SESSION, ("end",)),
        "24": Meaning("session-disconnected", _SESSION, ("end",)),
        "25": Meaning("session-reconnected", ("authentication", "session"), ("start",), "success"),
    },
    "terminalservices-remoteconnectionmanager": {
        "1149": Meaning("rdp-authenticated", _LOGIN, ("start",), "success"),
    },
    "powershell": {
        "4103": Meaning("module-logged", _PROCESS, ("info",)),
        "4104": Meaning("script-block", _PROCESS, ("info",)),
        "4105": Meaning("script-block-started", _PROCESS, ("start",)),
        "4106": Meaning("script-block-ended", _PROCESS, ("end",)),
    },
    "powershell-classic": {
        "400": Meaning("engine-started", _PROCESS, ("start",)),
        "403": Meaning("engine-stopped", _PROCESS, ("end",)),
        "600": Meaning("provider-started", _PROCESS, ("info",)),
        "800": Meaning("pipeline-executed", _PROCESS, ("info",)),
    },
    "windefend": {
        **_of(
            {
                1006: "malware-detected",
                1007: "malware-action",
                1008: "malware-action-failed",
                1015: "behaviour-detected",
                1116: "malware-detected",
                1117: "malware-action",
                1118: "malware-action-failed",
                1119: "malware-action-failed",
            },
            ("malware",),
            ("info",),
        ),
        **_of({1121: "attack-surface-blocked", 1123: "folder-access-blocked"}, ("malware",), ("info",)),
        **_of({1122: "attack-surface-audited"}, ("malware",), ("info",)),
        **_of(
            {
                5001: "real-time-protection-disabled",
                5004: "real-time-protection-changed",
                5007: "configuration-changed",
                5010: "spyware-scanning-disabled",
                5012: "virus-scanning-disabled",
                5013: "tampering-blocked",
            },
            _CONFIGURATION,
            _CHANGED,
        ),
    },
    "taskscheduler": {
        "106": Meaning("scheduled-task-created", _CONFIGURATION, ("creation",)),
        "140": Meaning("scheduled-task-updated", _CONFIGURATION, _CHANGED),
        "141": Meaning("scheduled-task-deleted", _CONFIGURATION, ("deletion",)),
        "129": Meaning("task-process-created", _PROCESS, ("start",)),
        "200": Meaning("task-action-started", _PROCESS, ("start",)),
        "201": Meaning("task-action-completed", _PROCESS, ("end",)),
    },
    "applocker": {
        **_of({8002: "executable-allowed", 8005: "script-allowed", 8020: "package-allowed"}, _PROCESS, ("start",)),
        **_of({8003: "executable-audited", 8006: "script-audited", 8021: "package-audited"}, _PROCESS, ("start",)),
        **_of({8004: "executable-blocked", 8007: "script-blocked", 8022: "package-blocked"}, _PROCESS, ("info",)),
    },
    "firewall-as": {
        **_of({2004: "firewall-rule-added", 2097: "firewall-rule-added"}, _CONFIGURATION, ("creation",)),
        **_of({2005: "firewall-rule-modified", 2099: "firewall-rule-modified"}, _CONFIGURATION, _CHANGED),
        **_of({2006: "firewall-rule-deleted", 2033: "firewall-rules-deleted"}, _CONFIGURATION, ("deletion",)),
    },
    "bits-client": {
        "3": Meaning("transfer-created", ("network",), ("info",)),
        "59": Meaning("transfer-started", ("network",), ("start",)),
        **_of({60: "transfer-stopped", 61: "transfer-stopped"}, ("network",), ("end",)),
    },
}

UNKNOWN = Meaning("", (), ())
