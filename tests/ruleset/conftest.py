"""Rules written in a test, loaded from a real file."""

import tarfile
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from engine.ruleset.condition import Identifier, Node
from engine.ruleset.load import Ruleset, load


@pytest.fixture
def rules(tmp_path: Path) -> Callable[..., Ruleset]:
    """Each text is one file: 0.yml, 1.yml, …"""

    def loaded(*texts: str, **options: Any) -> Ruleset:
        for index, text in enumerate(texts):
            (tmp_path / f"{index}.yml").write_text(dedent(text), encoding="utf-8")
        return load([tmp_path], **options)

    return loaded


@pytest.fixture
def search(rules: Callable[..., Ruleset]) -> Callable[..., Node]:
    """The tree of one search, written as YAML: `search("a: b")`."""

    def tree(text: str, **options: Any) -> Node:
        body = "\n".join("    " + line for line in dedent(text).strip().splitlines())
        ruleset = rules(f"title: t\nlogsource: {{product: p}}\ndetection:\n  s:\n{body}\n  condition: s\n", **options)
        assert not ruleset.errors, ruleset.problems
        (rule,) = ruleset.detections
        assert isinstance(rule.condition, Identifier)
        return rule.condition.node

    return tree


@pytest.fixture(scope="session")
def sigmahq(outside: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SigmaHQ's rules, unpacked."""
    folder = tmp_path_factory.mktemp("sigmahq")
    with tarfile.open(outside / "sigma" / "sigmahq-rules.tar.gz") as packed:
        packed.extractall(folder, filter="data")
    return folder
