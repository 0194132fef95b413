"""The slow twin is a module of these tests: `import slow_sigma`."""

import sys
import tarfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def sigmahq(outside: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sigmahq")
    with tarfile.open(outside / "sigma" / "sigmahq-rules.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return folder
