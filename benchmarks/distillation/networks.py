"""A network of two sizes with a heatmap and location maps for each keypoint, as MoVNect has, and its contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.distillation.people import INPUT_SIZE_WH, ROOT
from posekit.contract.spec import PoseSpec, parse_spec
from sample.networks import KEYPOINTS
from sample.train import MEAN, STD

STRIDE = 4
FACTOR = 0.1  # metres for 1 in a location map
SMALL, LARGE = (12, 24, 48), (16, 40, 96)  # channels at 1/2, 1/4 and 1/8 of the input
BLOCKS = {SMALL: 1, LARGE: 2}
OUTPUTS = ("heat", "x", "y", "z")


def conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """A convolution and its norm."""
    layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs))


class Residual(nn.Module):
    """MobileNetV2's: expanded, depthwise, projected, added."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        wide = 2 * channels
        self.body = nn.Sequential(conv(channels, wide, 1), nn.ReLU(), conv(wide, wide, groups=wide), nn.ReLU(),
                                  conv(wide, channels, 1))  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return torch.add(x, self.body(x))


class Body(nn.Module):
    """N x 3 x 64 x 48 to features (N, last, 16, 12): maps of an eighth of the input, enlarged and joined with those of
    a quarter."""

    def __init__(self, channels: tuple[int, int, int]) -> None:
        super().__init__()
        first, second, last = channels
        blocks = BLOCKS[channels]
        self.middle = nn.Sequential(conv(3, first, stride=2), nn.ReLU(), conv(first, second, stride=2), nn.ReLU(),
                                    *(Residual(second) for _ in range(blocks)))  # fmt: skip
        self.deep = nn.Sequential(conv(second, last, stride=2), nn.ReLU(), *(Residual(last) for _ in range(2 * blocks)))
        up = nn.ConvTranspose2d(last, second, 4, 2, 1, bias=False)
        self.up = nn.Sequential(up, nn.BatchNorm2d(second), nn.ReLU())
        self.join = nn.Sequential(conv(2 * second, last, 1), nn.ReLU(), Residual(last))

    def forward(self, x: Tensor) -> Tensor:
        middle = self.middle(x)
        joined: Tensor = self.join(torch.cat([middle, self.up(self.deep(middle))], 1))
        return joined


class Places(nn.Module):
    """N x 3 x 64 x 48 to heat, x, y and z, N x 17 x 16 x 12 each."""

    def __init__(self, channels: tuple[int, int, int]) -> None:
        super().__init__()
        self.body, self.maps = Body(channels), nn.Conv2d(channels[-1], 4 * KEYPOINTS, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return dict(zip(OUTPUTS, self.maps(self.body(x)).chunk(4, 1), strict=True))


LOCATION_MAPS = {"kind": "location_maps", **{role: {"output": role} for role in OUTPUTS}, "upsampling": 4,
                 "alignment": "half_pixel", "factor": FACTOR}  # fmt: skip


def contract(name: str, decoder: Mapping[str, Any] = LOCATION_MAPS, outputs: Sequence[str] = OUTPUTS) -> PoseSpec:
    """What both sizes say of their maps; or a network of another head."""
    return parse_spec(
        {
            "schema": 1, "name": name, "version": "1", "license": "Apache-2.0", "kind": "top_down",
            "outputs": list(outputs),
            "input": {"size_wh": list(INPUT_SIZE_WH), "color_order": "rgb", "mean": list(MEAN), "std": list(STD),
                      "resize": "affine_crop", "box_padding": 1.25, "pad_value": 0, "alignment": "half_pixel"},
            "decoder": dict(decoder),
            "depth": {"unit": "metres", "root": list(ROOT), "direction": "away", "subtract_root": True},
            "keypoints": {"skeleton": "coco17"},
        },
        name,
    )  # fmt: skip
