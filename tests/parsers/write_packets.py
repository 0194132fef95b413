"""The packet samples that no stack was at hand for: written from the specifications, by the builders of the tests."""

import struct
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "framing")]

import test_bacnet  # noqa: E402
import test_cspv4  # noqa: E402
import test_dcp  # noqa: E402
import test_dnp3  # noqa: E402
import test_fins  # noqa: E402
import test_ge_srtp  # noqa: E402
import test_hart_ip  # noqa: E402
import test_s7comm_plus  # noqa: E402
import test_tristation  # noqa: E402
import wire  # noqa: E402


def captures() -> Iterator[tuple[str, bytes]]:
    """Path below this folder, and capture."""
    yield "dnp3/operations.pcap", dnp3()
    yield "bacnet/controller.pcap", bacnet()
    yield "cspv4/controller.pcap", cspv4()
    yield "fins/datagrams.pcap", wire.datagrams(9600, list(fins()), client_port=9600)
    yield "fins/connection.pcap", fins_connection()
    yield "dcp/names.pcap", dcp()
    yield "ge_srtp/memory.pcap", ge_srtp()
    yield "hart_ip/instruments.pcap", wire.datagrams(5094, list(hart_ip()))
    yield "s7comm/plus.pcap", s7comm_plus()
    yield "tristation/sessions.pcap", wire.datagrams(1502, list(tristation()))


def dnp3() -> bytes:
    made = test_dnp3
    relay = b"\x0c\x01\x28\x01\0\x08\0" + made.CLOSE
    line = wire.Line(20_000).open()
    for number, (code, objects) in enumerate(
        [
            (21, b"\x3c\x02\x06"),
            (1, b"\x3c\x02\x06\x3c\x03\x06\x3c\x04\x06\x3c\x01\x06"),
            (2, b"\x50\x01\x00\x07\x07\x00"),
            (3, relay),
            (4, relay),
            (5, bytes([41, 2, 0x17, 1, 9]) + struct.pack("<hB", 700, 0)),
            (13, b""),
        ]
    ):
        line.asks(made.request(code, objects, number=number))
        line.answers(made.response(objects if code in (3, 4, 5) else b"", number=number))
    line.asks(made.request(18, number=9))
    line.answers(made.response(number=9, indications=1)).close()
    return wire.pcap(line.packets)


def bacnet() -> bytes:
    made = test_bacnet
    value = b"\x0c" + made.ANALOG_VALUE_5 + made.PRESENT_VALUE
    exchange = [(True, b"\x81\x05\x00\x06\x00\x3c"), (False, b"\x81\x00\x00\x06\x00\x00")]
    exchange += [
        (from_client, made.datagram(apdu))
        for from_client, apdu in [
            (True, b"\x10\x08"),
            (False, b"\x10\x00\xc4" + made.DEVICE_9),
            (True, made.confirmed(12, value, invoke=1)),
            (False, made.complex(12, value + b"\x3e\x44" + struct.pack(">f", 21.5) + b"\x3f", invoke=1)),
            (True, made.write(b"\x44" + struct.pack(">f", 99.0), priority=b"\x49\x08")),
            (False, made.simple(15)),
            (True, made.confirmed(20, b"\x09\x00\x1d\x05\x00pass", invoke=2)),
            (False, made.error(20, 26, invoke=2)),
            (True, made.confirmed(17, b"\x09\x05\x19\x01", invoke=3)),
            (False, made.simple(17, invoke=3)),
        ]
    ]
    return wire.datagrams(47_808, exchange, client_port=47_808)


def cspv4() -> bytes:
    made = test_cspv4
    line = wire.Line(2222).open().asks(made.connect()).answers(made.connect(2))
    for number, (function, data, answer, status) in enumerate(
        [
            (0xA2, b"\2\7\x89\5\0", b"\x2a\0", 0),
            (0xAA, b"\2\7\x89\5\0\xbc\2", b"", 0),
            (0x80, b"\1", b"", 0x60),
            (0x3A, b"\2", b"", 0),
            (0x50, b"", b"", 0),
        ],
        start=1,
    ):
        line.asks(made.command(0x0F, function, data, number=number))
        line.answers(made.answer(0x0F, answer, status=status, number=number))
    return wire.pcap(line.close().packets)


