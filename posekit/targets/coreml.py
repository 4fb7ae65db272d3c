"""Core ML: an ML Program by coremltools, traced from the exported graph, else from the export itself."""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

from posekit.chatter import captured
from posekit.errors import ConversionError, InputError, MissingToolError, first_line
from posekit.mlpackage import read_specification, specification_file
from posekit.spec import PoseSpec, Precision, canonical_json, contract_hash
from posekit.targets.converted import Converted
from posekit.targets.lowering import Lowered

CONTRACT_KEY = "posekit.pose_json"
HASH_KEY = "posekit.contract_sha256"
MINIMUM_IOS = "16"
LINEAR = ("linear", "matmul")
FLOAT32 = 11  # MILSpec.DataType


def convert(lowered: Lowered, spec: PoseSpec, precision: Precision, folder: Path) -> Converted:
    """Write <name>.mlpackage into `folder`: float32 pixels (1, H, W, 3) in, float32 outputs by name, iOS 16.

    ConversionError where neither route converts; MissingToolError without coremltools.
    """
    path = folder / f"{spec.name}.mlpackage"
    log = folder / "convert.log"
    started = time.perf_counter()
    with captured(log):
        try:
            import coremltools as ct
        except ImportError as error:
            raise MissingToolError("coremltools is not installed", "pip install 'posekit[coreml]'") from error
        notes: tuple[str, ...] = ()
        program, route = _traced(lowered), "coremltools, traced"
        try:
            model = _convert(ct, program, lowered, precision)
        except Exception as first:
            notes = (f"the traced route failed ({first_line(first)}); converted from the export instead",)
            program, route = _exported(lowered), "coremltools, exported"
            try:
                model = _convert(ct, program, lowered, precision)
            except Exception as second:
                raise ConversionError(
                    f"coremltools cannot convert the network: {first_line(first)}",
                    f"nor from its export: {first_line(second)}",
                ) from second
        _describe(model, spec, lowered)
        model.save(str(path))
        baseline = None
        if precision != "fp32":
            baseline = folder / f".{spec.name}.fp32.mlpackage"
            _convert(ct, program, lowered, "fp32").save(str(baseline))
    _settle(path)
    program = read_specification(path)
    counts = op_counts(program)
    if precision == "fp16":
        notes = (*notes, *_kept_float(program))
    return Converted(path, route, counts, notes, time.perf_counter() - started, baseline)


def contract_of(path: Path) -> bytes:
    """pose.json as the .mlpackage holds it; InputError where it holds none or the package is damaged."""
    text = read_specification(path).description.metadata.userDefined.get(CONTRACT_KEY, "")
    if not text:
        raise InputError(f"{path.name} holds no posekit contract", "was it made by posekit package?")
    return bytes(text.encode())


def op_counts(proto: Any) -> dict[str, int]:
    """Operations by name, constants left out."""
    blocks = [
        block for function in proto.mlProgram.functions.values() for block in function.block_specializations.values()
    ]
    names = (op.type for block in blocks for op in block.operations if op.type != "const")
    return dict(sorted(Counter(names).items()))


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


def _convert(ct: Any, program: Any, lowered: Lowered, precision: Precision) -> Any:
    import numpy as np

    return ct.convert(
        program,
        convert_to="mlprogram",
        inputs=[ct.TensorType(name="image", shape=(1, *lowered.pixels.shape), dtype=np.float32)],
        # float32 at the border: as float16, a coordinate of 512-1024 moves in steps of half a pixel
        outputs=[ct.TensorType(name=name, dtype=np.float32) for name in lowered.output_shapes],
        minimum_deployment_target=ct.target.iOS16,
        compute_precision=ct.transform.FP16ComputePrecision(op_selector=_may_be_float16)
        if precision == "fp16"
        else ct.precision.FLOAT32,
        skip_model_load=True,
    )


def _may_be_float16(op: Any) -> bool:
    """Whether an op may compute in float16: all but a linear layer whose result leaves the model.

    The bins of a SimCC map and regressed coordinates come out of such a layer, and float16 steps of them move a keypoint:
    of the sample's SimCC network p95 of the worst image is 0.33 px with them and 0.03 px without (fp16 profile of
    runtimes/mil, 15 people).
    """
    leaves = {output.name for output in op.enclosing_block.outputs}
    return op.op_type not in LINEAR or not any(output.name in leaves for output in op.outputs)


def _kept_float(proto: Any) -> tuple[str, ...]:
    """A note on the linear layers that an fp16 program computes in float32, if any."""
    blocks = (
        block for function in proto.mlProgram.functions.values() for block in function.block_specializations.values()
    )
    kept = [
        operation.outputs[0].name
        for block in blocks
        for operation in block.operations
        if operation.type in LINEAR and operation.outputs[0].type.tensorType.dataType == FLOAT32
    ]
    return (f"computed in float32, since their results are the outputs: {', '.join(kept)}",) if kept else ()


def _describe(model: Any, spec: PoseSpec, lowered: Lowered) -> None:
    model.short_description = f"{spec.kind} pose model, {spec.keypoint_count} keypoints, packaged by posekit"
    model.version, model.license = spec.version, spec.license
    model.input_description["image"] = "RGB, 0-255, 1 x height x width x 3; normalisation is inside"
    for name in lowered.output_shapes:
        model.output_description[name] = f"{spec.decoder.kind} output; {CONTRACT_KEY} says how it is decoded"
    model.user_defined_metadata.clear()  # coremltools' own entries hold the date
    model.user_defined_metadata[CONTRACT_KEY] = canonical_json(spec).decode()
    model.user_defined_metadata[HASH_KEY] = contract_hash(spec)


def _settle(path: Path) -> None:
    """Same input, same bytes: map entries in order, identifiers in Manifest.json from the content."""
    specification_file(path).write_bytes(read_specification(path).SerializeToString(deterministic=True))
    manifest = path / "Manifest.json"
    text = json.loads(manifest.read_text())
    entries = text["itemInfoEntries"]
    renamed = {old: str(uuid.uuid5(uuid.NAMESPACE_URL, entry["path"])).upper() for old, entry in entries.items()}
    text["itemInfoEntries"] = {renamed[old]: entry for old, entry in entries.items()}
    text["rootModelIdentifier"] = renamed[text["rootModelIdentifier"]]
    manifest.write_text(json.dumps(text, indent=2, sort_keys=True) + "\n")
