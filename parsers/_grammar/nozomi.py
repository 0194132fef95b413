"""What both products of Nozomi Networks share: the ids of alert types, and the operation that each stands for."""

from functools import lru_cache

from engine.model import Fields

# N2OS writes the stem with an underscore (``SIGN:OT_DEVICE-STOP``), some relays with a hyphen.
_OPERATIONS = {
    "SIGN:PROGRAM:DOWNLOAD": "program_download", "SIGN:PROGRAM:UPLOAD": "program_upload",
    "SIGN:PROGRAM:CHANGE": "program_download", "SIGN:DEV-STATE-CHANGE": "mode_change",
    "SIGN:OT-DEVICE-STOP": "plc_stop", "SIGN:OT-DEVICE-START": "plc_start", "SIGN:OT-DEVICE-REBOOT": "restart",
    "SIGN:FIRMWARE-CHANGE": "firmware", "SIGN:FIRMWARE-TRANSFER": "firmware", "SIGN:CONFIGURATION-CHANGE": "config",
}  # fmt: skip


@lru_cache(maxsize=1024)
def operation(kind: str) -> str | None:
    """
    >>> operation("SIGN:OT_DEVICE-STOP"), operation("SIGN:PROGRAM:DOWNLOAD"), operation("NEW-NODE")
    ('plc_stop', 'program_download', None)
    """
    return _OPERATIONS.get(kind.upper().replace("_", "-"))


def alert(kind: str | None, fields: Fields) -> None:
    fields["event.kind"] = "alert"
    fields["event.category"] = ["intrusion_detection"]
    if kind is not None and "MALWARE" in kind:
        fields["event.category"] = ["intrusion_detection", "malware"]
    fields["event.type"] = ["info"]
