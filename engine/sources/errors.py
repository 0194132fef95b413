"""What stops a source for good."""


class SourceError(Exception):
    """The source cannot be read; the message names it, the reason and the mend."""
