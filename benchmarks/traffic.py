"""A made-up but plausible day at a SOC: the same lines for the same seed, in the order in which they arrive.

Firewall 34 %, Windows (winlogbeat JSON) 27 %, OT events (JSON) 14 %, sshd with PAM 8 %, services without a format of
their own 6 %, sudo and cron 5 %, OpenVPN 4 %, xrdp 2 %. Half of the hosts write RFC 3164, half RFC 5424. Names and
addresses follow Zipf's law, a user nearly always comes from one address, ports and process ids hardly repeat, times are
up to 0.8 s out of order. Every 45 s an attack, a near miss or the whole story of the README begins.

`python -m benchmarks.traffic LINES` prints them.
"""

import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from heapq import heappop, heappush

from benchmarks.everyday import Everyday, desktop, modbus, syslog
from benchmarks.names import GUESSED, Names

START_S = datetime(2026, 3, 2, 6, tzinfo=UTC).timestamp()

_LAST_START_S = 240  # no attack begins so shortly before the end: each is there whole


class Traffic:
    """``lines(count)`` gives ``count`` lines; ``truth`` then says how many attacks of each kind are in them."""

    def __init__(self, *, seed: int = 7, per_second: float = 300.0, attack_every_s: float = 45.0) -> None:
        self._rng = random.Random(seed)
        self._names = Names(self._rng)
        self._everyday = Everyday(self._rng, self._names, START_S)
        self._step_s = 1 / per_second
        self._attack_every_s = attack_every_s
        self._waiting: list[tuple[float, int, bytes, str]] = []
        self._serial = 0
        self._attacks = 0
        self._ended = {"brute force": 0, "logon after brute force": 0, "sudo again and again": 0, "story": 0}

    @property
    def truth(self) -> dict[str, int]:
        attacks = {kind: count for kind, count in self._ended.items() if kind != "story"}
        return {"root logon": self._everyday.root_logons, **attacks}

    @property
    def stories(self) -> int:
        return self._ended["story"]

    def lines(self, count: int) -> Iterator[bytes]:
        rng, waiting, step, everyday = self._rng, self._waiting, self._step_s, self._everyday.line
        now, next_attack = START_S, START_S + self._attack_every_s / 3
        last_start = START_S + count * step - _LAST_START_S
        given = 0
        while given < count:
            now += step * (0.2 + 1.6 * rng.random())
            if next_attack <= now < last_start:
                next_attack = now + self._attack_every_s
                self._attack(now)
            while waiting and waiting[0][0] <= now and given < count:
                _, _, line, ends = heappop(waiting)
                if ends:
                    self._ended[ends] += 1
                given += 1
                yield line
            if given < count:
                given += 1
                yield everyday(now - 0.8 * rng.random() ** 4)

    def _at(self, when: float, line: bytes, ends: str = "") -> None:
        self._serial += 1
        heappush(self._waiting, (when, self._serial, line, ends))

    def _attack(self, now: float) -> None:
        self._attacks += 1
        match self._attacks % 6:
            case 1:
                self._brute_force(now, succeeds=False)
            case 4:
                self._brute_force(now, succeeds=True)
            case 2 | 5:
                self._refused_by_sudo(now)
            case 3:
                self._near_miss(now)
            case _:
                self._story(now)

    def _attacker(self) -> str:
        """An address that attacks once."""
        return f"198.19.{self._attacks // 254 % 256}.{self._attacks % 254 + 1}"

    def _guess(self, when: float, host: str, address: str, name: str, ends: str = "") -> None:
        port = self._names.port()
        self._at(when, syslog(when, host, "sshd", port, f"Invalid user {name} from {address} port {port}"))
        when += 0.4
        text = f"Failed password for invalid user {name} from {address} port {port} ssh2"
        self._at(when, syslog(when, host, "sshd", port, text), ends)

    def _let_in(self, when: float, host: str, address: str, name: str, ends: str = "") -> None:
        self._at(
            when, syslog(when, host, "sshd", 4711, f"Accepted password for {name} from {address} port 40022 ssh2"), ends
        )

    def _brute_force(self, when: float, *, succeeds: bool) -> None:
        host, address, guesses = self._names.host(), self._attacker(), self._rng.randrange(15, 60)
        for number in range(guesses):
            when += 0.5 + self._rng.random()
            self._guess(when, host, address, self._rng.choice(GUESSED), "brute force" if number == guesses - 1 else "")
        if succeeds:
            self._let_in(when + 5, host, address, self._names.user(), "logon after brute force")

    def _near_miss(self, when: float) -> None:
        """Four names are eight refusals, far from twenty; the logon behind them is no logon after brute force."""
        host, address = self._names.host(), self._attacker()
        for name in GUESSED[:4]:
            when += 3
            self._guess(when, host, address, name)
        self._let_in(when + 5, host, address, self._names.user())

    def _refused_by_sudo(self, when: float) -> None:
        user, host, tries = f"intern{self._attacks}", self._names.host(), self._rng.randrange(5, 10)
        text = f"{user} : user NOT in sudoers ; TTY=pts/3 ; PWD=/srv/{user} ; USER=root ; COMMAND=/bin/cat /etc/shadow"
        for number in range(tries):
            when += 2 + 6 * self._rng.random()
            line = syslog(when, host, "sudo", None, text, 81)
            self._at(when, line, "sudo again and again" if number == tries - 1 else "")

    def _story(self, when: float) -> None:
        """Spray at the VPN → logon → RDP to jump host and engineering workstation → PLC stopped → registers."""
        address, tunnel, victim = self._attacker(), f"10.8.0.{self._attacks % 250 + 2}", f"v.story{self._attacks}"
        for number in range(8):
            when += 4
            text = "pam_unix(openvpn:auth): authentication failure; logname= uid=0 euid=0 tty= ruser= "
            text += f"rhost={address}  user=v.sprayed{self._attacks}x{number}"
            self._at(when, syslog(when, "vpn-1", "openvpn", 1194, text, 85))
        when += 4
        peer = f"{address}:{self._names.port()}"
        text = f"{peer} TLS: Username/Password authentication succeeded for username '{victim}' [CN SET]"
        self._at(when, syslog(when, "vpn-1", "openvpn", 1193, text, 29))
        when += 2
        text = f"{victim}/{peer} MULTI_sva: pool returned IPv4={tunnel}, IPv6=(Not enabled)"
        self._at(when, syslog(when, "vpn-1", "openvpn", 1193, text, 29))
        for host, source in (("jump-1", tunnel), ("ews-1", "10.30.0.5")):
            when += 20
            self._at(when, desktop(when, host, victim, source, self._names.port()))
        when += 15
        self._at(when, modbus(when, "plc_stop", "10.99.0.20", "10.99.0.31", 0, 0))
        for number in range(3):
            when += 5
            ends = "story" if number == 2 else ""
            self._at(when, modbus(when, "write", "10.99.0.20", "10.99.0.32", 40 + number, 1500), ends)


if __name__ == "__main__":
    for made in Traffic().lines(int(sys.argv[1])):
        sys.stdout.buffer.write(made + b"\n")
