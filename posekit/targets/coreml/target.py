"""Core ML: an ML Program by coremltools, traced from the exported graph, else from the export itself; every precision
is made of that float file."""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.contract.precisions import Precision
from posekit.contract.recipe import Recipe
from posekit.contract.spec import PoseSpec, canonical_json, contract_hash
from posekit.errors import ConversionError, InputError, chain, converting, note, said, told
from posekit.progress import captured
from posekit.runtimes.eight_bits import coarse
from posekit.runtimes.mlpackage import coremltools, data_folder, read_specification, specification_file
from posekit.targets.contracts import CONTRACT_KEY
from posekit.targets.converted import COARSE, Base, Calibration, Converted
from posekit.targets.coreml import activations, readback
from posekit.targets.coreml import program as coreml_program
from posekit.targets.coreml import weights as coreml_weights
from posekit.targets.graph import blame, ranks, rewrites
from posekit.targets.graph.inlining import name_of
from posekit.targets.graph.layers import fingerprint, layer_names
from posekit.targets.graph.lowering import Lowered
from posekit.targets.rounding import size_of_small, why_eight
from posekit.targets.sparing import coremltools_keeps_garbage, coremltools_validates_less

HASH_KEY = "posekit.contract_sha256"
BASE_FILE = "fp32.mlpackage"
OTHERWISE = "take another precision: posekit ladder tells which work"
MINIMUM_IOS = 16
LINEAR = ("linear", "matmul")
RENAMED = ("chunk", "conv_transpose1d", "conv_transpose2d")  # in a trace they have other names, which it knows
FLOAT32 = 11  # MILSpec.DataType
HALF = 65504  # the largest number that float16 holds


def base(lowered: Lowered, folder: Path, log: Path) -> Base:
    """Write fp32.mlpackage into `folder`: float32 pixels (1, H, W, 3) in, float32 outputs by name, iOS 16.

    ConversionError where neither route converts; MissingToolError without coremltools.
    """
    started = time.perf_counter()
    lowered = rewrites.plain(lowered)
    with captured(log):
        ct = coremltools()
        _refuse_unknown(lowered)
        model, route, notes = _by_either_route(ct, lowered, log)
        with told("coremltools cannot write the converted network", log=log):
            model.save(str(folder / BASE_FILE))
        _write_alike(folder / BASE_FILE, read_specification(folder / BASE_FILE))
    seconds = time.perf_counter() - started
    names = readback.named(folder / BASE_FILE, layer_names(lowered.graph))
    return Base(folder, route, names, lowered.output_shapes, notes, seconds, lowered)


def calibrate(base: Base, inputs: Sequence[NDArray[np.float32]]) -> Calibration:
    """The ranges of activations over pictures (H, W, 3); InputError where there is none."""
    if not inputs:
        raise InputError("no pictures to read the ranges of activations from", "8-bit activations need some")
    with converting():
        return activations.read_ranges(base.folder / BASE_FILE, inputs)


def compress(base: Base, spec: PoseSpec, recipe: Recipe, calibration: Calibration, path: Path, log: Path) -> Converted:
    """Write the package `path` by a recipe, from the base's file alone; what it then holds is read from it.

    InputError where the recipe calibrates and nothing was calibrated, or the base's file is not there; ConversionError
    where coremltools fails.
    """
    started = time.perf_counter()
    source = base.folder / BASE_FILE
    if not source.is_dir():
        raise InputError(f"{source} is not there", "a network is converted in float before it is made smaller")
    if recipe.calibrates and not calibration.ranges:
        raise InputError(
            "8-bit activations need pictures to read their ranges from, none are given", "pass --calibration DIR"
        )
    ios = max(MINIMUM_IOS, *(coreml_weights.needs(precision) for precision in recipe.precisions))
    with told(f"coremltools cannot make {recipe.precision!r} of the network", OTHERWISE, log=log):
        with captured(log):
            reasons = _write(base, recipe, calibration, ios, path)
        _settle(path, spec, is_small=not recipe.precisions <= {"fp32", "fp16"})
        program = read_specification(path)
        layers = readback.layers_of(path, source, base.layers, recipe, reasons)
    notes = base.notes if recipe.precisions == {"fp32"} else (*base.notes, *_kept_float(program))
    if ios > MINIMUM_IOS:
        why = sorted(name for name in recipe.precisions if coreml_weights.needs(name) == ios)
        notes = (*notes, f"needs iOS {ios}: {', '.join(why)}")
    seconds = time.perf_counter() - started
    return Converted(path, base.route, op_counts(program), notes, seconds, layers, str(ios))


