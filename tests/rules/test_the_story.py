"""The story that Tieline exists for, told by other programs, people, addresses and times than the demo's."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.config import Config
from engine.model.times import from_iso
from engine.replay import Outcome, replay_files

ROOT = Path(__file__).parents[2]
RECORDS = ROOT / "engine" / "demo" / "records"
CRITICAL = 99

PEOPLE = ("olga", "pavel", "quentin", "rosa", "svein", "tamar")
WORKSTATION, JUMP_HOST, ATTACKER = "172.20.1.9", "172.16.5.7", "198.51.100.77"

SPRAY = [
    f"Mar  3 02:1{n}:07 bastion sshd[{4000 + n}]: Failed password for {name} from {ATTACKER} port {50000 + n} ssh2"
    for n, name in enumerate(PEOPLE)
]
SUCCESS = [f"Mar  3 02:17:30 bastion sshd[4100]: Accepted password for viktor from {ATTACKER} port 50123 ssh2"]


def windows(time: str, host: str, user: str, kind: int, source: str, **more: Any) -> str:
    data = {"TargetUserName": user, "TargetDomainName": "PLANT", "LogonType": kind, "IpAddress": source, "IpPort": "0"}
    return json.dumps(
        {"EventID": 4624, "Channel": "Security", "Computer": host, "TimeCreated": f"2026-03-03T{time}Z", **data, **more}
    )


def ot(time: str, operation: str, source: str, **more: Any) -> str:
    inner = {"protocol": "enip", "operation": operation, **more}
    ends = {"source": {"ip": source}, "destination": {"ip": "172.20.1.50"}}
    return json.dumps({"@timestamp": f"2026-03-03T{time}Z", "ot": inner, "event": {"outcome": "success"}, **ends})


REMOTE_DESKTOP = [windows("02:20:01.1234567", "JMP07.plant.example", "VIKTOR", 10, "172.16.9.4")]
SESSION = [
    windows("02:31:00.5", "ENG-22.plant.example", "viktor", 3, JUMP_HOST),
    windows("02:31:01.5", "ENG-22.plant.example", "viktor", 10, JUMP_HOST),
]
SWITCH = [ot("02:40:00.000000123", "mode_change", WORKSTATION, mode="PROGRAM")]
WRITE = [ot("02:41:00", "write", WORKSTATION, address=7, address_space="holding_register", value=[12, 9999])]
STORY = {
    "spray": SPRAY,
    "success": SUCCESS,
    "remote desktop": REMOTE_DESKTOP,
    "session": SESSION,
    "switch": SWITCH,
    "write": WRITE,
}
ASSETS = f"""
zones:
  cell_7: {{networks: [172.20.1.0/24], level: 2}}
assets:
  - {{name: ENG-22, addresses: [{WORKSTATION}], role: engineering_workstation, zone: cell_7}}
  - {{name: JMP07, addresses: [{JUMP_HOST}], role: jump_host}}
