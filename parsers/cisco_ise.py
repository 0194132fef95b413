"""Cisco Identity Services Engine, releases 1.3 to 3.4: who came to which switch or access point, and what became of it.

::

    <181>Jan  2 03:04:05 ise-1 CISE_Passed_Authentications 0000000314 1 0 2026-01-02 03:04:05.123 +01:00 0000004711 5200 NOTICE Passed-Authentication: Authentication succeeded, ConfigVersionId=10, Device IP Address=10.99.0.2, UserName=anna, NetworkDeviceName=ie4000-cell-a, NAS-Port-Id=GigabitEthernet1/4, Calling-Station-ID=00-00-5E-00-53-AF, AuthenticationMethod=dot1x,

A long record comes in segments (``tieline.ise.segment`` of ``tieline.ise.segments``, one ``tieline.ise.message_id``):
the first alone says what happened. source is the endpoint: its address where the record has it, else the device that
asked for it (``client.ip``).
"""

# ruff: noqa: E501  (records as they are sent)

import re

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import clock
from parsers._grammar.addresses import ip, port
from parsers._grammar.cisco_facts import cisco_mac
from parsers._grammar.people import account

_HEAD = re.compile(r"(?:.{0,256}?\b(CISE_\w{1,64}) )?(\d{10}) (\d{1,3}) (\d{1,3})(?: |$)", re.DOTALL)
_FIRST = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,9})?) ([+-]\d\d:\d\d) (\d{1,18}) (\d{3,6}) ([A-Z]{3,8}) +([^:]{1,128}): ?(.*)",
    re.DOTALL,
)
_ALARM = re.compile(r"\bCISE_Alarm (WARN|INFO|ERROR|ERR|CRITICAL|NOTICE): ")
_SPLIT = re.compile(r"(?<!\\), ?")
_LONGEST = 32_768

_USERS = (
    "UserName",
    "User",
    "AdminName",
    "User-Name",
    "GuestUserName",
    "AD-Account-Name",
    "Admin",
    "PortalUser.GuestUserName",
)
_ENDPOINTS = (
    "AdminIPAddress",
    "Remote-Address",
    "EndPointIPAddress",
    "FramedIPAddress",
    "Framed-IP-Address",
    "EndpointIPAddress",
    "IpAddress",
    "Client IP Address",
)
_DEVICES = (
    "Device IP Address", "NAS-IP-Address", "NetworkDeviceIPAddress", "NAS IP Address", "Network device IP", "NAD Address",
    "Device Ip",
)  # fmt: skip
_STATIONS = ("Calling-Station-ID", "EndPointMACAddress", "EndpointMacAddress", "MacAddress", "EndpointMAC")
_KEPT = {
    "AuthenticationMethod": "authentication_method", "AuthenticationIdentityStore": "identity_store",
    "FailureReason": "failure_reason", "SelectedAuthorizationProfiles": "authorization_profiles",
    "IdentityGroup": "identity_group", "NetworkDeviceName": "network_device", "NAS-Port-Id": "nas_port",
    "Privilege-Level": "privilege_level", "AcsSessionID": "session_id", "EndPointPolicy": "endpoint_policy",
    "Acct-Status-Type": "accounting_status", "AdminInterface": "admin_interface", "ObjectName": "object_name",
}  # fmt: skip


