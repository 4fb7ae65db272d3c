"""Golden cases of part affinity fields: the three published ways, every rule, ties, borders, crowds and nobody."""

from __future__ import annotations

from typing import Any

import numpy as np

from posekit.bundle.golden import SEED, Case, decoder_case
from posekit.decoders.paf import paf
from posekit.poses import Floats
from posekit.poses.input_spec import InputSpec

SIZE_WH, MAP_WH, COUNT = (96, 128), (9, 12), 7
# a tree, and a last pair that closes it; channels in an order of their own
PAIRS = [1, 0, 1, 2, 2, 3, 1, 4, 4, 5, 1, 6, 2, 5]
CHANNELS = [12, 13, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
ONE_TENSOR = {"heatmaps": {"output": "maps", "background": "last"},
              "fields": {"output": "maps", "first": 8, "pairs": PAIRS, "channels": CHANNELS}}  # fmt: skip
TWO_TENSORS = {"heatmaps": {"output": "heatmaps", "first": 1, "background": "first"},
               "fields": {"output": "fields", "pairs": PAIRS}}  # fmt: skip
WAYS: dict[str, dict[str, Any]] = {
    "tf": {
        **ONE_TENSOR, "alignment": "stride",
        "upsampling": {"factor": 4, "method": "repeat", "blur_kernel": 25, "blur_sigma": 3.0},
        "limbs": {"full_length": 0.5}, "grouping": {"closing": 1, "min_parts": 4},
    },
    "lightweight": {
        **TWO_TENSORS, "alignment": "stride", "upsampling": {"factor": 4, "method": "cubic"},
        "peaks": {"min_score": 0.1, "neighbors": 4, "order": "columns", "min_distance": 6.0},
        "limbs": {"ends": "both", "rounding": "half_even", "min_ratio": 0.8, "mean": "passing"},
        "grouping": {"kind": "extend", "closing": 1, "min_score": 0.2, "confidence": "weighted"},
    },
    "openpose": {
        **TWO_TENSORS, "alignment": "half_pixel", "upsampling": {"factor": 8, "method": "cubic"},
        "peaks": {"plateau": "none", "centroid": 3, "most": 4},
        "limbs": {"samples": 5, "most_samples": 25, "min_ratio": 0.95, "mean": "passing"},
        "grouping": {"min_parts": 3, "min_score": 0.4},
    },
    "plain": {
        **ONE_TENSOR, "alignment": "cells", "upsampling": {"factor": 3, "method": "linear", "blur_kernel": 5,
                                                          "blur_sigma": 1.0},
        "peaks": {"plateau": "all", "most": 5}, "limbs": {"min_ratio": 0.3, "samples": 7},
        "grouping": {"min_parts": 1, "min_score": 0.0},
    },
}  # fmt: skip


def spec_of(way: str, **parts: dict[str, Any]) -> paf.PafSpec:
    data = {"kind": "paf"} | WAYS[way]
    return paf.PafSpec.model_validate(data | {name: data.get(name, {}) | part for name, part in parts.items()})


def image(alignment: str = "half_pixel") -> InputSpec:
    return InputSpec(size_wh=SIZE_WH, color_order="bgr", mean=(0, 0, 0), std=(1, 1, 1), resize="stretch",
                     alignment=alignment)  # fmt: skip


def scenes(rng: np.random.Generator) -> dict[str, tuple[Floats, np.ndarray[Any, Any]]]:
    """People of seven keypoints, and which of them are there."""
    body = np.array([[0, -30], [0, -15], [-10, -15], [-14, 5], [10, -15], [14, 5], [0, 20]], np.float64)
    crossing = np.stack([body * (1, 1) + (44, 60), body * (-1, 1) + (52, 66), body * (1, -1) + (48, 50)])
    apart = np.stack([body * 0.8 + (20, 40), body * 0.7 + (76, 90)]) + rng.uniform(-2, 2, (2, 7, 2))
    border = np.stack(
        [np.clip(body * 3 + (2, 70), 0, (95.9, 127.9)), np.clip(body * (1, 1) + (94, 12), 0, (95.9, 127.9))]
    )
    without_neck = np.ones((2, 7), bool)
    without_neck[0, 1] = False
    return {
        "nobody": (np.zeros((0, 7, 2)), np.zeros((0, 7), bool)),
        "one": (apart[:1], np.ones((1, 7), bool)),
        "neckless": (apart, without_neck),
        "crossing": (crossing, np.ones((3, 7), bool)),
        "border": (border, np.ones((2, 7), bool)),
        "random": (rng.uniform(5, 90, (4, 7, 2)), rng.uniform(0, 1, (4, 7)) > 0.25),
    }


def paf_cases() -> list[Case]:
    rng, found = np.random.default_rng(SEED + 8), list[Case]()

    def add(name: str, spec: paf.PafSpec, outputs: dict[str, Floats], alignment: str = "half_pixel") -> Case:
        found.append(decoder_case(f"paf-{name}", spec, image(alignment), outputs))
        return found[-1]

    for number, way in enumerate(WAYS):
        for name, (points, there) in scenes(rng).items():
            outputs = paf.encode(points, there, spec_of(way), SIZE_WH, MAP_WH)
            noisy = {key: value + rng.normal(0, 0.01, value.shape) for key, value in outputs.items()}
            add(f"{way}-{name}", spec_of(way), noisy, ("half_pixel", "index", "corners")[number % 3])
    for way in WAYS:  # noise alone: peaks and limbs everywhere, and people of whatever joins
        rules = {"limbs": {"min_ratio": 0.2, "min_value": 0.0}, "grouping": {"min_parts": 2, "min_score": 0.0}}
        maps = {name: rng.uniform(-0.6, 1.0, (6, 5, shape[2])) for name, shape in channels(way).items()}
        assert add(f"{way}-noise", spec_of(way, **rules), maps)["people"] > 2
    for plateau in ("first", "all", "none"):
        for neighbors in (4, 8):
            rules = {"peaks": {"plateau": plateau, "neighbors": neighbors}}
            add(f"plateau-{plateau}-{neighbors}", spec_of("plain", **rules), plateaus())
    for rounding in ("half_up", "half_even"):  # three of four samples lie between px, often in the middle
        rules = {"upsampling": {"factor": 1, "blur_kernel": 0}, "limbs": {"samples": 4, "rounding": rounding},
                 "grouping": {"min_parts": 2}}  # fmt: skip
        spread = rng.uniform(0, 1, (6, 9, 22))
        add(f"rounding-{rounding}", spec_of("plain", **rules), {"maps": spread})
    add("zero", spec_of("tf"), {"maps": np.zeros((4, 3, 22))})
    return found + limits()


def channels(way: str) -> dict[str, tuple[int, ...]]:
    return {name: (0, 0, spec_of(way).channel_count(name, COUNT)) for name in spec_of(way).outputs}


def plateaus() -> dict[str, Floats]:
    """Blocks, lines, corners and steps of equal values, some at the border."""
    maps = np.zeros((6, 7, 22))
    maps[2:4, 2:5, 0] = 1
    maps[0, :, 1] = maps[:, 6, 2] = maps[5, 0, 3] = maps[:, :, 4] = 0.5
    maps[[1, 2, 3], [4, 3, 2], 5] = 0.75
    maps[1:5, 1:3, 6], maps[2:4, 3, 6] = 0.5, 0.75
    return {"maps": maps}


def limits() -> list[Case]:
    """Rules that few pictures come to: equal people, the first peak shared, a limb too long, two who become one."""
    straight = np.array([[[48, 8], [48, 24], [24, 24], [24, 56], [72, 24], [72, 56], [48, 120.0]]])
    found, there = [], np.ones((1, 7), bool)

    def add(name: str, spec: paf.PafSpec, points: Floats, there: np.ndarray[Any, Any], **changes: Any) -> Case:
        outputs = paf.encode(points, there, spec, SIZE_WH, MAP_WH)
        for channel, value in changes.items():
            outputs["maps"][..., int(channel[1:])] *= value
        found.append(decoder_case(f"paf-{name}", spec, image(), outputs))
        return found[-1]

    add("long", spec_of("tf"), straight, there)
    add("longer-than-allowed", spec_of("tf", limbs={"full_length": 0.1}), straight, there)
    pair = np.concatenate([straight * (0.45, 0.8), straight * (0.45, 0.8) + (48, 0)])
    add("equal", spec_of("plain", peaks={"plateau": "first", "most": 2}), pair, np.ones((2, 7), bool))
    # without the field from the neck to the shoulder the arm begins as another person, whom the closing pair joins
    joined = add("joined", spec_of("tf", grouping={"min_parts": 1, "min_score": 0.0}), straight, there, c8=0, c9=0)
    assert joined["people"] >= 1
    shared = np.concatenate([straight, straight * (0.9, 1) + (4, 0)])
    shared[1, 1] = shared[0, 1]
    add("shared-first-peak", spec_of("lightweight"), shared, np.ones((2, 7), bool))
    return found
