"""Timing models beside each other: how often each is run, and that it is its own time."""

from __future__ import annotations

import time

import numpy as np

from posekit.runtimes.timing import FEW_ROUNDS, ROUNDS, medians

PIXELS = np.zeros((2, 2, 3), np.float32)


def test_each_model_has_its_own_time_and_a_hopeless_one_few_runs() -> None:
    counts = {"quick": 0, "slow": 0}

    def run(name: str, seconds: float) -> None:
        counts[name] += 1
        time.sleep(seconds)

    found = medians({"quick": lambda _: run("quick", 0.0), "slow": lambda _: run("slow", 0.03)}, PIXELS)
    assert found["slow"] >= 30
    assert found["quick"] < found["slow"] / 5
    assert counts == {"quick": ROUNDS + 1, "slow": FEW_ROUNDS + 1}


def test_nothing_is_timed_without_models() -> None:
    assert medians({}, PIXELS) == {}
