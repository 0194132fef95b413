"""PowerShell's two logs in ECS: the engine's own (Windows PowerShell) and Operational.

https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_logging_windows
"""

from collections.abc import Mapping
from typing import Any

from engine.model import Fields
from parsers._grammar.windows_values import account, command_line, copy, file, integer, said

Steps = tuple[tuple[str, Any], ...]
_LONGEST, _MOST = 16_384, 64


def context(text: str) -> dict[str, str]:
    r"""The ``name=value`` lines of an event, names without their spaces.

    >>> context("\tHostName=ConsoleHost\n\tHostApplication=powershell -c a=b")
    {'HostName': 'ConsoleHost', 'HostApplication': 'powershell -c a=b'}
    >>> context("        Host Name = ConsoleHost\r\n        User = CORP\\ann")
    {'HostName': 'ConsoleHost', 'User': 'CORP\\ann'}
    """
    found: dict[str, str] = {}
    for line in text[:_LONGEST].replace("\xa0", " ").splitlines()[:_MOST]:
        name, equals, value = line.partition("=")
        name = name.strip().replace(" ", "")
        if equals and name and len(name) <= _MOST:
            found.setdefault(name, value.strip())
    return found


_CONTEXT: Steps = (
    ("SequenceNumber", integer("event.sequence")),
    ("HostId", copy("process.entity_id")),
    ("HostID", copy("process.entity_id")),
    ("HostApplication", command_line("process")),
    ("HostName", copy("process.title")),
    ("UserId", account("user")),
    ("User", account("user")),
    ("ConnectedUser", account("user")),
    ("ScriptName", file()),
)
_KEPT = ("HostApplication", "HostName", "HostVersion", "EngineVersion", "ScriptName", "CommandName", "CommandType",
         "CommandPath", "CommandLine", "NewProviderState", "ProviderName", "NewEngineState")  # fmt: skip


def _tell(fields: Fields, found: Mapping[str, str]) -> None:
    for name, write in _CONTEXT:
        value = found.get(name)
        if value:
            write(fields, value)


def engine(fields: Fields, data: Mapping[str, Any], code: str) -> None:
    """400, 403, 600 and 800 write what they know as text, in the third of their values (800: the second)."""
    values = [data.get(f"param{number}") for number in (1, 2, 3)]
    if values == [None, None, None]:
        unnamed = data.get("Data")
        values = unnamed if isinstance(unnamed, list) else [unnamed]
    texts = [text for text in values[:_MOST] if isinstance(text, str)]
    told = [text for text in texts if "HostApplication=" in text]
    if not told:
        return
    found = context(told[0])
    _tell(fields, found)
    for name in _KEPT:  # what rules of the log source ps_classic_* ask for
        if found.get(name):
            fields[name] = found[name]
    if not data.get("Data"):
        fields["Data"] = "\n".join(texts)[:_LONGEST]


def module(fields: Fields, data: Mapping[str, Any], code: str) -> None:
    """4103."""
    text = said(data.get("ContextInfo"))
    if text is not None:
        _tell(fields, context(text))


SCRIPT_BLOCK: Steps = (("Path", file()), ("ScriptName", file()))
