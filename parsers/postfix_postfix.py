"""Postfix 2.x and 3.x: connections, logins, refusals and deliveries of all its daemons.

::

    Jan  2 03:04:05 mx-1 postfix/smtpd[812]: 4F1C2A7B3D: client=vpn-7.corp.example[192.0.2.7], sasl_method=PLAIN, sasl_username=k.vogt
    Jan  2 03:04:05 mx-1 postfix/smtpd[812]: warning: unknown[203.0.113.9]: SASL LOGIN authentication failed: UGFzc3dvcmQ6
    Jan  2 03:04:05 mx-1 postfix/smtp[813]: 4F1C2A7B3D: to=<a@b.example>, relay=mx.b.example[198.51.100.25]:25, delay=1.2, dsn=2.0.0, status=sent (250 Ok)

What a client chose (HELO, addresses of envelopes) is taken only where Postfix names it: behind ``from=<`` and the like.
"""  # noqa: E501  (records as they are sent)

import re

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar.addresses import ip, port
from parsers._grammar.people import account, remote

_QUEUE = re.compile(
    r"(NOQUEUE|[0-9A-F]{6,15}|[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,18}z[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{1,16}): "
)
_PEER = r"(\S{1,255}?)?\[([0-9A-Fa-f.:]{2,45}|unknown|unix[^\]]{0,64})\](?::(\d{1,5}))?"
_PLAIN = re.compile(
    r"(connect|disconnect|lost connection after (?:\S{1,32}(?: \([^)]{0,64}\))?|sending message body)|timeout after"
    r" [\w\- ]{1,48}|"
    r"too many errors after \S{1,32}(?: \([^)]{0,64}\))?|improper command pipelining after \S{1,32}) from " + _PEER
)
_OUTWARD = re.compile(r"connect to " + _PEER + r": (.{1,512})", re.DOTALL)
_SASL = re.compile(
    r"warning: " + _PEER + r": SASL (\S{1,32}) authentication (failed|aborted)(?:: (.*?))?(?:, sasl_username="
    r"(\S{1,256}?))?(?:[,;] .*)?$",
    re.DOTALL,
)
_CLIENT = re.compile(r"client=" + _PEER + r"(.*)", re.DOTALL)
_KEY = re.compile(r", (sasl_method|sasl_username|sasl_sender|orig_queue_id|orig_client)=([^\s,]{1,512})")
_REJECT = re.compile(
    r"(?:(milter-)?(reject|reject_warning|discard|hold|filter|redirect|warn|prepend|bcc|info)): (?:([A-Z\-]{2,16}(?:"
    r" \w{4,8})?|end of message body|"
    r"END-OF-MESSAGE|header \S{1,64}.*?|body .*?) from )?" + _PEER + r": (?:(\d{3})(?: (\d\.\d{1,3}\.\d{1,3}))? )?(.*)",
    re.DOTALL,
)
_HEADER = re.compile(
    r"(warning|reject|prepend|hold|discard|filter|redirect|replace|strip|info|bcc): (header|body|mime header|nested"
    r" header) (.{0,4096}) from (?:local|" + _PEER + r"); (from=.*)",
    re.DOTALL,
)
_FILE = re.compile(r"(?:file)?name=\"([^\"]{1,255})\"")
_USED = re.compile(r"(?:\w{6,32}: )?Used TLS for " + _PEER)
_ENVELOPE = re.compile(
    r"(?:; |, |^| )(from|to|orig_to|helo|proto|message-id|resent-message-id)=<?([^\s<>,;]{1,1024})>?"
)
_DELIVERY = re.compile(
    r"to=<?([^\s<>,]{0,1024})>?, (?:orig_to=<?([^\s<>,]{1,1024})>?, )?relay=([^\s,]{1,512}), (?:conn_use=\d{1,6},"
    r" )?delay=([\d.]{1,16}), "
    r"(?:delays=[\d./]{1,64}, )?dsn=(\d\.\d{1,3}\.\d{1,3}), status=(\S{1,32})(?: \((.*)\))?",
    re.DOTALL,
)
_RELAY = re.compile(_PEER)
_FROM = re.compile(r"from=<([^<>]{0,1024})>, size=(\d{1,18})(?:, nrcpt=(\d{1,9}))?")
_PICKUP = re.compile(r"uid=(\d{1,10}) from=<([^<>]{0,1024})>")
_MESSAGE_ID = re.compile(r"(?:resent-)?message-id=<?([^<>]{1,998})>?")
_TLS = re.compile(
    r"(?:Anonymous|Untrusted|Trusted|Verified) TLS connection (?:established|reused) (from|to) " + _PEER + r": "
    r"(TLSv[\d.]+|SSLv\d) with cipher (\S{1,64})"
)
_SCREEN = re.compile(
    r"(CONNECT|PASS (?:NEW|OLD)|WHITELISTED|ALLOWLISTED|BLACKLISTED|DENYLISTED|PREGREET|HANGUP|BARE NEWLINE|NON-SMTP"
    r" COMMAND|COMMAND [A-Z ]{4,24}|"
    r"DNSBL rank \d{1,6} for|DISCONNECT)(?: \d{1,9})?(?: after [\d.]{1,16})?(?: (?:from|for))? \["
    r"([0-9A-Fa-f.:]{2,45})\](?::(\d{1,5}))?"
    r"(?: to \[([0-9A-Fa-f.:]{2,45})\]:(\d{1,5}))?"
)
_SAID = re.compile(
    r"host " + _PEER + r" (?:said|refused to talk to me): (\d{3})[ \-](?:(\d\.\d{1,3}\.\d{1,3}) )?(.*)",
    re.DOTALL,
)
_HOSTNAME = re.compile(r"warning: hostname (\S{1,255}) does not resolve to address ([0-9A-Fa-f.:]{2,45})")
_LONGEST = 8192


