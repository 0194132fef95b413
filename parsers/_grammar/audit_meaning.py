"""ECS for the values of one audit record."""

from collections.abc import Callable

from engine.model import Fields
from parsers._grammar.addresses import ip, port
from parsers._grammar.audit_records import ANY_SYSCALL, SYSCALLS
from parsers._grammar.audit_values import socket_address
from parsers._grammar.linux_syscalls import architecture, syscall
from parsers._grammar.people import account, user

_UNSET = frozenset(("4294967295", "-1", "unset"))
_NOBODY = frozenset(("(unknown)", "(unknown user)", "(invalid user)", "unset", "unknown(0)"))
_OUTCOME = {
    "success": "success",
    "yes": "success",
    "1": "success",
    "failed": "failure",
    "fail": "failure",
    "no": "failure",
    "0": "failure",
}
_IAM_USER = frozenset(
    ("ADD_USER", "DEL_USER", "USER_MGMT", "USER_CHAUTHTOK", "ACCT_LOCK", "ACCT_UNLOCK", "ROLE_ASSIGN", "ROLE_REMOVE",
     "ANOM_ADD_ACCT", "ANOM_DEL_ACCT", "ANOM_MOD_ACCT")
)  # fmt: skip
_IAM_GROUP = frozenset(("ADD_GROUP", "DEL_GROUP", "GRP_MGMT", "GRP_CHAUTHTOK", "GRP_AUTH", "CHGRP_ID"))
_LOGINS = {"authentication", "session"}
_PREFIX = "tieline.auditd."
_FILE_TYPES = {"10": "file", "04": "dir", "4": "dir", "12": "symlink", "02": "char", "06": "block", "01": "fifo"}

Log = dict[str, str]


def fill(fields: Fields, name: str, log: Log) -> None:
    """What is mapped leaves ``log``; the rest stands below ``tieline.auditd.`` under audit's own names."""
    pop = log.pop
    if (pid := _number(pop("pid", None))) is not None:
        fields["process.pid"] = pid
    if (pid := _number(pop("ppid", None))) is not None:
        fields["process.parent.pid"] = pid
    exe, comm = pop("exe", None), pop("comm", None)
    if exe is not None:
        fields["process.executable"] = exe
    if comm is not None:
        fields["process.name"] = comm
    elif exe is not None:
        fields["process.name"] = exe.rpartition("/")[2] or exe
    result = pop("res", None) or pop("result", None)
    if result is not None and (outcome := _OUTCOME.get(result)) is not None:
        fields["event.outcome"] = outcome
    if "cwd" in log:
        fields["process.working_directory"] = pop("cwd")
    if (number := log.get("arch")) is not None:
        known = architecture(number)
        if known is not None:
            fields["host.architecture"] = known
            del log["arch"]
    special = _SPECIAL.get(name)
    if special is not None:
        special(fields, log)
    else:
        _who(fields, name, log)
        _where(fields, log)
        if (command := log.pop("cmd", None)) is not None:
            _command(fields, command.rstrip("\0").replace("\0", " "))
        if (unit := log.get("unit")) is not None:
            fields["service.name"] = unit
        if (number := log.get("syscall")) is not None and "success" not in log:  # SECCOMP
            log["syscall"] = syscall(fields.get("host.architecture"), number) or number
    if "key" in log and "\x01" in log["key"]:
        fields["tieline.auditd.key"] = log.pop("key").split("\x01")
    for key, value in log.items():
        fields[_PREFIX + key] = value


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and len(text) <= 10 and text.isascii() and text.isdigit() else None


