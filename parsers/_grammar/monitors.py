"""What monitors of plant networks say in their alerts: who, what, and which operation on a controller."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from engine.model import Fields, Frame, LogSource
from parsers._grammar import ot
from parsers._grammar.addresses import ip, mac, port

_LONGEST = 512
_THING = r"(?:plc|cpu|controller|rtu|ied|ot[- ]device|device)"
_LOGIC = r"(?:program|project|logic|code|configuration|block|application|ladder)s?"
_WRITTEN = r"(?:register|coil|variable|tag|value|parameter|command|request|set ?point|memory|data ?block)"
_DONE = r"(?: was| were| has been| have been)?"
_WORDS: dict[str, tuple[str, ...]] = {
    "program_delete": (
        r"memory (?:reset|clear|clean)",
        r"clear(?:ed|ing)? (?:the )?(?:memory|program)",
        rf"{_LOGIC} delet",
        rf"delet\w{{0,3}} (?:of )?(?:a |the )?{_LOGIC}",
    ),
    "firmware": (
        r"firmware[ -](?:version )?(?:download|updat|upgrad|transfer|chang|load|flash|upload|write)",
        r"(?:updat|upgrad|transfer|chang|load)\w{0,3} (?:of )?(?:the )?firmware",
    ),
    "program_upload": (
        rf"{_LOGIC}{_DONE}[ :]upload",
        rf"{_THING} (?:program|configuration|code) read",
        rf"upload(?:ed|ing)? (?:of )?(?:a |the )?{_LOGIC}",
    ),
    "program_download": (
        rf"{_LOGIC}{_DONE}[ :]download",
        rf"download(?:ed|ing)? (?:of )?(?:a |the |new )?{_LOGIC}",
        r"online (?:edit|program|change)",
        r"(?:program|logic|code)[ :]chang",
        rf"{_THING} programming",
        rf"{_THING} (?:program|configuration|code) (?:write|chang)",
        r"code write",
    ),
    "plc_stop": (
        rf"stop(?:ped|ping)?(?: of)?(?: the)? {_THING}",
        rf"{_THING}{_DONE}(?: put in(?:to)?)?[ _-]stop",
        rf"{_THING} halt",
    ),
    "mode_change": (
        r"mode chang",
        rf"chang\w{{0,3}} (?:of |in |to )?(?:the )?(?:{_THING} )?(?:operating |run |program )?(?:mode|state)",
        r"key ?switch",
        r"key state",
        r"operating mode",
        r"dev-state-change",
        r"(?<!bad mms )(?:plc|cpu|controller|rtu|ied|ot[- ]device) (?:state|mode)",
        r"(?:program|run|remote|monitor|debug|test) mode",
    ),
    "plc_start": (
        rf"start(?:ed|ing)?(?: of)?(?: the)? {_THING}(?! commun)",
        rf"{_THING}{_DONE}[ _-]start(?!\w{{0,3}} commun)",
        rf"run {_THING}",
        rf"{_THING} run\b",
    ),
    "restart": (
        r"(?:cold|warm)[ -](?:re)?start",
        rf"{_THING} re(?:boot|start|set)",
        rf"re(?:boot|start|set)\w{{0,3}} (?:of )?(?:the )?{_THING}",
    ),
    "force": (r"\bforc(?:e|ed|ing) (?:of )?(?:a |the )?(?:variable|value|output|input|i/o|coil|bit|tag)",),
    "protect": (rf"{_THING} password", r"protection level"),
    "write": (
        r"(?:tag|register|coil|variable|parameter|memory|value|set ?point)s?(?: was| were)? (?:write|written|chang)",
        r"\b(?:modbus|s7|cip|dnp3|bacnet)[ :-]+write",
        rf"\bwr(?:ite|ites|iting|ote|itten) (?:to |of |a |the |single |multiple )*{_WRITTEN}",
    ),
}
# The first that fits holds: what is in the words of the alert's class and title.
_PHRASES = tuple((name, re.compile("|".join(words))) for name, words in _WORDS.items())
_PROTOCOLS = {
    "modbus": "modbus", "modbus tcp": "modbus", "modbus/tcp": "modbus", "modbus_tcp": "modbus", "mbtcp": "modbus",
    "umas": "umas", "modbus umas": "umas", "s7": "s7comm", "s7comm": "s7comm", "siemens s7": "s7comm",
    "siemens-s7": "s7comm", "s7plus": "s7comm_plus", "s7-plus": "s7comm_plus", "s7comm-plus": "s7comm_plus",
    "siemens s7 plus": "s7comm_plus", "s7comm_plus": "s7comm_plus", "enip": "enip", "ethernetip": "enip",
    "ethernet/ip": "enip", "ethernet-ip": "enip", "cip": "enip", "ethernet/ip cip": "enip", "ethernetip-cip": "enip",
    "pccc": "pccc", "dnp3": "dnp3", "dnp3.0": "dnp3", "iec104": "iec104", "iec-104": "iec104", "iec 104": "iec104",
    "iec60870-5-104": "iec104", "iec-60870-5-104": "iec104", "iec 60870-5-104": "iec104", "opcua": "opcua",
    "opc-ua": "opcua", "opc ua": "opcua", "bacnet": "bacnet", "bacnet/ip": "bacnet", "bacnet-ip": "bacnet",
    "fins": "fins", "omron fins": "fins", "omron-fins": "fins", "melsec": "melsec", "slmp": "melsec", "mms": "iec61850",
    "iec61850": "iec61850", "iec61850-mms": "iec61850", "goose": "iec61850", "ads": "ads", "beckhoff ads": "ads",
    "ams": "ads", "srtp": "ge_srtp", "ge-srtp": "ge_srtp", "ge srtp": "ge_srtp", "codesys": "codesys",
    "profinet-dcp": "dcp", "profinet dcp": "dcp", "dcp": "dcp", "pn-dcp": "dcp",
}  # fmt: skip
_TECHNIQUE = re.compile(r"\bT\d{4}(?:\.\d{3})?\b")
_NOTHING = frozenset(("", "N/A", "n/a", "None", "null", "[]", "-", "Unknown", "unknown"))
_TRANSPORTS = frozenset(("tcp", "udp", "icmp", "sctp", "igmp"))


@lru_cache(maxsize=4096)
def _operation(text: str) -> str | None:
    return next((operation for operation, phrase in _PHRASES if phrase.search(text) is not None), None)


def operation(*said: str | None) -> str | None:
    """The operation on a controller that the words of an alert name; the first of the texts that names one.

    >>> operation("SIMATIC PLC Stop"), operation("Alert/Configuration Download"), operation("Change in Key Switch")
    ('plc_stop', 'program_download', 'mode_change')
    >>> operation("Port scan"), operation("Unauthorized PLC Program Upload"), operation("Modbus write to register 40")
    (None, 'program_upload', 'write')
    """
    for text in said:
        if text:
            found = _operation(text[:_LONGEST].lower())
            if found is not None:
                return found
    return None


def protocol(name: str | None) -> str | None:
    """
    >>> protocol("EtherNet/IP"), protocol("Siemens S7"), protocol("smb")
    ('enip', 's7comm', None)
    """
    return None if name is None else _PROTOCOLS.get(name.strip().lower())


def acted(fields: Fields, done: str | None, spoken: str | None) -> None:
    """An alert on an operation is an event of that operation: the rules for controllers see it as one from packets."""
    known = protocol(spoken)
    if known is not None:
        fields["ot.protocol"] = known
    if done is not None:
        fields["ot.operation"] = done


def ends(row: Mapping[str, Any], fields: Fields, names: Mapping[str, str]) -> None:
    """Addresses, ports and MACs from the sender's own names; what is no address is left out."""
    for key, field in names.items():
        value = row.get(key)
        if type(value) is int and field.endswith(".port"):
            value = str(value)
        if type(value) is not str or not value or field in fields:
            continue
        read = ip if field.endswith(".ip") else mac if field.endswith(".mac") else port
        found = read(value.strip())
        if found is not None:
            fields[field] = found
            if field.endswith(".ip"):
                fields.setdefault(f"{field[:-3]}.address", found)


