"""Golden vectors of centres and displacements: tests/golden/make.py writes them."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import TypeAdapter

from posekit.bundle.golden import KEYPOINTS, SEED, Case, decoder_case
from posekit.decoders import AnyDecoderSpec
from posekit.decoders.centers.encoding import encode
from posekit.poses import Floats, Poses
from posekit.poses.input_spec import InputSpec

PLAIN: dict[str, Any] = {
    "kind": "centers", "stride": 4, "centers": {"output": "hm", "threshold": 0.1},
    "displacements": {"output": "hps", "sign": "added"},
}  # fmt: skip
CENTERNET = PLAIN | {
    "centers": {"output": "hm", "activation": "sigmoid", "threshold": 0.1, "most": 5},
    "boxes": {"sizes": {"output": "wh"}, "offsets": {"output": "reg"}},
    "snapping": {"output": "hm_hp", "activation": "sigmoid", "offsets": {"output": "hp_offset"}},
}  # fmt: skip
DEKR = PLAIN | {
    "centers": {"output": "heat", "first": KEYPOINTS, "threshold": 0.01, "most": 30},
    "displacements": {"output": "offsets", "sign": "subtracted"}, "scoring": {"output": "heat", "read": "floor"},
    "suppression": {"keypoints": 3, "by": "heat"},
}  # fmt: skip
MMPOSE = DEKR | {
    "centers": {"output": "heat", "first": KEYPOINTS, "threshold": 0.01, "window": 5},
    "displacements": {"output": "offsets", "sign": "added"}, "scoring": {"output": "heat", "read": "bilinear"},
    "suppression": {"keypoints": 3, "by": "score", "most": 4}, "min_confidence": 0.1,
}  # fmt: skip
WAYS = {
    "centernet": CENTERNET,
    "middles": CENTERNET | {"boxes": {"sizes": {"output": "wh"}}, "snapping": {"output": "hm_hp", "threshold": 0.3},
                            "shift": 0.5},
    "dekr": DEKR,
    "mmpose": MMPOSE,
    "plain": PLAIN,  # the last one goes with any number of keypoints: tests/heads.py makes contracts of it
}  # fmt: skip
IMAGE = InputSpec(
    size_wh=(42, 32), color_order="rgb", mean=(0, 0, 0), std=(1, 1, 1), resize="letterbox", alignment="index"
)


def crowd(rng: np.random.Generator, people: int) -> Poses:
    """People within and beyond the border, every second one nearly where the one before is."""
    low = np.repeat(rng.uniform(-6, 34, (people // 2 + 1, 2)), 2, axis=0)[:people] + rng.uniform(2, 8, (people, 2))
    shape = np.repeat(rng.uniform(0, 18, (people // 2 + 1, KEYPOINTS, 2)), 2, axis=0)[:people]
    points = low[:, None] * (1, 0.7) + shape + rng.uniform(0, 0.5, shape.shape)
    boxes = np.concatenate([points.min(axis=1, initial=99) - 1, points.max(axis=1, initial=-99) + 1], axis=1)
    return Poses(points, np.ones((people, KEYPOINTS)), np.array([0.9, 0.8, 0.8, 0.6, 0.5, 0.05])[:people], boxes)


def cases() -> list[Case]:
    """Nobody, one, many alike, noisy maps, plateaus, and maps of one value."""
    rng, found = np.random.default_rng(SEED + 9), list[Case]()

    def add(name: str, spec: Any, outputs: dict[str, Floats]) -> None:
        found.append(decoder_case(name, spec, IMAGE, outputs))

    for way, data in WAYS.items():
        spec = TypeAdapter[Any](AnyDecoderSpec).validate_python(data)
        for name, people in (("nobody", 0), ("one", 1), ("several", 3), ("crowd", 6)):
            clean = encode(crowd(rng, people), spec, IMAGE, sigma=0.9)
            add(f"centers-{way}-{name}", spec, clean)
            if people in (0, 6):
                noisy = {key: value + rng.normal(0, 0.2, value.shape) for key, value in clean.items()}
                add(f"centers-{way}-{name}-noisy", spec, noisy)
        clean = encode(crowd(rng, 4), spec, IMAGE, sigma=1.5)
        add(f"centers-{way}-plateaus", spec, {key: np.round(value) for key, value in clean.items()})
        add(f"centers-{way}-zero", spec, {key: np.zeros_like(value) for key, value in clean.items()})
    return made() + found


def made() -> list[Case]:
    """Two people alike of whom the less confident one has the higher heat, and more centres than may be."""
    heat, offsets = np.zeros((8, 11, KEYPOINTS + 1)), np.zeros((8, 11, 2 * KEYPOINTS))
    heat[..., :KEYPOINTS] = 0.5 + 0.02 * np.arange(11)[:, None]
    for x, score, apart in ((3, 0.9, 0.0), (7, 0.8, 0.3)):
        heat[4, x, KEYPOINTS] = score
        places = np.stack([1 + np.arange(KEYPOINTS) + apart, np.arange(KEYPOINTS)], axis=1)
        offsets[4, x] = ((x, 4) - places).ravel()
    hm = np.zeros((8, 11, 1))
    hm[1, 2], hm[3, 6], hm[6, 9] = 0.5, 0.9, 0.7
    few = PLAIN | {"centers": {"output": "hm", "threshold": 0.1, "most": 2}}
    found = []
    for name, data, outputs in (
        ("alike", DEKR, {"heat": heat, "offsets": offsets}),
        ("few", few, {"hm": hm, "hps": np.zeros((8, 11, 2 * KEYPOINTS))}),
    ):
        spec = TypeAdapter[Any](AnyDecoderSpec).validate_python(data)
        found.append(decoder_case(f"centers-made-{name}", spec, IMAGE, outputs))
    assert [case["people"] for case in found] == [1, 2]
    assert found[0]["keypoints"][0] > 5  # the second one's, 0.3 cells on
    return found
