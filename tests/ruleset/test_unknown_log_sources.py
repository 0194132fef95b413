"""The lint of log sources."""

from pathlib import Path

import pytest

from engine.ruleset.lint import lint


@pytest.mark.parametrize(
    ("logsource", "what"),
    [
        ("{product: windows, category: proces_creation}", "did you mean 'process_creation'?"),
        ("{category: ot_protocol, product: modbuss}", "did you mean 'modbus'?"),
        ("{product: windows, service: sshd}", "sshd is a service of linux"),
    ],
)
def test_a_log_source_of_no_event_is_a_warning_in_its_line(tmp_path: Path, logsource: str, what: str) -> None:
    path = tmp_path / "rule.yml"
    path.write_text(
        f"title: one\nlevel: low\nlogsource: {logsource}\ndetection: {{s: {{a: 1}}, condition: s}}\n", "utf-8"
    )

    (problem,) = [one for one in lint([path]) if "no event" in one.what]

    assert (problem.severity, problem.line) == ("warning", 3)
    assert what in problem.mend


def test_a_known_log_source_is_not_mentioned(tmp_path: Path) -> None:
    path = tmp_path / "rule.yml"
    path.write_text(
        "title: one\nlogsource: {category: ot_protocol, product: dnp3, service: plc_write}\n"
        "detection: {s: {a: 1}, condition: s}\n",
        "utf-8",
    )

    assert [one for one in lint([path]) if "no event" in one.what] == []
