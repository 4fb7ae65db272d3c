"""Trains the two sample networks on rendered people: python -m sample.train --out DIR."""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from posekit.sources.torch.exported import forget_machine
from sample import crops
from sample.crops import People
from sample.networks import HEATMAP_STRIDE, INPUT_SIZE_WH, SIMCC_SPLIT_RATIO, heatmap_network, simcc_network
from sample.stance import Array

MEAN = (123.675, 116.28, 103.53)  # RGB, 0-255 units
STD = (58.395, 57.12, 57.375)
BATCH = 64
PEAK_RATE = 3e-3
EMA_DECAY = 0.998
HELD_OUT_SEEDS = range(10_000_000, 10_000_500)
MACHINE = "2-core x86 CPU"
PCK_FRACTION = 0.1  # of the box's longer side
PCK_MEANING = (
    "fraction of visible keypoints within 0.1 of the longer side of the box, "
    "argmax decoding (with a quarter offset for heatmaps)"
)

Outputs = Tensor | tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Recipe:
    """How one network is built, trained and decoded; decode gives input px (N, 17, 2)."""

    file_name: str
    color_order: str
    build: Callable[[], nn.Module]
    loss: Callable[[Any, Array], Tensor]
    decode: Callable[[Any], Array]


def heatmap_loss(heatmaps: Tensor, keypoints: Array) -> Tensor:
    """Squared error over the labelled keypoints (N, 17, 3), input px."""
    weight = torch.from_numpy((keypoints[..., 2] > 0).astype(np.float32))
    target = crops.heatmap_target(keypoints[..., :2])
    error = ((1 + 5 * target) * (heatmaps - target).square()).mean((-1, -2))  # the peaks are few: they count for more
    return 100 * (error * weight).sum() / weight.sum()


def simcc_loss(logits: tuple[Tensor, Tensor], keypoints: Array) -> Tensor:
    """Cross entropy over the labelled keypoints (N, 17, 3), input px."""
    weight = torch.from_numpy((keypoints[..., 2] > 0).astype(np.float32))
    targets = crops.simcc_target(keypoints[..., :2])
    entropy = sum(-(t * z.log_softmax(-1)).sum(-1) for t, z in zip(targets, logits, strict=True))
    return (entropy * weight).sum() / weight.sum()


