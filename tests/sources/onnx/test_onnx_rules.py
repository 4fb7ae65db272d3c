"""Each rule against onnxruntime, on the same numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

from posekit.sources.onnx import opening  # noqa: E402
from posekit.sources.onnx.rules import RULES  # noqa: E402
from tests.sources.onnx.graphs import IMAGE, model, node, saved  # noqa: E402

RNG = np.random.default_rng(0)
F = np.float32


def f(*shape: int) -> Any:
    return RNG.normal(size=shape).astype(F)


def i(*values: int) -> Any:
    return np.array(values, np.int64)


@dataclass(frozen=True)
class Case:
    """An operation on `image` (1, 3, 8, 6) and constants, in some opsets; before: what makes its first operand."""

    op: str
    constants: tuple[Any, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict)
    opsets: tuple[int, ...] = (17,)
    outputs: int = 1
    before: tuple[tuple[str, dict[str, Any]], ...] = ()
    first: bool = True

    @property
    def name(self) -> str:
        shapes = ["" if c is None else "x".join(map(str, np.shape(c))) or "1" for c in self.constants]
        said = ["".join(str(v)[:16].replace(" ", "")) for v in self.attributes.values()]
        return "-".join([self.op, *shapes, *said])[:70]


POSITIVE = (("Abs", {}), ("Add", {}))
UNARY = [
    "Relu", "Sigmoid", "Tanh", "Exp", "Neg", "Abs", "Floor", "Ceil", "Round", "Erf", "Sin", "Cos", "Sign", "Softplus",
    "Softsign", "HardSwish", "Identity", "Atan", "Reciprocal", "Elu", "Selu", "Celu", "LeakyRelu", "ThresholdedRelu",
    "HardSigmoid", "Size", "Dropout",
]  # fmt: skip
W, V = f(4, 3, 3, 3), f(3, 1, 3, 3)
T = f(3, 4, 4, 4)
CASES = [
    *(Case(op) for op in UNARY),
    *(Case(op, before=(("Abs", {}),)) for op in ("Sqrt", "Log")),
    Case("Mish", opsets=(18,)), Case("Gelu", opsets=(20,)), Case("Gelu", (), {"approximate": "tanh"}, (20,)),
    Case("Elu", (), {"alpha": 0.5}), Case("LeakyRelu", (), {"alpha": 0.3}),
    Case("HardSigmoid", (), {"alpha": 1 / 6, "beta": 0.5}),
    Case("PRelu", (f(3, 1, 1),)), Case("PRelu", (f(1),)), Case("PRelu", (f(6),)),
    Case("Clip", (F(0), F(6))), Case("Clip", (F(0),)), Case("Clip", (None, F(0.5))),
    Case("Clip", (), {"min": -0.5, "max": 0.5}, (8, 10)), Case("Clip", (), {}, (8,)),
    *(Case(op, (f(1, 3, 1, 1),), opsets=(8, 17)) for op in ("Add", "Sub", "Mul", "Div")),
    *(Case(op, (f(1, 3, 8, 6), f(6)), opsets=(8, 17)) for op in ("Min", "Max", "Sum", "Mean")),
    Case("Pow", (F(2),)), Case("Pow", (F(3),)), Case("Pow", (f(1),), before=(("Abs", {}),)),
    Case("Mod", (f(6),), {"fmod": 1}),
    # layers
    Case("Conv", (W, f(4)), {"pads": [1, 1, 1, 1]}), Case("Conv", (W,), {"pads": [0, 1, 2, 1], "strides": [2, 1]}),
    Case("Conv", (V,), {"group": 3, "dilations": [2, 2], "pads": [2, 2, 2, 2]}),
    Case("Conv", (W,), {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    Case("Conv", (W,), {"auto_pad": "SAME_LOWER", "strides": [2, 2]}), Case("Conv", (W,), {"auto_pad": "VALID"}),
    Case("Conv", (f(5, 3, 4, 4),), {"auto_pad": "SAME_UPPER"}),
    Case("ConvTranspose", (T, f(4)), {"strides": [2, 2], "pads": [1, 1, 1, 1]}),
    Case("ConvTranspose", (T,), {"strides": [2, 2], "pads": [0, 1, 2, 1], "output_padding": [1, 1]}),
    Case("ConvTranspose", (T,), {"strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    Case("ConvTranspose", (f(3, 4, 3, 3),), {"strides": [2, 2], "auto_pad": "SAME_LOWER"}),
    Case("ConvTranspose", (f(3, 4, 3, 3),), {"strides": [2, 2], "output_shape": [16, 12]}),
    Case("ConvTranspose", (f(3, 1, 2, 2),), {"strides": [2, 2], "group": 3}),
    Case("MaxPool", (), {"kernel_shape": [2, 2], "strides": [2, 2]}),
    Case("MaxPool", (), {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
    Case("MaxPool", (), {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}),
    Case("MaxPool", (), {"kernel_shape": [3, 2], "pads": [0, 0, 1, 1]}),
    Case("MaxPool", (), {"kernel_shape": [3, 3], "auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    Case("AveragePool", (), {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
    Case("AveragePool", (), {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1}),
    Case("AveragePool", (), {"kernel_shape": [3, 3], "auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    Case("AveragePool", (), {"kernel_shape": [2, 3], "pads": [0, 1, 1, 0], "count_include_pad": 1}),
    Case("GlobalAveragePool"), Case("GlobalMaxPool"),
    Case("BatchNormalization", (f(3), f(3), f(3), abs(f(3))), {"epsilon": 1e-3}, (9, 17)),
    Case("InstanceNormalization", (f(3), f(3))), Case("LayerNormalization", (f(6), f(6))),
    Case("LayerNormalization", (f(8, 6),), {"axis": 2}), Case("RMSNormalization", (f(6),), opsets=(23,)),
    Case("GroupNormalization", (f(3), f(3)), {"num_groups": 3}, (21,)),
    Case("LRN", (), {"size": 3}), Case("LpNormalization", (), {"axis": 1}),
    Case("MatMul", (f(6, 5),)), Case("MatMul", (f(3, 6, 5),)),
    Case("Einsum", (f(3, 4),), {"equation": "bchw,cd->bdhw"}),
    Case("Gemm", (f(144, 5), f(5)), before=(("Flatten", {}),)),
    Case("Gemm", (f(5, 144), f(1, 5)), {"transB": 1, "alpha": 0.5, "beta": 2.0}, before=(("Flatten", {}),)),
    Case("Gemm", (f(1, 5),), {"transA": 1}, before=(("Flatten", {}),)),
    # reductions
    *(Case(f"Reduce{op}", (), {"axes": [2, 3], "keepdims": keep}, (13,))
      for op in ("Mean", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSumExp") for keep in (0, 1)),
    Case("ReduceMean", (i(-1),), {}, (18,)), Case("ReduceSum", (i(1),), {"keepdims": 0}), Case("ReduceSum", (), {}),
    Case("ReduceSum", (), {"noop_with_empty_axes": 1}), Case("ReduceMax", (i(2),), {}, (18,)),
    Case("Softmax", (), {"axis": 1}, (8, 11, 13)), Case("Softmax", (), {}, (8, 11, 13)),
    Case("Softmax", (), {"axis": 2}, (11, 13)), Case("LogSoftmax", (), {"axis": 3}, (11, 13)),
    Case("ArgMax", (), {"axis": 3}), Case("ArgMin", (), {"axis": 1, "keepdims": 0}),
    Case("ArgMax", (), {"axis": 3, "select_last_index": 1}), Case("TopK", (i(3),), {"axis": 2}, (11,), 2),
    Case("TopK", (i(2),), {"largest": 0}, (11,), 2), Case("CumSum", (np.array(2, np.int64),)),
    Case("CumSum", (np.array(3, np.int64),), {"reverse": 1, "exclusive": 1}),
    Case("CumSum", (np.array(1, np.int64),), {"exclusive": 1}), Case("Selu", (), {"alpha": 1.1, "gamma": 0.7}),
    # shapes
    Case("Reshape", (i(0, -1, 6),)), Case("Reshape", (i(1, 144),)), Case("Flatten", (), {"axis": 2}),
    Case("Transpose", (), {"perm": [0, 2, 3, 1]}), Case("Transpose"),
    Case("Squeeze", (i(0),)), Case("Squeeze", (), {"axes": [0]}, (11,)), Case("Squeeze"),
    Case("Unsqueeze", (i(0, -1),)), Case("Unsqueeze", (), {"axes": [1, 2]}, (11,)),
    Case("Concat", (f(1, 2, 8, 6),), {"axis": 1}), Case("Concat", (f(1, 3, 8, 6),), {"axis": -1}),
    Case("Split", (i(3, 5),), {"axis": 2}, (13,), 2), Case("Split", (), {"axis": 2, "split": [2, 6]}, (11,), 2),
    Case("Split", (), {"axis": 3}, (11, 13), 3), Case("Split", (), {"axis": 2, "num_outputs": 3}, (18,), 3),
    Case("Slice", (i(1), i(3), i(1))), Case("Slice", (i(0), i(8), i(2), i(2))),
    Case("Slice", (i(-1), i(-100), i(3), i(-1))),
    Case("Slice", (i(1, 2), i(2**31, -1), i(2, 3))), Case("Slice", (), {"starts": [1], "ends": [5], "axes": [2]}, (9,)),
    Case("Slice", (i(-2), i(-(2**40)), i(2), i(-3))),
    Case("Gather", (i(2, 0),), {"axis": 1}), Case("Gather", (np.array(-1, np.int64),), {"axis": 3}),
    Case("Gather", (np.array([[0, 5], [7, 1]], np.int64),), {"axis": 2}),
    Case("Gather", (i(0, 2, 4, 6, 7, 1),), {"axis": 2}),
    Case("GatherElements", (RNG.integers(-6, 6, (1, 3, 8, 2)),), {"axis": 3}),
    Case("GatherND", (np.array([[0, 1], [0, 2]], np.int64),)),
    Case("ScatterND", (np.array([[0, 1]], np.int64), f(1, 8, 6))),
    Case("Expand", (i(2, 1, 1, 1),)), Case("Expand", (i(4, 1, 3, 8, 6),)), Case("Tile", (i(1, 2, 1, 3),)),
    Case("Pad", (i(0, 0, 1, 2, 0, 0, 3, 0), F(0.5))), Case("Pad", (i(0, 0, 1, 2, 0, 0, 2, 1),), {"mode": "reflect"}),
    Case("Pad", (i(0, 0, 1, 2, 0, 0, 2, 1),), {"mode": "edge"}), Case("Pad", (i(0, 1, 0, 0, 0, 0, 0, 0),)),
    Case("Pad", (i(0, 0, -1, 0, 0, 0, -2, 0),)), Case("Pad", (i(1, 2), F(0), i(3)), opsets=(18,)),
    Case("Pad", (), {"pads": [0, 0, 1, 1, 0, 0, 1, 1], "value": 2.0}, (8,)),
    Case("Shape"), Case("Shape", (), {"start": 1, "end": -1}),
    Case("DepthToSpace", (), {"blocksize": 2}, before=(("Concat4", {}),)),
    Case("DepthToSpace", (), {"blocksize": 2, "mode": "CRD"}, before=(("Concat4", {}),)),
    Case("SpaceToDepth", (), {"blocksize": 2}), Case("Trilu"), Case("Trilu", (np.array(1, np.int64),), {"upper": 0}),
    Case("Cast", (), {"to": 6}), Case("Cast", (), {"to": 9}),
    Case("Greater", (f(6),)), Case("LessOrEqual", (f(6),)), Case("Equal", (f(6),)),
    Case("QuantizeLinear", (F(0.02), np.uint8(128))), Case("QuantizeLinear", (F(0.02), np.int8(0))),
    # resizes
    *(Case("Resize", (None, np.array([1, 1, *by], F)), {"mode": "nearest", "coordinate_transformation_mode": at,
                                                     "nearest_mode": to}, (13,))
      for by in ((2, 2), (0.5, 0.5), (1.5, 3)) for at in ("asymmetric", "half_pixel", "align_corners")
      for to in ("floor", "round_prefer_floor", "round_prefer_ceil", "ceil")),
    *(Case("Resize", (None, np.array([1, 1, *by], F)), {"mode": mode, "coordinate_transformation_mode": at}, (13,))
      for by in ((2, 2), (0.5, 0.5), (1.3, 3))
      for at in ("asymmetric", "half_pixel", "align_corners", "pytorch_half_pixel")
      for mode in ("linear", "cubic")),
    Case("Resize", (None, None, i(1, 3, 16, 12)), {"mode": "linear"}, (13,)),
    Case("Resize", (None, None, i(1, 3, 11, 5)),
         {"mode": "linear", "coordinate_transformation_mode": "align_corners"}, (13,)),
    Case("Resize", (None, None, i(16, 12)), {"mode": "linear", "axes": [2, 3]}, (18,)),
    Case("Resize", (np.array([1, 1, 2, 2], F),), {"mode": "nearest"}, (10,)),
    Case("Resize", (np.array([1, 1, 2, 2], F),), {"mode": "linear"}, (10,)),
    Case("Upsample", (np.array([1, 1, 2, 3], F),), {"mode": "nearest"}, (9,)),
    Case("Upsample", (np.array([1, 1, 2, 2], F),), {"mode": "linear"}, (9,)),
    Case("GridSample", (RNG.uniform(-1.2, 1.2, (1, 4, 5, 2)).astype(F),), {"padding_mode": "border"}, (16,)),
]  # fmt: skip
TABLE = [pytest.param(case, opset, id=f"{case.name}-{opset}") for case in CASES for opset in case.opsets]


def of(case: Case, opset: int) -> Any:
    nodes, last = [], "image"
    for index, (op, attributes) in enumerate(case.before):
        operands = [last] * 4 if op == "Concat4" else [last]
        nodes.append(
            node(
                op.removesuffix("4"),
                operands,
                [f"before_{index}"],
                **attributes,
                **({"axis": 1} if op == "Concat4" else {}),
            )
        )
        last = f"before_{index}"
    constants = {f"c{index}": one for index, one in enumerate(case.constants) if one is not None}
    names = [f"c{index}" if one is not None else "" for index, one in enumerate(case.constants)]
    outputs = [f"y{index}" for index in range(case.outputs)]
    nodes.append(node(case.op, [last, *names], outputs, **case.attributes))
    return model(nodes, outputs, constants, opset=opset)


@pytest.mark.parametrize(("case", "opset"), TABLE)
def test_a_rule_is_the_operation(case: Case, opset: int, tmp_path: Path) -> None:
    source = opening.opened(saved(of(case, opset), tmp_path), None)
    image = np.random.default_rng(1).normal(size=IMAGE).astype(F)
    with torch.no_grad():
        seen = source.module(torch.from_numpy(image))
    for name, expected in source.run(image).items():  # type: ignore[misc]
        assert tuple(seen[name].shape) == expected.shape
        assert np.allclose(seen[name].numpy(), expected, rtol=1e-5, atol=2e-5), name


def test_every_rule_has_a_case() -> None:
    elsewhere = {  # of constants alone, or the same function as one that has a case
        "Constant", "ConstantOfShape", "Range", "NonZero", "OneHot", "Where", "CastLike", "Not", "And", "Or", "Xor",
        "IsNaN", "IsInf", "Tan", "Asin", "Acos", "Sinh", "Cosh", "GreaterOrEqual", "Less", "DequantizeLinear",
    }  # fmt: skip
    assert set(RULES) - {case.op for case in CASES} - elsewhere == set()
