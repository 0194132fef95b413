"""A source's clock."""

import msgspec


class Tick(msgspec.Struct, frozen=True, gc=False):
    """``source`` will deliver nothing before ``now`` (event time, nanoseconds) that is not late."""

    source: str
    now: int
