"""Weights in fewer bits, as Core ML's constant expressions: integers with scales, tables, zeros left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.contract.precisions import Precision
from posekit.targets.coreml.program import MIN_WEIGHTS, Weight
from posekit.targets.coreml.tables import places_in, table_of
from posekit.targets.rounding import cancelling

Array = NDArray[Any]
BLOCKS = (32, 16, 8)  # input channels that share a scale of 4-bit weights
RECORD = 64  # bytes that the weight file adds to each constant, and the multiple that it is padded to
# what small layers are made instead (targets/rounding.py)
EIGHT_BIT: dict[Precision, Precision] = {"w4": "w8", "pal4": "w8", "sparse50-pal4": "sparse50-w8"}
STATEMENT = 180  # bytes that a constant expression takes in the program beyond those of a constant


@dataclass(frozen=True, slots=True)
class Packed:
    """Weights as the file will hold them. size: bytes; build(before_op): writes the expression, `before_op` an
    operation."""

    size: int
    build: Callable[..., Any]


def pack(weight: Weight, precision: Precision, ios: int) -> Packed | None:
    """The weights at a precision, or None where they stay as they are; `ios`: the system that the file is for."""
    how = _HOW.get(precision)
    return how(weight, ios) if how else None


def is_worth_it(packed: Packed, weight: Weight, precision: Precision) -> bool:
    """Whether a quarter of the room that the float weights take is saved: for less, a small layer is not made worse.

    Of w8a8 what counts is the product on integers, which is for all but the smallest.
    """
    if precision == "w8a8":
        return weight.values.size >= MIN_WEIGHTS
    return packed.size <= 0.75 * (weight.values.nbytes + RECORD)


def needs(precision: Precision) -> int:
    """The oldest iOS that has what a precision takes."""
    return {"w8a8": 17, "w4": 18, "sparse50-w8": 18, "sparse50-pal4": 18}.get(precision, 16)


def halves(values: Array) -> Array:
    """Float16 weights of which the smaller half (by magnitude, of equal ones the later) are zero."""
    flat = values.astype(np.float16).reshape(-1)
    kept = np.argsort(-np.abs(flat), kind="stable")[: flat.size - flat.size // 2]
    sparse = np.zeros_like(flat)
    sparse[kept] = flat[kept]
    return sparse.reshape(values.shape)


def integers(values: Array, bits: int, blocks: tuple[int, ...], channels: int) -> tuple[Array, Array]:
    """Signed integers and float16 scales, one scale for each block, up to its largest weight; `blocks`: how many there
    are along each axis; channels: the axis of input channels."""
    most = (1 << (bits - 1)) - 1
    # each axis as two: the block, and the place in it
    sizes = [part for size, count in zip(values.shape, blocks, strict=True) for part in (count, size // count)]
    parts = values.astype(np.float32).reshape(sizes)
    largest = np.abs(parts).max(tuple(range(1, parts.ndim, 2)), keepdims=True)
    scale = np.maximum(largest / most, np.float32(2.0**-24)).astype(np.float16)  # never zero
    kernel = 2 * channels + 1
    order = [*range(0, parts.ndim, 2), kernel, *(axis for axis in range(1, parts.ndim, 2) if axis != kernel)]
    steps = (parts / scale.astype(np.float32)).transpose(order)
    data = cancelling(steps.reshape(scale.size, parts.shape[kernel], -1), most).reshape(steps.shape)
    return data.transpose(np.argsort(order)).reshape(values.shape).astype(np.int8), scale.reshape(blocks)


def _blocks(weight: Weight, bits: int) -> tuple[int, ...]:
    """A block for each output channel; 4-bit ones have some for its input channels, where a size divides them."""
    output, channels = weight.axes
    blocks = [1] * weight.values.ndim
    blocks[output] = weight.values.shape[output]
    if bits < 8:
        size = weight.values.shape[channels]
        blocks[channels] = next((size // block for block in BLOCKS if size % block == 0), 1)
    return tuple(blocks)


def _quantized(weight: Weight, ios: int, bits: int) -> Packed:
    from coremltools.converters.mil import Builder as mb

    data, halved = integers(weight.values, bits, _blocks(weight, bits), weight.axes[1])
    scale = halved.astype(weight.values.dtype)
    if ios >= 18:
        size = _bytes(data.size * bits, scale.size * 16)
        return Packed(size, partial(mb.constexpr_blockwise_shift_scale, data=_as(data, f"int{bits}"), scale=scale))
    scales = scale.reshape(-1)
    parameters = {"quantized_data": data, "scale": scales, "zero_point": np.zeros(scales.shape, np.int8)}
    build = partial(mb.constexpr_affine_dequantize, axis=np.int32(weight.axes[0]), **parameters)
    return Packed(_bytes(data.size * 8, scales.size * 16, scales.size * 8), build)


def _tabled(weight: Weight, ios: int, bits: int) -> Packed:
    from coremltools.converters.mil import Builder as mb

    half = weight.values.astype(np.float16)
    entries = table_of(half, 1 << bits)
    indices, table = places_in(entries, half), entries.astype(weight.values.dtype)
    size = _bytes(indices.size * bits, table.size * 16)
    if ios >= 18:
        lut = table.reshape(*[1] * half.ndim, -1, 1)
        return Packed(size, partial(mb.constexpr_lut_to_dense, indices=_as(indices, f"uint{bits}"), lut=lut))
    packed = np.packbits(np.unpackbits(indices.reshape(-1, 1), 1, bits, "little"), bitorder="little")
    shape = np.array(half.shape, np.uint32)
    return Packed(size, partial(mb.constexpr_lut_to_dense, indices=packed, lut=table, shape=shape))


def _sparse(weight: Weight, ios: int) -> Packed:
    from coremltools.converters.mil import Builder as mb

    values = halves(weight.values).astype(weight.values.dtype)
    mask = _kept(values)
    size = _bytes(mask.size, int(mask.sum()) * 8 * values.itemsize)
    if ios >= 18:
        return Packed(size, partial(mb.constexpr_sparse_to_dense, nonzero_data=values[mask], mask=_as(mask, "uint1")))
    packed, shape = np.packbits(mask, bitorder="little"), np.array(mask.shape, np.uint32)
    return Packed(size, partial(mb.constexpr_sparse_to_dense, nonzero_data=values[mask], mask=packed, shape=shape))


def _sparse_quantized(weight: Weight, ios: int) -> Packed:
    from coremltools.converters.mil import Builder as mb

    values = halves(weight.values)
    mask = _kept(values)
    data, halved = integers(values, 8, _blocks(weight, 8), weight.axes[1])
    scale = halved.astype(weight.values.dtype)

    def build(before_op: Any) -> Any:
        kept, nonzero = mb.constexpr_sparse_blockwise_shift_scale(
            data_mask=_as(mask, "uint1"), nonzero_data=data[mask], scale=scale, before_op=before_op
        )
        return mb.constexpr_sparse_to_dense(nonzero_data=nonzero, mask=kept, before_op=before_op)

    return Packed(_bytes(mask.size, int(mask.sum()) * 8, scale.size * 16), build)


def _sparse_tabled(weight: Weight, ios: int, bits: int) -> Packed:
    from coremltools.converters.mil import Builder as mb

    values = halves(weight.values)
    mask = _kept(values)
    table = table_of(values[mask], 1 << bits)
    lut = table.astype(weight.values.dtype).reshape(*[1] * values.ndim, -1, 1)

    def build(before_op: Any) -> Any:
        indices = _as(places_in(table, values[mask]), f"uint{bits}")
        kept, nonzero = mb.constexpr_lut_to_sparse(
            indices_mask=_as(mask, "uint1"), indices_nonzero_data=indices, lut=lut, before_op=before_op
        )
        return mb.constexpr_sparse_to_dense(nonzero_data=nonzero, mask=kept, before_op=before_op)

    return Packed(_bytes(mask.size, int(mask.sum()) * bits, table.size * 16), build)


def _kept(values: Array) -> Array:
    """Where values are not zero; one of them at least, since no constant is empty."""
    mask: Array = np.not_equal(values, 0)
    mask.flat[0] |= not mask.any()
    return mask


def _as(values: Array, kind: str) -> Array:
    """Integers of a type that numpy does not have, as coremltools names it."""
    from coremltools.converters.mil.mil import types

    return values.astype(types.nptype_from_builtin(types.string_to_builtin(kind)))


def _bytes(*bits: int) -> int:
    """Bytes in the file of constants of so many bits each."""
    return STATEMENT + sum(RECORD + -(-count // (8 * RECORD)) * RECORD for count in bits)


_HOW: dict[Precision, Callable[[Weight, int], Packed]] = {
    "w8": partial(_quantized, bits=8),
    "w8a8": partial(_quantized, bits=8),
    "w4": partial(_quantized, bits=4),
    "pal8": partial(_tabled, bits=8),
    "pal6": partial(_tabled, bits=6),
    "pal4": partial(_tabled, bits=4),
    "sparse50": _sparse,
    "sparse50-w8": _sparse_quantized,
    "sparse50-pal4": partial(_sparse_tabled, bits=4),
}
