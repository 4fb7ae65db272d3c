"""Is the model file what recipe, report and contract say: its layers, its normalisation, its metadata?"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit import bundle, recipe
from posekit.consistency import signature
from posekit.consistency.finding import differing, judged
from posekit.errors import MissingToolError
from posekit.parity.facts import Facts
from posekit.parity.gate import Check, Outcome
from posekit.recipe import Recipe
from posekit.runtimes import litert, mil
from posekit.targets import coreml_readback, tflite_file, tflite_layers
from posekit.targets.coreml_program import PRODUCTS
from posekit.targets.tflite_graph import WEIGHTED

NORMALISATION = "mean, std and colour order are the model file's"
# how far slope and offset of the normalised input may be from the contract's: of a std, by the element type
CLOSE = {"float32": 1e-4, "fp32": 1e-4, "float16": 4e-3, "fp16": 4e-3}
COARSE = 0.02  # of 8-bit activations
STRAIGHT = 1e-3  # largest share of an affine fit that is left over, of float types


def checks(opened: bundle.Bundle, facts: Facts) -> tuple[Check, ...]:
    """Layers against recipe, report and precision; normalisation, metadata and signature against the contract."""
    made = recipe.read(opened.folder / recipe.FILE)
    wrong = [*_layers(opened, facts, made), *_names(opened, facts, made)]
    return (
        judged("the layers are stored as recipe and report say", wrong, f"{len(facts.layers)} layers, read back"),
        judged(
            "input, outputs and metadata are the contract's",
            signature.problems(opened.platform, opened.model_path, opened.spec), "as the model file has them",
        ),
        _normalisation(opened),
    )  # fmt: skip


def _layers(opened: bundle.Bundle, facts: Facts, made: Recipe) -> Iterator[str]:
    path = opened.model_path
    held = tflite_layers.held(path.read_bytes()) if opened.platform == "android" else coreml_readback.held(path)
    seen = Counter((one.op, one.weights, round(one.bits, 3), one.stored, one.activations) for one in held)
    told = Counter(
        (one.op, one.weights, round(one.bits, 3), one.stored, one.activations.replace(tflite_layers.DYNAMIC, "float32"))
        for one in facts.layers
    )
    for one in (seen - told).keys() | (told - seen).keys():
        yield f"{one[0]} of {one[1]} weights: {seen[one]} stored as {one[3]} in {one[4]}, the report has {told[one]}"
    kinds = {(one.op, one.weights, one.stored): one.kind for one in held}
    is_as_wanted = (tflite_layers if opened.platform == "android" else coreml_readback).is_as_wanted
    for layer in facts.layers:
        wanted, kind = made.of(layer.name), kinds.get((layer.op, layer.weights, layer.stored), "")
        yield from differing(f"the report's precision of {layer.name}", layer.wanted, wanted)
        if not layer.why and not is_as_wanted(wanted, kind, layer.activations):
            yield f"{layer.name} is {layer.stored} in {layer.activations}, which is not {wanted}"
    unknown = set(made.layers) - {one.name for one in facts.layers}
    yield from (f"the recipe names {name}, which is no layer" for name in sorted(unknown))


def _names(opened: bundle.Bundle, facts: Facts, made: Recipe) -> Iterator[str]:
    yield from differing("the manifest's precision", opened.manifest["precision"], made.name)
    yield from differing("the report's budget", facts.budget, made.budget or None)


def _normalisation(opened: bundle.Bundle) -> Check:
    """The packaged model's own first operations on noise, against the arithmetic of the contract."""
    spec = opened.spec.input
    width, height = spec.size_wh
    pixels = np.random.default_rng(0).uniform(64, 192, (height, width, 3)).astype(np.float32)
    order = (0, 1, 2) if spec.color_order == "rgb" else (2, 1, 0)
    seen = []
    try:
        first = _litert if opened.platform == "android" else _core_ml
        for dtype, values in first(opened.model_path, pixels):
            fit = _fit(values, pixels, dtype)
            if fit is not None:
                seen.append((dtype, fit))
    except MissingToolError as error:
        return Check(NORMALISATION, Outcome.SKIPPED, error.message)
    for dtype, (channels, slope, offset) in seen:
        close = CLOSE.get(dtype, COARSE)
        std, mean = np.array(spec.std), np.array(spec.mean)
        is_near = np.abs(slope * std - 1).max() <= close and np.abs(offset + mean / std).max() <= close * (
            1 + np.abs(mean / std).max()
        )
        if channels == order and is_near:
            return Check(NORMALISATION, Outcome.PASS, "as the first operations of the model compute it")
    identity = not np.any(spec.mean) and np.all(np.array(spec.std) == 1) and spec.color_order == "rgb"
    if identity or not seen:
        why = "the contract has none" if identity else "it is folded into the first layer"
        return Check(NORMALISATION, Outcome.PASS if identity else Outcome.SKIPPED, why)
    channels, slope, offset = seen[-1][1]
    words = f"channels {channels}, mean {_numbers(-offset / slope)}, std {_numbers(1 / slope)}"
    wanted = f"channels {order}, mean {_numbers(np.array(spec.mean))}, std {_numbers(np.array(spec.std))}"
    return Check(NORMALISATION, Outcome.FAIL, f"the model computes with {words}; the contract says {wanted}")


