"""Single torch operations that pose networks and their relatives are made of, as small functions of their inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

Function = Callable[..., Any]


@dataclass(frozen=True)
class SingleOp:
    """A function or layer, the shapes it takes, and how its inputs are drawn: `normal`, or uniform in a `span`."""

    name: str
    apply: Function
    shapes: tuple[tuple[int, ...], ...]
    span: tuple[float, float] | None = None

    def inputs(self) -> tuple[Tensor, ...]:
        draw = np.random.default_rng(len(self.name))
        drawn = (draw.normal(size=s) if self.span is None else draw.uniform(*self.span, size=s) for s in self.shapes)
        return tuple(torch.from_numpy(values.astype(np.float32)) for values in drawn)

    def module(self) -> nn.Module:
        """The operation alone in a module; outputs that are no floats are made some."""
        torch.manual_seed(0)
        layer = self.apply(*()) if isinstance(self.apply, Layer) else None
        return Alone(layer or self.apply, isinstance(layer, nn.Module)).eval()


@dataclass(frozen=True)
class Layer:
    """Makes the nn.Module anew, its parameters and statistics drawn with a seed."""

    make: Callable[[], nn.Module]

    def __call__(self) -> nn.Module:
        layer = self.make()
        for name, values in layer.named_buffers():
            if name.endswith("running_var"):
                values.uniform_(0.5, 2)
            elif name.endswith("running_mean"):
                values.normal_()
        return layer


class Alone(nn.Module):
    def __init__(self, function: Function, is_layer: bool) -> None:
        super().__init__()
        if is_layer:
            self.layer = function
        else:
            self.function = function
        self.is_layer = is_layer

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        result = self.layer(*inputs) if self.is_layer else self.function(*inputs)
        values = result if isinstance(result, (tuple, list)) else (result,)
        return tuple(value.to(torch.float32) for value in values)


IMAGE = ((1, 4, 9, 7),)
ROW = ((2, 6),)
PAIR = ((2, 3, 6), (2, 3, 6))
BROADCAST = ((2, 3, 6), (3, 1))
INDEX = torch.tensor([2, 0, 1, 1])


def _elementwise() -> Iterator[tuple[Any, ...]]:
    for name in (
        "abs", "ceil", "cos", "erf", "exp", "exp2", "floor", "neg", "round", "sigmoid", "sign", "sin", "sinh", "cosh",
        "square", "tan", "tanh", "atan",
    ):  # fmt: skip
        yield name, getattr(torch, name), ROW
    for name in ("asin", "acos", "atanh"):
        yield name, getattr(torch, name), ROW, (-0.9, 0.9)
    for name in ("log", "sqrt", "rsqrt", "reciprocal", "log1p"):
        yield name, getattr(torch, name), ROW, (0.1, 9)
    for name in ("add", "sub", "mul", "maximum", "minimum", "eq", "ne", "lt", "le", "gt", "ge"):
        yield name, getattr(torch, name), BROADCAST
    yield "div", torch.div, PAIR
    yield "floor_divide", lambda x: torch.floor_divide(x, 0.7), ROW
    yield "remainder", lambda x: torch.remainder(x, 0.7), ROW
    yield "pow", torch.pow, ((2, 6), (2, 6)), (0.1, 3)
    yield "pow_scalar", lambda x: x**3, ROW
    yield "rsub", lambda x: 1 - x, ROW
    yield "clamp", lambda x: x.clamp(-0.5, 0.7), ROW
    yield "clamp_min", lambda x: x.clamp(min=0.1), ROW
    yield "where", lambda x, y: torch.where(x > 0, x, y), PAIR
    yield "masked_fill", lambda x: x.masked_fill(x < 0, -7.0), ROW
    yield "logical_and", lambda x, y: torch.logical_and(x > 0, y > 0), PAIR
    yield "logical_or", lambda x, y: torch.logical_or(x > 0, y > 0), PAIR
    yield "logical_xor", lambda x, y: torch.logical_xor(x > 0, y > 0), PAIR
    yield "logical_not", lambda x: torch.logical_not(x > 0), ROW
    yield "to_int", lambda x: (x * 5).to(torch.int32), ROW
    yield "lerp", lambda x, y: x + 0.3 * (y - x), PAIR
    yield "add_alpha", lambda x, y: torch.add(x, y, alpha=2.5), PAIR


def _activations() -> Iterator[tuple[Any, ...]]:
    for name in (
        "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "hardsigmoid", "hardswish", "hardtanh",
        "softplus", "softsign", "mish", "celu", "logsigmoid",
    ):  # fmt: skip
        yield name, getattr(F, name), ROW
    yield "gelu_tanh", lambda x: F.gelu(x, approximate="tanh"), ROW
    yield "prelu", Layer(lambda: nn.PReLU(4)), IMAGE
    yield "glu", lambda x: F.glu(x, dim=1), IMAGE
    yield "softmax", lambda x: F.softmax(x, dim=1), IMAGE
    yield "log_softmax", lambda x: F.log_softmax(x, dim=-1), IMAGE
    yield "threshold", lambda x: F.threshold(x, 0.1, -3.0), ROW


def _convolutions() -> Iterator[tuple[Any, ...]]:
    yield "conv1d", Layer(lambda: nn.Conv1d(4, 5, 3, padding=1)), ((1, 4, 9),)
    yield "conv2d", Layer(lambda: nn.Conv2d(4, 5, 3, stride=2, padding=1)), IMAGE
    yield "conv2d_dilated", Layer(lambda: nn.Conv2d(4, 5, 3, padding=2, dilation=2)), IMAGE
    yield "conv2d_uneven", Layer(lambda: nn.Conv2d(4, 5, (3, 2), stride=(1, 2), padding=(2, 1))), IMAGE
    yield "conv2d_grouped", Layer(lambda: nn.Conv2d(4, 6, 3, groups=2)), IMAGE
    yield "conv2d_depthwise", Layer(lambda: nn.Conv2d(4, 8, 5, padding=2, groups=4)), IMAGE
    yield "conv2d_same", Layer(lambda: nn.Conv2d(4, 5, 4, padding="same")), IMAGE
    yield "conv3d", Layer(lambda: nn.Conv3d(2, 3, 3, padding=1)), ((1, 2, 4, 5, 6),)
    yield "conv_transpose1d", Layer(lambda: nn.ConvTranspose1d(4, 3, 4, 2, 1)), ((1, 4, 5),)
    yield "conv_transpose2d", Layer(lambda: nn.ConvTranspose2d(4, 3, 4, 2, 1)), IMAGE
    yield "conv_transpose2d_output_padding", Layer(lambda: nn.ConvTranspose2d(4, 3, 3, 2, 1, output_padding=1)), IMAGE
    yield "conv_transpose2d_grouped", Layer(lambda: nn.ConvTranspose2d(4, 6, 3, 2, 0, groups=2)), IMAGE
    yield "conv_transpose2d_dilated", Layer(lambda: nn.ConvTranspose2d(4, 3, 3, 2, 1, dilation=2)), IMAGE
    yield "linear", Layer(lambda: nn.Linear(6, 5)), ROW
    yield "linear_of_3d", Layer(lambda: nn.Linear(6, 5, bias=False)), ((2, 3, 6),)
    yield "matmul", torch.matmul, ((2, 3, 4), (2, 4, 5))
    yield "matmul_broadcast", torch.matmul, ((2, 1, 3, 4), (3, 4, 5))
    yield "matmul_transposed", lambda x, y: x @ y.transpose(-1, -2), PAIR
    yield "bmm", torch.bmm, ((2, 3, 4), (2, 4, 5))
    yield "addmm", torch.addmm, ((5,), (3, 4), (4, 5))
    yield "baddbmm", torch.baddbmm, ((2, 3, 5), (2, 3, 4), (2, 4, 5))
    yield "einsum_bnd_bmd", lambda x, y: torch.einsum("bnd,bmd->bnm", x, y), PAIR
    yield "einsum_attention", lambda x, y: torch.einsum("bhcq,bhck->bhqk", x, y), ((1, 2, 3, 4), (1, 2, 3, 5))
    yield "outer", lambda x, y: x[:, None] * y[None, :], ((4,), (5,))


def _pools() -> Iterator[tuple[Any, ...]]:
    yield "max_pool1d", lambda x: F.max_pool1d(x, 3, 2), ((1, 4, 9),)
    yield "max_pool2d", lambda x: F.max_pool2d(x, 3, 2, 1), IMAGE
    yield "max_pool2d_ceil", lambda x: F.max_pool2d(x, 2, 2, ceil_mode=True), IMAGE
    yield "max_pool2d_sppf", lambda x: F.max_pool2d(x, 5, 1, 2), IMAGE
    yield "avg_pool1d", lambda x: F.avg_pool1d(x, 3, 2), ((1, 4, 9),)
    yield "avg_pool2d", lambda x: F.avg_pool2d(x, 3, 2, 1), IMAGE
    yield "avg_pool2d_without_pad", lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False), IMAGE
    yield "avg_pool2d_ceil", lambda x: F.avg_pool2d(x, 2, 2, ceil_mode=True), IMAGE
    yield "adaptive_avg_pool2d", lambda x: F.adaptive_avg_pool2d(x, 1), IMAGE
    yield "adaptive_max_pool2d", lambda x: F.adaptive_max_pool2d(x, 1), IMAGE
    yield "adaptive_avg_pool2d_3", lambda x: F.adaptive_avg_pool2d(x, (3, 2)), ((1, 4, 9, 6),)


def _reductions() -> Iterator[tuple[Any, ...]]:
    for name in ("sum", "mean", "amax", "amin"):
        yield f"{name}_of_two", lambda x, name=name: getattr(x, name)(dim=(2, 3), keepdim=True), IMAGE
        yield name, lambda x, name=name: getattr(x, name)(dim=1), IMAGE
    for name in ("prod", "argmax", "argmin", "cumsum", "logsumexp"):
        yield name, lambda x, name=name: getattr(x, name)(dim=1), IMAGE
    yield "argmax_keepdim", lambda x: x.argmax(dim=-1, keepdim=True), IMAGE
    yield "max_with_index", lambda x: torch.max(x, dim=2), IMAGE
    yield "min_with_index", lambda x: torch.min(x, dim=2), IMAGE
    yield "topk", lambda x: torch.topk(x, 3, dim=1), ((2, 6),)
    yield "topk_smallest", lambda x: torch.topk(x, 2, dim=1, largest=False), ((2, 6),)
    yield "sort", lambda x: torch.sort(x, dim=1), ((2, 6),)
    yield "argsort_descending", lambda x: torch.argsort(x, dim=1, descending=True), ((2, 6),)
    yield "var", lambda x: x.var(dim=1), IMAGE
    yield "var_biased", lambda x: x.var(dim=1, unbiased=False), IMAGE
    yield "std", lambda x: x.std(dim=(2, 3)), IMAGE
    yield "norm", lambda x: x.norm(dim=1), IMAGE
    yield "norm_of_1", lambda x: torch.linalg.vector_norm(x, ord=1, dim=1), IMAGE
    yield "normalize", lambda x: F.normalize(x, dim=1), IMAGE
    yield "any", lambda x: (x > 1).any(dim=1), IMAGE
    yield "all", lambda x: (x > -1).all(dim=1), IMAGE


def _shapes() -> Iterator[tuple[Any, ...]]:
    yield "reshape", lambda x: x.reshape(2, 2, -1), IMAGE
    yield "permute", lambda x: x.permute(0, 2, 3, 1), IMAGE
    yield "transpose", lambda x: x.transpose(1, 2), IMAGE
    yield "flatten", lambda x: x.flatten(1), IMAGE
    yield "squeeze", lambda x: x.squeeze(0), IMAGE
    yield "unsqueeze", lambda x: x.unsqueeze(2), IMAGE
    yield "expand", lambda x: x.expand(3, -1, -1), ((1, 4, 5),)
    yield "repeat", lambda x: x.repeat(1, 2, 3), ((1, 4, 5),)
    yield "repeat_interleave", lambda x: x.repeat_interleave(2, dim=1), ((1, 4, 5),)
    yield "cat", lambda x, y: torch.cat((x, y), dim=1), ((2, 3, 4), (2, 5, 4))
    yield "stack", lambda x, y: torch.stack((x, y), dim=-1), PAIR
    yield "split", lambda x: torch.split(x, (1, 3), dim=1), IMAGE
    yield "chunk", lambda x: torch.chunk(x, 3, dim=2), IMAGE
    yield "unbind", lambda x: torch.unbind(x, dim=1), IMAGE
    yield "slice", lambda x: x[:, 1:3, :, -4:], IMAGE
    yield "slice_step", lambda x: x[:, :, ::2, 1::2], IMAGE
    yield "select", lambda x: x[:, 2], IMAGE
    yield "narrow", lambda x: x.narrow(2, 3, 4), IMAGE
    yield "flip", lambda x: x.flip(3), IMAGE
    yield "roll", lambda x: x.roll((1, 2), (2, 3)), IMAGE
    yield "pad", lambda x: F.pad(x, (1, 2, 3, 0), value=1.5), IMAGE
    yield "pad_reflect", lambda x: F.pad(x, (1, 2, 3, 1), mode="reflect"), IMAGE
    yield "pad_replicate", lambda x: F.pad(x, (1, 2, 3, 1), mode="replicate"), IMAGE
    yield "tril", lambda x: x.tril(1), ((4, 5),)
    yield "triu", lambda x: x.triu(-1), ((4, 5),)
    yield "pixel_shuffle", lambda x: F.pixel_shuffle(x, 2), IMAGE
    yield "pixel_unshuffle", lambda x: F.pixel_unshuffle(x, 2), ((1, 3, 8, 6),)
    yield "channel_shuffle", lambda x: x.reshape(1, 2, 2, 9, 7).transpose(1, 2).reshape(1, 4, 9, 7), IMAGE
    yield "window_partition", lambda x: x.reshape(1, 4, 3, 3, 7, 1).permute(0, 2, 4, 1, 3, 5).reshape(21, 4, 3), IMAGE
    yield "unfold", lambda x: F.unfold(x, 3, padding=1, stride=2), IMAGE
    yield "one_hot", lambda x: F.one_hot((x.abs() * 2).clamp(0, 3).to(torch.int64), 4), ROW
    yield "meshgrid", lambda x, y: torch.meshgrid(x, y, indexing="ij"), ((4,), (5,))


def _gathers() -> Iterator[tuple[Any, ...]]:
    yield "index_select", lambda x: x.index_select(1, INDEX), IMAGE
    yield "index_list", lambda x: x[:, INDEX], IMAGE
    yield "index_two_lists", lambda x: x[0, INDEX, INDEX], IMAGE
    yield "gather", lambda x: x.gather(2, x[:, :, :3].argsort(dim=2)), IMAGE
    yield "gather_at_peak", lambda x: x.flatten(2).gather(2, x.flatten(2).argmax(dim=2, keepdim=True)), IMAGE
    yield "take_along_dim", lambda x: torch.take_along_dim(x, x.argsort(dim=1), dim=1), ROW
    yield "embedding", Layer(lambda: _Embedding()), ROW
    yield "scatter", lambda x, y: x.scatter(1, y.argsort(dim=1), y), ((2, 6), (2, 6))
    yield "scatter_add", lambda x, y: x.scatter_add(1, (y > 0).to(torch.int64), y), ((2, 6), (2, 6))
    yield "index_put", lambda x, y: x.index_put((INDEX[:3],), y), ((4, 6), (3, 6))


class _Embedding(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.table((x.abs() * 2).clamp(0, 4).to(torch.int64))


def _norms() -> Iterator[tuple[Any, ...]]:
    yield "batch_norm1d", Layer(lambda: nn.BatchNorm1d(4)), ((2, 4, 6),)
    yield "batch_norm2d", Layer(lambda: nn.BatchNorm2d(4)), IMAGE
    yield (
        "batch_norm_after_deconvolution",
        Layer(lambda: nn.Sequential(nn.ConvTranspose2d(4, 6, 4, 2, 1, bias=False), nn.BatchNorm2d(6))),
        IMAGE,
    )
    yield "layer_norm", Layer(lambda: nn.LayerNorm(6)), ((2, 3, 6),)
    yield "layer_norm_of_two", Layer(lambda: nn.LayerNorm((9, 7))), IMAGE
    yield "group_norm", Layer(lambda: nn.GroupNorm(2, 4)), IMAGE
    yield "instance_norm", Layer(lambda: nn.InstanceNorm2d(4, affine=True)), IMAGE
    yield "local_response_norm", lambda x: F.local_response_norm(x, 3), IMAGE
    yield "rms_norm", lambda x: x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6), ((2, 3, 6),)
    yield "attention", F.scaled_dot_product_attention, ((1, 2, 4, 8),) * 3
    yield "multihead_attention", Layer(lambda: _Attention()), ((1, 5, 8),)
    yield "transformer_layer", Layer(lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)), ((1, 5, 8),)


class _Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.attention(x, x, x, need_weights=False)[0]


def _resizes() -> Iterator[tuple[Any, ...]]:
    yield "nearest_2x", lambda x: F.interpolate(x, scale_factor=2, mode="nearest"), IMAGE
    yield "nearest_size", lambda x: F.interpolate(x, size=(18, 21), mode="nearest"), IMAGE
    for align in (True, False):
        corners = "corners" if align else "centres"
        yield (
            f"bilinear_2x_{corners}",
            lambda x, align=align: F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=align),
            IMAGE,
        )
        yield (
            f"bilinear_size_{corners}",
            lambda x, align=align: F.interpolate(x, size=(13, 5), mode="bilinear", align_corners=align),
            IMAGE,
        )
        for mode in ("bilinear", "nearest"):
            for padding in ("zeros", "border"):
                yield (
                    f"grid_sample_{mode}_{padding}_{corners}",
                    lambda x, grid, mode=mode, padding=padding, align=align: F.grid_sample(
                        x, grid, mode=mode, padding_mode=padding, align_corners=align
                    ),
                    ((1, 4, 9, 7), (1, 5, 6, 2)),
                )


def single_ops() -> list[SingleOp]:
    """All of them, each name once."""
    families = (
        _elementwise, _activations, _convolutions, _pools, _reductions, _shapes, _gathers, _norms, _resizes,
    )  # fmt: skip
    ops = [SingleOp(*row) for family in families for row in family()]
    assert len({op.name for op in ops}) == len(ops)
    return ops
