"""Golden cases of the heads whose maps are read otherwise than by their best cell alone: offset_map, integral."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from posekit.decoders import integral, offset_map
from posekit.poses import Floats

Spec = Callable[[dict[str, Any]], Any]
Add = Callable[[str, dict[str, Any], dict[str, Any]], None]
INTERLEAVED = {"heat": {"output": "maps", "step": 3}, "x": {"output": "maps", "first": 1, "step": 3},
               "y": {"output": "maps", "first": 2, "step": 3}}  # fmt: skip
APART = {"heat": {"output": "heat"}, "x": {"output": "offsets", "first": 7}, "y": {"output": "offsets"}}


def add_cases(add: Add, spec: Spec, points: Floats, edges: Floats,
              size_wh: tuple[int, int], rng: np.random.Generator) -> None:  # fmt: skip
    """Every setting of both, inside the map and at its edges, with noise, ties and nothing at all."""
    for name, lying, more in (
        ("udp", INTERLEAVED, {"unit": "cells", "factor": 3.5, "alignment": "corners", "blur_kernel": 23}),
        (
            "udps-own",
            INTERLEAVED,
            {"unit": "cells", "factor": 4.0, "alignment": "corners", "blur_kernel": 15, "offset_blur_kernel": 7},
        ),
        ("deeplabcut", APART, {"unit": "input_px", "factor": 7.28, "shift": 0.5, "activation": "sigmoid"}),
    ):
        data = {"kind": "offset_map", **lying, **more}
        for where, places in (("inside", points), ("edges", edges)):
            maps = offset_map.encode(places, spec(data), size_wh, (12, 16))
            noisy = {key: value + rng.normal(0, 0.05, value.shape) for key, value in maps.items()}
            add(f"offset-map-{name}-{where}", data, maps)
            add(f"offset-map-{name}-{where}-noisy", data, noisy)
        add(f"offset-map-{name}-zero", data, {key: np.zeros_like(value) for key, value in maps.items()})
        if "blur_kernel" in data:
            add(f"offset-map-{name}-line", data, _beside_a_line(maps, data["heat"]))
        if name == "udps-own":
            continue  # once blurred, what was equal is so but for the last bit, which no language is held to
        ties = {key: value.copy() for key, value in maps.items()}
        heat = ties[lying["heat"]["output"]]
        heat[..., lying["heat"].get("first", 0) :: lying["heat"].get("step", 1)] = 0.5
        add(f"offset-map-{name}-ties", data, ties)
    for normalisation in ("softmax", "relu", "sigmoid"):
        for alignment, score in (("stride", "value"), ("corners", "share"), ("half_pixel", "none")):
            data = {"kind": "integral", "output": "maps", "normalisation": normalisation, "alignment": alignment,
                    "score": score, "sharpness": 2.5}  # fmt: skip
            maps = integral.encode(points, spec(data), size_wh, (12, 16))["maps"]
            add(f"integral-{normalisation}-{alignment}", data, {"maps": maps})
            add(f"integral-{normalisation}-{alignment}-noisy", data, {"maps": maps + rng.normal(0, 0.3, maps.shape)})
        later = {**data, "first": 2}
        add(f"integral-{normalisation}-first", later, integral.encode(points, spec(later), size_wh, (12, 16)))
        add(f"integral-{normalisation}-zero", data, {"maps": np.zeros((16, 12, 7))})
        add(f"integral-{normalisation}-nothing", data, {"maps": np.full((16, 12, 7), -3.0)})


def _beside_a_line(maps: dict[str, Floats], heat: dict[str, Any]) -> dict[str, Floats]:
    """Half as high Gaussians below 0, and a slanting line that is above them until all is blurred: each row has a large
    value, and no two in one place."""
    found = {key: value.copy() for key, value in maps.items()}
    channels = found[heat["output"]][..., heat.get("first", 0) :: heat.get("step", 1)]
    channels[:] = 0.5 * channels - 2
    height, width, _ = channels.shape
    for y in range(height):
        channels[y, width - 1 - y * width // height] = -1.2
    return found
