"""TriStation, with which Triconex safety controllers are programmed, over UDP.

Not published by Schneider Electric: as in the analyses of TRITON (Dragos, "TRISIS Malware", 2017; Nozomi Networks,
"TRITON: The First ICS Cyber Attack on Safety Instrument Systems", 2018). One datagram, that halts the program::

    05 00 0a 00  00 00 15 07 00 00 26 00 0a 00  xx xx       kind, channel, length; path, channel, command, number, sum
"""

from collections.abc import Iterable

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import ot
from parsers._grammar.dialogue import Dialogue
from parsers._grammar.exchange import Finished
from parsers._grammar.tristation_commands import COMMANDS, KEYS, MODES, REJECTED, STATES, crc, reason

_CONNECT, _CONNECTED, _DISCONNECTED, _DISCONNECT, _COMMAND, _PING = 1, 2, 3, 4, 5, 6
_KINDS: dict[int, tuple[str, str]] = {
    _CONNECT: ("connect_request", "session"),
    _DISCONNECT: ("disconnect_request", "session"),
    _COMMAND: ("command", "diagnostic"),
    _PING: ("ping", "diagnostic"),
}
_ANSWERS = {_CONNECTED: _CONNECT, _DISCONNECTED: _DISCONNECT, _PING: _PING}
_REFUSALS = {
    7: "connection_limit_reached",
    8: "not_connected",
    9: "main_processors_are_dead",
    10: "access_denied",
    11: "connection_failed",
}
_GET_STATUS = 19
_SIZE = 14


def fingerprint(head: bytes) -> bool:
    """Whether kind, length and checksum fit."""
    size = len(head)
    if not 6 <= size <= 4_096 or not (head[0] in _KINDS or head[0] in _ANSWERS or head[0] in _REFUSALS):
        return False
    length = head[2] | head[3] << 8
    if length + 6 != size or (length < 10 if head[0] == _COMMAND else length):
        return False
    return crc(head[:-2]) == head[-2] | head[-1] << 8


def asks(pdu: bytes) -> bool | None:
    if not pdu or pdu[0] == _PING:
        return None
    if pdu[0] == _COMMAND:
        return not pdu[4] if len(pdu) > 4 else None
    return pdu[0] in _KINDS


class Conversation(Dialogue):
    """The datagrams between a station and a controller; a command's answer has its number."""

    def feed(self, frame: Frame) -> Iterable[Finished]:
        pdu = frame.payload
        if len(pdu) < 4:
            raise ParseError(f"TriStation: a datagram of {len(pdu)} bytes without its header")
        kind = pdu[0]
        if kind == _COMMAND:
            return self._command(frame)
        if frame.from_client:
            if kind not in _KINDS:
                return ()
            fields = self.begin(frame, "tristation")
            fields["ot.function_code"] = kind
            fields["ot.function"], fields["ot.operation"] = _KINDS[kind]
            return self.ask(frame, kind, fields)
        if kind in _REFUSALS:
            return self._refused(frame, _REFUSALS[kind])
        waiting = self.answered(frame, _ANSWERS.get(kind))
        if waiting is None:
            return ()
        waiting.fields["event.outcome"] = "success"
        return [self.say(waiting.frame, waiting.fields)]

    def _command(self, frame: Frame) -> Iterable[Finished]:
        pdu = frame.payload
        if len(pdu) < _SIZE:
            if not frame.from_client:
                return ()
            fields = self.begin(frame, "tristation")
            fields["ot.function_code"] = _COMMAND
            fields["ot.function"], fields["ot.operation"] = _KINDS[_COMMAND]
            fields["error.message"] = f"TriStation: a command of {len(pdu)} bytes is cut short"
            return self.ask(frame, _COMMAND, fields)
        command, number = pdu[6], pdu[7]
        if frame.from_client:
            fields = self.begin(frame, "tristation")
            fields["ot.function_code"] = command
            fields["ot.function"], fields["ot.operation"] = COMMANDS.get(command) or (
                f"command_{command}",
                "diagnostic",
            )
            if command in MODES:
                fields["ot.mode"] = MODES[command]
            return self.ask(frame, (_COMMAND, number), fields)
        waiting = self.answered(frame, (_COMMAND, number))
        if waiting is None:
            return ()
        fields = waiting.fields
        fields["event.outcome"] = "success"
        if command == REJECTED:
            fields["event.outcome"] = "failure"
            fields["ot.exception"] = reason(pdu[_SIZE]) if len(pdu) > _SIZE + 2 else "rejected"
        elif fields["ot.function_code"] == _GET_STATUS:
            _status(pdu, fields)
        return [self.say(waiting.frame, fields)]

    def _refused(self, frame: Frame, word: str) -> list[Finished]:
        """It has no number: it refuses whatever was asked first and waits."""
        first = next(iter(self.exchange.keys()), None)
        waiting = self.answered(frame, first) if first is not None else None
        if waiting is None:
            return []
        waiting.fields["event.outcome"], waiting.fields["ot.exception"] = "failure", word
        return [self.say(waiting.frame, waiting.fields)]


def _status(pdu: bytes, fields: Fields) -> None:
    """Where the key stands, and what the program does."""
    if len(pdu) < 25:
        return
    key, state = pdu[21], pdu[22]
    fields["ot.key_position"] = KEYS[key] if key < len(KEYS) else f"position_{key}"
    fields["ot.mode"] = STATES[state] if state < len(STATES) else f"state_{state}"
    project = pdu[80:90].split(b"\0")[0]
    if project and project.isascii() and len(pdu) >= 92:
        fields["ot.identity.project"] = project.decode("ascii")


FORMAT = LogFormat(
    id="tristation",
    vendor="Schneider Electric",
    product="TriStation",
    logsource=LogSource(category="ot_protocol", product="tristation"),
    spec="https://www.dragos.com/resource/trisis-analyzing-safety-system-targeting-malware/",
    session=Conversation,
    route=ot.logsource,
    fingerprint=fingerprint,
    asks=asks,
    ports=(1502,),
    transport="udp",
)
