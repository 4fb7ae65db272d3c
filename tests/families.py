"""A small network of each family that sees people as coloured squares, with its contract: what tests and
benchmarks/families.py run on both platforms.

Bodies have seeded weights and say little; heads of set weights see the squares of tests/several.py or tests/limbs.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from posekit.contract.spec import PoseSpec, parse_spec
from posekit.decoders import of
from tests import bottom_up_networks, depth_networks, limbs, several
from tests.bottom_up_networks import POINTS, K, Squares

STRIDE = 8
SHOWN = ("nobody", "one", "three")
# from the middle of a square to left eye, right eye and nose, px
PLACES = torch.tensor([[4.0, -4.0], [-4.0, -4.0], [0.0, 4.0]])
PARENTS, CHILDREN = [2, 2], [0, 1]


@dataclass(frozen=True, slots=True)
class Family:
    """network: makes it. away: px by which it may miss a person's keypoints."""

    network: Callable[[], nn.Module]
    spec: PoseSpec
    away: float
    is_limbs: bool = False

    def pixels(self, shown: str) -> NDArray[np.float32]:
        """(H, W, 3) RGB 0-255 of a picture, by name."""
        if self.is_limbs:
            return np.asarray(limbs.picture(limbs.PLACES[shown], tuple(limbs.PLACES).index(shown)), np.float32)
        return np.asarray(several.picture(several.SIZE_WH, several.PLACES[shown], 3), np.float32)

    def random(self, count: int, seed: int) -> NDArray[np.float32]:
        """The same of a picture with at most `count` people side by side, at random places."""
        rng, columns = np.random.default_rng(seed), limbs.SIZE_WH[0] // max(count, 1)
        width, height = (16, 96) if self.is_limbs else (several.SIDE, several.SIDE)
        corners = [(columns * one + int(rng.integers(0, columns - width)),
                    int(rng.integers(0, limbs.SIZE_WH[1] - height))) for one in range(count)]  # fmt: skip
        drawn = limbs.picture(tuple(corners), seed) if self.is_limbs else several.picture(
            several.SIZE_WH, corners, seed)  # fmt: skip
        return np.asarray(drawn, np.float32)

    def people(self, shown: str) -> NDArray[np.float64] | None:
        """Where the keypoints of its people are, (N, K, 2) px; None where a head of one person has not one to find."""
        if not of(self.spec.decoder).several and shown != "one":
            return None
        if self.is_limbs:
            return limbs.points(shown)
        corners = np.array(several.PLACES[shown], np.float64).reshape(-1, 1, 2)
        return np.asarray(corners + np.array(POINTS))


class Posenet(nn.Module):
    """Heat 3, offsets 6, displacements 8, of a cell and those about it: the middle of what is red, and constants."""

    def __init__(self) -> None:
        super().__init__()
        side = 3 * STRIDE
        self.conv = nn.Conv2d(3, 17, side, STRIDE, STRIDE)
        red, area = torch.tensor([1.0, -0.5, -0.5]).reshape(3, 1, 1), side**2
        ramp = (torch.arange(side) - side / 2 + 0.5) / (area * 0.36)
        steps = (PLACES[CHILDREN] - PLACES[PARENTS]).flip(1).T.flatten()  # y of both, then x
        with torch.no_grad():
            self.conv.weight.copy_(1e-4 * torch.randn(self.conv.weight.shape, generator=torch.manual_seed(3)))
            self.conv.bias.zero_()
            self.conv.weight[:3] += 16 * red / area
            self.conv.bias[:3] = torch.tensor([-3.0, -3.2, -2.8])
            self.conv.weight[3:6] += red * ramp[:, None]
            self.conv.weight[6:9] += red * ramp
            self.conv.bias[3:9] = (PLACES + STRIDE / 2).flip(1).T.flatten()
            self.conv.bias[9:17] = torch.cat([steps, -steps])

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        found = self.conv(x)
        return found[:, :3], found[:, 3:9], found[:, 9:]


class OffsetMaps(Posenet):
    """The same heat and offsets in one tensor, which is what a head of one person reads."""

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return self.conv(x)[:, :9]


