"""Small networks with an operation that a converter, a quantizer or a runtime refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from posekit.contract.spec import PoseSpec
from posekit.sources.recognise import Form
from posekit.sources.reference import run_reference
from posekit.sources.source import SourceModel
from posekit.targets.graph.lowering import Lowered, lower
from tests.networks import K
from tests.targets.test_networks import spec_of

_SPEC = spec_of("refused")
_PLAIN = _SPEC.input.model_copy(update={"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)})
SPEC: PoseSpec = _SPEC.model_copy(update={"input": _PLAIN})  # the network sees the pixels themselves


class Head(nn.Module):
    """A convolution, and `between` behind it, which is given the picture too."""

    def __init__(self, between: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.conv, self.between = nn.Conv2d(8, K, 1), between

    def forward(self, x: Tensor, picture: Tensor) -> Tensor:
        return self.between(self.conv(x), picture)


class Network(nn.Module):
    def __init__(self, between: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.body, self.head = nn.Conv2d(3, 8, 3, 4, 1), Head(between)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x), x)


def pixels(lowest: float = 1.0) -> np.ndarray:
    width, height = SPEC.input.size_wh
    return np.random.default_rng(0).uniform(lowest, 255, (height, width, 3)).astype(np.float32)


def lowered(between: Callable[[Tensor, Tensor], Tensor]) -> Lowered:
    torch.manual_seed(0)
    source = SourceModel(Path("in-memory"), Form.MODULE, "", Network(between).train(False))
    return lower(source, SPEC, pixels(), run_reference(source, SPEC, pixels()))
