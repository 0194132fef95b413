"""What a source with several files reads keeps the name of its file."""

import json
import threading
import time
from pathlib import Path
from typing import Any

from engine.config import Config, Metrics, Privacy, State, Time
from engine.config.sinks import NdjsonSink
from engine.config.sources import FileSource
from engine.service import Service

RULES = """
title: Logon failed
id: 11111111-0000-4000-8000-000000000001
logsource: {product: lab}
detection: {failed: {event.outcome: failure}, condition: failed}
level: low
"""


def letters(path: Path, count: int) -> list[dict[str, Any]]:
    """The dead letters, once there are so many; after ten seconds those there are."""
    lines: list[str] = []
    for _ in range(100):
        lines = path.read_text().splitlines() if path.exists() else []
        if len(lines) >= count:
            break
        time.sleep(0.1)
    return [json.loads(line) for line in lines]


def test_what_waits_at_the_end_of_each_of_several_files_is_given_out_under_the_name_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULES)
    logs = [tmp_path / f"{name}.log" for name in "abcd"]
    for log in logs:
        log.write_text(f"{log.name} ERROR failed\n")  # a stack trace may follow
    dead = tmp_path / "dead.ndjson"
    service = Service(
        Config(
            sources=[FileSource(name="lab", paths=[str(tmp_path / "?.log")])],
            rules=[str(tmp_path / "rules.yml")],
            sinks=[NdjsonSink(name="out", path=str(tmp_path / "alerts.ndjson"))],
            state=State(path=str(tmp_path / "state.sqlite"), every="200ms"),
            time=Time(lateness="1s", idle_after="300ms"),
            metrics=Metrics(listen=None),
            privacy=Privacy(dead_letters=str(dead)),
        )
    )

    running = threading.Thread(target=service.run)
    running.start()
    try:
        found = letters(dead, len(logs))
    finally:
        service.stop()
        running.join(30)

    told = {letter["event.original"]: letter["tieline.origin"].partition("#")[0] for letter in found}
    assert told == {f"{log.name} ERROR failed": f"lab:{log}" for log in logs}
