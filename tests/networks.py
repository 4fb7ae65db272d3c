"""Small pose networks of the kinds that users bring, with seeded random weights: for conversion tests."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIZE_WH = (64, 96)
K = 5


def conv(i: int, o: int, k: int = 3, s: int = 1, g: int = 1, act: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(i, o, k, s, k // 2, groups=g, bias=False), nn.BatchNorm2d(o), act())


class DeconvBatchNorm(nn.Module):
    """SimpleBaseline's head: BatchNorm after each deconvolution."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(conv(3, 12, s=2), conv(12, 24, s=2), conv(24, 32, s=2))
        self.head = nn.Sequential(
            nn.ConvTranspose2d(32, 24, 4, 2, 1, bias=False), nn.BatchNorm2d(24), nn.ReLU(),
            nn.ConvTranspose2d(24, 24, 4, 2, 1, bias=False), nn.BatchNorm2d(24), nn.ReLU(),
            nn.Conv2d(24, K, 1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.backbone(x))


class Elu(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(3, 12, s=2, act=nn.ELU), conv(12, 24, s=2, act=nn.ELU), conv(24, 24, act=nn.ELU))
        self.head = nn.Conv2d(24, K, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.elu(self.body(x), alpha=0.5))


class SqueezeExcite(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(c, c // 4, 1), nn.Conv2d(c // 4, c, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * F.hardsigmoid(self.up(F.relu(self.down(F.adaptive_avg_pool2d(x, 1)))))


class MobileNetV3Like(nn.Module):
    """Hard-swish, squeeze-excite, depthwise convolutions."""

    def __init__(self) -> None:
        super().__init__()
        act = nn.Hardswish
        self.body = nn.Sequential(
            conv(3, 16, s=2, act=act), conv(16, 32, 1, act=act), conv(32, 32, 5, 2, 32, act=act), SqueezeExcite(32),
            conv(32, 24, 1, act=act),
        )  # fmt: skip
        self.head = nn.Conv2d(24, K, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


class Attention(nn.Module):
    def __init__(self, d: int, heads: int) -> None:
        super().__init__()
        self.heads, self.qkv, self.out = heads, nn.Linear(d, 3 * d), nn.Linear(d, d)

    def forward(self, x: Tensor) -> Tensor:
        b, n, d = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        y = F.scaled_dot_product_attention(q, k, v)
        return self.out(y.transpose(1, 2).reshape(b, n, d))


class ViT(nn.Module):
    """ViTPose in small: patches, two blocks, one deconvolution."""

    def __init__(self, d: int = 32) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, d, 16, 16)
        self.position = nn.Parameter(torch.randn(1, 24, d) * 0.02)
        self.blocks = nn.ModuleList(
            nn.ModuleList([nn.LayerNorm(d), Attention(d, 4), nn.LayerNorm(d),
                           nn.Sequential(nn.Linear(d, 2 * d), nn.GELU(), nn.Linear(2 * d, d))]) for _ in range(2)
        )  # fmt: skip
        self.head = nn.Sequential(
            nn.ConvTranspose2d(d, d, 4, 2, 1, bias=False), nn.BatchNorm2d(d), nn.ReLU(), nn.Conv2d(d, K, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x)
        b, d, h, w = x.shape
        x = x.flatten(2).transpose(1, 2) + self.position
        for norm1, attention, norm2, mlp in self.blocks:
            x = x + attention(norm1(x))
            x = x + mlp(norm2(x))
        return self.head(x.transpose(1, 2).reshape(b, d, h, w))


class ScaleNorm(nn.Module):
    def __init__(self, d: int) -> None:
        super().__init__()
        self.scale, self.g = d**-0.5, nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        return x / torch.clamp(torch.linalg.norm(x, dim=-1, keepdim=True) * self.scale, min=1e-5) * self.g


class GatedAttentionSimcc(nn.Module):
    """RTMPose in small: CSP-like body with SiLU, 7x7 head, gated attention unit, SimCC outputs."""

    def __init__(self, d: int = 48, s: int = 16) -> None:
        super().__init__()
        act = nn.SiLU
        self.stem = nn.Sequential(conv(3, 16, s=2, act=act), conv(16, 32, s=2, act=act), conv(32, 64, s=2, act=act))
        self.main, self.short = conv(64, 32, 1, act=act), conv(64, 32, 1, act=act)
        self.deep = nn.Sequential(conv(32, 32, 3, act=act), conv(32, 32, 5, g=32, act=act))
        self.final = nn.Conv2d(64, K, 7, padding=3)
        self.norm, self.mlp = ScaleNorm(96), nn.Linear(96, d, bias=False)
        self.ln, self.uv, self.o = ScaleNorm(d), nn.Linear(d, 2 * d + s, bias=False), nn.Linear(d, d, bias=False)
        self.gamma, self.beta = nn.Parameter(torch.rand(2, s)), nn.Parameter(torch.rand(2, s))
        self.d, self.s = d, s
        self.x, self.y = nn.Linear(d, SIZE_WH[0] * 2, bias=False), nn.Linear(d, SIZE_WH[1] * 2, bias=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.stem(x)
        x = self.final(torch.cat([self.deep(self.main(x)), self.short(x)], dim=1))
        x = self.mlp(self.norm(torch.flatten(x, 2)))
        u, v, base = torch.split(F.silu(self.uv(self.ln(x))), [self.d, self.d, self.s], dim=2)
        base = base.unsqueeze(2) * self.gamma[None, None] + self.beta
        q, k = torch.unbind(base, dim=2)
        kernel = torch.square(F.relu(torch.bmm(q, k.permute(0, 2, 1)) / self.s**0.5))
        x = x + self.o(u * torch.bmm(kernel, v))
        return self.x(x), self.y(x)


class Split(nn.Module):
    """YOLOv8's C2f: a bottleneck on half of the channels, everything concatenated."""

    def __init__(self, i: int, o: int) -> None:
        super().__init__()
        self.first, self.last = conv(i, o, 1, act=nn.SiLU), conv(3 * o // 2, o, 1, act=nn.SiLU)
        self.neck = nn.Sequential(conv(o // 2, o // 2, act=nn.SiLU), conv(o // 2, o // 2, act=nn.SiLU))

    def forward(self, x: Tensor) -> Tensor:
        a, b = self.first(x).chunk(2, 1)
        return self.last(torch.cat([a, b, b + self.neck(b)], 1))


class PyramidPool(nn.Module):
    """SPPF: three max poolings in a row, concatenated."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.first, self.last = conv(c, c // 2, 1, act=nn.SiLU), conv(2 * c, c, 1, act=nn.SiLU)

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.first(x)]
        for _ in range(3):
            parts.append(F.max_pool2d(parts[-1], 5, 1, 2))
        return self.last(torch.cat(parts, 1))


class YoloPose(nn.Module):
    """YOLOv8-pose in small, decoded in the graph: (1, 5 + 3 K, anchors) of box (cx, cy, w, h) in pixels, class score
    in 0-1, and K keypoints (x, y in pixels, score in 0-1), all in one output."""

    def __init__(self, bins: int = 8) -> None:
        super().__init__()
        act = nn.SiLU
        self.stem = nn.Sequential(conv(3, 8, s=2, act=act), conv(8, 16, s=2, act=act), Split(16, 16))
        self.p3 = nn.Sequential(conv(16, 24, s=2, act=act), Split(24, 24))
        self.p4 = nn.Sequential(conv(24, 32, s=2, act=act), Split(32, 32))
        self.p5 = nn.Sequential(conv(32, 48, s=2, act=act), PyramidPool(48))
        self.up4, self.up3 = Split(80, 32), Split(56, 24)
        self.heads = nn.ModuleList(
            nn.ModuleList([nn.Sequential(conv(c, 16, act=act), nn.Conv2d(16, o, 1)) for o in (4 * bins, 1, 3 * K)])
            for c in (24, 32, 48)
        )
        self.bins = bins
        self.register_buffer("steps", torch.arange(bins, dtype=torch.float32).reshape(1, bins, 1, 1))
        strides, centres = [], []
        for stride in (8, 16, 32):
            y, x = torch.meshgrid(*(torch.arange(n // stride) + 0.5 for n in SIZE_WH[::-1]), indexing="ij")
            centres.append(torch.stack([x.flatten(), y.flatten()]))
            strides.append(torch.full((1, x.numel()), float(stride)))
        self.register_buffer("centres", torch.cat(centres, 1))
        self.register_buffer("strides", torch.cat(strides, 1))

    def forward(self, x: Tensor) -> Tensor:
        p3 = self.p3(self.stem(x))
        p4 = self.p4(p3)
        p5 = self.p5(p4)
        n4 = self.up4(torch.cat([F.interpolate(p5, scale_factor=2.0, mode="nearest"), p4], 1))
        n3 = self.up3(torch.cat([F.interpolate(n4, scale_factor=2.0, mode="nearest"), p3], 1))
        raw = [
            torch.cat([part(level).flatten(2) for level, part in zip((n3, n4, p5), parts, strict=True)], 2)
            for parts in zip(*self.heads, strict=True)
        ]
        boxes, scores, keypoints = raw
        sides = F.softmax(boxes.reshape(1, 4, self.bins, -1).transpose(1, 2), 1)
        left_top, right_bottom = (sides * self.steps).sum(1).chunk(2, 1)
        first, last = self.centres - left_top, self.centres + right_bottom
        box = torch.cat([(first + last) / 2, last - first], 1) * self.strides
        keypoints = keypoints.reshape(1, K, 3, -1)
        xy = (keypoints[:, :, :2] * 2 + (self.centres - 0.5)) * self.strides
        return torch.cat([box, scores.sigmoid(), torch.cat([xy, keypoints[:, :, 2:].sigmoid()], 2).flatten(1, 2)], 1)


class LargeKernels(nn.Module):
    """LitePose in small: 7x7 depthwise convolutions, and a deconvolution whose maps are joined with earlier ones."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv(3, 16, s=2, act=nn.ReLU6)
        self.first = nn.Sequential(
            conv(16, 48, 1, act=nn.ReLU6), conv(48, 48, 7, 2, 48, act=nn.ReLU6), nn.Conv2d(48, 24, 1)
        )
        self.second = nn.Sequential(
            conv(24, 72, 1, act=nn.ReLU6), conv(72, 72, 7, 2, 72, act=nn.ReLU6), nn.Conv2d(72, 32, 1)
        )
        self.up = nn.Sequential(nn.ConvTranspose2d(32, 24, 4, 2, 1, bias=False), nn.BatchNorm2d(24), nn.ReLU())
        self.refine = conv(48, 48, 5, g=48, act=nn.ReLU6)
        self.head = nn.Conv2d(48, K, 1)

    def forward(self, x: Tensor) -> Tensor:
        early = self.first(self.stem(x))
        return self.head(self.refine(torch.cat([self.up(self.second(early)), early], 1)))


class YoloPoseUndecoded(YoloPose):
    """The same without its decoder: what the heads give, level by level, to be decoded in float by hand."""

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        p3 = self.p3(self.stem(x))
        p4 = self.p4(p3)
        p5 = self.p5(p4)
        n4 = self.up4(torch.cat([F.interpolate(p5, scale_factor=2.0, mode="nearest"), p4], 1))
        n3 = self.up3(torch.cat([F.interpolate(n4, scale_factor=2.0, mode="nearest"), p3], 1))
        return tuple(part(level) for level, parts in zip((n3, n4, p5), self.heads, strict=True) for part in parts)


NETWORKS: dict[str, type[nn.Module]] = {
    "deconv_batchnorm": DeconvBatchNorm,
    "elu": Elu,
    "hardswish_se": MobileNetV3Like,
    "vit": ViT,
    "gated_attention_simcc": GatedAttentionSimcc,
    "yolo_pose": YoloPose,
}


# of interest for precisions alone
MORE: dict[str, type[nn.Module]] = {"large_kernels": LargeKernels}


def build(name: str, kind: type[nn.Module] | None = None) -> nn.Module:
    """The network with seeded random weights and non-trivial BatchNorm statistics; kind: another class of its
    layers."""
    torch.manual_seed(sum(map(ord, name)))
    network = (kind or {**NETWORKS, **MORE}[name])()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.2)
    return network.eval()
