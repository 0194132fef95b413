"""Records the packet samples of the parsers afresh: real stacks over the loopback interface, captured by tcpdump.

    python tests/parsers/record_packets.py [modbus | s7comm | iec104 | enip | opcua | melsec | ads | written]

Needs root (ports 102 and 502, capture), tcpdump, and `pip install c104 cpppo asyncua pymcprotocol pyads` for those
stacks. The others are written byte by byte from their standards by the builders of their tests. Addresses become those
of RFC 5737 and RFC 7042: the client 192.0.2.10, the server 198.51.100.20.
"""

import asyncio
import logging
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

HERE = Path(__file__).parent
CLIENT, SERVER = socket.inet_aton("192.0.2.10"), socket.inet_aton("198.51.100.20")
CLIENT_MAC, SERVER_MAC = bytes.fromhex("00005e00530a"), bytes.fromhex("00005e005314")


@contextmanager
def captured(port: int, target: Path) -> Iterator[None]:
    raw = target.with_suffix(".raw")
    command = ["tcpdump", "-i", "lo", "-U", "--nano", "-s", "0", "-w", str(raw), f"tcp port {port}"]
    dump = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert dump.stderr is not None
    dump.stderr.readline()  # "listening on lo"
    time.sleep(0.5)
    try:
        yield
        time.sleep(0.5)
    finally:
        dump.terminate()
        dump.wait()
    target.write_bytes(rewritten(raw.read_bytes(), port))
    raw.unlink()


def rewritten(capture: bytes, port: int) -> bytes:
    """The capture with documentation addresses, and checksums that are right."""
    out = [capture[:24]]
    at = 24
    while at < len(capture):
        kept = struct.unpack_from("<I", capture, at + 8)[0]
        header, packet = capture[at : at + 16], bytearray(capture[at + 16 : at + 16 + kept])
        at += 16 + kept
        from_client = struct.unpack_from(">H", packet, 36)[0] == port
        packet[0:12] = SERVER_MAC + CLIENT_MAC if from_client else CLIENT_MAC + SERVER_MAC
        packet[26:34] = CLIENT + SERVER if from_client else SERVER + CLIENT
        packet[24:26] = packet[50:52] = b"\0\0"
        packet[24:26] = checksum(bytes(packet[14:34]))
        pseudo = bytes(packet[26:34]) + struct.pack(">HH", 6, len(packet) - 34)
        packet[50:52] = checksum(pseudo + bytes(packet[34:]))
        out.append(header + bytes(packet))
    return b"".join(out)


