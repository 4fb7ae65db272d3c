"""Whole networks of published shapes, in small and with seeded weights, with their presets' contracts: MobileNet with
SSDLite heads, RTMDet, BlazePose's landmarks, DensePose's chart head.

Written from what is published of them: SSDLite (Sandler et al. 2018), RTMDet (Lyu et al. 2022), BlazePose (Bazarevsky
et al. 2020), DensePose (Guler et al. 2018) as detectron2 has its head. Where people are is seen by set weights, which
seeded ones could not: redness about a cell, as tests/several.py has it.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from posekit.contract.presets import preset
from posekit.contract.spec import PoseSpec, parse_spec
from tests import several
from tests.bodies import InvertedResidual, conv
from tests.families import seeded

WIDTH, HEIGHT = several.SIZE_WH
ANCHORS = (3, 6, 6)  # a cell, of which the first of the finest level alone sees people


def redness(x: Tensor, mean: Tensor, std: Tensor, stride: int) -> Tensor:
    """(1, 1, h, w) of 3 x 3 cells about each, from a normalised BGR or RGB picture whose red is channel `mean` says."""
    picture = (x * std + mean) / 255
    red = (picture * torch.tensor([1.0, -0.5, -0.5]).reshape(1, 3, 1, 1)).sum(1, keepdim=True)
    return F.avg_pool2d(red, 3 * stride, stride, stride)


class SsdLite(nn.Module):
    """MobileNet with ReLU6 and SSDLite: of each level a depthwise and a pointwise layer for boxes and for scores, rows
    of all levels joined, cell by cell."""

    def __init__(self) -> None:
        super().__init__()
        c, act = 12, nn.ReLU6
        self.stem = nn.Sequential(conv(3, c, s=2, act=act), conv(c, c, g=c, act=act), conv(c, c, s=2, act=act),
                                  InvertedResidual(c))  # fmt: skip
        self.levels = nn.ModuleList([
            nn.Sequential(conv(c, 4 * c, 1, act=act), conv(4 * c, 4 * c, s=2, g=4 * c, act=act),
                          conv(4 * c, c, 1, act=None), InvertedResidual(c)),
            nn.Sequential(conv(c, 2 * c, 1, act=act), conv(2 * c, 2 * c, s=2, act=act)),
            nn.Sequential(conv(2 * c, c, 1, act=act), conv(c, 2 * c, s=2, act=act)),
        ])  # fmt: skip
        widths = (c, 2 * c, 2 * c)
        self.boxes, self.scores = (
            nn.ModuleList(
                nn.Sequential(conv(width, width, g=width, act=act), nn.Conv2d(width, each * count, 1))
                for width, count in zip(widths, ANCHORS, strict=True)
            )
            for each in (4, 3)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        middle = torch.full((1, 3, 1, 1), 127.5)
        maps, boxes, scores = self.stem(x), [], []
        for level, of_boxes, of_scores, stride in zip(self.levels, self.boxes, self.scores, (8, 16, 32), strict=True):
            maps = level(maps)
            red = 40 * redness(x, middle, middle, stride) - (26 if stride == 8 else 40)
            boxes.append(0.3 * torch.tanh(of_boxes(maps)).permute(0, 2, 3, 1).reshape(1, -1, 4))
            logits = (0.5 * torch.tanh(of_scores(maps)) + red).permute(0, 2, 3, 1).reshape(1, -1, 3)
            first = torch.arange(logits.shape[1]).reshape(1, -1, 1) % 3 == 0
            scores.append(logits - 8 * (~first).float() if stride == 8 else logits)
        return torch.cat(boxes, 1), torch.cat(scores, 1)


class CspBlock(nn.Module):
    """CSPNeXt: half of the channels through a 3 x 3 and a depthwise separable 5 x 5, joined, and weighed by channel."""

    def __init__(self, i: int, o: int) -> None:
        super().__init__()
        half, act = o // 2, nn.SiLU
        self.short, self.main = conv(i, half, 1, act=act), conv(i, half, 1, act=act)
        self.block = nn.Sequential(conv(half, half, act=act), conv(half, half, 5, g=half, act=act),
                                   conv(half, half, 1, act=act))  # fmt: skip
        self.weigh, self.last = nn.Conv2d(o, o, 1), conv(o, o, 1, act=act)

    def forward(self, x: Tensor) -> Tensor:
        main = self.main(x)
        joined = torch.cat([main + self.block(main), self.short(x)], 1)
        return self.last(joined * F.hardsigmoid(self.weigh(F.adaptive_avg_pool2d(joined, 1))))


class Pyramid(nn.Module):
    """SPP's pools: what lies within 5, 9 and 13 cells beside the map itself."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.first, self.last = conv(c, c // 2, 1, act=nn.SiLU), conv(2 * c, c, 1, act=nn.SiLU)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        return self.last(torch.cat([x, *(F.max_pool2d(x, side, 1, side // 2) for side in (5, 9, 13))], 1))


