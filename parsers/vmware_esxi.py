"""VMware ESXi 6.5 to 8 and vCenter Server: host agents, shell, correlated observations, events, single sign-on.

::

    <166>2026-01-02T03:04:05.123Z esx-1.corp.example Hostd: info hostd[2099656] [Originator@6876 sub=Vimsvc.ha-eventmgr opID=esxui-1] Event 65352 : Cannot login root@203.0.113.66
    <14>2026-01-02T03:04:06.123Z esx-1.corp.example shell[2100123]: [root]: esxcli vm process list
    <14>1 2026-01-02T03:04:07.123456+00:00 vc-1 vpxd 4411 - - Event [182269] [1-1] [2026-01-02T03:04:07.123456Z] [vim.event.UserLoginSessionEvent] [info] [CORP\\m.keller] [] [182269] [User CORP\\m.keller@10.20.1.7 logged in as VMware vim-java 1.0]

What sshd and sudo write on these systems is read by their own formats.
"""  # noqa: E501  (records as they are sent)

import re

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import clock
from parsers._grammar.addresses import endpoint
from parsers._grammar.conversation import count, endpoints, page
from parsers._grammar.event_time import moment
from parsers._grammar.people import account, remote
from parsers._grammar.vsphere import ARGUMENT, BELONGS, CODE, ENVOY, FAULT, JAVA, SERVICE, STREAM, TOMCAT

_ORIGINATOR = re.compile(
    r"(?:(?:\d{4}-\d\d-\d\dT\S{8,24} )?(?:(?P<level>[A-Za-z]{2,12}) )?"
    r"(?P<name>[\w.\-]{1,64})\[(?P<pid>[\w:\-]{1,64})\]:? )?"
    r"\[Originator@\d{1,6} ?(?P<keys>[^\]]{0,1024})\] ?(?P<said>.*)",
    re.DOTALL,
)
_KEY = re.compile(r"(\w{1,32})=(\S{1,256}(?: \S{1,128}>)?)")
_EVENT = re.compile(
    r"Event \[(?P<id>\d{1,18})\] \[[\d\-]{1,16}\] \[(?P<time>[^\]]{10,40})\] \[(?P<type>[\w.]{1,128})\] "
    r"\[(?P<level>\w{1,16})\] \[(?P<user>[^\]]{0,256})\] \[(?P<place>[^\]]{0,256})\] \[\d{0,18}\] \[?(?P<said>.*)",
    re.DOTALL,
)
_NUMBERED = re.compile(r"Event (\d{1,18}) : (.*)", re.DOTALL)
_VOB = re.compile(r"(?:\[\w{1,64}\] )?(?:\d{1,20}us: )?\[((?:vob|esx|vprob)\.[\w.\-]{1,128})\] (.*)", re.DOTALL)
_SHELL = re.compile(r"\[([^\]]{1,128})\]: (.*)", re.DOTALL)
_KERNEL = re.compile(
    r"(?:\d{4}-\d\d-\d\dT\S{8,24} )?cpu\d{1,4}:\d{1,12}(?: opID=\w{1,64})?\)(?:(WARNING|ALERT): )?(.*)", re.DOTALL
)
_SSO = re.compile(r"\[auditlogger\] ?(\{.*)|^(\{.*\"type\":\"com\.vmware\.sso\..*)", re.DOTALL)
_MEMBER = re.compile(r'"(\w{1,64})":"([^"\\]*+(?:\\.[^"\\]*+)*+)"')
_AUTH_USER = re.compile(r"\[Auth\]: User (\S{1,128})")
_IN = re.compile(r"User '?(.{1,256}?)@([0-9A-Fa-f:.]{2,45})'? logged (in|out)(?: as (.{1,256}))?")
_AGENT = re.compile(r"user agent: ([^,]{1,512})\)")
_ROLE = re.compile(r"User \{Name: ([^,}]{1,256}), Domain: ([^}]{1,256})\}")
_CANNOT = re.compile(r"(?:Failed: )?Cannot log ?in '?(.{1,256}?)@([0-9A-Fa-f:.]{2,45})'?(.{0,256})")
_SSH = re.compile(
    r"SSH (?:session was (opened|closed)|login has (failed)) for '?(.{1,256}?)@([0-9A-Fa-f:.]{2,45}?)'?\.?\]?$"
)
_PASSWORD = re.compile(r"(Accepted|Rejected) password for user (.{1,256}?) from ([0-9A-Fa-f:.]{2,45})")
_SINGLE = re.compile(r"(Failed|Successful) login (.{1,256}?) from ([0-9A-Fa-f:.]{2,45}) at ")
_LOCKED = re.compile(
    r"user account '([^']{1,128})' has been locked for \d{1,9} seconds after (\d{1,9}) failed login attempts"
)
_COMMAND = re.compile(
    r"(?:Executing|User '(?P<user>[^']{1,128})' running command) '(?P<command>.{1,4096})'$", re.DOTALL
)
_FORK = re.compile(r"ForkExec\((.{1,1024}?)\) ?(\d{1,10})?")
_LAUNCH = re.compile(r"Launching binary: (.{1,4096})")
_CRON = re.compile(r"USER (\S{1,128}) pid (\d{1,10}) cmd (.{1,4096})")
_POWER = re.compile(r"(.{1,128}?) on (\S{1,255}) in .{1,128}? is (powered on|powered off|suspended|starting|stopping)")
_SETTING = re.compile(
    r"(SSH|ESXi Shell|ESX Shell|Lockdown mode|Firewall)(?: access| configuration)? "
    r"(?:for .{1,255} )?has (?:been )?(\w{1,32})"
)

