"""Match → Alert: the ECS document, its words, its ATT&CK technique, and no password in it."""

from engine.alert.alerts import Alerts
from engine.alert.masking import mask, mask_document

__all__ = ["Alerts", "mask", "mask_document"]