"""


def alerts(folder: Path, story: dict[str, list[str]], assets: str | None = ASSETS) -> list[dict[str, Any]]:
    files = []
    for number, (name, lines) in enumerate(story.items()):
        file = folder / f"{number}-{name}.log"
        file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        files.append(str(file))
    config = None
    if assets is not None:
        (folder / "assets.yml").write_text(assets, encoding="utf-8")
        config = Config(assets=str(folder / "assets.yml"))
    return replayed(files, config, "2026-03-04T00:00:00Z")


def replayed(files: list[str], config: Config | None, reference: str) -> list[dict[str, Any]]:
    outcome = Outcome()
    replay_files(
        files,
        [ROOT / "rules"],
        config,
        format=None,
        late=None,
        reference_time=from_iso(reference),
        matches=False,
        profile=False,
        outcome=outcome,
    )
    return [json.loads(line) for line in outcome.lines()]


def critical(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [alert for alert in found if alert["event.severity"] == CRITICAL]


def test_the_whole_story_is_one_critical_alert_with_its_steps_in_order(tmp_path: Path) -> None:
    found = alerts(tmp_path, STORY)

    [alert] = critical(found)
    assert alert["tieline.correlation.group"] == {"workstation": WORKSTATION}
    assert [step["rule"] for step in alert["tieline.events"]] == [
        "guessed_account_on_engineering_workstation",
        "plc_mode_changed",
        "register_beyond_its_range",
    ]
    assert {"viktor", ATTACKER, WORKSTATION} <= {*alert["related.user"], *alert["related.ip"]}


@pytest.mark.parametrize("missing", STORY)
def test_without_one_of_its_steps_nothing_is_critical(tmp_path: Path, missing: str) -> None:
    found = alerts(tmp_path, {name: lines for name, lines in STORY.items() if name != missing})

    assert critical(found) == []


@pytest.mark.parametrize(
    ("step", "instead"),
    [
        ("spray", SPRAY[:4]),
        ("success", [SUCCESS[0].replace(ATTACKER, "198.51.100.78")]),
        ("success", [SUCCESS[0].replace("viktor", "wanda")]),
        ("success", [SUCCESS[0].replace("02:17:30", "02:09:30")]),
        ("remote desktop", [REMOTE_DESKTOP[0].replace("VIKTOR", "wanda")]),
        ("session", [line.replace("viktor", "wanda") for line in SESSION]),
        ("session", [line.replace("T02:31", "T02:51") for line in SESSION]),
        ("switch", [ot("02:40:00", "mode_change", "172.20.1.10", mode="PROGRAM")]),
        ("switch", [ot("02:40:00", "mode_change", WORKSTATION, mode="RUN")]),
        ("write", [ot("02:41:00", "write", WORKSTATION, address=7, value=[12, 999])]),
        ("write", [ot("02:41:00", "write", "172.20.1.10", address=7, value=9999)]),
        ("write", [ot("02:39:00", "write", WORKSTATION, address=7, value=9999)]),
    ],
)
def test_a_story_that_only_just_does_not_hang_together_is_not_critical(
    tmp_path: Path, step: str, instead: list[str]
) -> None:
    found = alerts(tmp_path, {**STORY, step: instead})

    assert critical(found) == []


def seen(time: str, source: str, destination: str, **more: Any) -> str:
    said = {"category": ["authentication"], "type": ["start"], "outcome": "success"}
    ends = {"source": {"ip": source}, "destination": {"ip": destination}, "network": {"protocol": "rdp"}}
    return json.dumps({"@timestamp": f"2026-03-03T{time}Z", "event": said, "user": {"name": "viktor"}, **ends, **more})


@pytest.mark.parametrize("more", [{}, {"host": {"name": "broker-1", "ip": ["172.16.5.8"]}}])
def test_a_session_that_another_host_saw_leads_to_the_same_story(tmp_path: Path, more: dict[str, Any]) -> None:
    desktop = [seen("02:20:01", "172.16.9.4", JUMP_HOST, **more)]
    session = [seen("02:31:01", JUMP_HOST, WORKSTATION, **more)]

    found = alerts(tmp_path, {**STORY, "remote desktop": desktop, "session": session})

    [alert] = critical(found)
    assert alert["tieline.correlation.group"] == {"workstation": WORKSTATION}


@pytest.mark.parametrize("code", [21, 25])
def test_a_remote_desktop_that_is_taken_up_again_is_one_as_well(tmp_path: Path, code: int) -> None:
    provider = "Microsoft-Windows-TerminalServices-LocalSessionManager"
    desktop = {
        "EventID": code,
        "Channel": f"{provider}/Operational",
        "Provider_Name": provider,
        "Computer": "JMP07",
        "TimeCreated": "2026-03-03T02:20:01Z",
        "User": "PLANT\\viktor",
        "Address": "172.16.9.4",
    }

    found = alerts(tmp_path, {**STORY, "remote desktop": [json.dumps(desktop)]})

    assert len(critical(found)) == 1


@pytest.mark.parametrize("spelling", ["PLANT\\viktor", "viktor@plant.example"])
def test_the_user_is_the_same_with_the_domain_in_front_or_behind(tmp_path: Path, spelling: str) -> None:
    success = [SUCCESS[0].replace("viktor", spelling)]
    desktop = [windows("02:20:01.1234567", "JMP07.plant.example", spelling, 10, "172.16.9.4")]

    found = alerts(tmp_path, {**STORY, "success": success, "remote desktop": desktop})

    assert len(critical(found)) == 1


def test_without_an_asset_list_the_host_addresses_in_the_logs_join_the_story(tmp_path: Path) -> None:
    session = [windows("02:31:01.5", "ENG-22", "viktor", 10, JUMP_HOST, **{"host.ip": [WORKSTATION, "fe80::9"]})]

    found = alerts(tmp_path, {**STORY, "session": session}, assets=None)

    [alert] = critical(found)
    assert alert["tieline.correlation.group"] == {"workstation": WORKSTATION}


def test_without_assets_and_addresses_the_story_is_joined_by_time_and_less_than_critical(tmp_path: Path) -> None:
    found = alerts(tmp_path, STORY, assets=None)

    assert critical(found) == []
    assert "controller_taken_over_while_guessed_account_is_in" in {alert["rule.id"] for alert in found}


def test_the_records_of_the_demo_hold_the_story_once_and_the_innocent_stay_out_of_it() -> None:
    files = [str(file) for file in sorted(RECORDS.glob("*.log"))] + [
        str(file) for file in sorted(RECORDS.glob("*.pcap"))
    ]

    found = replayed(files, Config(assets=str(RECORDS.parent / "assets.yml")), "2026-11-22T17:00:00Z")

    [alert] = critical(found)
    assert alert["tieline.correlation.group"] == {"workstation": "10.99.0.20"}
    assert "m.keller" in alert["related.user"]
    assert alert["tieline.consequence"].startswith("Reactor R-101 is heated past its limit")
    named = {name for alert in found if alert["event.severity"] >= 73 for name in alert.get("related.user", ())}
    assert named.isdisjoint({"d.fischer", "a.weber", "p.neumann", "s.krause"})
