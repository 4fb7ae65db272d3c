"""A network of DensePose's head (a trunk of stride 4, a deconvolution, labels, U and V of 112 x 112) that sees a person
made of four colours: label by the nearest colour, U and V by a ramp of light across each part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SIDE = 224  # of the input; 112 cells
LABELS = ("head", "torso", "arm", "leg")
COLOURS = np.array([[0.2, 0.2, 0.2], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]], np.float64)  # the background first
PLACES = {"nobody": (), "one": ((32, 24, 1), (32, 72, 2), (104, 72, 3), (32, 136, 4))}  # x, y and label of squares
SQUARE = 48

SPEC: dict[str, Any] = {
    "schema": 1, "name": "charts", "version": "1.0.0", "license": "Apache-2.0", "kind": "top_down",
    "outputs": ["coarse", "fine", "u", "v"],
    "input": {"size_wh": [SIDE, SIDE], "color_order": "rgb", "mean": [0, 0, 0], "std": [255, 255, 255],
              "resize": "affine_crop", "box_padding": 1.0, "alignment": "half_pixel"},
    "decoder": {"kind": "integral", "output": "coarse", "first": 1, "normalisation": "sigmoid",
                "alignment": "half_pixel", "score": "value"},
    "dense": [{"name": "body", "kind": "iuv", "output": "fine", "stride": 2.0, "upsampling": 2,
               "labels": list(LABELS), "coarse": {"output": "coarse"}, "coarse_count": 2,
               "u": {"output": "u"}, "v": {"output": "v"}}],
    "keypoints": {"names": ["middle"], "oks_sigmas": [0.1]},
}  # fmt: skip


def surface(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """U and V that the network gives anywhere: ramps over the input, of px from its middle."""
    return np.stack([x, y], axis=-1) / SIDE


def write_pictures(folder: Path, names: tuple[str, ...] = tuple(PLACES)) -> Path:
    """Write the pictures, of the input's size; gives the folder."""
    folder.mkdir(parents=True)
    for seed, name in enumerate(names):
        noise = np.random.default_rng(seed).normal(0, 0.02, (SIDE, SIDE, 3))
        pixels = COLOURS[0] + noise
        for x, y, label in PLACES[name]:
            pixels[y : y + SQUARE, x : x + SQUARE] = COLOURS[label] + noise[y : y + SQUARE, x : x + SQUARE]
        Image.fromarray((np.clip(pixels, 0, 1) * 255).round().astype(np.uint8)).save(folder / f"{name}.png")
    return folder


def network() -> Any:
    """The network. A label's channel is 2 c.k - k.k of its colour k, which is largest for the nearest one."""
    import torch
    from torch import nn

    class Head(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk = nn.Conv2d(3, 3, 4, 4, groups=3, bias=False)
            self.larger = nn.ConvTranspose2d(3, 3, 4, 2, 1, groups=3, bias=False)
            self.labels = nn.Conv2d(3, len(COLOURS), 1)
            tap = torch.tensor([0.25, 0.75, 0.75, 0.25])  # bilinear
            with torch.no_grad():
                self.trunk.weight.fill_(1 / 16)
                self.larger.weight.copy_((tap[:, None] * tap).expand(3, 1, 4, 4))
                self.labels.weight.copy_(torch.from_numpy(40 * COLOURS)[..., None, None])
                self.labels.bias.copy_(torch.from_numpy(-20 * (COLOURS**2).sum(axis=1)))
            cells = (torch.arange(SIDE // 2) + 0.5) * 2 / SIDE
            self.register_buffer("across", cells.expand(1, 1, SIDE // 2, SIDE // 2).clone())

        def forward(self, x: Any) -> Any:
            fine = self.labels(self.larger(torch.relu(self.trunk(x))))
            background, people = fine[:, :1], fine[:, 1:].amax(dim=1, keepdim=True)
            coarse = torch.cat([background - people, people - background], dim=1)
            u = self.across + 2e-4 * fine  # a little of the picture's, as outputs that hang on nothing are refused
            v = self.across.transpose(2, 3) + 2e-4 * fine
            return coarse, fine, u, v

    return Head().eval()


def write_model(folder: Path) -> Path:
    """Write the network and its contract (charts.pt2, charts.json); gives the model's path."""
    import json

    import torch

    folder.mkdir(parents=True)
    (folder / "charts.json").write_text(json.dumps(SPEC))
    program = torch.export.export(network(), (torch.zeros(1, 3, SIDE, SIDE),))
    torch.export.save(program, folder / "charts.pt2")
    return folder / "charts.pt2"
