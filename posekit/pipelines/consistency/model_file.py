"""Is the model file what recipe, report and contract say: its layers, its normalisation, its metadata?"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit import bundle
from posekit.contract import recipe
from posekit.contract.precisions import TFLITE
from posekit.contract.recipe import Recipe
from posekit.contract.spec import PoseSpec
from posekit.errors import MissingToolError
from posekit.parity import trace
from posekit.parity.cases import recorded
from posekit.parity.divergence import PackagedOp, compare
from posekit.parity.gate import Check, Outcome
from posekit.parity.trace import TracedOp
from posekit.pipelines.consistency import leftovers, signature
from posekit.pipelines.consistency.evidence import normalised
from posekit.pipelines.consistency.finding import differing, judged
from posekit.report.facts import ReportFacts
from posekit.runtimes import litert, mil
from posekit.sources.reference import network_input
from posekit.targets import ranges
from posekit.targets.coreml import readback
from posekit.targets.coreml.program import PRODUCTS
from posekit.targets.litert import tflite_file, tflite_layers
from posekit.targets.litert.tflite_graph import WEIGHTED

NORMALISATION = "mean, std and colour order are the model file's"
# how far slope and offset of the normalised input may be from the contract's, of a std, and what a straight line may
# leave over, of a channel's range, by the element type: three weighted colours in float16 leave 0.0017 for gray
CLOSE = {"float32": 1e-4, "fp32": 1e-4, "float16": 4e-3, "fp16": 4e-3}
COARSE = 0.02  # of 8-bit activations
STRAIGHT = {name: max(limit, 1e-3) for name, limit in CLOSE.items()}
COARSE_STRAIGHT = 0.1
FIRST_STEPS = 6  # of the network's that read its input: pads, the first layers, their activations
# relative RMS error of the first layer's result, by precision
FIRST_LAYER = {"fp32": 1e-3, "fp16": 4e-3, "w8": 0.05, "w8a16": 0.05, "w8a32": 0.1, "w8a8": 0.1}
COARSE_LAYER = 0.4  # of 4 bits, and of mixtures that may have them
ROUNDED_GREY = 1.5  # what making a picture 8-bit changes


def checks(opened: bundle.Bundle, facts: ReportFacts) -> tuple[Check, ...]:
    """Layers against recipe, report and precision; normalisation, metadata and signature against the contract."""
    made = recipe.read(opened.folder / recipe.FILE)
    if made.calibrates:
        ranges.read(opened.folder / ranges.FILE)
    wrong = [*_layers(opened, facts, made), *_names(opened, facts, made)]
    return (
        judged("the layers are stored as recipe and report say", wrong, f"{len(facts.layers)} layers, read back"),
        judged(
            "input, outputs and metadata are the contract's",
            signature.problems(opened.platform, opened.model_path, opened.spec), "as the model file has them",
        ),
        leftovers.check(opened.platform, opened.model_path, opened.spec),
        _normalisation(opened),
    )  # fmt: skip


def _layers(opened: bundle.Bundle, facts: ReportFacts, made: Recipe) -> Iterator[str]:
    path = opened.model_path
    held = tflite_layers.held(path.read_bytes()) if opened.platform in TFLITE else readback.held(path)
    seen = Counter((one.op, one.weights, round(one.bits, 3), one.stored, one.activations) for one in held)
    told = Counter(
        (one.op, one.weights, round(one.bits, 3), one.stored, one.activations.replace(tflite_layers.DYNAMIC, "float32"))
        for one in facts.layers
    )
    for one in (seen - told).keys() | (told - seen).keys():
        yield f"{one[0]} of {one[1]} weights: {seen[one]} stored as {one[3]} in {one[4]}, the report has {told[one]}"
    kinds = {(one.op, one.weights, one.stored): one.kind for one in held}
    is_as_wanted = (tflite_layers if opened.platform in TFLITE else readback).is_as_wanted
    for layer in facts.layers:
        wanted, kind = made.of(layer.name), kinds.get((layer.op, layer.weights, layer.stored), "")
        yield from differing(f"the report's precision of {layer.name}", layer.wanted, wanted)
        as_wanted = is_as_wanted(wanted, kind, layer.activations)
        if not as_wanted and not layer.why:
            yield f"{layer.name} is {layer.stored} in {layer.activations}, which is not {wanted}"
        if as_wanted and layer.why:
            yield f"{layer.name} is {wanted} as wanted, and yet the report explains it: {layer.why}"
    unknown = set(made.layers) - {one.name for one in facts.layers}
    yield from (f"the recipe names {name}, which is no layer" for name in sorted(unknown))


def _names(opened: bundle.Bundle, facts: ReportFacts, made: Recipe) -> Iterator[str]:
    yield from differing("the manifest's precision", opened.manifest["precision"], made.name)
    yield from differing("the report's budget", facts.budget, made.budget or None)
    if made.calibrates and facts.calibration is None:
        yield "the report tells nothing of the pictures that its precision was calibrated with"
    if not made.calibrates and not made.budget and facts.calibration is not None:
        yield "the report tells of calibration pictures, and the recipe takes none"


def _normalisation(opened: bundle.Bundle) -> Check:
    """What the packaged model's own first operations make of noise, against the arithmetic of the contract."""
    spec = opened.spec
    width, height = spec.input.size_wh
    pixels = np.random.default_rng(0).uniform(64, 192, (height, width, 3)).astype(np.float32)
    expected = network_input(spec, pixels)[0].transpose(1, 2, 0)
    if not np.any(spec.input.mean) and np.all(np.array(spec.input.std) == 1) and spec.input.color_order == "rgb":
        return Check(NORMALISATION, Outcome.PASS, "the contract has none")
    computes = is_divided_later = False
    try:
        first = _litert if opened.platform in TFLITE else _core_ml
        for dtype, values in first(opened.model_path, pixels):
            seen = _as_picture(values, expected.shape)
            if seen is not None and _is_straight(seen, expected, spec, dtype):
                return Check(NORMALISATION, Outcome.PASS, "as the first operations of the model compute it")
            times_std = expected * np.array(spec.input.std)  # where the first layer holds the division
            is_divided_later = seen is not None and _is_straight(seen, times_std, spec, dtype, unit=spec.input.std)
            picture = _as_picture(values, pixels.shape)
            computes |= picture is None or bool(np.abs(picture - pixels).max() > ROUNDED_GREY)
    except MissingToolError as error:
        return Check(NORMALISATION, Outcome.SKIPPED, error.message)
    if opened.platform in TFLITE and (found := _first_layer(opened)) is not None:
        return found
    if is_divided_later:
        return Check(
            NORMALISATION, Outcome.PASS, "mean and colour order are; the division by std is folded into the first layer"
        )
    if not computes:
        return Check(NORMALISATION, Outcome.SKIPPED, "it is folded into the first layer")
    given = spec.input
    wanted = f"{given.color_order}, mean {list(given.mean)}, std {list(given.std)}"
    return Check(
        NORMALISATION, Outcome.FAIL, f"no operation before the first layer gives the contract's input: {wanted}"
    )


