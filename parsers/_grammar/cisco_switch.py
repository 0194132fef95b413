"""Messages of Cisco's switches and routers: ``%FACILITY-severity-MNEMONIC: text``, with what runs before and within."""

import re
from typing import Any

from engine.model import Fields, Frame, ParseError
from parsers._grammar.addresses import ip, port
from parsers._grammar.cisco_ends import transport
from parsers._grammar.cisco_facts import cisco_mac
from parsers._grammar.cisco_mnemonics import FACTS, MNEMONICS
from parsers._grammar.cisco_traffic import Meaning
from parsers._grammar.people import account

TAG = re.compile(r"%([A-Z][A-Z0-9_]{0,31}(?:-[A-Z0-9_]{1,32}){0,3}?)-([0-7])-([A-Z][A-Z0-9_]{1,63}) ?:(?:\s+|$)")
_LONGEST = 8192
_LEVELS = ("emergency", "alert", "critical", "error", "warning", "notification", "informational", "debug")
# "Switch 1 R0/0: dmiauthd: User …": where in a chassis, and which process
_WITHIN = re.compile(
    r"(?:(?:Switch \d{1,2} )?(?:[A-Z]{1,3}\d/\d|SIP\d|F\d|RP/\d/\S{1,16}): +)(?:([a-z][\w\-]{1,31}): +)?"
)
_PROCESS = re.compile(r" - ([A-Za-z][\w.\-]{0,63})\[(\d{1,10})\]$")
_IP = r"(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]{1,45})"
_PAM = re.compile(
    r"(?:pam_aaa:|error: PAM: )?Authentication (?P<how>failed|failure|success\w*)"
    rf"(?: for (?:(?:illegal |invalid )?user )?(?P<user>\S{{1,256}}))? from (?P<src>{_IP}|\S{{1,128}})"
)

_compiled: dict[str, tuple[Meaning, re.Pattern[str] | None] | None] = {}

_VERDICTS = {"permitted": "allowed", "permit": "allowed", "denied": "denied", "deny": "denied"}
_HAPPENED = {"up": "interface_up", "down": "interface_down", "administratively down": "interface_down"}


def read(frame: Frame, name: str, product: str, kind: str) -> Fields:
    """The message of ``frame`` in ECS's words; ``name`` is the format's, for what it has to complain of."""
    text = frame.text
    if len(text) > _LONGEST:
        raise ParseError(f"{name}: longer than any message")
    tag = TAG.search(text, 0, 1024)
    if tag is None:
        raise ParseError(f"{name}: no %FACILITY-severity-MNEMONIC: before the message")
    facility, level, mnemonic = tag.groups()
    said = text[tag.end() :].strip()
    if mnemonic == "PLATFORM":  # IOS XE passes on what its processor said
        inner = TAG.search(said, 0, 1024)
        if inner is not None:
            facility, level, mnemonic = inner.groups()
            said = said[inner.end() :]
    fields: Fields = {
        "event.code": mnemonic,
        "event.provider": facility,
        "event.severity": int(level),
        "log.level": _LEVELS[int(level)],
        "observer.vendor": "Cisco",
        "observer.product": product,
        "observer.type": kind,
    }
    within = _WITHIN.match(said)
    if within is not None:
        said = said[within.end() :]
        if within[1] is not None:
            fields["process.name"] = within[1]
    meaning, pattern = _known(facility, mnemonic)
    found = None if pattern is None else pattern.match(said)
    if meaning.action:
        fields["event.action"] = meaning.action
    if meaning.outcome is not None:
        fields["event.outcome"] = meaning.outcome
    fields.update(meaning.also)
    fields["event.category"], fields["event.type"] = list(meaning.category), list(meaning.type)
    got = _facts(said) if found is None else found.groupdict()
    _fill(fields, got)
    if mnemonic == "SYSTEM_MSG":
        _system(fields, said)
    if facility == "BGP" or fields.get("destination.port") == 179 or fields.get("source.port") == 179:
        fields["network.protocol"] = "bgp"
    elif fields.get("destination.port") == 646:
        fields["network.protocol"] = "ldp"
    opened = frame.opened
    if opened is not None and "host.hostname" in opened.fields:
        fields["observer.hostname"] = opened.fields["host.hostname"]
    return fields


