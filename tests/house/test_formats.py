"""Every format has samples, and `parsers/README.md` lists them all; `pytest --bless` writes it anew."""

import pytest

from engine.model import LogFormat
from engine.parsing.formats import discover

_HEAD = """# Formats

One file a format; the id is the file's name. How to add one: [README](../README.md#add-a-format). This table is written by
`pytest tests/house/test_formats.py --bless`; do not edit it.

| Id | What | Where it is found | Log source of its events (product / category / service) | Reference |
|---|---|---|---|---|
"""

_ENVELOPES = {"syslog": "inside syslog", "json": "a JSON object"}


@pytest.fixture(scope="module")
def formats() -> dict[str, LogFormat]:
    return dict(discover())


def _table(formats: dict[str, LogFormat]) -> str:
    return _HEAD + "".join(map(_row, sorted(formats.values(), key=lambda one: one.id)))


def _row(one: LogFormat) -> str:
    parts = (one.logsource.product, one.logsource.category, one.logsource.service)
    source = " / ".join(part or "–" for part in parts) if any(parts) else "as the record says"
    references = " ".join(f"<{link}>" for link in one.spec.split())
    return f"| [`{one.id}`]({one.id}.py) | {one.vendor} {one.product} | {_found(one)} | {source} | {references} |\n"


def _found(one: LogFormat) -> str:
    places = []
    if one.inside is not None:
        places.append(_ENVELOPES.get(one.inside, f"inside {one.inside}"))
    if one.programs:
        places.append("programs " + ", ".join(one.programs))
    if one.transport is not None:
        ports = ", ".join(map(str, one.ports))
        places.append(
            f"{one.transport.upper()} {ports}".strip() + (", other ports by content" if one.fingerprint else "")
        )
    elif one.opens is not None:
        places.append("an envelope: opens the formats inside it")
    elif one.fingerprint is not None:
        places.append("or by content" if one.programs else "by content")
    if not places:
        places.append("where the configuration names it")
    return "; ".join(places)


def test_the_table_of_formats_is_up_to_date(
    formats: dict[str, LogFormat], pytestconfig: pytest.Config, bless: bool
) -> None:
    table = pytestconfig.rootpath / "parsers" / "README.md"

    written = _table(formats)
    if bless:
        table.write_text(written)

    assert table.read_text() == written, "run pytest tests/house/test_formats.py --bless"


def test_every_format_has_samples_with_what_comes_out_of_them(
    formats: dict[str, LogFormat], pytestconfig: pytest.Config
) -> None:
    """A record a line has its blessed events beside it; a capture is judged by a test of its format's own."""
    folders = pytestconfig.rootpath / "tests" / "parsers"

    without = {}
    for name in formats:
        samples = [path for path in (folders / name).glob("*") if path.suffix in (".log", ".json", ".pcap", ".pcapng")]
        lines = [path for path in samples if path.suffix in (".log", ".json")]
        if not samples:
            without[name] = "no samples"
        elif not all(path.with_suffix(".ndjson").is_file() for path in lines):
            without[name] = "samples without events"
        elif not lines and not (folders / f"test_{name}.py").is_file():
            without[name] = "captures without a test"

    assert without == {}


def test_no_samples_are_left_of_a_format_that_is_gone(
    formats: dict[str, LogFormat], pytestconfig: pytest.Config
) -> None:
    folders = pytestconfig.rootpath / "tests" / "parsers"

    left = [
        path.name for path in folders.iterdir() if path.is_dir() and path.name not in formats | {"__pycache__": None}
    ]

    assert left == []


def test_a_format_says_where_its_vendor_describes_it(formats: dict[str, LogFormat]) -> None:
    silent = [
        one.id for one in formats.values() if not all(link.startswith("https://") for link in one.spec.split() or [""])
    ]

    assert silent == []
