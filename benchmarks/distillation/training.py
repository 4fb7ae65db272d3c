"""How the networks learn, from labels or from a teacher too, and how far their places are from the true ones."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.distillation.networks import FACTOR, STRIDE
from benchmarks.distillation.people import INPUT_SIZE_WH, People, batch, upright
from sample import crops
from sample.stance import Array, Rng
from sample.train import normalised, one_cycle

BATCH = 16
PEAK_RATE = 4e-3
SIGMA = 1.0  # of the heatmaps, cells
KEPT = 6000  # crops that a teacher has looked at
LABELS = 0.25  # weight of the labels where there is a teacher too: their share of a batch
Maps = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is shown: people with labels, and with a teacher others of whom the pictures alone are looked at."""

    labelled: People
    teacher: Callable[[Tensor], Maps] | None = None
    others: People | None = None


def targets(keypoints: Array, world: Array) -> tuple[Tensor, Tensor, Tensor]:
    """Heatmaps (N, 17, 16, 12), places (N, 17, 3) in units of the location maps, and whether they count (N, 17)."""
    width, height = (side // STRIDE for side in INPUT_SIZE_WH)
    x, y = ((keypoints[..., axis] / STRIDE - 0.5) for axis in range(2))
    heat = crops.gaussian(y, height, SIGMA)[..., :, None] * crops.gaussian(x, width, SIGMA)[..., None, :]
    counts = torch.from_numpy((keypoints[..., 2] > 0).astype(np.float32))
    return heat, torch.from_numpy((world / FACTOR).astype(np.float32)), counts


def difference(seen: Maps, heat: Tensor, places: dict[str, Tensor], counts: Tensor) -> Tensor:
    """Squared error of the heatmaps (N, 17, h, w), and absolute error of the location maps where `heat` is high.

    places: what each axis ought to be, in whatever shape spreads over its maps; counts: (N, 17)."""
    maps = 100 * ((1 + 5 * heat.clamp(0, 1)) * (seen["heat"] - heat).square()).mean((-1, -2))
    weight = heat.clamp(0, 1) * (heat > 0.1)
    error = sum(torch.nn.functional.smooth_l1_loss(seen[axis], places[axis].expand_as(seen[axis]), reduction="none")
                for axis in ("x", "y", "z"))  # fmt: skip
    away = (weight * error).sum((-1, -2)) / weight.sum((-1, -2)).clamp(min=1e-3)
    return ((maps + away) * counts).sum() / counts.sum()


def from_labels(seen: Maps, keypoints: Array, world: Array) -> Tensor:
    """How far maps are from the labels of their people."""
    heat, places, counts = targets(keypoints, world)
    return difference(seen, heat, dict(zip("xyz", places[..., None, None].unbind(2), strict=True)), counts)


def from_teacher(seen: Maps, given: Maps) -> Tensor:
    """How far maps are from those that a teacher gives, of all keypoints."""
    return difference(seen, given["heat"], given, torch.ones(given["heat"].shape[:2]))


@dataclass
class Shown:
    """What a pupil saw lately with what its teacher gave for it, so that the teacher looks at each but once."""

    images: list[Tensor] = field(default_factory=list)
    given: list[Maps] = field(default_factory=list)

    def add(self, images: Tensor, given: Maps) -> None:
        """Fresh ones, instead of the oldest where there are many."""
        for row, image in enumerate(images):
            self.images.append(image)
            self.given.append({name: maps[row] for name, maps in given.items()})
        del self.images[:-KEPT], self.given[:-KEPT]

    def some(self, count: int, rng: Rng) -> tuple[Tensor, Maps]:
        """The newest quarter and others at random."""
        newest = min(count // 4, len(self.images))
        rows = [*range(-newest, 0), *rng.integers(len(self.images), size=count - newest).tolist()]
        given = {name: torch.stack([self.given[row][name] for row in rows]) for name in self.given[0]}
        return torch.stack([self.images[row] for row in rows]), given


def train(network: nn.Module, lesson: Lesson, cpu_seconds: float, seed: int) -> int:
    """Train in place for so much CPU time of this thread, and the number of steps; one-cycle rate over the time."""
    rng, shown = np.random.default_rng(seed), Shown()
    network.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(network.parameters(), lr=PEAK_RATE, weight_decay=0.01)
    of_labels = BATCH if lesson.teacher is None else BATCH // 4
    labelled = iter(crops.batches(rng, len(lesson.labelled.images), of_labels))
    others = iter(crops.batches(rng, len(lesson.others.images), BATCH // 4)) if lesson.others is not None else None
    start, steps = time.thread_time(), 0
    while (progress := (time.thread_time() - start) / cpu_seconds) < 1:
        for group in optimizer.param_groups:
            group["lr"] = PEAK_RATE * one_cycle(progress)
        pixels, keypoints, world = batch(lesson.labelled, next(labelled), rng)
        images = normalised(pixels, "rgb")
        if lesson.teacher is not None and lesson.others is not None and others is not None:
            fresh = normalised(batch(lesson.others, next(others), rng)[0], "rgb")
            with torch.no_grad():
                shown.add(fresh, lesson.teacher(fresh))
            taught, given = shown.some(BATCH - of_labels, rng)
            seen = network(torch.cat([images, taught]))
            own, theirs = ({name: maps[part] for name, maps in seen.items()}
                           for part in (slice(len(images)), slice(len(images), None)))  # fmt: skip
            loss = LABELS * from_labels(own, keypoints, world) + (1 - LABELS) * from_teacher(theirs, given)
        else:
            loss = from_labels(network(images), keypoints, world)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        steps += 1
    network.eval()
    return steps


def mpjpe_mm(network: Callable[[Tensor], Any], people: People, spec: Any) -> float:
    """Mean distance of all keypoints from their true places, about the middle of the hips, mm; decoded as an app does.

    One person at a time, as an exported network takes them."""
    from posekit.contract.outputs import decode, packaged

    found = []
    with torch.inference_mode():
        for row in range(len(people.images)):
            images = normalised(upright(people, np.array([row])), "rgb").contiguous()
            outputs = {name: packaged(name, maps.numpy(), spec) for name, maps in network(images).items()}
            found.append(decode(outputs, spec).world[0])
    return 1000 * float(np.linalg.norm(np.stack(found) - people.world, axis=-1).mean())
