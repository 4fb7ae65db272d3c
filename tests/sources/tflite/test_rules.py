"""Every rule gives what LiteRT's own kernel does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch")
pytest.importorskip("ai_edge_litert")

from posekit.errors import ConversionError  # noqa: E402
from posekit.runtimes import litert  # noqa: E402
from posekit.runtimes.flatbuffer import unpack  # noqa: E402
from posekit.sources.network import build  # noqa: E402
from posekit.sources.tflite.graph import graph_of  # noqa: E402
from posekit.sources.tflite.rules import RULES  # noqa: E402
from tests.tflites import Adding, result, scaled, tflite  # noqa: E402

RNG = np.random.default_rng(0)
SHAPE = (1, 6, 5, 4)


def numbers(*shape: int) -> NDArray[np.float32]:
    return RNG.normal(0, 1, shape).astype(np.float32)


def whole(*values: Any) -> NDArray[np.int32]:
    return np.array(values, np.int32)


def constants(adding: Adding, values: Sequence[NDArray[Any]]) -> list[int]:
    return [adding.constant(f"constant_{place}", one) for place, one in enumerate(values)]


def op(
    kind: str, shape: Sequence[int], *values: NDArray[Any], options: str = "", first: bool = True,
    dtype: str = "float32", **given: Any,
) -> Callable[[Adding, int], int]:  # fmt: skip
    """One operation on the picture and constants behind it, or before it."""

    def make(adding: Adding, x: int) -> int:
        more = constants(adding, values)
        inputs = [x, *more] if first else [*more, x]
        made = result(adding, kind, inputs, shape, f"{options}Options" if options else "", kind=dtype, **given)
        return made if dtype == "float32" else adding.cast(made, "float32")

    return make


def parts(kind: str, shapes: Sequence[Sequence[int]], *values: NDArray[Any], first: bool = True, options: str = "",
          **given: Any) -> Callable[[Adding, int], list[int]]:  # fmt: skip
    """An operation of several results."""

    def make(adding: Adding, x: int) -> list[int]:
        more = constants(adding, values)
        results = [adding.tensor(f"part_{place}", shape) for place, shape in enumerate(shapes)]
        adding.add(kind, [x, *more] if first else [*more, x], results[0], f"{options}Options", **given)
        adding.made[-1].outputs = results
        return results

    return make


def conv(kind: str, kernel: NDArray[Any], shape: Sequence[int], **given: Any) -> Callable[[Adding, int], int]:
    options = {"CONV_2D": "Conv2D", "DEPTHWISE_CONV_2D": "DepthwiseConv2D"}[kind]
    channels = shape[-1]
    stride = {"strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1}
    return op(kind, shape, kernel, numbers(channels), options=options, **(stride | given))


def turned(kernel: NDArray[Any], shape: Sequence[int], **given: Any) -> Callable[[Adding, int], int]:
    return op("TRANSPOSE_CONV", shape, whole(*shape), kernel, options="TransposeConv", first=False, **given)


def pool(kind: str, shape: Sequence[int], **given: Any) -> Callable[[Adding, int], int]:
    return op(kind, shape, options="Pool2D", **given)


def resize(kind: str, height: int, width: int, corners: bool, half: bool) -> Callable[[Adding, int], int]:
    options = {"BILINEAR": "ResizeBilinear", "NEAREST_NEIGHBOR": "ResizeNearestNeighbor"}[kind]
    return op(f"RESIZE_{kind}", (1, height, width, 4), whole(height, width), options=options, alignCorners=corners,
              halfPixelCenters=half)  # fmt: skip


def gathered(adding: Adding, x: int) -> int:
    """Values where another map is largest, as MoveNet takes its offsets."""
    rows = adding.reshaped(x, (30, 4))
    best = adding.add("ARG_MAX", (rows, adding.constant("axis", whole(0))), adding.tensor("best", (4,), "int32"),
                      "ArgMaxOptions", outputType=2)  # fmt: skip
    column = adding.reshaped(best, (4, 1))
    adding.unpacked.subgraphs[0].tensors[column].type = 2
    channel = adding.constant("channel", np.arange(4, dtype=np.int32)[:, None])
    places = adding.add("CONCATENATION", (column, channel), adding.tensor("places", (4, 2), "int32"),
                        "ConcatenationOptions", axis=1)  # fmt: skip
    return result(adding, "GATHER_ND", (rows, places), (4,), "GatherNdOptions")


def in_eight_bits(adding: Adding, x: int) -> int:
    """Made int8, whose range alone holds an activation, and float again."""
    low = scaled(adding, adding.tensor("low", SHAPE, "int8"), 1 / 255, -128)
    adding.add("QUANTIZE", (x,), low, "QuantizeOptions")
    return result(adding, "DEQUANTIZE", (low,), SHAPE, "DequantizeOptions")


K33, D33 = numbers(8, 3, 3, 4), numbers(1, 3, 3, 4)
OPS: dict[str, Any] = {
    "conv same": conv("CONV_2D", K33, (1, 6, 5, 8), padding=0),
    "conv stride": conv("CONV_2D", K33, (1, 3, 3, 8), padding=0, strideW=2, strideH=2, fusedActivationFunction=3),
    "conv valid": conv("CONV_2D", K33, (1, 4, 3, 8), padding=1, fusedActivationFunction=1),
    "conv dilated": conv("CONV_2D", K33, (1, 6, 5, 8), padding=0, dilationWFactor=2, dilationHFactor=2),
    "conv grouped": conv("CONV_2D", numbers(8, 3, 3, 2), (1, 6, 5, 8), padding=0),
    "depthwise": conv("DEPTHWISE_CONV_2D", D33, (1, 6, 5, 4), padding=0, depthMultiplier=1),
    "depthwise twice": conv("DEPTHWISE_CONV_2D", numbers(1, 3, 3, 8), (1, 3, 3, 8), padding=0, depthMultiplier=2,
                            strideW=2, strideH=2),
    "transpose conv": turned(numbers(3, 4, 4, 4), (1, 12, 10, 3), padding=0, strideW=2, strideH=2),
    "transpose conv valid": turned(numbers(3, 2, 2, 4), (1, 12, 10, 3), padding=1, strideW=2, strideH=2),
    "transpose conv odd": turned(numbers(3, 3, 3, 4), (1, 12, 10, 3), padding=0, strideW=2, strideH=2),
    "connected": op("FULLY_CONNECTED", (1, 7), numbers(7, 120), numbers(7), options="FullyConnected"),
    "average pool": pool("AVERAGE_POOL_2D", (1, 3, 3, 4), padding=0, strideW=2, strideH=2, filterWidth=3,
                         filterHeight=3),
    "average pool valid": pool("AVERAGE_POOL_2D", (1, 3, 2, 4), padding=1, strideW=2, strideH=2, filterWidth=2,
                               filterHeight=2),
    "max pool": pool("MAX_POOL_2D", (1, 3, 3, 4), padding=0, strideW=2, strideH=2, filterWidth=3, filterHeight=3),
    "bilinear first": resize("BILINEAR", 12, 15, False, False),
    "bilinear first, down": resize("BILINEAR", 4, 3, False, False),
    "bilinear corners": resize("BILINEAR", 12, 15, True, False),
    "bilinear centres": resize("BILINEAR", 9, 11, False, True),
    "nearest": resize("NEAREST_NEIGHBOR", 12, 10, False, False),
    "nearest odd": resize("NEAREST_NEIGHBOR", 9, 8, False, False),
    "nearest corners": resize("NEAREST_NEIGHBOR", 9, 8, True, False),
    "nearest centres": resize("NEAREST_NEIGHBOR", 9, 8, False, True),
    "add": op("ADD", SHAPE, numbers(4), options="Add", fusedActivationFunction=1),
    "sub": op("SUB", SHAPE, numbers(1, 6, 5, 1), options="Sub", first=False),
    "mul": op("MUL", SHAPE, numbers(1), options="Mul", fusedActivationFunction=3),
    "div": op("DIV", SHAPE, numbers(1, 1, 5, 4) + 4, options="Div"),
    "maximum": op("MAXIMUM", SHAPE, numbers(4), options="MaximumMinimum"),
    "minimum": op("MINIMUM", SHAPE, numbers(4), options="MaximumMinimum"),
    "squared difference": op("SQUARED_DIFFERENCE", SHAPE, numbers(4), options="SquaredDifference"),
    "prelu": op("PRELU", SHAPE, numbers(1, 1, 4)), "leaky": op("LEAKY_RELU", SHAPE, options="LeakyRelu", alpha=0.1),
    **{name.lower(): op(name, SHAPE) for name in
       ("RELU", "RELU6", "RELU_N1_TO_1", "TANH", "LOGISTIC", "HARD_SWISH", "ELU", "ABS", "NEG", "EXP", "SQUARE",
        "FLOOR", "CEIL", "ROUND", "SIN")},
    "softmax": op("SOFTMAX", SHAPE, options="Softmax", beta=0.5), "log softmax": op("LOG_SOFTMAX", SHAPE),
    "gelu": op("GELU", SHAPE, options="Gelu", approximate=False),
    "l2": op("L2_NORMALIZATION", SHAPE, options="L2Norm"),
    "mean": op("MEAN", (1, 1, 1, 4), whole(1, 2), options="Reducer", keepDims=True),
    "mean flat": op("MEAN", (1, 4), whole(1, 2), options="Reducer", keepDims=False),
    "sum": op("SUM", (1, 6, 5), whole(-1), options="Reducer", keepDims=False),
    "largest": op("REDUCE_MAX", (1, 6, 5, 1), whole(3), options="Reducer", keepDims=True),
    "arg max": op("ARG_MAX", (1, 6, 5), whole(-1), options="ArgMax", dtype="int32", outputType=2),
    "gather nd": gathered,
    "gather": op("GATHER", (1, 6, 3, 4), whole(4, 0, 0), options="Gather", axis=2),
    "reshape": op("RESHAPE", (1, 30, 4), whole(1, -1, 4), options="Reshape"),
    "transpose": op("TRANSPOSE", (1, 4, 6, 5), whole(0, 3, 1, 2), options="Transpose"),
    "concatenation": op("CONCATENATION", (1, 6, 5, 7), numbers(1, 6, 5, 3), options="Concatenation", axis=-1),
    "pack": op("PACK", (1, 2, 6, 5, 4), numbers(*SHAPE), options="Pack", axis=1, valuesCount=2),
    "unpack": parts("UNPACK", [(1, 6, 5)] * 4, options="Unpack", num=4, axis=3),
    "split": parts("SPLIT", [(1, 6, 5, 2)] * 2, whole(3), first=False, options="Split", numSplits=2),
    "split v": parts("SPLIT_V", [(1, 6, 5, 1), (1, 6, 5, 3)], whole(1, -1), whole(3), options="SplitV", numSplits=2),
    "slice": op("SLICE", (1, 3, 5, 2), whole(0, 2, 0, 1), whole(1, 3, -1, 2), options="Slice"),
    "strided slice": op("STRIDED_SLICE", (1, 3, 4, 4), whole(0, 0, 1, 0), whole(0, 6, 5, 0), whole(1, 2, 1, 1),
                        options="StridedSlice", beginMask=9, endMask=9, shrinkAxisMask=0),
    "strided slice shrunk": op("STRIDED_SLICE", (6, 5), whole(0, 0, 0, -1), whole(1, 0, 0, 0), whole(1, 1, 1, 1),
                               options="StridedSlice", beginMask=6, endMask=6, shrinkAxisMask=9),
    "pad": op("PAD", (1, 8, 6, 4), whole((0, 0), (1, 1), (0, 1), (0, 0)), options="Pad"),
    "pad with": op("PADV2", (1, 8, 6, 4), whole((0, 0), (1, 1), (0, 1), (0, 0)), np.array([2.5], np.float32),
                   options="PadV2"),
    "mirror": op("MIRROR_PAD", (1, 8, 8, 4), whole((0, 0), (1, 1), (2, 1), (0, 0)), options="MirrorPad", mode=0),
    "mirror edge": op("MIRROR_PAD", (1, 8, 8, 4), whole((0, 0), (1, 1), (2, 1), (0, 0)), options="MirrorPad", mode=1),
    "squeeze": op("SQUEEZE", (6, 5, 4), options="Squeeze", squeezeDims=[0]),
    "expand": op("EXPAND_DIMS", (1, 6, 5, 1, 4), whole(3), options="ExpandDims"),
    "tile": op("TILE", (1, 12, 5, 4), whole(1, 2, 1, 1), options="Tile"),
    "depth to space": op("DEPTH_TO_SPACE", (1, 12, 10, 1), options="DepthToSpace", blockSize=2),
    "space to depth": lambda adding, x: result(adding, "SPACE_TO_DEPTH", (adding.cut(x, 2, 0, 4),), (1, 3, 2, 16),
                                               "SpaceToDepthOptions", blockSize=2),
    "reverse": op("REVERSE_V2", SHAPE, whole(2), options="ReverseV2"),
    "to batch and back": lambda adding, x: result(
        adding, "BATCH_TO_SPACE_ND",
        (result(adding, "SPACE_TO_BATCH_ND", (x, *constants(adding, (whole(2, 2), whole((0, 0), (0, 1))))),
                (4, 3, 3, 4), "SpaceToBatchNDOptions"), *constants(adding, (whole(2, 2), whole((0, 0), (0, 1))))),
        SHAPE, "BatchToSpaceNDOptions"),
    "int8": in_eight_bits,
}  # fmt: skip


def module_of(content: bytes, shape: Sequence[int]) -> Any:
    """The rules' module of a file, its outputs by place."""
    unpacked = unpack(content)
    graph = graph_of(unpacked, lambda number: pytest.fail("nothing is sparse"))
    ends = unpacked.subgraphs[0].outputs
    inputs = {graph.names[int(unpacked.subgraphs[0].inputs[0])]: np.zeros(shape, np.float32)}
    outputs = {str(i): graph.names[int(one)] for i, one in enumerate(ends)}
    return build(graph.nodes, graph.constants, inputs, outputs, RULES, lambda x: x, lambda given: given)


