"""Recovery: the smaller network learns to give what the original gives, on pictures without labels.

Beside the outputs it is held to the original inside: wherever a layer of the original still has its width, its values
are compared too, which says more of each picture than the outputs alone.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from posekit.compression.network import fake_quantize
from posekit.compression.network.agreement import agreement, as_tensor, keypoints_on, runner
from posekit.compression.network.asked import Wanted
from posekit.compression.network.graph import Batched, Graph, batched, copied
from posekit.compression.network.layers import REPLACES, layers_of, shapes_of
from posekit.compression.network.result import Agreement
from posekit.compression.network.sparsity import Masks
from posekit.compression.network.views import Bank
from posekit.contract.spec import PoseSpec
from posekit.decoders import of
from posekit.errors import InputError
from posekit.parity.cases import Case
from posekit.progress import Progress

BATCH = 32
PEAK_RATE = 3e-3
ROUNDING_RATE = 2e-4  # for weights that are the original's but for their rounding: near a good place, small steps
WEIGHT_DECAY = 1e-4
HINTS = 1.0  # weight of what is compared inside
JUDGED_AT = (0.6, 0.8, 1.0)  # of the way: the best stays
WORSE = 10.0  # times the loss that it began with: the rate is too high for this network
SLOWER = 4.0
RANGES_EVERY = 0.1  # of the way, where rounding is simulated
TOLD_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class Recovered:
    """The agreement with the original before and after, and how many steps were taken."""

    before: Agreement
    after: Agreement
    steps: int


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


def recover(
    original: Graph, small: Graph, masks: Masks, names: tuple[str, ...], spec: PoseSpec, bank: Bank,
    cases: Sequence[Case], wanted: Wanted, step: Progress,
) -> Recovered:  # fmt: skip
    """Train the parameters of `small` in place; never to less agreement than it had.

    cases: held-out ones. With `wanted.quantize` it learns, and is judged, under that precision's rounding.
    """
    size_wh = spec.input.size_wh
    theirs, ours = hints(original, small, size_wh)
    training = fake_quantize.rounding(small, ours) if wanted.quantize else copied(small, ours)
    calibration = [row[None] for row in as_tensor(bank.batch(BATCH), spec)] if wanted.quantize else []

    def look_anew() -> None:
        if wanted.quantize:
            fake_quantize.set_ranges(training, small, calibration)

    look_anew()
    known = batched(copied(original, theirs), size_wh)
    pair = Pair(known, batched(training, size_wh, twin=copied(small, ours)), len(names))
    expected = keypoints_on(cases, runner(pair.original, names, spec), spec)
    if not any(len(found.keypoints) for found in expected):
        raise InputError(
            f"the network finds nobody in the {len(cases)} pictures to judge by, expected somebody",
            "give --recover pictures that show people",
        )

    def judge() -> Agreement:
        look_anew()
        return agreement(keypoints_on(cases, runner(pair.small, names, spec), spec), expected, spec)

    best = before = judge()
    learner = Learner(pair, _parameters(small), masks, spec, PEAK_RATE if wanted.is_structural else ROUNDING_RATE)
    start, told, looked, judged = time.monotonic(), 0.0, 0.0, 0
    while judged < len(JUDGED_AT):
        elapsed = time.monotonic() - start
        progress = learner.steps / wanted.steps if wanted.steps else elapsed / (60 * wanted.minutes)
        if progress >= JUDGED_AT[judged]:
            judged = sum(progress >= at for at in JUDGED_AT)
            now = judge()
            if now.oks > best.oks:
                best = now
                learner.keep()
            continue
        if progress >= looked + RANGES_EVERY:
            looked = progress
            look_anew()
        learner.learn(as_tensor(bank.batch(BATCH), spec), progress)
        if elapsed - told >= TOLD_EVERY_S:
            told = elapsed
            step(f"recover: {progress:.0%}, {_left(elapsed, progress)} left, difference {learner.recent:.3f}")
    learner.take(learner.kept)
    for parameter in learner.parameters:
        parameter.requires_grad_(False)
        parameter.data = parameter.data.contiguous()
    return Recovered(before, best, learner.steps)


def hints(original: Graph, small: Graph, size_wh: tuple[int, int]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the nodes of both graphs whose values can be compared: layers that have their width still."""
    theirs, ours = shapes_of(original, size_wh), shapes_of(small, size_wh)
    stands_for = {node.meta.get(REPLACES, node.name): node.name for node in small.graph.nodes}
    pairs = []
    for layer in layers_of(original, size_wh):
        name = stands_for.get(layer.node.name)
        is_output = any(user.op == "output" for user in layer.node.users)
        if name is not None and not is_output and ours[name] == theirs[layer.node.name] and layer.groups == 1:
            pairs.append((layer.node.name, name))
    return tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs)


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
    parts = [_relative(a, b) for a, b in zip(seen, expected, strict=True)]
    if of(spec.decoder).has_distributions:
        parts[: pair.outputs] = [
            part + _divergence(a, b) if a.ndim == 3 else part
            for part, a, b in zip(parts[: pair.outputs], seen, expected, strict=False)
        ]
    total = torch.stack(parts[: pair.outputs]).mean()
    inside = parts[pair.outputs :]
    return total + HINTS * torch.stack(inside).mean() if inside else total


def _relative(seen: Any, expected: Any) -> Any:
    """Squared difference over the variance, about each channel's mean, so that units do not count; mean of the inputs.

    As with moments, an input counts the less the stronger it is.
    """
    others = [dim for dim in range(expected.ndim) if dim != 1]
    inner = list(range(1, expected.ndim))
    power = (expected - expected.mean(others, keepdim=True)).square().mean(inner)
    return 2 * ((seen - expected).square().mean(inner) / (power + power.mean()).clamp(min=1e-12)).mean()


def _divergence(seen: Any, expected: Any) -> Any:
    """Kullback-Leibler divergence of the distributions that a classifier's last axis stands for."""
    import torch

    return torch.nn.functional.kl_div(
        seen.log_softmax(-1).flatten(0, 1),
        expected.log_softmax(-1).flatten(0, 1),
        reduction="batchmean",
        log_target=True,
    )


def _parameters(graph_module: Graph) -> list[Any]:
    """The parameters, made ready to learn; channels last, as convolutions are fastest on a CPU."""
    import torch

    found = []
    for parameter in graph_module.parameters():
        if not parameter.is_floating_point():
            continue
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        found.append(parameter.requires_grad_(True))
    return found


def _copies(parameters: Sequence[Any]) -> list[Any]:
    return [parameter.detach().clone() for parameter in parameters]


def _left(elapsed: float, progress: float) -> str:
    seconds = elapsed * (1 - progress) / max(progress, 1e-6)
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.0f} s"
