"""A real Kafka node, broker and controller in one (KRaft), on 127.0.0.1::

with run_folder("kafka") as folder, broker(folder) as kafka:
    producer = KafkaProducer(bootstrap_servers=kafka.address)
"""

import base64
import shutil
import socket
import struct
import subprocess
import uuid
from pathlib import Path

from server_artifacts import jdk, kept, maven
from server_process import Server, StartFailure, free_port

_API_VERSIONS = 18  # https://kafka.apache.org/protocol#The_Messages_ApiVersions


def broker(folder: Path, *, heap: str = "512m", **settings: str) -> Server:
    """Not started yet. A setting's dots are written as underscores: `log_retention_ms="1000"`."""
    java = jdk(17) / "bin" / "java"
    jars = kept("kafka", _copy_jars)
    port, controller_port = free_port(), free_port()
    properties = folder / "server.properties"
    wanted = _settings(folder, port, controller_port) | {
        key.replace("_", "."): value for key, value in settings.items()
    }
    properties.write_text("".join(f"{key}={value}\n" for key, value in wanted.items()))
    log4j = folder / "log4j2.properties"
    log4j.write_text(_LOG4J)
    runtime = [str(java), f"-Dlog4j2.configurationFile={log4j}", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
    runtime += ["-cp", f"{jars}/*"]
    _format(runtime, properties)
    return Server(
        "Kafka",
        [*runtime[:1], f"-Xms{heap}", f"-Xmx{heap}", *runtime[1:], "kafka.Kafka", properties],
        address=f"127.0.0.1:{port}",
        folder=folder,
        ready=lambda: _answers(port),
        patience_s=90,
    )


def _settings(folder: Path, port: int, controller_port: int) -> dict[str, str]:
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(folder / "data"),
        "num.partitions": "3",
        "auto.create.topics.enable": "false",  # a misspelt topic shall fail a test, not appear
        # One node: no topic of Kafka's own can have a second replica, and few partitions open faster.
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "2",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "2",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
        # A killed broker may register again when its last heartbeat is this old (9 s unless told otherwise).
        "broker.session.timeout.ms": "4000",
        "broker.heartbeat.interval.ms": "1000",
        # A group waits this long for a killed member: a client may ask for as little as this.
        "group.min.session.timeout.ms": "1000",
        "log.cleaner.dedupe.buffer.size": "16777216",
    }


_LOG4J = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %p %c{1} %m%n
rootLogger.level = WARN
rootLogger.appenderRef.console.ref = console
"""


def _copy_jars(pom: Path, folder: Path) -> None:
    maven(pom, "copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder}")


def _format(runtime: list[str], properties: Path) -> None:
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    # with "=": an id may begin with a dash
    tool = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "--config", str(properties)]
    command = [*runtime, *tool]
    done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    if done.returncode:
        shutil.rmtree(properties.parent / "data", ignore_errors=True)
        raise StartFailure(f"Kafka's storage could not be formatted: {done.stdout}{done.stderr}")


def _answers(port: int) -> bool:
    """A listening port is not enough: the node listens before it has joined its own quorum."""
    client = b"tests"
    question = struct.pack(f">hhih{len(client)}s", _API_VERSIONS, 0, 1, len(client), client)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(struct.pack(">i", len(question)) + question)
            answer = connection.recv(10, socket.MSG_WAITALL)
    except OSError:
        return False
    return len(answer) == 10 and struct.unpack(">iih", answer)[1:] == (1, 0)  # our correlation id, no error