def op_counts(proto: Any) -> dict[str, int]:
    """Operations by name, constants left out."""
    blocks = [
        block for function in proto.mlProgram.functions.values() for block in function.block_specializations.values()
    ]
    names = (op.type for block in blocks for op in block.operations if op.type != "const")
    return dict(sorted(Counter(names).items()))


def _refuse_unknown(lowered: Lowered) -> None:
    """ConversionError for what coremltools has no conversion of, and for more axes than Core ML's tensors have."""
    try:
        from coremltools.converters.mil.frontend.torch.ops import _TORCH_OPS_REGISTRY as known
    except ImportError:
        return  # it tells by itself, later
    node = blame.first_unknown(lowered.graph, lambda one: name_of(one) in RENAMED or known.get_func(name_of(one)))
    if node is not None:
        raise ConversionError(
            f"coremltools cannot convert the network: it has no {blame.place_of(node)}", blame.remedy_of(node)
        )
    node = blame.first_unknown(lowered.graph, lambda one: not ranks.is_high(one))
    if node is not None:
        raise ConversionError(
            f"Core ML's tensors have at most {ranks.MOST_AXES} axes, fewer than those of {blame.place_of(node)}",
            "put axes together by reshape before it",
        )


def _by_either_route(ct: Any, lowered: Lowered, log: Path) -> tuple[Any, str, tuple[str, ...]]:
    """The converted network, what converted it and what the user should know of that; ConversionError names the
    operation."""
    with _overheard() as heard:
        try:
            return _convert(ct, _traced(lowered), lowered), "coremltools, traced", ()
        except Exception as error:  # of any kind: there is another way
            note(error, log)
            first = error

        def explain(second: Exception) -> str:
            why = blame.explained(lowered.graph, "\n".join([chain(second), *heard]))
            again = "" if said(second) == said(first) else f"nor from its export{said(second)}"
            return "; ".join(filter(None, [why, again]))

        with told(lambda _: f"coremltools cannot convert the network{said(first)}", explain=explain, log=log):
            model = _convert(ct, _exported(lowered), lowered)
    return model, "coremltools, exported", (f"converted from the export, since the traced route failed{said(first)}",)


@contextlib.contextmanager
def _overheard() -> Iterator[list[str]]:
    """What coremltools logs as an error: the operation at which it failed, which its exception seldom names."""
    heard: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: heard.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("coremltools")
    logger.addHandler(handler)
    try:
        yield heard
    finally:
        logger.removeHandler(handler)


def _traced(lowered: Lowered) -> Any:
    import torch

    with torch.no_grad():
        return torch.jit.trace(  # type: ignore[no-untyped-call]
            lowered.graph, torch.from_numpy(lowered.pixels[None]), check_trace=False
        )


def _exported(lowered: Lowered) -> Any:
    import torch

    program = torch.export.export(lowered.graph, (torch.from_numpy(lowered.pixels[None]),)).run_decompositions({})
    for node in list(program.graph.nodes):
        if node.target is torch.ops.aten.alias.default:  # coremltools 9.0 does not know it, and it does nothing
            node.replace_all_uses_with(node.args[0])
            program.graph.erase_node(node)
    return program


def _convert(ct: Any, program: Any, lowered: Lowered) -> Any:
    with coremltools_validates_less(), coremltools_keeps_garbage():
        return ct.convert(
            program,
            convert_to="mlprogram",
            inputs=[ct.TensorType(name="image", shape=(1, *lowered.pixels.shape), dtype=np.float32)],
            # float32 at the border: as float16, a coordinate of 512-1024 moves in steps of half a pixel
            outputs=[ct.TensorType(name=name, dtype=np.float32) for name in lowered.output_shapes],
            minimum_deployment_target=ct.target.iOS16,
            compute_precision=ct.precision.FLOAT32,
            skip_model_load=True,
        )


