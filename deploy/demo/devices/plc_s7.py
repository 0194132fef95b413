"""plc-1: an S7 controller (python-snap7's server) that runs agitator and cooling of the reactor."""

from __future__ import annotations

import struct
import time

import snap7
from snap7.type import SrvArea

# DB1: REAL jacket flow (m3/h) at 0, REAL agitator speed (rpm) at 4, INT cooling valve (%) at 8, WORD status at 10.
DB1 = bytearray(struct.pack(">ffhH", 12.4, 86.0, 35, 0x0003) + bytes(20))
RUN = 8


def main() -> None:
    server = snap7.Server(log=False)
    server.register_area(SrvArea.DB, 1, DB1)
    server.start_to("0.0.0.0", tcp_port=102)
    server.set_cpu_status(RUN)
    field = snap7.Client()
    field.connect("127.0.0.1", 0, 2)
    while True:
        wobble = time.monotonic() % 7 / 10
        field.db_write(1, 0, bytearray(struct.pack(">ffh", 12.1 + wobble, 86.0 + wobble, 35)))
        time.sleep(1)


if __name__ == "__main__":
    main()
