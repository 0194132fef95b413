#!/usr/bin/env python3
"""Records the demo's story afresh: real programs on hosts of their own, one rsyslogd a host, tcpdump on the cell.

sudo .venv/bin/python deploy/demo/record.py [--out engine/demo/records]
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True

import services  # noqa: E402
from cast import (  # noqa: E402
    EWS,
    FILES,
    JUMP,
    LOG_STYLE,
    PLC_MODBUS,
    PLC_S7,
    PLUGS,
    ROUTES,
    SPRAY_PASSWORD,
    SPRAYED,
    STAFF,
    VICTIM,
    WRONG_PASSWORD,
    password,
)
from hosts import Host, HostError, quoted, wait_for  # noqa: E402

_HERE = Path(__file__).resolve().parent
_PROJECT = _HERE.parents[1]
_TOOL = "/opt/plc-tools/plcctl"
_CAPTURE = "cell-a.pcap"
_MAX_BYTES = 400_000
# Command → the Debian package that has it.
_NEEDED = {
    "openvpn": "openvpn",
    "sshd": "openssh-server",
    "ssh": "openssh-client",
    "sshpass": "sshpass",
    "sudo": "sudo",
    "rsyslogd": "rsyslog",
    "xrdp": "xrdp",
    "xrdp-sesman": "xrdp",
    "xfreerdp": "freerdp2-x11",
    "Xvfb": "xvfb",
    "xauth": "xauth",
    "tcpdump": "tcpdump",
    "ethtool": "ethtool",
    "openssl": "openssl",
    "ip": "iproute2",
    "sysctl": "procps",
}


def missing() -> list[str]:
    """What this machine lacks for a recording, in words that say how to mend it."""
    lacks = [f"{name}: apt-get install {package}" for name, package in _NEEDED.items() if shutil.which(name) is None]
    if not Path("/usr/lib/xorg/modules/drivers/xrdpdev_drv.so").exists():
        lacks.append("xorgxrdp: apt-get install xorgxrdp")
    lacks += [
        f"{module}: pip install {package}"
        for module, package in {"snap7": "python-snap7", "pymodbus": "pymodbus"}.items()
        if importlib.util.find_spec(module) is None
    ]
    if os.geteuid() != 0:
        lacks.append("root: namespaces are made")
    if not Path("/dev/net/tun").exists():
        lacks.append("/dev/net/tun: modprobe tun")
    return lacks


def authority(folder: Path) -> None:
    """A certificate authority for the VPN, made for this one recording."""
    key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    (folder / "extensions").write_text("extendedKeyUsage=serverAuth\nkeyUsage=digitalSignature,keyAgreement\n")
    for command in (
        f"req -x509 {key} -keyout ca.key -out ca.crt -subj /CN=vpn-ca -days 30",
        f"req {key} -keyout server.key -out server.csr -subj /CN=vpn-gw",
        "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out server.crt -extfile extensions",
    ):
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)


class Recording:
    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self.switch = Host("cell-tap")
        self.hosts = {name: Host(name, 600 + 211 * number) for number, name in enumerate(PLUGS)}
        self.timeline: list[tuple[datetime.datetime, str]] = []

    def step(self, text: str) -> None:
        now = datetime.datetime.now(datetime.UTC)
        self.timeline.append((now, text))
        print(f"{now:%H:%M:%S}  {text}", file=sys.stderr, flush=True)

    def build(self) -> None:
        self.switch.start()
        for bridge in sorted({plug.split("@")[1] for plugs in PLUGS.values() for plug in plugs}):
            self.switch.run(f"ip link add {bridge} type bridge mcast_snooping 0; ip link set {bridge} up")
        for name, host in self.hosts.items():
            host.start()
            for plug, address in PLUGS[name].items():
                host.address(plug, address, self.switch)
            for route in ROUTES[name]:
                host.run(f"ip route add {route}")
        for router in ("vpn-gw", "ot-gw"):
            self.hosts[router].run("sysctl -qw net.ipv4.ip_forward=1")

    def furnish(self) -> None:
        """Users, programs and devices; rsyslogd first, so that it hears every program start."""
        hosts = self.hosts
        authority(self.scratch)
        services.users(hosts["vpn-gw"], *STAFF, admins=("p.neumann",))
        services.users(hosts["files-1"], *STAFF, admins=("p.neumann",))
        services.users(hosts["jump-1"], "d.fischer", VICTIM)
        services.users(hosts["ews-1"], "d.fischer", VICTIM, admins=("d.fischer", VICTIM))
        services.users(hosts["pc-1"], "p.neumann", "j.vogel", "s.krause", "d.fischer")
        services.users(hosts["home"], "a.weber")
        services.ssh_key("p.neumann", hosts["pc-1"], hosts["vpn-gw"], hosts["files-1"])
        services.ssh_key("s.krause", hosts["pc-1"], hosts["files-1"])
        for name in LOG_STYLE:
            services.syslog(hosts[name])
        for name in ("vpn-gw", "files-1", "ews-1"):
            services.sshd(hosts[name])
        services.openvpn_server(hosts["vpn-gw"], self.scratch)
        for name in ("jump-1", "ews-1"):
            services.xrdp(hosts[name])
        for name in ("attacker", "pc-1"):
            services.screen(hosts[name])
        self._devices()

    def _devices(self) -> None:
        for name, program in {"plc-1": "plc_s7", "plc-2": "plc_modbus", "hmi-1": "hmi"}.items():
            self.hosts[name].write(f"/opt/{program}.py", (_HERE / "devices" / f"{program}.py").read_text())
        tool = (_HERE / "devices" / "plcctl.py").read_text()
        self.hosts["ews-1"].write(_TOOL, f"#!{sys.executable}\n{tool}", 0o755)
        python = quoted(sys.executable)
        self.hosts["plc-1"].spawn(f"{python} /opt/plc_s7.py")
        self.hosts["plc-2"].spawn(f"{python} /opt/plc_modbus.py")
        wait_for("plc-1", lambda: ":102" in self.hosts["plc-1"].run("ss -Hltn"))
        wait_for("plc-2", lambda: ":502" in self.hosts["plc-2"].run("ss -Hltn"))
        self.tap = self.switch.spawn(
            "tcpdump -q -Z root -i br-cell --time-stamp-precision=nano -U"
            f" -w /tmp/{_CAPTURE} 'arp or tcp port 102 or tcp port 502'"
        )
        wait_for("the capture", self.switch.path(f"/tmp/{_CAPTURE}").exists)
        self.hosts["hmi-1"].spawn(f"{python} /opt/hmi.py {PLC_S7} {PLC_MODBUS}")

    # -- what people do ----------------------------------------------------------------------------------------------

    def ssh(
        self, source: str, user: str, target: str, command: str, *, word: str | None = None, tty: bool = False
    ) -> None:
        """One login by a real ssh client; by key where no password is given. A refused login is an answer too."""
        secret = f"sshpass -p {quoted(word)} " if word else ""
        options = "-o StrictHostKeyChecking=accept-new -o LogLevel=ERROR -o NumberOfPasswordPrompts=1"
        login = f"{secret}ssh {'-tt ' if tty else ''}{options} {target} {quoted(command)}"
        self.hosts[source].run(login, user=user, check=False)

    def sudo(self, user: str, *commands: str) -> str:
        """A shell line that gives each command to sudo, which asks for the password once."""
        first, *rest = commands
        line = f"echo {quoted(password(user))} | sudo -S -p '' {first}"
        return "; ".join([line, *(f"sleep 2; sudo {command}" for command in rest)])

    def rdp(
        self, source: str, user: str, word: str, target: str, *, display: str, name: str, sits: str | None = None
    ) -> subprocess.Popen[bytes]:
        """A real RDP client's login; returns the client, which stays on."""
        return self.hosts[source].spawn(
            f"env DISPLAY={display} xfreerdp /v:{target} /u:{user} /p:{quoted(word)} /cert:ignore"
            f" /size:800x600 /client-hostname:{name}",
            user=sits,
        )

    def logged(self, host: str, words: str, seconds: float = 30) -> None:
        log = self.hosts[host].path(f"/var/log/{host}.log")
        wait_for(f"{words!r} in the log of {host}", lambda: words in log.read_text(encoding="utf-8"), seconds)

    def log_off(self, host: str, user: str) -> None:
        """Ends the user's window manager, which ends the RDP session."""
        self.hosts[host].run("pkill -x sleep", user=user)

    # -- the story ---------------------------------------------------------------------------------------------------

    def ordinary_day(self) -> None:
        self.step("p.neumann administers vpn-gw over SSH, by key, with sudo")
        self.ssh("pc-1", "p.neumann", "10.20.0.1", self.sudo("p.neumann", "tail -n 3 /var/log/vpn-gw.log"), tty=True)
        self.step("j.vogel mistypes the password of files-1, then logs in; s.krause by key; a mistyped name")
        self.ssh("pc-1", "j.vogel", FILES, "ls", word=WRONG_PASSWORD)
        self.ssh("pc-1", "j.vogel", FILES, "ls", word=password("j.vogel"))
        self.ssh("pc-1", "s.krause", FILES, "ls")
        self.ssh("pc-1", "s.krause", f"skrause@{FILES}", "ls", word=password("s.krause"))
        self.step("a.weber at home: one typo at the VPN, then in, and on to files-1")
        services.vpn_login(self.hosts["home"], "a.weber", WRONG_PASSWORD, self.scratch)
        services.vpn_login(self.hosts["home"], "a.weber", password("a.weber"), self.scratch)
        self.ssh("home", "a.weber", FILES, "ls", word=password("a.weber"))
        self.step("the operator at hmi-1 raises the set-point within its range")
        self.touch_panel()
        self.step("d.fischer opens RDP to jump-1 from the office, with one typo")
        typo = self.rdp("pc-1", "d.fischer", WRONG_PASSWORD, JUMP, display=":1", name="PC-1")
        self.logged("jump-1", "login failed for user d.fischer")
        typo.terminate()
        visit = self.rdp("pc-1", "d.fischer", password("d.fischer"), JUMP, display=":1", name="PC-1")
        self.logged("jump-1", "Session started successfully for user d.fischer")
        time.sleep(3)
        self.log_off("jump-1", "d.fischer")
        self.logged("jump-1", "session closed for user d.fischer")
        visit.terminate()
        self.ssh("pc-1", "p.neumann", FILES, self.sudo("p.neumann", "du -s /home"), tty=True)

    def touch_panel(self) -> None:
        self.hosts["hmi-1"].run("pkill -USR1 -f /opt/hmi.py", check=False)

    def attack(self) -> None:
        self.step(f"203.0.113.66 sprays one password over {len(SPRAYED)} VPN users; {VICTIM}'s it is")
        for user in SPRAYED:
            inside = services.vpn_login(self.hosts["attacker"], user, SPRAY_PASSWORD, self.scratch)
            if inside != (user == VICTIM):
                raise HostError(f"the VPN's answer to {user} is not the story's")
        address = self.hosts["attacker"].run("ip -4 -o address show dev tun0").split()[3].split("/")[0]
        time.sleep(3)
        self.step(f"{VICTIM} ({address}, an address of the VPN) opens RDP to jump-1")
        self.rdp("attacker", VICTIM, SPRAY_PASSWORD, JUMP, display=":1", name="DESKTOP-K41")
        self.logged("jump-1", f"Session started successfully for user {VICTIM}")
        time.sleep(4)
        self.step(f"{VICTIM} opens RDP from jump-1 to ews-1, the engineering workstation")
        self.rdp("jump-1", VICTIM, SPRAY_PASSWORD, EWS, display=":10", name="jump-1", sits=VICTIM)
        self.logged("ews-1", f"Session started successfully for user {VICTIM}")
        time.sleep(4)
        self.step(f"{VICTIM} opens a shell on ews-1 from jump-1 and stops plc-1, with sudo")
        stop = self.sudo(VICTIM, f"{_TOOL} s7 {PLC_S7} identify", f"{_TOOL} s7 {PLC_S7} stop")
        self.ssh("jump-1", VICTIM, EWS, stop, word=SPRAY_PASSWORD, tty=True)
        time.sleep(4)
        self.step("ews-1 writes set-point and high alarm of plc-2 outside their engineering range")
        write = self.sudo(
            VICTIM,
            f"{_TOOL} modbus {PLC_MODBUS} read 40 3",
            f"{_TOOL} modbus {PLC_MODBUS} write 40 5000",
            f"{_TOOL} modbus {PLC_MODBUS} write 41 65535 1000",
        )
        self.ssh("jump-1", VICTIM, EWS, write, word=SPRAY_PASSWORD, tty=True)
        time.sleep(8)

    def repair(self) -> None:
        self.step("d.fischer, on call, starts plc-1 again from ews-1 and sets the registers right")
        visit = self.rdp("pc-1", "d.fischer", password("d.fischer"), JUMP, display=":1", name="PC-1")
        wait_for(
            "d.fischer's second session",
            lambda: (
                self.hosts["jump-1"]
                .path("/var/log/jump-1.log")
                .read_text(encoding="utf-8")
                .count("Session started successfully for user d.fischer")
                == 2
            ),
        )
        right = self.sudo(
            "d.fischer",
            f"{_TOOL} modbus {PLC_MODBUS} write 40 620 850 20",
            f"{_TOOL} s7 {PLC_S7} hot-start",
        )
        self.ssh("jump-1", "d.fischer", EWS, right, word=password("d.fischer"), tty=True)
        time.sleep(5)
        visit.terminate()
        self.step("end")

    # -- what is kept ------------------------------------------------------------------------------------------------

    def collect(self, out: Path) -> None:
        self.tap.send_signal(signal.SIGTERM)
        time.sleep(1)
        out.mkdir(parents=True, exist_ok=True)
        for name in LOG_STYLE:
            (out / f"{name}.log").write_bytes(self.hosts[name].path(f"/var/log/{name}.log").read_bytes())
        self._describe(out / "README.md")
        (out / _CAPTURE).write_bytes(self.switch.path(f"/tmp/{_CAPTURE}").read_bytes())

    def _describe(self, readme: Path) -> None:
        packages = sorted(set(_NEEDED.values()))
        listed = subprocess.run(
            ["dpkg-query", "-W", "-f", "${Package} ${Version}\n", *packages], check=True, capture_output=True, text=True
        )
        versions = dict(line.split() for line in listed.stdout.splitlines())
        versions |= {name: importlib.metadata.version(name) for name in ("python-snap7", "pymodbus")}
        text = (_HERE / "templates" / "records.md").read_text(encoding="utf-8")
        timeline = "\n".join(f"- {moment:%H:%M:%S} {what}" for moment, what in self.timeline)
        words = versions | {"day": f"{self.timeline[0][0]:%Y-%m-%d}", "timeline": timeline}
        readme.write_text(re.sub(r"{([\w-]+)}", lambda name: words[name[1]], text), encoding="utf-8")

    def stop(self) -> None:
        for host in (*self.hosts.values(), self.switch):
            host.stop()


