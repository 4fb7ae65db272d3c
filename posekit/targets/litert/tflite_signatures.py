"""What each operation of a .tflite takes and gives: kinds, types, sizes, what is constant, and its options."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from posekit.errors import InputError

DAMAGED = (struct.error, ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError)


@dataclass(frozen=True, slots=True)
class Tensor:
    """One operand: element type (`FLOAT32`), whether it is constant, and whether its size is known at run time only."""

    shape: tuple[int, ...]
    dtype: str
    constant: bool = False
    dynamic: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """One operation; number: in the order of execution, from 0.

    kind: `CONV_2D`, of a custom one its own name. inputs: None where an optional one is left out. options: fields of
    the operation's own table by their names in TFLite's schema; what the file leaves out has the schema's default.
    folded: it only widens constant float16, which the GPU reads as it is.
    """

    number: int
    kind: str
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]
    options: Mapping[str, Any]
    custom: bool = False
    folded: bool = False

    @property
    def given(self) -> tuple[Tensor, ...]:
        """The inputs that are there."""
        return tuple(one for one in self.inputs if one is not None)

    @property
    def computed(self) -> tuple[Tensor, ...]:
        """The inputs that are not constant."""
        return tuple(one for one in self.given if not one.constant)


def signatures(model: bytes) -> tuple[Signature, ...]:
    """The operations of the main graph in the order of execution; InputError where the file is damaged."""
    try:
        return tuple(_signatures(model))
    except DAMAGED as error:
        raise InputError("the .tflite is damaged: its operations cannot be read", "make it again") from error


def _signatures(model: bytes) -> Iterator[Signature]:
    from ai_edge_litert import schema_py_generated as schema

    root = schema.Model.GetRootAs(model, 0)
    graph = root.Subgraphs(0)
    kinds = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
    codes = [root.OperatorCodes(i) for i in range(root.OperatorCodesLength())]
    tensors = _tensors(root, graph)
    for number in range(graph.OperatorsLength()):
        operator = graph.Operators(number)
        code = codes[operator.OpcodeIndex()]
        kind = kinds[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
        custom = kind == "CUSTOM"
        if custom:
            kind = (code.CustomCode() or b"custom").decode(errors="replace")
        read = [operator.Inputs(i) for i in range(operator.InputsLength())]
        given = [operator.Outputs(i) for i in range(operator.OutputsLength())]
        inputs = tuple(None if i < 0 else tensors[i] for i in read)
        folded = kind == "DEQUANTIZE" and all(
            one is not None and one.constant and one.dtype == "FLOAT16" for one in inputs
        )
        if folded:
            tensors[given[0]] = inputs[0]  # type: ignore[assignment]
        outputs = tuple(tensors[i] for i in given)
        yield Signature(number, kind, inputs, outputs, _options(operator), custom, folded)


def _tensors(root: Any, graph: Any) -> dict[int, Tensor]:
    from ai_edge_litert import schema_py_generated as schema

    types = {value: name for name, value in vars(schema.TensorType).items() if isinstance(value, int)}
    found = {}
    for i in range(graph.TensorsLength()):
        tensor = graph.Tensors(i)
        number = tensor.Buffer()
        buffer = root.Buffers(number)
        # offset: the quantizer stores weights behind the flatbuffer
        constant = number != 0 and (buffer.DataLength() > 0 or buffer.Offset() > 1)
        shape = tuple(int(tensor.Shape(axis)) for axis in range(tensor.ShapeLength()))
        dynamic = any(tensor.ShapeSignature(axis) < 0 for axis in range(tensor.ShapeSignatureLength()))
        found[i] = Tensor(shape, types[tensor.Type()], constant, dynamic)
    return found


def _options(operator: Any) -> dict[str, Any]:
    from ai_edge_litert import schema_py_generated as schema

    table = schema.OperatorT.InitFromObj(operator).builtinOptions
    return {} if table is None else dict(vars(table))