# The kinds of vCenter events that are not told by their name's ending.
_IAM = (
    "AccountCreated", "AccountRemoved", "AccountUpdated", "PermissionAdded", "PermissionRemoved", "PermissionUpdated",
    "RoleAdded", "RoleRemoved", "RoleUpdated", "UserAssignedToGroup", "UserUnassignedFromGroup", "UserPasswordChanged",
)  # fmt: skip
_CHANGES = (("Created", "creation"), ("Added", "creation"), ("Deployed", "creation"), ("Cloned", "creation"),
            ("Removed", "deletion"), ("Destroyed", "deletion"), ("Reconfigured", "change"), ("Updated", "change"),
            ("Renamed", "change"), ("Changed", "change"), ("Relocated", "change"), ("Migrated", "change"))  # fmt: skip
_LONGEST = 16_384


def parse(frame: Frame) -> Fields:
    text = frame.text.strip()[:_LONGEST]
    program = frame.opened.program if frame.opened is not None else None
    fields: Fields = {"event.category": ["host"], "event.type": ["info"], "observer.vendor": "VMware"}
    if frame.opened is None:
        fields["message"] = frame.text.strip()
    known = program in _PROGRAMS
    event = _EVENT.search(text)
    audit = _SSO.search(text)
    if event is not None:
        _vcenter(fields, event)
    elif audit is not None:
        _service(fields, text)
        _single_sign_on(fields, audit[1] or audit[2])
    elif (found := TOMCAT.match(text)) is not None:
        _request(fields, found)
        written = moment(found["time"], frame.zone)
        if written is not None:
            fields["@timestamp"] = written
    elif program in ("shell", "esxshell"):
        _shell(fields, text)
    elif (found := _ORIGINATOR.match(text)) is not None:
        _originator(fields, found)
    elif (found := _VOB.search(text[:2048])) is not None:
        fields["event.action"] = fields["event.code"] = found[1]
        _said(fields, found[2])
    elif (found := _KERNEL.match(text)) is not None:
        if found[1]:
            fields["log.level"] = found[1].lower()
        fields["event.reason"] = found[2][:1024].strip() or "-"
    elif _service(fields, text):
        _said(fields, text)
    elif not _said(fields, text) and not known:
        raise ParseError(f"vmware_esxi: unknown message {text[:80]!r}")
    if frame.opened is None and event is None:
        stamp = text.partition(" ")[0]
        when = clock.iso(stamp) if stamp[:2] == "20" and len(stamp) < 40 else None
        if when is not None:
            fields["@timestamp"] = when
    return fields


