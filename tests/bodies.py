"""Blocks of published pose networks, in small and with seeded weights: what a body of that kind asks of a converter.

Each takes the trunk's map (tests/structures.py). Written from the papers: HRNet (Sun et al. 2019), Lite-HRNet (Yu et
al. 2021), EfficientPose (Groos et al. 2021), "Rethinking Deconvolution" and LDNet (lightweight pose networks with few
deconvolution channels, dynamic convolution), TransPose-like attention, LitePose (Wang et al. 2022), HigherHRNet (Cheng
et al. 2020), RTMO (Lu et al. 2024), MoVNect (Hwang et al. 2020), RTMW3D (MMPose), and the blocks of efficient YOLO-pose
variants.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

C = 8


def conv(i: int, o: int, k: int = 3, s: int = 1, g: int = 1, act: type[nn.Module] | None = nn.ReLU) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(i, o, k, s, k // 2, groups=g, bias=False), nn.BatchNorm2d(o)]
    return nn.Sequential(*layers, *([act()] if act else []))


class Exchange(nn.Module):
    """HRNet: branches of two sizes that are added to each other, by strides and by nearest enlargement."""

    def __init__(self) -> None:
        super().__init__()
        self.high, self.low = conv(C, C), conv(C, 2 * C, s=2)
        self.up, self.down = conv(2 * C, C, 1, act=None), conv(C, 2 * C, s=2, act=None)
        self.last = nn.Conv2d(3 * C, 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        high, low = self.high(x), self.low(x)
        fused = F.relu(high + F.interpolate(self.up(low), scale_factor=2.0, mode="nearest"))
        deep = F.relu(low + self.down(high))
        large = F.interpolate(deep, size=fused.shape[-2:], mode="bilinear", align_corners=True)
        return self.last(torch.cat([fused, large], 1))


class ConditionalChannels(nn.Module):
    """Lite-HRNet: weights of channels from all sizes pooled to the smallest, then a shuffle of the channels."""

    def __init__(self) -> None:
        super().__init__()
        self.low = conv(C, C, s=2)
        self.weigh = nn.Sequential(conv(C, 4, 1), conv(4, C, 1, act=nn.Sigmoid))
        self.depthwise, self.spatial = conv(C // 2, C // 2, g=C // 2, act=None), conv(C // 2, C // 2, 1, act=nn.Sigmoid)

    def forward(self, x: Tensor) -> Tensor:
        low = self.low(x)
        halves = [one.chunk(2, 1) for one in (x, low)]
        pooled = F.adaptive_avg_pool2d(halves[0][1], low.shape[-2:])
        weights = self.weigh(torch.cat([pooled, halves[1][1]], 1)).chunk(2, 1)
        active = halves[0][1] * F.interpolate(weights[0], size=x.shape[-2:], mode="nearest")
        active = self.depthwise(active)
        active = active * self.spatial(F.adaptive_avg_pool2d(active, 1))
        joined = torch.cat([halves[0][0], active], 1)
        n, c, h, w = joined.shape
        return joined.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


class InvertedSwish(nn.Module):
    """EfficientPose: an inverted residual of 5 x 5 with swish and squeeze-excite, enlarged by a fixed deconvolution."""

    def __init__(self) -> None:
        super().__init__()
        self.expand, self.depthwise = conv(C, 4 * C, 1, act=nn.SiLU), conv(4 * C, 4 * C, 5, g=4 * C, act=nn.SiLU)
        self.squeeze, self.excite = nn.Conv2d(4 * C, 4, 1), nn.Conv2d(4, 4 * C, 1)
        self.project = conv(4 * C, C, 1, act=None)
        self.enlarge = nn.ConvTranspose2d(C, C, 4, 2, 1, groups=C, bias=False)
        factor = 1 - (torch.arange(4.0) - 1.5).abs() / 2
        self.enlarge.weight.data.copy_((factor[:, None] * factor).expand(C, 1, 4, 4))

    def forward(self, x: Tensor) -> Tensor:
        y = self.depthwise(self.expand(x))
        gate = torch.sigmoid(self.excite(F.silu(self.squeeze(y.mean((2, 3), keepdim=True)))))
        return self.enlarge(x + self.project(y * gate))


class LightDeconvolutions(nn.Module):
    """A head of few channels: two grouped deconvolutions of other kernels, and a pointwise convolution after each."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.ConvTranspose2d(C, C, 4, 2, 1, groups=4), nn.ConvTranspose2d(C, C, 3, 2, 1, 1)
        self.mix, self.last = conv(C, C, 1), nn.Conv2d(C, 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(F.relu(self.second(self.mix(self.first(x)))))


class MapAttention(nn.Module):
    """Attention over all places of a map with learned places and several heads, and a relative bias."""

    def __init__(self) -> None:
        super().__init__()
        self.places = nn.Parameter(0.1 * torch.randn(1, 96, C))
        self.bias = nn.Parameter(0.1 * torch.randn(2, 96, 96))
        self.inner, self.out, self.norm = nn.Linear(C, 3 * C), nn.Linear(C, C), nn.LayerNorm(C)
        self.mlp = nn.Sequential(nn.Linear(C, 2 * C), nn.GELU(), nn.Linear(2 * C, C))

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        rows = x.flatten(2).transpose(1, 2) + self.places
        query, key, value = self.inner(self.norm(rows)).reshape(n, h * w, 3, 2, c // 2).permute(2, 0, 3, 1, 4)
        scores = (query @ key.transpose(-2, -1)) * (c // 2) ** -0.5 + self.bias
        rows = rows + self.out((scores.softmax(-1) @ value).transpose(1, 2).reshape(n, h * w, c))
        return (rows + self.mlp(rows)).transpose(1, 2).reshape(n, c, h, w)


class DynamicConvolution(nn.Module):
    """LDNet: one kernel of several, mixed by what the picture says, and applied as a convolution of that picture."""

    def __init__(self) -> None:
        super().__init__()
        self.kernels = nn.Parameter(0.2 * torch.randn(4, C, C, 3, 3))
        self.choose = nn.Sequential(nn.Linear(C, 4), nn.ReLU(), nn.Linear(4, 4))

    def forward(self, x: Tensor) -> Tensor:
        shares = (self.choose(x.mean((2, 3))) / 4).softmax(-1)
        kernel = (shares.reshape(4, 1, 1, 1, 1) * self.kernels).sum(0)
        return F.conv2d(x, kernel, padding=1)


class FusionDeconvolution(nn.Module):
    """LitePose: a 7 x 7 depthwise body, and deconvolutions of the deep map and of the early one that are joined."""

    def __init__(self) -> None:
        super().__init__()
        self.deep = nn.Sequential(conv(C, C, 7, g=C), conv(C, 2 * C, 1), conv(2 * C, 2 * C, 7, s=2, g=2 * C))
        self.of_deep, self.of_early = nn.ConvTranspose2d(2 * C, C, 4, 2, 1), conv(C, C, 5, g=C)
        self.last = nn.Conv2d(2 * C, 5, 5, padding=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.cat([F.relu(self.of_deep(self.deep(x))), self.of_early(x)], 1))


class HigherResolution(nn.Module):
    """HigherHRNet: heatmaps and tags, and again at twice the size from both of them and the features."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(C, 6, 1)
        self.enlarge = nn.Sequential(nn.ConvTranspose2d(C + 6, C, 4, 2, 1, bias=False), nn.BatchNorm2d(C), nn.ReLU())
        self.block, self.second = nn.Sequential(conv(C, C), conv(C, C, act=None)), nn.Conv2d(C, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        coarse = self.first(x)
        fine = self.enlarge(torch.cat([x, coarse], 1))
        fine = self.second(F.relu(fine + self.block(fine)))
        return fine + F.interpolate(coarse[:, :3], scale_factor=2.0, mode="bilinear", align_corners=False)


class Bins(nn.Module):
    """RTMO: coordinates as the mean of bins that lie in each place's own box, told apart by sines of where they lie."""

    def __init__(self) -> None:
        super().__init__()
        self.box, self.poses = nn.Conv2d(C, 4, 1), nn.Conv2d(C, 3 * C, 1)
        self.encode = nn.Linear(C, C)
        self.register_buffer("bins", torch.linspace(-0.5, 0.5, 12))
        self.register_buffer("rates", 10.0 ** (-torch.arange(C // 2) / 2))

    def forward(self, x: Tensor) -> Tensor:
        box = self.box(x).flatten(2).transpose(1, 2)  # (1, 96, 4): centre and logarithm of size
        poses = self.poses(x).flatten(2).transpose(1, 2).reshape(1, 96, 3, C)
        found = []
        for axis in (0, 1):
            places = self.bins * torch.exp(box[..., 2 + axis, None].clamp(max=2)) * 1.25 + box[..., axis, None]
            angles = places[..., None] * self.rates
            encoded = self.encode(torch.cat([angles.sin(), angles.cos()], -1))  # (1, 96, 12, C)
            share = (poses @ encoded.transpose(-2, -1)).softmax(-1)
            found.append((share * places[:, :, None]).sum(-1))
        return torch.stack(found, -1)


class EfficientBlocks(nn.Module):
    """Of efficient YOLO variants: a convolution of some channels, cheap copies of others, and coordinate attention."""

    def __init__(self) -> None:
        super().__init__()
        self.part, self.ghost = nn.Conv2d(C // 4, C // 4, 3, padding=1, bias=False), conv(C // 2, C // 2, 5, g=C // 2)
        self.primary, self.join = conv(C, C // 2, 1, act=nn.Hardswish), conv(C, 4, 1, act=nn.Hardswish)
        self.to_rows, self.to_columns = nn.Conv2d(4, C, 1), nn.Conv2d(4, C, 1)

    def forward(self, x: Tensor) -> Tensor:
        first, others = x.split([C // 4, C - C // 4], 1)
        y = torch.cat([self.part(first), others], 1)
        cheap = self.primary(y)
        y = torch.cat([cheap, self.ghost(cheap)], 1)
        rows, across = y.mean(3, keepdim=True), y.mean(2, keepdim=True).permute(0, 1, 3, 2)
        rows, across = self.join(torch.cat([rows, across], 2)).split([y.shape[2], y.shape[3]], 2)
        return y * self.to_rows(rows).sigmoid() * self.to_columns(across.permute(0, 1, 3, 2)).sigmoid()


class InvertedResidual(nn.Module):
    """MobileNetV2: expanded, depthwise, projected, added."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.block = nn.Sequential(conv(c, 4 * c, 1, act=nn.ReLU6), conv(4 * c, 4 * c, g=4 * c, act=nn.ReLU6),
                                   conv(4 * c, c, 1, act=None))  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x)


class Locations(nn.Module):
    """MoVNect: deconvolved features, and beside them the lengths of the bones that they tell of."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.up = InvertedResidual(C), nn.ConvTranspose2d(C, C, 4, 2, 1)
        self.deltas, self.last = nn.Conv2d(C, 9, 1, bias=False), nn.Conv2d(C + 12, 12, 1)

    def forward(self, x: Tensor) -> Tensor:
        features = F.relu6(self.up(self.body(x)))
        deltas = self.deltas(features)
        x_bones, y_bones, z_bones = deltas.chunk(3, 1)
        lengths = torch.sqrt(x_bones**2 + y_bones**2 + z_bones**2)
        return self.last(torch.cat([features, deltas, lengths], 1))


class GatedUnit(nn.Module):
    """RTMPose's attention of tokens (1, K, c): gates, and squared rectified products rather than a softmax."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.c, self.norm = c, nn.LayerNorm(c)
        self.inner, self.out = nn.Linear(c, 5 * c, bias=False), nn.Linear(2 * c, c, bias=False)
        self.gamma, self.beta = (nn.Parameter(scale * torch.randn(2, c)) for scale in (1.0, 0.1))

    def forward(self, tokens: Tensor) -> Tensor:
        gate, values, base = F.silu(self.inner(self.norm(tokens))).split([2 * self.c, 2 * self.c, self.c], 2)
        query, key = (base[:, :, None] * self.gamma + self.beta).unbind(2)
        kernel = F.relu(query @ key.transpose(1, 2) / self.c**0.5) ** 2
        return tokens + self.out(gate * (kernel @ values))


class Vectors(nn.Module):
    """RTMW3D: a 7 x 7 convolution to maps, these as tokens, and of each token vectors of three lengths."""

    def __init__(self) -> None:
        super().__init__()
        self.maps, self.tokens, self.unit = nn.Conv2d(C, 5, 7, padding=3), nn.Linear(96, 16), GatedUnit(16)
        self.vectors = nn.ModuleList(nn.Linear(16, bins, bias=False) for bins in (64, 96, 72))

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.unit(self.tokens(self.maps(x).flatten(2)))
        return torch.cat([vector(tokens) for vector in self.vectors], 2)


BODIES: dict[str, type[nn.Module]] = {
    "hrnet": Exchange,
    "lite_hrnet": ConditionalChannels,
    "efficientpose": InvertedSwish,
    "light_deconvolutions": LightDeconvolutions,
    "transpose": MapAttention,
    "ldnet": DynamicConvolution,
    "litepose": FusionDeconvolution,
    "higherhrnet": HigherResolution,
    "rtmo": Bins,
    "efficient_yolo": EfficientBlocks,
    "movnect": Locations,
    "rtmw3d": Vectors,
}
