"""JSON as senders really write it."""

import json
from typing import Any

import orjson
import pytest

from engine.model import DeadLetter, Event, Frame, LogSource
from engine.model.times import from_iso
from engine.parsing.formats import discover
from engine.parsing.parser import Parser

FORMATS = discover()
RECEIVED = from_iso("2026-02-01T00:00:00Z") or 0
WHEN = from_iso("2026-01-02T03:04:05Z")


def read(payload: bytes | str, name: str | None = None) -> Any:
    raw = payload.encode() if isinstance(payload, str) else payload
    return Parser(FORMATS).feed([Frame(raw, "test", received=RECEIVED, format=name)])[0]


@pytest.mark.parametrize("payload", ["[1, 2]", "12", '"text"', "null", '{"a": 1', "{", '{"a": 1} {"b": 2}', "{" * 5000])
def test_what_is_no_object_is_a_dead_letter(payload: str) -> None:
    for name in (None, "json"):
        found = read(payload, name)

        assert isinstance(found, DeadLetter) and found.original == payload.encode()


@pytest.mark.parametrize(
    ("payload", "name", "value"),
    [
        (b'{"a": NaN, "b": 1}', "a", None),
        (b'{"a": [1, 1e999]}', "a", [1, None]),
        (b'{"a": 18446744073709551615}', "a", 18446744073709551615),
        (b'{"a": 18446744073709551616}', "a", "18446744073709551616"),
        (b'{"a": -9223372036854775809}', "a", "-9223372036854775809"),
        (b'{"a": [123456789012345678901234567890]}', "a", ["123456789012345678901234567890"]),
        (b'{"a": ' + b"9" * 5000 + b"}", "a", "9" * 5000),
        (b'{"a": "\xff\xfe"}', "a", "\\xff\\xfe"),
        (b'{"a": "\\ud800"}', "a", "\\ud800"),
        (b'\xef\xbb\xbf{"a": "with a byte order mark"}', "a", "with a byte order mark"),
        (b'{"a": 1, "a": 2}', "a", 2),
        (b'{"a": {"b": 1}, "a.b": 2}', "a.b", 2),
        (b'{"a": {"b": {}}}', "a.b", {}),
        (b'  {"a": "\\u00e4"}\r\n', "a", "\u00e4"),
    ],
)
def test_odd_values_are_kept_so_that_every_sink_can_write_them(payload: bytes, name: str, value: Any) -> None:
    found = read(payload)

    assert isinstance(found, Event)
    assert found.fields[name] == value
    orjson.dumps(found.document())


@pytest.mark.parametrize("depth", [63, 64, 65, 200, 900, 1023, 5000])
@pytest.mark.parametrize(("opening", "closing"), [('{"a":', "}"), ("[", "]"), ('[{"a":', "}]")])
def test_nesting_is_bounded(depth: int, opening: str, closing: str) -> None:
    found = read('{"a": ' + opening * depth + "1" + closing * depth + "}")

    orjson.dumps(found.document())


@pytest.mark.parametrize(
    "fields",
    [
        {"@timestamp": "2026-01-02T03:04:05Z", "EventTime": "2020-01-01T00:00:00Z"},
        {"@timestamp": "soon", "TimeCreated": "2026-01-02T03:04:05Z"},
        {"TimeCreated": {"SystemTime": "2026-01-02T03:04:05.000000Z"}, "UtcTime": "2020-01-01 00:00:00.000"},
        {"UtcTime": "2026-01-02 03:04:05.000", "EventTime": "2020-01-01 00:00:00"},
        {"EventTime": "2026-01-02 03:04:05", "timestamp": 0},
        {"timestamp": 1767323045},
        {"timestamp": 1767323045000},
        {"timestamp": "1767323045000000"},
        {"timestamp": 1767323045.0},
        {"timestamp": "2026-01-02T04:04:05+0100"},
        {"timestamp": "02/Jan/2026:03:04:05 +0000"},
        {"timestamp": "Fri, 02 Jan 2026 03:04:05 GMT"},
    ],
)
def test_the_first_name_that_holds_a_time_is_the_time(fields: dict[str, Any]) -> None:
    assert read(json.dumps(fields)).time == WHEN


def test_no_time_at_all_is_the_time_of_receipt() -> None:
    found = read('{"a": 1}')

    assert (found.time, found.fields["tieline.time"]) == (RECEIVED, "assumed")


@pytest.mark.parametrize(
    ("fields", "logsource"),
    [
        ({"ls_product": "zeek", "ls_service": "dns"}, LogSource(product="zeek", service="dns")),
        (
            {"tieline.logsource.product": "xrdp", "tieline.logsource.category": "authentication"},
            LogSource(product="xrdp", category="authentication"),
        ),
        ({"tieline": {"logsource": {"product": "xrdp"}}, "ls_product": "other"}, LogSource(product="xrdp")),
        ({"ot.protocol": "s7comm", "ot.operation": "plc_stop"}, LogSource("s7comm", "ot_protocol", "plc_mode")),
        ({"ot": {"protocol": "dnp3", "operation": "command"}}, LogSource("dnp3", "ot_protocol", "write")),
        ({"ot": {"protocol": "modbus", "operation": "read"}}, LogSource("modbus", "ot_protocol", "read")),
        ({"EventID": 4624, "Channel": "Security"}, LogSource("windows", "authentication", "security")),
        (
            {"EventID": 1, "Provider_Name": "Microsoft-Windows-Sysmon"},
            LogSource("windows", "process_creation", "sysmon"),
        ),
        (
            {"EventID": 1, "Channel": "x", "ls_product": "windows", "ls_category": "ps_script"},
            LogSource("windows", "ps_script"),
        ),
        ({"EventID": 1, "Computer": "hist-1", "ls_product": "linux"}, LogSource("linux")),
        ({"a": 1}, LogSource()),
    ],
)
def test_the_log_source_is_found(fields: dict[str, Any], logsource: LogSource) -> None:
    assert read(json.dumps(fields)).logsource == logsource


def test_an_object_behind_a_syslog_header_is_read() -> None:
    found = read(
        '<13>Jan  2 03:04:05 ews-1 nxlog[7]: {"EventID": 4625, "Channel": "Security", "TargetUserName": "k.vogt"}'
    )

    assert (found.format, found.fields["user.name"], found.fields["log.syslog.priority"]) == (
        "microsoft_windows",
        "k.vogt",
        13,
    )
    assert found.time == WHEN
