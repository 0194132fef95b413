"""A small plant on loopback addresses: real controllers, and the engineer's real tools, each a process of its own::

plant = loopback_plant()
with controllers(folder, plant):
    stop_controller(plant)
    write_register(plant, 7, 4000)
"""

import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from server_process import Absent, Server

S7, MODBUS = 102, 502
_PATIENCE_S = 60

_MODBUS_SERVER = """
import sys
from pymodbus.server import StartTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice
registers = SimData(address=0, values=[0] * 100, datatype=DataType.REGISTERS)
StartTcpServer(context=SimDevice(id=1, simdata=[registers]), address=(sys.argv[1], int(sys.argv[2])))
"""
_S7_SERVER = """
import sys, time
import snap7
server = snap7.Server(log=False)
server.start_to(sys.argv[1], tcp_port=int(sys.argv[2]))
server.set_cpu_status(8)
while True:
    time.sleep(3600)
"""
# python-snap7 cannot be told from which address to call.
_STOP = """
import socket, sys
class From(socket.socket):
    def connect(self, address):
        self.bind((sys.argv[1], 0))
        super().connect(address)
socket.socket = From
import snap7
client = snap7.Client()
client.connect(sys.argv[2], 0, 2, int(sys.argv[3]))
client.plc_stop()
client.disconnect()
"""


@dataclass(frozen=True)
class Plant:
    """Addresses of one network below 127.0.0.0/8; each of them is ours without being set up."""

    network: str
    workstation: str
    other_station: str
    s7_controller: str
    modbus_controller: str


def loopback_plant() -> Plant:
    """At random, so that what another run does on this interface is not taken for ours."""
    chance = random.SystemRandom()
    net = f"127.{chance.randrange(10, 250)}.{chance.randrange(1, 250)}"
    return Plant(f"{net}.0/24", f"{net}.20", f"{net}.21", f"{net}.31", f"{net}.32")


def packets_can_be_captured() -> None:
    """Absent where they cannot."""
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    except (AttributeError, PermissionError):
        raise Absent("packets cannot be captured here (CAP_NET_RAW)") from None
    try:
        with socket.socket() as probe:
            probe.bind((loopback_plant().s7_controller, S7))
    except PermissionError:
        raise Absent(f"ports {S7} and {MODBUS} are closed to us (CAP_NET_BIND_SERVICE)") from None


@contextmanager
def controllers(folder: Path, plant: Plant) -> Iterator[None]:
    with ExitStack() as running:
        for name, script, address, port in (
            ("modbus", _MODBUS_SERVER, plant.modbus_controller, MODBUS),
            ("s7", _S7_SERVER, plant.s7_controller, S7),
        ):
            home = folder / name
            home.mkdir()
            argv = [sys.executable, "-c", script, address, str(port)]
            running.enter_context(_device(f"{name} controller", argv, address, port, home))
        yield


def _device(name: str, argv: list[str], address: str, port: int, home: Path) -> Server:
    return Server(name, argv, address=f"{address}:{port}", folder=home, ready=lambda: _listens(address, port))


def _listens(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=1).close()
    except OSError:
        return False
    return True


def stop_controller(plant: Plant, *, source: str | None = None) -> None:
    """S7: PLC STOP, from the workstation unless told otherwise."""
    argv = [sys.executable, "-c", _STOP, source or plant.workstation, plant.s7_controller, str(S7)]
    subprocess.run(argv, check=True, timeout=_PATIENCE_S)


def write_register(plant: Plant, register: int, value: int, *, source: str | None = None) -> None:
    """Modbus: one holding register is written and read back, over a connection of its own."""
    from pymodbus.client import ModbusTcpClient

    client = ModbusTcpClient(plant.modbus_controller, port=MODBUS, source_address=(source or plant.workstation, 0))
    assert client.connect()
    try:
        assert not client.write_register(register, value).isError()
        assert client.read_holding_registers(register, count=1).registers == [value]
    finally:
        client.close()
