"""An ONNX file as a source model: onnxruntime runs it, and a PyTorch module of the same operations is converted."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.contract.drafts import ultralytics
from posekit.contract.drafts.fitting import is_probe
from posekit.contract.spec import PoseSpec
from posekit.errors import InputError, said
from posekit.progress import captured
from posekit.sources.facts import check_facts
from posekit.sources.network import Arrange, Node, build
from posekit.sources.onnx import reading
from posekit.sources.onnx.rules import RULES
from posekit.sources.outputs import arranged, chosen
from posekit.sources.recognise import Form
from posekit.sources.source import ROUNDING, Run, SourceModel, settled
from posekit.sources.steps import check_steps, levels

# relative RMS of our float32 against a file whose every result onnxruntime rounds to 11 bits, or to 8
HALF_ROUNDING, EIGHT_BIT_ROUNDING = 1e-2, 5e-2
FLOAT, HALF, DOUBLE, BFLOAT = 1, 10, 11, 16  # of TensorProto.DataType
WHOLE: dict[int, tuple[str, float, float]] = {
    2: ("uint8", 0, 255), 3: ("int8", -128, 127), 4: ("uint16", 0, 65535), 5: ("int16", -32768, 32767),
    6: ("int32", -(2**31), 2**31 - 1), 7: ("int64", -(2**31), 2**31 - 1),
}  # fmt: skip
FLOATS = {FLOAT: "float32", HALF: "float16", DOUBLE: "float64"}
CHANNELS = (1, 3)
QUANTIZING = ("QuantizeLinear", "DequantizeLinear")


@dataclass(frozen=True, slots=True)
class Input:
    """What the file says of its picture. shape: 0 for an open side. kind: of TensorProto.DataType."""

    name: str
    shape: tuple[int, ...]
    kind: int

    @property
    def is_channels_last(self) -> bool:
        """Whether the channels stand last."""
        return self.shape[3] in CHANNELS and self.shape[1] not in CHANNELS

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height, 0 where the file leaves them open."""
        height, width = self.shape[1:3] if self.is_channels_last else self.shape[2:4]
        return width, height


def opened(path: Path, spec: PoseSpec | None) -> SourceModel:
    """Open an ONNX file under a contract; without one its input must have a size.

    InputError for a file that is damaged, is not a network of one picture, or has no such outputs; ConversionError
    names an operation that has no PyTorch equivalent.
    """
    file = reading.read(path)
    model, image = file.model, _image(file.model, path)
    draft, told = ultralytics.of_metadata(path, reading.metadata(model))
    facts: dict[str, Any] = {"opset": reading.version_of(model), **told}
    if min(image.size_wh) > 0:
        facts["size_wh"] = list(image.size_wh)
    if spec is not None:
        check_facts(path, facts, spec)  # before a size that does not fit is met by an operation
    own = {one.name: _shape(one) for one in model.graph.output}
    outputs = {name: name for name in own} if spec is None else chosen(spec, own, _inside(model), path)
    shape = _fixed(image, spec, path)
    if spec is not None and image.kind in WHOLE and not is_probe(spec):
        name, low, high = WHOLE[image.kind]
        entered = np.rint(levels(spec.input)).clip(low, high).astype(name)
        check_steps(entered, f"the input {image.name!r}, {name}", path)
    constants = reading.weights(model.graph, path)
    nodes = reading.nodes(model.graph, constants, reading.version_of(model), path)
    arrange = partial(arranged, spec=spec, channels_last=image.is_channels_last)
    prepare = partial(_prepared, image)
    module = build(nodes, constants, {image.name: np.zeros(shape, np.float32)}, outputs, RULES, prepare, arrange)
    run = _runner(model, image, outputs, arrange, path)
    return SourceModel(
        path, Form.ONNX, file.sha256, settled(module), facts, draft, run, rounding=_rounding(nodes, model)
    )


def says_contract(path: Path) -> bool:
    """Whether the contract is in the file's metadata."""
    return "task" in reading.metadata(reading.read(path).model)


def described(path: Path) -> dict[str, Any]:
    """Inputs, outputs, operations and metadata, for who has no contract yet."""
    file = reading.read(path)
    model = file.model
    known = {one.name for one in model.graph.initializer}

    def side(values: Any) -> dict[str, str]:
        kinds = {**FLOATS, **{number: name for number, (name, *_) in WHOLE.items()}}
        return {
            one.name: f"{kinds.get(one.type.tensor_type.elem_type, 'other')} "
            f"{' x '.join(str(side or 'any') for side in _shape(one))}"
            for one in values if one.name not in known
        }  # fmt: skip

    return {
        "form": str(Form.ONNX),
        "sha256": file.sha256,
        "opset": reading.version_of(model),
        "producer": f"{model.producer_name} {model.producer_version}".strip(),
        "inputs": side(model.graph.input),
        "outputs": side(model.graph.output),
        "operations": dict(sorted(Counter(node.op_type for node in model.graph.node).items())),
        "metadata": {one.key: one.value for one in model.metadata_props},
        "parameters": sum(int(np.prod(one.dims)) for one in model.graph.initializer),
    }


