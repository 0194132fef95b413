"""RFC 3164 as devices send it (wazuh/wazuh#185, #2038, #3525, #5650, #15669, #22192, #25536, #30809 and Cisco's own forms)."""

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model import Fields, Frame
from engine.model.times import SECOND, from_iso, rfc3339
from engine.parsing.formats import discover
from engine.parsing.parser import Parser
from parsers import syslog

RECEIVED = from_iso("2026-11-22T16:00:00Z") or 0
NOON = "2026-10-11T22:14:15.000Z"


def header(line: str | bytes, **frame: object) -> Fields | None:
    assert syslog.FORMAT.opens is not None
    raw = line.encode() if isinstance(line, str) else line
    opened = syslog.FORMAT.opens(Frame(raw, "test", **{"received": RECEIVED, **frame}))  # type: ignore[arg-type]
    return None if opened is None else opened.fields


@pytest.mark.parametrize(
    ("line", "time"),
    [
        ("<34>Oct 11 22:14:15 host-1 su[7]: text", NOON),
        ("Oct 11 22:14:15 host-1 su[7]: text", NOON),
        ("<34>Oct 11 22:14:15 2026 host-1 su[7]: text", NOON),
        ("<34>Oct 11 2026 22:14:15 host-1 su[7]: text", NOON),
        ("<34>2026 Oct 11 22:14:15 host-1 su[7]: text", NOON),
        ("<34>Thu Oct 11 22:14:15 2026 host-1 su[7]: text", NOON),
        ("<34>Oct 11 22:14:15  host-1  su[7]: text", NOON),
        ("<34> Oct 11 22:14:15 host-1 su[7]: text", NOON),
        ("<34>2026-10-11T22:14:15Z host-1 su[7]: text", NOON),
        ("<34>2026-10-12T00:14:15+02:00 host-1 su[7]: text", NOON),
        ("<34>2026-10-12T00:14:15+0200 host-1 su[7]: text", NOON),
        ("2026-10-12T00:14:15.000000+02:00 host-1 su[7]: text", NOON),
        ("<34>2026-10-11 22:14:15 host-1 su[7]: text", NOON),
        ("2026-10-11T22:14:15.000000 host-1 su[7]: text", NOON),
        ("<34>Oct 12 00:14:15 +02:00 host-1 su[7]: text", NOON),
        ("<34>Oct 12 00:14:15 CEST host-1 su[7]: text", NOON),
        ("<34>Oct 12 00:14:15 CEST 2026 host-1 su[7]: text", NOON),
        ("<34>Oct 11 22:14:15 2026 UTC host-1 su[7]: text", NOON),
        ("<34>Oct 11 22:14:15.000 host-1 su[7]: text", NOON),
        ("<34>Oct 11 22:14:15.000000 host-1 su[7]: text", NOON),
        ("<34>Oct 11 22:14:15 host-1: su[7]: text", NOON),
        ("<13>Oct 11 22:14:19 relay-1 <34>Oct 11 22:14:15 host-1 su[7]: text", NOON),
        ("<34>Oct 11 22:14:19 relay-1 Oct 11 22:14:15 host-1 su[7]: text", NOON),
        ("<13>1 2026-10-11T22:14:19Z relay-1 - - - - <34>Oct 11 22:14:15 host-1 su[7]: text", NOON),
        ("<34>Oct 11 22:14:19 relay-1 1 2026-10-11T22:14:15Z host-1 su 7 - - text", NOON),
        ("46 <34>Oct 11 22:14:15 host-1 su[7]: text", NOON),
        ("\ufeff<34>Oct 11 22:14:15 host-1 su[7]: text", NOON),
        ("<34>\ufeffOct 11 22:14:15 host-1 su[7]: text", NOON),
        ("<34>Oct 11 22:14:15 host-1 su[7]: text\r\x00", NOON),
        ("<34>Oct 11 22:14:15 host-1 host-1 su[7]: text", NOON),
        ("<34>Oct 11 22:14:15 host-1 su[7]:text", NOON),
        ("2026-10-11 22:14:15 host-1 su[7]: text", NOON),
        ("2026-10-12 00:14:15.000 +0200 host-1 su[7]: text", NOON),
        ("Sun Oct 11 22:14:15 host-1 su[7]: text", NOON),
        ("Sun Oct 11 22:14:15 2026 host-1 su[7]: text", NOON),
        ("1791756855 host-1 su[7]: text", NOON),
        ("<34>1791756855.000 host-1 su[7]: text", NOON),
        ("1791756855000 host-1 su[7]: text", NOON),
        ("[1791756855] host-1 su[7]: text", NOON),
        ("[2026-10-11T22:14:15Z] host-1 su[7]: text", NOON),
        ("<34>20261011T221415Z host-1 su[7]: text", NOON),
        ("<34>2026/10/11 22:14:15 host-1 su[7]: text", NOON),
        ("<34>11 Oct 2026 22:14:15 host-1 su[7]: text", NOON),
        ("<34>Oct 11 10:14:15 PM host-1 su[7]: text", NOON),
        ("<34>OCT 11 22:14:15 host-1 su[7]: text", NOON),
        ("<34>Oct 11 22:14:15 host-1 : su[7]: text", NOON),
        ("Oct 11 22:14:15 <auth.crit> host-1 su[7]: text", NOON),
        ("Oct 11 22:14:15 host-1 auth.crit su[7]: text", NOON),
        ("<34>1 2026-10-11 22:14:15Z host-1 su 7 - - text", NOON),
        ("<34>2026-10-11T22:14:15Z host-1 su 7 - - text", NOON),
        ('<34>2026-10-11T22:14:15Z host-1 su 7 ID47 [meta sequenceId="1"] text', NOON),
    ],
)
def test_a_variant_has_the_same_time_host_program_and_text(line: str, time: str) -> None:
    fields = header(line)

    assert fields is not None
    assert rfc3339(fields["@timestamp"]) == time
    assert (fields["host.name"], fields["process.name"], fields["process.pid"]) == ("host-1", "su", 7)
    assert fields["message"] == "text"