def _service(fields: Fields, text: str) -> bool:
    found = SERVICE.match(text)
    if found is None:
        return False
    if found["name"]:
        fields["process.name"], fields["process.pid"] = found["name"], int(found["pid"])
    fields["log.level"] = (found["level"] or found["grade"]).lower()
    return True


def _originator(fields: Fields, found: re.Match[str]) -> None:
    if found["name"]:
        fields["process.name"] = found["name"]
        if found["pid"].isdigit() and len(found["pid"]) < 11:
            fields["process.pid"] = int(found["pid"])
        if found["level"]:
            fields["log.level"] = found["level"].lower()
    keys = dict(_KEY.findall(found["keys"]))
    if "sub" in keys:
        fields["tieline.vmware.sub"] = keys["sub"]
    if "opID" in keys:
        fields["tieline.vmware.operation"] = keys["opID"]
    said = found["said"]
    numbered = _NUMBERED.match(said)
    if numbered is not None:
        said = numbered[2]
    if found["name"] == "envoy" and (request := ENVOY.search(said)) is not None:
        _request(fields, request)
    else:
        _said(fields, said)
        if (stream := STREAM.search(said)) is not None and said.startswith(("Connected", "Failed")):
            endpoints(fields, stream[1], stream[2], stream[3], stream[4])  # the own end stands first
        if (fault := FAULT.search(said)) is not None:
            fields["event.code"] = fault[1]
            if fault[1].endswith(("InvalidLogin", "NoPermission")):
                _logged(fields, "failure")
                account(fields, None if (argument := ARGUMENT.search(said)) is None else argument[1])
    name, _, other = keys.get("user", "").partition(":")
    if name and name[0] != "<" and "user.name" not in fields:
        account(fields, name)
        if other and other[0] != "<":
            fields["tieline.vmware.on_behalf_of"] = other


def _vcenter(fields: Fields, found: re.Match[str]) -> None:
    kind = found["type"]
    fields["event.action"] = fields["event.code"] = kind
    fields["log.level"], fields["tieline.vmware.event"] = found["level"], found["id"]
    fields["observer.product"] = "vCenter Server"
    if found["place"]:
        fields["tieline.vmware.datacenter"] = found["place"]
    when = clock.iso(found["time"])
    if when is not None:
        fields["@timestamp"] = when
    said = found["said"].removesuffix("]")
    short = kind.rpartition(".")[2].removesuffix("Event")
    if not _said(fields, said):
        if short.startswith(_IAM):
            fields["event.category"] = ["iam"]
            fields["event.type"] = ["group" if "Group" in short else "user"]
            fields["event.type"].append(_change(short) or "change")
        elif (change := _change(short)) is not None:
            fields["event.category"], fields["event.type"] = ["configuration"], [change]
        elif short in ("BadUsernameSession", "NoAccessUser", "AlreadyAuthenticatedSession"):
            _logged(fields, "failure")
        fields["event.reason"] = said[:1024].strip() or kind
    if "user.name" not in fields and found["user"]:
        account(fields, found["user"])


def _change(short: str) -> str | None:
    return next((kind for ending, kind in _CHANGES if short.endswith(ending)), None)


def _logged(fields: Fields, outcome: str) -> None:
    fields["event.category"], fields["event.outcome"] = ["authentication"], outcome
    fields["event.type"] = ["start"] if outcome == "success" else ["info"]


def _who(fields: Fields, name: str, address: str) -> None:
    account(fields, name)
    remote(fields, address)


