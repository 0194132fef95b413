"""A real Elasticsearch node on 127.0.0.1: 9.4.3 complete enough for what we do, 8.19.21 for the client's sake.

Neither flavor has the `_data_stream` interface (a stream stays: give each test a name of its own), ILM, EQL, ES|QL,
or the field types `wildcard`, `constant_keyword`, `match_only_text`, `scaled_float`, `unsigned_long`, `version`.
"""

import json
import os
import pwd
import re
import shutil
import urllib.request
import zipfile
from pathlib import Path

from server_artifacts import jdk, kept, maven
from server_process import Absent, Server, free_port

_LEAST_JAVA = {9: 21, 8: 17}
_DATA = ("data", "logs", "tmp", "snapshots")
# Other platforms, and what no test of ours can reach. Inference alone would add seconds to each start.
_LEFT_OUT = re.compile(
    r"platform/(darwin|windows|linux-aarch64)|modules/x-pack-inference/|\.(bat|exe)$|sql-cli-[\d.]+jar$"
)


def node(folder: Path, *, major: int = 9, heap: str = "1g", **settings: str) -> Server:
    """Not started yet. A setting's dots are written as double underscores: `action__auto_create_index="false"`."""
    java_home = jdk(_LEAST_JAVA[major])
    home = kept(f"elasticsearch{major}", _unpack, for_nobody=True)
    port = free_port()
    config = _configure(home, folder, port, {key.replace("__", "."): value for key, value in settings.items()})
    java = ["-Xms4m", "-Xmx64m", "-XX:+UseSerialGC", f"-Des.path.home={home}", f"-Des.path.conf={config}"]
    java += ["-Des.distribution.type=zip", "-Des.java.type=ES_JAVA_HOME"]
    return Server(
        f"Elasticsearch {major}",
        [java_home / "bin" / "java", *java, *_launcher(home)],
        address=f"http://127.0.0.1:{port}",
        folder=folder,
        ready=lambda: _healthy(port),
        patience_s=180,
        grace_s=30,
        cwd=home,  # the launcher takes it for its home, whatever es.path.home says
        env=_environment(home, config, java_home, heap),
        run_as=_not_root(folder),
    )


def _unpack(pom: Path, folder: Path) -> None:
    """Straight out of Maven's own store: a second copy of the archive would be another gigabyte."""
    named = folder / "archive.path"
    maven(pom, "build-classpath", "-DincludeTypes=zip", f"-Dmdep.outputFile={named}")
    with zipfile.ZipFile(named.read_text().strip()) as archive:
        files = [name for name in archive.namelist() if not name.endswith("/")]
        core = next(name for name in files if re.search(r"/lib/elasticsearch-[\d.]+\.jar$", name))
        top = core[: core.index("/lib/") + 1]
        for name in files:
            if name.startswith(top) and not _LEFT_OUT.search(name):
                target = folder / name.removeprefix(top)
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(name) as packed, target.open("wb") as unpacked:
                    shutil.copyfileobj(packed, unpacked, 1 << 20)
    named.unlink()
    for needed in ("plugins", "logs", "config/jvm.options.d"):
        (folder / needed).mkdir(exist_ok=True)


def _configure(home: Path, folder: Path, port: int, settings: dict[str, str]) -> Path:
    config = folder / "config"
    shutil.copytree(home / "config", config)
    for name in _DATA:
        (folder / name).mkdir()
    wanted = {
        "cluster.name": "tieline-tests",
        "node.name": "one",
        "discovery.type": "single-node",
        "network.host": "127.0.0.1",
        "http.port": str(port),
        "transport.port": str(free_port()),
        "path.data": str(folder / "data"),
        "path.logs": str(folder / "logs"),
        "path.repo": str(folder / "snapshots"),
        "xpack.security.enabled": "false",
        "cluster.routing.allocation.disk.threshold_enabled": "false",  # a full disk would make every index read-only
    } | settings
    (config / "elasticsearch.yml").write_text("".join(f"{key}: {value}\n" for key, value in wanted.items()))
    options = config / "jvm.options"
    options.write_text(
        "".join(
            line
            for line in options.read_text().splitlines(keepends=True)
            if not re.search(r"Xlog:gc|HeapDumpOnOutOfMemory|UseG1GC", line)  # two collectors refuse to start
        )
    )
    return config


def _launcher(home: Path) -> list[str]:
    if (home / "lib" / "tools" / "server-launcher").is_dir():  # since 9.4
        return ["-cp", f"{home}/lib/tools/server-launcher/*", "org.elasticsearch.server.launcher.ServerLauncher"]
    tool = ["-Dcli.name=server", "-Dcli.script=elasticsearch", "-Dcli.libs=lib/tools/server-cli"]
    return [*tool, "-cp", f"{home}/lib/*:{home}/lib/cli-launcher/*", "org.elasticsearch.launcher.CliToolLauncher"]


def _environment(home: Path, config: Path, java_home: Path, heap: str) -> dict[str, str]:
    inherited = {key: os.environ[key] for key in ("PATH", "LANG", "LC_ALL", "TZ") if key in os.environ}
    temporary = str(config.parent / "tmp")
    return inherited | {
        "ES_HOME": str(home),
        "ES_PATH_CONF": str(config),
        "ES_JAVA_HOME": str(java_home),
        "ES_DISTRIBUTION_TYPE": "zip",
        "JAVA_TYPE": "ES_JAVA_HOME",
        "JAVA": str(java_home / "bin" / "java"),
        "ES_TMPDIR": temporary,
        "LIBFFI_TMPDIR": temporary,
        "HOSTNAME": "localhost",
        # Compiling less halves the start on a small machine.
        "ES_JAVA_OPTS": f"-Xms{heap} -Xmx{heap} -XX:+UseSerialGC -XX:TieredStopAtLevel=1",
    }


def _not_root(folder: Path) -> dict[str, object]:
    """Elasticsearch refuses to run as root; `nobody` then owns the run's folder."""
    if os.geteuid() != 0:
        return {}
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise Absent("Elasticsearch refuses to run as root, and there is no user nobody") from None
    for path in (folder, *folder.rglob("*")):
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_cluster/health", timeout=5) as answer:
            return bool(json.load(answer)["status"] != "red")
    except (OSError, ValueError):
        return False