@pytest.mark.parametrize(
    ("line", "time", "host", "sequence"),
    [
        ("<189>57: *Mar  1 00:00:01.123: %SYS-5-CONFIG_I: x", "2026-03-01T00:00:01.123Z", None, 57),
        ("<189>57: sw-2: .Mar  1 18:46:11.555 UTC: %SYS-5-CONFIG_I: x", "2026-03-01T18:46:11.555Z", "sw-2", 57),
        ("<189>57: 000123: Mar  1 18:46:11: %SYS-5-CONFIG_I: x", "2026-03-01T18:46:11.000Z", None, 123),
        ("<187>: 2026 Mar  1 18:46:11.201 EDT: %SYS-5-CONFIG_I: x", "2026-03-01T22:46:11.201Z", None, None),
        ("<189>Oct 11 22:14:15 192.0.2.1 12: *Mar  1 00:00:01: %SYS-5-CONFIG_I: x", NOON, "192.0.2.1", 12),
        (
            "<189>Oct 11 22:14:15 192.0.2.1 12: Oct 11 22:14:14: %SYS-5-CONFIG_I: x",
            "2026-10-11T22:14:14.000Z",
            "192.0.2.1",
            12,
        ),
        ("<189>Oct 11 22:14:15 192.0.2.1: %SYS-5-CONFIG_I: x", NOON, "192.0.2.1", None),
        ("<189>Oct 11 22:14:15 192.0.2.1 : %SYS-5-CONFIG_I: x", NOON, "192.0.2.1", None),
        ("<189>:Oct 11 22:14:15 UTC: %SYS-5-CONFIG_I: x", NOON, None, None),
        ("<189>57: RP/0/RSP0/CPU0:Oct 11 22:14:15.000 UTC: %SYS-5-CONFIG_I: x", NOON, None, 57),
        ("Oct 11 22:14:15 192.0.2.1 : %SYS-5-CONFIG_I: x", NOON, "192.0.2.1", None),
    ],
)
def test_cisco_lines_keep_mnemonic_and_sequence_number(
    line: str, time: str, host: str | None, sequence: int | None
) -> None:
    fields = header(line)

    assert fields is not None
    assert (rfc3339(fields["@timestamp"]), fields.get("host.name"), fields.get("event.sequence")) == (
        time,
        host,
        sequence,
    )
    assert fields["message"].endswith("%SYS-5-CONFIG_I: x")
    assert "process.name" not in fields


