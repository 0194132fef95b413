"""Rule sets kept on disk: what comes back is what was loaded, and nothing else is believed."""

import marshal
import os
import pickle
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.correlate.succession import fingerprint as fingerprint_of
from engine.ruleset import cache, fingerprint
from engine.ruleset.cache_folder import CacheFolder
from engine.ruleset.correlation import CorrelationRule
from engine.ruleset.files import RuleFile, contents, rule_files
from engine.ruleset.load import load
from engine.ruleset.ruleset import Ruleset

SHIPPED = Path(__file__).parents[2] / "rules"

EVERYTHING = """
title: Everything a test can be
id: 2f0a2a39-4a55-4bd5-9d46-f4b3a3d6b9a1
name: everything
level: high
tags: [attack.t0855]
falsepositives: [a rehearsal]
logsource: {product: windows, category: process_creation, service: sysmon}
detection:
  texts:
    CommandLine|contains: ['a*b', 'c?d', '', 'ünï']
    Image|cased: 'C:\\\\x'
  list: [one, 'two*']
  regex: {CommandLine|re|i: '^a.+z$'}
  networks: {SourceIp|cidr: [192.0.2.0/24, '2001:db8::/32']}
  numbers: {Size|gte: 10, Ratio|lt: 0.5, Same: 7}
  fields: {User|fieldref: OtherUser}
  there: {Hash|exists: true, Gone: null}
  time: {UtcTime|hour: 3}
  known: {User|expand: '%admins%'}
  condition: (texts and not list) or 1 of net* or (regex and numbers and fields and there and time and known)
---
title: Often
id: 9b9d6c11-6f1e-4f0e-8d0e-0d4f8f0c2f10
name: often
correlation:
  type: event_count
  rules: [everything]
  group-by: [User, host]
  timespan: 5m
  aliases: {host: {everything: Computer}}
  condition: {gte: 5}
---
title: Both, and never the other
id: 0d9b4f3e-9a5a-4b3c-8e1f-74e2d7a53c9f
correlation:
  type: temporal
  rules: [everything, often]
  group-by: [User]
  timespan: 1h
  condition: everything and not often
---
title: Not on this host
logsource: {product: windows}
filter:
  rules: any
  selection: {Computer: lab-1}
  condition: not selection
"""
BROKEN = "title: broken\nlogsource: {product: linux}\ndetection:\n  s: {a|contian: b}\n  condition: s\n"
UNFILLED = "title: unfilled\nlogsource: {product: linux}\ndetection:\n  s: {a|expand: '%x%'}\n  condition: s\n"
SIMPLE = "title: simple\nlogsource: {product: linux}\ndetection:\n  s: {a: b}\n  condition: s\n"
PLACEHOLDERS = {"admins": ["root", "ünï*"]}


