"""What the network itself computes on one case, op by op, and where a packaged model parts ways with it.

Names are of no help between frameworks, so values are: an op of the packaged model corresponds to the op of the network
whose output has the same values, under whatever order of axes. Ops that have no counterpart (a transpose, a fused pair)
are cleared by any of their successors that has one.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit import jsontext
from posekit.errors import InputError

INDEX, VALUES = "trace.json", "trace.f32"
SAMPLES = 256  # values kept of each output, evenly spread
INFINITE = 131008.0  # stands for an overflow of float16 when the step nearest to it is looked for
MAX_AXES = 5  # whose orders are all tried
# ops that move values about: a fault is named at the first op that computes with what they moved
MOVING = frozenset(
    ["pad", "padv2", "mirror_pad", "transpose", "reshape", "concatenation", "concat", "split", "slice", "strided_slice",
     "slice_by_index", "slice_by_size", "cast", "expand_dims", "squeeze", "dequantize", "quantize", "identity", "stack",
     "pack", "unpack", "tile", "gather", "flatten2d"]
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """One op of the network. layer: the module or weight it belongs to; samples: of its output, in C order."""

    name: str
    op: str
    layer: str
    shape: tuple[int, ...]
    lowest: float
    highest: float
    samples: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class PackagedOp:
    """One op of a packaged model as it was run. inputs, outputs: names of tensors; values: of the first output."""

    name: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    dtype: str
    values: NDArray[Any]


@dataclass(frozen=True, slots=True)
class Compared:
    """An op of the packaged model beside the step of the network that is nearest to it.

    lowest, highest: of the finite values of its output; not_finite: how many are not. error: relative RMS of the samples
    against `nearest`, infinite where no step has as many values.
    """

    name: str
    op: str
    dtype: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    shape: tuple[int, ...]
    lowest: float
    highest: float
    not_finite: int
    error: float
    nearest: Step | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """All ops in order. parting: the first one whose output, and all that follows from it, is the network's no more;
    agreed: the last op before it that agrees with the network."""

    ops: tuple[Compared, ...]
    parting: Compared | None
    agreed: Compared | None


def step_of(name: str, op: str, layer: str, values: NDArray[Any]) -> Step:
    """A step of what the network computed."""
    values = np.asarray(values, np.float32)
    flat = values.ravel()
    return Step(name, op, layer, values.shape, float(flat.min()), float(flat.max()), flat[_positions(flat.size)])


def _positions(size: int) -> NDArray[np.int64]:
    return np.linspace(0, size - 1, min(SAMPLES, size)).astype(np.int64)


def write(folder: Path, case: str, steps: Sequence[Step]) -> None:
    """Write the steps of one case into an evaluation folder."""
    entries = [
        {"name": s.name, "op": s.op, "layer": s.layer, "shape": list(s.shape), "lowest": s.lowest, "highest": s.highest}
        for s in steps
    ]
    (folder / INDEX).write_text(json.dumps({"schema": 1, "case": case, "steps": entries}, indent=1) + "\n")
    np.concatenate([s.samples for s in steps]).astype("<f4").tofile(folder / VALUES)


def read(folder: Path) -> tuple[str, list[Step]]:
    """The case's name and the steps; InputError where they are missing or damaged."""
    try:
        document = jsontext.parse((folder / INDEX).read_bytes())
        values = np.fromfile(folder / VALUES, "<f4")
        steps, at = [], 0
        for entry in document["steps"]:
            shape = tuple(int(size) for size in entry["shape"])
            count = min(SAMPLES, math.prod(shape))
            name, op, layer = (str(entry[key]) for key in ("name", "op", "layer"))
            low, high = float(entry["lowest"]), float(entry["highest"])
            steps.append(Step(name, op, layer, shape, low, high, values[at : at + count]))
            at += count
        if at != len(values) or not steps or document["schema"] != 1:
            raise ValueError(f"{len(values)} values, expected {at}")
        return str(document["case"]), steps
    except (OSError, ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
        hint = "package the model again with this version of posekit"
        raise InputError(f"{folder / INDEX} is no readable trace of the network: {error}", hint) from error


def compare(ops: Iterable[PackagedOp], steps: Sequence[Step], outputs: Sequence[str], tolerance: float) -> Comparison:
    """Hold the ops of a packaged model, in order, against the network's steps.

    outputs: names of the tensors that leave the model. tolerance: relative RMS error up to which values are the same.
    """
    by_size: dict[int, list[Step]] = {}
    for step in steps:
        by_size.setdefault(math.prod(step.shape), []).append(step)
    seen = tuple(_compared(op, by_size.get(op.values.size, [])) for op in ops)
    sound = _sound(seen, set(outputs), tolerance)
    bad = [one for one, good in zip(seen, sound, strict=True) if not good]
    computing = [one for one in bad if one.op.lower() not in MOVING and one.nearest is not None]
    found = next(iter(computing or bad), None)
    before = seen[: seen.index(found)] if found is not None else ()
    agreed = next((one for one in reversed(before) if one.error <= tolerance), None)
    return Comparison(seen, found, agreed)


def _sound(seen: Sequence[Compared], outputs: set[str], tolerance: float) -> list[bool]:
    """Of each op: whether it agrees with the network, or something that it feeds does."""
    good_tensors: set[str] = set()
    read: set[str] = set()
    sound = []
    for one in reversed(seen):
        unused = not outputs.intersection(one.outputs) and not read.intersection(one.outputs)
        good = one.error <= tolerance or bool(good_tensors.intersection(one.outputs)) or unused
        good |= not one.dtype.startswith(("float", "bfloat", "fp"))
        if good:
            good_tensors.update(one.inputs)
        read.update(one.inputs)
        sound.append(good)
    return sound[::-1]


def _compared(op: PackagedOp, candidates: Sequence[Step]) -> Compared:
    values = np.asarray(op.values)
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values.ravel()
    error, nearest = math.inf, None
    for samples in _samples_in_every_order(values) if candidates else ():
        for step in candidates:
            scale = max(float(np.sqrt(np.mean(step.samples.astype(np.float64) ** 2))), 1e-12)
            distance = float(np.sqrt(np.mean((samples - step.samples.astype(np.float64)) ** 2))) / scale
            if distance < error or nearest is None:
                error, nearest = distance, step
    if finite.size < values.size:
        error = math.inf
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (math.nan, math.nan)
    return Compared(
        op.name, op.op, op.dtype, op.inputs, op.outputs, values.shape, low, high, values.size - finite.size, error, nearest
    )  # fmt: skip


def _samples_in_every_order(values: NDArray[Any]) -> Iterator[NDArray[np.float64]]:
    """The sampled values of a tensor under every order of its axes that are longer than 1."""
    squeezed = np.nan_to_num(values.squeeze(), nan=0.0, posinf=INFINITE, neginf=-INFINITE)
    positions = _positions(values.size)
    orders = (
        itertools.permutations(range(squeezed.ndim)) if squeezed.ndim <= MAX_AXES else [tuple(range(squeezed.ndim))]
    )
    for order in orders:
        turned = squeezed.transpose(order)
        yield (
            turned[np.unravel_index(positions, turned.shape)].astype(np.float64) if turned.ndim else values.reshape(-1)
        )
