"""Sysmon in ECS, by event id. https://learn.microsoft.com/sysinternals/downloads/sysmon"""

import re
from typing import Any

from engine.model import Fields
from parsers._grammar.addresses import ip
from parsers._grammar.windows_values import (
    Memory,
    account,
    address,
    command_line,
    copy,
    executable,
    file,
    hashes,
    host_of,
    integer,
    library,
    many,
    port_of,
    related,
    said,
)

Steps = tuple[tuple[str, Any], ...]

_WHO: Steps = (("User", account("user")), ("RuleName", copy("rule.name")))
_PROCESS: Steps = (
    *_WHO,
    ("Image", executable("process")),
    ("ProcessId", integer("process.pid")),
    ("ProcessGuid", copy("process.entity_id")),
)
# 8 and 10: who reaches into whom
_SOURCE: Steps = (
    ("RuleName", copy("rule.name")),
    ("User", account("user")),
    ("SourceUser", account("user")),
    ("SourceImage", executable("process")),
    ("SourceProcessId", integer("process.pid")),
    ("SourceProcessGuid", copy("process.entity_id")),
    ("SourceProcessGUID", copy("process.entity_id")),
    ("SourceThreadId", integer("process.thread.id")),
)
_STARTED: Steps = (
    *_PROCESS,
    ("CommandLine", command_line("process")),
    ("CurrentDirectory", copy("process.working_directory")),
    ("OriginalFileName", copy("process.pe.original_file_name")),
    ("Company", copy("process.pe.company")),
    ("Description", copy("process.pe.description")),
    ("Product", copy("process.pe.product")),
    ("FileVersion", copy("process.pe.file_version")),
    ("ParentImage", executable("process.parent")),
    ("ParentProcessId", integer("process.parent.pid")),
    ("ParentProcessGuid", copy("process.parent.entity_id")),
    ("ParentCommandLine", command_line("process.parent")),
    ("Hashes", hashes("process")),
)
_YES_NO = {"true": True, "false": False}


def _flag(*names: str) -> Any:
    def write(fields: Fields, value: Any) -> None:
        found = _YES_NO.get(str(value).lower())
        if found is not None:
            for name in names:
                fields[name] = found

    return write


def _valid(fields: Fields, value: Any) -> None:
    if value == "Valid":
        fields["file.code_signature.valid"] = True


_IMAGE: Steps = (
    ("ImageLoaded", file()),
    ("Hashes", hashes("file")),
    ("Signed", _flag("file.code_signature.exists")),
    ("Signature", copy("file.code_signature.subject_name")),
    ("SignatureStatus", copy("file.code_signature.status")),
    ("SignatureStatus", _valid),
)
_LOADED: Steps = (
    *_PROCESS,
    *_IMAGE,
    ("ImageLoaded", library),
    ("Hashes", hashes("dll")),
    ("OriginalFileName", many("file.pe.original_file_name", "dll.pe.original_file_name")),
    ("Company", many("file.pe.company", "dll.pe.company")),
    ("Description", many("file.pe.description", "dll.pe.description")),
    ("Product", many("file.pe.product", "dll.pe.product")),
    ("FileVersion", many("file.pe.file_version", "dll.pe.file_version")),
)


def _family(fields: Fields, value: Any) -> None:
    found = _YES_NO.get(str(value).lower())
    if found is not None:
        fields["network.type"] = "ipv6" if found else "ipv4"


def _transport(fields: Fields, value: Any) -> None:
    value = said(value)
    if value is not None:
        fields["network.transport"] = value.lower()


def _initiated(fields: Fields, value: Any) -> None:
    found = _YES_NO.get(str(value).lower())
    if found is not None:
        fields["network.direction"] = "egress" if found else "ingress"


_CONNECTION: Steps = (
    *_PROCESS,
    ("Protocol", _transport),
    ("Initiated", _initiated),
    ("SourceIsIpv6", _family),
    ("SourceIp", address("source")),
    ("SourceHostname", host_of("source")),
    ("SourcePort", port_of("source")),
    ("DestinationIp", address("destination")),
    ("DestinationHostname", host_of("destination")),
    ("DestinationPort", port_of("destination")),
    ("SourcePortName", copy("network.protocol")),
    ("DestinationPortName", copy("network.protocol")),
)

_HIVES = {
    "HKEY_CLASSES_ROOT": "HKCR", "HKEY_CURRENT_CONFIG": "HKCC", "HKEY_CURRENT_USER": "HKCU",
    "HKEY_DYN_DATA": "HKDD", "HKEY_LOCAL_MACHINE": "HKLM", "HKEY_PERFORMANCE_DATA": "HKPD", "HKEY_USERS": "HKU",
}  # fmt: skip
_HIVES |= {short: short for short in _HIVES.values()}
_NUMBER = re.compile(r"([DQ]WORD) \(0x([0-9a-f]{8})(?:-0x([0-9a-f]{8}))?\)", re.IGNORECASE)


