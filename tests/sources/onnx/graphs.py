"""Small ONNX files, made in memory: for tests of what reads and converts them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

IMAGE = (1, 3, 8, 6)


def node(op: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> Any:
    """One operation."""
    return helper.make_node(op, inputs, outputs, name=f"/{outputs[0]}/{op}", **attributes)


def model(
    nodes: Sequence[Any], outputs: Sequence[str], constants: Mapping[str, NDArray[Any]] | None = None, *,
    shape: Sequence[Any] = IMAGE, opset: int = 17, kind: int = TensorProto.FLOAT,
) -> Any:  # fmt: skip
    """A model of one picture `image`; outputs without a type, which onnxruntime infers."""
    graph = helper.make_graph(
        nodes, "graph", [helper.make_tensor_value_info("image", kind, shape)],
        [onnx.ValueInfoProto(name=name) for name in outputs],
        [numpy_helper.from_array(np.asarray(values), name) for name, values in (constants or {}).items()],
    )  # fmt: skip
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    made.ir_version = 8
    return made


def saved(made: Any, folder: Path, name: str = "model.onnx") -> Path:
    """Write it."""
    path = folder / name
    path.write_bytes(made.SerializeToString())
    return path
