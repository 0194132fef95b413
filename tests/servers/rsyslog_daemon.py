"""A real rsyslog that forwards what the real `logger` writes to its socket::

to_us = Forward("tcp", 6514, framing="octet-counted", tls=Tls(ca, certificate, key, "collector.plant.example"))
with daemon(folder, [to_us], hostname="vpn-1") as rsyslog:
    log(rsyslog, "Failed password for jdoe from 192.0.2.7", tag="sshd", pid=811, priority="auth.info")
"""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from server_process import Absent, Server, program

_TEMPLATES = {
    "3164": "RSYSLOG_TraditionalForwardFormat",
    "5424": "RSYSLOG_SyslogProtocol23Format",
    "iso": "RSYSLOG_ForwardFormat",  # RFC 3164 with an RFC 3339 time: what rsyslog sends unless told otherwise
}
_TLS_DRIVER = "rsyslog/lmnsd_gtls.so"  # below /usr/lib/<architecture> or /usr/lib


@dataclass(frozen=True)
class Tls:
    """Files in PEM; the certificate is the client's, presented where the server asks for one."""

    ca: Path
    certificate: Path
    key: Path
    server_name: str = "localhost"


@dataclass(frozen=True)
class Forward:
    protocol: Literal["udp", "tcp"]
    port: int
    framing: Literal["octet-counted", "traditional"] = "traditional"
    format: Literal["3164", "5424", "iso"] = "5424"
    host: str = "127.0.0.1"
    tls: Tls | None = None


def daemon(folder: Path, forwards: Sequence[Forward], *, hostname: str | None = None) -> Server:
    """Not started yet; `address` is the path of its log socket. `hostname` is the name it gives for its own."""
    log_socket = folder / "log.sock"
    config = folder / "rsyslog.conf"
    config.write_text(_configuration(folder, log_socket, forwards, hostname))
    return Server(
        "rsyslog",
        [program("rsyslogd", "rsyslog"), "-n", "-f", config, "-i", folder / "rsyslogd.pid"],
        address=str(log_socket),
        folder=folder,
        ready=log_socket.exists,
        grace_s=10,
    )


def log(
    rsyslog: Server, *messages: str, tag: str = "tieline", pid: int | None = None, priority: str = "user.notice"
) -> None:
    """One record a message, in order, written by util-linux `logger`."""
    command = [str(program("logger", "bsdutils")), "--socket", rsyslog.address, "--tag", tag, "--priority", priority]
    if pid is not None:
        command += [f"--id={pid}"]
    text = "".join(f"{message}\n" for message in messages)
    subprocess.run(command, input=text, text=True, check=True, timeout=60)


def _configuration(folder: Path, log_socket: Path, forwards: Sequence[Forward], hostname: str | None) -> str:
    tls = next((forward.tls for forward in forwards if forward.tls), None)
    settings = [f'workDirectory="{folder}"', 'maxMessageSize="64k"']
    if hostname is not None:
        settings.append(f'localHostname="{hostname}"')
    if tls is not None:
        if not any(any(Path("/usr").glob(f"{place}/{_TLS_DRIVER}")) for place in ("lib", "lib64", "lib/*")):
            raise Absent("rsyslog has no TLS on this machine (Debian package rsyslog-gnutls)")
        settings += [
            f'defaultNetstreamDriverCAFile="{tls.ca}"',
            f'defaultNetstreamDriverCertFile="{tls.certificate}"',
            f'defaultNetstreamDriverKeyFile="{tls.key}"',
        ]
    source = f'input(type="imuxsock" socket="{log_socket}" rateLimit.interval="0")'
    lines = [f"global({' '.join(settings)})", 'module(load="imuxsock" sysSock.use="off")', source]
    return "\n".join([*lines, *map(_action, forwards)]) + "\n"


def _action(forward: Forward) -> str:
    parameters = {
        "type": "omfwd",
        "target": forward.host,
        "port": str(forward.port),
        "protocol": forward.protocol,
        "template": _TEMPLATES[forward.format],
        # A receiver that is down for a while loses nothing: the queue holds, the action tries again for ever.
        "action.resumeRetryCount": "-1",
        "action.resumeInterval": "1",
        "queue.type": "LinkedList",
        "queue.size": "100000",
    }
    if forward.protocol == "tcp":
        parameters["tcp_framing"] = forward.framing
    if forward.tls is not None:
        parameters |= {
            "streamDriver": "gtls",
            "streamDriverMode": "1",
            "streamDriverAuthMode": "x509/name",
            "streamDriverPermittedPeers": forward.tls.server_name,
        }
    return "action(" + " ".join(f'{key}="{value}"' for key, value in parameters.items()) + ")"
