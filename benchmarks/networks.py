"""Pose networks of the families that users bring, at their real sizes, with seeded random weights: for timing alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

K = 17  # COCO's keypoints


def conv(
    i: int, o: int, k: int = 1, s: int = 1, g: int = 1, act: Callable[[], nn.Module] | None = nn.ReLU
) -> nn.Module:
    """Convolution, BatchNorm and activation, padded to keep the size."""
    layers = [nn.Conv2d(i, o, k, s, k // 2, groups=g, bias=False), nn.BatchNorm2d(o)]
    return nn.Sequential(*layers, *([act()] if act else []))


def up(i: int, o: int) -> nn.Module:
    """The 4 x 4 transposed convolution of stride 2 that heatmap heads are made of."""
    return nn.Sequential(nn.ConvTranspose2d(i, o, 4, 2, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU())


class Gate(nn.Module):
    """Squeeze-and-excitation."""

    def __init__(self, channels: int, act: Callable[[], nn.Module] = nn.Hardsigmoid) -> None:
        super().__init__()
        inner = max(channels // 4, 8)
        self.down, self.up, self.act = nn.Conv2d(channels, inner, 1), nn.Conv2d(inner, channels, 1), act()

    def forward(self, x: Tensor) -> Tensor:
        return x * self.act(self.up(F.relu(self.down(x.mean((2, 3), keepdim=True)))))


class Inverted(nn.Module):
    """Inverted residual of MobileNetV2 and V3."""

    def __init__(
        self,
        i: int,
        o: int,
        wide: int,
        k: int = 3,
        s: int = 1,
        act: Callable[[], nn.Module] = nn.ReLU6,
        se: bool = False,
    ) -> None:
        super().__init__()
        parts = [conv(i, wide, act=act)] if wide != i else []
        parts += [conv(wide, wide, k, s, wide, act), *([Gate(wide)] if se else []), conv(wide, o, act=None)]
        self.body, self.adds = nn.Sequential(*parts), s == 1 and i == o

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.adds else self.body(x)


def simple_baseline() -> nn.Module:
    """SimpleBaseline on MobileNetV2."""
    layers, channels = [conv(3, 32, 3, 2, act=nn.ReLU6)], 32
    for t, o, n, s in [
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ]:
        for number in range(n):
            layers.append(Inverted(channels, o, channels * t, s=s if number == 0 else 1))
            channels = o
    head = [up(1280, 256), up(256, 256), up(256, 256), nn.Conv2d(256, K, 1)]
    return nn.Sequential(*layers, conv(320, 1280, act=nn.ReLU6), *head)


def mobilenet_v3() -> nn.Module:
    """MobileNetV3-large with squeeze-and-excitation, and a head of resizes."""
    swish, relu = nn.Hardswish, nn.ReLU
    table = [
        (3, 16, 16, 1, False, relu),
        (3, 64, 24, 2, False, relu),
        (3, 72, 24, 1, False, relu),
        (5, 72, 40, 2, True, relu),
        (5, 120, 40, 1, True, relu),
        (5, 120, 40, 1, True, relu),
        (3, 240, 80, 2, False, swish),
        (3, 200, 80, 1, False, swish),
        (3, 184, 80, 1, False, swish),
        (3, 184, 80, 1, False, swish),
        (3, 480, 112, 1, True, swish),
        (3, 672, 112, 1, True, swish),
        (5, 672, 160, 2, True, swish),
        (5, 960, 160, 1, True, swish),
    ]
    layers, channels = [conv(3, 16, 3, 2, act=swish)], 16
    for k, wide, o, s, se, act in table:
        layers.append(Inverted(channels, o, wide, k, s, act, se))
        channels = o
    for o in (96, 64, 48):
        layers += [
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
            conv(channels, channels, 3, 1, channels),
            conv(channels, o),
        ]
        channels = o
    return nn.Sequential(*layers, nn.Conv2d(channels, K, 1))


class LitePose(nn.Module):
    """LitePose-like: inverted residuals of 7 x 7 depthwise kernels, and transposed convolutions on two scales."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv(3, 24, 3, 2), conv(24, 24, 3, 1, 24), conv(24, 16, act=None))
        stages, channels = [], 16
        for o, n, s in [(32, 6, 2), (48, 8, 2), (80, 10, 2), (120, 8, 1)]:
            parts = []
            for number in range(n):
                parts.append(Inverted(channels, o, channels * 6, 7, s if number == 0 else 1))
                channels = o
            stages.append(nn.Sequential(*parts))
        self.stages = nn.ModuleList(stages)
        self.up = nn.ModuleList([up(120, 48), up(48, 32)])
        self.side = nn.ModuleList([conv(48, 48, act=None), conv(32, 32, act=None)])
        self.head = nn.Sequential(conv(32, 32, 5, 1, 32), nn.Conv2d(32, K, 1))

    def forward(self, x: Tensor) -> Tensor:
        x, kept = self.stem(x), []
        for stage in self.stages:
            x = stage(x)
            kept.append(x)
        for deconv, side, skip in zip(self.up, self.side, (kept[1], kept[0]), strict=True):
            x = deconv(x) + side(skip)
        return self.head(x)


