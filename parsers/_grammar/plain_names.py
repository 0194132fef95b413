"""What senders that follow no standard call columns and keys: names that mean one thing wherever they stand."""

import re
from functools import lru_cache

from engine.model import Fields
from engine.model.times import SECOND
from parsers._grammar import extensions as ext
from parsers._grammar.addresses import port
from parsers._grammar.people import account

_SIDES = {"source": ("src", "source", "client", "s"), "destination": ("dst", "dest", "destination", "server", "d")}
_MEANINGS: dict[str, ext.Meaning] = {
    "proto": (ext.transport, "network.transport"),
    "protocol": (ext.transport, "network.transport"),
    "transport": (ext.transport, "network.transport"),
    "ipproto": (ext.transport, "network.transport"),
    "networktransport": (ext.transport, "network.transport"),
    "action": (ext.text, "event.action"),
    "act": (ext.text, "event.action"),
    "eventaction": (ext.text, "event.action"),
    "outcome": (ext.outcome, "event.outcome"),
    "result": (ext.outcome, "event.outcome"),
    "eventoutcome": (ext.outcome, "event.outcome"),
    "eventid": (ext.text, "event.code"),
    "eventcode": (ext.text, "event.code"),
    "reason": (ext.text, "event.reason"),
    "rule": (ext.text, "rule.name"),
    "rulename": (ext.text, "rule.name"),
    "policy": (ext.text, "rule.name"),
    "hostname": (ext.host, "host.name"),
    "host": (ext.host, "host.name"),
    "devname": (ext.host, "observer.name"),
    "filename": (ext.text, "file.name"),
    "filepath": (ext.text, "file.path"),
    "useragent": (ext.text, "user_agent.original"),
    "method": (ext.text, "http.request.method"),
    "pid": (ext.number, "process.pid"),
    "processid": (ext.number, "process.pid"),
    "msg": (ext.text, "message"),
    "message": (ext.text, "message"),
}
for _field, _names in _SIDES.items():
    for _one in _names:
        _MEANINGS[f"{_one}ip"] = _MEANINGS[f"{_one}addr"] = _MEANINGS[f"{_one}address"] = (ext.address, f"{_field}.ip")
        _MEANINGS[f"{_one}port"] = (port, f"{_field}.port")
        if len(_one) > 1:
            _MEANINGS[f"{_one}mac"] = (ext.link_address, f"{_field}.mac")
            _MEANINGS[f"{_one}bytes"] = (ext.number, f"{_field}.bytes")
            _MEANINGS[f"{_one}host"] = _MEANINGS[f"{_one}hostname"] = (ext.host, f"{_field}.domain")
_MEANINGS |= {
    "src": (ext.address, "source.ip"), "dst": (ext.address, "destination.ip"), "spt": (port, "source.port"),
    "dpt": (port, "destination.port"), "sourceip": (ext.address, "source.ip"), "clientip": (ext.address, "source.ip"),
}  # fmt: skip
_USERS = frozenset(("user", "username", "usrname", "usr", "login", "account", "accountname", "srcuser", "suser"))
_URLS = frozenset(("url", "uri", "request", "urloriginal"))
_TIMES = ("timestamp", "time", "datetime", "date", "ts", "eventtime", "timegenerated", "receivedtime", "logtime")
_ODD = re.compile(r"[^a-z0-9]")


@lru_cache(maxsize=8192)
def bare(name: str) -> str:
    """
    >>> bare("Source IP"), bare("src_ip"), bare("@timestamp")
    ('sourceip', 'srcip', 'timestamp')
    """
    return _ODD.sub("", name.lower())


def is_known(name: str) -> bool:
    name = bare(name)
    return name in _MEANINGS or name in _USERS or name in _URLS or name in _TIMES


def is_time(name: str) -> bool:
    return bare(name) in _TIMES


def is_address(name: str) -> bool:
    meaning = _MEANINGS.get(bare(name))
    return meaning is not None and meaning[0] is ext.address


def mean(fields: Fields, pairs: dict[str, str], root: str, received: int, zone: object) -> None:
    """ECS for the names that are certain, the others below ``root``."""
    rest: dict[str, str] = {}
    short: dict[str, str] = {}
    for name, value in pairs.items():
        key = bare(name)
        if key in _MEANINGS and key not in short and _MEANINGS[key][0](value) is not None:
            short[key] = value
        elif key in _USERS and value and "user.name" not in fields:
            account(fields, ext.text(value))
        elif key in _URLS and value and "url.original" not in fields:
            ext.url(fields, value)
        elif key not in _TIMES:
            rest[name] = value
    ext.fill(fields, short, _MEANINGS, root)
    ext.fill(fields, rest, {}, root)
    when = _time({bare(name): value for name, value in pairs.items()}, received, zone)
    if when is not None:
        fields["@timestamp"] = when
    ext.related(fields)
    own = fields.get("host.name")
    if own is not None and own not in fields.get("related.hosts", ()):
        fields["related.hosts"] = [*fields.get("related.hosts", ()), own]
    ext.connection(fields, fields.get("event.action"))


def _time(pairs: dict[str, str], received: int, zone: object) -> int | None:
    date, time = pairs.get("date"), pairs.get("time")
    if date and time and ":" not in date:
        when = ext.written(f"{date} {time}", received, zone)  # type: ignore[arg-type]
        if when is not None:
            return when
    for name in _TIMES:
        value = pairs.get(name)
        if value:
            when = ext.written(value, received, zone)  # type: ignore[arg-type]
            if when is not None and when > SECOND:
                return when
    return None
