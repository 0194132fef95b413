"""Juniper SRX: sessions, screens, IDP, UTM, AppSecure and threat intelligence (Junos 10 to 24), structured or not.

::

    <14>1 2026-01-02T03:04:05.123Z srx-1 RT_FLOW - RT_FLOW_SESSION_DENY [junos@2636.1.1.1.2.129 source-address="192.0.2.66" source-port="51234" destination-address="10.99.0.5" destination-port="502" protocol-id="6" policy-name="no-modbus" source-zone-name="untrust" destination-zone-name="cell-a"]
    <14>Jan  2 03:04:05 srx-1 RT_FLOW: RT_FLOW_SESSION_CREATE: session created 10.20.1.7/40022->198.51.100.9/443 junos-https 203.0.113.4/2013->198.51.100.9/443 N/A N/A 6 plant-out trust untrust 8127

``source.nat.*`` and ``destination.nat.*`` are as the record says them, also where nothing is translated.
"""

# ruff: noqa: E501  (records as they are sent)

import re
from collections.abc import Callable, Mapping

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar.addresses import ip
from parsers._grammar.cisco_ends import transport
from parsers._grammar.columns import port_of, seconds
from parsers._grammar.people import account

_TAG = re.compile(r"(?:RT_[A-Z]{2,8}(?:\[\d{1,9}\])?: )?([A-Z][A-Z0-9]{1,15}(?:_[A-Z0-9]{1,24}){1,8}):? ")
_ENDS = r"(?P<src>[0-9A-Fa-f.:]{2,45}?)/(?P<sport>\d{1,5})->(?P<dst>[0-9A-Fa-f.:]{2,45}?)/(?P<dport>\d{1,5})"
_NAT = r"(?P<snat>[0-9A-Fa-f.:]{2,45}?)/(?P<snatport>\d{1,5})->(?P<dnat>[0-9A-Fa-f.:]{2,45}?)/(?P<dnatport>\d{1,5})"
_PLAIN = re.compile(
    rf"session (?:created|denied|closed (?P<reason>[^:]{{1,64}}):?) {_ENDS}(?: 0x[0-9a-f]{{1,8}})?"
    rf" (?P<service>\S{{1,64}})(?: {_NAT}(?: 0x[0-9a-f]{{1,8}})?)?(?P<rest>.*)",
    re.DOTALL,
)
_BYTES = re.compile(r" (\d{1,12})\((\d{1,18})\) (\d{1,12})\((\d{1,18})\) (\d{1,12})(?= |$)")
_POLICY = re.compile(r" (\d{1,3})(?:\(\d{1,3}\))? (\S{1,256}) (\S{1,128}) (\S{1,128})(?: (\d{1,20}))?(?= |$)")
_PORT = re.compile(r" ((?:ge|xe|et|fe|reth|ae|st|irb|vlan|lo|fxp|em|lt|gr|ip|pp)[\w\-/]{0,24}\.\d{1,9})(?= |$)")
_SCREEN = re.compile(
    r"(?P<attack>.{1,128}?)!? source: (?P<src>[0-9A-Fa-f.:]{2,45}?)(?::(?P<sport>\d{1,5}))?, destination: "
    r"(?P<dst>[0-9A-Fa-f.:]{2,45}?)(?::(?P<dport>\d{1,5}))?(?:, protocol-id: (?P<protocol>\d{1,3}))?, zone name: "
    r"(?P<zone>[^,]{1,128}), interface name: (?P<interface>[^,\s]{1,64})(?:, action: (?P<action>\S{1,32}))?"
)
_PAIR = re.compile(r'([a-z][\w\-]{0,63})="((?:[^"\\]|\\.){0,4096})"')
_LONGEST = 16_384
_NOTHING = frozenset(("", "N/A", "UNKNOWN", "None", "-", "NA", "unknown-user"))


def _text(field: str) -> Callable[[Fields, str], None]:
    def put(fields: Fields, value: str) -> None:
        fields[field] = value

    return put


def _number(*names: str) -> Callable[[Fields, str], None]:
    def put(fields: Fields, value: str) -> None:
        if value.isascii() and value.isdigit() and len(value) < 19:
            for name in names:
                fields[name] = int(value)

    return put


def _address(side: str) -> Callable[[Fields, str], None]:
    def put(fields: Fields, value: str) -> None:
        address = ip(value)
        if address is None or (side.endswith("nat") and address == "0.0.0.0"):  # noqa: S104
            return
        fields[side + ".ip"] = address
        if not side.endswith("nat"):
            fields[side + ".address"] = address

    return put


def _lower(field: str) -> Callable[[Fields, str], None]:
    def put(fields: Fields, value: str) -> None:
        fields[field] = value.lower()

    return put


def _url(fields: Fields, value: str) -> None:
    fields["url.domain"] = value.partition("://")[2].partition("/")[0] if "://" in value else value.partition("/")[0]
    fields["url.original"] = value


