"""Which tensors of a file are a contract's outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from posekit.contract.presets import preset
from posekit.contract.spec import PoseSpec, parse_spec
from posekit.errors import InputError
from posekit.sources.outputs import chosen, is_turned

SPEC = preset("rtmpose-coco17")
PATH = Path("model.onnx")


def spec_of(**changes: Any) -> PoseSpec:
    return parse_spec({**SPEC.model_dump(by_alias=True), **changes}, "tests")


def test_by_name_whatever_the_files_order_is() -> None:
    own = {"simcc_y": (1, 17, 512), "simcc_x": (1, 17, 384)}
    assert chosen(SPEC, own, own.keys(), PATH) == {"simcc_x": "simcc_x", "simcc_y": "simcc_y"}
    assert chosen(spec_of(outputs=[]), own, own.keys(), PATH) == {"simcc_x": "simcc_x", "simcc_y": "simcc_y"}


def test_in_the_order_that_the_contract_says() -> None:
    own = {"pred_x": (1, 17, 384), "pred_y": (1, 17, 512)}
    assert chosen(SPEC, own, own.keys(), PATH) == {"simcc_x": "pred_x", "simcc_y": "pred_y"}


@pytest.mark.parametrize(
    ("outputs", "own"),
    [
        ([], ["pred_y", "pred_x"]),  # no order is said
        (["simcc_x", "simcc_y"], ["simcc_y", "other"]),  # one is there, and not in its place
        (["simcc_x", "simcc_y"], ["one", "two", "three"]),
    ],
)
def test_no_order_is_guessed(outputs: list[str], own: list[str]) -> None:
    with pytest.raises(InputError) as raised:
        chosen(spec_of(outputs=outputs), dict.fromkeys(own, (1, 17, 384)), own, PATH)
    assert all(name in raised.value.message for name in own)
    assert raised.value.hint.startswith("say which tensor of the file is which")


@pytest.mark.parametrize(
    ("shape", "channels_last", "turned"),
    [
        ((1, 17, 64, 48), False, False),
        ((1, 64, 48, 17), False, True),
        ((1, 64, 48, 18), False, True),  # with a background
        ((1, 17, 24, 18), True, False),  # a side is as many: only one way has the input's proportions, 192 x 256
        ((1, 24, 18, 17), False, True),
        ((1, 17, 17, 17), False, False),  # neither has: as the input's channels stand
        ((1, 17, 17, 17), True, True),
        ((17, 64, 48), True, False),
    ],
)
def test_maps_whose_channels_stand_last(shape: tuple[int, ...], channels_last: bool, turned: bool) -> None:
    assert is_turned("heatmaps", shape, preset("hrnet-coco17"), channels_last) == turned
