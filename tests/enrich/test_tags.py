"""The plant's names for what is written: addresses, types, ranges, what was there before."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.enrich.assets import AssetFileError, read_assets
from engine.enrich.enrichment import Enrichment
from engine.enrich.process_image import ProcessImage
from engine.model import Event, LogSource

PLANT = """
assets:
  - name: plc-boiler
    addresses: [10.99.0.8]
    tags:
      - {name: Boiler pressure setpoint, address: 40001, type: float32, unit: bar, range: [0, 80]}
      - {name: Feed pump, address: coil 12, safety: true}
      - {name: Drum level, address: DB10.DBD4, unit: mm, read_only: true}
      - {name: Steam temperature, address: 40005, type: int16, scale: 0.1, offset: -10, unit: °C, range: [-10, 520]}
      - {name: Total, address: 40007, type: uint32, word_order: low_first}
      - {name: Second boiler, address: 40020, unit_id: 2}
"""


@pytest.fixture
def plant(tmp_path: Path) -> Enrichment:
    path = tmp_path / "assets.yml"
    path.write_text(PLANT, encoding="utf-8")
    return Enrichment(*read_assets(path))


def written(plant: Enrichment, image: ProcessImage | None = None, **fields: Any) -> dict[str, Any]:
    image = image or ProcessImage()
    one = {f"ot.{name}": value for name, value in fields.items()}
    event = Event(
        {"destination.ip": "10.99.0.8", "ot.operation": "write", "ot.protocol": "modbus", **one}, 0, "1", LogSource()
    )
    plant.enrich(event)
    image.observe(event)
    plant.name_tags(event, image)
    return event.fields


def registers(address: int, *values: int, **more: Any) -> dict[str, Any]:
    value = values[0] if len(values) == 1 else list(values)
    return {"address_space": "holding_register", "address": address, "count": len(values), "value": value, **more}


def test_a_register_becomes_a_value_of_the_process_with_its_range(plant: Enrichment) -> None:
    fields = written(plant, **registers(0, 0x42C8))

    assert fields["message"] == "Boiler pressure setpoint = 100 bar (range 0–80)"
    assert fields["ot.tag"] == "Boiler pressure setpoint"
    assert fields["ot.engineering.value"] == 100
    assert fields["ot.engineering.unit"] == "bar"
    assert fields["ot.engineering.outside_range"] is True


@pytest.mark.parametrize(
    ("values", "value", "outside"),
    [((0x42A0, 0), 80, False), ((0x42A0, 1), 80.0000076, True), ((0xBF80, 0), -1, True), ((0, 0), 0, False)],
)
def test_both_ends_belong_to_the_range(plant: Enrichment, values: tuple[int, int], value: float, outside: bool) -> None:
    fields = written(plant, **registers(0, *values))

    assert fields["ot.engineering.value"] == value
    assert fields.get("ot.engineering.outside_range", False) is outside


def test_half_of_a_value_is_joined_with_the_half_that_was_read_before(plant: Enrichment) -> None:
    image = ProcessImage()
    written(plant, image, operation="read", **registers(0, 0x4120, 0x0000))

    fields = written(plant, image, **registers(1, 0x8000))

    assert fields["ot.engineering.value"] == 10.03125
    assert "ot.engineering.value" not in written(plant, **registers(1, 0x8000))


def test_scale_and_sign_and_word_order(plant: Enrichment) -> None:
    fields = written(plant, **registers(4, 0xFFF6, 0, 2, 1))

    assert fields["ot.tag"] == ["Steam temperature", "Total"]
    assert fields["ot.engineering.value"] == [-11, 65538]
    assert fields["ot.engineering.unit"] == ["°C", ""]
    assert fields["ot.engineering.outside_range"] is True
    assert fields["message"] == "Steam temperature = -11 °C (range -10–520); Total = 65538"


def test_what_must_not_be_written_and_what_keeps_people_safe_is_told(plant: Enrichment) -> None:
    level = written(plant, protocol="s7comm", tag="DB10.DBD4", value=7, address_space="db10", address=4)
    pump = written(plant, address_space="coil", address=10, count=4, value=[0, 0, 0, 1])

    assert level["ot.tag"] == "Drum level"
    assert level["ot.symbol"] == "DB10.DBD4"
    assert level["ot.engineering.read_only"] is True
    assert pump["ot.tag"] == "Feed pump"
    assert pump["ot.engineering.safety"] is True


@pytest.mark.parametrize(
    ("address", "kind", "value", "told"),
    [
        (4, "real", 1500.0, 1500),
        (4, "dword", 0x44BB8000, 1500),
        (4, "byte", [0x44, 0xBB, 0x80, 0x00], 1500),
        (0, "byte", [0, 0, 0, 0, 0x44, 0xBB, 0x80, 0x00], 1500),
        (4, "word", [0x44BB, 0x8000], 1500),
        (4, "word", 0x44BB, None),
        (7, "byte", 1, None),
    ],
)
def test_a_tag_of_bytes_is_found_however_they_are_written(
    tmp_path: Path, address: int, kind: str, value: Any, told: float | None
) -> None:
    path = tmp_path / "assets.yml"
    tag = "{name: Level, address: DB10.DBD4, type: float32, range: [0, 1000], read_only: true}"
    path.write_text(f"assets:\n  - {{name: plc, addresses: [10.99.0.8], tags: [{tag}]}}\n", encoding="utf-8")

    fields = written(
        Enrichment(*read_assets(path)),
        protocol="s7comm", address_space="db10", address=address, data_type=kind, value=value, tag="DB10.DBX",
    )  # fmt: skip

    assert (fields["ot.tag"], fields["ot.engineering.read_only"]) == ("Level", True)
    assert fields.get("ot.engineering.value") == told
    assert fields.get("ot.engineering.outside_range", False) is (told is not None)


def test_bits_beside_it_and_other_blocks_are_not_a_tag_of_bytes(tmp_path: Path) -> None:
    path = tmp_path / "assets.yml"
    tags = "{name: Run, address: M10.3}, {name: Speed, address: DB1.DBW2}"
    path.write_text(f"assets:\n  - {{name: plc, addresses: [10.99.0.8], tags: [{tags}]}}\n", encoding="utf-8")
    plant = Enrichment(*read_assets(path))
    common: dict[str, Any] = {"protocol": "s7comm", "address": 10, "address_space": "merker"}

    assert written(plant, **common, data_type="bit", bit=3, value=1)["ot.engineering.value"] == 1
    assert written(plant, **common, data_type="byte", value=8)["ot.engineering.value"] == 1
    assert "ot.tag" not in written(plant, **common, data_type="bit", bit=4, value=1)
    assert "ot.tag" not in written(plant, address_space="db2", address=2, data_type="word", value=1)
    several = {"address_space": ["db1", "merker"], "address": [2, 10], "data_type": ["int", "bit"], "bit": [0, 3]}
    fields = written(plant, **several, value=[-7, 1])
    assert (fields["ot.tag"], fields["ot.engineering.value"]) == (["Speed", "Run"], [-7, 1])


def test_another_unit_another_space_another_host_is_not_it(plant: Enrichment) -> None:
    assert "ot.tag" not in written(plant, **registers(19, 1, unit_id=1))
    assert "ot.tag" in written(plant, **registers(19, 1, unit_id=2))
    assert "ot.tag" not in written(plant, address_space="input_register", address=0, value=1)
    other = Event(
        {
            "destination.ip": "10.99.0.9",
            "ot.operation": "write",
        },
        0,
        "1",
        LogSource(),
    )
    plant.enrich(other)
    plant.name_tags(other, ProcessImage())
    assert "ot.tag" not in other.fields


@pytest.mark.parametrize(
    "value", [None, "text", [None, {}], [[1]], float("nan"), 1e308, [1] * 100_000, True, -1, 2**70]
)
def test_odd_values_are_named_and_harm_nothing(plant: Enrichment, value: Any) -> None:
    fields = written(plant, address_space="holding_register", address=0, value=value)

    assert "Boiler pressure setpoint" in str(fields["ot.tag"])


@pytest.mark.parametrize(
    ("tag", "what"),
    [
        ("{address: 40001}", "without a name"),
        ("{name: a}", "without an address"),
        ("{name: a, address: 7}", "does not say of what"),
        ("{name: a, address: 40001, type: real}", "there is no type 'real'"),
        ("{name: a, address: 40001, range: [1]}", "two ends"),
        ("{name: a, address: 40001, range: [9, 1]}", "ends at 1 before it begins"),
        ("{name: a, address: 40001, range: [x, 1]}", "no number"),
        ("{name: a, address: 40001, unit_id: 300}", "no unit"),
        ("{name: a, address: 40001, colour: red}", "not known here"),
        ("{name: a, address: 40001}, {name: b, address: holding_register 0}", "there twice"),
    ],
)
def test_what_is_wrong_with_a_tag_is_named_with_its_line(tmp_path: Path, tag: str, what: str) -> None:
    path = tmp_path / "assets.yml"
    path.write_text(f"assets:\n  - name: plc\n    addresses: [10.0.0.1]\n    tags: [{tag}]\n", encoding="utf-8")

    with pytest.raises(AssetFileError) as refused:
        read_assets(path)

    assert what in str(refused.value)
    assert f"{path}:4: " in str(refused.value)


steps = st.lists(
    st.tuples(
        st.sampled_from(["read", "write", "force", "identify"]),
        st.sampled_from(["10.0.0.1", "10.0.0.2"]),
        st.integers(0, 4),
        st.lists(st.integers(0, 9), min_size=1, max_size=3),
        st.sampled_from(["success", "failure", "unknown"]),
    ),
    max_size=25,
)


@given(steps=steps, cut=st.integers(0, 25))
def test_the_previous_value_is_the_last_one_read_or_written(steps: list[Any], cut: int) -> None:
    image = ProcessImage()
    held: dict[tuple[str, int], int] = {}

    for number, (operation, host, address, values, outcome) in enumerate(steps):
        if number == cut:
            state, image = image.snapshot(), ProcessImage()
            image.restore(state)
        before = [held.get((host, address + at)) for at in range(len(values))]
        event = Event(
            {
                "destination.ip": host, "ot.operation": operation, "ot.address_space": "coil", "ot.address": address,
                "ot.value": values, "event.outcome": outcome,
            },
            0, "1", LogSource(),
        )  # fmt: skip
        image.observe(event)
        known = operation in ("write", "force") and any(value is not None for value in before)
        assert event.fields.get("ot.previous_value") == (before if known else None)
        if operation != "identify" and outcome != "failure":
            held.update({(host, address + at): value for at, value in enumerate(values)})


def test_the_image_is_bounded_and_forgets_whole_controllers_first_seen_first() -> None:
    image = ProcessImage(most=250)
    for host in range(4):
        fields = {"destination.ip": f"10.0.0.{host}", "ot.operation": "read", "ot.address_space": "coil"}
        image.observe(Event({**fields, "ot.address": 0, "ot.value": [1] * 100}, 0, "1", LogSource()))

    known = [image.known({"destination.ip": f"10.0.0.{host}"}, "coil", 99) for host in range(4)]

    assert known == [None, None, 1, 1]
    assert image.stats == {"process_values_evicted": 200}


def test_bytes_and_words_at_the_same_address_are_not_compared() -> None:
    image = ProcessImage()
    common = {"destination.ip": "10.0.0.1", "ot.address_space": "db1", "ot.address": 0}
    image.observe(
        Event({**common, "ot.operation": "read", "ot.data_type": "byte", "ot.value": [1, 2]}, 0, "1", LogSource())
    )
    write = Event({**common, "ot.operation": "write", "ot.data_type": "word", "ot.value": 7}, 0, "2", LogSource())

    image.observe(write)

    assert "ot.previous_value" not in write.fields
