"""One view of a Windows event, whatever JSON it came in: Sigma's flat names.

Winlogbeat and Elastic Agent (``winlog.*``), ``evtx_dump`` and XML turned into JSON (``Event.System``,
``Event.EventData``), Wazuh (``win.system``, ``win.eventdata``), and the flat names that NXLog and Sigma use.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from engine.model import Fields
from parsers._grammar.windows_xml import is_event

_ATTRIBUTES = ("#attributes.", "@attributes.", "_attributes.", "@", "$.")
_SYSTEM = {
    "Provider.Name": "Provider_Name",
    "Provider.Guid": "Provider_Guid",
    "EventID": "EventID",
    "EventID.#text": "EventID",
    "EventID.text": "EventID",
    "EventID.value": "EventID",
    "Version": "Version",
    "Level": "Level",
    "Task": "Task",
    "Opcode": "Opcode",
    "Keywords": "Keywords",
    "EventRecordID": "EventRecordID",
    "Channel": "Channel",
    "Computer": "Computer",
    "Security.UserID": "Security_UserID",
}
_BEATS = {
    "winlog.channel": "Channel",
    "winlog.event_id": "EventID",
    "winlog.computer_name": "Computer",
    "winlog.provider_name": "Provider_Name",
    "winlog.record_id": "EventRecordID",
    "winlog.keywords": "Keywords",
    "winlog.user.identifier": "Security_UserID",
    "event.code": "EventID",
    "event.provider": "Provider_Name",
}
_OTHERS = {
    "SourceName": "Provider_Name",
    "ProviderName": "Provider_Name",
    "Provider": "Provider_Name",
    "Hostname": "Computer",
    "ComputerName": "Computer",
    "MachineName": "Computer",
    "EventId": "EventID",
    "event_id": "EventID",
    "RecordNumber": "EventRecordID",
    "EventRecordId": "EventRecordID",
    "RecordId": "EventRecordID",
    "LogName": "Channel",
    # Winlogbeat before 7
    "log_name": "Channel",
    "computer_name": "Computer",
    "source_name": "Provider_Name",
    "record_number": "EventRecordID",
    "user.identifier": "Security_UserID",
}
_WAZUH = {
    "eventID": "EventID",
    "channel": "Channel",
    "computer": "Computer",
    "providerName": "Provider_Name",
    "providerGuid": "Provider_Guid",
    "eventRecordID": "EventRecordID",
    "keywords": "Keywords",
    "systemTime": "SystemTime",
}
_NEEDED = {"EventID", "Channel", "Computer", "Provider_Name"}
_RECORDS = ("RecordNumber", "EventRecordId", "RecordId")
_RENDERED = ("event.original", "_raw", "result._raw", "message")
SHAPES = (
    "winlog.channel",
    "winlog.event_id",
    "winlog.provider_name",
    "Event.System.Channel",
    "Event.System.EventID",
    "Event.System.EventID.#text",
    "win.system.eventID",
    "data.win.system.eventID",
)
_MOST_DATA = 512


def is_windows(shape: Mapping[str, Any]) -> bool:
    """
    >>> is_windows({"EventID": 4624, "Channel": "Security"}), is_windows({"Event.System.EventID": 1})
    (True, True)
    >>> is_windows({"EventID": 1, "Computer": "hist-1"}), is_windows({"winlog.channel": "System"})
    (False, True)
    """
    product = shape.get("tieline.logsource.product", shape.get("ls_product"))
    if product is not None and product != "windows":
        return False
    if "EventID" in shape or "EventId" in shape:
        if product is not None:
            return True
        if shape.get("Channel") == "Linux-Sysmon/Operational":
            return False
        return any(
            name in shape
            for name in ("Channel", "Provider_Name", "SourceName", "ProviderName", "LogName", "ProviderGuid")
        )
    return (
        not shape.keys().isdisjoint(SHAPES)
        or ("System.Channel" in shape and ("System.EventID" in shape or "System.EventID.#text" in shape))
        or ("log_name" in shape and "event_id" in shape)
        or rendered(shape) is not None
    )


def rendered(shape: Mapping[str, Any]) -> str | None:
    """The event as XML where an object has no other: Splunk's ``_raw``, Elastic's ``event.original``."""
    if shape.keys().isdisjoint(_RENDERED):
        return None
    return next((shape[name] for name in _RENDERED if is_event(shape.get(name))), None)


def values_decide(names: Iterable[str]) -> bool:
    """Whether the values tell which name is which: a list of ``Data`` elements."""
    return any(name.endswith(("Data", "Data.#text")) for name in names)


def found(shape: Mapping[str, Any]) -> Fields:
    """Sigma's names that the object does not have itself.

    >>> found({"Event.System.Provider.#attributes.Name": "P"})
    {'Provider_Name': 'P'}
    >>> found({"Event.EventData.Data": [{"@Name": "Image", "#text": "x"}]})
    {'Image': 'x'}
    >>> found({"Event.EventData.Source Name": "x"})["SourceName"]
    'x'
    >>> found({"win.system.eventID": "4625", "win.eventdata.targetUserName": "m.keller"})
    {'EventID': '4625', 'TargetUserName': 'm.keller'}
    """
    out: Fields = {}
    if "EventID" not in shape or "Channel" not in shape:
        for name, value in shape.items():
            if name.startswith("winlog."):
                _beats(out, name, value)
            elif name.startswith("Event."):
                _nested(out, name[6:], value)
            elif name.startswith(("System.", "EventData.", "UserData.")):
                _nested(out, name, value)
            elif name.startswith(("win.", "data.win.")):
                _wazuh(out, name.removeprefix("data.")[4:], value)
            elif name.startswith(("event_data.", "user_data.")):
                _named(out, name.partition(".")[2], value)
    for name in [name for name in shape if " " in name and "." not in name]:
        _named(out, name, shape[name])
    if not (shape.keys() >= _NEEDED or out.keys() >= _NEEDED):
        for table in (_BEATS, _OTHERS):
            for name, ours in table.items():
                value = shape.get(name)
                if value is not None and ours not in out:
                    out[ours] = value
    elif "EventRecordID" not in shape:
        for name in _RECORDS:
            if name in shape:
                out["EventRecordID"] = shape[name]
    if not shape.keys().isdisjoint(out):
        for name in [name for name in out if name in shape]:
            del out[name]
    return out


def _beats(out: Fields, name: str, value: Any) -> None:
    if name.startswith("winlog.event_data."):
        _named(out, name[18:], value)
    elif name.startswith("winlog.user_data."):
        _named(out, name[17:], value)
    elif name in _BEATS:
        out[_BEATS[name]] = value


def _wazuh(out: Fields, name: str, value: Any) -> None:
    """Wazuh writes Windows' names with a small first letter."""
    part, _, inner = name.partition(".")
    if part == "system":
        if inner in _WAZUH:
            out[_WAZUH[inner]] = value
    elif inner:
        _named(out, inner[0].upper() + inner[1:], value)


