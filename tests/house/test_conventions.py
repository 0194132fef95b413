"""How the house is built: what style.md and design.md ask of every file, held by tests."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_CODE = ("engine", "parsers", "benchmarks", "deploy")
_TEXTS = {".py", ".toml", ".yml", ".yaml", ".md", ".conf", ".service", ".sh", ".json", ".ndjson", ""}
_LONGEST = 400

_OF_A_MACHINE = re.compile(r"(?<![\w=/.~-])/(?:work|root|home|Users)/[\w.]")
_PATTERN_WORDS = re.compile(r"(?:^|_)(?:utils?|helpers?|manager|base|common|misc|stuff)(?:_|$)")


@pytest.fixture(scope="module")
def root(pytestconfig: pytest.Config) -> Path:
    return pytestconfig.rootpath


def _modules(root: Path, *folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from (path for path in sorted((root / folder).rglob("*.py")) if "__pycache__" not in path.parts)


def _tracked(root: Path) -> list[Path]:
    """What belongs to the project: as git sees it, ignored files left out."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=root, capture_output=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [path for name in listed.stdout.decode().split("\0") if name and (path := root / name).is_file()]


def test_every_module_says_what_it_is(root: Path) -> None:
    modules = list(_modules(root, "engine", "parsers", "benchmarks"))

    silent = [str(path.relative_to(root)) for path in modules if not ast.get_docstring(ast.parse(path.read_bytes()))]

    assert silent == []
    assert len(modules) > 50


def test_no_module_is_longer_than_a_reader_can_hold(root: Path) -> None:
    lengths = {path: path.read_bytes().count(b"\n") for path in _modules(root, *_CODE)}

    too_long = {str(path.relative_to(root)): count for path, count in lengths.items() if count > _LONGEST}

    assert too_long == {}


def test_only_the_composition_root_may_catch_everything(root: Path) -> None:
    found = []
    for path in _modules(root, *_CODE):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.ExceptHandler) and _catches_everything(node.type) and not _raises_again(node):
                found.append(f"{path.relative_to(root)}:{node.lineno}")

    elsewhere = [place for place in found if not place.startswith("engine/app.py:")]

    assert elsewhere == []


def _catches_everything(caught: ast.expr | None) -> bool:
    if isinstance(caught, ast.Tuple):
        return any(map(_catches_everything, caught.elts))
    return caught is None or (isinstance(caught, ast.Name) and caught.id in ("Exception", "BaseException"))


def _raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def test_files_are_named_by_nouns_of_the_field(root: Path) -> None:
    stems = {str(path.relative_to(root)): path.stem for path in _modules(root, "engine", "parsers", "benchmarks")}

    named_by_pattern = [path for path, stem in stems.items() if _PATTERN_WORDS.search(stem)]

    assert named_by_pattern == []


def test_pure_stages_do_not_ask_for_the_time(root: Path) -> None:
    """The clock modules are forbidden by the import contracts; datetime is a type too, so its clock is looked for here."""
    stages = ("framing", "parsing", "enrich", "detect", "correlate", "alert")

    asked = []
    for path in _modules(root, *(f"engine/{stage}" for stage in stages), "engine/model", "parsers"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Attribute) and node.attr in ("now", "utcnow", "today", "time_ns", "monotonic"):
                name = ast.unparse(node.value)
                if name.rpartition(".")[2] in ("datetime", "date", "time"):
                    asked.append(f"{path.relative_to(root)}:{node.lineno}")

    assert asked == []


def test_no_init_file_is_below_tests(root: Path) -> None:
    assert [str(path) for path in (root / "tests").rglob("__init__.py")] == []


def test_no_path_of_a_machine_is_in_the_tree(root: Path) -> None:
    """Logs may speak of /home; our own texts and code may not."""
    samples = (root / "tests" / "parsers", root / "tests" / "rules", root / "engine" / "demo" / "records")
    texts = [
        path
        for path in _tracked(root)
        if path.suffix in _TEXTS and not any(path.is_relative_to(folder) for folder in samples)
    ]

    found = []
    for path in texts:
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
            if _OF_A_MACHINE.search(line) or str(root) in line:
                found.append(f"{path.relative_to(root)}:{number}: {line.strip()[:120]}")

    assert found == []


def test_the_import_contracts_hold(root: Path) -> None:
    command = [
        str(Path(sys.executable).parent / "lint-imports"),
        "--no-cache",
        "--config",
        str(root / "pyproject.toml"),
    ]

    linted = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)

    assert linted.returncode == 0, linted.stdout[-4000:] + linted.stderr[-2000:]


def test_no_secret_or_store_is_in_the_tree(root: Path) -> None:
    private = re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\n[A-Za-z0-9+/=\n]{100,}")

    found = [
        str(path.relative_to(root))
        for path in _tracked(root)
        if path.suffix in (".sqlite", ".journal", ".egg-info", ".pyc")
        or private.search(path.read_text("utf-8", "replace"))
    ]

    assert found == []
