"""What stands beside Postfix in its mail log: postgrey, policyd-spf (pypolicyd-spf) and SpamAssassin's spamd.

::

    <22>Jan  2 03:04:05 mx-1 postgrey[811]: action=greylist, reason=new, client_name=mail.example, client_address=203.0.113.7/32, sender=m.keller@mail.example, recipient=k.vogt@corp.example
    <22>Jan  2 03:04:06 mx-1 policyd-spf[4242]: Softfail; identity=mailfrom; client-ip=203.0.113.7; helo=mail.example; envelope-from=m.keller@mail.example; receiver=<UNKNOWN>
    <22>Jan  2 03:04:07 mx-1 spamd[77]: spamd: result: Y 12 - BAYES_99,URIBL_BLACK scantime=3.3,size=14228,user=spam,uid=118,required_score=5.0,rhost=mail.example,raddr=203.0.113.7,rport=56082,mid=<7@mail.example>,autolearn=spam
"""  # noqa: E501  (records as they are sent)

import re

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar.addresses import port
from parsers._grammar.people import hosts, remote, user

_GREY = re.compile(
    r"(?:\w{6,20}: )?action=([\w\-]{2,24}), reason=(.{1,256}?), (?=client_name=|delay=|client_address=)(.*)", re.DOTALL
)
_SPF = re.compile(
    r"(?:(?:Action: prepend: Text: |prepend )Received-SPF: )?"
    r"(?i:(pass|none|neutral|soft ?fail|fail|temp ?error|perm ?error))"
    r"(?: \([^)]{0,256}\))?;? identity=(\w{2,12}(?: \w{1,12}){0,2}); (.*)",
    re.DOTALL,
)
_PEER = r"(\S{1,255}?) \[([0-9A-Fa-f.:]{2,45})\]:(\d{1,5}) to port (\d{1,5})"
_CONNECTION = re.compile(r"(?:spamd: )?connection from " + _PEER)
_RESULT = re.compile(r"(?:spamd: )?result: ([.Y]) (-?\d{1,5}) - (\S{0,4096}) (scantime=.*)", re.DOTALL)
_CLEAN = re.compile(
    r"(?:spamd: )?(clean message|identified spam) \((-?[\d.]{1,8})/([\d.]{1,8})\) for (\S{1,128}?):\d{1,10} in"
)
_PROCESSING = re.compile(r"(?:spamd: )?(?:processing|checking) message (.{1,998}?) for (\S{1,128}?):\d{1,10}$")
_COMMA = re.compile(r"(\w{1,32})=([^,]{0,1024})(?:,\s?|$)")
_SEMICOLON = re.compile(r"([\w\-]{1,32})=([^;]{0,1024})(?:;\s?|\s\d+$|$)")
_PASSED = frozenset(("pass", "none", "neutral"))
_LONGEST = 8192


def parse(frame: Frame) -> Fields:
    text = frame.text.strip()[:_LONGEST]
    fields: Fields = {"event.category": ["email"], "event.type": ["info"]}
    if frame.opened is None:
        fields["message"] = frame.text.strip()
    if (found := _GREY.match(text)) is not None:
        log = dict(_COMMA.findall(found[3]))
        fields["event.action"], fields["event.reason"] = found[1], found[2]
        fields["event.category"], fields["event.type"] = ["email", "network"], ["info"]
        fields["event.type"].append("allowed" if found[1] == "pass" else "denied")
        fields["event.outcome"] = "success"
        _client(fields, log.get("client_address", "").partition("/")[0], log.get("client_name", ""))
        _people(fields, log.get("sender", ""), log.get("recipient", ""))
    elif (found := _SPF.match(text)) is not None:
        log = dict(_SEMICOLON.findall(found[3]))
        result = found[1].lower().replace(" ", "")
        fields["event.action"], fields["tieline.mail.spf"] = "spf_check", result
        fields["event.outcome"] = "success" if result in _PASSED else "failure"
        if not text.startswith("prepend") and "error" in result:
            fields["event.outcome"] = "unknown"
        _client(fields, log.get("client-ip", "").strip(), log.get("helo", "").strip())
        _people(fields, log.get("envelope-from", "").split(" ")[0], "")
    elif (found := _RESULT.match(text)) is not None:
        log = dict(_COMMA.findall(found[4]))
        fields["event.action"] = "spam_found" if found[1] == "Y" else "message_clean"
        fields["tieline.mail.score"], fields["tieline.mail.tests"] = int(found[2]), found[3]
        _client(fields, log.get("raddr", ""), log.get("rhost", ""), log.get("rport"))
        user(fields, log.get("user"))
        if log.get("mid"):
            fields["email.message_id"] = log["mid"].strip("<>")
    elif (found := _CONNECTION.match(text)) is not None:
        fields["event.category"], fields["event.type"] = ["network"], ["connection", "start"]
        fields["event.action"] = "connection"
        _client(fields, found[2], found[1], found[3])
        fields["destination.port"] = int(found[4])
    elif (found := _CLEAN.match(text)) is not None:
        fields["event.action"] = "message_clean" if found[1] == "clean message" else "spam_found"
        user(fields, found[4])
    elif (found := _PROCESSING.match(text)) is not None:
        fields["event.action"] = "processing"
        fields["email.message_id"] = found[1].strip("<>") or found[1]
        user(fields, found[2])
    elif frame.opened is None or frame.opened.program not in _PROGRAMS:
        raise ParseError(f"postfix_policy: unknown message {text[:80]!r}")
    if "source.domain" in fields:
        hosts(fields, frame, fields["source.domain"])
    return fields


def _client(fields: Fields, address: str, name: str, number: str | None = None) -> None:
    remote(fields, address, number)
    name = name.strip("[]<>")
    if name and name != address and name != "unknown" and port(name) is None and " " not in name:
        fields["source.domain"] = name


def _people(fields: Fields, sender: str, recipient: str) -> None:
    for name, address in (("email.from.address", sender), ("email.to.address", recipient)):
        address = address.strip("<> ")
        if "@" in address:
            fields[name] = [address]
    if "@" in recipient:
        fields["destination.domain"] = recipient.rpartition("@")[2].strip("> ")


_PROGRAMS = ("postgrey", "policyd-spf", "policy-spf", "spamd")
_GREY_MARK = re.compile(rb"(?:\w{6,20}: )?action=(?:pass|greylist|reject), reason=")


def _is_one(head: bytes) -> bool:
    if b"identity=" in head and b"client-ip=" in head and b"envelope-from=" in head:
        return _SPF_MARK.match(head) is not None
    return head.startswith(b"spamd: ") or _GREY_MARK.match(head) is not None


_SPF_MARK = re.compile(
    rb"(?:(?:Action: prepend: Text: |prepend )Received-SPF: )?[A-Za-z ]{4,10}(?: \([^)]{0,256}\))?;? identity="
)

FORMAT = LogFormat(
    id="postfix_policy",
    vendor="Postfix",
    product="policy services: postgrey, policyd-spf, spamd",
    logsource=LogSource(product="postfix"),
    spec="https://www.postfix.org/SMTPD_POLICY_README.html https://spamassassin.apache.org/full/4.0.x/doc/spamd.html",
    parse=parse,
    inside="syslog",
    programs=_PROGRAMS,
    fingerprint=_is_one,
    needs=(b"client-ip=", b"spamd: ", b", reason="),
)