class Maps(nn.Module):
    """1 x 3 x 128 x 160, 0 to 1, to heatmaps (1, K, 32, 40) in which each square shows once a keypoint, larger ones
    from a deconvolution with a body of seeded weights."""

    def __init__(self) -> None:
        super().__init__()
        self.squares = Squares(bottom_up_networks.Branches())

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.squares(x)[0]
        return F.relu(found[:, :K] - 0.1)


class Movenet(nn.Module):
    """Heat, centre, regressions and offsets, of the maps of CenterNet's pose; pairs y, x."""

    def __init__(self) -> None:
        super().__init__()
        self.centers = bottom_up_networks.Centers(bottom_up_networks.Branches(), False)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        middle, _, steps, _, heat, half = self.centers(x)
        order = [1, 0, 3, 2, 5, 4]
        offsets = torch.cat([half, half, half], 1) + 0.1 * torch.tanh(steps)
        return heat, middle, steps[:, order], offsets[:, order]


def seeded(make: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    """The same with seeded weights, and statistics that a training would have left."""

    def made() -> nn.Module:
        torch.manual_seed(7)
        network = make()
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.2)  # type: ignore[operator, union-attr]
                module.running_var.uniform_(0.5, 1.5)  # type: ignore[operator, union-attr]
        return network.eval()

    return made


def spec_of(name: str, decoder: dict[str, Any], outputs: list[str]) -> PoseSpec:
    """The contract of several.SPEC with another decoder."""
    kind = "bottom_up" if decoder["kind"] == "posenet" else "one_stage"
    return parse_spec({**several.SPEC, "name": name, "kind": kind, "decoder": decoder, "outputs": outputs}, name)


OFFSETS = {
    "kind": "offset_map", "heat": {"output": "maps"}, "x": {"output": "maps", "first": 6},
    "y": {"output": "maps", "first": 3}, "unit": "input_px", "activation": "sigmoid",
}  # fmt: skip
POSENET = {
    "kind": "posenet", "grouping": "bilinear", "stride": STRIDE, "heatmaps": {"output": "heat"},
    "offsets": {"output": "offsets"}, "forward": {"output": "moves"}, "backward": {"output": "moves", "first": 4},
    "parents": PARENTS, "children": CHILDREN, "min_root_score": 0.5, "min_confidence": 0.5, "radius_px": 10.0,
}  # fmt: skip
MOVENET = {
    "kind": "movenet", "stride": 4, "heatmaps": {"output": "heat"}, "centers": {"output": "centers"},
    "regressions": {"output": "steps"}, "offsets": {"output": "offsets"}, "axes": "yx", "activation": "sigmoid",
}  # fmt: skip
DARK = {"kind": "heatmap", "output": "maps", "refinement": "dark_udp", "alignment": "corners", "blur_edge": "mirror"}
INTEGRAL = {"kind": "integral", "output": "maps", "normalisation": "relu", "alignment": "stride", "score": "share"}

FAMILIES: dict[str, Family] = {
    "dark_udp": Family(seeded(Maps), spec_of("dark-udp", DARK, ["maps"]), 1.0),
    "offset_map": Family(seeded(OffsetMaps), spec_of("offset-map", OFFSETS, ["maps"]), 1.0),
    "integral": Family(seeded(Maps), spec_of("integral", INTEGRAL, ["maps"]), 3.0),
    "movenet": Family(seeded(Movenet), spec_of("movenet", MOVENET, ["heat", "centers", "steps", "offsets"]), 3.0),
    "detections": Family(several.network, parse_spec(several.SPEC, "detections"), 3.0),
    "paf": Family(limbs.network, parse_spec(limbs.SPEC, "paf"), 2.0, is_limbs=True),
    "posenet": Family(seeded(Posenet), spec_of("posenet", POSENET, ["heat", "offsets", "moves"]), 6.0),
    **{
        name: Family(seeded(network), depth_networks.spec_of(name), 3.0)
        for name, (network, _, _) in depth_networks.DECODERS.items()
    },
    **{
        name: Family(
            lambda name=name: bottom_up_networks.network(name),  # type: ignore[misc]
            bottom_up_networks.spec_of(name),
            1.5 if name in bottom_up_networks.BODIES else 2.5,  # half a cell
        )
        for name in bottom_up_networks.NAMES
    },
}
