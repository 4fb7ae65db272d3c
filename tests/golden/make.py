"""Write the golden vectors that Python, Kotlin and Swift are all held to: `python tests/golden/make.py`.

warp.json: small pictures, how they are oriented, the region and input spec, and the sampled tensor.
heatmap.json and so on, one a decoder: outputs of a head and the people that they stand for.
dense.json: masks and parts (decoders/dense.py) over a turned region, at places between cells too
people.json: what the tracker of several people (sigmas 0.08, at most 4) and their smoother (min_cutoff 0.8, beta 2)
give, frame by frame.
tracking.json: what the region tracker (96 x 128, padding 1.25) and the One-Euro filter (min_cutoff 0.8, beta 2)
give, frame by frame; and regions from two points.
yuv.json: planes of Y, U and V as phones lay them out, and the colours that they stand for.
"""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from posekit.bundle.golden import (
    SEED,
    SIGMAS,
    Case,
    decoder_case,
    warp_cases,
    write_cases,
)
from posekit.bundle.golden_dense import dense_cases
from posekit.bundle.golden_following import following_cases
from posekit.bundle.golden_tracking import people_cases, tracking_cases
from posekit.bundle.golden_yuv import yuv_cases
from posekit.decoders import AnyDecoderSpec, heatmap, regression, simcc
from posekit.decoders.detections.encoding import encode
from posekit.poses import Poses
from posekit.poses.input_spec import InputSpec
from posekit.poses.transforms import Orientation
from tests.golden import centers_cases, depth_cases, detectors_cases, tags_cases
from tests.golden.landmarks_cases import landmarks_cases
from tests.golden.maps_cases import add_cases
from tests.golden.movenet_cases import movenet_cases
from tests.golden.paf_cases import paf_cases
from tests.golden.posenet_cases import posenet_cases

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
    return cases + letterbox_cases() + outside_cases() + stepped_cases()


def stepped_cases() -> list[Case]:
    """Places in 32nds of a px, among them halves of these: pictures made a little larger, and smaller."""
    rng, cases = np.random.default_rng(SEED + 12), list[Case]()
    for resize in ("affine_crop", "letterbox", "stretch"):
        for alignment in ("half_pixel", "index", "corners"):
            for variant, (stored_wh, size_wh) in enumerate(
                (((31, 27), (9, 7)), ((3, 2), (17, 24)), ((33, 66), (12, 24)))
            ):
                spec = InputSpec(
                    size_wh=size_wh,
                    color_order="rgb",
                    mean=(0, 0, 0),
                    std=(1, 1, 1),
                    resize=resize,
                    sampling="bilinear_32nds",
                    box_padding=1.25,
                    pad_value=114.0,
                    alignment=alignment,
                )
                turn = Orientation((0, 90, 270)[variant], variant == 1)
                cases += warp_cases(rng, f"32nds-{variant}", spec, stored_wh, turn, 33.0 - 20 * variant)
    return cases


def outside_cases() -> list[Case]:
    """What lies outside the picture other than each resize usually has it, turned regions and all."""
    rng, cases = np.random.default_rng(SEED + 11), list[Case]()
    for resize, outside in (("affine_crop", "edge"), ("letterbox", "value"), ("stretch", "value")):
        for sampling in ("bilinear", "bilinear_antialias"):
            spec = InputSpec(size_wh=(9, 11), color_order="rgb", mean=(0, 0, 0), std=(1, 1, 1), resize=resize,
                             outside=outside, sampling=sampling, box_padding=1.25, pad_value=60,
                             alignment="index")  # fmt: skip
            cases += warp_cases(rng, f"{outside}-{sampling}", spec, (31, 24), Orientation(90, True), -40.0)
    return cases


