"""What a precision does to trained heads of three dimensions: python -m benchmarks.depth_heads [SECONDS] [w8a8 ...]

One small body with each head learns from the labels of rendered people (benchmarks/distillation/people.py), for so much
CPU time (25 s by default). `posekit package` then measures each file against its own network on 40 other people.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.distillation.networks import LOCATION_MAPS, OUTPUTS, SMALL, STRIDE, Body, Places, contract
from benchmarks.distillation.people import INPUT_SIZE_WH, batch, render, write
from benchmarks.distillation.training import BATCH, PEAK_RATE, from_labels
from posekit.contract.spec import canonical_json
from posekit.sources.torch.exported import forget_machine
from sample import crops
from sample.networks import KEYPOINTS
from sample.stance import Array
from sample.train import normalised, one_cycle

LEARNED_FROM, MEASURED_ON = 2000, 40
EXTENT, SLICES, DEEP_BINS, SPLIT_RATIO = 2.4, 8, 96, 2.0  # metres, of a volume, of a vector, bins a px
CELLS = (INPUT_SIZE_WH[0] // STRIDE, INPUT_SIZE_WH[1] // STRIDE)


@dataclass(frozen=True, slots=True)
class Head:
    """loss: of what it gives, keypoints (N, 17, 3) in input px and world (N, 17, 3) in metres."""

    build: Callable[[], nn.Module]
    loss: Callable[[Any, Array, Array], Tensor]
    decoder: dict[str, Any]
    outputs: tuple[str, ...]


class Volumes(nn.Module):
    """A volume a keypoint: N x 17 * 8 x 16 x 12."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.maps = Body(SMALL), nn.Conv2d(SMALL[-1], KEYPOINTS * SLICES, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"volumes": self.maps(self.body(x))}


class Vectors(nn.Module):
    """Three vectors a keypoint: N x 17 x 96, 128 and 96."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.maps = Body(SMALL), nn.Conv2d(SMALL[-1], KEYPOINTS, 1)
        bins = (*(int(side * SPLIT_RATIO) for side in INPUT_SIZE_WH), DEEP_BINS)
        self.axes = nn.ModuleList(nn.Linear(CELLS[0] * CELLS[1], count) for count in bins)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        rows = self.maps(self.body(x)).flatten(2)
        return {f"bins_{name}": axis(rows) for name, axis in zip("xyz", self.axes, strict=True)}


class Numbers(nn.Module):
    """x and y over the input, and z in metres: N x 17 x 3."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.smaller = Body(SMALL), nn.Conv2d(SMALL[-1], 16, 3, 2, 1)
        self.rows = nn.Linear(16 * CELLS[0] * CELLS[1] // 4, KEYPOINTS * 3)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"rows": self.rows(F.relu(self.smaller(self.body(x))).flatten(1)).unflatten(1, (KEYPOINTS, 3))}


def as_tensor(values: Array) -> Tensor:
    """The same in float32."""
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))


def of_volumes(seen: dict[str, Tensor], keypoints: Array, world: Array) -> Tensor:
    """How far the mean places of volumes are from the true ones."""
    shares = (
        seen["volumes"].unflatten(1, (KEYPOINTS, SLICES)).flatten(2).softmax(2).unflatten(2, (SLICES, *CELLS[::-1]))
    )
    means = [(shares.sum(others) * (torch.arange(count) + 0.5) / count).sum(2)
             for others, count in (((2, 3), CELLS[0]), ((2, 4), CELLS[1]), ((3, 4), SLICES))]  # fmt: skip
    expected = np.concatenate([keypoints[..., :2] / INPUT_SIZE_WH, world[..., 2:] / EXTENT + 0.5], -1)
    return counted((torch.stack(means, 2) - as_tensor(expected)).abs().mean(2), keypoints)


def of_vectors(seen: dict[str, Tensor], keypoints: Array, world: Array) -> Tensor:
    """Cross entropy of each vector with a Gaussian about the true bin."""
    bins = (*(keypoints[..., axis] * SPLIT_RATIO for axis in range(2)), (world[..., 2] / EXTENT + 0.5) * DEEP_BINS)
    total = torch.zeros(1)
    for name, at in zip("xyz", bins, strict=True):
        logits = seen[f"bins_{name}"]
        target = crops.gaussian(np.clip(at, 0, logits.shape[2] - 1), logits.shape[2], 2.0)
        total = total + counted(-(target / target.sum(2, keepdim=True) * logits.log_softmax(2)).sum(2), keypoints)
    return total


def of_numbers(seen: dict[str, Tensor], keypoints: Array, world: Array) -> Tensor:
    """How far numbers are from the true ones."""
    expected = as_tensor(np.concatenate([keypoints[..., :2] / INPUT_SIZE_WH, world[..., 2:]], -1))
    return counted((seen["rows"] - expected).abs().mean(2), keypoints)


