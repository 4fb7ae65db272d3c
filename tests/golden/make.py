"""Write the golden vectors that Python, Kotlin and Swift are all held to: `python tests/golden/make.py`.

warp.json: small pictures, how they are oriented, the region and input spec, and the sampled tensor.
decoders.json: outputs of a head and the keypoints that they stand for.
tracking.json: what the region tracker (96 x 128, padding 1.25) and the One-Euro filter (min_cutoff 0.8, beta 0.02)
give, frame by frame.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from posekit.bundle.golden import SEED, Case, decoder_case, tracking_cases, warp_cases, write_cases
from posekit.decoders import AnyDecoderSpec, heatmap, regression, simcc
from posekit.poses.input_spec import InputSpec
from posekit.poses.transforms import Orientation

FOLDER = Path(__file__).parent
SIZE_WH = (96, 128)
PICTURES = [
    ((37, 29), (24, 32), 0, False),
    ((29, 41), (32, 24), 90, True),
    ((1, 1), (8, 8), 0, False),
    ((40, 30), (20, 20), 180, True),
    ((23, 37), (15, 21), 270, False),
    ((31, 17), (18, 12), 270, True),
]
# made smaller, but for one on one axis: what antialiasing is for
SHRUNK = [((37, 29), (7, 9), 0, False), ((29, 41), (9, 7), 90, True), ((1, 1), (4, 4), 0, False),
          ((40, 30), (6, 6), 180, True), ((23, 37), (50, 5), 270, False), ((31, 17), (5, 4), 270, True)]  # fmt: skip


def all_warp_cases() -> list[Case]:
    rng = np.random.default_rng(SEED)
    cases = []
    for sampling, pictures in (("bilinear", PICTURES), ("bilinear_antialias", SHRUNK)):
        for resize in ("affine_crop", "letterbox", "stretch"):
            for alignment in ("half_pixel", "index", "corners"):
                for variant, (stored_wh, size_wh, turn, mirrored) in enumerate(pictures):
                    spec = InputSpec(size_wh=size_wh, color_order="rgb", mean=(0, 0, 0), std=(1, 1, 1), resize=resize,
                                     sampling=sampling, box_padding=1.25, pad_value=114.0 * (variant % 2),
                                     alignment=alignment)  # fmt: skip
                    name = str(variant) if sampling == "bilinear" else f"antialias-{variant}"
                    cases += warp_cases(rng, name, spec, stored_wh, Orientation(turn, mirrored), 33.0 - 20 * variant)
    return cases


def image(alignment: str = "half_pixel") -> InputSpec:
    return InputSpec(size_wh=SIZE_WH, color_order="rgb", mean=(0, 0, 0), std=(1, 1, 1), resize="stretch",
                     alignment=alignment)  # fmt: skip


def decoder(data: dict[str, Any]) -> Any:
    return TypeAdapter(AnyDecoderSpec).validate_python(data)


def all_decoder_cases() -> list[Case]:
    rng = np.random.default_rng(SEED + 1)
    inside = rng.uniform(8, 88, (7, 2))
    edges = np.array([[0.0, 0.0], [95.9, 127.9], [0.2, 64.0], [48.0, 0.1], [95.0, 3.0], [4.0, 4.0], [90.5, 120.5]])
    cases: list[Case] = []

    def add(name: str, data: dict[str, Any], outputs: dict[str, Any], alignment: str = "half_pixel") -> None:
        cases.append(decoder_case(name, decoder(data), image(alignment), outputs))

    for alignment in ("stride", "corners"):
        for refinement in ("none", "quarter", "dark"):
            data = {"kind": "heatmap", "output": "heatmaps", "refinement": refinement, "alignment": alignment}
            prefix = f"heatmap-{refinement}-{alignment}"
            for name, points in (("inside", inside), ("edges", edges)):
                maps = heatmap.encode(points, decoder(data), SIZE_WH, (24, 32))["heatmaps"]
                add(f"{prefix}-{name}", data, {"heatmaps": maps})
                noisy = maps + rng.normal(0, 0.05, maps.shape)
                add(f"{prefix}-{name}-noisy", {**data, "activation": "sigmoid"}, {"heatmaps": noisy})
            clean = heatmap.encode(inside, decoder(data), SIZE_WH, (24, 32))["heatmaps"]
            logits = np.log(np.clip(clean, 1e-4, 1 - 1e-4) / (1 - np.clip(clean, 1e-4, 1 - 1e-4)))
            add(f"{prefix}-logits", {**data, "activation": "sigmoid"}, {"heatmaps": logits})
            ties = np.zeros((32, 24, 7))
            ties[5:9, 4:8] = 1.0
            add(f"{prefix}-ties", data, {"heatmaps": ties})
            add(f"{prefix}-zero", data, {"heatmaps": np.zeros((32, 24, 7))})
    for split_ratio in (1.0, 2.0, 1.5):
        for reduction in ("min", "mean"):
            for activation in ("none", "softmax"):
                data = {"kind": "simcc", "output_x": "simcc_x", "output_y": "simcc_y", "split_ratio": split_ratio,
                        "score_reduction": reduction, "activation": activation}  # fmt: skip
                maps = simcc.encode(inside, decoder(data), SIZE_WH)
                noisy = {key: value + rng.normal(0, 0.05, value.shape) for key, value in maps.items()}
                name = f"simcc-{split_ratio}-{reduction}-{activation}"
                add(name, data, noisy)
                add(f"{name}-quadratic", {**data, "refinement": "quadratic"}, noisy)
                ends = {key: np.roll(value, -value.argmax(axis=1)[0], axis=1) for key, value in maps.items()}
                add(f"{name}-quadratic-ends", {**data, "refinement": "quadratic"}, ends)
    for value_range in ("unit", "signed_unit", "input_px"):
        for fields in (["y", "x", "score"], ["x", "y"], ["x", "y", "z", "score", "skip"]):
            data = {"kind": "regression", "output": "coordinates", "fields": fields, "range": value_range,
                    "activation": "sigmoid" if len(fields) == 5 else "none"}  # fmt: skip
            points = np.concatenate([inside, rng.normal(0, 20, (7, 1))], axis=1)
            scores = rng.normal(0, 2, 7)
            for alignment in ("half_pixel", "index", "corners"):
                rows = regression.encode(points, scores, decoder(data), image())
                add(f"regression-{value_range}-{'-'.join(fields)}-{alignment}", data, rows, alignment)
    return cases


def main(folder: Path = FOLDER) -> None:
    write_cases(folder / "warp.json", all_warp_cases())
    write_cases(folder / "decoders.json", all_decoder_cases())
    write_cases(folder / "tracking.json", tracking_cases())


if __name__ == "__main__":
    main()
