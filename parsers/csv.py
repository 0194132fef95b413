"""Comma-separated values whose first line names the columns.

::

    timestamp,src_ip,src_port,dst_ip,dst_port,protocol,action,user
    2026-01-02T03:04:05Z,192.0.2.7,4022,198.51.100.9,502,TCP,deny,k.vogt

Commas, semicolons, tabs or bars separate. Columns that mean one thing wherever they stand are ECS; the others are
``tieline.csv.<column>``. Without the format being named, a first line is taken for a header only where it has a time and an address.
"""  # noqa: E501  (records as they are sent)

import csv
import re
from functools import lru_cache

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from engine.model.routes import ecs_event
from parsers._grammar.plain_names import is_address, is_known, is_time, mean

_NAME = re.compile(r"[A-Za-z_@#][\w .\-/()@#:]{0,63}")
_DELIMITERS = (",", ";", "\t", "|")
_MOST_COLUMNS = 1024


def _heading(line: bytes, named: bool) -> bool:
    _, names = _columns(line)
    if len(names) < 2 or len(set(names)) < len(names) or not all(_NAME.fullmatch(name) for name in names):
        return False
    return named or (
        len(names) > 2 and any(map(is_time, names)) and any(map(is_address, names)) and sum(map(is_known, names)) > 2
    )


@lru_cache(maxsize=256)
def _columns(line: bytes) -> tuple[str, tuple[str, ...]]:
    """The delimiter, and the names."""
    text = line.decode("utf-8", "backslashreplace").strip("\ufeff\r\n \t" if b"\t" not in line else "\ufeff\r\n")
    delimiter = max(_DELIMITERS, key=text.count)
    return delimiter, tuple(cell.strip() for cell in _cells(text, delimiter))


def _cells(text: str, delimiter: str) -> list[str]:
    if '"' not in text:
        return text.split(delimiter, _MOST_COLUMNS)
    try:
        return next(csv.reader([text.replace("\n", "\u2028").replace("\x00", "")], delimiter=delimiter), [])
    except csv.Error:
        return text.split(delimiter, _MOST_COLUMNS)


def parse(frame: Frame) -> Fields:
    if not frame.header:
        raise ParseError("csv: no line with the names of the columns above this record")
    delimiter, names = _columns(frame.header[-1])
    text = frame.payload.decode("utf-8", "backslashreplace").rstrip("\r\n")
    cells = _cells(text, delimiter)
    if len(cells) != len(names):
        raise ParseError(f"csv: {len(cells)} values for {len(names)} columns")
    fields: Fields = {}
    mean(fields, dict(zip(names, map(str.strip, cells), strict=True)), "tieline.csv.", frame.received, frame.zone)
    fields.setdefault("message", text)
    return fields


FORMAT = LogFormat(
    id="csv",
    vendor="Any",
    product="CSV with named columns",
    logsource=LogSource(),
    spec="https://www.rfc-editor.org/rfc/rfc4180",
    parse=parse,
    heads=(),
    heading=_heading,
    generic=True,
    route=ecs_event,
)
