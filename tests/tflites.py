"""Small .tflite files made operation by operation, as other people's converters write them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.contract.spec import PoseSpec, parse_spec
from posekit.runtimes.flatbuffer import pack
from posekit.targets.litert.added import TYPES, Adding

Build = Callable[[Adding, int], int | Sequence[int]]


def empty() -> Adding:
    """A model of one graph without operations."""
    from ai_edge_litert import schema_py_generated as schema

    root, graph = schema.ModelT(), schema.SubGraphT()
    root.version, root.subgraphs, root.buffers, root.operatorCodes = 3, [graph], [schema.BufferT()], []
    graph.tensors, graph.operators, graph.inputs, graph.outputs = [], [], [], []
    return Adding(root)


def tflite(shape: Sequence[int], build: Build, *, kind: str = "float32", scale: float = 0.0, zero: int = 0) -> bytes:
    """A file whose input has this shape and type; build: the outputs of operations that it adds."""
    adding = empty()
    number = adding.tensor("picture", shape, kind)
    if scale:
        scaled(adding, number, scale, zero)
    found = build(adding, number)
    graph = adding.unpacked.subgraphs[0]
    graph.inputs, graph.outputs = [number], [found] if isinstance(found, int) else list(found)
    graph.operators = adding.made
    return pack(adding.unpacked)


def scaled(adding: Adding, number: int, scale: float, zero: int = 0) -> int:
    """The same tensor, whose numbers are of a scale."""
    from ai_edge_litert import schema_py_generated as schema

    given = schema.QuantizationParametersT()
    given.scale, given.zeroPoint = np.array([scale], np.float32), np.array([zero], np.int64)
    adding.unpacked.subgraphs[0].tensors[number].quantization = given
    return number


def result(adding: Adding, op: str, inputs: Sequence[int], shape: Sequence[int], options: str = "", *,
           kind: str = "float32", name: str = "result", **values: Any) -> int:  # fmt: skip
    """One operation with a result of its own."""
    return adding.add(op, inputs, adding.tensor(name, shape, kind), options, **values)


def convolution(adding: Adding, number: int, kernel: NDArray[np.float32], stride: int = 1, name: str = "maps",
                padding: int = 0, activation: int = 0) -> int:  # fmt: skip
    """CONV_2D with a kernel (out, h, w, in) and without bias, at its own size over the stride."""
    _, height, width, _ = adding.shape(number)
    size = [-(-side // stride) for side in (height, width)]
    inputs = (number, adding.constant(f"{name}_kernel", kernel),
              adding.constant(f"{name}_bias", np.zeros(len(kernel), np.float32)))  # fmt: skip
    return result(adding, "CONV_2D", inputs, (1, *size, len(kernel)), "Conv2DOptions", name=name, padding=padding,
                  strideW=stride, strideH=stride, fusedActivationFunction=activation)  # fmt: skip


def spec_of(**changes: Any) -> PoseSpec:
    """Three heatmaps of a picture of 32 x 48."""
    image = {"size_wh": [32, 48], "color_order": "rgb", "mean": [0, 0, 0], "std": [1, 1, 1], "resize": "affine_crop",
             "box_padding": 1.25, "alignment": "half_pixel"}  # fmt: skip
    table = {
        "schema": 1, "name": "small", "version": "1.0.0", "license": "MIT", "kind": "top_down", "outputs": ["heatmaps"],
        "decoder": {"kind": "heatmap", "output": "heatmaps", "refinement": "none", "alignment": "stride"},
        "keypoints": {"names": ["nose", "left_eye", "right_eye"], "oks_sigmas": [0.1] * 3,
                      "flip_pairs": [["left_eye", "right_eye"]]},
    }  # fmt: skip
    image |= changes.pop("input", {})
    return parse_spec({**table, **changes, "input": image}, "test")


def written(folder: Path, content: bytes, name: str = "network.tflite") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


__all__ = ["TYPES", "Adding", "convolution", "empty", "result", "scaled", "spec_of", "tflite", "written"]
