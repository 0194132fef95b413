"""Over what is recorded of each protocol: a host that does its usual work is quiet, and one that attacks is named.

What the samples hold is told apart by operation. A listed panel polls, identifies, opens sessions, sets its usual value; each
other operation comes once from another host beside that polling.
"""

import json
import struct
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "framing"))

import wire

from engine.catalogue import formats
from engine.config import Config
from engine.model.times import rfc3339
from engine.parsing.parser import Parser
from engine.replay import Outcome, read_parsed, replay_files

ROOT = Path(__file__).parents[2]
SAMPLES = sorted((ROOT / "tests" / "parsers").glob("*/*.pcap"))
PANEL, CONTROLLER, STRANGER = "10.99.0.10", "10.99.0.31", "10.99.0.66"
LOW, SECOND = 21, 1_000_000_000
NORMAL = {"read", "session", "identify", "diagnostic"}
SET = {"write", "command", "select"}
# A start is told as low, as it is the end of each planned work; what `config` is depends on the function.
OF_INTEREST = {
    "write", "command", "clock", "plc_stop", "mode_change", "restart", "force", "protect", "firmware",
    "program_download", "program_upload", "program_delete",
}  # fmt: skip
ASSETS = """
zones:
  cell: {networks: [10.99.0.0/24], level: 2}
assets:
  - {name: HMI-1, addresses: [10.99.0.10], role: hmi}
  - {name: PLC-1, addresses: [10.99.0.31], role: plc}
"""

Line = dict[str, Any]


@cache
def recorded(sample: Path) -> tuple[Line, ...]:
    """The requests of a sample, without what belongs to their own time and hosts."""
    kept = ("ot.", "event.outcome", "network.", "error.")
    found = []
    for batch in read_parsed(str(sample), Parser(formats(), correct_clocks=False), format=None, reference_time=None):
        for parsed in batch:
            document = json.loads(json.dumps(parsed.document(), default=str))
            if "ot.operation" in document and "source.ip" in document:
                found.append({name: value for name, value in document.items() if name.startswith(kept)})
    return tuple(found)


def at(second: float, line: Line, source: str) -> Line:
    ends = {"source.ip": source, "destination.ip": CONTROLLER}
    return {"@timestamp": rfc3339(wire.START + int(second * SECOND)), **line, **ends}


def usual_work(sample: Path) -> Iterator[Line]:
    """A quarter of an hour: connected once, polled every ten seconds, and a value set every two minutes."""
    lines = [line for line in recorded(sample) if "unexpected" not in str(line.get("ot.function"))]
    polled = [line for line in lines if line["ot.operation"] == "read"]
    polled = polled or [{"ot.protocol": lines[0]["ot.protocol"], "ot.operation": "read", "event.outcome": "success"}]
    setting = [line for line in lines if line["ot.operation"] in SET and line["event.outcome"] != "failure"][:2]
    for number, line in enumerate(line for line in lines if line["ot.operation"] in NORMAL - {"read"}):
        yield at(number / 10, line, PANEL)
    for second in range(10, 900, 10):
        for number, line in enumerate(polled):
            yield at(second + number / 10, line, PANEL)
        if second % 120 == 0:
            for number, line in enumerate(setting):
                yield at(second + 5 + number / 10, line, PANEL)


def alerts(folder: Path, lines: Iterable[Line], *, listed: bool = True) -> list[Line]:
    records = folder / "events.ndjson"
    ordered = sorted(lines, key=lambda line: str(line["@timestamp"]))
    records.write_text("".join(json.dumps(line) + "\n" for line in ordered), encoding="utf-8")
    return replayed(folder, records, listed=listed)


def replayed(folder: Path, records: Path, *, listed: bool) -> list[Line]:
    (folder / "assets.yml").write_text(ASSETS, encoding="utf-8")
    outcome = Outcome()
    replay_files(
        [str(records)],
        [ROOT / "rules"],
        Config(assets=str(folder / "assets.yml")) if listed else None,
        format=None,
        late=None,
        reference_time=wire.START + 86_400 * SECOND,
        matches=False,
        profile=False,
        outcome=outcome,
    )
    return [json.loads(line) for line in outcome.lines()]


def loud(found: Iterable[Line]) -> list[tuple[str, str]]:
    """(who, what) of the alerts above low."""
    return [(a.get("source.ip", ""), a["rule.name"]) for a in found if a["event.severity"] > LOW]


WITH_ADDRESSES = [sample for sample in SAMPLES if sample.parent.name != "dcp"]
ATTACKS = [
    pytest.param(sample, number, id=f"{sample.parent.name}-{sample.stem}-{line['ot.function']}-{number}")
    for sample in WITH_ADDRESSES
    for number, line in enumerate(recorded(sample))
    if line["ot.operation"] in OF_INTEREST
    and (line["ot.operation"] not in {*SET, "clock", "force"} or line["event.outcome"] != "failure")
    and line.get("ot.function") not in {"read_write_multiple_registers", "read_write", "time_synchronization"}
    and not (line["ot.operation"] == "mode_change" and str(line.get("ot.mode")).startswith("run"))
]


