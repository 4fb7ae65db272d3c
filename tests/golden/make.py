"""Write the golden vectors that Python, Kotlin and Swift are all held to: `python tests/golden/make.py`.

warp.json: small pictures, how they are oriented, the region and input spec, and the sampled tensor.
decoders.json: outputs of a head and the keypoints that they stand for.
tracking.json: what the region tracker (96 x 128, padding 1.25) and the One-Euro filter (min_cutoff 0.8, beta 0.02) give,
frame by frame.
Tensors are little-endian float32, pixels RGB bytes, both base64. Numbers come from posekit's own Python, seeded.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np

from posekit.decoders import DECODERS
from posekit.spec import parse_spec
from posekit.tracking import OneEuroFilter, next_region
from posekit.warp import Orientation, Region, frame_region, input_transform, region_from_box, upright_size, warp

FOLDER = Path(__file__).parent
SEED = 20261121


def b64(values: np.ndarray[Any, Any]) -> str:
    return base64.b64encode(values.tobytes()).decode()


def spec_data(input_part: dict[str, Any], decoder: dict[str, Any], keypoints: int) -> dict[str, Any]:
    return {
        "schema": 1, "name": "golden", "version": "1", "license": "Apache-2.0", "kind": "top_down",
        "input": {"color_order": "rgb", "mean": [0, 0, 0], "std": [1, 1, 1], **input_part},
        "decoder": decoder,
        "keypoints": {"names": [f"k{i}" for i in range(keypoints)], "oks_sigmas": [0.05] * keypoints},
    }  # fmt: skip


PLAIN = {"kind": "heatmap", "output": "heatmaps", "refinement": "none", "alignment": "stride"}


def warp_cases() -> list[dict[str, Any]]:
    rng = np.random.default_rng(SEED)
    cases = []
    for resize in ("affine_crop", "letterbox", "stretch"):
        for alignment in ("half_pixel", "index", "corners"):
            for variant, (stored_wh, size_wh, turn, mirrored) in enumerate(
                [((37, 29), (24, 32), 0, False), ((29, 41), (32, 24), 90, True), ((1, 1), (8, 8), 0, False),
                 ((40, 30), (20, 20), 180, True), ((23, 37), (15, 21), 270, False), ((31, 17), (18, 12), 270, True)]
            ):  # fmt: skip
                pixels = rng.integers(0, 256, (stored_wh[1], stored_wh[0], 3), dtype=np.uint8)
                data = {"size_wh": list(size_wh), "resize": resize, "box_padding": 1.25, "pad_value": 114.0 * (variant % 2),
                        "alignment": alignment}  # fmt: skip
                spec = parse_spec(spec_data(data, PLAIN, 1), "golden").input
                orientation = Orientation(turn, mirrored)
                width, height = upright_size(stored_wh, orientation)
                box = (0.3 * width, -0.1 * height, 0.9 * width, 0.8 * height)
                whole = frame_region((width, height), spec)
                crop = region_from_box(box, spec.size_wh, spec.box_padding)
                turned = Region(crop.center_xy, crop.size_wh, 33.0 - 20 * variant)
                for name, region in (("frame", whole), ("crop", crop), ("turned", turned)):
                    transform = input_transform(region, spec)
                    tensor = warp(pixels, transform, spec.size_wh, spec.pad_value, orientation)
                    points = rng.uniform(0, 30, (3, 2))
                    cases.append({
                        "name": f"{resize}-{alignment}-{variant}-{name}",
                        "input": {**data, "pad_value": spec.pad_value},
                        "image_size_wh": list(stored_wh), "image_rgb": b64(pixels),
                        "rotation_degrees": turn, "mirrored": mirrored,
                        "box_xyxy": list(box),
                        "region_kind": name,
                        "region": {"center_xy": list(region.center_xy), "size_wh": list(region.size_wh),
                                   "rotation_degrees": region.rotation_degrees},
                        "matrix": transform.matrix.ravel().tolist(), "content_xyxy": list(transform.content_xyxy),
                        "points_source": points.ravel().tolist(),
                        "points_input": transform.to_input(points).ravel().tolist(),
                        "tensor": b64(tensor.astype("<f4")),
                    })  # fmt: skip
    return cases


def decoder_cases() -> list[dict[str, Any]]:
    rng = np.random.default_rng(SEED + 1)
    size_wh = (96, 128)
    inside = rng.uniform(8, 88, (7, 2))
    edges = np.array([[0.0, 0.0], [95.9, 127.9], [0.2, 64.0], [48.0, 0.1], [95.0, 3.0], [4.0, 4.0], [90.5, 120.5]])
    cases: list[dict[str, Any]] = []

    def add(name: str, decoder: dict[str, Any], outputs: dict[str, Any]) -> None:
        spec = parse_spec(spec_data({"size_wh": list(size_wh), "resize": "stretch", "alignment": "half_pixel"}, decoder, 7), "golden")  # fmt: skip
        arrays = {key: np.asarray(value, "<f4") for key, value in outputs.items()}
        keypoints, scores = DECODERS[decoder["kind"]].decode(arrays, spec.decoder, size_wh)
        cases.append({
            "name": name, "decoder": spec.decoder.model_dump(mode="json"), "size_wh": list(size_wh),
            "outputs": [{"name": key, "shape": list(value.shape), "values": b64(value)} for key, value in arrays.items()],
            "dimensions": keypoints.shape[1],
            "keypoints": keypoints.ravel().tolist(), "scores": scores.tolist(),
        })  # fmt: skip

    for alignment in ("stride", "corners"):
        for refinement in ("none", "quarter", "dark"):
            decoder = {"kind": "heatmap", "output": "heatmaps", "refinement": refinement, "alignment": alignment}
            spec = parse_spec(spec_data({"size_wh": list(size_wh), "resize": "stretch", "alignment": "half_pixel"}, decoder, 7), "golden")  # fmt: skip
            encode = DECODERS["heatmap"].encode
            for name, points in (("inside", inside), ("edges", edges)):
                maps = encode(points, spec.decoder, size_wh, (24, 32))["heatmaps"]
                add(f"heatmap-{refinement}-{alignment}-{name}", decoder, {"heatmaps": maps})
                noisy = maps + rng.normal(0, 0.05, maps.shape)
                add(f"heatmap-{refinement}-{alignment}-{name}-noisy", {**decoder, "activation": "sigmoid"}, {"heatmaps": noisy})  # fmt: skip
            ties = np.zeros((32, 24, 7))
            ties[5:9, 4:8] = 1.0
            add(f"heatmap-{refinement}-{alignment}-ties", decoder, {"heatmaps": ties})
            add(f"heatmap-{refinement}-{alignment}-zero", decoder, {"heatmaps": np.zeros((32, 24, 7))})
    for split_ratio in (1.0, 2.0, 1.5):
        for reduction in ("min", "mean"):
            for activation in ("none", "softmax"):
                decoder = {"kind": "simcc", "output_x": "simcc_x", "output_y": "simcc_y", "split_ratio": split_ratio,
                           "score_reduction": reduction, "activation": activation}  # fmt: skip
                spec = parse_spec(spec_data({"size_wh": list(size_wh), "resize": "stretch", "alignment": "half_pixel"}, decoder, 7), "golden")  # fmt: skip
                maps = DECODERS["simcc"].encode(inside, spec.decoder, size_wh)
                noisy = {key: value + rng.normal(0, 0.05, value.shape) for key, value in maps.items()}
                add(f"simcc-{split_ratio}-{reduction}-{activation}", decoder, noisy)
    for value_range in ("unit", "signed_unit", "input_px"):
        for fields in (["y", "x", "score"], ["x", "y"], ["x", "y", "z", "score", "skip"]):
            decoder = {"kind": "regression", "output": "coordinates", "fields": fields, "range": value_range,
                       "activation": "sigmoid" if len(fields) == 5 else "none"}  # fmt: skip
            spec = parse_spec(spec_data({"size_wh": list(size_wh), "resize": "stretch", "alignment": "half_pixel"}, decoder, 7), "golden")  # fmt: skip
            points = np.concatenate([inside, rng.normal(0, 20, (7, 1))], axis=1)
            rows = DECODERS["regression"].encode(points, rng.normal(0, 2, 7), spec.decoder, size_wh)
            add(f"regression-{value_range}-{'-'.join(fields)}", decoder, rows)
    return cases


def tracking_cases() -> list[dict[str, Any]]:
    """Twelve frames of five keypoints that walk; the tracker loses them where too few scores are high."""
    rng = np.random.default_rng(SEED + 2)
    smoother = OneEuroFilter(min_cutoff=0.8, beta=0.02)
    points, time, cases = rng.uniform(50, 90, (5, 2)), 10.0, []
    for step in range(12):
        points = points + rng.normal(0, 1 + step, (5, 2))
        scores = np.full(5, 0.9) if step != 7 else np.array([0.9, 0.1, 0.2, 0.9, 0.29])
        time += [0.033, 0.05, 0.0, 0.033][step % 4]
        region = next_region(points, scores, (96, 128), 1.25)
        cases.append({
            "time_seconds": time, "keypoints": points.ravel().tolist(), "scores": scores.tolist(),
            "smoothed": smoother.smooth(points, time).ravel().tolist(),
            "region": None if region is None else {
                "center_xy": list(region.center_xy), "size_wh": list(region.size_wh), "rotation_degrees": 0.0},
        })  # fmt: skip
    return cases


def main() -> None:
    for name, cases in (("warp", warp_cases()), ("decoders", decoder_cases()), ("tracking", tracking_cases())):
        document = {"generator": "python tests/golden/make.py", "seed": SEED, "cases": cases}
        (FOLDER / f"{name}.json").write_text(json.dumps(document, indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
