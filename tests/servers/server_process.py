"""Real servers for the journeys: each one a process group of its own that never outlives the tests."""

import fcntl
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

_LOG_TAIL_BYTES = 6_000


class Absent(Exception):
    """What this machine lacks to run a server: said in words, because it becomes the reason of a skipped test."""


class StartFailure(RuntimeError):
    """The server ended, or did not answer in time; carries the end of its log."""


def program(name: str, package: str) -> Path:
    """A program of a Debian package; daemons live in folders that an ordinary user's PATH does not name."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"]))
    if found is None:
        raise Absent(f"no {name} on this machine (Debian package {package})")
    return Path(found)


_given: set[int] = set()


def free_port() -> int:
    """A port below the kernel's ephemeral range: nobody's outgoing connection takes it while a server is down.

    None is given twice: the one it was given to may not listen yet.
    """
    for port in random.SystemRandom().sample(sorted(set(range(20_000, 32_000)) - _given), 100):
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
            suppress(OSError),
        ):
            tcp.bind(("127.0.0.1", port))
            udp.bind(("127.0.0.1", port))
            _given.add(port)
            return port
    raise Absent("none of 100 ports tried between 20000 and 32000 is free")


def shared_folder() -> Path:
    """Where a server's files may lie so that user `nobody` reads them: `/root` and pytest's folders are closed to it."""
    folder = Path("/var/tmp") / f"tieline-tests-{os.geteuid()}"
    folder.mkdir(mode=0o755, exist_ok=True)
    owner = folder.lstat()
    if owner.st_uid != os.geteuid() or owner.st_mode & 0o022 or folder.is_symlink():
        raise Absent(f"{folder} was made by somebody else, or others can write it: remove it")
    return folder


@contextmanager
def run_folder(name: str) -> Iterator[Path]:
    """A folder for one server's configuration, data and log; what an earlier, killed run left behind goes first."""
    runs = shared_folder() / "runs"
    runs.mkdir(exist_ok=True)
    with locked(runs.with_suffix(".lock")):  # or one run would sweep the folder that another is about to lock
        for old in runs.glob("*.lock"):
            with suppress(BlockingIOError), locked(old, fcntl.LOCK_EX | fcntl.LOCK_NB):
                shutil.rmtree(old.with_suffix(""), ignore_errors=True)
                old.unlink()
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=runs))
        folder.chmod(0o755)
        held = ExitStack()
        held.enter_context(locked(runs / f"{folder.name}.lock"))

    with held:
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            (runs / f"{folder.name}.lock").unlink(missing_ok=True)


@contextmanager
def locked(path: Path, how: int = fcntl.LOCK_EX) -> Iterator[None]:
    """The kernel gives the lock back when this process ends, however it ends."""
    with path.open("w") as handle:
        fcntl.flock(handle, how)
        yield


class Server:
    """A program that is there between `start` and `stop`, and on the way back has the same address and data.

    Start it from the main thread: the kernel is asked to terminate it when the thread that started it ends, so that
    a killed test run leaves nothing behind.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str | Path],
        *,
        address: str,
        folder: Path,
        ready: Callable[[], bool],
        patience_s: float = 60,
        grace_s: float = 20,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        run_as: Mapping[str, object] | None = None,
    ) -> None:
        self.name = name
        self.address = address
        self.folder = folder
        self.log = folder / "console.log"
        self.start_seconds = 0.0
        self._argv = [str(word) for word in argv]
        self._ready = ready
        self._patience_s = patience_s
        self._grace_s = grace_s
        self._env = dict(os.environ if env is None else env)
        self._cwd = folder if cwd is None else cwd
        self._run_as = dict(run_as or {})
        self._leader: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        if self._leader is None:
            raise RuntimeError(f"{self.name} has not been started")
        return self._leader.pid

    def running(self) -> bool:
        return self._leader is not None and self._leader.poll() is None

    def start(self) -> Self:
        """Runs and answers when this returns; a server that runs already is left as it is."""
        if self.running():
            return self
        self._end_group(signal.SIGKILL, 5)
        began = time.monotonic()
        setpriv = shutil.which("setpriv")
        lifeline = [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []
        with self.log.open("ab") as log:
            self._leader = subprocess.Popen(
                [*lifeline, *self._argv],
                env=self._env,
                cwd=self._cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._run_as,  # type: ignore[call-overload]
            )
        try:
            self.wait_until(self._ready, self._patience_s, "is not ready")
        except BaseException:
            self.kill()
            raise
        self.start_seconds = time.monotonic() - began
        return self

    def wait_until(self, holds: Callable[[], bool], patience_s: float, complaint: str) -> None:
        deadline = time.monotonic() + patience_s
        while not holds():
            if not self.running():
                raise StartFailure(f"{self.name} ended with status {self._status()}\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise StartFailure(f"{self.name} {complaint} after {patience_s:g} s\n{self.log_tail()}")
            time.sleep(0.1)

    def stop(self) -> None:
        """In order, as an operator would; by force if it takes longer than its grace."""
        self.resume()
        if not self._end_group(signal.SIGTERM, self._grace_s):
            self.kill()

    def kill(self) -> None:
        """All its processes at once, without a word."""
        self._end_group(signal.SIGKILL, 10)

    def pause(self) -> None:
        """Neither answers nor refuses: its connections stay open and silent."""
        if self.running():
            os.killpg(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        if self.running():
            os.killpg(self.pid, signal.SIGCONT)

    def log_tail(self) -> str:
        return self.log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace") if self.log.exists() else ""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, what: BaseException | None, where: TracebackType | None
    ) -> None:
        self.stop()

    def _status(self) -> int | None:
        return None if self._leader is None else self._leader.poll()

    def _end_group(self, order: signal.Signals, patience_s: float) -> bool:
        if self._leader is None:
            return True
        deadline = time.monotonic() + patience_s
        if self._group():
            with suppress(ProcessLookupError):
                os.killpg(self._leader.pid, order)
        while self._group():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def _group(self) -> bool:
        """Whether any process of the group lives; a zombie that its parent never asks for must not hold us up."""
        if self._leader is None:
            return False
        if self._leader.poll() is None:
            return True
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                # pid (command, which may hold spaces and brackets) state ppid pgrp … num_threads: proc_pid_stat(5)
                state, _, group, *_, threads = stat.read_text().rpartition(")")[2].split()[:18]
                dead = state in "ZX" and int(threads) <= 1  # a main thread may be gone before the others are
                if int(group) == self._leader.pid and not dead:
                    return True
        return False