def checksum(data: bytes) -> bytes:
    total = sum(struct.unpack(f">{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack(">H", ~total & 0xFFFF)


def modbus() -> None:
    from pymodbus.client import ModbusTcpClient
    from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
    from pymodbus.pdu.device import ModbusDeviceIdentification
    from pymodbus.server import ModbusTcpServer

    device = ModbusDeviceContext(
        di=ModbusSequentialDataBlock(1, [1, 0, 1, 1] * 8),
        co=ModbusSequentialDataBlock(1, [0] * 32),
        hr=ModbusSequentialDataBlock(1, [17, 170, 1700, 17000] * 32),
        ir=ModbusSequentialDataBlock(1, [100, 200, 300, 400] * 8),
    )
    identity = ModbusDeviceIdentification(
        info_name={
            "VendorName": "Example Automation",
            "ProductCode": "EA-100",
            "MajorMinorRevision": "2.7.1",
            "ModelName": "Boiler controller",
        }
    )

    async def serve(started: threading.Event, stop: threading.Event) -> None:
        server = ModbusTcpServer(
            ModbusServerContext(devices={1: device}, single=False), identity=identity, address=("127.0.0.1", 502)
        )
        task = asyncio.create_task(server.serve_forever())
        await asyncio.sleep(0.5)
        started.set()
        while not stop.is_set():
            await asyncio.sleep(0.1)
        await server.shutdown()
        await task

    def polls(client: ModbusTcpClient) -> None:
        client.read_coils(0, count=10, device_id=1)
        client.read_discrete_inputs(4, count=9, device_id=1)
        client.read_holding_registers(100, count=4, device_id=1)
        client.read_input_registers(0, count=2, device_id=1)
        client.read_holding_registers(5000, count=4, device_id=1)

    def writes(client: ModbusTcpClient) -> None:
        client.write_coil(7, True, device_id=1)
        client.write_coil(7, False, device_id=1)
        client.write_register(100, 4711, device_id=1)
        client.write_coils(0, [True, False, True, True, False, False, True, True, True, False], device_id=1)
        client.write_registers(20, [1, 65535, 258], device_id=1)
        client.mask_write_register(address=4, and_mask=0x00F2, or_mask=0x0025, device_id=1)
        client.readwrite_registers(read_address=0, read_count=2, write_address=40, values=[7, 8], device_id=1)
        client.write_register(5000, 1, device_id=1)

    def questions(client: ModbusTcpClient) -> None:
        client.read_device_information(read_code=1, object_id=0, device_id=1)
        client.report_device_id(device_id=1)
        client.read_exception_status(device_id=1)
        client.diag_query_data(b"\x12\x34", device_id=1)
        client.diag_clear_counters(device_id=1)
        client.diag_read_diagnostic_register(device_id=1)
        client.diag_get_comm_event_counter(device_id=1)
        client.diag_get_comm_event_log(device_id=1)
        client.diag_restart_communication(True, device_id=1)
        client.diag_force_listen_only(device_id=1)

    started, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(serve(started, stop)))
    thread.start()
    started.wait(10)
    try:
        for name, part in (("polls", polls), ("writes", writes), ("questions", questions)):
            with captured(502, HERE / "modbus" / f"{name}.pcap"):
                client = ModbusTcpClient("127.0.0.1", port=502, timeout=1, retries=0)
                client.connect()
                attempt(part, client)
                client.close()
    finally:
        stop.set()
        thread.join(10)


def s7comm() -> None:
    from snap7.client import Client
    from snap7.server import Server
    from snap7.type import Area, Block, SrvArea, WordLen

    server = Server()
    server.register_area(SrvArea.DB, 1, bytearray(range(200)))
    server.register_area(SrvArea.MK, 0, bytearray(64))
    server.register_area(SrvArea.PE, 0, bytearray(16))
    server.register_area(SrvArea.PA, 0, bytearray(16))
    server.start(102)
    time.sleep(0.5)

    def variables(client: Client) -> None:
        client.db_read(1, 4, 8)
        client.db_write(1, 10, bytearray([1, 2, 3]))
        client.write_area(Area.DB, 1, 20, bytearray(struct.pack(">f", 42.5)), WordLen.Real)
        client.write_area(Area.DB, 1, 30, bytearray(struct.pack(">h", -300)), WordLen.Int)
        client.write_area(Area.MK, 0, 83, bytearray([1]), WordLen.Bit)
        client.mb_write(12, 1, bytearray([255]))
        client.db_read(77, 0, 4)

    def program(client: Client) -> None:
        client.plc_stop()
        client.plc_cold_start()
        client.plc_hot_start()
        client.copy_ram_to_rom(1000)
        client.compress(1000)

    def engineering(client: Client) -> None:
        client.get_cpu_info()
        client.list_blocks()
        client.get_block_info(Block.DB, 1)
        client.set_plc_datetime(datetime(2026, 3, 1, 12, 30, 15))
        client.get_plc_datetime()
        client.set_session_password("secret12")

    def transfer(client: Client) -> None:
        client.upload(1)
        client.download(bytearray(client.full_upload(Block.DB, 1)[0]), 1)
        client.delete(Block.DB, 1)

    try:
        for name, part in (
            ("variables", variables),
            ("program", program),
            ("engineering", engineering),
            ("transfer", transfer),
        ):
            with captured(102, HERE / "s7comm" / f"{name}.pcap"):
                client = Client()
                client.connect("127.0.0.1", 0, 2, 102)
                attempt(part, client)
                client.disconnect()
    finally:
        server.stop()


def iec104() -> None:
    import c104

    server = c104.Server(ip="127.0.0.1", port=2404)
    station = server.add_station(common_address=47)
    station.add_point(io_address=11, type=c104.Type.M_ME_NC_1, report_ms=1000).value = 42.5
    points = {
        address: station.add_point(io_address=address, type=kind)
        for address, kind in (
            (12, c104.Type.C_SC_NA_1),
            (13, c104.Type.C_DC_NA_1),
            (14, c104.Type.C_RC_NA_1),
            (15, c104.Type.C_SE_NC_1),
            (16, c104.Type.C_SC_TA_1),
            (17, c104.Type.C_SE_NB_1),
        )
    }

    def accept(point: c104.Point, previous_info: c104.Information, message: c104.IncomingMessage) -> c104.ResponseState:
        return c104.ResponseState.SUCCESS

    def refuse(point: c104.Point, previous_info: c104.Information, message: c104.IncomingMessage) -> c104.ResponseState:
        return c104.ResponseState.FAILURE

    for address, point in points.items():
        point.on_receive(callable=refuse if address == 17 else accept)
    points[13].command_mode = c104.CommandMode.SELECT_AND_EXECUTE
    server.start()

    try:
        with captured(2404, HERE / "iec104" / "commands.pcap"):
            client = c104.Client()
            connection = client.add_connection(ip="127.0.0.1", port=2404, init=c104.Init.NONE)
            there = connection.add_station(common_address=47)
            client.start()
            while not connection.is_connected:
                time.sleep(0.05)
            connection.interrogation(common_address=47)
            connection.counter_interrogation(common_address=47)
            connection.clock_sync(common_address=47)
            connection.test(common_address=47)
            for address, kind, value in (
                (12, c104.Type.C_SC_NA_1, True),
                (13, c104.Type.C_DC_NA_1, c104.Double.ON),
                (14, c104.Type.C_RC_NA_1, c104.Step.HIGHER),
                (15, c104.Type.C_SE_NC_1, 75.5),
                (16, c104.Type.C_SC_TA_1, True),
                (17, c104.Type.C_SE_NB_1, c104.Int16(-300)),
                (99, c104.Type.C_SC_NA_1, True),
            ):
                point = there.add_point(io_address=address, type=kind)
                if address == 13:
                    point.command_mode = c104.CommandMode.SELECT_AND_EXECUTE
                point.value = value
                point.transmit(cause=c104.Cot.ACTIVATION)
            connection.interrogation(common_address=48)
            client.stop()
    finally:
        server.stop()


def written() -> None:
    """Those for which there is no stack to be recorded."""
    sys.path[:0] = [str(HERE), str(HERE.parent / "framing")]
    import write_packets

    for path, capture in write_packets.captures():
        (HERE / path).parent.mkdir(exist_ok=True)
        (HERE / path).write_bytes(capture)


def enip() -> None:
    server = subprocess.Popen(
        [sys.executable, "-m", "cpppo.server.enip", "--address", "127.0.0.1:44818", "Level=INT[10]", "Flow=REAL[4]"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(3)

    def client(*words: str) -> None:
        subprocess.run(
            [sys.executable, "-m", "cpppo.server.enip.client", "--address", "127.0.0.1:44818", *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=30,
        )

    try:
        with captured(44_818, HERE / "enip" / "tags.pcap"):
            client("--list-identity", "--list-services", "Level[0-3]")
            client("Level[2-3]=(INT)700,701", "Flow[1]=(REAL)1.5", "Missing[0]")
            client("--multiple", "Level[0]", "Level[1]=(INT)5", "Missing[0]=(INT)1")
            client("--send-path", "", "--route-path", "false", "@0x01/1/7", "Level[4]=(INT)-9")
    finally:
        server.terminate()
        server.wait()


def opcua() -> None:
    from asyncua import Client, Server, ua
    from asyncua.server.user_managers import User, UserManager, UserRole

    class Users(UserManager):
        def get_user(self, iserver: object, username: str | None = None, **_: object) -> User | None:
            return None if username == "intruder" else User(role=UserRole.User)

    async def record() -> None:
        server = Server(user_manager=Users())
        await server.init()
        server.set_endpoint("opc.tcp://127.0.0.1:4840/boiler")
        space = await server.register_namespace("urn:example:boiler")
        boiler = await server.nodes.objects.add_object(space, "Boiler")
        setpoint = await boiler.add_variable(ua.NodeId("Boiler.Setpoint", space), "Setpoint", 21.5)
        await setpoint.set_writable()
        locked = await boiler.add_variable(ua.NodeId("Boiler.Level", space), "Level", 7)

        async def reset(parent: object, reason: ua.Variant) -> list[ua.Variant]:
            return [ua.Variant(True)]

        method = await boiler.add_method(
            ua.NodeId("Boiler.Reset", space), "Reset", reset, [ua.VariantType.String], [ua.VariantType.Boolean]
        )
        async with server:
            async with Client("opc.tcp://127.0.0.1:4840/boiler") as client:
                await client.get_node(setpoint.nodeid).read_value()
                await client.get_node(setpoint.nodeid).write_value(99.5)
                for node, value in ((locked, 8), (ua.NodeId("Nothing", space), 1)):
                    try:
                        await client.get_node(getattr(node, "nodeid", node)).write_value(value)
                    except ua.UaError as refusal:
                        print(refusal, file=sys.stderr)
                await client.get_node(boiler.nodeid).call_method(method.nodeid, ua.Variant("maintenance"))
                await client.nodes.objects.get_children()
            for name in ("k.vogt", "intruder"):
                client = Client("opc.tcp://127.0.0.1:4840/boiler")
                client.set_user(name)
                client.set_password("not a secret")
                try:
                    async with client:
                        pass
                except ua.UaError as refusal:
                    print(refusal, file=sys.stderr)

    (HERE / "opcua").mkdir(exist_ok=True)
    with captured(4840, HERE / "opcua" / "boiler.pcap"):
        asyncio.run(record())


def melsec() -> None:
    from pymcprotocol import Type3E, Type4E

    def controller(one: bytes) -> bytes:
        """A Q series CPU that stores nothing: D200 and above are out of its range."""
        start = 13 if one[0] == 0x54 else 9
        command = struct.unpack_from("<H", one, start + 2)[0]
        end, data = 0, b""
        if command == 0x0101:
            data = b"Q03UDVCPU".ljust(16) + b"\x66\x03"
        elif command == 0x0401:
            count = struct.unpack_from("<H", one, start + 10)[0]
            data = b"\x10" * ((count + 1) // 2) if one[start + 4] else b"\x2a\0" * count
        if command == 0x1401 and int.from_bytes(one[start + 6 : start + 9], "little") >= 200:
            end = 0xC056
        body = struct.pack("<H", end) + data
        return bytes([one[0] | 0x80]) + one[1 : start - 2] + struct.pack("<H", len(body)) + body

    with answering(5007, controller):
        for name, make in (("3e", Type3E), ("4e", Type4E)):
            with captured(5007, HERE / "melsec" / f"{name}.pcap"):
                client = make(plctype="Q")
                client.connect("127.0.0.1", 5007)
                attempt(melsec_requests, client)
                client.close()


def melsec_requests(client: object) -> None:
    client.read_cputype()
    client.batchread_wordunits("D100", 3)
    client.batchread_bitunits("M5", 4)
    client.batchwrite_wordunits("D100", [700, -1])
    client.batchwrite_wordunits("D200", [1])
    client.batchwrite_bitunits("Y1F", [1, 0, 1])
    client.randomwrite(["D10", "W1A"], [7, 8], ["D20"], [65536])
    client.randomwrite_bitunits(["M0", "M9"], [1, 0])
    client.remote_unlock("1234")
    client.remote_stop()
    client.remote_pause()
    client.remote_run(0, force_exec=True)
    client.remote_lock("1234")
    client.remote_latchclear()


def ads() -> None:
    import pyads
    from pyads.testserver import AdsTestServer, AdvancedHandler, PLCVariable

    handler = AdvancedHandler()
    for name, kind, value in (
        ("MAIN.speed", pyads.constants.ADST_INT16, b"\x2a\0"),
        ("MAIN.run", pyads.constants.ADST_BIT, b"\1"),
    ):
        handler.add_variable(PLCVariable(name, value, ads_type=kind, symbol_type="INT" if len(value) > 1 else "BOOL"))
    handler.add_variable(PLCVariable("flag", b"\0\0", pyads.constants.ADST_INT16, "INT", 0x4020, 12))
    server = AdsTestServer(handler=handler, ip_address="127.0.0.1", logging=False)
    server.start()
    time.sleep(1)
    pyads.open_port()
    pyads.set_local_address("192.0.2.10.1.1")
    try:
        with captured(48_898, HERE / "ads" / "runtime.pcap"):
            client = pyads.Connection("198.51.100.20.1.1", pyads.PORT_TC3PLC1, "127.0.0.1")
            client.open()
            attempt(ads_requests, client)
            client.close()
    finally:
        server.stop()


def ads_requests(client: object) -> None:
    import pyads

    client.read_device_info()
    client.read_state()
    client.read_by_name("MAIN.speed", pyads.PLCTYPE_INT)
    client.write_by_name("MAIN.speed", 300, pyads.PLCTYPE_INT)
    client.write(pyads.INDEXGROUP_MEMORYBYTE, 12, 700, pyads.PLCTYPE_INT)
    client.write_list_by_name({"MAIN.speed": 301, "MAIN.run": True})
    client.write_control(pyads.ADSSTATE_STOP, 0, 0, pyads.PLCTYPE_INT)
    client.write_control(pyads.ADSSTATE_RUN, 0, 0, pyads.PLCTYPE_INT)


@contextmanager
def answering(port: int, answer: Callable[[bytes], bytes]) -> Iterator[None]:
    """A server that makes of every request that it receives whole one answer."""
    listener = socket.create_server(("127.0.0.1", port))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                while one := connection.recv(4_096):
                    connection.sendall(answer(one))

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield
    finally:
        listener.close()


def attempt(part: Callable, client: object) -> None:
    """Each step of ``part`` on its own: what the server refuses is part of the recording."""
    calls = Recorder(client)
    part(calls)


class Recorder:
    def __init__(self, client: object) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Callable:
        def call(*args: object, **named: object) -> object:
            try:
                return getattr(self._client, name)(*args, **named)
            except Exception as refusal:  # noqa: BLE001 - whatever a library raises for it
                print(f"{name}: {refusal}", file=sys.stderr)
                return (b"\0" * 64, 64)

        return call


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    jobs = {
        "modbus": modbus,
        "s7comm": s7comm,
        "iec104": iec104,
        "enip": enip,
        "opcua": opcua,
        "melsec": melsec,
        "ads": ads,
        "written": written,
    }
    for job in sys.argv[1:] or jobs:
        jobs[job]()
