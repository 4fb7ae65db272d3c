"""Operations that coremltools' torch routes do not give, built one by one, against their formulas in numpy."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from posekit.runtimes import mil
from tests.runtimes.packages import built

Values = NDArray[np.float32]
IMAGE = (1, 4, 6, 8)
C, H, W = IMAGE[1:]


def interpolated(x: Values, rows: list[float], columns: list[float]) -> Values:
    """Bilinear values at every (row, column), places clamped to the image; one pixel after the other."""
    out = np.empty((*x.shape[:-2], len(rows), len(columns)), np.float32)
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            y, z = min(max(row, 0), x.shape[-2] - 1), min(max(column, 0), x.shape[-1] - 1)
            a, b = math.floor(y), math.floor(z)
            c, d = min(a + 1, x.shape[-2] - 1), min(b + 1, x.shape[-1] - 1)
            top = x[..., a, b] * (1 - (z - b)) + x[..., a, d] * (z - b)
            bottom = x[..., c, b] * (1 - (z - b)) + x[..., c, d] * (z - b)
            out[..., i, j] = top * (1 - (y - a)) + bottom * (y - a)
    return out


# where sample i of n lies on an axis of `size` pixels, as the documentation of resize_bilinear's sampling modes has it
PLACES: dict[str, Callable[[int, int, int], float]] = {
    "STRICT_ALIGN_CORNERS": lambda i, size, n: i * (size - 1) / (n - 1),
    "ALIGN_CORNERS": lambda i, size, n: i * (size - 1) / (n - 1),
    "DEFAULT": lambda i, size, n: i * size / n,
    "OFFSET_CORNERS": lambda i, size, n: (i + 0.5) * (size - 1) / n,
    "UNALIGN_CORNERS": lambda i, size, n: (i + 0.5) * size / n - 0.5,
}


def resized(x: Values, height: int, width: int, mode: str) -> Values:
    place = PLACES[mode]
    return interpolated(
        x,
        [place(i, x.shape[-2], height) for i in range(height)],
        [place(j, x.shape[-1], width) for j in range(width)],
    )


def blocks_to_depth(x: Values, size: int) -> Values:
    n, c, h, w = x.shape
    parts = x.reshape(n, c, h // size, size, w // size, size)
    return parts.transpose(0, 3, 5, 1, 2, 4).reshape(n, c * size * size, h // size, w // size)


def depth_to_blocks(x: Values, size: int) -> Values:
    n, c, h, w = x.shape
    parts = x.reshape(n, size, size, c // size**2, h, w)
    return parts.transpose(0, 3, 4, 1, 5, 2).reshape(n, c // size**2, h * size, w * size)


def windows(x: Values, axis: int, size: int, stride: int) -> Values:
    starts = range(0, x.shape[axis] - size + 1, stride)
    return np.stack([x.take(range(start, start + size), axis) for start in starts], axis)


def updated(x: Values, value: Values) -> Values:
    x = x.copy()
    x[:, 1:3, ::2] = value
    return x


def scattered(x: Values, rows: list[int], values: Values) -> Values:
    x = x.copy()
    for row, value in zip(rows, values, strict=True):
        x[row] += value
    return x


def l2_normalised(x: Values) -> Values:
    return x / np.sqrt((x**2).sum(axis=(-3, -2, -1), keepdims=True) + 1e-6)


def cropped(x: Values, box: tuple[float, ...], height: int, width: int) -> Values:
    """ALIGN_CORNERS: the first and last samples lie on the box's edges; (y1, x1, y2, x2) in pixels."""
    top, left, bottom, right = box
    return interpolated(
        x,
        [top + i * (bottom - top) / (height - 1) for i in range(height)],
        [left + j * (right - left) / (width - 1) for j in range(width)],
    )


ALPHA, BETA = np.array([0.5, 1, 2, 3], np.float32), np.array([1, 0.2, 0.7, 3], np.float32)
BOX = (0.5, 1.0, 4.0, 6.5)
Row = tuple[str, Callable[..., Any], tuple[tuple[int, ...], ...], Callable[..., Any]]

