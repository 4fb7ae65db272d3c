"""LiteRT: litert-torch to .tflite, every precision by ai-edge-quantizer, names and contract into the file."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.contract.precisions import Rewrite
from posekit.contract.recipe import Recipe
from posekit.contract.spec import PoseSpec
from posekit.errors import (
    ConversionError,
    InputError,
    MissingToolError,
    PosekitError,
    chain,
    converting,
    note,
    said,
    told,
)
from posekit.progress import captured
from posekit.runtimes.eight_bits import lost
from posekit.targets.converted import Base, Calibration, Converted
from posekit.targets.graph import blame, rewrites
from posekit.targets.graph.layers import layer_names
from posekit.targets.graph.lowering import Lowered
from posekit.targets.kept import Kept, Start
from posekit.targets.litert import fallback, tflite_file, tflite_layers
from posekit.targets.litert.kept import base_of
from posekit.targets.litert.parts import with_joint_ranges
from posekit.targets.litert.plan import Plan, paddings_of_maxima, plan
from posekit.targets.litert.quantize import quantize, settled
from posekit.targets.litert.tflite_graph import INFINITE, Node, nodes_of, rename_tensors, weights_of
from posekit.targets.sparing import jax_keeps_its_context, litert_torch_traces_once, torch_lists_operations_once

LABELS_FILE = "keypoints.txt"
BASE_FILE = "base.tflite"
KEPT_ROUTE = "the file itself"
OWN = "the source file has it so"
OTHERWISE = "take another precision: posekit ladder tells which work"


def base(start: Start, folder: Path, log: Path) -> Base:
    """Write base.tflite into `folder`: NHWC pixels in, every tensor named after its layer, float32.

    A file that is kept is what it was between its pixels and its outputs, in its own precision and under its own names.
    Others are rewritten for speed but for what `without` names, and where that does not convert. ConversionError
    where neither litert-torch nor the fallback makes a file that loads; MissingToolError without litert-torch.
    """
    started = time.perf_counter()
    if isinstance(start, Kept):
        return _kept(start, folder, started)
    lowered, route = start, "litert-torch"
    names, made, notes = _faster(lowered, folder, log)
    if not names:
        graph = rewrites.plain(lowered)
        try:
            names = _written(_litert_torch(graph, log), graph, folder)
        except MissingToolError:
            raise
        except Exception as error:
            note(error, log)
            notes += (f"converted through ONNX and onnx2tf, since litert-torch failed{said(error)}",)
            names, route = _written_otherwise(graph, folder, log, error), "onnx2tf"
    unpacked = tflite_file.unpack((folder / BASE_FILE).read_bytes())
    seconds = time.perf_counter() - started
    layers = tflite_layers.named(nodes_of(unpacked, names), unpacked)
    return Base(folder, route, layers, dict(lowered.output_shapes), notes, seconds, lowered, made)


def _kept(start: Kept, folder: Path, started: float) -> Base:
    from posekit.runtimes.litert import check_loads

    content, layers, own = base_of(start.network, start.spec)
    (folder / BASE_FILE).write_bytes(content)
    check_loads(folder / BASE_FILE)
    notes = ["the graph is kept, and its input and outputs are added to"]
    if own:
        notes.append(f"{own}: it keeps them")
    seconds = time.perf_counter() - started
    route = start.network.route or KEPT_ROUTE
    return Base(folder, route, layers, dict(start.output_shapes), tuple(notes), seconds, own=own)


def calibrate(base: Base, inputs: Sequence[NDArray[np.float32]]) -> Calibration:
    """The range of every tensor of the base over the inputs, and what 8 bits lose of it."""
    from posekit.runtimes.litert_ranges import tensor_ranges

    if base.own:
        return Calibration(tuple(inputs))
    with converting():
        found = tensor_ranges(base.folder / BASE_FILE, inputs)
    nodes = nodes_of(tflite_file.read((base.folder / BASE_FILE).read_bytes()), base.layers)
    padded = {nodes[index].name for index in paddings_of_maxima(nodes)}  # finite once they are told what is least
    found = {
        name: one
        for name, one in found.items()
        if (one.is_finite and max(map(abs, one.ends)) < INFINITE) or name in padded
    }
    whole = with_joint_ranges(nodes, {name: one.ends for name, one in found.items()})
    coarse = {name: lost(one.sums, whole[name]) for name, one in found.items()}
    return Calibration(tuple(inputs), whole, np.stack([one.by_input for one in found.values()], axis=1), coarse)


def compress(base: Base, spec: PoseSpec, recipe: Recipe, calibration: Calibration, path: Path, log: Path) -> Converted:
    """Write the .tflite `path` of a recipe: float32 in and out under the contract's names.

    InputError where the recipe calibrates and there is nothing to calibrate with; ConversionError where the quantizer
    fails.
    """
    if recipe.calibrates and not calibration.ranges:
        raise InputError(
            f"precision {recipe.precision!r} needs pictures to calibrate with", "give some with --calibration"
        )
    if base.own and recipe.precisions != {"fp32"}:
        raise InputError(
            f"precision {recipe.name!r} cannot be made: {base.own}", "take fp32, which leaves them as they are"
        )
    started = time.perf_counter()
    model = (base.folder / BASE_FILE).read_bytes()
    unpacked = tflite_file.unpack(model)
    nodes = nodes_of(unpacked, base.layers)
    results = [
        tflite_file.text(unpacked.subgraphs[0].tensors[one].name)
        for one in tflite_file.result_order(unpacked, len(base.output_shapes))
    ]
    weights = {index: weights_of(unpacked, node.weight) for index, node in enumerate(nodes) if node.layer}
    made = plan(nodes, recipe, calibration)
    if any(one is not None for one in made.done):
        floats = tflite_file.pack(settled(unpacked, nodes, made, calibration))
        blamed = partial(_to_blame, floats, nodes, made, calibration)
        sentence = f"ai-edge-quantizer cannot make {recipe.precision!r} of the network"
        with captured(log), told(sentence, OTHERWISE, explain=blamed, log=log):
            model = quantize(floats, nodes, made, calibration)
    path.write_bytes(tflite_file.with_contract(model, spec, dict(base.output_shapes)))
    content = path.read_bytes()
    renamed = dict(zip(results, base.output_shapes, strict=True))
    layers = tflite_layers.read_back(content, nodes, recipe, made.why, renamed, weights)
    if base.own:
        unlike = tflite_layers.UNEXPLAINED
        layers = tuple(replace(one, why=OWN) if one.why == unlike else one for one in layers)
    seconds = time.perf_counter() - started
    return Converted(
        path,
        base.route,
        tflite_file.op_counts(content),
        (*base.notes, *made.notes),
        seconds,
        layers,
        rewrites=base.rewrites,
    )


def _faster(lowered: Lowered, folder: Path, log: Path) -> tuple[dict[str, str], dict[Rewrite, int], tuple[str, ...]]:
    """Write the file rewritten for speed: the layers' names, what was rewritten, and notes; no names where nothing is,
    or where it does not convert."""
    faster, made = rewrites.rewritten(lowered, lowered.without)
    if not made:
        return {}, {}, ()
    try:
        return _written(_litert_torch(faster, log), faster, folder), made, rewrites.told(made)
    except MissingToolError:
        raise
    except Exception as error:
        note(error, log)
        return {}, {}, (f"not rewritten for speed ({', '.join(made)}), since litert-torch failed on it{said(error)}",)


def _litert_torch(lowered: Lowered, log: Path) -> bytes:
    import torch

    try:
        with captured(log):
            import litert_torch
    except ImportError as error:
        raise MissingToolError("litert-torch is not installed", "pip install 'posekit[litert]'") from error
    if (node := blame.first_of(lowered.graph, blame.NOT_IN_LITERT)) is not None:
        raise ConversionError(f"LiteRT has no {blame.told(node)}")
    with torch_lists_operations_once():
        if (node := blame.first_unknown(lowered.graph, _is_known())) is not None:
            raise ConversionError(f"litert-torch cannot convert the network: it has no {blame.told(node)}")
        with captured(log), litert_torch_traces_once(lowered.graph), jax_keeps_its_context():
            model = litert_torch.convert(lowered.graph, (torch.from_numpy(lowered.pixels[None]),))
            return bytes(model.model_content())


def _is_known() -> Callable[[Any], bool]:
    """Whether litert-torch lowers an operation, or takes it apart; everything, where its own lists are not found."""
    import torch

    try:
        from litert_torch.backend.lowerings import registry
        from litert_torch.fx_infra import decomp

        lowered, parted = registry.lookup, {*decomp.pre_convert_decomp(), *decomp.pre_lower_decomp()}
    except (AttributeError, ImportError):
        return lambda node: True

    def is_known(node: Any) -> bool:
        op = node.target
        is_composed = torch._C._dispatch_has_kernel_for_dispatch_key(op.name(), "CompositeImplicitAutograd")
        return is_composed or op._schema.is_mutable or op in parted or lowered(op) is not None

    return is_known


def _to_blame(model: bytes, nodes: list[Node], made: Plan, calibration: Calibration, _: Exception) -> str:
    """The first operation without which the quantizer does not fail, by halving: it seldom says which one it means."""
    last, fine = len(nodes), 0
    while last - fine > 1:
        half = (fine + last) // 2
        done = tuple(one if index < half else None for index, one in enumerate(made.done))
        try:
            if any(done):
                quantize(model, nodes, replace(made, done=done), calibration)
            fine = half
        except Exception:  # whatever it raised for all of them
            last = half
    node, precision = nodes[last - 1], made.done[last - 1]
    if not node.layer:
        return f"it fails at {node.op} {node.name!r}, which is to be {precision}"
    return f"it fails at {node.op} of layer {node.layer!r}, which is to be {precision}: give it 'fp32' in a recipe"


def _written(model: bytes, lowered: Lowered, folder: Path) -> dict[str, str]:
    """Write the file with every tensor named after its layer; the layers' names. InputError where it does not load."""
    from posekit.runtimes.litert import check_loads

    unpacked = tflite_file.unpack(model)
    names = layer_names(lowered.graph)
    rename_tensors(unpacked, names, lowered.output_shapes)
    (folder / BASE_FILE).write_bytes(tflite_file.pack(unpacked))
    check_loads(folder / BASE_FILE)
    return names


def _written_otherwise(lowered: Lowered, folder: Path, log: Path, cause: Exception) -> dict[str, str]:
    """The same by the second route; ConversionError, with what failed first, where that fails too."""
    sentence = (
        cause.message if isinstance(cause, PosekitError) else f"litert-torch cannot convert the network{said(cause)}"
    )
    why = "" if isinstance(cause, ConversionError) else blame.explained(lowered.graph, chain(cause))
    try:
        return _written(fallback.convert(lowered, folder, log), lowered, folder)
    except PosekitError as error:
        second = f"the second route: {error.message}{f'; {error.hint}' if error.hint else ''}"
        raise ConversionError(sentence, f"{why}; {second}" if why else second) from cause
