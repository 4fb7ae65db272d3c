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


NETWORKS: dict[str, type[nn.Module]] = {
    "deconv_batchnorm": DeconvBatchNorm,
    "elu": Elu,
    "hardswish_se": MobileNetV3Like,
    "vit": ViT,
    "gated_attention_simcc": GatedAttentionSimcc,
}


def build(name: str) -> nn.Module:
    """The network with seeded random weights and non-trivial BatchNorm statistics."""
    torch.manual_seed(sum(map(ord, name)))
    network = NETWORKS[name]()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.2)
    return network.eval()
