"""The rules of SigmaHQ and the events to put to them, from the folder of outside data."""

import gzip
import os
import re
import shutil
import tarfile
from pathlib import Path

import yaml

_PROJECT = Path(__file__).parent.parent
_NOT_LIVE = "rules-placeholder"  # rules that wait for values of their user's; no part of a release


def outside_data() -> Path:
    """As the tests find it: ``TIELINE_OUTSIDE_DATA``, else ``../shared/data`` beside the project."""
    folder = (_PROJECT / (os.environ.get("TIELINE_OUTSIDE_DATA") or "../shared/data")).resolve()
    if not folder.is_dir():
        raise SystemExit(f"{folder} is not there; name the folder of outside data in TIELINE_OUTSIDE_DATA")
    return folder


def unpacked(data: Path, folder: Path) -> Path:
    """Every live rule of the archive, below ``folder``."""
    with tarfile.open(data / "sigma" / "sigmahq-rules.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    shutil.rmtree(folder / _NOT_LIVE, ignore_errors=True)
    return folder


def of_product(every: Path, product: str, folder: Path) -> int:
    """Copies the rules whose log source names the product, and gives their number."""
    count = 0
    for path in sorted(every.rglob("*.yml")):
        with path.open("rb") as file:
            rule = yaml.load(file, yaml.CSafeLoader)
        if rule.get("logsource", {}).get("product") == product:
            count += 1
            shutil.copy(path, _made(folder / path.relative_to(every)))
    return count


def detections(rules: Path, folder: Path) -> int:
    """Copies the detections and leaves the correlations out, which another engine would evaluate, too."""
    count = 0
    for path in sorted(rules.rglob("*.yml")):
        documents = re.split(r"^---\s*$", path.read_text(), flags=re.MULTILINE)
        kept = [text for text in documents if re.search(r"^detection:", text, re.MULTILINE)]
        if kept:
            count += len(kept)
            _made(folder / path.relative_to(rules)).write_text("---\n".join(kept))
    return count


def events(data: Path, name: str, folder: Path) -> Path:
    """One of the recordings, unpacked: one JSON object a line."""
    path = folder / f"{name}.ndjson"
    with gzip.open(data / "bench" / f"{name}.ndjson.gz") as packed, path.open("wb") as out:
        shutil.copyfileobj(packed, out)
    return path


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