def fins() -> Iterator[tuple[bool, bytes]]:
    made = test_fins
    protect = b"\xff\xff\0" + struct.pack(">II", 0, 0xFFFFFFFF) + b"1234"
    for service, (code, data, answer, end) in enumerate(
        [
            (0x0501, b"\0", b"CJ2M-CPU33".ljust(20) + b"02.01".ljust(20) + bytes(52), 0),
            (0x0101, made.place(0x82, 100, count=2), b"\x02\xbc\0\7", 0),
            (0x0102, made.place(0x82, 100, count=2) + b"\x02\xbc\0\7", b"", 0),
            (0x0102, made.place(0x30, 10, bit=3) + b"\1", b"", 0x2102),
            (0x0103, made.place(0xB1, 5, count=10) + b"\xff\xff", b"", 0),
            (0x0C01, b"\xff\xff", b"", 0),
            (0x0305, protect, b"", 0x2602),
            (0x0402, b"\xff\xff", b"", 0),
            (0x0307, b"\xff\xff" + struct.pack(">IH", 0, 4) + b"\1\2\3\4", b"", 0),
            (0x0401, b"\xff\xff\4", b"", 0),
            (0x2301, b"\0\1\0\1\x30\0\x0a\5", b"", 0),
            (0x0702, bytes.fromhex("26030112301500"), b"", 0),
        ],
        start=1,
    ):
        yield True, made.command(code, data, service=service)
        yield False, made.response(code, answer, end=end, service=service)
    yield True, made.command(0x0403, control=0x81, service=99)


def fins_connection() -> bytes:
    made = test_fins
    line = wire.Line(9600).open().asks(made.over_tcp(bytes(4), 0)).answers(made.over_tcp(b"\0\0\0\xfb\0\0\0\1", 1))
    for service, (code, data) in enumerate([(0x0601, b""), (0x0402, b"\xff\xff"), (0x0401, b"\xff\xff\2")], start=1):
        line.asks(made.over_tcp(made.command(code, data, service=service)))
        line.answers(made.over_tcp(made.response(code, service=service)))
    return wire.pcap(line.close().packets)


def dcp() -> bytes:
    made = test_dcp
    station, plc, drive, all_of_them = made.STATION, made.PLC, made.DRIVE, made.EVERYBODY
    address = b"\0\1" + bytes([192, 0, 2, 44, 255, 255, 255, 0, 192, 0, 2, 1])
    identity = made.block((2, 1), b"\0\0S7-1500\0") + made.block((2, 3), b"\0\0\0\x2a\1\x0d")
    exchange = [(station, all_of_them, made.message(made.IDENTIFY, made.block(made.ALL), xid=1, number=0xFEFE))]
    for device, name in ((plc, b"plc"), (drive, b"drive")):
        blocks = identity + made.block(made.NAME, b"\0\0" + name)
        exchange.append((device, station, made.message(made.IDENTIFY, blocks, kind=1, xid=1, number=0xFEFF)))
    for xid, (blocks, done) in enumerate(
        [
            (made.block(made.SIGNAL, b"\0\0\1\0"), made.done(made.SIGNAL)),
            (made.block(made.NAME, b"\0\1press-7"), made.done(made.NAME)),
            (made.block(made.ADDRESS, address), made.done(made.ADDRESS)),
            (made.block(made.RESET, b"\0\4"), made.done(made.RESET, 6)),
        ],
        start=2,
    ):
        exchange.append((station, plc, made.message(made.SET, blocks, xid=xid)))
        exchange.append((plc, station, made.message(made.SET, done, kind=1, xid=xid)))
    exchange.append((station, drive, made.message(made.GET, b"\2\2", xid=9)))
    exchange.append((drive, station, made.message(made.GET, made.block(made.NAME, b"\0\0drive"), kind=1, xid=9)))
    return made.capture(*exchange)


def ge_srtp() -> bytes:
    made = test_ge_srtp
    line = wire.Line(18_245).open().asks(bytes(56)).answers(b"\1" + bytes(55))
    words = struct.pack("<5H", 1, 2, 3, 4, 5)
    for number, (one, answer) in enumerate(
        [
            (made.request(0), made.answer(state=0)),
            (made.request(0x43), made.answer(b"\0\0\x16\0\0\0")),
            (made.request(0x04, made.place(made.REGISTERS, 0, 2)), made.answer(b"\1\0\xff\xff")),
            (made.request(0x07, made.place(made.REGISTERS, 99, 2) + b"\xbc\2\7\0"), made.answer()),
            (made.long_request(0x07, made.place(made.REGISTERS, 0, 5), words), made.answer()),
            (made.request(0x21, b"\4geheim12"), made.refusal(5, 0xF5)),
            (made.request(0x23, b"\1"), made.answer(state=2)),
            (made.request(0x40), made.refusal(2, 0xFE)),
            (made.request(0x24, bytes(6)), made.answer()),
        ],
        start=1,
    ):
        for payload, says in ((bytearray(one), line.asks), (bytearray(answer), line.answers)):
            payload[2] = payload[30] = number
            says(bytes(payload))
    return wire.pcap(line.close().packets)