@pytest.mark.parametrize(
    "line",
    [
        "nothing of the kind",
        "",
        "<999>no such priority",
        "Thu Oct 11 22:14:15 2026 a program's own log",
        "2026-10-11 22:14:15 203.0.113.66:51234 TLS Error: a VPN's own log",
        "2026-10-11 22:14:15.244 CEST [23922] LOG:  a database's own log",
        "2026-10-11 22:14:15 192.0.2.1 GET /index.html 8080",
        "2026-10-11T22:14:15.335060Z 0 [Warning] another database's own log",
        "2026-10-11 22:14:15,123 INFO main: a Java program's own log",
        "2026-10-11 22:14:15: [error] App: a web application's own log",
        "2026-10-11 22:14:15 library versions: OpenSSL",
        '192.0.2.1 - - [11/Oct/2026:22:14:15 +0000] "GET / HTTP/1.1" 200 45',
        '{"a": 1}',
        "1791756855.123    345 192.0.2.1 TCP_MISS/200 4096 GET http://shop.example/ - a proxy's own log",
        "Thu Oct 11 22:14:15 2026 : Auth: (12) Login OK: a RADIUS server's own log",
        "2026/10/11 22:14:15 [error] 812#812: a web server's own log",
        "[2026-10-11T22:14:15Z] a program's own log",
    ],
)
def test_a_line_without_a_header_is_left_to_others(line: str) -> None:
    assert header(line) is None


def test_with_the_format_named_any_line_is_an_event() -> None:
    assert syslog.FORMAT.parse is not None

    assert (
        syslog.FORMAT.parse(Frame(b"nothing of the kind\r\n", "test", received=RECEIVED))["message"]
        == "nothing of the kind"
    )
    named = syslog.FORMAT.parse(Frame(b"2026-10-11 22:14:15 fw-1 link is down", "test", received=RECEIVED))
    assert (rfc3339(named["@timestamp"]), named["host.name"], named["message"]) == (NOON, "fw-1", "link is down")


def test_a_selector_behind_the_time_is_a_priority() -> None:
    fields = header("Oct 11 22:14:15 host-1 local0.warn su: text")

    assert fields is not None
    assert (fields["log.syslog.priority"], fields["log.syslog.severity.name"]) == (132, "Warning")


def test_a_number_far_from_the_present_is_no_time() -> None:
    fields = header("<14>1234567890 called host-1")

    assert fields is not None
    assert "@timestamp" not in fields


@pytest.mark.parametrize(
    "line", ["2026-10-11 22:14:15 gateway sshd: text", "Sun Oct 11 22:14:15 2026 GATEWAY kernel: text"]
)
def test_a_program_that_everybody_knows_makes_a_header_certain(line: str) -> None:
    fields = header(line)

    assert fields is not None
    assert (fields["host.name"].lower(), fields["message"]) == ("gateway", "text")


def test_the_first_sender_is_the_host_and_the_relay_is_related() -> None:
    fields = header("<13>Oct 11 22:14:19 relay-1 <34>Oct 11 22:14:15 host-1 su: text")

    assert fields is not None
    assert fields["log.syslog.priority"] == 34
    assert fields["related.hosts"] == ["host-1", "relay-1"]


def test_a_header_without_a_host_names_the_sender() -> None:
    fields = header("<34>su: text", peer="::ffff:192.0.2.9")

    assert fields is not None
    assert (fields["host.name"], fields["host.ip"]) == ("192.0.2.9", ["192.0.2.9"])


def test_new_years_night_has_the_right_years() -> None:
    newyear = from_iso("2027-01-01T00:00:00Z") or 0

    before = header("<34>Dec 31 23:59:59 host-1 su: text", received=newyear + 5 * SECOND)
    after = header("<34>Jan  1 00:00:01 host-1 su: text", received=newyear - 5 * SECOND)

    assert before is not None and before["@timestamp"] == newyear - SECOND
    assert after is not None and after["@timestamp"] == newyear + SECOND


def test_a_time_more_than_a_day_ahead_is_last_years() -> None:
    fields = header("<34>Nov 24 16:00:01 host-1 su: text")

    assert fields is not None and rfc3339(fields["@timestamp"]) == "2025-11-24T16:00:01.000Z"


