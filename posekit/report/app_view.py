"""What an app's camera view shows: the picture as it lies in the view, and the people over it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from posekit.contract.spec import PoseSpec
from posekit.poses import Floats, Poses
from posekit.poses.dense import DenseMap
from posekit.poses.images import Picture
from posekit.poses.view_mapping import ViewMapping
from posekit.report.dense import pictures_of, tinted_labels
from posekit.report.overlay import overlay, tinted

INK, SHADE = (255, 255, 255), (0, 0, 0)


def app_view(
    picture: Picture,
    ids: Sequence[int],
    poses: Poses,
    in_view: Floats,
    dense: Sequence[DenseMap],
    mapping: ViewMapping,
    spec: PoseSpec,
    caption: str = "",
) -> Image.Image:
    """The view (of its own size) with everybody's skeleton and id where the app draws them.

    picture: upright; in_view: (N, K, 2) px of the view, as the wrapper says; mapping: how the picture lies in the view.
    """
    labels = tinted_labels(pictures_of(picture, dense, spec), spec) if dense else None
    shown = picture if labels is None else tinted(picture, labels)
    laid = _laid(Image.fromarray(shown), mapping)
    over = replace(poses, keypoints=in_view, boxes_xyxy=None, world=None)
    drawn = overlay(np.asarray(laid), over, spec.keypoints.names, spec.keypoints.edges)
    draw = ImageDraw.Draw(drawn)
    size = max(min(drawn.size) / 22, 11)
    for one, points in zip(ids, in_view, strict=True):
        x, y = points.min(axis=0)
        _write(draw, (float(x), float(y) - 1.4 * size), str(one), size)
    if caption:
        _write(draw, (size / 2, size / 2), caption, size)
    return drawn


def _laid(picture: Image.Image, mapping: ViewMapping) -> Image.Image:
    """The picture in the view, black where there is none of it."""
    view_wh = (round(mapping.view_wh[0]), round(mapping.view_wh[1]))
    edges = replace(mapping, pixel_center=0.5)  # Pillow counts from the edges of pixels
    (left, top), (right, bottom) = edges.to_picture(np.array([[0.0, 0.0], mapping.view_wh]))
    across, down = (right - left) / mapping.view_wh[0], (bottom - top) / mapping.view_wh[1]
    affine = (across, 0.0, left, 0.0, down, top)
    return picture.transform(view_wh, Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR)


def _write(draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, size: float) -> None:
    """Text that is read on any ground."""
    font = ImageFont.load_default(size)
    draw.text(at, text, fill=INK, font=font, stroke_width=max(round(size / 10), 1), stroke_fill=SHADE)
