"""Heads that write, read, fold and permute at known places, as networks of the last years do: maps of 8 x 12 x 8."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Head = Callable[[Tensor], Tensor]
ORDER = torch.tensor([3, 1, 2, 0, 0, 5, 6, 7])
ANYWHERE = torch.randint(0, 8, (1, 8, 12, 8), generator=torch.Generator().manual_seed(0))


def written(write: Callable[[Tensor, Tensor], object]) -> Head:
    """`write` changes the first tensor in place; the second is what the head is given."""

    def head(x: Tensor) -> Tensor:
        y = x * 1.0
        write(y, x)
        return y

    return head


def one_channel(y: Tensor, x: Tensor) -> None:
    y[:, 0] = x[:, 1] * 2


def stripes(y: Tensor, x: Tensor) -> None:
    y[..., 1::2] = x[..., ::2]
    y[..., 0::2] = -x[..., 1::2]


def channels_by_index(y: Tensor, x: Tensor) -> None:
    y[:, [1, 5, 2]] = x[:, :3]


def a_view(y: Tensor, x: Tensor) -> None:
    y[:, 3:7].copy_(x[:, :4].tanh())
    y[:, :, 0].add_(1)
    y[:, 1].zero_()
    y[:, 2].fill_(0.3)


def an_inner_part(y: Tensor, x: Tensor) -> None:
    y[:, :, 2:-2, 3:-3] = x[:, :, 2:-2, 3:-3].mean((2, 3), keepdim=True)


def a_mask(y: Tensor, x: Tensor) -> None:
    y[x < 0] = 0.25
    y[:, x[0] > 0.5] *= 0.1  # of as many values as the picture says


def a_fixed_mask(y: Tensor, x: Tensor) -> None:
    mask = torch.zeros(12, 8, dtype=torch.bool)
    mask[3:7, 2:5] = True
    y[:, :, mask] = x[:, :, ~mask][:, :, :12]


def a_diagonal(y: Tensor, x: Tensor) -> None:
    y[:, :, torch.arange(8), torch.arange(8)] = x[:, :, 0]


def twice_the_same(y: Tensor, x: Tensor) -> None:
    """Sums by index_put_: two of them at one place."""
    y.index_put_((torch.tensor([0, 0, 0]), torch.tensor([2, 2, 4])), x[0, :3], accumulate=True)


def shifted(y: Tensor, x: Tensor) -> None:
    y[:, :2, 1:], y[:, 2:4, :-1], y[:, 4:6, :, 1:] = x[:, :2, :-1] * 1, x[:, 2:4, 1:] * 1, x[:, 4:6, :, :-1] * 1


def from_wavelets(x: Tensor) -> Tensor:
    y = torch.zeros(1, 2, 24, 16)
    a, b, c, d = x.chunk(4, 1)
    y[:, :, 0::2, 0::2], y[:, :, 1::2, 0::2] = a - b - c + d, a - b + c - d
    y[:, :, 0::2, 1::2], y[:, :, 1::2, 1::2] = a + b - c - d, a + b + c + d
    return y


WRITES: dict[str, Head] = {
    "one_channel": written(one_channel),
    "stripes": written(stripes),
    "channels_by_index": written(channels_by_index),
    "a_view": written(a_view),
    "an_inner_part": written(an_inner_part),
    "a_mask": written(a_mask),
    "a_fixed_mask": written(a_fixed_mask),
    "a_diagonal": written(a_diagonal),
    "twice_the_same": written(twice_the_same),
    "shifted": written(shifted),
    "from_wavelets": from_wavelets,
    "copied_by_index": lambda x: x.index_copy(1, ORDER[:2], x[:, :2] * 3).index_fill(2, ORDER[3:5], 0.2),
    "added_by_index": lambda x: torch.zeros_like(x).index_add(1, ORDER, x, alpha=2),
    "scattered": lambda x: (
        torch.zeros_like(x).scatter(1, ANYWHERE[:, :1].expand(1, 8, 12, 8), x).scatter(3, ANYWHERE[..., :1], 0.7)
    ),
    "added_anywhere": lambda x: torch.zeros_like(x).scatter_add(1, ANYWHERE, x),
    "added_to_few": lambda x: x.scatter_add(3, ORDER[:3].expand(1, 8, 12, 3), x[..., :5]),
    "on_a_diagonal": lambda x: torch.diagonal_scatter(x, x[:, :, 3, :] * 2, 0, 2, 3),
}


def neighbours(x: Tensor) -> Tensor:
    """Attention to the 3 x 3 places around each."""
    around = F.pad(x, (1, 1, 1, 1)).unfold(2, 3, 1).unfold(3, 3, 1).permute(0, 2, 3, 4, 5, 1).reshape(96, 9, 8)
    here = x.permute(0, 2, 3, 1).reshape(96, 1, 8)
    return ((here @ around.transpose(1, 2)).softmax(-1) @ around).view(1, 12, 8, 8).permute(0, 3, 1, 2)


def involved(x: Tensor) -> Tensor:
    weights = x.mean(1, keepdim=True).view(1, 1, 1, 1, 12, 8) * torch.linspace(-1, 1, 18).view(1, 2, 1, 9, 1, 1)
    return (F.unfold(x, 3, padding=1).view(1, 2, 4, 9, 12, 8) * weights).sum(3).reshape(x.shape)


def in_windows(x: Tensor) -> Tensor:
    """Attention in windows of 4 x 4 with two heads, on seven axes."""
    y = x.view(1, 8, 3, 4, 2, 4).permute(0, 2, 4, 3, 5, 1).reshape(1, 3, 2, 16, 8)
    q, k, v = torch.cat((y, y * 0.5, y - 1), -1).view(1, 3, 2, 16, 3, 2, 4).permute(4, 0, 1, 2, 5, 3, 6).unbind(0)
    y = (q @ k.transpose(-1, -2)).softmax(-1) @ v
    return y.permute(0, 1, 2, 4, 3, 5).reshape(1, 3, 2, 4, 4, 8).permute(0, 5, 1, 3, 2, 4).reshape(1, 8, 12, 8)


def of_eight_axes(x: Tensor) -> Tensor:
    y = x.view(2, 2, 2, 3, 2, 2, 4, 2).permute(7, 5, 3, 1, 6, 4, 2, 0)
    return y.cumsum(2).flip(1).roll(1, 3).softmax(4) + y.mean((2, 4), keepdim=True) * y.amax(1, keepdim=True)


def joined(x: Tensor) -> Tensor:
    y = x.view(1, 2, 4, 6, 2, 8)
    z = torch.cat((y[:, :, :2], y[:, :, 2:] * 2), 2)
    first, second = z.chunk(2, 3)
    stacked = torch.stack((first, second), 4) + torch.where(z > 0, z, z * 0.1).view(1, 2, 4, 3, 2, 2, 8)
    return stacked.reshape(x.shape) + F.pad(z, (1, 0, 0, 0, 2, 0))[:, :, :, :6, :, :8].select(1, 1).repeat(
        1, 2, 1, 1, 1
    ).reshape(x.shape)


def pooled_to_a_corner(x: Tensor) -> Tensor:
    return x.flip(3).cummax(3).values.flip(3) + x.cummin(2)[0]


AXES: dict[str, Head] = {
    "blocks_overlap": lambda x: F.fold(F.unfold(x, 3, padding=1), (12, 8), 3, padding=1),
    "blocks_of_two": lambda x: F.fold(F.unfold(x, (3, 2), stride=(2, 3)), (12, 8), (3, 2), stride=(2, 3)),
    "blocks_dilated": lambda x: F.fold(F.unfold(x, 3, dilation=2, padding=2), (12, 8), 3, dilation=2, padding=2),
    "repeated": lambda x: x.repeat(1, 3, 2, 1) + x[:, :1].expand(1, 24, 12, 8).repeat(1, 1, 2, 1),
    "windows": lambda x: x.unfold(2, 4, 2).mean(-1),
    "windows_apart": lambda x: x.unfold(2, 4, 4).unfold(3, 4, 4).amax((-1, -2)),
    "neighbours": neighbours,
    "by_strides": lambda x: x.contiguous().as_strided((1, 8, 6, 8), (768, 96, 16, 1), 8),
    "by_strides_turned": lambda x: (x * 2).permute(0, 2, 3, 1).contiguous().as_strided((1, 10, 3, 8), (768, 64, 64, 8)),
    "involved": involved,
    "in_windows": in_windows,
    "of_eight_axes": lambda x: of_eight_axes(x).reshape(x.shape),
    "pixels_shuffled": lambda x: x.view(1, 2, 2, 2, 12, 8).permute(0, 1, 4, 2, 5, 3).reshape(1, 2, 24, 16),
    "pixels_gathered": lambda x: x.view(1, 8, 6, 2, 4, 2).permute(0, 1, 3, 5, 2, 4).reshape(1, 32, 6, 4),
    "joined": joined,
    "summed_over_six": lambda x: torch.einsum(
        "bgchkw,bgdhkw->bgcd", x.view(1, 2, 4, 6, 2, 8), x.view(1, 2, 4, 6, 2, 8)
    ),
    "pooled_to_a_corner": pooled_to_a_corner,
    "products": lambda x: torch.cumprod(x.sigmoid() + 0.5, 3) + x.sigmoid().prod(1, keepdim=True),
    "of_bases": lambda x: torch.exp(-(((x[..., None] - torch.linspace(-1, 1, 5)) / 0.5) ** 2)).sum(-1),
    "of_a_vector": lambda x: x.flatten(2).softmax(2).view(x.shape).sum(2) @ torch.linspace(0, 1, 8),
    "viewed": lambda x: x.flatten(2).view_as(x[0].unsqueeze(0)).moveaxis(1, -1).tensor_split(3, 2)[1],
}
