"""`tieline run` as a process of its own, with its metrics page as the sign of life::

with service(folder, "collect", {"role": "collect", "sources": […], "sinks": […]}) as collect:
    collect.counted("tieline_records_total", source="lines")
"""

import json
import os
import re
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from server_process import Server, free_port

ROOT = Path(__file__).parents[2]
TIELINE = [sys.executable, "-m", "engine.cli"]
_METRIC = re.compile(r"^([a-z_]+)(?:\{(.*)\})? ([^ ]+)$")


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


class Service(Server):
    def page(self, path: str) -> tuple[int, bytes]:
        """Status 0: nobody answers."""
        try:
            with urllib.request.urlopen(f"http://{self.address}{path}", timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read()
        except OSError:
            return 0, b""

    def readiness(self) -> dict[str, Any]:
        """What `/readyz` says, its status as `status`."""
        status, body = self.page("/readyz")
        return {"status": status, **(json.loads(body) if body else {})}

    def counted(self, metric: str, **labels: str) -> float:
        """The sum of the metric's values with these labels; 0 where there is none."""
        total = 0.0
        for line in self.page("/metrics")[1].decode().splitlines():
            found = _METRIC.match(line)
            if found and found[1] == metric:
                named = dict(re.findall(r'([a-z_]+)="([^"]*)"', found[2] or ""))
                if labels.items() <= named.items():
                    total += float(found[3])
        return total

    def end(self) -> int | None:
        """Asks it to end as an operator would; the exit status."""
        self.stop()
        return self._status()

    def said(self) -> list[dict[str, Any]]:
        """Its log. What is no JSON (a traceback) is under `message`, as level `raw`."""
        found = []
        for line in self.log.read_text(errors="replace").splitlines() if self.log.exists() else ():
            try:
                found.append(json.loads(line))
            except ValueError:
                found.append({"log.level": "raw", "message": line})
        return found


def service(folder: Path, name: str, config: dict[str, Any], *, until_ready: bool = True) -> Service:
    """Not started yet; its files are in `folder/name`, paths in `config` are relative to that.

    ``until_ready=False``: it has started when it is alive, whether or not its servers answer.
    """
    home = folder / name
    home.mkdir(parents=True, exist_ok=True)
    port = free_port()
    wanted = {
        "state": {"path": "state.sqlite", "every": "500ms"},
        "privacy": {"dead_letters": "dead-letters.ndjson"},
        **config,
        "metrics": {"listen": f"127.0.0.1:{port}"},
    }
    file = home / "tieline.yml"
    file.write_text(json.dumps(wanted, indent=1))  # JSON is YAML
    made = Service(
        f"tieline {name}",
        [*TIELINE, "run", "-c", file],
        address=f"127.0.0.1:{port}",
        folder=home,
        ready=lambda: made.page("/readyz" if until_ready else "/healthz")[0] == 200,
        patience_s=60,
        grace_s=60,
        env=environment(),
    )
    return made


def wait_until(holds: Callable[[], bool], what: str, *services: Service, patience_s: float = 120) -> None:
    """Until it holds; fails with the word for it, and what the services said, when they end or patience does."""
    deadline = time.monotonic() + patience_s
    while not holds():
        gone = [each.name for each in services if not each.running()]
        if gone or time.monotonic() > deadline:
            logs = "\n".join(f"{each.name}:\n{each.log_tail()}" for each in services)
            raise AssertionError(f"{what}: {'ended: ' + ', '.join(gone) if gone else 'did not come about'}\n{logs}")
        time.sleep(0.2)
