"""What the columns of firewalls' records mean, as writers of fields: each takes the fields and a column's text."""

from collections.abc import Callable

from engine.model import Fields
from parsers._grammar.addresses import port


def port_of(field: str) -> Callable[[Fields, str], None]:
    """A port, where the text is one."""

    def put(fields: Fields, value: str) -> None:
        number = port(value)
        if number is not None:
            fields[field] = number

    return put


def seconds(fields: Fields, value: str) -> None:
    """How long it took, in whole seconds."""
    if value.isascii() and value.isdigit() and len(value) < 10:
        fields["event.duration"] = int(value) * 1_000_000_000