def parse(frame: Frame) -> Fields:
    text = frame.text.strip()[:_LONGEST]
    fields: Fields = {"network.protocol": "smtp", "event.category": ["network"], "event.type": ["info"]}
    queue = _QUEUE.match(text)
    if queue is not None:
        if queue[1] != "NOQUEUE":
            fields["email.local_id"] = queue[1]
        text = text[queue.end() :]
    for expression, read in _FORMS:
        found = expression.match(text)
        if found is not None:
            read(fields, found)
            return fields
    if queue is None and frame.opened is None:
        raise ParseError(f"postfix_postfix: unknown message {text[:80]!r}")
    return fields


def _peer(fields: Fields, name: str | None, address: str | None, number: str | None, side: str = "source") -> None:
    there = ip(address)
    if there is not None:
        if side == "source":
            remote(fields, there, number)
        else:
            fields["destination.ip"] = fields["destination.address"] = there
            fields["related.ip"] = [there]
            if (at := port(number)) is not None:
                fields["destination.port"] = at
    if name and name != "unknown" and ip(name) is None:
        fields[f"{side}.domain"] = name.lower()


def _plain(fields: Fields, found: re.Match[str]) -> None:
    said, name, address, number = found.groups()
    start = said == "connect"
    fields["event.action"] = said.replace(" ", "_") if said in ("connect", "disconnect") else "connection_broken"
    fields["event.type"] = ["connection", "start" if start else "end"]
    if fields["event.action"] == "connection_broken":
        fields["event.reason"] = said
    _peer(fields, name, address, number)


def _outward(fields: Fields, found: re.Match[str]) -> None:
    name, address, number, reason = found.groups()
    fields.update({"event.action": "connect_failed", "event.type": ["connection", "start"], "event.outcome": "failure"})
    fields["event.reason"] = reason
    _peer(fields, name, address, number, "destination")


def _sasl(fields: Fields, found: re.Match[str]) -> None:
    name, address, number, method, _, reason, who = found.groups()
    fields.update({"event.action": "smtp_login", "event.category": ["authentication"], "event.outcome": "failure"})
    fields["tieline.auth.method"] = method
    if reason:
        fields["event.reason"] = reason
    _peer(fields, name, address, number)
    account(fields, who)


def _client(fields: Fields, found: re.Match[str]) -> None:
    name, address, number, rest = found.groups()
    _peer(fields, name, address, number)
    fields["event.action"] = "mail_accepted_from"
    values = dict(_KEY.findall(rest))
    who = values.get("sasl_username")
    if who is not None:
        fields.update({"event.action": "smtp_login", "event.category": ["authentication"], "event.outcome": "success"})
        account(fields, who)
        if "sasl_method" in values:
            fields["tieline.auth.method"] = values["sasl_method"]


