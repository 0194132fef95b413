"""One line that says what an event was, for evidence lists and tables."""

from engine.model.event import Event

_LENGTH = 240


def summary(event: Event) -> str:
    """The event in one line: an OT operation in its own words, else the message, else who did what where."""
    fields = event.fields
    if "ot.operation" in fields:
        return _ot(event)
    message = fields.get("message")
    if isinstance(message, str) and message:
        return _line(message)
    parts = [
        str(fields[name])
        for name in ("event.action", "event.code", "user.name", "source.ip", "host.name")
        if name in fields
    ]
    if parts:
        return _line(" ".join(parts))
    return _line(event.original[:_LENGTH].decode("utf-8", "backslashreplace"))


def _ot(event: Event) -> str:
    fields = event.fields
    words = [str(fields.get("ot.protocol", "")), str(fields["ot.operation"])]
    if "ot.function" in fields:
        words.append(f"({fields['ot.function']})")
    if "ot.engineering.summary" in fields:
        words.append(str(fields["ot.engineering.summary"]))
    else:
        if "ot.address" in fields:
            words.append(f"{fields.get('ot.address_space', 'address')} {fields['ot.address']}")
        if "ot.value" in fields:
            words.append(f"= {fields['ot.value']}")
    if "ot.mode" in fields:
        words.append(f"mode {fields['ot.mode']}")
    if "source.ip" in fields or "destination.ip" in fields:
        words.append(f"from {fields.get('source.ip', '?')} to {fields.get('destination.ip', '?')}")
    if "event.outcome" in fields:
        words.append(f"[{fields['event.outcome']}]")
    return _line(" ".join(word for word in words if word))


def _line(text: str) -> str:
    if len(text) <= _LENGTH and text.isprintable():
        return text.strip()
    clean = text[: 2 * _LENGTH]
    if not clean.isprintable():
        clean = "".join(c if c.isprintable() else " " for c in clean)
    clean = clean.strip()
    return clean if len(clean) <= _LENGTH else clean[: _LENGTH - 1] + "…"
