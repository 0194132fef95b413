"""What comes late to an alert that has closed is told by the service as well."""

import json
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.config import Config, Metrics, Privacy, State, Time
from engine.config.sinks import NdjsonSink
from engine.config.sources import FileSource
from engine.model.times import rfc3339
from engine.service import Service

RULES = """
title: Logon failed
id: 11111111-0000-4000-8000-000000000001
name: failed
logsource: {product: lab}
detection: {failed: {event.outcome: failure}, condition: failed}
level: low
---
title: Three failures
id: 11111111-0000-4000-8000-000000000002
correlation: {type: event_count, rules: [failed], group-by: [user.name], timespan: 1m, condition: {gte: 3}}
level: medium
"""


def written(path: Path, now: int, ages: Sequence[int]) -> None:
    with path.open("a") as log:
        for age in ages:
            record = {"@timestamp": rfc3339(now - age * 10**9), "event.outcome": "failure", "user.name": "ann"}
            log.write(json.dumps({**record, "ls_product": "lab"}) + "\n")


def told(path: Path, count: int) -> list[dict[str, Any]]:
    """The alerts, once there are so many; after ten seconds those there are."""
    lines: list[str] = []
    for _ in range(100):
        lines = path.read_text().splitlines() if path.exists() else []
        if len(lines) >= count:
            break
        time.sleep(0.1)
    return [json.loads(line) for line in lines]


def test_a_late_match_is_a_revision_of_the_closed_alert_that_is_sent(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULES)
    log, alerts, now = tmp_path / "lab.ndjson", tmp_path / "alerts.ndjson", time.time_ns()
    written(log, now, [80, 79, 78])
    service = Service(
        Config(
            sources=[FileSource(name="lab", paths=[str(log)], format="json")],
            rules=[str(tmp_path / "rules.yml")],
            sinks=[NdjsonSink(name="out", path=str(alerts))],
            state=State(path=str(tmp_path / "state.sqlite")),
            time=Time(lateness="1s", idle_after="300ms"),
            metrics=Metrics(listen=None),
            privacy=Privacy(dead_letters=str(tmp_path / "dead.ndjson")),
        )
    )

    running = threading.Thread(target=service.run)
    running.start()
    try:
        opened = told(alerts, 1)  # the clock has gone on to that of the wall: it is closed by now
        written(log, now, [70])
        revised = told(alerts, 2)
    finally:
        service.stop()
        running.join(30)

    assert [alert["tieline.correlation.revision"] for alert in opened] == [0]
    assert [(one["tieline.correlation.revision"], one["tieline.correlation.late"]) for one in revised] == [
        (0, False),
        (1, True),
    ]
    assert revised[0]["event.id"] == revised[1]["event.id"]
    assert revised[1]["tieline.correlation.closed_by"] == "timespan"
    assert revised[1]["tieline.events_total"] == 4
