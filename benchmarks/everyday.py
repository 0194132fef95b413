"""What a SOC receives when nothing happens."""

import random
from bisect import bisect
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any

import orjson

from benchmarks.names import Names
from benchmarks.windows import Windows

_SERVICES = (
    ("systemd", 1, "Started session-{n}.scope - Session {n} of User {user}."),
    ("dhcpd", 812, "DHCPACK on 10.20.{a}.{b} to 00:00:5e:00:{c:02x}:{b:02x} via eth1"),
    ("postfix/smtpd", 2201, "connect from mail-{n}.example.net[198.51.100.{b}]"),
    ("nginx", 977, '198.51.100.{b} - - "GET /status/{n} HTTP/1.1" 200 {n} "-" "check/2.1"'),
    ("ntpd", 640, "adjusting local clock by 0.{n}s"),
    ("CRON", 5120, "(root) CMD (/usr/lib/jobs/rotate {n})"),
)
_COMMANDS = ("systemctl restart app", "tail -n 50 /var/log/syslog", "apt-get update", "ls /root", "journalctl -n 100")
_FUNCTIONS = {
    "read": (3, "read_holding_registers"),
    "write": (6, "write_single_register"),
    "plc_stop": (90, "stop_plc"),
}
_NOISE = (22, 23, 80, 443, 445, 3389, 5900, 8080)


class Everyday:
    """``line(when)`` gives a line of any kind, by its share; ``root_logons`` counts those that a rule reports."""

    def __init__(self, rng: random.Random, names: Names, start: float) -> None:
        self._rng = rng
        self._names = names
        self._start = start
        self._windows = Windows(rng, names)
        shares: tuple[tuple[int, Callable[[float], bytes]], ...] = (
            (34, self._firewall),
            (27, lambda when: self._windows.line(iso(when))),
            (14, self._plant),
            (8, self._ssh),
            (6, self._service),
            (5, self._sudo),
            (4, self._vpn),
            (2, self._desktop),
        )
        self._kinds = [kind for _, kind in shares]
        self._sums = list(accumulate(share for share, _ in shares))
        self.root_logons = 0

    def line(self, when: float) -> bytes:
        return self._kinds[bisect(self._sums, self._rng.random() * self._sums[-1])](when)

    def _firewall(self, when: float) -> bytes:
        rng, names = self._rng, self._names
        if rng.random() < 0.3:  # what the internet tries all day
            prefix, ways = "DROP-WAN", "IN=wan0 OUT="
            source = f"198.18.{rng.randrange(256)}.{rng.randrange(1, 255)}"
            target, port = f"203.0.113.{rng.randrange(8, 40)}", rng.choice(_NOISE)
        else:
            prefix, ways, source = "ACCEPT-OUT", "IN=lan0 OUT=wan0", names.inside()
            target, port = f"192.0.2.{rng.randrange(1, 255)}", names.service()
        datagram = port in (53, 123, 161, 514)
        text = (
            f"[{when - self._start + 81234:.6f}] {prefix} {ways} "
            f"MAC=00:00:5e:00:53:01:00:00:5e:00:53:{rng.randrange(256):02x}:08:00 SRC={source} DST={target} "
            f"LEN={rng.randrange(40, 1500)} TOS=0x00 PREC=0x00 TTL={rng.randrange(40, 128)} "
            f"ID={rng.randrange(65536)} DF "
            f"PROTO={'UDP' if datagram else 'TCP'} SPT={names.port()} DPT={port} "
            f"{'LEN=40' if datagram else 'WINDOW=64240 RES=0x00 SYN URGP=0'}"
        )
        return syslog(when, f"fw-{rng.randrange(1, 3)}", "kernel", None, text, 4)

    def _plant(self, when: float) -> bytes:
        rng = self._rng
        cell, plc, address = 99 + rng.randrange(4), rng.randrange(31, 43), rng.randrange(0, 64)
        if rng.random() < 0.93:
            value: Any = [rng.randrange(0, 900) for _ in range(10)]
            return modbus(when, "read", f"10.{cell}.0.10", f"10.{cell}.0.{plc}", address, value)
        return modbus(when, "write", f"10.{cell}.0.10", f"10.{cell}.0.{plc}", address, rng.randrange(0, 900))

    def _ssh(self, when: float) -> bytes:
        rng, names = self._rng, self._names
        host, user, port, kind = names.host(), names.user(), names.port(), rng.random()
        address = names.home(user)
        priority = 38
        if kind < 0.30:
            key = f"{rng.getrandbits(250):064x}"[:43]
            text = f"Accepted publickey for {user} from {address} port {port} ssh2: ED25519 SHA256:{key}"
        elif kind < 0.55:
            text = f"pam_unix(sshd:session): session opened for user {user}(uid={1000 + len(user)}) by (uid=0)"
            priority = 86
        elif kind < 0.78:
            text, priority = f"pam_unix(sshd:session): session closed for user {user}", 86
        elif kind < 0.97:
            text = f"Received disconnect from {address} port {port}:11: disconnected by user"
        elif kind < 0.994:
            text = f"Failed password for {user} from {names.mistyping()} port {port} ssh2"
        else:
            self.root_logons += 1
            text = f"Accepted publickey for root from 10.20.1.5 port {port} ssh2: ED25519 SHA256:{'backup' * 7}b"
        return syslog(when, host, "sshd", names.pid(), text, priority)

    def _service(self, when: float) -> bytes:
        rng, names = self._rng, self._names
        program, pid, text = rng.choice(_SERVICES)
        said = text.format(
            n=rng.randrange(100, 9999), user=names.user(), a=rng.randrange(16), b=rng.randrange(10, 250), c=pid % 256
        )
        return syslog(when, names.host(), program, pid, said, 30)

    def _sudo(self, when: float) -> bytes:
        rng, names = self._rng, self._names
        host, user, kind = names.host(), names.user(), rng.random()
        if kind < 0.30:
            command = rng.choice(_COMMANDS)
            text = f"{user} : TTY=pts/{rng.randrange(9)} ; PWD=/srv/{user} ; USER=root ; COMMAND=/usr/bin/{command}"
            return syslog(when, host, "sudo", None, text, 85)
        if kind < 0.60:
            text = "pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)"
            return syslog(when, host, "CRON", names.pid(), text, 86)
        if kind < 0.80:
            return syslog(when, host, "CRON", names.pid(), "pam_unix(cron:session): session closed for user root", 86)
        if kind < 0.99:
            text = f"pam_unix(sudo:session): session opened for user root(uid=0) by {user}(uid={1000 + len(user)})"
            return syslog(when, host, "sudo", None, text, 86)
        user, host = names.forgetful()
        text = f"{user} : 1 incorrect password attempt ; TTY=pts/1 ; PWD=/srv/{user} ; USER=root ; COMMAND=/bin/ls"
        return syslog(when, host, "sudo", None, text, 85)

    def _vpn(self, when: float) -> bytes:
        rng, names = self._rng, self._names
        user = names.user()
        peer = f"{names.outside(user)}:{names.port()}"
        text = rng.choice(
            (
                f"{peer} TLS: Username/Password authentication succeeded for username '{user}' [CN SET]",
                f"{peer} [{user}] Peer Connection Initiated with [AF_INET]{peer}",
                f"{user}/{peer} MULTI_sva: pool returned IPv4=10.8.0.{rng.randrange(2, 250)}, IPv6=(Not enabled)",
                f"{peer} VERIFY OK: depth=1, CN=Example CA",
                f"{user}/{peer} Data Channel: using negotiated cipher 'AES-256-GCM'",
                f"{user}/{peer} SIGTERM[soft,remote-exit] received, client-instance exiting",
            )
        )
        return syslog(when, "vpn-1", "openvpn", 1193, text, 29)

    def _desktop(self, when: float) -> bytes:
        user = self._names.user()
        address, port = self._names.home(user), self._names.port()
        if self._rng.random() < 0.5:
            text = f"[INFO ] Socket 12: AF_INET6 connection received from ::ffff:{address} port {port}"
            return syslog(when, "jump-2", "xrdp", self._names.pid(), text, 30)
        return desktop(when, "jump-2", user, address, port)


