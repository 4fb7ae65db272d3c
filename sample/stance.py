"""How a figure stands: random poses as joint angles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rng = np.random.Generator

SIDES = (("left", 1.0), ("right", -1.0))


@dataclass(frozen=True)
class Pose:
    """Angles in degrees; limbs as (left, right)."""

    arms: Array  # (2, 4) forward, outward, inward twist, elbow
    legs: Array  # (2, 3) forward, outward, knee
    root: Array  # (3,) pitch, yaw, roll
    bend: Array  # (3,) pitch, yaw, roll of the upper body
    head: Array  # (3,) pitch, yaw, roll


def rotation(pitch: float = 0.0, yaw: float = 0.0, roll: float = 0.0) -> Array:
    """Rotation matrix (3, 3) about y, then x, then z, from degrees."""
    (a, b, c), (d, e, f) = np.cos(np.radians([pitch, yaw, roll])), np.sin(np.radians([pitch, yaw, roll]))
    about_x = np.array([[1, 0, 0], [0, a, -d], [0, d, a]])
    about_y = np.array([[b, 0, e], [0, 1, 0], [-e, 0, b]])
    about_z = np.array([[c, -f, 0], [f, c, 0], [0, 0, 1]])
    product: Array = about_z @ about_x @ about_y
    return product


def random_pose(rng: Rng) -> Pose:
    """A pose: standing, walking, arms up, gesturing, sitting or lying; seen from the front more often than not."""
    activity = rng.choice(["stand", "walk", "raise", "gesture", "sit"], p=[0.3, 0.22, 0.18, 0.18, 0.12])
    arms = np.stack([_arm(rng, activity) for _ in SIDES])
    legs = np.stack([[rng.normal(2, 6), rng.uniform(0, 14), abs(rng.normal(0, 8))] for _ in SIDES])
    if activity == "walk":
        swing = rng.uniform(12, 45) * rng.choice([-1, 1])
        legs = np.array(
            [[s, rng.uniform(0, 5), rng.uniform(0, 25) + rng.uniform(0.2, 1.4) * max(0, -s)] for s in (swing, -swing)]
        )
        arms[:, 0] = np.array([-swing, swing]) * rng.uniform(0.4, 1.1)
    if activity == "sit":
        legs = np.stack([[rng.uniform(55, 105), rng.uniform(2, 25), rng.uniform(60, 115)] for _ in SIDES])
    yaw = rng.choice(
        [rng.normal(0, 22), rng.normal(180, 25), rng.choice([-1, 1]) * rng.normal(75, 22)], p=[0.6, 0.2, 0.2]
    )
    roll = rng.choice([-1, 1]) * rng.uniform(60, 110) if rng.random() < 0.015 else rng.normal(0, 6)
    return Pose(
        arms=arms,
        legs=legs,
        root=np.array([rng.normal(0, 6), yaw, roll]),
        bend=np.array([rng.normal(4, 6), rng.normal(0, 10), rng.normal(0, 5)]),
        head=np.array([rng.normal(0, 9), rng.normal(0, 16), rng.normal(0, 7)]),
    )


def _arm(rng: Rng, activity: str) -> list[float]:
    """One arm's forward, outward, twist and elbow angles."""
    kind = activity if activity != "raise" else rng.choice(["raise", "stand"], p=[0.8, 0.2])
    if kind == "raise":
        return [rng.normal(0, 12), rng.uniform(80, 170), rng.uniform(-120, -50), rng.uniform(0, 90)]
    if kind == "gesture":
        choice = rng.integers(3)
        if choice == 0:  # hand on the hip
            return [rng.uniform(-20, 5), rng.uniform(35, 60), rng.uniform(70, 100), rng.uniform(70, 105)]
        if choice == 1:  # the forearm outward or up
            return [rng.uniform(-10, 40), rng.uniform(10, 80), rng.uniform(-90, 0), rng.uniform(20, 130)]
        return [rng.uniform(20, 100), rng.uniform(0, 30), rng.uniform(-20, 50), rng.uniform(0, 110)]
    return [rng.normal(5, 14), rng.uniform(5, 28), rng.uniform(-10, 50), rng.uniform(0, 45)]
