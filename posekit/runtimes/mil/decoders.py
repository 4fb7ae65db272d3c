"""Compressed constants (MIL's constexpr ops), decoded to numpy arrays: our own reading of their definitions.

Of iOS 16 the data are bytes with a shape beside them, of iOS 18 arrays of the element type with tables and scales of
the same rank, each entry of which stands for a block.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posekit.runtimes.mil.values import unpack

Array = NDArray[Any]


def affine_dequantize(quantized_data: Array, zero_point: Array, scale: Array, axis: Array) -> Array:
    """scale * (data - zero_point); scale and zero_point scalars or vectors along the axis."""

    def along(values: Array) -> Array:
        shape = [1] * quantized_data.ndim
        shape[int(axis)] = -1
        return values.astype(np.float32).reshape(shape if values.ndim else ())

    dense = (quantized_data.astype(np.float32) - along(zero_point)) * along(scale)
    return dense.astype(scale.dtype)


def blockwise_shift_scale(data: Array, scale: Array, offset: Array | None = None) -> Array:
    """scale * (data - offset), each scale for a block of the data; computed in the scale's type."""
    shifted = data.astype(scale.dtype)
    if offset is not None:
        shifted = shifted - _blocks(offset, data.shape).astype(scale.dtype)
    dense: Array = shifted * _blocks(scale, data.shape)
    return dense


def lut_to_dense(indices: Array, lut: Array, shape: Array | None = None, vector_axis: Array | None = None) -> Array:
    """Table entries by index; a table of vectors writes each along the vector axis."""
    if shape is not None:
        sizes = tuple(int(size) for size in shape)
        bits = int(lut.size).bit_length() - 1
        flat: Array = lut[unpack(indices, bits, prod(sizes))]
        return flat.reshape(sizes)
    tables = [_block_numbers(count, size) for count, size in zip(lut.shape[:-2], indices.shape, strict=True)]
    entries: Array = lut[(*np.ix_(*tables), indices)]
    if lut.shape[-1] == 1:
        return entries.squeeze(-1)
    if vector_axis is None:
        raise ValueError("a table of vectors without their axis")
    axis = int(vector_axis) % indices.ndim
    dense = np.moveaxis(entries, -1, axis + 1)
    return dense.reshape([-1 if a == axis else size for a, size in enumerate(indices.shape)])


def sparse_to_dense(nonzero_data: Array, mask: Array, shape: Array | None = None) -> Array:
    """The nonzero values in order where the mask has ones, zero elsewhere."""
    if shape is not None:
        sizes = tuple(int(size) for size in shape)
        mask = unpack(mask, 1, prod(sizes)).reshape(sizes)
    dense = np.zeros(mask.shape, nonzero_data.dtype)
    dense[mask != 0] = nonzero_data
    return dense


def lut_to_sparse(
    indices_mask: Array, indices_nonzero_data: Array, lut: Array, vector_axis: Array | None = None
) -> tuple[Array, Array]:
    """The mask, widened where the table holds vectors, and the nonzero values."""
    dense = lut_to_dense(sparse_to_dense(indices_nonzero_data, indices_mask), lut, None, vector_axis)
    mask = indices_mask
    if lut.shape[-1] > 1 and vector_axis is not None:
        mask = np.repeat(mask, lut.shape[-1], int(vector_axis))
    return mask, dense[mask != 0]


def sparse_blockwise_shift_scale(
    data_mask: Array, nonzero_data: Array, scale: Array, offset: Array | None = None
) -> tuple[Array, Array]:
    """The mask and the nonzero values, shifted and scaled by their place in the dense array."""
    dense = blockwise_shift_scale(sparse_to_dense(nonzero_data, data_mask), scale, offset)
    return data_mask, dense[data_mask != 0]


def cast(source_val: Array, output_dtype: Array) -> Array:
    """To the float type by name."""
    return source_val.astype({"fp16": np.float16, "fp32": np.float32}[str(output_dtype)])


DECODERS: dict[str, Callable[..., Any]] = {
    "constexpr_affine_dequantize": affine_dequantize,
    "constexpr_blockwise_shift_scale": blockwise_shift_scale,
    "constexpr_cast": cast,
    "constexpr_lut_to_dense": lut_to_dense,
    "constexpr_lut_to_sparse": lut_to_sparse,
    "constexpr_sparse_blockwise_shift_scale": sparse_blockwise_shift_scale,
    "constexpr_sparse_to_dense": sparse_to_dense,
}


def _block_numbers(blocks: int, size: int) -> NDArray[np.intp]:
    if blocks < 1 or size % blocks:
        raise ValueError(f"{blocks} blocks of an axis of {size}")
    return np.arange(size) // (size // blocks)


def _blocks(values: Array, shape: tuple[int, ...]) -> Array:
    numbers = [_block_numbers(count, size) for count, size in zip(values.shape, shape, strict=True)]
    return values[np.ix_(*numbers)]
