"""What is stored of a measurement, as plain frozen values: no package but Python's own, for both environments."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Precision = Literal["fp32", "fp16", "int8"]
TOOLS = ("posekit", "onnx2tf", "litert-torch", "Ultralytics", "onnxruntime", "torch")  # in the tables' order
LITERT_PEERS = ("onnx2tf", "litert-torch", "Ultralytics")  # whose files run in LiteRT, as posekit's do


@dataclass(frozen=True, slots=True)
class Made:
    """A tool's file at a precision. file: its name in the tool's folder; failed: why there is none. note: what is to be
    said of it."""

    tool: str
    precision: Precision
    file: str = ""
    failed: str = ""
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Row:
    """A file, measured. milliseconds: median thread-CPU time of a run, of `runs`; least: of the quickest. error:
    largest difference from torch over torch's largest value, None where the weights are others. bytes: of the file."""

    tool: str
    precision: Precision
    milliseconds: float | None = None
    least: float | None = None
    runs: int = 0
    error: float | None = None
    bytes: int = 0
    failed: str = ""
    note: str = ""
