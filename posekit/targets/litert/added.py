"""Operations added to a .tflite: each a function of tensor numbers that gives the number of its result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

TYPES = {"float32": 0, "float16": 1, "int32": 2, "uint8": 3, "int64": 4, "bool": 6, "int16": 7, "int8": 9}
# of TFLite's kernels, the version from which on they take what is given to them here
VERSIONS = {"DEQUANTIZE": 3, "QUANTIZE": 2, "CAST": 3}


@dataclass
class Adding:
    """A model given as objects, to whose main graph operations are added: those made come in `made`, in order."""

    unpacked: Any
    made: list[Any] = field(default_factory=list)

    def tensor(self, name: str, shape: Sequence[int], kind: str = "float32") -> int:
        """A new tensor without values."""
        from ai_edge_litert import schema_py_generated as schema

        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name, [int(one) for one in shape], TYPES[kind], 0
        tensor.hasRank = True
        graph = self.unpacked.subgraphs[0]
        graph.tensors.append(tensor)
        return len(graph.tensors) - 1

    def constant(self, name: str, values: NDArray[Any]) -> int:
        """A new tensor with values of its own."""
        from ai_edge_litert import schema_py_generated as schema

        number = self.tensor(name, values.shape, str(values.dtype))
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        self.unpacked.buffers.append(buffer)
        self.unpacked.subgraphs[0].tensors[number].buffer = len(self.unpacked.buffers) - 1
        return number

    def shape(self, number: int) -> tuple[int, ...]:
        """The shape of a tensor."""
        return tuple(int(one) for one in self.unpacked.subgraphs[0].tensors[number].shape)

    def add(self, op: str, inputs: Sequence[int], output: int, options: str = "", **values: Any) -> int:
        """One operation; options: the name of its table, values: the table's fields."""
        from ai_edge_litert import schema_py_generated as schema

        operator = schema.OperatorT()
        operator.opcodeIndex = self._code(op)
        operator.inputs, operator.outputs = list(inputs), [output]
        if options:
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, options)
            operator.builtinOptions = getattr(schema, f"{options}T")()
            for name, value in values.items():
                setattr(operator.builtinOptions, name, value)
        self.made.append(operator)
        return output

    def of_two(self, op: str, options: str, number: int, values: NDArray[np.float32]) -> int:
        """Arithmetic of a tensor with a constant."""
        result = self.tensor(f"{op.lower()}_result", self.shape(number))
        return self.add(op, (number, self.constant(f"{op.lower()}_value", values)), result, options)

    def both(self, op: str, options: str, first: int, second: int) -> int:
        """Arithmetic of two tensors of one shape."""
        return self.add(op, (first, second), self.tensor(f"{op.lower()}_result", self.shape(first)), options)

    def rounded(self, number: int) -> int:
        """The nearest whole numbers, halves to the even one."""
        return self.add("ROUND", (number,), self.tensor("rounded", self.shape(number)))

    def transposed(self, number: int, order: Sequence[int]) -> int:
        shape = self.shape(number)
        result = self.tensor("transposed", [shape[axis] for axis in order])
        axes = self.constant("order", np.array(order, np.int32))
        return self.add("TRANSPOSE", (number, axes), result, "TransposeOptions")

    def reshaped(self, number: int, shape: Sequence[int]) -> int:
        sides = self.constant("shape", np.array(shape, np.int32))
        return self.add(
            "RESHAPE", (number, sides), self.tensor("reshaped", shape), "ReshapeOptions", newShape=list(shape)
        )

    def cut(self, number: int, axis: int, start: int, length: int) -> int:
        """A part of one axis."""
        shape = list(self.shape(number))
        begin = [start if one == axis else 0 for one in range(len(shape))]
        shape[axis] = length
        given = [self.constant(name, np.array(one, np.int32)) for name, one in (("begin", begin), ("size", shape))]
        return self.add("SLICE", (number, *given), self.tensor("part", shape), "SliceOptions")

    def joined(self, numbers: Sequence[int]) -> int:
        """Tensors of one shape behind each other along the last axis."""
        shape = list(self.shape(numbers[0]))
        axis = len(shape) - 1
        shape[axis] = sum(self.shape(one)[axis] for one in numbers)
        result = self.tensor("joined", shape)
        return self.add("CONCATENATION", numbers, result, "ConcatenationOptions", axis=axis)

    def cast(self, number: int, kind: str, result: int | None = None) -> int:
        """As another type, into `result` where that is given."""
        given = self.unpacked.subgraphs[0].tensors[number].type
        to = self.tensor("cast", self.shape(number), kind) if result is None else result
        return self.add("CAST", (number,), to, "CastOptions", inDataType=given, outDataType=TYPES[kind])

    def _code(self, op: str) -> int:
        from ai_edge_litert import schema_py_generated as schema

        builtin, version = int(getattr(schema.BuiltinOperator, op)), VERSIONS.get(op, 1)
        for number, code in enumerate(self.unpacked.operatorCodes):
            same = max(code.builtinCode, code.deprecatedBuiltinCode) == builtin
            if same and max(int(code.version), 1) == version:
                return number
        code = schema.OperatorCodeT()
        code.builtinCode, code.deprecatedBuiltinCode, code.version = builtin, min(builtin, 127), version
        self.unpacked.operatorCodes.append(code)
        return len(self.unpacked.operatorCodes) - 1
