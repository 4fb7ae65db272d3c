"""Two small networks in two stages: one finds coloured squares, the other sees the points of one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from posekit.contract.spec import PoseSpec, parse_spec
from posekit.poses.region_spec import RegionSpec
from tests import several
from tests.bottom_up_networks import POINTS

SIDE = 64  # of the input, which shows a square of several.SIDE px at its own size
STRIDE = 4
PADDING = SIDE / several.SIDE


class Points(nn.Module):
    """1 x 3 x 64 x 64, 0 to 1, to heatmaps (1, 3, 16, 16): how red it is about a cell, seen from each point."""

    def __init__(self) -> None:
        super().__init__()
        half = several.SIDE // 2
        self.pad = half + 8
        self.conv = nn.Conv2d(3, 3, 2 * self.pad, STRIDE)
        red = torch.tensor([1.0, -0.5, -0.5])
        with torch.no_grad():
            self.conv.weight.copy_(1e-5 * torch.randn(self.conv.weight.shape, generator=torch.manual_seed(4)))
            self.conv.bias.zero_()
            for place, (x, y) in enumerate(POINTS):
                left, top = self.pad - int(x), self.pad - int(y)  # where the square begins, seen from its point
                window = self.conv.weight[place, :, top : top + 2 * half, left : left + 2 * half]
                window += red.reshape(3, 1, 1) / (2 * half) ** 2

    def forward(self, x: Tensor) -> Tensor:
        seen = self.conv(nn.functional.pad(x, (self.pad,) * 4))[..., : SIDE // STRIDE, : SIDE // STRIDE]
        return torch.relu(seen) ** 2


POSE: dict[str, Any] = {
    "schema": 1, "name": "points", "version": "1.0.0", "license": "Apache-2.0", "kind": "top_down",
    "kotlin_package": "com.acme.points", "outputs": ["heatmaps"],
    "input": {"size_wh": [SIDE, SIDE], "color_order": "rgb", "mean": [0, 0, 0], "std": [255, 255, 255],
              "resize": "affine_crop", "box_padding": PADDING, "pad_value": 110, "alignment": "index"},
    "decoder": {"kind": "heatmap", "output": "heatmaps", "refinement": "dark", "alignment": "stride",
                "blur_kernel": 5, "activation": "none"},
    "keypoints": several.SPEC["keypoints"],
}  # fmt: skip


REGION = RegionSpec(margin=3.0)  # a square is three times as large as the box of its points


def pose_spec() -> PoseSpec:
    """The contract of the second network alone."""
    return parse_spec(POSE, "tests/two_stage.py")


def detector_spec() -> PoseSpec:
    """The contract of the first."""
    return parse_spec(several.SPEC, "tests/several.py")


def networks() -> tuple[nn.Module, nn.Module]:
    """The detector and the pose network, their weights set."""
    return several.network(), Points().eval()
