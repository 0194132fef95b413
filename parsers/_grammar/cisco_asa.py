"""Messages of Cisco's ASA, and of FTD, PIX and FWSM, which word them alike: ``%ASA-6-302013: Built inbound TCP …``."""

import re
from collections.abc import Callable
from operator import itemgetter
from typing import NamedTuple

from engine.model import Fields, Frame, ParseError
from parsers._grammar.addresses import ip
from parsers._grammar.cisco_ends import Side, behind_interface, end, icmp_ends, people, transport
from parsers._grammar.cisco_facts import FURTHER, SPECIAL, ended, special
from parsers._grammar.cisco_security_events import SECURITY_EVENTS, security_event
from parsers._grammar.cisco_sessions import CLASSES, FOLLOWING, MESSAGES, PREFIXES
from parsers._grammar.cisco_traffic import Meaning
from parsers._grammar.syslog import header
from parsers._grammar.templates import expression

TAG = re.compile(r"%([A-Z]{3,5})-(?:[A-Za-z_]{0,16}-)?([0-7])-(\d{6})(?::|(?=\s)|$)\s*")
_REPEATED = re.compile(r"message repeated (\d{1,9}) times?: \[ ?(.*?)\]?$", re.DOTALL)
_LONGEST = 16_384
_LEVELS = ("emergency", "alert", "critical", "error", "warning", "notification", "informational", "debug")

# From whom to whom, in messages that no table has: both ends are certain only where both are addresses.
_ADDRESS = r"[0-9A-Fa-f.:]{1,44}[0-9A-Fa-f]"
_BEHIND = r"(?=[\w\-.]{0,64}[g-zG-Z_\-])[\w\-.]{1,64}"  # an interface, and no piece of an IPv6 address
_BETWEEN = re.compile(
    rf"(?:from|src) (?:(?P<iif>{_BEHIND}):)?(?P<src>{_ADDRESS})(?:/(?P<sport>\d{{1,5}}))?,? "
    rf"(?:to|dst) (?:(?P<oif>{_BEHIND}):)?(?P<dst>{_ADDRESS})(?:/(?P<dport>\d{{1,5}}))?(?=[\s.,;:]|$)"
)
_WHO = re.compile(
    r"(?:^|[ ,(])(?:[Uu]ser(?:name)? ?= ?(?=\S)|Uname: |[Uu]ser(?:name)?:? (?=['\"<]))['\"<]?([^\s'\">,;)]{1,128})"
)

_OWN = ("@timestamp", "host.hostname", "host.name")
_HOST = re.compile(r"[A-Za-z0-9][\w.\-/]{0,127}")


_Groups = tuple[str | None, ...]


class _Known(NamedTuple):
    """A message of the table, made ready: where in its groups each place stands (-1: nowhere, which is None)."""

    meaning: Meaning
    pattern: re.Pattern[str] | None
    names: tuple[str, ...]
    ends: Callable[[_Groups], _Groups]
    people: Callable[[_Groups], _Groups] | None
    further: tuple[tuple[Callable[[Fields, str], None], int], ...]
    special: bool


_ENDS = ("direction", "transport", "src", "sport", "snat", "snatport", "dst", "dport", "dnat", "dnatport", "iif", "oif")
_PEOPLE = ("suser", "sbare", "duser", "dbare", "user", "ended")

_compiled: dict[str, _Known] = {}
_EVERY = (*_ENDS, *_PEOPLE, *FURTHER, *(name for name in SPECIAL if name not in FURTHER))
_ICMP = ("direction", "transport", "src", "snat", "dst", "dnat", "suser", "duser", "user")
_slow: dict[Meaning, _Known] = {}
_pings: dict[Meaning, _Known] = {}
_prefixes: dict[str, tuple[re.Pattern[str], ...]] = {}
_following: dict[str, re.Pattern[str]] = {}
_heads: dict[tuple[str, str, str, Meaning], Fields] = {}

_NO_MEANING = Meaning("", ())
_INGRESS, _EGRESS = "observer.ingress.interface.name", "observer.egress.interface.name"
_SOURCE, _DESTINATION = Side("source"), Side("destination")
_IN, _OUT = (_SOURCE, _DESTINATION, _INGRESS, _EGRESS), (_DESTINATION, _SOURCE, _EGRESS, _INGRESS)
_BUILT = frozenset(("302013", "302015", "302017", "302020", "302035"))
_TRANSLATIONS = ("translation_created", "translation_removed")


