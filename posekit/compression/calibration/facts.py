"""What is recorded of a calibration set: how many, which, and what of the world they cover."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from posekit.compression.calibration.entries import Description
from posekit.contract.spec import KeypointsSpec
from posekit.documents import Part
from posekit.poses import Floats

TRUNK = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
SIDEWAYS = 0.25  # of the trunk's length: shoulders nearer to one another in the picture are seen from the side


class Quantiles(Part):
    """Least, quarter, half, three quarters and most of some values."""

    low: float
    p25: float
    median: float
    p75: float
    high: float


class PoseCoverage(Part):
    """Poses, from annotated keypoints.

    people: inputs with labelled keypoints. spread: longer side about them as a share of the input's longer side.
    torso_degrees: from the hips to the shoulders, 0 upright, clockwise as seen. facing: people towards the camera,
    away, and not to be told.
    """

    people: int
    spread: Quantiles
    torso_degrees: Quantiles | None
    towards: int
    away: int
    sideways_or_unknown: int


class Coverage(Part):
    """What the chosen inputs cover.

    pictures: how many different ones; most_of_one_picture: inputs from the one with most. brightness, contrast: mean
    and standard deviation of the luma, 0-255. region_px: longer side of the region, source px. upsampling: input px a
    source px. upsampled: inputs with fewer source px than the network takes. poses: None where nothing is known of
    them, and poses_known says why.
    """

    pictures: int
    most_of_one_picture: int
    brightness: Quantiles
    contrast: Quantiles
    region_px: Quantiles
    upsampling: Quantiles
    upsampled: int
    poses: PoseCoverage | None
    poses_known: str


class CalibrationFacts(Part):
    """A calibration set in the report.

    found: pictures, or frames of a video; looked_at: of them; readable: of those. inputs: made of the readable
    pictures, a person or a frame each; blank, noise and duplicates: of those, left out. chosen: what was left or the
    diverse part of it, and `names` in the order chosen. sha256: over the chosen inputs' pixels in that order.
    """

    source: Literal["folder", "video", "animation"]
    found: int
    looked_at: int
    readable: int
    inputs: int
    blank: int
    noise: int
    duplicates: int
    chosen: int
    is_annotated: bool
    sha256: str
    names: tuple[str, ...]
    coverage: Coverage
    warnings: tuple[str, ...]


def quantiles(values: Sequence[float]) -> Quantiles:
    """Of at least one value, rounded to 4 digits after the point."""
    low, p25, median, p75, high = (round(float(value), 4) for value in np.quantile(values, [0, 0.25, 0.5, 0.75, 1]))
    return Quantiles(low=low, p25=p25, median=median, p75=p75, high=high)


def coverage(chosen: Sequence[Description], keypoints: KeypointsSpec, size_wh: tuple[int, int]) -> Coverage:
    """What at least one chosen input covers."""
    pictures = [one.picture for one in chosen]
    posed = [one.keypoints for one in chosen if one.keypoints is not None and (one.keypoints[:, 2] > 0).any()]
    return Coverage(
        pictures=len(set(pictures)),
        most_of_one_picture=max(pictures.count(name) for name in set(pictures)),
        brightness=quantiles([one.brightness for one in chosen]),
        contrast=quantiles([one.contrast for one in chosen]),
        region_px=quantiles([one.region_px for one in chosen]),
        upsampling=quantiles([one.upsampling for one in chosen]),
        upsampled=sum(one.upsampling > 1 for one in chosen),
        poses=_poses(posed, keypoints, max(size_wh)) if posed else None,
        poses_known="from annotated keypoints" if posed else "not known without annotated keypoints",
    )


def _poses(posed: Sequence[Floats], keypoints: KeypointsSpec, longer: int) -> PoseCoverage:
    extents = [float(np.ptp(points[points[:, 2] > 0, :2], axis=0).max()) / longer for points in posed]
    trunks = [trunk for trunk in (_trunk(points, keypoints) for points in posed) if trunk is not None]
    facing = [side for _, side in trunks]
    return PoseCoverage(
        people=len(posed),
        spread=quantiles(extents),
        torso_degrees=quantiles([degrees for degrees, _ in trunks]) if trunks else None,
        towards=facing.count(1),
        away=facing.count(-1),
        sideways_or_unknown=len(posed) - facing.count(1) - facing.count(-1),
    )


def _trunk(points: Floats, keypoints: KeypointsSpec) -> tuple[float, int] | None:
    """Degrees from upright, and 1 for a person seen from the front, -1 from behind, 0 from the side; None unless
    labelled."""
    place = {name: point[:2] for name, point in zip(keypoints.names, points, strict=True) if point[2] > 0}
    if not set(TRUNK) <= place.keys():
        return None
    left, right, left_hip, right_hip = (place[name] for name in TRUNK)
    x, y = ((left + right - left_hip - right_hip) / 2).tolist()
    across_x, across_y = (right - left).tolist()
    turn = across_x * y - across_y * x  # from the front positive, whichever way the person is turned
    return float(np.degrees(np.arctan2(x, -y))), int(np.sign(turn)) * (abs(turn) > SIDEWAYS * (x * x + y * y))
