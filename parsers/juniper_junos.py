"""Juniper Junos: what the system of routers, switches and firewalls says of itself and its users, 10 to 24.

::

    <189>Jan  2 03:04:05 ex-cell-a mgd[54999]: UI_LOGIN_EVENT: User 'anna' login, class 'super-user' [54999], ssh-connection '10.20.1.7 40382 10.99.0.2 22', client-mode 'cli'
    <189>1 2026-01-02T03:04:05.123Z ex-cell-a mgd 3046 UI_COMMIT [junos@2636.1.1.1.2.18 username="anna" command="commit" message="none"] User 'anna' requested 'commit' operation (comment: none)
"""

# ruff: noqa: E501  (records as they are sent, expressions as they are read best)

import re

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar.addresses import ip, port
from parsers._grammar.cisco_facts import cisco_mac
from parsers._grammar.cisco_traffic import Meaning
from parsers._grammar.people import account

_TAG = re.compile(r"(?:%[\w\-]{1,32}: ?)?([A-Z][A-Z0-9]{1,15}(?:_[A-Z0-9]{1,24}){1,8}): ?")
_LONGEST = 8192

_AUTHENTICATION = ("authentication",)
_CHANGED = Meaning("configuration_changed", ("configuration",), ("change",), "success")
_COMMAND = Meaning("command_executed", ("configuration",), ("info",))
_LOGIN = Meaning("device_login", _AUTHENTICATION, ("start",), "success")
_FAILED = Meaning("device_login", _AUTHENTICATION, ("info",), "failure")
_LINK = Meaning("interface_changed", ("network",), ("info",))
_NOTED = Meaning("", ("host",), ("info",))
_IP = r"[0-9A-Fa-f.:]{2,45}"
_EVENTS: dict[str, tuple[Meaning, str | None]] = {
    "UI_AUTH_EVENT": (_LOGIN, r"Authenticated user '(?P<user>[^']{0,256})'(?: at permission level '[^']{0,64}'| assigned to class '(?P<role>[^']{0,64})')?"),
    "UI_LOGIN_EVENT": (
        Meaning("session_started", ("session",), ("start",), "success"),
        rf"User '(?P<user>[^']{{0,256}})' login, class '(?P<role>[^']{{0,64}})' \[\d{{1,9}}\](?:, ssh-connection '(?:(?P<src>{_IP}) (?P<sport>\d{{1,5}}) (?P<dst>{_IP}) (?P<dport>\d{{1,5}}))?')?",
    ),
    "UI_LOGOUT_EVENT": (Meaning("logged_out", ("session",), ("end",), "success"), r"User '(?P<user>[^']{0,256})' logout"),
    "UI_CMDLINE_READ_LINE": (_COMMAND, r"User '(?P<user>[^']{0,256})',? command '(?P<command>.{0,2048})'"),
    "UI_CFG_AUDIT_SET": (_CHANGED, r"User '(?P<user>[^']{0,256})' (?P<command>set: .{1,2048})"),
    "UI_CFG_AUDIT_OTHER": (_CHANGED, r"User '(?P<user>[^']{0,256})' (?P<command>\w{1,32}: .{1,2048})"),
    "UI_CFG_AUDIT_SET_SECRET": (_CHANGED, r"User '(?P<user>[^']{0,256})' (?P<command>set: .{1,2048})"),
    "UI_COMMIT": (_CHANGED, r"User '(?P<user>[^']{0,256})' (?:requested|performed) '(?P<command>[^']{0,256})'"),
    "UI_COMMIT_COMPLETED": (_CHANGED._replace(action="configuration_committed"), None),
    "UI_COMMIT_PROGRESS": (_COMMAND._replace(action="configuration_commit_progress"), None),
    "UI_LOAD_EVENT": (_CHANGED._replace(action="configuration_loaded"), r"User '(?P<user>[^']{0,256})' is performing a '(?P<command>[^']{0,256})'"),
    "UI_DBASE_LOGIN_EVENT": (_COMMAND._replace(action="configuration_mode_entered"), r"User '(?P<user>[^']{0,256})' entering configuration mode"),
    "UI_DBASE_LOGOUT_EVENT": (_COMMAND._replace(action="configuration_mode_left"), r"User '(?P<user>[^']{0,256})' exiting configuration mode"),
    "UI_NETCONF_CMD": (_COMMAND, r"User '(?P<user>[^']{0,256})' used NETCONF client to run command '(?P<command>.{0,2048})'"),
    "UI_JUNOSCRIPT_CMD": (_COMMAND, r"User '(?P<user>[^']{0,256})' used JUNO[Ss]cript client to run command '(?P<command>.{0,2048})'"),
    "UI_REBOOT_EVENT": (Meaning("device_reloaded", ("host",), ("start",)), r"System rebooted by '(?P<user>[^']{0,256})'"),
    "UI_CHILD_START": (Meaning("process_started", ("process",), ("start",)), r"Starting child '(?P<program>[^']{1,512})'"),
    "UI_CHILD_STATUS": (Meaning("process_ended", ("process",), ("end",)), r"Cleanup child '(?P<program>[^']{1,512})', PID (?P<pid>\d{1,9})"),
    "LOGIN_FAILED": (_FAILED, r"Login failed for user (?P<user>\S{1,256}) from host (?P<src>\S{1,128})"),
    "LOGIN_PAM_AUTHENTICATION_ERROR": (_FAILED, r"(?:Failed password|PAM authentication error) for user (?P<user>\S{1,256})"),
    "LOGIN_INFORMATION": (_LOGIN, r"User (?P<user>\S{1,256}) logged in from host (?P<src>\S{1,128}) on device"),
    "LOGIN_ROOT": (_LOGIN, r"User (?P<user>\S{1,256}) logged in as root from host (?P<src>\S{1,128})"),
    "SSHD_LOGIN_FAILED": (_FAILED, r"Login failed for user '(?P<user>[^']{0,256})' from host '(?P<src>[^']{0,128})'"),
    "SSHD_LOGIN_ATTEMPTS_THRESHOLD": (_NOTED, None),
    "WEB_AUTH_SUCCESS": (_LOGIN, r".{0,64}?user '?(?P<user>[^'\s]{1,256})"),
    "WEB_AUTH_FAIL": (_FAILED, r".{0,64}?\(username (?P<user>[^)]{0,256})\)"),
    "SNMPD_AUTH_FAILURE": (Meaning("snmp_authentication", _AUTHENTICATION, ("info",), "failure"), rf".{{0,128}}?from (?P<src>{_IP})"),
    "SNMP_TRAP_LINK_UP": (_LINK._replace(action="interface_up"), r".{0,256}?ifName (?P<iif>\S{1,64})"),
    "SNMP_TRAP_LINK_DOWN": (_LINK._replace(action="interface_down"), r".{0,256}?ifName (?P<iif>\S{1,64})"),
    "L2ALD_ST_CTL_IN_EFFECT": (Meaning("storm_control", ("network",), ("info",)), r"(?P<iif>\S{1,64}?): "),
    "L2ALD_MAC_LIMIT_REACHED_IF": (Meaning("port_security_violation", ("network", "intrusion_detection"), ("denied",)), r".{0,256}?on (?P<iif>[a-z]{2}-\S{1,32})"),
    "DOT1XD_RCVD_EAPLOGOF_AUTHNTICTED": (Meaning("port_authentication_noted", ("network",), ("info",)), r".{0,256}?interface (?P<iif>\S{1,32})"),
    "DOT1XD_AUTH_SESSION_DELETED": (Meaning("port_authentication_noted", ("network",), ("info",)), r".{0,128}?MAC-Address (?P<mac>[0-9a-fA-F:]{17}).{0,64}?interface (?P<iif>\S{1,32})"),
    "RPD_BGP_NEIGHBOR_STATE_CHANGED": (Meaning("neighbour_changed", ("network",), ("info",), None, (("network.protocol", "bgp"),)), rf"BGP peer (?P<src>{_IP})"),
    "BGP_PREFIX_THRESH_EXCEEDED": (_NOTED, None),
    "RPD_OSPF_NBRDOWN": (Meaning("neighbour_changed", ("network",), ("info",)), rf"OSPF neighbor (?P<src>{_IP})"),
}  # fmt: skip
_FILTER = re.compile(
    rf"FW: (?P<iif>\S{{1,32}}) +(?P<verdict>[ADR]) .{{0,96}}?(?P<transport>(?<![\w:])[A-Za-z][\w\-]{{1,10}}) (?P<src>{_IP}) (?P<dst>{_IP}) "
    r"+(?P<sport>\d{1,5}) +(?P<dport>\d{1,5}) \((?P<packets>\d{1,9}) packets?\)"
)
_MACS = re.compile(r"([0-9a-f]{2}(?::[0-9a-f]{2}){5})(?: -> | )([0-9a-f]{2}(?::[0-9a-f]{2}){5})")
_VERDICTS = {"A": "allowed", "D": "denied", "R": "denied"}

