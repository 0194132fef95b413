"""Rules whose fields no event of their log source has."""

import gzip
import json
from pathlib import Path

import pytest

from engine.model import LogSource
from engine.model.fields import carried
from engine.ruleset.coverage import coverage
from engine.ruleset.load import load


@pytest.mark.parametrize(
    ("logsource", "searches", "condition", "fields", "silent"),
    [
        ("{product: windows, category: file_event}", "a: {CommandLine: x}", "a", ("CommandLine",), True),
        ("{product: windows, category: file_event}", "a: {TargetFilename: x}", "a", None, False),
        ("{product: windows, category: file_event}", "a: {CommandLine: x}, b: {Image: y}", "a or b", ("CommandLine",), False),
        ("{product: windows, category: file_event}", "a: {CommandLine: x}, b: {Image: y}", "a and b", ("CommandLine",), True),
        ("{product: windows, category: file_event}", "a: {CommandLine: x}, b: {Image: y}", "b and not a", ("CommandLine",), False),
        ("{product: windows, category: file_event}", "a: {CommandLine|exists: false}", "a", ("CommandLine",), False),
        ("{product: windows, category: registry_event}", "a: {NewName: x, Details: y}", "a", None, False),
        ("{product: windows, category: file_event}", "a: {process.parent.name: x}", "a", None, False),
        ("{product: windows, service: security}", "a: {CommandLine: x}", "a", None, False),
        ("{category: proxy}", "a: {CommandLine: x}", "a", None, False),
    ],
)  # fmt: skip
def test_a_rule_that_needs_what_no_event_has_is_silent(
    tmp_path: Path, logsource: str, searches: str, condition: str, fields: tuple[str, ...] | None, silent: bool
) -> None:
    path = tmp_path / "rule.yml"
    path.write_text(f"title: one\nlogsource: {logsource}\ndetection: {{{searches}, condition: {condition}}}\n", "utf-8")

    found = coverage(load([path]))

    assert found.uncarried.get("one") == fields
    assert found.silent == (["one"] if silent else [])


def test_the_windows_events_of_the_benchmark_have_no_field_that_the_schemas_lack(outside: Path) -> None:
    """Real events of Sysmon against what ``fields.toml`` says they carry; what NXLog adds to each event is set apart."""
    sender = {"SourceName", "SourceModuleName", "SourceModuleType", "EventReceivedTime", "EventTime", "Hostname"}
    sender |= {"Domain", "AccountType", "AccountName", "Category", "UserID", "ExecutionProcessID", "ProcessID"}
    sender |= {"EventTypeOrignal", "ERROR_EVT_UNRESOLVED"}
    odd: dict[str, set[str]] = {}
    met = set()
    with gzip.open(outside / "bench" / "windows-100k.ndjson.gz") as lines:
        for line in lines:
            event = json.loads(line)
            known = carried(LogSource("windows", event.get("ls_category"), event.get("ls_service")))
            if event.get("ls_service") == "sysmon" and known is not None:
                met.add(event["ls_category"])
                odd.setdefault(event["ls_category"], set()).update(
                    name for name in event.keys() - known - sender if name[:1].isupper()
                )

    assert len(met) > 12
    assert {category: names for category, names in odd.items() if names} == {}
