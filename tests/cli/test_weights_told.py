"""Every command that opens a network says which weights of its file it took: once, and as soon as it knows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.xdist_group("bundle")
SAID = "warning: weights: "
COMMANDS: dict[str, tuple[str, ...]] = {
    "package": ("--platform", "android", "--images", "IMAGES", "--out", "OUT"),
    "ladder": ("--platform", "android", "--images", "IMAGES"),
    "compress": ("--prune", "0.3", "--recover", "IMAGES", "--out", "OUT"),
    "check": ("--images", "IMAGES"),
    "predict": ("PICTURE",),
    "inspect": (),
}


@pytest.fixture
def wrapped(tiny: Any, tmp_path: Path) -> tuple[Path, Path]:
    """A checkpoint of a wrapped network, and a spec of one keypoint too many, so that no command runs for long."""
    import torch

    model, spec = tmp_path / "tiny.pt", tmp_path / "other.toml"
    torch.save({"state_dict": {f"module.{key}": one for key, one in tiny.network.state_dict().items()}}, model)
    keypoints = tiny.spec.replace('"right_wrist"]\n', '"right_wrist", "chin"]\n')
    spec.write_text(keypoints.replace("0.03, 0.06, 0.06", "0.03, 0.06, 0.06, 0.1"))
    return model, spec


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_once_which_weights_it_took(
    command: str, tiny: Any, wrapped: tuple[Path, Path], run_posekit: Callable[..., Any], tmp_path: Path
) -> None:
    model, spec = wrapped
    places = {"IMAGES": tiny.images, "OUT": tmp_path / "out", "PICTURE": tiny.images / "0.png"}
    more = [places.get(one, one) for one in COMMANDS[command]]
    ran = run_posekit(command, model, *more, "--spec", spec, "--arch", "tinynet:build")
    told = [line for line in ran.err.splitlines() if line.startswith(SAID)]
    assert told == [f"{SAID}state_dict; prefix 'module.' taken off"], ran


def test_validate_says_it_of_the_source(
    tiny: Any, wrapped: tuple[Path, Path], bundle: Path, run_posekit: Callable[..., Any]
) -> None:
    ran = run_posekit("validate", bundle, "--source", wrapped[0], "--spec", tiny.spec_file, "--arch", "tinynet:build")
    assert ran.err.count(SAID) == 1, ran


def test_a_picture_is_decoded_once(tiny: Any, run_posekit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    opened: list[object] = []
    real = Image.open
    monkeypatch.setattr(Image, "open", lambda *given, **more: opened.append(given) or real(*given, **more))
    ran = run_posekit("predict", tiny.save("exported"), *sorted(tiny.images.iterdir()), "--spec", tiny.spec_file)
    assert ran.code == 0, ran
    assert len(opened) == 2