def _path(fields: Fields, value: str) -> None:
    fields["url.path"] = value
    if "url.domain" in fields and "url.original" in fields and "/" not in fields["url.original"]:
        fields["url.original"] += value


_STEPS: dict[str, Callable[[Fields, str], None]] = {
    "source-address": _address("source"), "sourceip": _address("source"), "destination-address": _address("destination"),
    "source-port": port_of("source.port"), "destination-port": port_of("destination.port"),
    "nat-source-address": _address("source.nat"), "nat-destination-address": _address("destination.nat"),
    "nat-source-port": port_of("source.nat.port"), "nat-destination-port": port_of("destination.nat.port"),
    "protocol-id": transport, "protocol-name": transport, "policy-name": _text("rule.name"),
    "rulebase-name": _text("rule.ruleset"), "attack-name": _text("tieline.juniper.attack_name"),
    "source-zone-name": _text("observer.ingress.zone"), "source-zone": _text("observer.ingress.zone"),
    "destination-zone-name": _text("observer.egress.zone"), "destination-zone": _text("observer.egress.zone"),
    "packet-incoming-interface": _text("observer.ingress.interface.name"),
    "interface-name": _text("observer.ingress.interface.name"),
    "source-interface-name": _text("observer.ingress.interface.name"),
    "destination-interface-name": _text("observer.egress.interface.name"),
    "bytes-from-client": _number("source.bytes"), "bytes-from-server": _number("destination.bytes"),
    "inbound-bytes": _number("source.bytes"), "outbound-bytes": _number("destination.bytes"),
    "packets-from-client": _number("source.packets"), "packets-from-server": _number("destination.packets"),
    "inbound-packets": _number("source.packets"), "outbound-packets": _number("destination.packets"),
    "elapsed-time": seconds, "reason": _text("event.reason"), "message": _text("event.reason"),
    "application": _lower("network.application"), "application-name": _lower("network.protocol"),
    "url": _url, "obj": _path, "filename": _text("file.name"), "hostname": _text("destination.domain"),
    "sample-sha256": _lower("file.hash.sha256"), "malware-info": _text("threat.software.name"),
    "name": _text("threat.software.name"), "category": _text("rule.category"), "http-host": _text("url.domain"),
    "username": lambda fields, value: account(fields, value), "session-id": _text("tieline.juniper.session_id"),
    "action": _text("tieline.juniper.action"), "profile": _text("rule.ruleset"), "profile-name": _text("rule.ruleset"),
    "threat-severity": _text("tieline.juniper.threat_severity"), "roles": _text("tieline.juniper.roles"),
    "nested-application": _text("tieline.juniper.nested_application"),
    "service-name": _text("tieline.juniper.service_name"),
}  # fmt: skip
_DENYING = frozenset(
    ("drop", "block", "blocked", "close", "deny", "denied", "permit-drop", "close_client", "close_server")
)


def parse(frame: Frame) -> Fields:
    text = frame.text
    if len(text) > _LONGEST:
        raise ParseError("juniper_srx: longer than any message")
    opened = frame.opened
    event, pairs = "", None
    if opened is not None and "log.syslog.structured_data" in opened.fields:
        event = opened.fields.get("log.syslog.msgid", "")
        pairs = _junos(opened.fields["log.syslog.structured_data"])
    if pairs is None:
        tag = _TAG.match(text) or _TAG.search(text, 0, 512)
        if tag is None:
            raise ParseError("juniper_srx: no name of an event before the message")
        event, rest = tag[1], text[tag.end() :].lstrip()
        if rest[:1] == "[":
            pairs = dict(_PAIR.findall(rest))
        if pairs is None:
            return _finish(frame, event, _plain(event, rest))
    fields = _meaning(event)
    for name, value in pairs.items():
        step = _STEPS.get(name)
        if step is not None and value not in _NOTHING and not (name == "url" and event.startswith("AV_")):
            step(fields, value)
    return _finish(frame, event, fields)


def _junos(data: Mapping[str, Mapping[str, str]]) -> Mapping[str, str] | None:
    for name, pairs in data.items():
        if name.startswith("junos@"):
            return pairs
    return None


def _meaning(event: str) -> Fields:
    name = event.removesuffix("_LS")
    action, category, types, outcome = "noted", ["network"], ["info"], None
    if event.startswith(("RT_FLOW_SESSION", "APPTRACK_SESSION")):
        if name.endswith("DENY"):
            action, types = "denied", ["connection", "denied"]
        elif name.endswith("CLOSE"):
            action, types, outcome = "connection_finished", ["connection", "end"], "success"
        else:
            action, types, outcome = "connection_started", ["connection", "start", "allowed"], "success"
    elif event.startswith(("RT_SCREEN", "IDP_", "AAMW", "SECINTEL")):
        action, category = "intrusion_detected", ["network", "intrusion_detection"]
    elif event.startswith("WEBFILTER"):
        denied = "BLOCKED" in event
        action, category = ("url_denied" if denied else "url_accessed"), ["network", "web"]
        types = ["access", "denied" if denied else "allowed"]
    elif event.startswith(("AV_VIRUS", "AV_SCANNER", "AV_FILE", "AV_HUGE", "AV_MANY")):
        action, category = ("malware_detected" if "VIRUS" in event else "file_noted"), ["network", "malware"]
        types = ["denied"] if "VIRUS" not in event else ["info"]
    elif event.startswith(("ANTISPAM", "CONTENT_FILTERING")):
        action, types = "content_denied", ["denied"]
    fields: Fields = {"event.code": event, "event.action": action, "event.category": category, "event.type": types}
    if outcome is not None:
        fields["event.outcome"] = outcome
    return fields