def _who(fields: Fields, name: str, log: Log) -> None:
    acct = log.pop("acct", None)
    if acct in _NOBODY:
        acct = None
    who, by = log.get("id"), log.get("UID")
    if name in _IAM_GROUP:
        if who is not None and who.isdigit():
            fields["group.id"] = log.pop("id")
        group = log.get("grp") or (acct if name != "GRP_AUTH" else None)
        if group is not None:
            fields["group.name"] = group
        if name != "GRP_AUTH":
            acct = None
    elif name in _IAM_USER:
        if acct is not None:
            user(fields, acct, "user.target.name")
        if who is not None and who not in _UNSET:
            fields["user.target.id"] = log.pop("id")
    elif acct is None and who is not None and name in ("USER_LOGIN", "USER_LOGOUT", "USER_START", "USER_END"):
        acct = log.get("ID")  # auditd's own look-up of that number
        if who.isdigit() and who not in _UNSET:
            fields["user.id"] = log.pop("id")
        elif not who.isdigit():
            acct = log.pop("id")
    elif name == "LOGIN":
        auid = log.get("auid")
        if auid is not None and auid not in _UNSET:
            fields["user.id"] = auid
            user(fields, log.get("AUID"))
        return
    elif name == "VIRT_CONTROL":
        acct = acct or log.pop("user", None)
    if acct is not None:
        account(fields, acct)
        # the numbers of the record are those of the program that speaks, not of the account that it speaks of
        if acct == by and log.get("uid", "-").isdigit():
            fields["user.id"] = log.pop("uid")
        elif acct == log.get("AUID") and log.get("auid", "-").isdigit():
            fields["user.id"] = log["auid"]
        elif log.get("auid", "-1") not in _UNSET and name not in _IAM_USER:
            fields["user.effective.name"] = fields["user.name"]  # somebody who is logged in becomes another
        return
    if (name in _IAM_USER or name in _IAM_GROUP) and log.get("auid", "-1") not in _UNSET:
        _actor(fields, log)
    # at a login the numbers are the login program's
    if "user.id" not in fields and not _LOGINS & set(fields.get("event.category", ())):
        _credentials(fields, log)


def _actor(fields: Fields, log: Log) -> None:
    """Who changed the account: the user of the login, with the rights of ``uid``."""
    auid, uid = log["auid"], log.get("uid", "")
    if auid.isdigit():
        fields["user.id"] = auid
    user(fields, log.get("AUID") if auid.isdigit() else auid)
    if uid.isdigit():
        fields["user.effective.id"] = log.pop("uid")
        user(fields, log.get("UID"), "user.effective.name")


def _credentials(fields: Fields, log: Log) -> None:
    uid, euid, gid = log.get("uid"), log.get("euid"), log.get("gid")
    if uid is not None and uid not in _UNSET:
        if uid.isdigit():
            fields["user.id"] = uid
            user(fields, log.get("UID"))
        else:
            user(fields, uid)  # interpreted by ausearch -i
        del log["uid"]
    if euid is not None:
        if euid.isdigit():
            fields["user.effective.id"] = euid
            user(fields, log.get("EUID"), "user.effective.name")
        else:
            user(fields, euid, "user.effective.name")
        del log["euid"]
    if gid is not None:
        if gid.isdigit():
            fields["user.group.id"] = gid
            if "GID" in log:
                fields["user.group.name"] = log["GID"]
        else:
            fields["user.group.name"] = gid
        del log["gid"]


def _where(fields: Fields, log: Log) -> None:
    """The other side of a login, as PAM and sshd write it."""
    hostname, addr = log.pop("hostname", None), log.pop("addr", None)
    address = ip(addr) or ip(hostname)
    if address is not None:
        fields["source.ip"] = fields["source.address"] = address
        fields["related.ip"] = [address]
        if (number := port(log.get("rport"))) is not None:
            fields["source.port"] = number
            del log["rport"]
    elif hostname is not None:
        fields["source.address"] = hostname
    if address is not None and hostname is not None and ip(hostname) is None and " " not in hostname:
        fields["source.domain"] = hostname.lower()
    local = ip(log.get("laddr"))
    if local is not None:
        fields["destination.ip"] = fields["destination.address"] = local
        fields["related.ip"] = list(dict.fromkeys((*fields.get("related.ip", ()), local)))
        if (number := port(log.get("lport"))) is not None:
            fields["destination.port"] = number
    for side, key in (("source", "src"), ("destination", "dst")):
        there = ip(log.get(key))
        if there is not None:
            fields[f"{side}.ip"] = fields[f"{side}.address"] = there
            fields["related.ip"] = list(dict.fromkeys((*fields.get("related.ip", ()), there)))
    terminal = log.pop("terminal", None)
    if terminal is not None:
        fields["tieline.terminal"] = terminal


def _command(fields: Fields, command: str) -> None:
    fields["process.command_line"] = command
    if '"' not in command and "'" not in command and "\\" not in command:
        fields["process.args_count"] = len(command.split())


def _syscall(fields: Fields, log: Log) -> None:
    number = log.get("syscall")
    name = syscall(fields.get("host.architecture"), number) if number is not None else None
    name = name or log.pop("SYSCALL", None) or number
    if name is not None:
        log["syscall"] = name
    log.pop("SYSCALL", None)
    log.pop("ARCH", None)
    action, category, types = SYSCALLS.get(name or "", ANY_SYSCALL)
    fields["event.action"] = action
    fields["event.category"] = list(category)
    fields["event.type"] = list(types)
    success = log.get("success")
    if success is not None and success in _OUTCOME:
        fields["event.outcome"] = _OUTCOME[success]
    code = log.get("exit")
    if code is not None and len(code) <= 19 and code.lstrip("-").isdigit() and code.isascii() and code.count("-") < 2:
        fields["process.exit_code"] = int(code)
    _credentials(fields, log)
    if log.get("tty") is not None:
        fields["tieline.terminal"] = log.pop("tty")