_compiled: dict[str, re.Pattern[str]] = {}


def parse(frame: Frame) -> Fields:
    text = frame.text
    if len(text) > _LONGEST:
        raise ParseError("juniper_junos: longer than any message")
    filtered = _FILTER.search(text, 0, 512)
    if filtered is not None:
        return _packet(text, filtered)
    opened = frame.opened
    tag = _TAG.match(text) or _TAG.search(text, 0, 256)
    if tag is not None:
        event, said = tag[1], text[tag.end() :]
    elif opened is not None and opened.fields.get("log.syslog.msgid") in _EVENTS:
        event, said = opened.fields["log.syslog.msgid"], text
    else:
        raise ParseError("juniper_junos: no name of an event before the message")
    meaning, pattern = _EVENTS.get(event, (_NOTED, None))
    fields: Fields = {
        "event.code": event,
        "event.category": list(meaning.category),
        "event.type": list(meaning.type),
        "observer.vendor": "Juniper",
        "observer.product": "Junos",
    }
    if meaning.action:
        fields["event.action"] = meaning.action
    if meaning.outcome is not None:
        fields["event.outcome"] = meaning.outcome
    fields.update(meaning.also)
    if pattern is not None:
        known = _compiled.get(event)
        if known is None:
            known = _compiled[event] = re.compile(pattern, re.DOTALL)
        found = known.match(said)
        if found is not None:
            _fill(fields, found.groupdict())
    return fields


