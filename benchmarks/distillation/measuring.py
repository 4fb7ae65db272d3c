"""What is measured: a small network of three dimensions that learns with a teacher and without.

A teacher learns from labelled people. A small network that has labels of few of them then learns in two ways for the
same CPU time from the same start: from its labels alone, and from these and what the teacher gives for pictures of all
the others, whose labels it does not see. MPJPE is measured on other people.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.distillation import networks
from benchmarks.distillation.people import INPUT_SIZE_WH, People, render
from benchmarks.distillation.training import Lesson, mpjpe_mm, train

FIRST_SEED, HELD_OUT_SEED = 30_000_000, 40_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """How many people and how much CPU time: labelled are those of the small network, pictures those of the teacher."""

    pictures: int = 8000
    labelled: int = 50
    held_out: int = 400
    teacher_seconds: float = 200.0
    seconds: float = 100.0
    seeds: tuple[int, ...] = (0, 1, 2)
    processes: int = 2


@dataclass(frozen=True, slots=True)
class Task:
    """One training. way: teacher, labels or taught."""

    way: str
    seed: int
    folder: Path
    plan: Plan


def write(people: People, folder: Path) -> None:
    """Arrays that every process maps into its memory."""
    folder.mkdir()
    for field in fields(People):
        np.save(folder / f"{field.name}.npy", getattr(people, field.name))


def read(folder: Path) -> People:
    """The same people."""
    return People(*(np.load(folder / f"{field.name}.npy", mmap_mode="r") for field in fields(People)))


def trained(task: Task) -> dict[str, Any]:
    """What one training came to; its weights lie in the folder."""
    torch.set_num_threads(1)
    plan, shown = task.plan, read(task.folder / "shown")
    torch.manual_seed(task.seed)
    network = networks.Places(networks.LARGE if task.way == "teacher" else networks.SMALL)
    if task.way == "teacher":
        steps = train(network, Lesson(shown), plan.teacher_seconds, task.seed)
    elif task.way == "labels":
        steps = train(network, Lesson(shown.first(plan.labelled)), plan.seconds, task.seed)
    else:
        teacher = networks.Places(networks.LARGE)
        teacher.load_state_dict(torch.load(task.folder / "teacher-0.pt", weights_only=True))
        lesson = Lesson(shown.first(plan.labelled), teacher.eval(), shown)
        steps = train(network, lesson, plan.seconds, task.seed)
    torch.save(network.state_dict(), task.folder / f"{task.way}-{task.seed}.pt")
    error = mpjpe_mm(network, read(task.folder / "held-out"), networks.contract("places"))
    print(f"{task.way} {task.seed}: {steps} steps, MPJPE {error:.1f} mm", flush=True)
    return {"way": task.way, "seed": task.seed, "steps": steps, "mpjpe_mm": round(error, 1)}


def measured(plan: Plan, folder: Path) -> dict[str, Any]:
    """All trainings of a plan, and how much the teacher is worth: the mean error with it over that without."""
    write(render(FIRST_SEED, plan.pictures, plan.processes), folder / "shown")
    write(render(HELD_OUT_SEED, plan.held_out, plan.processes), folder / "held-out")
    alone, taught = ([Task(way, seed, folder, plan) for seed in plan.seeds] for way in ("labels", "taught"))
    teacher = Task("teacher", 0, folder, plan)
    if plan.processes < 2:
        rows = [trained(task) for task in (teacher, *alone, *taught)]
    else:
        with get_context("spawn").Pool(plan.processes) as pool:
            first = pool.apply_async(trained, (teacher,))
            waiting = [pool.apply_async(trained, (task,)) for task in alone]
            rows = [first.get()]  # before the others may begin
            waiting += [pool.apply_async(trained, (task,)) for task in taught]
            rows += [each.get() for each in waiting]
    errors = {way: [row["mpjpe_mm"] for row in rows if row["way"] == way] for way in ("labels", "taught")}
    ratio = float(np.mean(errors["taught"]) / np.mean(errors["labels"]))
    median = np.median(read(folder / "shown").world, axis=0)
    still = 1000 * float(np.linalg.norm(read(folder / "held-out").world - median, axis=-1).mean())
    return {"rows": rows, "lower_by": round(1 - ratio, 4), "median_pose_mm": round(still, 1)}


def multiply_adds(channels: tuple[int, int, int]) -> float:
    """Millions, for one input."""
    from torch.utils.flop_counter import FlopCounterMode

    width, height = INPUT_SIZE_WH
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        networks.Places(channels).eval()(torch.zeros(1, 3, height, width))
    return round(float(counter.get_total_flops()) / 2e6, 1)
