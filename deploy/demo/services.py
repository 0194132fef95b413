"""The programs of the hosts, set up as Debian sets them up: rsyslogd, sshd, openvpn, xrdp."""

from __future__ import annotations

from pathlib import Path

from cast import LOG_STYLE, VPN_OUTSIDE, password
from hosts import Host, quoted, wait_for

_TEMPLATES = Path(__file__).parent / "templates"


def _template(name: str, **words: str) -> str:
    text = (_TEMPLATES / name).read_text(encoding="utf-8")
    return text.format(**words) if words else text


def users(host: Host, *names: str, admins: tuple[str, ...] = ()) -> None:
    for name in names:
        groups = "-G sudo" if name in admins else ""
        host.run(f"useradd -m -s /bin/bash {groups} {name}; echo {quoted(f'{name}:{password(name)}')} | chpasswd")
    # There is no logind here, and often no right to raise limits: both would complain at every login.
    host.run("sed -i -e /pam_systemd/d -e /pam_limits/d /etc/pam.d/common-session /etc/pam.d/sudo /etc/pam.d/sshd")


def syslog(host: Host) -> None:
    host.write("/etc/rsyslog.conf", _template("rsyslog.conf", host=host.name, template=LOG_STYLE[host.name]))
    host.run("rm -rf /etc/rsyslog.d; mkdir -p /run/rsyslog")
    host.spawn("rsyslogd -n -f /etc/rsyslog.conf -i /run/rsyslogd.pid")
    wait_for(f"{host.name}: /dev/log", host.path("/dev/log").exists)


def sshd(host: Host) -> None:
    host.write("/etc/ssh/sshd_config", _template("sshd_config"))
    host.run("rm -rf /etc/ssh/sshd_config.d; rm -f /etc/ssh/ssh_host_*; ssh-keygen -q -A; /usr/sbin/sshd")


def ssh_key(user: str, source: Host, *targets: Host) -> None:
    source.run("mkdir -p .ssh; ssh-keygen -q -t ed25519 -N '' -C key -f .ssh/id_ed25519", user=user)
    public = source.path(f"/home/{user}/.ssh/id_ed25519.pub").read_text(encoding="ascii")
    for target in targets:
        target.run(
            f"mkdir -p .ssh; echo {quoted(public.strip())} >> .ssh/authorized_keys; chmod -R go= .ssh", user=user
        )


def openvpn_server(host: Host, authority: Path) -> None:
    """Runs as Debian's openvpn@server.service does; user names and passwords are PAM's."""
    host.run("rm -rf /etc/openvpn; mkdir -p /run/openvpn /etc/openvpn; sysctl -qw net.ipv4.ip_forward=1")
    plugin = next(iter(Path("/usr/lib").glob("*/openvpn/plugins/openvpn-plugin-auth-pam.so")))
    host.write("/etc/openvpn/server.conf", _template("openvpn-server.conf", plugin=str(plugin)))
    host.write("/etc/pam.d/openvpn", _template("openvpn.pam"))
    for name in ("ca.crt", "server.crt", "server.key"):
        host.write(f"/etc/openvpn/{name}", (authority / name).read_text(encoding="ascii"), 0o600)
    host.run(
        "openvpn --daemon ovpn-server --status /run/openvpn/server.status 10 --cd /etc/openvpn"
        " --config /etc/openvpn/server.conf --writepid /run/openvpn/server.pid"
    )
    wait_for("the VPN's tunnel device", lambda: "tun0" in host.run("ip -o link"))


def vpn_login(host: Host, user: str, word: str, authority: Path) -> bool:
    """A real client's login; True when the tunnel is up, which then stays up."""
    host.write("/etc/openvpn/client/client.conf", _template("openvpn-client.conf", server=VPN_OUTSIDE))
    host.write("/etc/openvpn/client/ca.crt", (authority / "ca.crt").read_text(encoding="ascii"))
    host.write("/etc/openvpn/client/credentials", f"{user}\n{word}\n", 0o600)
    said = host.path("/tmp/openvpn.log")
    said.unlink(missing_ok=True)
    client = host.spawn("openvpn --cd /etc/openvpn/client --config client.conf --log /tmp/openvpn.log")

    def answered() -> bool:
        return client.poll() is not None or (
            said.exists() and "Initialization Sequence Completed" in said.read_text(encoding="utf-8")
        )

    wait_for(f"the VPN's answer to {user}", answered)
    return client.poll() is None


def xrdp(host: Host) -> None:
    """Starts both daemons as Debian's init script does."""
    host.write("/etc/xrdp/startwm.sh", _template("startwm.sh"), 0o755)
    host.run(
        "rm -f /etc/xrdp/cert.pem /etc/xrdp/key.pem; openssl req -x509 -newkey rsa:2048 -nodes -days 30"
        f" -subj /CN={host.name} -keyout /etc/xrdp/key.pem -out /etc/xrdp/cert.pem; chown xrdp /etc/xrdp/key.pem"
    )
    host.run("mkdir -p /tmp/.X11-unix; chmod 1777 /tmp/.X11-unix; . /usr/share/xrdp/socksetup; xrdp-sesman")
    host.run("install -o xrdp -g adm -m 640 /dev/null /var/log/xrdp.log")
    host.run("start-stop-daemon --start --quiet --chuid xrdp:xrdp --pidfile /run/xrdp/xrdp.pid --exec /usr/sbin/xrdp")
    wait_for(f"{host.name}: xrdp", lambda: ":3389" in host.run("ss -Hltn"))


def screen(host: Host) -> None:
    """A display for a host whose RDP client has nobody in front of it."""
    host.run("mkdir -p /tmp/.X11-unix; chmod 1777 /tmp/.X11-unix")
    host.spawn("Xvfb :1 -screen 0 1024x768x24 -nolisten tcp")
    wait_for(f"{host.name}: display", host.path("/tmp/.X11-unix/X1").exists)
