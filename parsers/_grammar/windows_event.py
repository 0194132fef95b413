"""One Windows event, whoever sent it: from the names that it came with to Sigma's flat names and ECS."""

from collections.abc import Mapping
from types import NoneType
from typing import Any

from engine.model import Fields, LogSource, ParseError
from engine.model.fields import alternatives, sigma_names
from engine.model.routes import linux_channel, windows_event, windows_service
from engine.model.taxonomy import TAXONOMY
from parsers._grammar.logsources import named
from parsers._grammar.windows_entries import entry
from parsers._grammar.windows_layout import Known, Layout, view
from parsers._grammar.windows_values import Memory, number, said

_FAILURE, _SUCCESS = 1 << 52, 1 << 53  # the audit bits of Keywords
_LISTS = ("related.ip", "related.user", "related.hosts", "related.hash")


def additions(shape: Mapping[str, Any], who: str) -> Fields:
    """What is to be added to an event's own names; they stay as they are. ``who`` is the format that asks."""
    layout, data, names = view(shape)
    told = data.get(layout.channel), data.get(layout.provider), data.get(layout.code)  # type: ignore[arg-type]
    try:
        known = layout.events.get(told)
    except TypeError:  # a list, where one value is meant
        known = None
    if known is None:
        known = _event(layout, data, told, who)
    found, code, steps = known
    fields = found.fields(code)
    outcome = found.outcome
    if outcome is None and layout.kind is not None:
        outcome = _audited(data[layout.kind])
    if outcome is not None:
        fields["event.outcome"] = outcome
    _origin(fields, layout, data)
    for key, write in steps:
        write(fields, data[key])
    if found.finish is not None:
        found.finish(fields, data if layout.flat else {**data, **names}, code)
    if layout.own or (found.renames and layout.renamed):
        fields = _beside(shape, names, fields)
    elif names:
        fields.update(names)
    if layout.ecs:
        _speaks_ecs(shape, fields)
    event_id = fields.get("EventID")
    if type(event_id) is str and event_id.isascii() and event_id.isdigit() and len(event_id) < 10:
        fields["EventID"] = int(event_id)
    return fields


def _event(layout: Layout, data: Mapping[str, Any], told: tuple[Any, Any, Any], who: str) -> Known:
    """What the channel (or the provider) and the id make of an event, remembered for its layout."""
    code = said(told[2])
    if code is None:
        raise ParseError(f"{who}: no EventID")
    found = entry(_service(data, said(told[0]), said(told[1])), code)
    known = found, code, layout.steps(found)
    if type(told[0]) is str and type(told[1]) in (str, NoneType) and type(told[2]) in (str, int):
        layout.remember(told, known)
    return known


def _service(data: Mapping[str, Any], channel: str | None, provider: str | None) -> str | None:
    service = windows_service(channel, provider)
    if service is not None:
        return service
    if channel is None:
        known = named(data)
        return None if known is None else known.service
    return TAXONOMY.linux.channels.get(channel)  # Sysmon for Linux writes Windows' events


def _origin(fields: Fields, layout: Layout, data: Mapping[str, Any]) -> None:
    if layout.provider is not None:
        provider = said(data[layout.provider])
        if provider is not None:
            fields["event.provider"] = provider
    if layout.computer is None:
        return
    computer = said(data[layout.computer])
    if computer is None:
        return
    fields.update(_hosts[computer])
    fields["related.hosts"] = [computer]
    if layout.record is not None and layout.channel is not None:
        record, channel = said(data[layout.record]), said(data[layout.channel])
        if record is not None and channel is not None:
            fields["event.id"] = f"{channel}/{computer}/{record}"


def _host(name: str) -> dict[str, str]:
    short, _, domain = name.rstrip(".").partition(".")
    if not short or not domain or name.replace(".", "").isdigit():
        return {"host.name": name, "host.hostname": name}
    return {"host.name": name, "host.hostname": short, "host.domain": domain}


_hosts = Memory(_host)


def _audited(kind: Any) -> str | None:
    """Success or failure as the Security log's keywords say it, in numbers or words; NXLog has its EventType."""
    if type(kind) is not str:
        kind = " ".join(map(str, kind)) if isinstance(kind, list) else str(kind)
    return _of_words[kind]  # type: ignore[no-any-return]


def _of_word(words: str) -> str | None:
    bits = number(words)
    if bits is not None:
        # a shipper that has 64 bits only as a double gives the nearest number that those have
        bits = ((bits + (1 << 64 if bits < 0 else 0) + (1 << 43)) >> 44) << 44
        return "failure" if bits & _FAILURE else "success" if bits & _SUCCESS else None
    words = words.lower().replace("_", " ")
    if "audit failure" in words or "failure audit" in words:
        return "failure"
    return "success" if "audit success" in words or "success audit" in words else None


_of_words = Memory(_of_word)


def _beside(shape: Mapping[str, Any], names: Fields, fields: Fields) -> Fields:
    """The sender's own fields stay, and what they relate comes first; an id of an event is text."""
    for name in _LISTS:
        own = shape.get(name)
        if own is not None and name in fields:
            own = own if isinstance(own, list) else [own]
            names[name] = own + [value for value in fields[name] if value not in own]
    for name, value in fields.items():
        if name not in shape and name not in names:
            names[name] = value
    own_code = shape.get("event.code")
    if own_code is not None and type(own_code) is not str:
        names["event.code"] = fields["event.code"]
    return names


def _speaks_ecs(shape: Mapping[str, Any], fields: Fields) -> None:
    """An agent that speaks ECS alone: Sigma's names for what it says."""
    data = {**shape, **fields}
    source = route(data)
    if alternatives(source).keys().isdisjoint(data):
        for name, value in sigma_names(data, source).items():
            fields.setdefault(name, value)


def route(fields: Mapping[str, Any]) -> LogSource:
    known = named(fields)
    if known is not None:
        return known
    channel, code = said(fields.get("Channel")), said(fields.get("EventID"))
    linux = linux_channel(channel, code)
    if linux is not None:
        return linux
    return windows_event(windows_service(channel, said(fields.get("Provider_Name"))), code, fields)