def related(fields: Fields, *more: str | None) -> None:
    known = list(fields.get("related.ip", ()))
    for value in (fields.get("source.ip"), fields.get("destination.ip"), *more):
        if value is not None and value not in known:
            known.append(value)
    if known:
        fields["related.ip"] = known
    if "network.type" not in fields and "source.ip" in fields:
        fields["network.type"] = "ipv6" if ":" in fields["source.ip"] else "ipv4"


def transport(fields: Fields, name: Any) -> None:
    if type(name) is str and name.lower() in _TRANSPORTS:
        fields["network.transport"] = name.lower()


def mend(frame: Frame) -> None:
    """Monitors put the control protocol where envelopes have the transport."""
    fields = frame.opened.fields if frame.opened is not None else {}
    said = fields.get("network.transport")
    if said is not None and said not in _TRANSPORTS:
        del fields["network.transport"]
        fields.setdefault("network.protocol", said)


def techniques(fields: Fields, *said: Any) -> None:
    """Technique ids wherever the sender lists them: ``T0843``, ``['T0843', 'T0858']``, ``T0843 - Program Download``."""
    found: list[str] = []
    for text in said:
        parts = text if type(text) is list else [text]
        found += [one for part in parts if type(part) is str for one in _TECHNIQUE.findall(part[:4096])]
    if found:
        fields["threat.technique.id"] = list(dict.fromkeys(found))
        fields["threat.framework"] = "MITRE ATT&CK"


