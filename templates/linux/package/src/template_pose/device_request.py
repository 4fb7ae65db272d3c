# SPDX-License-Identifier: Apache-2.0
"""What a device run is asked: request.json and the pictures and tensors beside it, which come from outside."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._posekit.poses.regions import Region
from ._posekit.poses.transforms import Orientation

Document = dict[str, Any]
ACCELERATORS = ("cpu", "gpu", "npu", "none")
MODES = ("image", "tensor", "outputs")
STAGES = ("pose", "detector", "both")
PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
MOST_CASES, MOST_VALUES, LONGEST_SIDE = 256, 1 << 26, 1 << 15


def read_request(folder: Path) -> Document:
    """request.json; ValueError where it is damaged."""
    try:
        asked: Document = json.loads(content(folder, "request.json"))
        known(asked.get("stage", "pose"), STAGES, "stage")
        for name in asked["accelerators"]:
            known(name, ACCELERATORS, "accelerator")
        for name in asked["modes"]:
            known(name, MODES, "mode")
        if not 1 <= len(asked["cases"]) <= MOST_CASES:
            raise ValueError(f"there are {len(asked['cases'])} cases")
        if not 0 <= asked.get("warmup", 2) <= 1000 or not 0 <= asked.get("repeats", 20) <= 10000:
            raise ValueError("warmup or repeats are too many")
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"request.json is damaged: {error}") from error
    return asked


def known(name: str, names: Sequence[str], what: str) -> None:
    """ValueError unless a name is one of those."""
    if name not in names:
        raise ValueError(f"{name!r} is no {what}")


def picture_of(folder: Path, data: Document) -> tuple[bytes, NDArray[np.uint8], Orientation]:
    """The bytes of a picture's file, the same as (h, w, 3) RGB, and how it becomes upright."""
    width, height = data["size_wh"]
    if not (1 <= width <= LONGEST_SIDE and 1 <= height <= LONGEST_SIDE):
        raise ValueError(f"a picture has {width} x {height} px")
    raw = content(folder, data["file"], width * height * 3)
    orientation = Orientation(data.get("rotation_degrees", 0), data.get("mirrored", False))
    return raw, np.frombuffer(raw, np.uint8).reshape(height, width, 3), orientation


def tensor(folder: Path, data: Document) -> NDArray[np.float32]:
    """A tensor beside the request: raw little-endian float32."""
    shape = tuple(int(side) for side in data["shape"])
    if not shape or min(shape) < 1 or math.prod(shape) > MOST_VALUES:
        raise ValueError(f"a tensor of the shape {shape} is too large or empty")
    values: NDArray[np.float32] = np.frombuffer(content(folder, data["file"], math.prod(shape) * 4), "<f4")
    return values.reshape(shape)


def region_of(data: Document) -> Region:
    """A region as the documents write it."""
    x, y = data["center_xy"]
    width, height = data["size_wh"]
    return Region((x, y), (width, height), data.get("rotation_degrees", 0.0))


def content(folder: Path, name: str, size: int | None = None) -> bytes:
    """The bytes of a file beside the request; ValueError for a name with a path in it, or another size."""
    if PLAIN_NAME.fullmatch(name) is None:
        raise ValueError(f"{name!r} is no plain file name")
    path = folder / name
    if not path.is_file():
        raise ValueError(f"the request lacks {name}")
    if size is not None and path.stat().st_size != size:
        raise ValueError(f"{name} has {path.stat().st_size} bytes, expected {size}")
    return path.read_bytes()
