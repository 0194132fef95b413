"""Record types of Linux's audit trail: their numbers, and what each says in ECS.

linux/audit.h of the kernel, audit-records.h of audit-userspace.
"""

from typing import NamedTuple

# A number starts a run; each name after it takes the next number, "-" leaves one out.
_NUMBERED = """
1005 USER LOGIN 1100 USER_AUTH USER_ACCT USER_MGMT CRED_ACQ CRED_DISP USER_START USER_END USER_AVC USER_CHAUTHTOK
USER_ERR CRED_REFR USYS_CONFIG USER_LOGIN USER_LOGOUT ADD_USER DEL_USER ADD_GROUP DEL_GROUP DAC_CHECK CHGRP_ID TEST
TRUSTED_APP USER_SELINUX_ERR USER_CMD USER_TTY CHUSER_ID GRP_AUTH SYSTEM_BOOT SYSTEM_SHUTDOWN SYSTEM_RUNLEVEL
SERVICE_START SERVICE_STOP GRP_MGMT GRP_CHAUTHTOK MAC_CHECK ACCT_LOCK ACCT_UNLOCK USER_DEVICE SOFTWARE_UPDATE
1200 DAEMON_START DAEMON_END DAEMON_ABORT DAEMON_CONFIG DAEMON_RECONFIG DAEMON_ROTATE DAEMON_RESUME DAEMON_ACCEPT
DAEMON_CLOSE DAEMON_ERR 1300 SYSCALL - PATH IPC SOCKETCALL CONFIG_CHANGE SOCKADDR CWD - EXECVE - IPC_SET_PERM MQ_OPEN
MQ_SENDRECV MQ_NOTIFY MQ_GETSETATTR KERNEL_OTHER FD_PAIR OBJ_PID TTY EOE BPRM_FCAPS CAPSET MMAP NETFILTER_PKT
NETFILTER_CFG SECCOMP PROCTITLE FEATURE_CHANGE REPLACE KERN_MODULE FANOTIFY TIME_INJOFFSET TIME_ADJNTPVAL BPF
EVENT_LISTENER URINGOP OPENAT2 DM_CTRL DM_EVENT 1400 AVC SELINUX_ERR AVC_PATH MAC_POLICY_LOAD MAC_STATUS
MAC_CONFIG_CHANGE MAC_UNLBL_ALLOW MAC_CIPSOV4_ADD MAC_CIPSOV4_DEL MAC_MAP_ADD MAC_MAP_DEL MAC_IPSEC_ADDSA
MAC_IPSEC_DELSA MAC_IPSEC_ADDSPD MAC_IPSEC_DELSPD MAC_IPSEC_EVENT MAC_UNLBL_STCADD MAC_UNLBL_STCDEL MAC_CALIPSO_ADD
MAC_CALIPSO_DEL 1500 AA APPARMOR_AUDIT APPARMOR_ALLOWED APPARMOR_DENIED APPARMOR_HINT APPARMOR_STATUS APPARMOR_ERROR
APPARMOR_KILL 1700 ANOM_PROMISCUOUS ANOM_ABEND ANOM_LINK ANOM_CREAT 1800 INTEGRITY_DATA INTEGRITY_METADATA
INTEGRITY_STATUS INTEGRITY_HASH INTEGRITY_PCR INTEGRITY_RULE INTEGRITY_EVM_XATTR INTEGRITY_POLICY_RULE 2000 KERNEL
2100 ANOM_LOGIN_FAILURES ANOM_LOGIN_TIME ANOM_LOGIN_SESSIONS ANOM_LOGIN_ACCT ANOM_LOGIN_LOCATION ANOM_MAX_DAC
ANOM_MAX_MAC ANOM_AMTU_FAIL ANOM_RBAC_FAIL ANOM_RBAC_INTEGRITY_FAIL ANOM_CRYPTO_FAIL ANOM_ACCESS_FS ANOM_EXEC
ANOM_MK_EXEC ANOM_ADD_ACCT ANOM_DEL_ACCT ANOM_MOD_ACCT ANOM_ROOT_TRANS ANOM_LOGIN_SERVICE ANOM_LOGIN_ROOT
ANOM_ORIGIN_FAILURES ANOM_SESSION 2200 RESP_ANOMALY RESP_ALERT RESP_KILL_PROC RESP_TERM_ACCESS RESP_ACCT_REMOTE
RESP_ACCT_LOCK_TIMED RESP_ACCT_UNLOCK_TIMED RESP_ACCT_LOCK RESP_TERM_LOCK RESP_SEBOOL RESP_EXEC RESP_SINGLE RESP_HALT
RESP_ORIGIN_BLOCK RESP_ORIGIN_BLOCK_TIMED RESP_ORIGIN_UNBLOCK_TIMED 2300 USER_ROLE_CHANGE ROLE_ASSIGN ROLE_REMOVE
LABEL_OVERRIDE LABEL_LEVEL_CHANGE USER_LABELED_EXPORT USER_UNLABELED_EXPORT DEV_ALLOC DEV_DEALLOC FS_RELABEL
USER_MAC_POLICY_LOAD ROLE_MODIFY USER_MAC_CONFIG_CHANGE USER_MAC_STATUS 2400 CRYPTO_TEST_USER
CRYPTO_PARAM_CHANGE_USER CRYPTO_LOGIN CRYPTO_LOGOUT CRYPTO_KEY_USER CRYPTO_FAILURE_USER CRYPTO_REPLAY_USER
CRYPTO_SESSION CRYPTO_IKE_SA CRYPTO_IPSEC_SA 2500 VIRT_CONTROL VIRT_RESOURCE VIRT_MACHINE_ID VIRT_INTEGRITY_CHECK
VIRT_CREATE VIRT_DESTROY VIRT_MIGRATE_IN VIRT_MIGRATE_OUT
"""