def parse(frame: Frame) -> Fields:
    text = frame.text
    if len(text) > _LONGEST:
        raise ParseError("cisco_ise: longer than any message")
    alarm = _ALARM.search(text, 0, 320)
    if alarm is not None:
        return _alarm(frame, alarm[1], text[alarm.end() :])
    head = _HEAD.match(text)
    if head is None:
        raise ParseError("cisco_ise: no message id with its segments")
    category, message_id, segments, segment = head.groups()
    if category is None and frame.opened is not None:
        category = frame.opened.fields.get("log.syslog.appname")
    rest = text[head.end() :]
    fields: Fields = {
        "observer.vendor": "Cisco",
        "observer.product": "ise",
        "event.category": ["network"],
        "event.type": ["info"],
        "tieline.ise.message_id": message_id,
        "tieline.ise.segment": int(segment),
        "tieline.ise.segments": int(segments),
    }
    if category is not None:
        fields["event.provider"] = category
    first = _FIRST.match(rest)
    pairs_text = rest
    if first is not None:
        stamp, zone, sequence, code, level, group, said = first.groups()
        when = clock.iso(stamp.replace(" ", "T") + zone)
        if when is not None:
            fields["@timestamp"] = when
        fields["event.sequence"] = int(sequence)
        fields["event.code"], fields["log.level"] = code, level.lower()
        what, _, pairs_text = said.partition(", ")
        _meaning(fields, category or "", code, group, what.strip(" ,"))
    _pairs(fields, pairs_text)
    opened = frame.opened
    if opened is not None and "host.hostname" in opened.fields:
        fields["observer.hostname"] = opened.fields["host.hostname"]
    return fields


def _alarm(frame: Frame, level: str, text: str) -> Fields:
    """An alarm of ISE's dashboard: a title, and pairs with semicolons between them."""
    title, _, rest = text.partition(":")
    fields: Fields = {
        "event.provider": "CISE_Alarm",
        "event.action": "alarm",
        "event.category": ["host"],
        "event.type": ["info"],
        "event.reason": title.strip() or "alarm",
        "log.level": level.lower(),
        "observer.vendor": "Cisco",
        "observer.product": "ise",
    }
    _pairs(fields, re.sub(r" ?; ?", ", ", rest.strip()[:8192]))
    opened = frame.opened
    if opened is not None and "host.hostname" in opened.fields:
        fields["observer.hostname"] = opened.fields["host.hostname"]
    return fields


def _meaning(fields: Fields, category: str, code: str, group: str, what: str) -> None:
    fields["event.reason"] = what
    kind = group.lower()
    outcome = None
    if "passed_auth" in category.lower() or kind == "passed-authentication" or "succeeded" in what.lower():
        outcome = "success"
    if (
        "failed_attempts" in category.lower()
        or kind == "failed-attempt"
        or "failed" in what.lower()
        or "rejected" in what.lower()
    ):
        outcome = "failure"
    if outcome is not None:
        fields["event.outcome"] = outcome
    if kind in ("passed-authentication", "failed-attempt", "administrator-login", "failed_attempt") or (
        kind.startswith(("authentication", "guest", "passed", "failed")) and outcome is not None
    ):
        if (
            "accounting" in what.lower()
            or "change of authorization" in what.lower()
            or "dynamic authorization" in what.lower()
        ):
            fields["event.action"] = kind.replace("-", "_").replace(" ", "_")
            return
        fields["event.action"] = "device_login" if kind == "administrator-login" else "network_login"
        fields["event.category"] = ["authentication"]
        fields["event.type"] = ["start" if outcome == "success" else "info"]
        if outcome is None:
            fields["event.outcome"] = "unknown"
            if "logged off" in what.lower() or "logged out" in what.lower() or "logout" in what.lower():
                fields["event.action"], fields["event.category"], fields["event.type"] = (
                    "logged_out",
                    ["session"],
                    ["end"],
                )
                del fields["event.outcome"]
    elif "configuration" in kind or "config" in what.lower():
        fields["event.action"], fields["event.category"], fields["event.type"] = (
            "configuration_changed",
            ["configuration"],
            ["change"],
        )
    elif "tacacs-accounting" in kind or "command" in what.lower():
        fields["event.action"], fields["event.category"], fields["event.type"] = (
            "command_executed",
            ["configuration"],
            ["info"],
        )
    elif "accounting" in kind:
        fields["event.action"] = "session_accounted"
        fields["event.category"], fields["event.type"] = ["network", "session"], ["info"]
        if "start" in what.lower():
            fields["event.action"], fields["event.type"] = "session_started", ["start"]
        elif "stop" in what.lower():
            fields["event.action"], fields["event.type"] = "session_closed", ["end"]
    else:
        fields["event.action"] = re.sub(r"[^a-z0-9]+", "_", kind).strip("_") or "noted"


