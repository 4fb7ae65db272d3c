"""Quality of quantized files beside the peers': python benchmarks/quality.py [tinypose|tinysimcc ...] [android|ios ...]

Mean distance of decoded keypoints from the network's own, in px of its input, on renders that neither trained nor
calibrated; every tool calibrates on the same pictures. Each of ours is held against the peers' files that are as small:
one that computes in integers against such, one that computes in floats against all. Beside whole files of the peers,
ai-edge-quantizer's recipes are tried on posekit's own float file, which is smaller than theirs.
"""

from __future__ import annotations

import contextlib
import json
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.peers.cases import SAMPLES, Case, case
from benchmarks.peers.environment import plain
from benchmarks.peers.smaller import Arithmetic, File, android, ios
from posekit.contract.outputs import decode
from posekit.contract.precisions import Precision
from posekit.contract.recipe import uniform
from posekit.poses.regions import region_from_box
from posekit.poses.transforms import input_transform
from posekit.poses.warp import warp
from posekit.runtimes import mil, runtime_for
from posekit.sources.reference import network_input, run_reference
from posekit.targets import TARGETS
from posekit.targets.graph.lowering import lower
from posekit.targets.litert.target import BASE_FILE
from sample.render import render_scene
from sample.train import HELD_OUT_SEEDS

Outputs = dict[str, NDArray[Any]]
PICTURES, DRAWS = 100, 2000
ALIKE = 0.1  # of our bytes, by which a peer's file may be larger and is compared all the same: names make that much
OURS: dict[str, dict[Precision, Arithmetic]] = {
    "android": {"w8a8": "integers", "w8a32": "dynamic", "w8": "floats", "w4": "floats"},
    "ios": {"w8a8": "integers", "w8": "floats", "w4": "floats", "pal8": "floats", "pal6": "floats", "pal4": "floats"},
}
COMPARED: dict[Arithmetic, tuple[Arithmetic, ...]] = {
    "integers": ("integers",), "dynamic": ("integers", "dynamic"), "floats": ("integers", "dynamic", "floats"),
}  # fmt: skip
LAYOUTS = {4: ((0, 1, 2, 3), (0, 2, 3, 1)), 3: ((0, 1, 2), (0, 2, 1))}


@dataclass(frozen=True, slots=True)
class Measured:
    """A file with its bytes and how far (pictures, keypoints) its keypoints are from the network's, px."""

    file: File
    bytes: int
    px: NDArray[np.float64]


def held_out(wanted: Case, seeds: Sequence[int], count: int) -> list[NDArray[np.float32]]:
    """The first person of each render that shows one, as the network's input."""
    found: list[NDArray[np.float32]] = []
    size_wh, padding = wanted.spec.input.size_wh, wanted.spec.input.box_padding
    for seed in seeds:
        scene = render_scene(seed, (320, 320))
        if len(found) < count and len(scene.boxes_xyxy):
            region = region_from_box(tuple(scene.boxes_xyxy[0]), size_wh, padding)
            how = input_transform(region, wanted.spec.input)
            found.append(warp(np.asarray(scene.image), how, size_wh, wanted.spec.input.pad_value))
    return found


def ours(wanted: Case, platform_name: str, folder: Path) -> Iterator[File]:
    """posekit's files, as `package` makes them."""
    target, spec, log = TARGETS[platform_name], wanted.spec, folder / "log"
    (folder / "base").mkdir()
    pixels = wanted.inputs[0]
    base = target.base(
        lower(wanted.source, spec, pixels, run_reference(wanted.source, spec, pixels)), folder / "base", log
    )
    calibration = target.calibrate(base, wanted.inputs)
    for precision, arithmetic in OURS[platform_name].items():
        path = folder / f"{precision}{'.tflite' if platform_name == 'android' else '.mlpackage'}"
        target.compress(base, spec, uniform(precision), calibration, path, log)
        yield File("posekit", precision, arithmetic, path)


def opened(file: File, wanted: Case, shapes: dict[str, tuple[int, ...]], platform_name: str) -> Callable[..., Outputs]:
    """A run of a file: pixels (H, W, 3) to the outputs by the contract's names."""
    if file.tool == "posekit":
        return runtime_for(platform_name, file.path).run
    opens = {".tflite": _litert, ".onnx": _onnx, ".mlpackage": _coreml}[file.path.suffix]
    run = opens(file.path)

    def outputs(pixels: NDArray[np.float32]) -> Outputs:
        got = run(pixels[None] if file.takes_pixels else network_input(wanted.spec, pixels))
        return {name: _like(shape, got) for name, shape in shapes.items()}

    return outputs


