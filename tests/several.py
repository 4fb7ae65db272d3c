"""A network that finds any number of people, small enough to convert in seconds: people are red squares.

It sees redness in cells of 8 px, as YOLO-pose would with its coordinates in cells: distances to the sides of a box,
a score, and keypoints about the middle of what is red.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

SIZE_WH = (160, 128)
SIDE = 24  # of a person, source px
KEYPOINTS = ("left_eye", "right_eye", "nose")

NETWORK = '''
import torch
from torch import nn


class Squares(nn.Module):
    """1 x 3 x 128 x 160, 0 to 1, to boxes (1, 4, A), scores (1, 1, A) and points (1, 9, A) of cells of 8 and 16 px."""

    def __init__(self):
        super().__init__()
        # each cell looks at 3 x 3 cells, so that the middle one of a person is the surest
        self.levels = nn.ModuleList(nn.Conv2d(3, 14, 3 * s, s, s) for s in (8, 16))
        self.mix = nn.ModuleList(nn.Conv2d(14, 14, 1) for _ in (8, 16))
        with torch.no_grad():
            for conv, mix, stride in zip(self.levels, self.mix, (8, 16)):
                generator = torch.Generator().manual_seed(stride)
                area = (3 * stride) ** 2
                conv.weight.copy_(0.05 * torch.randn(conv.weight.shape, generator=generator) / area)
                conv.bias.zero_()
                # channel 4 is the score: red, but neither green nor blue
                conv.weight[4] = torch.tensor([16.0, -8.0, -8.0]).reshape(3, 1, 1) / area
                # points lie by the middle of what is red, a fraction of a cell
                place = (torch.arange(3 * stride) - 1.5 * stride + 0.5) / (1.5 * stride * 3 * stride * 0.78) / stride
                for k in range(3):
                    conv.weight[5 + 3 * k] += torch.tensor([1.0, -0.5, -0.5]).reshape(3, 1, 1) * place
                    conv.weight[6 + 3 * k] += torch.tensor([1.0, -0.5, -0.5]).reshape(3, 1, 1) * place[:, None]
                mix.weight.copy_(torch.eye(14).reshape(14, 14, 1, 1))
                # nobody is as large as cells of 16 px
                mix.bias.copy_(torch.tensor([0.4, 0.4, 0.4, 0.4, -9.0 if stride == 8 else -30.0,
                                             0.5, -0.7, 1.0, -0.5, -0.7, 2.0, 0.0, 0.3, 0.5]))

    def forward(self, x):
        flat = [mix(conv(x)).flatten(2) for conv, mix in zip(self.levels, self.mix)]
        found = torch.cat(flat, dim=2)
        return torch.exp(found[:, :4].clamp(-2, 2)), torch.sigmoid(found[:, 4:5]), found[:, 5:14]
'''

SPEC: dict[str, Any] = {
    "schema": 1, "name": "squares", "version": "1.0.0", "license": "Apache-2.0", "kind": "one_stage",
    "outputs": ["boxes", "scores", "points"],
    "input": {"size_wh": list(SIZE_WH), "color_order": "rgb", "mean": [0, 0, 0], "std": [255, 255, 255],
              "resize": "letterbox", "pad_value": 114, "alignment": "half_pixel", "rounding": "half_even"},
    "decoder": {
        "kind": "detections", "axes": "channels_first", "strides": [8, 16], "min_confidence": 0.25,
        "boxes": {"outputs": ["boxes"], "format": "ltrb", "unit": "cells", "shift": 0.5},
        "scores": {"outputs": ["scores"]},
        "keypoints": {"outputs": ["points"], "fields": ["x", "y", "score"], "unit": "cells", "shift": 0.5,
                      "activation": "sigmoid"},
        "nms": {"kind": "iou", "threshold": 0.2},
    },
    "keypoints": {"names": list(KEYPOINTS), "edges": [["left_eye", "nose"], ["right_eye", "nose"]],
                  "flip_pairs": [["left_eye", "right_eye"]], "oks_sigmas": [0.1, 0.1, 0.1]},
}  # fmt: skip


def picture(size_wh: tuple[int, int], places: list[tuple[int, int]], seed: int = 0) -> Image.Image:
    """A grey picture of noise with a person at each place, the upper left corner in px."""
    rng = np.random.default_rng(seed)
    image = Image.fromarray(rng.integers(90, 130, (size_wh[1], size_wh[0], 3), dtype=np.uint8))
    draw = ImageDraw.Draw(image)
    for x, y in places:
        colour = (int(rng.integers(215, 250)), int(rng.integers(10, 50)), int(rng.integers(10, 50)))
        draw.rectangle((x, y, x + SIDE - 1, y + SIDE - 1), fill=colour)
    return image


PLACES: dict[str, list[tuple[int, int]]] = {
    "three": [(8, 8), (64, 40), (112, 88)],
    "nobody": [],
    "two": [(24, 72), (104, 16)],
    "one": [(72, 56)],
    "five": [(0, 0), (40, 8), (88, 0), (16, 64), (120, 96)],
    "another": [(48, 48), (112, 24)],
}


def write_pictures(folder: Path, names: tuple[str, ...] = tuple(PLACES)) -> Path:
    """Write the pictures of those names into `folder`, and the annotations of all people beside it; gives these."""
    folder.mkdir(parents=True)
    annotations, images = [], []
    for number, name in enumerate(names, 1):
        picture(SIZE_WH, PLACES[name], number).save(folder / f"{name}.png")
        images.append({"id": number, "file_name": f"{name}.png", "width": SIZE_WH[0], "height": SIZE_WH[1]})
        for x, y in PLACES[name]:
            points = [(x + 16, y + 8, 2), (x + 8, y + 8, 2), (x + 12, y + 16, 2)]
            annotations.append({
                "id": len(annotations) + 1, "image_id": number, "category_id": 1, "iscrowd": 0, "area": SIDE * SIDE,
                "bbox": [x, y, SIDE, SIDE], "keypoints": [v for point in points for v in point], "num_keypoints": 3,
            })  # fmt: skip
    document = {
        "images": images, "annotations": annotations,
        "categories": [{"id": 1, "name": "person", "keypoints": list(KEYPOINTS)}],
    }  # fmt: skip
    path = folder.parent / f"{folder.name}.json"
    path.write_text(json.dumps(document))
    return path


def network() -> Any:
    """The network with its weights set."""
    made: dict[str, Any] = {}
    exec(NETWORK, made)
    return made["Squares"]().eval()


def write_model(folder: Path) -> Path:
    """Write the network and its contract (squares.pt2, squares.json) into `folder`; gives the model's path."""
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "squares.pt2"
    torch.export.save(torch.export.export(network(), (torch.zeros(1, 3, SIZE_WH[1], SIZE_WH[0]),)), path)
    (folder / "squares.json").write_text(json.dumps(SPEC))
    return path