def _known(facility: str, mnemonic: str) -> tuple[Meaning, re.Pattern[str] | None]:
    key = f"{facility}-{mnemonic}"
    known = _compiled.get(key)
    if known is None:
        meaning, pattern = MNEMONICS.get(key) or MNEMONICS.get(mnemonic) or (_NOTED, None)
        known = meaning, None if pattern is None else re.compile(pattern, re.DOTALL)
        if len(_compiled) < 4096:
            _compiled[key] = known
    return known


_NOTED = Meaning("", ("network",), ("info",))


def _facts(said: str) -> dict[str, str | None]:
    got: dict[str, str | None] = {}
    for fact in FACTS:
        found = fact.search(said, 0, 1024)
        if found is not None:
            got.update(found.groupdict())
    return got


def _fill(fields: Fields, got: dict[str, Any]) -> None:
    get = got.get
    related: list[str] = []
    for side, address, number in (("source", "src", "sport"), ("destination", "dst", "dport")):
        text = get(address)
        if text:
            at = ip(text)
            if at is not None:
                fields[side + ".ip"] = fields[side + ".address"] = at
                related.append(at)
            else:
                fields[side + ".address"] = fields[side + ".domain"] = text
        at_port = port(get(number))
        if at_port is not None:
            fields[side + ".port"] = at_port
    if related:
        fields["related.ip"] = list(dict.fromkeys(related))
    carried = get("transport")
    if carried == "ipv6":
        fields["network.type"] = "ipv6"
    elif carried is not None:
        transport(fields, carried)
    if fields.get("network.transport") in ("icmp", "ipv6-icmp"):
        fields.pop("source.port", None)
        fields.pop("destination.port", None)
    name = get("user") or get("closed")
    if name:
        account(fields, name.strip("'\""))
        if get("src"):
            fields["source.user.name"] = fields["user.name"]
    for group, field in _TEXTS.items():
        value = get(group)
        if value:
            fields[field] = value.strip()
    for group, field in (("mac", "source.mac"), ("smac", "source.mac"), ("dmac", "destination.mac")):
        value = get(group)
        if value:
            mac = cisco_mac(value)
            if mac is not None and mac.strip("0-"):
                fields[field] = mac
    for group, field in (("sbytes", "source.bytes"), ("dbytes", "destination.bytes")):
        value = get(group)
        if value:
            fields[field] = int(value)
    if "source.bytes" in fields and "destination.bytes" in fields:
        fields["network.bytes"] = fields["source.bytes"] + fields["destination.bytes"]
    verdict = _VERDICTS.get((get("verdict") or "").lower())
    if verdict is not None:
        fields["event.action"] = verdict
        fields["event.type"] = ["connection", verdict]
        fields["event.outcome"] = "success" if verdict == "allowed" else "failure"
    _became(fields, get("state"), get("how"))


_TEXTS = {
    "rule": "rule.name", "reason": "event.reason", "cause": "event.reason", "command": "process.command_line",
    "iif": "observer.ingress.interface.name", "in": "observer.ingress.interface.name",
    "oif": "observer.egress.interface.name", "vlan": "network.vlan.id", "process": "process.name",
    "target": "user.target.name", "from": "tieline.cisco.configured_from",
}  # fmt: skip


def _became(fields: Fields, state: str | None, how: str | None) -> None:
    if state is not None:
        state = state.strip().lower()
        action = _HAPPENED.get(state) or ("interface_up" if state.startswith("up") else None)
        if action is not None and fields["event.action"] == "interface_changed":
            fields["event.action"] = action
    if how is not None and how[:1] in "SsFf" and how:
        outcome = "success" if how[0] in "Ss" else "failure"
        if fields["event.action"] == "device_login":
            fields["event.type"] = ["start" if outcome == "success" else "info"]
        fields["event.outcome"] = outcome


def _system(fields: Fields, said: str) -> None:
    """What NX-OS passes on from the programs of its Linux: their name stands at the end."""
    process = _PROCESS.search(said)
    if process is not None:
        fields["process.name"], fields["process.pid"] = process[1], int(process[2])
    found = _PAM.match(said)
    if found is None:
        return
    fields["event.action"] = "device_login"
    fields["event.category"] = ["authentication"]
    success = found["how"].startswith("success")
    fields["event.type"] = ["start" if success else "info"]
    fields["event.outcome"] = "success" if success else "failure"
    if found["user"]:
        account(fields, found["user"])
    address = ip(found["src"])
    if address is not None:
        fields["source.ip"] = fields["source.address"] = address
        fields["related.ip"] = [address]
