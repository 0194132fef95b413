"""DNP3 over TCP and UDP: IEEE 1815-2012.

::

    05 64 17 c4 04 00 03 00 …  c3 c3 04 0c 01 28 01 00 08 00 …      operate: close binary output 8 of outstation 4

Addresses of DNP3 tell the stations: ``ot.unit_id`` is the outstation, ``ot.master_id`` the master. ``source`` is the
master, whoever opened the connection: an outstation may be the one that connects (13.2.3).
"""

from collections.abc import Iterable
from typing import Any

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import dnp3_link, ot
from parsers._grammar.dialogue import Dialogue, turned
from parsers._grammar.dnp3_link import Link, link
from parsers._grammar.dnp3_objects import (
    CONTROLS,
    FUNCTIONS,
    REFUSALS,
    SPACES,
    STATUS,
    UNANSWERED,
    Points,
    Relay,
    file_of,
    objects,
)
from parsers._grammar.exchange import Finished, Waiting, one_or_list

_FIRST, _FINAL = 0x40, 0x80
_RESPONSE, _UNSOLICITED, _AUTHENTICATION = 129, 130, 131
_MAX_FRAGMENT = 4_096  # IEEE 1815 asks for 2,048; some send more
_MAX_PARTS = 64
_MAX_STATIONS = 1_024
_BROADCAST = 0xFFFD


def asks(pdu: bytes) -> bool | None:
    return bool(pdu[3] & dnp3_link.MASTER) if len(pdu) > 3 else None