def _fill(fields: Fields, got: dict[str, str | None]) -> None:
    get = got.get
    user = get("user")
    if user:
        account(fields, user)
    role = get("role")
    if role:
        fields["user.roles"] = [role]
    related: list[str] = []
    for side, name, number in (("source", "src", "sport"), ("destination", "dst", "dport")):
        text = get(name)
        if text:
            address = ip(text)
            if address is not None:
                fields[side + ".ip"] = fields[side + ".address"] = address
                related.append(address)
            elif text not in ("[unknown]", "none"):
                fields[side + ".address"] = fields[side + ".domain"] = text
        at = port(get(number))
        if at is not None:
            fields[side + ".port"] = at
    if related:
        fields["related.ip"] = list(dict.fromkeys(related))
    for group, field in (("command", "process.command_line"), ("iif", "observer.ingress.interface.name")):
        value = get(group)
        if value and value.strip():
            fields[field] = value.strip()
    program = get("program")
    if program:
        fields["process.executable"] = program
        fields["process.name"] = program.rsplit("/", 1)[-1] or program
    pid = get("pid")
    if pid:
        fields["process.pid"] = int(pid)
    mac = get("mac")
    if mac and (address := cisco_mac(mac)) is not None:
        fields["source.mac"] = address


def _packet(text: str, found: re.Match[str]) -> Fields:
    """A firewall filter's log of a packet."""
    verdict = _VERDICTS[found["verdict"]]
    fields: Fields = {
        "event.action": verdict,
        "event.category": ["network"],
        "event.type": ["connection", verdict],
        "event.outcome": "success" if verdict == "allowed" else "failure",
        "network.transport": found["transport"].lower(),
        "network.packets": int(found["packets"]),
        "observer.vendor": "Juniper",
        "observer.product": "Junos",
    }
    got = found.groupdict()
    if fields["network.transport"] in ("icmp", "icmp6"):
        got["sport"] = got["dport"] = None
        fields["network.transport"] = "icmp" if fields["network.transport"] == "icmp" else "ipv6-icmp"
    _fill(fields, got)
    macs = _MACS.search(text)
    if macs is not None:
        source, destination = cisco_mac(macs[1]), cisco_mac(macs[2])
        if source is not None and destination is not None:
            fields["source.mac"], fields["destination.mac"] = source, destination
    return fields


_SYSTEM = LogSource(product="juniper", service="junos")
_WHO = LogSource(product="juniper", category="authentication", service="junos")
_WHAT = LogSource(product="juniper", category="configuration", service="junos")
_PACKETS = LogSource(product="juniper", category="firewall", service="junos")
_BGP = LogSource(product="juniper", service="bgp")


def route(fields: Fields) -> LogSource:
    categories = fields.get("event.category", ())
    if "authentication" in categories:
        return _WHO
    if "configuration" in categories:
        return _WHAT
    if fields.get("event.action") in ("allowed", "denied"):
        return _PACKETS
    return _BGP if fields.get("network.protocol") == "bgp" else _SYSTEM


_CERTAIN = re.compile(
    rb"(?:^|[\s:\]])(?:UI_[A-Z]{2,16}_|UI_COMMIT|SNMP_TRAP_|SNMPD_|RPD_|L2ALD_|DOT1XD_|SSHD_LOGIN|LOGIN_(?:FAILED|PAM|INFORMATION|ROOT)|"
    rb"WEB_AUTH|CHASSISD_|DCD_|EVENTD_|KMD_|LACPD_|LICENSE_|PFE_|JSRPD_|LIBJNX_|ALARMD_)[A-Z0-9_]{0,64}: "
    rb"|FW: [a-z]{2,5}[\w\-/]{0,16}\.\d{1,5} +[ADR] "
)

FORMAT = LogFormat(
    id="juniper_junos",
    vendor="Juniper",
    product="Junos",
    logsource=_SYSTEM,
    spec="https://apps.juniper.net/syslog-explorer/",
    parse=parse,
    inside="syslog",
    programs=(
        "mgd",
        "rpd",
        "chassisd",
        "l2ald",
        "dcd",
        "mib2d",
        "jsrpd",
        "pfed",
        "eventd",
        "dfwd",
        "alarmd",
        "lacpd",
        "kmd",
    ),
    fingerprint=lambda head: _CERTAIN.search(head, 0, 512) is not None,
    needs=(b"_", b"FW: "),
    route=route,
)