def _key(path: str) -> tuple[tuple[str, str], ...]:
    found = [("registry.path", path)]
    hive, _, key = path.lstrip("\\").partition("\\")
    if hive in _HIVES:
        found.append(("registry.hive", _HIVES[hive]))
        if key:
            found.append(("registry.key", key))
    value = path.rpartition("\\")[2]
    if value:
        found.append(("registry.value", value))
    return tuple(found)


_keys = Memory(_key)


def _target(fields: Fields, value: Any) -> None:
    if type(value) is str and value:
        fields.update(_keys[value])


def _details(fields: Fields, value: Any) -> None:
    value = said(value)
    if value is None or value == "(Empty)":
        return
    if value == "Binary Data":
        fields["registry.data.type"] = "REG_BINARY"
        return
    found = _NUMBER.fullmatch(value)
    if found is not None:
        high_or_all, low = found[2], found[3]
        fields["registry.data.type"] = f"REG_{found[1].upper()}"
        value = str(int(high_or_all + (low or ""), 16))
    fields["registry.data.strings"] = [value]


_REGISTRY: Steps = (*_PROCESS, ("TargetObject", _target), ("Details", _details))

_RECORDS = {
    "1": "A", "2": "NS", "5": "CNAME", "6": "SOA", "10": "NULL", "11": "WKS", "12": "PTR", "13": "HINFO", "15": "MX",
    "16": "TXT", "28": "AAAA", "29": "LOC", "33": "SRV", "35": "NAPTR", "39": "DNAME", "41": "OPT", "43": "DS",
    "46": "RRSIG", "47": "NSEC", "48": "DNSKEY", "64": "SVCB", "65": "HTTPS", "255": "ANY", "65281": "WINS",
}  # fmt: skip
_MOST_ANSWERS = 64


def _results(value: str) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """
    >>> _results("type:  5 web.example.org;::ffff:192.0.2.7;2001:db8::7;")[0]
    (('CNAME', 'web.example.org'), ('A', '192.0.2.7'), ('AAAA', '2001:db8::7'))
    """
    answers, addresses = [], []
    for part in value.split(";")[:_MOST_ANSWERS]:
        part = part.strip()
        canonical = ip(part)
        if canonical is not None:
            answers.append(("AAAA" if ":" in canonical else "A", canonical))
            addresses.append(canonical)
        elif part.startswith("type:"):
            words = part[5:].split()
            if len(words) == 2:
                answers.append((_RECORDS.get(words[0], words[0]), words[1]))
    return tuple(dict.fromkeys(answers)), tuple(dict.fromkeys(addresses))


_answers = Memory(_results)


def results(fields: Fields, value: Any) -> None:
    if type(value) is not str or not value or value == "-":
        return
    answers, addresses = _answers[value]
    if answers:
        fields["dns.answers"] = [{"type": kind, "data": data} for kind, data in answers]
        for kind, data in answers:
            if kind not in ("A", "AAAA"):
                related(fields, "related.hosts", data)
    if addresses:
        fields["dns.resolved_ip"] = [*addresses]
        for found in addresses:
            related(fields, "related.ip", found)


def question(fields: Fields, value: Any) -> None:
    value = said(value)
    if value is not None:
        name = value.removesuffix(".") or value
        fields["dns.question.name"] = name
        related(fields, "related.hosts", name)


_FILE: Steps = (*_PROCESS, ("TargetFilename", file()))
_FILE_WITH_HASH: Steps = (*_FILE, ("Hashes", hashes("file")), ("Hash", hashes("file")))

STEPS: dict[str, Steps] = {
    "": _PROCESS,
    "1": _STARTED,
    "2": _FILE,
    "3": _CONNECTION,
    "6": (("RuleName", copy("rule.name")), *_IMAGE),
    "7": _LOADED,
    "8": _SOURCE,
    "9": (*_PROCESS, ("Device", file())),
    "10": _SOURCE,
    "11": _FILE,
    **dict.fromkeys(("12", "13", "14"), _REGISTRY),
    **dict.fromkeys(("15", "23", "26", "27", "28", "29"), _FILE_WITH_HASH),
    **dict.fromkeys(("17", "18"), (*_PROCESS, ("PipeName", copy("file.name")))),
    **dict.fromkeys(("19", "20", "21"), _WHO),
    "22": (*_PROCESS, ("QueryName", question), ("QueryResults", results)),
    "24": (*_PROCESS, ("Hashes", hashes("process"))),
    "25": _PROCESS,
    "255": (("ID", copy("error.code")), ("Description", copy("error.message"))),
}

CONSTANT: dict[str, Fields] = {"22": {"network.protocol": "dns"}}