def _nested(out: Fields, name: str, value: Any) -> None:
    if name.startswith("System."):
        name = name[7:]
        for mark in _ATTRIBUTES:
            name = name.replace(mark, "")
        ours = _SYSTEM.get(name)
        if ours is not None:
            out[ours] = value
    elif name.startswith("EventData."):
        _data(out, name[10:], value)
    elif name.startswith("UserData."):
        inner = name[9:].partition(".")[2]
        if inner and not inner.startswith(_ATTRIBUTES):
            _data(out, inner, value)


def _data(out: Fields, name: str, value: Any) -> None:
    if name.startswith(_ATTRIBUTES):
        return
    name = name.removesuffix(".#text")
    if name != "Data" or not isinstance(value, list):
        _named(out, name, value)
        return
    rest: list[Any] = []
    for item in value[:_MOST_DATA]:
        if isinstance(item, dict):
            attributes = item.get("#attributes") or item.get("@attributes") or item.get("$") or item
            key = (
                attributes.get("Name") or attributes.get("@Name") or item.get("@Name")
                if isinstance(attributes, dict)
                else None
            )
            if isinstance(key, str) and key:
                _named(out, key, item.get("#text", item.get("_", item.get("text", item.get("$text")))))
                continue
        rest.append(item)
    if rest:
        out["Data"] = rest


def _named(out: Fields, name: str, value: Any) -> None:
    """Defender writes ``Source Name``; Sigma's rules write ``SourceName``, some of them ``Feature_Name``."""
    out[name] = value
    if " " in name:
        out.setdefault(name.replace(" ", ""), value)
        out.setdefault(name.replace(" ", "_"), value)
