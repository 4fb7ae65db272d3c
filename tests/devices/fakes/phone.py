"""Answer a request as a phone would: the bundle's own model on what runs it here, posekit's arithmetic around it.

`python phone.py BUNDLE REQUEST OUT`: what a fake device runs. What it calls an accelerator is the CPU with a little
noise.
"""

from __future__ import annotations

import functools
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from posekit.bundle import Bundle, file_hash, open_bundle
from posekit.contract.spec import contract_hash
from posekit.decoders.decoder import Outputs
from posekit.devices.format import RequestedCase, RunRequest
from posekit.devices.request import case_sha256
from posekit.parity.case_files import read_tensor
from posekit.parity.cases import poses_of
from posekit.parity.written_poses import written_poses
from posekit.poses.regions import Region
from posekit.poses.transforms import input_transform
from posekit.poses.warp import warp
from posekit.runtimes import runtime_for

LATENCY = {"p50_ms": 1.0, "p90_ms": 2.0, "runs": 20}
NOISE = {"cpu": 0.0, "gpu": 5e-3, "npu": 9e-3}  # of the outputs' RMS: 46 and 41 dB, as of arithmetic in 16 bits
PLATFORMS = {"android": ("Fake Phone 1", "Android 16 (API 36)", "LiteRT (built against 2.3.0)"),
             "ios": ("FakePhone1,1", "iOS 26.1", "Core ML of iOS 26.1")}  # fmt: skip


def answer(bundle: Bundle, request: Path, out: Path) -> None:
    """Write run.json and its tensors into `out`."""
    asked = RunRequest.model_validate(json.loads((request / "request.json").read_text()))
    out.mkdir(parents=True)
    run = runtime_for(bundle.platform, bundle.model_path).run

    @functools.cache  # what is asked of every accelerator is run once
    def outputs(pixels: bytes) -> Outputs:
        width, height = bundle.spec.input.size_wh
        return run(np.frombuffer(pixels, np.float32).reshape(height, width, 3))

    passes = []
    for accelerator in asked.accelerators:
        phone = _Phone(bundle, request, out, outputs, NOISE[accelerator])
        cases = [phone.case(one, f"{accelerator}-{number:03d}") for number, one in enumerate(asked.cases)]
        latencies = dict.fromkeys(("preprocessing", "inference", "decoding"), LATENCY)
        passes.append({"requested": accelerator, "used": accelerator, "latencies": latencies, "cases": cases,
                       "thermal_before": "none", "thermal_after": "light"})  # fmt: skip
    name, system, runtime = PLATFORMS[bundle.platform]
    document = {
        "schema": 1, "device": {"name": name, "os": system}, "runtime": runtime, "passes": passes,
        "model_sha256": file_hash(bundle.model_path), "contract_sha256": contract_hash(bundle.spec),
    }  # fmt: skip
    (out / "run.json").write_text(json.dumps(document))


class _Phone:
    """One accelerator of it."""

    def __init__(self, bundle: Bundle, request: Path, out: Path, outputs: Any, noise: float) -> None:
        self.spec, self.request, self.out, self.outputs, self.noise = bundle.spec, request, out, outputs, noise

    def _rounded(self, values: np.ndarray) -> np.ndarray:
        if not self.noise:
            return values
        drawn = np.random.default_rng(0).normal(scale=self.noise * np.sqrt(np.mean(values**2)), size=values.shape)
        return (values + drawn).astype(np.float32)

    def case(self, one: RequestedCase, stem: str) -> dict[str, Any]:
        """What run.json says of a case."""
        assert one.region is not None
        width, height = one.picture.size_wh
        picture = np.fromfile(self.request / one.picture.file, np.uint8).reshape(height, width, 3)
        region = Region(one.region.center_xy, one.region.size_wh, one.region.rotation_degrees)
        transform = input_transform(region, self.spec.input)
        made = warp(picture, transform, self.spec.input.size_wh, self.spec.input.pad_value)
        results = []
        for mode, pixels in (("image", made), ("tensor", read_tensor(self.request, one.input, "it")[0])):
            exact = self.outputs(np.ascontiguousarray(pixels, np.float32).tobytes())
            outputs = {name: self._rounded(values) for name, values in exact.items()}
            found = poses_of(outputs, transform, self.spec)
            results.append({
                "mode": mode, "people": written_poses(found),
                "input": self._written(f"{stem}-image-input.f32", pixels[None]) if mode == "image" else None,
                "outputs": {key: self._written(f"{stem}-{mode}-{key}.f32", value) for key, value in outputs.items()},
            })  # fmt: skip
        sha256 = case_sha256([self.request / one.picture.file, self.request / one.input.file])
        return {"name": one.name, "sha256": sha256, "region": one.region.model_dump(mode="json"), "results": results}

    def _written(self, file: str, values: Any) -> dict[str, Any]:
        values.astype("<f4").tofile(self.out / file)
        return {"file": file, "shape": list(values.shape)}


if __name__ == "__main__":
    answer(open_bundle(Path(sys.argv[1])), Path(sys.argv[2]), Path(sys.argv[3]))
