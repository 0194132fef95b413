"""Servers that come as Maven artifacts: fetched once, kept for every later run, never by two processes at a time."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from server_process import Absent, locked, program, shared_folder

_POMS = Path(__file__).parent / "poms"
_PAUSES_S = (5, 30)
_ATTEMPT_S = 1_500
# Maven's own patience with a silent connection is half an hour (wagon, Maven 3.8) or endless (resolver, 3.9).
_IMPATIENT = ("-Dmaven.wagon.rto=60000", "-Daether.connector.requestTimeout=60000")


def cache_folder(*, for_nobody: bool = False) -> Path:
    """`TIELINE_TEST_CACHE`, else `~/.cache/tieline-tests`; what user `nobody` must read goes where it can go."""
    folder = Path(os.environ.get("TIELINE_TEST_CACHE") or Path.home() / ".cache" / "tieline-tests").expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    if for_nobody and not all(step.stat().st_mode & 0o005 == 0o005 for step in (folder, *folder.parents)):
        return shared_folder()
    return folder


def kept(name: str, make: Callable[[Path, Path], None], *, for_nobody: bool = False) -> Path:
    """The folder that `make(pom, folder)` filled, now or in an earlier run; a changed pom makes a new one."""
    pom = _POMS / f"{name}.xml"
    cache = cache_folder(for_nobody=for_nobody)
    target = cache / f"{name}-{hashlib.sha256(pom.read_bytes()).hexdigest()[:8]}"
    if target.is_dir():  # it gets this name only when it is complete
        return target
    with locked(cache / f"{name}.lock"):
        if not target.is_dir():
            making = Path(tempfile.mkdtemp(prefix=f"{name}-", suffix=".part", dir=cache))
            try:
                making.chmod(0o755)
                make(pom, making)
                making.rename(target)
            finally:
                shutil.rmtree(making, ignore_errors=True)
    return target


def maven(pom: Path, goal: str, *settings: str) -> None:
    """Runs one goal of the dependency plugin, again after a pause where a download broke off."""
    command = [str(program("mvn", "maven")), "-q", "-B", "-f", str(pom), f"dependency:{goal}", *_IMPATIENT, *settings]
    said = ""
    for pause_s in (*_PAUSES_S, 0):
        try:
            done = subprocess.run(
                command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_ATTEMPT_S
            )
        except subprocess.TimeoutExpired:
            said = f"not done within {_ATTEMPT_S} s"
        else:
            if done.returncode == 0:
                return
            said = (done.stdout + done.stderr).strip()
        time.sleep(pause_s)
    raise Absent(f"Maven could not fetch what {pom.name} names: {said[-1_500:]}")


def jdk(least: int) -> Path:
    """The home of a JDK of that version or newer, the newest there is; `TIELINE_TEST_JDK` or `JAVA_HOME` come first."""
    named = [Path(home) for home in (os.environ.get("TIELINE_TEST_JDK"), os.environ.get("JAVA_HOME")) if home]
    for home in named:
        if _jdk_version(home) >= least:
            return home
    installed = [*Path("/usr/lib/jvm").glob("*"), *Path("/opt").glob("*")]
    if on_path := shutil.which("java"):
        installed.append(Path(on_path).resolve().parent.parent)
    best = max(installed, key=_jdk_version, default=None)
    if best is None or _jdk_version(best) < least:
        raise Absent(f"no JDK {least} or newer below /usr/lib/jvm (set TIELINE_TEST_JDK to its home)")
    return best


def _jdk_version(home: Path) -> int:
    """The major version; 0 for what is no JDK. A runtime alone (no module jdk.jdi) does not carry Elasticsearch."""
    try:
        release = (home / "release").read_text(errors="replace")
    except OSError:
        return 0
    version = re.search(r'^JAVA_VERSION="(\d+)', release, re.MULTILINE)
    return int(version[1]) if version and "jdk.jdi" in release and (home / "bin" / "java").exists() else 0
