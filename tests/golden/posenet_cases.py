"""PoseNet's heads: each grouping, order of axes, unit and way in which the roles lie in tensors; people who are near
each other, beyond the border or not there, plateaus and equal heat."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from posekit.bundle.golden import SEED, Case, decoder_case
from posekit.decoders.posenet import posenet
from posekit.decoders.posenet.posenet import PosenetSpec
from posekit.poses import Floats
from posekit.poses.input_spec import InputSpec

SIZE_WH = (81, 97)
IMAGE = InputSpec(size_wh=SIZE_WH, color_order="rgb", mean=(0,) * 3, std=(1,) * 3, resize="stretch",
                  alignment="half_pixel")  # fmt: skip
PARENTS, CHILDREN = [0, 0, 1, 3, 2, 3], [1, 2, 3, 5, 4, 6]  # of seven keypoints
GROUPINGS: dict[str, dict[str, Any]] = {
    "one": {},
    "nearest": {"min_root_score": 0.5, "max_people": 5},
    "bilinear": {"min_root_score": 0.2, "min_confidence": 0.2, "refinements": 5},
}
# roles that lie in a tensor each, in two as in Coral's files, and in one
TENSORS: dict[str, dict[str, Any]] = {
    "roles": {role: {"output": role} for role in ("heatmaps", "offsets", "forward", "backward")},
    "coral": {"heatmaps": {"output": "heatmaps"}, "offsets": {"output": "offsets"}, "forward": {"output": "moves"},
              "backward": {"output": "moves", "first": 12}},
    "one": {"heatmaps": {"output": "maps", "first": 3}, "offsets": {"output": "maps", "first": 10},
            "backward": {"output": "maps", "first": 24}, "forward": {"output": "maps", "first": 36}},
}  # fmt: skip
SHAPE = np.array([[0, 0], [-9, -5], [8, -4], [-12, 18], [14, 22], [-10, 40], [3, 44]], np.float64)


def spec_of(grouping: str, **changes: Any) -> PosenetSpec:
    edges = {} if grouping == "one" else {"parents": PARENTS, "children": CHILDREN}
    data = {"kind": "posenet", "grouping": grouping, "stride": 16, **TENSORS["roles"], **edges, **GROUPINGS[grouping]}
    return PosenetSpec.model_validate(data | changes)


def at(*places: tuple[float, float]) -> Floats:
    """People of one shape at places in input px."""
    return np.array(places, np.float64).reshape(-1, 1, 2) + SHAPE


def posenet_cases() -> list[Case]:
    rng, cases = np.random.default_rng(SEED + 20), list[Case]()

    def add(name: str, spec: PosenetSpec, outputs: dict[str, Floats]) -> None:
        cases.append(decoder_case(f"posenet-{spec.grouping}-{name}", spec, IMAGE, outputs))

    def noisy(outputs: dict[str, Floats], scale: float) -> dict[str, Floats]:
        return {name: values + rng.normal(0, scale, values.shape) for name, values in outputs.items()}

    crowds = {
        "nobody": at(), "one": at((40, 40)), "near": at((40, 40), (53, 44)), "apart": at((30, 30), (70, 80)),
        "border": at((2, 3), (78, 94)), "crowd": at((20, 20), (45, 25), (70, 30), (25, 75), (60, 80), (80, 60)),
    }  # fmt: skip
    for grouping in GROUPINGS:
        for name, people in crowds.items():
            outputs = posenet.encode(people, spec_of(grouping), SIZE_WH, -3.0 if name == "nobody" else 5.0)
            add(name, spec_of(grouping), outputs)
            if name in ("border", "crowd"):
                add(f"{name}-noisy", spec_of(grouping), noisy(outputs, 0.7))
        zero = {name: rng.choice([0.0, -0.0], values.shape) for name, values in outputs.items()}
        add("zero-radius", spec_of(grouping, radius_px=16.0), zero)  # exactly a cell
        add("zero", spec_of(grouping), zero)  # every cell is as sure as the threshold, and as the others
        plateau = dict(outputs, heatmaps=np.minimum(np.round(outputs["heatmaps"]), 2.0))
        add("plateau", spec_of(grouping), plateau)
        if grouping == "bilinear":
            add("plateau-no-radius", spec_of(grouping, radius_px=0.0, max_people=4), plateau)
        add("plateau-wide", spec_of(grouping, peak_radius=2, radius_px=7.0), plateau)
    ways = itertools.product(("nearest", "bilinear"), TENSORS, ("yx", "xy"), ("input_px", "cells"), ("none", "sigmoid"))
    for number, (grouping, tensors, axes, unit, activation) in enumerate(ways):
        if number % 3:
            continue  # every value is in the others
        spec = spec_of(grouping, **TENSORS[tensors], axes=axes, unit=unit, activation=activation,
                       refinements=number % 4, max_people=(3, 8)[number // 3 % 2],
                       radius_px=(20.0, 10.0, 14.0)[number // 3 % 3],
                       min_confidence=(0.2, 0.7)[number // 6 % 2])  # fmt: skip
        outputs = noisy(posenet.encode(crowds["crowd"], spec, SIZE_WH, 2.0), 0.02)
        add(f"{tensors}-{axes}-{unit}-{activation}", spec, outputs)
    return [*cases, *seventeen()]


def seventeen() -> list[Case]:
    """COCO's keypoints, as the published files have them, in a bundle of tests/heads.py."""
    spec = spec_of("bilinear", parents=[0, 1, 0, 2, 0, 5, 7, 5, 11, 13, 0, 6, 8, 6, 12, 14],
                   children=[1, 3, 2, 4, 5, 7, 9, 11, 13, 15, 6, 8, 10, 12, 14, 16])  # fmt: skip
    outputs = posenet.examples(spec, IMAGE, np.random.default_rng(SEED + 21), 17)
    return [decoder_case("posenet-coco17", spec, IMAGE, outputs, (0.05,) * 17)]