def _image(model: Any, path: Path) -> Input:
    """The input that takes the picture; InputError where there are several, or it is none."""
    known = {one.name for one in model.graph.initializer}  # listed among the inputs before opset 9
    inputs = [one for one in model.graph.input if one.name not in known]
    listed = ", ".join(f"{one.name} {' x '.join(str(side or 'any') for side in _shape(one))}" for one in inputs)
    if len(inputs) != 1:
        raise InputError(f"{path} has {len(inputs)} inputs ({listed}), expected one picture", "export it with one")
    found = Input(inputs[0].name, _shape(inputs[0]), inputs[0].type.tensor_type.elem_type)
    is_picture = len(found.shape) == 4 and found.shape[0] in (0, 1)
    if not is_picture or not ({found.shape[1], found.shape[3]} & {0, *CHANNELS}):
        expected = "expected 1 x 3 x H x W or 1 x H x W x 3"
        raise InputError(f"the input of {path} is {listed}, {expected}", "is it a pose model?")
    if found.kind not in FLOATS and found.kind not in WHOLE:
        raise InputError(f"the input of {path} has ONNX's type {found.kind}, expected numbers", "")
    return found


def _shape(value: Any) -> tuple[int, ...]:
    """Sides of an input or output, 0 for an open one."""
    return tuple(max(int(side.dim_value), 0) for side in value.type.tensor_type.shape.dim)


def _inside(model: Any) -> set[str]:
    return {name for node in model.graph.node for name in node.output if name} | {
        one.name for one in model.graph.output
    }


def _fixed(image: Input, spec: PoseSpec | None, path: Path) -> tuple[int, int, int, int]:
    """Sides of the picture as (1, C, H, W): the contract's, else the file's own."""
    count = max(image.shape[3 if image.is_channels_last else 1], 0) or 3
    if spec is not None:
        if image.shape[1] or image.is_channels_last:
            _check_channels(count, spec, path)
        return (1, len(spec.input.mean), *spec.input.size_wh[::-1])
    width, height = image.size_wh
    if min(width, height) < 1:
        raise InputError(
            f"{path} leaves the size of its input {image.name!r} open", "say it in a contract: input.size_wh = [W, H]"
        )
    return 1, count, height, width


def _check_channels(count: int, spec: PoseSpec, path: Path) -> None:
    given = len(spec.input.mean)
    if count != given:
        raise InputError(
            f"{path} takes {count} channels, but input.color_order is {spec.input.color_order!r}, which gives {given}",
            'set input.color_order = "gray"' if count == 1 else "set input.color_order to rgb or bgr",
        )


def _prepared(image: Input, x: Any) -> Any:
    """(1, C, H, W) as the graph takes it; whole numbers are kept in float."""
    if image.kind in WHOLE:
        _, low, high = WHOLE[image.kind]
        x = x.round().clamp(low, high)
    return x.permute(0, 2, 3, 1) if image.is_channels_last else x


def _runner(
    model: Any,
    image: Input,
    outputs: Mapping[str, str],
    arrange: Arrange,
    path: Path,
) -> Run:
    """How onnxruntime runs the file, cut at `outputs`; InputError where it cannot."""
    ort = importlib.import_module("onnxruntime")
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # threads that spin slow others down
    try:
        content = reading.cut(model, list(outputs.values())).SerializeToString()
        with captured():
            session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        hint = "does it load where it was exported?"
        raise InputError(f"onnxruntime cannot load {path}{said(error)}", hint) from error
    kind = FLOATS.get(image.kind) or WHOLE[image.kind][0]

    def run(values: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        if image.kind in WHOLE:
            values = np.rint(values).clip(*WHOLE[image.kind][1:])
        given = values.transpose(0, 2, 3, 1) if image.is_channels_last else values
        results = session.run(list(outputs.values()), {image.name: np.ascontiguousarray(given, kind)})
        named: dict[str, NDArray[Any]] = arrange(dict(zip(outputs, map(np.asarray, results), strict=True)))
        return named

    return run


def _rounding(nodes: Sequence[Node], model: Any) -> float:
    if any(node.op in QUANTIZING for node in nodes):
        return EIGHT_BIT_ROUNDING
    kinds = {one.data_type for one in model.graph.initializer} | {node.attributes.get("to") for node in nodes}
    return HALF_ROUNDING if kinds & {HALF, BFLOAT} else ROUNDING
