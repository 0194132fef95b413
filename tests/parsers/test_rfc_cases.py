"""Header grammar against cases that others wrote; a wrong value is worse than a missing one."""

import json
from pathlib import Path
from typing import Any

from engine.model import Frame
from engine.model.times import SECOND, from_iso
from parsers import syslog

YEAR_2018 = 1517443200 * SECOND


def _cases(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _opened(raw: str, received: int = YEAR_2018) -> Any:
    assert syslog.FORMAT.opens is not None
    return syslog.FORMAT.opens(Frame(raw.encode("utf-8", "surrogateescape"), "test", received=received))


def test_every_valid_rfc5424_message_is_read_whole(outside: Path) -> None:
    names = {
        "appname": "log.syslog.appname",
        "facility": "log.syslog.facility.code",
        "hostname": "host.hostname",
        "message": "message",
        "msgid": "log.syslog.msgid",
        "priority": "log.syslog.priority",
        "procid": "log.syslog.procid",
        "severity": "log.syslog.severity.code",
    }
    wrong = []
    for case in _cases(outside / "parsers" / "rfc5424.jsonl"):
        if not case["valid"]:
            continue
        opened = _opened(case["input"])
        if opened is None:
            wrong.append((case["i"], case["input"], "not opened"))
            continue
        expected, fields = case["expected"], opened.fields
        for theirs, ours in names.items():
            value = expected.get(theirs)
            if isinstance(value, str):
                value = value.removeprefix("\ufeff") or None  # section 6.4: the mark says UTF-8, it is no text
            if value != fields.get(ours):
                wrong.append((case["i"], theirs, expected.get(theirs), fields.get(ours)))
        if str(expected["version"]) != fields.get("log.syslog.version"):
            wrong.append((case["i"], "version", expected["version"], fields.get("log.syslog.version")))
        if (expected.get("structured_data") or None) != fields.get("log.syslog.structured_data"):
            wrong.append((case["i"], "data", expected.get("structured_data"), fields.get("log.syslog.structured_data")))
        when = None if expected.get("timestamp") is None else from_iso(expected["timestamp"])
        if when != fields.get("@timestamp"):
            wrong.append((case["i"], "time", expected.get("timestamp"), fields.get("@timestamp")))

    assert wrong == []


def test_what_the_strict_grammar_rejects_never_crashes(outside: Path) -> None:
    for case in _cases(outside / "parsers" / "rfc5424.jsonl"):
        if not case["valid"]:
            opened = _opened(case["input"])

            assert opened is None or opened.fields


def test_rfc3164_messages_have_host_program_and_text(outside: Path) -> None:
    for case in _cases(outside / "parsers" / "rfc3164.jsonl"):
        fields = _opened(case["input"]).fields
        expected = case["expected"]

        assert fields["log.syslog.priority"] == expected["Priority"]
        assert fields["host.hostname"] == expected["Hostname"]
        assert fields["process.name"] == expected["Appname"]
        assert fields.get("log.syslog.procid") == expected["ProcID"]
        assert fields["message"] == expected["Message"]
        assert fields["@timestamp"] == from_iso(
            expected["Timestamp"].replace("0000", "2017" if fields["@timestamp"] < 1514764800 * SECOND else "2018")
        )


def test_metron_headers_have_the_same_values(outside: Path) -> None:
    wrong = []
    for name in ("metron_syslog3164", "metron_syslog5424"):
        for case in _cases(outside / "parsers" / f"{name}.jsonl"):
            expected = {k.removeprefix("syslog.header."): v for k, v in case["expected"].items()}
            fields = _opened(case["raw"]).fields
            ours = {
                "hostName": fields.get("host.hostname"),
                "pri": str(fields.get("log.syslog.priority")),
                "facility": str(fields.get("log.syslog.facility.code")),
                "severity": str(fields.get("log.syslog.severity.code")),
                "timestamp": None
                if name.endswith("3164")
                else from_iso(expected["timestamp"])
                if isinstance(expected["timestamp"], str)
                else fields["@timestamp"] // 1_000_000,
                "syslog.message": fields.get("message"),
            }
            for key, value in ours.items():
                if value is not None and key in expected and key != "timestamp" and value != expected[key]:
                    wrong.append((case["id"], key, expected[key], value))
            when = case["expected"].get("timestamp")
            if isinstance(when, int) and fields["@timestamp"] // 1_000_000 != when:
                wrong.append((case["id"], "time", when, fields["@timestamp"]))

    assert wrong == []
