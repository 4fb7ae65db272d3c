"""What depth means in a contract: in what a z counts, where it is 0, and which way it goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from pydantic import field_validator

from posekit.decoders.decoder import DecoderSpec
from posekit.documents import Part, tuple_of_list
from posekit.poses import Poses


class DepthSpec(Part):
    """What z of a keypoint and places in the world mean.

    unit: of z, px of the picture as x and y have, or metres; the world is in metres always. root: keypoints whose mean
    is the origin, none: the camera. direction: a larger z is farther `away` from the camera, or comes `towards` it.
    subtract_root: the network's places have another origin, and the root's is taken from each.
    """

    unit: Literal["px", "metres"]
    root: tuple[str, ...]
    direction: Literal["away", "towards"]
    subtract_root: bool = False

    _lists = field_validator("root", mode="before")(tuple_of_list)


def check(depth: DepthSpec | None, decoder: DecoderSpec, names: Sequence[str]) -> None:
    """ValueError where depth is left open, is of a decoder that gives none, or names what is no keypoint."""
    gives = "a z" if decoder.has_depth else "places in the world"
    if not decoder.has_depth and not decoder.has_world:
        if depth is not None:
            raise ValueError(f"depth is given, but decoder {decoder.kind!r} as it is set gives none: expected none")
        return
    if depth is None:
        raise ValueError(
            f"decoder {decoder.kind!r} gives {gives}: expected a table depth with unit, root and direction"
        )
    unknown = [name for name in depth.root if name not in names]
    if unknown or len(set(depth.root)) < len(depth.root):
        which = ", ".join(map(repr, unknown)) or "a keypoint twice"
        raise ValueError(f"depth.root names {which}: expected keypoints of the contract, each once")
    if depth.unit == "px" and not decoder.has_depth:
        raise ValueError("depth.unit is 'px', but places in the world are in metres: expected 'metres'")
    if depth.subtract_root and not depth.root:
        raise ValueError("depth.subtract_root is true, but depth.root names no keypoint")


def about_root(poses: Poses, depth: DepthSpec | None, names: Sequence[str]) -> Poses:
    """The same instances with z and world about their root, where the contract has it subtracted."""
    if depth is None or not depth.subtract_root:
        return poses
    places = [names.index(name) for name in depth.root]
    keypoints, world = poses.keypoints.copy(), poses.world
    if keypoints.shape[2] == 3:
        keypoints[..., 2] -= keypoints[:, places, 2].mean(axis=1, keepdims=True)
    if world is not None:
        world = world - world[:, places].mean(axis=1, keepdims=True)
    return replace(poses, keypoints=keypoints, world=world)
