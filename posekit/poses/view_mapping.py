"""How an upright picture lies in a view of a screen, for what is drawn over it.

Mirrored by ViewMapping in Kotlin and Swift.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from posekit.poses import Floats

ViewFit = Literal["fill", "fit"]


@dataclass(frozen=True, slots=True)
class ViewMapping:
    """From px of the upright picture to px of the view that shows it, centred and with one scale for both axes.

    fit: `fill` covers the view and cuts off what does not fit (CameraX's FILL_CENTER, AVFoundation's resizeAspectFill),
    `fit` shows the whole picture (FIT_CENTER, resizeAspect). mirrored: the view shows left and right swapped, as
    previews of front cameras do. pixel_center: the coordinate of the centre of the picture's pixel 0, of the
    contract's `input.alignment`. In the view 0 is its left or top edge.
    """

    picture_wh: tuple[int, int]
    view_wh: tuple[float, float]
    fit: ViewFit = "fill"
    mirrored: bool = False
    pixel_center: float = 0.5

    def __post_init__(self) -> None:
        if min(*self.picture_wh, *self.view_wh) <= 0:
            raise ValueError(f"a picture of {self.picture_wh} px in a view of {self.view_wh} px has no size")

    @property
    def scale(self) -> float:
        """View px per picture px."""
        scales = [view / picture for view, picture in zip(self.view_wh, self.picture_wh, strict=True)]
        return max(scales) if self.fit == "fill" else min(scales)

    def to_view(self, points: Floats) -> Floats:
        """Points (..., 2), picture px, in px of the view."""
        from_middle = points + (0.5 - self.pixel_center) - np.array(self.picture_wh) / 2
        return np.asarray(np.array(self.view_wh) / 2 + from_middle * self._scales())

    def to_picture(self, points: Floats) -> Floats:
        """Points (..., 2), px of the view, in picture px: of a tap."""
        from_middle = (points - np.array(self.view_wh) / 2) / self._scales()
        return np.asarray(np.array(self.picture_wh) / 2 + from_middle - (0.5 - self.pixel_center))

    def _scales(self) -> Floats:
        return np.array([-self.scale if self.mirrored else self.scale, self.scale])
