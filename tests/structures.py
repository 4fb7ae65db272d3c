"""Structures that users of converters report, many to a network: each head is one of them and one output.

A conversion costs seconds however small the network is, so what belongs together is converted together.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests import moves
from tests.bodies import BODIES

C = 8  # channels of the trunk, on a map of 12 x 8
SIZE_WH = (32, 48)
Head = nn.Module | Callable[[Tensor], Tensor]


class Heads(nn.Module):
    """A trunk, and one output a head."""

    def __init__(self, heads: dict[str, Head]) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(3, C, 3, 2, 1), nn.BatchNorm2d(C), nn.ReLU(inplace=True), nn.Conv2d(C, C, 3, 2, 1)
        )
        self.heads = nn.ModuleDict(
            {name: head if isinstance(head, nn.Module) else Calling(head) for name, head in heads.items()}
        )

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        x = self.trunk(x)
        return tuple(head(x) for head in self.heads.values())


class Calling(nn.Module):
    """A function of the trunk's map, and the modules that it uses."""

    def __init__(self, function: Callable[..., Tensor], **modules: nn.Module) -> None:
        super().__init__()
        self.function, self.names = function, tuple(modules)
        for name, module in modules.items():
            setattr(self, name, module)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, *(getattr(self, name) for name in self.names))


def deconvolution(*sizes: object, norm: bool = True, out: int = C, **options: object) -> nn.Module:
    conv = nn.ConvTranspose2d(C, out, *sizes, **options)  # type: ignore[arg-type]
    return nn.Sequential(conv, nn.BatchNorm2d(out), nn.ReLU()) if norm else conv


def resize(**options: object) -> Head:
    return lambda x: F.interpolate(x, **options)  # type: ignore[arg-type]


