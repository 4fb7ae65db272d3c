"""Rendered people as training crops: the renders in one array, the cropping contract, augmentation and targets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sample.figure import NAMES
from sample.networks import HEATMAP_STRIDE, INPUT_SIZE_WH, SIMCC_SPLIT_RATIO
from sample.render import render_scene
from sample.stance import Array, Rng

RENDER_SIZE = 256
BOX_PADDING = 1.25
HEATMAP_SIGMA = 1.5  # heatmap px
SIMCC_SIGMA = 2.5  # bins
MIRRORED = [NAMES.index(n.replace("left", "L").replace("right", "left").replace("L", "right")) for n in NAMES]


@dataclass(frozen=True)
class People:
    """Rendered people: images (S, 256, 256, 3) uint8; scene (N,); keypoints (N, 17, 3) and boxes_xyxy (N, 4) in source
    px."""

    images: NDArray[np.uint8]
    scene: NDArray[np.int64]
    keypoints: Array
    boxes_xyxy: Array


@dataclass(frozen=True)
class Regions:
    """What is cropped: centre (N, 2) and size_wh (N, 2) in source px, rotation (N,) in radians, mirrored (N,)."""

    centre: Array
    size_wh: Array
    rotation: Array
    mirrored: NDArray[np.bool_]

    def take(self, rows: NDArray[np.int64]) -> Regions:
        """Those rows only."""
        return Regions(self.centre[rows], self.size_wh[rows], self.rotation[rows], self.mirrored[rows])


def render_people(seeds: range, folder: Path, processes: int = 2) -> People:
    """The people of those scenes; the images lie in a memory-mapped file in `folder`."""
    file = folder / f"renders-{seeds.start}.npy"
    shape = (len(seeds), RENDER_SIZE, RENDER_SIZE, 3)
    np.lib.format.open_memmap(file, mode="w+", dtype=np.uint8, shape=shape).flush()
    jobs = [(file, seeds.start, chunk) for chunk in np.array_split(np.arange(len(seeds)), 8 * processes)]
    with get_context("spawn").Pool(processes) as pool:
        parts = pool.map(_render_chunk, jobs)
    scene, keypoints, boxes = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return People(np.load(file, mmap_mode="r"), scene, keypoints, boxes)


def _render_chunk(job: tuple[Path, int, NDArray[np.int64]]) -> tuple[NDArray[np.int64], Array, Array]:
    file, first_seed, indices = job
    images = np.load(file, mmap_mode="r+")
    scenes, keypoints, boxes = [], [], []
    for index in indices.tolist():
        scene = render_scene(first_seed + index, (RENDER_SIZE, RENDER_SIZE))
        images[index] = scene.image
        scenes.append(np.full(len(scene.keypoints), index))
        keypoints.append(scene.keypoints)
        boxes.append(scene.boxes_xyxy)
    images.flush()
    return np.concatenate(scenes), np.concatenate(keypoints), np.concatenate(boxes)


def regions_from_boxes(boxes_xyxy: Array) -> Regions:
    """The contract's regions: the box, its shorter side grown to the input's aspect ratio, times the padding."""
    centre, size = (boxes_xyxy[:, :2] + boxes_xyxy[:, 2:]) / 2, boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]
    width, height = INPUT_SIZE_WH
    grown = np.maximum(size, size[:, ::-1] * [width / height, height / width])
    none = np.zeros(len(boxes_xyxy))
    return Regions(centre, grown * BOX_PADDING, none, none.astype(bool))


def augmented(rng: Rng, regions: Regions) -> Regions:
    """The regions shifted, scaled, turned and mirrored at random."""
    count = len(regions.centre)
    scale = rng.uniform(0.75, 1.25, (count, 1))
    angle = np.radians(np.clip(rng.normal(0, 18, count), -35, 35)) * (rng.random(count) < 0.7)
    shift = rng.uniform(-0.05, 0.05, (count, 2)) * regions.size_wh
    return Regions(regions.centre + shift, regions.size_wh * scale, angle, rng.random(count) < 0.5)


def input_to_source(regions: Regions, size_wh: tuple[int, int] = INPUT_SIZE_WH) -> tuple[Array, Array]:
    """Linear part (N, 2, 2) and offset (N, 2): source px = linear @ input px + offset, both continuous."""
    cos, sin = np.cos(regions.rotation), np.sin(regions.rotation)
    turn = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)
    step = regions.size_wh / size_wh * np.stack([np.where(regions.mirrored, -1.0, 1.0), np.ones(len(cos))], -1)
    linear = turn * step[:, None, :]
    return linear, regions.centre - linear @ (np.array(size_wh) / 2)


def crop(images: NDArray[np.uint8], regions: Regions, size_wh: tuple[int, int] = INPUT_SIZE_WH) -> Tensor:
    """Crops (N, 3, height, width) RGB 0-255 of images (N, H, W, 3): bilinear, half-pixel centres, 0 outside."""
    linear, offset = input_to_source(regions, size_wh)
    width, height = size_wh
    centres = np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), -1).reshape(-1, 2)
    half = np.array([images.shape[2], images.shape[1]]) / 2
    to_unit, shift = linear.swapaxes(1, 2) / half, offset[:, None] / half - 1  # grid_sample's -1..1
    grid = torch.from_numpy((centres @ to_unit + shift).astype(np.float32)).view(-1, height, width, 2)
    pixels = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float()
    return torch.nn.functional.grid_sample(pixels, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def keypoints_to_input(keypoints: Array, regions: Regions, size_wh: tuple[int, int] = INPUT_SIZE_WH) -> Array:
    """Keypoints (N, 17, 3) from source px to input px; mirrored regions swap left and right; outside the input v is
    0."""
    linear, offset = input_to_source(regions, size_wh)
    points = np.einsum("nij,nkj->nki", np.linalg.inv(linear), keypoints[..., :2] - offset[:, None])
    inside = ((points >= 0) & (points < size_wh)).all(-1)
    result = np.concatenate([points, (keypoints[..., 2] * inside)[..., None]], -1)
    mirrored: Array = np.where(regions.mirrored[:, None, None], result[:, MIRRORED], result)
    return mirrored


def to_source(points: Array, regions: Regions) -> Array:
    """Points (N, 17, 2) from input px to source px."""
    linear, offset = input_to_source(regions)
    mapped: Array = np.einsum("nij,nkj->nki", linear, points) + offset[:, None]
    return mapped


def jittered(rng: Rng, crops: Tensor) -> Tensor:
    """Crops with random gain for the whole and for each colour; the padding stays 0."""
    gain = rng.uniform(0.7, 1.3, (len(crops), 1, 1, 1)) * rng.uniform(0.85, 1.15, (len(crops), 3, 1, 1))
    return (crops * torch.from_numpy(gain.astype(np.float32))).clamp_(0, 255)


def gaussian(mean: Array, size: int, sigma: float) -> Tensor:
    """exp(-(i - mean)^2 / 2 sigma^2) for i in 0..size-1: (..., size)."""
    cells = np.arange(size, dtype=np.float32)
    return torch.from_numpy(np.exp(-0.5 * ((cells - mean[..., None].astype(np.float32)) / sigma) ** 2))


def heatmap_target(points: Array) -> Tensor:
    """Heatmaps (N, 17, 32, 24) of input px (N, 17, 2): the peak lies at index = input px / 4."""
    width, height = (side // HEATMAP_STRIDE for side in INPUT_SIZE_WH)
    x, y = (points[..., i] / HEATMAP_STRIDE for i in (0, 1))
    return gaussian(y, height, HEATMAP_SIGMA)[..., :, None] * gaussian(x, width, HEATMAP_SIGMA)[..., None, :]


def simcc_target(points: Array) -> tuple[Tensor, Tensor]:
    """Distributions (N, 17, 192) and (N, 17, 256) of input px (N, 17, 2): the peak lies at bin = input px * 2."""
    x, y = (
        gaussian(points[..., i] * SIMCC_SPLIT_RATIO, INPUT_SIZE_WH[i] * SIMCC_SPLIT_RATIO, SIMCC_SIGMA) + 1e-9
        for i in (0, 1)
    )
    return x / x.sum(-1, keepdim=True), y / y.sum(-1, keepdim=True)


def batches(rng: Rng, count: int, size: int) -> Iterable[NDArray[np.int64]]:
    """Endless shuffled batches of indices below `count`."""
    while True:
        order = rng.permutation(count)
        size = min(size, count)
        yield from (np.sort(order[i : i + size]) for i in range(0, count - size + 1, size))
