"""A real Prometheus, its promtool and a real Alertmanager on 127.0.0.1, from Debian's packages."""

import json
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from server_process import Server, free_port, program


def prometheus(
    folder: Path,
    targets: Sequence[str] = (),
    *,
    rule_files: Sequence[Path] = (),
    alertmanager_address: str | None = None,
    interval: str = "1s",
    config: Path | None = None,
) -> Server:
    """Not started yet. Scrapes `targets` (`host:port`), or does what the whole configuration file `config` says."""
    port = free_port()
    if config is None:
        config = folder / "prometheus.yml"
        wanted: dict[str, Any] = {
            "global": {"scrape_interval": interval, "evaluation_interval": interval},
            "rule_files": [str(path.resolve()) for path in rule_files],
            "scrape_configs": [{"job_name": "tieline", "static_configs": [{"targets": list(targets)}]}],
        }
        if alertmanager_address is not None:
            host = urllib.parse.urlsplit(alertmanager_address).netloc
            wanted["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [host]}]}]}
        config.write_text(json.dumps(wanted))  # JSON is YAML
    return Server(
        "Prometheus",
        [
            program("prometheus", "prometheus"),
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            # It learns of its targets and of the Alertmanager 5 s after the start; an alert that fired before that
            # would be sent again only after a minute.
            "--rules.alert.resend-delay=1s",
        ],
        address=f"http://127.0.0.1:{port}",
        folder=folder,
        ready=lambda: _ready(port),
    )


def alertmanager(folder: Path, *, webhook: str | None = None, config: Path | None = None) -> Server:
    """Not started yet. Hands every alert to the address `webhook`, or does what the file `config` says."""
    port = free_port()
    if config is None:
        config = folder / "alertmanager.yml"
        receiver: dict[str, Any] = {"name": "tests"}
        if webhook is not None:
            receiver["webhook_configs"] = [{"url": webhook, "send_resolved": True}]
        route = {"receiver": "tests", "group_wait": "0s", "group_interval": "1s", "repeat_interval": "1h"}
        config.write_text(json.dumps({"route": route, "receivers": [receiver]}))
    return Server(
        "Alertmanager",
        [
            program("prometheus-alertmanager", "prometheus-alertmanager"),
            f"--config.file={config}",
            f"--storage.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",  # alone: it would otherwise look for peers on every interface
        ],
        address=f"http://127.0.0.1:{port}",
        folder=folder,
        ready=lambda: _ready(port),
    )


def value(prometheus_address: str, query: str) -> float | None:
    """The value that the query has now; `None` while there is none, an error where there are several."""
    question = urllib.parse.urlencode({"query": query})
    with urllib.request.urlopen(f"{prometheus_address}/api/v1/query?{question}", timeout=10) as answer:
        series = json.load(answer)["data"]["result"]
    if len(series) > 1:
        raise ValueError(f"{query} has {len(series)} values: sum them, or name the one")
    return float(series[0]["value"][1]) if series else None


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """What `promtool check …` or `promtool test rules …` says; its status is for the caller to judge."""
    command = [str(program("promtool", "prometheus")), *map(str, arguments)]
    return subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