class Gate(nn.Module):
    """Squeeze and excitation; `spread` brings the gate to the size of the map."""

    def __init__(self, spread: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.fully, self.spread = nn.Sequential(nn.Linear(C, 4), nn.ReLU(), nn.Linear(4, C), nn.Sigmoid()), spread

    def forward(self, x: Tensor) -> Tensor:
        return x * self.spread(self.fully(x.mean((2, 3))).view(1, C, 1, 1), x)


class WithCoordinates(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(C + 2, C, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        h, w = x.shape[2:]
        rows = torch.linspace(-1, 1, h).view(1, 1, h, 1).expand(1, 1, h, w)
        columns = (torch.arange(w) / (w - 1)).view(1, 1, 1, w).repeat(1, 1, h, 1)
        return self.conv(torch.cat((x, rows, columns), 1))


class Positions(nn.Module):
    """A table of positions, trained at 14 x 14, resized to the map."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(1, C, 14, 14))

    def forward(self, x: Tensor) -> Tensor:
        return x + F.interpolate(self.table, size=x.shape[2:], mode="bicubic", align_corners=False)


class Standardised(nn.Conv2d):
    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
        return F.conv2d(x, weight / (weight.std((1, 2, 3), keepdim=True) + 1e-5), self.bias, padding=1)


class ShiftedMask(nn.Module):
    """The mask of shifted windows, written in place into zeros, as Swin has it."""

    def forward(self, x: Tensor) -> Tensor:
        zones = torch.zeros(1, 1, 12, 8)
        for number, rows in enumerate((slice(0, -4), slice(-4, -2), slice(-2, None))):
            zones[:, :, rows, 4:] = number
        apart = zones.view(1, 1, -1, 1) - zones.view(1, 1, 1, -1)
        mask = apart.masked_fill(apart != 0, -100.0)
        y = torch.roll(x, (-2, -2), (2, 3)).flatten(2)
        return (
            (torch.softmax(0.1 * y.transpose(1, 2) @ y + mask[0], -1) @ y.transpose(1, 2))
            .transpose(1, 2)
            .reshape(x.shape)
        )


def turned(x: Tensor, **options: object) -> Tensor:
    matrix = torch.tensor([[[1.3, 0.2, 0.1], [-0.2, 1.2, 0.0]]])
    grid = F.affine_grid(matrix, [1, C, 10, 9], align_corners=False)
    return F.grid_sample(x, grid, **options)  # type: ignore[arg-type]


def several_turned(x: Tensor) -> Tensor:
    """Two pictures, each with a grid of its own."""
    matrices = torch.tensor([[[1.3, 0.2, 0.1], [-0.2, 1.2, 0.0]], [[0.5, 0.0, 0.0], [0.1, 0.7, 0.2]]])
    grids = F.affine_grid(matrices, [2, C // 2, 5, 6], align_corners=False)
    return F.grid_sample(x.reshape(2, C // 2, 12, 8), grids, align_corners=False).reshape(1, C, 5, 6)


class Deformed(nn.Module):
    """Sampled where the picture itself says."""

    def __init__(self) -> None:
        super().__init__()
        self.offset = nn.Conv2d(C, 2, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        base = F.affine_grid(torch.eye(2, 3)[None], list(x.shape), align_corners=True)
        return F.grid_sample(
            x, base + 0.1 * self.offset(x).permute(0, 2, 3, 1), align_corners=True, padding_mode="border"
        )


class Recurrent(nn.Module):
    """A layer over the first two places of three rows, from states that are not zero; its results and its last
    states."""

    def __init__(self, layer: nn.RNNBase) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        rows = x[0, :, :3, :2].permute(1, 2, 0)
        batch = rows.shape[0 if self.layer.batch_first else 1]
        several = self.layer.num_layers * (2 if self.layer.bidirectional else 1)
        start = torch.linspace(-1, 1, several * batch * 5).reshape(several, batch, 5)
        results, last = self.layer(rows, (start, -start) if isinstance(self.layer, nn.LSTM) else start)
        return torch.cat([one.flatten() for one in (results, *(last if isinstance(last, tuple) else (last,)))])[None]


def unpooled(x: Tensor) -> Tensor:
    values, places = F.max_pool2d(x, 2, return_indices=True)
    return F.max_unpool2d(values * 2, places, 2)


class Scripted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(C, C, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        if y.shape[1] == 8:
            y = F.relu(y)
        return y


GROUPS: dict[str, Callable[[], dict[str, Head]]] = {
    "bodies": lambda: {name: block() for name, block in BODIES.items()},
    "deconvolutions": lambda: {
        "plain": deconvolution(4, 2, 1),
        "grouped": deconvolution(4, 2, 1, groups=4, out=16, bias=False),
        "depthwise": deconvolution(4, 2, 1, groups=C),
        "more_below": deconvolution(3, 2, 1, output_padding=1, bias=False),
        "grouped_more_below": deconvolution(3, 2, 1, output_padding=1, groups=2),
        "smaller": deconvolution(3, 2, 1),
        "beyond": deconvolution(2, 2, 0, output_padding=1),
        "dilated": deconvolution(3, 2, 2, dilation=2, output_padding=1),
        "of_stride_one": deconvolution(3, 1, 2, dilation=2, groups=2),
        "cut_input": deconvolution(3, 1, 3, norm=False),
        "unequal": deconvolution((3, 5), (1, 2), (0, 2), norm=False, bias=False),
    },
    "resizes": lambda: {
        "fraction": resize(scale_factor=1.3, mode="bilinear", align_corners=False),
        "one_fraction": resize(scale_factor=(2.0, 1.3), mode="bilinear", align_corners=False),
        "smaller": resize(scale_factor=0.5, mode="bilinear", align_corners=False),
        "corners": resize(size=(17, 11), mode="bilinear", align_corners=True),
        "antialias": resize(size=(5, 7), mode="bilinear", antialias=True),
        "bicubic": resize(scale_factor=2, mode="bicubic", align_corners=False),
        "bicubic_antialias": resize(size=(5, 7), mode="bicubic", antialias=True),
        "nearest_odd": resize(size=(17, 11), mode="nearest"),
        "nearest_half": resize(scale_factor=0.5, mode="nearest"),
        "exact_double": resize(scale_factor=2, mode="nearest-exact"),
        "exact_odd": resize(size=(17, 11), mode="nearest-exact"),
        "area": resize(size=(5, 3), mode="area"),
        "same": resize(size=(12, 8), mode="bicubic"),
        "a_point": lambda x: x * F.interpolate(x.mean((2, 3), keepdim=True), size=(12, 8), mode="bilinear"),
        "lines": lambda x: F.interpolate(x.flatten(2), scale_factor=0.7, mode="linear"),
    },
    "pools": lambda: {
        "mean_odd": nn.AdaptiveAvgPool2d((5, 3)),
        "maximum_odd": nn.AdaptiveMaxPool2d((5, 3)),
        "maximum_all": nn.AdaptiveMaxPool2d(1),
        "unpooled": unpooled,
        "circular": nn.Conv2d(C, C, 3, 1, 1, padding_mode="circular"),
        "padded_and_cut": lambda x: F.pad(x, (-1, 2, 1, -2), value=0.7),
        "circular_uneven": lambda x: F.pad(x, (2, 0, 1, 3), mode="circular"),
    },
    "gates": lambda: {
        "expand_as": Gate(lambda gate, x: gate.expand_as(x)),
        "repeat": Gate(lambda gate, x: gate.repeat(1, 1, *x.shape[2:])),
        "nearest": Gate(lambda gate, x: F.interpolate(gate, size=x.shape[2:])),
        "joined": lambda x: torch.cat((x, x.mean((2, 3), keepdim=True).expand(-1, -1, 12, 8)), 1),
        "point_of_a_pyramid": Calling(
            lambda x, conv: torch.cat((x, conv(F.adaptive_avg_pool2d(x, 1)).expand(-1, -1, 12, 8)), 1),
            conv=nn.Conv2d(C, C, 1),
        ),
    },
    "constants": lambda: {
        "coordinates": WithCoordinates(),
        "positions": Positions(),
        "standardised": Standardised(C, C, 3),
        "spectral": nn.utils.parametrizations.spectral_norm(nn.Conv2d(C, C, 3, 1, 1)),
        "shifted_mask": ShiftedMask(),
        "stripes": lambda x: x * (torch.arange(8).view(1, 1, 1, 8) % 2).to(x.dtype),
        "instance_statistics": nn.InstanceNorm2d(C, affine=True, track_running_stats=True),
    },
    "sampling": lambda: {
        "turned": lambda x: turned(x, align_corners=False),
        "mirrored": lambda x: turned(x, align_corners=True, padding_mode="reflection"),
        "nearest": lambda x: turned(x, align_corners=False, mode="nearest", padding_mode="border"),
        "deformed": Deformed(),
        "cubic": lambda x: turned(x, align_corners=False, mode="bicubic"),
        "cubic_mirrored": lambda x: turned(x, align_corners=False, mode="bicubic", padding_mode="reflection"),
        "of_several": several_turned,
    },
    "orders": lambda: {
        "sorted": lambda x: x.sort(1, descending=True).values,
        "ranks": lambda x: torch.argsort(x, 2).to(x.dtype),
        "kept_above": lambda x: x * (x >= x.flatten(2).kthvalue(80, -1).values[..., None, None]).to(x.dtype),
        "less_median": lambda x: x - x.flatten(2).median(-1, keepdim=True).values[..., None] + x.median(),
        "least": lambda x: x.flatten(2).topk(3, largest=False).values,
        "many": lambda x: x.flatten(2).topk(20).values,
    },
    "writes": lambda: dict(moves.WRITES),
    "axes": lambda: dict(moves.AXES),
    "recurrent": lambda: {
        "both_ways": Recurrent(nn.LSTM(C, 5, batch_first=True, bidirectional=True)),
        "gated": Recurrent(nn.GRU(C, 5, num_layers=2, batch_first=True)),
        "gated_without_bias": Recurrent(nn.GRU(C, 5, bias=False)),
        "plain": Recurrent(nn.RNN(C, 5, batch_first=True, nonlinearity="relu", bidirectional=True)),
    },
    "decomposed": lambda: {
        "celu": nn.CELU(0.7),
        "bilinear": Calling(lambda x, pairs: pairs(x.flatten(2).mT, x.flatten(2).mT), pairs=nn.Bilinear(C, C, 5)),
        "hardshrink": nn.Hardshrink(0.1),
        "log_sigmoid": nn.LogSigmoid(),
        "softplus": lambda x: F.softplus(x) + F.softplus(x, beta=2.0, threshold=0.8),
        "hypot": lambda x: torch.hypot(x, x.flip(1) + 0.1),
        "divided": nn.AvgPool2d(3, 2, 1, divisor_override=5),
        "rrelu": nn.RReLU(),
        "channel_shuffle": nn.ChannelShuffle(4),
        "cdist": lambda x: torch.cdist(x.flatten(2), x.flatten(2).flip(1) + 1),
        "topk_mask": lambda x: x * (x >= x.flatten(2).topk(5, -1).values[..., -1].view(1, C, 1, 1)).float(),
        "cosine": lambda x: F.cosine_similarity(x, x.flip(1) + 0.1, dim=1),
        "lerp": lambda x: torch.lerp(x, x.roll(1, 2), 0.3),
        "spreads": lambda x: x.var(1, keepdim=True) * x.std((2, 3), unbiased=False, keepdim=True) + x.var(),
        "rests": lambda x: torch.fmod(x, 1.3) + x.trunc() + torch.fmod(x, x.flip(1).abs() + 0.5),
        "normed": lambda x: x / torch.var_mean(x, (2, 3), keepdim=True)[0].add(1e-3).sqrt(),
        "dropouts": nn.Sequential(nn.Dropout2d(0.3), nn.Conv2d(C, C, 1), nn.AlphaDropout(0.2)),
        "scripted": torch.jit.script(Scripted()),  # type: ignore[no-untyped-call]
        "in_half": lambda x: (x.half() * 2).float(),
    },
}


def build(group: str) -> Heads:
    """The network of a group, with seeded weights and statistics that change every value."""
    torch.manual_seed(sum(map(ord, group)))
    network = Heads(GROUPS[group]())
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._NormBase) and module.running_mean is not None:
            nn.init.normal_(module.running_mean, 0, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)  # type: ignore[arg-type]
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.2)
    return network.eval()