TABLE: list[Row] = [
    (
        "clamped_relu",
        lambda mb, x: mb.clamped_relu(x=x, alpha=0.1, beta=0.5, name="y"),
        (IMAGE,),
        lambda x: np.minimum(np.where(x >= 0, x, 0.1 * x), 0.5),
    ),
    (
        "scaled_tanh",
        lambda mb, x: mb.scaled_tanh(x=x, alpha=2.0, beta=0.7, name="y"),
        (IMAGE,),
        lambda x: 2 * np.tanh(0.7 * x),
    ),
    ("softsign", lambda mb, x: mb.softsign(x=x, name="y"), (IMAGE,), lambda x: x / (1 + np.abs(x))),
    (
        "softplus_parametric",
        lambda mb, x: mb.softplus_parametric(x=x, alpha=ALPHA, beta=BETA, name="y"),
        (IMAGE,),
        lambda x: ALPHA[:, None, None] * np.log(1 + np.exp(BETA[:, None, None] * x)),
    ),
    (
        "prelu",
        lambda mb, x: mb.prelu(x=x, alpha=ALPHA, name="y"),
        (IMAGE,),
        lambda x: np.where(x >= 0, x, ALPHA[:, None, None] * x),
    ),
    ("mod", lambda mb, x: mb.mod(x=x, y=np.float32(0.7), name="y"), (IMAGE,), lambda x: np.mod(x, np.float32(0.7))),
    ("identity", lambda mb, x: mb.identity(x=mb.relu(x=x), name="y"), (IMAGE,), lambda x: np.maximum(x, 0)),
    ("l2_norm", lambda mb, x: mb.l2_norm(x=x, epsilon=1e-6, name="y"), (IMAGE,), l2_normalised),
    (
        "l2_pool",
        lambda mb, x: mb.l2_pool(x=x, kernel_sizes=[2, 2], strides=[2, 2], pad_type="valid", name="y"),
        (IMAGE,),
        lambda x: np.sqrt((x.reshape(1, C, H // 2, 2, W // 2, 2) ** 2).sum(axis=(3, 5))),
    ),
    ("reduce_prod", lambda mb, x: mb.reduce_prod(x=x, axes=[1], name="y"), (IMAGE,), lambda x: x.prod(1)),
    (
        "reduce_l1_norm",
        lambda mb, x: mb.reduce_l1_norm(x=x, axes=[2, 3], keep_dims=True, name="y"),
        (IMAGE,),
        lambda x: np.abs(x).sum((2, 3), keepdims=True),
    ),
    (
        "reduce_sum_square",
        lambda mb, x: mb.reduce_sum_square(x=x, axes=[1], name="y"),
        (IMAGE,),
        lambda x: (x**2).sum(1),
    ),
    (
        "reduce_log_sum",
        lambda mb, x: mb.reduce_log_sum(x=mb.exp(x=x), axes=[1], name="y"),
        (IMAGE,),
        lambda x: np.log(np.exp(x).sum(1)),
    ),
    (
        "space_to_depth",
        lambda mb, x: mb.space_to_depth(x=x, block_size=2, name="y"),
        (IMAGE,),
        lambda x: blocks_to_depth(x, 2),
    ),
    (
        "depth_to_space",
        lambda mb, x: mb.depth_to_space(x=x, block_size=2, name="y"),
        (IMAGE,),
        lambda x: depth_to_blocks(x, 2),
    ),
    (
        "space_to_batch",
        lambda mb, x: mb.space_to_batch(
            x=x, block_shape=[2, 2], paddings=np.array([[0, 0], [1, 1]], np.int32), name="y"
        ),
        (IMAGE,),
        lambda x: np.concatenate(
            [np.pad(x, ((0, 0), (0, 0), (0, 0), (1, 1)))[:, :, i::2, j::2] for i in range(2) for j in range(2)]
        ),
    ),
    (
        "batch_to_space",
        lambda mb, x: mb.batch_to_space(x=x, block_shape=[2, 2], crops=np.array([[0, 0], [1, 0]], np.int32), name="y"),
        ((4, 3, 2, 3),),
        lambda x: _interleaved(x)[:, :, :, 1:],
    ),
    (
        "sliding_windows",
        lambda mb, x: mb.sliding_windows(x=x, axis=2, size=3, stride=2, name="y"),
        (IMAGE,),
        lambda x: windows(x, 2, 3, 2),
    ),
    (
        "slice_by_size",
        lambda mb, x: mb.slice_by_size(x=x, begin=[0, 1, 2, 0], size=[1, 2, -1, 5], name="y"),
        (IMAGE,),
        lambda x: x[:, 1:3, 2:, :5],
    ),
    (
        "reverse_sequence",
        lambda mb, x: mb.reverse_sequence(x=x, lengths=[1, 3], seq_axis=1, batch_axis=0, name="y"),
        ((2, 4, 3),),
        lambda x: np.stack([x[0], np.concatenate([x[1, :3][::-1], x[1, 3:]])]),
    ),
    (
        "reshape_like",
        lambda mb, x, z: mb.reshape_like(
            x=x, ref_tensors=(z, z), begins=[0, 2], ends=[1, 4], end_masks=[False, False], name="y"
        ),
        ((2, 12), (2, 5, 3, 4)),
        lambda x, z: x.reshape(2, 3, 4),
    ),
    (
        "fill_like",
        lambda mb, x: mb.add(x=x, y=mb.fill_like(ref_tensor=x, value=1.5), name="y"),
        (IMAGE,),
        lambda x: x + 1.5,
    ),
    (
        "fill",
        lambda mb, x: mb.add(x=x, y=mb.fill(shape=mb.shape(x=x), value=2.5), name="y"),
        (IMAGE,),
        lambda x: x + 2.5,
    ),
    (
        "range_1d",
        lambda mb, x: mb.add(
            x=x,
            y=mb.range_1d(
                start=1.0,
                end=mb.reduce_max(x=mb.fill_like(ref_tensor=x, value=8.5), axes=[0], keep_dims=False),
                step=2.0,
            ),
            name="y",
        ),
        ((4,),),
        lambda x: x + np.arange(1, 8.5, 2, np.float32),
    ),
    ("flatten2d", lambda mb, x: mb.flatten2d(x=x, axis=2, name="y"), (IMAGE,), lambda x: x.reshape(C, H * W)),
    (
        "einsum",
        lambda mb, x, z: mb.einsum(values=(x, z), equation="nchw,nwhu->nchu", name="y"),
        ((2, 3, 4, 5), (2, 5, 4, 6)),
        lambda x, z: np.einsum("nchw,nwhu->nchu", x, z),
    ),
    (
        "scaled_dot_product_attention",
        lambda mb, x, z: mb.scaled_dot_product_attention(query=x, key=z, value=z, name="y"),
        ((1, 2, 4, 8), (1, 2, 5, 8)),
        lambda x, z: _attended(x, z),
    ),
    (
        "slice_update",
        lambda mb, x, z: mb.slice_update(x=x, update=z, begin=[0, 1, 0], end=[2, 3, 5], stride=[1, 1, 2], name="y"),
        ((2, 4, 5), (2, 2, 3)),
        updated,
    ),
    (
        "scatter",
        lambda mb, x, z: mb.scatter(
            data=x, indices=np.array([2, 0, 2], np.int32), updates=z, axis=0, mode="add", name="y"
        ),
        ((4, 3), (3, 3)),
        lambda x, z: scattered(x, [2, 0, 2], z),
    ),
    (
        "quantize_dequantize",
        lambda mb, x: mb.dequantize(
            input=mb.quantize(input=x, scale=np.float32(0.05), zero_point=np.int8(3), output_dtype="int8"),
            scale=np.float32(0.05),
            zero_point=np.int8(3),
            name="y",
        ),
        (IMAGE,),
        lambda x: (np.clip(np.rint(x / np.float32(0.05)) + 3, -128, 127) - 3) * np.float32(0.05),
    ),
    (
        "local_response_norm",
        lambda mb, x: mb.local_response_norm(x=x, size=3, alpha=0.3, beta=0.75, k=1.5, name="y"),
        (IMAGE,),
        lambda x: x / (1.5 + 0.1 * np.stack([(x[:, max(c - 1, 0) : c + 2] ** 2).sum(1) for c in range(C)], 1)) ** 0.75,
    ),
    *[
        (
            f"resize_bilinear_{mode}",
            lambda mb, x, mode=mode: mb.resize_bilinear(
                x=x, target_size_height=9, target_size_width=5, sampling_mode=mode, name="y"
            ),
            (IMAGE,),
            lambda x, mode=mode: resized(x, 9, 5, mode),
        )
        for mode in PLACES
    ],
    *[
        (
            f"resize_{mode}",
            lambda mb, x, mode=mode: mb.resize(
                x=x, shape=[9, 5], resized_dims=np.uint32(2), interpolation_mode="LINEAR", sampling_mode=mode, name="y"
            ),
            (IMAGE,),
            lambda x, mode=mode: resized(x, 9, 5, mode),
        )
        for mode in PLACES
    ],
    (
        "resize_nearest",
        lambda mb, x: mb.resize_nearest_neighbor(x=x, target_size_height=9, target_size_width=5, name="y"),
        (IMAGE,),
        lambda x: x[:, :, [i * H // 9 for i in range(9)]][..., [j * W // 5 for j in range(5)]],
    ),
    (
        "crop_resize",
        lambda mb, x: mb.crop_resize(
            x=x,
            boxes=np.array([BOX], np.float32),
            box_indices=np.array([0], np.int32),
            target_height=5,
            target_width=4,
            sampling_mode="ALIGN_CORNERS",
            name="y",
        ),
        (IMAGE,),
        lambda x: cropped(x, BOX, 5, 4),
    ),
    (
        "affine_identity",
        lambda mb, x: mb.affine(
            x=x,
            transform_matrix=np.array([[1, 0, 0, 0, 1, 0]], np.float32),
            output_height=H,
            output_width=W,
            sampling_mode="bilinear",
            padding_mode="constant",
            padding_value=0.0,
            coordinates_mode="normalized_minus_one_to_one",
            align_corners=True,
            name="y",
        ),
        (IMAGE,),
        lambda x: x,
    ),
    (
        "affine_mirror",
        lambda mb, x: mb.affine(
            x=x,
            transform_matrix=np.array([[-1, 0, 0, 0, 1, 0]], np.float32),
            output_height=H,
            output_width=W,
            sampling_mode="bilinear",
            padding_mode="constant",
            padding_value=0.0,
            coordinates_mode="normalized_minus_one_to_one",
            align_corners=True,
            name="y",
        ),
        (IMAGE,),
        lambda x: x[..., ::-1],
    ),
]


def _interleaved(x: Values) -> Values:
    """(4, C, H, W) of 2 x 2 blocks to (1, C, 2H, 2W): batch 2i + j is row i, column j of every block."""
    out = np.empty((1, x.shape[1], 2 * x.shape[2], 2 * x.shape[3]), np.float32)
    for i in range(2):
        for j in range(2):
            out[0, :, i::2, j::2] = x[2 * i + j]
    return out


def _attended(query: Values, key: Values) -> Values:
    scores = query @ key.swapaxes(-1, -2) / math.sqrt(query.shape[-1])
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return (weights / weights.sum(-1, keepdims=True)) @ key


@pytest.mark.parametrize(("name", "body", "shapes", "expected"), TABLE, ids=[row[0] for row in TABLE])
def test_an_operation_follows_its_formula(
    name: str,
    body: Callable[..., Any],
    shapes: tuple[tuple[int, ...], ...],
    expected: Callable[..., Any],
    tmp_path: Path,
) -> None:
    draw = np.random.default_rng(1)
    given = {key: draw.normal(size=shape).astype(np.float32) for key, shape in zip("xz", shapes, strict=False)}
    path = built(tmp_path / "op.mlpackage", body, {key: values.shape for key, values in given.items()}, ios=18)
    got = mil.run(mil.open_program(path), given, "fp32")["y"]
    wanted = expected(*given.values())
    assert got.shape == wanted.shape
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5)
