"""PROFINET DCP: discovery and basic configuration of devices, on Ethernet itself (IEC 61158-6-10, clause 4.3).

::

    fe fd  04 00  00 00 00 07  00 00  00 0c   02 02 00 08 00 01 plc-01      set the name of a station
"""

from collections.abc import Iterable
from struct import Struct, error
from typing import Any

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import ot
from parsers._grammar.dialogue import Dialogue
from parsers._grammar.exchange import TIMEOUT_NS, Finished, one_or_list

_ETHERTYPE = 0x8892
_HEADER = Struct(">HBBIHH").unpack_from
_GET, _SET, _IDENTIFY = 3, 4, 5
_FRAMES = frozenset({0xFEFC, 0xFEFD, 0xFEFE, 0xFEFF})
_MOST_BLOCKS = 64
_MOST_OPEN = 1_024
_UNSUPPORTED = 5

# Option, suboption.
_BLOCKS = {
    (1, 1): "mac_address",
    (1, 2): "ip_parameter",
    (1, 3): "full_ip_suite",
    (2, 1): "type_of_station",
    (2, 2): "name_of_station",
    (2, 3): "device_id",
    (2, 4): "device_role",
    (2, 5): "device_options",
    (2, 6): "alias_name",
    (2, 7): "device_instance",
    (2, 8): "oem_device_id",
    (2, 10): "rsi_properties",
    (3, 61): "dhcp_client_identifier",
    (3, 255): "dhcp",
    (5, 1): "start_transaction",
    (5, 2): "end_transaction",
    (5, 3): "signal",
    (5, 4): "response",
    (5, 5): "factory_reset",
    (5, 6): "reset_to_factory",
    (6, 1): "device_initiative",
    (255, 255): "all",
}
_RESETS = frozenset({"factory_reset", "reset_to_factory"})
_ADDRESSES = frozenset({"ip_parameter", "full_ip_suite"})
_ERRORS = {
    1: "option_not_supported",
    2: "suboption_not_supported",
    3: "suboption_not_set",
    4: "resource_error",
    5: "set_not_possible",
    6: "in_operation",
}
_Block = tuple[str, bytes]
_Key = tuple[int, int, str | None]


def fingerprint(head: bytes) -> bool:
    return len(head) >= 12 and head[0] << 8 | head[1] in _FRAMES


class _Open:
    """A question to everybody: it is answered by as many as there are, and each answer is an event."""

    __slots__ = ("answered", "fields", "frame")

    def __init__(self, frame: Frame, fields: Fields, answered: Iterable[str] = ()) -> None:
        self.frame, self.fields, self.answered = frame, fields, set(answered)


class Conversation(Dialogue):
    """What is said on one segment; an answer has its request's Xid and is sent to who asked."""

    def __init__(self) -> None:
        super().__init__()
        self._open: dict[_Key, _Open] = {}

    def feed(self, frame: Frame) -> Iterable[Finished]:
        data = frame.payload
        if len(data) < 12 or frame.flow is None:
            raise ParseError(f"PROFINET DCP: a frame of {len(data)} bytes")
        _, service, kind, xid, _, length = _HEADER(data)
        body = data[12 : 12 + length]
        if kind:
            return self._answer(frame, (service, xid, frame.flow.server_mac), kind, body)
        if service not in (_GET, _SET, _IDENTIFY):
            return ()
        key = (service, xid, frame.flow.client_mac)
        before = self._open.get(key)
        if before is not None and before.frame.payload == data:
            return ()  # sent, or captured, once more
        fields = self.begin(frame, "dcp", data[: 12 + length])
        fields["ot.function_code"] = service
        blocks: list[_Block] = []
        try:
            blocks = _queried(body) if service == _GET else _blocks(body)
        except (error, IndexError):
            fields["error.message"] = f"PROFINET DCP: a request of {len(body)} bytes is cut short"
        _describe(service, blocks, fields)
        if not _to_everybody(frame.flow.server_mac):
            return self.ask(frame, key, fields)
        gone = self._closed(key) if before is not None else []
        if len(self._open) >= _MOST_OPEN:
            gone += self._closed(next(iter(self._open)))
        self._open[key] = _Open(frame, fields)
        return gone

    def _answer(self, frame: Frame, key: _Key, kind: int, body: bytes) -> Iterable[Finished]:
        flow = frame.flow
        everybody = self._open.get(key)
        if everybody is not None and flow is not None:
            device = flow.client_mac or "?"
            if device in everybody.answered or len(everybody.answered) >= _MOST_OPEN:
                return ()
            everybody.answered.add(device)
            asked, fields = everybody.frame, everybody.fields.copy()
            fields["destination.mac"] = device
            if frame.time is not None and asked.time is not None:
                fields["event.duration"] = max(frame.time - asked.time, 0)
        else:
            waiting = self.answered(frame, key)
            if waiting is None:
                return ()
            asked, fields = waiting.frame, waiting.fields
        fields["event.outcome"] = "success"
        if kind == _UNSUPPORTED:
            fields["event.outcome"], fields["ot.exception"] = "failure", "service_not_supported"
        elif fields["ot.function_code"] == _SET:
            _results(body, fields)
        else:
            try:
                _identity(_blocks(body), fields)
            except (error, IndexError):
                fields["error.message"] = f"PROFINET DCP: a response of {len(body)} bytes is cut short"
        return [self.say(asked, fields)]

    def _closed(self, key: _Key) -> list[Finished]:
        one = self._open.pop(key)
        return [] if one.answered else [self.say(one.frame, one.fields)]

    def expire(self, now: int | None) -> Iterable[Finished]:
        late = [key for key, one in self._open.items() if now is None or now - (one.frame.time or 0) >= TIMEOUT_NS]
        return [*super().expire(now), *(finished for key in late for finished in self._closed(key))]

    def oldest(self) -> int | None:
        sequences = [one.frame.sequence for one in self._open.values()]
        waiting = super().oldest()
        return min(sequences if waiting is None else [*sequences, waiting], default=None)

    def unfinished(self) -> Iterable[Frame]:
        return [one.frame for one in self._open.values()]

    def snapshot(self) -> Any:
        return [super().snapshot(), [[one.frame.sequence, sorted(one.answered)] for one in self._open.values()]]

    def restore(self, state: Any) -> None:
        waiting, answered = state
        super().restore(waiting)
        devices = dict(answered)
        for one in self._open.values():
            one.answered.update(devices.get(one.frame.sequence, ()))


