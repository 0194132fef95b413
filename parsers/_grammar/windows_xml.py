"""Windows' rendered events: the fixed shape of ``Event``, read without an XML parser.

https://learn.microsoft.com/windows/win32/wes/eventschema-schema. Entities are the five of XML and numbers; a document
type, with which a document defines others, is refused.
"""

import re
from typing import Any

from engine.model import Fields, ParseError
from parsers._grammar.windows_values import Memory

NAMESPACE = "http://schemas.microsoft.com/win/2004/08/events"
_LONGEST = 1 << 20
_MOST = 512
_LEAF = re.compile(
    r"<(?:\w{1,16}:)?([A-Za-z_][\w.\-]{0,127})"
    r"((?:\s+[\w:.\-]{1,64}\s*=\s*(?:\"[^\"<]*\"|'[^'<]*'))*+)\s*(?:/>|>([^<]*)</(?:\w{1,16}:)?\1\s*>)"
)
_DATA = re.compile(r"<Data(?:\s+Name\s*=\s*(?:\"([^\"<]*)\"|'([^'<]*)'))?\s*(?:/>|>([^<]*)</Data\s*>)")
_SINGLE = re.compile(r"<Data(?: Name='([^'<]*)')?\s?(?:/>|>([^<]*)</Data>)")
_DOUBLE = re.compile(r"<Data(?: Name=\"([^\"<]*)\")?\s?(?:/>|>([^<]*)</Data>)")
_ATTRIBUTE = re.compile(r"([\w:.\-]{1,64})\s*=\s*(?:\"([^\"<]*)\"|'([^'<]*)')")
_Q = r"(?:\"([^\"<]*)\"|'([^'<]*)')"
# System as Windows writes it, its elements in the order of the schema.
_USUAL = re.compile(
    rf"\s*<Provider Name={_Q}(?: Guid={_Q})?\s?/>\s*<EventID(?: Qualifiers={_Q})?>(\d{{1,9}})</EventID>"
    r"\s*(?:<Version>(\d{1,9})</Version>)?\s*<Level>(\d{1,9})</Level>\s*<Task>(\d{1,9})</Task>"
    r"\s*(?:<Opcode>(\d{1,9})</Opcode>)?\s*<Keywords>([^<\s]*)</Keywords>"
    rf"\s*<TimeCreated SystemTime={_Q}\s?/>\s*<EventRecordID>(\d{{1,18}})</EventRecordID>"
    rf"\s*(?:<Correlation[^<]*/>)?\s*(?:<Execution ProcessID={_Q} ThreadID={_Q}\s?/>)?"
    rf"\s*<Channel>([^<]*)</Channel>\s*<Computer>([^<]*)</Computer>\s*(?:<Security(?: UserID={_Q})?\s?/>)?\s*"
)
_ENTITY = re.compile(r"&(?:#(\d{1,7})|#x([0-9A-Fa-f]{1,6})|(amp|lt|gt|quot|apos));")
_OTHER = re.compile(r"[^\w ]")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_ATTRIBUTES = {
    ("Provider", "Name"): "Provider_Name",
    ("Provider", "Guid"): "Provider_Guid",
    ("Provider", "EventSourceName"): "EventSourceName",
    ("TimeCreated", "SystemTime"): "TimeCreated",
    ("Security", "UserID"): "Security_UserID",
    ("Execution", "ProcessID"): "ExecutionProcessID",
    ("Execution", "ThreadID"): "ExecutionThreadID",
}
_NUMBERS = frozenset(
    ("EventID", "Version", "Level", "Task", "Opcode", "EventRecordID", "ExecutionProcessID", "ExecutionThreadID")
)


def names(text: str, who: str) -> Fields:
    """Sigma's flat names of one event; its time as it was written is in ``TimeCreated``.

    >>> event = "<Event xmlns='…'><System><Provider Name='P'/><EventID>1</EventID></System>"
    >>> names(event + "<EventData><Data Name='Image'>a &amp; b</Data></EventData></Event>", "xml")
    {'Provider_Name': 'P', 'EventID': 1, 'Image': 'a & b'}
    """
    text = text[:_LONGEST]
    if "<!" in text:
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise ParseError(f"{who}: a document type, which no event has")
        text = _plain(text)
    system, at = _section(text, "System", 0)
    if system is None:
        raise ParseError(f"{who}: no System element")
    usual = _USUAL.fullmatch(system)
    out = _other_system(system) if usual is None else _usual_system(usual)
    data, at = _section(text, "EventData", at)
    if data is not None:
        _event_data(out, data)
    elif (user := _section(text, "UserData", at)[0]) is not None:
        for name, _, value in _LEAF.findall(user)[:_MOST]:
            out.setdefault(_names[name], _unescaped(value))
    rendering, _ = _section(text, "RenderingInfo", at)
    if rendering is not None:
        _rendering(out, rendering)
    return out


