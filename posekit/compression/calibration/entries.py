"""Inputs of a network made from a picture by the contract's own warp, and what is kept of each to compare them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from posekit.contract.spec import PoseSpec
from posekit.poses import Floats
from posekit.poses.images import Person, Picture
from posekit.poses.regions import region_of
from posekit.poses.warp import crop

PEOPLE = 4  # of one picture at most, spread over those annotated: a crowd is one scene
CELLS = 8  # a side of the small picture by which inputs are compared
LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601


@dataclass(frozen=True, slots=True)
class Entry:
    """One input: a person of a picture, or a whole picture.

    pixels: (H, W, 3) RGB 0-255 as the packaged model takes them. shown: the part (h, w, 3) that shows the picture,
    without the padding. region_px: longer side of the region, source px. upsampling: input px a source px.
    keypoints: (K, 3) input px with COCO visibility, or None.
    """

    name: str
    picture: str
    pixels: NDArray[np.float32]
    shown: NDArray[np.float32]
    region_px: float
    upsampling: float
    keypoints: Floats | None = None


@dataclass(frozen=True, slots=True)
class Description:
    """What is kept of an input that was looked at, all but the padding.

    cells: (CELLS, CELLS, 3) mean colours. light: its brightest and darkest, edges and saturation, see `_light`.
    brightness, contrast: mean and standard deviation of the luma, 0-255. grain: 0-1, how much of the contrast the
    cells lose: near 1 for noise. The rest as in Entry.
    """

    name: str
    picture: str
    cells: Floats
    light: Floats
    brightness: float
    contrast: float
    grain: float
    region_px: float
    upsampling: float
    keypoints: Floats | None


def entries_of(name: str, image: Picture, people: Sequence[Person], spec: PoseSpec) -> Iterator[Entry]:
    """The inputs of a picture: its annotated people for a top-down model, else the whole frame.

    The same as parity.cases.cases_of makes of a file, PEOPLE at most; frames of a video are no files.
    """
    wanted: Sequence[Person | None] = people if people and spec.looks_at_regions else [None]
    alone = people[0] if len(people) == 1 else None
    for index in range(0, len(wanted), -(-len(wanted) // PEOPLE)):
        yield _entry(f"{name}#{index}", name, image, wanted[index], wanted[index] or alone, spec)


def _entry(
    name: str, picture: str, image: Picture, boxed: Person | None, posed: Person | None, spec: PoseSpec
) -> Entry:
    height, width = image.shape[:2]
    region = region_of(None if boxed is None else boxed.box_xyxy, (width, height), spec.input)
    pixels, transform = crop(image, region, spec.input)
    corners = transform.to_input(np.array([[0.0, 0.0], [width, height]]))
    (left, top), (right, bottom) = np.clip(np.rint(corners), 0, spec.input.size_wh).astype(int).tolist()
    shown = pixels[top:bottom, left:right] if right > left and bottom > top else pixels[:1, :1]
    keypoints = None
    if posed is not None and posed.keypoints is not None:
        keypoints = np.column_stack([transform.to_input(posed.keypoints[:, :2]), posed.keypoints[:, 2]])
    upsampling = 1 / transform.source_px_per_input_px
    return Entry(name, picture, pixels, shown, float(max(region.size_wh)), upsampling, keypoints)


def describe(entry: Entry) -> Description:
    """What of an input is compared with others, in a few hundred numbers."""
    luma = entry.shown.astype(np.float64) @ LUMA
    image = Image.fromarray(np.clip(entry.shown + 0.5, 0, 255).astype(np.uint8))
    cells = np.asarray(image.resize((CELLS, CELLS), Image.Resampling.BOX), np.float64)
    contrast = float(luma.std())
    grain = 1 - float((cells @ LUMA).std()) / max(contrast, 1.0)
    return Description(
        entry.name, entry.picture, cells, _light(entry.shown, luma), float(luma.mean()), contrast, grain,
        entry.region_px, entry.upsampling, entry.keypoints,
    )  # fmt: skip


def _light(shown: NDArray[np.float32], luma: Floats) -> Floats:
    """(9,) levels of 255: ends and 1 % quantiles of the luma, mean steps along x and y, sharpest step, saturation."""
    across, down = (np.abs(np.diff(luma, axis=axis)).ravel() for axis in (1, 0))
    across, down = (steps if steps.size else np.zeros(1) for steps in (across, down))
    colour = shown.max(axis=2) - shown.min(axis=2)
    ends = np.quantile(luma, [0, 0.01, 0.99, 1])
    others = [across.mean(), down.mean(), np.quantile(across, 0.99), colour.mean(), np.quantile(colour, 0.99)]
    return np.array([*ends, *others], np.float64)
