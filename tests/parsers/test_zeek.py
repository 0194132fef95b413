"""Zeek's columns under their header, requests with their responses, and the logs that ICSNPP writes for recorded packets."""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "framing"))

import wire

from engine.model import DeadLetter, Frame
from engine.model.times import from_iso
from engine.parsing.formats import discover
from engine.parsing.parser import Parser

FORMATS = discover()
RECEIVED = from_iso("2026-02-01T00:00:00Z") or 0
HEADER = r"""#separator \x09
#set_separator	,
#empty_field	(empty)
#unset_field	-
#path	{path}
#open	2026-01-02-03-00-00
#fields	{fields}
#types	{types}"""
CONN = HEADER.format(
    path="conn",
    fields="ts	uid	id.orig_h	id.orig_p	id.resp_h	id.resp_p	proto	service	duration	conn_state	local_orig	local_resp	orig_ip_bytes	resp_ip_bytes	tunnel_parents",
    types="time	string	addr	port	addr	port	enum	string	interval	string	bool	bool	count	count	set[string]",
)
S7 = HEADER.format(
    path="s7comm",
    fields="ts	uid	id.orig_h	id.orig_p	id.resp_h	id.resp_p	is_orig	rosctr_code	rosctr_name	pdu_reference	function_code	function_name	subfunction_code	subfunction_name	error_class	error_code",
    types="time	string	addr	port	addr	port	bool	count	string	count	string	string	string	string	string	string",
)
TALK = "CxT	192.0.2.7	49154	198.51.100.9	102"
ROW = "1767323045.006123	CxT	192.0.2.7	40022	198.51.100.9	502	tcp	-	0.076967	SF	T	F	399	446	(empty)"


def frames(text: str, **more: Any) -> list[Frame]:
    return [
        Frame(line.encode(), "zeek", received=RECEIVED, sequence=number, **more)
        for number, line in enumerate(text.splitlines())
    ]


def read(text: str, join: bool = True, **more: Any) -> list[dict[str, Any]]:
    parser = Parser(FORMATS, join=join)
    return [one.document() for one in parser.feed(frames(text, **more)) + parser.expire("zeek", None)]


@pytest.mark.parametrize("name", [None, "zeek_tsv"])
def test_a_line_is_read_by_the_header_above_it(name: str | None) -> None:
    (event,) = read(f"{CONN}\n{ROW}\n#close	2026-01-02-04-00-00", format=name)

    assert event["@timestamp"] == "2026-01-02T03:04:05.006123Z"
    assert (event["source.ip"], event["source.port"], event["source.bytes"]) == ("192.0.2.7", 40022, 399)
    assert (event["destination.ip"], event["network.direction"]) == ("198.51.100.9", "outbound")
    assert event["event.duration"] == 76_967_000
    assert event["tieline.zeek.conn_state"] == "SF"
    assert "tieline.zeek.service" not in event and "tieline.zeek.tunnel_parents" not in event


def test_columns_are_found_by_name_not_by_place() -> None:
    head = HEADER.format(
        path="conn", fields="proto	id.resp_h	ts	id.orig_h", types="enum	addr	time	addr"
    )

    (event,) = read(f"{head}\nudp	198.51.100.9	1767323045.000000001	192.0.2.7")

    assert (event["source.ip"], event["destination.ip"], event["network.transport"]) == (
        "192.0.2.7",
        "198.51.100.9",
        "udp",
    )
    assert event["@timestamp"] == "2026-01-02T03:04:05.000000001Z"


def test_a_second_header_holds_from_there_on() -> None:
    dns = HEADER.format(
        path="dns",
        fields="ts	uid	id.orig_h	id.orig_p	id.resp_h	id.resp_p	proto	query	qtype_name	answers	TTLs",
        types="time	string	addr	port	addr	port	enum	string	string	vector[string]	vector[interval]",
    )
    row = "1767323046.0	CxU	192.0.2.7	5353	192.0.2.53	53	udp	caf\\xc3\\xa9.example	A	a.example,192.0.2.9	60.0,30.0"

    one, two = read(f"{CONN}\n{ROW}\n{dns}\n{row}")

    assert one["tieline.logsource.service"] == "conn"
    assert two["dns.question.name"] == "café.example"
    assert two["dns.answers"] == [{"data": "a.example", "ttl": 60}, {"data": "192.0.2.9", "ttl": 30}]
    assert two["dns.resolved_ip"] == ["192.0.2.9"]


@pytest.mark.parametrize("name", [None, "zeek_tsv"])
def test_a_line_without_a_header_is_a_dead_letter_that_says_so(name: str | None) -> None:
    (dead,) = read(ROW, format=name)

    assert dead["event.kind"] == "pipeline_error"
    assert "no header above this line" in dead["error.message"]
    assert dead["event.original"] == ROW


def test_a_line_with_other_columns_than_the_header_is_a_dead_letter() -> None:
    dead, good = read(f"{CONN}\n{ROW}	more\n{ROW}")

    assert "16 columns where the header names 15" in dead["error.message"]
    assert good["source.ip"] == "192.0.2.7"


