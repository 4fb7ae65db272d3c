"""Sizes of anchors as SSD draws them up, for a contract's `widths` and `heights`.

Source: Liu et al. 2016, "SSD", as TensorFlow's object detection has it: ratios 1, 2, 1/2, 3 and 1/3 of each level's
scale, and one square between two levels' scales; the first level has three.
"""

from __future__ import annotations

import itertools
import math

RATIOS = (1, 2, 1 / 2, 3, 1 / 3)
FIRST = ((0.1, 1), (0.2, 2), (0.2, 1 / 2))  # scale and ratio


def ssd_sizes(levels: int = 6, lowest: float = 0.2, highest: float = 0.95) -> tuple[list[float], list[float]]:
    """Widths and heights of the anchors of a cell, level after level; 1 is the whole input."""
    scales = [lowest + (highest - lowest) * level / (levels - 1) for level in range(levels)] + [1.0]
    shapes = list(FIRST)
    for own, after in itertools.pairwise(scales[1:]):
        shapes += [(own, ratio) for ratio in RATIOS] + [(math.sqrt(own * after), 1)]
    roots = [math.sqrt(ratio) for _, ratio in shapes]
    return (
        [scale * root for (scale, _), root in zip(shapes, roots, strict=True)],
        [scale / root for (scale, _), root in zip(shapes, roots, strict=True)],
    )
