"""Whether depth is what the contract says of it, by what the network itself gives: its root, unit and direction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from posekit.contract.depth import DepthSpec
from posekit.contract.spec import PoseSpec
from posekit.parity.contract.anatomy import chance, left_on_right
from posekit.parity.contract.verdict import LUCK
from posekit.parity.gate import Check, Outcome
from posekit.parity.metrics import Found
from posekit.poses import Floats

ROOT_AWAY = 0.1  # of a person's depth: of three people BlazePose's hips lie 0.000 off, its shoulder 0.2
METRES = (0.01, 10.0)  # how deep or large somebody is: the tip of a hand to a crowd's largest
OF_SIZE = (0.01, 10.0)  # the same of px, as a fraction of the person
EARS = ("left_ear", "right_ear")


def depth_checks(reference: Sequence[Found], spec: PoseSpec) -> list[Check]:
    """What the reference's people say of the contract's [depth]; none without one."""
    depth = spec.depth
    if depth is None:
        return []
    people = [found for found in reference if len(found.keypoints)]
    if not people:
        return [Check("contract, depth", Outcome.SKIPPED, "the reference has nobody in these pictures")]
    values = np.concatenate([_places(found, spec) for found in people])
    sizes = np.concatenate([found.sizes for found in people])
    return [
        _root(values, depth, spec.keypoints.names),
        _unit(values, sizes, depth, is_world=not spec.decoder.has_depth),
        *_direction(people, values[..., -1], depth, spec.keypoints.names),
    ]


def _places(found: Found, spec: PoseSpec) -> Floats:
    """z (N, K, 1), or where keypoints have none the world (N, K, 3)."""
    if spec.decoder.has_depth:
        return found.keypoints[..., 2:] if found.keypoints.shape[2] == 3 else np.full((*found.scores.shape, 1), np.nan)
    return found.world if found.world is not None else np.full((*found.scores.shape, 3), np.nan)


def _root(values: Floats, depth: DepthSpec, names: Sequence[str]) -> Check:
    """Where the root of a person lies, as a fraction of how far its keypoints reach; of the camera which side of it."""
    if not depth.root:
        sign = 1 if depth.direction == "away" else -1
        share = float((sign * values[..., -1] > 0).mean())
        text = f"{share:.0%} of the keypoints lie before the camera, whose z is 0"
        return _check("contract, depth's root", share >= 1 - ROOT_AWAY, text)
    places = [names.index(name) for name in depth.root]
    away = np.linalg.norm(values[:, places].mean(axis=1), axis=-1)
    reach = np.linalg.norm(np.ptp(values, axis=1), axis=-1)
    off = float(np.median(away / np.maximum(reach, 1e-9)))
    text = f"{' and '.join(depth.root)} lie {off:.1%} of a person's extent from 0, at most {ROOT_AWAY:.0%}"
    return _check("contract, depth's root", off <= ROOT_AWAY, text)


def _unit(values: Floats, sizes: Floats, depth: DepthSpec, *, is_world: bool) -> Check:
    """How far a person reaches, against what people and hands do."""
    reach = np.linalg.norm(np.ptp(values, axis=1), axis=-1)
    if depth.unit == "metres":
        middle, (low, high) = float(np.median(reach)), METRES
        what = f"a person is {middle:.3g} m {'large' if is_world else 'deep'}, expected {low:g} to {high:g}"
    else:
        middle, (low, high) = float(np.median(reach / sizes)), OF_SIZE
        what = f"a person is {middle:.3g} of its size deep, expected {low:g} to {high:g}"
    return _check("contract, depth's unit", low <= middle <= high, what)


def _direction(people: Sequence[Found], z: Floats, depth: DepthSpec, names: Sequence[str]) -> list[Check]:
    """Of who faces the camera the nose is nearer than the ears."""
    if not {"nose", *EARS} <= set(names):
        return []
    places = np.concatenate([found.keypoints[..., :2] / found.sizes[:, None, None] for found in people])
    faces = np.isfinite(left_on_right(places, np.concatenate([found.scores for found in people]), names))
    nearer = z[:, names.index("nose")] - z[:, [names.index(ear) for ear in EARS]].mean(axis=1)
    right, count = int(((nearer < 0) == (depth.direction == "away"))[faces].sum()), int(faces.sum())
    text = f"{right} of {count} people facing the camera have the nose nearer than the ears"
    name = "contract, depth's direction"
    if not count or chance(max(right, count - right), count) >= LUCK:
        return [Check(name, Outcome.SKIPPED, f"{text}, which is no proof")]
    return [_check(name, 2 * right > count, text)]


def _check(name: str, is_good: bool, text: str) -> Check:
    return Check(name, Outcome.PASS if is_good else Outcome.FAIL, text)