def letterbox_cases() -> list[Case]:
    """Every anchor, rounding and odd pixel, and pictures that do not grow."""
    rng, cases = np.random.default_rng(SEED + 5), list[Case]()
    ways = itertools.product(("center", "top_left"), ("half_up", "half_even", "floor"), ("after", "before"))
    # at 10 x 10, 40 x 26 is 10 x 6.5, which halves round to 6 or to 7; one of them leaves an odd pixel
    for number, (anchor, rounding, odd_pixel) in enumerate(ways):
        for stored_wh, size_wh in (((40, 26), (10, 10)), ((4, 6), (9, 11))):
            spec = InputSpec(size_wh=size_wh, color_order="rgb", mean=(0, 0, 0), std=(1, 1, 1), resize="letterbox",
                             pad_value=114, alignment=("half_pixel", "index", "corners")[number % 3], anchor=anchor,
                             rounding=rounding, odd_pixel=odd_pixel, enlarge=number % 2 == 0)  # fmt: skip
            cases += warp_cases(rng, f"{anchor}-{rounding}-{odd_pixel}-{stored_wh[0]}", spec, stored_wh,
                                Orientation(), 33.0)  # fmt: skip
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
        for refinement in ("none", "quarter", "dark", "dark_udp"):
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
    for name, points in (("inside", inside), ("edges", edges)):
        data = {"kind": "heatmap", "output": "heatmaps", "refinement": "quarter", "alignment": "stride",
                "border": "each"}  # fmt: skip
        add(f"heatmap-quarter-each-{name}", data, heatmap.encode(points, decoder(data), SIZE_WH, (24, 32)))
    cases += mirrored_blurs(edges)
    data = {"kind": "heatmap", "output": "heatmaps", "refinement": "dark_udp", "alignment": "corners"}
    low = heatmap.encode(inside, decoder(data), SIZE_WH, (24, 32))["heatmaps"] * 0.0012
    add("heatmap-dark_udp-low", data, {"heatmaps": low})  # where small values are cut off
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
    add_cases(add, decoder, inside, edges, SIZE_WH, np.random.default_rng(SEED + 8))
    depth_cases.add_cases(add, decoder, inside, edges, image())
    bottom_up = paf_cases() + posenet_cases() + tags_cases.cases() + centers_cases.cases()
    return cases + detections_cases() + landmarks_cases() + movenet_cases() + bottom_up


def mirrored_blurs(edges: Any) -> list[Case]:
    """Both kinds of DARK on maps that go on mirrored beyond their edges, some smaller than half a kernel."""
    rng, cases = np.random.default_rng(SEED + 11), list[Case]()
    for refinement in ("dark", "dark_udp"):
        for map_wh, kernel in (((24, 32), 11), ((24, 32), 17), ((5, 6), 17), ((24, 32), 3), ((24, 32), 5)):
            data = {"kind": "heatmap", "output": "heatmaps", "refinement": refinement, "alignment": "corners",
                    "blur_kernel": kernel, "blur_edge": "mirror"}  # fmt: skip
            # DARK takes no step within two px of the edge, and still finds what lies beyond it
            points = edges if refinement == "dark_udp" else np.clip(edges, (13, 13), np.array(SIZE_WH) - 15)
            maps = heatmap.encode(points, decoder(data), SIZE_WH, map_wh)["heatmaps"]
            noisy = {"heatmaps": maps + rng.normal(0, 0.05, maps.shape)}
            name = f"heatmap-{refinement}-mirror-{map_wh[0]}-{kernel}"
            cases.append(decoder_case(name, decoder(data), image("corners"), noisy))
    return cases


BOXES = {
    "xyxy": {}, "xywh": {}, "cxcywh": {}, "unit": {"unit": "unit"}, "ltrb": {"unit": "cells", "shift": 0.5},
    "cells": {"unit": "cells"}, "cxcywh_exp": {"unit": "cells"},
}  # fmt: skip
KEYPOINTS = {
    "px": {"fields": ["x", "y", "score"]},
    "plain": {"fields": ["x", "y"]},
    "unit": {"fields": ["y", "x", "skip", "score"], "unit": "unit", "activation": "sigmoid"},
    "yolo8": {"fields": ["x", "y", "score"], "unit": "cells", "factor": 2.0, "activation": "sigmoid"},
    "yolo26": {"fields": ["x", "y", "score"], "unit": "cells", "shift": 0.5},
}
SUPPRESSIONS = (
    {"kind": "iou", "threshold": 0.7}, {"kind": "iou", "definition": "inclusive", "threshold": 0.45, "most_out": 2},
    {"kind": "oks", "threshold": 0.6, "most_in": 5}, {"kind": "none", "most_out": 4},
)  # fmt: skip


