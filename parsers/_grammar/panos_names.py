"""PAN-OS's logs by name: what Strata Logging Service (Cortex Data Lake), CEF and HTTP profiles call the columns.

A named record becomes the row of columns that the readers of the default format take, so that one log means the same
in every form it is sent in. Names: https://docs.paloaltonetworks.com/strata-logging-service/log-reference
"""

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from engine.model import Fields, ParseError
from engine.model.times import from_number
from parsers._grammar import clock
from parsers._grammar.addresses import ip
from parsers._grammar.panos_events import Columns
from parsers._grammar.panos_sessions import READERS

_SESSION = {
    "SourceAddress": 7, "DestinationAddress": 8, "NATSource": 9, "NATDestination": 10, "Rule": 11, "SourceUser": 12,
    "DestinationUser": 13, "Application": 14, "VirtualLocation": 15, "FromZone": 16, "ToZone": 17,
    "InboundInterface": 18, "OutboundInterface": 19, "SessionID": 22, "SourcePort": 24, "DestinationPort": 25,
    "NATSourcePort": 26, "NATDestinationPort": 27, "Protocol": 29, "Action": 30,
}  # fmt: skip
_TRAFFIC = _SESSION | {
    "Bytes": 31, "BytesSent": 32, "BytesReceived": 33, "PacketsTotal": 34, "SessionDuration": 36,
    "TotalTimeElapsed": 36, "PacketsSent": 44, "PacketsReceived": 45, "SessionEndReason": 46, "RuleUUID": 65,
    "SourceDeviceMac": 83, "DestinationDeviceMac": 91,
}  # fmt: skip
_THREAT = _SESSION | {
    "URL": 31, "FileName": 31, "ThreatID": 32, "ThreatNameFirewall": 32, "URLCategory": 33, "VendorSeverity": 34,
    "DirectionOfAttack": 35, "FileHash": 43, "UserAgent": 46, "X-Forwarded-For": 48, "Referer": 49, "SenderEmail": 50,
    "EmailSubject": 51, "SubjectOfEmail": 51, "RecipientEmail": 52, "RecipientOfEmail": 52, "HTTPMethod": 63,
    "ThreatCategory": 69, "RuleUUID": 76, "X-Forwarded-ForIP": 79, "SourceDeviceMac": 87, "DestinationDeviceMac": 95,
}  # fmt: skip
_SYSTEM = {"VirtualLocation": 7, "EventName": 8, "EventIDValue": 8, "EventComponent": 9, "Module": 12,
           "VendorSeverity": 13, "EventDescription": 14, "Description": 14}  # fmt: skip
_CONFIG = {"Host": 7, "EventClient": 7, "Client": 11, "ClientType": 11, "Command": 9, "EventCommand": 9,
           "Admin": 10, "AdminUserName": 10, "EventResult": 12, "Result": 12, "ConfigurationPath": 13, "EventPath": 13,
           "BeforeChangeDetail": 14, "AfterChangeDetail": 15}  # fmt: skip
_GLOBALPROTECT = {
    "EventIDValue": 8, "Stage": 9, "AuthMethod": 10, "TunnelType": 11, "SourceUserName": 12, "SourceUser": 12,
    "SourceRegion": 13, "EndpointDeviceName": 14, "PublicIPv4": 15, "PublicIPv6": 16, "PrivateIPv4": 17,
    "PrivateIPv6": 18, "HostID": 19, "EndpointSN": 20, "GlobalProtectClientVersion": 21, "EndpointOSType": 22,
    "EndpointOSVersion": 23, "QuarantineReason": 25, "ConnectionError": 26, "EventStatus": 28, "LoginDuration": 30,
    "Portal": 33,
}  # fmt: skip
_USERID = {"SourceIP": 8, "SourceAddress": 8, "User": 9, "SourceUser": 9, "DestinationUser": 9,
           "MappingDataSourceName": 10, "EventIDValue": 11, "MappingDataSource": 16,
           "MappingDataSourceType": 17}  # fmt: skip
_HIPMATCH = {"SourceUser": 7, "EndpointDeviceName": 9, "EndpointOSType": 10, "SourceIP": 11, "SourceAddress": 11,
             "HipMatchName": 12, "SourceIPv6": 26, "HostID": 27, "SourceDeviceMac": 29}  # fmt: skip
