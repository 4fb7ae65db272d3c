"""Every preset reads a network of its published model's shape: outputs as training would have drawn them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402

from posekit.contract.outputs import check_outputs, decode, decode_dense  # noqa: E402
from posekit.contract.presets import preset, preset_names  # noqa: E402
from posekit.contract.spec import PoseSpec  # noqa: E402
from posekit.decoders import dense, of  # noqa: E402
from posekit.sources.recognise import Form  # noqa: E402
from posekit.sources.reference import run_reference  # noqa: E402
from posekit.sources.source import SourceModel  # noqa: E402


class Drawn(nn.Module):
    """Gives `outputs` as a network does, with a batch axis and maps channels first, whatever the picture is."""

    def __init__(self, outputs: dict[str, np.ndarray]) -> None:
        super().__init__()
        maps = {name: one.transpose(2, 0, 1) if one.ndim == 3 else one for name, one in outputs.items()}
        self.outputs = {name: torch.from_numpy(np.array(one[None], np.float32)) for name, one in maps.items()}

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {name: one + 0 * x.mean() for name, one in self.outputs.items()}


def drawn_dense(spec: PoseSpec) -> dict[str, np.ndarray]:
    """The outputs of dense results, with every label somewhere; none without any."""
    if not spec.dense:
        return {}
    width, height = (side / spec.dense[0].stride + 1 - 2 * spec.dense[0].shift for side in spec.input.size_wh)
    cells = (round(height), round(width))
    numbers = {one.name: np.arange(np.prod(cells)).reshape(cells) % (len(one.names) + 1) for one in spec.dense}
    return dense.encode(numbers, spec.dense, surfaces={one.name: np.full((*cells, 2), 0.5) for one in spec.dense})


@pytest.mark.parametrize("name", preset_names())
def test_a_network_of_its_shape_is_read(name: str) -> None:
    spec = preset(name)
    drawn = of(spec.decoder).examples(spec.decoder, spec.input, np.random.default_rng(0), spec.keypoint_count)
    shapes = of(spec.decoder).shapes(spec.decoder, spec.input.size_wh, spec.keypoint_count)
    drawn = {one: values[tuple(map(slice, shapes[one]))] for one, values in drawn.items()}  # others than roles left out
    drawn |= drawn_dense(spec)
    width, height = spec.input.size_wh
    pixels = np.random.default_rng(1).uniform(0, 255, (height, width, 3)).astype(np.float32)
    outputs = run_reference(SourceModel(Path("in-memory"), Form.MODULE, "", Drawn(drawn)), spec, pixels)
    check_outputs({one: values.shape for one, values in outputs.items()}, spec)
    assert [one.numbers.max() > 0 for one in decode_dense(outputs, spec)] == [True] * len(spec.dense)
    poses: Any = decode(outputs, spec)
    assert len(poses.keypoints) >= 1
    assert poses.keypoints.shape[1] == spec.keypoint_count
    assert np.isfinite(poses.keypoints).all()
    for one, values in drawn.items():
        assert np.allclose(outputs[one][0], values, atol=1e-6)