def counted(error: Tensor, keypoints: Array) -> Tensor:
    """The mean of errors (N, 17) of keypoints that lie in the crop."""
    counts = as_tensor(keypoints[..., 2] > 0)
    return (error * counts).sum() / counts.sum()


HEADS = {
    "location-maps": Head(lambda: Places(SMALL), from_labels, LOCATION_MAPS, OUTPUTS),
    "integral": Head(
        Volumes, of_volumes,
        {"kind": "integral", "output": "volumes", "normalisation": "softmax", "alignment": "half_pixel",
         "score": "share", "z": {"bins": SLICES, "extent": EXTENT}},
        ("volumes",),
    ),
    "simcc": Head(
        Vectors, of_vectors,
        {"kind": "simcc", "output_x": "bins_x", "output_y": "bins_y", "split_ratio": SPLIT_RATIO,
         "score_reduction": "min", "z": {"output": "bins_z", "bins": DEEP_BINS, "extent": EXTENT}},
        ("bins_x", "bins_y", "bins_z"),
    ),
    "direct-z": Head(
        Numbers, of_numbers,
        {"kind": "regression", "output": "rows", "fields": ["x", "y", "z"], "range": "unit", "z_scale": 1.0},
        ("rows",),
    ),
}  # fmt: skip


def trained(head: Head, people: Any, cpu_seconds: float) -> nn.Module:
    """The head on its body after so much CPU time."""
    torch.manual_seed(0)
    rng, network = np.random.default_rng(0), head.build().train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(network.parameters(), lr=PEAK_RATE, weight_decay=0.01)
    rows, start = iter(crops.batches(rng, len(people.images), BATCH)), time.thread_time()
    while (progress := (time.thread_time() - start) / cpu_seconds) < 1:
        for group in optimizer.param_groups:
            group["lr"] = PEAK_RATE * one_cycle(progress)
        pixels, keypoints, world = batch(people, next(rows), rng)
        loss = head.loss(network(normalised(pixels, "rgb")), keypoints, world)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
    return network.eval()


def packaged(name: str, network: nn.Module, precision: str, folder: Path) -> list[dict[str, Any]]:
    """What `posekit package` says of both platforms' files."""
    spec, model = contract(name, HEADS[name].decoder, HEADS[name].outputs), folder / f"{name}.pt2"
    plain = network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    exported = torch.export.export(plain, (torch.zeros(1, 3, *INPUT_SIZE_WH[::-1]),))
    forget_machine(exported)
    torch.export.save(exported, model)
    model.with_suffix(".json").write_bytes(canonical_json(spec))
    command = [str(Path(sys.executable).with_name("posekit")), "package", str(model), "--platform", "all", "--json",
               "--precision", precision, "--out", str(folder / precision), "--overwrite"]  # fmt: skip
    for option, place in (("--images", folder), ("--calibration", folder / "seen")):
        annotations = "--annotations" if option == "--images" else f"{option}-annotations"
        command += [option, str(place / "pictures"), annotations, str(place / "annotations.json")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode not in (0, 1):
        raise RuntimeError(ran.stderr[-2000:])
    return [{"head": name, "precision": precision, **row} for row in rows_of(json.loads(ran.stdout))]


def rows_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The figures of each bundle: against the network itself, and of its keypoints against the annotations."""
    rows = []
    for bundle in document["bundles"]:
        drift, accuracy = bundle["total"]["drift"], bundle["accuracy"]
        names = ("oks", "min_oks", "max_px", "max_z_mm", "mean_world_mm", "max_world_mm")
        row = {"platform": bundle["platform"], "mean_px": bundle["total"]["keypoints"]["mean_px"]}
        row |= {name: drift[name] for name in names}
        row["pck"] = [accuracy[side]["pck"] for side in ("reference", "packaged")]
        row["failed"] = [f"{one['name']}: {one['detail']}" for one in bundle["checks"] if one["outcome"] == "fail"]
        rows.append(row)
    return rows


def main() -> None:
    """Train, package and print a row a head, platform and precision."""
    torch.set_num_threads(1)
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 25.0
    precisions, rows = sys.argv[2:] or ["w8a8"], []
    people = render(30_000_000, LEARNED_FROM)
    with tempfile.TemporaryDirectory() as folder:
        write(render(40_000_000, MEASURED_ON), Path(folder))
        (Path(folder) / "seen").mkdir()
        write(render(41_000_000, MEASURED_ON), Path(folder) / "seen")
        for name, head in HEADS.items():
            network = trained(head, people, seconds)
            for precision in precisions:
                rows += packaged(name, network, precision, Path(folder))
                print(json.dumps(rows[-2:]), flush=True)
    print(json.dumps({"machine": f"{platform.machine()}, {platform.system()}", "rows": rows}))


if __name__ == "__main__":
    main()