def heatmap_decode(heatmaps: Tensor) -> Array:
    """Input px (N, 17, 2): the peak, moved a quarter cell towards its higher neighbour."""
    maps = heatmaps.numpy().astype(np.float64)
    n, k, _, width = maps.shape
    flat = maps.reshape(n, k, -1).argmax(-1)
    x, y = flat % width, flat // width
    padded = np.pad(maps, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    i, j = np.ogrid[:n, :k]
    dx = np.sign(padded[i, j, y + 1, x + 2] - padded[i, j, y + 1, x])
    dy = np.sign(padded[i, j, y + 2, x + 1] - padded[i, j, y, x + 1])
    points: Array = (np.stack([x, y], -1) + 0.25 * np.stack([dx, dy], -1)) * HEATMAP_STRIDE
    return points


def simcc_decode(logits: tuple[Tensor, Tensor]) -> Array:
    """Input px (N, 17, 2): the highest bin of each axis / 2."""
    points: Array = np.stack([axis.argmax(-1).numpy() for axis in logits], -1) / SIMCC_SPLIT_RATIO
    return points


RECIPES = {
    "heatmap": Recipe("tinypose.pt2", "rgb", heatmap_network, heatmap_loss, heatmap_decode),
    "simcc": Recipe("tinysimcc.pt2", "bgr", simcc_network, simcc_loss, simcc_decode),
}


def normalised(pixels: Tensor, color_order: str) -> Tensor:
    """Crops (N, 3, H, W) RGB 0-255 -> the network's input: (pixel - mean) / std, in its colour order."""
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    scaled = (pixels - mean) / std
    return (scaled.flip(1) if color_order == "bgr" else scaled).contiguous(memory_format=torch.channels_last)


def train(
    recipe: Recipe, people: People, minutes: float, seed: int, name: str, earlier: Path | None
) -> tuple[nn.Module, int]:
    """The network (a running mean of its weights) after that time, and the number of steps; one-cycle rate over the
    time."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = recipe.build()
    if earlier is not None:
        network.load_state_dict(torch.export.load(earlier / recipe.file_name).state_dict)
    network = network.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    peak = PEAK_RATE if earlier is None else PEAK_RATE * 2 / 3
    decay, no_decay = [[p for p in network.parameters() if (p.ndim > 1) is flag] for flag in (True, False)]
    groups = [{"params": decay, "weight_decay": 0.02}, {"params": no_decay, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=peak)
    average = torch.optim.swa_utils.get_ema_multi_avg_fn(EMA_DECAY)  # type: ignore[no-untyped-call]
    ema = torch.optim.swa_utils.AveragedModel(network, multi_avg_fn=average, use_buffers=True)
    regions = crops.regions_from_boxes(people.boxes_xyxy)
    start, running = time.monotonic(), 0.0
    for step, rows in enumerate(crops.batches(rng, len(people.scene), BATCH)):
        progress = (time.monotonic() - start) / (60 * minutes)
        if progress >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = peak * one_cycle(progress)
        chosen = crops.augmented(rng, regions.take(rows))
        pixels = crops.jittered(rng, crops.crop(people.images[people.scene[rows]], chosen))
        keypoints = crops.keypoints_to_input(people.keypoints[rows], chosen)
        loss = recipe.loss(network(normalised(pixels, recipe.color_order)), keypoints)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        ema.update_parameters(network)
        running += 0.02 * (loss.item() - running) if step else loss.item()
        if step % 200 == 0:
            say(f"{name}: step {step}, {100 * progress:.0f} % of {minutes:g} min, loss {running:.4f}")
    return ema.module.eval(), step


def one_cycle(progress: float) -> float:
    """The factor on the peak rate: up over the first tenth, then down a cosine to 0."""
    return 0.04 + 0.96 * progress / 0.1 if progress < 0.1 else 0.5 * (1 + math.cos(math.pi * (progress - 0.1) / 0.9))


def predict(network: Callable[[Tensor], Any], recipe: Recipe, people: People) -> Array:
    """Keypoints (N, 17, 2) in source px, one person at a time as the exported network takes them."""
    regions = crops.regions_from_boxes(people.boxes_xyxy)
    found = []
    with torch.inference_mode():
        for i in range(len(people.scene)):
            row = np.array([i])
            region = regions.take(row)
            pixels = crops.crop(people.images[people.scene[row]], region)
            outputs = network(normalised(pixels, recipe.color_order).contiguous())
            found.append(crops.to_source(recipe.decode(outputs), region))
    return np.concatenate(found)


def pck(predicted: Array, people: People) -> float:
    """Fraction of the visible keypoints within a tenth of the box's longer side."""
    error = np.linalg.norm(predicted - people.keypoints[..., :2], axis=-1)
    longer = (people.boxes_xyxy[:, 2:] - people.boxes_xyxy[:, :2]).max(1)
    return float((error < PCK_FRACTION * longer[:, None])[people.keypoints[..., 2] == 2].mean())


def save(network: nn.Module, file: Path) -> None:
    """Export for one 1x3x128x96 crop, without the stack traces that would carry this machine's paths."""
    width, height = INPUT_SIZE_WH
    plain = network.to(memory_format=torch.contiguous_format).eval()  # type: ignore[call-overload]
    exported = torch.export.export(plain, (torch.zeros(1, 3, height, width),))
    forget_machine(exported)
    torch.export.save(exported, file)


def multiply_adds(network: nn.Module) -> float:
    """Millions of multiply-adds for one crop."""
    from torch.utils.flop_counter import FlopCounterMode

    width, height = INPUT_SIZE_WH
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(torch.zeros(1, 3, height, width))
    return float(counter.get_total_flops()) / 2e6


def run(
    name: str, people: People, held_out: People, minutes: float, seed: int, out: Path, earlier: Path | None
) -> None:
    """Train, measure and save one network, and write what was measured as <name>.json."""
    torch.set_num_threads(1)
    recipe, start = RECIPES[name], time.monotonic()
    network, steps = train(recipe, people, minutes, seed, name, earlier)
    seconds = time.monotonic() - start
    save(network, out / recipe.file_name)
    score = pck(predict(torch.export.load(out / recipe.file_name).module(), recipe, held_out), held_out)
    say(f"{name}: PCK@{PCK_FRACTION} {score:.4f} on {len(held_out.scene)} held-out people, trained {seconds:.0f} s")
    facts = {
        "training_seconds": round(seconds),
        "steps": steps,
        "batch": BATCH,
        "seed": seed,
        "parameters": sum(p.numel() for p in network.parameters()),
        "mmacs": round(multiply_adds(network), 1),
        "pck": round(score, 4),
    }
    (out / f"{name}.json").write_text(json.dumps(facts))


def main() -> None:
    """Render, train the networks side by side, and write training.json."""
    options = _options()
    options.out.mkdir(parents=True, exist_ok=True)
    names = list(RECIPES) if options.network == "all" else [options.network]
    start = time.monotonic()
    seeds = range(options.seed * 1_000_000, options.seed * 1_000_000 + options.scenes)
    with tempfile.TemporaryDirectory() as folder:
        people = crops.render_people(seeds, Path(folder))
        held_out = crops.render_people(HELD_OUT_SEEDS, Path(folder))
        rendering = time.monotonic() - start
        say(f"rendered {len(people.scene)} people for training, {len(held_out.scene)} held out, in {rendering:.0f} s")
        context = get_context("fork")
        common = (people, held_out, options.minutes, options.seed, options.out, options.resume)
        workers = [context.Process(target=run, args=(name, *common)) for name in names]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    if any(worker.exitcode for worker in workers):
        sys.exit(1)
    total = time.monotonic() - start
    facts = {
        "data": "synthetic renders (sample.render)",
        "machine": MACHINE,
        "torch": torch.__version__.split("+")[0],
        "render_seconds": round(rendering),
        "total_seconds": round(total),
        "training_scenes": len(seeds),
        "training_people": len(people.scene),
        "training_seeds": [seeds[0], seeds[-1]],
        "held_out_people": len(held_out.scene),
        "held_out_seeds": [HELD_OUT_SEEDS[0], HELD_OUT_SEEDS[-1]],
        "pck": PCK_MEANING,
        "networks": {Path(RECIPES[name].file_name).stem: _taken(options.out / f"{name}.json") for name in names},
    }
    if options.resume is not None:
        facts["resumed_from"] = json.loads((options.resume / "training.json").read_text())
    (options.out / "training.json").write_text(json.dumps(facts, indent=2) + "\n")
    say(f"done in {total:.0f} s")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=15.0, help="training time; two networks are trained at once")
    parser.add_argument("--scenes", type=int, default=14_000)
    parser.add_argument("--resume", type=Path, help="folder of an earlier run whose networks are trained further")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--network", choices=[*RECIPES, "all"], default="all")
    return parser.parse_args()


def _taken(file: Path) -> Any:
    """A worker's facts; its file goes."""
    facts = json.loads(file.read_text())
    file.unlink()
    return facts


def say(line: str) -> None:
    """One line of progress to standard error."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
