"""What a loaded rule set depends on, as one key: when it is the same, loading again would give the same.

Content counts, never a time of change: the bytes of the rule files under the names they are given, placeholders,
pipelines, and the programs that read them (Python, what is installed, our own source).
"""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import msgspec

from engine.ruleset.files import RuleFile
from engine.ruleset.problem import Problem

SIZE: Final = 32
_INSTALLED: Final = (".dist-info", ".egg-info")


def fingerprint(
    files: Iterable[RuleFile],
    problems: Sequence[Problem],
    placeholders: Mapping[str, Sequence[str]],
    pipelines: Sequence[str | Path],
) -> bytes:
    """32 bytes. ``problems`` are those of finding the files."""
    key = blake2b(digest_size=SIZE)
    parts = [program(), _words([(name, *values) for name, values in placeholders.items()])]
    parts += [_words([str(problem) for problem in problems]), *_pipelines(pipelines)]
    for part in parts:
        _add(key, part)
    for file in files:
        _add(key, os.fsencode(file.path))
        _add(key, _words([file.refusal]))
        _add(key, file.data)
    return key.digest()


@cache
def program() -> bytes:
    """The programs that take part: as they were when they were first asked for, since those are what is running."""
    key = blake2b(digest_size=SIZE)
    _add(key, _words([sys.version, msgspec.__version__]))
    _add(key, _words(sorted(_installed())))
    for module in ("engine.ruleset", "engine.model"):
        for source in _sources(module):
            _add(key, source)
    return key.digest()


def _installed() -> set[str]:
    """``pysigma-1.5.0.dist-info``, …: versions, plug-ins included; ``importlib.metadata`` costs 0.1 s to import."""
    found: set[str] = set()
    for folder in sys.path:
        try:
            with os.scandir(folder or ".") as listed:
                found.update(entry.name for entry in listed if entry.name.endswith(_INSTALLED))
        except OSError:  # a zip file, or a folder that is not there
            continue
    return found


def _pipelines(given: Sequence[str | Path]) -> list[bytes]:
    if not given:
        return [b""]
    parts = [_words([str(spec) for spec in given])]
    for spec in given:
        try:
            parts.append(Path(spec).read_bytes())
        except (OSError, ValueError) as bad:  # the name of a plug-in, as a rule
            parts.append(_words([str(bad)]))
    return parts + _sources("sigma.pipelines")


def _sources(module: str) -> list[bytes]:
    """The files of a package, each with its place."""
    spec = find_spec(module)
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    parts = []
    for folder in folders:
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file() and path.parent.name != "__pycache__":
                parts += [_words([str(path.relative_to(folder))]), path.read_bytes()]
    return parts


def _words(words: Sequence[object]) -> bytes:
    return repr(words).encode("utf-8", "backslashreplace")


def _add(key: blake2b, part: bytes) -> None:
    """Each part behind its length: no two lists of parts are one text."""
    key.update(len(part).to_bytes(8, "big"))
    key.update(part)
