"""Zeek's logs of Omron FINS, by ICSNPP's package (https://github.com/cisagov/icsnpp-omron-fins)."""

import re
from typing import Any

from engine.model import Fields
from parsers._grammar.exchange import one_or_list
from parsers._grammar.fins_commands import AREAS, COMMANDS, end_code
from parsers._grammar.zeek import Row, number, word
from parsers._grammar.zeek_requests import hexadecimal, said, slug, turn

_CODE = re.compile(r"\((0x[0-9A-Fa-f]{1,8}|\d{1,6})\)\s*$")
_MOST_DATA = 2_048


def _code(value: Any) -> int | None:
    """The number behind an enumeration's name.

    >>> _code("Memory Area Read (0x0101)"), _code("Command (0)"), _code("Unknown")
    (257, 0, None)
    """
    text = word(value)
    found = None if text is None else _CODE.search(text[-24:])
    if found is None:
        return None
    return int(found[1], 16) if found[1][:2] == "0x" else int(found[1])


def _name(value: Any) -> str:
    return slug(_CODE.sub("", word(value) or ""))


# Commands whose parameters have a line in another log of the package: that line is the event.
_DETAILED = frozenset(
    (0x0101, 0x0102, 0x0103, 0x0104, 0x0105, 0x0201, 0x0202, 0x0203, 0x0220, 0x0221, 0x0304, 0x0305, 0x0306, 0x0307,
     0x0308, 0x0401, 0x0702, 0x2101, 0x2102, 0x2301, 0x2601)
)  # fmt: skip


def _fins(row: Row, fields: Fields) -> tuple[int | None, bool]:
    """The command, and whether the line is of a request."""
    code = _code(row.get("command_code"))
    known = COMMANDS.get(code) if code is not None else None
    said(fields, "fins", *(known or (_name(row.get("command_code")) or "fins", "diagnostic")), code)
    asks = (word(row.get("icf_data_type")) or "Command").lower().startswith("command")
    if not asks:
        ended = _code(row.get("response_code"))
        wrong = None if ended is None else end_code(ended)
        fields["event.outcome"] = "success" if wrong is None else "failure"
        if wrong is not None:
            fields["ot.exception"] = wrong
    return code, asks


def fins_general(row: Row, fields: Fields) -> None:
    get = row.get
    if word(get("command_code")) is None:  # FINS/TCP's own commands
        name = _name(get("tcp_command")) or "tcp"
        said(fields, "fins", name, "session")
        fields["network.transport"], fields["event.outcome"] = "tcp", "unknown"
        failed = _code(get("tcp_error_code"))
        if failed:
            fields["event.outcome"], fields["ot.exception"] = "failure", _name(get("tcp_error_code"))
        return
    code, asks = _fins(row, fields)
    for side, name in (("destination", "ot.unit_id"), ("source", "ot.master_id")):
        parts = [hexadecimal(get(f"{side}_{one}")) for one in ("network_address", "node_number", "unit_address")]
        if all(part is not None for part in parts):
            fields[name] = ".".join(map(str, parts))
    plain = code not in _DETAILED and (code is None or code >> 8 != 0x22)
    turn(fields, asks and plain, "fins", get("uid"), get("service_id"), code)


def fins_detail(row: Row, fields: Fields) -> None:
    """Also ``omron_fins_file`` and ``omron_fins_error``: what was asked for. Responses of one's own make no event."""
    get = row.get
    code, asks = _fins(row, fields)
    area = _code(get("memory_area_code") or get("parameter_area_code"))
    bits = False
    if area is not None:
        known = AREAS.get(area)
        bits = known is not None and known[1] and "memory_area_code" in row
        named = _name(get("memory_area_code") or get("parameter_area_code"))
        fields["ot.address_space"] = named if known is None else known[0]
    place = hexadecimal(get("beginning_address"))
    if place is not None:  # two bytes of the word, one of the bit
        fields["ot.address"] = place >> 8
        if bits:
            fields["ot.bit"] = place & 0xFF
    else:
        place = hexadecimal(get("beginning_word"))
        if place is not None:
            fields["ot.address"] = place
    for column, name in (("number_of_items", "ot.count"), ("number_of_words", "ot.count"),
                         ("program_no", "ot.program"), ("number_of_bytes", "ot.count")):  # fmt: skip
        value = number(get(column))
        if value is not None:
            fields[name] = value
    mode = word(get("run_mode"))
    if mode is not None:
        fields["ot.mode"] = _name(mode)
    elif code == 0x0401:
        fields["ot.mode"] = "monitor"
    file = word(get("file_name")) or word(get("filename")) or word(get("source_file_name"))
    if file is not None:
        fields["ot.file"] = fields["ot.tag"] = file
    values = _words(word(get("data")), bits)
    if values and asks:
        fields["ot.value"] = one_or_list(values)
    if asks:
        fields["event.outcome"] = "unknown"
    else:
        turn(fields, False, "fins", get("uid"), "alone")


def _words(data: str | None, bits: bool) -> list[int]:
    if data is None or data[:2] != "0x" or len(data) > _MOST_DATA:
        return []
    step = 2 if bits else 4
    digits = data[2:]
    if len(digits) % step:
        return []
    try:
        return [int(digits[at : at + step], 16) for at in range(0, len(digits), step)]
    except ValueError:
        return []


LOGS = {
    "omron_fins": fins_general,
    "omron_fins_general": fins_general,
    "omron_fins_detail": fins_detail,
    "omron_fins_error": fins_detail,
    "omron_fins_file": fins_detail,
}
