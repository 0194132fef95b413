"""Which files below the given paths are rule files, and what is in them."""

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from io import FileIO
from pathlib import Path

import msgspec

from engine.ruleset.problem import Problem

SUFFIXES = (".yml", ".yaml")
MAX_BYTES = 8 * 1024 * 1024  # the largest live Sigma rule has 60 KB; lists of indicators run to megabytes


class RuleFile(msgspec.Struct, frozen=True):
    """A file as it was read, once: its bytes, or why there are none."""

    path: str
    data: bytes = b""
    refusal: str = ""


def rule_files(paths: Sequence[Path]) -> tuple[list[Path], list[Problem]]:
    """Every ``.yml`` and ``.yaml``, sorted, each once; not hidden folders, nor ``tests`` right below a path (cases)."""
    found: dict[Path, str] = {}
    problems: list[Problem] = []
    for path in paths:
        try:
            if path.is_dir():
                listed = _below(path, problems)
            elif path.exists():
                listed = [(path, os.path.realpath(path))]
            else:
                problems.append(Problem(str(path), 0, "error", "there is no such file or folder", "check the path"))
                continue
        except OSError as bad:
            problems.append(_unlisted(path, bad))
            continue
        if not listed:
            problems.append(
                Problem(str(path), 0, "warning", "no .yml or .yaml file below this folder", "check the path")
            )
        for file, real in listed:
            found.setdefault(file, real)
    seen: set[str] = set()
    once = []
    for file, real in found.items():
        if real not in seen:
            seen.add(real)
            once.append(file)
    return once, problems


def contents(files: Iterable[Path]) -> Iterator[RuleFile]:
    """Each file, read."""
    for file in files:
        path = str(file)
        try:
            with FileIO(path) as opened:
                size = os.fstat(opened.fileno()).st_size
                if size > MAX_BYTES:
                    yield RuleFile(path, refusal=f"it has {size} bytes, more than {MAX_BYTES}")
                else:
                    yield RuleFile(path, opened.readall())
        except OSError as bad:
            yield RuleFile(path, refusal=bad.strerror or type(bad).__name__)


def _below(root: Path, problems: list[Problem]) -> list[tuple[Path, str]]:
    """The files, each with where it really lies."""
    found: list[tuple[Path, str]] = []
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                listed = sorted((entry for entry in entries if not entry.name.startswith(".")), key=_name)
        except OSError as bad:
            problems.append(_unlisted(folder, bad))
            continue
        real = os.path.realpath(folder).rstrip("/")
        folders = []
        for entry in listed:
            if _is_folder(entry):
                if not entry.is_symlink() and not (folder == root and entry.name == "tests"):
                    folders.append(folder / entry.name)
            elif entry.name.endswith(SUFFIXES) and _is_special(entry):
                what = "is a pipe, a socket or a device"
                problems.append(
                    Problem(str(folder / entry.name), 0, "error", what, "take it out of the folder of rules")
                )
            elif entry.name.endswith(SUFFIXES):
                own = f"{real}/{entry.name}"
                found.append((folder / entry.name, os.path.realpath(own) if entry.is_symlink() else own))
        waiting += reversed(folders)
    return found


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle: reading it will say so
        return False


def _is_special(entry: os.DirEntry[str]) -> bool:
    """Reading it could wait for ever."""
    try:
        kind = entry.stat().st_mode
    except OSError:  # a link to nowhere: reading it will say so
        return False
    return not stat.S_ISREG(kind) and not stat.S_ISDIR(kind)


def _unlisted(path: Path, bad: OSError) -> Problem:
    return Problem(str(path), 0, "error", f"cannot be listed: {bad.strerror}", "check its permissions")
