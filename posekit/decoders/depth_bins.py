"""Depth as a place among bins, for heads that have it beside x and y: a third SimCC vector, or slices of a volume."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from posekit.decoders.decoder import OutputName
from posekit.documents import Part

Bins = Annotated[int, Field(ge=2, le=4096)]
Extent = Annotated[float, Field(gt=0, le=100_000)]


class DepthVector(Part):
    """Rows (K, bins) of `output`: bin i is a z of (i / bins - 0.5) * extent, in the contract's unit of depth, which of
    `px` is the input's."""

    output: OutputName
    bins: Bins
    extent: Extent


class DepthSlices(Part):
    """Each keypoint has `bins` maps one after the other, its slices from the first z to the last, `extent` in all."""

    bins: Bins
    extent: Extent
