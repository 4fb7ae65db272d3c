"""Networks of the bottom-up families, which find any number of red squares: the shapes of HigherHRNet and LitePose with
their tags, and the maps of CenterNet's pose and of DEKR.

Bodies have seeded weights and say little; heads of set weights see the squares of tests/several.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from posekit.contract.spec import PoseSpec, parse_spec
from tests.networks import conv
from tests.several import KEYPOINTS, SIDE, SIZE_WH

POINTS = ((16, 8), (8, 8), (12, 16))  # of KEYPOINTS, px from a square's corner
K = len(KEYPOINTS)
RED, AREA = (1.0, -0.5, -0.5), 512  # exact at fp16 too, which tells 1 / AREA / 255 badly from 0; nearly SIDE**2


class Branches(nn.Module):
    """HRNet in small: a quarter and an eighth of the input beside each other, fused both ways."""

    def __init__(self, c: int = 12) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv(3, c, s=2), conv(c, c, s=2))
        self.down, self.fine, self.coarse = conv(c, 2 * c, s=2), conv(c, c), conv(2 * c, 2 * c)
        self.up = nn.Sequential(nn.Conv2d(2 * c, c, 1, bias=False), nn.BatchNorm2d(c))
        self.channels = c

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        fine, coarse = self.fine(x), self.coarse(self.down(x))
        return F.relu(fine + F.interpolate(self.up(coarse), scale_factor=2.0, mode="nearest"))


class LargeKernels(nn.Module):
    """LitePose in small: 7 x 7 depthwise convolutions, and a deconvolution whose maps are fused with earlier ones."""

    def __init__(self, c: int = 12) -> None:
        super().__init__()
        act = nn.ReLU6
        self.stem = conv(3, c, s=2, act=act)
        self.first = nn.Sequential(
            conv(c, 3 * c, 1, act=act), conv(3 * c, 3 * c, 7, 2, 3 * c, act), nn.Conv2d(3 * c, c, 1)
        )
        self.second = nn.Sequential(
            conv(c, 3 * c, 1, act=act), conv(3 * c, 3 * c, 7, 2, 3 * c, act), nn.Conv2d(3 * c, 2 * c, 1)
        )
        self.up = nn.Sequential(nn.ConvTranspose2d(2 * c, c, 4, 2, 1, bias=False), nn.BatchNorm2d(c), nn.ReLU())
        self.refine = conv(2 * c, 2 * c, 5, g=2 * c, act=act)
        self.channels = 2 * c

    def forward(self, x: Tensor) -> Tensor:
        early = self.first(self.stem(x))
        return self.refine(torch.cat([self.up(self.second(early)), early], 1))


def seen_at(points: Sequence[tuple[int, int]]) -> Tensor:
    """Weights (n, 1, side, side) that are highest where a square has a point that lies so far from its corner."""
    seen = torch.zeros(len(points), 1, SIDE + 8, SIDE + 8)
    for one, (x, y) in zip(seen, points, strict=True):
        one[:, 16 - y : 16 - y + SIDE, 16 - x : 16 - x + SIDE] = 1 / AREA
    return seen


class Squares(nn.Module):
    """1 x 3 x 128 x 160, 0 to 1, to heatmaps and tags (1, 2 K, 32, 40), and to heatmaps (1, K, 64, 80)."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        c = body.channels
        self.body, self.first = body, nn.Conv2d(c, 2 * K, 1)
        # HigherHRNet's second stage: a deconvolution of features and the first heads together, a residual block
        self.deconvolution = nn.Sequential(
            nn.ConvTranspose2d(c + 2 * K, c, 4, 2, 1, bias=False), nn.BatchNorm2d(c), nn.ReLU()
        )
        self.block = nn.Sequential(conv(c, c), nn.Conv2d(c, c, 3, 1, 1, bias=False), nn.BatchNorm2d(c))
        self.second = nn.Conv2d(c, K, 1)
        self.register_buffer("seen", seen_at(POINTS))  # keypoint k is seen where its square would lie
        about = torch.ones(1, 1, 12, 12) / 144.0
        rows, columns = torch.meshgrid(torch.arange(32.0), torch.arange(40.0), indexing="ij")
        self.register_buffer("about", about)
        self.register_buffer("red", torch.tensor(RED).reshape(1, 3, 1, 1))
        self.register_buffer("place", (rows + 0.7 * columns)[None, None] * 0.3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(x)
        first = 0.01 * torch.tanh(self.first(features))
        up = self.deconvolution(torch.cat([features, first], 1))
        second = 0.01 * torch.tanh(self.second(F.relu(up + self.block(up))))
        redness = F.conv2d(x, self.red)
        heat = F.conv2d(F.pad(redness, (14, 14, 14, 14)), self.seen, stride=4)
        finer = F.conv2d(F.pad(redness, (15, 15, 15, 15)), self.seen, stride=2)
        red = F.relu(F.avg_pool2d(redness, 4) - 0.2)
        sums = F.conv2d(F.pad(torch.cat([red, red * self.place], 1), (6, 5, 6, 5)).transpose(0, 1), self.about)
        tags = (sums[1:] / (sums[:1] + 1e-3)).expand(1, K, -1, -1)
        return torch.cat([heat, tags], 1) + first, finer + second


class Centers(nn.Module):
    """1 x 3 x 128 x 160, 0 to 1, to the maps (1, any, 32, 40) of CenterNet's pose or of DEKR: where squares have their
    middle, and from there the way to each keypoint, which is the same for all of them."""

    def __init__(self, body: nn.Module, is_dekr: bool) -> None:
        super().__init__()
        self.body, self.first, self.is_dekr = body, nn.Conv2d(body.channels, 2 * K, 1), is_dekr
        # keypoints, and the middle as the last one: two px behind it lies the middle of a cell, so that one cell is the
        # highest
        self.register_buffer("seen", seen_at((*POINTS, (SIDE // 2 + 2, SIDE // 2 + 2))))
        self.register_buffer("red", torch.tensor(RED).reshape(1, 3, 1, 1))
        away = torch.tensor(POINTS, dtype=torch.float32) - SIDE / 2
        self.register_buffer("away", (away / 4).reshape(1, 2 * K, 1, 1))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        little = 0.002 * torch.tanh(self.first(self.body(x)))
        heat = F.conv2d(F.pad(F.conv2d(x, self.red), (14, 14, 14, 14)), self.seen, stride=4)
        if self.is_dekr:
            return heat, little - self.away
        logits, some = 12 * (heat - 0.5), 50 * little[:, :2]
        return logits[:, K:], SIDE / 4 + some, self.away + little, some, logits[:, :K], 0.5 + some


BODIES: dict[str, type[nn.Module]] = {"higherhrnet": Branches, "litepose": LargeKernels}


NAMES = (*BODIES, "centernet", "dekr")


def network(name: str) -> nn.Module:
    """The network with seeded weights."""
    torch.manual_seed(len(name))
    made = Squares(BODIES[name]()) if name in BODIES else Centers(Branches(), name == "dekr")
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 1.5)
    return made.eval()


TAGS: dict[str, Any] = {
    "kind": "tags", "heatmaps": {"outputs": ["maps_4", "maps_2"]}, "tags": {"outputs": ["maps_4"], "first": K},
    "upsampling": "input", "peaks": {"window": 5, "threshold": 0.6}, "adjustment": "quarter_clamped",
    "shift": 0.5, "min_confidence": 0.3,
}  # fmt: skip
DECODERS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "higherhrnet": (TAGS, ["maps_4", "maps_2"]),
    "litepose": (TAGS, ["maps_4", "maps_2"]),
    "centernet": ({
        "kind": "centers", "stride": 4, "centers": {"output": "hm", "activation": "sigmoid", "threshold": 0.5},
        "displacements": {"output": "hps", "sign": "added"},
        "boxes": {"sizes": {"output": "wh"}, "offsets": {"output": "reg"}},
        "snapping": {"output": "hm_hp", "activation": "sigmoid", "threshold": 0.5, "offsets": {"output": "hp_offset"}},
    }, ["hm", "wh", "hps", "reg", "hm_hp", "hp_offset"]),
    "dekr": ({
        "kind": "centers", "stride": 4, "centers": {"output": "heatmaps", "first": K, "threshold": 0.5},
        "displacements": {"output": "offsets", "sign": "subtracted"},
        "scoring": {"output": "heatmaps", "read": "floor"}, "suppression": {"keypoints": 1, "by": "heat"},
    }, ["heatmaps", "offsets"]),
}  # fmt: skip


def spec_of(name: str) -> PoseSpec:
    """The contract of it."""
    decoder, outputs = DECODERS[name]
    data: dict[str, Any] = {
        "schema": 1, "name": name, "version": "1.0.0", "license": "Apache-2.0", "kind": "bottom_up",
        "outputs": outputs,
        "input": {"size_wh": list(SIZE_WH), "color_order": "rgb", "mean": [0, 0, 0], "std": [255, 255, 255],
                  "resize": "letterbox", "pad_value": 114, "alignment": "half_pixel"},
        "decoder": decoder,
        "keypoints": {"names": list(KEYPOINTS), "edges": [["left_eye", "nose"], ["right_eye", "nose"]],
                      "flip_pairs": [["left_eye", "right_eye"]], "oks_sigmas": [0.1, 0.1, 0.1]},
    }  # fmt: skip
    return parse_spec(data, name)
