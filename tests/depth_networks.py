"""Networks of the heads that give depth, which see the squares of tests/several.py: MoVNect's location maps, RTMW3D's
three vectors, a volume a keypoint, and coordinates as numbers. How deep a square is is set, but for a little."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from posekit.contract.spec import PoseSpec, parse_spec
from tests import several
from tests.bodies import GatedUnit, InvertedResidual
from tests.bottom_up_networks import Branches, K, Squares
from tests.networks import conv

SIZE_WH, MAP_WH = several.SIZE_WH, (40, 32)
Z = (-0.3, 0.25, 0.1)  # of each keypoint about some place, metres
BINS, SLICES, EXTENT = 96, 8, 2.0
DEPTH: dict[str, Any] = {"unit": "metres", "root": ["left_eye", "right_eye"], "direction": "away",
                         "subtract_root": True}  # fmt: skip


class Mobile(nn.Module):
    """MobileNetV2 in small: a quarter of the input, inverted residuals and a deconvolution."""

    channels = 12

    def __init__(self) -> None:
        super().__init__()
        c = self.channels
        self.body = nn.Sequential(conv(3, c, s=2, act=nn.ReLU6), conv(c, c, s=2, act=nn.ReLU6), InvertedResidual(c),
                                  conv(c, 2 * c, s=2, act=nn.ReLU6), InvertedResidual(2 * c))  # fmt: skip
        self.up = nn.ConvTranspose2d(2 * c, c, 4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.up(self.body(x)))


class Heat(nn.Module):
    """1 x 3 x 128 x 160, 0 to 1, to what a square shows of each keypoint (1, K, 32, 40), and the features behind it."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.squares = Squares(body)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return F.relu(self.squares(x)[0][:, :K] - 0.1), self.squares.body(x)


class LocationMaps(nn.Module):
    """MoVNect: heat, and from the features and the lengths of what they say of bones the places, in tenths of a
    metre."""

    def __init__(self) -> None:
        super().__init__()
        self.heat, c = Heat(Mobile()), Mobile.channels
        self.deltas = nn.Conv2d(c, 3 * K, 1)
        self.places = nn.Conv2d(c + 4 * K, 3 * K, 1)
        self.register_buffer("set", 10 * torch.tensor([[-0.2, 0.2, 0.0], [-0.1, -0.1, 0.3], Z]).reshape(1, 3 * K, 1, 1))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        heat, features = self.heat(x)
        deltas = self.deltas(features)
        lengths = sum(part**2 for part in deltas.chunk(3, 1)).sqrt()
        places = self.set + torch.tanh(self.places(torch.cat([features, deltas, lengths], 1)))
        return heat, *places.chunk(3, 1)


class Vectors(nn.Module):
    """RTMW3D: maps to tokens of a gated attention unit, tokens to three vectors; squares add the highest of x and y."""

    def __init__(self) -> None:
        super().__init__()
        self.heat, c, hidden = Heat(Branches()), Branches().channels, 16
        self.last, self.tokens = nn.Conv2d(c, K, 7, padding=3), nn.Linear(MAP_WH[0] * MAP_WH[1], hidden)
        self.unit = GatedUnit(hidden)
        self.vectors = nn.ModuleList(nn.Linear(hidden, bins) for bins in (2 * SIZE_WH[0], 2 * SIZE_WH[1], BINS))
        place = (torch.tensor(Z) / EXTENT + 0.5)[:, None] * BINS
        self.register_buffer("deep", torch.exp(-((torch.arange(BINS) - place) ** 2) / 18))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        heat, features = self.heat(x)
        tokens = self.unit(self.tokens(self.last(features).flatten(2)))
        little = [0.002 * torch.tanh(one(tokens)) for one in self.vectors]
        across, down = heat.amax(2, keepdim=True), heat.amax(3, keepdim=True)
        across = F.interpolate(across, (1, 2 * SIZE_WH[0]), mode="bilinear").flatten(2)
        down = F.interpolate(down, (2 * SIZE_WH[1], 1), mode="bilinear").flatten(2)
        return across + little[0], down + little[1], self.deep + little[2]


