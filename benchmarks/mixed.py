"""IT and OT as JSON in one stream, and what is true of it: for the correlations of ``peer/mixed.yml``.

Logons at the VPN, Windows logons and processes, firewall, DNS, and requests to controllers, as collectors send them,
about 300 bytes each, 100 a second of event time. Both engines read the same names, flat, and the log source from
``ls_*``.
"""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import orjson

START_NS = int(datetime(2026, 3, 2, 6, tzinfo=UTC).timestamp()) * 10**9
STEP_NS = 10**7

Made = dict[str, Any]


def events(count: int, seed: int = 3) -> Iterator[Made]:
    rng = random.Random(seed)
    kinds: tuple[tuple[int, Callable[[random.Random], Made]], ...] = (
        (30, _firewall),
        (18, _process),
        (12, _resolved),
        (26, _read),
        (4, _windows_logon),
        (3, _vpn),
        (4, _written),
        (3, _remote),
    )
    makers = rng.choices([make for _, make in kinds], [share for share, _ in kinds], k=count)
    for number, make in enumerate(makers):
        ns = START_NS + number * STEP_NS
        when = datetime.fromtimestamp(ns // 10**9, UTC)
        yield {
            "@timestamp": f"{when:%Y-%m-%dT%H:%M:%S}.{ns % 10**9 // 10**6:03}Z",
            "event.id": f"e{number}",
            **make(rng),
        }


def lines(count: int) -> bytes:
    return b"".join(orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE) for event in events(count))


def _station(rng: random.Random) -> str:
    return f"10.30.{rng.randrange(2)}.{rng.randrange(10, 210)}"


def _firewall(rng: random.Random) -> Made:
    return {
        "ls_category": "firewall",
        "event.action": "denied" if rng.random() < 0.2 else "allowed",
        "source.ip": f"10.20.{rng.randrange(8)}.{rng.randrange(2, 250)}",
        "source.port": rng.randrange(1024, 65536),
        "destination.ip": f"192.0.2.{rng.randrange(1, 255)}",
        "destination.port": rng.choice((53, 80, 123, 443, 443, 443, 445, 8080)),
        "network.transport": "tcp",
        "network.bytes": rng.randrange(60, 90_000),
        "observer.name": f"fw-{rng.randrange(1, 3)}",
        "message": f"session {rng.randrange(10**7)} closed",
    }


def _process(rng: random.Random) -> Made:
    name = rng.choice(("svchost", "chrome", "conhost", "cmd", "backup", "updater"))
    return {
        "ls_product": "windows",
        "ls_category": "process_creation",
        "EventID": 1,
        "Image": f"C:\\Windows\\System32\\{name}.exe",
        "ParentImage": "C:\\Windows\\explorer.exe",
        "CommandLine": f"{name}.exe --job {rng.randrange(10**6)} --profile user{rng.randrange(300)}",
        "User": f"CORP\\user{rng.randrange(300)}",
        "host.name": f"ws-{rng.randrange(400)}",
        "ProcessId": rng.randrange(500, 30_000),
    }


def _resolved(rng: random.Random) -> Made:
    return {
        "ls_category": "dns",
        "query": f"host-{rng.randrange(5_000)}.example.net",
        "record_type": rng.choice(("A", "AAAA", "TXT")),
        "answer": f"203.0.113.{rng.randrange(1, 255)}",
        "source.ip": f"10.20.{rng.randrange(8)}.{rng.randrange(2, 250)}",
    }


def _windows_logon(rng: random.Random) -> Made:
    refused = rng.random() < 0.3
    return {
        "ls_product": "windows",
        "ls_service": "security",
        "EventID": 4625 if refused else 4624,
        "LogonType": rng.choice((2, 3, 3, 3, 5)),
        "TargetUserName": f"user{rng.randrange(300)}",
        "IpAddress": f"10.20.{rng.randrange(8)}.{rng.randrange(2, 250)}",
        "host.name": f"ws-{rng.randrange(400)}",
    }


def _vpn(rng: random.Random) -> Made:
    return {
        "ls_category": "vpn",
        "event.outcome": "failure" if rng.random() < 0.7 else "success",
        "user.name": f"user{rng.randrange(300)}",
        "source.ip": f"198.51.100.{rng.randrange(1, 120)}",
        "source.port": rng.randrange(1024, 65536),
        "host.name": "vpn-1",
    }


def _remote(rng: random.Random) -> Made:
    return {
        "ls_product": "windows",
        "ls_service": "security",
        "EventID": 4624,
        "LogonType": 10,
        "TargetUserName": f"engineer{rng.randrange(40)}",
        "IpAddress": f"10.8.0.{rng.randrange(2, 250)}",
        "host.ip": _station(rng),
        "host.name": f"ews-{rng.randrange(40)}",
    }


def _request(rng: random.Random, operation: str) -> Made:
    return {
        "ls_category": "ot_protocol",
        "ls_product": "modbus",
        "ot.protocol": "modbus",
        "ot.operation": operation,
        "ot.function_code": {"read": 3, "write": 6, "plc_stop": 90}[operation],
        "ot.unit_id": 1,
        "ot.address": rng.randrange(64),
        "ot.value": rng.randrange(900),
        "source.ip": _station(rng),
        "destination.ip": f"10.99.{rng.randrange(4)}.{rng.randrange(31, 43)}",
        "destination.port": 502,
        "event.outcome": "success",
    }


def _read(rng: random.Random) -> Made:
    return _request(rng, "read")


def _written(rng: random.Random) -> Made:
    return _request(rng, "plc_stop" if rng.random() < 0.2 else "write")
