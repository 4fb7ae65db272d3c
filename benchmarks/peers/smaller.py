"""What other tools make of a network in 8 and 4 bits, each way as its own documentation shows it.

Android: onnx2tf and onnxruntime in the peers' environment, ai-edge-quantizer's plain recipes of litert-torch's file.
iOS: coremltools' own quantizers and palettes. All calibrate on the same inputs.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, Literal

import numpy as np

from benchmarks.peers import environment
from benchmarks.peers.cases import Case
from benchmarks.peers.files import peers_of

Arithmetic = Literal["integers", "dynamic", "floats"]
OPS = ("conv", "conv_transpose", "linear", "matmul")  # that coremltools is asked to give 8-bit inputs


@dataclass(frozen=True, slots=True)
class File:
    """A tool's file. arithmetic: what its layers compute in: integers with ranges from calibration, integers with
    ranges found while it runs, or floats. takes_pixels: with normalisation inside, as posekit's have it."""

    tool: str
    way: str
    arithmetic: Arithmetic
    path: Path
    takes_pixels: bool = False


def android(case: Case, folder: Path, base: Path) -> Iterator[File]:
    """The peers' LiteRT and ONNX files, made in `folder`, and ai-edge-quantizer's of `base`, posekit's float file;
    those alone where the peers are not installed (make peers)."""
    for one in _recipes("posekit's float file, ", base, {"image": [one[None] for one in case.inputs]}, folder):
        yield replace(one, takes_pixels=True)
    if not (environment.BIN / "python").is_file():
        print("the peers are not installed: python -m benchmarks.peers installs them")
        return
    places = {(made.tool, made.precision): at / made.file for at, made in peers_of(case, print) if made.file}
    if (path := places.get(("onnx2tf", "fp32"))) is not None:
        ways: tuple[tuple[str, Arithmetic], ...] = (
            ("dynamic_range_quant", "dynamic"), ("integer_quant", "integers"), ("full_integer_quant", "integers"),
        )  # fmt: skip
        for name, arithmetic in ways:
            yield File(
                "onnx2tf",
                name.replace("_", " "),
                arithmetic,
                path.with_name(path.name.replace("float32", name)),
            )
    if (path := places.get(("onnxruntime", "int8"))) is not None:
        yield File("onnxruntime", "static QDQ", "integers", path)
    if (path := places.get(("litert-torch", "int8"))) is not None:
        yield File("ai-edge-quantizer", "static int8 as kept", "integers", path)
    if (path := places.get(("litert-torch", "fp32"))) is not None:
        values = np.load(path.parents[1] / "calibration.npy")
        yield from _recipes("", path, {"args_0": [one[None] for one in values]}, folder)


def _recipes(prefix: str, model: Path, inputs: dict[str, list[np.ndarray]], folder: Path) -> Iterator[File]:
    """ai-edge-quantizer's recipes of a float file with each of its ways to find a weight's scale; inputs: of
    calibration, by the name of the file's input."""
    from ai_edge_quantizer import qtyping, quantizer, recipe, recipe_manager
    from ai_edge_quantizer.algorithm_manager import AlgorithmName

    every = qtyping.TFLOperationName.ALL_SUPPORTED
    ((name, values),) = inputs.items()
    keys = (AlgorithmName.MIN_MAX_UNIFORM_QUANT, AlgorithmName.OCTAV, AlgorithmName.MSE)
    ways: tuple[tuple[str, Arithmetic, str, int], ...] = (
        ("weights int8", "floats", "add_weight_only_config", 8),
        ("weights int4", "floats", "add_weight_only_config", 4),
        ("dynamic int8", "dynamic", "add_dynamic_config", 8),
        ("static int8", "integers", "", 8),
    )
    for (way, arithmetic, method, bits), key in product(ways, keys):
        path = folder / f"{prefix}{way} {key.name}.tflite".replace(" ", "-").replace("'", "")
        try:
            if method:
                wanted = recipe_manager.RecipeManager()
                getattr(wanted, method)(".*", every, bits, algorithm_key=key)
                work, ranges = quantizer.Quantizer(str(model), wanted.get_quantization_recipe()), None
            else:
                work = quantizer.Quantizer(str(model), recipe.static_wi8_ai8(algorithm_key=key))
                ranges = work.calibrate({"serving_default": [{name: one} for one in values]})
            work.quantize(ranges).export_model(str(path), overwrite=True)
        except Exception as error:
            print(f"ai-edge-quantizer makes no {prefix}{way} by {key.name}: {environment.plain(str(error))}")
            continue
        yield File("ai-edge-quantizer", f"{prefix}{way}, {key.value}", arithmetic, path)


