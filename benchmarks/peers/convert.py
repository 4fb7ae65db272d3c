"""A peer's files of a network, in the peers' environment: python -m benchmarks.peers.convert PEER NETWORK FOLDER.

FOLDER holds what cases.Case.write left there; the files go into FOLDER/PEER, and what was made into its made.json.
Every tool is used as its own documentation shows it, with the same calibration inputs.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.networks import NETWORKS, build
from benchmarks.peers.environment import plain
from benchmarks.peers.kinds import Made

# onnx2tf 1.28.8 fetches this file at every conversion unless the working directory holds one
SAMPLE_DATA = "calibration_image_sample_data_20x128x128x3_float32.npy"


def network_of(name: str, folder: Path) -> Any:
    """The network as a user has it: an nn.Module, or what an exported program holds."""
    import torch

    if name in NETWORKS:
        return build(name)[0]
    return torch.export.load(folder / "network.pt2").module()


def litert_torch(network: Any, folder: Path, inputs: np.ndarray) -> Iterator[Made]:
    """litert-torch, and ai-edge-quantizer behind it."""
    import litert_torch as converter
    import torch
    from ai_edge_quantizer import algorithm_manager, qtyping, quantizer, recipe, recipe_manager

    converter.convert(network, (torch.from_numpy(inputs[:1]),)).export(str(folder / "fp32.tflite"))
    yield Made("litert-torch", "fp32", "fp32.tflite")
    casting = recipe_manager.RecipeManager()
    whole, cast = qtyping.QuantGranularity.TENSORWISE, algorithm_manager.AlgorithmName.FLOAT_CASTING
    casting.add_weight_only_config(".*", qtyping.TFLOperationName.ALL_SUPPORTED, 16, whole, cast)
    half = quantizer.Quantizer(str(folder / "fp32.tflite"), casting.get_quantization_recipe())
    half.quantize().export_model(str(folder / "fp16.tflite"), overwrite=True)
    yield Made("litert-torch", "fp16", "fp16.tflite")
    static = quantizer.Quantizer(str(folder / "fp32.tflite"), recipe.static_wi8_ai8())
    ranges = static.calibrate({"serving_default": [{"args_0": one[None]} for one in inputs]})
    static.quantize(ranges).export_model(str(folder / "int8.tflite"), overwrite=True)
    yield Made("litert-torch", "int8", "int8.tflite")


def onnx(network: Any, folder: Path, inputs: np.ndarray) -> Iterator[Made]:
    """torch's two exporters; both files are there, since onnx2tf reads now one, now the other."""
    import torch

    example = (torch.from_numpy(inputs[:1]),)
    names: dict[str, Any] = {"input_names": ["image"]}
    for way, is_new in (("legacy", False), ("dynamo", True)):
        with contextlib.suppress(Exception):
            torch.onnx.export(network, example, str(folder / f"{way}.onnx"), dynamo=is_new, **names)
    made = next(way for way in ("dynamo", "legacy") if (folder / f"{way}.onnx").is_file())
    yield Made("onnx", "fp32", f"{made}.onnx")


def onnxruntime(network: Any, folder: Path, inputs: np.ndarray) -> Iterator[Made]:
    """onnxruntime's static quantization of the exported file: unsigned activations and a scale a channel, which on this
    kind of machine are two to three times as fast as its defaults."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.left = iter([{"image": one[None]} for one in inputs])

        def get_next(self) -> Any:
            return next(self.left, None)

    source = _exported(folder)
    yield Made("onnxruntime", "fp32", f"../onnx/{source.name}")
    quant_pre_process(str(source), str(folder / "prepared.onnx"))
    ways = {"quant_format": QuantFormat.QDQ, "activation_type": QuantType.QUInt8, "per_channel": True}
    quantize_static(str(folder / "prepared.onnx"), str(folder / "int8.onnx"), Reader(), **ways)
    yield Made("onnxruntime", "int8", "int8.onnx")


def onnx2tf(network: Any, folder: Path, inputs: np.ndarray) -> Iterator[Made]:
    """onnx2tf with -oiqt: float32, float16, and full integer quantization; of the legacy export where the other
    fails."""
    import onnx2tf as converter

    np.save(folder / SAMPLE_DATA, np.zeros((20, 128, 128, 3), np.float32))
    np.save(folder / "inputs.npy", inputs.transpose(0, 2, 3, 1))
    calibration = ["image", str(folder / "inputs.npy"), [[[[0.0] * 3]]], [[[[1.0] * 3]]]]
    first = ""
    for way in ("dynamo", "legacy"):
        source = folder.parent / "onnx" / f"{way}.onnx"
        if not source.is_file():
            continue
        out, error = folder / way, ""
        for one in source.parent.glob(f"{source.name}*"):  # a copy, since it writes over what it reads
            shutil.copy(one, folder)
        try:
            with contextlib.chdir(folder):
                converter.convert(
                    input_onnx_file_path=source.name, output_folder_path=str(out), non_verbose=True,
                    output_integer_quantized_tflite=True, custom_input_op_name_np_data_path=[calibration],
                )  # fmt: skip
        except (Exception, SystemExit) as raised:  # it ends the process with sys.exit when it fails
            error = plain(f"{type(raised).__name__}: {raised}")
        names = {"fp32": "float32", "fp16": "float16", "int8": "full_integer_quant"}
        files = {precision: out / f"{way}_{name}.tflite" for precision, name in names.items()}
        if files["fp32"].is_file():
            note = f"of torch's legacy ONNX export: of the other it fails ({first})" if first else ""
            for precision, path in files.items():
                made = path.is_file()
                yield Made(
                    "onnx2tf",
                    precision,
                    f"{way}/{path.name}" if made else "",
                    "" if made else error or "it left no such file",
                    note,
                )  # type: ignore[arg-type]
            return
        first = first or error
    raise RuntimeError(first or "no ONNX file")


def _exported(folder: Path) -> Path:
    return next(path for way in ("dynamo", "legacy") if (path := folder.parent / "onnx" / f"{way}.onnx").is_file())


PEERS = {"onnx": onnx, "onnx2tf": onnx2tf, "litert-torch": litert_torch, "onnxruntime": onnxruntime}
PRECISIONS = {
    "onnx2tf": ("fp32", "fp16", "int8"),
    "litert-torch": ("fp32", "fp16", "int8"),
    "onnxruntime": ("fp32", "int8"),
}


def recipe_of(peer: str) -> bytes:
    """What a peer's files depend on in this module."""
    return "".join(map(inspect.getsource, [network_of, onnx, PEERS[peer]])).encode()


def main() -> None:
    """Convert, and write made.json after every file, so that a crash leaves what was made before it."""
    peer, name, at = sys.argv[1:]
    folder = Path(at).resolve() / peer
    os.chdir(folder)
    found: list[Made] = []
    failed = ""
    try:
        for made in PEERS[peer](network_of(name, folder.parent), folder, np.load(folder.parent / "calibration.npy")):
            found.append(made)
            _write(folder, found)
    except Exception as error:
        failed = plain(f"{type(error).__name__}: {error}")
    done = {made.precision for made in found}
    found += [Made(peer, one, failed=failed) for one in PRECISIONS.get(peer, ()) if one not in done]  # type: ignore[arg-type]
    _write(folder, found)


def _write(folder: Path, found: list[Made]) -> None:
    (folder / "made.json").write_text(json.dumps([made.as_json() for made in found]))


if __name__ == "__main__":
    main()