_AUTHENTICATION = {
    "SourceIP": 8, "SourceAddress": 8, "User": 9, "SourceUser": 9, "DestinationUser": 9, "NormalizeUser": 10,
    "Object": 11, "AuthenticatedObject": 11, "AuthenticationPolicy": 12, "EventDescription": 18,
    "AuthenticationDescription": 18,
    "ClientType": 19, "EventResult": 20, "EventName": 20, "SourceDeviceMac": 41, "UserAgentString": 44,
}  # fmt: skip
_DECRYPTION = _SESSION | {"RuleUUID": 36, "TLSVersion": 39, "ServerNameIndication": 63}
_IPTAG = {"SourceIP": 8, "SourceAddress": 8, "TagName": 9, "EventIDValue": 10, "EventID": 10}
_COLUMNS = {
    "TRAFFIC": _TRAFFIC, "THREAT": _THREAT, "URL": _THREAT, "FILE": _THREAT, "DATA": _THREAT, "WILDFIRE": _THREAT,
    "SYSTEM": _SYSTEM, "CONFIG": _CONFIG, "GLOBALPROTECT": _GLOBALPROTECT, "USERID": _USERID, "HIPMATCH": _HIPMATCH,
    "AUTH": _AUTHENTICATION, "AUTHENTICATION": _AUTHENTICATION, "DECRYPTION": _DECRYPTION, "TUNNEL": _SESSION,
    "SCTP": _SESSION, "GTP": _SESSION, "IPTAG": _IPTAG,
}  # fmt: skip
TYPES = frozenset((*_COLUMNS, "DNS"))
_ALIASES = {"FILE": "THREAT"}
_ORDER = {name: n for n, name in enumerate(("EventName", "ThreatNameFirewall", "User", "DestinationUser"))}
_NOTHING = frozenset(("", "null", "NULL", "None", "N/A", "-"))
_WHEN = ("TimeGeneratedHighResolution", "TimeGenerated", "EventTime", "TimeReceived", "LogTime")
_WIDTH = 96


def named(values: Mapping[str, Any], zone: tzinfo | None) -> tuple[Fields, tuple[str, ...]]:
    """The fields of a record whose values have names, and the hosts that take part."""
    kind = word(values.get("LogType")).upper()
    subtype = word(values.get("Subtype")) or word(values.get("SubType")) or word(values.get("LogSubtype"))
    fields: Fields = {
        "observer.vendor": "Palo Alto Networks",
        "observer.product": "PAN-OS",
        "observer.type": "firewall",
        "tieline.panos.type": kind,
    }
    if subtype:
        fields["tieline.panos.subtype"] = subtype
    serial = word(values.get("DeviceSN")) or word(values.get("LogSourceID"))
    if serial and serial != "no-serial":
        fields["observer.serial_number"] = serial
    for name in _WHEN:
        value = values.get(name)
        when = clock.iso(value, zone) if type(value) is str else from_number(value) if type(value) is int else None
        if when is not None:
            fields["@timestamp"] = when
            break
    names: tuple[str, ...]
    columns = _COLUMNS.get(kind)
    if kind == "DNS":
        names = _dns(fields, values)
    elif columns is None:
        raise ParseError(f"paloalto_panos: a log of unknown type {kind[:32]!r}")
    else:
        row = Columns([""] * _WIDTH)
        for name, value in values.items():
            at = columns.get(name)
            if at is not None and (text := word(value)) and (not row[at] or name not in _ORDER):
                row[at] = text
        row[4] = subtype
        if columns is _SYSTEM or columns is _THREAT:
            row[13 if columns is _SYSTEM else 34] = word(values.get("VendorSeverity")).lower()
        names = READERS[_ALIASES.get(kind, kind)](fields, row, subtype)
    device = word(values.get("DeviceName")) or word(values.get("LogSourceName"))
    if device:
        fields["observer.name"] = fields["observer.hostname"] = device
    said = word(values.get("EventDescription")) or word(values.get("Description"))
    if said:
        fields["message"] = said
    return fields, (*names, device)


def word(value: Any) -> str:
    """A value as text; what says that there is none is empty."""
    if type(value) is int:
        return str(value)
    return value.strip() if type(value) is str and value not in _NOTHING else ""


def _dns(fields: Fields, values: Mapping[str, Any]) -> tuple[str, ...]:
    """DNS Security's own log: what a client asked a resolver, and what it was told."""
    related: list[str] = []
    for side, name in (("source", "SourceAddress"), ("destination", "DNSResolverIP")):
        address = ip(word(values.get(name)))
        if address is not None:
            fields[f"{side}.ip"] = fields[f"{side}.address"] = address
            if address not in related:
                related.append(address)
    fields["event.category"], fields["event.type"] = ["network"], ["protocol"]
    fields["network.protocol"] = "dns"
    action = word(values.get("Action"))
    if action:
        fields["event.action"] = action
        verdict = {"allow": "allowed", "alert": "allowed", "block": "denied", "sinkhole": "denied"}.get(action.lower())
        if verdict is not None:
            fields["event.type"].append(verdict)
            fields["event.outcome"] = "success" if verdict == "allowed" else "failure"
    domain = (word(values.get("DomainName")) or word(values.get("DestinationDNSDomain"))).rstrip(".")
    if domain:
        fields["dns.question.name"] = domain
    kinds = [kind.upper() for kind in word(values.get("RecordType")).split(",") if kind]
    if len(kinds) == 1:
        fields["dns.question.type"] = kinds[0]
    answers = values.get("DNSResponse")
    if type(answers) is list:
        found = [address for one in answers[:64] if type(one) is str and (address := ip(one)) is not None]
        if found:
            fields["dns.resolved_ip"] = found
            related += [address for address in found if address not in related]
    for name, column in (
        ("observer.ingress.zone", "FromZone"),
        ("observer.egress.zone", "ToZone"),
        ("tieline.panos.category", "DNSCategory"),
        ("tieline.panos.threat_name", "ThreatName"),
    ):
        value = word(values.get(column))
        if value:
            fields[name] = value
    if related:
        fields["related.ip"] = related
    return (domain,)
