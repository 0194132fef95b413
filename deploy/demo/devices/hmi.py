"""hmi-1: the operator's panel; polls both controllers, and sets the set-point when the operator does.

`SIGUSR1` is the operator's finger: each one raises the set-point by two degrees.
"""

from __future__ import annotations

import signal
import sys
import time

import snap7
from pymodbus.client import ModbusTcpClient

STATUS, SET_POINT = 0, 40


def main(plc_s7: str, plc_modbus: str) -> None:
    touched = 0

    def touch(_signal: int, _frame: object) -> None:
        nonlocal touched
        touched += 1

    signal.signal(signal.SIGUSR1, touch)
    cooling = snap7.Client()
    cooling.connect(plc_s7, 0, 2)
    heating = ModbusTcpClient(plc_modbus)
    heating.connect()
    done = 0
    for second in range(100_000):
        if second % 4 == 0:
            cooling.db_read(1, 0, 12)
        if second % 3 == 0:
            shown = heating.read_holding_registers(30, count=13).registers[SET_POINT - 30]
            heating.read_coils(STATUS, count=8)
            if touched > done:
                heating.write_register(SET_POINT, shown + 20)
                done += 1
        time.sleep(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
