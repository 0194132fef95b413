"""The records of one audit serial: joined as one event, or each for itself."""

from engine.model import Event, Frame
from engine.model.times import SECOND
from engine.parsing.formats import discover
from engine.parsing.parser import Parser

FORMATS = discover()
START = 1767323050


def record(kind: str, serial: int, body: str, second: float = 0.1, prefix: str = "") -> bytes:
    return f"{prefix}type={kind} msg=audit({START + second:.3f}:{serial}): {body}".encode()


def frames(*records: bytes, first: int = 0) -> list[Frame]:
    received = (START + 60) * SECOND
    return [Frame(one, "trail", received=received, sequence=first + n) for n, one in enumerate(records)]


def events(parser: Parser, *records: bytes) -> list[Event]:
    out = parser.feed(frames(*records)) + parser.expire("trail", None)
    assert all(isinstance(one, Event) for one in out)
    return [one for one in out if isinstance(one, Event)]


CALL = record(
    "SYSCALL", 7, 'arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=2 ppid=3 pid=4 uid=0 comm="id" exe="/usr/bin/id"'
)
ARGUMENTS = record("EXECVE", 7, 'argc=2 a0="id" a1="-u"')


def test_the_records_of_a_serial_are_one_event_with_the_originals_joined_by_lf() -> None:
    (event,) = events(Parser(FORMATS), CALL, ARGUMENTS)

    assert event.original == CALL + b"\n" + ARGUMENTS
    assert event.fields["process.args"] == ["id", "-u"]
    assert event.fields["process.executable"] == "/usr/bin/id"
    assert event.logsource.category == "process_creation"


def test_without_joining_each_record_is_an_event() -> None:
    call, arguments = events(Parser(FORMATS, join=False), CALL, ARGUMENTS)

    assert (call.original, arguments.original) == (CALL, ARGUMENTS)
    assert call.fields["tieline.auditd.a0"] == "1"
    assert arguments.fields["tieline.auditd.a0"] == "id"


def test_serials_that_the_kernel_interleaves_are_told_apart_and_come_in_the_order_in_which_they_began() -> None:
    other = record("SYSCALL", 8, 'arch=c000003e syscall=2 success=no exit=-13 pid=5 exe="/usr/bin/x"')
    path = record("PATH", 8, 'item=0 name="/etc/shadow" nametype=NORMAL')

    first, second = events(Parser(FORMATS), CALL, other, ARGUMENTS, path)

    assert first.original == CALL + b"\n" + ARGUMENTS
    assert second.fields["file.path"] == "/etc/shadow"


def test_two_hosts_may_use_the_same_serial() -> None:
    here, there = (record("SYSCALL", 9, "arch=c000003e syscall=59", prefix=f"node={name} ") for name in ("a", "b"))

    assert [event.fields["host.name"] for event in events(Parser(FORMATS), here, there)] == ["a", "b"]


def test_a_serial_is_over_two_seconds_later_or_with_eoe() -> None:
    parser = Parser(FORMATS)

    waiting = parser.feed(frames(CALL, ARGUMENTS))
    over = parser.feed(frames(record("SYSCALL", 10, "arch=c000003e syscall=59", second=2.2), first=2))
    ended = parser.feed(frames(record("EOE", 10, "", second=2.2), first=3))

    assert (len(waiting), len(over), len(ended)) == (0, 1, 1)


def test_a_quiet_trail_gives_up_waiting_by_the_time_of_receipt() -> None:
    parser = Parser(FORMATS)
    parser.feed(frames(CALL))

    assert parser.expire("trail", (START + 61) * SECOND) == []
    assert len(parser.expire("trail", (START + 62) * SECOND)) == 1


def test_a_record_that_stands_alone_does_not_wait() -> None:
    login = record("USER_LOGIN", 11, "pid=1 uid=0 msg='op=login acct=\"ann\" addr=192.0.2.7 res=success'")

    (event,) = Parser(FORMATS).feed(frames(login))

    assert isinstance(event, Event) and event.fields["user.name"] == "ann"


def test_a_snapshot_goes_on_where_it_was_taken() -> None:
    before, after = Parser(FORMATS), Parser(FORMATS)
    before.feed(frames(CALL))

    after.restore(before.snapshot())
    after.feed(frames(ARGUMENTS, first=1))
    (event,) = after.expire("trail", None)

    assert isinstance(event, Event)
    assert event.original == CALL + b"\n" + ARGUMENTS


def test_a_serial_without_end_is_cut_and_nothing_is_lost() -> None:
    many = [record("PATH", 12, f'item={n} name="/srv/{n}" nametype=NORMAL') for n in range(1300)]

    found = events(Parser(FORMATS), *many)

    assert b"\n".join(event.original for event in found).split(b"\n") == many
    assert len(found) == 3


def test_a_long_argument_in_pieces_is_one_argument() -> None:
    first = record("EXECVE", 13, 'argc=2 a0="sh" a1_len=8 a1[0]=6563686F a1[1]=20686921')

    (event,) = events(Parser(FORMATS), CALL.replace(b":7)", b":13)"), first)

    assert event.fields["process.args"] == ["sh", "echo hi!"]


def test_records_behind_syslog_headers_are_joined_too_and_keep_the_header() -> None:
    header = b"<14>Jan  2 03:04:10 hist-1 audisp-syslog[512]: "

    (event,) = events(Parser(FORMATS), header + CALL, header + ARGUMENTS)

    assert event.original == header + CALL + b"\n" + header + ARGUMENTS
    assert event.fields["host.name"] == "hist-1"
    assert event.fields["process.command_line"] == "id -u"


def test_a_denial_of_selinux_is_what_happened_to_the_call() -> None:
    denial = record(
        "AVC", 14, 'avc:  denied  { read } for  pid=4 comm="id" scontext=a tcontext=b tclass=file permissive=0'
    )
    call = record("SYSCALL", 14, "arch=c000003e syscall=2 success=no exit=-13 pid=4")

    (event,) = events(Parser(FORMATS), denial, call)

    assert event.fields["event.action"] == "selinux-denied"
    assert event.fields["event.outcome"] == "failure"
    assert event.fields["tieline.auditd.syscall"] == "open"


def test_a_file_named_relative_to_the_folder_is_known_by_its_whole_path() -> None:
    folder = record("CWD", 15, 'cwd="/home/ann"')
    parent = record("PATH", 15, 'item=0 name="." nametype=PARENT')
    path = record("PATH", 15, 'item=1 name="x.sh" mode=0100755 nametype=CREATE')
    call = record("SYSCALL", 15, "arch=40000028 syscall=322 success=yes exit=3 pid=4")

    (event,) = events(Parser(FORMATS), call, folder, parent, path)

    assert event.fields["file.path"] == "/home/ann/x.sh"
    assert event.fields["file.mode"] == "0755"
    assert event.logsource.category == "file_event"
