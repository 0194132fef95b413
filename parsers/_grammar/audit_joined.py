"""The records of one serial as one event."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

import msgspec

from engine.model import Fields, Frame
from engine.model.times import SECOND
from parsers._grammar.audit_records import stands_alone

Finished = tuple[Frame, Fields]

_TIMEOUT_NS = 2 * SECOND
"""As auparse waits: the kernel interleaves the records of its processors, but not for longer."""
_MOST_SERIALS, _MOST_RECORDS, _MOST_BYTES = 4096, 512, 1 << 20
_MOST_HELD_BYTES = 64 << 20


class Held(msgspec.Struct):
    """The records of one serial so far: the frame of the first, and of each the bytes and the fields."""

    frame: Frame
    time: int
    payloads: list[bytes]
    records: list[Fields]
    size: int


class Joined:
    """The trail of one source. A serial is whole with EOE, which files lack, or 2 s later (its time or ours)."""

    def __init__(self) -> None:
        self._held: OrderedDict[tuple[str, int, int], Held] = OrderedDict()
        self._bytes = 0

    def join(self, frame: Frame, fields: Fields) -> list[Finished]:
        name, serial, time = fields.get("tieline.auditd.type"), fields.get("event.sequence"), fields.get("@timestamp")
        if name is None or serial is None or time is None:
            return [(frame, fields)]
        key = (fields.get("host.name", ""), time, serial)
        held = self._held.get(key)
        out = self._overdue(time)
        if held is None:
            if stands_alone(name):
                out.append((frame, fields))
                return out
            while self._held and (len(self._held) >= _MOST_SERIALS or self._bytes >= _MOST_HELD_BYTES):
                out.append(self._give(next(iter(self._held))))
            first = Frame(
                frame.payload, frame.source, frame.stream, frame.received, frame.sequence, frame.position, frame.peer,
                truncated=frame.truncated,
            )  # fmt: skip
            held = self._held[key] = Held(first, time, [frame.payload], [fields], len(frame.payload))
        else:
            held.payloads.append(frame.payload)
            held.records.append(fields)
            held.size += len(frame.payload)
            held.frame.position = frame.position
            held.frame.truncated = held.frame.truncated or frame.truncated
        self._bytes += len(frame.payload)
        if name == "EOE" or len(held.records) >= _MOST_RECORDS or held.size >= _MOST_BYTES:
            out.append(self._give(key))
        return out

    def _give(self, key: tuple[str, int, int]) -> Finished:
        held = self._held.pop(key)
        self._bytes -= held.size
        return _joined(held)

    def _overdue(self, time: int) -> list[Finished]:
        out = []
        while self._held:
            key, held = next(iter(self._held.items()))
            if time - held.time < _TIMEOUT_NS:
                break
            out.append(self._give(key))
        return out

    def expire(self, now: int | None) -> Iterable[Finished]:
        late = [k for k, held in self._held.items() if now is None or now - held.frame.received >= _TIMEOUT_NS]
        return [self._give(key) for key in late]

    def oldest(self) -> int | None:
        first = next(iter(self._held.values()), None)
        return None if first is None else first.frame.sequence

    def snapshot(self) -> Any:
        return [msgspec.to_builtins(held, builtin_types=(bytes,)) for held in self._held.values()]

    def restore(self, state: Any) -> None:
        self._held.clear()
        self._bytes = 0
        for value in state:
            held = msgspec.convert(value, Held)
            first = held.records[0]
            self._held[(first.get("host.name", ""), first["@timestamp"], first["event.sequence"])] = held
            self._bytes += held.size


def _joined(held: Held) -> Finished:
    """Of what several records say, the SYSCALL's is the event's; lists of names and kinds keep all of them."""
    frame, records = held.frame, held.records
    if len(records) == 1:
        return frame, records[0]
    frame.payload = b"\n".join(held.payloads)
    fields: Fields = {}
    by_name: dict[str, list[Fields]] = {}
    for record in records:
        by_name.setdefault(record["tieline.auditd.type"], []).append(record)
    main = _main(by_name)
    for record in reversed(records):
        if record is not main and record["tieline.auditd.type"] not in ("PATH", "EXECVE", "PROCTITLE", "EOE"):
            fields.update(record)
    fields.update(main)
    fields["tieline.auditd.type"] = list(by_name)
    for name in ("related.user", "related.ip", "related.hosts"):
        values = [value for record in records for value in record.get(name, ())]
        if values:
            fields[name] = list(dict.fromkeys(values))
    _command(fields, by_name)
    _files(fields, by_name.get("PATH", []))
    _socket(fields)
    _verdict(fields, by_name)
    return frame, fields


def _main(by_name: dict[str, list[Fields]]) -> Fields:
    for name in ("SYSCALL", "URINGOP"):
        if name in by_name:
            return by_name[name][0]
    return next(iter(by_name.values()))[0]


def _command(fields: Fields, by_name: dict[str, list[Fields]]) -> None:
    title = by_name.get("PROCTITLE", [{}])[0]
    for name in ("process.title", "tieline.auditd.proctitle"):
        if name in title:
            fields[name] = title[name]
    parts = by_name.get("EXECVE")
    if parts is None:
        return
    # arguments stand under a0 and following, the registers of the call do not
    for number in range(4):
        fields.pop(f"tieline.auditd.a{number}", None)
    arguments: dict[int, str] = {}
    for part in parts:
        for name, value in part.items():
            if name.startswith("tieline.auditd.a") and name[16:].isdigit():
                number = int(name[16:])
                fields[name] = arguments[number] = arguments.get(number, "") + value
        for name in ("process.args_count", "tieline.auditd.argc"):
            if name in part:
                fields[name] = part[name]
    fields["process.args"] = [arguments[number] for number in sorted(arguments)]
    fields["process.command_line"] = " ".join(fields["process.args"])


def _files(fields: Fields, paths: list[Fields]) -> None:
    """The file is the last that is no parent folder; with execve the program, which comes first."""
    if not paths:
        return
    names = [path["tieline.auditd.name"] for path in paths if "tieline.auditd.name" in path]
    kinds = [path["tieline.auditd.nametype"] for path in paths if "tieline.auditd.nametype" in path]
    touched = [path for path in paths if path.get("tieline.auditd.nametype") != "PARENT"] or paths
    chosen = touched[0] if fields.get("event.action") == "executed" else touched[-1]
    for name, value in chosen.items():
        if name.startswith("file."):
            fields[name] = value
    if names:
        fields["tieline.auditd.name"] = names if len(names) > 1 else names[0]
    if kinds:
        fields["tieline.auditd.nametype"] = kinds
    folder, path = fields.get("process.working_directory"), fields.get("file.path")
    if folder is not None and path is not None and path[:1] not in ("/", "@", "(") and path:
        whole = f"{folder.rstrip('/')}/{path.removeprefix('./')}"
        fields["file.path"] = whole
        fields["file.directory"] = whole.rpartition("/")[0] or "/"


_OUTWARD = frozenset(("connected-to", "sent-to"))
_INWARD = frozenset(("accepted-connection-from", "received-from"))


def _socket(fields: Fields) -> None:
    address = fields.get("tieline.auditd.socket.ip")
    action = fields.get("event.action")
    if address is None:
        return
    side = "destination" if action in _OUTWARD else "source" if action in _INWARD else None
    if side is not None:
        fields[f"{side}.ip"] = fields[f"{side}.address"] = address
        fields[f"{side}.port"] = fields["tieline.auditd.socket.port"]
        fields["network.direction"] = "egress" if side == "destination" else "ingress"
        fields["network.type"] = "ipv6" if ":" in address else "ipv4"


def _verdict(fields: Fields, by_name: dict[str, list[Fields]]) -> None:
    """What a security module decided is what happened; whether the call succeeded all the same, the call says."""
    for name in ("AVC", "APPARMOR_DENIED", "ANOM_ABEND", "ANOM_LINK", "ANOM_PROMISCUOUS", "MAC_STATUS"):
        verdict = by_name.get(name)
        if verdict is not None:
            fields["event.action"] = verdict[0]["event.action"]
            return
