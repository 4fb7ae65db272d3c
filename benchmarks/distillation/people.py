"""Rendered people whose places in space are known, as crops with labels, and as a folder of pictures with boxes."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from sample import crops
from sample.crops import MIRRORED, Regions
from sample.figure import NAMES, Figure, build_figure
from sample.render import render_scene
from sample.stance import Array, Rng, random_pose

SIZE_WH, INPUT_SIZE_WH = (72, 96), (48, 64)  # of the pictures, and of what the networks are shown
MAX_YAW = 60.0  # degrees
HEIGHT = 1.7  # metres of a standing figure
ROOT = ("left_hip", "right_hip")


@dataclass(frozen=True, slots=True)
class People:
    """One person a picture: images (N, 96, 72, 3) uint8; keypoints (N, 17, 3) and boxes_xyxy (N, 4) in source px;
    world (N, 17, 3), metres about the middle of the hips, x to the right, y down, z away."""

    images: NDArray[np.uint8]
    keypoints: Array
    boxes_xyxy: Array
    world: Array

    def first(self, count: int) -> People:
        """Those only."""
        return People(self.images[:count], self.keypoints[:count], self.boxes_xyxy[:count], self.world[:count])


def render(first_seed: int, count: int, processes: int = 2) -> People:
    """The people of so many scenes, without those who are hardly seen."""
    seeds = np.array_split(np.arange(first_seed, first_seed + count), max(processes, 1))
    if processes < 2:
        parts = [_rendered(some) for some in seeds]
    else:
        with get_context("spawn").Pool(processes) as pool:
            parts = pool.map(_rendered, seeds)
    return People(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def facing(rng: Rng) -> Figure:
    """A figure that faces the viewer, or nearly."""
    pose = random_pose(rng)
    pitch, _, roll = pose.root
    return build_figure(rng, replace(pose, root=np.array([pitch, rng.uniform(-MAX_YAW, MAX_YAW), roll])))


def _rendered(seeds: NDArray[np.int64]) -> tuple[Any, ...]:
    scenes = [
        scene for scene in (render_scene(int(seed), SIZE_WH, 1, facing) for seed in seeds) if len(scene.keypoints)
    ]
    world = HEIGHT * np.concatenate([scene.places for scene in scenes])
    hips = [NAMES.index(name) for name in ROOT]
    return (
        np.stack([scene.image for scene in scenes]),
        np.concatenate([scene.keypoints for scene in scenes]),
        np.concatenate([scene.boxes_xyxy for scene in scenes]),
        world - world[:, hips].mean(1, keepdims=True),
    )


def write(people: People, folder: Path) -> None:
    """PNGs in `folder`/pictures, and beside it boxes and keypoints as COCO has them, annotations.json."""
    (folder / "pictures").mkdir()
    images, annotations = [], []
    for number, image in enumerate(people.images):
        name, (left, top, right, bottom) = f"{number:04d}.png", people.boxes_xyxy[number].tolist()
        Image.fromarray(image).save(folder / "pictures" / name)
        images.append({"id": number, "file_name": name, "width": SIZE_WH[0], "height": SIZE_WH[1]})
        points = [value for x, y, v in people.keypoints[number].tolist() for value in (x, y, int(v))]
        annotations.append({"id": number, "image_id": number, "category_id": 1, "iscrowd": 0,
                            "bbox": [left, top, right - left, bottom - top], "area": (right - left) * (bottom - top),
                            "num_keypoints": sum(v > 0 for v in points[2::3]), "keypoints": points})  # fmt: skip
    category = {"id": 1, "name": "person", "keypoints": list(NAMES), "skeleton": []}
    document = {"images": images, "annotations": annotations, "categories": [category]}
    (folder / "annotations.json").write_text(json.dumps(document))


def batch(people: People, rows: NDArray[np.int64], rng: Rng) -> tuple[Tensor, Array, Array]:
    """Crops (N, 3, 64, 48) RGB 0-255 shifted, scaled, turned and mirrored at random, with other colours; keypoints
    (N, 17, 3) in input px and world (N, 17, 3) as it lies in the crop."""
    regions = crops.augmented(rng, crops.regions_from_boxes(people.boxes_xyxy[rows]))
    pixels = crops.jittered(rng, crops.crop(people.images[rows], regions, INPUT_SIZE_WH))
    keypoints = crops.keypoints_to_input(people.keypoints[rows], regions, INPUT_SIZE_WH)
    return pixels, keypoints, world_in(people.world[rows], regions)


def upright(people: People, rows: NDArray[np.int64]) -> Tensor:
    """Crops (N, 3, 64, 48) RGB 0-255 as the contract makes them."""
    return crops.crop(people.images[rows], crops.regions_from_boxes(people.boxes_xyxy[rows]), INPUT_SIZE_WH)


def world_in(world: Array, regions: Regions) -> Array:
    """World (N, 17, 3) of the picture as it lies in the regions: turned back, and mirrored with left and right."""
    cos, sin = np.cos(regions.rotation)[:, None], np.sin(regions.rotation)[:, None]
    x, y, z = (world[..., axis] for axis in range(3))
    across, down = cos * x + sin * y, cos * y - sin * x
    turned = np.stack([np.where(regions.mirrored[:, None], -across, across), down, z], -1)
    return np.asarray(np.where(regions.mirrored[:, None, None], turned[:, MIRRORED], turned))