def faults(out: Path) -> list[str]:
    """What must not be in records that others get: traces of this machine, and too many bytes."""
    found = []
    traces = {os.uname().nodename, str(_PROJECT), str(_PROJECT.parent), sys.prefix, str(Path.home())} - {"/"}
    for record in sorted(out.iterdir()):
        data = record.read_bytes()
        for trace in sorted(traces):
            if re.search(rb"(?<![\w-])" + re.escape(trace.encode()) + rb"(?![\w-])", data):
                found.append(f"{record.name}: names this machine: {trace}")
        if any(word.encode() in data for word in (SPRAY_PASSWORD, WRONG_PASSWORD, "own-word-of-")):
            found.append(f"{record.name}: holds a password")
    if (total := sum(record.stat().st_size for record in out.iterdir())) > _MAX_BYTES:
        found.append(f"{total} bytes in all, more than {_MAX_BYTES}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=_PROJECT / "engine" / "demo" / "records")
    out = parser.parse_args().out
    if lacks := missing():
        print("A recording needs:", *lacks, sep="\n  ", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as folder:
        recording = Recording(Path(folder))
        fresh = Path(folder) / "records"
        try:
            recording.build()
            recording.furnish()
            recording.ordinary_day()
            recording.attack()
            recording.repair()
            recording.collect(fresh)
        except (HostError, subprocess.SubprocessError) as failed:
            print(f"record.py: {failed}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("record.py: interrupted, nothing kept", file=sys.stderr)
            return 130
        finally:
            recording.stop()
        if found := faults(fresh):
            print("The records are not fit to be kept:", *found, sep="\n  ", file=sys.stderr)
            return 1
        out.mkdir(parents=True, exist_ok=True)
        for record in fresh.iterdir():
            shutil.copyfile(record, out / record.name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
