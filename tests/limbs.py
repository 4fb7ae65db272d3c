"""A network of heatmaps and part affinity fields that sees people made of colours: a red head, a green hip and a blue
foot one below the other, joined by a yellow and a cyan limb."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

SIZE_WH = (160, 128)
KEYPOINTS = ("head", "hip", "foot")
# of heads, the upper left corner in px; none where two px of the larger map are as near to its middle
PLACES: dict[str, tuple[tuple[int, int], ...]] = {
    "nobody": (), "one": ((63, 9),), "three": ((5, 3), (53, 13), (117, 27)), "two": ((21, 19), (107, 7)),
}  # fmt: skip

SPEC: dict[str, Any] = {
    "schema": 1, "name": "limbs", "version": "1.0.0", "license": "Apache-2.0", "kind": "bottom_up",
    "outputs": ["heatmaps", "fields"],
    "input": {"size_wh": list(SIZE_WH), "color_order": "bgr", "mean": [0, 0, 0], "std": [255, 255, 255],
              "resize": "stretch", "alignment": "half_pixel"},
    "decoder": {
        "kind": "paf", "alignment": "half_pixel", "heatmaps": {"output": "heatmaps", "background": "first"},
        "fields": {"output": "fields", "pairs": [0, 1, 1, 2], "channels": [2, 3, 0, 1]},
        "upsampling": {"factor": 4, "method": "cubic"}, "peaks": {"min_score": 0.2},
    },
    "keypoints": {"names": list(KEYPOINTS), "edges": [["head", "hip"], ["hip", "foot"]], "flip_pairs": [],
                  "oks_sigmas": [0.1, 0.1, 0.1]},
}  # fmt: skip


def points(picture: str) -> np.ndarray[Any, Any]:
    """Where the keypoints of a picture's people are (N, 3, 2), px."""
    heads = np.array(PLACES[picture], np.float64).reshape(-1, 1, 2) + 8
    return heads + np.array([[0, 0], [0, 40], [0, 80]])


def picture(places: tuple[tuple[int, int], ...], seed: int) -> Image.Image:
    """A grey picture of noise with people whose heads have their corners at these places."""
    noise = np.random.default_rng(seed).integers(100, 130, (SIZE_WH[1], SIZE_WH[0], 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    draw = ImageDraw.Draw(image)
    for x, y in places:
        for start, end, inset, colour in ((16, 40, 4, "yellow"), (56, 80, 4, "cyan"), (0, 16, 0, "red"),
                                          (40, 56, 0, "lime"), (80, 96, 0, "blue")):  # fmt: skip
            draw.rectangle((x + inset, y + start, x + 15 - inset, y + end - 1), fill=colour)
    return image


def write_pictures(folder: Path) -> Path:
    """Write all pictures; gives the folder."""
    folder.mkdir(parents=True)
    for seed, (name, places) in enumerate(PLACES.items()):
        picture(places, seed).save(folder / f"{name}.png")
    return folder


def network() -> Any:
    """The network with its weights set."""
    import torch
    from torch import nn

    class Limbs(nn.Module):
        """1 x 3 x 128 x 160, blue first, to heatmaps (1, 4, 16, 20), the first of no keypoint, and fields alike."""

        def __init__(self) -> None:
            super().__init__()
            self.colours = nn.Conv2d(3, 5, 1)
            self.places = nn.Conv2d(5, 8, 24, 8, 8)
            with torch.no_grad():
                # red, lime and blue are themselves and nothing else; yellow is red and green, cyan green and blue
                weights = [[-1.0, -1, 1], [-1, 1, -1], [1, -1, -1], [-2, 1, 1], [1, 1, -2]]
                self.colours.weight.copy_(torch.tensor(weights)[..., None, None])
                self.colours.bias.copy_(torch.tensor([0.0, 0, 0, -1, -1]))
                generator = torch.Generator().manual_seed(3)
                distance = torch.arange(24) - 11.5
                bell = torch.exp(-(distance**2) / 60)
                self.places.weight.copy_(torch.randn(self.places.weight.shape, generator=generator) * 1e-5)
                self.places.bias.zero_()
                for channel, colour in ((1, 0), (2, 1), (3, 2), (7, 3), (5, 4)):  # channels 2, 3 of pair 0; y is second
                    spread = bell if channel < 4 else torch.ones(24) / 4
                    self.places.weight[channel, colour] += torch.outer(bell, spread) / bell[4:20].sum() ** 2

        def forward(self, x: Any) -> Any:
            maps = self.places(nn.functional.leaky_relu(self.colours(x), 0.02))
            return maps[:, :4], maps[:, 4:]

    return Limbs().eval()


def write_model(folder: Path) -> Path:
    """Write the network and its contract (limbs.pt2, limbs.json) into `folder`; gives the model's path."""
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "limbs.pt2"
    torch.export.save(torch.export.export(network(), (torch.zeros(1, 3, SIZE_WH[1], SIZE_WH[0]),)), path)
    (folder / "limbs.json").write_text(json.dumps(SPEC))
    return path
