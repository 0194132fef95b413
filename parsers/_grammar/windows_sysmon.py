"""ECS for Sysmon's events. https://learn.microsoft.com/sysinternals/downloads/sysmon"""

from typing import Any

from engine.model import Fields
from parsers._grammar.addresses import ip
from parsers._grammar.windows_ecs import Data, account, executable, number, related, side, text

_HASHES = {"MD5": "md5", "SHA1": "sha1", "SHA256": "sha256"}
_HIVES = {"HKLM": "HKEY_LOCAL_MACHINE", "HKU": "HKEY_USERS", "HKCR": "HKEY_CLASSES_ROOT", "HKCU": "HKEY_CURRENT_USER"}


def fill(fields: Fields, data: Data, code: str) -> None:
    account(fields, text(data, "User") or text(data, "SourceUser"))
    if "SourceImage" in data:  # 8 and 10: who reaches into whom
        executable(fields, text(data, "SourceImage"))
        _pid(fields, "process.pid", data.get("SourceProcessId"))
        _guid(fields, "process.entity_id", data.get("SourceProcessGuid", data.get("SourceProcessGUID")))
    else:
        executable(fields, text(data, "Image"))
        _pid(fields, "process.pid", data.get("ProcessId"))
        _guid(fields, "process.entity_id", data.get("ProcessGuid"))
    if code == "1":
        _process(fields, data)
    elif code == "3":
        _connection(fields, data)
    elif code in ("11", "15", "23", "26"):
        _file(fields, text(data, "TargetFilename"))
        if code != "11":
            _hashes(fields, "file", text(data, "Hashes") or text(data, "Hash"))
    elif code in ("12", "13", "14"):
        _registry(fields, data)
    elif code == "22":
        _query(fields, data)
    elif code in ("17", "18"):
        pipe = text(data, "PipeName")
        if pipe is not None:
            fields["file.name"] = pipe
    elif code == "7":
        path = text(data, "ImageLoaded")
        if path is not None:
            fields["dll.path"] = path
            fields["dll.name"] = path.rpartition("\\")[2]
        _hashes(fields, "dll", text(data, "Hashes"))
    elif code == "6":
        _file(fields, text(data, "ImageLoaded"))
        _hashes(fields, "file", text(data, "Hashes"))


def _pid(fields: Fields, field: str, value: Any) -> None:
    pid = number(value)
    if pid is not None:
        fields[field] = pid


def _guid(fields: Fields, field: str, value: Any) -> None:
    if isinstance(value, str) and value:
        fields[field] = value


def _process(fields: Fields, data: Data) -> None:
    for name, field in (
        ("CommandLine", "process.command_line"),
        ("CurrentDirectory", "process.working_directory"),
        ("OriginalFileName", "process.pe.original_file_name"),
        ("ParentCommandLine", "process.parent.command_line"),
    ):
        value = text(data, name)
        if value is not None:
            fields[field] = value
    executable(fields, text(data, "ParentImage"), "process.parent")
    _pid(fields, "process.parent.pid", data.get("ParentProcessId"))
    _guid(fields, "process.parent.entity_id", data.get("ParentProcessGuid"))
    _hashes(fields, "process", text(data, "Hashes"))


def _hashes(fields: Fields, field: str, value: str | None) -> None:
    if value is None:
        return
    for pair in value.split(","):
        name, _, digest = pair.partition("=")
        kind = _HASHES.get(name.strip().upper())
        digest = digest.strip().lower()
        if kind is not None and digest.strip("0"):
            fields[f"{field}.hash.{kind}"] = digest
            related(fields, "related.hash", digest)


def _connection(fields: Fields, data: Data) -> None:
    side(fields, "source", text(data, "SourceIp"), data.get("SourcePort"), text(data, "SourceHostname"))
    side(
        fields,
        "destination",
        text(data, "DestinationIp"),
        data.get("DestinationPort"),
        text(data, "DestinationHostname"),
    )
    protocol = text(data, "Protocol")
    if protocol is not None:
        fields["network.transport"] = protocol.lower()
    initiated = str(data.get("Initiated", "")).lower()
    if initiated in ("true", "false"):
        fields["network.direction"] = "egress" if initiated == "true" else "ingress"


def _file(fields: Fields, path: str | None) -> None:
    if path is None:
        return
    folder, _, name = path.rpartition("\\")
    fields["file.path"] = path
    if folder:
        fields["file.directory"] = folder
    if name:
        fields["file.name"] = name
        extension = name.rpartition(".")
        if extension[0] and extension[2]:
            fields["file.extension"] = extension[2].lower()


def _registry(fields: Fields, data: Data) -> None:
    path = text(data, "TargetObject")
    if path is None:
        return
    fields["registry.path"] = path
    hive, _, key = path.lstrip("\\").partition("\\")
    hive = {"REGISTRY": ""}.get(hive, hive)
    if hive in _HIVES or hive in _HIVES.values():
        fields["registry.hive"] = next((short for short, long in _HIVES.items() if hive in (short, long)), hive)
    if key:
        fields["registry.key"] = key
        fields["registry.value"] = key.rpartition("\\")[2]
    details = text(data, "Details")
    if details is not None and details != "(Empty)":
        fields["registry.data.strings"] = [details]


def _query(fields: Fields, data: Data) -> None:
    name = text(data, "QueryName")
    if name is not None:
        fields["dns.question.name"] = name.rstrip(".").lower() or "."
    results = text(data, "QueryResults")
    if results is not None:
        addresses = [address for part in results.split(";") if (address := ip(part.strip())) is not None]
        if addresses:
            fields["dns.resolved_ip"] = list(dict.fromkeys(addresses))
            for address in fields["dns.resolved_ip"]:
                related(fields, "related.ip", address)
    fields["network.protocol"] = "dns"