def _write(base: Base, recipe: Recipe, calibration: Calibration, ios: int, path: Path) -> dict[str, str]:
    """Write the package of a recipe; what comes back are reasons, by layer, where one is done otherwise."""
    reasons: dict[str, str] = {}
    source = base.folder / BASE_FILE
    if recipe.precisions == {"fp32"}:
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(source, path)
        return reasons
    model = coreml_program.opened(source, ios)
    _apply(model, base, recipe, calibration, reasons)
    coreml_program.write(model, path)
    return reasons


def _apply(
    model: coreml_program.Opened, base: Base, recipe: Recipe, calibration: Calibration, reasons: dict[str, str]
) -> None:
    """Make the float program what the recipe says; `reasons` is told of the layers that are done otherwise."""
    weights = coreml_program.weights(model)
    names = [base.layers[fingerprint(weight.values)] for weight in weights]
    of_op = {weight.op.outputs[0].name: name for weight, name in zip(weights, names, strict=True)}
    exact: dict[str, str] = {}  # layers that float16 does not hold
    for weight, name in zip(weights, names, strict=True):
        if name and not np.abs(weight.values).max() <= HALF:
            exact[name] = (
                f"weights of up to {np.abs(weight.values).max():.3g}, and float16 ends at {HALF}: kept in float32"
            )

    def wanted(op: Any) -> Precision:
        if op.op_type in ("quantize", "dequantize"):
            return "w8a8"
        name = of_op.get(op.outputs[0].name, "")
        return "fp32" if name in exact else recipe.of(name) if name else recipe.precision

    for weight, name in zip(weights, names, strict=True):
        if not name or wanted(weight.op) != "w8a8" or weight.values.size < coreml_program.MIN_WEIGHTS:
            continue  # no layer: the weights of a resize, or bins that are counted
        why = _why_float(weight.op, calibration)
        if why:
            reasons[name] = f"{why}; its weights are 8-bit"
        else:
            with _at(weight.op, name, "w8a8"):
                activations.round_input(model, weight.op, calibration.ranges[weight.op.x.name])
    coreml_program.halve(model, lambda op: wanted(op) != "fp32" and _may_be_float16(op))
    reasons |= exact
    halved = zip(coreml_program.weights(model), names, strict=True)  # float16 now, and the same in the same order
    layers = {weight.const: (weight, name) for weight, name in halved}  # two ops may share one
    small = size_of_small(weight.values.size for weight, name in layers.values() if name)
    for weight, name in layers.values():
        if not name or name in exact:
            continue
        precision, size = recipe.of(name), weight.values.size
        if size <= small and precision in coreml_weights.EIGHT_BIT:
            precision, reasons[name] = coreml_weights.EIGHT_BIT[precision], why_eight(size)
        packed = coreml_weights.pack(weight, precision, model.ios)
        if packed is None:
            continue
        if not coreml_weights.is_worth_it(packed, weight, precision):
            reasons[name] = f"of {size} weights too little room would be saved"
            continue
        with model.block, _at(weight.op, name, precision):
            coreml_program.replace(model, weight.const, packed.build(before_op=weight.const))


def _at(op: Any, layer: str, precision: Precision) -> contextlib.AbstractContextManager[None]:
    """A failure told with the operation, its layer and what was to be made of it."""
    return told(
        f"coremltools cannot make {precision!r} of {op.op_type} in layer {layer!r}", "give it 'fp16' in a recipe"
    )


def _why_float(op: Any, calibration: Calibration) -> str:
    """Why a product is to compute in float where 8-bit activations are asked for, or nothing."""
    if op.op_type not in activations.ROUNDED:
        return f"no {op.op_type} on 8-bit integers"
    if not _may_be_float16(op):
        return "its result is an output, which 8-bit inputs would coarsen"
    if op.x.name not in calibration.ranges:
        return "no finite range of its input is known"
    return COARSE if op.x.name in coarse(calibration.lost, calibration.lost) else ""


