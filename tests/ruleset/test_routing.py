"""From the record to the rule that was written for it, by the log source that the record itself tells."""

import json
import tarfile
from pathlib import Path

from engine.app import formats
from engine.detect import Detector
from engine.model import Event, Frame
from engine.parsing.parser import Parser
from engine.ruleset.load import load


def test_every_regression_record_of_sigmahq_reaches_its_rule_by_its_channel(outside: Path, tmp_path: Path) -> None:
    """The records are EVTX as JSON, names with blanks among them; nothing says what rule they are for."""
    with tarfile.open(outside / "sigma" / "sigmahq-rules.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    lines = (outside / "sigma" / "sigmahq_regression.jsonl").read_text("utf-8").splitlines()
    cases = [json.loads(line) for line in lines]
    paths = {path.name: path for path in tmp_path.rglob("*.yml")}

    missed = []
    for case in cases:
        rules = [
            rule for rule in load([paths[Path(case["rule_path"]).name]]).detections if rule.head.id == case["rule_id"]
        ]
        frames = [Frame(json.dumps(one).encode(), "evtx", sequence=at) for at, one in enumerate(case["events"])]
        events = [one for one in Parser(formats()).feed(frames) if isinstance(one, Event)]
        detector = Detector(rules)
        if sum(bool(detector.detect(event)) for event in events) < (case["match_count"] or 1):
            missed.append((case["rule_path"], [event.logsource for event in events]))

    assert missed == []
    assert len(cases) > 90
