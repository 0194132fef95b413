"""What the command line says to people: mistakes, findings, progress."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

FINDING, USAGE = 1, 2
"""Exit statuses: a finding of a lint or a test; wrong usage, configuration or an unreadable file."""


def stop(text: str, status: int = USAGE) -> NoReturn:
    for line in text.splitlines():
        print(f"tieline: {plain(line)}", file=sys.stderr)
    raise SystemExit(status)


def plain(text: str) -> str:
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


def exists(paths: list[Path]) -> None:
    for path in paths:
        if not path.exists():
            stop(f"{path}: no such file or directory")


@contextmanager
def progress(files: list[str]) -> Iterator[Any]:
    """A bar on a terminal, and only there."""
    if not sys.stderr.isatty() or sys.stdout.isatty():
        yield None
        return
    from rich.console import Console  # 0.05 s, with the bar
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn, TransferSpeedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    total = sum(Path(name).stat().st_size for name in files if Path(name).is_file())
    columns = (TextColumn("reading"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("reading", total=total or None)
        yield lambda count: progress.advance(task, count)