def _execve(fields: Fields, log: Log) -> None:
    count = _number(log.get("argc"))
    arguments = _arguments(log)
    if count is not None:
        fields["process.args_count"] = count
    if arguments:
        fields["process.args"] = arguments
        fields["process.command_line"] = " ".join(arguments)


def _arguments(log: Log) -> list[str]:
    """``a0``, ``a1`` …, where a long one comes in pieces: ``a1[0]``, ``a1[1]``."""
    whole: dict[int, str] = {}
    for key in [key for key in log if "[" in key]:
        number, _, piece = key[1:-1].partition("[")
        if key[0] == "a" and number.isdigit() and piece.isdigit():
            log[f"a{number}"] = log.get(f"a{number}", "") + log.pop(key)
    for key, value in log.items():
        if key[0] == "a" and key[1:].isascii() and key[1:].isdigit() and len(key) < 9:
            whole[int(key[1:])] = value
    return [whole[number] for number in sorted(whole)]


_OF_FILE = (
    ("inode", "file.inode"),
    ("ouid", "file.uid"),
    ("ogid", "file.gid"),
    ("OUID", "file.owner"),
    ("OGID", "file.group"),
)


def _path(fields: Fields, log: Log) -> None:
    if "objtype" in log:  # as RHEL 7 calls it
        log.setdefault("nametype", log["objtype"])
    name = log.get("name")
    if name is not None:
        fields["file.path"] = name
        _named(fields, name)
    mode = log.get("mode", "")
    if mode.isdigit() and mode.isascii() and 5 <= len(mode) <= 7:
        fields["file.mode"] = "0" + mode[-3:] if mode[-4:-3] in ("0", "") else mode[-4:]
        kind = _FILE_TYPES.get(mode[:-4].lstrip("0").rjust(2, "0"))
        if kind is not None:
            fields["file.type"] = kind
    for key, field in _OF_FILE:
        if key in log:
            fields[field] = log.pop(key)


def _named(fields: Fields, path: str) -> None:
    folder, slash, name = path.rpartition("/")
    if name:
        fields["file.name"] = name
    if slash:
        fields["file.directory"] = folder or "/"


def _proctitle(fields: Fields, log: Log) -> None:
    title = log.pop("proctitle", None)
    if title is not None:
        arguments = title.rstrip("\0").split("\0")
        fields["process.title"] = " ".join(arguments)
        log["proctitle"] = fields["process.title"]


def _sockaddr(fields: Fields, log: Log) -> None:
    socket = socket_address(log.get("saddr", ""))
    log.pop("SADDR", None)
    if socket is None:
        return
    fields["tieline.auditd.socket.family"] = socket.family
    if socket.address is not None:
        fields["tieline.auditd.socket.ip"] = socket.address
        fields["tieline.auditd.socket.port"] = socket.port
        fields["related.ip"] = [socket.address]
    elif socket.path is not None:
        fields["tieline.auditd.socket.path"] = socket.path


def _packet(fields: Fields, log: Log) -> None:
    """NETFILTER_PKT, from the AUDIT target of iptables."""
    for side, address, number in (("source", "saddr", "sport"), ("destination", "daddr", "dport")):
        there = ip(log.get(address))
        if there is not None:
            fields[f"{side}.ip"] = fields[f"{side}.address"] = there
            fields["related.ip"] = list(dict.fromkeys((*fields.get("related.ip", ()), there)))
            del log[address]
        at = port(log.get(number))
        if at is not None:
            fields[f"{side}.port"] = at
            del log[number]
    protocol = log.get("proto", "")
    known = {"6": "tcp", "17": "udp", "1": "icmp", "58": "ipv6-icmp"}.get(protocol)
    if known is not None:
        fields["network.transport"] = known


_SPECIAL: dict[str, Callable[[Fields, Log], None]] = {
    "SYSCALL": _syscall,
    "URINGOP": _syscall,
    "EXECVE": _execve,
    "PATH": _path,
    "PROCTITLE": _proctitle,
    "SOCKADDR": _sockaddr,
    "NETFILTER_PKT": _packet,
    "CWD": lambda fields, log: None,
}
