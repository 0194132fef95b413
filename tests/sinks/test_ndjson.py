"""Alerts as lines: whole ones, once, also over a crash, a full disk and a rotation."""

import json
import os
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from engine.model import Alert
from engine.sinks.ndjson import NdjsonFile
from engine.sinks.sink import SinkError, SinkUnavailable


def alert(name: str, revision: int = 0, **more: object) -> Alert:
    document = {"event.id": name, "tieline.correlation.revision": revision, **more}
    return Alert(name, revision, 0, "rule", "low", document)


def begun(path: Path, position: object = None) -> NdjsonFile:
    sink = NdjsonFile(path)
    sink.restore(position)
    sink.start()
    return sink


def names(path: Path) -> list[str]:
    return [json.loads(line)["event.id"] for line in path.read_text().splitlines()]


def test_each_alert_is_a_line_of_a_file_that_only_its_owner_reads(tmp_path) -> None:
    sink = begun(tmp_path / "alerts.ndjson")

    sink.write([alert("a", text="two\nlines"), alert("b")])

    assert names(tmp_path / "alerts.ndjson") == ["a", "b"]
    assert stat.S_IMODE((tmp_path / "alerts.ndjson").stat().st_mode) == 0o600


def test_lines_behind_the_checkpoint_stay_and_do_not_come_twice(tmp_path) -> None:
    file = tmp_path / "alerts.ndjson"
    sink = begun(file)
    sink.write([alert("a")])
    position = json.loads(json.dumps(sink.position()))
    sink.write([alert("b"), alert("b", 1)])

    after_the_crash = begun(file, position)
    after_the_crash.write([alert("b"), alert("b", 1), alert("b", 2), alert("c")])

    assert names(file) == ["a", "b", "b", "b", "c"]


def test_a_checkpoint_before_all_is_decided_again_remembers_what_is_there(tmp_path) -> None:
    file = tmp_path / "alerts.ndjson"
    sink = begun(file)
    position = sink.position()
    sink.write([alert("a"), alert("b")])
    first = begun(file, position)
    first.write([alert("a")])

    second = begun(file, first.position())
    second.write([alert("b"), alert("c")])

    assert names(file) == ["a", "b", "c"]


def test_a_torn_last_line_is_cut_off_and_written_again(tmp_path) -> None:
    file = tmp_path / "alerts.ndjson"
    sink = begun(file)
    position = sink.position()
    sink.write([alert("a")])
    with file.open("ab") as torn:
        torn.write(b'{"event.id": "b", "text": "' + b"x" * 3_000_000)

    after_the_crash = begun(file, position)
    after_the_crash.write([alert("a"), alert("b")])

    assert names(file) == ["a", "b"]


def test_a_file_that_was_renamed_is_made_anew(tmp_path) -> None:
    file = tmp_path / "alerts.ndjson"
    sink = begun(file)
    sink.write([alert("a")])
    file.rename(tmp_path / "alerts.ndjson.1")

    sink.write([alert("b")])

    assert names(file) == ["b"]
    assert names(tmp_path / "alerts.ndjson.1") == ["a"]


def test_a_full_disk_leaves_whole_lines_and_the_batch_comes_again(tmp_path) -> None:
    file = tmp_path / "alerts.ndjson"
    sink = begun(file)
    sink.write([alert("a")])
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + 100, hard))
    try:
        with pytest.raises(SinkUnavailable, match="File too large"):
            sink.write([alert("b", text="x" * 50), alert("c", text="x" * 500)])
        whole = names(file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)

    sink.write([alert("b"), alert("c")])

    assert whole == ["a"]
    assert names(file) == ["a", "b", "c"]


def test_somebody_elses_lines_are_left_alone(tmp_path) -> None:
    file = tmp_path / "alerts.ndjson"
    file.write_bytes(b'not json\n[1]\n{"event.id": "a"}\n\xff\n')

    begun(file, {"device": 0, "inode": 0, "length": 0, "known": []}).write([alert("a"), alert("b")])

    assert file.read_bytes().startswith(b'not json\n[1]\n{"event.id": "a"}\n\xff\n{"event.id":"b"')


def test_a_folder_that_is_not_there_is_named(tmp_path) -> None:
    with pytest.raises(SinkError, match=r"nowhere/alerts\.ndjson"):
        begun(tmp_path / "nowhere" / "alerts.ndjson")


def test_a_reader_that_went_away_from_standard_output_ends_the_sink_without_a_traceback() -> None:
    program = (
        "from engine.model import Alert\n"
        "from engine.sinks.ndjson import NdjsonStdout\n"
        "from engine.sinks.sink import SinkError\n"
        "import os, sys\n"
        "try:\n"
        "    for _ in range(1000): NdjsonStdout().write([Alert('a', 0, 0, 'r', 'low', {'x': 'y' * 1000})])\n"
        "except SinkError as error:\n"
        "    sys.stderr.write(str(error)); sys.stderr.flush(); os._exit(3)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read(10)
        process.stdout.close()
        said = process.stderr.read() if process.stderr else b""

    assert process.returncode == 3
    assert b"standard output" in said


def test_a_pipe_with_a_name_takes_lines_too(tmp_path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    begun(pipe).write([alert("a")])

    assert json.loads(os.read(reader, 1000))["event.id"] == "a"
    os.close(reader)