def _plain(event: str, text: str) -> Fields:
    """The unstructured form: a line of words in an order that each release extends."""
    fields = _meaning(event)
    found = _PLAIN.match(text)
    if found is None:
        screen = _SCREEN.match(text)
        if screen is not None:
            pairs = {
                "attack-name": screen["attack"], "source-address": screen["src"], "source-port": screen["sport"],
                "destination-address": screen["dst"], "destination-port": screen["dport"], "action": screen["action"],
                "protocol-id": screen["protocol"], "source-zone-name": screen["zone"],
                "interface-name": screen["interface"],
            }  # fmt: skip
            for name, value in pairs.items():
                if value:
                    _STEPS[name](fields, value)
        elif not event.startswith("RT_"):
            raise ParseError("juniper_srx: neither pairs nor a session")
        return fields
    for name, group in (
        ("source-address", "src"), ("source-port", "sport"), ("destination-address", "dst"), ("destination-port", "dport"),
        ("nat-source-address", "snat"), ("nat-source-port", "snatport"), ("nat-destination-address", "dnat"),
        ("nat-destination-port", "dnatport"), ("reason", "reason"), ("service-name", "service"),
    ):  # fmt: skip
        value = found[group]
        if value and value not in _NOTHING:
            _STEPS[name](fields, value)
    rest = found["rest"]
    policy = _POLICY.search(rest)
    if policy is not None:
        transport(fields, policy[1])
        fields["rule.name"] = policy[2]
        fields["observer.ingress.zone"], fields["observer.egress.zone"] = policy[3], policy[4]
    counted = _BYTES.search(rest)
    if counted is not None:
        fields["source.packets"], fields["source.bytes"] = int(counted[1]), int(counted[2])
        fields["destination.packets"], fields["destination.bytes"] = int(counted[3]), int(counted[4])
        seconds(fields, counted[5])
    interface = _PORT.search(rest)
    if interface is not None:
        fields["observer.ingress.interface.name"] = interface[1]
    return fields


def _finish(frame: Frame, event: str, fields: Fields) -> Fields:
    fields["event.code"] = event
    fields["observer.vendor"], fields["observer.product"], fields["observer.type"] = "Juniper", "SRX", "firewall"
    attack = fields.get("tieline.juniper.attack_name")
    if attack is not None and "rule.name" not in fields:
        fields["rule.name"] = attack
    action = fields.get("tieline.juniper.action", "").lower()
    if action in _DENYING and "denied" not in fields["event.type"]:
        fields["event.type"] = [*fields["event.type"], "denied"]
    addresses = [
        fields[name]
        for name in ("source.ip", "destination.ip", "source.nat.ip", "destination.nat.ip")
        if name in fields
    ]
    if addresses:
        fields["related.ip"] = list(dict.fromkeys(addresses))
    if "user.name" in fields:
        fields["source.user.name"] = fields["user.name"]
    if "source.bytes" in fields and "destination.bytes" in fields:
        fields["network.bytes"] = fields["source.bytes"] + fields["destination.bytes"]
    opened = frame.opened
    if opened is not None and "host.hostname" in opened.fields:
        fields["observer.hostname"] = opened.fields["host.hostname"]
    return fields


_CERTAIN = re.compile(
    rb"(?:^|[\s:])(?:RT_(?:FLOW|SCREEN|UTM|IDP|AAMW|SECINTEL)|APPTRACK_SESSION|IDP_ATTACK|WEBFILTER_URL)[A-Z_]*"
)

FORMAT = LogFormat(
    id="juniper_srx",
    vendor="Juniper",
    product="SRX",
    logsource=LogSource(product="juniper", category="firewall", service="srx"),
    spec="https://www.juniper.net/documentation/us/en/software/junos/network-mgmt/topics/topic-map/system-logging.html https://apps.juniper.net/syslog-explorer/",
    parse=parse,
    inside="syslog",
    programs=("rt_flow", "rt_ids", "rt_idp", "rt_utm", "rt_screen", "rt_aamw", "rt_secintel", "rt_apptrack"),
    fingerprint=lambda head: _CERTAIN.match(head) is not None or b" [junos@2636" in head[:512],
    needs=(b"_", b"junos@"),
)
