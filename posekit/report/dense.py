"""Dense results as pictures of the size of the one that they are of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.contract.spec import PoseSpec
from posekit.decoders.dense import SURFACE
from posekit.poses.dense import DenseMap, over_picture
from posekit.poses.images import Picture


def pictures_of(image: Picture, maps: Sequence[DenseMap], spec: PoseSpec) -> dict[str, Picture]:
    """Each dense result of the contract over a picture, by its name: a mask as 0 to 255, labels as their numbers
    (h, w); beside those of kind iuv, by the name and `_uv`, labels, and U and V as 0 to 255 (h, w, 3).

    maps: over the source, of one region or of several.
    """
    found = {}
    for one in spec.dense:
        own = [part for part in maps if part.name == one.name]
        found[one.name] = _over(image, own, spec)
        if one.kind == "iuv":
            axes = [[replace(part, values=part.uv[..., axis] * 255) for part in own if part.uv is not None]
                    for axis in (0, 1)]  # fmt: skip
            found[f"{one.name}{SURFACE}"] = np.stack(
                [found[one.name], *(_over(image, axis, spec) for axis in axes)], axis=-1
            )
    return found


def _over(image: Picture, maps: Sequence[DenseMap], spec: PoseSpec) -> Picture:
    """Maps of one name over a picture (h, w); of several regions the highest."""
    found = np.zeros(image.shape[:2], np.uint8)
    for one in maps:
        values = over_picture(one, (image.shape[1], image.shape[0]), spec.input.pixel_center)
        found = np.maximum(found, np.round(values * (255 if one.is_mask else 1)).astype(np.uint8))
    return found


def tinted_labels(pictures: Mapping[str, Picture], spec: PoseSpec) -> NDArray[Any] | None:
    """What an overlay tints (h, w): the last parts of the contract, else its last mask; None without any."""
    if not spec.dense:
        return None
    shown = next((one for one in reversed(spec.dense) if one.kind != "mask"), spec.dense[-1])
    values = pictures[shown.name].astype(int)
    return values if shown.kind != "mask" else (values >= shown.threshold * 255).astype(int)
