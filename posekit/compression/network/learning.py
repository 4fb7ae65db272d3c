"""How the smaller network learns: the loss against the original, and the way back where steps were too large."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from posekit.compression.network.graph import Batched
from posekit.compression.network.sparsity import Masks
from posekit.contract.spec import PoseSpec
from posekit.decoders import of

WEIGHT_DECAY = 1e-4
HINTS = 1.0  # weight of what is compared inside
WORSE = 10.0  # times the loss that it began with: the rate is too high for this network
SLOWER = 4.0


@dataclass(frozen=True, slots=True)
class Pair:
    """The original and the smaller network over batches; each gives its outputs, then what is compared inside."""

    original: Batched
    small: Batched
    outputs: int


@dataclass
class Learner:
    """What learns: parameters, how fast, and the way back where that was too fast.

    first and recent: running means of the loss; the first is that of the network as it came.
    """

    pair: Pair
    parameters: list[Any]
    masks: Masks
    spec: PoseSpec
    rate: float
    first: float = math.nan
    recent: float = math.nan
    steps: int = 0

    def __post_init__(self) -> None:
        self.kept = self.came = _copies(self.parameters)
        self._start()

    def learn(self, images: Any, progress: float) -> None:
        """One step on images (N, 3, H, W); from the start again, and slower, where it came to be far worse."""
        import torch

        for group in self._optimizer.param_groups:
            group["lr"] = self.rate * one_cycle(progress)
        loss = difference(self.pair, images, self.spec)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self._optimizer.step()
        self.masks.apply()
        self.steps += 1
        value = float(loss.detach())
        self.first = value if math.isnan(self.first) else self.first
        self.recent = value if math.isnan(self.recent) else 0.9 * self.recent + 0.1 * value
        if not self.recent <= WORSE * self.first:
            self.rate /= SLOWER
            self.recent = self.first
            self.take(self.came)
            self._start()

    def keep(self) -> None:
        """Remember the parameters as they are as the best."""
        self.kept = _copies(self.parameters)

    def take(self, values: Sequence[Any]) -> None:
        """Set the parameters."""
        import torch

        with torch.no_grad():
            for parameter, value in zip(self.parameters, values, strict=True):
                parameter.copy_(value)

    def _start(self) -> None:
        import torch

        self._optimizer = torch.optim.AdamW(self.parameters, lr=self.rate, weight_decay=WEIGHT_DECAY)


def one_cycle(progress: float) -> float:
    """The factor on the peak rate: up over the first tenth, then down a cosine to 0."""
    if progress < 0.1:
        return 0.04 + 0.96 * progress / 0.1
    return 0.5 * (1 + math.cos(math.pi * (min(progress, 1.0) - 0.1) / 0.9))


def difference(pair: Pair, images: Any, spec: PoseSpec) -> Any:
    """The loss of one batch: how far the outputs are from the original's, and what is compared inside."""
    import torch

    with torch.no_grad():
        expected = pair.original(images)
    seen = pair.small(images)
    parts = [relative_difference(a, b) for a, b in zip(seen, expected, strict=True)]
    if of(spec.decoder).has_distributions:
        parts[: pair.outputs] = [
            part + divergence(a, b) if a.ndim == 3 else part
            for part, a, b in zip(parts[: pair.outputs], seen, expected, strict=False)
        ]
    total = torch.stack(parts[: pair.outputs]).mean()
    inside = parts[pair.outputs :]
    return total + HINTS * torch.stack(inside).mean() if inside else total


def relative_difference(seen: Any, expected: Any) -> Any:
    """Squared difference over the variance, about each channel's mean, so that units do not count; mean of the inputs.

    As with moments, an input counts the less the stronger it is.
    """
    others = [dim for dim in range(expected.ndim) if dim != 1]
    inner = list(range(1, expected.ndim))
    power = (expected - expected.mean(others, keepdim=True)).square().mean(inner)
    return 2 * ((seen - expected).square().mean(inner) / (power + power.mean()).clamp(min=1e-12)).mean()


def divergence(seen: Any, expected: Any) -> Any:
    """Kullback-Leibler divergence of the distributions that a classifier's last axis stands for."""
    import torch

    return torch.nn.functional.kl_div(
        seen.log_softmax(-1).flatten(0, 1),
        expected.log_softmax(-1).flatten(0, 1),
        reduction="batchmean",
        log_target=True,
    )


def _copies(parameters: Sequence[Any]) -> list[Any]:
    return [parameter.detach().clone() for parameter in parameters]