def _litert(path: Path, pixels: NDArray[np.float32]) -> Iterator[tuple[str, NDArray[Any]]]:
    """Types and results of the operations before the first layer."""
    _, tensor, details = litert.open_tensors(path, pixels)
    for operation in tflite_file.operations(path.read_bytes()):
        if operation.name in WEIGHTED:
            return
        if operation.inputs and operation.outputs:
            raw = tensor(operation.outputs[0])
            yield str(raw.dtype), litert.dequantised(raw, details[operation.outputs[0]])


class _Enough(Exception):
    """Ends a run at the first layer."""


def _core_ml(path: Path, pixels: NDArray[np.float32]) -> Iterator[tuple[str, NDArray[Any]]]:
    program = mil.open_program(path)
    found: list[tuple[str, NDArray[Any]]] = []

    def note(one: mil.OpRun) -> None:
        if one.op.type in PRODUCTS:
            raise _Enough
        found.extend((one.op.dtype, values.copy()) for values in one.outputs.values())

    with contextlib.suppress(_Enough):
        mil.run(program, {program.inputs[0].name: pixels[None]}, "fp16", observe=note)
    yield from found


def _fit(
    values: NDArray[Any], pixels: NDArray[np.float32], dtype: str
) -> tuple[tuple[int, ...], NDArray[np.float64], NDArray[np.float64]] | None:
    """Which channel of the pixels each channel of a tensor is a straight line of, its slope and offset; None where it
    is something else."""
    height, width = pixels.shape[:2]
    if values.shape == (1, 3, height, width):
        values = values.transpose(0, 2, 3, 1)
    if values.shape != (1, height, width, 3):
        return None
    flat, given = values.reshape(-1, 3).astype(np.float64), pixels.reshape(-1, 3).astype(np.float64)
    channels, slopes, offsets = [], [], []
    for column in flat.T:
        scores = [abs(np.corrcoef(column, one)[0, 1]) if np.ptp(column) else 0.0 for one in given.T]
        best = int(np.argmax(scores))
        slope, offset = np.polyfit(given[:, best], column, 1)
        left = column - (slope * given[:, best] + offset)
        limit = STRAIGHT if dtype in CLOSE else 0.1
        if not slope or np.abs(left).max() > limit * np.ptp(column):
            return None
        channels.append(best)
        slopes.append(slope)
        offsets.append(offset)
    return tuple(channels), np.array(slopes), np.array(offsets)


def _numbers(values: NDArray[np.float64]) -> str:
    return str([round(float(value), 2) for value in values])