@pytest.mark.parametrize("sample", WITH_ADDRESSES, ids=lambda sample: f"{sample.parent.name}-{sample.stem}")
def test_a_listed_panel_at_its_usual_work_raises_nothing_above_low(sample: Path, tmp_path: Path) -> None:
    lines = list(usual_work(sample))

    found = alerts(tmp_path, lines)

    assert loud(found) == []


@pytest.mark.parametrize(("sample", "number"), ATTACKS)
def test_what_another_host_does_beside_the_panel_names_that_host_alone(
    sample: Path, number: int, tmp_path: Path
) -> None:
    deed = at(301, recorded(sample)[number], STRANGER)

    found = loud(alerts(tmp_path, [*usual_work(sample), deed]))

    assert {who for who, _ in found} == {STRANGER}


def test_one_attack_of_many_requests_is_one_alert_a_rule(tmp_path: Path) -> None:
    deeds = [
        {"ot.protocol": "dnp3", "ot.operation": operation, "ot.function": function, "event.outcome": "failure"}
        for operation, function in (("plc_stop", "stop_application"), ("restart", "cold_restart"))
    ]

    found = loud(alerts(tmp_path, [at(n / 2, deeds[n % 2], STRANGER) for n in range(200)], listed=False))

    assert len(found) == len(set(found)) >= 2


def modbus(number: int, function: int, rest: bytes) -> bytes:
    return struct.pack(">HHHBB", number, 0, 2 + len(rest), 1, function) + rest


def conversation(line: wire.Line, exchanges: Iterable[tuple[float, bytes, bytes]]) -> list[tuple[int, bytes]]:
    line.open()
    for second, request, response in exchanges:
        line.time = wire.START + int(second * SECOND)
        line.asks(request).answers(response)
    return line.close().packets


def polling(seconds: range) -> list[tuple[float, bytes, bytes]]:
    """Two registers every ten seconds, and a set point every minute."""
    exchanges: list[tuple[float, bytes, bytes]] = []
    for n, second in enumerate(seconds):
        read = modbus(2 * n, 3, struct.pack(">HH", 100, 2)), modbus(2 * n, 3, b"\x04\x00\x10\x00\x20")
        exchanges.append((second, *read))
        if second % 60 == 0:
            point = modbus(2 * n + 1, 6, struct.pack(">HH", 200, 450))
            exchanges.append((second + 1, point, point))
    return exchanges


def between(packets: list[tuple[int, bytes]], client: str) -> list[tuple[int, bytes]]:
    """The same packets between other hosts."""
    swap = {wire.CLIENT: bytes(map(int, client.split("."))), wire.SERVER: bytes(map(int, CONTROLLER.split(".")))}
    return [(time, data[:26] + swap[data[26:30]] + swap[data[30:34]] + data[34:]) for time, data in packets]


@pytest.mark.parametrize("listed", [True, False])
def test_on_the_wire_a_master_that_polls_and_sets_its_value_is_quiet(listed: bool, tmp_path: Path) -> None:
    packets = between(conversation(wire.Line(), polling(range(10, 900, 10))), PANEL)
    (tmp_path / "cell.pcap").write_bytes(wire.pcap(packets))

    found = replayed(tmp_path, tmp_path / "cell.pcap", listed=listed)

    assert loud(found) == []


DEEDS = {
    "one coil from the side": [modbus(1, 5, b"\x00\x07\xff\x00")],
    "listen only": [modbus(1, 8, b"\x00\x04\x00\x00")],
    "restart of the communication": [modbus(1, 8, b"\x00\x01\x00\x00")],
    "five addresses": [modbus(n, 3, struct.pack(">HH", 9000 + n, 1)) for n in range(5)],
    "four functions": [modbus(n, 0x41 + n, b"\x00") for n in range(4)],
    "another protocol": [b"GET / HTTP/1.1\r\nHost: plc\r\n\r\n"],
}


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("deed", DEEDS)
def test_on_the_wire_the_second_client_is_named_and_the_first_is_not(deed: str, listed: bool, tmp_path: Path) -> None:
    refusal = {"five addresses": b"\x02", "four functions": b"\x01"}.get(deed)
    exchanges = []
    for n, request in enumerate(DEEDS[deed]):
        answer = request if refusal is None else modbus(n, request[7] | 0x80, refusal)
        exchanges.append((305 + n, request, answer if request[:3] != b"GET" else b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    packets = [
        *between(conversation(wire.Line(), polling(range(10, 900, 10))), PANEL),
        *between(
            conversation(wire.Line(client_port=40_002, isn=7_000, start=wire.START + 300 * SECOND), exchanges), STRANGER
        ),
    ]
    (tmp_path / "cell.pcap").write_bytes(wire.pcap(sorted(packets)))

    found = loud(replayed(tmp_path, tmp_path / "cell.pcap", listed=listed))

    assert {who for who, _ in found} == {STRANGER}


def test_below_ip_a_device_that_is_renamed_is_told_by_its_hardware_address(tmp_path: Path) -> None:
    (sample,) = (sample for sample in SAMPLES if sample.parent.name == "dcp")

    found = replayed(tmp_path, sample, listed=False)

    told = [alert for alert in found if alert["event.severity"] > LOW]
    assert {alert["source.mac"] for alert in told} == {"00-00-5E-00-53-0A"}
    assert len(told) == 3
