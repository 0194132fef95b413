"""plc-2: the reactor's heating controller (pymodbus' server), holding registers in 0.1 °C.

Registers, zero-based: 30 temperature, 40 set-point (engineering range 0 to 800), 41 high alarm (0 to 850), 42 ramp.
"""

from __future__ import annotations

import threading
import time

from pymodbus.client import ModbusTcpClient
from pymodbus.server import StartTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

TEMPERATURE, SET_POINT, HIGH_ALARM, RAMP = 30, 40, 41, 42


def heat() -> None:
    """The process itself: the temperature creeps towards the set-point."""
    field = ModbusTcpClient("127.0.0.1")
    while not field.connect():
        time.sleep(0.2)
    while True:
        read = field.read_holding_registers(TEMPERATURE, count=SET_POINT - TEMPERATURE + 1).registers
        step = max(-2, min(2, read[-1] - read[0]))
        field.write_register(TEMPERATURE, read[0] + step)
        time.sleep(1)


def main() -> None:
    registers = [0] * 64
    registers[TEMPERATURE], registers[SET_POINT], registers[HIGH_ALARM], registers[RAMP] = 611, 620, 850, 20
    threading.Thread(target=heat, daemon=True).start()
    device = SimDevice(id=1, simdata=[SimData(address=0, values=registers, datatype=DataType.REGISTERS)])
    StartTcpServer(context=device, address=("0.0.0.0", 502))


if __name__ == "__main__":
    main()
