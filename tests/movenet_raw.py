"""The network of MoveNet's raw heads whose state dict is in shared/data: what its names and shapes say.

A stem, three stages of split and shuffled channels, two steps up, four heads.
"""

from __future__ import annotations

import torch
from torch import nn


def thin(channels, out, *between):
    """A depthwise convolution and a pointwise one."""
    return [
        nn.Conv2d(channels, channels, 3, 1, 1, groups=channels, bias=False),
        nn.BatchNorm2d(channels),
        *between,
        nn.Conv2d(channels, out, 1, bias=False),
        nn.BatchNorm2d(out),
        nn.ReLU(),
    ]


class Half(nn.Module):
    """Halves of the channels, the second one computed, then mixed; with a stride both are computed of all."""

    def __init__(self, channels, out, stride):
        super().__init__()
        half, given = out // 2, channels if stride > 1 else out // 2
        self.branch1 = nn.Sequential(*(thin(channels, half) if stride > 1 else []))
        self.branch2 = nn.Sequential(
            nn.Conv2d(given, half, 1, bias=False), nn.BatchNorm2d(half), nn.ReLU(), *thin(half, half)
        )
        if stride > 1:
            self.branch1[0].stride = (stride, stride)
        self.branch2[3].stride = (stride, stride)
        self.stride = stride

    def forward(self, x):
        first, second = (self.branch1(x), x) if self.stride > 1 else x.chunk(2, 1)
        joined = torch.stack([first, self.branch2(second)], 2)
        return joined.flatten(1, 2)


def stage(channels, out, count):
    return nn.Sequential(Half(channels, out, 2), *(Half(out, out, 1) for _ in range(count - 1)))


def up(channels, out):
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, 1, 1, groups=channels),
        nn.ReLU(),
        nn.Sequential(nn.Conv2d(channels, out, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU()),
        nn.Upsample(scale_factor=2, mode="bilinear"),
    )


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Sequential(nn.Conv2d(3, 24, 3, 2, 1, bias=False), nn.BatchNorm2d(24), nn.ReLU())
        self.stage2, self.stage3, self.stage4 = stage(24, 64, 4), stage(64, 128, 8), stage(128, 192, 4)
        self.upsample2, self.upsample1 = up(192, 128), up(128, 64)
        self.conv3, self.conv2 = nn.Conv2d(128, 128, 1), nn.Conv2d(64, 64, 1)
        self.conv4 = nn.Sequential(*thin(64, 24))

    def forward(self, x):
        quarter = self.stage2(self.conv1(x / 127.5 - 1))
        eighth = self.stage3(quarter)
        eighth = self.upsample2(self.stage4(eighth)) + self.conv3(eighth)
        return self.conv4(self.upsample1(eighth) + self.conv2(quarter))


class Soft(nn.Module):
    """From 0 to 1 without an exponential."""

    def forward(self, x):
        return 0.5 * x / (1 + x.abs()) + 0.5


class Header(nn.Module):
    def __init__(self):
        super().__init__()
        for name, channels, last in (
            ("heatmaps", 17, [Soft()]),
            ("centers", 1, [Soft()]),
            ("regs", 34, []),
            ("offsets", 34, []),
        ):
            head = nn.Sequential(nn.Sequential(*thin(24, 96)), nn.Conv2d(96, channels, 1), *last)
            setattr(self, f"header_{name}", head)

    def forward(self, x):
        return self.header_heatmaps(x), self.header_centers(x), self.header_regs(x), self.header_offsets(x)


class MoveNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone, self.header = Backbone(), Header()

    def forward(self, x):
        return self.header(self.backbone(x))


def build():
    return MoveNet()