def syslog(when: float, host: str, program: str, pid: int | None, text: str, priority: int = 38) -> bytes:
    """RFC 5424 of hosts with an odd number, RFC 3164 of the others."""
    moment = datetime.fromtimestamp(when, UTC)
    if int(host[-1]) % 2:
        process = "-" if pid is None else str(pid)
        return f"<{priority}>1 {moment:%Y-%m-%dT%H:%M:%S.%f}Z {host} {program} {process} - - {text}".encode()
    process = "" if pid is None else f"[{pid}]"
    return f"<{priority}>{moment:%b} {moment.day:2} {moment:%H:%M:%S} {host} {program}{process}: {text}".encode()


def desktop(when: float, host: str, user: str, address: str, port: int) -> bytes:
    """A session that xrdp has granted."""
    text = f"[INFO ] ++ created session (access granted): username {user}, ip ::ffff:{address}:{port} - socket: 12"
    return syslog(when, host, "xrdp-sesman", 901, text, 30)


def modbus(when: float, operation: str, source: str, target: str, address: int, value: Any) -> bytes:
    """An OT event, as a sensor with role `collect` gives it."""
    code, name = _FUNCTIONS[operation]
    event: dict[str, Any] = {
        "@timestamp": iso(when),
        "event.kind": "event",
        "event.category": ["network"],
        "event.type": ["info"],
        "event.outcome": "success",
        "event.duration": 4_100_000,
        "source.ip": source,
        "source.port": 49_152 + address,
        "destination.ip": target,
        "destination.port": 502,
        "network.transport": "tcp",
        "network.protocol": "modbus",
        "ot.protocol": "modbus",
        "ot.operation": operation,
        "ot.function_code": code,
        "ot.function": name,
        "ot.unit_id": 1,
        "ot.address": address,
        "ot.address_space": "holding_register",
        "ot.count": len(value) if isinstance(value, list) else 1,
        "ot.value": value,
        "observer.name": "sensor-1",
        "tieline.logsource.category": "ot_protocol",
        "tieline.logsource.product": "modbus",
    }
    return orjson.dumps(event)


def iso(when: float) -> str:
    return f"{datetime.fromtimestamp(when, UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
