"""A small device run to damage: what run.json holds, and the tensors beside it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.devices.format import DeviceRun
from posekit.devices.record import read_run
from posekit.parity.shipped import Shipped

MODEL, CONTRACT, INPUTS = "a" * 64, "b" * 64, "c" * 64
PERSON = {"keypoints": [[1.0, 2.0], [3.0, 4.0]], "scores": [0.5, 0.25], "confidence": 0.375, "box_xyxy": None}
REGION = {"center_xy": [8.0, 9.0], "size_wh": [16.0, 18.0], "rotation_degrees": 0.0}


def keypoints_of(shipped: Shipped) -> NDArray[np.float64]:
    """(K, 2|3) of the one person that a wrapper found."""
    assert shipped.people is not None
    (person,) = shipped.people
    return np.array(person.keypoints)


def scores_of(shipped: Shipped) -> NDArray[np.float64]:
    """(K,) of the one person that a wrapper found."""
    assert shipped.people is not None
    (person,) = shipped.people
    return np.array(person.scores)


def tensor(folder: Path, file: str, values: Any) -> dict[str, Any]:
    array = np.asarray(values, "<f4")
    array.tofile(folder / file)
    return {"file": file, "shape": list(array.shape)}


def case(
    folder: Path, name: str, stem: str, values: Any, modes: tuple[str, ...] = ("image", "tensor")
) -> dict[str, Any]:
    results = []
    for mode in modes:
        one: dict[str, Any] = {"mode": mode, "outputs": {"heatmaps": tensor(folder, f"{stem}-{mode}.f32", values)},
                               "people": [PERSON]}  # fmt: skip
        if mode == "image":
            one["input"] = tensor(folder, f"{stem}-input.f32", [[[[1, 2, 3]]]])
        results.append(one)
    return {"name": name, "sha256": INPUTS, "region": REGION, "results": results}


def document(*passes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"schema": 1, "device": {"name": "Pixel 9", "os": "Android 16"}, "runtime": "LiteRT 2.3.0",
            "model_sha256": MODEL, "contract_sha256": CONTRACT, "passes": list(passes)} | more  # fmt: skip


def one_pass(requested: str, cases: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"requested": requested, "used": requested, "cases": cases} | more


def write(folder: Path, run: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "run.json").write_text(json.dumps(run))
    return folder


def read(folder: Path) -> DeviceRun:
    return read_run(folder, MODEL, CONTRACT)


def changed(run: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """The document with one place of it replaced."""
    made = copy.deepcopy(run)
    parent: Any = made
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = value
    return made
