"""Core ML packages to evaluate: the networks, the samples, and small programs built op by op."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from posekit.contract.recipe import uniform
from posekit.pipelines.inputs import find_spec
from posekit.progress import captured
from posekit.runtimes.mlpackage import read_specification, specification_file
from posekit.sources.recognise import Form
from posekit.sources.reference import run_reference
from posekit.sources.source import SourceModel, open_source
from posekit.targets.converted import Calibration
from posekit.targets.coreml import target as coreml
from posekit.targets.graph.lowering import Lowered, lower
from tests import networks
from tests.targets.test_networks import spec_of

SAMPLES = ("tinypose", "tinysimcc")
NAMES = (*networks.NETWORKS, *SAMPLES)


@dataclass(frozen=True)
class Packaged:
    """A network's package and what the eager network gives for the pixels."""

    path: Path
    lowered: Lowered
    reference: dict[str, np.ndarray]

    @property
    def inputs(self) -> dict[str, np.ndarray]:
        return {"image": self.lowered.pixels[None]}


def packaged(name: str, precision: Any, folder: Path) -> Packaged:
    if name in SAMPLES:
        model = Path(str(files("posekit.sources.sample") / "data" / f"{name}.pt2"))
        source, spec = open_source(model), find_spec(model, "")
    else:
        source, spec = SourceModel(Path("in-memory"), Form.MODULE, "", networks.build(name)), spec_of(name)
    width, height = spec.input.size_wh
    pixels = np.random.default_rng(0).uniform(0, 255, (height, width, 3)).astype(np.float32)
    reference = run_reference(source, spec, pixels)
    lowered = lower(source, spec, pixels, reference)
    folder.mkdir(parents=True, exist_ok=True)
    base = coreml.base(lowered, folder, folder / "convert.log")
    path = folder / f"{spec.name}.mlpackage"
    coreml.compress(base, spec, uniform(precision), Calibration(), path, folder / "convert.log")
    return Packaged(path, lowered, reference)


def modern(lowered: Lowered) -> Any:
    """The network as an iOS 18 model, for the compressions that need one."""
    with captured():
        import coremltools as ct

        return ct.convert(
            coreml._traced(lowered),
            convert_to="mlprogram",
            inputs=[ct.TensorType(name="image", shape=(1, *lowered.pixels.shape))],
            minimum_deployment_target=ct.target.iOS18,
            skip_model_load=True,
        )


def built(
    path: Path, body: Callable[..., Any], shapes: dict[str, tuple[int, ...]], *, dtype: str = "fp32", ios: int = 17
) -> Path:
    """A package whose program is `body`, of coremltools' builder and inputs of these shapes."""
    with captured():
        import coremltools as ct
        from coremltools.converters.mil import Builder as mb
        from coremltools.converters.mil.mil import types

        kinds = {"fp32": types.fp32, "fp16": types.fp16, "int32": types.int32}
        inputs = [mb.TensorSpec(shape=shape, dtype=kinds[dtype]) for shape in shapes.values()]
        target = getattr(ct.target, f"iOS{ios}")
        scope: dict[str, Any] = {"body": body, "mb": mb}
        names = ", ".join(shapes)
        exec(f"def program({names}):\n    return body(mb, {names})", scope)  # the builder reads the parameters' names
        program = mb.program(input_specs=inputs, opset_version=target)(scope["program"])
        model = ct.convert(
            program,
            convert_to="mlprogram",
            compute_precision=ct.precision.FLOAT32,
            minimum_deployment_target=target,
            pass_pipeline=ct.PassPipeline.EMPTY,
            skip_model_load=True,
        )
        model.save(str(path))
    return path


def weight_file(path: Path) -> Path:
    return path / "Data" / "com.apple.CoreML" / "weights" / "weight.bin"


def altered(path: Path, alter: Callable[[Any], object]) -> None:
    model = read_specification(path)
    alter(model)
    specification_file(path).write_bytes(model.SerializeToString())


def operations(model: Any) -> Any:
    return next(iter(model.mlProgram.functions["main"].block_specializations.values())).operations


def one(model: Any, kind: str) -> Any:
    return next(op for op in operations(model) if op.type == kind)
