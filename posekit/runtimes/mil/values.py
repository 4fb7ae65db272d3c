"""Types and constants of an ML Program: what the protobuf and the weight files hold, as numpy arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.errors import InputError

MAX_ELEMENTS = 1 << 28  # of one tensor: 1 GiB as float32, far above any pose network's

# protobuf's DataType -> name here; what is not listed is refused
DTYPES = {
    1: "bool", 2: "str", 10: "fp16", 11: "fp32", 12: "fp64", 21: "int8", 22: "int16", 23: "int32", 24: "int64",
    25: "int4", 31: "uint8", 32: "uint16", 33: "uint32", 34: "uint64", 35: "uint4", 36: "uint2", 37: "uint1",
    38: "uint6", 39: "uint3",
}  # fmt: skip
# a blob's own code for its elements, from the weight file's records
BLOB_DTYPES = {
    1: "fp16", 2: "fp32", 3: "uint8", 4: "int8", 6: "int16", 7: "uint16", 8: "int4", 9: "uint1", 10: "uint2",
    11: "uint4", 12: "uint3", 13: "uint6", 14: "int32", 15: "uint32",
}  # fmt: skip
SUB_BYTE = {"int4": 4, "uint4": 4, "uint2": 2, "uint1": 1, "uint6": 6, "uint3": 3}
NUMPY: dict[str, type[np.generic]] = {
    "bool": np.bool_, "fp16": np.float16, "fp32": np.float32, "fp64": np.float64, "int8": np.int8, "int16": np.int16,
    "int32": np.int32, "int64": np.int64, "uint8": np.uint8, "uint16": np.uint16, "uint32": np.uint32,
    "uint64": np.uint64, "int4": np.int8, "uint4": np.uint8, "uint2": np.uint8, "uint1": np.uint8,
    "uint6": np.uint8, "uint3": np.uint8,
}  # fmt: skip
_RECORD = 64  # bytes of a blob's description, and of the file's header
_SENTINEL = 0xDEADBEEF


@dataclass(frozen=True, slots=True)
class TensorType:
    """Element type by name, and sizes; None where a size is known at run time only."""

    dtype: str
    shape: tuple[int | None, ...]

    @property
    def is_float(self) -> bool:
        """Whether the elements are floating point."""
        return self.dtype.startswith("fp")


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant's type, the function that reads it, and the constexpr op that it is compressed by, else ""."""

    type: TensorType
    read: Callable[[], NDArray[Any]]
    encoding: str = ""


def tensor_type(proto: Any, where: str) -> TensorType:
    """A ValueType of the protobuf; InputError where it is no tensor, of an unknown kind, or absurdly large."""
    if proto.WhichOneof("type") != "tensorType":
        raise InputError(f"{where} is a {proto.WhichOneof('type') or 'value without a type'}, expected a tensor")
    tensor = proto.tensorType
    if tensor.dataType not in DTYPES:
        raise InputError(f"{where} has elements of type {tensor.dataType}, which is not known here")
    shape = tuple(
        int(dimension.constant.size) if dimension.WhichOneof("dimension") == "constant" else None
        for dimension in tensor.dimensions
    )
    if prod(size or 1 for size in shape) > MAX_ELEMENTS or len(shape) > 16:
        raise InputError(f"{where} has shape {shape}, more than the {MAX_ELEMENTS} elements that are evaluated here")
    return TensorType(DTYPES[tensor.dataType], shape)


def constant(value: Any, where: str, weights: Weights) -> Constant:
    """A Value of the protobuf, checked now and read when it is needed."""
    kind = tensor_type(value.type, where)
    if None in kind.shape:
        raise InputError(f"{where} is a constant without a size")
    if value.WhichOneof("value") == "blobFileValue":
        data = weights.blob(value.blobFileValue.fileName, value.blobFileValue.offset, kind, where)
        return Constant(kind, lambda: _from_bytes(data, kind))
    tensor = value.immediateValue.tensor
    which = tensor.WhichOneof("value")
    if which is None:
        raise InputError(f"{where} holds no value")
    if which == "bytes":
        raw = np.frombuffer(tensor.bytes.values, np.uint8)
        if raw.size != byte_size(kind):
            raise InputError(f"{where} holds {raw.size} bytes, {byte_size(kind)} are expected for {kind}")
        return Constant(kind, lambda: _from_bytes(raw, kind))
    values = getattr(tensor, which).values
    count = prod(size or 0 for size in kind.shape)
    if len(values) != count:
        raise InputError(f"{where} holds {len(values)} values, {count} are expected")
    dtype: Any = np.str_ if kind.dtype == "str" else NUMPY[kind.dtype]
    return Constant(kind, lambda: np.array(list(values), dtype).reshape(kind.shape))  # type: ignore[arg-type]