def _reject(fields: Fields, found: re.Match[str]) -> None:
    _, verdict, stage, name, address, number, code, dsn, rest = found.groups()
    refused = verdict == "reject"
    fields["event.action"] = f"mail_{verdict}"
    fields["event.category"] = ["email"] if not refused else ["network"]
    fields["event.type"] = ["info"] if not refused else ["denied"]
    if refused:
        fields["event.outcome"] = "failure"
    if stage is not None:
        fields["tieline.smtp.stage"] = stage[:64]
    if code is not None:
        fields["event.code"] = code
    if dsn is not None:
        fields["tieline.smtp.dsn"] = dsn
    _peer(fields, name, address, number)
    reason, semicolon, envelope = rest.rpartition("; from=<")
    if not semicolon:
        reason, envelope = rest, ""
    else:
        envelope = "from=<" + envelope
    if reason:
        fields["event.reason"] = reason
    _envelope(fields, envelope)


def _header_check(fields: Fields, found: re.Match[str]) -> None:
    verdict, part, said, name, address, number, envelope = found.groups()
    refused = verdict in ("reject", "discard")
    fields["event.action"], fields["event.category"] = f"mail_{part.replace(' ', '_')}_{verdict}", ["email"]
    fields["event.type"] = ["info"]
    if refused:
        fields["event.category"], fields["event.type"] = ["network"], ["denied"]
        fields["event.outcome"] = "failure"
    fields["event.reason"] = said[:1024].strip() or part
    if said.startswith("Subject: "):
        fields["email.subject"] = said[9:1024].strip() or "-"
    file = _FILE.search(said)
    if file is not None:
        fields["file.name"] = file[1]
    if address is not None:
        _peer(fields, name, address, number)
    _envelope(fields, envelope)


def _used(fields: Fields, found: re.Match[str]) -> None:
    fields["event.action"], fields["event.category"], fields["event.type"] = "tls", ["network"], ["protocol"]
    server = ip(found[2])
    if server is not None:
        fields["destination.ip"] = fields["destination.address"] = server
        related = fields.setdefault("related.ip", [])
        if server not in related:
            related.append(server)
        number = port(found[3])
        if number is not None:
            fields["destination.port"] = number
    if found[1] and ip(found[1]) is None:
        fields["destination.domain"] = found[1]


def _envelope(fields: Fields, text: str) -> None:
    for name, value in _ENVELOPE.findall(text):
        if name == "from":
            fields["email.from.address"] = [value]
        elif name == "to":
            fields["email.to.address"] = [value]
        elif name == "helo":
            fields["tieline.smtp.helo"] = value


def _delivery(fields: Fields, found: re.Match[str]) -> None:
    to, _, relay, delay, dsn, status, said = found.groups()
    fields["event.action"] = f"mail_{status}"
    fields["event.category"] = ["email"]
    if status == "sent":
        fields["event.outcome"] = "success"
    elif status in ("bounced", "expired", "undeliverable"):
        fields["event.outcome"] = "failure"
    if to:
        fields["email.to.address"] = [to]
    peer = _RELAY.match(relay)
    if peer is not None:
        _peer(fields, peer[1], peer[2], peer[3], "destination")
    fields["tieline.smtp.dsn"] = dsn
    if delay.replace(".", "", 1).isdigit():
        fields["event.duration"] = round(float(delay) * 1000) * 1_000_000
    if said:
        fields["event.reason"] = said


def _from(fields: Fields, found: re.Match[str]) -> None:
    sender, size, _ = found.groups()
    fields["event.action"], fields["event.category"] = "mail_queued", ["email"]
    if sender:
        fields["email.from.address"] = [sender]
    fields["tieline.email.bytes"] = int(size)


def _pickup(fields: Fields, found: re.Match[str]) -> None:
    fields["event.action"], fields["event.category"] = "mail_picked_up", ["email"]
    fields["user.id"] = found[1]
    if found[2]:
        fields["email.from.address"] = [found[2]]


def _message_id(fields: Fields, found: re.Match[str]) -> None:
    fields["event.action"], fields["event.category"] = "mail_message_id", ["email"]
    fields["email.message_id"] = found[1]


