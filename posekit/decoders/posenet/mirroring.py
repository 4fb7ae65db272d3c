"""What PoseNet's heads would give for a picture, of what they give for its mirror image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from posekit.decoders import map_roles
from posekit.decoders.map_roles import MapRole, Turned
from posekit.decoders.mirroring import Mirror
from posekit.errors import InputError
from posekit.poses.input_spec import InputSpec

if TYPE_CHECKING:
    from posekit.decoders.posenet.posenet import PosenetSpec


def mirrored(outputs: Mapping[str, Any], spec: PosenetSpec, image: InputSpec, mirror: Mirror) -> dict[str, Any]:
    """Maps (1, h, w, C) from left to right, of the other side's keypoints and edges; what leads along x points the
    other way. InputError where an edge has no other side."""
    count, edges = len(mirror.order), len(spec.parents)
    unit = spec.stride if spec.unit == "input_px" else 1
    beyond = unit * mirror.beyond(image, outputs[spec.heatmaps.output].shape[-2], spec.stride)
    heat = spec.heatmaps
    channels = {
        (heat.output, heat.first + k): Turned(heat.output, heat.first + one) for k, one in enumerate(mirror.order)
    }

    def pairs(role: MapRole, number: int, of: Sequence[tuple[MapRole, int]], beyond: float) -> None:
        x_first, y_first = (number, 0) if spec.axes == "yx" else (0, number)
        for at, (other, one) in enumerate(of):
            x, y = other.first + x_first + one, other.first + y_first + one
            channels[role.output, role.first + x_first + at] = Turned(other.output, x, -1, beyond)
            channels[role.output, role.first + y_first + at] = Turned(other.output, y)

    pairs(spec.offsets, count, [(spec.offsets, one) for one in mirror.order], beyond)
    if spec.grouping != "one" and spec.forward is not None and spec.backward is not None:
        others = _other_edges(spec, mirror.order)
        for role, back in ((spec.forward, spec.backward), (spec.backward, spec.forward)):
            pairs(role, edges, [(role if same else back, number) for number, same in others], 0.0)
    return map_roles.mirrored(outputs, channels, mirror)


def _other_edges(spec: PosenetSpec, order: Sequence[int]) -> list[tuple[int, bool]]:
    """Of each edge that of the other side, and whether it leads the same way."""
    numbers = {edge: number for number, edge in enumerate(zip(spec.parents, spec.children, strict=True))}
    found = []
    for parent, child in numbers:
        wanted = (order[parent], order[child])
        number = numbers.get(wanted, numbers.get(wanted[::-1]))
        if number is None:
            raise InputError(
                f"flip_test needs the other side of every edge, and keypoints {wanted[0]} and {wanted[1]} have none",
                "set flip_test to none",
            )
        found.append((number, wanted in numbers))
    return found
