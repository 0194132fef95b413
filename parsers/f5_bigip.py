"""F5 BIG-IP 11 to 17: traffic management (LTM), access policies (APM), application security (ASM), audit.

::

    Jan  2 03:04:05 lb-1 warning tmm3[20358]: 01260013:4: SSL Handshake failed for TCP 203.0.113.66:57424 -> 192.0.2.7:443
    Jan  2 03:04:06 lb-1 notice apmd[14311]: 01490500:5: /Common/vpn:Common:3c1f5a7a: New session from client IP 203.0.113.66 (ST=/CC=/C=) at VIP 192.0.2.7 Listener /Common/vpn_443
    Jan  2 03:04:07 lb-1 notice tmsh[28791]: 01420002:5: AUDIT - pid=28791 user=admin folder=/ module=(tmos)# status=[Command OK] cmd_data=delete ltm pool p1
    <134>Jan  2 03:04:08 lb-1 ASM:unit_hostname="lb-1",policy_name="/Common/portal",violations="Illegal URL",request_status="blocked",ip_client="203.0.113.66",method="GET",src_port="52974",dest_port="443",dest_ip="192.0.2.7",uri="/admin"

Eight hexadecimal digits name the message, the digit behind them its level. CEF is read by its own format.
"""  # noqa: E501  (records as they are sent)

import re

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar.addresses import ip
from parsers._grammar.apm_session import BETWEEN, POLICY, between, policy
from parsers._grammar.conversation import count, endpoints, page
from parsers._grammar.event_time import moment
from parsers._grammar.outcomes import outcome
from parsers._grammar.pairs import listed
from parsers._grammar.people import account, hosts, remote

_LEVELS = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
_PROGRAM = re.compile(r"(?:(\w{2,8}) )?([A-Za-z][\w.\-]{0,32}(?:\(pam_audit\))?)\[(\d{1,10})\]: ")
_MESSAGE = re.compile(r"([0-9a-f]{8}):([0-7]): ?(.*)", re.DOTALL)
_SIGN = re.compile(
    rb"(?:[\w ()]{0,32}\[\d{1,10}\]: )?"
    rb"(?:[0-9a-f]{8}:[0-7]: |Rule /\S{1,128} [<:]|\[SECEV\] |\[ssl_(?:acc|req)\]|ASM:\w+=\")"
)
_AUDIT_SHELL = re.compile(
    r"AUDIT - pid=(\d{1,10}) user=(\S{1,128}) folder=(\S{1,256}) module=\((\S{0,64}?)\)#? "
    r"status=\[([^\]]{0,256})\] cmd_data=(.*)",
    re.DOTALL,
)
_AUDIT_CHANGE = re.compile(
    r"AUDIT - (?:client (\S{1,64}), )?user (\S{1,128}) - transaction (\S{1,64}) - object \d{1,10} - (\w{1,32}) (.*)",
    re.DOTALL,
)
_AUDIT_LOGIN = re.compile(
    r"(?:AUDIT - user (?P<by>\S{1,128}) - RAW: )?(?:(?P<program>\w{1,16})\(pam_audit\): )?"
    r"[uU]ser=(?P<user>\S{1,128}?)(?:\(\S{0,128}?\))? (?P<rest>.*)",
    re.DOTALL,
)
_HOST = re.compile(r"host=(\S{1,128})")
_AUTHZ = re.compile(
    r"pam_\w{1,32}: .{0,64}?user '?([^\s']{1,128})'? (.{1,256})|pam_\w{1,32}: (authenticated) user (\S{1,128}) .{0,256}"
)
_RULE = re.compile(r"Rule (/\S{1,256}) ?(?:<(\w{1,64})>)? ?: ?(.*)", re.DOTALL)
_WORDS = re.compile(r"(\w{1,32})=(\"[^\"]{0,4096}\"|\S{0,4096})")
_ACCESS = re.compile(r"\[ssl_acc\] (\S{2,64}) - (\S{1,128}) \[([^\]]{1,40})\] \"?(\S{1,4096}?)\"? (\d{3}) (\d{1,18}|-)")
_REQUEST = re.compile(
    r"\[ssl_req\] ?\[([^\]]{1,40})\] (\S{2,64}) (\S{1,16}) (\S{1,64}) \"([^\"]{0,4096})\" (\d{1,18}|-)"
)
_EVENT = re.compile(
    r"\[SECEV\] (Request|Response) violations: (.{0,4096}?)\. Support id: (\d{1,32}), source ip: (\S{2,64}), "
    r"xff ip: (\S{0,64}), source port: (\d{1,5}), destination ip: (\S{2,64}), destination port: (\d{1,5}), "
    r".{0,32}?(?:HTTP classifier: (\S{1,256}), )?(?:scheme (\w{1,8}))?.{0,256}?request: <?(\w{1,16}) (\S{1,4096})",
    re.DOTALL,
)
_MEMBER = re.compile(
    r"(?:Pool (\S{1,256}) )?(?:[mM]ember|Node) (\S{1,256}?) (?:monitor )?(?:address )?(?:status|session status) "
    r"([\w ]{1,32}?)[. ]"
)
_LONGEST = 16_384