def _like(shape: tuple[int, ...], outputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """The output of this shape, channels first or last."""
    turned = [one.transpose(axes) for one in outputs for axes in LAYOUTS[one.ndim]]
    return next(one for one in turned if one.shape == shape)


def _litert(path: Path) -> Callable[[NDArray[np.float32]], list[NDArray[Any]]]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    (taken,) = interpreter.get_input_details()

    def run(values: NDArray[np.float32]) -> list[NDArray[Any]]:
        values = values if tuple(taken["shape"]) == values.shape else values.transpose(0, 2, 3, 1)
        scale, zero = taken["quantization"]
        if taken["dtype"] != np.float32:
            ends = np.iinfo(taken["dtype"])
            values = np.clip(np.round(values / scale) + zero, ends.min, ends.max)
        interpreter.set_tensor(taken["index"], np.ascontiguousarray(values.astype(taken["dtype"])))
        interpreter.invoke()
        found = []
        for one in interpreter.get_output_details():
            got, (step, origin) = interpreter.get_tensor(one["index"]), one["quantization"]
            found.append(got if got.dtype.kind == "f" else (got.astype(np.float32) - origin) * np.float32(step))
        return found

    return run


def _onnx(path: Path) -> Callable[[NDArray[np.float32]], list[NDArray[Any]]]:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda values: session.run(None, {name: values})


def _coreml(path: Path) -> Callable[[NDArray[np.float32]], list[NDArray[Any]]]:
    program = mil.open_program(path)
    return lambda values: list(mil.run(program, {program.inputs[0].name: values}).values())


def bytes_of(path: Path) -> int:
    """Of a file, or of all in a package."""
    return sum(one.stat().st_size for one in path.rglob("*") if one.is_file()) if path.is_dir() else path.stat().st_size


def measured(wanted: Case, platform_name: str, folder: Path, seeds: Sequence[int], count: int) -> list[Measured]:
    """Every tool's files of a network, ours first, on renders of these seeds."""
    pictures = held_out(wanted, seeds, count)
    references = [run_reference(wanted.source, wanted.spec, one) for one in pictures]
    shapes = {name: values.shape for name, values in references[0].items()}
    expected = np.stack([decode(one, wanted.spec).keypoints[0, :, :2] for one in references])
    found = []
    for file in _files(wanted, platform_name, folder):
        try:
            run = opened(file, wanted, shapes, platform_name)
            seen = np.stack([decode(run(one), wanted.spec).keypoints[0, :, :2] for one in pictures])
        except Exception as error:
            if file.tool == "posekit":
                raise
            print(f"{file.tool}, {file.way}: its file does not run: {plain(str(error))}", file=sys.stderr)
            continue
        found.append(Measured(file, bytes_of(file.path), np.linalg.norm(seen - expected, axis=-1)))
    return found


def _files(wanted: Case, platform_name: str, folder: Path) -> Iterator[File]:
    """Ours, then the peers'."""
    yield from ours(wanted, platform_name, folder)
    (folder / "peers").mkdir()
    if platform_name == "ios":
        yield from ios(wanted, folder / "peers")
    else:
        yield from android(wanted, folder / "peers", folder / "base" / BASE_FILE)


def best_of(one: Measured, found: Sequence[Measured]) -> Measured | None:
    """The peer's file of least error among those that one of ours is held against."""
    peers = [
        other for other in found
        if other.file.tool != "posekit" and other.bytes <= (1 + ALIKE) * one.bytes
        and other.file.arithmetic in COMPARED[one.file.arithmetic]
    ]  # fmt: skip
    return min(peers, key=lambda other: float(other.px.mean()), default=None)


def margin(one: Measured, other: Measured) -> tuple[float, float]:
    """By how much one's mean error is above the other's: 5 % and 95 % of drawing the pictures anew."""
    difference = one.px.mean(axis=1) - other.px.mean(axis=1)
    draws = np.random.default_rng(0).integers(0, len(difference), (DRAWS, len(difference)))
    low, high = np.quantile(difference[draws].mean(axis=1), [0.05, 0.95])
    return float(low), float(high)


def verdict(one: Measured, found: Sequence[Measured]) -> str:
    """How one of ours stands to the best of the peers' that it is held against."""
    other = best_of(one, found)
    if other is None:
        return "no peer's file is as small"
    low, high = margin(one, other)
    how = "behind" if low > 0 else "ahead" if high < 0 else "level"
    return f"{how}: {other.file.tool} {other.file.way} has {other.px.mean():.3f} in {other.bytes / 1000:.0f} kB"


def table(name: str, platform_name: str, found: Sequence[Measured]) -> str:
    """All files, the smallest error first, and how each of ours stands."""
    lines = [
        f"| {name}, {platform_name} | computes in | kB | mean px | median px | |",
        "|---|---|---|---|---|---|",
    ]
    for one in sorted(found, key=lambda one: float(one.px.mean())):
        said = verdict(one, found) if one.file.tool == "posekit" else ""
        told = f"{one.bytes / 1000:.0f} | {one.px.mean():.3f} | {np.median(one.px):.3f}"
        label = f"**{one.file.way}**" if one.file.tool == "posekit" else f"{one.file.tool}: {one.file.way}"
        lines.append(f"| {label} | {one.file.arithmetic} | {told} | {said} |")
    return "\n".join(lines)


def main() -> None:
    """Measure what is asked, print the tables and a line of JSON."""
    torch.set_num_threads(1)
    rows = []
    for name in [one for one in SAMPLES if one in sys.argv] or SAMPLES:
        for platform_name in [one for one in OURS if one in sys.argv] or OURS:
            with tempfile.TemporaryDirectory() as scratch, contextlib.redirect_stdout(sys.stderr):
                found = measured(case(name), platform_name, Path(scratch), HELD_OUT_SEEDS, PICTURES)
            print(table(name, platform_name, found), end="\n\n", flush=True)
            rows += [
                {"network": name, "platform": platform_name, "tool": one.file.tool, "way": one.file.way,
                 "arithmetic": one.file.arithmetic, "bytes": one.bytes, "mean_px": round(float(one.px.mean()), 4),
                 "median_px": round(float(np.median(one.px)), 4),
                 **({"verdict": verdict(one, found)} if one.file.tool == "posekit" else {})}
                for one in found
            ]  # fmt: skip
    when = f"{datetime.now(UTC):%Y-%m-%d}"
    print(json.dumps({"machine": platform.platform(), "when": when, "pictures": PICTURES, "rows": rows}))


if __name__ == "__main__":
    main()
