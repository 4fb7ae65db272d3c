"""Of instances that are one person the best one: greedy non-maximum suppression, by boxes or by keypoints.

The best is kept, whatever is too much like it is dropped, and so on with the rest. Equal scores keep the order of the
network's rows; what is exactly at the threshold stays. Mirrored by DetectionsDecoderNms in Kotlin and Swift.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from posekit.documents import Part
from posekit.poses import Floats

Places = NDArray[np.intp]


class NmsSpec(Part):
    """kind: `iou` of boxes, `oks` of keypoints, `none` where the network gives each person once. definition: of the
    IoU; `inclusive` adds 1 px to every side, as older code does. threshold: what is more alike than that is one person.
    most_in: so many candidates by confidence are looked at; most_out: so many people are given.
    """

    kind: Literal["iou", "oks", "none"]
    definition: Literal["plain", "inclusive"] = "plain"
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.7
    most_in: Annotated[int, Field(ge=1, le=30000)] = 30000
    most_out: Annotated[int, Field(ge=1, le=1000)] = 300


def ranked(confidences: Floats, least: float, most: int) -> Places:
    """Places of the candidates above `least`, the best first, at most `most`; equal ones in the order of the rows."""
    above = np.flatnonzero(confidences > least)
    return above[np.argsort(-confidences[above], kind="stable")][:most]


def kept(count: int, alike: Callable[[int, Places], Floats], threshold: float, most: int) -> list[int]:
    """Of `count` candidates, the best first, those that are not more like a better one than `threshold`.

    alike(one, others): how much each of `others` is like `one`, both places among the candidates.
    """
    found: list[int] = []
    left = np.arange(count)
    while len(left) and len(found) < most:
        best, left = int(left[0]), left[1:]
        found.append(best)
        if len(left):
            left = left[~(alike(best, left) > threshold)]
    return found


def by_boxes(boxes_xyxy: Floats, spec: NmsSpec) -> list[int]:
    """Places of boxes (N, 4), the best first, that are kept by IoU."""
    extra = 1.0 if spec.definition == "inclusive" else 0.0
    low, high = boxes_xyxy[:, :2], boxes_xyxy[:, 2:]
    areas = np.maximum(high - low + extra, 0.0).prod(axis=1)

    def alike(one: int, others: Places) -> Floats:
        sides = np.minimum(high[one], high[others]) - np.maximum(low[one], low[others]) + extra
        shared = np.maximum(sides, 0.0).prod(axis=1)
        return np.asarray(shared / np.maximum(areas[one] + areas[others] - shared, 1e-12))

    return kept(len(boxes_xyxy), alike, spec.threshold, spec.most_out)


def by_keypoints(keypoints: Floats, areas: Floats, sigmas: Sequence[float], spec: NmsSpec) -> list[int]:
    """Places of keypoints (N, K, 2+), the best first, that are kept by OKS; areas (N,) px^2, of two the mean."""
    variance = (2 * np.asarray(sigmas)) ** 2

    def alike(one: int, others: Places) -> Floats:
        squared = ((keypoints[others, :, :2] - keypoints[one, :, :2]) ** 2).sum(axis=-1)
        mean = np.maximum((areas[one] + areas[others]) / 2, 1.0)
        return np.asarray(np.exp(-squared / (2 * variance * mean[:, None])).mean(axis=-1))

    return kept(len(keypoints), alike, spec.threshold, spec.most_out)
