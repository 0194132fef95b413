"""Which files below the given paths are rule files."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from engine.ruleset.problem import Problem

SUFFIXES = (".yml", ".yaml")


def rule_files(paths: Sequence[Path]) -> tuple[list[Path], list[Problem]]:
    """Every ``.yml`` and ``.yaml``, sorted, each once; not hidden folders, nor ``tests`` right below a path (cases)."""
    found: dict[Path, None] = {}
    problems: list[Problem] = []
    for path in paths:
        try:
            listed = list(_below(path)) if path.is_dir() else [path] if path.exists() else None
        except OSError as bad:
            problems.append(
                Problem(str(path), 0, "error", f"cannot be listed: {bad.strerror}", "check its permissions")
            )
            continue
        if listed is None:
            problems.append(Problem(str(path), 0, "error", "there is no such file or folder", "check the path"))
        elif not listed:
            problems.append(
                Problem(str(path), 0, "warning", "no .yml or .yaml file below this folder", "check the path")
            )
        for file in listed or ():
            found.setdefault(file)
    seen: set[Path] = set()
    once = []
    for file in found:
        real = Path(os.path.realpath(file))
        if real not in seen:
            seen.add(real)
            once.append(file)
    return once, problems


def _below(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        here = Path(folder)
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and not (here == root and name == "tests")
        )
        for name in sorted(names):
            if name.endswith(SUFFIXES) and not name.startswith("."):
                yield here / name
