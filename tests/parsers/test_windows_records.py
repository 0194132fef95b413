"""Windows events in the shapes that a sample of one line cannot show, and what a hostile one may not do."""

import json
from typing import Any

from engine.framing.framing import Framing
from engine.model import Chunk, DeadLetter, Frame
from engine.model.times import from_iso
from engine.parsing.formats import discover
from engine.parsing.parser import Parser

FORMATS = discover()
RECEIVED = from_iso("2026-02-01T00:00:00Z") or 0
SYSTEM = (
    "<System><Provider Name='Microsoft-Windows-Security-Auditing'/><EventID>{code}</EventID><Version>0</Version>"
    "<Level>0</Level><Task>0</Task><Opcode>0</Opcode><Keywords>0x8020000000000000</Keywords>"
    "<TimeCreated SystemTime='2026-01-02T03:04:05.1234567Z'/><EventRecordID>7</EventRecordID><Correlation/>"
    "<Execution ProcessID='656' ThreadID='88'/><Channel>Security</Channel><Computer>ews-1</Computer><Security/></System>"
)
NAMESPACE = "http://schemas.microsoft.com/win/2004/08/events/event"


def documents(text: str, name: str | None = None) -> list[dict[str, Any]]:
    framing = Framing(FORMATS, format=name)
    frames = framing.feed(Chunk(text.encode(), "test", received=RECEIVED, end=True)) + framing.finish("test")
    return [parsed.document() for parsed in Parser(FORMATS).feed(frames)]


def document(text: str, name: str | None = None) -> dict[str, Any]:
    return Parser(FORMATS).feed([Frame(text.encode(), "test", received=RECEIVED, format=name)])[0].document()


def event(data: str, code: int = 4624) -> str:
    return f"<Event xmlns='{NAMESPACE}'>{SYSTEM.format(code=code)}{data}</Event>"


def test_an_event_of_many_lines_is_one_record_with_and_without_its_number() -> None:
    pretty = event("<EventData>\n<Data Name='TargetUserName'>m.keller</Data>\n</EventData>\n").replace("><", ">\n<")

    numbered = documents("".join(f'Record {n}\n<?xml version="1.0"?>\n{pretty}\n' for n in (1, 2)))
    plain = documents(f"{pretty}\n{pretty}\n", "microsoft_windows_xml")

    for found in (numbered, plain):
        assert [one.get("user.name") for one in found] == ["m.keller", "m.keller"]
        assert {one["@timestamp"] for one in found} == {"2026-01-02T03:04:05.123456700Z"}


def test_evtx_dump_may_write_json_behind_the_number() -> None:
    nested = {"Event": {"System": {"EventID": 4634, "Channel": "Security", "Computer": "ews-1"},
                        "EventData": {"TargetUserName": "m.keller"}}}  # fmt: skip
    text = "".join(f"Record {n}\n{json.dumps(nested, indent=2)}\n" for n in (1, 2))

    found = documents(text)

    assert [(one["event.code"], one["user.name"]) for one in found] == [("4634", "m.keller")] * 2


def test_a_document_type_is_refused() -> None:
    bomb = '<!DOCTYPE Event [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>' + event(
        "<EventData><Data>&b;</Data></EventData>"
    )

    found = Parser(FORMATS).feed([Frame(bomb.encode(), "test", received=RECEIVED, format="microsoft_windows_xml")])[0]

    assert isinstance(found, DeadLetter) and "document type" in found.reason


def test_several_events_in_one_line_are_not_taken_for_one() -> None:
    two = event("<EventData/>") + event("<EventData/>")

    found = Parser(FORMATS).feed([Frame(two.encode(), "test", received=RECEIVED)])[0]

    assert isinstance(found, DeadLetter) and "several events" in found.reason


def test_what_a_record_calls_its_values_never_is_a_field_of_ours() -> None:
    names = ("@timestamp", "event.kind", "tieline.format", "related.user", "source.ip")
    data = "".join(f"<Data Name='{name}'>forged</Data>" for name in names)

    found = document(event(f"<EventData>{data}</EventData>"))

    assert "forged" not in {str(found.get(name)) for name in names}
    assert found["@timestamp"] == "2026-01-02T03:04:05.123456700Z"


def test_an_entity_that_is_none_of_xml_stays_as_it_is() -> None:
    found = document(event("<EventData><Data Name='TargetUserName'>a&#x20;b&amp;c&d;&#xD800;</Data></EventData>"))

    assert found["user.name"] == "a b&c&d;&#xD800;"


def test_a_user_name_that_looks_like_a_label_is_a_user_name() -> None:
    lines = "Account For Which Logon Failed:", "\tAccount Name:\t\tx Source Network Address: 192.0.2.66", ""
    lines += "Network Information:", "\tSource Network Address:\t10.8.0.6", ""
    text = "\n".join(("An account failed to log on.", "", *lines))
    splunk = f"01/02/2026 03:04:05 AM\nLogName=Security\nSourceName=x\nEventCode=4625\nMessage={text}"

    found = document(splunk)

    assert found["source.ip"] == "10.8.0.6"
    assert found["user.name"] == "x Source Network Address: 192.0.2.66"


def test_the_senders_own_ecs_stays_and_what_it_lacks_is_added() -> None:
    sent = {"event": {"code": 4624, "action": "Logon"}, "user": {"name": "own"}, "related": {"user": "own"},
            "winlog": {"channel": "Security", "event_id": 4624, "computer_name": "ews-1",
                       "event_data": {"TargetUserName": "m.keller", "IpAddress": "10.8.0.6"}}}  # fmt: skip

    found = document(json.dumps(sent))

    assert (found["user.name"], found["event.action"], found["event.code"]) == ("own", "Logon", "4624")
    assert found["source.ip"] == "10.8.0.6" and found["related.user"] == ["own", "m.keller"]


def test_the_same_layout_with_another_event_id_is_read_by_its_own_table() -> None:
    names = {"Channel": "Security", "Computer": "ews-1", "SubjectUserName": "a", "TargetUserName": "b"}

    logon, change = (document(json.dumps({"EventID": code, **names})) for code in (4624, 4724))

    assert (logon["user.name"], change["user.name"], change["user.target.name"]) == ("b", "a", "b")


def test_a_value_that_is_none_does_not_hide_the_one_that_stands_for_it() -> None:
    sent = {"winlog": {"channel": "Security", "event_id": None}, "event": {"code": "4624"}, "Hostname": "ews-1"}

    assert document(json.dumps(sent))["event.code"] == "4624"