def detections_cases() -> list[Case]:
    """Every format of boxes and keypoints, kind of suppression and way in which the roles lie in tensors."""
    rng, cases = np.random.default_rng(SEED + 6), [nearly_alike()]
    ways = [*itertools.product(BOXES, ("px", "yolo8")), *itertools.product(("cxcywh", "ltrb"), KEYPOINTS)]
    for number, (box, points) in enumerate(dict.fromkeys(ways)):
        boxes = {"format": {"unit": "cxcywh", "cells": "cxcywh"}.get(box, box), **BOXES[box]}
        for tensors in ("one", "roles", "levels", "maps"):
            data = {"kind": "detections", "strides": [16, 32], "min_confidence": 0.25, **_lying(tensors, boxes, points),
                    "nms": SUPPRESSIONS[number % len(SUPPRESSIONS)]}  # fmt: skip
            alignment = ("half_pixel", "index", "corners")[number % 3]
            spec = decoder(data)
            outputs = encode(crowd(rng, number + number // 4), spec, image(alignment), rng)
            cases.append(decoder_case(f"detections-{box}-{points}-{tensors}", spec, image(alignment), outputs))
    found = [*cases, *sorted_rows(rng), *at_the_threshold(rng), *equal_classes(rng), *y_first()]
    return found + detectors_cases.cases(crowd, image)


def _lying(tensors: str, boxes: dict[str, Any], points: str) -> dict[str, Any]:
    """Roles in one tensor, in a tensor each, or in a tensor each a level."""
    keypoints = KEYPOINTS[points]
    if tensors == "one":
        return {
            "axes": "rows", "boxes": {"outputs": ["rows"], "first": 3, **boxes},
            "scores": {"outputs": ["rows"], "first": 1, "count": 2, "person": 1, "activation": "sigmoid",
                       "objectness": {"outputs": ["rows"], "channel": 0}},
            "keypoints": {"outputs": ["rows"], "first": 7, **keypoints},
        }  # fmt: skip
    if tensors == "roles":
        return {"axes": "channels_first", "boxes": {"outputs": ["boxes"], **boxes}, "scores": {"outputs": ["scores"]},
                "keypoints": {"outputs": ["keypoints"], **keypoints}}  # fmt: skip
    names = {role: [f"{role}_16", f"{role}_32"] for role in ("boxes", "scores", "objectness", "keypoints")}
    return {
        "axes": "maps" if tensors == "maps" else "rows", "boxes": {"outputs": names["boxes"], **boxes},
        "scores": {"outputs": names["scores"], "activation": "sigmoid" if tensors == "maps" else "none",
                   "objectness": {"outputs": names["objectness"], "channel": 0}},
        "keypoints": {"outputs": names["keypoints"], **keypoints},
    }  # fmt: skip


def nearly_alike() -> Case:
    """Two pairs of people, one with an OKS of 0.62, the other of 0.58, where 0.6 is too much; their boxes differ."""
    rng, points, boxes = np.random.default_rng(SEED + 7), [], []
    for left, oks in ((10.0, 0.62), (50.0, 0.58)):
        shape = rng.uniform(10, 30, (7, 2)) + np.array([left, 0])
        shift = math.sqrt(-math.log(oks) * 2 * (2 * SIGMAS[0]) ** 2 * 1000)
        points += [shape, shape + np.array([0, shift])]
        boxes += [[left, 10.0, left + 20, 50.0], [left, 10.0, left + 20, 70.0]]  # 1000 px^2 in the mean
    data = {"kind": "detections", **_lying("roles", {"format": "xyxy"}, "px"),
            "nms": {"kind": "oks", "threshold": 0.6}}  # fmt: skip
    four = Poses(np.array(points), np.full((4, 7), 0.5), np.array([0.9, 0.8, 0.7, 0.6]), np.array(boxes))
    case = decoder_case("detections-nearly-alike", decoder(data), image(), encode(four, decoder(data), image(), rng))
    assert case["people"] == 3
    return case


def crowd(rng: np.random.Generator, number: int) -> Poses:
    """No, one, two or eight people, some nearly in one place, some as sure as others, some beyond the border."""
    count = (0, 1, 2, 8)[number % 4]
    low = np.repeat(rng.uniform(-8, 80, (count // 2 + 1, 2)), 2, axis=0)[:count] + rng.uniform(0, 4, (count, 2))
    points = low[:, None] + rng.uniform(0, 40, (count, 7, 2))
    confidences = np.array([0.9, 0.9, 0.6, 0.5, 0.5, 0.26, 0.24, 0.1])[:count]
    boxes = np.concatenate([points.min(axis=1) - 1, points.max(axis=1) + 1], axis=1)
    return Poses(points, rng.uniform(0.05, 0.95, (count, 7)), confidences, boxes)


def y_first() -> list[Case]:
    """Corners and keypoints with y before x, in px and as MoveNet Multipose has them."""
    rng, cases = np.random.default_rng(SEED + 10), list[Case]()
    for unit in ("input_px", "unit"):
        data = {"kind": "detections", "axes": "rows", "boxes": {"outputs": ["rows"], "format": "yxyx", "first": 21,
                                                                "unit": unit},
                "scores": {"outputs": ["rows"], "first": 25}, "nms": {"kind": "none", "most_out": 6},
                "keypoints": {"outputs": ["rows"], "fields": ["y", "x", "score"], "unit": unit}}  # fmt: skip
        outputs = encode(crowd(rng, 3), decoder(data), image("corners"), rng, candidates=12)
        cases.append(decoder_case(f"detections-yxyx-{unit}", decoder(data), image("corners"), outputs))
    return cases


def sorted_rows(rng: np.random.Generator) -> list[Case]:
    """Tables that a network sorted out itself, whose rows say their class."""
    cases = []
    for person in (0, 2):
        data = {
            "kind": "detections", "axes": "rows", "boxes": {"outputs": ["rows"], "format": "xyxy"},
            "scores": {"outputs": ["rows"], "first": 4, "person": person, "class_channel": 5},
            "keypoints": {"outputs": ["rows"], "first": 6, "fields": ["x", "y", "score"]}, "nms": {"kind": "none"},
        }  # fmt: skip
        outputs = encode(crowd(rng, 3), decoder(data), image(), rng, candidates=12)
        outputs["rows"][::3, 5] = 1 - person / 2
        cases.append(decoder_case(f"detections-sorted-{person}", decoder(data), image(), outputs))
    return cases


def at_the_threshold(rng: np.random.Generator) -> list[Case]:
    """Two people exactly as alike as the threshold says, who both stay: an IoU of 1/2, an OKS of 1."""
    points, cases = np.repeat(rng.uniform(8, 80, (1, 7, 2)), 2, axis=0), []
    for kind, definition, threshold, side in (("iou", "plain", 0.5, 20), ("iou", "inclusive", 0.5, 19),
                                              ("oks", "plain", 1.0, 20)):  # fmt: skip
        boxes = np.array([[8, 8, 8 + side, 8 + side], [8, 8, 8 + side, 8 + side - 10]], np.float64)
        data = {
            "kind": "detections", **_lying("roles", {"format": "xyxy"}, "px"),
            "nms": {"kind": kind, "definition": definition, "threshold": threshold},
        }  # fmt: skip
        two = Poses(points, np.full((2, 7), 0.5), np.array([0.75, 0.5]), boxes)
        outputs = encode(two, decoder(data), image(), rng, candidates=6)
        cases.append(decoder_case(f"detections-threshold-{kind}-{definition}", decoder(data), image(), outputs))
        assert cases[-1]["people"] == 2
    return cases


def equal_classes(rng: np.random.Generator) -> list[Case]:
    """Of two people the surer one's row is as sure of another class: of equal ones the first counts."""
    two, cases = crowd(rng, 2), []
    for person in (0, 1):
        data = {
            "kind": "detections", **_lying("roles", {"format": "xyxy"}, "px"),
            "scores": {"outputs": ["scores"], "count": 2, "person": person}, "nms": {"kind": "none"},
        }  # fmt: skip
        outputs = encode(two, decoder(data), image(), rng, candidates=6)
        best = outputs["scores"][person].argmax()
        outputs["scores"][1 - person, best] = outputs["scores"][person, best]
        cases.append(decoder_case(f"detections-equal-classes-{person}", decoder(data), image(), outputs))
    return cases


def main(folder: Path = FOLDER) -> None:
    write_cases(folder / "warp.json", all_warp_cases())
    write_cases(folder / "yuv.json", yuv_cases(SEED))
    by_kind = sorted(all_decoder_cases(), key=lambda case: case["kind"])  # each kind in the order of its cases
    for kind, cases in itertools.groupby(by_kind, key=lambda case: case["kind"]):
        write_cases(folder / f"{kind}.json", list(cases))
    write_cases(folder / "dense.json", dense_cases(np.random.default_rng(SEED + 6)))
    write_cases(folder / "following.json", following_cases(SEED))
    write_cases(folder / "people.json", people_cases(SEED))
    write_cases(folder / "tracking.json", tracking_cases(SEED))


if __name__ == "__main__":
    main()