def _may_be_float16(op: Any) -> bool:
    """Whether an op may compute in float16: all but a linear layer whose result leaves the model.

    The bins of a SimCC map and regressed coordinates come out of such a layer, and float16 steps of them move a
    keypoint: of the sample's SimCC network p95 of the worst image is 0.33 px with them and 0.03 px without (fp16
    profile of runtimes/mil, 15 people).
    """
    leaves = {output.name for output in op.enclosing_block.outputs}
    return op.op_type not in LINEAR or not any(output.name in leaves for output in op.outputs)


def _kept_float(proto: Any) -> tuple[str, ...]:
    """A note on the linear layers that a half-precision program computes in float32, if any."""
    blocks = (
        block for function in proto.mlProgram.functions.values() for block in function.block_specializations.values()
    )
    kept = [
        operation.outputs[0].name
        for block in blocks
        for operation in block.operations
        if operation.type in LINEAR
        and operation.outputs[0].name in block.outputs
        and operation.outputs[0].type.tensorType.dataType == FLOAT32
    ]
    return (f"computed in float32, since their results are the outputs: {', '.join(kept)}",) if kept else ()


def _settle(path: Path, spec: PoseSpec, *, is_small: bool) -> None:
    """Write the contract into the package."""
    model = read_specification(path)
    if is_small:
        coreml_program.shorten(model)
    _describe(model, spec)
    _write_alike(path, model)


def described_otherwise(path: Path, spec: PoseSpec) -> list[str]:
    """What the package's description says that the contract does not."""
    model = read_specification(path)
    seen = model.description.SerializeToString(deterministic=True)
    _describe(model, spec)
    same = seen == model.description.SerializeToString(deterministic=True)
    return [] if same else ["the model's description (version, license, inputs, outputs) is not that of the contract"]


def _describe(model: Any, spec: PoseSpec) -> None:
    """Say in the specification whose it is, and what goes in and comes out."""
    description = model.description
    facts = description.metadata
    facts.shortDescription = f"{spec.kind} pose model, {spec.keypoint_count} keypoints, packaged by posekit"
    facts.versionString, facts.license = spec.version, spec.license
    facts.userDefined.clear()
    facts.userDefined[CONTRACT_KEY] = canonical_json(spec).decode()
    facts.userDefined[HASH_KEY] = contract_hash(spec)
    for feature in description.input:
        feature.shortDescription = "RGB, 0-255, 1 x height x width x 3; normalisation is inside"
    for feature in description.output:
        feature.shortDescription = f"{spec.decoder.kind} output; {CONTRACT_KEY} says how it is decoded"


def _write_alike(path: Path, model: Any) -> None:
    """Same input, same bytes: map entries in order, identifiers in Manifest.json from the content, and none of
    coremltools' own entries, which hold the date. A search that goes on knows its network by them."""
    for name in [name for name in model.description.metadata.userDefined if name.startswith("com.github.apple.")]:
        del model.description.metadata.userDefined[name]
    specification_file(path).write_bytes(model.SerializeToString(deterministic=True))
    (path / "Manifest.json").write_text(manifest_of((data_folder(path) / "weights").exists()))


def manifest_of(has_weights: bool) -> str:
    """The text of a package's Manifest.json."""
    items = {"com.apple.CoreML/model.mlmodel": ("model.mlmodel", "CoreML Model Specification")}
    if has_weights:
        items["com.apple.CoreML/weights"] = ("weights", "CoreML Model Weights")
    ids = {path: str(uuid.uuid5(uuid.NAMESPACE_URL, path)).upper() for path in items}
    entries = {
        ids[path]: {"author": "com.apple.CoreML", "description": words, "name": name, "path": path}
        for path, (name, words) in items.items()
    }
    root = ids["com.apple.CoreML/model.mlmodel"]
    document = {"fileFormatVersion": "1.0.0", "itemInfoEntries": entries, "rootModelIdentifier": root}
    return json.dumps(document, indent=2, sort_keys=True) + "\n"
