"""GE SRTP (Service Request Transport Protocol) of Series 90 and PACSystems controllers.

Not published by GE: as G. Denton, F. Karpisek, F. Breitinger, I. Baggili, "Leveraging the SRTP protocol for
over-the-network memory acquisition of a GE Fanuc Series 90-30", Digital Investigation 22 (2017), have it; states and
errors as in GE's "Series 90 PLC Serial Communications" (GFK-0582, GFK-0529), whose requests travel in it. Every message
has a header of 56 bytes; service requests stand in it. Whether service 0x23 runs or stops is not certain, and not said.
"""

from collections.abc import Iterable

from engine.model import Fields, Frame, LogFormat, LogSource, ParseError
from parsers._grammar import ot
from parsers._grammar.dialogue import Dialogue
from parsers._grammar.exchange import Finished, one_or_list

_SIZE = 56
_MOST_VALUES = 1_024
_STATUS, _READ, _WRITE, _PRIVILEGE = 0x00, 0x04, 0x07, 0x21
_REQUEST, _RESPONSE = 0x02, 0x03
_SHORT_MAILBOX, _LONG_MAILBOX, _ACK, _ACK_LONG, _NACK = 0xC0, 0x80, 0xD4, 0x94, 0xD1

_SERVICES: dict[int, tuple[str, str]] = {
    0x00: ("plc_short_status", "diagnostic"),
    0x03: ("return_control_program_names", "identify"),
    0x04: ("read_system_memory", "read"),
    0x05: ("read_task_memory", "read"),
    0x06: ("read_program_memory", "read"),
    0x07: ("write_system_memory", "write"),
    0x08: ("write_task_memory", "write"),
    0x09: ("write_program_block_memory", "write"),
    0x20: ("programmer_logon", "session"),
    0x21: ("change_cpu_privilege_level", "protect"),
    0x22: ("set_control_id", "config"),
    0x23: ("set_plc_state", "mode_change"),
    0x24: ("set_time_date", "clock"),
    0x25: ("return_time_date", "read"),
    0x38: ("return_fault_table", "read"),
    0x39: ("clear_fault_table", "diagnostic"),
    0x3F: ("program_store", "program_upload"),
    0x40: ("program_load", "program_download"),
    0x43: ("return_controller_type", "identify"),
    0x44: ("toggle_force_system_memory", "force"),
}
_SELECTORS = {
    0x08: "registers",
    0x0A: "analog_inputs",
    0x0C: "analog_outputs",
    0x10: "inputs_bytes",
    0x12: "outputs_bytes",
    0x14: "temporaries_bytes",
    0x16: "internal_bytes",
    0x18: "system_a_bytes",
    0x1A: "system_b_bytes",
    0x1C: "system_c_bytes",
    0x1E: "system_bytes",
    0x38: "genius_bytes",
    0x46: "inputs_bits",
    0x48: "outputs_bits",
    0x4A: "temporaries_bits",
    0x4C: "internal_bits",
    0x4E: "system_a_bits",
    0x50: "system_b_bits",
    0x52: "system_c_bits",
    0x54: "system_bits",
    0x56: "genius_bits",
}
_WORDS = frozenset({0x08, 0x0A, 0x0C})
_ERRORS = {
    0x01: "illegal_service_request",
    0x02: "insufficient_privilege",
    0x04: "protocol_sequence_error",
    0x05: "service_request_error",
    0x06: "illegal_mailbox_type",
    0x07: "request_queue_full",
}
# Under "service request error", those that tell of somebody who tries.
_MINOR_ERRORS = {
    0xE4: "segment_does_not_exist",
    0xE9: "segment_not_valid_here",
    0xF0: "only_in_stop_mode",
    0xF1: "only_from_programmer",
    0xF4: "invalid_input_parameter",
    0xF5: "invalid_password",
    0xF6: "invalid_state",
    0xF7: "login_required",
    0xFE: "no_privilege",
    0xFF: "aborted",
}
# Upper four bits of the status word in an answer.
_STATES = (
    "run",
    "run_outputs_disabled",
    "stop_no_io",
    "stop_faulted",
    "halted",
    "suspended",
    "stop_io_enabled",
)


def cut(buffer: bytes | bytearray | memoryview) -> int | None:
    """
    >>> cut(bytes([2, 0, 6, 0, 4, 0])), cut(b"")
    (60, None)
    """
    if len(buffer) and buffer[0] > 0x09:
        raise ParseError(f"GE SRTP: there is no message of type {buffer[0]}")
    if len(buffer) < 6:
        return None
    return _SIZE + (buffer[4] | buffer[5] << 8)