def _tls(fields: Fields, found: re.Match[str]) -> None:
    way, name, address, number, version, cipher = found.groups()
    fields["event.action"], fields["event.type"] = "tls_established", ["protocol", "info"]
    _peer(fields, name, address, number, "source" if way == "from" else "destination")
    fields["tls.version_protocol"], fields["tls.version"] = version[:3].lower(), version[4:]
    fields["tls.cipher"] = cipher


def _screen(fields: Fields, found: re.Match[str]) -> None:
    said, address, number, server, at = found.groups()
    fields["event.action"] = "postscreen_" + re.sub(r"[^a-z]+", "_", said.lower().removesuffix(" for")).strip("_")
    fields["event.type"] = ["connection", "start" if said == "CONNECT" else "info"]
    _peer(fields, None, address, number)
    there = ip(server)
    if there is not None:
        fields["destination.ip"] = fields["destination.address"] = there
        if there not in fields.setdefault("related.ip", []):
            fields["related.ip"].append(there)
        if (seen := port(at)) is not None:
            fields["destination.port"] = seen


def _said(fields: Fields, found: re.Match[str]) -> None:
    name, address, number, code, dsn, reason = found.groups()
    fields["event.action"], fields["event.outcome"], fields["event.code"] = "mail_refused_by", "failure", code
    if dsn is not None:
        fields["tieline.smtp.dsn"] = dsn
    fields["event.reason"] = reason
    _peer(fields, name, address, number, "destination")


def _hostname(fields: Fields, found: re.Match[str]) -> None:
    fields["event.action"] = "hostname_mismatch"
    _peer(fields, found[1], found[2], None)


def _removed(fields: Fields, found: re.Match[str]) -> None:
    fields["event.action"], fields["event.category"] = "mail_removed", ["email"]


_FORMS = (
    (_PLAIN, _plain),
    (_DELIVERY, _delivery),
    (_CLIENT, _client),
    (_FROM, _from),
    (_MESSAGE_ID, _message_id),
    (re.compile(r"removed$"), _removed),
    (_SASL, _sasl),
    (_HEADER, _header_check),
    (_REJECT, _reject),
    (_TLS, _tls),
    (_USED, _used),
    (_OUTWARD, _outward),
    (_SCREEN, _screen),
    (_PICKUP, _pickup),
    (_SAID, _said),
    (_HOSTNAME, _hostname),
)
_DAEMONS = (
    "smtpd smtp lmtp qmgr oqmgr cleanup pickup local virtual pipe bounce anvil master postscreen dnsblog tlsproxy "
    "trivial-rewrite error retry scache postfix-script discard verify proxymap tlsmgr flush showq spawn qmqpd sendmail "
    "postsuper postqueue postmap postdrop policy-spf submission/smtpd smtps/smtpd submissions/smtpd smtp/smtpd"
)
_LOGSOURCE = LogSource(product="postfix")
_AUTHENTICATION = LogSource(product="postfix", category="authentication")
_MARK = re.compile(
    rb"(?:[0-9A-F]{8,15}|[0-9A-Za-z]{12,24}): (?:to=<[^>]*>, (?:orig_to=\S+ )?relay=|from=<[^>]*>, size=\d"
    rb"|client=\S+\[|message-id=<)"
    rb"|NOQUEUE: (?:reject|filter|warn): "
    rb"|[0-9A-Z]{6,15}: (?:milter-)?(?:reject|filter|warning|prepend): (?:RCPT|header) "
    rb"|[0-9A-F]{8,15}: Used TLS for |(?:warning: )?\S+\[[0-9A-Fa-f.:]+\]: SASL \S+ authentication failed"
)


def route(fields: Fields) -> LogSource:
    return _AUTHENTICATION if "authentication" in fields.get("event.category", ()) else _LOGSOURCE


FORMAT = LogFormat(
    id="postfix_postfix",
    vendor="Postfix",
    product="Postfix",
    logsource=_LOGSOURCE,
    spec="https://www.postfix.org/documentation.html https://www.postfix.org/postconf.5.html",
    parse=parse,
    inside="syslog",
    programs=("postfix", *(f"postfix/{name}" for name in _DAEMONS.split())),
    fingerprint=lambda head: _MARK.match(head) is not None,
    needs=(b"relay=", b"size=", b"client=", b"message-id=", b"NOQUEUE", b"SASL ", b"RCPT", b"header ", b"Used TLS"),
    route=route,
)