def byte_size(kind: TensorType) -> int:
    """Bytes that a constant of this type takes, elements below a byte packed."""
    count = prod(size or 0 for size in kind.shape)
    if kind.dtype in SUB_BYTE:
        return (count * SUB_BYTE[kind.dtype] + 7) // 8
    if kind.dtype not in NUMPY:
        raise InputError(f"a constant of {kind.dtype} cannot lie in bytes")
    return int(count * np.dtype(NUMPY[kind.dtype]).itemsize)


def unpack(packed: NDArray[np.uint8], bits: int, count: int, signed: bool = False) -> NDArray[Any]:
    """Elements of 1-8 bits, packed from the least significant bit on and across bytes, as (count,) bytes."""
    lanes = np.unpackbits(packed, bitorder="little")[: count * bits].reshape(count, bits)
    values = lanes @ (1 << np.arange(bits)).astype(np.uint8)
    if signed:
        return (values.astype(np.int16) - ((values >> (bits - 1)).astype(np.int16) << bits)).astype(np.int8)
    return values.astype(np.uint8)


def _from_bytes(raw: NDArray[np.uint8], kind: TensorType) -> NDArray[Any]:
    shape: Any = kind.shape
    if kind.dtype in SUB_BYTE:
        return unpack(raw, SUB_BYTE[kind.dtype], prod(shape), kind.dtype.startswith("int")).reshape(shape)
    return raw.view(NUMPY[kind.dtype]).reshape(shape)


class Weights:
    """The weight files of a package, mapped and not read; `root` is what "@model_path" stands for."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._files: dict[str, NDArray[np.uint8]] = {}

    def blob(self, name: str, offset: int, kind: TensorType, where: str) -> NDArray[np.uint8]:
        """The bytes of one constant; InputError where its record or its bytes are not inside the file."""
        data = self._file(name, where)
        if offset < _RECORD or offset + _RECORD > data.size:
            raise InputError(f"{where} lies at byte {offset} of {name}, which has {data.size}")
        record = data[offset : offset + _RECORD]
        sentinel, code = (int(value) for value in record[:8].view("<u4"))
        size, start = (int(value) for value in record[8:24].view("<u8"))
        if sentinel != _SENTINEL:
            raise InputError(f"{where}: byte {offset} of {name} begins no constant")
        if BLOB_DTYPES.get(code, kind.dtype) != kind.dtype and not (code == 3 and kind.dtype == "bool"):
            raise InputError(f"{where} is {kind.dtype}, {name} holds {BLOB_DTYPES[code]}")
        if size != byte_size(kind) or start + size > data.size:
            raise InputError(
                f"{where} has {size} bytes from byte {start} of {name}, which has {data.size}; "
                f"{byte_size(kind)} are expected"
            )
        return data[start : start + size]

    def _file(self, name: str, where: str) -> NDArray[np.uint8]:
        if name not in self._files:
            if not name.startswith("@model_path/"):
                raise InputError(f"{where} lies in {name!r}, which is outside of the package")
            try:
                path = (self._root / name.removeprefix("@model_path/")).resolve()
                if not path.is_relative_to(self._root):
                    raise InputError(f"{where} lies in {name!r}, which is outside of the package")
                self._files[name] = np.memmap(path, np.uint8, "r")
            except (OSError, ValueError) as error:  # absent, a folder, empty, or no name that a file can have
                raise InputError(f"{where} lies in {name!r}, which cannot be read") from error
        return self._files[name]