def _numbers() -> dict[str, int]:
    numbers: dict[str, int] = {}
    number = 0
    for word in _NUMBERED.split():
        if word.isdigit():
            number = int(word)
        else:
            if word != "-":
                numbers[word] = number
            number += 1
    return numbers


_NUMBERS = _numbers()
_NAMES = {str(number): name for name, number in _NUMBERS.items()}


def type_name(text: str) -> str:
    """
    >>> type_name("1300"), type_name("UNKNOWN[1334]"), type_name("USER_LOGIN"), type_name("1999")
    ('SYSCALL', 'BPF', 'USER_LOGIN', '1999')
    """
    if text in _NUMBERS:
        return text
    number = text[8:-1] if text.startswith("UNKNOWN[") else text
    return _NAMES.get(number, text)


def is_type(name: str) -> bool:
    return name in _NUMBERS


def stands_alone(name: str) -> bool:
    """Whether no other record has this one's serial: auparse's rule (au_check_events).

    >>> stands_alone("USER_LOGIN"), stands_alone("SYSCALL"), stands_alone("AVC"), stands_alone("NEW_ONE")
    (True, False, False, False)
    """
    number = _NUMBERS.get(name)
    return number is not None and (number < 1300 or number >= 2100 or number == 2000)


class Meaning(NamedTuple):
    action: str
    category: tuple[str, ...] = ()
    type: tuple[str, ...] = ("info",)


_AUTH, _SESSION, _IAM, _PROCESS = ("authentication",), ("session",), ("iam",), ("process",)
_HOST, _CONFIG, _NETWORK, _ALARM = ("host",), ("configuration",), ("network",), ("intrusion_detection",)
_SET_UP = ("process", "configuration")
_WATCHED = ("authentication", "intrusion_detection")