class Volumes(nn.Module):
    """Heat times a share of each slice: (1, K * slices, 32, 40)."""

    def __init__(self) -> None:
        super().__init__()
        self.heat, self.shares = Heat(Branches()), nn.Conv2d(Branches().channels, K * SLICES, 1)
        place = (torch.tensor(Z) / EXTENT + 0.5)[:, None] * SLICES
        self.register_buffer("deep", torch.exp(-((torch.arange(SLICES) - place) ** 2)).reshape(1, K * SLICES, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        heat, features = self.heat(x)
        return heat.repeat_interleave(SLICES, 1) * (self.deep + 0.01 * torch.sigmoid(self.shares(features)))


class Numbers(nn.Module):
    """Rows x, y, z: the middle of each map by its weights, in px, and mm."""

    def __init__(self) -> None:
        super().__init__()
        self.heat, self.depths = Heat(Branches()), nn.Linear(Branches().channels, K)
        rows, columns = torch.meshgrid(torch.arange(32.0), torch.arange(40.0), indexing="ij")
        self.register_buffer("grid", torch.stack([4 * columns, 4 * rows]).reshape(1, 2, -1))
        self.register_buffer("deep", torch.tensor(Z))

    def forward(self, x: Tensor) -> Tensor:
        heat, features = self.heat(x)
        flat = heat.flatten(2)
        shares = (flat + 1e-4) / (flat + 1e-4).sum(2, keepdim=True)
        places = shares @ self.grid.transpose(1, 2)
        depths = self.deep + 0.05 * torch.tanh(self.depths(features.mean((2, 3))))
        return torch.cat([places, 1000 * depths[..., None]], 2)


class Landmarks(Numbers):
    """The same rows, and their places in the world about some other place, metres."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("metres", torch.tensor([0.005, 0.005, 0.001]))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        rows = super().forward(x)
        return rows, rows * self.metres + 0.3


ROLES = {name: {"output": name} for name in ("heat", "x", "y", "z")}
DECODERS: dict[str, tuple[type[nn.Module], dict[str, Any], list[str]]] = {
    "location_maps": (
        LocationMaps,
        {"kind": "location_maps", **ROLES, "upsampling": 4, "alignment": "stride", "factor": 0.1},
        ["heat", "x", "y", "z"],
    ),
    "simcc_3d": (
        Vectors,
        {"kind": "simcc", "output_x": "bins_x", "output_y": "bins_y", "split_ratio": 2.0, "score_reduction": "min",
         "z": {"output": "bins_z", "bins": BINS, "extent": EXTENT}},
        ["bins_x", "bins_y", "bins_z"],
    ),
    "integral_3d": (
        Volumes,
        {"kind": "integral", "output": "volumes", "normalisation": "relu", "alignment": "stride", "score": "share",
         "z": {"bins": SLICES, "extent": EXTENT}},
        ["volumes"],
    ),
    "regression_3d": (
        Numbers,
        {"kind": "regression", "output": "rows", "fields": ["x", "y", "z"], "range": "input_px", "z_scale": 0.001},
        ["rows"],
    ),
    "landmarks_3d": (
        Landmarks,
        {"kind": "landmarks", "output": "rows", "rows": K, "fields": ["x", "y", "z"], "range": "input_px",
         "z_factor": 0.001, "world": "world"},
        ["rows", "world"],
    ),
}  # fmt: skip


def spec_of(name: str) -> PoseSpec:
    """The contract of it."""
    _, decoder, outputs = DECODERS[name]
    data = {"name": name.replace("_", "-"), "kind": "one_stage", "decoder": decoder, "outputs": outputs,
            "depth": DEPTH}  # fmt: skip
    return parse_spec({**several.SPEC, **data}, name)
