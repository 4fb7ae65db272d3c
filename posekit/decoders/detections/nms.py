"""Of instances that are one person the best one: greedy non-maximum suppression, by boxes or by keypoints.

The best is kept, whatever is too much like it is dropped, or `weighted` becomes part of it, and so on with the rest.
Equal scores keep the order of the network's rows; what is exactly at the threshold stays. Mirrored by
DetectionsDecoderNms in Kotlin and Swift.
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
BLOCK = 64  # candidates that are compared with each other at once


class NmsSpec(Part):
    """kind: `iou` of boxes, `oks` of keypoints, `none` where the network gives each person once; `weighted`: by boxes,
    and a person is the mean of all candidates that are like the best one, weighed by their confidences. definition: of
    the IoU; `inclusive` adds 1 px to every side, as older code does. threshold: what is more alike is one person.
    most_in: so many candidates by confidence are looked at; most_out: so many people are given.
    """

    kind: Literal["iou", "oks", "none", "weighted"]
    definition: Literal["plain", "inclusive"] = "plain"
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.7
    most_in: Annotated[int, Field(ge=1, le=30000)] = 30000
    most_out: Annotated[int, Field(ge=1, le=1000)] = 300


def ranked(confidences: Floats, least: float, most: int) -> Places:
    """Places of the candidates above `least`, the best first, at most `most`; equal ones in the order of the rows."""
    above = np.flatnonzero(confidences > least)
    return above[np.argsort(-confidences[above], kind="stable")][:most]


def kept(count: int, alike: Callable[[Places, Places], Floats], threshold: float, most: int) -> list[int]:
    """Of `count` candidates, the best first, those that are not more like a better one than `threshold`.

    alike(some, others): how much each of `some` is like each of `others` (n, m), by their places among the candidates.
    They are looked at in blocks: one step of numpy a candidate would take longer than all the arithmetic.
    """
    found: list[int] = []
    for start in range(0, count, BLOCK):
        block = np.arange(start, min(start + BLOCK, count))
        better = np.array(found, np.intp)
        block = block[~(alike(better, block) > threshold).any(axis=0)]
        same = alike(block, block) > threshold
        left = np.ones(len(block), bool)
        for place in range(len(block)):
            if left[place]:
                found.append(int(block[place]))
                if len(found) == most:
                    return found
                left[place + 1 :] &= ~same[place, place + 1 :]
    return found


def by_boxes(boxes_xyxy: Floats, spec: NmsSpec) -> list[int]:
    """Places of boxes (N, 4), the best first, that are kept by IoU."""
    return kept(len(boxes_xyxy), _iou(boxes_xyxy, spec), spec.threshold, spec.most_out)


def weights(boxes_xyxy: Floats, confidences: Floats, spec: NmsSpec) -> tuple[list[int], Floats]:
    """Places of boxes (N, 4), the best first, that are kept by IoU, and of which boxes each is how much: (M, N).

    A box belongs to the first kept one that it is like; that one is compared as it was, not as the mean.
    """
    alike, found, rows = _iou(boxes_xyxy, spec), list[int](), list[Floats]()
    left = np.arange(len(boxes_xyxy))
    while len(left) and len(found) < spec.most_out:
        same = (alike(left[:1], left) > spec.threshold)[0]
        same[0] = True
        row = np.zeros(len(boxes_xyxy))
        row[left[same]] = confidences[left[same]]
        found.append(int(left[0]))
        rows.append(row / row.sum())
        left = left[~same]
    return found, np.stack(rows) if rows else np.zeros((0, len(boxes_xyxy)))


def _iou(boxes_xyxy: Floats, spec: NmsSpec) -> Callable[[Places, Places], Floats]:
    extra = 1.0 if spec.definition == "inclusive" else 0.0
    x1, y1, x2, y2 = boxes_xyxy.T
    areas = np.maximum(x2 - x1 + extra, 0.0) * np.maximum(y2 - y1 + extra, 0.0)

    def alike(some: Places, others: Places) -> Floats:
        one = some[:, None]
        width = np.minimum(x2[one], x2[others]) - np.maximum(x1[one], x1[others]) + extra
        height = np.minimum(y2[one], y2[others]) - np.maximum(y1[one], y1[others]) + extra
        shared = np.maximum(width, 0.0) * np.maximum(height, 0.0)
        return np.asarray(shared / np.maximum(areas[one] + areas[others] - shared, 1e-12))

    return alike


def by_keypoints(keypoints: Floats, areas: Floats, sigmas: Sequence[float], spec: NmsSpec) -> list[int]:
    """Places of keypoints (N, K, 2+), the best first, that are kept by OKS; areas (N,) px^2, of two the mean."""
    variance = (2 * np.asarray(sigmas)) ** 2

    def alike(some: Places, others: Places) -> Floats:
        squared = ((keypoints[others, :, :2] - keypoints[some, None, :, :2]) ** 2).sum(axis=-1)
        mean = np.maximum((areas[some, None] + areas[others]) / 2, 1.0)
        return np.asarray(np.exp(-squared / (2 * variance * mean[..., None])).mean(axis=-1))

    return kept(len(keypoints), alike, spec.threshold, spec.most_out)
