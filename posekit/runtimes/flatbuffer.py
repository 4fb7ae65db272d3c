"""A .tflite as objects, and back: the flatbuffer of TFLite's schema."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any


def unpack(model: bytes) -> Any:
    """The model as objects, every buffer inlined: ai-edge-quantizer stores weights behind the flatbuffer, where a
    plain unpack and repack loses them."""
    import numpy as np
    from ai_edge_litert import schema_py_generated as schema

    unpacked = schema.ModelT.InitFromPackedBuf(bytearray(model), 0)
    for buffer in unpacked.buffers:
        if buffer.offset > 1:
            buffer.data = np.frombuffer(model[buffer.offset : buffer.offset + buffer.size], np.uint8)
            buffer.offset = buffer.size = 0
    return unpacked


@lru_cache(maxsize=1)
def read(model: bytes) -> Any:
    """The same to look at, never to change: the last model is kept, since many checks look at one."""
    return unpack(model)


def pack(unpacked: Any) -> bytes:
    """The bytes of a model given as objects; equal vectors are written once.

    A file with one scale a channel would else be a tenth zero points, all 0 and 8 bytes each: 12 % of the sample's.
    """
    import flatbuffers
    import numpy as np

    class Sharing(flatbuffers.Builder):  # type: ignore[misc]
        def __init__(self, size: int) -> None:
            super().__init__(size)
            self.written: dict[tuple[str, bytes], int] = {}

        def CreateNumpyVector(self, x: Any) -> int:
            key = (x.dtype.str, x.tobytes())
            if key not in self.written:
                self.written[key] = super().CreateNumpyVector(x)
            return self.written[key]

    for graph in unpacked.subgraphs:
        for tensor in graph.tensors:
            for name, kind in (
                ("scale", np.float32),
                ("min", np.float32),
                ("max", np.float32),
                ("zeroPoint", np.int64),
            ):
                if tensor.quantization is not None and getattr(tensor.quantization, name) is not None:
                    setattr(tensor.quantization, name, np.asarray(getattr(tensor.quantization, name), kind))
    builder = Sharing(1 << 16)
    builder.Finish(unpacked.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


@cache
def op_names() -> dict[int, str]:
    """The schema's names of operations by their numbers."""
    from ai_edge_litert import schema_py_generated as schema

    return {value: key for key, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
