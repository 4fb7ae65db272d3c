"""--set is understood wherever a contract is read, and refused where there is none to change."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

COMMANDS: dict[str, Callable[[Any, Path], tuple[Any, ...]]] = {
    "package": lambda tiny, out: ("package", tiny.save("exported"), "--platform", "android", "--out", out),
    "ladder": lambda tiny, out: ("ladder", tiny.save("exported"), "--platform", "android"),
    "compress": lambda tiny, out: ("compress", tiny.save("exported"), "--prune", "0.5", "--out", out),
    "check": lambda tiny, out: ("check", tiny.save("exported"), "--images", tiny.images),
    "predict": lambda tiny, out: ("predict", tiny.save("exported"), next(tiny.images.iterdir())),
    "inspect": lambda tiny, out: ("inspect", tiny.save("exported")),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_knows_the_fields(
    command: str, tiny: Any, tmp_path: Path, refused: Callable[..., dict[str, Any]]
) -> None:
    arguments = (*COMMANDS[command](tiny, tmp_path), "--spec", tiny.spec_file)
    refused(
        2, *arguments, "--set", "input.size=[3,4]", says=("no field 'input.size'", "input has size_wh, color_order")
    )
    refused(2, *arguments, "--set", "license=MIT", "--set", "input.size_wh=[0,4]",
            says=("with --set: input.size_wh.0 is 0: expected",))  # fmt: skip


def test_a_field_of_a_spec_file_is_set(tiny: Any, run_posekit: Callable[..., Any]) -> None:
    result = run_posekit("inspect", tiny.save("exported"), "--spec", tiny.spec_file, "--json", "--set", "license=MIT",
                         "--set", "input.mean=[1.0, 2.0, 3.0]")  # fmt: skip
    contract = json.loads(result.out)["contract"]
    assert (contract["license"], contract["input"]["mean"]) == ("MIT", [1.0, 2.0, 3.0])
    assert contract["name"] == "tiny"


def test_a_field_of_a_preset_is_set(tiny: Any, refused: Callable[..., dict[str, Any]]) -> None:
    refused(2, "inspect", tiny.save("exported"), "--spec", "hrnet-coco17", "--set", "decoder.refine=none",
            says=("no field 'decoder.refine'", "refinement"))  # fmt: skip


def test_a_bundle_has_its_contract(packaged: Path, tiny: Any, refused: Callable[..., dict[str, Any]]) -> None:
    picture = next(tiny.images.iterdir())
    refused(2, "predict", packaged, picture, "--set", "license=MIT", says=("is a bundle", "leave out --set"))
    refused(2, "validate", packaged, "--set", "license=MIT", says=("--set needs --source",))
    refused(2, "inspect", packaged, "--set", "license=MIT", says=("is a bundle", "leave out --set"))
