"""Networks of several stages, dense ones and detectors become smaller too, and learn from what they were."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from posekit.compression.network.options import CompressOptions
from posekit.contract.spec import PoseSpec, parse_spec
from posekit.pipelines.compress import compress
from posekit.sources import open_source
from posekit.sources.reference import run_reference
from tests import several, whole_networks


class Stages(nn.Module):
    """Three stages of maps, each of which looks at the features and at the maps before it, as CPM's and OpenPose's."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(*self.block(3, 24, 4), *self.block(24, 24, 2))
        self.stages = nn.ModuleList(
            nn.Sequential(*self.block(24 + (17 if stage else 0), 24), nn.Conv2d(24, 17, 1)) for stage in range(3)
        )

    @staticmethod
    def block(inputs: int, outputs: int, stride: int = 1) -> list[nn.Module]:
        return [nn.Conv2d(inputs, outputs, 5, stride, 2), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]

    def forward(self, x: Tensor) -> Tensor:
        features = self.body(x)
        maps = self.stages[0](features)
        for stage in list(self.stages)[1:]:
            maps = stage(torch.cat([features, maps], 1))
        return maps


STAGED = parse_spec(
    {
        "schema": 1, "name": "staged", "type_name": "Staged", "version": "1", "license": "MIT", "kind": "top_down",
        "outputs": ["heatmaps"], "keypoints": {"skeleton": "coco17"},
        "input": {"size_wh": [64, 64], "color_order": "rgb", "mean": [0, 0, 0], "std": [255, 255, 255],
                  "resize": "affine_crop", "box_padding": 1.25, "alignment": "half_pixel"},
        "decoder": {"kind": "heatmap", "output": "heatmaps", "refinement": "quarter", "alignment": "stride"},
    },
    "a test",
)  # fmt: skip
NETWORKS: dict[str, tuple[Callable[[], nn.Module], PoseSpec]] = {
    "three stages": (whole_networks.seeded(Stages), STAGED),
    "dense": whole_networks.NETWORKS["densepose"],
    "detector": whole_networks.NETWORKS["rtmdet"],  # whose code makes constants, which a .pt2 holds as detached ones
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_each_kind_becomes_smaller_and_recovers(name: str, tmp_path: Path) -> None:
    make, spec = NETWORKS[name]
    width, height = spec.input.size_wh
    path, pictures = tmp_path / "network.pt2", tmp_path / "pictures"
    torch.export.save(torch.export.export(make().eval(), (torch.zeros(1, 3, height, width),)), path)
    pictures.mkdir()
    for at in range(9):
        several.picture(several.SIZE_WH, [(9 * at, 7 * at)], at).save(pictures / f"{at}.png")
    wanted = CompressOptions(prune=0.3, low_rank=0.2, sparsity=0.2, quantize="w8a8", recover=pictures, steps=2)
    made = compress(path, spec, wanted, tmp_path / "out")
    assert made.after.multiply_adds < made.before.multiply_adds
    image = np.random.default_rng(1).uniform(0, 255, (height, width, 3)).astype(np.float32)
    before, after = (run_reference(open_source(one, spec), spec.looking_once, image) for one in (path, made.model))
    assert {key: values.shape for key, values in after.items()} == {key: v.shape for key, v in before.items()}
    assert all(np.isfinite(values).all() for values in after.values())
    assert any(np.abs(after[key] - before[key]).max() > 0 for key in after)