def parse(frame: Frame) -> Fields:
    text = frame.text.strip()
    if len(text) > _LONGEST:
        text = text[:_LONGEST]
    fields: Fields = {"observer.vendor": "F5", "observer.product": "BIG-IP"}
    if frame.opened is None:
        fields["message"] = frame.text.strip()
    else:
        _header(fields, frame.opened.fields)
    found = _PROGRAM.match(text)
    if found is not None:
        _program(fields, found[1], found[2])
        fields["process.pid"] = int(found[3])
        text = text[found.end() :]
    fields["event.category"], fields["event.type"] = ["network"], ["info"]
    told = _told(frame)
    found = told or _MESSAGE.match(text)
    if found is not None:
        fields["event.code"], fields["log.level"] = found[1], _LEVELS[int(found[2])]
        _numbered(fields, found[1], text if told is not None else found[3])
    elif text.startswith("ASM:") or "unit_hostname=" in text[:256]:
        _asm(fields, text.removeprefix("ASM:"), frame)
    elif text.startswith("[ssl_"):
        _management(fields, text, frame)
    elif text.startswith("Rule "):
        _rule(fields, text)
    elif "[SECEV]" in text[:64]:
        _violation(fields, text)
    elif (found := POLICY.match(text)) is not None:
        policy(fields, found)
    elif not _audited(fields, text) and not _authorised(fields, text):
        raise ParseError(f"f5_bigip: unknown message {text[:80]!r}")
    if "url.domain" in fields:
        hosts(fields, frame, fields["url.domain"] if ip(fields["url.domain"]) is None else None)
    return fields


def _told(frame: Frame) -> re.Match[str] | None:
    """The number of the message, where the header (RFC 5424) has it."""
    identifier = "" if frame.opened is None else frame.opened.fields.get("log.syslog.msgid")
    return _MESSAGE.match(identifier) if type(identifier) is str else None


def _header(fields: Fields, opened: Fields) -> None:
    """The header takes the level, and a blade before the host, for parts of the program's name."""
    *before, name = opened.get("process.name", "").split(" ")
    if before:
        _program(fields, before[-1], name)
        slot, slash, host = before[0].partition("/")
        if slash and slot.startswith("slot") and host:
            fields["host.name"] = fields["host.hostname"] = fields["observer.name"] = host
            fields["related.hosts"] = [host]
    if "host.name" in opened:
        fields["observer.name"] = opened["host.name"]


def _program(fields: Fields, level: str | None, name: str) -> None:
    if level:
        fields["log.level"] = level
    fields["process.name"] = name


def _numbered(fields: Fields, code: str, said: str) -> None:
    if said.startswith("AUDIT"):
        _audited(fields, said)
        return
    if "[SECEV]" in said[:64]:
        _violation(fields, said)
        return
    found = POLICY.match(said)
    if found is not None and (code.startswith(("0149", "0158", "0157")) or found[1] is not None):
        policy(fields, found)
        return
    found = BETWEEN.search(said)
    if found is not None:
        between(fields, found)
        fields["event.type"] = ["connection"]
        fields["event.reason"] = said[found.end() :].strip(": ") or said[: found.start()].strip()
        if not fields["event.reason"]:
            del fields["event.reason"]
        if "fail" in said or "error" in said.lower():
            fields["event.outcome"] = "failure"
        return
    found = _MEMBER.search(said)
    if found is not None:
        fields["event.action"], fields["service.state"] = "monitor_status", found[3].strip()
        fields["service.name"] = found[2]
        if found[1]:
            fields["tieline.f5.pool"] = found[1]
    elif said.startswith("Rule "):
        _rule(fields, said)
    fields.setdefault("event.reason", said[:1024].strip() or code)