MEANINGS: dict[str, Meaning] = {
    "USER_AUTH": Meaning("authenticated", _AUTH),
    "USER_ACCT": Meaning("was-authorized", _AUTH),
    "USER_ERR": Meaning("error", _AUTH),
    "USER_LOGIN": Meaning("logged-in", _AUTH, ("start",)),
    "USER_LOGOUT": Meaning("logged-out", _SESSION, ("end",)),
    "USER_START": Meaning("started-session", _SESSION, ("start",)),
    "USER_END": Meaning("ended-session", _SESSION, ("end",)),
    "LOGIN": Meaning("changed-login-id-to", _SESSION, ("start",)),
    "GRP_AUTH": Meaning("authenticated-to-group", _AUTH),
    "CRED_ACQ": Meaning("acquired-credentials", _SESSION),
    "CRED_DISP": Meaning("disposed-credentials", _SESSION),
    "CRED_REFR": Meaning("refreshed-credentials", _SESSION),
    "USER_ROLE_CHANGE": Meaning("changed-role-to", _SESSION),
    "USER_CHAUTHTOK": Meaning("changed-password", _IAM, ("user", "change")),
    "USER_MGMT": Meaning("modified-user-account", _IAM, ("user", "change")),
    "ADD_USER": Meaning("added-user-account", _IAM, ("user", "creation")),
    "DEL_USER": Meaning("deleted-user-account", _IAM, ("user", "deletion")),
    "ACCT_LOCK": Meaning("locked-account", _IAM, ("user", "change")),
    "ACCT_UNLOCK": Meaning("unlocked-account", _IAM, ("user", "change")),
    "ADD_GROUP": Meaning("added-group-account-to", _IAM, ("group", "creation")),
    "DEL_GROUP": Meaning("deleted-group-account-from", _IAM, ("group", "deletion")),
    "GRP_MGMT": Meaning("modified-group-account", _IAM, ("group", "change")),
    "GRP_CHAUTHTOK": Meaning("changed-group-password", _IAM, ("group", "change")),
    "ROLE_ASSIGN": Meaning("assigned-user-role-to", _IAM, ("user", "change")),
    "ROLE_REMOVE": Meaning("removed-user-role-from", _IAM, ("user", "change")),
    "ROLE_MODIFY": Meaning("modified-role", _IAM, ("change",)),
    "CHGRP_ID": Meaning("changed-group", _PROCESS, ("change",)),
    "CHUSER_ID": Meaning("changed-user-id", _PROCESS, ("change",)),
    "USER_CMD": Meaning("ran-command", _PROCESS, ("start",)),
    "USER_TTY": Meaning("typed", _PROCESS),
    "TTY": Meaning("typed", _PROCESS),
    "SYSTEM_BOOT": Meaning("booted-system", _HOST, ("start",)),
    "SYSTEM_SHUTDOWN": Meaning("shutdown-system", _HOST, ("end",)),
    "SYSTEM_RUNLEVEL": Meaning("changed-to-runlevel", _HOST, ("change",)),
    "SERVICE_START": Meaning("started-service", _PROCESS, ("start",)),
    "SERVICE_STOP": Meaning("stopped-service", _PROCESS, ("end",)),
    "CONFIG_CHANGE": Meaning("changed-audit-configuration", _SET_UP, ("change",)),
    "FEATURE_CHANGE": Meaning("changed-audit-feature", _CONFIG, ("change",)),
    "USYS_CONFIG": Meaning("changed-configuration", _CONFIG, ("change",)),
    "NETFILTER_CFG": Meaning("loaded-firewall-rule-to", _CONFIG, ("change",)),
    "NETFILTER_PKT": Meaning("packet", _NETWORK, ("connection", "info")),
    "TIME_INJOFFSET": Meaning("changed-system-time", _HOST, ("change",)),
    "TIME_ADJNTPVAL": Meaning("changed-system-time", _HOST, ("change",)),
    "KERN_MODULE": Meaning("loaded-kernel-module", ("driver",), ("start",)),
    "DAEMON_START": Meaning("started-audit", _PROCESS, ("start",)),
    "DAEMON_END": Meaning("shutdown-audit", _PROCESS, ("end",)),
    "DAEMON_ABORT": Meaning("aborted-auditd-startup", _PROCESS, ("end",)),
    "DAEMON_CONFIG": Meaning("changed-auditd-configuration", _SET_UP, ("change",)),
    "DAEMON_RECONFIG": Meaning("reconfigured-auditd", _SET_UP),
    "DAEMON_ROTATE": Meaning("rotated-audit-logs", _PROCESS, ("change",)),
    "DAEMON_RESUME": Meaning("resumed-audit-logging", _PROCESS, ("change",)),
    "DAEMON_ACCEPT": Meaning("remote-audit-connected", _NETWORK, ("connection", "start")),
    "DAEMON_CLOSE": Meaning("remote-audit-disconnected", _NETWORK, ("connection", "end")),
    "DAEMON_ERR": Meaning("audit-error", _PROCESS),
    "KERNEL": Meaning("initialized-audit-subsystem", _PROCESS),
    "SECCOMP": Meaning("violated-seccomp-policy", _PROCESS),
    "SELINUX_ERR": Meaning("caused-mac-policy-error"),
    "USER_SELINUX_ERR": Meaning("access-error"),
    "MAC_POLICY_LOAD": Meaning("loaded-selinux-policy", _CONFIG, ("change",)),
    "MAC_STATUS": Meaning("changed-selinux-enforcement", _CONFIG, ("change",)),
    "MAC_CONFIG_CHANGE": Meaning("changed-selinux-boolean", _CONFIG, ("change",)),
    "USER_MAC_POLICY_LOAD": Meaning("loaded-mac-policy", _CONFIG, ("change",)),
    "USER_MAC_CONFIG_CHANGE": Meaning("changed-mac-configuration", _CONFIG, ("change",)),
    "FS_RELABEL": Meaning("relabeled-filesystem", _CONFIG, ("change",)),
    "CRYPTO_KEY_USER": Meaning("negotiated-crypto-key", _PROCESS),
    "CRYPTO_SESSION": Meaning("started-crypto-session", _PROCESS),
    "CRYPTO_LOGIN": Meaning("crypto-officer-logged-in", _SESSION, ("start",)),
    "CRYPTO_LOGOUT": Meaning("crypto-officer-logged-out", _SESSION, ("end",)),
    "CRYPTO_IKE_SA": Meaning("negotiated-ike-sa", _NETWORK),
    "CRYPTO_IPSEC_SA": Meaning("negotiated-ipsec-sa", _NETWORK),
    "SOFTWARE_UPDATE": Meaning("package-updated", ("package",)),
    "VIRT_CONTROL": Meaning("issued-vm-control", _HOST),
    "VIRT_RESOURCE": Meaning("assigned-vm-resource", _HOST),
    "VIRT_MACHINE_ID": Meaning("assigned-vm-id", _HOST),
    "VIRT_CREATE": Meaning("created-vm-image", _HOST),
    "VIRT_DESTROY": Meaning("deleted-vm-image", _HOST),
    "VIRT_MIGRATE_IN": Meaning("migrated-vm-from", _HOST),
    "VIRT_MIGRATE_OUT": Meaning("migrated-vm-to", _HOST),
    "ANOM_ABEND": Meaning("crashed-program", ("process", "intrusion_detection"), ("end", "info")),
    "ANOM_PROMISCUOUS": Meaning("changed-promiscuous-mode-on-device", _ALARM),
    "ANOM_LINK": Meaning("used-suspicious-link", ("file", "intrusion_detection"), ("access", "info")),
    "ANOM_CREAT": Meaning("created-suspicious-file", ("file", "intrusion_detection"), ("creation", "info")),
    "ANOM_LOGIN_FAILURES": Meaning("failed-log-in-too-many-times-to", _WATCHED, ("info",)),
    "ANOM_LOGIN_TIME": Meaning("attempted-log-in-during-unusual-hour-to", _WATCHED, ("info",)),
    "ANOM_LOGIN_SESSIONS": Meaning("opened-too-many-sessions-to", _WATCHED, ("info",)),
    "ANOM_LOGIN_ACCT": Meaning("attempted-log-in-to-watched-account", _WATCHED, ("info",)),
    "ANOM_LOGIN_LOCATION": Meaning("attempted-log-in-from-unusual-place-to", _WATCHED, ("info",)),
    "ANOM_LOGIN_SERVICE": Meaning("service-account-attempted-login", _WATCHED, ("info",)),
    "ANOM_LOGIN_ROOT": Meaning("root-attempted-login", _WATCHED, ("info",)),
    "ANOM_ROOT_TRANS": Meaning("user-became-root", _ALARM),
    "ANOM_EXEC": Meaning("attempted-execution-of-forbidden-program", ("process", "intrusion_detection")),
    "ANOM_MK_EXEC": Meaning("made-an-executable", ("file", "intrusion_detection"), ("change", "info")),
    "ANOM_ACCESS_FS": Meaning("accessed-watched-file", ("file", "intrusion_detection"), ("access", "info")),
    "ANOM_ADD_ACCT": Meaning("added-user-account", ("iam", "intrusion_detection"), ("user", "creation", "info")),
    "ANOM_DEL_ACCT": Meaning("deleted-user-account", ("iam", "intrusion_detection"), ("user", "deletion", "info")),
    "ANOM_MOD_ACCT": Meaning("modified-user-account", ("iam", "intrusion_detection"), ("user", "change", "info")),
}

