"""The formats that Tieline reads: one file each, found by its name (``FORMAT``), never registered."""
