"""Rules as typed values: read, checked, resolved. Nothing here sees an event."""