def texts(value: Any) -> list[str]:
    """A list as Python prints it, as xDome puts it into CEF.

    >>> texts("['192.0.2.7', '192.0.2.8']"), texts("[None]"), texts("None"), texts("x")
    (['192.0.2.7', '192.0.2.8'], [], [], ['x'])
    """
    if type(value) is not str or len(value) > 8_192:
        return []
    parts = value[1:-1].split(",") if value[:1] == "[" and value[-1:] == "]" else [value]
    found = [part.strip().strip("'\"") for part in parts]
    return [one for one in found if one and one not in ("None", "null")]


def labels(row: Mapping[str, Any]) -> dict[str, Any]:
    """Custom values by the names that the sender gives them.

    >>> labels({"cs1": "9.0", "cs1Label": " Risk", "src": "192.0.2.7"})
    {'Risk': '9.0'}
    """
    return {row[key].strip(): row.get(key[:-5]) for key in row if key[-5:] == "Label" and type(row[key]) is str}


def score(value: Any) -> float | None:
    """
    >>> score("9.0"), score(7), score("high"), score("9" * 400)
    (9.0, 7.0, None, None)
    """
    if type(value) is str and len(value) <= 16:
        try:
            value = float(value)
        except ValueError:
            return None
    if type(value) in (int, float) and 0 <= value <= 1_000_000:
        return float(value)
    return None


def said(value: Any) -> str | None:
    """Text that says something; what is not known stands as ``N/A``, or as Python has it."""
    if type(value) is not str:
        return None
    text = value.strip()
    return None if text in _NOTHING else text


_PEOPLE = tuple(
    f"{prefix}{name}" for prefix in ("user.", "user.target.", "source.user.", "destination.user.")
    for name in ("name", "domain")
)  # fmt: skip


def no_people(frame: Frame) -> None:
    """Some senders put the names of assets where CEF has users."""
    fields = frame.opened.fields if frame.opened is not None else {}
    for name in (*_PEOPLE, "related.user"):
        fields.pop(name, None)


def source_of(fields: Mapping[str, Any], own: LogSource) -> LogSource:
    """Operations on controllers are of ``ot_protocol``, whoever has seen them."""
    return ot.logsource(fields) if "ot.operation" in fields else own
