"""The contracts that come with posekit."""

from __future__ import annotations

from pathlib import Path

import pytest

from posekit.contract import presets
from posekit.contract.presets import preset, preset_names
from posekit.contract.spec import canonical_json, contract_hash, parse_spec
from posekit.errors import InputError

FOLDER = Path(presets.__file__).parent


def test_names_are_those_of_the_files() -> None:
    assert preset_names() == sorted(path.stem for path in FOLDER.glob("*.toml"))
    assert len(preset_names()) >= 5


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_is_a_contract_that_says_its_source(name: str) -> None:
    spec = preset(name)
    assert spec.name == name
    assert sorted(spec.outputs) == sorted(spec.outputs_read)
    assert canonical_json(spec).startswith(b"{")
    assert (FOLDER / f"{name}.toml").read_text().startswith("# ")


def test_names_types_and_contracts_differ() -> None:
    specs = [preset(name) for name in preset_names()]
    assert len({spec.type_name for spec in specs}) == len({contract_hash(spec) for spec in specs}) == len(specs)


@pytest.mark.parametrize("name", preset_names())
def test_the_same_words_mean_the_same_contract(name: str) -> None:
    spec = preset(name)
    assert parse_spec(spec.model_dump(by_alias=True), name) == spec


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("hrnet-coco", "did you mean hrnet-coco17?"),
        ("rtmpose_wholebody", "did you mean rtmpose-wholebody133?"),
        ("xyz", "give a .toml file"),
        ("../presets/hrnet-coco17", ""),
        ("", "give a .toml file"),
    ],
)
def test_an_unknown_name_lists_the_known_ones(asked: str, hint: str) -> None:
    with pytest.raises(InputError) as raised:
        preset(asked)
    assert repr(asked) in raised.value.message
    assert all(name in raised.value.message for name in preset_names())
    assert hint in raised.value.hint