def _first_layer(opened: bundle.Bundle) -> Check | None:
    """Where the first layer holds scale and colour order: whether its result is what the network's first layers make of
    the contract's input, by the bundle's trace; None where nothing in it can be compared."""
    case = next(case for case, _ in recorded(opened.folder / bundle.EVALUATION, opened.spec))
    network = trace.read(opened.folder / bundle.EVALUATION)
    start = normalised(network, network_input(opened.spec, case.pixels))
    if start is None:
        return Check(NORMALISATION, Outcome.FAIL, "the trace of the network is not of the contract's normalised input")
    after = _following(network.steps, start)
    values = _first_result(opened.model_path, case.pixels)
    if values is None or not after:
        return None
    name, op, result = values
    (one,) = compare([PackagedOp(name, op, (), (name,), str(result.dtype), result)], after, [name], 1.0).ops
    limit = FIRST_LAYER.get(opened.manifest["precision"], COARSE_LAYER)
    told = f"{op} gives what the network's first layer does, to {one.error:.2g}: it holds scale and colour order"
    if one.error <= limit:
        return Check(NORMALISATION, Outcome.PASS, told)
    wanted = f"{opened.spec.input.color_order}, mean {list(opened.spec.input.mean)}, std {list(opened.spec.input.std)}"
    return Check(
        NORMALISATION, Outcome.FAIL, f"no operation up to the first layer gives the contract's input: {wanted}"
    )


def _following(steps: Sequence[TracedOp], start: TracedOp) -> list[TracedOp]:
    """The steps that the first layers of the network make of its input."""
    reached, found = {start.name}, list[TracedOp]()
    for step in steps:
        if len(found) < FIRST_STEPS and not reached.isdisjoint(step.inputs):
            reached.add(step.name)
            found.append(step)
    return found


def _first_result(path: Path, pixels: NDArray[np.float32]) -> tuple[str, str, NDArray[Any]] | None:
    """Name, kind and result of the first layer of a .tflite."""
    _, tensor, details = litert.open_tensors(path, pixels)
    for number, operation in enumerate(tflite_file.operations(path.read_bytes())):
        if operation.name in WEIGHTED:
            output = operation.outputs[0]
            return f"op {number}", operation.name, litert.dequantised(tensor(output), details[output])
    return None


def _as_picture(values: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.float64] | None:
    """A tensor as (H, W, C), whichever way its axes lie; None where it has another shape."""
    height, width, channels = shape
    if values.shape == (1, channels, height, width):
        values = values.transpose(0, 2, 3, 1)
    return values[0].astype(np.float64) if values.shape == (1, *shape) else None


def _is_straight(
    seen: NDArray[np.float64], expected: NDArray[Any], spec: PoseSpec, dtype: str,
    unit: tuple[float, float, float] | tuple[float, ...] = (1.0, 1.0, 1.0),
) -> bool:  # fmt: skip
    """Whether each channel is the expected one: a straight line of slope 1 through 0, which noise of rounding hides but
    for its mean. unit: what the values are in, by channel."""
    close, limit = CLOSE.get(dtype, COARSE), STRAIGHT.get(dtype, COARSE_STRAIGHT)
    for channel, (mean, std) in enumerate(zip(spec.input.mean, spec.input.std, strict=True)):
        ours, theirs = expected[..., channel].ravel().astype(np.float64), seen[..., channel].ravel()
        slope, offset = np.polyfit(ours, theirs, 1)
        left = np.abs(theirs - (slope * ours + offset)).max()
        if left > limit * max(float(np.ptp(theirs)), 1e-9) or abs(slope - 1) > close:
            return False
        if abs(offset) / unit[channel] > close * (1 + abs(mean / std)):
            return False
    return True


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
