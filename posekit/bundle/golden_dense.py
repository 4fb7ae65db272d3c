"""Golden vectors of dense results."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.decoders import dense
from posekit.decoders.dense import DenseSpec
from posekit.poses.dense import in_source, values_at
from posekit.poses.input_spec import InputSpec
from posekit.poses.regions import Region
from posekit.poses.transforms import input_transform, invert, moved


def dense_cases(rng: np.random.Generator, own: Sequence[DenseSpec] = ()) -> list[dict[str, Any]]:
    """Masks and parts of every kind of cell, alone and within one another, with ties and cells that are barely on;
    `own` are of a contract. Each over a turned region."""
    cases = list[dict[str, Any]]()
    for number, shift in enumerate((0.0, 0.5)):
        for upsampling in (1, 3):
            mask, parts = (
                DenseSpec.model_validate(
                    {"name": kind, "kind": kind, "output": kind, "stride": 8.0, "shift": shift,
                     "upsampling": upsampling} | more)
                for kind, more in (
                    ("mask", {"activation": ("none", "sigmoid")[number], "threshold": 0.25 + 0.25 * number}),
                    ("parts", {"labels": ("hand", "foot", "head"), "within": "mask" if number else "", "first": number})
                )
            )  # fmt: skip
            cases.append(_random_case(rng, f"{shift}-{upsampling}", (parts, mask), (7, 5)))
    iuv = DenseSpec.model_validate({
        "name": "body", "kind": "iuv", "output": "fine", "stride": 8.0, "upsampling": 2, "labels": ("hand", "foot"),
        "coarse": {"output": "more"}, "coarse_count": 3, "u": {"output": "more", "first": 3},
        "v": {"output": "more", "first": 6},
    })  # fmt: skip
    cases.append(_random_case(rng, "iuv", (iuv,), (6, 4)))
    if own:
        cases.append(_random_case(rng, "own", own, (5, 4)))
    return cases


def _random_case(
    rng: np.random.Generator, name: str, specs: Sequence[DenseSpec], map_wh: tuple[int, int]
) -> dict[str, Any]:
    arrays = {
        key: np.round(rng.normal(0, 2, (map_wh[1], map_wh[0], int(shape[-1] or 0))), 1).astype("<f4")
        for key, shape in dense.shapes(specs).items()
    }  # rounded: equal ones among the highest
    return dense_case(name, specs, arrays, rng)


def dense_case(
    name: str, specs: Sequence[DenseSpec], outputs: Mapping[str, NDArray[Any]], rng: np.random.Generator
) -> dict[str, Any]:
    """Outputs (h, w, C) and the dense results of them over a turned region, at random places too."""
    arrays = {key: np.asarray(outputs[key], "<f4") for key in dense.shapes(specs)}
    transform = input_transform(Region((31.0, 22.0), (50.0, 40.0), 20.0), _square(64))
    maps = [in_source(one, transform) for one in dense.decode(arrays, specs)]
    points = rng.uniform(-20, 80, (12, 2))
    return {
        "name": name, "dense": [one.model_dump(mode="json") for one in specs],
        "outputs": [{"name": key, "shape": list(one.shape), "values": _base64(one)} for key, one in arrays.items()],
        "to_source": invert(transform.matrix).ravel().tolist(), "points": points.ravel().tolist(),
        "maps": [{
            "name": one.name, "size_wh": [one.values.shape[1], one.values.shape[0]],
            "values": _base64(one.values.astype("<f4")), "matrix": one.matrix.ravel().tolist(),
            "numbers": one.numbers.ravel().tolist(),
            "uv": "" if one.uv is None else _base64(one.uv.astype("<f4")),
            "at_points": values_at(one, moved(invert(one.matrix), points)).tolist(),
        } for one in maps],
    }  # fmt: skip


def _square(side: int) -> InputSpec:
    return InputSpec(size_wh=(side, side), color_order="rgb", mean=(0, 0, 0), std=(1, 1, 1), resize="stretch",
                     alignment="half_pixel")  # fmt: skip


def _base64(values: NDArray[Any]) -> str:
    return base64.b64encode(values.tobytes()).decode()