def hart_ip() -> Iterator[tuple[bool, bytes]]:
    made = test_hart_ip
    yield True, made.message(made.ASK, made.INITIATE, b"\1\0\0\x75\x30", sequence=1)
    yield False, made.message(made.ANSWER, made.INITIATE, b"\1\0\0\x75\x30", sequence=1)
    for sequence, (command, data, answer, code) in enumerate(
        [
            (0, b"", b"\xfe\x26\x4e\5\7\1\x0b\x28\0\0\x12\xd2", 0),
            (1, b"", b"\x20" + struct.pack(">f", 81.25), 0),
            (35, b"\x20" + struct.pack(">ff", 400.0, -50.0), b"\x20" + struct.pack(">ff", 400.0, -50.0), 0),
            (40, struct.pack(">f", 12.0), b"", 16),
            (79, b"\xf6\1\x20" + struct.pack(">f", 99.5) + b"\0", b"", 7),
            (77, b"\1\2\5" + made.frame(48)[:-1], b"", 0),
            (42, b"", b"", 0),
        ],
        start=2,
    ):
        yield True, made.request(command, data, sequence=sequence)
        yield False, made.response(command, answer, code=code, sequence=sequence)
    direct = struct.pack(">HB", 34, 4) + struct.pack(">f", 2.5) + struct.pack(">HB", 3, 0)
    yield True, made.message(made.ASK, made.DIRECT, b"\0\0" + direct, sequence=20)
    back = struct.pack(">HBB", 34, 1, 0) + struct.pack(">HBB", 3, 1, 32)
    yield False, made.message(made.ANSWER, made.DIRECT, b"\0\0" + back, sequence=20)
    yield True, made.message(made.ASK, made.CLOSE, sequence=21)
    yield False, made.message(made.ANSWER, made.CLOSE, sequence=21)


def s7comm_plus() -> bytes:
    made = test_s7comm_plus
    connect = bytes.fromhex("1ee00000000100c0010ac1020600c20f") + b"SIMATIC-ROOT-ES"
    confirm = bytes.fromhex("0dd00001000700c0010ac1020600")
    line = wire.Line(102).open()
    for packet, says in ((connect, line.asks), (confirm, line.answers)):
        says(struct.pack(">BBH", 3, 0, 4 + len(packet)) + packet)
    identity = b"\1\x82\x3f\0\x15\x1a1;6ES7 214-1AG40-0XB0 ;V4.1"
    write = made.asked(made.SET_MULTI, made.multi(made.DB5_113) + made.values(b"\0\3\2\xbc") + b"\0" + made.QUALIFIER)
    for number, (request, answer) in enumerate(
        [
            (made.asked(made.CREATE, struct.pack(">I", 285) + b"\0\4\0"), made.answered(made.CREATE, identity)),
            (
                made.asked(made.GET_MULTI, made.multi(made.DB5_113) + made.QUALIFIER),
                made.answered(made.GET_MULTI, made.values(b"\0\3\0\7") + b"\0\0"),
            ),
            (write, made.answered(made.SET_MULTI, b"\0")),
            (write, made.answered(made.SET_MULTI, b"\1\xff\xff\x74\0")),
            (made.set_variable(made.CPU, made.STATE_REQUEST, b"\0\x08\1"), made.answered(made.SET_VARIABLE)),
            (
                made.asked(made.CREATE, struct.pack(">I", 3) + b"\0\4\0" + bytes(200)),
                made.answered(made.CREATE, b"\1\x8a\x0e"),
            ),
            (made.set_variable(made.CPU, made.STATE_REQUEST, b"\0\x08\3"), made.answered(made.SET_VARIABLE)),
        ],
        start=1,
    ):
        version = 1 if number == 1 else 3
        for payload, says in ((request, line.asks), (answer, line.answers)):
            data = payload[:7] + struct.pack(">H", number) + payload[9:]
            if len(data) > 150:
                says(made.framed(data[:120], version=version, last=False))
                data = data[120:]
            says(made.framed(data, version=version))
        if number == 3:
            line.answers(made.framed(b"\x33" + bytes(30), version=3))
    return wire.pcap(line.close().packets)


def tristation() -> Iterator[tuple[bool, bytes]]:
    made = test_tristation
    yield True, made.datagram(made.PING)
    yield False, made.datagram(made.PING)
    yield True, made.datagram(made.CONNECT)
    yield False, made.datagram(made.CONNECTED)
    for number, (code, answer) in enumerate(
        [
            (24, made.answer(119, bytes(64))),
            (65, made.answer(162, bytes(24))),
            (1, made.answer(102)),
            (55, made.answer(153, bytes(8))),
            (20, made.rejection(203)),
            (21, made.rejection(212)),
        ],
        start=1,
    ):
        yield True, made.command(code, number=number)
        body = bytearray(answer[4:-2])
        body[3] = number
        yield False, made.datagram(5, bytes(body))
    yield True, made.command(19)
    yield False, made.status(1, 0)
    yield True, made.command(11, number=9)
    yield False, made.datagram(10)
    yield True, made.datagram(made.DISCONNECT)
    yield False, made.datagram(made.DISCONNECTED)
