"""What a precision does to published networks of the families: python benchmarks/trained_families.py [NAME ...]

Networks of shared/data on 24 views (parts, mirrored or not, brighter or darker) of COCO 785, with ranges from 24 views
of another photograph, of a couple. Two photographs tell how the figures of a network compare, not what an app will see.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.families import Network, rows_of, tell
from posekit.contract.precisions import Precision
from posekit.contract.presets import preset
from posekit.parity.cases import cases_in
from posekit.poses.images import Photo, load_image
from posekit.sources import open_source

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
NETWORKS = {
    "movenet_mbv3": ("movenet-raw", "movenet_mbv3/mbv3_e81_valacc0.78953.pth", "tests.movenet_raw:build"),
    "cpm": ("cpm", "cpm/cpm.tflite", ""),
    "yunet": ("yunet-face5", "yunet/yunet_n_320_320.onnx", ""),
    "rtmdet": ("rtmdet-person", "rtmdet/rtmdet_nano_person_640.onnx", ""),
    "tfpose": ("tf-pose-coco18", "tfpose/mobilenet_v2_small_graph_opt.pb", ""),
}
# with everybody's box, x0 y0 x1 y1 px
SKIER = (DATA / "photo" / "000000000785.jpg", (280, 44, 499, 388))
COUPLE = (DATA / "posenet/test_couple.jpg", None)
VIEWS = 24


def views(picture: Path, box: tuple[int, int, int, int] | None, seed: int) -> list[NDArray[np.uint8]]:
    """Parts (H, W, 3) of a picture with everybody in them; without a box nearly all of it."""
    whole, rng, found = Image.open(picture).convert("RGB"), np.random.default_rng(seed), []
    width, height = whole.size
    left, top, right, bottom = box or (width // 8, height // 8, width - width // 8, height - height // 8)
    for number in range(VIEWS):
        corners = (rng.integers(0, left + 1), rng.integers(0, top + 1), rng.integers(right, width + 1),
                   rng.integers(bottom, height + 1))  # fmt: skip
        part = np.asarray(whole.crop(tuple(int(side) for side in corners)), np.float64)
        part = part[:, ::-1] if number % 2 else part
        found.append(np.clip(part * rng.uniform(0.7, 1.3), 0, 255).astype(np.uint8))
    return found


def measured(name: str, precisions: Sequence[Precision], folder: Path) -> list[dict[str, Any]]:
    """A row a platform and precision."""
    contract, file, arch = NETWORKS[name]
    spec = preset(contract)
    source = open_source(DATA / file, spec, arch=arch)
    seen = []
    for number, pixels in enumerate(views(*COUPLE, seed=1)):
        Image.fromarray(pixels).save(path := folder / f"{name}-seen-{number}.png")
        (case,) = cases_in(load_image(path), Photo(path, number), spec)
        seen.append(case.pixels)
    return rows_of(Network(name, source, spec), views(*SKIER, seed=2), seen, precisions, folder)


if __name__ == "__main__":
    tell(sys.argv[1:], NETWORKS, measured)
