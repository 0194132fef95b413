"""The main job on bundled real records: embedded, no server."""

import time
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from engine.app import REPLAY_LATENESS, enrichment, lateness, pipeline, usable_rules
from engine.config import Config
from engine.model.times import from_iso
from engine.replay import Outcome, replay
from engine.report import alert_table, on_terminal

_HERE = Path(__file__).parent
_RECORDS = _HERE / "records"
_INTERESTING = 47  # medium
_ROW_EVENTS = 3


def show(console: Console) -> None:
    """Reads the records of ``records/README.md`` with the shipped rules, and tells what they found."""
    began = time.perf_counter()
    files = [str(path) for path in sorted(_RECORDS.iterdir()) if path.suffix in (".log", ".pcap")]
    console.print("[bold]Tieline[/] reads what a plant's office and its control network logged and said on the wire:")
    for name in files:
        console.print(f"  {Path(name).name:16} {_lines(Path(name))}")
    outcome = Outcome()
    config = Config(assets=str(_HERE / "assets.yml"))
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        loading = progress.add_task("rules", total=None)
        enriched = enrichment(config)
        ruleset = usable_rules([], config, enriched)
        stages = pipeline(ruleset, config, enriched, lateness_ns=lateness(None, None, REPLAY_LATENESS))
        progress.update(loading, description="records", total=sum(Path(name).stat().st_size for name in files))
        summary, parser = replay(
            files,
            stages,
            reference_time=_recorded_ns(),
            outcome=outcome,
            on_bytes=lambda count: progress.advance(loading, count),
        )
    documents = [orjson.loads(line) for line in outcome.lines()]
    shown = [document for document in documents if document["event.severity"] >= _INTERESTING]
    console.print()
    console.print(alert_table(shown, f"{len(shown)} alerts (of {len(documents)}, the rest is informational or low)"))
    story = _story(documents)
    if story is not None:
        console.print()
        console.print(Panel(_told(story), title="[bold]The story", title_align="left", expand=False))
        titles = {rule.head.label: rule.head.title for rule in ruleset.detections}
        titles |= {rule.head.label: rule.head.title for rule in ruleset.correlations}
        console.print(_steps(story, documents, titles))
        _meaning(console, story)
    console.print()
    console.print(summary.text(stages, parser, len(documents)), style="dim")
    console.print(f"{time.perf_counter() - began:.1f} s in all, with {len(ruleset.detections)} detections and "
                  f"{len(ruleset.correlations)} correlations. Nothing was sent anywhere.", style="dim")  # fmt: skip
    console.print("Next: [bold]tieline replay --rules rules FILE…[/] on your own logs and captures.")


def _recorded_ns() -> int | None:
    """When the records were made: the log of jump-1 leaves the year out, the one of vpn-gw does not."""
    with (_RECORDS / "vpn-gw.log").open(encoding="utf-8") as lines:
        return from_iso(lines.readline().split()[1])


def _lines(path: Path) -> str:
    data = path.read_bytes()
    if path.suffix == ".pcap":
        return f"{len(data) // 1024 + 1:4} KiB captured at the mirror port of cell A (Modbus/TCP, S7comm)"
    return f"{data.count(10):4} lines"


def _story(documents: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The gravest alert that ties the most events together; of equals the last."""
    correlated = [document for document in documents if "tieline.correlation.type" in document]
    if not correlated:
        return None
    return max(correlated, key=lambda d: (d["event.severity"], len(list(_evidence(d, documents))), d["@timestamp"]))


def _evidence(document: Mapping[str, Any], documents: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The events behind an alert, those behind the alerts that it stands on first."""
    by_id = {other["event.id"]: other for other in documents if "tieline.correlation.type" in other}
    for event in document.get("tieline.events", []):
        inner = by_id.get(event["id"])
        if inner is None or inner is document:
            yield event
        else:
            yield from _evidence(inner, documents)


def _told(story: Mapping[str, Any]) -> Text:
    return Text(on_terminal(story.get("event.reason") or story["message"]))


def _steps(story: Mapping[str, Any], documents: list[dict[str, Any]], titles: Mapping[str, str]) -> Table:
    """One row a step: events of the same rule that follow each other are one."""
    table = Table(title="Step by step, with the evidence", title_justify="left", pad_edge=False)
    for name in ("", "time (UTC)", "what the rule saw", "evidence"):
        table.add_column(name, overflow="fold")
    unique = {event["id"]: event for event in _evidence(story, documents)}
    events = sorted(unique.values(), key=lambda event: str(event["time"]))
    for number, (rule, run) in enumerate(groupby(events, key=lambda event: str(event["rule"])), 1):
        same = list(run)
        shown = same if len(same) <= _ROW_EVENTS else [same[0], same[-1]]
        lines = [on_terminal(event["summary"]) for event in shown]
        if len(same) > len(shown):
            lines.insert(1, f"… {len(same) - len(shown)} more like it")
        when = dict.fromkeys(str(event["time"])[11:23] for event in (same[0], same[-1]))
        table.add_row(str(number), "\n".join(when), Text(on_terminal(titles.get(rule, rule))), Text("\n".join(lines)))
    return table


def _meaning(console: Console, story: Mapping[str, Any]) -> None:
    consequence = story.get("tieline.consequence")
    if consequence:
        words = consequence if isinstance(consequence, list) else [consequence]
        console.print("[bold]What it means for the plant[/]")
        for word in words:
            console.print(Text(f"  {on_terminal(word)}"))
    techniques = story.get("threat.technique.id")
    if techniques:
        names = story.get("threat.technique.name", [])
        pairs = zip(_listed(techniques), _listed(names), strict=False)
        console.print("[bold]ATT&CK[/] " + ", ".join(f"{key} {name}" for key, name in pairs))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