def _pairs(fields: Fields, text: str) -> None:
    got: dict[str, str] = {}
    for part in _SPLIT.split(text, 600):
        name, equals, value = part.partition("=")
        if equals and 0 < len(name) <= 64:
            name, value = name.strip(), value.strip().replace("\\,", ",").replace("\\\\", "\\")
            if name and value and name not in got:
                got[name] = value
    get = got.get
    related: list[str] = []
    user = next((got[name] for name in _USERS if get(name)), None)
    if user is not None:  # of a device without a user (MAB) it is the device's address
        account(fields, user.removeprefix("host/"))
        if user.startswith("host/"):
            fields["tieline.ise.machine"] = True
    endpoint = next((address for name in _ENDPOINTS if (address := ip(get(name))) is not None), None)
    station = next((got[name] for name in _STATIONS if get(name)), None) or (user if user and cisco_mac(user) else None)
    if station is not None:
        mac = cisco_mac(station)
        if mac is not None:
            fields["source.mac"] = mac
        elif endpoint is None:
            endpoint = ip(station)
    device = next((address for name in _DEVICES if (address := ip(get(name))) is not None), None)
    if endpoint is not None or device is not None:
        fields["source.ip"] = fields["source.address"] = endpoint or device
        related.append(fields["source.ip"])
    if device is not None:
        fields["client.ip"] = device
        related.append(device)
    called = get("Called-Station-ID")
    if called is not None:
        mac = cisco_mac(called[:17])
        if mac is not None:
            fields["destination.mac"] = mac
    server = ip(get("DestinationIPAddress"))
    if server is not None:
        fields["destination.ip"] = fields["destination.address"] = server
        related.append(server)
    number = port(get("DestinationPort"))
    if number is not None:
        fields["destination.port"] = number
    if related:
        fields["related.ip"] = list(dict.fromkeys(related))
    if get("Protocol") and got["Protocol"].lower() in ("radius", "tacacs", "tacacs+"):
        fields["network.protocol"] = got["Protocol"].lower()
    command = get("CmdSet") or get("Command")
    if command is not None:
        fields["process.command_line"] = command.strip("[] ").removeprefix("CmdAV=").strip()
    rule = get("AuthorizationPolicyMatchedRule") or get("IdentityPolicyMatchedRule")
    if rule is not None:
        fields["rule.name"] = rule
    for name, field in _KEPT.items():
        value = get(name)
        if value is not None:
            fields["tieline.ise." + field] = value
    if "tieline.ise.failure_reason" in fields:
        fields["event.reason"] = fields["tieline.ise.failure_reason"]
    if get("OperationMessageText"):
        fields["event.reason"] = got["OperationMessageText"]


_NETWORK = LogSource(product="cisco", service="ise")
_LOGIN = LogSource(product="cisco", category="authentication", service="ise")
_CONFIGURATION = LogSource(product="cisco", category="configuration", service="aaa")


def route(fields: Fields) -> LogSource:
    categories = fields.get("event.category", ())
    if "authentication" in categories:
        return _LOGIN
    return _CONFIGURATION if "configuration" in categories else _NETWORK


_CERTAIN = re.compile(rb"(?:.{0,256}\b)?CISE_(?:[A-Za-z_]{4,64}:? \d{10} \d{1,3} \d{1,3}\b|Alarm [A-Z]{3,8}: )")

FORMAT = LogFormat(
    id="cisco_ise",
    vendor="Cisco",
    product="Identity Services Engine",
    logsource=_NETWORK,
    spec="https://www.cisco.com/c/en/us/td/docs/security/ise/syslog/Cisco_ISE_Syslogs.html",
    parse=parse,
    inside="syslog",
    fingerprint=lambda head: b"CISE_" in head[:320] and _CERTAIN.match(head) is not None,
    needs=(b"CISE_",),
    route=route,
)
