"""The folder of the cache: who may write it, what stays in it, what happens when it cannot be written."""

import os
import resource
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.ruleset import cache_folder
from engine.ruleset.cache_folder import CacheFolder, standard_folder


@pytest.fixture
def any_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file grows beyond 100 bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o777])
@pytest.mark.usefixtures("any_umask")
def test_the_folder_and_its_files_are_for_us_alone(tmp_path: Path, mask: int) -> None:
    folder = CacheFolder(tmp_path / "tieline")
    os.umask(mask)

    folder.write("entry", b"data")

    if mask != 0o777:  # then even the folder is closed to us (but for root)
        assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    if mask != 0o777 or os.geteuid() == 0:
        assert stat.S_IMODE((folder.path / "entry.rules").stat().st_mode) == 0o600
        assert folder.read("entry") == b"data"


def test_folders_on_the_way_are_made(tmp_path: Path) -> None:
    folder = CacheFolder(tmp_path / "a" / "b" / "tieline")

    folder.write("entry", b"data")

    assert folder.read("entry") == b"data"


def test_what_is_not_there_is_no_entry(tmp_path: Path) -> None:
    assert CacheFolder(tmp_path / "nowhere").read("entry") is None
    assert CacheFolder(tmp_path).read("entry") is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_leaves_no_half_entry_and_keeps_the_old_one(tmp_path: Path) -> None:
    folder = CacheFolder(tmp_path / "tieline")
    folder.write("entry", b"old")

    folder.write("entry", b"x" * 1_000)
    folder.write("another", b"x" * 1_000)

    assert folder.read("entry") == b"old"
    assert [path.name for path in folder.path.iterdir()] == ["entry.rules"]


def test_a_folder_that_cannot_be_made_is_no_fault() -> None:
    folder = CacheFolder(Path("/proc/tieline"))  # not even root can

    folder.write("entry", b"data")

    assert folder.read("entry") is None
    assert not folder.path.exists()


def test_a_file_in_the_place_of_the_folder_is_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("mine")

    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        CacheFolder(path).write("entry", b"data")
        assert CacheFolder(path).read("entry") is None

    assert (tmp_path / "file").read_text() == "mine"
    assert "no folder of its own" in caplog.text


def test_a_name_with_a_line_feed_starts_no_line_of_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    odd = tmp_path / "a\nb"
    odd.write_text("")

    CacheFolder(odd).write("entry", b"data")

    assert [record.getMessage().count("\n") for record in caplog.records] == [0]


def test_the_most_recently_used_entries_stay(tmp_path: Path) -> None:
    folder = CacheFolder(tmp_path / "tieline")
    for number in range(cache_folder.MOST_ENTRIES):
        folder.write(str(number), b"data")
        os.utime(folder.path / f"{number}.rules", ns=(number, number))

    assert folder.read("0") == b"data"
    folder.write("new", b"data")

    names = {path.stem for path in folder.path.iterdir()}
    assert len(names) == cache_folder.MOST_ENTRIES
    assert {"0", "2", "new"} <= names
    assert "1" not in names


def test_the_entries_have_a_bound_of_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_folder, "MOST_BYTES", 250)
    folder = CacheFolder(tmp_path / "tieline")

    for number in range(4):
        folder.write(str(number), b"x" * 100)
        os.utime(folder.path / f"{number}.rules", ns=(number, number))
    folder.write("large", b"x" * 251)

    assert {path.stem for path in folder.path.iterdir()} == {"2", "3"}


def test_drafts_that_were_left_behind_are_removed_and_those_being_written_are_not(tmp_path: Path) -> None:
    folder = CacheFolder(tmp_path / "tieline")
    folder.write("entry", b"data")
    for name, age in (("old.draft", 7_200), ("new.draft", 60)):
        (folder.path / name).write_bytes(b"half")
        moment = (folder.path / "entry.rules").stat().st_mtime_ns - age * 10**9
        os.utime(folder.path / name, ns=(moment, moment))

    folder.write("entry", b"data")

    assert sorted(path.name for path in folder.path.iterdir()) == ["entry.rules", "new.draft"]


def test_the_place_of_the_cache_is_the_one_that_is_named(tmp_path: Path) -> None:
    home = str(tmp_path)

    assert standard_folder({"HOME": home}) == tmp_path / ".cache" / "tieline"
    assert standard_folder({"HOME": home, "XDG_CACHE_HOME": "/var/cache"}) == Path("/var/cache/tieline")
    assert standard_folder({"HOME": home, "XDG_CACHE_HOME": "relative"}) == tmp_path / ".cache" / "tieline"
    assert standard_folder({"HOME": home, "XDG_CACHE_HOME": "/x", "TIELINE_CACHE": "here"}) == Path("here")
    assert standard_folder({"HOME": home, "TIELINE_CACHE": "off"}) is None


def test_a_service_keeps_its_rules_beside_its_state_unless_told_otherwise(tmp_path: Path) -> None:
    own = tmp_path / "state.sqlite.rules"

    assert standard_folder({"HOME": str(tmp_path)}, own) == own
    assert standard_folder({"TIELINE_CACHE": "/elsewhere"}, own) == Path("/elsewhere")
    assert standard_folder({"TIELINE_CACHE": "off"}, own) is None


@pytest.mark.parametrize("home", ["", "relative", "/nowhere/at/all"])
def test_without_a_home_there_is_no_cache(home: str) -> None:
    assert standard_folder({"HOME": home}) is None
    assert standard_folder({}) is None


def test_the_home_of_somebody_else_gets_no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda own=os.geteuid(): own + 1)

    assert standard_folder({"HOME": str(tmp_path)}) is None