def test_another_record_between_the_lines_keeps_its_own_format() -> None:
    syslog, row = read(f"{CONN}\n<38>Jan  2 03:04:05 gw-1 sshd[7]: Server listening on 0.0.0.0 port 22.\n{ROW}")

    assert syslog["tieline.format"] == "openbsd_openssh"
    assert row["tieline.format"] == "zeek_tsv"


def test_the_header_outlives_a_restart() -> None:
    before, after = Parser(FORMATS), Parser(FORMATS)
    before.feed(frames(CONN))

    after.restore(before.snapshot())
    (event,) = after.feed([Frame(ROW.encode(), "zeek", received=RECEIVED, sequence=99)])

    assert not isinstance(event, DeadLetter) and event.fields["source.ip"] == "192.0.2.7"


def test_a_write_and_its_response_are_one_write() -> None:
    asked = f"1767323045.1	{TALK}	T	1	Job-Request	7	0x05	Write Variable	-	-	-	-"
    told = f"1767323045.3	{TALK}	F	3	ACK-Data	7	0x05	Write Variable	-	-	No error	0x00"

    (event,) = read(f"{S7}\n{asked}\n{told}")

    assert (event["ot.operation"], event["event.outcome"]) == ("write", "success")
    assert event["event.duration"] == 200_000_000
    assert not any(name in ("tieline.exchange", "tieline.transaction") for name in event)


def test_without_joining_a_response_has_no_operation() -> None:
    told = f"1767323045.3	{TALK}	F	3	ACK-Data	7	0x05	Write Variable	-	-	No error	0x00"

    (event,) = read(f"{S7}\n{told}", join=False)

    assert "ot.operation" not in event
    assert event["tieline.exchange"] == "response"


def test_a_refusal_is_a_failure_and_silence_is_unknown() -> None:
    asked = f"1767323045.1	{TALK}	T	1	Job-Request	{{}}	0x29	PLC Stop	P_PROGRAM	-	-	-"
    refused = f"1767323045.3	{TALK}	F	3	ACK-Data	7	0x29	PLC Stop	-	-	Access error	0x03"

    one, two = read(f"{S7}\n{asked.format(7)}\n{refused}\n{asked.format(8)}")

    assert (one["ot.operation"], one["event.outcome"], one["ot.exception"]) == ("plc_stop", "failure", "access_refused")
    assert (two["ot.operation"], two["event.outcome"]) == ("plc_stop", "unknown")


def test_a_request_waits_five_seconds_of_the_logs_own_time() -> None:
    asked = f"1767323045.1	{TALK}	T	1	Job-Request	7	0x29	PLC Stop	P_PROGRAM	-	-	-"
    later = f"1767323050.2	{TALK}	T	1	Job-Request	8	0x04	Read Variable	-	-	-	-"
    parser = Parser(FORMATS)

    (event,) = parser.feed(frames(f"{S7}\n{asked}\n{later}"))

    assert not isinstance(event, DeadLetter)
    assert event.fields["ot.operation"] == "plc_stop"


def test_what_waits_outlives_a_restart() -> None:
    asked = f"1767323045.1	{TALK}	T	1	Job-Request	7	0x05	Write Variable	-	-	-	-"
    told = f"1767323045.3	{TALK}	F	3	ACK-Data	7	0x05	Write Variable	-	-	No error	0x00"
    before, after = Parser(FORMATS), Parser(FORMATS)
    assert before.feed(frames(f"{S7}\n{asked}")) == []

    after.restore(json.loads(json.dumps(before.snapshot(), default=lambda raw: list(raw))))
    (event,) = after.feed([Frame(told.encode(), "zeek", received=RECEIVED, sequence=99)])

    assert not isinstance(event, DeadLetter) and event.fields["event.outcome"] == "success"


def test_json_pairs_like_columns() -> None:
    def line(ts: float, is_orig: bool, **more: Any) -> str:
        talk = {"uid": "C1", "id.orig_h": "192.0.2.7", "id.resp_h": "198.51.100.9", "id.resp_p": 20000}
        return json.dumps({"ts": ts, **talk, "is_orig": is_orig, "block_type": "Control Relay Output Block", **more})

    asked = line(1767323045.1, True, function_code="OPERATE", index_number=8, trip_control_code="Close")
    told = line(1767323045.2, False, function_code="RESPONSE", index_number=8, status_code="Local")

    (event,) = read(f"{asked}\n{told}")

    assert (event["ot.operation"], event["ot.address"], event["ot.value"]) == ("command", 8, "close")
    assert (event["event.outcome"], event["ot.exception"]) == ("failure", "local")


def test_who_else_writes_ts_is_not_zeek() -> None:
    (event,) = read('{"ts": 1767323045.1, "level": "info", "msg": "ready", "note": "x"}')

    assert event["tieline.format"] == "json"


def facts(document: dict[str, Any], names: str) -> tuple[tuple[str, str], ...]:
    found = {name: document.get(f"ot.{name}") for name in names.split()}
    found |= {name: document.get(name) for name in ("source.ip", "destination.ip", "event.outcome")}
    return tuple((name, json.dumps(value)) for name, value in found.items())


