"""Recovery: the smaller network learns to give what the original gives, on pictures without labels.

Beside the outputs it is held to the original inside: wherever a layer of the original still has its width, its values
are compared too, which says more of each picture than the outputs alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from posekit.compression.network import fake_quantize
from posekit.compression.network.agreement import agreement, as_tensor, keypoints_on, runner
from posekit.compression.network.graph import Graph, batched, copied
from posekit.compression.network.layers import REPLACES, layers_of, shapes_of
from posekit.compression.network.learning import Learner, Pair
from posekit.compression.network.options import CompressOptions
from posekit.compression.network.result import Agreement
from posekit.compression.network.sparsity import Masks
from posekit.compression.network.views import Bank
from posekit.contract.spec import PoseSpec
from posekit.errors import InputError
from posekit.parity.cases import Case
from posekit.progress import Progress

BATCH = 32
PEAK_RATE = 3e-3
ROUNDING_RATE = 2e-4  # for weights that are the original's but for their rounding: near a good place, small steps
JUDGED_AT = (0.6, 0.8, 1.0)  # of the way: the best stays
RANGES_EVERY = 0.1  # of the way, where rounding is simulated
TOLD_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class Recovered:
    """The agreement with the original before and after, and how many steps were taken."""

    before: Agreement
    after: Agreement
    steps: int


def recover(
    original: Graph, small: Graph, masks: Masks, names: tuple[str, ...], spec: PoseSpec, bank: Bank,
    cases: Sequence[Case], wanted: CompressOptions, step: Progress,
) -> Recovered:  # fmt: skip
    """Train the parameters of `small` in place; never to less agreement than it had.

    original: the network that `small` was made of, or its teacher, which alone is not held to inside. cases: held-out
    ones. With `wanted.quantize` it learns, and is judged, under that precision's rounding. InputError
    (exit 2) where the original finds nobody in them.
    """
    pair, look_anew = _pair(original, small, len(names), spec, bank, wanted)
    expected = keypoints_on(cases, runner(pair.original, names, spec), spec)
    if not any(len(found.keypoints) for found in expected):
        raise InputError(
            f"the network finds nobody in the {len(cases)} pictures to judge by, expected somebody",
            "give --recover pictures that show people",
        )

    def judge() -> Agreement:
        look_anew()
        return agreement(keypoints_on(cases, runner(pair.small, names, spec), spec), expected, spec)

    before = judge()
    is_near = not wanted.is_structural and wanted.teacher is None
    learner = Learner(pair, _parameters(small), masks, spec, ROUNDING_RATE if is_near else PEAK_RATE)
    best = _learn(learner, lambda: as_tensor(bank.batch(BATCH), spec), before, judge, look_anew, wanted, step)
    learner.take(learner.kept)
    for parameter in learner.parameters:
        parameter.requires_grad_(False)
        parameter.data = parameter.data.contiguous()
    return Recovered(before, best, learner.steps)


def _pair(
    original: Graph, small: Graph, outputs: int, spec: PoseSpec, bank: Bank, wanted: CompressOptions
) -> tuple[Pair, Callable[[], None]]:
    """Both networks, the smaller with `wanted.quantize` under its rounding, and what sets the ranges of that anew."""
    size_wh = spec.input.size_wh
    theirs, ours = hints(original, small, size_wh) if wanted.teacher is None else ((), ())
    training = fake_quantize.rounding(small, ours) if wanted.quantize else copied(small, ours)
    calibration = [row[None] for row in as_tensor(bank.batch(BATCH), spec)] if wanted.quantize else []

    def look_anew() -> None:
        if wanted.quantize:
            fake_quantize.set_ranges(training, small, calibration)

    look_anew()
    known = batched(copied(original, theirs), size_wh)
    return Pair(known, batched(training, size_wh, twin=copied(small, ours)), outputs), look_anew


def _learn(
    learner: Learner, batch: Callable[[], Any], best: Agreement, judge: Callable[[], Agreement],
    look_anew: Callable[[], None], wanted: CompressOptions, step: Progress,
) -> Agreement:  # fmt: skip
    """Learn until the steps or minutes are over; the best agreement, whose parameters the learner keeps."""
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
        learner.learn(batch(), progress)
        if elapsed - told >= TOLD_EVERY_S:
            told = elapsed
            step(f"recover: {progress:.0%}, {_left(elapsed, progress)} left, difference {learner.recent:.3f}")
    return best


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


def _left(elapsed: float, progress: float) -> str:
    seconds = elapsed * (1 - progress) / max(progress, 1e-6)
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.0f} s"