def read(frame: Frame, name: str, product: str) -> Fields:
    """The message of ``frame`` in ECS's words; ``name`` is the format's, for what it has to complain of."""
    text = frame.text
    if len(text) > _LONGEST:
        raise ParseError(f"{name}: longer than any message")
    tag = TAG.match(text) or TAG.search(text, 0, 512)
    if tag is None:
        raise ParseError(f"{name}: no %ASA-level-number: before the message")
    _, level, code = tag.groups()
    said = text[tag.end() :].rstrip()
    if code in SECURITY_EVENTS:
        own = security_event(code, said)
        if own is not None:
            fields = _head(level, code, product, _NO_MEANING)
            fields.update(own)
            observer(fields, frame)
            return fields
    repeated = None
    if said.startswith("message repeated "):
        found = _REPEATED.match(said)
        if found is not None:
            repeated, said = int(found[1]), found[2]
    known, got = _understand(code, said)
    fields = _head(level, code, product, known.meaning)
    if got:
        _fill(fields, code, got, known)
    if code[:2] == "75":  # IKEv2: the user is at the remote end
        fields.pop("source.user.name", None)
    if repeated is not None:
        fields["tieline.repeated"] = repeated
    if tag.start():
        _before(fields, frame, text[: tag.start()])
    observer(fields, frame)
    return fields


def _understand(code: str, said: str) -> tuple[_Known, _Groups | None]:
    known = _compiled.get(code)
    if known is None:
        meaning, template = MESSAGES.get(code) or (CLASSES.get(code[:3], _NO_MEANING), None)
        known = _ready(meaning, None if template is None else expression(template))
        if code in MESSAGES or len(_compiled) < 2048:
            _compiled[code] = known
    if known.pattern is not None:
        found = known.pattern.match(said)
        if found is not None:
            if "faddr" in known.names:
                got = icmp_ends(found.groupdict())
                return _icmp(known.meaning), (*map(got.get, _ICMP), None)
            return known, (*found.groups(), None)
    known = _ready(known.meaning, None)
    first = "Local:" if said.startswith("Local:") else said.partition(" ")[0]
    if first in PREFIXES:
        for prefix in _prefix(first):
            found = prefix.match(said)
            if found is not None:
                got = _rest(code, found.groupdict())
                if first == "Local:" and "assigned" in got:  # to the remote end
                    got["dnat"] = got.pop("assigned")
                    got.pop("assigned6", None)
                return known, _whole(got)
    guessed = _guess(said)
    return known, None if guessed is None else _whole(guessed)


def _whole(got: dict[str, str | None]) -> _Groups:
    return (*map(got.get, _EVERY), None)


def _ready(meaning: Meaning, pattern: re.Pattern[str] | None) -> _Known:
    if pattern is None:
        known = _slow.get(meaning)
        if known is None:
            known = _slow[meaning] = _places(meaning, None, _EVERY)
        return known
    return _places(meaning, pattern, tuple(pattern.groupindex))


def _icmp(meaning: Meaning) -> _Known:
    known = _pings.get(meaning)
    if known is None:
        known = _pings[meaning] = _places(meaning, None, _ICMP)
    return known


def _places(meaning: Meaning, pattern: re.Pattern[str] | None, names: tuple[str, ...]) -> _Known:
    at = {name: index for index, name in enumerate(names)}
    return _Known(
        meaning,
        pattern,
        names,
        itemgetter(*(at.get(name, -1) for name in _ENDS)),
        None if at.keys().isdisjoint(_PEOPLE) else itemgetter(*(at.get(name, -1) for name in _PEOPLE)),
        tuple((FURTHER[name], at[name]) for name in names if name in FURTHER),
        not SPECIAL.isdisjoint(names),
    )


def _prefix(first: str) -> tuple[re.Pattern[str], ...]:
    known = _prefixes.get(first)
    if known is None:
        known = _prefixes[first] = tuple(re.compile(pattern, re.DOTALL) for pattern in PREFIXES[first])
    return known


def _rest(code: str, got: dict[str, str | None]) -> dict[str, str | None]:
    rest = got.pop("rest") or ""
    pattern = _following.get(code)
    if pattern is None and code in FOLLOWING:
        pattern = _following[code] = re.compile(FOLLOWING[code], re.DOTALL)
    found = None if pattern is None else pattern.match(rest)
    if found is not None:
        got.update({name: value for name, value in found.groupdict().items() if value is not None})
    elif rest:
        got["reason"] = rest.rstrip(". ")[:1024]
    return got


