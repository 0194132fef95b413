"""What the Linux kernel itself says: devices that are plugged in, programs that crash or are killed, odd packets.

::

    Jan  2 03:04:05 hmi-3 kernel: [  812.004711] usb 1-1: New USB device found, idVendor=0781, idProduct=5567, bcdDevice= 1.00
    Jan  2 03:04:05 hmi-3 kernel: Out of memory: Killed process 1234 (runtime) total-vm:812kB, anon-rss:7kB, UID:1000
"""  # noqa: E501  (records as they are sent)

import re
from collections.abc import Callable

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar.addresses import ip

_CLOCK = re.compile(r"\[ *\d{1,12}\.\d{6}\](?:\[ *[TC]\d{1,10}\])? ?")
_USB = re.compile(r"(usb \S{1,32}): (New USB device found|USB disconnect|Product|Manufacturer|SerialNumber)[,:]? ?(.*)")
_USB_IDS = re.compile(r"idVendor=([0-9a-fA-F]{4}), idProduct=([0-9a-fA-F]{4})")
_KILLED = re.compile(
    r"(?:Memory cgroup out of memory|Out of memory)(?: \(\w+\))?: Kill(?:ed)? process (\d{1,10}) \(([^)]{1,64})\)(.*)"
)
_OOM = re.compile(r"oom-kill:.*?task=([^,]{1,64}),pid=(\d{1,10}),uid=(\d{1,10})")
_UID = re.compile(r"\bUID:(\d{1,10})")
_CRASHED = re.compile(
    r"(?:traps: )?([^\s\[]{1,64})\[(\d{1,10})\]:? (segfault|general protection(?: fault)?|trap [\w ]{2,32}?|bad frame"
    r"|divide error)\b"
)
_PROMISCUOUS = re.compile(r"(?:device )?(\S{1,32}?):? (entered|left) promiscuous mode")
_MARTIAN = re.compile(r"(?:IPv4: )?martian source (\S{2,45}) from (\S{2,45}), on dev (\S{1,32})")
_FLOODED = re.compile(
    r"(?:TCP: )?(?:request_sock_TCP: )?[Pp]ossible SYN flooding on port (?:[\[\]0-9a-fA-F.:]{1,64}:)?(\d{1,5})\."
)
_MODULE = re.compile(
    r"([\w\-]{1,64}): (loading out-of-tree module taints kernel|module verification failed|module license)"
)
_MOUNTED = re.compile(
    r"(EXT[234]-fs|XFS|BTRFS|FAT-fs|exFAT-fs|NTFS\S*) \(([^)]{1,64})\): (mounted filesystem|unmounting filesystem"
    r"|Unmounting Filesystem|Mounting)"
)


def parse(frame: Frame) -> Fields:
    text = frame.text.lstrip()
    clock = _CLOCK.match(text)
    if clock is not None:
        text = text[clock.end() :]
    if " SRC=" in text or "audit(" in text or "audit:" in text or "wireguard: " in text:
        raise ParseError("linux_kernel: a record of the audit trail, of netfilter or WireGuard that is not whole")
    text = text[:2048]
    for start, read in _FORMS:
        if start in text:
            fields = read(text)
            if fields is not None:
                return fields
    return {}  # drivers' chatter: the header and the message are all of it


def _usb(text: str) -> Fields | None:
    found = _USB.match(text)
    if found is None:
        return None
    port, said, rest = found.groups()
    fields: Fields = {"event.category": ["host"], "event.type": ["change"], "tieline.usb.port": port}
    if said == "USB disconnect":
        fields["event.action"] = "usb_device_removed"
        return fields
    fields["event.action"] = "usb_device_attached" if said == "New USB device found" else "usb_device_described"
    ids = _USB_IDS.search(rest)
    if ids is not None:
        fields["tieline.usb.vendor_id"], fields["tieline.usb.product_id"] = ids[1].lower(), ids[2].lower()
    elif said == "SerialNumber":
        fields["tieline.usb.serial"] = rest.strip()
    elif rest.strip():
        fields[f"tieline.usb.{said.lower()}"] = rest.strip()
    return fields


def _killed(text: str) -> Fields | None:
    found = _KILLED.search(text)
    owner: str | None
    if found is not None:
        pid, name, rest = found.groups()
        uid = _UID.search(rest)
        owner = None if uid is None else uid[1]
    else:
        found = _OOM.search(text)
        if found is None:
            return None
        name, pid, owner = found.groups()
    fields: Fields = {"event.action": "out_of_memory", "event.category": ["process"], "event.type": ["end"]}
    fields["process.pid"], fields["process.name"] = int(pid), name
    if owner is not None:
        fields["user.id"] = owner
    return fields


def _crashed(text: str) -> Fields | None:
    found = _CRASHED.match(text)
    if found is None:
        return None
    fields: Fields = {"event.action": "crashed-program", "event.category": ["process"], "event.type": ["end"]}
    fields["process.name"], fields["process.pid"] = found[1], int(found[2])
    fields["event.reason"] = found[3]
    return fields


def _promiscuous(text: str) -> Fields | None:
    found = _PROMISCUOUS.search(text)
    if found is None:
        return None
    fields: Fields = {"event.action": "promiscuous_mode", "event.category": ["host"], "event.type": ["change"]}
    fields["observer.ingress.interface.name"] = found[1]
    fields["tieline.promiscuous"] = found[2] == "entered"
    return fields


def _martian(text: str) -> Fields | None:
    found = _MARTIAN.match(text)
    if found is None:
        return None
    to, by = ip(found[1]), ip(found[2])
    if to is None or by is None:
        return None
    return {
        "event.action": "martian_packet",
        "event.category": ["network"],
        "event.type": ["connection", "denied"],
        "source.ip": by,
        "source.address": by,
        "destination.ip": to,
        "destination.address": to,
        "related.ip": [by, to],
        "observer.ingress.interface.name": found[3],
    }


def _flooded(text: str) -> Fields | None:
    found = _FLOODED.match(text)
    if found is None or int(found[1]) > 65_535:
        return None
    fields: Fields = {"event.action": "syn_flood", "event.category": ["network"], "event.type": ["connection", "info"]}
    fields["destination.port"], fields["network.transport"] = int(found[1]), "tcp"
    return fields


def _module(text: str) -> Fields | None:
    found = _MODULE.match(text)
    if found is None:
        return None
    fields: Fields = {"event.action": "loaded-kernel-module", "event.category": ["driver"], "event.type": ["start"]}
    fields["tieline.kernel.module"] = found[1]
    fields["event.reason"] = found[2]
    return fields


def _mounted(text: str) -> Fields | None:
    found = _MOUNTED.match(text)
    if found is None:
        return None
    fields: Fields = {"event.category": ["host"], "event.type": ["change"], "tieline.kernel.device": found[2]}
    fields["event.action"] = "unmounted" if found[3].lower().startswith("un") else "mounted"
    return fields


_FORMS: tuple[tuple[str, Callable[[str], Fields | None]], ...] = (
    ("usb ", _usb),
    ("ut of memory", _killed),
    ("oom-kill:", _killed),
    ("]", _crashed),
    ("promiscuous mode", _promiscuous),
    ("martian source", _martian),
    ("SYN flooding", _flooded),
    ("module", _module),
    ("ounting", _mounted),
    ("mounted filesystem", _mounted),
)

FORMAT = LogFormat(
    id="linux_kernel",
    vendor="Linux",
    product="kernel",
    logsource=LogSource(product="linux", service="syslog"),
    spec="https://www.kernel.org/doc/html/latest/admin-guide/",
    parse=parse,
    inside="syslog",
    programs=("kernel",),
)