class Conversation(Dialogue):
    """The frames of one connection, of all stations that share it."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: dict[tuple[bool, int, int], list[tuple[Frame, bytes]]] = {}
        self._greeted: set[tuple[int, int, int]] = set()

    def feed(self, frame: Frame) -> Iterable[Finished]:
        found = link(frame.payload)
        if found.damaged is not None:
            return self._damaged(frame, found)
        if found.function is None:
            if not found.from_master:
                return self._answer(frame, ("link", found.destination, found.source), None)
            return ()
        if found.function not in dnp3_link.USER_DATA:
            return self._greet(frame, found) if found.from_master else ()
        fragment = self._join(frame, found)
        if fragment is None or len(fragment) < 2:
            return ()
        if found.from_master:
            return self._request(frame, found, fragment)
        if len(fragment) >= 4 and fragment[1] in (_RESPONSE, _AUTHENTICATION):
            return self._answer(frame, (found.destination, found.source, fragment[0] & 0x0F), fragment)
        return ()  # unsolicited: nobody asked

    def unfinished(self) -> Iterable[Frame]:
        return (frame for parts in self._parts.values() for frame, _ in parts)

    def _join(self, frame: Frame, found: Link) -> bytes | None:
        """The fragment that a transport segment completes (clause 8.2)."""
        if not found.data:
            return None
        key = (found.from_master, found.source, found.destination)
        header, data = found.data[0], found.data[1:]
        if header & _FIRST:
            self._parts.pop(key, None)
            if header & _FINAL:
                return data
            if len(self._parts) >= _MAX_STATIONS:
                self._parts.pop(next(iter(self._parts)))
            self._parts[key] = [(frame, found.data)]
            return None
        parts = self._parts.get(key)
        if parts is None:
            return None
        if header & 0x3F == parts[-1][1][0] & 0x3F:
            return None  # the same segment again
        if header & 0x3F != (parts[-1][1][0] + 1) & 0x3F or len(parts) >= _MAX_PARTS:
            del self._parts[key]
            return None
        parts.append((frame, found.data))
        if not header & _FINAL:
            return None
        del self._parts[key]
        whole = b"".join(part[1:] for _, part in parts)
        return whole if len(whole) <= _MAX_FRAGMENT else None

    def _start(self, frame: Frame, found: Link, original: bytes | None = None) -> Fields:
        fields = self.begin(frame, "dnp3", original)
        if not frame.from_client and frame.flow is not None:
            turned(fields)
        fields["ot.unit_id"], fields["ot.master_id"] = found.destination, found.source
        if found.destination >= _BROADCAST:
            fields["ot.broadcast"] = True
        return fields

    def _damaged(self, frame: Frame, found: Link) -> Iterable[Finished]:
        fields = self._start(frame, found)
        if not found.from_master:
            fields["ot.unit_id"], fields["ot.master_id"] = found.source, found.destination
        fields["ot.function"], fields["ot.operation"] = "damaged_frame", "diagnostic"
        fields["error.message"] = f"DNP3: a wrong checksum, {found.damaged}"
        return [self.say(frame, fields)]

    def _greet(self, frame: Frame, found: Link) -> Iterable[Finished]:
        """What the link layer asks; masters repeat it to keep a connection alive, so once for each function."""
        assert found.function is not None
        key = (found.function, found.source, found.destination)
        if key in self._greeted:
            return ()
        if len(self._greeted) >= _MAX_STATIONS:
            self._greeted.clear()
        self._greeted.add(key)
        fields = self._start(frame, found)
        fields["ot.link.function_code"] = found.function  # 5 here is not the application's 5, direct operate
        fields["ot.function"] = dnp3_link.FUNCTIONS.get(found.function, f"link_function_{found.function}")
        fields["ot.operation"] = "diagnostic"
        return self.ask(frame, ("link", found.source, found.destination), fields)

    def _request(self, frame: Frame, found: Link, fragment: bytes) -> Iterable[Finished]:
        control, code = fragment[0], fragment[1]
        if code == 0:
            return ()  # confirms a response
        fields = self._start(frame, found)
        name, operation = FUNCTIONS.get(code) or (f"function_{code}", "diagnostic")
        fields["ot.function_code"], fields["ot.function"], fields["ot.operation"] = code, name, operation
        headers, wrong = objects(fragment[2:], with_data=code not in (1, 7, 8, 9, 10, 20, 21, 22))
        if wrong is not None:
            fields["error.message"] = f"DNP3 {name}: {wrong}"
        _describe(code, headers, fields)
        key = (found.source, found.destination, control & 0x0F)
        if code in UNANSWERED or found.destination >= _BROADCAST:
            return [self.say(frame, fields)]
        return self.ask(frame, key, fields, code)

    def _answer(self, frame: Frame, key: Any, fragment: bytes | None) -> Iterable[Finished]:
        waiting = self.answered(frame, key)
        if waiting is None:
            return ()
        if fragment is None:
            waiting.fields["event.outcome"] = "success"
        else:
            _response(fragment, waiting)
        return [self.say(waiting.frame, waiting.fields)]


def _describe(code: int, headers: list[Points], fields: Fields) -> None:
    spaces = [SPACES.get(points.group, _class(points)) for points in headers]
    if not spaces:
        return
    fields["ot.address_space"] = one_or_list(list(dict.fromkeys(spaces)))
    fields["ot.object"] = one_or_list([f"g{points.group}v{points.variation}" for points in headers])
    indexes = [index for points in headers for index in points.indexes]
    if indexes:
        fields["ot.address"] = one_or_list(indexes)
    count = sum(points.total for points in headers)
    if count:
        fields["ot.count"] = count
    values: list[Any] = []
    for points in headers:
        if points.group == 70:
            for piece in points.values:
                _file(points.variation, piece, fields)
        else:
            values += points.values
    relays = [value for value in values if isinstance(value, Relay)]
    if relays:
        fields["ot.relay.count"] = one_or_list([relay.times for relay in relays])
        fields["ot.relay.on_ms"] = one_or_list([relay.on_ms for relay in relays])
        fields["ot.relay.off_ms"] = one_or_list([relay.off_ms for relay in relays])
        values = [value.word if isinstance(value, Relay) else value for value in values]
    if values and (code in CONTROLS or code == 2):
        fields["ot.value"] = one_or_list(values)
    if code == 2:
        groups = {points.group for points in headers}
        if groups <= {50, 51}:
            fields["ot.operation"] = "clock"
        elif groups == {80}:
            fields["ot.operation"] = "diagnostic"  # every master clears the restart indication
        elif groups == {34}:
            fields["ot.operation"] = "config"
        elif groups == {70}:
            fields["ot.operation"] = "file"


def _class(points: Points) -> str:
    return f"class_{points.variation - 1}" if points.group == 60 else f"group_{points.group}"


def _file(variation: int, piece: bytes, fields: Fields) -> None:
    found = file_of(variation, piece)
    if found is None:
        return
    if found.name is not None:
        fields["file.path"] = found.name
    if found.mode is not None:
        fields["ot.file.mode"] = found.mode
    if found.size is not None and found.size != 0xFFFFFFFF:
        fields["file.size"] = found.size
    if found.handle is not None:
        fields["ot.file.handle"] = found.handle


def _response(fragment: bytes, waiting: Waiting) -> None:
    fields = waiting.fields
    refused = fragment[3]
    for bit, word in REFUSALS:
        if refused & bit:
            fields["event.outcome"], fields["ot.exception"] = "failure", word
            return
    fields["event.outcome"] = "success"
    if waiting.detail in CONTROLS:
        headers, _ = objects(fragment[4:], with_data=True)
        for status in (status for points in headers for status in points.statuses):
            if status:
                fields["event.outcome"] = "failure"
                fields["ot.exception"] = STATUS.get(status, f"status_{status}")
                return


def cut(buffer: bytes | bytearray | memoryview) -> int | None:
    return dnp3_link.cut(buffer)


def fingerprint(head: bytes) -> bool:
    try:
        return dnp3_link.fingerprint(head)
    except ParseError:
        return False


FORMAT = LogFormat(
    id="dnp3",
    vendor="IEEE",
    product="DNP3",
    logsource=LogSource(category="ot_protocol", product="dnp3"),
    spec="https://standards.ieee.org/ieee/1815/5414/",
    session=Conversation,
    route=ot.logsource,
    cut=cut,
    fingerprint=fingerprint,
    asks=asks,
    ports=(20_000, 19_999),
    transport="both",
)