@pytest.fixture
def written(tmp_path: Path) -> Path:
    folder = tmp_path / "written"
    (folder / "below").mkdir(parents=True)
    for name, text in {"a": EVERYTHING, "b": BROKEN, "c": UNFILLED, "below/d": SIMPLE, "e": ""}.items():
        (folder / f"{name}.yml").write_text(text, "utf-8")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def read_again(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one whenever rules are really read."""
    from engine.ruleset import load as module

    count: list[int] = []
    real = module.load_files

    def counted(*args: Any, **options: Any) -> Ruleset:
        count.append(1)
        return real(*args, **options)

    monkeypatch.setattr(module, "load_files", counted)
    return count


def _entry(folder: Path) -> Path:
    (entry,) = folder.iterdir()
    return entry


def _key(paths: Sequence[Path]) -> bytes:
    files, problems = rule_files(paths)
    return fingerprint.fingerprint(contents(files), problems, {}, ())


def _same(one: object, other: object) -> bool:
    """Equal, and of the same types: 5 == 5.0 == True for ``==`` alone."""
    return one == other and repr(one) == repr(other)


def _planted(folder: Path, paths: Sequence[Path]) -> Path:
    """An entry that only a break-in could have put there: whole, of the right key, and not what the files say."""
    ruleset = Ruleset(disabled=("planted",))
    data = cache.packed(ruleset, _key(paths))
    assert data is not None
    CacheFolder(folder).write(_key(paths).hex(), data)
    return _entry(folder)


def test_the_shipped_rules_come_back_as_they_were_loaded(folder: Path, read_again: list[int]) -> None:
    fresh = load([SHIPPED])

    first = cache.load([SHIPPED], folder=folder)
    second = cache.load([SHIPPED], folder=folder)

    assert _same(first, fresh)
    assert _same(second, fresh)
    assert len(read_again) == 1


def test_the_examples_of_the_readme_come_back_with_all_that_stands_under_tieline(tmp_path: Path, folder: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (SHIPPED / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "rules").mkdir()
    examples = [block for block in blocks if not block.startswith("- ")]
    (tmp_path / "rules" / "examples.yml").write_text("---\n".join(examples), encoding="utf-8")
    usual = {field.name: field.default for field in msgspec.structs.fields(CorrelationRule) if not field.required}

    fresh = load([tmp_path / "rules"])
    first, second = (cache.load([tmp_path / "rules"], folder=folder) for _ in range(2))

    assert _entry(folder)
    assert _same(first, fresh)
    assert _same(second, fresh)
    said = {name for name, plain in usual.items() for rule in fresh.correlations if getattr(rule, name) != plain}
    assert {"window", "until", "steps", "join", "learn_ns", "expected", "refire", "growth", "suppress_ns"} < said
    assert {rule.head.id: fingerprint_of(rule) for rule in fresh.correlations} == {
        rule.head.id: fingerprint_of(rule) for rule in second.correlations
    }


def test_the_rules_of_sigmahq_come_back_as_they_were_loaded(sigmahq: Path, folder: Path, read_again: list[int]) -> None:
    fresh = load([sigmahq])

    first = cache.load([sigmahq], folder=folder)
    second = cache.load([sigmahq], folder=folder)

    assert len(fresh.detections) > 3_700
    assert _same(first, fresh)
    assert _same(second, fresh)
    assert len(read_again) == 1


def test_every_kind_of_test_and_every_problem_comes_back(written: Path, folder: Path, read_again: list[int]) -> None:
    fresh = load([written], placeholders=PLACEHOLDERS)

    loaded = [cache.load([written], placeholders=PLACEHOLDERS, folder=folder) for _ in range(2)]

    assert len(fresh.detections) == 2
    assert len(fresh.correlations) == 2
    assert {(Path(one.path).name, one.line) for one in fresh.problems} == {("b.yml", 4), ("c.yml", 4), ("e.yml", 1)}
    assert fresh.disabled == ("unfilled",)
    assert all(_same(one, fresh) for one in loaded)
    assert len(read_again) == 1


def test_a_missing_path_and_an_empty_folder_come_back_as_the_problems_they_are(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "empty").mkdir()
    paths = [tmp_path / "empty", tmp_path / "missing"]

    loaded = [cache.load(paths, folder=folder) for _ in range(2)]

    assert [_same(one, load(paths)) for one in loaded] == [True, True]
    assert len(loaded[1].problems) == 2


def test_paths_that_hold_nothing_keep_their_own_problems(tmp_path: Path, folder: Path) -> None:
    for name in ("one", "two"):
        loaded = cache.load([tmp_path / name], folder=folder)

        assert [problem.path for problem in loaded.problems] == [str(tmp_path / name)]


def test_a_name_and_a_text_are_not_taken_for_one_another() -> None:
    one, other = RuleFile("p", b"q['']r"), RuleFile("p['']q", b"r")

    keys = {fingerprint.fingerprint([file], [], {}, ()) for file in (one, other)}

    assert len(keys) == 2


def test_files_of_the_same_content_keep_their_own_paths(tmp_path: Path, folder: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "rule.yml").write_text(SIMPLE)
        (tmp_path / name / "broken.yml").write_text(BROKEN)

    loaded = {name: [cache.load([tmp_path / name], folder=folder) for _ in range(2)] for name in ("one", "two")}

    for name, rulesets in loaded.items():
        for ruleset in rulesets:
            assert [rule.head.path for rule in ruleset.detections] == [str(tmp_path / name / "rule.yml")]
            assert [problem.path for problem in ruleset.errors] == [str(tmp_path / name / "broken.yml")]


def test_the_same_folder_under_another_name_keeps_the_name_it_is_called_by(
    written: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    absolute = cache.load([written], folder=folder)
    monkeypatch.chdir(written)

    relative = cache.load([Path()], folder=folder)

    assert {rule.head.path for rule in relative.detections} == {"below/d.yml"}
    assert {rule.head.path for rule in absolute.detections} == {str(written / "below" / "d.yml")}


def _change(written: Path) -> None:
    (written / "a.yml").write_text(EVERYTHING.replace("level: high", "level: low"), "utf-8")


def _change_keeping_size_and_time(written: Path) -> None:
    path = written / "below" / "d.yml"
    state = path.stat()
    path.write_text(SIMPLE.replace("a: b", "a: c"))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def _add(written: Path) -> None:
    (written / "below" / "f.yml").write_text(SIMPLE.replace("simple", "another"))


def _rename(written: Path) -> None:
    (written / "below" / "d.yml").rename(written / "below" / "z.yml")


def _swap(written: Path) -> None:
    one, other = written / "b.yml", written / "c.yml"
    texts = one.read_text(), other.read_text()
    other.write_text(texts[0])
    one.write_text(texts[1])


def _move_a_line_from_one_file_to_the_next(written: Path) -> None:
    (written / "b.yml").write_text(BROKEN + "---\n")
    (written / "c.yml").write_text(UNFILLED)


def _replace_an_empty_file_by_a_broken_link(written: Path) -> None:
    (written / "e.yml").unlink()
    (written / "e.yml").symlink_to("nowhere")


@pytest.mark.parametrize(
    "edit",
    [
        _change,
        _change_keeping_size_and_time,
        _add,
        lambda written: (written / "c.yml").unlink(),
        _rename,
        _swap,
        _move_a_line_from_one_file_to_the_next,
        lambda written: (written / "a.yml").write_bytes(b"\xff"),
        _replace_an_empty_file_by_a_broken_link,
    ],
)
def test_whatever_changes_in_the_files_is_read(
    written: Path, folder: Path, read_again: list[int], edit: Callable[[Path], None]
) -> None:
    cache.load([written], folder=folder)

    edit(written)

    assert _same(cache.load([written], folder=folder), load([written]))
    assert len(read_again) == 2


def test_a_file_that_was_only_touched_is_not_read_again(written: Path, folder: Path, read_again: list[int]) -> None:
    cache.load([written], folder=folder)

    os.utime(written / "a.yml", ns=(0, 0))
    cache.load([written], folder=folder)

    assert len(read_again) == 1


def test_other_placeholders_are_another_rule_set(written: Path, folder: Path) -> None:
    given: list[dict[str, list[str]]] = [{}, {"x": ["1"]}, {"x": ["1", "2"]}, {"x": ["2", "1"]}, {"x1": []}, {"x": []}]

    for _ in range(2):
        for placeholders in given:
            loaded = cache.load([written], placeholders=placeholders, folder=folder)

            assert _same(loaded, load([written], placeholders=placeholders))
    assert len(list(folder.iterdir())) == len(given)


def test_a_changed_pipeline_is_another_rule_set(written: Path, folder: Path, tmp_path: Path) -> None:
    pipeline = tmp_path / "names.yml"
    text = "name: n\npriority: 1\ntransformations:\n- {id: m, type: field_name_mapping, mapping: {a: first}}\n"

    for words in (text, text.replace("first", "later"), text.replace("type", "kind")):
        pipeline.write_text(words)
        for _ in range(2):
            loaded = cache.load([written], pipelines=[pipeline], folder=folder)

            assert _same(loaded, load([written], pipelines=[pipeline]))
    assert len(list(folder.iterdir())) == 3


def test_broken_pipelines_of_the_same_content_keep_their_own_paths(written: Path, folder: Path, tmp_path: Path) -> None:
    for name in ("one.yml", "two.yml"):
        (tmp_path / name).write_text("a pipeline is a mapping")

        loaded = cache.load([written / "below"], pipelines=[tmp_path / name], folder=folder)

        assert [problem.path for problem in loaded.problems] == [str(tmp_path / name)]


@pytest.mark.parametrize("what", ["_installed", "_sources"])
def test_another_version_of_a_program_that_takes_part_is_another_rule_set(
    written: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    assert any(name.lower().startswith("pysigma-") for name in fingerprint._installed())
    assert any(name.lower().startswith("tieline-") for name in fingerprint._installed())
    assert any(b"def fingerprint(" in part for part in fingerprint._sources("engine.ruleset"))
    before = _key([written])

    real = getattr(fingerprint, what)
    monkeypatch.setattr(fingerprint, what, lambda *of: [*real(*of), "more" if what == "_installed" else b"more"])
    fingerprint.program.cache_clear()
    after = _key([written])

    fingerprint.program.cache_clear()
    assert before != after


def test_no_changed_byte_is_believed(tmp_path: Path) -> None:
    (tmp_path / "rule.yml").write_text(SIMPLE)
    key = bytes(range(32))
    data = cache.packed(load([tmp_path]), key)
    assert data is not None
    assert cache.unpacked(data, key) is not None

    for at in range(len(data)):
        for bits in (1, 0x80, 0xFF):
            changed = bytearray(data)
            changed[at] ^= bits
            assert cache.unpacked(bytes(changed), key) is None


def test_no_part_of_an_entry_is_believed_and_nothing_behind_it(tmp_path: Path) -> None:
    (tmp_path / "rule.yml").write_text(SIMPLE)
    key = bytes(range(32))
    data = cache.packed(load([tmp_path]), key)
    assert data is not None

    parts = [data[:length] for length in range(len(data))] + [data + b"\0", data + data, b"\0" + data, data[1:]]

    assert [part for part in parts if cache.unpacked(part, key) is not None] == []


def test_an_entry_of_another_key_or_format_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "rule.yml").write_text(SIMPLE)
    key, other = bytes(range(32)), bytes(range(1, 33))
    data = cache.packed(load([tmp_path]), key)
    assert data is not None

    renamed = cache.unpacked(data, other)
    of_another_format = cache.unpacked(data.replace(b"format 1", b"format 0"), key)

    assert renamed is None
    assert of_another_format is None


@pytest.mark.parametrize(
    "payload",
    [
        pickle.dumps(Ruleset()),
        marshal.dumps(["detections"]),
        b"",
        msgspec.msgpack.encode([]),
        msgspec.msgpack.encode({"detections": [{"head": {}}]}),
        msgspec.msgpack.encode({"disabled": [1]}),
        msgspec.msgpack.encode({"problems": [{"path": "p", "line": "1", "severity": "error", "what": "w"}]}),
        msgspec.msgpack.encode({"problems": [{"path": "p", "line": 1, "severity": "fatal", "what": "w"}]}),
        b"\x81\xaadetections" + b"\x91" * 100_000,
        msgspec.msgpack.encode(
            {"detections": [{"head": {"id": "i", "title": "t"}, "logsource": {}, "condition": ["cidr", "x"]}]}
        ),
        msgspec.msgpack.encode(
            {
                "detections": [
                    {"head": {"id": "i", "title": "t"}, "logsource": {}, "condition": ["test", "f", ["cidr", "x"]]}
                ]
            }
        ),
    ],
)
def test_what_is_no_rule_set_is_not_believed_however_right_its_checksum(payload: bytes) -> None:
    key = bytes(32)
    head = cache._MAGIC + key

    data = head + blake2b(payload, digest_size=32, key=key).digest() + payload

    assert cache.unpacked(data, key) is None


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: b"", lambda data: data[:200] + data[201:]])
def test_a_damaged_entry_is_replaced(
    written: Path,
    folder: Path,
    read_again: list[int],
    caplog: pytest.LogCaptureFixture,
    damage: Callable[[bytes], bytes],
) -> None:
    fresh = cache.load([written], folder=folder)
    entry = _entry(folder)
    whole = entry.read_bytes()

    entry.write_bytes(damage(whole))
    loaded = cache.load([written], folder=folder)

    assert _same(loaded, fresh)
    assert "damaged" in caplog.text
    assert entry.read_bytes() == whole
    assert len(read_again) == 2


def test_a_planted_entry_would_be_believed_if_only_we_could_have_written_it(written: Path, folder: Path) -> None:
    """What gives the next tests their meaning."""
    _planted(folder, [written])

    assert cache.load([written], folder=folder).disabled == ("planted",)


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666, 0o777])
def test_an_entry_that_others_may_write_is_replaced(
    written: Path, folder: Path, caplog: pytest.LogCaptureFixture, mode: int
) -> None:
    entry = _planted(folder, [written])

    entry.chmod(mode)
    loaded = [cache.load([written], folder=folder) for _ in range(2)]

    assert all(_same(one, load([written])) for one in loaded)
    assert entry.stat().st_mode & 0o777 == 0o600
    assert caplog.text.count("others may write") == 1


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777, 0o1777])
def test_a_folder_that_others_may_write_is_left_alone(
    written: Path, folder: Path, caplog: pytest.LogCaptureFixture, mode: int
) -> None:
    entry = _planted(folder, [written])
    before = entry.read_bytes()

    folder.chmod(mode)
    loaded = cache.load([written], folder=folder)

    assert _same(loaded, load([written]))
    assert entry.read_bytes() == before
    assert folder.stat().st_mode & 0o7777 == mode
    assert "chmod 700" in caplog.text


def test_what_belongs_to_somebody_else_is_left_alone(
    written: Path, folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = _planted(folder, [written])
    before = entry.read_bytes()

    monkeypatch.setattr(os, "geteuid", lambda own=os.geteuid(): own + 1)
    loaded = cache.load([written], folder=folder)

    assert _same(loaded, load([written]))
    assert entry.read_bytes() == before
    assert "somebody else" in caplog.text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_an_entry_that_belongs_to_somebody_else_is_replaced(written: Path, folder: Path) -> None:
    entry = _planted(folder, [written])

    os.chown(entry, 12_345, 12_345)
    loaded = cache.load([written], folder=folder)

    assert _same(loaded, load([written]))
    assert entry.stat().st_uid == 0


def test_a_link_in_the_place_of_an_entry_is_replaced(written: Path, folder: Path, tmp_path: Path) -> None:
    entry = _planted(folder, [written])
    elsewhere = tmp_path / "elsewhere"
    shutil.move(entry, elsewhere)
    planted = elsewhere.read_bytes()

    entry.symlink_to(elsewhere)
    loaded = cache.load([written], folder=folder)

    assert _same(loaded, load([written]))
    assert elsewhere.read_bytes() == planted
    assert not entry.is_symlink()


def test_a_link_in_the_place_of_the_folder_is_left_alone(
    written: Path, folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    elsewhere = tmp_path / "elsewhere"
    entry = _planted(elsewhere, [written])
    before = entry.read_bytes()

    folder.symlink_to(elsewhere)
    loaded = cache.load([written], folder=folder)

    assert _same(loaded, load([written]))
    assert _entry(elsewhere).read_bytes() == before
    assert "no folder of its own" in caplog.text


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_something_else_in_the_place_of_an_entry_does_no_harm(
    written: Path, folder: Path, make: Callable[[Path], None]
) -> None:
    entry = _planted(folder, [written])
    entry.unlink()

    make(entry)
    loaded = [cache.load([written], folder=folder) for _ in range(2)]

    assert all(_same(one, load([written])) for one in loaded)


def test_a_value_that_data_cannot_carry_is_loaded_each_time(tmp_path: Path, folder: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "rule.yml").write_text(SIMPLE.replace("a: b", "a|gt: 99999999999999999999999999"))

    loaded = [cache.load([rules], folder=folder) for _ in range(2)]

    assert all(_same(one, load([rules])) for one in loaded)


def test_a_rule_set_that_would_come_back_as_another_is_not_kept(written: Path) -> None:
    ruleset = load([written])
    rule = ruleset.detections[0]

    changed = msgspec.structs.replace(rule, head=msgspec.structs.replace(rule.head, tags=["a list"]))

    assert cache.packed(Ruleset(detections=(rule,)), bytes(32)) is not None
    assert cache.packed(Ruleset(detections=(changed,)), bytes(32)) is None


def test_without_a_folder_nothing_is_kept(written: Path, read_again: list[int]) -> None:
    loaded = [cache.load([written]) for _ in range(2)]

    assert all(_same(one, load([written])) for one in loaded)
    assert len(read_again) == 2


def test_processes_that_start_together_get_the_same_rules(written: Path, folder: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from engine.ruleset import cache;"
        "print(repr([cache.load([Path(sys.argv[1])], folder=Path(sys.argv[2])) for _ in range(5)][-1]))"
    )
    command = [sys.executable, "-c", program, str(written), str(folder)]

    started = [subprocess.Popen(command, stdout=subprocess.PIPE, cwd=SHIPPED.parent, text=True) for _ in range(4)]
    said = [process.communicate(timeout=60)[0] for process in started]

    assert said == [repr(load([written])) + "\n"] * 4
    assert [path.suffix for path in folder.iterdir()] == [".rules"]


def test_a_warm_start_imports_neither_pysigma_nor_a_yaml_reader(written: Path, folder: Path) -> None:
    cache.load([written], folder=folder)
    program = (
        "import sys; from pathlib import Path; import engine.cli; from engine.ruleset import cache;"
        "cache.load([Path(sys.argv[1])], folder=Path(sys.argv[2]));"
        "print(*sorted({'sigma', 'pyparsing', 'yaml', 'rich.console', 'prometheus_client'} & sys.modules.keys()))"
    )

    said = subprocess.run(
        [sys.executable, "-c", program, str(written), str(folder)],
        cwd=SHIPPED.parent, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip

    assert said.stdout == "\n"
