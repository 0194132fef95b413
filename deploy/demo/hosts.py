"""A host of the demo: its own network, processes, name and file system, and nothing left of it afterwards.

The file system is an overlay over this machine's, kept in memory: users, passwords, keys and logs of a host exist
only in there. Killing the host's first process ends every process of the host and drops all of it.
"""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

# pivot_root instead of chroot, so that nsenter lands in the host's own root. The devices are those that sshd,
# sudo, Xorg and openvpn open. bash stays as the first process: it reaps what daemons leave behind.
_INIT = r"""
set -e
mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root
cd /mnt/root
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t tmpfs -o mode=755 tmpfs dev
for node in null zero full random urandom tty; do touch dev/$node; mount --bind /dev/$node dev/$node; done
mkdir dev/net dev/pts dev/shm
touch dev/net/tun; mount --bind /dev/net/tun dev/net/tun
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts dev/pts
ln -s pts/ptmx dev/ptmx; ln -s /proc/self/fd dev/fd
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs run
mkdir -p run/sshd run/lock .old
rm -rf var/log/* && touch run/utmp var/log/wtmp var/log/btmp var/log/lastlog
hostname "$1"
printf '%s\n' "$1" > etc/hostname
printf '127.0.0.1 localhost %s\n' "$1" > etc/hosts
: > etc/resolv.conf
pivot_root . .old
umount -l /.old
echo "$2" > /proc/sys/kernel/ns_last_pid 2>/dev/null || true
touch /run/ready
while :; do sleep infinity & wait; done
"""
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class HostError(RuntimeError):
    """A command in a host ended badly; the message holds what it said."""


@dataclass
class Host:
    name: str
    first_pid: int = 600
    init: int = 0
    _outer: subprocess.Popen[bytes] | None = None
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self) -> None:
        # Were the recorder killed, the host must not outlive it: hence pdeathsig and kill-child.
        self._outer = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "KILL"),
                *("unshare", "--mount", "--uts", "--ipc", "--pid", "--net", "--fork", "--kill-child=KILL"),
                *("bash", "-c", _INIT, "host", self.name, str(self.first_pid)),
            ],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + 20
        children = Path(f"/proc/{self._outer.pid}/task/{self._outer.pid}/children")
        while time.monotonic() < deadline:
            if self._outer.poll() is not None:
                raise HostError(f"{self.name}: did not start")
            if first := children.read_text().split():
                self.init = int(first[0])
                if self.path("/run/ready").exists():
                    self.run("ip link set lo up")
                    return
            time.sleep(0.02)
        raise HostError(f"{self.name}: not ready after 20 s")

    def path(self, inside: str) -> Path:
        """Where a file of the host is seen from outside."""
        return Path(f"/proc/{self.init}/root{inside}")

    def write(self, inside: str, text: str, mode: int = 0o644) -> None:
        target = self.path(inside)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        target.chmod(mode)

    def _enter(self, script: str, user: str | None) -> list[str]:
        home = f"/home/{user}" if user else "/root"
        who = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"] if user else []
        clean = ["env", "-i", f"PATH={_PATH}", f"HOME={home}", "LANG=C.UTF-8", "TERM=dumb"]
        return [
            *("nsenter", "--target", str(self.init), "--mount", "--uts", "--ipc", "--net", "--pid", "--root"),
            *(f"--wd={self.path(home)}", "--", *who, *clean, "bash", "-c", script),
        ]

    def run(self, script: str, *, user: str | None = None, check: bool = True, timeout: float = 60) -> str:
        """Runs a shell script in the host to its end and returns what it printed."""
        done = subprocess.run(
            self._enter(script, user),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
        )
        said = done.stdout.decode(errors="backslashreplace")
        if check and done.returncode:
            raise HostError(f"{self.name}: {script.strip().splitlines()[-1]!r} ended with {done.returncode}:\n{said}")
        return said

    def spawn(self, script: str, *, user: str | None = None) -> subprocess.Popen[bytes]:
        """Starts a command in the host that goes on until the host ends, or `terminate()` is called."""
        process = subprocess.Popen(
            self._enter(f"exec {script}", user),
            stdin=subprocess.DEVNULL,
            stdout=self.path("/tmp/console").open("ab"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._running.append(process)
        return process

    def address(self, interface: str, address: str, switch: Host) -> None:
        """Plugs the host into a bridge of the switch; checksums are computed, not left to a network card."""
        bridge, port = interface.split("@")[1], f"{self.name}-{interface.split('@')[0]}"[:15]
        inside = interface.split("@")[0]
        octets = [int(octet) for octet in address.split("/")[0].split(".")]
        mac = "02:00:" + ":".join(f"{octet:02x}" for octet in octets)
        switch.run(f"ip link add {port} type veth peer name peer0 address {mac}")
        switch.run(f"ip link set {port} master {bridge} up; ethtool -K {port} tx off gso off tso off >/dev/null")
        # From outside the switch's process namespace: inside, the other host's first process has no number.
        subprocess.run(
            ["nsenter", "--target", str(switch.init), "--net", "ip", "link", "set", "peer0", "netns", str(self.init)],
            check=True,
        )
        self.run(
            f"ip link set peer0 name {inside}; ip address add {address} dev {inside}; ip link set {inside} up;"
            f" ethtool -K {inside} tx off gso off tso off > /dev/null"
        )

    def stop(self) -> None:
        if self._outer is not None and self._outer.poll() is None:
            self._outer.kill()
            self._outer.wait()
        for process in self._running:
            process.wait()


def wait_for(what: str, true: Callable[[], bool], seconds: float = 20) -> None:
    """Waits until `true()` holds; says what it waited for when it never does."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return
        time.sleep(0.1)
    raise HostError(f"waited {seconds:g} s for {what}")


def quoted(*words: str) -> str:
    return " ".join(shlex.quote(word) for word in words)