class Attention(nn.Module):
    """A transformer's block."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.one, self.two = nn.LayerNorm(width, 1e-6), nn.LayerNorm(width, 1e-6)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.inner = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(self.one(x)).reshape(*x.shape[:2], 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(x.shape)
        x = x + self.out(mixed)
        return x + self.inner(self.two(x))


class ViTPose(nn.Module):
    """ViTPose-S-like: 12 blocks of width 384, and two transposed convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 384, 16, 16)
        self.place = nn.Parameter(torch.randn(1, 192, 384) * 0.02)
        self.blocks = nn.Sequential(*[Attention(384, 12) for _ in range(12)], nn.LayerNorm(384, 1e-6))
        self.head = nn.Sequential(up(384, 256), up(256, 256), nn.Conv2d(256, K, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x)
        tokens = self.blocks(x.flatten(2).transpose(1, 2) + self.place)
        return self.head(tokens.transpose(1, 2).reshape(x.shape))


class Basic(nn.Module):
    """ResNet's basic block."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(c, c, 3), conv(c, c, 3, act=None))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.body(x))


class Bottleneck(nn.Module):
    """ResNet's bottleneck block."""

    def __init__(self, i: int, c: int) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(i, c), conv(c, c, 3), conv(c, 4 * c, act=None))
        self.skip = conv(i, 4 * c, act=None) if i != 4 * c else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.skip(x) + self.body(x))