def both(content: bytes, values: NDArray[np.float32]) -> tuple[list[Any], list[Any]]:
    """What LiteRT gives, and what the rules do."""
    interpreter = litert.loaded(Path("network.tflite"), content=content)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values)
    interpreter.invoke()
    expected = [interpreter.get_tensor(one["index"]) for one in interpreter.get_output_details()]
    with torch.no_grad():
        seen = module_of(content, values.shape)(torch.from_numpy(values))
    return expected, [one.numpy() for one in seen.values()]


@pytest.mark.parametrize("name", OPS)
def test_a_rule_gives_what_the_kernel_does(name: str) -> None:
    values = numbers(*SHAPE) * 2
    expected, seen = both(tflite(SHAPE, OPS[name]), values)
    assert len(seen) == len(expected) > 0
    for ours, theirs in zip(seen, expected, strict=True):
        assert ours.shape == theirs.shape
        close = 1 / 255 if name == "int8" else 1e-5  # half a step of the scale, and of where it is rounded
        assert np.abs(ours - theirs).max() <= close * max(1.0, float(np.abs(theirs).max()))
        assert name in ("arg max",) or np.ptp(theirs) > 0


def test_every_rule_is_known_to_the_schema() -> None:
    from posekit.runtimes.flatbuffer import op_names

    assert set(RULES) <= set(op_names().values())


def test_what_has_no_rule_is_named() -> None:
    content = tflite(SHAPE, op("CUMSUM", SHAPE, whole(1), options="Cumsum"))
    with pytest.raises(ConversionError, match="no PyTorch equivalent of CUMSUM"):
        module_of(content, SHAPE)
