"""A saved .mlpackage as a list of operations."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from posekit.errors import InputError, MissingToolError, said
from posekit.runtimes.mil.decoders import DECODERS
from posekit.runtimes.mil.values import Constant, TensorType, Weights, constant, tensor_type
from posekit.runtimes.mlpackage import data_folder, read_specification

ON_A_MAC = "run it on a Mac"
_COLOURS = {10: "GRAYSCALE", 20: "RGB", 30: "BGR", 40: "GRAYSCALE"}


@dataclass(frozen=True, slots=True)
class Feature:
    """An input or output as an app sees it: shape with None where flexible; colour where it is an image, else ""."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str
    colour: str = ""


@dataclass(frozen=True, slots=True)
class Op:
    """One operation: the names that each parameter reads, the names and types that it gives."""

    name: str
    type: str
    inputs: Mapping[str, tuple[str, ...]]
    outputs: tuple[str, ...]
    types: tuple[TensorType, ...]

    @property
    def dtype(self) -> str:
        """Element type of the first output, as the program states it."""
        return self.types[0].dtype if self.types else ""


@dataclass(frozen=True, eq=False)
class Program:
    """One function of an ML Program; `ops` in the order of execution, constants apart by name."""

    file: str
    function: str
    inputs: tuple[Feature, ...]
    outputs: tuple[Feature, ...]
    parameters: Mapping[str, TensorType]
    results: tuple[str, ...]
    ops: tuple[Op, ...]
    constants: Mapping[str, Constant]
    opset: str = ""
    memo: dict[Any, Any] = field(default_factory=dict, repr=False)

    def constant(self, name: str) -> NDArray[Any]:
        """The value of a named constant as stored (fp16 stays float16); KeyError where it is none."""
        return self.constants[name].read()

    def readers(self, name: str) -> tuple[Op, ...]:
        """The operations that read a value."""
        return tuple(op for op in self.ops if any(name in names for names in op.inputs.values()))


def open_program(path: Path, function: str = "main") -> Program:
    """Read one function of an .mlpackage's ML Program; weights are mapped, not read.

    InputError where the package is damaged or holds no such function; MissingToolError without coremltools or torch.
    """
    if importlib.util.find_spec("torch") is None:
        raise MissingToolError("torch is not installed", "pip install 'posekit[coreml,torch]'")
    model = read_specification(path)
    if model.WhichOneof("Type") != "mlProgram":
        raise InputError(f"{path.name} holds a {model.WhichOneof('Type') or 'model without a type'}, not an ML Program")
    functions = model.mlProgram.functions
    chosen = model.description.defaultFunctionName if function == "main" and function not in functions else function
    if chosen not in functions:
        raise InputError(f"{path.name} has no function {function!r}, it has {sorted(functions)}")
    return _read_function(path.name, chosen, model, Weights(data_folder(path)))


def _read_function(file: str, name: str, model: Any, weights: Weights) -> Program:
    proto = model.mlProgram.functions[name]
    blocks = proto.block_specializations
    opset = proto.opset if proto.opset in blocks else next(iter(blocks), "")
    if not opset:
        raise InputError(f"{file}: function {name!r} has no block")
    block = blocks[opset]
    parameters = {given.name: _parameter(given, f"{file}: input {given.name!r}") for given in proto.inputs}
    constants: dict[str, Constant] = {}
    ops: list[Op] = []
    known = set(parameters)
    for number, operation in enumerate(block.operations):
        op = _read_op(file, number, operation, constants, weights)
        for value in (value for names in op.inputs.values() for value in names):
            if value not in known and value not in constants:
                raise InputError(f"{file}: op {op.name!r} reads {value!r}, which no operation before it gives")
        for value in op.outputs:
            if value in known:
                raise InputError(f"{file}: two operations give {value!r}")
            known.add(value)
        if not op.outputs or op.outputs[0] not in constants:
            ops.append(op)
    results = tuple(block.outputs)
    for missing in (value for value in results if value not in known):
        raise InputError(f"{file}: output {missing!r} is given by no operation")
    inputs, outputs = _features(file, name, model.description)
    for feature in inputs:
        if feature.name not in parameters:
            raise InputError(f"{file}: input {feature.name!r} is described, but the program does not take it")
    if len(outputs) != len(results):
        raise InputError(f"{file}: {len(outputs)} outputs are described, the program gives {len(results)}")
    return Program(file, name, inputs, outputs, parameters, results, tuple(ops), constants, opset)


def _parameter(given: Any, where: str) -> TensorType:
    if given.type.WhichOneof("type") == "stateType":
        raise InputError(f"{where} is a state, which posekit's models do not have")
    return tensor_type(given.type, where)