class Rtmdet(nn.Module):
    """CSPNeXt, a path down and up again between three levels, and heads whose convolutions all levels share while each
    has norms of its own."""

    def __init__(self) -> None:
        super().__init__()
        c, act = 16, nn.SiLU
        self.stem = nn.Sequential(conv(3, 8, s=2, act=act), conv(8, 8, act=act), conv(8, c, act=act),
                                  conv(c, c, s=2, act=act), CspBlock(c, c))  # fmt: skip
        self.stages = nn.ModuleList([
            nn.Sequential(conv(c, c, s=2, act=act), CspBlock(c, c)),
            nn.Sequential(conv(c, c, s=2, act=act), CspBlock(c, c)),
            nn.Sequential(conv(c, c, s=2, act=act), Pyramid(c), CspBlock(c, c)),
        ])  # fmt: skip
        self.reduce = nn.ModuleList(conv(c, c, 1, act=act) for _ in range(2))
        self.down, self.up = (nn.ModuleList(CspBlock(2 * c, c) for _ in range(2)) for _ in range(2))
        self.smaller = nn.ModuleList(conv(c, c, s=2, act=act) for _ in range(2))
        self.shared = nn.ModuleList(nn.Conv2d(c, c, 3, padding=1, bias=False) for _ in range(2))
        self.norms = nn.ModuleList(nn.ModuleList(nn.BatchNorm2d(c) for _ in range(2)) for _ in range(3))
        self.classes, self.sides = nn.Conv2d(c, 1, 1), nn.Conv2d(c, 4, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        levels, maps = [], self.stem(x)
        for stage in self.stages:
            levels.append(maps := stage(maps))
        fine, middle, coarse = levels
        coarse = self.reduce[0](coarse)
        middle = self.down[0](torch.cat([F.interpolate(coarse, scale_factor=2.0, mode="nearest"), middle], 1))
        middle = self.reduce[1](middle)
        fine = self.down[1](torch.cat([F.interpolate(middle, scale_factor=2.0, mode="nearest"), fine], 1))
        middle = self.up[0](torch.cat([self.smaller[0](fine), middle], 1))
        coarse = self.up[1](torch.cat([self.smaller[1](middle), coarse], 1))
        return self.heads((fine, middle, coarse), x)

    def heads(self, levels: tuple[Tensor, ...], x: Tensor) -> tuple[Tensor, ...]:
        mean = torch.tensor([103.53, 116.28, 123.675]).reshape(1, 3, 1, 1)
        std = torch.tensor([57.375, 57.12, 58.395]).reshape(1, 3, 1, 1)
        classes, sides = [], []
        for maps, norms, stride in zip(levels, self.norms, (8, 16, 32), strict=True):
            of_classes, of_sides = (F.silu(norm(shared(maps))) for norm, shared in zip(norms, self.shared, strict=True))
            red = 40 * redness((x * std + mean).flip(1), torch.zeros(1, 3, 1, 1), torch.ones(1, 3, 1, 1), stride)
            classes.append(red - (26 if stride == 8 else 40) + 0.5 * torch.tanh(self.classes(of_classes)))
            sides.append(stride * (1.5 + 0.2 * torch.tanh(self.sides(of_sides))))
        return (*classes, *sides)


class BlazeBlock(nn.Module):
    """A depthwise and a pointwise convolution beside the input itself, whose channels are filled up with zeros."""

    def __init__(self, i: int, o: int, stride: int = 1) -> None:
        super().__init__()
        self.stride, self.more = stride, o - i
        self.body = nn.Sequential(nn.Conv2d(i, i, 3, stride, 1, groups=i), nn.Conv2d(i, o, 1))

    def forward(self, x: Tensor) -> Tensor:
        kept = F.max_pool2d(x, 2) if self.stride == 2 else x
        return F.relu(self.body(x) + F.pad(kept, (0, 0, 0, 0, 0, self.more)))


def about_hips(rows: Tensor) -> Tensor:
    """Rows (1, 39, fields) with z less that of the hips' middle, and where they are the world alone x and y too."""
    middle = rows[:, 23:25, :3].mean(1, keepdim=True) * torch.tensor([float(rows.shape[2] == 3)] * 2 + [1.0])
    return torch.cat([rows[..., :3] - middle, rows[..., 3:]], 2)


class BlazeLandmarks(nn.Module):
    """An encoder and a decoder with sums between them for heatmaps and the mask, and an encoder of both for landmarks
    (195), presence and the world (117)."""

    def __init__(self) -> None:
        super().__init__()
        sizes = (8, 12, 16, 24)
        self.stem = nn.Sequential(nn.Conv2d(3, sizes[0], 3, 2, 1), nn.ReLU(), BlazeBlock(sizes[0], sizes[0]))
        self.encode = nn.ModuleList(nn.Sequential(BlazeBlock(i, o, 2), BlazeBlock(o, o)) for i, o in pairwise(sizes))
        self.narrow = nn.ModuleList(nn.Conv2d(o, sizes[1], 1) for o in sizes[1:])
        self.heat, self.mask = nn.Conv2d(sizes[1], 39, 1), nn.Conv2d(sizes[1], 1, 3, padding=1)
        self.again = nn.Sequential(BlazeBlock(sizes[1], 16, 2), BlazeBlock(16, 24, 2), BlazeBlock(24, 24, 2))
        self.rows, self.presence, self.world = (nn.Conv2d(24, o, 8) for o in (195, 1, 117))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        levels, maps = [], self.stem(x)
        for block in self.encode:
            levels.append(maps := block(maps))
        up = self.narrow[2](levels[2])
        for narrow, level in ((self.narrow[1], levels[1]), (self.narrow[0], levels[0])):
            up = narrow(level) + F.interpolate(up, scale_factor=2.0, mode="bilinear", align_corners=False)
        deep = self.again(F.relu(up))
        rows = about_hips(60 * torch.tanh(self.rows(deep)).reshape(1, 39, 5))
        rows = (rows + torch.tensor([128.0, 128.0, 0.0, 0.0, 0.0])).flatten(1)
        mask = F.interpolate(self.mask(up), scale_factor=4.0, mode="bilinear", align_corners=False)
        presence = torch.sigmoid(2 + self.presence(deep).flatten(1))
        return (
            rows,
            presence,
            mask,
            self.heat(up),
            about_hips(torch.tanh(self.world(deep)).reshape(1, 39, 3)).flatten(1),
        )


class DensePoseHead(nn.Module):
    """Maps of 28 x 28, eight convolutions, and four deconvolutions to 56 x 56 whose results are enlarged to 112 x 112:
    coarse 2, fine 25, u 25 and v 25."""

    def __init__(self) -> None:
        super().__init__()
        c = 16
        self.features = nn.Sequential(conv(3, 8, s=2), conv(8, c, s=2), conv(c, c, s=2))
        self.convs = nn.Sequential(*(layer for _ in range(8) for layer in (nn.Conv2d(c, c, 3, padding=1), nn.ReLU())))
        self.charts = nn.ModuleList(nn.ConvTranspose2d(c, o, 4, 2, 1) for o in (2, 25, 25, 25))
        for layer in self.convs:
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        maps = self.convs(self.features(x))
        return tuple(F.interpolate(chart(maps), scale_factor=2.0, mode="bilinear", align_corners=False)
                     for chart in self.charts)  # fmt: skip


def spec_of(name: str, **changes: Any) -> PoseSpec:
    """A preset's contract at the size of the pictures, with tables changed in part."""
    data = preset(name).model_dump(mode="json", by_alias=True, exclude_none=True)
    for table, values in changes.items():
        data[table] = {**data[table], **values} if isinstance(values, dict) else values
    return parse_spec(data, name)


SIZE = {"size_wh": [WIDTH, HEIGHT]}
SIDES = [[24.0 / WIDTH, 32.0 / WIDTH, 40.0 / WIDTH], [0.3] * 6, [0.5] * 6]
SSD: dict[str, Any] = {
    "strides": [8, 16, 32],
    "scores": {"outputs": ["scores"], "first": 1, "count": 2, "activation": "sigmoid"},
    "anchors": {"counts": list(ANCHORS), "spacing": "even", "widths": [side for some in SIDES for side in some],
                "heights": [side * WIDTH / HEIGHT for some in SIDES for side in some]},
}  # fmt: skip
NETWORKS: dict[str, tuple[Callable[[], nn.Module], PoseSpec]] = {
    "ssdlite": (seeded(SsdLite), spec_of("ssd-mobilenet-person", input=SIZE, decoder=SSD)),
    "rtmdet": (seeded(Rtmdet), spec_of("rtmdet-person", input=SIZE)),
    "blazepose": (seeded(BlazeLandmarks), preset("blazepose-33")),
    "densepose": (seeded(DensePoseHead), preset("densepose-24")),
}
