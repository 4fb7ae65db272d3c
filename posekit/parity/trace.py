"""What the network itself computes on one case, op by op: the record that a bundle carries."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit import documents
from posekit.errors import InputError, said

INDEX, VALUES, SCHEMA = "trace.json", "trace.f32", 2
MAX_INDEX_BYTES = 1 << 26
SAMPLES = 1024  # values kept of each output


@dataclass(frozen=True, slots=True)
class TracedOp:
    """One op of the network. layer: the module or weight it belongs to; inputs: names of the steps whose results it
    takes; samples: of its output, in C order."""

    name: str
    op: str
    layer: str
    inputs: tuple[str, ...]
    shape: tuple[int, ...]
    lowest: float
    highest: float
    samples: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Trace:
    """The steps of one case, and the hashes of the model file and of the contract that they were computed with."""

    case: str
    source_sha256: str
    contract_sha256: str
    steps: tuple[TracedOp, ...]


def step_of(name: str, op: str, layer: str, inputs: tuple[str, ...], values: NDArray[Any]) -> TracedOp:
    """A step of what the network computed; values: at least one, all finite."""
    values = np.asarray(values, np.float32)
    flat = values.ravel()
    return TracedOp(
        name, op, layer, inputs, values.shape, float(flat.min()), float(flat.max()), flat[positions_of(flat.size)]
    )


def positions_of(size: int) -> NDArray[np.int64]:
    """Where the values that are kept lie: one at random in each of as many equal parts. Even distances would pass over
    whole columns, channels or phases. The same on every machine: NumPy never changes what RandomState draws."""
    if size <= SAMPLES:
        return np.arange(size)
    parts = np.arange(SAMPLES) + np.random.RandomState(0).random_sample(SAMPLES)
    return (parts * (size / SAMPLES)).astype(np.int64)


def write(folder: Path, trace: Trace) -> None:
    """Write a trace into an evaluation folder."""
    entries = [
        {"name": s.name, "op": s.op, "layer": s.layer, "inputs": list(s.inputs), "shape": list(s.shape),
         "lowest": s.lowest, "highest": s.highest} for s in trace.steps
    ]  # fmt: skip
    document = {
        "schema": SCHEMA, "case": trace.case, "source_sha256": trace.source_sha256,
        "contract_sha256": trace.contract_sha256, "steps": entries,
    }  # fmt: skip
    (folder / INDEX).write_text(json.dumps(document, indent=1) + "\n")
    np.concatenate([s.samples for s in trace.steps]).astype("<f4").tofile(folder / VALUES)


def read(folder: Path) -> Trace:
    """The trace of an evaluation folder; InputError where it is missing or damaged."""
    try:
        if (folder / INDEX).stat().st_size > MAX_INDEX_BYTES:
            raise ValueError(f"it has more than {MAX_INDEX_BYTES} bytes")
        document = documents.parse((folder / INDEX).read_bytes())
        if document["schema"] != SCHEMA:
            raise ValueError(f"its schema is {document['schema']!r}, expected {SCHEMA}")
        values = np.fromfile(folder / VALUES, "<f4")
        steps, at = [], 0
        for entry in document["steps"]:
            steps.append(_step(entry, values[at:]))
            at += len(steps[-1].samples)
        if at != len(values) or not steps:
            raise ValueError(f"{len(values)} values, expected {at}")
        case, source, contract = (str(document[key]) for key in ("case", "source_sha256", "contract_sha256"))
        return Trace(case, source, contract, tuple(steps))
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        hint = "package the model again with this version of posekit"
        raise InputError(f"{folder / INDEX} is no readable trace of the network{said(error)}", hint) from error


def _step(entry: Any, values: NDArray[np.float32]) -> TracedOp:
    """A step as trace.json has it, its samples the first of `values`."""
    shape = tuple(int(size) for size in entry["shape"])
    if any(size < 1 for size in shape):
        raise ValueError(f"a shape is {shape}")
    name, op, layer = (str(entry[key]) for key in ("name", "op", "layer"))
    count = min(SAMPLES, math.prod(shape))
    samples, low, high = values[:count], float(entry["lowest"]), float(entry["highest"])
    if len(samples) != count:
        raise ValueError(f"{name} has {len(samples)} values, expected {count}")
    if not (math.isfinite(low) and math.isfinite(high) and np.isfinite(samples).all()):
        raise ValueError(f"{name} has values that are not finite")
    return TracedOp(name, op, layer, tuple(map(str, entry["inputs"])), shape, low, high, samples)
