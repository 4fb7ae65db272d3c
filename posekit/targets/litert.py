"""LiteRT: litert-torch to .tflite, fp16 by ai-edge-quantizer, names and contract into the file."""

from __future__ import annotations

import time
import zipfile
from pathlib import Path

from posekit.chatter import captured
from posekit.errors import ConversionError, InputError, MissingToolError, PosekitError, first_line
from posekit.spec import PoseSpec, Precision
from posekit.targets import litert_fallback, tflite_file
from posekit.targets.converted import Converted
from posekit.targets.lowering import Lowered

CONTRACT_FILE = "pose.json"
LABELS_FILE = "keypoints.txt"


def convert(lowered: Lowered, spec: PoseSpec, precision: Precision, folder: Path) -> Converted:
    """Write <name>.tflite into `folder`: NHWC pixels in, the contract's output names out.

    ConversionError where neither litert-torch nor the fallback converts; MissingToolError without litert-torch.
    """
    path = folder / f"{spec.name}.tflite"
    log = folder / "convert.log"
    route, notes = "litert-torch", []
    started = time.perf_counter()
    try:
        model = _litert_torch(lowered, log)
    except MissingToolError:
        raise
    except Exception as error:
        notes.append(f"litert-torch failed ({first_line(error)}); converted through ONNX and onnx2tf instead")
        model, route = _fallback(lowered, folder, log, error), "onnx2tf"
    baseline = None
    if precision == "fp16":
        baseline = folder / f".{spec.name}.fp32.tflite"
        baseline.write_bytes(tflite_file.with_contract(model, spec, lowered.output_shapes))
        with captured(log):
            model = _float16(model)
    content = tflite_file.with_contract(model, spec, lowered.output_shapes)
    path.write_bytes(content)
    seconds = time.perf_counter() - started
    return Converted(path, route, tflite_file.op_counts(content), tuple(notes), seconds, baseline)


def contract_of(path: Path) -> bytes:
    """pose.json as the .tflite holds it; InputError where it holds none."""
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(CONTRACT_FILE).file_size > 1 << 20:
                raise InputError(f"{path.name} holds a pose.json of more than 1 MiB")
            return archive.read(CONTRACT_FILE)
    except (zipfile.BadZipFile, KeyError, OSError) as error:
        raise InputError(f"{path.name} holds no posekit contract", "was it made by posekit package?") from error


def _litert_torch(lowered: Lowered, log: Path) -> bytes:
    import torch

    try:
        with captured(log):
            import litert_torch
    except ImportError as error:
        raise MissingToolError("litert-torch is not installed", "pip install 'posekit[litert]'") from error
    with captured(log):
        model = litert_torch.convert(lowered.graph, (torch.from_numpy(lowered.pixels[None]),))
        return bytes(model.model_content())


def _fallback(lowered: Lowered, folder: Path, log: Path, cause: Exception) -> bytes:
    try:
        return litert_fallback.convert(lowered, folder, log)
    except PosekitError as error:
        raise ConversionError(
            f"litert-torch cannot convert the network: {first_line(cause)}",
            f"the fallback: {error.message}; {error.hint}",
        ) from cause


def _float16(model: bytes) -> bytes:
    """Weights as float16, dequantized on load on a CPU and used as they are by the GPU."""
    from ai_edge_quantizer import algorithm_manager, qtyping, quantizer, recipe_manager

    recipe = recipe_manager.RecipeManager()
    recipe.add_weight_only_config(
        regex=".*",
        operation_name=qtyping.TFLOperationName.ALL_SUPPORTED,
        num_bits=16,
        algorithm_key=algorithm_manager.AlgorithmName.FLOAT_CASTING,
        granularity=qtyping.QuantGranularity.TENSORWISE,
    )
    work = quantizer.Quantizer(bytearray(model), recipe.get_quantization_recipe())
    return bytes(work.quantize().quantized_model)
