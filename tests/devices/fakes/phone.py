"""Answer a request as a phone would: the bundle's own model on LiteRT, posekit's arithmetic around it.

`python phone.py BUNDLE REQUEST OUT`: what a fake device runs. What it calls the GPU is the CPU with a little noise.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from posekit.bundle import Bundle, file_hash, open_bundle
from posekit.case_files import read_tensor
from posekit.devices.format import RunRequest
from posekit.devices.request import case_sha256
from posekit.parity.cases import Run, poses_of
from posekit.runtimes import litert
from posekit.spec import contract_hash
from posekit.warp import Region, input_transform, warp

LATENCY = {"p50_ms": 1.0, "p90_ms": 2.0, "runs": 20}


def answer(bundle: Bundle, request: Path, out: Path) -> None:
    """Write run.json and its tensors into `out`."""
    asked = RunRequest.model_validate(json.loads((request / "request.json").read_text()))
    out.mkdir(parents=True)
    run = litert.open_model(bundle.model_path)
    passes = []
    for accelerator in asked.accelerators:
        noise = 0.0 if accelerator == "cpu" else 1e-5

        def noisy(pixels: Any, noise: float = noise) -> Mapping[str, Any]:
            return {name: values * np.float32(1 + noise) for name, values in run(pixels).items()}

        cases = [_case(bundle, request, out, one, noisy, f"{accelerator}-{n:03d}") for n, one in enumerate(asked.cases)]
        latencies = dict.fromkeys(("preprocessing", "inference", "decoding"), LATENCY)
        passes.append({"requested": accelerator, "used": accelerator, "latencies": latencies, "cases": cases,
                       "thermal_before": "none", "thermal_after": "light"})  # fmt: skip
    document = {
        "schema": 1, "device": {"name": "Fake Phone 1", "os": "Android 16 (API 36)"}, "runtime": "LiteRT 2.3.0",
        "model_sha256": file_hash(bundle.model_path), "contract_sha256": contract_hash(bundle.spec), "passes": passes,
    }  # fmt: skip
    (out / "run.json").write_text(json.dumps(document))


def _case(bundle: Bundle, request: Path, out: Path, one: Any, run: Run, stem: str) -> dict[str, Any]:
    width, height = one.picture.size_wh
    picture = np.fromfile(request / one.picture.file, np.uint8).reshape(height, width, 3)
    region = Region(one.region.center_xy, one.region.size_wh, one.region.rotation_degrees)
    transform = input_transform(region, bundle.spec.input)
    inputs = {"image": warp(picture, transform, bundle.spec.input), "tensor": read_tensor(request, one.input, "it")[0]}
    results = []
    for mode, pixels in inputs.items():
        outputs = run(pixels)
        found = poses_of(outputs, transform, bundle.spec)
        results.append({
            "mode": mode, "keypoints": found.keypoints[0].tolist(), "scores": found.scores[0].tolist(),
            "input": _written(out, f"{stem}-{mode}-input.f32", pixels[None]) if mode == "image" else None,
            "outputs": {key: _written(out, f"{stem}-{mode}-{key}.f32", values) for key, values in outputs.items()},
        })  # fmt: skip
    sha256 = case_sha256([request / one.picture.file, request / one.input.file])
    return {"name": one.name, "sha256": sha256, "region": one.region.model_dump(mode="json"), "results": results}


def _written(folder: Path, file: str, values: Any) -> dict[str, Any]:
    values.astype("<f4").tofile(folder / file)
    return {"file": file, "shape": list(values.shape)}


if __name__ == "__main__":
    answer(open_bundle(Path(sys.argv[1])), Path(sys.argv[2]), Path(sys.argv[3]))
