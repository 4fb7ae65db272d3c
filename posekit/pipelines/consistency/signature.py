"""What a model file says of itself: its input, its outputs in order, the system that it needs, and its metadata."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posekit.contract.precisions import TFLITE
from posekit.errors import InputError, reading
from posekit.pipelines.consistency.finding import differing
from posekit.runtimes.mlpackage import read_specification

if TYPE_CHECKING:
    from posekit.contract.spec import PoseSpec

IOS = {7: "16", 8: "17", 9: "18"}  # by the version of the specification
TFLITE_FLOAT, CORE_ML_FLOAT = 0, 65568  # TensorType, ArrayFeatureType


@dataclass(frozen=True, slots=True)
class ModelSignature:
    """inputs, outputs: shapes by name, in the file's order, batch 1, channels last; odd: those that are not float32.

    minimum_system: the oldest iOS that loads the file, empty on Android.
    """

    inputs: dict[str, tuple[int, ...]]
    outputs: dict[str, tuple[int, ...]]
    odd: tuple[str, ...]
    minimum_system: str = ""


def signature_of(platform: str, path: Path) -> ModelSignature:
    """The signature of a model file; InputError where it is damaged."""
    with reading(path):
        return _tflite(path) if platform in TFLITE else _mlpackage(path)


def problems(platform: str, path: Path, spec: PoseSpec) -> list[str]:
    """Where the file's input, outputs and metadata are not those of the contract."""
    found = signature_of(platform, path)
    width, height = spec.input.size_wh
    told = differing("the input", found.inputs, {"image": (1, height, width, 3)})
    lacking = [name for name in spec.outputs_read if name not in found.outputs]
    told += [f"the decoder reads {name!r}, which the model does not give" for name in lacking]
    if spec.outputs:
        told += differing("the list of outputs", tuple(found.outputs), spec.outputs)
    told += [f"{name!r} is not float32" for name in found.odd]
    if platform in TFLITE:
        from posekit.targets.litert.tflite_file import described_otherwise

        with reading(path):
            return [*told, *described_otherwise(path.read_bytes(), spec, list(found.outputs))]
    from posekit.targets.coreml.target import described_otherwise as otherwise

    return [*told, *otherwise(path, spec)]


def _tflite(path: Path) -> ModelSignature:
    from posekit.targets.litert.tflite_file import read, text

    unpacked = read(path.read_bytes())
    graph, (definition,) = unpacked.subgraphs[0], unpacked.signatureDefs
    odd: list[str] = []

    def side(entries: Any, indices: Any) -> dict[str, tuple[int, ...]]:
        names = {int(entry.tensorIndex): text(entry.name) for entry in entries}
        found = {}
        for index in map(int, indices):
            tensor, name = graph.tensors[index], names[index]
            found[name] = tuple(int(size) for size in tensor.shape)
            if tensor.type != TFLITE_FLOAT or text(tensor.name) != name:
                odd.append(name)
        return found

    inputs, outputs = side(definition.inputs, graph.inputs), side(definition.outputs, graph.outputs)
    return ModelSignature(inputs, outputs, tuple(odd))


def _mlpackage(path: Path) -> ModelSignature:
    model = read_specification(path)
    odd: list[str] = []

    def side(features: Any) -> dict[str, tuple[int, ...]]:
        odd.extend(one.name for one in features if one.type.multiArrayType.dataType != CORE_ML_FLOAT)
        return {one.name: tuple(int(size) for size in one.type.multiArrayType.shape) for one in features}

    if model.specificationVersion not in IOS:
        raise InputError(
            f"{path.name} is of Core ML's version {model.specificationVersion}, expected one of {sorted(IOS)}"
        )
    inputs, outputs = side(model.description.input), side(model.description.output)
    return ModelSignature(inputs, outputs, tuple(odd), IOS[model.specificationVersion])
