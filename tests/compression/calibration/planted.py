"""Pictures and descriptions made for one question each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from posekit.compression.calibration.entries import Description
from posekit.contract.spec import PoseSpec, read_spec
from posekit.sources.sample import sample_images

IMAGES, ANNOTATIONS = sample_images()
SPEC = read_spec(IMAGES.parent / "tinypose.toml")  # top_down, 96 x 128, affine_crop


def changed(**fields: Any) -> PoseSpec:
    """The sample's contract with other fields."""
    return SPEC.model_copy(update=fields)


def scene(seed: int, size_wh: tuple[int, int] = (120, 160), low: float = 20, high: float = 235) -> np.ndarray:
    """Blotches of colour, different for each seed."""
    grid = np.random.default_rng(seed).uniform(low, high, (5, 4, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(grid).resize(size_wh, Image.Resampling.BICUBIC)).clip(int(low), int(high))


def write(folder: Path, pictures: list[np.ndarray], suffix: str = "png") -> Path:
    """A folder of pictures."""
    folder.mkdir(exist_ok=True)
    for index, picture in enumerate(pictures):
        Image.fromarray(picture.astype(np.uint8)).save(folder / f"{index:03d}.{suffix}")
    return folder


def boxes(path: Path, folder: Path, sizes_wh: list[tuple[float, float]]) -> Path:
    """Annotations with one box in each picture of a folder, of these sizes."""
    names = sorted(picture.name for picture in folder.iterdir())
    document = {
        "images": [{"id": index, "file_name": name} for index, name in enumerate(names)],
        "annotations": [{"image_id": index, "bbox": [0, 0, *size]} for index, size in enumerate(sizes_wh)],
    }
    path.write_text(json.dumps(document))
    return path


def described(name: str, cells: np.ndarray, brightness: float = 100.0, light: np.ndarray | None = None) -> Description:
    """A description of cells; the rest is the same for all."""
    return Description(
        name, name, cells, np.zeros(9) if light is None else light, brightness, 40.0, 0.2, 300.0, 0.5, None
    )