WHOLE = "protocol operation function function_code unit_id address_space address count value exception"
LESS = "protocol operation function function_code sub_function_code exception"


@pytest.mark.parametrize(
    ("log", "packets", "names", "codes"),
    [
        # What the log leaves out: values of 7, 8 and 17, the records of 20 and 21; what 22 and 23 write has its own log.
        ("icsnpp-modbus/expected/analyzer.basic/modbus_detailed.log", "modbus_example.pcap", WHOLE, {1, 2, 3, 4, 5, 6, 15, 16}),
        ("icsnpp-modbus/expected/analyzer.basic/modbus_mask_write_register.log", "modbus_example.pcap", WHOLE, {22}),
        ("icsnpp-modbus/expected/analyzer.basic/modbus_read_write_multiple_registers.log", "modbus_example.pcap", WHOLE, {23}),
        # Refusals without data are not in the sensor's log, so a refused upload (0x1D) stays without an outcome there.
        ("icsnpp-s7comm/expected/analyzer.s7ident/s7comm.log", "s7ident.pcap", LESS, {4, 0xF0}),
        ("icsnpp-s7comm/expected/analyzer.s7comm_plus/s7comm.log", "s7comm_plus.pcap", LESS, {4, 5, 0xF0}),
    ],
)  # fmt: skip
def test_a_sensors_log_gives_the_events_of_its_packets(
    outside: Path, log: str, packets: str, names: str, codes: set[int]
) -> None:
    path = outside / "ot" / log
    decoder = FORMATS["modbus" if "modbus" in packets else "s7comm"]

    logged = read(path.read_text(encoding="utf-8"))
    decoded = wire.events((outside / "ot" / log.partition("/")[0] / packets).read_bytes(), [decoder])

    assert Counter(facts(one, names) for one in logged if one.get("ot.function_code") in codes) == Counter(
        facts(one, names) for one in decoded if one.get("ot.function_code") in codes
    )


CIP = HEADER.format(
    path="cip",
    fields="ts	uid	id.orig_h	id.orig_p	id.resp_h	id.resp_p	is_orig	source_h	source_p	destination_h	destination_p	"
    "cip_sequence_count	direction	cip_service_code	cip_service	cip_status_code	cip_status	cip_extended_status_code	"
    "cip_extended_status	class_id	class_name	instance_id	attribute_id",
    types="time	string	addr	port	addr	port	bool	addr	port	addr	port	count	string	string	string	string	string	"
    "string	string	string	string	string	string",
)


@pytest.mark.parametrize(
    ("folder", "packets"),
    [
        ("analyzer.basic", "enip_cip_example.pcap"),
        ("analyzer.multiple_service_request", "multiple_service_packet_cip.pcapng"),
        ("analyzer.set_attr_single_service", "set_attribute_single_service_cip.pcapng"),
    ],
)
def test_services_of_cip_are_those_of_the_packets(outside: Path, folder: str, packets: str) -> None:
    home = outside / "ot" / "icsnpp-enip"
    names = "protocol operation function function_code class_id address attribute"
    # the files have lost their header
    logged = read(f"{CIP}\n{(home / 'expected' / folder / 'cip.log').read_text(encoding='utf-8')}")
    decoded = wire.events((home / packets).read_bytes(), [FORMATS["enip"]])

    encapsulation = ("list_identity", "list_services", "register_session", "unregister_session")
    assert Counter(facts(one, names) for one in logged if "ot.operation" in one) == Counter(
        facts(one, names) for one in decoded if one["ot.function"] not in encapsulation
    )


@given(st.integers(0, len(ROW)), st.integers(0, 12), st.text(max_size=8))
@settings(max_examples=200, deadline=None)
def test_a_damaged_line_becomes_an_event_or_a_dead_letter(at: int, length: int, piece: str) -> None:
    line = (ROW[:at] + piece + ROW[at + length :]).replace("\r", "").replace("\n", "")

    for document in read(f"{CONN}\n{line}"):
        assert json.loads(json.dumps(document, allow_nan=False))


@pytest.mark.parametrize(
    "log", ["dns", "http", "ssl", "files", "dhcp", "notice", "intel", "smtp", "modbus_detailed", "cip"]
)
@given(
    st.dictionaries(
        st.sampled_from(
            [
                "query",
                "answers",
                "TTLs",
                "host",
                "uri",
                "status_code",
                "uids",
                "msg_types",
                "tx_hosts",
                "seen.indicator",
                "rcptto",
                "func",
                "address",
            ]
        ),
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(),
            st.floats(allow_nan=False),
            st.text(max_size=9),
            st.lists(st.text(max_size=5), max_size=3),
        ),
    )
)
@settings(max_examples=40, deadline=None)
def test_columns_of_other_types_cost_no_record(log: str, row: dict[str, Any]) -> None:
    (document,) = read(
        json.dumps({"_path": log, "ts": 1767323045.0, "uid": "C1", "id.orig_h": "192.0.2.7", **row}), join=False
    )

    assert document["tieline.format"] == "zeek_json"
    assert json.loads(json.dumps(document))