def ios(case: Case, folder: Path) -> Iterator[File]:
    """coremltools' files of its own conversion, made in `folder`."""
    import coremltools as ct
    import torch
    from coremltools.optimize import coreml as smaller

    from posekit.sources.reference import network_input

    inputs = [network_input(case.spec, pixels) for pixels in case.inputs]
    with torch.no_grad():
        traced = torch.jit.trace(case.source.module, torch.from_numpy(inputs[0]), check_trace=False)
    whole = ct.convert(
        traced, inputs=[ct.TensorType(name="image", shape=inputs[0].shape)],
        minimum_deployment_target=ct.target.iOS18, skip_model_load=True,
    )  # fmt: skip
    whole.save(str(folder / "coremltools.mlpackage"))

    def linear(bits: int, granularity: str, **more: Any) -> Any:
        return smaller.OpLinearQuantizerConfig(
            mode="linear_symmetric", dtype=f"int{bits}", granularity=granularity, **more
        )

    def table(bits: int, granularity: str) -> Any:
        more = {"group_size": 16} if granularity != "per_tensor" else {}
        return smaller.OpPalettizerConfig(mode="kmeans", nbits=bits, granularity=granularity, **more)

    ways: list[tuple[str, Any, Any]] = [
        (f"int{bits} {one}", smaller.linear_quantize_weights, linear(bits, one))
        for bits in (8, 4)
        for one in ("per_tensor", "per_channel", "per_block")
    ]
    ways += [
        (f"kmeans {bits} {one}", smaller.palettize_weights, table(bits, one))
        for bits in (8, 6, 4)
        for one in ("per_tensor", "per_grouped_channel")
    ]
    for way, make, how in ways:
        path = folder / f"{way}.mlpackage".replace(" ", "-")
        try:
            make(whole, smaller.OptimizationConfig(global_config=how)).save(str(path))
        except Exception as error:
            print(f"coremltools makes no {way}: {environment.plain(str(error))}")
            continue
        yield File("coremltools", way, "floats", path)
    try:
        path = folder / "w8a8.mlpackage"
        config = smaller.OptimizationConfig(global_config=linear(8, "per_channel"))
        rounded = _with_ranges(whole, folder / "coremltools.mlpackage", inputs)
        smaller.linear_quantize_weights(rounded, config).save(str(path))
        yield File("coremltools", "int8 activations", "integers", path)
    except Exception as error:
        print(f"coremltools makes no 8-bit activations: {environment.plain(str(error))}")


def _with_ranges(model: Any, path: Path, inputs: list[np.ndarray]) -> Any:
    """coremltools' 8-bit activations. It reads ranges with Core ML, which a Mac has; here they are read by posekit's
    evaluator from the same program."""
    from coremltools.optimize import coreml as smaller
    from coremltools.optimize.coreml import _post_training_quantization as inner

    from posekit.runtimes import mil

    def stats(*_: Any) -> dict[str, dict[str, float]]:
        program, found = mil.open_program(path), {}

        def note(name: str, values: Any) -> None:
            low, high = found.get(name, (np.inf, -np.inf))
            found[name] = min(low, float(values.min())), max(high, float(values.max()))

        for one in inputs:
            note("image", one)
            mil.run(program, {"image": one}, "fp16", lambda done: [note(*pair) for pair in done.outputs.items()])
        return {name: {"rmin": low, "rmax": high} for name, (low, high) in found.items()}

    before = inner._get_activation_calibration_stats
    inner._get_activation_calibration_stats = stats
    try:
        how = smaller.OpLinearQuantizerConfig(mode="linear_symmetric")
        with warnings.catch_warnings(action="ignore"):
            return smaller.linear_quantize_activations(
                model, smaller.OptimizationConfig(global_config=how), [{"image": one} for one in inputs[:1]]
            )
    finally:
        inner._get_activation_calibration_stats = before