_FILE, _DRIVER = ("file",), ("driver",)
_TOUCHED = {
    Meaning("executed", _PROCESS, ("start",)): "execve execveat",
    Meaning("opened-file", _FILE, ("access",)): "open openat openat2 open_by_handle_at",
    Meaning("opened-file", _FILE, ("creation",)): "creat",
    Meaning("changed-file", _FILE, ("change",)): "truncate truncate64 ftruncate ftruncate64 fallocate",
    Meaning("changed-file-attributes-of", _FILE, ("change",)): "setxattr lsetxattr fsetxattr removexattr lremovexattr "
    "fremovexattr setxattrat removexattrat",
    Meaning("changed-file-permissions-of", _FILE, ("change",)): "chmod fchmod fchmodat fchmodat2",
    Meaning("changed-file-ownership-of", _FILE, ("change",)): "chown fchown fchownat lchown chown32 fchown32 lchown32",
    Meaning("changed-timestamp-of", _FILE, ("change",)): "utime utimes futimesat utimensat utimensat_time64",
    Meaning("created-directory", _FILE, ("creation",)): "mkdir mkdirat",
    Meaning("make-device", _FILE, ("creation",)): "mknod mknodat",
    Meaning("linked", _FILE, ("creation",)): "link linkat",
    Meaning("symlinked", _FILE, ("creation",)): "symlink symlinkat",
    Meaning("renamed", _FILE, ("change",)): "rename renameat renameat2",
    Meaning("deleted", _FILE, ("deletion",)): "rmdir unlink unlinkat",
    Meaning("mounted", _HOST, ("change",)): "mount move_mount fsmount",
    Meaning("unmounted", _HOST, ("change",)): "umount umount2",
    Meaning("loaded-kernel-module", _DRIVER, ("start",)): "init_module finit_module",
    Meaning("unloaded-kernel-module", _DRIVER, ("end",)): "delete_module",
    Meaning("connected-to", _NETWORK, ("connection", "start")): "connect",
    Meaning("accepted-connection-from", _NETWORK, ("connection", "start")): "accept accept4",
    Meaning("listen-for-connections", _NETWORK, ("start",)): "listen",
    Meaning("bound-socket", _NETWORK, ("start",)): "bind",
    Meaning("received-from", _NETWORK, ("info",)): "recv recvfrom recvmsg recvmmsg recvmmsg_time64",
    Meaning("sent-to", _NETWORK, ("info",)): "send sendto sendmsg sendmmsg",
    Meaning("killed-pid", _PROCESS, ("end",)): "kill tkill tgkill pidfd_send_signal",
    Meaning("changed-identity-of", _PROCESS, ("change",)): "setuid setgid setreuid setregid setresuid setresgid "
    "setfsuid setfsgid setuid32 setgid32 setreuid32 setregid32 setresuid32 setresgid32",
    Meaning("traced", _PROCESS, ("access",)): "ptrace process_vm_readv process_vm_writev",
    Meaning("changed-system-time", _HOST, ("change",)): "settimeofday clock_settime clock_settime64 stime adjtimex "
    "clock_adjtime clock_adjtime64",
    Meaning("changed-system-name", _HOST, ("change",)): "sethostname setdomainname",
    Meaning("exited", _PROCESS, ("end",)): "exit exit_group",
}
SYSCALLS = {name: meaning for meaning, names in _TOUCHED.items() for name in names.split()}
ANY_SYSCALL = Meaning("syscall", _PROCESS)
