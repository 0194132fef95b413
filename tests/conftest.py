"""What every test may ask for: data from outside, real servers shared by the session, blessing of samples."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

# `import kafka_broker`, not `import servers.kafka_broker`: with `tests` itself on the path, `tests/rules` would mix
# with our data package `rules`, which has no __init__.py either.
sys.path.insert(0, str(Path(__file__).parent / "servers"))

import elasticsearch_node
import kafka_broker
from server_process import Absent, Server, program, run_folder

pytest_plugins = ["pytester"]

_NO_OUTSIDE_DATA = "no outside data"
_NO_SERVER = "no server"


def pytest_configure(config: pytest.Config) -> None:
    """A cache of rules for this run, for the commands and services that tests start as well: a home is left alone."""
    cache = TemporaryDirectory(prefix="tieline-cache-")
    config.add_cleanup(cache.cleanup)
    os.environ["TIELINE_CACHE"] = cache.name


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--bless",
        action="store_true",
        help="write the .ndjson beside each parser sample from what the parser gives now; read it before you commit it",
    )


@pytest.fixture(scope="session")
def bless(pytestconfig: pytest.Config) -> bool:
    return bool(pytestconfig.getoption("--bless"))


@pytest.fixture(scope="session")
def outside(pytestconfig: pytest.Config) -> Path:
    """Recordings and cases that are no part of this repository: `TIELINE_OUTSIDE_DATA`, default `../shared/data`."""
    named = os.environ.get("TIELINE_OUTSIDE_DATA") or "../shared/data"
    folder = (pytestconfig.rootpath / named).resolve()
    if not folder.is_dir():
        pytest.skip(f"{_NO_OUTSIDE_DATA}: {folder} is not there (TIELINE_OUTSIDE_DATA names another place)")
    return folder


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[Server]:
    """The session's broker, for a test that stops or kills it; the next one that asks for `kafka` finds it running."""
    with _there("kafka", kafka_broker.broker) as server:
        yield server


@pytest.fixture
def kafka(kafka_server: Server) -> str:
    """`host:port` of a running broker; topics of earlier tests are still there, so name yours for your test."""
    return _running(kafka_server)


@pytest.fixture(scope="session")
def elasticsearch_server() -> Iterator[Server]:
    with _there("elasticsearch9", elasticsearch_node.node) as server:
        yield server


@pytest.fixture
def elasticsearch(elasticsearch_server: Server) -> str:
    """The URL of a running Elasticsearch 9; data streams of earlier tests are still there and cannot be deleted."""
    return _running(elasticsearch_server)


@pytest.fixture(scope="session")
def elasticsearch8_server() -> Iterator[Server]:
    with _there("elasticsearch8", lambda folder: elasticsearch_node.node(folder, major=8)) as server:
        yield server


@pytest.fixture
def elasticsearch8(elasticsearch8_server: Server) -> str:
    """The URL of a running Elasticsearch 8, which answers a client of major version 9 with 400."""
    return _running(elasticsearch8_server)


@pytest.fixture
def server_folder() -> Iterator[Callable[[str], Path]]:
    """`server_folder("prometheus")`: a folder for a server of this test's own, gone when the test is over."""
    with ExitStack() as folders:
        yield lambda name: folders.enter_context(run_folder(name))


@pytest.fixture(scope="session")
def prometheus() -> Path:
    """The program; `prometheus_server.prometheus(folder, targets)` makes a server of a test's own."""
    return program("prometheus", "prometheus")


@pytest.fixture(scope="session")
def promtool() -> Path:
    return program("promtool", "prometheus")


@pytest.fixture(scope="session")
def alertmanager() -> Path:
    return program("prometheus-alertmanager", "prometheus-alertmanager")


@pytest.fixture(scope="session")
def rsyslog() -> Path:
    """The daemon, with the `logger` that feeds it; `rsyslog_daemon.daemon(folder, forwards)` makes one."""
    program("logger", "bsdutils")
    return program("rsyslogd", "rsyslog")


@contextmanager
def _there(name: str, make: Callable[[Path], Server]) -> Iterator[Server]:
    with run_folder(name) as folder, make(folder) as server:
        yield server


def _running(server: Server) -> str:
    server.resume()
    return server.start().address


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    with _absence_skips():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    with _absence_skips():
        return (yield)


@contextmanager
def _absence_skips() -> Iterator[None]:
    try:
        yield
    except Absent as reason:
        if os.environ.get("TIELINE_REQUIRE_SERVERS") == "1":
            pytest.fail(f"{_NO_SERVER}: {reason}; TIELINE_REQUIRE_SERVERS=1 demands it", pytrace=False)
        pytest.skip(f"{_NO_SERVER}: {reason}")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    reasons = [str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", ()) if report.longrepr]
    outside_data = sum(_NO_OUTSIDE_DATA in reason for reason in reasons)
    servers = sum(_NO_SERVER in reason for reason in reasons)
    terminalreporter.write_line(
        f"skipped for want of outside data: {outside_data}, for want of a server: {servers}, otherwise: "
        f"{len(reasons) - outside_data - servers}"
    )
