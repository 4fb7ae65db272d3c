"""Golden vectors of associative embedding: tests/golden/make.py writes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from posekit.bundle.golden import KEYPOINTS, SEED, Case, decoder_case
from posekit.decoders import AnyDecoderSpec
from posekit.decoders.tags.encoding import encode
from posekit.poses import Floats
from posekit.poses.input_spec import InputSpec

SIZES = {"coarse": (10, 6), "fine": (20, 12), "other": (10, 6), "odd": (13, 9)}
TWO = {
    "kind": "tags", "heatmaps": {"outputs": ["coarse", "fine"]}, "tags": {"outputs": ["coarse"], "first": KEYPOINTS},
    "upsampling": "input", "adjustment": "quarter_clamped", "shift": 0.5,
}  # fmt: skip
ONE = {**TWO, "heatmaps": {"outputs": ["coarse"]}, "upsampling": "none"}
APART = {"same_tag": "another", "beyond": "drop", "most_people": 2}
WAYS: dict[str, dict[str, Any]] = {
    "input": TWO,
    "half": {**TWO, "upsampling": "half", "order": [6, 2, 4, 0, 1, 3, 5], "peaks": {"window": 5, "most": 3}},
    "none": {**ONE, "heatmaps": {"outputs": ["odd"]}, "tags": {"outputs": ["odd"], "first": KEYPOINTS},
             "adjustment": "quarter", "filling": {"among": "peaks", "weight": 100}, "groups": APART},
    "shared": {**TWO, "tags": {"outputs": ["other"], "shared": True}, "filling": {"among": "none"}},
    "dimensions": {**TWO, "tags": {"outputs": ["coarse", "other"], "first": [KEYPOINTS, 0]}, "min_confidence": 0.2},
    "odd": {**TWO, "heatmaps": {"outputs": ["odd", "coarse"]}, "upsampling": "half", "adjustment": "none"},
    # the last one also goes with other numbers of keypoints: tests/heads.py makes contracts of it
    "apart": {**ONE, "tags": {"outputs": ["other"]}, "upsampling": "half",
              "groups": {"most_people": 1, "beyond": "stop"}},
}  # fmt: skip
IMAGE = InputSpec(
    size_wh=(40, 24), color_order="rgb", mean=(0, 0, 0), std=(1, 1, 1), resize="letterbox", alignment="index"
)


def crowd(rng: np.random.Generator, people: int) -> Floats:
    """People within and beyond the border, each without some keypoints."""
    points = rng.uniform(-2, 42, (people, KEYPOINTS, 2)) * (1, 0.6)
    points[rng.uniform(size=(people, KEYPOINTS)) < 0.25] = np.nan
    points[:, 0] = rng.uniform(4, 20, (people, 2))
    return points


def cases() -> list[Case]:
    """Nobody, one, several and many people of clean and noisy maps, plateaus, equal tags and maps of nothing."""
    rng = np.random.default_rng(SEED + 8)

    def nothing(maps: Floats) -> Floats:
        return np.zeros_like(maps)

    def noisy(maps: Floats) -> Floats:
        return maps + rng.normal(0, 0.08, maps.shape)

    def rounded(maps: Floats) -> Floats:
        return np.round(2 * maps) / 2  # plateaus, and tags half a distance apart

    def alike(maps: Floats) -> Floats:
        return np.concatenate([maps[..., :KEYPOINTS], 0 * maps[..., KEYPOINTS:]], axis=-1)

    changes: dict[str, tuple[int, Callable[[Floats], Floats]]] = {
        "nobody": (0, noisy), "one": (1, noisy), "several": (3, np.asarray), "crowd": (6, noisy),
        "plateaus": (3, lambda maps: rounded(maps / 3)), "ties": (4, rounded), "equal-tags": (3, alike),
        "zero": (2, nothing),
    }  # fmt: skip
    found = []
    for way, data in WAYS.items():
        spec = TypeAdapter[Any](AnyDecoderSpec).validate_python(data)
        for name, (people, change) in changes.items():
            if name in ("zero", "equal-tags") and way not in ("input", "none"):
                continue
            outputs = encode(crowd(rng, people), spec, IMAGE, [SIZES[one] for one in spec.outputs], sigma=1.2)
            changed = {key: change(value) for key, value in outputs.items()}
            found.append(decoder_case(f"tags-{way}-{name}", spec, IMAGE, changed))
    return made() + found


def made() -> list[Case]:
    """Single cells: a person started again by another's tag, and a missing keypoint beside a higher cell."""
    again = _cells([(0, 2, 2, 0.9, 0.0), (1, 4, 2, 0.9, 0.9), (2, 6, 2, 0.9, 0.9), (3, 2, 5, 0.9, 0.6),
                    (3, 6, 5, 0.8, 0.0), (4, 8, 3, 0.9, 1.0)])  # fmt: skip
    beside = _cells([(0, 2, 2, 0.9, 0.0), (1, 3, 3, 0.08, 0.0), (1, 4, 3, 0.09, 50.0), (1, 8, 5, 0.05, 0.0)])
    spec = {**ONE, "adjustment": "none"}
    found = []
    for name, maps, data in (
        ("again", again, {**spec, "filling": {"among": "none"}}),
        ("beside", beside, {**spec, "filling": {"among": "peaks", "weight": 100}}),
    ):
        validated = TypeAdapter[Any](AnyDecoderSpec).validate_python(data)
        found.append(decoder_case(f"tags-made-{name}", validated, IMAGE, {"coarse": maps}))
    assert [case["people"] for case in found] == [2, 1]
    return found


def _cells(peaks: list[tuple[int, int, int, float, float]]) -> Floats:
    """Maps of 0 with tags far away, but for cells: keypoint, x, y, heat, tag."""
    maps = np.zeros((6, 10, 2 * KEYPOINTS))
    maps[..., KEYPOINTS:] = 90.0
    for keypoint, x, y, heat, tag in peaks:
        maps[y, x, keypoint], maps[y, x, KEYPOINTS + keypoint] = heat, tag
    return maps
