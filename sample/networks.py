"""The two sample networks: a small shared backbone with a heatmap head or a SimCC head."""

from __future__ import annotations

from torch import Tensor, nn

KEYPOINTS = 17
INPUT_SIZE_WH = (96, 128)
HEATMAP_STRIDE = 4
SIMCC_SPLIT_RATIO = 2


def heatmap_network() -> nn.Module:
    """Network from 1x3x128x96 normalised RGB to heatmaps 1x17x32x24, where heatmap index * 4 = input px."""
    return HeatmapNetwork()


def simcc_network() -> nn.Module:
    """Network from 1x3x128x96 normalised BGR to logits (1x17x192, 1x17x256), where bin = input px * 2."""
    return SimccNetwork()


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    )


def _deconv(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


class Block(nn.Module):
    """A residual body: its input is added where the shapes agree."""

    def __init__(self, inputs: int, outputs: int, stride: int, *body: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(*body)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.body(x)
        return x + y if self.residual else y


def _fused(inputs: int, outputs: int, hidden: int, stride: int = 1) -> Block:
    """EfficientNetV2's block, for the large maps: a dense 3x3, then narrow."""
    return Block(inputs, outputs, stride, _conv(inputs, hidden, 3, stride), nn.ReLU(), _conv(hidden, outputs, 1))


def _inverted(inputs: int, outputs: int, hidden: int, stride: int = 1) -> Block:
    """MobileNetV3's block, for the small maps: widen, depthwise 5x5, narrow."""
    return Block(
        inputs,
        outputs,
        stride,
        _conv(inputs, hidden, 1),
        nn.Hardswish(),
        _conv(hidden, hidden, 5, stride, groups=hidden),
        nn.Hardswish(),
        _conv(hidden, outputs, 1),
    )


def _backbone() -> nn.Sequential:
    """Nx3x128x96 -> Nx72x8x6."""
    return nn.Sequential(
        _conv(3, 16, 3, stride=2),
        nn.ReLU(),
        _fused(16, 24, 32, stride=2),  # 32x24
        _fused(24, 24, 48),
        _fused(24, 40, 64, stride=2),  # 16x12
        _inverted(40, 40, 120),
        _inverted(40, 40, 120),
        _inverted(40, 72, 160, stride=2),  # 8x6
        _inverted(72, 72, 160),
        _inverted(72, 72, 160),
        _inverted(72, 72, 160),
    )


class HeatmapNetwork(nn.Module):
    """Backbone, two transposed convolutions, one heatmap per keypoint."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = _backbone()
        self.upsample = nn.Sequential(_deconv(72, 48), _deconv(48, 32))
        self.head = nn.Conv2d(32, KEYPOINTS, 1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.head(self.upsample(self.backbone(x)))
        return y


class SimccNetwork(nn.Module):
    """Backbone, one map per keypoint, and a linear classifier over each axis."""

    def __init__(self) -> None:
        super().__init__()
        width, height = INPUT_SIZE_WH
        self.backbone = _backbone()
        self.maps = nn.Sequential(_deconv(72, 32), nn.Conv2d(32, KEYPOINTS, 1), nn.Flatten(2))
        cells = (width // 8) * (height // 8)
        self.x = nn.Linear(cells, width * SIMCC_SPLIT_RATIO)
        self.y = nn.Linear(cells, height * SIMCC_SPLIT_RATIO)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        maps = self.maps(self.backbone(x))
        return self.x(maps), self.y(maps)
