"""Small .tflite files made by hand: graphs whose operations need not compute anything sensible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from posekit.targets.litert.tflite_file import pack
from posekit.targets.litert.tflite_signatures import Signature, Tensor

OPTIONS = {
    "ADD": "Add",
    "AVERAGE_POOL_2D": "Pool2D",
    "BATCH_MATMUL": "BatchMatMul",
    "CAST": "Cast",
    "CONCATENATION": "Concatenation",
    "CONV_2D": "Conv2D",
    "CUMSUM": "Cumsum",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2D",
    "DEPTH_TO_SPACE": "DepthToSpace",
    "DIV": "Div",
    "FULLY_CONNECTED": "FullyConnected",
    "GATHER": "Gather",
    "LSTM": "LSTM",
    "MAX_POOL_2D": "Pool2D",
    "MEAN": "Reducer",
    "MIRROR_PAD": "MirrorPad",
    "MUL": "Mul",
    "ONE_HOT": "OneHot",
    "REDUCE_MAX": "Reducer",
    "RESHAPE": "Reshape",
    "RESIZE_BILINEAR": "ResizeBilinear",
    "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighbor",
    "SOFTMAX": "Softmax",
    "SPACE_TO_DEPTH": "SpaceToDepth",
    "SPLIT": "Split",
    "STRIDED_SLICE": "StridedSlice",
    "SUB": "Sub",
    "SUM": "Reducer",
    "TRANSPOSE_CONV": "TransposeConv",
}
BYTES = {"FLOAT32": 4, "FLOAT16": 2, "INT32": 4, "INT64": 8, "INT8": 1, "UINT8": 1, "INT16": 2, "BOOL": 1}


def op(
    kind: str, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor], custom: bool = False, **options: Any
) -> Signature:
    return Signature(0, kind, tuple(inputs), tuple(outputs), options, custom)


def tensor(*shape: int, dtype: str = "FLOAT32", constant: bool = False, dynamic: bool = False) -> Tensor:
    return Tensor(shape, dtype, constant, dynamic)


def model(ops: Sequence[Signature]) -> bytes:
    """A file of one graph with these operations; a tensor is another one each time, unless it is the same object."""
    from ai_edge_litert import schema_py_generated as schema

    root, graph = schema.ModelT(), schema.SubGraphT()
    root.version, root.subgraphs, root.buffers, root.operatorCodes = 3, [graph], [schema.BufferT()], []
    graph.name, graph.tensors, graph.operators, graph.inputs, graph.outputs = "main", [], [], [], []
    numbers: dict[int, int] = {}

    def number(one: Tensor | None) -> int:
        if one is None:
            return -1
        if id(one) not in numbers:
            numbers[id(one)] = len(graph.tensors)
            graph.tensors.append(_tensor(one, root, f"t{len(graph.tensors)}"))
        return numbers[id(one)]

    for one in ops:
        code = schema.OperatorCodeT()
        kind = schema.BuiltinOperator.CUSTOM if one.custom else getattr(schema.BuiltinOperator, one.kind)
        code.builtinCode, code.deprecatedBuiltinCode, code.version = kind, min(kind, 127), 1
        code.customCode = one.kind if one.custom else None
        operator = schema.OperatorT()
        operator.opcodeIndex = len(root.operatorCodes)
        operator.inputs, operator.outputs = [number(i) for i in one.inputs], [number(i) for i in one.outputs]
        if not one.custom and one.kind in OPTIONS:
            name = f"{OPTIONS[one.kind]}Options"
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, name)
            operator.builtinOptions = getattr(schema, f"{name}T")()
            for field, value in one.options.items():
                assert hasattr(operator.builtinOptions, field), (name, field)
                setattr(operator.builtinOptions, field, value)
        root.operatorCodes.append(code)
        graph.operators.append(operator)
    return pack(root)


def _tensor(one: Tensor, root: Any, name: str) -> Any:
    from ai_edge_litert import schema_py_generated as schema

    made = schema.TensorT()
    made.name, made.shape, made.type, made.buffer = name, list(one.shape), getattr(schema.TensorType, one.dtype), 0
    if one.dynamic:
        made.shapeSignature = [-1] * len(one.shape)
    if one.constant:
        buffer = schema.BufferT()
        count = 1
        for size in one.shape:
            count *= size
        buffer.data = bytes(max(BYTES[one.dtype] * count, 1))
        made.buffer = len(root.buffers)
        root.buffers.append(buffer)
    return made
