"""Values of servers' logs against documents of reference pipelines: a wrong one is worse than a missing one."""

import json
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from engine.model import Frame
from engine.model.times import from_iso
from engine.parsing.formats import discover
from engine.parsing.parser import Parser

FORMATS = discover()
RECEIVED = from_iso("2026-02-01T00:00:00Z") or 0
FACTS = (
    "source.ip", "source.port", "source.domain", "destination.", "user.name", "user.target.", "group.", "process.",
    "host.", "event.code", "event.outcome", "http.", "url.", "tls.", "network.forwarded_ip", "file.path",
    "user_agent.original", "log.level",
)  # fmt: skip
# ECS has given these another name since, or it never had them.
RENAMED = {"process.ppid": "process.parent.pid", "user.terminal": "tieline.terminal"}


def events(records: list[str], name: str | None) -> list[dict[str, Any]]:
    frames = [Frame(one.encode(), "t", received=RECEIVED, sequence=n, format=name) for n, one in enumerate(records)]
    return [parsed.document() for parsed in Parser(FORMATS, join=False).feed(frames)]


def flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from flat(inner, f"{prefix}{name}.")
        else:
            yield RENAMED.get(prefix + name, prefix + name), inner


def same(ours: Any, theirs: Any) -> bool:
    if isinstance(theirs, list) and len(theirs) == 1 and not isinstance(ours, list):
        theirs = theirs[0]
    if str(ours) == str(theirs):
        return True
    try:
        return ip_address(str(ours)) == ip_address(str(theirs))
    except ValueError:
        return False


def is_opinion(name: str, value: Any, record: str) -> bool:
    """What the reference makes of a record beyond what the record says."""
    return (
        value in (None, "", "-", "unknown", "1", "0", [])
        or ".geo." in name
        or ".as." in name
        or name in ("event.timezone", "url.extension", "destination.address")
        or (name == "process.args" and "cmd=" in record)  # sorted, and each word once
        or (name == "source.ip" and "src_prefixlen" in record)
        or (name == "user_agent.original" and "](tel:" in record)
    )


@pytest.mark.parametrize(
    ("product", "name", "least"),
    [
        ("auditd", "linux_auditd", 0.95),
        ("auditd", None, 0.95),
        ("apache", "apache_http", 0.98),
        ("apache", None, 0.98),
        ("nginx", "nginx_nginx", 0.98),
        ("nginx", None, 0.95),
        ("haproxy", None, 0.98),
        ("iis", "microsoft_iis", 0.98),
        ("iis", None, 0.95),
        ("mysql", None, 0.98),
        ("postgresql", None, 0.98),
    ],
)
def test_servers_logs_have_the_values_of_the_reference(
    outside: Path, product: str, name: str | None, least: float
) -> None:
    lines = (outside / "parsers" / f"{product}.jsonl").read_text(encoding="utf-8").splitlines()
    cases = [case for case in map(json.loads, lines) if case["expected"] and case["corpus"].startswith("beats")]

    right, missing, wrong = 0, 0, []
    for case, document in zip(cases, events([case["raw"] for case in cases], name), strict=True):
        for field, value in flat(case["expected"]):
            if field.startswith(FACTS) and not is_opinion(field, value, case["raw"]):
                if field not in document:
                    missing += 1
                elif same(document[field], value):
                    right += 1
                else:
                    wrong.append((field, value, document[field], case["raw"]))

    assert wrong == []
    assert right / (right + missing) >= least


def test_audit_records_have_the_values_that_the_agents_library_reads(outside: Path) -> None:
    lines = (outside / "parsers" / "auditd.jsonl").read_text(encoding="utf-8").splitlines()
    cases = [case for case in map(json.loads, lines) if case["expected"] and case["corpus"] == "go_libaudit"]
    names = {
        "exe": "process.executable", "comm": "process.name", "pid": "process.pid", "ppid": "process.parent.pid",
        "addr": "source.ip", "cwd": "process.working_directory", "arch": "host.architecture",
        "syscall": "tieline.auditd.syscall", "name": "tieline.auditd.name", "proctitle": "process.title",
        "cmd": "process.command_line", "inode": "file.inode", "argc": "process.args_count", "op": "tieline.auditd.op",
        "data": "tieline.auditd.data", **{f"a{n}": f"tieline.auditd.a{n}" for n in range(9)},
    }  # fmt: skip

    compared, wrong = 0, []
    for case, document in zip(cases, events([case["raw"] for case in cases], None), strict=True):
        for theirs, ours in names.items():
            value = case["expected"]["data"].get(theirs)
            if value is not None and not (theirs == "addr" and "saddr=" in case["raw"]):
                compared += 1
                if not same(document.get(ours), value):
                    wrong.append((ours, value, document.get(ours), case["raw"]))

    assert compared > 250
    assert wrong == []