def _guess(said: str) -> dict[str, str | None] | None:
    found = _BETWEEN.search(said, 0, 1024)
    got = {} if found is None else found.groupdict()
    if got and (ip(got["src"]) is None or ip(got["dst"]) is None):
        got = {}
    who = _WHO.search(said, 0, 1024)
    if who is not None:
        got["user"] = who[1]
    return got or None


def _head(level: str, code: str, product: str, meaning: Meaning) -> Fields:
    key = (level, code, product, meaning)
    head = _heads.get(key)
    if head is None:
        head = {
            "event.code": code,
            "event.severity": int(level),
            "log.level": _LEVELS[int(level)],
            "observer.vendor": "Cisco",
            "observer.product": product,
            "observer.type": "firewall",
        }
        if meaning.action:
            head["event.action"] = meaning.action
        if meaning.outcome is not None:
            head["event.outcome"] = meaning.outcome
        head.update(meaning.also)
        if len(_heads) < 8192:
            _heads[key] = head
    fields = head.copy()
    if meaning.category:  # lists are made anew: an event's fields are its own
        fields["event.category"] = list(meaning.category)
        fields["event.type"] = list(meaning.type)
    return fields


def _fill(fields: Fields, code: str, got: _Groups, known: _Known) -> None:
    related: list[str] = []
    (
        direction, carried, src, sport, snat, snatport, dst, dport, dnat, dnatport, inner, outer,
    ) = known.ends(got)  # fmt: skip
    if carried is not None:
        transport(fields, carried)
        if fields.get("network.transport") in ("icmp", "ipv6-icmp"):
            sport = dport = None
    source, destination, ingress, egress = _IN
    if direction is not None:
        fields["network.direction"] = direction = direction.lower()
        # Cisco names the outer end first; an outbound connection begins inside
        if direction == "outbound" and code in _BUILT:
            source, destination, ingress, egress = _OUT
    if src is not None:
        if ":" in src:
            inner, src = behind_interface(inner, src)
        end(fields, source, src, sport, snat, snatport, related)
    if dst is not None:
        if ":" in dst:
            outer, dst = behind_interface(outer, dst)
        end(fields, destination, dst, dport, dnat, dnatport, related)
        if source is _DESTINATION:
            related.reverse()
    if inner:
        fields[ingress] = inner
    if outer:
        fields[egress] = outer
    for step, index in known.further:
        value = got[index]
        if value is not None:
            step(fields, value)
    if known.people is not None:
        first, first_bare, second, second_bare, named, reason = known.people(got)
        if named is None and reason is not None and reason[-1] == ")":
            named = ended(reason)[1]
        if first or second or named or first_bare or second_bare:
            people(fields, source.side, first or first_bare, second or second_bare, named)
    if known.meaning.action in _TRANSLATIONS and "destination.ip" in fields:
        fields["source.nat.ip"] = fields["destination.ip"]
        if "destination.port" in fields:
            fields["source.nat.port"] = fields["destination.port"]
    if known.special:
        special(fields, code, dict(zip(known.names, got, strict=False)), related)
    if related:
        fields["related.ip"] = related if len(related) < 2 else list(dict.fromkeys(related))


def _before(fields: Fields, frame: Frame, text: str) -> None:
    """What a relay has left before the tag: the ASA's own header, or a colon."""
    text = text.strip(" :\t")
    if not text:
        return
    opened = header(f"{text}: %", frame.received, frame.zone) or header(f"{text} %", frame.received, frame.zone)
    if opened is not None:
        fields.update({name: value for name, value in opened.fields.items() if name in _OWN})
    elif _HOST.fullmatch(text) is not None and (frame.opened is None or "host.hostname" not in frame.opened.fields):
        fields["host.hostname"] = fields["host.name"] = text


def observer(fields: Fields, frame: Frame) -> None:
    """The device is the host of the header; hosts and names are related."""
    opened = frame.opened
    if "host.hostname" in fields:
        name = fields["observer.hostname"] = fields["host.hostname"]
        known = [] if opened is None else list(opened.fields.get("related.hosts", ()))
        fields["related.hosts"] = known if name in known else [*known, name]
    elif opened is not None:
        name = opened.fields.get("host.hostname")
        if name is not None:
            fields["observer.hostname"] = name
    if "source.domain" in fields or "destination.domain" in fields:
        domains = [fields[side] for side in ("source.domain", "destination.domain") if side in fields]
        known = fields.get("related.hosts") or ([] if opened is None else list(opened.fields.get("related.hosts", ())))
        fields["related.hosts"] = list(dict.fromkeys([*known, *domains]))