class Exchange(nn.Module):
    """HRNet's module: four basic blocks a branch, then every branch from all."""

    def __init__(self, widths: list[int], outputs: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList([nn.Sequential(*[Basic(c) for _ in range(4)]) for c in widths])
        self.fuse = nn.ModuleList(
            [nn.ModuleList([self._way(i, o, widths) for i in range(len(widths))]) for o in range(outputs)]
        )

    @staticmethod
    def _way(i: int, o: int, widths: list[int]) -> nn.Module:
        if i == o:
            return nn.Identity()
        if i > o:
            return nn.Sequential(conv(widths[i], widths[o], act=None), nn.Upsample(scale_factor=2 ** (i - o)))
        steps = [conv(widths[i], widths[i], 3, 2) for _ in range(o - i - 1)]
        return nn.Sequential(*steps, conv(widths[i], widths[o], 3, 2, act=None))

    def forward(self, xs: list[Tensor]) -> list[Tensor]:
        xs = [branch(x) for branch, x in zip(self.branches, xs, strict=True)]
        return [F.relu(sum(way(x) for way, x in zip(ways, xs, strict=True))) for ways in self.fuse]


class HRNet(nn.Module):
    """HRNet-w32."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            conv(3, 64, 3, 2), conv(64, 64, 3, 2), Bottleneck(64, 64), *[Bottleneck(256, 64) for _ in range(3)]
        )
        widths = [32, 64, 128, 256]
        self.first = nn.ModuleList([conv(256, 32, 3), conv(256, 64, 3, 2)])
        self.more = nn.ModuleList([conv(64, 128, 3, 2), conv(128, 256, 3, 2)])
        self.stages = nn.ModuleList([
            nn.ModuleList([Exchange(widths[:2], 2)]),
            nn.ModuleList([Exchange(widths[:3], 3) for _ in range(4)]),
            nn.ModuleList([Exchange(widths, 4), Exchange(widths, 4), Exchange(widths, 1)]),
        ])  # fmt: skip
        self.head = nn.Conv2d(32, K, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        xs = [layer(x) for layer in self.first]
        for number, stage in enumerate(self.stages):
            if number:
                xs = [*xs, self.more[number - 1](xs[-1])]
            for module in stage:
                xs = module(xs)
        return self.head(xs[0])


class CSPNeXtBlock(nn.Module):
    """RTMPose's block: 3 x 3, then 5 x 5 depthwise."""

    def __init__(self, c: int, adds: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(c, c, 3, act=nn.SiLU), conv(c, c, 5, 1, c, nn.SiLU), conv(c, c, act=nn.SiLU))
        self.adds = adds

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.adds else self.body(x)


class CSP(nn.Module):
    """Cross-stage partial layer with channel attention."""

    def __init__(self, i: int, o: int, n: int, adds: bool) -> None:
        super().__init__()
        half = o // 2
        self.main, self.short = conv(i, half, act=nn.SiLU), conv(i, half, act=nn.SiLU)
        self.blocks = nn.Sequential(*[CSPNeXtBlock(half, adds) for _ in range(n)])
        self.attention, self.last = nn.Conv2d(o, o, 1), conv(o, o, act=nn.SiLU)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([self.blocks(self.main(x)), self.short(x)], 1)
        return self.last(x * F.hardsigmoid(self.attention(x.mean((2, 3), keepdim=True))))


class Pyramid(nn.Module):
    """Spatial pyramid pooling."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.one, self.two = conv(c, c // 2, act=nn.SiLU), conv(c * 2, c, act=nn.SiLU)

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.one(x)]
        for _ in range(3):
            parts.append(F.max_pool2d(parts[-1], 5, 1, 2))
        return self.two(torch.cat(parts, 1))


class RTMPose(nn.Module):
    """RTMPose-m-like: CSPNeXt-m, a gated attention unit over keypoints, SimCC."""

    def __init__(self) -> None:
        super().__init__()
        swish = nn.SiLU
        parts: list[nn.Module] = [conv(3, 24, 3, 2, act=swish), conv(24, 24, 3, act=swish), conv(24, 48, 3, act=swish)]
        for i, o, n, adds, pool in [
            (48, 96, 2, True, 0),
            (96, 192, 4, True, 0),
            (192, 384, 4, True, 0),
            (384, 768, 2, False, 1),
        ]:
            parts += [conv(i, o, 3, 2, act=swish), *([Pyramid(o)] if pool else []), CSP(o, o, n, adds)]
        self.body = nn.Sequential(*parts, nn.Conv2d(768, K, 7, 1, 3))
        self.mlp = nn.Sequential(nn.LayerNorm(48), nn.Linear(48, 256))
        self.norm, self.uv, self.out = nn.LayerNorm(256), nn.Linear(256, 512 * 2 + 128), nn.Linear(512, 256)
        self.gamma, self.beta = nn.Parameter(torch.rand(2, 128)), nn.Parameter(torch.zeros(2, 128))
        self.x, self.y = nn.Linear(256, 384), nn.Linear(256, 512)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        x = self.mlp(self.body(image).flatten(2))
        u, v, base = F.silu(self.uv(self.norm(x))).split([512, 512, 128], dim=-1)
        q, k = (base[:, :, None] * self.gamma + self.beta).unbind(2)
        weights = F.relu(q @ k.transpose(1, 2) / 128**0.5).square()
        x = x + self.out(u * (weights @ v))
        return self.x(x), self.y(x)


class C2f(nn.Module):
    """YOLOv8's layer."""

    def __init__(self, i: int, o: int, n: int, adds: bool) -> None:
        super().__init__()
        half = o // 2
        self.one = conv(i, o, act=nn.SiLU)
        self.blocks = nn.ModuleList(
            [nn.Sequential(conv(half, half, 3, act=nn.SiLU), conv(half, half, 3, act=nn.SiLU)) for _ in range(n)]
        )
        self.two, self.adds = conv(half * (2 + n), o, act=nn.SiLU), adds

    def forward(self, x: Tensor) -> Tensor:
        parts = list(self.one(x).chunk(2, 1))
        for block in self.blocks:
            parts.append(parts[-1] + block(parts[-1]) if self.adds else block(parts[-1]))
        return self.two(torch.cat(parts, 1))


class YOLOPose(nn.Module):
    """YOLOv8n-pose-like: one row an anchor, (box, score, K times x, y, visibility) in input px."""

    def __init__(self, size: int = 320) -> None:
        super().__init__()
        swish = nn.SiLU
        self.p3 = nn.Sequential(conv(3, 16, 3, 2, act=swish), conv(16, 32, 3, 2, act=swish), C2f(32, 32, 1, True),
                                conv(32, 64, 3, 2, act=swish), C2f(64, 64, 2, True))  # fmt: skip
        self.p4 = nn.Sequential(conv(64, 128, 3, 2, act=swish), C2f(128, 128, 2, True))
        self.p5 = nn.Sequential(conv(128, 256, 3, 2, act=swish), C2f(256, 256, 1, True), Pyramid(256))
        self.n4, self.n3 = C2f(384, 128, 1, False), C2f(192, 64, 1, False)
        self.d4, self.d5 = conv(64, 64, 3, 2, act=swish), conv(128, 128, 3, 2, act=swish)
        self.m4, self.m5 = C2f(192, 128, 1, False), C2f(384, 256, 1, False)
        self.heads = nn.ModuleList([self._heads(c) for c in (64, 128, 256)])
        grids = [
            torch.stack(torch.meshgrid(torch.arange(size / s) + 0.5, torch.arange(size / s) + 0.5, indexing="xy"), 0)
            for s in (8, 16, 32)
        ]
        self.anchors = nn.Buffer(torch.cat([grid.reshape(2, -1) for grid in grids], 1)[None])
        self.strides = nn.Buffer(torch.cat([torch.full((1, 1, (size // s) ** 2), float(s)) for s in (8, 16, 32)], 2))

    @staticmethod
    def _heads(c: int) -> nn.Module:
        def branch(inner: int, o: int) -> nn.Module:
            return nn.Sequential(
                conv(c, inner, 3, act=nn.SiLU), conv(inner, inner, 3, act=nn.SiLU), nn.Conv2d(inner, o, 1)
            )

        return nn.ModuleList([branch(64, 64), branch(64, 1), branch(51, 3 * K)])

    def forward(self, image: Tensor) -> Tensor:
        x3 = self.p3(image)
        x4 = self.p4(x3)
        x5 = self.p5(x4)
        x4 = self.n4(torch.cat([F.interpolate(x5, scale_factor=2.0), x4], 1))
        x3 = self.n3(torch.cat([F.interpolate(x4, scale_factor=2.0), x3], 1))
        x4 = self.m4(torch.cat([self.d4(x3), x4], 1))
        x5 = self.m5(torch.cat([self.d5(x4), x5], 1))
        rows = [[branch(x).flatten(2) for branch in heads] for heads, x in zip(self.heads, (x3, x4, x5), strict=True)]
        boxes, scores, points = (torch.cat(parts, 2) for parts in zip(*rows, strict=True))
        bins = boxes.reshape(1, 4, 16, -1).softmax(2)
        left, right = (bins * torch.arange(16.0).reshape(1, 1, 16, 1)).sum(2).chunk(2, 1)
        low, high = self.anchors - left, self.anchors + right
        boxes = torch.cat([(low + high) / 2, high - low], 1) * self.strides
        points = points.reshape(1, K, 3, -1)
        places = (points[:, :, :2] * 2 + (self.anchors - 0.5)[:, None]) * self.strides[:, None]
        points = torch.cat([places, points[:, :, 2:].sigmoid()], 2).flatten(1, 2)
        return torch.cat([boxes, scores.sigmoid(), points], 1)


# the network, and the width and height of its input
NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, int]]] = {
    "mobilenet-v3": (mobilenet_v3, (192, 256)),
    "simple-baseline": (simple_baseline, (192, 256)),
    "litepose": (LitePose, (256, 256)),
    "hrnet-w32": (HRNet, (192, 256)),
    "rtmpose-m": (RTMPose, (192, 256)),
    "vitpose-s": (ViTPose, (192, 256)),
    "yolov8n-pose": (YOLOPose, (320, 320)),
}


def build(name: str) -> tuple[nn.Module, tuple[int, int]]:
    """A network of NETWORKS in evaluation mode, the same each time, and its size_wh."""
    torch.manual_seed(0)
    made, size_wh = NETWORKS[name]
    network: Any = made()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.running_var, 0.8, 1.2)
            nn.init.normal_(layer.running_mean, 0, 0.1)
    return network.eval(), size_wh