def _to_everybody(mac: str | None) -> bool:
    """Whether the group bit of an address is set."""
    return mac is not None and len(mac) > 1 and mac[1] in "13579BDF"


def _blocks(body: bytes) -> list[_Block]:
    out: list[_Block] = []
    at = 0
    while at + 4 <= len(body) and len(out) < _MOST_BLOCKS:
        option, suboption, length = body[at], body[at + 1], body[at + 2] << 8 | body[at + 3]
        data = body[at + 4 : at + 4 + length]
        if len(data) < length:
            raise IndexError
        out.append((_BLOCKS.get((option, suboption), f"option_{option}_{suboption}"), data))
        at += 4 + length + length % 2
    return out


def _queried(body: bytes) -> list[_Block]:
    """A get names its blocks by option and suboption alone."""
    pairs = zip(body[::2], body[1::2], strict=False)
    return [(_BLOCKS.get(pair, f"option_{pair[0]}_{pair[1]}"), b"") for pair in pairs][:_MOST_BLOCKS]


def _describe(service: int, blocks: list[_Block], fields: Fields) -> None:
    names = [name for name, _ in blocks if name not in ("start_transaction", "end_transaction")]
    if names:
        fields["ot.address_space"] = one_or_list(names)
    if service != _SET:
        fields["ot.function"] = "get" if service == _GET else "identify"
        fields["ot.operation"] = "identify"
        asked = [data for name, data in blocks if name == "name_of_station" and data]
        if asked:
            fields["ot.tag"] = asked[0].decode("utf-8", "backslashreplace")
        return
    fields["ot.function"], fields["ot.operation"] = "set", "config"
    if "signal" in names:
        fields["ot.function"], fields["ot.operation"] = "signal", "diagnostic"
    values = []
    for name, data in blocks:
        value = data[2:]  # behind the block's qualifier
        if name == "name_of_station":
            fields["ot.function"] = "set_name"
            values.append(value.decode("utf-8", "backslashreplace"))
        elif name in _ADDRESSES and len(value) >= 12:
            fields["ot.function"] = "set_ip"
            values.append("/".join(".".join(map(str, value[at : at + 4])) for at in (0, 4, 8)))
        elif name in _RESETS:
            fields["ot.function"] = name
    if values:
        fields["ot.value"] = one_or_list(values)


def _results(body: bytes, fields: Fields) -> None:
    """Of each block that was to be set: option, suboption, error."""
    try:
        for name, data in _blocks(body):
            if name == "response" and len(data) >= 3 and data[2]:
                fields["event.outcome"] = "failure"
                fields["ot.exception"] = _ERRORS.get(data[2], f"error_{data[2]}")
                return
    except (error, IndexError):
        fields["error.message"] = f"PROFINET DCP: a response of {len(body)} bytes is cut short"


def _identity(blocks: list[_Block], fields: Fields) -> None:
    """What a device says of itself, each block behind two bytes of its own."""
    for name, data in blocks:
        value = data[2:]
        if name == "name_of_station":
            fields["ot.identity.station_name"] = value.decode("utf-8", "backslashreplace")
        elif name == "type_of_station":
            fields["ot.identity.product_name"] = value.rstrip(b"\0 ").decode("utf-8", "backslashreplace")
        elif name == "device_id" and len(value) >= 4:
            fields["ot.identity.vendor_id"] = value[0] << 8 | value[1]
            fields["ot.identity.product_code"] = f"{value[2]:02x}{value[3]:02x}"
        elif name in _ADDRESSES and len(value) >= 4:
            fields["ot.identity.ip"] = ".".join(map(str, value[:4]))


FORMAT = LogFormat(
    id="dcp",
    vendor="PROFIBUS & PROFINET International",
    product="PROFINET DCP",
    logsource=LogSource(category="ot_protocol", product="dcp"),
    spec="https://webstore.iec.ch/publication/65236",
    session=Conversation,
    route=ot.logsource,
    fingerprint=fingerprint,
    ports=(_ETHERTYPE,),
    transport="ethernet",
)
