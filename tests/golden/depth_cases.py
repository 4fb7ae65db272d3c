"""Golden cases of heads that give depth: SimCC of three axes, volumes, scaled z, and location maps."""

from __future__ import annotations

from typing import Any

import numpy as np

from posekit.bundle.golden import SEED
from posekit.decoders import integral, location_maps, regression, simcc
from posekit.poses import Floats
from posekit.poses.input_spec import InputSpec
from tests.golden.maps_cases import Add, Spec

ROLES = {"heat": {"output": "maps"}, "x": {"output": "maps", "first": 7}, "y": {"output": "space", "first": 7},
         "z": {"output": "space"}}  # fmt: skip


def add_cases(add: Add, spec: Spec, points: Floats, edges: Floats, image: InputSpec) -> None:
    """Inside the map and at its edges, with noise, ties and nothing at all."""
    rng, size_wh = np.random.default_rng(SEED + 17), image.size_wh
    depths = rng.uniform(-0.45, 0.45, (7, 1))
    for extent, more in ((4.3489738, {"refinement": "quadratic"}), (100.0, {"activation": "softmax"})):
        data = {"kind": "simcc", "output_x": "x", "output_y": "y", "split_ratio": 2.0, "score_reduction": "min",
                "z": {"output": "z", "bins": 36, "extent": extent}, **more}  # fmt: skip
        maps = simcc.encode(np.concatenate([points, depths * extent], axis=1), spec(data), size_wh)
        add(f"simcc-depth-{extent}", data, maps)
        noisy = {name: 5 * values + rng.normal(0, 0.5, values.shape) for name, values in maps.items()}
        add(f"simcc-depth-{extent}-noisy", data, noisy)
    for normalisation, alignment, score in (
        ("softmax", "stride", "share"), ("relu", "corners", "value"), ("sigmoid", "half_pixel", "none"),
    ):  # fmt: skip
        data = {"kind": "integral", "output": "maps", "normalisation": normalisation, "alignment": alignment,
                "score": score, "sharpness": 1.5, "first": 1, "z": {"bins": 5, "extent": 2.0}}  # fmt: skip
        deep = np.concatenate([points, depths], axis=1)
        maps = integral.encode(deep, spec(data), size_wh, (6, 8))["maps"]
        add(f"integral-depth-{normalisation}", data, {"maps": maps})
        add(f"integral-depth-{normalisation}-noisy", data, {"maps": maps + rng.normal(0, 0.3, maps.shape)})
    add("integral-depth-nothing", data | {"normalisation": "relu"}, {"maps": np.full((8, 6, 36), -3.0)})
    data = {"kind": "regression", "output": "points", "fields": ["z", "x", "y"], "range": "signed_unit",
            "z_scale": 0.001}  # fmt: skip
    add("regression-metres", data, regression.encode(deep, np.zeros(7), spec(data), image))
    _add_locations(add, spec, points, edges, size_wh, rng)


def _add_locations(
    add: Add, spec: Spec, points: Floats, edges: Floats, size_wh: tuple[int, int], rng: np.random.Generator
) -> None:
    world = rng.uniform(-1, 1, (7, 3))
    for alignment, upsampling, activation in (
        ("stride", 1, "none"), ("stride", 8, "sigmoid"), ("corners", 3, "none"), ("half_pixel", 4, "sigmoid"),
    ):  # fmt: skip
        data: dict[str, Any] = {"kind": "location_maps", **ROLES, "alignment": alignment, "upsampling": upsampling,
                                "factor": 0.1, "activation": activation}  # fmt: skip
        name = f"location-maps-{alignment}-{upsampling}"
        for where, places in (("inside", points), ("edges", edges)):
            maps = location_maps.encode(places, world, spec(data), size_wh, (12, 16))
            noisy = {key: value + rng.normal(0, 0.1, value.shape) for key, value in maps.items()}
            add(f"{name}-{where}", data, maps)
            add(f"{name}-{where}-noisy", data, noisy)
        between = {key: value + rng.normal(0, 1, value.shape) for key, value in maps.items()}
        between["maps"][..., :7] = rng.integers(0, 3, (16, 12, 7))  # many cells are as high as the highest
        add(f"{name}-ties", data, between)
        add(f"{name}-flat", data, between | {"maps": np.full((16, 12, 14), -0.5)})
