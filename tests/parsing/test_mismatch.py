"""Another protocol on a port of the plant is an event of its own."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "framing"))

import wire

from engine.model import Event
from engine.parsing.formats import discover
from engine.parsing.parser import Parser

FORMATS = discover()
S7_CONNECT = bytes.fromhex("0300001611e00000000100c0010ac1020100c2020102")


@pytest.mark.parametrize(
    ("port", "said", "home", "spoken"),
    [
        (502, b"SSH-2.0-Example\r\n", "modbus", None),
        (502, S7_CONNECT, "modbus", "s7comm"),
        (102, b"GET / HTTP/1.1\r\n\r\n", "s7comm", None),
    ],
)
def test_it_says_whose_port_it_is_and_what_is_spoken(port: int, said: bytes, home: str, spoken: str | None) -> None:
    line = wire.Line(port).open().asks(said)
    parser = Parser(FORMATS)
    frames, _ = wire.read(wire.pcap(line.packets), list(FORMATS.values()))

    events = [event for event in parser.feed(frames) + parser.expire("mirror", None) if isinstance(event, Event)]

    told = [event for event in events if event.fields["ot.function"] == "unexpected_protocol"]
    assert len(told) == 1
    fields = told[0].fields
    assert (fields["ot.protocol"], fields.get("network.protocol"), fields["ot.operation"]) == (
        home,
        spoken,
        "diagnostic",
    )
    assert (fields["source.ip"], fields["destination.port"]) == ("192.0.2.10", port)
    assert told[0].logsource.category == "ot_protocol"


def test_the_protocol_of_the_port_is_nothing_to_tell() -> None:
    line = wire.Line(502).open().asks(bytes.fromhex("000100000006010300640002"))
    parser = Parser(FORMATS)
    frames, _ = wire.read(wire.pcap(line.packets), list(FORMATS.values()))

    events = parser.feed(frames) + parser.expire("mirror", None)

    assert [event.fields["ot.function"] for event in events if isinstance(event, Event)] == ["read_holding_registers"]