def test_a_time_without_zone_is_in_the_zone_of_its_source() -> None:
    summer = header("<34>Jul  1 12:00:00 host-1 su: text", zone=ZoneInfo("Europe/Berlin"))
    winter = header("<34>Jan  1 12:00:00 host-1 su: text", zone=ZoneInfo("Europe/Berlin"))
    own = header("<34>1 2026-07-01T12:00:00Z host-1 su - - - text", zone=ZoneInfo("Europe/Berlin"))

    assert summer is not None and rfc3339(summer["@timestamp"]) == "2026-07-01T10:00:00.000Z"
    assert winter is not None and rfc3339(winter["@timestamp"]) == "2026-01-01T11:00:00.000Z"
    assert own is not None and rfc3339(own["@timestamp"]) == "2026-07-01T12:00:00.000Z"


@given(
    st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2098, 1, 1)),
    st.integers(min_value=-23 * 60, max_value=300 * 24 * 60),
    st.integers(min_value=-14 * 60, max_value=14 * 60),
)
def test_the_inferred_year_is_the_senders_year(when: datetime, minutes_later: int, offset: int) -> None:
    zone = timezone(timedelta(minutes=offset))
    local = when.replace(microsecond=0, tzinfo=zone)
    sent = int(local.timestamp()) * SECOND
    if (local.month, local.day) == (2, 29):
        return  # a leap day is right too, but only among leap years

    fields = header(
        f"<34>{local:%b} {local.day:2d} {local:%H:%M:%S} host-1 su: text",
        received=sent + minutes_later * 60 * SECOND,
        zone=zone,
    )

    assert fields is not None and fields["@timestamp"] == sent


@pytest.mark.parametrize(
    "line",
    [
        "<38>Jan  2 03:04:05 gw-1 sshd[7]: Invalid user CEF:0|a|b|1|2|n|3|src=192.0.2.1",
        "<38>Jan  2 03:04:05 gw-1 app[7]: Invalid user CEF:0|a|b|1|2|n|3|src=192.0.2.1",
        "<38>Jan  2 03:04:05 gw-1 app: user LEEF:1.0|a|b|1|2|src=192.0.2.1",
        '192.0.2.9 - - [11/Oct/2026:22:14:15 +0000] "GET /x HTTP/1.1" 200 45 "-" " CEF:0|a|b|1|2|n|3|src=192.0.2.1"',
    ],
)
def test_words_that_somebody_writes_do_not_choose_the_format(line: str) -> None:
    (found,) = Parser(discover()).feed([Frame(line.encode(), "test", received=RECEIVED, sequence=1)])

    document = found.document()
    assert document.get("tieline.format") not in ("cef", "leef")
    assert document.get("source.ip") != "192.0.2.1"
    assert document.get("tieline.cef.name") is None


@pytest.mark.parametrize(
    "header_text",
    [
        "",
        "<134>",
        "<134>Jan  2 03:04:05 fw-1 ",
        "<134>1 2026-01-02T03:04:05Z fw-1 CEF - - - ",
        '<134>1 2026-01-02T03:04:05Z fw-1 app 7 - [meta sequenceId="1"] ',
        "Jan  2 03:04:05 fw-1: ",
        "87 <134>Jan  2 03:04:05 fw-1 ",
        "<13>Jan  2 03:04:05 relay-1 <134>Jan  2 03:04:05 fw-1 ",
        "2026-01-02 03:04:05 fw-1 ",
        "\ufeff",
        "fw-1 2026-01-02 03:04:05 INFO ",
    ],
)
@pytest.mark.parametrize(
    "record", ["CEF:0|a|b|1|2|n|3|src=192.0.2.1", "CEF: 0|a|b|1|2|n|3|src=192.0.2.1", "LEEF:1.0|a|b|1|2|src=192.0.2.1"]
)
def test_an_envelope_is_found_behind_any_header(header_text: str, record: str) -> None:
    (found,) = Parser(discover()).feed([Frame((header_text + record).encode(), "test", received=RECEIVED, sequence=1)])

    document = found.document()
    assert document.get("source.ip") == "192.0.2.1"
    assert document["tieline.format"] == record[:4].strip(":").lower()
    if "fw-1 " in header_text and not header_text.startswith("fw-1"):
        assert document["host.name"] == "fw-1"
    assert document.get("process.name") in (None, "app", "CEF")