def _plain(text: str) -> str:
    """Its CDATA sections written as other text is."""
    pieces, at = [], 0
    while (start := text.find("<![CDATA[", at)) >= 0 and (end := text.find("]]>", start)) >= 0:
        pieces.append(text[at:start])
        pieces.append(text[start + 9 : end].replace("&", "&amp;").replace("<", "&lt;"))
        at = end + 3
    pieces.append(text[at:])
    return "".join(pieces)


def _usual_system(found: re.Match[str]) -> Fields:
    said = found.groups()
    out: Fields = {"Provider_Name": _unescaped(said[0] or said[1] or "")}
    guid, time, user = said[2] or said[3], said[12] or said[13], said[21] or said[22]
    process, thread = said[15] or said[16], said[17] or said[18]
    if guid:
        out["Provider_Guid"] = guid
    out["EventID"] = int(said[6])
    for name, value in zip(("Version", "Level", "Task", "Opcode"), said[7:11], strict=True):
        if value is not None:
            out[name] = int(value)
    out["Keywords"] = said[11]
    if time:
        out["TimeCreated"] = time
    out["EventRecordID"] = int(said[14])
    if process:
        out["ExecutionProcessID"] = _value("ExecutionProcessID", process)
    if thread:
        out["ExecutionThreadID"] = _value("ExecutionThreadID", thread)
    out["Channel"], out["Computer"] = _unescaped(said[19]), _unescaped(said[20])
    if user:
        out["Security_UserID"] = user
    return out


def _other_system(system: str) -> Fields:
    out: Fields = {}
    for name, attributes, value in _LEAF.findall(system):
        if attributes:
            for attribute, double, single in _ATTRIBUTE.findall(attributes):
                ours = _ATTRIBUTES.get((name, attribute))
                if ours is not None:
                    out[ours] = _value(ours, double or single)
        value = value.strip()
        if value:
            out[_names[name]] = _value(name, value)
    return out


def is_event(text: Any) -> bool:
    """
    >>> is_event(f"<Event xmlns='{NAMESPACE}/event'><System>"), is_event("<Event>"), is_event(None)
    (True, False, False)
    """
    return type(text) is str and text[:7] in ("<Event ", "<Event>") and NAMESPACE in text[:256]


def _named(name: str) -> str:
    """A name that nothing of ours can have: what a record calls its values is free."""
    return name if name.replace(" ", "").isidentifier() else _OTHER.sub("_", f"_{name}")


_names = Memory(_named)


def _section(text: str, name: str, at: int) -> tuple[str | None, int]:
    start = text.find(f"<{name}", at)
    while start >= 0 and text[start + len(name) + 1 : start + len(name) + 2] not in (">", " ", "\r", "\n", "\t"):
        start = text.find(f"<{name}", start + 1)
    if start < 0:
        return None, at
    inner = text.find(">", start)
    if inner < 0 or text[inner - 1] == "/":
        return None, at
    end = text.find(f"</{name}>", inner)
    return (text[inner + 1 :], len(text)) if end < 0 else (text[inner + 1 : end], end)


def _event_data(out: Fields, data: str) -> None:
    escaped = "&" in data
    unnamed: list[str] = []
    for name, value in _pairs(data)[:_MOST]:
        if escaped:
            value = _unescaped(value)
        if not name:
            unnamed.append(value)
            continue
        name = _names[name]
        if name in out:  # a provider may name a value as the system names its own
            name = f"{name}_Event"
        out[name] = value
        if " " in name:
            out.setdefault(name.replace(" ", ""), value)
    if unnamed:
        out["Data"] = unnamed if len(unnamed) > 1 else unnamed[0]


def _pairs(data: str) -> list[tuple[str, str]]:
    """The values with their names; a writer of XML keeps to one kind of quotation marks."""
    if "<Data Name='" in data:
        found = _SINGLE.findall(data)
    else:
        found = _DOUBLE.findall(data)
    return found if len(found) == data.count("<Data") else [(one or other, v) for one, other, v in _DATA.findall(data)]


def _rendering(out: Fields, text: str) -> None:
    keywords = []
    for name, _, value in _LEAF.findall(text)[:_MOST]:
        if name == "Message":
            out["message"] = _unescaped(value).strip()
        elif name == "Keyword" and value:
            keywords.append(_unescaped(value))
    if keywords and "Keywords" not in out:
        out["Keywords"] = keywords


def _value(name: str, text: str) -> Any:
    if name in _NUMBERS and len(text) < 19 and text.isascii() and text.isdigit():
        return int(text)
    return _unescaped(text)


def _unescaped(text: str) -> str:
    return _ENTITY.sub(_character, text) if "&" in text else text


def _character(found: re.Match[str]) -> str:
    decimal, hexadecimal, name = found.groups()
    if name is not None:
        return _NAMED[name]
    code = int(decimal) if decimal is not None else int(hexadecimal, 16)
    return chr(code) if code < 0xD800 or 0xE000 <= code <= 0x10FFFF else found[0]
