"""EVE as it travels: by itself, behind syslog, wrapped by Filebeat; requests and responses in records of their own."""

import json
from typing import Any

import pytest

from engine.model import Frame
from engine.model.times import from_iso
from engine.parsing.formats import discover
from engine.parsing.parser import Parser

FORMATS = discover()
RECEIVED = from_iso("2026-02-01T00:00:00Z") or 0
ALERT = {
    "timestamp": "2026-01-02T03:04:22.006123+0100",
    "flow_id": 1035,
    "event_type": "alert",
    "src_ip": "192.0.2.66",
    "dest_ip": "198.51.100.9",
    "dest_port": 102,
    "proto": "TCP",
    "alert": {"action": "allowed", "signature_id": 2250099, "signature": "EXAMPLE S7 stop", "severity": 3},
}


def read(*lines: str, join: bool = True) -> list[dict[str, Any]]:
    parser = Parser(FORMATS, join=join)
    frames = [Frame(line.encode(), "eve", received=RECEIVED, sequence=n) for n, line in enumerate(lines)]
    return [one.document() for one in parser.feed(frames) + parser.expire("eve", None)]


@pytest.mark.parametrize(
    "line",
    [
        json.dumps(ALERT),
        f"<134>Jan  2 02:04:23 ids-1 suricata[811]: {json.dumps(ALERT)}",
        f"<134>1 2026-01-02T02:04:23Z ids-1 suricata 811 - - @cee: {json.dumps(ALERT)}",
        json.dumps(
            {
                "@timestamp": "2026-01-02T02:04:25.000Z",
                "@metadata": {"beat": "filebeat"},
                "agent": {"type": "filebeat", "name": "ids-1"},
                "log": {"file": {"path": "/var/log/suricata/eve.json"}, "offset": 7},
                "message": json.dumps(ALERT),
            }
        ),
    ],
    ids=["alone", "syslog", "cee", "filebeat"],
)
def test_an_alert_is_the_same_however_it_travels(line: str) -> None:
    (event,) = read(line)

    assert event["tieline.format"] == "suricata_eve"
    assert event["@timestamp"] == "2026-01-02T02:04:22.006123Z"
    assert (event["source.ip"], event["destination.ip"], event["rule.id"]) == ("192.0.2.66", "198.51.100.9", "2250099")


def dnp3(time: str, **more: Any) -> str:
    head = {key: ALERT[key] for key in ("src_ip", "dest_ip", "proto", "flow_id")}
    return json.dumps({**head, "timestamp": f"2026-01-02T03:04:{time}+0000", "event_type": "dnp3", "dnp3": more})


ASKED = {
    "type": "request",
    "src": 1,
    "dst": 10,
    "application": {"control": {"sequence": 3}, "function_code": 13, "objects": []},
}
TOLD = {
    "type": "response",
    "src": 10,
    "dst": 1,
    "application": {"control": {"sequence": 3}, "function_code": 129, "objects": []},
    "iin": {"indicators": ["parameter_error"]},
}


def test_a_dnp3_request_and_its_response_are_one_event() -> None:
    (event,) = read(dnp3("05.0", **ASKED), dnp3("05.5", **TOLD))

    assert (event["ot.function"], event["ot.operation"], event["ot.unit_id"]) == ("cold_restart", "restart", 10)
    assert (event["event.outcome"], event["ot.exception"]) == ("failure", "parameter_error")
    assert event["event.duration"] == 500_000_000


def test_each_dnp3_record_is_printed_without_joining() -> None:
    asked, told = read(dnp3("05.0", **ASKED), dnp3("05.5", **TOLD), join=False)

    assert asked["ot.operation"] == "restart"
    assert "ot.operation" not in told


def test_values_that_json_carries_as_text_are_read_where_their_number_fits() -> None:
    head = {key: ALERT[key] for key in ("timestamp", "src_ip", "dest_ip", "proto", "flow_id")}

    def write(data: str) -> dict[str, Any]:
        request = {"unit_id": 1, "function_raw": 16, "write": {"address": 100, "quantity": 2, "data": data}}
        (event,) = read(json.dumps({**head, "event_type": "modbus", "modbus": {"id": 1, "request": request}}))
        return event

    assert write("\\x02\\xbcAB")["ot.value"] == [700, 0x4142]
    assert "ot.value" not in write("\\x02\\xbcA")


def test_what_is_no_eve_record_stays_json() -> None:
    (event,) = read('{"event_type": "login", "timestamp": "2026-01-02T03:04:05Z", "user": "x"}')

    assert event["tieline.format"] == "json"


def test_a_container_of_cip_is_one_event_a_service() -> None:
    inner = [
        {"service": "Get Attribute List", "path": [{"segment_type": "class", "value": 1}]},
        {"service": "Stop", "path": [{"segment_type": "class", "value": 0x8E}]},
    ]
    answers = [{"service": "Get Attribute List", "status": "Success"}, {"service": "Stop", "status": "Path unknown"}]
    record = {
        **ALERT,
        "event_type": "enip",
        "enip": {
            "request": {"command": "SendRRData", "cip": {"service": "Multiple Service Packet", "multiple": inner}},
            "response": {"cip": {"status": "Embedded service error", "multiple": answers}},
        },
    }
    del record["alert"]

    joined, alone = read(json.dumps(record)), read(json.dumps(record), join=False)

    assert [(one["ot.function"], one["event.outcome"]) for one in joined] == [
        ("get_attribute_list", "success"),
        ("stop", "failure"),
    ]
    assert joined[0]["event.id"] != joined[1]["event.id"]
    assert [one["ot.operation"] for one in alone] == ["plc_stop"]
