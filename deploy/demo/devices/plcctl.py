"""The engineering tool of ews-1: controller modes over S7comm, registers over Modbus/TCP."""

from __future__ import annotations

import argparse

import snap7
from pymodbus.client import ModbusTcpClient


def main() -> None:
    parser = argparse.ArgumentParser(prog="plcctl")
    protocols = parser.add_subparsers(dest="protocol", required=True)
    s7 = protocols.add_parser("s7")
    s7.add_argument("address")
    s7.add_argument("order", choices=["identify", "stop", "hot-start", "cold-start"])
    modbus = protocols.add_parser("modbus")
    modbus.add_argument("address")
    modbus.add_argument("order", choices=["read", "write"])
    modbus.add_argument("register", type=int)
    modbus.add_argument("value", type=int, nargs="+", help="to write; for read, how many")
    asked = parser.parse_args()
    if asked.protocol == "s7":
        _s7(asked.address, asked.order)
    else:
        _modbus(asked.address, asked.order, asked.register, asked.value)


def _s7(address: str, order: str) -> None:
    plc = snap7.Client()
    plc.connect(address, 0, 2)
    match order:
        case "identify":
            print(plc.get_cpu_info().ModuleTypeName)
        case "stop":
            plc.plc_stop()
        case "hot-start":
            plc.plc_hot_start()
        case "cold-start":
            plc.plc_cold_start()
    plc.disconnect()


def _modbus(address: str, order: str, register: int, values: list[int]) -> None:
    plc = ModbusTcpClient(address)
    plc.connect()
    if order == "read":
        print(plc.read_holding_registers(register, count=values[0]).registers)
    elif len(values) == 1:
        plc.write_register(register, values[0])
    else:
        plc.write_registers(register, values)
    plc.close()


if __name__ == "__main__":
    main()
