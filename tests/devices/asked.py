"""What a runner can be asked, whatever its language: a picture stored in every way, and requests that are damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.contract.spec import PoseSpec
from posekit.poses.regions import Region, frame_region
from posekit.poses.transforms import Orientation, input_transform, upright_size
from posekit.poses.warp import warp

NOISE = np.random.default_rng(7).integers(0, 256, (48, 40, 3), np.uint8)
ORIENTATIONS = [
    (Orientation(rotation, mirrored), region)
    for rotation in (0, 90, 180, 270)
    for mirrored in (False, True)
    for region in (None, Region((21.0, 27.5), (26.0, 34.0), 12.0))
]
Damage = Callable[[dict[str, Any]], object] | None

# what is done to the request (None: it is cut in two), and what run.json says then
DAMAGED: list[tuple[Damage, str]] = [
    (lambda request: request.update(accelerators=["tpu"]), "'tpu' is no accelerator"),
    (lambda request: request.update(modes=["video"]), "'video' is no mode"),
    (lambda request: request["cases"][0]["picture"].update(file="../request.json"), "no plain file name"),
    (lambda request: request["cases"][0]["picture"].update(file="gone.rgb"), "lacks gone.rgb"),
    (lambda request: request["cases"][0]["picture"].update(size_wh=[4, 4]), "bytes, expected 48"),
    (lambda request: request["cases"][0]["picture"].update(rotation_degrees=45), "expected 0, 90, 180 or 270"),
    (lambda request: request["cases"][0]["input"].update(shape=[1, 1 << 30, 1 << 30]), "too large"),
    (lambda request: request.pop("cases"), "cases"),
    (None, "damaged"),
]


def damage_request(path: Path, damage: Damage) -> None:
    """Spoil a request.json."""
    request = json.loads(path.read_text())
    if damage:
        damage(request)
    text = json.dumps(request)
    path.write_text(text if damage else text[: len(text) // 2])


def expected_input(
    spec: PoseSpec, orientation: Orientation, region: Region | None
) -> tuple[NDArray[np.float32], Region]:
    """The reference's input of NOISE, turned upright by numpy, and the region it shows."""
    upright = np.rot90(NOISE, -orientation.rotation_degrees // 90)
    upright = np.ascontiguousarray(upright[:, ::-1] if orientation.mirrored else upright)
    size = upright_size((NOISE.shape[1], NOISE.shape[0]), orientation)
    assert upright.shape[:2] == size[::-1]
    used = region or frame_region(size, spec.input)
    return warp(upright, input_transform(used, spec.input), spec.input.size_wh, spec.input.pad_value), used
