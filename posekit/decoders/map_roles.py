"""Maps by what they hold: a role is a range of channels of an output, so that heads share a tensor or have one each.

Mirrored by MapRole in Kotlin and Swift.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from posekit.decoders import layout
from posekit.decoders.decoder import OutputName, Outputs
from posekit.decoders.mirroring import Mirror, column
from posekit.documents import Part
from posekit.poses import Floats

Counted = Mapping[str, tuple["MapRole", int]]  # roles by name, each with its number of channels


@dataclass(frozen=True, slots=True)
class Turned:
    """What a channel of a mirror image's outputs is made of: the channel of another keypoint, or `beyond` minus it."""

    output: str
    channel: int
    sign: int = 1
    beyond: float = 0.0


class MapRole(Part):
    """Channels of maps from `first` on."""

    output: OutputName
    first: Annotated[int, Field(ge=0, le=100_000)] = 0


def check(roles: Counted) -> None:
    """ValueError where two roles share a channel."""
    taken: dict[tuple[str, int], str] = {}
    for name, (role, count) in roles.items():
        for channel in range(role.first, role.first + count):
            other = taken.setdefault((role.output, channel), name)
            if other != name:
                raise ValueError(f"{other} and {name} share channel {channel} of output {role.output!r}")


def shapes(roles: Counted) -> dict[str, layout.ExpectedShape]:
    """Of each output that the roles read: any map size, as many channels as its last role needs."""
    ends: dict[str, int] = {}
    for role, count in roles.values():
        ends[role.output] = max(ends.get(role.output, 0), role.first + count)
    return {output: (None, None, end) for output, end in ends.items()}


def pack(values: Any, wanted: layout.ExpectedShape, size_wh: tuple[int, int], stride: int) -> Any:
    """Maps (1, C, h, w) of the network as (1, h, w, C); MisfitError for other axes, and for maps whose cells are not
    `stride` input px apart: the last one may lie at the input's end, or a cell before."""
    found = layout.maps(values, wanted, size_wh, "none")
    seen_wh = (int(found.shape[2]), int(found.shape[1]))
    for side, cells in zip(size_wh, seen_wh, strict=True):
        if cells not in (math.ceil(side / stride), side // stride + 1):
            raise layout.MisfitError(
                f"1 x {wanted[-1]} x {' x '.join(str(math.ceil(side / stride)) for side in reversed(size_wh))}",
                f"the decoder's stride is {stride} px: is that the network's?",
            )
    return found


def read(outputs: Outputs, roles: Counted) -> Iterator[Floats]:
    """The maps (h, w, count) of each role in turn, of outputs without the batch axis; InputError unless all have one
    size."""
    layout.check_one_grid(outputs, [role.output for role, _ in roles.values()])
    for role, count in roles.values():
        yield outputs[role.output][..., role.first : role.first + count].astype(np.float64)


def mirrored(outputs: Mapping[str, Any], channels: Mapping[tuple[str, int], Turned], mirror: Mirror) -> dict[str, Any]:
    """Maps (1, h, w, C) from left to right, of numpy or torch, each channel made of another one as is said of it;
    channels of which nothing is said are turned round alone."""
    found = {name: mirror.turned(outputs[name], -2) for name, _ in channels}
    replaced: dict[str, dict[int, Any]] = {name: {} for name in found}
    for (name, channel), turned in channels.items():
        values = column(found[turned.output], turned.channel)
        replaced[name][channel] = values if turned.sign > 0 and not turned.beyond else turned.beyond - values
    return {name: mirror.replaced(maps, replaced[name]) for name, maps in found.items()}


def raw_scores(roles: Counted, values: Floats) -> Floats:
    """Every value (C, h * w) of the first role, of the output (h, w, C) that it shares with others or not."""
    first, *others = (role for role, _ in roles.values())
    after = [role.first for role in others if role.output == first.output and role.first > first.first]
    maps = values[..., first.first : min(after, default=values.shape[-1])]
    return maps.reshape(-1, maps.shape[-1]).T


def put(values: Mapping[str, Floats], roles: Counted) -> dict[str, Floats]:
    """Outputs (h, w, C) that hold the maps of each role; channels of no role are 0."""
    height, width = next(iter(values.values())).shape[:2]
    found = {output: np.zeros((height, width, int(shape[-1] or 0))) for output, shape in shapes(roles).items()}
    for name, (role, count) in roles.items():
        found[role.output][..., role.first : role.first + count] = values[name]
    return found
