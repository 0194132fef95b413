"""Another protocol on a port of the plant: a tunnel, a scan, or a server in the wrong place."""

from engine.model import Fields, Frame, LogFormat
from engine.model.conversation import conversation


def unexpected(log_format: LogFormat, frame: Frame) -> Fields:
    """The event of a conversation on ``log_format``'s port that is not in its protocol."""
    fields = conversation(frame)
    fields["@timestamp"] = frame.time or frame.received
    fields["event.original"] = frame.payload.hex()
    fields["event.type"] = ["protocol"]
    fields["event.action"] = fields["ot.function"] = "unexpected_protocol"
    fields["event.outcome"] = "unknown"
    fields["ot.protocol"] = log_format.id
    fields["ot.operation"] = "diagnostic"
    spoken = "an unknown protocol"
    if frame.instead:
        fields["network.protocol"] = spoken = frame.instead
    ends = f"from {fields.get('source.ip', '?')} to {fields.get('destination.ip', '?')}"
    fields["message"] = f"{spoken} on a port of {log_format.id} {ends}"
    return fields