def _said(fields: Fields, said: str) -> bool:
    """The words that hosts and vCenter share; whether they are known."""
    said = said.strip()
    fields["event.reason"] = said[:1024] or "-"
    if (found := _IN.match(said)) is not None:
        if found[3] == "in":
            _logged(fields, "success")
            if found[4]:
                fields["user_agent.original"] = found[4].strip()
        else:
            fields["event.category"], fields["event.type"] = ["session"], ["end"]
            fields["event.outcome"] = "success"
            agent = _AGENT.search(said)
            if agent is not None:
                fields["user_agent.original"] = agent[1]
        fields.setdefault("event.action", f"logged_{found[3]}")
        _who(fields, found[1], found[2])
    elif (found := _CANNOT.match(said)) is not None:
        _logged(fields, "failure")
        fields.setdefault("event.action", "login_failed")
        _who(fields, found[1], found[2])
    elif (found := _SSH.match(said)) is not None:
        if found[2]:
            _logged(fields, "failure")
        else:
            fields["event.category"], fields["event.type"] = ["session"], ["start" if found[1] == "opened" else "end"]
        fields.setdefault("event.action", "ssh_login_failed" if found[2] else f"ssh_session_{found[1]}")
        fields["network.protocol"] = "ssh"
        _who(fields, found[3], found[4])
    elif (found := _PASSWORD.match(said)) is not None or (found := _SINGLE.match(said)) is not None:
        _logged(fields, "success" if found[1] in ("Accepted", "Successful") else "failure")
        fields.setdefault("event.action", "login")
        _who(fields, found[2], found[3])
    elif (found := _ROLE.search(said)) is not None:
        account(fields, found[1])
        fields["user.domain"] = found[2]
    elif (found := BELONGS.search(said)) is not None or (found := _AUTH_USER.match(said)) is not None:
        account(fields, found[1])
    elif (found := _LOCKED.search(said)) is not None:
        _logged(fields, "failure")
        fields.setdefault("event.action", "account_locked")
        account(fields, found[1])
    elif (found := _COMMAND.match(said)) is not None:
        _ran(fields, found["command"], found["user"])
    elif (found := _CRON.match(said)) is not None:
        _ran(fields, found[3], found[1])
        fields["process.pid"] = int(found[2])
    elif (found := _FORK.search(said)) is not None or (found := _LAUNCH.match(said)) is not None:
        _ran(fields, found[1], None)
    elif (found := _POWER.match(said)) is not None:
        fields["event.category"], fields["event.type"] = ["host"], ["start" if found[3] == "powered on" else "end"]
        if found[3] not in ("powered on", "powered off"):
            fields["event.type"] = ["change"]
        fields["tieline.vmware.machine"] = found[1]
        fields.setdefault("event.action", "machine_" + found[3].replace(" ", "_"))
    elif (found := _SETTING.match(said)) is not None:
        fields["event.category"], fields["event.type"] = ["configuration"], ["change"]
        fields.setdefault("event.action", f"{found[1]}_{found[2]}".replace(" ", "_").lower())
    else:
        return False
    return True


def _ran(fields: Fields, command: str, name: str | None) -> None:
    fields["event.category"], fields["event.type"] = ["process"], ["start"]
    fields.setdefault("event.action", "command")
    fields["process.command_line"] = command.strip() or "-"
    account(fields, name)


def _shell(fields: Fields, text: str) -> None:
    found = _SHELL.match(text)
    if found is not None and found[2].strip():
        _ran(fields, found[2], found[1])
        return
    fields["event.category"], fields["event.reason"] = ["session"], text[:1024] or "-"
    if "started" in text:
        fields["event.type"] = ["start"]
    elif "ended" in text or "closed" in text:
        fields["event.type"] = ["end"]