def _audited(fields: Fields, said: str) -> bool:
    found = _AUDIT_SHELL.match(said)
    if found is not None:
        fields["event.category"], fields["event.type"] = ["configuration", "process"], ["change"]
        fields["event.action"], fields["process.command_line"] = "command", found[6].strip() or "-"
        fields["process.pid"], fields["process.working_directory"] = int(found[1]), found[3]
        fields["event.outcome"] = "success" if found[5] == "Command OK" else "failure"
        account(fields, found[2])
        return True
    found = _AUDIT_CHANGE.match(said)
    if found is not None:
        verb = found[4]
        kind = {"create": "creation", "delete": "deletion"}.get(verb, "change")
        fields["event.category"], fields["event.type"], fields["event.action"] = ["configuration"], [kind], verb
        fields["event.reason"] = found[5][:1024].strip() or verb
        status = found[5].rpartition("[Status=")[2] if "[Status=" in found[5] else ""
        if status:
            fields["event.outcome"] = "success" if status.startswith("Command OK") else "failure"
        account(fields, found[2])
        return True
    found = _AUDIT_LOGIN.match(said)
    if found is not None and ("attempts" in found["rest"] or "login" in found["rest"]):
        failed = "failed to login" in found["rest"]
        ended = not failed and " end=" in found["rest"]
        fields["event.action"] = "login_failed" if failed else "logout" if ended else "login"
        if ended:
            fields["event.category"], fields["event.type"] = ["session"], ["end"]
        else:
            fields["event.category"], fields["event.type"] = ["authentication"], ["info" if failed else "start"]
            fields["event.outcome"] = "failure" if failed else "success"
        account(fields, found["user"])
        host = _HOST.search(found["rest"])
        if host is not None:
            remote(fields, host[1])
        return True
    return False


def _authorised(fields: Fields, said: str) -> bool:
    found = _AUTHZ.match(said)
    if found is None:
        return False
    result = "success" if found[3] else outcome(found[2]) or "unknown"
    fields["event.category"], fields["event.action"] = ["authentication"], "authorised"
    fields["event.type"], fields["event.outcome"] = ["start" if result == "success" else "info"], result
    account(fields, found[4] or found[1])
    return True


def _rule(fields: Fields, said: str) -> None:
    """What an administrator's iRule writes: ``name=value`` by habit."""
    found = _RULE.match(said)
    if found is None:
        return
    fields["event.action"], fields["rule.name"] = "irule", found[1]
    if found[2]:
        fields["tieline.f5.irule_event"] = found[2]
    words = {key.lower(): value.strip('"') for key, value in reversed(_WORDS.findall(found[3][:4096]))}
    source = words.get("client_ip") or words.get("src_ip") or words.get("clientip")
    server, _, number = (words.get("lb_server") or words.get("server_ip") or "").rpartition(":")
    if not server:
        server, number = number, words.get("server_port", "")
    endpoints(fields, source, words.get("client_port") or words.get("src_port"), server, number)
    status = count(words.get("server_status") or words.get("http_status") or words.get("status"))
    if status is not None and 100 <= status <= 599:
        fields["http.response.status_code"] = status
    if words.get("user_agent"):
        fields["user_agent.original"] = words["user_agent"]
    request = words.get("request", "").split(" ")
    address, name = words.get("uri") or words.get("http_uri") or "", words.get("host") or words.get("http_host") or None
    if len(request) >= 2 and request[0].isalpha():
        fields["http.request.method"], address = request[0], request[1]
    if address or name:
        page(fields, address, name)