def _read_op(file: str, number: int, operation: Any, constants: dict[str, Constant], weights: Weights) -> Op:
    given = operation.attributes["name"].immediateValue.tensor.strings.values if "name" in operation.attributes else ()
    name = given[0] if given else operation.outputs[0].name if operation.outputs else f"{operation.type}_{number}"
    where = f"{file}: op {name!r} ({operation.type})"
    types = tuple(tensor_type(output.type, where) for output in operation.outputs)
    outputs = tuple(output.name for output in operation.outputs)
    inputs: dict[str, tuple[str, ...]] = {}
    if operation.type == "const":
        if len(outputs) != 1 or "val" not in operation.attributes or outputs[0] in constants:
            raise InputError(f"{where} is no constant that can be read")
        constants[outputs[0]] = constant(operation.attributes["val"], where, weights)
        return Op(name, "const", inputs, outputs, types)
    for parameter, bindings in _bindings(operation):
        if not bindings:
            raise InputError(f"{where}: nothing is bound to {parameter!r}")
        names = []
        for index, binding in enumerate(bindings):
            if isinstance(binding, str):
                names.append(binding)
                continue
            own = f"{outputs[0] if outputs else name}:{parameter}:{index}"  # a value written where it is used
            constants[own] = constant(binding, f"{where}, {parameter}", weights)
            names.append(own)
        inputs[parameter] = tuple(names)
    op = Op(name, operation.type, inputs, outputs, types)
    if op.type.startswith("constexpr_"):
        constants.update(_decoded(op, where, constants))
    return op


def _decoded(op: Op, where: str, constants: Mapping[str, Constant]) -> dict[str, Constant]:
    """What a compressed constant stands for, decoded when it is first read."""

    @cache
    def decode() -> tuple[NDArray[Any], ...]:
        if op.type not in DECODERS:
            raise MissingToolError(f"{where}: constants compressed in this way are not decoded here", ON_A_MAC)
        given = {parameter: constants[names[0]].read() for parameter, names in op.inputs.items() if names}
        try:
            dense = DECODERS[op.type](**given)
        except (ValueError, TypeError, IndexError, KeyError, MemoryError) as error:
            raise InputError(f"{where} cannot be decoded{said(error)}") from error
        arrays = dense if isinstance(dense, tuple) else (dense,)
        if [array.shape for array in arrays] != [one.shape for one in op.types]:
            raise InputError(f"{where} decodes to {[array.shape for array in arrays]}, the program states otherwise")
        return arrays

    for value in (value for names in op.inputs.values() for value in names):
        if value not in constants:
            raise InputError(f"{where} reads {value!r}, which is no constant")

    def reader(index: int) -> Callable[[], NDArray[Any]]:
        return lambda: decode()[index]

    return {
        output: Constant(kind, reader(index), op.type)
        for index, (output, kind) in enumerate(zip(op.outputs, op.types, strict=True))
    }


def _bindings(operation: Any) -> Iterator[tuple[str, list[Any]]]:
    """Parameters with the names or values bound to them; iOS 16's constexpr ops have theirs as attributes."""
    for parameter in sorted(operation.inputs):
        bound = operation.inputs[parameter].arguments
        yield parameter, [one.name if one.WhichOneof("binding") == "name" else one.value for one in bound]
    for parameter in sorted(operation.attributes):
        if parameter != "name" and operation.type.startswith("constexpr_"):
            yield parameter, [operation.attributes[parameter]]


def _features(file: str, function: str, description: Any) -> tuple[tuple[Feature, ...], tuple[Feature, ...]]:
    one = next((one for one in description.functions if one.name == function), description)
    return tuple(_feature(file, given) for given in one.input), tuple(_feature(file, given) for given in one.output)


def _feature(file: str, given: Any) -> Feature:
    kind = given.type.WhichOneof("Type")
    if kind == "imageType":
        image = given.type.imageType
        colour = _COLOURS.get(image.colorSpace, "")
        if not colour:
            raise InputError(f"{file}: image {given.name!r} has colour space {image.colorSpace}, which is not known")
        channels = 1 if colour == "GRAYSCALE" else 3
        return Feature(given.name, (int(image.height), int(image.width), channels), "uint8", colour)
    if kind != "multiArrayType":
        raise InputError(f"{file}: {given.name!r} is a {kind}, expected a multi-array or an image")
    array = given.type.multiArrayType
    dtype = {65552: "fp16", 65568: "fp32", 65600: "fp64", 131104: "int32", 131080: "int8"}.get(array.dataType)
    if dtype is None:
        raise InputError(f"{file}: {given.name!r} has elements of type {array.dataType}, which is not known")
    flexible = array.WhichOneof("ShapeFlexibility") is not None
    shape = tuple(int(size) for size in array.shape)
    return Feature(given.name, (None,) * len(shape) if flexible else shape, dtype)