def fingerprint(head: bytes) -> bool:
    if len(head) < _SIZE or head[0] not in (_REQUEST, _RESPONSE) or head[30] != head[2]:
        return False
    kinds = (_SHORT_MAILBOX, _LONG_MAILBOX) if head[0] == _REQUEST else (_ACK, _ACK_LONG, _NACK)
    return head[31] in kinds and len(head) == _SIZE + (head[4] | head[5] << 8)


def asks(pdu: bytes) -> bool | None:
    return None if not pdu or pdu[0] not in (_REQUEST, _RESPONSE) else pdu[0] == _REQUEST


class Conversation(Dialogue):
    """The messages of one connection; an answer has its request's sequence number."""

    def feed(self, frame: Frame) -> Iterable[Finished]:
        pdu = frame.payload
        if len(pdu) < _SIZE:
            raise ParseError(f"GE SRTP: a message of {len(pdu)} bytes")
        if pdu[0] == _RESPONSE:
            waiting = self.answered(frame, pdu[2])
            if waiting is None:
                return ()
            _result(pdu, waiting.fields)
            return [self.say(waiting.frame, waiting.fields)]
        if pdu[0] != _REQUEST or not frame.from_client:
            return ()
        at = 50 if pdu[31] == _LONG_MAILBOX else 42
        code = pdu[at]
        fields = self.begin(frame, "ge_srtp", _shown(pdu, at, code))
        fields["ot.function_code"] = code
        fields["ot.function"], fields["ot.operation"] = _SERVICES.get(code) or (f"service_0x{code:02x}", "diagnostic")
        if code in (_READ, _WRITE):
            _place(pdu, at, fields)
        elif code == _PRIVILEGE:
            fields["ot.value"] = pdu[at + 1]
        return self.ask(frame, pdu[2], fields)


def _shown(pdu: bytes, at: int, code: int) -> bytes:
    """The message with the password, eight bytes behind the level that is asked for, as asterisks."""
    if code != _PRIVILEGE:
        return pdu
    end = min(len(pdu), _SIZE) if at == 42 else len(pdu)
    start = at + 2
    return pdu[:start] + b"*" * (end - start) + pdu[end:]


def _place(pdu: bytes, at: int, fields: Fields) -> None:
    selector = pdu[at + 1]
    fields["ot.address_space"] = _SELECTORS.get(selector, f"selector_0x{selector:02x}")
    fields["ot.address"] = pdu[at + 2] | pdu[at + 3] << 8
    fields["ot.count"] = count = pdu[at + 4] | pdu[at + 5] << 8
    if fields["ot.function_code"] == _WRITE:
        _values(pdu[48:_SIZE] if at == 42 else pdu[_SIZE:], selector, count, fields)


def _values(data: bytes, selector: int, count: int, fields: Fields) -> None:
    if selector in _WORDS:
        size = 2 * min(len(data) // 2, count, _MOST_VALUES)
        words = [data[place] | data[place + 1] << 8 for place in range(0, size, 2)]
        if words:
            fields["ot.value"] = one_or_list(words)
    else:
        # counted in bits by the selectors of bits: the first and the last byte hold others, too
        size = count if selector < 0x40 else (fields["ot.address"] % 8 + count + 7) // 8
        if data[:size]:
            fields["ot.value"] = data[: min(size, _MOST_VALUES)].hex()


def _result(pdu: bytes, fields: Fields) -> None:
    fields["event.outcome"] = "success"
    if pdu[31] == _NACK:
        major, minor = pdu[42], pdu[43]
        fields["event.outcome"] = "failure"
        reason = _MINOR_ERRORS.get(minor) if major in (0x02, 0x05) else None
        fields["ot.exception"] = reason or _ERRORS.get(major, f"status_0x{major:02x}{minor:02x}")
        return
    code = fields["ot.function_code"]
    if code == _STATUS and pdu[31] == _ACK:
        state = pdu[55] >> 4
        fields["ot.mode"] = _STATES[state] if state < len(_STATES) else f"state_{state}"
    elif code == _READ and "ot.count" in fields:
        data = pdu[44:50] if pdu[31] == _ACK else pdu[_SIZE:]
        selector = next((one for one, name in _SELECTORS.items() if name == fields["ot.address_space"]), 0)
        _values(data, selector, fields["ot.count"], fields)


FORMAT = LogFormat(
    id="ge_srtp",
    vendor="GE",
    product="SRTP",
    logsource=LogSource(category="ot_protocol", product="ge_srtp"),
    spec="https://doi.org/10.1016/j.diin.2017.06.005",
    session=Conversation,
    route=ot.logsource,
    cut=cut,
    fingerprint=fingerprint,
    asks=asks,
    ports=(18_245, 18_246),
    transport="tcp",
)