def _asm(fields: Fields, text: str, frame: Frame) -> None:
    log = listed(text)
    get = log.get
    fields["event.category"] = ["web", "intrusion_detection"]
    endpoints(fields, get("ip_client"), get("src_port"), get("dest_ip"), get("dest_port"))
    status = get("request_status", "").lower()
    fields["event.type"] = ["info"] + (["denied"] if status == "blocked" else ["allowed"] if status == "passed" else [])
    for key, name in (
        ("request_status", "event.action"),
        ("unit_hostname", "observer.name"),
        ("policy_name", "rule.ruleset"),
        ("violations", "rule.name"),
        ("attack_type", "tieline.f5.attack_type"),
        ("sig_names", "tieline.f5.signatures"),
        ("sig_ids", "tieline.f5.signature_ids"),
        ("support_id", "tieline.f5.support_id"),
        ("violation_rating", "tieline.f5.violation_rating"),
        ("severity", "log.level"),
        ("method", "http.request.method"),
        ("session_id", "tieline.f5.session"),
    ):
        value = get(key)
        if value and value != "N/A":
            fields[name] = value
    if "denied" in fields["event.type"] or "allowed" in fields["event.type"]:
        fields["event.category"].append("network")
    code = count(get("response_code"))
    if code is not None and 100 <= code <= 599:
        fields["http.response.status_code"] = code
    if get("username", "N/A") not in ("", "N/A"):
        account(fields, log["username"])
    forwarded = ip(get("x_forwarded_for_header_value"))
    if forwarded is not None:
        fields["network.forwarded_ip"] = forwarded
    if get("uri"):
        query = get("query_string")
        page(fields, log["uri"] + (f"?{query}" if query and query != "N/A" else ""))
    when = moment(get("date_time"), frame.zone) if get("date_time") else None
    if when is not None:
        fields["@timestamp"] = when


def _violation(fields: Fields, said: str) -> None:
    fields["event.category"], fields["event.action"] = ["web", "intrusion_detection"], "violation"
    found = _EVENT.search(said)
    if found is None:
        return
    _, what, support, source, forwarded, sport, destination, dport, classifier, _, method, address = found.groups()
    endpoints(fields, source, sport, destination, dport)
    fields["event.reason"], fields["tieline.f5.support_id"] = what[:1024], support
    fields["http.request.method"] = method
    if classifier:
        fields["rule.ruleset"] = classifier
    other = ip(forwarded)
    if other is not None:
        fields["network.forwarded_ip"] = other
    page(fields, address)


def _management(fields: Fields, text: str, frame: Frame) -> None:
    fields["event.category"], fields["event.type"], fields["event.action"] = ["web"], ["access"], "management_request"
    found = _ACCESS.match(text)
    if found is not None:
        address, name, stamp, url, status, size = found.groups()
        fields["http.response.status_code"] = int(status)
        length = count(size)
        if length is not None:
            fields["http.response.bytes"] = length
        if name != "-":
            account(fields, name)
    elif (found := _REQUEST.match(text)) is not None:
        stamp, address, _, cipher, url, _ = found.groups()
        fields["tls.cipher"] = cipher
        method, blank, rest = url.partition(" ")
        if blank and method.isupper():
            fields["http.request.method"], url = method, rest.partition(" ")[0]
    else:
        raise ParseError("f5_bigip: a request to the management interface that is cut off")
    remote(fields, address)
    page(fields, url)
    when = moment(stamp, frame.zone)
    if when is not None and "@timestamp" not in (frame.opened.fields if frame.opened is not None else {}):
        fields["@timestamp"] = when


_LOGSOURCE = LogSource(product="f5", service="ltm")
_SOURCES = {
    "authentication": LogSource(product="f5", category="authentication", service="apm"),
    "session": LogSource(product="f5", service="apm"),
    "configuration": LogSource(product="f5", service="audit"),
    "web": LogSource(product="f5", category="webserver", service="asm"),
}


def route(fields: Fields) -> LogSource:
    return _SOURCES.get((fields.get("event.category") or ("",))[0], _LOGSOURCE)


FORMAT = LogFormat(
    id="f5_bigip",
    vendor="F5",
    product="BIG-IP",
    logsource=_LOGSOURCE,
    spec="https://techdocs.f5.com/en-us/bigip-15-1-0/external-monitoring-of-big-ip-systems-implementations.html https://my.f5.com/manage/s/article/K16197",
    parse=parse,
    inside="syslog",
    programs=("apmd", "tmm", *(f"tmm{n}" for n in range(16)), "mcpd", "bigd", "sod", "gtmd", "big3d", "alertd"),
    fingerprint=lambda head: _SIGN.match(head) is not None or b"(pam_audit)" in head[:256] or b"unit_hostname=" in head,
    needs=(
        *(b":%d: " % n for n in range(8)),
        b"Rule /",
        b"[SECEV]",
        b"[ssl_",
        b"ASM:",
        b"(pam_audit)",
        b"unit_hostname=",
    ),
    route=route,
)
