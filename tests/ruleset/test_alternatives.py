"""Rules with Sigma's names on events in ECS, from the record to the match."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.app import formats
from engine.detect import Detector
from engine.model import Event, Frame
from engine.parsing.parser import Parser
from engine.ruleset.load import load


def fires(folder: Path, rule: str, record: dict[str, Any]) -> bool:
    path = folder / "rule.yml"
    path.write_text(f"title: one\nlevel: low\n{rule}\n", "utf-8")
    ruleset = load([path])
    assert ruleset.errors == []
    (event,) = Parser(formats()).feed([Frame(json.dumps(record).encode(), "test", format="json")])
    assert isinstance(event, Event)
    return bool(Detector(ruleset.detections).detect(event))


LINUX = {"event": {"category": ["process"], "type": ["start"]}, "host": {"os": {"type": "linux"}}}
WINDOWS = {"event": {"category": ["process"], "type": ["start"]}, "host": {"os": {"type": "windows"}}}
NETWORK = {"event": {"category": ["network"], "type": ["start"]}, "host": {"os": {"type": "linux"}}}
SHELL = {"executable": "/bin/sh", "command_line": "sh -c id", "parent": {"executable": "/usr/sbin/nginx"}}
PROXY = {"event": {"dataset": "squid.log"}, "url": {"original": "http://a.example/x.exe", "domain": "a.example"}}
WEB = {"event": {"dataset": "nginx.access", "category": ["web"]}, "url": {"query": "id=1 union select", "path": "/x"}}
FIREWALL = {"event": {"dataset": "panw.panos", "type": ["denied"]}, "destination": {"port": 502, "ip": "192.0.2.9"}}
DNS = {"event": {"dataset": "zeek.dns"}, "dns": {"question": {"name": "evil.example", "type": "TXT"}}}


@pytest.mark.parametrize(
    ("logsource", "detection", "record"),
    [
        ("{product: linux, category: process_creation}", "{Image|endswith: /sh}", {**LINUX, "process": SHELL}),
        (
            "{category: process_creation}",
            "{ParentImage|endswith: /nginx, CommandLine|contains: ' -c '}",
            {**LINUX, "process": SHELL},
        ),
        ("{product: windows, category: process_creation}", "{Image|endswith: /sh}", {**WINDOWS, "process": SHELL}),
        (
            "{product: windows, category: process_creation}",
            "{User: 'CORP\\ann'}",
            {**WINDOWS, "user": {"name": "ann", "domain": "CORP"}},
        ),
        (
            "{product: linux, category: network_connection}",
            "{Initiated: 'true', DestinationPort: 22}",
            {**NETWORK, "network": {"direction": "egress"}, "destination": {"port": 22}},
        ),
        ("{category: proxy}", "{c-uri|endswith: .exe, cs-host: a.example}", PROXY),
        ("{category: webserver}", "{cs-uri-query|contains: union, cs-uri-stem: /x}", WEB),
        ("{product: nginx, service: access}", "{cs-uri-stem: /x}", {**WEB, "message": "union"}),
        ("{category: firewall}", "{dst_port: 502, dst_ip|cidr: 192.0.2.0/24, blocked: 'true'}", FIREWALL),
        ("{category: dns}", "{query|endswith: .example, record_type: TXT}", DNS),
        ("{product: zeek, service: dns}", "{query|endswith: .example, qtype_name: TXT}", DNS),
        (
            "{product: linux, service: auditd}",
            "{type: EXECVE, a0: nc}",
            {"event": {"dataset": "auditd.log"}, "auditd": {"log": {"record_type": "EXECVE", "a0": "nc"}}},
        ),
    ],
)
def test_sigmas_names_find_what_ecs_says(
    tmp_path: Path, logsource: str, detection: str, record: dict[str, Any]
) -> None:
    assert fires(tmp_path, f"logsource: {logsource}\ndetection: {{s: {detection}, condition: s}}", record)


RULE = "logsource: {{category: process_creation}}\ndetection: {{s: {{{}}}, condition: {}}}"


@pytest.mark.parametrize(
    ("search", "condition", "record", "expected"),
    [
        ("Image: /bin/sh", "s", {"Image": "/bin/id", "process.executable": "/bin/sh"}, False),
        ("Image: /bin/id", "s", {"Image": "/bin/id", "process.executable": "/bin/sh"}, True),
        ("Image: /bin/id", "not s", {"Image": "/bin/sh", "process.executable": "/bin/id"}, True),
        ("Image: /bin/id", "not s", {"process.executable": "/bin/id"}, False),
        ("Image: null", "s", {"Image": None, "process.executable": "/bin/id"}, True),
        ("Image: null", "s", {"process.executable": "/bin/id"}, False),
        ("Image|exists: true", "s", {"process.executable": "/bin/id"}, True),
        ("Image|exists: false", "s", {"process.executable": "/bin/id"}, False),
        ("Image|exists: false", "s", {"user.name": "ann"}, True),
        ("Image|fieldref: ParentImage", "s", {"process.executable": "/a", "process.parent.executable": "/a"}, True),
        ("Image|fieldref: ParentImage", "s", {"process.executable": "/a", "ParentImage": "/b"}, False),
        ("process.executable: /bin/id", "s", {"process.executable": "/bin/id"}, True),
    ],
)
def test_the_events_own_field_of_that_name_comes_first(
    tmp_path: Path, search: str, condition: str, record: dict[str, Any], expected: bool
) -> None:
    named = {"ls_category": "process_creation", **record}

    assert fires(tmp_path, RULE.format(search, condition), named) is expected


@pytest.mark.parametrize(
    ("logsource", "field"), [("{product: windows, category: process_creation}", "Image"), ("{category: dns}", "other")]
)
def test_a_rule_that_needs_no_other_names_stays_as_it_is(tmp_path: Path, logsource: str, field: str) -> None:
    from engine.ruleset.coverage import fields_of

    path = tmp_path / "rule.yml"
    path.write_text(f"title: one\nlogsource: {logsource}\ndetection: {{s: {{{field}: x}}, condition: s}}\n", "utf-8")

    (rule,) = load([path]).detections

    assert fields_of(rule) == (field,)


def shapes(folder: Path, records: Sequence[dict[str, Any]], rule: str) -> list[bool]:
    return [fires(folder, rule, record) for record in records]


def test_the_same_windows_event_fires_in_every_shape(tmp_path: Path) -> None:
    rule = (
        "logsource: {product: windows, service: windefend}\n"
        "detection: {s: {EventID: 1119, ThreatName|contains: EICAR, SourceName: x}, condition: s}"
    )
    channel = "Microsoft-Windows-Windows Defender/Operational"
    data = {"Threat Name": "Virus:EICAR", "Source Name": "x"}
    nested = {"Event": {"System": {"EventID": 1119, "Channel": channel}, "EventData": data}}
    beats = {"winlog": {"channel": channel, "event_id": "1119", "event_data": data}}
    flat = {"EventID": 1119, "Channel": channel, **data}
    sigma = {"EventID": 1119, "Channel": channel, "ThreatName": "Virus:EICAR", "SourceName": "x"}

    assert shapes(tmp_path, [nested, beats, flat, sigma], rule) == [True] * 4


def test_a_registry_audit_is_called_as_sysmon_calls_it(tmp_path: Path) -> None:
    rule = (
        "logsource: {product: windows, category: registry_set}\n"
        "detection: {s: {TargetObject|startswith: 'HKLM\\SOFTWARE', Details: 1, Image|endswith: reg.exe}, condition: s}"
    )
    record = {
        "EventID": 4657,
        "Channel": "Security",
        "ObjectName": "\\REGISTRY\\MACHINE\\SOFTWARE\\X",
        "ObjectValueName": "v",
        "NewValue": "1",
        "OperationType": "%%1905",
        "ProcessName": "C:\\reg.exe",
    }

    assert fires(tmp_path, rule, record)
    assert not fires(tmp_path, rule, {**record, "OperationType": "%%1906"})
