"""The tables of all Windows events as one: what an event of a service and id says, and where its values go."""

from collections.abc import Callable, Mapping
from typing import Any

from engine.model import Fields
from parsers._grammar import windows_channels, windows_security, windows_sysmon
from parsers._grammar.windows_meanings import MEANINGS, UNKNOWN

Steps = tuple[tuple[str, Any], ...]
Finish = Callable[[Fields, Mapping[str, Any], str], None]

_STEPS: dict[str, dict[str, Steps]] = {
    **windows_channels.STEPS,
    "security": windows_security.STEPS,
    "sysmon": windows_sysmon.STEPS,
}
_FINISH: dict[str, dict[str, Finish]] = {**windows_channels.FINISH, "security": windows_security.FINISH}
_PROTOCOL = {
    "terminalservices-localsessionmanager": "rdp",
    "terminalservices-remoteconnectionmanager": "rdp",
    "dns-client": "dns",
}


class Entry:
    """One service and event id; an id that no table knows is its service's entry of the id ""."""

    __slots__ = ("_category", "_constant", "_type", "finish", "number", "outcome", "renames", "steps")

    def __init__(self, number: int, service: str, code: str) -> None:
        self.number = number
        steps = _STEPS.get(service) or _STEPS[""]
        self.steps = steps.get(code) or steps.get("") or ()
        finish = _FINISH.get(service, {})
        self.finish = finish.get(code) or finish.get("")
        self.renames = service == "powershell-classic" or (service == "security" and code in ("4657", "4688"))
        meaning = MEANINGS.get(service, {}).get(code, UNKNOWN)
        self.outcome = meaning.outcome
        self._constant: Fields = {"event.action": meaning.action} if meaning.action else {}
        self._category, self._type = meaning.category, meaning.type
        if service in _PROTOCOL:
            self._constant["network.protocol"] = _PROTOCOL[service]
        if service == "sysmon":
            self._constant.update(windows_sysmon.CONSTANT.get(code, {}))

    def fields(self, code: str) -> Fields:
        fields: Fields = {"event.code": code, **self._constant}
        if self._category:
            fields["event.category"] = [*self._category]
            fields["event.type"] = [*self._type]
        return fields


def _entries() -> dict[tuple[str, str], Entry]:
    found: dict[tuple[str, str], Entry] = {}
    for service in dict.fromkeys((*_STEPS, *_FINISH, *MEANINGS)):
        codes = dict.fromkeys(("", *_STEPS.get(service, ()), *_FINISH.get(service, ()), *MEANINGS.get(service, ())))
        for code in codes:
            found[service, code] = Entry(len(found), service, code)
    return found


_ENTRIES = _entries()
_OTHER = _ENTRIES["", ""]


def entry(service: str | None, code: str) -> Entry:
    found = _ENTRIES.get((service, code))  # type: ignore[arg-type]  # a service that is None is not there
    return found or _ENTRIES.get((service, ""), _OTHER)  # type: ignore[arg-type]