def _single_sign_on(fields: Fields, text: str) -> None:
    log = dict(_MEMBER.findall(text.replace('\\"', '"')[:8192]))
    kind = log.get("type", "")
    fields["observer.product"] = "vCenter Server"
    if kind:
        fields["event.code"] = fields["event.action"] = kind
    if log.get("description"):
        fields["event.reason"] = log["description"][:1024]
    if kind.endswith(("LoginSuccess", "LoginFailure")):
        _logged(fields, "success" if kind.endswith("Success") else "failure")
    elif kind.endswith("Logout"):
        fields["event.category"], fields["event.type"] = ["session"], ["end"]
    elif "rincipal" in kind or "User" in kind or "Group" in kind or "Password" in kind:
        fields["event.category"], fields["event.type"] = ["iam"], ["user", "change"]
    name, _, domain = log.get("user", "").rpartition("@")  # "name@domain" always, and a domain may lack dots
    if name and domain:
        account(fields, name)
        fields["user.domain"] = domain
    else:
        account(fields, log.get("user"))
    remote(fields, log.get("client"))
    code = CODE.search(log.get("description", ""))
    if code is not None:
        fields["http.response.status_code"] = int(code[1])
    if log.get("eventSeverity"):
        fields["log.level"] = log["eventSeverity"].lower()


def _request(fields: Fields, found: re.Match[str]) -> None:
    fields["event.category"], fields["event.type"], fields["event.action"] = ["web"], ["access"], "request"
    parts = found.groupdict()
    client, server = endpoint(parts.get("client") or ""), endpoint(parts.get("server") or "")
    endpoints(fields, client[0], None if client[1] is None else str(client[1]), server[0],
              None if server[1] is None else str(server[1]))  # fmt: skip
    if parts.get("port"):
        fields["destination.port"] = int(parts["port"])
    if parts.get("agent") not in (None, "-"):
        fields["user_agent.original"] = parts["agent"]
    fields["http.request.method"], fields["http.version"] = found["method"], found["version"]
    fields["http.response.status_code"] = int(found["status"])
    for name, size in (("http.request.bytes", parts.get("in")), ("http.response.bytes", parts.get("out"))):
        number = count(size)
        if number is not None:
            fields[name] = number
    page(fields, found["url"])


_PROGRAMS = frozenset((
    "hostd", "vpxa", "vobd", "vmkernel", "vmkwarning", "rhttpproxy", "fdm", "hostd-probe", "shell", "esxshell",
    "healthd", "kmxa", "vsanmgmtd", "vmauthd", "vpxd", "vpxd-svcs", "vcenter-server", "hostprofiletrace", "esxupdate",
))  # fmt: skip
_LOGSOURCE = LogSource(product="vmware", service="esxi")
_SOURCES = {
    "authentication": LogSource(product="vmware", category="authentication", service="esxi"),
    "process": LogSource(product="vmware", category="process_creation", service="esxi"),
    "web": LogSource(product="vmware", category="webserver", service="esxi"),
}


def route(fields: Fields) -> LogSource:
    return _SOURCES.get((fields.get("event.category") or ("",))[0], _LOGSOURCE)


def _is_one(head: bytes) -> bool:
    return (
        b"[Originator@" in head
        or b"] [vim.event." in head
        or b"[vob." in head
        or b"[esx.audit." in head
        or (b"com.vmware." in head and JAVA.match(head) is not None)
        or (b"[Request] " in head and b" [Response] " in head)
        or b'"type":"com.vmware.sso.' in head
        or b'\\"type\\":\\"com.vmware.sso.' in head
    )


FORMAT = LogFormat(
    id="vmware_esxi",
    vendor="VMware",
    product="ESXi and vCenter Server",
    logsource=_LOGSOURCE,
    spec="https://techdocs.broadcom.com/us/en/vmware-cis/vsphere/vsphere/8-0/esxi-log-files.html",
    parse=parse,
    inside="syslog",
    programs=tuple(sorted(_PROGRAMS)),
    fingerprint=_is_one,
    needs=(b"[Originator@", b"com.vmware.", b"[Request] ", b"] [vim.event.", b"[vob.", b"[esx.audit."),
    route=route,
)
